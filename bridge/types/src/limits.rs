//! Sizes both processes must agree on, and the reason for each.

/// Rows in a full Arrow batch: eight DuckDB vectors. Large enough that per-batch work
/// (metadata, wake-up) vanishes, small enough that a batch of ordinary rows is about 2 MiB.
pub const BATCH_ROWS: usize = 16_384;
/// Rows of one DuckDB vector (`STANDARD_VECTOR_SIZE`).
pub const DUCKDB_VECTOR_ROWS: usize = 2_048;
/// Data bytes of a result ring: larger falls out of the cache, smaller stalls the writer.
pub const RING_BYTES: usize = 8 << 20;
/// Data bytes of the ring of one heap scan. Each scan has its own, so that a scan that
/// is not being read can never hold back another one of the same query.
pub const SCAN_RING_BYTES: usize = 4 << 20;
/// Data bytes of the ring of rows that a backend pushes into a table: about a row group of ordinary
/// rows, so that the backend goes on while DuckDB compresses the one before.
pub const APPEND_RING_BYTES: usize = 32 << 20;
/// Bytes at which a batch is sent although it has fewer than [`BATCH_ROWS`] rows.
pub const BATCH_BYTES: usize = 1 << 20;
/// Alignment of slots and of every Arrow buffer in them.
pub const BUFFER_ALIGN: usize = 64;
/// The longest control frame that is read; a longer one is a protocol violation.
pub const MAX_FRAME_BYTES: usize = 256 << 20;
/// The largest value Postgres can hold in one field (`MaxAllocSize`).
pub const MAX_FIELD_BYTES: usize = 0x3fff_ffff;
/// Widest decimal DuckDB has.
pub const MAX_DECIMAL_PRECISION: u8 = 38;
/// `NAMEDATALEN - 1`.
pub const MAX_IDENTIFIER_BYTES: usize = 63;

/// Bytes of a block of a DuckDB store.
pub const DUCKDB_BLOCK_BYTES: u64 = 262_144;
