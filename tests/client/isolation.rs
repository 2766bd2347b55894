//! Schedules of two and three sessions: who sees what, who waits, who loses.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use postgres::Client;
use tests::cluster::{Cluster, Options};

use crate::fixture::{explain, number, own, shared, sqlstate};

/// Sessions at a time in the long test.
const CLIENTS: usize = 32;

fn sessions<const N: usize>(cluster: &Cluster) -> [Client; N] {
    std::array::from_fn(|_| cluster.client().expect("connects"))
}

fn run(client: &mut Client, sql: &str) {
    client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {}", explain(&error)));
}

fn count(client: &mut Client, table: &str) -> i64 {
    number(client, &format!("SELECT count(*) FROM {table}"))
        .unwrap_or_else(|error| panic!("{}", explain(&error)))
}

#[test]
fn read_committed_sees_what_others_commit_until_it_writes() {
    let cluster = shared();
    let [mut a, mut b] = sessions(&cluster);
    run(&mut a, "CREATE TABLE seen (i int) USING duckdb; CREATE TABLE own (i int) USING duckdb");
    run(&mut b, "BEGIN");
    assert_eq!(count(&mut b, "seen"), 0);
    run(&mut a, "BEGIN; INSERT INTO seen VALUES (1)");
    assert_eq!(count(&mut b, "seen"), 0, "not committed");
    run(&mut a, "COMMIT");
    assert_eq!(count(&mut b, "seen"), 1, "committed by another");
    run(&mut b, "INSERT INTO own VALUES (1)");
    run(&mut a, "INSERT INTO seen VALUES (2)");
    assert_eq!(count(&mut b, "seen"), 1, "DuckDB's snapshot of the first write");
    run(&mut b, "COMMIT");
    assert_eq!(count(&mut b, "seen"), 2);
    run(&mut a, "DROP TABLE seen, own");
}

#[test]
fn repeatable_read_sees_one_moment() {
    let cluster = shared();
    let [mut a, mut b] = sessions(&cluster);
    run(&mut a, "CREATE TABLE moment (i int) USING duckdb; INSERT INTO moment VALUES (1)");
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let before = count(&mut a, "moment");
        run(&mut b, &format!("BEGIN ISOLATION LEVEL {level}"));
        assert_eq!(count(&mut b, "moment"), before);
        run(&mut a, "INSERT INTO moment VALUES (2)");
        assert_eq!(count(&mut b, "moment"), before, "{level}");
        run(&mut b, "INSERT INTO moment VALUES (3)");
        assert_eq!(count(&mut b, "moment"), before + 1, "{level}");
        run(&mut b, "COMMIT");
        assert_eq!(count(&mut b, "moment"), before + 2, "{level}");
    }
    run(&mut a, "DROP TABLE moment");
}

/// DDL takes Postgres' lock before DuckDB hears of it: it waits for readers and writers, and they
/// for it. Nobody fails.
#[test]
fn ddl_waits_for_readers_and_writers_and_they_for_it() {
    let cluster = shared();
    let statements = [
        "ALTER TABLE waited ADD COLUMN n int",
        "TRUNCATE waited",
        "ALTER TABLE waited DROP COLUMN t",
        "DROP TABLE waited",
    ];
    for open in ["SELECT count(*) FROM waited", "INSERT INTO waited (i) VALUES (5)"] {
        for ddl in statements {
            let [mut a, mut b, mut c] = sessions(&cluster);
            run(
                &mut a,
                "CREATE TABLE waited (i int, t text) USING duckdb; INSERT INTO waited VALUES (1, 'a')",
            );
            run(&mut a, "BEGIN");
            run(&mut a, open);
            std::thread::scope(|scope| {
                let (start, waiting) = (Instant::now(), &mut b);
                let changing = scope.spawn(move || {
                    run(waiting, ddl);
                    start.elapsed()
                });
                std::thread::sleep(Duration::from_millis(150));
                let reading = scope.spawn(|| c.batch_execute("SELECT * FROM waited"));
                std::thread::sleep(Duration::from_millis(150));
                run(&mut a, "COMMIT");
                assert!(
                    changing.join().expect("changes") >= Duration::from_millis(250),
                    "{ddl} did not wait"
                );
                let read = reading.join().expect("ends");
                let gone = read.err().map(|error| sqlstate(&error));
                assert_eq!(gone.as_deref(), ddl.starts_with("DROP").then_some("42P01"), "{ddl}");
            });
            run(&mut a, "DROP TABLE IF EXISTS waited");
        }
    }
}

