//! Joins between parts.

use pgrx::pg_sys;
use pgrx::pg_sys::JoinType::{JOIN_FULL, JOIN_INNER, JOIN_LEFT};

use super::part::{self, Part};
use super::{computed, cost, plan};
use crate::error::Result;
use crate::gucs::{self, ForceFallback};
use crate::lower::LowerError;
use crate::pg::{self, list};

/// Offers a join as one part, if both sides are parts and all its conditions lower.
///
/// # Safety
/// The arguments of `set_join_pathlist_hook`.
pub(super) unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    joined: *mut pg_sys::RelOptInfo,
    outer: *mut pg_sys::RelOptInfo,
    inner: *mut pg_sys::RelOptInfo,
    kind: pg_sys::JoinType::Type,
    extra: *mut pg_sys::JoinPathExtraData,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        if !matches!(kind, JOIN_INNER | JOIN_LEFT | JOIN_FULL)
            || !is_possible(root, joined)
            || Part::of_relation(joined).is_some()
        {
            return Ok(());
        }
        // Neither groups: those are relations of another stage.
        let Some((left, right)) = Part::of_relation(outer).zip(Part::of_relation(inner)) else {
            return Ok(());
        };
        if is_placeholder_needed(root, joined, outer, inner) {
            return Ok(());
        }
        let Some(part) = joined_part(joined, kind, left, right, (*extra).restrictlist) else {
            return Ok(());
        };
        let mut wanted = Vec::new();
        part::variables((*(*joined).reltarget).exprs, (*joined).relids, &mut wanted);
        // A row of the nullable side would have to become null as a whole.
        if wanted.iter().any(|var| part::attribute(*var) <= 0) {
            return Ok(());
        }
        let targets = computed::targets(root, &wanted);
        match part.lower(root, targets) {
            // What DuckDB takes for a subquery cannot be a condition of its outer joins.
            Ok(lowered) if kind != JOIN_INNER && lowered.sql.contains(" ANY(") => return Ok(()),
            Ok(lowered) if kind != JOIN_INNER && lowered.sql.contains(" ALL(") => return Ok(()),
            Ok(_) => {}
            Err(LowerError::Unsupported(_)) => return Ok(()),
            Err(error @ LowerError::Engine(_)) => return Err(error.into()),
        }
        let scanned = cost::scanned(root, (*joined).relids);
        plan::add_path(root, joined, part, std::ptr::null_mut(), |rows| cost::of_part(scanned, rows));
        Ok(())
    }
}

/// # Safety
/// As [`offer`].
unsafe fn is_possible(root: *mut pg_sys::PlannerInfo, joined: *mut pg_sys::RelOptInfo) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        gucs::DEBUG_FORCE_FALLBACK.get() != ForceFallback::Scans
            // A row that another transaction has changed is checked again without DuckDB.
            && (*root).rowMarks.is_null()
            // Conditions of several security levels have an order, which DuckDB does not keep.
            && (*root).qual_security_level == 0
            && pg::compat::bms_is_empty((*joined).lateral_relids)
    }
}

/// True if something has to be computed below the join, so that an outer join can make it null.
///
/// # Safety
/// As [`offer`].
unsafe fn is_placeholder_needed(
    root: *mut pg_sys::PlannerInfo,
    joined: *mut pg_sys::RelOptInfo,
    outer: *mut pg_sys::RelOptInfo,
    inner: *mut pg_sys::RelOptInfo,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        list::pointers::<pg_sys::PlaceHolderInfo>((*root).placeholder_list).any(|placeholder| {
            let at = (*placeholder).ph_eval_at;
            pg_sys::bms_is_subset(at, (*joined).relids)
                && (pg_sys::bms_is_subset(at, (*outer).relids)
                    || pg_sys::bms_is_subset(at, (*inner).relids)
                    || pg_sys::bms_nonempty_difference((*joined).relids, at))
        })
    }
}

/// The join as FROM and WHERE; `None` if its meaning would change.
///
/// Conditions on one side of an inner join, and on the preserved side of an outer one, go to
/// WHERE; those on the nullable side go to ON:
/// `A LEFT JOIN (B WHERE q) ON c  ==>  A LEFT JOIN B ON c AND q`.
///
/// # Safety
/// `conditions` are the RestrictInfos of a join of `left` and `right`.
unsafe fn joined_part(
    joined: *mut pg_sys::RelOptInfo,
    kind: pg_sys::JoinType::Type,
    left: Part,
    right: Part,
    conditions: *mut pg_sys::List,
) -> Option<Part> {
    // SAFETY: as the caller promises; fresh lists and nodes in the current context.
    unsafe {
        if kind == JOIN_FULL && !(left.quals.is_null() && right.quals.is_null()) {
            return None;
        }
        let mut on = std::ptr::null_mut();
        let mut quals = pg_sys::list_copy(left.quals);
        if kind == JOIN_INNER {
            quals = pg_sys::list_concat(quals, right.quals);
        } else {
            on = pg_sys::list_copy(right.quals);
        }
        for condition in list::pointers::<pg_sys::RestrictInfo>(conditions) {
            if (*condition).pseudoconstant {
                return None;
            }
            // RINFO_IS_PUSHED_DOWN
            let after = (*condition).is_pushed_down
                || !pg_sys::bms_is_subset((*condition).required_relids, (*joined).relids);
            let clause = (*condition).clause.cast::<pg_sys::Node>();
            if kind != JOIN_INNER && after {
                quals = list::append(quals, clause);
            } else {
                on = list::append(on, clause);
            }
        }
        let join = pg::new_node::<pg_sys::JoinExpr>(pg_sys::NodeTag::T_JoinExpr);
        (*join).jointype = kind;
        (*join).larg = left.from;
        (*join).rarg = right.from;
        (*join).quals =
            if on.is_null() { std::ptr::null_mut() } else { pg_sys::make_ands_explicit(on).cast() };
        Some(Part { from: join.cast(), quals, ..left })
    }
}
