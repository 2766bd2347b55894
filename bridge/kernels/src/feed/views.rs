//! Strings and byte strings being collected.

use arrow::buffer::{Buffer, ScalarBuffer};

use super::cells::Cells;
use crate::error::{Fault, Stop};

/// Longest value that lies in its view.
const INLINE_BYTES: usize = 12;

/// Views with one data buffer, as they travel.
#[derive(Default)]
pub(super) struct ViewsBuilder {
    views: Vec<u128>,
    data: Vec<u8>,
}

impl ViewsBuilder {
    /// Appends the value of each row's datum, an empty one for null. Returns about how many bytes
    /// they take.
    /// Errors: those of `value`; `TooLarge` if the batch's data would pass 4 GiB.
    #[inline(always)]
    pub(super) fn extend<'v>(
        &mut self,
        cells: &Cells<'_>,
        mut value: impl FnMut(u64) -> Result<&'v [u8], Fault>,
    ) -> Result<usize, Stop> {
        let Self { views, data } = self;
        let before = data.len();
        let bytes = cells.by_reference(views, 0, |datum| view(data, value(datum)?))?;
        Ok(bytes + data.len() - before)
    }

    /// As [`Self::extend`], for values that `write` appends to an empty buffer.
    pub(super) fn extend_written(
        &mut self,
        cells: &Cells<'_>,
        mut write: impl FnMut(u64, &mut Vec<u8>) -> Result<(), Fault>,
    ) -> Result<usize, Stop> {
        let Self { views, data } = self;
        let before = data.len();
        let mut text = Vec::new();
        let bytes = cells.by_reference(views, 0, |datum| {
            text.clear();
            write(datum, &mut text)?;
            view(data, &text)
        })?;
        Ok(bytes + data.len() - before)
    }

    /// Drops everything collected.
    pub(super) fn clear(&mut self) {
        self.views.clear();
        self.data.clear();
    }

    /// The views and their buffer; the builder starts anew.
    pub(super) fn finish(&mut self) -> (ScalarBuffer<u128>, Vec<Buffer>) {
        let next =
            Self { views: Vec::with_capacity(self.views.len()), data: Vec::with_capacity(self.data.len()) };
        let done = std::mem::replace(self, next);
        (ScalarBuffer::from(done.views), vec![Buffer::from_vec(done.data)])
    }
}

/// The view of `value`, whose bytes go to `data` if the view cannot hold them.
#[inline(always)]
fn view(data: &mut Vec<u8>, value: &[u8]) -> Result<u128, Fault> {
    let len = u128::from(u32::try_from(value.len()).map_err(|_| Fault::TooLarge)?);
    if value.len() <= INLINE_BYTES {
        return Ok(len | short(value) << 32);
    }
    let offset = u128::from(u32::try_from(data.len()).map_err(|_| Fault::TooLarge)?);
    let prefix = value.first_chunk::<4>().map_or(0, |prefix| u128::from(u32::from_le_bytes(*prefix)));
    append(data, value);
    Ok(len | prefix << 32 | offset << 96)
}

/// Up to [`INLINE_BYTES`] bytes as a number, the first in the lowest place. Two loads that overlap
/// read any length from 8 (or 4) on without a loop, and agree where they do.
#[inline(always)]
fn short(value: &[u8]) -> u128 {
    let shift = |size: usize| 8 * (value.len() - size);
    if let (Some(head), Some(tail)) = (value.first_chunk::<8>(), value.last_chunk::<8>()) {
        u128::from(u64::from_le_bytes(*head)) | u128::from(u64::from_le_bytes(*tail)) << shift(8)
    } else if let (Some(head), Some(tail)) = (value.first_chunk::<4>(), value.last_chunk::<4>()) {
        u128::from(u32::from_le_bytes(*head)) | u128::from(u32::from_le_bytes(*tail)) << shift(4)
    } else {
        value.iter().rev().fold(0, |number, byte| number << 8 | u128::from(*byte))
    }
}

/// Appends `value`; ordinary lengths without a call.
#[inline(always)]
fn append(data: &mut Vec<u8>, value: &[u8]) {
    data.reserve(value.len());
    let end = data.spare_capacity_mut().as_mut_ptr().cast::<u8>();
    // SAFETY: `value.len()` bytes were reserved at `end`, and each branch writes all of them and
    // none behind: two chunks of N bytes at the ends cover every length from N to 2 N.
    unsafe {
        match (value.first_chunk::<16>(), value.last_chunk::<16>()) {
            (Some(head), Some(tail)) if value.len() <= 32 => {
                end.cast::<[u8; 16]>().write_unaligned(*head);
                end.add(value.len() - 16).cast::<[u8; 16]>().write_unaligned(*tail);
            }
            _ => end.copy_from_nonoverlapping(value.as_ptr(), value.len()),
        }
        data.set_len(data.len() + value.len());
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringViewArray;

    use super::{Cells, ViewsBuilder};

    #[test]
    fn every_length_comes_back() {
        let text: String = ('a'..='z').cycle().take(100).collect();
        let lengths: Vec<u64> = (0..100).chain([12, 13, 16, 17, 32, 33]).collect();
        let isnull: Vec<bool> = lengths.iter().map(|length| length % 5 == 4).collect();
        let cells = Cells::new(&lengths, Some(&isnull), 1, 0).unwrap();
        let mut builder = ViewsBuilder::default();
        let cut = |length: u64| &text[..usize::try_from(length).unwrap()];
        let bytes = builder.extend(&cells, |length| Ok(cut(length).as_bytes())).unwrap();
        let written = builder.extend_written(&cells, |length, to| {
            to.extend_from_slice(cut(length).as_bytes());
            Ok(())
        });
        assert_eq!(written.unwrap(), bytes);
        let (views, data) = builder.finish();
        // Validates views, offsets and prefixes.
        let array = StringViewArray::try_new(views, data, None).unwrap();
        for (row, length) in lengths.iter().chain(&lengths).enumerate() {
            assert_eq!(array.value(row), if length % 5 == 4 { "" } else { cut(*length) });
        }
    }
}
