//! `pg_interval_add`, `pg_interval_sub`, `pg_interval_mul`, `pg_interval_div`: arithmetic of intervals; `pg_interval_months`,
//! `pg_interval_days`, `pg_interval_clock`: one field of an interval; `pg_interval_key`: what
//! intervals that Postgres holds for equal have in common.
//!
//! Fractions cascade downwards as in Postgres: those of months become days of a month of 30
//! days, those of days become time. What is left over is rounded to microseconds.

use super::scalar::{Arguments, ChunkFunction, Output};
use crate::duckdb::TypeId::{Double, Interval};
use crate::duckdb::{Fixed, IntervalValue};

const DAYS_PER_MONTH: f64 = 30.0;
const SECONDS_PER_DAY: f64 = 86_400.0;
const MICROS_PER_SECOND: f64 = 1_000_000.0;
const OUT_OF_RANGE: &str = "[22008] interval out of range";

/// Rounded to microseconds (of seconds), ties to even.
fn to_micros(value: f64) -> f64 {
    (value * MICROS_PER_SECOND).round_ties_even() / MICROS_PER_SECOND
}

/// The whole part of `value` as a field of an interval.
#[expect(clippy::cast_possible_truncation, reason = "the range was checked, the fraction goes elsewhere")]
fn whole(value: f64) -> Option<i32> {
    (value >= f64::from(i32::MIN) && value < -f64::from(i32::MIN)).then_some(value as i32)
}

/// Rounded to a whole number of microseconds.
#[expect(clippy::cast_possible_truncation, reason = "the range was checked, the value is whole")]
fn whole_micros(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    let value = value.round_ties_even();
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

/// `scale` applied to each field, fractions cascaded; `None` if a field is out of range.
#[expect(clippy::cast_precision_loss, reason = "Postgres computes the time in double precision")]
fn scaled(value: IntervalValue, scale: impl Fn(f64) -> f64) -> Option<IntervalValue> {
    let months = whole(scale(f64::from(value.months)))?;
    let mut days = whole(scale(f64::from(value.days)))?;
    let days_of_months = to_micros((scale(f64::from(value.months)) - f64::from(months)) * DAYS_PER_MONTH);
    let whole_days_of_months = days_of_months.trunc();
    let mut seconds = to_micros(
        (scale(f64::from(value.days)) - f64::from(days) + days_of_months - whole_days_of_months)
            * SECONDS_PER_DAY,
    );
    if seconds.abs() >= SECONDS_PER_DAY {
        let more = (seconds / SECONDS_PER_DAY).trunc();
        days = days.checked_add(whole(more)?)?;
        seconds -= more * SECONDS_PER_DAY;
    }
    let days = days.checked_add(whole(whole_days_of_months)?)?;
    let micros = whole_micros(scale(value.micros as f64) + seconds * MICROS_PER_SECOND)?;
    Some(IntervalValue { months, days, micros })
}

/// Adds field by field with `long` and `short`; `None` if a field is out of range.
fn by_field(
    a: IntervalValue,
    b: IntervalValue,
    short: fn(i32, i32) -> Option<i32>,
    long: fn(i64, i64) -> Option<i64>,
) -> Option<IntervalValue> {
    Some(IntervalValue {
        months: short(a.months, b.months)?,
        days: short(a.days, b.days)?,
        micros: long(a.micros, b.micros)?,
    })
}

fn each<B: Fixed>(
    arguments: &Arguments<'_>,
    out: &mut Output,
    compute: impl Fn(IntervalValue, B) -> Result<IntervalValue, &'static str>,
) -> Result<(), String> {
    fn zip<'a, A: Fixed, B: Fixed>(a: &'a [A], b: &'a [B]) -> impl Iterator<Item = (A, B)> {
        a.iter().copied().zip(b.iter().copied())
    }
    let pairs = zip(arguments.values::<IntervalValue>(0), arguments.values::<B>(1));
    for (row, (result, (value, other))) in out.values_mut().iter_mut().zip(pairs).enumerate() {
        if arguments.is_valid(row) {
            *result = compute(value, other)?;
        }
    }
    Ok(())
}

