//! Decimals, integers and decimal text into `numeric`.

use std::marker::PhantomData;

use arrow::array::ArrowPrimitiveType;

use crate::Sink;
use crate::bytes::{BROKEN_VALUE, Reader};
use crate::column::{Column, Input, Kernel, checked, for_each_masked};
use crate::error::{Fault, Stop};
use crate::fixed::{fixed_values, write_fixed, write_fixed_total};
use crate::layout::{
    MAXALIGN, NUMERIC_BASE, NUMERIC_DEC_DIGITS, NUMERIC_DSCALE_MASK, NUMERIC_NAN, NUMERIC_NEG, NUMERIC_NINF,
    NUMERIC_PINF, NUMERIC_SHORT_DSCALE_MAX, NUMERIC_SHORT_WEIGHT_MAX, NUMERIC_SHORT_WEIGHT_MIN, VARHDRSZ,
    long_header, numeric_short_header,
};
use crate::sink::pointer_datum;

/// Bytes of a digit of a numeric.
const DIGIT: usize = 2;
/// Bytes of the header of a short-form numeric behind the varlena header.
const SHORT_HEADER: usize = 2;
const BASE: u64 = NUMERIC_BASE as u64;
const BASE_2: u64 = BASE * BASE;
const BASE_4: u64 = BASE_2 * BASE_2;
/// A 64-bit number has at most five digits: with the headers exactly 16 bytes.
const NARROW_SLOT: usize = VARHDRSZ + SHORT_HEADER + 5 * DIGIT;
/// A 128-bit number has 39 decimal digits, in at most 11 digits around the decimal point:
/// 28 bytes with the headers.
const WIDE_SLOT: usize = 32;
const WIDE_DIGITS: usize = 11;

/// What depends on the scale alone.
#[derive(Clone, Copy)]
struct Scale {
    dscale: u16,
    /// Digits behind the decimal point.
    fraction: i16,
    /// Decimal digits in the last, possibly partial, digit of the fraction, as a power of ten.
    split: u64,
    /// Factor that fills up that digit.
    fill: u64,
}

impl Scale {
    /// `scale` at most [`NUMERIC_SHORT_DSCALE_MAX`].
    fn new(scale: u8) -> Self {
        let partial = u32::from(scale % 4);
        Self {
            dscale: u16::from(scale),
            fraction: i16::from(scale.div_ceil(4)),
            split: 10_u64.pow(partial),
            fill: 10_u64.pow((4 - partial) % 4),
        }
    }

    /// The numeric of up to five digits; `value * fill` must fit 64 bits, else it is a wrong one.
    #[inline(always)]
    fn narrow(self, negative: bool, value: u64) -> u128 {
        let aligned = value.wrapping_mul(self.fill);
        if aligned >= BASE_4 {
            let four = four_digits(aligned % BASE_4);
            let digits = u128::from(aligned / BASE_4) | u128::from(four) << LANE_BITS;
            return self.pack(negative, 4 - self.fraction, digits, 8 - digits.leading_zeros() / LANE_BITS);
        }
        let four = four_digits(aligned);
        if four == 0 {
            return self.pack(false, 0, 0, 0);
        }
        let leading = four.trailing_zeros() / LANE_BITS;
        let digits = four >> (LANE_BITS * leading);
        let count = 4 - leading - four.leading_zeros() / LANE_BITS;
        let leading = i16::try_from(leading).unwrap_or(0);
        self.pack(negative, 3 - leading - self.fraction, digits.into(), count)
    }

    /// Headers and digits of a numeric; the most significant digit is in the lowest lane.
    #[inline(always)]
    fn pack(self, negative: bool, weight: i16, digits: u128, count: u32) -> u128 {
        let total = VARHDRSZ + SHORT_HEADER + DIGIT * count as usize;
        let header = numeric_short_header(negative, self.dscale, weight);
        u128::from(u64::from(long_header(total)) | u64::from(header) << 32) | digits << 48
    }

