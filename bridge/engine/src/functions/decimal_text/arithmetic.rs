//! Arithmetic with Postgres' display scale: the rules of each operation's scale are those of `numeric.c`.

use std::cmp::Ordering;

use num_bigint::{BigInt, BigUint, Sign};

use super::Numeric::{Big, Infinity, NaN, Small};
use super::{DIVISION_BY_ZERO, MAX_SCALE, Marked, Numeric, OVERFLOW, divide_rounded, pow10};

/// `NUMERIC_MIN_SIG_DIGITS`: significant digits a division produces at least.
const MIN_SIGNIFICANT_DIGITS: i64 = 16;
/// `NUMERIC_MAX_DISPLAY_SCALE`: the most digits after the point a division produces.
const MAX_DISPLAY_SCALE: i64 = 1000;
/// `NUMERIC_DSCALE_MAX`: bound of the scale argument of `round` and `trunc`.
const MAX_RESULT_SCALE: i64 = 16_383;
/// Decimal digits per base-10000 digit of `numeric.c`; scale selection counts in them.
const DEC_DIGITS: i64 = 4;

impl Numeric {
    /// `self + other`; scale: the larger.
    pub(crate) fn add(&self, other: &Self) -> Result<Self, Marked> {
        if let Some((x, y, scale)) = Self::aligned(self, other)
            && let Some(sum) = x.checked_add(y)
        {
            return Ok(Small(sum, scale));
        }
        if let Some((x, y, scale)) = Self::aligned_big(self, other) {
            return Self::from_big(x + y, scale).checked();
        }
        Ok(match (self, other) {
            (NaN, _) | (_, NaN) => NaN,
            (Infinity(a), Infinity(b)) if a != b => NaN,
            (Infinity(a), _) | (_, Infinity(a)) => Infinity(*a),
            _ => NaN,
        })
    }

    /// `self - other`; scale: the larger.
    pub(crate) fn sub(&self, other: &Self) -> Result<Self, Marked> {
        self.add(&other.neg())
    }

    /// `self * other`; scale: the sum.
    pub(crate) fn mul(&self, other: &Self) -> Result<Self, Marked> {
        if let (Small(x, s), Small(y, t)) = (self, other)
            && let Some(product) = x.checked_mul(*y)
            && s + t <= MAX_SCALE
        {
            return Ok(Small(product, s + t));
        }
        if let (Some((x, s)), Some((y, t))) = (self.finite(), other.finite()) {
            let product = Self::from_big(x * y, s + t);
            return if s + t > MAX_SCALE { product.rescaled(MAX_SCALE) } else { product }.checked();
        }
        if *self == NaN || *other == NaN {
            return Ok(NaN);
        }
        let sign = self.sign() * other.sign();
        Ok(if sign == 0 { NaN } else { Infinity(sign < 0) })
    }

    /// Base-10000 weight and first base-10000 digit, as `select_div_scale` looks at them.
    fn leading(value: &BigInt, scale: u32) -> (i64, u32) {
        if value.sign() == Sign::NoSign {
            return (0, 0);
        }
        let digits = value.magnitude().to_str_radix(10);
        let count = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        // Exponent of the first decimal digit: value = d.ddd * 10^exponent.
        let exponent = count - 1 - i64::from(scale);
        let weight = exponent.div_euclid(DEC_DIGITS);
        // The first base-10000 digit holds this many decimal digits of ours.
        let width = usize::try_from(exponent.rem_euclid(DEC_DIGITS) + 1).unwrap_or(1);
        let first = digits
            .bytes()
            .chain(std::iter::repeat(b'0'))
            .take(width)
            .fold(0u32, |sum, digit| sum * 10 + u32::from(digit - b'0'));
        (weight, first)
    }

    /// [`Self::leading`] of a small value.
    fn leading_small(value: u128, scale: u32) -> (i64, u128) {
        let Some(exponent) = value.checked_ilog10() else { return (0, 0) };
        let position = i64::from(exponent) - i64::from(scale);
        let weight = position.div_euclid(DEC_DIGITS);
        let width = u32::try_from(position.rem_euclid(DEC_DIGITS) + 1).expect("1 to 4");
        let first = match (exponent + 1).checked_sub(width) {
            Some(rest) => value / 10_u128.pow(rest),
            None => value * 10_u128.pow(width - exponent - 1),
        };
        (weight, first)
    }

