//! `DuckDBScan`: the node that runs a statement in the engine and hands out its rows.

mod again;
mod callbacks;
mod cost;
pub(crate) mod explain;
mod explain_feeds;
pub(crate) mod join_keys;
pub(crate) mod plan;
pub(crate) mod relations;
pub(crate) mod state;
mod triggers;

pub(crate) use callbacks::{NAME, scan_methods as methods};

/// Registers the node, so that plans can be copied.
pub(crate) fn init() {
    // SAFETY: static tables; called once in the postmaster.
    unsafe { pgrx::pg_sys::RegisterCustomScanMethods(callbacks::scan_methods()) };
    crate::engine::parallel::node::init();
}
