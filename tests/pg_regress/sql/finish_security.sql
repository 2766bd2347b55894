-- Privileges, views and the order of conditions when Postgres finishes a query.
CREATE TABLE t (i integer, owner text, secret text) USING duckdb;
INSERT INTO t VALUES (1, 'me', 'mine'), (2, 'you', 'yours'), (3, 'me', 'mine too');
CREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i * 2; END';
-- Cheap, so that Postgres would call it first if it might.
CREATE FUNCTION leak(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
    RAISE NOTICE 'seen: %', value;
    RETURN true;
END $$;
CREATE VIEW mine WITH (security_barrier) AS SELECT i, secret FROM t WHERE owner = 'me';
CREATE VIEW counts WITH (security_barrier) AS SELECT owner, count(*) AS c FROM t GROUP BY owner HAVING count(*) > 1;
CREATE VIEW plain AS SELECT i, twice(i) AS f FROM t WHERE owner = 'me';
SELECT * FROM mine WHERE leak(secret) AND i > 1;
SELECT * FROM counts WHERE leak(owner) AND c > 0;
SELECT m.i, twice(x.i) FROM mine m JOIN t x ON x.i = m.i WHERE leak(m.secret) ORDER BY 1;
-- What is leakproof may be asked of rows that the view hides, in DuckDB too; what is not, may not, even if its columns are in DuckDB.
CREATE FUNCTION sent(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (VERBOSE, COSTS off) ' || query LOOP
        IF line ~ 'DuckDB SQL|Filter: |Not Shipped' AND line !~ '│' THEN RETURN NEXT regexp_replace(trim(line), '"pg\d+"', '"pg"'); END IF;
    END LOOP;
END $$;
SELECT * FROM sent('SELECT i FROM mine WHERE leak(secret) AND i > 1');
SELECT * FROM sent('SELECT i FROM mine WHERE leak(secret) AND 1 / (i - 2) < 5');
CREATE FUNCTION quiet(value text) RETURNS boolean LANGUAGE plpgsql LEAKPROOF COST 0.0001 AS 'BEGIN RETURN value > ''a''; END';
SELECT * FROM sent('SELECT i FROM mine WHERE quiet(secret) AND leak(secret)');
SELECT i FROM mine WHERE quiet(secret) AND leak(secret) ORDER BY i;
-- The division would tell of rows that the view hides.
SELECT i FROM mine WHERE 1 / (i - 2) < 5 AND twice(i) > 0 ORDER BY i;
CREATE ROLE finish_reader;
GRANT SELECT (i) ON t TO finish_reader;
GRANT SELECT ON mine, plain TO finish_reader;
SET ROLE finish_reader;
SELECT twice(i) FROM t ORDER BY 1;
SELECT twice(i) FROM t WHERE owner = 'me';
SELECT t FROM t;
SELECT twice(s.c::int) FROM (SELECT owner, count(*) AS c FROM t GROUP BY owner) s;
SELECT twice(s.c::int) FROM (SELECT count(i) AS c FROM t) s;
SELECT twice(a.i) FROM t a JOIN t b ON a.secret = b.secret;
SELECT twice(i) FROM mine ORDER BY 1;
SELECT * FROM plain ORDER BY i;
SELECT twice(c::int) FROM counts;
RESET ROLE;
-- A plan that one role has made is checked for another one.
GRANT SELECT ON t TO finish_reader;
SET ROLE finish_reader;
PREPARE p AS SELECT twice(s.c::int) FROM (SELECT owner, count(*) AS c FROM t GROUP BY owner) s ORDER BY 1;
EXECUTE p;
RESET ROLE;
REVOKE ALL ON t FROM finish_reader;
SET ROLE finish_reader;
EXECUTE p;
RESET ROLE;
DROP VIEW mine, counts, plain;
DROP TABLE t;
DROP FUNCTION twice, leak, quiet, sent;
DROP ROLE finish_reader;
