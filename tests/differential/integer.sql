-- Integer arithmetic: truncating division, remainders, overflow (22003), division by zero (22012).

-- each: p_int2
SELECT a + b AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT a - b AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT a * b AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT a / b AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT a % b AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT -a AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT abs(a) AS r FROM p_int2 WHERE id = {id};
-- each: p_int2
SELECT a::smallint AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::integer AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::bigint AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::real AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::double precision AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::numeric AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::numeric(6, 2) AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int2
SELECT a::text AS r FROM p_int2 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a + b AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT a - b AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT a * b AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT a / b AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT a % b AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT -a AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT abs(a) AS r FROM p_int4 WHERE id = {id};
-- each: p_int4
SELECT a::smallint AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::integer AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::bigint AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::real AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::double precision AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::numeric AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::numeric(6, 2) AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int4
SELECT a::text AS r FROM p_int4 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a + b AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT a - b AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT a * b AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT a / b AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT a % b AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT -a AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT abs(a) AS r FROM p_int8 WHERE id = {id};
-- each: p_int8
SELECT a::smallint AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::integer AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::bigint AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::real AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::double precision AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::numeric AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::numeric(6, 2) AS r FROM p_int8 WHERE id = {id} AND b = 1;
-- each: p_int8
SELECT a::text AS r FROM p_int8 WHERE id = {id} AND b = 1;
SELECT sum(a) AS s, avg(a) AS m, count(a) AS n FROM p_int2;
SELECT sum(a) AS s, avg(a) AS m, count(a) AS n FROM p_int4;
SELECT sum(a) AS s, avg(a) AS m, count(a) AS n FROM p_int8;
-- Mixed widths: the result has the wider type.
SELECT s.a + i.a AS si, i.a + l.a AS il, s.a * 2::bigint AS sl FROM p_int2 s, p_int4 i, p_int8 l WHERE s.id = 15 AND i.id = 33 AND l.id = 29;
SELECT a + 1.5 AS n, a / 2.0 AS q, a * 0.1::real AS f FROM p_int4 WHERE abs(a::bigint) < 100 ORDER BY id;
