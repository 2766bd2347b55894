//! duckdb tables: the access method and the DDL behind it.

mod access_method;
pub(crate) mod create_as;
pub(crate) mod ddl;
mod dropped;
mod pending;
pub(crate) mod registry;
pub(crate) mod store;
pub(crate) mod table;

use std::cell::Cell;

use pgrx::pg_sys;

use crate::error::Result;

thread_local! {
    /// Depth of `ALTER TABLE` statements on duckdb tables that Postgres is executing.
    static ALTERING: Cell<u32> = const { Cell::new(0) };
}

/// Installs what watches for dropped relations; called once in the postmaster.
pub(crate) fn init() {
    dropped::init();
}

/// Makes the DuckDB tables of the relations that the statement just executed has created.
pub(crate) fn create_pending() -> Result<()> {
    pending::take().into_iter().try_for_each(ddl::create)
}

/// Says that Postgres begins (+1) or ends (-1) an `ALTER TABLE`, whose scans find no rows.
pub(crate) fn enter_alter(change: i32) {
    ALTERING.set(ALTERING.get().saturating_add_signed(change));
}

fn altering() -> bool {
    ALTERING.get() > 0
}

/// Forgets what an aborted statement has left behind.
pub(crate) fn forget_statement() {
    let _: Vec<pg_sys::Oid> = pending::take();
    ALTERING.set(0);
}
