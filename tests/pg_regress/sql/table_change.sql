-- UPDATE, DELETE and MERGE of duckdb tables: errors, triggers, views, privileges, EXPLAIN. Answers
-- are compared with heap tables in tests/differential/dml.sql.
CREATE TABLE t (id integer PRIMARY KEY, word varchar(5) NOT NULL, n numeric(6, 2) CHECK (n >= 0)) USING duckdb;
INSERT INTO t VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
-- Errors name what the user knows.
UPDATE t SET word = NULL WHERE id = 1;
UPDATE t SET word = 'longer' WHERE id = 1;
UPDATE t SET n = 99999 WHERE id = 1;
UPDATE t SET n = -n WHERE id = 1;
UPDATE t SET id = 2 WHERE id = 1;
UPDATE t SET nope = 1;
UPDATE t SET n = 1 / (id - 1);
UPDATE t SET n = id.word FROM t;
MERGE INTO t USING (VALUES (1), (1)) v (id) ON v.id = t.id WHEN MATCHED THEN DELETE;
MERGE INTO t USING (VALUES (1)) v (id) ON v.id = t.id WHEN MATCHED THEN UPDATE SET word = NULL;
INSERT INTO t VALUES (3, 'x', 1);
INSERT INTO t VALUES (4, 'x', 1), (4, 'y', 1) ON CONFLICT (id) DO UPDATE SET word = excluded.word;
INSERT INTO t VALUES (4, 'x', 1) ON CONFLICT (word) DO NOTHING;
INSERT INTO t VALUES (4, 'x', 1) ON CONFLICT (id) WHERE n > 0 DO NOTHING;
SELECT ctid FROM t;
UPDATE t SET n = 0 RETURNING ctid;
DELETE FROM t WHERE ctid = '(0,1)';
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM t;
FETCH c;
UPDATE t SET n = 0 WHERE CURRENT OF c;
ROLLBACK;
SELECT * FROM t ORDER BY id;
-- A column that hides DuckDB's name of a row.
CREATE TABLE hides (rowid integer, "RowID2" integer, v text) USING duckdb;
INSERT INTO hides VALUES (7, 1, 'a'), (8, 2, 'b');
UPDATE hides SET rowid = rowid + 1, v = v || '!' WHERE rowid = 7 RETURNING *;
DELETE FROM hides WHERE rowid = 8 AND "RowID2" = 1;
UPDATE hides SET v = t.word FROM t WHERE t.id = hides.rowid;
DELETE FROM hides USING t WHERE t.id = hides."RowID2" RETURNING hides.v;
MERGE INTO hides USING t ON t.id = hides.rowid WHEN MATCHED THEN DELETE;
SELECT * FROM hides;
-- Names that need quotes.
CREATE TABLE "odd ""name" ("a b" integer, "select" text, "ä" integer) USING duckdb;
INSERT INTO "odd ""name" VALUES (1, 'x', 2) RETURNING "select", "ä" AS "out put";
UPDATE "odd ""name" SET "a b" = "ä", "select" = 'y' WHERE "a b" = 1 RETURNING *;
MERGE INTO "odd ""name" o USING t ON t.id = o."a b" WHEN MATCHED THEN UPDATE SET "select" = t.word WHEN NOT MATCHED THEN INSERT ("select") VALUES (t.word);
DELETE FROM "odd ""name" WHERE "a b" IS NULL RETURNING "select";
SELECT * FROM "odd ""name";
-- TEMP tables, and tables of other schemas.
CREATE SCHEMA s;
CREATE TABLE s.t (a integer, b integer) USING duckdb;
CREATE TEMP TABLE tt (a integer, b integer) USING duckdb;
INSERT INTO s.t VALUES (1, 1), (2, 2) RETURNING a;
INSERT INTO tt SELECT a * 10, b FROM s.t RETURNING *;
UPDATE tt SET b = s.t.b * 5 FROM s.t WHERE tt.a = s.t.a * 10 RETURNING tt.*, s.t.*;
MERGE INTO s.t USING tt ON tt.a = s.t.a * 10 WHEN MATCHED AND tt.b > 5 THEN DELETE WHEN MATCHED THEN UPDATE SET b = 77;
SELECT * FROM s.t;
DELETE FROM tt RETURNING a;
-- Dropped columns.
ALTER TABLE s.t DROP COLUMN a;
ALTER TABLE s.t ADD COLUMN c text;
INSERT INTO s.t (b, c) VALUES (1, 'c') RETURNING *;
UPDATE s.t SET c = b || '!' WHERE b = 1 RETURNING t;
MERGE INTO s.t USING (VALUES (1), (2)) v (x) ON v.x = s.t.b WHEN MATCHED THEN UPDATE SET c = 'm' WHEN NOT MATCHED THEN INSERT (c, b) VALUES ('n', v.x);
SELECT * FROM s.t ORDER BY b;
DROP SCHEMA s CASCADE;
-- Triggers.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE '% % %', tg_op, tg_when, tg_level; RETURN NULL; END $$;
CREATE TRIGGER rows BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION tell();
CREATE TRIGGER statements AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE TRIGGER tables AFTER UPDATE ON t REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE TRIGGER column_n BEFORE UPDATE OF n ON t FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE TRIGGER top BEFORE INSERT OR DELETE ON t FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION tell();
UPDATE t SET n = 5 WHERE id = 1;
UPDATE t SET word = word WHERE id = 1 RETURNING id;
DELETE FROM t WHERE id = 99;
INSERT INTO t VALUES (1, 'again', 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n;
MERGE INTO t USING (VALUES (99)) v (id) ON v.id = t.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND v.id < 0 THEN INSERT (id, word) VALUES (v.id, 'x');
WITH x AS (UPDATE t SET n = 5 WHERE id = 1 RETURNING id) DELETE FROM t USING x WHERE false;
WITH x AS (UPDATE t SET n = 5 WHERE id = 1 RETURNING id) SELECT * FROM x;
ALTER TABLE t DISABLE TRIGGER statements;
UPDATE t SET n = n + 1 WHERE id = -1;
ALTER TABLE t DISABLE TRIGGER ALL;
UPDATE t SET n = n + 1 WHERE id = -1;
DROP TRIGGER statements ON t;
DROP TRIGGER column_n ON t;
DROP TRIGGER top ON t;
CREATE FUNCTION limit_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF (SELECT count(*) FROM t) > 5 THEN RAISE EXCEPTION 'too many rows'; END IF; RETURN NULL; END $$;
CREATE TRIGGER limited AFTER INSERT ON t FOR EACH STATEMENT EXECUTE FUNCTION limit_rows();
INSERT INTO t SELECT g, 'many' FROM generate_series(50, 60) g;
DROP TRIGGER limited ON t;
-- Rules.
CREATE TABLE journal (what text, id integer) USING duckdb;
CREATE RULE also AS ON UPDATE TO t DO ALSO INSERT INTO journal VALUES ('update', new.id);
UPDATE t SET n = 6 WHERE id < 3;
CREATE RULE instead AS ON DELETE TO t DO INSTEAD UPDATE t SET n = 0 WHERE id = old.id;
DELETE FROM t WHERE id = 3;
SELECT * FROM t ORDER BY id;
SELECT * FROM journal ORDER BY id;
DROP RULE also ON t;
DROP RULE instead ON t;
-- Views, with and without a check.
CREATE VIEW v AS SELECT id AS i, word AS w FROM t WHERE id < 10;
CREATE VIEW checked AS SELECT * FROM t WHERE id < 10 WITH CHECK OPTION;
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM t WHERE id < 3;
INSERT INTO v VALUES (5, 'five') RETURNING *;
UPDATE v SET w = upper(w) WHERE i = 5 RETURNING *;
INSERT INTO checked VALUES (6, 'six', 6);
UPDATE checked SET id = 11 WHERE id = 5;
UPDATE barrier SET n = 3 WHERE id = 3;
UPDATE barrier SET n = n + 1 WHERE id > 1 RETURNING *;
DELETE FROM v WHERE i = 5;
SELECT * FROM t ORDER BY id;
-- Privileges are those of Postgres.
CREATE ROLE regress_change_user;
GRANT SELECT (id, word), UPDATE (word) ON t TO regress_change_user;
GRANT SELECT, UPDATE ON v TO regress_change_user;
SET ROLE regress_change_user;
UPDATE t SET word = 'mine' WHERE id = 1 RETURNING id;
UPDATE t SET word = 'mine' WHERE n = 1;
UPDATE t SET n = 1;
UPDATE t SET word = 'mine' RETURNING n;
DELETE FROM t;
INSERT INTO t VALUES (9, 'x', 1);
MERGE INTO t USING (VALUES (1)) x (a) ON x.a = t.id WHEN MATCHED THEN DELETE;
UPDATE v SET w = 'view' WHERE i = 2 RETURNING *;
DELETE FROM v;
RESET ROLE;
-- Transactions.
BEGIN;
UPDATE t SET n = 9;
SAVEPOINT a;
UPDATE t SET n = 8;
ROLLBACK TO a;
SELECT n FROM t ORDER BY id;
ROLLBACK;
BEGIN READ ONLY;
DELETE FROM t;
ROLLBACK;
CREATE TABLE heap (id integer);
BEGIN;
DELETE FROM t WHERE id = 1;
INSERT INTO heap VALUES (1);
ROLLBACK;
BEGIN;
INSERT INTO heap VALUES (1);
DELETE FROM t WHERE id = 1;
ROLLBACK;
WITH moved AS (DELETE FROM t RETURNING id) INSERT INTO heap SELECT id FROM moved;
WITH moved AS (DELETE FROM heap RETURNING id) INSERT INTO t SELECT id, 'heap', 1 FROM moved;
SELECT * FROM t ORDER BY id;
-- PL/pgSQL.
DO $$
DECLARE m integer; r record;
BEGIN
  UPDATE t SET word = 'do' WHERE id < 3;
  GET DIAGNOSTICS m = ROW_COUNT;
  RAISE NOTICE 'updated %, found %', m, FOUND;
  DELETE FROM t WHERE id = 99;
  GET DIAGNOSTICS m = ROW_COUNT;
  RAISE NOTICE 'deleted %, found %', m, FOUND;
  UPDATE t SET word = word || id WHERE id = 2 RETURNING * INTO STRICT r;
  RAISE NOTICE 'row %', r;
  FOR r IN UPDATE t SET n = n + 1 RETURNING id, n LOOP
    RAISE NOTICE 'loop %', r;
  END LOOP;
  EXECUTE 'DELETE FROM t WHERE id = $1 RETURNING word' INTO r USING 3;
  RAISE NOTICE 'gone %', r;
END $$;
SELECT * FROM t ORDER BY id;
-- The plans.
CREATE FUNCTION lines(sql text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
  FOR line IN EXECUTE sql LOOP
    IF line ~ 'Custom Scan|Output|Update:|Delete:|Merge:|Insert:|DuckDB SQL|FeedScan|Rows Sent' THEN
      RETURN NEXT regexp_replace(line, 'pg[0-9]+', 'pg', 'g');
    END IF;
  END LOOP;
END $$;
SELECT lines($$EXPLAIN (VERBOSE, COSTS OFF) UPDATE t SET word = 'x' WHERE id = 1 RETURNING id, md5(word)$$);
SELECT lines($$EXPLAIN (VERBOSE, COSTS OFF) UPDATE t SET word = j.what FROM journal j WHERE j.id = t.id$$);
SELECT lines($$EXPLAIN (VERBOSE, COSTS OFF) UPDATE t SET word = md5(random()::text) WHERE id = 1$$);
SELECT lines($$EXPLAIN (VERBOSE, COSTS OFF) DELETE FROM t USING journal j WHERE j.id = t.id$$);
SELECT lines($$EXPLAIN (VERBOSE, COSTS OFF) MERGE INTO t USING journal j ON j.id = t.id WHEN MATCHED AND t.id > 1 THEN DELETE WHEN NOT MATCHED THEN INSERT (id, word) VALUES (j.id, 'new')$$);
SELECT lines($$EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO t VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING id$$);
SELECT lines($$EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) UPDATE t SET n = 0 RETURNING id$$);
SELECT * FROM t ORDER BY id;
DROP TABLE t, hides, "odd ""name", journal, heap CASCADE;
DROP FUNCTION tell, lines, limit_rows;
DROP ROLE regress_change_user;
