-- Privileges are those of Postgres.
CREATE ROLE regress_reader;
CREATE ROLE regress_writer;
CREATE TABLE t (i integer, secret text) USING duckdb;
INSERT INTO t VALUES (1, 'x');
CREATE VIEW v AS SELECT i FROM t;
GRANT SELECT ON v TO regress_reader;
GRANT INSERT ON t TO regress_writer;
SET ROLE regress_reader;
SELECT * FROM t;
-- A view reads as its owner.
SELECT * FROM v;
INSERT INTO t VALUES (2, 'y');
TRUNCATE t;
DROP TABLE t;
RESET ROLE;
SET ROLE regress_writer;
INSERT INTO t VALUES (2, 'y');
SELECT * FROM t;
RESET ROLE;
-- A column.
GRANT SELECT (i) ON t TO regress_reader;
SET ROLE regress_reader;
SELECT i FROM t ORDER BY i;
SELECT secret FROM t;
SELECT count(*) FROM t WHERE secret = 'x';
RESET ROLE;
-- Row security.
CREATE TABLE heap (i integer, owner text);
INSERT INTO heap VALUES (1, 'regress_reader'), (2, 'somebody else');
ALTER TABLE heap ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON heap USING (owner = current_user);
GRANT SELECT ON heap TO regress_reader;
SET ROLE regress_reader;
SELECT heap.* FROM heap JOIN t ON heap.i = t.i;
RESET ROLE;
DROP VIEW v;
DROP TABLE t;
DROP TABLE heap;
DROP ROLE regress_reader, regress_writer;
