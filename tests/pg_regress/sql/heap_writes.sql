-- Heap tables written from duckdb tables and files, and the reverse.
CREATE TABLE duck (i integer, word text, n numeric(8, 2)) USING duckdb;
INSERT INTO duck SELECT i, 'w' || i, i / 4.0 FROM generate_series(1, 6) i;
COPY (SELECT i, word FROM duck WHERE i > 4) TO ':directory/heap_writes.parquet';
CREATE TABLE heap (i integer PRIMARY KEY, word text, n numeric(8, 2) DEFAULT 9);
INSERT INTO heap SELECT * FROM duck WHERE i < 4;
INSERT INTO heap (i, word) SELECT r['i'], r['word'] FROM read_parquet(':directory/heap_writes.parquet') r;
INSERT INTO heap SELECT i + 100, word FROM duck ORDER BY i DESC LIMIT 1 RETURNING *;
UPDATE heap SET word = d.word || '!', n = d.n * 2 FROM duck d WHERE d.i = heap.i AND d.n > 0.5 RETURNING heap.i, heap.n;
UPDATE heap SET word = r['word'] FROM read_parquet(':directory/heap_writes.parquet') r WHERE r['i'] = heap.i;
DELETE FROM heap USING duck d WHERE d.i = heap.i AND d.word = 'w1' RETURNING heap.i;
MERGE INTO heap USING duck d ON d.i = heap.i
    WHEN MATCHED AND d.i = 2 THEN DELETE
    WHEN MATCHED THEN UPDATE SET n = d.n
    WHEN NOT MATCHED THEN INSERT VALUES (d.i, 'new', d.n);
SELECT * FROM heap ORDER BY i;
-- Tables made of queries.
CREATE TABLE from_duck AS SELECT i, upper(word) AS word FROM duck WHERE n > 1;
SELECT d.i, h.word INTO from_both FROM duck d JOIN heap h USING (i) WHERE h.n < 5;
SELECT * FROM from_duck ORDER BY i;
SELECT * FROM from_both ORDER BY i;
SELECT relname, amname FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname LIKE 'from\_%' ORDER BY 1;
CREATE TABLE from_heap USING duckdb AS SELECT h.i, h.word, d.n FROM heap h JOIN duck d USING (i) WHERE h.i < 6;
INSERT INTO from_heap SELECT i, word, n FROM heap WHERE i > 100;
SELECT * FROM from_heap ORDER BY i;
-- Materialised views.
CREATE MATERIALIZED VIEW sums AS SELECT d.i, sum(h.n) AS total FROM duck d JOIN heap h ON h.i >= d.i GROUP BY d.i WITH NO DATA;
SELECT * FROM sums;
REFRESH MATERIALIZED VIEW sums;
CREATE UNIQUE INDEX ON sums (i);
SELECT * FROM sums ORDER BY i;
INSERT INTO duck VALUES (7, 'w7', 7);
UPDATE heap SET n = n + 1 WHERE i = 6;
REFRESH MATERIALIZED VIEW CONCURRENTLY sums;
SELECT * FROM sums ORDER BY i;
SELECT s.i FROM sums s JOIN duck d USING (i) WHERE s.total > 15 ORDER BY 1;
-- An error in the middle leaves nothing behind.
INSERT INTO heap SELECT i, word FROM duck;
INSERT INTO heap SELECT 200 + i, word, 10 / (i - 3) FROM duck;
CREATE TABLE broken AS SELECT 10 / (i - 3) AS q FROM duck;
SELECT count(*) FROM heap;
-- A heap row of this statement's own snapshot only.
INSERT INTO heap SELECT h.i + 300, h.word, h.n FROM heap h JOIN duck d USING (i);
SELECT count(*) FROM heap;
DROP MATERIALIZED VIEW sums;
DROP TABLE heap, from_duck, from_both;
DROP TABLE duck, from_heap;
