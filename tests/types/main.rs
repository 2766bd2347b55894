//! The type matrix: every DuckDB type, every Postgres type, every way a value can cross.
//!
//! The list in `list.rs` is all there is: for each of its types this program makes edge values
//! and random ones, sends them through every direction, and lets Postgres judge. A value that
//! DuckDB returns must print as DuckDB's own text does when Postgres reads that; a value that goes
//! to DuckDB must come back as it was, and DuckDB must see the text it saw before. Prints the
//! matrix (values checked per type and direction) and fails on a difference or an empty cell.
//! Arguments choose types by a part of their name.

mod list;

use std::process::ExitCode;

use postgres::{Client, SimpleQueryMessage};
use tests::Result;
use tests::account::Account;
use tests::cluster::{Cluster, Options};

use list::{CASES, Case, FOREIGN, Foreign};

/// Random values per type.
const RANDOM_ROWS: usize = 700;
/// Attempts of a cell that is not in the list.
const NONE: &str = "-";

fn main() -> ExitCode {
    match run() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(failed) => {
            eprintln!("types: {failed} cells failed");
            ExitCode::FAILURE
        }
        Err(error) => {
            // What the server said is in the source.
            eprintln!("types: {error}: {:?}", error.source());
            ExitCode::FAILURE
        }
    }
}

/// A cluster with an engine that is spoken to directly.
struct Fixture {
    cluster: Cluster,
    client: Client,
    database: u32,
    /// What to say at the end.
    notes: Vec<String>,
}

/// Values checked, or what is wrong.
type Cell = std::result::Result<usize, String>;

/// What EXPLAIN says first of a query that DuckDB runs as a whole.
const WHOLE: &str = "Custom Scan (DuckDBScan)";

fn run() -> Result<usize> {
    let parts: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| name.contains(part.as_str()));
    let cluster = Cluster::start(Options::with_extension())?;
    let mut client = cluster.client()?;
    client.batch_execute(
        "SET TimeZone = 'UTC'; SET extra_float_digits = 1; \
         CREATE TYPE mood AS ENUM ('sad', 'ok', 'a label of more than twelve bytes'); \
         CREATE DOMAIN moody AS mood; CREATE DOMAIN positive AS integer CHECK (VALUE > 0); \
         CREATE TYPE pair AS (a integer, b text)",
    )?;
    client.batch_execute("CREATE TABLE one (i integer) USING duckdb")?;
    client.batch_execute("INSERT INTO one VALUES (1)")?;
    client.batch_execute("CREATE TABLE heap_one AS SELECT 1 AS i")?;
    let database = client
        .query_one("SELECT oid FROM pg_database WHERE datname = current_database()", &[])?
        .get::<_, u32>(0);
    let mut fixture = Fixture { cluster, client, database, notes: Vec::new() };
    let mut failed = 0;
    let mut print = |name: &str, cells: &[(&str, Option<Cell>)]| {
        print!("{name:60}");
        for (direction, cell) in cells {
            match cell {
                None => print!(" {direction} {NONE:>4}"),
                Some(Ok(0)) => {
                    failed += 1;
                    print!(" {direction} NONE");
                }
                Some(Ok(count)) => print!(" {direction} {count:>4}"),
                Some(Err(_)) => {
                    failed += 1;
                    print!(" {direction} FAIL");
                }
            }
        }
        println!();
        for (direction, cell) in cells {
            if let Some(Err(error)) = cell {
                println!("    {direction}: {error}");
            }
        }
    };
    for (number, case) in CASES.iter().enumerate() {
        let name = format!("{} -> {}", case.duck, case.pg);
        if wanted(&name) {
            print(&name, &fixture.case(number, case));
        }
    }
    for (number, foreign) in FOREIGN.iter().enumerate() {
        let name = format!("{} <-> {}", foreign.pg, foreign.refused.unwrap_or("as it is"));
        if wanted(&name) {
            print(&name, &fixture.foreign(number, foreign));
        }
    }
    fixture.notes.iter().for_each(|note| println!("{note}"));
    Ok(failed)
}

impl Fixture {
    /// A duckdb table `d<number>` whose column `v` has DuckDB's type `case.duck` in the store,
    /// filled; then all directions.
    fn case(&mut self, number: usize, case: &Case) -> Vec<(&'static str, Option<Cell>)> {
        let setup = self.set_up(number, case);
        if let Err(error) = setup {
            return vec![("result", Some(Err(error)))];
        }
        vec![
            ("result", Some(self.result(number, case))),
            ("errors", (!case.errors.is_empty()).then(|| self.errors(number, case))),
            ("feed", Some(self.feed(number, case))),
            ("param", self.unless_left(number, case.pg, "param", case.left, case.refused)),
            ("const", self.unless_left(number, case.pg, "const", case.left, None)),
        ]
    }

