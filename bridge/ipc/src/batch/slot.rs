//! Writing a batch into a slot, buffer by buffer.

use arrow::datatypes::Schema;
use arrow::ipc::{Buffer, FieldNode, MessageBuilder, MessageHeader, MetadataVersion, RecordBatchBuilder};
use bridge_types::limits::BUFFER_ALIGN;
use flatbuffers::FlatBufferBuilder;

use super::shape::Counts;
use crate::IpcError;

/// Continuation marker and metadata length.
pub(super) const PREFIX_BYTES: usize = 8;
/// Continuation marker of an encapsulated IPC message.
pub(super) const CONTINUATION: [u8; 4] = [0xff; 4];
/// Bytes of the tables, vtables and vector lengths of a RecordBatch message, generously:
/// 156 are used by a message with all fields.
const TABLES_BYTES: usize = 256;

/// Bytes to keep free at the head of a slot for the metadata of a batch of this schema, if
/// no view column has more than one data buffer. A multiple of 64.
///
/// # Errors
/// [`IpcError::Unsendable`] for a type that does not cross.
pub fn metadata_reserve(schema: &Schema) -> Result<usize, IpcError> {
    let mut counts = Counts::default();
    for field in schema.fields() {
        counts.add(field.data_type())?;
    }
    let bytes = PREFIX_BYTES + TABLES_BYTES + 16 * counts.nodes + 16 * counts.buffers + 8 * counts.views;
    Ok(bytes.next_multiple_of(BUFFER_ALIGN))
}

/// A slot as an arena: room for the metadata in front, behind it the body, in which buffers
/// are allocated one after the other.
///
/// Offsets are relative to the body and multiples of 64 as [`Self::allocate`] gives them;
/// [`Self::finish`] takes any range, so buffers may overlap (the view columns of a batch
/// share one data buffer) and may end before their allocation does.
///
/// Views and offsets are checked by the reader for every row: below a null a view must be
/// zero (or valid), never what the vector happened to hold.
#[derive(Debug)]
pub struct SlotWriter<'a> {
    slot: &'a mut [u8],
    body_at: usize,
    allocated: usize,
}

impl<'a> SlotWriter<'a> {
    /// An empty body behind `metadata_reserve` bytes (see [`metadata_reserve`]).
    ///
    /// # Errors
    /// [`IpcError::Unsendable`] if the slot is too small even for the metadata.
    pub fn new(slot: &'a mut [u8], metadata_reserve: usize) -> Result<Self, IpcError> {
        let body_at = metadata_reserve.next_multiple_of(BUFFER_ALIGN);
        if slot.len() < body_at {
            return Err(IpcError::Unsendable(
                format!("a slot of {} bytes cannot hold the metadata of its batch", slot.len()).into(),
            ));
        }
        Ok(Self { slot, body_at, allocated: 0 })
    }

    /// Takes `bytes` (uninitialised: what the ring held before); the offset of the first,
    /// or `None` if the slot has no room.
    pub fn allocate(&mut self, bytes: usize) -> Option<usize> {
        let offset = self.allocated.checked_next_multiple_of(BUFFER_ALIGN)?;
        let end = offset.checked_add(bytes)?;
        if end > self.capacity() {
            return None;
        }
        self.allocated = end;
        Some(offset)
    }

    /// Gives back what was allocated behind `end`: for a last buffer that was taken larger
    /// than it became.
    pub fn truncate(&mut self, end: usize) {
        self.allocated = self.allocated.min(end);
    }

