-- Numerics below aggregates are computed in 64 bits first. What does not fit is computed once more, in 128
-- bits, and from the start where a statement cannot run twice.
CREATE TABLE wide (id int, v numeric(18, 2), w numeric(18, 2)) USING duckdb;
INSERT INTO wide VALUES (1, 9999999999999999.99, 9999999999999999.99), (2, 5000000000000.25, 40000000.50), (3, 2, NULL);
CREATE TABLE results (s numeric(38, 4)) USING duckdb;
SELECT sum(v * w), max(v * w), sum(v + w), min(-v - w) FROM wide;
SELECT id, v * w AS p, v + w AS s FROM wide ORDER BY id;
SELECT sum(v * w) FROM wide WHERE id = 3;
-- Overflows that remain are Postgres' own.
SELECT sum(id * 2147483647) FROM wide;
-- Prepared.
PREPARE total (int) AS SELECT sum(v * w) FROM wide WHERE id >= $1;
EXECUTE total(1);
EXECUTE total(3);
-- With heap rows.
CREATE TABLE heap AS SELECT i AS id, 123456789012.5::numeric(18, 2) AS f FROM generate_series(1, 3) i;
SELECT sum(v * f) FROM wide JOIN heap USING (id);
-- A part of a query that Postgres finishes.
CREATE FUNCTION twice(n numeric) RETURNS numeric LANGUAGE plpgsql AS 'BEGIN RETURN 2 * n; END';
SELECT twice(s) FROM (SELECT sum(v * w) AS s FROM wide) q;
-- Where an error would end DuckDB's transaction.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT sum(v * w) FROM wide;
EXECUTE total(1);
SELECT count(*) FROM wide;
COMMIT;
BEGIN;
INSERT INTO wide VALUES (4, 9999999999999999.99, 2);
SELECT sum(v * w) FROM wide;
EXECUTE total(1);
ROLLBACK;
-- Cursors, and statements that write.
BEGIN;
DECLARE c CURSOR FOR SELECT id, sum(v * w) AS s FROM wide GROUP BY id ORDER BY id;
FETCH 1 FROM c;
FETCH ALL FROM c;
COMMIT;
INSERT INTO results SELECT sum(v * w) FROM wide;
UPDATE results SET s = (SELECT max(v * w) FROM wide) WHERE s > 0;
SELECT * FROM results;
CREATE TABLE copied USING duckdb AS SELECT sum(v * w)::numeric(38, 4) AS s FROM wide;
SELECT * FROM copied;
COPY (SELECT sum(v * w) FROM wide) TO STDOUT;
DROP TABLE wide, results, copied, heap;
DROP FUNCTION twice;
