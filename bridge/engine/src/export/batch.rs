//! A batch under construction.

use super::column::{Capacity, Column, Heap, column_bytes, heap_bytes, measure};
use super::wire_type::{Layout, WireType, schema};
use crate::duckdb::Chunk;
use arrow::datatypes::{Schema, SchemaRef};
use bridge_ipc::IpcError;
use bridge_ipc::batch::{SlotWriter, encode_dictionaries, metadata_reserve};
use bridge_types::limits::{BATCH_BYTES, BATCH_ROWS, BUFFER_ALIGN, DUCKDB_VECTOR_ROWS};
use bytes::Bytes;
use std::sync::Arc;

/// Largest heap: Arrow's views have 31-bit offsets.
const MAX_HEAP_BYTES: usize = i32::MAX as usize;

/// What all batches of a result have in common.
#[derive(Clone, Debug)]
pub(crate) struct ResultLayout {
    columns: Vec<WireType>,
    schema: SchemaRef,
    metadata_bytes: usize,
    /// Some column is a list: a batch then holds rows of one chunk, sized exactly.
    nested: bool,
    has_views: bool,
}

impl ResultLayout {
    /// The layout of columns with these names and types.
    pub(crate) fn new(names: &[String], columns: Vec<WireType>) -> Result<Self, IpcError> {
        let schema: Schema = schema(names, &columns);
        let metadata_bytes = metadata_reserve(&schema)?;
        let nested = columns.iter().any(|wire| matches!(wire.layout, Layout::List { .. }));
        let has_views = columns.iter().any(|wire| wire.layout == Layout::View);
        Ok(Self { columns, schema: Arc::new(schema), metadata_bytes, nested, has_views })
    }

    /// The Arrow schema.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The values of the schema's dictionaries, as the client wants them.
    pub(crate) fn dictionaries(&self) -> Result<Bytes, IpcError> {
        let mut found = Vec::new();
        self.columns.iter().for_each(|wire| wire.dictionaries(&mut found));
        encode_dictionaries(found)
    }

    /// The types of the columns.
    pub(crate) fn columns(&self) -> &[WireType] {
        &self.columns
    }

    /// True if every batch is sized for the rows of one chunk.
    pub(crate) fn is_nested(&self) -> bool {
        self.nested
    }

    /// Bytes of a flat batch of `rows` rows without its heap.
    fn fixed_bytes(&self, rows: usize) -> usize {
        let capacity = Capacity { rows, child: None };
        self.metadata_bytes + self.columns.iter().map(|wire| column_bytes(wire, &capacity)).sum::<usize>()
    }

    /// Rows to plan a flat batch for: as many as wanted while the fixed part stays within a
    /// batch's bytes (and `limit`), at least one.
    pub(crate) fn rows_per_batch(&self, wanted: usize, limit: usize) -> usize {
        let budget = limit.min(2 * BATCH_BYTES);
        let mut rows = wanted.clamp(1, BATCH_ROWS);
        while rows > 1 && self.fixed_bytes(rows) > budget {
            rows = if rows > DUCKDB_VECTOR_ROWS { rows - DUCKDB_VECTOR_ROWS } else { rows / 2 };
        }
        rows
    }

    /// Bytes to ask for a flat batch of `rows` rows, room for long strings included.
    pub(crate) fn batch_bytes(&self, rows: usize, limit: usize) -> usize {
        let fixed = self.fixed_bytes(rows);
        // Strings of 64 bytes on average have room; more of them end the batch early.
        let heap = if self.has_views { (rows * 64).clamp(4096, BATCH_BYTES) } else { 0 };
        (fixed + heap).min(limit).max(fixed)
    }

    /// Bytes that exactly these rows of `chunk` need.
    pub(crate) fn exact_bytes(&self, chunk: &Chunk, from: usize, rows: usize) -> usize {
        let mut bytes = self.metadata_bytes + 2 * BUFFER_ALIGN;
        for (index, wire) in self.columns.iter().enumerate() {
            let vector = chunk.vector(index);
            let range = [(from, rows)];
            bytes += column_bytes(wire, &measure(wire, &vector, &range)) + heap_bytes(wire, &vector, &range);
        }
        bytes
    }
}

/// Fills one batch in the memory it was given.
pub(crate) struct BatchBuilder<'a> {
    layout: &'a ResultLayout,
    writer: SlotWriter<'a>,
    columns: Vec<Column>,
    heap: Heap,
    capacity: usize,
    rows: usize,
}