    /// [`Self::div`] if all of it fits in 128 bits.
    fn div_small(&self, other: &Self) -> Option<Self> {
        let (Small(x, s), Small(y, t)) = (self, other) else { return None };
        let (dividend, divisor) = (x.unsigned_abs(), y.unsigned_abs());
        if divisor == 0 {
            return None;
        }
        let (weight1, first1) = Self::leading_small(dividend, *s);
        let (weight2, first2) = Self::leading_small(divisor, *t);
        let weight = weight1 - weight2 - i64::from(first1 <= first2);
        let least = MIN_SIGNIFICANT_DIGITS - weight * DEC_DIGITS;
        let scale = least.max(i64::from(*s)).max(i64::from(*t)).clamp(0, MAX_DISPLAY_SCALE);
        let shift = u32::try_from(scale + i64::from(*t) - i64::from(*s)).ok()?;
        let dividend = dividend.checked_mul(10_u128.checked_pow(shift)?)?;
        let (quotient, rest) = (dividend / divisor, dividend % divisor);
        let rounded = i128::try_from(quotient + u128::from(rest >= divisor - rest)).ok()?;
        let negative = (*x < 0) != (*y < 0);
        Some(Small(if negative { -rounded } else { rounded }, u32::try_from(scale).ok()?))
    }

    /// `self / other`, at the scale `select_div_scale` picks, rounded half away from zero.
    pub(crate) fn div(&self, other: &Self) -> Result<Self, Marked> {
        if let Some(quotient) = self.div_small(other) {
            return Ok(quotient);
        }
        let (Some((x, s)), Some((y, t))) = (self.finite(), other.finite()) else {
            return match (self, other) {
                (NaN, _) | (_, NaN) | (Infinity(_), Infinity(_)) => Ok(NaN),
                (Infinity(negative), _) => match other.sign() {
                    0 => Err(DIVISION_BY_ZERO.into()),
                    sign => Ok(Infinity(*negative != (sign < 0))),
                },
                _ => Ok(Small(0, 0)),
            };
        };
        if y.sign() == Sign::NoSign {
            return Err(DIVISION_BY_ZERO.into());
        }
        let (weight1, first1) = Self::leading(&x, s);
        let (weight2, first2) = Self::leading(&y, t);
        let weight = weight1 - weight2 - i64::from(first1 <= first2);
        let scale = (MIN_SIGNIFICANT_DIGITS - weight * DEC_DIGITS)
            .max(i64::from(s))
            .max(i64::from(t))
            .clamp(0, MAX_DISPLAY_SCALE);
        let scale = u32::try_from(scale).unwrap_or(0);
        // x/10^s / (y/10^t) * 10^scale = x * 10^(scale + t - s) / y
        let shift = i64::from(scale) + i64::from(t) - i64::from(s);
        let power = pow10(u32::try_from(shift.unsigned_abs()).unwrap_or(0));
        let quotient =
            if shift >= 0 { divide_rounded(&(x * power), &y) } else { divide_rounded(&x, &(y * power)) };
        Self::from_big(quotient, scale).checked()
    }

    /// Variance (or standard deviation) of `count` values from their sum and that of their
    /// squares; `count` is at least 1, for a sample at least 2.
    pub(crate) fn variance(
        sum: &Self,
        squares: &Self,
        count: i64,
        sample: bool,
        root: bool,
    ) -> Result<Self, Marked> {
        if sum.finite().is_none() || squares.finite().is_none() {
            return Ok(NaN);
        }
        let count = i128::from(count);
        let deviation = Small(count, 0).mul(squares)?.sub(&sum.mul(sum)?)?;
        if deviation.sign() <= 0 {
            return Ok(Small(0, 0));
        }
        let variance = deviation.div(&Small(count * if sample { count - 1 } else { count }, 0))?;
        Ok(if root { variance.sqrt() } else { variance })
    }

