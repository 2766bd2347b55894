//! What a session goes through and survives: errors, interrupted waits, restarts of the
//! engine between two statements.

use std::time::Duration;

use tests::cluster::{Cluster, Options};
use tests::process;

use crate::fixture::{NUMBERS, explain, number, own, quiet, sqlstate, works_again};

const COUNT: &str = "SELECT count(*) FROM numbers";

fn restart_engine(cluster: &Cluster) {
    let engine = cluster.engine_pid().expect("runs");
    process::kill(engine).expect("killed");
    works_again(cluster, COUNT, NUMBERS);
}

#[test]
fn idle_connections_do_not_notice_a_restart_of_the_engine() {
    let cluster = own(Options::with_extension());
    let mut clients: Vec<_> = (0..10).map(|_| cluster.client().expect("connects")).collect();
    for client in &mut clients {
        assert_eq!(number(client, COUNT).expect("answers"), NUMBERS);
    }
    for _ in 0..3 {
        restart_engine(&cluster);
        for client in &mut clients {
            assert_eq!(number(client, COUNT).expect("answers as if nothing had happened"), NUMBERS);
        }
    }
}

#[test]
fn a_prepared_statement_survives_a_restart_of_the_engine() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    let statement = client.prepare("SELECT count(*) FROM numbers WHERE i <= $1").expect("prepares");
    // Often enough for a generic plan, which is not planned again.
    for _ in 0..8 {
        assert_eq!(client.query_one(&statement, &[&5_i64]).expect("answers").get::<_, i64>(0), 5);
    }
    restart_engine(&cluster);
    // Another statement takes the number that the old one had in its session.
    assert_eq!(number(&mut client, "SELECT max(i) FROM numbers").expect("answers"), NUMBERS);
    for limit in [7_i64, 0, 20_000] {
        assert_eq!(client.query_one(&statement, &[&limit]).expect("answers").get::<_, i64>(0), limit);
    }
}

#[test]
fn a_temporary_table_lost_with_the_engine_is_named_so() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TEMP TABLE mine USING duckdb AS SELECT i FROM numbers").expect("creates");
    restart_engine(&cluster);
    for sql in ["SELECT count(*) FROM mine", "INSERT INTO mine VALUES (1)", "TRUNCATE mine"] {
        let error = client.batch_execute(sql).expect_err("it is lost");
        let error = error.as_db_error().expect("an error of the server").clone();
        assert_eq!(error.code().code(), "42P01", "{sql}: {error:?}");
        assert!(error.detail().is_some_and(|text| text.contains("engine restarts")), "{sql}: {error:?}");
        assert!(
            error.hint().is_some_and(|text| text.contains("Drop the temporary table")),
            "{sql}: {error:?}"
        );
    }
    client.batch_execute("DROP TABLE mine").expect("drops");
    client
        .batch_execute("CREATE TEMP TABLE mine USING duckdb AS SELECT i FROM numbers WHERE i < 4")
        .expect("creates");
    assert_eq!(number(&mut client, "SELECT count(*) FROM mine").expect("answers"), 3);
}

/// What the transaction wrote before is lost with the engine: nothing may commit as if it
/// were not, whatever savepoint is rolled back to.
#[test]
fn a_savepoint_does_not_hide_the_loss_of_a_transaction() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE target (i bigint) USING duckdb").expect("creates");
    client.batch_execute("BEGIN; INSERT INTO target VALUES (1); SAVEPOINT s").expect("inserts");
    restart_engine(&cluster);
    for _ in 0..2 {
        let error = client.batch_execute("SELECT count(*) FROM target").expect_err("the transaction is lost");
        assert!(sqlstate(&error).starts_with("58"), "{}", explain(&error));
        client.batch_execute("ROLLBACK TO s").expect("rolls back");
    }
    let error = client.batch_execute("COMMIT").expect_err("there is nothing to commit");
    assert!(sqlstate(&error).starts_with("58"), "{}", explain(&error));
    assert_eq!(number(&mut client, "SELECT count(*) FROM target").expect("the next one works"), 0);
    // The same when the loss is first noticed by COMMIT.
    client.batch_execute("BEGIN; INSERT INTO target VALUES (1)").expect("inserts");
    restart_engine(&cluster);
    let error = client.batch_execute("COMMIT").expect_err("there is nothing to commit");
    assert!(sqlstate(&error).starts_with("58"), "{}", explain(&error));
    assert_eq!(number(&mut client, "SELECT count(*) FROM target").expect("the next one works"), 0);
}

