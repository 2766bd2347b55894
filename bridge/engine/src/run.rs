//! `pg_duckdb_engine run`: DuckDB alone on a file, the reference of the benchmarks.

use crate::Limits;
use crate::duckdb::Connection;
use crate::engine::open_database;
use crate::errors::to_engine_error;
use crate::sql::{read_stdin, split_statements};
use crate::table::{Format, Table};
use bridge_types::names::quote_literal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Arguments of `run`.
#[derive(clap::Args)]
pub(crate) struct Run {
    /// DuckDB file (":memory:" for none).
    #[arg(long)]
    database: String,
    /// Statements to run [default: standard input].
    #[arg(short = 'c', allow_hyphen_values = true, conflicts_with = "file")]
    command: Option<String>,
    /// File with statements.
    #[arg(short = 'f')]
    file: Option<PathBuf>,
    /// Run every statement this often.
    #[arg(long, default_value_t = 1)]
    repeat: usize,
    /// Runs of every statement before those that are timed.
    #[arg(long, default_value_t = 0)]
    warm_up: usize,
    /// Print the median time of each statement in milliseconds instead of its rows.
    #[arg(long)]
    timing: bool,
    /// With --timing: print the CPU time behind it, the least of all runs, in milliseconds.
    #[arg(long, requires = "timing")]
    cpu: bool,
    /// With --timing: fetch rows as they come, with this much read ahead (such as 32MB), instead
    /// of gathering the result first.
    #[arg(long, requires = "timing", value_parser = crate::check_size)]
    streaming_buffer: Option<String>,
    /// How to print rows.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    limits: Limits,
}

impl Run {
    /// Opens the file, runs, prints.
    pub(crate) fn run(self) -> Result<(), String> {
        let text = match (&self.command, &self.file) {
            (Some(command), _) => command.clone(),
            (None, Some(file)) => std::fs::read_to_string(file)
                .map_err(|error| format!("could not read \"{}\": {error}", file.display()))?,
            (None, None) => read_stdin()?,
        };
        let settings = self.limits.settings(std::env::temp_dir().join("pg_duckdb_engine"));
        std::fs::create_dir_all(&settings.temp_directory).map_err(|error| {
            format!("could not create directory \"{}\": {error}", settings.temp_directory.display())
        })?;
        let (_database, connection) =
            open_database(&self.database, &settings).map_err(|error| to_engine_error(&error).to_string())?;
        if let Some(size) = &self.streaming_buffer {
            let set = format!("SET streaming_buffer_size = {}", quote_literal(size));
            connection.query(&set).map_err(|error| to_engine_error(&error).to_string())?;
        }
        for statement in split_statements(&text) {
            for _ in 0..self.warm_up {
                self.once(&connection, &statement, false)?;
            }
            let mut times = Vec::with_capacity(self.repeat);
            let mut least_cpu = Duration::MAX;
            for turn in 0..self.repeat.max(1) {
                let show = !self.timing && turn == 0;
                let before = cpu_time();
                times.push(self.once(&connection, &statement, show)?);
                least_cpu = least_cpu.min(cpu_time().saturating_sub(before));
            }
            if self.timing {
                times.sort();
                let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
                let cpu = if self.cpu { format!(" {:.3}", milliseconds(least_cpu)) } else { String::new() };
                println!("{:.3}{cpu}", milliseconds(times[times.len() / 2]));
            }
        }
        Ok(())
    }

    /// Runs one statement; its rows are fetched, and printed only if asked for.
    fn once(&self, connection: &Connection, sql: &str, show: bool) -> Result<Duration, String> {
        let fail = |error: crate::duckdb::DuckError| to_engine_error(&error).to_string();
        let start = Instant::now();
        if !show {
            let mut result = if self.streaming_buffer.is_some() {
                connection.prepare(sql).map_err(fail)?.execute(true).map_err(fail)?
            } else {
                connection.query(sql).map_err(fail)?
            };
            while result.fetch().map_err(fail)?.is_some() {}
            return Ok(start.elapsed());
        }
        let statement = connection.prepare(sql).map_err(fail)?;
        let columns: Vec<String> = statement.columns().into_iter().map(|(name, _)| name).collect();
        let aliases: Vec<String> = (0..columns.len()).map(|index| format!("c{index}")).collect();
        let casts: Vec<String> = aliases.iter().map(|alias| format!("CAST({alias} AS VARCHAR)")).collect();
        let wrapped = format!("SELECT {} FROM ({sql}\n) AS q({})", casts.join(", "), aliases.join(", "));
        match connection.prepare(&wrapped) {
            Ok(statement) => {
                let mut result = statement.execute(false).map_err(fail)?;
                let mut table = Table { columns, rows: Vec::new() };
                while let Some(chunk) = result.fetch().map_err(fail)? {
                    for row in 0..chunk.len() {
                        table.rows.push((0..chunk.columns()).map(|column| chunk.text(column, row)).collect());
                    }
                }
                print!("{}", table.render(self.format));
            }
            Err(_) => {
                let mut result = statement.execute(false).map_err(fail)?;
                eprintln!("OK {}", result.rows_changed());
            }
        }
        Ok(start.elapsed())
    }
}

/// CPU time of this process, all its threads together.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
