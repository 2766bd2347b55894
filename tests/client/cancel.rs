//! A query that is no longer wanted stops: in the client at once, in the engine soon after.

use std::time::{Duration, Instant};

use postgres::NoTls;
use tests::process;
use tests::wait;

use crate::fixture::{BROAD, ENDLESS, engine_is_idle, explain, number, quiet, sqlstate};

/// From the request until the client has its answer. The queries here never end by
/// themselves; an idle machine answers within a few ms, a busy one must not fail.
const ANSWERED: Duration = Duration::from_secs(20);
/// From the answer until the engine has stopped working.
const STOPPED: Duration = Duration::from_secs(30);
/// Until a query can be taken to be under way in DuckDB.
const UNDER_WAY: Duration = Duration::from_millis(400);

#[test]
fn cancel_is_answered_and_stops_the_query() {
    let cluster = quiet();
    for sql in [ENDLESS, BROAD] {
        let mut client = cluster.client().expect("connects");
        let token = client.cancel_token();
        let (error, answered) = std::thread::scope(|scope| {
            let query = scope.spawn(|| {
                let error = client.batch_execute(sql).expect_err("is cancelled");
                (error, Instant::now())
            });
            std::thread::sleep(UNDER_WAY);
            let asked = Instant::now();
            token.cancel_query(NoTls).expect("the server listens");
            let (error, at) = query.join().expect("no panic");
            (error, at - asked)
        });
        assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
        assert!(answered <= ANSWERED, "{sql}: answered after {answered:?}");
        engine_rests(&cluster);
        assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("the session lives"), 20_000);
    }
}

#[test]
fn statement_timeout_ends_a_query_in_time() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("SET statement_timeout = 300").expect("sets");
    for sql in [ENDLESS, BROAD] {
        let start = Instant::now();
        let error = client.batch_execute(sql).expect_err("times out");
        let late = start.elapsed().saturating_sub(Duration::from_millis(300));
        assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
        assert!(late <= ANSWERED, "{sql}: {late:?} late");
        engine_rests(&cluster);
    }
}

/// While DuckDB waits for rows that Postgres computes slowly.
#[test]
fn a_query_is_cancelled_in_the_middle_of_a_feed() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE slow (i bigint) USING duckdb").expect("creates");
    client
        .batch_execute(
            "CREATE FUNCTION pg_temp.slow(i bigint) RETURNS bigint LANGUAGE plpgsql AS \
             $$ BEGIN PERFORM pg_sleep(0.002); RETURN i; END $$; SET statement_timeout = 300",
        )
        .expect("creates");
    for _ in 0..3 {
        let start = Instant::now();
        let error = client
            .batch_execute("INSERT INTO slow SELECT pg_temp.slow(i) FROM source")
            .expect_err("times out");
        let late = start.elapsed().saturating_sub(Duration::from_millis(300));
        assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
        assert!(late <= ANSWERED, "{late:?} late");
        engine_rests(&cluster);
        assert_eq!(number(&mut client, "SELECT count(*) FROM slow").expect("answers"), 0);
    }
    client.batch_execute("DROP TABLE slow").expect("drops");
}

/// DuckDB gives a transaction up whose statement is interrupted; Postgres' savepoints cannot
/// hide that. What COMMIT says must be true.
#[test]
fn a_cancel_below_a_savepoint_never_loses_rows_silently() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE kept (i bigint) USING duckdb").expect("creates");
    for sql in [ENDLESS, BROAD] {
        client
            .batch_execute(
                "SET statement_timeout = 0; BEGIN; INSERT INTO kept VALUES (1); SAVEPOINT s; \
                 SET LOCAL statement_timeout = 200",
            )
            .expect("inserts");
        let error = client.batch_execute(sql).expect_err("times out");
        assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
        client.batch_execute("ROLLBACK TO s").expect("rolls back");
        // If DuckDB's transaction has ended with the cancel, the next statement says so.
        let rest = client.batch_execute("SET LOCAL statement_timeout = 0; COMMIT");
        let committed = match rest {
            Ok(()) => 1,
            Err(error) => {
                assert_eq!(sqlstate(&error), "25P02", "{}", explain(&error));
                client.batch_execute("ROLLBACK").expect("rolls back");
                0
            }
        };
        assert_eq!(number(&mut client, "SELECT count(*) FROM kept").expect("answers"), committed);
        engine_rests(&cluster);
        client.batch_execute("TRUNCATE kept").expect("empties");
    }
    client.batch_execute("DROP TABLE kept").expect("drops");
}

#[test]
fn terminating_a_backend_frees_its_session() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    let pid = u32::try_from(backend).expect("a pid");
    std::thread::scope(|scope| {
        let query = scope.spawn(|| client.batch_execute(ENDLESS));
        std::thread::sleep(UNDER_WAY);
        let mut other = cluster.client().expect("connects");
        let asked = Instant::now();
        other.execute("SELECT pg_terminate_backend($1::bigint::int)", &[&backend]).expect("terminates");
        query.join().expect("no panic").expect_err("is terminated");
        let answered = asked.elapsed();
        assert!(answered <= ANSWERED, "answered after {answered:?}");
    });
    wait::until("end of the backend", STOPPED, || !process::is_alive(pid)).expect("ends");
    engine_rests(&cluster);
    no_session(&cluster, backend);
}

#[test]
fn a_client_that_goes_away_while_it_streams_frees_its_session() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 100000 c")).expect("streams");
    drop(client);
    no_session(&cluster, backend);
    engine_rests(&cluster);
}

/// Asserts that the engine says it has stopped, and that it uses no processor any more.
fn engine_rests(cluster: &tests::cluster::Cluster) {
    engine_is_idle(cluster, STOPPED);
    let engine = cluster.engine_pid().expect("runs");
    let before = process::cpu_time(engine).expect("alive");
    std::thread::sleep(Duration::from_millis(300));
    let used = process::cpu_time(engine).expect("alive").saturating_sub(before);
    assert!(used < Duration::from_millis(150), "the engine used {used:?} in 300 ms");
}

fn no_session(cluster: &tests::cluster::Cluster, backend: i64) {
    let mut client = cluster.client().expect("connects");
    let sql = format!("SELECT count(*) FROM duckdb.engine_sessions() WHERE backend_pid = {backend}");
    wait::until("end of the session", Duration::from_secs(30), || {
        number(&mut client, &sql).expect("sessions") == 0
    })
    .expect("the engine forgets the session");
}
