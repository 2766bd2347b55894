//! What Postgres' planner is told of duckdb tables.
//!
//! Their btrees are empty: they carry constraints and names, DuckDB has the keys. So no plan may
//! read them, while what a unique index proves stays true.

use pgrx::pg_sys;

use crate::pg::{catalog, list};

static mut PREVIOUS: pg_sys::get_relation_info_hook_type = None;

/// Installs the hook; called once in the postmaster.
pub(super) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::get_relation_info_hook;
        pg_sys::get_relation_info_hook = Some(relation_info);
    }
}

/// Not guarded: an ERROR of the previous hook keeps its context and names.
unsafe extern "C-unwind" fn relation_info(
    root: *mut pg_sys::PlannerInfo,
    relid: pg_sys::Oid,
    is_parent: bool,
    relation: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: called by the planner with a relation it has just described.
    unsafe {
        if !(*relation).indexlist.is_null() {
            disable_indexes(relid, relation);
        }
        if let Some(previous) = PREVIOUS {
            previous(root, relid, is_parent, relation);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn disable_indexes(relid: pg_sys::Oid, relation: *mut pg_sys::RelOptInfo) {
    if catalog::is_duckdb_table(relid) {
        // SAFETY: the planner's list of indexes of the relation.
        for index in unsafe { list::pointers::<pg_sys::IndexOptInfo>((*relation).indexlist) } {
            // SAFETY: an element of that list. Without the two ways to read it, an index gives
            // no paths; a hypothetical one is not asked for the extremes of a column.
            unsafe {
                (*index).amhasgettuple = false;
                (*index).amhasgetbitmap = false;
                (*index).hypothetical = true;
            }
        }
    }
}
