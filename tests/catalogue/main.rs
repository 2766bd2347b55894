//! Every function, operator and cast that Postgres has for the types of the type map gives
//! Postgres' answer on a duckdb table, or is refused.
//!
//! What there is comes from `pg_proc`, `pg_operator` and `pg_cast`, not from a list. Each is
//! called over edge values (`edges.rs`) in the columns of one table, and with constants in the
//! place of arguments; the calls run by Postgres alone in schema `heap` and on the duckdb table
//! of the same rows. Values, types and SQLSTATEs must agree. Arguments choose subjects by a
//! part of their name (`cargo test -p tests --test catalogue -- to_char`); `VERBOSE=1` tells the
//! class of each.

mod calls;
mod edges;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use calls::{Kind, Subject};
use postgres::Client;
use tests::Result;
use tests::answer::{Answer, answer, describe, difference};
use tests::cluster::{Cluster, Options};

/// A time zone with changes of its offset, so that local and absolute time differ.
const SESSION: &str =
    "SET timezone = 'America/New_York'; SET statement_timeout = '60s'; SET client_min_messages = error";

/// Runs an expression for one row, so that one error does not hide the other rows.
const TRY: &str = "CREATE FUNCTION heap.try(expression text, id integer) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'SELECT ' || expression || ' FROM heap.calls WHERE id = ' || id;
    RETURN '';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END $$";

/// Why a function that is in no table of the planner is left to Postgres.
const UNLISTED: &str = "it is not known to give Postgres' answer";

/// Rows of each SQLSTATE whose error is compared.
const ERRORS_COMPARED: usize = 2;

/// One row in so many is tried on its own.
const SAMPLED: usize = 4;

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("catalogue: {failed} subjects differ");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("catalogue: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What answers differently, by the beginning of its name, and why we let it.
const KNOWN: &[(&str, &str)] = &[
    ("sum(float4", "Postgres adds in single precision; DuckDB in double, and rounds the sum"),
    (
        "age(",
        "of -infinity Postgres 15 computes with the number that stands for it; we raise 22008 as for infinity",
    ),
    (
        "width_bucket(float8",
        "where the distance of the bounds overflows, Postgres 15 has an undefined number",
    ),
];

/// What became of a subject's calls.
#[derive(Default)]
struct Tally {
    shipped: usize,
    finished: usize,
    refused: usize,
    differences: Vec<String>,
    known: bool,
    elapsed: Duration,
}

impl Tally {
    fn class(&self) -> &'static str {
        if self.known {
            "known to differ"
        } else if !self.differences.is_empty() {
            "DIFFERENT"
        } else if self.shipped > 0 && self.refused + self.finished > 0 {
            "shipped for some arguments"
        } else if self.shipped > 0 {
            "shipped"
        } else if self.finished > 0 {
            "finished by Postgres"
        } else {
            "refused"
        }
    }
}

/// Connections that work at the same time: a backend and the engine each have something to do.
const WORKERS: usize = 3;

/// Returns the number of subjects that differ.
fn run() -> Result<usize> {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let cluster = Cluster::start(Options::with_extension())?;
    let mut sides = Sides::connect(&cluster)?;
    sides.set_up()?;
    let subjects: Vec<Subject> =
        calls::subjects(&mut sides.heap)?.into_iter().filter(|subject| wanted(&subject.name)).collect();
    let next = AtomicUsize::new(0);
    let work = || -> std::result::Result<Vec<(usize, Tally)>, String> {
        let mut sides = Sides::connect(&cluster).map_err(|error| error.to_string())?;
        let mut tallies = Vec::new();
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(subject) = subjects.get(at)
        {
            let start = Instant::now();
            let mut tally = sides.compare(subject).map_err(|error| format!("{}: {error}", subject.name))?;
            tally.elapsed = start.elapsed();
            tally.known =
                !tally.differences.is_empty() && KNOWN.iter().any(|(name, _)| subject.name.starts_with(name));
            tallies.push((at, tally));
        }
        Ok(tallies)
    };
    let mut tallies = Vec::new();
    let worked = std::thread::scope(|scope| -> Result<()> {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            tallies.extend(worker.join().map_err(|_| "a worker panicked")??);
        }
        Ok(())
    });
    if let Err(error) = worked {
        let log = cluster.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("engine")).collect();
        return Err(format!("{error}\n{}", lines[lines.len().saturating_sub(20)..].join("\n")).into());
    }
    tallies.sort_by_key(|(at, _)| *at);
    report(&subjects, &tallies)
}

