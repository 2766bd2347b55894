//! Strings, where DuckDB has no function of the same meaning. Positions count characters.

use super::ctype;
use super::scalar::{Arguments, Output, ScalarFunction};
use super::value_text::{hex, set_text};
use crate::duckdb::TypeId::{self, BigInt, Blob, Boolean, Double, Float, Integer, List, Uuid, Varchar};

/// `MaxAllocSize`: no value of Postgres is longer.
const MAX_BYTES: u64 = 0x3fff_ffff;
const TOO_LONG: &str = "[54000] requested length too large";
/// Most bytes of a character in UTF-8, by which Postgres reckons lengths.
const MAX_CHAR_BYTES: u64 = 4;
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Characters in a line of base64.
const BASE64_LINE: usize = 76;

macro_rules! text_function {
    ($name:literal, [$($kind:ident),*], |$args:ident, $row:ident| $result:expr) => {
        ScalarFunction {
            name: $name,
            arguments: &[$($kind),*] as &[TypeId],
            result: Varchar,
            row: |$args, out, $row| {
                let result: Result<_, String> = $result;
                out.set_bytes($row, result?.as_bytes());
                Ok(())
            },
        }
    };
}

macro_rules! function {
    ($name:literal, [$($kind:ident),*], $result:ident, |$args:ident, $row:ident, $out:ident| $work:block) => {
        ScalarFunction {
            name: $name,
            arguments: &[$($kind),*] as &[TypeId],
            result: $result,
            row: |$args, $out, $row| {
                $work
                Ok(())
            },
        }
    };
}

