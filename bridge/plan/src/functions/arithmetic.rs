//! Integer and float arithmetic.
//!
//! DuckDB raises overflow of integers itself. What it does not raise (division by zero, overflow
//! and underflow of floats) is done by functions of the engine; an integer divided by a constant
//! that is neither 0 nor -1 needs none.

use bridge_types::oid::{FLOAT4, FLOAT8, INT2, INT4, INT8};

use super::{Entry, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::PlanError;
use crate::pg::{PgConstant, Signature};

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

/// The same of float operators, and the precision of the engine's function for them: DuckDB
/// widens the argument of a mixed one.
const FLOATS: &[(&str, &[u32], &str)] = &[
    ("float4", &[FLOAT4, FLOAT4], "float4"),
    ("float8", &[FLOAT8, FLOAT8], "float8"),
    ("float48", &[FLOAT4, FLOAT8], "float8"),
    ("float84", &[FLOAT8, FLOAT4], "float8"),
];

/// Unary functions by type: name suffix or name, and template.
const UNARY: &[(&str, &[u32], &str)] = &[
    ("int2um", &[INT2], "(CAST(0 AS SMALLINT) - {0})"),
    ("int4um", &[INT4], "(CAST(0 AS INTEGER) - {0})"),
    ("int8um", &[INT8], "(CAST(0 AS BIGINT) - {0})"),
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
    ("sqrt", &[FLOAT8], "pg_sqrt({0})"),
    ("dsqrt", &[FLOAT8], "pg_sqrt({0})"),
    ("cbrt", &[FLOAT8], "cbrt({0})"),
    ("dcbrt", &[FLOAT8], "cbrt({0})"),
    ("dround", &[FLOAT8], "round_even({0}, 0)"),
    ("dtrunc", &[FLOAT8], "trunc({0})"),
    ("sin", &[FLOAT8], "pg_sin({0})"),
    ("cos", &[FLOAT8], "pg_cos({0})"),
    ("tan", &[FLOAT8], "pg_tan({0})"),
    ("cot", &[FLOAT8], "pg_cot({0})"),
    ("asin", &[FLOAT8], "pg_asin({0})"),
    ("acos", &[FLOAT8], "pg_acos({0})"),
    ("atan", &[FLOAT8], "pg_atan({0})"),
    ("atan2", &[FLOAT8, FLOAT8], "pg_atan2({0}, {1})"),
    ("sinh", &[FLOAT8], "pg_sinh({0})"),
    ("cosh", &[FLOAT8], "pg_cosh({0})"),
    ("tanh", &[FLOAT8], "pg_tanh({0})"),
    ("asinh", &[FLOAT8], "asinh({0})"),
    ("acosh", &[FLOAT8], "CASE WHEN {0} < 1 THEN error('[22003] input is out of range') ELSE acosh({0}) END"),
    (
        "atanh",
        &[FLOAT8],
        "CASE WHEN isnan({0}) THEN {0} WHEN abs({0}) > 1 THEN error('[22003] input is out of range') \
         ELSE atanh({0}) END",
    ),
    ("degrees", &[FLOAT8], "pg_degrees({0})"),
    ("radians", &[FLOAT8], "pg_radians({0})"),
    ("width_bucket", &[FLOAT8, FLOAT8, FLOAT8, INT4], "pg_width_bucket({0}, {1}, {2}, {3})"),
    ("gcd", &[INT4, INT4], "pg_int4_gcd({0}, {1})"),
    ("gcd", &[INT8, INT8], "pg_int8_gcd({0}, {1})"),
    ("lcm", &[INT4, INT4], "pg_int4_lcm({0}, {1})"),
    ("lcm", &[INT8, INT8], "pg_int8_lcm({0}, {1})"),
    ("float4up", &[FLOAT4], "{0}"),
    ("int4inc", &[INT4], "({0} + CAST(1 AS INTEGER))"),
    ("int8inc", &[INT8], "({0} + CAST(1 AS BIGINT))"),
    ("int2and", &[INT2, INT2], "({0} & {1})"),
    ("int2or", &[INT2, INT2], "({0} | {1})"),
    ("int2xor", &[INT2, INT2], "xor({0}, {1})"),
    ("int4xor", &[INT4, INT4], "xor({0}, {1})"),
    ("int8xor", &[INT8, INT8], "xor({0}, {1})"),
    ("int2not", &[INT2], "(~{0})"),
    ("int4not", &[INT4], "(~{0})"),
    ("int8not", &[INT8], "(~{0})"),
    ("int2shl", &[INT2, INT4], "pg_int2_shl({0}, {1})"),
    ("int2shr", &[INT2, INT4], "pg_int2_shr({0}, {1})"),
    ("int4shl", &[INT4, INT4], "pg_int4_shl({0}, {1})"),
    ("int4shr", &[INT4, INT4], "pg_int4_shr({0}, {1})"),
    ("int8shl", &[INT8, INT4], "pg_int8_shl({0}, {1})"),
    ("int8shr", &[INT8, INT4], "pg_int8_shr({0}, {1})"),
    ("exp", &[FLOAT8], "pg_exp({0})"),
    ("dexp", &[FLOAT8], "pg_exp({0})"),
    ("ln", &[FLOAT8], "pg_ln({0})"),
    ("dlog1", &[FLOAT8], "pg_ln({0})"),
    ("log", &[FLOAT8], "pg_log10({0})"),
    ("log10", &[FLOAT8], "pg_log10({0})"),
    ("dlog10", &[FLOAT8], "pg_log10({0})"),
    ("power", &[FLOAT8, FLOAT8], "pg_power({0}, {1})"),
    ("pow", &[FLOAT8, FLOAT8], "pg_power({0}, {1})"),
    ("dpow", &[FLOAT8, FLOAT8], "pg_power({0}, {1})"),
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
        entries.push(Entry::build(&format!("{prefix}div"), args, |s, a| divide(s, a, "//", "div")));
    }
    for (name, args) in
        [("int2mod", &[INT2, INT2] as &'static [u32]), ("int4mod", &[INT4, INT4]), ("int8mod", &[INT8, INT8])]
    {
        entries.push(Entry::build(name, args, |s, a| divide(s, a, "%", "mod")));
        entries.push(Entry::build("mod", args, |s, a| divide(s, a, "%", "mod")));
    }
    for (prefix, args, precision) in FLOATS {
        for (suffix, operation) in [("pl", "add"), ("mi", "sub"), ("mul", "mul"), ("div", "div")] {
            let sql = format!("pg_{precision}_{operation}({{0}}, {{1}})");
            entries.push(Entry::template(&format!("{prefix}{suffix}"), args, sql));
        }
    }
    entries.extend(UNARY.iter().map(|(name, args, sql)| Entry::template(name, args, *sql)));
    entries
}

/// `a / b`  ==>  `pg_int4_div(a, b)`, or `a // b` for a constant `b` that cannot go wrong.
fn divide(
    signature: &Signature,
    args: Vec<Typed>,
    operator: &str,
    operation: &str,
) -> Result<Typed, PlanError> {
    let ty = result_type(signature)?;
    let divisor = args.get(1).and_then(|arg| PgConstant::of(&arg.expr)).and_then(PgConstant::as_int);
    if divisor.is_some_and(|divisor| divisor != 0 && divisor != -1) {
        return Ok(duck(format!("({{0}} {operator} {{1}})"), ty, args));
    }
    let width = match ty {
        DuckType::SmallInt => 2,
        DuckType::Integer => 4,
        _ => 8,
    };
    Ok(duck(format!("pg_int{width}_{operation}({{0}}, {{1}})"), ty, args))
}
