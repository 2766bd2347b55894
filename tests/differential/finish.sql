-- Queries that DuckDB must not run whole: Postgres finishes what DuckDB reads, joins and groups.

-- One table: columns, conditions, order.
-- finished: a function of the user
SELECT k, twice(k) AS f FROM dim ORDER BY k;
-- finished: a function of the user
SELECT count(*) AS n FROM fact WHERE twice(n) > 10 AND n % 3 = 0 AND note LIKE 'a%';
-- finished: a function of the user
SELECT id FROM fact WHERE twice(n) = 100 OR id = 7 ORDER BY id;
-- finished: an order that DuckDB does not have
SELECT name FROM dim ORDER BY name COLLATE "und-x-icu" NULLS FIRST;
-- finished: jsonb
SELECT k, to_jsonb(name) AS j, jsonb_build_object('k', k, 'g', grp) ->> 'g' AS g FROM dim ORDER BY k;
-- finished: whole rows
SELECT to_jsonb(d) AS j, d.* FROM dim d ORDER BY k;
-- finished: whole rows
SELECT (d IS NULL) AS a, (d).name AS b, d::text AS c FROM dim d ORDER BY (d).k;
-- finished: whole rows
SELECT row_to_json(a) AS j FROM arrays a ORDER BY id;
-- finished: a function of the user
SELECT id, twice(k) AS f, amount, price, d, note FROM fact WHERE id BETWEEN 10 AND 30 ORDER BY id;
-- finished: a function of the user
SELECT DISTINCT twice(k) AS f FROM fact ORDER BY 1 NULLS FIRST;
-- finished: a function of the user
SELECT twice(k) AS f, count(*) AS c FROM fact GROUP BY twice(k) ORDER BY 1;
-- finished: a function of the user
SELECT id, twice(n) AS f FROM fact ORDER BY n DESC, id LIMIT 7 OFFSET 2;
-- finished: functions that return sets
SELECT k, twice(generate_series(1, k)) AS g FROM dim WHERE k < 4 ORDER BY 1, 2;
SELECT twice(1) AS x FROM dim;
SELECT 1 AS x FROM dim WHERE twice(1) = 3;
SELECT k FROM dim WHERE k = twice(1) AND twice(k) = 4;

-- Errors come as they do without us.
-- finished: a function of the user
SELECT twice(2000000000) AS f FROM dim;
-- finished: a function of the user
SELECT twice(k) / (k - k) AS f FROM dim;

-- Lateral functions and subqueries.
-- finished: a lateral function of the user
SELECT d.k, u FROM dim d, LATERAL upto_slowly(d.k) AS u WHERE d.k < 4 ORDER BY 1, 2;
SELECT d.k, u FROM dim d LEFT JOIN LATERAL upto(d.k - 2) AS u ON u > 1 ORDER BY 1, 2;
-- finished: a function of the user
SELECT d.k, f.id FROM dim d, LATERAL (SELECT id FROM fact WHERE fact.k = twice(d.k) ORDER BY id LIMIT 2) f ORDER BY 1, 2;
-- finished: a function of the user
SELECT d.k, f.c FROM dim d LEFT JOIN LATERAL (SELECT twice(count(*)::int) AS c FROM fact WHERE fact.k = d.k HAVING count(*) > 142) f ON true ORDER BY 1;
-- finished: a heap table and a function of the user
SELECT s.label, f.id, f.f FROM side s, LATERAL (SELECT id, twice(n) AS f FROM fact WHERE fact.k = s.k ORDER BY id LIMIT 2) f ORDER BY 1, 2;
-- finished: a heap table and a function of the user
SELECT s.label, (SELECT max(amount) FROM fact WHERE fact.k = twice(s.k)) AS m FROM side s WHERE EXISTS (SELECT FROM dim WHERE dim.k = s.k) ORDER BY 1;
-- finished: a function of the user
SELECT k, (SELECT sum(f.amount) FROM fact f WHERE f.k = twice(d.k) AND f.id < 100) AS s FROM dim d ORDER BY k;
-- finished: a function of the user
SELECT k FROM dim d WHERE EXISTS (SELECT FROM fact f WHERE twice(f.k) = d.k) ORDER BY k;
-- finished: a function of the user
SELECT k FROM dim WHERE k NOT IN (SELECT twice(k) FROM fact WHERE k IS NOT NULL) ORDER BY k;
-- finished: a function of the user
SELECT k FROM dim WHERE twice(k) > ALL (SELECT k FROM dim WHERE k < 3) ORDER BY k;

