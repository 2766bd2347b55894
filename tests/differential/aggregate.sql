-- Aggregates.

-- COALESCE picks a value with its display scale, also inside a sum.
SELECT k, sum(coalesce(CASE WHEN k > 3 THEN amount END, 0)) AS s, sum(amount - coalesce(CASE WHEN k > 3 THEN amount END, 0)) AS d FROM fact GROUP BY k ORDER BY k;
-- DISTINCT, ORDER BY, FILTER, together.
SELECT sum(DISTINCT n) AS a, avg(DISTINCT n) AS b, count(DISTINCT note) AS c, min(DISTINCT n) AS d, array_agg(DISTINCT k) AS e, string_agg(DISTINCT note, ',') AS f, array_agg(DISTINCT k ORDER BY k DESC) AS g, sum(DISTINCT amount) AS h FROM fact WHERE id < 50;
SELECT array_agg(n ORDER BY k DESC NULLS LAST, id) AS a, string_agg(note, '-' ORDER BY id DESC) AS b, array_agg(note ORDER BY note NULLS FIRST, id) AS c FROM fact WHERE id < 12;
SELECT k, array_agg(id ORDER BY id) FILTER (WHERE n > 0) AS a, count(*) FILTER (WHERE n IS NULL) AS b, string_agg(note, ',' ORDER BY id) FILTER (WHERE note <> 'alpha') AS c FROM fact WHERE id < 40 GROUP BY k ORDER BY k;
SELECT k, count(DISTINCT note) FILTER (WHERE n > 0) AS c, sum(DISTINCT n) FILTER (WHERE n > 0) AS s FROM fact GROUP BY k ORDER BY k;
SELECT count(DISTINCT (k, note)) AS n FROM fact;
SELECT count(fact) AS n, count(fact.*) AS m FROM fact;
SELECT count(d) AS n FROM fact f LEFT JOIN dim d ON f.k = d.k;
SELECT max(k) AS a, min(name) AS b, max(grp) AS c, max(name || 'x') AS d FROM dim;
-- finished: of equal intervals Postgres shows the one it reads last
SELECT min(a) AS lo, max(a) AS hi FROM p_iv WHERE a <> '30 days' AND a <> '24 hours';
-- finished: arrays are not compared in DuckDB
SELECT max(i) AS m, min(t) AS t FROM arrays;
-- finished: sums of intervals
SELECT sum(a) AS s, avg(a) AS m FROM p_iv;
SELECT k, bit_and(n) AS a, bit_or(n) AS o, bit_xor(n) AS x FROM fact GROUP BY k ORDER BY k;
-- finished: regr_count
-- approximate: sums of floats
SELECT regr_count(price, n) AS c, corr(price, n) AS r, covar_pop(price, n) AS p, regr_slope(price, n) AS s, regr_intercept(price, n) AS i, regr_avgx(price, n) AS x FROM fact;
-- finished: DuckDB's text of JSON differs
SELECT json_agg(k ORDER BY k) AS j FROM dim;
-- finished: arrays of two dimensions
SELECT array_agg(ARRAY[k, 1] ORDER BY k) AS a FROM dim WHERE k < 3;
-- finished: the delimiter is a column
SELECT string_agg(name, grp ORDER BY k) AS s FROM dim;
-- finished: text and bytea
SELECT string_agg(note::bytea, '\x00'::bytea ORDER BY id) AS s FROM fact WHERE id < 4;

-- Ordered sets.
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY price) AS a, percentile_cont(0.25) WITHIN GROUP (ORDER BY n) AS b, percentile_cont(0.9) WITHIN GROUP (ORDER BY n DESC) AS c, percentile_cont(0.333) WITHIN GROUP (ORDER BY amount) AS d FROM fact;
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY price) AS a, percentile_disc(0.25) WITHIN GROUP (ORDER BY n) AS b, percentile_disc(0.9) WITHIN GROUP (ORDER BY n DESC) AS c, percentile_disc(0.333) WITHIN GROUP (ORDER BY amount) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY note) AS e, percentile_disc(0.7) WITHIN GROUP (ORDER BY d) AS f, percentile_disc(0) WITHIN GROUP (ORDER BY id) AS g, percentile_disc(1) WITHIN GROUP (ORDER BY id) AS h FROM fact;
SELECT k, percentile_cont(0.5) WITHIN GROUP (ORDER BY n) AS m, percentile_disc(0.5) WITHIN GROUP (ORDER BY n) AS d, percentile_disc(0.5) WITHIN GROUP (ORDER BY n DESC) AS e, percentile_disc(0.25) WITHIN GROUP (ORDER BY note DESC) AS t FROM fact GROUP BY k ORDER BY k;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY n) FILTER (WHERE k = 2) AS m, percentile_disc(0.1) WITHIN GROUP (ORDER BY k) AS z, percentile_cont(NULL) WITHIN GROUP (ORDER BY n) AS nu, percentile_disc(NULL) WITHIN GROUP (ORDER BY n) AS nd FROM fact;
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY k) AS a, percentile_disc(0.5) WITHIN GROUP (ORDER BY k) AS b, mode() WITHIN GROUP (ORDER BY k) AS c FROM empty;
-- finished: Postgres refuses it when the query runs
SELECT percentile_cont(1.5) WITHIN GROUP (ORDER BY k) AS a FROM fact;
-- finished: Postgres refuses it when the query runs
SELECT percentile_disc(-0.1) WITHIN GROUP (ORDER BY k) AS a FROM fact;
SELECT percentile_cont(ARRAY[0.25, 0.5, NULL, 1]) WITHIN GROUP (ORDER BY n) AS a, percentile_disc(ARRAY[0.25, 0.5, 0, 1]) WITHIN GROUP (ORDER BY n) AS b FROM fact;
SELECT k, percentile_cont(k * 0.1) WITHIN GROUP (ORDER BY n) AS a FROM fact WHERE k IS NOT NULL GROUP BY k ORDER BY k;
-- finished: equal intervals may look different
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) AS m FROM p_iv;
-- each: p_float8
SELECT percentile_cont(0.4) WITHIN GROUP (ORDER BY a) AS m, percentile_disc(0.4) WITHIN GROUP (ORDER BY a) AS d FROM p_float8 WHERE id <= {id} AND a <> 0;
SELECT mode() WITHIN GROUP (ORDER BY k) AS a, mode() WITHIN GROUP (ORDER BY note) AS b, mode() WITHIN GROUP (ORDER BY n DESC) AS c, mode() WITHIN GROUP (ORDER BY amount) AS d FROM fact;
SELECT k, mode() WITHIN GROUP (ORDER BY note) AS b, mode() WITHIN GROUP (ORDER BY n) AS c, mode() WITHIN GROUP (ORDER BY n DESC) AS e FROM fact GROUP BY k ORDER BY k;
-- finished: hypothetical sets
SELECT rank(5) WITHIN GROUP (ORDER BY n) AS a, dense_rank(5) WITHIN GROUP (ORDER BY n) AS b, percent_rank(5) WITHIN GROUP (ORDER BY n) AS c, cume_dist(5) WITHIN GROUP (ORDER BY n) AS d FROM fact;

