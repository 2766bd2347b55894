//! A batch, converted a block of rows at a time.

use std::ops::Range;

use arrow::array::RecordBatch;
use bridge_kernels::{Converter, RowBlock};
use bridge_types::ColumnSpec;

use super::arena::Arena;
use super::text_form::FromText;
use crate::error::Result;

/// Rows converted at once: the block of an ordinary row width stays in the second-level cache
/// between the kernels that write it and the executor that reads it.
const BLOCK_ROWS: usize = 1024;

/// The batch being read and the rows of it that are converted.
pub(crate) struct Rows {
    converter: Converter,
    from_text: FromText,
    columns: usize,
    datums: Vec<u64>,
    isnull: Vec<bool>,
    arena: Arena,
    batch: Option<RecordBatch>,
    /// Rows of the batch that are converted already.
    converted: usize,
    /// Row of the block to hand out next, and rows in it.
    next: usize,
    rows: usize,
}

impl Rows {
    /// No rows yet; `converter` fits the result and its `columns`. Belongs to the current memory
    /// context.
    pub(crate) fn new(converter: Converter, columns: &[ColumnSpec]) -> Self {
        Self {
            converter,
            from_text: FromText::new(columns.iter().map(|column| column.pg_type)),
            columns: columns.len(),
            datums: Vec::new(),
            isnull: Vec::new(),
            arena: Arena::default(),
            batch: None,
            converted: 0,
            next: 0,
            rows: 0,
        }
    }

    /// Forgets everything but the memory.
    pub(crate) fn clear(&mut self) {
        self.batch = None;
        self.arena.reset();
        (self.converted, self.next, self.rows) = (0, 0, 0);
    }

    /// Takes the next batch; the one before must have been read.
    pub(crate) fn set_batch(&mut self, batch: RecordBatch) {
        self.batch = Some(batch);
        self.converted = 0;
    }

    /// Converts the next block of the batch; false if there is none. Gives the batch (and its
    /// slot of the ring) back as soon as its last row is converted.
    pub(crate) fn convert_next(&mut self) -> Result<bool> {
        (self.next, self.rows) = (0, 0);
        let Some(batch) = &self.batch else { return Ok(false) };
        let range: Range<usize> = self.converted..batch.num_rows().min(self.converted + BLOCK_ROWS);
        let cells = range.len() * self.columns;
        if self.datums.len() < cells {
            self.datums.resize(cells, 0);
            self.isnull.resize(cells, false);
        }
        self.arena.reset();
        let mut block =
            RowBlock { datums: &mut self.datums, isnull: &mut self.isnull, columns: self.columns };
        self.converter.convert(batch, range.clone(), &mut block, &mut self.arena)?;
        // SAFETY: the converter has made texts of these columns.
        unsafe { self.from_text.convert(&mut self.datums, &self.isnull, self.columns, range.len()) };
        self.converted = range.end;
        self.rows = range.len();
        if self.converted >= batch.num_rows() {
            self.batch = None;
        }
        Ok(self.rows > 0)
    }

    /// The next row of the block, datums and null flags. Valid until the next conversion.
    #[inline]
    pub(crate) fn next_row(&mut self) -> Option<(&[u64], &[bool])> {
        if self.next == self.rows {
            return None;
        }
        let cells = self.next * self.columns..(self.next + 1) * self.columns;
        self.next += 1;
        Some((&self.datums[cells.clone()], &self.isnull[cells]))
    }
}
