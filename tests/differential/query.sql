-- Shapes of queries.

-- Three-valued logic.
SELECT id, a AND b AS x, a OR b AS y, NOT a AS z, a IS TRUE AS t, a IS NOT FALSE AS f, a IS UNKNOWN AS u FROM p_boo ORDER BY id;
SELECT bool_and(a) AS x, bool_or(a) AS y, every(b) AS z FROM p_boo;
SELECT id FROM fact WHERE NOT (k > 3) ORDER BY id LIMIT 20;
SELECT id, CASE k WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS c, CASE WHEN k > 3 THEN n ELSE amount END AS m FROM fact ORDER BY id LIMIT 30;
SELECT id, CASE WHEN n <> 0 THEN 100 / n ELSE 0 END AS guarded FROM fact ORDER BY id;
SELECT coalesce(note, '-') AS c, greatest(k, n) AS g, least(k, n, 3) AS l FROM fact ORDER BY id LIMIT 30;

-- Numeric branches of different scales: each row shows its own.
SELECT id, CASE WHEN k > 3 THEN amount END AS a, CASE WHEN k > 3 THEN amount ELSE NULL END AS b, CASE WHEN k < 2 THEN amount * amount WHEN k < 4 THEN amount ELSE 0 END AS c FROM fact ORDER BY id LIMIT 30;
SELECT id, coalesce(CASE WHEN k > 3 THEN amount END, n, 0.5) AS m FROM fact ORDER BY id LIMIT 30;
SELECT sum(CASE WHEN k > 3 THEN amount ELSE 0 END) AS s, sum(CASE WHEN k > 99 THEN amount ELSE 0 END) AS z, avg(CASE WHEN k = 3 THEN amount ELSE 1.125 END) AS a FROM fact;
SELECT k, sum(CASE WHEN note = 'alpha' THEN amount ELSE 0 END) AS s, sum(CASE WHEN note = 'alpha' THEN amount * 1.5 ELSE n END) / count(*) AS q FROM fact GROUP BY k ORDER BY k;
SELECT min(CASE WHEN k > 3 THEN amount ELSE 0 END) AS lo, max(CASE WHEN k > 3 THEN n ELSE amount END) AS hi FROM fact;
SELECT id FROM fact WHERE CASE WHEN k > 3 THEN n ELSE amount END > 900.5 ORDER BY id;
SELECT id FROM fact ORDER BY CASE WHEN k > 3 THEN n ELSE amount END, id LIMIT 30;
SELECT id, -(CASE WHEN k > 3 THEN n ELSE amount END) AS neg, round(CASE WHEN k > 3 THEN n ELSE amount END, 1) AS r, (CASE WHEN k > 3 THEN n ELSE amount END)::integer AS i, (CASE WHEN k > 3 THEN n ELSE amount END) + 1.5 AS p, (CASE WHEN k > 3 THEN n ELSE amount END) * 2 AS d FROM fact ORDER BY id LIMIT 30;
SELECT sum(x) AS s, avg(x) AS a, count(DISTINCT x) AS c FROM (SELECT CASE WHEN k > 3 THEN n ELSE amount END AS x FROM fact) AS q;
SELECT x.v FROM (VALUES (1.5), (2), (NULL), (0.125)) AS x (v), dim WHERE dim.k = 1;
SELECT DISTINCT CASE WHEN k > 3 THEN 1 ELSE amount * 0 + 2 END AS d FROM fact ORDER BY d;
SELECT CASE WHEN k > 3 THEN 1 ELSE n / 2.0 END AS d, count(*) AS c FROM fact WHERE id % 2 = 0 AND k <> 5 GROUP BY 1 ORDER BY 1;

-- Joins.
SELECT f.id, d.name FROM fact f JOIN dim d ON f.k = d.k ORDER BY f.id LIMIT 50;
SELECT f.id, d.name FROM fact f LEFT JOIN dim d ON f.k = d.k ORDER BY f.id LIMIT 50;
SELECT f.id, d.name FROM fact f RIGHT JOIN dim d ON f.k = d.k AND f.id < 20;
SELECT f.id, d.name FROM fact f FULL JOIN dim d ON f.k = d.k AND f.id < 20;
SELECT count(*) AS n FROM fact CROSS JOIN dim;
SELECT k, f.id, name FROM fact f JOIN dim USING (k) ORDER BY f.id LIMIT 20;
SELECT a.k, b.k AS k2 FROM dim a JOIN dim b ON a.k < b.k ORDER BY 1, 2;
SELECT d.k, x.n FROM dim d LEFT JOIN (fact f JOIN dim e ON f.k = e.k) AS x ON d.k = x.n ORDER BY 1, 2;
SELECT * FROM dim NATURAL JOIN (SELECT k, count(*) AS n FROM fact GROUP BY k) AS c ORDER BY k;
SELECT d.k, e.v FROM dim d LEFT JOIN empty e ON d.k = e.k ORDER BY d.k;

