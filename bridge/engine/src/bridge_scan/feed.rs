//! The feeds of a running statement: rings that the backend fills on request, and its parallel workers
//! on their own.
//!
//! # Liveness
//! A thread of DuckDB sleeps here only while every ring of its scan is empty and some producer has not
//! ended. That producer then has room in its ring. A worker with room runs; nothing that it does waits
//! for another scan, for its leader's rows or for us. The leader (the backend, source 0) with an empty
//! ring has been asked, and answers from whatever wait it is in, so it runs too, unless it is serving
//! another scan of the statement, which it ends after `REQUEST_BYTES` (`src/engine/feed.rs`) at the latest,
//! since it never sleeps on a full ring. So every sleep ends with a batch, the end of the scan, an
//! error of the backend (which closes the portal) or a cancel, in whatever order DuckDB reads scans.
//! A scan that nobody reads costs its rings' room, at most `SCAN_RING_BYTES` for each producer, whose
//! workers sleep until it is read or dropped; dropping it hangs up on them, which ends them.
//!
//! A worker whose connection ends before it has said so has failed. That is not told from here: its
//! leader learns why through Postgres' own channel, raises that error and closes the portal.

use super::source::Source;
use crate::session::Session;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bridge_ipc::IpcError;
use bridge_ipc::batch::BatchReader;
use bridge_ipc::message::{Produce, Reply};
use bridge_ipc::server::ConnectionWriter;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a blocked scan sleeps before it looks at the cancel flag again.
const POLL: Duration = Duration::from_millis(20);

/// The error of a scan that must end.
const CANCELLED: &str = "[57014] canceling statement due to user request";

/// One scan of the running statement.
pub(crate) struct Feed {
    portal: u32,
    scan: u32,
    /// See `Execute::feed_key`.
    key: u128,
    session: Arc<Session>,
    reader: BatchReader,
    state: Mutex<FeedState>,
    signal: Condvar,
    started: AtomicBool,
    /// The statement only reads, so that it may be given fewer rows when nobody wants its result.
    read_only: bool,
    /// The client closed the portal: the rest of the rows will never come.
    abandoned: AtomicBool,
}

struct FeedState {
    /// The backend first, then its workers in the order of their coming.
    sources: Vec<Source>,
    /// Which one is looked at first.
    turn: usize,
    /// What the backend had got back of its ring when it was last asked for rows. It does nothing if too
    /// much is unread, which batches count for as long as a thread of DuckDB holds them: so it is asked
    /// again whenever it has got something back.
    asked_at: Option<u64>,
    /// How many workers there are, once the backend has said so, with its own end.
    workers: Option<usize>,
    /// Threads that sleep.
    sleepers: usize,
    wakes: u64,
}

impl FeedState {
    fn has_ended(&self) -> bool {
        self.workers.is_some_and(|workers| self.sources.len() > workers)
            && self.sources.iter().all(Source::is_spent)
    }

