//! Postgres' transactions and DuckDB's.
//!
//! A Postgres transaction has at most one DuckDB transaction, opened by its first write to a
//! duckdb table, or by its first use of DuckDB under REPEATABLE READ and SERIALIZABLE, where
//! all statements must see one state. Under READ COMMITTED reads run in autocommit until
//! something is written; from then on they see DuckDB's snapshot of that moment.
//!
//! DuckDB commits in PRE_COMMIT, after deferred triggers have run, and an error there aborts
//! the Postgres transaction. If the engine dies in the middle of its commit, the next engine is
//! asked for the mark that the transaction left in its store ([`session::commit`]): it counts if
//! the mark is there. In MotherDuck it leaves none, and the error is 40003.
//!
//! Between DuckDB's commit and Postgres' own, a crash or an error would leave DuckDB ahead. DDL is
//! then undone: see [`tables::outbox`], with the proof. Rows are not, so what Postgres does after
//! PRE_COMMIT and can fail is tried before ([`try_rest_of_commit`]). What is left is a full disk
//! in the middle of NOTIFY or `wal_level = minimal`, and other extensions that fail after us:
//! then a WARNING says that the rows are there.
//!
//! What is refused, because it could not be undone in one of the two:
//! - a write to a duckdb table inside a subtransaction: DuckDB has no savepoints. Reads are
//!   free there, and `ROLLBACK TO` leaves the session alone;
//! - writing rows of heap tables and of duckdb tables in one transaction, unless
//!   `duckdb.unsafe_allow_mixed_transactions`. *Rows* are meant: our own DDL writes Postgres'
//!   catalogs as well, so catalog changes do not count, nor do sequences. TEMP tables of
//!   either kind do not count, since no crash leaves them half-written;
//! - `PREPARE TRANSACTION` after a write to a duckdb table.

use std::cell::Cell;

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::crash::{self, Step};
use crate::engine::session::{self, Changes, Instance};
use crate::error::{Error, Result, report};
use crate::lower::explained;
use crate::pg::{catalog, compat};
use crate::tables::table;
use crate::{gucs, motherduck, tables};

/// What the running transaction has written.
#[derive(Clone, Copy, Default)]
struct Written {
    /// Rows of a heap table that outlives the session.
    heap: bool,
    /// A duckdb table that outlives the session.
    duckdb: bool,
    /// Where a duckdb table was written, TEMP ones included.
    instance: Option<Instance>,
    /// DuckDB has committed what was written to the local store.
    committed: bool,
}

thread_local! {
    static WRITTEN: Cell<Written> = const { Cell::new(Written { heap: false, duckdb: false, instance: None, committed: false }) };
}

/// Follows Postgres' transactions from now on.
pub(crate) fn init() {
    // SAFETY: called once, single-threaded; the callbacks live as long as the process.
    unsafe {
        pg_sys::RegisterXactCallback(Some(on_transaction), std::ptr::null_mut());
        pg_sys::RegisterSubXactCallback(Some(on_subtransaction), std::ptr::null_mut());
    }
}

/// Opens the DuckDB transaction for a write to a local table of this persistence
/// (`pg_class.relpersistence`); call it before anything is sent.
///
/// # Errors
/// 25006 in a read-only transaction, 0A000 in a subtransaction or after a heap write.
pub(crate) fn begin_write(persistence: u8) -> Result<()> {
    begin_write_on(Instance::Main, persistence)
}

/// As [`begin_write`], for a table on any instance.
///
/// # Errors
/// Also 0A000 after a write to another instance: the two commits are not atomic.
pub(crate) fn begin_write_on(instance: Instance, persistence: u8) -> Result<()> {
    let temporary = persistence == pg_sys::RELPERSISTENCE_TEMP;
    if !temporary {
        check_not_read_only()?;
    }
    // SAFETY: a counter of the main thread.
    if unsafe { pg_sys::GetCurrentTransactionNestLevel() } > 1 {
        return Err(EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot write duckdb tables inside a subtransaction",
        )
        .with_detail("DuckDB has no savepoints: the write could not be undone alone.")
        .with_hint("Write before the first SAVEPOINT, or outside the block with an EXCEPTION clause.")
        .into());
    }
    let mut written = WRITTEN.get();
    if !temporary {
        if written.heap {
            refuse_mixed()?;
        }
        written.duckdb = true;
    }
    if written.instance.is_some_and(|other| other != instance) {
        return Err(EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "writing MotherDuck tables and local duckdb tables in one transaction is not supported",
        )
        .with_hint("Use two transactions.")
        .into());
    }
    written.instance = Some(instance);
    session::begin_if_needed(instance)?;
    WRITTEN.set(written);
    Ok(())
}

