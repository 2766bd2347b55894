//! `make bench`: measures what we promise, prints it as a table and writes it to
//! `benches/RESULTS.md`. Ends with status 1 if a target is missed.

use std::fs;
use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use benches::config::Config;
use benches::heap;
use benches::motherduck;
use benches::nine_columns;
use benches::reference::Reference;
use benches::report::{Report, machine};
use benches::sample::{median, milliseconds, pid, time_median, watch_memory};
use benches::{planning, tpcds_database, tpch_database, write, written_sql};
use postgres::{Client, NoTls};
use tests::artifacts::Artifacts;
use tests::cluster::{Options, connect_to};
use tests::kept::KeptCluster;
use tests::{Result, process, tpcds, tpch};

const DATABASE: &str = "bench_tpch";
const TPCDS_DATABASE: &str = "bench_tpcds";
/// New connections that are timed.
const CONNECTIONS: usize = 50;

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench: a target is missed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let config = Config::of("tpch")?;
    let threads = std::thread::available_parallelism()?.get();
    let cluster = KeptCluster::of_this_program()?;
    let options = Options::with_extension().durable().set("duckdb.threads", &threads.to_string());
    let mut report = Report::default();
    // `bench nine`: that part alone, for whoever works on it.
    if std::env::args().nth(1).as_deref() == Some("nine") {
        nine(&cluster, &options, threads, &mut report)?;
        println!("{}", report.to_markdown());
        return Ok(report.all_reached());
    }
    // `bench heap`: heap tables in DuckDB.
    if std::env::args().nth(1).as_deref() == Some("heap") {
        let data = tpch::Data::generate(config.scale_factor)?;
        data.all_parquet(&cluster.tree().engine())?;
        heap::measure(&cluster, threads, &data, &mut report)?;
        println!("{}", report.to_markdown());
        return Ok(report.all_reached());
    }
    // `bench sql`: what pg_duckdb writes against what a person wrote.
    if std::env::args().nth(1).as_deref() == Some("sql") {
        sql(&cluster, &options, threads, &config, &mut report)?;
        println!("{}", report.to_markdown());
        return Ok(report.all_reached());
    }
    // `bench write`: what comes into duckdb tables.
    if std::env::args().nth(1).as_deref() == Some("write") {
        let data = tpch::Data::generate(config.scale_factor)?;
        data.all_parquet(&cluster.tree().engine())?;
        cluster.start(&options)?;
        write::measure(&cluster, threads, &data, &mut report)?;
        println!("{}", report.to_markdown());
        cluster.stop()?;
        return Ok(report.all_reached());
    }
    // `bench motherduck`: sync and connections, on the emulator.
    if std::env::args().nth(1).as_deref() == Some("motherduck") {
        motherduck::measure(&cluster, &options, &mut report)?;
        println!("{}", report.to_markdown());
        return Ok(report.all_reached());
    }
    eprintln!("bench: TPC-H at scale factor {}", config.scale_factor);
    let data = tpch::Data::generate(config.scale_factor)?;
    data.all_parquet(&cluster.tree().engine())?;
    cluster.start(&options)?;
    let mut client = tpch_database::duckdb_tables(&cluster, DATABASE, &data)?;
    client.batch_execute("DROP TABLE IF EXISTS small")?;
    client.batch_execute("CREATE TABLE small USING duckdb AS SELECT n_nationkey AS i FROM nation")?;
    on_a_copy(&cluster, client, threads, |reference| {
        measure(&cluster, &options, reference, &config, &mut report)
    })?;
    nine(&cluster, &options, threads, &mut report)?;
    sql(&cluster, &options, threads, &config, &mut report)?;
    heap::measure(&cluster, threads, &data, &mut report)?;
    cluster.start(&options)?;
    write::measure(&cluster, threads, &data, &mut report)?;
    motherduck::measure(&cluster, &options, &mut report)?;

    let text = format!(
        "# Results of `make bench`\n\n{}; TPC-H scale factor {}, {threads} threads on both sides.\n\n{}",
        machine(),
        config.scale_factor,
        report.to_markdown()
    );
    println!("{text}");
    fs::write(Artifacts::source_root().join("benches/RESULTS.md"), text)?;
    Ok(report.all_reached())
}

