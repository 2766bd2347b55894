//! Integer and float arithmetic.
//!
//! DuckDB raises overflow of integers itself. Division by zero gives infinity or NULL there and
//! is guarded, unless the divisor is a constant other than zero.

use bridge_types::oid::{FLOAT4, FLOAT8, INT2, INT4, INT8};

use super::{Entry, result_type};
use crate::duck::{Typed, duck};
use crate::error::PlanError;
use crate::pg::{PgConstant, Signature, Value};

/// Function prefix and argument types of integer operators.
const INTEGERS: &[(&str, &[u32])] = &[
    ("int2", &[INT2, INT2]),
    ("int4", &[INT4, INT4]),
    ("int8", &[INT8, INT8]),
    ("int24", &[INT2, INT4]),
    ("int42", &[INT4, INT2]),
    ("int28", &[INT2, INT8]),
    ("int82", &[INT8, INT2]),
    ("int48", &[INT4, INT8]),
    ("int84", &[INT8, INT4]),
];

/// The same of float operators. Mixed ones are computed in double precision.
const FLOATS: &[(&str, &[u32], bool)] = &[
    ("float4", &[FLOAT4, FLOAT4], false),
    ("float8", &[FLOAT8, FLOAT8], false),
    ("float48", &[FLOAT4, FLOAT8], true),
    ("float84", &[FLOAT8, FLOAT4], true),
];

/// Unary functions by type: name suffix or name, and template.
const UNARY: &[(&str, &[u32], &str)] = &[
    ("int2um", &[INT2], "(-{0})"),
    ("int4um", &[INT4], "(-{0})"),
    ("int8um", &[INT8], "(-{0})"),
    ("float4um", &[FLOAT4], "(-{0})"),
    ("float8um", &[FLOAT8], "(-{0})"),
    ("int2up", &[INT2], "{0}"),
    ("int4up", &[INT4], "{0}"),
    ("int8up", &[INT8], "{0}"),
    ("float8up", &[FLOAT8], "{0}"),
    ("abs", &[INT2], "abs({0})"),
    ("abs", &[INT4], "abs({0})"),
    ("abs", &[INT8], "abs({0})"),
    ("abs", &[FLOAT4], "abs({0})"),
    ("abs", &[FLOAT8], "abs({0})"),
    ("int2abs", &[INT2], "abs({0})"),
    ("int4abs", &[INT4], "abs({0})"),
    ("int8abs", &[INT8], "abs({0})"),
    ("float4abs", &[FLOAT4], "abs({0})"),
    ("float8abs", &[FLOAT8], "abs({0})"),
    ("ceil", &[FLOAT8], "ceil({0})"),
    ("ceiling", &[FLOAT8], "ceil({0})"),
    ("floor", &[FLOAT8], "floor({0})"),
    ("trunc", &[FLOAT8], "trunc({0})"),
    // Half to even, as C's rint(); DuckDB's round() is half away from zero.
    ("round", &[FLOAT8], "round_even({0}, 0)"),
    ("sign", &[FLOAT8], "CAST(sign({0}) AS DOUBLE)"),
    ("sqrt", &[FLOAT8], "sqrt({0})"),
    ("dsqrt", &[FLOAT8], "sqrt({0})"),
    ("int4and", &[INT4, INT4], "({0} & {1})"),
    ("int8and", &[INT8, INT8], "({0} & {1})"),
    ("int4or", &[INT4, INT4], "({0} | {1})"),
    ("int8or", &[INT8, INT8], "({0} | {1})"),
];

