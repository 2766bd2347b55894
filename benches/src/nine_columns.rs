//! Five million rows of nine columns: what the way between the executors costs, in both
//! directions.

use std::time::{Duration, Instant};

use postgres::Client;
use tests::kept::KeptCluster;
use tests::{Result, process};

use crate::reference::{Drain, Reference};
use crate::report::Report;
use crate::sample::{median, milliseconds, pid};
use crate::tpch_database::{database, has_table};

/// Its database.
pub const DATABASE: &str = "bench_nine";
/// Rounds of each measurement, after one that warms up.
const ROUNDS: usize = 5;
/// What a cursor's stream reads ahead in DuckDB (`NARROW_BUFFER` of the engine).
const CURSOR_BUFFER: &str = "1MB";
/// All rows, as a client's cursor and the reference read them.
const ALL_ROWS: &str = "SELECT * FROM nine";

/// The rows: bigint, integer, double precision, numeric(12,2), date, timestamp, text of 8 to 24
/// characters, text of three values, boolean; no nulls.
const HEAP_TABLE: &str = "CREATE TABLE nine_heap AS \
    SELECT i AS c1, (i * 7919 % 1000003)::integer AS c2, i * 0.7310585786::double precision AS c3, \
    (i * 7877 % 10000000000 / 100.0)::numeric(12,2) AS c4, date '1992-01-01' + (i % 2500)::integer AS c5, \
    timestamp '2001-01-01' + i * interval '1.000777 s' AS c6, \
    substr(md5(i::text), 1, 8 + (i % 17)::integer)::varchar AS c7, \
    (ARRAY['low', 'medium', 'high'])[1 + i % 3]::varchar AS c8, i % 5 < 2 AS c9 \
    FROM generate_series(1::bigint, 5000000) AS g(i)";

/// Aggregates that DuckDB does not know, so that Postgres computes them from the rows of our scan:
/// `sum(i)`, and a `count(*)` that asks for columns (of none of them null).
const OWN_AGGREGATES: &str = "CREATE OR REPLACE AGGREGATE sum_in_postgres(integer) \
        (SFUNC = int4_sum, STYPE = bigint); \
    CREATE OR REPLACE FUNCTION count_row(bigint, VARIADIC \"any\") RETURNS bigint \
        LANGUAGE internal IMMUTABLE STRICT AS 'int8inc_any'; \
    CREATE OR REPLACE AGGREGATE count_rows(VARIADIC \"any\") \
        (SFUNC = count_row, STYPE = bigint, INITCOND = '0')";

/// `count(*), sum(c2)` over a scan of all nine columns.
const AGGREGATE: &str =
    "SELECT count_rows(c1, c2, c3, c4, c5, c6, c7, c8, c9), sum_in_postgres(c2) FROM nine";

/// Makes sure that the tables exist, and returns a connection to their database.
///
/// # Errors
/// If something can't be made.
pub fn tables(cluster: &KeptCluster) -> Result<Client> {
    let mut client = database(cluster, DATABASE)?;
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_duckdb")?;
    if !has_table(&mut client, "nine_heap")? {
        eprintln!("making five million rows of nine columns");
        client.batch_execute(HEAP_TABLE)?;
        // Nothing to write back in the first query, and no visibility to look up.
        client.batch_execute("VACUUM (FREEZE, ANALYZE) nine_heap")?;
    }
    if !has_table(&mut client, "nine")? {
        client.batch_execute("CREATE TABLE nine USING duckdb AS SELECT * FROM nine_heap")?;
    }
    client.batch_execute(OWN_AGGREGATES)?;
    Ok(client)
}

/// DuckDB draining the same rows chunk by chunk, without Postgres.
///
/// # Errors
/// As [`Reference::drain`].
pub fn drain(reference: &Reference) -> Result<Drain> {
    reference.drain(ALL_ROWS, ROUNDS, CURSOR_BUFFER)
}

/// What a statement took: the least CPU time of all rounds on either side, the median wall time.
struct Cost {
    backend: Duration,
    engine: Duration,
    wall: Duration,
}

