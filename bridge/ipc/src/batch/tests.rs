//! Round trips of every type that crosses, slices of them, and hostile bytes.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Decimal32Array,
    Decimal64Array, Decimal128Array, FixedSizeBinaryArray, FixedSizeListArray, Float32Array, Float64Array,
    Int8Array, Int16Array, Int32Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray,
    StringViewArray, StructArray, Time64MicrosecondArray, TimestampMicrosecondArray,
    TimestampNanosecondArray, TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array, UInt64Array,
    make_view,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::ipc::reader::{FileDecoder, StreamReader};

use super::slot::{PREFIX_BYTES, metadata_reserve};
use super::*;
use crate::IpcError;

/// A small generator, seeded: failures repeat.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).expect("below a usize")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }

    fn nulls(&mut self, rows: usize) -> Option<NullBuffer> {
        (self.below(3) > 0).then(|| (0..rows).map(|_| self.below(4) > 0).collect())
    }

    fn text(&mut self) -> String {
        (0..self.below(30)).map(|_| ['a', 'ß', '中', '0', ' '][self.below(5)]).collect()
    }

    fn options<T>(&mut self, rows: usize, mut value: impl FnMut(&mut Self) -> T) -> Vec<Option<T>> {
        let sparse = self.below(3);
        (0..rows).map(|_| (sparse == 0 || self.below(4) > 0).then(|| value(self))).collect()
    }
}

macro_rules! numbers {
    ($random:expr, $rows:expr, $($array:ty),*) => {
        vec![$({
            let values = $random.options($rows, |random| random.next().to_le_bytes());
            let values = values.into_iter().map(|bytes| bytes.map(|bytes| {
                let mut wide = [0; 16];
                wide[..8].copy_from_slice(&bytes);
                <$array as FromWide>::from_wide(i128::from_le_bytes(wide))
            }));
            Arc::new(values.collect::<$array>()) as ArrayRef
        }),*]
    };
}

/// Truncates a wide number to the value type of an array.
trait FromWide {
    type Value;
    fn from_wide(wide: i128) -> Self::Value;
}

macro_rules! from_wide {
    ($($array:ty => $value:ty),*) => {
        $(impl FromWide for $array {
            type Value = $value;
            fn from_wide(wide: i128) -> $value {
                let bytes = wide.to_le_bytes();
                <$value>::from_le_bytes(*bytes.first_chunk().expect("16 bytes are enough"))
            }
        })*
    };
}

from_wide!(Int8Array => i8, Int16Array => i16, Int32Array => i32, Int64Array => i64, UInt8Array => u8,
    UInt16Array => u16, UInt32Array => u32, UInt64Array => u64, Float32Array => f32, Float64Array => f64,
    Date32Array => i32, Time64MicrosecondArray => i64, TimestampMicrosecondArray => i64,
    TimestampSecondArray => i64, TimestampNanosecondArray => i64, Decimal32Array => i32,
    Decimal64Array => i64, Decimal128Array => i128);