/// Five million rows of nine columns.
fn nine(cluster: &KeptCluster, options: &Options, threads: usize, report: &mut Report) -> Result<()> {
    cluster.start(options)?;
    let client = nine_columns::tables(cluster)?;
    on_a_copy(cluster, client, threads, |reference| {
        let theirs = nine_columns::drain(reference)?;
        cluster.start(options)?;
        nine_columns::measure(cluster, &theirs, report)
    })
}

/// The SQL that we write, of TPC-H and TPC-DS, without Postgres around it.
fn sql(
    cluster: &KeptCluster,
    options: &Options,
    threads: usize,
    config: &Config,
    report: &mut Report,
) -> Result<()> {
    let engine = cluster.tree().engine();
    let data = tpch::Data::generate(config.scale_factor)?;
    data.all_parquet(&engine)?;
    let ds = tpcds::Data::parquet(&engine, config.scale_factor)?;
    cluster.start(options)?;
    let mut suites = Vec::new();
    for (suite, database, limit_us) in [("TPC-H", DATABASE, 300.0), ("TPC-DS", TPCDS_DATABASE, 1000.0)] {
        let (mut client, queries) = if suite == "TPC-H" {
            (tpch_database::duckdb_tables(cluster, database, &data)?, tpch::queries()?)
        } else {
            (tpcds_database::duckdb_tables(cluster, database, &ds)?, ds.queries()?)
        };
        planning::measure(cluster, database, suite, &queries, limit_us, report)?;
        let texts = written_sql::written(&mut client, queries)?;
        suites.push((suite, tpch_database::oid(&mut client)?, texts));
    }
    // The engine holds the stores' locks.
    cluster.stop()?;
    for (suite, oid, texts) in suites {
        let store = cluster.data_directory().join(format!("pg_duckdb/{oid}/store.duckdb"));
        let reference = Reference::new(&engine, &store, threads);
        written_sql::measure(&reference, &format!("pg{oid}"), suite, &texts, report)?;
    }
    Ok(())
}

/// Stops the cluster, runs `work` with a reference on a copy of the store of `client`'s database,
/// and stops the cluster again.
fn on_a_copy(
    cluster: &KeptCluster,
    mut client: Client,
    threads: usize,
    work: impl FnOnce(&Reference) -> Result<()>,
) -> Result<()> {
    let oid = tpch_database::oid(&mut client)?;
    drop(client);
    // The engine holds the store's lock, and its checkpoint comes with a clean stop: copy then.
    cluster.stop()?;
    let store = cluster.data_directory().join(format!("pg_duckdb/{oid}/store.duckdb"));
    let copy = cluster.data_directory().with_file_name("reference.duckdb");
    fs::copy(&store, &copy).map_err(|error| format!("{}: {error}", store.display()))?;
    let result = work(&Reference::new(&cluster.tree().engine(), &copy, threads));
    fs::remove_file(&copy)?;
    let _ = cluster.stop();
    result
}

fn measure(
    cluster: &KeptCluster,
    options: &Options,
    reference: &Reference,
    config: &Config,
    report: &mut Report,
) -> Result<()> {
    // The reference first, with the cluster down: both sides have the machine to themselves.
    let queries = tpch::queries()?;
    let mut theirs = Vec::new();
    for (name, sql) in &queries {
        theirs.push(reference.time_median(sql, config.runs)?);
        eprintln!("bench: {name} in DuckDB: {:.1} ms", milliseconds(theirs[theirs.len() - 1]));
    }
    let their_count = reference.time_median("SELECT count(*) FROM small", 100)?;

    cluster.start(options)?;
    let mut client = cluster.client(DATABASE)?;
    let mut ours = Vec::new();
    for (name, sql) in &queries {
        let time = time_median(config.runs, || client.simple_query(sql).map(drop))
            .map_err(|error| format!("{name}: {error}"))?;
        eprintln!("bench: {name} in Postgres: {:.1} ms", milliseconds(time));
        ours.push(time);
    }
    let ratio = ours.iter().sum::<Duration>().as_secs_f64() / theirs.iter().sum::<Duration>().as_secs_f64();
    report.at_most("22 TPC-H queries, sum of medians, relative to DuckDB's own", ratio, 1.25, "x");
    report.detail("| query | Postgres + pg_duckdb, ms | DuckDB, ms |\n|---|---|---|");
    for ((name, _), (ours, theirs)) in queries.iter().zip(ours.iter().zip(&theirs)) {
        report.detail(&format!("| {name} | {:.1} | {:.1} |", milliseconds(*ours), milliseconds(*theirs)));
    }

    let first = first_query(cluster, "SELECT count(*) FROM small")?;
    let trivial = first_query(cluster, "SELECT 1")?;
    let more = milliseconds(first) - milliseconds(trivial);
    report.at_most("a new connection's first query, more than its `SELECT 1`", more, 10.0, "ms");

    let our_count = time_median(100, || client.simple_query("SELECT count(*) FROM small").map(drop))?;
    let more = milliseconds(our_count) - milliseconds(their_count);
    report.at_most("warm `count(*)` of a small table, more than DuckDB's own", more, 1.5, "ms");
    drop(client);

    stream_lineitem(cluster, report)?;
    fifty_connections(cluster, report)
}

