-- What analysts ask of logs, over one wide table (tests/weblog). All of it runs in DuckDB as a whole.

-- Totals.
SELECT count(*) AS requests FROM requests;
SELECT count(*) AS errors FROM requests WHERE http_status >= 500;
SELECT sum(response_bytes) AS bytes, count(*) AS requests, avg(screen_width) AS width FROM requests;
SELECT avg(user_id) AS a FROM requests;
SELECT count(DISTINCT user_id) AS users, count(DISTINCT session_id) AS sessions FROM requests;
SELECT count(DISTINCT search_phrase) AS phrases FROM requests;
SELECT min(event_date) AS first, max(event_date) AS last, max(event_time) - min(event_time) AS span FROM requests;
SELECT sum(order_total) AS revenue, avg(order_total) AS mean, min(ad_revenue) AS least, max(ad_revenue) AS most FROM requests;
SELECT sum(screen_width) AS s0, sum(screen_width + 1) AS s1, sum(screen_width + 2) AS s2, sum(screen_width + 3) AS s3,
    sum(screen_width + 20) AS s20, sum(screen_width + 89) AS s89 FROM requests;
SELECT count(dns_ms) AS dns, count(*) - count(dns_ms) AS missing, sum(dns_ms + connect_ms + tls_ms) AS total FROM requests;

-- Top of the list.
SELECT search_engine_id, count(*) AS n FROM requests WHERE search_engine_id <> 0 GROUP BY search_engine_id ORDER BY n DESC, search_engine_id;
SELECT region_id, count(DISTINCT user_id) AS users FROM requests GROUP BY region_id ORDER BY users DESC, region_id LIMIT 10;
SELECT region_id, sum(order_items) AS items, count(*) AS n, avg(screen_width) AS width, count(DISTINCT user_id) AS users
    FROM requests GROUP BY region_id ORDER BY n DESC, region_id LIMIT 10;
SELECT device_model, count(DISTINCT user_id) AS users FROM requests WHERE device_model <> '' GROUP BY device_model ORDER BY users DESC, device_model;
SELECT is_mobile, device_model, count(DISTINCT user_id) AS users FROM requests WHERE device_model <> ''
    GROUP BY is_mobile, device_model ORDER BY users DESC, is_mobile, device_model LIMIT 10;
SELECT search_phrase, count(*) AS n FROM requests WHERE search_phrase <> '' GROUP BY search_phrase ORDER BY n DESC, search_phrase LIMIT 10;
SELECT search_engine_id, search_phrase, count(*) AS n, count(DISTINCT user_id) AS users FROM requests WHERE search_phrase <> ''
    GROUP BY search_engine_id, search_phrase ORDER BY n DESC, search_phrase, search_engine_id LIMIT 10;
SELECT user_id, count(*) AS n FROM requests GROUP BY user_id ORDER BY n DESC, user_id LIMIT 10;
SELECT user_id, search_phrase, count(*) AS n FROM requests GROUP BY user_id, search_phrase ORDER BY n DESC, user_id, search_phrase LIMIT 10;
SELECT user_id, extract(minute FROM event_time) AS m, search_phrase, count(*) AS n FROM requests
    GROUP BY user_id, m, search_phrase ORDER BY n DESC, user_id, m, search_phrase LIMIT 10;
SELECT country, browser, os, count(*) AS n, sum(response_bytes) AS bytes FROM requests GROUP BY country, browser, os ORDER BY n DESC, country, browser, os LIMIT 25;

-- Needles.
SELECT request_id, url FROM requests WHERE user_id = 435001305 ORDER BY request_id;
SELECT count(*) AS n FROM requests WHERE url LIKE '%search%';
SELECT search_phrase, min(url) AS url, count(*) AS n FROM requests WHERE url LIKE '%cart%' AND search_phrase <> ''
    GROUP BY search_phrase ORDER BY n DESC, search_phrase LIMIT 10;
SELECT search_phrase, min(url) AS url, min(title) AS title, count(*) AS n, count(DISTINCT user_id) AS users FROM requests
    WHERE title LIKE '%Chair%' AND url NOT LIKE '%.org/%' AND search_phrase <> '' GROUP BY search_phrase ORDER BY n DESC, search_phrase LIMIT 10;
