//! Names that both processes use for the same thing.

use crate::limits::MAX_IDENTIFIER_BYTES;

/// Directory below the data directory (also the working directory of server and engine)
/// that holds everything of ours.
pub const DIRECTORY: &str = "pg_duckdb";
/// The engine's socket, relative to the data directory: short enough for `sun_path`
/// wherever the data directory lies.
pub const SOCKET: &str = "pg_duckdb/run/engine.sock";
/// The file of a local store, below `pg_duckdb/<database oid>/`.
pub const STORE_FILE: &str = "store.duckdb";
/// Schema of our own tables in a local store. Postgres has no schema of that name: `pg_` is
/// reserved there.
pub const STORE_SCHEMA: &str = "pg_duckdb";
/// Table in [`STORE_SCHEMA`] with the marks of each backend slot's last commits: `slot INTEGER,
/// mark VARCHAR`. A mark is written in the transaction it stands for, so that it tells what
/// became of a commit whose answer was lost.
pub const COMMITS_TABLE: &str = "commits";
/// Table in [`STORE_SCHEMA`] with what is left to do for the DDL of transactions that DuckDB has
/// committed: `xid UBIGINT` (Postgres' full transaction id), `step INTEGER`, and DuckDB SQL:
/// `redo` if Postgres commits too, `undo` (latest step first) if it does not, and `tidy`, which
/// follows `redo` and may fail. Empty for nothing.
pub const OUTBOX_TABLE: &str = "outbox";
/// The table function through which DuckDB pulls rows from outside.
pub const BRIDGE_SCAN: &str = "bridge_scan";
/// The table function through which DuckDB pulls rows from another instance of the engine.
pub const INSTANCE_SCAN: &str = "instance_scan";
/// Prefix of the functions that the engine registers with Postgres' meaning.
pub const FUNCTION_PREFIX: &str = "pg_";

/// Arrow field metadata key: a Postgres numeric carried as text, with its own display scale.
pub const META_NUMERIC_TEXT: &str = "pg_duckdb.numeric_text";

/// Name under which the engine attaches the local store of a Postgres database.
#[must_use]
pub fn store_catalog(database_oid: u32) -> String {
    format!("pg{database_oid}")
}

/// DuckDB schema of a Postgres schema in the local store: `public` is `main`.
#[must_use]
pub fn store_schema(pg_schema: &str) -> &str {
    if pg_schema == "public" { "main" } else { pg_schema }
}

/// True if `name` fits into a Postgres identifier without truncation.
#[must_use]
pub fn fits_identifier(name: &str) -> bool {
    name.len() <= MAX_IDENTIFIER_BYTES
}

/// `name` as a DuckDB (and Postgres) quoted identifier.
#[must_use]
pub fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `text` as a DuckDB string literal (no escapes but the doubled quote).
#[must_use]
pub fn quote_literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
