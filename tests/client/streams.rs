//! Several results of one session under way at once.

use std::time::Duration;

use tests::cluster::Options;
use tests::wait;

use crate::fixture::{BROAD, NUMBERS, engine_is_idle, number, own, shared};

/// Five results far larger than rings and read-ahead, read in turns: the engine keeps what
/// DuckDB must finish before the next statement, in order, in memory and in its spill file.
#[test]
fn five_big_cursors_read_in_turns_keep_their_order() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client.batch_execute("BEGIN").expect("begins");
    for cursor in 0..5 {
        let sql = format!(
            "DECLARE c{cursor} CURSOR FOR SELECT (a.i - 1) * 20000 + b.i + {cursor} AS k, \
             'a text that does not fit into a view ' || b.i AS t \
             FROM numbers a, numbers b WHERE a.i <= 40 ORDER BY 1"
        );
        client.batch_execute(&sql).expect("declares");
    }
    // Uneven portions, so that the turns never fall on the ends of batches.
    let mut next = [1_i64; 5];
    for round in 0..40 {
        for (cursor, next) in (0_i64..).zip(&mut next) {
            let portion = 1 + (round * 997 + cursor * 331) % 5000;
            for row in client.query(&format!("FETCH {portion} FROM c{cursor}"), &[]).expect("fetches") {
                assert_eq!(row.get::<_, i64>(0), *next + cursor, "cursor {cursor}, round {round}");
                let text = format!("a text that does not fit into a view {}", (*next - 1) % 20_000 + 1);
                assert_eq!(row.get::<_, &str>(1), text);
                *next += 1;
            }
        }
    }
    for (cursor, next) in (0_i64..).zip(next) {
        client.batch_execute(&format!("MOVE 600000 c{cursor}")).expect("moves");
        let row = client.query_one(&format!("FETCH 1 FROM c{cursor}"), &[]).expect("fetches");
        assert_eq!(row.get::<_, i64>(0), next + 600_000 + cursor);
        let rest = client.execute(&format!("MOVE ALL FROM c{cursor}"), &[]).expect("moves");
        assert_eq!(
            i64::try_from(rest).expect("fits"),
            40 * NUMBERS - (next + 600_000),
            "rows of cursor {cursor}"
        );
    }
    client.batch_execute("COMMIT").expect("commits");
}

#[test]
fn a_loop_over_a_query_runs_another_query_per_row() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE FUNCTION pg_temp.total() RETURNS bigint LANGUAGE plpgsql AS $$ \
             DECLARE r record; n bigint; total bigint := 0; last bigint := 0; \
             BEGIN \
               FOR r IN SELECT i FROM numbers ORDER BY i LOOP \
                 ASSERT r.i = last + 1, 'rows out of order'; last := r.i; \
                 CONTINUE WHEN r.i % 100 <> 0; \
                 SELECT count(*) INTO n FROM numbers WHERE i <= r.i; \
                 total := total + n; \
               END LOOP; \
               ASSERT last = 20000, 'rows are missing'; \
               RETURN total; \
             END $$",
        )
        .expect("creates");
    let expected = (1..=200).map(|step| step * 100).sum::<i64>();
    assert_eq!(number(&mut client, "SELECT pg_temp.total()").expect("answers"), expected);
}

/// The stream that is put aside pulls its rows from the very backend that sends the next
/// statement: it has to serve both.
#[test]
fn a_cursor_fed_by_a_heap_table_is_put_aside() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "BEGIN; DECLARE c CURSOR FOR SELECT s.i + x.g AS k FROM source s, \
             (SELECT i * 20000 AS g FROM numbers WHERE i < 20) x",
        )
        .expect("declares");
    let (mut sum, mut rows) = (0, 0);
    loop {
        let portion = client.query("FETCH 30011 FROM c", &[]).expect("fetches");
        if portion.is_empty() {
            break;
        }
        rows += i64::try_from(portion.len()).expect("fits");
        sum += portion.iter().map(|row| row.get::<_, i64>(0)).sum::<i64>();
        assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), NUMBERS);
    }
    client.batch_execute("COMMIT").expect("commits");
    // k takes each value of 20001..=400000 once.
    assert_eq!(rows, 380_000);
    assert_eq!(sum, (20_001..=400_000).sum::<i64>());
}

#[test]
fn a_held_cursor_of_many_rows_outlives_its_transaction_and_the_engine() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT i FROM numbers ORDER BY i DESC; COMMIT")
        .expect("declares");
    let engine = cluster.engine_pid().expect("runs");
    tests::process::kill(engine).expect("killed");
    assert_eq!(client.query("FETCH 2 FROM c", &[]).expect("fetches")[1].get::<_, i64>(0), NUMBERS - 1);
    assert_eq!(client.execute("MOVE ALL FROM c", &[]).expect("moves"), 19_998);
}

#[test]
fn a_cursor_scrolls_over_many_rows() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("BEGIN; DECLARE c SCROLL CURSOR FOR SELECT i FROM numbers ORDER BY i")
        .expect("declares");
    let mut at =
        |fetch: &str| client.query(fetch, &[]).expect("fetches").first().map(|row| row.get::<_, i64>(0));
    assert_eq!(at("FETCH ABSOLUTE 15000 FROM c"), Some(15_000));
    assert_eq!(at("FETCH RELATIVE -5000 FROM c"), Some(10_000));
    assert_eq!(at("FETCH FIRST FROM c"), Some(1));
    assert_eq!(at("FETCH LAST FROM c"), Some(NUMBERS));
    assert_eq!(at("FETCH NEXT FROM c"), None);
    assert_eq!(at("FETCH PRIOR FROM c"), Some(NUMBERS));
}

#[test]
fn abandoned_streams_do_not_pile_up() {
    let cluster = own(Options::with_extension());
    let mut client = cluster.client().expect("connects");
    let engine = cluster.engine_pid().expect("runs");
    for _ in 0..50 {
        let rows = client.query(&format!("{BROAD} LIMIT 3"), &[]).expect("answers");
        assert_eq!(rows.len(), 3);
        client
            .batch_execute(&format!("BEGIN; DECLARE c CURSOR FOR {BROAD}; MOVE 5000 c; CLOSE c; COMMIT"))
            .expect("streams and stops");
    }
    // Nobody waits for the engine to close what a client has left.
    engine_is_idle(&cluster, Duration::from_secs(30));
    wait::until("the segments go", Duration::from_secs(30), || {
        tests::process::shared_segments(engine).expect("alive") == 0
    })
    .expect("they are given back");
}