    /// The numeric of any 128-bit number.
    fn wide(self, negative: bool, value: u128) -> [u8; WIDE_SLOT] {
        let mut slot = [0; WIDE_SLOT];
        if let Ok(small) = u64::try_from(value)
            && small <= u64::MAX / self.fill
        {
            slot[..NARROW_SLOT].copy_from_slice(&self.narrow(negative, small).to_le_bytes());
            return slot;
        }
        // Least significant first; the last one may be partial.
        let mut digits = [0_u16; WIDE_DIGITS + 2];
        let mut count = 0;
        let mut push = |digit: u64| {
            digits[count] = u16::try_from(digit).unwrap_or(0);
            count += 1;
        };
        let mut rest = value;
        if self.split > 1 {
            push(low_digits(value % u128::from(self.split)) * self.fill);
            rest /= u128::from(self.split);
        }
        while rest > 0 {
            let low = low_digits(rest % u128::from(BASE_4));
            rest /= u128::from(BASE_4);
            push(low % BASE);
            push(low / BASE % BASE);
            push(low / BASE_2 % BASE);
            push(low / BASE_2 / BASE);
        }
        let digits = &digits[..count];
        let top = digits.iter().rposition(|digit| *digit != 0).unwrap_or(0);
        let bottom = digits.iter().position(|digit| *digit != 0).unwrap_or(0);
        let weight = i16::try_from(top).unwrap_or(0) - self.fraction;
        let total = VARHDRSZ + SHORT_HEADER + DIGIT * (top - bottom + 1);
        slot[..4].copy_from_slice(&long_header(total).to_le_bytes());
        slot[4..6].copy_from_slice(&numeric_short_header(negative, self.dscale, weight).to_le_bytes());
        let places = slot[6..].as_chunks_mut::<DIGIT>().0;
        for (place, digit) in places.iter_mut().zip(digits[bottom..=top].iter().rev()) {
            *place = digit.to_le_bytes();
        }
        slot
    }
}

/// Bits of the lanes that digits are computed in.
const LANE_BITS: u32 = 16;

/// The four digits of a number below 10^16, the most significant in the lowest lane.
#[inline(always)]
fn four_digits(value: u64) -> u64 {
    let upper = value / BASE_2;
    two_digits(upper) | two_digits(value - upper * BASE_2) << (2 * LANE_BITS)
}

/// The two digits of a number below 10^8, likewise.
#[inline(always)]
fn two_digits(value: u64) -> u64 {
    // value / 10^4 without a high product: the reciprocal is too large by 2224 / 2^40 / 10^4,
    // which is less than 10^-4 in the product for values up to 4.9 * 10^8.
    const SHIFT: u32 = 40;
    const RECIPROCAL: u64 = (1 << SHIFT) / BASE + 1;
    let upper = (value * RECIPROCAL) >> SHIFT;
    upper | (value - upper * BASE) << LANE_BITS
}

/// A remainder that is known to be below 2^64.
fn low_digits(remainder: u128) -> u64 {
    u64::try_from(remainder).unwrap_or(0)
}

/// An Arrow native number as sign and magnitude.
pub(crate) trait Magnitude: Copy {
    /// Unsigned magnitude: `u64` or `u128`.
    type Abs: Into<u128>;
    /// (negative, magnitude)
    fn split(self) -> (bool, Self::Abs);
}

/// Stamps out [`Magnitude`]: native type, its magnitude, and how to get there.
macro_rules! magnitude {
    ($($native:ty => $abs:ty, $split:expr;)*) => { $(
        impl Magnitude for $native {
            type Abs = $abs;
            #[inline(always)]
            fn split(self) -> (bool, $abs) {
                ($split)(self)
            }
        }
    )* };
}

magnitude! {
    i8 => u64, |value: i8| (value < 0, u64::from(value.unsigned_abs()));
    i16 => u64, |value: i16| (value < 0, u64::from(value.unsigned_abs()));
    i32 => u64, |value: i32| (value < 0, u64::from(value.unsigned_abs()));
    i64 => u64, |value: i64| (value < 0, value.unsigned_abs());
    u8 => u64, |value: u8| (false, u64::from(value));
    u16 => u64, |value: u16| (false, u64::from(value));
    u32 => u64, |value: u32| (false, u64::from(value));
    u64 => u64, |value: u64| (false, value);
    i128 => u128, |value: i128| (value < 0, value.unsigned_abs());
}