/// A column of every type of `wire.rs` and some more.
fn columns(random: &mut Random, rows: usize) -> Vec<ArrayRef> {
    let mut columns = numbers!(
        random,
        rows,
        Int8Array,
        Int16Array,
        Int32Array,
        Int64Array,
        UInt8Array,
        UInt16Array,
        UInt32Array,
        UInt64Array,
        Float32Array,
        Float64Array,
        Date32Array,
        Time64MicrosecondArray,
        TimestampSecondArray,
        TimestampNanosecondArray,
        Decimal64Array
    );
    let decimal = random.options(rows, |random| i128::from(random.next()) << 40);
    columns.push(Arc::new(
        decimal.into_iter().collect::<Decimal128Array>().with_data_type(DataType::Decimal128(38, 5)),
    ));
    let decimal = random.options(rows, |random| i32::from(random.byte()));
    columns.push(Arc::new(
        decimal.into_iter().collect::<Decimal32Array>().with_data_type(DataType::Decimal32(9, 2)),
    ));
    let stamps = numbers!(random, rows, TimestampMicrosecondArray).remove(0);
    columns.push(Arc::new(
        stamps.as_primitive::<arrow::datatypes::TimestampMicrosecondType>().clone().with_timezone("UTC"),
    ));
    columns.push(Arc::new(
        random.options(rows, |random| random.below(2) == 1).into_iter().collect::<BooleanArray>(),
    ));
    columns.push(Arc::new(random.options(rows, Random::text).into_iter().collect::<StringArray>()));
    columns.push(Arc::new(random.options(rows, Random::text).into_iter().collect::<StringViewArray>()));
    columns.push(Arc::new(
        random.options(rows, |random| random.text().into_bytes()).into_iter().collect::<BinaryViewArray>(),
    ));
    columns.push(Arc::new(
        random
            .options(rows, |random| random.text().into_bytes())
            .iter()
            .map(Option::as_deref)
            .collect::<BinaryArray>(),
    ));
    let bytes: Vec<u8> = (0..rows * 16).map(|_| random.byte()).collect();
    let nulls = random.nulls(rows);
    columns.push(Arc::new(FixedSizeBinaryArray::new(16, bytes.into(), nulls)));
    columns.push(Arc::new(NullArray::new(rows)));
    let inner: StringViewArray = random.options(3 * rows, Random::text).into_iter().collect();
    columns.push(list(random, rows, Arc::new(inner)));
    let inner: Int32Array = random.options(9 * rows, |random| i32::from(random.byte())).into_iter().collect();
    let middle = list(random, 3 * rows, Arc::new(inner));
    columns.push(list(random, rows, middle));
    let inner: Int16Array = random.options(2 * rows, |random| i16::from(random.byte())).into_iter().collect();
    let field = Arc::new(Field::new_list_field(DataType::Int16, true));
    columns.push(Arc::new(FixedSizeListArray::new(field, 2, Arc::new(inner), random.nulls(rows))));
    let texts: StringViewArray = random.options(rows, Random::text).into_iter().collect();
    let numbers: Int64Array = random.options(rows, |random| i64::from(random.byte())).into_iter().collect();
    let fields = vec![Field::new("a", DataType::Utf8View, true), Field::new("b", DataType::Int64, true)];
    let children: Vec<ArrayRef> = vec![Arc::new(texts), Arc::new(numbers)];
    columns.push(Arc::new(StructArray::new(fields.into(), children, random.nulls(rows))));
    columns
}

/// Lists of up to 3 items of `values`, which has 3 per row.
fn list(random: &mut Random, rows: usize, values: ArrayRef) -> ArrayRef {
    let lengths = (0..rows).map(|_| random.below(4));
    let offsets = OffsetBuffer::from_lengths(lengths);
    let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
    Arc::new(ListArray::new(field, offsets, values, random.nulls(rows)))
}

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let fields = columns.iter().enumerate().map(|(number, column)| {
        let metadata =
            HashMap::from([(bridge_types::wire::EXTENSION_KEY.to_owned(), format!("test.{number}"))]);
        Field::new(format!("c{number}"), column.data_type().clone(), true).with_metadata(metadata)
    });
    let schema = Schema::new(fields.collect::<Vec<_>>());
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn encoded(batch: &RecordBatch) -> Buffer {
    // Filled, so that bytes left unwritten do not happen to be zero.
    let mut bytes = vec![0xaa; encoded_size(batch).unwrap()];
    let used = encode_into(batch, &mut bytes).unwrap();
    assert_eq!(used, bytes.len());
    Buffer::from_slice_ref(bytes)
}

fn read(schema: SchemaRef, buffer: Buffer) -> Result<RecordBatch, IpcError> {
    BatchReader::new(schema).read(buffer)
}

fn assert_round_trip(batch: &RecordBatch) {
    let buffer = encoded(batch);
    let read = read(batch.schema(), buffer.clone()).unwrap();
    assert_eq!(&read, batch);
    for column in read.columns() {
        column.to_data().validate_full().unwrap();
    }
    // Arrow's own reader agrees about the format.
    let prefix: [u8; 4] = buffer[4..8].try_into().unwrap();
    let metadata = i32::from_le_bytes(prefix) + 8;
    let body = i64::try_from(buffer.len()).unwrap() - i64::from(metadata);
    let block = arrow::ipc::Block::new(0, metadata, body);
    let decoder =
        FileDecoder::new(batch.schema(), arrow::ipc::MetadataVersion::V5).with_require_alignment(true);
    assert_eq!(&decoder.read_record_batch(&block, &buffer).unwrap().unwrap(), batch);
}

