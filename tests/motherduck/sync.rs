//! The sync worker: what it does on request, what it survives, and what it must not repeat.

use std::time::Duration;

use crate::fixture::{Cloud, explain, sqlstate, texts};
use tests::wait;

/// How long anything may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// "CALL duckdb.force_motherduck_sync(drop_with_cascade)", `duckdb.sync(wait)` and what they need.
#[test]
fn a_sync_can_be_forced() {
    let cloud = Cloud::enabled("forced");
    let mut client = cloud.client();
    cloud.md("CREATE TABLE t (a INTEGER, b INTEGER); CREATE TABLE u (i INTEGER)");
    client.batch_execute("CALL duckdb.force_motherduck_sync()").unwrap();
    // Postgres' own view (of a heap table too) depends on the column.
    client
        .batch_execute(
            "CREATE TABLE heap (b int); CREATE VIEW dependent AS SELECT b FROM t JOIN heap USING (b)",
        )
        .unwrap();
    cloud.md("ALTER TABLE t ALTER b TYPE VARCHAR; ALTER TABLE u ADD COLUMN j INTEGER");
    cloud.eventually("SELECT i, j FROM u", &[]);
    cloud.eventually("SELECT failures FROM duckdb.sync_status", &["1"]);
    assert!(
        texts(&mut client, "SELECT last_error FROM duckdb.sync_status").concat().contains("\"public\".\"t\"")
    );
    let type_of_b = "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 't'::regclass AND attname = 'b'";
    client.batch_execute("CALL duckdb.force_motherduck_sync(false)").unwrap();
    assert_eq!(texts(&mut client, type_of_b), ["integer"], "what depends on it is not dropped");
    client.batch_execute("CALL duckdb.force_motherduck_sync(drop_with_cascade := true)").unwrap();
    assert_eq!(texts(&mut client, type_of_b), ["text"]);
    assert_eq!(sqlstate(&client.batch_execute("TABLE dependent").expect_err("went with it")), "42P01");
    cloud.eventually("SELECT failures FROM duckdb.sync_status", &["0"]);
    // Not for everybody, and not in a transaction that would never see the end.
    client.batch_execute("CREATE USER impatient IN ROLE duckdb_group; SET ROLE impatient").unwrap();
    let error = client.batch_execute("CALL duckdb.force_motherduck_sync(true)").expect_err("superusers only");
    assert_eq!(sqlstate(&error), "42501");
    client.batch_execute("CALL duckdb.sync(wait := false)").expect("anybody may wake the worker");
    client.batch_execute("RESET ROLE; BEGIN ISOLATION LEVEL REPEATABLE READ").unwrap();
    let error = client.batch_execute("CALL duckdb.sync(wait := true)").expect_err("sees one state");
    assert_eq!(sqlstate(&error), "25000", "{}", explain(&error));
    client.batch_execute("ROLLBACK").unwrap();
}

