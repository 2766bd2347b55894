//! Our functions against the nearest ones of DuckDB: CPU time of a million rows, on one thread.
//!
//! `cargo bench -p bridge-engine --bench functions [-- part of a name]`. A function of ours may
//! cost twice as much; those that cost more are marked. Both run in the engine itself
//! (`pg_duckdb_engine run`), over the same table: what reading the rows costs is in both.
//!
//! 2026-11-23, AMD EPYC, 2 cores under other load, ours against DuckDB's: arithmetic, trigonometry,
//! regular expressions, `age`, `date_bin` 0.6 to 1.9; `upper` 2.0, `lpad` 1.6, `translate` 0.8,
//! `to_char` 2.2, texts of floats, dates, timestamps, intervals 1.9, 2.1, 2.5, 2.2, json `->>` 1.8;
//! above 2: `encode` 2.6, `array_to_string` 2.6, `string_to_array` 3.0, `initcap` 3.2 (against
//! `upper`), `to_char` of numbers 3.4 (against `format`).

use std::process::{Command, ExitCode};

/// Rows; enough for a time of tens of milliseconds each. `tn` has nulls: DuckDB counts rows instead of
/// what it knows to be no null.
const SET_UP: &str = "CREATE TABLE t AS SELECT i::INTEGER AS i, i * 0.37 AS x0, (i * 0.37)::DOUBLE AS x, \
    'user_' || i || '@example.com' AS s, 'Some Words of text ' || i AS w, \
    'alpha,beta,' || i || ',gamma' AS l, string_split('alpha,beta,' || i, ',') AS a, \
    '{\"id\": ' || i || ', \"name\": \"n' || i || '\", \"tags\": [1, 2]}' AS j, \
    DATE '1992-01-01' + (i % 10000)::INTEGER AS d, TIMESTAMP '1992-01-01' + to_seconds(i * 631) AS ts, \
    CASE WHEN i % 100 <> 0 THEN TIMESTAMP '1992-01-01' + to_seconds(i * 631) END AS tn, \
    to_seconds(i * 77) + to_days(i % 40) AS iv, encode('bytes of ' || i) AS b FROM range(1000000) r(i)";

