//! `UPDATE <duckdb table> SET .. [FROM ..] [WHERE ..] [RETURNING ..]`.

use bridge_plan::nodes::Update;
use pgrx::pg_sys;

use super::source::{self, Target};
use super::{LowerOptions, LoweredQuery, Result, finished, make, multiple, returning};
use crate::pg::list;

/// Lowers an UPDATE of a duckdb table to one DuckDB UPDATE.
///
/// # Safety
/// `query` is an analysed and rewritten UPDATE whose target is a duckdb table.
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
        let alone = list::pointers::<pg_sys::Node>((*(*select).jointree).fromlist).len() == 1;
        let mut outputs = std::ptr::null_mut();
        if target.has_rowid() {
            outputs = source::output(outputs, target.rowid().cast(), source::ROWID);
        } else if alone {
            // The statement is written over the table itself, without a look at the row's name.
            outputs = source::output(outputs, make::null_rowid(), source::ROWID);
        } else {
            return source::hidden_rowid("UPDATE .. FROM");
        }
        let (mut columns, mut assigned) = (Vec::new(), Vec::new());
        let assignments = multiple::single_assignments((*select).targetList);
        for entry in list::pointers::<pg_sys::TargetEntry>(assignments) {
            let column = target.column((*entry).resno);
            outputs = source::output(outputs, (*entry).expr.cast(), &column);
            columns.push(column);
            assigned.push((*entry).resno);
        }
        if columns.is_empty() {
            // Generated columns SET to DEFAULT: Postgres assigns nothing, DuckDB wants something.
            let kept = target.first_stored();
            outputs = source::output(outputs, target.var(kept).cast(), &target.column(kept));
            columns.push(target.column(kept));
            assigned.push(kept);
        }
        (*select).targetList = outputs;
        let (mut source, returning) = if over_source {
            let returning = returning::lower_over_source(query, &target, select, &assigned)?;
            (source::computed(select)?, returning)
        } else {
            let returning = returning::lower(query, &target)?;
            (source::lower_or_compute(select, options)?, returning)
        };
        source.plan = Update::plan(target.name, columns, !alone, returning.columns(), source.plan);
        finished(source, returning)
    }
}
