//! Functions the engine gives DuckDB, with Postgres' meaning.
//!
//! They live in the system catalog, so that every session finds them unqualified.

mod decimal_text;
mod float;
mod integer;
mod interval;
mod numeric;
mod numeric_sum;
mod scalar;
mod vector;

use crate::duckdb::{Connection, DuckError};

/// Registers everything; once per DuckDB instance.
pub(crate) fn register(connection: &Connection) -> Result<(), DuckError> {
    for function in numeric::FUNCTIONS {
        scalar::register(connection, function)?;
    }
    for function in float::all().chain(integer::all()).chain(interval::all()) {
        scalar::register_chunk(connection, function)?;
    }
    numeric_sum::register(connection)
}
