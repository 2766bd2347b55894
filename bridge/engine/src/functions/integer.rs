//! `pg_int*_div`, `pg_int*_mod`: integer division that fails as Postgres' does.

use super::scalar::ChunkFunction;
use super::vector::binary;
use crate::duckdb::TypeId::{BigInt, Integer, SmallInt};

const DIVISION_BY_ZERO: &str = "[22012] division by zero";

macro_rules! division {
    ($kind:ident, $t:ty, $div:literal, $modulo:literal, $out_of_range:literal) => {
        [
            ChunkFunction {
                name: $div,
                arguments: &[$kind, $kind],
                result: $kind,
                chunk: |arguments, out| {
                    binary::<$t, $t, $t>(
                        arguments,
                        out,
                        |a, b| a.wrapping_div(if b == 0 { 1 } else { b }),
                        |a, b, _| {
                            if b == 0 {
                                Some(DIVISION_BY_ZERO)
                            } else if b == -1 && a == <$t>::MIN {
                                Some($out_of_range)
                            } else {
                                None
                            }
                        },
                    )
                },
            },
            ChunkFunction {
                name: $modulo,
                arguments: &[$kind, $kind],
                result: $kind,
                chunk: |arguments, out| {
                    binary::<$t, $t, $t>(
                        arguments,
                        out,
                        // The smallest integer modulo -1 is 0.
                        |a, b| a.wrapping_rem(if b == 0 { 1 } else { b }),
                        |_, b, _| if b == 0 { Some(DIVISION_BY_ZERO) } else { None },
                    )
                },
            },
        ]
    };
}

static SMALL: [ChunkFunction; 2] =
    division!(SmallInt, i16, "pg_int2_div", "pg_int2_mod", "[22003] smallint out of range");
static PLAIN: [ChunkFunction; 2] =
    division!(Integer, i32, "pg_int4_div", "pg_int4_mod", "[22003] integer out of range");
static BIG: [ChunkFunction; 2] =
    division!(BigInt, i64, "pg_int8_div", "pg_int8_mod", "[22003] bigint out of range");

/// The greatest common divisor of magnitudes.
fn common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The least common multiple, saturated beyond 64 bits.
fn common_multiple(a: u64, b: u64) -> u64 {
    if a == 0 || b == 0 { 0 } else { (a / common_divisor(a, b)).saturating_mul(b) }
}

/// A magnitude as a number of the type; the smallest number stands for too large a one.
macro_rules! common {
    ($kind:ident, $t:ty, $name:literal, $compute:expr, $out_of_range:literal) => {
        ChunkFunction {
            name: $name,
            arguments: &[$kind, $kind],
            result: $kind,
            chunk: |arguments, out| {
                binary::<$t, $t, $t>(
                    arguments,
                    out,
                    |a, b| {
                        <$t>::try_from($compute(a.unsigned_abs().into(), b.unsigned_abs().into()))
                            .unwrap_or(<$t>::MIN)
                    },
                    |_, _, r| (r == <$t>::MIN).then_some($out_of_range),
                )
            },
        }
    };
}

/// Shifts take the count modulo the width, as the processor does, and `smallint` is shifted as
/// an `integer`.
macro_rules! shift {
    ($kind:ident, $t:ty, $name:literal, |$a:ident, $b:ident| $compute:expr) => {
        ChunkFunction {
            name: $name,
            arguments: &[$kind, Integer],
            result: $kind,
            chunk: |arguments, out| binary::<$t, i32, $t>(arguments, out, |$a, $b| $compute, |_, _, _| None),
        }
    };
}

#[expect(clippy::cast_possible_truncation, reason = "the upper half is dropped, as in C")]
fn low_half(value: i32) -> i16 {
    value as i16
}

static MORE: [ChunkFunction; 10] = [
    common!(Integer, i32, "pg_int4_gcd", common_divisor, "[22003] integer out of range"),
    common!(BigInt, i64, "pg_int8_gcd", common_divisor, "[22003] bigint out of range"),
    common!(Integer, i32, "pg_int4_lcm", common_multiple, "[22003] integer out of range"),
    common!(BigInt, i64, "pg_int8_lcm", common_multiple, "[22003] bigint out of range"),
    shift!(SmallInt, i16, "pg_int2_shl", |a, b| low_half(i32::from(a).wrapping_shl(b.cast_unsigned()))),
    shift!(SmallInt, i16, "pg_int2_shr", |a, b| low_half(i32::from(a).wrapping_shr(b.cast_unsigned()))),
    shift!(Integer, i32, "pg_int4_shl", |a, b| a.wrapping_shl(b.cast_unsigned())),
    shift!(Integer, i32, "pg_int4_shr", |a, b| a.wrapping_shr(b.cast_unsigned())),
    shift!(BigInt, i64, "pg_int8_shl", |a, b| a.wrapping_shl(b.cast_unsigned())),
    shift!(BigInt, i64, "pg_int8_shr", |a, b| a.wrapping_shr(b.cast_unsigned())),
];

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static ChunkFunction> {
    SMALL.iter().chain(&PLAIN).chain(&BIG).chain(&MORE)
}
