//! Readers of variable-length values: the three Arrow layouts behind one trait.

use std::hint::select_unpredictable;

use arrow::array::{
    BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
};
use arrow::buffer::{Buffer, ScalarBuffer};

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
        // Most values are shorter, and a copy of one fixed size has neither a call nor a branch
        // that depends on the length; only the last values of a buffer have less behind them.
        if self.len <= COPY_SLACK
            && let Some(chunk) = self.tail.first_chunk::<COPY_SLACK>()
        {
            // SAFETY: `to` holds `COPY_SLACK` writes (caller) of bytes.
            unsafe { to.cast::<[u8; COPY_SLACK]>().write_unaligned(*chunk) };
        } else {
            // SAFETY: `len <= tail.len()`, `to` holds `len` writes and does not overlap (caller).
            unsafe { std::ptr::copy_nonoverlapping(self.tail.as_ptr(), to, self.len) };
        }
    }
}

/// Bytes that [`Value::copy_to`] may write behind a value.
pub(crate) const COPY_SLACK: usize = 32;

/// An array of strings or byte strings. Rows come with a mask: all ones, or 0 for a null row,
/// which is then an empty value whatever lies in its slot.
pub(crate) trait Reader: Sized {
    /// A reader of the rows of `input`.
    fn open(input: &Input<'_>) -> Result<Self, Stop>;
    /// Length of a row in bytes; `None` if offsets are broken or the row does not exist.
    fn len(&self, row: usize, mask: u64) -> Option<usize>;
    /// A row; `None` as for `len`, and if the value lies outside of its buffer.
    fn find(&self, row: usize, mask: u64) -> Option<Value<'_>>;
    /// A valid row.
    #[inline(always)]
    fn value(&self, row: usize) -> Result<Value<'_>, Fault> {
        self.find(row, u64::MAX).ok_or(BROKEN_VALUE)
    }
}

/// What a reader's `None` means.
pub(crate) const BROKEN_VALUE: Fault = Fault::Malformed("a string lies outside of its buffer");

/// `Utf8View` and `BinaryView`.
pub(crate) struct Views {
    views: ScalarBuffer<u128>,
    /// The views themselves, for the values inside of them, then the array's buffers: where a
    /// value lies is then a matter of two numbers and no branch.
    buffers: Vec<Buffer>,
}

const VIEW_BYTES: usize = 16;
const VIEW_INLINE: u64 = 12;
/// Length of a view's length, behind which a short value lies.
const VIEW_HEADER: u64 = 4;

/// The low 32 bits of `word`.
#[inline(always)]
fn low_half(word: u64) -> u64 {
    word & 0xffff_ffff
}

impl Views {
    /// The two halves of a view: length and prefix, buffer and offset.
    #[inline(always)]
    fn halves(&self, row: usize, mask: u64) -> Option<(u64, u64)> {
        let bytes = self.views.get(row)?.to_le_bytes();
        let (halves, _) = bytes.as_chunks::<8>();
        Some((u64::from_le_bytes(halves[0]) & mask, u64::from_le_bytes(halves[1]) & mask))
    }
}

impl Reader for Views {
    fn open(input: &Input<'_>) -> Result<Self, Stop> {
        let (views, data) = match input.array.as_any().downcast_ref::<StringViewArray>() {
            Some(array) => (array.views(), array.data_buffers()),
            None => {
                let array = input.downcast::<BinaryViewArray>()?;
                (array.views(), array.data_buffers())
            }
        };
        if input.start + input.rows > views.len() {
            return Err(KernelError::Shape("a column is too short".into()).into());
        }
        let views = views.slice(input.start, input.rows);
        let buffers = std::iter::once(views.inner()).chain(data).cloned().collect();
        Ok(Self { views, buffers })
    }

    #[inline(always)]
    fn len(&self, row: usize, mask: u64) -> Option<usize> {
        usize::try_from(low_half(self.halves(row, mask)?.0)).ok()
    }

