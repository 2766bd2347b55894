-- EXPLAIN shows our node and DuckDB's plan. DuckDB's boxes change with its version, so only
-- the lines that are ours are kept.
CREATE TABLE t (i integer, n numeric(10, 2)) USING duckdb;
INSERT INTO t VALUES (1, 1.5), (2, 2.5), (3, NULL);
CREATE FUNCTION explain_lines(sql text, VARIADIC patterns text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    pattern text;
BEGIN
    FOR line IN EXECUTE sql LOOP
        FOREACH pattern IN ARRAY patterns LOOP
            IF line ~ pattern THEN
                RETURN NEXT substring(line FROM pattern);
            END IF;
        END LOOP;
    END LOOP;
END $$;
SELECT * FROM explain_lines('EXPLAIN SELECT sum(n) FROM t WHERE i > 1', 'Custom Scan \(DuckDBScan\)', 'SEQ_SCAN|TABLE_SCAN', 'DuckDB Execution Plan');
-- VERBOSE: the logical plan and the SQL for DuckDB.
SELECT * FROM explain_lines('EXPLAIN VERBOSE SELECT i FROM t WHERE i > 1', 'Custom Scan \(DuckDBScan\)', 'LogicalPlan|Logical Plan', 'DuckDB SQL', 'TableScan|Filter');
-- ANALYZE: DuckDB's profile, and what crossed the ring.
SELECT * FROM explain_lines('EXPLAIN ANALYZE SELECT i FROM t', 'Custom Scan \(DuckDBScan\)', 'actual.*rows=3', 'Total Time', '[Rr]ows.*3', '[Bb]atches', '[Bb]ytes');
-- It runs once.
SELECT count(*) FROM explain_lines('EXPLAIN ANALYZE INSERT INTO t VALUES (4, 4)', '.');
SELECT count(*) FROM t;
-- JSON is valid JSON.
CREATE FUNCTION explain_json(sql text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    EXECUTE 'EXPLAIN (FORMAT JSON) ' || sql INTO answer;
    RETURN answer;
END $$;
SELECT j -> 0 -> 'Plan' ->> 'Node Type' AS node, j -> 0 -> 'Plan' ->> 'Custom Plan Provider' AS provider,
    j -> 0 -> 'Plan' -> 'DuckDB Execution Plan' IS NOT NULL AS plan
FROM explain_json('SELECT sum(n) FROM t') AS j;
DROP TABLE t;
