//! Statements that cannot run in DuckDB as a whole.
//!
//! When [`crate::lower`] answers `Unsupported`, Postgres plans the statement, and the hooks of
//! its planner offer a `DuckDBScan` for each piece that DuckDB may run: a duckdb table or a file
//! with the columns that are needed and the conditions that lower ([`base`]), a subquery in FROM
//! that lowers whole ([`fence`]), joins between such pieces ([`join`]), the grouping of one
//! ([`group`]), and its order and limit ([`order`]). Postgres finishes the rest, so that every query it accepts is answered.
//!
//! All pieces are made the same way: a [`part::Part`] becomes a small `Query` over the
//! range table that Postgres has preprocessed, and that one is lowered whole ([`plan`]). What a
//! part takes from outside (parameters of an outer plan node, columns of the outer side of a
//! nested loop) are parameters of its SQL, evaluated each time it is started ([`node`]).
//!
//! - [`check`]: what neither DuckDB nor Postgres can do on duckdb tables;
//! - [`lookup`]: parts that are started again for each row of another relation;
//! - [`hooks`]: the planner's hooks; [`cost`], [`size`]: estimates;
//! - [`computed`]: columns that the backend adds to DuckDB's rows: `tableoid`, whole rows;
//! - [`reason`]: why the statement is not shipped whole, for EXPLAIN and the NOTICE.

mod base;
mod check;
mod computed;
mod cost;
mod fence;
mod group;
mod hooks;
mod join;
mod lookup;
pub(crate) mod node;
mod order;
mod part;
mod plan;
mod reason;
pub(crate) mod size;

use bridge_types::Unsupported;
use pgrx::pg_sys;

use crate::error::Result;

/// Installs the hooks; called once in the postmaster.
pub(crate) fn init() {
    hooks::init();
    size::init();
}

/// Gets a statement ready for Postgres' planner, because of `reason`; false if Postgres cannot
/// finish it either, since it calls functions that only DuckDB has.
///
/// # Safety
/// `parse` is an analysed and rewritten statement that is about to be planned.
///
/// # Errors
/// 0A000 for what cannot be done on duckdb tables at all.
pub(crate) unsafe fn prepare(parse: *mut pg_sys::Query, reason: &Unsupported) -> Result<bool> {
    // SAFETY: as the caller promises.
    unsafe {
        if !check::can_be_finished(parse)? {
            return Ok(false);
        }
        fence::subqueries(parse)?;
    }
    reason::remember(parse, &format!("{}: {}", reason.what, reason.why));
    Ok(true)
}