/// A relation that cannot be altered to what it has become in MotherDuck is another one in Postgres, with
/// the privileges of the first, as far as it has the columns.
#[test]
fn privileges_outlive_a_relation_that_is_made_anew() {
    let cloud = Cloud::enabled("granted");
    let mut client = cloud.client();
    cloud.md("CREATE TABLE t (a INTEGER, b INTEGER, \"gone C\" INTEGER); CREATE VIEW v AS SELECT a FROM t");
    client
        .batch_execute(
            "CALL duckdb.sync(); CREATE ROLE reads; CREATE ROLE \"odd role\"; \
             GRANT SELECT ON t, v TO reads WITH GRANT OPTION; GRANT INSERT ON t TO PUBLIC; \
             GRANT UPDATE (b), SELECT (\"gone C\") ON t TO \"odd role\"; REVOKE DELETE ON t FROM duckdb_group",
        )
        .unwrap();
    let granted = "SELECT format('%s.%s %s to %s %s', relname, attname, privilege_type, \
                   CASE grantee WHEN 0 THEN 'all' ELSE grantee::regrole::text END, is_grantable) \
                   FROM (SELECT relname, NULL AS attname, relowner, (aclexplode(relacl)).* FROM pg_class \
                         WHERE relname IN ('t', 'v') \
                         UNION ALL SELECT relname, attname, relowner, (aclexplode(attacl)).* FROM pg_class \
                         JOIN pg_attribute ON attrelid = pg_class.oid WHERE relname = 't') AS acl \
                   WHERE grantee <> relowner AND attname IS DISTINCT FROM 'gone C' ORDER BY 1";
    let before = texts(&mut client, granted);
    assert!(before.contains(&"t.b UPDATE to \"odd role\" f".to_owned()), "{before:?}");
    assert!(!before.contains(&"t. DELETE to duckdb_group f".to_owned()), "{before:?}");
    let oids = "SELECT oid::text FROM pg_class WHERE relname IN ('t', 'v') ORDER BY relname";
    let old = texts(&mut client, oids);
    cloud.md("CREATE OR REPLACE TABLE t (b VARCHAR, a INTEGER); CREATE OR REPLACE VIEW v AS SELECT 'x' AS b");
    client.batch_execute("CALL duckdb.sync()").unwrap();
    let new = texts(&mut client, oids);
    assert!(old.len() == 2 && old.iter().all(|oid| !new.contains(oid)), "made anew: {old:?}, {new:?}");
    assert_eq!(texts(&mut client, granted), before);
}

/// "survives any single bad relation (name clash, unsupported column type: reported once, not every
/// second)".
#[test]
fn a_bad_relation_is_reported_once() {
    let cloud = Cloud::start("bad");
    let mut client = cloud.client();
    client.batch_execute("CREATE TABLE clash (mine text); INSERT INTO clash VALUES ('kept')").unwrap();
    let long = "y".repeat(70);
    cloud.md(&format!(
        "CREATE TABLE clash (i INTEGER); CREATE VIEW broken AS SELECT 1 AS i; \
         CREATE TABLE base (i INTEGER); CREATE VIEW orphan AS SELECT i FROM base; DROP TABLE base; \
         CREATE TABLE fine AS SELECT 1 AS i; CREATE TABLE {long} (i INTEGER)"
    ));
    client.batch_execute(&cloud.enable()).unwrap();
    cloud.eventually("SELECT i FROM fine", &["1"]);
    cloud.eventually("SELECT failures FROM duckdb.sync_status", &["1"]);
    // Several more looks, each of which finds something to do.
    for i in 0..5 {
        cloud.md(&format!("CREATE TABLE more{i} (i INTEGER)"));
        client.batch_execute("CALL duckdb.sync()").unwrap();
    }
    assert_eq!(texts(&mut client, "TABLE clash"), ["kept"]);
    assert_eq!(cloud.logged("\"public\".\"clash\" could not be synced"), 1);
    assert_eq!(cloud.logged(&format!("{long}\" is not in Postgres")), 1);
    cloud.md(&format!("DROP TABLE clash; DROP TABLE {long}"));
    cloud.eventually("SELECT failures FROM duckdb.sync_status", &["0"]);
}

/// "backs off on a bad token without a crash loop".
#[test]
fn a_bad_token_is_reported_once() {
    let cloud = Cloud::start("bad_token");
    let mut client = cloud.client();
    client.batch_execute("CALL duckdb.enable_motherduck('no-such-token')").unwrap();
    wait::until("a worker that has said so", PATIENCE, || {
        cloud.worker().is_some()
            && cloud.logged("could not be reached: the MotherDuck token is not valid") > 0
    })
    .unwrap();
    let (worker, said) =
        (cloud.worker(), cloud.logged("could not be reached: the MotherDuck token is not valid"));
    // Each wakes the worker, which tries at once.
    for _ in 0..20 {
        client.batch_execute("CALL duckdb.sync(wait := false)").unwrap();
    }
    assert_eq!(cloud.worker(), worker, "the same process goes on");
    assert_eq!(cloud.logged("could not be reached: the MotherDuck token is not valid"), said);
    client
        .batch_execute(&format!(
            "ALTER USER MAPPING FOR CURRENT_USER SERVER motherduck OPTIONS (SET token '{}')",
            cloud.token()
        ))
        .unwrap();
    cloud.md("CREATE TABLE t AS SELECT 1 AS i");
    client.batch_execute("CALL duckdb.sync()").expect("does not wait for the end of the back-off");
    assert_eq!(texts(&mut client, "SELECT i::text FROM t"), ["1"]);
    assert_eq!(cloud.worker(), worker);
}

