//! The class table as a page of documentation: `docs/functions.md`, which a test keeps current.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bridge_types::PgType;
use bridge_types::oid::{self, BOOL, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, NUMERIC, TEXT};

use super::{Entry, Make, families};

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// DuckDB's function of the same meaning.
    Same,
    /// Another DuckDB expression.
    Rewritten,
    /// A function of ours in the engine.
    Engine,
    /// Any of these, for some arguments only.
    Conditional,
    /// Stays in Postgres.
    Never,
}

impl Class {
    fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Rewritten => "rewritten",
            Self::Engine => "engine function",
            Self::Conditional => "conditional",
            Self::Never => "never",
        }
    }
}

fn class(entry: &Entry) -> Class {
    match &entry.make {
        Make::Never(_) => Class::Never,
        _ if !entry.condition.is_empty() => Class::Conditional,
        Make::Compare(_) => Class::Same,
        Make::Template(sql) if sql.contains("pg_") => Class::Engine,
        Make::Template(sql) if is_plain_call(sql, entry.args.len()) => Class::Same,
        Make::Template(_) | Make::Build(_) => Class::Rewritten,
    }
}

/// True for `name({0}, {1})`, `({0} op {1})`, `(op{0})` and `{0}`.
fn is_plain_call(sql: &str, count: usize) -> bool {
    let places: Vec<String> = (0..count).map(|i| format!("{{{i}}}")).collect();
    if sql == "{0}" {
        return true;
    }
    if let Some((name, args)) = sql.split_once('(')
        && !name.is_empty()
    {
        return args == format!("{})", places.join(", "));
    }
    let words = sql.trim_matches(['(', ')']).split_whitespace().count();
    words == 2 * count - 1
}

/// A family as it is headed on the page.
const HEADINGS: &[(&str, &str)] = &[
    ("arithmetic", "Integers and floating point"),
    ("numeric", "Numeric"),
    ("text", "Strings"),
    ("regex", "Regular expressions"),
    ("to_char", "Formatting"),
    ("date_time", "Dates and times"),
    ("from_text", "Dates and times of texts"),
    ("cast", "Casts"),
    ("comparison", "Comparisons"),
    ("array", "Arrays"),
    ("set_returning", "Functions that return sets"),
    ("json", "JSON"),
    ("bytes", "Binary strings"),
];

/// `pg_proc`'s pseudo-types.
const ANY: u32 = 2276;
const ANYELEMENT: u32 = 2283;
const ANYNONARRAY: u32 = 2776;
const ANYCOMPATIBLE: u32 = 5077;
/// Stand for several types on the page.
const ANY_ORDERED: u32 = 1;
const ANY_INTEGER: u32 = 2;
const ANY_NUMBER: u32 = 3;
const LAST_DIGITS: &str = "the last digits depend on the order of addition, in both systems";
const EXACT: &str = "a sum over a count, divided as numerics";
const VARIANCE: &str = "exact over integers and numerics; over floats as DuckDB's own";
const BYTES: &str = "text in collations that order by bytes";
const EQUAL_INTERVALS: &str = "of equal intervals (30 days, 1 month) Postgres shows the last it reads";

