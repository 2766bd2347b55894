//! Reading a batch in place.

use std::sync::Arc;

use arrow::array::{Array, ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::{ArrowNativeType, DataType, Schema, SchemaRef};
use arrow::ipc::{self, FieldNode, root_as_message};

use super::dictionary::decode_dictionaries;
use super::schema::{decode_schema, split_message};
use super::shape::{Shape, shape};
use crate::IpcError;
use crate::message::Prepared;

/// Reads the batches of one schema.
///
/// The arrays point into the buffer they were read from and keep it alive. Everything that
/// decides where memory is accessed is checked before: buffers against the slot, their
/// lengths against the number of rows, every offset and every view. Null counts are counted,
/// not believed. *Not* checked is that text is UTF-8: the writer is our own engine, whose
/// strings DuckDB has validated; a check would cost ten times the rest.
#[derive(Clone, Debug)]
pub struct BatchReader {
    schema: SchemaRef,
    /// One for each dictionary of the schema, depth first.
    dictionaries: Vec<ArrayRef>,
}

impl BatchReader {
    /// A reader of batches of `schema`, which has no dictionaries.
    #[must_use]
    pub fn new(schema: SchemaRef) -> Self {
        Self::with_dictionaries(schema, Vec::new())
    }

    /// A reader of batches of `schema`, whose dictionaries have these values, depth first. All
    /// arrays of a column share them.
    #[must_use]
    pub fn with_dictionaries(schema: SchemaRef, dictionaries: Vec<ArrayRef>) -> Self {
        Self { schema, dictionaries }
    }

    /// A reader of the rows of a statement; of batches without columns if it returns none.
    ///
    /// # Errors
    /// As [`decode_schema`] and [`decode_dictionaries`].
    pub fn of_statement(prepared: &Prepared) -> Result<Self, IpcError> {
        if prepared.schema.is_empty() {
            return Ok(Self::new(Arc::new(Schema::empty())));
        }
        let schema = decode_schema(&prepared.schema)?;
        Ok(Self::with_dictionaries(schema, decode_dictionaries(&prepared.dictionaries)?))
    }

    /// The schema of the batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The batch in `buffer`, without copying it. One that will be kept (sorted, hashed)
    /// should not hold its slot: give `Buffer::from_slice_ref(&buffer)` instead.
    ///
    /// # Errors
    /// [`IpcError::Protocol`] if it is not a sound batch of the schema;
    /// [`IpcError::Unsendable`] if the schema has a type that does not cross.
    pub fn read(&self, buffer: Buffer) -> Result<RecordBatch, IpcError> {
        // The metadata is copied before it is verified: in the ring the peer could change it
        // in between.
        let (metadata, body_at) = split_message(&buffer)?;
        let metadata = Buffer::from_slice_ref(metadata);
        let body = buffer.slice(body_at);
        let message = root_as_message(&metadata)
            .map_err(|error| IpcError::protocol(format!("bad metadata of a batch: {error}")))?;
        let batch = message.header_as_record_batch().ok_or_else(|| bad("a message that is not a batch"))?;
        if batch.compression().is_some() {
            return Err(bad("a compressed batch"));
        }
        let rows = length(batch.length())?;
        let mut cursor = Cursor {
            body,
            nodes: batch.nodes().into_iter().flatten(),
            buffers: batch.buffers().into_iter().flatten(),
            variadic_counts: batch.variadicBufferCounts().into_iter().flatten(),
            dictionaries: self.dictionaries.iter(),
        };
        let mut columns = Vec::with_capacity(self.schema.fields().len());
        for field in self.schema.fields() {
            columns.push(make_array(cursor.array(field.data_type(), Some(rows))?));
        }
        cursor.end()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| IpcError::protocol(format!("a batch against its schema: {error}")))
    }
}

/// The batch that [`super::encode_stream`] wrote.
///
/// # Errors
/// As [`decode_schema`] and [`BatchReader::read`].
pub fn decode_stream(bytes: &[u8]) -> Result<RecordBatch, IpcError> {
    let (_, batch_at) = split_message(bytes)?;
    let schema = decode_schema(&bytes[..batch_at])?;
    BatchReader::new(schema).read(Buffer::from_slice_ref(&bytes[batch_at..]))
}

/// The metadata of one batch, consumed depth first along the schema.
struct Cursor<'d, N, B, V> {
    body: Buffer,
    nodes: N,
    buffers: B,
    variadic_counts: V,
    dictionaries: std::slice::Iter<'d, ArrayRef>,
}

