-- read_parquet() as users of pg_duckdb know it.
\! :run_duckdb "COPY (SELECT i AS id, 'name ' || i AS name, (i * 1.5)::DECIMAL(10,2) AS amount, DATE '2024-01-01' + i::INTEGER AS day, TIMESTAMP '2024-01-01 10:00:00' + i * INTERVAL 1 HOUR AS at, i % 2 = 0 AS even, CASE WHEN i = 3 THEN NULL ELSE i * 0.25 END::DOUBLE AS ratio, [i, i + 1] AS list, {'x': i, 'y': 'y' || i, 'deep': {'z': i * 10}} AS s, MAP {'k': i} AS m FROM range(1, 6) t(i)) TO ':directory/p.parquet'" > /dev/null 2>&1
\! :run_duckdb "COPY (SELECT i % 2 AS k, 'w' || (i % 2) AS w FROM range(5) t(i)) TO ':directory/small.parquet'" > /dev/null 2>&1
SELECT r['id'], r['name'] FROM read_parquet(':directory/p.parquet') r;
SELECT * FROM read_parquet(':directory/p.parquet') r ORDER BY r['id'] LIMIT 2;
SELECT r.* FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
SELECT r FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
SELECT count(*) FROM read_parquet(':directory/p.parquet');
SELECT count(r['ratio']), count(DISTINCT r['even']), sum(r['amount']), avg(r['amount']), min(r['day']), max(r['name']) FROM read_parquet(':directory/p.parquet') r;
-- Casts, operators.
SELECT r['id']::int, r['amount']::numeric(10,1), r['at']::date, r['even']::int FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 2;
SELECT r['id'] + 1 AS a, 2 * r['id'] AS b, r['id'] - r['id'] AS c, r['amount'] / 2 AS d, -r['ratio'] AS e, r['day'] + 1 AS f FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 2;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['name'] LIKE '%4' OR r['name'] ILIKE 'NAME 5' ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] IN (1, 3, 9) ORDER BY r['id'] DESC;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] NOT IN (1, 3, 9) ORDER BY r['id'] DESC;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['name'] IN ('name 1', 'name 2') ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] BETWEEN 2 AND 3 ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['day'] BETWEEN '2024-01-03' AND date '2024-01-04' ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['day'] > '2024-01-05';
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['even'] ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE NOT r['even'] AND r['ratio'] IS NOT NULL ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = ANY (ARRAY[1, 2]) ORDER BY 1;
SELECT r['id'], CASE WHEN r['even'] THEN r['name'] ELSE 'odd' END AS c, COALESCE(r['ratio'], '0') AS z, COALESCE(r['ratio'], r['amount']) AS y, NULLIF(r['id'], 2) AS n, GREATEST(r['id'], '3') AS g FROM read_parquet(':directory/p.parquet') r ORDER BY 1;
SELECT CASE r['id'] WHEN 1 THEN 'one' WHEN 2 THEN 'two' END AS w FROM read_parquet(':directory/p.parquet') r ORDER BY r['id'];
-- Groups, distinct, windows, set operations.
SELECT r['even'], count(*), sum(r['id']) FROM read_parquet(':directory/p.parquet') r GROUP BY r['even'] ORDER BY r['even'];
SELECT r['even'] AS e, sum(r['amount']) AS s FROM read_parquet(':directory/p.parquet') r GROUP BY 1 HAVING sum(r['amount']) > 10 ORDER BY 2;
SELECT DISTINCT r['even'] FROM read_parquet(':directory/p.parquet') r ORDER BY 1;
SELECT DISTINCT * FROM read_parquet(':directory/small.parquet') ORDER BY 1;
SELECT count(*) FROM (SELECT DISTINCT * FROM read_parquet(':directory/small.parquet')) d;
SELECT * FROM read_parquet(':directory/small.parquet') UNION SELECT * FROM read_parquet(':directory/small.parquet') ORDER BY 1;
SELECT DISTINCT ON (r['even']) r['even'], r['id'] FROM read_parquet(':directory/p.parquet') r ORDER BY r['even'], r['id'];
SELECT r['id'], sum(r['id']) OVER (ORDER BY r['id']) AS running, row_number() OVER (PARTITION BY r['even'] ORDER BY r['id'] DESC) AS n, lag(r['name']) OVER (ORDER BY r['id']) AS before FROM read_parquet(':directory/p.parquet') r ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r UNION ALL SELECT r['id'] FROM read_parquet(':directory/p.parquet') r ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] < 3 UNION ALL SELECT '42' ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r UNION SELECT r['id'] + 1 FROM read_parquet(':directory/p.parquet') r ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r EXCEPT SELECT '3' ORDER BY 1;
SELECT count(*) FROM (SELECT * FROM read_parquet(':directory/p.parquet') UNION ALL SELECT * FROM read_parquet(':directory/p.parquet')) u;
SELECT * FROM read_parquet(':directory/p.parquet') UNION ALL SELECT * FROM read_parquet(':directory/p.parquet') ORDER BY 1 LIMIT 2;
-- Subqueries, CTEs, LATERAL.
SELECT r['id'], r['name'] FROM (SELECT * FROM read_parquet(':directory/p.parquet') r) s WHERE r['id'] > 3 ORDER BY r['id'];
SELECT r['id'], s.twice FROM (SELECT *, r['id'] * 2 AS twice FROM read_parquet(':directory/p.parquet') r) s ORDER BY s.twice LIMIT 2;
SELECT twice FROM (SELECT r['id'] * 2 AS twice FROM read_parquet(':directory/p.parquet') r) s WHERE twice > 4 ORDER BY twice;
WITH p AS (SELECT r['id'] AS id, r['name'] AS name FROM read_parquet(':directory/p.parquet') r) SELECT a.id, b.name FROM p a JOIN p b ON b.id = a.id + 1 ORDER BY 1;
WITH p AS (SELECT * FROM read_parquet(':directory/p.parquet') r) SELECT r['id'], r['name'] FROM p ORDER BY 1 LIMIT 1;
WITH p AS (SELECT * FROM read_parquet(':directory/p.parquet') r) SELECT p.r['id'], q['name'] FROM p JOIN read_parquet(':directory/p.parquet') q ON q['id'] = p.r['id'] + 1 ORDER BY 1 LIMIT 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['amount'] = (SELECT max(q['amount']) FROM read_parquet(':directory/p.parquet') q);
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE EXISTS (SELECT 1 FROM read_parquet(':directory/p.parquet') q WHERE q['id'] = r['id'] * 2) ORDER BY 1;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] IN (SELECT q['id'] + 3 FROM read_parquet(':directory/p.parquet') q) ORDER BY 1;
SELECT r['id'], l.x FROM read_parquet(':directory/p.parquet') r, LATERAL (SELECT r['id'] * 10 AS x) l ORDER BY 1 LIMIT 2;
-- Lists, structs, maps.
SELECT r['list'], r['list'][1], r['list'][2] + 1 AS next FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
SELECT r['s'], r['m'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
SELECT r['s']['x'], r['s']['y'], r['s']['deep']['z'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
SELECT r['s']['x'] + 1 AS next FROM read_parquet(':directory/p.parquet') r WHERE r['s']['y'] = 'y2';
SELECT r['m']['k'] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
SELECT r['list'][1:1] FROM read_parquet(':directory/p.parquet') r WHERE r['id'] = 1;
-- Errors.
SELECT r::text FROM read_parquet(':directory/p.parquet') r;
SELECT r['name'] FROM read_parquet(':directory/p.parquet') r WHERE r['name'] ~ '^name 1$';
SELECT COALESCE(r['ratio'], 0) FROM read_parquet('f.parquet') r;
SELECT r['id'] FROM read_parquet('f.parquet') r UNION ALL SELECT 42;
SELECT * FROM read_parquet('f.parquet') ORDER BY id LIMIT 2;
SELECT r['nope'] FROM read_parquet(':directory/p.parquet') r;
SELECT id FROM read_parquet('f.parquet') r;
SELECT r['name'] + 1 FROM read_parquet(':directory/p.parquet') r;
SELECT r['name']::int FROM read_parquet(':directory/p.parquet') r;
SELECT sum(r['name']) FROM read_parquet(':directory/p.parquet') r;
SELECT r['id'] FROM read_parquet(':directory/p.parquet') r WHERE r['name'];
SELECT r['id'], count(*) FROM read_parquet('f.parquet') r;
SELECT * FROM read_parquet(NULL);
SELECT * FROM read_parquet('');
SELECT * FROM read_parquet('f.parquet') AS (id int, name text);
SELECT read_parquet(':directory/p.parquet');
SELECT * FROM read_parquet(':directory/' || 'p.parquet') r ORDER BY r['id'] LIMIT 1;
