//! A parallel worker's part of a feed.

use std::sync::atomic::Ordering;

use bridge_types::ColumnSpec;
use pgrx::pg_sys;

use super::link::Link;
use super::node::Shared;
use crate::engine::batches::Batches;
use crate::error::Result;

/// Runs `child` to its end and gives its rows to the engine, or as many as are wanted.
///
/// Nobody has to be told why it stops early: the leader has closed the portal, or has lost the
/// engine as well and says so.
///
/// # Safety
/// `child` is the state of a started plan with these columns, whose snapshot is active; `context`
/// lives as long as it.
pub(super) unsafe fn run(
    child: *mut pg_sys::PlanState,
    columns: &[ColumnSpec],
    shared: &Shared,
    context: pg_sys::MemoryContext,
) -> Result<()> {
    let is_wanted = || shared.stop.load(Ordering::Acquire) == 0;
    if !is_wanted() {
        return Ok(());
    }
    // SAFETY: as promised by the caller.
    let mut batches = unsafe { Batches::new(columns, context)? };
    let mut link = Link::open(&shared.ticket)?;
    while is_wanted() && !batches.ended() {
        // SAFETY: as promised by the caller.
        unsafe { batches.fill(child)? };
        if let Some(batch) = batches.take()
            && !link.send(&batch, is_wanted)?
        {
            return Ok(());
        }
    }
    if batches.ended() { link.end() } else { Ok(()) }
}
