//! Statements that change duckdb tables, seen by several sessions and through the protocol.

use std::io::Write as _;
use std::time::Duration;

use tests::cluster::Cluster;
use tests::wait;

use crate::fixture::{number, shared, sqlstate};

/// A fresh table of three rows.
fn table(cluster: &Cluster, name: &str) -> postgres::Client {
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(&format!("CREATE TABLE {name} (id integer, n numeric(8, 2), t text) USING duckdb"))
        .expect("creates");
    client
        .batch_execute(&format!("INSERT INTO {name} VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')"))
        .expect("inserts");
    client
}

/// Runs `first` and `second` in transactions side by side, and commits both in this order. Returns
/// the SQLSTATE that the second got, if it failed.
fn side_by_side(cluster: &Cluster, first: &str, second: &str) -> Option<String> {
    let mut a = table(cluster, "rivals");
    let mut b = cluster.client().expect("connects");
    a.batch_execute("BEGIN").expect("begins");
    b.batch_execute("BEGIN").expect("begins");
    assert_eq!(number(&mut b, "SELECT count(*) FROM rivals").expect("reads"), 3);
    a.batch_execute(first).expect("writes");
    let failed = b.batch_execute(second).err();
    a.batch_execute("COMMIT").expect("the first one commits");
    let failed = failed.or_else(|| b.batch_execute("COMMIT").err());
    drop(b.batch_execute("ROLLBACK"));
    // The session of the loser is as good as new.
    assert!(number(&mut b, "SELECT count(*) FROM rivals").is_ok(), "{first} against {second}");
    a.batch_execute("DROP TABLE rivals").expect("drops");
    failed.map(|error| sqlstate(&error))
}

#[test]
fn of_two_sessions_that_change_one_row_the_second_gets_40001() {
    let cluster = shared();
    let update = "UPDATE rivals SET n = n + 1 WHERE id = 1";
    let delete = "DELETE FROM rivals WHERE id = 1";
    let merge =
        "MERGE INTO rivals r USING (VALUES (1)) v (id) ON v.id = r.id WHEN MATCHED THEN UPDATE SET n = 9";
    let feed = "UPDATE rivals SET n = v.x FROM generate_series(1, 1) v (x) WHERE v.x = id";
    for (first, second) in
        [(update, update), (delete, delete), (update, merge), (merge, update), (update, feed)]
    {
        let failed = side_by_side(&cluster, first, second);
        assert_eq!(failed.as_deref(), Some("40001"), "{first} against {second}");
    }
}

/// One of the two comes first, and that is what there is afterwards.
#[test]
fn an_update_and_a_delete_of_one_row_end_as_if_one_came_first() {
    let cluster = shared();
    let update = "UPDATE rivals SET n = n + 1 WHERE id = 1";
    let delete = "DELETE FROM rivals WHERE id = 1";
    for (first, second) in [(update, delete), (delete, update)] {
        let failed = side_by_side(&cluster, first, second);
        assert!(failed.is_none() || failed.as_deref() == Some("40001"), "{failed:?}");
    }
}

#[test]
fn two_sessions_cannot_add_one_key() {
    let cluster = shared();
    let mut a = cluster.client().expect("connects");
    let mut b = cluster.client().expect("connects");
    a.batch_execute("CREATE TABLE one_key (id integer PRIMARY KEY) USING duckdb").expect("creates");
    a.batch_execute("BEGIN; INSERT INTO one_key VALUES (1)").expect("inserts");
    b.batch_execute("BEGIN").expect("begins");
    let failed = b.batch_execute("INSERT INTO one_key VALUES (1)").err();
    a.batch_execute("COMMIT").expect("commits");
    let error = failed.or_else(|| b.batch_execute("COMMIT").err()).expect("one of them must lose");
    assert!(["23505", "40001"].contains(&sqlstate(&error).as_str()), "{error:?}");
    drop(b.batch_execute("ROLLBACK"));
    assert_eq!(number(&mut b, "SELECT count(*) FROM one_key").expect("reads"), 1);
    a.batch_execute("DROP TABLE one_key").expect("drops");
}

