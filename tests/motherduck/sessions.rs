//! Sessions and the account: ends of COMMIT, idle accounts, secrets, a service that is away.

use std::time::Duration;

use crate::fixture::{Cloud, explain, sqlstate, texts};
use tests::wait;

const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that is lost before it hears of the COMMIT has not committed; one that is lost in it
/// may have, and the error says so.
#[test]
fn a_commit_whose_engine_is_lost_is_known_or_said_to_be_unknown() {
    let cloud = Cloud::alone("commits");
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CREATE TABLE t (i int) USING duckdb").unwrap();
    for (step, state) in [("BeforeAccount", "58000"), ("InAccount", "40003")] {
        client.batch_execute("BEGIN; INSERT INTO t VALUES (1)").unwrap();
        client.batch_execute(&format!("SET LOCAL duckdb.debug_crash_at = 'engine@{step}'")).unwrap();
        let error = client.batch_execute("COMMIT").expect_err("loses its engine");
        assert_eq!(sqlstate(&error), state, "{step}: {}", explain(&error));
        wait::until("another engine", PATIENCE, || client.batch_execute("TABLE t").is_ok()).unwrap();
    }
    // Killed before it was told to commit, either way.
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM t"), ["0"]);
    client.batch_execute("INSERT INTO t VALUES (2)").expect("goes on");
}

/// "kept warm, closed when idle (setting)", also while sessions are connected that have used it: they
/// do not notice.
#[test]
fn an_idle_account_is_closed_and_opened_again() {
    let cloud = Cloud::alone_with("idle", &[("duckdb.motherduck_idle_timeout", "1s")]);
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CREATE TABLE t (i int) USING duckdb").unwrap();
    client.batch_execute("INSERT INTO t VALUES (1)").unwrap();
    client
        .batch_execute(&format!(
            "CREATE USER reader_user IN ROLE duckdb_group; \
             CREATE USER MAPPING FOR reader_user SERVER motherduck OPTIONS (token '{}')",
            cloud.reader_token()
        ))
        .unwrap();
    let mut reader = cloud.client();
    reader
        .batch_execute("SET ROLE reader_user; CREATE TEMP TABLE mine USING duckdb AS SELECT 5 AS five")
        .unwrap();
    for statement in [
        "PREPARE one AS SELECT i::text FROM t",
        "PREPARE joined AS SELECT (i + five)::text FROM t, mine",
        "PREPARE copied AS INSERT INTO mine SELECT i FROM t",
    ] {
        reader.batch_execute(statement).unwrap();
    }
    wait::until("the replica", PATIENCE, || texts(&mut reader, "EXECUTE one") == ["1"]).unwrap();
    assert_eq!(texts(&mut reader, "EXECUTE joined"), ["6"]);
    for round in 1..=2 {
        wait::until("the reader's account is closed", PATIENCE, || {
            cloud.logged("closed an idle MotherDuck account") >= round
        })
        .unwrap();
        // In all kinds of places: a statement of the account, of the main instance, a write.
        if round == 1 {
            assert_eq!(texts(&mut reader, "EXECUTE one"), ["1"]);
        }
        reader.batch_execute("EXECUTE copied").unwrap();
        assert_eq!(texts(&mut reader, "EXECUTE joined").len(), round + 1);
    }
    // An open transaction keeps its account.
    reader.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").unwrap();
    assert_eq!(texts(&mut reader, "EXECUTE one"), ["1"]);
    let closed = cloud.logged("closed an idle MotherDuck account");
    std::thread::sleep(Duration::from_secs(7));
    assert_eq!(cloud.logged("closed an idle MotherDuck account"), closed);
    assert_eq!(texts(&mut reader, "EXECUTE one"), ["1"]);
    reader.batch_execute("COMMIT").unwrap();
}

