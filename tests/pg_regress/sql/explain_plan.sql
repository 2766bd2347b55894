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
SELECT * FROM explain_lines('EXPLAIN ANALYZE SELECT i FROM t', 'Custom Scan \(DuckDBScan\)', 'actual', 'Total Time', 'rows=3', 'Rows Sent: 3', 'Batches Sent: 1', 'Bytes Sent');
-- It runs once.
SELECT count(*) > 0 AS explained FROM explain_lines('EXPLAIN ANALYZE INSERT INTO t VALUES (4, 4)', '.');
SELECT count(*) FROM t;
-- JSON is valid JSON.
CREATE FUNCTION explain_json_analyze(sql text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    answer json;
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT JSON) ' || sql INTO answer;
    RETURN answer;
END $$;
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
SELECT j -> 0 -> 'Plan' ->> 'Actual Rows' AS rows, j -> 0 -> 'Plan' ->> 'Rows Sent' AS sent, jsonb_typeof((j -> 0 -> 'Plan' -> 'DuckDB Execution Plan')::jsonb) AS plan
FROM explain_json_analyze('SELECT * FROM t') AS j;
-- A write may be explained where it could not run.
BEGIN READ ONLY;
SELECT * FROM explain_lines('EXPLAIN INSERT INTO t SELECT i, n FROM t', 'Custom Scan .*\)', 'INSERT');
ROLLBACK;
SELECT count(*) FROM t;
-- CREATE TABLE AS, a cursor, a prepared statement with parameters.
SELECT * FROM explain_lines('EXPLAIN (COSTS off) CREATE TABLE u USING duckdb AS SELECT * FROM t', 'Custom Scan .*\)', 'SEQ_SCAN');
SELECT * FROM explain_lines('EXPLAIN (COSTS off) DECLARE c CURSOR FOR SELECT * FROM t', 'Custom Scan .*\)', 'SEQ_SCAN');
PREPARE p(int) AS SELECT * FROM t WHERE i = $1;
SELECT * FROM explain_lines('EXPLAIN (COSTS off) EXECUTE p(1)', 'Custom Scan .*\)', 'SEQ_SCAN');
SELECT * FROM explain_lines('EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) EXECUTE p(1)', 'Custom Scan .*\)', 'rows=\d');
-- A heap table feeds the scan.
CREATE TABLE heap (i integer);
INSERT INTO heap VALUES (1), (2);
SELECT * FROM explain_lines('EXPLAIN (VERBOSE, COSTS off) SELECT count(*) FROM t JOIN heap USING (i)', 'Custom Scan .*\)', 'BRIDGE_SCAN|bridge_scan', 'HASH_JOIN');
SET duckdb.force_execution = true;
SELECT * FROM explain_lines('EXPLAIN (COSTS off) SELECT count(*) FROM heap', 'Custom Scan .*\)', 'Seq Scan');
RESET duckdb.force_execution;
-- The other formats.
SELECT * FROM explain_lines('EXPLAIN (FORMAT yaml, COSTS off) SELECT i FROM t', 'Custom Plan Provider: .DuckDBScan.', 'DuckDB Execution Plan');
DROP TABLE heap;
DROP TABLE t;
