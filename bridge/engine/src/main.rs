//! `pg_duckdb_engine`: the process that owns DuckDB.
//!
//! Postgres backends talk to it over a unix socket and through shared memory
//! (`bridge-ipc`). One DuckDB instance serves all sessions; the local store of each Postgres
//! database is attached to it when its first session comes.

mod account;
mod bridge_scan;
mod canceller;
mod connections;
mod duckdb;
mod engine;
mod errors;
mod execute;
mod export;
mod functions;
mod idle;
mod log;
mod outbox;
mod params;
mod portal;
mod postgres_words;
mod prepare;
mod process;
mod profile;
mod run;
mod secrets;
mod serve;
mod session;
mod settings;
mod spool;
mod sql;
mod table;

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// The DuckDB engine of the Postgres extension pg_duckdb.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve Postgres backends until standard input ends or SIGTERM comes.
    ///
    /// Started by pg_duckdb's background worker in the data directory. Writes its log to
    /// standard error.
    Serve(Serve),
    /// Run SQL in a running engine and print the result.
    Sql(sql::Sql),
    /// Run SQL on a DuckDB file without a server, with the engine's settings.
    ///
    /// The reference of the benchmarks. The file must not be open in a running engine.
    Run(run::Run),
}

/// Memory and threads.
#[derive(Args, Clone)]
struct Limits {
    /// Memory for all sessions together, such as 4GB [default: half of what the machine has].
    #[arg(long, value_parser = parse_size)]
    memory_limit: Option<u64>,
    /// Threads that work for queries [default: the number of cores].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Directory to spill into [default: pg_duckdb/tmp].
    #[arg(long)]
    temp_directory: Option<PathBuf>,
    /// Most bytes to spill, such as 10GiB.
    #[arg(long, default_value = settings::DEFAULT_MAX_TEMP_DIRECTORY_SIZE, value_parser = check_size)]
    max_temp_directory_size: String,
    /// Directory with DuckDB extensions.
    #[arg(long)]
    extension_directory: Option<PathBuf>,
    /// Threads on top, of which each may be held by a query that waits for rows from Postgres.
    #[arg(long, hide = true)]
    feed_threads: Option<usize>,
}

#[derive(Args)]
struct Serve {
    /// Directory of socket, stores and temporary files.
    #[arg(long, default_value = bridge_types::names::DIRECTORY)]
    directory: PathBuf,
    #[command(flatten)]
    limits: Limits,
    /// Most sessions at a time.
    #[arg(long, default_value_t = 10_000)]
    max_sessions: usize,
    /// How often the engine was started before (shown by engine_status).
    #[arg(long, default_value_t = 0)]
    restarts: u64,
    /// Why it was restarted (shown by engine_status).
    #[arg(long)]
    last_error: Option<String>,
    /// Directory that stands in for MotherDuck.
    #[arg(long)]
    motherduck_emulator: Option<PathBuf>,
    /// Seconds an unused MotherDuck account stays open.
    #[arg(long, default_value_t = 300)]
    motherduck_idle_timeout: u64,
    /// Rows of a half-read cursor kept in memory before they go to disk.
    #[arg(long, hide = true, value_parser = parse_size)]
    spool_memory: Option<u64>,
}

fn parse_size(text: &str) -> Result<u64, String> {
    settings::parse_bytes(text).ok_or_else(|| format!("\"{text}\" is not a size such as 512MB or 4GiB"))
}

fn check_size(text: &str) -> Result<String, String> {
    parse_size(text).map(|_| text.to_owned())
}

impl Limits {
    fn settings(&self, directory: PathBuf) -> settings::Settings {
        settings::Settings {
            memory_limit_bytes: self.memory_limit.unwrap_or_else(settings::default_memory_limit),
            threads: self.threads.map_or_else(settings::default_threads, usize::from),
            feed_threads: self.feed_threads.unwrap_or_else(settings::default_feed_threads),
            temp_directory: self.temp_directory.clone().unwrap_or_else(|| directory.join("tmp")),
            max_temp_directory_size: self.max_temp_directory_size.clone(),
            extension_directory: self.extension_directory.clone(),
            restarts: 0,
            last_error: None,
            max_sessions: usize::MAX,
            spool_memory_bytes: spool::MEMORY_BYTES,
            motherduck_emulator: None,
            motherduck_idle_timeout: std::time::Duration::ZERO,
            directory,
        }
    }
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(serve) => {
            let mut settings = serve.limits.settings(serve.directory);
            settings.max_sessions = serve.max_sessions;
            settings.restarts = serve.restarts;
            settings.last_error = serve.last_error.filter(|text| !text.is_empty());
            settings.motherduck_emulator = serve.motherduck_emulator;
            settings.motherduck_idle_timeout = std::time::Duration::from_secs(serve.motherduck_idle_timeout);
            if let Some(bytes) = serve.spool_memory {
                settings.spool_memory_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
            }
            serve::serve(settings).inspect_err(|error| log::warning(error))
        }
        Command::Sql(sql) => sql.run().inspect_err(|error| eprintln!("ERROR:  {error}")),
        Command::Run(run) => run.run().inspect_err(|error| eprintln!("ERROR:  {error}")),
    };
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