/// All of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    // The flag says whether letters beyond ASCII have case.
    function!("pg_upper", [Varchar, Boolean], Varchar, |args, row, out| {
        let (text, unicode) = (args.text(0, row)?, flag(args, 1, row));
        if text.is_ascii() {
            out.write_bytes(row, |out| out.extend(text.bytes().map(|byte| byte.to_ascii_uppercase())));
        } else {
            set_text(out, row, |out| out.extend(text.chars().map(|c| ctype::upper(c, unicode))));
        }
    }),
    function!("pg_lower", [Varchar, Boolean], Varchar, |args, row, out| {
        let (text, unicode) = (args.text(0, row)?, flag(args, 1, row));
        if text.is_ascii() {
            out.write_bytes(row, |out| out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase())));
        } else {
            set_text(out, row, |out| out.extend(text.chars().map(|c| ctype::lower(c, unicode))));
        }
    }),
    function!("pg_initcap", [Varchar, Boolean], Varchar, |args, row, out| {
        let (text, unicode) = (args.text(0, row)?, flag(args, 1, row));
        let mut inside = false;
        if text.is_ascii() {
            out.write_bytes(row, |out| {
                out.extend(text.bytes().map(|byte| {
                    let first = !std::mem::replace(&mut inside, byte.is_ascii_alphanumeric());
                    if first { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
                }));
            });
        } else {
            set_text(out, row, |out| {
                out.extend(text.chars().map(|c| {
                    let first = !std::mem::replace(&mut inside, ctype::is_alphanumeric(c, unicode));
                    if first { ctype::upper(c, unicode) } else { ctype::lower(c, unicode) }
                }));
            });
        }
    }),
    function!("pg_ascii", [Varchar], Integer, |args, row, out| {
        let first = args.text(0, row)?.chars().next().map_or(0, u32::from);
        out.set(row, i32::try_from(first).unwrap_or(0));
    }),
    text_function!("pg_chr", [Integer], |args, row| chr(args.integer(0, row))),
    function!("pg_reverse", [Varchar], Varchar, |args, row, out| {
        let text = args.text(0, row)?;
        if text.is_ascii() {
            out.write_bytes(row, |out| out.extend(text.bytes().rev()));
        } else {
            set_text(out, row, |out| out.extend(text.chars().rev()));
        }
    }),
    text_function!("pg_repeat", [Varchar, Integer], |args, row| repeat(
        args.text(0, row)?,
        args.integer(1, row)
    )),
    text_function!("pg_lpad", [Varchar, Integer, Varchar], |args, row| {
        pad(args.text(0, row)?, args.integer(1, row), args.text(2, row)?, true)
    }),
    text_function!("pg_rpad", [Varchar, Integer, Varchar], |args, row| {
        pad(args.text(0, row)?, args.integer(1, row), args.text(2, row)?, false)
    }),
    text_function!("pg_translate", [Varchar, Varchar, Varchar], |args, row| {
        Ok(translate(args.text(0, row)?, args.text(1, row)?, args.text(2, row)?))
    }),
    text_function!("pg_overlay", [Varchar, Varchar, Integer, Integer], |args, row| {
        overlay(args.text(0, row)?, args.text(1, row)?, args.integer(2, row), args.integer(3, row))
    }),
    text_function!("pg_quote_literal", [Varchar], |args, row| Ok(quote_literal(args.text(0, row)?))),
    text_function!("pg_to_hex4", [Integer], |args, row| Ok(format!("{:x}", args.integer(0, row)))),
    text_function!("pg_to_hex8", [BigInt], |args, row| Ok(format!("{:x}", args.long(0, row)))),
    function!("pg_encode", [Blob, Varchar], Varchar, |args, row, out| {
        let (bytes, encode) = (args.bytes(0, row), encoder(args.text(1, row)?)?);
        out.write_bytes(row, |out| encode(out, bytes));
    }),
    function!("pg_decode", [Varchar, Varchar], Blob, |args, row, out| {
        out.set_bytes(row, &decode(args.text(0, row)?, args.text(1, row)?)?);
    }),
    function!("pg_bytea_in", [Varchar], Blob, |args, row, out| {
        let text = args.text(0, row)?;
        let bytes = match text.strip_prefix("\\x") {
            Some(digits) => decode_hex(digits)?,
            None => decode_escape(text).map_err(|_| "[22P02] invalid input syntax for type bytea")?,
        };
        out.set_bytes(row, &bytes);
    }),
    function!("pg_bytea_substring", [Blob, Integer, Integer], Blob, |args, row, out| {
        out.set_bytes(row, slice(args.bytes(0, row), args.integer(1, row), Some(args.integer(2, row)))?);
    }),
    function!("pg_bytea_from", [Blob, Integer], Blob, |args, row, out| {
        out.set_bytes(row, slice(args.bytes(0, row), args.integer(1, row), None)?);
    }),
    function!("pg_get_byte", [Blob, Integer], Integer, |args, row, out| {
        let (bytes, index) = (args.bytes(0, row), args.integer(1, row));
        let byte = usize::try_from(index).ok().and_then(|index| bytes.get(index));
        let byte = byte.ok_or_else(|| {
            let last = i64::try_from(bytes.len()).unwrap_or(i64::MAX) - 1;
            format!("[2202E] index {index} out of valid range, 0..{last}")
        })?;
        out.set(row, i32::from(*byte));
    }),
    function!("pg_string_to_array", [Varchar, Varchar], List, |args, row, out| {
        split(out, row, args.text(0, row)?, args.text(1, row)?, None);
    }),
    function!("pg_string_to_array_null", [Varchar, Varchar, Varchar], List, |args, row, out| {
        split(out, row, args.text(0, row)?, args.text(1, row)?, Some(args.text(2, row)?));
    }),
    function!("pg_string_to_chars", [Varchar], List, |args, row, out| {
        let text = args.text(0, row)?;
        out.set_texts(row, text.char_indices().map(|(at, c)| Some(&text[at..at + c.len_utf8()])));
    }),
    function!("pg_array_to_string", [List, Varchar], Varchar, |args, row, out| {
        join(args, out, row, None)?;
    }),
    function!("pg_array_to_string_null", [List, Varchar, Varchar], Varchar, |args, row, out| {
        join(args, out, row, Some(args.text(2, row)?))?;
    }),
    function!("pg_uuid_in", [Varchar], Uuid, |args, row, out| {
        out.set(row, uuid(args.text(0, row)?)?);
    }),
    function!("pg_bool_in", [Varchar], Boolean, |args, row, out| {
        out.set(row, u8::from(boolean(args.text(0, row)?)?));
    }),
    function!("pg_float8_in", [Varchar], Double, |args, row, out| {
        out.set(row, float8(args.text(0, row)?)?);
    }),
    function!("pg_float4_in", [Varchar], Float, |args, row, out| {
        out.set(row, float4(args.text(0, row)?)?);
    }),
];

