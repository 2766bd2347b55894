-- Window functions.
SELECT id, row_number() OVER w AS r, rank() OVER w AS rk, dense_rank() OVER w AS dr, percent_rank() OVER w AS pr, cume_dist() OVER w AS cd, ntile(4) OVER (PARTITION BY k ORDER BY n, id) AS t FROM fact WHERE id < 100 WINDOW w AS (PARTITION BY k ORDER BY n) ORDER BY id;
SELECT id, lag(n) OVER w AS a, lag(n, 2) OVER w AS b, lag(n, 1, -1) OVER w AS c, lead(n, 3, id::int) OVER w AS d, lag(amount, 1, 0) OVER w AS e, first_value(n) OVER w AS f, last_value(n) OVER w AS l, nth_value(n, 2) OVER w AS nt FROM fact WHERE id < 100 WINDOW w AS (PARTITION BY k ORDER BY id) ORDER BY id;
SELECT id, sum(n) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 FOLLOWING) AS a, sum(n) OVER (ORDER BY id ROWS 3 PRECEDING) AS b, count(*) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND 3 FOLLOWING) AS c, avg(amount) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS d FROM fact WHERE id < 60 ORDER BY id;
SELECT id, k, sum(n) OVER (ORDER BY k) AS a, sum(n) OVER (ORDER BY k GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS b, count(*) OVER (ORDER BY k DESC GROUPS BETWEEN CURRENT ROW AND 2 FOLLOWING) AS c FROM fact WHERE id < 60 ORDER BY id;
-- EXCLUDE.
SELECT id, k, sum(n) OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS a FROM fact WHERE id IN (1, 2, 4, 5, 6, 7) ORDER BY id;
SELECT id, k, count(n) OVER (ORDER BY k GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE GROUP) AS g, count(n) OVER (ORDER BY k GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS t, count(n) OVER (ORDER BY k GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE NO OTHERS) AS no FROM fact WHERE id < 60 ORDER BY id;
SELECT id, sum(n) OVER (ORDER BY k RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE TIES) AS t, max(n) OVER (ORDER BY k EXCLUDE GROUP) AS g, min(amount) OVER (PARTITION BY note ORDER BY id ROWS UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) AS m FROM fact WHERE id < 60 ORDER BY id;
SELECT id, first_value(id) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS f, last_value(id) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS l, nth_value(id, 2) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) AS nt FROM fact WHERE id < 20 ORDER BY id;
-- RANGE with offsets.
SELECT id, n, sum(id) OVER (ORDER BY n RANGE BETWEEN 10 PRECEDING AND 5 FOLLOWING) AS a, count(*) OVER (ORDER BY n DESC RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) AS b FROM fact WHERE id < 100 ORDER BY id;
SELECT id, k, count(*) OVER (ORDER BY k RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS a, count(*) OVER (ORDER BY k NULLS FIRST RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS b, count(*) OVER (ORDER BY k DESC NULLS LAST RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS c, count(*) OVER (ORDER BY k RANGE BETWEEN 1 FOLLOWING AND 2 FOLLOWING) AS d FROM fact WHERE id < 100 ORDER BY id;
SELECT id, d, sum(n) OVER (ORDER BY d RANGE BETWEEN interval '7 days' PRECEDING AND interval '1 day' FOLLOWING) AS s, count(*) OVER (ORDER BY d RANGE BETWEEN interval '1 month' PRECEDING AND CURRENT ROW) AS m FROM fact WHERE id < 100 ORDER BY id;
SELECT id, sum(n) OVER (ORDER BY amount RANGE BETWEEN 100.5 PRECEDING AND 50 FOLLOWING) AS s FROM fact WHERE id < 100 ORDER BY id;
SELECT id, count(*) OVER (ORDER BY price RANGE BETWEEN 0.5 PRECEDING AND 0.5 FOLLOWING) AS s FROM fact WHERE id < 100 ORDER BY id;
SELECT id, count(*) OVER (ORDER BY id RANGE BETWEEN 3 PRECEDING AND 2 PRECEDING) AS s FROM fact WHERE id < 50 ORDER BY id;
SELECT id, a, count(*) OVER (ORDER BY a RANGE BETWEEN interval '1 hour' PRECEDING AND interval '1 hour' FOLLOWING) AS n FROM p_ts WHERE a > '1900-01-01' AND a < 'infinity' ORDER BY id;
-- finished: Postgres refuses a negative offset when the query runs
SELECT id, count(*) OVER (ORDER BY d RANGE BETWEEN interval '-1 day' PRECEDING AND CURRENT ROW) AS s FROM fact;
-- finished: Postgres refuses a negative offset when the query runs
SELECT id, count(*) OVER (ORDER BY n ROWS BETWEEN -1 PRECEDING AND CURRENT ROW) AS s FROM fact;
-- finished: Postgres refuses a negative offset when the query runs
SELECT id, count(*) OVER (ORDER BY n RANGE BETWEEN -1 PRECEDING AND CURRENT ROW) AS s FROM fact;
-- FILTER, aggregates inside, windows over groups, several windows, named windows that inherit.
SELECT id, sum(n) FILTER (WHERE n > 0) OVER (PARTITION BY k ORDER BY id) AS s, count(*) FILTER (WHERE note = 'alpha') OVER () AS c FROM fact WHERE id < 60 ORDER BY id;
SELECT k, sum(n) AS s, sum(sum(n)) OVER (ORDER BY k) AS r, rank() OVER (ORDER BY sum(n) DESC, k) AS rk, round(sum(amount) * 100 / sum(sum(amount)) OVER (), 2) AS pct FROM fact GROUP BY k ORDER BY k;
SELECT id, count(*) OVER a AS x, row_number() OVER b AS y FROM fact WHERE id < 40 WINDOW a AS (PARTITION BY k), b AS (a ORDER BY id DESC) ORDER BY id;
SELECT * FROM (SELECT id, k, row_number() OVER (PARTITION BY k ORDER BY amount DESC) AS r FROM fact) AS q WHERE r <= 2 ORDER BY k, r;
SELECT DISTINCT k, first_value(id) OVER (PARTITION BY k ORDER BY amount DESC) AS top FROM fact ORDER BY k;
SELECT id, bool_and(n > -40) OVER (ORDER BY id ROWS 2 PRECEDING) AS b, string_agg(note, ',') OVER (ORDER BY id ROWS 1 PRECEDING) AS s, array_agg(n) OVER (ORDER BY id ROWS 1 PRECEDING) AS a FROM fact WHERE id < 20 ORDER BY id;
SELECT id, avg(n) OVER (PARTITION BY k) AS a, stddev_samp(n) OVER (PARTITION BY k) AS d, var_pop(amount) OVER (PARTITION BY k) AS v FROM fact WHERE id < 60 ORDER BY id;
SELECT id FROM fact WHERE id < 30 ORDER BY row_number() OVER (ORDER BY n, id) LIMIT 5;
SELECT k, count(*) OVER () AS n FROM fact GROUP BY k HAVING count(*) > 130 ORDER BY k;
SELECT id, lag(amount / 3) OVER (ORDER BY id) AS l, max(amount / 3) OVER (ORDER BY id) AS m, rank() OVER (ORDER BY amount / 3) AS r FROM fact WHERE id < 20 ORDER BY id;
SELECT id, ntile(NULL) OVER (ORDER BY id) AS x FROM fact WHERE id < 3 ORDER BY id;
SELECT id, ntile(0) OVER (ORDER BY id) AS x FROM fact WHERE id < 3 ORDER BY id;
SELECT id, nth_value(n, 0) OVER (ORDER BY id) AS x FROM fact WHERE id < 3 ORDER BY id;
SELECT id, lag(n, NULL) OVER (ORDER BY id) AS a, lag(n, -1) OVER (ORDER BY id) AS b, lead(n, k) OVER (ORDER BY id) AS c FROM fact WHERE id < 30 ORDER BY id;