impl<'a, N, B, V> Cursor<'_, N, B, V>
where
    N: Iterator<Item = &'a FieldNode>,
    B: Iterator<Item = &'a ipc::Buffer>,
    V: Iterator<Item = i64>,
{
    /// The next array; `rows` where its length is given from outside.
    fn array(&mut self, data_type: &DataType, rows: Option<usize>) -> Result<ArrayData, IpcError> {
        let node = self.nodes.next().ok_or_else(|| bad("a batch with too few arrays"))?;
        let len = length(node.length())?;
        if rows.is_some_and(|rows| rows != len) {
            return Err(bad("arrays of different lengths in one batch"));
        }
        let shape = shape(data_type)?;
        let mut builder = ArrayData::builder(data_type.clone()).len(len);
        let mut valid = None;
        if !matches!(shape, Shape::Null) {
            let bitmap = self.buffer()?;
            if node.null_count() != 0 {
                let bitmap = exactly(&bitmap, len.div_ceil(8))?;
                let nulls = NullBuffer::new(BooleanBuffer::new(bitmap, 0, len));
                valid = (nulls.null_count() > 0).then_some(nulls);
                builder = builder.nulls(valid.clone());
            }
        }
        match shape {
            Shape::Null => {}
            Shape::Bits => builder = builder.add_buffer(exactly(&self.buffer()?, len.div_ceil(8))?),
            Shape::Fixed { width, bytes } => {
                let values = sized(&self.buffer()?, len, width)?;
                builder = builder.add_buffer(if bytes { values } else { aligned(values)? });
            }
            Shape::Indices(width) => {
                let indices = aligned(sized(&self.buffer()?, len, width)?)?;
                let dictionary =
                    self.dictionaries.next().ok_or_else(|| bad("a batch with too few dictionaries"))?;
                if !matches!(data_type, DataType::Dictionary(_, value) if **value == *dictionary.data_type())
                {
                    return Err(bad("a dictionary of another type"));
                }
                check_indices(&indices, width, valid.as_ref(), dictionary.len())?;
                builder = builder.add_buffer(indices).add_child_data(dictionary.to_data());
            }
            Shape::Offsets => {
                let offsets = self.buffer()?;
                let values = self.buffer()?;
                builder = builder.add_buffer(check_offsets(&offsets, len, values.len())?).add_buffer(values);
            }
            Shape::Views => {
                let views = aligned(sized(&self.buffer()?, len, 16)?)?;
                let count =
                    self.variadic_counts.next().ok_or_else(|| bad("a view array without its count"))?;
                let mut data = Vec::new();
                for _ in 0..length(count)? {
                    data.push(self.buffer()?);
                }
                check_views(&views, &data)?;
                builder = builder.add_buffer(views).add_buffers(data);
            }
            Shape::List(child) => {
                let offsets = self.buffer()?;
                let child = self.array(child.data_type(), None)?;
                builder =
                    builder.add_buffer(check_offsets(&offsets, len, child.len())?).add_child_data(child);
            }
            Shape::FixedList(child, count) => {
                let items = len.checked_mul(count).ok_or_else(|| bad("a list of impossible length"))?;
                builder = builder.add_child_data(self.array(child.data_type(), Some(items))?);
            }
            Shape::Struct(children) => {
                for child in children {
                    builder = builder.add_child_data(self.array(child.data_type(), Some(len))?);
                }
            }
        }
        // SAFETY: buffers have the lengths and alignments of the type, offsets are monotonic
        // and inside of their data, views are inside of theirs, valid indices inside of their
        // dictionary, children have the lengths
        // their parents need: each checked above. UTF-8 is the writer's promise, see
        // `BatchReader`.
        Ok(unsafe { builder.build_unchecked() })
    }

    /// The next buffer, which lies in the body.
    fn buffer(&mut self) -> Result<Buffer, IpcError> {
        let place = self.buffers.next().ok_or_else(|| bad("a batch with too few buffers"))?;
        let range = usize::try_from(place.offset()).ok().zip(usize::try_from(place.length()).ok());
        let (offset, length) = range
            .filter(|(offset, length)| offset.checked_add(*length).is_some_and(|end| end <= self.body.len()))
            .ok_or_else(|| bad("a buffer outside of its batch"))?;
        Ok(self.body.slice_with_length(offset, length))
    }

    fn end(mut self) -> Result<(), IpcError> {
        if self.nodes.next().is_some()
            || self.buffers.next().is_some()
            || self.variadic_counts.next().is_some()
            || self.dictionaries.next().is_some()
        {
            return Err(bad("a batch with more arrays than its schema"));
        }
        Ok(())
    }
}

