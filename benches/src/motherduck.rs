//! MotherDuck on the emulator: the first sync of a large account, what it costs to find that nothing
//! has changed, and what a new connection pays for an account that is open.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ::tests::cluster::Options;
use ::tests::kept::KeptCluster;
use ::tests::{Result, process};
use postgres::Client;

use crate::report::Report;
use crate::sample::{median, milliseconds, pid};

/// Its database.
const DATABASE: &str = "bench_motherduck";
/// The emulator's directory, below the data directory.
const EMULATOR: &str = "motherduck_bench";
const TOKEN: &str = "bench";
const TABLES: usize = 1000;
const COLUMNS: usize = 50;
/// New connections that are timed.
const CONNECTIONS: usize = 50;
/// How often the sync worker looks.
const INTERVAL: Duration = Duration::from_millis(500);
/// Looks whose cost is averaged.
const LOOKS: u32 = 10;

/// Measures, and adds to the report. The cluster is restarted with the emulator, and without it
/// at the end.
///
/// # Errors
/// If something fails.
pub fn measure(cluster: &KeptCluster, options: &Options, report: &mut Report) -> Result<()> {
    let directory = cluster.data_directory().join(EMULATOR);
    let with_emulator = options
        .clone()
        .set("duckdb.motherduck_emulator_directory", EMULATOR)
        .set("duckdb.motherduck_sync_interval", &format!("{}ms", INTERVAL.as_millis()));
    // The data directory may be made anew here.
    cluster.start(options)?;
    cluster.stop()?;
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("tokens.toml"), format!("[tokens.{TOKEN}]\naccount = 'bench'\n"))?;
    cluster.account().own(&directory)?;
    cluster.account().own(&directory.join("tokens.toml"))?;
    cluster.start(&with_emulator)?;
    {
        let mut client = cluster.client("postgres")?;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {DATABASE}"))?;
        client.batch_execute(&format!("CREATE DATABASE {DATABASE}"))?;
    }
    let mut client = cluster.client(DATABASE)?;
    client.batch_execute("CREATE EXTENSION pg_duckdb")?;
    make_tables(cluster)?;
    let measured = run(cluster, &mut client, report);
    client.batch_execute("DROP SERVER motherduck CASCADE")?;
    drop(client);
    cluster.client("postgres")?.batch_execute(&format!("DROP DATABASE {DATABASE}"))?;
    cluster.stop()?;
    fs::remove_dir_all(&directory)?;
    measured
}

/// The account's tables, made behind Postgres' back.
fn make_tables(cluster: &KeptCluster) -> Result<()> {
    let columns: Vec<String> = (0..COLUMNS).map(|i| format!("c{i} INTEGER")).collect();
    let columns = columns.join(", ");
    let sql: String = (0..TABLES).map(|i| format!("CREATE TABLE t{i} ({columns});\n")).collect();
    let mut command = cluster.account().command(&cluster.tree().engine());
    command.args(["sql", "--motherduck"]).current_dir(cluster.data_directory());
    command.env("motherduck_token", TOKEN).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn()?;
    child.stdin.take().ok_or("no pipe")?.write_all(sql.as_bytes())?;
    let status = child.wait()?;
    if status.success() { Ok(()) } else { Err(format!("the engine's client: {status}").into()) }
}

fn run(cluster: &KeptCluster, client: &mut Client, report: &mut Report) -> Result<()> {
    let engine = pid(client, "SELECT pid::bigint FROM duckdb.engine_status()")?;
    let (start, engine_before) = (Instant::now(), process::cpu_time(engine)?);
    client.batch_execute(&format!("CALL duckdb.enable_motherduck('{TOKEN}')"))?;
    client.batch_execute("CALL duckdb.sync()")?;
    let first = start.elapsed();
    report.at_most(
        "MotherDuck: first sync of 1,000 tables with 50 columns, wall time",
        first.as_secs_f64(),
        20.0,
        "s",
    );
    let worker = pid(
        client,
        "SELECT pid::bigint FROM pg_stat_activity \
         WHERE backend_type = 'pg_duckdb sync worker' AND datname = current_database()",
    )?;
    report.detail(&format!(
        "\nThe first sync took {:.2} s of CPU in the worker and {:.2} s in the engine.",
        process::cpu_time(worker)?.as_secs_f64(),
        process::cpu_time(engine)?.saturating_sub(engine_before).as_secs_f64()
    ));

    let before = (process::cpu_time(worker)?, process::cpu_time(engine)?);
    std::thread::sleep(INTERVAL * LOOKS);
    let after = (process::cpu_time(worker)?, process::cpu_time(engine)?);
    let each = |after: Duration, before: Duration| milliseconds(after.saturating_sub(before) / LOOKS);
    let (of_worker, of_engine) = (each(after.0, before.0), each(after.1, before.1));
    report.at_most(
        "MotherDuck: a look at them that finds nothing new, CPU of worker and engine",
        of_worker + of_engine,
        300.0,
        "ms",
    );
    report.detail(&format!(
        "\nA look that finds nothing takes {of_worker:.1} ms of CPU in the worker and {of_engine:.1} ms in the \
         engine, whose emulator computes the versions."
    ));

    let (mut firsts, mut nexts) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let mut client = cluster.client(DATABASE)?;
        for times in [&mut firsts, &mut nexts] {
            let start = Instant::now();
            client.simple_query("SELECT count(*) FROM t0")?;
            times.push(start.elapsed());
        }
    }
    let (first, next) = (median(firsts), median(nexts));
    report.at_most(
        "MotherDuck: a new connection's first query on an open account, more than its next",
        milliseconds(first) - milliseconds(next),
        5.0,
        "ms",
    );
    report.detail(&format!(
        "\nOn an open account a new connection's first query takes {:.2} ms, the next {:.2} ms.",
        milliseconds(first),
        milliseconds(next)
    ));
    Ok(())
}
