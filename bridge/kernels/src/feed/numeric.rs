//! Numerics as decimals and as text.

use std::io::Write as _;

use crate::error::Fault;
use crate::layout::{
    NUMERIC_BASE, NUMERIC_DEC_DIGITS, NUMERIC_DSCALE_MASK, NUMERIC_NAN, NUMERIC_NEG, NUMERIC_NINF,
    NUMERIC_PINF, NUMERIC_SHORT, NUMERIC_SHORT_DSCALE_MAX, NUMERIC_SHORT_DSCALE_SHIFT, NUMERIC_SHORT_SIGN,
    NUMERIC_SHORT_WEIGHT_MASK, NUMERIC_SHORT_WEIGHT_SIGN, NUMERIC_SIGN_MASK, NUMERIC_SPECIAL,
};

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
            NUMERIC_SHORT => {
                let low = header & (NUMERIC_SHORT_WEIGHT_MASK | NUMERIC_SHORT_WEIGHT_SIGN);
                let sign = if low & NUMERIC_SHORT_WEIGHT_SIGN == 0 { 0 } else { !NUMERIC_SHORT_WEIGHT_MASK };
                Ok(Self::Finite {
                    negative: header & NUMERIC_SHORT_SIGN != 0,
                    weight: (low | sign).cast_signed(),
                    dscale: (header >> NUMERIC_SHORT_DSCALE_SHIFT) & NUMERIC_SHORT_DSCALE_MAX,
                    digits: rest,
                })
            }
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
        const OVERFLOW: Fault = Fault::OutOfRange("numeric");
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