/// "Tokens never appear in logs, EXPLAIN, pg_stat_activity, error messages or `duckdb_settings()`".
#[test]
fn no_token_is_anywhere() {
    let cloud = Cloud::alone("hidden");
    let mut client = cloud.client();
    client
        .batch_execute(
            "SET log_min_error_statement = error; SET log_min_messages = debug1; SET log_statement = 'all'; \
             SET log_duration = on; SET log_min_duration_statement = 0; SET debug_print_parse = on; \
             SET log_parameter_max_length_on_error = -1; SET log_error_verbosity = verbose",
        )
        .unwrap();
    client.batch_execute(&cloud.enable()).unwrap();
    client.execute("CALL duckdb.enable_motherduck($1)", &[&cloud.token()]).expect("says that it is enabled");
    client
        .execute("CALL duckdb.enable_motherduck($1, (1 / $2::int)::text)", &[&cloud.token(), &0])
        .expect_err("divides by zero");
    client.batch_execute("CREATE TABLE t (i int) USING duckdb").unwrap();
    client.batch_execute("INSERT INTO t VALUES (1); CREATE VIEW v AS SELECT i FROM t").unwrap();
    let secret = cloud.token();
    client.batch_execute("CREATE USER watcher IN ROLE duckdb_group, pg_monitor; CREATE USER nobody").unwrap();
    let mut errors = String::new();
    for statement in [
        // Wrong ways to give a token.
        format!("CALL duckdb.enable_motherduck('{secret}', 'x', 'y')"),
        format!("CALL duckdb.enable_motherduck('{secret}', 1/0::text)"),
        format!("CREATE USER MAPPING FOR watcher SERVER motherduck OPTIONS (token '{secret}', more 'x')"),
        format!("CREATE USER MAPPING FOR missing SERVER motherduck OPTIONS (token '{secret}')"),
        format!("ALTER USER MAPPING FOR postgres SERVER motherduck OPTIONS (ADD token '{secret}')"),
        format!(
            "SET ROLE nobody; CREATE USER MAPPING FOR nobody SERVER motherduck OPTIONS (token '{secret}')"
        ),
        format!("SET ROLE nobody; CALL duckdb.enable_motherduck('{secret}')"),
        // Errors of the account.
        "INSERT INTO t SELECT 'x'::int".to_owned(),
        "SELECT i / 0 FROM t".to_owned(),
    ] {
        let error = client.batch_execute(&statement).expect_err(&statement);
        errors.push_str(&explain(&error));
        client.batch_execute("RESET ROLE").unwrap();
    }
    assert!(!errors.contains(&secret), "{errors}");
    let mut watcher = cloud.client();
    watcher.batch_execute("SET ROLE watcher").unwrap();
    for sql in [
        "SELECT a::text FROM pg_stat_activity a WHERE pid <> pg_backend_pid()",
        "SELECT s::text FROM duckdb.engine_sessions() s",
        "SELECT s::text FROM duckdb.engine_status() s",
        "SELECT s::text FROM duckdb.sync_status s",
        "SELECT m::text FROM pg_user_mappings m",
        "SELECT s::text FROM pg_foreign_server s",
        "SELECT s::text FROM pg_settings s",
        "SELECT pg_get_viewdef('v'::regclass)",
    ] {
        for row in texts(&mut watcher, sql) {
            assert!(!row.contains(&secret), "{sql}: {row}");
        }
    }
    for sql in ["EXPLAIN (VERBOSE) SELECT * FROM t, v", "EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM t, v"] {
        assert!(!texts(&mut client, sql).concat().contains(&secret), "{sql}");
    }
    for sql in
        ["SELECT name || ' ' || coalesce(value, '') FROM duckdb_settings()", "SELECT * FROM duckdb_secrets()"]
    {
        assert!(!cloud.rows(sql).concat().contains(&secret), "{sql}");
    }
    let log = cloud.log();
    assert!(log.contains("statement: <statement with a MotherDuck token>"), "statements are logged");
    assert!(
        log.contains("statement: CREATE TABLE t (i int) USING duckdb"),
        "those without a token as they are"
    );
    let line = log.lines().find(|line| line.contains(&secret));
    assert_eq!(line, None, "not in the log");
}

