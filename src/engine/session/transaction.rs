//! The DuckDB transaction of the current Postgres transaction.

use std::cell::Cell;
use std::time::Instant;

use bridge_ipc::message::{CommitMark, Reply, Request, TransactionCommand};
use bridge_types::{EngineError, SqlState, names};
use pgrx::pg_sys;

use super::instance::Instance;
use super::statements::run;
use super::{
    IN_TRANSACTION, SESSION, START_TIMEOUT, context, ensure_open, exchange, is_connected, next_number,
    notify, refuse_inside_feed, unexpected_reply, with_open,
};
use crate::crash::{self, Step};
use crate::engine::interrupt;
use crate::error::{Error, Result};
use crate::tables;

/// True while a DuckDB transaction of this Postgres transaction is open.
pub(crate) fn is_in_transaction() -> bool {
    IN_TRANSACTION.with_borrow(|open| !open.is_empty())
}

/// True while statements on `instance` see the state of a snapshot that an earlier one has taken.
pub(crate) fn has_snapshot(instance: Instance) -> bool {
    instance.number().is_ok_and(|number| IN_TRANSACTION.with_borrow(|open| open.contains(&number)))
}

thread_local! {
    /// An error may have ended the DuckDB transaction.
    static DOUBTFUL: Cell<bool> = const { Cell::new(false) };
}

/// To be called for every error of the engine, or on the way to it.
pub(super) fn doubt() {
    DOUBTFUL.set(true);
}

/// Makes sure, after an error that a subtransaction has caught, that the DuckDB transaction of this
/// Postgres transaction is still there. Costs a request after an error, and nothing otherwise.
///
/// # Errors
/// 25P02 if DuckDB has ended it, 58000 if the engine is lost.
pub(crate) fn check_transaction() -> Result<()> {
    // A function in a feed cannot ask; the statement that it feeds could, when it started.
    if !DOUBTFUL.get() || !is_in_transaction() || refuse_inside_feed().is_err() {
        return Ok(());
    }
    ensure_open()?;
    for instance in IN_TRANSACTION.with_borrow(Clone::clone) {
        exchange(&Request::Run { instance, sql: "SELECT 1".to_owned(), context: context() }, &[])?;
    }
    DOUBTFUL.set(false);
    Ok(())
}

/// True while a statement of this session has not ended.
pub(crate) fn has_portals() -> bool {
    with_open(|session| Ok(!session.portals.is_empty())).unwrap_or(false)
}

/// Opens the DuckDB transaction on `instance` that belongs to the current Postgres transaction.
pub(crate) fn begin_if_needed(instance: Instance) -> Result<()> {
    ensure_open()?;
    let is_main = instance == Instance::Main;
    let instance = instance.number()?;
    if IN_TRANSACTION.with_borrow(|open| open.contains(&instance)) {
        return Ok(());
    }
    if is_main {
        tables::snapshot::begins();
    }
    // Not waited for: if it fails, so does the statement that follows.
    notify(&Request::Transaction(TransactionCommand::Begin { instance }), &[])?;
    IN_TRANSACTION.with_borrow_mut(|open| open.push(instance));
    Ok(())
}

fn transaction(command: TransactionCommand) -> Result<()> {
    match exchange(&Request::Transaction(command), &[])? {
        Reply::Done { .. } => Ok(()),
        _ => Err(unexpected_reply()),
    }
}

/// What a transaction has written that outlives its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changes {
    /// Nothing.
    None,
    /// The local store, where it leaves a mark by which its end can be found out.
    Store,
    /// The MotherDuck account, where nobody can look afterwards.
    Account,
}

/// Commits the DuckDB transactions, if any is open.
///
/// Not interruptible: a cancel between the engine's commit and its answer would leave
/// Postgres believing in a rollback. Only the end of this backend is let through, after a
/// while, with 40003.
///
/// # Errors
/// Nothing is committed, except under 40003, which says that nobody knows.
pub(crate) fn commit(changes: Changes) -> Result<()> {
    if !is_in_transaction() {
        return Ok(());
    }
    let held = interrupt::HoldInterrupts::new();
    let result = match changes {
        Changes::None => transaction(TransactionCommand::Commit { mark: None }),
        Changes::Store => commit_marked(),
        Changes::Account => commit_account(),
    };
    drop(held);
    // After an error Postgres aborts, which resets the session.
    result.inspect(|()| drop(IN_TRANSACTION.take()))
}

