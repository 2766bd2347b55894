//! Runs the queries and judges the answers.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use postgres::Client;
use tests::answer::{Answer, Failure, answer, describe, difference, is_ordered, representatives};
use tests::cluster::{Cluster, Options};
use tests::{Result, wait};

use crate::catalog::Catalog;
use crate::expr::{Freedom, Generator};
use crate::node::Node;
use crate::random::Random;
use crate::schema::{self, Table};
use crate::types;

/// Smaller queries that are tried for one that fails.
const MOST_TRIALS: usize = 600;

/// Rows of the largest table.
const MOST_ROWS: usize = 40;

/// The longest that Postgres may take to recover from a crash.
const RECOVERY: Duration = Duration::from_secs(30);

/// The run over tables of all kinds has one of so many queries of the other.
const SPREAD_SHARE: u64 = 4;

/// Two backends, for two cores.
const WORKERS: usize = 2;

/// What the environment asks for.
#[derive(Clone)]
struct Settings {
    queries: u64,
    seed: u64,
    limit: Option<Duration>,
    only: Option<u64>,
    /// `None` for a run without, and a shorter one with it.
    spread: Option<bool>,
    fallback: Option<String>,
    verbose: bool,
}

impl Settings {
    fn of_environment() -> Result<Self> {
        let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>()).transpose();
        let flag = |name: &str| std::env::var_os(name).map(|value| value == "1");
        Ok(Self {
            queries: number("QUERIES")?.unwrap_or(10_000),
            seed: number("SEED")?.unwrap_or(1),
            limit: Some(number("TIME_LIMIT")?.unwrap_or(90))
                .filter(|limit| *limit > 0)
                .map(Duration::from_secs),
            only: number("ONLY")?,
            spread: flag("SPREAD"),
            fallback: std::env::var("FALLBACK").ok(),
            verbose: flag("VERBOSE") == Some(true),
        })
    }
}

/// A query with what it takes to compare its answers.
struct Case {
    node: Node,
    ordered: bool,
    freedom: Freedom,
    /// Nothing but expressions over a table: an error has to agree. No subqueries: what they return,
    /// DuckDB computes before it has joined them, for rows that nobody asks for too.
    bare: bool,
    /// Nothing but calls whose arguments are columns and constants.
    shallow: bool,
    /// Index into [`MODES`].
    mode: usize,
}

/// What became of a query.
#[derive(Debug, PartialEq)]
enum Verdict {
    Same,
    /// Both are the same error.
    SameError(String),
    /// An error on one side only, in a query whose conditions may be evaluated in any order.
    EvaluationOrder,
    /// An error that we are known to raise.
    Documented,
    /// Postgres does not take the query, or takes too long.
    Invalid(String),
    /// The answers differ: a kind, and in which way.
    Mismatch(String, String),
}

/// Errors that README and the allow-list document: arithmetic on decimals of 64 bits, and results
/// of more than 38 digits.
const DOCUMENTED: &[&str] = &["of DECIMAL(18)"];

/// What Postgres says with SQLSTATE 0A000 of a value.
const NOT_SUPPORTED: &[&str] = &["not supported for type ", "cannot convert infinity", "cannot convert NaN"];

/// Numbers of verdicts.
#[derive(Default)]
struct Tally {
    same: u64,
    errors: BTreeMap<String, u64>,
    evaluation_order: u64,
    documented: u64,
    invalid: BTreeMap<String, u64>,
    mismatches: u64,
}

/// Returns true if there is no mismatch.
///
/// # Errors
/// If a server can't be started or filled.
pub(crate) fn run() -> Result<bool> {
    let settings = Settings::of_environment()?;
    match settings.spread {
        Some(spread) => run_one(&settings, spread),
        None => {
            let shorter = Settings { queries: settings.queries.div_ceil(SPREAD_SHARE), ..settings.clone() };
            Ok(run_one(&settings, false)? & run_one(&shorter, true)?)
        }
    }
}

