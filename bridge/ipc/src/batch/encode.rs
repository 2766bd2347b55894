//! Writing arrays that exist: feeds of heap scans and parameters.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BooleanArray, ByteView, GenericByteViewArray, RecordBatch,
    StringViewArray,
};
use arrow::buffer::{BooleanBuffer, Buffer, OffsetBuffer};
use arrow::datatypes::{ByteViewType, DataType};
use bridge_types::limits::BUFFER_ALIGN;
use bytes::Bytes;

use super::schema::encode_schema;
use super::shape::{Shape, shape};
use super::slot::{SlotWriter, metadata_reserve};
use crate::IpcError;

/// Longest string or blob that a view holds itself.
const INLINE_BYTES: usize = 12;

/// A batch laid out for writing: what goes where is known, nothing is copied yet.
///
/// Slices are compacted: only rows and list items that the batch shows are written, and of string
/// bytes at most 16 a row that it does not show. Values below nulls of view arrays are written as empty.
#[derive(Debug)]
pub struct BatchEncoder {
    nodes: Vec<(usize, usize)>,
    parts: Vec<Part>,
    variadic_counts: Vec<i64>,
    reserve: usize,
    rows: usize,
    body: usize,
}

#[derive(Debug)]
enum Part {
    /// A buffer of length 0.
    Empty,
    Bits(BooleanBuffer),
    Bytes(Buffer),
    /// Offsets, to be written from 0 on.
    Offsets(OffsetBuffer<i32>),
    /// Views, to be pointed into the heap that follows as the next part.
    StringViews(StringViewArray),
    BinaryViews(BinaryViewArray),
    /// The long values of the views before it, and their bytes.
    Heap(usize),
}

impl BatchEncoder {
    /// Lays out a batch.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`] for a type that does not cross, or a view column with more
    /// than 2 GiB of text.
    pub fn new(batch: &RecordBatch) -> Result<Self, IpcError> {
        let mut encoder = Self {
            nodes: Vec::new(),
            parts: Vec::new(),
            variadic_counts: Vec::new(),
            reserve: metadata_reserve(batch.schema_ref())?,
            rows: batch.num_rows(),
            body: 0,
        };
        for column in batch.columns() {
            encoder.add(column)?;
        }
        // As SlotWriter::allocate will place them.
        encoder.body = encoder.parts.iter().fold(0_usize, |end, part| {
            let bytes = part.bytes();
            end.next_multiple_of(BUFFER_ALIGN) + bytes
        });
        encoder.body = encoder.body.next_multiple_of(BUFFER_ALIGN);
        Ok(encoder)
    }

    /// Bytes that [`Self::write`] needs. A multiple of 64.
    #[must_use]
    pub fn size(&self) -> usize {
        self.reserve + self.body
    }

    /// Writes the batch to the front of `out` and returns the bytes used.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`] if `out` is smaller than [`Self::size`].
    pub fn write(&self, out: &mut [u8]) -> Result<usize, IpcError> {
        let mut writer = SlotWriter::new(out, self.reserve)?;
        let mut buffers = Vec::with_capacity(self.parts.len());
        let mut parts = self.parts.iter();
        while let Some(part) = parts.next() {
            let offset = allocate(&mut writer, part.bytes())?;
            buffers.push((offset, part.bytes()));
            match part {
                Part::Empty | Part::Heap(_) => {}
                Part::Bits(bits) => write_bits(writer.bytes_mut(offset, part.bytes()), bits),
                Part::Bytes(bytes) => writer.bytes_mut(offset, bytes.len()).copy_from_slice(bytes),
                Part::Offsets(offsets) => {
                    let first = offsets[0];
                    let out = writer.bytes_mut(offset, part.bytes());
                    for (out, offset) in out.chunks_exact_mut(4).zip(offsets.iter()) {
                        out.copy_from_slice(&(offset - first).to_le_bytes());
                    }
                }
                Part::StringViews(_) | Part::BinaryViews(_) => {
                    let Some(Part::Heap(heap)) = parts.next() else {
                        unreachable!("views are followed by a heap")
                    };
                    let heap_at = allocate(&mut writer, *heap)?;
                    buffers.push((heap_at, *heap));
                    let (views, heap) = two_mut(writer.body_mut(), (offset, part.bytes()), (heap_at, *heap));
                    match part {
                        Part::StringViews(array) => write_views(array, views, heap),
                        Part::BinaryViews(array) => write_views(array, views, heap),
                        _ => unreachable!("matched above"),
                    }
                }
            }
        }
        let used = writer.finish(&self.nodes, &buffers, &self.variadic_counts, self.rows)?;
        // Whole cache lines, so that batches can follow one another in one buffer.
        Ok(used.next_multiple_of(BUFFER_ALIGN).min(self.size()))
    }

