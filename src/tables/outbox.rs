//! DDL of local tables that can be undone after DuckDB has committed it.
//!
//! DuckDB commits before Postgres does (`hooks::xact`), so nothing of a table may be lost by that
//! commit alone. Every step of DDL therefore has an inverse, and a step that would destroy rows
//! does not: the old table, or column, is set aside under another name. The steps of a
//! transaction are written into the store's outbox ([`names::OUTBOX_TABLE`]) in the same DuckDB
//! transaction, together with its Postgres transaction id.
//!
//! Proof, by where the transaction ends. Let D be DuckDB's commit and P the commit record of
//! Postgres; D comes first.
//! - Before D: DuckDB rolls back whatever happens (the engine does so for a lost connection, and
//!   a store's log for a lost engine), and P does not come: D is in PRE_COMMIT, whose error
//!   aborts. Both sides have nothing.
//! - In D, engine lost: the mark of the commit tells whether D is (`session::commit`). If it is
//!   not, as above. If nobody can tell, Postgres aborts, and if D is there the next case holds.
//! - After D, without P (an error after PRE_COMMIT, or a crash): the outbox has the steps,
//!   because they are part of D, and Postgres says "aborted" of the transaction for ever. The
//!   steps are undone, backwards, in one DuckDB transaction that takes them out of the outbox
//!   too: once, and all or none.
//! - After P: likewise "committed" for ever, and what was set aside is dropped, once.
//!
//! That an id stands for one transaction, and "committed" and "aborted" are for ever, takes two
//! flushes of Postgres' log: before D of what the transaction has logged, since Postgres gives an
//! id of which its log knows nothing to another transaction after a crash; and before what was
//! set aside is dropped of P itself, whatever `synchronous_commit` says ([`fn@write`]).
//!
//! Who resolves: this backend, from the callback of its commit or abort, before Postgres
//! releases the transaction's locks, so that nobody sees a table in between. If it cannot (it
//! died, or the engine has), whoever opens a session next does, before its first statement: each
//! is told what is in the outbox (`session::resolve`). A backend that dies takes all others
//! and the engine along, so that all sessions are opened anew. If only the engine dies, the
//! transaction may still be in progress when others open their sessions; they ask again before
//! each statement until it has ended.
//!
//! Rows are not undone. A transaction that writes rows of duckdb tables, and no DDL, has nothing
//! in Postgres that could be apart from them: D alone decides. With DDL in the same transaction,
//! rows that it wrote into tables that were there before stay written, while its DDL is undone;
//! a WARNING says so. (Rows that it wrote into a table after it created, truncated or rewrote it go
//! with the table.)
//!
//! Undoing renames tables and makes indexes too, in one DuckDB transaction, so the rule of
//! [`must_keep_name`] holds there as well: an index that the transaction has made and dropped is not
//! made again on the way back, and those that it has dropped are made last ([`index_dropped`]).

use std::cell::{Cell, RefCell};

use bridge_types::names::{self, quote_identifier, quote_literal};
use pgrx::pg_sys;

use super::table::Table;
use crate::engine::session;
use crate::error::Result;

/// One step, as DuckDB SQL; empty for nothing.
#[derive(Default)]
struct Step {
    redo: String,
    undo: String,
    tidy: String,
    /// Its undo comes after that of all others.
    last: bool,
    /// It has made an index on this table, which is still there under this name.
    indexed: Option<String>,
}

thread_local! {
    /// Steps of the running transaction, in order.
    static STEPS: RefCell<Vec<Step>> = const { RefCell::new(Vec::new()) };
    /// Tables of which the running transaction has updated or deleted rows, as they are called now.
    static CHANGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    /// Transaction whose steps DuckDB commits, or has committed, and Postgres not yet.
    static WRITTEN: Cell<Option<u64>> = const { Cell::new(None) };
}

fn note(table: &Table, step: Step) {
    if table.is_local() {
        STEPS.with_borrow_mut(|steps| steps.push(step));
    }
}

/// Says how to undo what is about to be done to a table. Nothing for those that are not in the
/// local store: temporary ones end with the session, and an account has no outbox of ours.
pub(super) fn undo(table: &Table, undo: String) {
    note(table, Step { undo, ..Step::default() });
}

/// As [`undo`], with what is to be done once Postgres has committed.
pub(super) fn finish_or_undo(table: &Table, redo: String, undo: String) {
    note(table, Step { redo, undo, ..Step::default() });
}

/// Says what is to be done once Postgres has committed.
pub(super) fn finish(table: &Table, redo: String) {
    note(table, Step { redo, ..Step::default() });
}

