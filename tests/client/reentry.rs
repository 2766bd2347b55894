//! What functions that run inside a query, and cancels at bad moments, do to the session.

use std::time::Duration;

use postgres::{Client, NoTls};
use rustix::process::Signal;
use tests::cluster::{Cluster, Options};
use tests::{process, wait};

use crate::fixture::{NUMBERS, explain, number, own, quiet, shared, sqlstate};

/// A heap table whose row security policy runs `sql` at a row that a cursor's first FETCH does
/// not reach (DuckDB reads some megabytes ahead), and a role for which it holds.
fn guarded_by(cluster: &Cluster, name: &str, sql: &str) -> Client {
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(&format!(
            "CREATE ROLE {name}_reader; \
             CREATE TABLE {name} AS SELECT i::bigint, repeat('x', 300) AS pad FROM generate_series(1, 400000) i; \
             CREATE FUNCTION {name}_check(i bigint) RETURNS boolean LANGUAGE plpgsql AS \
             $$ BEGIN IF i = 390000 THEN {sql}; END IF; RETURN true; END $$; \
             ALTER TABLE {name} ENABLE ROW LEVEL SECURITY; \
             CREATE POLICY p ON {name} USING ({name}_check(i)); \
             GRANT SELECT ON {name}, numbers TO {name}_reader; \
             SET ROLE {name}_reader; \
             SET duckdb.force_execution = on"
        ))
        .expect("creates");
    client
}

/// Closing a portal ends the plan of its feeds; once, that plan was on the stack: the function
/// that closed the cursor was called by it, and the backend crashed.
#[test]
fn a_cursor_cannot_be_closed_by_a_function_of_its_own_feed() {
    let cluster = own(Options::with_extension());
    let mut client = guarded_by(&cluster, "closing", "EXECUTE 'CLOSE c'");
    // The other statement makes the engine drain the cursor first, which runs the feed.
    let error = client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT * FROM closing; FETCH 1 FROM c; \
             SELECT count(*) FROM numbers; FETCH ALL FROM c",
        )
        .expect_err("the cursor is in use");
    // Postgres' own check, if the cursor's FETCH runs the feed; ours, if another statement does.
    assert!(["24000", "55006"].contains(&sqlstate(&error).as_str()), "{}", explain(&error));
    client.batch_execute("ROLLBACK; RESET duckdb.force_execution").expect("the backend lives");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), NUMBERS);
    crate::fixture::no_recovery(&cluster);
}

/// A feed that fails while another statement waits takes its own cursor with it: once, the
/// next FETCH waited for rows that nobody computed any more.
#[test]
fn a_cursor_whose_feed_failed_says_so() {
    let cluster = own(Options::with_extension());
    let mut client = guarded_by(&cluster, "failing", "RAISE EXCEPTION 'no more'");
    client
        .batch_execute(
            "SET statement_timeout = '20s'; \
             BEGIN; DECLARE c CURSOR FOR SELECT * FROM failing; FETCH 1 FROM c; SAVEPOINT s",
        )
        .expect("opens the cursor");
    let error = client
        .batch_execute("SELECT count(*) FROM numbers; FETCH ALL FROM c")
        .expect_err("the feed fails in one of them");
    assert_eq!(sqlstate(&error), "P0001", "{}", explain(&error));
    client.batch_execute("ROLLBACK TO SAVEPOINT s").expect("the session lives");
    let error = client.batch_execute("FETCH ALL FROM c").expect_err("there is no rest");
    assert_ne!(sqlstate(&error), "57014", "FETCH waited for ever: {}", explain(&error));
}

/// The answer of a cancelled BEGIN never comes; once, the engine's transaction stayed open and
/// every later write of the session failed.
#[test]
fn a_cancelled_begin_does_not_wedge_the_session() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE wedged (i integer) USING duckdb").expect("creates");
    assert_eq!(number(&mut client, "SELECT count(*) FROM wedged").expect("answers"), 0);
    let statement = client.prepare("INSERT INTO wedged VALUES (1)").expect("prepares");
    for _ in 0..6 {
        client.execute(&statement, &[]).expect("inserts");
    }
    let engine = cluster.engine_pid().expect("runs");
    let cancel = client.cancel_token();
    process::signal(engine, Signal::STOP).expect("stopped");
    let outcome = std::thread::scope(|scope| {
        let insert = scope.spawn(|| client.execute(&statement, &[]));
        // It waits for the reply to BEGIN, the first thing it asks of the engine.
        std::thread::sleep(Duration::from_millis(300));
        cancel.cancel_query(NoTls).expect("cancels");
        insert.join().expect("no panic")
    });
    process::signal(engine, Signal::CONT).expect("continued");
    assert_eq!(sqlstate(&outcome.expect_err("cancelled")), "57014");
    // The postmaster signals the process and its group: the second signal may come late, and
    // cancel what runs then.
    drop(client.batch_execute("SELECT pg_sleep(0.2)"));
    for _ in 0..3 {
        client.execute(&statement, &[]).map_err(|error| explain(&error)).expect("the session works");
    }
    assert_eq!(number(&mut client, "SELECT count(*) FROM wedged").expect("answers"), 9);
    client.batch_execute("DROP TABLE wedged").expect("drops");
}

/// Stable functions are not constants of a transaction: once, a cached plan kept the first value.
#[test]
fn stable_functions_are_computed_for_each_execution() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("BEGIN").expect("begins");
    let sql = "SELECT i FROM numbers WHERE i = current_setting('app.i')::bigint";
    client.batch_execute("SET LOCAL app.i = '1'").expect("sets");
    let statement = client.prepare(sql).expect("prepares");
    for i in 1..=8_i64 {
        client.batch_execute(&format!("SET LOCAL app.i = '{i}'")).expect("sets");
        let row = client.query_one(&statement, &[]).map_err(|error| explain(&error)).expect("one row");
        assert_eq!(row.get::<_, i64>(0), i);
    }
    client.batch_execute("COMMIT").expect("commits");
}

/// The supervisor is an ordinary process that somebody may terminate: it comes back, with an engine.
#[test]
fn a_terminated_supervisor_comes_back() {
    let cluster = own(Options::with_extension());
    let engine = cluster.engine_pid().expect("runs");
    let supervisor = parent_of(engine).expect("the engine has a parent");
    process::signal(supervisor, Signal::TERM).expect("terminated");
    wait::until("another engine", Duration::from_secs(20), || {
        cluster.engine_pid().is_ok_and(|pid| pid != engine)
    })
    .expect("a new engine");
    let mut client = cluster.client().expect("connects");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), NUMBERS);
    crate::fixture::no_recovery(&cluster);
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}
