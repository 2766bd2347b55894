-- Floats: NaN equals itself and is largest; overflow and division by zero are errors.

-- each: p_float4
SELECT a + b AS r FROM p_float4 WHERE id = {id};
-- each: p_float4
SELECT a - b AS r FROM p_float4 WHERE id = {id};
-- each: p_float4
SELECT a * b AS r FROM p_float4 WHERE id = {id};
-- each: p_float4
SELECT a / b AS r FROM p_float4 WHERE id = {id};
-- each: p_float4
SELECT a::smallint AS r FROM p_float4 WHERE id = {id} AND b = 1;
-- each: p_float4
SELECT a::integer AS r FROM p_float4 WHERE id = {id} AND b = 1;
-- each: p_float4
SELECT a::bigint AS r FROM p_float4 WHERE id = {id} AND b = 1;
-- each: p_float4
SELECT a::real AS r FROM p_float4 WHERE id = {id} AND b = 1;
-- each: p_float4
SELECT a::double precision AS r FROM p_float4 WHERE id = {id} AND b = 1;
SELECT -a AS n, abs(a) AS p FROM p_float4 ORDER BY id;
-- each: p_float8
SELECT a + b AS r FROM p_float8 WHERE id = {id};
-- each: p_float8
SELECT a - b AS r FROM p_float8 WHERE id = {id};
-- each: p_float8
SELECT a * b AS r FROM p_float8 WHERE id = {id};
-- each: p_float8
SELECT a / b AS r FROM p_float8 WHERE id = {id};
-- each: p_float8
SELECT a::smallint AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT a::integer AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT a::bigint AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT a::real AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT a::double precision AS r FROM p_float8 WHERE id = {id} AND b = 1;
SELECT -a AS n, abs(a) AS p FROM p_float8 ORDER BY id;
-- approximate: order of addition
SELECT sum(price) AS s, avg(price) AS m FROM fact;
-- approximate: order of addition
SELECT k, sum(price) AS s, avg(price) AS m, stddev(price) AS d, variance(price) AS v FROM fact GROUP BY k ORDER BY k;
SELECT a + b AS r FROM p_float8 WHERE a = 'NaN' ORDER BY id;
SELECT f.a = d.a AS same FROM p_float4 f, p_float8 d WHERE f.a = 0.1::real AND d.a = 0.1;
SELECT 0.1::real = 0.1 AS narrow, 0.1::float8 = 0.1 AS wide, k FROM dim WHERE k = 1;

-- Functions.
-- each: p_float8
SELECT exp(a) AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT ln(a) AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT log(a) AS r FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT cbrt(a) AS c FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT sqrt(a) AS s FROM p_float8 WHERE id = {id} AND b = 1;
-- each: p_float8
SELECT power(a, b) AS r FROM p_float8 WHERE id = {id};
SELECT id, a / 2 AS half, a + 0.5::real AS more, 1 - b AS less FROM p_float4 ORDER BY id;
SELECT id, price / 3 / 7 / 2 AS q, price * price - price AS p FROM fact ORDER BY id LIMIT 40;
SELECT id, price / (id - 5) AS q FROM fact WHERE id <> 5 ORDER BY id LIMIT 40;