fn flag(args: &Arguments<'_>, column: usize, row: usize) -> bool {
    args.values::<u8>(column)[row] != 0
}

fn chr(code: i32) -> Result<String, String> {
    if code == 0 {
        return Err("[54000] null character not permitted".into());
    }
    if code < 0 {
        return Err("[22023] character number must be positive".into());
    }
    u32::try_from(code).ok().and_then(char::from_u32).map(String::from).ok_or_else(|| {
        format!(
            "[54000] requested character {} for encoding: {code}",
            if code > 0x10_ffff { "too large" } else { "not valid" }
        )
    })
}

fn repeat(text: &str, count: i32) -> Result<String, String> {
    let count = u64::try_from(count).unwrap_or(0);
    let bytes = (text.len() as u64).checked_mul(count).filter(|bytes| *bytes + 4 <= MAX_BYTES);
    if bytes.is_none() {
        return Err(TOO_LONG.into());
    }
    Ok(text.repeat(usize::try_from(count).unwrap_or(0)))
}

fn pad(text: &str, length: i32, fill: &str, left: bool) -> Result<String, String> {
    let length = usize::try_from(length).unwrap_or(0);
    let have = text.chars().count();
    // Without anything to fill with, the result is no longer than the text.
    let target = if fill.is_empty() { length.min(have) } else { length };
    if target as u64 * MAX_CHAR_BYTES + 4 > MAX_BYTES {
        return Err(TOO_LONG.into());
    }
    if target <= have {
        return Ok(text.chars().take(target).collect());
    }
    let padding = fill.chars().cycle().take(target - have);
    Ok(if left { padding.chain(text.chars()).collect() } else { text.chars().chain(padding).collect() })
}

fn translate(text: &str, from: &str, to: &str) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    let to: Vec<char> = to.chars().collect();
    text.chars()
        .filter_map(|c| match from.chars().position(|f| f == c) {
            Some(at) => to.get(at).copied(),
            None => Some(c),
        })
        .collect()
}

/// `overlay(text placing new from start for length)`; a length below 0 repeats the text.
fn overlay(text: &str, new: &str, start: i32, length: i32) -> Result<String, String> {
    if start <= 0 {
        return Err("[22011] negative substring length not allowed".into());
    }
    let end = start.checked_add(length).ok_or("[22003] integer out of range")?;
    let before = usize::try_from(start - 1).unwrap_or(0);
    let after = usize::try_from(end - 1).unwrap_or(0);
    let mut result: String = text.chars().take(before).collect();
    result.push_str(new);
    result.extend(text.chars().skip(after));
    Ok(result)
}

fn quote_literal(text: &str) -> String {
    let mut result = String::with_capacity(text.len() + 2);
    if text.contains('\\') {
        result.push('E');
    }
    result.push('\'');
    for c in text.chars() {
        if matches!(c, '\'' | '\\') {
            result.push(c);
        }
        result.push(c);
    }
    result.push('\'');
    result
}

/// Appends bytes in ASCII letters.
type Encoder = fn(&mut Vec<u8>, &[u8]);

