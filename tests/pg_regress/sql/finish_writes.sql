-- Statements that Postgres runs and whose rows come from DuckDB, and the reverse.
CREATE TABLE duck (i integer, word text) USING duckdb;
INSERT INTO duck SELECT i, 'w' || i FROM generate_series(1, 5) i;
CREATE TABLE heap (i integer PRIMARY KEY, word text);
CREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i * 2; END';
-- Into a heap table.
INSERT INTO heap SELECT twice(i), word FROM duck RETURNING *;
INSERT INTO heap SELECT max(i), 'most' FROM duck;
INSERT INTO heap SELECT i, word FROM duck ON CONFLICT (i) DO UPDATE SET word = heap.word || '+' || excluded.word;
UPDATE heap SET word = duck.word FROM duck WHERE duck.i = heap.i AND twice(duck.i) > 6 RETURNING heap.*;
UPDATE heap SET word = (SELECT max(word) FROM duck WHERE duck.i < heap.i) WHERE i > 6;
DELETE FROM heap USING duck WHERE duck.i = heap.i AND duck.word = 'w1';
DELETE FROM heap WHERE i IN (SELECT twice(i) FROM duck WHERE i = 3);
MERGE INTO heap USING duck ON duck.i = heap.i
    WHEN MATCHED AND duck.i = 2 THEN DELETE
    WHEN MATCHED THEN UPDATE SET word = 'merged ' || duck.word
    WHEN NOT MATCHED THEN INSERT VALUES (duck.i, 'new');
SELECT * FROM heap ORDER BY i;
WITH added AS (INSERT INTO heap SELECT i + 100, word FROM duck WHERE i > 3 RETURNING i)
SELECT added.i, duck.word FROM added JOIN duck ON duck.i = added.i - 100 ORDER BY 1;
CREATE TABLE made AS SELECT twice(i) AS i, duck FROM duck;
SELECT * FROM made ORDER BY i;
CREATE MATERIALIZED VIEW seen AS SELECT twice(i) AS i FROM duck;
INSERT INTO duck VALUES (6, 'w6');
REFRESH MATERIALIZED VIEW seen;
SELECT count(*), max(i) FROM seen;
-- Into a duckdb table, by what only Postgres computes.
CREATE TABLE copied USING duckdb AS SELECT twice(i) AS i, word FROM duck WHERE twice(i) > 2;
CREATE TABLE summed USING duckdb AS SELECT twice(count(*)::int) AS c FROM duck JOIN heap ON twice(duck.i) = heap.i;
INSERT INTO copied SELECT twice(i), word || '!' FROM copied WHERE twice(i) < 16;
SELECT * FROM copied ORDER BY i, word;
SELECT * FROM summed;
-- Rows of one kind of table in a transaction.
BEGIN;
INSERT INTO duck VALUES (7, 'w7');
SELECT twice(i) FROM duck WHERE i = 7;
INSERT INTO heap SELECT i, word FROM duck;
ROLLBACK;
BEGIN;
INSERT INTO heap SELECT twice(i) + 1000, word FROM duck;
INSERT INTO duck VALUES (7, 'w7');
ROLLBACK;
-- TEMP tables do not count.
BEGIN;
CREATE TEMP TABLE step AS SELECT twice(i) AS i FROM duck;
INSERT INTO duck SELECT i, 'from a heap table' FROM step WHERE i > 10;
COMMIT;
SELECT * FROM duck WHERE i > 6;
-- A cursor, and functions that ask for more in the middle of a scan.
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT twice(i), word FROM duck ORDER BY i;
FETCH 2 FROM c;
FETCH BACKWARD 1 FROM c;
FETCH LAST FROM c;
COMMIT;
CREATE FUNCTION above(i integer) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM duck WHERE duck.i > above.i); END';
SELECT i, above(i) FROM duck ORDER BY i;
CREATE FUNCTION words(i integer) RETURNS SETOF text LANGUAGE plpgsql AS 'BEGIN RETURN QUERY SELECT word FROM duck WHERE duck.i <= words.i ORDER BY duck.i; END';
SELECT d.i, w FROM duck d, words(d.i) w WHERE d.i < 3 ORDER BY 1, 2;
DROP MATERIALIZED VIEW seen;
DROP TABLE duck, heap, made, copied, summed, step;
DROP FUNCTION twice, above, words;
