//! `pg_duckdb`: DuckDB's engine behind Postgres tables and queries.
//!
//! This crate is the Postgres side: hooks, planning from `Query`, the scan node, the
//! supervisor of the engine process and the backend's end of the channel. DuckDB itself
//! runs in `pg_duckdb_engine` (package `bridge-engine`), never in a backend.
#![allow(unsafe_code, reason = "Postgres is a C API; each block states its argument")]

use pgrx::pg_sys;
use pgrx::prelude::*;

mod crash;
mod datum;
mod engine;
mod error;
mod fallback;
mod functions;
mod gucs;
mod hooks;
mod lower;
mod motherduck;
mod pg;
mod placeholder;
mod resolve;
mod scan;
mod tables;

pgrx::pg_module_magic!(name, version);

/// Called once by the postmaster, from `shared_preload_libraries`.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    // SAFETY: a plain global of the main thread.
    if !unsafe { pg_sys::process_shared_preload_libraries_in_progress } {
        pgrx::ereport!(
            ERROR,
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "pg_duckdb must be loaded when the server starts",
            "Add pg_duckdb to shared_preload_libraries in postgresql.conf and restart Postgres."
        );
    }
    // pgrx would append a Rust backtrace to the DETAIL of every error that crosses a guard,
    // also of errors that are Postgres' own.
    // SAFETY: the postmaster is single-threaded and nothing has read the variable yet.
    unsafe { std::env::set_var("RUST_BACKTRACE", "0") };

    gucs::init();
    engine::supervisor::init();
    tables::init();
    scan::init();
    fallback::init();
    resolve::init();
    hooks::planner::init();
    hooks::utility::init();
    hooks::xact::init();
}
