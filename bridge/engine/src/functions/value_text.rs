//! `pg_*_text`: values as Postgres' output functions write them, with the usual settings
//! (`DateStyle` ISO, `IntervalStyle` postgres, `bytea_output` hex, shortest floats).

use super::calendar::{DAY, Day, SECOND, infinite_date, infinite_timestamp, split};
use super::scalar::{Arguments, Output, ScalarFunction};
use crate::duckdb::IntervalValue;
use crate::duckdb::TypeId::{
    self, Blob, Date, Double, Float, Interval, List, Time, TimeTz, Timestamp, TimestampTz, Varchar,
};
use num_bigint::BigUint;
use std::cell::RefCell;
use std::fmt::Write as _;

/// Writes a value into a buffer; writing into a String cannot fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => { write!($out, $($arg)*).expect("writing into a string cannot fail") };
}
pub(super) use put;

thread_local! {
    /// Reused for every row, so that printing does not allocate.
    static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Sets a row to what `write` writes.
pub(super) fn set_text(out: &mut Output, row: usize, write: impl FnOnce(&mut String)) {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        write(buffer);
        out.set_bytes(row, buffer.as_bytes());
    });
}

macro_rules! text_of {
    ($name:literal, [$($kind:ident),*], |$args:ident, $row:ident, $out:ident| $write:expr) => {
        ScalarFunction {
            name: $name,
            arguments: &[$($kind),*] as &[TypeId],
            result: Varchar,
            row: |$args: &Arguments<'_>, out: &mut Output, $row: usize| {
                set_text(out, $row, |$out| $write);
                Ok(())
            },
        }
    };
}

/// All of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    text_of!("pg_float8_text", [Double], |args, row, out| float8(out, args.double(0, row))),
    text_of!("pg_float4_text", [Float], |args, row, out| float4(out, args.float(0, row))),
    text_of!("pg_date_text", [Date], |args, row, out| date(out, args.integer(0, row))),
    text_of!("pg_time_text", [Time], |args, row, out| time(out, args.long(0, row))),
    text_of!("pg_timetz_text", [TimeTz], |args, row, out| time_tz(out, args.values::<u64>(0)[row])),
    text_of!("pg_timestamp_text", [Timestamp], |args, row, out| timestamp(out, args.long(0, row), None)),
    // The instant, and what a clock in the session's time zone shows then.
    text_of!("pg_timestamptz_text", [TimestampTz, Timestamp], |args, row, out| {
        let (instant, local) = (args.long(0, row), args.long(1, row));
        timestamp(out, local, Some((local.wrapping_sub(instant)) / SECOND));
    }),
    text_of!("pg_interval_text", [Interval], |args, row, out| interval(out, args.interval(0, row))),
    ScalarFunction {
        name: "pg_bytea_text",
        arguments: &[Blob],
        result: Varchar,
        row: |args, out, row| {
            out.write_bytes(row, |out| {
                out.extend_from_slice(b"\\x");
                hex(out, args.bytes(0, row));
            });
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_array_text",
        arguments: &[List],
        result: Varchar,
        row: |args, out, row| {
            let items = args.texts(0, row).collect::<Result<Vec<_>, _>>()?;
            set_text(out, row, |out| {
                out.push('{');
                for (at, item) in items.into_iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    array_element(out, item);
                }
                out.push('}');
            });
            Ok(())
        },
    },
];

