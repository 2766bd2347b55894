//! Arbitrary record batches: any columns for any Postgres types, sliced anywhere, of which each may have
//! random bytes for values, or offsets, views and keys that point anywhere. Every batch becomes values,
//! which go back, or an error of a known kind; and nothing outside of its buffers is touched, which
//! `make asan` would see.
//!
//! The round is the seed of everything in it. By hand, for as long as one likes:
//! `FUZZ_SEED=1000 FUZZ_SECONDS=3600 cargo test -p bridge-kernels --test fuzz`.
#![allow(unsafe_code, reason = "arrays that lie about themselves, and datums that point into raw memory")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Array as _, ArrayData, ArrayRef, RecordBatch, make_array};
use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Field, Schema};
use bridge_kernels::{BatchBuilder, Converter, KernelError, RowBlock, VecSink};
use bridge_testkit::decode;
use bridge_testkit::random::{Random, array, wire_types};
use bridge_types::{ColumnSpec, PgType, oid};

/// Rounds of a test run.
const ROUNDS: u64 = 400;
/// Postgres types that no type of the wire becomes by itself.
const ON_REQUEST: [PgType; 8] = [
    PgType::new(oid::NAME),
    PgType::new(oid::CHAR),
    PgType::new(oid::BPCHAR),
    PgType { oid: oid::BPCHAR, typmod: 7 + 4 },
    PgType::new(oid::NAME_ARRAY),
    PgType::new(oid::CHAR_ARRAY),
    PgType::numeric(12, 2),
    PgType::numeric(38, 10),
];

#[test]
fn arbitrary_batches_are_values_or_errors() {
    let setting = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = setting("FUZZ_SEED").unwrap_or(0);
    let end = setting("FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let types = types();
    let (mut converted, mut refused) = (0, 0);
    for seed in first.. {
        if end.map_or(seed - first >= ROUNDS, |end| Instant::now() >= end) {
            break;
        }
        let _named = NamedOnPanic(seed);
        match round(&types, &mut Random::new(seed)) {
            Ok(()) => converted += 1,
            Err(error) => {
                let state = error.sqlstate();
                // Bad values, and what contradicts itself or is too large.
                let known =
                    state.as_str().starts_with("22") || ["XX000", "0A000", "54000"].contains(&state.as_str());
                assert!(known, "{state}: {error}");
                refused += 1;
            }
        }
    }
    println!("{converted} batches converted, {refused} refused");
    assert!(converted > 0 && refused > 0);
}

/// Says which round it was.
struct NamedOnPanic(u64);

impl Drop for NamedOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again with FUZZ_SEED={}", self.0);
        }
    }
}

/// What crosses the ring, and what only other senders would have.
fn types() -> Vec<(Field, PgType)> {
    let mut types = wire_types();
    types.push((Field::new("c", DataType::LargeUtf8, true), PgType::new(oid::TEXT)));
    types.push((Field::new("c", DataType::LargeBinary, true), PgType::new(oid::BYTEA)));
    let nested = types.iter().filter(|(field, _)| matches!(field.data_type(), DataType::List(_)));
    let nested = nested
        .map(|(list, pg_type)| (Field::new("c", DataType::List(Arc::new(list.clone())), true), *pg_type));
    let nested: Vec<_> = nested.collect();
    types.extend(nested);
    types
}

/// A batch and all that is done with it.
fn round(types: &[(Field, PgType)], random: &mut Random) -> Result<(), KernelError> {
    let (rows, skip, nulls) = (small(random, 200), small(random, 70), random.below(101));
    let (mut fields, mut specs, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=random.below(4) {
        let (field, natural) = &types[small(random, types.len())];
        let sound = array(random, field, rows + skip, nulls);
        let whole = damaged(random, &sound);
        fields.push(field.clone());
        specs.push(ColumnSpec { name: "c".into(), pg_type: target(random, types, field, *natural) });
        columns.push(whole.slice(skip, rows));
    }
    let schema = Arc::new(Schema::new(fields));
    // SAFETY: of one length, and of the fields' types. What they hold may be unsound as Arrow sees it;
    // only the kernels, which trust nothing, look at it.
    let batch = unsafe { RecordBatch::new_unchecked(Arc::clone(&schema), columns, rows) };
    let converter = Converter::new(&schema, &specs).expect("pairs that were tried");
    let width = specs.len();
    let mut at = 0;
    while at < rows {
        let count = 1 + small(random, rows - at);
        let (mut datums, mut isnull) = (vec![7; count * width], vec![true; count * width]);
        let mut sink = VecSink::new();
        let mut block = RowBlock { datums: &mut datums, isnull: &mut isnull, columns: width };
        converter.convert(&batch, at..at + count, &mut block, &mut sink)?;
        for (cell, (datum, null)) in datums.iter().zip(&isnull).enumerate() {
            if !null {
                // SAFETY: the kernel wrote a value of this type; sink and converter are alive.
                unsafe { read(*datum, specs[cell % width].pg_type) };
            }
        }
        if let Ok(mut builder) = BatchBuilder::new(&specs) {
            // SAFETY: as above; what is no text is refused or passed on, and never read as text again.
            unsafe { builder.push_rows(&datums, &isnull, count) }?;
            assert_eq!(builder.finish().num_rows(), count);
        }
        at += count;
    }
    Ok(())
}

/// A number below `end`, which is not 0.
fn small(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end as u64)).expect("below a usize")
}

