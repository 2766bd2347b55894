-- COPY FROM in Postgres' formats: its own parser, defaults, checks and errors.
CREATE TABLE c (
  id integer PRIMARY KEY,
  t text DEFAULT 'dflt',
  n numeric(8, 2) CHECK (n < 100),
  d date NOT NULL DEFAULT '2024-01-01',
  a integer[]
) USING duckdb;
COPY c FROM STDIN;
1	one	1.5	2024-02-03	{1,2}
2	\N	\N	2024-02-04	\N
\.
COPY c (id, n) FROM STDIN WITH (FORMAT csv, HEADER);
id,n
3,4.25
4,
\.
SELECT * FROM c ORDER BY id;
COPY c (id, n) FROM STDIN WITH (FORMAT csv);
5,1
6,x
\.
COPY c (id, n) FROM STDIN WITH (FORMAT csv);
5,1
6,500
\.
COPY c (id, d) FROM STDIN WITH (FORMAT csv);
5,2024-01-01
6,
\.
COPY c (id) FROM STDIN WITH (FORMAT csv);
7
1
\.
COPY c (id) FROM STDIN;
8	9
\.
COPY c (id, n) FROM STDIN WITH (FORMAT csv) WHERE n > 5;
10,1
11,6
\.
COPY c (id, t) FROM STDIN (FORMAT csv, FORCE_NULL (t), QUOTE '''');
12,''
\.
COPY c (id, nope) FROM STDIN;
\.
SELECT count(*), sum(id) FROM c;
-- Transactions.
BEGIN;
COPY c (id) FROM PROGRAM 'seq 100 110';
SELECT count(*) FROM c;
ROLLBACK;
SELECT count(*) FROM c;
BEGIN;
SAVEPOINT s;
COPY c (id) FROM PROGRAM 'seq 100 110';
ROLLBACK;
-- Columns DuckDB computes, sequences, domains, temporary tables.
CREATE DOMAIN small AS integer CHECK (VALUE < 10);
CREATE TEMP TABLE g (i serial, s small, double integer GENERATED ALWAYS AS (s * 2) STORED) USING duckdb;
COPY g (s) FROM STDIN;
3
4
\.
COPY g (s) FROM STDIN;
30
\.
SELECT * FROM g ORDER BY i;
-- TO, and back in binary.
COPY c TO STDOUT;
COPY c (t, id) TO STDOUT (FORMAT csv, HEADER);
COPY (SELECT id, t FROM c ORDER BY id DESC) TO STDOUT;
\copy c TO 'copy_from.bin' (FORMAT binary)
CREATE TABLE c2 (LIKE c) USING duckdb;
\copy c2 FROM 'copy_from.bin' (FORMAT binary)
SELECT count(*) FROM (SELECT * FROM c EXCEPT SELECT * FROM c2) AS x;
SELECT count(*) FROM c2;
\! rm -f copy_from.bin
-- Refused in Postgres' words.
BEGIN READ ONLY;
COPY c FROM STDIN;
\.
ROLLBACK;
-- Privileges.
CREATE ROLE regress_copy;
GRANT INSERT (id), SELECT (id) ON c TO regress_copy;
SET ROLE regress_copy;
COPY c (id) FROM STDIN;
20
\.
COPY c (t) FROM STDIN;
\.
COPY c (id) FROM '/etc/hostname';
COPY c (id) FROM PROGRAM 'seq 1 2';
RESET ROLE;
SELECT * FROM c WHERE id = 20;
DROP OWNED BY regress_copy;
DROP ROLE regress_copy;
DROP TABLE c, c2, g;
