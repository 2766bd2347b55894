-- Statements that change tables. Each is followed by a look at the table where it did not return
-- the rows itself; row counts of command tags are compared too.

CREATE TABLE w (id integer, k integer, n numeric(8, 2), v varchar(6), t text, d date, f float8, b boolean) :using;
INSERT INTO w SELECT i, i % 4, i * 1.25, 'v' || i, repeat('t', i % 5), date '2024-01-01' + i, i / 8.0, i % 3 = 0 FROM generate_series(1, 40) i;
CREATE TABLE other (k integer, x integer, label text) :using;
INSERT INTO other VALUES (1, 10, 'one'), (2, 20, 'two'), (3, NULL, 'three'), (7, 70, 'seven'), (NULL, 0, 'none');

-- INSERT.
INSERT INTO w (id, k) VALUES (101, 1), (102, NULL) RETURNING id, k, n, v;
INSERT INTO w (id, n) SELECT id + 200, n * 2 FROM w WHERE k = 1 RETURNING *;
INSERT INTO w VALUES (301, 3, 123456.785, 'abc', 'x', '2000-01-01', 1e10, true) RETURNING n, v || t AS vt, f;
INSERT INTO w (id, n) VALUES (302, 1234567.5);
INSERT INTO w (id, n) SELECT id, n * 100000 FROM w;
INSERT INTO w (id, v) VALUES (303, 'too long');
INSERT INTO w (id, v) VALUES (303, 'blanks      ') RETURNING length(v);
INSERT INTO w (id, v) SELECT id, t || t || t FROM w;
INSERT INTO w (id) SELECT 3000000000;
INSERT INTO w (id) SELECT id * 100000000::bigint FROM w;
INSERT INTO w (id, d) SELECT 304, 'no date';
INSERT INTO w DEFAULT VALUES RETURNING id IS NULL AS empty;
WITH s AS (SELECT k, x FROM other WHERE x > 0) INSERT INTO w (id, k) SELECT x, k FROM s RETURNING id, k;
INSERT INTO w (id, t) WITH s AS (SELECT label FROM other) SELECT 400, label FROM s WHERE label < 'p' RETURNING id, t;
INSERT INTO w (id, n) SELECT 500, avg(n) FROM w RETURNING n;
INSERT INTO w (id) SELECT id FROM w WHERE false;
INSERT INTO w (t, id) SELECT label, x FROM other ORDER BY x NULLS LAST LIMIT 2 RETURNING t;
SELECT * FROM w;

-- UPDATE.
UPDATE w SET t = 'updated' WHERE id = 1;
UPDATE w SET n = n + 1, k = k * 2 WHERE k = 3;
UPDATE w SET n = n / 3 WHERE id < 10 RETURNING id, n;
UPDATE w SET id = id, k = id, n = k WHERE id BETWEEN 11 AND 13 RETURNING id, k, n;
UPDATE w SET v = upper(v), b = NOT b, d = d + 1, f = f * 2 WHERE id <= 5 RETURNING *;
UPDATE w SET n = NULL, t = DEFAULT WHERE id = 6 RETURNING n, t;
UPDATE w SET n = 12345678 WHERE id = 7;
UPDATE w SET n = n * 1000000 WHERE id = 7;
UPDATE w SET v = v || v || v WHERE id = 20;
UPDATE w SET id = id + 2147483647 WHERE id = 20;
UPDATE w SET n = n / (id - 20) WHERE id = 20;
UPDATE w SET t = 'none' WHERE id = -1;
UPDATE w SET t = 'none' WHERE NULL;
UPDATE w SET t = o.label FROM other o WHERE o.k = w.k;
SELECT * FROM w;
UPDATE w SET t = o.label || '!', n = o.x FROM other o WHERE o.k = w.k AND w.id < 20 RETURNING w.id, w.t, w.n;
UPDATE w SET n = (SELECT sum(x) FROM other WHERE other.k <= w.k) WHERE id < 20;
UPDATE w SET (n, t) = (SELECT max(x), min(label) FROM other WHERE other.k = w.k) WHERE id < 15 RETURNING id, n, t;
UPDATE w SET (n, t) = (id + 0.5, 'both') WHERE id = 16 RETURNING n, t;
UPDATE w SET t = 'exists' WHERE EXISTS (SELECT 1 FROM other WHERE other.k = w.k);
UPDATE w SET t = 'in' WHERE k IN (SELECT k FROM other WHERE x > 10);
UPDATE w SET t = 'not in' WHERE k NOT IN (SELECT k FROM other WHERE k IS NOT NULL);
WITH s AS (SELECT k, count(*) AS c FROM w GROUP BY k) UPDATE w SET n = s.c FROM s WHERE s.k = w.k;
UPDATE w AS me SET n = you.n FROM w AS you WHERE you.id = me.id + 1 AND me.id < 10 AND you.v IS NOT NULL;
UPDATE w SET t = o.label FROM other o LEFT JOIN w AS w2 ON w2.id = o.x WHERE o.k = w.k;
SELECT * FROM w;
-- Several rows match: one of them counts.
UPDATE w SET t = 'some' FROM generate_series(1, 3) g WHERE w.id < 5;
UPDATE w SET t = 'some' FROM other WHERE w.id < 5 RETURNING w.id, w.t;
SELECT * FROM w;
-- What only Postgres computes.
UPDATE w SET t = to_char(id, 'FM0000'), v = md5(id::text)::varchar(6) WHERE id < 9 RETURNING id, t, v;
UPDATE w SET n = 7 WHERE to_char(id, 'FM0000') = '0017' RETURNING id;
UPDATE w SET t = format('%s-%s', o.label, w.id) FROM other o WHERE o.k = w.k AND to_char(o.k, 'FM9') = '2';
SELECT * FROM w;

