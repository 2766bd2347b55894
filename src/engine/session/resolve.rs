//! Finishing or undoing what transactions have left in the store's outbox (`tables::outbox`).

use bridge_ipc::message::{Reply, Request};
use pgrx::pg_sys;

use super::{exchange, unexpected_reply, with_open};
use crate::engine::interrupt;
use crate::error::Result;
use crate::pg::owned_string;

/// How a transaction has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Committed,
    Aborted,
    InProgress,
    /// It is so old that Postgres has forgotten.
    Unknown,
}

/// Says to the engine how a transaction has ended. Waits for the answer with interrupts held,
/// so that nothing is raised: the callers are past the point where an ERROR is possible.
///
/// # Errors
/// Nothing was done; the next session will do it.
pub(crate) fn resolve(xid: u64, committed: bool) -> Result<()> {
    let held = interrupt::HoldInterrupts::new();
    let reply = exchange(&Request::Resolve { xid, committed }, &[]);
    drop(held);
    match reply? {
        Reply::Done { .. } => Ok(()),
        _ => Err(unexpected_reply()),
    }
}

/// Resolves what this session found in the outbox when it was opened, and whose transactions
/// have ended by now.
pub(super) fn catch_up() -> Result<()> {
    let unresolved = with_open(|session| Ok(std::mem::take(&mut session.unresolved)))?;
    for xid in unresolved {
        match outcome(xid) {
            Outcome::InProgress => with_open(|session| {
                session.unresolved.push(xid);
                Ok(())
            })?,
            Outcome::Unknown => {
                pgrx::warning!(
                    "DDL of transaction {xid} was left unfinished in DuckDB: its status is not known any more"
                );
            }
            outcome => {
                let committed = outcome == Outcome::Committed;
                if let Err(error) = resolve(xid, committed) {
                    let verb = if committed { "finish" } else { "undo" };
                    pgrx::warning!(
                        "could not {verb} the DDL of transaction {xid} in DuckDB: {}",
                        error.0.message
                    );
                } else if !committed {
                    pgrx::log!("undid the DDL of transaction {xid} in DuckDB: Postgres has not committed it");
                }
            }
        }
    }
    Ok(())
}

fn outcome(xid: u64) -> Outcome {
    // SAFETY: shared memory and pg_xact, on the main thread; the argument is an xid8 that was
    // given out, by the check before, and the answer null or a text, which is copied.
    unsafe {
        // Postgres was restored to a time before the transaction.
        if xid >= pg_sys::ReadNextFullTransactionId().value {
            return Outcome::Aborted;
        }
        match pgrx::direct_function_call_as_datum(pg_sys::pg_xact_status, &[Some(pg_sys::Datum::from(xid))]) {
            None => Outcome::Unknown,
            Some(text) => match owned_string(pg_sys::text_to_cstring(text.cast_mut_ptr())).as_str() {
                "committed" => Outcome::Committed,
                "aborted" => Outcome::Aborted,
                _ => Outcome::InProgress,
            },
        }
    }
}
