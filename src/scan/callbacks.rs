//! The callbacks Postgres calls: thin trampolines, except for the one that hands out a row.

use std::ffi::{CStr, c_int};

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::plan::ScanPlan;
use super::state::Running;
use super::{explain, relations};
use crate::error;
use crate::fallback::node as part;
use crate::pg::custom_scan::{NO_CALLBACKS, Table, new_state};
use crate::pg::{self, list};

/// The node's name in EXPLAIN.
pub(crate) const NAME: &CStr = c"DuckDBScan";

/// The scan state as Postgres knows it, with ours behind.
#[repr(C)]
struct ScanState {
    css: pg_sys::CustomScanState,
    /// Lives in the query's memory context; null until begun.
    running: *mut Running,
    /// Columns of a row.
    columns: usize,
    /// Each row handed out is one that the statement changed.
    counts: bool,
    /// The same as Postgres counts them; a target list has at most 1,664 entries.
    natts: i16,
}

static SCAN_METHODS: Table<pg_sys::CustomScanMethods> = Table(pg_sys::CustomScanMethods {
    CustomName: NAME.as_ptr(),
    CreateCustomScanState: Some(create_custom_scan_state),
});

static EXEC_METHODS: Table<pg_sys::CustomExecMethods> = Table(pg_sys::CustomExecMethods {
    CustomName: NAME.as_ptr(),
    BeginCustomScan: Some(begin_custom_scan),
    ExecCustomScan: Some(exec_custom_scan),
    EndCustomScan: Some(end_custom_scan),
    ReScanCustomScan: Some(rescan_custom_scan),
    ShutdownCustomScan: Some(shutdown_custom_scan),
    ExplainCustomScan: Some(explain_custom_scan),
    ..NO_CALLBACKS
});

/// The method table of the plan node.
pub(crate) fn scan_methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

#[pg_guard]
unsafe extern "C-unwind" fn create_custom_scan_state(plan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: a plan node of ours; zeroed memory is a valid state: all pointers null.
    unsafe { if part::is_part(plan) { part::create_state() } else { new_state::<ScanState>(&EXEC_METHODS) } }
}

#[pg_guard]
unsafe extern "C-unwind" fn begin_custom_scan(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    _flags: c_int,
) {
    // SAFETY: Postgres passes the state made above, its plan node and the query's state.
    unsafe {
        relations::open(estate);
        let state = node.cast::<ScanState>();
        let plan_node = (*node).ss.ps.plan.cast::<pg_sys::CustomScan>();
        let plan = ScanPlan::from_private((*plan_node).custom_private);
        (*state).columns = plan.columns.len();
        (*state).counts = plan.writes && plan.can_set_tag;
        (*state).natts = i16::try_from(plan.columns.len()).expect("target lists are shorter");
        let profile = (*estate).es_instrument != 0;
        let query = pg::owned_string((*estate).es_sourceText);
        let writes = plan.writes;
        let mut running = error::report(Running::bind(plan, &query, profile));
        let slot_columns = list::pointers::<pg_sys::Node>((*plan_node).custom_scan_tlist).len();
        if writes && (*state).columns < slot_columns {
            running.returns_feed = true;
            (*state).columns = slot_columns;
            (*state).natts = i16::try_from(slot_columns).expect("target lists are shorter");
        }
        (*state).running = pg::memory::drop_with_context((*estate).es_query_cxt, running);
    }
}

/// Hands out one row. Not guarded: the usual case is a copy out of the block and raises
/// nothing; the other one is the guarded [`refill`].
unsafe extern "C-unwind" fn exec_custom_scan(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: a begun state; the slot has `columns` columns (custom_scan_tlist), and the row
    // stays valid until the next call, as the executor demands.
    unsafe {
        let state = node.cast::<ScanState>();
        let slot = (*node).ss.ss_ScanTupleSlot;
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
        if (*(*state).running).returns_feed || (*(*state).running).again.is_some() {
            return next_returned(node);
        }
        let mut row = (*(*state).running).rows.next_row();
        if row.is_none() && refill(node) {
            row = (*(*state).running).rows.next_row();
        } else if row.is_none() && (*(*state).running).again.is_some() {
            return next_returned(node);
        }
        if let Some((datums, nulls)) = row {
            let columns = (*state).columns;
            std::ptr::copy_nonoverlapping(datums.as_ptr(), (*slot).tts_values.cast::<u64>(), columns);
            std::ptr::copy_nonoverlapping(nulls.as_ptr(), (*slot).tts_isnull, columns);
            (*slot).tts_flags &= !pg::TTS_EMPTY;
            (*slot).tts_nvalid = (*state).natts;
            if (*state).counts {
                (*(*node).ss.ps.state).es_processed += 1;
            }
            let projection = (*node).ss.ps.ps_ProjInfo;
            if !projection.is_null() {
                return project(projection, slot);
            }
        }
        slot
    }
}