-- Aggregates.
SELECT count(*) AS c, count(k) AS n, count(DISTINCT k) AS d, sum(DISTINCT k) AS s FROM fact;
SELECT k, count(*) AS c FROM fact GROUP BY k HAVING count(*) > 130 ORDER BY k;
SELECT k % 2 AS parity, sum(n) AS s, min(note) AS lo, max(note) AS hi FROM fact GROUP BY k % 2 ORDER BY 1;
SELECT sum(n) FILTER (WHERE k = 1) AS one, count(*) FILTER (WHERE note LIKE 'a%') AS a FROM fact;
SELECT count(*) AS n, sum(k) AS s, max(v) AS m FROM empty;
SELECT k, count(*) AS n FROM empty GROUP BY k;
SELECT string_agg(name, ',' ORDER BY name) AS s FROM dim;
SELECT array_agg(k ORDER BY k) AS a FROM dim WHERE k IS NOT NULL;
SELECT d.grp, sum(f.amount) AS s FROM fact f, dim d WHERE f.k = d.k GROUP BY d.grp ORDER BY d.grp;
SELECT DISTINCT k, note FROM fact ORDER BY k, note;
SELECT DISTINCT ON (k) k, id FROM fact ORDER BY k, id DESC;

-- Subqueries.
SELECT id FROM fact WHERE k IN (SELECT k FROM dim WHERE grp = 'odd') ORDER BY id LIMIT 30;
SELECT id FROM fact WHERE k NOT IN (SELECT k FROM dim WHERE k IS NOT NULL) ORDER BY id LIMIT 30;
SELECT id FROM fact WHERE k NOT IN (SELECT k FROM dim) ORDER BY id LIMIT 30;
SELECT id FROM fact f WHERE EXISTS (SELECT 1 FROM dim d WHERE d.k = f.k AND d.name > 'p') ORDER BY id LIMIT 30;
SELECT id FROM fact f WHERE NOT EXISTS (SELECT 1 FROM dim d WHERE d.k = f.k) ORDER BY id LIMIT 30;
SELECT name, (SELECT count(*) FROM fact f WHERE f.k = d.k) AS n FROM dim d ORDER BY name;
SELECT name, (SELECT max(amount) FROM fact f WHERE f.k = d.k) AS m FROM dim d ORDER BY name;
SELECT id FROM fact WHERE amount > ALL (SELECT n FROM empty) ORDER BY id LIMIT 5;
SELECT id FROM fact WHERE n = ANY (SELECT k FROM dim) ORDER BY id LIMIT 30;
SELECT (SELECT k FROM dim WHERE name = 'nobody') AS nothing, count(*) AS n FROM dim;
-- Postgres: more than one row returned by a subquery (21000).
SELECT (SELECT k FROM dim) AS many FROM fact;
SELECT s.k, s.total FROM (SELECT k, sum(n) AS total FROM fact GROUP BY k) AS s WHERE s.total > 0 ORDER BY 1;
SELECT d.name, l.id FROM dim d, LATERAL (SELECT id FROM fact f WHERE f.k = d.k ORDER BY id LIMIT 2) AS l ORDER BY 1, 2;

-- CTEs and set operations.
WITH big AS (SELECT * FROM fact WHERE amount > 500) SELECT k, count(*) AS n FROM big GROUP BY k ORDER BY k;
WITH a AS (SELECT k FROM dim), b AS (SELECT k FROM a WHERE k > 2) SELECT a.k, b.k AS other FROM a LEFT JOIN b ON a.k = b.k ORDER BY 1;
WITH a AS MATERIALIZED (SELECT k, n FROM fact) SELECT count(*) AS n FROM a x JOIN a y ON x.k = y.n;
SELECT k FROM dim UNION ALL SELECT n FROM fact WHERE id < 5 ORDER BY 1;
SELECT k, 'dim' AS src FROM dim UNION ALL SELECT n, note FROM fact WHERE id < 5;
SELECT k FROM dim UNION SELECT k FROM fact ORDER BY 1;
SELECT amount FROM fact WHERE id < 4 UNION ALL SELECT k FROM dim ORDER BY 1;

WITH u AS (SELECT id AS v FROM fact WHERE id < 4 UNION ALL SELECT k FROM dim) SELECT v FROM u ORDER BY v;
SELECT id FROM fact WHERE id < 5 UNION SELECT k FROM dim ORDER BY 1;
(SELECT k FROM dim ORDER BY k LIMIT 2) UNION ALL (SELECT id FROM fact ORDER BY id LIMIT 2) ORDER BY 1;
SELECT k FROM dim INTERSECT SELECT id FROM fact ORDER BY 1;
(SELECT n, k FROM fact GROUP BY n, k ORDER BY 1, 2 LIMIT 3) UNION ALL SELECT id, price FROM fact WHERE id < 3 ORDER BY 1, 2;
SELECT sum(amount) AS s FROM (SELECT amount FROM fact UNION ALL SELECT k FROM dim) AS u;
SELECT 1.5 AS a FROM dim WHERE k = 1 UNION SELECT 2 FROM dim ORDER BY 1;