    fn add(&mut self, array: &ArrayRef) -> Result<(), IpcError> {
        let len = array.len();
        let shape = shape(array.data_type())?;
        if matches!(shape, Shape::Null) {
            self.nodes.push((len, len));
            return Ok(());
        }
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        self.nodes.push((len, nulls.map_or(0, |nulls| nulls.null_count())));
        self.parts.push(nulls.map_or(Part::Empty, |nulls| Part::Bits(nulls.inner().clone())));
        match shape {
            Shape::Null => {}
            Shape::Bits => self.parts.push(Part::Bits(BooleanArray::values(array.as_boolean()).clone())),
            Shape::Fixed { width, .. } | Shape::Indices(width) => {
                let data = array.to_data();
                let values = data.buffers()[0].slice_with_length(data.offset() * width, len * width);
                self.parts.push(Part::Bytes(values));
            }
            Shape::Offsets => {
                let (offsets, values) = match array.data_type() {
                    DataType::Utf8 => {
                        let array = array.as_string::<i32>();
                        (array.offsets().clone(), array.values().clone())
                    }
                    _ => {
                        let array = array.as_binary::<i32>();
                        (array.offsets().clone(), array.values().clone())
                    }
                };
                let (start, count) = range(&offsets);
                self.parts.push(Part::Offsets(offsets));
                self.parts.push(Part::Bytes(values.slice_with_length(start, count)));
            }
            Shape::Views => {
                let heap = if *array.data_type() == DataType::Utf8View {
                    self.add_views(array.as_string_view(), Part::StringViews)
                } else {
                    self.add_views(array.as_binary_view(), Part::BinaryViews)
                };
                if i32::try_from(heap).is_err() {
                    return Err(IpcError::Unsendable(
                        format!("a column with {heap} bytes of text in one batch").into(),
                    ));
                }
                self.variadic_counts.push(1);
            }
            Shape::List(_) => {
                let list = array.as_list::<i32>();
                let (start, count) = range(list.offsets());
                self.parts.push(Part::Offsets(list.offsets().clone()));
                self.add(&list.values().slice(start, count))?;
            }
            Shape::FixedList(..) => self.add(array.as_fixed_size_list().values())?,
            Shape::Struct(_) => {
                for child in array.as_struct().columns() {
                    self.add(child)?;
                }
            }
        }
        Ok(())
    }

    /// Adds the parts of a view column; the bytes of its long values.
    fn add_views<T: ByteViewType + ?Sized>(
        &mut self,
        array: &GenericByteViewArray<T>,
        scattered: impl FnOnce(GenericByteViewArray<T>) -> Part,
    ) -> usize {
        let empty = |row: usize| array.views()[row] == 0;
        let nulls_are_empty =
            array.nulls().is_none_or(|nulls| (0..array.len()).all(|row| nulls.is_valid(row) || empty(row)));
        let compact = match array.data_buffers() {
            [] => Some(0),
            // To look for bytes that no view shows takes longer than to send a few.
            [data] if data.len() <= array.views().inner().len() || data.len() == heap_bytes(array) => {
                Some(data.len())
            }
            _ => None,
        };
        if let Some(heap) = compact.filter(|_| nulls_are_empty) {
            // As feeds make them: every view points into the one buffer.
            self.parts.push(Part::Bytes(array.views().inner().clone()));
            self.parts
                .push(array.data_buffers().first().map_or(Part::Empty, |data| Part::Bytes(data.clone())));
            heap
        } else {
            let heap = heap_bytes(array);
            self.parts.push(scattered(array.clone()));
            self.parts.push(Part::Heap(heap));
            heap
        }
    }
}

