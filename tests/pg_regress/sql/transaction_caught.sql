-- An error in DuckDB that a savepoint or an EXCEPTION clause catches ends a DuckDB transaction that
-- has written. The next statement says so, whatever it is, and not only COMMIT.
CREATE TABLE t (i integer) USING duckdb;
CREATE TABLE heap (i integer);
INSERT INTO t VALUES (0), (1);
BEGIN;
INSERT INTO t VALUES (2);
SAVEPOINT s;
SELECT 1 / i FROM t;
ROLLBACK TO s;
SELECT count(*) FROM heap;
ROLLBACK TO s;
SHOW server_encoding;
ROLLBACK TO s;
SELECT count(*) FROM t;
COMMIT;
SELECT count(*) FROM t;
DO $$
BEGIN
  INSERT INTO t VALUES (2);
  BEGIN
    PERFORM 1 / i FROM t;
  EXCEPTION WHEN division_by_zero THEN
    RAISE NOTICE 'caught: %', SQLERRM;
  END;
  PERFORM count(*) FROM heap;
  RAISE NOTICE 'never';
END $$;
SELECT count(*) FROM t;
-- An error of Postgres, or one in DuckDB before anything was written, takes nothing away.
DO $$
BEGIN
  BEGIN
    PERFORM 1 / i FROM t;
  EXCEPTION WHEN division_by_zero THEN
    RAISE NOTICE 'caught: %', SQLERRM;
  END;
  INSERT INTO t VALUES (3);
  BEGIN
    PERFORM 1 / (count(*) - count(*)) FROM heap;
  EXCEPTION WHEN division_by_zero THEN
    RAISE NOTICE 'caught: %', SQLERRM;
  END;
  BEGIN
    INSERT INTO t VALUES (4);
  EXCEPTION WHEN feature_not_supported THEN
    RAISE NOTICE 'caught: %', SQLERRM;
  END;
  BEGIN
    PERFORM no_such_column FROM t;
  EXCEPTION WHEN undefined_column THEN
    RAISE NOTICE 'caught: %', SQLERRM;
  END;
  PERFORM count(*) FROM heap;
END $$;
SELECT i FROM t ORDER BY i;
-- One snapshot is all that a transaction of this level can have.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM t;
SAVEPOINT s;
SELECT 1 / i FROM t;
ROLLBACK TO s;
SELECT count(*) FROM heap;
ROLLBACK;
SELECT count(*) FROM t;
DROP TABLE t;
DROP TABLE heap;