-- Order and limits.
SELECT id FROM fact ORDER BY k NULLS FIRST, n DESC, id LIMIT 10 OFFSET 5;
SELECT id FROM fact ORDER BY k DESC, id OFFSET 990;
SELECT id AS x FROM fact ORDER BY x DESC LIMIT 0;
SELECT id FROM fact ORDER BY amount * -1, id LIMIT 3;
SELECT note, id FROM fact ORDER BY 1, 2 LIMIT 10;
SELECT id FROM fact ORDER BY id FETCH FIRST 3 ROWS ONLY;

-- Names, constants, columns that are named alike.
SELECT 1 AS "One", 'x' AS "two words", NULL AS n, k AS "K", k AS k FROM dim ORDER BY 4 LIMIT 3;
SELECT true AS t, 1::smallint AS s, 1.50 AS n, 'a'::char(3) AS c, date '2024-02-29' AS d, interval '1 day' AS i FROM dim LIMIT 1;
SELECT f.*, d.* FROM fact f JOIN dim d ON f.k = d.k ORDER BY f.id LIMIT 3;
-- finished: results of DuckDB have columns
SELECT FROM dim;
SELECT count(*) AS n FROM (SELECT FROM dim) AS x;

-- Arrays cross as arrays.
SELECT * FROM arrays ORDER BY id;
SELECT id, i[1] AS first, i[2] AS second FROM arrays ORDER BY id;
SELECT id, array_length(i, 1) AS l, cardinality(t) AS c, array_upper(n, 1) AS u, array_lower(i, 1) AS w FROM arrays ORDER BY id;
SELECT id, 7 = ANY (i) AS seven, 'a' = ANY (t) AS a, 0 < ALL (i) AS positive FROM arrays ORDER BY id;
SELECT d.k, a.id, d.k = ANY (a.i) AS any, d.k <> ALL (a.i) AS every FROM dim d, arrays a ORDER BY 1, 2;
SELECT ARRAY[k, 1] AS a, ARRAY[name, 'x'] AS t, (ARRAY[k, k + 1])[2] AS n FROM dim ORDER BY k;
SELECT a.id, u.x FROM arrays a, unnest(a.i) AS u (x) ORDER BY 1, 2;
SELECT a.id, u.x FROM arrays a LEFT JOIN LATERAL unnest(a.t) AS u (x) ON true ORDER BY 1, 2;
SELECT a.id, u.x + 1 AS y FROM arrays a, unnest(a.n) u (x) ORDER BY 1, 2;

-- Functions in FROM.
SELECT g, d.name FROM generate_series(1, 4) AS g LEFT JOIN dim d ON d.k = g ORDER BY g;
SELECT g, count(f.id) AS n FROM generate_series(-3::bigint, 20, 5) AS g (g) LEFT JOIN fact f ON f.k = g GROUP BY g ORDER BY g;
SELECT g.day::date AS d, sum(f.n) AS s FROM generate_series(timestamp '2024-01-01', '2024-01-09', '2 days') AS g (day) JOIN fact f ON f.d = g.day::date GROUP BY 1 ORDER BY 1;
SELECT x.v, x.o, d.name FROM unnest(ARRAY[3, 1, NULL, 2]) WITH ORDINALITY AS x (v, o) LEFT JOIN dim d ON d.k = x.v ORDER BY x.o;
SELECT count(*) AS n FROM dim, generate_series(1, 100) AS g;
SELECT d.k, j.key, j.value FROM dim d JOIN jsonb_each_text('{"1": "a", "2": null}') AS j ON j.key = d.k::text ORDER BY 1;

SELECT d.k, g FROM dim d, generate_series(1, d.k) AS g;

-- Values of the session.
SELECT current_user AS u, current_user = 'postgres' AS same, k FROM dim ORDER BY k LIMIT 2;
SELECT count(*) AS n FROM dim WHERE name <> current_user;

-- Grouping sets.
SELECT k, note, count(*) AS n, sum(amount) AS s, grouping(k) AS gk, grouping(note, k) AS g FROM fact GROUP BY ROLLUP (k, note) ORDER BY 1, 2, 6;
SELECT k % 2 AS p, note, count(*) AS n FROM fact GROUP BY CUBE (k % 2, note) ORDER BY 1, 2, 3;
SELECT k, note, max(n) AS m FROM fact GROUP BY GROUPING SETS ((k), (note), (), (k)) ORDER BY 1, 2, 3;
SELECT k, n, count(*) AS c FROM fact WHERE id < 60 GROUP BY k, ROLLUP (n) ORDER BY 1, 2, 3;
SELECT k + 1 AS k1, sum(n) AS s FROM fact GROUP BY GROUPING SETS ((k), ()) HAVING count(*) > 1 ORDER BY 1, 2;
SELECT count(*) AS n FROM fact GROUP BY ();
SELECT k, count(*) AS n FROM empty GROUP BY ROLLUP (k);
SELECT CASE WHEN grouping(k) = 1 THEN 'all' ELSE k::text END AS label, rank() OVER (ORDER BY sum(amount) DESC) AS r FROM fact GROUP BY ROLLUP (k) ORDER BY 2, 1;
