//! The rows that `ANALYZE` looks at.
//!
//! Postgres samples blocks of a file and computes all statistics from the rows in them. For a
//! duckdb table DuckDB draws the sample, which comes as the rows of the first block; the others
//! have none. What is counted is the number of all rows, spread over the blocks.

use pgrx::pg_sys;

use super::definition::Definition;
use super::rewrite::Reader;
use super::{size, table};
use crate::error::Result;

/// Rows that Postgres samples for each unit of a statistics target (`std_typanalyze`).
const ROWS_PER_TARGET: i64 = 300;
/// Blocks that a table is said to have at most: Postgres looks ahead in the file of the table,
/// which has one segment.
const MAX_BLOCKS: i64 = 131_071;
/// Rows that DuckDB chooses vectors for when it does not look at all of them.
const CHOSEN_ROWS: f64 = 3e6;

/// A sample being read.
pub(super) struct Sample {
    reader: Reader,
    rows: f64,
    blocks: f64,
    done: f64,
}

/// Bytes that `ANALYZE` takes a table to have.
pub(super) fn bytes(relid: pg_sys::Oid) -> Result<u64> {
    let block = i64::from(pg_sys::BLCKSZ);
    let blocks = (size::bytes(relid)? + block - 1) / block;
    // A table of no blocks would not be looked at.
    Ok(u64::try_from(blocks.clamp(1, MAX_BLOCKS) * block).unwrap_or_default())
}

impl Sample {
    /// Draws the sample.
    ///
    /// # Safety
    /// `descriptor` describes relation `relid`.
    pub(super) unsafe fn open(relid: pg_sys::Oid, descriptor: pg_sys::TupleDesc) -> Result<Self> {
        // SAFETY: a plain global of the main thread.
        let target = i64::from(unsafe { pg_sys::default_statistics_target });
        let sample = ROWS_PER_TARGET * target.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a number of rows")]
        let rows = size::rows(relid)? as f64;
        let percent = 100.0 * CHOSEN_ROWS / rows;
        let from =
            if percent < 100.0 { format!(" USING SAMPLE {percent:.4}% (system)") } else { String::new() };
        let tail = format!("{from} USING SAMPLE reservoir({sample} ROWS)");
        let blocks = bytes(relid)? / u64::from(pg_sys::BLCKSZ);
        // SAFETY: as the caller promises.
        let reader =
            unsafe { Reader::of(&table::of_relation(relid)?, &Definition::of(relid)?, descriptor, &tail)? };
        Ok(Self { reader, rows, blocks: f64::from(u32::try_from(blocks).unwrap_or(u32::MAX)), done: 0.0 })
    }

    /// Puts the next row into the slot; at the end of a block false, and the number of rows that
    /// the blocks so far stand for.
    ///
    /// # Safety
    /// A virtual slot of the relation.
    pub(super) unsafe fn next(&mut self, slot: *mut pg_sys::TupleTableSlot) -> Result<Option<f64>> {
        // SAFETY: as the caller promises.
        if unsafe { self.reader.next(slot)? } {
            return Ok(None);
        }
        self.done += 1.0;
        Ok(Some(self.rows * self.done / self.blocks))
    }
}
