-- CREATE and DROP EXTENSION, DROP DATABASE, and where the extension refuses to be.
SELECT current_database() AS home \gset
CREATE TABLE t USING duckdb AS SELECT 1 AS a;
CREATE TEMP TABLE tmp USING duckdb AS SELECT 2 AS b;
CREATE VIEW v AS SELECT a FROM t;
DROP EXTENSION pg_duckdb CASCADE;
SELECT count(*) FROM pg_class WHERE relname IN ('t', 'tmp', 'v');
SET default_table_access_method = duckdb;
CREATE TABLE t (a integer) USING duckdb;
CREATE TABLE t (a integer);
SELECT amname FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE relname = 't';
DROP TABLE t;
SELECT count(*) FROM pg_namespace WHERE nspname = 'duckdb';
CREATE EXTENSION pg_duckdb SCHEMA public;
CREATE TABLE t USING duckdb AS SELECT 'new' AS a;
SELECT * FROM t;
BEGIN;
DROP EXTENSION pg_duckdb CASCADE;
ROLLBACK;
SELECT * FROM t;
-- In a schema of its own.
DROP EXTENSION pg_duckdb CASCADE;
CREATE SCHEMA ext;
CREATE EXTENSION pg_duckdb SCHEMA ext;
SELECT count(*) FROM read_csv('/dev/null');
COPY (SELECT 1 AS a) TO ':directory/one.csv' (FORMAT csv, HEADER);
SELECT r['a'] FROM ext.read_csv(':directory/one.csv') r;
ALTER EXTENSION pg_duckdb SET SCHEMA public;
DROP EXTENSION pg_duckdb;
-- Where it refuses.
CREATE SCHEMA "ddb$mine";
CREATE EXTENSION pg_duckdb;
DROP SCHEMA "ddb$mine";
CREATE SCHEMA duckdb;
CREATE EXTENSION pg_duckdb;
DROP SCHEMA duckdb;
CREATE ROLE regress_nobody;
SET ROLE regress_nobody;
CREATE EXTENSION pg_duckdb;
RESET ROLE;
DROP ROLE regress_nobody;
CREATE DATABASE regress_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
\c regress_ascii
CREATE EXTENSION pg_duckdb;
\c :home
DROP DATABASE regress_ascii;
-- A database takes its store along.
CREATE DATABASE regress_store;
\c regress_store
CREATE EXTENSION pg_duckdb;
CREATE TABLE t USING duckdb AS SELECT 42 AS a;
SELECT oid AS store FROM pg_database WHERE datname = current_database() \gset
SELECT count(*) FROM pg_ls_dir('pg_duckdb') AS entry WHERE entry = :'store';
\c :home
CREATE DATABASE regress_copy TEMPLATE regress_store STRATEGY file_copy;
\c regress_copy
SELECT * FROM t;
DROP TABLE t;
\c :home
DROP DATABASE regress_copy;
DROP DATABASE regress_store;
SELECT count(*) FROM pg_ls_dir('pg_duckdb') AS entry WHERE entry = :'store';
DROP DATABASE regress_store;
DROP DATABASE IF EXISTS regress_store;
CREATE EXTENSION pg_duckdb;
SELECT count(*) = 1 AS up FROM duckdb.engine_status();
