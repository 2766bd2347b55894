//! Every wire type at every null density against the slow conversions of `testkit`, in both
//! directions, on whole and sliced arrays and in blocks with other columns around.
#![allow(unsafe_code, reason = "datums are read back from raw memory")]

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use bridge_kernels::{BatchBuilder, Converter, RowBlock, VecSink, feed_schema};
use bridge_testkit::random::{Random, array, wire_types};
use bridge_testkit::{decode, reference};
use bridge_types::{ColumnSpec, PgType, oid};

const TYPES_WITH_LISTS: usize = 50;

fn spec(pg_type: PgType) -> ColumnSpec {
    ColumnSpec { name: "c".into(), pg_type }
}

/// Converts all of `array` and compares it with the reference.
fn check(field: &Field, pg_type: PgType, array: &Arc<dyn Array>) {
    let schema = Arc::new(Schema::new(vec![field.clone(), field.clone()]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(array); 2]).unwrap();
    let converter = Converter::new(&schema, &[spec(pg_type), spec(pg_type)]).unwrap();
    let rows = array.len();
    let (mut datums, mut isnull) = (vec![7; 2 * rows], vec![true; 2 * rows]);
    let mut sink = VecSink::new();
    let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: 2 };
    converter.convert(&batch, 0..rows, &mut block, &mut sink).unwrap_or_else(|e| panic!("{field}: {e}"));
    for cell in 0..2 * rows {
        let expected = reference::expected(field, array.as_ref(), cell / 2);
        assert_eq!(isnull[cell], expected.is_none(), "{field} row {}", cell / 2);
        match expected {
            None => assert_eq!(datums[cell], 0),
            Some(expected) => {
                // SAFETY: the kernel wrote a value of this type, and `sink` is alive.
                let got = unsafe { decode::datum(datums[cell], pg_type) };
                assert_eq!(got, expected, "{field} row {}", cell / 2);
            }
        }
    }
    check_feed(field, pg_type, &datums, &isnull, array);
}

/// Sends the datums back and compares them with where they came from.
fn check_feed(field: &Field, pg_type: PgType, datums: &[u64], isnull: &[bool], array: &Arc<dyn Array>) {
    let leaf = match field.data_type() {
        DataType::List(item) => item.data_type(),
        plain => plain,
    };
    let pg_type = match leaf {
        DataType::Decimal32(p, s) | DataType::Decimal64(p, s) | DataType::Decimal128(p, s) if *p < 38 => {
            let numeric = PgType::numeric(*p, u8::try_from(*s).unwrap());
            if pg_type.element().is_some() { numeric.array().unwrap() } else { numeric }
        }
        _ => pg_type,
    };
    let columns = [spec(pg_type), spec(pg_type)];
    let schema = feed_schema(&columns).unwrap();
    let mut builder = BatchBuilder::new(&columns).unwrap();
    for (datums, isnull) in datums.chunks(2).zip(isnull.chunks(2)) {
        // SAFETY: values of this type, as decoded above; their memory is still alive.
        unsafe { builder.push_row(datums, isnull) }.unwrap_or_else(|error| panic!("{field}: {error}"));
    }
    assert_eq!(builder.rows(), array.len());
    let batch = builder.finish();
    assert_eq!((batch.num_rows(), builder.rows(), builder.bytes()), (array.len(), 0, 0));
    for row in 0..array.len() {
        let expected = reference::expected(field, array.as_ref(), row);
        let got = reference::expected(schema.field(1), batch.column(1).as_ref(), row);
        assert_eq!(got, expected, "{field} back, row {row}");
    }
}

#[test]
fn every_wire_type_at_every_null_density() {
    let mut random = Random::new(1);
    let types = wire_types();
    assert!(types.len() > TYPES_WITH_LISTS);
    for (field, pg_type) in types {
        for nulls in [0, 10, 50, 100] {
            for rows in [0, 1, 64, 130] {
                check(&field, pg_type, &array(&mut random, &field, rows, nulls));
            }
            let sliced = array(&mut random, &field, 200, nulls).slice(67, 129);
            check(&field, pg_type, &sliced);
        }
    }
}

#[test]
fn more_rows_than_a_tile_and_a_range_of_them() {
    let mut random = Random::new(2);
    let field = Field::new("c", DataType::Utf8View, true);
    let array = array(&mut random, &field, 5000, 10);
    let schema = Arc::new(Schema::new(vec![field.clone()]));
    let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(&array)]).unwrap();
    let text = PgType::new(oid::TEXT);
    let converter = Converter::new(&schema, &[spec(text)]).unwrap();
    let (mut datums, mut isnull) = (vec![0; 4000], vec![false; 4000]);
    let mut sink = VecSink::new();
    let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: 1 };
    converter.convert(&batch, 700..4700, &mut block, &mut sink).unwrap();
    for row in 0..4000 {
        // SAFETY: text the kernel wrote; `sink` is alive.
        let got = (!isnull[row]).then(|| unsafe { decode::datum(datums[row], text) });
        assert_eq!(got, reference::expected(&field, array.as_ref(), row + 700), "row {row}");
    }
    let mut small = RowBlock { datums: &mut datums[..10], isnull: &mut isnull, columns: 1 };
    assert!(converter.convert(&batch, 0..11, &mut small, &mut sink).is_err());
    assert!(converter.convert(&batch, 4999..5001, &mut small, &mut sink).is_err());
}
