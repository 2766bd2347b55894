//! Numerics as decimals and as text.

use std::io::Write as _;

use crate::error::Fault;
use crate::layout::{
    NUMERIC_BASE, NUMERIC_DEC_DIGITS, NUMERIC_DSCALE_MASK, NUMERIC_NAN, NUMERIC_NEG, NUMERIC_NINF,
    NUMERIC_PINF, NUMERIC_SHORT, NUMERIC_SHORT_DSCALE_MAX, NUMERIC_SHORT_DSCALE_SHIFT, NUMERIC_SHORT_SIGN,
    NUMERIC_SHORT_WEIGHT_MASK, NUMERIC_SHORT_WEIGHT_SIGN, NUMERIC_SIGN_MASK, NUMERIC_SPECIAL,
};

/// What `numeric(precision, scale)` can hold.
#[derive(Clone, Copy)]
pub(super) struct DecimalLimits {
    precision: u8,
    scale: i8,
    /// The values of up to 18 digits: 10^precision; 0 if there are more.
    end: u64,
}

/// Most base-10000 digits whose number cannot overflow 64 bits.
const NARROW_DIGITS: usize = 4;
/// Most decimal digits of a signed 64-bit number that has all of them.
const NARROW_PRECISION: u8 = 18;

impl DecimalLimits {
    /// Of a decimal that DuckDB has: `precision` at most 38, `scale` from 0 to that.
    pub(super) fn new(precision: u8, scale: i8) -> Self {
        let end = if precision <= NARROW_PRECISION { 10_u64.pow(precision.into()) } else { 0 };
        Self { precision, scale, end }
    }

    /// The unscaled value of a numeric's payload; further digits are rounded half away from zero.
    /// Errors: `OutOfRange` if it does not fit, `NumericSpecial` for NaN and infinities.
    #[inline(always)]
    pub(super) fn narrow<T: TryFrom<i64> + TryFrom<i128>>(self, payload: &[u8]) -> Result<T, Fault> {
        if let Some(value) = self.short(payload) {
            return T::try_from(value).map_err(|_| OVERFLOW);
        }
        T::try_from(self.wide(payload)?).map_err(|_| OVERFLOW)
    }

    /// As [`Self::narrow`], of any width.
    pub(super) fn wide(self, payload: &[u8]) -> Result<i128, Fault> {
        Numeric::read(payload)?.decimal(self.precision, self.scale)
    }

    /// The value of an ordinary numeric: in the short form, of few digits, with no more of them
    /// behind the point than the scale or at most three more in the last digit. `None` for any
    /// other, and for one that is too large.
    #[inline(always)]
    fn short(self, payload: &[u8]) -> Option<i64> {
        let (words, _) = payload.as_chunks::<2>();
        let (header, digits) = words.split_first()?;
        let header = u16::from_le_bytes(*header);
        if header & NUMERIC_SIGN_MASK != NUMERIC_SHORT || digits.len() > NARROW_DIGITS {
            return None;
        }
        let count = i32::try_from(digits.len()).ok()?;
        let value = digits.iter().fold(0_u64, |value, digit| {
            value * u64::from(NUMERIC_BASE) + u64::from(u16::from_le_bytes(*digit))
        });
        // The power of ten that the last digit stands for, in units of the scale.
        let power = 4 * (i32::from(short_weight(header)) + 1 - count) + i32::from(self.scale);
        let value = match power {
            0 => value,
            // Divisors that the compiler knows: it multiplies instead.
            -1 => (value + 5) / 10,
            -2 => (value + 50) / 100,
            -3 => (value + 500) / 1000,
            1 => value * 10,
            2 => value * 100,
            _ if value == 0 => 0,
            _ => return None,
        };
        let value = i64::try_from(value).ok().filter(|_| value < self.end)?;
        Some(if header & NUMERIC_SHORT_SIGN != 0 { -value } else { value })
    }
}

/// The weight in the header of a short-form numeric.
#[inline(always)]
fn short_weight(header: u16) -> i16 {
    let low = header & (NUMERIC_SHORT_WEIGHT_MASK | NUMERIC_SHORT_WEIGHT_SIGN);
    let sign = if low & NUMERIC_SHORT_WEIGHT_SIGN == 0 { 0 } else { !NUMERIC_SHORT_WEIGHT_MASK };
    (low | sign).cast_signed()
}

const OVERFLOW: Fault = Fault::OutOfRange("numeric");

