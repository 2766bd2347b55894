//! Postgres' `numeric` as text: parsing, printing, comparing and converting; [`arithmetic`] computes.
//!
//! A value is `digits * 10^-scale`; `scale` is what Postgres calls the display scale and is
//! part of the value (`1.0` and `1.00` are equal but print differently).

mod arithmetic;

use num_bigint::{BigInt, BigUint, Sign};
use std::cmp::Ordering;
use std::fmt;

/// `NUMERIC_DSCALE_MAX`: the widest display scale a value can carry.
const MAX_SCALE: u32 = 16_383;
/// Digits before the point that fit (`(NUMERIC_WEIGHT_MAX + 1) * DEC_DIGITS`).
const MAX_INTEGER_DIGITS: u64 = 131_072;

/// An error text with its SQLSTATE mark (`bridge_types::error::split_marked`).
pub(crate) type Marked = String;

pub(crate) const DIVISION_BY_ZERO: &str = "[22012] division by zero";
const OVERFLOW: &str = "[22003] value overflows numeric format";

/// A numeric value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Numeric {
    /// `digits * 10^-scale`, small.
    Small(i128, u32),
    /// The same, of any size.
    Big(BigInt, u32),
    /// Not a number: equal to itself and greater than everything.
    NaN,
    /// Infinity; `true` is negative.
    Infinity(bool),
}

use Numeric::{Big, Infinity, NaN, Small};

/// 10^n while it fits.
fn pow10_i128(n: u32) -> Option<i128> {
    10i128.checked_pow(n)
}

fn pow10(n: u32) -> BigInt {
    BigInt::from(BigUint::from(10u32).pow(n))
}

/// `value / divisor`, rounded half away from zero.
fn divide_rounded(value: &BigInt, divisor: &BigInt) -> BigInt {
    let negative = (value.sign() == Sign::Minus) != (divisor.sign() == Sign::Minus);
    let (value, divisor) = (value.magnitude(), divisor.magnitude());
    let quotient = (value * 2u32 + divisor) / (divisor * 2u32);
    BigInt::from_biguint(if negative { Sign::Minus } else { Sign::Plus }, quotient)
}

/// The decimal digits of a number, without sign and leading zeros: none for 0.
struct Digits {
    ascii: [u8; Self::MOST],
    start: usize,
}

impl Digits {
    /// Of a number of 128 bits.
    const MOST: usize = 39;
    /// The most digits that surely fit in 64 bits, and ten to their power.
    const CHUNK: (usize, u128) = (19, 10_u128.pow(19));

    fn of(mut value: u128) -> Self {
        let mut digits = Self { ascii: [b'0'; Self::MOST], start: Self::MOST };
        let mut end = Self::MOST;
        while value > 0 {
            // Divisions of 64 bits are many times faster.
            let chunk = if value >= Self::CHUNK.1 { value % Self::CHUNK.1 } else { value };
            value = if value >= Self::CHUNK.1 { value / Self::CHUNK.1 } else { 0 };
            let mut chunk = u64::try_from(chunk).expect("less than 10^19");
            let mut at = end;
            while chunk > 0 {
                at -= 1;
                digits.ascii[at] = b'0' + u8::try_from(chunk % 10).expect("a digit");
                chunk /= 10;
                digits.start = at;
            }
            end = end.saturating_sub(Self::CHUNK.0);
        }
        digits
    }

    fn as_slice(&self) -> &[u8] {
        &self.ascii[self.start..]
    }
}

/// The form that printing gives, of at most 38 digits: `-?digits` with a point somewhere.
fn parse_plain(text: &[u8]) -> Option<Numeric> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let point = digits.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match point {
        Some(at) => (&digits[..at], &digits[at + 1..]),
        None => (digits, &[][..]),
    };
    let count = whole.len() + fraction.len();
    if count == 0 || count > 38 {
        return None;
    }
    let mut all = whole.iter().chain(fraction);
    let (mut small, mut any_other) = (0_u64, false);
    for byte in all.by_ref().take(Digits::CHUNK.0) {
        let digit = byte.wrapping_sub(b'0');
        any_other |= digit > 9;
        small = small.wrapping_mul(10).wrapping_add(digit.into());
    }
    let mut value = i128::from(small);
    for byte in all {
        let digit = byte.wrapping_sub(b'0');
        any_other |= digit > 9;
        value = value.wrapping_mul(10).wrapping_add(digit.into());
    }
    let scale = u32::try_from(fraction.len()).expect("at most 38");
    (!any_other).then_some(Small(if negative { -value } else { value }, scale))
}

