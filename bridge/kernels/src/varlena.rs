//! Writing columns of varlenas: sizes first, one reservation, then the bytes.

use std::ptr::NonNull;

use crate::Sink;
use crate::bytes::{BROKEN_VALUE, COPY_SLACK, Reader, Value, has_nul};
use crate::column::{Column, Input, checked, first_valid, for_each_masked, masked};
use crate::error::{Fault, KernelError, Stop};
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
    let mut arena = Arena::new(sink.allocate(bytes + COPY_SLACK)?, bytes);
    match pad {
        None => masked(input, out, |row, mask| {
            let value = reader.find(row, mask).ok_or(BROKEN_VALUE)?;
            arena.write::<SHORT>(&value, value.bytes().len(), 0)
        }),
        Some(length) => checked(input, out, |row| {
            let value = reader.value(row)?;
            let (keep, blanks) = padding(value.bytes(), length)?;
            arena.write::<SHORT>(&value, keep, blanks)
        }),
    }?;
    if TEXT && arena.has_nul() {
        let with_nul = |row: usize| reader.value(row).is_ok_and(|value| has_nul(value.bytes()));
        let row = first_valid(input, with_nul);
        return Err(row.map_or_else(|| Stop::Value(0, CHANGED), |row| Stop::Value(row, Fault::NulByte)));
    }
    Ok(())
}

/// The first pass measured the same lengths, but a batch may lie in memory that another process
/// could still write to.
const CHANGED: Fault = Fault::Malformed("a string changed while it was read");

/// The first pass: an upper bound of the bytes that all rows take.
fn reserve<R: Reader, const SHORT: bool>(
    reader: &R,
    input: &Input<'_>,
    pad: Option<usize>,
) -> Result<usize, Stop> {
    // Padding to n characters adds at most n blanks.
    let extra = pad.unwrap_or(0);
    let longest_legal = MAX_VARLENA - VARHDRSZ - extra.min(MAX_VARLENA - VARHDRSZ);
    let (mut payload, mut longest) = (0_usize, 0);
    for_each_masked(input, |row, mask| {
        // No branch and no early end: the lengths of broken rows, too, are only compared.
        let len = reader.len(row, mask).unwrap_or(usize::MAX);
        longest = longest.max(len);
        payload = payload.wrapping_add(len);
        Ok(())
    })?;
    if longest > longest_legal {
        for_each_masked(input, |row, mask| match reader.len(row, mask) {
            Some(len) if len > longest_legal => Err(Fault::TooLarge),
            Some(_) => Ok(()),
            None => Err(BROKEN_VALUE),
        })?;
        return Err(Stop::Value(0, CHANGED));
    }
    // As if every header were long: telling them apart costs a third of this pass.
    let bytes = (extra + LONGEST_HEADER).checked_mul(input.rows).and_then(|rest| rest.checked_add(payload));
    bytes.ok_or_else(|| KernelError::OutOfMemory { bytes: usize::MAX }.into())
}

/// A 4-byte header and the padding that aligns it.
const LONGEST_HEADER: usize = VARHDRSZ + (VARHDRSZ - 1);

