//! Planning a feed for several processes.

use std::ffi::{c_char, c_int};

use bridge_types::ColumnSpec;
use pgrx::pg_sys;

use super::node;
use crate::gucs;
use crate::pg::{self, list};
use crate::scan::plan::columns_to_list;

/// Number of our node in its plan; Postgres counts from 0.
const NODE_ID: c_int = 0x4000_0000;
/// `PROPARALLEL_UNSAFE`.
const UNSAFE: c_char = b'u' as c_char;

/// True if a statement may have feeds with parallel workers.
///
/// It runs in parallel mode then as a whole. Of its own expressions Postgres computes only
/// `computed`; what it feeds is checked when that is planned.
///
/// # Safety
/// `statement` is the query that is being planned with these options, `computed` a list of expressions.
pub(crate) unsafe fn is_allowed(
    statement: *mut pg_sys::Query,
    cursor_options: c_int,
    computed: *mut pg_sys::List,
) -> bool {
    // SAFETY: as promised by the caller; plain globals of the main thread.
    unsafe {
        let wanted = gucs::MAX_WORKERS_PER_SCAN.get() > 0
            && pg_sys::max_parallel_workers > 0
            && cursor_options.cast_unsigned() & pg_sys::CURSOR_OPT_PARALLEL_OK != 0
            && pg_sys::IsUnderPostmaster
            && pg_sys::ParallelWorkerNumber < 0;
        if !wanted || (*statement).hasModifyingCTE || !(*statement).returningList.is_null() {
            return false;
        }
        if (*statement).commandType != pg_sys::CmdType::CMD_SELECT && fires_triggers(statement) {
            return false;
        }
        let query = pg::new_node::<pg_sys::Query>(pg_sys::NodeTag::T_Query);
        (*query).commandType = pg_sys::CmdType::CMD_SELECT;
        (*query).targetList = computed;
        pg_sys::max_parallel_hazard(query) != UNSAFE
    }
}

/// # Safety
/// `statement` is a valid query that writes.
unsafe fn fires_triggers(statement: *mut pg_sys::Query) -> bool {
    // SAFETY: as promised by the caller; CREATE TABLE AS has no target.
    unsafe {
        let Some(index) = usize::try_from((*statement).resultRelation).ok().and_then(|at| at.checked_sub(1))
        else {
            return false;
        };
        let mut entries = list::pointers::<pg_sys::RangeTblEntry>((*statement).rtable);
        entries.nth(index).is_none_or(|entry| {
            let relation = pg_sys::RelationIdGetRelation((*entry).relid);
            if relation.is_null() {
                return true;
            }
            let fires = (*(*relation).rd_rel).relhastriggers;
            pg_sys::RelationClose(relation);
            fires
        })
    }
}

/// Plans the query of a feed, for workers too if they are `allowed` and worth it. Not through the planner hook:
/// under `duckdb.force_execution` that would send the feed to DuckDB again.
///
/// # Safety
/// `query` is an analysed and rewritten SELECT of `columns`, which planning uses up; `bound_params` are
/// those of its parameters whose values may be assumed, or null.
pub(crate) unsafe fn planned_feed(
    query: *mut pg_sys::Query,
    query_string: *const c_char,
    bound_params: pg_sys::ParamListInfo,
    columns: &[ColumnSpec],
    allowed: bool,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: as promised by the caller.
    unsafe {
        if allowed && is_simple(query) {
            let copy = pg_sys::copyObjectImpl(query.cast()).cast();
            let statement = {
                let _costs = FeedCosts::new();
                let options = pg_sys::CURSOR_OPT_PARALLEL_OK.cast_signed();
                pg_sys::standard_planner(copy, query_string, options, bound_params)
            };
            if cut_gather(statement, columns) {
                return statement;
            }
        }
        pg_sys::standard_planner(query, query_string, 0, bound_params)
    }
}

/// True if a plan for several processes would have its Gather at the top.
///
/// # Safety
/// `query` is a valid query.
unsafe fn is_simple(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as promised by the caller.
    let query = unsafe { &*query };
    !query.hasAggs
        && !query.hasWindowFuncs
        && !query.hasTargetSRFs
        && query.groupClause.is_null()
        && query.groupingSets.is_null()
        && query.havingQual.is_null()
        && query.distinctClause.is_null()
        && query.sortClause.is_null()
        && query.limitCount.is_null()
        && query.limitOffset.is_null()
        && query.setOperations.is_null()
        && query.rowMarks.is_null()
}

