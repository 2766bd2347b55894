-- Privileges and row security of heap tables whose conditions Postgres checks for DuckDB.
CREATE ROLE regress_reader;
CREATE TABLE duck (id integer, word text) USING duckdb;
INSERT INTO duck VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four');
CREATE TABLE secret (id integer, owner name, amount integer, note text);
INSERT INTO secret VALUES (1, 'regress_reader', 10, 'a'), (2, 'regress_reader', 20, 'b'), (3, 'somebody', 0, 'hidden'), (4, 'somebody', 40, 'hidden too');
GRANT SELECT ON duck TO regress_reader;

-- Columns: each use needs the privilege, also that in a condition that only Postgres sees.
GRANT SELECT (id, owner) ON secret TO regress_reader;
SET ROLE regress_reader;
SELECT d.word FROM duck d JOIN secret s USING (id) WHERE s.id = 2;
SELECT d.word FROM duck d JOIN secret s USING (id) WHERE s.amount = 20;
SELECT d.word FROM duck d LEFT JOIN secret s ON s.id = d.id AND s.note = 'a';
SELECT d.word FROM duck d WHERE EXISTS (SELECT FROM secret s WHERE s.id = d.id AND s.amount > 5);
SELECT d.word, (SELECT s.owner FROM secret s WHERE s.id = d.id AND s.note IS NULL) FROM duck d;
SELECT d.word FROM duck d, LATERAL (SELECT id FROM secret s WHERE s.amount = d.id) x;
WITH w AS (SELECT id FROM secret WHERE amount > 1) SELECT word FROM duck JOIN w USING (id);
SELECT sum(s.id) FROM duck d JOIN secret s USING (id) GROUP BY s.note;
SELECT d.word FROM duck d JOIN secret s USING (id) ORDER BY s.amount;
SELECT s FROM duck d JOIN secret s USING (id);
SELECT count(*) FROM duck d JOIN secret s USING (id);
SET duckdb.execution = force;
SELECT id FROM secret WHERE amount = 20;
SELECT id FROM secret WHERE id = 2 LIMIT 1;
RESET duckdb.execution;
RESET ROLE;

-- Row security: its policies come first, and a condition that could tell of hidden rows sees none of them.
GRANT SELECT ON secret TO regress_reader;
ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON secret USING (owner = current_user);
SET ROLE regress_reader;
SELECT s.id, d.word FROM duck d JOIN secret s USING (id) ORDER BY 1;
-- Not a division by zero of row 3.
SELECT s.id FROM duck d JOIN secret s USING (id) WHERE 100 / s.amount > 1 ORDER BY 1;
SELECT s.id FROM duck d JOIN secret s USING (id) WHERE 100 / s.amount = 5;
SELECT s.id FROM duck d JOIN secret s USING (id) WHERE s.note::integer = 5;
EXPLAIN (COSTS off) SELECT id FROM secret WHERE 100 / amount = 5;
SELECT count(*) FROM duck d LEFT JOIN secret s ON s.id = d.id AND 100 / s.amount > 1;
SELECT d.id FROM duck d WHERE EXISTS (SELECT FROM secret s WHERE s.id = d.id AND 100 / s.amount = 10);
SELECT d.id, (SELECT 100 / s.amount FROM secret s WHERE s.id = d.id AND 100 / s.amount > 1) AS q FROM duck d ORDER BY 1;
SET duckdb.execution = force;
SELECT id FROM secret WHERE 100 / amount = 5;
SELECT id FROM secret WHERE 100 / amount > 0 LIMIT 5;
SELECT count(*) FROM secret;
RESET duckdb.execution;
RESET ROLE;
-- The plan of one user is not that of another.
PREPARE mine AS SELECT s.id FROM duck d JOIN secret s USING (id) WHERE s.amount < 100 ORDER BY 1;
EXECUTE mine;
SET ROLE regress_reader;
EXECUTE mine;
RESET ROLE;
EXECUTE mine;

