//! A plan as text for EXPLAIN, one node a line.

use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::ScalarFunction;
use datafusion_expr::{Expr, LogicalPlan};

use crate::build::unqualified;
use crate::duck::{DuckFunction, duck, fill};
use crate::pg::PgConstant;

/// The plan, indented. Operators stand between their arguments, which DataFusion would print as
/// those of a function: `(r1.a > 5)`, not `({0} > {1})(r1.a, constant())`.
#[must_use]
pub fn explain(plan: &LogicalPlan) -> String {
    let readable = plan.clone().transform_down_with_subqueries(|node| {
        node.map_expressions(|expr| expr.transform_up(|expr| Ok(Transformed::yes(readable(expr)))))
    });
    match readable {
        Ok(readable) => readable.data.display_indent().to_string(),
        Err(_) => plan.display_indent().to_string(),
    }
}

/// A call of a template as its text, under the guise of a column, whose display is its name.
fn readable(expr: Expr) -> Expr {
    if let Some(constant) = PgConstant::of(&expr) {
        return Expr::Column(unqualified(&constant.readable()));
    }
    let Some((function, args)) = DuckFunction::of(&expr) else { return expr };
    let texts: Vec<String> = args.iter().map(ToString::to_string).collect();
    let text = fill(&function.template, &texts);
    let subqueries: Vec<Expr> = args.iter().filter(|arg| has_subquery(arg)).cloned().collect();
    if subqueries.is_empty() {
        return Expr::Column(unqualified(&text));
    }
    // Subqueries stay arguments: their plans are printed because they are found here.
    match duck(text, function.ty.clone(), Vec::new()).expr {
        Expr::ScalarFunction(call) => {
            Expr::ScalarFunction(ScalarFunction { func: call.func, args: subqueries })
        }
        other => other,
    }
}

fn has_subquery(expr: &Expr) -> bool {
    let mut found = false;
    let walked = expr.apply(|inner| {
        found |= matches!(
            inner,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_)
        );
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    debug_assert!(walked.is_ok(), "the visitor returns no errors");
    found
}
