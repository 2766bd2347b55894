//! What was planned is planned again when it has to be: each story is played on heap tables and on
//! duckdb tables, and has to go the same way.

use postgres::SimpleQueryMessage;
use tests::cluster::Cluster;

use crate::fixture::shared;

/// What happens when `steps` are played by three sessions in schema `schema`: the rows or the
/// error of every step.
fn play(cluster: &Cluster, schema: &str, using: &str, steps: &[(usize, &str)]) -> Vec<String> {
    let mut sessions: Vec<_> = (0..3).map(|_| cluster.client().expect("connects")).collect();
    sessions[0]
        .batch_execute(&format!("DROP SCHEMA IF EXISTS {schema} CASCADE; CREATE SCHEMA {schema}"))
        .expect("makes a schema");
    for session in &mut sessions {
        session.batch_execute(&format!("SET search_path = {schema}, public")).expect("sets the path");
    }
    let mut told = Vec::new();
    for (session, step) in steps {
        let sql = step.replace("{using}", using).replace("{schema}", schema);
        let outcome = match sessions[*session].simple_query(&sql) {
            Ok(messages) => messages
                .iter()
                .filter_map(|message| match message {
                    SimpleQueryMessage::Row(row) => {
                        let values: Vec<&str> =
                            (0..row.len()).map(|column| row.get(column).unwrap_or("null")).collect();
                        Some(values.join(","))
                    }
                    _ => None,
                })
                .collect::<Vec<_>>()
                .join(" "),
            Err(error) => match error.as_db_error() {
                Some(error) => {
                    format!("{}: {}", error.code().code(), error.message().replace(schema, "schema"))
                }
                None => error.to_string(),
            },
        };
        told.push(format!("{session} {step} -> {outcome}"));
    }
    sessions[0].batch_execute(&format!("DROP SCHEMA {schema} CASCADE")).expect("drops the schema");
    told
}

/// Plays the story on both kinds of tables.
fn same(name: &str, steps: &[(usize, &str)]) {
    let cluster = shared();
    let heap = play(&cluster, &format!("{name}_heap"), "", steps);
    let duck = play(&cluster, &format!("{name}_duck"), "USING duckdb", steps);
    for (heap, duck) in heap.iter().zip(&duck) {
        assert_eq!(heap, duck);
    }
}

#[test]
fn ddl_of_another_session_reaches_prepared_statements() {
    same(
        "ddl",
        &[
            (0, "CREATE TABLE t (a integer, b text) {using}"),
            (0, "INSERT INTO t VALUES (1, 'x'), (2, 'y')"),
            (1, "PREPARE all_of_it AS SELECT * FROM t ORDER BY a"),
            (1, "PREPARE some(integer) AS SELECT b FROM t WHERE a = $1"),
            (1, "EXECUTE all_of_it"),
            (1, "EXECUTE some(2)"),
            (0, "ALTER TABLE t ADD COLUMN c integer"),
            // Its result has another type: Postgres refuses.
            (1, "EXECUTE all_of_it"),
            (1, "EXECUTE some(2)"),
            (0, "ALTER TABLE t DROP COLUMN c"),
            (1, "EXECUTE all_of_it"),
            (0, "ALTER TABLE t RENAME COLUMN b TO d"),
            (1, "EXECUTE some(2)"),
            (0, "ALTER TABLE t RENAME COLUMN d TO b"),
            (1, "EXECUTE some(1)"),
            (0, "TRUNCATE t"),
            (1, "EXECUTE some(1)"),
            (0, "DROP TABLE t"),
            (1, "EXECUTE some(1)"),
            (0, "CREATE TABLE t (b text, a integer) {using}"),
            (0, "INSERT INTO t VALUES ('new', 1)"),
            (1, "EXECUTE some(1)"),
            (0, "ALTER TABLE t RENAME TO u"),
            (1, "EXECUTE some(1)"),
            (0, "CREATE VIEW t AS SELECT a + 1 AS a, b FROM u"),
            (1, "EXECUTE some(2)"),
            (0, "CREATE OR REPLACE VIEW t AS SELECT a + 2 AS a, b FROM u"),
            (1, "EXECUTE some(2)"),
            (1, "EXECUTE some(3)"),
        ],
    );
}

#[test]
fn generic_plans_are_made_again_too() {
    let mut steps = vec![
        (0, "CREATE TABLE t (a integer, b text) {using}"),
        (0, "INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 10) i"),
        (1, "SET plan_cache_mode = force_generic_plan"),
        (1, "PREPARE p(integer) AS SELECT b, count(*) FROM t WHERE a <= $1 GROUP BY b ORDER BY b"),
    ];
    steps.extend([(1, "EXECUTE p(2)"); 7]);
    steps.extend([
        (0, "ALTER TABLE t ADD COLUMN c integer"),
        (1, "EXECUTE p(2)"),
        (0, "DROP TABLE t"),
        (0, "CREATE TABLE t (c integer, b text, a integer) {using}"),
        (0, "INSERT INTO t VALUES (9, 'other', 1)"),
        (1, "EXECUTE p(2)"),
    ]);
    same("generic", &steps);
}

