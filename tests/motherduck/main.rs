//! Every sentence of the MotherDuck specification, against the emulator.
//!
//! Each test has a Postgres database and an account of its own in one cluster; what happens
//! in MotherDuck "behind Postgres' back" goes through the engine's `sql` subcommand.

mod catalogs;
mod fixture;
mod sessions;
mod sync;
mod views;

use fixture::{Cloud, ended, explain, sqlstate, texts};
use std::time::Duration;
use tests::wait;

/// "creates a `motherduck` SERVER ... also provides a USER MAPPING for the current user";
/// "calling `enable_motherduck` again ... will return a notice saying "MotherDuck is already
/// enabled" and ignore the new database parameter".
#[test]
fn enabling_makes_a_server_and_a_mapping_once() {
    let cloud = Cloud::start("enabling");
    let mut client = cloud.client();
    assert_eq!(texts(&mut client, "SELECT duckdb.is_motherduck_enabled()::text"), ["false"]);
    client.batch_execute(&cloud.enable()).expect("enables");
    assert_eq!(texts(&mut client, "SELECT duckdb.is_motherduck_enabled()::text"), ["true"]);
    let server = "SELECT s.srvname || ' ' || s.srvtype || ' ' || w.fdwname || ' ' || m.usename \
                  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw \
                  JOIN pg_user_mappings m ON m.srvid = s.oid";
    assert_eq!(texts(&mut client, server), ["motherduck motherduck duckdb postgres"]);
    let again = cloud.psql("CALL duckdb.enable_motherduck('another', 'other_db')");
    assert!(again.contains("MotherDuck is already enabled"), "{again}");
    client.batch_execute("CREATE TABLE t (i int) USING duckdb").expect("creates");
    assert_eq!(cloud.rows("SELECT database_name FROM duckdb_tables() WHERE table_name = 't'"), ["my_db"]);
}

/// "If not provided, the token will be read from the `motherduck_token` environment variable. If not
/// provided, the default MD database name is `my_db`"; "You may use `::FROM_ENV::`".
#[test]
fn a_token_can_be_in_the_environment() {
    for (name, call) in [
        ("from_env", "CALL duckdb.enable_motherduck()"),
        ("from_env_empty", "CALL duckdb.enable_motherduck('', '')"),
        ("from_env_said", "CALL duckdb.enable_motherduck('::FROM_ENV::', 'my_db')"),
    ] {
        let cloud = Cloud::start(name);
        let mut client = cloud.client();
        client.batch_execute(call).unwrap_or_else(|error| panic!("{call}: {}", explain(&error)));
        // The environment's token is that of account "second".
        client.batch_execute(&format!("CREATE TABLE {name} USING duckdb AS SELECT 1 AS i")).unwrap();
        assert_eq!(
            texts(
                &mut client,
                &format!("SELECT duckdb_db FROM duckdb.tables WHERE relid = '{name}'::regclass")
            ),
            ["my_db"]
        );
        assert_eq!(
            texts(&mut client, "SELECT umoptions::text FROM pg_user_mappings"),
            ["{token=::FROM_ENV::}"]
        );
        client.batch_execute("CALL duckdb.sync()").unwrap();
        client.batch_execute(&format!("DROP TABLE {name}")).unwrap();
    }
}

/// A variable that is not there is an error that names it.
#[test]
fn a_token_that_is_nowhere_is_an_error() {
    let cloud = Cloud::alone("no_token");
    let mut client = cloud.client();
    for call in ["CALL duckdb.enable_motherduck()", "CALL duckdb.enable_motherduck('::FROM_ENV::', 'x')"] {
        let error = client.batch_execute(call).expect_err("there is no token");
        assert_eq!(sqlstate(&error), "28000");
        assert!(explain(&error).contains("motherduck_token"), "{}", explain(&error));
    }
    assert_eq!(texts(&mut client, "SELECT duckdb.is_motherduck_enabled()::text"), ["false"]);
}

