//! The table access method `duckdb`: ordinary `pg_class` rows whose file stays empty.
//!
//! Rows of a duckdb table are read and written by the engine, on plans that the planner hook
//! makes. These callbacks serve what Postgres does to a table besides: creating it, emptying
//! it, measuring it, rewriting it ([`super::rewrite`]), and scans that must find nothing
//! (constraint checks of `ALTER TABLE`, which DuckDB does). Everything else is an error.
//!
//! Two callbacks do work. `relation_set_new_filelocator` is called for a relation that is being
//! created, which [`super::pending`] notes for the utility hook, and for one that is being
//! truncated, which goes to the engine at once.

use std::sync::LazyLock;

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::rewrite::{Reader, Rewrite};
use super::sample::{self, Sample};
use super::{changes, ddl, pending};
use crate::error::{Error, Result, raise, report};
use crate::fallback;
use crate::pg::compat::{RelFileLocator, UpdatedIndexes};
use crate::pg::memory::drop_with_context;
use crate::pg::owned_string;
use crate::placeholder::sql_function;

/// The routine, shared by all relations; Postgres only reads it.
struct Routine(pg_sys::TableAmRoutine);
// SAFETY: plain function pointers, never written after they were made.
unsafe impl Send for Routine {}
// SAFETY: as above.
unsafe impl Sync for Routine {}

static ROUTINE: LazyLock<Routine> = LazyLock::new(|| Routine(routine()));

sql_function!(
    /// Handler of the access method.
    duckdb_table_am_handler,
    pg_finfo_duckdb_table_am_handler,
    |_| pg_sys::Datum::from(std::ptr::from_ref(&ROUTINE.0))
);

/// Every callback is ours: a heap callback left in place would look for files.
fn routine() -> pg_sys::TableAmRoutine {
    pg_sys::TableAmRoutine {
        type_: pg_sys::NodeTag::T_TableAmRoutine,
        slot_callbacks: Some(slot_callbacks),
        scan_begin: Some(scan_begin),
        scan_end: Some(scan_end),
        scan_rescan: Some(scan_rescan),
        scan_getnextslot: Some(scan_getnextslot),
        scan_set_tidrange: None,
        scan_getnextslot_tidrange: None,
        parallelscan_estimate: Some(parallelscan_estimate),
        parallelscan_initialize: Some(parallelscan_initialize),
        parallelscan_reinitialize: Some(parallelscan_reinitialize),
        index_fetch_begin: Some(index_fetch_begin),
        index_fetch_reset: Some(index_fetch_reset),
        index_fetch_end: Some(index_fetch_end),
        index_fetch_tuple: Some(index_fetch_tuple),
        tuple_fetch_row_version: Some(tuple_fetch_row_version),
        tuple_tid_valid: Some(tuple_tid_valid),
        tuple_get_latest_tid: Some(tuple_get_latest_tid),
        tuple_satisfies_snapshot: Some(tuple_satisfies_snapshot),
        index_delete_tuples: Some(index_delete_tuples),
        tuple_insert: Some(tuple_insert),
        tuple_insert_speculative: Some(tuple_insert_speculative),
        tuple_complete_speculative: Some(tuple_complete_speculative),
        multi_insert: Some(multi_insert),
        tuple_delete: Some(tuple_delete),
        tuple_update: Some(tuple_update),
        tuple_lock: Some(tuple_lock),
        finish_bulk_insert: Some(finish_bulk_insert),
        #[cfg(feature = "pg15")]
        relation_set_new_filenode: Some(relation_set_new_filelocator),
        #[cfg(not(feature = "pg15"))]
        relation_set_new_filelocator: Some(relation_set_new_filelocator),
        relation_nontransactional_truncate: Some(relation_nontransactional_truncate),
        relation_copy_data: Some(relation_copy_data),
        relation_copy_for_cluster: Some(relation_copy_for_cluster),
        relation_vacuum: Some(relation_vacuum),
        scan_analyze_next_block: Some(scan_analyze_next_block),
        scan_analyze_next_tuple: Some(scan_analyze_next_tuple),
        index_build_range_scan: Some(index_build_range_scan),
        index_validate_scan: Some(index_validate_scan),
        relation_size: Some(relation_size),
        relation_needs_toast_table: Some(relation_needs_toast_table),
        relation_toast_am: None,
        relation_fetch_toast_slice: None,
        relation_estimate_size: Some(relation_estimate_size),
        #[cfg(not(feature = "pg18"))]
        scan_bitmap_next_block: None,
        scan_bitmap_next_tuple: None,
        scan_sample_next_block: Some(scan_sample_next_block),
        scan_sample_next_tuple: Some(scan_sample_next_tuple),
    }
}

