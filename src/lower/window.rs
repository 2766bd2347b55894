//! Window functions.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::pg::PgAggregate;
use datafusion_common::ScalarValue;
use datafusion_expr::expr::{WindowFunction, WindowFunctionParams};
use datafusion_expr::{Expr, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition};
use pgrx::pg_sys;

use super::expr::{arg_types, fold};
use super::scope::{Computed, Lowerer};
use super::{Result, function, types, unsupported};
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
                partition_by.push(self.folded(node)?);
            }
            let order_by = self.sort_list((*clause).orderClause, (*query).targetList)?;
            let filter = if call.aggfilter.is_null() {
                None
            } else {
                Some(Box::new(self.expr(call.aggfilter.cast())?))
            };
            let params = WindowFunctionParams {
                args,
                partition_by,
                order_by,
                window_frame: frame(&*clause)?,
                filter,
                null_treatment: None,
                distinct: false,
            };
            let fun = WindowFunctionDefinition::AggregateUDF(PgAggregate::udf(signature));
            let window = WindowFunction { fun, params };
            Ok(Typed::new(Expr::WindowFunction(Box::new(window)), types::duck(result)?))
        }
    }
}

/// # Safety
/// `clause` is a valid window clause.
unsafe fn frame(clause: &pg_sys::WindowClause) -> Result<WindowFrame> {
    let options = clause.frameOptions.cast_unsigned();
    let has = |option: u32| options & option != 0;
    if has(pg_sys::FRAMEOPTION_EXCLUSION) {
        return unsupported("EXCLUDE in a window frame", "it is not shipped");
    }
    let units = if has(pg_sys::FRAMEOPTION_ROWS) {
        WindowFrameUnits::Rows
    } else if has(pg_sys::FRAMEOPTION_GROUPS) {
        WindowFrameUnits::Groups
    } else {
        WindowFrameUnits::Range
    };
    // SAFETY: an offset node goes with its option.
    let (start_offset, end_offset) = unsafe {
        (
            if has(pg_sys::FRAMEOPTION_START_OFFSET) {
                Some(offset(clause.startOffset, units)?)
            } else {
                None
            },
            if has(pg_sys::FRAMEOPTION_END_OFFSET) { Some(offset(clause.endOffset, units)?) } else { None },
        )
    };
    let unbounded = ScalarValue::Int64(None);
    let start = if has(pg_sys::FRAMEOPTION_START_CURRENT_ROW) {
        WindowFrameBound::CurrentRow
    } else if let Some(offset) = start_offset {
        bound(offset, has(pg_sys::FRAMEOPTION_START_OFFSET_PRECEDING))
    } else {
        WindowFrameBound::Preceding(unbounded.clone())
    };
    let end = if has(pg_sys::FRAMEOPTION_END_CURRENT_ROW) {
        WindowFrameBound::CurrentRow
    } else if let Some(offset) = end_offset {
        bound(offset, has(pg_sys::FRAMEOPTION_END_OFFSET_PRECEDING))
    } else {
        WindowFrameBound::Following(unbounded)
    };
    Ok(WindowFrame::new_bounds(units, start, end))
}

fn bound(offset: ScalarValue, preceding: bool) -> WindowFrameBound {
    if preceding { WindowFrameBound::Preceding(offset) } else { WindowFrameBound::Following(offset) }
}

/// A frame offset: a constant number of rows or groups.
///
/// # Safety
/// `node` is an analysed expression.
unsafe fn offset(node: *mut pg_sys::Node, units: WindowFrameUnits) -> Result<ScalarValue> {
    // SAFETY: as the caller promises; ROWS and GROUPS offsets are bigint.
    unsafe {
        let folded = fold(node);
        if units != WindowFrameUnits::Range && (*folded).type_ == pg_sys::NodeTag::T_Const {
            let constant = &*folded.cast::<pg_sys::Const>();
            if constant.consttype == pg_sys::INT8OID && !constant.constisnull {
                let rows = constant.constvalue.value().cast_signed() as i64;
                if rows >= 0 {
                    return Ok(ScalarValue::Int64(Some(rows)));
                }
            }
        }
        unsupported("a window frame offset", "it is not a constant number of rows or groups")
    }
}
