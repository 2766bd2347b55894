//! Views, both ways.

use crate::fixture::{Cloud, sqlstate, texts};

/// Name, kind and types of all relations of schema public, without those of the extension.
const RELATIONS: &str = "SELECT relname || ' ' || relkind::text || ' ' || \
     (SELECT string_agg(attname || ':' || format_type(atttypid, atttypmod), ',' ORDER BY attnum) \
      FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) \
     FROM pg_class c WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1";

/// A view of MotherDuck is a view in Postgres, follows what happens to it there, and may become a
/// table and a view again.
#[test]
fn views_of_motherduck_are_views_in_postgres() {
    let cloud = Cloud::start("their_views");
    cloud.md("CREATE TABLE t AS SELECT 1::TINYINT AS i, {'a': 2} AS s; INSERT INTO t VALUES (3, NULL); \
         CREATE VIEW v AS SELECT i, s, i * 2 AS \"Twice €\" FROM t; COMMENT ON VIEW v IS 'a view'; \
         CREATE DATABASE other; CREATE VIEW other.main.far AS SELECT 'far' AS t");
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    assert_eq!(
        texts(&mut client, RELATIONS),
        ["t r i:smallint,s:text", "v v i:smallint,s:text,Twice €:smallint"]
    );
    assert_eq!(texts(&mut client, "SELECT obj_description('v'::regclass)"), ["a view"]);
    cloud.eventually("SELECT * FROM v ORDER BY i", &["1|{'a': 2}|2", "3||6"]);
    assert_eq!(texts(&mut client, "SELECT t || ' ' || i FROM ddb$other.far, v WHERE i = 1"), ["far 1"]);
    // Read by the fallback tier, from a local table's statement, and written nowhere.
    client.batch_execute("CREATE TEMP TABLE local USING duckdb AS SELECT i FROM v").unwrap();
    assert_eq!(texts(&mut client, "SELECT count(*)::text FROM local JOIN v USING (i)"), ["2"]);
    client.batch_execute("SET duckdb.debug_force_fallback = on").unwrap();
    assert_eq!(texts(&mut client, "SELECT \"Twice €\"::text FROM v WHERE i > 1"), ["6"]);
    client.batch_execute("RESET duckdb.debug_force_fallback").unwrap();
    assert_eq!(sqlstate(&client.batch_execute("INSERT INTO v VALUES (1)").expect_err("a view")), "55000");
    // Another query, more columns, other columns, a table, a view.
    let oid = texts(&mut client, "SELECT 'v'::regclass::oid::text");
    cloud.md("CREATE OR REPLACE VIEW v AS SELECT i, s, i AS \"Twice €\", 'new' AS n FROM t WHERE i = 3");
    cloud.eventually("SELECT n FROM v", &["new"]);
    assert_eq!(texts(&mut client, "SELECT 'v'::regclass::oid::text"), oid, "replaced in place");
    cloud.md("CREATE OR REPLACE VIEW v AS SELECT 'only' AS n");
    cloud.eventually("SELECT * FROM v", &["only"]);
    cloud.md("DROP VIEW v; CREATE TABLE v AS SELECT 5 AS five");
    cloud.eventually("SELECT * FROM v", &["5"]);
    client.batch_execute("INSERT INTO v VALUES (6)").unwrap();
    cloud.md("DROP TABLE v; CREATE VIEW v AS SELECT 'again' AS t");
    cloud.eventually("SELECT * FROM v", &["again"]);
    cloud.md("ALTER VIEW v RENAME TO w");
    cloud.eventually("SELECT * FROM w", &["again"]);
    cloud.gone("v");
    cloud.md("DROP VIEW w");
    cloud.gone("w");
    client.batch_execute("DROP SERVER motherduck CASCADE").unwrap();
    assert_eq!(texts(&mut client, RELATIONS), [""; 0]);
    assert_eq!(cloud.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal"), ["far"]);
}

/// A view whose query names a relation of MotherDuck goes there; what cannot is a view of Postgres.
#[test]
fn views_of_postgres_go_to_motherduck() {
    let cloud = Cloud::enabled("our_views");
    let mut client = cloud.client();
    client
        .batch_execute(
            "CREATE TABLE t (i int, s varchar(10), n numeric(10,2), j jsonb) USING duckdb; CREATE TABLE heap (i int)",
        )
        .unwrap();
    client.batch_execute("INSERT INTO t VALUES (1, 'a', 1.5, '{\"a\": 1}'), (2, 'b', 2.5, null)").unwrap();
    client.batch_execute("CREATE VIEW v (a, b, c, d) AS SELECT i, s, n * 2, j FROM t WHERE i > 0").unwrap();
    client.batch_execute("CREATE OR REPLACE VIEW \"über v\" AS SELECT a, b FROM v").unwrap();
    cloud.eventually("TABLE v ORDER BY a", &["1|a|3.00|{\"a\": 1}", "2|b|5.00|"]);
    assert_eq!(cloud.rows("SELECT b FROM \"über v\" ORDER BY a"), ["a", "b"]);
    let oids = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class \
                WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')";
    client.batch_execute("CALL duckdb.sync()").unwrap();
    let (before, relations) = (texts(&mut client, oids), texts(&mut client, RELATIONS));
    // In a schema of its own: the lists do not show it.
    cloud.md("CREATE SCHEMA noise; CREATE TABLE noise.noise (i INTEGER)");
    client.batch_execute("CALL duckdb.sync()").unwrap();
    assert_eq!(texts(&mut client, RELATIONS), relations, "the sync finds nothing to change");
    assert_eq!(texts(&mut client, oids), before, "nothing was made anew");
    for (statement, why) in [
        ("CREATE VIEW mixed AS SELECT * FROM t JOIN heap USING (i)", "not in MotherDuck"),
        ("CREATE VIEW exact AS SELECT avg(n) FROM t", "only the engine of this server"),
        ("CREATE VIEW clock AS SELECT i, now() FROM t", "Postgres computes"),
        ("CREATE VIEW guarded WITH (security_barrier) AS SELECT i FROM t", "options"),
    ] {
        let said = cloud.psql(statement);
        assert!(said.contains("the view is made in Postgres") && said.contains(why), "{statement}: {said}");
    }
    assert_eq!(texts(&mut client, "SELECT avg::text FROM exact"), ["2.0000000000000000"]);
    assert_eq!(
        cloud.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"),
        ["v", "über v"]
    );
    // Rolled back in both.
    client
        .batch_execute("BEGIN; CREATE VIEW lost AS SELECT i FROM t; DROP VIEW \"über v\"; ROLLBACK")
        .unwrap();
    client.batch_execute("COMMENT ON VIEW v IS 'said'; COMMENT ON TABLE t IS 'also'").unwrap();
    assert_eq!(
        cloud.rows("SELECT comment FROM duckdb_views() WHERE NOT internal AND comment IS NOT NULL"),
        ["said"]
    );
    client
        .batch_execute("CREATE OR REPLACE VIEW v (a, b, c, d) AS SELECT i, 'x'::varchar(10), n * 3, j FROM t")
        .unwrap();
    client.batch_execute("ALTER VIEW \"über v\" RENAME TO w").unwrap();
    assert_eq!(texts(&mut client, "SELECT string_agg(b, '') FROM w"), ["xx"]);
    assert_eq!(cloud.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"), ["v", "w"]);
    for statement in [
        "ALTER VIEW w RENAME COLUMN a TO z",
        "ALTER VIEW w SET SCHEMA pg_temp",
        "CREATE OR REPLACE VIEW w AS SELECT i AS a, 'heap'::text AS b FROM heap",
    ] {
        assert_eq!(sqlstate(&client.batch_execute(statement).expect_err(statement)), "0A000", "{statement}");
    }
    client.batch_execute("DROP VIEW w").unwrap();
    client.batch_execute("SET duckdb.force_motherduck_views = on").unwrap();
    client.batch_execute("CREATE VIEW forced AS SELECT 1 AS one").unwrap();
    assert_eq!(sqlstate(&client.batch_execute("CREATE VIEW no AS TABLE heap").expect_err("heap")), "0A000");
    client.batch_execute("CREATE TEMP VIEW mine AS TABLE heap").expect("temporary ones are Postgres' own");
    assert_eq!(
        cloud.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY 1"),
        ["forced", "v"]
    );
    // One needs the right to read what a view reads.
    client
        .batch_execute(
            "CREATE USER viewer IN ROLE duckdb_group; GRANT CREATE ON SCHEMA public TO viewer; \
             REVOKE ALL ON t FROM duckdb_group",
        )
        .unwrap();
    client
        .batch_execute(&format!(
            "CREATE USER MAPPING FOR viewer SERVER motherduck OPTIONS (token '{}')",
            cloud.token()
        ))
        .unwrap();
    let mut viewer = cloud.client();
    viewer.batch_execute("SET ROLE viewer").unwrap();
    let error =
        viewer.batch_execute("CREATE VIEW mine AS SELECT i FROM t").expect_err("not allowed to read t");
    assert_eq!(sqlstate(&error), "42501");
}