-- Joins.
-- finished: a function of the user
SELECT twice(d.k) AS f, d.name, count(*) AS c, sum(f.amount) AS s FROM fact f JOIN dim d ON d.k = f.k GROUP BY d.k, d.name ORDER BY 1;
-- finished: a function of the user
SELECT twice(d.k) AS f, f.id FROM dim d LEFT JOIN fact f ON f.k = d.k AND f.id < 20 AND d.grp = 'odd' ORDER BY 1, 2;
-- finished: a function of the user
SELECT twice(d.k) AS f, f.id FROM dim d LEFT JOIN fact f ON f.k = d.k AND twice(f.n) > 90 ORDER BY 1, 2;
-- finished: a function of the user
SELECT twice(d.k) AS f, f.id FROM (SELECT * FROM fact WHERE id < 25) f RIGHT JOIN dim d ON f.k = d.k WHERE f.id IS NULL OR f.id > 5 ORDER BY 1, 2;
-- finished: a function of the user
SELECT twice(d.k) AS f, f.id FROM fact f FULL JOIN dim d ON f.k = d.k WHERE f.id < 30 OR f.id IS NULL ORDER BY 1, 2;
-- finished: a function of the user
SELECT twice(d.k) AS f, f.id FROM (SELECT * FROM fact WHERE id < 30) f FULL JOIN (SELECT * FROM dim WHERE k > 2) d ON f.k = d.k ORDER BY 1, 2;
-- finished: a function of the user
SELECT twice(a.k) AS x, b.name, c.id FROM dim a JOIN dim b ON b.k = a.k + 1 LEFT JOIN fact c ON c.k = b.k AND c.id < 15 WHERE a.grp = 'odd' ORDER BY 1, 2, 3;
-- finished: a function of the user
SELECT twice(a.k) AS x, q.name, q.id FROM dim a LEFT JOIN (dim b JOIN fact c ON c.k = b.k AND c.id < 15) q (k, name, grp, id) ON q.k = a.k ORDER BY 1, 2, 3;
-- finished: a function of the user
SELECT a.k, q.v FROM dim a LEFT JOIN (SELECT k, twice(n) AS v FROM fact WHERE id < 10) q ON q.k = a.k ORDER BY 1, 2;
-- finished: a function of the user
SELECT a.k, q.v FROM dim a LEFT JOIN (SELECT k, coalesce(name, 'x') AS v FROM dim WHERE k > 3) q ON q.k = a.k WHERE twice(a.k) > 0 ORDER BY 1, 2;
-- finished: a heap table and a function of the user
SELECT s.label, d.name, twice(f.n) AS f FROM side s JOIN dim d ON d.k = s.k JOIN fact f ON f.k = d.k AND f.id < 20 ORDER BY 1, 2, 3;
-- finished: a function of the user
SELECT twice(a.k) AS x, b.k FROM dim a, dim b WHERE a.k < b.k AND b.k < 4 ORDER BY 1, 2;

