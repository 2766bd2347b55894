-- What a COPY of a duckdb table copies, whom it tells, and what never reaches DuckDB's SQL.
CREATE TABLE c (a integer, doubled integer GENERATED ALWAYS AS (a * 2) STORED, t text) USING duckdb;
INSERT INTO c (a, t) VALUES (1, 'one'), (2, 'two');
-- Generated columns are not copied, so that the other direction takes the same lines.
COPY c TO STDOUT;
COPY c TO STDOUT (FORMAT csv, HEADER);
COPY c (t, a) TO STDOUT;
COPY c (a, doubled) TO STDOUT;
COPY c (a, nope) TO STDOUT;
COPY c FROM STDIN;
3	three
\.
SELECT * FROM c ORDER BY a;
-- Statement triggers.
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE '% %: % rows', tg_when, tg_op, (SELECT count(*) FROM c);
  RETURN NULL;
END $$;
CREATE TRIGGER b BEFORE INSERT ON c FOR EACH STATEMENT EXECUTE FUNCTION tell();
CREATE TRIGGER a AFTER INSERT ON c FOR EACH STATEMENT EXECUTE FUNCTION tell();
COPY c (a) FROM STDIN;
4
5
\.
COPY c (a) FROM STDIN;
x
\.
SELECT count(*) FROM c;
-- A format is a name and nothing else.
COPY (SELECT 1 AS a) TO 's3://bucket/x' (FORMAT 'csv, header false');
COPY c FROM 's3://bucket/x' (FORMAT 'csv(''x'') --');
-- An heir cannot become a duckdb table.
CREATE TABLE parent (a integer);
CREATE TABLE heir () INHERITS (parent);
ALTER TABLE heir SET ACCESS METHOD duckdb;
-- A session that knows nothing of the table drops it, with keys and without.
CREATE TABLE k (a integer PRIMARY KEY, b integer GENERATED ALWAYS AS (a + 1) STORED, d integer DEFAULT 1) USING duckdb;
CREATE INDEX ON k (d);
\c
DROP TABLE heir, parent, c;
DROP TABLE k;
DROP FUNCTION tell;
