-- What Postgres tells of a duckdb table's size, and what ANALYZE finds out about its columns.
CREATE TABLE t USING duckdb AS
  SELECT i, 'word ' || i % 10 AS word, nullif(i % 4, 0)::numeric(8, 2) AS n FROM generate_series(1, 200000) AS i;
CREATE TABLE k (a integer PRIMARY KEY) USING duckdb;
CREATE TABLE heap AS SELECT i FROM generate_series(1, 1000) AS i;
SELECT pg_relation_size('t') > 100000 AS has_blocks, pg_relation_size('t') = pg_table_size('t') AS same,
       pg_total_relation_size('t') = pg_table_size('t') AS no_indexes, pg_relation_size('t', 'fsm') AS fsm;
SELECT pg_relation_size('k'), pg_total_relation_size('k') - pg_table_size('k') = pg_indexes_size('k') AS with_index;
SELECT pg_relation_size('heap') > 0 AS size, pg_relation_size('heap'::regclass, 'main') > 0 AS main, pg_table_size(0::regclass);
SELECT relname, pg_table_size(oid) > 0 AS sized FROM pg_class WHERE relname IN ('t', 'heap') ORDER BY relname;
SELECT reltuples, relpages FROM pg_class WHERE relname = 't';
ANALYZE t;
SELECT reltuples, relpages > 10 AS pages FROM pg_class WHERE relname = 't';
SELECT attname, null_frac BETWEEN 0.23 AND 0.27 AS quarter_null, avg_width, n_distinct,
       array_length(most_common_freqs, 1) AS common, array_length(histogram_bounds::text::text[], 1) AS bounds
FROM pg_stats WHERE tablename = 't' ORDER BY attname;
ANALYZE k;
SELECT reltuples FROM pg_class WHERE relname = 'k';
INSERT INTO k VALUES (1), (2);
VACUUM (ANALYZE) k;
SELECT reltuples FROM pg_class WHERE relname = 'k';
VACUUM FULL t;
SELECT count(*) FROM t;
CREATE STATISTICS pair ON word, n FROM t;
ANALYZE t (word, n);
SELECT statistics_name, n_distinct FROM pg_stats_ext;
TRUNCATE t;
ANALYZE t;
SELECT pg_relation_size('t');
SELECT reltuples FROM pg_class WHERE relname = 't';
DROP TABLE t, k, heap;
