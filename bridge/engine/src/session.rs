//! What the threads of a session share: its queue of requests, what is cancelled, and what
//! `engine_sessions()` shows.
//!
//! The reader thread fills the queue and handles what must not wait (cancel, wake-ups,
//! feeds); the worker thread executes. DuckDB's own threads look at the cancel state when
//! they wait for a feed.

use crate::bridge_scan::{FeedHub, RemoteResults};
use crate::duckdb::InterruptHandle;
use bridge_ipc::message::{Reply, Request, SessionInfo};
use bridge_ipc::server::ConnectionWriter;
use bridge_types::{EngineError, SqlState};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A request with its sequence number and descriptors.
pub(crate) type Item = (u32, Request, Vec<OwnedFd>);

/// The mutable part.
#[derive(Default)]
struct Inner {
    queue: VecDeque<Item>,
    /// Requests taken from the queue and not ended: running ones and open portals.
    active: Vec<u32>,
    /// Queued or active requests that were cancelled.
    cancelled: Vec<u32>,
    /// Requests on whose behalf DuckDB works right now.
    executing: Vec<u32>,
    /// The portal among them, with its request.
    portal: Option<(u32, u32)>,
    /// Counts wake-ups, so that one between a look at a ring and the wait is not lost.
    wakes: u64,
    /// The client is gone, or the engine stops.
    closed: bool,
}

impl Inner {
    fn must_stop(&self) -> bool {
        !self.executing.is_empty()
            && (self.closed || self.executing.iter().any(|sequence| self.cancelled.contains(sequence)))
    }
}

/// Texts for `engine_sessions()`.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionText {
    /// Process id of the backend.
    pub(crate) backend_pid: i32,
    /// Postgres database.
    pub(crate) database: String,
    /// Role.
    pub(crate) role: String,
    /// `idle`, `active`, `streaming`, `idle in transaction`.
    pub(crate) state: &'static str,
    /// The user's statement.
    pub(crate) query: String,
    /// Its start, microseconds since 1970.
    pub(crate) started_us: i64,
}

/// The shared part of a session.
pub(crate) struct Session {
    /// Unique in this engine process.
    pub(crate) id: u64,
    /// Answers go here.
    pub(crate) writer: Arc<ConnectionWriter>,
    /// Feeds of the running statement.
    pub(crate) feeds: FeedHub,
    /// What the running statement reads from other instances.
    pub(crate) remote_results: RemoteResults,
    /// Rows sent for the current statement.
    pub(crate) rows_sent: AtomicU64,
    /// An explicit DuckDB transaction is open.
    pub(crate) in_transaction: AtomicBool,
    inner: Mutex<Inner>,
    signal: Condvar,
    interrupts: Mutex<Vec<InterruptHandle>>,
    text: Mutex<SessionText>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Session {
    pub(crate) fn new(id: u64, writer: Arc<ConnectionWriter>) -> Self {
        Self {
            id,
            writer,
            feeds: FeedHub::default(),
            remote_results: RemoteResults::default(),
            rows_sent: AtomicU64::new(0),
            in_transaction: AtomicBool::new(false),
            inner: Mutex::default(),
            signal: Condvar::new(),
            interrupts: Mutex::default(),
            text: Mutex::new(SessionText { state: "idle", ..SessionText::default() }),
        }
    }

    /// The connections to interrupt.
    pub(crate) fn set_interrupts(&self, handles: Vec<InterruptHandle>) {
        *lock(&self.interrupts) = handles;
    }

    /// No statement runs any more: what it read from is closed.
    pub(crate) fn close_sources(&self) {
        self.feeds.set(Vec::new());
        self.remote_results.set(Vec::new());
    }

    /// Queues a request for the worker.
    pub(crate) fn push(&self, item: Item) {
        lock(&self.inner).queue.push_back(item);
        self.signal.notify_all();
    }

    /// The next request; it is active from here until [`Self::end`].
    pub(crate) fn pop(&self) -> Option<Item> {
        let mut inner = lock(&self.inner);
        let item = inner.queue.pop_front()?;
        inner.active.push(item.0);
        Some(item)
    }

    /// True if requests wait.
    pub(crate) fn has_requests(&self) -> bool {
        !lock(&self.inner).queue.is_empty()
    }

    /// Forgets an active request: it was answered.
    pub(crate) fn end(&self, sequence: u32) {
        let mut inner = lock(&self.inner);
        inner.active.retain(|active| *active != sequence);
        inner.cancelled.retain(|cancelled| *cancelled != sequence);
    }

    /// DuckDB works for these requests while the guard lives: cancelling one interrupts it.
    /// Looking for an earlier cancel and setting the guard are one step, so that no cancel
    /// falls between them: it is either the error here, or an interrupt.
    pub(crate) fn executing(&self, sequences: &[u32]) -> Result<Executing<'_>, EngineError> {
        self.start_executing(&mut lock(&self.inner), sequences)
    }

