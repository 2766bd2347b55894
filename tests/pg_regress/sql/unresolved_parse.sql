-- What cannot be written of a file's columns is said by the parser, before any file is looked for.
SELECT r[1] FROM read_csv('nowhere.csv') r;
SELECT r['a':'b'] FROM read_csv('nowhere.csv') r;
SELECT r[NULL] FROM read_csv('nowhere.csv') r;
SELECT '1'::duckdb.row;
SELECT '1'::duckdb.struct;
-- Postgres' own functions are not shadowed.
SELECT json_array_length('[1, 2]'), length('abc'), date_trunc('day', timestamp '2024-02-29 12:00');
