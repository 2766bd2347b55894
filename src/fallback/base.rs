//! A duckdb table, a file, or a subquery that lowers whole, with its columns and conditions.

use pgrx::pg_sys;

use super::computed::{self, Layout};
use super::part::{self, Part};
use super::{cost, fence, lookup, plan};
use crate::engine::feed;
use crate::engine::session::{self, DuckSql};
use crate::error::Result;
use crate::hooks::planner;
use crate::lower::{LowerError, LoweredQuery};
use crate::pg::{catalog, list};
use crate::resolve::reader;

/// What a relation of the planner is to us.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Only DuckDB can read it.
    Ours,
    /// A subquery, which Postgres can plan as well.
    Subquery,
}

/// Offers a scan for a base relation, in place of what Postgres has found.
///
/// # Safety
/// The arguments of `set_rel_pathlist_hook`.
///
/// # Errors
/// 0A000 for a column that DuckDB does not have.
pub(super) unsafe fn offer(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    index: pg_sys::Index,
    entry: *mut pg_sys::RangeTblEntry,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(kind) = kind(entry) else { return Ok(()) };
        if (*relation).pathlist.is_null() || pg_sys::is_dummy_rel(relation) {
            return Ok(());
        }
        let mut part = Part::relation(index);
        let mut wanted = Vec::new();
        part::variables((*(*relation).reltarget).exprs, (*relation).relids, &mut wanted);
        let layout = Layout::of(root, &wanted)?;
        match (kind, part.lower(root, computed::targets(root, &layout.shipped))) {
            (Kind::Subquery, Err(LowerError::Unsupported(_))) => return Ok(()),
            (Kind::Subquery, Ok(lowered)) if !binds(&lowered)? => return Ok(()),
            (_, lowered) => drop(lowered?),
        }
        ship_conditions(root, relation, entry, &mut part)?;
        if kind == Kind::Subquery && !part.local.is_null() {
            // Columns that only Postgres' conditions need.
            part::variables(part.local, (*relation).relids, &mut wanted);
            let layout = Layout::of(root, &wanted)?;
            if !part.lowers(root, computed::targets(root, &layout.shipped))? {
                return Ok(());
            }
        }
        (*relation).pathlist = std::ptr::null_mut();
        (*relation).partial_pathlist = std::ptr::null_mut();
        (*relation).consider_parallel = false;
        if kind == Kind::Subquery {
            // As for a subquery that was never planned: its relations are then still locked, and
            // the privileges on them checked.
            (*relation).subroot = std::ptr::null_mut();
        }
        let scanned = match kind {
            Kind::Ours => (*relation).tuples,
            Kind::Subquery => (*relation).rows,
        };
        let shipped = pg_sys::clauselist_selectivity(
            root,
            part.quals,
            0,
            pg_sys::JoinType::JOIN_INNER,
            std::ptr::null_mut(),
        );
        let sent = |rows: f64| if part.local.is_null() { rows } else { rows.max(scanned * shipped) };
        plan::add_path(root, relation, part, (*relation).lateral_relids, |rows| {
            cost::of_part(scanned, sent(rows))
        });
        lookup::offer(root, relation, part, scanned)
    }
}

