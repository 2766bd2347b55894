//! The SQL that pg_duckdb writes against the text that a person wrote, of each query of a suite.
//!
//! Both run in one DuckDB instance without Postgres (`pg_duckdb_engine run`), on the tables of the
//! store that pg_duckdb wrote, one after the other and several times over, so that what else the
//! machine does meets both alike. Every chunk of a result is fetched.

use std::path::Path;
use std::time::Duration;

use ::tests::Result;
use postgres::Client;

use crate::reference::{Drain, Reference};
use crate::report::Report;
use crate::sample::{median, milliseconds};

/// Runs of each text after one that warms up; the median counts.
const RUNS: usize = 3;
/// Times that what we write may take of what a person wrote.
const LIMIT: f64 = 1.05;
/// Queries whose times are shown.
const SHOWN: usize = 12;

/// A query in both forms.
#[derive(Debug, Clone)]
pub struct Texts {
    /// What the suite calls it.
    pub name: String,
    /// The suite's text.
    pub by_hand: String,
    /// What pg_duckdb makes of it.
    pub written: String,
}

/// What pg_duckdb writes for each of `queries` in the client's database.
///
/// # Errors
/// If a query is not shipped as a whole, or not at all.
pub fn written(client: &mut Client, queries: Vec<(String, String)>) -> Result<Vec<Texts>> {
    let mut texts = Vec::with_capacity(queries.len());
    for (name, by_hand) in queries {
        let rows = client.query(&format!("EXPLAIN (VERBOSE, COSTS OFF) {by_hand}"), &[])?;
        let lines: Vec<&str> = rows.iter().map(|row| row.get(0)).collect();
        let written = lines.iter().find_map(|line| line.trim_start().strip_prefix("DuckDB SQL: "));
        let whole = lines.first().is_some_and(|line| line.starts_with("Custom Scan (DuckDBScan)"));
        let Some(written) = written.filter(|_| whole) else {
            return Err(format!("{name} is not shipped as a whole").into());
        };
        texts.push(Texts { name, by_hand, written: written.to_owned() });
    }
    Ok(texts)
}

/// Measures `texts` over the store of the database called `catalog` in DuckDB, and reports the
/// ratio of the sums of medians.
///
/// # Errors
/// If DuckDB refuses a text.
pub fn measure(
    reference: &Reference,
    catalog: &str,
    suite: &str,
    texts: &[Texts],
    report: &mut Report,
) -> Result<()> {
    let mut statements = Vec::new();
    for text in texts {
        for _ in 0..=RUNS {
            statements.extend([text.by_hand.as_str(), text.written.as_str()]);
        }
    }
    let times = reference.sequence(&attach(reference.database(), catalog), &statements)?;
    let mut rows: Vec<(&str, [Times; 2])> = Vec::new();
    for (text, times) in texts.iter().zip(times.chunks(2 * (RUNS + 1))) {
        let measured = &times[2..];
        rows.push((&text.name, [0, 1].map(|side| Times::of(measured.iter().skip(side).step_by(2)))));
    }
    let sum = |side: usize, of: fn(&Times) -> Duration| {
        rows.iter().map(|(_, times)| of(&times[side])).sum::<Duration>().as_secs_f64()
    };
    let ratio = |of: fn(&Times) -> Duration| sum(1, of) / sum(0, of);
    let (wall, cpu) = (ratio(|times| times.wall), ratio(|times| times.cpu));
    report.at_most(&format!("written SQL of {suite}, relative to the text by hand"), wall, LIMIT, "x");
    report.detail(&format!(
        "\n{suite} in DuckDB, the text by hand against what is written: {:.0} ms and {:.0} ms; CPU time {cpu:.3} x. \
         Where most is lost or won:\n\n| query | by hand, ms | written, ms | CPU by hand, ms | CPU written, ms |\n\
         |---|---|---|---|---|",
        sum(0, |times| times.wall) * 1e3,
        sum(1, |times| times.wall) * 1e3
    ));
    rows.sort_by_key(|(_, [theirs, ours])| std::cmp::Reverse(ours.cpu.abs_diff(theirs.cpu)));
    for (name, [theirs, ours]) in rows.iter().take(SHOWN) {
        let cells =
            [theirs.wall, ours.wall, theirs.cpu, ours.cpu].map(|time| format!("{:.1}", milliseconds(time)));
        report.detail(&format!("| {name} | {} |", cells.join(" | ")));
    }
    Ok(())
}

/// Median wall time and least CPU time.
struct Times {
    wall: Duration,
    cpu: Duration,
}

impl Times {
    fn of<'a>(runs: impl Iterator<Item = &'a Drain>) -> Self {
        let (wall, cpu): (Vec<_>, Vec<_>) = runs.map(|run| (run.wall, run.cpu)).unzip();
        Self { wall: median(wall), cpu: cpu.into_iter().min().unwrap_or_default() }
    }
}

/// Opens the store under the name that the written SQL calls it by, for the text by hand too.
fn attach(store: &Path, catalog: &str) -> Vec<String> {
    let store = store.display().to_string().replace('\'', "''");
    vec![format!("ATTACH '{store}' AS {catalog} (READ_ONLY)"), format!("USE {catalog}.main")]
}
