//! The hooks of Postgres' planner.
//!
//! The hooks themselves are not guarded, so that errors of hooks installed before ours keep
//! their context; ours run in guarded functions behind them. They look only at relations whose
//! rows come from DuckDB, of whatever statement: no other plan could read those.

use std::ffi::c_void;

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::{base, group, join, order};
use crate::error::report;

static mut PREVIOUS_BASE: pg_sys::set_rel_pathlist_hook_type = None;
static mut PREVIOUS_JOIN: pg_sys::set_join_pathlist_hook_type = None;
static mut PREVIOUS_UPPER: pg_sys::create_upper_paths_hook_type = None;

/// Installs the hooks.
pub(super) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS_BASE = pg_sys::set_rel_pathlist_hook;
        pg_sys::set_rel_pathlist_hook = Some(set_rel_pathlist);
        PREVIOUS_JOIN = pg_sys::set_join_pathlist_hook;
        pg_sys::set_join_pathlist_hook = Some(set_join_pathlist);
        PREVIOUS_UPPER = pg_sys::create_upper_paths_hook;
        pg_sys::create_upper_paths_hook = Some(create_upper_paths);
    }
}

unsafe extern "C-unwind" fn set_rel_pathlist(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    index: pg_sys::Index,
    entry: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: the arguments of Postgres.
    unsafe {
        if let Some(previous) = PREVIOUS_BASE {
            previous(root, relation, index, entry);
        }
        offer_base(root, relation, index, entry);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn offer_base(
    root: *mut pg_sys::PlannerInfo,
    relation: *mut pg_sys::RelOptInfo,
    index: pg_sys::Index,
    entry: *mut pg_sys::RangeTblEntry,
) {
    // SAFETY: the arguments of the hook.
    report(unsafe { base::offer(root, relation, index, entry) });
}

unsafe extern "C-unwind" fn set_join_pathlist(
    root: *mut pg_sys::PlannerInfo,
    joined: *mut pg_sys::RelOptInfo,
    outer: *mut pg_sys::RelOptInfo,
    inner: *mut pg_sys::RelOptInfo,
    kind: pg_sys::JoinType::Type,
    extra: *mut pg_sys::JoinPathExtraData,
) {
    // SAFETY: the arguments of Postgres.
    unsafe {
        if let Some(previous) = PREVIOUS_JOIN {
            previous(root, joined, outer, inner, kind, extra);
        }
        offer_join(root, joined, outer, inner, kind, extra);
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn offer_join(
    root: *mut pg_sys::PlannerInfo,
    joined: *mut pg_sys::RelOptInfo,
    outer: *mut pg_sys::RelOptInfo,
    inner: *mut pg_sys::RelOptInfo,
    kind: pg_sys::JoinType::Type,
    extra: *mut pg_sys::JoinPathExtraData,
) {
    // SAFETY: the arguments of the hook.
    report(unsafe { join::offer(root, joined, outer, inner, kind, extra) });
}

unsafe extern "C-unwind" fn create_upper_paths(
    root: *mut pg_sys::PlannerInfo,
    stage: pg_sys::UpperRelationKind::Type,
    input: *mut pg_sys::RelOptInfo,
    output: *mut pg_sys::RelOptInfo,
    extra: *mut c_void,
) {
    // SAFETY: the arguments of Postgres.
    unsafe {
        if let Some(previous) = PREVIOUS_UPPER {
            previous(root, stage, input, output, extra);
        }
        match stage {
            pg_sys::UpperRelationKind::UPPERREL_GROUP_AGG => offer_group(root, input, output),
            pg_sys::UpperRelationKind::UPPERREL_ORDERED => offer_order(root, input, output),
            _ => {}
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn offer_group(
    root: *mut pg_sys::PlannerInfo,
    input: *mut pg_sys::RelOptInfo,
    grouped: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: the arguments of the hook.
    report(unsafe { group::offer(root, input, grouped) });
}

#[pg_guard]
unsafe extern "C-unwind" fn offer_order(
    root: *mut pg_sys::PlannerInfo,
    input: *mut pg_sys::RelOptInfo,
    sorted: *mut pg_sys::RelOptInfo,
) {
    // SAFETY: the arguments of the hook.
    report(unsafe { order::offer(root, input, sorted) });
}
