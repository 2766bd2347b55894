-- Statements that `tests/generated` found to answer differently, made small.

-- upper() and reverse() of characters that have no capital letter, or several code points.
SELECT id, upper(a) AS u, lower(a) AS l, reverse(a) AS r FROM (SELECT id, a || chr(223) || 'e' || chr(769) || chr(304) AS a FROM p_txt) AS t ORDER BY id;
-- The time of day of infinity is null.
SELECT id, a::time AS t FROM p_ts ORDER BY id;
SELECT id, (a + time '01:00')::time AS t FROM p_dat ORDER BY id;
-- Postgres: date out of range (22008).
SELECT a + 2147483647 AS d FROM p_dat WHERE a = '9999-12-31';
-- Constants as sort keys, of statements and of aggregates, and as keys of DISTINCT ON.
SELECT k FROM dim ORDER BY 'x'::char(3), k DESC NULLS FIRST;
SELECT string_agg('b'::text, ',' ORDER BY 'b'::text) AS s FROM dim;
SELECT DISTINCT ON ('x'::text) k FROM dim ORDER BY 'x'::text, k;
SELECT DISTINCT ON (lower('X'::text), k % 2) k FROM dim ORDER BY lower('X'::text), k % 2, k;
-- A NULL replacement.
SELECT id, replace(a, b, NULL) AS r, replace(a, a, b) AS s FROM p_txt ORDER BY id;
-- Correlation and regression where one side is constant.
SELECT corr(price, price) AS c, regr_slope(price, 1) AS s, regr_slope(1, price) AS z, regr_r2(1, price) AS r, regr_intercept(price, 1) AS i FROM fact WHERE k = 3 AND price = 2;
SELECT k, corr(price, k) AS c, regr_r2(k, k) AS r, regr_r2(k, price) AS one FROM fact WHERE k IN (1, 2) GROUP BY k ORDER BY k;
SELECT id, corr(price, price) OVER (PARTITION BY k) IS NULL AS c FROM fact WHERE id < 8 ORDER BY id;
-- char(n) whose length Postgres forgets.
SELECT id, CASE WHEN id > 3 THEN a END AS c, coalesce(a, 'xyz'::bpchar) AS d, least('b'::bpchar, a) AS l FROM p_bp ORDER BY id;
SELECT id, lead('A'::bpchar, 1, a) OVER (ORDER BY id) AS l, max(a) OVER (ORDER BY id) AS m FROM p_bp ORDER BY id;
SELECT a FROM p_bp UNION ALL SELECT NULL UNION ALL SELECT 'ab'::char(3) ORDER BY 1;
SELECT q.c FROM (SELECT CASE WHEN id > 3 THEN a ELSE b END AS c FROM p_bp) AS q ORDER BY 1;
-- Digits that round() and trunc() keep at most.
SELECT length(trunc(a, 20000)::text) AS t, length(round(a, 20000)::text) AS r FROM p_num WHERE id < 5;
-- DISTINCT in an aggregate with ORDER BY and FILTER over an expression.
SELECT array_agg(DISTINCT k + 1 ORDER BY k + 1) FILTER (WHERE k > 2) AS a FROM dim;
-- Windows in a LATERAL subquery.
SELECT d.k, q.s FROM dim AS d LEFT JOIN LATERAL (SELECT sum(d.k) OVER (ORDER BY e.k) AS s FROM dim AS e) AS q ON true ORDER BY 1, 2;
-- timestamptz and intervals of mixed signs: months first, then days, then time.
SELECT id, t + i AS a, t - i AS b FROM (SELECT d.id, i, d.a AS t FROM p_tstz AS d, (VALUES (interval '1 mon -2 hours'), ('-1 mon 1 day'), ('1 mon 1 day -00:00:01'), ('-1 year 2 days')) AS v (i) WHERE isfinite(d.a)) AS q ORDER BY id, 2, 3;
-- Sums of numerics over a whole partition.
SELECT id, var_pop(k) OVER () AS v, sum(amount / 3) OVER (PARTITION BY n % 3) AS s, stddev(amount) OVER (PARTITION BY n % 3 ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS d FROM fact WHERE id < 40 ORDER BY id;
-- A UNION ALL that Postgres flattens while it finishes the statement.
SELECT count(*) AS n FROM ((SELECT DISTINCT NULL::integer FROM arrays) UNION ALL (SELECT id::integer FROM arrays WHERE format('%s', id) <> '2')) AS q;
-- An aggregate that nobody reads, over no rows.
SELECT q.n FROM (SELECT 1 AS n, xmlagg(v::xml) AS x FROM empty) AS q LEFT JOIN generate_series(1, 2) AS g ON true ORDER BY 1;
-- A condition without columns below a GROUP BY that Postgres finishes.
SELECT k, xmlagg(NULL::xml) AS x FROM fact WHERE (SELECT false FROM dim WHERE k = 1) GROUP BY k;
-- A group whose key is an outer column.
SELECT d.k, format('%s', q.x) AS x FROM dim AS d LEFT JOIN LATERAL (SELECT d.k * 2 AS x, bit_and(DISTINCT f.n) AS b FROM fact AS f GROUP BY d.k * 2) AS q ON true ORDER BY 1, 2;
-- An array constant whose elements have scales of their own.
SELECT '{1.50,0.1,NULL}'::numeric[] AS a, n || 0.125 AS c FROM arrays ORDER BY id;
-- The first group of a pattern without groups is the whole match.
SELECT id, regexp_substr(a, '^a', 1, 1, '', 1) AS s, regexp_instr(a, 'b', 1, 1, 0, '', 1) AS i, regexp_substr(a, 'b', 1, 1, '', 2) AS n FROM p_txt ORDER BY id;
-- Intervals that are equal, of fields with other signs.
SELECT id, a = justify_hours(a) AS e, a - b = justify_interval(a - b) AS j, a - b < b - a AS l FROM p_iv ORDER BY id;
SELECT a.id, b.id AS other FROM p_iv AS a JOIN p_iv AS b ON a.a = justify_hours(b.a) WHERE a.id < 20 AND b.id < 20 ORDER BY 1, 2;
-- What COALESCE does not reach is no error.
SELECT id, coalesce(id, nullif(10 / (k - k), n)) AS c FROM fact WHERE id < 5 ORDER BY id;
-- Decimals without digits before the point are written with a zero there.
SELECT id, (amount / 100000)::numeric(4,4)::text AS t, concat_ws('/', 0.5, k, -0.25) AS c, 0.125 || '' AS u FROM fact WHERE id < 30 AND k IS NOT NULL ORDER BY id;
SELECT length(x::text) AS l FROM (SELECT 0.5 AS x FROM dim UNION ALL SELECT 1.25 FROM dim) AS q ORDER BY 1;
-- A constant array and a column.
SELECT k, array_replace('{1,2,NULL}'::integer[], k, 7) AS r, array_remove('{1,2,NULL}'::integer[], k) AS m, 2 = ANY (array_remove('{1,2}'::integer[], k)) AS a FROM dim ORDER BY k;
-- Of two intervals, the longer one, however it is written.
SELECT a.id, b.id AS other, greatest(a.a, b.a) AS g, least(a.a, interval '30 days', b.a, NULL) AS l FROM p_iv AS a JOIN p_iv AS b ON a.id < 12 AND b.id < 12 ORDER BY 1, 2;
SELECT id, greatest(a, b + interval '1 mon', interval '31 days') AS g FROM p_iv WHERE id < 40 ORDER BY id;
-- The elements of an array that each row has of its own, also where DuckDB allows no subquery.
SELECT a.id, b.id AS other FROM arrays AS a LEFT JOIN arrays AS b ON a.id = b.id AND a.id < ANY (b.i) ORDER BY 1, 2;
SELECT a.id, b.id AS other FROM arrays AS a FULL JOIN arrays AS b ON a.id = b.id AND 2 <> ALL (b.i) ORDER BY 1, 2;
SELECT id, k, k = ANY (i) AS e, k <> ANY (i) AS ne, k < ANY (i) AS l, k <= ANY (i) AS le, k > ANY (i) AS g, k >= ANY (i) AS ge, k = ALL (i) AS ea, k <> ALL (i) AS nea, k < ALL (i) AS la, k <= ALL (i) AS lea, k > ALL (i) AS ga, k >= ALL (i) AS gea FROM arrays, (SELECT k FROM dim UNION ALL SELECT NULL) AS d ORDER BY 1, 2;
SELECT id, x = ANY (n::float8[] || 'NaN'::float8) AS e, x < ALL (n::float8[]) AS l, x >= ANY (n::float8[] || 'NaN'::float8) AS g FROM arrays, (VALUES ('NaN'::float8), (0), (-0.0), (1.5), (NULL)) AS v (x) ORDER BY id, x;
SELECT id, x = ANY (t) AS e, x < ALL (t) AS l, x >= ANY (t) AS g FROM arrays, (VALUES ('a'), (''), ('NULL'), (NULL)) AS v (x) ORDER BY id, x;
PREPARE in_array (integer[]) AS SELECT a.k, b.k AS other FROM dim AS a LEFT JOIN dim AS b ON a.k = b.k AND a.k = ANY ($1) ORDER BY 1, 2;
EXECUTE in_array ('{1,3,NULL}');
EXECUTE in_array (NULL);
DEALLOCATE in_array;
-- Constants that are equal to a key, but are none.
SELECT 'a'::text AS t, coalesce('a'::text) AS k, count(*) AS n FROM dim GROUP BY ROLLUP (coalesce('a'::text)) ORDER BY 2;
SELECT 5 AS x, 5 AS y, k, count(*) AS n FROM dim GROUP BY ROLLUP (x, k) ORDER BY 1, 3, 4;
-- finished: grouping sets of a constant
SELECT NULL::int AS k, 'a'::text || 'b' AS t FROM dim WHERE false GROUP BY CUBE ('a'::text || 'b') EXCEPT SELECT k, NULL::text FROM fact ORDER BY 1, 2;
-- Several sets without a key.
SELECT 1 AS x FROM dim GROUP BY GROUPING SETS ((), (), ());
SELECT 1 AS x, k FROM dim GROUP BY GROUPING SETS ((), (k), ()) ORDER BY 2;
SELECT count(*) AS n FROM dim GROUP BY GROUPING SETS ((), ());
-- Two keys that are equal.
SELECT 'x'::text AS c, count(*) AS n FROM dim GROUP BY CUBE ((CASE WHEN true THEN 'x'::text END), ('x'::text)) ORDER BY 1, 2;
SELECT k, coalesce(k) AS c, count(*) AS n FROM dim GROUP BY GROUPING SETS ((k), (coalesce(k))) ORDER BY 1, 2;
SELECT k, count(*) AS n FROM dim GROUP BY ROLLUP (k, k) ORDER BY 1, 2;
-- A column of a subquery that only a condition of Postgres' needs, and that DuckDB lacks.
SELECT q.id FROM (SELECT id, a AS c FROM p_bp EXCEPT SELECT 1, NULL::bpchar UNION SELECT id, (a || 'x')::bpchar FROM p_bp ORDER BY 1, 2 LIMIT 20) AS q WHERE q.c !~* format('a|%s', 'b') AND format('%s', q.c) <> '' ORDER BY 1;
-- A subquery over rows of Postgres in an expression that DuckDB gets twice.
SELECT var_pop((SELECT g::numeric / 3 FROM generate_series(1, 3) AS g WHERE g = d.k)) AS v, nullif((SELECT g FROM generate_series(1, 3) AS g WHERE g = max(d.k)), 0) AS n FROM dim AS d;
-- DuckDB would read the rows of Postgres below a window twice.
SELECT count(*) AS n FROM dim AS r1 LEFT JOIN LATERAL (SELECT DISTINCT NULL::bpchar AS c8 FROM dim AS r2 LEFT JOIN generate_series(1, 3) AS r3 ON NULL::bool FULL JOIN (SELECT covar_pop(NULL::float8, NULL::float8) OVER (PARTITION BY NULL::int8) AS c5 FROM generate_series(1, 4) AS r4) AS q7 ON NULL::bool ORDER BY 1) AS q ON true;
SELECT g % 2 AS k, count(*) OVER (PARTITION BY g % 2) AS n, sum(g) OVER (PARTITION BY g % 2) AS s FROM generate_series(1, 5) AS g, dim AS d ORDER BY 1, 2, 3;
-- A lambda over columns of two levels.
SELECT a.id, q.n FROM arrays AS a, LATERAL (SELECT count(*) AS n FROM arrays AS b WHERE b.id <> array_length(array_remove(a.t, b.t[1]), 1)) AS q ORDER BY 1;
PREPARE without_element (text[]) AS SELECT id FROM arrays WHERE id <> array_length(array_remove($1, t[1]), 1) ORDER BY 1;
EXECUTE without_element ('{a,b,c}');
DEALLOCATE without_element;
-- A key without columns that is part of an expression.
SELECT timestamptz '1999-12-31 06:00:00+00' > ('2024-11-03 01:30:00'::text)::timestamp AS l, count(*) AS n FROM dim GROUP BY CUBE (('2024-11-03 01:30:00'::text)::timestamp) ORDER BY 1, 2;