/// What writes this format.
fn encoder(format: &str) -> Result<Encoder, String> {
    if format.eq_ignore_ascii_case("hex") {
        Ok(hex)
    } else if format.eq_ignore_ascii_case("base64") {
        Ok(base64)
    } else if format.eq_ignore_ascii_case("escape") {
        Ok(escape)
    } else {
        Err(format!("[22023] unrecognized encoding: \"{format}\""))
    }
}

fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let digit = |word: u32, shift: u32| BASE64[usize::try_from(word >> shift & 63).expect("6 bits")];
    out.reserve(bytes.len() / 3 * 4 + 4);
    let (groups, rest) = bytes.as_chunks::<3>();
    for (at, &[a, b, c]) in (1..).zip(groups) {
        let word = u32::from_be_bytes([0, a, b, c]);
        out.extend_from_slice(&[digit(word, 18), digit(word, 12), digit(word, 6), digit(word, 0)]);
        // A line ends behind its last whole group, even if nothing follows.
        if at * 4 % BASE64_LINE == 0 {
            out.push(b'\n');
        }
    }
    match *rest {
        [a] => {
            let word = u32::from_be_bytes([0, a, 0, 0]);
            out.extend_from_slice(&[digit(word, 18), digit(word, 12), b'=', b'=']);
        }
        [a, b] => {
            let word = u32::from_be_bytes([0, a, b, 0]);
            out.extend_from_slice(&[digit(word, 18), digit(word, 12), digit(word, 6), b'=']);
        }
        _ => {}
    }
}

fn escape(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            0 | 0x80.. => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
            _ => out.push(*byte),
        }
    }
}

fn decode(text: &str, format: &str) -> Result<Vec<u8>, String> {
    match format.to_ascii_lowercase().as_str() {
        "hex" => decode_hex(text),
        "base64" => decode_base64(text),
        "escape" => decode_escape(text),
        _ => Err(format!("[22023] unrecognized encoding: \"{format}\"")),
    }
}

fn decode_hex(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for c in text.chars() {
        if high.is_none() && matches!(c, ' ' | '\n' | '\t' | '\r') {
            continue;
        }
        let digit = c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digit = digit.ok_or_else(|| format!("[22023] invalid hexadecimal digit: \"{c}\""))?;
        match high.take() {
            None => high = Some(digit),
            Some(first) => bytes.push(first << 4 | digit),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err("[22023] invalid hexadecimal data: odd number of digits".into()),
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut word, mut digits, mut padding) = (0u32, 0, 0);
    for c in text.chars() {
        let value = match c {
            ' ' | '\t' | '\n' | '\r' => continue,
            '=' => {
                // One or two of them, after two digits at least.
                if padding == 0 {
                    padding = match digits {
                        2 => 1,
                        3 => 2,
                        _ => return Err("[22023] unexpected \"=\" while decoding base64 sequence".into()),
                    };
                }
                0
            }
            c => match u8::try_from(c).ok().and_then(|b| BASE64.iter().position(|digit| *digit == b)) {
                Some(value) if padding == 0 => u32::try_from(value).unwrap_or(0),
                _ => {
                    return Err(format!(
                        "[22023] invalid symbol \"{c}\" found while decoding base64 sequence"
                    ));
                }
            },
        };
        word = word << 6 | value;
        digits += 1;
        if digits == 4 {
            let [_, a, b, c] = word.to_be_bytes();
            match padding {
                0 => bytes.extend([a, b, c]),
                1 => bytes.push(a),
                _ => bytes.extend([a, b]),
            }
            (word, digits) = (0, 0);
        }
    }
    if digits != 0 {
        return Err("[22023] invalid base64 end sequence".into());
    }
    Ok(bytes)
}

fn decode_escape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'\\', [b'\\', tail @ ..]) => {
                bytes.push(b'\\');
                tail
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                tail
            }
            (b'\\', _) => return Err("[22P02] invalid input syntax for type bytea".into()),
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    Ok(bytes)
}

