//! Subqueries in expressions, correlated or not. They stay where they are: DuckDB decorrelates.

use std::sync::Arc;

use bridge_plan::functions::comparison_of;
use datafusion_expr::expr::{Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr, LogicalPlan, Operator};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::scope::Lowerer;
use super::{Result, types, unsupported};
use crate::pg::list;

fn subquery(plan: LogicalPlan) -> Subquery {
    Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: Vec::new(),
        spans: datafusion_common::Spans::new(),
    }
}

impl Lowerer {
    /// # Safety
    /// `link` is a valid SubLink of the current level.
    pub(super) unsafe fn sublink(&mut self, link: &pg_sys::SubLink) -> Result<Expr> {
        use pg_sys::SubLinkType::{ALL_SUBLINK, ANY_SUBLINK, ARRAY_SUBLINK, EXISTS_SUBLINK, EXPR_SUBLINK};
        let query = link.subselect.cast::<pg_sys::Query>();
        // SAFETY: as the caller promises.
        unsafe {
            match link.subLinkType {
                EXISTS_SUBLINK => {
                    let plan = self.exists_query(query)?;
                    Ok(Expr::Exists(Exists { subquery: subquery(plan), negated: false }))
                }
                EXPR_SUBLINK => Ok(Expr::ScalarSubquery(subquery(self.query(query)?))),
                ANY_SUBLINK => self.quantified(link, query, SetQuantifier::Any),
                ALL_SUBLINK => self.quantified(link, query, SetQuantifier::All),
                ARRAY_SUBLINK => unsupported("ARRAY of a subquery", "it is not shipped"),
                _ => unsupported(
                    "a row comparison with a subquery",
                    "DuckDB compares rows with NULLs differently",
                ),
            }
        }
    }

    /// `x op ANY (query)`, `x op ALL (query)`.
    ///
    /// # Safety
    /// `link` is an ANY or ALL sublink over `query`.
    unsafe fn quantified(
        &mut self,
        link: &pg_sys::SubLink,
        query: *mut pg_sys::Query,
        quantifier: SetQuantifier,
    ) -> Result<Expr> {
        // SAFETY: as the caller promises; testexpr compares the left side with PARAM_SUBLINKs.
        unsafe {
            if link.testexpr.is_null() || (*link.testexpr).type_ != NodeTag::T_OpExpr {
                return unsupported("IN over several columns", "DuckDB compares rows with NULLs differently");
            }
            let test = &*link.testexpr.cast::<pg_sys::OpExpr>();
            let mut args = list::pointers::<pg_sys::Node>(test.args);
            let (Some(left), Some(right)) = (args.next(), args.next()) else {
                return unsupported("a quantified subquery", "its operator is not binary");
            };
            if !is_sublink_output(right) {
                return unsupported("a quantified subquery", "its column is converted for the comparison");
            }
            let signature = self.operator_signature(
                test.opno,
                test.args,
                types::of_node(link.testexpr),
                test.inputcollid,
            )?;
            let op = comparison_of(&signature)?;
            let expr = Box::new(self.expr(left)?);
            let subquery = subquery(self.query(query)?);
            Ok(if op == Operator::Eq && quantifier == SetQuantifier::Any {
                Expr::InSubquery(InSubquery { expr, subquery, negated: false })
            } else {
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier })
            })
        }
    }
}

/// The subquery's column as it is, or under another name of its type.
///
/// # Safety
/// `node` is an analysed expression.
unsafe fn is_sublink_output(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        match (*node).type_ {
            NodeTag::T_Param => (*node.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_SUBLINK,
            NodeTag::T_RelabelType => is_sublink_output((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
            _ => false,
        }
    }
}