/// "you need to configure MotherDuck using a SERVER and a USER MAPPING", and what is wrong with
/// one is said.
#[test]
fn servers_and_mappings_can_be_made_by_hand() {
    let cloud = Cloud::start("by_hand");
    let mut client = cloud.client();
    cloud.md("CREATE DATABASE special");
    for (statement, state) in [
        ("CREATE SERVER s FOREIGN DATA WRAPPER duckdb OPTIONS (token 'x')", "HV00D"),
        ("CREATE SERVER s TYPE 'mother' FOREIGN DATA WRAPPER duckdb", "0A000"),
        ("CREATE SERVER s TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb OPTIONS (default_db 'x')", "HV00D"),
        (
            "CREATE SERVER s TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb OPTIONS (tables_owner_role 'nobody')",
            "42704",
        ),
        (
            "CREATE SERVER s TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb \
             OPTIONS (background_catalog_refresh_inactivity_timeout 'soon')",
            "22007",
        ),
    ] {
        assert_eq!(sqlstate(&client.batch_execute(statement).expect_err(statement)), state, "{statement}");
    }
    client
        .batch_execute(
            "CREATE SERVER motherduck TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb \
             OPTIONS (default_database 'special', background_catalog_refresh_inactivity_timeout '1 hour')",
        )
        .expect("creates");
    let second = "CREATE SERVER s2 TYPE 'motherduck' FOREIGN DATA WRAPPER duckdb";
    assert_eq!(sqlstate(&client.batch_execute(second).expect_err("only one")), "42710");
    let unmapped = client.batch_execute("CREATE TABLE t (i int) USING duckdb").expect_err("no token");
    assert_eq!(sqlstate(&unmapped), "28000");
    let mapping = "CREATE USER MAPPING FOR CURRENT_USER SERVER motherduck";
    assert_eq!(sqlstate(&client.batch_execute(mapping).expect_err("needs a token")), "HV00J");
    client.batch_execute(&format!("{mapping} OPTIONS (token '{}')", cloud.token())).expect("maps");
    client.batch_execute("CREATE TABLE t (i int) USING duckdb").expect("creates");
    assert_eq!(cloud.rows("SELECT database_name FROM duckdb_tables() WHERE table_name = 't'"), ["special"]);
    let error = client.batch_execute("CREATE FOREIGN TABLE f (i int) SERVER motherduck; SELECT * FROM f");
    assert_eq!(sqlstate(&error.expect_err("there are no foreign tables")), "0A000");
}

/// "you can create tables in your MotherDuck database using the `duckdb` Table Access Method":
/// the two statements of the specification, and all that one does to tables.
#[test]
fn tables_live_in_the_default_database() {
    let cloud = Cloud::enabled("tables");
    let mut client = cloud.client();
    client
        .batch_execute(
            "CREATE TABLE users AS SELECT i AS id, 'user ' || i AS name FROM generate_series(1, 5) i",
        )
        .unwrap();
    for statement in [
        "CREATE TABLE orders(id bigint, item text, price NUMERIC(10, 2)) USING duckdb",
        "CREATE TABLE users_md_copy USING duckdb AS SELECT * FROM users",
        "INSERT INTO orders VALUES (1, 'abc', 1.5), (2, 'def', 2.5)",
        "UPDATE orders SET price = price * 2 WHERE id = 1",
        "DELETE FROM orders WHERE id = 2",
        "ALTER TABLE orders ADD COLUMN note text",
        "ALTER TABLE orders RENAME COLUMN item TO thing",
        "ALTER TABLE orders ALTER COLUMN id TYPE numeric(12, 1)",
        "INSERT INTO orders (id, thing) SELECT id, name FROM users WHERE id > 3",
        "ALTER TABLE orders RENAME TO sales",
    ] {
        client.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {}", explain(&error)));
    }
    assert_eq!(
        cloud
            .rows("SELECT id || ' ' || thing || ' ' || coalesce(price::VARCHAR, '-') FROM sales ORDER BY id"),
        ["1.0 abc 3.00", "4.0 user 4 -", "5.0 user 5 -"]
    );
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM users_md_copy"), ["5"]);
    client.batch_execute("TRUNCATE users_md_copy").unwrap();
    assert_eq!(cloud.rows("SELECT count(*) FROM users_md_copy"), ["0"]);
    client.batch_execute("BEGIN; INSERT INTO sales (id) VALUES (9); ROLLBACK").unwrap();
    client.batch_execute("BEGIN; CREATE TABLE lost (i int) USING duckdb; ROLLBACK").unwrap();
    client.batch_execute("DROP TABLE users_md_copy").unwrap();
    assert_eq!(cloud.rows("SELECT table_name FROM duckdb_tables()"), ["sales"]);
    assert_eq!(cloud.rows("SELECT count(*) FROM sales"), ["3"]);
}

