//! RETURNING: DuckDB returns the columns of the changed rows, Postgres computes the list from them.
//!
//! So every expression can be returned, whatever DuckDB knows of it.

use pgrx::pg_sys;

use super::raw::{self, RawColumns};
use super::source::{self, Target};
use super::{OutputColumn, Result, make, unsupported};
use crate::pg::list;

/// What a statement returns.
pub(super) struct Returning {
    /// The columns that DuckDB returns.
    pub(super) raw: Vec<OutputColumn>,
    /// The RETURNING list over those columns, as `INDEX_VAR`; null if nothing is returned.
    pub(super) list: *mut pg_sys::List,
    /// `raw` are the outputs of the source, which is computed before the statement.
    pub(super) from_feed: bool,
}

impl Returning {
    /// The names of the columns that DuckDB returns.
    pub(super) fn columns(&self) -> Vec<String> {
        if self.from_feed {
            return Vec::new();
        }
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
            return Ok(Returning { raw: Vec::new(), list: std::ptr::null_mut(), from_feed: false });
        }
        let mut columns = RawColumns::default();
        let list = columns.targets((*query).returningList, (*query).rtable, "RETURNING", &|_| None)?;
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
        Ok(Returning { raw, list, from_feed: false })
    }
}

/// True if the RETURNING list refers to more than the target's columns.
///
/// # Safety
/// As [`lower`].
pub(super) unsafe fn needs_source(query: *mut pg_sys::Query, target: &Target) -> Result<bool> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut columns = RawColumns::default();
        columns.targets((*query).returningList, (*query).rtable, "RETURNING", &|_| None)?;
        Ok(columns.vars.iter().any(|var| !target.owns(&**var)))
    }
}

/// The RETURNING list of an UPDATE or DELETE over the rows of its source, to which the columns
/// that are missing are added.
///
/// `assigned` are the attributes whose new values are outputs of the source, from the second on.
///
/// # Safety
/// `query` is an analysed and rewritten statement with this target; `select` is its source.
pub(super) unsafe fn lower_over_source(
    query: *mut pg_sys::Query,
    target: &Target,
    select: *mut pg_sys::Query,
    assigned: &[i16],
) -> Result<Returning> {
    // SAFETY: as the caller promises.
    unsafe {
        let new_value = |var: &pg_sys::Var| {
            let position = assigned.iter().position(|attribute| *attribute == var.varattno);
            let position = position.filter(|_| target.owns(var))?;
            Some(raw::index_var(var, position + 2))
        };
        let mut columns = RawColumns::after(list::pointers::<pg_sys::Node>((*select).targetList).len());
        let list = columns.targets((*query).returningList, (*query).rtable, "RETURNING", &new_value)?;
        for var in columns.vars {
            if target.owns(&*var) && pg_sys::get_attgenerated(target.relid, (*var).varattno) != 0 {
                return unsupported(
                    "a generated column and a column of another relation in one RETURNING",
                    "DuckDB computes the one, Postgres the other",
                );
            }
            (*select).targetList = source::output((*select).targetList, make::copy(var.cast()), "");
        }
        if list::pointers::<pg_sys::Node>((*(*select).jointree).fromlist).len() > 1 {
            source::once_each(select);
        }
        Ok(Returning { raw: super::output_columns(select), list, from_feed: true })
    }
}
