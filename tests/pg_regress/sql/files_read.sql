-- Parquet, CSV and JSON files.
COPY (SELECT * FROM (VALUES (1, 'one', 1.5, date '2024-02-29'), (2, 'two', NULL, NULL)) v (i, t, n, d)) TO ':directory/a.csv' (FORMAT csv, HEADER);
COPY (SELECT * FROM (VALUES (3, 'three', 3.5, date '2024-03-01')) v (i, t, n, d)) TO ':directory/b.csv' (FORMAT csv, HEADER);
SELECT * FROM read_csv(':directory/a.csv');
SELECT r['i'], r['t'] FROM read_csv(':directory/a.csv') r ORDER BY r['i'];
SELECT r['i']::bigint + 1 AS next, upper(r['t']::text) AS up FROM read_csv(':directory/a.csv') r WHERE r['i'] > 1;
SELECT count(*), sum(r['n']) AS s FROM read_csv(':directory/*.csv') r;
SELECT count(*) FROM read_csv(ARRAY[':directory/a.csv', ':directory/b.csv']) r;
SELECT r['i'] FROM read_csv(':directory/*.csv', filename => true) r WHERE r['filename'] LIKE '%b.csv';
SELECT * FROM read_csv(':directory/a.csv', header => false) LIMIT 1;
-- A table of it, with types.
CREATE TABLE t USING duckdb AS SELECT * FROM read_csv(':directory/*.csv');
\d t
SELECT * FROM t ORDER BY i;
-- Files, a duckdb table and a heap table in one query.
CREATE TABLE heap (i integer, word text);
INSERT INTO heap VALUES (1, 'uno'), (3, 'tres');
SELECT t.t, heap.word, r['d'] FROM t JOIN heap ON t.i = heap.i JOIN read_csv(':directory/*.csv') r ON r['i'] = t.i ORDER BY t.i;

COPY (SELECT '{"a": 1, "b": {"c": [1, 2]}}' UNION ALL SELECT '{"a": 2, "b": {"c": []}}') TO ':directory/x.json' (FORMAT text);
SELECT r['a'] FROM read_json(':directory/x.json') r ORDER BY 1;

-- Errors.
SELECT * FROM read_csv(':directory/missing.csv');
SELECT * FROM read_parquet(':directory/a.csv');
SELECT r['nope'] FROM read_csv(':directory/a.csv') r;
SELECT i FROM read_csv('a.csv');

-- Only those who may read the server's files.
CREATE ROLE regress_files;
GRANT USAGE ON SCHEMA public TO regress_files;
SET ROLE regress_files;
SELECT * FROM read_csv(':directory/a.csv');
RESET ROLE;
GRANT pg_read_server_files TO regress_files;
SET ROLE regress_files;
SELECT r['i'] FROM read_csv(':directory/a.csv') r ORDER BY 1;
RESET ROLE;
REVOKE ALL ON SCHEMA public FROM regress_files;
DROP TABLE t;
DROP TABLE heap;
DROP ROLE regress_files;
