-- Who may read files, through what, and what force_execution leaves in place.
COPY (SELECT 1 AS a, 'x' AS b) TO ':directory/priv.csv' (FORMAT csv, HEADER);
CREATE ROLE regress_pf_reader;
CREATE ROLE regress_pf_plain;
GRANT pg_read_server_files TO regress_pf_reader;
GRANT CREATE ON SCHEMA public TO regress_pf_plain, regress_pf_reader;
CREATE VIEW file_view AS SELECT r['a'] AS a FROM read_csv(':directory/priv.csv') r;
CREATE FUNCTION file_rows() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS $$ SELECT count(*) FROM read_csv(':directory/priv.csv') $$;
GRANT SELECT ON file_view TO regress_pf_plain, regress_pf_reader;
SET ROLE regress_pf_plain;
SELECT * FROM read_csv(':directory/priv.csv');
SELECT * FROM read_csv(ARRAY[':directory/priv.csv']);
SELECT * FROM duckdb.read_csv(':directory/priv.csv') AS r(a bigint);
EXPLAIN SELECT * FROM read_csv(':directory/priv.csv');
CREATE TABLE steal USING duckdb AS SELECT * FROM read_csv(':directory/priv.csv');
CREATE VIEW steal AS SELECT * FROM read_csv(':directory/priv.csv');
-- A function in a view runs with the caller's rights, as in Postgres.
SELECT * FROM file_view;
-- A security definer lends its rights.
SELECT file_rows();
-- Schemes are not told by their case, and a path is a path.
SELECT * FROM read_csv('FILE://:directory/priv.csv');
SELECT * FROM read_csv('file:///etc/passwd');
SELECT * FROM read_csv('../../../etc/passwd');
SELECT * FROM read_csv(ARRAY['https://example.invalid/x.csv', '/etc/passwd']);
-- A name that is the one of a table is no file for DuckDB either.
SELECT * FROM duckdb.read_csv(':directory/priv.csv') AS r("(SELECT 1)" bigint);
RESET ROLE;
SELECT * FROM duckdb.read_csv(':directory/priv.csv') AS r("(SELECT 1)" bigint);
SELECT * FROM duckdb.read_csv(':directory/priv.csv') AS r(b text);
SELECT * FROM duckdb.read_csv(':directory/priv.csv') AS r(b integer);
SET ROLE regress_pf_reader;
SELECT * FROM file_view;
SELECT r['b'] FROM read_csv(':directory/priv.csv') r;
RESET ROLE;
-- A prepared statement is checked when it runs.
SET ROLE regress_pf_reader;
PREPARE files AS SELECT r['a'] FROM read_csv(':directory/priv.csv') r;
EXECUTE files;
SET ROLE regress_pf_plain;
EXECUTE files;
RESET ROLE;
-- force_execution: privileges and row security of heap tables.
CREATE TABLE heap (i integer, secret text, owner text);
INSERT INTO heap VALUES (1, 's1', 'regress_pf_plain'), (2, 's2', 'regress_pf_reader');
GRANT SELECT (i, owner) ON heap TO regress_pf_plain;
GRANT SELECT ON heap TO regress_pf_reader;
ALTER TABLE heap ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON heap USING (owner = current_user);
SET duckdb.force_execution = true;
SET ROLE regress_pf_plain;
SELECT i FROM heap ORDER BY i;
SELECT secret FROM heap;
SELECT count(*) FROM heap WHERE secret LIKE 's%';
SELECT * FROM heap;
SET ROLE regress_pf_reader;
SELECT * FROM heap;
SELECT count(*) FROM heap;
RESET ROLE;
SELECT count(*) FROM heap;
-- A view reads as its owner, a security_invoker view does not.
CREATE VIEW owner_view AS SELECT i, secret FROM heap;
CREATE VIEW invoker_view WITH (security_invoker) AS SELECT i, secret FROM heap;
GRANT SELECT ON owner_view, invoker_view TO regress_pf_plain;
SET ROLE regress_pf_plain;
SELECT * FROM owner_view ORDER BY i;
SELECT * FROM invoker_view;
RESET ROLE;
RESET duckdb.force_execution;
-- duckdb tables: INSERT on a column, TRUNCATE, and a security_invoker view.
CREATE TABLE duck (a integer, b text) USING duckdb;
INSERT INTO duck VALUES (1, 'one');
GRANT INSERT (a) ON duck TO regress_pf_plain;
CREATE VIEW duck_invoker WITH (security_invoker) AS SELECT a FROM duck;
CREATE VIEW duck_barrier WITH (security_barrier) AS SELECT a FROM duck WHERE a > 0;
GRANT SELECT ON duck_invoker, duck_barrier TO regress_pf_plain;
SET ROLE regress_pf_plain;
INSERT INTO duck (a) VALUES (2);
INSERT INTO duck (b) VALUES ('x');
INSERT INTO duck SELECT 3;
INSERT INTO duck (a) SELECT a FROM duck;
SELECT * FROM duck_invoker;
SELECT * FROM duck_barrier ORDER BY a;
TRUNCATE duck;
ALTER TABLE duck ADD COLUMN c integer;
CREATE TABLE mine USING duckdb AS SELECT a FROM duck;
CREATE TABLE mine USING duckdb AS SELECT a FROM duck_barrier;
SELECT count(*) FROM mine;
SELECT * FROM duckdb.tables;
RESET ROLE;
GRANT TRUNCATE ON duck TO regress_pf_plain;
SET ROLE regress_pf_plain;
TRUNCATE duck;
RESET ROLE;
-- Row security on a duckdb table.
ALTER TABLE duck ENABLE ROW LEVEL SECURITY;
ALTER TABLE duck FORCE ROW LEVEL SECURITY;
-- A view's check option would have to be checked.
CREATE VIEW checked AS SELECT * FROM duck WHERE a > 0 WITH CHECK OPTION;
INSERT INTO checked VALUES (-1, 'x');
CREATE VIEW unchecked AS SELECT * FROM duck WHERE a > 0;
INSERT INTO unchecked VALUES (1, 'x');
SELECT * FROM unchecked;
DROP VIEW checked, unchecked, file_view, owner_view, invoker_view, duck_invoker, duck_barrier;
DROP FUNCTION file_rows();
DROP TABLE duck, mine;
DROP TABLE heap;
DROP OWNED BY regress_pf_plain, regress_pf_reader;
DROP ROLE regress_pf_plain, regress_pf_reader;
