//! `= <> < <= > >=` on all types, and the keys that order and group by.

use bridge_types::oid;

use super::{Entry, numeric};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};

/// Operator and the suffixes of its functions.
const OPERATORS: [(&str, &str); 6] =
    [("=", "eq"), ("<>", "ne"), ("<", "lt"), ("<=", "le"), (">", "gt"), (">=", "ge")];

/// `{prefix}{suffix}` over these argument types.
const FAMILIES: &[(&str, &[u32])] = &[
    ("bool", &[oid::BOOL, oid::BOOL]),
    ("int2", &[oid::INT2, oid::INT2]),
    ("int4", &[oid::INT4, oid::INT4]),
    ("int8", &[oid::INT8, oid::INT8]),
    ("int24", &[oid::INT2, oid::INT4]),
    ("int42", &[oid::INT4, oid::INT2]),
    ("int28", &[oid::INT2, oid::INT8]),
    ("int82", &[oid::INT8, oid::INT2]),
    ("int48", &[oid::INT4, oid::INT8]),
    ("int84", &[oid::INT8, oid::INT4]),
    ("float4", &[oid::FLOAT4, oid::FLOAT4]),
    ("float8", &[oid::FLOAT8, oid::FLOAT8]),
    ("float48", &[oid::FLOAT4, oid::FLOAT8]),
    ("float84", &[oid::FLOAT8, oid::FLOAT4]),
    ("numeric_", &[oid::NUMERIC, oid::NUMERIC]),
    ("name", &[oid::NAME, oid::NAME]),
    ("text_", &[oid::TEXT, oid::TEXT]),
    ("text", &[oid::TEXT, oid::TEXT]),
    ("bpchar", &[oid::BPCHAR, oid::BPCHAR]),
    ("bytea", &[oid::BYTEA, oid::BYTEA]),
    ("date_", &[oid::DATE, oid::DATE]),
    ("time_", &[oid::TIME, oid::TIME]),
    ("timestamp_", &[oid::TIMESTAMP, oid::TIMESTAMP]),
    ("timestamptz_", &[oid::TIMESTAMPTZ, oid::TIMESTAMPTZ]),
    ("interval_", &[oid::INTERVAL, oid::INTERVAL]),
    ("uuid_", &[oid::UUID, oid::UUID]),
];

/// `{left}_{suffix}_{right}` over a date and a timestamp of one kind or another.
const MIXED: &[(&str, &str, &[u32])] = &[
    ("date", "timestamp", &[oid::DATE, oid::TIMESTAMP]),
    ("timestamp", "date", &[oid::TIMESTAMP, oid::DATE]),
    ("date", "timestamptz", &[oid::DATE, oid::TIMESTAMPTZ]),
    ("timestamptz", "date", &[oid::TIMESTAMPTZ, oid::DATE]),
    ("timestamp", "timestamptz", &[oid::TIMESTAMP, oid::TIMESTAMPTZ]),
    ("timestamptz", "timestamp", &[oid::TIMESTAMPTZ, oid::TIMESTAMP]),
];

/// `pg_proc`'s `anyarray`.
const ANYARRAY: u32 = 2277;

pub(super) fn entries() -> Vec<Entry> {
    let plain = FAMILIES.iter().flat_map(|(prefix, args)| {
        OPERATORS.iter().map(move |(op, suffix)| Entry::compare(format!("{prefix}{suffix}"), args, op))
    });
    let mixed = MIXED.iter().flat_map(|(left, right, args)| {
        OPERATORS.iter().map(move |(op, suffix)| Entry::compare(format!("{left}_{suffix}_{right}"), args, op))
    });
    let names = OPERATORS.iter().flat_map(|(op, suffix)| {
        [
            (format!("name{suffix}text"), &[oid::NAME, oid::TEXT]),
            (format!("text{suffix}name"), &[oid::TEXT, oid::NAME]),
        ]
        .map(|(name, args)| Entry::compare(name, args, op))
    });
    let arrays = OPERATORS
        .iter()
        .map(|(op, suffix)| Entry::compare(format!("array_{suffix}"), &[ANYARRAY, ANYARRAY], op));
    plain.chain(mixed).chain(names).chain(arrays).collect()
}

/// Refuses orders that DuckDB does not have.
pub(super) fn check_collation(signature: &Signature, op: &str) -> Result<(), PlanError> {
    if !signature.collation.compares_bytes() {
        return unsupported(signature.display.clone(), "its collation is nondeterministic");
    }
    if !matches!(op, "=" | "<>") && !signature.collation.orders_bytes() {
        return unsupported(
            signature.display.clone(),
            "DuckDB orders text by bytes, the collation of this comparison does not",
        );
    }
    Ok(())
}

/// `l op r`.
pub(super) fn compare(signature: &Signature, op: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
    check_collation(signature, op)?;
    if let Some(rewritten) = date_against_constant(op, &args) {
        return Ok(rewritten);
    }
    let args = comparable(args)?;
    Ok(duck(format!("({{0}} {op} {{1}})"), DuckType::Boolean, args))
}

