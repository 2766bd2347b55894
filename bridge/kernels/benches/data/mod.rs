//! Columns to convert, seeded, and what both benches do with them.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    Array, ArrayRef, BinaryViewArray, BooleanArray, Date32Array, Decimal32Array, Decimal64Array,
    Decimal128Array, DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array, Int8Array,
    Int16Array, Int32Array, Int64Array, ListArray, RecordBatch, StringViewArray, Time64MicrosecondArray,
    TimestampMicrosecondArray, UInt8Array, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{Field, Schema};
use bridge_testkit::random::Random;
use bridge_types::{ColumnSpec, PgType, oid, wire};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};

/// Batches of one DuckDB vector and of a full slot.
pub(crate) const BATCHES: [usize; 2] = [2048, 16_384];
/// Null densities in percent.
pub(crate) const NULLS: [u64; 3] = [0, 10, 50];
/// Columns of a row that makes neighbouring values of a column lie a cache line apart: a row of
/// one column is written by vector stores, which no query of more columns sees.
pub(crate) const WIDE_ROW: usize = 8;

/// A column that crosses.
#[derive(Clone)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) field: Field,
    pub(crate) pg_type: PgType,
    pub(crate) array: ArrayRef,
}

/// One column of each type, `rows` rows, about `nulls` percent of them null.
pub(crate) fn columns(rows: usize, nulls: u64) -> Vec<Column> {
    let mut random = Random::new(42);
    let valid: Vec<bool> = (0..rows).map(|_| !random.percent(nulls)).collect();
    let mut bits: Vec<u64> = (0..rows).map(|_| random.bits()).collect();
    let low = |bits: u64, end: u64| i64::try_from(bits % end).expect("small");
    let size = |bits: u64, end: u64| usize::try_from(bits % end).expect("small");
    let int = |bits: u64| i32::try_from(bits >> 34).expect("30 bits");
    let letters: String = ('a'..='z').cycle().take(256).collect();
    macro_rules! column {
        ($array:ty, $value:expr) => {{
            bits.rotate_left(7.min(rows));
            let values = valid.iter().zip(&bits).map(|(valid, bits)| valid.then(|| $value(*bits)));
            values.collect::<$array>()
        }};
    }
    macro_rules! fixed {
        ($width:literal, $value:expr) => {{
            bits.rotate_left(7.min(rows));
            let values = valid.iter().zip(&bits).map(|(valid, bits)| valid.then(|| $value(*bits)));
            FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, $width).expect("of one width")
        }};
    }
    let text = |from: usize, to: u64| move |bits: u64| from + size(bits, to - from as u64 + 1);
    let (middle, long) = (text(8, 24), text(100, 200));
    let words = ["low", "medium", "high"];
    let dictionary = {
        let keys = column!(UInt8Array, |bits: u64| u8::try_from(bits % 3).expect("small"));
        DictionaryArray::new(keys, Arc::new(StringViewArray::from(words.to_vec())))
    };
    // Two elements a row.
    let list = |elements: ArrayRef, nulls: Option<arrow::buffer::NullBuffer>| {
        let item = Arc::new(Field::new("l", elements.data_type().clone(), true));
        ListArray::new(item, OffsetBuffer::from_repeated_length(2, rows), elements, nulls)
    };
    let pairs = Int32Array::from_iter_values((0..2 * rows).map(|row| int(bits[row / 2])));
    let strings =
        StringViewArray::from_iter_values((0..2 * rows).map(|row| &letters[..middle(bits[row / 2])]));
    let row_nulls = Some(arrow::buffer::NullBuffer::from(valid.clone())).filter(|_| nulls > 0);
    let decimal = |precision, scale| {
        move |array: Decimal64Array| array.with_precision_and_scale(precision, scale).expect("fits")
    };
    let plain = |name, pg_type: u32, array: ArrayRef| (name, PgType::new(pg_type), array, None);
    let named =
        |name, pg_type: u32, array: ArrayRef, extension| (name, PgType::new(pg_type), array, Some(extension));
    let list: Vec<(&'static str, PgType, ArrayRef, Option<&'static str>)> = vec![
        plain("int8", oid::INT8, Arc::new(column!(Int64Array, u64::cast_signed))),
        plain("int4", oid::INT4, Arc::new(column!(Int32Array, int))),
        plain("float8", oid::FLOAT8, Arc::new(column!(Float64Array, f64::from_bits))),
        (
            "numeric(12,2)",
            PgType::numeric(12, 2),
            Arc::new(decimal(12, 2)(column!(Decimal64Array, |bits| low(bits, 1_000_000_000_000)))),
            None,
        ),
        plain("date", oid::DATE, Arc::new(column!(Date32Array, |bits| int(bits) >> 10))),
        plain(
            "timestamp",
            oid::TIMESTAMP,
            Arc::new(column!(TimestampMicrosecondArray, |bits| low(bits, 1 << 50))),
        ),
        plain("text 8-24", oid::TEXT, Arc::new(column!(StringViewArray, |bits| &letters[..middle(bits)]))),
        plain("text 3-6", oid::TEXT, Arc::new(column!(StringViewArray, |bits| words[size(bits, 3)]))),
        named("bool8", oid::BOOL, Arc::new(column!(Int8Array, |bits| i8::from(bits & 1 == 1))), wire::BOOL8),
        plain(
            "int2",
            oid::INT2,
            Arc::new(column!(Int16Array, |bits| i16::try_from(bits >> 50).expect("14 bits"))),
        ),
        plain(
            "oid",
            oid::OID,
            Arc::new(column!(UInt32Array, |bits| u32::try_from(bits >> 33).expect("31 bits"))),
        ),
        plain(
            "float4",
            oid::FLOAT4,
            Arc::new(column!(Float32Array, |bits| f32::from_bits(int(bits).cast_unsigned()))),
        ),
        (
            "numeric(7,3)",
            PgType::numeric(7, 3),
            Arc::new(
                column!(Decimal32Array, |bits| int(bits) % 10_000_000)
                    .with_precision_and_scale(7, 3)
                    .expect("fits"),
            ),
            None,
        ),
        (
            "numeric(30,10)",
            PgType::numeric(30, 10),
            Arc::new(
                column!(Decimal128Array, |bits| i128::from(bits) * 1_000_003)
                    .with_precision_and_scale(30, 10)
                    .expect("fits"),
            ),
            None,
        ),
        plain("time", oid::TIME, Arc::new(column!(Time64MicrosecondArray, |bits| low(bits, 86_400_000_000)))),
        named(
            "timetz",
            oid::TIMETZ,
            Arc::new(fixed!(8, |bits: u64| ((bits % 86_400_000_000) << 24 | 57_599).to_le_bytes())),
            wire::TIME_TZ,
        ),
        named(
            "interval",
            oid::INTERVAL,
            Arc::new(
                fixed!(16, |bits: u64| (u128::from(bits % 12) | u128::from(bits >> 24) << 64).to_le_bytes())
            ),
            wire::INTERVAL,
        ),
        named(
            "uuid",
            oid::UUID,
            Arc::new(fixed!(16, |bits: u64| (u128::from(bits) << 40).to_le_bytes())),
            wire::UUID,
        ),
        plain(
            "bytea 8-24",
            oid::BYTEA,
            Arc::new(column!(BinaryViewArray, |bits| &letters.as_bytes()[..middle(bits)])),
        ),
        plain("text 100-200", oid::TEXT, Arc::new(column!(StringViewArray, |bits| &letters[..long(bits)]))),
        (
            "char(24)",
            PgType { oid: oid::BPCHAR, typmod: 24 + 4 },
            Arc::new(column!(StringViewArray, |bits| &letters[..middle(bits)])),
            None,
        ),
        plain("int4[2]", oid::INT4_ARRAY, Arc::new(list(Arc::new(pairs), row_nulls.clone()))),
        plain("text[2]", oid::TEXT_ARRAY, Arc::new(list(Arc::new(strings), row_nulls))),
        plain("bool packed", oid::BOOL, Arc::new(column!(BooleanArray, |bits| bits & 1 == 1))),
        plain("text, dictionary of 3", oid::TEXT, Arc::new(dictionary)),
    ];
    let column = |(name, pg_type, array, extension): (&'static str, PgType, ArrayRef, Option<&str>)| {
        let metadata = extension.map(|extension| (wire::EXTENSION_KEY.to_owned(), extension.to_owned()));
        let field = Field::new(name, array.data_type().clone(), true);
        Column { name, field: field.with_metadata(metadata.into_iter().collect()), pg_type, array }
    };
    list.into_iter().map(column).collect()
}

