//! Every statement must answer as Postgres does.
//!
//! Each statement of `tests/differential/*.sql` and each TPC-H and TPC-DS query runs twice on the
//! same rows: in schema `heap`, by Postgres alone, and in schema `duck`, on duckdb tables.
//! Rows, their order where the statement has one, column names, types and typmods must
//! agree; a statement that fails must fail with the same SQLSTATE. CONTRIBUTING.md
//! explains the notes in comments. Arguments choose files by a part of their name.
//! Queries with more than expressions run again in two ways that Postgres plans, as it does when
//! DuckDB must not run them whole (`duckdb.debug_force_fallback`): both tiers must agree.
//! `SELF_CHECK=1` compares Postgres with itself, on rows in the reverse order and with other plans: it
//! finds statements that are wrong (class 42 errors) or have no single answer, and needs no extension.

use std::fs;
use std::process::ExitCode;

use postgres::Client;
use tests::answer::{answer, describe, difference, is_ordered};
use tests::artifacts::Artifacts;
use tests::cluster::{Cluster, Options};
use tests::sql_file::{Statement, statements};
use tests::{Result, tpcds, tpch};

/// TPC-H at this scale has 60,000 rows in lineitem: enough for every query but q18 to
/// find something, and Postgres answers without indexes in seconds.
const SCALE_FACTOR: f64 = 0.01;

/// Rows of the wide table: enough for groups with many rows and needles with few.
const WEBLOG_ROWS: u32 = 20_000;

/// TPC-DS at this scale has 288,000 rows in store_sales; 81 of the 99 queries find something.
const TPCDS_SCALE_FACTOR: f64 = 0.1;

/// Files whose statements run in DuckDB as a whole, unless a note `finished` says that Postgres
/// finishes them, and why.
const SHIPPED: [&str; 8] = [
    "aggregate.sql",
    "array.sql",
    "cte.sql",
    "join.sql",
    "set_operation.sql",
    "subquery.sql",
    "window.sql",
    "weblog.sql",
];

/// Files whose statements run again with Postgres' planner above them. Not `compare.sql`: which of
/// two equal values that look different DISTINCT shows depends on the plan.
const FINISHED: [&str; 11] = [
    "aggregate.sql",
    "array.sql",
    "cte.sql",
    "finish.sql",
    "in_use.sql",
    "join.sql",
    "query.sql",
    "set_operation.sql",
    "subquery.sql",
    "tpch",
    "window.sql",
];

/// How statements are run: as users' are, and with the values of `duckdb.debug_force_fallback`.
const TIERS: [&str; 3] = ["off", "on", "scans"];

/// The top of a plan that runs in DuckDB as a whole.
const WHOLE: &str = "Custom Scan (DuckDBScan)";