/// "An account that can't be reached gives an error within `duckdb.motherduck_connect_timeout` and
/// never hangs a backend; other instances go on."
#[test]
fn others_go_on_while_one_account_cannot_be_reached() {
    let cloud = Cloud::alone("others");
    let mut client = cloud.client();
    client.batch_execute("CREATE TABLE local USING duckdb AS SELECT 1 AS i").unwrap();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CREATE TABLE t USING duckdb AS SELECT 1 AS i").unwrap();
    client
        .batch_execute(
            "CREATE USER guest IN ROLE duckdb_group; GRANT SELECT ON local TO guest; \
             CREATE USER MAPPING FOR guest SERVER motherduck OPTIONS (token 'second')",
        )
        .unwrap();
    // So slow that nobody lives to see it.
    cloud.service("delay_ms = 3600000");
    let mut guest = cloud.client();
    guest.batch_execute("SET ROLE guest; SET duckdb.motherduck_connect_timeout = '300ms'").unwrap();
    assert_eq!(sqlstate(&guest.batch_execute("TABLE t").expect_err("slow")), "08001");
    assert_eq!(texts(&mut guest, "SELECT i::text FROM local"), ["1"]);
    guest
        .batch_execute("SET statement_timeout = '300ms'; SET duckdb.motherduck_connect_timeout = '1h'")
        .unwrap();
    assert_eq!(sqlstate(&guest.batch_execute("TABLE t").expect_err("cancelled")), "57014");
    guest.batch_execute("RESET statement_timeout").unwrap();
    assert_eq!(texts(&mut client, "SELECT i::text FROM t"), ["1"], "an account that is open");
    client.batch_execute("INSERT INTO t VALUES (2)").unwrap();
    cloud.service("state = 'unreachable'");
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM t, local"), ["2"]);
    let mut another = cloud.client();
    another.batch_execute("SET ROLE guest; SET duckdb.motherduck_session_hint = 'x'").unwrap();
    another.batch_execute("SET duckdb.motherduck_connect_timeout = '300ms'").unwrap();
    assert_eq!(sqlstate(&another.batch_execute("TABLE t").expect_err("away")), "08001");
    assert_eq!(texts(&mut another, "SELECT i::text FROM local"), ["1"]);
}

/// "`motherduck_session_hint`": sessions with one hint see one replica, those with another another.
#[test]
fn readers_share_a_replica_by_their_session_hint() {
    let cloud = Cloud::alone("hints");
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    client
        .batch_execute(&format!(
            "CREATE TABLE seen USING duckdb AS SELECT 1 AS i; \
             CREATE USER reader IN ROLE duckdb_group; GRANT SELECT ON seen TO reader; \
             CREATE USER MAPPING FOR reader SERVER motherduck OPTIONS (token '{}')",
            cloud.reader_token()
        ))
        .unwrap();
    // Replicas stay what they are when they are made.
    cloud.service("replica_interval_ms = 3600000");
    let reader = |hint: &str| {
        let mut reader = cloud.client();
        reader
            .batch_execute(&format!("SET ROLE reader; SET duckdb.motherduck_session_hint = '{hint}'"))
            .unwrap();
        reader
    };
    let count = "SELECT count(*)::text FROM seen";
    let mut first = reader("a");
    assert_eq!(texts(&mut first, count), ["1"]);
    client.batch_execute("INSERT INTO seen VALUES (2)").unwrap();
    let (mut same, mut other, mut none) = (reader("a"), reader("b"), reader(""));
    assert_eq!(texts(&mut same, count), ["1"], "the replica of the first");
    assert_eq!(texts(&mut other, count), ["2"], "a later one");
    client.batch_execute("INSERT INTO seen VALUES (3)").unwrap();
    assert_eq!(texts(&mut none, count), ["3"]);
    assert_eq!([first, same, other].map(|mut reader| texts(&mut reader, count).concat()), ["1", "1", "2"]);
}

