//! End-to-end measurements (`make bench`) and the demo (`make demo`).
//!
//! Method: everything is measured in one run on one machine. Our side is the release
//! cluster, asked by a client over its unix socket. The reference is DuckDB without
//! Postgres: the engine program run directly on a copy of the same store file, with as
//! many threads. Of several runs the median counts, after one that warms up.

pub mod config;
pub mod heap;
pub mod motherduck;
pub mod nine_columns;
pub mod planning;
pub mod reference;
pub mod report;
pub mod sample;
pub mod tpcds_database;
pub mod tpch_database;
pub mod write;
pub mod written_sql;
