//! Functions, aggregates and window functions over placeholder types, chosen again.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::expr::type_name;
use super::level::Resolver;
use crate::error::Result;
use crate::pg::{self, list};

impl Resolver {
    /// Was the function called with placeholders? Either it takes them, or it is polymorphic
    /// and its result was one.
    unsafe fn takes_placeholder(&self, function: pg_sys::Oid, result: pg_sys::Oid) -> bool {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: a catalog look-up on the main thread.
        unsafe {
            let array = pg_sys::get_array_type(self.placeholders.unresolved);
            if result == self.placeholders.unresolved || (array != pg_sys::InvalidOid && result == array) {
                return true;
            }
            pg_sys::get_func_signature(function, &mut types, &mut count);
            (0..usize::try_from(count).unwrap_or(0)).any(|i| *types.add(i) == self.placeholders.unresolved)
        }
    }

    /// Finds Postgres' own function of the same name for the real argument types, and the
    /// arguments coerced to what it takes.
    unsafe fn choose(
        &mut self,
        function: pg_sys::Oid,
        args: Vec<*mut pg_sys::Node>,
    ) -> Result<(pg_sys::Oid, pg_sys::Oid, *mut pg_sys::List)> {
        // SAFETY: valid expressions; Postgres' parser functions in the usual order
        // (ParseFuncOrColumn).
        unsafe {
            let name = pg_sys::get_func_name(function);
            let names = list::append(
                std::ptr::null_mut(),
                pg_sys::makeString(pg_sys::pstrdup(c"pg_catalog".as_ptr())),
            );
            let names = list::append(names, pg_sys::makeString(name));
            let args: Vec<_> = args.into_iter().map(|arg| self.untyped(arg)).collect();
            self.settle_parameters(&args);
            let list_of = args.iter().fold(std::ptr::null_mut(), |list, arg| list::append(list, *arg));
            let mut types: Vec<_> = args.iter().map(|arg| pg_sys::exprType(*arg)).collect();
            let (mut found, mut result, mut retset, mut nvargs, mut vatype) =
                (pg_sys::InvalidOid, pg_sys::InvalidOid, false, 0, pg_sys::InvalidOid);
            let mut declared = std::ptr::null_mut();
            let count = i32::try_from(types.len()).unwrap_or(i32::MAX);
            let detail = pg_sys::func_get_detail(
                names,
                list_of,
                std::ptr::null_mut(),
                count,
                types.as_mut_ptr(),
                false,
                false,
                false,
                &mut found,
                &mut result,
                &mut retset,
                &mut nvargs,
                &mut vatype,
                &mut declared,
                std::ptr::null_mut(),
            );
            if detail == pg_sys::FuncDetailCode::FUNCDETAIL_NOTFOUND || found == pg_sys::InvalidOid {
                let types: Vec<_> = types.into_iter().map(type_name).collect();
                return Err(EngineError::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("function {}({}) does not exist", pg::owned_string(name), types.join(", ")),
                )
                .with_hint("Cast the file's columns to the types that the function takes.")
                .into());
            }
            let result =
                pg_sys::enforce_generic_type_consistency(types.as_ptr(), declared, count, result, false);
            pg_sys::make_fn_arguments(self.parse_state, list_of, types.as_mut_ptr(), declared);
            Ok((found, result, list_of))
        }
    }

    /// A plain call.
    ///
    /// # Safety
    /// A fresh copy of a valid call, its arguments resolved.
    pub(super) unsafe fn function(&mut self, node: *mut pg_sys::FuncExpr) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.takes_placeholder((*node).funcid, (*node).funcresulttype) {
                return Ok(node.cast());
            }
            let (function, result, args) =
                self.choose((*node).funcid, list::pointers((*node).args).collect())?;
            ((*node).funcid, (*node).funcresulttype, (*node).args) = (function, result, args);
            pg_sys::assign_expr_collations(self.parse_state, node.cast());
            Ok(node.cast())
        }
    }

    /// An aggregate.
    ///
    /// # Safety
    /// A fresh copy of a valid call, its arguments resolved.
    pub(super) unsafe fn aggregate(&mut self, node: *mut pg_sys::Aggref) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.takes_placeholder((*node).aggfnoid, (*node).aggtype) {
                return Ok(node.cast());
            }
            let targets: Vec<*mut pg_sys::TargetEntry> = list::pointers((*node).args).collect();
            let args = targets.iter().filter(|t| !(***t).resjunk).map(|t| (**t).expr.cast()).collect();
            let (function, result, args) = self.choose((*node).aggfnoid, args)?;
            let mut types = std::ptr::null_mut();
            for (target, arg) in targets.iter().zip(list::pointers::<pg_sys::Expr>(args)) {
                (**target).expr = arg;
                types = pg_sys::lappend_oid(types, pg_sys::exprType(arg.cast()));
            }
            for clauses in [(*node).aggdistinct, (*node).aggorder] {
                for clause in list::pointers::<pg_sys::SortGroupClause>(clauses) {
                    self.retype(clause, (*node).args);
                }
            }
            ((*node).aggfnoid, (*node).aggtype, (*node).aggargtypes) = (function, result, types);
            (*node).aggtranstype = pg_sys::InvalidOid;
            pg_sys::assign_expr_collations(self.parse_state, node.cast());
            Ok(node.cast())
        }
    }

    /// A window function.
    ///
    /// # Safety
    /// A fresh copy of a valid call, its arguments resolved.
    pub(super) unsafe fn window_function(
        &mut self,
        node: *mut pg_sys::WindowFunc,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.takes_placeholder((*node).winfnoid, (*node).wintype) {
                return Ok(node.cast());
            }
            let (function, result, args) =
                self.choose((*node).winfnoid, list::pointers((*node).args).collect())?;
            ((*node).winfnoid, (*node).wintype, (*node).args) = (function, result, args);
            pg_sys::assign_expr_collations(self.parse_state, node.cast());
            Ok(node.cast())
        }
    }
}
