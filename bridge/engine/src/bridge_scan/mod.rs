//! `bridge_scan(n)`: the table function through which DuckDB pulls rows from the backend.

mod feed;
mod import;
mod producer;
mod remote;
mod source;
mod table_function;

pub(crate) use feed::{Feed, FeedHub, FeedOf};
pub(crate) use import::{ScanSchema, logical_type};
pub(crate) use producer::serve as serve_producer;
pub(crate) use remote::{RemoteResults, RemoteScans};
pub(crate) use table_function::{Binding, bind_scope, register};
