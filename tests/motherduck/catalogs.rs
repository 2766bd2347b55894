//! What Postgres' catalogs say of synced relations besides their columns.

use crate::fixture::{Cloud, sqlstate};

/// Comments in MotherDuck, as `relation[.column]: comment`.
const THEIRS: &str = "SELECT c FROM (\
     SELECT table_name || ': ' || comment AS c FROM duckdb_tables() UNION ALL \
     SELECT view_name || ': ' || comment FROM duckdb_views() WHERE NOT internal UNION ALL \
     SELECT table_name || '.' || column_name || ': ' || comment FROM duckdb_columns() WHERE NOT internal) \
     WHERE c IS NOT NULL ORDER BY c";

/// Comments on tables, views and their columns that are made in Postgres are in MotherDuck.
#[test]
fn comments_reach_motherduck() {
    let cloud = Cloud::start("comments");
    cloud.md("CREATE TABLE t (i INTEGER, \"J j\" INTEGER); CREATE VIEW v AS SELECT i AS k FROM t; \
              COMMENT ON COLUMN t.i IS 'new'; COMMENT ON COLUMN v.k IS 'of a view'");
    let mut client = cloud.client();
    client.batch_execute(&cloud.enable()).unwrap();
    client.batch_execute("CALL duckdb.sync()").unwrap();
    client
        .batch_execute(
            "COMMENT ON COLUMN t.\"J j\" IS 'it''s from Postgres'; COMMENT ON COLUMN public.v.k IS NULL; \
             COMMENT ON TABLE t IS 'again'; COMMENT ON VIEW v IS 'also'",
        )
        .unwrap();
    let said = ["t.J j: it's from Postgres", "t.i: new", "t: again", "v: also"];
    assert_eq!(cloud.rows(THEIRS), said);
    client.batch_execute("BEGIN; COMMENT ON COLUMN t.i IS 'lost'; ROLLBACK").unwrap();
    for (statement, state) in [
        ("COMMENT ON COLUMN t.missing IS 'x'", "42703"),
        ("COMMENT ON COLUMN i IS 'x'", "42601"),
        ("COMMENT ON TABLE v IS 'x'", "42809"),
    ] {
        assert_eq!(sqlstate(&client.batch_execute(statement).expect_err(statement)), state, "{statement}");
    }
    assert_eq!(cloud.rows(THEIRS), said);
}