/// `substring(bytea, start[, length])`: positions before the first byte count towards the length.
fn slice(bytes: &[u8], start: i32, length: Option<i32>) -> Result<&[u8], String> {
    let start = i64::from(start);
    let end = match length {
        Some(length) if length < 0 => {
            return Err("[22011] negative substring length not allowed".into());
        }
        Some(length) => start + i64::from(length),
        None => i64::MAX,
    };
    let place = |position: i64| usize::try_from(position - 1).unwrap_or(0).min(bytes.len());
    Ok(&bytes[place(start)..place(end).max(place(start))])
}

/// Sets a row to the parts between delimiters, of which those that read `null` are null; nothing has no
/// parts, and without a delimiter all is one part.
fn split(out: &mut Output, row: usize, text: &str, delimiter: &str, null: Option<&str>) {
    let part = |part| (Some(part) != null).then_some(part);
    let mut letters = delimiter.chars();
    match (letters.next(), letters.next()) {
        _ if text.is_empty() => out.set_texts(row, std::iter::empty()),
        (None, _) => out.set_texts(row, std::iter::once(part(text))),
        // Much faster to look for than a string.
        (Some(letter), None) => out.set_texts(row, text.split(letter).map(part)),
        _ => out.set_texts(row, text.split(delimiter).map(part)),
    }
}

fn join(args: &Arguments<'_>, out: &mut Output, row: usize, null: Option<&str>) -> Result<(), String> {
    let delimiter = args.text(1, row)?.as_bytes();
    let mut result = Ok(());
    out.write_bytes(row, |out| {
        let mut separator: &[u8] = b"";
        for item in args.texts(0, row) {
            match item {
                Err(error) => result = Err(error),
                Ok(item) => {
                    let Some(item) = item.or(null) else { continue };
                    out.extend_from_slice(std::mem::replace(&mut separator, delimiter));
                    out.extend_from_slice(item.as_bytes());
                }
            }
        }
    });
    result
}

/// 32 digits, with hyphens after groups of four and braces around if one likes; DuckDB stores the
/// number with its highest bit inverted, so that it sorts as a signed one.
fn uuid(text: &str) -> Result<i128, String> {
    let error = || format!("[22P02] invalid input syntax for type uuid: \"{text}\"");
    let inner = match text.strip_prefix('{') {
        Some(inner) => inner.strip_suffix('}').ok_or_else(error)?,
        None => text,
    };
    let (mut number, mut digits, mut after_hyphen) = (0u128, 0, true);
    for c in inner.chars() {
        if c == '-' && !after_hyphen && digits % 4 == 0 && digits < 32 {
            after_hyphen = true;
            continue;
        }
        let digit = c.to_digit(16).filter(|_| digits < 32).ok_or_else(error)?;
        number = number << 4 | u128::from(digit);
        digits += 1;
        after_hyphen = false;
    }
    if digits != 32 || after_hyphen {
        return Err(error());
    }
    Ok((number ^ 1 << 127).cast_signed())
}

/// What `isspace` takes in locale C.
fn trim(text: &str) -> &str {
    text.trim_matches(|c: char| matches!(c, ' ' | '\t'..='\r'))
}

