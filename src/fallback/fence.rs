//! Subqueries in FROM that DuckDB can compute whole.
//!
//! Postgres would push conditions of the outer query down into such a subquery before any hook
//! could see them. An `OFFSET 0`, which it does not look through, keeps the subquery and the
//! conditions on it together until [`super::base`] makes one part of them.

use std::ffi::c_void;

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use crate::error::{Error, Result};
use crate::hooks::planner;
use crate::lower::{self, LowerError, LowerOptions};
use crate::pg::{self, list};
use crate::{gucs, gucs::ForceFallback};

/// Puts a fence around every subquery in FROM, at any depth, that is more than a join and lowers
/// whole; WITH items that do become such subqueries.
///
/// # Safety
/// `query` is an analysed and rewritten statement that is about to be planned.
///
/// # Errors
/// Those of lowering other than `Unsupported`.
pub(super) unsafe fn subqueries(query: *mut pg_sys::Query) -> Result<()> {
    if gucs::DEBUG_FORCE_FALLBACK.get() == ForceFallback::Scans {
        return Ok(());
    }
    let mut walk = Walk { whole: Vec::new(), result: Ok(()) };
    // SAFETY: the context outlives the walk.
    unsafe { visit(query.cast(), std::ptr::from_mut(&mut walk).cast()) };
    walk.result
}

