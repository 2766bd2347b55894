//! Expressions over placeholder types, built again with the real ones.
//!
//! Operators, casts, functions and aggregates are chosen by Postgres' own parser functions,
//! so the result is what the user would have got on a table with these column types.

use std::ffi::c_void;

use bridge_types::{EngineError, SqlState, Unsupported};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::level::{Column, Meaning, Resolver};
use crate::error::{self, Result};
use crate::pg::{self, list};

impl Resolver {
    /// Rewrites every expression of a level (not those of its subqueries in FROM).
    ///
    /// # Safety
    /// `query` is the query of the innermost level.
    pub(super) unsafe fn rewrite_expressions(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // Join aliases name columns that Vars refer to directly; nothing reads the others.
        const FLAGS: u32 = pg_sys::QTW_IGNORE_RT_SUBQUERIES
            | pg_sys::QTW_IGNORE_CTE_SUBQUERIES
            | pg_sys::QTW_IGNORE_JOINALIASES
            | pg_sys::QTW_DONT_COPY_QUERY;
        // SAFETY: the mutator gets back this resolver, alone, while the walk runs.
        unsafe {
            pg_sys::query_tree_mutator(
                query,
                mutator(),
                std::ptr::from_mut(self).cast(),
                FLAGS.cast_signed(),
            );
        }
        Ok(())
    }

    unsafe fn rewrite(&mut self, node: *mut pg_sys::Node) -> Result<*mut pg_sys::Node> {
        if node.is_null() {
            return Ok(node);
        }
        // SAFETY: a valid node of the tree being rewritten; casts follow the tag.
        unsafe {
            match (*node).type_ {
                pg_sys::NodeTag::T_Query => {
                    self.level(node.cast())?;
                    return Ok(node);
                }
                // Expanded with the target list.
                pg_sys::NodeTag::T_TargetEntry
                    if self.row_of((*node.cast::<pg_sys::TargetEntry>()).expr.cast()).is_some() =>
                {
                    return Ok(node);
                }
                pg_sys::NodeTag::T_TargetEntry => self.name_after_column(node.cast()),
                pg_sys::NodeTag::T_RangeTblRef => return Ok(node),
                pg_sys::NodeTag::T_Var => return self.var(node.cast()),
                pg_sys::NodeTag::T_SubscriptingRef => return self.subscript(node.cast()),
                _ => {}
            }
            let copy = pg_sys::expression_tree_mutator(node, mutator(), std::ptr::from_mut(self).cast());
            match (*copy).type_ {
                pg_sys::NodeTag::T_OpExpr => self.operator(copy.cast()),
                pg_sys::NodeTag::T_ScalarArrayOpExpr => self.array_operator(copy.cast()),
                pg_sys::NodeTag::T_CoerceViaIO => self.cast(node.cast(), copy.cast()),
                pg_sys::NodeTag::T_FuncExpr => self.function(copy.cast()),
                pg_sys::NodeTag::T_Aggref => self.aggregate(copy.cast()),
                pg_sys::NodeTag::T_WindowFunc => self.window_function(copy.cast()),
                pg_sys::NodeTag::T_CaseExpr => self.case(copy.cast()),
                pg_sys::NodeTag::T_CoalesceExpr => {
                    let coalesce = copy.cast::<pg_sys::CoalesceExpr>();
                    if (*coalesce).coalescetype == self.placeholders.unresolved {
                        let (args, type_oid, collation) = self.common((*coalesce).args, "COALESCE")?;
                        ((*coalesce).args, (*coalesce).coalescetype, (*coalesce).coalescecollid) =
                            (args, type_oid, collation);
                    }
                    Ok(copy)
                }
                pg_sys::NodeTag::T_MinMaxExpr => {
                    let min_max = copy.cast::<pg_sys::MinMaxExpr>();
                    if (*min_max).minmaxtype == self.placeholders.unresolved {
                        let (args, type_oid, collation) = self.common((*min_max).args, "GREATEST/LEAST")?;
                        ((*min_max).args, (*min_max).minmaxtype) = (args, type_oid);
                        ((*min_max).minmaxcollid, (*min_max).inputcollid) = (collation, collation);
                    }
                    Ok(copy)
                }
                _ => Ok(copy),
            }
        }
    }

