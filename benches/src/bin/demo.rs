//! `make demo`: TPC-H in Postgres, answered by DuckDB, beside Postgres' own answer.
//!
//! Progress goes to standard error, the result to standard output. The cluster stays up.

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use benches::tpch_database;
use tests::cluster::Options;
use tests::kept::KeptCluster;
use tests::{Result, account, tpch};

const DUCKDB: &str = "demo_tpch";
const HEAP: &str = "demo_tpch_heap";
/// Plain Postgres, without indexes, needs hours for some of the queries.
const CAP: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let scale_factor = match std::env::var("DEMO_SCALE_FACTOR") {
        Ok(given) => given.parse()?,
        Err(_) => 1.0,
    };
    let cluster = KeptCluster::of_this_program()?;
    eprintln!("demo: generating TPC-H, scale factor {scale_factor}");
    let data = tpch::Data::generate(scale_factor)?;
    eprintln!("demo: writing Parquet files");
    data.all_parquet(&cluster.tree().engine())?;
    eprintln!("demo: starting the cluster");
    cluster.start(&Options::with_extension().durable().set("max_wal_size", "8GB"))?;
    let start = Instant::now();
    let _ = tpch_database::duckdb_tables(&cluster, DUCKDB, &data)?;
    eprintln!("demo: duckdb tables are there after {:.1} s", start.elapsed().as_secs_f64());
    let _ = tpch_database::heap_tables(&cluster, HEAP, &data)?;

    println!("\n{:5} {:>14} {:>16} {:>8}", "query", "pg_duckdb, ms", "Postgres, ms", "faster");
    let mut sum = Duration::ZERO;
    for (name, sql) in tpch::queries()? {
        eprint!("\r{name} ... ");
        let ours = psql(&cluster, DUCKDB, &sql)?.ok_or_else(|| format!("{name} took longer than the cap"))?;
        let theirs = psql(&cluster, HEAP, &sql)?;
        eprint!("\r");
        sum += ours;
        let ours_ms = ours.as_secs_f64() * 1e3;
        match theirs {
            Some(theirs) => {
                let factor = theirs.as_secs_f64() / ours.as_secs_f64();
                println!("{name:5} {ours_ms:>14.1} {:>16.1} {factor:>7.1}x", theirs.as_secs_f64() * 1e3);
            }
            None => println!("{name:5} {ours_ms:>14.1} {:>16} {:>8}", format!("> {} s", CAP.as_secs()), ""),
        }
    }
    println!("all   {:>14.1}", sum.as_secs_f64() * 1e3);
    join_of_three(&cluster, &data)?;

    println!("\nThe cluster runs. To try it:\n");
    let environment = cluster.environment();
    let variable =
        |name: &str| environment.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value);
    println!("  psql -h {} -p {} -U {} {DUCKDB}", variable("PGHOST"), variable("PGPORT"), variable("PGUSER"));
    println!("\n`make cluster-stop` ends it.");
    Ok(())
}

/// A heap table, a duckdb table and a Parquet file in one query.
fn join_of_three(cluster: &KeptCluster, data: &tpch::Data) -> Result<()> {
    let mut client = cluster.client(DUCKDB)?;
    client.batch_execute("DROP TABLE IF EXISTS discounts")?;
    client.batch_execute("CREATE TABLE discounts (segment text PRIMARY KEY, percent numeric(4, 1))")?;
    client.batch_execute(
        "INSERT INTO discounts VALUES ('BUILDING', 2.5), ('MACHINERY', 4.0), ('FURNITURE', 0.5), ('AUTOMOBILE', 1.0)",
    )?;
    let sql = format!(
        "SELECT d.segment, d.percent, count(*) AS orders, sum(o.o_totalprice * d.percent / 100) AS given\n\
         FROM orders o                                          -- a duckdb table\n\
         JOIN read_parquet('{}/customer.parquet') c ON c['c_custkey'] = o.o_custkey\n\
         JOIN discounts d ON d.segment = c['c_mktsegment']::text   -- a heap table\n\
         GROUP BY d.segment, d.percent ORDER BY given DESC",
        data.directory().display()
    );
    println!("\n{sql};\n");
    let mut command = psql_command(cluster, DUCKDB);
    let output = command.args(["-c", &sql]).stderr(Stdio::inherit()).output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() { Ok(()) } else { Err("the join failed".into()) }
}

/// Runs `sql` through psql and returns the time psql tells, of the second run (the first
/// warms caches); `None` if it exceeds the cap.
fn psql(cluster: &KeptCluster, database: &str, sql: &str) -> Result<Option<Duration>> {
    let mut command = psql_command(cluster, database);
    command.args(["-q", "-c", &format!("SET statement_timeout = {}", CAP.as_millis()), "-c", "\\timing on"]);
    // What was slow once is slow again: one run is enough to know.
    let runs = if database == HEAP { 1 } else { 2 };
    for _ in 0..runs {
        command.args(["-c", sql]);
    }
    let output = command.output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("statement timeout") {
        return Ok(None);
    }
    if !output.status.success() {
        return Err(errors.into_owned().into());
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let last = text.lines().rev().find_map(|line| line.strip_prefix("Time: ")).ok_or("psql told no time")?;
    let milliseconds: f64 = last.split(' ').next().ok_or("psql told no time")?.parse()?;
    Ok(Some(Duration::from_secs_f64(milliseconds / 1e3)))
}

fn psql_command(cluster: &KeptCluster, database: &str) -> Command {
    let mut command = Command::new(cluster.tree().program("psql"));
    account::clean_environment(&mut command);
    for (name, value) in cluster.environment() {
        command.env(name, value);
    }
    command.args(["-X", "-v", "ON_ERROR_STOP=1", "-d", database]);
    command
}
