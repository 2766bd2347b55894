//! What Postgres' catalogs say of synced relations besides their columns.

use crate::fixture::{Cloud, sqlstate, texts};

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

/// Comments that are made in MotherDuck, on columns too, are in Postgres, also when they change.
#[test]
fn comments_reach_postgres() {
    let cloud = Cloud::enabled("comments_back");
    let said = "SELECT c.relname || coalesce('.' || a.attname, '') || ': ' || d.description \
                FROM pg_description d JOIN pg_class c ON d.classoid = 'pg_class'::regclass AND d.objoid = c.oid \
                LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND d.objsubid > 0 \
                WHERE c.relnamespace = 'public'::regnamespace ORDER BY 1";
    cloud.md("CREATE TABLE t (i INTEGER, \"J j\" INTEGER); CREATE VIEW v AS SELECT i AS k FROM t; \
              COMMENT ON TABLE t IS 'a table'; COMMENT ON COLUMN t.\"J j\" IS 'it''s new'; COMMENT ON COLUMN v.k IS 'key'");
    cloud.eventually(said, &["t.J j: it's new", "t: a table", "v.k: key"]);
    let oids = "SELECT string_agg(oid::text, ' ' ORDER BY oid) FROM pg_class WHERE relname IN ('t', 'v')";
    let before = texts(&mut cloud.client(), oids);
    cloud.md("COMMENT ON COLUMN t.\"J j\" IS NULL; COMMENT ON COLUMN t.i IS 'number'; COMMENT ON COLUMN v.k IS 'other'");
    cloud.eventually(said, &["t.i: number", "t: a table", "v.k: other"]);
    assert_eq!(texts(&mut cloud.client(), oids), before, "nothing was made anew");
}

/// A relation that a session holds keeps the sync from changing that one only.
#[test]
fn a_relation_in_use_does_not_stop_the_sync() {
    let cloud = Cloud::enabled("held");
    cloud.md("CREATE TABLE held (i INTEGER)");
    cloud.eventually("SELECT i FROM held", &[]);
    let mut holder = cloud.client();
    holder.batch_execute("BEGIN; LOCK TABLE held IN ACCESS SHARE MODE").unwrap();
    cloud.md("ALTER TABLE held ADD COLUMN j INTEGER; CREATE TABLE other AS SELECT 7 AS i");
    cloud.eventually("SELECT i FROM other", &["7"]);
    let column = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'held'::regclass AND attname = 'j'";
    assert_eq!(texts(&mut cloud.client(), &column.replace("count(*)", "count(*)::text")), ["0"]);
    holder.batch_execute("COMMIT").unwrap();
    cloud.client().batch_execute("CALL duckdb.force_motherduck_sync(false)").unwrap();
    cloud.eventually(column, &["1"]);
}