#[test]
fn sessions_that_change_different_rows_do_not_meet() {
    let cluster = shared();
    let mut a = table(&cluster, "apart");
    let mut b = cluster.client().expect("connects");
    a.batch_execute("BEGIN; UPDATE apart SET n = 10 WHERE id = 1").expect("writes");
    b.batch_execute("BEGIN; DELETE FROM apart WHERE id = 2; INSERT INTO apart (id) VALUES (4)")
        .expect("writes");
    assert_eq!(number(&mut b, "SELECT n::bigint FROM apart WHERE id = 1").expect("reads"), 1);
    a.batch_execute("COMMIT").expect("commits");
    b.batch_execute("COMMIT").expect("commits");
    assert_eq!(number(&mut a, "SELECT n::bigint FROM apart WHERE id = 1").expect("reads"), 10);
    assert_eq!(number(&mut a, "SELECT sum(id) FROM apart").expect("reads"), 8);
    a.batch_execute("DROP TABLE apart").expect("drops");
}

/// Often enough for a generic plan, which is made once and runs in many transactions.
#[test]
fn prepared_statements_change_rows_again_and_again() {
    let cluster = shared();
    let mut client = table(&cluster, "again");
    let update = client
        .prepare("UPDATE again SET t = $2, n = n + 1 WHERE id = $1 RETURNING id, t, upper(t), now()")
        .expect("prepares");
    for turn in 0..8 {
        let word = format!("turn {turn}");
        let rows = client.query(&update, &[&1_i32, &word]).expect("updates");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get::<_, String>(1), word);
        assert_eq!(rows[0].get::<_, String>(2), word.to_uppercase());
    }
    assert_eq!(number(&mut client, "SELECT n::bigint FROM again WHERE id = 1").expect("reads"), 9);

    let insert = client.prepare("INSERT INTO again (id, t) VALUES ($1, $2)").expect("prepares");
    let delete = client.prepare("DELETE FROM again WHERE id = $1").expect("prepares");
    let merge = client
        .prepare(
            "MERGE INTO again USING (SELECT $1::integer AS id) s ON s.id = again.id \
             WHEN MATCHED THEN UPDATE SET n = 0 WHEN NOT MATCHED THEN INSERT (id, n) VALUES (s.id, $2::integer)",
        )
        .expect("prepares");
    for id in 10..18_i32 {
        assert_eq!(client.execute(&insert, &[&id, &None::<String>]).expect("inserts"), 1);
        assert_eq!(client.execute(&merge, &[&id, &7_i32]).expect("merges"), 1);
        assert_eq!(client.execute(&merge, &[&(id + 100), &7_i32]).expect("merges"), 1);
        assert_eq!(client.execute(&delete, &[&id]).expect("deletes"), 1);
        assert_eq!(client.execute(&delete, &[&id]).expect("deletes nothing"), 0);
    }
    assert_eq!(number(&mut client, "SELECT sum(n)::bigint FROM again WHERE id > 100").expect("reads"), 56);
    client.batch_execute("DROP TABLE again").expect("drops");
}

/// What DuckDB must not compute is computed before the statement starts, from what it reads:
/// more than fits into one batch, and into the ring of a feed.
#[test]
fn many_rows_change_by_what_only_postgres_computes() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE FUNCTION twice(bigint) RETURNS bigint LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1 * 2; END'; \
             CREATE TABLE many USING duckdb AS SELECT i, repeat('x', 400) AS filler FROM numbers",
        )
        .expect("creates");
    let changed = client.execute("UPDATE many SET i = twice(i), filler = filler || twice(i)", &[]);
    assert_eq!(changed.expect("updates"), 20_000);
    assert_eq!(number(&mut client, "SELECT sum(i)::bigint FROM many").expect("reads"), 20_000 * 20_001);
    let gone = client.query("DELETE FROM many WHERE twice(i) % 8 = 0 RETURNING twice(i), filler", &[]);
    assert_eq!(gone.expect("deletes").len(), 10_000);
    client.batch_execute("DROP TABLE many; DROP FUNCTION twice").expect("drops");
}

#[test]
fn a_cancelled_change_leaves_nothing() {
    let cluster = shared();
    let mut client = table(&cluster, "cancelled");
    client.batch_execute("SET statement_timeout = '300ms'").expect("sets");
    let sql = "UPDATE cancelled SET n = (SELECT count(*) FROM numbers a, numbers b, numbers c WHERE (a.i * b.i + c.i) % 1000003 = cancelled.id)";
    let error = client.batch_execute(sql).expect_err("takes too long");
    assert_eq!(sqlstate(&error), "57014", "{error:?}");
    client.batch_execute("RESET statement_timeout").expect("resets");
    assert_eq!(number(&mut client, "SELECT sum(n)::bigint FROM cancelled").expect("reads"), 6);
    client.batch_execute("UPDATE cancelled SET n = 0").expect("works again");
    client.batch_execute("DROP TABLE cancelled").expect("drops");
}

