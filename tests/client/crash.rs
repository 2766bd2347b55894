//! The engine is killed, or a backend is. Clients get an error or the right result, Postgres
//! stays up, the next statement works soon, and data is what commits said it is.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use tests::cluster::{Cluster, Options};
use tests::{process, wait};

use crate::fixture::{
    BROAD, ENDLESS, NUMBERS, RECOVERY, engine_is_idle, explain, no_recovery, number, own, sqlstate,
    works_again,
};

const COUNT: &str = "SELECT count(*) FROM numbers";

#[test]
fn an_idle_engine_that_is_killed_comes_back() {
    let cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    assert_eq!(number(&mut client, COUNT).expect("answers"), NUMBERS);
    let engine = cluster.engine_pid().expect("runs");
    process::kill(engine).expect("killed");
    let took = works_again(&cluster, COUNT, NUMBERS);
    assert!(took <= RECOVERY, "worked again after {took:?}");
    assert_ne!(cluster.engine_pid().expect("runs"), engine);
    // The old connection had a session with the old engine. It may learn of the end by an
    // error, once.
    if number(&mut client, COUNT).is_err() {
        assert_eq!(number(&mut client, COUNT).expect("works at the second try"), NUMBERS);
    }
    no_recovery(&cluster);
}

#[test]
fn a_running_query_whose_engine_is_killed_is_an_error() {
    let cluster = own(Options::with_extension().durable());
    for sql in [ENDLESS, BROAD] {
        let mut client = cluster.client().expect("connects");
        let engine = cluster.engine_pid().expect("runs");
        let error = std::thread::scope(|scope| {
            let query = scope.spawn(|| client.batch_execute(sql).expect_err("loses its engine"));
            std::thread::sleep(Duration::from_millis(400));
            process::kill(engine).expect("killed");
            query.join().expect("no panic")
        });
        let error = error.as_db_error().expect("an error of the server, not a lost connection").clone();
        assert!(error.code().code().starts_with("58"), "{error:?}");
        assert!(error.message().contains("engine"), "{error:?}");
        let took = works_again(&cluster, COUNT, NUMBERS);
        assert!(took <= RECOVERY, "worked again after {took:?}");
        assert_eq!(number(&mut client, COUNT).expect("the same connection works"), NUMBERS);
    }
    no_recovery(&cluster);
}

#[test]
fn a_create_table_as_whose_engine_is_killed_leaves_nothing() {
    let cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    let engine = cluster.engine_pid().expect("runs");
    std::thread::scope(|scope| {
        let query =
            scope.spawn(|| client.batch_execute(&format!("CREATE TABLE big USING duckdb AS {BROAD}")));
        std::thread::sleep(Duration::from_millis(400));
        process::kill(engine).expect("killed");
        query.join().expect("no panic").expect_err("loses its engine");
    });
    works_again(&cluster, COUNT, NUMBERS);
    let exists = number(&mut client, "SELECT count(*) FROM pg_class WHERE relname = 'big'").expect("answers");
    assert_eq!(exists, 0);
    // The name is free on both sides.
    client
        .batch_execute("CREATE TABLE big USING duckdb AS SELECT i FROM numbers WHERE i <= 3")
        .expect("creates");
    assert_eq!(number(&mut client, "SELECT count(*) FROM big").expect("answers"), 3);
    no_recovery(&cluster);
}

/// What COMMIT says is true, even if the engine dies between its commit and its answer: the
/// next engine is asked.
#[test]
fn a_commit_whose_engine_is_killed_is_what_its_answer_says() {
    let cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE target (i bigint, t text) USING duckdb").expect("creates");
    let insert = "BEGIN; INSERT INTO target SELECT i, 'row ' || i FROM numbers";
    client.batch_execute(insert).expect("inserts");
    let start = Instant::now();
    client.batch_execute("COMMIT").expect("commits");
    let usual = start.elapsed();
    let (mut expected, mut failed, mut succeeded) = (NUMBERS, 0, 0);
    let mut pause = Duration::ZERO;
    for step in 0..24 {
        let mut client = cluster.client().expect("connects");
        let engine = cluster.engine_pid().expect("runs");
        client.batch_execute(insert).expect("inserts");
        let result = std::thread::scope(|scope| {
            let commit = scope.spawn(|| client.batch_execute("COMMIT"));
            // From before the commit to behind it, however long that takes today.
            std::thread::sleep(pause);
            process::kill(engine).expect("killed");
            commit.join().expect("no panic")
        });
        match result {
            Ok(()) => {
                succeeded += 1;
                expected += NUMBERS;
                pause = Duration::ZERO;
            }
            Err(error) => {
                failed += 1;
                assert_eq!(sqlstate(&error), "58000", "{}", explain(&error));
                pause = pause + pause / 2 + usual / 16;
            }
        }
        works_again(&cluster, COUNT, NUMBERS);
        // The same connection, and the whole of it.
        let row = client.query_one("SELECT count(*), count(DISTINCT t) FROM target", &[]).expect("answers");
        assert_eq!(
            (row.get::<_, i64>(0), row.get::<_, i64>(1)),
            (expected, NUMBERS),
            "step {step} of {usual:?}"
        );
    }
    assert!(failed > 0 && succeeded > 0, "{failed} failed, {succeeded} succeeded: no test");
    no_recovery(&cluster);
}

