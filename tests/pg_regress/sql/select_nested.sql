-- Queries inside of functions, DO blocks, triggers and other queries.
CREATE TABLE d (k integer, v text, n numeric(10,2)) USING duckdb;
INSERT INTO d SELECT i, 'v' || i % 3, i / 4.0 FROM generate_series(1, 12) i;
CREATE TABLE h (k integer, note text);
INSERT INTO h VALUES (1, 'one'), (2, 'two'), (13, 'thirteen');

-- A function per row of a heap table: its plan is made once and runs again.
CREATE FUNCTION lookup(key integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE found_v text; BEGIN SELECT v INTO found_v FROM d WHERE k = key; RETURN found_v; END $$;
SELECT k, note, lookup(k) FROM h ORDER BY k;
CREATE FUNCTION lookup_sql(key integer) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT v FROM d WHERE k = key';
SELECT k, lookup_sql(k) FROM h ORDER BY k;
-- Strict SELECT INTO, FOUND, row counts.
CREATE FUNCTION strictly(key integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record; n bigint;
BEGIN
    SELECT * INTO STRICT r FROM d WHERE k = key;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN r.k || ' ' || r.v || ' ' || r.n || ' rows ' || n;
EXCEPTION WHEN no_data_found THEN RETURN 'none'; WHEN too_many_rows THEN RETURN 'many';
END $$;
SELECT strictly(4), strictly(99);
INSERT INTO d VALUES (4, 'twin', 0);
SELECT strictly(4);
-- A loop over a query that calls a function that queries; EXIT leaves it half read.
CREATE FUNCTION walk() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record; c integer := 0;
BEGIN
    FOR r IN SELECT k, n FROM d ORDER BY k, n LOOP
        RETURN NEXT r.k || ':' || coalesce(lookup(r.k), '-');
        c := c + 1;
        EXIT WHEN c = 5;
    END LOOP;
    RETURN QUERY SELECT v FROM d WHERE k > 10 ORDER BY k;
    RETURN QUERY EXECUTE 'SELECT v || $1 FROM d WHERE k = $2' USING '!', 12;
END $$;
SELECT * FROM walk();
-- Recursion.
CREATE FUNCTION depth(i integer) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    IF i = 0 THEN RETURN (SELECT count(*) FROM d); END IF;
    RETURN (SELECT max(k) FROM d WHERE k <= i) + depth(i - 1);
END $$;
SELECT depth(5);
-- A cursor variable, forth and back.
DO $$
DECLARE c SCROLL CURSOR (low integer) FOR SELECT k FROM d WHERE k >= low ORDER BY k; r record; text text := '';
BEGIN
    OPEN c(9);
    FETCH c INTO r; text := text || r.k;
    FETCH LAST FROM c INTO r; text := text || ' ' || r.k;
    FETCH PRIOR FROM c INTO r; text := text || ' ' || r.k;
    FETCH ABSOLUTE 2 FROM c INTO r; text := text || ' ' || r.k;
    MOVE RELATIVE -1 FROM c;
    FETCH c INTO r; text := text || ' ' || r.k;
    CLOSE c;
    RAISE NOTICE '%', text;
END $$;
-- An error in the middle is caught, and the work before it remains.
DO $$
DECLARE i integer;
BEGIN
    SELECT count(*) INTO i FROM d;
    BEGIN
        SELECT 1 / (k - k) INTO i FROM d LIMIT 1;
    EXCEPTION WHEN division_by_zero THEN RAISE NOTICE 'caught %', SQLSTATE;
    END;
    RAISE NOTICE 'still % rows', (SELECT count(*) FROM d);
END $$;

-- Triggers of heap tables.
CREATE FUNCTION fill_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.note := (SELECT string_agg(v, ',' ORDER BY n, v) FROM d WHERE k = NEW.k); RETURN NEW; END $$;
CREATE TRIGGER fill BEFORE INSERT OR UPDATE ON h FOR EACH ROW EXECUTE FUNCTION fill_note();
INSERT INTO h VALUES (4), (5), (77);
UPDATE h SET k = 6 WHERE k = 5;
SELECT * FROM h ORDER BY k;
CREATE FUNCTION check_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added a WHERE NOT EXISTS (SELECT FROM d WHERE d.k = a.k)) THEN RAISE EXCEPTION 'unknown key'; END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER keys AFTER INSERT ON h REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION check_keys();
INSERT INTO h VALUES (1), (2);
INSERT INTO h VALUES (1), (1000);
SELECT count(*) FROM h;

-- Inside of heap queries: a scalar subquery, EXISTS, a CTE, an INSERT, an UPDATE and a DELETE of heap tables.
SELECT k, (SELECT sum(n) FROM d WHERE d.k <= h.k) AS s FROM h WHERE k < 5 ORDER BY k, s;
CREATE TABLE copy AS SELECT k, v FROM d WHERE n > 2;
INSERT INTO copy SELECT k, v FROM d WHERE n <= 0.5;
UPDATE copy SET v = 'changed' WHERE k IN (SELECT k FROM d WHERE v = 'v0');
DELETE FROM copy USING d WHERE copy.k = d.k AND d.v = 'v1';
SELECT * FROM copy ORDER BY k;
-- A generated default, a check and an index expression of a heap table that reads a duckdb table.
CREATE FUNCTION rows_of_d() RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM d); END $$;
CREATE TABLE counted (i integer, n bigint DEFAULT rows_of_d());
INSERT INTO counted VALUES (1);
SELECT * FROM counted;
-- A procedure that commits between queries.
CREATE PROCEDURE steps() LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counted SELECT max(k), 0 FROM d;
    COMMIT;
    INSERT INTO counted SELECT min(k), 0 FROM d;
    ROLLBACK;
    INSERT INTO counted SELECT count(*), 0 FROM d;
END $$;
CALL steps();
SELECT i FROM counted ORDER BY i;

DROP TRIGGER fill ON h;
DROP TABLE counted, copy, h, d;
DROP FUNCTION lookup, lookup_sql, strictly, walk, depth, fill_note, check_keys, rows_of_d;
DROP PROCEDURE steps;