/// Reads every value, so that one out of bounds is noticed.
fn touch(batch: &RecordBatch) {
    for column in batch.columns() {
        touch_array(column);
    }
}

fn touch_array(array: &ArrayRef) {
    let mut sum = 0_u64;
    let mut bytes = |bytes: &[u8]| bytes.iter().for_each(|byte| sum = sum.wrapping_add(u64::from(*byte)));
    match array.data_type() {
        // As bytes: text is not validated.
        DataType::Utf8View => {
            let array = array.as_string_view().clone().to_binary_view();
            (0..array.len()).for_each(|row| bytes(array.value(row)));
        }
        DataType::BinaryView => (0..array.len()).for_each(|row| bytes(array.as_binary_view().value(row))),
        DataType::Utf8 => {
            let array = array.as_string::<i32>();
            (0..array.len()).for_each(|row| bytes(&array.values()[range(array.value_offsets(), row)]));
        }
        DataType::Binary => (0..array.len()).for_each(|row| bytes(array.as_binary::<i32>().value(row))),
        DataType::FixedSizeBinary(_) => {
            (0..array.len()).for_each(|row| bytes(array.as_fixed_size_binary().value(row)))
        }
        DataType::Boolean => (0..array.len()).for_each(|row| sum += u64::from(array.as_boolean().value(row))),
        DataType::List(_) => {
            (0..array.len()).for_each(|row| touch_array(&array.as_list::<i32>().value(row)));
        }
        DataType::FixedSizeList(..) => {
            (0..array.len()).for_each(|row| touch_array(&array.as_fixed_size_list().value(row)));
        }
        DataType::Struct(_) => array.as_struct().columns().iter().for_each(touch_array),
        DataType::Null => {}
        _ => {
            let data = array.to_data();
            let width = data.data_type().primitive_width().expect("all others are fixed");
            bytes(&data.buffers()[0][data.offset() * width..(data.offset() + data.len()) * width]);
        }
    }
    (0..array.len()).for_each(|row| sum += u64::from(array.is_null(row)));
    std::hint::black_box(sum);
}

fn range(offsets: &[i32], row: usize) -> std::ops::Range<usize> {
    usize::try_from(offsets[row]).unwrap()..usize::try_from(offsets[row + 1]).unwrap()
}

#[test]
fn every_type_survives_whole_and_sliced() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for rows in [0, 1, 7, 8, 9, 63, 64, 65, 500] {
        let whole = batch(columns(&mut random, rows));
        assert_round_trip(&whole);
        for _ in 0..10 {
            let offset = random.below(rows + 1);
            let length = random.below(rows - offset + 1);
            assert_round_trip(&whole.slice(offset, length));
        }
    }
}

#[test]
fn a_batch_without_columns_keeps_its_rows() {
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(17));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap();
    assert_eq!(read(batch.schema(), encoded(&batch)).unwrap().num_rows(), 17);
}

#[test]
fn arrays_lie_in_the_slot() {
    let batch = batch(columns(&mut Random(5), 300));
    let buffer = encoded(&batch);
    let read = read(batch.schema(), buffer.clone()).unwrap();
    let slot = buffer.as_ptr_range();
    let inside = |bytes: &Buffer| bytes.is_empty() || slot.contains(&bytes.as_ptr());
    for column in read.columns() {
        let data = column.to_data();
        assert!(data.buffers().iter().all(inside), "{}", column.data_type());
    }
}

#[test]
fn the_reserve_is_enough_for_any_number_of_columns() {
    let columns = columns(&mut Random(3), 5);
    for width in [1, 2, 10, 300] {
        let many: Vec<ArrayRef> = columns.iter().cycle().take(width).cloned().collect();
        assert_round_trip(&batch(many));
    }
}

#[test]
fn a_batch_too_large_for_its_ring_passes_in_a_segment_of_its_own() {
    let text = "x".repeat(3 << 20);
    let batch = batch(vec![Arc::new(StringViewArray::from(vec![text.as_str(), "y"]))]);
    let encoder = BatchEncoder::new(&batch).unwrap();
    let mut producer = crate::ring::Producer::new(crate::segment::Segment::create(1 << 20).unwrap());
    assert!(matches!(producer.try_reserve(encoder.size()), Err(IpcError::Unsendable(_))));
    let segment =
        crate::segment::Segment::outsize(encoder.size(), |out| encoder.write(out).map(|_| ())).unwrap();
    let theirs = crate::segment::Segment::open(segment.fd().try_clone_to_owned().unwrap()).unwrap();
    drop(segment);
    assert_eq!(read(batch.schema(), theirs.into_buffer()).unwrap(), batch);
}

