-- EXPLAIN names what was shipped of a query that Postgres finishes, and why not all of it was.
CREATE TABLE t (i integer, n numeric(10, 2), word text) USING duckdb;
INSERT INTO t SELECT i, i * 1.5, 'w' || i % 3 FROM generate_series(1, 1000) i;
CREATE TABLE u USING duckdb AS SELECT i, i % 2 = 0 AS even FROM generate_series(1, 5) i;
CREATE TABLE heap (i integer);
INSERT INTO heap VALUES (1), (2), (20);
CREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE plpgsql STABLE AS 'BEGIN RETURN i * 2; END';
-- DuckDB's boxes change with its version: everything but them.
CREATE FUNCTION explained(sql text, options text DEFAULT 'COSTS off, VERBOSE') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, sql) LOOP
        CONTINUE WHEN line ~ '^\s*[│┌└├]' OR line ~ 'Logical Plan|DuckDB Execution Plan';
        CONTINUE WHEN line ~ '^ *(Projection|Filter|Relation|Aggregate|Inner Join|Left Join|SubqueryAlias|Cross Join|TableScan)[: ]' AND line !~ 'Filter: \(?twice|Join Filter';
        CONTINUE WHEN line ~ '^ *(Limit|Sort): ';
        RETURN NEXT regexp_replace(line, '"pg\d+"', '"pg"', 'g');
    END LOOP;
END $$;
-- Columns and conditions.
SELECT * FROM explained('SELECT twice(i) FROM t WHERE n > 3 AND twice(i) > 8');
-- A join, groups, a subquery, a WITH item.
SELECT * FROM explained('SELECT twice(t.i), even FROM t JOIN u USING (i) WHERE even');
SELECT * FROM explained('SELECT twice(count(*)::int), word FROM t LEFT JOIN u USING (i) GROUP BY word');
SELECT * FROM explained('SELECT twice(s.c::int) FROM (SELECT word, count(*) AS c FROM t GROUP BY word) s WHERE word > ''w0''');
SELECT * FROM explained('WITH s AS MATERIALIZED (SELECT word, count(*) AS c FROM t GROUP BY word) SELECT twice(x.c::int) FROM s x, s y');
-- What Postgres does itself has no reason of its own: it is told once.
SELECT * FROM explained('SELECT twice(t.i) FROM t JOIN u ON twice(t.i) = u.i');
-- Values of the outer side of a nested loop are parameters.
SELECT * FROM explained('SELECT h.i, x.n FROM heap h, LATERAL (SELECT max(n) AS n FROM t WHERE t.i < twice(h.i)) x');
SELECT * FROM explained('UPDATE heap SET i = t.i FROM t WHERE t.i = heap.i');
-- Order and limit, as far as the order is DuckDB's.
SELECT * FROM explained('SELECT twice(i) FROM t ORDER BY n DESC LIMIT 3 OFFSET 1');
SELECT * FROM explained('SELECT twice(i) FROM t LIMIT 3');
SELECT * FROM explained('SELECT twice(count(*)::int) FROM t GROUP BY word ORDER BY count(*) LIMIT 2');
SELECT * FROM explained('SELECT i FROM t WHERE twice(i) > 3 ORDER BY n LIMIT 2');
-- Single rows of a large table.
INSERT INTO t SELECT i, i, 'more' FROM generate_series(1001, 100000) i;
ANALYZE heap;
ALTER TABLE t ALTER n SET DEFAULT 0;
SELECT * FROM explained('SELECT heap.i, twice(t.i) FROM heap JOIN t ON t.i = heap.i AND t.word <> ''w1''');
SELECT heap.i, twice(t.i) FROM heap JOIN t ON t.i = heap.i AND t.word <> 'w1' ORDER BY 1;
-- The other formats, and after the run.
CREATE FUNCTION explained_json(sql text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT json) ' || sql INTO answer;
    RETURN answer;
END $$;
SELECT j -> 0 -> 'Plan' ->> 'Custom Plan Provider' AS provider, j -> 0 -> 'Plan' ->> 'Relation Name' AS relation,
    j -> 0 -> 'Plan' ->> 'Not Shipped Whole' AS reason
FROM explained_json('SELECT twice(i) FROM t') AS j;
SELECT j -> 0 -> 'Plan' ->> 'Not Shipped Whole' IS NULL AS whole FROM explained_json('SELECT i FROM t') AS j;
SELECT * FROM explained('SELECT twice(i) FROM t WHERE i > 99998', 'ANALYZE, COSTS off, TIMING off, SUMMARY off') AS line WHERE line ~ 'Custom Scan|Rows|Whole';
-- A NOTICE for those who want to hear of it.
SET duckdb.notice_fallback = on;
SELECT twice(i) FROM t WHERE i = 1;
SELECT i FROM t WHERE i = 1;
RESET duckdb.notice_fallback;
-- Prepared, with a parameter that is used by both.
PREPARE p (int) AS SELECT twice(i + $1) FROM t WHERE i = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE p(1);
EXECUTE p(2);
EXECUTE p(NULL);
SELECT * FROM explained('EXECUTE p(3)', 'COSTS off');
RESET plan_cache_mode;
-- Cached plans follow changes of the tables.
PREPARE q AS SELECT t, twice(i) FROM t WHERE i = 1;
PREPARE r AS SELECT twice(c::int) FROM (SELECT count(*) AS c FROM u) s;
EXECUTE q;
EXECUTE r;
ALTER TABLE t ADD COLUMN more integer;
EXECUTE q;
ALTER TABLE t DROP COLUMN word;
EXECUTE q;
ALTER TABLE u RENAME TO v;
EXECUTE r;
DROP TABLE t, v, heap;
EXECUTE r;
