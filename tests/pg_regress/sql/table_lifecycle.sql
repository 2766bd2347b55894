-- Creating, emptying and dropping in all the ways Postgres has.
SET default_table_access_method = duckdb;
CREATE TABLE t (i integer);
SELECT amname FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE relname = 't';
CREATE TABLE u AS SELECT 1 AS x;
SELECT 2 AS y INTO v;
SELECT * FROM u, v;
CREATE VIEW w AS SELECT * FROM t;
CREATE SEQUENCE q;
CREATE MATERIALIZED VIEW m AS SELECT 1 AS a;
RESET default_table_access_method;
DROP TABLE t;
DROP TABLE t CASCADE;
DROP SEQUENCE q;
DROP TABLE u, v;
SELECT count(*) FROM duckdb.tables;
-- A materialized view of a duckdb table.
CREATE TABLE t USING duckdb AS SELECT i, i % 2 = 0 AS even FROM generate_series(1, 4) i;
CREATE MATERIALIZED VIEW m AS SELECT even, count(*) AS n FROM t GROUP BY even;
SELECT * FROM m ORDER BY even;
INSERT INTO t VALUES (6, true);
REFRESH MATERIALIZED VIEW m;
SELECT * FROM m ORDER BY even;
DROP MATERIALIZED VIEW m;
-- TRUNCATE of several, and of both kinds.
CREATE TABLE t2 USING duckdb AS SELECT * FROM t;
CREATE TABLE heap AS SELECT * FROM t;
TRUNCATE t, heap;
TRUNCATE t, t2;
SELECT (SELECT count(*) FROM t) AS t, (SELECT count(*) FROM t2) AS t2, (SELECT count(*) FROM heap) AS heap;
BEGIN;
CREATE TABLE t3 USING duckdb AS SELECT 1 AS a;
TRUNCATE t3;
INSERT INTO t3 VALUES (2);
COMMIT;
SELECT * FROM t3;
-- One DROP of both kinds.
DROP TABLE t, t2, t3, heap;
SELECT count(*) FROM duckdb.tables;
-- The name is free again, in one transaction too.
BEGIN;
CREATE TABLE t USING duckdb AS SELECT 1 AS a;
DROP TABLE t;
CREATE TABLE t USING duckdb AS SELECT 'text' AS b;
COMMIT;
SELECT * FROM t;
BEGIN;
DROP TABLE t;
CREATE TABLE t (a integer);
INSERT INTO t VALUES (3);
ROLLBACK;
SELECT * FROM t;
BEGIN;
ALTER TABLE t RENAME TO t_old;
CREATE TABLE t USING duckdb AS SELECT 42 AS c;
COMMIT;
SELECT * FROM t_old, t;
DROP TABLE t, t_old;
-- Schemas and owners.
CREATE ROLE regress_owner;
CREATE SCHEMA sch AUTHORIZATION regress_owner;
SET ROLE regress_owner;
CREATE TABLE sch.a (i integer) USING duckdb;
INSERT INTO sch.a VALUES (1);
CREATE TEMP TABLE tmp USING duckdb AS SELECT * FROM sch.a;
SELECT * FROM tmp;
RESET ROLE;
ALTER TABLE sch.a OWNER TO CURRENT_USER;
ALTER TABLE sch.a OWNER TO regress_owner;
DROP TABLE tmp;
DROP OWNED BY regress_owner;
DROP ROLE regress_owner;
SELECT count(*) FROM duckdb.tables;
CREATE SCHEMA "Quoted $chema" CREATE TABLE x (a integer) ;
CREATE TABLE "Quoted $chema"."x 2" USING duckdb AS SELECT 'q' AS q;
SELECT * FROM "Quoted $chema"."x 2";
DROP SCHEMA "Quoted $chema" CASCADE;
-- CTAS WITH NO DATA, with column names, in functions, from VALUES and nothing.
CREATE TABLE n USING duckdb AS SELECT 1::smallint AS a, 'x'::varchar(3) AS b, NULL::date AS c, 1.50::numeric(4,2) AS d, '{1,2}'::int[] AS e WITH NO DATA;
\d n
CREATE TABLE vals (a, b) USING duckdb AS VALUES (1, 'x'), (2, 'y');
SELECT * FROM vals ORDER BY a;
CREATE TABLE exec USING duckdb AS EXECUTE no_such;
PREPARE two AS SELECT 2 AS two;
CREATE TABLE exec USING duckdb AS EXECUTE two;
CREATE TABLE bad USING duckdb AS SELECT 1 / (i - 1) AS x FROM generate_series(1, 2) i;
SELECT count(*) FROM pg_class WHERE relname = 'bad';
CREATE TABLE dup USING duckdb AS SELECT 1 AS a, 2 AS a;
CREATE TABLE dup USING duckdb AS SELECT 1 AS a, 2 AS "A";
CREATE TABLE num USING duckdb AS SELECT sum(x) AS s, avg(x) AS a, sum(x) / 3 AS d FROM (VALUES (1.5), (2.25)) v (x);
CREATE TABLE unknown USING duckdb AS SELECT 'literal' AS l, NULL AS n;
\d unknown
DO $$ BEGIN CREATE TABLE in_do USING duckdb AS SELECT 5 AS five; END $$;
SELECT * FROM in_do;
DROP TABLE n, vals, unknown, in_do;
DROP TABLE IF EXISTS num;
