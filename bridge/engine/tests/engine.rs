//! The engine binary, driven through `bridge-ipc` as a backend drives it.

mod support;

use arrow::array::{Array, AsArray, Int32Array, Int64Array, RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema, UInt8Type, UInt16Type};
use bridge_ipc::message::{Reply, Request, TransactionCommand};
use bridge_types::SqlState;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{DATABASE, Engine, Scan, Session, eventually, int64s};

/// Far above what an answer takes (a few ms on an idle machine), and far below what the
/// statements here would run: a busy machine must not fail these tests.
const PROMPT: Duration = Duration::from_secs(20);

fn start() -> (tempfile::TempDir, Engine) {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start(directory.path(), &[]);
    (directory, engine)
}

fn sessions(session: &mut Session) -> usize {
    match session.request(&Request::Sessions).unwrap() {
        Reply::Sessions(sessions) => sessions.len(),
        other => panic!("{other:?}"),
    }
}

fn numbers_scan(batches: i64, rows: i64) -> Scan {
    let schema = Arc::new(Schema::new(vec![
        Field::new("c0", DataType::Int64, true),
        Field::new("c1", DataType::Utf8View, true),
    ]));
    let batch = |number: i64| {
        let ids = Int64Array::from_iter((0..rows).map(|row| (row % 7 != 3).then_some(number * rows + row)));
        let names: StringViewArray = (0..rows)
            .map(|row| {
                (row % 5 != 1).then(|| format!("{}{row}", if row % 2 == 0 { "n" } else { "a longer name " }))
            })
            .collect();
        RecordBatch::try_new(Arc::clone(&schema), vec![Arc::new(ids), Arc::new(names)]).unwrap()
    };
    Scan { schema: Arc::clone(&schema), batches: (0..batches).map(batch).collect() }
}

#[test]
fn a_million_rows_arrive_in_order() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let statement = session.prepare("SELECT range, 'row ' || range FROM range(1000000)", &[]).unwrap();
    assert_eq!(session.prepared(statement).type_names, ["BIGINT", "VARCHAR"]);
    let mut portal = session.execute(statement, None, vec![]);
    let mut expected = 0;
    let mut batches = 0;
    while let Some(batch) = session.next(&mut portal).unwrap() {
        batches += 1;
        let names = batch.column(1).as_string_view();
        for (row, value) in batch.column(0).as_primitive::<Int64Type>().values().iter().enumerate() {
            assert_eq!(*value, expected);
            if row % 1000 == 0 {
                assert_eq!(names.value(row), format!("row {expected}"));
            }
            expected += 1;
        }
    }
    assert_eq!(expected, 1_000_000);
    let finished = portal.finished.unwrap();
    assert_eq!((finished.rows, finished.batches), (1_000_000, batches));
    assert!(batches < 80, "{batches} batches");
}

#[test]
fn parameters_writes_and_transactions() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.run("CREATE TABLE t (a INTEGER, b VARCHAR)").unwrap();
    let statement = session.prepare("INSERT INTO t SELECT i, $1 FROM range($2) r(i)", &[]).unwrap();
    let schema =
        Schema::new(vec![Field::new("1", DataType::Utf8View, true), Field::new("2", DataType::Int32, true)]);
    let parameters = RecordBatch::try_new(
        Arc::new(schema),
        vec![Arc::new(StringViewArray::from(vec!["x"])), Arc::new(Int32Array::from(vec![5]))],
    )
    .unwrap();
    let mut portal = session.execute(statement, Some(&parameters), vec![]);
    assert!(session.drain(&mut portal).unwrap().is_empty());
    assert_eq!(portal.finished.unwrap().rows, 5);
    session.request(&Request::Transaction(TransactionCommand::Begin { instance: 0 })).unwrap();
    assert_eq!(session.run("DELETE FROM t WHERE a < 3").unwrap(), 3);
    assert_eq!(session.int("SELECT count(*) FROM t").unwrap(), 2);
    session.request(&Request::Transaction(TransactionCommand::Rollback)).unwrap();
    assert_eq!(session.int("SELECT count(*) FROM t").unwrap(), 5);
    let rows = session.query("INSERT INTO t VALUES (9, 'r') RETURNING a").unwrap();
    assert_eq!(rows[0].column(0).as_primitive::<Int32Type>().value(0), 9);
    let error = session.query("SELECT nix FROM t").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::UNDEFINED_COLUMN);
}