/// Queries that Postgres plans read MotherDuck's tables too, beside local and heap tables.
#[test]
fn postgres_finishes_what_the_account_does_not_run() {
    let cloud = Cloud::start("finished");
    let mut client = cloud.client();
    for statement in [
        "CREATE TABLE local USING duckdb AS SELECT i, i % 3 AS g FROM generate_series(1, 20) i",
        "CREATE TABLE heap AS SELECT i, 'h' || i AS h FROM generate_series(1, 20) i",
        "CREATE FUNCTION odd(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1 % 2 = 1; END'",
    ] {
        client.batch_execute(statement).unwrap();
    }
    client.batch_execute(&cloud.enable()).unwrap();
    client
        .batch_execute(
            "CREATE TABLE cloud USING duckdb AS SELECT i, 'c' || i AS c FROM generate_series(5, 25) i",
        )
        .unwrap();
    client.batch_execute("CREATE VIEW seen AS SELECT i, c FROM cloud WHERE i < 15").unwrap();
    for query in [
        "SELECT string_agg(c, ',' ORDER BY i) FROM cloud WHERE odd(i) AND i < 12",
        "SELECT string_agg(c || h || g, ',' ORDER BY i) FROM seen JOIN local USING (i) JOIN heap USING (i) WHERE odd(i)",
        "SELECT string_agg(t, ',' ORDER BY t) FROM (SELECT g || ':' || count(*) AS t FROM local JOIN cloud USING (i) GROUP BY g) s",
        "SELECT count(*)::text FROM cloud c WHERE EXISTS (SELECT FROM local l WHERE l.i = c.i AND odd(l.g))",
    ] {
        let mut answers = Vec::new();
        for setting in ["off", "on", "scans"] {
            client.batch_execute(&format!("SET duckdb.debug_force_fallback = '{setting}'")).unwrap();
            answers.push(texts(&mut client, query));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{query}: {answers:?}");
        assert!(!answers[0][0].is_empty(), "{query}");
    }
    client.batch_execute("RESET duckdb.debug_force_fallback").unwrap();
    assert_eq!(
        texts(&mut client, "SELECT string_agg(c, ',' ORDER BY i) FROM cloud WHERE odd(i) AND i < 12"),
        ["c5,c7,c9,c11"]
    );
}

/// `pg_dump` dumps the server, the mapping with its token (it is a superuser's dump) and what was
/// synced; with another token it moves all of it into another account.
#[test]
fn a_dump_can_be_restored_into_another_account() {
    let cloud = Cloud::enabled("dumped");
    let mut client = cloud.client();
    cloud.md("CREATE TABLE t AS SELECT 1 AS i, 'x' AS t; CREATE VIEW v AS SELECT i + 1 AS j FROM t");
    client.batch_execute("CALL duckdb.sync()").unwrap();
    client.batch_execute("CREATE TABLE made (i int NOT NULL, n numeric(8,2)) USING duckdb").unwrap();
    client.batch_execute("INSERT INTO made VALUES (1, 2.5)").unwrap();
    let dump = cloud.program("pg_dump", &["dumped"]);
    for part in [
        "CREATE SERVER motherduck TYPE 'motherduck'",
        "CREATE USER MAPPING",
        "CREATE TABLE public.made",
        "CREATE VIEW public.v",
    ] {
        assert!(dump.contains(part), "{part}");
    }
    let other = Cloud::start("restored");
    // The extension is there already.
    let dump = dump.replace(&cloud.token(), &other.token());
    let said = other.psql(&format!("\\set ON_ERROR_STOP 1\n{dump}"));
    assert!(!said.contains("ERROR"), "{said}");
    other.eventually("SELECT made.i, n, t, j FROM made, t, v", &["1|2.50|x|2"]);
    assert_eq!(other.rows("SELECT t || j FROM t, v"), ["x2"]);
    assert_eq!(cloud.rows("SELECT count(*) FROM t"), ["1"], "the first account is as it was");
}
