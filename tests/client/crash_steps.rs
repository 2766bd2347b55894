//! A process is killed at each step of a commit, for every kind of statement: afterwards both
//! catalogs and the data agree, and are what `pg_xact` says.
//!
//! `duckdb.debug_crash_at` names victim and step (`src/crash.rs`). `CRASH=all` runs every kind alone
//! with every victim at every step, which takes a quarter of an hour; otherwise a part of it.

use std::process::Command;
use std::time::Duration;

use postgres::Client;
use tests::artifacts::Artifacts;
use tests::cluster::{Cluster, Options, Shutdown};
use tests::wait;

use crate::fixture::own;

const VICTIMS: [&str; 4] = ["backend", "engine", "supervisor", "postmaster"];
const STEPS: [&str; 5] = ["PreCommit", "BeforeDuckdb", "AfterDuckdb", "AfterPostgres", "Resolved"];

/// Tables that the statements work on.
const TABLES: &str = "
    CREATE SCHEMA s;
    CREATE SCHEMA r;
    CREATE SCHEMA o;
    CREATE SCHEMA called;
    CREATE TABLE dropped (i int PRIMARY KEY, t text) USING duckdb;
    CREATE TABLE indexed (i int, t text NOT NULL) USING duckdb;
    CREATE INDEX ON indexed (t);
    CREATE TABLE emptied (i int PRIMARY KEY, t text) USING duckdb;
    CREATE TABLE added (i int) USING duckdb;
    CREATE TABLE lost (i int, t text NOT NULL, u int) USING duckdb;
    CREATE TABLE typed (i int, t text) USING duckdb;
    CREATE TABLE renamed (i int, t text) USING duckdb;
    CREATE TABLE named (i int, t text) USING duckdb;
    CREATE INDEX ON named (i);
    CREATE TABLE needed (i int, t text) USING duckdb;
    CREATE TABLE checked (i int) USING duckdb;
    CREATE TABLE leaving (i int, t text) USING duckdb;
    CREATE TABLE s.moved (i int, t text) USING duckdb;
    CREATE TABLE r.cascaded (i int) USING duckdb;
    CREATE TABLE loose (i int NOT NULL PRIMARY KEY, t text CHECK (t <> 'no'), u int NOT NULL) USING duckdb;
    CREATE INDEX loose_u ON loose (u);
    CREATE TABLE keyed (i int, g int GENERATED ALWAYS AS (i * 2) STORED) USING duckdb;
    CREATE TABLE counted (i int GENERATED ALWAYS AS IDENTITY, t text) USING duckdb;
    CREATE TABLE o.owned (i int) USING duckdb;
    CREATE TABLE o.owned_too (i int) USING duckdb;
    ALTER TABLE o.owned OWNER TO crash_owner;
    ALTER TABLE o.owned_too OWNER TO crash_owner;
    CREATE TABLE called.within (i int) USING duckdb;
    CREATE TABLE rows (i int PRIMARY KEY, t text) USING duckdb";

/// A heap table that becomes a duckdb table, with its row.
const HEAP: &str = "CREATE TABLE arriving AS SELECT 1 AS i, 'a' AS t";

/// Rows for them.
const ROWS: &str = "
    INSERT INTO dropped VALUES (1, 'a'), (2, 'b');
    INSERT INTO indexed VALUES (1, 'a'), (2, 'b');
    INSERT INTO emptied VALUES (1, 'a'), (2, 'b');
    INSERT INTO added VALUES (1), (2);
    INSERT INTO lost VALUES (1, 'a', 3), (2, 'b', 4);
    INSERT INTO typed VALUES (1, '10'), (2, '20');
    INSERT INTO renamed VALUES (1, 'a');
    INSERT INTO named VALUES (1, 'a');
    INSERT INTO needed VALUES (1, 'a');
    INSERT INTO checked VALUES (1);
    INSERT INTO leaving VALUES (1, 'a');
    INSERT INTO s.moved VALUES (1, 'a');
    INSERT INTO r.cascaded VALUES (1);
    INSERT INTO loose VALUES (1, 'a', 1);
    INSERT INTO keyed VALUES (1), (2);
    INSERT INTO counted (t) VALUES ('a'), ('b');
    INSERT INTO o.owned VALUES (1);
    INSERT INTO called.within VALUES (1);
    INSERT INTO rows VALUES (1, 'a'), (2, 'b'), (3, 'c')";