/// State of the walk.
struct Walk {
    /// Subqueries that lower whole: what is inside is DuckDB's business.
    whole: Vec<*mut pg_sys::Query>,
    result: Result<()>,
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Walk` of `subqueries`.
    unsafe {
        if (*node).type_ != NodeTag::T_Query {
            return pg_sys::expression_tree_walker(node, Some(visit), context);
        }
        let query = node.cast::<pg_sys::Query>();
        let walk = &mut *context.cast::<Walk>();
        if walk.whole.contains(&query) {
            return false;
        }
        if let Err(error) = walk.level(query) {
            walk.result = Err(error);
            return true;
        }
        pg_sys::query_tree_walker(query, Some(visit), context, 0)
    }
}

impl Walk {
    /// # Safety
    /// `query` is a level of the statement.
    unsafe fn level(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // SAFETY: as the caller promises; the kind says which fields are set.
        unsafe {
            for entry in list::pointers::<pg_sys::RangeTblEntry>((*query).rtable) {
                if (*entry).rtekind == pg_sys::RTEKind::RTE_SUBQUERY {
                    self.subquery((*entry).subquery)?;
                }
            }
            for item in list::pointers::<pg_sys::CommonTableExpr>((*query).cteList) {
                let body = (*item).ctequery.cast::<pg_sys::Query>();
                if !(*item).cterecursive && self.subquery(body)? {
                    (*item).ctequery = around(body).cast();
                }
            }
            Ok(())
        }
    }

    /// Fences one subquery if it is worth it; true if it has been done now.
    ///
    /// # Safety
    /// `query` is a subquery of the statement.
    unsafe fn subquery(&mut self, query: *mut pg_sys::Query) -> Result<bool> {
        // SAFETY: as the caller promises.
        unsafe {
            if self.whole.contains(&query) || !is_whole(query)? {
                return Ok(false);
            }
            raise(query);
            self.whole.push(query);
            Ok(true)
        }
    }
}

/// True for a SELECT over DuckDB's relations that Postgres would not merge into the query around
/// it, and that lowers.
///
/// # Safety
/// `query` is a subquery of the statement.
unsafe fn is_whole(query: *mut pg_sys::Query) -> Result<bool> {
    // SAFETY: as the caller promises.
    unsafe {
        let select = &*query;
        let is_join = !select.hasAggs
            && !select.hasWindowFuncs
            && !select.hasTargetSRFs
            && select.setOperations.is_null()
            && select.groupClause.is_null()
            && select.groupingSets.is_null()
            && select.havingQual.is_null()
            && select.sortClause.is_null()
            && select.distinctClause.is_null()
            && select.limitOffset.is_null()
            && select.limitCount.is_null()
            && select.cteList.is_null();
        if is_join || select.commandType != pg_sys::CmdType::CMD_SELECT {
            return Ok(false);
        }
        let found = planner::touches(query);
        if !(found.duckdb_table || found.duckdb_function) {
            return Ok(false);
        }
        match lower::lower_fragment(query, &LowerOptions::default()) {
            Ok(_) => Ok(true),
            Err(LowerError::Unsupported(_)) => Ok(false),
            Err(error @ LowerError::Engine(_)) => Err(Error::from(error)),
        }
    }
}

/// # Safety
/// `query` is a subquery of the statement.
unsafe fn raise(query: *mut pg_sys::Query) {
    // SAFETY: as the caller promises; a fresh constant.
    unsafe {
        if !is_fenced(query) {
            let zero = pg_sys::Datum::from(0i64);
            (*query).limitOffset =
                pg_sys::makeConst(pg_sys::INT8OID, -1, pg_sys::InvalidOid, 8, zero, false, true).cast();
        }
    }
}

/// True for a subquery into which Postgres pushes no conditions.
///
/// # Safety
/// `query` is a valid query.
unsafe fn is_fenced(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller promises.
    unsafe { !(*query).limitOffset.is_null() || !(*query).limitCount.is_null() }
}

/// True for a subquery that may be a part: fenced, and DuckDB's.
///
/// # Safety
/// `query` is a subquery of the level that is being planned.
pub(super) unsafe fn is_marked(query: *mut pg_sys::Query) -> bool {
    if gucs::DEBUG_FORCE_FALLBACK.get() == ForceFallback::Scans {
        return false;
    }
    // SAFETY: as the caller promises.
    unsafe {
        is_fenced(query) && {
            let found = planner::touches(query);
            found.duckdb_table || found.duckdb_function
        }
    }
}

/// `SELECT * FROM (query)`.
///
/// # Safety
/// `query` is a SELECT.
unsafe fn around(query: *mut pg_sys::Query) -> *mut pg_sys::Query {
    // SAFETY: fresh nodes in the current context; target lists hold target entries.
    unsafe {
        let outer = pg::new_node::<pg_sys::Query>(NodeTag::T_Query);
        (*outer).commandType = pg_sys::CmdType::CMD_SELECT;
        (*outer).canSetTag = true;
        (*outer).stmt_location = -1;
        let mut names = std::ptr::null_mut();
        for target in list::pointers::<pg_sys::TargetEntry>((*query).targetList) {
            if (*target).resjunk {
                continue;
            }
            let node = (*target).expr.cast::<pg_sys::Node>();
            let (type_oid, typmod) = (pg_sys::exprType(node), pg_sys::exprTypmod(node));
            let number = (*target).resno;
            let var = pg_sys::makeVar(1, number, type_oid, typmod, pg_sys::exprCollation(node), 0);
            let name = (*target).resname;
            let column = pg_sys::makeTargetEntry(var.cast(), number, name, false);
            (*outer).targetList = list::append((*outer).targetList, column);
            names = list::append(names, pg_sys::makeString(name));
        }
        let entry = pg::new_node::<pg_sys::RangeTblEntry>(NodeTag::T_RangeTblEntry);
        (*entry).rtekind = pg_sys::RTEKind::RTE_SUBQUERY;
        (*entry).subquery = query;
        (*entry).eref = pg_sys::makeAlias(c"subquery".as_ptr(), names);
        (*entry).inFromCl = true;
        (*outer).rtable = list::append(std::ptr::null_mut(), entry);
        let reference = pg::new_node::<pg_sys::RangeTblRef>(NodeTag::T_RangeTblRef);
        (*reference).rtindex = 1;
        let from = list::append(std::ptr::null_mut(), reference);
        (*outer).jointree = pg_sys::makeFromExpr(from, std::ptr::null_mut());
        // What the WITH item referred to is one level further away.
        pg_sys::IncrementVarSublevelsUp(query.cast(), 1, 1);
        outer
    }
}

/// The range table of a part of `relids`, with the same indexes. Its subqueries are those that
/// were lowered when the fences were put up: DuckDB would not look through an `OFFSET 0` either.
/// The other relations of the level are left out, since where a query runs depends on its tables.
///
/// # Safety
/// `rtable` is the range table of a level.
pub(super) unsafe fn range_table(rtable: *mut pg_sys::List, relids: pg_sys::Relids) -> *mut pg_sys::List {
    // SAFETY: as the caller promises; shallow copies in the current context.
    unsafe {
        let entries = list::pointers::<pg_sys::RangeTblEntry>(rtable).zip(1..);
        entries.fold(std::ptr::null_mut(), |copy, (entry, index)| {
            if !pg_sys::bms_is_member(index, relids) {
                let empty = pg::new_node::<pg_sys::RangeTblEntry>(NodeTag::T_RangeTblEntry);
                (*empty).rtekind = pg_sys::RTEKind::RTE_RESULT;
                return list::append(copy, empty);
            }
            let fenced = (*entry).rtekind == pg_sys::RTEKind::RTE_SUBQUERY && is_zero((*entry).subquery);
            if !fenced {
                return list::append(copy, entry);
            }
            let open = pg::new_node::<pg_sys::RangeTblEntry>(NodeTag::T_RangeTblEntry);
            open.copy_from_nonoverlapping(entry, 1);
            let query = pg::new_node::<pg_sys::Query>(NodeTag::T_Query);
            query.copy_from_nonoverlapping((*entry).subquery, 1);
            (*query).limitOffset = std::ptr::null_mut();
            (*open).subquery = query;
            list::append(copy, open)
        })
    }
}

/// True for `OFFSET 0`.
///
/// # Safety
/// `query` is null or a valid query.
unsafe fn is_zero(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        if query.is_null() || (*query).limitOffset.is_null() {
            return false;
        }
        let offset = (*query).limitOffset;
        (*offset).type_ == NodeTag::T_Const
            && !(*offset.cast::<pg_sys::Const>()).constisnull
            && (*offset.cast::<pg_sys::Const>()).constvalue.value() == 0
    }
}