#[test]
fn types_without_a_wire_form_come_as_text() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let batches = session.query("SELECT {'a': 1} AS s, [{'b': 2}] AS l, NULL AS n").unwrap();
    let batch = &batches[0];
    assert_eq!(batch.column(0).as_string_view().value(0), "{'a': 1}");
    let inner = batch.column(1).as_list::<i32>().value(0);
    assert_eq!(inner.as_string_view().value(0), "{'b': 2}");
    assert!(batch.column(2).is_null(0));
    assert_eq!(batch.schema().field(1).name(), "l");
}

#[test]
fn enums_come_as_dictionaries_of_their_labels() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.run("CREATE TYPE mood AS ENUM ('sad', 'a label of more than twelve bytes', 'glad')").unwrap();
    let sql = "SELECT CASE i % 4 WHEN 0 THEN 'glad' WHEN 1 THEN 'a label of more than twelve bytes' \
               WHEN 2 THEN 'sad' END::mood AS e, ['sad'::mood, NULL] AS l FROM range(5000) t(i)";
    let mut row = 0_usize;
    for batch in session.query(sql).unwrap() {
        let array = batch.column(0).as_dictionary::<UInt8Type>();
        let labels = array.values().as_string_view();
        for at in 0..array.len() {
            let label = array.key(at).map(|key| labels.value(key));
            let expected = [Some("glad"), Some("a label of more than twelve bytes"), Some("sad"), None];
            assert_eq!(label, expected[row % 4], "row {row}");
            let list = batch.column(1).as_list::<i32>().value(at);
            let list = list.as_dictionary::<UInt8Type>();
            assert_eq!((list.key(0), list.key(1)), (Some(0), None));
            row += 1;
        }
    }
    assert_eq!(row, 5000);
    let many = "SELECT ('l' || i)::m AS e FROM range(300) t(i)";
    session.run("CREATE TYPE m AS ENUM (SELECT 'l' || i FROM range(300) t(i))").unwrap();
    let batches = session.query(many).unwrap();
    let array = batches[0].column(0).as_dictionary::<UInt16Type>();
    assert_eq!(array.values().as_string_view().value(array.key(299).unwrap()), "l299");
}

#[test]
fn no_cancel_is_lost_however_early_it_comes() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let endless = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1";
    // At once, and in full flight: an interrupt before DuckDB starts must not be lost.
    for pause in [0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 50, 300] {
        let statement = session.prepare(endless, &[]).unwrap();
        let mut portal = session.execute(statement, None, vec![]);
        std::thread::sleep(Duration::from_millis(pause));
        let start = Instant::now();
        session.client.send_as(portal.sequence, &Request::Cancel, &[]).unwrap();
        let error = session.drain(&mut portal).unwrap_err();
        let took = start.elapsed();
        assert_eq!(error.sqlstate, SqlState::QUERY_CANCELED);
        assert!(took < PROMPT, "{took:?} after {pause} ms");
        assert_eq!(session.int("SELECT 1").unwrap(), 1);
    }
}

#[test]
fn a_cancelled_stream_stops_even_when_nobody_reads() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let statement = session.prepare("SELECT * FROM range(100000000)", &[]).unwrap();
    let mut portal = session.execute(statement, None, vec![]);
    session.next(&mut portal).unwrap().unwrap();
    std::thread::sleep(Duration::from_millis(100));
    session.client.send_as(portal.sequence, &Request::Cancel, &[]).unwrap();
    assert_eq!(session.drain(&mut portal).unwrap_err().sqlstate, SqlState::QUERY_CANCELED);
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
}

#[test]
fn a_client_that_dies_frees_its_session() {
    let (_directory, engine) = start();
    let mut watcher = engine.session();
    for sql in [
        "SELECT * FROM range(100000000)",
        "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1",
    ] {
        let mut session = engine.session();
        let statement = session.prepare(sql, &[]).unwrap();
        let _portal = session.execute(statement, None, vec![]);
        assert_eq!(sessions(&mut watcher), 2);
        std::thread::sleep(Duration::from_millis(50));
        drop(session);
        eventually("the session is gone", || sessions(&mut watcher) == 1);
    }
}

