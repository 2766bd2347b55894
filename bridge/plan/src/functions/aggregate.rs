//! Aggregates and window functions.

use bridge_types::oid::{
    BOOL, BPCHAR, DATE, FLOAT4, FLOAT8, INT2, INT4, INT8, INTERVAL, NUMERIC, TEXT, TIME, TIMESTAMP,
    TIMESTAMPTZ,
};

use super::{comparison, numeric};
use crate::DuckType;
use crate::duck::{Scaled, Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};

/// `pg_proc`'s pseudo-type oids in signatures of polymorphic aggregates.
const ANY: u32 = 2276;
const ANYARRAY: u32 = 2277;
const ANYELEMENT: u32 = 2283;
const ANYNONARRAY: u32 = 2776;
const ANYCOMPATIBLE: u32 = 5077;

/// Makes a call of a DuckDB aggregate that keeps the DISTINCT, FILTER, ORDER BY and OVER of the
/// Postgres call: name, carrier of its result, arguments.
pub type AggregateCall<'a> = dyn Fn(&str, DuckType, Vec<Typed>) -> Typed + 'a;

/// The DuckDB expression of a Postgres aggregate or window function. It may hold several
/// aggregate calls (`avg` is a sum over a count).
///
/// # Errors
/// `Unsupported` naming the function if it is not on the list or not for these arguments.
pub fn rewrite_aggregate(
    signature: &Signature,
    args: Vec<Typed>,
    distinct: bool,
    call: &AggregateCall<'_>,
) -> Result<Typed, PlanError> {
    if !signature.collation.compares_bytes() {
        return unsupported(signature.display.clone(), "its collation is nondeterministic");
    }
    let first = args.first().map(|arg| arg.ty.clone());
    let declared = signature.declared.as_slice();
    match (signature.name.as_str(), declared) {
        ("count", []) => Ok(call("count", DuckType::BigInt, args)),
        ("count", [ANY]) => {
            let args = if distinct { args.into_iter().map(comparison::equality_key).collect() } else { args };
            Ok(call("count", DuckType::BigInt, args))
        }
        // Of rows as values: lowering gives their fields.
        ("count_rows", []) => {
            let fields: Vec<Typed> = args.into_iter().map(comparison::equality_key).collect();
            let places: Vec<String> = (0..fields.len()).map(|i| format!("{{{i}}}")).collect();
            // What carries a row is never looked at.
            let row = duck(format!("row({})", places.join(", ")), DuckType::Blob, fields);
            Ok(call("count", DuckType::BigInt, vec![row]))
        }
        ("sum", [INT2 | INT4]) => Ok(call("sum", DuckType::HugeInt, args).cast(&DuckType::BigInt)),
        ("sum", [INT8]) => Ok(call("sum", DuckType::HugeInt, args)),
        ("sum", [FLOAT4]) => {
            let total = call("sum", DuckType::Double, args.clone()).cast(&DuckType::Float);
            Ok(unless_overflowed(total, args, call))
        }
        ("sum", [FLOAT8]) => {
            let total = call("sum", DuckType::Double, args.clone());
            Ok(unless_overflowed(total, args, call))
        }
        ("sum", [NUMERIC]) => sum(signature, args, call),
        ("avg", [FLOAT4 | FLOAT8]) => {
            let average = call("avg", DuckType::Double, args.clone());
            Ok(unless_overflowed(average, args, call))
        }
        ("avg", [INT2 | INT4 | INT8]) => {
            Ok(average(call("sum", DuckType::HugeInt, args.clone()), args, call))
        }
        ("avg", [NUMERIC]) => {
            let total = sum(signature, args.clone(), call)?;
            Ok(average(total, args, call))
        }
        (
            name @ ("min" | "max"),
            [
                INT2 | INT4 | INT8 | FLOAT4 | FLOAT8 | NUMERIC | DATE | TIME | TIMESTAMP | TIMESTAMPTZ | TEXT
                | BPCHAR,
            ],
        ) => extreme(signature, name, args, call),
        ("min" | "max", [INTERVAL]) => unsupported(
            signature.display.clone(),
            "of intervals that are equal (30 days, 1 month) Postgres shows the last one it reads",
        ),
        ("bool_and" | "every", [BOOL]) => Ok(call("bool_and", DuckType::Boolean, args)),
        ("bool_or", [BOOL]) => Ok(call("bool_or", DuckType::Boolean, args)),
        (name @ ("bit_and" | "bit_or" | "bit_xor"), [INT2 | INT4 | INT8]) => {
            Ok(call(name, super::result_type(signature)?, args))
        }
        ("string_agg", [TEXT, TEXT]) => match PgConstant::of(&args[1].expr).and_then(PgConstant::as_text) {
            Some(_) => Ok(call("string_agg", DuckType::Varchar, args)),
            None => unsupported(signature.display.clone(), "its delimiter is not a constant string"),
        },
        ("array_agg", [ANYNONARRAY]) => {
            let element = first.unwrap_or(DuckType::Varchar);
            Ok(call("list", DuckType::List(Box::new(element)), args))
        }
        ("array_agg", [ANYARRAY]) => unsupported(signature.display.clone(), "its result has two dimensions"),
        (
            name @ ("stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop"),
            [FLOAT4 | FLOAT8],
        ) => Ok(float_variance(name, args, call)),
        (
            name @ ("stddev" | "stddev_samp" | "stddev_pop" | "variance" | "var_samp" | "var_pop"),
            [INT2 | INT4 | INT8 | NUMERIC],
        ) if !distinct => variance(signature, name, args, call),
        (name @ ("corr" | "regr_slope" | "regr_intercept" | "regr_r2"), [FLOAT8, FLOAT8]) => {
            Ok(regression(name, args, call))
        }
        (
            name @ ("covar_pop" | "covar_samp" | "regr_avgx" | "regr_avgy" | "regr_sxx" | "regr_syy"
            | "regr_sxy"),
            [FLOAT8, FLOAT8],
        ) => Ok(call(name, DuckType::Double, args)),
        // Any row's value: lowering asks for it where all rows of a group agree.
        ("first", [ANYELEMENT]) => Ok(call("first", first.unwrap_or(DuckType::Varchar), args)),

        (name @ ("row_number" | "rank" | "dense_rank"), []) => Ok(call(name, DuckType::BigInt, args)),
        (name @ ("percent_rank" | "cume_dist"), []) => Ok(call(name, DuckType::Double, args)),
        // Postgres looks at the count of the first row, DuckDB at that of each.
        ("ntile", [INT4]) if args.first().is_some_and(|count| PgConstant::of(&count.expr).is_none()) => {
            unsupported(signature.display.clone(), "its argument is not a constant")
        }
        ("ntile", [INT4]) => {
            let args = args.into_iter().map(|count| positive(count, "[22014] argument of ntile")).collect();
            Ok(call("ntile", DuckType::BigInt, args).cast(&DuckType::Integer))
        }
        (name @ ("first_value" | "last_value"), [ANYELEMENT])
        | (name @ ("lag" | "lead"), [ANYELEMENT] | [ANYELEMENT, INT4]) => {
            Ok(call(name, first.unwrap_or(DuckType::Varchar), args))
        }
        ("nth_value", [ANYELEMENT, INT4]) => {
            let position = positive(args[1].clone(), "[22016] argument of nth_value");
            let ty = first.unwrap_or(DuckType::Varchar);
            Ok(call("nth_value", ty, vec![args[0].clone(), position]))
        }
        (name @ ("lag" | "lead"), [ANYCOMPATIBLE, INT4, ANYCOMPATIBLE]) => {
            let offset = args[1].clone();
            let (mut values, ty) = numeric::unify(vec![args[0].clone(), args[2].clone()])?;
            let default = values.pop().expect("unify keeps both values");
            let value = values.pop().expect("unify keeps both values");
            Ok(call(name, ty, vec![value, offset, default]))
        }
        _ => unsupported(signature.display.clone(), "it is not known to give Postgres' answer in DuckDB"),
    }
}

