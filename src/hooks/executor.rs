//! The executor hook: sees every statement that is about to write rows of heap tables, and that
//! none starts in a transaction whose DuckDB part has ended.
//!
//! At the start of the execution, not at planning: a cached plan runs in many transactions.

use std::ffi::c_int;

use pgrx::pg_sys;

use super::xact;
use crate::error::{Result, report};
use crate::pg::{catalog, list};

static mut PREVIOUS: pg_sys::ExecutorStart_hook_type = None;

unsafe extern "C-unwind" {
    /// Declared here so that its ERRORs do not pass a pgrx guard.
    #[link_name = "standard_ExecutorStart"]
    fn standard_executor_start_raw(query: *mut pg_sys::QueryDesc, flags: c_int);
}

/// Installs the hook; called once in the postmaster.
pub(crate) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::ExecutorStart_hook;
        pg_sys::ExecutorStart_hook = Some(executor_start);
    }
}

/// Not guarded: an ERROR from behind keeps its context, position and names.
unsafe extern "C-unwind" fn executor_start(query: *mut pg_sys::QueryDesc, flags: c_int) {
    // SAFETY: called by Postgres with a valid query descriptor. Nothing with a destructor is
    // alive here when the executor behind raises an ERROR.
    unsafe {
        xact::check_alive();
        if !(*(*query).plannedstmt).resultRelations.is_null() {
            before_heap_write(query, flags);
        }
        match PREVIOUS {
            Some(previous) => previous(query, flags),
            None => standard_executor_start_raw(query, flags),
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before_heap_write(query: *mut pg_sys::QueryDesc, flags: c_int) {
    if flags.cast_unsigned() & pg_sys::EXEC_FLAG_EXPLAIN_ONLY == 0 {
        // SAFETY: a valid query descriptor, from the hook.
        report(unsafe { check_targets((*query).plannedstmt) });
    }
}

/// # Safety
/// A valid planned statement.
unsafe fn check_targets(statement: *mut pg_sys::PlannedStmt) -> Result<()> {
    // SAFETY: result relations are 1-based indexes into the range table.
    unsafe {
        let relations: Vec<*mut pg_sys::RangeTblEntry> = list::pointers((*statement).rtable).collect();
        for index in list::integers((*statement).resultRelations) {
            let entry = usize::try_from(index).ok().and_then(|index| relations.get(index.checked_sub(1)?));
            if let Some(entry) = entry
                && !catalog::is_duckdb_table((**entry).relid)
            {
                xact::check_heap_write((**entry).relid)?;
            }
        }
    }
    Ok(())
}