/// Measures our side and adds it to the report.
///
/// # Errors
/// If a statement fails.
pub fn measure(cluster: &KeptCluster, theirs: &Drain, report: &mut Report) -> Result<()> {
    let mut client = cluster.client(DATABASE)?;
    client.batch_execute("SET jit = off; SET max_parallel_workers_per_gather = 0")?;

    let cursor = format!("BEGIN; DECLARE c CURSOR FOR {ALL_ROWS}");
    let moved = cost(&mut client, &cursor, "MOVE ALL FROM c", "COMMIT")?;
    report.at_most("`MOVE ALL` over 5M rows of 9 columns, backend CPU", seconds(moved.backend), 0.35, "s");
    let ratio = |ours: Duration, theirs: Duration| ours.as_secs_f64() / theirs.as_secs_f64();
    let engine = ratio(moved.engine, theirs.cpu);
    report.at_most("the same, engine CPU relative to DuckDB draining its own chunks", engine, 1.35, "x");
    let wall = ratio(moved.wall, theirs.wall);
    report.at_most("the same, wall time relative to DuckDB draining its own chunks", wall, 1.3, "x");
    report.detail(&format!(
        "\n`MOVE ALL` over 5M rows of 9 columns: backend {:.0} ms and engine {:.0} ms of CPU, {:.0} ms of \
         wall time; DuckDB draining them: {:.0} ms of CPU, {:.0} ms.",
        milliseconds(moved.backend),
        milliseconds(moved.engine),
        milliseconds(moved.wall),
        milliseconds(theirs.cpu),
        milliseconds(theirs.wall)
    ));

    let aggregate = cost(&mut client, "", AGGREGATE, "")?;
    report.at_most(
        "`count(*), sum(i)` by Postgres over a scan of all 9 columns, backend CPU",
        seconds(aggregate.backend),
        0.45,
        "s",
    );

    let counts: Vec<String> = (1..=9).map(|column| format!("count(c{column})")).collect();
    let fed = format!("SELECT {} FROM nine_heap", counts.join(", "));
    // Without parallel workers, whose time would not be the backend's.
    let force = "SET duckdb.force_execution = on; SET duckdb.max_workers_per_postgres_scan = 0";
    let fed = cost(
        &mut client,
        force,
        &fed,
        "RESET duckdb.force_execution; RESET duckdb.max_workers_per_postgres_scan",
    )?;
    // The last column: reading it takes deforming all of them.
    let deformed = cost(&mut client, "", "SELECT count(c9) FROM nine_heap", "")?;
    report.at_most(
        "5M heap rows into DuckDB, backend CPU relative to Postgres' own `count(c9)`",
        ratio(fed.backend, deformed.backend),
        1.3,
        "x",
    );
    report.detail(&format!(
        "\n5M heap rows of 9 columns into DuckDB: backend {:.0} ms and engine {:.0} ms of CPU, {:.0} ms of \
         wall time; Postgres' `count(c9)`: {:.0} ms of CPU.",
        milliseconds(fed.backend),
        milliseconds(fed.engine),
        milliseconds(fed.wall),
        milliseconds(deformed.backend)
    ));
    Ok(())
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}

/// Runs `statement` between `before` and `after`, which do not count.
fn cost(client: &mut Client, before: &str, statement: &str, after: &str) -> Result<Cost> {
    let backend = pid(client, "SELECT pg_backend_pid()::bigint")?;
    let engine = pid(client, "SELECT pid::bigint FROM duckdb.engine_status()")?;
    let mut least = Cost { backend: Duration::MAX, engine: Duration::MAX, wall: Duration::ZERO };
    let mut walls = Vec::new();
    for round in 0..=ROUNDS {
        client.batch_execute(before)?;
        let at = (process::cpu_time(backend)?, process::cpu_time(engine)?, Instant::now());
        client.batch_execute(statement)?;
        let wall = at.2.elapsed();
        let spent = (process::cpu_time(backend)?, process::cpu_time(engine)?);
        client.batch_execute(after)?;
        if round > 0 {
            least.backend = least.backend.min(spent.0.saturating_sub(at.0));
            least.engine = least.engine.min(spent.1.saturating_sub(at.1));
            walls.push(wall);
        }
    }
    least.wall = median(walls);
    Ok(least)
}
