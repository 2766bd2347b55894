-- CREATE TABLE AS, from everything one can select from.
CREATE TABLE heap (i integer, t varchar(5), n numeric(8, 3)) ;
INSERT INTO heap SELECT i, 'r' || i, i / 4.0 FROM generate_series(1, 10) i;

CREATE TABLE a USING duckdb AS SELECT * FROM heap;
SELECT * FROM a ORDER BY i LIMIT 3;
\d a
CREATE TABLE b USING duckdb AS SELECT i % 3 AS k, count(*) AS c, sum(n) AS s FROM a GROUP BY 1;
SELECT * FROM b ORDER BY k;
\d b
CREATE TABLE c (x, y) USING duckdb AS SELECT i, t FROM a WHERE i > 8;
SELECT * FROM c ORDER BY x;
CREATE TABLE d USING duckdb AS SELECT * FROM a WITH NO DATA;
SELECT count(*) FROM d;
-- A join of both kinds.
CREATE TABLE e USING duckdb AS SELECT h.i, a.t FROM heap h JOIN a ON h.i = a.i + 1;
SELECT count(*), min(i), max(i) FROM e;
-- From a duckdb table into a heap table.
CREATE TABLE f AS SELECT i, t FROM a WHERE i <= 2;
SELECT * FROM f ORDER BY i;
SELECT amname FROM pg_class c JOIN pg_am m ON m.oid = c.relam WHERE relname = 'f';
-- Exists already.
CREATE TABLE a USING duckdb AS SELECT 1 AS x;
CREATE TABLE IF NOT EXISTS a USING duckdb AS SELECT 1 AS x;
SELECT count(*) FROM a;
DROP TABLE a, b, c, d, e, f, heap;