/// `Decimal32/64(p, s)` and integers (scale 0) -> `numeric`.
/// In:     `values[i]` unscaled; slots under a null hold anything.
/// Out:    `datums[i]` points at a numeric with a 4-byte header in the short form, display scale
///         `s`, on a 16-byte stride; 0 and `isnull[i]` for nulls.
/// Errors: `OutOfRange` for a value far beyond its precision: p + (-s mod 4) must be at most 19.
/// Cost:   one pass, one allocation of 16 bytes a row, no loop over digits.
pub(crate) struct NarrowDecimal<T> {
    scale: Scale,
    source: PhantomData<T>,
}

impl<T> NarrowDecimal<T> {
    /// `None` if products could need more than 64 bits: [`WideDecimal`] is for these.
    pub(crate) fn new(precision: u8, scale: i8) -> Option<Self> {
        let scale = u8::try_from(scale).ok().filter(|scale| u16::from(*scale) <= NUMERIC_SHORT_DSCALE_MAX)?;
        let fits = precision + (4 - scale % 4) % 4 <= 19;
        fits.then(|| Self { scale: Scale::new(scale), source: PhantomData })
    }
}

impl<T> Kernel for NarrowDecimal<T>
where
    T: ArrowPrimitiveType + Send + Sync,
    T::Native: Magnitude<Abs = u64>,
{
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<T>()?;
        let limit = u64::MAX / self.scale.fill;
        let scale = self.scale;
        write_fixed::<NARROW_SLOT>(input, out, sink, Fault::OutOfRange("numeric"), |row| {
            let (negative, value) = values[row].split();
            (scale.narrow(negative, value).to_le_bytes(), value > limit)
        })
    }
}

/// `Decimal64/128(p, s)`, HUGEINT as `Decimal128(38, 0)` -> `numeric`.
/// In:     `values[i]` unscaled, all 128 bits; slots under a null hold anything.
/// Out:    `datums[i]` points at a numeric with a 4-byte header in the short form, display scale
///         `s`, on a 32-byte stride; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, one allocation of 32 bytes a row; values of 64 bits take no
///         loop over digits.
pub(crate) struct WideDecimal<T> {
    scale: Scale,
    source: PhantomData<T>,
}

impl<T> WideDecimal<T> {
    /// `None` for scales DuckDB has not: below 0 and above 38.
    pub(crate) fn new(scale: i8) -> Option<Self> {
        let scale =
            u8::try_from(scale).ok().filter(|scale| *scale <= bridge_types::limits::MAX_DECIMAL_PRECISION)?;
        Some(Self { scale: Scale::new(scale), source: PhantomData })
    }
}

impl<T> Kernel for WideDecimal<T>
where
    T: ArrowPrimitiveType + Send + Sync,
    T::Native: Magnitude,
{
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<T>()?;
        write_fixed_total::<WIDE_SLOT>(input, out, sink, |row| {
            let (negative, value) = values[row].split();
            self.scale.wide(negative, value.into())
        })
    }
}

/// `FixedSizeBinary(16)` with extension `duckdb.uhugeint` -> `numeric`.
/// In:     little-endian u128; slots under a null hold anything.
/// Out:    as for `WideDecimal`, scale 0.
/// Errors: none.    Cost: as for `WideDecimal`.
pub(crate) struct Uhugeint;

impl Kernel for Uhugeint {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = fixed_values::<16>(input)?;
        let scale = Scale::new(0);
        write_fixed_total::<WIDE_SLOT>(input, out, sink, |row| {
            scale.wide(false, u128::from_le_bytes(values[row]))
        })
    }
}

