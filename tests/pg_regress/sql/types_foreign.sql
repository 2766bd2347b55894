-- Types that DuckDB lacks cross as their text: passed on, but compared by Postgres alone.
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a integer, b text);
CREATE TABLE heap (id integer, m mood, i inet, b bit(4), j jsonb, r int4range, p pair, c "char", o oid, ms mood[]);
INSERT INTO heap VALUES
    (1, 'happy', '10.0.0.1/8', B'0101', '{"b": 1.50, "a": [null]}', '[1,5)', '(1,"x y")', 'r', 4294967295, '{sad,NULL}'),
    (2, 'sad', '::1', B'1111', '[]', 'empty', '(,)', '', 0, '{}'),
    (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE d (id integer, n integer) USING duckdb;
INSERT INTO d VALUES (1, 10), (2, 20), (3, 30);
SELECT h.*, d.n FROM heap h JOIN d USING (id) ORDER BY id;
-- The order is that of the enum, not of its text.
SELECT m, n FROM heap h JOIN d USING (id) ORDER BY m;
SELECT m, count(*) FROM heap h JOIN d USING (id) GROUP BY m ORDER BY m;
SELECT id FROM heap h JOIN d USING (id) WHERE m > 'sad';
SELECT max(m), min(i) FROM heap h JOIN d USING (id);
SELECT DISTINCT j FROM heap h JOIN d USING (id) ORDER BY j;
SELECT j ->> 'b' AS b, j @> '{"a": [null]}' AS holds FROM heap h JOIN d USING (id) WHERE d.n = 10;
SELECT upper(r), length(b), (p).b, ms[1], array_length(ms, 1) FROM heap h JOIN d USING (id) WHERE d.n = 10;
SELECT j::text, b::text, count(m) OVER () FROM heap h JOIN d USING (id) ORDER BY id;
SELECT coalesce(m, 'ok') AS m, CASE WHEN n > 10 THEN i ELSE '1.2.3.4' END AS i FROM heap h JOIN d USING (id) ORDER BY id;
SELECT m FROM heap JOIN d USING (id) UNION ALL SELECT 'ok' FROM d WHERE n = 10;
PREPARE given (mood, jsonb, inet) AS SELECT $1, $2, $3, n FROM d WHERE n < 15;
EXECUTE given ('happy', '{"a": 1}', '10.0.0.1');
EXECUTE given (NULL, NULL, NULL);
-- Arrays that are no lists: Postgres runs the query again.
INSERT INTO heap (id, ms) VALUES (4, '{{sad,ok},{ok,sad}}'), (5, '[0:1]={ok,sad}');
SELECT id, ms FROM heap h WHERE EXISTS (SELECT FROM d WHERE d.n > h.id) ORDER BY id;
CREATE TABLE arrays (a integer[]);
INSERT INTO arrays VALUES ('{{1,2},{3,4}}');
SELECT a, n FROM arrays, d;
UPDATE arrays SET a = '[0:1]={1,2}';
SELECT a, n FROM arrays, d;
-- A column that says so is read by Postgres itself.
CREATE TABLE grids (a integer[][]);
INSERT INTO grids VALUES ('{{1,2},{3,4}}'), ('{5}');
SELECT a, a[1][2] AS second, n FROM grids, d ORDER BY n, a;
DROP TABLE grids;
-- In duckdb tables: jsonb and oid.
CREATE TABLE documents (id integer, j jsonb, o oid) USING duckdb;
INSERT INTO documents VALUES (1, '{"b": 1.50, "a": [null], "b": 2}', 4294967295), (2, '"x"', 0), (3, NULL, NULL);
INSERT INTO documents SELECT id + 10, j, o FROM heap WHERE id < 4;
SELECT * FROM documents ORDER BY id;
SELECT j, count(*) FROM documents GROUP BY j ORDER BY j;
SELECT id FROM documents WHERE j = '{"a": [null], "b": 2}' OR j ? 'x' ORDER BY id;
CREATE TABLE moods (m mood) USING duckdb;
CREATE TABLE moods (m jsonb[]) USING duckdb;
DROP TABLE heap, d, arrays, documents;
DROP TYPE mood, pair;
