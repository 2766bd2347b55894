-- Options of the readers, and both forms.
COPY (SELECT i, 'r' || i AS t FROM generate_series(1, 3) i) TO ':directory/o1.csv' (FORMAT csv, HEADER, DELIMITER ';');
COPY (SELECT i, 'r' || i AS t FROM generate_series(4, 5) i) TO ':directory/o2.csv' (FORMAT csv, HEADER, DELIMITER ';');
\! :run_duckdb "COPY (SELECT 1 AS a, 'x' AS b) TO ':directory/u1.parquet'; COPY (SELECT 2 AS a, 3.5 AS c) TO ':directory/u2.parquet'; COPY (SELECT i AS v, i % 2 AS part FROM range(4) t(i)) TO ':directory/hive' (FORMAT parquet, PARTITION_BY (part))" > /dev/null 2>&1
SELECT * FROM read_csv(':directory/o1.csv', delim => ';') r ORDER BY r['i'];
SELECT * FROM read_csv(':directory/o1.csv', sep => ';', header => true, skip => 0, all_varchar => true) r ORDER BY r['i'];
SELECT sum(r['i']) FROM read_csv(ARRAY[':directory/o1.csv', ':directory/o2.csv'], delim => ';') r;
SELECT sum(r['i']) FROM read_csv(':directory/o[12].csv', delim => ';') r;
SELECT r['i'], r['t'] FROM read_csv(':directory/o1.csv', delim => ';', nullstr => ARRAY['r2'], types => NULL) r ORDER BY 1;
SELECT r['i'], r['t'] FROM read_csv(':directory/o1.csv', delim => ';', nullstr => ARRAY['r2']) r ORDER BY 1;
SELECT * FROM read_parquet(ARRAY[':directory/u1.parquet', ':directory/u2.parquet'], union_by_name => true) r ORDER BY r['a'];
SELECT r['a'], r['filename'] LIKE '%u1.parquet' AS first FROM read_parquet(':directory/u1.parquet', filename => true) r;
SELECT r['v'], r['part'] FROM read_parquet(':directory/hive/*/*.parquet', hive_partitioning => true) r ORDER BY 1;
SELECT r['file_row_number'] FROM read_parquet(':directory/u1.parquet', file_row_number => true) r;
SELECT * FROM read_parquet('u.parquet', no_such => true);
SELECT * FROM read_csv(':directory/o1.csv', delim => 'too long a delimiter');
-- JSON.
COPY (SELECT '{"id": 1, "name": "a", "tags": ["x", "y"], "o": {"k": 1.5}, "at": "2024-02-29 10:00:00"}' UNION ALL SELECT '{"id": 2, "name": null, "tags": [], "o": {"k": null}, "at": null}') TO ':directory/j.json' (FORMAT text);
SELECT * FROM read_json(':directory/j.json') r ORDER BY r['id'];
SELECT r['id'], r['tags'][1], r['o']['k'] FROM read_json(':directory/j.json') r ORDER BY 1;
SELECT r['id'] FROM read_json(':directory/j.json', format => 'newline_delimited') r WHERE r['name'] IS NULL;
SELECT r['id'] FROM read_json(ARRAY[':directory/j.json', ':directory/j.json']) r ORDER BY 1;
SELECT * FROM read_json(':directory/j.json', records => 'false', maximum_depth => 0);
SELECT r['json']->>'name' FROM read_json('j.json', records => 'false', maximum_depth => 0) r ORDER BY 1;
SELECT r['json']::json->>'name' AS name FROM read_json(':directory/j.json', records => 'false', maximum_depth => 0) r ORDER BY 1;
SELECT r['json']::jsonb FROM read_json(':directory/j.json', records => 'false', maximum_depth => 0) r ORDER BY 1;
