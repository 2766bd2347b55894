-- duckdb.force_execution: the same answers, and what DuckDB cannot run stays where it was.
CREATE TABLE heap (id integer, label text, n numeric, at timestamptz, tags text[]);
INSERT INTO heap SELECT i, 'l' || i % 3, i / 4.0, timestamptz '2024-01-01 00:00+00' + i * interval '1 day', ARRAY['a', 'b' || i] FROM generate_series(1, 6) i;
CREATE FUNCTION runs_in(sql text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    EXECUTE 'EXPLAIN (COSTS off) ' || sql INTO line;
    RETURN CASE WHEN line ~ 'DuckDBScan' THEN 'DuckDB' ELSE 'Postgres' END;
END $$;
SELECT runs_in('SELECT count(*) FROM heap');
SET duckdb.force_execution = true;
SELECT runs_in(q), q FROM (VALUES
    ('SELECT count(*) FROM heap'),
    ('SELECT label, sum(n) FROM heap GROUP BY label ORDER BY label'),
    ('SELECT a.id FROM heap a JOIN heap b USING (id) WHERE a.label LIKE ''l%'''),
    ('WITH w AS (SELECT * FROM heap) SELECT max(at) FROM w'),
    ('SELECT 1'),
    ('SELECT * FROM generate_series(1, 3)'),
    ('SELECT to_tsvector(label) FROM heap'),
    ('SELECT relname FROM pg_class'),
    ('SELECT id FROM heap FOR UPDATE'),
    ('SELECT ctid FROM heap'),
    ('SELECT heap FROM heap'),
    ('UPDATE heap SET id = id'),
    ('INSERT INTO heap SELECT * FROM heap')) v (q);
SELECT label, count(*), sum(n), avg(n), min(at) FROM heap GROUP BY label ORDER BY label;
SELECT id, n FROM heap ORDER BY n DESC LIMIT 2 OFFSET 1;
SELECT tags, tags[2] FROM heap WHERE id = 3;
SELECT count(*) FROM heap WHERE at > timestamptz '2024-01-03 00:00+00' AND label IN ('l0', 'l1');
PREPARE p AS SELECT id FROM heap WHERE label = $1 ORDER BY id;
EXECUTE p('l1');
EXECUTE p('l2');
BEGIN;
UPDATE heap SET label = 'changed' WHERE id = 1;
SELECT count(*) FROM heap WHERE label = 'changed';
DECLARE c CURSOR FOR SELECT id FROM heap ORDER BY id;
FETCH 2 FROM c;
ROLLBACK;
CREATE TABLE copy_heap AS SELECT label, count(*) AS c FROM heap GROUP BY label;
CREATE TABLE copy_duck USING duckdb AS SELECT id, label FROM heap;
SELECT (SELECT count(*) FROM copy_heap) AS heap, (SELECT count(*) FROM copy_duck) AS duck;
SELECT to_tsvector(label) FROM heap WHERE id = 1;
SELECT 1 / (id - 1) FROM heap;
-- Inheritance.
CREATE TABLE parent (i integer);
CREATE TABLE child (j integer) INHERITS (parent);
INSERT INTO parent VALUES (1);
INSERT INTO child VALUES (2, 3);
SELECT * FROM parent ORDER BY i;
SELECT * FROM ONLY parent;
RESET duckdb.force_execution;
DROP TABLE copy_duck;
DROP TABLE copy_heap, child, parent, heap;
DROP FUNCTION runs_in(text);
