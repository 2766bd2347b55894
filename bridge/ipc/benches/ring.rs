//! What a batch costs on its way through a ring: against copying its bytes once, which is
//! the least any shared memory transport does, and the ping floor of a wake-up.
//!
//! One thread plays both sides, so that nothing of the scheduler is measured; `wake` is a
//! round trip between two threads over a socket. Run with `cargo bench -p bridge-ipc`.

use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringViewArray};
use bridge_ipc::batch::{BatchEncoder, BatchReader};
use bridge_ipc::ring::{Consumer, Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_types::limits::{BATCH_ROWS, DUCKDB_VECTOR_ROWS, RING_BYTES};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// Three fixed columns and two of text (short, long), every `null_every`-th value null.
fn batch(rows: usize, null_every: Option<usize>) -> RecordBatch {
    let present = |row: usize| null_every.is_none_or(|every| !row.is_multiple_of(every));
    let rows = || 0..i32::try_from(rows).expect("a small batch");
    let kept = |row: i32| present(usize::try_from(row).expect("not negative")).then_some(row);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("a", Arc::new(rows().map(|row| kept(row).map(i64::from)).collect::<Int64Array>())),
        ("b", Arc::new(rows().map(kept).collect::<Int32Array>())),
        ("c", Arc::new(rows().map(|row| kept(row).map(f64::from)).collect::<Float64Array>())),
        ("d", Arc::new(rows().map(|row| kept(row).map(|row| row.to_string())).collect::<StringViewArray>())),
        (
            "e",
            Arc::new(
                rows()
                    .map(|row| kept(row).map(|row| format!("a longer text {row:08}")))
                    .collect::<StringViewArray>(),
            ),
        ),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("columns of one length")
}

fn transport(criterion: &mut Criterion) {
    for rows in [1, DUCKDB_VECTOR_ROWS, BATCH_ROWS] {
        for (nulls, null_every) in [("none", None), ("tenth", Some(10))] {
            let batch = batch(rows, null_every);
            let encoder = BatchEncoder::new(&batch).expect("types that cross");
            let mut encoded = vec![0; encoder.size()];
            encoder.write(&mut encoded).expect("room enough");
            let mut group = criterion.benchmark_group(format!("{rows} rows, nulls {nulls}"));
            group.throughput(Throughput::Bytes(encoded.len() as u64));
            group.bench_function(BenchmarkId::from_parameter("memcpy"), |bencher| {
                let mut target = vec![0; encoded.len()];
                bencher.iter(|| target.copy_from_slice(black_box(&encoded)));
            });
            let segment = Segment::create(RING_BYTES).expect("a segment");
            let mut producer = Producer::new(Arc::clone(&segment));
            let mut consumer = Consumer::new(segment);
            let reader = BatchReader::new(batch.schema());
            group.bench_function(BenchmarkId::from_parameter("encode, ring, read"), |bencher| {
                bencher.iter(|| {
                    let encoder = BatchEncoder::new(black_box(&batch)).expect("types that cross");
                    let mut slot = producer.try_reserve(encoder.size()).expect("a sound ring").expect("room");
                    let used = encoder.write(&mut slot).expect("room enough");
                    let _ = slot.commit(used, SlotKind::Batch);
                    let message = consumer.try_next().expect("a sound ring").expect("a slot");
                    reader.read(message.buffer).expect("a sound batch")
                });
            });
            group.bench_function(BenchmarkId::from_parameter("copy, ring, read"), |bencher| {
                bencher.iter(|| {
                    let mut slot = producer.try_reserve(encoded.len()).expect("a sound ring").expect("room");
                    slot.copy_from_slice(black_box(&encoded));
                    let _ = slot.commit(encoded.len(), SlotKind::Batch);
                    let message = consumer.try_next().expect("a sound ring").expect("a slot");
                    reader.read(message.buffer).expect("a sound batch")
                });
            });
            group.finish();
        }
    }
}

fn wake(criterion: &mut Criterion) {
    let (mut ours, mut theirs) = UnixStream::pair().expect("a socket pair");
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut byte = [0];
            while theirs.read(&mut byte).is_ok_and(|read| read == 1) {
                theirs.write_all(&byte).expect("the other side reads");
            }
        });
        criterion.bench_function("wake, there and back", |bencher| {
            bencher.iter(|| {
                ours.write_all(&[1]).expect("the other side reads");
                ours.read_exact(&mut [0]).expect("the other side answers");
            });
        });
        drop(ours);
    });
}

criterion_group!(benches, transport, wake);
criterion_main!(benches);
