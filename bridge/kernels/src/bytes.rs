//! Readers of variable-length values: the three Arrow layouts behind one trait.

use arrow::array::{
    BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
};
use arrow::buffer::Buffer;

use crate::column::Input;
use crate::error::{Fault, KernelError, Stop};

/// A value and how many bytes may be read from its start within the same buffer.
#[derive(Clone, Copy)]
pub(crate) struct Value<'a> {
    /// The buffer from the value's start on, at least `len` long.
    tail: &'a [u8],
    len: usize,
}

impl<'a> Value<'a> {
    /// The value.
    #[inline(always)]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        &self.tail[..self.len]
    }

    /// The first `len` bytes of the value, at most all.
    #[inline(always)]
    pub(crate) fn first(&self, len: usize) -> Self {
        Self { tail: self.tail, len: len.min(self.len) }
    }

    /// Writes the value to `to`; may write up to [`COPY_SLACK`] bytes behind it.
    ///
    /// # Safety
    /// `to` holds at least `len + COPY_SLACK` writes and lies outside of the value's buffer.
    #[inline(always)]
    pub(crate) unsafe fn copy_to(&self, to: *mut u8) {
        // Values of 8 to 24 bytes are the rule: two fixed 16-byte moves beat a call of memcpy.
        let fixed = match self.len {
            0..=16 if self.tail.len() >= 16 => 16,
            17..=32 if self.tail.len() >= 32 => 32,
            len => len,
        };
        // SAFETY: `tail` has `fixed` bytes (match arms, and `len <= tail.len()`), `to` holds
        // `len + COPY_SLACK >= fixed`, and does not overlap (caller).
        unsafe {
            match fixed {
                16 => std::ptr::copy_nonoverlapping(self.tail.as_ptr(), to, 16),
                32 => std::ptr::copy_nonoverlapping(self.tail.as_ptr(), to, 32),
                _ => std::ptr::copy_nonoverlapping(self.tail.as_ptr(), to, self.len),
            }
        }
    }
}

/// Bytes that [`Value::copy_to`] may write behind a value.
pub(crate) const COPY_SLACK: usize = 32;

/// An array of strings or byte strings.
pub(crate) trait Reader: Sized {
    /// A reader of the rows of `input`.
    fn open(input: &Input<'_>) -> Result<Self, Stop>;
    /// Length of a valid row in bytes.
    fn len(&self, row: usize) -> Result<usize, Fault>;
    /// A valid row. Lengths, offsets and buffer indexes are checked.
    fn value(&self, row: usize) -> Result<Value<'_>, Fault>;
}

/// `Utf8View` and `BinaryView`.
pub(crate) struct Views {
    views: Buffer,
    buffers: Vec<Buffer>,
}

const VIEW_BYTES: usize = 16;
const VIEW_INLINE: usize = 12;
const BROKEN_VIEW: Fault = Fault::Malformed("a string lies outside of its buffer");

#[inline(always)]
fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let raw: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
    usize::try_from(u32::from_le_bytes(raw)).ok()
}

impl Reader for Views {
    fn open(input: &Input<'_>) -> Result<Self, Stop> {
        let (views, buffers) = match input.array.as_any().downcast_ref::<StringViewArray>() {
            Some(array) => (array.views(), array.data_buffers()),
            None => {
                let array = input.downcast::<BinaryViewArray>()?;
                (array.views(), array.data_buffers())
            }
        };
        if input.start + input.rows > views.len() {
            return Err(KernelError::Shape("a column is too short".into()).into());
        }
        let views = views.inner().slice_with_length(input.start * VIEW_BYTES, input.rows * VIEW_BYTES);
        Ok(Self { views, buffers: buffers.to_vec() })
    }