/// Name, ours, DuckDB's.
const PAIRS: &[(&str, &str, &str)] = &[
    ("upper", "pg_upper(w, true)", "upper(w)"),
    ("lower", "pg_lower(w, true)", "lower(w)"),
    ("initcap", "pg_initcap(w, true)", "upper(w)"),
    ("reverse", "pg_reverse(s)", "reverse(s)"),
    ("lpad", "pg_lpad(s, 30, 'x')", "lpad(s, 30, 'x')"),
    ("repeat", "pg_repeat(s, 2)", "repeat(s, 2)"),
    ("translate", "pg_translate(s, 'abc', 'xyz')", "translate(s, 'abc', 'xyz')"),
    ("string_to_array", "pg_string_to_array(l, ',')", "string_split(l, ',')"),
    ("array_to_string", "pg_array_to_string(a, ',')", "array_to_string(a, ',')"),
    ("encode hex", "pg_encode(b, 'hex')", "hex(b)"),
    ("encode base64", "pg_encode(b, 'base64')", "base64(b)"),
    ("float8 text", "pg_float8_text(x)", "CAST(x AS VARCHAR)"),
    ("date text", "pg_date_text(d)", "CAST(d AS VARCHAR)"),
    ("timestamp text", "pg_timestamp_text(ts)", "CAST(ts AS VARCHAR)"),
    ("interval text", "pg_interval_text(iv)", "CAST(iv AS VARCHAR)"),
    ("to_char", "pg_to_char_timestamp(ts, 'YYYY-MM-DD HH24:MI:SS')", "strftime(ts, '%Y-%m-%d %H:%M:%S')"),
    ("to_char number", "pg_to_char_number(CAST(i AS VARCHAR), 'FM999,999,990')", "format('{:,}', i)"),
    ("date_trunc century", "pg_timestamp_trunc('century', tn)", "date_trunc('century', tn)"),
    (
        "date_bin",
        "pg_date_bin(INTERVAL 15 MINUTE, ts, TIMESTAMP '2000-01-01')",
        "time_bucket(INTERVAL 15 MINUTE, ts, TIMESTAMP '2000-01-01')",
    ),
    ("age", "pg_age(ts, TIMESTAMP '2020-01-01')", "age(ts, TIMESTAMP '2020-01-01')"),
    ("make_date", "pg_make_date(1990 + i % 30, 1 + i % 12, 3)", "make_date(1990 + i % 30, 1 + i % 12, 3)"),
    ("justify_hours", "pg_justify_hours(iv)", "(iv + iv)"),
    ("sin", "pg_sin(x)", "sin(x)"),
    ("sqrt", "pg_sqrt(x)", "sqrt(x)"),
    ("power", "pg_power(x, 1.5)", "pow(x, 1.5)"),
    ("int4 /", "pg_int4_div(i, 7)", "(i // 7)"),
    ("float8 *", "pg_float8_mul(x, x)", "(x * x)"),
    ("gcd", "pg_int4_gcd(i, 360)", "gcd(i, 360)"),
    ("~", "pg_regexp_like(s, '_[0-9]+5@')", "regexp_matches(s, '_[0-9]+5@')"),
    ("regexp_replace", "pg_regexp_replace(s, '[0-9]+', '#', 1, 1)", "regexp_replace(s, '[0-9]+', '#')"),
    (
        "regexp_replace g",
        "pg_regexp_replace(l, '[a-z]+', '#', 1, 0)",
        "regexp_replace(l, '[a-z]+', '#', 'g')",
    ),
    ("substring from", "pg_regexp_substr(s, '@(.*)\\.', 1, 1, 1)", "regexp_extract(s, '@(.*)\\.', 1)"),
    ("json ->>", "pg_json_field_text(j, 'name')", "json_extract_string(j, '$.name')"),
];

/// Times of the statements, in milliseconds.
fn times(expressions: &[String]) -> Result<Vec<f64>, String> {
    let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
    let file = directory.path().join("t.duckdb");
    let run = |sql: &str, more: &[&str]| -> Result<String, String> {
        let output = Command::new(env!("CARGO_BIN_EXE_pg_duckdb_engine"))
            .args(["run", "--threads", "1", "--database"])
            .arg(&file)
            .args(more)
            .args(["-c", sql])
            .output()
            .map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    };
    run(SET_UP, &[])?;
    let statements: Vec<String> = expressions.iter().map(|e| format!("SELECT count({e}) FROM t")).collect();
    let text = run(&statements.join(";\n"), &["--timing", "--cpu", "--repeat", "5", "--warm-up", "1"])?;
    let times: Vec<f64> =
        text.lines().filter_map(|line| line.split_whitespace().last()?.parse().ok()).collect();
    if times.len() == expressions.len() { Ok(times) } else { Err(format!("unexpected output:\n{text}")) }
}

fn main() -> ExitCode {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let pairs: Vec<_> = PAIRS
        .iter()
        .filter(|(name, ..)| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str())))
        .collect();
    let mut expressions: Vec<String> = Vec::new();
    for (_, ours, theirs) in &pairs {
        expressions.extend([(*ours).to_owned(), (*theirs).to_owned()]);
    }
    let times = match times(&expressions) {
        Ok(times) => times,
        Err(error) => {
            eprintln!("functions: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{:<20} {:>9} {:>9} {:>7}", "ns a row", "ours", "DuckDB's", "ratio");
    for ((name, ..), pair) in pairs.iter().zip(times.chunks(2)) {
        // A million rows in milliseconds are as many nanoseconds a row.
        let ratio = pair[0] / pair[1];
        println!(
            "{name:<20} {:>9.1} {:>9.1} {ratio:>6.2}x{}",
            pair[0],
            pair[1],
            if ratio > 2.0 { " !" } else { "" }
        );
    }
    ExitCode::SUCCESS
}
