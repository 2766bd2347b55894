//! Queries that Postgres plans and DuckDB computes parts of.

use std::time::{Duration, Instant};

use tests::wait;

use crate::fixture::{explain, number, quiet, shared, sqlstate};

/// Volatile, so that it is called for each row.
const TWICE: &str = "CREATE OR REPLACE FUNCTION pg_temp.twice(i bigint) RETURNS bigint LANGUAGE plpgsql AS \
                     $$ BEGIN RETURN i * 2; END $$";

/// Postgres looks again at the row another transaction has changed, and at those it was joined
/// with. The ones from DuckDB are gone: without an error the statement would skip the row.
#[test]
fn a_changed_row_that_was_joined_with_rows_of_duckdb_gets_40001() {
    let cluster = shared();
    let mut first = cluster.client().expect("connects");
    let mut second = cluster.client().expect("connects");
    first
        .batch_execute(
            "CREATE TABLE rechecked (i bigint, n bigint); INSERT INTO rechecked VALUES (1, 0), (2, 0)",
        )
        .expect("creates");
    let pid = number(&mut second, "SELECT pg_backend_pid()::bigint").expect("tells");
    let mut watcher = cluster.client().expect("connects");
    for statement in [
        "UPDATE rechecked SET n = m.i FROM numbers m WHERE m.i = rechecked.i",
        "UPDATE rechecked SET n = m.c FROM (SELECT i, count(*) AS c FROM numbers GROUP BY i) m WHERE m.i = rechecked.i",
        "SELECT r.* FROM rechecked r JOIN numbers m USING (i) FOR UPDATE OF r",
    ] {
        first.batch_execute("BEGIN; UPDATE rechecked SET n = 100 WHERE i = 2").expect("changes");
        let error = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| second.batch_execute(statement).expect_err("cannot look again"));
            wait::until("it waits for the row", Duration::from_secs(30), || {
                let sql = format!("SELECT count(*) FROM pg_locks WHERE pid = {pid} AND NOT granted");
                number(&mut watcher, &sql).expect("tells") == 1
            })
            .expect("it waits for the row");
            first.batch_execute("COMMIT").expect("commits");
            waiting.join().expect("no panic")
        });
        assert_eq!(sqlstate(&error), "40001", "{statement}: {}", explain(&error));
    }
    let unharmed = "SELECT sum(n)::bigint FROM rechecked";
    assert_eq!(number(&mut second, unharmed).expect("reads"), 100, "no statement has written half");
    second
        .batch_execute("UPDATE rechecked SET n = m.i FROM numbers m WHERE m.i = rechecked.i")
        .expect("again");
    assert_eq!(number(&mut second, unharmed).expect("reads"), 3);
    first.batch_execute("DROP TABLE rechecked").expect("drops");
}

#[test]
fn parameters_of_the_protocol_reach_both_sides() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute(TWICE).expect("creates");
    let statement = client
        .prepare("SELECT pg_temp.twice(i + $1) FROM numbers WHERE i = $1 OR i = $2 ORDER BY i")
        .expect("prepares");
    // Beyond the fifth the plan is a generic one.
    for i in 1..=8_i64 {
        let rows = client.query(&statement, &[&i, &(i + 1)]).expect("runs");
        let values: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        assert_eq!(values, [4 * i, 4 * i + 2]);
    }
    let none: Option<i64> = None;
    assert!(client.query(&statement, &[&none, &none]).expect("runs").is_empty());
}

/// The stream of the outer side stays open while the inner one is started again and again.
#[test]
fn a_scan_goes_on_while_another_one_starts_over() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute(TWICE).expect("creates");
    let sql = "SELECT sum(x.s)::bigint FROM (SELECT i FROM numbers WHERE pg_temp.twice(i) <= 400) a, \
               LATERAL (SELECT sum(pg_temp.twice(b.i)) AS s FROM numbers b WHERE b.i < a.i) x";
    // For each a up to 200 the even numbers below 2a.
    let expected: i64 = (1..=200_i64).map(|a| a * (a - 1)).sum();
    assert_eq!(number(&mut client, sql).expect("runs"), expected);
}

/// A part that is started for each row must not leave anything behind in the backend.
#[test]
fn starting_over_keeps_no_memory() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute(TWICE).expect("creates");
    let lookups = |outer: i64| {
        format!(
            "SELECT count(*) FROM generate_series(1, {outer}) g, \
             LATERAL (SELECT pg_temp.twice(i) FROM numbers WHERE numbers.i = g + length(repeat('x', g % 100)) LIMIT 1) x"
        )
    };
    let used = |client: &mut postgres::Client| {
        number(client, "SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts").expect("tells")
    };
    assert_eq!(number(&mut client, &lookups(300)).expect("runs"), 300);
    let before = used(&mut client);
    // A function sees the contexts of the query that calls it.
    client
        .batch_execute(
            "CREATE FUNCTION pg_temp.used() RETURNS bigint LANGUAGE sql VOLATILE AS \
             $$ SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts $$",
        )
        .expect("creates");
    let sql = lookups(2_000).replace("count(*)", "max(pg_temp.used()) FILTER (WHERE g = 2000)");
    let at_the_end = number(&mut client, &sql).expect("runs");
    assert!(at_the_end < before + (4 << 20), "{before} bytes before, {at_the_end} after 2000 starts");
}

#[test]
fn a_query_is_cancelled_between_two_starts() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute(TWICE).expect("creates");
    client.batch_execute("SET statement_timeout = 500").expect("sets");
    let start = Instant::now();
    let error = client
        .batch_execute(
            "SELECT sum(x.c) FROM generate_series(1, 100000000) g, \
             LATERAL (SELECT count(pg_temp.twice(i)) AS c FROM numbers WHERE numbers.i < g % 3) x",
        )
        .expect_err("times out");
    assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("the session lives"), 20_000);
}
