//! `pg_float*`: floating-point arithmetic that refuses what Postgres refuses.
//!
//! An infinite result of finite arguments is an overflow, a zero of arguments that are not zero
//! an underflow, both 22003; anything that is NaN stays so.

use super::scalar::ChunkFunction;
use super::vector::{binary, unary};
use crate::duckdb::TypeId::{self, Double, Float};

const OVERFLOW: &str = "[22003] value out of range: overflow";
const UNDERFLOW: &str = "[22003] value out of range: underflow";
const DIVISION_BY_ZERO: &str = "[22012] division by zero";
const LOG_OF_ZERO: &str = "[2201E] cannot take logarithm of zero";
const LOG_OF_NEGATIVE: &str = "[2201E] cannot take logarithm of a negative number";
const ROOT_OF_NEGATIVE: &str = "[2201F] cannot take square root of a negative number";
const ZERO_TO_NEGATIVE: &str = "[2201F] zero raised to a negative power is undefined";
const COMPLEX_POWER: &str = "[2201F] a negative number raised to a non-integer power yields a complex result";

/// Overflow and underflow; `|` and `&` rather than `||` and `&&`, so that the loop has no jumps.
fn range(overflow: bool, underflow: bool) -> Option<&'static str> {
    if !(overflow | underflow) {
        None
    } else if overflow {
        Some(OVERFLOW)
    } else {
        Some(UNDERFLOW)
    }
}

macro_rules! arithmetic {
    ($name:literal, $kind:ident, $t:ty, |$a:ident, $b:ident, $r:ident| $compute:expr, $fault:expr) => {
        ChunkFunction {
            name: $name,
            arguments: &[$kind, $kind],
            result: $kind,
            chunk: |arguments, out| {
                binary::<$t, $t, $t>(arguments, out, |$a, $b| $compute, |$a, $b, $r| $fault)
            },
        }
    };
}

macro_rules! operators {
    ($kind:ident, $t:ty, $add:literal, $sub:literal, $mul:literal, $div:literal) => {
        [
            arithmetic!(
                $add,
                $kind,
                $t,
                |a, b, r| a + b,
                range(r.is_infinite() & a.is_finite() & b.is_finite(), false)
            ),
            arithmetic!(
                $sub,
                $kind,
                $t,
                |a, b, r| a - b,
                range(r.is_infinite() & a.is_finite() & b.is_finite(), false)
            ),
            arithmetic!(
                $mul,
                $kind,
                $t,
                |a, b, r| a * b,
                range(r.is_infinite() & a.is_finite() & b.is_finite(), (r == 0.0) & (a != 0.0) & (b != 0.0))
            ),
            arithmetic!($div, $kind, $t, |a, b, r| a / b, {
                if (b == 0.0) & !a.is_nan() {
                    Some(DIVISION_BY_ZERO)
                } else {
                    range(r.is_infinite() & a.is_finite(), (r == 0.0) & (a != 0.0) & !b.is_infinite())
                }
            }),
        ]
    };
}

static SINGLE: [ChunkFunction; 4] =
    operators!(Float, f32, "pg_float4_add", "pg_float4_sub", "pg_float4_mul", "pg_float4_div");
static DOUBLE: [ChunkFunction; 4] =
    operators!(Double, f64, "pg_float8_add", "pg_float8_sub", "pg_float8_mul", "pg_float8_div");

const ONE: &[TypeId] = &[Double];

macro_rules! function {
    ($name:literal, |$a:ident| $compute:expr) => {
        ChunkFunction {
            name: $name,
            arguments: ONE,
            result: Double,
            chunk: |arguments, out| unary::<f64, f64>(arguments, out, |$a| $compute, |_, _| None),
        }
    };
    ($name:literal, |$a:ident, $r:ident| $compute:expr, $fault:expr) => {
        ChunkFunction {
            name: $name,
            arguments: ONE,
            result: Double,
            chunk: |arguments, out| unary::<f64, f64>(arguments, out, |$a| $compute, |$a, $r| $fault),
        }
    };
}

