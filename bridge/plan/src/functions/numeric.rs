//! `numeric`: decimals where the scale is known, numeric text elsewhere.

use bridge_types::limits::MAX_DECIMAL_PRECISION;
use bridge_types::oid;

use super::Entry;
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

const N: u32 = oid::NUMERIC;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::build("numeric_add", &[N, N], |_, args| add(args, "+", "pg_numeric_add")),
        Entry::build("numeric_sub", &[N, N], |_, args| add(args, "-", "pg_numeric_sub")),
        Entry::build("numeric_mul", &[N, N], |_, args| multiply(args)),
        Entry::build("numeric_div", &[N, N], |_, args| Ok(on_text("pg_numeric_div({0}, {1})", args))),
        Entry::build("numeric_mod", &[N, N], |_, args| Ok(on_text("pg_numeric_mod({0}, {1})", args))),
        Entry::build("mod", &[N, N], |_, args| Ok(on_text("pg_numeric_mod({0}, {1})", args))),
        Entry::build("numeric_uplus", &[N], |_, mut args| Ok(args.remove(0))),
        Entry::build("numeric_uminus", &[N], |_, args| keep(args, "(-{0})", "pg_numeric_neg({0})")),
        Entry::build("numeric_abs", &[N], |_, args| keep(args, "abs({0})", "pg_numeric_abs({0})")),
        Entry::build("abs", &[N], |_, args| keep(args, "abs({0})", "pg_numeric_abs({0})")),
        Entry::build("ceil", &[N], |_, args| Ok(on_text("pg_numeric_ceil({0})", args))),
        Entry::build("ceiling", &[N], |_, args| Ok(on_text("pg_numeric_ceil({0})", args))),
        Entry::build("floor", &[N], |_, args| Ok(on_text("pg_numeric_floor({0})", args))),
        Entry::build("round", &[N], |_, args| round(args, 0)),
        Entry::build("round", &[N, oid::INT4], |_, args| round_to(args)),
        Entry::build("trunc", &[N], |_, args| Ok(on_text("pg_numeric_trunc({0}, 0)", args))),
        Entry::build("trunc", &[N, oid::INT4], |_, mut args| {
            let digits = args.remove(1);
            let value = text(args.remove(0));
            Ok(duck("pg_numeric_trunc({0}, {1})", DuckType::NumericText, vec![value, digits]))
        }),
        Entry::build("numeric", &[N, oid::INT4], |signature, mut args| coerce(signature, args.remove(0))),
        Entry::never("numeric_power", &[N, N], "numeric powers are exact in Postgres only"),
        Entry::never("sqrt", &[N], "numeric roots are exact in Postgres only"),
        Entry::never("ln", &[N], "numeric logarithms are exact in Postgres only"),
        Entry::never("exp", &[N], "numeric exponentials are exact in Postgres only"),
    ]
}

/// The value as numeric text; its display scale is that of the carrier.
pub(crate) fn text(value: Typed) -> Typed {
    match &value.ty {
        DuckType::NumericText => value,
        _ => duck("CAST({0} AS VARCHAR)", DuckType::NumericText, vec![value]),
    }
}

/// A carrier of fixed scale as the decimal that holds all of its values; others unchanged.
pub(super) fn as_decimal(value: Typed) -> Typed {
    match value.ty.decimal() {
        Some((p, s)) => value.cast(&DuckType::Decimal(p, s)),
        None => value,
    }
}

/// A numeric as `DECIMAL(p, s)`: rounded half away from zero, 22003 if it has more digits.
pub(super) fn to_decimal(value: Typed, p: u8, s: u8) -> Result<Typed, PlanError> {
    let target = DuckType::Decimal(p, s);
    match &value.ty {
        DuckType::NumericText => {
            Ok(duck(format!("CAST(pg_numeric_fit({{0}}, {p}, {s}) AS {target})"), target, vec![value]))
        }
        // Fits whatever the value, rounding included: DuckDB's cast cannot fail.
        DuckType::Decimal(from_p, from_s) if from_p - from_s + u8::from(*from_s > s) <= p - s => {
            Ok(value.cast(&target))
        }
        _ => Ok(duck(
            format!("CAST(pg_numeric_fit(CAST({{0}} AS VARCHAR), {p}, {s}) AS {target})"),
            target,
            vec![value],
        )),
    }
}