/// Databases come and go while the worker runs; so do their schemas and their lines in the status.
#[test]
fn databases_come_and_go() {
    let cloud = Cloud::enabled("databases");
    let mut client = cloud.client();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    cloud.md("CREATE DATABASE passing; CREATE SCHEMA passing.s; CREATE TABLE passing.s.t AS SELECT 1 AS i; \
              CREATE VIEW passing.main.v AS SELECT 2 AS i");
    cloud.eventually("SELECT t.i, v.i FROM ddb$passing$s.t, ddb$passing.v", &["1|2"]);
    cloud.md("DROP DATABASE passing");
    cloud.eventually("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'ddb$%'", &["0"]);
    cloud.eventually("SELECT database FROM duckdb.sync_status", &["my_db"]);
}

/// `tables_owner_role`, the privileges of schemas and synced relations, and tables in schemas of MotherDuck.
#[test]
fn synced_relations_belong_to_the_owner_role() {
    let cloud = Cloud::start("owners");
    let mut client = cloud.client();
    cloud.md(
        "CREATE DATABASE other; CREATE TABLE other.main.there (i INTEGER); CREATE VIEW v AS SELECT 1 AS i; \
         CREATE SCHEMA closed; CREATE TABLE closed.t (i INTEGER)",
    );
    client
        .batch_execute(&format!(
            "CREATE SCHEMA closed; CREATE USER stranger; \
             CREATE USER keeper; CREATE USER member IN ROLE duckdb_group; GRANT CREATE ON SCHEMA public TO keeper, member; \
             CREATE SERVER motherduck TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb OPTIONS (tables_owner_role 'keeper'); \
             CREATE USER MAPPING FOR PUBLIC SERVER motherduck OPTIONS (token '{}')",
            cloud.token()
        ))
        .unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    let mut member = cloud.client();
    member.batch_execute("SET ROLE member").unwrap();
    member.batch_execute("CREATE TABLE made (i int) USING duckdb").unwrap();
    member.batch_execute("CREATE VIEW seen AS SELECT i FROM made").unwrap();
    member.batch_execute("INSERT INTO made VALUES (1)").expect("members of duckdb.postgres_role may use all");
    assert_eq!(texts(&mut member, "SELECT seen.i::text FROM seen, v, ddb$other.there").len(), 0);
    let owners = "SELECT relname || ' ' || relowner::regrole FROM pg_class \
                  WHERE relname IN ('there', 'v', 'made', 'seen') ORDER BY 1";
    assert_eq!(texts(&mut client, owners), ["made keeper", "seen keeper", "there keeper", "v keeper"]);
    // In a schema that stands for a database tables are duckdb tables, whatever the default.
    client.batch_execute("CREATE TABLE ddb$other.plain (i int)").unwrap();
    client.batch_execute("CREATE TABLE ddb$other.filled AS SELECT 5 AS five").unwrap();
    assert_eq!(cloud.rows("SELECT five FROM other.main.filled"), ["5"]);
    assert_eq!(cloud.rows("SELECT count(*) FROM other.main.plain"), ["0"]);
    let error = client.batch_execute("CREATE TABLE ddb$other.no (i int) USING heap").expect_err("not there");
    assert_eq!(sqlstate(&error), "0A000");
    // A schema that stands for a database is for all who may use DuckDB, and its maker is the owner role;
    // one that was there before is as Postgres' users have made it.
    let rights = "SELECT nspname || ' ' || has_schema_privilege('keeper', oid, 'CREATE') || ' ' || \
                  has_schema_privilege('member', oid, 'USAGE') || ' ' || has_schema_privilege('stranger', oid, 'USAGE') \
                  FROM pg_namespace WHERE nspname IN ('ddb$other', 'closed') ORDER BY 1";
    assert_eq!(texts(&mut client, rights), ["closed false false false", "ddb$other true true false"]);
    assert_eq!(texts(&mut client, "SELECT (to_regclass('closed.t') IS NULL)::text"), ["true"]);
    assert_eq!(cloud.logged("permission denied for schema closed"), 1);
    client
        .batch_execute("GRANT ALL ON SCHEMA closed TO keeper; CALL duckdb.force_motherduck_sync()")
        .unwrap();
    cloud.eventually("SELECT count(*) FROM closed.t", &["0"]);
    // What users grant stays while the sync goes on.
    client.batch_execute("GRANT SELECT ON made TO stranger").unwrap();
    cloud.md("ALTER TABLE made ADD COLUMN j INTEGER");
    cloud.eventually("SELECT j FROM made", &[""]);
    assert_eq!(
        texts(&mut client, "SELECT has_table_privilege('stranger', 'made', 'SELECT')::text"),
        ["true"]
    );
}

