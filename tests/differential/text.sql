-- Text: patterns, blanks of char(n), lengths in characters.

SELECT id, a || b AS c, length(a) AS l, upper(a) AS u, lower(a) AS d FROM p_txt WHERE a <> 'ß' OR a IS NULL ORDER BY id;
SELECT id, a || '|' AS c, octet_length(a) AS o FROM p_txt ORDER BY id;
SELECT id, a LIKE 'a%' AS x, a LIKE '%c' AS y, a LIKE '_' AS z, a NOT LIKE '%b%' AS w, a ILIKE 'A%' AS i FROM p_txt ORDER BY id;
SELECT id, a LIKE 'a\%c' AS x, a LIKE 'a!_c' ESCAPE '!' AS y FROM p_txt ORDER BY id;
SELECT id, a LIKE b AS x FROM p_txt WHERE b NOT LIKE '%\\%' ORDER BY id;
SELECT id, substring(a FROM 1 FOR 2) AS x, substring(a FROM 2) AS y, substr(a, -1, 3) AS z FROM p_txt ORDER BY id;
SELECT id, trim(a) AS x, ltrim(a) AS y, rtrim(a) AS z, replace(a, 'a', 'bb') AS r, position('b' IN a) AS p FROM p_txt ORDER BY id;
SELECT id, left(a, 2) AS x, right(a, 2) AS y, left(a, -1) AS z FROM p_txt ORDER BY id;
SELECT id, a::varchar(2) AS v, a::char(3) AS c, a::text AS t FROM p_txt ORDER BY id;
SELECT id, a IN ('a', 'ab', '10') AS x, a NOT IN ('a') AS y FROM p_txt ORDER BY id;
SELECT min(a) AS lo, max(a) AS hi, count(DISTINCT a) AS n FROM p_txt;
SELECT id, a || b AS c, length(a) AS l, upper(a) AS u, lower(a) AS d FROM p_vc WHERE a <> 'ß' OR a IS NULL ORDER BY id;
SELECT id, a || '|' AS c, octet_length(a) AS o FROM p_vc ORDER BY id;
SELECT id, a LIKE 'a%' AS x, a LIKE '%c' AS y, a LIKE '_' AS z, a NOT LIKE '%b%' AS w, a ILIKE 'A%' AS i FROM p_vc ORDER BY id;
SELECT id, a LIKE 'a\%c' AS x, a LIKE 'a!_c' ESCAPE '!' AS y FROM p_vc ORDER BY id;
SELECT id, a LIKE b AS x FROM p_vc WHERE b NOT LIKE '%\\%' ORDER BY id;
SELECT id, substring(a FROM 1 FOR 2) AS x, substring(a FROM 2) AS y, substr(a, -1, 3) AS z FROM p_vc ORDER BY id;
SELECT id, trim(a) AS x, ltrim(a) AS y, rtrim(a) AS z, replace(a, 'a', 'bb') AS r, position('b' IN a) AS p FROM p_vc ORDER BY id;
SELECT id, left(a, 2) AS x, right(a, 2) AS y, left(a, -1) AS z FROM p_vc ORDER BY id;
SELECT id, a::varchar(2) AS v, a::char(3) AS c, a::text AS t FROM p_vc ORDER BY id;
SELECT id, a IN ('a', 'ab', '10') AS x, a NOT IN ('a') AS y FROM p_vc ORDER BY id;
SELECT min(a) AS lo, max(a) AS hi, count(DISTINCT a) AS n FROM p_vc;
SELECT id, a || b AS c, length(a) AS l, upper(a) AS u, lower(a) AS d FROM p_bp WHERE a <> 'ß' OR a IS NULL ORDER BY id;
SELECT id, a || '|' AS c, octet_length(a) AS o FROM p_bp ORDER BY id;
SELECT id, a LIKE 'a%' AS x, a LIKE '%c' AS y, a LIKE '_' AS z, a NOT LIKE '%b%' AS w, a ILIKE 'A%' AS i FROM p_bp ORDER BY id;
SELECT id, a LIKE 'a\%c' AS x, a LIKE 'a!_c' ESCAPE '!' AS y FROM p_bp ORDER BY id;
SELECT id, a LIKE b AS x FROM p_bp WHERE b NOT LIKE '%\\%' ORDER BY id;
SELECT id, substring(a FROM 1 FOR 2) AS x, substring(a FROM 2) AS y, substr(a, -1, 3) AS z FROM p_bp ORDER BY id;
SELECT id, trim(a) AS x, ltrim(a) AS y, rtrim(a) AS z, replace(a, 'a', 'bb') AS r, position('b' IN a) AS p FROM p_bp ORDER BY id;
SELECT id, left(a, 2) AS x, right(a, 2) AS y, left(a, -1) AS z FROM p_bp ORDER BY id;
SELECT id, a::varchar(2) AS v, a::char(3) AS c, a::text AS t FROM p_bp ORDER BY id;
SELECT id, a IN ('a', 'ab', '10') AS x, a NOT IN ('a') AS y FROM p_bp ORDER BY id;
SELECT min(a) AS lo, max(a) AS hi, count(DISTINCT a) AS n FROM p_bp;
SELECT t.id FROM p_txt t JOIN p_bp b ON t.a = b.a WHERE t.id < 30 AND b.id < 30 ORDER BY t.id, b.id;
-- each: p_txt
SELECT a::integer AS r FROM p_txt WHERE id = {id} AND b = 'a';

-- Concatenation takes values of all kinds.
SELECT id, concat(a, b) AS c, concat(a, id, true, NULL, 1.50) AS v, concat_ws('-', a, b, id) AS w, concat_ws(a, b, id) AS x FROM p_txt ORDER BY id;
SELECT concat(a, '|', b) AS c, concat_ws('/', a, b, a::smallint) AS w FROM p_int4 WHERE abs(a) < 10 ORDER BY id;
SELECT id, concat(a, '|') AS c FROM p_bp ORDER BY id;
SELECT id, concat(amount, '/', n, '/', k) AS c, note || n AS t, n || note AS u, note || (n > 0) AS b, note || amount AS m FROM fact ORDER BY id LIMIT 40;
SELECT concat(price) AS c FROM fact;
-- each: p_txt
SELECT split_part(a, b, 1) AS one, split_part(a, b, 2) AS two, split_part(a, b, -1) AS last FROM p_txt WHERE id = {id};
-- Postgres: field position must not be zero (22023).
SELECT split_part(note, 'a', 0) AS s FROM fact;
SELECT id, split_part(note, ' ', k) AS p, repeat(note, k - 2) AS r FROM fact WHERE k <> 0 ORDER BY id LIMIT 40;
SELECT id FROM fact WHERE note LIKE '%a%m%' OR note ILIKE 'GAM%' ORDER BY id LIMIT 40;
-- each: p_txt
SELECT a LIKE 'a%c' AS x, a LIKE 'a\%c' AS y, a NOT LIKE '_b%' AS z, a ILIKE 'A_C' AS i FROM p_txt WHERE id = {id};

-- Regular expressions that both dialects have.
-- each: p_txt
SELECT a ~ 'a' AS x, a ~ '^a.*c$' AS y, a !~ '[a-z]' AS z, a ~ '(b|c) ?$' AS w, a ~ '' AS e, a ~ 'a\\b' AS s, a ~ '[^a-c]' AS o FROM p_txt WHERE id = {id};
SELECT id FROM fact WHERE note ~ 'a$' AND note !~ '^(al|gamma)' ORDER BY id LIMIT 20;
SELECT count(*) AS n FROM fact WHERE note ~ '\w+';
