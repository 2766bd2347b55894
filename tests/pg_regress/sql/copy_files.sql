-- COPY to and from files in DuckDB's formats.
CREATE TABLE t (id integer, name text, n numeric(8, 2), d date, a integer[]) USING duckdb;
INSERT INTO t SELECT i, 'row ' || i, i / 4.0, date '2024-01-01' + i, ARRAY[i, i + 1] FROM generate_series(1, 5) AS i;
CREATE TABLE h AS SELECT i AS id, 'heap ' || i AS name FROM generate_series(1, 3) AS i;
COPY t TO '/tmp/pgd_copy_files.parquet';
SELECT * FROM read_parquet('/tmp/pgd_copy_files.parquet') AS r ORDER BY r['id'];
COPY (SELECT id AS "Id", name, name FROM t ORDER BY id DESC) TO '/tmp/pgd_copy_files.parquet' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 2048);
SELECT * FROM read_parquet('/tmp/pgd_copy_files.parquet');
COPY (SELECT t.id, h.name FROM t JOIN h USING (id)) TO '/tmp/pgd_copy_files.json';
COPY h (name) TO '/tmp/pgd_copy_files.csv.gz' (HEADER, DELIMITER ';');
SELECT * FROM read_csv('/tmp/pgd_copy_files.csv.gz') AS r ORDER BY r['name'];
COPY (SELECT pg_backend_pid() > 0 AS p, count(*) AS n FROM t) TO '/tmp/pgd_copy_files.json' (FORMAT 'json', ARRAY true);
\! cat /tmp/pgd_copy_files.json
BEGIN;
INSERT INTO h VALUES (4, 'four');
COPY h TO '/tmp/pgd_copy_files.parquet';
ROLLBACK;
-- From files, into tables of either kind.
CREATE TABLE t2 (id integer PRIMARY KEY, name text, extra text DEFAULT 'x') USING duckdb;
COPY t2 (id, name) FROM '/tmp/pgd_copy_files.parquet';
COPY t2 (id, name) FROM '/tmp/pgd_copy_files.parquet' (FORMAT parquet);
SELECT * FROM t2 ORDER BY id;
CREATE TABLE h2 (LIKE h);
COPY h2 FROM '/tmp/pgd_copy_files.parquet';
SELECT * FROM h2 ORDER BY id;
COPY h2 (name) FROM '/tmp/pgd_copy_files.csv.gz' (HEADER, DELIMITER ';');
SELECT count(*) FROM h2;
-- Only some of the rows: WHERE is about what the table is to have.
COPY (SELECT i AS n, 'row ' || i AS name FROM generate_series(8, 12) AS i) TO '/tmp/pgd_copy_files_some.parquet';
CREATE TABLE part (name varchar(6), id bigint, f numeric(6, 1), extra text DEFAULT 'x') USING duckdb;
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE id % 2 = 0 AND name LIKE 'row%' AND part.id > 8;
COPY (SELECT 1.26::float8 AS f, 1 AS n UNION ALL SELECT 1.31, 2 UNION ALL SELECT 1.4, 3) TO '/tmp/pgd_copy_files_round.parquet';
COPY part (f, id) FROM '/tmp/pgd_copy_files_round.parquet' WHERE f = 1.3;
SELECT * FROM part ORDER BY id, f NULLS FIRST;
CREATE TABLE part_heap (LIKE part);
COPY part_heap (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE id BETWEEN 9 AND 10;
COPY part_heap (f, extra) FROM '/tmp/pgd_copy_files_some.parquet' WHERE extra <> 'row 8';
SELECT * FROM part_heap ORDER BY id, f;
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE extra = 'x';
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE part IS NULL;
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE nope = 1;
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE id;
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE count(*) > 1;
COPY part (id, name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE id = (SELECT 1);
COPY part (f, id) FROM '/tmp/pgd_copy_files_some.parquet' WHERE f > 1;
COPY part (name, f, id) FROM '/tmp/pgd_copy_files_round.parquet' WHERE name = '1.4';
COPY (SELECT 'far too long' AS name UNION ALL SELECT 'short') TO '/tmp/pgd_copy_files_some.parquet';
COPY part (name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE name <> 'short';
COPY part (name) FROM '/tmp/pgd_copy_files_some.parquet' WHERE name = 'short';
DROP TABLE part, part_heap;
-- Names that differ only in case, computed by Postgres.
COPY (SELECT 1 + 0 * random() AS x, 2 AS "X") TO '/tmp/pgd_copy_files_case.parquet';
SELECT * FROM read_parquet('/tmp/pgd_copy_files_case.parquet');
CREATE TABLE cases ("A" int, a int);
INSERT INTO cases VALUES (1, 2);
COPY cases TO '/tmp/pgd_copy_files_case.parquet';
SELECT * FROM read_parquet('/tmp/pgd_copy_files_case.parquet');
DROP TABLE cases;
-- Words that could be numbers.
COPY (SELECT 1 AS a, null AS b) TO '/tmp/pgd_copy_files.csv.gz' (NULL nan);
SELECT r['a'], r['b']::text FROM read_csv('/tmp/pgd_copy_files.csv.gz', all_varchar => true) r;
-- The wrong ways.
COPY t TO 'relative.parquet';
COPY t TO STDOUT (FORMAT parquet);
COPY t TO PROGRAM 'cat' (FORMAT parquet);
COPY t TO '/tmp/pgd_copy_files.parquet' (FORMAT parquet, NONSENSE 1);
COPY t TO '/no/such/directory/x.parquet';
COPY (INSERT INTO t VALUES (1) RETURNING id) TO '/tmp/pgd_copy_files.parquet';
COPY t2 FROM '/tmp/pgd_no_such_file.parquet';
COPY t2 (name) FROM '/tmp/pgd_copy_files.parquet';
CREATE ROLE regress_copy_files;
GRANT SELECT ON t TO regress_copy_files;
GRANT INSERT ON t2 TO regress_copy_files;
SET ROLE regress_copy_files;
COPY t TO '/tmp/pgd_copy_files_2.parquet';
COPY t2 (id, name) FROM '/tmp/pgd_copy_files.parquet';
RESET ROLE;
GRANT pg_write_server_files TO regress_copy_files;
SET ROLE regress_copy_files;
COPY t TO '/tmp/pgd_copy_files_2.parquet';
COPY h TO '/tmp/pgd_copy_files_2.parquet';
RESET ROLE;
DROP OWNED BY regress_copy_files;
DROP ROLE regress_copy_files;
\! rm -f /tmp/pgd_copy_files*
DROP TABLE t, t2, h, h2;
