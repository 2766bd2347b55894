//! Dates, timestamps and intervals. DuckDB evaluates timestamptz in the session's TimeZone,
//! which the engine sets from Postgres' for every statement.

use bridge_types::oid::{DATE, FLOAT8, INT4, INTERVAL, TEXT, TIME, TIMESTAMP, TIMESTAMPTZ};

use super::{Entry, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

const SAME: &[(&str, &[u32], &str)] = &[
    ("date_pli", &[DATE, INT4], "({0} + {1})"),
    ("integer_pl_date", &[INT4, DATE], "({1} + {0})"),
    ("date_mii", &[DATE, INT4], "({0} - {1})"),
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
    ("interval_pl", &[INTERVAL, INTERVAL], "({0} + {1})"),
    ("interval_mi", &[INTERVAL, INTERVAL], "({0} - {1})"),
    ("interval_mul", &[INTERVAL, FLOAT8], "pg_interval_mul({0}, {1})"),
    ("mul_d_interval", &[FLOAT8, INTERVAL], "pg_interval_mul({1}, {0})"),
    ("interval_div", &[INTERVAL, FLOAT8], "pg_interval_div({0}, {1})"),
    ("interval_um", &[INTERVAL], "(-{0})"),
    ("time_mi_time", &[TIME, TIME], "to_microseconds(epoch_us({0}) - epoch_us({1}))"),
    ("datetime_pl", &[DATE, TIME], "({0} + {1})"),
    ("isfinite", &[DATE], "isfinite({0})"),
    ("isfinite", &[TIMESTAMP], "isfinite({0})"),
    ("isfinite", &[TIMESTAMPTZ], "isfinite({0})"),
];

pub(super) fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> =
        SAME.iter().map(|(name, args, sql)| Entry::template(name, args, *sql)).collect();
    for args in [&[TEXT, DATE] as &'static [u32], &[TEXT, TIMESTAMP], &[TEXT, TIMESTAMPTZ], &[TEXT, TIME]] {
        entries.push(Entry::build("extract", args, extract));
        entries.push(Entry::build("date_part", args, |s, a| Ok(extract(s, a)?.cast(&DuckType::Double))));
    }
    entries.push(Entry::build("timestamptz_pl_interval", &[TIMESTAMPTZ, INTERVAL], |_, a| Ok(shift(a, "+"))));
    entries.push(Entry::build("timestamptz_mi_interval", &[TIMESTAMPTZ, INTERVAL], |_, a| Ok(shift(a, "-"))));
    entries.push(Entry::build("interval_pl_timestamptz", &[INTERVAL, TIMESTAMPTZ], |_, mut a| {
        a.reverse();
        Ok(shift(a, "+"))
    }));
    entries.push(Entry::build("date_trunc", &[TEXT, TIMESTAMP], date_trunc));
    entries.push(Entry::build("date_trunc", &[TEXT, TIMESTAMPTZ], date_trunc));
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
    let sql = if has_date {
        format!(
            "CASE WHEN isinf({{0}}) THEN error('[0A000] cannot extract a field of an infinite date or timestamp in DuckDB') ELSE {sql} END"
        )
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

fn date_trunc(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let field = field(signature, &args)?;
    match field.as_str() {
        "microseconds" | "milliseconds" | "second" | "minute" | "hour" | "day" | "week" | "month"
        | "quarter" | "year" | "decade" => {}
        _ => {
            return unsupported(
                format!("{} of {field}", signature.display),
                "DuckDB truncates this field differently",
            );
        }
    }
    Ok(duck(format!("date_trunc('{field}', {{1}})"), result_type(signature)?, args))
}