/// Rows were asked for outside a plan of ours.
fn reads_bypass() -> ! {
    raise(
        EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, "duckdb tables are read through the DuckDB engine")
            .with_hint("Read the table with a SELECT.")
            .into(),
    )
}

/// A row was to be written outside a plan of ours.
fn writes_bypass() -> ! {
    raise(
        EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "duckdb tables are written through the DuckDB engine",
        )
        .with_hint("Write the table with INSERT or CREATE TABLE AS.")
        .into(),
    )
}

fn no_indexes() -> ! {
    raise(
        EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, "indexes on duckdb tables are not supported")
            .with_hint("DuckDB scans columns and skips blocks by their minimum and maximum without an index.")
            .into(),
    )
}

/// Callbacks that only raise.
macro_rules! refuse {
    ($($name:ident($($arg:ty),*) $(-> $result:ty)? => $error:ident;)*) => {
        $(
            unsafe extern "C-unwind" fn $name($(_: $arg),*) $(-> $result)? {
                // SAFETY: the outermost Rust frame below Postgres.
                unsafe { pg_sys::panic::pgrx_extern_c_guard(|| $error()) }
            }
        )*
    };
}

refuse! {
    index_fetch_begin(pg_sys::Relation) -> *mut pg_sys::IndexFetchTableData => no_indexes;
    index_fetch_reset(*mut pg_sys::IndexFetchTableData) => no_indexes;
    index_fetch_end(*mut pg_sys::IndexFetchTableData) => no_indexes;
    index_fetch_tuple(
        *mut pg_sys::IndexFetchTableData, pg_sys::ItemPointer, pg_sys::Snapshot, *mut pg_sys::TupleTableSlot,
        *mut bool, *mut bool
    ) -> bool => no_indexes;
    index_delete_tuples(pg_sys::Relation, *mut pg_sys::TM_IndexDeleteOp) -> pg_sys::TransactionId => no_indexes;
    index_validate_scan(
        pg_sys::Relation, pg_sys::Relation, *mut pg_sys::IndexInfo, pg_sys::Snapshot, *mut pg_sys::ValidateIndexState
    ) => no_indexes;
    tuple_fetch_row_version(
        pg_sys::Relation, pg_sys::ItemPointer, pg_sys::Snapshot, *mut pg_sys::TupleTableSlot
    ) -> bool => row_is_gone;
    tuple_get_latest_tid(pg_sys::TableScanDesc, pg_sys::ItemPointer) => reads_bypass;
    tuple_satisfies_snapshot(pg_sys::Relation, *mut pg_sys::TupleTableSlot, pg_sys::Snapshot) -> bool => reads_bypass;
    tuple_lock(
        pg_sys::Relation, pg_sys::ItemPointer, pg_sys::Snapshot, *mut pg_sys::TupleTableSlot, pg_sys::CommandId,
        pg_sys::LockTupleMode::Type, pg_sys::LockWaitPolicy::Type, pg_sys::uint8, *mut pg_sys::TM_FailureData
    ) -> pg_sys::TM_Result::Type => reads_bypass;
    scan_sample_next_block(pg_sys::TableScanDesc, *mut pg_sys::SampleScanState) -> bool => reads_bypass;
    scan_sample_next_tuple(
        pg_sys::TableScanDesc, *mut pg_sys::SampleScanState, *mut pg_sys::TupleTableSlot
    ) -> bool => reads_bypass;
    tuple_insert_speculative(
        pg_sys::Relation, *mut pg_sys::TupleTableSlot, pg_sys::CommandId, core::ffi::c_int,
        *mut pg_sys::BulkInsertStateData, pg_sys::uint32
    ) => writes_bypass;
    tuple_complete_speculative(pg_sys::Relation, *mut pg_sys::TupleTableSlot, pg_sys::uint32, bool) => writes_bypass;
    multi_insert(
        pg_sys::Relation, *mut *mut pg_sys::TupleTableSlot, core::ffi::c_int, pg_sys::CommandId, core::ffi::c_int,
        *mut pg_sys::BulkInsertStateData
    ) => writes_bypass;
    tuple_delete(
        pg_sys::Relation, pg_sys::ItemPointer, pg_sys::CommandId, pg_sys::Snapshot, pg_sys::Snapshot, bool,
        *mut pg_sys::TM_FailureData, bool
    ) -> pg_sys::TM_Result::Type => writes_bypass;
    tuple_update(
        pg_sys::Relation, pg_sys::ItemPointer, *mut pg_sys::TupleTableSlot, pg_sys::CommandId, pg_sys::Snapshot,
        pg_sys::Snapshot, bool, *mut pg_sys::TM_FailureData, *mut pg_sys::LockTupleMode::Type, *mut UpdatedIndexes
    ) -> pg_sys::TM_Result::Type => writes_bypass;
    relation_copy_data(pg_sys::Relation, *const RelFileLocator) => no_tablespaces;
}

