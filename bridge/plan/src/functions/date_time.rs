//! Dates, timestamps and intervals. DuckDB evaluates timestamptz in the session's TimeZone,
//! which the engine sets from Postgres' for every statement.

use bridge_types::oid::{DATE, FLOAT8, INT4, INTERVAL, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ};

use super::{Entry, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

const SAME: &[(&str, &[u32], &str)] = &[
    (
        "date_mi",
        &[DATE, DATE],
        "CASE WHEN (isinf({0}) OR isinf({1})) AND {0} IS NOT NULL AND {1} IS NOT NULL THEN error('[22008] cannot subtract infinite dates') \
         ELSE CAST(({0} - {1}) AS INTEGER) END",
    ),
    ("date_pl_interval", &[DATE, INTERVAL], "(CAST({0} AS TIMESTAMP) + {1})"),
    ("date_mi_interval", &[DATE, INTERVAL], "(CAST({0} AS TIMESTAMP) - {1})"),
    ("interval_pl_date", &[INTERVAL, DATE], "(CAST({1} AS TIMESTAMP) + {0})"),
    ("timestamp_pl_interval", &[TIMESTAMP, INTERVAL], "({0} + {1})"),
    ("timestamp_mi_interval", &[TIMESTAMP, INTERVAL], "({0} - {1})"),
    ("interval_pl_timestamp", &[INTERVAL, TIMESTAMP], "({1} + {0})"),
    (
        "timestamp_mi",
        &[TIMESTAMP, TIMESTAMP],
        "CASE WHEN (isinf({0}) OR isinf({1})) AND {0} IS NOT NULL AND {1} IS NOT NULL THEN error('[22008] cannot subtract infinite timestamps') \
         ELSE {0} - {1} END",
    ),
    // Postgres subtracts absolute times, DuckDB local ones: the same in UTC.
    (
        "timestamptz_mi",
        &[TIMESTAMPTZ, TIMESTAMPTZ],
        "CASE WHEN (isinf({0}) OR isinf({1})) AND {0} IS NOT NULL AND {1} IS NOT NULL THEN error('[22008] cannot subtract infinite timestamps') \
         ELSE timezone('UTC', {0}) - timezone('UTC', {1}) END",
    ),
    ("interval_pl", &[INTERVAL, INTERVAL], "pg_interval_add({0}, {1})"),
    ("interval_mi", &[INTERVAL, INTERVAL], "pg_interval_sub({0}, {1})"),
    ("interval_mul", &[INTERVAL, FLOAT8], "pg_interval_mul({0}, {1})"),
    ("mul_d_interval", &[FLOAT8, INTERVAL], "pg_interval_mul({1}, {0})"),
    ("interval_div", &[INTERVAL, FLOAT8], "pg_interval_div({0}, {1})"),
    ("interval_um", &[INTERVAL], "(-{0})"),
    ("time_mi_time", &[TIME, TIME], "to_microseconds(epoch_us({0}) - epoch_us({1}))"),
    ("datetime_pl", &[DATE, TIME], "({0} + {1})"),
    ("timedate_pl", &[TIME, DATE], "({1} + {0})"),
    ("time_pl_interval", &[TIME, INTERVAL], "pg_time_add({0}, {1}, 1)"),
    ("time_mi_interval", &[TIME, INTERVAL], "pg_time_add({0}, {1}, -1)"),
    ("interval_pl_time", &[INTERVAL, TIME], "pg_time_add({1}, {0}, 1)"),
    ("isfinite", &[INTERVAL], "({0} IS NOT NULL OR NULL)"),
    ("justify_hours", &[INTERVAL], "pg_justify_hours({0})"),
    ("justify_days", &[INTERVAL], "pg_justify_days({0})"),
    ("justify_interval", &[INTERVAL], "pg_justify_interval({0})"),
    ("make_date", &[INT4, INT4, INT4], "pg_make_date({0}, {1}, {2})"),
    ("make_time", &[INT4, INT4, FLOAT8], "pg_make_time({0}, {1}, {2})"),
    (
        "make_timestamp",
        &[INT4, INT4, INT4, INT4, INT4, FLOAT8],
        "pg_make_timestamp({0}, {1}, {2}, {3}, {4}, {5})",
    ),
    (
        "make_timestamptz",
        &[INT4, INT4, INT4, INT4, INT4, FLOAT8],
        "CAST(pg_make_timestamp({0}, {1}, {2}, {3}, {4}, {5}) AS TIMESTAMPTZ)",
    ),
    (
        "make_interval",
        &[INT4, INT4, INT4, INT4, INT4, INT4, FLOAT8],
        "pg_make_interval({0}, {1}, {2}, {3}, {4}, {5}, {6})",
    ),
    ("to_timestamp", &[FLOAT8], "pg_to_timestamp({0})"),
    ("age", &[TIMESTAMP, TIMESTAMP], "pg_age({0}, {1})"),
    (
        "age",
        &[TIMESTAMPTZ, TIMESTAMPTZ],
        "pg_age_tz(CAST({0} AS TIMESTAMP), CAST({1} AS TIMESTAMP), {0}, {1})",
    ),
    ("date_bin", &[INTERVAL, TIMESTAMP, TIMESTAMP], "pg_date_bin({0}, {1}, {2})"),
    (
        "date_bin",
        &[INTERVAL, TIMESTAMPTZ, TIMESTAMPTZ],
        "timezone('UTC', pg_date_bin({0}, timezone('UTC', {1}), timezone('UTC', {2})))",
    ),
    ("isfinite", &[DATE], "isfinite({0})"),
    ("isfinite", &[TIMESTAMP], "isfinite({0})"),
    ("isfinite", &[TIMESTAMPTZ], "isfinite({0})"),
];

pub(super) fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        SAME.iter().map(|(name, args, sql)| Entry::template(name, args, *sql)).collect();
    for args in [
        &[TEXT, DATE] as &'static [u32],
        &[TEXT, TIMESTAMP],
        &[TEXT, TIMESTAMPTZ],
        &[TEXT, TIME],
        &[TEXT, INTERVAL],
    ] {
        entries.push(Entry::build("extract", args, extract).when(FIELD));
        let part = Entry::build("date_part", args, |s, a| Ok(extract(s, a)?.cast(&DuckType::Double)));
        entries.push(part.when(FIELD));
    }
    entries.push(Entry::build("timestamptz_pl_interval", &[TIMESTAMPTZ, INTERVAL], |_, a| Ok(shift(a, "+"))));
    entries.push(Entry::build("timestamptz_mi_interval", &[TIMESTAMPTZ, INTERVAL], |_, a| Ok(shift(a, "-"))));
    entries.push(Entry::build("interval_pl_timestamptz", &[INTERVAL, TIMESTAMPTZ], |_, mut a| {
        a.reverse();
        Ok(shift(a, "+"))
    }));
    for args in [&[TEXT, TIMESTAMP] as &'static [u32], &[TEXT, TIMESTAMPTZ], &[TEXT, INTERVAL]] {
        entries.push(Entry::build("date_trunc", args, date_trunc).when(FIELD));
    }
    entries.push(Entry::build("timezone", &[TEXT, TIMESTAMP], at_time_zone).when(ZONE));
    entries.push(Entry::build("timezone", &[TEXT, TIMESTAMPTZ], at_time_zone).when(ZONE));
    entries.push(Entry::build("date_pli", &[DATE, INT4], |_, a| Ok(add_days(a, false))));
    entries.push(Entry::build("date_mii", &[DATE, INT4], |_, a| Ok(add_days(a, true))));
    entries.push(Entry::build("integer_pl_date", &[INT4, DATE], |_, mut a| {
        a.swap(0, 1);
        Ok(add_days(a, false))
    }));
    entries
}