#[test]
fn columns_can_share_one_heap() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Utf8View, true),
        Field::new("b", DataType::Utf8View, true),
    ]));
    let mut slot = vec![0xaa_u8; 4096];
    let reserve = metadata_reserve(&schema).unwrap();
    let mut writer = SlotWriter::new(&mut slot, reserve).unwrap();
    let views = [writer.allocate(32).unwrap(), writer.allocate(32).unwrap()];
    let bitmap = writer.allocate(1).unwrap();
    let heap = writer.allocate(writer.remaining()).unwrap();
    assert_eq!(writer.allocate(1), None);
    let long = [b"the first long text".as_slice(), b"and another long one"];
    let mut used = 0;
    for (column, at) in views.into_iter().enumerate() {
        let text = long[column];
        writer.bytes_mut(heap + used, text.len()).copy_from_slice(text);
        let view = make_view(text, 0, u32::try_from(used).unwrap());
        writer.bytes_mut(at, 16).copy_from_slice(&view.to_le_bytes());
        writer.bytes_mut(at + 16, 16).fill(0);
        used += text.len();
    }
    writer.truncate(heap + used);
    writer.bytes_mut(bitmap, 1)[0] = 0b01;
    let (a, b, heap) = ((views[0], 32), (views[1], 32), (heap, used));
    let used =
        writer.finish(&[(2, 0), (2, 1)], &[(0, 0), a, heap, (bitmap, 1), b, heap], &[1, 1], 2).unwrap();
    let batch = read(schema, Buffer::from_slice_ref(&slot[..used])).unwrap();
    let column = |number: usize| batch.column(number).as_string_view().iter().collect::<Vec<_>>();
    assert_eq!(column(0), [Some("the first long text"), Some("")]);
    assert_eq!(column(1), [Some("and another long one"), None]);
}

#[test]
fn a_slot_too_small_is_an_error() {
    let batch = batch(columns(&mut Random(11), 100));
    let size = encoded_size(&batch).unwrap();
    for small in [0, 1, 8, 64, size / 2, size - 64] {
        assert!(matches!(encode_into(&batch, &mut vec![0; small]), Err(IpcError::Unsendable(_))), "{small}");
    }
    let mut slot = vec![0; 1024];
    let writer = SlotWriter::new(&mut slot, 512).unwrap();
    assert!(writer.finish(&[(1, 0)], &[(0, 0), (512, 1)], &[], 1).is_err());
    let writer = SlotWriter::new(&mut slot, 64).unwrap();
    assert!(writer.finish(&[(1, 0)], &[(0, 0), (0, 8)], &[], 1).is_err());
}

#[test]
fn schemas_survive_with_their_metadata() {
    let batch = batch(columns(&mut Random(1), 2));
    let metadata = HashMap::from([("k".to_owned(), "v".to_owned())]);
    let schema = batch.schema_ref().as_ref().clone().with_metadata(metadata);
    let bytes = encode_schema(&schema).unwrap();
    assert_eq!(bytes.len() % 64, 0);
    assert_eq!(decode_schema(&bytes).unwrap().as_ref(), &schema);
    assert_eq!(decode_schema(&encode_schema(&Schema::empty()).unwrap()).unwrap().as_ref(), &Schema::empty());
}

#[test]
fn types_that_do_not_cross_are_refused() {
    let dictionary = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    for data_type in [dictionary, DataType::LargeUtf8, DataType::FixedSizeBinary(0)] {
        let schema = Schema::new(vec![Field::new("a", data_type, true)]);
        assert!(matches!(encode_schema(&schema), Err(IpcError::Unsendable(_))));
        let batch = RecordBatch::new_empty(Arc::new(schema));
        assert!(matches!(encoded_size(&batch), Err(IpcError::Unsendable(_))));
    }
}