/// Name, argument types, class and condition of what `rewrite_aggregate` knows.
const AGGREGATES: &[(&str, &[u32], &str, &str)] = &[
    ("count", &[], "same", ""),
    ("count", &[ANY], "same", ""),
    ("sum", &[INT2], "same", ""),
    ("sum", &[INT4], "same", ""),
    ("sum", &[INT8], "same", ""),
    ("sum", &[FLOAT4], "same", LAST_DIGITS),
    ("sum", &[FLOAT8], "same", LAST_DIGITS),
    ("sum", &[NUMERIC], "engine function", "decimals of known scale by DuckDB's own sum"),
    ("avg", &[INT2], "engine function", EXACT),
    ("avg", &[INT4], "engine function", EXACT),
    ("avg", &[INT8], "engine function", EXACT),
    ("avg", &[NUMERIC], "engine function", EXACT),
    ("avg", &[FLOAT4], "same", LAST_DIGITS),
    ("avg", &[FLOAT8], "same", LAST_DIGITS),
    ("min", &[ANY_ORDERED], "same", BYTES),
    ("max", &[ANY_ORDERED], "same", BYTES),
    ("min", &[INTERVAL], "never", EQUAL_INTERVALS),
    ("max", &[INTERVAL], "never", EQUAL_INTERVALS),
    ("bool_and", &[BOOL], "same", ""),
    ("every", &[BOOL], "same", ""),
    ("bool_or", &[BOOL], "same", ""),
    ("bit_and", &[ANY_INTEGER], "same", ""),
    ("bit_or", &[ANY_INTEGER], "same", ""),
    ("bit_xor", &[ANY_INTEGER], "same", ""),
    ("string_agg", &[TEXT, TEXT], "conditional", "the delimiter is a constant"),
    ("array_agg", &[ANYNONARRAY], "same", ""),
    ("stddev_samp", &[ANY_NUMBER], "engine function", VARIANCE),
    ("stddev", &[ANY_NUMBER], "engine function", VARIANCE),
    ("stddev_pop", &[ANY_NUMBER], "engine function", VARIANCE),
    ("var_samp", &[ANY_NUMBER], "engine function", VARIANCE),
    ("variance", &[ANY_NUMBER], "engine function", VARIANCE),
    ("var_pop", &[ANY_NUMBER], "engine function", VARIANCE),
    ("corr", &[FLOAT8, FLOAT8], "rewritten", LAST_DIGITS),
    ("regr_slope", &[FLOAT8, FLOAT8], "rewritten", LAST_DIGITS),
    ("regr_intercept", &[FLOAT8, FLOAT8], "rewritten", LAST_DIGITS),
    ("regr_r2", &[FLOAT8, FLOAT8], "rewritten", LAST_DIGITS),
    ("covar_pop", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("covar_samp", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("regr_avgx", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("regr_avgy", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("regr_sxx", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("regr_syy", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("regr_sxy", &[FLOAT8, FLOAT8], "same", LAST_DIGITS),
    ("row_number", &[], "same", ""),
    ("rank", &[], "same", ""),
    ("dense_rank", &[], "same", ""),
    ("percent_rank", &[], "same", ""),
    ("cume_dist", &[], "same", ""),
    ("ntile", &[INT4], "conditional", "the argument is a constant"),
    ("first_value", &[ANYELEMENT], "same", ""),
    ("last_value", &[ANYELEMENT], "same", ""),
    ("lag", &[ANYELEMENT], "same", ""),
    ("lead", &[ANYELEMENT], "same", ""),
    ("lag", &[ANYELEMENT, INT4], "same", ""),
    ("lead", &[ANYELEMENT, INT4], "same", ""),
    ("lag", &[ANYCOMPATIBLE, INT4, ANYCOMPATIBLE], "same", ""),
    ("lead", &[ANYCOMPATIBLE, INT4, ANYCOMPATIBLE], "same", ""),
];

const HEAD: &str = "# What runs in DuckDB

Functions, operators (by the function behind them) and casts that a query may hold and still run in DuckDB, by
exact signature. Everything else is finished by Postgres. This page is written by
`UPDATE_EXPECTED=1 cargo test -p bridge-plan reference` from the table in `bridge/plan/src/functions`, and the catalogue
test calls all of it (and everything else in `pg_proc`, `pg_operator` and `pg_cast` over the same types) with edge
values and compares the answers with Postgres'.

- *same*: DuckDB's function means the same.
- *rewritten*: another DuckDB expression gives Postgres' answer.
- *engine function*: the engine has a function of ours with Postgres' meaning.
- *conditional*: one of these, if the condition holds; else Postgres finishes.
- *never*: stays in Postgres, for the reason given.

";

/// The page.
fn page() -> String {
    let mut page = HEAD.to_owned();
    for (family, heading) in HEADINGS {
        let Some((_, entries)) = families().into_iter().find(|(name, _)| name == family) else { continue };
        writeln!(page, "## {heading}\n\n| function | class | note |\n|---|---|---|")
            .expect("writing to a String");
        let mut rows: BTreeMap<(String, &str, String), Vec<String>> = BTreeMap::new();
        for entry in entries {
            let note = match &entry.make {
                Make::Never(why) => (*why).to_owned(),
                _ => entry.condition.to_owned(),
            };
            rows.entry((entry.name.clone(), class(&entry).name(), note))
                .or_default()
                .push(arguments(entry.args));
        }
        write_rows(&mut page, rows);
    }
    writeln!(page, "## Aggregates and window functions\n\n| function | class | note |\n|---|---|---|")
        .expect("writing to a String");
    let mut rows: BTreeMap<(String, &str, String), Vec<String>> = BTreeMap::new();
    for (name, args, class, note) in AGGREGATES {
        rows.entry(((*name).to_owned(), class, (*note).to_owned())).or_default().push(arguments(args));
    }
    write_rows(&mut page, rows);
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

/// Overloads of one class share a line.
fn write_rows(page: &mut String, rows: BTreeMap<(String, &str, String), Vec<String>>) {
    for ((name, class, note), mut overloads) in rows {
        overloads.sort();
        let calls: Vec<String> = overloads.iter().map(|args| format!("`{}`", call(&name, args))).collect();
        writeln!(page, "| {} | {class} | {note} |", calls.join(", ")).expect("writing to a String");
    }
    page.push('\n');
}

/// `name(args)`, or the cast that an `io:` name is.
fn call(name: &str, args: &str) -> String {
    match name.strip_prefix("io:") {
        Some("text") => format!("{args}::text"),
        Some(number) => format!("{args}::{}", type_name(number.parse().unwrap_or(0))),
        None => format!("{name}({args})"),
    }
}

fn arguments(args: &[u32]) -> String {
    args.iter().map(|oid| type_name(*oid)).collect::<Vec<_>>().join(", ")
}

fn type_name(type_oid: u32) -> String {
    const NAMES: &[(u32, &str)] = &[
        (oid::BOOL, "boolean"),
        (oid::BYTEA, "bytea"),
        (oid::NAME, "name"),
        (oid::INT8, "bigint"),
        (oid::INT2, "smallint"),
        (oid::INT4, "integer"),
        (oid::TEXT, "text"),
        (oid::JSON, "json"),
        (oid::JSONB, "jsonb"),
        (oid::FLOAT4, "real"),
        (oid::FLOAT8, "double precision"),
        (oid::BPCHAR, "character"),
        (oid::VARCHAR, "character varying"),
        (oid::DATE, "date"),
        (oid::TIME, "time"),
        (oid::TIMETZ, "timetz"),
        (oid::TIMESTAMP, "timestamp"),
        (oid::TIMESTAMPTZ, "timestamptz"),
        (oid::INTERVAL, "interval"),
        (oid::NUMERIC, "numeric"),
        (oid::UUID, "uuid"),
        (oid::BIT, "bit"),
        (oid::VARBIT, "bit varying"),
        (1, "number, text, date or time"),
        (2, "smallint, integer or bigint"),
        (3, "number"),
        (2276, "any"),
        (2277, "anyarray"),
        (2283, "anyelement"),
        (2776, "anynonarray"),
        (5077, "anycompatible"),
        (5078, "anycompatiblearray"),
    ];
    if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == type_oid) {
        return (*name).to_owned();
    }
    match PgType::new(type_oid).element() {
        Some(element) => format!("{}[]", type_name(element.oid)),
        None => format!("type {type_oid}"),
    }
}

#[test]
fn the_page_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/functions.md");
    let page = page();
    if std::env::var_os("UPDATE_EXPECTED").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/functions.md is old: UPDATE_EXPECTED=1 cargo test -p bridge-plan reference"
    );
}

#[test]
fn every_family_has_a_heading() {
    for (name, _) in families() {
        assert!(HEADINGS.iter().any(|(known, _)| *known == name), "{name}");
    }
}

#[test]
fn plain_calls_are_the_same() {
    for same in ["abs({0})", "({0} + {1})", "{0}", "(-{0})"] {
        assert!(is_plain_call(same, if same.contains("{1}") { 2 } else { 1 }), "{same}");
    }
    assert!(!is_plain_call("CAST(length({0}) AS INTEGER)", 1));
}
