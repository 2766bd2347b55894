-- WITH.

-- Several references, modes, nesting, columns renamed.
WITH c AS NOT MATERIALIZED (SELECT k, sum(n) AS s FROM fact GROUP BY k) SELECT a.k, b.s FROM c a JOIN c b ON a.k = b.k + 1 ORDER BY 1;
WITH c AS MATERIALIZED (SELECT k, sum(n) AS s FROM fact GROUP BY k) SELECT a.k, b.s FROM c a JOIN c b ON a.k = b.k + 1 ORDER BY 1;
WITH c (x, y) AS (SELECT k, name FROM dim) SELECT c.y, d.y AS z FROM c JOIN c d ON c.x = d.x + 1 ORDER BY 1;
WITH a AS (WITH b AS (SELECT k FROM dim) SELECT k FROM b WHERE k > 1), b AS (SELECT k + 1 AS k FROM a) SELECT a.k, b.k AS k1 FROM a LEFT JOIN b USING (k) ORDER BY 1;
WITH a AS (SELECT k FROM dim) SELECT d.name, (SELECT count(*) FROM a WHERE a.k <= d.k) AS n FROM dim d WHERE d.k IN (SELECT k FROM a) ORDER BY 1;
WITH a AS (SELECT amount / 3 AS q FROM fact WHERE id < 5) SELECT x.q, y.q AS r FROM a x JOIN a y ON x.q = y.q ORDER BY 1;
WITH unused AS (SELECT 1 / 0 AS boom) SELECT count(*) AS n FROM dim;
SELECT k, s FROM (WITH c AS (SELECT k, sum(n) AS s FROM fact GROUP BY k) SELECT * FROM c) AS q WHERE s > 0 ORDER BY k;
WITH a AS (SELECT k FROM dim) (SELECT k FROM a ORDER BY k LIMIT 1) UNION ALL SELECT max(k) FROM a ORDER BY 1;

-- Recursion.
WITH RECURSIVE t (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT t.n, d.name FROM t LEFT JOIN dim d ON d.k = t.n ORDER BY 1;
WITH RECURSIVE t (n) AS (SELECT k FROM dim WHERE k = 1 UNION SELECT (n + 1) % 4 FROM t) SELECT n FROM t ORDER BY 1;
WITH RECURSIVE t (n, s) AS (SELECT k, name FROM dim WHERE k = 1 UNION ALL SELECT n + 1, s || '+' || d.name FROM t JOIN dim d ON d.k = t.n + 1) SELECT n, s FROM t ORDER BY n;
WITH RECURSIVE t (n, f) AS (SELECT 1, 1::numeric FROM dim WHERE k = 1 UNION ALL SELECT n + 1, f * (n + 1) FROM t WHERE n < 20) SELECT n, f FROM t ORDER BY n;
WITH RECURSIVE t (n, x) AS (SELECT 1, 1.50::numeric(10, 2) FROM dim WHERE k = 1 UNION ALL SELECT n + 1, (x * 1.1)::numeric(10, 2) FROM t WHERE n < 5) SELECT n, x FROM t ORDER BY n;
WITH RECURSIVE t (n, c) AS (SELECT 1, 'a'::text FROM dim WHERE k = 1 UNION ALL SELECT n + 1, c || 'b' FROM t WHERE n < 5), u AS (SELECT max(n) AS m FROM t) SELECT t.n, t.c, u.m FROM t, u ORDER BY n;
WITH RECURSIVE path (k, depth) AS (SELECT k, 0 FROM dim WHERE k = 1 UNION ALL SELECT f.k, p.depth + 1 FROM path p JOIN fact f ON f.n = p.k WHERE p.depth < 2) SELECT depth, count(*) AS n, sum(k) AS s FROM path GROUP BY depth ORDER BY depth;
WITH RECURSIVE t (n) AS (SELECT k FROM dim WHERE k = 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t WHERE n IN (SELECT n FROM t WHERE n > 2) ORDER BY 1;
WITH RECURSIVE t (n) AS (SELECT k FROM dim WHERE k < 3 UNION SELECT t.n + d.k FROM t, dim d WHERE t.n < 6) SELECT n FROM t ORDER BY 1;
WITH RECURSIVE a (n) AS (SELECT k FROM dim WHERE k = 1 UNION ALL SELECT n + 1 FROM a WHERE n < 3), b (n) AS (SELECT n FROM a UNION ALL SELECT n * 10 FROM b WHERE n < 100) SELECT n FROM b ORDER BY 1;
-- finished: SEARCH makes rows of records
WITH RECURSIVE t AS (SELECT k, name, k AS root FROM dim WHERE k = 5 UNION ALL SELECT d.k, d.name, t.root FROM dim d JOIN t ON d.k = t.k - 1) SEARCH DEPTH FIRST BY k SET o SELECT k, root FROM t ORDER BY k;
-- finished: CYCLE makes rows of records
WITH RECURSIVE t (k) AS (SELECT k FROM dim WHERE k = 1 UNION ALL SELECT (t.k % 3) + 1 FROM t JOIN dim d ON d.k = t.k) CYCLE k SET looped USING path SELECT k, looped FROM t ORDER BY 1, 2;
WITH RECURSIVE t (n) AS (SELECT k FROM dim WHERE k = 1 UNION ALL SELECT n + 1 FROM t) SELECT n FROM t LIMIT 5;
