-- DuckDB's types as Postgres types.
\! :run_duckdb "COPY (SELECT true AS b, 1::TINYINT AS i1, 2::SMALLINT AS i2, 3::INTEGER AS i4, 4::BIGINT AS i8, 255::UTINYINT AS u1, 65535::USMALLINT AS u2, 4294967295::UINTEGER AS u4, 18446744073709551615::UBIGINT AS u8, 1.5::FLOAT AS f4, 2.5::DOUBLE AS f8, 12.345::DECIMAL(9,3) AS n, 'text' AS t, 'x'::ENUM('x', 'y') AS en, 'ab\\x00c'::BLOB AS y, DATE '2024-02-29' AS d, TIME '12:34:56.789' AS tm, TIMESTAMP '2024-02-29 12:34:56.789012' AS ts, TIMESTAMPTZ '2024-02-29 12:34:56+00' AS tz, TIMESTAMP_NS '2024-02-29 12:34:56.789012345' AS ns, INTERVAL '1 year 2 days 3 seconds' AS iv, '12345678-9abc-def0-1234-56789abcdef0'::UUID AS u) TO ':directory/types.parquet'; COPY (SELECT [1, NULL, 3] AS li, ['a', NULL] AS lt, [[1, 2], [3, 4]] AS ll, [1::UTINYINT] AS lu, [1.5::DECIMAL(4,2)] AS ln, [DATE '2024-02-29'] AS ld, {'a': 1, 'b c': [1, 2]} AS s, [{'a': 1, 'b': 'x'}, {'a': 2, 'b': NULL}] AS ls, MAP {'k': 1, 'l': 2} AS m, MAP {1: 'one'} AS mi, NULL AS nothing) TO ':directory/nested.parquet'; COPY (SELECT '{\"a\": {\"b\": [10, 20]}, \"c\": \"x\"}'::JSON AS j) TO ':directory/js.parquet'" > /dev/null 2>&1
\x on
SELECT * FROM read_parquet(':directory/types.parquet');
SELECT * FROM read_parquet(':directory/nested.parquet');
\x off
CREATE TABLE typed AS SELECT * FROM read_parquet(':directory/types.parquet');
\d typed
DROP TABLE typed;
CREATE TABLE typed USING duckdb AS SELECT * FROM read_parquet(':directory/types.parquet');
\d typed
SELECT u8, ns, y FROM typed;
DROP TABLE typed;
-- Parts.
SELECT r['s']['a'], r['s']['b c'], r['s']['b c'][2] FROM read_parquet(':directory/nested.parquet') r;
SELECT r['ls'][1]['a'], r['ls'][2]['b'] IS NULL AS none, r['ls'][1] FROM read_parquet(':directory/nested.parquet') r;
SELECT r['m']['l'] + 1 AS m, r['m']['none'] AS none, r['mi'][1] AS mi FROM read_parquet(':directory/nested.parquet') r;
SELECT r['ll'], r['li'][2] IS NULL AS none, r['li'][9] AS beyond FROM read_parquet(':directory/nested.parquet') r;
SELECT r['ll'][2][1] FROM read_parquet(':directory/nested.parquet') r;
SELECT r['s']['nope'] FROM read_parquet(':directory/nested.parquet') r;
SELECT r['s'][r['t']] FROM read_parquet(':directory/nested.parquet') r;
SELECT r['t']['x'] FROM read_parquet(':directory/types.parquet') r;
SELECT count(*) FROM read_parquet(':directory/nested.parquet') r GROUP BY r['s']['a'] HAVING r['s']['a'] = 1;
-- JSON.
SELECT r['j'], r['j']['a']['b'][1] AS second, r['j']['c'] AS c FROM read_parquet(':directory/js.parquet') r;
SELECT r['s']::text, r['m']::text FROM read_parquet(':directory/nested.parquet') r;
-- A struct cannot be kept in a table.
CREATE TABLE kept USING duckdb AS SELECT r['s'] FROM read_parquet(':directory/nested.parquet') r;
CREATE TABLE kept USING duckdb AS SELECT r['s']['a'], r['li'] FROM read_parquet(':directory/nested.parquet') r;
SELECT * FROM kept;
DROP TABLE kept;