/// Decimal text (`Utf8View`, `Utf8`, `LargeUtf8`) -> `numeric`.
/// In:     `[-+]digits[.digits]`, `NaN`, `Infinity`, `-Infinity`; slots under a null hold anything.
/// Out:    `datums[i]` points at a numeric with a 4-byte header, short form where possible, whose
///         display scale is the number of digits behind the point; 0 and `isnull[i]` for nulls.
/// Errors: `InvalidText`; `OutOfRange` beyond 131072 digits before and 16383 behind the point.
/// Cost:   two passes, one allocation.
pub(crate) struct NumericText<R>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync> Kernel for NumericText<R> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let reader = R::open(input)?;
        let mut bytes = 0_usize;
        for_each_masked(input, |row, mask| {
            bytes += text_room(reader.len(row, mask).ok_or(BROKEN_VALUE)?);
            Ok(())
        })?;
        let arena = sink.allocate(bytes)?;
        let mut used = 0;
        let mut digits = Vec::new();
        checked(input, out, |row| {
            let value = reader.value(row)?;
            let room = text_room(value.bytes().len());
            if used + room > bytes {
                return Err(Fault::Malformed("a string changed while it was read"));
            }
            let parsed = parse(value.bytes(), &mut digits)?;
            // SAFETY: used + room <= bytes (above), and `room` bounds the numeric of a text
            // of this length; the start is a multiple of 8.
            unsafe {
                let start = arena.add(used).as_ptr();
                used += write_numeric(start, &parsed, &digits).next_multiple_of(MAXALIGN);
                Ok(pointer_datum(start))
            }
        })
    }
}

/// Bytes, a multiple of 8, that bound the numeric of a text of `len` bytes: headers of 8, and
/// a digit for every four characters and one more on either side of the point.
fn text_room(len: usize) -> usize {
    (VARHDRSZ + 4 + DIGIT * (len / NUMERIC_DEC_DIGITS + 2)).next_multiple_of(MAXALIGN)
}

/// What stands before the digits of a numeric.
enum Parsed {
    Finite { negative: bool, weight: i16, dscale: u16 },
    Special(u16),
}

/// Most decimal digits before the point (`NUMERIC_MAX_PRECISION` of the format).
const MAX_INTEGER_DIGITS: usize = 131_072;

