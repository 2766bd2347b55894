-- Heap tables of every shape in DuckDB, compared with Postgres' own answer.
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; r record; ours text[] := '{}'; theirs text[] := '{}'; place text := 'Postgres';
BEGIN
    SET LOCAL duckdb.execution = force;
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        IF line LIKE '%DuckDBScan%' THEN place := 'DuckDB'; END IF;
    END LOOP;
    FOR r IN EXECUTE query LOOP ours := ours || r::text; END LOOP;
    SET LOCAL duckdb.execution = off;
    FOR r IN EXECUTE query LOOP theirs := theirs || r::text; END LOOP;
    SELECT array_agg(x ORDER BY x) INTO ours FROM unnest(ours) x;
    SELECT array_agg(x ORDER BY x) INTO theirs FROM unnest(theirs) x;
    RETURN place || CASE WHEN ours IS NOT DISTINCT FROM theirs THEN format(': the same %s rows', cardinality(ours))
        ELSE format(': DIFFERENT %s, %s', ours, theirs) END;
END $$;
-- Columns that are gone and columns that came later, with a default that old rows lack.
CREATE TABLE altered (a integer, gone text, b text);
INSERT INTO altered VALUES (1, 'gone', 'one'), (2, NULL, NULL);
ALTER TABLE altered DROP COLUMN gone;
ALTER TABLE altered ADD COLUMN c numeric(5, 1) DEFAULT 7.5, ADD COLUMN d text;
INSERT INTO altered VALUES (3, 'three', 1, 'later');
SELECT same('SELECT * FROM altered');
SELECT same('SELECT c, b FROM altered WHERE c > 5');
SELECT same('SELECT d, count(*) FROM altered GROUP BY d');
ALTER TABLE altered DROP COLUMN a, DROP COLUMN b, DROP COLUMN c;
SELECT same('SELECT * FROM altered');
ALTER TABLE altered DROP COLUMN d;
SELECT same('SELECT count(*) FROM altered');
-- Generated and identity columns.
CREATE TABLE generated (i integer GENERATED ALWAYS AS IDENTITY, t text, l integer GENERATED ALWAYS AS (length(t) * 2) STORED);
INSERT INTO generated (t) VALUES ('a'), ('bcd'), (NULL);
SELECT same('SELECT l, t, i FROM generated WHERE l IS NULL OR l > 2');
-- Partitions with columns in another order, dropped ones among them; a default partition; none.
CREATE TABLE parted (a integer, b text, c numeric(6, 2)) PARTITION BY RANGE (a);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE TABLE parted_2 (c numeric(6, 2), x integer, b text, a integer);
ALTER TABLE parted_2 DROP COLUMN x;
ALTER TABLE parted ATTACH PARTITION parted_2 FOR VALUES FROM (10) TO (20);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT PARTITION BY LIST (b);
CREATE TABLE parted_rest_x PARTITION OF parted_rest FOR VALUES IN ('x');
INSERT INTO parted VALUES (1, 'one', 1.5), (11, 'eleven', 2.5), (12, NULL, NULL), (99, 'x', 3);
SELECT same('SELECT * FROM parted');
SELECT same('SELECT b, c FROM parted WHERE a = 11');
SELECT same('SELECT b FROM parted WHERE a > 10 AND c > 1');
SELECT same('SELECT count(*) FROM parted');
SELECT same('SELECT p.b, q.c FROM parted p JOIN parted q ON p.a = q.a + 1');
CREATE TABLE no_parts (a integer) PARTITION BY LIST (a);
SELECT same('SELECT count(*), sum(a) FROM no_parts');
-- Inheritance, and ONLY.
CREATE TABLE parent (a integer, b text);
CREATE TABLE child (extra date, b text, a integer) INHERITS (parent);
INSERT INTO parent VALUES (1, 'parent');
INSERT INTO child (a, b, extra) VALUES (2, 'child', '2020-01-01');
SELECT same('SELECT * FROM parent WHERE a > 0');
SELECT same('SELECT * FROM ONLY parent');
-- Domains and enums, arrays and composites.
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN code AS varchar(4);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (x integer, y text);
CREATE TABLE typed (p positive, c code, m mood, a integer[], aa text[][], r pair, j jsonb, i inet, u uuid);
INSERT INTO typed VALUES
    (1, 'ab', 'ok', '{1,2,NULL}', '{{a,b},{c,d}}', (1, 'x'), '{"k": [1]}', '10.0.0.1', '00000000-0000-0000-0000-00000000000a'),
    (2, NULL, 'sad', '{}', NULL, NULL, 'null', NULL, NULL), (3, 'zz', NULL, NULL, '{{e}}', (NULL, NULL), NULL, '::1/64', NULL);