/// An element of an array's text: quoted if it would not read back as itself.
fn array_element(out: &mut String, item: Option<&str>) {
    let Some(text) = item else { return out.push_str("NULL") };
    let plain = !text.is_empty()
        && !text.eq_ignore_ascii_case("null")
        && !text.bytes().any(|b| matches!(b, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t'..=b'\r'));
    if plain {
        return out.push_str(text);
    }
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// Two digits a byte.
pub(super) fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// The shortest digits that read back as the same value, as Postgres arranges them.
pub(super) fn float8(out: &mut String, value: f64) {
    if special(out, value) {
        return;
    }
    let (magnitude, bits) = (value.abs(), value.abs().to_bits());
    let mut digits = Digits::of(ryu::Buffer::new().format_finite(magnitude));
    // Postgres takes no digits that lie exactly between two doubles. These are integers of 55
    // bits and more that are divisible by a large power of ten.
    if (18_014_398_509_481_984.0..4e39).contains(&magnitude)
        && is_midpoint(&digits, magnitude, [f64::from_bits(bits - 1), f64::from_bits(bits + 1)])
    {
        digits = Digits::of(&format!("{magnitude:.16e}"));
    }
    decimal(out, value.is_sign_negative(), &digits, 15);
}

/// As [`float8`].
pub(super) fn float4(out: &mut String, value: f32) {
    if special(out, f64::from(value)) {
        return;
    }
    let (magnitude, bits) = (value.abs(), value.abs().to_bits());
    let mut digits = Digits::of(ryu::Buffer::new().format_finite(magnitude));
    let neighbours = [bits.wrapping_sub(1), bits + 1].map(|bits| f64::from(f32::from_bits(bits)));
    if magnitude >= 33_554_432.0 && is_midpoint(&digits, magnitude.into(), neighbours) {
        digits = Digits::of(&format!("{magnitude:.8e}"));
    }
    decimal(out, value.is_sign_negative(), &digits, 6);
}

/// A number as `d.ddd` times ten to the power of an exponent.
struct Digits {
    /// ASCII, without zeros at the end, but at least one.
    digits: [u8; 17],
    length: usize,
    exponent: i32,
}

impl Digits {
    /// Reads `1200.5`, `0.0012`, `1.2e-7` and the like, of at most 17 digits that are not zeros around
    /// the others.
    fn of(text: &str) -> Self {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut exponent = exponent.parse().unwrap_or(0) - 1;
        let mut found = Self { digits: [b'0'; 17], length: 0, exponent: 0 };
        let (mut used, mut is_whole) = (0, true);
        for digit in mantissa.bytes() {
            if digit == b'.' {
                is_whole = false;
                continue;
            }
            if used > 0 || digit != b'0' {
                exponent += i32::from(is_whole);
                if let Some(place) = found.digits.get_mut(used) {
                    *place = digit;
                }
                used += 1;
                if digit != b'0' {
                    found.length = used;
                }
            } else if !is_whole {
                exponent -= 1;
            }
        }
        if found.length == 0 {
            return Self { length: 1, ..found };
        }
        Self { exponent, ..found }
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.digits[..self.length]).unwrap_or_default()
    }
}

fn special(out: &mut String, value: f64) -> bool {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value < 0.0 { "-Infinity" } else { "Infinity" });
    } else {
        return false;
    }
    true
}

/// The integer that the digits are, if they are one.
fn integer(digits: &Digits) -> Option<BigUint> {
    let zeros = (digits.exponent + 1).checked_sub(i32::try_from(digits.length).ok()?)?;
    let number: u64 = digits.text().parse().ok()?;
    Some(BigUint::from(number) * BigUint::from(10u32).pow(u32::try_from(zeros).ok()?))
}

/// A whole double, exactly.
fn big(value: f64) -> BigUint {
    BigUint::parse_bytes(format!("{value:.0}").as_bytes(), 10).unwrap_or_default()
}

/// True if the digits are exactly halfway between a whole `value` and one of its neighbours.
fn is_midpoint(digits: &Digits, value: f64, neighbours: [f64; 2]) -> bool {
    let Some(twice) = integer(digits).map(|number| number * 2u32) else { return false };
    neighbours.into_iter().any(|neighbour| big(value) + big(neighbour) == twice)
}