/// "Any tables that you already had in MotherDuck are automatically available in Postgres", and
/// what changes there changes here, without a query of the user's.
#[test]
fn what_is_in_motherduck_is_in_postgres() {
    let cloud = Cloud::start("existing");
    cloud.md("CREATE TABLE old (id TINYINT NOT NULL, big UBIGINT, s STRUCT(a INTEGER), e ENUM('x', 'y'), \
         d DECIMAL(10, 3), l INTEGER[]); INSERT INTO old VALUES (1, 2, {'a': 3}, 'y', 4.5, [6, 7]); \
         COMMENT ON TABLE old IS 'it''s old'");
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    cloud.eventually("SELECT * FROM old", &["1|2|{'a': 3}|y|4.500|{6,7}"]);
    let columns = "SELECT attname || ' ' || format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' not null' ELSE '' END \
                   FROM pg_attribute WHERE attrelid = 'old'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
    assert_eq!(
        texts(&mut client, columns),
        ["id smallint not null", "big numeric(20,0)", "s text", "e text", "d numeric(10,3)", "l integer[]"]
    );
    assert_eq!(texts(&mut client, "SELECT obj_description('old'::regclass)"), ["it's old"]);
    let oid = texts(&mut client, "SELECT 'old'::regclass::oid::text");
    cloud.md(
        "ALTER TABLE old DROP s; ALTER TABLE old ADD COLUMN added VARCHAR DEFAULT 'new'; CREATE TABLE young (i INTEGER)",
    );
    cloud.eventually("SELECT * FROM young", &[]);
    cloud.eventually("SELECT added FROM old", &["new"]);
    assert_eq!(
        texts(&mut client, "SELECT 'old'::regclass::oid::text"),
        oid,
        "changed in place, not made anew"
    );
    cloud.md("ALTER TABLE young RENAME TO older; DROP TABLE old; CREATE VIEW old AS SELECT 'a view' AS v");
    cloud.eventually("SELECT v FROM old", &["a view"]);
    cloud.eventually("SELECT count(*) FROM older", &["0"]);
    cloud.gone("young");
}