    /// As [`Self::executing`] for rows of a portal; a portal that its client has closed
    /// meanwhile counts as cancelled.
    pub(crate) fn executing_portal(&self, sequence: u32, portal: u32) -> Result<Executing<'_>, EngineError> {
        let mut inner = lock(&self.inner);
        let closing =
            |item: &Item| matches!(item.1, Request::ClosePortal { portal: closed } if closed == portal);
        if !self.in_transaction.load(Ordering::Relaxed) && inner.queue.iter().any(closing) {
            return Err(cancelled());
        }
        let guard = self.start_executing(&mut inner, &[sequence])?;
        inner.portal = Some((portal, sequence));
        Ok(guard)
    }

    fn start_executing(&self, inner: &mut Inner, sequences: &[u32]) -> Result<Executing<'_>, EngineError> {
        inner.executing = sequences.to_vec();
        if inner.must_stop() {
            inner.executing.clear();
            return Err(cancelled());
        }
        Ok(Executing { session: self })
    }

    /// The client has closed `portal`: if DuckDB works for it right now, that is interrupted,
    /// unless it would cost an open transaction. Result as of [`Self::cancel`].
    pub(crate) fn close_portal(&self, portal: u32) -> bool {
        if self.in_transaction.load(Ordering::Relaxed) {
            return false;
        }
        let mut inner = lock(&self.inner);
        match inner.portal {
            Some((running, sequence)) if running == portal => {
                inner.cancelled.push(sequence);
                self.stop_executing(&mut inner)
            }
            _ => false,
        }
    }

    /// Cancels a request, if it is still queued or active. True: the interrupt must be
    /// repeated until DuckDB has noticed (see `crate::canceller`).
    pub(crate) fn cancel(&self, sequence: u32) -> bool {
        let mut inner = lock(&self.inner);
        let known =
            inner.active.contains(&sequence) || inner.queue.iter().any(|(queued, ..)| *queued == sequence);
        if known && !inner.cancelled.contains(&sequence) {
            inner.cancelled.push(sequence);
        }
        self.stop_executing(&mut inner)
    }

    /// Cancels everything queued or active.
    pub(crate) fn cancel_all(&self) -> bool {
        let mut inner = lock(&self.inner);
        let all: Vec<u32> =
            inner.active.iter().copied().chain(inner.queue.iter().map(|(sequence, ..)| *sequence)).collect();
        inner.cancelled = all;
        self.stop_executing(&mut inner)
    }

    /// The client is gone or must go: nothing will be executed any more.
    pub(crate) fn close(&self) -> bool {
        let mut inner = lock(&self.inner);
        inner.closed = true;
        inner.queue.clear();
        self.stop_executing(&mut inner)
    }

    fn stop_executing(&self, inner: &mut Inner) -> bool {
        inner.wakes += 1;
        let stop = inner.must_stop();
        if stop {
            lock(&self.interrupts).iter().for_each(InterruptHandle::interrupt);
        }
        self.signal.notify_all();
        self.feeds.notify();
        stop
    }

    /// Interrupts again if what runs is cancelled and has not stopped; false when it has.
    pub(crate) fn interrupt_again(&self) -> bool {
        let mut inner = lock(&self.inner);
        self.stop_executing(&mut inner)
    }

    /// True if the running statement was cancelled: a wait below it must end.
    pub(crate) fn must_stop(&self) -> bool {
        lock(&self.inner).must_stop()
    }

    /// True if this request was cancelled.
    pub(crate) fn is_cancelled(&self, sequence: u32) -> bool {
        lock(&self.inner).cancelled.contains(&sequence)
    }

    /// True once the session has to end.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.inner).closed
    }

    /// The peer says "look at the rings".
    pub(crate) fn wake(&self) {
        lock(&self.inner).wakes += 1;
        self.signal.notify_all();
        self.feeds.notify();
    }

    /// Wake-ups so far; to be read before looking at a ring and given to [`Self::wait`].
    pub(crate) fn wakes(&self) -> u64 {
        lock(&self.inner).wakes
    }

    /// Waits for a request, a wake-up after `seen`, a cancel or the end of the session.
    pub(crate) fn wait(&self, seen: u64, timeout: Duration) {
        let inner = lock(&self.inner);
        // Poisoning cannot happen: nothing panics under this lock.
        drop(self.signal.wait_timeout_while(inner, timeout, |inner| {
            inner.queue.is_empty() && inner.wakes == seen && !inner.closed
        }));
    }

    /// Answers a request; a dead client is noticed by the reader.
    pub(crate) fn reply(&self, sequence: u32, reply: &Reply) {
        if let Err(error @ bridge_ipc::IpcError::Unsendable(_)) = self.writer.send(sequence, reply, &[]) {
            let error = EngineError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, error.to_string());
            // A refusal is short and cannot fail the same way.
            drop(self.writer.send(sequence, &Reply::Error(error), &[]));
        }
    }

    /// Changes what `engine_sessions()` shows.
    pub(crate) fn describe(&self, change: impl FnOnce(&mut SessionText)) {
        change(&mut lock(&self.text));
    }

    /// True while a statement runs or streams.
    pub(crate) fn is_running(&self) -> bool {
        matches!(lock(&self.text).state, "active" | "streaming")
    }

    /// A row of `engine_sessions()`.
    pub(crate) fn info(&self) -> SessionInfo {
        let text = lock(&self.text).clone();
        let progress = match text.state {
            // Idle connections answer with a negative number.
            "active" | "streaming" => {
                lock(&self.interrupts).iter().map(InterruptHandle::progress).fold(-1.0, f64::max)
            }
            _ => -1.0,
        };
        SessionInfo {
            backend_pid: text.backend_pid,
            database: text.database,
            role: text.role,
            state: text.state.to_owned(),
            query: crate::secrets::scrub(&text.query),
            started_us: text.started_us,
            rows_sent: self.rows_sent.load(Ordering::Relaxed),
            progress,
        }
    }
}

