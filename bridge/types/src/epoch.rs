//! Distances between the Unix epoch (Arrow, DuckDB) and the Postgres epoch (2000-01-01).

/// Days from 1970-01-01 to 2000-01-01.
pub const PG_EPOCH_OFFSET_DAYS: i32 = 10_957;
/// Microseconds from 1970-01-01 to 2000-01-01.
pub const PG_EPOCH_OFFSET_US: i64 = PG_EPOCH_OFFSET_DAYS as i64 * US_PER_DAY;
/// Microseconds in a day.
pub const US_PER_DAY: i64 = 86_400_000_000;

/// Postgres' `DATEVAL_NOBEGIN` (`-infinity`).
pub const PG_DATE_NEG_INFINITY: i32 = i32::MIN;
/// Postgres' `DATEVAL_NOEND` (`infinity`).
pub const PG_DATE_INFINITY: i32 = i32::MAX;
/// DuckDB's `-infinity` date, in days since 1970-01-01.
pub const DUCKDB_DATE_NEG_INFINITY: i32 = -i32::MAX;
/// DuckDB's `infinity` date.
pub const DUCKDB_DATE_INFINITY: i32 = i32::MAX;

/// Postgres' `DT_NOBEGIN` (`-infinity` timestamp).
pub const PG_TIMESTAMP_NEG_INFINITY: i64 = i64::MIN;
/// Postgres' `DT_NOEND` (`infinity` timestamp).
pub const PG_TIMESTAMP_INFINITY: i64 = i64::MAX;
/// DuckDB's `-infinity` timestamp.
pub const DUCKDB_TIMESTAMP_NEG_INFINITY: i64 = -i64::MAX;
/// DuckDB's `infinity` timestamp.
pub const DUCKDB_TIMESTAMP_INFINITY: i64 = i64::MAX;

/// Smallest Postgres date, 4714-11-24 BC, in days since 2000-01-01 (`DATETIME_MIN_JULIAN`).
pub const PG_DATE_MIN_DAYS: i32 = -2_451_545;
/// First day after the largest Postgres date, 5874898-01-01 (`DATE_END_JULIAN`).
pub const PG_DATE_END_DAYS: i32 = 2_147_483_494 - 2_451_545;
/// Smallest Postgres timestamp (`MIN_TIMESTAMP`), microseconds since 2000-01-01.
pub const PG_TIMESTAMP_MIN_US: i64 = -211_813_488_000_000_000;
/// First microsecond after the largest Postgres timestamp (`END_TIMESTAMP`), 294277-01-01.
pub const PG_TIMESTAMP_END_US: i64 = 9_223_371_331_200_000_000;