/// An argument that has to be greater than zero; `what` begins with the SQLSTATE of the error.
fn positive(value: Typed, what: &str) -> Typed {
    if PgConstant::of(&value.expr).and_then(PgConstant::as_int).is_some_and(|value| value > 0) {
        return value;
    }
    let sql = format!("CASE WHEN {{0}} <= 0 THEN error('{what} must be greater than zero') ELSE {{0}} END");
    duck(sql, value.ty.clone(), vec![value])
}

/// `sum(x)` on decimals; over rows of different display scales, the largest of those is shown.
fn sum(signature: &Signature, args: Vec<Typed>, call: &AggregateCall<'_>) -> Result<Typed, PlanError> {
    let Some(arg) = args.into_iter().next() else {
        return unsupported(signature.display.clone(), "it has no argument");
    };
    if let Some(scaled) = arg.decimal {
        let Scaled { value, scale, .. } = *scaled;
        let total = sum(signature, vec![value.clone()], call)?;
        let scale = duck("CASE WHEN {0} IS NOT NULL THEN {1} END", DuckType::Integer, vec![value, scale]);
        let scale = call("max", DuckType::Integer, vec![scale]);
        return Ok(duck("pg_numeric_round({0}, {1})", DuckType::NumericText, vec![total, scale]));
    }
    match arg.ty {
        DuckType::Decimal(_, scale) => Ok(call("sum", DuckType::Decimal(38, scale), vec![arg])),
        DuckType::HugeInt => Ok(call("sum", DuckType::HugeInt, vec![arg])),
        _ => Ok(call("pg_numeric_sum", DuckType::NumericText, vec![arg])),
    }
}

