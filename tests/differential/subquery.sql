-- Subqueries and row values.
SELECT id FROM fact WHERE (k, n) IN (SELECT k, n FROM fact WHERE id < 20) ORDER BY id;
SELECT id FROM fact WHERE (k, n) NOT IN (SELECT k, n FROM fact WHERE id > 20) ORDER BY id;
SELECT id FROM fact WHERE (k, n) NOT IN (SELECT k, n FROM fact WHERE id > 20 AND k IS NOT NULL) ORDER BY id;
SELECT d.k, (d.k, d.name) IN (SELECT k, name FROM dim) AS i, (d.k, d.name) NOT IN (SELECT k, name FROM dim) AS ni, (d.k, d.grp) IN (SELECT e.k, e.grp FROM dim e WHERE e.k > 2) AS j FROM dim d ORDER BY 1;
SELECT d.k, (d.k, 1) = ANY (SELECT k, id FROM fact WHERE id < 3) AS a, (d.k, d.k) <> ALL (SELECT k, k FROM empty) AS b FROM dim d ORDER BY 1;
SELECT d.k, (d.k, d.grp) = (SELECT k, grp FROM dim WHERE k = 2) AS a, (d.k, d.grp) < (SELECT k, grp FROM dim WHERE k = 2) AS b, (d.k, d.grp) <> (SELECT k, grp FROM dim WHERE name = 'nobody') AS c FROM dim d ORDER BY 1;
SELECT d.k, (d.k, d.grp) < ANY (SELECT k, grp FROM dim WHERE k < 4) AS a, (d.k, d.grp) >= ALL (SELECT k, grp FROM dim WHERE k < 4) AS b FROM dim d ORDER BY 1;
SELECT id FROM fact WHERE (k, n) = (1, 3) ORDER BY id;
SELECT id, (k, n) < (3, 10) AS lt, (k, n) <= (3, 10) AS le, (k, n) > (3, 10) AS gt, (k, n) >= (3, 10) AS ge, (k, n) <> (3, 10) AS ne, (k, n) IS DISTINCT FROM (3, 10) AS di FROM fact WHERE id < 60 ORDER BY id;
SELECT id, (k, note, n) < (3, 'beta', 5) AS lt, (note, k) >= ('beta', 2) AS ge FROM fact WHERE id < 60 ORDER BY id;
SELECT id, (k, n) IS NULL AS a, (k, n) IS NOT NULL AS b, NOT ((k, n) IS NULL) AS c, (k, NULL) IS NULL AS d, ROW(k, ROW(n, note)) IS NULL AS e FROM fact WHERE id < 30 ORDER BY id;
SELECT id FROM fact WHERE (k, n) IN ((1, 3), (2, 4), (3, NULL)) ORDER BY id;
SELECT id, (k, n) IN ((1, 3), (2, NULL)) AS i, (k, n) NOT IN ((1, 3), (2, NULL)) AS ni FROM fact WHERE id < 30 ORDER BY id;
SELECT id FROM fact WHERE (k, note) > (SELECT k, name FROM dim WHERE k = 4) ORDER BY id LIMIT 10;
SELECT id, k = ANY (ARRAY[1, 2, NULL]) AS a, k <> ALL (ARRAY[1, 2, NULL]) AS b, n > ANY (ARRAY[k, 5]) AS c, n > ALL (ARRAY[k, 5]) AS d, note LIKE ANY (ARRAY['a%', '%a']) AS e, note NOT LIKE ALL (ARRAY['a%', '%a']) AS f FROM fact WHERE id < 40 ORDER BY id;
SELECT a.id, 7 = ANY (a.i) AS x, 1.5 = ANY (a.n) AS y, 2 < ANY (a.i) AS z, 'b c' = ALL (a.t) AS w, a.i = ANY (ARRAY['{1,2,3}'::int[]]) AS v FROM arrays a ORDER BY 1;
SELECT id FROM fact WHERE amount = ANY ('{79.19, 158.38}'::numeric[]) ORDER BY id;
SELECT id FROM fact WHERE k = ANY (SELECT unnest(i) FROM arrays) ORDER BY id LIMIT 10;
SELECT id FROM fact WHERE note = ANY (string_to_array('alpha,beta', ',')) ORDER BY id LIMIT 10;
-- ARRAY of a subquery.
SELECT d.k, ARRAY(SELECT f.id FROM fact f WHERE f.k = d.k AND f.id < 40 ORDER BY f.id) AS a FROM dim d ORDER BY 1;
SELECT ARRAY(SELECT name FROM dim ORDER BY k DESC NULLS LAST) AS a, ARRAY(SELECT k FROM empty) AS b, cardinality(ARRAY(SELECT k FROM dim)) AS c FROM dim WHERE k = 1;
SELECT ARRAY(SELECT amount / 3 FROM fact WHERE id < 4 ORDER BY id) AS a, ARRAY(SELECT k::smallint FROM dim ORDER BY k LIMIT 2) AS b FROM dim WHERE k = 1;
SELECT id FROM fact WHERE id = ANY (ARRAY(SELECT k FROM dim)) ORDER BY id;
SELECT d.k, ARRAY(SELECT f.note FROM fact f WHERE f.k = d.k ORDER BY f.id LIMIT 3) AS a FROM dim d ORDER BY 1;
-- Places, depth, nulls.
SELECT d.k, CASE WHEN EXISTS (SELECT 1 FROM fact f WHERE f.n = d.k) THEN 'y' ELSE 'n' END AS e, d.k IN (SELECT n FROM fact) AS i, d.k > ALL (SELECT k FROM dim WHERE k < 3) AS a FROM dim d ORDER BY 1;
SELECT d.k, (SELECT e.name FROM dim e WHERE e.k = (SELECT min(x.k) FROM dim x WHERE x.k > d.k)) AS next FROM dim d ORDER BY 1;
SELECT id FROM fact f WHERE n > (SELECT avg(n) FROM fact g WHERE g.k = f.k) ORDER BY id LIMIT 20;
SELECT k, count(*) AS n FROM fact GROUP BY k HAVING count(*) > (SELECT min(id) FROM fact) AND k IN (SELECT k FROM dim) ORDER BY k;
SELECT id FROM fact ORDER BY (SELECT name FROM dim WHERE dim.k = fact.k), id LIMIT 10;
SELECT k FROM dim d WHERE NOT (k IN (SELECT n FROM fact WHERE n IS NOT NULL)) ORDER BY 1;
SELECT id FROM fact ORDER BY id LIMIT (SELECT count(*) FROM dim);
SELECT d.k FROM dim d WHERE (SELECT count(*) FROM fact f WHERE f.k = d.k) > 100 AND (SELECT 1 WHERE d.k > 1) = 1 ORDER BY 1;
SELECT d.k, (SELECT f.amount / 7 FROM fact f WHERE f.k = d.k ORDER BY f.id LIMIT 1) AS q FROM dim d ORDER BY 1;
SELECT k FROM dim WHERE k < SOME (SELECT 3) ORDER BY 1;
SELECT amount FROM fact WHERE amount IN (SELECT amount / 1 FROM fact WHERE id < 5) ORDER BY 1;
SELECT amount FROM fact WHERE amount > ALL (SELECT amount / 2 FROM fact) ORDER BY 1;
SELECT k FROM dim WHERE k IN (SELECT k::bigint FROM dim) AND k::numeric IN (SELECT k FROM dim) ORDER BY 1;
SELECT id FROM fact WHERE id IN (SELECT k FROM dim) ORDER BY id;
SELECT id FROM fact WHERE note IN (SELECT name::varchar(3) FROM dim) OR d IN (SELECT a FROM p_dat) ORDER BY id;

-- A comparison with the rows of a subquery that folds to them, in a branch of a set operation.
SELECT a.k FROM dim AS a INTERSECT ALL SELECT b.k FROM dim AS b JOIN dim AS c ON b.k = c.k AND true <> ANY (SELECT d.k > 2 FROM dim AS d) ORDER BY 1;