impl<'a> BatchBuilder<'a> {
    /// A flat batch of up to `rows` rows; the rest of `memory` is for long strings.
    pub(crate) fn flat(
        layout: &'a ResultLayout,
        memory: &'a mut [u8],
        rows: usize,
    ) -> Result<Self, IpcError> {
        let capacity = Capacity { rows, child: None };
        Self::with(layout, memory, rows, |_, _| capacity.clone())
    }

    /// A batch for exactly these rows of `chunk`, which are appended.
    pub(crate) fn exact(
        layout: &'a ResultLayout,
        memory: &'a mut [u8],
        chunk: &Chunk,
        from: usize,
        rows: usize,
    ) -> Result<Self, IpcError> {
        let mut builder = Self::with(layout, memory, rows, |index, wire| {
            measure(wire, &chunk.vector(index), &[(from, rows)])
        })?;
        let columns = layout.columns.iter().enumerate();
        let heap: usize =
            columns.map(|(index, wire)| heap_bytes(wire, &chunk.vector(index), &[(from, rows)])).sum();
        if heap > builder.heap.capacity {
            return Err(IpcError::Unsendable(format!("a row with {heap} bytes of text is too large").into()));
        }
        builder.append_all(chunk, from, rows);
        Ok(builder)
    }

    fn with(
        layout: &'a ResultLayout,
        memory: &'a mut [u8],
        rows: usize,
        capacity_of: impl Fn(usize, &WireType) -> Capacity,
    ) -> Result<Self, IpcError> {
        let mut writer = SlotWriter::new(memory, layout.metadata_bytes)?;
        let mut columns = Vec::with_capacity(layout.columns.len());
        for (index, wire) in layout.columns.iter().enumerate() {
            let column = Column::allocate(&mut writer, wire, &capacity_of(index, wire));
            columns
                .push(column.ok_or_else(|| IpcError::Unsendable("a slot too small for its batch".into()))?);
        }
        let capacity = writer.remaining().min(MAX_HEAP_BYTES);
        let at = writer.allocate(0).unwrap_or_else(|| writer.capacity());
        Ok(Self { layout, writer, columns, heap: Heap { at, used: 0, capacity }, capacity: rows, rows: 0 })
    }

    /// Rows so far.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// True when no further row fits for sure, or it is time to send.
    pub(crate) fn is_full(&self) -> bool {
        self.rows >= self.capacity
    }

    /// Appends as many of the rows as fit and says how many that were.
    pub(crate) fn append(&mut self, chunk: &Chunk, from: usize, rows: usize) -> usize {
        let rows = rows.min(self.capacity - self.rows);
        let fitting = self.fitting_rows(chunk, from, rows);
        if fitting > 0 {
            self.append_all(chunk, from, fitting);
        }
        fitting
    }

    /// How many of the rows fit into what the heap has left.
    fn fitting_rows(&self, chunk: &Chunk, from: usize, rows: usize) -> usize {
        let left = self.heap.capacity - self.heap.used;
        let needed = |count: usize| -> usize {
            let views =
                self.layout.columns.iter().enumerate().filter(|(_, wire)| wire.layout == Layout::View);
            views.map(|(index, wire)| heap_bytes(wire, &chunk.vector(index), &[(from, count)])).sum()
        };
        if !self.layout.has_views || needed(rows) <= left {
            return rows;
        }
        // The need grows with the rows: find the last number that fits.
        let (mut fits, mut too_many) = (0, rows);
        while too_many - fits > 1 {
            let middle = fits.midpoint(too_many);
            if needed(middle) <= left { fits = middle } else { too_many = middle }
        }
        fits
    }

    fn append_all(&mut self, chunk: &Chunk, from: usize, rows: usize) {
        let body = self.writer.body_mut();
        for (index, (column, wire)) in self.columns.iter_mut().zip(&self.layout.columns).enumerate() {
            column.append(body, &mut self.heap, wire, &chunk.vector(index), &[(from, rows)]);
        }
        self.rows += rows;
    }

    /// Writes the metadata; the bytes of the memory that are used.
    pub(crate) fn finish(mut self) -> Result<usize, IpcError> {
        let (mut nodes, mut buffers, mut variadic_counts) = (Vec::new(), Vec::new(), Vec::new());
        for (column, wire) in self.columns.iter().zip(&self.layout.columns) {
            column.describe(wire, &self.heap, &mut nodes, &mut buffers, &mut variadic_counts);
        }
        if self.heap.used > 0 {
            self.writer.allocate(self.heap.used);
        }
        self.writer.finish(&nodes, &buffers, &variadic_counts, self.rows)
    }
}
