-- Values that are fixed per transaction are written into the SQL as constants, so that DuckDB
-- prunes by them. A cached plan must not keep those of the transaction that planned it.
CREATE TABLE one (a integer) USING duckdb;
INSERT INTO one VALUES (1);
PREPARE moment AS SELECT now() AS n, current_user::text AS u, a FROM one;
BEGIN;
EXECUTE moment \gset first_
SELECT :'first_n' = now()::text AS first_is_now;
COMMIT;
SELECT pg_sleep(0.002);
BEGIN;
EXECUTE moment \gset second_
SELECT :'second_n' = now()::text AS second_is_now, :'second_n' <> :'first_n' AS another_moment;
COMMIT;
-- The same in a function, whose plans are cached without being asked.
CREATE FUNCTION moment() RETURNS timestamptz LANGUAGE plpgsql AS
$$ BEGIN RETURN (SELECT now() FROM one); END $$;
BEGIN; SELECT moment() = now() AS right; COMMIT;
BEGIN; SELECT moment() = now() AS right; COMMIT;
-- And the user.
CREATE ROLE moment_reader;
GRANT SELECT ON one TO moment_reader;
SET ROLE moment_reader;
EXECUTE moment \gset third_
SELECT :'third_u' AS who;
RESET ROLE;
DROP FUNCTION moment();
DROP TABLE one;
DROP ROLE moment_reader;