-- Groups.
-- finished: a function of the user
SELECT twice(k) AS f, count(*) AS c, sum(amount) AS s, avg(n) AS a, min(note) AS m FROM fact GROUP BY k ORDER BY 1;
-- finished: a function of the user
SELECT twice(count(*)::int) AS c, max(amount) AS m FROM fact;
-- finished: a function of the user
SELECT twice(sum(n)::int) AS s, k % 2 AS p FROM fact WHERE id < 500 GROUP BY k % 2 HAVING twice(count(*)::int) > 300 AND sum(n) > -100000 ORDER BY 2;
-- finished: a function of the user
SELECT k, count(*) FILTER (WHERE twice(n) > 0) AS c, sum(twice(n)) AS s FROM fact GROUP BY k ORDER BY k;
-- finished: a function of the user
SELECT k, count(DISTINCT note) AS c, string_agg(DISTINCT note, ',' ORDER BY note) AS s, shout(min(note)) AS m FROM fact GROUP BY k ORDER BY k;
-- finished: a function of the user
SELECT k, note, twice(count(*)::int) AS c FROM fact GROUP BY ROLLUP (k, note) ORDER BY 1, 2, 3;
-- finished: a function of the user
SELECT k, twice((rank() OVER (ORDER BY count(*) DESC, k))::int) AS r, count(*) AS c FROM fact GROUP BY k ORDER BY k;
-- finished: a function of the user
SELECT id, twice((sum(n) OVER (PARTITION BY k ORDER BY id))::int) AS s FROM fact WHERE id < 40 ORDER BY id;
-- finished: a function of the user
SELECT twice(max(k)) AS m FROM empty;

-- Subqueries and WITH.
-- finished: a function of the user
SELECT twice(q.c::int) AS f, q.k FROM (SELECT k, count(*) AS c FROM fact GROUP BY k) q WHERE q.c > 142 AND twice(q.k) > 2 ORDER BY 2;
-- finished: a function of the user
SELECT twice(q.k) AS f, q.r FROM (SELECT k, rank() OVER (ORDER BY name) AS r FROM dim) q WHERE q.r < 4 AND q.k > 1 ORDER BY 1;
-- finished: a function of the user
SELECT twice(q.k) AS f FROM (SELECT k FROM fact WHERE id < 9 UNION SELECT k FROM dim) q WHERE q.k < 6 ORDER BY 1;
-- finished: a function of the user
SELECT twice(q.k) AS f FROM (SELECT k FROM fact WHERE id < 9 UNION ALL SELECT twice(k) FROM dim) q WHERE q.k < 6 ORDER BY 1;
-- finished: a function of the user
SELECT twice(q.k) AS f, q.amount FROM (SELECT k, amount FROM fact ORDER BY amount DESC, id LIMIT 5) q WHERE q.k IS NOT NULL ORDER BY 2;
-- finished: a function of the user
SELECT q, twice(q.k) AS f FROM (SELECT k, count(*) AS c FROM fact GROUP BY k) q ORDER BY q.k;
-- finished: a function of the user
SELECT twice(a.k) AS f, b.c, side.label FROM (SELECT DISTINCT k FROM fact) a LEFT JOIN (SELECT k, count(*) AS c FROM fact WHERE n > 0 GROUP BY k) b USING (k) LEFT JOIN side ON side.k = a.k ORDER BY 1, 2, 3;
-- finished: a function of the user
WITH c AS (SELECT k, sum(amount) AS s FROM fact GROUP BY k) SELECT twice(x.k) AS f, x.s, y.s FROM c x LEFT JOIN c y ON y.k = x.k + 1 ORDER BY 1;
-- finished: a function of the user
WITH c AS MATERIALIZED (SELECT k, sum(amount) AS s FROM fact GROUP BY k), d AS (SELECT k, s FROM c WHERE k > 2 ORDER BY s DESC LIMIT 2) SELECT twice(k) AS f, s FROM d ORDER BY 1;
-- finished: a function of the user
WITH c AS MATERIALIZED (SELECT k, twice(n) AS t FROM fact WHERE id < 30) SELECT k, sum(t) AS s FROM c GROUP BY k ORDER BY k;
-- finished: a function of the user
WITH RECURSIVE r (k, depth) AS (SELECT k, 1 FROM dim WHERE k = 1 UNION ALL SELECT d.k, depth + 1 FROM r JOIN dim d ON d.k = twice(r.k)) SELECT * FROM r ORDER BY 1;
-- finished: a function of the user
SELECT twice(k) AS f FROM dim UNION SELECT k FROM fact WHERE k IS NOT NULL ORDER BY 1;
-- finished: a function of the user
SELECT k FROM dim EXCEPT SELECT twice(k) FROM dim ORDER BY 1;