/// `timestamptz + interval`: months first, then days, then time; DuckDB starts with the time if a
/// field is negative.
fn shift(args: Vec<Typed>, sign: &str) -> Typed {
    let one_field = args.get(1).and_then(|interval| PgConstant::of(&interval.expr)).is_some_and(|interval| {
        let Value::Interval { months, days, micros } = interval.value else { return false };
        [months != 0, days != 0, micros != 0].into_iter().filter(|is_set| *is_set).count() <= 1
    });
    let sql = if one_field {
        format!("({{0}} {sign} {{1}})")
    } else {
        format!(
            "((({{0}} {sign} pg_interval_months({{1}})) {sign} pg_interval_days({{1}})) {sign} pg_interval_clock({{1}}))"
        )
    };
    duck(sql, DuckType::TimestampTz, args)
}

const FIELD: &str = "the field is a constant, and not a field of a time zone";
const ZONE: &str = "the zone is a constant, UTC or the name of a place (`Europe/Berlin`)";

/// `date + days`. DuckDB's own error is of another class; near days need none.
fn add_days(args: Vec<Typed>, subtract: bool) -> Typed {
    /// About 270 years: dates that far from the ends of the calendar are all there are.
    const NEAR: i64 = 100_000;
    let near =
        PgConstant::of(&args[1].expr).and_then(PgConstant::as_int).is_some_and(|days| days.abs() < NEAR);
    let sql = match (near, subtract) {
        (true, false) => "({0} + {1})",
        (true, true) => "({0} - {1})",
        (false, false) => "pg_date_add({0}, {1}, 1)",
        (false, true) => "pg_date_add({0}, {1}, -1)",
    };
    duck(sql, DuckType::Date, args)
}

