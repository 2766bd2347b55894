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
    Ok(in_order(plan, outputs, false)?.0)
}

/// As [`apply`], with the numerics below aggregates in DuckDB's 64-bit decimals where each argument fits in
/// them, which is several times faster: true if some result may be too long for them. DuckDB raises 22003
/// then, and [`apply`] gives a plan for the statement that does not.
///
/// # Errors
/// As [`apply`].
pub fn apply_short(plan: LogicalPlan, outputs: &[PgType]) -> Result<(LogicalPlan, bool), PlanError> {
    in_order(plan, outputs, true)
}

fn in_order(plan: LogicalPlan, outputs: &[PgType], short: bool) -> Result<(LogicalPlan, bool), PlanError> {
    // Feeds lose the columns nobody reads. Before the function mapping, which rebuilds the
    // schemas of everything above the feeds.
    let plan = projection_pushdown::apply(plan)?;
    // Postgres' functions, operators and constants become DuckDB's, bottom up, since what a
    // call becomes depends on the carriers of its arguments.
    let (plan, short) = functions::apply(plan, short)?;
    // Last: the carriers of the outputs are known only now.
    Ok((result_types::apply(plan, outputs)?, short))
}

/// As [`apply`], for rows that go into a table: `columns` are the types of its columns, and each
/// output has exactly the carrier that DuckDB stores.
///
/// # Errors
/// As [`apply`].
pub fn apply_stored(plan: LogicalPlan, columns: &[PgType]) -> Result<LogicalPlan, PlanError> {
    let plan = projection_pushdown::apply(plan)?;
    let (plan, _) = functions::apply(plan, false)?;
    stored_types::apply(plan, columns)
}
