-- Joins.
SELECT k, d.name, e.name AS other FROM dim d FULL JOIN (SELECT k + 2 AS k, name FROM dim) AS e USING (k) ORDER BY k, 2, 3;
SELECT k, count(*) AS n FROM dim d FULL JOIN (SELECT k + 2 AS k FROM dim) AS e USING (k) WHERE k > 1 GROUP BY k ORDER BY k;
SELECT * FROM dim NATURAL FULL JOIN (SELECT k + 1 AS k, name FROM dim) AS e ORDER BY k, name;
SELECT * FROM dim NATURAL LEFT JOIN (SELECT k + 1 AS k, name AS n2 FROM dim) AS e ORDER BY k;
SELECT a.k, b.k AS bk, c.k AS ck FROM dim a FULL JOIN (SELECT k + 1 AS k FROM dim) b ON a.k = b.k FULL JOIN (SELECT k + 2 AS k FROM dim) c ON c.k = b.k ORDER BY 1, 2, 3;
SELECT k FROM dim a FULL JOIN (SELECT k + 1 AS k FROM dim) b USING (k) FULL JOIN (SELECT k + 2 AS k FROM dim) c USING (k) ORDER BY k;
SELECT x.k, x.name FROM (dim d JOIN (SELECT k AS k2 FROM dim) e ON d.k = e.k2) AS x ORDER BY 1;
SELECT j.k, j.name FROM dim JOIN (SELECT k FROM fact WHERE id < 10) f USING (k) AS j ORDER BY 1;
SELECT a.k, b.name FROM dim a RIGHT JOIN dim b USING (k) ORDER BY 1, 2;
SELECT a.name, b.name AS other FROM dim a LEFT JOIN dim b ON a.k = b.k AND b.grp = 'odd' LEFT JOIN dim c ON c.k = b.k + 1 ORDER BY 1, 2;
SELECT a.k, l.n FROM dim a LEFT JOIN LATERAL (SELECT count(*) AS n FROM fact f WHERE f.k = a.k) AS l ON true ORDER BY 1;
SELECT a.k, l.id, l.q FROM dim a CROSS JOIN LATERAL (SELECT id, a.k + n AS q FROM fact f WHERE f.k = a.k ORDER BY id LIMIT 1) AS l ORDER BY 1;
SELECT a.k, x.v FROM dim a, LATERAL (VALUES (a.k), (a.k * 10)) AS x (v) ORDER BY 1, 2;
SELECT a.k, l.s FROM dim a, LATERAL (SELECT a.k AS s UNION ALL SELECT -a.k) AS l ORDER BY 1, 2;
SELECT a.k, l.s FROM dim a, LATERAL (SELECT sum(b.k) AS s FROM dim b WHERE b.k <= a.k) AS l, LATERAL (SELECT l.s + 1 AS t) AS m WHERE m.t > 4 ORDER BY 1;
SELECT count(*) AS n FROM dim a JOIN dim b ON a.k = b.k OR (a.k IS NULL AND b.k IS NULL);
SELECT count(*) AS n FROM dim a JOIN dim b ON a.k IS NOT DISTINCT FROM b.k;
SELECT a.id FROM p_num a JOIN p_int4 b ON a.a = b.a ORDER BY 1 LIMIT 20;
SELECT count(*) AS n FROM fact a JOIN fact b ON a.amount = b.n;
SELECT d.k FROM dim d JOIN fact f ON f.k = d.k AND EXISTS (SELECT 1 FROM dim x WHERE x.k = f.n) ORDER BY 1;
-- finished: system columns exist in Postgres only
SELECT d.tableoid::regclass AS t FROM dim d LIMIT 1;
-- unsupported: duckdb tables have no row identifiers of Postgres
SELECT ctid FROM dim LIMIT 1;
SELECT (d).k, (d).name FROM dim d ORDER BY 1;
-- finished: rows as values exist in Postgres only
SELECT row_to_json(d) AS j FROM dim d ORDER BY d.k LIMIT 1;
-- unsupported: DuckDB samples differently
SELECT * FROM dim TABLESAMPLE BERNOULLI (100) ORDER BY k;
-- unsupported: DuckDB does not lock rows
SELECT k FROM dim ORDER BY k FOR UPDATE;
-- unsupported: DuckDB does not lock rows
SELECT k FROM dim ORDER BY k FOR SHARE;
-- finished: results of DuckDB have columns
SELECT FROM dim WHERE k = 1;
-- finished: results of DuckDB have columns
SELECT FROM dim UNION ALL SELECT FROM dim;
SELECT count(*) AS n FROM (SELECT FROM dim WHERE k > 2) AS x;
SELECT EXISTS (SELECT FROM dim WHERE k = 3) AS e FROM dim WHERE k = 1;