/// Settings of the planner that are true of feeds, until it is dropped: no tuple passes from a worker to
/// its leader, and the number of workers has a limit of its own.
struct FeedCosts {
    tuple_cost: f64,
    workers: c_int,
}

impl FeedCosts {
    fn new() -> Self {
        // SAFETY: plain globals of the main thread, put back by `drop`, also when an ERROR unwinds.
        unsafe {
            let old = Self {
                tuple_cost: pg_sys::parallel_tuple_cost,
                workers: pg_sys::max_parallel_workers_per_gather,
            };
            pg_sys::parallel_tuple_cost = 0.0;
            pg_sys::max_parallel_workers_per_gather = gucs::MAX_WORKERS_PER_SCAN.get();
            old
        }
    }
}

impl Drop for FeedCosts {
    fn drop(&mut self) {
        // SAFETY: as in `new`.
        unsafe {
            pg_sys::parallel_tuple_cost = self.tuple_cost;
            pg_sys::max_parallel_workers_per_gather = self.workers;
        }
    }
}

/// Puts our node below the Gather of a plan; false if the plan has none at its top that only hands on
/// the rows of its child.
///
/// # Safety
/// `statement` is a fresh plan whose rows have these columns.
unsafe fn cut_gather(statement: *mut pg_sys::PlannedStmt, columns: &[ColumnSpec]) -> bool {
    // SAFETY: as promised by the caller; a Gather has one child.
    unsafe {
        let gather = (*statement).planTree.cast::<pg_sys::Gather>();
        if (*gather).plan.type_ != pg_sys::NodeTag::T_Gather
            || (*gather).single_copy
            || (*gather).num_workers <= 0
            || !(*gather).plan.qual.is_null()
        {
            return false;
        }
        let child = (*gather).plan.lefttree;
        let targets = list::pointers::<pg_sys::TargetEntry>((*gather).plan.targetlist);
        let computed = list::pointers::<pg_sys::TargetEntry>((*child).targetlist);
        if targets.len() != columns.len() || computed.len() != columns.len() {
            return false;
        }
        let computes = targets.zip(computed).zip(1..).any(|((target, computed), number)| {
            let value = (*target).expr.cast::<pg_sys::Var>();
            let handed_on = (*value).xpr.type_ == pg_sys::NodeTag::T_Var && (*value).varattno == number;
            // Constants are not handed on but written again.
            !handed_on && !pg_sys::equal(value.cast(), (*computed).expr.cast())
        });
        if computes {
            return false;
        }
        let cut = pg::new_node::<pg_sys::CustomScan>(pg_sys::NodeTag::T_CustomScan);
        let plan = &raw mut (*cut).scan.plan;
        (*plan).startup_cost = (*child).startup_cost;
        (*plan).total_cost = (*child).total_cost;
        (*plan).plan_rows = (*child).plan_rows;
        (*plan).parallel_aware = true;
        (*plan).parallel_safe = true;
        (*plan).plan_node_id = NODE_ID;
        (*plan).extParam = pg_sys::bms_copy((*child).extParam);
        (*plan).allParam = pg_sys::bms_copy((*child).allParam);
        (*cut).custom_plans = list::append(std::ptr::null_mut(), child);
        (*cut).custom_private = list::append(std::ptr::null_mut(), columns_to_list(columns));
        (*cut).methods = node::methods();
        (*gather).plan.lefttree = plan;
        (*gather).plan.targetlist = std::ptr::null_mut();
        true
    }
}

/// Workers that the plan of a feed provides for.
///
/// # Safety
/// `statement` is the plan of a feed.
pub(crate) unsafe fn planned_workers(statement: *mut pg_sys::PlannedStmt) -> u32 {
    // SAFETY: as promised by the caller.
    unsafe {
        let gather = (*statement).planTree.cast::<pg_sys::Gather>();
        if (*gather).plan.type_ != pg_sys::NodeTag::T_Gather || !node::is_feed_plan((*gather).plan.lefttree) {
            return 0;
        }
        u32::try_from((*gather).num_workers).unwrap_or(0)
    }
}
