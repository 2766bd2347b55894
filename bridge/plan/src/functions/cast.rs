//! Casts that are functions in Postgres, and the length coercions of text.

use bridge_types::oid::{
    BIT, BOOL, BPCHAR, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, JSON, JSONB, NAME, NUMERIC, TEXT,
    TIME, TIMESTAMP, TIMESTAMPTZ, VARBIT, VARCHAR,
};

use super::{Entry, numeric, result_type};
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
    // Conversions through text (`CoerceViaIO`); lowering names them `io:<type>`.
    for (name, args) in [
        ("io:text", &[INT2] as &'static [u32]),
        ("io:text", &[INT4]),
        ("io:text", &[INT8]),
        ("io:text", &[BOOL]),
    ] {
        entries.push(Entry::template(name, args, "CAST({0} AS VARCHAR)"));
    }
    entries.push(Entry::build("io:text", &[NUMERIC], |_, mut a| {
        Ok(duck("{0}", DuckType::Varchar, vec![numeric::text(a.remove(0))]))
    }));
    entries.push(Entry::template("io:text", &[TEXT], "{0}"));
    // What crosses as its text is its text.
    for args in [&[JSONB] as &'static [u32], &[JSON], &[BIT], &[VARBIT]] {
        entries.push(Entry::template("io:text", args, "CAST({0} AS VARCHAR)"));
    }
    for (name, type_name) in [("io:21", INT2), ("io:23", INT4), ("io:20", INT8)] {
        let args: &'static [u32] = &[TEXT];
        debug_assert!(name.ends_with(&type_name.to_string()));
        entries.push(Entry::build(name, args, text_to_integer));
        entries.push(Entry::build(name, &[VARCHAR], text_to_integer));
        entries.push(Entry::build(name, &[BPCHAR], text_to_integer));
    }
    entries.push(Entry::never("io:text", &[FLOAT4], "DuckDB writes floating-point numbers differently"));
    entries.push(Entry::never("io:text", &[FLOAT8], "DuckDB writes floating-point numbers differently"));
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
            let double = duck("pg_numeric_to_double({0})", DuckType::Double, vec![numeric::text(value)]);
            if target == DuckType::Float {
                duck("pg_float4_from_double({0})", DuckType::Float, vec![double])
            } else {
                double
            }
        }
        DuckType::HugeInt => value.cast(&target),
        _ => duck("pg_numeric_to_bigint({0})", DuckType::BigInt, vec![numeric::text(value)]).cast(&target),
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
    let value = args.remove(0);
    let Some(length) = signature.result.length() else {
        return Ok(value);
    };
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

/// `x::timestamp(p)` and the like: only the full precision is a no-op.
fn to_precision(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    match PgConstant::of(&args[1].expr).and_then(PgConstant::as_int) {
        Some(6 | -1) => Ok(args.remove(0)),
        _ => unsupported(signature.display.clone(), "DuckDB does not round to a precision"),
    }
}
