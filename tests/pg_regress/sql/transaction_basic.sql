-- duckdb tables take part in transactions.
CREATE TABLE t (i integer) USING duckdb;
BEGIN;
INSERT INTO t VALUES (1), (2);
SELECT count(*) FROM t;
ROLLBACK;
SELECT count(*) FROM t;
BEGIN;
INSERT INTO t VALUES (3);
COMMIT;
SELECT * FROM t;

-- DDL as well.
BEGIN;
CREATE TABLE u (x text) USING duckdb;
INSERT INTO u VALUES ('in the transaction');
SELECT * FROM u;
ROLLBACK;
SELECT * FROM u;
BEGIN;
DROP TABLE t;
ROLLBACK;
SELECT * FROM t;
BEGIN;
TRUNCATE t;
SELECT count(*) FROM t;
ROLLBACK;
SELECT count(*) FROM t;
BEGIN;
CREATE TABLE u USING duckdb AS SELECT * FROM t;
COMMIT;
SELECT * FROM u;

-- After an error nothing works until the end, and nothing of it stays.
BEGIN;
INSERT INTO t VALUES (4);
SELECT 1 / 0;
SELECT * FROM t;
COMMIT;
SELECT * FROM t;

-- Reading in a subtransaction is fine.
BEGIN;
SAVEPOINT a;
SELECT * FROM t;
ROLLBACK TO a;
SELECT * FROM t;
COMMIT;

-- Writing both kinds in one transaction is refused, unless one insists.
CREATE TABLE heap (i integer);
BEGIN;
INSERT INTO heap VALUES (1);
INSERT INTO t VALUES (5);
ROLLBACK;
BEGIN;
INSERT INTO t VALUES (5);
INSERT INTO heap VALUES (1);
ROLLBACK;
SET duckdb.unsafe_allow_mixed_transactions = true;
BEGIN;
INSERT INTO heap VALUES (1);
INSERT INTO t VALUES (5);
COMMIT;
SELECT (SELECT count(*) FROM heap) AS heap, (SELECT count(*) FROM t) AS duck;
DROP TABLE heap;
DROP TABLE t, u;