/// Raises an error if the DuckDB transaction has ended before this one, because of an error that a
/// subtransaction has caught: nothing that follows could be committed.
#[pgrx::pg_guard]
pub(super) extern "C-unwind" fn check_alive() {
    report(session::check_transaction());
}

/// # Errors
/// 25006 in a read-only transaction.
fn check_not_read_only() -> Result<()> {
    // SAFETY: a plain global of the main thread.
    if unsafe { pg_sys::XactReadOnly } {
        return Err(Error::new(
            SqlState::READ_ONLY_TRANSACTION,
            "cannot write duckdb tables in a read-only transaction",
        ));
    }
    Ok(())
}

/// [`begin_write`] for a running plan that writes, whose targets are the relations for which
/// the executor has checked a right to insert. A plan without one (CREATE TABLE AS) was
/// announced by its caller.
///
/// # Safety
/// `estate` is the state of a started query.
pub(crate) unsafe fn before_write(estate: *mut pg_sys::EState) -> Result<()> {
    let changes = pg_sys::AclMode::from(pg_sys::ACL_UPDATE | pg_sys::ACL_DELETE);
    // SAFETY: as the caller promises.
    for (relid, rights) in unsafe { compat::checked_relations(estate) } {
        if !is_write(rights) {
            continue;
        }
        let table = table::of_relation(relid)?;
        table.begin_write()?;
        if rights & changes != 0 {
            tables::outbox::rows_change(&table);
        }
    }
    if WRITTEN.get().instance.is_some() { Ok(()) } else { begin_write(pg_sys::RELPERSISTENCE_PERMANENT) }
}

/// Privileges (`parsenodes.h`) that stand for a write.
pub(crate) fn is_write(privileges: pg_sys::AclMode) -> bool {
    privileges & pg_sys::AclMode::from(pg_sys::ACL_INSERT | pg_sys::ACL_UPDATE | pg_sys::ACL_DELETE) != 0
}

/// Opens the DuckDB transaction for a read if the isolation level asks for one snapshot.
pub(crate) fn before_read(instance: Instance) -> Result<()> {
    if sees_one_state() { session::begin_if_needed(instance) } else { Ok(()) }
}

/// True if a query runs in a transaction of DuckDB's that others need too: an error would end it.
pub(crate) fn keeps_duckdb_transaction() -> bool {
    session::is_in_transaction() || sees_one_state()
}

/// True if all statements of the transaction see one state.
fn sees_one_state() -> bool {
    // SAFETY: a plain global of the main thread.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ.cast_signed() }
}

/// Opens a DuckDB transaction for queries of one statement that must see one state; true if
/// [`end_statement_snapshot`] is to be called when the statement ends.
pub(crate) fn begin_statement_snapshot(instance: Instance) -> Result<bool> {
    let opens = !session::is_in_transaction();
    session::begin_if_needed(instance)?;
    Ok(opens)
}

/// Ends what [`begin_statement_snapshot`] has opened, unless somebody else has come to need it: a write, or
/// a statement that still runs. Then it ends with the Postgres transaction, which is right too, but has the
/// statements in between see the state of its start.
pub(crate) fn end_statement_snapshot() -> Result<()> {
    if WRITTEN.get().instance.is_none() && !session::has_portals() && !sees_one_state() {
        session::commit(session::Changes::None)?;
    }
    Ok(())
}

/// To be called before rows of any relation that is not a duckdb table are written.
///
/// # Errors
/// 0A000 after a write to a duckdb table in the same transaction.
pub(crate) fn check_heap_write(relid: pg_sys::Oid) -> Result<()> {
    match catalog::relation(relid) {
        Some(info) => note_heap_write(info.persistence),
        None => Ok(()),
    }
}

/// As [`check_heap_write`], for a table that is still to be made.
pub(crate) fn note_heap_write(persistence: u8) -> Result<()> {
    if persistence == pg_sys::RELPERSISTENCE_TEMP {
        return Ok(());
    }
    let mut written = WRITTEN.get();
    if written.duckdb {
        refuse_mixed()?;
    }
    written.heap = true;
    WRITTEN.set(written);
    Ok(())
}