/// One run, with a cluster of its own.
fn run_one(settings: &Settings, spread: bool) -> Result<bool> {
    let cluster = Cluster::start(Options::with_extension())?;
    let tables = schema::tables(&mut Random::new(settings.seed, 0));
    set_up(&cluster, &tables, spread)?;
    let catalog = read_catalog(&cluster)?;
    let (calls, aggregates) = catalog.size();
    println!(
        "generated: seed {}{}, {calls} calls and {aggregates} aggregates over {} types",
        settings.seed,
        if spread { ", spread" } else { "" },
        types::TYPES.len()
    );

    let started = Instant::now();
    let next = AtomicU64::new(settings.only.unwrap_or(1));
    let last = settings.only.unwrap_or(settings.queries);
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|_| {
                scope.spawn(|| -> Result<()> {
                    let mut sides = Sides::connect(&cluster)?;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number > last || settings.limit.is_some_and(|limit| started.elapsed() > limit) {
                            return Ok(());
                        }
                        let case = generate(settings, number, &catalog, &tables);
                        sides.judge(number, &case, settings, &tally)?;
                    }
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a worker panicked")?)
    })?;
    let tally = tally.into_inner().map_err(|_| "a worker panicked")?;
    tally.report(started);
    Ok(tally.mismatches == 0)
}

/// Queries 1, 2, .. of a seed are the same whatever else is asked for.
fn generate(settings: &Settings, number: u64, catalog: &Catalog, tables: &[Table]) -> Case {
    let mut generator = Generator::new(Random::new(settings.seed, number), catalog, tables);
    let bare = generator.random.chance(35);
    let (query, shallow) = if bare { generator.bare() } else { (generator.top(), false) };
    let bare = bare && !query.node.sql().contains("(SELECT ");
    Case {
        node: query.node,
        ordered: query.ordered,
        freedom: generator.freedom,
        bare,
        shallow,
        mode: mode_of(settings, number),
    }
}

fn mode_of(settings: &Settings, number: u64) -> usize {
    let mut place = number % MODES.iter().map(|(_, share)| share).sum::<u64>();
    let by_number = MODES.iter().position(|(_, share)| {
        let here = place < *share;
        place = place.saturating_sub(*share);
        here
    });
    let wanted = MODES.iter().position(|(mode, _)| settings.fallback.as_deref() == Some(mode));
    wanted.or(by_number).unwrap_or(0)
}

/// Fills both schemas; `spread` puts the tables of schema `duck` into duckdb tables, heap tables
/// and Parquet files by turns.
fn set_up(cluster: &Cluster, tables: &[Table], spread: bool) -> Result<()> {
    let mut client = cluster.client()?;
    let mut run = |sql: &str| -> Result<()> {
        let short: String = sql.chars().take(200).collect();
        client.batch_execute(sql).map_err(|error| format!("{short}: {}", describe(&error)).into())
    };
    run("CREATE SCHEMA heap; CREATE SCHEMA duck")?;
    for (number, table) in tables.iter().enumerate() {
        let name = &table.name;
        run("SET search_path = heap")?;
        run(&table.create(""))?;
        if let Some(rows) = table.insert() {
            run(&rows)?;
        }
        run("SET search_path = duck, public")?;
        match (spread, number % 3) {
            (true, 1) => {
                run(&table.create(""))?;
                run(&format!("INSERT INTO {name} SELECT * FROM heap.{name}"))?;
            }
            (true, 2) if !table.edges => {
                let file = cluster.directory().join(format!("{name}.parquet"));
                let file = file.to_string_lossy();
                run(&format!("COPY ({}) TO '{file}' (FORMAT parquet)", table.select_for_parquet()))?;
                run(&table.view(&file))?;
                // What Parquet has no room for (the zone of a time) is gone on both sides.
                run(&format!("TRUNCATE heap.{name}"))?;
                run(&format!("INSERT INTO heap.{name} SELECT * FROM {name}"))?;
            }
            _ => {
                run(&table.create("USING duckdb"))?;
                run(&format!("INSERT INTO {name} SELECT * FROM heap.{name}"))?;
            }
        }
        run(&format!("ANALYZE heap.{name}"))?;
    }
    Ok(())
}

fn read_catalog(cluster: &Cluster) -> Result<Catalog> {
    let mut client = cluster.client()?;
    let mut prober = cluster.client()?;
    prober.batch_execute("SET search_path = duck")?;
    Catalog::read(&mut client, |aggregate| {
        let args: Vec<String> = aggregate
            .args
            .iter()
            .enumerate()
            .map(|(position, oid)| match (aggregate.name.as_str(), position) {
                ("string_agg", 1) => "','".to_owned(),
                _ => format!("\"c {}\"", types::name(*oid).replace("[]", "s")),
            })
            .collect();
        let args = if args.is_empty() && !aggregate.window { "*".to_owned() } else { args.join(", ") };
        let over = if aggregate.window { " OVER (ORDER BY id)" } else { "" };
        prober.simple_query(&format!("EXPLAIN SELECT {}({args}){over} FROM t0", aggregate.name)).is_ok()
    })
}

