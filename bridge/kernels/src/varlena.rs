//! Writing columns of varlenas: sizes first, one reservation, then the bytes.

use crate::Sink;
use crate::bytes::{COPY_SLACK, Reader, Value, has_nul};
use crate::column::{Column, Input, checked};
use crate::error::{Fault, Stop};
use crate::layout::{MAX_VARLENA, VARATT_SHORT_MAX, VARHDRSZ, VARHDRSZ_SHORT, long_header, short_header};
use crate::sink::pointer_datum;
use crate::text::too_long;

/// Converts strings (`TEXT`: zero bytes are refused) or byte strings into varlenas, padded
/// with blanks to `pad` characters if given. See the kernels in `text` and `bytea`.
pub(crate) fn write_varlenas<R: Reader, const SHORT: bool, const TEXT: bool>(
    input: &Input<'_>,
    out: &mut Column<'_>,
    sink: &mut dyn Sink,
    pad: Option<usize>,
) -> Result<(), Stop> {
    let reader = R::open(input)?;
    let bytes = reserve::<R, SHORT>(&reader, input, pad)?;
    let mut arena = Arena { at: sink.allocate(bytes + COPY_SLACK)?.as_ptr(), left: bytes };
    match pad {
        None => checked(input, out, |row| {
            let value = reader.value(row)?;
            let text = value.bytes();
            if TEXT && has_nul(text) {
                return Err(Fault::NulByte);
            }
            arena.write::<SHORT>(&value, text.len(), 0)
        }),
        Some(length) => checked(input, out, |row| {
            let value = reader.value(row)?;
            if TEXT && has_nul(value.bytes()) {
                return Err(Fault::NulByte);
            }
            let (keep, blanks) = padding(value.bytes(), length)?;
            arena.write::<SHORT>(&value, keep, blanks)
        }),
    }
}

/// The first pass: an upper bound of the bytes that all valid rows take.
fn reserve<R: Reader, const SHORT: bool>(
    reader: &R,
    input: &Input<'_>,
    pad: Option<usize>,
) -> Result<usize, Stop> {
    let mut bytes = 0_usize;
    // Padding to n characters adds at most n blanks.
    let extra = pad.unwrap_or(0);
    let mut add = |row: usize| -> Result<(), Stop> {
        let len = reader.len(row).map_err(|fault| Stop::Value(row, fault))? + extra;
        if len > MAX_VARLENA - VARHDRSZ {
            return Err(Stop::Value(row, Fault::TooLarge));
        }
        bytes += room::<SHORT>(len);
        Ok(())
    };
    match input.nulls() {
        None => (0..input.rows).try_for_each(&mut add)?,
        Some(nulls) => nulls.valid_indices().try_for_each(&mut add)?,
    }
    Ok(bytes)
}

/// Bytes of a varlena with `len` bytes of payload, alignment included.
#[inline(always)]
fn room<const SHORT: bool>(len: usize) -> usize {
    if SHORT && len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX {
        len + VARHDRSZ_SHORT
    } else {
        len + VARHDRSZ + (VARHDRSZ - 1)
    }
}

/// Bytes of `text` to keep and blanks to add for `bpchar(length)`.
fn padding(text: &[u8], length: usize) -> Result<(usize, usize), Fault> {
    let characters = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
    let count = characters(text);
    if count <= length {
        return Ok((text.len(), length - count));
    }
    let trimmed = text.trim_ascii_end_blanks();
    let count = characters(trimmed);
    if count > length { Err(too_long(length)) } else { Ok((trimmed.len() + length - count, 0)) }
}

/// Trimming of blanks only, as `bpchar` means it.
pub(crate) trait TrimBlanks {
    /// Without trailing `' '`.
    fn trim_ascii_end_blanks(&self) -> &[u8];
}

impl TrimBlanks for [u8] {
    fn trim_ascii_end_blanks(&self) -> &[u8] {
        let end = self.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        &self[..end]
    }
}

/// Reserved memory being filled from `at` on; `COPY_SLACK` bytes follow the `left` ones.
struct Arena {
    at: *mut u8,
    left: usize,
}

impl Arena {
    /// Appends the first `keep` bytes of `value` and `blanks` blanks as one varlena.
    #[inline(always)]
    fn write<const SHORT: bool>(
        &mut self,
        value: &Value<'_>,
        keep: usize,
        blanks: usize,
    ) -> Result<u64, Fault> {
        let len = keep + blanks;
        let room = room::<SHORT>(len);
        // The first pass measured the same lengths, but a batch may lie in memory that
        // another process could still write to.
        if room > self.left {
            return Err(Fault::Malformed("a string changed while it was read"));
        }
        // SAFETY: header, alignment and payload take at most `room <= left` bytes, and
        // COPY_SLACK bytes follow for `copy_to`; the arena is fresh, so nothing overlaps.
        unsafe {
            let (start, payload) = if SHORT && len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX {
                self.at.write(short_header(len + VARHDRSZ_SHORT));
                (self.at, self.at.add(VARHDRSZ_SHORT))
            } else {
                let start = self.at.add(self.at.align_offset(VARHDRSZ));
                start.cast::<u32>().write(long_header(len + VARHDRSZ));
                (start, start.add(VARHDRSZ))
            };
            value.first(keep).copy_to(payload);
            if blanks > 0 {
                payload.add(keep).write_bytes(b' ', blanks);
            }
            let end = payload.add(len);
            self.left -= end.offset_from_unsigned(self.at);
            self.at = end;
            Ok(pointer_datum(start))
        }
    }
}