    /// The next batch of any source.
    fn take(&mut self) -> Result<Option<arrow::buffer::Buffer>, IpcError> {
        let count = self.sources.len();
        for index in (self.turn..count).chain(0..self.turn.min(count)) {
            if let Some(batch) = self.sources[index].try_next()? {
                // Each in turn: a worker with a full ring sleeps, and to wake it costs more than a batch.
                self.turn = index + 1;
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }
}

/// The feeds of a session's running statement.
#[derive(Default)]
pub(crate) struct FeedHub {
    feeds: Mutex<Vec<Arc<Feed>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FeedHub {
    /// The feeds of the statement that starts now.
    pub(crate) fn set(&self, feeds: Vec<Arc<Feed>>) {
        let old = std::mem::replace(&mut *lock(&self.feeds), feeds);
        // DuckDB's plan may outlive the statement.
        old.iter().for_each(|feed| feed.hang_up());
    }

    /// Feed `scan` of the running statement.
    pub(crate) fn get(&self, scan: u32) -> Option<Arc<Feed>> {
        lock(&self.feeds).iter().find(|feed| feed.scan == scan).cloned()
    }

    /// The feed that a worker wants to bring rows of.
    pub(crate) fn find(&self, wanted: &Produce) -> Option<Arc<Feed>> {
        let is_wanted = |feed: &&Arc<Feed>| {
            wanted.feed_key != 0
                && (feed.key, feed.portal, feed.scan) == (wanted.feed_key, wanted.portal, wanted.scan)
        };
        lock(&self.feeds).iter().find(is_wanted).cloned()
    }

    /// Lets blocked scans look again.
    pub(crate) fn notify(&self) {
        for feed in lock(&self.feeds).iter() {
            feed.wake();
        }
    }

    /// `ScanEnd`: all batches of the backend are in its ring, and so many workers bring rows too.
    pub(crate) fn end(&self, portal: u32, scan: u32, workers: u32) {
        self.with(portal, scan, |state| {
            state.sources[0].ended = true;
            state.workers = usize::try_from(workers).ok();
        });
    }

    /// `Outsize`: the segment of the next slot of that kind.
    pub(crate) fn outsize(&self, portal: u32, scan: u32, segment: OwnedFd) {
        self.with(portal, scan, |state| state.sources[0].push_outsize(segment));
    }

    /// The rest of the portal's feeds is not wanted: they end now.
    pub(crate) fn abandon(&self, portal: u32) {
        for feed in lock(&self.feeds).iter().filter(|feed| feed.portal == portal) {
            feed.abandoned.store(true, Ordering::Release);
            feed.hang_up();
        }
        self.notify();
    }

    fn with(&self, portal: u32, scan: u32, change: impl FnOnce(&mut FeedState)) {
        if let Some(feed) = self.get(scan).filter(|feed| feed.portal == portal) {
            feed.change(change);
        }
    }
}

/// What the client says of a feed when its statement starts.
pub(crate) struct FeedOf {
    /// Sequence of the Execute request.
    pub(crate) sequence: u32,
    /// Its portal.
    pub(crate) portal: u32,
    /// Index of the scan.
    pub(crate) scan: u32,
    /// See `Execute::feed_key`.
    pub(crate) key: u128,
}

impl Feed {
    /// A feed whose ring lies in `segment`.
    pub(crate) fn open(
        session: &Arc<Session>,
        of: FeedOf,
        schema: SchemaRef,
        segment: OwnedFd,
        read_only: bool,
    ) -> Result<Arc<Self>, IpcError> {
        let backend = Source::open(segment, Arc::clone(&session.writer), of.sequence)?;
        Ok(Arc::new(Self {
            portal: of.portal,
            scan: of.scan,
            key: of.key,
            session: Arc::clone(session),
            reader: BatchReader::new(schema),
            state: Mutex::new(FeedState {
                sources: vec![backend],
                turn: 0,
                asked_at: None,
                workers: None,
                sleepers: 0,
                wakes: 0,
            }),
            signal: Condvar::new(),
            started: AtomicBool::new(false),
            read_only,
            abandoned: AtomicBool::new(false),
        }))
    }

    /// Takes in a worker's ring; its number. `None`: its rows are not wanted any more.
    pub(crate) fn add_worker(
        &self,
        segment: OwnedFd,
        writer: Arc<ConnectionWriter>,
    ) -> Result<Option<usize>, IpcError> {
        let source = Source::open(segment, writer, 0)?;
        let mut number = None;
        self.change(|state| {
            // Under the lock: `hang_up` comes before, or finds it.
            if !self.abandoned.load(Ordering::Acquire) {
                number = Some(state.sources.len());
                state.sources.push(source);
            }
        });
        Ok(number)
    }

    /// A worker's batches are all in its ring.
    pub(crate) fn end_worker(&self, number: usize) {
        self.change(|state| state.sources[number].ended = true);
    }

    /// The segment of a worker's next slot of kind `Outsize`.
    pub(crate) fn outsize_of_worker(&self, number: usize, segment: OwnedFd) {
        self.change(|state| state.sources[number].push_outsize(segment));
    }

    /// Lets blocked threads look again.
    pub(crate) fn wake(&self) {
        self.change(|_| ());
    }

    fn change(&self, change: impl FnOnce(&mut FeedState)) {
        let mut state = lock(&self.state);
        change(&mut state);
        state.wakes += 1;
        drop(state);
        self.signal.notify_all();
    }

    /// Nobody reads any more: workers that wait for room must not wait for ever.
    fn hang_up(&self) {
        self.abandoned.store(true, Ordering::Release);
        for worker in lock(&self.state).sources.iter().skip(1) {
            worker.writer.shutdown();
        }
    }

    /// Marks the feed as read; false if something reads it already: rows come only once.
    pub(crate) fn start(&self) -> bool {
        !self.started.swap(true, Ordering::AcqRel)
    }

    /// The next batch; `None` at the end. Waits for producers; the backend is asked for rows once
    /// per empty ring. Several threads may wait.
    pub(crate) fn next(&self) -> Result<Option<RecordBatch>, String> {
        loop {
            if self.abandoned.load(Ordering::Acquire) {
                // A read is cut short, which leaves its transaction usable. A write must not
                // commit a part of its rows.
                return if self.read_only { Ok(None) } else { Err(CANCELLED.to_owned()) };
            }
            if self.session.must_stop() {
                return Err(CANCELLED.to_owned());
            }
            let mut state = lock(&self.state);
            let batch = state.take().map_err(|error| broken(&error))?;
            self.ask(&mut state);
            if let Some(batch) = batch {
                drop(state);
                return self.reader.read(batch).map(Some).map_err(|error| broken(&error));
            }
            if state.has_ended() {
                drop(state);
                // Others may still sleep.
                self.signal.notify_all();
                return Ok(None);
            }
            if !state.sources.iter().all(Source::prepare_sleep) {
                continue;
            }
            let seen = state.wakes;
            state.sleepers += 1;
            let (mut state, _) = self
                .signal
                .wait_timeout_while(state, POLL, |state| state.wakes == seen && !state.has_ended())
                .unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
            if state.sleepers == 0 {
                state.sources.iter().for_each(Source::cancel_sleep);
            }
        }
    }

    /// Asks the backend for rows if its ring is empty and it may not know: if it has done nothing since it
    /// was asked, then because `REQUEST_BYTES` were unread, and when they are read it gets them back.
    fn ask(&self, state: &mut FeedState) {
        let backend = &state.sources[0];
        let released = Some(backend.released_bytes());
        if !backend.ended && backend.is_empty() && state.asked_at != released {
            backend.tell(&Reply::ScanRequest { portal: self.portal, scan: self.scan });
            state.asked_at = released;
        }
    }
}

fn broken(error: &IpcError) -> String {
    format!("[08P01] {error}")
}