/// Two Postgres databases with two accounts, and one account in two databases.
#[test]
fn accounts_are_kept_apart() {
    let (one, two) = (Cloud::enabled("apart_one"), Cloud::enabled("apart_two"));
    let third = one.beside("apart_three");
    one.md("CREATE TABLE same AS SELECT 'one' AS t");
    two.md("CREATE TABLE same AS SELECT 'two' AS t");
    third.client().batch_execute(&one.enable()).unwrap();
    for (cloud, expected) in [(&one, "one"), (&two, "two"), (&third, "one")] {
        cloud.eventually("SELECT t FROM same", &[expected]);
    }
    third.client().batch_execute("UPDATE same SET t = 'changed'").unwrap();
    one.eventually("SELECT t FROM same", &["changed"]);
    two.eventually("SELECT t FROM same", &["two"]);
    // Two users of one database with two accounts: Postgres' catalogs are the owner's.
    let mut client = one.client();
    client
        .batch_execute(&format!(
            "CREATE USER guest IN ROLE duckdb_group; \
             CREATE USER MAPPING FOR guest SERVER motherduck OPTIONS (token '{}')",
            two.token()
        ))
        .unwrap();
    let mut guest = one.client();
    guest.batch_execute("SET ROLE guest").unwrap();
    assert_eq!(texts(&mut guest, "SELECT t FROM same"), ["two"]);
    guest.batch_execute("RESET ROLE").unwrap();
    assert_eq!(texts(&mut guest, "SELECT t FROM same"), ["changed"]);
}

/// What a sync of an empty Postgres has to do.
const RELATIONS: &str = "CREATE SCHEMA s; CREATE TABLE a AS SELECT 1 AS i; CREATE TABLE s.b AS SELECT 2 AS i; \
     CREATE VIEW v AS SELECT 3 AS i; COMMENT ON TABLE a IS 'commented'";

/// What then changes.
const CHANGES: &str = "DROP TABLE a; CREATE VIEW a AS SELECT 4 AS i; ALTER TABLE s.b ADD COLUMN j INTEGER; \
     ALTER VIEW v RENAME TO w; CREATE TABLE c AS SELECT 5 AS i";

const STATE: &str = "SELECT (SELECT i FROM a), (SELECT i FROM s.b WHERE j IS NULL), (SELECT i FROM w), (SELECT i FROM c), \
     (SELECT count(*) FROM duckdb.tables), to_regclass('v') IS NULL";

