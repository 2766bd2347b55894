//! Running statements and the batches they send.

use std::os::fd::BorrowedFd;

use bridge_ipc::message::{Execute, Finished, Request};
use bridge_ipc::ring::SlotKind;
use bridge_ipc::segment::Segment;
use bridge_types::{EngineError, SqlState};

use super::statements::Statement;
use super::{
    CancelOnUnwind, Fault, PortalState, SESSION, context, next_number, refuse_inside_feed, wait_until,
    with_open,
};
use crate::error::{Error, Result};

/// What a portal has to offer next.
pub(crate) enum PortalEvent {
    /// A batch, as an Arrow IPC record batch message on shared memory.
    Batch(arrow::buffer::Buffer),
    /// No more rows.
    Finished(Finished),
}

/// How a statement is to be run.
pub(crate) struct ExecuteOptions {
    /// One row of parameters as an Arrow IPC stream; empty for none.
    pub(crate) params: bytes::Bytes,
    /// Unread bytes the engine may keep ready.
    pub(crate) credit_bytes: u64,
    /// Everything will be read.
    pub(crate) whole_result: bool,
    /// Errors are to come before the first row.
    pub(crate) complete: bool,
    /// Return DuckDB's profile at the end.
    pub(crate) profile: bool,
}

/// Reserves the number of the next portal, so that its feeds can be registered before it runs.
pub(crate) fn allocate_portal() -> u32 {
    next_number()
}

/// Starts a statement as `portal`; `segments` are the rings of its feeds, in order, and with `feed_key`
/// parallel workers bring rows of them too (0: there are none).
pub(crate) fn execute(
    statement: &Statement,
    portal: u32,
    options: ExecuteOptions,
    segments: &[BorrowedFd<'_>],
    feed_key: u128,
) -> Result<()> {
    let request = Request::Execute(Execute {
        statement: statement.id,
        portal,
        params: options.params,
        feed_key,
        credit_bytes: options.credit_bytes,
        whole_result: options.whole_result,
        complete: options.complete,
        profile: options.profile,
        context: context(),
    });
    with_open(|session| {
        let sequence = session.client.send(&request, segments)?;
        let state = PortalState { sequence, statement: statement.id, ..PortalState::default() };
        session.portals.insert(portal, state);
        Ok(())
    })
}

/// The next batch of a portal, or its end.
pub(crate) fn next_event(portal: u32) -> Result<PortalEvent> {
    refuse_inside_feed()?;
    let sequence = with_open(|session| Ok(session.portals.get(&portal).map(|state| state.sequence)))?;
    let guard = sequence.map(CancelOnUnwind);
    let event = wait_until(Some(portal), |session| {
        let Some(state) = session.portals.get_mut(&portal) else {
            return Err(Fault::Statement(Error::engine_lost()));
        };
        // The outcome is read before the ring: the engine commits its last slot first.
        let ended = state.outcome.is_some();
        if let Some(ring) = state.ring.as_mut() {
            if ring.take_release_wake() {
                session.client.send(&Request::Wake, &[])?;
            }
            if !state.awaits_outsize
                && let Some(message) = ring.try_next()?
            {
                match message.kind {
                    SlotKind::Batch => return Ok(Some(PortalEvent::Batch(message.buffer))),
                    SlotKind::Outsize => state.awaits_outsize = true,
                }
            }
            if state.awaits_outsize {
                let Some(segment) = state.outsize.pop_front() else {
                    return Ok(None);
                };
                state.awaits_outsize = false;
                return Ok(Some(PortalEvent::Batch(Segment::open(segment)?.into_buffer())));
            }
        }
        if !ended {
            return Ok(None);
        }
        match state.outcome.take() {
            Some(Ok(finished)) => {
                state.finished = true;
                Ok(Some(PortalEvent::Finished(finished)))
            }
            Some(Err(error)) => {
                let statement = state.statement;
                session.forget(statement)?;
                Err(error.into())
            }
            None => Ok(None),
        }
    });
    drop(guard);
    event
}

/// Waits until `put` has done its work (`Some`; true: the engine sleeps) on the ring of the portal's
/// only feed. Its argument says whether the engine has asked for rows since the last call, which
/// it does when it first finds the ring empty.
///
/// # Errors
/// The portal's, if it has ended instead.
pub(in crate::engine) fn put_into_feed(
    portal: u32,
    mut put: impl FnMut(bool) -> std::result::Result<Option<bool>, bridge_ipc::IpcError>,
) -> Result<()> {
    wait_until(None, |session| {
        let Some(state) = session.portals.get_mut(&portal) else {
            return Err(Fault::Statement(Error::engine_lost()));
        };
        if let Some(outcome) = state.outcome.take() {
            return Err(match outcome {
                Err(error) => error.into(),
                Ok(_) => Fault::Statement(Error::new(SqlState::INTERNAL_ERROR, "DuckDB wants no more rows")),
            });
        }
        let requests = session.scan_requests.len();
        session.scan_requests.retain(|(asking, _)| *asking != portal);
        let Some(wake) = put(session.scan_requests.len() < requests)? else { return Ok(None) };
        if wake {
            session.client.send(&Request::Wake, &[])?;
        }
        Ok(Some(()))
    })
}

/// Makes a portal fail at its next event, because a feed of it cannot go on. Never fails itself:
/// called while an error unwinds.
pub(in crate::engine) fn fail_portal(portal: u32) {
    SESSION.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut()
            && let Some(session) = slot.as_mut()
            && let Some(state) = session.portals.get_mut(&portal)
        {
            let error = EngineError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "the rows of this query cannot be computed after an error in one of its feeds",
            );
            state.outcome.get_or_insert(Err(error));
            session.scan_requests.retain(|(p, _)| *p != portal);
            // A dead engine has no portals.
            let _ = session.client.send(&Request::ClosePortal { portal }, &[]);
        }
    });
}

/// Ends a portal. Never fails: called from destructors.
pub(crate) fn close_portal(portal: u32) {
    SESSION.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut()
            && let Some(session) = slot.as_mut()
            && let Some(state) = session.portals.remove(&portal)
        {
            session.scan_requests.retain(|(p, _)| *p != portal);
            // A dead engine has neither portals nor statements.
            let _ = session.client.send(&Request::ClosePortal { portal }, &[]);
            if !state.finished {
                let _ = session.forget(state.statement);
            }
        }
    });
}