fn bad(text: &'static str) -> IpcError {
    IpcError::protocol(text)
}

/// A length of the metadata. Bounded, because arrays without buffers (Null, empty structs)
/// have nothing else that bounds them.
fn length(value: i64) -> Result<usize, IpcError> {
    i32::try_from(value)
        .ok()
        .and_then(|value| usize::try_from(value).ok())
        .ok_or_else(|| bad("an array of impossible length"))
}

/// The first `bytes` of `buffer`.
fn exactly(buffer: &Buffer, bytes: usize) -> Result<Buffer, IpcError> {
    if buffer.len() < bytes {
        return Err(bad("a buffer too short for its array"));
    }
    Ok(buffer.slice_with_length(0, bytes))
}

fn sized(buffer: &Buffer, len: usize, width: usize) -> Result<Buffer, IpcError> {
    exactly(buffer, len.checked_mul(width).ok_or_else(|| bad("an array of impossible length"))?)
}

/// `buffer` if it is aligned for the widest values, 16 bytes. (Writers align to 64.)
fn aligned(buffer: Buffer) -> Result<Buffer, IpcError> {
    if buffer.is_empty() {
        // Whatever the address, of an allocation of its own it is aligned.
        return Ok(Buffer::from_slice_ref([0_u8; 0]));
    }
    if buffer.as_ptr().align_offset(16) != 0 {
        return Err(bad("a misaligned buffer"));
    }
    Ok(buffer)
}

/// All indices of valid rows are below `limit`; those of nulls may be anything.
fn check_indices(
    indices: &Buffer,
    width: usize,
    valid: Option<&NullBuffer>,
    limit: usize,
) -> Result<(), IpcError> {
    fn all_below<T: ArrowNativeType + Ord>(
        indices: &Buffer,
        valid: Option<&NullBuffer>,
        limit: usize,
    ) -> bool {
        let indices = indices.typed_data::<T>();
        // Without an early exit, so that it is vectorised; nulls are looked up only if need be.
        let largest = indices.iter().fold(T::default(), |largest, index| largest.max(*index));
        indices.is_empty()
            || largest.as_usize() < limit
            || valid.is_some_and(|valid| valid.valid_indices().all(|row| indices[row].as_usize() < limit))
    }
    let good = match width {
        1 => all_below::<u8>(indices, valid, limit),
        2 => all_below::<u16>(indices, valid, limit),
        _ => all_below::<u32>(indices, valid, limit),
    };
    if good { Ok(()) } else { Err(bad("an index beyond its dictionary")) }
}

/// `len + 1` offsets that ascend from 0 or more to at most `limit`.
fn check_offsets(buffer: &Buffer, len: usize, limit: usize) -> Result<Buffer, IpcError> {
    if len == 0 && buffer.is_empty() {
        // The format allows an empty array without offsets.
        return Ok(Buffer::from_slice_ref([0_i32]));
    }
    let buffer = aligned(sized(buffer, len + 1, 4)?)?;
    let offsets = buffer.typed_data::<i32>();
    // Without an early exit, so that it is vectorised.
    let ascending = offsets.windows(2).fold(true, |good, pair| good & (pair[0] <= pair[1]));
    let last = usize::try_from(offsets[len]).ok();
    if !ascending || offsets[0] < 0 || last.is_none_or(|last| last > limit) {
        return Err(bad("offsets that leave their data"));
    }
    Ok(buffer)
}

/// All views, those of nulls too, are inline or point into `data`.
fn check_views(views: &Buffer, data: &[Buffer]) -> Result<(), IpcError> {
    // length | prefix | buffer index | offset, each u32.
    let views = views.typed_data::<u32>().as_chunks::<4>().0;
    let good = match data {
        // Usual: one heap (or none: then its length is 0 and no long view is in bounds).
        [] | [_] => {
            let limit = data.first().map_or(0, Buffer::len) as u64;
            views.iter().fold(true, |good, [length, _, index, offset]| {
                let inside = (*index == 0) & (u64::from(*offset) + u64::from(*length) <= limit);
                good & ((*length <= 12) | inside)
            })
        }
        _ => views.iter().all(|[length, _, index, offset]| {
            let limit = usize::try_from(*index).ok().and_then(|index| data.get(index)).map(Buffer::len);
            *length <= 12
                || limit.is_some_and(|limit| u64::from(*offset) + u64::from(*length) <= limit as u64)
        }),
    };
    if good { Ok(()) } else { Err(bad("a string outside of its data")) }
}
