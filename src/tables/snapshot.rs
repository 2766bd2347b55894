//! Which tables others have changed since the transaction's DuckDB snapshot.
//!
//! DDL waits for all who use a table, so that Postgres' lock is proof that nobody changes it any
//! more. But the DuckDB transaction may be older than the lock, and does not see what was committed
//! in between: a copy of the table would lose those rows, and a row meant for a column of today
//! would go by the names of then. DuckDB itself refuses only what conflicts in a table that
//! is still the same, and changes of one that was dropped or got other columns.
//!
//! So each transaction that wrote tables of a local store says so when it ends, in shared memory: its
//! tables get the next number of one sequence. Who begins a DuckDB transaction reads the sequence
//! first. Proof that a change is never overlooked: who changes a table holds a lock on it until after
//! it has said so ([`ended`] is called before Postgres releases locks, and what dies before that
//! takes the server along). Who asks holds a lock that excludes it. So the change has been said when
//! it is asked for, and its number is one that was not read if the snapshot came before it. (That
//! the number was not read does not mean that the snapshot came first: then the error is one too many,
//! as it is when two tables share a slot.)

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicU64, Ordering};

use bridge_types::{EngineError, SqlState};
use pgrx::{PGRXSharedMemory, PgAtomic, pg_guard, pg_shmem_init, pg_sys};

use super::table::{Table, of_relation};
use crate::engine::session::{self, Instance};
use crate::error::Result;
use crate::pg::catalog;

/// Tables of one slot are told apart by nobody; 64 KiB of shared memory.
const SLOTS: usize = 4096;

/// Numbers of the latest changes; zero for none since the server has started.
struct Changes {
    /// The latest number given.
    last: AtomicU64,
    /// For each slot, of a change of any kind.
    any: [AtomicU64; SLOTS],
    /// For each slot, of DDL that changes names or columns.
    definition: [AtomicU64; SLOTS],
}

// SAFETY: atomics, and nothing that points anywhere.
unsafe impl PGRXSharedMemory for Changes {}

// SAFETY: nobody else has the name.
static CHANGES: PgAtomic<Changes> = unsafe { PgAtomic::new(c"pg_duckdb changes") };

thread_local! {
    /// The sequence when the DuckDB transaction began.
    static SEEN: Cell<u64> = const { Cell::new(0) };
    /// Slots of tables that the running transaction writes; true with DDL.
    static WRITTEN: RefCell<Vec<(usize, bool)>> = const { RefCell::new(Vec::new()) };
}

/// Asks for the shared memory; called once in the postmaster.
#[expect(unexpected_cfgs, reason = "the macro asks for versions of Postgres that are not supported here")]
pub(super) fn init() {
    pg_shmem_init!(
        CHANGES = Changes {
            last: AtomicU64::new(0),
            any: [const { AtomicU64::new(0) }; SLOTS],
            definition: [const { AtomicU64::new(0) }; SLOTS],
        }
    );
}

/// To be called before a DuckDB transaction begins.
pub(crate) fn begins() {
    SEEN.set(CHANGES.get().last.load(Ordering::SeqCst));
}

/// The same in every process: the hasher has no key of its own.
fn slot(table: &Table) -> usize {
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(table.qualified());
    usize::try_from(hash % SLOTS as u64).expect("less than the number of slots")
}

fn note(table: &Table, definition: bool) {
    if table.is_local() {
        let change = (slot(table), definition);
        WRITTEN.with_borrow_mut(|written| {
            if !written.contains(&change) {
                written.push(change);
            }
        });
    }
}

/// To be called before anything of a table is written, when the DuckDB transaction has begun and the
/// table is locked.
///
/// # Errors
/// 40001 if another session has given the table, or its columns, other names since the snapshot.
pub(super) fn writes(table: &Table) -> Result<()> {
    note(table, false);
    check(table, &CHANGES.get().definition)
}

/// To be called before DuckDB binds a statement that reads a table, which is locked.
///
/// # Errors
/// As [`writes`], if the statement will see an older snapshot.
pub(crate) fn reads(table: &Table) -> Result<()> {
    if session::has_snapshot(Instance::Main) { check(table, &CHANGES.get().definition) } else { Ok(()) }
}

/// As [`reads`], for a relation of any kind.
pub(crate) fn reads_relation(relid: pg_sys::Oid) -> Result<()> {
    if session::has_snapshot(Instance::Main) && catalog::is_duckdb_table(relid) {
        reads(&of_relation(relid)?)?;
    }
    Ok(())
}

/// To be called when a table gets its name: older snapshots have none of that name, or another.
pub(super) fn names(table: &Table) {
    note(table, true);
}

/// To be called before DDL goes through all rows of a table; under a lock that excludes all who
/// write it.
///
/// # Errors
/// 40001 if another session has changed the table or its rows since the snapshot.
pub(super) fn reads_all(table: &Table) -> Result<()> {
    check(table, &CHANGES.get().any)
}

/// As [`reads_all`], before names or columns are changed.
pub(super) fn alters(table: &Table) -> Result<()> {
    note(table, true);
    reads_all(table)
}

fn check(table: &Table, latest: &[AtomicU64; SLOTS]) -> Result<()> {
    if !table.is_local() || latest[slot(table)].load(Ordering::SeqCst) <= SEEN.get() {
        return Ok(());
    }
    Err(EngineError::new(
        SqlState::SERIALIZATION_FAILURE,
        "could not serialize access due to concurrent update",
    )
    .with_detail(format!(
        "Another session has changed table \"{}\" after this transaction has taken its snapshot of DuckDB.",
        table.name
    ))
    .with_hint("The transaction might succeed if retried, with this statement first.")
    .into())
}

/// To be called when a transaction ends, before its locks are released; with whether DuckDB has committed
/// it. (If nobody knows, the engine is lost, and all snapshots with it.)
pub(crate) fn ended(committed: bool) {
    let written = WRITTEN.take();
    if written.is_empty() || !committed {
        return;
    }
    let changes = CHANGES.get();
    let number = changes.last.fetch_add(1, Ordering::SeqCst) + 1;
    for (slot, definition) in written {
        changes.any[slot].fetch_max(number, Ordering::SeqCst);
        if definition {
            changes.definition[slot].fetch_max(number, Ordering::SeqCst);
        }
    }
}