fn refuse_mixed() -> Result<()> {
    if gucs::UNSAFE_ALLOW_MIXED_TRANSACTIONS.get() {
        return Ok(());
    }
    Err(EngineError::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "writing heap tables and duckdb tables in one transaction is not supported",
    )
    .with_detail("The two commits are not atomic: a crash between them would keep only one.")
    .with_hint("Use two transactions, or set duckdb.unsafe_allow_mixed_transactions if losing one of the writes is acceptable.")
    .into())
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_transaction(event: pg_sys::XactEvent::Type, _arg: *mut core::ffi::c_void) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_PRE_COMMIT => {
            let written = WRITTEN.get();
            report(match written.instance.filter(|_| written.duckdb) {
                Some(Instance::Main) => commit_store(),
                Some(Instance::MotherDuck) => session::commit(Changes::Account),
                None => session::commit(Changes::None),
            });
        }
        pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE => {
            if WRITTEN.get().instance.is_some() {
                report(Err(EngineError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot PREPARE a transaction that has written duckdb tables",
                )
                .with_hint("Use COMMIT: DuckDB has no two-phase commit.")
                .into()))
            }
            // A transaction that only read ends here: its snapshot has no use any more.
            report(session::commit(Changes::None));
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT => {
            session::reset_nowait();
            end_in_store(false);
            forget();
            motherduck::transaction_ended(false);
        }
        pg_sys::XactEvent::XACT_EVENT_COMMIT | pg_sys::XactEvent::XACT_EVENT_PREPARE => {
            end_in_store(true);
            forget();
            motherduck::transaction_ended(true);
        }
        _ => {}
    }
}

/// Commits what was written in the local store.
fn commit_store() -> Result<()> {
    try_rest_of_commit()?;
    crash::at(Step::PreCommit);
    tables::outbox::write()?;
    crash::at(Step::BeforeDuckdb);
    session::commit(Changes::Store)?;
    WRITTEN.set(Written { committed: true, ..WRITTEN.get() });
    crash::at(Step::AfterDuckdb);
    Ok(())
}

/// The rest of the store's part, when Postgres has decided. Nothing may fail here.
fn end_in_store(committed: bool) {
    let in_duckdb = WRITTEN.get().committed;
    if committed && in_duckdb {
        crash::at(Step::AfterPostgres);
    }
    tables::outbox::transaction_ended(committed);
    tables::snapshot::ended(in_duckdb);
    if committed && in_duckdb {
        crash::at(Step::Resolved);
    }
    if !committed && in_duckdb {
        pgrx::ereport!(
            WARNING,
            PgSqlErrorCode::ERRCODE_T_R_STATEMENT_COMPLETION_UNKNOWN,
            "the transaction failed after DuckDB had committed it",
            "Its DDL of duckdb tables is undone. Rows that it changed in tables that were there before stay changed."
        );
    }
}

/// Does what Postgres does after PRE_COMMIT where that can fail; to do it again is harmless.
fn try_rest_of_commit() -> Result<()> {
    unsafe extern "C-unwind" {
        fn PreCommit_CheckForSerializationFailure();
    }
    // SAFETY: in the middle of CommitTransaction, a few lines before Postgres' own calls. ON
    // COMMIT actions that are done are marked so. A serializable transaction that has passed
    // the check is prepared: as with PREPARE TRANSACTION, from then on conflicts abort others.
    let queue = unsafe {
        pg_sys::PreCommit_on_commit_actions();
        pg_sys::ffi::pg_guard_ffi_boundary(|| PreCommit_CheckForSerializationFailure());
        pgrx::direct_function_call::<f64>(pg_sys::pg_notification_queue_usage, &[])
    };
    // What this transaction has to say is not known here; it has 80 MB left.
    if queue.is_some_and(|usage| usage > 0.99) {
        return Err(EngineError::new(
            SqlState::INSUFFICIENT_RESOURCES,
            "cannot write duckdb tables while the notification queue is full",
        )
        .with_detail("A NOTIFY that fails at COMMIT could not take the rows back.")
        .with_hint("Let the sessions that LISTEN end their transactions.")
        .into());
    }
    Ok(())
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn on_subtransaction(
    event: pg_sys::SubXactEvent::Type,
    subtransaction: pg_sys::SubTransactionId,
    _parent: pg_sys::SubTransactionId,
    _arg: *mut core::ffi::c_void,
) {
    if event == pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB {
        tables::forget_since(subtransaction);
    }
}

fn forget() {
    WRITTEN.set(Written::default());
    explained::set_explaining(false);
    // InvalidSubTransactionId: everything.
    tables::forget_since(0);
}