    #[inline(always)]
    fn find(&self, row: usize, mask: u64) -> Option<Value<'_>> {
        let (low, high) = self.halves(row, mask)?;
        let len = low_half(low);
        let inline = (row * VIEW_BYTES) as u64 + VIEW_HEADER;
        let outside = len > VIEW_INLINE;
        let index = select_unpredictable(outside, low_half(high) + 1, 0);
        let start = select_unpredictable(outside, high >> 32, inline);
        let tail = self.buffers.get(usize::try_from(index).ok()?)?.get(usize::try_from(start).ok()?..)?;
        let len = usize::try_from(len).ok()?;
        (len <= tail.len()).then_some(Value { tail, len })
    }
}

/// `Utf8`, `LargeUtf8`, `Binary`, `LargeBinary`: offsets of 32 or 64 bits, widened when read.
pub(crate) struct Offsets {
    offsets: OffsetWidth,
    data: Buffer,
}

enum OffsetWidth {
    Narrow(ScalarBuffer<i32>),
    Wide(ScalarBuffer<i64>),
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
        let narrow = |offsets: &ScalarBuffer<i32>, data: &Buffer| (offsets.clone(), data.clone());
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
    fn len(&self, row: usize, mask: u64) -> Option<usize> {
        let mask = usize::try_from(mask).ok()?;
        (self.offset(row + 1)? & mask).checked_sub(self.offset(row)? & mask)
    }

    #[inline(always)]
    fn find(&self, row: usize, mask: u64) -> Option<Value<'_>> {
        let len = self.len(row, mask)?;
        let tail = self.data.get(self.offset(row)? & usize::try_from(mask).ok()?..)?;
        (len <= tail.len()).then_some(Value { tail, len })
    }
}

/// True if `bytes` holds a zero byte. The least byte of all, because that loop has no branch and
/// takes as many bytes at a time as the machine has.
#[inline]
pub(crate) fn has_nul(bytes: &[u8]) -> bool {
    bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte)) == 0
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, LargeStringArray, StringArray, StringViewArray};

    use super::{Offsets, Reader, Views, has_nul};
    use crate::column::Input;

    fn check<R: Reader>(array: &ArrayRef, start: usize, expected: &[&str]) {
        let input = Input { array: array.as_ref(), start, rows: expected.len() };
        let reader = R::open(&input).expect("rows that exist");
        for (row, text) in expected.iter().enumerate() {
            assert_eq!(reader.value(row).unwrap().bytes(), text.as_bytes());
            assert_eq!(reader.len(row, u64::MAX), Some(text.len()));
            assert_eq!(reader.find(row, 0).unwrap().bytes(), b"", "a null is empty");
        }
        assert!(reader.find(expected.len(), u64::MAX).is_none(), "behind the last row");
        let beyond = Input { array: array.as_ref(), start, rows: array.len() + 1 };
        assert!(R::open(&beyond).is_err());
    }

    #[test]
    fn layouts_agree_on_values_and_ends() {
        let texts =
            ["", "twelve bytes", "thirteen byte", "é", "a string that lies in a buffer, not in its view"];
        check::<Views>(&(Arc::new(StringViewArray::from(texts.to_vec())) as ArrayRef), 1, &texts[1..]);
        check::<Offsets>(&(Arc::new(StringArray::from(texts.to_vec())) as ArrayRef), 2, &texts[2..]);
        check::<Offsets>(&(Arc::new(LargeStringArray::from(texts.to_vec())) as ArrayRef), 0, &texts);
    }

    #[test]
    fn a_broken_view_is_none() {
        let array = StringViewArray::from(vec!["a string that lies in a buffer"]);
        let (views, buffers, nulls) = array.into_parts();
        for broken in [views[0] | 1 << 31, views[0] | 1 << 64, views[0] | 1 << 127] {
            // SAFETY: broken on purpose; only the reader under test looks at it.
            let array = unsafe {
                StringViewArray::new_unchecked(vec![broken].into(), buffers.clone(), nulls.clone())
            };
            let reader = Views::open(&Input { array: &array, start: 0, rows: 1 }).expect("one row");
            assert!(reader.find(0, u64::MAX).is_none());
        }
    }

    #[test]
    fn zero_bytes_anywhere() {
        assert!(!has_nul(b""));
        assert!(!has_nul(&[1; 100]));
        for at in 0..100 {
            let mut bytes = [0x80; 100];
            bytes[at] = 0;
            assert!(has_nul(&bytes), "{at}");
        }
    }
}