/// A cursor of the old engine never shows the rows of another one of the new engine.
#[test]
fn a_cursor_of_a_lost_engine_is_lost() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "BEGIN; DECLARE a CURSOR FOR SELECT -i FROM numbers; DECLARE b CURSOR FOR SELECT i FROM numbers; \
             MOVE 1 a; MOVE 1 b; SAVEPOINT s",
        )
        .expect("declares");
    restart_engine(&cluster);
    client.batch_execute("SELECT count(*) FROM numbers").expect_err("the cursors are lost");
    // As many as before, so that numbers given twice would meet.
    client
        .batch_execute(
            "ROLLBACK TO s; DECLARE d CURSOR FOR SELECT i * 1000 FROM numbers; \
             DECLARE e CURSOR FOR SELECT i * 1000 FROM numbers; MOVE 1 d; MOVE 1 e; SAVEPOINT t",
        )
        .expect("goes on");
    for cursor in ["a", "b"] {
        let error = client.batch_execute(&format!("MOVE 19999 {cursor}")).expect_err("is lost");
        assert!(sqlstate(&error).starts_with("58"), "{}", explain(&error));
        client.batch_execute("ROLLBACK TO t").expect("rolls back");
    }
    let rows = client.query("FETCH 1 FROM d", &[]).expect("the new one works");
    assert_eq!(rows[0].get::<_, i64>(0) % 1000, 0);
}

#[test]
fn a_failed_read_can_be_rolled_back_alone() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("BEGIN").expect("begins");
    for _ in 0..5 {
        client.batch_execute("SAVEPOINT s").expect("sets");
        let error = client.batch_execute("SELECT 1 / (i - 10) FROM numbers").expect_err("divides by zero");
        assert_eq!(sqlstate(&error), "22012", "{}", explain(&error));
        client.batch_execute("ROLLBACK TO SAVEPOINT s").expect("rolls back");
        assert_eq!(number(&mut client, COUNT).expect("answers"), NUMBERS);
    }
    client.batch_execute("COMMIT").expect("commits");
    // A write before it: DuckDB has no savepoints. What COMMIT says must be true.
    client.batch_execute("CREATE TABLE kept (i bigint) USING duckdb").expect("creates");
    client.batch_execute("BEGIN; INSERT INTO kept VALUES (1); SAVEPOINT s").expect("inserts");
    client.batch_execute("SELECT 1 / (i - 10) FROM numbers").expect_err("divides by zero");
    client.batch_execute("ROLLBACK TO SAVEPOINT s").expect("rolls back");
    let committed = match client.batch_execute("COMMIT") {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(sqlstate(&error), "25P02", "{}", explain(&error));
            false
        }
    };
    let rows = number(&mut client, "SELECT count(*) FROM kept").expect("answers");
    assert_eq!(rows, i64::from(committed));
    client.batch_execute("DROP TABLE kept").expect("drops");
}

/// Replies carry the number of their request: an answer that comes after its request was
/// abandoned is never taken for the next one's.
#[test]
fn an_interrupted_wait_leaves_no_stale_answer() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    let (mut answered, mut interrupted) = (0, 0);
    for k in 1..=400_i64 {
        // Timeouts from 1 to 8 ms fall into binding, into execution and behind the end.
        client.batch_execute(&format!("SET statement_timeout = {}", 1 + k % 8)).expect("sets");
        let rows = k % 5 * 400;
        let sql = format!(
            "SELECT {k}::bigint, count(*) FROM numbers a, numbers b WHERE a.i <= {rows} AND b.i <= {k} AND a.i + b.i > 0"
        );
        match client.query_one(&sql, &[]) {
            Ok(row) => {
                assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (k, rows * k));
                answered += 1;
            }
            Err(error) => {
                assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
                interrupted += 1;
            }
        }
    }
    client.batch_execute("RESET statement_timeout").expect("resets");
    assert_eq!(number(&mut client, COUNT).expect("answers"), NUMBERS);
    assert!(answered > 0 && interrupted > 0, "{answered} answered, {interrupted} interrupted: no test");
}

