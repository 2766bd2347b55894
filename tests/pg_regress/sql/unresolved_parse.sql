-- Queries on files pass Postgres' parser, and views keep them.
CREATE VIEW v AS
SELECT r['n']::integer + 1 AS n, r['s'] = 'abc' AS same, r['l'][1:2] AS slice, -r['x'] AS negative
FROM read_csv('nowhere.csv', header := true) r
WHERE r['b'] AND r['t'] LIKE '%x'
ORDER BY r['n'];
SELECT pg_get_viewdef('v');
DROP VIEW v;
SELECT r[1] FROM read_csv('nowhere.csv') r;
SELECT r['a':'b'] FROM read_csv('nowhere.csv') r;
SELECT r[NULL] FROM read_csv('nowhere.csv') r;
SELECT '1'::duckdb.row;
SELECT '1'::duckdb.struct;
-- Postgres' own functions are not shadowed.
SELECT json_array_length('[1, 2]'), length('abc'), date_trunc('day', timestamp '2024-02-29 12:00');
