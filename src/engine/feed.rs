//! Rows that Postgres computes and DuckDB pulls: the backend's side of `bridge_scan(n)`.
//!
//! A feed is a Postgres plan that runs under the query's snapshot, with the user's
//! privileges and row security, and whose slots become Arrow batches in the feed's own ring.
//! It runs only when the engine asks ([`serve`]), from whatever wait the backend is in, and stops when
//! [`REQUEST_BYTES`] are unread, so that it never waits for room. Parallel workers may run it too
//! ([`parallel`]), on their own; the proof that none of them waits for ever is in the engine's
//! `bridge_scan/feed.rs`.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bridge_ipc::message::{Request, ScanSpec};
use bridge_ipc::ring::{Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_ipc::{IpcError, batch, batch::BatchEncoder};
use bridge_types::{ColumnSpec, SqlState, limits};
use pgrx::pg_sys;

use super::batches::Batches;
use super::interrupt;
use super::parallel::node::Ticket;
use super::parallel::{self, Leader};
use super::session;
use crate::error::{Error, Result};
use crate::pg;

/// A request is answered until so much is unread, if there are as many rows.
const REQUEST_BYTES: usize = 1 << 20;
thread_local! {
    /// The feeds of open portals. Pointers are to boxes owned by [`Feeds`] values.
    static REGISTRY: RefCell<HashMap<(u32, u32), *mut Feed>> = RefCell::new(HashMap::new());
    static SERVING: Cell<u32> = const { Cell::new(0) };
}

/// One running feed.
struct Feed {
    query: *mut pg_sys::QueryDesc,
    /// Owner of the pins and snapshots of the feed's plan: that of the query it belongs to,
    /// whatever portal happens to be running when the engine asks.
    owner: pg_sys::ResourceOwner,
    /// What gives the rows: the root of the plan, or below the nodes that only a parallel query has.
    rows: *mut pg_sys::PlanState,
    batches: Batches,
    producer: Producer,
    /// If parallel workers may run it too.
    leader: Option<Leader>,
    /// Rows and bytes of all batches so far.
    sent_rows: usize,
    sent_bytes: usize,
    /// Set while the plan runs, so that a nested wait does not enter it again.
    running: bool,
}

/// The feeds of one portal, started.
pub(crate) struct Feeds {
    portal: u32,
    #[expect(clippy::vec_box, reason = "the registry points at the feeds")]
    feeds: Vec<Box<Feed>>,
    /// The rings, in the order of the scans.
    segments: Vec<Arc<Segment>>,
    /// See `Execute::feed_key`.
    key: u128,
}

/// What the engine has to know of a feed before it can bind a statement.
///
/// `workers` may bring rows beside the backend.
pub(crate) fn spec(columns: &[ColumnSpec], rows: f64, workers: u32) -> Result<ScanSpec> {
    let schema = bridge_kernels::feed_schema(columns)?;
    // A negative or unknown estimate counts as none.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let rows = rows.clamp(0.0, 1e18) as u64;
    Ok(ScanSpec { schema: batch::encode_schema(&schema)?, rows, producers: workers.saturating_add(1) })
}

impl Feeds {
    /// No feeds.
    pub(crate) fn none() -> Self {
        Self { portal: 0, feeds: Vec::new(), segments: Vec::new(), key: 0 }
    }

    /// Rings without rows, for a statement that binds its scans and does not read them.
    pub(crate) fn unread(scans: usize) -> Result<Self> {
        let segments = (0..scans).map(|_| Segment::create(1)).collect::<std::io::Result<_>>();
        Ok(Self { portal: 0, feeds: Vec::new(), segments: segments.map_err(IpcError::Io)?, key: 0 })
    }

    /// Starts the plans of a portal's feeds.
    ///
    /// # Safety
    /// `plans` are planned SELECTs with their output columns, and whether they have to end before
    /// anything reads them (then with a Material node on top); `estate` is the state of the query
    /// they belong to and outlives the result.
    pub(crate) unsafe fn start(
        portal: u32,
        plans: &[(*mut pg_sys::PlannedStmt, Vec<ColumnSpec>, bool)],
        estate: *mut pg_sys::EState,
    ) -> Result<Self> {
        let mut feeds = Vec::with_capacity(plans.len());
        let mut segments = Vec::with_capacity(plans.len());
        let key = parallel::random_key()?;
        for ((plan, columns, first), scan) in plans.iter().zip(0..) {
            // SAFETY: as promised by the caller; the executor copies what it needs of the
            // snapshot, and raises its errors through pgrx' guard.
            let (query, owner) = unsafe {
                let query = pg::query_below(estate, *plan);
                if *first {
                    run_first(query);
                } else {
                    pg_sys::ExecutorStart(query, 0);
                }
                (query, pg_sys::CurrentResourceOwner)
            };
            let segment = Segment::create(limits::SCAN_RING_BYTES).map_err(IpcError::Io)?;
            segments.push(segment.clone());
            // SAFETY: a started plan; the query's context outlives its feeds.
            let (rows, leader, batches) = unsafe {
                let root = (*query).planstate;
                let leader = Leader::new(root, estate, Ticket { feed_key: key.to_ne_bytes(), portal, scan });
                (parallel::rows_of(root), leader, Batches::new(columns, (*estate).es_query_cxt)?)
            };
            feeds.push(Box::new(Feed {
                query,
                owner,
                rows,
                batches,
                producer: Producer::new(segment),
                leader,
                sent_rows: 0,
                sent_bytes: 0,
                running: false,
            }));
        }
        REGISTRY.with_borrow_mut(|registry| {
            for (scan, feed) in (0..).zip(&mut feeds) {
                registry.insert((portal, scan), std::ptr::from_mut(&mut **feed));
            }
        });
        Ok(Self { portal, feeds, segments, key })
    }

    /// The plan of a feed; its rows can be read again after a rescan if they are stored, which
    /// those are that had to end first.
    pub(crate) fn stored(&self, feed: usize) -> Option<*mut pg_sys::PlanState> {
        // SAFETY: a started query lives until `finish`.
        self.feeds.get(feed).map(|feed| unsafe { (*feed.query).planstate })
    }

    /// What parallel workers have to know, see `Execute::feed_key`.
    pub(crate) fn key(&self) -> u128 {
        self.key
    }

    /// How many parallel workers each feed has had that may have some.
    pub(crate) fn workers(&self) -> Vec<Option<u32>> {
        self.feeds.iter().map(|feed| feed.leader.as_ref().map(Leader::launched)).collect()
    }

    /// The rings, in the order of the scans.
    pub(crate) fn segments(&self) -> Vec<BorrowedFd<'_>> {
        self.segments.iter().map(|segment| segment.fd()).collect()
    }

    /// Ends the plans in good order. After an error Postgres releases what they hold.
    ///
    /// # Errors
    /// 55006 if one of them is running: a function of its plan tries to end its own query.
    pub(crate) fn finish(&mut self) -> Result<()> {
        if self.feeds.iter().any(|feed| feed.running) {
            return Err(Error::new(
                SqlState::OBJECT_IN_USE,
                "cannot close a cursor while its rows are being computed for DuckDB",
            ));
        }
        for feed in &mut self.feeds {
            feed.in_its_context(|feed| {
                if let Some(leader) = &mut feed.leader {
                    // SAFETY: in the feed's context; after an error of the transaction `finish` is not called.
                    unsafe { leader.finish() };
                }
                Ok(())
            })?;
            // SAFETY: started above, ended once, in the owner that started it.
            unsafe {
                let owner =
                    std::mem::replace(&mut *std::ptr::addr_of_mut!(pg_sys::CurrentResourceOwner), feed.owner);
                pg_sys::ExecutorFinish(feed.query);
                pg_sys::ExecutorEnd(feed.query);
                pg_sys::FreeQueryDesc(feed.query);
                pg_sys::CurrentResourceOwner = owner;
            }
        }
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        REGISTRY.with_borrow_mut(|registry| registry.retain(|(portal, _), _| *portal != self.portal));
        self.feeds.clear();
        self.segments.clear();
    }
}

