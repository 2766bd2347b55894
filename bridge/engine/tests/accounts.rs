//! Accounts of the MotherDuck emulator, and statements over several instances.

mod support;

use bridge_ipc::message::{RemoteScan, Request, TransactionCommand};
use bridge_types::SqlState;
use std::path::Path;
use std::time::{Duration, Instant};
use support::{Engine, Session, eventually, int64s};

const TOKENS: &str = "
[tokens.writer]
account = 'alice'
[tokens.'second writer']
account = 'alice'
[tokens.reader]
account = 'alice'
access = 'read_scaling'
[tokens.other]
account = 'bob'
[shares.from_alice]
account = 'alice'
database = 'my_db'
with = ['bob']
";

/// Every account of these tests is number 1.
const ACCOUNT: u32 = 1;

fn write_tokens(directory: &Path, more: &str) {
    // Another length or another second: what the engine goes by is the time of the change.
    let path = directory.join("md/tokens.toml");
    std::fs::create_dir_all(directory.join("md")).unwrap();
    std::fs::write(path, format!("{TOKENS}{more}")).unwrap();
}

fn start(more: &str) -> (tempfile::TempDir, Engine) {
    let directory = tempfile::tempdir().unwrap();
    write_tokens(directory.path(), more);
    let engine = Engine::start(directory.path(), &["--motherduck-emulator", "md"]);
    (directory, engine)
}

fn account(engine: &Engine, token: &str) -> Session {
    let mut session = engine.session();
    session.open_account(ACCOUNT, token, "").unwrap();
    session
}

fn count(session: &mut Session, table: &str) -> i64 {
    session.int(&format!("SELECT count(*) FROM {table}")).unwrap()
}

#[test]
fn an_account_keeps_what_is_written_and_all_its_writers_see_it() {
    let (directory, engine) = start("");
    let mut writer = account(&engine, "writer");
    writer.run("CREATE TABLE t AS SELECT range AS i FROM range(10)").unwrap();
    assert_eq!(count(&mut account(&engine, "second writer"), "my_db.main.t"), 10);
    assert!(directory.path().join("md/accounts/alice/my_db.duckdb").exists());
    // The local store is another instance.
    writer.instance = 0;
    assert!(writer.run("INSERT INTO t VALUES (1)").is_err());
    drop((writer, engine));
    let engine = Engine::start(directory.path(), &["--motherduck-emulator", "md"]);
    assert_eq!(count(&mut account(&engine, "writer"), "t"), 10);
}

#[test]
fn wrong_tokens_and_databases_are_told() {
    let (_directory, engine) = start("");
    let mut session = engine.session();
    let error = session.open_account(ACCOUNT, "eyJ-nobody", "").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::INVALID_AUTHORIZATION);
    assert!(!format!("{error:?}").contains("nobody"), "{error:?}");
    let error = session.open_account(ACCOUNT, "writer", "no such").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::UNDEFINED_DATABASE);
    session.instance = ACCOUNT;
    assert_eq!(session.run("SELECT 1").unwrap_err().sqlstate, SqlState::PROTOCOL_VIOLATION);
    session.instance = 0;
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
}

#[test]
fn a_replica_is_read_only_and_catches_up() {
    let (_directory, engine) = start("[service]\nreplica_interval_ms = 3600000\n");
    let mut writer = account(&engine, "writer");
    writer.run("CREATE TABLE t AS SELECT 1 AS i").unwrap();
    let mut reader = account(&engine, "reader");
    assert_eq!(count(&mut reader, "t"), 1);
    let error = reader.run("INSERT INTO t VALUES (2)").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::READ_ONLY_TRANSACTION, "{error:?}");
    writer.run("INSERT INTO t VALUES (2)").unwrap();
    assert_eq!(count(&mut reader, "t"), 1, "eventually consistent, not at once");
    reader.run("REFRESH DATABASE my_db").unwrap();
    assert_eq!(count(&mut reader, "t"), 2);
    assert_eq!(reader.run("CREATE DATABASE x").unwrap_err().sqlstate, SqlState::READ_ONLY_TRANSACTION);
}

