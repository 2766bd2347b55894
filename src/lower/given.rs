//! A row that Postgres computes when the statement starts: the source of `INSERT .. VALUES (..)`.
//!
//! Its values are parameters. A feed would compute them as well, but costs a ring and a scan for
//! one row.

use bridge_plan::duck::Typed;
use bridge_plan::{build, rules};
use bridge_types::PgType;
use datafusion_expr::Expr;
use datafusion_expr::expr::Placeholder;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::source::Source;
use super::{ParamRef, Result, types};
use crate::pg::list;

/// The only row of `select`, if its values are so simple that no planner is needed for them.
///
/// # Safety
/// `select` is an analysed SELECT, a private copy.
pub(super) unsafe fn row(select: *mut pg_sys::Query) -> Result<Option<Source>> {
    // SAFETY: as the caller promises.
    unsafe {
        if !is_one_row(&*select) {
            return Ok(None);
        }
        let (mut params, mut outputs, mut declared) = (Vec::new(), Vec::new(), Vec::new());
        for target in list::pointers::<pg_sys::TargetEntry>((*select).targetList) {
            let node = (*target).expr.cast::<pg_sys::Node>();
            let type_oid = pg_sys::exprType(node);
            let ty = types::of_node(node);
            // Arrays cross as lists, which parameters are not.
            if (*target).resjunk || pg_sys::get_element_type(ty.oid.into()) != pg_sys::InvalidOid {
                return Ok(None);
            }
            let expr = pg_sys::eval_const_expressions(std::ptr::null_mut(), node);
            if !is_simple(expr) {
                return Ok(None);
            }
            let carrier = types::duck(PgType::new(types::base(type_oid, -1).oid))?;
            let id = format!("${}", params.len() + 1);
            let field = Some(carrier.field(&id));
            outputs.push(Typed::new(Expr::Placeholder(Placeholder { id, field }), carrier));
            params.push(ParamRef { expr, type_oid });
            declared.push(ty);
        }
        let plan = rules::apply_stored(build::project(build::one_row(), outputs)?, &declared)?;
        Ok(Some(Source {
            plan,
            feeds: Vec::new(),
            params,
            plan_time_values: false,
            remote_scans: Vec::new(),
        }))
    }
}

/// True for a SELECT that is a target list and nothing else.
///
/// # Safety
/// An analysed query.
unsafe fn is_one_row(select: &pg_sys::Query) -> bool {
    // SAFETY: a query has a join tree.
    let tree = unsafe { &*select.jointree };
    tree.fromlist.is_null()
        && tree.quals.is_null()
        && select.cteList.is_null()
        && select.setOperations.is_null()
        && select.limitCount.is_null()
        && select.limitOffset.is_null()
        && select.groupClause.is_null()
        && select.havingQual.is_null()
        && !(select.hasAggs || select.hasWindowFuncs || select.hasTargetSRFs || select.hasSubLinks)
}

/// True for values that the executor can compute without a plan: constants, parameters, and
/// functions of Postgres' own over them.
///
/// # Safety
/// An analysed expression.
unsafe fn is_simple(node: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises; the tag says what a node is.
    unsafe {
        match (*node).type_ {
            NodeTag::T_Const | NodeTag::T_SQLValueFunction | NodeTag::T_NextValueExpr => true,
            NodeTag::T_Param => (*node.cast::<pg_sys::Param>()).paramkind == pg_sys::ParamKind::PARAM_EXTERN,
            NodeTag::T_RelabelType => is_simple((*node.cast::<pg_sys::RelabelType>()).arg.cast()),
            NodeTag::T_FuncExpr => {
                let call = &*node.cast::<pg_sys::FuncExpr>();
                call.funcid.to_u32() < pg_sys::FirstNormalObjectId
                    && list::pointers::<pg_sys::Node>(call.args).all(|argument| is_simple(argument))
            }
            _ => false,
        }
    }
}
