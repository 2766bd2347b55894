-- Who may see what, in queries that DuckDB runs as a whole and in those that Postgres finishes.
CREATE ROLE regress_analyst;
CREATE ROLE regress_owner;
GRANT CREATE ON SCHEMA public TO regress_owner;
CREATE TABLE sales (id integer, region text, amount numeric(10,2), cost numeric(10,2)) USING duckdb;
INSERT INTO sales VALUES (1, 'north', 10, 4), (2, 'south', 20, 5), (3, 'north', 30, 6), (4, 'east', 40, 7);
CREATE TABLE regions (region text, manager text);
INSERT INTO regions VALUES ('north', 'regress_analyst'), ('south', 'somebody else'), ('east', 'regress_analyst');

-- Columns: every use counts, whichever system evaluates it.
GRANT SELECT (id, region) ON sales TO regress_analyst;
SET ROLE regress_analyst;
SELECT region, count(*) FROM sales GROUP BY region ORDER BY region;
SELECT id FROM sales WHERE amount > 15;
SELECT id FROM sales ORDER BY cost;
SELECT region, sum(amount) FROM sales GROUP BY region;
SELECT count(*) FROM sales a JOIN sales b ON a.cost = b.id;
SELECT id, rank() OVER (ORDER BY cost) FROM sales;
SELECT id FROM sales WHERE EXISTS (SELECT FROM sales s WHERE s.amount = sales.id);
WITH s AS (SELECT * FROM sales) SELECT id FROM s;
SELECT sales FROM sales;
SELECT count(*) FROM sales;
EXPLAIN SELECT amount FROM sales;
RESET ROLE;

-- Views read as their owners, with the owners' privileges: also those that security_invoker turns round.
CREATE VIEW owned AS SELECT id, amount FROM sales;
CREATE VIEW invoked WITH (security_invoker = true) AS SELECT id, amount FROM sales;
GRANT SELECT ON owned, invoked TO regress_analyst;
GRANT SELECT (id) ON owned TO regress_owner;
SET ROLE regress_analyst;
SELECT sum(amount) FROM owned;
SELECT sum(amount) FROM invoked;
SELECT id FROM invoked ORDER BY id;
RESET ROLE;
SET ROLE regress_owner;
SELECT id FROM owned ORDER BY id;
SELECT amount FROM owned;
RESET ROLE;
-- A view whose owner loses the table.
CREATE VIEW lost AS SELECT id FROM sales;
GRANT SELECT ON sales TO regress_owner;
ALTER VIEW lost OWNER TO regress_owner;
GRANT SELECT ON lost TO regress_analyst;
SET ROLE regress_analyst;
SELECT count(*) FROM lost;
RESET ROLE;
REVOKE SELECT ON sales FROM regress_owner;
SET ROLE regress_analyst;
SELECT count(*) FROM lost;
RESET ROLE;

-- A security barrier: a function of the reader must not see the rows that the view hides.
CREATE FUNCTION peek(integer, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001
    AS $$ BEGIN RAISE NOTICE 'peek sees % %', $1, $2; RETURN true; END $$;
CREATE VIEW open AS SELECT id, region FROM sales WHERE region = 'north';
CREATE VIEW barred WITH (security_barrier) AS SELECT id, region FROM sales WHERE region = 'north';
GRANT SELECT ON open, barred TO regress_analyst;
SET ROLE regress_analyst;
SELECT id FROM barred WHERE peek(id, region) ORDER BY id;
-- An expression that raises errors tells values too: no division by zero of a hidden row.
SELECT id FROM barred WHERE 10 / (id - 2) <> 99 ORDER BY id;
SELECT b.id FROM barred b JOIN regions r ON r.region = b.region WHERE 10 / (b.id - 2) <> 99 ORDER BY b.id;
-- Leakproof conditions may go first.
SELECT id FROM barred WHERE id < 3 ORDER BY id;
RESET ROLE;
REVOKE ALL ON regions FROM regress_analyst;

-- Row security of a heap table in a joined query, in a subquery, in a view, and its change between executions.
ALTER TABLE regions ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON regions USING (manager = current_user);
GRANT SELECT ON regions TO regress_analyst;
GRANT SELECT ON sales TO regress_analyst;
PREPARE managed AS SELECT s.id, r.manager FROM sales s JOIN regions r USING (region) ORDER BY s.id;
EXECUTE managed;
SET ROLE regress_analyst;
EXECUTE managed;
SELECT s.id FROM sales s LEFT JOIN regions r USING (region) WHERE r.region IS NULL ORDER BY s.id;
SELECT id FROM sales WHERE region IN (SELECT region FROM regions) ORDER BY id;
SELECT id, (SELECT count(*) FROM regions r WHERE r.region = s.region) AS n FROM sales s ORDER BY id;
-- The reader's function does not see rows that the policy hides either.
SELECT s.id FROM sales s JOIN regions r USING (region) WHERE peek(s.id, r.manager) AND s.id = 4;
SET row_security = off;
SELECT s.id FROM sales s JOIN regions r USING (region);
RESET row_security;
RESET ROLE;
CREATE POLICY all_rows ON regions USING (true);
SET ROLE regress_analyst;
EXECUTE managed;
RESET ROLE;
ALTER TABLE regions FORCE ROW LEVEL SECURITY;

-- Functions that run as their owner.
CREATE FUNCTION total() RETURNS numeric LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN RETURN (SELECT sum(cost) FROM sales); END $$;
CREATE FUNCTION my_total() RETURNS numeric LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT sum(cost) FROM sales); END $$;
REVOKE ALL ON sales FROM regress_analyst;
SET ROLE regress_analyst;
SELECT total();
SELECT my_total();
RESET ROLE;

-- A prepared statement checks at every execution.
PREPARE total_cost AS SELECT sum(cost) FROM sales;
EXECUTE total_cost;
SET ROLE regress_analyst;
EXECUTE total_cost;
RESET ROLE;
GRANT SELECT ON sales TO regress_analyst;
SET ROLE regress_analyst;
EXECUTE total_cost;
RESET ROLE;
REVOKE SELECT ON sales FROM regress_analyst;
SET ROLE regress_analyst;
EXECUTE total_cost;
RESET ROLE;

DEALLOCATE ALL;
DROP VIEW owned, invoked, lost, open, barred;
DROP FUNCTION peek, total, my_total;
DROP TABLE sales, regions;
REVOKE CREATE ON SCHEMA public FROM regress_owner;
DROP ROLE regress_analyst, regress_owner;