    /// The whole part of the quotient.
    pub(crate) fn div_trunc(&self, other: &Self) -> Result<Self, Marked> {
        let (Some((x, s)), Some((y, t))) = (self.finite(), other.finite()) else {
            return match (self, other) {
                // A finite value over infinity.
                (Small(..) | Big(..), Infinity(_)) => Ok(Small(0, 0)),
                _ => self.div(other),
            };
        };
        if y.sign() == Sign::NoSign {
            return Err(DIVISION_BY_ZERO.into());
        }
        Self::from_big(x * pow10(t) / (y * pow10(s)), 0).checked()
    }

    /// -1, 0 or 1; NaN for itself.
    pub(crate) fn signum(&self) -> Self {
        if *self == NaN { NaN } else { Small(self.sign().into(), 0) }
    }

    /// Without zeros at the end of its digits behind the point.
    pub(crate) fn trim_scale(&self) -> Self {
        let Some((mut value, mut scale)) = self.finite() else { return self.clone() };
        let ten = BigInt::from(10);
        while scale > 0 && (&value % &ten).sign() == Sign::NoSign {
            value /= &ten;
            scale -= 1;
        }
        Self::from_big(value, scale)
    }

    /// The display scale; `None` for values that have none.
    pub(crate) fn scale(&self) -> Option<u32> {
        match self {
            Small(_, scale) | Big(_, scale) => Some(*scale),
            NaN | Infinity(_) => None,
        }
    }

    /// As `numeric_sqrt`: at least 16 significant digits.
    pub(crate) fn square_root(&self) -> Result<Self, Marked> {
        if self.sign() < 0 {
            return Err("[2201F] cannot take square root of a negative number".into());
        }
        let Some((value, scale)) = self.finite() else { return Ok(self.clone()) };
        let (weight, _) = Self::leading(&value, scale);
        let significant = (weight + 1) * DEC_DIGITS / 2 - 1;
        let wanted = (MIN_SIGNIFICANT_DIGITS - significant).max(scale.into()).clamp(0, MAX_DISPLAY_SCALE);
        Ok(self.rescaled(u32::try_from(wanted).unwrap_or(0).max(scale)).sqrt())
    }

    /// Greatest common divisor, at the larger scale.
    pub(crate) fn gcd(&self, other: &Self) -> Result<Self, Marked> {
        let Some((mut x, mut y, scale)) = Self::aligned_big(self, other) else { return Ok(NaN) };
        while y.sign() != Sign::NoSign {
            (x, y) = (y.clone(), x % y);
        }
        Ok(Self::from_big(BigInt::from(x.magnitude().clone()), scale))
    }

    /// Least common multiple, at the larger scale.
    pub(crate) fn lcm(&self, other: &Self) -> Result<Self, Marked> {
        let Some((x, y, scale)) = Self::aligned_big(self, other) else { return Ok(NaN) };
        let divisor = self.gcd(other)?.rescaled(scale).finite().map_or(BigInt::from(1), |(value, _)| value);
        if divisor.sign() == Sign::NoSign {
            return Ok(Small(0, scale));
        }
        Self::from_big(BigInt::from((x / divisor * y).magnitude().clone()), scale).checked()
    }

    /// `n!`, as far as Postgres goes.
    pub(crate) fn factorial(n: i64) -> Result<Self, Marked> {
        /// `32178!` has too many digits.
        const MOST: i64 = 32_177;
        if n < 0 {
            return Err("[22003] factorial of a negative number is undefined".into());
        }
        if n > MOST {
            return Err(OVERFLOW.into());
        }
        let product = (2..=n).fold(BigUint::from(1u32), |product, factor| product * factor.unsigned_abs());
        Ok(Self::from_big(BigInt::from(product), 0))
    }

    /// The square root of a positive finite value at its own scale, rounded half up.
    fn sqrt(&self) -> Self {
        let Some((value, scale)) = self.finite() else { return self.clone() };
        // sqrt(v / 10^s) * 10^s = sqrt(v * 10^s); doubled, its last bit is the half.
        let twice = (value * pow10(scale) * BigInt::from(4)).sqrt();
        Self::from_big((twice + BigInt::from(1)) / BigInt::from(2), scale)
    }

