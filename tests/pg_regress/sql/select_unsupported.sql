-- What can't be shipped yet is an error that names it (0A000), never a wrong answer.
CREATE TABLE t (i integer, t text, n numeric(10, 2)) USING duckdb;
INSERT INTO t VALUES (1, 'a', 1.5), (2, 'b', 2.5);
SELECT i FROM t FOR UPDATE;
SELECT to_tsvector(t) FROM t;
SELECT i FROM t FETCH FIRST 1 ROW WITH TIES;
SELECT i FROM t ORDER BY i FETCH FIRST 1 ROW WITH TIES;
SELECT generate_series(1, i) FROM t;
UPDATE t SET i = 3;
DELETE FROM t;
CREATE INDEX ON t (i);
SELECT relname FROM pg_class, t WHERE relname = t.t;
-- Still there.
SELECT * FROM t ORDER BY i;
DROP TABLE t;
