-- Files among tables: views, CREATE TABLE AS, INSERT .. SELECT, joins, cursors, prepared statements.
COPY (SELECT i AS id, 'r' || i AS name, i * 1.5 AS amount FROM generate_series(1, 4) i) TO ':directory/q.csv' (FORMAT csv, HEADER);
CREATE VIEW v AS SELECT r['id'] AS id, r['name'] AS name FROM read_csv(':directory/q.csv') r;
\d+ v
SELECT * FROM v WHERE id > 2 ORDER BY id;
SELECT count(*), max(name) FROM v;
CREATE VIEW star AS SELECT * FROM read_csv(':directory/q.csv');
\d star
SELECT * FROM star ORDER BY id LIMIT 1;
CREATE VIEW over_view AS SELECT id * 2 AS twice FROM v;
SELECT * FROM over_view ORDER BY 1;
CREATE TABLE duck USING duckdb AS SELECT * FROM read_csv(':directory/q.csv');
CREATE TABLE duck2 USING duckdb AS SELECT r['id']::int AS id, r['name']::varchar(10) AS name FROM read_csv(':directory/q.csv') r WHERE r['id'] > 1;
\d duck2
SELECT * FROM duck2 ORDER BY id;
CREATE TABLE heap AS SELECT * FROM read_csv(':directory/q.csv');
\d heap
SELECT * FROM heap ORDER BY id;
CREATE TEMP TABLE temporary USING duckdb AS SELECT r['name'] FROM read_csv(':directory/q.csv') r;
SELECT count(*) FROM temporary;
CREATE TABLE target (id integer, name text, amount numeric(8, 2)) USING duckdb;
INSERT INTO target SELECT * FROM read_csv(':directory/q.csv');
INSERT INTO target (name, id) SELECT r['name'], r['id'] + 10 FROM read_csv(':directory/q.csv') r WHERE r['id'] < 3;
INSERT INTO target SELECT r['id'], r['name'], r['amount'] FROM read_csv(':directory/q.csv') r WHERE r['id'] = 4;
SELECT * FROM target ORDER BY id, name;
BEGIN;
INSERT INTO heap SELECT * FROM read_csv(':directory/q.csv');
SELECT count(*) FROM heap;
ROLLBACK;
SELECT h.id, t.name, r['amount'] FROM heap h JOIN target t ON t.id = h.id LEFT JOIN read_csv(':directory/q.csv') r ON r['id'] = h.id AND r['id'] > 2 ORDER BY 1, 2, 3;
SELECT h.id FROM heap h WHERE EXISTS (SELECT FROM read_csv(':directory/q.csv') r WHERE r['id'] = h.id AND r['name'] = 'r3');
SELECT h.id, (SELECT r['name'] FROM read_csv(':directory/q.csv') r WHERE r['id'] = h.id) AS n FROM heap h ORDER BY 1;
-- Prepared statements.
PREPARE by_text AS SELECT r['id'] FROM read_csv(':directory/q.csv') r WHERE r['name'] = $1;
EXECUTE by_text('r2');
PREPARE by_int(int) AS SELECT r['name'] FROM read_csv(':directory/q.csv') r WHERE r['id'] = $1;
EXECUTE by_int(3);
EXECUTE by_int(NULL);
PREPARE by_cast AS SELECT r['name'] FROM read_csv(':directory/q.csv') r WHERE r['id'] > $1::int ORDER BY 1;
EXECUTE by_cast(2);
PREPARE ordered AS SELECT * FROM target ORDER BY id DESC, name LIMIT $1;
EXECUTE ordered(2);
PREPARE file_name(text) AS SELECT * FROM read_csv($1);
-- Cursors.
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM read_csv(':directory/q.csv') r ORDER BY r['id'];
FETCH 2 FROM c;
FETCH 1 FROM c;
COMMIT;
-- A file that changes its columns under a view.
COPY (SELECT 'x' AS id) TO ':directory/q.csv' (FORMAT csv, HEADER);
SELECT * FROM v;
SELECT * FROM star;
DROP VIEW over_view, v, star;
DROP TABLE duck, duck2, target;
DROP TABLE heap;
