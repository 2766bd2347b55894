//! `bridge_scan(n)`: the table function through which DuckDB pulls rows from the backend.

mod feed;
mod import;
mod remote;
mod table_function;

pub(crate) use feed::{Feed, FeedHub};
pub(crate) use import::{ScanSchema, logical_type};
pub(crate) use remote::{RemoteResults, RemoteScans};
pub(crate) use table_function::{Binding, bind_scope, register};