/// A sum of finite floats that is not finite is an error in Postgres.
fn unless_overflowed(total: Typed, args: Vec<Typed>, call: &AggregateCall<'_>) -> Typed {
    let finite = args.into_iter().map(|arg| duck("isfinite({0})", DuckType::Boolean, vec![arg])).collect();
    let all_finite = call("bool_and", DuckType::Boolean, finite);
    let sql = "CASE WHEN isfinite({0}) OR NOT {1} THEN {0} \
               WHEN {1} THEN error('[22003] value out of range: overflow') END";
    let ty = total.ty.clone();
    duck(sql, ty, vec![total, all_finite])
}

/// `var_samp(x)` of floats: NaN if a value is not finite, which is an error in DuckDB.
fn float_variance(name: &str, args: Vec<Typed>, call: &AggregateCall<'_>) -> Typed {
    let (name, least) = match name {
        "stddev" | "stddev_samp" => ("stddev_samp", 2),
        "variance" | "var_samp" => ("var_samp", 2),
        "stddev_pop" => ("stddev_pop", 1),
        _ => ("var_pop", 1),
    };
    let finite = |sql: &str, ty: DuckType| -> Vec<Typed> {
        args.iter().map(|arg| duck(sql, ty.clone(), vec![arg.clone()])).collect()
    };
    let value =
        call(name, DuckType::Double, finite("CASE WHEN isfinite({0}) THEN {0} END", DuckType::Double));
    let all_finite = call("bool_and", DuckType::Boolean, finite("isfinite({0})", DuckType::Boolean));
    let count = call("count", DuckType::BigInt, args.clone());
    let sql = format!("CASE WHEN {{1}} THEN {{0}} WHEN {{2}} >= {least} THEN CAST('NaN' AS DOUBLE) END");
    duck(sql, DuckType::Double, vec![value, all_finite, count])
}

