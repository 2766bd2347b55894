//! Sort and group clauses, which carry the operators of their types.

use pgrx::pg_sys;

use crate::pg::list;

/// The operators by which a type is sorted and grouped.
pub(super) struct SortOperators {
    pub(super) less: pg_sys::Oid,
    pub(super) equal: pg_sys::Oid,
    pub(super) greater: pg_sys::Oid,
    pub(super) hashable: bool,
}

impl SortOperators {
    /// Raises Postgres' own error if the type has none.
    ///
    /// # Safety
    /// Main thread, in a transaction.
    pub(super) unsafe fn of(type_oid: pg_sys::Oid, ordered: bool) -> Self {
        let mut found = Self {
            less: pg_sys::InvalidOid,
            equal: pg_sys::InvalidOid,
            greater: pg_sys::InvalidOid,
            hashable: false,
        };
        // SAFETY: catalog look-ups on the main thread.
        unsafe {
            pg_sys::get_sort_group_operators(
                type_oid,
                ordered,
                true,
                ordered,
                &mut found.less,
                &mut found.equal,
                &mut found.greater,
                &mut found.hashable,
            );
        }
        found
    }
}

/// The clauses of a query that refer to its target list.
///
/// # Safety
/// A valid query, not used otherwise while the references live.
pub(super) unsafe fn clause_lists<'a>(query: *mut pg_sys::Query) -> Vec<&'a mut *mut pg_sys::List> {
    // SAFETY: fields of a valid query and of its windows.
    unsafe {
        let mut clauses =
            vec![&mut (*query).sortClause, &mut (*query).groupClause, &mut (*query).distinctClause];
        for window in list::pointers::<pg_sys::WindowClause>((*query).windowClause) {
            clauses.push(&mut (*window).partitionClause);
            clauses.push(&mut (*window).orderClause);
        }
        clauses
    }
}

/// Replaces the clause for a whole row by one for each of its columns.
///
/// # Safety
/// A list of sort and group clauses.
pub(super) unsafe fn expand_clauses(
    clauses: *mut pg_sys::List,
    reference: u32,
    columns: &[u32],
) -> *mut pg_sys::List {
    // SAFETY: a list of sort and group clauses.
    unsafe {
        let mut expanded = std::ptr::null_mut();
        for clause in list::pointers::<pg_sys::SortGroupClause>(clauses) {
            if reference == 0 || (*clause).tleSortGroupRef != reference {
                expanded = list::append(expanded, clause);
                continue;
            }
            for column in columns {
                let copy = pg_sys::copyObjectImpl(clause.cast()).cast::<pg_sys::SortGroupClause>();
                (*copy).tleSortGroupRef = *column;
                expanded = list::append(expanded, copy);
            }
        }
        expanded
    }
}
