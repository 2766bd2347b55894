-- Infinite dates and timestamps: DuckDB has no form for some of their fields, so that Postgres runs such
-- a query again when it meets one.

SELECT id, a, extract(year FROM a) AS y, extract(epoch FROM a) AS e, extract(day FROM a) AS d FROM p_dat ORDER BY id, 2;
SELECT id, extract(isoyear FROM a) AS i, extract(decade FROM a) AS d, extract(century FROM a) AS c, extract(millennium FROM a) AS m FROM p_ts ORDER BY id;
SELECT id, extract(epoch FROM a) AS e, date_part('epoch', b) AS p FROM p_tstz ORDER BY id;
SELECT extract(year FROM a) AS y, count(*) AS n FROM p_dat GROUP BY 1 ORDER BY 1;
SELECT id FROM p_dat WHERE extract(year FROM a) > 1999 ORDER BY id;
SELECT DISTINCT extract(year FROM a) AS y, max(extract(epoch FROM b)) OVER (PARTITION BY a) AS e FROM p_dat ORDER BY 1, 2;
SELECT a.id, (SELECT max(extract(year FROM b.a)) FROM p_dat AS b WHERE b.id <= a.id) AS y FROM p_dat AS a ORDER BY 1;
SELECT sum(extract(year FROM a)) FILTER (WHERE isfinite(a)) AS s FROM p_ts;
WITH y AS MATERIALIZED (SELECT id, extract(year FROM a) AS y FROM p_ts) SELECT p.id, q.y FROM y AS p FULL JOIN y AS q ON p.id = q.id + 1 ORDER BY 1, 2;
SELECT id FROM p_tstz ORDER BY extract(epoch FROM a) DESC NULLS LAST, id LIMIT 20;
-- each: p_ts
SELECT id, age(a, b) AS x FROM p_ts WHERE id = {id};
-- each: p_tstz
SELECT id, age(a, b) AS x FROM p_tstz WHERE id = {id};
SELECT id, age(a, b) AS x FROM p_tstz WHERE (isfinite(a) OR a > 'epoch') AND (isfinite(b) OR b > 'epoch') ORDER BY id;
SELECT id, (a::text || CASE WHEN id < 0 THEN '1' ELSE '' END)::float8 AS h FROM p_float8 ORDER BY id;
SELECT k, ('0x' || k)::float8 AS h FROM dim WHERE k IS NOT NULL ORDER BY k;