/// `avg(x)`  ==>  `sum(x) / count(x)` in numeric, NULL over no rows because the sum is.
fn average(total: Typed, args: Vec<Typed>, call: &AggregateCall<'_>) -> Typed {
    let count = call("count", DuckType::BigInt, args);
    duck("pg_numeric_div({0}, {1})", DuckType::NumericText, vec![total, count])
}

/// `var_samp(x)`  ==>  an engine function of `sum(x)`, `sum(x * x)` and `count(x)`, all exact.
fn variance(
    signature: &Signature,
    name: &str,
    args: Vec<Typed>,
    call: &AggregateCall<'_>,
) -> Result<Typed, PlanError> {
    let Some(arg) = args.into_iter().next() else {
        return unsupported(signature.display.clone(), "it has no argument");
    };
    let count = call("count", DuckType::BigInt, vec![arg.clone()]);
    let (total, squares) = if matches!(arg.ty, DuckType::SmallInt | DuckType::Integer) {
        // Squares of 32 bits have 63 at most.
        let square = duck("({0} * {0})", DuckType::BigInt, vec![arg.clone().cast(&DuckType::BigInt)]);
        (call("sum", DuckType::HugeInt, vec![arg]), call("sum", DuckType::HugeInt, vec![square]))
    } else {
        // Squares of bigint add up to more than a decimal holds, others to more than 64 bits.
        let arg = match arg.ty.decimal() {
            Some((p, s)) if p <= 18 => arg.cast(&DuckType::Decimal(19, s)),
            _ => numeric::text(arg),
        };
        let square = numeric::multiply(vec![arg.clone(), arg.clone()])?;
        (sum(signature, vec![arg], call)?, sum(signature, vec![square], call)?)
    };
    let sample = i32::from(!name.ends_with("_pop"));
    let root = i32::from(name.starts_with("stddev"));
    let sql = format!(
        "CASE WHEN {{2}} > {sample} THEN pg_numeric_variance({{0}}, {{1}}, {{2}}, {}) END",
        sample + 2 * root
    );
    Ok(duck(sql, DuckType::NumericText, vec![total, squares, count]))
}

/// `corr(y, x)` and its relatives, which are NULL where all `x` are alike, `corr` also where all
/// `y` are; `regr_r2` is 1 there. DuckDB divides what it has left by zero.
fn regression(name: &str, args: Vec<Typed>, call: &AggregateCall<'_>) -> Typed {
    let alike = |value: usize, other: usize| {
        let pair = vec![args[value].clone(), args[other].clone()];
        let value = duck("CASE WHEN {1} IS NOT NULL THEN {0} END", DuckType::Double, pair);
        let extremes = ["min", "max"].map(|name| call(name, DuckType::Double, vec![value.clone()]));
        duck("({0} = {1} AND isfinite({0}))", DuckType::Boolean, extremes.to_vec())
    };
    let (y_alike, x_alike) = (alike(0, 1), alike(1, 0));
    let result = call(name, DuckType::Double, args.clone());
    let sql = match name {
        "corr" => "CASE WHEN {0} OR {1} THEN NULL ELSE {2} END",
        "regr_r2" => "CASE WHEN {0} THEN NULL WHEN {1} THEN 1 ELSE {2} END",
        _ => "CASE WHEN {0} THEN NULL ELSE {2} END",
    };
    duck(sql, DuckType::Double, vec![x_alike, y_alike, result])
}

fn extreme(
    signature: &Signature,
    name: &str,
    args: Vec<Typed>,
    call: &AggregateCall<'_>,
) -> Result<Typed, PlanError> {
    if !signature.collation.orders_bytes() {
        return unsupported(signature.display.clone(), "DuckDB orders text by bytes, its collation does not");
    }
    let ty = args.first().map_or(DuckType::Varchar, |arg| arg.ty.clone());
    if ty == DuckType::NumericText {
        let mut args = args;
        args.push(comparison::sort_key(args[0].clone()));
        return Ok(call(if name == "min" { "arg_min" } else { "arg_max" }, ty, args));
    }
    Ok(call(name, ty, args))
}