#[test]
fn two_portals_interleave() {
    for arguments in [&[][..], &["--spool-memory", "1MB"]] {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::start(directory.path(), arguments);
        let mut session = engine.session();
        let sql = "SELECT range, repeat('x', 40) FROM range(300000)";
        let first = session.prepare(sql, &[]).unwrap();
        let mut portals = [session.execute_with(first, None, vec![], 65_536, false, false)];
        let mut seen =
            [session.next(&mut portals[0]).unwrap().map(|batch| int64s(&[batch], 0)).unwrap(), vec![]];
        let second = session.prepare(sql, &[]).unwrap();
        let other = session.execute_with(second, None, vec![], 65_536, false, false);
        let [one] = portals;
        let mut portals = [one, other];
        let mut open = [true, true];
        while open.contains(&true) {
            for index in 0..2 {
                match open[index].then(|| session.next(&mut portals[index]).unwrap()).flatten() {
                    Some(batch) => seen[index].extend(int64s(&[batch], 0)),
                    None => open[index] = false,
                }
            }
        }
        for rows in &seen {
            assert_eq!(rows.len(), 300_000);
            assert!(rows.iter().enumerate().all(|(at, value)| at as i64 == *value), "order is kept");
        }
        assert_eq!(portals[0].finished.as_ref().unwrap().rows, 300_000);
    }
}

#[test]
fn closing_a_half_read_portal_keeps_the_transaction() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.request(&Request::Transaction(TransactionCommand::Begin { instance: 0 })).unwrap();
    session.run("CREATE TABLE t AS SELECT 1 AS a").unwrap();
    let statement = session.prepare("SELECT * FROM range(10000000)", &[]).unwrap();
    let mut portal = session.execute_with(statement, None, vec![], 65_536, false, false);
    session.next(&mut portal).unwrap().unwrap();
    session.client.send(&Request::ClosePortal { portal: portal.number }, &[]).unwrap();
    assert_eq!(session.int("SELECT a FROM t").unwrap(), 1);
    session.request(&Request::Transaction(TransactionCommand::Commit { mark: None })).unwrap();
    assert_eq!(session.int("SELECT a FROM t").unwrap(), 1);
}

#[test]
fn feeds_reach_duckdb() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let batches = session
        .query_with("SELECT count(*), count(c0), sum(c0)::BIGINT, count(c1), sum(length(c1))::BIGINT FROM bridge_scan(0)", vec![
            numbers_scan(10, 5000),
        ])
        .unwrap();
    let value = |column: usize| int64s(&batches, column)[0];
    assert_eq!(value(0), 50_000);
    let kept: Vec<i64> = (0..50_000).filter(|id| id % 5000 % 7 != 3).collect();
    assert_eq!((value(1), value(2)), (kept.len() as i64, kept.iter().sum()));
    assert_eq!(value(3), 40_000);
    // Two feeds in one join, and only one column of each.
    let batches = session
        .query_with(
            "SELECT count(*) FROM bridge_scan(0) a JOIN bridge_scan(1) b ON a.c0 = b.c0",
            vec![numbers_scan(4, 3000), numbers_scan(4, 3000)],
        )
        .unwrap();
    assert_eq!(int64s(&batches, 0), [(0..12_000).filter(|id| id % 3000 % 7 != 3).count() as i64]);
    // Into a table, and a batch larger than the ring.
    let statement =
        session.prepare("CREATE TABLE t AS SELECT * FROM bridge_scan(0)", &[numbers_scan(0, 0)]).unwrap();
    let mut portal = session.execute(statement, None, vec![numbers_scan(3, 60_000)]);
    session.drain(&mut portal).unwrap();
    assert_eq!(session.int("SELECT count(*) FROM t").unwrap(), 180_000);
    assert_eq!(session.int("SELECT count(*) FROM bridge_scan(0)").unwrap_err().sqlstate.as_str(), "42P02");
}

