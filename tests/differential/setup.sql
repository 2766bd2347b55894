-- Rows for the differential tests. Tables with :using exist on both sides; rows are
-- inserted on the heap side only and copied from there.
-- A table p_<type> holds every pair of the edge values of a type, so that one statement
-- meets every combination; id lets a statement be run for each row (`-- each: p_<type>`).

CREATE TABLE p_int2 (id bigint, a smallint, b smallint) :using;
INSERT INTO p_int2 WITH v (x) AS (VALUES ('0'::smallint), ('1'::smallint), ('-1'::smallint), ('2'::smallint), ('7'::smallint), ('-7'::smallint), ('32767'::smallint), ('-32768'::smallint), (NULL::smallint))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_int4 (id bigint, a integer, b integer) :using;
INSERT INTO p_int4 WITH v (x) AS (VALUES ('0'::integer), ('1'::integer), ('-1'::integer), ('2'::integer), ('7'::integer), ('-7'::integer), ('2147483647'::integer), ('-2147483648'::integer), (NULL::integer))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_int8 (id bigint, a bigint, b bigint) :using;
INSERT INTO p_int8 WITH v (x) AS (VALUES ('0'::bigint), ('1'::bigint), ('-1'::bigint), ('3'::bigint), ('-7'::bigint), ('9007199254740993'::bigint), ('9223372036854775807'::bigint), ('-9223372036854775808'::bigint), (NULL::bigint))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_float4 (id bigint, a real, b real) :using;
INSERT INTO p_float4 WITH v (x) AS (VALUES ('0'::real), ('-0.0'::real), ('1'::real), ('0.1'::real), ('-2.5'::real), ('1e30'::real), ('-1e-30'::real), ('NaN'::real), ('Infinity'::real), ('-Infinity'::real), (NULL::real))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_float8 (id bigint, a double precision, b double precision) :using;
INSERT INTO p_float8 WITH v (x) AS (VALUES ('0'::double precision), ('-0.0'::double precision), ('1'::double precision), ('0.1'::double precision), ('2.5'::double precision), ('-3.5'::double precision), ('1e300'::double precision), ('-1e-300'::double precision), ('NaN'::double precision), ('Infinity'::double precision), ('-Infinity'::double precision), (NULL::double precision))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_num (id bigint, a numeric(20, 4), b numeric(20, 4)) :using;
INSERT INTO p_num WITH v (x) AS (VALUES ('0'::numeric(20, 4)), ('1'::numeric(20, 4)), ('-1'::numeric(20, 4)), ('0.0001'::numeric(20, 4)), ('-0.5'::numeric(20, 4)), ('2.5'::numeric(20, 4)), ('3'::numeric(20, 4)), ('1234567890.1234'::numeric(20, 4)), ('-9999999999999999.9999'::numeric(20, 4)), (NULL::numeric(20, 4)))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_txt (id bigint, a text, b text) :using;
INSERT INTO p_txt WITH v (x) AS (VALUES (''::text), ('a'::text), ('A'::text), ('ab'::text), ('abc '::text), (' x'::text), ('a%c'::text), ('a_c'::text), ('ä'::text), ('日本語'::text), ('a\b'::text), ('10'::text), (NULL::text))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_bp (id bigint, a char(5), b char(5)) :using;
INSERT INTO p_bp WITH v (x) AS (VALUES (''::char(5)), ('a'::char(5)), ('a  '::char(5)), ('ab'::char(5)), ('abcde'::char(5)), ('ä'::char(5)), (NULL::char(5)))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_vc (id bigint, a varchar(6), b varchar(6)) :using;
INSERT INTO p_vc WITH v (x) AS (VALUES (''::varchar(6)), ('a'::varchar(6)), ('a  '::varchar(6)), ('ab'::varchar(6)), ('abcdef'::varchar(6)), ('ä'::varchar(6)), (NULL::varchar(6)))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_dat (id bigint, a date, b date) :using;
INSERT INTO p_dat WITH v (x) AS (VALUES ('1970-01-01'::date), ('2000-01-01'::date), ('1999-12-31'::date), ('2024-02-29'::date), ('0001-01-01'::date), ('9999-12-31'::date), ('infinity'::date), ('-infinity'::date), (NULL::date))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_ts (id bigint, a timestamp, b timestamp) :using;
INSERT INTO p_ts WITH v (x) AS (VALUES ('1970-01-01 00:00:00'::timestamp), ('2000-01-01 00:00:00.000001'::timestamp), ('1999-12-31 23:59:59.999999'::timestamp), ('2024-02-29 12:30:00'::timestamp), ('0001-01-01 00:00:00'::timestamp), ('infinity'::timestamp), ('-infinity'::timestamp), (NULL::timestamp))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_tstz (id bigint, a timestamptz, b timestamptz) :using;
INSERT INTO p_tstz WITH v (x) AS (VALUES ('1970-01-01 00:00:00+00'::timestamptz), ('2000-01-01 00:00:00.000001+05:30'::timestamptz), ('2024-03-31 01:30:00+01'::timestamptz), ('2024-02-29 12:30:00-08'::timestamptz), ('infinity'::timestamptz), ('-infinity'::timestamptz), (NULL::timestamptz))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_tim (id bigint, a time, b time) :using;
INSERT INTO p_tim WITH v (x) AS (VALUES ('00:00:00'::time), ('12:34:56.789012'::time), ('23:59:59.999999'::time), ('24:00:00'::time), (NULL::time))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_iv (id bigint, a interval, b interval) :using;
INSERT INTO p_iv WITH v (x) AS (VALUES ('0'::interval), ('1 day'::interval), ('24 hours'::interval), ('1 month'::interval), ('30 days'::interval), ('-1 year 2 months 3 days 04:05:06.789'::interval), ('1 microsecond'::interval), (NULL::interval))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_boo (id bigint, a boolean, b boolean) :using;
INSERT INTO p_boo WITH v (x) AS (VALUES (true::boolean), (false::boolean), (NULL::boolean))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_uid (id bigint, a uuid, b uuid) :using;
INSERT INTO p_uid WITH v (x) AS (VALUES ('00000000-0000-0000-0000-000000000000'::uuid), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid), ('80000000-0000-0000-0000-000000000001'::uuid), ('12345678-9abc-def0-1234-56789abcdef0'::uuid), (NULL::uuid))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