#[test]
fn a_replica_follows_by_itself() {
    let (_directory, engine) = start("[service]\nreplica_interval_ms = 10\n");
    let mut writer = account(&engine, "writer");
    writer.run("CREATE TABLE t AS SELECT 1 AS i").unwrap();
    let mut reader = account(&engine, "reader");
    writer.run("INSERT INTO t VALUES (2)").unwrap();
    eventually("the replica follows", || count(&mut reader, "t") == 2);
}

#[test]
fn a_share_is_a_replica_under_its_name() {
    let (_directory, engine) = start("");
    account(&engine, "writer").run("CREATE TABLE t AS SELECT 1 AS i").unwrap();
    let mut bob = account(&engine, "other");
    assert_eq!(count(&mut bob, "from_alice.main.t"), 1);
    assert!(bob.run("DROP TABLE from_alice.main.t").is_err());
    assert!(bob.run("SELECT * FROM t").is_err(), "bob's own my_db is empty");
}

#[test]
fn databases_come_and_go() {
    let (directory, engine) = start("");
    let mut writer = account(&engine, "writer");
    let names = "SELECT count(*) FROM __md_local_databases_metadata() WHERE alias = 'Wer kauft 🦆?'";
    assert_eq!(writer.int(names).unwrap(), 0);
    writer.run("CREATE DATABASE \"Wer kauft 🦆?\"").unwrap();
    assert_eq!(
        writer.run("CREATE DATABASE \"Wer kauft 🦆?\"").unwrap_err().sqlstate,
        SqlState::DUPLICATE_DATABASE
    );
    writer.run("CREATE DATABASE IF NOT EXISTS \"Wer kauft 🦆?\"").unwrap();
    assert_eq!(writer.int(names).unwrap(), 1);
    writer.run("CREATE TABLE \"Wer kauft 🦆?\".t (i INTEGER)").unwrap();
    writer.run("DROP DATABASE \"Wer kauft 🦆?\"").unwrap();
    assert_eq!(writer.int(names).unwrap(), 0);
    assert!(!directory.path().join("md/accounts/alice/Wer kauft 🦆%3f.duckdb").exists());
    assert_eq!(writer.run("DROP DATABASE nix").unwrap_err().sqlstate, SqlState::UNDEFINED_DATABASE);
    // A file that appears, as when another server shared the account.
    writer.run("CREATE DATABASE moved").unwrap();
    writer.run("CHECKPOINT moved").unwrap();
    let files = directory.path().join("md/accounts/alice");
    std::fs::copy(files.join("moved.duckdb"), files.join("copied.duckdb")).unwrap();
    writer.run("CREATE TABLE copied.t (i INTEGER)").unwrap();
}

#[test]
fn versions_change_with_the_catalog_only() {
    let (_directory, engine) = start("");
    let mut writer = account(&engine, "writer");
    let version = |session: &mut Session| {
        let sql = "SELECT (md5_number(server_catalog_version) >> 65)::BIGINT \
                   FROM __md_local_databases_metadata() WHERE alias = 'my_db'";
        session.int(sql).unwrap()
    };
    let mut seen = vec![version(&mut writer)];
    for change in [
        "CREATE TABLE t (i INTEGER)",
        "ALTER TABLE t ADD COLUMN j INTEGER",
        "ALTER TABLE t ALTER j TYPE BIGINT",
        "CREATE SCHEMA s",
        "CREATE VIEW v AS SELECT 1 AS one",
        "CREATE OR REPLACE VIEW v AS SELECT 2 AS one",
        "COMMENT ON TABLE t IS 'about t'",
        "ALTER TABLE t RENAME TO u",
        "DROP TABLE u",
    ] {
        writer.run(change).unwrap();
        let now = version(&mut writer);
        assert!(!seen.contains(&now), "{change}");
        seen.push(now);
    }
    writer.run("CREATE TABLE t (i INTEGER)").unwrap();
    let before = version(&mut writer);
    writer.run("INSERT INTO t VALUES (1)").unwrap();
    assert_eq!(version(&mut writer), before);
}