-- RETURNING of more than the changed columns.
UPDATE w SET n = o.x FROM other o WHERE o.k = w.k AND w.id > 30 RETURNING w.id, w.n, o.label, o.x + w.id AS s, w::text, o::text AS o;
UPDATE w SET t = 'me' FROM w AS you WHERE you.id = w.id + 1 AND you.k = 1 AND w.v IS NOT NULL AND you.v IS NOT NULL RETURNING w.id, w.t, you.id AS y, you.n, w.tableoid = you.tableoid AS same;
UPDATE w SET k = k + 1, n = 0 WHERE id = 3 RETURNING w::text, k + n AS s, (w).t, now() IS NOT NULL AS m, to_char(n, 'FM0.00') AS c;
INSERT INTO w (id, n) SELECT k, x FROM other WHERE k = 7 RETURNING w::text, to_char(n, 'FM00.0') AS c;
DELETE FROM w USING other o WHERE o.k = w.id AND o.label IN ('three', 'seven') RETURNING o.label, w.id, w.n, o::text;
SELECT * FROM w;

-- DELETE.
DELETE FROM w WHERE id = 1;
DELETE FROM w WHERE id = 2 RETURNING *;
DELETE FROM w WHERE id = -1 RETURNING *;
DELETE FROM w USING other o WHERE o.k = w.k AND o.x = 10;
DELETE FROM w USING other o, other p WHERE o.k = w.k AND p.k > o.k AND w.id < 20 RETURNING w.id, w.n;
DELETE FROM w WHERE n > (SELECT avg(n) FROM w) AND id < 30 RETURNING id;
DELETE FROM w WHERE to_char(id, 'FM0000') LIKE '003%' RETURNING id, to_char(id, 'FM0000') AS c;
WITH s AS (SELECT max(id) AS m FROM w) DELETE FROM w USING s WHERE w.id = s.m RETURNING w.*;
DELETE FROM w AS a USING w AS b WHERE a.id = b.id + 1 RETURNING a.id;
SELECT * FROM w;
DELETE FROM w;
SELECT count(*) FROM w;

-- MERGE.
INSERT INTO w (id, k, n, t) SELECT i, i % 5, i, 'merge' FROM generate_series(1, 20) i;
MERGE INTO w USING other o ON o.k = w.id WHEN MATCHED THEN UPDATE SET n = w.n + o.x, t = o.label WHEN NOT MATCHED THEN INSERT (id, t) VALUES (o.x, 'inserted');
SELECT * FROM w;
MERGE INTO w USING (SELECT * FROM other WHERE k IS NOT NULL) o ON o.k = w.id
    WHEN MATCHED AND o.x IS NULL THEN DELETE WHEN MATCHED AND o.x > 60 THEN DO NOTHING WHEN MATCHED THEN UPDATE SET v = 'm' || o.k;
