//! Functions the engine gives DuckDB, with Postgres' meaning.
//!
//! They live in the system catalog, so that every session finds them unqualified.

mod decimal_text;
mod numeric;
mod scalar;

use crate::duckdb::{Connection, DuckError};

/// Registers everything; once per DuckDB instance.
pub(crate) fn register(connection: &Connection) -> Result<(), DuckError> {
    for function in numeric::FUNCTIONS {
        scalar::register(connection, function)?;
    }
    Ok(())
}