    /// The largest `bytes` that [`Self::allocate`] would grant now.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.capacity().saturating_sub(self.allocated.next_multiple_of(BUFFER_ALIGN))
    }

    /// Bytes of the whole body.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.slot.len() - self.body_at
    }

    /// `len` bytes from `offset` on.
    ///
    /// # Panics
    /// If they are not in the body.
    #[must_use]
    pub fn bytes_mut(&mut self, offset: usize, len: usize) -> &mut [u8] {
        &mut self.body_mut()[offset..offset + len]
    }

    /// The body, for writers that fill several buffers at once. Its address stays the same
    /// while this writer lives.
    #[must_use]
    pub fn body_mut(&mut self) -> &mut [u8] {
        &mut self.slot[self.body_at..]
    }

    /// Writes the metadata and returns the bytes of the slot that are used.
    ///
    /// `nodes`: length and null count of each array, parents before children. `buffers`:
    /// offset and bytes, in the order of the IPC format: validity (length 0 without nulls),
    /// then offsets or views, then data. `variadic_counts`: data buffers of each view array.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`] if the metadata needs more than the reserve or a buffer lies
    /// outside of the body.
    pub fn finish(
        self,
        nodes: &[(usize, usize)],
        buffers: &[(usize, usize)],
        variadic_counts: &[i64],
        rows: usize,
    ) -> Result<usize, IpcError> {
        let capacity = self.capacity();
        let mut body = self.allocated;
        for (offset, len) in buffers {
            let end = offset.checked_add(*len).filter(|end| *end <= capacity);
            body = body.max(end.ok_or_else(|| IpcError::Unsendable("a buffer outside of its slot".into()))?);
        }
        // The format wants the body padded; what a too narrow slot lacks is at its very end.
        let body = body.next_multiple_of(8).min(capacity);
        let nodes = nodes.iter().map(|(len, nulls)| Ok(FieldNode::new(signed(*len)?, signed(*nulls)?)));
        let nodes = nodes.collect::<Result<Vec<_>, IpcError>>()?;
        let buffers = buffers.iter().map(|(offset, len)| Ok(Buffer::new(signed(*offset)?, signed(*len)?)));
        let buffers = buffers.collect::<Result<Vec<_>, IpcError>>()?;

        let mut builder = FlatBufferBuilder::with_capacity(self.body_at);
        let nodes = builder.create_vector(&nodes);
        let buffers = builder.create_vector(&buffers);
        let variadic = (!variadic_counts.is_empty()).then(|| builder.create_vector(variadic_counts));
        let mut batch = RecordBatchBuilder::new(&mut builder);
        batch.add_length(signed(rows)?);
        batch.add_nodes(nodes);
        batch.add_buffers(buffers);
        if let Some(variadic) = variadic {
            batch.add_variadicBufferCounts(variadic);
        }
        let batch = batch.finish();
        let mut message = MessageBuilder::new(&mut builder);
        message.add_version(MetadataVersion::V5);
        message.add_header_type(MessageHeader::RecordBatch);
        message.add_bodyLength(signed(body)?);
        message.add_header(batch.as_union_value());
        let message = message.finish();
        builder.finish(message, None);

        let metadata = builder.finished_data();
        let head = &mut self.slot[..self.body_at];
        if PREFIX_BYTES + metadata.len() > head.len() {
            return Err(IpcError::Unsendable(
                format!("metadata of {} bytes does not fit into {} bytes", metadata.len(), head.len()).into(),
            ));
        }
        write_message(head, metadata)?;
        Ok(self.body_at + body)
    }
}

/// Writes prefix and metadata and pads them with zeros to the whole of `out`, which has
/// room for them.
pub(super) fn write_message(out: &mut [u8], metadata: &[u8]) -> Result<(), IpcError> {
    let length = i32::try_from(out.len() - PREFIX_BYTES)
        .map_err(|_| IpcError::Unsendable("metadata of more than 2 GiB".into()))?;
    out[..4].copy_from_slice(&CONTINUATION);
    out[4..PREFIX_BYTES].copy_from_slice(&length.to_le_bytes());
    let (text, padding) = out[PREFIX_BYTES..].split_at_mut(metadata.len());
    text.copy_from_slice(metadata);
    padding.fill(0);
    Ok(())
}

pub(super) fn signed(size: usize) -> Result<i64, IpcError> {
    i64::try_from(size).map_err(|_| IpcError::Unsendable("a batch of more than 2^63 bytes".into()))
}