SELECT * FROM w;
MERGE INTO w USING other o ON o.k = w.k WHEN MATCHED AND w.id < 0 THEN DELETE WHEN NOT MATCHED AND o.k IS NULL THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (id, k, n) VALUES (1000 + o.k, o.k, 1.005);
SELECT * FROM w;
MERGE INTO w USING (VALUES (5, 1), (5, 2)) s (a, b) ON s.a = w.id WHEN MATCHED THEN UPDATE SET n = s.b;
MERGE INTO w USING (VALUES (5, 1), (5, 2)) s (a, b) ON s.a = w.id WHEN MATCHED THEN DELETE;
MERGE INTO w USING (VALUES (5, 1), (5, 2)) s (a, b) ON s.a = w.id WHEN MATCHED AND s.b = 2 THEN UPDATE SET n = s.b;
-- differs: Postgres computes 1 / 0 when it plans
MERGE INTO w USING (VALUES (6, 0)) s (a, b) ON s.a = w.id WHEN MATCHED AND s.b = 1 THEN UPDATE SET n = 1 / s.b WHEN MATCHED THEN UPDATE SET n = 77;
MERGE INTO w USING (VALUES (6, 0)) s (a, b) ON s.a = w.id WHEN MATCHED THEN UPDATE SET n = 1 / s.b;
MERGE INTO w USING other o ON o.k = w.id WHEN MATCHED THEN DO NOTHING;
MERGE INTO w USING other o ON o.k = w.id WHEN NOT MATCHED THEN DO NOTHING;
UPDATE w SET n = 77 WHERE id = 6;
MERGE INTO w USING (VALUES (600, 'far too long')) s (a, b) ON s.a = w.id WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.a, s.b);
MERGE INTO w USING (VALUES (7, 1), (700, 2)) s (a, b) ON s.a = w.id WHEN MATCHED THEN UPDATE SET t = to_char(s.a, 'FM00'), (n, k) = (9, 9) WHEN NOT MATCHED THEN INSERT (id, t) VALUES (s.a, to_char(s.b, 'FM00'));
MERGE INTO w USING other o ON to_char(o.k, 'FM9') = w.id::text WHEN MATCHED THEN DELETE;
WITH s AS (SELECT k, sum(x) AS x FROM other GROUP BY k) MERGE INTO w USING s ON s.k = w.k WHEN MATCHED AND w.id > 15 THEN UPDATE SET n = s.x WHEN NOT MATCHED THEN INSERT DEFAULT VALUES;
SELECT * FROM w;