/// Median time from connecting to the answer of `sql`.
fn first_query(cluster: &KeptCluster, sql: &str) -> Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..CONNECTIONS {
        let start = Instant::now();
        cluster.client(DATABASE)?.simple_query(sql)?;
        times.push(start.elapsed());
    }
    Ok(median(times))
}

/// A cursor over all of lineitem, moved to its end: no row goes to the client.
fn stream_lineitem(cluster: &KeptCluster, report: &mut Report) -> Result<()> {
    let mut client = cluster.client(DATABASE)?;
    let backend = pid(&mut client, "SELECT pg_backend_pid()::bigint")?;
    let engine = pid(&mut client, "SELECT pid::bigint FROM duckdb.engine_status()")?;
    // Once before: the engine's buffers of the table are not the query's.
    for round in 0..2 {
        client.batch_execute("BEGIN; DECLARE c CURSOR FOR SELECT * FROM lineitem")?;
        let (before, start) = (process::cpu_time(backend)?, Instant::now());
        let (moved, growth) = watch_memory(&[backend, engine], || client.batch_execute("MOVE ALL FROM c"));
        moved?;
        let (cpu, wall) = (process::cpu_time(backend)?.saturating_sub(before), start.elapsed());
        client.batch_execute("COMMIT")?;
        if round == 1 {
            report.at_most("`MOVE ALL` over lineitem, backend CPU", cpu.as_secs_f64(), 0.8, "s");
            let mebibytes =
                |bytes: u64| u32::try_from(bytes >> 10).map_or(f64::MAX, |kib| f64::from(kib) / 1024.0);
            report.at_most(
                "`MOVE ALL` over lineitem, backend memory growth",
                mebibytes(growth[0]),
                64.0,
                "MiB",
            );
            report.at_most(
                "`MOVE ALL` over lineitem, engine memory growth",
                mebibytes(growth[1]),
                64.0,
                "MiB",
            );
            report.detail(&format!("\n`MOVE ALL` over lineitem took {:.2} s.", wall.as_secs_f64()));
        }
    }
    Ok(())
}

/// Fifty connections that run a query each at once, and what their backends keep of it.
fn fifty_connections(cluster: &KeptCluster, report: &mut Report) -> Result<()> {
    let barrier = Barrier::new(CONNECTIONS);
    let mut socket = None;
    for (name, value) in cluster.environment() {
        if name == "PGHOST" {
            socket = Some(value);
        }
    }
    let socket = socket.ok_or("the cluster has no socket")?;
    let work = || -> Result<u64> {
        let connected = connect_to(socket.as_ref(), DATABASE).connect(NoTls);
        let prepared = connected.map_err(Into::into).and_then(|mut client| -> Result<_> {
            let pid = pid(&mut client, "SELECT pg_backend_pid()::bigint")?;
            let before = process::memory(pid)?.anonymous;
            Ok((client, pid, before))
        });
        // Everybody must pass the barriers, whoever failed too.
        barrier.wait();
        let queried = prepared.and_then(|(mut client, pid, before)| {
            client.batch_execute("SELECT * FROM orders LIMIT 100000")?;
            Ok((client, pid, before))
        });
        barrier.wait();
        let (_client, pid, before) = queried?;
        Ok(process::memory(pid)?.anonymous.saturating_sub(before))
    };
    let growth: Vec<Result<u64>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("errors are returned")).collect()
    });
    let mut most = 0;
    for growth in growth {
        most = most.max(growth?);
    }
    let most = f64::from(u32::try_from(most >> 10)?) / 1024.0;
    report.at_most("50 connections at once, anonymous memory growth of a backend", most, 10.0, "MiB");
    Ok(())
}
