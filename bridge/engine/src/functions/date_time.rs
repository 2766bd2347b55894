//! Dates, timestamps and intervals beyond what DuckDB computes as Postgres does.

use super::calendar::{DAY, Day, SECOND, TIMESTAMP_OUT_OF_RANGE, infinite_timestamp, split, timestamp};
use super::decimal_text::Marked;
use super::scalar::{Arguments, ScalarFunction};
use crate::duckdb::IntervalValue;
use crate::duckdb::TypeId::{
    Date, Double, HugeInt, Integer, Interval, Time, Timestamp, TimestampTz, Varchar,
};

const HOUR: i64 = 3_600 * SECOND;
/// Seconds from 1970-01-01 to 2000-01-01, where Postgres counts from.
const PG_EPOCH: f64 = 946_684_800.0;

/// All of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "pg_timestamp_trunc",
        arguments: &[Varchar, Timestamp],
        result: Timestamp,
        row: |args, out, row| {
            out.set(row, truncate(args.text(0, row)?, args.long(1, row))?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_date_add",
        // 1 adds the days, -1 takes them off.
        arguments: &[Date, Integer, Integer],
        result: Date,
        row: |args, out, row| {
            let days = args.integer(0, row);
            if super::calendar::infinite_date(days).is_some() {
                out.set(row, days);
                return Ok(());
            }
            let sum = i64::from(days) + i64::from(args.integer(1, row)) * i64::from(args.integer(2, row));
            let sum = i32::try_from(sum).ok().filter(|_| is_date(sum));
            out.set(row, sum.ok_or("[22008] date out of range")?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_age",
        arguments: &[Timestamp, Timestamp],
        result: Interval,
        row: |args, out, row| {
            let (left, right) = (args.long(0, row), args.long(1, row));
            out.set(row, age(left, right, left < right)?);
            Ok(())
        },
    },
    ScalarFunction {
        // Both as a clock shows them, then the instants.
        name: "pg_age_tz",
        arguments: &[Timestamp, Timestamp, TimestampTz, TimestampTz],
        result: Interval,
        row: |args, out, row| {
            let earlier = args.long(2, row) < args.long(3, row);
            out.set(row, age(args.long(0, row), args.long(1, row), earlier)?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_date_bin",
        arguments: &[Interval, Timestamp, Timestamp],
        result: Timestamp,
        row: |args, out, row| {
            out.set(row, bin(args.interval(0, row), args.long(1, row), args.long(2, row))?);
            Ok(())
        },
    },
    justify("pg_justify_hours", |args, out, row| {
        out.set(row, justify_hours(args.interval(0, row))?);
        Ok(())
    }),
    justify("pg_justify_days", |args, out, row| {
        out.set(row, justify_days(args.interval(0, row))?);
        Ok(())
    }),
    justify("pg_justify_interval", |args, out, row| {
        out.set(row, justify_interval(args.interval(0, row))?);
        Ok(())
    }),
    ScalarFunction {
        name: "pg_interval_part",
        arguments: &[Varchar, Interval],
        result: HugeInt,
        row: |args, out, row| {
            out.set(row, interval_part(args.text(0, row)?, args.interval(1, row))?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_interval_trunc",
        arguments: &[Varchar, Interval],
        result: Interval,
        row: |args, out, row| {
            out.set(row, truncate_interval(args.text(0, row)?, args.interval(1, row))?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_interval_time",
        arguments: &[Interval],
        result: Time,
        row: |args, out, row| {
            out.set(row, args.interval(0, row).micros.rem_euclid(DAY));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_time_add",
        arguments: &[Time, Interval, Integer],
        result: Time,
        row: |args, out, row| {
            let step = args.interval(1, row).micros % DAY * i64::from(args.integer(2, row));
            out.set(row, (args.long(0, row) + step).rem_euclid(DAY));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_make_date",
        arguments: &[Integer, Integer, Integer],
        result: Date,
        row: |args, out, row| {
            let days = make_date(args.integer(0, row), args.integer(1, row), args.integer(2, row))?;
            out.set(row, i32::try_from(days).map_err(|_| "[22008] date out of range")?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_make_time",
        arguments: &[Integer, Integer, Double],
        result: Time,
        row: |args, out, row| {
            out.set(row, make_time(args.integer(0, row), args.integer(1, row), args.double(2, row))?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_make_timestamp",
        arguments: &[Integer, Integer, Integer, Integer, Integer, Double],
        result: Timestamp,
        row: |args, out, row| {
            let days = make_date(args.integer(0, row), args.integer(1, row), args.integer(2, row))?;
            let time = make_time(args.integer(3, row), args.integer(4, row), args.double(5, row))?;
            out.set(row, timestamp(days, time)?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_make_interval",
        arguments: &[Integer, Integer, Integer, Integer, Integer, Integer, Double],
        result: Interval,
        row: |args, out, row| {
            out.set(row, make_interval(args, row)?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_to_timestamp",
        arguments: &[Double],
        result: TimestampTz,
        row: |args, out, row| {
            out.set(row, from_epoch(args.double(0, row))?);
            Ok(())
        },
    },
    ScalarFunction {
        // `timestamp(p)`: rounded half up, away from zero as seen from 2000.
        name: "pg_timestamp_round",
        arguments: &[Timestamp, Integer],
        result: Timestamp,
        row: |args, out, row| {
            let micros = args.long(0, row);
            let rounded = if infinite_timestamp(micros).is_some() {
                micros
            } else {
                const EPOCH: i64 = 946_684_800 * SECOND;
                let rounded = EPOCH + round_micros(micros - EPOCH, args.integer(1, row));
                timestamp(rounded.div_euclid(DAY), rounded.rem_euclid(DAY))?
            };
            out.set(row, rounded);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_time_round",
        arguments: &[Time, Integer],
        result: Time,
        row: |args, out, row| {
            out.set(row, round_micros(args.long(0, row), args.integer(1, row)));
            Ok(())
        },
    },
];

const fn justify(name: &'static str, row: super::scalar::RowFunction) -> ScalarFunction {
    ScalarFunction { name, arguments: &[Interval], result: Interval, row }
}

/// Microseconds to `precision` digits, half away from zero.
fn round_micros(micros: i64, precision: i32) -> i64 {
    let unit = 10_i64.pow(u32::try_from(6 - precision).unwrap_or(0).min(6));
    (micros.abs() + unit / 2) / unit * unit * micros.signum()
}

/// 4714-11-24 BC to 5874897-12-31, as days since 1970.
fn is_date(days: i64) -> bool {
    (-2_440_588..2_145_042_541).contains(&days)
}

/// The year that `field` of a millennium, century or decade begins with.
fn first_year(field: &str, year: i64) -> i64 {
    match field {
        "millennium" if year > 0 => (year + 999) / 1_000 * 1_000 - 999,
        "millennium" => -((999 - (year - 1)) / 1_000) * 1_000 + 1,
        "century" if year > 0 => (year + 99) / 100 * 100 - 99,
        "century" => -((99 - (year - 1)) / 100) * 100 + 1,
        _ if year > 0 => year / 10 * 10,
        _ => -((8 - (year - 1)) / 10) * 10,
    }
}

fn truncate(field: &str, micros: i64) -> Result<i64, Marked> {
    if infinite_timestamp(micros).is_some() {
        return Ok(micros);
    }
    let year = Day::from_unix(split(micros).0).year;
    timestamp(Day { year: first_year(field, year), month: 1, day: 1 }.to_unix(), 0)
}

/// `timestamp_age`: whole years, months and days first, then the rest.
fn age(left: i64, right: i64, earlier: bool) -> Result<IntervalValue, Marked> {
    // Postgres 15 computes with the number that stands for infinity, Postgres 17 has an infinite interval.
    if infinite_timestamp(left).or(infinite_timestamp(right)).is_some() {
        return Err("[0A000] an infinite age has no form in DuckDB".into());
    }
    let ((days1, time1), (days2, time2)) = (split(left), split(right));
    let (day1, day2) = (Day::from_unix(days1), Day::from_unix(days2));
    let sign = if earlier { -1 } else { 1 };
    let mut time = sign * (time1 - time2);
    let mut days = sign * (day1.day - day2.day);
    let mut months = sign * ((day1.year - day2.year) * 12 + day1.month - day2.month);
    while time < 0 {
        time += DAY;
        days -= 1;
    }
    while days < 0 {
        let of = if earlier { day1 } else { day2 };
        days += Day::month_length(of.year, of.month);
        months -= 1;
    }
    let narrow =
        |value: i64| i32::try_from(sign * value).map_err(|_| "[22008] interval out of range".to_owned());
    Ok(IntervalValue { months: narrow(months)?, days: narrow(days)?, micros: sign * time })
}

fn bin(stride: IntervalValue, source: i64, origin: i64) -> Result<i64, Marked> {
    if infinite_timestamp(source).is_some() {
        return Ok(source);
    }
    if infinite_timestamp(origin).is_some() {
        return Err("[22008] origin out of range".into());
    }
    if stride.months != 0 {
        return Err("[0A000] timestamps cannot be binned into intervals containing months or years".into());
    }
    let width = i64::from(stride.days).checked_mul(DAY).and_then(|days| days.checked_add(stride.micros));
    let width = width.ok_or("[22008] interval out of range")?;
    if width <= 0 {
        return Err("[22008] stride must be greater than zero".into());
    }
    let distance = source.checked_sub(origin).ok_or("[22008] interval out of range")?;
    let result = origin.checked_add(distance - distance.rem_euclid(width)).ok_or(TIMESTAMP_OUT_OF_RANGE)?;
    timestamp(result.div_euclid(DAY), result.rem_euclid(DAY))
}

const OUT_OF_RANGE: &str = "[22008] interval out of range";

fn justify_hours(value: IntervalValue) -> Result<IntervalValue, Marked> {
    let whole = i32::try_from(value.micros / DAY).map_err(|_| OUT_OF_RANGE)?;
    let mut days = value.days.checked_add(whole).ok_or(OUT_OF_RANGE)?;
    let mut micros = value.micros % DAY;
    if days > 0 && micros < 0 {
        micros += DAY;
        days -= 1;
    } else if days < 0 && micros > 0 {
        micros -= DAY;
        days += 1;
    }
    Ok(IntervalValue { days, micros, ..value })
}

fn justify_days(value: IntervalValue) -> Result<IntervalValue, Marked> {
    let (mut months, mut days) =
        (value.months.checked_add(value.days / 30).ok_or(OUT_OF_RANGE)?, value.days % 30);
    if months > 0 && days < 0 {
        days += 30;
        months -= 1;
    } else if months < 0 && days > 0 {
        days -= 30;
        months += 1;
    }
    Ok(IntervalValue { months, days, ..value })
}

fn justify_interval(value: IntervalValue) -> Result<IntervalValue, Marked> {
    let mut result = value;
    // Days first, so that the sum of days of time cannot overflow where the months have room.
    if (value.days > 0 && value.micros > 0) || (value.days < 0 && value.micros < 0) {
        result.months = result.months.checked_add(value.days / 30).ok_or(OUT_OF_RANGE)?;
        result.days %= 30;
    }
    let whole = i32::try_from(result.micros / DAY).map_err(|_| OUT_OF_RANGE)?;
    result.micros %= DAY;
    result.days = result.days.checked_add(whole).ok_or(OUT_OF_RANGE)?;
    result.months = result.months.checked_add(result.days / 30).ok_or(OUT_OF_RANGE)?;
    result.days %= 30;
    if result.months > 0 && (result.days < 0 || (result.days == 0 && result.micros < 0)) {
        result.days += 30;
        result.months -= 1;
    } else if result.months < 0 && (result.days > 0 || (result.days == 0 && result.micros > 0)) {
        result.days -= 30;
        result.months += 1;
    }
    if result.days > 0 && result.micros < 0 {
        result.micros += DAY;
        result.days -= 1;
    } else if result.days < 0 && result.micros > 0 {
        result.micros -= DAY;
        result.days += 1;
    }
    Ok(result)
}

/// A field of an interval as a whole number; seconds, milliseconds and the epoch in microseconds.
fn interval_part(field: &str, value: IntervalValue) -> Result<i128, Marked> {
    let (years, months) = (value.months / 12, value.months % 12);
    Ok(match field {
        "microsecond" | "microseconds" | "millisecond" | "milliseconds" | "second" | "seconds" => {
            (value.micros % (60 * SECOND)).into()
        }
        "minute" => (value.micros / (60 * SECOND) % 60).into(),
        "hour" => (value.micros / HOUR).into(),
        "day" => value.days.into(),
        "month" => months.into(),
        "quarter" => (months / 3 + 1).into(),
        "year" => years.into(),
        "decade" => (years / 10).into(),
        "century" => (years / 100).into(),
        "millennium" => (years / 1_000).into(),
        "epoch" => {
            let quarter_days =
                1_461 * i128::from(years) + 120 * i128::from(months) + 4 * i128::from(value.days);
            quarter_days * i128::from(DAY / 4) + i128::from(value.micros)
        }
        _ => return Err(format!("[0A000] unit \"{field}\" not supported for type interval")),
    })
}

fn truncate_interval(field: &str, value: IntervalValue) -> Result<IntervalValue, Marked> {
    let of_months = |unit: i32| Ok(IntervalValue { months: value.months / unit * unit, days: 0, micros: 0 });
    let of_micros = |unit: i64| Ok(IntervalValue { micros: value.micros / unit * unit, ..value });
    match field {
        "millennium" => of_months(12_000),
        "century" => of_months(1_200),
        "decade" => of_months(120),
        "year" => of_months(12),
        "quarter" => of_months(3),
        "month" => of_months(1),
        "day" => Ok(IntervalValue { micros: 0, ..value }),
        "hour" => of_micros(HOUR),
        "minute" => of_micros(60 * SECOND),
        "second" => of_micros(SECOND),
        "milliseconds" => of_micros(1_000),
        "microseconds" => Ok(value),
        _ => Err(format!("[0A000] unit \"{field}\" not supported for type interval")),
    }
}

fn make_date(year: i32, month: i32, day: i32) -> Result<i64, Marked> {
    let error = || format!("[22008] date field value out of range: {year}-{month:02}-{day:02}");
    // Years before Christ are negative, and there is no year 0.
    let astronomical = match year {
        0 => return Err(error()),
        year if year < 0 => i64::from(year) + 1,
        year => year.into(),
    };
    let (month, day) = (i64::from(month), i64::from(day));
    if !(1..=12).contains(&month) || !(1..=Day::month_length(astronomical, month)).contains(&day) {
        return Err(error());
    }
    let days = Day { year: astronomical, month, day }.to_unix();
    if is_date(days) {
        return Ok(days);
    }
    Err(format!("[22008] date out of range: {year}-{month:02}-{day:02}"))
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn make_time(hour: i32, minute: i32, second: f64) -> Result<i64, Marked> {
    let error = || format!("[22008] time field value out of range: {hour}:{minute:02}:{second:02}");
    let micros = (second * 1e6).round_ties_even();
    if !(0..=24).contains(&hour) || !(0..60).contains(&minute) || !(0.0..=60e6).contains(&micros) {
        return Err(error());
    }
    let time = i64::from(hour) * HOUR + i64::from(minute) * 60 * SECOND + micros as i64;
    if time > DAY { Err(error()) } else { Ok(time) }
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn make_interval(args: &Arguments<'_>, row: usize) -> Result<IntervalValue, Marked> {
    let part = |column| args.integer(column, row);
    let seconds = args.double(6, row);
    if !seconds.is_finite() {
        return Err(OUT_OF_RANGE.into());
    }
    // What does not fit becomes the smallest number, as the processor has it.
    let micros = (seconds * 1e6).round_ties_even();
    let micros = if micros.abs() < 9_223_372_036_854_775_808.0 { micros as i64 } else { i64::MIN };
    Ok(IntervalValue {
        months: part(0).wrapping_mul(12).wrapping_add(part(1)),
        days: part(2).wrapping_mul(7).wrapping_add(part(3)),
        micros: (i64::from(part(4)) * HOUR + i64::from(part(5)) * 60 * SECOND).wrapping_add(micros),
    })
}

/// `to_timestamp(double)`, in the steps of Postgres, which are not exact.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked before")]
fn from_epoch(seconds: f64) -> Result<i64, Marked> {
    let error = || format!("[22008] timestamp out of range: \"{seconds}\"");
    if seconds.is_infinite() {
        return Ok(if seconds < 0.0 { -i64::MAX } else { i64::MAX });
    }
    if seconds.is_nan() || !(-210_866_803_200.0..9_224_318_016_000.0).contains(&seconds) {
        return Err(error());
    }
    let micros = ((seconds - PG_EPOCH) * 1e6).round_ties_even() as i64 + 946_684_800 * SECOND;
    timestamp(micros.div_euclid(DAY), micros.rem_euclid(DAY)).map_err(|_| error())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: i64, month: i64, day: i64, hour: i64) -> i64 {
        timestamp(Day { year, month, day }.to_unix(), hour * HOUR).unwrap()
    }

    #[test]
    fn ages_borrow_days_from_the_month_before() {
        let (old, new) = (at(2024, 1, 31, 12), at(2024, 3, 1, 6));
        assert_eq!(age(new, old, false), Ok(IntervalValue { months: 1, days: 0, micros: 18 * HOUR }));
        assert_eq!(age(old, new, true), Ok(IntervalValue { months: -1, days: 0, micros: -18 * HOUR }));
    }

    #[test]
    fn decades_centuries_and_millennia_begin_as_in_postgres() {
        for (field, year, first) in [
            ("decade", 2024, 2020),
            ("century", 2000, 1901),
            ("millennium", 2001, 2001),
            ("decade", -43, -50),
            ("century", 0, -99),
        ] {
            assert_eq!(first_year(field, year), first, "{field} of {year}");
        }
    }

    #[test]
    fn bins_lie_before_their_values() {
        let stride = IntervalValue { months: 0, days: 0, micros: 15 * 60 * SECOND };
        let origin = at(2020, 1, 1, 0);
        assert_eq!(bin(stride, at(2019, 12, 31, 23) + 1, origin), Ok(at(2019, 12, 31, 23)));
        assert!(bin(IntervalValue { months: 1, ..stride }, origin, origin).is_err());
    }

    #[test]
    fn dates_are_checked() {
        assert_eq!(make_date(2024, 2, 29), Ok(Day { year: 2024, month: 2, day: 29 }.to_unix()));
        assert_eq!(make_date(-1, 1, 1), Ok(Day { year: 0, month: 1, day: 1 }.to_unix()));
        assert!(make_date(0, 1, 1).is_err() && make_date(2023, 2, 29).is_err());
        assert_eq!(make_time(23, 59, 59.5), Ok(DAY - SECOND / 2));
        assert!(make_time(24, 0, 1.0).is_err());
    }
}
