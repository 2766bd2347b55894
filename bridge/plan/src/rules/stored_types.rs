//! The outputs of a query whose rows go into a table have exactly the columns' carriers.

use bridge_types::PgType;
use datafusion_expr::{Expr, LogicalPlan};

use crate::build::{column_name, project, types_of, unqualified};
use crate::duck::Typed;
use crate::error::{PlanError, malformed};
use crate::functions::to_declared;

/// `Projection [x AS c0]`  ==>  `Projection [CAST(x AS stored) AS c0]`, where they differ.
///
/// In place, so that the projection stays in one block with what is below it.
pub(super) fn apply(plan: LogicalPlan, columns: &[PgType]) -> Result<LogicalPlan, PlanError> {
    let Some(types) = types_of(&plan) else {
        return malformed("the plan's outputs have no known types");
    };
    if types.len() != columns.len() {
        return malformed(format!("{} outputs for {} columns", types.len(), columns.len()));
    }
    let (values, input): (Vec<Expr>, _) = match plan {
        LogicalPlan::Projection(node) => {
            let values = node.expr.into_iter().map(|output| match output {
                Expr::Alias(alias) => *alias.expr,
                other => other,
            });
            (values.collect(), std::sync::Arc::unwrap_or_clone(node.input))
        }
        other => ((0..types.len()).map(|i| Expr::Column(unqualified(&column_name(i)))).collect(), other),
    };
    let outputs = values
        .into_iter()
        .zip(types)
        .zip(columns)
        .map(|((value, ty), pg)| to_declared(Typed::new(value, ty), *pg))
        .collect::<Result<Vec<_>, PlanError>>()?;
    Ok(project(input, outputs)?)
}
