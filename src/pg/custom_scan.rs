//! What plan nodes of ours have in common.

use pgrx::pg_sys;

/// A static table of C pointers, never written.
pub(crate) struct Table<T>(pub(crate) T);
// SAFETY: immutable, and a backend has one thread.
unsafe impl<T> Sync for Table<T> {}

/// No callback at all; a node's table names its own.
pub(crate) const NO_CALLBACKS: pg_sys::CustomExecMethods = pg_sys::CustomExecMethods {
    CustomName: std::ptr::null(),
    BeginCustomScan: None,
    ExecCustomScan: None,
    EndCustomScan: None,
    ReScanCustomScan: None,
    MarkPosCustomScan: None,
    RestrPosCustomScan: None,
    EstimateDSMCustomScan: None,
    InitializeDSMCustomScan: None,
    ReInitializeDSMCustomScan: None,
    InitializeWorkerCustomScan: None,
    ShutdownCustomScan: None,
    ExplainCustomScan: None,
};

/// A zeroed state of a node, in the current memory context.
///
/// # Safety
/// `T` starts with a `CustomScanState`, and zeroes are valid for the rest.
pub(crate) unsafe fn new_state<T>(methods: &'static Table<pg_sys::CustomExecMethods>) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let state = super::new_node::<T>(pg_sys::NodeTag::T_CustomScanState);
        (*state.cast::<pg_sys::CustomScanState>()).methods = &raw const methods.0;
        state.cast()
    }
}