/// True if DuckDB binds a subquery: it has limits that only show then.
///
/// # Errors
/// Those that do not tell of such a limit.
fn binds(lowered: &LoweredQuery) -> Result<bool> {
    let feeds = lowered.feeds.iter();
    let feeds = feeds.map(|feed| feed::spec(&feed.columns, FEED_ROWS, 0)).collect::<Result<Vec<_>>>()?;
    let sql = DuckSql { instance: lowered.instance, sql: &lowered.sql, remote_scans: &lowered.remote_scans };
    match session::bound(sql, "", &feeds) {
        Ok(_) => Ok(true),
        Err(error) if planner::is_refusal(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Rows that a feed is assumed to have as long as it is not planned.
const FEED_ROWS: f64 = 1000.0;

/// # Safety
/// `entry` is a valid range-table entry of a level that is being planned.
unsafe fn kind(entry: *mut pg_sys::RangeTblEntry) -> Option<Kind> {
    use pg_sys::RTEKind::{RTE_FUNCTION, RTE_RELATION, RTE_SUBQUERY};
    // SAFETY: as the caller promises; the kind says which fields are set.
    unsafe {
        match (*entry).rtekind {
            RTE_RELATION => catalog::is_duckdb_table((*entry).relid).then_some(Kind::Ours),
            RTE_FUNCTION => reader::call(entry).map(|_| Kind::Ours),
            // The parent of a flattened UNION ALL is a copy of its first branch, and not to be read.
            RTE_SUBQUERY if (*entry).inh => None,
            RTE_SUBQUERY => fence::is_marked((*entry).subquery).then_some(Kind::Subquery),
            _ => None,
        }
    }
}

/// Puts the conditions that DuckDB may check into the part, and leaves the others to Postgres.
///
/// A condition that could reveal rows to its user must not run before the conditions that hide
/// them. DuckDB orders conditions as it likes, so that only those of the lowest security level
/// and leakproof ones are shipped: they may run first.
///
/// # Safety
/// As [`offer`].
unsafe fn ship_conditions(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    entry: *mut pg_sys::RangeTblEntry,
    part: &mut Part,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        let (mut first, mut rest) = (std::ptr::null_mut(), std::ptr::null_mut());
        for condition in list::pointers::<pg_sys::RestrictInfo>((*relation).baserestrictinfo) {
            if (*condition).pseudoconstant {
                continue;
            }
            let clause = (*condition).clause.cast::<pg_sys::Node>();
            let barrier = (*entry).rtekind == pg_sys::RTEKind::RTE_SUBQUERY && (*entry).security_barrier;
            let may_run_first = pg_sys::restriction_is_securely_promotable(condition, relation)
                && !(barrier && pg_sys::contain_leaked_vars(clause));
            if may_run_first {
                first = list::append(first, clause);
            } else {
                rest = list::append(rest, clause);
            }
        }
        let one = computed::targets(root, &[]);
        part.quals = first;
        if !first.is_null() && !part.lowers(root, one)? {
            let mut shipped = std::ptr::null_mut();
            for clause in list::pointers::<pg_sys::Node>(first) {
                part.quals = list::append(std::ptr::null_mut(), clause);
                if part.lowers(root, one)? {
                    shipped = list::append(shipped, clause);
                } else {
                    rest = list::append(rest, clause);
                }
            }
            part.quals = shipped;
        }
        part.local = rest;
        Ok(())
    }
}

/// The conditions of a parameterised scan that are not in its part yet: those that DuckDB may
/// check are added to it, the others returned.
///
/// # Safety
/// `conditions` are those that Postgres wants the scan of `relation` to check.
pub(super) unsafe fn ship_parameterised(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    conditions: *mut pg_sys::List,
    part: &mut Part,
) -> Result<*mut pg_sys::List> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut local = std::ptr::null_mut();
        let among = |clause: *mut pg_sys::Node, conditions: *mut pg_sys::List| {
            list::pointers::<pg_sys::Node>(conditions).any(|known| pg_sys::equal(known.cast(), clause.cast()))
        };
        let one = computed::targets(root, &[]);
        for condition in list::pointers::<pg_sys::RestrictInfo>(conditions) {
            let clause = (*condition).clause.cast::<pg_sys::Node>();
            if (*condition).pseudoconstant || among(clause, part.quals) {
                continue;
            }
            if !among(clause, part.local) && pg_sys::restriction_is_securely_promotable(condition, relation) {
                let more = Part { quals: list::append(pg_sys::list_copy(part.quals), clause), ..*part };
                if more.lowers(root, one)? {
                    *part = more;
                    continue;
                }
            }
            local = list::append(local, clause);
        }
        Ok(local)
    }
}