    /// Remainder of the truncated division; sign of `self`, the larger scale.
    pub(crate) fn rem(&self, other: &Self) -> Result<Self, Marked> {
        if *self == NaN || *other == NaN {
            return Ok(NaN);
        }
        if let Infinity(_) = self {
            return if other.sign() == 0 { Err(DIVISION_BY_ZERO.into()) } else { Ok(NaN) };
        }
        if let Infinity(_) = other {
            return Ok(self.clone());
        }
        if other.sign() == 0 {
            return Err(DIVISION_BY_ZERO.into());
        }
        if let Some((x, y, scale)) = Self::aligned(self, other) {
            return Ok(Small(x.checked_rem(y).unwrap_or(0), scale));
        }
        let (x, y, scale) = Self::aligned_big(self, other).expect("both are finite, checked above");
        Ok(Self::from_big(x % y, scale))
    }

    /// `-self`.
    pub(crate) fn neg(&self) -> Self {
        match self {
            Small(value, scale) => {
                value.checked_neg().map_or_else(|| Big(-BigInt::from(*value), *scale), |v| Small(v, *scale))
            }
            Big(value, scale) => Self::from_big(-value, *scale),
            NaN => NaN,
            Infinity(negative) => Infinity(!negative),
        }
    }

    /// `|self|`.
    pub(crate) fn abs(&self) -> Self {
        if self.sign() < 0 { self.neg() } else { self.clone() }
    }

    /// Digits cut off after `scale` places (negative: before the point); display scale `scale`, at least 0.
    pub(crate) fn trunc(&self, scale: i64) -> Result<Self, Marked> {
        self.cut(scale, |value, divisor| value / divisor)
    }

    /// Rounded half away from zero to `scale` places; display scale `scale`, at least 0.
    pub(crate) fn round(&self, scale: i64) -> Result<Self, Marked> {
        self.cut(scale, divide_rounded)
    }

    /// Next whole number not below.
    pub(crate) fn ceil(&self) -> Result<Self, Marked> {
        let whole = self.trunc(0)?;
        if self.compare(&whole) == Ordering::Greater { whole.add(&Small(1, 0)) } else { Ok(whole) }
    }

    /// Next whole number not above.
    pub(crate) fn floor(&self) -> Result<Self, Marked> {
        let whole = self.trunc(0)?;
        if self.compare(&whole) == Ordering::Less { whole.sub(&Small(1, 0)) } else { Ok(whole) }
    }

    fn cut(&self, scale: i64, divide: impl Fn(&BigInt, &BigInt) -> BigInt) -> Result<Self, Marked> {
        let scale = scale.clamp(-MAX_RESULT_SCALE, MAX_RESULT_SCALE);
        let Some((value, own)) = self.finite() else { return Ok(self.clone()) };
        let own = i64::from(own);
        if scale >= own {
            return self.rescaled(u32::try_from(scale).unwrap_or(0)).checked();
        }
        let kept = divide(&value, &pow10(u32::try_from(own - scale).unwrap_or(0)));
        if scale >= 0 {
            return Ok(Self::from_big(kept, u32::try_from(scale).unwrap_or(0)));
        }
        Self::from_big(kept * pow10(u32::try_from(-scale).unwrap_or(0)), 0).checked()
    }

    /// The value as `numeric(precision, scale)` holds it (`apply_typmod`).
    pub(crate) fn fit(&self, precision: i64, scale: i64) -> Result<Self, Marked> {
        let detail = |what: String| {
            Err(format!(
                "[22003] numeric field overflow\nA field with precision {precision}, scale {scale} {what}"
            ))
        };
        match self {
            NaN => return Ok(NaN),
            Infinity(_) => return detail("cannot hold an infinite value.".into()),
            _ => {}
        }
        let rounded = self.round(scale)?;
        let digits = u32::try_from((precision - scale).max(0)).unwrap_or(0);
        // |rounded| < 10^(precision - scale); below zero whole digits the bound is a fraction.
        let bound = if precision >= scale {
            Self::from_big(pow10(digits), 0)
        } else {
            Small(1, u32::try_from(scale - precision).unwrap_or(0))
        };
        if rounded.sign() != 0 && rounded.abs().compare(&bound) != Ordering::Less {
            let bound = if digits == 0 && precision >= scale {
                "1".to_owned()
            } else {
                format!("10^{}", precision - scale)
            };
            return detail(format!("must round to an absolute value less than {bound}."));
        }
        Ok(rounded)
    }
}