/// The error of a cancelled request.
pub(crate) fn cancelled() -> EngineError {
    EngineError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request")
}

/// See [`Session::executing`].
pub(crate) struct Executing<'a> {
    session: &'a Session,
}

impl Drop for Executing<'_> {
    fn drop(&mut self) {
        let mut inner = lock(&self.session.inner);
        inner.executing.clear();
        inner.portal = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> Session {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        Session::new(1, bridge_ipc::server::Connection::from_socket(ours.into(), 1).writer)
    }

    #[test]
    fn a_cancel_hits_only_the_request_it_names() {
        let session = session();
        session.push((7, Request::Status, vec![]));
        session.push((8, Request::Status, vec![]));
        assert!(!session.cancel(8), "nothing executes yet");
        assert_eq!(session.pop().map(|item| item.0), Some(7));
        {
            let _guard = session.executing(&[7]).unwrap();
            assert!(!session.must_stop());
            assert!(!session.cancel(9), "an unknown request");
            assert!(session.cancel(7));
            assert!(session.must_stop());
        }
        assert!(!session.must_stop());
        assert!(session.executing(&[7]).is_err(), "cancelled before DuckDB works for it");
        assert!(session.executing(&[]).is_ok(), "COMMIT cannot be cancelled");
        session.end(7);
        assert_eq!(session.pop().map(|item| item.0), Some(8));
        assert!(session.is_cancelled(8), "cancelled while it was queued");
        session.end(8);
        assert!(!session.cancel(8), "it has ended");
        assert!(!session.is_cancelled(8));
    }

    #[test]
    fn a_portal_closed_before_it_runs_does_not_run() {
        let session = session();
        session.push((7, Request::ClosePortal { portal: 3 }, vec![]));
        assert!(session.executing_portal(6, 3).is_err());
        assert!(session.executing_portal(6, 4).is_ok(), "another portal");
        session.in_transaction.store(true, Ordering::Relaxed);
        assert!(session.executing_portal(6, 3).is_ok(), "stopping it would cost the transaction");
    }
}