    /// Postgres names an output `r['c']` after `r`; a user means `c`.
    unsafe fn name_after_column(&self, target: *mut pg_sys::TargetEntry) {
        // SAFETY: a valid target entry; casts follow the tag.
        unsafe {
            let mut expr = (*target).expr.cast::<pg_sys::Node>();
            loop {
                expr = match (*expr).type_ {
                    pg_sys::NodeTag::T_CoerceViaIO => (*expr.cast::<pg_sys::CoerceViaIO>()).arg.cast(),
                    pg_sys::NodeTag::T_RelabelType => (*expr.cast::<pg_sys::RelabelType>()).arg.cast(),
                    _ => break,
                };
            }
            if (*expr).type_ != pg_sys::NodeTag::T_SubscriptingRef || (*target).resname.is_null() {
                return;
            }
            let subscript = expr.cast::<pg_sys::SubscriptingRef>();
            let row = (*subscript).refexpr.cast::<pg_sys::Node>();
            let Some(relation) = self.row_name(row) else { return };
            if pg::owned_string((*target).resname) == relation
                && let Ok(name) = constant_text(only((*subscript).refupperindexpr))
            {
                (*target).resname = pg::palloc_string(&name);
            }
        }
    }

    unsafe fn var(&self, var: *mut pg_sys::Var) -> Result<*mut pg_sys::Node> {
        // SAFETY: a valid Var.
        unsafe {
            match self.meaning((*var).varno, (*var).varattno, (*var).varlevelsup) {
                None => Ok(var.cast()),
                Some(Meaning::One(column)) => Ok(column.var((*var).varno, (*var).varlevelsup)?.cast()),
                Some(Meaning::Row(_)) => Err(Unsupported::new(
                    "a whole row of a file as a value",
                    "its columns can be selected by * and named by r['column']",
                )
                .into()),
            }
        }
    }

    /// `r['column']`, and subscripts of what that is.
    unsafe fn subscript(&mut self, node: *mut pg_sys::SubscriptingRef) -> Result<*mut pg_sys::Node> {
        // SAFETY: a valid node; its lists have one subscript each for placeholder types.
        unsafe {
            let inner = (*node).refexpr.cast::<pg_sys::Node>();
            if let Some(columns) = self.row_of(inner) {
                let var = inner.cast::<pg_sys::Var>();
                let name = constant_text(only((*node).refupperindexpr))?;
                let column = find_column(columns, &name)?;
                return Ok(column.var((*var).varno, (*var).varlevelsup)?.cast());
            }
            if (*node).refcontainertype != self.placeholders.unresolved {
                let copy =
                    pg_sys::expression_tree_mutator(node.cast(), mutator(), std::ptr::from_mut(self).cast());
                return Ok(copy);
            }
            let container = self.rewrite(inner)?;
            let index = self.rewrite(only((*node).refupperindexpr))?;
            if !(*node).reflowerindexpr.is_null() {
                return Err(Unsupported::new(
                    "a slice of a file's column",
                    "cast the column to its array type first",
                )
                .into());
            }
            let index = pg_sys::coerce_to_target_type(
                self.parse_state,
                index,
                pg_sys::exprType(index),
                pg_sys::INT4OID,
                -1,
                pg_sys::CoercionContext::COERCION_ASSIGNMENT,
                pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
                -1,
            );
            let container_type = pg_sys::exprType(container);
            // A second subscript of an array belongs to the same node as the first.
            if (*container).type_ == pg_sys::NodeTag::T_SubscriptingRef && !index.is_null() {
                let array = container.cast::<pg_sys::SubscriptingRef>();
                (*array).refupperindexpr = list::append((*array).refupperindexpr, index);
                return Ok(container);
            }
            let element = pg_sys::get_element_type(container_type);
            if element == pg_sys::InvalidOid || index.is_null() {
                return Err(Unsupported::new(
                    format!("subscripting a value of type {}", type_name(container_type)),
                    "only columns of lists can be subscripted, by integers",
                )
                .into());
            }
            let array = pg_sys::copyObjectImpl(node.cast()).cast::<pg_sys::SubscriptingRef>();
            (*array).refcontainertype = container_type;
            (*array).refelemtype = element;
            (*array).refrestype = element;
            (*array).reftypmod = pg_sys::exprTypmod(container);
            (*array).refcollid = pg_sys::exprCollation(container);
            (*array).refupperindexpr = list::append(std::ptr::null_mut(), index);
            (*array).refexpr = container.cast();
            Ok(array.cast())
        }
    }