#[test]
fn an_unreachable_service_is_an_error_in_time() {
    let (directory, engine) = start("[service]\nstate = 'unreachable'\n");
    let mut session = engine.session();
    let error = session.open_account(ACCOUNT, "writer", "").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::CANNOT_ESTABLISH_CONNECTION);
    // It comes back, but slowly.
    write_tokens(directory.path(), "[service]\ndelay_ms = 4000\n");
    let start = Instant::now();
    let error = session.open_account(ACCOUNT, "writer", "").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::CANNOT_ESTABLISH_CONNECTION);
    assert!(start.elapsed() < Duration::from_millis(3900), "waited {:?}", start.elapsed());
    assert_eq!(session.int("SELECT 1").unwrap(), 1, "other instances go on");
    // What was begun goes on in the background.
    eventually("the account opens", || session.open_account(ACCOUNT, "writer", "").is_ok());
    write_tokens(directory.path(), "[service]\nstate = 'drops'\n\n");
    eventually("the connection drops", || match session.int("SELECT 1") {
        Ok(_) => false,
        Err(error) => error.sqlstate == SqlState::CONNECTION_FAILURE,
    });
    write_tokens(directory.path(), "\n\n\n");
    eventually("the service is back", || session.int("SELECT 1").is_ok());
}

#[test]
fn a_statement_reads_other_instances() {
    let (_directory, engine) = start("");
    let mut session = engine.session();
    session
        .run("CREATE TABLE local AS SELECT range AS i, 'row ' || range AS t, [range] AS l FROM range(5000)")
        .unwrap();
    session.run("CREATE TEMP TABLE mine AS SELECT 7 AS i").unwrap();
    session.open_account(ACCOUNT, "writer", "").unwrap();
    session.run("CREATE TABLE far AS SELECT range AS i FROM range(0, 10000, 2)").unwrap();
    let remote = |sql: &str| RemoteScan { instance: 0, sql: sql.to_owned() };
    let statement = session
        .prepare_with(
            "SELECT sum(length(t))::BIGINT, sum(len(l))::BIGINT FROM far JOIN instance_scan(0) USING (i)",
            &[],
            vec![remote("SELECT t, i, l FROM local")],
        )
        .unwrap();
    for _ in 0..2 {
        let mut portal = session.execute(statement, None, vec![]);
        let batches = session.drain(&mut portal).unwrap();
        let expected: i64 =
            (0..5000).step_by(2).map(|i: i64| 4 + i64::try_from(i.to_string().len()).unwrap()).sum();
        assert_eq!(int64s(&batches, 0), [expected]);
        assert_eq!(int64s(&batches, 1), [2500]);
    }
    // Two of one instance, a temporary table among them; and the other way round.
    let statement = session
        .prepare_with(
            "SELECT count(*) FROM instance_scan(0) a, instance_scan(1) b WHERE a.i > b.i",
            &[],
            vec![remote("SELECT i FROM local"), remote("SELECT i FROM mine")],
        )
        .unwrap();
    let mut portal = session.execute(statement, None, vec![]);
    assert_eq!(int64s(&session.drain(&mut portal).unwrap(), 0), [4992]);
    session.instance = 0;
    session.request(&Request::Transaction(TransactionCommand::Begin { instance: 0 })).unwrap();
    let statement = session
        .prepare_with(
            "INSERT INTO local SELECT i, 'far', [] FROM instance_scan(0)",
            &[],
            vec![RemoteScan { instance: ACCOUNT, sql: "SELECT i FROM far".to_owned() }],
        )
        .unwrap();
    let mut portal = session.execute(statement, None, vec![]);
    session.drain(&mut portal).unwrap();
    session.request(&Request::Transaction(TransactionCommand::Commit { mark: None })).unwrap();
    assert_eq!(count(&mut session, "local"), 10_000);
}

