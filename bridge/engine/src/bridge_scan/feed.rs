//! The feeds of a running statement: rings that the backend fills on request.

use crate::session::Session;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use bridge_ipc::IpcError;
use bridge_ipc::batch::BatchReader;
use bridge_ipc::message::Reply;
use bridge_ipc::ring::{Consumer, SlotKind};
use bridge_ipc::segment::Segment;
use std::collections::VecDeque;
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
    /// Sequence of the Execute request.
    sequence: u32,
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
    consumer: Consumer,
    outsize: VecDeque<OwnedFd>,
    /// A slot said that its batch lies in a segment that has not come yet.
    awaits_outsize: bool,
    ended: bool,
    wakes: u64,
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
        *lock(&self.feeds) = feeds;
    }

    /// Feed `scan` of the running statement.
    pub(crate) fn get(&self, scan: u32) -> Option<Arc<Feed>> {
        lock(&self.feeds).iter().find(|feed| feed.scan == scan).cloned()
    }

    /// Lets blocked scans look again.
    pub(crate) fn notify(&self) {
        for feed in lock(&self.feeds).iter() {
            lock(&feed.state).wakes += 1;
            feed.signal.notify_all();
        }
    }

    /// `ScanEnd`: all batches are in the ring.
    pub(crate) fn end(&self, portal: u32, scan: u32) {
        self.with(portal, scan, |state| state.ended = true);
    }

    /// `Outsize`: the segment of the next slot of that kind.
    pub(crate) fn outsize(&self, portal: u32, scan: u32, segment: OwnedFd) {
        self.with(portal, scan, |state| state.outsize.push_back(segment));
    }

    /// The rest of the portal's feeds is not wanted: they end now.
    pub(crate) fn abandon(&self, portal: u32) {
        for feed in lock(&self.feeds).iter().filter(|feed| feed.portal == portal) {
            feed.abandoned.store(true, Ordering::Release);
        }
        self.notify();
    }

    fn with(&self, portal: u32, scan: u32, change: impl FnOnce(&mut FeedState)) {
        if let Some(feed) = self.get(scan).filter(|feed| feed.portal == portal) {
            let mut state = lock(&feed.state);
            change(&mut state);
            state.wakes += 1;
            drop(state);
            feed.signal.notify_all();
        }
    }
}

impl Feed {
    /// A feed whose ring lies in `segment`.
    pub(crate) fn open(
        session: &Arc<Session>,
        sequence: u32,
        portal: u32,
        scan: u32,
        schema: SchemaRef,
        segment: OwnedFd,
        read_only: bool,
    ) -> Result<Arc<Self>, IpcError> {
        let consumer = Consumer::new(Segment::open(segment)?);
        Ok(Arc::new(Self {
            portal,
            scan,
            sequence,
            session: Arc::clone(session),
            reader: BatchReader::new(schema),
            state: Mutex::new(FeedState {
                consumer,
                outsize: VecDeque::new(),
                awaits_outsize: false,
                ended: false,
                wakes: 0,
            }),
            signal: Condvar::new(),
            started: AtomicBool::new(false),
            read_only,
            abandoned: AtomicBool::new(false),
        }))
    }

    /// Marks the feed as read; false if something reads it already: rows come only once.
    pub(crate) fn start(&self) -> bool {
        !self.started.swap(true, Ordering::AcqRel)
    }

    /// The next batch; `None` at the end. Waits for the backend, which is asked for rows once
    /// per empty ring.
    pub(crate) fn next(&self) -> Result<Option<RecordBatch>, String> {
        let mut asked = false;
        loop {
            if self.abandoned.load(Ordering::Acquire) {
                // A read is cut short, which leaves its transaction usable. A write must not
                // commit a part of its rows.
                return if self.read_only { Ok(None) } else { Err(CANCELLED.to_owned()) };
            }
            if self.session.must_stop() {
                return Err(CANCELLED.to_owned());
            }
            // What was dropped since the last look made room.
            let mut state = lock(&self.state);
            if state.consumer.take_release_wake() {
                self.tell(&Reply::Wake);
            }
            let ended = state.ended;
            if !state.awaits_outsize
                && let Some(message) = state.consumer.try_next().map_err(|error| broken(&error))?
            {
                match message.kind {
                    SlotKind::Batch => {
                        return self.reader.read(message.buffer).map(Some).map_err(|error| broken(&error));
                    }
                    SlotKind::Outsize => state.awaits_outsize = true,
                }
            }
            if state.awaits_outsize {
                if let Some(fd) = state.outsize.pop_front() {
                    state.awaits_outsize = false;
                    let buffer = Segment::open(fd).map_err(|error| broken(&error))?.into_buffer();
                    return self.reader.read(buffer).map(Some).map_err(|error| broken(&error));
                }
            } else if ended {
                return Ok(None);
            }
            if !asked {
                asked = true;
                self.tell(&Reply::ScanRequest { portal: self.portal, scan: self.scan });
            }
            if !state.awaits_outsize && !state.consumer.prepare_sleep() {
                continue;
            }
            let seen = state.wakes;
            let (state, _) = self
                .signal
                .wait_timeout_while(state, POLL, |state| state.wakes == seen && !state.ended)
                .unwrap_or_else(PoisonError::into_inner);
            state.consumer.cancel_sleep();
        }
    }

    fn tell(&self, reply: &Reply) {
        // A dead client is noticed by the reader thread, which stops us.
        drop(self.session.writer.send(self.sequence, reply, &[]));
    }
}

fn broken(error: &IpcError) -> String {
    format!("[08P01] {error}")
}