-- Constraints, and ON CONFLICT.
CREATE TABLE log (id integer, note text) :using;
CREATE TABLE c (a integer PRIMARY KEY, b integer UNIQUE, n integer NOT NULL CHECK (n > 0), t text DEFAULT 'none') :using;
INSERT INTO c VALUES (1, 1, 1), (2, 2, 2), (3, NULL, 3), (4, NULL, 4);
INSERT INTO c VALUES (1, 9, 9);
INSERT INTO c VALUES (9, 1, 9);
INSERT INTO c VALUES (9, 9, 0);
INSERT INTO c VALUES (9, 9, NULL);
INSERT INTO c VALUES (NULL, 9, 9);
INSERT INTO c VALUES (8, 8, 8), (8, 9, 9);
INSERT INTO c SELECT a + 1, b, n FROM c;
SELECT * FROM c;
UPDATE c SET a = 2 WHERE a = 1;
UPDATE c SET b = 2 WHERE a = 1;
UPDATE c SET b = b, n = n + 1 RETURNING *;
UPDATE c SET n = -n WHERE a = 1;
UPDATE c SET n = NULL WHERE a = 1;
UPDATE c SET a = NULL WHERE a = 1;
UPDATE c SET a = a + 100 RETURNING a;
UPDATE c SET a = a - 100 RETURNING a;
INSERT INTO c VALUES (1, 5, 5), (6, 6, 6) ON CONFLICT DO NOTHING RETURNING *;
INSERT INTO c VALUES (2, 5, 5), (7, 7, 7), (7, 8, 8) ON CONFLICT (a) DO NOTHING RETURNING a, b;
INSERT INTO c VALUES (10, 1, 5) ON CONFLICT (a) DO NOTHING;
INSERT INTO c VALUES (30, 2, 5), (31, 31, 5), (31, 32, 5), (32, 31, 5) ON CONFLICT DO NOTHING RETURNING a, b;
INSERT INTO log VALUES (1, 'no key') ON CONFLICT DO NOTHING;
INSERT INTO c VALUES (10, 1, 5) ON CONFLICT (b) DO NOTHING;
INSERT INTO c VALUES (10, 10, 10) ON CONFLICT (n) DO NOTHING;
INSERT INTO c VALUES (10, 10, 10) ON CONFLICT (a, b) DO NOTHING;
INSERT INTO c VALUES (10, 10, 10) ON CONFLICT ON CONSTRAINT c_pkey DO NOTHING RETURNING *;
INSERT INTO c VALUES (1, 50, 5), (11, 11, 11) ON CONFLICT (a) DO UPDATE SET n = c.n + excluded.n, b = excluded.b RETURNING *;
INSERT INTO c VALUES (2, 60, 5), (12, 12, 12) ON CONFLICT (a) DO UPDATE SET n = 1000 WHERE c.n > 500;
INSERT INTO c (a, n) VALUES (2, 5), (2, 6) ON CONFLICT (a) DO UPDATE SET n = excluded.n;
INSERT INTO c (a, n) VALUES (20, 5), (20, 6) ON CONFLICT (a) DO UPDATE SET n = excluded.n;
INSERT INTO c (a, n) VALUES (2, 5) ON CONFLICT (a) DO UPDATE SET n = -1;
INSERT INTO c (a, n) VALUES (2, -5) ON CONFLICT (a) DO UPDATE SET n = 1;
INSERT INTO c (a) VALUES (2) ON CONFLICT (a) DO UPDATE SET n = 1;
INSERT INTO c (a) SELECT a FROM c ON CONFLICT (a) DO UPDATE SET n = 1;
INSERT INTO c (a, n) VALUES (2, -5) ON CONFLICT (a) DO NOTHING;
INSERT INTO c (a) VALUES (2) ON CONFLICT DO NOTHING;
INSERT INTO c (a, b, n) VALUES (21, 2, 5) ON CONFLICT (b) DO UPDATE SET t = 'by b ' || excluded.a RETURNING *;
INSERT INTO c (a, b, n) VALUES (21, NULL, 5) ON CONFLICT (b) DO UPDATE SET t = 'never' RETURNING *;
INSERT INTO c (a, n) SELECT a, 1 FROM c ON CONFLICT (a) DO UPDATE SET n = (SELECT max(n) FROM c AS x), t = to_char(excluded.n, 'FM00') RETURNING a, n, t;
INSERT INTO c (a, n) SELECT k, x FROM other WHERE k > 1 AND x > 0 ON CONFLICT (a) DO UPDATE SET (n, t) = (excluded.n, 'row') RETURNING *;
SELECT * FROM c;
DELETE FROM c WHERE a = 1;
INSERT INTO c VALUES (1, 50, 1) RETURNING *;

-- In one transaction: a key that was deleted can come again, and what was written is seen.
BEGIN;
DELETE FROM c WHERE a IN (2, 3);
INSERT INTO c VALUES (2, 2, 2);
UPDATE c SET a = 3 WHERE a = 2;
SELECT * FROM c;
COMMIT;
SELECT * FROM c;
BEGIN;
UPDATE c SET t = 'undone';
DELETE FROM c WHERE a > 5;
SELECT count(*) FROM c WHERE t = 'undone';
ROLLBACK;
SELECT * FROM c;

-- Prepared, with parameters of each kind.
PREPARE put (integer, text) AS INSERT INTO c (a, n, t) VALUES ($1, 1, $2) RETURNING a, t;
EXECUTE put (90, 'p');
EXECUTE put (90, 'p');
PREPARE change (integer, integer, numeric) AS UPDATE c SET n = n + $2, t = 'n' || $3 WHERE a = $1 RETURNING n, t, $2 AS p;
EXECUTE change (90, 4, 1.50);
EXECUTE change (90, NULL, 1.50);
PREPARE away (integer[]) AS DELETE FROM c WHERE a = ANY ($1) RETURNING a;
EXECUTE away ('{90,91}');
PREPARE again (integer) AS MERGE INTO c USING (SELECT $1 AS a) s ON s.a = c.a WHEN MATCHED THEN UPDATE SET t = 'merged' WHEN NOT MATCHED THEN INSERT (a, n) VALUES (s.a, 5);
EXECUTE again (91);
EXECUTE again (91);
SELECT * FROM c;