impl Drop for Feeds {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Starts a plan, runs it to its end and rewinds it, so that its rows are read from memory.
///
/// # Safety
/// A query descriptor whose plan has a Material node on top.
unsafe fn run_first(query: *mut pg_sys::QueryDesc) {
    // SAFETY: as the caller promises; an ERROR ends the transaction, which resets the globals.
    unsafe {
        pg_sys::ExecutorStart(query, pg_sys::EXEC_FLAG_REWIND.cast_signed());
        let estate = (*query).estate;
        pg_sys::PushActiveSnapshot((*estate).es_snapshot);
        let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
        loop {
            interrupt::check();
            let slot = pg_sys::ExecProcNode((*query).planstate);
            if slot.is_null() || (*slot).tts_flags & crate::pg::TTS_EMPTY != 0 {
                break;
            }
        }
        pg_sys::ExecReScan((*query).planstate);
        pg_sys::MemoryContextSwitchTo(context);
        pg_sys::PopActiveSnapshot();
    }
}

/// Produces one batch of a scan, because the engine asked for it.
pub(crate) fn serve(portal: u32, scan: u32) -> Result<()> {
    let Some(feed) = REGISTRY.with_borrow(|registry| registry.get(&(portal, scan)).copied()) else {
        // The portal was closed while the request was on its way.
        return Ok(());
    };
    // SAFETY: registered pointers are alive until `forget`, which needs the same thread;
    // `running` keeps a nested wait from making a second reference.
    let feed = unsafe { &mut *feed };
    if feed.running {
        return Err(Error::new(SqlState::INTERNAL_ERROR, "a feed was entered twice"));
    }
    feed.running = true;
    let mut serving = Serving::new(portal);
    let result = feed.produce(portal, scan);
    serving.done = result.is_ok();
    drop(serving);
    feed.running = false;
    result
}

/// Marks that a feed's plan runs. A feed that ends in an error ends its portal: DuckDB would
/// wait for the rest of its rows for ever.
struct Serving {
    portal: u32,
    done: bool,
}

impl Serving {
    fn new(portal: u32) -> Self {
        SERVING.set(SERVING.get() + 1);
        Self { portal, done: false }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        SERVING.set(SERVING.get() - 1);
        if !self.done {
            session::fail_portal(self.portal);
        }
    }
}

/// True while a feed's plan runs. The session then waits for its rows and can do nothing
/// else: a statement for it would wait for ever.
pub(super) fn is_serving() -> bool {
    SERVING.get() > 0
}

impl Feed {
    fn produce(&mut self, portal: u32, scan: u32) -> Result<()> {
        // Asked again while it was being answered, the rest of a request has less to do, or nothing:
        // the engine asks once more when it has let go of what it reads.
        while !self.batches.ended() && self.producer.unread_bytes() < REQUEST_BYTES as u64 {
            self.recruit()?;
            self.in_its_context(|feed| {
                // SAFETY: the feed's started plan, and its snapshot is active.
                unsafe {
                    let estate = (*feed.query).estate;
                    (*estate).es_query_dsa = feed.leader.as_ref().map_or(std::ptr::null_mut(), Leader::area);
                    let filled = feed.batches.fill(feed.rows);
                    (*estate).es_query_dsa = std::ptr::null_mut();
                    filled
                }
            })?;
            if let Some(batch) = self.batches.take() {
                self.send(portal, scan, &batch)?;
            }
        }
        if self.batches.ended() {
            let workers = self.leader.as_ref().map_or(0, |leader| {
                leader.wait_for_workers();
                leader.launched()
            });
            session::notify(&Request::ScanEnd { portal, scan, workers }, &[])?;
        }
        Ok(())
    }