/// The schema mapping's four cases, "accessing multiple databases in a single query", and odd names.
#[test]
fn schemas_are_mapped_as_the_table_says() {
    let cloud = Cloud::start("mapping");
    cloud.md(
        "CREATE DATABASE my_shared_db; CREATE DATABASE sample_data; CREATE SCHEMA sample_data.hn; \
         CREATE SCHEMA my_db.your_schema; CREATE TABLE my_db.main.my_table (id INTEGER, topic VARCHAR); \
         CREATE TABLE my_db.your_schema.tab1 (id INTEGER, topic VARCHAR); \
         CREATE TABLE my_shared_db.main.aggregated_order_data AS SELECT range AS i FROM range(7); \
         CREATE TABLE sample_data.hn.hacker_news AS SELECT 'abc' AS type, 'A title' AS title; \
         CREATE DATABASE \"Eine 🦆 & $Geld\"; CREATE TABLE \"Eine 🦆 & $Geld\".main.\"Große Tabelle\" AS SELECT 1 AS \"Spalte €\"; \
         CREATE SCHEMA my_db.public; CREATE TABLE my_db.public.hidden (i INTEGER)",
    );
    let long = "x".repeat(70);
    cloud.md(&format!("CREATE TABLE my_db.main.{long} (i INTEGER)"));
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    client.batch_execute("INSERT INTO my_table VALUES (1, 'abc')").unwrap();
    client.batch_execute("INSERT INTO your_schema.tab1 VALUES (1, 'abc')").unwrap();
    assert_eq!(cloud.rows("SELECT topic FROM my_db.main.my_table"), ["abc"]);
    assert_eq!(cloud.rows("SELECT topic FROM my_db.your_schema.tab1"), ["abc"]);
    let count = "SELECT COUNT(*)::text FROM ddb$my_shared_db.aggregated_order_data";
    assert_eq!(texts(&mut client, count), ["7"]);
    let join = "SELECT orders.id || hn.title AS related_article FROM my_table orders \
                JOIN ddb$sample_data$hn.hacker_news hn ON orders.topic = hn.type";
    assert_eq!(texts(&mut client, join), ["1A title"]);
    let odd = "SELECT \"Spalte €\"::text FROM \"ddb$Eine 🦆 & $$Geld\".\"Große Tabelle\"";
    assert_eq!(texts(&mut client, odd), ["1"]);
    // The other direction: made in Postgres.
    client.batch_execute("CREATE TABLE ddb$sample_data$hn.made_here (i int) USING duckdb").unwrap();
    client.batch_execute("CREATE SCHEMA fresh; CREATE TABLE fresh.t (i int) USING duckdb").unwrap();
    assert_eq!(
        cloud.rows(
            "SELECT database_name || '.' || schema_name || '.' || table_name FROM duckdb_tables() \
             WHERE table_name IN ('made_here', 't') ORDER BY 1"
        ),
        ["my_db.fresh.t", "sample_data.hn.made_here"]
    );
    let log = cloud.log();
    assert!(log.contains(&long) && log.contains("63 bytes"), "names that are too long are reported");
    assert!(log.contains("my_db.public.hidden"), "a schema public beside main is reported");
    for statement in [
        "CREATE SCHEMA ddb$mine",
        "DROP SCHEMA ddb$my_shared_db CASCADE",
        "ALTER SCHEMA fresh RENAME TO ddb$fresh",
    ] {
        assert_eq!(sqlstate(&client.batch_execute(statement).expect_err(statement)), "42939", "{statement}");
    }
}

