//! Cursors, prepared statements, several streams in one session, several sessions at once.

use tests::cluster::Cluster;

use crate::fixture::{BROAD, NUMBERS, number, shared};

fn column(client: &mut postgres::Client, sql: &str) -> Vec<i64> {
    client.query(sql, &[]).expect("answers").iter().map(|row| row.get(0)).collect()
}

#[test]
fn a_cursor_hands_out_rows_in_order() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT i FROM numbers ORDER BY i").expect("declares");
    assert_eq!(column(&mut client, "FETCH 3 FROM c"), [1, 2, 3]);
    client.batch_execute("MOVE 9997 FROM c").expect("moves");
    assert_eq!(column(&mut client, "FETCH 2 FROM c"), [10_001, 10_002]);
    client.batch_execute("MOVE ALL FROM c").expect("moves");
    assert!(column(&mut client, "FETCH 1 FROM c").is_empty());
    client.batch_execute("COMMIT").expect("commits");
}

#[test]
fn a_scroll_cursor_goes_back() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT i FROM numbers ORDER BY i")
        .expect("declares");
    assert_eq!(column(&mut client, "FETCH 2 FROM c"), [1, 2]);
    assert_eq!(column(&mut client, "FETCH PRIOR FROM c"), [1]);
    assert_eq!(column(&mut client, "FETCH LAST FROM c"), [NUMBERS]);
    client.batch_execute("COMMIT").expect("commits");
}

#[test]
fn a_held_cursor_outlives_its_transaction() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    let sql = "BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT i FROM numbers ORDER BY i DESC; COMMIT";
    client.batch_execute(sql).expect("declares");
    assert_eq!(column(&mut client, "FETCH 2 FROM c"), [NUMBERS, NUMBERS - 1]);
}

/// One DuckDB connection has one open stream; the engine must park the older one.
#[test]
fn streams_of_one_session_do_not_disturb_each_other() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "BEGIN; DECLARE a CURSOR FOR SELECT i FROM numbers ORDER BY i; \
             DECLARE b CURSOR FOR SELECT i FROM numbers ORDER BY i DESC",
        )
        .expect("declares");
    for round in 0..20 {
        let first = 1 + round * 100;
        assert_eq!(column(&mut client, "FETCH 100 FROM a")[0], first);
        assert_eq!(column(&mut client, "FETCH 100 FROM b")[0], NUMBERS + 1 - first);
        assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), NUMBERS);
    }
    client.batch_execute("COMMIT").expect("commits");
}

#[test]
fn a_cursor_left_half_read_blocks_nobody() {
    let cluster = shared();
    let mut readers: Vec<_> = (0..8).map(|_| cluster.client().expect("connects")).collect();
    for reader in &mut readers {
        reader.batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 10 c")).expect("streams");
    }
    let mut client = cluster.client().expect("connects");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), NUMBERS);
}

#[test]
fn a_prepared_statement_takes_new_parameters() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    let sql = "SELECT count(*) FROM numbers WHERE i <= $1 AND $2::text LIKE '%x%'";
    let statement = client.prepare(sql).expect("prepares");
    // More than five runs: Postgres may change to a generic plan.
    for limit in [5_i64, 50, 0, 500, 1, 5000, 7, 70] {
        let count: i64 = client.query_one(&statement, &[&limit, &"axb"]).expect("answers").get(0);
        assert_eq!(count, limit);
    }
    let none: i64 = client.query_one(&statement, &[&5_i64, &None::<&str>]).expect("answers").get(0);
    assert_eq!(none, 0);
    // What it was planned for is gone: an error or a new plan, never an old answer.
    client.batch_execute("CREATE TEMP TABLE numbers (i bigint) USING duckdb").expect("creates");
    let count = client.query_one(sql, &[&5_i64, &"x"]).expect("answers").get::<_, i64>(0);
    assert_eq!(count, 0);
}

#[test]
fn sixteen_sessions_at_once_get_their_own_answers() {
    let cluster = shared();
    std::thread::scope(|scope| {
        for session in 1..=16_i64 {
            let cluster: &Cluster = &cluster;
            scope.spawn(move || {
                let mut client = cluster.client().expect("connects");
                let sql = format!("SELECT sum(i * {session})::bigint FROM numbers");
                for _ in 0..20 {
                    let expected = session * NUMBERS * (NUMBERS + 1) / 2;
                    assert_eq!(number(&mut client, &sql).expect("answers"), expected);
                }
            });
        }
    });
}

#[test]
fn a_temporary_table_belongs_to_its_session() {
    let cluster = shared();
    let mut one = cluster.client().expect("connects");
    let mut two = cluster.client().expect("connects");
    for (client, value) in [(&mut one, 1), (&mut two, 2)] {
        let sql = format!("CREATE TEMP TABLE mine USING duckdb AS SELECT i FROM numbers WHERE i = {value}");
        client.batch_execute(&sql).expect("creates");
    }
    assert_eq!(number(&mut one, "SELECT i FROM mine").expect("answers"), 1);
    assert_eq!(number(&mut two, "SELECT i FROM mine").expect("answers"), 2);
}