/// Every kind of DDL that concerns DuckDB, so made that all of them can share a transaction.
const DDL: [&str; 29] = [
    "CREATE TABLE made (i int PRIMARY KEY, t text) USING duckdb",
    "CREATE TABLE selected USING duckdb AS SELECT i, 'x' AS t FROM generate_series(1, 3) i",
    "DROP TABLE dropped",
    "DROP TABLE indexed",
    "TRUNCATE emptied",
    "ALTER TABLE added ADD COLUMN n int DEFAULT 7, ADD COLUMN t text",
    "ALTER TABLE lost DROP COLUMN t",
    "ALTER TABLE typed ALTER COLUMN t TYPE int USING t::int",
    "ALTER TABLE renamed RENAME COLUMN t TO text",
    "ALTER TABLE named RENAME TO other_name",
    "ALTER TABLE needed ALTER COLUMN t SET NOT NULL",
    "ALTER TABLE checked ADD CONSTRAINT positive CHECK (i > 0)",
    "ALTER TABLE leaving SET ACCESS METHOD heap",
    "ALTER TABLE s.moved SET SCHEMA public",
    "DROP SCHEMA r CASCADE",
    "CREATE INDEX ON typed (i)",
    "CREATE SCHEMA n CREATE TABLE n.inside (i int) USING duckdb",
    "CREATE TABLE imaged (LIKE loose INCLUDING ALL) USING duckdb",
    "ALTER TABLE arriving SET ACCESS METHOD duckdb",
    "ALTER TABLE loose DROP CONSTRAINT loose_pkey, ALTER COLUMN i DROP NOT NULL",
    "ALTER TABLE loose DROP CONSTRAINT loose_t_check",
    "ALTER TABLE loose ALTER COLUMN u DROP NOT NULL, ALTER COLUMN t SET DEFAULT 'd'",
    "DROP INDEX loose_u",
    "CREATE UNIQUE INDEX ON loose (t)",
    "ALTER TABLE keyed ADD PRIMARY KEY (i)",
    "ALTER TABLE keyed ALTER COLUMN g DROP EXPRESSION",
    "TRUNCATE counted RESTART IDENTITY",
    "DROP OWNED BY crash_owner CASCADE",
    "ALTER SCHEMA called RENAME TO other_schema",
];

/// Every kind of change of rows.
const DML: [&str; 8] = [
    "INSERT INTO dropped VALUES (3, 'c')",
    "UPDATE emptied SET t = t || '!'",
    "DELETE FROM indexed WHERE i = 1",
    "COPY added FROM PROGRAM 'seq 11 13'",
    "MERGE INTO rows USING (VALUES (1), (9)) AS s (k) ON i = k WHEN MATCHED THEN UPDATE SET t = 'merged' \
     WHEN NOT MATCHED THEN INSERT VALUES (k, 'new')",
    "INSERT INTO rows VALUES (2, 'upserted'), (8, 'eight') ON CONFLICT (i) DO UPDATE SET t = excluded.t",
    "WITH gone AS (DELETE FROM rows WHERE i = 3 RETURNING t) INSERT INTO lost (i, t) SELECT 7, t FROM gone",
    "UPDATE rows SET i = i + 100",
];