impl Numeric {
    /// [`Self::parse`] of a DuckDB VARCHAR.
    pub(crate) fn parse_bytes(text: &[u8]) -> Result<Self, Marked> {
        if let Some(value) = parse_plain(text) {
            return Ok(value);
        }
        Self::parse(std::str::from_utf8(text).map_err(|_| "[22021] invalid byte sequence".to_owned())?)
    }

    /// Writes the value as Postgres prints it at the end of `out`.
    pub(crate) fn print(&self, out: &mut Vec<u8>) {
        let Small(value, scale) = self else {
            return out.extend_from_slice(self.to_string().as_bytes());
        };
        let digits = Digits::of(value.unsigned_abs());
        let digits = digits.as_slice();
        let scale = usize::try_from(*scale).expect("a scale is small");
        if *value < 0 {
            out.push(b'-');
        }
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(scale));
        out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        if scale > 0 {
            out.push(b'.');
            out.resize(out.len() + scale - fraction.len(), b'0');
            out.extend_from_slice(fraction);
        }
    }

    /// Reads what `numeric_in` reads (without underscores and radix prefixes).
    pub(crate) fn parse(text: &str) -> Result<Self, Marked> {
        let trimmed = text.trim();
        let invalid = || format!("[22P02] invalid input syntax for type numeric: \"{text}\"");
        let bytes = trimmed.as_bytes();
        let (negative, mut at) = match bytes.first() {
            Some(b'-') => (true, 1),
            Some(b'+') => (false, 1),
            Some(_) => (false, 0),
            None => return Err(invalid()),
        };
        let rest = &trimmed[at..];
        if !bytes[at..].first().is_some_and(|b| b.is_ascii_digit() || *b == b'.') {
            return match rest.to_ascii_lowercase().as_str() {
                "nan" if at == 0 => Ok(NaN),
                "infinity" | "inf" => Ok(Infinity(negative)),
                _ => Err(invalid()),
            };
        }
        let mut digits = Vec::with_capacity(bytes.len());
        let mut scale: i64 = 0;
        let mut seen_point = false;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'0'..=b'9' => {
                    digits.push(byte);
                    scale += i64::from(seen_point);
                }
                b'.' if !seen_point => seen_point = true,
                _ => break,
            }
            at += 1;
        }
        if digits.is_empty() {
            return Err(invalid());
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let exponent: i64 = trimmed[at + 1..].parse().map_err(|_| invalid())?;
            if exponent.abs() > i64::from(i32::MAX / 2) {
                return Err(OVERFLOW.into());
            }
            scale -= exponent;
            at = bytes.len();
        }
        if at != bytes.len() {
            return Err(invalid());
        }
        if scale < 0 {
            let zeros = usize::try_from(-scale).unwrap_or(usize::MAX);
            if zeros > 200_000 {
                return Err(OVERFLOW.into());
            }
            digits.extend(std::iter::repeat_n(b'0', zeros));
            scale = 0;
        }
        let scale = u32::try_from(scale).unwrap_or(u32::MAX);
        let value = if digits.len() <= 38 {
            let mut value = 0i128;
            for digit in &digits {
                value = value * 10 + i128::from(digit - b'0');
            }
            Small(if negative { -value } else { value }, scale)
        } else {
            let magnitude = BigUint::parse_bytes(&digits, 10).ok_or_else(invalid)?;
            let sign = if negative { Sign::Minus } else { Sign::Plus };
            Big(BigInt::from_biguint(sign, magnitude), scale)
        };
        let value = if scale > MAX_SCALE { value.rescaled(MAX_SCALE) } else { value };
        value.checked()
    }

    /// The value, unless it has more digits before the point than Postgres can hold.
    fn checked(self) -> Result<Self, Marked> {
        match &self {
            Big(value, scale) if value.bits() > 400_000 => {
                let digits = value.magnitude().to_str_radix(10).len();
                let integer = u64::try_from(digits).unwrap_or(u64::MAX).saturating_sub(u64::from(*scale));
                if integer > MAX_INTEGER_DIGITS { Err(OVERFLOW.into()) } else { Ok(self) }
            }
            _ => Ok(self),
        }
    }

    /// Digits and scale of a finite value.
    fn finite(&self) -> Option<(BigInt, u32)> {
        match self {
            Small(value, scale) => Some((BigInt::from(*value), *scale)),
            Big(value, scale) => Some((value.clone(), *scale)),
            NaN | Infinity(_) => None,
        }
    }

    fn from_big(value: BigInt, scale: u32) -> Self {
        match i128::try_from(&value) {
            Ok(small) => Small(small, scale),
            Err(_) => Big(value, scale),
        }
    }

    /// -1, 0 or 1; 0 for NaN.
    fn sign(&self) -> i32 {
        match self {
            Small(value, _) => i32::try_from(value.signum()).unwrap_or(0),
            Big(value, _) => match value.sign() {
                Sign::Minus => -1,
                Sign::NoSign => 0,
                Sign::Plus => 1,
            },
            NaN => 0,
            Infinity(negative) => {
                if *negative {
                    -1
                } else {
                    1
                }
            }
        }
    }

    /// With display scale `scale`, rounded half away from zero.
    fn rescaled(&self, scale: u32) -> Self {
        let own = match self {
            Small(_, own) | Big(_, own) => *own,
            NaN | Infinity(_) => return self.clone(),
        };
        if own == scale {
            return self.clone();
        }
        if let Small(value, _) = self {
            if scale > own {
                if let Some(grown) = pow10_i128(scale - own).and_then(|p| value.checked_mul(p)) {
                    return Small(grown, scale);
                }
            } else {
                match pow10_i128(own - scale) {
                    Some(divisor) => {
                        let (quotient, rest) = (value / divisor, value % divisor);
                        // rest.abs() * 2 >= divisor without overflow
                        let up = i128::from(rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2));
                        return Small(quotient + up * value.signum(), scale);
                    }
                    None => return Small(0, scale),
                }
            }
        }
        let (value, _) = self.finite().expect("special values returned above");
        Self::from_big(
            if scale > own {
                value * pow10(scale - own)
            } else {
                divide_rounded(&value, &pow10(own - scale))
            },
            scale,
        )
    }

    /// The digits of both at their larger scale, if they fit 128 bits.
    fn aligned(a: &Self, b: &Self) -> Option<(i128, i128, u32)> {
        let (Small(x, s), Small(y, t)) = (a, b) else { return None };
        let scale = *s.max(t);
        let x = x.checked_mul(pow10_i128(scale - s)?)?;
        let y = y.checked_mul(pow10_i128(scale - t)?)?;
        Some((x, y, scale))
    }

    fn aligned_big(a: &Self, b: &Self) -> Option<(BigInt, BigInt, u32)> {
        let ((x, s), (y, t)) = (a.finite()?, b.finite()?);
        let scale = s.max(t);
        Some((x * pow10(scale - s), y * pow10(scale - t), scale))
    }

    /// Postgres' order: -Infinity, numbers, Infinity, NaN.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let rank = |value: &Self| match value {
            Infinity(true) => 0,
            Small(..) | Big(..) => 1,
            Infinity(false) => 2,
            NaN => 3,
        };
        if rank(self) != 1 || rank(other) != 1 {
            return rank(self).cmp(&rank(other));
        }
        if let Some((x, y, _)) = Self::aligned(self, other) {
            return x.cmp(&y);
        }
        Self::aligned_big(self, other).map_or(Ordering::Equal, |(x, y, _)| x.cmp(&y))
    }

    /// As `float8_numeric` and `float4_numeric` convert: `significant` digits of the shortest kind `%g` prints.
    pub(crate) fn from_float(value: f64, significant: usize) -> Self {
        if value.is_nan() {
            return NaN;
        }
        if value.is_infinite() {
            return Infinity(value < 0.0);
        }
        // d.ddd…e±x, correctly rounded as printf does
        let text = format!("{value:.*e}", significant - 1);
        Self::parse(&strip_mantissa(&text)).unwrap_or(NaN)
    }

    /// As `numeric_float8`.
    pub(crate) fn to_double(&self) -> Result<f64, Marked> {
        match self {
            NaN => Ok(f64::NAN),
            Infinity(negative) => Ok(if *negative { f64::NEG_INFINITY } else { f64::INFINITY }),
            _ => {
                let text = self.to_string();
                let value: f64 = text.parse().map_err(|_| format!("[22P02] invalid number \"{text}\""))?;
                if value.is_infinite() || (value == 0.0 && self.sign() != 0) {
                    return Err(format!("[22003] \"{text}\" is out of range for type double precision"));
                }
                Ok(value)
            }
        }
    }

    /// As `numeric_int8`: rounded half away from zero.
    pub(crate) fn to_bigint(&self) -> Result<i64, Marked> {
        match self {
            NaN => Err("[0A000] cannot convert NaN to bigint".into()),
            Infinity(_) => Err("[0A000] cannot convert infinity to bigint".into()),
            _ => {
                let out_of_range = || "[22003] bigint out of range".to_owned();
                match self.round(0)? {
                    Small(value, _) => i64::try_from(value).map_err(|_| out_of_range()),
                    _ => Err(out_of_range()),
                }
            }
        }
    }

    /// Appends bytes that compare as the values do, and are equal for equal values.
    ///
    /// One class byte; for numbers then the decimal exponent (big endian, biased) and the
    /// digits, two a byte plus one, without trailing zeros, ended by 0; negative numbers
    /// have everything behind the class inverted.
    pub(crate) fn sort_key(&self, key: &mut Vec<u8>) {
        let start = key.len();
        match self {
            Infinity(true) => return key.push(1),
            Infinity(false) => return key.push(5),
            NaN => return key.push(6),
            _ if self.sign() == 0 => return key.push(3),
            _ => {}
        }
        let (small, large);
        let (digits, scale) = match self {
            Small(value, scale) => {
                small = Digits::of(value.unsigned_abs());
                (small.as_slice(), *scale)
            }
            _ => {
                let (value, scale) = self.finite().expect("special values returned above");
                large = value.magnitude().to_str_radix(10).into_bytes();
                (large.as_slice(), scale)
            }
        };
        let exponent = i64::try_from(digits.len()).unwrap_or(i64::MAX) - i64::from(scale);
        key.push(4);
        // Fits: at most 131072 digits before the point and 16383 after it.
        key.extend_from_slice(&u32::try_from(exponent + (1 << 30)).unwrap_or(u32::MAX).to_be_bytes());
        let end = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |at| at + 1);
        for pair in digits[..end].chunks(2) {
            let low = pair.get(1).map_or(0, |digit| digit - b'0');
            key.push((pair[0] - b'0') * 10 + low + 1);
        }
        key.push(0);
        if self.sign() < 0 {
            key[start] = 2;
            key[start + 1..].iter_mut().for_each(|byte| *byte = !*byte);
        }
    }
}

