//! Rows that Postgres computes and DuckDB pulls: the backend's side of `bridge_scan(n)`.
//!
//! A feed is a Postgres plan that runs under the query's snapshot, with the user's
//! privileges and row security, and whose slots become Arrow batches in the feed's own ring.
//! It runs only when the engine asks ([`serve`]), from whatever wait the backend is in.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use bridge_ipc::message::{Request, ScanSpec};
use bridge_ipc::ring::{Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_ipc::{IpcError, batch, batch::BatchEncoder};
use bridge_kernels::BatchBuilder;
use bridge_types::{ColumnSpec, SqlState, limits};
use pgrx::pg_sys;

use super::gather::Gather;
use super::interrupt;
use super::session;
use crate::datum::text_form::ToText;
use crate::error::{Error, Result};

/// A request is answered until so much is unread, if there are as many rows.
const REQUEST_BYTES: usize = 1 << 20;
/// What is sent at once: it stays in the second-level cache from the builders to the ring, and
/// the engine reads it while the next is made.
const SEND_BYTES: usize = 256 << 10;

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
    /// Columns of its rows.
    columns: usize,
    gather: Gather,
    to_text: ToText,
    builder: BatchBuilder,
    producer: Producer,
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
}

/// What the engine has to know of a feed before it can bind a statement.
pub(crate) fn spec(columns: &[ColumnSpec], rows: f64) -> Result<ScanSpec> {
    let schema = bridge_kernels::feed_schema(columns)?;
    // A negative or unknown estimate counts as none.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let rows = rows.clamp(0.0, 1e18) as u64;
    Ok(ScanSpec { schema: batch::encode_schema(&schema)?, rows })
}

impl Feeds {
    /// No feeds.
    pub(crate) fn none() -> Self {
        Self { portal: 0, feeds: Vec::new(), segments: Vec::new() }
    }

    /// Rings without rows, for a statement that binds its scans and does not read them.
    pub(crate) fn unread(scans: usize) -> Result<Self> {
        let segments = (0..scans).map(|_| Segment::create(1)).collect::<std::io::Result<_>>();
        Ok(Self { portal: 0, feeds: Vec::new(), segments: segments.map_err(IpcError::Io)? })
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
        for (plan, columns, first) in plans {
            // SAFETY: as promised by the caller; the executor copies what it needs of the
            // snapshot, and raises its errors through pgrx' guard.
            let (query, owner) = unsafe {
                let query = pg_sys::CreateQueryDesc(
                    *plan,
                    (*estate).es_sourceText,
                    (*estate).es_snapshot,
                    std::ptr::null_mut(),
                    pg_sys::CreateDestReceiver(pg_sys::CommandDest::DestNone),
                    (*estate).es_param_list_info,
                    std::ptr::null_mut(),
                    0,
                );
                if *first {
                    run_first(query);
                } else {
                    pg_sys::ExecutorStart(query, 0);
                }
                (query, pg_sys::CurrentResourceOwner)
            };
            let segment = Segment::create(limits::SCAN_RING_BYTES).map_err(IpcError::Io)?;
            segments.push(segment.clone());
            feeds.push(Box::new(Feed {
                query,
                owner,
                columns: columns.len(),
                gather: Gather::new(columns),
                // SAFETY: the query's context outlives its feeds.
                to_text: unsafe {
                    let types = columns.iter().map(|column| column.pg_type);
                    ToText::new(types, (*estate).es_query_cxt)
                },
                builder: BatchBuilder::new(columns)?,
                producer: Producer::new(segment),
                running: false,
            }));
        }
        REGISTRY.with_borrow_mut(|registry| {
            for (scan, feed) in (0..).zip(&mut feeds) {
                registry.insert((portal, scan), std::ptr::from_mut(&mut **feed));
            }
        });
        Ok(Self { portal, feeds, segments })
    }

    /// The plan of a feed; its rows can be read again after a rescan if they are stored, which
    /// those are that had to end first.
    pub(crate) fn stored(&self, feed: usize) -> Option<*mut pg_sys::PlanState> {
        // SAFETY: a started query lives until `finish`.
        self.feeds.get(feed).map(|feed| unsafe { (*feed.query).planstate })
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
        // who has rows to read asks once more when they are read.
        while !self.gather.ended && self.producer.unread_bytes() < REQUEST_BYTES as u64 {
            self.fill()?;
            if self.builder.rows() > 0 {
                self.send(portal, scan)?;
            }
        }
        if self.gather.ended {
            session::notify(&Request::ScanEnd { portal, scan }, &[])?;
        }
        Ok(())
    }

    /// Runs the plan until a batch is full or the plan has ended.
    fn fill(&mut self) -> Result<()> {
        // SAFETY: the plan is started; the globals are restored on the normal way out, and an
        // ERROR ends the transaction, which resets them (`AbortTransaction`).
        unsafe {
            let owner =
                std::mem::replace(&mut *std::ptr::addr_of_mut!(pg_sys::CurrentResourceOwner), self.owner);
            let estate = (*self.query).estate;
            pg_sys::PushActiveSnapshot((*estate).es_snapshot);
            let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
            let result = self.fill_from((*self.query).planstate);
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::PopActiveSnapshot();
            pg_sys::CurrentResourceOwner = owner;
            result
        }
    }

    /// # Safety
    /// `plan` is this feed's started plan and the active snapshot is the query's.
    unsafe fn fill_from(&mut self, plan: *mut pg_sys::PlanState) -> Result<()> {
        while !self.gather.ended && !self.is_full() {
            interrupt::check();
            let scratch = self.gather.scratch();
            // SAFETY: as demanded; the rows' values live until they are released.
            unsafe {
                let rows = self.builder.rows() % limits::DUCKDB_VECTOR_ROWS;
                self.gather.fill(plan, limits::DUCKDB_VECTOR_ROWS - rows)?;
                let (datums, nulls, rows) = self.gather.block();
                if self.to_text.is_needed() {
                    let context = pg_sys::MemoryContextSwitchTo(scratch);
                    let width = self.columns;
                    for (datums, nulls) in datums.chunks_exact_mut(width).zip(nulls.chunks_exact(width)) {
                        self.to_text.convert(datums, nulls);
                    }
                    pg_sys::MemoryContextSwitchTo(context);
                }
                self.builder.push_rows(datums, nulls, rows)?;
            }
            self.gather.release();
        }
        Ok(())
    }

    /// True when it is time to send, whole vectors of DuckDB's if the rows are not large.
    fn is_full(&self) -> bool {
        let (rows, bytes) = (self.builder.rows(), self.builder.bytes());
        let whole = rows > 0 && rows.is_multiple_of(limits::DUCKDB_VECTOR_ROWS);
        bytes >= limits::BATCH_BYTES || rows >= limits::BATCH_ROWS || (whole && bytes >= SEND_BYTES)
    }

    fn send(&mut self, portal: u32, scan: u32) -> Result<()> {
        let rows = self.builder.finish();
        let encoder = BatchEncoder::new(&rows)?;
        let size = encoder.size();
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
