//! Casts that are functions in Postgres, and the length coercions of text.

use bridge_types::oid::{
    self, BIT, BOOL, BPCHAR, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, JSON, JSONB, NAME, NUMERIC,
    TEXT, TIME, TIMESTAMP, TIMESTAMPTZ, VARBIT, VARCHAR,
};

use super::{Entry, numeric, output, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

/// Casts that DuckDB does as Postgres: same values, same rounding, an error when out of range.
const SAME: &[(&str, &[u32])] = &[
    ("int2", &[INT4]),
    ("int2", &[INT8]),
    ("int2", &[FLOAT4]),
    ("int2", &[FLOAT8]),
    ("int4", &[INT2]),
    ("int4", &[INT8]),
    ("int4", &[FLOAT4]),
    ("int4", &[FLOAT8]),
    ("int4", &[BOOL]),
    ("int8", &[INT2]),
    ("int8", &[INT4]),
    ("int8", &[FLOAT4]),
    ("int8", &[FLOAT8]),
    ("float4", &[INT2]),
    ("float4", &[INT4]),
    ("float4", &[INT8]),
    ("float8", &[INT2]),
    ("float8", &[INT4]),
    ("float8", &[INT8]),
    ("float8", &[FLOAT4]),
    ("bool", &[INT4]),
    ("date", &[TIMESTAMP]),
    ("date", &[TIMESTAMPTZ]),
    ("timestamp", &[DATE]),
    ("timestamp", &[TIMESTAMPTZ]),
    ("timestamptz", &[DATE]),
    ("timestamptz", &[TIMESTAMP]),
    ("text", &[BOOL]),
];

/// Types whose text DuckDB or the engine writes as Postgres does.
const WRITTEN: &[&[u32]] = &[
    &[INT2],
    &[INT4],
    &[INT8],
    &[NUMERIC],
    &[FLOAT4],
    &[FLOAT8],
    &[TEXT],
    &[JSON],
    &[JSONB],
    &[BIT],
    &[VARBIT],
    &[oid::BYTEA],
    &[oid::UUID],
    &[DATE],
    &[TIME],
    &[oid::TIMETZ],
    &[TIMESTAMP],
    &[TIMESTAMPTZ],
    &[INTERVAL],
    &[oid::BOOL_ARRAY],
    &[oid::INT2_ARRAY],
    &[oid::INT4_ARRAY],
    &[oid::INT8_ARRAY],
    &[oid::FLOAT4_ARRAY],
    &[oid::FLOAT8_ARRAY],
    &[oid::NUMERIC_ARRAY],
    &[oid::TEXT_ARRAY],
    &[oid::VARCHAR_ARRAY],
    &[oid::DATE_ARRAY],
    &[oid::TIME_ARRAY],
    &[oid::TIMESTAMP_ARRAY],
    &[oid::TIMESTAMPTZ_ARRAY],
    &[oid::INTERVAL_ARRAY],
    &[oid::UUID_ARRAY],
];

/// Casts to `numeric`.
const TO_NUMERIC: &[&[u32]] = &[&[INT2], &[INT4], &[INT8], &[FLOAT4], &[FLOAT8]];

pub(super) fn entries() -> Vec<Entry> {
    let mut entries: Vec<Entry> = SAME
        .iter()
        .map(|(name, args)| Entry::build(name, args, |s, mut a| Ok(a.remove(0).cast(&result_type(s)?))))
        .collect();
    entries.extend(
        TO_NUMERIC.iter().map(|args| Entry::build("numeric", args, |_, mut a| Ok(to_numeric(a.remove(0))))),
    );
    // The time of an infinite timestamp is NULL.
    entries.push(Entry::template("time", &[TIMESTAMP], "CASE WHEN isfinite({0}) THEN CAST({0} AS TIME) END"));
    entries.push(Entry::template("float4", &[FLOAT8], "pg_float4_from_double({0})"));
    for name in ["int2", "int4", "int8", "float4", "float8"] {
        entries.push(Entry::build(name, &[NUMERIC], from_numeric));
    }
    // bpchar -> text drops the blanks that the carrier does not have in the first place.
    entries.push(Entry::template("text", &[BPCHAR], "{0}"));
    entries.push(Entry::template("text", &[NAME], "{0}"));
    entries
        .push(Entry::build("varchar", &[VARCHAR, INT4, BOOL], |s, a| fit_length(s, a, "character varying")));
    entries.push(Entry::build("bpchar", &[BPCHAR, INT4, BOOL], |s, a| fit_length(s, a, "character")));
    entries.push(Entry::build("timestamp", &[TIMESTAMP, INT4], to_precision));
    entries.push(Entry::build("timestamptz", &[TIMESTAMPTZ, INT4], to_precision));
    entries.push(Entry::build("time", &[TIME, INT4], to_precision));
    entries.push(Entry::build("interval", &[INTERVAL, INT4], to_precision));
    entries.push(Entry::template("timestamp", &[DATE, TIME], "({0} + {1})"));
    // Infinity has no time of day.
    entries.push(Entry::template(
        "time",
        &[TIMESTAMPTZ],
        "CASE WHEN isfinite({0}) THEN CAST(CAST({0} AS TIMESTAMP) AS TIME) END",
    ));
    entries.push(Entry::template("time", &[INTERVAL], "pg_interval_time({0})"));
    entries.push(Entry::template("interval", &[TIME], "to_microseconds(epoch_us({0}))"));
    // Conversions through text (`CoerceViaIO`); lowering names them `io:<type>`.
    for args in WRITTEN {
        entries.push(Entry::build("io:text", args, |s, mut a| output::written(s, a.remove(0), s.args[0])));
    }
    for from in [&[TEXT] as &'static [u32], &[VARCHAR], &[BPCHAR]] {
        for (name, sql) in [
            ("io:16", "pg_bool_in({0})"),
            ("io:17", "pg_bytea_in({0})"),
            ("io:700", "pg_float4_in({0})"),
            ("io:701", "pg_float8_in({0})"),
            ("io:1700", "pg_numeric_in({0})"),
            ("io:1082", "pg_date_in({0})"),
            ("io:1083", "pg_time_in({0})"),
            ("io:1114", "pg_timestamp_in({0})"),
            ("io:1184", "coalesce(pg_timestamptz_in({0}), CAST(pg_timestamp_in({0}) AS TIMESTAMPTZ))"),
            ("io:2950", "pg_uuid_in({0})"),
        ] {
            entries.push(Entry::template(name, from, sql));
        }
    }
    for (name, type_name) in [("io:21", INT2), ("io:23", INT4), ("io:20", INT8)] {
        let args: &'static [u32] = &[TEXT];
        debug_assert!(name.ends_with(&type_name.to_string()));
        entries.push(Entry::build(name, args, text_to_integer));
        entries.push(Entry::build(name, &[VARCHAR], text_to_integer));
        entries.push(Entry::build(name, &[BPCHAR], text_to_integer));
    }
    entries
}

/// Integers are exact decimals; floats go through their shortest text.
fn to_numeric(value: Typed) -> Typed {
    match value.ty {
        DuckType::Float => duck("pg_numeric_from_float({0})", DuckType::NumericText, vec![value]),
        DuckType::Double => duck("pg_numeric_from_double({0})", DuckType::NumericText, vec![value]),
        _ => numeric::as_decimal(value),
    }
}

/// Name, magnitude of the smallest value and number of digits of an integer type.
fn integer_range(ty: &DuckType) -> Option<(&'static str, u64, u8)> {
    match ty {
        DuckType::SmallInt => Some(("smallint", 1 << 15, 5)),
        DuckType::Integer => Some(("integer", 1 << 31, 10)),
        DuckType::BigInt => Some(("bigint", 1 << 63, 19)),
        _ => None,
    }
}

fn from_numeric(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let target = result_type(signature)?;
    let value = numeric::without_scale(args.remove(0));
    let float = matches!(target, DuckType::Float | DuckType::Double);
    if let DuckType::Decimal(p, s) = &value.ty
        && let Some((name, limit, digits)) = integer_range(&target)
        && p - s >= digits
    {
        // DuckDB's own error does not say that the value is out of range.
        let sql = format!(
            "CASE WHEN {{0}} >= {limit}.5 - 1 OR {{0}} <= -{limit}.5 THEN error('[22003] {name} out of range') \
             ELSE CAST({{0}} AS {target}) END"
        );
        return Ok(duck(sql, target, vec![value]));
    }
    Ok(match &value.ty {
        // Up to 15 digits the quotient of two exact doubles is the correctly rounded value.
        DuckType::Decimal(p, _) if !float || (*p <= 15 && target == DuckType::Double) => value.cast(&target),
        _ if float => {
            // Through double: for float4 a double rounding of more than 15 digits is possible.
            let double = duck("pg_numeric_to_double({0})", DuckType::Double, vec![numeric::operand(value)]);
            if target == DuckType::Float {
                duck("pg_float4_from_double({0})", DuckType::Float, vec![double])
            } else {
                double
            }
        }
        DuckType::HugeInt => value.cast(&target),
        _ => duck("pg_numeric_to_bigint({0})", DuckType::BigInt, vec![numeric::operand(value)]).cast(&target),
    })
}

/// `text::integer`: digits with an optional sign and blanks around; DuckDB takes much more.
fn text_to_integer(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let target = result_type(signature)?;
    let Some((name, _, _)) = integer_range(&target) else {
        return unsupported(signature.display.clone(), "its result is not an integer");
    };
    let sql = format!(
        "CASE WHEN {{0}} IS NULL THEN NULL \
         WHEN NOT regexp_full_match({{0}}, '\\s*[+-]?[0-9]+\\s*') \
         THEN error('[22P02] invalid input syntax for type {name}: \"' || {{0}} || '\"') \
         ELSE coalesce(TRY_CAST(regexp_replace({{0}}, '[\\s+]', '', 'g') AS {target}), \
         error('[22003] value \"' || {{0}} || '\" is out of range for type {name}')) END"
    );
    Ok(duck(sql, target, args))
}

/// `x::varchar(n)`, `x::char(n)`: an explicit cast cuts, an assignment refuses what is longer
/// unless only blanks are lost.
fn fit_length(signature: &Signature, mut args: Vec<Typed>, type_name: &str) -> Result<Typed, PlanError> {
    let explicit = match PgConstant::of(&args[2].expr).map(|constant| &constant.value) {
        Some(Value::Bool(explicit)) => *explicit,
        _ => return unsupported(signature.display.clone(), "the kind of cast is not a constant"),
    };
    // A cast has its typmod as a constant, and the result has it too.
    let typmod = PgConstant::of(&args[1].expr).and_then(PgConstant::as_int);
    let Some(length) = signature.result.length().filter(|_| typmod == Some(signature.result.typmod.into()))
    else {
        return unsupported(signature.display.clone(), "its length is not a constant");
    };
    let value = args.remove(0);
    // The carrier of char(n) has no trailing blanks, and a cut may leave some at the end.
    let cut = if signature.result.oid == BPCHAR {
        format!("rtrim(left({{0}}, {length}), ' ')")
    } else {
        format!("left({{0}}, {length})")
    };
    if explicit {
        return Ok(duck(cut, DuckType::Varchar, vec![value]));
    }
    let sql = format!(
        "CASE WHEN (length({{0}}) <= {length}) IS NOT FALSE THEN {{0}} \
         WHEN rtrim(substring({{0}}, {}), ' ') = '' THEN {cut} \
         ELSE error('[22001] value too long for type {type_name}({length})') END",
        i64::from(length) + 1,
    );
    Ok(duck(sql, DuckType::Varchar, vec![value]))
}

/// `x::timestamp(p)` and the like.
fn to_precision(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let value = args.remove(0);
    let sql = match (PgConstant::of(&args[0].expr).and_then(PgConstant::as_int), &value.ty) {
        (Some(6 | -1), _) => return Ok(value),
        (Some(0..6), DuckType::Timestamp) => "pg_timestamp_round({0}, {1})",
        (Some(0..6), DuckType::TimestampTz) => {
            "timezone('UTC', pg_timestamp_round(timezone('UTC', {0}), {1}))"
        }
        (Some(0..6), DuckType::Time) => "pg_time_round({0}, {1})",
        _ => return unsupported(signature.display.clone(), "DuckDB does not round to a precision"),
    };
    let ty = value.ty.clone();
    Ok(duck(sql, ty, vec![value, args.remove(0)]))
}
