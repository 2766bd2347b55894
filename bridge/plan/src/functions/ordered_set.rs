//! Ordered-set aggregates: `percentile_cont`, `percentile_disc` and `mode`.
//!
//! DuckDB's quantiles find rows by another arithmetic than Postgres' `ceil(fraction * rows)` in
//! double precision and interpolate by another formula, so that last digits and, for fractions
//! such as 0.07, rows differ. They are used where both are exact; elsewhere the sorted list of
//! values is indexed as Postgres does it.

use bridge_types::oid::{FLOAT8, FLOAT8_ARRAY};

use super::aggregate::AggregateCall;
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

/// `pg_proc`'s `anyelement`.
const ANYELEMENT: u32 = 2283;

/// True for the aggregates that are written with WITHIN GROUP and of which some are shipped.
pub(crate) fn is_ordered_set(signature: &Signature) -> bool {
    matches!(
        (signature.name.as_str(), signature.declared.as_slice()),
        ("percentile_cont" | "percentile_disc", [FLOAT8 | FLOAT8_ARRAY, _]) | ("mode", [ANYELEMENT])
    )
}

/// The DuckDB expression of an ordered-set aggregate over `args`, the direct argument, if there is
/// one, and the value that is sorted by, `ascending` or not. `call` sorts what it is given so,
/// nulls last.
///
/// # Errors
/// `Unsupported` for values that are equal without being the same, and fractions that are neither
/// constant nor of one group.
pub(crate) fn rewrite_ordered_set(
    signature: &Signature,
    mut args: Vec<Typed>,
    ascending: bool,
    call: &AggregateCall<'_>,
) -> Result<Typed, PlanError> {
    let Some(value) = args.pop() else {
        return unsupported(signature.display.clone(), "it has no argument");
    };
    if matches!(value.ty, DuckType::NumericText | DuckType::Interval) || !value.ty.is_comparable() {
        return unsupported(signature.display.clone(), "equal values of its type may look different");
    }
    let Some(fraction) = args.pop() else {
        return Ok(mode(value, ascending, call));
    };
    let percentile = match (signature.name.as_str(), signature.declared.as_slice()) {
        ("percentile_cont", [_, FLOAT8]) => continuous,
        ("percentile_disc", [_, ANYELEMENT]) => discrete,
        _ => {
            return unsupported(
                signature.display.clone(),
                "it is not known to give Postgres' answer in DuckDB",
            );
        }
    };
    let constant = PgConstant::of(&fraction.expr).map(|constant| constant.value.clone());
    match constant {
        Some(Value::List(fractions)) => {
            let element = value.ty.clone();
            let mut results = fractions
                .iter()
                .map(|fraction| {
                    one(percentile, &constant_fraction(signature, fraction)?, &value, ascending, call)
                })
                .collect::<Result<Vec<_>, PlanError>>()?;
            let places: Vec<String> = (0..results.len()).map(|i| format!("{{{i}}}")).collect();
            let sql = format!("CASE WHEN {{{}}} > 0 THEN [{}] END", results.len(), places.join(", "));
            results.push(call("count", DuckType::BigInt, vec![value]));
            Ok(duck(sql, DuckType::List(Box::new(element)), results))
        }
        Some(fraction) => one(percentile, &constant_fraction(signature, &fraction)?, &value, ascending, call),
        None if fraction.ty == DuckType::Double => {
            let guard = "CASE WHEN {0} < 0 OR {0} > 1 \
                         THEN error('[22003] percentile value is not between 0 and 1') ELSE {0} END";
            let fraction = duck(guard, DuckType::Double, vec![fraction]);
            Ok(percentile(&Fraction::Expression(fraction), &value, ascending, call))
        }
        None => unsupported(signature.display.clone(), "its fractions are not constant"),
    }
}

/// Which value of the sorted ones.
enum Fraction {
    Constant(f64),
    Expression(Typed),
    Null,
}