CREATE TABLE p_byt (id bigint, a bytea, b bytea) :using;
INSERT INTO p_byt WITH v (x) AS (VALUES (''::bytea), ('\x00'::bytea), ('\xdeadbeef'::bytea), ('\xff00ff'::bytea), (NULL::bytea))
    SELECT row_number() OVER (), v.x, w.x FROM v, v w;

-- A small star, with nulls in the join columns.
CREATE TABLE dim (k integer, name text, grp varchar(10)) :using;
INSERT INTO dim VALUES (1, 'one', 'odd'), (2, 'two', 'even'), (3, 'three', 'odd'), (4, 'four', 'even'),
    (NULL, 'none', NULL), (5, NULL, 'odd');

CREATE TABLE fact (id bigint, k integer, n integer, amount numeric(12, 2), price double precision, d date, note text) :using;
INSERT INTO fact
    SELECT i, CASE WHEN i % 11 = 0 THEN NULL ELSE i % 7 END, (i * 37) % 101 - 50, ((i * 7919) % 100003) / 100.0,
        CASE WHEN i % 13 = 0 THEN NULL ELSE (i % 17) / 4.0 END, date '2024-01-01' + (i % 400)::int,
        CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN 'alpha' WHEN 2 THEN 'beta' WHEN 3 THEN 'gamma delta' ELSE 'Ωmega' END
    FROM generate_series(1, 1000) i;

CREATE TABLE empty (k integer, v text, n numeric(10, 2)) :using;

CREATE TABLE arrays (id bigint, i integer[], t text[], n numeric(8, 2)[]) :using;
INSERT INTO arrays VALUES (1, '{1,2,3}', '{a,"b c",NULL}', '{1.50,-2.25}'), (2, '{}', '{}', '{}'), (3, NULL, NULL, NULL),
    (4, '{NULL,7}', '{"","NULL"}', '{NULL}');

-- Numerics whose digits do not fit in 64 bits together.
CREATE TABLE digits (id bigint, a numeric(18, 2), b numeric(18, 9), c numeric(12, 2), d numeric(38, 10)) :using;
INSERT INTO digits VALUES (1, 9999999999999999.99, 999999999.999999999, 9999999999.99, 9999999999999999999999999999.0123456789),
    (2, -9999999999999999.99, -0.000000001, 0.01, -0.0000000001), (3, 0, 0, 0, 0), (4, NULL, NULL, NULL, NULL),
    (5, 12345.67, 0.5, 20000000.00, 1), (6, 1, 2, 3, 4);

-- For queries that Postgres finishes: functions that DuckDB cannot have, and a heap table for both sides.
CREATE FUNCTION public.twice(i integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i * 2; END';
CREATE FUNCTION public.shout(t text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN upper(t) || ''!''; END';
CREATE FUNCTION public.upto(n integer) RETURNS SETOF integer LANGUAGE sql IMMUTABLE AS 'SELECT generate_series(1, n)';
CREATE FUNCTION public.upto_slowly(n integer) RETURNS SETOF integer LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT generate_series(1, n); END';
CREATE TABLE public.side (k integer, label text);
INSERT INTO public.side VALUES (1, 'a'), (2, 'b'), (2, 'c'), (4, 'd'), (9, 'e'), (NULL, 'f');

-- Large enough to be asked for single rows instead of being read as a whole.
CREATE TABLE large (id bigint, k integer, t text) :using;
INSERT INTO large SELECT i, i % 5000, 'row ' || i FROM generate_series(1, 20000) i;