/// Frameworks find out by these fields which constraint a row violates. They must be those of heap
/// tables, and stay out of errors that are about something else.
#[test]
fn violations_name_their_table_column_and_constraint_as_on_heap_tables() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    let mut fields = Vec::new();
    for using in ["", "USING duckdb"] {
        let create = format!(
            "CREATE SCHEMA named; CREATE TABLE named.t (i integer PRIMARY KEY, n numeric(8, 2) NOT NULL, \
             CONSTRAINT positive CHECK (n > 0)) {using}; INSERT INTO named.t VALUES (1, 1)"
        );
        client.batch_execute(&create).expect("creates");
        let statements = [
            "INSERT INTO named.t VALUES (1, 2)",
            "INSERT INTO named.t SELECT g, 2 FROM generate_series(1, 3) g",
            "INSERT INTO named.t VALUES (2, NULL)",
            "INSERT INTO named.t VALUES (2, -1)",
            "UPDATE named.t SET n = -n",
            "UPDATE named.t SET n = NULL",
            "SELECT 1 / 0",
            "SELECT 1 / (i - i) FROM named.t",
        ];
        fields.push(statements.map(|sql| {
            let error = client.batch_execute(sql).expect_err(sql);
            let error = error.as_db_error().expect("an error of the server");
            let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
            (
                error.code().code().to_owned(),
                [error.schema(), error.table(), error.column(), error.constraint()].map(text),
            )
        }));
        client.batch_execute("DROP SCHEMA named CASCADE").expect("drops");
    }
    assert_eq!(fields[0], fields[1]);
    assert_eq!(fields[0][3].1, ["named", "t", "", "positive"]);
}

/// `pg_stat_progress_copy` shows a COPY that waits for more rows, as on a heap table.
#[test]
fn a_copy_shows_its_progress() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client.batch_execute("CREATE TABLE counted (i int) USING duckdb").expect("creates");
    let mut copy = client.copy_in("COPY counted FROM STDIN WHERE i % 10 <> 0").expect("begins");
    for i in 0..1000 {
        writeln!(copy, "{i}").expect("takes rows");
    }
    copy.flush().expect("hands rows over");
    // The client sends what was handed over before as it takes more.
    write!(copy, "1").expect("takes a part of a row");
    copy.flush().expect("sends rows");
    let mut other = cluster.client().expect("connects");
    let progress = "SELECT command || ' ' || type || ' ' || tuples_excluded || ' ' || (tuples_processed > 800) \
                    || ' ' || (bytes_processed >= 3890) FROM pg_stat_progress_copy \
                    WHERE datname = current_database() AND relid = 'counted'::regclass";
    wait::until("rows that are counted", Duration::from_secs(30), || {
        let shown = other.query_opt(progress, &[]).expect("asks");
        shown.is_some_and(|row| row.get::<_, &str>(0) == "COPY FROM PIPE 100 true true")
    })
    .expect("are shown");
    assert_eq!(copy.finish().expect("ends"), 901);
    assert!(other.query_opt(progress, &[]).expect("shows").is_none());
    client.batch_execute("DROP TABLE counted").expect("drops");
}

/// `INSERT .. VALUES` of one row takes its values as parameters: sequences move once for each row,
/// and not for EXPLAIN.
#[test]
fn a_row_that_is_inserted_again_and_again_takes_its_values_once() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("CREATE TABLE serials (id serial, n numeric(6, 2), t text) USING duckdb")
        .expect("creates");
    client.batch_execute("EXPLAIN INSERT INTO serials (n) VALUES (0)").expect("explains");
    let insert = client
        .prepare("INSERT INTO serials (n, t) VALUES ($1::float8::numeric, upper($2))")
        .expect("prepares");
    for round in 0..20 {
        let text = (round % 2 == 0).then_some("x");
        client.execute(&insert, &[&(f64::from(round) + 0.125), &text]).expect("inserts");
    }
    // The definition changes below the prepared statement.
    client.batch_execute("ALTER TABLE serials ADD COLUMN more integer DEFAULT 7").expect("alters");
    client.execute(&insert, &[&99.999, &None::<&str>]).expect("inserts");
    let rows = "SELECT string_agg(concat_ws(' ', id, n, t, more), ';' ORDER BY id) FROM serials \
                WHERE id IN (1, 2, 20, 21)";
    let text: String = client.query_one(rows, &[]).expect("reads").get(0);
    assert_eq!(text, "1 0.13 X 7;2 1.13 7;20 19.13 7;21 100.00 7");
    client.batch_execute("DROP TABLE serials").expect("drops");
}