/// DDL on one table and changes of another, crosswise: Postgres sees the circle and ends one.
#[test]
fn a_deadlock_of_ddl_and_changes_is_found() {
    let cluster = shared();
    let [mut a, mut b] = sessions(&cluster);
    run(&mut a, "CREATE TABLE left_one (i int) USING duckdb; CREATE TABLE right_one (i int) USING duckdb");
    run(&mut a, "BEGIN; INSERT INTO left_one VALUES (1)");
    run(&mut b, "BEGIN; INSERT INTO right_one VALUES (1)");
    let (first, second) = std::thread::scope(|scope| {
        let first = scope.spawn(|| a.batch_execute("ALTER TABLE right_one ADD COLUMN n int; COMMIT"));
        let second = scope.spawn(|| b.batch_execute("ALTER TABLE left_one ADD COLUMN n int; COMMIT"));
        (first.join().expect("ends"), second.join().expect("ends"))
    });
    let lost: Vec<String> =
        [first, second].into_iter().filter_map(Result::err).map(|e| sqlstate(&e)).collect();
    assert_eq!(lost, ["40P01"]);
    drop(a.batch_execute("ROLLBACK"));
    drop(b.batch_execute("ROLLBACK"));
    assert_eq!(count(&mut a, "left_one") + count(&mut a, "right_one"), 1);
    run(&mut a, "DROP TABLE left_one, right_one");
}

/// A DuckDB snapshot that is older than the lock of DDL does not see what was committed in between. A copy
/// of the table would lose it, so the DDL is refused; as the first statement it is done.
#[test]
fn ddl_loses_nothing_that_was_committed_after_the_snapshot() {
    let cluster = shared();
    let [mut a, mut b] = sessions(&cluster);
    run(&mut a, "CREATE TABLE first_written (i int) USING duckdb");
    let changes = [
        "INSERT INTO meanwhile VALUES (4, 'new')",
        "UPDATE meanwhile SET t = 'new' WHERE i = 1",
        "DELETE FROM meanwhile WHERE i = 2",
    ];
    for ddl in [
        "ALTER TABLE meanwhile ALTER COLUMN i TYPE bigint",
        "ALTER TABLE meanwhile ALTER COLUMN i TYPE text USING i || 'x'",
        "ALTER TABLE meanwhile ADD CHECK (i > 0)",
        "ALTER TABLE meanwhile SET ACCESS METHOD heap",
        "ALTER TABLE meanwhile RENAME TO meantime; ALTER TABLE meantime RENAME TO meanwhile; \
         ALTER TABLE meanwhile ALTER COLUMN i TYPE bigint",
        "DELETE FROM meanwhile WHERE i = 3; ALTER TABLE meanwhile ADD COLUMN n int",
        "CREATE UNIQUE INDEX ON meanwhile (i)",
    ] {
        for change in changes {
            run(
                &mut a,
                "CREATE TABLE meanwhile USING duckdb AS SELECT i, 'old' AS t FROM generate_series(1, 3) i",
            );
            run(&mut b, "BEGIN; INSERT INTO first_written VALUES (1)");
            run(&mut a, change);
            let error = b.batch_execute(ddl).expect_err("is too late");
            assert_eq!(sqlstate(&error), "40001", "{change}, {ddl}: {}", explain(&error));
            run(&mut b, "ROLLBACK");
            let expected =
                number(&mut a, "SELECT count(*) * 10 + count(*) FILTER (WHERE t = 'new') FROM meanwhile");
            run(&mut b, "BEGIN");
            run(&mut b, ddl.trim_start_matches("DELETE FROM meanwhile WHERE i = 3; "));
            run(&mut b, "COMMIT");
            let rows =
                number(&mut a, "SELECT count(*) * 10 + count(*) FILTER (WHERE t = 'new') FROM meanwhile");
            assert_eq!(rows.expect("answers"), expected.expect("answers"), "{change}, {ddl}");
            run(&mut a, "DROP TABLE meanwhile");
        }
    }
    // DuckDB goes by the names of the snapshot.
    run(&mut a, "CREATE TABLE meanwhile (i int, j int) USING duckdb");
    run(&mut b, "BEGIN; INSERT INTO first_written VALUES (1)");
    for (old, new) in [("i", "k"), ("j", "i"), ("k", "j")] {
        run(&mut a, &format!("ALTER TABLE meanwhile RENAME COLUMN {old} TO {new}"));
    }
    let error = b.batch_execute("INSERT INTO meanwhile (i) VALUES (1)").expect_err("is another column");
    assert_eq!(sqlstate(&error), "40001", "{}", explain(&error));
    run(&mut b, "ROLLBACK");
    run(&mut a, "DROP TABLE meanwhile, first_written");
}