#[test]
fn a_remote_scan_can_be_abandoned_and_cancelled() {
    let (_directory, engine) = start("");
    let mut session = account(&engine, "writer");
    let remote = |sql: &str| vec![RemoteScan { instance: 0, sql: sql.to_owned() }];
    let statement = session
        .prepare_with(
            "SELECT * FROM instance_scan(0) LIMIT 3",
            &[],
            remote("SELECT range FROM range(100000000000)"),
        )
        .unwrap();
    let mut portal = session.execute(statement, None, vec![]);
    assert_eq!(int64s(&session.drain(&mut portal).unwrap(), 0), [0, 1, 2]);
    let endless = "SELECT a.range FROM range(100000000) a, range(100000000) b WHERE a.range + b.range = -1";
    let statement =
        session.prepare_with("SELECT count(*) FROM instance_scan(0)", &[], remote(endless)).unwrap();
    for pause in [0, 100] {
        let mut portal = session.execute(statement, None, vec![]);
        std::thread::sleep(Duration::from_millis(pause));
        session.client.send_as(portal.sequence, &Request::Cancel, &[]).unwrap();
        assert_eq!(session.drain(&mut portal).unwrap_err().sqlstate, SqlState::QUERY_CANCELED);
        assert_eq!(session.int("SELECT 1").unwrap(), 1);
    }
}

/// The real client: MotherDuck's own extension is loaded, and asks the service which client
/// this DuckDB needs. The service is a socket of ours; there the proof ends without a network.
#[test]
#[expect(clippy::disallowed_methods, reason = "the ban is for backends")]
fn the_real_client_asks_the_service() {
    let directory = tempfile::tempdir().unwrap();
    let extensions = directory.path().join("extensions");
    let platform = if cfg!(target_arch = "aarch64") { "linux_arm64" } else { "linux_amd64" };
    let place = extensions.join("v1.5.5").join(platform);
    std::fs::create_dir_all(&place).unwrap();
    let library = std::env::var("DUCKDB_LIB_DIR").expect("scripts/env says where DuckDB's library is");
    let extension = Path::new(&library).join("motherduck.duckdb_extension");
    std::fs::copy(&extension, place.join("motherduck.duckdb_extension")).expect("scripts/setup fetches it");
    let service = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = service.local_addr().unwrap().port().to_string();
    let request = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut client, _) = service.accept().unwrap();
        let mut request = vec![0; 4096];
        let length = client.read(&mut request).unwrap();
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nv0.0.0\n\n";
        client.write_all(answer).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let engine = Engine::start_with(
        directory.path(),
        &["--extension-directory", extensions.to_str().unwrap()],
        &[("motherduck_host", "127.0.0.1"), ("motherduck_ext_version_check_port", &port)],
    );
    let mut session = engine.session();
    let error = session.open_account(ACCOUNT, "a-secret-token", "").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::CANNOT_ESTABLISH_CONNECTION, "{error:?}");
    assert!(error.detail.as_deref().is_some_and(|text| text.contains("extension version")), "{error:?}");
    assert!(!format!("{error:?}").contains("a-secret-token"));
    let request = request.join().unwrap();
    assert!(request.starts_with("GET /extension_version") && request.contains("v1.5.5"), "{request}");
    assert_eq!(session.int("SELECT 1").unwrap(), 1);
}

#[test]
fn a_missing_client_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::start(directory.path(), &["--extension-directory", "nowhere"]);
    let mut session = engine.session();
    let error = session.open_account(ACCOUNT, "a-secret-token", "").unwrap_err();
    assert_eq!(error.sqlstate, SqlState::UNDEFINED_FILE, "{error:?}");
    assert!(!format!("{error:?}").contains("a-secret-token"));
}