#[test]
fn functions_see_the_tables_of_today() {
    same(
        "plpgsql",
        &[
            (0, "CREATE TABLE t (a integer, b text) {using}"),
            (0, "INSERT INTO t VALUES (1, 'x'), (2, 'y')"),
            (
                0,
                "CREATE FUNCTION {schema}.f(i integer) RETURNS text LANGUAGE plpgsql AS \
                 $$ DECLARE r text; BEGIN SELECT b INTO r FROM t WHERE a = i; RETURN r; END $$",
            ),
            (1, "SELECT f(1), f(2), f(3)"),
            (0, "ALTER TABLE t RENAME COLUMN b TO c"),
            (1, "SELECT f(1)"),
            (0, "ALTER TABLE t RENAME COLUMN c TO b"),
            (1, "SELECT f(1)"),
            (0, "DROP TABLE t"),
            (1, "SELECT f(1)"),
            (0, "CREATE TABLE t (b text, a integer) {using}"),
            (0, "INSERT INTO t VALUES ('z', 1)"),
            (1, "SELECT f(1)"),
            (0, "DELETE FROM t"),
            (0, "INSERT INTO t VALUES ('w', 1)"),
            (1, "SELECT f(1)"),
        ],
    );
}

#[test]
fn names_are_looked_up_along_the_path_of_the_moment() {
    same(
        "path",
        &[
            (0, "CREATE SCHEMA {schema}_b"),
            (0, "CREATE TABLE t (a integer) {using}"),
            (0, "INSERT INTO t VALUES (1)"),
            (0, "CREATE TABLE {schema}_b.t (a integer) {using}"),
            (0, "INSERT INTO {schema}_b.t VALUES (2)"),
            (1, "PREPARE p AS SELECT a FROM t"),
            (1, "EXECUTE p"),
            (1, "SET search_path = {schema}_b"),
            (1, "EXECUTE p"),
            (1, "SET search_path = {schema}"),
            (1, "EXECUTE p"),
            // A temporary table comes before both, in its session only.
            (1, "CREATE TEMP TABLE t (a integer) {using}"),
            (1, "INSERT INTO t VALUES (3)"),
            (1, "EXECUTE p"),
            (2, "SELECT a FROM t"),
            (1, "SELECT a FROM {schema}.t"),
            (1, "DROP TABLE pg_temp.t"),
            (1, "EXECUTE p"),
            (1, "SET search_path = nowhere"),
            (1, "EXECUTE p"),
            (0, "DROP SCHEMA {schema}_b CASCADE"),
        ],
    );
}

#[test]
fn a_rolled_back_change_was_none() {
    same(
        "undone",
        &[
            (0, "CREATE TABLE t (a integer, b text) {using}"),
            (0, "INSERT INTO t VALUES (1, 'x')"),
            (1, "PREPARE p AS SELECT b FROM t"),
            (1, "EXECUTE p"),
            (1, "BEGIN"),
            (1, "ALTER TABLE t RENAME COLUMN b TO c"),
            (1, "SELECT c FROM t"),
            (1, "ROLLBACK"),
            (1, "EXECUTE p"),
            (1, "BEGIN"),
            (1, "DROP TABLE t"),
            (1, "ROLLBACK"),
            (1, "EXECUTE p"),
            (1, "BEGIN"),
            (1, "TRUNCATE t"),
            (1, "EXECUTE p"),
            (1, "ROLLBACK"),
            (1, "EXECUTE p"),
        ],
    );
}

#[test]
fn cursors_go_forth_and_back() {
    same(
        "cursors",
        &[
            (0, "CREATE TABLE t (a integer, b text) {using}"),
            (0, "INSERT INTO t SELECT i, 'v' || i FROM generate_series(1, 10) i"),
            (
                0,
                "CREATE FUNCTION {schema}.odd(integer) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN $1 % 2 = 1; END'",
            ),
            (0, "BEGIN"),
            (0, "DECLARE c SCROLL CURSOR FOR SELECT a FROM t ORDER BY a"),
            (0, "FETCH 3 FROM c"),
            (0, "FETCH BACKWARD 2 FROM c"),
            (0, "FETCH LAST FROM c"),
            (0, "FETCH ABSOLUTE -3 FROM c"),
            (0, "FETCH RELATIVE -4 FROM c"),
            (0, "MOVE FORWARD ALL FROM c"),
            (0, "FETCH BACKWARD ALL FROM c"),
            (0, "FETCH FIRST FROM c"),
            // One that Postgres finishes.
            (0, "DECLARE o SCROLL CURSOR FOR SELECT a, b FROM t WHERE odd(a) ORDER BY a"),
            (0, "FETCH 2 FROM o"),
            (0, "FETCH PRIOR FROM o"),
            (0, "FETCH LAST FROM o"),
            (0, "FETCH BACKWARD 3 FROM o"),
            // Both at once, interleaved.
            (0, "FETCH NEXT FROM c"),
            (0, "FETCH NEXT FROM o"),
            (0, "SAVEPOINT s"),
            (0, "FETCH 2 FROM c"),
            (0, "SELECT 1 / 0"),
            (0, "ROLLBACK TO s"),
            (0, "FETCH ABSOLUTE 5 FROM c"),
            (0, "CLOSE c"),
            (0, "FETCH 1 FROM c"),
            (0, "ROLLBACK"),
            (0, "BEGIN"),
            (0, "DECLARE n NO SCROLL CURSOR FOR SELECT a FROM t ORDER BY a"),
            (0, "FETCH 2 FROM n"),
            (0, "FETCH BACKWARD 1 FROM n"),
            (0, "ROLLBACK"),
            (0, "BEGIN"),
            (0, "DECLARE h SCROLL CURSOR WITH HOLD FOR SELECT a FROM t ORDER BY a DESC"),
            (0, "DECLARE i CURSOR WITH HOLD FOR SELECT a FROM t WHERE odd(a) ORDER BY a"),
            (0, "FETCH 2 FROM h"),
            (0, "COMMIT"),
            // What others do now does not change what was held.
            (1, "DELETE FROM t"),
            (0, "FETCH 2 FROM h"),
            (0, "FETCH BACKWARD 3 FROM h"),
            (0, "FETCH ALL FROM i"),
            (0, "CLOSE ALL"),
            (0, "SELECT count(*) FROM t"),
        ],
    );
}
