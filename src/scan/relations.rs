//! The relations of a query that the engine runs, held open while it runs.
//!
//! No node of Postgres opens them, so DROP, TRUNCATE and ALTER in the same session, whose own
//! lock does not stop it, would see nobody who uses them (`CheckTableNotInUse`).

use pgrx::pg_sys;

use crate::error;
use crate::pg::{compat, list};
use crate::tables::snapshot;

/// Opens all relations of the query but views, until the query ends. An error (40001) if one is not as
/// the snapshot that the query will read has it.
///
/// # Safety
/// `estate` is the state of a query that is being started; its relations are locked.
pub(crate) unsafe fn open(estate: *mut pg_sys::EState) {
    // SAFETY: as the caller promises; the executor numbers the range table from 1, and closes what
    // was opened when the query ends.
    unsafe {
        for (entry, index) in list::pointers::<pg_sys::RangeTblEntry>((*estate).es_range_table).zip(1..) {
            let (kind, relkind) = ((*entry).rtekind, (*entry).relkind.cast_unsigned());
            if kind == pg_sys::RTEKind::RTE_RELATION && relkind != pg_sys::RELKIND_VIEW {
                compat::open_relation(estate, index, false);
                error::report(snapshot::reads_relation((*entry).relid));
            }
        }
    }
}
