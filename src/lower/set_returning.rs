//! Functions that return sets, over columns: in FROM and in the select list.
//!
//! A set is a list in DuckDB, which `each` makes rows of. Several in one select list advance
//! together and the shorter end in nulls: there as in Postgres' select lists and ROWS FROM.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::pg::PgFunction;
use bridge_types::{PgType, oid};
use datafusion_expr::{Expr, JoinType, LogicalPlan};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use std::ffi::c_void;

use super::expr::{arg_types, fold};
use super::relation::lateral;
use super::scope::Lowerer;
use super::{Result, function, types, unsupported};
use crate::pg::{list, owned_string};

const BIGINT: PgType = PgType::new(oid::INT8);

/// Where a level may have functions that return sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sets {
    /// Nowhere.
    Refused,
    /// In the expression at hand, a select-list entry.
    Allowed,
    /// There, and there was one.
    Seen,
}

impl Lowerer {
    /// A function entry of FROM over columns of the items before it: a lateral subquery.
    ///
    /// # Safety
    /// `entry` is a function entry of the current level.
    pub(super) unsafe fn functions_over_rows(
        &mut self,
        entry: *mut pg_sys::RangeTblEntry,
        index: i32,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut columns = Vec::new();
            let mut lists = Vec::new();
            for function in list::pointers::<pg_sys::RangeTblFunction>((*entry).functions) {
                if (*function).funccolcount != 1 || !(*function).funccolnames.is_null() {
                    let name = owned_string((*(*entry).eref).aliasname);
                    return unsupported(format!("function {name} in FROM"), "it returns several columns");
                }
                let call = fold((*function).funcexpr);
                let ty = types::of_node(call);
                if let Some(call) = set_call(call) {
                    let list = self.list_of(call)?;
                    columns.push((PgFunction::syntax("each", ty, vec![list.clone()]), ty));
                    lists.push(list);
                } else {
                    columns.push((self.expr(call)?, ty));
                }
            }
            if !lists.is_empty() && lists.len() < columns.len() {
                return unsupported("ROWS FROM", "only some of its functions return sets");
            }
            if (*entry).funcordinality && lists.is_empty() {
                return unsupported("WITH ORDINALITY", "the function returns no set");
            }
            if (*entry).funcordinality {
                columns.push((PgFunction::syntax("ordinality", BIGINT, lists), BIGINT));
            }
            let alias = self.unique("r");
            self.set_outputs(index, &alias, columns.len());
            let columns = columns
                .into_iter()
                .map(|(expr, ty)| Ok(Typed::new(expr, types::duck(ty)?)))
                .collect::<Result<Vec<_>>>()?;
            let plan = build::project(build::one_row(), columns)?;
            Ok(build::subquery_alias(lateral(plan), &alias)?)
        }
    }

    /// A call in the select list that returns a set.
    ///
    /// # Safety
    /// `call` is a folded FuncExpr of the current level.
    pub(super) unsafe fn set_in_select(&mut self, call: *mut pg_sys::FuncExpr) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let same = |set: &&(*mut pg_sys::Node, Expr)| pg_sys::equal(set.0.cast(), call.cast());
            if let Some((_, column)) = self.scope().sets_of_keys.iter().find(same) {
                return Ok(column.clone());
            }
            if self.scope().sets == Sets::Refused {
                return unsupported(
                    "a function that returns a set",
                    "it stands inside another one, or a key",
                );
            }
            self.scope().sets = Sets::Refused;
            let list = self.list_of(call);
            self.scope().sets = Sets::Seen;
            Ok(PgFunction::syntax("each", types::of_node(call.cast()), vec![list?]))
        }
    }

    /// The sets that GROUP BY needs, as an item of FROM: Postgres expands them before it groups.
    ///
    /// # Safety
    /// `query` is the current level, `plan` its FROM and WHERE.
    pub(super) unsafe fn sets_of_keys(
        &mut self,
        query: *mut pg_sys::Query,
        plan: LogicalPlan,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut calls: Vec<*mut pg_sys::FuncExpr> = Vec::new();
            for clause in list::pointers::<pg_sys::SortGroupClause>((*query).groupClause) {
                let entry = pg_sys::get_sortgroupclause_tle(clause, (*query).targetList);
                collect(fold((*entry).expr.cast()), (&raw mut calls).cast());
            }
            if calls.is_empty() {
                return Ok(plan);
            }
            let alias = self.unique("r");
            let mut columns = Vec::new();
            let mut known = Vec::new();
            for (i, call) in calls.into_iter().enumerate() {
                let ty = types::of_node(call.cast());
                let rows = PgFunction::syntax("each", ty, vec![self.list_of(call)?]);
                columns.push(Typed::new(rows, types::duck(ty)?));
                known.push((call.cast(), Expr::Column(build::qualified(&alias, &build::column_name(i)))));
            }
            self.scope().sets_of_keys = known;
            let item = build::subquery_alias(lateral(build::project(build::one_row(), columns)?), &alias)?;
            // Below the filter, where FROM is.
            Ok(match plan {
                LogicalPlan::Filter(filter) => {
                    let input = std::sync::Arc::unwrap_or_clone(filter.input);
                    build::filter(build::join(input, item, JoinType::Inner, None), filter.predicate)?
                }
                plan => build::join(plan, item, JoinType::Inner, None),
            })
        }
    }

    /// The set of a call as a list.
    ///
    /// # Safety
    /// `call` is a folded FuncExpr of the current level.
    unsafe fn list_of(&mut self, call: *mut pg_sys::FuncExpr) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let call = &*call;
            let element = types::of_node(std::ptr::from_ref(call).cast());
            let args = arg_types(call.args);
            let signature = function::signature(call.funcid, args, element, call.inputcollid, None)?;
            if call.funcvariadic {
                return unsupported(signature.display, "it is called with VARIADIC");
            }
            let args = list::pointers::<pg_sys::Node>(call.args)
                .map(|arg| self.expr(arg))
                .collect::<Result<Vec<_>>>()?;
            Ok(PgFunction::call(signature, args))
        }
    }
}

/// The call that an expression is, if it returns a set.
///
/// # Safety
/// `node` is an analysed expression.
unsafe fn set_call(node: *mut pg_sys::Node) -> Option<*mut pg_sys::FuncExpr> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        let call = node.cast::<pg_sys::FuncExpr>();
        ((*node).type_ == NodeTag::T_FuncExpr && (*call).funcretset).then_some(call)
    }
}

/// Adds the calls in an expression that return sets to `context`, a `Vec<*mut FuncExpr>`.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn collect(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the context is the caller's vector.
    unsafe {
        if let Some(call) = set_call(node) {
            let calls = &mut *context.cast::<Vec<*mut pg_sys::FuncExpr>>();
            if !calls.iter().any(|known| pg_sys::equal(known.cast(), call.cast())) {
                calls.push(call);
            }
        }
        pg_sys::expression_tree_walker(node, Some(collect), context)
    }
}