/// `x AT TIME ZONE zone`.
fn at_time_zone(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let zone = PgConstant::of(&args[0].expr).and_then(PgConstant::as_text).unwrap_or_default();
    // Abbreviations and offsets mean other things in DuckDB.
    let place = zone.contains('/')
        && !zone.starts_with("Etc/")
        && zone.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'/' | b'_' | b'-'));
    if !(place || matches!(zone, "UTC" | "GMT")) {
        return unsupported(signature.display.clone(), "its zone is not the constant name of a place");
    }
    Ok(duck("timezone({0}, {1})", result_type(signature)?, args))
}

/// The field that a call names, in lower case.
fn field(signature: &Signature, args: &[Typed]) -> Result<String, PlanError> {
    match PgConstant::of(&args[0].expr).and_then(PgConstant::as_text) {
        Some(field) => Ok(field.to_ascii_lowercase()),
        None => unsupported(signature.display.clone(), "its field is not a constant"),
    }
}

/// `extract(field FROM x)` as a decimal of Postgres' display scale.
///
/// ```text
/// year                  ==>  year before 1 AD is one less: Postgres has no year zero
/// second, milliseconds  ==>  microseconds, scaled: DuckDB drops the fraction
/// infinite x            ==>  an error: Postgres has infinite numerics, decimals do not
/// ```
fn extract(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let field = field(signature, &args)?;
    let value = args.remove(1);
    if value.ty == DuckType::Interval {
        return extract_from_interval(signature, &field, value);
    }
    let has_date = value.ty != DuckType::Time;
    let has_time = value.ty != DuckType::Date;
    let whole = |sql: &str| (format!("CAST({sql} AS DECIMAL(18,0))"), 18, 0);
    let (sql, p, s) = match field.as_str() {
        "year" if has_date => whole("CASE WHEN year({0}) > 0 THEN year({0}) ELSE year({0}) - 1 END"),
        "isoyear" if has_date => {
            whole("CASE WHEN isoyear({0}) > 0 THEN isoyear({0}) ELSE isoyear({0}) - 1 END")
        }
        // Postgres' own arithmetic (`timestamp_part`), for years before 1 AD as well.
        "decade" if has_date => {
            whole("CASE WHEN year({0}) >= 0 THEN year({0}) // 10 ELSE -((8 - (year({0}) - 1)) // 10) END")
        }
        "century" if has_date => whole(
            "CASE WHEN year({0}) > 0 THEN (year({0}) + 99) // 100 ELSE -((99 - (year({0}) - 1)) // 100) END",
        ),
        "millennium" if has_date => whole(
            "CASE WHEN year({0}) > 0 THEN (year({0}) + 999) // 1000 ELSE -((999 - (year({0}) - 1)) // 1000) END",
        ),
        "quarter" | "month" | "day" | "dow" | "doy" | "isodow" | "week" if has_date => {
            whole(&format!("extract({field} FROM {{0}})"))
        }
        "hour" | "minute" if has_time => whole(&format!("extract({field} FROM {{0}})")),
        "microsecond" | "microseconds" if has_time => whole("extract(microseconds FROM {0})"),
        "second" | "seconds" if has_time => scaled("extract(microseconds FROM {0})", 6),
        "millisecond" | "milliseconds" if has_time => scaled("extract(microseconds FROM {0})", 3),
        "epoch" if value.ty == DuckType::Date => whole("epoch({0})"),
        "epoch" if has_date => scaled("epoch_us({0})", 6),
        _ => {
            return unsupported(
                format!("{} of {field}", signature.display),
                "DuckDB counts this field differently",
            );
        }
    };
    // Fields that come again have no value at infinity; others are infinite.
    let grows = matches!(field.as_str(), "year" | "isoyear" | "decade" | "century" | "millennium" | "epoch");
    let sql = if has_date && grows {
        format!(
            "CASE WHEN isinf({{0}}) THEN error('[0A000] cannot extract a field of an infinite date or timestamp in DuckDB') ELSE {sql} END"
        )
    } else if has_date {
        format!("CASE WHEN NOT isinf({{0}}) THEN {sql} END")
    } else {
        sql
    };
    Ok(duck(sql, DuckType::Decimal(p, s), vec![value]))
}

