-- Every type of this stage: what goes in comes out, null included.
CREATE TABLE types (
    id integer, b boolean, i2 smallint, i4 integer, i8 bigint, f4 real, f8 double precision,
    n numeric(38, 10), t text, v varchar(10), c char(4), y bytea, d date, tm time,
    ts timestamp, tz timestamptz, iv interval, u uuid
) USING duckdb;
INSERT INTO types VALUES
    (1, true, 32767, 2147483647, 9223372036854775807, 1.5, -2.5e100, 1234567890123456789012345678.0123456789,
     'text with ''quotes'' and ünïcödé', 'varchar', 'ab', '\x00ff10', '2024-02-29', '23:59:59.999999',
     '2024-02-29 12:34:56.789012', '2024-02-29 12:34:56.789012+05:30', '1 year 2 months 3 days 04:05:06.789', 
     '12345678-9abc-def0-1234-56789abcdef0'),
    (2, false, -32768, -2147483648, -9223372036854775808, 'NaN', '-Infinity', -0.0000000001,
     '', '', '', '', '-infinity', '00:00', 'infinity', '-infinity', '-1 day', '00000000-0000-0000-0000-000000000000'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
\x on
SELECT * FROM types ORDER BY id;
\x off
SELECT pg_typeof(b) AS b, pg_typeof(i2) AS i2, pg_typeof(f4) AS f4, pg_typeof(n) AS n, pg_typeof(v) AS v, pg_typeof(c) AS c,
    pg_typeof(tz) AS tz, pg_typeof(u) AS u FROM types WHERE id = 1;
SET timezone = 'America/New_York';
SELECT tz, tz::date AS day FROM types WHERE id = 1;
RESET timezone;

CREATE TABLE lists (i integer[], t text[], n numeric(6, 2)[], d date[]) USING duckdb;
INSERT INTO lists VALUES ('{1,2,NULL}', '{a,"b,c",NULL}', '{1.25,-3}', '{2024-02-29}'), ('{}', '{}', '{}', '{}'),
    (NULL, NULL, NULL, NULL);
SELECT *, i[1] FROM lists;

-- A value that does not fit is refused as in a heap table.
INSERT INTO types (id, i2) VALUES (4, 40000);
INSERT INTO types (id, v) VALUES (4, 'longer than ten');
INSERT INTO types (id, n) VALUES (4, 1e30);
-- No DuckDB type holds these.
CREATE TABLE refused (n numeric) USING duckdb;
CREATE TABLE refused (p point) USING duckdb;
SELECT count(*) FROM types;
DROP TABLE types, lists;
