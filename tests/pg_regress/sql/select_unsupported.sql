-- What neither DuckDB nor Postgres can do on duckdb tables is an error that names it (0A000),
-- never a wrong answer.
CREATE TABLE t (i integer, t text, at timestamp) USING duckdb;
INSERT INTO t VALUES (1, 'a', '2024-01-01'), (2, 'b', '2024-02-01');
CREATE TABLE heap (i integer);
INSERT INTO heap VALUES (1);
CREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i * 2; END';
SELECT i FROM t FOR UPDATE;
SELECT * FROM t, heap WHERE t.i = heap.i FOR SHARE;
SELECT t.i, heap.i FROM t, heap WHERE t.i = heap.i FOR UPDATE OF heap;
SELECT (SELECT t FROM t LIMIT 1 FOR UPDATE);
SELECT twice(i) FROM t TABLESAMPLE system (10);
SELECT ctid FROM t;
SELECT xmin, cmin FROM t;
SELECT x.i FROM t x JOIN t y ON x.ctid = y.ctid;
-- A row of both: what only DuckDB has and what only Postgres has.
SELECT twice(i), strftime(at, '%Y') FROM t;
SELECT twice(i) FROM t WHERE strftime(at, '%Y') = '2024';
-- Changes of duckdb tables beside those of heap tables.
WITH gone AS (DELETE FROM t RETURNING i) SELECT * FROM gone;
WITH gone AS (DELETE FROM t RETURNING i) INSERT INTO heap SELECT * FROM gone;
-- Still there.
SELECT * FROM t ORDER BY i;
DROP TABLE t, heap;
DROP FUNCTION twice;
