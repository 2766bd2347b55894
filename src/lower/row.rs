//! Row values: compared field by field, since DuckDB compares rows with nulls differently.

use std::cmp::Ordering;

use bridge_plan::pg::{PgConstant, PgFunction, Value};
use bridge_types::{PgType, oid};
use datafusion_expr::Expr;
use datafusion_expr::expr::Case;
use pgrx::pg_sys;

use super::scope::Lowerer;
use super::{Result, function, types, unsupported};
use crate::pg::{compat, list};

const BOOLEAN: PgType = PgType::new(oid::BOOL);

/// A boolean constant.
pub(super) fn boolean(value: bool) -> Expr {
    PgConstant::expr(BOOLEAN, Value::Bool(value))
}

/// One operator of a row comparison with its operands.
struct Field {
    operator: pg_sys::Oid,
    family: pg_sys::Oid,
    collation: pg_sys::Oid,
    left: Expr,
    right: Expr,
    types: Vec<PgType>,
}

impl Lowerer {
    /// `(a, b) < (c, d)`  ==>  `a <= c AND CASE WHEN a = c THEN b < d ELSE true END`, and so on.
    /// The first conjunct is what DuckDB can prune by.
    ///
    /// # Safety
    /// `comparison` is a folded node of the current level.
    pub(super) unsafe fn row_comparison(&mut self, comparison: &pg_sys::RowCompareExpr) -> Result<Expr> {
        let or_equal = match compat::row_comparison(comparison) {
            Some(Ordering::Less) => pg_sys::BTLessEqualStrategyNumber,
            Some(Ordering::Greater) => pg_sys::BTGreaterEqualStrategyNumber,
            _ => return unsupported("a row comparison", "its operator is not an order"),
        };
        // SAFETY: as the caller promises: lists of one length.
        unsafe {
            let lefts = list::pointers::<pg_sys::Node>(comparison.largs);
            let rights = list::pointers::<pg_sys::Node>(comparison.rargs);
            let operators = list::oids(comparison.opnos).into_iter();
            let families = list::oids(comparison.opfamilies).into_iter();
            let collations = list::oids(comparison.inputcollids).into_iter();
            let mut fields = Vec::new();
            for ((((left, right), operator), family), collation) in
                lefts.zip(rights).zip(operators).zip(families).zip(collations)
            {
                let types = vec![types::of_node(left), types::of_node(right)];
                let (left, right) = (self.expr(left)?, self.expr(right)?);
                fields.push(Field { operator, family, collation, left, right, types });
            }
            let Some(last) = fields.pop() else {
                return unsupported("a row comparison", "its rows are empty");
            };
            let mut result = last.compare(last.operator)?;
            for field in fields.into_iter().rev() {
                let equal = field.compare(field.member(pg_sys::BTEqualStrategyNumber)?)?;
                let first = field.compare(field.member(or_equal)?)?;
                let rest = Expr::Case(Case {
                    expr: None,
                    when_then_expr: vec![(Box::new(equal), Box::new(result))],
                    else_expr: Some(Box::new(boolean(true))),
                });
                result = PgFunction::syntax("and", BOOLEAN, vec![first, rest]);
            }
            Ok(result)
        }
    }
}

impl Field {
    /// The operator of the same family and types that has a strategy.
    fn member(&self, strategy: u32) -> Result<pg_sys::Oid> {
        let strategy = i16::try_from(strategy).expect("btree has five strategies");
        let (mut left, mut right) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        // SAFETY: catalog look-ups on the main thread.
        let member = unsafe {
            pg_sys::op_input_types(self.operator, &raw mut left, &raw mut right);
            pg_sys::get_opfamily_member(self.family, left, right, strategy)
        };
        if member == pg_sys::InvalidOid {
            return unsupported("a row comparison", "the operators of its fields are incomplete");
        }
        Ok(member)
    }

    fn compare(&self, operator: pg_sys::Oid) -> Result<Expr> {
        let signature = function::operator(operator, self.types.clone(), BOOLEAN, self.collation)?;
        Ok(PgFunction::call(signature, vec![self.left.clone(), self.right.clone()]))
    }
}