-- Grouping.
SELECT grouping(k) AS g, grouping(note) AS h, k, note, count(*) AS n FROM fact WHERE id < 100 GROUP BY CUBE (k, note) HAVING grouping(k) = 1 OR count(*) > 3 ORDER BY 1, 2, 3, 4;
SELECT k, sum(n) AS s FROM fact GROUP BY ROLLUP (k) ORDER BY grouping(k), k;
SELECT (d.k, d.grp) IS NULL AS n, count(*) AS c FROM fact f LEFT JOIN dim d USING (k) GROUP BY d.k, d.grp ORDER BY 2, 1;
SELECT k, n, sum(amount) AS s FROM fact WHERE id < 30 GROUP BY GROUPING SETS (ROLLUP (k, n), CUBE (k)) ORDER BY 1, 2, 3;
SELECT k, n, sum(amount) AS s FROM fact WHERE id < 30 GROUP BY DISTINCT ROLLUP (k, n), ROLLUP (k) ORDER BY 1, 2, 3;
SELECT amount / 3 AS q, count(*) AS c FROM fact WHERE id < 10 GROUP BY ROLLUP (amount / 3) ORDER BY 1, 2;
SELECT k, (SELECT max(x.n) FROM fact x WHERE x.k = f.k) AS m, count(*) AS c FROM fact f GROUP BY k ORDER BY k;
-- finished: an aggregate of the outer query
SELECT k, (SELECT count(*) FROM dim d WHERE d.k < max(f.n)) AS m FROM fact f GROUP BY k ORDER BY k;
-- finished: an aggregate of the outer query
SELECT (SELECT sum(f.n) FROM dim d WHERE d.k = 1) AS s FROM fact f;
SELECT count(*) AS n FROM fact HAVING sum(n) > 1000000;
SELECT amount / 3 AS q, grouping(amount / 3) AS g, k, grouping(k, amount / 3) AS h, count(*) AS c FROM fact WHERE id < 12 GROUP BY CUBE (amount / 3, k) ORDER BY 1, 3, 2, 4, 5;
SELECT k, percentile_disc(0.07) WITHIN GROUP (ORDER BY id) AS a, percentile_disc(0.29) WITHIN GROUP (ORDER BY id DESC) AS b, percentile_cont(0.57) WITHIN GROUP (ORDER BY amount) AS c, percentile_cont(0.5) WITHIN GROUP (ORDER BY amount DESC) AS d FROM fact GROUP BY k ORDER BY k;
-- Quotients by constants are added as decimals; the sum shows the largest scale of any.
SELECT sum(amount / 2) AS a, sum(amount / 100) AS b, sum(amount / -0.5) AS c, sum(amount / 10000) AS d, sum(amount / 1250.00) AS e, sum(amount / 3) AS f, sum(amount / 0.0004) AS g, avg(amount / 4) AS h, sum(amount / 2 + n) AS i FROM fact;
SELECT id, sum(amount / 2) AS a, sum(amount / 9999.0) AS b, sum(amount / 8) AS c, sum((amount - 500) / 20) AS d, max(amount / 5) AS e FROM fact WHERE id % 97 = 0 OR amount = 0 GROUP BY id ORDER BY id;
SELECT id, sum(c / 2) AS a, sum(c / 16) AS b, sum((c * 0) / 2) AS z, sum(c / 0.002) AS d FROM digits GROUP BY id ORDER BY id;
SELECT id FROM fact WHERE amount / 2 > 480.1 OR amount / 100 = 0.5 ORDER BY id;
SELECT k, sum(v / 2) AS a, sum(-v / 2) AS b, sum(v / 0.0625) AS c FROM (SELECT k, ((k - 3) * 0.01)::numeric(12, 2) AS v FROM dim) AS q GROUP BY k ORDER BY k;
SELECT k, sum(v / 2) AS a, sum(v / 2.5) AS b, sum(v / 9999) AS c FROM (SELECT k, (CASE k WHEN 1 THEN 3 WHEN 2 THEN 300 WHEN 3 THEN 29999.99 WHEN 4 THEN 30000 ELSE 300000000 END)::numeric(12, 2) AS v FROM dim) AS q GROUP BY k ORDER BY k;