/// Hits `victim` (see `duckdb.debug_crash_at`) at each of the `steps` of a sync: the worker that goes
/// on has both catalogs agree. `said`: what the server logs of a hit.
///
/// A kill of the worker takes the whole server down for a moment, whenever that is, and the engine with
/// it: so everything here is tried until it is done, and may be done twice.
fn hit_at_steps(name: &str, victim: &str, said: &str, steps: impl Iterator<Item = u32>) {
    let cloud = Cloud::alone_with(
        name,
        // A server that recovers has to have what was committed.
        &[("restart_after_crash", "on"), ("synchronous_commit", "on")],
    );
    let insist = |sql: &str| {
        let done = || cloud.try_client().is_some_and(|mut client| client.batch_execute(sql).is_ok());
        wait::until(sql, PATIENCE, done).expect("is done");
    };
    let exists = |relation: &str| {
        format!("SELECT count(*) = 1 FROM duckdb_columns() WHERE NOT internal AND table_name = '{relation}'")
    };
    for step in steps {
        cloud.md_insist(RELATIONS, &exists("v"));
        let hits = cloud.logged(said);
        let is_hit = || cloud.logged(said) > hits;
        insist(&format!("ALTER DATABASE {name} SET duckdb.debug_crash_at = '{victim}@Sync{step}'"));
        insist(&cloud.enable());
        // The first worker has the setting, those that follow have not.
        wait::until("a worker", PATIENCE, || cloud.worker().is_some() || is_hit()).expect("starts");
        insist(&format!("ALTER DATABASE {name} RESET ALL"));
        // It reaches the step now, or with the changes.
        cloud.md_insist(CHANGES, &exists("c"));
        // One look may have seen both, which are fewer steps then: so there is more to do until it is hit.
        let mut comment = 0;
        wait::until(said, PATIENCE, || {
            comment += 1;
            drop(cloud.run_engine_sql(&format!("COMMENT ON TABLE c IS 'comment {comment}'")));
            is_hit()
        })
        .unwrap_or_else(|error| panic!("step {step}: {error}"));
        insist("CALL duckdb.sync()");
        cloud.eventually(STATE, &["4|2|3|5|4|t"]);
        insist("DROP SERVER IF EXISTS motherduck CASCADE");
        let workers = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'pg_duckdb sync worker'";
        cloud.eventually(workers, &["0"]);
        cloud.md_insist(
            "DROP VIEW IF EXISTS a; DROP VIEW IF EXISTS w; DROP SCHEMA IF EXISTS s CASCADE; DROP TABLE IF EXISTS c",
            "SELECT count(*) = 0 FROM duckdb_columns() WHERE NOT internal",
        );
    }
}

/// The worker ends, as when it is terminated, before and after each thing it does.
#[test]
fn a_worker_that_ends_at_any_step_is_replaced() {
    hit_at_steps("steps_end", "end", "terminating background worker", 1..=12);
}

/// "worker killed at every step".
#[test]
fn a_worker_that_is_killed_at_any_step_is_replaced() {
    hit_at_steps("steps_kill", "backend", "was terminated by signal 9", 1..=12);
}

/// "engine killed during a sync": at a step of it; the same worker goes on.
#[test]
fn an_engine_that_is_killed_at_a_step_of_a_sync_is_replaced() {
    hit_at_steps("steps_engine", "engine", "DuckDB engine was terminated by signal 9", [1, 4, 7].into_iter());
}

/// The engine is killed again and again while a sync runs: it is finished all the same.
#[test]
fn a_sync_goes_on_after_the_engine_was_killed() {
    let cloud = Cloud::alone("killed");
    let tables: Vec<String> = (0..300).map(|i| format!("CREATE TABLE t{i} (i INTEGER, t VARCHAR)")).collect();
    cloud.md(&tables.join("; "));
    cloud.client().batch_execute(&cloud.enable()).unwrap();
    for least in [1, 60, 150] {
        let sql = format!("SELECT count(*) >= {least} FROM duckdb.tables");
        cloud.eventually(&sql, &["t"]);
        cloud.kill_engine();
    }
    cloud.eventually("SELECT count(*) FROM duckdb.tables", &["300"]);
    cloud.md("ALTER TABLE t7 ADD COLUMN more INTEGER");
    cloud.eventually("SELECT more FROM t7", &[]);
}
