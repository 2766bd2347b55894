//! Feeds with parallel workers: the same rows as heap tables give, and nothing left behind.

use std::time::Duration;

use postgres::Client;
use tests::cluster::{Cluster, Options};
use tests::{process, wait};

use crate::fixture::{RECOVERY, explain, no_recovery, number, own, sqlstate, works_again};

/// Until workers of an ended query are gone.
const GONE: Duration = Duration::from_secs(30);
/// Rows of the table `big`: many times what is read before workers are started.
const BIG: i64 = 300_000;

const TABLES: &str = "\
CREATE TABLE big AS SELECT i::bigint AS i, (i % 17)::int AS k, repeat('x', i::int % 50) || i AS t, \
    (i * 1.25)::numeric(12,2) AS n, nullif(i % 5, 0)::float8 AS f, date '2020-01-01' + (i % 900)::int AS d \
    FROM generate_series(1, 300000) i; \
CREATE TABLE parts (a int, b text, c numeric(10,2)) PARTITION BY RANGE (a); \
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (40000); \
CREATE TABLE parts_mid (c numeric(10,2), gone int, b text, a int); \
ALTER TABLE parts_mid DROP COLUMN gone; \
ALTER TABLE parts ATTACH PARTITION parts_mid FOR VALUES FROM (40000) TO (80000); \
CREATE TABLE parts_rest PARTITION OF parts DEFAULT; \
INSERT INTO parts SELECT i, 'text ' || i, i / 7.0 FROM generate_series(1, 150000) i; \
CREATE TABLE parent (i int, t text); \
CREATE TABLE child (more numeric(8,1)) INHERITS (parent); \
INSERT INTO parent SELECT i, 'p' || i FROM generate_series(1, 60000) i; \
INSERT INTO child SELECT i, 'c' || i, i / 3.0 FROM generate_series(1, 90000) i; \
CREATE TABLE wide (i int, compressed text, apart text); \
ALTER TABLE wide ALTER apart SET STORAGE EXTERNAL; \
INSERT INTO wide SELECT i, repeat(md5(i::text), 100), repeat('z', 4000 + i) FROM generate_series(1, 2000) i; \
INSERT INTO wide SELECT i, repeat('long', 1000000), repeat('y', 3000000) FROM generate_series(1, 3) i; \
CREATE TABLE nothing (i int, t text); \
CREATE TABLE secret AS SELECT i, k, t FROM big; \
ALTER TABLE secret ENABLE ROW LEVEL SECURITY; \
CREATE POLICY p ON secret USING (k = 3 OR i IN (SELECT a FROM parts WHERE a < 1000)); \
CREATE ROLE reader; GRANT SELECT ON big, parts TO reader; GRANT SELECT (i, k) ON secret TO reader; \
CREATE FUNCTION picky(i bigint) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS \
    $$ BEGIN RETURN 1000 / (i - 250000) IS NOT NULL; END $$; \
CREATE TABLE guarded AS SELECT i FROM big; \
ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; \
CREATE POLICY p ON guarded USING (picky(i)); \
CREATE FUNCTION slow(i bigint) RETURNS boolean LANGUAGE plpgsql PARALLEL SAFE AS \
    $$ BEGIN IF i > 200000 THEN PERFORM pg_sleep(0.0005); END IF; RETURN true; END $$; \
CREATE TABLE slowly AS SELECT i FROM big; \
ALTER TABLE slowly ENABLE ROW LEVEL SECURITY; \
CREATE POLICY p ON slowly USING (slow(i)); \
GRANT SELECT ON guarded, slowly TO reader; \
ANALYZE";

/// Each gives one row.
const QUERIES: &[&str] = &[
    "SELECT count(*) FROM big",
    "SELECT count(*), sum(i), sum(k), max(t), sum(n), count(f), min(d) FROM big",
    "SELECT count(*), sum(a), max(b), sum(c) FROM parts",
    "SELECT count(*), sum(i), max(t) FROM parent",
    "SELECT count(*), sum(i), sum(length(compressed)), sum(length(apart)), max(md5(apart)) FROM wide",
    "SELECT count(*), max(t) FROM nothing",
    "SELECT count(*), sum(k) FROM big WHERE i < 0",
    "SELECT count(*), sum(a.i) FROM big a JOIN big b ON a.i = b.i + 1",
    "SELECT count(*), sum(a.k), max(p.b) FROM big a JOIN big b ON a.i = b.i + 1 JOIN parts p ON p.a = b.i",
    "SELECT count(*), sum(x) FROM (SELECT i AS x FROM big UNION ALL SELECT a FROM parts UNION ALL \
     SELECT i FROM parent) q",
    "SELECT count(*) FROM big a LEFT JOIN parts p ON p.a = a.i WHERE p.a IS NULL",
    "SELECT count(*), sum(c) FROM (SELECT k, count(*) AS c FROM big GROUP BY k HAVING count(*) > 1) q",
    "SELECT sum(i) FROM (SELECT i FROM big ORDER BY i DESC LIMIT 10) q",
    "SELECT count(*) FROM (SELECT a.i FROM big a, parts p WHERE a.i = p.a LIMIT 5) q",
];