    fn set_up(&mut self, number: usize, case: &Case) -> std::result::Result<(), String> {
        let Case { duck, pg, edges, random, errors, .. } = case;
        let text = if case.text.is_empty() { "CAST(v AS VARCHAR)" } else { case.text };
        self.postgres(&format!("CREATE TABLE d{number} (id integer, v {pg}, t text) USING duckdb"))?;
        self.postgres(&format!("CREATE TABLE e{number} (id integer, v {pg}) USING duckdb"))?;
        let (table, bad) = (self.stored(&format!("d{number}")), self.stored(&format!("e{number}")));
        let (kept, stored) = match case.stored {
            Some(stored) => (format!("{table}_kept"), stored),
            None => (table.clone(), *duck),
        };
        let mut script = format!(
            "DROP TABLE {table}; DROP TABLE {bad};\n\
             CREATE TABLE {kept} (id INTEGER, v {stored}, t VARCHAR);\nCREATE TABLE {bad} (id INTEGER, v {stored});\n\
             INSERT INTO {kept} (id, v) VALUES (0, NULL);\n"
        );
        for (id, edge) in edges.iter().enumerate() {
            script += &format!("INSERT INTO {kept} (id, v) SELECT {}, CAST({edge} AS {stored});\n", id + 1);
        }
        for (id, (value, _)) in errors.iter().enumerate() {
            script += &format!("INSERT INTO {bad} SELECT {id}, CAST({value} AS {stored});\n");
        }
        script += &format!(
            "INSERT INTO {kept} (id, v) SELECT 1000 + i, CAST({random} AS {stored}) \
             FROM (SELECT i, (hash(i) >> 1)::BIGINT AS h FROM range({RANDOM_ROWS}) r(i));\n\
             UPDATE {kept} SET v = NULL WHERE id >= 1000 AND hash(id) % 10 = 0;\n\
             UPDATE {kept} SET t = {text};\n"
        );
        if case.stored.is_some() {
            script += &format!("CREATE VIEW {table} AS SELECT id, CAST(v AS {duck}) AS v, t FROM {kept};\n");
        }
        self.engine(&script).map(drop)
    }

    /// DuckDB -> Postgres: against DuckDB's text, read by Postgres.
    fn result(&mut self, number: usize, case: &Case) -> Cell {
        let pg = case.pg;
        self.postgres(&format!("CREATE TABLE h{number} AS SELECT id, v, t FROM d{number}"))?;
        let difference = format!(
            "SELECT id || ': ' || coalesce(left(format('%s', v), 200), 'NULL') || ' is not ' || coalesce(left(t, 200), 'NULL') \
             FROM h{number} WHERE (v IS NULL) <> (t IS NULL) OR format('%s', v) <> format('%s', t::{pg}) ORDER BY id LIMIT 1"
        );
        if let Some(difference) = self.texts(&difference)?.into_iter().next() {
            return Err(difference.unwrap_or_default());
        }
        let count = self.count(&format!("SELECT count(v) FROM h{number}"))?;
        let least = case.edges.len() + RANDOM_ROWS / 2;
        if count < least { Err(format!("{count} values of at least {least}")) } else { Ok(count) }
    }

    /// Values that Postgres does not have: an error of the right kind that names the column.
    fn errors(&mut self, number: usize, case: &Case) -> Cell {
        for (id, (value, state)) in case.errors.iter().enumerate() {
            match self.client.simple_query(&format!("SELECT v FROM e{number} WHERE id = {id}")) {
                Ok(_) => return Err(format!("{value} was accepted")),
                Err(error) => {
                    let found = error.as_db_error().ok_or_else(|| error.to_string())?;
                    let names = found.detail().is_some_and(|detail| detail.contains("Column \"v\""));
                    // Errors of Postgres' own input functions do not know the column.
                    if found.code().code() != *state || !(names || *state == "22P05") {
                        return Err(format!(
                            "{value}: {} {} {:?}",
                            found.code().code(),
                            found,
                            found.detail()
                        ));
                    }
                }
            }
        }
        Ok(case.errors.len())
    }