/// The digits as `%.{precision}g` arranges them, with at least two digits of exponent.
fn decimal(out: &mut String, negative: bool, digits: &Digits, precision: i32) {
    if negative {
        out.push('-');
    }
    let (text, exponent) = (digits.text(), digits.exponent);
    let zeros = |out: &mut String, count: usize| out.extend(std::iter::repeat_n('0', count));
    if !(-4..precision).contains(&exponent) {
        out.push_str(&text[..1]);
        if text.len() > 1 {
            out.push('.');
            out.push_str(&text[1..]);
        }
        put!(out, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    } else if exponent < 0 {
        out.push_str("0.");
        zeros(out, usize::try_from(-exponent - 1).unwrap_or(0));
        out.push_str(text);
    } else {
        let whole = usize::try_from(exponent).unwrap_or(0) + 1;
        if text.len() <= whole {
            out.push_str(text);
            zeros(out, whole - text.len());
        } else {
            out.push_str(&text[..whole]);
            out.push('.');
            out.push_str(&text[whole..]);
        }
    }
}

fn infinity(out: &mut String, negative: bool) {
    out.push_str(if negative { "-infinity" } else { "infinity" });
}

/// A number of at least `width` digits.
pub(super) fn padded(out: &mut String, number: u64, width: usize) {
    const PAIRS: &str = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748\
                         49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697\
                         9899";
    // The usual fields of dates and times.
    if let (2, 0..100) | (4, 1_000..10_000) = (width, number) {
        let mut pair = |number: u64| {
            let at = usize::try_from(number * 2).expect("below 200");
            out.push_str(&PAIRS[at..at + 2]);
        };
        if width == 4 {
            pair(number / 100);
        }
        return pair(number % 100);
    }
    let mut digits = [b'0'; 20];
    let (mut rest, mut at) = (number, digits.len());
    while rest > 0 {
        at -= 1;
        digits[at] += u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
    }
    let from = at.min(digits.len() - width);
    out.extend(digits[from..].iter().map(|digit| char::from(*digit)));
}

/// `YYYY-MM-DD`; true if the year is before Christ.
fn day(out: &mut String, days: i64) -> bool {
    let Day { year, month, day } = Day::from_unix(days);
    let before = year <= 0;
    padded(out, if before { 1 - year } else { year }.unsigned_abs(), 4);
    out.push('-');
    padded(out, month.unsigned_abs(), 2);
    out.push('-');
    padded(out, day.unsigned_abs(), 2);
    before
}

fn date(out: &mut String, days: i32) {
    if let Some(negative) = infinite_date(days) {
        return infinity(out, negative);
    }
    if day(out, days.into()) {
        out.push_str(" BC");
    }
}

/// `HH:MM:SS[.ffffff]` of microseconds of any sign (none is printed).
fn time(out: &mut String, micros: i64) {
    let micros = micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    padded(out, seconds / 3_600, 2);
    out.push(':');
    padded(out, seconds / 60 % 60, 2);
    out.push(':');
    padded(out, seconds % 60, 2);
    fraction(out, micros % 1_000_000);
}

/// Microseconds behind a point, without trailing zeros.
fn fraction(out: &mut String, micros: u64) {
    if micros != 0 {
        out.push('.');
        padded(out, micros, 6);
        out.truncate(out.trim_end_matches('0').len());
    }
}

/// `+HH[:MM[:SS]]`.
pub(super) fn zone(out: &mut String, seconds_east: i64) {
    let seconds = seconds_east.unsigned_abs();
    put!(out, "{}{:02}", if seconds_east < 0 { '-' } else { '+' }, seconds / 3_600);
    if !seconds.is_multiple_of(3_600) {
        put!(out, ":{:02}", seconds / 60 % 60);
    }
    if !seconds.is_multiple_of(60) {
        put!(out, ":{:02}", seconds % 60);
    }
}

/// DuckDB's `dtime_tz_t`: microseconds above 24 bits of (the largest offset - offset).
fn time_tz(out: &mut String, bits: u64) {
    const MAX_OFFSET: i64 = 16 * 60 * 60 - 1;
    time(out, i64::try_from(bits >> 24).unwrap_or(0));
    zone(out, MAX_OFFSET - i64::try_from(bits & 0xff_ffff).unwrap_or(0));
}

fn timestamp(out: &mut String, micros: i64, seconds_east: Option<i64>) {
    if let Some(negative) = infinite_timestamp(micros) {
        return infinity(out, negative);
    }
    let (days, of_day) = split(micros);
    let before = day(out, days);
    out.push(' ');
    time(out, of_day);
    if let Some(east) = seconds_east {
        zone(out, east);
    }
    if before {
        out.push_str(" BC");
    }
}

/// `EncodeInterval` in style postgres.
fn interval(out: &mut String, value: IntervalValue) {
    let start = out.len();
    let mut before = false;
    for (number, unit) in [(value.months / 12, "year"), (value.months % 12, "mon"), (value.days, "day")] {
        if number == 0 {
            continue;
        }
        if out.len() > start {
            out.push(' ');
        }
        put!(
            out,
            "{}{number} {unit}{}",
            if before && number > 0 { "+" } else { "" },
            if number == 1 { "" } else { "s" }
        );
        before = number < 0;
    }
    if out.len() > start && value.micros == 0 {
        return;
    }
    if out.len() > start {
        out.push(' ');
    }
    if value.micros < 0 {
        out.push('-');
    } else if before {
        out.push('+');
    }
    time(out, value.micros);
}

/// A time of day may be 24:00; the last microsecond of a day is the largest otherwise.
const _: () = assert!(DAY == 86_400 * SECOND);

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut String)) -> String {
        let mut out = String::new();
        write(&mut out);
        out
    }

    #[test]
    fn floats_are_arranged_as_by_postgres() {
        for (value, expected) in [
            (1.0, "1"),
            (-0.0, "-0"),
            (1e15, "1e+15"),
            (123456789012345.0, "123456789012345"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (0.1, "0.1"),
            (-12.5, "-12.5"),
            (1e308, "1e+308"),
            (5e-324, "5e-324"),
            (120.0, "120"),
            (100_000_000_000_000.0, "100000000000000"),
            (0.001_02, "0.00102"),
            (1.5e-7, "1.5e-07"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
            (9_007_199_254_740_992.0, "9.007199254740992e+15"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(text(|out| float8(out, value)), expected);
        }
        assert_eq!(text(|out| float4(out, 16_777_216.0)), "1.6777216e+07");
        assert_eq!(text(|out| float4(out, 0.1)), "0.1");
        assert_eq!(text(|out| float4(out, 123_456.0)), "123456");
    }

    #[test]
    fn intervals_show_signs_where_they_change() {
        let value = |months, days, micros| IntervalValue { months, days, micros };
        for (given, expected) in [
            (value(0, 0, 0), "00:00:00"),
            (value(14, 3, 14_706_700_000), "1 year 2 mons 3 days 04:05:06.7"),
            (value(0, -1, 7_200_000_000), "-1 days +02:00:00"),
            (value(1, -1, 0), "1 mon -1 days"),
            (value(-1, 1, 0), "-1 mons +1 day"),
            (value(0, 0, -1), "-00:00:00.000001"),
            (value(12, 0, 0), "1 year"),
        ] {
            assert_eq!(text(|out| interval(out, given)), expected);
        }
    }

    #[test]
    fn array_elements_are_quoted_where_they_must_be() {
        let element = |item| text(|out| array_element(out, item));
        assert_eq!(element(None), "NULL");
        assert_eq!(element(Some("a")), "a");
        assert_eq!(element(Some("")), "\"\"");
        assert_eq!(element(Some("null")), "\"null\"");
        assert_eq!(element(Some("a \"b\\")), "\"a \\\"b\\\\\"");
    }
}
