//! Relations that the running statement has created and DuckDB does not know yet.
//!
//! The access method notes them while Postgres creates the catalog rows; the utility hook
//! takes them when the statement is complete, with columns and constraints.

use std::cell::RefCell;

use pgrx::pg_sys;

thread_local! {
    static CREATED: RefCell<Vec<pg_sys::Oid>> = const { RefCell::new(Vec::new()) };
}

/// Notes a relation of access method duckdb that has no rows in the catalogs yet.
pub(super) fn created(relid: pg_sys::Oid) {
    CREATED.with_borrow_mut(|created| created.push(relid));
}

/// Forgets a relation that is dropped before DuckDB heard of it; true if there was one.
pub(super) fn forget(relid: pg_sys::Oid) -> bool {
    CREATED.with_borrow_mut(|created| {
        let before = created.len();
        created.retain(|other| *other != relid);
        created.len() != before
    })
}

/// The relations noted since the last call.
pub(super) fn take() -> Vec<pg_sys::Oid> {
    CREATED.take()
}