/// After a conflict on another table, a row that was joined with it is looked for again.
fn row_is_gone() -> ! {
    raise(fallback::node::row_is_gone())
}

fn no_tablespaces() -> ! {
    raise(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "duckdb tables cannot be moved to another tablespace"))
}

unsafe extern "C-unwind" fn slot_callbacks(_: pg_sys::Relation) -> *const pg_sys::TupleTableSlotOps {
    &raw const pg_sys::TTSOpsVirtual
}

/// A scan; Postgres knows its first field.
#[repr(C)]
struct Scan {
    base: pg_sys::TableScanDescData,
    /// Context that outlives the scan's rows.
    memory: pg_sys::MemoryContext,
    started: bool,
    /// Null if there is nothing to read.
    reader: *mut Reader,
    /// The sample of `ANALYZE`; null before it has been drawn.
    sample: *mut Sample,
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn scan_begin(
    relation: pg_sys::Relation,
    snapshot: pg_sys::Snapshot,
    key_count: core::ffi::c_int,
    keys: *mut pg_sys::ScanKeyData,
    parallel: pg_sys::ParallelTableScanDesc,
    flags: pg_sys::uint32,
) -> pg_sys::TableScanDesc {
    // SAFETY: the executor passes an open relation; the record is all ours to fill in.
    unsafe {
        let scan = pg_sys::palloc0(size_of::<Scan>()).cast::<Scan>();
        (*scan).memory = pg_sys::AllocSetContextCreateExtended(
            pg_sys::CurrentMemoryContext,
            c"pg_duckdb scan".as_ptr(),
            pg_sys::ALLOCSET_SMALL_MINSIZE as usize,
            pg_sys::ALLOCSET_SMALL_INITSIZE as usize,
            pg_sys::ALLOCSET_SMALL_MAXSIZE as usize,
        );
        let base = &mut (*scan).base;
        base.rs_rd = relation;
        base.rs_snapshot = snapshot;
        base.rs_nkeys = key_count;
        base.rs_key = keys;
        base.rs_flags = flags;
        base.rs_parallel = parallel;
        &raw mut (*scan).base
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn scan_end(scan: pg_sys::TableScanDesc) {
    // SAFETY: made by `scan_begin`; a temporary snapshot is registered with the scan, as
    // `table_beginscan_catalog` and its kin ask. The reader goes with its context.
    unsafe {
        if (*scan).rs_flags & pg_sys::ScanOptions::SO_TEMP_SNAPSHOT != 0 {
            pg_sys::UnregisterSnapshot((*scan).rs_snapshot);
        }
        pg_sys::MemoryContextDelete((*scan.cast::<Scan>()).memory);
        pg_sys::pfree(scan.cast());
    }
}

unsafe extern "C-unwind" fn scan_rescan(
    _: pg_sys::TableScanDesc,
    _: *mut pg_sys::ScanKeyData,
    _set_params: bool,
    _allow_strat: bool,
    _allow_sync: bool,
    _allow_pagemode: bool,
) {
}

/// The size of a description of the empty scan, for the workers of CREATE INDEX.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn parallelscan_estimate(relation: pg_sys::Relation) -> pg_sys::Size {
    // SAFETY: an open relation, whose file has no blocks.
    unsafe { pg_sys::table_block_parallelscan_estimate(relation) }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn parallelscan_initialize(
    relation: pg_sys::Relation,
    scan: pg_sys::ParallelTableScanDesc,
) -> pg_sys::Size {
    // SAFETY: as above; memory of the estimated size.
    unsafe { pg_sys::table_block_parallelscan_initialize(relation, scan) }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn parallelscan_reinitialize(
    relation: pg_sys::Relation,
    scan: pg_sys::ParallelTableScanDesc,
) {
    // SAFETY: as above; initialised before.
    unsafe { pg_sys::table_block_parallelscan_reinitialize(relation, scan) };
}

/// The indexes of a duckdb table are empty: DuckDB has the keys (see [`super::definition`]).
unsafe extern "C-unwind" fn index_build_range_scan(
    _table: pg_sys::Relation,
    _index: pg_sys::Relation,
    _info: *mut pg_sys::IndexInfo,
    _allow_sync: bool,
    _anyvisible: bool,
    _progress: bool,
    _start: pg_sys::BlockNumber,
    _blocks: pg_sys::BlockNumber,
    _callback: pg_sys::IndexBuildCallback,
    _callback_state: *mut core::ffi::c_void,
    _scan: pg_sys::TableScanDesc,
) -> f64 {
    0.0
}

/// Rows for Postgres' rewriting of a table, none for the checks of `ALTER TABLE`; a scan of the
/// executor would lose rows silently, so that one is an error.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn scan_getnextslot(
    scan: pg_sys::TableScanDesc,
    _direction: pg_sys::ScanDirection::Type,
    slot: *mut pg_sys::TupleTableSlot,
) -> bool {
    if !changes::is_changing() {
        reads_bypass();
    }
    // SAFETY: made by `scan_begin`, and the caller's slot of the relation.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        let scan = scan.cast::<Scan>();
        if !(*scan).started {
            (*scan).started = true;
            // The caller's context is one of a row.
            let context = pg_sys::MemoryContextSwitchTo((*scan).memory);
            if let Some(reader) = report(Reader::open((*slot).tts_tupleDescriptor)) {
                (*scan).reader = drop_with_context((*scan).memory, reader);
            }
            pg_sys::MemoryContextSwitchTo(context);
        }
        match (*scan).reader.as_mut() {
            Some(reader) => report(reader.next(slot)),
            None => false,
        }
    }
}

/// A row of Postgres' rewriting of a table.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn tuple_insert(
    relation: pg_sys::Relation,
    slot: *mut pg_sys::TupleTableSlot,
    _command: pg_sys::CommandId,
    _options: core::ffi::c_int,
    _bulk: *mut pg_sys::BulkInsertStateData,
) {
    // SAFETY: an open relation, and a slot of it with a row.
    report(unsafe {
        rewriting(relation).and_then(|mut rewrite| {
            rewrite.push(slot)?;
            changes::put_rewrite(rewrite);
            Ok(())
        })
    });
}

/// The end of Postgres' rewriting, which may have had no rows.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn finish_bulk_insert(relation: pg_sys::Relation, _options: core::ffi::c_int) {
    // SAFETY: an open relation.
    report(unsafe { rewriting(relation).map(changes::put_rewrite) });
}

