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
mod modify;

use bridge_types::names::quote_identifier;
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::{Expr, LogicalPlan};

use crate::build::unqualified;
use crate::error::{PlanError, malformed, unsupported};
use crate::nodes::{Relation, node_of};

/// Longest statement the writer produces: expressions that mention an argument twice could
/// otherwise grow without bound.
const MAX_SQL_BYTES: usize = 4 << 20;

/// The plan as one DuckDB statement.
///
/// # Errors
/// `Malformed` for a plan the rules did not make, `Unsupported` if the text grows too long.
pub fn write(plan: &LogicalPlan) -> Result<String, PlanError> {
    match modify::statement(plan)? {
        Some(statement) => bounded(statement),
        None => block::query(plan),
    }
}

/// The only output of a projection over one table, in the words of the table's own DDL: columns
/// are named without the table.
///
/// # Errors
/// `Malformed` for any other plan, and as [`fn@write`].
pub fn write_column_expression(plan: &LogicalPlan) -> Result<String, PlanError> {
    let LogicalPlan::Projection(projection) = plan else {
        return malformed("a column expression is not a projection");
    };
    if node_of::<Relation>(&projection.input).is_none() {
        return malformed("a column expression is not over one table");
    }
    let [output] = projection.expr.as_slice() else {
        return malformed("a column expression has one output");
    };
    let unqualified = output.clone().transform(|node| {
        Ok(match node {
            Expr::Column(column) if column.relation.is_some() => {
                Transformed::yes(Expr::Column(unqualified(&column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    let columns = projection.input.schema().fields().iter();
    let names = columns.map(|field| (field.name().clone(), quote_identifier(field.name()))).collect();
    match unqualified.data {
        Expr::Alias(alias) => expr::expr(&alias.expr, &names),
        other => expr::expr(&other, &names),
    }
}

/// Refuses a text that grows without bound.
fn bounded(sql: String) -> Result<String, PlanError> {
    if sql.len() > MAX_SQL_BYTES {
        return unsupported("a statement of this size", "its DuckDB form is longer than 4 MB");
    }
    Ok(sql)
}