/// All that Postgres says of the duckdb tables, and all their rows.
fn state(client: &mut Client) -> String {
    let tables = client
        .query(
            "SELECT c.oid::regclass::text, array_to_string(array_agg(quote_ident(attname) ORDER BY attnum), ', ') \
             FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_attribute t ON attrelid = c.oid \
             WHERE amname = 'duckdb' AND relkind = 'r' AND attnum > 0 AND NOT attisdropped \
             GROUP BY 1 ORDER BY 1",
            &[],
        )
        .expect("the tables");
    let mut state = String::new();
    for table in tables {
        let (name, columns): (String, String) = (table.get(0), table.get(1));
        let rows = client
            .simple_query(&format!("SELECT {columns} FROM {name} ORDER BY 1"))
            .unwrap_or_else(|error| panic!("{name} cannot be read: {}", crate::fixture::explain(&error)));
        let rows: Vec<String> = rows
            .iter()
            .filter_map(|message| match message {
                postgres::SimpleQueryMessage::Row(row) => {
                    Some((0..row.len()).map(|i| row.get(i).unwrap_or("null")).collect::<Vec<_>>().join(","))
                }
                _ => None,
            })
            .collect();
        state.push_str(&format!("{name}({columns}): {}\n", rows.join(" ")));
    }
    // What belongs to the tables, a line each; a table may have any of it without a row that shows it.
    let parts = "WITH tables AS (SELECT c.oid, c.oid::regclass::text AS name, relowner::regrole::text AS owner \
                 FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'duckdb' AND relkind = 'r') \
         SELECT format('%s is owned by %s', name, owner) FROM tables \
         UNION ALL SELECT format('%s.%s %s %s %s', name, attname, format_type(atttypid, atttypmod), \
                 CASE WHEN attnotnull THEN 'not null' END, pg_get_expr(adbin, adrelid)) \
             FROM tables JOIN pg_attribute t ON attrelid = tables.oid AND attnum > 0 AND NOT attisdropped \
             LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum \
         UNION ALL SELECT format('%s: %s %s', name, conname, pg_get_constraintdef(c.oid)) \
             FROM tables JOIN pg_constraint c ON conrelid = tables.oid \
         UNION ALL SELECT pg_get_indexdef(indexrelid) FROM tables JOIN pg_index ON indrelid = tables.oid ORDER BY 1";
    for part in client.query(parts, &[]).expect("what belongs to the tables") {
        state.push_str(&format!("{}\n", part.get::<_, &str>(0)));
    }
    state
}

