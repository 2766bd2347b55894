-- An event trigger that catches an error of its own, in a subtransaction, must not make the
-- statement around it forget the table it is creating: once, Postgres had the table then, and
-- DuckDB had not.
CREATE FUNCTION careful() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 / 0;
EXCEPTION WHEN division_by_zero THEN
    RAISE NOTICE 'caught in %', tg_tag;
END $$;
CREATE EVENT TRIGGER careful ON ddl_command_end EXECUTE FUNCTION careful();
CREATE TABLE watched (a integer) USING duckdb;
INSERT INTO watched VALUES (1);
SELECT * FROM watched;
ALTER TABLE watched ADD COLUMN b text;
SELECT * FROM watched;
CREATE TABLE copied USING duckdb AS SELECT a + 1 AS a FROM watched;
SELECT * FROM copied;
DROP EVENT TRIGGER careful;
DROP FUNCTION careful();
-- And one that does fail takes the table with it.
CREATE FUNCTION strict() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no tables today'; END $$;
CREATE EVENT TRIGGER strict ON ddl_command_end WHEN tag IN ('CREATE TABLE') EXECUTE FUNCTION strict();
CREATE TABLE refused (a integer) USING duckdb;
DROP EVENT TRIGGER strict;
DROP FUNCTION strict();
CREATE TABLE refused (a integer) USING duckdb;
SELECT count(*) FROM refused;
DROP TABLE watched, copied, refused;
