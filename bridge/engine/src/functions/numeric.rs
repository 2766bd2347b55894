//! `pg_numeric_*`: Postgres' numeric arithmetic. Arguments are numerics on any carrier, text, decimals
//! or integers; results are text, since their display scale depends on the values.

use super::decimal_text::{Marked, Numeric};
use super::scalar::{NUMERIC, Output, ScalarFunction};
use crate::duckdb::TypeId::{self, BigInt, Blob, Double, Float, Integer, Varchar};

const TWO: &[TypeId] = &[NUMERIC, NUMERIC];
const ONE: &[TypeId] = &[NUMERIC];
const ONE_AND_SCALE: &[TypeId] = &[NUMERIC, Integer];

macro_rules! binary {
    ($name:literal, $method:ident) => {
        ScalarFunction {
            name: $name,
            arguments: TWO,
            result: Varchar,
            row: |arguments, out, row| {
                let result = arguments.numeric(0, row)?.$method(&arguments.numeric(1, row)?)?;
                write_text(out, row, &result);
                Ok(())
            },
        }
    };
}

macro_rules! unary {
    ($name:literal, $value:ident => $result:expr) => {
        ScalarFunction {
            name: $name,
            arguments: ONE,
            result: Varchar,
            row: |arguments, out, row| {
                let $value = arguments.numeric(0, row)?;
                let result: Result<Numeric, Marked> = $result;
                write_text(out, row, &result?);
                Ok(())
            },
        }
    };
}

macro_rules! with_scale {
    ($name:literal, $method:ident) => {
        ScalarFunction {
            name: $name,
            arguments: ONE_AND_SCALE,
            result: Varchar,
            row: |arguments, out, row| {
                let result = arguments.numeric(0, row)?.$method(i64::from(arguments.integer(1, row)))?;
                write_text(out, row, &result);
                Ok(())
            },
        }
    };
}

/// All of them.
pub(crate) static FUNCTIONS: &[ScalarFunction] = &[
    binary!("pg_numeric_add", add),
    binary!("pg_numeric_sub", sub),
    binary!("pg_numeric_mul", mul),
    binary!("pg_numeric_div", div),
    binary!("pg_numeric_mod", rem),
    unary!("pg_numeric_neg", value => Ok(value.neg())),
    unary!("pg_numeric_abs", value => Ok(value.abs())),
    unary!("pg_numeric_ceil", value => value.ceil()),
    unary!("pg_numeric_floor", value => value.floor()),
    with_scale!("pg_numeric_round", round),
    with_scale!("pg_numeric_trunc", trunc),
    unary!("pg_numeric_in", value => Ok(value)),
    binary!("pg_numeric_div_trunc", div_trunc),
    binary!("pg_numeric_gcd", gcd),
    binary!("pg_numeric_lcm", lcm),
    unary!("pg_numeric_sign", value => Ok(value.signum())),
    unary!("pg_numeric_sqrt", value => value.square_root()),
    unary!("pg_numeric_trim_scale", value => Ok(value.trim_scale())),
    ScalarFunction {
        name: "pg_numeric_scale",
        arguments: ONE,
        result: Integer,
        row: |arguments, out, row| {
            match arguments.numeric(0, row)?.scale() {
                Some(scale) => out.set(row, i32::try_from(scale).unwrap_or(i32::MAX)),
                None => out.set_null(row),
            }
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_factorial",
        arguments: &[BigInt],
        result: Varchar,
        row: |arguments, out, row| {
            write_text(out, row, &Numeric::factorial(arguments.long(0, row))?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_cmp",
        arguments: TWO,
        result: Integer,
        row: |arguments, out, row| {
            let order = arguments.numeric(0, row)?.compare(&arguments.numeric(1, row)?);
            out.set(row, order as i32);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_fit",
        arguments: &[NUMERIC, Integer, Integer],
        result: Varchar,
        row: |arguments, out, row| {
            let (precision, scale) = (arguments.integer(1, row), arguments.integer(2, row));
            let result = arguments.numeric(0, row)?.fit(i64::from(precision), i64::from(scale))?;
            if result == Numeric::NaN {
                return Err("[0A000] NaN has no place in a numeric of DuckDB".to_owned());
            }
            write_text(out, row, &result);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_sortkey",
        arguments: ONE,
        result: Blob,
        row: |arguments, out, row| {
            let value = arguments.numeric(0, row)?;
            out.write_bytes(row, |out| value.sort_key(out));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_from_double",
        arguments: &[Double],
        result: Varchar,
        row: |arguments, out, row| {
            // DBL_DIG
            write_text(out, row, &Numeric::from_float(arguments.double(0, row), 15));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_from_float",
        arguments: &[Float],
        result: Varchar,
        row: |arguments, out, row| {
            // FLT_DIG
            write_text(out, row, &Numeric::from_float(f64::from(arguments.float(0, row)), 6));
            Ok(())
        },
    },
    ScalarFunction {
        // Sum, sum of squares and count of the values; 1 for a sample, 2 for the square root.
        name: "pg_numeric_variance",
        arguments: &[NUMERIC, NUMERIC, BigInt, Integer],
        result: Varchar,
        row: |arguments, out, row| {
            let (sum, squares) = (arguments.numeric(0, row)?, arguments.numeric(1, row)?);
            let (count, mode) = (arguments.values::<i64>(2)[row], arguments.integer(3, row));
            let result = Numeric::variance(&sum, &squares, count, mode & 1 != 0, mode & 2 != 0)?;
            write_text(out, row, &result);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_to_double",
        arguments: ONE,
        result: Double,
        row: |arguments, out, row| {
            out.set(row, arguments.numeric(0, row)?.to_double()?);
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_numeric_to_bigint",
        arguments: ONE,
        result: BigInt,
        row: |arguments, out, row| {
            out.set(row, arguments.numeric(0, row)?.to_bigint()?);
            Ok(())
        },
    },
];

fn write_text(out: &mut Output, row: usize, value: &Numeric) {
    out.write_bytes(row, |out| value.print(out));
}
