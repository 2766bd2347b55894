//! From a part to a path, and from the chosen path to its plan node.

use bridge_types::SqlState;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use pgrx::prelude::*;

use super::computed::{self, Layout};
use super::part::{self, Part};
use super::{base, group, order, reason};
use crate::error::{self, Error, Result};
use crate::pg::custom_scan::Table;
use crate::pg::{self, list};
use crate::scan;
use crate::scan::plan::{NO_PARAMS, ScanPlan, scan_plan};

static METHODS: Table<pg_sys::CustomPathMethods> = Table(pg_sys::CustomPathMethods {
    CustomName: scan::NAME.as_ptr(),
    PlanCustomPath: Some(plan_custom_path),
    ReparameterizeCustomPathByChild: None,
});

/// The method table of our paths.
pub(super) fn methods() -> *const pg_sys::CustomPathMethods {
    &raw const METHODS.0
}

/// Adds the path of `part` to `relation`; `costs` are startup and total cost of its rows.
///
/// # Safety
/// `root` and `relation` are the planner's; `outer` are relations that the part needs values of.
pub(super) unsafe fn add_path(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    part: Part,
    outer: pg_sys::Relids,
    costs: impl FnOnce(f64) -> (f64, f64),
) {
    // SAFETY: as the caller promises; a fresh node in the planner's context.
    unsafe {
        let custom = pg::new_node::<pg_sys::CustomPath>(NodeTag::T_CustomPath);
        let path = &raw mut (*custom).path;
        (*path).pathtype = NodeTag::T_CustomScan;
        (*path).parent = relation;
        (*path).pathtarget = (*relation).reltarget;
        if part.sorted {
            (*path).pathtarget = (*root).upper_targets[pg_sys::UpperRelationKind::UPPERREL_ORDERED as usize];
            (*path).pathkeys = (*root).sort_pathkeys;
        }
        (*path).rows = (*relation).rows;
        if !pg::compat::bms_is_empty(outer) {
            (*path).param_info = pg_sys::get_baserel_parampathinfo(root, relation, outer);
            (*path).rows = (*(*path).param_info).ppi_rows;
        }
        let (startup, total) = costs((*path).rows);
        let mut checks = pg_sys::QualCost::default();
        pg_sys::cost_qual_eval(&raw mut checks, part.local, root);
        let target = &(*(*path).pathtarget).cost;
        (*path).startup_cost = startup + checks.startup + target.startup;
        (*path).total_cost =
            total + checks.startup + target.startup + (checks.per_tuple + target.per_tuple) * (*path).rows;
        (*custom).flags = pg_sys::CUSTOMPATH_SUPPORT_PROJECTION;
        (*custom).custom_private = part.to_private();
        (*custom).methods = methods();
        pg_sys::add_path(relation, path);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn plan_custom_path(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    path: *mut pg_sys::CustomPath,
    targets: *mut pg_sys::List,
    conditions: *mut pg_sys::List,
    _plans: *mut pg_sys::List,
) -> *mut pg_sys::Plan {
    // SAFETY: the arguments of Postgres for a path of ours.
    error::report(unsafe { plan(root, relation, path, targets, conditions) })
}

/// # Safety
/// The arguments of `PlanCustomPath`.
unsafe fn plan(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    path: *mut pg_sys::CustomPath,
    targets: *mut pg_sys::List,
    conditions: *mut pg_sys::List,
) -> Result<*mut pg_sys::Plan> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut part = Part::of_path(path);
        let outputs = (*(*path).path.pathtarget).exprs;
        let (local, layout, shipped);
        if part.grouped {
            local = part.local;
            layout = Layout::default();
            shipped = group::targets(root, &[outputs, local]);
        } else {
            local = base::ship_parameterised(root, relation, conditions, &mut part)?;
            let mut wanted = Vec::new();
            for exprs in [(*(*relation).reltarget).exprs, outputs, local] {
                part::variables(exprs, part.relids(), &mut wanted);
            }
            layout = Layout::of(root, &wanted)?;
            shipped = computed::targets(root, &layout.shipped);
            if local.is_null() && !part.sorted {
                part.limit = order::unsorted_limit(root, part.relids());
            }
        }
        let targets_of_query = if part.sorted { order::targets(root, shipped) } else { shipped };
        let mut lowered = part.lower(root, targets_of_query)?;
        // Fewer rows than all may be read.
        lowered.limited |= (*root).tuple_fraction > 0.0;
        let query = part.query(root, targets_of_query);
        let mut scan = scan_plan(query, pg_sys::debug_query_string, lowered, NO_PARAMS, true, false)?;
        if scan.columns.len() != list::pointers::<pg_sys::Node>(shipped).len() {
            return Err(Error::new(SqlState::INTERNAL_ERROR, "a part of the query has other columns"));
        }
        let params = std::mem::take(&mut scan.params);

        let node = pg::new_node::<pg_sys::CustomScan>(NodeTag::T_CustomScan);
        (*node).scan.plan.targetlist = targets;
        (*node).scan.plan.qual = local;
        // Only what is in the catalogs can be opened.
        if (*relation).rtekind == pg_sys::RTEKind::RTE_RELATION {
            (*node).scan.scanrelid = (*relation).relid;
        }
        (*node).flags = (*path).flags;
        (*node).custom_exprs =
            params.iter().fold(std::ptr::null_mut(), |exprs, param| list::append(exprs, param.expr));
        (*node).custom_scan_tlist = layout.append_to(shipped);
        (*node).custom_private = to_private(&scan, layout.to_private(root), reason::take(root).as_deref());
        (*node).methods = scan::methods();
        Ok(node.cast())
    }
}

/// # Safety
/// As [`ScanPlan::to_private`].
unsafe fn to_private(
    scan: &ScanPlan,
    computed: *mut pg_sys::List,
    reason: Option<&str>,
) -> *mut pg_sys::List {
    // SAFETY: fresh nodes in the current context; what is missing is a null cell.
    unsafe {
        let private = list::append(std::ptr::null_mut(), scan.to_private());
        let private = list::append(private, computed);
        let reason = reason.map_or(std::ptr::null_mut(), |reason| {
            pg_sys::makeString(pg::palloc_string(reason)).cast::<pg_sys::Node>()
        });
        list::append(private, reason)
    }
}