/// The type's own Postgres type, or any other that it has a kernel for.
fn target(random: &mut Random, types: &[(Field, PgType)], field: &Field, natural: PgType) -> PgType {
    let other = match random.below(4) {
        0 => types[small(random, types.len())].1,
        1 => ON_REQUEST[small(random, ON_REQUEST.len())],
        _ => return natural,
    };
    let spec = ColumnSpec { name: "c".into(), pg_type: other };
    let known = Converter::new(&Schema::new(vec![field.clone()]), &[spec]).is_ok();
    if known { other } else { natural }
}

/// Reads every byte of a value.
///
/// # Safety
/// The datum is a value of `pg_type`.
unsafe fn read(datum: u64, pg_type: PgType) {
    let varlena = pg_type.element().is_some()
        || matches!(
            pg_type.oid,
            oid::NUMERIC | oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::JSON | oid::BYTEA
        );
    if varlena {
        let at = std::ptr::with_exposed_provenance(usize::try_from(datum).expect("64-bit machine"));
        // SAFETY: a varlena (caller).
        std::hint::black_box(unsafe { decode::varlena(at) });
    } else {
        // SAFETY: as the caller promises.
        std::hint::black_box(unsafe { decode::datum(datum, pg_type) });
    }
}

/// The array as it is, with other values, or with other offsets, views or keys.
fn damaged(random: &mut Random, array: &ArrayRef) -> ArrayRef {
    let data = array.to_data();
    match random.below(3) {
        0 => Arc::clone(array),
        1 => make_array(scrambled(random, &data)),
        _ => make_array(corrupted(random, &data)),
    }
}

/// `data` with random bytes for values; offsets, views and keys stay.
fn scrambled(random: &mut Random, data: &ArrayData) -> ArrayData {
    let kept = match data.data_type() {
        DataType::Utf8View | DataType::BinaryView => 1,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::LargeBinary => 1,
        DataType::List(_) | DataType::Dictionary(..) => data.buffers().len(),
        _ => 0,
    };
    let mut buffers = data.buffers().to_vec();
    for buffer in &mut buffers[kept..] {
        *buffer = aligned((0..buffer.len()).map(|_| random.bits().to_le_bytes()[0]).collect());
    }
    let children = data.child_data().iter().map(|child| match data.data_type() {
        DataType::List(_) => scrambled(random, child),
        _ => child.clone(),
    });
    let builder = data.clone().into_builder().buffers(buffers).child_data(children.collect());
    // SAFETY: buffers of the same lengths, aligned to 16 bytes; what must be in bounds is unchanged.
    // Texts need not be UTF-8 for the kernels, which pass their bytes on.
    unsafe { builder.build_unchecked() }
}

/// `data` with up to four bytes of its offsets, views or keys changed; scrambled if it has none.
fn corrupted(random: &mut Random, data: &ArrayData) -> ArrayData {
    let width = match data.data_type() {
        DataType::Utf8 | DataType::List(_) => 4,
        DataType::LargeUtf8 | DataType::LargeBinary => 8,
        DataType::Utf8View | DataType::BinaryView => 16,
        DataType::Dictionary(key, _) => key.primitive_width().expect("keys are integers"),
        _ => return scrambled(random, data),
    };
    let mut bytes = data.buffers()[0].as_slice().to_vec();
    for _ in 0..=random.below(3) {
        if bytes.len() < width {
            break;
        }
        let at = small(random, bytes.len() / width) * width + small(random, width);
        bytes[at] ^= random.bits().to_le_bytes()[0];
    }
    let mut buffers = data.buffers().to_vec();
    buffers[0] = aligned(bytes);
    let builder = data.clone().into_builder().buffers(buffers);
    // SAFETY: not sound as Arrow sees it, see `round`.
    unsafe { builder.build_unchecked() }
}

/// `bytes` on a 16-byte boundary, as views and wide decimals need it.
fn aligned(bytes: Vec<u8>) -> Buffer {
    let mut words = vec![0_u128; bytes.len().div_ceil(16)];
    for (word, chunk) in words.iter_mut().zip(bytes.chunks(16)) {
        let mut whole = [0; 16];
        whole[..chunk.len()].copy_from_slice(chunk);
        *word = u128::from_le_bytes(whole);
    }
    Buffer::from_vec(words).slice_with_length(0, bytes.len())
}
