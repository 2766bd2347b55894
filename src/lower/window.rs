//! Window functions.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::frame::{Bound, Exclude, Frame};
use bridge_plan::pg::{PgAggregate, PgConstant, Value};
use datafusion_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion_expr::{Expr, WindowFrameUnits, WindowFunctionDefinition};
use pgrx::pg_sys;

use super::expr::{arg_types, fold};
use super::scope::{Computed, Lowerer};
use super::{Result, constant, function, types, unsupported};
use crate::pg::list;

impl Lowerer {
    /// A reference to a window function, computed once however often it is written.
    ///
    /// # Safety
    /// `node` is a folded WindowFunc of this level.
    pub(super) unsafe fn window_function(&mut self, node: *mut pg_sys::WindowFunc) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let same = |known: &&Computed| pg_sys::equal(node.cast(), known.node.cast());
            if let Some(known) = self.scope().windows.iter().find(same) {
                return Ok(Expr::Column(build::unqualified(&known.name)));
            }
            let typed = self.window_call(&*node)?;
            let name = self.unique("w");
            self.scope().windows.push(Computed { node: node.cast(), name: name.clone(), typed });
            Ok(Expr::Column(build::unqualified(&name)))
        }
    }

    /// # Safety
    /// `call` is a valid WindowFunc of this level.
    unsafe fn window_call(&mut self, call: &pg_sys::WindowFunc) -> Result<Typed> {
        // SAFETY: as the caller promises.
        unsafe {
            let result = types::of_node(std::ptr::from_ref(call).cast());
            let signature =
                function::signature(call.winfnoid, arg_types(call.args), result, call.inputcollid, None)?;
            let query = self.scope().query;
            let clause = list::pointers::<pg_sys::WindowClause>((*query).windowClause)
                .find(|clause| (**clause).winref == call.winref);
            let Some(clause) = clause else {
                return unsupported(signature.display, "its window is not defined");
            };
            let args = list::pointers::<pg_sys::Node>(call.args)
                .map(|arg| self.expr(arg))
                .collect::<Result<Vec<_>>>()?;
            let mut partition_by = Vec::new();
            for key in list::pointers::<pg_sys::SortGroupClause>((*clause).partitionClause) {
                let entry = pg_sys::get_sortgroupclause_tle(key, (*query).targetList);
                let node = (*entry).expr.cast::<pg_sys::Node>();
                function::check_equality("PARTITION BY", pg_sys::exprCollation(node))?;
                types::check_comparable("PARTITION BY", types::of_node(node))?;
                partition_by.push(self.folded(node)?);
            }
            let order_by = self.sort_list((*clause).orderClause, (*query).targetList)?;
            let filter = if call.aggfilter.is_null() {
                None
            } else {
                Some(Box::new(self.expr(call.aggfilter.cast())?))
            };
            let frame = frame(&*clause)?;
            let params = WindowFunctionParams {
                args,
                partition_by,
                order_by,
                window_frame: frame.displayed(),
                filter,
                null_treatment: None,
                distinct: false,
            };
            let fun = WindowFunctionDefinition::AggregateUDF(PgAggregate::window(signature, frame));
            let window = WindowFunction { fun, params };
            Ok(Typed::new(Expr::WindowFunction(Box::new(window)), types::duck(result)?))
        }
    }
}

/// # Safety
/// `clause` is a valid window clause.
unsafe fn frame(clause: &pg_sys::WindowClause) -> Result<Frame> {
    let options = clause.frameOptions.cast_unsigned();
    let has = |option: u32| options & option != 0;
    let units = if has(pg_sys::FRAMEOPTION_ROWS) {
        WindowFrameUnits::Rows
    } else if has(pg_sys::FRAMEOPTION_GROUPS) {
        WindowFrameUnits::Groups
    } else {
        WindowFrameUnits::Range
    };
    // SAFETY: an offset node goes with its option.
    let (start, end) = unsafe {
        let start = if has(pg_sys::FRAMEOPTION_START_CURRENT_ROW) {
            Bound::CurrentRow
        } else if has(pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING) {
            Bound::Preceding(offset(clause.startOffset)?)
        } else if has(pg_sys::FRAMEOPTION_START_OFFSET_FOLLOWING) {
            Bound::Following(offset(clause.startOffset)?)
        } else {
            Bound::Unbounded
        };
        let end = if has(pg_sys::FRAMEOPTION_END_CURRENT_ROW) {
            Bound::CurrentRow
        } else if has(pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING) {
            Bound::Preceding(offset(clause.endOffset)?)
        } else if has(pg_sys::FRAMEOPTION_END_OFFSET_FOLLOWING) {
            Bound::Following(offset(clause.endOffset)?)
        } else {
            Bound::Unbounded
        };
        (start, end)
    };
    let exclude = if has(pg_sys::FRAMEOPTION_EXCLUDE_CURRENT_ROW) {
        Exclude::CurrentRow
    } else if has(pg_sys::FRAMEOPTION_EXCLUDE_GROUP) {
        Exclude::Group
    } else if has(pg_sys::FRAMEOPTION_EXCLUDE_TIES) {
        Exclude::Ties
    } else {
        Exclude::NoOthers
    };
    Ok(Frame { units, start, end, exclude })
}

/// A frame offset: a constant that is neither null nor negative, which would be an error.
///
/// # Safety
/// `node` is an analysed expression.
unsafe fn offset(node: *mut pg_sys::Node) -> Result<Expr> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        let folded = fold(node);
        if (*folded).type_ == pg_sys::NodeTag::T_Const {
            let expr = constant::lower(folded.cast())?;
            if PgConstant::of(&expr).is_some_and(|constant| is_positive_or_zero(&constant.value)) {
                return Ok(expr);
            }
        }
        unsupported("a window frame offset", "it is not a constant, or a negative one")
    }
}

/// Of intervals, true for those with no negative field.
fn is_positive_or_zero(value: &Value) -> bool {
    match value {
        Value::Int(value) => *value >= 0,
        Value::Float(text) | Value::Numeric(text) => !text.starts_with('-'),
        Value::Interval { months, days, micros } => *months >= 0 && *days >= 0 && *micros >= 0,
        _ => false,
    }
}