-- Further positions: a branch of a UNION, below a window, in IN, DISTINCT, a COPY, a part that Postgres finishes.
GRANT CREATE ON SCHEMA public TO regress_reader;
CREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i * 2; END';
SET ROLE regress_reader;
SELECT id FROM duck WHERE id > 3 UNION ALL SELECT id FROM secret ORDER BY 1;
SELECT id FROM duck EXCEPT SELECT id FROM secret ORDER BY 1;
SELECT d.id, sum(s.amount) OVER (ORDER BY d.id) AS running FROM duck d JOIN secret s USING (id) ORDER BY 1;
SELECT word FROM duck WHERE id NOT IN (SELECT id FROM secret) ORDER BY 1;
SELECT DISTINCT s.owner FROM duck d, secret s;
SELECT count(*) FROM (SELECT id FROM secret LIMIT 10) s JOIN duck USING (id);
COPY (SELECT s.id, d.word FROM duck d JOIN secret s USING (id) ORDER BY 1) TO STDOUT;
SELECT twice(d.id), s.note FROM duck d LEFT JOIN secret s USING (id) ORDER BY 1;
-- As the source of what is written to duckdb tables, and the other way round.
CREATE TABLE taken USING duckdb AS SELECT id, amount FROM secret;
INSERT INTO taken SELECT id + 10, amount FROM secret;
UPDATE taken SET amount = 100 / s.amount FROM secret s WHERE s.id = taken.id;
MERGE INTO taken USING secret s ON taken.id = s.id + 10
    WHEN MATCHED THEN UPDATE SET amount = -s.amount WHEN NOT MATCHED THEN INSERT VALUES (s.id, 0);
SELECT * FROM taken ORDER BY id;
DELETE FROM taken USING secret s WHERE taken.id >= s.id;
SELECT count(*) FROM taken;
CREATE TABLE kept AS SELECT s.id, d.word FROM secret s RIGHT JOIN duck d USING (id);
SELECT count(id) AS seen, count(*) FROM kept;
RESET ROLE;
GRANT INSERT, UPDATE, DELETE ON secret TO regress_reader;
SET ROLE regress_reader;
INSERT INTO secret SELECT id + 20, 'somebody', 1, word FROM duck;
BEGIN;
UPDATE secret SET note = d.word FROM duck d WHERE d.id = secret.id RETURNING secret.id, note;
DELETE FROM secret USING duck d WHERE d.id = secret.id RETURNING secret.id;
ROLLBACK;
RESET ROLE;
-- Columns, where they are written from.
REVOKE SELECT ON secret FROM regress_reader;
GRANT SELECT (id, owner) ON secret TO regress_reader;
SET ROLE regress_reader;
INSERT INTO taken SELECT id, amount FROM secret;
UPDATE taken SET amount = s.id FROM secret s WHERE s.amount = taken.id;
DELETE FROM taken USING secret s WHERE s.note = 'b';
MERGE INTO taken USING secret s ON taken.id = s.id WHEN MATCHED AND s.amount > 1 THEN DELETE;
CREATE TABLE stolen USING duckdb AS SELECT note FROM secret;
COPY (SELECT s.note FROM duck d JOIN secret s USING (id)) TO STDOUT;
SELECT id FROM duck UNION ALL SELECT amount FROM secret;
SELECT twice(d.id) FROM duck d JOIN secret s ON s.amount = d.id;
INSERT INTO taken SELECT id, 1 FROM secret;
SELECT * FROM taken ORDER BY id;
RESET ROLE;
DROP TABLE taken, kept;
DROP FUNCTION twice;
REVOKE CREATE ON SCHEMA public FROM regress_reader;
GRANT SELECT ON secret TO regress_reader;

-- A view with a barrier, and one that reads as its owner.
CREATE VIEW barred WITH (security_barrier) AS SELECT id, amount FROM secret WHERE amount > 0;
CREATE VIEW open AS SELECT id, amount FROM secret;
REVOKE SELECT ON secret FROM regress_reader;
GRANT SELECT ON barred, open TO regress_reader;
SET ROLE regress_reader;
SELECT b.id FROM duck d JOIN barred b USING (id) WHERE 100 / b.amount > 1 ORDER BY 1;
SELECT o.id FROM duck d JOIN open o USING (id) WHERE o.amount = 40;
SELECT id FROM secret WHERE id = 1;
RESET ROLE;
DROP VIEW barred, open;
DROP TABLE secret;
DROP TABLE duck;
DROP ROLE regress_reader;