#[test]
fn a_feed_that_never_comes_can_be_cancelled_or_closed() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let scan = || Scan { schema: numbers_scan(0, 0).schema, batches: [].into() };
    let statement = session.prepare("SELECT count(*) FROM bridge_scan(0)", &[scan()]).unwrap();
    let portal = session.execute(statement, None, vec![scan()]);
    // Asked for rows, and never given any.
    assert!(matches!(session.reply(portal.sequence).0, Reply::ScanRequest { .. }));
    let start = Instant::now();
    session.client.send_as(portal.sequence, &Request::Cancel, &[]).unwrap();
    match session.reply(portal.sequence).0 {
        Reply::Error(error) => assert_eq!(error.sqlstate, SqlState::QUERY_CANCELED),
        other => panic!("{other:?}"),
    }
    assert!(start.elapsed() < PROMPT);
    let portal = session.execute(statement, None, vec![scan()]);
    assert!(matches!(session.reply(portal.sequence).0, Reply::ScanRequest { .. }));
    session.client.send(&Request::ClosePortal { portal: portal.number }, &[]).unwrap();
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
}

#[test]
fn an_abandoned_write_keeps_nothing() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.run("CREATE TABLE t (a BIGINT, b VARCHAR)").unwrap();
    let scan = || Scan { schema: numbers_scan(0, 0).schema, batches: [].into() };
    let statement = session.prepare("INSERT INTO t SELECT * FROM bridge_scan(0)", &[scan()]).unwrap();
    let portal = session.execute(statement, None, vec![scan()]);
    assert!(matches!(session.reply(portal.sequence).0, Reply::ScanRequest { .. }));
    session.client.send(&Request::ClosePortal { portal: portal.number }, &[]).unwrap();
    assert!(matches!(session.reply(portal.sequence).0, Reply::Error(_)));
    assert_eq!(session.int("SELECT count(*) FROM t").unwrap(), 0);
}

#[test]
fn closing_the_portal_of_a_long_query_stops_it() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let endless = "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1";
    let statement = session.prepare(endless, &[]).unwrap();
    let portal = session.execute(statement, None, vec![]);
    std::thread::sleep(Duration::from_millis(100));
    session.client.send(&Request::ClosePortal { portal: portal.number }, &[]).unwrap();
    let start = Instant::now();
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
    assert!(start.elapsed() < PROMPT);
}

#[test]
fn an_error_in_the_middle_of_a_stream_is_told() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let sql = "SELECT CASE WHEN range = 900000 THEN error('[22012] division by zero')::BIGINT ELSE range END FROM range(1000000)";
    let error = session.query(sql).unwrap_err();
    assert_eq!((error.sqlstate, &*error.message), (SqlState::DIVISION_BY_ZERO, "division by zero"));
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
}

#[test]
fn values_larger_than_the_ring_pass() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let sql =
        "SELECT i, repeat('ab', 10000000 * (i % 2)::INTEGER), [repeat('c', i::INTEGER)] FROM range(4) r(i)";
    for sql in [sql, "SELECT i, repeat('ab', 10000000 * (i % 2)::INTEGER) FROM range(4) r(i)"] {
        let batches = session.query(sql).unwrap();
        assert_eq!(int64s(&batches, 0), [0, 1, 2, 3]);
        let lengths: Vec<usize> = batches
            .iter()
            .flat_map(|batch| {
                let texts = batch.column(1).as_string_view().clone();
                (0..texts.len()).map(move |row| texts.value(row).len()).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(lengths, [0, 20_000_000, 0, 20_000_000]);
    }
}

#[test]
fn committed_rows_survive_a_kill_and_others_do_not() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(directory.path(), &[]);
    let mut session = engine.session();
    session.run("CREATE TABLE t AS SELECT * FROM range(1000)").unwrap();
    session.request(&Request::Transaction(TransactionCommand::Begin { instance: 0 })).unwrap();
    session.run("INSERT INTO t SELECT * FROM range(5000)").unwrap();
    engine.child.kill().unwrap();
    engine.child.wait().unwrap();
    let engine = Engine::start(directory.path(), &["--restarts", "1", "--last-error", "killed"]);
    let mut session = engine.session();
    assert_eq!(session.int("SELECT count(*) FROM t").unwrap(), 1000);
    match session.request(&Request::Status).unwrap() {
        Reply::Status(status) => {
            assert_eq!(
                (status.restarts, status.sessions, status.last_error.as_deref()),
                (1, 1, Some("killed"))
            );
            assert_eq!(status.memory_limit_bytes, 1_000_000_000);
        }
        other => panic!("{other:?}"),
    }
}