/// The very first exchange of a session is interrupted: the next statement starts anew.
#[test]
fn an_interrupted_greeting_is_repeated() {
    let cluster = quiet();
    let mut interrupted = 0;
    for round in 0..40 {
        let mut client = cluster.client().expect("connects");
        client.batch_execute(&format!("SET statement_timeout = {}", 1 + round % 3)).expect("sets");
        if let Err(error) = number(&mut client, COUNT) {
            assert_eq!(sqlstate(&error), "57014", "{}", explain(&error));
            interrupted += 1;
        }
        client.batch_execute("SET statement_timeout = 0").expect("sets");
        assert_eq!(number(&mut client, COUNT).expect("answers"), NUMBERS);
    }
    assert!(interrupted > 0, "none was interrupted: no test");
}

#[test]
fn errors_leak_nothing() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    let backend = u32::try_from(number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers"))
        .expect("a pid");
    let engine = cluster.engine_pid().expect("runs");
    let descriptors = |pid: u32| std::fs::read_dir(format!("/proc/{pid}/fd")).expect("alive").count();
    let round = |client: &mut postgres::Client, k: i64| {
        for (sql, state) in [
            (format!("SELECT {k} / (i - 10) FROM numbers"), "22012"),
            (format!("SELECT i, {k} / (i - 15000) FROM numbers"), "22012"),
            (format!("SELECT ('x' || i)::bigint + {k} FROM numbers"), "22P02"),
            (format!("SELECT count(*) FROM read_csv('/nonexistent/{k}.csv')"), "58P01"),
            (format!("SELECT s.i, {k} / (n.i - 15000) FROM source s JOIN numbers n ON s.i = n.i"), "22012"),
        ] {
            let error = client.query(&sql, &[]).expect_err(&sql);
            assert_eq!(sqlstate(&error), state, "{sql}: {}", explain(&error));
        }
    };
    // The first ones fill caches and let the allocators take what they keep.
    (0..40).for_each(|k| round(&mut client, k));
    let before = (process::memory(backend).expect("alive"), process::memory(engine).expect("alive"));
    let open = (descriptors(backend), descriptors(engine));
    (40..240).for_each(|k| round(&mut client, k));
    let after = (process::memory(backend).expect("alive"), process::memory(engine).expect("alive"));
    // Other sessions may just be coming or going: the pool, and who asked for the pid.
    tests::wait::until("closed descriptors", Duration::from_secs(30), || descriptors(engine) <= open.1 + 1)
        .expect("the engine keeps no descriptor");
    // Postgres itself keeps some files open.
    assert!(
        descriptors(backend) <= open.0 + 5,
        "{} open descriptors, {} before",
        descriptors(backend),
        open.0
    );
    let backend_growth = after.0.anonymous.saturating_sub(before.0.anonymous);
    let engine_growth = after.1.resident.saturating_sub(before.1.resident);
    // A failed statement must not stay in the engine with what its operators had gathered.
    assert!(backend_growth < 2 << 20, "the backend grew by {} KiB in 1000 errors", backend_growth >> 10);
    assert!(engine_growth < 12 << 20, "the engine grew by {} KiB in 1000 errors", engine_growth >> 10);
    assert_eq!(number(&mut client, COUNT).expect("answers"), NUMBERS);
    assert_eq!(cluster.engine_pid().expect("runs"), engine, "it was not restarted");
    tests::wait::until("given back segments", Duration::from_secs(30), || {
        process::shared_segments(engine).expect("alive") == 0
    })
    .expect("nothing stays mapped");
}

/// EXECUTE with a cached plan pays nothing for lowering: it is in the plan.
#[test]
fn a_generic_plan_is_lowered_once() {
    let cluster = quiet();
    let script = "SET client_min_messages = debug1; SET plan_cache_mode = force_generic_plan;
        PREPARE below (integer) AS SELECT count(*) FROM numbers WHERE i < $1;
        EXECUTE below (5); EXECUTE below (7); EXECUTE below (9);";
    let said = cluster.psql_merged("postgres", &["-At"], script).expect("answers");
    assert_eq!(said.matches("lowering, rules and writing took").count(), 1, "{said}");
    assert_eq!(said.lines().filter(|line| ["4", "6", "8"].contains(line)).count(), 3, "{said}");
}
