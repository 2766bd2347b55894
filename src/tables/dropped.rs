//! Sees every relation and column that Postgres drops, for whatever reason: DROP TABLE, the
//! cascade of a schema, an owner, a type or the extension, and DISCARD TEMP.

use std::cell::RefCell;
use std::ffi::{c_int, c_void};

use pgrx::pg_sys;

use super::table::{self, Table};
use super::{changes, ddl, pending, view};
use crate::error::{Result, report};
use crate::pg::catalog;

thread_local! {
    /// Schemas that this transaction has dropped duckdb tables of, with one of the tables.
    static EMPTIED: RefCell<Vec<(pg_sys::Oid, Table)>> = const { RefCell::new(Vec::new()) };
}

static mut PREVIOUS: pg_sys::object_access_hook_type = None;

/// Installs the hook; called once in the postmaster.
pub(super) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(object_access);
    }
}

/// Not guarded: an ERROR of the previous hook keeps its context and names.
unsafe extern "C-unwind" fn object_access(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub_object: c_int,
    arg: *mut c_void,
) {
    if access == pg_sys::ObjectAccessType::OAT_DROP
        && [pg_sys::RelationRelationId, catalog::CONSTRAINT_RELATION, pg_sys::NamespaceRelationId]
            .contains(&class)
    {
        // SAFETY: called by Postgres before the object goes.
        unsafe { dropping(class, object, sub_object) };
    }
    // SAFETY: a hook of another extension, called with our own arguments.
    unsafe {
        if let Some(previous) = PREVIOUS {
            previous(access, class, object, sub_object, arg);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn dropping(class: pg_sys::Oid, object: pg_sys::Oid, column: c_int) {
    report(match class {
        pg_sys::NamespaceRelationId => schema(object),
        catalog::CONSTRAINT_RELATION => constraint(object),
        _ => relation(object, column),
    });
}

/// A schema, after what was in it.
fn schema(schema: pg_sys::Oid) -> Result<()> {
    let emptied = EMPTIED.with_borrow_mut(|emptied| {
        let index = emptied.iter().position(|(other, _)| *other == schema)?;
        Some(emptied.swap_remove(index).1)
    });
    emptied.as_ref().map_or(Ok(()), ddl::drop_schema)
}

/// Forgets the schemas whose tables this transaction has dropped.
pub(super) fn forget() {
    EMPTIED.take();
}

/// A constraint of a table (or of a domain, which has no relation).
fn constraint(constraint: pg_sys::Oid) -> Result<()> {
    match catalog::constraint_table(constraint) {
        Some(relid) if catalog::is_duckdb_table(relid) => changes::note(relid),
        _ => Ok(()),
    }
}

/// A relation, or a column of it.
fn relation(relid: pg_sys::Oid, column: c_int) -> Result<()> {
    let Some(info) = catalog::relation(relid) else { return Ok(()) };
    if info.kind == pg_sys::RELKIND_INDEX {
        // SAFETY: a catalog look-up on the main thread; a missing index is allowed.
        let table = unsafe { pg_sys::IndexGetRelation(relid, true) };
        return if catalog::is_duckdb_table(table) { changes::note(table) } else { Ok(()) };
    }
    if info.kind == pg_sys::RELKIND_VIEW && column == 0 {
        return view::of(relid)?.map_or(Ok(()), |dropped| view::drop(relid, &dropped));
    }
    if Some(info.access_method) != catalog::access_method() || pending::forget(relid) {
        return Ok(());
    }
    if column != 0 {
        return changes::note(relid);
    }
    // What goes in the middle of an ALTER TABLE is the transient table of Postgres' rewriting.
    if changes::is_changing() {
        return Ok(());
    }
    // SAFETY: a catalog look-up on the main thread.
    let schema = unsafe { pg_sys::get_rel_namespace(relid) };
    let table = table::of_relation(relid)?;
    ddl::drop(relid)?;
    EMPTIED.with_borrow_mut(|emptied| {
        if emptied.iter().all(|(other, _)| *other != schema) {
            emptied.push((schema, table));
        }
    });
    Ok(())
}