/// Says what may be done once Postgres has committed, if it still can be then.
pub(super) fn tidy(table: &Table, tidy: String) {
    note(table, Step { tidy, ..Step::default() });
}

/// Says that an index was made on a table, and how to drop it.
pub(super) fn index_made(table: &Table, drop: String) {
    note(table, Step { undo: drop, indexed: Some(table.qualified()), ..Step::default() });
}

/// Says that an index, which `drop` drops, is no longer on a table, and how to make it again. That is
/// undone when all tables have their names again; not at all if the transaction has made the index.
pub(super) fn index_dropped(table: &Table, drop: &str, create: String) {
    let made = STEPS.with_borrow_mut(|steps| {
        let made = steps.iter_mut().find(|step| step.indexed.is_some() && step.undo == drop);
        made.map(|step| step.undo.clear()).is_some()
    });
    if !made {
        note(table, Step { undo: create, last: true, ..Step::default() });
    }
}

/// To be called before rows that are in a table may be updated or deleted.
pub(crate) fn rows_change(table: &Table) {
    let name = table.qualified();
    CHANGED.with_borrow_mut(|changed| {
        if !changed.contains(&name) {
            changed.push(name);
        }
    });
}

/// True if the transaction has updated or deleted rows of the table. DuckDB would then fail to commit
/// most changes of its columns, and to make an index on it.
pub(super) fn has_changed_rows(table: &Table) -> bool {
    CHANGED.with_borrow(|changed| changed.contains(&table.qualified()))
}

/// True if the transaction must not rename the table any more: it has updated or deleted rows of it, or
/// made an index on it (dropped again or not). Where DuckDB's log tells of that, it calls the table as
/// it is called when the transaction commits, and cannot be replayed if that is another name.
pub(super) fn must_keep_name(table: &Table) -> bool {
    let name = table.qualified();
    let has_made_index =
        || STEPS.with_borrow(|steps| steps.iter().any(|step| step.indexed.as_ref() == Some(&name)));
    has_changed_rows(table) || has_made_index()
}

/// To be called when a table is dropped: its name is free for another one.
pub(super) fn forget_name(table: &Table) {
    let name = table.qualified();
    CHANGED.with_borrow_mut(|changed| changed.retain(|other| *other != name));
    STEPS.with_borrow_mut(|steps| {
        steps
            .iter_mut()
            .filter(|step| step.indexed.as_ref() == Some(&name))
            .for_each(|step| step.indexed = None);
    });
}

/// A name for what is set aside, which nothing else has: Postgres gives a transaction id once.
pub(super) fn aside() -> String {
    let step = STEPS.with_borrow(Vec::len);
    format!("pg_duckdb_aside_{}_{step}", transaction_id())
}

fn transaction_id() -> u64 {
    // SAFETY: main thread, in a transaction, which has an id: it has written catalogs.
    unsafe { pg_sys::GetTopFullTransactionId() }.value
}

/// Writes the steps into the store, in the open DuckDB transaction; for PRE_COMMIT.
pub(crate) fn write() -> Result<()> {
    let rows: Vec<String> = STEPS.with_borrow(|steps| {
        if steps.is_empty() {
            return Vec::new();
        }
        let xid = transaction_id();
        // Undone from the greatest number to the least.
        let row = |(number, step): (i64, &Step)| {
            let number = if step.last { -1 - number } else { number };
            let texts = [&step.redo, &step.undo, &step.tidy].map(|text| quote_literal(text)).join(", ");
            format!("({xid}, {number}, {texts})")
        };
        (0..).zip(steps).map(row).collect()
    });
    if rows.is_empty() {
        return Ok(());
    }
    // SAFETY: main thread, in a transaction that will commit; a plain global.
    let database = unsafe {
        pg_sys::XLogFlush(pg_sys::XactLastRecEnd);
        pg_sys::ForceSyncCommit();
        pg_sys::MyDatabaseId.to_u32()
    };
    session::run(&format!(
        "INSERT INTO {}.{}.{} VALUES {}",
        quote_identifier(&names::store_catalog(database)),
        quote_identifier(names::STORE_SCHEMA),
        names::OUTBOX_TABLE,
        rows.join(", ")
    ))?;
    WRITTEN.set(Some(transaction_id()));
    Ok(())
}

/// Resolves the steps of the transaction that ends, if DuckDB has them. Nothing may fail here:
/// what cannot be done now is done by the next session.
pub(crate) fn transaction_ended(committed: bool) {
    STEPS.take();
    CHANGED.take();
    if let Some(xid) = WRITTEN.take()
        && let Err(error) = session::resolve(xid, committed)
    {
        pgrx::debug1!("the outbox of transaction {xid} was left to the next session: {}", error.0.message);
    }
}
