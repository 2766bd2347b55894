//! What the suites, `make cluster`, the demo and the benches share: a private copy of
//! Postgres with the extension in it, clusters on top of it, and TPC-H and TPC-DS data.
//!
//! Nothing here touches the system's Postgres installation or its clusters. A server runs
//! as user `postgres` when we are root (it refuses to run as root), else as ourselves.

pub mod account;
pub mod answer;
pub mod artifacts;
pub mod cluster;
pub mod install;
pub mod kept;
pub mod process;
pub mod sql_file;
pub mod tpcds;
pub mod tpch;
pub mod wait;

/// What fixtures return. They are called by tests and small programs that can only
/// report a failure, so the error is whatever went wrong, with a message.
pub type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;
