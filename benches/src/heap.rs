//! Heap tables in DuckDB: TPC-H with primary keys and the usual indexes in Postgres' own tables.
//!
//! Postgres alone, forced into DuckDB and `auto` run in turns in one session, all tables in
//! shared buffers, with as many workers; the least time of each counts. Where `auto` leaves a query to
//! Postgres both run one plan, and what `auto` adds is planning: that is measured by itself.

use std::time::{Duration, Instant};

use postgres::Client;
use tests::cluster::Options;
use tests::kept::KeptCluster;
use tests::{Result, process, tpch};

use crate::report::Report;
use crate::sample::{milliseconds, pid, watch_anonymous};
use crate::tpch_database::{has_table, heap_tables};

/// Its database.
const DATABASE: &str = "bench_heap";
/// Runs of each query on each side, after one that warms up.
const RUNS: usize = 3;
/// Runs of EXPLAIN, which takes milliseconds.
const EXPLAINS: usize = 10;

/// Primary keys, and the indexes that users of these tables make: foreign keys that joins use.
const INDEXES: &str = "
    ALTER TABLE region ADD PRIMARY KEY (r_regionkey);
    ALTER TABLE nation ADD PRIMARY KEY (n_nationkey);
    ALTER TABLE supplier ADD PRIMARY KEY (s_suppkey);
    ALTER TABLE customer ADD PRIMARY KEY (c_custkey);
    ALTER TABLE part ADD PRIMARY KEY (p_partkey);
    ALTER TABLE partsupp ADD PRIMARY KEY (ps_partkey, ps_suppkey);
    ALTER TABLE orders ADD PRIMARY KEY (o_orderkey);
    ALTER TABLE lineitem ADD PRIMARY KEY (l_orderkey, l_linenumber);
    CREATE INDEX orders_custkey ON orders (o_custkey);
    CREATE INDEX lineitem_partkey ON lineitem (l_partkey, l_suppkey);
    CREATE INDEX partsupp_suppkey ON partsupp (ps_suppkey)";

/// All of the tables and indexes into shared buffers.
const PREWARM: &str = "SELECT sum(pg_prewarm(oid)) FROM pg_class \
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i') AND relfilenode <> 0 \
    AND relam <> (SELECT oid FROM pg_am WHERE amname = 'duckdb')";

/// Long text, a numeric and a date.
const FEED: &str = "SELECT max(l_comment), sum(l_quantity), count(l_shipdate) FROM lineitem";

/// What a feed of all 16 columns costs: DuckDB counts each.
const ALL_COLUMNS: &str = "SELECT count(l_orderkey), count(l_partkey), count(l_suppkey), count(l_linenumber), \
    count(l_quantity), count(l_extendedprice), count(l_discount), count(l_tax), count(l_returnflag), \
    count(l_linestatus), count(l_shipdate), count(l_commitdate), count(l_receiptdate), count(l_shipinstruct), \
    count(l_shipmode), count(l_comment) FROM lineitem";

/// Six million rows joined with one and a half.
const LARGE_JOIN: &str = "SELECT count(*), sum(l_extendedprice), sum(o_totalprice) \
    FROM lineitem JOIN orders ON l_orderkey = o_orderkey";

/// A session in one of the three modes.
fn set(client: &mut Client, mode: &str) -> Result<()> {
    Ok(client.batch_execute(&format!("SET duckdb.execution = {mode}"))?)
}

/// Runs `sql` once and returns what it took.
fn time(client: &mut Client, sql: &str) -> Result<Duration> {
    let start = Instant::now();
    client.simple_query(sql).map_err(|error| format!("{sql}: {error}"))?;
    Ok(start.elapsed())
}

/// The least time of `runs` runs.
fn least(client: &mut Client, sql: &str, runs: usize) -> Result<Duration> {
    let times: Result<Vec<Duration>> = (0..runs).map(|_| time(client, sql)).collect();
    Ok(times?.into_iter().min().unwrap_or_default())
}

