//! How each DuckDB type crosses the ring: the Arrow type and, where Arrow has no exact one,
//! the extension name in the field's metadata.
//!
//! Chosen so that the engine copies DuckDB's vectors as they are and nothing is lost:
//!
//! | DuckDB | Arrow | extension | notes |
//! |---|---|---|---|
//! | BOOLEAN | Int8 | `arrow.bool8` | DuckDB keeps a byte per value |
//! | TINYINT..BIGINT, U* | Int8..Int64, UInt8..UInt64 | | |
//! | HUGEINT | Decimal128(38, 0) | | raw two's complement, up to 39 digits |
//! | UHUGEINT | FixedSizeBinary(16) | `duckdb.uhugeint` | little endian u128 |
//! | FLOAT, DOUBLE | Float32, Float64 | | |
//! | DECIMAL(p, s) | Decimal32/64/128(p, s) | | p <= 9 / <= 18 / else |
//! | VARCHAR | Utf8View | | all views of a batch share one data buffer |
//! | VARCHAR holding a numeric | Utf8View | metadata `pg_duckdb.numeric_text` | set by the backend's column spec, not on the wire |
//! | JSON | Utf8View | `arrow.json` | |
//! | BLOB | BinaryView | | |
//! | DATE | Date32 | | infinities raw, see [`crate::epoch`] |
//! | TIME, TIME_NS | Time64(us), Time64(ns) | | |
//! | TIMETZ | FixedSizeBinary(8) | `duckdb.time_tz` | raw bits: micros << 24, offset in the low 24 |
//! | TIMESTAMP(TZ) | Timestamp(us, None / "UTC") | | infinities raw |
//! | TIMESTAMP_S/MS/NS | Timestamp(s/ms/ns, None) | | |
//! | INTERVAL | FixedSizeBinary(16) | `duckdb.interval` | months i32, days i32, micros i64, little endian: Arrow's MonthDayNano overflows |
//! | UUID | FixedSizeBinary(16) | `arrow.uuid` | big endian bytes |
//! | ENUM | Dictionary(UInt8/16/32, Utf8View) | | indices as DuckDB has them; the labels cross once, with the schema |
//! | LIST, ARRAY | List | | child as above |
//! | anything else | | | cast to VARCHAR in SQL |

/// Arrow metadata key of an extension type.
pub const EXTENSION_KEY: &str = "ARROW:extension:name";
/// A byte per boolean.
pub const BOOL8: &str = "arrow.bool8";
/// JSON text.
pub const JSON: &str = "arrow.json";
/// UUID, 16 bytes big endian.
pub const UUID: &str = "arrow.uuid";
/// DuckDB's `interval_t`.
pub const INTERVAL: &str = "duckdb.interval";
/// DuckDB's `uhugeint_t`.
pub const UHUGEINT: &str = "duckdb.uhugeint";
/// DuckDB's `dtime_tz_t`.
pub const TIME_TZ: &str = "duckdb.time_tz";
