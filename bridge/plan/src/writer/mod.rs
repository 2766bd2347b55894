//! LogicalPlan to DuckDB SQL text.
//!
//! "Flat": one canonical stack prints as one SELECT block. Scans, filters and joins of a level
//! share one FROM and WHERE, since DuckDB's join-order optimiser does not look through a
//! derived table. A derived table opens only where the plan has a query level of its own, or
//! where one block cannot say the same.
//!
//! Group keys, aggregates and window functions have names in the plan, but SQL has no place to
//! define them: a reference to one prints its definition. Output columns are ordered by position.
//!
//! Anything the writer does not know is an error, never a guess.

mod block;
mod expr;
mod from;

use datafusion_expr::LogicalPlan;

use crate::error::{PlanError, unsupported};

/// Longest statement the writer produces: expressions that mention an argument twice could
/// otherwise grow without bound.
const MAX_SQL_BYTES: usize = 4 << 20;

/// The plan as one DuckDB statement.
///
/// # Errors
/// `Malformed` for a plan the rules did not make, `Unsupported` if the text grows too long.
pub fn write(plan: &LogicalPlan) -> Result<String, PlanError> {
    block::query(plan)
}

/// Refuses a text that grows without bound.
fn bounded(sql: String) -> Result<String, PlanError> {
    if sql.len() > MAX_SQL_BYTES {
        return unsupported("a statement of this size", "its DuckDB form is longer than 4 MB");
    }
    Ok(sql)
}
