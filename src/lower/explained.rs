//! The plan as text for EXPLAIN VERBOSE. Making it costs about half as much again as lowering, so
//! it is made only while an EXPLAIN plans.

use std::sync::atomic::{AtomicBool, Ordering};

use bridge_plan::explain::explain;
use datafusion_expr::LogicalPlan;

/// An EXPLAIN is running. After an error in one it stays so until the transaction has ended,
/// which costs time only.
static EXPLAINING: AtomicBool = AtomicBool::new(false);

/// Says that an EXPLAIN begins or ends.
pub(crate) fn set_explaining(explaining: bool) {
    EXPLAINING.store(explaining, Ordering::Relaxed);
}

/// The plan, one node a line; empty if nobody asks for it.
pub(super) fn text(plan: &LogicalPlan) -> String {
    if EXPLAINING.load(Ordering::Relaxed) { explain(plan) } else { String::new() }
}