    /// Sees to parallel workers. They are started when a first request or a large batch was sent: a scan
    /// that ends with its first rows, or is not read on, does without.
    fn recruit(&mut self) -> Result<()> {
        if self.leader.is_none() {
            return Ok(());
        }
        let first = self.sent_rows == 0;
        let launch = self.sent_bytes >= REQUEST_BYTES || self.sent_rows >= limits::BATCH_ROWS;
        self.in_its_context(|feed| {
            let Some(leader) = &mut feed.leader else { return Ok(()) };
            // SAFETY: in the feed's context.
            unsafe {
                if first {
                    leader.prepare();
                } else if launch {
                    leader.launch();
                }
            }
            if leader.only_leads() {
                feed.batches.end();
            }
            Ok(())
        })
    }

    /// Does something with the query's snapshot, resource owner and memory context.
    fn in_its_context<T>(&mut self, act: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        // SAFETY: the plan is started; the globals are restored on the normal way out, and an
        // ERROR ends the transaction, which resets them (`AbortTransaction`).
        unsafe {
            let owner =
                std::mem::replace(&mut *std::ptr::addr_of_mut!(pg_sys::CurrentResourceOwner), self.owner);
            let estate = (*self.query).estate;
            pg_sys::PushActiveSnapshot((*estate).es_snapshot);
            let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
            let result = act(self);
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::PopActiveSnapshot();
            pg_sys::CurrentResourceOwner = owner;
            result
        }
    }

    fn send(&mut self, portal: u32, scan: u32, batch: &RecordBatch) -> Result<()> {
        let encoder = BatchEncoder::new(batch)?;
        let size = encoder.size();
        self.sent_bytes = self.sent_bytes.saturating_add(size);
        self.sent_rows = self.sent_rows.saturating_add(batch.num_rows());
        // Little is unread: what does not fit then is large.
        let fits = size <= self.producer.max_slot_bytes() && self.producer.try_reserve(size)?.is_some();
        if !fits {
            let segment = Segment::outsize(size, |data| encoder.write(data).map(|_| ()))?;
            session::notify(&Request::Outsize { portal, scan }, &[segment.fd()])?;
        }
        let slot = self.producer.try_reserve(if fits { size } else { 0 })?;
        let mut slot =
            slot.ok_or_else(|| IpcError::Protocol("rows were asked for without room for them".into()))?;
        let wake = if fits {
            let used = encoder.write(&mut slot)?;
            slot.commit(used, SlotKind::Batch)
        } else {
            slot.commit(0, SlotKind::Outsize)
        };
        if wake {
            session::notify(&Request::Wake, &[])?;
        }
        Ok(())
    }
}
