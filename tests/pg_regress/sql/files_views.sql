-- Views over files are stored with the file's columns, and can be dumped and restored.
COPY (SELECT 1 AS id, 'one' AS name, 2.5 AS x) TO ':directory/v.csv' (FORMAT csv, HEADER, DELIMITER ';');
\! :run_duckdb "COPY (SELECT 1 AS id, {'a': 10, 'b': 'it''s'} AS s) TO ':directory/v.parquet'" > /dev/null 2>&1
CREATE VIEW plain AS SELECT * FROM read_csv(':directory/v.csv', delim => ';');
CREATE VIEW renamed (a, b) AS SELECT r['id'], r['name'] || '!' FROM read_csv(ARRAY[':directory/v.csv'], delim => ';', header => true) r WHERE r['x'] > 1;
CREATE VIEW parts AS SELECT r['id'], r['s']['a'], r['s']['b'] AS text FROM read_parquet(':directory/v.parquet') r;
SELECT pg_get_viewdef('plain'), pg_get_viewdef('renamed');
SELECT pg_get_viewdef('parts');
CREATE FUNCTION restore(name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    definition text := pg_get_viewdef(name::regclass);
BEGIN
    EXECUTE 'DROP VIEW ' || name;
    EXECUTE 'CREATE VIEW ' || name || ' AS ' || definition;
END $$;
SELECT restore('plain'), restore('renamed'), restore('parts');
SELECT * FROM plain;
SELECT * FROM renamed;
SELECT * FROM parts;
SELECT p.name, t.text, q.b FROM plain p JOIN parts t USING (id) JOIN renamed q ON q.a = p.id;
CREATE OR REPLACE VIEW plain AS SELECT * FROM read_csv(':directory/v.csv', delim => ';') r;
CREATE TABLE from_views USING duckdb AS SELECT id, name FROM plain UNION ALL SELECT a, b FROM renamed;
SELECT * FROM from_views ORDER BY name;
-- More columns in the file do no harm, fewer and others do.
COPY (SELECT 'new' AS extra, 'two' AS name, 2 AS id, 3.5 AS x) TO ':directory/v.csv' (FORMAT csv, HEADER, DELIMITER ';');
SELECT * FROM plain;
COPY (SELECT 2 AS id, 'two' AS name) TO ':directory/v.csv' (FORMAT csv, HEADER, DELIMITER ';');
SELECT * FROM plain;
-- The form with a column definition list, by hand.
SELECT * FROM duckdb.read_csv(':directory/v.csv', delim => ';') AS f(name text, id bigint);
SELECT f.a FROM duckdb.read_parquet('v.parquet') AS f("""s""['a']" integer, id integer);
SELECT f.* FROM duckdb.read_parquet(':directory/v.parquet') AS f("""s""['a']" integer, id integer);
SELECT f.* FROM duckdb.read_parquet(':directory/v.parquet') AS f("""s""['a'] FROM x" integer);
SELECT * FROM duckdb.read_csv('v.csv');
DROP VIEW plain, renamed, parts;
DROP FUNCTION restore(text);
DROP TABLE from_views;
