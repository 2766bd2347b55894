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

mod data;

use std::hint::black_box;
use std::ptr::NonNull;
use std::time::{Duration, Instant};

use bridge_kernels::{Converter, KernelError, RowBlock, Sink};
use criterion::{BenchmarkId, Criterion, criterion_group};
use data::{BATCHES, Column, MIX, NULLS, WIDE_ROW, batch, columns, floor, group};

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

/// Room for eight columns of the longest values.
const WORDS: usize = 8 << 20;

/// Benches the conversion of `columns` together.
fn run(criterion: &mut Criterion, name: &str, id: BenchmarkId, columns: &[Column]) {
    let (schema, specs, batch) = batch(columns);
    let converter = Converter::new(&schema, &specs).expect("known pairs");
    let rows = batch.num_rows();
    let cells = rows * columns.len();
    let (mut datums, mut isnull) = (vec![0; cells], vec![false; cells]);
    let mut sink = Bump { memory: vec![0; WORDS], used: 0 };
    group(criterion, name, cells).bench_function(id, |bencher| {
        bencher.iter(|| {
            sink.used = 0;
            let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: columns.len() };
            converter.convert(black_box(&batch), 0..rows, &mut block, &mut sink).expect("values in range");
            black_box(block.datums.len())
        });
    });
}

fn convert(criterion: &mut Criterion) {
    for rows in BATCHES {
        for nulls in NULLS {
            let id = format!("{rows} rows, {nulls} % null");
            let columns = columns(rows, nulls);
            run(criterion, "mix of 9", BenchmarkId::from_parameter(&id), &columns[..MIX]);
            for column in &columns {
                let row = vec![column.clone(); WIDE_ROW];
                run(criterion, column.name, BenchmarkId::from_parameter(format!("{id}, rows of 8")), &row);
                if nulls == 0 {
                    run(
                        criterion,
                        column.name,
                        BenchmarkId::from_parameter(id.clone() + ", rows of 1"),
                        &row[..1],
                    );
                    floor(criterion, column.name, column);
                }
            }
        }
    }
    run(criterion, "nothing to do", BenchmarkId::from_parameter("0 rows"), &columns(0, 0));
}

/// Batches of 16,384 rows whose least time counts.
const TURNS: usize = 300;

/// Nanoseconds of a value of `columns`, converted together: least of [`TURNS`] batches.
fn least(columns: &[Column]) -> f64 {
    let (schema, specs, batch) = batch(columns);
    let converter = Converter::new(&schema, &specs).expect("known pairs");
    let cells = batch.num_rows() * columns.len();
    let (mut datums, mut isnull) = (vec![0; cells], vec![false; cells]);
    let mut sink = Bump { memory: vec![0; WORDS], used: 0 };
    let turn = || {
        sink.used = 0;
        let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: columns.len() };
        let start = Instant::now();
        let rows = 0..batch.num_rows();
        converter.convert(black_box(&batch), rows, &mut block, &mut sink).expect("values in range");
        start.elapsed()
    };
    let least = std::iter::repeat_with(turn).take(TURNS).min().unwrap_or_default();
    per_value(least, cells)
}

fn per_value(time: Duration, values: usize) -> f64 {
    time.as_secs_f64() * 1e9 / f64::from(u32::try_from(values).expect("few"))
}

/// Nanoseconds of moving the bytes of a value.
fn least_move(column: &Column) -> f64 {
    let bytes = column.array.to_data().get_slice_memory_size().expect("a valid array");
    let (source, mut target) = (vec![1_u8; bytes], vec![0_u8; bytes]);
    let turn = || {
        let start = Instant::now();
        target.copy_from_slice(black_box(&source));
        black_box(&mut target);
        start.elapsed()
    };
    let least = std::iter::repeat_with(turn).take(TURNS).min().unwrap_or_default();
    per_value(least, column.array.len())
}

/// Prints what must be reached beside what is: full batches, rows of eight columns of a type.
fn print_targets() {
    const TARGETS: [(&str, f64); 11] = [
        ("int8", 1.0),
        ("int4", 1.0),
        ("int2", 1.0),
        ("float8", 1.0),
        ("float4", 1.0),
        ("date", 1.0),
        ("timestamp", 1.0),
        ("bool8", 1.0),
        ("text 8-24", 5.0),
        ("numeric(12,2)", 8.0),
        ("text, dictionary of 3", 2.0),
    ];
    const NULLS_AT_MOST: f64 = 1.3;
    let full = *BATCHES.last().expect("there are sizes");
    let [none, some] = [0, 10].map(|nulls| columns(full, nulls));
    println!("\n| type | target, ns | no nulls, ns | memcpy, ns | 10 % nulls, at most {NULLS_AT_MOST} x | |");
    println!("|---|---|---|---|---|---|");
    for (column, nulls) in none.iter().zip(&some) {
        let Some((name, target)) = TARGETS.iter().find(|(name, _)| *name == column.name) else { continue };
        let time = least(&vec![column.clone(); WIDE_ROW]);
        let ratio = least(&vec![nulls.clone(); WIDE_ROW]) / time;
        let reached = if time <= *target && ratio <= NULLS_AT_MOST { "ok" } else { "**missed**" };
        println!("| {name} | {target} | {time:.2} | {:.2} | {ratio:.2} x | {reached} |", least_move(column));
    }
}

criterion_group!(benches, convert);

fn main() {
    print_targets();
    // `TARGETS=only`: without the matrix.
    if std::env::var_os("TARGETS").is_none() {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
}