/// Prints classes and differences.
fn report(subjects: &[Subject], tallies: &[(usize, Tally)]) -> Result<usize> {
    let verbose = std::env::var_os("VERBOSE").is_some_and(|value| value == "1");
    let mut counts: BTreeMap<(Kind, &'static str), usize> = BTreeMap::new();
    let (mut failed, mut expressions) = (0, 0);
    for (at, tally) in tallies {
        let subject = &subjects[*at];
        expressions += subject.expressions.len();
        *counts.entry((subject.kind, tally.class())).or_default() += 1;
        if verbose {
            println!("{:?} {}: {}, {:.1?}", subject.kind, subject.name, tally.class(), tally.elapsed);
        }
        if !tally.differences.is_empty() && !tally.known {
            failed += 1;
            for text in tally.differences.iter().take(4) {
                println!("catalogue {}: {text}", subject.name);
            }
        }
    }
    for ((kind, class), count) in counts {
        println!("catalogue {kind:?}: {count} {class}");
    }
    println!("catalogue: {expressions} expressions ... {}", if failed == 0 { "ok" } else { "FAILED" });
    Ok(failed)
}

/// A connection for each side.
struct Sides {
    heap: Client,
    duck: Client,
}

impl Sides {
    fn connect(cluster: &Cluster) -> Result<Self> {
        let connect = |schema: &str| -> Result<Client> {
            let mut client = cluster.client()?;
            client.batch_execute(&format!("SET search_path = {schema}; {SESSION}"))?;
            Ok(client)
        };
        Ok(Self { heap: connect("heap")?, duck: connect("duck")? })
    }

    fn set_up(&mut self) -> Result<()> {
        let run =
            |client: &mut Client, sql: &str| client.batch_execute(sql).map_err(|error| describe(&error));
        run(&mut self.heap, "CREATE SCHEMA heap; CREATE SCHEMA duck")?;
        run(&mut self.heap, TRY)?;
        run(&mut self.heap, &edges::create_table())?;
        run(&mut self.heap, &edges::insert_rows())?;
        run(&mut self.duck, &format!("{} USING duckdb", edges::create_table()))?;
        run(&mut self.duck, "INSERT INTO duck.calls SELECT * FROM heap.calls")?;
        Ok(())
    }

    fn compare(&mut self, subject: &Subject) -> Result<Tally> {
        let mut tally = Tally::default();
        if subject.kind == Kind::Aggregate {
            for expression in &subject.expressions {
                self.compare_aggregate(expression, &mut tally)?;
            }
            return Ok(tally);
        }
        // What no row makes fail goes into one statement.
        let (mut fine, mut failing) = (Vec::new(), Vec::new());
        for expression in &subject.expressions {
            match self.heap.simple_query(&format!("SELECT {expression} FROM calls")) {
                Ok(_) => fine.push(expression.as_str()),
                Err(_) => failing.push(expression),
            }
        }
        if !fine.is_empty() && !self.compare_rows(&fine, "", &mut tally)? {
            for expression in fine {
                self.compare_rows(&[expression], "", &mut tally)?;
            }
        }
        for expression in failing {
            self.compare_with_errors(expression, &mut tally)?;
        }
        Ok(tally)
    }

    /// Compares expressions over all rows that satisfy `condition`. False if several were tried
    /// at once and have to be told apart.
    fn compare_rows(&mut self, expressions: &[&str], condition: &str, tally: &mut Tally) -> Result<bool> {
        let columns: Vec<String> =
            expressions.iter().enumerate().map(|(i, expression)| format!("{expression} AS r{i}")).collect();
        let sql = format!("SELECT id, {} FROM calls {condition} ORDER BY id", columns.join(", "));
        let actual = answer(&mut self.duck, &sql);
        let count = expressions.len();
        if is_refused(&actual) {
            if count == 1 {
                tally.refused += 1;
            }
            return Ok(count == 1);
        }
        let expected = answer(&mut self.heap, &sql);
        match difference(&expected, &actual, true, false) {
            None => match self.why_not_shipped(&sql)? {
                None => tally.shipped += count,
                // Some may be shipped, depending on their arguments: they are tried alone.
                Some(why) if count > 1 && !why.contains(UNLISTED) => return Ok(false),
                Some(_) => tally.finished += count,
            },
            Some(_) if count > 1 => return Ok(false),
            Some(text) => tally.differences.push(format!("{}: {text}", expressions[0])),
        }
        Ok(true)
    }

    /// Compares an expression that fails for some rows: the others in one statement, and some of
    /// the errors one by one.
    fn compare_with_errors(&mut self, expression: &str, tally: &mut Tally) -> Result<()> {
        let literal = expression.replace('\'', "''");
        let sql = format!(
            "SELECT id, heap.try('{literal}', id) FROM heap.calls WHERE id % {SAMPLED} = 0 ORDER BY id"
        );
        let mut fine = Vec::new();
        let mut errors: BTreeMap<String, Vec<i32>> = BTreeMap::new();
        for row in self.heap.query(&sql, &[])? {
            let (id, state): (i32, String) = (row.get(0), row.get(1));
            if state.is_empty() {
                fine.push(id.to_string());
            } else {
                errors.entry(state).or_default().push(id);
            }
        }
        if !fine.is_empty() {
            let condition = format!("WHERE id IN ({})", fine.join(", "));
            self.compare_rows(&[expression], &condition, tally)?;
        }
        for (state, ids) in errors {
            let step = ids.len().div_ceil(ERRORS_COMPARED).max(1);
            for id in ids.into_iter().step_by(step) {
                let sql = format!("SELECT {expression} FROM calls WHERE id = {id}");
                let actual = answer(&mut self.duck, &sql);
                match &actual {
                    Err(failure) if failure.sqlstate == state => {}
                    _ if is_refused(&actual) => {}
                    other => tally.differences.push(format!(
                        "{expression} for id {id}: not error {state} but {}",
                        match other {
                            Ok(rows) => format!("{:?}", rows.rows),
                            Err(failure) => failure.message.clone(),
                        }
                    )),
                }
            }
        }
        Ok(())
    }

    fn compare_aggregate(&mut self, call: &str, tally: &mut Tally) -> Result<()> {
        // Sums of floats of very different sizes are a matter of order.
        let finite: Vec<String> = ["x1_float4", "x1_float8", "x2_float8"]
            .into_iter()
            .filter(|column| call.contains(*column))
            .map(|column| format!(" AND {column} BETWEEN -1e6 AND 1e6"))
            .collect();
        let finite = finite.concat();
        let mut any = false;
        // One answer for all, one a group, one over nothing.
        for from in [
            format!("FROM calls WHERE true{finite}"),
            format!("FROM calls WHERE true{finite} GROUP BY id % 23 ORDER BY id % 23"),
            "FROM calls WHERE id < 0".to_owned(),
            format!("FROM calls WHERE id < 40{finite} GROUP BY id ORDER BY id"),
        ] {
            let sql = format!("SELECT {call} AS r {from}");
            let actual = answer(&mut self.duck, &sql);
            if is_refused(&actual) {
                continue;
            }
            any = true;
            let expected = answer(&mut self.heap, &sql);
            // The order of addition is free in both.
            if let Some(text) = difference(&expected, &actual, true, true) {
                tally.differences.push(format!("{call} {from}: {text}"));
            }
        }
        match (any, any && self.why_not_shipped(&format!("SELECT {call} AS r FROM calls"))?.is_none()) {
            (true, true) => tally.shipped += 1,
            (true, false) => tally.finished += 1,
            _ => tally.refused += 1,
        }
        Ok(())
    }

    /// What Postgres computes of a statement, and why; `None` if DuckDB computes all of it.
    fn why_not_shipped(&mut self, sql: &str) -> Result<Option<String>> {
        let rows = self
            .duck
            .query(&format!("EXPLAIN (COSTS OFF) {sql}"), &[])
            .map_err(|error| format!("EXPLAIN {sql}: {}", describe(&error)))?;
        let lines = rows.iter().map(|row| row.get::<_, String>(0));
        Ok(lines.into_iter().find(|line| line.contains("Not Shipped")))
    }
}

fn is_refused(answer: &Answer) -> bool {
    matches!(answer, Err(failure) if failure.sqlstate == "0A000")
}
