-- INSERT into a duckdb table: defaults, sequences, what is computed where.
CREATE SEQUENCE s;
CREATE TABLE t (id integer DEFAULT nextval('s'), word text DEFAULT 'none', at timestamptz DEFAULT now(), n numeric(6, 2) DEFAULT 1.5) USING duckdb;
INSERT INTO t DEFAULT VALUES;
INSERT INTO t VALUES (DEFAULT, 'given', DEFAULT, 2);
INSERT INTO t (word) VALUES ('a'), (DEFAULT), (NULL);
INSERT INTO t (word) SELECT 'from ' || g FROM generate_series(1, 2) g;
INSERT INTO t (word, n) SELECT word || '!', n + 1 FROM t WHERE word = 'given';
SELECT id, word, at = max(at) OVER () OR at < now() + interval '1 minute' AS recent, n FROM t ORDER BY id;
SELECT currval('s');
-- At the transaction's time, all the same.
BEGIN;
CREATE TABLE times (a timestamptz DEFAULT now(), b timestamptz DEFAULT now()) USING duckdb;
INSERT INTO times VALUES (now(), DEFAULT), (transaction_timestamp(), current_timestamp);
SELECT count(DISTINCT a) AS a, count(DISTINCT b) AS b, bool_and(a = b) AS same FROM times;
COMMIT;
-- serial and LIKE.
CREATE TABLE numbered (id serial, v text) USING duckdb;
INSERT INTO numbered (v) VALUES ('x'), ('y');
SELECT * FROM numbered ORDER BY id;
CREATE TABLE copied (LIKE numbered INCLUDING DEFAULTS) USING duckdb;
\d copied
INSERT INTO copied (v) VALUES ('z');
SELECT * FROM copied;
CREATE TABLE heap_like (LIKE t INCLUDING ALL);
\d heap_like
-- A domain's check and default hold.
CREATE DOMAIN positive AS integer DEFAULT 7 CHECK (VALUE > 0);
CREATE TABLE domains (p positive, q positive NOT NULL) USING duckdb;
INSERT INTO domains (q) VALUES (1);
INSERT INTO domains VALUES (-1, 1);
INSERT INTO domains SELECT -q, q FROM domains;
INSERT INTO domains VALUES (1, NULL);
INSERT INTO domains SELECT NULL, NULL FROM domains;
SELECT * FROM domains;
-- Everything Postgres can compute can be inserted.
CREATE TABLE words (a text, b integer[], c json) USING duckdb;
INSERT INTO words SELECT to_char(g, 'FM000'), ARRAY[g, g + 1], json_build_object('g', g) FROM generate_series(1, 2) g;
INSERT INTO words VALUES (md5('x'), '{3,NULL}', '{"a": [1, 2]}'), (current_setting('server_encoding'), NULL, NULL);
SELECT * FROM words ORDER BY a;
INSERT INTO words (a) WITH w AS (SELECT 'with' AS a) SELECT a FROM w;
WITH w AS (SELECT 'before' AS a) INSERT INTO words (a) SELECT a FROM w;
SELECT count(*) FROM words WHERE a IN ('with', 'before');
INSERT INTO words (c) VALUES ('{broken');
INSERT INTO words TABLE words;
SELECT count(*) FROM words;
-- The number of rows is reported.
\set QUIET off
INSERT INTO words (a) VALUES ('one'), ('two');
CREATE TABLE tagged USING duckdb AS SELECT * FROM words WHERE a IN ('one', 'two');
SELECT a INTO TEMP selected FROM words LIMIT 1;
\set QUIET on
-- Prepared.
PREPARE put(int, text) AS INSERT INTO t (id, word) VALUES ($1, $2);
EXECUTE put(100, 'prepared');
EXECUTE put(101, NULL);
PREPARE copy_row(int) AS INSERT INTO t (id, word) SELECT id + 1000, word FROM t WHERE id = $1;
EXECUTE copy_row(100);
SELECT id, word FROM t WHERE id >= 100 ORDER BY id;
-- In a statement with others; no key, no conflict.
INSERT INTO t (id) VALUES (1) ON CONFLICT DO NOTHING;
INSERT INTO t (id) VALUES (1) ON CONFLICT (id) DO NOTHING;
MERGE INTO t USING numbered n ON t.id = n.id WHEN MATCHED THEN DELETE;
WITH gone AS (DELETE FROM t RETURNING *) SELECT id, word, n FROM gone ORDER BY id;
WITH put AS (INSERT INTO t (word) VALUES ('x') RETURNING *) SELECT id, word, n FROM put;
INSERT INTO t (id) VALUES ('word');
INSERT INTO t (id, nope) VALUES (1, 2);
INSERT INTO t (id) VALUES (1, 2);
SELECT count(*) FROM t WHERE word = 'x';
-- Heap tables beside it: only their own rows.
CREATE TABLE heap (id integer, word text);
INSERT INTO heap SELECT id, word FROM t;
UPDATE heap SET word = t.word FROM t WHERE t.id = heap.id;
DELETE FROM heap USING t WHERE t.id = heap.id;
INSERT INTO heap VALUES (1, (SELECT max(word) FROM t));
CREATE TEMP TABLE step AS SELECT id, word FROM t WHERE id <= 2;
INSERT INTO heap SELECT * FROM step;
SELECT * FROM heap ORDER BY id;
DROP TABLE t, times, numbered, copied, domains, words, tagged, selected;
DROP TABLE heap, heap_like, step;
DROP SEQUENCE s;