/// A statement that reads a table which others have altered since the snapshot would get other columns
/// than it has asked for. TRUNCATE leaves the older snapshot its rows.
#[test]
fn a_table_that_was_altered_after_the_snapshot_is_not_read() {
    let cluster = shared();
    let [mut a, mut b] = sessions(&cluster);
    run(&mut a, "CREATE TABLE read_first (i int) USING duckdb");
    for ddl in [
        "ALTER TABLE altered ADD COLUMN k int",
        "ALTER TABLE altered DROP COLUMN j; ALTER TABLE altered ADD COLUMN j text",
        "ALTER TABLE altered RENAME i TO k; ALTER TABLE altered RENAME j TO i; ALTER TABLE altered RENAME k TO j",
        "ALTER TABLE altered ALTER COLUMN i TYPE numeric(9, 2)",
        "DROP TABLE altered; CREATE TABLE altered (j int, i int) USING duckdb",
        "ALTER TABLE altered RENAME TO other; ALTER TABLE other RENAME TO altered",
        "ALTER TABLE altered SET ACCESS METHOD heap; ALTER TABLE altered SET ACCESS METHOD duckdb",
        "CREATE SCHEMA aside; ALTER TABLE altered SET SCHEMA aside; ALTER TABLE aside.altered SET SCHEMA public; \
         DROP SCHEMA aside",
        "TRUNCATE altered",
    ] {
        for begin in [
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT i FROM read_first",
            "BEGIN; INSERT INTO read_first VALUES (1)",
        ] {
            run(&mut a, "CREATE TABLE altered USING duckdb AS SELECT 1 AS i, 2 AS j");
            run(&mut b, begin);
            run(&mut a, ddl);
            let read = "SELECT i::text, j::text FROM altered";
            let outcome = b.query_opt(read, &[]);
            if ddl.starts_with("TRUNCATE") {
                assert_eq!(outcome.expect("reads").map(|row| row.get(1)), Some("2".to_owned()));
            } else {
                let state = outcome.err().map(|error| sqlstate(&error));
                assert_eq!(state.as_deref(), Some("40001"), "{begin}; {ddl}");
            }
            run(&mut b, "ROLLBACK");
            b.query(read, &[]).expect("a new snapshot has the table");
            run(&mut a, "DROP TABLE altered");
        }
    }
    run(&mut a, "DROP TABLE read_first");
}

/// A NOTIFY and a check at COMMIT go with rows of duckdb tables.
#[test]
fn a_transaction_that_postgres_refuses_at_commit_leaves_no_rows() {
    let cluster = own(Options::with_extension());
    let [mut a, mut b] = sessions(&cluster);
    run(&mut a, "CREATE TABLE refused (i int) USING duckdb");
    run(&mut a, "CREATE TABLE h (i int, v int); INSERT INTO h VALUES (1, 0), (2, 0)");
    for client in [&mut a, &mut b] {
        run(client, "SET duckdb.unsafe_allow_mixed_transactions = on");
        run(client, "BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT sum(v) FROM h");
    }
    run(&mut a, "UPDATE h SET v = 1 WHERE i = 1; INSERT INTO refused VALUES (1)");
    run(&mut b, "UPDATE h SET v = 1 WHERE i = 2; INSERT INTO refused VALUES (2)");
    run(&mut a, "COMMIT");
    let error = b.batch_execute("COMMIT").expect_err("write skew");
    assert_eq!(sqlstate(&error), "40001", "{}", explain(&error));
    assert_eq!(count(&mut a, "refused"), 1, "DuckDB has not committed the second");
    run(&mut a, "RESET ALL; LISTEN c; BEGIN; NOTIFY c; INSERT INTO refused VALUES (3); COMMIT");
    assert_eq!(count(&mut b, "refused"), 2);
}

