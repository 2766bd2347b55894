//! Numeric division by a constant whose inverse is a decimal: `x / 2` is `x * 0.5`, exactly, so that
//! sums and comparisons of such quotients need no numeric text. The display scale that Postgres
//! gives a quotient is a step function of the dividend (`select_div_scale` in `numeric.c`).

use bridge_types::limits::MAX_DECIMAL_PRECISION;

use crate::DuckType;
use crate::duck::{Scaled, Typed, duck};
use crate::pg::{PgConstant, Value};

/// `NUMERIC_MIN_SIG_DIGITS`.
const MIN_SIGNIFICANT_DIGITS: i32 = 16;
/// Digits of one of Postgres' base-10000 digits.
const DIGITS: i32 = 4;
/// Digits that an inverse may have behind the point: enough for 1024 and 10^10.
const MAX_INVERSE_SCALE: u32 = 10;
/// Digits up to which DuckDB multiplies in 64 bits.
const NARROW_DIGITS: u8 = 18;

/// The positive or negative divisor.
struct Divisor {
    negative: bool,
    /// Without the point.
    unscaled: u128,
    scale: u32,
}

impl Divisor {
    fn of(constant: &Typed) -> Option<Self> {
        let Value::Numeric(text) = &PgConstant::of(&constant.expr)?.value else { return None };
        let digits = text.trim_start_matches('-');
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let unscaled: u128 = format!("{whole}{fraction}").parse().ok()?;
        let scale = u32::try_from(fraction.len()).ok()?;
        let small = unscaled > 0 && unscaled < 10_u128.pow(18) && scale <= MAX_INVERSE_SCALE;
        small.then_some(Self { negative: text.starts_with('-'), unscaled, scale })
    }

    /// `1 / divisor` without the point, and its scale, if it has so few digits.
    fn inverse(&self) -> Option<(u128, u32)> {
        (0..=MAX_INVERSE_SCALE).find_map(|scale| {
            let one = 10_u128.checked_pow(self.scale + scale)?;
            one.is_multiple_of(self.unscaled).then_some((one / self.unscaled, scale))
        })
    }

    /// Its first base-10000 digit that is not 0, and that digit's weight: 0 right before the point.
    fn leading(&self) -> (u128, i32) {
        let padding = (DIGITS.unsigned_abs() - self.scale % DIGITS.unsigned_abs()) % DIGITS.unsigned_abs();
        let mut digit = self.unscaled * 10_u128.pow(padding);
        let fraction_groups = (self.scale + padding) / DIGITS.unsigned_abs();
        let mut weight = -i32::try_from(fraction_groups).expect("a scale is small");
        while digit >= 10_000 {
            digit /= 10_000;
            weight += 1;
        }
        (digit, weight)
    }
}

/// `left / right` as a product with its display scale, if `right` is such a constant and Postgres'
/// scale is enough for the exact quotient whatever the dividend.
pub(super) fn by_constant(left: &Scaled, right: &Typed) -> Option<Scaled> {
    let divisor = Divisor::of(right)?;
    let (inverse, inverse_scale) = divisor.inverse()?;
    let DuckType::Decimal(p, s) = left.value.ty else { return None };
    let inverse_digits = u8::try_from(inverse.to_string().len()).ok()?;
    let scale = s + u8::try_from(inverse_scale).ok()?;
    let precision = (p + inverse_digits).max(scale);
    if precision > MAX_DECIMAL_PRECISION {
        return None;
    }

    let (digit, weight) = divisor.leading();
    let divisor_scale = i32::try_from(divisor.scale).ok()?;
    let shown = |quotient_weight: i32| (MIN_SIGNIFICANT_DIGITS - DIGITS * quotient_weight).max(divisor_scale);
    let largest = (i32::from(p) - i32::from(s) - 1).div_euclid(DIGITS) - weight;
    if shown(largest) < i32::from(scale) {
        return None;
    }
    // A quotient has weight w or more from a dividend of (digit + 1) * 10000 ^ (w + weight) on.
    let mut arms = String::new();
    let mut quotient_weight = largest;
    loop {
        let exponent = DIGITS * (quotient_weight + weight) + i32::from(s);
        let from = if exponent >= 0 {
            (digit + 1).checked_mul(10_u128.checked_pow(exponent.unsigned_abs())?)?
        } else {
            (digit + 1).div_ceil(10_u128.checked_pow(exponent.unsigned_abs())?)
        };
        if from <= 1 {
            break;
        }
        if from < 10_u128.pow(p.into()) {
            let from = decimal(from, s);
            arms.push_str(&format!(
                " WHEN abs({{0}}) >= CAST({from} AS DECIMAL({p},{s})) THEN {}",
                shown(quotient_weight)
            ));
        }
        quotient_weight -= 1;
    }
    let of_zero = shown(-weight - 1);
    let sql = format!("CASE{arms} WHEN {{0}} = 0 THEN {of_zero} ELSE {} END", shown(quotient_weight));
    let shown = duck(sql, DuckType::Integer, vec![left.value.clone()]);

    // Widened, so that DuckDB does not multiply in 64 bits what may need more.
    let narrow = p.max(inverse_digits) <= NARROW_DIGITS && precision > NARROW_DIGITS;
    let value = if narrow {
        left.value.clone().cast(&DuckType::Decimal(NARROW_DIGITS + 1, s))
    } else {
        left.value.clone()
    };
    let sign = if divisor.negative { "-" } else { "" };
    let inverse = decimal(inverse, u8::try_from(inverse_scale).ok()?);
    let inverse_precision = inverse_digits.max(u8::try_from(inverse_scale).ok()?);
    let sql = format!("({{0}} * CAST({sign}{inverse} AS DECIMAL({inverse_precision},{inverse_scale})))");
    let width = match value.ty {
        DuckType::Decimal(width, _) => (width + inverse_precision).min(MAX_DECIMAL_PRECISION),
        _ => return None,
    };
    let value = duck(sql, DuckType::Decimal(width, scale), vec![value]);
    Some(Scaled { value, scale: shown, within: false })
}

/// `unscaled` with its point.
fn decimal(unscaled: u128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{unscaled:0>width$}", width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bridge_types::{PgType, oid};

    fn constant(text: &str) -> Typed {
        let value = Value::Numeric(text.to_owned());
        Typed::new(PgConstant::expr(PgType::new(oid::NUMERIC), value), DuckType::NumericText)
    }

    #[test]
    fn inverses_are_decimals_or_nothing() {
        let inverse = |text: &str| Divisor::of(&constant(text)).and_then(|divisor| divisor.inverse());
        assert_eq!(inverse("2"), Some((5, 1)));
        assert_eq!(inverse("0.5"), Some((2, 0)));
        assert_eq!(inverse("-1.25"), Some((8, 1)));
        assert_eq!(inverse("100"), Some((1, 2)));
        assert_eq!(inverse("7.0"), None);
        assert_eq!(inverse("0.00"), None);
        assert_eq!(inverse("NaN"), None);
    }

    #[test]
    fn the_leading_digit_is_of_base_10000() {
        let leading = |text: &str| Divisor::of(&constant(text)).map(|divisor| divisor.leading());
        assert_eq!(leading("2"), Some((2, 0)));
        assert_eq!(leading("9999"), Some((9999, 0)));
        assert_eq!(leading("10000"), Some((1, 1)));
        assert_eq!(leading("0.5"), Some((5000, -1)));
        assert_eq!(leading("0.00004"), Some((4000, -2)));
        assert_eq!(leading("12345.6"), Some((1, 1)));
    }
}
