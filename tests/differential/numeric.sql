-- numeric: exact, with Postgres' display scales.

-- each: p_num
SELECT a + b AS r FROM p_num WHERE id = {id};
-- each: p_num
SELECT a - b AS r FROM p_num WHERE id = {id};
-- each: p_num
SELECT a * b AS r FROM p_num WHERE id = {id};
-- each: p_num
SELECT a / b AS r FROM p_num WHERE id = {id};
-- each: p_num
SELECT a % b AS r FROM p_num WHERE id = {id};
-- each: p_num
SELECT a::smallint AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::integer AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::bigint AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::real AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::double precision AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::numeric AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::numeric(10, 2) AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::numeric(38, 10) AS r FROM p_num WHERE id = {id} AND b = 1;
-- each: p_num
SELECT a::text AS r FROM p_num WHERE id = {id} AND b = 1;
SELECT -a AS n, abs(a) AS p, ceil(a) AS c, floor(a) AS f, round(a) AS r, round(a, 2) AS r2, trunc(a, 1) AS t FROM p_num ORDER BY id;
SELECT sum(a) AS s, avg(a) AS m, min(a) AS lo, max(a) AS hi FROM p_num;
SELECT k, sum(amount) AS s, avg(amount) AS m, sum(amount) / count(*) AS q, avg(n) AS i FROM fact GROUP BY k ORDER BY k;
SELECT k, sum(amount * 1.1) AS s, sum(amount * amount) AS q, avg(amount * n) AS a FROM fact GROUP BY k ORDER BY k;
SELECT id FROM fact ORDER BY amount / 3, id LIMIT 20;
SELECT id, amount / 7 AS q FROM fact WHERE amount / 7 > 100.5 ORDER BY id LIMIT 20;
SELECT avg(amount) > 400 AS big, avg(amount) + 1 AS more, round(avg(amount), 3) AS r FROM fact;
SELECT k FROM fact GROUP BY k HAVING avg(amount) > (SELECT avg(amount) FROM fact) ORDER BY k;
SELECT id FROM fact f WHERE amount > (SELECT 1.2 * avg(amount) FROM fact g WHERE g.k = f.k) ORDER BY id LIMIT 30;
SELECT sum(n) AS nothing, avg(n) AS none, count(n) AS zero FROM empty;
SELECT 1e10 AS a, 12345678901234567890123456789.5 AS b, k FROM dim WHERE k = 1;

-- Wide products, sums and variances.
SELECT id, a * b * a AS r FROM p_num WHERE a <> 0 ORDER BY id;
SELECT amount * amount * amount * amount AS p, amount * (1 - amount) * (1 + amount) AS q FROM fact WHERE id < 50 ORDER BY id;
SELECT variance(n) AS v, stddev(n) AS s, var_pop(k) AS p, stddev_pop(id) AS q, var_samp(amount) AS a, stddev_samp(amount) AS d FROM fact;
SELECT k, variance(amount) AS v, stddev(amount) AS s FROM fact WHERE id < 30 GROUP BY k ORDER BY k;
SELECT variance(n) AS none, stddev_pop(n) AS p FROM empty;
-- The largest squares of 32 bits; the larger of two display scales, of a constant or of a product.
SELECT variance(v) AS v, stddev_pop(v) AS p FROM (SELECT CASE WHEN id % 2 = 0 THEN (-2147483648)::int ELSE 2147483647 END AS v FROM fact) q;
SELECT k, sum(coalesce(amount * n, 0)) AS s, avg(coalesce(amount, 0)) AS a FROM fact GROUP BY k ORDER BY k;
SELECT sum(coalesce(amount, 0)) AS none, sum(coalesce(n * NULL::numeric(5,2), 0)) AS zero FROM fact WHERE id < 5;
SELECT k, sum(amount) / count(*) AS q, sum(amount) / nullif(sum(n), 0) AS r, avg(n) * 1.000 AS m FROM fact GROUP BY k ORDER BY k;
SELECT variance(a) AS v, stddev_pop(a) AS s FROM p_int8;
SELECT variance(k) AS one, var_pop(k) AS zero FROM dim WHERE k = 1;
SELECT sum(amount / 3) AS s, avg(amount / 7) AS a, sum(amount / n) FILTER (WHERE n <> 0) AS f FROM fact;
SELECT id, sum(amount / 3) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS w FROM fact ORDER BY id LIMIT 20;
SELECT id, amount / 3 / 7 / n AS q FROM fact WHERE n <> 0 ORDER BY id LIMIT 20;
-- Postgres: division by zero (22012).
SELECT amount / 3 / 7 / n AS q FROM fact;

