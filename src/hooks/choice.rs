//! `duckdb.execution = auto`: a query on heap tables alone runs where it is cheaper.
//!
//! Postgres plans it first, as ever. If that plan is estimated to be cheap, it runs: whatever DuckDB
//! could save is less than finding out costs. Otherwise DuckDB's side is estimated too: what Postgres asks for
//! the feeds' own plans and for converting their rows (`scan::cost`), and a little for what DuckDB then
//! does with the rows, since vectors are faster than rows. An index
//! that finds the few rows wanted, or a sort that an index saves, makes Postgres' plan cheaper than
//! reading its tables for DuckDB.

use pgrx::pg_sys;
use pgrx::prelude::*;

use super::planner::touches;
use crate::gucs::{self, Execution};

/// Estimated cost of Postgres' plan (in its units: a page read in sequence is 1) below which
/// DuckDB is not asked.
const CHEAP: f64 = 10_000.0;

/// What a query costs in DuckDB, in costs of its feeds: what is nearly a tie is left to Postgres.
const WITH_DUCKDB: f64 = 1.05;

/// True for a query that may run on either side.
///
/// # Safety
/// `parse` is an analysed and rewritten statement; called from the planner hook.
#[pg_guard]
pub(super) unsafe extern "C-unwind" fn is_open(parse: *mut pg_sys::Query) -> bool {
    if gucs::execution() != Execution::Auto {
        return false;
    }
    // SAFETY: as the caller promises.
    unsafe {
        if (*parse).commandType != pg_sys::CmdType::CMD_SELECT {
            return false;
        }
        let found = touches(parse);
        found.heap_table
            && !found.catalog
            && !found.duckdb_table
            && !found.duckdb_function
            && super::planner::check_role().is_ok()
    }
}

/// True if it may pay to ask DuckDB for a query for which Postgres has this plan.
///
/// # Safety
/// A finished plan.
pub(super) unsafe fn is_worth_asking(theirs: *mut pg_sys::PlannedStmt) -> bool {
    // SAFETY: as the caller promises.
    unsafe { (*(*theirs).planTree).total_cost >= CHEAP }
}

/// True if our plan is the cheaper one.
///
/// # Safety
/// Two finished plans of one query, the first with a `DuckDBScan` on top.
pub(super) unsafe fn is_cheaper(ours: *mut pg_sys::PlannedStmt, theirs: *mut pg_sys::PlannedStmt) -> bool {
    // SAFETY: as the caller promises.
    let (ours, theirs) = unsafe { ((*(*ours).planTree).total_cost, (*(*theirs).planTree).total_cost) };
    pgrx::debug1!("duckdb.execution = auto: feeds {ours}, Postgres {theirs}");
    ours * WITH_DUCKDB < theirs
}
