//! Arrow -> datums: type x null density x batch size, and the nine-column mix of the
//! Postgres-side trial. Throughput is in values, so the time of one value is its inverse.
//! An empty batch is the "nothing to do" case.
//!
//! Reference: AMD EPYC (Zen 4, 2 shared cores of a VM), 2026-11-23, 16,384 rows, least of 20
//! samples (the machine is shared: means are up to three times that), ns per value:
//!
//! | in rows of 8  | no nulls | 10 % | 50 % |
//! |---------------|----------|------|------|
//! | int8, float8  | 0.7      | 0.9  | 1.3  |
//! | int4          | 0.7      | 0.8  | 1.3  |
//! | bool8         | 0.7      | 0.8  | 1.2  |
//! | bool packed   | 0.8      | 1.1  | 1.4  |
//! | date          | 0.8      | 1.0  | 1.4  |
//! | timestamp     | 0.8      | 1.0  | 1.3  |
//! | text 3-6      | 4.7      | 5.4  | 5.3  |
//! | text 8-24     | 4.8      | 5.4  | 5.5  |
//! | numeric(12,2) | 6.9      | 7.2  | 6.5  |
//! | mix, rows of 9| 2.4      | 2.6  | 2.9  |
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]

use std::hint::black_box;
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal64Array, Float64Array, Int8Array, Int32Array,
    Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Field, Schema};
use bridge_kernels::{Converter, KernelError, RowBlock, Sink};
use bridge_testkit::random::Random;
use bridge_types::{ColumnSpec, PgType, oid, wire};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A sink that is emptied between batches, as the scan node's arena is.
struct Bump {
    memory: Vec<u64>,
    used: usize,
}

// SAFETY: `memory` is never resized after its pointer is taken, regions do not overlap until
// `used` is reset, and each starts on a u64.
#[allow(unsafe_code, reason = "implementing the sink's promise")]
unsafe impl Sink for Bump {
    fn allocate(&mut self, bytes: usize) -> Result<NonNull<u8>, KernelError> {
        let words = self.memory.get_mut(self.used..).filter(|free| free.len() >= bytes.div_ceil(8));
        let start = NonNull::from(words.ok_or(KernelError::OutOfMemory { bytes })?).cast();
        self.used += bytes.div_ceil(8);
        Ok(start)
    }
}

const WORDS: usize = 8 << 20;

/// Columns of a row that makes neighbouring values of a column lie a cache line apart: a row of
/// one column is written by vector stores, which no query of more columns sees.
const WIDE_ROW: usize = 8;

