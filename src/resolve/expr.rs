//! Expressions over placeholder types, built again with the real ones.
//!
//! Operators, casts, functions and aggregates are chosen by Postgres' own parser functions,
//! so the result is what the user would have got on a table with these column types.

use std::ffi::c_void;

use bridge_types::{EngineError, SqlState, Unsupported};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::column::Column;
use super::insert::below_casts;
use super::level::{Meaning, Resolver};
use super::path::Step;
use crate::error::{self, Result};
use crate::pg::{self, list, tree};

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
            tree::mutate_query(query, rewrite, std::ptr::from_mut(self).cast(), FLAGS);
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
                    if self.row_of(below_casts((*node.cast::<pg_sys::TargetEntry>()).expr)).is_some() =>
                {
                    return Ok(node);
                }
                pg_sys::NodeTag::T_TargetEntry => self.name_after_column(node.cast()),
                pg_sys::NodeTag::T_RangeTblRef => return Ok(node),
                pg_sys::NodeTag::T_Var => return self.var(node.cast()),
                pg_sys::NodeTag::T_SubscriptingRef => return self.subscript(node.cast()),
                pg_sys::NodeTag::T_SubLink => return self.sublink(node.cast()),
                pg_sys::NodeTag::T_CaseExpr => return self.case(node.cast()),
                _ => {}
            }
            let copy = self.rewrite_below(node);
            match (*copy).type_ {
                pg_sys::NodeTag::T_OpExpr => self.operator(node.cast(), copy.cast()),
                pg_sys::NodeTag::T_ScalarArrayOpExpr => self.array_operator(copy.cast()),
                pg_sys::NodeTag::T_CoerceViaIO => self.cast(node.cast(), copy.cast()),
                pg_sys::NodeTag::T_FuncExpr => self.function(copy.cast()),
                pg_sys::NodeTag::T_Aggref => self.aggregate(copy.cast()),
                pg_sys::NodeTag::T_WindowFunc => self.window_function(copy.cast()),
                pg_sys::NodeTag::T_DistinctExpr | pg_sys::NodeTag::T_NullIfExpr => {
                    self.like_operator(node.cast(), copy.cast())
                }
                pg_sys::NodeTag::T_Param => Ok(self.sublink_output(copy.cast())),
                pg_sys::NodeTag::T_CaseTestExpr => Ok(self.case_test(copy.cast())),
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

    /// A copy of `node` whose parts have been rewritten.
    unsafe fn rewrite_below(&mut self, node: *mut pg_sys::Node) -> *mut pg_sys::Node {
        // SAFETY: a valid node; the mutator gets back this resolver, alone, while the walk runs.
        unsafe { tree::mutate(node, rewrite, std::ptr::from_mut(self).cast()) }
    }

    /// Postgres names an output `r['c']` after `r`; a user means `c`.
    unsafe fn name_after_column(&self, target: *mut pg_sys::TargetEntry) {
        // SAFETY: a valid target entry; casts follow the tag.
        unsafe {
            if (*target).resname.is_null() {
                return;
            }
            let mut expr = (*target).expr.cast::<pg_sys::Node>();
            let mut field = None;
            loop {
                expr = match (*expr).type_ {
                    pg_sys::NodeTag::T_CoerceViaIO => (*expr.cast::<pg_sys::CoerceViaIO>()).arg.cast(),
                    pg_sys::NodeTag::T_RelabelType => (*expr.cast::<pg_sys::RelabelType>()).arg.cast(),
                    pg_sys::NodeTag::T_FuncExpr
                        if (*expr.cast::<pg_sys::FuncExpr>()).funcformat
                            == pg_sys::CoercionForm::COERCE_EXPLICIT_CAST =>
                    {
                        match list::pointers::<pg_sys::Node>((*expr.cast::<pg_sys::FuncExpr>()).args).next() {
                            Some(argument) => argument,
                            None => return,
                        }
                    }
                    pg_sys::NodeTag::T_SubscriptingRef => {
                        let subscript = expr.cast::<pg_sys::SubscriptingRef>();
                        let name = constant_text(only((*subscript).refupperindexpr)).ok();
                        field = field.or(name);
                        let container = (*subscript).refexpr.cast::<pg_sys::Node>();
                        if self
                            .row_name(container)
                            .is_some_and(|relation| pg::owned_string((*target).resname) == relation)
                            && let Some(field) = field
                        {
                            (*target).resname = pg::palloc_string(&field);
                            return;
                        }
                        container
                    }
                    _ => return,
                };
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
                return Ok(self.rewrite_below(node.cast()));
            }
            let container = self.rewrite(inner)?;
            if (*node).reflowerindexpr.is_null()
                && let Some(part) = self.part(container, only((*node).refupperindexpr))?
            {
                return Ok(part.cast());
            }
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
                self.untyped(index),
                pg_sys::exprType(self.untyped(index)),
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
                    "lists can be subscripted by integers, structs and maps of a file by constants",
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

    /// A field of a struct or a value of a map, as a column of the file; `None` if
    /// `container` is something else.
    unsafe fn part(
        &mut self,
        container: *mut pg_sys::Node,
        index: *mut pg_sys::Node,
    ) -> Result<Option<*mut pg_sys::Var>> {
        // SAFETY: valid expressions.
        unsafe {
            if (*container).type_ != pg_sys::NodeTag::T_Var || !self.has_parts(container.cast()) {
                return Ok(None);
            }
            let step = match constant_integer(index) {
                Some(number) => Step::Index(number),
                None => Step::Name(constant_text(index)?),
            };
            self.part_of_column(container.cast(), step)
        }
    }

    /// `x IN (SELECT ..)`: the subquery first, since the test refers to its columns.
    unsafe fn sublink(&mut self, node: *mut pg_sys::SubLink) -> Result<*mut pg_sys::Node> {
        // SAFETY: a valid node; its subquery is rewritten in place, as everywhere.
        unsafe {
            let copy = pg_sys::palloc(size_of::<pg_sys::SubLink>()).cast::<pg_sys::SubLink>();
            copy.copy_from_nonoverlapping(node, 1);
            let outputs = self.subquery((*node).subselect.cast())?;
            self.sublinks.push(outputs);
            let test = self.rewrite((*node).testexpr);
            self.sublinks.pop();
            (*copy).testexpr = test?;
            Ok(copy.cast())
        }
    }

    /// A parameter that stands for a column of the subquery that is compared with.
    unsafe fn sublink_output(&self, param: *mut pg_sys::Param) -> *mut pg_sys::Node {
        // SAFETY: a fresh copy of a valid parameter.
        unsafe {
            if (*param).paramkind == pg_sys::ParamKind::PARAM_SUBLINK
                && (*param).paramtype == self.placeholders.unresolved
                && let Some(outputs) = self.sublinks.last()
                && let Some(column) =
                    usize::try_from((*param).paramid - 1).ok().and_then(|index| outputs.get(index))
            {
                (*param).paramtype = column.type_oid;
                (*param).paramtypmod = column.typmod;
                (*param).paramcollid = column.collation;
            }
            param.cast()
        }
    }

    /// `CASE r['c'] WHEN ..`: the value that each WHEN compares with.
    unsafe fn case_test(&self, test: *mut pg_sys::CaseTestExpr) -> *mut pg_sys::Node {
        // SAFETY: a fresh copy of a valid node.
        unsafe {
            if (*test).typeId == self.placeholders.unresolved
                && let Some((type_oid, typmod, collation)) = self.case_tests.last()
            {
                ((*test).typeId, (*test).typeMod, (*test).collation) = (*type_oid, *typmod, *collation);
            }
            test.cast()
        }
    }

    unsafe fn case(&mut self, before: *mut pg_sys::CaseExpr) -> Result<*mut pg_sys::Node> {
        // SAFETY: a valid CASE; the copy without the tested value lets that be rewritten first.
        unsafe {
            let untested = pg_sys::palloc(size_of::<pg_sys::CaseExpr>()).cast::<pg_sys::CaseExpr>();
            untested.copy_from_nonoverlapping(before, 1);
            (*untested).arg = std::ptr::null_mut();
            let tested = self.rewrite((*before).arg.cast())?;
            if !tested.is_null() {
                let test =
                    (pg_sys::exprType(tested), pg_sys::exprTypmod(tested), pg_sys::exprCollation(tested));
                self.case_tests.push(test);
            }
            let node = self.rewrite_below(untested.cast()).cast::<pg_sys::CaseExpr>();
            if !tested.is_null() {
                self.case_tests.pop();
            }
            (*node).arg = tested.cast();
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
}

#[pg_guard]
unsafe extern "C-unwind" fn rewrite(node: *mut pg_sys::Node, resolver: *mut c_void) -> *mut pg_sys::Node {
    // SAFETY: the resolver that started the walk; nobody else uses it meanwhile.
    error::report(unsafe { (*resolver.cast::<Resolver>()).rewrite(node) })
}

unsafe fn only(items: *mut pg_sys::List) -> *mut pg_sys::Node {
    // SAFETY: a list of one expression.
    unsafe { list::pointers(items).next().expect("a subscript has an index") }
}

/// The value of an integer constant.
unsafe fn constant_integer(node: *mut pg_sys::Node) -> Option<i64> {
    // SAFETY: a valid expression; integers are passed by value.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_Const {
            return None;
        }
        let constant = node.cast::<pg_sys::Const>();
        match (*constant).consttype {
            _ if (*constant).constisnull => None,
            pg_sys::INT4OID => i32::from_datum((*constant).constvalue, false).map(i64::from),
            pg_sys::INT8OID => i64::from_datum((*constant).constvalue, false),
            _ => None,
        }
    }
}

unsafe fn constant_text(node: *mut pg_sys::Node) -> Result<String> {
    // SAFETY: a valid expression; text constants hold varlenas, unknown ones C strings.
    unsafe {
        if (*node).type_ == pg_sys::NodeTag::T_Const {
            let constant = node.cast::<pg_sys::Const>();
            if !(*constant).constisnull {
                return Ok(match (*constant).consttype {
                    pg_sys::UNKNOWNOID => pg::owned_string((*constant).constvalue.cast_mut_ptr()),
                    pg_sys::TEXTOID | pg_sys::VARCHAROID => {
                        pg::owned_string(pg_sys::text_to_cstring((*constant).constvalue.cast_mut_ptr()))
                    }
                    _ => return Err(not_a_name()),
                });
            }
        }
    }
    Err(not_a_name())
}

fn not_a_name() -> error::Error {
    EngineError::new(SqlState::DATATYPE_MISMATCH, "the name of a file's column must be a text constant")
        .into()
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

/// Postgres' name of a type.
pub(super) fn type_name(type_oid: pg_sys::Oid) -> String {
    // SAFETY: a catalog look-up on the main thread.
    unsafe { pg::owned_string(pg_sys::format_type_be(type_oid)) }
}