/// The rewriting that fills this relation, started if need be.
///
/// # Safety
/// `relation` is open.
unsafe fn rewriting(relation: pg_sys::Relation) -> Result<Rewrite> {
    // SAFETY: as the caller promises.
    unsafe {
        match changes::take_rewrite((*relation).rd_id) {
            Ok(Some(rewrite)) => Ok(rewrite),
            Ok(None) => Rewrite::start(relation),
            Err(()) => writes_bypass(),
        }
    }
}

unsafe extern "C-unwind" fn tuple_tid_valid(_: pg_sys::TableScanDesc, _: pg_sys::ItemPointer) -> bool {
    false
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn relation_set_new_filelocator(
    relation: pg_sys::Relation,
    file: *const RelFileLocator,
    persistence: core::ffi::c_char,
    freeze_xid: *mut pg_sys::TransactionId,
    min_multi: *mut pg_sys::MultiXactId,
) {
    // SAFETY: Postgres passes an open relation and two places to fill in.
    unsafe {
        // No tuple carries a transaction id, so nothing ever needs freezing.
        *freeze_xid = pg_sys::InvalidTransactionId;
        *min_multi = pg_sys::MultiXactId::from(0u32);
        let form = (*relation).rd_rel;
        if (*form).relkind.cast_unsigned() != pg_sys::RELKIND_RELATION {
            let name = owned_string((*form).relname.data.as_ptr());
            raise(
                EngineError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("\"{name}\" cannot use the access method duckdb: it is not an ordinary table"),
                )
                .with_hint("Create it USING heap, or set default_table_access_method to heap.")
                .into(),
            );
        }
        if persistence.cast_unsigned() == pg_sys::RELPERSISTENCE_UNLOGGED {
            raise(
                EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, "duckdb tables cannot be unlogged")
                    .with_hint("Create a TEMP table, or leave UNLOGGED out.")
                    .into(),
            );
        }
        // An empty file: CREATE DATABASE .. TEMPLATE and pg_upgrade expect one of every table.
        let storage = pg_sys::RelationCreateStorage(*file, persistence, true);
        pg_sys::smgrclose(storage);
        let relid = (*relation).rd_id;
        if crate::pg::catalog::relation(relid).is_some() {
            report(ddl::truncate(relid));
        } else {
            if !changes::note_transient(relid) {
                pending::created(relid);
            }
        }
    }
}