/// The next row that Postgres computes, see [`Running::next_returned`].
#[pg_guard]
unsafe extern "C-unwind" fn next_returned(node: *mut pg_sys::CustomScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: a begun state; the feed's rows have the columns of the scan's slot.
    unsafe {
        let state = node.cast::<ScanState>();
        let slot = (*node).ss.ss_ScanTupleSlot;
        let estate = (*node).ss.ps.state;
        let row = error::report((*(*state).running).next_returned(estate));
        if row.is_null() {
            return slot;
        }
        pg_sys::slot_getallattrs(row);
        std::ptr::copy_nonoverlapping((*row).tts_values, (*slot).tts_values, (*state).columns);
        std::ptr::copy_nonoverlapping((*row).tts_isnull, (*slot).tts_isnull, (*state).columns);
        (*slot).tts_flags &= !pg::TTS_EMPTY;
        (*slot).tts_nvalid = (*state).natts;
        if (*state).counts {
            (*estate).es_processed += 1;
        }
        let projection = (*node).ss.ps.ps_ProjInfo;
        if projection.is_null() { slot } else { project(projection, slot) }
    }
}

/// `ExecProject` of one row. Guarded, since the expressions are any of Postgres' own.
#[pg_guard]
unsafe extern "C-unwind" fn project(
    projection: *mut pg_sys::ProjectionInfo,
    row: *mut pg_sys::TupleTableSlot,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: a projection that ExecInitCustomScan made over the scan's slot; the result is a
    // virtual slot of its own.
    unsafe {
        let context = (*projection).pi_exprContext;
        pg_sys::MemoryContextReset((*context).ecxt_per_tuple_memory);
        (*context).ecxt_scantuple = row;
        let state = &raw mut (*projection).pi_state;
        let slot = (*state).resultslot;
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
        let old = pg_sys::MemoryContextSwitchTo((*context).ecxt_per_tuple_memory);
        let mut is_null = false;
        let evaluate = (*state).evalfunc.expect("an initialised expression has its function");
        evaluate(state, context, &raw mut is_null);
        pg_sys::MemoryContextSwitchTo(old);
        (*slot).tts_flags &= !pg::TTS_EMPTY;
        (*slot).tts_nvalid =
            i16::try_from((*(*slot).tts_tupleDescriptor).natts).expect("target lists are shorter");
        slot
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn refill(node: *mut pg_sys::CustomScanState) -> bool {
    // SAFETY: a begun state.
    unsafe {
        let state = node.cast::<ScanState>();
        error::report((*(*state).running).refill((*node).ss.ps.state))
    }
}

/// No more rows are wanted, and parallel mode is about to be left.
#[pg_guard]
unsafe extern "C-unwind" fn shutdown_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state.
    unsafe {
        if let Some(running) = (*node.cast::<ScanState>()).running.as_mut() {
            error::report(running.shut_down());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn end_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state, unless beginning failed.
    unsafe {
        let state = node.cast::<ScanState>();
        if let Some(running) = (*state).running.as_mut() {
            error::report(running.close());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn rescan_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state.
    unsafe { error::report((*(*node.cast::<ScanState>()).running).rescan()) };
}

#[pg_guard]
unsafe extern "C-unwind" fn explain_custom_scan(
    node: *mut pg_sys::CustomScanState,
    _ancestors: *mut pg_sys::List,
    es: *mut pg_sys::ExplainState,
) {
    // SAFETY: a begun state and EXPLAIN's own.
    unsafe {
        let running = &*(*node.cast::<ScanState>()).running;
        let estate = (*node).ss.ps.state;
        let query = pg::owned_string((*estate).es_sourceText);
        error::report(explain::explain(running, &query, estate, es));
    }
}