/// 32 clients that insert, change, read and alter for a while (`CLIENT_SECONDS`, 20 if it is not set): no
/// error but those that tell to try again, and every row that was acknowledged is there, also when the
/// store is opened again.
#[test]
fn many_clients_of_all_kinds_end_with_a_consistent_store() {
    let seconds = std::env::var("CLIENT_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let mut cluster = own(Options::with_extension());
    let [mut setup] = sessions(&cluster);
    run(
        &mut setup,
        "CREATE TABLE events (id bigint, who int, n int) USING duckdb; CREATE TABLE counters (who int, n bigint) USING duckdb; \
         CREATE TABLE altered (id bigint, t text) USING duckdb; CREATE INDEX ON altered (id)",
    );
    run(&mut setup, &format!("INSERT INTO counters SELECT i, 0 FROM generate_series(0, {}) i", CLIENTS - 1));
    let (inserted, tried, batches) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
    let updated: Vec<AtomicI64> = (0..CLIENTS).map(|_| AtomicI64::new(0)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for who in 0..CLIENTS {
            let (cluster, inserted, tried, batches) = (&cluster, &inserted, &tried, &batches);
            let (updated, done) = (&updated, &done);
            scope.spawn(move || {
                let mut client = cluster.client().expect("connects");
                for round in 0.. {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    let outcome = match (who % 8, round % 4) {
                        (0, 3) => client.batch_execute(&format!(
                            "CREATE TABLE made_{who} USING duckdb AS SELECT * FROM events; ALTER TABLE made_{who} ADD COLUMN t text; \
                             TRUNCATE made_{who}; DROP TABLE made_{who}"
                        )),
                        // One after the other, and against all that insert.
                        (4, 3) => client.batch_execute(&format!(
                            "BEGIN; DELETE FROM altered WHERE id < 0; ALTER TABLE altered ADD COLUMN c{who} int DEFAULT 1; \
                             INSERT INTO altered (id) VALUES (-1); ALTER TABLE altered DROP COLUMN c{who}; COMMIT"
                        )),
                        (4, 0) => client
                            .batch_execute("INSERT INTO altered (id, t) SELECT i, 'x' FROM generate_series(1, 10) i")
                            .inspect(|()| {
                                batches.fetch_add(1, Ordering::Relaxed);
                            }),
                        (_, 1) => client.batch_execute(&format!("UPDATE counters SET n = n + 1 WHERE who = {who}")).inspect(
                            |()| {
                                updated[who].fetch_add(1, Ordering::Relaxed);
                            },
                        ),
                        (_, 2) => client.batch_execute("SELECT who, sum(n) FROM events GROUP BY 1"),
                        _ => {
                            let id = tried.fetch_add(1, Ordering::Relaxed);
                            client.batch_execute(&format!("INSERT INTO events VALUES ({id}, {who}, 1)")).inspect(|()| {
                                inserted.fetch_add(1, Ordering::Relaxed);
                            })
                        }
                    };
                    if let Err(error) = outcome {
                        let state = sqlstate(&error);
                        assert!(["40001", "40P01"].contains(&state.as_str()), "{}", explain(&error));
                        client.batch_execute("ROLLBACK").expect("rolls back");
                    }
                }
            });
        }
        std::thread::sleep(Duration::from_secs(seconds));
        done.store(true, Ordering::Relaxed);
    });
    let sum: i64 = updated.into_iter().map(AtomicI64::into_inner).sum();
    assert!(sum > 0, "nothing was updated");
    let (inserted, batches) = (inserted.into_inner(), batches.into_inner());
    let check = |client: &mut Client| {
        assert_eq!(count(client, "events"), inserted);
        assert_eq!(number(client, "SELECT sum(n)::bigint FROM counters").expect("answers"), sum);
        let by_index = "SELECT count(*) FROM altered WHERE id = 3";
        assert_eq!(number(client, by_index).expect("answers"), batches);
        let all = "SELECT count(*) FROM altered WHERE t = 'x'";
        assert_eq!(number(client, all).expect("answers"), 10 * batches);
    };
    check(&mut setup);
    drop(setup);
    // Once more from DuckDB's log alone.
    tests::process::kill(cluster.engine_pid().expect("runs")).expect("killed");
    crate::fixture::works_again(&cluster, "SELECT count(*) FROM events", inserted);
    let [mut again] = sessions(&cluster);
    check(&mut again);
    drop(again);
    cluster.restart(tests::cluster::Shutdown::Fast).expect("restarts");
    let [mut again] = sessions(&cluster);
    check(&mut again);
}