/// Microseconds in units with `scale` digits behind the point, exactly.
fn scaled(micros: &str, scale: u8) -> (String, u8, u8) {
    let unit = if scale == 6 { "CAST(0.000001 AS DECIMAL(6,6))" } else { "CAST(0.001 AS DECIMAL(3,3))" };
    (format!("(CAST({micros} AS DECIMAL(19,0)) * {unit})"), 19 + scale, scale)
}

/// `extract(field FROM interval)`.
fn extract_from_interval(signature: &Signature, field: &str, value: Typed) -> Result<Typed, PlanError> {
    let scale = match field {
        "second" | "seconds" | "epoch" => 6,
        "millisecond" | "milliseconds" => 3,
        "microsecond" | "microseconds" | "minute" | "hour" | "day" | "month" | "quarter" | "year"
        | "decade" | "century" | "millennium" => 0,
        _ => return unsupported(format!("{} of {field}", signature.display), "intervals have no such field"),
    };
    let part = format!("pg_interval_part('{field}', {{0}})");
    let (sql, precision) = match scale {
        0 => (format!("CAST({part} AS DECIMAL(25,0))"), 25),
        6 => (format!("(CAST({part} AS DECIMAL(25,0)) * CAST(0.000001 AS DECIMAL(6,6)))"), 31),
        _ => (format!("(CAST({part} AS DECIMAL(25,0)) * CAST(0.001 AS DECIMAL(3,3)))"), 28),
    };
    Ok(duck(sql, DuckType::Decimal(precision, scale), vec![value]))
}

/// `date_trunc(field, x)`.
///
/// ```text
/// decades and longer     ==>  the engine's, which counts them as Postgres does
/// hours of a timestamptz ==>  what a clock shows behind them is taken off the instant, which
///                             stays on its side of a change to winter time
/// ```
fn date_trunc(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let field = field(signature, &args)?;
    let ty = result_type(signature)?;
    let sql = match (field.as_str(), &ty) {
        (
            "microseconds" | "milliseconds" | "second" | "minute" | "hour" | "day" | "month" | "quarter"
            | "year" | "decade" | "century" | "millennium",
            DuckType::Interval,
        ) => format!("pg_interval_trunc('{field}', {{1}})"),
        (_, DuckType::Interval) => {
            return unsupported(format!("{} of {field}", signature.display), "intervals have no such field");
        }
        ("microseconds" | "milliseconds" | "second" | "minute" | "hour", DuckType::TimestampTz) => {
            format!(
                "CASE WHEN isfinite({{1}}) THEN {{1}} - (CAST({{1}} AS TIMESTAMP) - date_trunc('{field}', CAST({{1}} AS TIMESTAMP))) ELSE {{1}} END"
            )
        }
        (
            "microseconds" | "milliseconds" | "second" | "minute" | "hour" | "day" | "week" | "month"
            | "quarter" | "year",
            _,
        ) => {
            format!("date_trunc('{field}', {{1}})")
        }
        ("decade" | "century" | "millennium", DuckType::TimestampTz) => {
            format!("CAST(pg_timestamp_trunc('{field}', CAST({{1}} AS TIMESTAMP)) AS TIMESTAMPTZ)")
        }
        ("decade" | "century" | "millennium", _) => format!("pg_timestamp_trunc('{field}', {{1}})"),
        _ => {
            return unsupported(
                format!("{} of {field}", signature.display),
                "DuckDB truncates this field differently",
            );
        }
    };
    Ok(duck(sql, ty, args))
}
