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

use bridge_kernels::{Converter, KernelError, RowBlock, Sink};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
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

criterion_group!(benches, convert);
criterion_main!(benches);