/// Values of `duckdb.debug_force_fallback`, and how many of ten queries run with each: what DuckDB
/// can run as a whole would else never be put together from parts.
const MODES: [(&str, u64); 3] = [("off", 8), ("on", 1), ("scans", 1)];

/// A connection to Postgres alone, and one to us for each mode.
struct Sides<'a> {
    cluster: &'a Cluster,
    heap: Client,
    ducks: Vec<Client>,
}

impl<'a> Sides<'a> {
    fn connect(cluster: &'a Cluster) -> Result<Self> {
        let connect = |schema: &str, mode: &str| -> Result<Client> {
            let mut client = cluster.client()?;
            client.batch_execute(&format!(
                "SET search_path = {schema}; SET statement_timeout = '20s'; SET jit = off; \
                 SET duckdb.debug_force_fallback = {mode}"
            ))?;
            Ok(client)
        };
        let ducks = MODES.iter().map(|(mode, _)| connect("duck", mode)).collect::<Result<_>>()?;
        Ok(Self { cluster, heap: connect("heap", "off")?, ducks })
    }

    /// Connects again after a crash, when the server has recovered.
    fn connect_again(&mut self) {
        let cluster = self.cluster;
        let connected = wait::for_some("recovery of the server", RECOVERY, || Self::connect(cluster).ok());
        *self = connected.expect("the server recovers").0;
    }

    /// What each side answers. A crash ends the connections of all workers: the query that caused it
    /// does so again.
    fn both(&mut self, case: &Case, sql: &str) -> (Answer, Answer) {
        for last in [false, true] {
            let expected = answer(&mut self.heap, sql);
            let actual = answer(&mut self.ducks[case.mode], sql);
            if !is_lost(&expected) && !is_lost(&actual) {
                return (expected, actual);
            }
            self.connect_again();
            if last {
                let crash =
                    Failure { sqlstate: "crash".to_owned(), message: "the server crashes".to_owned() };
                return (answer(&mut self.heap, sql), Err(crash));
            }
        }
        unreachable!("the second round returns")
    }

    fn judge(&mut self, number: u64, case: &Case, settings: &Settings, tally: &Mutex<Tally>) -> Result<()> {
        let sql = case.node.sql();
        if settings.verbose {
            println!("{number}: {sql}");
        }
        let verdict = self.verdict(case, &case.node);
        let mut shrunk = None;
        if let Verdict::Mismatch(kind, _) = &verdict
            && !kind.contains("crash")
        {
            shrunk = Some(self.shrink(case, kind));
        }
        let mut tally = tally.lock().map_err(|_| "a worker panicked")?;
        match verdict {
            Verdict::Same => tally.same += 1,
            Verdict::SameError(message) => *tally.errors.entry(message).or_default() += 1,
            Verdict::EvaluationOrder => tally.evaluation_order += 1,
            Verdict::Documented => tally.documented += 1,
            Verdict::Invalid(why) => {
                if settings.only.is_some() {
                    println!("generated {number}: {why}");
                }
                *tally.invalid.entry(why).or_default() += 1;
            }
            Verdict::Mismatch(_, how) => {
                tally.mismatches += 1;
                let (node, how) = match shrunk {
                    Some((node, Verdict::Mismatch(_, how))) => (node, how),
                    _ => (case.node.clone(), how),
                };
                let mode = MODES[case.mode].0;
                println!("generated {number} (fallback {mode}): {how}\n    {};", node.sql());
            }
        }
        Ok(())
    }

    fn verdict(&mut self, case: &Case, node: &Node) -> Verdict {
        let sql = node.sql();
        let (expected, actual) = self.both(case, &sql);
        if let Err(failure) = &expected
            && (failure.sqlstate.starts_with("42")
                || matches!(failure.sqlstate.as_str(), "0A000" | "57014" | "54000" | "54001"))
        {
            return Verdict::Invalid(failure.message.chars().take(70).collect());
        }
        let verdict = compare(case, &sql, &expected, &actual);
        match verdict {
            Verdict::Mismatch(..)
                if case.bare && (expected.is_err() || actual.is_err()) && !sql.contains(" WHERE t.id") =>
            {
                self.row_by_row(case, &sql)
            }
            verdict => verdict,
        }
    }