/// The first columns are those of the Postgres-side trial.
pub(crate) const MIX: usize = 9;

/// The schema, specifications and batch of `columns`.
pub(crate) fn batch(columns: &[Column]) -> (Arc<Schema>, Vec<ColumnSpec>, RecordBatch) {
    let schema = Arc::new(Schema::new(columns.iter().map(|column| column.field.clone()).collect::<Vec<_>>()));
    let spec = |column: &Column| ColumnSpec { name: column.name.to_owned(), pg_type: column.pg_type };
    let specs = columns.iter().map(spec).collect();
    let arrays = columns.iter().map(|column| Arc::clone(&column.array)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).expect("columns of one length");
    (schema, specs, batch)
}

/// A group of `cells` values an iteration, short enough that all of them take a few minutes.
pub(crate) fn group<'a>(
    criterion: &'a mut Criterion,
    name: &str,
    cells: usize,
) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(cells.max(1) as u64));
    group.sample_size(20).measurement_time(Duration::from_millis(250));
    group.warm_up_time(Duration::from_millis(50));
    group
}

/// The floor beside a type: moving the bytes of its column, whatever they mean.
pub(crate) fn floor(criterion: &mut Criterion, name: &str, column: &Column) {
    let bytes = column.array.to_data().get_slice_memory_size().expect("a valid array");
    let (source, mut target) = (vec![1_u8; bytes], vec![0_u8; bytes]);
    let rows = column.array.len();
    group(criterion, name, rows).bench_function(format!("{rows} rows, memcpy"), |bencher| {
        bencher.iter(|| target.copy_from_slice(std::hint::black_box(&source)));
    });
}
