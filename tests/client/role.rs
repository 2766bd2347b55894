//! `duckdb.postgres_role`: who may use DuckDB at all.

use tests::cluster::Options;

use crate::fixture::{NUMBERS, explain, number, own, sqlstate};

#[test]
fn only_members_of_the_role_use_duckdb() {
    let cluster = own(Options::with_extension().set("duckdb.postgres_role", "duck_users"));
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE ROLE member IN ROLE duck_users; CREATE ROLE outsider; \
             GRANT SELECT ON numbers, source TO member, outsider; GRANT CREATE ON SCHEMA public TO outsider",
        )
        .expect("creates");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("a superuser may"), NUMBERS);
    client.batch_execute("SET ROLE member").expect("sets");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("a member may"), NUMBERS);
    client.batch_execute("RESET ROLE; SET ROLE outsider").expect("sets");
    for sql in [
        "SELECT count(*) FROM numbers",
        "CREATE TABLE mine (i integer) USING duckdb",
        "CREATE TABLE mine USING duckdb AS SELECT i FROM source",
    ] {
        let error = client.batch_execute(sql).expect_err("others may not");
        assert_eq!(sqlstate(&error), "42501", "{sql}: {}", explain(&error));
    }
    // What Postgres itself can do is nobody's business here.
    assert_eq!(number(&mut client, "SELECT count(*) FROM source").expect("heap tables work"), NUMBERS);
}
