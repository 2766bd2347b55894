//! duckdb tables: the access method and the DDL behind it.

mod access_method;
pub(crate) mod create_as;
pub(crate) mod ddl;
mod dropped;
mod pending;
pub(crate) mod registry;
pub(crate) mod store;
pub(crate) mod table;

use std::cell::RefCell;

use pgrx::pg_sys;

use crate::error::Result;

thread_local! {
    /// The `ALTER TABLE` statements on duckdb tables that Postgres is executing, by the
    /// subtransactions they run in.
    static ALTERING: RefCell<Vec<pg_sys::SubTransactionId>> = const { RefCell::new(Vec::new()) };
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
    // SAFETY: main thread, in a transaction.
    let current = unsafe { pg_sys::GetCurrentSubTransactionId() };
    ALTERING.with_borrow_mut(|altering| {
        if change > 0 {
            altering.push(current);
        } else {
            altering.pop();
        }
    });
}

fn altering() -> bool {
    ALTERING.with_borrow(|altering| !altering.is_empty())
}

/// Forgets what was begun in a subtransaction that aborts, or in one inside it: those have
/// higher numbers. What an outer statement has begun goes on.
pub(crate) fn forget_since(subtransaction: pg_sys::SubTransactionId) {
    pending::forget_since(subtransaction);
    ALTERING.with_borrow_mut(|altering| altering.retain(|begun_in| *begun_in < subtransaction));
}
