//! The rules, in order.

mod functions;
mod projection_pushdown;
mod result_types;
mod stored_types;

use bridge_types::PgType;
use datafusion_expr::LogicalPlan;

use crate::error::PlanError;

/// Turns a plan in Postgres' vocabulary into one in DuckDB's.
///
/// `outputs` are the declared types of the visible columns.
///
/// # Errors
/// `Unsupported` naming the first construct that DuckDB must not have.
pub fn apply(plan: LogicalPlan, outputs: &[PgType]) -> Result<LogicalPlan, PlanError> {
    // Feeds lose the columns nobody reads. Before the function mapping, which rebuilds the
    // schemas of everything above the feeds.
    let plan = projection_pushdown::apply(plan)?;
    // Postgres' functions, operators and constants become DuckDB's, bottom up, since what a
    // call becomes depends on the carriers of its arguments.
    let plan = functions::apply(plan)?;
    // Last: the carriers of the outputs are known only now.
    result_types::apply(plan, outputs)
}

/// As [`apply`], for rows that go into a table: `columns` are the types of its columns, and each
/// output has exactly the carrier that DuckDB stores.
///
/// # Errors
/// As [`apply`].
pub fn apply_stored(plan: LogicalPlan, columns: &[PgType]) -> Result<LogicalPlan, PlanError> {
    let plan = projection_pushdown::apply(plan)?;
    let plan = functions::apply(plan)?;
    stored_types::apply(plan, columns)
}
