//! `pg_width_bucket`: the bucket of a histogram of equal widths that a number falls into.

use super::scalar::ScalarFunction;
use crate::duckdb::TypeId::{Double, Integer};

/// The only one.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[ScalarFunction {
    name: "pg_width_bucket",
    arguments: &[Double, Double, Double, Integer],
    result: Integer,
    row: |args, out, row| {
        let bucket =
            bucket(args.double(0, row), args.double(1, row), args.double(2, row), args.integer(3, row))?;
        out.set(row, bucket);
        Ok(())
    },
}];

/// `width_bucket_float8`; buckets count from 1, 0 is below and `count + 1` above all.
#[expect(clippy::cast_possible_truncation, reason = "a part of `count`")]
fn bucket(operand: f64, low: f64, high: f64, count: i32) -> Result<i32, &'static str> {
    if count <= 0 {
        return Err("[2201G] count must be greater than zero");
    }
    if operand.is_nan() || low.is_nan() || high.is_nan() {
        return Err("[2201G] operand, lower bound, and upper bound cannot be NaN");
    }
    if low.is_infinite() || high.is_infinite() {
        return Err("[2201G] lower and upper bounds must be finite");
    }
    if low == high {
        return Err("[2201G] lower bound cannot equal upper bound");
    }
    // Falling bounds are rising ones seen from the other side.
    let (from, to, value) = if low < high { (low, high, operand) } else { (-low, -high, -operand) };
    if value < from {
        return Ok(0);
    }
    if value >= to {
        return count.checked_add(1).ok_or("[22003] integer out of range");
    }
    let width = to - from;
    let part = if width.is_finite() {
        (value - from) / width
    } else {
        (value / 2.0 - from / 2.0) / (to / 2.0 - from / 2.0)
    };
    Ok(((f64::from(count) * part) as i32).min(count - 1) + 1)
}

#[cfg(test)]
mod tests {
    use super::bucket;

    #[test]
    fn buckets_are_those_of_the_manual() {
        assert_eq!(bucket(5.35, 0.024, 10.06, 5), Ok(3));
        assert_eq!(bucket(9.0, 10.0, 0.0, 10), Ok(2));
        assert_eq!((bucket(-1.0, 0.0, 1.0, 4), bucket(1.0, 0.0, 1.0, 4)), (Ok(0), Ok(5)));
        assert!(bucket(1.0, 1.0, 1.0, 4).is_err() && bucket(1.0, 0.0, 1.0, 0).is_err());
    }
}