    /// Heap -> DuckDB -> Postgres; and what DuckDB sees in between.
    fn feed(&mut self, number: usize, case: &Case) -> Cell {
        let count = self.there_and_back(number)?;
        if let Some(state) = case.refused {
            return self.not_stored(number, case.pg, state);
        }
        if !case.returns {
            return Ok(count);
        }
        let pg = case.pg;
        self.postgres(&format!("CREATE TABLE b{number} (id integer, v {pg}) USING duckdb"))?;
        self.postgres(&format!("INSERT INTO b{number} SELECT id, v FROM h{number}"))?;
        let (there, back) = (self.stored(&format!("d{number}")), self.stored(&format!("b{number}")));
        let sql = format!(
            "SELECT 'differs: ' || id || ': ' || coalesce(left(b.v::VARCHAR, 200), 'NULL') || ' was ' || coalesce(left(d.v::VARCHAR, 200), 'NULL') \
             FROM {there} d JOIN {back} b USING (id) WHERE d.v::VARCHAR IS DISTINCT FROM b.v::VARCHAR ORDER BY id LIMIT 1"
        );
        let output = self.engine(&sql)?;
        match output.lines().find(|line| line.contains("differs: ") && !line.contains("||")) {
            Some(line) => Err(format!("DuckDB sees {line}")),
            None => Ok(count),
        }
    }

    /// Values of heap table `h<number>` that DuckDB has no form for: a query reads them, since
    /// Postgres runs it again; a duckdb table does not take them.
    fn not_stored(&mut self, number: usize, pg: &str, state: &str) -> Cell {
        self.postgres(&format!("CREATE TABLE b{number} (id integer, v {pg}) USING duckdb"))?;
        let stored = self.postgres(&format!("INSERT INTO b{number} SELECT id, v FROM h{number}"));
        accepted(stored.map(|()| 0), Some(state))
    }

    /// The rows of heap table `h<number>` through DuckDB and back, compared in Postgres.
    fn there_and_back(&mut self, number: usize) -> Cell {
        let sql = format!("SELECT h.id, h.v FROM h{number} h, one");
        let plan = self.texts(&format!("EXPLAIN (COSTS OFF) {sql}"))?;
        if plan.first().is_none_or(|line| line.as_deref() != Some(WHOLE)) {
            return Err(format!("DuckDB does not run {sql}: {plan:?}"));
        }
        self.postgres(&format!("CREATE TABLE r{number} AS {sql}"))?;
        let difference = self.texts(&format!(
            "SELECT h.id || ': ' || coalesce(left(format('%s', r.v), 200), 'NULL') || ' was ' || coalesce(left(format('%s', h.v), 200), 'NULL') \
             FROM h{number} h FULL JOIN r{number} r USING (id) \
             WHERE (h.v IS NULL) <> (r.v IS NULL) OR format('%s', h.v) <> format('%s', r.v) OR r.id IS NULL ORDER BY 1 LIMIT 1"
        ))?;
        if let Some(difference) = difference.into_iter().next() {
            return Err(difference.unwrap_or_default());
        }
        self.count(&format!("SELECT count(v) FROM r{number}"))
    }

    /// The first values of heap table `h<number>` as parameters or as constants of a query on a
    /// duckdb table, against the same query on a heap table.
    fn crossings(&mut self, number: usize, pg: &str, parameters: bool) -> Cell {
        let values = self.texts(&format!(
            "SELECT DISTINCT ON (id) format('%s', v) FROM h{number} WHERE v IS NOT NULL AND octet_length(format('%s', v)) < 10000 ORDER BY id LIMIT 20"
        ))?;
        let (mut checked, mut left) = (0, 0);
        let literals = values.into_iter().flatten().map(|value| {
            let literal = format!("'{}'::{pg}", value.replace('\'', "''"));
            if literal.contains('\\') { format!("E{}", literal.replace('\\', "\\\\")) } else { literal }
        });
        let literals: Vec<String> = literals.chain([format!("NULL::{pg}")]).collect();
        for literal in literals {
            let sql = if parameters {
                self.postgres(&format!("PREPARE p{number}({pg}) AS SELECT $1 FROM one"))?;
                format!("EXECUTE p{number}({literal})")
            } else {
                format!("SELECT {literal} FROM one")
            };
            let found = self.try_texts(&sql);
            let plan = self.try_texts(&format!("EXPLAIN (COSTS OFF) {sql}"));
            if parameters {
                self.postgres(&format!("DEALLOCATE p{number}"))?;
            }
            let expected = self.texts(&format!("SELECT {literal} FROM heap_one"))?;
            let whole =
                plan.is_ok_and(|plan| plan.first().is_some_and(|line| line.as_deref() == Some(WHOLE)));
            match found {
                Ok(found) if found != expected => return Err(format!("{literal} came back as {found:?}")),
                Ok(_) if whole => checked += 1,
                Ok(_) => left += 1,
                Err((state, message)) => return Err(format!("{literal}: {state} {message}")),
            }
        }
        // Postgres computes what has no literal in DuckDB; some values of each type have.
        if left > 0 {
            let what = if parameters { "parameters" } else { "constants" };
            self.notes.push(format!("{pg}: {left} {what} are left to Postgres"));
        }
        Ok(checked)
    }