/// The log of a store is checkpointed by its size while sessions work, and nothing is lost by that.
#[test]
fn a_log_that_grows_is_checkpointed() {
    let (directory, mut engine) = start();
    let mut session = engine.session();
    session.run("SET GLOBAL checkpoint_threshold = '1MB'").unwrap();
    session.run("CREATE TABLE log (i BIGINT, t VARCHAR)").unwrap();
    // 20 rounds of more than a megabyte, each less than a row group.
    for _ in 0..20 {
        session.run("INSERT INTO log SELECT range, md5(range::VARCHAR) FROM range(50000)").unwrap();
    }
    let log = directory.path().join(format!("pg_duckdb/{DATABASE}/store.duckdb.wal"));
    let size = std::fs::metadata(&log).map_or(0, |metadata| metadata.len());
    assert!(size < 8 << 20, "the log has {size} bytes");
    engine.child.kill().unwrap();
    engine.child.wait().unwrap();
    let engine = Engine::start(directory.path(), &[]);
    let mut session = engine.session();
    assert_eq!(int64s(&session.query("SELECT count(*) FROM log").unwrap(), 0), [1_000_000]);
}

#[test]
fn end_of_standard_input_stops_cleanly() {
    let directory = tempfile::tempdir().unwrap();
    let mut engine = Engine::start(directory.path(), &[]);
    let mut session = engine.session();
    session.run("CREATE TABLE t AS SELECT * FROM range(100000)").unwrap();
    let mut busy = engine.session();
    let statement = busy
        .prepare(
            "SELECT count(*) FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1",
            &[],
        )
        .unwrap();
    let _portal = busy.execute(statement, None, vec![]);
    let start = Instant::now();
    assert_eq!(engine.stop(), Some(0));
    assert!(start.elapsed() < 2 * PROMPT);
    let store = directory.path().join(format!("pg_duckdb/{DATABASE}"));
    assert!(store.join("store.duckdb").exists());
    assert!(!store.join("store.duckdb.wal").exists(), "the log was checkpointed");
    assert!(!engine.socket().exists());
}

#[test]
fn a_malformed_frame_costs_one_session() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    for garbage in [&[0xff; 64][..], &[0, 0, 0, 0, 0, 0], &[7, 0, 0, 0, 250, 0, 1, 0, 0, 0, 9]] {
        let mut socket = std::os::unix::net::UnixStream::connect(engine.socket()).unwrap();
        socket.write_all(garbage).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        let mut answer = Vec::new();
        std::io::Read::read_to_end(&mut socket, &mut answer).unwrap();
    }
    eventually("the broken sessions are gone", || sessions(&mut session) == 1);
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
}

#[test]
fn a_damaged_store_is_an_error_of_its_database_only() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("pg_duckdb/6");
    std::fs::create_dir_all(&store).unwrap();
    std::fs::write(store.join("store.duckdb"), vec![b'x'; 20_000]).unwrap();
    let engine = Engine::start(directory.path(), &[]);
    // What does not need the store works; what does says why it cannot.
    let mut session = Session::open(&engine.socket(), 6).unwrap();
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
    let error = session.run("CREATE TABLE \"pg6\".\"main\".t (i INTEGER)").unwrap_err();
    assert!(error.message.contains("could not open the local DuckDB store"), "{error}");
    assert_eq!(engine.session().int("SELECT 1").unwrap(), 1);
}

#[test]
fn a_profile_has_operators_and_rows() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    let statement = session.prepare("SELECT count(*) FROM range(1000) WHERE range % 2 = 0", &[]).unwrap();
    let mut portal = session.execute_with(statement, None, vec![], u64::MAX, true, true);
    session.drain(&mut portal).unwrap();
    let profile = portal.finished.unwrap().profile.unwrap();
    assert!(profile.contains("rows=500"), "{profile}");
}

