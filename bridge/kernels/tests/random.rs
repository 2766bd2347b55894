//! Every wire type at every null density against the slow conversions of `testkit`, in both
//! directions, on whole and sliced arrays and in blocks with other columns around.
#![allow(unsafe_code, reason = "datums are read back from raw memory")]

use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use bridge_kernels::{BatchBuilder, Converter, RowBlock, SINK_ALIGN, SliceSink, VecSink, feed_schema};
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
    if !cuts(field.data_type()) {
        check_feed(field, pg_type, &datums, &isnull, array);
    }
}

/// True for types finer than microseconds, which do not come back as they were.
fn cuts(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(item) => cuts(item.data_type()),
        DataType::Timestamp(unit, _) | DataType::Time64(unit) => *unit == TimeUnit::Nanosecond,
        _ => false,
    }
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
            let ends = array(&mut random, &field, 200, nulls);
            check(&field, pg_type, &with_nulls_at_word_ends(&ends));
            let sliced = ends.slice(67, 129);
            check(&field, pg_type, &sliced);
        }
    }
}

/// `array` with nulls on both sides of every boundary of a validity word.
fn with_nulls_at_word_ends(array: &Arc<dyn Array>) -> Arc<dyn Array> {
    let valid = (0..array.len()).map(|row| row % 64 != 0 && row % 64 != 63 && array.is_valid(row));
    let nulls = NullBuffer::from(valid.collect::<Vec<_>>());
    arrow::array::make_array(array.to_data().into_builder().nulls(Some(nulls)).build().unwrap())
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

/// Iterations of the test below; `BRIDGE_FUZZ_ITERATIONS` sets them.
fn iterations() -> u64 {
    std::env::var("BRIDGE_FUZZ_ITERATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Batches of random columns, lengths, nulls and slices, converted in random pieces.
#[test]
fn random_batches_in_random_pieces() {
    let types = wire_types();
    for seed in 0..iterations() {
        let mut random = Random::new(seed);
        let mut pick = |end: usize| usize::try_from(random.below(end as u64)).expect("a small number");
        let chosen: Vec<_> = (0..=pick(6)).map(|_| types[pick(types.len())].clone()).collect();
        let (rows, skip, nulls) = (pick(2500), pick(70), [0, 3, 50, 97, 100][pick(5)]);
        let whole: Vec<_> =
            chosen.iter().map(|(field, _)| array(&mut random, field, rows + skip, nulls)).collect();
        let fields: Vec<_> = chosen.iter().map(|(field, _)| field.clone()).collect();
        let specs: Vec<_> = chosen.iter().map(|(_, pg_type)| spec(*pg_type)).collect();
        let schema = Arc::new(Schema::new(fields));
        let columns = whole.iter().map(|column| column.slice(skip, rows)).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        let converter = Converter::new(&schema, &specs).unwrap();
        let mut at = 0;
        while at < rows {
            let count = usize::try_from(1 + random.below((rows - at) as u64)).expect("small");
            let width = specs.len();
            let (mut datums, mut isnull) = (vec![7; count * width], vec![true; count * width]);
            let mut sink = VecSink::new();
            let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: width };
            let converted = converter.convert(&batch, at..at + count, &mut block, &mut sink);
            converted.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
            for (cell, (datum, null)) in datums.iter().zip(&isnull).enumerate() {
                let (row, column) = (at + cell / width, cell % width);
                // SAFETY: the kernel wrote a value of this type; sink and converter are alive.
                let got = (!null).then(|| unsafe { decode::datum(*datum, specs[column].pg_type) });
                let expected = reference::expected(schema.field(column), batch.column(column).as_ref(), row);
                assert_eq!(got, expected, "seed {seed}, {}, row {row}", schema.field(column));
            }
            at += count;
        }
    }
}

/// The kernels neither know nor care whose memory they write: here a segment's, which holds
/// everything that the datums point at.
#[test]
fn every_type_into_memory_of_ones_own() {
    let mut random = Random::new(3);
    for (field, pg_type) in wire_types() {
        if matches!(field.data_type(), DataType::Dictionary(..)) {
            // Their values live in the converter.
            continue;
        }
        let array = array(&mut random, &field, 100, 10);
        let schema = Arc::new(Schema::new(vec![field.clone()]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(&array)]).unwrap();
        let converter = Converter::new(&schema, &[spec(pg_type)]).unwrap();
        let (mut datums, mut isnull) = (vec![0; 100], vec![false; 100]);
        let mut memory = vec![0; 1 << 16];
        let segment = memory.as_ptr().addr()..memory.as_ptr().addr() + memory.len() * SINK_ALIGN;
        let mut sink = SliceSink::new(&mut memory);
        let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: 1 };
        converter.convert(&batch, 0..100, &mut block, &mut sink).unwrap();
        drop(converter);
        let by_reference = sink.used() > 0;
        for row in 0..100 {
            let inside = usize::try_from(datums[row]).is_ok_and(|datum| segment.contains(&datum));
            assert!(isnull[row] || inside == by_reference, "{field}");
            // SAFETY: a value of this type, in `memory`.
            let got = (!isnull[row]).then(|| unsafe { decode::datum(datums[row], pg_type) });
            assert_eq!(got, reference::expected(&field, array.as_ref(), row), "{field} row {row}");
        }
        let mut small = [0; 4];
        let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: 1 };
        let full = converter_fails(&schema, pg_type, &batch, &mut block, &mut SliceSink::new(&mut small));
        assert_eq!(full, by_reference, "{field}");
    }
}

/// True if the sink is too small.
fn converter_fails(
    schema: &Schema,
    pg_type: PgType,
    batch: &RecordBatch,
    block: &mut RowBlock<'_>,
    sink: &mut SliceSink<'_>,
) -> bool {
    let converter = Converter::new(schema, &[spec(pg_type)]).unwrap();
    let error = converter.convert(batch, 0..100, block, sink).err();
    error.is_some_and(|error| error.sqlstate().as_str() == "53200")
}

proptest::proptest! {
    /// As above, shrinking what fails to the fewest rows, nulls and skipped rows.
    #[test]
    fn any_type_in_any_shape(
        (which, seed) in (0..wire_types().len(), proptest::prelude::any::<u64>()),
        (rows, nulls, skip) in (0_usize..200, 0_u64..=100, 0_usize..70),
    ) {
        let (field, pg_type) = wire_types().swap_remove(which);
        let whole = array(&mut Random::new(seed), &field, rows + skip, nulls);
        check(&field, pg_type, &whole.slice(skip, rows));
    }
}
