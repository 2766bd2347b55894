-- What a duckdb table cannot have yet is an error, never ignored.
CREATE TABLE t (a numeric) USING duckdb;
CREATE TABLE t (a numeric(50, 2)[]) USING duckdb;
CREATE TABLE t (a money) USING duckdb;
CREATE TABLE t (a inet) USING duckdb;
CREATE TABLE t (a integer[][]) USING duckdb;
CREATE TABLE t (a text COLLATE "ucs_basic") USING duckdb;
CREATE TABLE t (a text, "A" text) USING duckdb;
CREATE TABLE t () USING duckdb;
CREATE TABLE t (a integer) USING duckdb WITH (fillfactor = 10);
CREATE UNLOGGED TABLE t (a integer) USING duckdb;
CREATE TEMP TABLE t (a integer) USING duckdb ON COMMIT DROP;
CREATE MATERIALIZED VIEW m USING duckdb AS SELECT 1 AS a;
CREATE TABLE heap (a integer PRIMARY KEY, CHECK (a > 0));
CREATE TABLE t (a integer REFERENCES heap) USING duckdb;
CREATE TABLE t () INHERITS (heap) USING duckdb;
CREATE TABLE part (a integer) PARTITION BY RANGE (a);
CREATE TABLE t PARTITION OF part FOR VALUES FROM (0) TO (10) USING duckdb;
CREATE SCHEMA main;
CREATE TABLE main.t (a integer) USING duckdb;
SELECT count(*) FROM duckdb.tables;

CREATE TABLE t (LIKE heap) USING duckdb;
CREATE TABLE child () INHERITS (t);
ALTER TABLE part ATTACH PARTITION t FOR VALUES FROM (0) TO (10);
ALTER TABLE t ALTER COLUMN a TYPE money USING 1;
ALTER TABLE t SET (fillfactor = 10);
ALTER TABLE t SET TABLESPACE pg_default;
ALTER TABLE t SET UNLOGGED;
ALTER TABLE t REPLICA IDENTITY FULL;
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
ALTER TABLE t SET SCHEMA main;
CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
CLUSTER t;
EXPLAIN ANALYZE CREATE TABLE u USING duckdb AS SELECT 1 AS a;
-- These have nothing to do, and say nothing.
VACUUM t;
VACUUM FULL t;
ANALYZE t;

-- Writes cannot be undone one by one.
BEGIN;
SAVEPOINT s;
INSERT INTO t VALUES (1);
ROLLBACK TO s;
SELECT count(*) FROM t;
COMMIT;
BEGIN;
INSERT INTO t VALUES (1);
PREPARE TRANSACTION 'p';
BEGIN READ ONLY;
INSERT INTO t VALUES (1);
ROLLBACK;
SELECT count(*) FROM t;
DROP TABLE t, heap, part;
DROP SCHEMA main;
