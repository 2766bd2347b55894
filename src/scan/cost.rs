//! What feeding rows costs, in the units of Postgres' planner.

use pgrx::pg_sys;

use super::plan::FeedPlan;

/// What it costs to convert a value and hand it to DuckDB, in evaluations of an operator.
const VALUE: f64 = 1.0;

/// Postgres' plans of the feeds, and what becomes of their rows.
pub(crate) fn of_feeds(feeds: &[FeedPlan]) -> f64 {
    feeds.iter().map(of_feed).sum()
}

fn of_feed(feed: &FeedPlan) -> f64 {
    let values = f64::from(u32::try_from(feed.columns.len()).unwrap_or(u32::MAX));
    // SAFETY: a planned statement has a plan tree; plain globals of the main thread.
    unsafe {
        let plan = &*(*feed.plan).planTree;
        plan.total_cost + plan.plan_rows * values * VALUE * pg_sys::cpu_operator_cost
    }
}