/// `d.ddd000e5` -> `d.ddde5`: `%g` drops trailing zeros, which would count as scale.
fn strip_mantissa(text: &str) -> String {
    let Some((mantissa, exponent)) = text.split_once('e') else { return text.to_owned() };
    let mantissa =
        if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    format!("{mantissa}e{exponent}")
}

impl fmt::Display for Numeric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (digits, scale) = match self {
            NaN => return f.write_str("NaN"),
            Infinity(negative) => return f.write_str(if *negative { "-Infinity" } else { "Infinity" }),
            Small(value, scale) => (value.unsigned_abs().to_string(), *scale),
            Big(value, scale) => (value.magnitude().to_str_radix(10), *scale),
        };
        if self.sign() < 0 {
            f.write_str("-")?;
        }
        let scale = usize::try_from(scale).unwrap_or(0);
        if scale == 0 {
            return f.write_str(&digits);
        }
        if digits.len() > scale {
            let (whole, fraction) = digits.split_at(digits.len() - scale);
            return write!(f, "{whole}.{fraction}");
        }
        write!(f, "0.{}{digits}", "0".repeat(scale - digits.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of Postgres 15: operation, arguments, result (`!` and SQLSTATE for errors).
    const ORACLE: &str = include_str!("numeric_oracle.tsv");

    fn number(text: &str) -> Numeric {
        Numeric::parse(text).unwrap()
    }

    fn answer(operation: &str, a: &str, b: &str) -> String {
        let shown = |value: Result<Numeric, Marked>| value.map(|value| value.to_string());
        let pair = || (number(a), number(b));
        let result = match operation {
            "add" => shown(pair().0.add(&pair().1)),
            "sub" => shown(pair().0.sub(&pair().1)),
            "mul" => shown(pair().0.mul(&pair().1)),
            "div" => shown(pair().0.div(&pair().1)),
            "mod" => shown(pair().0.rem(&pair().1)),
            "cmp" => Ok((pair().0.compare(&pair().1) as i32).to_string()),
            "ceil" => shown(number(a).ceil()),
            "floor" => shown(number(a).floor()),
            "abs" => Ok(number(a).abs().to_string()),
            "neg" => Ok(number(a).neg().to_string()),
            "round" => shown(number(a).round(b.parse().unwrap())),
            "trunc" => shown(number(a).trunc(b.parse().unwrap())),
            "bigint" => number(a).to_bigint().map(|value| value.to_string()),
            "fit" => {
                let (precision, scale) = b.split_once(',').unwrap();
                shown(number(a).fit(precision.parse().unwrap(), scale.parse().unwrap()))
            }
            "from_double" => Ok(Numeric::from_float(a.parse().unwrap(), 15).to_string()),
            "from_float" => Ok(Numeric::from_float(f64::from(a.parse::<f32>().unwrap()), 6).to_string()),
            other => panic!("unknown operation {other}"),
        };
        result.unwrap_or_else(|error| format!("!{}", &error[1..6]))
    }

    #[test]
    fn answers_are_those_of_postgres() {
        let mut wrong = Vec::new();
        let mut checked = 0;
        for line in ORACLE.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let [operation, a, b, expected] = fields[..] else { panic!("bad line {line}") };
            checked += 1;
            if operation == "double" {
                let value = number(a).to_double().unwrap();
                let expected: f64 = expected.parse().unwrap();
                if value.to_bits() != expected.to_bits() && !(value.is_nan() && expected.is_nan()) {
                    wrong.push(format!("{line}: {value}"));
                }
                continue;
            }
            let found = answer(operation, a, b);
            if found != expected {
                wrong.push(format!("{line}: {found}"));
            }
        }
        assert!(checked > 1000);
        assert!(
            wrong.is_empty(),
            "{} of {checked} differ:\n{}",
            wrong.len(),
            wrong[..wrong.len().min(40)].join("\n")
        );
    }

    #[test]
    fn sort_keys_order_as_the_values_do() {
        let texts: Vec<&str> =
            ORACLE.lines().filter_map(|line| line.strip_prefix("neg\t")?.split('\t').next()).collect();
        let (mut left, mut right) = (Vec::new(), Vec::new());
        for a in &texts {
            for b in &texts {
                left.clear();
                number(a).sort_key(&mut left);
                right.clear();
                number(b).sort_key(&mut right);
                assert_eq!(left.cmp(&right), number(a).compare(&number(b)), "{a} {b}");
            }
        }
    }

    /// The short ways of parsing and printing against the long ones.
    #[test]
    fn short_ways_lead_to_the_same() {
        let mut texts: Vec<String> =
            ORACLE.lines().flat_map(|line| line.split('\t')).map(str::to_owned).collect();
        let ends = [i128::MAX, 10_i128.pow(37), 10_i128.pow(19), 10_i128.pow(19) - 1, 10_i128.pow(18), 1, 0];
        for value in ends.into_iter().flat_map(|value| [value, -value]) {
            texts.extend([0, 1, 19, 40].map(|scale| Small(value, scale).to_string()));
        }
        texts.extend(["-", "-.", ".5", "5.", "1.2.3", "1e5", "", "+1"].map(str::to_owned));
        let mut printed = Vec::new();
        for text in &texts {
            let parsed = Numeric::parse(text);
            assert_eq!(Numeric::parse_bytes(text.as_bytes()), parsed, "{text}");
            if let Ok(value) = parsed {
                printed.clear();
                value.print(&mut printed);
                assert_eq!(std::str::from_utf8(&printed), Ok(value.to_string().as_str()), "{text}");
            }
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "x", "1x", ".", "1e", "--1", "1.2.3", "-NaN", "1 2"] {
            assert!(Numeric::parse(text).unwrap_err().starts_with("[22P02]"), "{text}");
        }
        assert_eq!(number(" 1.50 ").to_string(), "1.50");
        assert_eq!(number("1.5e3").to_string(), "1500");
        assert_eq!(number("-0.00").to_string(), "0.00");
        assert_eq!(number("inf"), Infinity(false));
        assert!(Numeric::parse("1e131073").is_err());
    }
}
