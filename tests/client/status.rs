//! `duckdb.engine_status()` and `duckdb.engine_sessions()`.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use postgres::NoTls;

use crate::fixture::{ENDLESS, NUMBERS, number, quiet, shared};

#[test]
fn status_tells_of_the_engine_and_its_queries() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    let row = client
        .query_one(
            "SELECT pid::bigint, started_at <= now(), restarts, memory_bytes, memory_limit_bytes, duckdb_version, \
             last_error FROM duckdb.engine_status()",
            &[],
        )
        .expect("one row");
    let pid: i64 = row.get(0);
    assert_eq!(cluster.engine_processes(), [u32::try_from(pid).expect("a pid")]);
    assert!(row.get::<_, bool>(1), "started in the past");
    assert_eq!(row.get::<_, i64>(2), 0, "restarts");
    assert!(row.get::<_, i64>(3) >= 0);
    assert!(row.get::<_, i64>(4) > 0, "memory is bounded");
    assert!(row.get::<_, String>(5).contains("1.5.5"));
    assert_eq!(row.get::<_, Option<String>>(6), None);
}

#[test]
fn sessions_show_the_running_query() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    let token = client.cancel_token();
    std::thread::scope(|scope| {
        scope.spawn(|| client.batch_execute(ENDLESS));
        std::thread::sleep(Duration::from_millis(400));
        let mut other = cluster.client().expect("connects");
        let seen = other.query(
            "SELECT state, query, started_at <= now() FROM duckdb.engine_sessions() WHERE backend_pid = $1::bigint",
            &[&backend],
        );
        let running = number(&mut other, "SELECT running_queries::bigint FROM duckdb.engine_status()");
        // First let the query end: a failed assertion would wait for it for hours.
        token.cancel_query(NoTls).expect("cancels");
        let seen = seen.expect("answers");
        assert_eq!(seen.len(), 1);
        assert!(!seen[0].get::<_, String>(0).is_empty());
        assert!(seen[0].get::<_, Option<String>>(1).is_some_and(|query| query.contains("numbers")));
        assert_eq!(seen[0].get::<_, Option<bool>>(2), Some(true));
        assert_eq!(running.expect("answers"), 1);
    });
}

#[test]
fn only_monitors_see_the_sessions_of_others() {
    let cluster = quiet();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE ROLE nobody_special").expect("creates");
    client.batch_execute("SET ROLE nobody_special").expect("sets");
    client.batch_execute("SELECT * FROM duckdb.engine_sessions()").expect_err("is refused");
    client.batch_execute("SELECT * FROM duckdb.engine_status()").expect("is for everybody");
    client.batch_execute("RESET ROLE; DROP ROLE nobody_special").expect("drops");
}

#[test]
fn files_and_socket_are_private_and_the_log_tells_of_the_engine() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("opens the store"), NUMBERS);
    let database: u32 = client
        .query_one("SELECT oid FROM pg_database WHERE datname = current_database()", &[])
        .expect("asks")
        .get(0);
    let data = cluster.data_directory();
    let mode = |path: &str| {
        let metadata = std::fs::metadata(data.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        metadata.permissions().mode() & 0o777
    };
    for directory in ["pg_duckdb", "pg_duckdb/run"] {
        assert_eq!(mode(directory), 0o700, "{directory}");
    }
    for file in ["pg_duckdb/run/engine.sock".to_owned(), format!("pg_duckdb/{database}/store.duckdb")] {
        assert_eq!(mode(&file), 0o600, "{file}");
    }
    // The kernel takes the engine before any process of Postgres.
    let engine = cluster.engine_pid().expect("runs");
    let score = |pid: u32| -> i32 {
        let text = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).expect("alive");
        text.trim().parse().expect("a number")
    };
    assert!(score(engine) > score(cluster.postmaster_pid().expect("runs")));
    let log = cluster.log().expect("log");
    assert!(log.contains("LOG:  pg_duckdb engine: pg_duckdb engine is ready"), "{log}");
}
