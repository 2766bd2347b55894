//! Datums -> Arrow: rows of a heap scan, or parameters, into record batches.
//!
//! `schema` says in which Arrow type a Postgres column travels, `value` reads Postgres'
//! formats, `column` collects one column, and [`BatchBuilder`] a batch.

mod column;
mod numeric;
mod schema;
mod value;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bridge_types::{ColumnSpec, Unsupported};

use crate::error::KernelError;
use column::ColumnBuilder;
pub use schema::feed_schema;

/// Collects rows of datums and hands them out as record batches of [`feed_schema`].
pub struct BatchBuilder {
    schema: Arc<Schema>,
    columns: Vec<(String, ColumnBuilder)>,
    rows: usize,
    bytes: usize,
}

impl BatchBuilder {
    /// A builder for rows of these columns, in this order.
    ///
    /// # Errors
    /// [`Unsupported`] naming a column whose type the bridge does not carry.
    pub fn new(columns: &[ColumnSpec]) -> Result<Self, Unsupported> {
        let schema = Arc::new(feed_schema(columns)?);
        let pairs = columns.iter().zip(schema.fields());
        let columns = pairs.map(|(spec, field)| {
            let builder = ColumnBuilder::new(spec.pg_type, field.data_type())
                .ok_or_else(|| schema::no_feed(&spec.name, spec.pg_type))?;
            Ok((spec.name.clone(), builder))
        });
        let columns = columns.collect::<Result<_, Unsupported>>()?;
        Ok(Self { schema, columns, rows: 0, bytes: 0 })
    }

    /// The schema of every batch.
    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Appends one row. The datums of null columns are not looked at.
    ///
    /// # Errors
    /// [`KernelError::Value`] for a value that DuckDB cannot hold, naming the column and the
    /// row within the batch; [`KernelError::Shape`] for a wrong number of datums. The rows
    /// collected so far are then dropped.
    ///
    /// # Safety
    /// By-value datums are of the column's type. By-reference datums of non-null columns point
    /// at valid values of the column's type, varlenas neither external nor compressed, 4-byte
    /// headers on a 4-byte boundary, text in UTF-8.
    pub unsafe fn push_row(&mut self, datums: &[u64], isnull: &[bool]) -> Result<(), KernelError> {
        if datums.len() != self.columns.len() || isnull.len() != self.columns.len() {
            return Err(KernelError::Shape("the number of columns differs".into()));
        }
        for ((_, column), (datum, null)) in self.columns.iter_mut().zip(datums.iter().zip(isnull)) {
            let pushed = if *null {
                column.push_null();
                Ok(0)
            } else {
                // SAFETY: of this column's type, not null (caller).
                unsafe { column.push(*datum) }
            };
            match pushed {
                Ok(bytes) => self.bytes += bytes,
                Err(fault) => return Err(self.fail(datums, isnull, fault)),
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Empties the builder and names the first column that is one row short of its neighbours.
    #[cold]
    fn fail(&mut self, datums: &[u64], isnull: &[bool], fault: crate::Fault) -> KernelError {
        debug_assert_eq!(datums.len(), isnull.len());
        let row = self.rows;
        let column = self.columns.iter().find(|(_, column)| column.rows() <= row);
        let column = column.map(|(name, _)| name.clone()).unwrap_or_default();
        for (_, column) in &mut self.columns {
            column.clear();
        }
        self.rows = 0;
        self.bytes = 0;
        KernelError::Value { column, row, fault }
    }

    /// Rows collected since the last [`Self::finish`].
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes of data collected since the last [`Self::finish`], null bitmaps aside.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The collected rows as a batch (of no rows if there are none); the builder starts anew.
    pub fn finish(&mut self) -> RecordBatch {
        let arrays = self.columns.iter_mut().zip(self.schema.fields());
        let arrays = arrays.map(|((_, column), field)| column.finish(field)).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.rows));
        self.rows = 0;
        self.bytes = 0;
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .expect("push_row adds one value to every column, and finish gives the schema's types")
    }
}
