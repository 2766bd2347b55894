-- What ALTER TABLE can do to a duckdb table, and that DuckDB follows.
CREATE TABLE t (i integer, t text) USING duckdb;
INSERT INTO t VALUES (1, 'one');
ALTER TABLE t ADD COLUMN d date, ADD COLUMN n numeric(8, 2);
INSERT INTO t VALUES (2, 'two', '2024-02-29', 1.25);
SELECT * FROM t ORDER BY i;
ALTER TABLE t RENAME COLUMN t TO word;
ALTER TABLE t RENAME TO renamed;
SELECT i, word FROM renamed ORDER BY i;
ALTER TABLE renamed DROP COLUMN word;
SELECT * FROM renamed ORDER BY i;
-- Defaults are filled in by Postgres.
ALTER TABLE renamed ALTER COLUMN n SET DEFAULT 7;
INSERT INTO renamed (i) VALUES (3);
SELECT * FROM renamed ORDER BY i;
-- DuckDB checks the rows that are there.
ALTER TABLE renamed ALTER COLUMN d SET NOT NULL;
ALTER TABLE renamed ALTER COLUMN i SET NOT NULL;
INSERT INTO renamed (i, d) VALUES (NULL, '2024-01-01');
ALTER TABLE renamed ALTER COLUMN i DROP NOT NULL;
-- All of it is transactional.
BEGIN;
ALTER TABLE renamed ADD COLUMN gone text;
ALTER TABLE renamed RENAME TO elsewhere;
ROLLBACK;
SELECT * FROM renamed ORDER BY i;
-- A column goes with its type.
CREATE DOMAIN small AS integer CHECK (VALUE < 10);
ALTER TABLE renamed ADD COLUMN s small;
DROP DOMAIN small CASCADE;
SELECT * FROM renamed ORDER BY i;
-- And a table with its schema or its owner.
CREATE SCHEMA s;
CREATE TABLE s.x (i integer) USING duckdb;
ALTER SCHEMA s RENAME TO s2;
SELECT count(*) FROM s2.x;
DROP SCHEMA s2 CASCADE;
SELECT count(*) FROM duckdb.tables;
DROP TABLE renamed;
