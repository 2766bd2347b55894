-- Heap tables beside duckdb tables, and alone under duckdb.force_execution.
CREATE TABLE heap (k integer, label text, amount numeric(10, 2));
INSERT INTO heap VALUES (1, 'one', 1.10), (2, 'two', 2.20), (3, NULL, 3.30), (NULL, 'none', NULL);
CREATE TABLE duck (k integer, word text) USING duckdb;
INSERT INTO duck VALUES (1, 'uno'), (2, 'dos'), (4, 'cuatro');
SELECT h.k, label, word FROM heap h JOIN duck d ON h.k = d.k ORDER BY 1;
SELECT h.k, label, word FROM heap h FULL JOIN duck d ON h.k = d.k ORDER BY 1, 2;
SELECT word FROM duck WHERE k IN (SELECT k FROM heap WHERE amount > 1.5);
SELECT label, (SELECT word FROM duck d WHERE d.k = h.k) AS word FROM heap h ORDER BY 1;

-- What this transaction has changed is seen.
BEGIN;
DELETE FROM heap WHERE k = 1;
SELECT count(*) FROM heap h JOIN duck d ON h.k = d.k;
ROLLBACK;

-- Alone: by Postgres, or by DuckDB.
EXPLAIN (COSTS off) SELECT sum(amount) FROM heap;
SET duckdb.force_execution = true;
SELECT sum(amount), avg(amount), count(*) FROM heap;
RESET duckdb.force_execution;
SELECT sum(amount), avg(amount), count(*) FROM heap;

-- A view over both, and a partitioned table.
CREATE VIEW both_kinds AS SELECT h.k, word FROM heap h JOIN duck d USING (k);
SELECT * FROM both_kinds ORDER BY k;
CREATE TABLE parted (k integer, v text) PARTITION BY RANGE (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (2);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (2) TO (9);
INSERT INTO parted VALUES (1, 'a'), (2, 'b'), (4, 'c');
SELECT p.v, d.word FROM parted p JOIN duck d USING (k) ORDER BY 1;
DROP VIEW both_kinds;
DROP TABLE heap, parted;
DROP TABLE duck;
