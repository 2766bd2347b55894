-- Which conditions on heap tables Postgres checks before it feeds their rows.
CREATE TABLE heap (k integer PRIMARY KEY, g integer, t text, n numeric(10, 2), address inet, day date);
INSERT INTO heap SELECT i, i % 10, 'text ' || i, i / 4.0, ('10.0.' || i % 4 || '.1')::inet, date '2020-01-01' + i
    FROM generate_series(1, 20000) i;
ANALYZE heap;
CREATE TABLE duck (k integer, word text) USING duckdb;
INSERT INTO duck SELECT i, 'word ' || i FROM generate_series(1, 50) i;
-- What Postgres is left with: the plans of the feeds.
CREATE FUNCTION feeds(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text; seen boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
        seen := seen OR line LIKE '%Feed: bridge_scan%';
        IF seen AND line !~ 'Keys From' THEN RETURN NEXT line; END IF;
    END LOOP;
END $$;

-- An index, a filter, and what is cheaper in DuckDB.
SELECT * FROM feeds('SELECT h.t, d.word FROM heap h JOIN duck d USING (k) WHERE h.k < 10 AND h.g = 3');
SELECT * FROM feeds('SELECT h.t, d.word FROM heap h JOIN duck d USING (k) WHERE h.t <> ''text 7''');
SELECT h.t, d.word FROM heap h JOIN duck d USING (k) WHERE h.k < 10 AND h.g = 3 AND h.t <> 'text 7';
-- What DuckDB must not run, Postgres runs: no type for it, no function for it.
SELECT * FROM feeds('SELECT count(*) FROM heap h JOIN duck d USING (k) WHERE h.address << ''10.0.0.0/16'' AND h.k <> 3');
SELECT count(*) FROM heap h JOIN duck d USING (k) WHERE h.address << '10.0.1.0/24' AND h.k <> 3;
-- Outer joins: conditions of WHERE on the side that is kept, of ON on the other.
SELECT * FROM feeds('SELECT d.k, h.t FROM duck d LEFT JOIN heap h ON h.k = d.k AND h.g = 3 WHERE d.k < 5');
SELECT d.k, h.t FROM duck d LEFT JOIN heap h ON h.k = d.k AND h.g = 3 WHERE d.k < 5 ORDER BY 1;
SELECT * FROM feeds('SELECT d.k, h.t FROM duck d LEFT JOIN heap h ON h.k = d.k WHERE h.g = 3 OR h.g IS NULL');
SELECT d.k, h.k FROM duck d LEFT JOIN heap h ON h.k = d.k + 19995 WHERE h.g IS NULL AND d.k < 8 ORDER BY 1;
SELECT * FROM feeds('SELECT h.k, d.word FROM heap h LEFT JOIN duck d ON h.k = d.k AND h.g = 3 WHERE h.k < 4');
SELECT h.k, d.word FROM heap h LEFT JOIN duck d ON h.k = d.k AND h.g = 3 WHERE h.k < 4 ORDER BY 1;
SELECT h.k, d.word FROM duck d RIGHT JOIN heap h ON h.k = d.k AND d.k > 1 WHERE h.k < 3 ORDER BY 1;
SELECT count(*), count(h.k), count(d.k) FROM heap h FULL JOIN duck d ON h.k = d.k AND h.g = 3 AND h.k < 5;
SELECT * FROM feeds('SELECT 1 FROM heap h FULL JOIN duck d ON h.k = d.k AND h.g = 3 WHERE h.k < 5');
SELECT a.k, b.k FROM duck d LEFT JOIN (heap a JOIN heap b ON a.k = b.k + 1 AND b.g = 1) ON d.k = a.k WHERE d.k < 4 ORDER BY 1, 2, d.k;
-- Parameters, of a custom plan and of a generic one; stable functions.
PREPARE point(integer) AS SELECT h.t, d.word FROM heap h JOIN duck d USING (k) WHERE h.k = $1;
SELECT * FROM feeds('EXECUTE point(7)');
EXECUTE point(7);
SET plan_cache_mode = force_generic_plan;
SELECT * FROM feeds('EXECUTE point(7)');
EXECUTE point(7);
EXECUTE point(NULL);
PREPARE dated AS SELECT count(*), now() IS NOT NULL AS later FROM heap h JOIN duck d USING (k) WHERE h.day < current_date;
EXECUTE dated;
-- In another transaction the text is written again; the feeds may be others then.
DELETE FROM heap WHERE k > 100;
ANALYZE heap;
EXECUTE dated;
RESET plan_cache_mode;
CREATE FUNCTION by_argument(wanted integer) RETURNS bigint LANGUAGE plpgsql AS
    $$ BEGIN RETURN (SELECT count(*) FROM heap h JOIN duck d USING (k) WHERE h.k > wanted); END $$;
SELECT by_argument(45), by_argument(10);

-- Volatile functions and functions that are not C stay where they were; so do those of DuckDB.
CREATE FUNCTION small(integer) RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 < 4; END';
SELECT h.k FROM heap h JOIN duck d USING (k) WHERE small(h.k) ORDER BY 1;
SELECT count(*) FROM heap h JOIN duck d USING (k) WHERE h.k > random() * 0;

-- LIMIT: where the level is one feed and nothing filters it in DuckDB.
SET duckdb.execution = force;
SELECT * FROM feeds('SELECT k, t FROM heap WHERE t <> ''x'' LIMIT 3');
SELECT * FROM feeds('SELECT k FROM heap OFFSET 2 LIMIT 3');
SELECT * FROM feeds('SELECT k FROM heap ORDER BY g LIMIT 3');
SELECT * FROM feeds('SELECT DISTINCT g FROM heap LIMIT 3');
SELECT * FROM feeds('SELECT count(*) FROM heap LIMIT 3');
SELECT * FROM feeds('SELECT k FROM heap WHERE small(k) LIMIT 3');
SELECT count(*) FROM (SELECT k FROM heap WHERE t <> 'text 1' LIMIT 3) s;
SELECT count(*) FROM (SELECT k FROM heap LIMIT 3 OFFSET 98) s;
SELECT count(*) FROM (SELECT k FROM heap LIMIT 0) s;
SELECT count(*) FROM (SELECT k FROM heap LIMIT NULL) s;
SELECT k FROM heap LIMIT -1;
PREPARE first_ones(bigint) AS SELECT k FROM heap WHERE g = 3 LIMIT $1;
EXECUTE first_ones(2);
EXECUTE first_ones(NULL);
EXECUTE first_ones(-1);
RESET duckdb.execution;

-- In changes of duckdb tables too.
SELECT * FROM feeds('DELETE FROM duck USING heap h WHERE h.k = duck.k AND h.g = 3 AND h.k < 20');
DELETE FROM duck USING heap h WHERE h.k = duck.k AND h.g = 3 AND h.k < 20;
UPDATE duck SET word = h.t FROM heap h WHERE h.k = duck.k AND h.address << '10.0.2.0/24' AND h.k < 8;
INSERT INTO duck SELECT k + 1000, t FROM heap WHERE k = 9;
MERGE INTO duck USING (SELECT * FROM heap WHERE k IN (1, 60)) h ON h.k = duck.k
    WHEN MATCHED THEN UPDATE SET word = 'merged' WHEN NOT MATCHED THEN INSERT VALUES (h.k, h.t);
SELECT * FROM duck WHERE word NOT LIKE 'word%' ORDER BY k;
SELECT count(*) FROM duck WHERE k % 10 = 3;

-- EXPLAIN in its other formats.
CREATE FUNCTION feeds_json(query text) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
    EXECUTE 'EXPLAIN (COSTS off, FORMAT json) ' || query INTO plan;
    RETURN plan #> '{0,Plan,Feeds}' #- '{0,Keys From}';
END $$;
SELECT jsonb_pretty(feeds_json('SELECT h.t FROM heap h JOIN duck d USING (k) WHERE h.g = 3'));
DROP TABLE heap;
DROP TABLE duck;
DROP FUNCTION feeds, by_argument, small, feeds_json;