/// A kind of percentile of a value.
type Percentile = fn(&Fraction, &Typed, bool, &AggregateCall<'_>) -> Typed;

fn one(
    percentile: Percentile,
    fraction: &Fraction,
    value: &Typed,
    ascending: bool,
    call: &AggregateCall<'_>,
) -> Result<Typed, PlanError> {
    if matches!(fraction, Fraction::Null) {
        return Ok(duck(format!("CAST(NULL AS {})", value.ty), value.ty.clone(), Vec::new()));
    }
    Ok(percentile(fraction, value, ascending, call))
}

fn constant_fraction(signature: &Signature, value: &Value) -> Result<Fraction, PlanError> {
    match value {
        Value::Null => Ok(Fraction::Null),
        Value::Float(text) => match text.parse::<f64>() {
            Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(Fraction::Constant(fraction)),
            _ => unsupported(signature.display.clone(), "its fraction is not between 0 and 1"),
        },
        _ => unsupported(signature.display.clone(), "its fraction is not a number"),
    }
}

impl Fraction {
    /// True if `fraction * rows` is exact for any number of rows there can be.
    fn is_exact(&self) -> bool {
        /// Of these bits and the 33 of a row number, a double loses none.
        const STEPS: f64 = 1_048_576.0;
        matches!(self, Self::Constant(fraction) if (fraction * STEPS).fract() == 0.0)
    }

    fn sql(&self) -> Typed {
        match self {
            Self::Constant(fraction) => {
                duck(format!("CAST({fraction:?} AS DOUBLE)"), DuckType::Double, vec![])
            }
            Self::Expression(fraction) => fraction.clone(),
            Self::Null => duck("CAST(NULL AS DOUBLE)", DuckType::Double, vec![]),
        }
    }
}

/// The value of row `ceil(fraction * rows)`, counted from 1; of row 1 for fraction 0.
fn discrete(fraction: &Fraction, value: &Typed, ascending: bool, call: &AggregateCall<'_>) -> Typed {
    if let Fraction::Constant(constant) = fraction
        && fraction.is_exact()
        && *constant > 0.0
    {
        return quantile(*constant, value, ascending, call);
    }
    let args = vec![
        call("list", DuckType::List(Box::new(value.ty.clone())), vec![value.clone()]),
        fraction.sql(),
        call("count", DuckType::BigInt, vec![value.clone()]),
    ];
    // Nulls are last, and not counted.
    duck("({0})[greatest(1, CAST(ceil({1} * {2}) AS BIGINT))]", value.ty.clone(), args)
}

/// DuckDB's discrete quantile; the sign of the fraction is the direction.
fn quantile(fraction: f64, value: &Typed, ascending: bool, call: &AggregateCall<'_>) -> Typed {
    let signed = if ascending { fraction } else { -fraction };
    let fraction = duck(format!("CAST({signed:?} AS DOUBLE)"), DuckType::Double, vec![]);
    call("quantile_disc", value.ty.clone(), vec![value.clone(), fraction])
}

/// Between the rows `r = fraction * (rows - 1)`, counted from 0, falls on.
fn continuous(fraction: &Fraction, value: &Typed, ascending: bool, call: &AggregateCall<'_>) -> Typed {
    if matches!(fraction, Fraction::Constant(half) if *half == 0.5) {
        // The two rows in the middle, or the same twice.
        let args = vec![quantile(0.5, value, ascending, call), quantile(0.5, value, !ascending, call)];
        let sql = "CASE WHEN {0} = {1} THEN {0} ELSE {0} + 0.5::DOUBLE * ({1} - {0}) END";
        return duck(sql, DuckType::Double, args);
    }
    let list = call("list", DuckType::List(Box::new(value.ty.clone())), vec![value.clone()]);
    let rows = call("count", DuckType::BigInt, vec![value.clone()]);
    let at = duck("({0} * ({1} - 1))", DuckType::Double, vec![fraction.sql(), rows]);
    let sql = "CASE WHEN floor({1}) = ceil({1}) THEN ({0})[CAST({1} AS BIGINT) + 1] \
               ELSE ({0})[CAST(floor({1}) AS BIGINT) + 1] + ({1} - floor({1})) \
               * (({0})[CAST(ceil({1}) AS BIGINT) + 1] - ({0})[CAST(floor({1}) AS BIGINT) + 1]) END";
    duck(sql, DuckType::Double, vec![list, at])
}

/// The most frequent value; of several, the first in the order. A histogram has its keys sorted.
fn mode(value: Typed, ascending: bool, call: &AggregateCall<'_>) -> Typed {
    let ty = value.ty.clone();
    let histogram = call("histogram", ty.clone(), vec![value]);
    let most = "list_position({counts}, list_max({counts}))";
    let (keys, counts) = if ascending {
        ("map_keys({0})", "map_values({0})")
    } else {
        ("list_reverse(map_keys({0}))", "list_reverse(map_values({0}))")
    };
    duck(format!("({keys})[{}]", most.replace("{counts}", counts)), ty, vec![histogram])
}
