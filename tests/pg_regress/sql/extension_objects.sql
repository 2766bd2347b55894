-- What CREATE EXTENSION brings, and that DROP EXTENSION takes it away.
SELECT extname, extversion, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace WHERE extname = 'pg_duckdb';
SELECT amname, amtype FROM pg_am WHERE amname = 'duckdb';
SELECT name, context FROM pg_settings WHERE name IN ('duckdb.force_execution', 'duckdb.memory_limit', 'duckdb.threads',
    'duckdb.temporary_directory', 'duckdb.max_temp_directory_size') ORDER BY name;
SET duckdb.no_such_setting = 1;
SELECT count(*) AS rows, bool_and(pid > 0) AS runs, bool_and(memory_limit_bytes > 0) AS bounded FROM duckdb.engine_status();
CREATE TABLE t (i integer) USING duckdb;
DROP EXTENSION pg_duckdb;
DROP EXTENSION pg_duckdb CASCADE;
SELECT count(*) FROM pg_class WHERE relname = 't';
CREATE EXTENSION pg_duckdb;
-- The old table's data are not in the way.
CREATE TABLE t (other text) USING duckdb;
SELECT count(*) FROM t;
DROP TABLE t;
