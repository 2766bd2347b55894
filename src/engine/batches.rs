//! Rows of a running plan as Arrow batches of the size at which they are sent.

use arrow::array::RecordBatch;
use bridge_kernels::BatchBuilder;
use bridge_types::{ColumnSpec, limits};
use pgrx::pg_sys;

use super::gather::Gather;
use super::interrupt;
use crate::datum::text_form::ToText;
use crate::error::Result;

/// What is sent at once: it stays in the second-level cache from the builders to the ring, and
/// the engine reads it while the next is made.
const SEND_BYTES: usize = 256 << 10;

/// The rows of one plan.
pub(super) struct Batches {
    /// Columns of a row.
    columns: usize,
    gather: Gather,
    to_text: ToText,
    builder: BatchBuilder,
}

impl Batches {
    /// No rows yet. Belongs to the current memory context.
    ///
    /// # Safety
    /// `context` outlives this value.
    pub(super) unsafe fn new(columns: &[ColumnSpec], context: pg_sys::MemoryContext) -> Result<Self> {
        let types = columns.iter().map(|column| column.pg_type);
        Ok(Self {
            columns: columns.len(),
            gather: Gather::new(columns),
            // SAFETY: as promised by the caller.
            to_text: unsafe { ToText::new(types, context) },
            builder: BatchBuilder::new(columns)?,
        })
    }

    /// The plan has no more rows; a last batch may wait.
    pub(super) fn ended(&self) -> bool {
        self.gather.ended
    }

    /// Takes no more rows.
    pub(super) fn end(&mut self) {
        self.gather.ended = true;
    }

    /// The batch, if it has rows; the next one is empty.
    pub(super) fn take(&mut self) -> Option<RecordBatch> {
        (self.builder.rows() > 0).then(|| self.builder.finish())
    }

    /// Runs the plan until a batch is full or the plan has ended. Serves interrupts.
    ///
    /// # Safety
    /// `plan` is a started plan of these columns, always the same, and its snapshot is active.
    pub(super) unsafe fn fill(&mut self, plan: *mut pg_sys::PlanState) -> Result<()> {
        while !self.gather.ended && !self.is_full() {
            interrupt::check();
            let scratch = self.gather.scratch();
            // SAFETY: as demanded; the rows' values live until they are released.
            let pushed = unsafe {
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
                self.builder.push_rows(datums, nulls, rows)
            };
            // First: a value that DuckDB has no form for is no error of the transaction.
            self.gather.release();
            pushed?;
        }
        Ok(())
    }

    /// True when it is time to send, whole vectors of DuckDB's if the rows are not large.
    fn is_full(&self) -> bool {
        let (rows, bytes) = (self.builder.rows(), self.builder.bytes());
        let whole = rows > 0 && rows.is_multiple_of(limits::DUCKDB_VECTOR_ROWS);
        bytes >= limits::BATCH_BYTES || rows >= limits::BATCH_ROWS || (whole && bytes >= SEND_BYTES)
    }
}
