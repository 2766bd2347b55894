-- Dates and times from texts. DuckDB reads ISO forms and formats of fixed widths; at any other text Postgres
-- runs the query again.
CREATE TABLE words (id bigint, w text, f text) :using;
INSERT INTO words VALUES (1, '2024-02-29', '29.02.2024'), (2, ' 1999-12-31 ', '31.12.1999'), (3, '0001-01-01', '01.01.0001'), (4, NULL, NULL), (5, 'infinity', '01.06.2024'), (6, '9999-12-31', '15.10.1582');
SELECT id, w::date AS d, w::timestamp AS t, w::timestamptz AS z FROM words ORDER BY id;
SELECT id, to_date(f, 'DD.MM.YYYY') AS d, to_timestamp(f, 'dd.mm.yyyy') AS t FROM words ORDER BY id;
SELECT extract(year FROM to_date(f, 'DD.MM.YYYY')) AS y, count(*) AS n FROM words GROUP BY 1 ORDER BY 1;
SELECT id, (w || ' 23:59:58.123456')::timestamp AS t, (w || 'T00:00:00Z')::timestamptz AS z, (w || ' 12:30+05:30')::timestamptz AS o, (w || ' 12:30-08')::timestamp AS l, (w || ' 12:30:15.5')::timestamp(0) AS p FROM words WHERE id IN (1, 3, 6) ORDER BY id;
SELECT id, ('1' || id || ':30')::time AS t, ('1' || id || ':30:59.25')::time AS u, ('0' || id || ':30')::varchar::time AS v FROM words ORDER BY id;
SELECT id FROM words WHERE w::date > '2000-01-01' ORDER BY id;
SELECT id, to_timestamp('2024050612' || lpad(id::text, 4, '0'), 'YYYYMMDDHH24MISS') AS t, to_timestamp('2024/05/06 ' || id || '2,500', 'YYYY/MM/DD HH24,MS') AS m FROM words ORDER BY id;
-- What only Postgres reads, and what nobody does.
SELECT id, (w || ' BC')::date AS d, w::text::date + 1 AS n FROM words WHERE id < 4 ORDER BY id;
SELECT id, ('Jan ' || id || ', 2024')::date AS d, (id || ':3')::time AS t, ('2024-1-' || id)::timestamp AS s FROM words ORDER BY id;
SELECT id, to_date('2024-5-' || id, 'YYYY-MM-DD') AS d, to_date(f, 'DD-MM-YYYY') AS s, to_date(id || ' 2024', 'DDD YYYY') AS y FROM words ORDER BY id;
-- each: words
SELECT to_date(f || id, 'DD.MM.YYYY') AS d FROM words WHERE id = {id};
-- each: words
SELECT ('2024-02-3' || id)::date AS d FROM words WHERE id = {id};
-- each: words
SELECT (w || ' 24:00:00')::timestamp AS d FROM words WHERE id = {id};
-- each: words
SELECT (w || 'x')::timestamptz AS d FROM words WHERE id = {id};
-- each: words
SELECT to_date('2024-13-0' || id, 'YYYY-MM-DD') AS d FROM words WHERE id = {id};
SET DateStyle = 'SQL, DMY';
SELECT id, w::date AS d, ('02/03/202' || id)::date AS e FROM words ORDER BY id;
RESET DateStyle;
SET TimeZone = 'America/New_York';
SELECT id, ('2024-03-10 0' || id || ':30:00')::timestamptz AS z, to_timestamp('2024-11-03 0' || id || ':30', 'YYYY-MM-DD HH24:MI') AS t FROM words ORDER BY id;
RESET TimeZone;
