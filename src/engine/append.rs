//! Rows that this backend pushes into a DuckDB table, for writers that are not plans: COPY and
//! Postgres' rewriting of a table.
//!
//! The engine runs an INSERT over `bridge_scan(0)`. Unlike a feed ([`super::feed`]) the rows do
//! not wait to be asked for: batches go into the ring as long as there is room, so that DuckDB
//! inserts one while the next is being made.

use std::cell::Cell;
use std::sync::Arc;

use bridge_ipc::message::Request;
use bridge_ipc::ring::{Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_ipc::{IpcError, batch::BatchEncoder};
use bridge_kernels::BatchBuilder;
use bridge_types::names::{BRIDGE_SCAN, quote_identifier};
use bridge_types::{ColumnSpec, limits};
use pgrx::pg_sys;

use super::feed;
use super::session::{self, DuckSql, ExecuteOptions, Instance, PortalEvent};
use crate::datum::text_form::ToText;
use crate::error::Result;
use crate::pg::memory::OwnedContext;

/// Rows an INSERT is assumed to have while it is bound.
const ASSUMED_ROWS: f64 = 1e6;

thread_local! {
    /// Appenders that take rows.
    static OPEN: Cell<u32> = const { Cell::new(0) };
}

/// A running INSERT. Dropped without [`Self::finish`], it ends in an error in the engine.
pub(crate) struct Appender {
    portal: u32,
    columns: Vec<ColumnSpec>,
    /// For each column, whether its datums may be toasted.
    varlena: Vec<bool>,
    to_text: ToText,
    builder: BatchBuilder,
    datums: Vec<u64>,
    /// Memory of detoasted values and texts, reset after each batch.
    scratch: OwnedContext,
    producer: Producer,
    /// The engine has asked for rows.
    asked: bool,
    /// Counted in [`OPEN`].
    open: bool,
}

/// True while rows are being pushed: the session waits for them and can do nothing else.
pub(super) fn is_appending() -> bool {
    OPEN.get() > 0
}

impl Appender {
    /// Starts an INSERT of `columns` into the table with this qualified name on `instance`;
    /// `query` is the statement that the user runs.
    ///
    /// Belongs to the current memory context.
    pub(crate) fn start(
        instance: Instance,
        table: &str,
        columns: Vec<ColumnSpec>,
        query: &str,
    ) -> Result<Self> {
        let names: Vec<String> = columns.iter().map(|column| quote_identifier(&column.name)).collect();
        let sql = format!("INSERT INTO {table} ({}) SELECT * FROM {BRIDGE_SCAN}(0)", names.join(", "));
        let sql = DuckSql { instance, sql: &sql, remote_scans: &[] };
        let statement = session::prepare(sql, query, &[feed::spec(&columns, ASSUMED_ROWS, 0)?])?;
        let segment = Segment::create(limits::APPEND_RING_BYTES).map_err(IpcError::Io)?;
        let portal = session::allocate_portal();
        let options = ExecuteOptions {
            params: bytes::Bytes::new(),
            credit_bytes: limits::RING_BYTES as u64,
            whole_result: true,
            complete: false,
            profile: false,
        };
        session::execute(&statement, portal, options, &[segment.fd()], 0)?;
        let producer = Producer::new(Arc::clone(&segment));
        let builder = BatchBuilder::new(&columns)?;
        OPEN.set(OPEN.get() + 1);
        Ok(Self {
            portal,
            // SAFETY: a catalog look-up on the main thread.
            varlena: columns
                .iter()
                .map(|c| unsafe { pg_sys::get_typlen(c.pg_type.oid.into()) } == -1)
                .collect(),
            // SAFETY: the current context outlives the appender, as its scratch memory does.
            to_text: unsafe {
                let types = columns.iter().map(|column| column.pg_type);
                ToText::new(types, pg_sys::CurrentMemoryContext)
            },
            builder,
            datums: Vec::with_capacity(columns.len()),
            columns,
            scratch: OwnedContext::new(c"pg_duckdb append"),
            producer,
            asked: false,
            open: true,
        })
    }

    /// The columns of the rows.
    pub(crate) fn columns(&self) -> &[ColumnSpec] {
        &self.columns
    }

    /// Appends a row.
    ///
    /// # Safety
    /// `values` and `nulls` are a row of the columns; varlenas may be toasted.
    pub(crate) unsafe fn push(
        &mut self,
        values: impl Iterator<Item = pg_sys::Datum>,
        nulls: &[bool],
    ) -> Result<()> {
        self.datums.clear();
        self.datums.extend(values.map(|value| value.value() as u64));
        // SAFETY: as the caller promises; what is made lives in `scratch`, until it is copied.
        unsafe {
            let context = pg_sys::MemoryContextSwitchTo(self.scratch.get());
            for (datum, (varlena, null)) in self.datums.iter_mut().zip(self.varlena.iter().zip(nulls)) {
                if *varlena && !null {
                    *datum = plain_varlena(*datum);
                }
            }
            self.to_text.convert(&mut self.datums, nulls);
            pg_sys::MemoryContextSwitchTo(context);
            self.builder.push_row(&self.datums, nulls)?;
        }
        if self.builder.rows() >= limits::BATCH_ROWS || self.builder.bytes() >= limits::BATCH_BYTES {
            self.send()?;
        }
        Ok(())
    }

    /// Sends what is left and waits until DuckDB has inserted everything; returns the rows.
    pub(crate) fn finish(mut self) -> Result<u64> {
        if self.builder.rows() > 0 {
            self.send()?;
        }
        self.wait_until_asked()?;
        session::notify(&Request::ScanEnd { portal: self.portal, scan: 0, workers: 0 }, &[])?;
        self.close();
        loop {
            match session::next_event(self.portal)? {
                // An INSERT returns no rows.
                PortalEvent::Batch(_) => {}
                PortalEvent::Finished(finished) => return Ok(finished.rows),
            }
        }
    }

    /// Puts the batch into the ring; waits for room, or for the error that ends the INSERT.
    fn send(&mut self) -> Result<()> {
        let rows = self.builder.finish();
        let encoder = BatchEncoder::new(&rows)?;
        let fits = encoder.size() <= self.producer.max_slot_bytes();
        let needed = if fits { encoder.size() } else { 0 };
        if !fits {
            let segment = Segment::outsize(encoder.size(), |data| encoder.write(data).map(|_| ()))?;
            self.wait_until_asked()?;
            session::notify(&Request::Outsize { portal: self.portal, scan: 0 }, &[segment.fd()])?;
        }
        let Self { producer, asked, .. } = self;
        session::put_into_feed(self.portal, |asks| {
            *asked |= asks;
            while producer.try_reserve(needed)?.is_none() {
                if producer.prepare_sleep(needed) {
                    return Ok(None);
                }
            }
            let Some(mut slot) = producer.try_reserve(needed)? else { return Ok(None) };
            let wake = if fits {
                let used = encoder.write(&mut slot)?;
                slot.commit(used, SlotKind::Batch)
            } else {
                slot.commit(0, SlotKind::Outsize)
            };
            producer.cancel_sleep();
            Ok(Some(wake))
        })?;
        self.scratch.reset();
        Ok(())
    }

    /// Frames about a feed are understood only once the statement runs, which it does when it
    /// asks for rows. (The ring can be filled before.)
    fn wait_until_asked(&mut self) -> Result<()> {
        let asked = &mut self.asked;
        if *asked {
            return Ok(());
        }
        session::put_into_feed(self.portal, |asks| {
            *asked |= asks;
            Ok(asked.then_some(false))
        })
    }

    /// Lets others use the session again.
    fn close(&mut self) {
        if std::mem::take(&mut self.open) {
            OPEN.set(OPEN.get() - 1);
        }
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        self.close();
        session::close_portal(self.portal);
    }
}

/// A varlena that is neither external nor compressed, in the current memory context if it has
/// to be made.
///
/// # Safety
/// `datum` is a varlena that is not null.
#[inline]
unsafe fn plain_varlena(datum: u64) -> u64 {
    let address = usize::try_from(datum).unwrap_or(0);
    let varlena = std::ptr::with_exposed_provenance_mut::<pg_sys::varlena>(address);
    // SAFETY: as the caller promises; `postgres.h`: on little-endian machines the low bits of
    // the first byte say 00 for four plain header bytes, 1 for one, 10 for a compressed value,
    // and the byte 0x01 for an external one.
    unsafe {
        let header = *varlena.cast::<u8>();
        if header & 0x03 == 0 || header & 0x01 == 1 && header != 0x01 {
            return datum;
        }
        pg_sys::pg_detoast_datum_packed(varlena).expose_provenance() as u64
    }
}