fn cluster() -> impl std::ops::Deref<Target = Cluster> {
    // A worker that is killed makes Postgres recover: the tables must have been written by then.
    let options = Options::with_extension().set("synchronous_commit", "on");
    let options = options.set("max_worker_processes", "24").set("max_parallel_workers", "12");
    let cluster = own(options.set("min_parallel_table_scan_size", "0").set("parallel_setup_cost", "0"));
    let mut client = cluster.client().expect("connects");
    client.batch_execute(TABLES).expect("creates");
    cluster
}

/// A connection that has DuckDB compute.
fn forced(cluster: &Cluster) -> Client {
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("SET duckdb.force_execution = on; SET duckdb.max_workers_per_postgres_scan = 2")
        .expect("sets");
    client
}

/// The one row of `sql`, as text.
fn row(client: &mut Client, sql: &str) -> String {
    let found = client.query_one(&format!("SELECT q::text FROM ({sql}) q"), &[]);
    found.unwrap_or_else(|error| panic!("{sql}: {}", explain(&error))).get(0)
}

fn both(client: &mut Client, sql: &str) {
    client.batch_execute("SET duckdb.force_execution = off").expect("sets");
    let expected = row(client, sql);
    client.batch_execute("SET duckdb.force_execution = on").expect("sets");
    assert_eq!(row(client, sql), expected, "{sql}");
}

/// What EXPLAIN ANALYZE says of workers: planned and launched.
fn workers(client: &mut Client, sql: &str) -> (Option<i64>, Option<i64>) {
    let lines = client.query(&format!("EXPLAIN (ANALYZE, COSTS OFF) {sql}"), &[]).expect("explains");
    let lines: Vec<String> = lines.iter().map(|line| line.get(0)).collect();
    let of = |label: &str| lines.iter().find_map(|line| line.trim().strip_prefix(label)?.trim().parse().ok());
    (of("Workers Planned:"), of("Workers Launched:"))
}

fn no_workers(cluster: &Cluster) {
    let mut client = cluster.client().expect("connects");
    wait::until("end of all parallel workers", GONE, || {
        let sql = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'";
        number(&mut client, sql).expect("answers") == 0
    })
    .expect("workers end");
}

