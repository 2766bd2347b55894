//! Subqueries in expressions, correlated or not. They stay where they are: DuckDB decorrelates.

use std::sync::Arc;

use bridge_plan::DuckType;
use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::functions::comparison_of;
use bridge_plan::pg::{Collation, PgAggregate, PgConstant, PgFunction, Signature, Value};
use bridge_types::{PgType, oid};
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::expr::{AggregateFunction, Case, Exists, InSubquery, SetComparison, SetQuantifier};
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{Expr, LogicalPlan, Operator};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use pgrx::pg_sys::SubLinkType::{
    ALL_SUBLINK, ANY_SUBLINK, ARRAY_SUBLINK, EXISTS_SUBLINK, EXPR_SUBLINK, ROWCOMPARE_SUBLINK,
};

use super::row::boolean;
use super::scope::Lowerer;
use super::{Result, unsupported};
use crate::pg::list;

const BOOLEAN: PgType = PgType::new(oid::BOOL);

/// A plan as DataFusion's expressions hold it.
pub(super) fn subquery(plan: LogicalPlan) -> Subquery {
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
        let query = link.subselect.cast::<pg_sys::Query>();
        // SAFETY: as the caller promises.
        unsafe {
            match link.subLinkType {
                EXISTS_SUBLINK => {
                    let plan = self.exists_query(query)?;
                    Ok(Expr::Exists(Exists { subquery: subquery(plan), negated: false }))
                }
                EXPR_SUBLINK => Ok(Expr::ScalarSubquery(subquery(self.query(query)?))),
                ANY_SUBLINK | ALL_SUBLINK => match plain_test(link) {
                    Some(test) => self.quantified(link, test),
                    None => self.quantified_test(link),
                },
                ARRAY_SUBLINK => self.array_of(link),
                ROWCOMPARE_SUBLINK => {
                    // One row, compared where it comes from; NULL if there is none.
                    let (rows, test) = self.tested_rows(link)?;
                    let plan = build::project(rows, vec![Typed::new(test, DuckType::Boolean)])?;
                    Ok(Expr::ScalarSubquery(subquery(plan)))
                }
                other => unsupported(format!("sublink {other}"), "it is not known"),
            }
        }
    }

    /// A conjunct of a condition. Where false and unknown are the same, a comparison of several
    /// columns with a subquery is an EXISTS, which DuckDB does by hashing:
    ///
    /// ```text
    /// (a, b) IN (query)        ==>  EXISTS (rows where a = c0 AND b = c1)
    /// (a, b) NOT IN (query)    ==>  NOT EXISTS (rows where (a = c0 AND b = c1) is not false)
    /// (a, b) op ALL (query)    ==>  NOT EXISTS (rows where (a, b) op (c0, c1) is not true)
    /// ```
    ///
    /// # Safety
    /// `node` is a folded condition of the current level.
    pub(super) unsafe fn conjunct(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises; the tags say what the nodes are.
        unsafe {
            let mut link = node;
            let mut negated = false;
            if (*node).type_ == NodeTag::T_BoolExpr {
                let not = &*node.cast::<pg_sys::BoolExpr>();
                negated = not.boolop == pg_sys::BoolExprType::NOT_EXPR;
                link = list::pointers(not.args).next().expect("a boolean expression has arguments");
            }
            let sublink = &*link.cast::<pg_sys::SubLink>();
            let quantified = (*link).type_ == NodeTag::T_SubLink
                && matches!(sublink.subLinkType, ANY_SUBLINK | ALL_SUBLINK);
            if !quantified || (link != node && !negated) || plain_test(sublink).is_some() {
                return self.expr(node);
            }
            let (rows, test) = self.tested_rows(sublink)?;
            let (test, negated) = match (sublink.subLinkType, negated) {
                (ANY_SUBLINK, false) => (test, false),
                (ANY_SUBLINK, true) => (PgFunction::syntax("is_not_false", BOOLEAN, vec![test]), true),
                (_, false) => (PgFunction::syntax("is_not_true", BOOLEAN, vec![test]), true),
                (_, true) => (PgFunction::syntax("not", BOOLEAN, vec![test]), false),
            };
            let plan = build::project(build::filter(rows, test)?, Vec::new())?;
            Ok(Expr::Exists(Exists { subquery: subquery(plan), negated }))
        }
    }

    /// `x op ANY (query)`, `x op ALL (query)` over one column as it is.
    ///
    /// # Safety
    /// `test` is the [`plain_test`] of `link`.
    unsafe fn quantified(&mut self, link: &pg_sys::SubLink, test: &pg_sys::OpExpr) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let left = list::pointers::<pg_sys::Node>(test.args).next().expect("the operator is binary");
            let signature = self.operator_signature(test.opno, test.args, BOOLEAN, test.inputcollid)?;
            let op = comparison_of(&signature)?;
            let expr = Box::new(self.expr(left)?);
            let subquery = subquery(self.query(link.subselect.cast())?);
            let any = link.subLinkType == ANY_SUBLINK;
            Ok(if op == Operator::Eq && any {
                Expr::InSubquery(InSubquery { expr, subquery, negated: false })
            } else {
                let quantifier = if any { SetQuantifier::Any } else { SetQuantifier::All };
                Expr::SetComparison(SetComparison { expr, subquery, op, quantifier })
            })
        }
    }

    /// ANY and ALL by any other test, as an aggregate over the rows: true (ALL: false) if the test
    /// is for one of them, else unknown if it is for one of them, else false (ALL: true).
    ///
    /// # Safety
    /// `link` is an ANY or ALL sublink of the current level.
    unsafe fn quantified_test(&mut self, link: &pg_sys::SubLink) -> Result<Expr> {
        // SAFETY: as the caller promises.
        let (rows, test) = unsafe { self.tested_rows(link)? };
        let any = link.subLinkType == ANY_SUBLINK;
        let decisive =
            if any { test.clone() } else { PgFunction::syntax("not", BOOLEAN, vec![test.clone()]) };
        let (decided, unknown) = (self.unique("a"), self.unique("a"));
        let aggregates = vec![
            (decided.clone(), bool_or(decisive)),
            (unknown.clone(), bool_or(Expr::IsNull(Box::new(test)))),
        ];
        let plan = build::aggregate(rows, Vec::new(), aggregates)?;
        let when =
            |name: &str, then: Expr| (Box::new(Expr::Column(build::unqualified(name))), Box::new(then));
        let answer = Expr::Case(Case {
            expr: None,
            when_then_expr: vec![
                when(&decided, boolean(any)),
                when(&unknown, PgConstant::expr(BOOLEAN, Value::Null)),
            ],
            else_expr: Some(Box::new(boolean(!any))),
        });
        let plan = build::project(plan, vec![Typed::new(answer, DuckType::Boolean)])?;
        Ok(Expr::ScalarSubquery(subquery(plan)))
    }

    /// The rows of a sublink's query as an item of FROM, and its test over them.
    ///
    /// # Safety
    /// `link` is a sublink of the current level that has a test.
    unsafe fn tested_rows(&mut self, link: &pg_sys::SubLink) -> Result<(LogicalPlan, Expr)> {
        // SAFETY: as the caller promises.
        unsafe {
            let plan = self.query(link.subselect.cast())?;
            let alias = self.unique("r");
            self.scope().sublink_rows.push(alias.clone());
            let test = self.expr(link.testexpr);
            self.scope().sublink_rows.pop();
            let test = test?;
            if refers_to_computed(&test) {
                return unsupported(
                    "a comparison of rows with a subquery",
                    "it compares groups or windows, which the subquery cannot refer to",
                );
            }
            Ok((build::subquery_alias(plan, &alias)?, test))
        }
    }
}