/// Measures and adds to the report.
///
/// # Errors
/// If something can't be made, or a statement fails.
pub fn measure(cluster: &KeptCluster, threads: usize, data: &tpch::Data, report: &mut Report) -> Result<()> {
    let options = Options::with_extension()
        .durable()
        .set("duckdb.threads", &threads.to_string())
        .set("shared_buffers", "4GB")
        .set("max_parallel_workers_per_gather", &threads.to_string())
        .set("duckdb.max_workers_per_postgres_scan", &threads.to_string())
        .set("max_parallel_workers", &threads.to_string());
    cluster.start(&options)?;
    let mut client = heap_tables(cluster, DATABASE, data)?;
    client.batch_execute(
        "CREATE EXTENSION IF NOT EXISTS pg_duckdb; CREATE EXTENSION IF NOT EXISTS pg_prewarm",
    )?;
    let indexed = client.query("SELECT FROM pg_class WHERE relname = 'partsupp_suppkey'", &[])?;
    if indexed.is_empty() {
        eprintln!("bench: making indexes");
        client.batch_execute(INDEXES)?;
        client.batch_execute("VACUUM (FREEZE, ANALYZE)")?;
    }
    for table in ["lineitem", "orders", "customer"] {
        if !has_table(&mut client, &format!("{table}_duckdb"))? {
            client.batch_execute(&format!(
                "CREATE TABLE {table}_duckdb USING duckdb AS SELECT * FROM {table}"
            ))?;
        }
    }
    client.query(PREWARM, &[])?;
    // As a server for analysis would have it, for both sides.
    client.batch_execute("SET jit = off; SET work_mem = '256MB'")?;

    feeds(&mut client, data, report)?;
    queries(&mut client, report)?;
    mixed_join(&mut client, data, report)?;
    memory(&mut client, report)?;
    drop(client);
    cluster.stop()
}

fn feeds(client: &mut Client, data: &tpch::Data, report: &mut Report) -> Result<()> {
    set(client, "off")?;
    let theirs = least(client, FEED, RUNS)?;
    set(client, "force")?;
    let ours = least(client, FEED, RUNS)?;
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    report.at_most("three columns of a heap table through DuckDB, relative to Postgres", ratio, 1.0, "x");

    let bare = least(client, ALL_COLUMNS, RUNS)?;
    let rows: f64 =
        client.query_one("SELECT reltuples::float8 FROM pg_class WHERE relname = 'lineitem'", &[])?.get(0);
    // One process alone, so that its CPU time is that of all rows.
    client.batch_execute("SET duckdb.max_workers_per_postgres_scan = 0")?;
    let backend = pid(client, "SELECT pg_backend_pid()::bigint")?;
    let mut cpu = Duration::MAX;
    for _ in 0..RUNS {
        let before = process::cpu_time(backend)?;
        client.simple_query(ALL_COLUMNS)?;
        cpu = cpu.min(process::cpu_time(backend)?.saturating_sub(before));
    }
    client.batch_execute("RESET duckdb.max_workers_per_postgres_scan")?;
    let nanoseconds = cpu.as_secs_f64() * 1e9 / rows;
    report.at_most(
        "a row of 16 columns fed, CPU (400 ns are 2.5 M rows/s per core)",
        nanoseconds,
        400.0,
        "ns",
    );

    let loaded = load(client, "lineitem")?;
    // The same rows without Postgres: what DuckDB takes to compress and store them.
    let parquet = data.directory().join("lineitem.parquet");
    let reference = load(client, &format!("read_parquet('{}')", parquet.display()))?;
    let ratio = loaded.as_secs_f64() / bare.as_secs_f64();
    report.at_most("CREATE TABLE AS of a heap table, relative to the bare feed", ratio, 1.2, "x");
    report.detail(&format!(
        "\nHeap lineitem: three columns {:.0} ms in Postgres, {:.0} ms through DuckDB; 16 columns fed in {:.0} ms, \
         loaded in {:.0} ms; DuckDB loads them from Parquet in {:.0} ms.",
        milliseconds(theirs),
        milliseconds(ours),
        milliseconds(bare),
        milliseconds(loaded),
        milliseconds(reference)
    ));
    Ok(())
}

/// The least time of CREATE TABLE AS of all rows of `source`.
fn load(client: &mut Client, source: &str) -> Result<Duration> {
    let mut least = Duration::MAX;
    for _ in 0..RUNS {
        client.batch_execute("DROP TABLE IF EXISTS loaded")?;
        let sql = format!("CREATE TABLE loaded USING duckdb AS SELECT * FROM {source}");
        least = least.min(time(client, &sql)?);
    }
    client.batch_execute("DROP TABLE loaded")?;
    Ok(least)
}

