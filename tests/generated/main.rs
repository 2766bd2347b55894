//! Queries that nobody thought of, answered by Postgres and by us.
//!
//! A seed makes tables with columns of every type and rows with nulls, and queries over every
//! function, operator, cast and aggregate on the allow-list, joins, subqueries, grouping sets,
//! windows and set operations. Each query runs in schema `heap`, by Postgres alone, and in
//! schema `duck`, on duckdb tables with the same rows; rows, their order where it is total,
//! types and SQLSTATEs must agree. What differs is made smaller until it does no longer, and
//! printed.
//!
//! Where a query has conditions, both systems may evaluate an expression on more rows than the
//! other, so that an error there (class 22) has to agree only in queries that are nothing but
//! expressions over a table; there, rows are compared one by one.
//!
//! There are two runs: one over duckdb tables, and a shorter one over duckdb tables, heap tables and
//! Parquet files by turns.
//!
//! Environment: `QUERIES` (10000; a quarter in the second run), `TIME_LIMIT` (90 seconds; the run ends before its last query if it takes
//! longer, 0 for no limit), `SEED` (1), `ONLY` (the number of one query), `SPREAD=0`
//! and `SPREAD=1` (the first run or the second one alone, in full length), `FALLBACK=off|on|scans` (whether
//! Postgres plans what DuckDB could run as a whole; by default it does for two of ten queries),
//! `VERBOSE=1` (each query).

mod catalog;
mod expr;
mod node;
mod query;
mod random;
mod runner;
mod schema;
mod types;

use std::process::ExitCode;

fn main() -> ExitCode {
    match runner::run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("generated: {error}");
            ExitCode::FAILURE
        }
    }
}
