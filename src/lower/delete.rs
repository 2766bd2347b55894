//! `DELETE FROM <duckdb table> [USING ..] [WHERE ..] [RETURNING ..]`.

use bridge_plan::nodes::Delete;
use pgrx::pg_sys;

use super::source::{self, Target};
use super::{LowerOptions, LoweredQuery, Result, finished, make, returning};

/// Lowers a DELETE from a duckdb table to one DuckDB DELETE.
///
/// # Safety
/// `query` is an analysed and rewritten DELETE whose target is a duckdb table.
///
/// # Errors
/// `Unsupported` for expressions and sources that DuckDB must not run.
pub(super) unsafe fn lower(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        source::check(query)?;
        let target = Target::of(query)?;
        let over_source = returning::needs_source(query, &target)?;
        let select = source::as_select(query);
        // One block of FROM and WHERE is written over the table itself; a WITH is not.
        let row: *mut pg_sys::Node = if target.has_rowid() {
            target.rowid().cast()
        } else if (*select).cteList.is_null() && !over_source {
            make::null_rowid()
        } else {
            return source::hidden_rowid("DELETE with a WITH or RETURNING other columns");
        };
        (*select).targetList = source::output(std::ptr::null_mut(), row, source::ROWID);
        let (mut source, returning) = if over_source {
            let returning = returning::lower_over_source(query, &target, select, &[])?;
            (source::computed(select)?, returning)
        } else {
            let returning = returning::lower(query, &target)?;
            (source::lower_or_compute(select, options)?, returning)
        };
        source.plan = Delete::plan(target.name, returning.columns(), source.plan);
        finished(source, returning)
    }
}
