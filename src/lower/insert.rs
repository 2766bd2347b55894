//! `INSERT INTO <duckdb table> SELECT ..` and `.. VALUES ..`.

use bridge_plan::build;
use bridge_plan::nodes::{Insert, OnConflict};
use pgrx::pg_sys;

use super::feed::feed_of;
use super::source::{self, Source, Target};
use super::{LowerOptions, LoweredQuery, Result, conflict, finished, given, returning, types, unsupported};
use crate::hooks::planner;
use crate::pg::{list, owned_string};

/// Lowers an INSERT into a duckdb table to one DuckDB INSERT.
///
/// A source that touches no duckdb table and no DuckDB function is computed by Postgres and fed
/// as a whole, so that every expression Postgres has can fill a duckdb table.
///
/// # Safety
/// `query` is an analysed and rewritten INSERT whose target is a duckdb table.
///
/// # Errors
/// `Unsupported` for sources that DuckDB must not run.
pub(super) unsafe fn lower(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        source::check(query)?;
        let target = Target::of(query)?;
        let returning = returning::lower(query, &target)?;
        if conflict::updates(query) {
            let source = conflict::lower_update(query, &target, returning.columns(), options)?;
            return finished(source, returning);
        }
        let columns: Vec<String> = list::pointers::<pg_sys::TargetEntry>((*query).targetList)
            .filter(|entry| !(**entry).resjunk)
            .map(|entry| target.column((*entry).resno))
            .collect();
        let on_conflict = conflict::clause(query, &target)?;
        if matches!(on_conflict, OnConflict::Nothing(_)) && !columns.is_empty() {
            let returned = returning.columns();
            let source = conflict::lower_nothing(query, &target, on_conflict, returned, options)?;
            return finished(source, returning);
        }
        let mut source = if columns.is_empty() {
            Source {
                plan: build::one_row(),
                feeds: Vec::new(),
                params: Vec::new(),
                plan_time_values: false,
                remote_scans: Vec::new(),
            }
        } else {
            rows(query, options)?
        };
        source.plan = Insert::plan(target.name, columns, on_conflict, None, returning.columns(), source.plan);
        finished(source, returning)
    }
}

/// The rows to insert: the INSERT's own target list over its FROM, as a SELECT.
///
/// # Safety
/// As [`lower`].
unsafe fn rows(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<Source> {
    // SAFETY: as the caller promises; the copy is a SELECT over the same range table, where the
    // target relation is no longer referred to.
    unsafe {
        let select = as_select(query);

        number_targets(select);
        let found = planner::touches(select);
        if !(found.duckdb_table || found.duckdb_function) {
            return match given::row(select)? {
                Some(row) => Ok(row),
                None => source::fed(feed_of(select)),
            };
        }
        if check_targets(select).is_err() {
            return source::computed(select);
        }
        source::lower_or_compute(select, options)
    }
}
/// An INSERT's rows as a SELECT over the same range table, still with the INSERT's targets.
///
/// # Safety
/// As [`lower`].
pub(super) unsafe fn as_select(query: *mut pg_sys::Query) -> *mut pg_sys::Query {
    // SAFETY: as the caller promises; in the copy nothing refers to the target relation.
    unsafe {
        let select = source::as_select(query);
        let target =
            pg_sys::list_nth((*select).rtable, (*query).resultRelation - 1).cast::<pg_sys::RangeTblEntry>();
        neutralise(target);
        if let Some(conflict) = (*query).onConflict.as_ref()
            && conflict.exclRelIndex > 0
        {
            // EXCLUDED, which the rows themselves do not refer to.
            neutralise(pg_sys::list_nth((*select).rtable, conflict.exclRelIndex - 1).cast());
        }
        select
    }
}

/// Refuses values that only Postgres can give, such as the next one of a sequence, which a
/// default puts where the user wrote nothing.
///
/// # Safety
/// `select` is an analysed SELECT whose outputs are named after the columns they fill.
pub(super) unsafe fn check_targets(select: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        for target in list::pointers::<pg_sys::TargetEntry>((*select).targetList) {
            if (*target).resjunk || !pg_sys::contain_volatile_functions((*target).expr.cast()) {
                continue;
            }
            return unsupported(
                format!("the volatile value or default of column \"{}\"", owned_string((*target).resname)),
                "the rows come from DuckDB, which has no sequences of Postgres; select into a heap table first \
                 and insert from there",
            );
        }
        Ok(())
    }
}

/// Makes the target's range-table entry a relation of no rows' worth: nothing refers to it, and
/// as a relation it would have the source planned as if it read a duckdb table.
///
/// # Safety
/// `entry` is a private copy.
unsafe fn neutralise(entry: *mut pg_sys::RangeTblEntry) {
    // SAFETY: as the caller promises.
    unsafe {
        (*entry).rtekind = pg_sys::RTEKind::RTE_RESULT;
        (*entry).relid = pg_sys::InvalidOid;
        (*entry).relkind = 0;
        (*entry).inh = false;
        (*entry).securityQuals = std::ptr::null_mut();
        #[cfg(feature = "pg15")]
        {
            (*entry).requiredPerms = 0;
        }
        #[cfg(not(feature = "pg15"))]
        {
            (*entry).perminfoindex = 0;
        }
    }
}

/// A SELECT's targets are numbered from 1 without gaps.
///
/// # Safety
/// `select` is a private copy.
unsafe fn number_targets(select: *mut pg_sys::Query) {
    // SAFETY: as the caller promises.
    unsafe {
        for (i, target) in list::pointers::<pg_sys::TargetEntry>((*select).targetList).enumerate() {
            (*target).resno = i16::try_from(i + 1).expect("a relation has at most 1600 columns");
            let ty = types::of_node((*target).expr.cast());
            debug_assert_ne!(ty.oid, 0, "analysed expressions have types");
        }
    }
}
