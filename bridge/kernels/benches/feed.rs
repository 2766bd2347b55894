//! Datums -> Arrow: type x null density x batch size, as heap scans are fed to DuckDB: rows of eight
//! columns of a type, in blocks of 512 rows, and the nine columns of the Postgres-side trial.
//! Throughput is in values, so the time of one value is its inverse. An empty batch is the
//! "nothing to do" case.
#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(unsafe_code, reason = "datums point into raw memory")]

mod data;

use std::hint::black_box;

use bridge_kernels::{BatchBuilder, Converter, RowBlock, VecSink};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use data::{BATCHES, Column, MIX, NULLS, WIDE_ROW, batch, columns, floor, group};

/// Rows that the scan of a feed gathers before the kernels run.
const BLOCK_ROWS: usize = 512;
/// Types of the other direction that no heap column has.
const ONE_WAY: [&str; 2] = ["bool packed", "text, dictionary of 3"];

/// Benches collecting rows of `columns` into a batch.
fn run(criterion: &mut Criterion, name: &str, id: BenchmarkId, columns: &[Column]) {
    let (schema, specs, batch) = batch(columns);
    let rows = batch.num_rows();
    let width = columns.len();
    let (mut datums, mut isnull) = (vec![0; rows * width], vec![false; rows * width]);
    let mut sink = VecSink::new();
    let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: width };
    let converter = Converter::new(&schema, &specs).expect("known pairs");
    converter.convert(&batch, 0..rows, &mut block, &mut sink).expect("values in range");
    let mut builder = BatchBuilder::new(&specs).expect("known types");
    group(criterion, name, rows * width).bench_function(id, |bencher| {
        bencher.iter(|| {
            let blocks = datums.chunks(BLOCK_ROWS * width).zip(isnull.chunks(BLOCK_ROWS * width));
            for (datums, isnull) in blocks {
                // SAFETY: values of these types, made above; `sink` is alive.
                unsafe { builder.push_rows(black_box(datums), isnull, datums.len() / width) }
                    .expect("values in range");
            }
            black_box(builder.finish().num_rows())
        });
    });
}

fn feed(criterion: &mut Criterion) {
    for rows in BATCHES {
        for nulls in NULLS {
            let id = format!("{rows} rows, {nulls} % null");
            let columns = columns(rows, nulls);
            run(criterion, "fed: mix of 9", BenchmarkId::from_parameter(&id), &columns[..MIX]);
            for column in columns.iter().filter(|column| !ONE_WAY.contains(&column.name)) {
                let name = format!("fed: {}", column.name);
                run(criterion, &name, BenchmarkId::from_parameter(&id), &vec![column.clone(); WIDE_ROW]);
                if nulls == 0 {
                    floor(criterion, &name, column);
                }
            }
        }
    }
    run(criterion, "fed: nothing to do", BenchmarkId::from_parameter("0 rows"), &columns(0, 0)[..MIX]);
}

criterion_group!(benches, feed);
criterion_main!(benches);
