//! What a part of a query costs, in the planner's units.
//!
//! One unit is about 5 us on the machine where Postgres' own defaults hold (a sequential scan
//! reads and checks a row in 0.01 to 0.02 units).

use pgrx::pg_sys;

/// Starting a statement: two messages and DuckDB's own start, half a millisecond.
const STARTUP: f64 = 100.0;
/// What DuckDB does with a row of a table.
const ROW_IN_DUCKDB: f64 = 0.000_5;
/// Comparing a row that DuckDB sorts, all of them together.
const ROW_SORTED: f64 = 0.001;
/// Sending a row and converting it, besides the executor's own `cpu_tuple_cost`.
const ROW_SENT: f64 = 0.005;

/// Startup and total cost of a part that reads `scanned` rows and sends `sent`.
pub(super) fn of_part(scanned: f64, sent: f64) -> (f64, f64) {
    // SAFETY: a setting of the main thread.
    let handed_out = unsafe { pg_sys::cpu_tuple_cost };
    (STARTUP, STARTUP + scanned * ROW_IN_DUCKDB + sent * (ROW_SENT + handed_out))
}

/// As [`of_part`], of a part that sorts `sorted` rows before it sends the first one.
pub(super) fn of_sorted_part(scanned: f64, sorted: f64, sent: f64) -> (f64, f64) {
    let (startup, total) = of_part(scanned, sent);
    let sort = scanned * ROW_IN_DUCKDB + sorted * ROW_SORTED;
    (startup + sort, total + sorted * ROW_SORTED)
}

/// Rows of the base relations among `relids`.
///
/// # Safety
/// `root` is a valid planner state and `relids` one of its sets.
pub(super) unsafe fn scanned(root: *mut pg_sys::PlannerInfo, relids: pg_sys::Relids) -> f64 {
    let mut rows = 0.0;
    let mut member = -1;
    // SAFETY: as the caller promises: members are indexes into the array of base relations.
    unsafe {
        loop {
            member = pg_sys::bms_next_member(relids, member);
            let Ok(index) = usize::try_from(member) else { return rows };
            let relation = *(*root).simple_rel_array.add(index);
            if !relation.is_null() {
                rows += (*relation).tuples.max((*relation).rows);
            }
        }
    }
}