    /// [`Self::crossings`] of parameters or constants, unless the list leaves them to Postgres: then
    /// it is wrong if one does cross.
    fn unless_left(
        &mut self,
        number: usize,
        pg: &str,
        direction: &str,
        left: Option<&str>,
        refused: Option<&str>,
    ) -> Option<Cell> {
        let cell = accepted(self.crossings(number, pg, direction == "param"), refused);
        if left != Some(direction) {
            return Some(cell);
        }
        match cell {
            Ok(0) => None,
            Ok(count) => Some(Err(format!("{count} values crossed, which the list leaves to Postgres"))),
            Err(error) => Some(Err(error)),
        }
    }

    /// A type that only Postgres has: from a heap table, as a parameter and as a constant.
    fn foreign(&mut self, number: usize, foreign: &Foreign) -> Vec<(&'static str, Option<Cell>)> {
        let number = CASES.len() + number;
        let Foreign { pg, values, refused, left } = foreign;
        let rows: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(id, value)| {
                format!("({id}, E'{}'::{pg})", value.replace('\\', "\\\\").replace('\'', "''"))
            })
            .collect();
        let filled = self.postgres(&format!("CREATE TABLE h{number} (id integer, v {pg})")).and_then(|()| {
            self.postgres(&format!("INSERT INTO h{number} VALUES (-1, NULL), {}", rows.join(", ")))
        });
        if let Err(error) = filled {
            return vec![("feed", Some(Err(error)))];
        }
        let Some(state) = refused else {
            return vec![
                ("feed", Some(self.there_and_back(number))),
                ("param", self.unless_left(number, pg, "param", *left, None)),
                ("const", self.unless_left(number, pg, "const", *left, None)),
            ];
        };
        if self.there_and_back(number).is_ok() {
            return vec![("feed", Some(self.not_stored(number, pg, state)))];
        }
        let sql = format!("SELECT h.id, h.v FROM h{number} h, one");
        let cell = match self.try_texts(&sql) {
            Err((found, _)) if found == *state => Ok(1),
            Err((found, message)) => Err(format!("{found} {message}")),
            Ok(_) => Err("was accepted".to_owned()),
        };
        vec![("feed", Some(cell))]
    }

    /// A table's name in DuckDB.
    fn stored(&self, table: &str) -> String {
        format!("pg{}.main.{table}", self.database)
    }

    /// Runs DuckDB statements in the engine of the cluster, past Postgres.
    fn engine(&mut self, script: &str) -> std::result::Result<String, String> {
        let account = Account::for_servers().map_err(|error| error.to_string())?;
        let output = account
            .command(&self.cluster.tree().engine())
            .args(["sql", "--database-oid", &self.database.to_string(), "-c", script])
            .current_dir(self.cluster.data_directory())
            .output()
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', " "))
    }

    fn postgres(&mut self, sql: &str) -> std::result::Result<(), String> {
        self.client.batch_execute(sql).map_err(|error| {
            let (state, message) = describe(&error);
            format!("{sql}: {state} {message}")
        })
    }

    fn count(&mut self, sql: &str) -> Cell {
        let count = self.texts(sql)?.into_iter().flatten().next().and_then(|count| count.parse().ok());
        count.ok_or_else(|| format!("{sql}: no number"))
    }

    fn texts(&mut self, sql: &str) -> std::result::Result<Vec<Option<String>>, String> {
        self.try_texts(sql).map_err(|(state, message)| format!("{sql}: {state} {message}"))
    }

    /// The first column, or SQLSTATE and message.
    fn try_texts(&mut self, sql: &str) -> std::result::Result<Vec<Option<String>>, (String, String)> {
        let messages = self.client.simple_query(sql).map_err(|error| describe(&error))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(row.len() - 1).map(str::to_owned)),
            _ => None,
        });
        Ok(rows.collect())
    }
}

/// A cell of which the list says that its values are refused: one error is what it checks.
fn accepted(cell: Cell, refused: Option<&str>) -> Cell {
    match (cell, refused) {
        (Err(error), Some(state)) if error.contains(&format!(": {state} ")) => Ok(1),
        (Ok(_), Some(state)) => Err(format!("was accepted, not refused with {state}")),
        (cell, _) => cell,
    }
}

/// SQLSTATE and message.
fn describe(error: &postgres::Error) -> (String, String) {
    match error.as_db_error() {
        Some(error) => {
            let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
            (error.code().code().to_owned(), format!("{}{detail}", error.message()))
        }
        None => (String::new(), error.to_string()),
    }
}
