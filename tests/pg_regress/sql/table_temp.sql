-- Temporary duckdb tables live in the session.
CREATE TEMP TABLE tmp (i integer, t text) USING duckdb;
INSERT INTO tmp VALUES (1, 'a'), (2, 'b');
SELECT * FROM tmp ORDER BY i;
CREATE TEMP TABLE tmp2 USING duckdb AS SELECT i * 10 AS i FROM tmp;
SELECT tmp.i, tmp2.i FROM tmp JOIN tmp2 ON tmp2.i = tmp.i * 10 ORDER BY 1;
-- A temporary table hides a permanent one of the same name.
CREATE TABLE both_kinds USING duckdb AS SELECT 'permanent' AS kind;
CREATE TEMP TABLE both_kinds USING duckdb AS SELECT 'temporary' AS kind;
SELECT * FROM both_kinds;
SELECT * FROM public.both_kinds;
DROP TABLE both_kinds;
SELECT * FROM both_kinds;
TRUNCATE tmp;
SELECT count(*) FROM tmp;
\c
-- A new session: gone.
SELECT * FROM tmp;
SELECT * FROM both_kinds;
DROP TABLE both_kinds;
