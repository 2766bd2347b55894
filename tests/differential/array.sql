-- Arrays.
SELECT id, i[1] AS a, i[0] AS b, i[-1] AS c, i[99] AS d, i[NULL] AS e, n[2] AS f, t[id::int] AS g FROM arrays ORDER BY id;
SELECT id, i[1:2] AS a, i[2:] AS b, i[:2] AS c, i[:] AS d, i[2:1] AS e, i[0:1] AS f, i[-5:1] AS g, i[2:99] AS h, i[NULL:2] AS n FROM arrays ORDER BY id;
SELECT id, t[2:3] AS a, n[1:1] AS b, (i[1:2])[1] AS c, i[id::int:] AS d FROM arrays ORDER BY id;
SELECT id, (ARRAY[ARRAY[1, 2], ARRAY[3, 4]])[2][1] AS a FROM arrays ORDER BY id;
SELECT id, i || 4 AS a, 0 || i AS b, i || i AS c, i || ARRAY[9] AS d, array_append(i, 1) AS e, array_prepend(1, i) AS f, array_cat(i, i) AS g FROM arrays ORDER BY id;
SELECT id, array_position(i, 2) AS a, array_remove(i, 2) AS b, array_replace(i, 2, 9) AS c, array_to_string(t, ',') AS d, array_ndims(i) AS e, array_dims(i) AS f FROM arrays ORDER BY id;
SELECT id, i = '{1,2,3}' AS a, i < '{1,2,4}' AS b, i @> '{1}' AS c, i && '{3,4}' AS d, i <@ '{1,2,3,4}' AS e FROM arrays ORDER BY id;
SELECT i, count(*) AS n FROM arrays GROUP BY i ORDER BY i;
SELECT DISTINCT t FROM arrays ORDER BY t;
-- finished: casts of arrays
SELECT id, i::bigint[] AS a, i::text[] AS b, t::varchar[] AS c, i::numeric[] AS d, n::int[] AS e FROM arrays ORDER BY id;
-- unnest.
SELECT a.id, u.x, u.y FROM arrays a, unnest(a.i, a.t) AS u (x, y) ORDER BY 1, 2, 3;
SELECT a.id, u.x, u.o FROM arrays a, unnest(a.i) WITH ORDINALITY AS u (x, o) ORDER BY 1, 3;
SELECT a.id, u.x, u.y, u.o FROM arrays a LEFT JOIN unnest(a.i, a.n) WITH ORDINALITY AS u (x, y, o) ON true ORDER BY 1, 4;
SELECT u.x, u.y, d.name FROM unnest(ARRAY[1, 2, 3], ARRAY['a', 'b']) AS u (x, y) LEFT JOIN dim d ON d.k = u.x ORDER BY 1;
SELECT a.id, u.* FROM arrays a, ROWS FROM (unnest(a.i), unnest(a.t)) WITH ORDINALITY AS u (p, q, o) ORDER BY 1, u.o;
SELECT id, unnest(i) AS x FROM arrays ORDER BY 1, 2;
SELECT id, unnest(i) AS x, unnest(t) AS y FROM arrays ORDER BY 1, 2, 3;
SELECT id, unnest(ARRAY[id, id * 10]) AS x FROM arrays ORDER BY 1, 2;
SELECT unnest(i) AS x, count(*) AS n FROM arrays GROUP BY 1 ORDER BY 1;
SELECT sum(x) AS s FROM (SELECT unnest(i) AS x FROM arrays) AS q;
SELECT d.k, g FROM dim d, generate_series(1, d.k) AS g ORDER BY 1, 2;
SELECT d.k, g.g, g.o FROM dim d LEFT JOIN LATERAL generate_series(d.k, 1, -2) WITH ORDINALITY AS g (g, o) ON true ORDER BY 1, 3;
SELECT d.k, g FROM dim d, generate_series(1::bigint, d.k) AS g ORDER BY 1, 2;
SELECT f.id, g::date AS day FROM fact f, generate_series(f.d, f.d + 2, interval '1 day') AS g WHERE f.id < 4 ORDER BY 1, 2;
SELECT f.id, g FROM fact f, generate_series(f.d::timestamp, f.d + interval '1 hour', interval '25 minutes') AS g WHERE f.id < 4 ORDER BY 1, 2;
SELECT id, generate_series(1, 2) AS g FROM dim, fact WHERE dim.k = 1 AND id < 3 ORDER BY 1, 2;
SELECT d.k, s FROM dim d, generate_series(1, 10, 0) AS s;
SELECT d.k, s FROM dim d, generate_series(1, d.k, 0) AS s;
-- finished: the function is not known
SELECT d.k, s FROM dim d, regexp_split_to_table(d.name, 'o') AS s ORDER BY 1, 2;
-- finished: the function is not known
SELECT d.k, s FROM dim d, string_to_table(d.name, 'o') AS s ORDER BY 1, 2;
SELECT d.k, s FROM dim d, unnest(string_to_array(d.name, 'o')) AS s ORDER BY 1, 2;
SELECT d.k, upper FROM dim d, upper(d.name) AS upper ORDER BY 1;
SELECT d.k, s.i FROM dim d, generate_subscripts(ARRAY[d.k, 1, 2], 1) AS s (i) ORDER BY 1, 2;
SELECT count(*) AS n FROM unnest(ARRAY[1, 2]) AS u (x) JOIN dim ON dim.k = u.x;
