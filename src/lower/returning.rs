//! RETURNING: DuckDB returns the columns of the changed rows, Postgres computes the list from them.
//!
//! So every expression can be returned, whatever DuckDB knows of it.

use pgrx::pg_sys;

use super::raw::RawColumns;
use super::source::Target;
use super::{OutputColumn, Result, unsupported};

/// What a statement returns.
pub(super) struct Returning {
    /// The columns that DuckDB returns.
    pub(super) raw: Vec<OutputColumn>,
    /// The RETURNING list over those columns, as `INDEX_VAR`; null if nothing is returned.
    pub(super) list: *mut pg_sys::List,
}

impl Returning {
    /// The names of the columns that DuckDB returns.
    pub(super) fn columns(&self) -> Vec<String> {
        self.raw.iter().map(|column| column.spec.name.clone()).collect()
    }
}

/// The RETURNING list of a statement.
///
/// # Safety
/// `query` is an analysed and rewritten statement with this target.
///
/// # Errors
/// `Unsupported` for what is no expression over the target's own columns.
pub(super) unsafe fn lower(query: *mut pg_sys::Query, target: &Target) -> Result<Returning> {
    // SAFETY: as the caller promises.
    unsafe {
        if (*query).returningList.is_null() {
            return Ok(Returning { raw: Vec::new(), list: std::ptr::null_mut() });
        }
        let mut columns = RawColumns::default();
        let list = columns.targets((*query).returningList, "RETURNING", &|var| target.table_oid(var))?;
        if columns.vars.iter().any(|var| !target.owns(&**var)) {
            return unsupported(
                "a column of another relation in RETURNING",
                "DuckDB returns the columns of the changed rows alone",
            );
        }
        if columns.vars.is_empty() {
            // Only the number of rows matters.
            columns.vars.push(target.var(target.first_column()));
        }
        let mut raw = columns.outputs();
        for (column, var) in raw.iter_mut().zip(&columns.vars) {
            column.spec.name = target.column((**var).varattno);
        }
        Ok(Returning { raw, list })
    }
}