-- Digits at the limits of DuckDB's decimals.
SELECT id, a::numeric(20, 3) + a AS aa, a + b AS ab, c - b AS cb, b - a AS ba, d + a AS da, d - d AS dd FROM digits WHERE id > 1 ORDER BY id;
SELECT id, a * b AS ab, b * c AS bc, c * c AS cc, a * a AS aa, b * b AS bb, d * d AS dd, d * 2 AS d2 FROM digits WHERE id > 1 ORDER BY id;
SELECT a * b AS ab, b * c AS bc, b * b AS bb, d * d AS dd FROM digits WHERE id = 1;
SELECT a + a AS aa FROM digits WHERE id = 1;
SELECT c * (c + 1) AS cc FROM digits WHERE id = 1;
SELECT c::numeric(19, 3) * (c + 1) AS cc, a::numeric(19, 3) + a AS aa FROM digits WHERE id = 1;
SELECT c * c AS cc FROM digits WHERE id = 1;
SELECT id, a = b AS e, a < d AS l, d > b AS g FROM digits ORDER BY id;
SELECT id FROM digits WHERE d > 0.00000000001 ORDER BY id;
SELECT sum(a) > 0.12345678901234567890123456789 AS g, sum(id) > 0.5 AS h, sum(b) = sum(d) AS e FROM digits;
SELECT variance(a) AS a, variance(b) AS b, variance(c) AS c, stddev(d) AS d FROM digits;

-- Numerics without a declared scale.
WITH loose (id, u) AS (VALUES (1, 1.10), (2, 1.1), (3, -123456789012345678901234567890.123456789), (4, NULL), (5, 'NaN'), (6, 5.000))
    SELECT sum(u) AS s, avg(u) AS a, max(u) AS m, min(u) AS n, stddev(u) AS d FROM loose, dim WHERE dim.k = 1;
WITH loose (id, u) AS (VALUES (1, 1.10), (2, 1.1), (3, -123456789012345678901234567890.123456789), (4, NULL), (6, 5.000))
    SELECT sum(u) AS s, avg(u) AS a, max(u) AS m, count(DISTINCT u) AS c, variance(u) AS v, stddev_pop(u) AS p FROM loose, dim WHERE dim.k = 1;
WITH loose (id, u) AS (VALUES (1, 1.10), (2, 1.1), (3, 5.000), (4, NULL)) SELECT DISTINCT u + 0.0000 AS u FROM loose, dim ORDER BY u;
WITH loose (id, u) AS (VALUES (1, 1.10), (2, 1.1), (3, 5.000), (4, NULL)) SELECT x.u FROM loose x JOIN loose y ON x.u = y.u AND x.id < y.id, dim WHERE dim.k = 1;
WITH loose (id, u) AS (VALUES (1, 1.10), (2, 1.25), (3, 5.000), (4, NULL)) SELECT d.a > l.u AS g, d.a * l.u AS p, d.b / l.u AS q FROM loose l, digits d ORDER BY d.id, l.id;

-- More than 64 bits hold, where DuckDB tries these first: products, sums and differences below aggregates.
SELECT sum(v * w) AS s, max(v * w) AS m, count(*) AS c FROM (SELECT (id * 100000000000)::numeric(18, 2) AS v, (n * 1000)::numeric(18, 2) AS w FROM fact WHERE id < 900) q;
SELECT k, sum(v + 9999999999999999.00) AS s, min(-9999999999999999.00 - v) AS m FROM (SELECT k, (id * 1000000000000)::numeric(18, 2) AS v FROM fact WHERE id < 900) q GROUP BY k ORDER BY k;
SELECT sum((id * 100000000000)::numeric(18, 2) * (1 - amount) * (1 + amount)) AS s FROM fact WHERE id < 900;
SELECT count(*) AS c FROM fact WHERE id < 900 AND (id * 100000000000)::numeric(18, 2) * (n * 1000)::numeric(18, 2) > 5;
SELECT id, (id * 100000000000)::numeric(18, 2) * (n * 1000)::numeric(18, 2) AS p FROM fact WHERE id < 900 ORDER BY p DESC, id LIMIT 20;
SELECT id, (id * 1000000000000)::numeric(18, 2) + 9999999999999999.00 AS p FROM fact WHERE id < 900 ORDER BY id LIMIT 20;
SELECT id, sum((id * 100000000000)::numeric(18, 2) * n) OVER (ORDER BY id) AS p FROM fact WHERE id < 900 ORDER BY id LIMIT 20;
SELECT sum(CASE WHEN id > 3 THEN (id * 100000000000)::numeric(18, 2) * (n * 1000)::numeric(18, 2) ELSE 0.001 END) AS s FROM fact WHERE id < 900;
SELECT k FROM fact WHERE id < 900 GROUP BY k HAVING sum((id * 100000000000)::numeric(18, 2) * (n * 1000)::numeric(18, 2)) > 0 ORDER BY k;
