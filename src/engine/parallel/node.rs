//! The plan node `DuckDBFeed`: runs its child in a parallel worker and gives the rows to the engine.
//!
//! In the leader it is the root of what Postgres shares with workers and is not run itself:
//! [`Leader`](super::Leader) runs its child.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::AtomicU32;

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::worker;
use crate::error;
use crate::pg::custom_scan::{NO_CALLBACKS, Table, new_state};
use crate::pg::list;
use crate::scan::plan::columns_from_list;

const NAME: &CStr = c"DuckDBFeed";

/// Which rows these are.
#[derive(Clone, Copy)]
pub(crate) struct Ticket {
    /// [`bridge_ipc::message::Execute::feed_key`], as bytes: `palloc` aligns to 8.
    pub(crate) feed_key: [u8; 16],
    /// Portal of the statement that reads them.
    pub(crate) portal: u32,
    /// Index of its scan.
    pub(crate) scan: u32,
}

const _: () = assert!(align_of::<FeedNodeState>() <= 8, "MAXIMUM_ALIGNOF");
const _: () = assert!(align_of::<Shared>() <= 32, "shm_toc_allocate aligns to ALIGNOF_BUFFER");

/// What leader and workers share.
#[repr(C)]
pub(crate) struct Shared {
    pub(crate) ticket: Ticket,
    /// 1: no more rows are wanted. Set by the leader.
    pub(crate) stop: AtomicU32,
}

/// The node's state as Postgres knows it, with ours behind.
#[repr(C)]
struct FeedNodeState {
    css: pg_sys::CustomScanState,
    /// In the leader, for [`Shared`].
    ticket: Ticket,
    /// Null unless a parallel plan runs.
    shared: *mut Shared,
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
    EstimateDSMCustomScan: Some(estimate_dsm_custom_scan),
    InitializeDSMCustomScan: Some(initialize_dsm_custom_scan),
    InitializeWorkerCustomScan: Some(initialize_worker_custom_scan),
    ..NO_CALLBACKS
});

/// Makes the node known by its name, as workers look it up; called once in the postmaster.
pub(crate) fn init() {
    // SAFETY: a static table; single-threaded.
    unsafe { pg_sys::RegisterCustomScanMethods(methods()) };
}

/// The method table of the plan node.
pub(super) fn methods() -> *const pg_sys::CustomScanMethods {
    &raw const SCAN_METHODS.0
}

/// # Safety
/// `plan` is null or a plan node.
pub(super) unsafe fn is_feed_plan(plan: *mut pg_sys::Plan) -> bool {
    // SAFETY: as promised by the caller.
    unsafe {
        !plan.is_null()
            && (*plan).type_ == pg_sys::NodeTag::T_CustomScan
            && std::ptr::eq((*plan.cast::<pg_sys::CustomScan>()).methods, methods())
    }
}

/// # Safety
/// `state` is the state of a plan node.
pub(super) unsafe fn is_feed_node(state: *mut pg_sys::PlanState) -> bool {
    // SAFETY: as promised by the caller.
    unsafe { is_feed_plan((*state).plan) }
}

/// Says what [`Shared`] will hold.
///
/// # Safety
/// `node` is a state of this node.
pub(super) unsafe fn set_ticket(node: *mut pg_sys::CustomScanState, ticket: Ticket) {
    // SAFETY: as promised by the caller.
    unsafe { (*node.cast::<FeedNodeState>()).ticket = ticket };
}

/// What is shared with the workers of the running parallel plan; null without.
///
/// # Safety
/// `node` is a state of this node.
pub(super) unsafe fn shared(node: *mut pg_sys::CustomScanState) -> *mut Shared {
    // SAFETY: as promised by the caller.
    unsafe { (*node.cast::<FeedNodeState>()).shared }
}

/// The shared memory is gone.
///
/// # Safety
/// `node` is a state of this node.
pub(super) unsafe fn forget_shared(node: *mut pg_sys::CustomScanState) {
    // SAFETY: as promised by the caller.
    unsafe { (*node.cast::<FeedNodeState>()).shared = std::ptr::null_mut() };
}

#[pg_guard]
unsafe extern "C-unwind" fn create_custom_scan_state(_plan: *mut pg_sys::CustomScan) -> *mut pg_sys::Node {
    // SAFETY: zeroed memory is a valid state.
    unsafe { new_state::<FeedNodeState>(&EXEC_METHODS) }
}

#[pg_guard]
unsafe extern "C-unwind" fn begin_custom_scan(
    node: *mut pg_sys::CustomScanState,
    estate: *mut pg_sys::EState,
    flags: c_int,
) {
    // SAFETY: Postgres passes the state made above and its plan node.
    unsafe {
        let plan = (*node).ss.ps.plan.cast::<pg_sys::CustomScan>();
        for child in list::pointers::<pg_sys::Plan>((*plan).custom_plans) {
            let state = pg_sys::ExecInitNode(child, estate, flags);
            (*node).custom_ps = list::append((*node).custom_ps, state);
        }
    }
}

/// Gives all rows to the engine, in a worker; returns none.
#[pg_guard]
unsafe extern "C-unwind" fn exec_custom_scan(
    node: *mut pg_sys::CustomScanState,
) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: a begun state of this node, whose private list is that of `cut_gather`; what is
    // shared lives as long as the worker.
    unsafe {
        let plan = (*node).ss.ps.plan.cast::<pg_sys::CustomScan>();
        let columns = list::pointers::<pg_sys::List>((*plan).custom_private).next();
        let child = list::pointers::<pg_sys::PlanState>((*node).custom_ps).next();
        if let (Some(shared), Some(columns), Some(child)) = (shared(node).as_ref(), columns, child) {
            let context = (*(*node).ss.ps.state).es_query_cxt;
            error::report(worker::run(child, &columns_from_list(columns), shared, context));
        }
    }
    std::ptr::null_mut()
}

#[pg_guard]
unsafe extern "C-unwind" fn end_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state.
    unsafe {
        for child in list::pointers::<pg_sys::PlanState>((*node).custom_ps) {
            pg_sys::ExecEndNode(child);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn rescan_custom_scan(node: *mut pg_sys::CustomScanState) {
    // SAFETY: a begun state.
    unsafe {
        for child in list::pointers::<pg_sys::PlanState>((*node).custom_ps) {
            pg_sys::ExecReScan(child);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn estimate_dsm_custom_scan(
    _node: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
) -> pg_sys::Size {
    size_of::<Shared>()
}

#[pg_guard]
unsafe extern "C-unwind" fn initialize_dsm_custom_scan(
    node: *mut pg_sys::CustomScanState,
    _context: *mut pg_sys::ParallelContext,
    coordinate: *mut c_void,
) {
    // SAFETY: room for a `Shared` that nobody else knows yet, aligned as asserted in `super`.
    unsafe {
        let state = node.cast::<FeedNodeState>();
        (*state).shared = coordinate.cast();
        (*state).shared.write(Shared { ticket: (*state).ticket, stop: AtomicU32::new(0) });
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn initialize_worker_custom_scan(
    node: *mut pg_sys::CustomScanState,
    _toc: *mut pg_sys::shm_toc,
    coordinate: *mut c_void,
) {
    // SAFETY: written by the leader before the worker was started.
    unsafe { (*node.cast::<FeedNodeState>()).shared = coordinate.cast() };
}