#[test]
fn a_stream_is_an_arrow_stream() {
    let batch = batch(columns(&mut Random(21), 1));
    let bytes = encode_stream(&batch).unwrap();
    assert_eq!(decode_stream(&bytes).unwrap(), batch);
    let mut reader = StreamReader::try_new(std::io::Cursor::new(&bytes[..]), None).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), batch);
    assert!(reader.next().is_none());
}

#[test]
fn views_and_offsets_out_of_bounds_are_refused() {
    let texts = StringViewArray::from(vec!["a text that is long", "short", "another one, also long"]);
    let batch = batch(vec![Arc::new(texts)]);
    let good = encoded(&batch);
    let views = good.windows(4).position(|bytes| bytes == 19_u32.to_le_bytes()).unwrap();
    let cases: [(usize, u32); 5] = [(0, 42), (0, u32::MAX), (8, 1), (12, 23), (12, u32::MAX)];
    for (at, value) in cases {
        let mut bytes = good.to_vec();
        bytes[views + at..views + at + 4].copy_from_slice(&value.to_le_bytes());
        let read = read(batch.schema(), Buffer::from_slice_ref(&bytes));
        assert!(matches!(read, Err(IpcError::Protocol(_))), "{at} {value}");
    }

    let texts = StringArray::from(vec!["abc", "defg", ""]);
    let batch = super::tests::batch(vec![Arc::new(texts)]);
    let good = encoded(&batch);
    let offsets = [0_i32, 3, 7, 7].map(i32::to_le_bytes).concat();
    let at = good.windows(16).position(|bytes| bytes == offsets).unwrap();
    for (index, value) in [(0, -1), (1, 8), (1, -1), (2, 2), (3, 8), (3, i32::MAX), (3, i32::MIN)] {
        let mut bytes = good.to_vec();
        bytes[at + 4 * index..][..4].copy_from_slice(&i32::to_le_bytes(value));
        let read = read(batch.schema(), Buffer::from_slice_ref(&bytes));
        assert!(matches!(read, Err(IpcError::Protocol(_))), "{index} {value}");
    }
}

#[test]
fn impossible_metadata_is_refused() {
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
    type Case<'a> = (&'a [(usize, usize)], &'a [(usize, usize)], &'a [i64], usize);
    let good: Case<'_> = (&[(2, 1)], &[(0, 1), (64, 16)], &[], 2);
    let huge = usize::MAX >> 1;
    let cases: [Case<'_>; 11] = [
        (&[], good.1, &[], 2),
        (&[(2, 1), (2, 0)], good.1, &[], 2),
        (good.0, &[(0, 1)], &[], 2),
        (good.0, &[(0, 1), (64, 16), (0, 0)], &[], 2),
        (good.0, good.1, &[0], 2),
        (good.0, good.1, &[], 3),
        (&[(huge, 0)], good.1, &[], huge),
        (&[(3, 0)], good.1, &[], 3),
        (good.0, &[(0, 0), (64, 16)], &[], 2),
        (good.0, &[(0, 1), (64, 15)], &[], 2),
        (good.0, &[(0, 1), (65, 16)], &[], 2),
    ];
    let write = |(nodes, buffers, variadic, rows): Case<'_>| {
        let mut slot = vec![0; 1024];
        let writer = SlotWriter::new(&mut slot, 512).unwrap();
        writer.finish(nodes, buffers, variadic, rows).unwrap();
        read(Arc::clone(&schema), Buffer::from_slice_ref(&slot))
    };
    assert!(write(good).is_ok());
    for case in cases {
        assert!(matches!(write(case), Err(IpcError::Protocol(_))), "{case:?}");
    }
    for short in [0, 1, 7, 8, 40] {
        let bytes = encoded(&batch(vec![Arc::new(Int64Array::from(vec![1]))]));
        assert!(matches!(
            read(Arc::clone(&schema), bytes.slice_with_length(0, short)),
            Err(IpcError::Protocol(_))
        ));
    }
}