pub(super) fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for (prefix, args) in INTEGERS {
        entries.push(Entry::template(&format!("{prefix}pl"), args, "({0} + {1})"));
        entries.push(Entry::template(&format!("{prefix}mi"), args, "({0} - {1})"));
        entries.push(Entry::template(&format!("{prefix}mul"), args, "({0} * {1})"));
        entries.push(Entry::build(&format!("{prefix}div"), args, |s, a| divide(s, a, "({0} // {1})")));
    }
    for (name, args) in
        [("int2mod", &[INT2, INT2] as &'static [u32]), ("int4mod", &[INT4, INT4]), ("int8mod", &[INT8, INT8])]
    {
        entries.push(Entry::build(name, args, modulo));
        entries.push(Entry::build("mod", args, modulo));
    }
    for (prefix, args, mixed) in FLOATS {
        let operators: [(&str, &'static str, &'static str); 3] = [
            ("pl", "({0} + {1})", "(CAST({0} AS DOUBLE) + CAST({1} AS DOUBLE))"),
            ("mi", "({0} - {1})", "(CAST({0} AS DOUBLE) - CAST({1} AS DOUBLE))"),
            ("mul", "({0} * {1})", "(CAST({0} AS DOUBLE) * CAST({1} AS DOUBLE))"),
        ];
        for (suffix, same, cast) in operators {
            entries.push(Entry::template(
                &format!("{prefix}{suffix}"),
                args,
                if *mixed { cast } else { same },
            ));
        }
        let divide: fn(&Signature, Vec<Typed>) -> Result<Typed, PlanError> = if *mixed {
            |s, a| divide_floats(s, a, "(CAST({0} AS DOUBLE) / CAST({1} AS DOUBLE))")
        } else {
            |s, a| divide_floats(s, a, "({0} / {1})")
        };
        entries.push(Entry::build(&format!("{prefix}div"), args, divide));
    }
    entries.extend(UNARY.iter().map(|(name, args, sql)| Entry::template(name, args, sql)));
    entries
}

/// The divisor, if it is a constant that is not zero.
fn safe_divisor(args: &[Typed]) -> Option<f64> {
    let divisor = match &PgConstant::of(&args.get(1)?.expr)?.value {
        Value::Int(-1) => -1.0,
        Value::Int(0) => 0.0,
        // Only its being neither zero nor minus one matters.
        Value::Int(_) => 2.0,
        Value::Float(text) => text.parse().ok()?,
        _ => return None,
    };
    (divisor != 0.0).then_some(divisor)
}

/// `a / b`  ==>  `CASE WHEN b = 0 AND a IS NOT NULL THEN error ELSE a // b END`
fn divide(signature: &Signature, args: Vec<Typed>, operation: &str) -> Result<Typed, PlanError> {
    let ty = result_type(signature)?;
    if safe_divisor(&args).is_some() {
        return Ok(duck(operation, ty, args));
    }
    let guarded = format!(
        "CASE WHEN {{1}} = 0 AND {{0}} IS NOT NULL THEN error('[22012] division by zero') ELSE {operation} END"
    );
    Ok(duck(guarded, ty, args))
}

/// `a % b` in the same way; `a % -1` is 0 even for the smallest integer, where DuckDB overflows.
fn modulo(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let ty = result_type(signature)?;
    match safe_divisor(&args) {
        Some(-1.0) => return Ok(duck("({0} - {0})", ty, args)),
        Some(_) => return Ok(duck("({0} % {1})", ty, args)),
        None => {}
    }
    let guarded = "CASE WHEN {1} = 0 AND {0} IS NOT NULL THEN error('[22012] division by zero') \
                   WHEN {1} = -1 THEN {0} - {0} ELSE {0} % {1} END";
    Ok(duck(guarded, ty, args))
}

/// The same for floats; NaN divided by zero is NaN.
fn divide_floats(signature: &Signature, args: Vec<Typed>, operation: &str) -> Result<Typed, PlanError> {
    let ty = result_type(signature)?;
    if safe_divisor(&args).is_some() {
        return Ok(duck(operation, ty, args));
    }
    let guarded = format!(
        "CASE WHEN {{1}} = 0 AND NOT isnan({{0}}) THEN error('[22012] division by zero') ELSE {operation} END"
    );
    Ok(duck(guarded, ty, args))
}
