-- duckdb tables in functions, subtransactions, cursors and prepared transactions.
CREATE TABLE t (i integer) USING duckdb;
CREATE FUNCTION add_row(n integer) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO t VALUES (n);
    RETURN (SELECT count(*) FROM t);
END $$;
SELECT add_row(1);
SELECT add_row(2);
CREATE FUNCTION rows_of_t() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM t';
SELECT rows_of_t();
CREATE FUNCTION caught(n integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    BEGIN
        INSERT INTO t VALUES (n);
    EXCEPTION WHEN feature_not_supported THEN
        RETURN SQLERRM;
    END;
    RETURN 'inserted';
END $$;
SELECT caught(3);
CREATE FUNCTION sum_by_loop() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    r record;
    s bigint := 0;
BEGIN
    FOR r IN SELECT i FROM t ORDER BY i LOOP
        s := s + r.i * (SELECT count(*) FROM t);
    END LOOP;
    RETURN s;
END $$;
SELECT sum_by_loop();
CREATE PROCEDURE fill(upto integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 10..upto LOOP
        INSERT INTO t VALUES (n);
        COMMIT;
    END LOOP;
END $$;
CALL fill(12);
SELECT count(*), max(i) FROM t;
-- Savepoints: reads, and writes before the first one.
BEGIN;
INSERT INTO t VALUES (20);
SAVEPOINT a;
SELECT count(*) FROM t;
SELECT 1 / 0;
ROLLBACK TO a;
SELECT count(*) FROM t;
RELEASE a;
INSERT INTO t VALUES (21);
COMMIT;
SELECT count(*) FROM t;
-- After an error in a subtransaction the write before it is still there.
BEGIN;
INSERT INTO t VALUES (22);
SAVEPOINT a;
SELECT * FROM t WHERE i / 0 = 1;
ROLLBACK TO a;
COMMIT;
SELECT count(*) FROM t;
-- A prepared transaction may have read.
BEGIN;
SELECT count(*) FROM t;
PREPARE TRANSACTION 'read_only';
COMMIT PREPARED 'read_only';
BEGIN;
INSERT INTO t VALUES (23);
PREPARE TRANSACTION 'wrote';
SELECT count(*) FROM t;
BEGIN;
CREATE TEMP TABLE tmp_duck USING duckdb AS SELECT 1 AS a;
PREPARE TRANSACTION 'temporary';
-- Cursors: two at once, WITH HOLD, SCROLL.
BEGIN;
DECLARE a CURSOR FOR SELECT i FROM t ORDER BY i;
DECLARE b CURSOR FOR SELECT -i FROM t ORDER BY i;
FETCH 1 FROM a;
FETCH 2 FROM b;
FETCH 1 FROM a;
CLOSE a;
DECLARE s SCROLL CURSOR FOR SELECT i FROM t ORDER BY i;
FETCH LAST FROM s;
FETCH FIRST FROM s;
DECLARE h CURSOR WITH HOLD FOR SELECT i FROM t ORDER BY i DESC;
COMMIT;
FETCH 2 FROM h;
CLOSE h;
BEGIN;
DECLARE f NO SCROLL CURSOR FOR SELECT i FROM t;
FETCH BACKWARD 1 FROM f;
ROLLBACK;
-- Isolation.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM t;
INSERT INTO t VALUES (30);
SELECT count(*) FROM t;
COMMIT;
BEGIN READ ONLY;
SELECT count(*) FROM t;
CREATE TABLE u (i integer) USING duckdb;
ROLLBACK;
BEGIN READ ONLY;
TRUNCATE t;
ROLLBACK;
-- A trigger on a heap table that writes a duckdb table mixes both.
CREATE TABLE heap (i integer);
CREATE FUNCTION log_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (NEW.i); RETURN NEW; END $$;
CREATE TRIGGER log AFTER INSERT ON heap FOR EACH ROW EXECUTE FUNCTION log_row();
INSERT INTO heap VALUES (99);
SELECT (SELECT count(*) FROM heap) AS heap, (SELECT count(*) FROM t WHERE i = 99) AS t;
-- TEMP heap tables do not count.
BEGIN;
CREATE TEMP TABLE tmp (i integer);
INSERT INTO tmp VALUES (1);
INSERT INTO t SELECT i + 100 FROM tmp;
COMMIT;
SELECT max(i) FROM t;
-- Nor do sequences, and DDL of heap tables.
BEGIN;
CREATE TABLE other (i serial);
INSERT INTO t VALUES (nextval('other_i_seq'));
COMMIT;
DISCARD TEMP;
DROP TABLE t;
DROP TABLE heap, other;
