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
/// In:     valid UTF-8, bytes from 128 on as a feed sends them, `\ooo`; slots under a null hold anything.
/// Out:    `datums[i]` the first byte, sign-extended as `CharGetDatum` does; 0 for empty text and
///         for nulls, these with `isnull[i]`.
/// Errors: `Malformed`.    Cost: one pass, no allocation.
pub(crate) struct Char<R>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync> Kernel for Char<R> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let reader = R::open(input)?;
        checked(input, out, |row| {
            let value = reader.value(row)?;
            let first = match value.bytes() {
                [b'\\', high @ b'2'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7'] => {
                    (high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0')
                }
                bytes => bytes.first().copied().unwrap_or(0),
            };
            Ok(i64::from(first.cast_signed()).cast_unsigned())
        })
    }
}

/// `TooLong` for `character(n)`.
pub(crate) fn too_long(length: usize) -> Fault {
    Fault::TooLong(Cow::Owned(format!("character({length})")))
}

#[cfg(test)]
mod tests {
    use arrow::array::{LargeStringArray, StringArray, StringViewArray};
    use bridge_types::{PgType, oid};

    use crate::testing::{failure, field, texts, with_datums};

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn lengths_around_views_and_headers() {
        let values: Vec<String> = [0, 1, 11, 12, 13, 15, 16, 17, 31, 32, 33, 125, 126, 127, 128, 70_000]
            .iter()
            .map(|length| "é".repeat(length / 2) + &"x".repeat(length % 2))
            .collect();
        let expected: Vec<_> = values.iter().cloned().map(Some).collect();
        let text = PgType::new(oid::TEXT);
        assert_eq!(texts(StringViewArray::from_iter_values(&values), None, text).unwrap(), expected);
        assert_eq!(texts(StringArray::from_iter_values(&values), None, text).unwrap(), expected);
        assert_eq!(texts(LargeStringArray::from_iter_values(&values), None, text).unwrap(), expected);
    }

    #[test]
    fn zero_bytes_are_refused_wherever_they_stand() {
        for length in 1..40 {
            for at in 0..length {
                let mut bytes = vec![b'a'; length];
                bytes[at] = 0;
                let values = vec!["good".to_owned(), String::from_utf8(bytes).unwrap()];
                let found = failure(StringViewArray::from_iter_values(values), None, PgType::new(oid::TEXT));
                assert_eq!(found, Some(("22021".into(), Some(1))), "length {length}, at {at}");
            }
        }
    }

    #[test]
    fn bpchar_counts_characters() {
        let char3 = PgType { oid: oid::BPCHAR, typmod: 3 + 4 };
        let padded = texts(StringViewArray::from(vec!["", "ä", "äöü", "ab   "]), None, char3).unwrap();
        assert_eq!(padded, some(&["   ", "ä  ", "äöü", "ab "]));
        assert_eq!(
            failure(StringViewArray::from(vec!["abcd"]), None, char3),
            Some(("22001".into(), Some(0)))
        );
        let free = texts(StringViewArray::from(vec!["ab"]), None, PgType::new(oid::BPCHAR)).unwrap();
        assert_eq!(free, some(&["ab"]));
        let wide = PgType { oid: oid::BPCHAR, typmod: 300 + 4 };
        assert_eq!(
            texts(StringViewArray::from(vec!["x"]), None, wide).unwrap(),
            some(&[&format!("{:<300}", "x")])
        );
    }

    #[test]
    fn names_are_cut_between_characters() {
        let long = "x".repeat(62) + "äö";
        let names =
            texts(StringViewArray::from(vec!["pg_class", &long]), None, PgType::new(oid::NAME)).unwrap();
        assert_eq!(names, some(&["pg_class", &"x".repeat(62)]));
    }

    #[test]
    fn char_is_one_byte_by_value() {
        let chars =
            texts(StringViewArray::from(vec!["r", "", "\\377", "\\"]), None, PgType::new(oid::CHAR)).unwrap();
        assert_eq!(chars, some(&["114", "0", "-1", "92"]));
    }

    #[test]
    fn short_headers_where_legal() {
        let array = StringViewArray::from(vec!["x".repeat(126), "x".repeat(127)]);
        let view = field(arrow::datatypes::DataType::Utf8View, None);
        let first = |datum: u64| {
            let start: *const u8 = std::ptr::with_exposed_provenance(usize::try_from(datum).unwrap());
            // SAFETY: a datum of a varlena, alive within `with_datums`.
            unsafe { *start }
        };
        let headers = with_datums(&view, std::sync::Arc::new(array), PgType::new(oid::TEXT), |datums, _| {
            datums.iter().map(|datum| first(*datum) & 1).collect::<Vec<_>>()
        });
        assert_eq!(headers.unwrap(), [1, 0]);
    }
}