/// What is in the store, by DuckDB alone; the server must be down.
fn store(cluster: &Cluster, database: &str) -> String {
    let artifacts = Artifacts::of_this_program().expect("a cargo directory");
    let file = cluster.data_directory().join("pg_duckdb").join(database).join("store.duckdb");
    let sql = "SELECT 'table ' || schema_name || '.' || table_name || ' ' || \
         (SELECT string_agg(column_name, ', ' ORDER BY column_index) FROM duckdb_columns() c WHERE c.table_oid = t.table_oid) \
         FROM duckdb_tables() t WHERE schema_name <> 'pg_duckdb' \
         UNION ALL SELECT 'left in the outbox' FROM pg_duckdb.outbox ORDER BY 1";
    let output = Command::new(artifacts.engine())
        .args(["run", "--format", "csv", "--database"])
        .arg(&file)
        .args(["-c", sql])
        .output()
        .expect("the engine runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What the store should have, by Postgres' catalogs.
fn expected_store(client: &mut Client) -> Vec<String> {
    let sql = "SELECT 'table ' || CASE nspname WHEN 'public' THEN 'main' ELSE nspname END || '.' || relname || ' ' || \
         string_agg(attname, ', ' ORDER BY attnum) \
         FROM pg_class c JOIN pg_am a ON a.oid = c.relam JOIN pg_namespace n ON n.oid = relnamespace \
         JOIN pg_attribute t ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped \
         WHERE amname = 'duckdb' AND relkind = 'r' GROUP BY nspname, relname ORDER BY 1";
    let mut tables: Vec<String> =
        client.query(sql, &[]).expect("the catalogs").iter().map(|row| row.get(0)).collect();
    tables.sort();
    tables
}

/// The store as the engine's `run` prints it, without quotes and heading.
fn listed(store: &str) -> Vec<String> {
    let mut lines: Vec<String> = store
        .lines()
        .skip(1)
        .map(|line| line.trim_matches('"').to_owned())
        .filter(|l| !l.is_empty())
        .collect();
    lines.sort();
    lines
}

/// Makes the tables anew, in place of whatever is there.
fn reset(client: &mut Client) {
    let drop = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT c.oid::regclass::text FROM pg_class c \
         WHERE relnamespace::regnamespace::text IN ('public', 's', 'r', 'n', 'o', 'called', 'other_schema') AND relkind = 'r' \
         AND relname NOT IN ('numbers', 'source') LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$";
    client.batch_execute(drop).expect("drops");
    client.batch_execute("DROP SCHEMA IF EXISTS s, r, n, o, called, other_schema CASCADE").expect("drops");
    let role = "DO $$ BEGIN CREATE ROLE crash_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$";
    client.batch_execute(role).expect("creates");
    client.batch_execute(TABLES).unwrap_or_else(|error| panic!("{}", crate::fixture::explain(&error)));
    client.batch_execute(HEAP).expect("creates");
    client.batch_execute(ROWS).expect("inserts");
}

/// A connection, as soon as there can be one; the server is started if it is gone.
fn reconnect(cluster: &mut Cluster) -> Client {
    std::thread::sleep(Duration::from_millis(300));
    let pid = cluster.postmaster_pid().expect("was started");
    if !tests::process::is_alive(pid) {
        cluster.restart(Shutdown::Kill).expect("starts again");
    }
    wait::for_some("an end of the recovery", Duration::from_secs(30), || {
        let mut client = cluster.client().ok()?;
        client.query_one("SELECT count(*) FROM numbers", &[]).ok()?;
        Some(client)
    })
    .expect("is up")
    .0
}

/// Runs `statements` as one transaction that is hit by `victim` at `step`; returns whether
/// Postgres says that it is committed, and whether the client was told so.
fn hit(client: &mut Client, statements: &str, victim: &str, step: &str) -> (String, bool) {
    client.batch_execute("BEGIN").expect("begins");
    let xid: String = client.query_one("SELECT pg_current_xact_id()::text", &[]).expect("an id").get(0);
    client
        .batch_execute(statements)
        .unwrap_or_else(|error| panic!("{statements}: {}", crate::fixture::explain(&error)));
    client.batch_execute(&format!("SET LOCAL duckdb.debug_crash_at = '{victim}@{step}'")).expect("sets");
    let told = client.batch_execute("COMMIT").is_ok();
    (xid, told)
}

fn is_committed(client: &mut Client, xid: &str) -> bool {
    let sql = format!("SELECT pg_xact_status('{xid}'::xid8)");
    match client.query_one(&sql, &[]) {
        Ok(row) => row.get::<_, Option<String>>(0).as_deref() == Some("committed"),
        // Nothing of the transaction was in the log: its id was never given out.
        Err(error) => {
            assert!(crate::fixture::explain(&error).contains("in the future"), "{error}");
            false
        }
    }
}

/// The state after `statements` have committed without an accident.
fn state_after(client: &mut Client, statements: &str) -> String {
    reset(client);
    client.batch_execute("BEGIN").expect("begins");
    client.batch_execute(statements).expect("runs");
    client.batch_execute("COMMIT").expect("commits");
    state(client)
}

/// Stops the server, compares the store with the catalogs, and starts it again.
fn check_store(cluster: &mut Cluster) -> Client {
    let mut client = cluster.client().expect("connects");
    // Opens a session, which resolves what is left.
    let _ = state(&mut client);
    let database: String = client
        .query_one("SELECT oid::text FROM pg_database WHERE datname = current_database()", &[])
        .expect("oid")
        .get(0);
    let expected = expected_store(&mut client);
    drop(client);
    cluster.shut_down(Shutdown::Fast).expect("stops");
    assert_eq!(listed(&store(cluster, &database)), expected, "DuckDB's catalog and Postgres' differ");
    cluster.start_server().expect("starts");
    reconnect(cluster)
}

/// All kinds of DDL in one transaction, every victim at every step.
#[test]
fn ddl_is_done_or_undone_as_a_whole() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    let all = DDL.join("; ");
    let after = state_after(&mut client, &all);
    reset(&mut client);
    let before = state(&mut client);
    for victim in VICTIMS {
        for step in STEPS {
            reset(&mut client);
            let (xid, told) = hit(&mut client, &all, victim, step);
            drop(client);
            client = reconnect(&mut cluster);
            let committed = is_committed(&mut client, &xid);
            assert!(committed || !told, "{victim}@{step}: the client was told of a commit that is none");
            if ["PreCommit", "BeforeDuckdb"].contains(&step) || (victim, step) == ("backend", "AfterDuckdb") {
                assert!(!committed, "{victim}@{step}");
            }
            let expected = if committed { &after } else { &before };
            assert_eq!(&state(&mut client), expected, "{victim}@{step}, committed: {committed}");
        }
        drop(client);
        client = check_store(&mut cluster);
    }
}

/// Each kind of statement alone: an error comes between the two commits, and victims die at steps.
#[test]
fn each_kind_of_statement_is_done_or_undone() {
    let every = std::env::var("CRASH").is_ok_and(|value| value == "all");
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    let kinds = DDL.iter().map(|ddl| (ddl, true)).chain(DML.iter().map(|dml| (dml, false)));
    // To look at a few: CRASH=all ONLY=MERGE.
    let only = std::env::var("ONLY").unwrap_or_default();
    for (number, (statement, is_ddl)) in
        kinds.enumerate().filter(|(_, (statement, _))| statement.contains(&only))
    {
        let after = state_after(&mut client, statement);
        reset(&mut client);
        let before = state(&mut client);
        if is_ddl {
            let (xid, told) = hit(&mut client, statement, "error", "AfterDuckdb");
            assert!(!told && !is_committed(&mut client, &xid), "{statement}");
            assert_eq!(state(&mut client), before, "{statement}");
        }
        for (hits, (victim, step)) in
            VICTIMS.iter().flat_map(|victim| STEPS.map(|step| (*victim, step))).enumerate()
        {
            // Each victim at each step has some kinds, each kind some victims and steps.
            if !every && !(hits + 7 * number).is_multiple_of(20) {
                continue;
            }
            if state(&mut client) != before {
                reset(&mut client);
            }
            let (xid, told) = hit(&mut client, statement, victim, step);
            drop(client);
            client = reconnect(&mut cluster);
            let done = if is_ddl {
                is_committed(&mut client, &xid)
            } else {
                !["PreCommit", "BeforeDuckdb"].contains(&step)
            };
            assert!(
                done || !told,
                "{statement}, {victim}@{step}: the client was told of a commit that is none"
            );
            let expected = if done { &after } else { &before };
            assert_eq!(&state(&mut client), expected, "{statement}, {victim}@{step}, done: {done}");
        }
    }
    drop(client);
    check_store(&mut cluster);
}

/// Tables whose rows a transaction changes, or that get an index, before its DDL: DuckDB's log of that
/// can be replayed when the engine dies behind the commit.
#[test]
fn changes_before_ddl_survive_a_lost_engine() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    let all = [
        "UPDATE renamed SET t = 'changed'; ALTER TABLE renamed RENAME TO other_name",
        "DELETE FROM rows WHERE i = 1; TRUNCATE rows; INSERT INTO rows VALUES (4, 'd')",
        "UPDATE emptied SET t = 'x'; DROP TABLE emptied",
        "UPDATE lost SET u = 1; ALTER TABLE lost ADD COLUMN n int DEFAULT 7; UPDATE lost SET n = u",
        "DELETE FROM indexed WHERE i = 1; ALTER TABLE indexed RENAME COLUMN t TO tt; CREATE INDEX ON indexed (i)",
        "CREATE INDEX ON needed (i); ALTER TABLE needed RENAME TO wanted; DROP INDEX needed_i_idx",
        "CREATE INDEX ON s.moved (i); ALTER TABLE s.moved ADD CHECK (i > 0); ALTER TABLE s.moved RENAME TO gone",
        "ALTER TABLE loose ADD UNIQUE (u); ALTER TABLE loose DROP CONSTRAINT loose_t_check; UPDATE loose SET u = 5; \
         ALTER TABLE loose ALTER COLUMN u DROP NOT NULL; TRUNCATE loose",
        "CREATE TABLE made (i int) USING duckdb; INSERT INTO made VALUES (1); CREATE INDEX ON made (i); \
         UPDATE made SET i = 2; ALTER TABLE made RENAME TO maid; DELETE FROM maid; DROP TABLE maid",
    ];
    let together = all.join("; ");
    for statements in all.iter().copied().chain([together.as_str()]) {
        let after = state_after(&mut client, statements);
        reset(&mut client);
        for step in ["AfterPostgres", "AfterDuckdb", "Resolved"] {
            let (xid, _) = hit(&mut client, statements, "engine", step);
            drop(client);
            client = reconnect(&mut cluster);
            assert!(is_committed(&mut client, &xid), "{statements}");
            assert_eq!(state(&mut client), after, "{statements}, {step}");
            if statements != together {
                break;
            }
            reset(&mut client);
        }
    }
    drop(client);
    check_store(&mut cluster);
}

