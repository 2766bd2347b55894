//! A result on its way to the client: from DuckDB's stream (or a spool) into its ring.

use crate::duckdb::{Chunk, DuckError, QueryResult};
use crate::errors::to_engine_error;
use crate::export::{BatchBuilder, ResultLayout};
use crate::session::Session;
use crate::spool::Spool;
use bridge_ipc::IpcError;
use bridge_ipc::message::{Finished, Reply};
use bridge_ipc::ring::{Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_types::limits::{BATCH_ROWS, DUCKDB_VECTOR_ROWS};
use bridge_types::{EngineError, SqlState};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Why a portal ends early.
pub(crate) enum PortalError {
    /// DuckDB's error.
    Duck(DuckError),
    /// Ours.
    Engine(EngineError),
}

impl From<DuckError> for PortalError {
    fn from(error: DuckError) -> Self {
        Self::Duck(error)
    }
}

impl From<EngineError> for PortalError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<IpcError> for PortalError {
    fn from(error: IpcError) -> Self {
        Self::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, error.to_string()))
    }
}

impl From<std::io::Error> for PortalError {
    fn from(error: std::io::Error) -> Self {
        let state = match error.kind() {
            std::io::ErrorKind::StorageFull => SqlState::DISK_FULL,
            std::io::ErrorKind::OutOfMemory => SqlState::OUT_OF_MEMORY,
            _ => SqlState::IO_ERROR,
        };
        Self::Engine(
            EngineError::new(state, format!("could not keep the rows of an open cursor: {error}")).with_hint(
                "Raise duckdb.max_temp_directory_size, or point duckdb.temporary_directory to a larger disk.",
            ),
        )
    }
}

impl PortalError {
    /// As the client sees it.
    pub(crate) fn to_engine_error(&self) -> EngineError {
        match self {
            Self::Duck(error) => to_engine_error(error),
            Self::Engine(error) => error.clone(),
        }
    }
}

/// Result of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Rows went out; go on.
    Moved,
    /// No room in the ring or no credit; the client will send a wake-up.
    Blocked,
    /// Everything is in the ring.
    Done,
}

/// Rows fetched from DuckDB and not yet encoded.
struct Leftover {
    chunk: Chunk,
    at: usize,
}

/// DuckDB's side of a portal.
struct Stream {
    result: QueryResult,
    leftover: Option<Leftover>,
    /// Rows planned for the next batch: grows from one vector, so that the first one is sent at once.
    target_rows: usize,
    exhausted: bool,
}

/// An open portal.
pub(crate) struct Portal {
    /// Its number.
    pub(crate) number: u32,
    /// Sequence of its Execute request.
    pub(crate) sequence: u32,
    /// Instance its statement runs on.
    pub(crate) instance: u32,
    /// Collect DuckDB's profile at the end.
    pub(crate) profile: bool,
    layout: Arc<ResultLayout>,
    producer: Producer,
    credit_bytes: u64,
    stream: Option<Stream>,
    spool: Option<Spool>,
    rows: u64,
    batches: u64,
    bytes: u64,
}

impl Portal {
    /// A portal over a result that has started.
    pub(crate) fn new(
        number: u32,
        sequence: u32,
        layout: Arc<ResultLayout>,
        result: QueryResult,
        ring: Arc<Segment>,
        credit_bytes: u64,
    ) -> Self {
        Self {
            number,
            sequence,
            instance: bridge_ipc::message::MAIN_INSTANCE,
            profile: false,
            layout,
            producer: Producer::new(ring),
            credit_bytes,
            stream: Some(Stream {
                result,
                leftover: None,
                target_rows: DUCKDB_VECTOR_ROWS,
                exhausted: false,
            }),
            spool: None,
            rows: 0,
            batches: 0,
            bytes: 0,
        }
    }

    /// True while DuckDB still streams for it: another statement would end the stream.
    pub(crate) fn is_streaming(&self) -> bool {
        self.stream.is_some()
    }

    /// The numbers for the last reply.
    pub(crate) fn finished(&self, profile: Option<String>) -> Finished {
        Finished { portal: self.number, rows: self.rows, batches: self.batches, bytes: self.bytes, profile }
    }