/// "`DROP SERVER motherduck CASCADE` will remove all schemas and tables that were synced from
/// MotherDuck. They will be automatically recreated"; "Changing the Default Database"; "Switching
/// MotherDuck Tokens".
#[test]
fn dropping_the_server_forgets_the_account_and_keeps_its_data() {
    let cloud = Cloud::enabled("dropping");
    let mut client = cloud.client();
    cloud.md("CREATE DATABASE other; CREATE TABLE other.main.there AS SELECT 2 AS i; CREATE TABLE here AS SELECT 1 AS i");
    client.batch_execute("CALL duckdb.sync()").unwrap();
    client.batch_execute("CREATE VIEW over AS SELECT * FROM here").unwrap();
    assert_eq!(sqlstate(&client.batch_execute("DROP SERVER motherduck").expect_err("needed")), "2BP01");
    client.batch_execute("DROP SERVER motherduck CASCADE").unwrap();
    assert_eq!(texts(&mut client, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'ddb$%'"), [""; 0]);
    assert_eq!(sqlstate(&client.batch_execute("TABLE here").expect_err("gone")), "42P01");
    assert_eq!(cloud.rows("SELECT table_name FROM duckdb_tables() ORDER BY 1"), ["here", "there"]);
    // Without a server tables are local.
    client.batch_execute("CREATE TABLE local (i int) USING duckdb; ").unwrap();
    client.batch_execute(&format!("CALL duckdb.enable_motherduck('{}', 'other')", cloud.token())).unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    assert_eq!(texts(&mut client, "SELECT i::text FROM there"), ["2"]);
    assert_eq!(texts(&mut client, "SELECT i::text FROM ddb$my_db.here"), ["1"]);
    // Another account in place of this one.
    client.batch_execute("DROP SERVER MOTHERDUCK CASCADE").unwrap();
    client.batch_execute("CALL duckdb.enable_motherduck('second')").unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    assert_eq!(sqlstate(&client.batch_execute("TABLE there").expect_err("another account")), "42P01");
    client.batch_execute("INSERT INTO local VALUES (1)").expect("local tables stay");
}

/// A worker that has found that MotherDuck is not enabled is still there when it is enabled again.
#[test]
fn a_server_that_is_made_anew_at_once_is_synced() {
    let cloud = Cloud::enabled("anew");
    let mut client = cloud.client();
    cloud.md("CREATE TABLE here AS SELECT 1 AS i");
    client.batch_execute("CALL duckdb.sync()").unwrap();
    client.batch_execute("ALTER DATABASE anew SET duckdb.debug_crash_at = 'pause@Disabled'").unwrap();
    let worker = "SELECT pid::text FROM pg_stat_activity \
                  WHERE datname = current_database() AND backend_type = 'pg_duckdb sync worker'";
    let old = texts(&mut client, worker);
    client
        .batch_execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                          WHERE datname = current_database() AND backend_type = 'pg_duckdb sync worker'",
        )
        .unwrap();
    wait::until("a worker with the setting", Duration::from_secs(30), || {
        let now = texts(&mut client, worker);
        now.len() == 1 && now != old
    })
    .unwrap();
    client.batch_execute("CALL duckdb.sync(); DROP SERVER motherduck CASCADE").unwrap();
    client.batch_execute("SELECT duckdb.wake_sync_worker(false, false)").unwrap();
    // So that it has looked, and is at its pause; if not, the rest is easy for it.
    std::thread::sleep(Duration::from_millis(500));
    client.batch_execute(&format!("CALL duckdb.enable_motherduck('{}')", cloud.token())).unwrap();
    client.batch_execute("SET statement_timeout = '60s'; CALL duckdb.sync()").unwrap();
    assert_eq!(texts(&mut client, "SELECT i::text FROM here"), ["1"]);
}

/// "Simple Read-scaling Setup" and "Read-scaling setup with Read Write Setup", with its statements.
#[test]
fn readers_read_replicas() {
    let cloud = Cloud::enabled("readers");
    let mut client = cloud.client();
    client.batch_execute("CREATE TABLE my_table (i int, t text) USING duckdb").unwrap();
    client.batch_execute("INSERT INTO my_table VALUES (0, 'before')").unwrap();
    client.batch_execute("CREATE USER reader_user IN ROLE duckdb_group").unwrap();
    client
        .batch_execute(&format!(
            "GRANT ALL ON my_table TO duckdb_group; \
             CREATE USER MAPPING FOR reader_user SERVER motherduck OPTIONS (token '{}')",
            cloud.reader_token()
        ))
        .unwrap();
    let mut reader = cloud.client();
    reader.batch_execute("SET ROLE reader_user").unwrap();
    assert_eq!(texts(&mut reader, "SELECT t FROM my_table"), ["before"]);
    let error = reader.batch_execute("INSERT INTO my_table VALUES (2, 'more')").expect_err("is read-only");
    assert_eq!(sqlstate(&error), "25006");
    assert!(explain(&error).contains("read-only"), "{}", explain(&error));
    client.batch_execute("INSERT INTO my_table VALUES (1, 'data')").unwrap();
    wait::until("the replica", Duration::from_secs(20), || {
        texts(&mut reader, "SELECT t FROM my_table ORDER BY i") == ["before", "data"]
    })
    .unwrap();
    client.batch_execute("CREATE USER outsider; GRANT ALL ON my_table TO outsider").unwrap();
    let mut outsider = cloud.client();
    outsider.batch_execute("SET ROLE outsider").unwrap();
    assert_eq!(sqlstate(&outsider.batch_execute("TABLE my_table").expect_err("not in the role")), "42501");
}

/// "you can simply use a read-scaling token as the token when enabling MotherDuck".
#[test]
fn a_read_scaling_token_alone_is_enough() {
    let cloud = Cloud::start("simple_reader");
    cloud.md("CREATE TABLE t AS SELECT 1 AS i; CREATE VIEW v AS SELECT i + 1 AS j FROM t");
    let mut client = cloud.client();
    client.batch_execute(&format!("CALL duckdb.enable_motherduck('{}')", cloud.reader_token())).unwrap();
    cloud.eventually("SELECT i, j FROM t, v", &["1|2"]);
    for statement in [
        "INSERT INTO t VALUES (2)",
        "CREATE TABLE u (i int) USING duckdb",
        "DROP TABLE t",
        "CREATE VIEW w AS TABLE t",
    ] {
        let error = client.batch_execute(statement).expect_err("is read-only");
        assert_eq!(sqlstate(&error), "25006", "{statement}: {}", explain(&error));
    }
    cloud.md("INSERT INTO t VALUES (3); CREATE TABLE later AS SELECT 4 AS k");
    cloud.eventually("SELECT k FROM later", &["4"]);
    cloud.eventually("SELECT count(*) FROM t", &["2"]);
}

/// "If you grant these permissions after starting Postgres, the initial sync of MotherDuck tables
/// may have failed for the `public` schema. You can force a full resync".
#[test]
fn a_terminated_worker_syncs_everything_again() {
    let cloud = Cloud::start("resync");
    cloud.md("CREATE TABLE wanted AS SELECT 1 AS i; CREATE SCHEMA s; CREATE TABLE s.fine AS SELECT 2 AS i");
    let mut client = cloud.client();
    client
        .batch_execute(
            "CREATE USER tenant IN ROLE duckdb_group; REVOKE CREATE ON SCHEMA public FROM PUBLIC; SET ROLE tenant",
        )
        .unwrap();
    client.batch_execute(&cloud.enable()).expect("members of duckdb.postgres_role may enable it");
    client.batch_execute("RESET ROLE").unwrap();
    cloud.eventually("SET ROLE tenant; SELECT * FROM s.fine", &["2"]);
    cloud.eventually("SELECT failures > 0 FROM duckdb.sync_status", &["t"]);
    assert!(cloud.log().contains("permission denied for schema public"), "said in the log");
    client.batch_execute("GRANT CREATE ON SCHEMA public TO duckdb_group").unwrap();
    let terminate = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                     WHERE backend_type = 'pg_duckdb sync worker' AND datname = current_database()";
    assert_eq!(texts(&mut client, terminate), ["true"]);
    cloud.eventually("SET ROLE tenant; SELECT i FROM wanted", &["1"]);
    assert_eq!(texts(&mut client, "SELECT tableowner FROM pg_tables WHERE tablename = 'wanted'"), ["tenant"]);
}

/// MotherDuck, local, temporary and heap tables in one statement, and in one transaction.
#[test]
fn all_kinds_of_tables_work_together() {
    let cloud = Cloud::start("together");
    let mut client = cloud.client();
    client
        .batch_execute(
            "CREATE TABLE local USING duckdb AS SELECT i, 'local ' || i AS l FROM generate_series(1, 4) i",
        )
        .unwrap();
    client.batch_execute(&cloud.enable()).unwrap();
    for statement in [
        "CREATE TABLE cloud USING duckdb AS SELECT i, 'cloud ' || i AS c FROM generate_series(2, 5) i",
        "CREATE TEMP TABLE temporary USING duckdb AS SELECT i FROM generate_series(3, 9) i",
        "CREATE TABLE heap AS SELECT i, 'heap ' || i AS h FROM generate_series(1, 9) i",
        "INSERT INTO local SELECT i + 10, c FROM cloud WHERE i = 5",
        "INSERT INTO cloud SELECT i + 10, l FROM local WHERE i = 1",
        "CREATE TABLE pair USING duckdb AS SELECT i, l, c FROM local JOIN cloud USING (i)",
    ] {
        client.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {}", explain(&error)));
    }
    let join = "SELECT l || ', ' || c || ', ' || h FROM local JOIN cloud USING (i) JOIN heap USING (i) \
                WHERE i IN (SELECT i FROM temporary) ORDER BY i";
    assert_eq!(texts(&mut client, join), ["local 3, cloud 3, heap 3", "local 4, cloud 4, heap 4"]);
    assert_eq!(cloud.rows("SELECT count(*) FROM pair"), ["3"]);
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ").unwrap();
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM cloud JOIN local USING (i)"), ["3"]);
    client.batch_execute("COMMIT").unwrap();
    client.batch_execute("BEGIN; INSERT INTO cloud VALUES (99, 'x')").unwrap();
    // Seen by this transaction, also through another instance's statement.
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM cloud WHERE i = 99"), ["1"]);
    let error = client.batch_execute("INSERT INTO local VALUES (99, 'x')").expect_err("not atomic");
    assert_eq!(sqlstate(&error), "0A000");
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(cloud.rows("SELECT count(*) FROM cloud WHERE i = 99"), ["0"]);
}

/// A bad token is an error without the token in it, for the one whose token it is.
#[test]
fn tokens_are_not_shown() {
    let cloud = Cloud::start("secrets");
    let mut client = cloud.client();
    client.batch_execute("CALL duckdb.enable_motherduck('nobody-knows-this')").unwrap();
    let mut watcher = cloud.client();
    let activity = "SELECT count(*)::text FROM pg_stat_activity WHERE query LIKE '%nobody-knows%' AND pid <> pg_backend_pid()";
    assert_eq!(texts(&mut watcher, activity), ["0"]);
    let error = client.batch_execute("CREATE TABLE t (i int) USING duckdb").expect_err("a wrong token");
    assert_eq!(sqlstate(&error), "28000");
    assert!(!explain(&error).contains("nobody-knows"), "{}", explain(&error));
    wait::until("a warning", Duration::from_secs(20), || {
        cloud.log().contains("the MotherDuck token is not valid")
    })
    .unwrap();
    assert!(!cloud.log().contains("nobody-knows"), "not in the log either");
    // What does not need the account goes on.
    assert_eq!(texts(&mut client, "SELECT 1::text"), ["1"]);
    client.batch_execute("DROP SERVER motherduck CASCADE").unwrap();
    client.batch_execute("CREATE TABLE t (i int) USING duckdb").unwrap();
}

/// After a crash of the engine, and after a restart, the account is there again.
#[test]
fn accounts_survive_the_engine_and_the_server() {
    let mut cloud = Cloud::alone("crash");
    cloud.client().batch_execute(&cloud.enable()).unwrap();
    cloud.client().batch_execute("CREATE TABLE t (i int) USING duckdb").unwrap();
    cloud.client().batch_execute("INSERT INTO t VALUES (1)").unwrap();
    cloud.kill_engine();
    cloud.eventually("SELECT i FROM t", &["1"]);
    cloud.md("CREATE TABLE made_after_the_crash AS SELECT 3 AS i");
    cloud.eventually("SELECT i FROM made_after_the_crash", &["3"]);
    cloud.restart();
    cloud.md("CREATE TABLE made_after_the_restart AS SELECT 4 AS i");
    cloud.eventually("SELECT i FROM made_after_the_restart", &["4"]);
    // A database goes although its worker uses it.
    cloud.drop_database();
    assert!(ended(&cloud, "pg_duckdb sync worker"));
}

/// The service is away, slow, or hangs up.
#[test]
fn a_service_that_is_away_is_an_error_in_time() {
    let cloud = Cloud::alone("away");
    let mut client = cloud.client();
    cloud.service("state = 'unreachable'");
    client.batch_execute(&cloud.enable()).unwrap();
    let error = client.batch_execute("CREATE TABLE t (i int) USING duckdb").expect_err("away");
    assert_eq!(sqlstate(&error), "08001");
    cloud.service("delay_ms = 3000");
    client.batch_execute("SET duckdb.motherduck_connect_timeout = '200ms'").unwrap();
    let error = client.batch_execute("CREATE TABLE t (i int) USING duckdb").expect_err("slow");
    assert_eq!(sqlstate(&error), "08001", "{}", explain(&error));
    wait::until("the account opens in the background", Duration::from_secs(20), || {
        client.batch_execute("CREATE TABLE t (i int) USING duckdb").is_ok()
    })
    .unwrap();
    client.batch_execute("CREATE TEMP TABLE mine USING duckdb AS SELECT 1 AS i").unwrap();
    cloud.service("state = 'drops'");
    assert_eq!(sqlstate(&client.batch_execute("TABLE t").expect_err("hangs up")), "08006");
    assert_eq!(texts(&mut client, "SELECT i::text FROM mine"), ["1"], "the rest goes on");
    cloud.service("state = 'up'");
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM t"), ["0"]);
}

/// The account is given up and taken again, and a token replaced, while others use it: their
/// statements work or fail cleanly, and nothing in MotherDuck is lost.
#[test]
fn the_account_is_switched_under_load() {
    let cloud = Cloud::enabled("load");
    let mut client = cloud.client();
    client.batch_execute("CREATE TABLE counter (i int) USING duckdb").unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let inserted = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|number| {
                let (cloud, stop) = (&cloud, &stop);
                scope.spawn(move || {
                    let mut client = cloud.client();
                    let mut inserted = 0_i64;
                    while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                        let outcome = if number == 0 {
                            client.query("SELECT count(*) FROM counter", &[]).map(|_| 0)
                        } else {
                            client.execute("INSERT INTO counter VALUES (1)", &[])
                        };
                        match outcome {
                            Ok(rows) => inserted += i64::try_from(rows).expect("few"),
                            // No such table now, no server, no token, or two writers at a time.
                            Err(error) => assert!(
                                ["42P01", "55000", "28000", "40001"].contains(&sqlstate(&error).as_str()),
                                "{}",
                                explain(&error)
                            ),
                        }
                    }
                    inserted
                })
            })
            .collect();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(300));
            client.batch_execute("DROP SERVER motherduck CASCADE").expect("drops");
            std::thread::sleep(Duration::from_millis(50));
            client.batch_execute(&cloud.enable()).expect("enables");
            client.batch_execute("CALL duckdb.sync()").expect("syncs");
            let replace =
                "ALTER USER MAPPING FOR CURRENT_USER SERVER motherduck OPTIONS (SET token 'second')";
            client.batch_execute(replace).expect("replaces");
            std::thread::sleep(Duration::from_millis(100));
            client.batch_execute(&replace.replace("second", &cloud.token())).expect("replaces");
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        workers.into_iter().map(|worker| worker.join().expect("no unexpected error")).sum::<i64>()
    });
    assert!(inserted > 0, "somebody got something done");
    assert_eq!(cloud.rows("SELECT count(*) FROM counter"), [inserted.to_string()]);
}

/// 1,000 tables of 50 columns; the time is printed, not judged.
#[test]
fn a_thousand_tables_are_synced() {
    let cloud = Cloud::start("many");
    let columns: Vec<String> = (0..50).map(|i| format!("c{i} INTEGER")).collect();
    let columns = columns.join(", ");
    let tables: Vec<String> = (0..1000).map(|i| format!("CREATE TABLE t{i} ({columns})")).collect();
    cloud.md(&tables.join("; "));
    let mut client = cloud.client();
    let start = std::time::Instant::now();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    println!("first sync of 1,000 tables with 50 columns: {:?}", start.elapsed());
    assert_eq!(
        texts(&mut client, "SELECT count(*)::text FROM pg_class WHERE relname ~ '^t[0-9]+$'"),
        ["1000"]
    );
    let start = std::time::Instant::now();
    cloud.md("CREATE TABLE one_more (i INTEGER)");
    client.batch_execute("CALL duckdb.sync()").unwrap();
    println!("sync of one more: {:?}", start.elapsed());
}
