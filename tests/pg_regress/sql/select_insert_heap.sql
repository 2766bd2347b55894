-- A heap table filled by a query that DuckDB answers.
CREATE TABLE duck USING duckdb AS SELECT i, 'row ' || i AS t FROM generate_series(1, 5) i;
CREATE TABLE heap (i integer, t text);
INSERT INTO heap SELECT * FROM duck WHERE i % 2 = 1;
SELECT * FROM heap ORDER BY i;
DROP TABLE heap;
DROP TABLE duck;