    /// Moves one batch into the ring, if there is room and credit.
    pub(crate) fn step(&mut self, session: &Session) -> Result<Step, PortalError> {
        // The spool holds older rows than the stream.
        if let Some(spool) = &mut self.spool {
            if let Some(len) = spool.front_len() {
                return self.step_spool(session, len);
            }
            if self.stream.is_none() {
                return Ok(Step::Done);
            }
        }
        if self.no_credit() {
            return Ok(Step::Blocked);
        }
        let Some(stream) = &mut self.stream else { return Ok(Step::Done) };
        if !stream.peek()? {
            self.stream = None;
            return Ok(Step::Done);
        }
        let limit = self.producer.max_slot_bytes();
        let mut plan = stream.plan(&self.layout, limit);
        if plan.bytes > limit {
            plan = stream.plan_one_row(&self.layout);
        }
        if plan.bytes > limit {
            return self.step_outsize(session, plan);
        }
        let Some(mut slot) = self.producer.try_reserve(plan.bytes)? else {
            return Ok(if self.producer.prepare_sleep(plan.bytes) { Step::Blocked } else { Step::Moved });
        };
        let Some((used, rows)) = stream.fill(&self.layout, &mut slot, plan, session)? else {
            // The first row alone is larger than the heap that was left: give it its own size.
            let exact = stream.plan_one_row(&self.layout);
            if exact.bytes > limit {
                return self.step_outsize(session, exact);
            }
            let Some(mut slot) = self.producer.try_reserve(exact.bytes)? else {
                return Ok(if self.producer.prepare_sleep(exact.bytes) {
                    Step::Blocked
                } else {
                    Step::Moved
                });
            };
            let (used, rows) = stream.fill_exact(&self.layout, &mut slot, exact)?;
            let wake = slot.commit(used, SlotKind::Batch);
            self.sent(session, used, rows, wake);
            return Ok(Step::Moved);
        };
        let wake = slot.commit(used, SlotKind::Batch);
        self.sent(session, used, rows, wake);
        Ok(Step::Moved)
    }

    /// True if the client has more unread than it gave credit for.
    fn no_credit(&mut self) -> bool {
        let unread = self.producer.unread_bytes();
        unread > 0 && unread >= self.credit_bytes && self.producer.prepare_sleep_above(self.credit_bytes - 1)
    }

    fn step_spool(&mut self, session: &Session, len: usize) -> Result<Step, PortalError> {
        if self.no_credit() {
            return Ok(Step::Blocked);
        }
        let Some(spool) = &mut self.spool else { return Ok(Step::Done) };
        if len > self.producer.max_slot_bytes() {
            // Room for the announcing slot first, so that a batch is only taken when it can go.
            if self.producer.try_reserve(0)?.is_none() {
                return Ok(if self.producer.prepare_sleep(0) { Step::Blocked } else { Step::Moved });
            }
            let mut rows = 0;
            let segment = Segment::outsize(len, |memory| {
                rows = spool.pop_into(memory)?;
                Ok::<_, PortalError>(())
            })?;
            return self.send_outsize(session, &segment, len, rows);
        }
        let Some(mut slot) = self.producer.try_reserve(len)? else {
            return Ok(if self.producer.prepare_sleep(len) { Step::Blocked } else { Step::Moved });
        };
        let rows = spool.pop_into(&mut slot)?;
        let wake = slot.commit(len, SlotKind::Batch);
        self.sent(session, len, rows, wake);
        Ok(Step::Moved)
    }

    /// Sends the planned rows in a segment of their own.
    fn step_outsize(&mut self, session: &Session, plan: Plan) -> Result<Step, PortalError> {
        if self.producer.try_reserve(0)?.is_none() {
            return Ok(if self.producer.prepare_sleep(0) { Step::Blocked } else { Step::Moved });
        }
        let Some(stream) = &mut self.stream else { return Ok(Step::Done) };
        let (mut bytes, mut rows) = (0, 0);
        let segment = Segment::outsize(plan.bytes, |memory| {
            (bytes, rows) = stream.fill_exact(&self.layout, memory, plan)?;
            Ok::<_, PortalError>(())
        })?;
        self.send_outsize(session, &segment, bytes, rows)
    }

    fn send_outsize(
        &mut self,
        session: &Session,
        segment: &Arc<Segment>,
        bytes: usize,
        rows: u64,
    ) -> Result<Step, PortalError> {
        // The frame goes first: a reader that sees the slot has the segment at hand or on its way.
        let reply = Reply::Outsize { portal: self.number };
        session.writer.send(self.sequence, &reply, &[segment.fd().as_fd()])?;
        let slot = self
            .producer
            .try_reserve(0)?
            .ok_or_else(|| EngineError::new(SqlState::INTERNAL_ERROR, "the ring lost the room that it had"));
        let wake = slot.map_err(PortalError::Engine)?.commit(0, SlotKind::Outsize);
        self.sent(session, bytes, rows, wake);
        Ok(Step::Moved)
    }

    fn sent(&mut self, session: &Session, bytes: usize, rows: u64, wake: bool) {
        self.rows += rows;
        self.batches += 1;
        self.bytes += bytes as u64;
        // Who has read this much is likely to go on: read half as far ahead as it has come, so
        // that neither side waits for the other.
        self.credit_bytes = self.credit_bytes.max(self.bytes / 2);
        session.rows_sent.store(self.rows, Ordering::Relaxed);
        if wake {
            session.reply(self.sequence, &Reply::Wake);
        }
    }