-- Values of the transaction, and of the session.
-- finished: a function of the user
SELECT count(*) AS n, twice(count(*)::int) AS f FROM fact WHERE d < current_date AND d < now() AND note <> current_user;

-- Order and limit.
-- finished: a function of the user
SELECT id, twice(n) AS f, amount FROM fact ORDER BY amount DESC, id LIMIT 5 OFFSET 3;
-- finished: a function of the user
SELECT twice(f.n) AS x, d.name FROM fact f JOIN dim d USING (k) ORDER BY f.id % 50 DESC, f.id LIMIT 4;
-- finished: a function of the user
SELECT twice(count(*)::int) AS c, k FROM fact GROUP BY k ORDER BY count(*) DESC, k LIMIT 3;
-- finished: a function of the user
SELECT twice(count(*)::int) AS c, note FROM fact GROUP BY note HAVING sum(n) > -100000 ORDER BY sum(amount) NULLS FIRST, note OFFSET 1;
-- finished: a function of the user
SELECT DISTINCT twice(n) AS f FROM fact ORDER BY 1 LIMIT 4;
-- finished: a function of the user
SELECT count(*) AS c FROM (SELECT twice(n) AS f FROM fact LIMIT 17) q;
-- finished: a function of the user
SELECT count(*) AS c FROM (SELECT twice(f.n) AS f FROM fact f JOIN dim d ON d.k = f.k WHERE twice(d.k) > 4 LIMIT 17) q;
-- finished: a function of the user
SELECT twice(n) AS f FROM fact ORDER BY twice(n) DESC, id LIMIT 3;
-- finished: a function of the user
SELECT id, twice(n) AS f FROM fact ORDER BY id FETCH FIRST 2 ROWS WITH TIES;
-- finished: a function of the user
SELECT k, twice(generate_series(1, 2)) AS g FROM dim ORDER BY k, 2 LIMIT 3;
-- finished: a function of the user
SELECT twice(n) AS f FROM fact LIMIT 0;
-- finished: a function of the user
SELECT id, twice(n) AS f FROM fact ORDER BY id LIMIT -1;
-- finished: a function of the user
SELECT d.k, x.id FROM dim d, LATERAL (SELECT id, twice(n) AS f FROM fact WHERE fact.k = d.k ORDER BY n, id LIMIT 2) x ORDER BY 1, 2;
-- finished: a function of the user
SELECT twice(k) AS f FROM dim UNION ALL (SELECT twice(k) FROM fact ORDER BY id LIMIT 2) ORDER BY 1;

-- Rows of a large table for those of a small one.
-- finished: a heap table and a function of the user
SELECT s.label, l.id, twice(l.k) AS f FROM side s JOIN large l ON l.id = s.k ORDER BY 1, 2;
-- finished: a heap table and a function of the user
SELECT s.label, l.t, twice(l.k) AS f FROM side s LEFT JOIN large l ON l.id = twice(s.k) + 10 AND l.t LIKE '%2' ORDER BY 1, 2;
-- finished: a function of the user
SELECT d.name, l.id FROM dim d JOIN large l ON l.k = twice(d.k) AND l.id > d.k * 1000 WHERE twice(d.k) < 8 ORDER BY 1, 2;
-- finished: a heap table and a function of the user
SELECT s.label, l.id, m.t FROM side s JOIN large l ON l.k = s.k JOIN large m ON m.id = l.id + s.k WHERE twice(l.k) < 5 ORDER BY 1, 2;
-- finished: a function of the user
SELECT k FROM dim d WHERE EXISTS (SELECT FROM large l WHERE l.id = d.k * 1000 AND twice(l.k) >= 4000) ORDER BY k;