SELECT * FROM requests WHERE url LIKE '%docs%' AND country = 'CH' ORDER BY event_time, request_id LIMIT 10;
SELECT search_phrase FROM requests WHERE search_phrase <> '' ORDER BY event_time, request_id LIMIT 10;
SELECT search_phrase, event_time FROM requests WHERE search_phrase <> '' ORDER BY search_phrase, event_time DESC, request_id LIMIT 10;

-- Text.
SELECT site_id, avg(length(url)) AS l, count(*) AS n FROM requests WHERE url <> '' GROUP BY site_id HAVING count(*) > 100 ORDER BY l DESC, site_id LIMIT 25;
SELECT split_part(url, '/', 3) AS host, avg(length(referer)) AS l, count(*) AS n, min(referer) AS example FROM requests
    WHERE referer <> '' GROUP BY host ORDER BY l DESC, host;
SELECT url, count(*) AS n FROM requests GROUP BY url ORDER BY n DESC, url LIMIT 10;
SELECT 1 AS one, url, count(*) AS n FROM requests GROUP BY one, url ORDER BY n DESC, url LIMIT 10;
SELECT client_ip_number, client_ip_number - 1 AS a, client_ip_number - 2 AS b, client_ip_number - 3 AS c, count(*) AS n FROM requests
    GROUP BY client_ip_number, client_ip_number - 1, client_ip_number - 2, client_ip_number - 3 ORDER BY n DESC, client_ip_number LIMIT 10;
SELECT CASE WHEN search_engine_id = 0 AND ad_network_id IS NULL THEN coalesce(referer, '') ELSE '' END AS source, url_path AS target, count(*) AS n
    FROM requests WHERE site_id = 2 AND event_date BETWEEN '2024-05-01' AND '2024-05-31' AND NOT is_refresh
    GROUP BY source, target ORDER BY n DESC, source, target LIMIT 20 OFFSET 10;
SELECT split_part(client_ip, '.', 2) AS net, count(*) AS n, count(DISTINCT client_ip) AS hosts FROM requests GROUP BY net ORDER BY net;
SELECT upper(left(browser, 2)) || '-' || browser_major AS agent, count(*) AS n FROM requests GROUP BY agent HAVING count(*) > 30 ORDER BY n DESC, agent LIMIT 15;
SELECT substring(error_text FROM 1 FOR 8) AS kind, count(*) AS n, string_agg(DISTINCT method, ',' ORDER BY method) AS methods
    FROM requests WHERE error_text IS NOT NULL GROUP BY kind ORDER BY n DESC, kind LIMIT 12;
SELECT replace(url_path, '/', '>') AS path, count(*) AS n FROM requests WHERE url ~ '^https://www\.' GROUP BY path ORDER BY n DESC, path LIMIT 10;

-- Time.
SELECT date_trunc('hour', event_time) AS h, count(*) AS n, sum(response_bytes) AS bytes FROM requests WHERE event_date = '2024-05-03' GROUP BY h ORDER BY h;
SELECT date_trunc('minute', event_time_utc) AS m, count(*) AS views FROM requests WHERE site_id = 3 AND event_date >= '2024-05-14' AND event_date <= '2024-05-15'
    GROUP BY m ORDER BY m LIMIT 10 OFFSET 5;
SELECT extract(dow FROM event_time) AS dow, extract(hour FROM event_time) AS h, count(*) AS n FROM requests GROUP BY dow, h ORDER BY dow, h;
SELECT event_date, count(*) AS n, count(*) FILTER (WHERE http_status >= 400) AS failed,
    round(100.0 * count(*) FILTER (WHERE http_status >= 400) / count(*), 2) AS percent FROM requests GROUP BY event_date ORDER BY event_date;
