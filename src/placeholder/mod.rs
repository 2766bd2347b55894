//! What only parses in Postgres: functions, types and subscripts that DuckDB evaluates.
//!
//! They exist so that a query on files or with DuckDB's functions passes Postgres' parser;
//! the planner hook then sends it to the engine. Nothing here ever computes a value.

mod function;
mod subscript;

/// Declares a C function for the extension's SQL script: the symbol, its version record and
/// a body under pgrx' guard.
macro_rules! sql_function {
    ($(#[$doc:meta])* $name:ident, $record:ident, $body:expr) => {
        #[doc(hidden)]
        #[unsafe(no_mangle)]
        pub(crate) extern "C-unwind" fn $record() -> &'static pgrx::pg_sys::Pg_finfo_record {
            const RECORD: pgrx::pg_sys::Pg_finfo_record = pgrx::pg_sys::Pg_finfo_record { api_version: 1 };
            &RECORD
        }

        $(#[$doc])*
        ///
        /// # Safety
        /// For Postgres' function manager only: `fcinfo` is a valid call record.
        #[unsafe(no_mangle)]
        #[pgrx::pg_guard]
        pub(crate) unsafe extern "C-unwind" fn $name(fcinfo: pgrx::pg_sys::FunctionCallInfo) -> pgrx::pg_sys::Datum {
            #[allow(clippy::redundant_closure_call, reason = "a body is a function or a closure")]
            ($body)(fcinfo)
        }
    };
}
pub(crate) use sql_function;