/// A column: name, field, Postgres type, values.
type Column = (&'static str, Field, PgType, ArrayRef);

fn columns(rows: usize, nulls: u64) -> Vec<Column> {
    let mut random = Random::new(42);
    let valid: Vec<bool> = (0..rows).map(|_| !random.percent(nulls)).collect();
    let mut bits: Vec<u64> = (0..rows).map(|_| random.bits()).collect();
    let low = |bits: u64, end: u64| i64::try_from(bits % end).expect("small");
    let int = |bits: u64| i32::try_from(bits >> 34).expect("30 bits");
    macro_rules! column {
        ($array:ty, $value:expr) => {{
            bits.rotate_left(7.min(rows));
            let values = valid.iter().zip(&bits).map(|(valid, bits)| valid.then(|| $value(*bits)));
            values.collect::<$array>()
        }};
    }
    let text = "abcdefghijklmnopqrstuvwxyz";
    let strings =
        column!(StringViewArray, |bits: u64| &text[..8 + usize::try_from(bits % 17).expect("small")]);
    let words = column!(StringViewArray, |bits: u64| ["low", "medium", "high"]
        [usize::try_from(bits % 3).expect("small")]);
    let decimals = column!(Decimal64Array, |bits| low(bits, 1_000_000_000_000));
    let decimals = decimals.with_precision_and_scale(12, 2).expect("fits");
    let list: Vec<(&'static str, u32, ArrayRef)> = vec![
        ("int8", oid::INT8, Arc::new(column!(Int64Array, u64::cast_signed))),
        ("int4", oid::INT4, Arc::new(column!(Int32Array, int))),
        ("float8", oid::FLOAT8, Arc::new(column!(Float64Array, f64::from_bits))),
        ("numeric(12,2)", oid::NUMERIC, Arc::new(decimals)),
        ("date", oid::DATE, Arc::new(column!(Date32Array, |bits| int(bits) >> 10))),
        (
            "timestamp",
            oid::TIMESTAMP,
            Arc::new(column!(TimestampMicrosecondArray, |bits| low(bits, 1 << 50))),
        ),
        ("text 8-24", oid::TEXT, Arc::new(strings)),
        ("text 3-6", oid::TEXT, Arc::new(words)),
        ("bool8", oid::BOOL, Arc::new(column!(Int8Array, |bits| i8::from(bits & 1 == 1)))),
        ("bool packed", oid::BOOL, Arc::new(column!(BooleanArray, |bits| bits & 1 == 1))),
    ];
    let column = |(name, pg_type, array): (&'static str, u32, ArrayRef)| {
        let mut field = Field::new(name, array.data_type().clone(), true);
        if name == "bool8" {
            field = field.with_metadata([(wire::EXTENSION_KEY.to_owned(), wire::BOOL8.to_owned())].into());
        }
        (name, field, PgType::new(pg_type), array)
    };
    list.into_iter().map(column).collect()
}

/// Benches the conversion of `columns` together.
fn run(criterion: &mut Criterion, group: &str, id: BenchmarkId, columns: &[Column]) {
    let schema = Arc::new(Schema::new(columns.iter().map(|column| column.1.clone()).collect::<Vec<_>>()));
    let spec = |column: &Column| ColumnSpec { name: column.0.to_owned(), pg_type: column.2 };
    let specs: Vec<ColumnSpec> = columns.iter().map(spec).collect();
    let arrays = columns.iter().map(|column| Arc::clone(&column.3)).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).expect("columns of one length");
    let converter = Converter::new(&schema, &specs).expect("known pairs");
    let rows = batch.num_rows();
    let cells = rows * columns.len();
    let (mut datums, mut isnull) = (vec![0; cells], vec![false; cells]);
    let mut sink = Bump { memory: vec![0; WORDS], used: 0 };
    let mut group = criterion.benchmark_group(group);
    group.throughput(Throughput::Elements(cells.max(1) as u64));
    group.sample_size(20).measurement_time(std::time::Duration::from_millis(400));
    group.warm_up_time(std::time::Duration::from_millis(100));
    group.bench_function(id, |bencher| {
        bencher.iter(|| {
            sink.used = 0;
            let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: columns.len() };
            converter.convert(black_box(&batch), 0..rows, &mut block, &mut sink).expect("values in range");
            black_box(block.datums.len())
        });
    });
    group.finish();
}

/// What moving 8 bytes a value takes, whatever they mean.
fn floor(criterion: &mut Criterion) {
    let (source, mut target) = (vec![1_u64; 16_384], vec![0_u64; 16_384]);
    let mut group = criterion.benchmark_group("memcpy");
    group.throughput(Throughput::Bytes(8 * 16_384)).sample_size(20);
    group.bench_function("16384 rows", |bencher| {
        bencher.iter(|| target.copy_from_slice(black_box(&source)));
    });
    group.finish();
}

fn convert(criterion: &mut Criterion) {
    for rows in [2048, 16_384] {
        for nulls in [0, 10, 50] {
            let id = format!("{rows} rows, {nulls} % null");
            let columns = columns(rows, nulls);
            run(criterion, "mix of 9", BenchmarkId::from_parameter(&id), &columns[..9]);
            for column in &columns {
                run(criterion, column.0, BenchmarkId::from_parameter(&id), std::slice::from_ref(column));
                if rows > 2048 {
                    let row = vec![column.clone(); WIDE_ROW];
                    run(criterion, column.0, BenchmarkId::from_parameter(format!("{id}, rows of 8")), &row);
                }
            }
        }
    }
    floor(criterion);
    run(criterion, "nothing to do", BenchmarkId::from_parameter("0 rows"), &columns(0, 0));
}

criterion_group!(benches, convert);
criterion_main!(benches);
