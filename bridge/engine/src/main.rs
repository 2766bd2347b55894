//! The engine process: sessions, DuckDB, Arrow export.
#![allow(dead_code)]
mod duckdb;
mod errors;
mod export;
mod functions;
mod secrets;
fn main() {}