/// Parses decimal text; `digits` receives the base-10000 digits without zeros at either end.
fn parse(text: &[u8], digits: &mut Vec<u16>) -> Result<Parsed, Fault> {
    const INVALID: Fault = Fault::InvalidText("numeric");
    digits.clear();
    let (negative, number) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if number.eq_ignore_ascii_case(b"nan") && number.len() == text.len() {
        return Ok(Parsed::Special(NUMERIC_NAN));
    }
    if number.eq_ignore_ascii_case(b"infinity") || number.eq_ignore_ascii_case(b"inf") {
        return Ok(Parsed::Special(if negative { NUMERIC_NINF } else { NUMERIC_PINF }));
    }
    let (integer, fraction) = match number.iter().position(|byte| *byte == b'.') {
        Some(point) => (&number[..point], &number[point + 1..]),
        None => (number, &[][..]),
    };
    let all_digits = integer.iter().chain(fraction).all(u8::is_ascii_digit);
    if !all_digits || integer.len() + fraction.len() == 0 {
        return Err(INVALID);
    }
    let zeros = integer.iter().take_while(|byte| **byte == b'0').count();
    let integer = &integer[zeros..];
    let dscale = u16::try_from(fraction.len()).ok().filter(|dscale| *dscale <= NUMERIC_DSCALE_MASK);
    let dscale = dscale.ok_or(Fault::OutOfRange("numeric"))?;
    if integer.len() > MAX_INTEGER_DIGITS {
        return Err(Fault::OutOfRange("numeric"));
    }
    let group = |bytes: &[u8]| bytes.iter().fold(0_u16, |value, byte| value * 10 + u16::from(byte - b'0'));
    let (head, tail) = integer.split_at(integer.len() % NUMERIC_DEC_DIGITS);
    if !head.is_empty() {
        digits.push(group(head));
    }
    digits.extend(tail.chunks(NUMERIC_DEC_DIGITS).map(group));
    let mut weight = i32::try_from(digits.len()).unwrap_or(i32::MAX) - 1;
    for chunk in fraction.chunks(NUMERIC_DEC_DIGITS) {
        let missing = NUMERIC_DEC_DIGITS - chunk.len();
        digits.push((0..missing).fold(group(chunk), |value, _| value * 10));
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let leading = digits.iter().take_while(|digit| **digit == 0).count();
    digits.drain(..leading);
    weight -= i32::try_from(leading).unwrap_or(0);
    let zero = digits.is_empty();
    let weight = if zero { 0 } else { i16::try_from(weight).map_err(|_| Fault::OutOfRange("numeric"))? };
    Ok(Parsed::Finite { negative: negative && !zero, weight, dscale })
}

/// Writes a numeric and returns its length.
///
/// # Safety
/// `to` is aligned to 4 and holds at least `8 + 2 * digits.len()` writes.
unsafe fn write_numeric(to: *mut u8, parsed: &Parsed, digits: &[u16]) -> usize {
    let (words, count, digits) = match *parsed {
        Parsed::Special(word) => ([word, 0], 1, &[][..]),
        Parsed::Finite { negative, weight, dscale } => {
            let short = dscale <= NUMERIC_SHORT_DSCALE_MAX
                && (NUMERIC_SHORT_WEIGHT_MIN..=NUMERIC_SHORT_WEIGHT_MAX).contains(&weight);
            if short {
                ([numeric_short_header(negative, dscale, weight), 0], 1, digits)
            } else {
                let sign = if negative { NUMERIC_NEG } else { 0 };
                ([sign | dscale, weight.cast_unsigned()], 2, digits)
            }
        }
    };
    let total = VARHDRSZ + DIGIT * (count + digits.len());
    // SAFETY: 4 + 2 * (2 + digits) bytes are there (caller); u16 writes are at even offsets
    // of a 4-aligned start.
    unsafe {
        to.cast::<u32>().write(long_header(total));
        let body = to.add(VARHDRSZ).cast::<u16>();
        body.copy_from_nonoverlapping(words.as_ptr(), count);
        body.add(count).copy_from_nonoverlapping(digits.as_ptr(), digits.len());
    }
    total
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array as _, AsArray as _, Decimal64Array, Decimal128Array, Int64Array, StringViewArray,
    };
    use arrow::datatypes::Decimal128Type;
    use bridge_testkit::reference;
    use bridge_types::{PgType, oid};
    use proptest::prelude::*;

    use crate::testing::{failure, feed_one, field, texts, with_datums};
    use crate::{Fault, KernelError};

    const NUMERIC: PgType = PgType::new(oid::NUMERIC);

    proptest! {
        #[test]
        fn decimals_print_as_they_should(value in any::<i128>(), shift in 0_u32..128, scale in 0_i8..=38) {
            let value = value >> shift;
            let expected = reference::decimal(value, usize::try_from(scale).unwrap());
            let wide = Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale).unwrap();
            prop_assert_eq!(texts(wide, None, NUMERIC).unwrap(), [Some(expected)]);
        }

        #[test]
        fn narrow_decimals_print_as_they_should(value in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, power in 0_u32..18, scale in 0_i8..=18) {
            let value = value / 10_i64.pow(power);
            let expected = reference::decimal(value.into(), usize::try_from(scale).unwrap());
            for precision in [15_u8, 18] {
                if value.unsigned_abs() < 10_u64.pow(precision.into()) && scale.unsigned_abs() <= precision {
                    let array = Decimal64Array::from(vec![value]).with_precision_and_scale(precision, scale).unwrap();
                    prop_assert_eq!(texts(array, None, NUMERIC).unwrap(), [Some(expected.clone())]);
                }
            }
        }

        #[test]
        fn decimals_come_back(value in any::<i128>(), shift in 0_u32..128, scale in 0_u8..=38) {
            let value = (value >> shift) % 10_i128.pow(38);
            let to = PgType::numeric(38, scale);
            let array = Decimal128Array::from(vec![value]).with_precision_and_scale(38, scale.cast_signed()).unwrap();
            let field = field(array.data_type().clone(), None);
            let back = with_datums(&field, Arc::new(array), NUMERIC, |datums, _| feed_one(datums[0], to));
            prop_assert_eq!(back.unwrap().unwrap().column(0).as_primitive::<Decimal128Type>().value(0), value);
        }

        #[test]
        fn decimal_text_goes_both_ways(text in "-?(0|[1-9][0-9]{0,90})([.][0-9]{1,90})?") {
            let zero = !text.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
            let expected = if zero { text.trim_start_matches('-').to_owned() } else { text.clone() };
            let array = StringViewArray::from(vec![text.as_str()]);
            prop_assert_eq!(texts(array.clone(), None, NUMERIC).unwrap(), [Some(expected.clone())]);
            let field = field(array.data_type().clone(), None);
            let back = with_datums(&field, Arc::new(array), NUMERIC, |datums, _| feed_one(datums[0], NUMERIC));
            let back = back.unwrap().unwrap();
            prop_assert_eq!(back.column(0).as_string_view().value(0), expected);
        }
    }

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn extremes() {
        let ints = Int64Array::from(vec![i64::MIN, i64::MAX, 0, -1, 10_000, 100_000_000]);
        let expected =
            some(&["-9223372036854775808", "9223372036854775807", "0", "-1", "10000", "100000000"]);
        assert_eq!(texts(ints, None, NUMERIC).unwrap(), expected);
        let words = ["NaN", "Infinity", "-Infinity", "-0.00", "+1.5", "0001.10"];
        let expected = some(&["NaN", "Infinity", "-Infinity", "0.00", "1.5", "1.10"]);
        assert_eq!(texts(StringViewArray::from(words.to_vec()), None, NUMERIC).unwrap(), expected);
        for bad in ["", "-", ".", "1e5", "1 ", "--1", "-NaN", "1.2.3", "\u{661}"] {
            let found = failure(StringViewArray::from(vec!["1", bad]), None, NUMERIC);
            assert_eq!(found, Some(("22P02".into(), Some(1))), "{bad}");
        }
        let long = "9".repeat(131_072) + "." + &"9".repeat(16_383);
        assert_eq!(texts(StringViewArray::from(vec![long.as_str()]), None, NUMERIC).unwrap(), some(&[&long]));
        let longer = "9".repeat(131_073);
        assert_eq!(
            failure(StringViewArray::from(vec![longer]), None, NUMERIC),
            Some(("22003".into(), Some(0)))
        );
    }

    /// Text -> numeric -> a decimal column of another shape.
    fn refit(text: &str, to: PgType) -> Result<i128, Fault> {
        let array = StringViewArray::from(vec![text]);
        let field = field(array.data_type().clone(), None);
        match with_datums(&field, Arc::new(array), NUMERIC, |datums, _| feed_one(datums[0], to)).unwrap() {
            Ok(batch) => Ok(batch.column(0).as_primitive::<Decimal128Type>().value(0)),
            Err(KernelError::Value { fault, .. }) => Err(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn feeding_a_decimal_checks_and_rounds() {
        let to = PgType::numeric(20, 2);
        assert_eq!(refit("1.005", to), Ok(101));
        assert_eq!(refit("-1.0049", to), Ok(-100));
        assert_eq!(refit("0.0000000000000000000000000000000000000000001", to), Ok(0));
        assert_eq!(refit("999999999999999999.99", to), Ok(99_999_999_999_999_999_999));
        assert_eq!(refit("1000000000000000000", to), Err(Fault::OutOfRange("numeric")));
        assert_eq!(refit(&"9".repeat(60), to), Err(Fault::OutOfRange("numeric")));
        assert_eq!(refit("NaN", to), Err(Fault::NumericSpecial("NaN")));
        assert_eq!(refit("-Infinity", to).unwrap_err().sqlstate().as_str(), "22003");
    }
}