/// Bytes of a varlena with `len` bytes of payload, alignment included.
#[inline(always)]
fn room<const SHORT: bool>(len: usize) -> usize {
    let short = SHORT && len <= VARATT_SHORT_MAX - VARHDRSZ_SHORT;
    len + if short { VARHDRSZ_SHORT } else { LONGEST_HEADER }
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

/// Reserved memory being filled: `bytes` bytes at `base`, and `COPY_SLACK` more behind them.
struct Arena {
    base: *mut u8,
    bytes: usize,
    used: usize,
    /// From here to `used` lie varlenas that have not been looked at for zero bytes, all with
    /// 1-byte headers, which are not zero.
    unseen: usize,
    /// A zero byte was seen.
    nul: bool,
}

impl Arena {
    /// `bytes + COPY_SLACK` bytes at `start` are to be filled.
    fn new(start: NonNull<u8>, bytes: usize) -> Self {
        Self { base: start.as_ptr(), bytes, used: 0, unseen: 0, nul: false }
    }

    /// Appends the first `keep` bytes of `value` and `blanks` blanks as one varlena.
    #[inline(always)]
    fn write<const SHORT: bool>(
        &mut self,
        value: &Value<'_>,
        keep: usize,
        blanks: usize,
    ) -> Result<u64, Fault> {
        let len = keep + blanks;
        if self.used + room::<SHORT>(len) > self.bytes {
            return Err(CHANGED);
        }
        // SAFETY: header, alignment and payload take at most `room` bytes behind `used`, and
        // COPY_SLACK bytes follow for `copy_to`; the arena is fresh, so nothing overlaps.
        unsafe {
            let mut start = self.base.add(self.used);
            let payload = if SHORT && len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX {
                start.write(short_header(len + VARHDRSZ_SHORT));
                self.used += VARHDRSZ_SHORT + len;
                start.add(VARHDRSZ_SHORT)
            } else {
                // Its header and the padding before it have zero bytes that mean nothing.
                self.nul |= self.has_nul() | has_nul(value.first(keep).bytes());
                // `base` is aligned, see `Sink`.
                let aligned = self.used.next_multiple_of(VARHDRSZ);
                start = self.base.add(aligned);
                start.cast::<u32>().write(long_header(len + VARHDRSZ));
                self.used = aligned + VARHDRSZ + len;
                self.unseen = self.used;
                start.add(VARHDRSZ)
            };
            value.first(keep).copy_to(payload);
            if blanks > 0 {
                payload.add(keep).write_bytes(b' ', blanks);
            }
            Ok(pointer_datum(start))
        }
    }

    /// True if a value written so far holds a zero byte. One look over many short values is
    /// cheaper than one at each, and it sees the copies, which nobody changes any more.
    fn has_nul(&self) -> bool {
        // SAFETY: everything from `unseen` to `used` was written, header by header and value by
        // value, by `write`.
        let unseen =
            unsafe { std::slice::from_raw_parts(self.base.add(self.unseen), self.used - self.unseen) };
        self.nul | has_nul(unseen)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringArray, StringViewArray};
    use bridge_types::{PgType, oid};

    use crate::testing::{failure, texts};

    const TEXT: PgType = PgType::new(oid::TEXT);

    /// 130 rows whose nulls stand at the ends of validity words; long and short headers alternate.
    fn rows() -> Vec<Option<String>> {
        let text = |row: usize| "ab".repeat(if row.is_multiple_of(3) { 64 + row } else { row % 20 });
        (0..130).map(|row| (row % 64 != 63 && row % 64 != 0).then(|| text(row))).collect()
    }

    #[test]
    fn short_and_long_headers_take_turns_around_nulls() {
        let expected = rows();
        let views = StringViewArray::from(expected.clone());
        assert_eq!(texts(views.slice(61, 69), None, TEXT).unwrap(), expected[61..]);
        assert_eq!(texts(views, None, TEXT).unwrap(), expected);
        let offsets = StringArray::from(expected.clone());
        assert_eq!(texts(offsets.slice(61, 69), None, TEXT).unwrap(), expected[61..]);
        assert_eq!(texts(offsets, None, TEXT).unwrap(), expected);
    }

    #[test]
    fn empty_all_null_and_none_null() {
        assert_eq!(texts(StringViewArray::new_null(0), None, TEXT).unwrap(), vec![]);
        assert_eq!(texts(StringViewArray::new_null(65), None, TEXT).unwrap(), vec![None; 65]);
        let full = vec![Some("x".to_owned()); 65];
        assert_eq!(texts(StringViewArray::from(full.clone()), None, TEXT).unwrap(), full);
    }

    #[test]
    fn a_zero_byte_is_found_before_and_behind_a_long_value() {
        for at in [1, 3, 5] {
            let mut values = rows().into_iter().flatten().take(6).collect::<Vec<_>>();
            values[at].push('\0');
            let array = StringViewArray::from_iter_values(&values);
            assert_eq!(failure(array, None, TEXT), Some(("22021".into(), Some(at))), "{at}");
        }
    }

    #[test]
    fn what_lies_under_a_null_is_not_read() {
        let zero = StringViewArray::from(vec!["good", "\0"]);
        let (views, buffers, _) = zero.into_parts();
        let hidden = StringViewArray::new(views, buffers, Some(vec![true, false].into()));
        assert_eq!(texts(hidden, None, TEXT).unwrap(), [Some("good".into()), None]);
    }
}