/// As above with a change of both catalogs: neither has a table that the other has not.
#[test]
fn a_create_table_whose_engine_is_killed_in_commit_is_in_both_catalogs_or_in_none() {
    let cluster = own(Options::with_extension().durable());
    for step in 0..12 {
        let mut client = cluster.client().expect("connects");
        let engine = cluster.engine_pid().expect("runs");
        client
            .batch_execute("BEGIN; CREATE TABLE made USING duckdb AS SELECT i FROM numbers")
            .expect("creates");
        let committed = std::thread::scope(|scope| {
            let commit = scope.spawn(|| client.batch_execute("COMMIT"));
            std::thread::sleep(Duration::from_micros(700 * step));
            process::kill(engine).expect("killed");
            commit.join().expect("no panic").is_ok()
        });
        works_again(&cluster, COUNT, NUMBERS);
        if committed {
            assert_eq!(number(&mut client, "SELECT count(*) FROM made").expect("is there"), NUMBERS);
            client.batch_execute("DROP TABLE made").expect("drops");
        } else {
            client.batch_execute("CREATE TABLE made (t text) USING duckdb").expect("the name is free");
            client.batch_execute("DROP TABLE made").expect("drops");
        }
    }
    no_recovery(&cluster);
}

#[test]
fn twenty_kills_under_load_give_no_wrong_result() {
    let cluster = own(Options::with_extension().durable());
    cluster
        .client()
        .expect("connects")
        .batch_execute("CREATE TABLE log (i bigint) USING duckdb")
        .expect("creates");
    let done = AtomicBool::new(false);
    let (tried, acknowledged, answered) = (AtomicI64::new(0), AtomicI64::new(0), AtomicI64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| read_until(&cluster, &done, &answered));
        }
        scope.spawn(|| write_until(&cluster, &done, &tried, &acknowledged));
        for _ in 0..20 {
            let engine = wait::for_some("an engine", Duration::from_secs(30), || {
                cluster.engine_processes().first().copied()
            });
            // Time to get ready and to work: one that dies young is started again with a pause.
            std::thread::sleep(Duration::from_millis(200));
            let Ok((engine, _)) = engine else {
                // Or the other threads would go on for ever.
                done.store(true, Ordering::Relaxed);
                panic!("no engine runs");
            };
            process::kill(engine).expect("killed");
        }
        let took = works_again(&cluster, COUNT, NUMBERS);
        done.store(true, Ordering::Relaxed);
        assert!(took <= RECOVERY, "worked again after {took:?}");
    });
    let rows = number(&mut cluster.client().expect("connects"), "SELECT count(DISTINCT i) FROM log")
        .expect("answers");
    let (tried, acknowledged) = (tried.into_inner(), acknowledged.into_inner());
    assert!(
        (acknowledged..=tried).contains(&rows),
        "{rows} rows of {acknowledged} acknowledged, {tried} tried"
    );
    assert!(answered.into_inner() > 0, "no query got through");
    no_recovery(&cluster);
}

fn read_until(cluster: &Cluster, done: &AtomicBool, answered: &AtomicI64) {
    let expected = NUMBERS * (NUMBERS + 1) / 2;
    let mut client = cluster.client().expect("connects");
    while !done.load(Ordering::Relaxed) {
        match number(&mut client, "SELECT sum(i)::bigint FROM numbers") {
            Ok(sum) => {
                assert_eq!(sum, expected, "a wrong result");
                answered.fetch_add(1, Ordering::Relaxed);
            }
            // The connection to Postgres must survive all of it.
            Err(error) => assert!(error.as_db_error().is_some(), "{error}"),
        }
    }
}

fn write_until(cluster: &Cluster, done: &AtomicBool, tried: &AtomicI64, acknowledged: &AtomicI64) {
    let mut client = cluster.client().expect("connects");
    while !done.load(Ordering::Relaxed) {
        let i = tried.fetch_add(1, Ordering::Relaxed);
        if client.batch_execute(&format!("INSERT INTO log VALUES ({i})")).is_ok() {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_backend_that_is_killed_while_it_streams_frees_its_session() {
    let cluster = own(Options::with_extension().durable());
    let engine = cluster.engine_pid().expect("runs");
    let mut client = cluster.client().expect("connects");
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    client.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 100000 c")).expect("streams");
    process::kill(u32::try_from(backend).expect("a pid")).expect("killed");
    // Any backend's death by a signal makes Postgres restart all of them; the engine belongs
    // to the supervisor, so it may be a new one, but never two, and never a leaked session.
    wait::until("end of the recovery", Duration::from_secs(20), || {
        cluster.log().expect("log").contains("all server processes terminated; reinitializing")
            && cluster.client().is_ok()
    })
    .expect("is up");
    works_again(&cluster, COUNT, NUMBERS);
    engine_is_idle(&cluster, Duration::from_secs(30));
    let sql = format!("SELECT count(*) FROM duckdb.engine_sessions() WHERE backend_pid = {backend}");
    assert_eq!(number(&mut cluster.client().expect("connects"), &sql).expect("sessions"), 0);
    assert_eq!(cluster.engine_processes().len(), 1, "first engine was {engine}");
}
