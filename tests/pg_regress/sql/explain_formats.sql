-- EXPLAIN for programs: every format is valid, and has what the text form has.
CREATE TABLE t (i integer, "odd ""name" text) USING duckdb;
INSERT INTO t VALUES (1, '<&>"'), (2, 'ä');
CREATE TABLE h AS SELECT generate_series(1, 3) AS i;
CREATE FUNCTION twice(i integer) RETURNS integer LANGUAGE plpgsql AS 'BEGIN RETURN i * 2; END';
-- The store is named after the database's oid.
CREATE FUNCTION same(plan text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(plan, '\mpg\d+\M', 'store', 'g') $$;
CREATE FUNCTION as_json(options text, query text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE plan json; BEGIN EXECUTE format('EXPLAIN (FORMAT json, %s) %s', options, query) INTO plan; RETURN same(plan::text); END $$;
CREATE FUNCTION as_xml(options text, query text) RETURNS xml LANGUAGE plpgsql AS $$
DECLARE plan xml; BEGIN EXECUTE format('EXPLAIN (FORMAT xml, %s) %s', options, query) INTO plan; RETURN same(plan::text); END $$;
CREATE FUNCTION as_yaml(options text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan text; BEGIN EXECUTE format('EXPLAIN (FORMAT yaml, %s) %s', options, query) INTO plan; RETURN same(plan); END $$;

-- What a whole statement tells of itself.
SELECT key, json_typeof(value) FROM json_each(as_json('verbose', $$SELECT "odd ""name" FROM t WHERE "odd ""name" <> '<&>"' ORDER BY 1$$) -> 0 -> 'Plan')
    WHERE key !~ 'Cost|Rows$|Width' ORDER BY 1;
SELECT as_json('verbose', $$SELECT "odd ""name" FROM t WHERE "odd ""name" <> '<&>"'$$) #>> '{0,Plan,DuckDB SQL}' AS sql;
SELECT as_json('costs off', 'SELECT count(*) FROM t JOIN h USING (i)') #>> '{0,Plan,DuckDB Execution Plan,0,name}' AS top;
SELECT key FROM json_each(as_json('analyze', 'SELECT count(*) FROM t JOIN h USING (i)') -> 0 -> 'Plan') WHERE key ~ 'Sent|Received|Read|DuckDB' ORDER BY 1;
-- Postgres finishes: the reason is part of the plan, wherever the node is.
SELECT jsonb_path_query(as_json('costs off', 'SELECT twice(t.i) FROM t JOIN h USING (i) ORDER BY 1')::jsonb, 'strict $.**."Not Shipped Whole"') AS why;
SELECT jsonb_path_query(as_json('analyze, verbose', 'SELECT twice(t.i) FROM t WHERE i > 1')::jsonb, 'strict $.**."DuckDB SQL"') AS sql;
-- An INSERT, and a statement that was prepared.
SELECT as_json('costs off', 'INSERT INTO t SELECT i, NULL FROM h') #>> '{0,Plan,Custom Plan Provider}' AS insert;
PREPARE p AS SELECT i FROM t WHERE i = $1;
SELECT as_json('costs off', 'EXECUTE p(1)') #>> '{0,Plan,Custom Plan Provider}' AS prepared;

-- XML escapes, YAML quotes.
SELECT as_xml('verbose', $$SELECT "odd ""name" FROM t WHERE "odd ""name" <> '<&>"'$$) IS DOCUMENT AS valid;
SELECT unnest(xpath('//x:DuckDB-SQL/text()', as_xml('verbose', $$SELECT i FROM t WHERE "odd ""name" <> '<&>"'$$),
    ARRAY[ARRAY['x', 'http://www.postgresql.org/2009/explain']])) AS sql;
SELECT as_xml('analyze', 'SELECT twice(i) FROM t') IS DOCUMENT AS valid;
SELECT line FROM regexp_split_to_table(as_yaml('verbose', $$SELECT "odd ""name" FROM t WHERE "odd ""name" <> '<&>"'$$), '\n') AS line
    WHERE line ~ 'Node Type|Provider|SQL';
SELECT count(*) > 0 AS told FROM regexp_split_to_table(as_yaml('analyze', 'SELECT twice(i) FROM t'), '\n') AS line WHERE line ~ 'Not Shipped Whole: "';

DEALLOCATE p;
DROP TABLE t, h;
DROP FUNCTION twice, same, as_json, as_xml, as_yaml;