/// What EXPLAIN calls the reason why a plan does not.
const NOT_WHOLE: &str = "Not Shipped Whole";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("differential: {failed} statements failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("differential: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the number of statements that failed.
fn run() -> Result<usize> {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let self_check = std::env::var_os("SELF_CHECK").is_some_and(|value| value == "1");
    let options = if self_check { Options::plain() } else { Options::with_extension() };
    // Statistics that come while statements run would change Postgres' plans from one run to another.
    let options = options.set("autovacuum", "off");
    let cluster = Cluster::start(options)?;
    let mut sides = Sides::connect(&cluster, self_check)?;

    let mut failed = 0;
    let directory = Artifacts::source_root().join("tests/differential");
    sides.set_up(&fs::read_to_string(directory.join("setup.sql"))?)?;
    if wanted("weblog.sql") {
        sides.load_weblog()?;
    }
    let mut files: Vec<_> = fs::read_dir(&directory)?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for entry in files {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != "setup.sql" && name.ends_with(".sql") && wanted(&name) {
            let all = statements(&fs::read_to_string(entry.path())?);
            failed += sides.compare_all(&name, &all)?;
        }
    }
    if wanted("tpch") {
        sides.load_tpch()?;
        let queries = tpch::queries()?;
        let all: Vec<Statement> =
            queries.into_iter().map(|(_, sql)| Statement { line: 0, sql, notes: Vec::new() }).collect();
        failed += sides.compare_all("tpch", &all)?;
    }
    if wanted("tpcds") {
        let data = sides.load_tpcds()?;
        let queries = data.queries()?;
        let all: Vec<Statement> = queries
            .iter()
            .map(|(_, sql)| Statement { line: 0, sql: sql.clone(), notes: Vec::new() })
            .collect();
        failed += sides.compare_all("tpcds", &all)?;
        failed += sides.count_whole("tpcds", &queries)?;
    }
    Ok(failed)
}

/// A connection for each side.
struct Sides {
    heap: Client,
    duck: Client,
    self_check: bool,
    /// One of [`TIERS`].
    tier: &'static str,
}

impl Sides {
    fn connect(cluster: &Cluster, self_check: bool) -> Result<Self> {
        let connect = |schema: &str| -> Result<Client> {
            let mut client = cluster.client()?;
            let sql = format!(
                "CREATE SCHEMA {schema}; SET search_path = {schema}, public; SET statement_timeout = '10min'"
            );
            client.batch_execute(&sql)?;
            Ok(client)
        };
        let mut sides = Self { heap: connect("heap")?, duck: connect("duck")?, self_check, tier: TIERS[0] };
        if self_check {
            sides.duck.batch_execute("SET enable_hashagg = off; SET enable_hashjoin = off")?;
        }
        Ok(sides)
    }

    /// What makes a table of the second side a duckdb table.
    fn using(&self) -> &'static str {
        if self.self_check { "" } else { "USING duckdb" }
    }

    /// Runs the set-up on both sides; `:using` makes the tables duckdb tables on one. Rows
    /// are inserted on the heap side and copied from there, so that they are the same.
    fn set_up(&mut self, script: &str) -> Result<()> {
        for statement in statements(script) {
            let at = |error: postgres::Error| format!("setup.sql:{}: {}", statement.line, describe(&error));
            self.heap.batch_execute(&statement.sql.replace(":using", "")).map_err(at)?;
            if statement.sql.contains(":using") {
                self.duck.batch_execute(&statement.sql.replace(":using", self.using())).map_err(at)?;
            }
        }
        self.copy_rows("pg_class.relkind = 'r'")
    }

    fn load_tpch(&mut self) -> Result<()> {
        tpch::Data::generate(SCALE_FACTOR)?.copy_into(&mut self.heap)?;
        // Postgres alone needs minutes for the correlated subqueries of q17 and q20.
        let indexes = "CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON lineitem (l_orderkey); \
                       CREATE INDEX ON partsupp (ps_partkey)";
        self.heap.batch_execute(indexes)?;
        if self.self_check {
            // The same tables for the other side: copies would have no indexes.
            return Ok(self.duck.batch_execute("SET search_path = heap, public")?);
        }
        self.duck.batch_execute(&tpch::create_tables(self.using())?)?;
        let names = tpch::TABLES.map(|(table, _)| format!("'{table}'")).join(", ");
        self.copy_rows(&format!("relname IN ({names})"))
    }

    /// In schemas of their own: TPC-H has tables of the same names.
    fn load_tpcds(&mut self) -> Result<tpcds::Data> {
        let data = tpcds::Data::generate(&Artifacts::of_this_program()?.engine(), TPCDS_SCALE_FACTOR)?;
        self.heap.batch_execute("CREATE SCHEMA heap_ds; SET search_path = heap_ds")?;
        data.copy_into(&mut self.heap)?;
        // Without indexes Postgres needs minutes for some, and compiles for more than it runs.
        self.heap.batch_execute("SET enable_nestloop = off; SET jit = off")?;
        if self.self_check {
            self.duck.batch_execute("SET search_path = heap_ds; SET enable_nestloop = off; SET jit = off")?;
            return Ok(data);
        }
        self.duck.batch_execute("CREATE SCHEMA duck_ds; SET search_path = duck_ds")?;
        for (table, create) in data.tables(self.using())? {
            self.duck.batch_execute(&create)?;
            self.duck.batch_execute(&format!("INSERT INTO {table} SELECT * FROM heap_ds.{table}"))?;
        }
        Ok(data)
    }

    /// How many queries run in DuckDB as a whole. Returns the number of those that do not.
    fn count_whole(&mut self, suite: &str, queries: &[(String, String)]) -> Result<usize> {
        if self.self_check {
            return Ok(0);
        }
        let mut whole = 0;
        for (name, sql) in queries {
            match self.top_of_plan(sql) {
                Ok(top) if top == WHOLE => whole += 1,
                Ok(top) => println!("differential {suite}: {name} is not shipped as a whole: {top}"),
                Err(error) => println!("differential {suite}: {name} is not planned: {}", describe(&error)),
            }
        }
        println!("differential {suite}: {whole} of {} shipped as a whole", queries.len());
        Ok(queries.len() - whole)
    }

    /// The first line of EXPLAIN, or the one that says why the query is not shipped as a whole.
    fn top_of_plan(&mut self, sql: &str) -> Result<String, postgres::Error> {
        let rows = self.duck.query(&format!("EXPLAIN (COSTS OFF) {sql}"), &[])?;
        let reason = rows.iter().find(|row| row.get::<_, &str>(0).contains(NOT_WHOLE));
        Ok(reason.or(rows.first()).map_or_else(String::new, |row| row.get::<_, &str>(0).trim().to_owned()))
    }

    /// Fails if a statement is not shipped as a whole and has no note `finished`, or the reverse.
    fn check_shipped(&mut self, statement: &Statement, sql: &str) -> Result<()> {
        if self.self_check || self.tier != TIERS[0] {
            return Ok(());
        }
        // A statement that fails when it is planned is neither.
        let Ok(top) = self.top_of_plan(sql) else { return Ok(()) };
        match (top == WHOLE, statement.note("finished").is_some()) {
            (true, false) | (false, true) => Ok(()),
            (false, false) => Err(format!("is not shipped as a whole: {top}").into()),
            (true, true) => Err("is shipped as a whole now: remove the note".into()),
        }
    }

    /// The wide table of `weblog.sql`.
    fn load_weblog(&mut self) -> Result<()> {
        let directory = Artifacts::source_root().join("tests/weblog");
        let table = fs::read_to_string(directory.join("table.sql"))?;
        let rows = fs::read_to_string(directory.join("rows.sql"))?;
        self.heap.batch_execute(&table.replace(":using", ""))?;
        self.heap.batch_execute(&rows.replace(":rows", &WEBLOG_ROWS.to_string()))?;
        self.duck.batch_execute(&table.replace(":using", self.using()))?;
        self.copy_rows("relname = 'requests'")
    }

    fn copy_rows(&mut self, which: &str) -> Result<()> {
        let sql = format!(
            "SELECT relname::text FROM pg_class WHERE relnamespace = 'heap'::regnamespace AND relkind = 'r' AND {which}"
        );
        for row in self.heap.query(&sql, &[])? {
            let table: String = row.get(0);
            // What leaves an order open shows it there.
            let order = if self.self_check { "ORDER BY ctid DESC" } else { "" };
            self.duck
                .batch_execute(&format!("INSERT INTO duck.{table} SELECT * FROM heap.{table} {order}"))
                .map_err(|error| format!("copy of {table}: {}", describe(&error)))?;
        }
        Ok(())
    }

    fn compare_all(&mut self, file: &str, all: &[Statement]) -> Result<usize> {
        let mut failed = 0;
        for tier in TIERS {
            let again = tier != TIERS[0];
            if again && (self.self_check || !FINISHED.contains(&file)) {
                continue;
            }
            if again {
                self.duck.batch_execute(&format!("SET duckdb.debug_force_fallback = {tier}"))?;
            }
            self.tier = tier;
            let label = if again { format!("{file} ({tier})") } else { file.to_owned() };
            failed += self.compare_in_tier(file, &label, all)?;
            if again {
                self.duck.batch_execute("RESET duckdb.debug_force_fallback")?;
            }
        }
        self.tier = TIERS[0];
        Ok(failed)
    }

    fn compare_in_tier(&mut self, file: &str, label: &str, all: &[Statement]) -> Result<usize> {
        let (mut compared, mut failed) = (0, 0);
        for statement in all {
            for sql in self.expand(statement)? {
                compared += 1;
                let result = self.compare(statement, &sql).and_then(|()| {
                    if SHIPPED.contains(&file) || statement.note("finished").is_some() {
                        self.check_shipped(statement, &sql)
                    } else {
                        Ok(())
                    }
                });
                if let Err(difference) = result {
                    failed += 1;
                    println!(
                        "differential {label}:{}: {difference}\n    {}",
                        statement.line,
                        sql.replace('\n', "\n    ")
                    );
                }
            }
        }
        let verdict = if failed == 0 { "ok".to_owned() } else { format!("{failed} FAILED") };
        println!("differential {label}: {compared} statements ... {verdict}");
        Ok(failed)
    }

    /// The statement, or with `-- each: table` one for each id of the table.
    fn expand(&mut self, statement: &Statement) -> Result<Vec<String>> {
        let Some(table) = statement.note("each") else { return Ok(vec![statement.sql.clone()]) };
        let rows = self.heap.query(&format!("SELECT id::bigint FROM {table} ORDER BY id"), &[])?;
        Ok(rows.iter().map(|row| statement.sql.replace("{id}", &row.get::<_, i64>(0).to_string())).collect())
    }

    fn compare(&mut self, statement: &Statement, sql: &str) -> Result<()> {
        let expected = answer(&mut self.heap, &sql.replace(":using", ""));
        let own = sql.replace(":using", self.using());
        let actual = answer(&mut self.duck, &own);
        if self.self_check {
            if let Err(failure) = &expected
                && failure.sqlstate.starts_with("42")
            {
                return Err(failure.message.clone().into());
            }
            return difference(&expected, &actual, is_ordered(sql), false)
                .map_or(Ok(()), |text| Err(text.into()));
        }
        let approximate = statement.note("approximate").is_some();
        let difference = difference(&expected, &actual, is_ordered(sql), approximate);
        if self.tier != TIERS[0] {
            // Postgres answers more than DuckDB, and more as it does itself.
            let refused = matches!(&actual, Err(failure) if failure.sqlstate == "0A000");
            let excused =
                (refused && statement.note("unsupported").is_some()) || statement.note("differs").is_some();
            return difference.filter(|_| !excused).map_or(Ok(()), |text| Err(text.into()));
        }
        if statement.note("unsupported").is_some() {
            return match actual {
                Err(failure) if failure.sqlstate == "0A000" => Ok(()),
                Err(failure) => Err(format!("refused with {failure:?}, not 0A000").into()),
                Ok(_) => Err("is supported now: remove the note".into()),
            };
        }
        match (statement.note("differs"), difference) {
            (None, None) | (Some(_), Some(_)) => Ok(()),
            (None, Some(difference)) => Err(difference.into()),
            (Some(_), None) => Err("no longer differs: remove the note".into()),
        }
    }
}