/// Brings both sides to carriers that DuckDB compares as Postgres does.
///
/// numeric text: both sides by their sort keys (equal for `1.0` and `1.00`);
/// a date against a timestamp: as timestamps.
pub(super) fn comparable(args: Vec<Typed>) -> Result<Vec<Typed>, PlanError> {
    let args: Vec<Typed> = args.into_iter().map(numeric::without_scale).collect();
    if args.iter().any(|arg| arg.ty == DuckType::NumericText) || !have_common_decimal(&args) {
        return Ok(args.into_iter().map(numeric_key).collect());
    }
    if args.iter().any(|arg| arg.ty == DuckType::HugeInt)
        && args.iter().any(|arg| arg.ty != DuckType::HugeInt)
    {
        return Ok(args.into_iter().map(numeric::as_decimal).collect());
    }
    if args.iter().all(|arg| arg.ty == DuckType::Interval) {
        return Ok(args.into_iter().map(sort_key).collect());
    }
    let types: Vec<&DuckType> = args.iter().map(|arg| &arg.ty).collect();
    let target = match types.as_slice() {
        [DuckType::TimestampTz, DuckType::Date | DuckType::Timestamp]
        | [DuckType::Date | DuckType::Timestamp, DuckType::TimestampTz] => DuckType::TimestampTz,
        [DuckType::Timestamp, DuckType::Date] | [DuckType::Date, DuckType::Timestamp] => DuckType::Timestamp,
        [DuckType::Float, DuckType::Double] | [DuckType::Double, DuckType::Float] => DuckType::Double,
        [DuckType::List(a), DuckType::List(b)] if a != b || **a == DuckType::NumericText => {
            return unsupported("comparison of arrays", "their numerics have different scales");
        }
        _ => return Ok(args),
    };
    Ok(args.into_iter().map(|arg| arg.cast(&target)).collect())
}

/// [`comparable`] for two sides that stay apart.
pub(crate) fn comparable_pair(left: Typed, right: Typed) -> Result<(Typed, Typed), PlanError> {
    let mut both = comparable(vec![left, right])?.into_iter();
    let left = both.next().expect("comparable keeps both sides");
    Ok((left, both.next().expect("comparable keeps both sides")))
}

/// False for decimals that DuckDB would have to bring to one of more than 38 digits.
fn have_common_decimal(args: &[Typed]) -> bool {
    if !args.iter().all(|arg| arg.ty.is_numeric()) {
        return true;
    }
    let mut decimals = args.iter().map(|arg| arg.ty.decimal());
    let first = decimals.next().flatten();
    decimals.fold(first, |a, b| DuckType::decimal_union(a?, b?)).is_some()
}

/// What orders a value as Postgres does: itself, or the key of a numeric text or an interval.
pub(crate) fn sort_key(value: Typed) -> Typed {
    let value = numeric::without_scale(value);
    if value.ty == DuckType::NumericText {
        return numeric_key(value);
    }
    if value.ty == DuckType::Interval {
        return duck("pg_interval_key({0})", DuckType::Interval, vec![value]);
    }
    value
}

/// Bytes that compare as numerics do, whatever carries them.
pub(super) fn numeric_key(value: Typed) -> Typed {
    duck("pg_numeric_sortkey({0})", DuckType::Blob, vec![numeric::operand(value)])
}

/// What two values that Postgres holds for equal have in common. The same as [`sort_key`].
pub(crate) fn equality_key(value: Typed) -> Typed {
    sort_key(value)
}

/// A date column against a timestamp constant as a comparison of dates, so that DuckDB can use
/// the column's statistics. Days are whole, so with `d` the day on which `ts` falls:
///
/// ```text
/// date <  ts  ==>  date <  d   if ts is midnight, else date <= d
/// date <= ts  ==>  date <= d
/// date >  ts  ==>  date >  d
/// date >= ts  ==>  date >= d   if ts is midnight, else date >  d
/// ```
fn date_against_constant(op: &str, args: &[Typed]) -> Option<Typed> {
    let [left, right] = args else { return None };
    if left.ty != DuckType::Date || right.ty != DuckType::Timestamp {
        return None;
    }
    let text = PgConstant::of(&right.expr)?.as_text()?;
    let (day, time) = text.split_once(' ')?;
    let op = match (op, time == "00:00:00") {
        (op, true) => op,
        ("<" | "<=", false) => "<=",
        (">" | ">=", false) => ">",
        _ => return None,
    };
    let day = PgConstant::expr(bridge_types::PgType::new(oid::DATE), crate::pg::Value::Text(day.to_owned()));
    let args = vec![left.clone(), Typed::new(day, DuckType::Date)];
    Some(duck(format!("({{0}} {op} {{1}})"), DuckType::Boolean, args))
}