-- Domains, generated and identity columns.
CREATE TABLE g (id integer GENERATED ALWAYS AS IDENTITY, a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED) :using;
INSERT INTO g (a) VALUES (1), (2) RETURNING *;
INSERT INTO g (a) SELECT a + 10 FROM g RETURNING a, twice;
INSERT INTO g (id, a) VALUES (1, 1);
INSERT INTO g (id, a) OVERRIDING SYSTEM VALUE VALUES (100, 1) RETURNING *;
INSERT INTO g (id, a) OVERRIDING USER VALUE SELECT 100, 7 FROM g WHERE a = 2 RETURNING a;
UPDATE g SET a = a + 1 RETURNING a, twice;
UPDATE g SET twice = 3;
UPDATE g SET twice = DEFAULT, a = 5 WHERE a = 2 RETURNING a, twice;
DELETE FROM g WHERE twice > 20 RETURNING a, twice;
SELECT a, twice FROM g;

-- Views that Postgres can write through.
CREATE VIEW wv AS SELECT a AS aa, n AS nn, t FROM c WHERE a < 50;
INSERT INTO wv (aa, nn) VALUES (40, 4), (60, 6) RETURNING *;
UPDATE wv SET nn = nn + 1 WHERE aa >= 10 RETURNING *;
DELETE FROM wv WHERE aa = 60;
DELETE FROM wv WHERE aa = 40 RETURNING nn;
MERGE INTO c USING wv ON wv.aa = c.a WHEN MATCHED AND wv.nn > 5 THEN DELETE;
SELECT * FROM c;

-- WITH items that change a table.
CREATE TABLE e (id integer, v text, n numeric(6, 2)) :using;
INSERT INTO e SELECT i, 'e' || i, i / 4.0 FROM generate_series(1, 12) i;
WITH gone AS (DELETE FROM e WHERE id > 10 RETURNING *) SELECT * FROM gone;
WITH gone AS (DELETE FROM e WHERE id > 8 RETURNING id, v || '!' AS note, n) INSERT INTO log SELECT id, note FROM gone RETURNING *;
WITH added AS (INSERT INTO e SELECT id + 100, note, 1 FROM log RETURNING id, n) SELECT count(*), sum(n), max(id) FROM added;
WITH changed AS (UPDATE e SET n = n * 2 WHERE id < 4 RETURNING id, n) SELECT a.id, a.n, b.n AS m FROM changed a JOIN changed b ON b.id = a.id + 1;
WITH changed AS (UPDATE e SET v = 'seen' WHERE id = 5) SELECT 1 AS one;
WITH nobody AS (UPDATE e SET v = 'unread' WHERE id = 6 RETURNING *) SELECT 2 AS two;
WITH changed AS (UPDATE e SET v = 'new' WHERE id IN (1, 77) RETURNING id) INSERT INTO e SELECT i, 'upsert', 0 FROM (VALUES (1), (77)) x (i) WHERE i NOT IN (SELECT id FROM changed);
SELECT * FROM e;
WITH few AS (SELECT id FROM log WHERE id < 10), gone AS (DELETE FROM e USING few WHERE few.id + 100 = e.id RETURNING e.*) UPDATE log SET note = gone.v FROM gone WHERE gone.id = log.id + 100 RETURNING log.*;
WITH gone AS (DELETE FROM e WHERE id = 1 RETURNING id), put AS (INSERT INTO log SELECT i, 'put' FROM generate_series(1, 3) i RETURNING *) SELECT (SELECT count(*) FROM gone) AS g, (SELECT count(*) FROM put) AS p;
WITH gone AS (DELETE FROM e WHERE id = 2 RETURNING id, to_char(n, 'FM0.00') AS c) SELECT gone.*, other.label FROM gone JOIN other ON other.k = gone.id;
WITH bad AS (UPDATE e SET n = 1 / (id - 3) RETURNING id) SELECT count(*) FROM bad;
SELECT * FROM e;
SELECT * FROM log;
-- unsupported: the item's change must not be seen
WITH gone AS (DELETE FROM e WHERE id = 4 RETURNING id) SELECT count(*) FROM e;
-- unsupported: as above
WITH gone AS (DELETE FROM e RETURNING id) UPDATE e SET n = 0;
-- unsupported: one item reads what another returns
WITH gone AS (DELETE FROM e RETURNING id, v), put AS (INSERT INTO log SELECT * FROM gone RETURNING id) SELECT count(*) FROM put;
