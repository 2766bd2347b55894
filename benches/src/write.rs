//! Writing duckdb tables: COPY from a client, CREATE TABLE AS, and single rows.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use postgres::Client;
use tests::kept::KeptCluster;
use tests::{Result, process, tpch};

use crate::reference::Reference;
use crate::report::Report;
use crate::sample::{milliseconds, pid, time_median};
use crate::tpch_database::database;

/// Its database.
const DATABASE: &str = "bench_write";
/// Rounds of each COPY and each CREATE TABLE AS; the fastest counts.
const ROUNDS: usize = 3;
/// Single rows that are timed.
const SINGLE_ROWS: usize = 300;

/// Measures and adds to the report. The cluster runs when this is called, and when it returns.
///
/// # Errors
/// If a statement or the reference fails.
pub fn measure(cluster: &KeptCluster, threads: usize, data: &tpch::Data, report: &mut Report) -> Result<()> {
    let mut client = database(cluster, DATABASE)?;
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_duckdb")?;
    copy(&mut client, data, report)?;
    let directory = cluster.data_directory();
    let file = directory.with_file_name("reference-write.duckdb");
    let reference = Reference::new(&cluster.tree().engine(), &file, threads);
    let measured = create_as(&mut client, &reference, data, report)
        .and_then(|()| single_rows(&mut client, &reference, report));
    let _ = fs::remove_file(&file);
    measured
}

/// What a COPY took.
struct Copied {
    wall: Duration,
    backend: Duration,
    engine: Duration,
}

/// lineitem from a client in CSV, into an unlogged heap table and a duckdb table.
fn copy(client: &mut Client, data: &tpch::Data, report: &mut Report) -> Result<()> {
    let files = data.text_files("lineitem")?;
    let columns = tpch::TABLES.iter().find(|(table, _)| *table == "lineitem").ok_or("no lineitem")?.1;
    let engine = pid(client, "SELECT pid::bigint FROM duckdb.engine_status()")?;
    let mut least: [Option<Copied>; 2] = [None, None];
    let mut rows = 0;
    for _ in 0..ROUNDS {
        let tables = [
            format!("CREATE UNLOGGED TABLE copied ({columns})"),
            format!("CREATE TABLE copied ({columns}) USING duckdb"),
        ];
        for (least, table) in least.iter_mut().zip(&tables) {
            client.batch_execute("DROP TABLE IF EXISTS copied")?;
            client.batch_execute(table)?;
            let (copied, count) = copy_in(client, engine, &files)?;
            rows = count;
            if least.as_ref().is_none_or(|best| copied.wall < best.wall) {
                *least = Some(copied);
            }
        }
    }
    client.batch_execute("DROP TABLE copied")?;
    let [Some(heap), Some(duckdb)] = &least else { return Err("no round was run".into()) };
    let seconds = Duration::as_secs_f64;
    report.at_least(
        "COPY of lineitem from a client as CSV, rows/s relative to an unlogged heap table",
        seconds(&heap.wall) / seconds(&duckdb.wall),
        0.8,
        "x",
    );
    report.detail(&format!(
        "\nCOPY of {rows} rows of lineitem from a client as CSV: heap table {:.1} s (backend {:.1} s of CPU), \
         duckdb table {:.1} s (backend {:.1} s, engine {:.1} s).",
        seconds(&heap.wall),
        seconds(&heap.backend),
        seconds(&duckdb.wall),
        seconds(&duckdb.backend),
        seconds(&duckdb.engine)
    ));
    Ok(())
}

fn copy_in(client: &mut Client, engine: u32, files: &[impl AsRef<Path>]) -> Result<(Copied, u64)> {
    let backend = pid(client, "SELECT pg_backend_pid()::bigint")?;
    let before = (process::cpu_time(backend)?, process::cpu_time(engine)?);
    let start = Instant::now();
    let mut writer = client.copy_in("COPY copied FROM STDIN WITH (FORMAT csv, DELIMITER '|')")?;
    let mut buffer = vec![0; 64 << 10];
    for file in files {
        let mut file = File::open(file)?;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => writer.write_all(&buffer[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let rows = writer.finish()?;
    let wall = start.elapsed();
    let backend = process::cpu_time(backend)?.saturating_sub(before.0);
    let engine = process::cpu_time(engine)?.saturating_sub(before.1);
    Ok((Copied { wall, backend, engine }, rows))
}

/// CREATE TABLE AS over lineitem's Parquet file.
fn create_as(
    client: &mut Client,
    reference: &Reference,
    data: &tpch::Data,
    report: &mut Report,
) -> Result<()> {
    let file = data.directory().join("lineitem.parquet");
    let source = format!("AS SELECT * FROM read_parquet('{}')", file.display());
    let create = format!("CREATE TABLE created USING duckdb {source}");
    // As the engine does it: into an attached file, in a transaction of its own. No checkpoint follows on
    // either side; the rows are in the file when COMMIT has ended.
    let set_up = [
        format!("ATTACH '{}' AS store", reference.database().display()),
        "DROP TABLE IF EXISTS store.created".into(),
    ];
    let reference_create = format!("CREATE TABLE store.created {source}");
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let times = reference.sequence(&set_up, &["BEGIN TRANSACTION", &reference_create, "COMMIT"])?;
        theirs = theirs.min(times.iter().map(|time| time.wall).sum());
        client.batch_execute("DROP TABLE IF EXISTS created")?;
        let start = Instant::now();
        client.batch_execute(&create)?;
        ours = ours.min(start.elapsed());
    }
    client.batch_execute("DROP TABLE created")?;
    report.at_most(
        "CREATE TABLE AS from lineitem's Parquet file, relative to DuckDB's own",
        ours.as_secs_f64() / theirs.as_secs_f64(),
        1.1,
        "x",
    );
    report.detail(&format!(
        "\nCREATE TABLE AS from lineitem's Parquet file: {:.2} s; DuckDB: {:.2} s.",
        ours.as_secs_f64(),
        theirs.as_secs_f64()
    ));
    Ok(())
}

/// INSERT of one row in autocommit, durable on both sides.
fn single_rows(client: &mut Client, reference: &Reference, report: &mut Report) -> Result<()> {
    let insert = "INSERT INTO single VALUES (1, 'a row')";
    reference.time_once("CREATE OR REPLACE TABLE single (i INTEGER, t VARCHAR)")?;
    let theirs = reference.time_median(insert, SINGLE_ROWS)?;
    client
        .batch_execute("DROP TABLE IF EXISTS single; CREATE TABLE single (i integer, t text) USING duckdb")?;
    let ours = time_median(SINGLE_ROWS, || client.simple_query(insert).map(drop))?;
    client.batch_execute("DROP TABLE single")?;
    report.at_most(
        "INSERT of one row in autocommit, more than DuckDB's own",
        milliseconds(ours) - milliseconds(theirs),
        2.0,
        "ms",
    );
    report.detail(&format!(
        "\nINSERT of one row in autocommit: {:.2} ms; DuckDB: {:.2} ms.",
        milliseconds(ours),
        milliseconds(theirs)
    ));
    Ok(())
}