fn boolean(text: &str) -> Result<bool, String> {
    let word = trim(text).to_ascii_lowercase();
    let begins = |whole: &str, least: usize| word.len() >= least && whole.starts_with(&word);
    if begins("true", 1) || begins("yes", 1) || word == "on" || word == "1" {
        Ok(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || word == "0" {
        Ok(false)
    } else {
        Err(format!("[22P02] invalid input syntax for type boolean: \"{text}\""))
    }
}

/// The words for values that are not numbers; `None` for anything else.
fn special(word: &str) -> Option<f64> {
    let (negative, rest) = match word.as_bytes().first() {
        Some(b'-') => (true, &word[1..]),
        Some(b'+') => (false, &word[1..]),
        _ => (false, word),
    };
    if rest.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    (rest.eq_ignore_ascii_case("infinity") || rest.eq_ignore_ascii_case("inf")).then_some(if negative {
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    })
}

/// A decimal number of `strtod`. Its hexadecimal ones are refused.
fn number<T: std::str::FromStr>(text: &str, type_name: &str) -> Result<T, String> {
    let error = || format!("[22P02] invalid input syntax for type {type_name}: \"{text}\"");
    let word = trim(text);
    if word.contains(['x', 'X']) && word.trim_start_matches(['+', '-']).starts_with('0') {
        return Err("[0A000] hexadecimal floating-point numbers are not read in DuckDB".into());
    }
    if !word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(error());
    }
    word.parse().map_err(|_| error())
}

/// True if a text that was read as 0 is not 0.
fn underflowed(text: &str) -> bool {
    let mantissa = trim(text).split(['e', 'E']).next().unwrap_or("");
    mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'))
}

fn float8(text: &str) -> Result<f64, String> {
    if let Some(value) = special(trim(text)) {
        return Ok(value);
    }
    let value: f64 = number(text, "double precision")?;
    if value.is_infinite() || (value == 0.0 && underflowed(text)) {
        return Err(format!("[22003] \"{}\" is out of range for type double precision", trim(text)));
    }
    Ok(value)
}

fn float4(text: &str) -> Result<f32, String> {
    if let Some(value) = special(trim(text)) {
        #[expect(clippy::cast_possible_truncation, reason = "NaN and infinities are in both")]
        return Ok(value as f32);
    }
    let value: f32 = number(text, "real")?;
    if value.is_infinite() || (value == 0.0 && underflowed(text)) {
        return Err(format!("[22003] \"{}\" is out of range for type real", trim(text)));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_padded_and_translated_by_characters() {
        assert_eq!(pad("é", 4, "äb", true), Ok("äbäé".to_owned()));
        assert_eq!(pad("héllo", 2, "x", false), Ok("hé".to_owned()));
        assert_eq!(pad("a", 5, "", true), Ok("a".to_owned()));
        assert_eq!(pad("a", i32::MAX, "x", true), Err(TOO_LONG.to_owned()));
        assert_eq!(translate("12345", "143", "ax"), "a2x5");
        assert_eq!(overlay("Txxxxas", "hom", 2, 4), Ok("Thomas".to_owned()));
        assert_eq!(quote_literal("a'b\\"), "E'a''b\\\\'");
        assert_eq!(chr(228), Ok("ä".to_owned()));
    }

    fn encode(bytes: &[u8], format: &str) -> String {
        let mut text = Vec::new();
        encoder(format).unwrap()(&mut text, bytes);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn encodings_round_trip() {
        let bytes: Vec<u8> = (0..=255).collect();
        for format in ["hex", "base64", "escape"] {
            let text = encode(&bytes, format);
            assert_eq!(decode(&text, format).as_ref(), Ok(&bytes), "{format}");
        }
        assert_eq!(encode(b"ab", "base64"), "YWI=");
        assert_eq!(encode(b"a", "BASE64"), "YQ==");
        assert!(encoder("hexa").is_err());
        assert!(
            decode("abc", "hex").is_err()
                && decode("a===", "base64").is_err()
                && decode("\\9", "escape").is_err()
        );
    }

    #[test]
    fn words_are_read_as_by_postgres() {
        assert_eq!((boolean(" TRu "), boolean("of"), boolean("1")), (Ok(true), Ok(false), Ok(true)));
        assert!(boolean("o").is_err() && boolean("").is_err() && boolean("truee").is_err());
        assert_eq!(float8(" 1e3 "), Ok(1000.0));
        assert!(
            float8("1e400").is_err()
                && float8("1e-400").is_err()
                && float8("1x").is_err()
                && float8("").is_err()
        );
        assert_eq!(
            uuid("{a0eebc999c0b4ef8bb6d6bb9bd380a11}"),
            uuid("a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11")
        );
        assert!(uuid("a0eebc99").is_err() && uuid("-a0eebc999c0b4ef8bb6d6bb9bd380a11").is_err());
    }
}
