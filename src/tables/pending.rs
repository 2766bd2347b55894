//! Relations that the running statement has created and DuckDB does not know yet.
//!
//! The access method notes them while Postgres creates the catalog rows; the utility hook
//! takes them when the statement is complete, with columns and constraints.

use std::cell::RefCell;

use pgrx::pg_sys;

thread_local! {
    /// With the subtransactions that created them.
    static CREATED: RefCell<Vec<(pg_sys::Oid, pg_sys::SubTransactionId)>> = const { RefCell::new(Vec::new()) };
}

/// Notes a relation of access method duckdb that has no rows in the catalogs yet.
pub(super) fn created(relid: pg_sys::Oid) {
    // SAFETY: main thread, in a transaction.
    let current = unsafe { pg_sys::GetCurrentSubTransactionId() };
    CREATED.with_borrow_mut(|created| created.push((relid, current)));
}

/// Forgets a relation that is dropped before DuckDB heard of it; true if there was one.
pub(super) fn forget(relid: pg_sys::Oid) -> bool {
    CREATED.with_borrow_mut(|created| {
        let before = created.len();
        created.retain(|(other, _)| *other != relid);
        created.len() != before
    })
}

/// True if DuckDB does not know the relation yet.
pub(super) fn contains(relid: pg_sys::Oid) -> bool {
    CREATED.with_borrow(|created| created.iter().any(|(other, _)| *other == relid))
}

/// The relations noted since the last call.
pub(super) fn take() -> Vec<pg_sys::Oid> {
    CREATED.take().into_iter().map(|(relid, _)| relid).collect()
}

/// Forgets those created in a subtransaction that aborts, or in one inside it.
pub(super) fn forget_since(subtransaction: pg_sys::SubTransactionId) {
    CREATED.with_borrow_mut(|created| created.retain(|(_, created_in)| *created_in < subtransaction));
}
