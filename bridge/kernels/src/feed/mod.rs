//! Datums -> Arrow: rows of a heap scan, or parameters, into record batches.
//!
//! `schema` says in which Arrow type a Postgres column travels, `value` reads Postgres'
//! formats, `cells` is one column of a block of rows, `column` (with `views` and `list`) collects
//! it, and [`BatchBuilder`] collects a batch.

mod cells;
mod column;
mod list;
mod numeric;
mod schema;
mod value;
mod views;

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use bridge_types::{ColumnSpec, Unsupported};

use crate::error::{KernelError, Stop};
use cells::Cells;
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
    /// As [`Self::push_rows`].
    ///
    /// # Safety
    /// As for [`Self::push_rows`].
    pub unsafe fn push_row(&mut self, datums: &[u64], isnull: &[bool]) -> Result<(), KernelError> {
        // SAFETY: as the caller promises.
        unsafe { self.push_rows(datums, isnull, 1) }
    }

    /// Appends `rows` rows, given one after the other, a column at a time. The datums of null columns
    /// are not looked at.
    ///
    /// # Errors
    /// [`KernelError::Value`] for a value that DuckDB cannot hold, naming the column and the
    /// row within the batch; [`KernelError::Shape`] for a wrong number of datums. The rows
    /// collected so far are then dropped.
    ///
    /// # Safety
    /// By-value datums are of the column's type, in place of those that cross as text their text
    /// ([`bridge_types::PgType::crosses_as_text`]). By-reference datums of non-null columns point
    /// at valid values of the column's type, varlenas neither external nor compressed, 4-byte
    /// headers on a 4-byte boundary, text in UTF-8.
    pub unsafe fn push_rows(
        &mut self,
        datums: &[u64],
        isnull: &[bool],
        rows: usize,
    ) -> Result<(), KernelError> {
        let columns = self.columns.len();
        if datums.len() != isnull.len() || Some(datums.len()) != columns.checked_mul(rows) {
            return Err(KernelError::Shape("the number of columns differs".into()));
        }
        // One look at all flags together is cheaper than one at each column's.
        let isnull = isnull.iter().fold(false, |any, null| any | null).then_some(isnull);
        for (index, (_, column)) in self.columns.iter_mut().enumerate() {
            let cells = Cells::new(datums, isnull, columns, index)
                .ok_or_else(|| KernelError::Shape("the number of columns differs".into()))?;
            // SAFETY: of this column's type where they are not null (caller).
            match unsafe { column.extend(&cells) } {
                Ok(bytes) => self.bytes += bytes,
                Err(stop) => return Err(self.fail(index, stop)),
            }
        }
        self.rows += rows;
        Ok(())
    }

    /// Empties the builder, and names the place of a value that does not fit.
    #[cold]
    fn fail(&mut self, column: usize, stop: Stop) -> KernelError {
        let rows = self.rows;
        for (_, column) in &mut self.columns {
            column.clear();
        }
        self.rows = 0;
        self.bytes = 0;
        match stop {
            Stop::Value(row, fault) => {
                KernelError::Value { column: self.columns[column].0.clone(), row: rows + row, fault }
            }
            Stop::Whole(error) => error,
        }
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

#[cfg(test)]
mod tests {
    use arrow::array::{Array as _, AsArray as _};
    use arrow::datatypes::{DataType, Int8Type, Int32Type};
    use bridge_types::names::META_NUMERIC_TEXT;
    use bridge_types::{ColumnSpec, PgType, oid};

    use super::{BatchBuilder, feed_schema};
    use crate::KernelError;
    use crate::sink::pointer_datum;
    use crate::testing::feed_one;

    fn spec(name: &str, pg_type: PgType) -> ColumnSpec {
        ColumnSpec { name: name.into(), pg_type }
    }

    fn state(result: Result<arrow::array::RecordBatch, KernelError>) -> String {
        result.unwrap_err().sqlstate().to_string()
    }

    #[test]
    fn the_schema_follows_the_typmod() {
        let typmod =
            |precision: i32, scale: i32| PgType { oid: oid::NUMERIC, typmod: (precision << 16 | scale) + 4 };
        let columns = [
            typmod(9, 2),
            typmod(18, 18),
            typmod(38, 0),
            typmod(39, 0),
            typmod(3, 5),
            PgType::new(oid::NUMERIC),
        ];
        let schema = feed_schema(&columns.map(|pg_type| spec("n", pg_type))).unwrap();
        let types: Vec<_> = schema.fields().iter().map(|field| field.data_type().clone()).collect();
        assert_eq!(types[0], DataType::Decimal32(9, 2));
        assert_eq!(types[1], DataType::Decimal64(18, 18));
        assert_eq!(types[2], DataType::Decimal128(38, 0));
        for (at, data_type) in types.iter().enumerate().skip(3) {
            assert_eq!(*data_type, DataType::Utf8View);
            assert!(schema.field(at).metadata().contains_key(META_NUMERIC_TEXT));
        }
        let jsonb = feed_schema(&[spec("doc", PgType::new(oid::JSONB))]).unwrap();
        assert_eq!(*jsonb.field(0).data_type(), DataType::Utf8View);
        let internal = feed_schema(&[spec("doc", PgType::new(2281))]).unwrap_err();
        assert_eq!(internal.what, "column \"doc\"");
    }

    #[test]
    fn a_bad_value_names_its_place_and_empties_the_builder() {
        let columns = [spec("i", PgType::new(oid::INT4)), spec("t", PgType::new(oid::TIMESTAMP))];
        let mut builder = BatchBuilder::new(&columns).unwrap();
        let late = (i64::MAX - 1).cast_unsigned();
        // SAFETY: by-value datums only.
        let error = unsafe {
            builder.push_row(&[1, 0], &[false, true]).unwrap();
            builder.push_row(&[2, late], &[false, false]).unwrap_err()
        };
        assert_eq!(error.sqlstate().as_str(), "22008");
        assert!(matches!(error, KernelError::Value { column, row: 1, .. } if column == "t"));
        assert_eq!((builder.rows(), builder.bytes()), (0, 0));
        // SAFETY: as above.
        unsafe { builder.push_row(&[u64::MAX, late], &[false, true]).unwrap() };
        let batch = builder.finish();
        assert_eq!(batch.column(0).as_primitive::<Int32Type>().values(), &[-1]);
        assert!(batch.column(1).is_null(0));
        assert_eq!(builder.finish().num_rows(), 0);
    }

    #[test]
    fn values_of_every_header() {
        let short = [5 << 1 | 1, b'a', b'b', b' ', b' '];
        let text = feed_one(pointer_datum(short.as_ptr()), PgType::new(oid::TEXT)).unwrap();
        assert_eq!(text.column(0).as_string_view().value(0), "ab  ");
        let blanks = feed_one(pointer_datum(short.as_ptr()), PgType::new(oid::BPCHAR)).unwrap();
        assert_eq!(blanks.column(0).as_string_view().value(0), "ab");
        let external = [1_u8, 18];
        assert_eq!(state(feed_one(pointer_datum(external.as_ptr()), PgType::new(oid::TEXT))), "XX000");
        let compressed = [(20_u32 << 2) | 2, 0];
        assert_eq!(
            state(feed_one(pointer_datum(compressed.as_ptr().cast()), PgType::new(oid::TEXT))),
            "XX000"
        );
        let mut name = [0_u8; 64];
        name[..3].copy_from_slice(b"cat");
        let name = feed_one(pointer_datum(name.as_ptr()), PgType::new(oid::NAME)).unwrap();
        assert_eq!(name.column(0).as_string_view().value(0), "cat");
        for (char, expected) in [(0, ""), (b'r', "r"), (0xff, "\\377")] {
            let char = feed_one(char.into(), PgType::new(oid::CHAR)).unwrap();
            assert_eq!(char.column(0).as_string_view().value(0), expected);
        }
        let truth = feed_one(1, PgType::new(oid::BOOL)).unwrap();
        assert_eq!(truth.column(0).as_primitive::<Int8Type>().value(0), 1);
    }

    #[test]
    fn arrays_of_one_dimension_only() {
        // {1,NULL,3}: header, one dimension of three from 1, bitmap 101, data at 32.
        let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let aligned = |bytes: &[u8]| {
            bytes.as_chunks::<8>().0.iter().map(|c| u64::from_le_bytes(*c)).collect::<Vec<_>>()
        };
        let holed = aligned(&words(&[40 << 2, 1, 32, oid::INT4, 3, 1, 0b101, 0, 1, 3]));
        let ints = PgType::new(oid::INT4_ARRAY);
        let batch = feed_one(pointer_datum(holed.as_ptr().cast()), ints).unwrap();
        let list = batch.column(0).as_list::<i32>().value(0);
        let list = list.as_primitive::<Int32Type>();
        assert_eq!(list.iter().collect::<Vec<_>>(), [Some(1), None, Some(3)]);
        let square = aligned(&words(&[36 << 2, 2, 0, oid::INT4, 1, 1, 1, 1, 7, 0]));
        assert_eq!(state(feed_one(pointer_datum(square.as_ptr().cast()), ints)), "0A000");
        let broken = aligned(&words(&[32 << 2, 1, 0, oid::INT4, 900, 1, 7, 8]));
        assert_eq!(state(feed_one(pointer_datum(broken.as_ptr().cast()), ints)), "XX000");
    }

    #[test]
    fn infinities_and_infinite_intervals() {
        for (pg, duckdb) in
            [(i64::MAX, i64::MAX), (i64::MIN, -i64::MAX), (0, bridge_types::epoch::PG_EPOCH_OFFSET_US)]
        {
            assert_eq!(super::value::timestamp(pg), Ok(duckdb));
        }
        for (pg, duckdb) in [(i32::MAX, i32::MAX), (i32::MIN, -i32::MAX), (0, 10_957)] {
            assert_eq!(super::value::date(pg), Ok(duckdb));
        }
        let mut infinite = [0xff; 16];
        (infinite[7], infinite[11], infinite[15]) = (0x7f, 0x7f, 0x7f);
        assert!(super::value::interval(infinite).is_err());
        assert!(super::value::interval(infinite.map(|byte| !byte)).is_err());
        assert!(super::value::interval([0xff; 16]).is_ok());
    }
}
