//! The plan node of a part while it runs.
//!
//! Unlike the node of a whole statement it is one among others: it checks conditions and
//! computes expressions on its rows as every scan of Postgres does (`ExecScan`), may be started
//! again with other parameters, and is found in `custom_private` behind the plan of the statement.

use std::ffi::c_int;

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::computed::Computed;
use crate::error;
use crate::lower::ParamRef;
use crate::pg::custom_scan::{NO_CALLBACKS, Table, new_state};
use crate::pg::{self, list};
use crate::scan::plan::ScanPlan;
use crate::scan::state::Running;
use crate::scan::{explain, relations};

/// The scan state as Postgres knows it, with ours behind.
#[repr(C)]
struct PartState {
    css: pg_sys::CustomScanState,
    /// Lives in the query's memory context; null until begun.
    running: *mut Running,
    /// As above; columns behind those that DuckDB sends.
    computed: *mut Vec<Computed>,
    /// Columns that DuckDB sends.
    shipped: usize,
    /// All columns.
    natts: i16,
    /// Rows are handed on as they come: nothing is filtered, projected, computed or looked at again.
    plain: bool,
}

static METHODS: Table<pg_sys::CustomExecMethods> = Table(pg_sys::CustomExecMethods {
    CustomName: crate::scan::NAME.as_ptr(),
    BeginCustomScan: Some(begin_custom_scan),
    ExecCustomScan: Some(exec_custom_scan),
    EndCustomScan: Some(end_custom_scan),
    ReScanCustomScan: Some(rescan_custom_scan),
    ExplainCustomScan: Some(explain_custom_scan),
    ..NO_CALLBACKS
});

unsafe extern "C-unwind" {
    /// Declared here so that a row does not pay for a pgrx guard, and errors keep their context.
    #[link_name = "ExecScan"]
    fn exec_scan_raw(
        node: *mut pg_sys::ScanState,
        access: pg_sys::ExecScanAccessMtd,
        recheck: pg_sys::ExecScanRecheckMtd,
    ) -> *mut pg_sys::TupleTableSlot;
}

/// True for the plan node of a part: it projects, that of a whole statement does not say so.
///
/// # Safety
/// `plan` is a plan node of ours.
pub(crate) unsafe fn is_part(plan: *mut pg_sys::CustomScan) -> bool {
    // SAFETY: as the caller promises.
    unsafe { (*plan).flags & pg_sys::CUSTOMPATH_SUPPORT_PROJECTION != 0 }
}

/// A state for a part's node.
///
/// # Safety
/// Called by the executor, in the query's memory context.
pub(crate) unsafe fn create_state() -> *mut pg_sys::Node {
    // SAFETY: zeroed memory is a valid state: all pointers null.
    unsafe { new_state::<PartState>(&METHODS) }
}

#[pg_guard]
unsafe extern "C-unwind" fn begin_custom_scan(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    _flags: c_int,
) {
    // SAFETY: Postgres passes the state made above, its plan node and the query's state; the
    // private list is that of `super::plan`.
    unsafe {
        relations::open(estate);
        let state = node.cast::<PartState>();
        let plan_node = (*node).ss.ps.plan.cast::<pg_sys::CustomScan>();
        let private: Vec<*mut pg_sys::List> = list::pointers((*plan_node).custom_private).collect();
        let mut plan = ScanPlan::from_private(private[0]);
        plan.params = list::pointers::<pg_sys::Node>((*plan_node).custom_exprs)
            .map(|expr| ParamRef { expr, type_oid: pg_sys::exprType(expr) })
            .collect();
        let columns = list::pointers::<pg_sys::Node>((*plan_node).custom_scan_tlist).len();
        (*state).shipped = plan.columns.len();
        (*state).natts = i16::try_from(columns).expect("target lists are shorter");
        let computed = error::report(Computed::all(private[1], (*plan_node).custom_scan_tlist));
        (*state).plain = computed.is_empty()
            && (*node).ss.ps.qual.is_null()
            && (*node).ss.ps.ps_ProjInfo.is_null()
            && (*estate).es_epq_active.is_null();
        let context = (*estate).es_query_cxt;
        (*state).computed = pg::memory::drop_with_context(context, computed);
        let query = pg::owned_string((*estate).es_sourceText);
        let running = error::report(Running::bind(plan, &query, (*estate).es_instrument != 0));
        (*state).running = pg::memory::drop_with_context(context, running);
    }
}

/// Not guarded: see [`next_row`], and errors of expressions are Postgres' own.
unsafe extern "C-unwind" fn exec_custom_scan(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: a begun state; nothing with a destructor is alive here.
    unsafe {
        if (*node.cast::<PartState>()).plain {
            return next_row(&raw mut (*node).ss);
        }
        exec_scan_raw(&raw mut (*node).ss, Some(next_row), Some(recheck))
    }
}