/// Logarithms have no value at zero and below.
fn logarithm(a: f64) -> Option<&'static str> {
    if a == 0.0 {
        Some(LOG_OF_ZERO)
    } else if a < 0.0 {
        Some(LOG_OF_NEGATIVE)
    } else {
        None
    }
}

fn power(a: f64, b: f64, r: f64) -> Option<&'static str> {
    if a == 0.0 && b < 0.0 {
        return Some(ZERO_TO_NEGATIVE);
    }
    if a < 0.0 && b.is_finite() && b.floor() != b {
        return Some(COMPLEX_POWER);
    }
    range(
        r.is_infinite() & a.is_finite() & b.is_finite(),
        (r == 0.0) & (a != 0.0) & a.is_finite() & b.is_finite(),
    )
}

const INPUT: &str = "[22003] input is out of range";

/// Trigonometry of the infinite has no value.
fn unbounded(a: f64) -> Option<&'static str> {
    a.is_infinite().then_some(INPUT)
}

/// The sine of nothing is beyond 1.
fn beyond_one(a: f64) -> Option<&'static str> {
    (a.abs() > 1.0).then_some(INPUT)
}

/// Radians in a degree, as Postgres has it.
const RADIANS_PER_DEGREE: f64 = 0.017_453_292_519_943_295;

static FUNCTIONS: [ChunkFunction; 19] = [
    function!("pg_sin", |a, _r| a.sin(), unbounded(a)),
    function!("pg_cos", |a, _r| a.cos(), unbounded(a)),
    function!("pg_tan", |a, _r| a.tan(), unbounded(a)),
    function!("pg_cot", |a, _r| 1.0 / a.tan(), unbounded(a)),
    function!("pg_asin", |a, _r| a.asin(), beyond_one(a)),
    function!("pg_acos", |a, _r| a.acos(), beyond_one(a)),
    function!("pg_atan", |a| a.atan()),
    function!("pg_sinh", |a| a.sinh()),
    function!("pg_cosh", |a| a.cosh()),
    function!("pg_tanh", |a| a.tanh()),
    function!(
        "pg_degrees",
        |a, r| a / RADIANS_PER_DEGREE,
        range(r.is_infinite() & a.is_finite(), (r == 0.0) & (a != 0.0))
    ),
    function!(
        "pg_radians",
        |a, r| a * RADIANS_PER_DEGREE,
        range(r.is_infinite() & a.is_finite(), (r == 0.0) & (a != 0.0))
    ),
    ChunkFunction {
        name: "pg_atan2",
        arguments: &[Double, Double],
        result: Double,
        chunk: |arguments, out| binary::<f64, f64, f64>(arguments, out, f64::atan2, |_, _, _| None),
    },
    function!("pg_exp", |a, r| a.exp(), range(r.is_infinite() & a.is_finite(), (r == 0.0) & a.is_finite())),
    function!("pg_ln", |a, _r| a.ln(), logarithm(a)),
    function!("pg_log10", |a, _r| a.log10(), logarithm(a)),
    function!("pg_sqrt", |a, _r| a.sqrt(), if a < 0.0 { Some(ROOT_OF_NEGATIVE) } else { None }),
    ChunkFunction {
        name: "pg_power",
        arguments: &[Double, Double],
        result: Double,
        chunk: |arguments, out| binary::<f64, f64, f64>(arguments, out, f64::powf, power),
    },
    ChunkFunction {
        name: "pg_float4_from_double",
        arguments: ONE,
        result: Float,
        chunk: |arguments, out| {
            unary::<f64, f32>(arguments, out, narrow, |a, r| {
                range(r.is_infinite() & a.is_finite(), (r == 0.0) & (a != 0.0))
            })
        },
    },
];

/// The nearest single precision number.
#[expect(clippy::cast_possible_truncation, reason = "rounding is the point")]
fn narrow(value: f64) -> f32 {
    value as f32
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static ChunkFunction> {
    SINGLE.iter().chain(&DOUBLE).chain(&FUNCTIONS)
}
