//! The groups and aggregates of a part.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::part::Part;
use super::{computed, cost, plan};
use crate::error::Result;
use crate::gucs::{self, ForceFallback};
use crate::pg::list;

/// Offers grouping in DuckDB, if the input is a part and the keys and aggregates lower.
///
/// # Safety
/// The arguments of `create_upper_paths_hook` for `UPPERREL_GROUP_AGG`.
pub(super) unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    input: *mut pg_sys::RelOptInfo,
    grouped: *mut pg_sys::RelOptInfo,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        let parse = (*root).parse;
        if gucs::DEBUG_FORCE_FALLBACK.get() == ForceFallback::Scans
            || !(*parse).groupingSets.is_null()
            || (*root).qual_security_level > 0
            || !(*root).placeholder_list.is_null()
            || (*grouped).pathlist.is_null()
            // Columns that depend on a grouped primary key are no keys themselves.
            || !(*parse).constraintDeps.is_null()
        {
            return Ok(());
        }
        // Without keys and aggregates (nobody reads these) nothing would say that there is one row.
        if (*parse).groupClause.is_null() && !pg_sys::contain_agg_clause((*(*grouped).reltarget).exprs.cast())
        {
            return Ok(());
        }
        // A key that is nothing but a parameter of the scan: Postgres would take the parameter for the
        // column of the result that is equal to it.
        let mut keys = list::pointers::<pg_sys::SortGroupClause>((*parse).groupClause)
            .map(|clause| (*pg_sys::get_sortgroupclause_tle(clause, (*root).processed_tlist)).expr);
        if keys.any(|key| (*key).type_ != NodeTag::T_Const && !pg_sys::contain_var_clause(key.cast())) {
            return Ok(());
        }
        let Some(input_part) = Part::of_relation(input) else { return Ok(()) };
        let having = (*parse).havingQual.cast::<pg_sys::List>();
        let mut part = Part { grouped: true, having, ..input_part };
        let exprs = (*(*grouped).reltarget).exprs;
        if !part.lowers(root, targets(root, &[exprs]))? {
            (part.having, part.local) = (std::ptr::null_mut(), having);
            if having.is_null() || !part.lowers(root, targets(root, &[exprs, having]))? {
                return Ok(());
            }
        }
        // Postgres has estimated the number of groups for its own paths.
        let groups =
            list::pointers::<pg_sys::Path>((*grouped).pathlist).next().map_or(1.0, |path| (*path).rows);
        (*grouped).rows = groups;
        let scanned = cost::scanned(root, (*input).relids) + (*input).rows;
        plan::add_path(root, grouped, part, std::ptr::null_mut(), |rows| cost::of_part(scanned, rows));
        Ok(())
    }
}

/// The keys, and the aggregates in lists of expressions: a target list that the clauses of GROUP
/// BY refer to.
///
/// # Safety
/// `root` is the state of a grouped level, and the expressions are over its groups.
pub(super) unsafe fn targets(
    root: *mut pg_sys::PlannerInfo,
    exprs: &[*mut pg_sys::List],
) -> *mut pg_sys::List {
    const AGGREGATES: u32 =
        pg_sys::PVC_INCLUDE_AGGREGATES | pg_sys::PVC_RECURSE_WINDOWFUNCS | pg_sys::PVC_RECURSE_PLACEHOLDERS;
    // SAFETY: as the caller promises.
    unsafe {
        let mut found: Vec<(*mut pg_sys::Node, pg_sys::Index)> = Vec::new();
        for clause in list::pointers::<pg_sys::SortGroupClause>((*(*root).parse).groupClause) {
            let entry = pg_sys::get_sortgroupclause_tle(clause, (*root).processed_tlist);
            found.push(((*entry).expr.cast(), (*clause).tleSortGroupRef));
        }
        for exprs in exprs {
            let nodes = pg_sys::pull_var_clause((*exprs).cast(), AGGREGATES.cast_signed());
            for node in list::pointers::<pg_sys::Node>(nodes) {
                let known = found.iter().any(|(known, _)| pg_sys::equal(known.cast(), node.cast()));
                if (*node).type_ == NodeTag::T_Aggref && !known {
                    found.push((node, 0));
                }
            }
        }
        let nodes: Vec<_> = found.iter().map(|(node, _)| *node).collect();
        let targets = computed::targets(root, &nodes);
        for (target, (_, reference)) in list::pointers::<pg_sys::TargetEntry>(targets).zip(&found) {
            (*target).ressortgroupref = *reference;
        }
        targets
    }
}
