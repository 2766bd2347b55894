//! Heap tables that DuckDB reads through a feed, when not all goes well.

use crate::fixture::{NUMBERS, explain, number, own, shared, sqlstate};
use tests::cluster::Options;
use tests::process;

#[test]
fn a_limit_abandons_a_feed_early() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE TABLE big AS SELECT g::bigint AS i, repeat('x', 100) AS t FROM generate_series(1, 500000) g",
        )
        .expect("creates");
    let backend = u32::try_from(number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers"))
        .expect("a pid");
    // A second scan of a large heap table may begin where the last one was.
    client.batch_execute("SET synchronize_seqscans = off; SET duckdb.force_execution = on").expect("sets");
    let plan = client.query("EXPLAIN SELECT * FROM big LIMIT 3", &[]).expect("explains");
    assert!(plan.iter().any(|line| line.get::<_, &str>(0).contains("DuckDBScan")), "{plan:?}");
    for _ in 0..20 {
        // From a level further down, so that the feed itself does not know of the LIMIT.
        let rows = client.query("SELECT i, t FROM (SELECT i, t FROM big) b LIMIT 3", &[]).expect("answers");
        assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [1, 2, 3]);
    }
    let read = |client: &mut postgres::Client| {
        client.batch_execute("SELECT pg_stat_force_next_flush()").expect("flushes");
        number(client, "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'big'").expect("answers")
    };
    client.batch_execute("RESET duckdb.force_execution").expect("resets");
    let read = read(&mut client);
    assert!(read < 20 * 250_000, "20 LIMITs read {read} rows of 500000 each");
    // The whole table still comes, and no segment stays mapped.
    let sql = "SELECT count(*) FROM big b JOIN numbers n ON b.i = n.i";
    assert_eq!(number(&mut client, sql).expect("answers"), NUMBERS);
    assert_eq!(process::shared_segments(backend).expect("alive"), 0);
    assert_eq!(process::shared_segments(cluster.engine_pid().expect("runs")).expect("alive"), 0);
}

/// The error is raised by Postgres in the middle of the engine's wait for rows.
#[test]
fn an_error_of_a_feeds_own_function_leaves_the_session_usable() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    let backend = number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers");
    client
        .batch_execute(
            "CREATE FUNCTION picky(i bigint) RETURNS bigint LANGUAGE plpgsql AS \
             $$ BEGIN RETURN 1000 / (i - 15000); END $$; \
             CREATE TABLE guarded AS SELECT i FROM source; \
             ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; \
             CREATE POLICY p ON guarded USING (picky(i) IS NOT NULL); \
             CREATE ROLE reader; GRANT SELECT ON guarded, numbers TO reader",
        )
        .expect("creates");
    client.batch_execute("CREATE TABLE target (i bigint) USING duckdb").expect("creates");
    client.batch_execute("CREATE VIEW risky AS SELECT 1000 / (i - 15000) AS q FROM source").expect("creates");
    for round in 0..5 {
        // A function only Postgres can compute, as the source of an INSERT.
        let error = client
            .batch_execute("INSERT INTO target SELECT picky(i) FROM source")
            .expect_err("divides by zero");
        assert_eq!(sqlstate(&error), "22012", "round {round}: {}", explain(&error));
        // A row security policy below a join.
        client.batch_execute("SET ROLE reader").expect("sets");
        let error = client
            .query("SELECT count(*) FROM guarded g JOIN numbers n ON g.i = n.i", &[])
            .expect_err("divides by zero");
        assert_eq!(sqlstate(&error), "22012", "round {round}: {}", explain(&error));
        client.batch_execute("RESET ROLE").expect("resets");
        // DuckDB's own division, fed by a heap table.
        let error = client
            .query("SELECT sum(q) FROM risky r, numbers n WHERE n.i = 1", &[])
            .expect_err("divides by zero");
        assert_eq!(sqlstate(&error), "22012", "round {round}: {}", explain(&error));
        let sql = "SELECT count(*) FROM source s JOIN numbers n ON s.i = n.i";
        assert_eq!(number(&mut client, sql).expect("the session works"), NUMBERS);
        assert_eq!(number(&mut client, "SELECT count(*) FROM target").expect("answers"), 0);
    }
    assert_eq!(number(&mut client, "SELECT pg_backend_pid()::bigint").expect("answers"), backend);
    client
        .batch_execute(
            "DROP VIEW risky; DROP TABLE guarded; DROP FUNCTION picky(bigint); DROP OWNED BY reader; DROP ROLE reader",
        )
        .expect("drops");
    client.batch_execute("DROP TABLE target").expect("drops");
}

#[test]
fn explain_analyze_runs_a_statement_once() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE once (i bigint) USING duckdb").expect("creates");
    client.batch_execute("CREATE TEMP SEQUENCE calls").expect("creates");
    // Postgres computes nextval, DuckDB writes.
    client
        .batch_execute("EXPLAIN (ANALYZE, VERBOSE) INSERT INTO once SELECT nextval('calls') FROM source")
        .expect("explains");
    assert_eq!(number(&mut client, "SELECT last_value FROM calls").expect("answers"), NUMBERS);
    assert_eq!(number(&mut client, "SELECT count(*) FROM once").expect("answers"), NUMBERS);
    client.batch_execute("EXPLAIN ANALYZE INSERT INTO once SELECT i FROM numbers").expect("explains");
    assert_eq!(number(&mut client, "SELECT count(*) FROM once").expect("answers"), 2 * NUMBERS);
    // Without ANALYZE: not at all.
    client.batch_execute("EXPLAIN INSERT INTO once SELECT i FROM numbers").expect("explains");
    assert_eq!(number(&mut client, "SELECT count(*) FROM once").expect("answers"), 2 * NUMBERS);
    client.batch_execute("DROP TABLE once").expect("drops");
}

/// A feed reads under its query's snapshot: what others commit while it runs is not seen, and what
/// its own transaction has changed before is.
#[test]
fn a_feed_sees_one_snapshot() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    let mut other = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE TABLE rows AS SELECT g AS i, repeat('x', 200) AS t FROM generate_series(1, 60000) g",
        )
        .expect("creates");
    client.batch_execute("CREATE TABLE kinds USING duckdb AS SELECT 1 AS kind").expect("creates");
    client
        .batch_execute(
            "BEGIN; DELETE FROM rows WHERE i <= 10; \
             DECLARE c CURSOR FOR SELECT r.i FROM rows r, kinds WHERE length(r.t) = 200",
        )
        .expect("declares");
    let first = client.query("FETCH 100 FROM c", &[]).expect("fetches").len();
    other
        .batch_execute(
            "DELETE FROM rows WHERE i > 30000; UPDATE rows SET t = 'short' WHERE i BETWEEN 20000 AND 20100",
        )
        .expect("changes");
    let rest = client.query("FETCH ALL FROM c", &[]).expect("fetches").len();
    assert_eq!(first + rest, 59_990);
    // The next statement sees what was committed.
    let left =
        number(&mut client, "SELECT count(*) FROM rows r, kinds WHERE length(r.t) = 200").expect("answers");
    assert_eq!(left, 30_000 - 10 - 101);
    client.batch_execute("COMMIT").expect("commits");
}
