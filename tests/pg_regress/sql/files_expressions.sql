-- Expressions over columns of files get the types that Postgres would choose.
COPY (SELECT i AS id, 'word ' || i AS t, date '2024-01-30' + i AS d, timestamp '2024-01-01 10:00' + i * interval '1 hour' AS ts, i % 2 AS k, i * 1.5 AS x FROM generate_series(1, 4) i) TO ':directory/e.csv' (FORMAT csv, HEADER);
CREATE VIEW e AS SELECT r['id'] AS id FROM read_csv(':directory/e.csv') r;
SELECT r['t'] || '!' AS a, 'x' || r['t'] AS b, r['t'] || r['t']::text AS c, length(r['t']) AS n, upper(r['t']::text) AS up, substring(r['t']::text FROM 1 FOR 4) AS sub FROM read_csv(':directory/e.csv') r WHERE r['id'] = 1;
SELECT r['d'] + interval '1 day' AS a, r['ts'] - r['d'] AS b, r['d'] - date '2024-01-01' AS c, date_trunc('month', r['d']) AS m, r['ts'] + r['id'] * interval '1 minute' AS s FROM read_csv(':directory/e.csv') r WHERE r['id'] = 2;
SELECT extract(year FROM r['d']::date) AS y, date_part('day', r['d']::date) AS dd FROM read_csv(':directory/e.csv') r WHERE r['id'] = 2;
SELECT count(*) FILTER (WHERE r['id'] > 1) AS f, string_agg(r['t'], ',' ORDER BY r['id'] DESC) AS s, array_agg(r['id'] ORDER BY r['id']) AS a, bool_and(r['k'] < 2) AS b FROM read_csv(':directory/e.csv') r;
SELECT r['k'] AS key, max(r['id']) FROM read_csv(':directory/e.csv') r GROUP BY key HAVING count(*) > 1 ORDER BY key DESC;
SELECT r['id'] FROM read_csv(':directory/e.csv') r ORDER BY r['k'] DESC NULLS LAST, r['id'] USING > LIMIT 3 OFFSET 1;
SELECT r['id'] IS NULL AS a, r['id'] IS DISTINCT FROM 1 AS b, r['id'] IS NOT DISTINCT FROM r['k'] AS c, (r['k'] = 1) IS TRUE AS d, NOT (r['id'] > 1) AS e FROM read_csv(':directory/e.csv') r ORDER BY r['id'] LIMIT 1;
SELECT abs(r['id']::int - 3) AS a, round(r['x']::numeric, 1) AS b, r['id']::int % 2 AS c FROM read_csv(':directory/e.csv') r ORDER BY r['id'] LIMIT 1;
SELECT first_value(r['t']) OVER w AS f, rank() OVER w AS n, avg(r['x']) OVER (PARTITION BY r['k']) AS m FROM read_csv(':directory/e.csv') r WINDOW w AS (PARTITION BY r['k'] ORDER BY r['id'] DESC) ORDER BY r['id'];
SELECT a['id'], b['t'] FROM read_csv(':directory/e.csv') a JOIN read_csv(':directory/e.csv') b ON a['id'] = b['id'] + 1 WHERE a['id'] BETWEEN 2 AND 3 ORDER BY 1;
SELECT a['id'], b['id'] FROM read_csv(':directory/e.csv') a LEFT JOIN read_csv(':directory/e.csv') b ON a['id'] = b['id'] * 2 ORDER BY 1;
SELECT * FROM read_csv(':directory/e.csv') a, read_csv(':directory/e.csv') b WHERE a['id'] = 1 AND b['id'] = 2;
SELECT r['id'] FROM read_csv(':directory/e.csv') r WHERE (r['id']::int, r['k']::int) = (1, 1);
SELECT r['id'] FROM read_csv(':directory/e.csv') r WHERE r['id'] > ALL (SELECT q['k'] FROM read_csv(':directory/e.csv') q) ORDER BY 1;
SELECT r['id'] FROM read_csv(':directory/e.csv') r WHERE r['id'] NOT IN (SELECT id * 2 FROM e) ORDER BY 1;
SELECT r['id'], (SELECT count(*) FROM read_csv(':directory/e.csv') q WHERE q['id'] < r['id']) AS smaller FROM read_csv(':directory/e.csv') r ORDER BY 1;
SELECT r['id']::smallint AS s, r['x']::int AS i, r['id']::text AS t, r['t']::varchar(4) AS v, r['d']::timestamp AS ts FROM read_csv(':directory/e.csv') r ORDER BY r['id'] LIMIT 1;
SELECT CAST(r['id'] AS numeric(10, 2)) AS n, r['x'] / 0.5 AS q, r['id'] / 2 AS half FROM read_csv(':directory/e.csv') r ORDER BY r['id'] LIMIT 2;
-- Parameters get the type of what they are compared with.
PREPARE p AS SELECT r['id'] FROM read_csv(':directory/e.csv') r WHERE r['t'] = $1 OR r['id'] IN ($2, $3) OR r['d'] BETWEEN $4 AND $5 ORDER BY 1;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'p';
EXECUTE p('word 1', 2, 2, '2000-01-01', '2000-01-02');
PREPARE q AS SELECT r['id'] + $1 AS sum, COALESCE(r['x'], $2) AS x FROM read_csv(':directory/e.csv') r WHERE r['id'] = 1 AND r['t'] LIKE $3;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'q';
EXECUTE q(10, 1.5, 'word%');
-- In functions.
CREATE FUNCTION by_id(wanted bigint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    found text;
BEGIN
    SELECT r['t'] INTO found FROM read_csv(':directory/e.csv') r WHERE r['id'] = wanted;
    RETURN found;
END $$;
SELECT by_id(3);
CREATE FUNCTION ids() RETURNS SETOF bigint LANGUAGE sql AS $$ SELECT r['id'] FROM read_csv(':directory/e.csv') r ORDER BY 1 $$;
SELECT * FROM ids();
CREATE FUNCTION atomic() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT max(r['id']) FROM read_csv(':directory/e.csv') r; END;
SELECT atomic();
-- Elsewhere.
COPY (SELECT r['id'], r['t'] FROM read_csv(':directory/e.csv') r ORDER BY r['id'] LIMIT 2) TO STDOUT;
CREATE MATERIALIZED VIEW m AS SELECT * FROM read_csv(':directory/e.csv');
SELECT id, t FROM m ORDER BY id LIMIT 1;
REFRESH MATERIALIZED VIEW m;
DROP MATERIALIZED VIEW m;
DROP FUNCTION by_id(bigint), ids(), atomic();
DROP VIEW e;
-- Refused.
SELECT abs(r['id']) FROM read_csv('e.csv') r;
SELECT r['id'] % 2 FROM read_csv('e.csv') r;
SELECT r['t'] || r['t'] FROM read_csv('e.csv') r;
SELECT r['id'] FROM read_csv('e.csv') r WHERE (r['id'], r['k']) = (1, 1);
SELECT r['k']::boolean FROM read_csv(':directory/e.csv') r;
SELECT * FROM read_csv(':directory/e.csv') WITH ORDINALITY;
SELECT * FROM ROWS FROM (read_csv(':directory/e.csv'), read_csv(':directory/e.csv')) AS x;
SELECT f.* FROM (VALUES ('a.csv')) v (path), read_csv(v.path) f;
CREATE TEMP TABLE words (word text);
INSERT INTO words VALUES ('word 1'), ('none');
UPDATE words SET word = upper(r['t']) FROM read_csv(':directory/e.csv') r WHERE r['t'] = word RETURNING *;
DROP TABLE words;
