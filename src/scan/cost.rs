//! What feeding rows costs, in the units of Postgres' planner.

use pgrx::pg_sys;

use super::plan::FeedPlan;
use crate::engine::parallel::plan as parallel;

/// What it costs to convert a value and hand it to DuckDB, in evaluations of an operator.
const VALUE: f64 = 1.0;

/// Postgres' plans of the feeds, and what becomes of their rows.
pub(crate) fn of_feeds(feeds: &[FeedPlan]) -> f64 {
    feeds.iter().map(of_feed).sum()
}

/// As [`of_feeds`], of one.
pub(super) fn of_feed(feed: &FeedPlan) -> f64 {
    // SAFETY: planned by Postgres.
    unsafe { of_plan(feed.plan, feed.columns.len()) }
}

/// As [`of_feeds`], of one with so many columns.
///
/// # Safety
/// `plan` is a planned statement.
pub(super) unsafe fn of_plan(plan: *mut pg_sys::PlannedStmt, columns: usize) -> f64 {
    let values = f64::from(u32::try_from(columns).unwrap_or(u32::MAX));
    // SAFETY: as the caller promises; plain globals of the main thread.
    unsafe {
        let processes = 1.0 + f64::from(parallel::planned_workers(plan));
        let plan = &*(*plan).planTree;
        plan.total_cost + plan.plan_rows * values * VALUE * pg_sys::cpu_operator_cost / processes
    }
}
