//! What was committed is there after a restart, and nothing else is.

use tests::cluster::{Options, Shutdown};

use crate::fixture::{number, own};

#[test]
fn tables_survive_every_kind_of_restart() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE SCHEMA s").expect("creates");
    client.batch_execute("CREATE TABLE s.kept (i bigint, t text) USING duckdb").expect("creates");
    for (round, how) in (1..).zip([Shutdown::Fast, Shutdown::Immediate, Shutdown::Kill]) {
        let mut client = cluster.client().expect("connects");
        client
            .batch_execute(&format!("INSERT INTO s.kept VALUES ({round}, 'row {round}')"))
            .expect("inserts");
        client.batch_execute("BEGIN; INSERT INTO s.kept VALUES (-1, 'never')").expect("inserts");
        cluster.restart(how).expect("restarts");
        let mut client = cluster.client().expect("connects");
        assert_eq!(number(&mut client, "SELECT count(*) FROM s.kept").expect("answers"), round, "{how:?}");
        assert_eq!(number(&mut client, "SELECT min(i) FROM s.kept").expect("answers"), 1);
    }
}

#[test]
fn dropped_and_truncated_stay_so() {
    let mut cluster = own(Options::with_extension().durable());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE gone USING duckdb AS SELECT i FROM numbers").expect("creates");
    client.batch_execute("CREATE TABLE hollow USING duckdb AS SELECT i FROM numbers").expect("creates");
    client.batch_execute("BEGIN; DROP TABLE gone; ROLLBACK").expect("rolls back");
    assert_eq!(number(&mut client, "SELECT count(*) FROM gone").expect("is back"), 20_000);
    client.batch_execute("DROP TABLE gone").expect("drops");
    client.batch_execute("TRUNCATE hollow").expect("truncates");
    cluster.restart(Shutdown::Immediate).expect("restarts");
    let mut client = cluster.client().expect("connects");
    assert_eq!(number(&mut client, "SELECT count(*) FROM hollow").expect("answers"), 0);
    client.batch_execute("CREATE TABLE gone (other text) USING duckdb").expect("the name is free");
}

#[test]
fn each_database_has_a_store_of_its_own() {
    let cluster = own(Options::with_extension());
    cluster.client().expect("connects").batch_execute("CREATE DATABASE other").expect("creates");
    let mut other = cluster.client_of("other").expect("connects");
    other.batch_execute("CREATE EXTENSION pg_duckdb").expect("creates");
    other.batch_execute("CREATE TABLE numbers (i bigint) USING duckdb").expect("creates");
    assert_eq!(number(&mut other, "SELECT count(*) FROM numbers").expect("answers"), 0);
}
