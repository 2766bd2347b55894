//! Values of every type and size through parameters, results and feeds.

use postgres::SimpleQueryMessage;

use crate::fixture::{explain, number, shared};

/// Types of parameters with a value each; every one is also tried with null.
const PARAMETERS: [(&str, &str); 24] = [
    ("boolean", "true"),
    ("smallint", "-32768"),
    ("integer", "2147483647"),
    ("bigint", "-9223372036854775808"),
    ("real", "1.17549435e-38"),
    ("double precision", "'-Infinity'"),
    ("numeric(18,3)", "123456789012345.678"),
    ("numeric(38,10)", "-1234567890123456789012345678.0123456789"),
    ("text", "'äöü 😀 and more than twelve bytes'"),
    ("varchar(5)", "'short'"),
    ("char(8)", "'pad'"),
    ("bytea", "'\\x00ff10'"),
    ("date", "'0044-03-15 BC'"),
    ("time", "'23:59:59.999999'"),
    ("timestamp", "'infinity'"),
    ("timestamptz", "'2024-02-29 12:34:56.789012+05:30'"),
    ("interval", "'1 year -2 mons 3 days -04:05:06.789'"),
    ("uuid", "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"),
    ("integer[]", "'{1,NULL,3}'"),
    ("bigint[]", "'{}'"),
    ("text[]", "'{a,\"b c\",NULL}'"),
    ("double precision[]", "'{1.5,NaN}'"),
    ("date[]", "'{2024-01-01,infinity}'"),
    ("json", "'{\"a\": [1, null]}'"),
];

fn texts(client: &mut postgres::Client, sql: &str) -> Vec<Option<String>> {
    let messages = client.simple_query(sql).unwrap_or_else(|error| panic!("{sql}: {}", explain(&error)));
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)))
            }
            _ => None,
        })
        .flatten()
        .collect()
}

/// A parameter goes to DuckDB and comes back as it was: compared with a heap table, which
/// never leaves Postgres.
#[test]
fn prepared_statements_take_parameters_of_all_types() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    for (number, (type_name, value)) in PARAMETERS.iter().enumerate() {
        for table in ["numbers", "source"] {
            let sql = format!(
                "PREPARE p{number}_{table}({type_name}) AS SELECT $1, $1 IS NULL, i FROM {table} WHERE i <= 2 ORDER BY i"
            );
            client.batch_execute(&sql).unwrap_or_else(|error| panic!("{sql}: {}", explain(&error)));
        }
        for value in [value, "NULL"] {
            // Seven times: Postgres may go over to a generic plan after five.
            for _ in 0..7 {
                let ours = texts(&mut client, &format!("EXECUTE p{number}_numbers({value})"));
                let theirs = texts(&mut client, &format!("EXECUTE p{number}_source({value})"));
                assert_eq!(ours, theirs, "{type_name} {value}");
                assert_eq!(ours.len(), 6);
            }
        }
    }
}

/// Larger than any ring: a segment of its own, to DuckDB and back.
#[test]
fn hundred_mebibytes_pass_in_both_directions() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute(
            "CREATE TEMP TABLE large (id int, t text); \
             INSERT INTO large SELECT g, repeat(chr(64 + g) || 'äb😀', 13107200) FROM generate_series(1, 2) g; \
             INSERT INTO large VALUES (3, 'small'), (4, NULL)",
        )
        .expect("creates");
    client.batch_execute("CREATE TEMP TABLE wide USING duckdb AS SELECT id, t FROM large").expect("feeds");
    assert_eq!(number(&mut client, "SELECT sum(length(t))::bigint FROM wide").expect("answers"), 104_857_605);
    let rows = client.query("SELECT id, t FROM wide ORDER BY id", &[]).expect("answers");
    assert_eq!(rows.len(), 4);
    for row in &rows {
        let expected = match row.get::<_, i32>(0) {
            1 => Some("Aäb😀".repeat(13_107_200)),
            2 => Some("Bäb😀".repeat(13_107_200)),
            3 => Some("small".to_owned()),
            _ => None,
        };
        assert!(expected.as_ref().is_none_or(|text| text.len() == 104_857_600 || text.len() == 5));
        // Not assert_eq: nobody wants to read a hundred mebibytes.
        assert!(row.get::<_, Option<&str>>(1) == expected.as_deref(), "row {}", row.get::<_, i32>(0));
    }
    // Out of the spill of a cursor put aside as well.
    client.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT t FROM wide ORDER BY id").expect("declares");
    assert_eq!(number(&mut client, "SELECT count(*) FROM numbers").expect("answers"), 20_000);
    let row = client.query("FETCH 2 FROM c", &[]).expect("fetches");
    assert!(row[1].get::<_, &str>(0) == "Bäb😀".repeat(13_107_200), "a cursor put aside");
    client.batch_execute("COMMIT; DROP TABLE wide").expect("drops");
}

#[test]
fn the_time_zone_of_the_session_is_that_of_the_query() {
    let cluster = shared();
    let mut client = cluster.client().expect("connects");
    client
        .batch_execute("CREATE TEMP TABLE h (t timestamptz); INSERT INTO h VALUES ('2024-03-10 01:30:00+00'), ('2024-07-01 23:59:59.5+00'), ('infinity')")
        .expect("creates");
    client.batch_execute("CREATE TEMP TABLE d USING duckdb AS SELECT * FROM h").expect("creates");
    let mut answers = Vec::new();
    for zone in ["UTC", "America/New_York", "Asia/Kolkata", "UTC"] {
        client.batch_execute(&format!("SET TimeZone = '{zone}'")).expect("sets");
        let sql = |table: &str| {
            format!(
                "SELECT t, t::date AS d, t::timestamp AS l, date_trunc('day', t) AS m FROM {table} WHERE t < 'infinity' ORDER BY t"
            )
        };
        let ours = texts(&mut client, &sql("d"));
        assert_eq!(ours, texts(&mut client, &sql("h")), "{zone}");
        answers.push(ours);
    }
    assert_ne!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[3]);
}