/// Iterations of the mutation fuzzers.
fn iterations() -> usize {
    std::env::var("BRIDGE_FUZZ_ITERATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(4000)
}

/// Overwrites up to four words or bytes of `bytes`, mostly with values at edges.
fn mutate(random: &mut Random, bytes: &mut [u8], limit: usize) {
    for _ in 0..=random.below(4) {
        let at = random.below(limit);
        let edge = [0, 1, 12, 13, 64, u64::from(u32::MAX), u64::MAX, 1 << 31, 1 << 63][random.below(9)];
        match random.below(4) {
            0 => bytes[at] = random.byte(),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => {
                let at = (at & !3).min(bytes.len() - 4);
                bytes[at..at + 4].copy_from_slice(&edge.to_le_bytes()[..4]);
            }
            _ => {
                let at = (at & !7).min(bytes.len() - 8);
                bytes[at..at + 8].copy_from_slice(&edge.to_le_bytes());
            }
        }
    }
}

/// `bytes` at the very end of accessible memory: a read behind them is a crash.
fn guarded(bytes: &[u8]) -> Buffer {
    use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

    struct Mapping(std::ptr::NonNull<u8>, usize);
    // SAFETY: plain memory that nobody writes after `guarded` filled it.
    unsafe impl Send for Mapping {}
    // SAFETY: as above.
    unsafe impl Sync for Mapping {}
    impl Drop for Mapping {
        fn drop(&mut self) {
            // SAFETY: mapped below with this length; the buffer that owned it is gone.
            unsafe { munmap(self.0.as_ptr().cast(), self.1).unwrap() }
        }
    }
    let page = rustix::param::page_size();
    let usable = bytes.len().next_multiple_of(page);
    // SAFETY: a new mapping overlaps nothing.
    let base = unsafe {
        mmap_anonymous(
            std::ptr::null_mut(),
            usable + page,
            ProtFlags::READ | ProtFlags::WRITE,
            MapFlags::PRIVATE,
        )
    };
    let base = std::ptr::NonNull::new(base.unwrap().cast::<u8>()).unwrap();
    let mapping = Mapping(base, usable + page);
    // SAFETY: the last page of the mapping, which nothing uses.
    unsafe { mprotect(base.as_ptr().add(usable).cast(), page, MprotectFlags::empty()).unwrap() };
    // SAFETY: inside of the usable part, which is at least as long.
    let start = unsafe { base.add(usable - bytes.len()) };
    // SAFETY: room for the bytes up to the guard page, just mapped.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), start.as_ptr(), bytes.len()) };
    // SAFETY: initialised above, and the buffer owns the mapping.
    unsafe { Buffer::from_custom_allocation(start, bytes.len(), Arc::new(mapping)) }
}

#[test]
fn mutated_batches_never_leave_their_slot() {
    let mut random = Random(0xdead_beef);
    let mut accepted = 0;
    let mut schemas = Vec::new();
    for rows in [0, 3, 40] {
        // One column each, so that a mutation is not refused for a neighbour, and all.
        let all = columns(&mut random, rows);
        for column in &all {
            schemas.push(batch(vec![Arc::clone(column)]));
        }
        schemas.push(batch(all));
    }
    for iteration in 0..iterations() {
        let batch = &schemas[iteration % schemas.len()];
        let mut bytes = encoded(batch).to_vec();
        let limit =
            if random.below(2) == 0 { metadata_reserve(batch.schema_ref()).unwrap() } else { bytes.len() };
        mutate(&mut random, &mut bytes, limit);
        if let Ok(read) = read(batch.schema(), guarded(&bytes)) {
            touch(&read);
            accepted += 1;
        }
    }
    assert!(accepted > 0, "mutations in values must pass");
}

#[test]
fn mutated_schemas_and_streams_never_panic() {
    let mut random = Random(0xfeed);
    let batch = batch(columns(&mut random, 1));
    let schema = encode_schema(batch.schema_ref()).unwrap();
    let stream = encode_stream(&batch).unwrap();
    for _ in 0..iterations() {
        let mut bytes = schema.to_vec();
        let limit = bytes.len();
        mutate(&mut random, &mut bytes, limit);
        let _ = decode_schema(&bytes);
        let mut bytes = stream.to_vec();
        mutate(&mut random, &mut bytes, limit + PREFIX_BYTES);
        if let Ok(read) = decode_stream(&bytes) {
            touch(&read);
        }
        let noise: Vec<u8> = (0..random.below(300)).map(|_| random.byte()).collect();
        let _ = decode_schema(&noise);
        let _ = decode_stream(&noise);
    }
}