/// Commits with a mark in the store, by which the next engine can tell whether the commit
/// of one that died in the middle of it counts.
fn commit_marked() -> Result<()> {
    let mark = new_mark();
    let engine_pid = with_open(|session| Ok(session.engine_pid))?;
    let commit = TransactionCommand::Commit { mark: Some(mark.clone()) };
    let Err(error) = transaction(commit) else { return Ok(()) };
    if is_connected() {
        // The engine's own answer.
        return Err(error);
    }
    IN_TRANSACTION.take();
    match find(&mark, engine_pid) {
        Ok(true) => Ok(()),
        Ok(false) => Err(error),
        Err(_) => Err(completion_unknown()),
    }
}

/// Commits changes in MotherDuck. An engine that is gone before it hears of the COMMIT has
/// committed nothing; one that is lost in the middle of it may have.
fn commit_account() -> Result<()> {
    crash::at(Step::BeforeAccount);
    with_open(|session| Ok(session.receive()?))?;
    crash::at(Step::InAccount);
    let outcome = transaction(TransactionCommand::Commit { mark: None });
    if outcome.is_err() && !is_connected() {
        IN_TRANSACTION.take();
        return Err(completion_unknown());
    }
    outcome
}

fn completion_unknown() -> Error {
    EngineError::new(
        SqlState::STATEMENT_COMPLETION_UNKNOWN,
        "connection to the DuckDB engine was lost during COMMIT",
    )
    .with_detail("It is not known whether the changes to duckdb tables were committed.")
    .with_hint("Look at the tables before the transaction is run again.")
    .into()
}

/// Number of this backend among the running ones.
fn slot() -> i32 {
    // SAFETY: a plain global of the main thread.
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    unsafe {
        pg_sys::MyBackendId
    }
    // SAFETY: a plain global of the main thread.
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    unsafe {
        pg_sys::MyProcNumber
    }
}

/// What this transaction leaves in the store. Unique: a slot has one backend at a time, and a process one
/// clock.
fn new_mark() -> CommitMark {
    // SAFETY: plain globals and a system call of the main thread.
    let (process, now) = unsafe { (pg_sys::MyProcPid, pg_sys::GetCurrentTimestamp()) };
    CommitMark { slot: slot(), text: format!("{process} {now} {}", next_number()) }
}

/// True if the transaction of a mark counts; asks the engine that comes after the one with process
/// id `lost`.
fn find(mark: &CommitMark, lost: i32) -> Result<bool> {
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if interrupt::is_terminating() {
            return Err(Error::engine_lost());
        }
        let found = find_now(mark, lost);
        // A dying engine may still accept a connection.
        if found.is_ok() || is_connected() || Instant::now() > deadline {
            return found;
        }
        interrupt::sleep(10);
    }
}

fn find_now(CommitMark { slot, text }: &CommitMark, lost: i32) -> Result<bool> {
    ensure_open()?;
    if with_open(|session| Ok(session.engine_pid))? == lost {
        // It is still at work, perhaps on that very commit.
        return Err(Error::engine_lost());
    }
    // SAFETY: a plain global of the main thread.
    let database = unsafe { pg_sys::MyDatabaseId.to_u32() };
    let found = run(&format!(
        "DELETE FROM {}.{}.{} WHERE slot = {slot} AND mark = '{text}'",
        names::quote_identifier(&names::store_catalog(database)),
        names::quote_identifier(names::STORE_SCHEMA),
        names::COMMITS_TABLE
    ))?;
    Ok(found > 0)
}

/// Abandons everything of the current transaction without waiting for the engine.
///
/// Called on abort, where nothing may fail.
pub(crate) fn reset_nowait() {
    DOUBTFUL.set(false);
    let in_transaction = !IN_TRANSACTION.take().is_empty();
    SESSION.with(|cell| {
        // Borrowed means that the process is going away in the middle of a wait: the engine
        // will see the connection close.
        let Ok(mut slot) = cell.try_borrow_mut() else { return };
        let Some(session) = slot.as_mut() else { return };
        let anything = in_transaction || !session.portals.is_empty() || session.awaited.is_some();
        if !anything {
            return;
        }
        session.awaited = None;
        session.reply = None;
        let unfinished: Vec<u32> =
            session.portals.values().filter(|state| !state.finished).map(|state| state.statement).collect();
        session.portals.clear();
        session.scan_requests.clear();
        let sent = session.client.send(&Request::Reset, &[]).map(drop);
        if sent.and_then(|()| unfinished.into_iter().try_for_each(|id| session.forget(id))).is_err() {
            *slot = None;
        }
    });
}