/// `TRUNCATE` of a table that this transaction made.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn relation_nontransactional_truncate(relation: pg_sys::Relation) {
    // SAFETY: an open relation.
    report(ddl::truncate(unsafe { (*relation).rd_id }));
}

/// `VACUUM FULL`: there is nothing to copy, the transient relation stays as empty as the old.
unsafe extern "C-unwind" fn relation_copy_for_cluster(
    _old: pg_sys::Relation,
    _new: pg_sys::Relation,
    _index: pg_sys::Relation,
    _use_sort: bool,
    _oldest_xmin: pg_sys::TransactionId,
    xid_cutoff: *mut pg_sys::TransactionId,
    multi_cutoff: *mut pg_sys::MultiXactId,
    tuples: *mut f64,
    vacuumed: *mut f64,
    recently_dead: *mut f64,
) {
    // SAFETY: places the caller wants filled in.
    unsafe {
        *xid_cutoff = pg_sys::InvalidTransactionId;
        *multi_cutoff = pg_sys::MultiXactId::from(0u32);
        *tuples = 0.0;
        *vacuumed = 0.0;
        *recently_dead = 0.0;
    }
}

/// DuckDB reclaims space at its checkpoints.
unsafe extern "C-unwind" fn relation_vacuum(
    _: pg_sys::Relation,
    _: *mut pg_sys::VacuumParams,
    _: pg_sys::BufferAccessStrategy,
) {
}

/// Every block is looked at: see [`super::sample`].
#[cfg(any(feature = "pg15", feature = "pg16"))]
unsafe extern "C-unwind" fn scan_analyze_next_block(
    _: pg_sys::TableScanDesc,
    _: pg_sys::BlockNumber,
    _: pg_sys::BufferAccessStrategy,
) -> bool {
    true
}

/// Every block is looked at: see [`super::sample`]. None is read.
#[cfg(not(any(feature = "pg15", feature = "pg16")))]
unsafe extern "C-unwind" fn scan_analyze_next_block(
    _: pg_sys::TableScanDesc,
    stream: *mut pg_sys::ReadStream,
) -> bool {
    let mut strategy = std::ptr::null_mut();
    // SAFETY: the stream of the caller. No Rust frame with a destructor is here if it raises.
    unsafe { pg_sys::read_stream_next_block(stream, &raw mut strategy) != pg_sys::InvalidBlockNumber }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn scan_analyze_next_tuple(
    scan: pg_sys::TableScanDesc,
    _oldest: pg_sys::TransactionId,
    live_rows: *mut f64,
    _dead_rows: *mut f64,
    slot: *mut pg_sys::TupleTableSlot,
) -> bool {
    // SAFETY: made by `scan_begin`, the caller's slot of the relation and its counter.
    unsafe {
        pg_sys::ExecClearTuple(slot);
        let scan = scan.cast::<Scan>();
        if (*scan).sample.is_null() {
            let context = pg_sys::MemoryContextSwitchTo((*scan).memory);
            let relid = (*(*scan).base.rs_rd).rd_id;
            let sample = report(Sample::open(relid, (*slot).tts_tupleDescriptor));
            (*scan).sample = drop_with_context((*scan).memory, sample);
            pg_sys::MemoryContextSwitchTo(context);
        }
        match report((*(*scan).sample).next(slot)) {
            None => true,
            Some(rows) => {
                *live_rows = rows;
                false
            }
        }
    }
}

/// For `ANALYZE`; the functions that measure a table have answers of their own ([`super::size`]).
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn relation_size(
    relation: pg_sys::Relation,
    fork: pg_sys::ForkNumber::Type,
) -> pg_sys::uint64 {
    if fork != pg_sys::ForkNumber::MAIN_FORKNUM {
        return 0;
    }
    // SAFETY: an open relation.
    let relid = unsafe { (*relation).rd_id };
    // The transient table of VACUUM FULL exists in Postgres only.
    if pending::contains(relid) { 0 } else { report(sample::bytes(relid)) }
}

unsafe extern "C-unwind" fn relation_needs_toast_table(_: pg_sys::Relation) -> bool {
    false
}

/// For queries that Postgres plans; there are no pages to speak of.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn relation_estimate_size(
    relation: pg_sys::Relation,
    _widths: *mut pg_sys::int32,
    pages: *mut pg_sys::BlockNumber,
    tuples: *mut f64,
    all_visible: *mut f64,
) {
    // SAFETY: an open relation, and places the caller wants filled in.
    unsafe {
        *pages = 1;
        *tuples = fallback::size::rows((*relation).rd_id);
        *all_visible = 0.0;
    }
}