fn queries(client: &mut Client, report: &mut Report) -> Result<()> {
    const MODES: [&str; 3] = ["off", "force", "auto"];
    let mut sums = [Duration::ZERO; 2];
    let mut worst = (0.0, String::new());
    report.detail(
        "\n| query on heap tables | Postgres, ms | forced, ms | auto, ms | auto takes | more planning, ms |\n\
         |---|---|---|---|---|---|",
    );
    for (name, sql) in tpch::queries()? {
        let mut least = [Duration::MAX; 3];
        for run in 0..=RUNS {
            for (mode, least) in MODES.iter().zip(&mut least) {
                set(client, mode)?;
                let time = time(client, &sql)?;
                if run > 0 {
                    *least = time.min(*least);
                }
            }
        }
        let explain = format!("EXPLAIN {sql}");
        let plan: Vec<String> = client.query(&explain, &[])?.iter().map(|row| row.get(0)).collect();
        let takes_duckdb = plan.iter().any(|line| line.contains("DuckDBScan"));
        let choice = if takes_duckdb { "DuckDB" } else { "Postgres" };
        let auto_plans = self::least(client, &explain, EXPLAINS)?;
        set(client, "off")?;
        let more = auto_plans.saturating_sub(self::least(client, &explain, EXPLAINS)?);
        let [plain, forced, auto] = least;
        report.detail(&format!(
            "| {name} | {:.1} | {:.1} | {:.1} | {choice} | {:.2} |",
            milliseconds(plain),
            milliseconds(forced),
            milliseconds(auto),
            milliseconds(more)
        ));
        let auto = if takes_duckdb { auto } else { plain + more };
        eprintln!("bench: heap {name}: {plain:.1?}, forced {forced:.1?}, auto {auto:.1?} ({choice})");
        sums = [sums[0] + plain, sums[1] + forced];
        let ratio = auto.as_secs_f64() / plain.as_secs_f64();
        if ratio > worst.0 {
            worst = (ratio, name);
        }
    }
    let ratio = sums[1].as_secs_f64() / sums[0].as_secs_f64();
    report.at_most("22 TPC-H queries on heap tables, forced, relative to Postgres", ratio, 0.5, "x");
    let what = format!("the worst of them under auto ({})", worst.1);
    report.at_most(&what, worst.0, 1.1, "x");
    Ok(())
}

/// A join of a heap table, a duckdb table and a Parquet file, against one of duckdb tables.
fn mixed_join(client: &mut Client, data: &tpch::Data, report: &mut Report) -> Result<()> {
    let parquet = data.directory().join("customer.parquet");
    let join = |orders: &str, customer: &str, segment: &str, key: &str| {
        format!(
            "SELECT {segment}, sum(l_extendedprice * (1 - l_discount)) FROM {orders} AS o \
             JOIN lineitem_duckdb ON l_orderkey = o_orderkey JOIN {customer} AS c ON {key} = o_custkey GROUP BY 1"
        )
    };
    let mixed = join(
        "orders",
        &format!("read_parquet('{}')", parquet.display()),
        "c['c_mktsegment']",
        "c['c_custkey']",
    );
    let pure = join("orders_duckdb", "customer_duckdb", "c_mktsegment", "c_custkey");
    set(client, "force")?;
    let feed = least(client, "SELECT count(o_orderkey), count(o_custkey) FROM orders", RUNS)?;
    let pure = least(client, &pure, RUNS)?;
    let mixed = least(client, &mixed, RUNS)?;
    let ratio = mixed.as_secs_f64() / (pure + feed).as_secs_f64();
    report.at_most(
        "heap, duckdb and Parquet joined, relative to duckdb tables and the feed",
        ratio,
        1.3,
        "x",
    );
    report.detail(&format!(
        "\nMixed join {:.0} ms; with duckdb tables {:.0} ms; feed of orders {:.0} ms.",
        milliseconds(mixed),
        milliseconds(pure),
        milliseconds(feed)
    ));
    Ok(())
}

fn memory(client: &mut Client, report: &mut Report) -> Result<()> {
    set(client, "force")?;
    let backend = pid(client, "SELECT pg_backend_pid()::bigint")?;
    let (result, growth) = watch_anonymous(&[backend], || client.simple_query(LARGE_JOIN).map(drop));
    result?;
    let mebibytes = f64::from(u32::try_from(growth[0] >> 10).unwrap_or(u32::MAX)) / 1024.0;
    report.at_most("6M rows joined with 1.5M of heap tables, backend memory growth", mebibytes, 64.0, "MiB");
    Ok(())
}