    fn is_placeholder_operator(&self, operator: pg_sys::Oid) -> bool {
        let (mut left, mut right) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        // SAFETY: an operator of the query.
        unsafe { pg_sys::op_input_types(operator, &mut left, &mut right) };
        left == self.placeholders.unresolved || right == self.placeholders.unresolved
    }

    unsafe fn operator(&self, node: *mut pg_sys::OpExpr) -> Result<*mut pg_sys::Node> {
        // SAFETY: a fresh copy of a valid operator expression.
        unsafe {
            if !self.is_placeholder_operator((*node).opno) {
                return Ok(node.cast());
            }
            let name =
                list::append(std::ptr::null_mut(), pg_sys::makeString(pg_sys::get_opname((*node).opno)));
            let args: Vec<*mut pg_sys::Node> =
                list::pointers((*node).args).map(|arg| self.untyped(arg)).collect();
            let (left, right) = match args[..] {
                [only] => (std::ptr::null_mut(), only),
                [left, right] => (left, right),
                _ => return Ok(node.cast()),
            };
            let made =
                pg_sys::make_op(self.parse_state, name, left, right, std::ptr::null_mut(), (*node).location);
            pg_sys::assign_expr_collations(self.parse_state, made.cast());
            Ok(made.cast())
        }
    }

    unsafe fn array_operator(&self, node: *mut pg_sys::ScalarArrayOpExpr) -> Result<*mut pg_sys::Node> {
        // SAFETY: a fresh copy of a valid expression with two arguments.
        unsafe {
            if !self.is_placeholder_operator((*node).opno) {
                return Ok(node.cast());
            }
            let name =
                list::append(std::ptr::null_mut(), pg_sys::makeString(pg_sys::get_opname((*node).opno)));
            let args: Vec<*mut pg_sys::Node> = list::pointers((*node).args).collect();
            let made = pg_sys::make_scalar_array_op(
                self.parse_state,
                name,
                (*node).useOr,
                args[0],
                args[1],
                (*node).location,
            );
            pg_sys::assign_expr_collations(self.parse_state, made.cast());
            Ok(made.cast())
        }
    }

    /// `r['c']::type`: the cast from the column's real type.
    unsafe fn cast(
        &self,
        before: *mut pg_sys::CoerceViaIO,
        node: *mut pg_sys::CoerceViaIO,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: the expression as parsed and its fresh copy.
        unsafe {
            if pg_sys::exprType((*before).arg.cast()) != self.placeholders.unresolved {
                return Ok(node.cast());
            }
            self.coerce((*node).arg.cast(), (*node).resulttype, pg_sys::CoercionContext::COERCION_EXPLICIT)
        }
    }

    unsafe fn coerce(
        &self,
        node: *mut pg_sys::Node,
        target: pg_sys::Oid,
        context: pg_sys::CoercionContext::Type,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: a valid expression.
        unsafe {
            let node = self.untyped(node);
            let from = pg_sys::exprType(node);
            let made = pg_sys::coerce_to_target_type(
                self.parse_state,
                node,
                from,
                target,
                -1,
                context,
                pg_sys::CoercionForm::COERCE_EXPLICIT_CAST,
                -1,
            );
            if made.is_null() {
                return Err(EngineError::new(
                    SqlState::parse(b"42846").unwrap_or(SqlState::DATATYPE_MISMATCH),
                    format!("cannot cast type {} to {}", type_name(from), type_name(target)),
                )
                .into());
            }
            pg_sys::assign_expr_collations(self.parse_state, made);
            Ok(made)
        }
    }