SELECT event_date - first_seen AS age, count(DISTINCT user_id) AS users FROM requests GROUP BY age ORDER BY users DESC, age LIMIT 20;
SELECT count(*) AS late FROM requests WHERE received_at > event_time_utc + interval '4 minutes';
SELECT sum(extract(epoch FROM event_time)::bigint) AS s, max(extract(epoch FROM received_at) - extract(epoch FROM event_time_utc)) AS slowest FROM requests;
SELECT local_time, count(*) AS n FROM requests WHERE local_time < '00:05' GROUP BY local_time ORDER BY local_time LIMIT 20;

-- Money.
SELECT country, sum(order_total) AS revenue, sum(order_total * tax_rate) AS tax, sum(order_total * (1 - tax_rate) - ad_cost) AS margin
    FROM requests WHERE order_items > 0 GROUP BY country ORDER BY country;
SELECT coalesce(utm_source, '(none)') AS source, count(*) AS n, sum(ad_cost) AS cost, avg(order_total) AS mean, sum(order_total) / nullif(sum(ad_cost), 0) AS roas
    FROM requests GROUP BY source ORDER BY source;
SELECT experiment, count(DISTINCT user_id) AS users, avg(order_total) AS mean, stddev(order_total) AS deviation, max(quality_score) AS best FROM requests
    GROUP BY experiment ORDER BY experiment;
SELECT order_currency, order_items, sum(order_total) AS s FROM requests WHERE order_items > 0 GROUP BY ROLLUP (order_currency, order_items) ORDER BY 1, 2, 3;

-- Windows and steps.
SELECT user_id, request_id, event_time, event_time - lag(event_time) OVER (PARTITION BY user_id ORDER BY event_time, request_id) AS pause
    FROM requests WHERE user_id < 20000060 ORDER BY user_id, event_time, request_id;
SELECT event_date, n, sum(n) OVER (ORDER BY event_date) AS running, round(avg(n) OVER (ORDER BY event_date ROWS 6 PRECEDING), 2) AS week
    FROM (SELECT event_date, count(*) AS n FROM requests GROUP BY event_date) AS days ORDER BY event_date;
SELECT country, url_path, n FROM (SELECT country, url_path, count(*) AS n, row_number() OVER (PARTITION BY country ORDER BY count(*) DESC, url_path) AS place
    FROM requests GROUP BY country, url_path) AS ranked WHERE place <= 3 ORDER BY country, place;
SELECT step, count(*) AS users FROM (SELECT user_id, CASE WHEN bool_or(url_path LIKE '/cart%') THEN CASE WHEN max(order_items) > 0 THEN 'bought' ELSE 'cart' END
    ELSE 'looked' END AS step FROM requests GROUP BY user_id) AS steps GROUP BY step ORDER BY step;
WITH visits AS (SELECT session_id, min(event_time) AS started, count(*) AS n, sum(response_bytes) AS bytes FROM requests GROUP BY session_id)
    SELECT date_trunc('day', started) AS day, count(*) AS visits, avg(n) AS pages, max(bytes) AS most FROM visits GROUP BY day ORDER BY day;
SELECT count(*) AS returning FROM (SELECT user_id FROM requests WHERE event_date < '2024-05-10' INTERSECT SELECT user_id FROM requests WHERE event_date > '2024-05-20') AS both_times;
SELECT a.user_id, count(*) AS pairs FROM requests AS a JOIN requests AS b ON a.session_id = b.session_id AND a.request_id < b.request_id
    AND b.http_status >= 500 GROUP BY a.user_id ORDER BY pairs DESC, a.user_id LIMIT 10;
SELECT u.tag, count(*) AS n FROM requests AS r, unnest(r.tags) AS u (tag) GROUP BY u.tag ORDER BY u.tag;

-- Floats, added in any order.
-- approximate: sums of floats
SELECT browser, avg(scroll_depth) AS depth, sum(cpu_seconds) AS cpu, avg(apdex) AS apdex, stddev(duration_ms) AS deviation FROM requests GROUP BY browser ORDER BY browser;
-- approximate: sums of floats
SELECT corr(duration_ms, response_bytes) AS c, regr_slope(backend_ms, queue_ms) AS slope, var_pop(cpu_seconds) AS v FROM requests;
SELECT floor(latitude / 10) * 10 AS lat, count(*) AS n FROM requests GROUP BY lat ORDER BY lat;