/// A numeric, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Numeric<'a> {
    /// Digits of base 10000, the first of weight `weight`.
    Finite { negative: bool, weight: i16, dscale: u16, digits: &'a [[u8; 2]] },
    /// Neither finite: its name.
    Special(&'static str),
}

const SHORTER: Fault = Fault::Malformed("a numeric is shorter than its header");

impl<'a> Numeric<'a> {
    /// Takes apart the payload of a numeric's varlena.
    pub(crate) fn read(payload: &'a [u8]) -> Result<Self, Fault> {
        let (words, _) = payload.as_chunks::<2>();
        let (first, rest) = words.split_first().ok_or(SHORTER)?;
        let header = u16::from_le_bytes(*first);
        match header & NUMERIC_SIGN_MASK {
            NUMERIC_SPECIAL => Ok(Self::Special(match header {
                NUMERIC_NAN => "NaN",
                NUMERIC_PINF => "Infinity",
                NUMERIC_NINF => "-Infinity",
                _ => return Err(Fault::Malformed("a numeric has an unknown header")),
            })),
            NUMERIC_SHORT => Ok(Self::Finite {
                negative: header & NUMERIC_SHORT_SIGN != 0,
                weight: short_weight(header),
                dscale: (header >> NUMERIC_SHORT_DSCALE_SHIFT) & NUMERIC_SHORT_DSCALE_MAX,
                digits: rest,
            }),
            sign => {
                let (weight, digits) = rest.split_first().ok_or(SHORTER)?;
                Ok(Self::Finite {
                    negative: sign == NUMERIC_NEG,
                    weight: i16::from_le_bytes(*weight),
                    dscale: header & NUMERIC_DSCALE_MASK,
                    digits,
                })
            }
        }
    }

    /// The unscaled value of `numeric(precision, scale)`; further digits are rounded half away
    /// from zero.
    /// Errors: `OutOfRange` if it does not fit, `NumericSpecial` for NaN and infinities.
    pub(crate) fn decimal(&self, precision: u8, scale: i8) -> Result<i128, Fault> {
        let (negative, weight, digits) = match self {
            Self::Special(name) => return Err(Fault::NumericSpecial(name)),
            Self::Finite { negative, weight, digits, .. } => (*negative, *weight, *digits),
        };
        let mut value = 0_u128;
        // The power of ten that the next digit stands for, in units of the scale.
        let mut power = 4 * i32::from(weight) + i32::from(scale);
        let mut zeros = 0;
        for digit in digits {
            let digit = u16::from_le_bytes(*digit);
            let add = |value: u128, factor: u16, more: u16| {
                value
                    .checked_mul(factor.into())
                    .and_then(|value| value.checked_add(more.into()))
                    .ok_or(OVERFLOW)
            };
            if power < 0 {
                // The scale ends before or within this digit: what lies behind only rounds.
                let unit = 10_u16.pow(power.clamp(-4, 0).unsigned_abs());
                let round = power >= -4 && digit % unit >= unit / 2;
                value = add(value, NUMERIC_BASE / unit, digit / unit + u16::from(round))?;
                zeros = 0;
                break;
            }
            value = add(value, NUMERIC_BASE, digit)?;
            zeros = power.unsigned_abs();
            power -= 4;
        }
        if value > 0 {
            value = 10_u128.checked_pow(zeros).and_then(|power| value.checked_mul(power)).ok_or(OVERFLOW)?;
        }
        let value = i128::try_from(value).map_err(|_| OVERFLOW)?;
        if value >= 10_i128.checked_pow(precision.into()).ok_or(OVERFLOW)? {
            return Err(OVERFLOW);
        }
        Ok(if negative { -value } else { value })
    }

    /// Appends the text that `numeric_out` prints.
    pub(crate) fn text(&self, to: &mut Vec<u8>) {
        let (negative, weight, dscale, digits) = match self {
            Self::Special(name) => return to.extend_from_slice(name.as_bytes()),
            Self::Finite { negative, weight, dscale, digits } => {
                (*negative, *weight, usize::from(*dscale), *digits)
            }
        };
        let digit = |weight_of: i32| {
            let index = usize::try_from(i32::from(weight) - weight_of).ok();
            index.and_then(|index| digits.get(index)).map_or(0, |digit| u16::from_le_bytes(*digit))
        };
        if negative {
            to.push(b'-');
        }
        // Writing to a Vec cannot fail.
        let _ = write!(to, "{}", digit(i32::from(weight).max(0)));
        for place in (0..i32::from(weight)).rev() {
            let _ = write!(to, "{:04}", digit(place));
        }
        if dscale > 0 {
            to.push(b'.');
            let end = to.len() + dscale;
            let mut place = -1;
            while to.len() < end {
                let _ = write!(to, "{:04}", digit(place));
                place -= 1;
            }
            to.truncate(end);
        }
    }
}

const _: () = assert!(NUMERIC_DEC_DIGITS == 4, "the formats above print four digits");

#[cfg(test)]
mod tests {
    use super::{DecimalLimits, Numeric};
    use crate::layout::{NUMERIC_DEC_DIGITS, numeric_short_header};

    fn payload(negative: bool, weight: i16, digits: &[u16]) -> Vec<u8> {
        let header = numeric_short_header(negative, 0, weight);
        std::iter::once(&header).chain(digits).flat_map(|word| word.to_le_bytes()).collect()
    }

    #[test]
    fn the_short_way_agrees_with_the_long_one() {
        let all: [&[u16]; 9] = [
            &[],
            &[1],
            &[9999],
            &[1, 5],
            &[12, 3450],
            &[12, 3455],
            &[9999, 9999, 9999],
            &[1, 0, 0, 4999],
            &[9999, 9999, 9999, 9999],
        ];
        let mut taken = 0;
        for digits in all {
            for weight in -6..=6 {
                for (precision, scale) in [(4, 0), (9, 9), (12, 2), (18, 0), (18, 3), (18, 18), (38, 5)] {
                    for negative in [false, true] {
                        let payload = payload(negative, weight, digits);
                        let limits = DecimalLimits::new(precision, scale);
                        let exact = Numeric::read(&payload).unwrap().decimal(precision, scale);
                        let case = format!("{digits:?} {weight} ({precision},{scale})");
                        if let Some(value) = limits.short(&payload) {
                            taken += 1;
                            assert_eq!(exact, Ok(value.into()), "{case}");
                        }
                        assert_eq!(limits.wide(&payload), exact, "{case}");
                        assert_eq!(
                            limits.narrow::<i64>(&payload).ok().map(i128::from),
                            exact.ok().filter(|value| i64::try_from(*value).is_ok()),
                            "{case}"
                        );
                    }
                }
            }
        }
        assert!(taken > 200, "{taken}");
        assert_eq!(NUMERIC_DEC_DIGITS, 4);
    }
}