/// The next row as it comes. Not guarded: the usual case is a copy out of the block and raises
/// nothing; the other ones are guarded.
unsafe extern "C-unwind" fn next_row(node: *mut pg_sys::ScanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: a begun state, whose first field is the node; the slot has `natts` columns, and the
    // row stays valid until the next call.
    unsafe {
        let state = node.cast::<PartState>();
        let slot = (*node).ss_ScanTupleSlot;
        if let Some(clear) = (*(*slot).tts_ops).clear {
            clear(slot);
        }
        let mut row = (*(*state).running).rows.next_row();
        if row.is_none() && refill(state) {
            row = (*(*state).running).rows.next_row();
        }
        if let Some((datums, nulls)) = row {
            let shipped = (*state).shipped;
            std::ptr::copy_nonoverlapping(datums.as_ptr(), (*slot).tts_values.cast::<u64>(), shipped);
            std::ptr::copy_nonoverlapping(nulls.as_ptr(), (*slot).tts_isnull, shipped);
            if usize::try_from((*state).natts) != Ok(shipped) {
                compute(state, slot);
            }
            (*slot).tts_flags &= !pg::TTS_EMPTY;
            (*slot).tts_nvalid = (*state).natts;
        }
        slot
    }
}

/// Asked only when a row of another table was changed meanwhile, and the query is to be run again
/// on the new one alone: the row that was joined with it is gone.
#[pg_guard]
unsafe extern "C-unwind" fn recheck(
    _node: *mut pg_sys::ScanState,
    _slot: *mut pg_sys::TupleTableSlot,
) -> bool {
    error::raise(row_is_gone())
}

/// The error for a row of DuckDB that is needed once more after a conflict on another table.
pub(crate) fn row_is_gone() -> error::Error {
    EngineError::new(SqlState::SERIALIZATION_FAILURE, "could not serialize access due to concurrent update")
        .with_detail("A row that was joined with rows of DuckDB has been changed by another transaction.")
        .with_hint("Run the transaction again.")
        .into()
}

#[pg_guard]
unsafe extern "C-unwind" fn refill(state: *mut PartState) -> bool {
    // SAFETY: a begun state.
    unsafe { error::report((*(*state).running).refill((*state).css.ss.ps.state)) }
}

/// Fills in the columns behind the shipped ones, in memory that lives as long as the row.
#[pg_guard]
unsafe extern "C-unwind" fn compute(state: *mut PartState, slot: *mut pg_sys::TupleTableSlot) {
    // SAFETY: a begun state; the slot holds the shipped columns, and has room for the others.
    unsafe {
        let shipped = (*state).shipped;
        let values = std::slice::from_raw_parts((*slot).tts_values, shipped);
        let nulls = std::slice::from_raw_parts((*slot).tts_isnull, shipped);
        let context = (*(*state).css.ss.ps.ps_ExprContext).ecxt_per_tuple_memory;
        let old = pg_sys::MemoryContextSwitchTo(context);
        for (computed, position) in (*(*state).computed).iter_mut().zip(shipped..) {
            *(*slot).tts_values.add(position) = computed.datum(values, nulls);
            *(*slot).tts_isnull.add(position) = false;
        }
        pg_sys::MemoryContextSwitchTo(old);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn end_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state, unless beginning failed.
    unsafe {
        if let Some(running) = (*node.cast::<PartState>()).running.as_mut() {
            error::report(running.close());
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn rescan_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state.
    unsafe {
        error::report((*(*node.cast::<PartState>()).running).rescan());
        pg_sys::ExecScanReScan(&raw mut (*node).ss);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn explain_custom_scan(
    node: *mut pg_sys::CustomScanState,
    _ancestors: *mut pg_sys::List,
    es: *mut pg_sys::ExplainState,
) {
    // SAFETY: a begun state and EXPLAIN's own; the private list is that of `super::plan`.
    unsafe {
        let plan_node = (*node).ss.ps.plan.cast::<pg_sys::CustomScan>();
        if let Some(reason) = list::pointers::<pg_sys::Node>((*plan_node).custom_private).nth(2)
            && !reason.is_null()
        {
            let reason = pg::c_string(&pg::node_string(reason));
            pg_sys::ExplainPropertyText(c"Not Shipped Whole".as_ptr(), reason.as_ptr(), es);
        }
        let running = &*(*node.cast::<PartState>()).running;
        let estate = (*node).ss.ps.state;
        let query = pg::owned_string((*estate).es_sourceText);
        error::report(explain::explain(running, &query, estate, es));
    }
}
