-- Postgres' catalogs have the constraints, DuckDB enforces them, and errors are Postgres' own.
CREATE TABLE t (
  id integer PRIMARY KEY,
  name text NOT NULL,
  n integer CHECK (n > 0),
  u numeric(8, 2) UNIQUE,
  CONSTRAINT short CHECK (length(name) < 5)
) USING duckdb;
\d t
INSERT INTO t VALUES (1, 'a', 1, 1.5), (2, 'b', 2, 2.5);
INSERT INTO t VALUES (1, 'c', 1, 3.5);
INSERT INTO t VALUES (3, 'c', 1, 1.5);
INSERT INTO t VALUES (3, 'c', 0, 3.5);
INSERT INTO t VALUES (3, 'ccccc', 1, 3.5);
INSERT INTO t VALUES (3, NULL, 1, 3.5);
INSERT INTO t VALUES (NULL, 'c', 1, 3.5);
-- A check that is null passes, as do two nulls in a unique column.
INSERT INTO t VALUES (3, 'c', NULL, NULL), (4, 'd', NULL, NULL);
INSERT INTO t SELECT id + 10, name, n, u + 10 FROM t;
INSERT INTO t SELECT id, name, n, u + 100 FROM t;
UPDATE t SET id = 1 WHERE id = 2;
UPDATE t SET n = -1;
SELECT count(*) FROM t;
-- Constraints come and go; the rows that are there are checked.
ALTER TABLE t ADD CONSTRAINT low CHECK (n < 2);
ALTER TABLE t ADD CONSTRAINT low CHECK (n < 3);
INSERT INTO t VALUES (5, 'e', 3, 5);
ALTER TABLE t DROP CONSTRAINT low;
INSERT INTO t VALUES (5, 'e', 3, 5);
ALTER TABLE t ADD UNIQUE (name);
ALTER TABLE t DROP CONSTRAINT t_pkey;
INSERT INTO t VALUES (5, 'e', 3, 6);
ALTER TABLE t ADD PRIMARY KEY (id);
DELETE FROM t WHERE u = 6;
ALTER TABLE t ADD PRIMARY KEY (id);
INSERT INTO t VALUES (5, 'e', 3, 6);
ALTER TABLE t RENAME CONSTRAINT t_pkey TO key;
ALTER TABLE t RENAME COLUMN id TO number;
INSERT INTO t VALUES (5, 'e', 3, 6);
-- Indexes.
CREATE INDEX by_name ON t (name);
CREATE UNIQUE INDEX ON t (name);
DELETE FROM t WHERE number > 10;
CREATE UNIQUE INDEX once ON t (name);
INSERT INTO t VALUES (6, 'e', 3, 6);
ALTER INDEX once RENAME TO only_once;
INSERT INTO t VALUES (6, 'e', 3, 6);
ALTER TABLE t RENAME COLUMN name TO word;
ALTER TABLE t ADD COLUMN more text;
DROP INDEX only_once;
INSERT INTO t VALUES (6, 'e', 3, 6);
\d t
REINDEX TABLE t;
SELECT word FROM t WHERE number = 6;
CREATE INDEX ON t (lower(word));
CREATE INDEX ON t (word) WHERE n > 1;
CREATE INDEX ON t USING hash (word);
CREATE INDEX ON t (word) INCLUDE (n);
CREATE INDEX CONCURRENTLY ON t (word);
-- Identity, serial and generated columns.
CREATE TABLE g (
  a integer GENERATED ALWAYS AS IDENTITY,
  b serial,
  c integer GENERATED ALWAYS AS (a * 2) STORED,
  t text DEFAULT 'x'
) USING duckdb;
INSERT INTO g (t) VALUES ('x'), ('y');
INSERT INTO g DEFAULT VALUES;
INSERT INTO g (a) VALUES (1);
INSERT INTO g (a) OVERRIDING SYSTEM VALUE VALUES (10);
INSERT INTO g (c) VALUES (1);
SELECT * FROM g ORDER BY a;
ALTER TABLE g ALTER COLUMN c DROP EXPRESSION;
INSERT INTO g (c) VALUES (1);
SELECT * FROM g ORDER BY a;
CREATE TABLE l (LIKE t INCLUDING ALL) USING duckdb;
\d l
INSERT INTO l VALUES (1, 'ccccc', 1, 1);
-- What DuckDB cannot keep.
CREATE TABLE bad (a integer UNIQUE DEFERRABLE) USING duckdb;
CREATE TABLE bad (a integer, UNIQUE NULLS NOT DISTINCT (a)) USING duckdb;
CREATE TABLE bad (a integer, EXCLUDE USING btree (a WITH =)) USING duckdb;
CREATE TABLE bad (a integer, CHECK (pg_backend_pid() > a)) USING duckdb;
CREATE FUNCTION plus(a integer) RETURNS integer IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN a + 1; END';
CREATE TABLE bad (a integer, b integer GENERATED ALWAYS AS (plus(a)) STORED) USING duckdb;
CREATE TABLE bad (a integer CHECK (plus(a) > 1)) USING duckdb;
ALTER TABLE t ADD CHECK (n > 1) NOT VALID;
CREATE TABLE refers (a integer REFERENCES t);
CREATE TABLE refers (a integer);
ALTER TABLE refers ADD FOREIGN KEY (a) REFERENCES t;
DROP TABLE t, g, l, refers;
SELECT count(*) FROM duckdb.tables;