SELECT same('SELECT p, c, u FROM typed');
SELECT same('SELECT p + 1, upper(c) FROM typed WHERE p < 3 AND c = ''ab''');
SELECT same('SELECT m FROM typed WHERE m > ''sad''');
SELECT same('SELECT p FROM typed WHERE m = ''ok'' AND i << ''10.0.0.0/8''');
SELECT same('SELECT m, count(*) FROM typed GROUP BY m');
SELECT same('SELECT p, a FROM typed WHERE a @> ''{1}'' OR a = ''{}''');
SELECT same('SELECT p, aa FROM typed WHERE aa IS NOT NULL');
SELECT same('SELECT p, (r).y FROM typed WHERE (r).x = 1');
SELECT same('SELECT p, j FROM typed WHERE j ? ''k''');
SELECT same('SELECT * FROM typed');
-- TEMP tables, catalogs, no rows, no columns.
CREATE TEMP TABLE passing AS SELECT i, 'row ' || i AS t FROM generate_series(1, 5) i;
SELECT same('SELECT t FROM passing WHERE i > 3');
SELECT same('SELECT relname FROM pg_class WHERE relname = ''passing''');
SELECT same('SELECT p.t, c.relkind FROM passing p JOIN pg_class c ON c.relname = ''passing''');
CREATE TABLE empty (a integer, b text);
SELECT same('SELECT * FROM empty');
SELECT same('SELECT count(*), max(b) FROM empty WHERE a = 3');
SELECT same('SELECT e.a, p.t FROM passing p LEFT JOIN empty e ON e.a = p.i AND e.b = ''x''');
CREATE TABLE bare ();
INSERT INTO bare DEFAULT VALUES;
INSERT INTO bare DEFAULT VALUES;
SELECT same('SELECT count(*) FROM bare');
SELECT same('SELECT 1 AS one FROM bare, bare AS other');
SELECT same('SELECT count(*) FROM passing');
SELECT same('SELECT EXISTS (SELECT FROM passing WHERE i = 2)');
-- Values that are compressed, stored elsewhere, or both.
CREATE TABLE wide_values (i integer, packed text, plain text);
ALTER TABLE wide_values ALTER plain SET STORAGE EXTERNAL;
INSERT INTO wide_values SELECT i, repeat('packed ' || i, 20000), repeat(md5(i::text), 1000) FROM generate_series(1, 40) i;
SELECT same('SELECT md5(packed), md5(plain) FROM wide_values');
SELECT same('SELECT i FROM wide_values WHERE packed LIKE ''packed 7packed%'' AND length(plain) = 32000');
-- As many columns as a table can have.
SELECT format('CREATE TABLE wide (%s)', string_agg('c' || i || ' smallint', ', ')) FROM generate_series(1, 1600) i \gexec
SELECT format('INSERT INTO wide (%s) SELECT %s FROM generate_series(1, 3) g', string_agg('c' || i, ', '), string_agg('g * ' || i, ', '))
    FROM generate_series(1, 1600) i WHERE i % 2 = 0 \gexec
SELECT same('SELECT * FROM wide');
SELECT same('SELECT c1600, c1, c800 FROM wide WHERE c1598 = 1598 * 2');
-- Foreign tables, materialised views and views over them.
CREATE MATERIALIZED VIEW stored AS SELECT a, b FROM parent;
CREATE VIEW over_stored AS SELECT a, upper(b) AS b FROM stored WHERE a > 0;
SELECT same('SELECT * FROM over_stored WHERE a < 5');
DROP VIEW over_stored;
DROP MATERIALIZED VIEW stored;
-- Conditions that Postgres checks and others: semi and anti joins, correlated conditions, subqueries of every kind.
CREATE TABLE heap (k integer PRIMARY KEY, g integer, t text, n numeric(10, 2), day date);
INSERT INTO heap SELECT i, i % 10, 'text ' || i, i / 4.0, date '2020-01-01' + i FROM generate_series(1, 20000) i;
ANALYZE heap;
SELECT same('SELECT k FROM heap h WHERE k < 40 AND EXISTS (SELECT FROM heap i WHERE i.k = h.k + 1 AND i.g = 5)');
SELECT same('SELECT k FROM heap h WHERE k < 40 AND NOT EXISTS (SELECT FROM heap i WHERE i.k = h.k + 1 AND i.g = 5)');
SELECT same('SELECT k, (SELECT max(i.k) FROM heap i WHERE i.g = h.g AND i.k < 100) FROM heap h WHERE h.k < 5');
SELECT same('SELECT k FROM heap WHERE k IN (SELECT g FROM heap WHERE t = ''text 14'')');
SELECT same('SELECT g, count(*) FROM heap WHERE k BETWEEN 5 AND 5000 AND day < date ''2024-01-01'' GROUP BY g HAVING g > 3');
SELECT same('SELECT a.k, b.t FROM heap a JOIN heap b USING (k) WHERE k = 17');
SELECT same('SELECT k FROM (SELECT k, g FROM heap WHERE g = 3) s WHERE k < 50');
SELECT same('WITH w AS (SELECT k, g FROM heap WHERE k < 30) SELECT a.k FROM w a JOIN w b ON a.k = b.g');
SELECT same('SELECT k FROM heap WHERE g = 3 AND k < 20 UNION ALL SELECT k FROM heap WHERE k = 77');
SELECT same('SELECT k FROM heap WHERE NULL::boolean');
SELECT same('SELECT k FROM heap WHERE k < 5 AND 1 = 2');
SELECT same('SELECT k FROM heap WHERE (k = 5 OR k = 7) AND n::text LIKE ''1.%''');
SELECT same('SELECT k FROM heap WHERE k = ANY (ARRAY[5, NULL, 9]) AND t = ANY (ARRAY[''text 5''])');
SELECT same('SELECT k FROM heap WHERE heap.* IS NOT NULL AND k < 4');
SELECT same('SELECT k FROM heap WHERE ctid = ''(0,3)''');
SELECT same('SELECT count(*) FROM heap WHERE tableoid = ''heap''::regclass AND k < 7');
SELECT same('SELECT k FROM heap WHERE day + 1 = date ''2020-01-05''');
DROP TABLE altered, generated, parted, no_parts, child, parent, typed, passing, empty, bare, wide_values, wide, heap;
DROP TYPE mood, pair;
DROP DOMAIN positive, code;
DROP FUNCTION same;