#[test]
fn workers_bring_the_rows_of_heap_tables() {
    let cluster = cluster();
    let mut client = forced(&cluster);
    // Otherwise the rest tests nothing.
    assert_eq!(workers(&mut client, QUERIES[0]), (Some(2), Some(2)));
    assert_eq!(workers(&mut client, QUERIES[2]), (Some(2), Some(2)));
    for sql in QUERIES {
        both(&mut client, sql);
    }
    // Own changes, and none of others.
    client
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE big SET k = 1000 WHERE i % 3 = 0; \
             DELETE FROM big WHERE i > 290000; INSERT INTO big SELECT -g, g FROM generate_series(1, 500) g; \
             SAVEPOINT s; DELETE FROM parts WHERE a < 500",
        )
        .expect("writes");
    let mut other = cluster.client().expect("connects");
    other
        .batch_execute("INSERT INTO big (i, k) SELECT 1000000 + g, 7 FROM generate_series(1, 700) g")
        .expect("writes");
    for sql in &QUERIES[..3] {
        both(&mut client, sql);
    }
    client.batch_execute("ROLLBACK").expect("rolls back");
    both(&mut client, QUERIES[1]);
    // As a user with fewer rights.
    client.batch_execute("SET ROLE reader").expect("sets");
    both(&mut client, "SELECT count(*), sum(i), sum(k) FROM secret");
    both(&mut client, "SELECT count(*), sum(s.k) FROM secret s JOIN big b ON s.i = b.i");
    let error = client.query("SELECT max(t) FROM secret", &[]).expect_err("is not allowed");
    assert_eq!(sqlstate(&error), "42501", "{}", explain(&error));
    client.batch_execute("RESET ROLE").expect("resets");
    // Into duckdb tables.
    client.batch_execute("CREATE TABLE copy USING duckdb AS SELECT * FROM big").expect("copies");
    let sums = "count(*), sum(i), sum(k), max(t), sum(n), count(f), min(d)";
    let expected = row(&mut client, &format!("SELECT {sums} FROM big"));
    assert_eq!(row(&mut client, &format!("SELECT {sums} FROM copy")), expected);
    client.batch_execute("INSERT INTO copy SELECT * FROM big WHERE i <= 150000").expect("inserts");
    assert_eq!(number(&mut client, "SELECT count(*) FROM copy").expect("counts"), BIG + 700 + 150_000);
    client
        .batch_execute("CREATE TABLE from_both AS SELECT c.i FROM copy c JOIN big b ON b.i = c.i")
        .expect("copies");
    both(&mut client, "SELECT count(*), sum(i) FROM from_both");
    // Prepared, again and again.
    let prepared = client.prepare("SELECT count(*) FROM big WHERE i > $1").expect("prepares");
    for bound in [10_i64, 1000, 299_999, 5, 17, 250_000, 6] {
        let found: i64 = client.query_one(&prepared, &[&bound]).expect("answers").get(0);
        assert_eq!(found, BIG + 700 - bound);
    }
    no_workers(&cluster);
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    let backend = u32::try_from(backend).expect("a pid");
    assert_eq!(process::shared_segments(backend).expect("alive"), 0);
    assert_eq!(process::shared_segments(cluster.engine_pid().expect("runs")).expect("alive"), 0);
}

#[test]
fn workers_are_not_used_where_postgres_would_use_none() {
    let cluster = cluster();
    let mut client = forced(&cluster);
    let count = QUERIES[0];
    client.batch_execute("SET max_parallel_workers = 0").expect("sets");
    both(&mut client, QUERIES[1]);
    assert_eq!(workers(&mut client, count).1, None);
    client
        .batch_execute("RESET max_parallel_workers; SET duckdb.max_workers_per_postgres_scan = 0")
        .expect("sets");
    both(&mut client, QUERIES[1]);
    assert_eq!(workers(&mut client, count), (None, None));
    client
        .batch_execute(
            "SET duckdb.max_workers_per_postgres_scan = 2; SET parallel_leader_participation = off",
        )
        .expect("sets");
    both(&mut client, QUERIES[1]);
    assert_eq!(workers(&mut client, count), (Some(2), Some(2)));
    client.batch_execute("RESET parallel_leader_participation").expect("sets");
    // Neither temporary tables nor unsafe functions.
    client.batch_execute("CREATE TEMP TABLE own AS SELECT * FROM big").expect("creates");
    both(&mut client, "SELECT count(*), sum(i) FROM own");
    assert_eq!(workers(&mut client, "SELECT count(*), sum(i) FROM own"), (None, None));
    client.batch_execute("ALTER FUNCTION slow(bigint) PARALLEL UNSAFE; SET ROLE reader").expect("alters");
    let sql = "SELECT count(*) FROM slowly WHERE i < 1000";
    let lines = client.query(&format!("EXPLAIN {sql}"), &[]).expect("explains");
    assert!(!lines.iter().any(|line| line.get::<_, &str>(0).contains("Workers")));
    client.batch_execute("RESET ROLE").expect("resets");
    // A cursor may be left half read, and the session go on.
    client.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT i, t FROM big").expect("declares");
    assert_eq!(client.query("FETCH 10 FROM c", &[]).expect("fetches").len(), 10);
    assert_eq!(number(&mut client, count).expect("counts"), BIG);
    assert_eq!(client.query("FETCH 10 FROM c", &[]).expect("fetches").len(), 10);
    // What parallel mode forbids is possible around it.
    client
        .batch_execute(
            "ROLLBACK; BEGIN; SELECT count(*) FROM big; SAVEPOINT s; CREATE TABLE later (i int); COMMIT",
        )
        .expect("goes on");
    no_workers(&cluster);
}