    #[inline(always)]
    fn len(&self, row: usize) -> Result<usize, Fault> {
        word(&self.views, row * VIEW_BYTES).ok_or(BROKEN_VIEW)
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Result<Value<'_>, Fault> {
        let at = row * VIEW_BYTES;
        let len = word(&self.views, at).ok_or(BROKEN_VIEW)?;
        let tail = if len <= VIEW_INLINE {
            self.views.get(at + 4..)
        } else {
            let buffer = word(&self.views, at + 8).and_then(|index| self.buffers.get(index));
            let offset = word(&self.views, at + 12);
            buffer.zip(offset).and_then(|(buffer, offset)| buffer.get(offset..))
        };
        tail.filter(|tail| tail.len() >= len).map(|tail| Value { tail, len }).ok_or(BROKEN_VIEW)
    }
}

/// `Utf8`, `LargeUtf8`, `Binary`, `LargeBinary`: offsets of 32 or 64 bits, widened when read.
pub(crate) struct Offsets {
    offsets: OffsetWidth,
    data: Buffer,
}

enum OffsetWidth {
    Narrow(arrow::buffer::ScalarBuffer<i32>),
    Wide(arrow::buffer::ScalarBuffer<i64>),
}

impl Offsets {
    #[inline(always)]
    fn offset(&self, index: usize) -> Option<usize> {
        match &self.offsets {
            OffsetWidth::Narrow(offsets) => usize::try_from(*offsets.get(index)?).ok(),
            OffsetWidth::Wide(offsets) => usize::try_from(*offsets.get(index)?).ok(),
        }
    }
}

impl Reader for Offsets {
    fn open(input: &Input<'_>) -> Result<Self, Stop> {
        let any = input.array.as_any();
        let narrow =
            |offsets: &arrow::buffer::ScalarBuffer<i32>, data: &Buffer| (offsets.clone(), data.clone());
        let narrow = any
            .downcast_ref::<StringArray>()
            .map(|a| narrow(a.offsets().inner(), a.values()))
            .or_else(|| any.downcast_ref::<BinaryArray>().map(|a| narrow(a.offsets().inner(), a.values())));
        let (offsets, count, data) = if let Some((offsets, data)) = narrow {
            let count = offsets.len();
            (OffsetWidth::Narrow(offsets), count, data)
        } else if let Some(array) = any.downcast_ref::<LargeStringArray>() {
            let offsets = array.offsets().inner().clone();
            (OffsetWidth::Wide(offsets), array.offsets().len(), array.values().clone())
        } else {
            let array = input.downcast::<LargeBinaryArray>()?;
            let offsets = array.offsets().inner().clone();
            (OffsetWidth::Wide(offsets), array.offsets().len(), array.values().clone())
        };
        if input.start + input.rows >= count {
            return Err(KernelError::Shape("a column is too short".into()).into());
        }
        let offsets = match offsets {
            OffsetWidth::Narrow(offsets) => OffsetWidth::Narrow(offsets.slice(input.start, input.rows + 1)),
            OffsetWidth::Wide(offsets) => OffsetWidth::Wide(offsets.slice(input.start, input.rows + 1)),
        };
        Ok(Self { offsets, data })
    }

    #[inline(always)]
    fn len(&self, row: usize) -> Result<usize, Fault> {
        let ends = self.offset(row).zip(self.offset(row + 1));
        ends.and_then(|(start, end)| end.checked_sub(start)).ok_or(BROKEN_VIEW)
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Result<Value<'_>, Fault> {
        let len = self.len(row)?;
        let tail = self.offset(row).and_then(|start| self.data.get(start..));
        tail.filter(|tail| tail.len() >= len).map(|tail| Value { tail, len }).ok_or(BROKEN_VIEW)
    }
}

/// True if `bytes` holds a zero byte; eight at a time.
#[inline(always)]
pub(crate) fn has_nul(bytes: &[u8]) -> bool {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero = |word: [u8; 8]| {
        let word = u64::from_le_bytes(word);
        word.wrapping_sub(LOW) & !word & HIGH
    };
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.contains(&0);
    };
    let (chunks, _) = bytes.as_chunks::<8>();
    chunks.iter().fold(zero(*last), |found, chunk| found | zero(*chunk)) != 0
}
