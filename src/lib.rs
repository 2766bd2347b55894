//! The pg_duckdb extension.
#![allow(unsafe_code)]
pgrx::pg_module_magic!();
