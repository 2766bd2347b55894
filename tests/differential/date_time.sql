-- Dates, times and intervals.

-- each: p_dat
SELECT a - b AS r FROM p_dat WHERE id = {id};
-- each: p_dat
SELECT a + 1 AS x, a - 30 AS y FROM p_dat WHERE id = {id} AND b = '2000-01-01';
-- each: p_dat
SELECT a + interval '1 month' AS x, a - interval '1 year' AS y, a + interval '90 minutes' AS z FROM p_dat WHERE id = {id} AND b = '2000-01-01';
-- each: p_dat
SELECT a::timestamp AS x FROM p_dat WHERE id = {id} AND b = '2000-01-01';
-- each: p_ts
SELECT a - b AS r FROM p_ts WHERE id = {id};
-- each: p_ts
SELECT a + interval '1 month' AS x, a - interval '36 hours' AS y, a::date AS d FROM p_ts WHERE id = {id} AND b = '1970-01-01';
-- each: p_tstz
SELECT a - b AS r FROM p_tstz WHERE id = {id};
-- each: p_tstz
SELECT a + interval '1 day' AS x, a - interval '1 hour' AS y FROM p_tstz WHERE id = {id} AND b = '1970-01-01 00:00:00+00';
-- each: p_iv
SELECT a + b AS p, a - b AS m FROM p_iv WHERE id = {id};
SELECT -a AS n, a * 2 AS d FROM p_iv ORDER BY id;
SELECT a - b AS r FROM p_tim WHERE a < '24:00' AND b < '24:00' ORDER BY id;
SELECT id, extract(year FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(month FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(day FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(quarter FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(week FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(dow FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(isodow FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(doy FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(century FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(decade FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(epoch FROM a) AS r FROM p_dat WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(year FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('year', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(hour FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('hour', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(minute FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('minute', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(second FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('second', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(milliseconds FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('milliseconds', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(microseconds FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('microseconds', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, extract(epoch FROM a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_part('epoch', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('year', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('quarter', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('month', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('week', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('day', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('hour', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT id, date_trunc('minute', a) AS r FROM p_ts WHERE a BETWEEN '0001-01-01' AND '9999-12-31' ORDER BY id;
SELECT date '2024-01-31' + interval '1 month' AS x, d FROM fact WHERE id = 1;
SELECT extract(year FROM d) AS y, extract(month FROM d) AS m, count(*) AS n FROM fact GROUP BY 1, 2 ORDER BY 1, 2;
SELECT min(d) AS lo, max(d) AS hi, max(d) - min(d) AS days FROM fact;
SELECT count(*) AS n FROM fact WHERE d BETWEEN date '2024-02-01' AND date '2024-02-01' + interval '1' month;
SELECT id FROM fact WHERE d + n > '2024-06-01' ORDER BY id LIMIT 20;

-- Intervals times and over numbers.
SELECT id, a * 0.5 AS m, a * -1.7 AS n, 2.25 * a AS p, a / 3 AS d, a / -0.7 AS e FROM p_iv ORDER BY id;
SELECT id, a * 1e-3 AS tiny, a / 1e3 AS small, a * 12345.678 AS large FROM p_iv ORDER BY id;
-- Postgres: interval out of range (22008).
SELECT a * 1e300 AS r FROM p_iv WHERE a > '1 hour';
-- Postgres: division by zero (22012).
SELECT a / 0 AS r FROM p_iv;
SELECT id, interval '1 month' * f.n / 7 AS i FROM fact f ORDER BY id LIMIT 60;