/// The test of an ANY or ALL sublink that compares one column, as it is, with one value.
///
/// # Safety
/// `link` is a valid sublink.
unsafe fn plain_test(link: &pg_sys::SubLink) -> Option<&pg_sys::OpExpr> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        if link.testexpr.is_null() || (*link.testexpr).type_ != NodeTag::T_OpExpr {
            return None;
        }
        let test = &*link.testexpr.cast::<pg_sys::OpExpr>();
        list::pointers::<pg_sys::Node>(test.args).nth(1).is_some_and(|right| is_output(right)).then_some(test)
    }
}

/// The subquery's column as it is, or under another name of its type.
///
/// # Safety
/// `node` is an analysed expression.
unsafe fn is_output(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        match (*node).type_ {
            NodeTag::T_Param => (*node.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_SUBLINK,
            NodeTag::T_RelabelType => is_output((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
            _ => false,
        }
    }
}

/// True if an expression has columns that only its own level knows.
fn refers_to_computed(expr: &Expr) -> bool {
    let mut found = false;
    let walked = expr.apply(|inner| {
        found |= matches!(inner, Expr::Column(column) if column.relation.is_none());
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    debug_assert!(walked.is_ok(), "the visitor returns no errors");
    found
}

fn bool_or(arg: Expr) -> Typed {
    let signature = Signature {
        name: "bool_or".to_owned(),
        declared: vec![oid::BOOL],
        args: vec![BOOLEAN],
        result: BOOLEAN,
        collation: Collation::None,
        display: "a quantified subquery".to_owned(),
    };
    let call =
        AggregateFunction::new_udf(PgAggregate::udf(signature), vec![arg], false, None, Vec::new(), None);
    Typed::new(Expr::AggregateFunction(call), DuckType::Boolean)
}