    /// A literal that was read as a placeholder is an untyped literal again.
    unsafe fn untyped(&self, node: *mut pg_sys::Node) -> *mut pg_sys::Node {
        // SAFETY: a valid expression; a placeholder constant holds text.
        unsafe {
            if (*node).type_ != pg_sys::NodeTag::T_Const {
                return node;
            }
            let constant = node.cast::<pg_sys::Const>();
            if (*constant).consttype != self.placeholders.unresolved {
                return node;
            }
            let text = if (*constant).constisnull {
                std::ptr::null_mut()
            } else {
                pg_sys::text_to_cstring((*constant).constvalue.cast_mut_ptr())
            };
            pg_sys::makeConst(
                pg_sys::UNKNOWNOID,
                -1,
                pg_sys::InvalidOid,
                -2,
                pg_sys::Datum::from(text),
                (*constant).constisnull,
                false,
            )
            .cast()
        }
    }

    unsafe fn takes_placeholder(&self, function: pg_sys::Oid) -> bool {
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: a catalog look-up on the main thread.
        unsafe {
            pg_sys::get_func_signature(function, &mut types, &mut count);
            (0..usize::try_from(count).unwrap_or(0)).any(|i| *types.add(i) == self.placeholders.unresolved)
        }
    }

    /// Finds Postgres' own function of the same name for the real argument types, and the
    /// arguments coerced to what it takes.
    unsafe fn choose(
        &self,
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

    unsafe fn function(&self, node: *mut pg_sys::FuncExpr) -> Result<*mut pg_sys::Node> {
        // SAFETY: a fresh copy of a valid call.
        unsafe {
            if !self.takes_placeholder((*node).funcid) {
                return Ok(node.cast());
            }
            let (function, result, args) =
                self.choose((*node).funcid, list::pointers((*node).args).collect())?;
            ((*node).funcid, (*node).funcresulttype, (*node).args) = (function, result, args);
            pg_sys::assign_expr_collations(self.parse_state, node.cast());
            Ok(node.cast())
        }
    }

    unsafe fn aggregate(&self, node: *mut pg_sys::Aggref) -> Result<*mut pg_sys::Node> {
        // SAFETY: a fresh copy of a valid aggregate.
        unsafe {
            if !self.takes_placeholder((*node).aggfnoid) {
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

    unsafe fn window_function(&self, node: *mut pg_sys::WindowFunc) -> Result<*mut pg_sys::Node> {
        // SAFETY: a fresh copy of a valid call.
        unsafe {
            if !self.takes_placeholder((*node).winfnoid) {
                return Ok(node.cast());
            }
            let (function, result, args) =
                self.choose((*node).winfnoid, list::pointers((*node).args).collect())?;
            ((*node).winfnoid, (*node).wintype, (*node).args) = (function, result, args);
            pg_sys::assign_expr_collations(self.parse_state, node.cast());
            Ok(node.cast())
        }
    }

    unsafe fn case(&self, node: *mut pg_sys::CaseExpr) -> Result<*mut pg_sys::Node> {
        // SAFETY: a fresh copy of a valid CASE.
        unsafe {
            if (*node).casetype != self.placeholders.unresolved {
                return Ok(node.cast());
            }
            let branches: Vec<*mut pg_sys::CaseWhen> = list::pointers((*node).args).collect();
            let mut results = branches
                .iter()
                .fold(std::ptr::null_mut(), |list, branch| list::append(list, (**branch).result));
            if !(*node).defresult.is_null() {
                results = list::append(results, (*node).defresult);
            }
            let (results, type_oid, collation) = self.common(results, "CASE")?;
            let mut results = list::pointers::<pg_sys::Expr>(results);
            for (branch, result) in branches.iter().zip(results.by_ref()) {
                (**branch).result = result;
            }
            if let Some(otherwise) = results.next() {
                (*node).defresult = otherwise;
            }
            ((*node).casetype, (*node).casecollid) = (type_oid, collation);
            Ok(node.cast())
        }
    }

    /// Brings expressions to the type that UNION or CASE would choose for them.
    unsafe fn common(
        &self,
        args: *mut pg_sys::List,
        context: &str,
    ) -> Result<(*mut pg_sys::List, pg_sys::Oid, pg_sys::Oid)> {
        // SAFETY: valid expressions.
        unsafe {
            let untyped = list::pointers::<pg_sys::Node>(args)
                .fold(std::ptr::null_mut(), |list, arg| list::append(list, self.untyped(arg)));
            let context = pg::palloc_string(context);
            let type_oid =
                pg_sys::select_common_type(self.parse_state, untyped, context, std::ptr::null_mut());
            let coerced = list::pointers::<pg_sys::Node>(untyped).fold(std::ptr::null_mut(), |list, arg| {
                list::append(list, pg_sys::coerce_to_common_type(self.parse_state, arg, type_oid, context))
            });
            Ok((coerced, type_oid, pg_sys::get_typcollation(type_oid)))
        }
    }
}

/// `query_tree_mutator` and its like take a callback without a prototype.
fn mutator() -> Option<unsafe extern "C-unwind" fn() -> *mut pg_sys::Node> {
    #[pg_guard]
    unsafe extern "C-unwind" fn rewrite(node: *mut pg_sys::Node, resolver: *mut c_void) -> *mut pg_sys::Node {
        // SAFETY: the resolver that started the walk; nobody else uses it meanwhile.
        error::report(unsafe { (*resolver.cast::<Resolver>()).rewrite(node) })
    }
    type Typed = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> *mut pg_sys::Node;
    // SAFETY: Postgres calls it with exactly these two arguments.
    Some(unsafe { std::mem::transmute::<Typed, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(rewrite) })
}

unsafe fn only(items: *mut pg_sys::List) -> *mut pg_sys::Node {
    // SAFETY: a list of one expression.
    unsafe { list::pointers(items).next().expect("a subscript has an index") }
}

unsafe fn constant_text(node: *mut pg_sys::Node) -> Result<String> {
    // SAFETY: a valid expression; text constants hold varlenas, unknown ones C strings.
    unsafe {
        if (*node).type_ == pg_sys::NodeTag::T_Const {
            let constant = node.cast::<pg_sys::Const>();
            if !(*constant).constisnull {
                return Ok(match (*constant).consttype {
                    pg_sys::UNKNOWNOID => pg::owned_string((*constant).constvalue.cast_mut_ptr()),
                    _ => pg::owned_string(pg_sys::text_to_cstring((*constant).constvalue.cast_mut_ptr())),
                });
            }
        }
    }
    Err(EngineError::new(SqlState::DATATYPE_MISMATCH, "the name of a file's column must be a text constant")
        .into())
}

/// The column of that name; without regard to case if that is the only one, as in DuckDB.
fn find_column<'a>(columns: &'a [Column], name: &str) -> Result<&'a Column> {
    let exact = columns.iter().find(|column| column.name == name);
    let found = exact.or_else(|| {
        let mut alike = columns.iter().filter(|column| column.name.eq_ignore_ascii_case(name));
        alike.next().filter(|_| alike.next().is_none())
    });
    found.ok_or_else(|| {
        let names: Vec<_> = columns.iter().take(20).map(|column| column.name.as_str()).collect();
        EngineError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist in the file"))
            .with_hint(format!("Its columns are {}.", names.join(", ")))
            .into()
    })
}

fn type_name(type_oid: pg_sys::Oid) -> String {
    // SAFETY: a catalog look-up on the main thread.
    unsafe { pg::owned_string(pg_sys::format_type_be(type_oid)) }
}
