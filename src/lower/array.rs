//! Subscripts and slices of arrays, and ARRAY of a subquery.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::nodes::{With, node_of};
use bridge_plan::pg::{Collation, PgAggregate, PgConstant, PgFunction, Signature, Value};
use bridge_types::{PgType, oid};
use datafusion_expr::expr::{AggregateFunction, Sort as SortExpr};
use datafusion_expr::{Expr, LogicalPlan};
use pgrx::pg_sys;

use super::query::Outputs;
use super::scope::Lowerer;
use super::sublink::subquery;
use super::{Result, types, unsupported};
use crate::pg::list;

/// `anynonarray`.
const ANYNONARRAY: u32 = 2776;

impl Lowerer {
    /// One element, or one slice, of a one-dimensional array.
    ///
    /// # Safety
    /// `subscript` is a folded node of the current level.
    pub(super) unsafe fn subscript(&mut self, subscript: &pg_sys::SubscriptingRef) -> Result<Expr> {
        // SAFETY: as the caller promises; what a slice leaves out is null in its list.
        unsafe {
            let array = types::of_node(subscript.refexpr.cast());
            let uppers: Vec<*mut pg_sys::Node> = list::pointers(subscript.refupperindexpr).collect();
            let lowers: Vec<*mut pg_sys::Node> = list::pointers(subscript.reflowerindexpr).collect();
            let [upper] = uppers.as_slice() else {
                return unsupported("a subscript", "DuckDB's lists have one dimension");
            };
            if !subscript.refassgnexpr.is_null() || array.element().is_none() {
                return unsupported("a subscript", "it is not of an array");
            }
            let value = self.expr(subscript.refexpr.cast())?;
            let [lower] = lowers.as_slice() else {
                let element = types::base(subscript.refrestype, subscript.reftypmod);
                return Ok(PgFunction::syntax("subscript", element, vec![value, self.expr(*upper)?]));
            };
            let lower = if lower.is_null() {
                PgConstant::expr(PgType::new(oid::INT4), Value::Int(1))
            } else {
                self.expr(*lower)?
            };
            let mut args = vec![value, lower];
            if !upper.is_null() {
                args.push(self.expr(*upper)?);
            }
            Ok(PgFunction::syntax("slice", array, args))
        }
    }

    /// `ARRAY(SELECT x .. ORDER BY y)`  ==>  `(SELECT list(c0 ORDER BY c1) FROM (SELECT x, y ..))`, an
    /// empty array if there are no rows.
    ///
    /// # Safety
    /// `link` is an ARRAY sublink of the current level.
    pub(super) unsafe fn array_of(&mut self, link: &pg_sys::SubLink) -> Result<Expr> {
        // SAFETY: as the caller promises: the query has one visible column, its first.
        unsafe {
            let query = link.subselect.cast::<pg_sys::Query>();
            let result = types::of_node(std::ptr::from_ref(link).cast());
            let plan = self.query_with(query, Outputs::WithKeys)?;
            let Some(element) = result.element().filter(|element| element.element().is_none()) else {
                return unsupported("ARRAY of a subquery", "DuckDB has no type for it");
            };
            let alias = self.unique("r");
            let column = |name: &str| Expr::Column(build::qualified(&alias, name));
            let order_by = order_of(&plan)
                .into_iter()
                .map(|key| match key.expr {
                    Expr::Column(output) => Ok(SortExpr { expr: column(&output.name), ..key }),
                    _ => unsupported("ARRAY of a subquery", "it is not ordered by its columns"),
                })
                .collect::<Result<Vec<_>>>()?;
            let signature = Signature {
                name: "array_agg".to_owned(),
                declared: vec![ANYNONARRAY],
                args: vec![element],
                result,
                collation: Collation::None,
                display: "ARRAY of a subquery".to_owned(),
            };
            let values = vec![column(&build::column_name(0))];
            let call =
                AggregateFunction::new_udf(PgAggregate::udf(signature), values, false, None, order_by, None);
            let ty = types::duck(result)?;
            let name = self.unique("a");
            let all = (name.clone(), Typed::new(Expr::AggregateFunction(call), ty.clone()));
            let plan = build::aggregate(build::subquery_alias(plan, &alias)?, Vec::new(), vec![all])?;
            let array = PgFunction::syntax("or_empty", result, vec![Expr::Column(build::unqualified(&name))]);
            let plan = build::project(plan, vec![Typed::new(array, ty)])?;
            Ok(Expr::ScalarSubquery(subquery(plan)))
        }
    }
}

/// The sort keys that a query's rows come in the order of.
fn order_of(plan: &LogicalPlan) -> Vec<SortExpr> {
    match plan {
        LogicalPlan::Limit(limit) => order_of(&limit.input),
        LogicalPlan::Sort(sort) => sort.expr.clone(),
        other => node_of::<With>(other).map(|with| order_of(with.parts().1)).unwrap_or_default(),
    }
}
