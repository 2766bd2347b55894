//! Functions the engine gives DuckDB, with Postgres' meaning.
//!
//! They live in the system catalog, so that every session finds them unqualified.

mod calendar;
mod ctype;
mod date_time;
mod date_time_text;
mod decimal_text;
mod float;
mod integer;
mod interval;
mod json;
mod numeric;
mod numeric_sum;
mod regex;
mod scalar;
mod text;
mod to_char;
mod to_char_number;
mod value_text;
mod vector;
mod width_bucket;

use crate::duckdb::{Connection, DuckError};

/// Registers everything; once per DuckDB instance.
pub(crate) fn register(connection: &Connection) -> Result<(), DuckError> {
    let families = [
        date_time::FUNCTIONS,
        date_time_text::FUNCTIONS,
        json::FUNCTIONS,
        numeric::FUNCTIONS,
        regex::FUNCTIONS,
        text::FUNCTIONS,
        to_char::FUNCTIONS,
        to_char_number::FUNCTIONS,
        value_text::FUNCTIONS,
        width_bucket::FUNCTIONS,
    ];
    for function in families.into_iter().flatten() {
        scalar::register(connection, function)?;
    }
    for function in float::all().chain(integer::all()).chain(interval::all()) {
        scalar::register_chunk(connection, function)?;
    }
    numeric_sum::register(connection)
}
