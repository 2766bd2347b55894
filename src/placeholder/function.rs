//! The one body behind every function that only DuckDB can run.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::sql_function;
use crate::error::{Error, raise};
use crate::pg::owned_string;

sql_function!(
    /// Raises "function f only works with DuckDB execution".
    duckdb_only_function,
    pg_finfo_duckdb_only_function,
    only_in_duckdb
);

sql_function!(
    /// Input function of types that have no literals.
    duckdb_no_input,
    pg_finfo_duckdb_no_input,
    no_input
);

/// Oid of the function that is called; invalid when Postgres calls without saying so.
fn called_function(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Oid {
    // SAFETY: a valid call record; `flinfo` may be null.
    unsafe { (*fcinfo).flinfo.as_ref() }.map_or(pg_sys::InvalidOid, |info| info.fn_oid)
}

fn only_in_duckdb(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: main thread, in a transaction; a missing function gives a null pointer.
    let name = unsafe { owned_string(pg_sys::get_func_name(called_function(fcinfo))) };
    raise(only_in_duckdb_error(&format!("function {name}")))
}

/// "`what` only works with DuckDB execution".
pub(super) fn only_in_duckdb_error(what: &str) -> Error {
    EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} only works with DuckDB execution"))
        .with_hint("Use it in a query that DuckDB runs as a whole: one on duckdb tables or files, or any with duckdb.force_execution on.")
        .into()
}

fn no_input(fcinfo: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: main thread, in a transaction; the result type of an input function is the type.
    let type_name =
        unsafe { owned_string(pg_sys::format_type_be(pg_sys::get_func_rettype(called_function(fcinfo)))) };
    raise(Error::new(SqlState::FEATURE_NOT_SUPPORTED, format!("cannot accept a value of type {type_name}")))
}