/// A function that keeps one field of an interval.
macro_rules! field {
    ($name:literal, $field:ident) => {
        ChunkFunction {
            name: $name,
            arguments: &[Interval],
            result: Interval,
            chunk: |arguments, out| {
                let values = arguments.values::<IntervalValue>(0);
                for (result, value) in out.values_mut().iter_mut().zip(values) {
                    *result = IntervalValue { $field: value.$field, ..NOTHING };
                }
                Ok(())
            },
        }
    };
}

const NOTHING: IntervalValue = IntervalValue { months: 0, days: 0, micros: 0 };

/// An interval with the same order, of which all fields have the same sign: Postgres compares the
/// whole length, DuckDB adds up fields that it has cut to size one by one.
fn key(value: IntervalValue) -> Option<IntervalValue> {
    const MICROS_PER_DAY: i128 = 86_400_000_000;
    const DAYS_PER_MONTH: i128 = 30;
    let days = i128::from(value.months) * DAYS_PER_MONTH + i128::from(value.days);
    let micros = days * MICROS_PER_DAY + i128::from(value.micros);
    let days = micros / MICROS_PER_DAY;
    Some(IntervalValue {
        months: i32::try_from(days / DAYS_PER_MONTH).ok()?,
        days: i32::try_from(days % DAYS_PER_MONTH).ok()?,
        micros: i64::try_from(micros % MICROS_PER_DAY).ok()?,
    })
}

static FUNCTIONS: [ChunkFunction; 8] = [
    ChunkFunction {
        name: "pg_interval_add",
        arguments: &[Interval, Interval],
        result: Interval,
        chunk: |arguments, out| {
            each(arguments, out, |a, b| {
                by_field(a, b, i32::checked_add, i64::checked_add).ok_or(OUT_OF_RANGE)
            })
        },
    },
    ChunkFunction {
        name: "pg_interval_sub",
        arguments: &[Interval, Interval],
        result: Interval,
        chunk: |arguments, out| {
            each(arguments, out, |a, b| {
                by_field(a, b, i32::checked_sub, i64::checked_sub).ok_or(OUT_OF_RANGE)
            })
        },
    },
    ChunkFunction {
        name: "pg_interval_key",
        arguments: &[Interval],
        result: Interval,
        chunk: |arguments, out| {
            let values = arguments.values::<IntervalValue>(0);
            for (row, (result, value)) in out.values_mut().iter_mut().zip(values).enumerate() {
                if arguments.is_valid(row) {
                    *result = key(*value).ok_or(OUT_OF_RANGE)?;
                }
            }
            Ok(())
        },
    },
    field!("pg_interval_months", months),
    field!("pg_interval_days", days),
    field!("pg_interval_clock", micros),
    ChunkFunction {
        name: "pg_interval_mul",
        arguments: &[Interval, Double],
        result: Interval,
        chunk: |arguments, out| {
            each(arguments, out, |value, factor: f64| scaled(value, |part| part * factor).ok_or(OUT_OF_RANGE))
        },
    },
    ChunkFunction {
        name: "pg_interval_div",
        arguments: &[Interval, Double],
        result: Interval,
        chunk: |arguments, out| {
            each(arguments, out, |value, divisor: f64| {
                if divisor == 0.0 {
                    return Err("[22012] division by zero");
                }
                scaled(value, |part| part / divisor).ok_or(OUT_OF_RANGE)
            })
        },
    },
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static ChunkFunction> {
    FUNCTIONS.iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_lengths_have_one_key() {
        let interval = |months, days, micros| IntervalValue { months, days, micros };
        let hour = 3_600_000_000;
        assert_eq!(key(interval(0, -3, 4 * hour)), key(interval(0, -2, -20 * hour)));
        assert_eq!(key(interval(1, -30, 0)), key(interval(0, 0, 0)));
        assert_eq!(key(interval(0, 0, 24 * hour)), key(interval(0, 1, 0)));
        assert_ne!(key(interval(0, 0, 1)), key(interval(0, 0, -1)));
    }
}
