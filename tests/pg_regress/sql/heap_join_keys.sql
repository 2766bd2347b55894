-- Joins of a few rows of a duckdb table with a large heap table: the keys go back to Postgres.
CREATE TABLE heap (k integer PRIMARY KEY, g integer, t text, n numeric(10, 2));
INSERT INTO heap SELECT i, i % 10, 'text ' || i, i / 4.0 FROM generate_series(1, 60000) i;
CREATE INDEX heap_t ON heap (t);
VACUUM ANALYZE heap;
CREATE TABLE duck (k integer, t text, kind integer, day date) USING duckdb;
INSERT INTO duck SELECT i * 7, 'text ' || i, i % 5, date '2020-01-01' + i FROM generate_series(1, 1000) i;
INSERT INTO duck VALUES (NULL, NULL, 3, NULL), (70, 'text 7', 3, NULL), (-5, 'none', 3, NULL);
CREATE TABLE large (k integer) USING duckdb;
INSERT INTO large SELECT i FROM generate_series(1, 20000) i;
-- The lines of EXPLAIN ANALYZE about the feeds of a query, and how many rows they gave.
CREATE FUNCTION feeds(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text; seen boolean := false;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) ' || query LOOP
        seen := seen OR line LIKE '%Feed: bridge_scan%';
        IF line ~ 'BRIDGE_SCAN .*rows=' THEN RETURN NEXT 'rows fed: ' || substring(line, 'rows=(\d+)'); END IF;
        IF seen AND line ~ 'Keys' THEN RETURN NEXT regexp_replace(line, '"pg\d+"', '"pg"'); END IF;
    END LOOP;
END $$;
SELECT * FROM feeds('SELECT h.n, d.day FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 3');
SELECT count(*), sum(h.n), min(d.day) FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 3;
-- By text, the other way round, with a condition of its own, in a comma join, USING.
SELECT * FROM feeds('SELECT h.n FROM duck d, heap h WHERE d.t = h.t AND d.kind = 2 AND h.g = 7');
SELECT count(*), sum(h.n) FROM duck d, heap h WHERE d.t = h.t AND d.kind = 2 AND h.g = 7;
SELECT count(*), sum(h.n) FROM heap h JOIN duck d USING (k, t) WHERE kind > 1;
SELECT count(*) FROM heap h JOIN duck d ON h.k = d.k + 1 AND d.kind = 1;
-- No keys at all; more than are sent back; a table so small that nobody asks.
SELECT * FROM feeds('SELECT h.n FROM heap h JOIN duck d USING (k) WHERE d.kind = 99');
SELECT * FROM feeds('SELECT h.n FROM heap h JOIN large l USING (k)');
SELECT count(*) FROM heap h JOIN large l USING (k);
-- Where a side may come without a match, its rows are all needed.
SELECT * FROM feeds('SELECT h.n FROM heap h LEFT JOIN duck d ON h.k = d.k AND d.kind = 3');
SELECT count(*), count(d.k) FROM heap h LEFT JOIN duck d ON h.k = d.k AND d.kind = 3;
SELECT count(*), count(h.k) FROM duck d LEFT JOIN heap h ON h.k = d.k;
SELECT count(*), count(h.k), count(d.k) FROM duck d FULL JOIN heap h ON h.k = d.k;
SELECT count(*) FROM heap h WHERE NOT EXISTS (SELECT FROM duck d WHERE d.k = h.k AND d.kind = 3);
SELECT count(*) FROM heap h JOIN duck d ON h.k = d.k OR d.kind = 77;
SELECT count(*) FROM heap h JOIN duck d ON h.k < d.k AND h.k = 5;
SELECT count(x.k) FROM duck e LEFT JOIN (SELECT h.k FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 2) x ON x.k = e.k;
-- Several feeds in one statement, and a statement that changes a table.
SELECT count(*), sum(a.n + b.n) FROM heap a JOIN duck d ON a.k = d.k JOIN heap b ON b.t = d.t WHERE d.kind = 4 AND b.g < 5;
BEGIN;
DELETE FROM duck USING heap h WHERE h.k = duck.k AND duck.kind = 4 AND h.g < 5;
SELECT count(*) FROM duck;
SELECT count(*) FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 4;
ROLLBACK;
-- What this transaction has changed, on both sides.
BEGIN;
DELETE FROM heap WHERE k = 21;
UPDATE heap SET n = 1000 WHERE k = 56;
SELECT count(*), sum(h.n) FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 3;
ROLLBACK;
BEGIN;
INSERT INTO duck VALUES (59999, 'new', 3, NULL);
SELECT count(*), max(h.k) FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 3;
ROLLBACK;
-- Parameters, cursors, and a write after a statement that has asked for keys.
PREPARE by_kind(integer) AS SELECT count(*) FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = $1;
EXECUTE by_kind(3);
SET plan_cache_mode = force_generic_plan;
EXECUTE by_kind(3);
EXECUTE by_kind(NULL);
INSERT INTO duck VALUES (8, 'eight', 3, NULL);
EXECUTE by_kind(3);
BEGIN;
DECLARE c CURSOR FOR SELECT h.k FROM heap h JOIN duck d ON h.k = d.k WHERE d.kind = 3 ORDER BY 1;
FETCH 2 FROM c;
INSERT INTO duck VALUES (9, 'nine', 3, NULL);
FETCH 2 FROM c;
EXECUTE by_kind(3);
COMMIT;
EXECUTE by_kind(3);
DROP TABLE heap;
DROP TABLE duck, large;
DROP FUNCTION feeds;
