//! duckdb tables: the access method and the DDL behind it.

mod access_method;
mod ask;
pub(crate) mod changes;
pub(crate) mod comment;
pub(crate) mod create_as;
pub(crate) mod ddl;
pub(crate) mod definition;
mod dropped;
pub(crate) mod outbox;
mod pending;
mod planner_info;
pub(crate) mod registry;
mod rewrite;
mod sample;
pub(crate) mod size;
pub(crate) mod snapshot;
pub(crate) mod store;
pub(crate) mod table;
pub(crate) mod view;
pub(crate) mod violation;

use pgrx::pg_sys;

use crate::error::Result;

/// Installs what watches for dropped relations; called once in the postmaster.
pub(crate) fn init() {
    dropped::init();
    planner_info::init();
    snapshot::init();
}

/// Makes the DuckDB tables of the relations that the statement just executed has created.
pub(crate) fn create_pending() -> Result<()> {
    pending::take().into_iter().try_for_each(ddl::create)
}

/// Forgets what was begun in a subtransaction that aborts, or in one inside it: those have
/// higher numbers. What an outer statement has begun goes on.
pub(crate) fn forget_since(subtransaction: pg_sys::SubTransactionId) {
    pending::forget_since(subtransaction);
    changes::forget_since(subtransaction);
    if subtransaction == 0 {
        dropped::forget();
    }
}
