//! The order and the limit of a part.

use pgrx::pg_sys;

use super::computed::{self, Layout};
use super::part::{self, Part};
use super::{cost, group, plan};
use crate::error::Result;
use crate::gucs::{self, ForceFallback};
use crate::pg::list;

/// Offers the order of the level, if its rows are those of a part, and with it the number of rows
/// that the level's LIMIT lets through: DuckDB then keeps no more than these. Postgres' own Limit
/// node stays, and skips what OFFSET says.
///
/// # Safety
/// The arguments of `create_upper_paths_hook` for `UPPERREL_ORDERED`.
pub(super) unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    input: *mut pg_sys::RelOptInfo,
    sorted: *mut pg_sys::RelOptInfo,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        if gucs::DEBUG_FORCE_FALLBACK.get() == ForceFallback::Scans
            || (*root).sort_pathkeys.is_null()
            || (*root).hasPseudoConstantQuals
            || (*root).qual_security_level > 0
            || !(*root).placeholder_list.is_null()
            || !is_plain((*root).parse)
        {
            return Ok(());
        }
        let Some(input_part) = Part::of_relation(input) else { return Ok(()) };
        let part = Part { sorted: true, limit: limit(root), ..input_part };
        let outputs = (*(*root).upper_targets[pg_sys::UpperRelationKind::UPPERREL_ORDERED as usize]).exprs;
        let shipped = if part.grouped {
            group::targets(root, &[outputs])
        } else {
            let mut wanted = Vec::new();
            part::variables(outputs, part.relids(), &mut wanted);
            computed::targets(root, &Layout::of(root, &wanted)?.shipped)
        };
        if !part.lowers(root, targets(root, shipped))? {
            return Ok(());
        }
        let rows = list::pointers::<pg_sys::Path>((*input).pathlist).next().map_or(1.0, |path| (*path).rows);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let sent = if part.limit > 0 { rows.min(part.limit as f64) } else { rows };
        (*sorted).rows = sent;
        let scanned = cost::scanned(root, part.relids());
        plan::add_path(root, sorted, part, std::ptr::null_mut(), |sent| {
            cost::of_sorted_part(scanned, rows, sent)
        });
        Ok(())
    }
}

/// Adds what the level sorts by to the target list of a part, behind what is shipped: columns
/// that nobody reads.
///
/// # Safety
/// `shipped` are target entries of a part of the level of `root`.
pub(super) unsafe fn targets(
    root: *mut pg_sys::PlannerInfo,
    shipped: *mut pg_sys::List,
) -> *mut pg_sys::List {
    // SAFETY: as the caller promises; copies in the current context.
    unsafe {
        let mut targets = pg_sys::copyObjectImpl(shipped.cast()).cast::<pg_sys::List>();
        for clause in list::pointers::<pg_sys::SortGroupClause>((*(*root).parse).sortClause) {
            let entry = pg_sys::get_sortgroupclause_tle(clause, (*root).processed_tlist);
            let reference = (*clause).tleSortGroupRef;
            let known = list::pointers::<pg_sys::TargetEntry>(targets).find(|target| {
                pg_sys::equal((**target).expr.cast(), (*entry).expr.cast())
                    && ((**target).ressortgroupref == 0 || (**target).ressortgroupref == reference)
            });
            let target = known.unwrap_or_else(|| {
                let number = list::pointers::<pg_sys::Node>(targets).len() + 1;
                let number = i16::try_from(number).expect("target lists are shorter");
                let target = pg_sys::makeTargetEntry((*entry).expr, number, std::ptr::null_mut(), true);
                targets = list::append(targets, target);
                target
            });
            (*target).ressortgroupref = reference;
        }
        targets
    }
}

/// The number of rows that a part of `relids` need not exceed, if the level takes its rows as they
/// come; 0 if there is none.
///
/// # Safety
/// `root` is a valid planner state.
pub(super) unsafe fn unsorted_limit(root: *mut pg_sys::PlannerInfo, relids: pg_sys::Relids) -> i64 {
    // SAFETY: as the caller promises.
    unsafe {
        let parse = &*(*root).parse;
        let as_they_come = gucs::DEBUG_FORCE_FALLBACK.get() != ForceFallback::Scans
            && parse.commandType == pg_sys::CmdType::CMD_SELECT
            && parse.sortClause.is_null()
            && parse.groupClause.is_null()
            && parse.groupingSets.is_null()
            && parse.havingQual.is_null()
            && !parse.hasAggs
            && !(*root).hasPseudoConstantQuals
            && is_plain(parse)
            && pg_sys::bms_equal((*root).all_baserels, relids);
        if as_they_come { limit(root) } else { 0 }
    }
}

/// True for a level that neither drops nor multiplies rows between its order and its LIMIT.
///
/// # Safety
/// `parse` is a valid query.
unsafe fn is_plain(parse: *const pg_sys::Query) -> bool {
    // SAFETY: as the caller promises.
    let parse = unsafe { &*parse };
    !parse.hasTargetSRFs
        && !parse.hasWindowFuncs
        && parse.distinctClause.is_null()
        && parse.setOperations.is_null()
        && parse.rowMarks.is_null()
        && parse.limitOption != pg_sys::LimitOption::LIMIT_OPTION_WITH_TIES
}

/// LIMIT plus OFFSET of the level, where they are constants; 0 otherwise.
///
/// # Safety
/// `root` is the state of a level whose expressions are preprocessed.
unsafe fn limit(root: *mut pg_sys::PlannerInfo) -> i64 {
    // SAFETY: as the caller promises.
    unsafe {
        let parse = &*(*root).parse;
        let count = if parse.limitCount.is_null() { None } else { constant(parse.limitCount) };
        let skip = if parse.limitOffset.is_null() { Some(0) } else { constant(parse.limitOffset) };
        count.zip(skip).map_or(0, |(count, skip)| count.saturating_add(skip))
    }
}

/// The value of a row count that is a constant; `None` for others, NULL (no limit) and negative
/// ones, which are errors when the query runs.
///
/// # Safety
/// `node` is an expression of type bigint.
unsafe fn constant(node: *mut pg_sys::Node) -> Option<i64> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_Const || (*node.cast::<pg_sys::Const>()).constisnull {
            return None;
        }
        let value = (*node.cast::<pg_sys::Const>()).constvalue.value().cast_signed() as i64;
        (value >= 0).then_some(value)
    }
}
