//! Text types: `text`, `varchar`, `json`, `bpchar`, `name`, `"char"`.

use std::borrow::Cow;
use std::marker::PhantomData;

use crate::Sink;
use crate::bytes::{Reader, has_nul};
use crate::column::{Column, Input, Kernel, checked};
use crate::error::{Fault, KernelError, Stop};
use crate::layout::NAMEDATALEN;
use crate::sink::pointer_datum;
use crate::varlena::write_varlenas;

/// `Utf8View`, `Utf8`, `LargeUtf8` -> `text`, `varchar`, `json`.
/// In:     valid UTF-8; slots under a null hold anything.
/// Out:    `datums[i]` points at a varlena, with a 1-byte header where it is legal and `SHORT` is
///         set, else a 4-byte one on a 4-byte boundary; 0 and `isnull[i]` for nulls.
/// Errors: `NulByte` and `Malformed` naming the row, for valid slots only.
/// Cost:   two passes (sizes, bytes), one allocation.
pub(crate) struct Text<R, const SHORT: bool>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync, const SHORT: bool> Kernel for Text<R, SHORT> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        write_varlenas::<R, SHORT, true>(input, out, sink, None)
    }
}

/// `Utf8View`, `Utf8`, `LargeUtf8` -> `bpchar(n)`, padded with blanks to `n` characters.
/// In:     valid UTF-8, blanks trimmed or not; slots under a null hold anything.
/// Out:    as for text.
/// Errors: `NulByte`, `Malformed`; `TooLong` if more than `n` characters remain without the
///         trailing blanks.
/// Cost:   two passes, characters counted in both; one allocation.
pub(crate) struct Bpchar<R, const SHORT: bool> {
    pub(crate) length: usize,
    pub(crate) reader: PhantomData<R>,
}

impl<R: Reader + Send + Sync, const SHORT: bool> Kernel for Bpchar<R, SHORT> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        write_varlenas::<R, SHORT, true>(input, out, sink, Some(self.length))
    }
}

/// Text types -> `name`.
/// In:     valid UTF-8; slots under a null hold anything.
/// Out:    `datums[i]` points at 64 bytes, zero padded; longer text is cut at a character
///         boundary as Postgres' cast does; 0 and `isnull[i]` for nulls.
/// Errors: `NulByte`, `Malformed`.    Cost: one pass, one allocation.
pub(crate) struct Name<R>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync> Kernel for Name<R> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let reader = R::open(input)?;
        let bytes =
            input.rows.checked_mul(NAMEDATALEN).ok_or(KernelError::OutOfMemory { bytes: usize::MAX })?;
        let names = sink.allocate(bytes)?;
        checked(input, out, |row| {
            let value = reader.value(row)?;
            let text = clip(value.bytes(), NAMEDATALEN - 1);
            if has_nul(text) {
                return Err(Fault::NulByte);
            }
            // SAFETY: row < input.rows, so 64 bytes at row * 64 lie within the allocation, and
            // the text has at most 63.
            unsafe {
                let name = names.add(row * NAMEDATALEN).as_ptr();
                name.write_bytes(0, NAMEDATALEN);
                name.copy_from_nonoverlapping(text.as_ptr(), text.len());
                Ok(pointer_datum(name))
            }
        })
    }
}

/// The longest prefix of whole characters that has at most `limit` bytes.
fn clip(text: &[u8], limit: usize) -> &[u8] {
    if text.len() <= limit {
        return text;
    }
    let mut end = limit;
    while end > 0 && text[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    &text[..end]
}

/// Text types -> `"char"`.
/// In:     valid UTF-8; slots under a null hold anything.
/// Out:    `datums[i]` the first byte, sign-extended as `CharGetDatum` does; 0 for empty text and
///         for nulls, these with `isnull[i]`.
/// Errors: `Malformed`.    Cost: one pass, no allocation.
pub(crate) struct Char<R>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync> Kernel for Char<R> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let reader = R::open(input)?;
        checked(input, out, |row| {
            let first = reader.value(row)?.bytes().first().copied().unwrap_or(0);
            Ok(i64::from(first.cast_signed()).cast_unsigned())
        })
    }
}

/// `TooLong` for `character(n)`.
pub(crate) fn too_long(length: usize) -> Fault {
    Fault::TooLong(Cow::Owned(format!("character({length})")))
}