impl Part {
    fn bytes(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Bits(bits) => bits.len().div_ceil(8),
            Self::Bytes(bytes) => bytes.len(),
            Self::Offsets(offsets) => 4 * offsets.len(),
            Self::StringViews(array) => 16 * array.len(),
            Self::BinaryViews(array) => 16 * array.len(),
            Self::Heap(bytes) => *bytes,
        }
    }
}

/// Bytes that [`encode_into`] needs for `batch`.
///
/// # Errors
/// As [`BatchEncoder::new`].
pub fn encoded_size(batch: &RecordBatch) -> Result<usize, IpcError> {
    Ok(BatchEncoder::new(batch)?.size())
}

/// Writes `batch` to the front of `out` and returns the bytes used.
///
/// # Errors
/// As [`BatchEncoder::new`] and [`BatchEncoder::write`].
pub fn encode_into(batch: &RecordBatch, out: &mut [u8]) -> Result<usize, IpcError> {
    BatchEncoder::new(batch)?.write(out)
}

/// `batch` with its schema: an Arrow IPC stream of one batch, without an end mark.
///
/// # Errors
/// As [`BatchEncoder::new`].
pub fn encode_stream(batch: &RecordBatch) -> Result<Bytes, IpcError> {
    let schema = encode_schema(batch.schema_ref())?;
    let encoder = BatchEncoder::new(batch)?;
    let mut out = Vec::with_capacity(schema.len() + encoder.size());
    out.extend_from_slice(&schema);
    out.resize(schema.len() + encoder.size(), 0);
    let used = encoder.write(&mut out[schema.len()..])?;
    out.truncate(schema.len() + used);
    Ok(out.into())
}

fn allocate(writer: &mut SlotWriter<'_>, bytes: usize) -> Result<usize, IpcError> {
    writer.allocate(bytes).ok_or_else(|| IpcError::Unsendable("the slot is smaller than its batch".into()))
}

/// First value and number of values that offsets span.
fn range(offsets: &OffsetBuffer<i32>) -> (usize, usize) {
    let first = usize::try_from(offsets[0]).expect("offsets of an array are not negative");
    let last = usize::try_from(offsets[offsets.len() - 1]).expect("offsets of an array are not negative");
    (first, last - first)
}

/// Two disjoint ranges (offset, length) of one slice; the second lies behind the first.
fn two_mut(bytes: &mut [u8], first: (usize, usize), second: (usize, usize)) -> (&mut [u8], &mut [u8]) {
    let (front, back) = bytes.split_at_mut(second.0);
    (&mut front[first.0..first.0 + first.1], &mut back[..second.1])
}

fn write_bits(out: &mut [u8], bits: &BooleanBuffer) {
    // Shifts to bit 0 where the array is sliced; a clone of the buffer where it is not.
    let bytes = bits.sliced();
    out.copy_from_slice(&bytes[..out.len()]);
}

fn heap_bytes<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>) -> usize {
    let long = |view: &u128| match ByteView::from(*view).length {
        length if length as usize > INLINE_BYTES => length as usize,
        _ => 0,
    };
    match array.nulls() {
        None => array.views().iter().map(long).sum(),
        Some(nulls) => nulls.valid_indices().map(|row| long(&array.views()[row])).sum(),
    }
}

fn write_views<T: ByteViewType + ?Sized>(array: &GenericByteViewArray<T>, views: &mut [u8], heap: &mut [u8]) {
    let mut heap_used = 0_usize;
    for (row, out) in views.chunks_exact_mut(16).enumerate() {
        let mut view = 0;
        if array.is_valid(row) {
            view = array.views()[row];
            let mut long = ByteView::from(view);
            if long.length as usize > INLINE_BYTES {
                let bytes: &[u8] = array.value(row).as_ref();
                heap[heap_used..heap_used + bytes.len()].copy_from_slice(bytes);
                long.buffer_index = 0;
                long.offset = u32::try_from(heap_used).expect("the heap is smaller than 2 GiB");
                heap_used += bytes.len();
                view = long.as_u128();
            }
        }
        out.copy_from_slice(&view.to_le_bytes());
    }
}