/// Changes of rows have no part in Postgres: DuckDB's commit decides, and what a client is told
/// is true.
#[test]
fn changes_of_rows_are_there_as_a_whole_or_not_at_all() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    let all = DML.join("; ");
    let after = state_after(&mut client, &all);
    for victim in VICTIMS {
        for step in STEPS {
            reset(&mut client);
            let before = state(&mut client);
            let (_, told) = hit(&mut client, &all, victim, step);
            drop(client);
            client = reconnect(&mut cluster);
            let now = state(&mut client);
            let written = !["PreCommit", "BeforeDuckdb"].contains(&step);
            assert!(written || !told, "{victim}@{step}");
            assert_eq!(&now, if written { &after } else { &before }, "{victim}@{step}");
        }
    }
    drop(client);
    check_store(&mut cluster);
}

/// Rows of a table that the transaction made, or truncated, go with it.
#[test]
fn rows_of_undone_tables_are_undone() {
    let cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    reset(&mut client);
    let before = state(&mut client);
    let statements = "TRUNCATE emptied; \
         INSERT INTO emptied VALUES (9, 'new'); CREATE TABLE made USING duckdb AS SELECT 1 AS i; \
         INSERT INTO made VALUES (2); ALTER TABLE made RENAME TO maid; DROP TABLE maid; \
         TRUNCATE emptied; INSERT INTO emptied VALUES (10, 'newer')";
    hit(&mut client, statements, "error", "AfterDuckdb");
    assert_eq!(state(&mut client), before);
    client
        .batch_execute("BEGIN; TRUNCATE emptied; INSERT INTO emptied VALUES (9, 'new'); COMMIT")
        .expect("commits");
    let rows: i64 = client.query_one("SELECT count(*) FROM emptied", &[]).expect("reads").get(0);
    assert_eq!(rows, 1);
}