    /// The first row of a table whose answers differ: on all of them, each side stops at an error of its own.
    fn row_by_row(&mut self, case: &Case, sql: &str) -> Verdict {
        let query = sql.split(" AS t ORDER BY").next().unwrap_or(sql);
        let query = query.strip_suffix(" AS t").unwrap_or(query);
        for id in 1..=MOST_ROWS {
            let sql = format!("{query} AS t WHERE t.id = {id}");
            let (expected, actual) = self.both(case, &sql);
            let verdict = compare(case, &sql, &expected, &actual);
            if let Verdict::Mismatch(kind, how) = verdict {
                return Verdict::Mismatch(kind, format!("id {id}: {how}"));
            }
        }
        Verdict::SameError("other errors of other rows".to_owned())
    }

    /// A smaller query whose answers differ in the same way.
    fn shrink(&mut self, case: &Case, kind: &str) -> (Node, Verdict) {
        let mut best = case.node.clone();
        let mut verdict = self.verdict(case, &best);
        let mut trials = 0;
        'again: loop {
            let length = best.sql().len();
            for candidate in best.reductions(&types::name) {
                if candidate.sql().len() >= length {
                    continue;
                }
                trials += 1;
                if trials > MOST_TRIALS {
                    return (best, verdict);
                }
                let next = self.verdict(case, &candidate);
                if matches!(&next, Verdict::Mismatch(other, _) if other == kind) {
                    (best, verdict) = (candidate, next);
                    continue 'again;
                }
            }
            return (best, verdict);
        }
    }
}

/// True if the connection was lost, or the server was starting up again.
fn is_lost(answer: &Answer) -> bool {
    matches!(answer, Err(failure) if failure.sqlstate == "none" || failure.sqlstate.starts_with("57P"))
}

fn compare(case: &Case, sql: &str, expected: &Answer, actual: &Answer) -> Verdict {
    // A smaller query may have lost its ORDER BY.
    let ordered = case.ordered && is_ordered(sql);
    // Errors of Postgres' own about a value or a constant, which another order of evaluation has met.
    if let Err(failure) = actual
        && !case.bare
        && failure.sqlstate == "0A000"
        && NOT_SUPPORTED.iter().any(|text| failure.message.contains(text))
    {
        return Verdict::EvaluationOrder;
    }
    if let Err(failure) = actual
        && DOCUMENTED.iter().any(|text| failure.message.contains(text))
    {
        return Verdict::Documented;
    }
    let data_error = |answer: &Answer| matches!(answer, Err(failure) if failure.sqlstate.starts_with("22") || failure.sqlstate == "21000");
    let loosened = |answer: &Answer| match answer {
        Ok(rows) if case.freedom.representative => Ok(representatives(rows)),
        other => other.clone(),
    };
    let (expected, actual) = (&loosened(expected), &loosened(actual));
    let Some(how) = difference(expected, actual, ordered, case.freedom.digits) else {
        return match expected {
            Ok(_) => Verdict::Same,
            Err(failure) => Verdict::SameError(failure.message.chars().take(60).collect()),
        };
    };
    let kind = match (expected, actual) {
        (Ok(_), Ok(_)) => "values".to_owned(),
        _ if !case.bare && (data_error(expected) || data_error(actual)) => {
            let benign = |answer: &Answer| answer.is_ok() || data_error(answer);
            if benign(expected) && benign(actual) {
                return Verdict::EvaluationOrder;
            }
            "error".to_owned()
        }
        (Err(failure), Ok(_)) => format!("we answer, Postgres {}", failure.sqlstate),
        (Ok(_), Err(failure)) => format!("we {}, Postgres answers", failure.sqlstate),
        // Of two wrong arguments either may be found first.
        (Err(_), Err(_)) if !case.shallow && data_error(expected) && data_error(actual) => {
            return Verdict::EvaluationOrder;
        }
        (Err(a), Err(b)) => format!("we {}, Postgres {}", b.sqlstate, a.sqlstate),
    };
    Verdict::Mismatch(kind, how)
}

impl Tally {
    fn report(&self, started: Instant) {
        let invalid: u64 = self.invalid.values().sum();
        println!(
            "generated: {} alike, {} alike in error, {} with errors that depend on evaluation order, \
             {} with documented errors, {invalid} not taken by Postgres, {} mismatches; {:.1} s",
            self.same,
            self.errors.values().sum::<u64>(),
            self.evaluation_order,
            self.documented,
            self.mismatches,
            started.elapsed().as_secs_f64()
        );
        for (title, reasons) in [("not taken", &self.invalid), ("alike in error", &self.errors)] {
            let mut reasons: Vec<_> = reasons.iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            for (reason, count) in reasons.into_iter().take(25) {
                println!("    {title}: {count} x {reason}");
            }
        }
    }
}