    /// Drains DuckDB's stream into `spool`, so that the connection is free for another statement.
    pub(crate) fn park(
        &mut self,
        session: &Session,
        new_spool: impl FnOnce() -> Spool,
    ) -> Result<(), PortalError> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let spool = self.spool.get_or_insert_with(new_spool);
        let mut memory = Vec::new();
        while stream.peek()? {
            let plan = stream.plan(&self.layout, usize::MAX);
            if memory.len() < plan.bytes {
                memory.resize(plan.bytes, 0);
            }
            let filled = stream.fill(&self.layout, &mut memory, plan, session)?;
            let (used, rows) = match filled {
                Some(filled) => filled,
                None => {
                    let exact = stream.plan_one_row(&self.layout);
                    if memory.len() < exact.bytes {
                        memory.resize(exact.bytes, 0);
                    }
                    stream.fill_exact(&self.layout, &mut memory, exact)?
                }
            };
            spool.push(memory[..used].to_vec(), rows)?;
        }
        Ok(())
    }
}

/// The next batch: rows to aim for, bytes to reserve.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rows: usize,
    bytes: usize,
    exact: bool,
}

impl Stream {
    /// Makes sure that there are rows at hand; false at the end.
    fn peek(&mut self) -> Result<bool, DuckError> {
        loop {
            if self.leftover.as_ref().is_some_and(|rest| rest.at < rest.chunk.len()) {
                return Ok(true);
            }
            self.leftover = None;
            if self.exhausted {
                return Ok(false);
            }
            match self.result.fetch()? {
                Some(chunk) if chunk.len() > 0 => self.leftover = Some(Leftover { chunk, at: 0 }),
                // duckdb_fetch_chunk ends a stream with null; empty chunks are its end for
                // some operators too, but another fetch tells.
                Some(_) => {}
                None => self.exhausted = true,
            }
        }
    }

    /// Plans the next batch of at most `limit` bytes, if one row fits; call after [`Self::peek`].
    fn plan(&self, layout: &ResultLayout, limit: usize) -> Plan {
        let Some(rest) = &self.leftover else { return Plan { rows: 0, bytes: 0, exact: false } };
        if !layout.is_nested() {
            let rows = layout.rows_per_batch(self.target_rows, limit);
            return Plan { rows, bytes: layout.batch_bytes(rows, limit), exact: false };
        }
        let mut rows = rest.chunk.len() - rest.at;
        loop {
            let bytes = layout.exact_bytes(&rest.chunk, rest.at, rows);
            if bytes <= limit || rows == 1 {
                return Plan { rows, bytes, exact: true };
            }
            rows = rows.div_ceil(2);
        }
    }

    /// A plan for exactly the next row.
    fn plan_one_row(&self, layout: &ResultLayout) -> Plan {
        let bytes = self.leftover.as_ref().map_or(0, |rest| layout.exact_bytes(&rest.chunk, rest.at, 1));
        Plan { rows: 1, bytes, exact: true }
    }

    /// Encodes a planned batch and says bytes and rows; `None`: not even one row fitted.
    fn fill(
        &mut self,
        layout: &ResultLayout,
        memory: &mut [u8],
        plan: Plan,
        session: &Session,
    ) -> Result<Option<(usize, u64)>, PortalError> {
        if plan.exact {
            return self.fill_exact(layout, memory, plan).map(Some);
        }
        let mut batch = BatchBuilder::flat(layout, memory, plan.rows)?;
        let first = self.target_rows <= DUCKDB_VECTOR_ROWS;
        while self.peek()? {
            let Some(rest) = &mut self.leftover else { break };
            let wanted = rest.chunk.len() - rest.at;
            let taken = batch.append(&rest.chunk, rest.at, wanted);
            rest.at += taken;
            // Full, or somebody waits: the first rows for their reader, a request for us.
            if taken < wanted || batch.is_full() || first || session.has_requests() {
                break;
            }
        }
        let rows = batch.rows();
        if rows == 0 {
            return Ok(None);
        }
        self.target_rows = (self.target_rows * 4).min(BATCH_ROWS);
        Ok(Some((batch.finish()?, rows as u64)))
    }

    /// Encodes exactly the planned rows of the chunk at hand.
    fn fill_exact(
        &mut self,
        layout: &ResultLayout,
        memory: &mut [u8],
        plan: Plan,
    ) -> Result<(usize, u64), PortalError> {
        let Some(rest) = &mut self.leftover else { return Ok((0, 0)) };
        let batch = BatchBuilder::exact(layout, memory, &rest.chunk, rest.at, plan.rows)?;
        rest.at += plan.rows;
        Ok((batch.finish()?, plan.rows as u64))
    }
}
