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

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static ChunkFunction> {
    SMALL.iter().chain(&PLAIN).chain(&BIG)
}
