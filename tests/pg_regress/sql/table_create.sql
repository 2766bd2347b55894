-- A duckdb table is an ordinary relation to Postgres and lives in the local store.
CREATE TABLE t (i integer, t text, n numeric(10, 2), d date) USING duckdb;
SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relname = 't';
\d t
SELECT * FROM t;
INSERT INTO t VALUES (1, 'one', 1.5, '2024-02-29'), (2, NULL, NULL, NULL);
INSERT INTO t (t, i) VALUES ('three', 3);
INSERT INTO t SELECT i + 10, t || '!', n * 2, d + 1 FROM t;
SELECT * FROM t ORDER BY i;
-- Six rows: 1, 2, 3 and 11, 12, 13.
SELECT count(*), sum(i), sum(n) FROM t;

-- In another schema, with the same name.
CREATE SCHEMA s;
CREATE TABLE s.t (x bigint) USING duckdb;
INSERT INTO s.t VALUES (42);
SELECT t.i, u.x FROM t, s.t u WHERE t.i = 1;

-- Names that need quotes. DuckDB ignores case, so names may not differ by case only.
CREATE TABLE "Weird ""name""" ("a b" integer, "Ünïcödé" integer, "select" text) USING duckdb;
INSERT INTO "Weird ""name""" VALUES (1, 2, 'x');
SELECT "Ünïcödé", "a b", "select" FROM "Weird ""name""";
CREATE TABLE twice ("a b" integer, "A B" integer) USING duckdb;

CREATE TABLE IF NOT EXISTS t (other integer) USING duckdb;
CREATE TABLE t (other integer) USING duckdb;

TRUNCATE t;
SELECT count(*) FROM t;
DROP TABLE t, s.t, "Weird ""name""";
SELECT * FROM t;
SELECT count(*) FROM duckdb.tables;