#[test]
fn workers_end_with_their_query() {
    let cluster = cluster();
    let mut client = forced(&cluster);
    for round in 0..5 {
        // Wanted no more.
        let rows = client.query("SELECT i, t FROM big LIMIT 3", &[]).expect("answers");
        assert_eq!(rows.len(), 3);
        let sql = "SELECT a.i FROM big a JOIN big b ON a.i = b.i JOIN parts p ON p.a = a.i LIMIT 4";
        assert_eq!(client.query(sql, &[]).expect("answers").len(), 4);
        // An error in a worker, or in the leader: somebody meets row 250,000.
        client.batch_execute("SET ROLE reader").expect("sets");
        let error = client.query("SELECT count(*) FROM guarded", &[]).expect_err("divides by zero");
        assert_eq!(sqlstate(&error), "22012", "round {round}: {}", explain(&error));
        // Cancelled in the middle.
        client.batch_execute("SET statement_timeout = 300").expect("sets");
        let error = client.query("SELECT count(*) FROM slowly", &[]).expect_err("is cancelled");
        assert_eq!(sqlstate(&error), "57014", "round {round}: {}", explain(&error));
        client.batch_execute("RESET statement_timeout; RESET ROLE").expect("resets");
        // In a block that catches it.
        client
            .batch_execute(
                "DO $$ BEGIN SET LOCAL ROLE reader; PERFORM count(*) FROM guarded; \
                 EXCEPTION WHEN division_by_zero THEN PERFORM count(*) FROM big; END $$",
            )
            .expect("is caught");
        assert_eq!(number(&mut client, "SELECT count(*) FROM big").expect("works"), BIG);
    }
    no_workers(&cluster);
    assert_eq!(process::shared_segments(cluster.engine_pid().expect("runs")).expect("alive"), 0);
    no_recovery(&cluster);
}

/// Waits until a parallel worker runs and gives its pid.
fn some_worker(cluster: &Cluster) -> u32 {
    let mut client = cluster.client().expect("connects");
    let sql =
        "SELECT coalesce(max(pid), 0)::bigint FROM pg_stat_activity WHERE backend_type = 'parallel worker'";
    wait::for_some("a parallel worker", GONE, || {
        u32::try_from(number(&mut client, sql).expect("answers")).ok().filter(|pid| *pid > 0)
    })
    .expect("workers come")
    .0
}

#[test]
fn an_engine_or_a_worker_is_killed_in_the_middle_of_a_parallel_feed() {
    let cluster = cluster();
    let mut client = forced(&cluster);
    client.batch_execute("SET ROLE reader").expect("sets");
    let engine = cluster.engine_pid().expect("runs");
    let error = std::thread::scope(|scope| {
        let query =
            scope.spawn(|| client.query("SELECT count(*) FROM slowly", &[]).expect_err("loses its engine"));
        some_worker(&cluster);
        process::kill(engine).expect("killed");
        query.join().expect("no panic")
    });
    assert_eq!(sqlstate(&error), "58000", "{}", explain(&error));
    no_workers(&cluster);
    no_recovery(&cluster);
    let took = works_again(&cluster, "SELECT count(*) FROM numbers", crate::fixture::NUMBERS);
    assert!(took <= RECOVERY, "worked again after {took:?}");
    // A worker that an administrator ends.
    let error = std::thread::scope(|scope| {
        let query =
            scope.spawn(|| client.query("SELECT count(*) FROM slowly", &[]).expect_err("loses a worker"));
        let mut other = cluster.client().expect("connects");
        let worker = i64::from(some_worker(&cluster));
        other.execute("SELECT pg_terminate_backend($1::bigint::int)", &[&worker]).expect("terminates");
        query.join().expect("no panic")
    });
    assert_eq!(sqlstate(&error), "57P01", "{}", explain(&error));
    assert_eq!(number(&mut client, "SELECT count(*) FROM big").expect("works"), BIG);
    no_workers(&cluster);
    no_recovery(&cluster);
    // One that crashes takes all of Postgres' processes along, as any process of Postgres does.
    let error = std::thread::scope(|scope| {
        let query = scope.spawn(|| client.query("SELECT count(*) FROM slowly", &[]).expect_err("is lost"));
        process::kill(some_worker(&cluster)).expect("killed");
        query.join().expect("no panic")
    });
    // The engine ends with its supervisor, and the backend may hear of that first.
    let told = sqlstate(&error);
    assert!(["closed", "57P02", "57P03", "58000"].contains(&told.as_str()), "{}", explain(&error));
    wait::for_some("a server that works", GONE, || {
        let mut client = cluster.client().ok()?;
        number(&mut client, "SELECT count(*) FROM numbers").ok()
    })
    .expect("works again");
    let mut client = forced(&cluster);
    both(&mut client, QUERIES[1]);
}