/// Brings values to one carrier: DuckDB would pick one of its own for decimals of different
/// scales. Values that are not numeric have the same carrier already.
pub(crate) fn unify(values: Vec<Typed>) -> Result<(Vec<Typed>, DuckType), PlanError> {
    let Some(first) = values.first() else {
        return unsupported("empty expression list", "it has no type");
    };
    let first = first.ty.clone();
    if values.iter().all(|value| value.ty == first) {
        return Ok((values, first));
    }
    if !values.iter().all(|value| value.ty.is_numeric()) {
        return unsupported("expression of mixed types", "its branches have no common DuckDB type");
    }
    // NULL has no scale: it must not widen its neighbours.
    let mut common = None;
    for value in values.iter().filter(|value| !is_null(value)) {
        let next = value.ty.decimal();
        common = match (common, next) {
            (None, next) => Some(next),
            (Some(Some(a)), Some(b)) => Some(DuckType::decimal_union(a, b)),
            (Some(_), _) => Some(None),
        };
    }
    let target = match common.flatten() {
        Some((p, s)) => DuckType::Decimal(p, s),
        None => DuckType::NumericText,
    };
    let values = values
        .into_iter()
        .map(|value| if target == DuckType::NumericText { text(value) } else { value.cast(&target) })
        .collect();
    Ok((values, target))
}

fn is_null(value: &Typed) -> bool {
    PgConstant::of(&value.expr).is_some_and(|constant| constant.value == Value::Null)
}

fn on_text(template: &str, args: Vec<Typed>) -> Typed {
    duck(template, DuckType::NumericText, args.into_iter().map(text).collect())
}

/// The two fixed scales of a binary call.
fn scales(args: &[Typed]) -> Option<((u8, u8), (u8, u8))> {
    let [left, right] = args else { return None };
    Some((left.ty.decimal()?, right.ty.decimal()?))
}

fn add(args: Vec<Typed>, op: &str, on_texts: &str) -> Result<Typed, PlanError> {
    let Some((left, right)) = scales(&args) else {
        return Ok(on_text(&format!("{on_texts}({{0}}, {{1}})"), args));
    };
    let scale = left.1.max(right.1);
    let whole = (left.0 - left.1).max(right.0 - right.1);
    let precision = (whole + scale + 1).min(MAX_DECIMAL_PRECISION);
    let ty = DuckType::Decimal(precision, scale);
    Ok(duck(format!("({{0}} {op} {{1}})"), ty, args.into_iter().map(as_decimal).collect()))
}

fn multiply(args: Vec<Typed>) -> Result<Typed, PlanError> {
    match scales(&args) {
        Some((left, right)) if left.1 + right.1 <= MAX_DECIMAL_PRECISION => {
            let ty = DuckType::Decimal((left.0 + right.0).min(MAX_DECIMAL_PRECISION), left.1 + right.1);
            Ok(duck("({0} * {1})", ty, args.into_iter().map(as_decimal).collect()))
        }
        _ => Ok(on_text("pg_numeric_mul({0}, {1})", args)),
    }
}

/// A unary call that changes neither precision nor scale.
fn keep(mut args: Vec<Typed>, on_decimal: &str, on_texts: &str) -> Result<Typed, PlanError> {
    let value = as_decimal(args.remove(0));
    let ty = value.ty.clone();
    let template = if ty == DuckType::NumericText { on_texts } else { on_decimal };
    Ok(duck(template, ty, vec![value]))
}

fn round_to(mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    if let Some(digits) = PgConstant::of(&args[1].expr).and_then(PgConstant::as_int)
        && let Ok(digits) = u8::try_from(digits)
    {
        args.truncate(1);
        return round(args, digits);
    }
    let digits = args.remove(1);
    let value = text(args.remove(0));
    Ok(duck("pg_numeric_round({0}, {1})", DuckType::NumericText, vec![value, digits]))
}

/// `round(x, digits)`: DuckDB's decimal cast rounds half away from zero, as Postgres does.
fn round(mut args: Vec<Typed>, digits: u8) -> Result<Typed, PlanError> {
    let value = args.remove(0);
    if let Some((p, s)) = value.ty.decimal() {
        // One more digit before the point: 9.99 rounds to 10.0.
        let precision = p - s + digits + u8::from(digits < s);
        if precision <= MAX_DECIMAL_PRECISION {
            return Ok(as_decimal(value).cast(&DuckType::Decimal(precision.max(1), digits)));
        }
    }
    Ok(duck(format!("pg_numeric_round({{0}}, {digits})"), DuckType::NumericText, vec![text(value)]))
}

/// `x::numeric(p, s)`.
fn coerce(signature: &Signature, value: Typed) -> Result<Typed, PlanError> {
    match DuckType::for_pg(signature.result)? {
        DuckType::Decimal(p, s) => to_decimal(as_decimal(value), p, s),
        _ if signature.result.typmod < 0 => Ok(value),
        _ => unsupported(signature.display.clone(), "DuckDB's decimals have at most 38 digits"),
    }
}