/// A COMMIT that waits for an engine that does not answer ends with its backend.
#[test]
fn a_commit_that_waits_for_a_stuck_engine_can_be_terminated() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE waited (i int) USING duckdb").expect("creates");
    client.batch_execute("BEGIN; INSERT INTO waited VALUES (1)").expect("inserts");
    let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).expect("a pid").get(0);
    let engine = cluster.engine_pid().expect("runs");
    tests::process::signal(engine, rustix::process::Signal::STOP).expect("stops");
    std::thread::scope(|scope| {
        let commit = scope.spawn(|| client.batch_execute("COMMIT"));
        std::thread::sleep(Duration::from_millis(300));
        let sql = format!("SELECT pg_terminate_backend({pid})");
        cluster.client().expect("connects").batch_execute(&sql).expect("signals");
        let gone = format!("/proc/{pid}");
        let ended = wait::until("end of the backend", Duration::from_secs(30), || {
            !std::path::Path::new(&gone).exists()
        });
        tests::process::signal(engine, rustix::process::Signal::CONT).expect("continues");
        ended.expect("ends");
        commit.join().expect("no panic").expect_err("nobody knows");
    });
    let mut client = cluster.client().expect("connects");
    let rows: i64 = client.query_one("SELECT count(*) FROM waited", &[]).expect("reads").get(0);
    assert!(rows <= 1);
}

/// A database that is dropped takes its store along, also when the server dies on the way: it is then a
/// database that can only be dropped once more.
#[test]
fn a_dropped_database_leaves_no_store_behind() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    for victim in ["backend", "postmaster", "engine"] {
        for step in ["DatabaseRemoved", "StoreRemoved"] {
            client.batch_execute("CREATE DATABASE going").expect("creates");
            let oid: String = client
                .query_one("SELECT oid::text FROM pg_database WHERE datname = 'going'", &[])
                .expect("oid")
                .get(0);
            let mut within = cluster.client_of("going").expect("connects");
            within
                .batch_execute("CREATE EXTENSION pg_duckdb; CREATE TABLE t USING duckdb AS SELECT 1 AS i")
                .expect("creates");
            drop(within);
            let store = cluster.data_directory().join("pg_duckdb").join(oid);
            assert!(store.exists());
            client.batch_execute(&format!("SET duckdb.debug_crash_at = '{victim}@{step}'")).expect("sets");
            let done = client.batch_execute("DROP DATABASE going").is_ok();
            drop(client);
            client = reconnect(&mut cluster);
            // The backend outlives its postmaster for a moment, and may come to its end.
            assert!(done || victim != "engine", "{victim}@{step}");
            assert!(cluster.client_of("going").is_err(), "{victim}@{step}: half a database");
            client
                .batch_execute("DROP DATABASE IF EXISTS going")
                .unwrap_or_else(|error| panic!("{victim}@{step}: {}", crate::fixture::explain(&error)));
            assert!(!store.exists(), "{victim}@{step}: the store is there");
        }
    }
    // What is left works on.
    client.batch_execute("CREATE TABLE kept USING duckdb AS SELECT 1 AS i").expect("creates");
}
