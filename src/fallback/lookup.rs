//! Scans that are started again for each row of the other side of a join, with its values as
//! parameters: a few rows of a heap table then ask for a few rows of a large duckdb table,
//! instead of having all of it sent.

use std::ffi::c_void;

use pgrx::pg_sys;

use super::part::Part;
use super::{computed, cost, plan};
use crate::error::Result;
use crate::pg::{self, list};

/// Below this size a table is sent as a whole faster than it is asked for anything twice.
const MIN_ROWS: f64 = 10_000.0;

/// Offers parameterised scans of a relation whose own part is `part`.
///
/// # Safety
/// `relation` is a base relation of ours that is being planned, with `scanned` rows in DuckDB.
pub(super) unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    part: Part,
    scanned: f64,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        // The order of conditions of several security levels is that of one scan.
        if scanned < MIN_ROWS || (*root).qual_security_level > 0 || !part.local.is_null() {
            return Ok(());
        }
        let mut clauses: Vec<*mut pg_sys::RestrictInfo> =
            list::pointers::<pg_sys::RestrictInfo>((*relation).joininfo)
                .filter(|clause| pg_sys::join_clause_is_movable_to(*clause, relation))
                .collect();
        clauses.extend(implied_equalities(root, relation));
        let mut offered: Vec<pg_sys::Relids> = Vec::new();
        for clause in clauses {
            let outer = pg_sys::bms_union((*clause).clause_relids, (*relation).lateral_relids);
            let index = i32::try_from((*relation).relid).expect("an index into the range table");
            let outer = pg_sys::bms_del_member(outer, index);
            if pg::compat::bms_is_empty(outer)
                || !pg_sys::join_clause_is_movable_to(clause, relation)
                || offered.iter().any(|known| pg_sys::bms_equal(*known, outer))
            {
                continue;
            }
            let condition = (*clause).clause.cast::<pg_sys::Node>();
            let narrower = Part { quals: list::append(pg_sys::list_copy(part.quals), condition), ..part };
            if !narrower.lowers(root, computed::targets(root, &[]))? {
                continue;
            }
            plan::add_path(root, relation, part, outer, |rows| cost::of_part(scanned, rows));
            offered.push(outer);
        }
        Ok(())
    }
}

/// State of [`implied_equalities`].
struct Search {
    /// The expression over the relation that is being looked at.
    current: *mut pg_sys::Expr,
    done: Vec<*mut pg_sys::Expr>,
}

/// The equalities with other relations that Postgres keeps in equivalence classes.
///
/// # Safety
/// As [`offer`].
unsafe fn implied_equalities(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
) -> Vec<*mut pg_sys::RestrictInfo> {
    let mut found = Vec::new();
    let mut search = Search { current: std::ptr::null_mut(), done: Vec::new() };
    // SAFETY: as the caller promises; the state outlives the calls.
    unsafe {
        if !(*relation).has_eclass_joins {
            return found;
        }
        loop {
            search.current = std::ptr::null_mut();
            let clauses = pg_sys::generate_implied_equalities_for_column(
                root,
                relation,
                Some(is_next),
                (&raw mut search).cast(),
                (*relation).lateral_referencers,
            );
            if search.current.is_null() {
                return found;
            }
            found.extend(list::pointers::<pg_sys::RestrictInfo>(clauses));
            search.done.push(search.current);
        }
    }
}

/// True for the first expression that has not been looked at, wherever it occurs.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn is_next(
    _root: *mut pg_sys::PlannerInfo,
    _relation: *mut pg_sys::RelOptInfo,
    _class: *mut pg_sys::EquivalenceClass,
    member: *mut pg_sys::EquivalenceMember,
    state: *mut c_void,
) -> bool {
    // SAFETY: Postgres asks about its own members; the state is that of `implied_equalities`.
    unsafe {
        let search = &mut *state.cast::<Search>();
        let expr = (*member).em_expr;
        let same = |known: *mut pg_sys::Expr| pg_sys::equal(known.cast(), expr.cast());
        if !search.current.is_null() {
            return same(search.current);
        }
        if search.done.iter().any(|known| same(*known)) {
            return false;
        }
        search.current = expr;
        true
    }
}