#[test]
fn a_changed_table_does_not_change_a_prepared_result() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.run("CREATE TABLE t AS SELECT 1 AS a").unwrap();
    let statement = session.prepare("SELECT * FROM t", &[]).unwrap();
    session.run("DROP TABLE t").unwrap();
    session.run("CREATE TABLE t AS SELECT 'x' AS a, 2 AS b").unwrap();
    let mut portal = session.execute(statement, None, vec![]);
    let error = session.drain(&mut portal).unwrap_err();
    assert_eq!(&*error.message, "cached plan must not change result type");
}

#[test]
fn a_transaction_ended_by_an_error_cannot_be_committed() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.run("CREATE TABLE kept (i INTEGER)").unwrap();
    let transaction = |session: &mut Session, command| session.request(&Request::Transaction(command));
    transaction(&mut session, TransactionCommand::Begin { instance: 0 }).unwrap();
    session.run("INSERT INTO kept VALUES (1)").unwrap();
    session.run("INSERT INTO kept SELECT error('[22012] division by zero')::INTEGER").unwrap_err();
    // DuckDB alone would answer this COMMIT with a silent rollback.
    let error = transaction(&mut session, TransactionCommand::Commit { mark: None }).unwrap_err();
    assert_eq!(error.sqlstate, SqlState::IN_FAILED_TRANSACTION, "{error}");
    // Errors of binding leave the transaction alone.
    transaction(&mut session, TransactionCommand::Begin { instance: 0 }).unwrap();
    session.run("INSERT INTO kept VALUES (2)").unwrap();
    session.run("SELECT nonsense FROM kept").unwrap_err();
    transaction(&mut session, TransactionCommand::Commit { mark: None }).unwrap();
    assert_eq!(int64s(&session.query("SELECT i::BIGINT FROM kept").unwrap(), 0), [2]);
}

/// Its client does not wait for the answer: what follows must not run outside the transaction.
#[test]
fn after_a_begin_that_has_failed_nothing_runs_until_rollback() {
    let (_directory, engine) = start();
    let mut session = engine.session();
    session.run("CREATE TABLE kept (i INTEGER)").unwrap();
    let begin = |instance| Request::Transaction(TransactionCommand::Begin { instance });
    session.client.send(&begin(7), &[]).unwrap();
    let error = session.run("INSERT INTO kept VALUES (1)").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::PROTOCOL_VIOLATION, "{error}");
    session.request(&Request::Transaction(TransactionCommand::Commit { mark: None })).unwrap_err();
    session.request(&Request::Reset).unwrap();
    session.run("INSERT INTO kept VALUES (2)").unwrap();
    assert_eq!(int64s(&session.query("SELECT i::BIGINT FROM kept").unwrap(), 0), [2]);
}

/// Replaying the log of a store takes long after a crash; whoever asks for the status
/// meanwhile is answered at once.
#[test]
#[expect(clippy::disallowed_methods, reason = "the ban is for backends")]
fn status_is_told_while_a_store_is_attached() {
    let (directory, mut engine) = start();
    let mut session = engine.session();
    session.run("SET GLOBAL checkpoint_threshold = '10GB'").unwrap();
    session.run("CREATE TABLE log (i BIGINT, t VARCHAR)").unwrap();
    // Less than a row group each: larger ones go to the file and past the log.
    for _ in 0..30 {
        session.run("INSERT INTO log SELECT range, 'some text ' || range FROM range(100000)").unwrap();
    }
    engine.child.kill().unwrap();
    engine.child.wait().unwrap();
    let engine = Engine::start(directory.path(), &[]);
    let mut watcher = Session::open(&engine.socket(), 0).unwrap();
    let attaching = std::thread::spawn({
        let socket = engine.socket();
        move || {
            let start = Instant::now();
            let mut session = Session::open(&socket, DATABASE).unwrap();
            let took = start.elapsed();
            assert_eq!(int64s(&session.query("SELECT count(*) FROM log").unwrap(), 0), [3_000_000]);
            took
        }
    });
    let mut answers = 0;
    while !attaching.is_finished() {
        watcher.request(&Request::Status).unwrap();
        answers += 1;
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = attaching.join().unwrap();
    // One that waits for the end of the other is answered once or twice.
    assert!(answers > 4, "{answers} answers in {took:?}");
}
