//! `x op ANY (array)` and `x op ALL (array)`.

use super::{call, comparison, comparison_of};
use crate::DuckType;
use crate::duck::{DuckFunction, Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Quantifier, Signature, Value};
use bridge_types::PgType;
use datafusion_common::tree_node::TreeNode;
use datafusion_expr::{Expr, Operator};

/// ```text
/// x  = ANY (constants)  ==>  x IN (..)
/// x <> ALL (constants)  ==>  NOT (x IN (..))
/// x op ANY (constants)  ==>  x op a OR x op b OR ..      (ALL: AND)
/// x op ANY (parameter)  ==>  CASE WHEN array IS NOT NULL THEN x op ANY (array) END, a join by hashing
/// x op ANY (array)      ==>  [`over_rows`], since DuckDB's own is a subquery for each row
/// ```
pub(super) fn rewrite(
    signature: &Signature,
    quantifier: Quantifier,
    mut args: Vec<Typed>,
) -> Result<Typed, PlanError> {
    let array = args.pop();
    let (Some(value), Some(array)) = (args.pop(), array) else {
        return unsupported(signature.display.clone(), "it does not have two arguments");
    };
    let element_call = Signature { args: Vec::new(), ..signature.clone() };
    if let Some(elements) = elements(&array)? {
        return over_elements(&element_call, quantifier, value, elements);
    }
    let op = comparison_of(signature)?;
    let (value, array) = match &array.ty {
        DuckType::List(element) if **element == value.ty && value.ty != DuckType::NumericText => {
            (value, array)
        }
        // DuckDB compares nothing but equal types with the elements of a list.
        DuckType::List(element) => match value.ty.decimal().zip(element.decimal()) {
            Some((a, b)) if let Some((p, s)) = DuckType::decimal_union(a, b) => {
                let ty = DuckType::Decimal(p, s);
                (value.cast(&ty), array.cast(&DuckType::List(Box::new(ty))))
            }
            _ => return unsupported(signature.display.clone(), "its two sides have different DuckDB types"),
        },
        _ => return unsupported(signature.display.clone(), "its two sides have different DuckDB types"),
    };
    let depends_on_rows = array.expr.exists(|expr| Ok(matches!(expr, Expr::Column(_))));
    // Of intervals, DuckDB's functions of lists do not know which are equal.
    if value.ty != DuckType::Interval && depends_on_rows.unwrap_or(true) {
        return Ok(over_rows(op, quantifier, value, array));
    }
    let word = if quantifier == Quantifier::Any { "ANY" } else { "ALL" };
    // Of no array, Postgres knows nothing; DuckDB takes it for an empty one.
    let sql = format!("CASE WHEN {{1}} IS NOT NULL THEN {{0}} {op} {word}({{1}}) END");
    Ok(duck(sql, DuckType::Boolean, vec![value, array]))
}

/// A comparison with the elements of an array that each row has of its own, from the one that decides.
///
/// ```text
/// x =  ANY  ==>  list_contains(array, x)
/// x <> ANY  ==>  x <> list_min(array) OR x <> list_max(array)
/// x <  ANY  ==>  x < list_max(array)                          (<=; with list_min >, >=)
/// x op ALL  ==>  NOT (x, the opposite of op, ANY)
/// ```
///
/// Unknown if none decides, and the value or an element is null.
fn over_rows(op: Operator, quantifier: Quantifier, value: Typed, array: Typed) -> Typed {
    let any = quantifier == Quantifier::Any;
    let op = if any { op } else { op.negate().unwrap_or(op) };
    let decided = match op {
        Operator::Eq => "({0} IS NOT NULL AND list_contains({1}, {0}))".to_owned(),
        Operator::NotEq => "({0} <> list_min({1}) OR {0} <> list_max({1}))".to_owned(),
        Operator::Lt | Operator::LtEq => format!("({{0}} {op} list_max({{1}}))"),
        _ => format!("({{0}} {op} list_min({{1}}))"),
    };
    let sql = format!(
        "CASE WHEN {{1}} IS NULL THEN NULL WHEN {decided} THEN {any} \
         WHEN len({{1}}) > 0 AND ({{0}} IS NULL OR list_count({{1}}) < len({{1}})) THEN NULL ELSE {} END",
        !any
    );
    duck(sql, DuckType::Boolean, vec![value, array])
}

/// The elements of an array constant or of an `ARRAY[..]`; `None` for other arrays.
fn elements(array: &Typed) -> Result<Option<Vec<Typed>>, PlanError> {
    if let Some(constant) = PgConstant::of(&array.expr) {
        let element = constant.pg_type.element().unwrap_or(PgType::new(0));
        return match &constant.value {
            Value::List(values) => {
                let make = |value: &Value| {
                    let constant = PgConstant { pg_type: element, value: value.clone() };
                    let ty = constant.duck_type()?;
                    Ok(Typed::new(PgConstant::expr(element, value.clone()), ty))
                };
                values.iter().map(make).collect::<Result<Vec<_>, PlanError>>().map(Some)
            }
            _ => Ok(None),
        };
    }
    if let (Some((function, args)), DuckType::List(element)) = (DuckFunction::of(&array.expr), &array.ty)
        && function.template.starts_with('[')
    {
        return Ok(Some(args.iter().map(|arg| Typed::new(arg.clone(), (**element).clone())).collect()));
    }
    Ok(None)
}

fn over_elements(
    signature: &Signature,
    quantifier: Quantifier,
    value: Typed,
    elements: Vec<Typed>,
) -> Result<Typed, PlanError> {
    let any = quantifier == Quantifier::Any;
    if elements.is_empty() {
        return Ok(duck(if any { "false" } else { "true" }, DuckType::Boolean, Vec::new()));
    }
    let list = match comparison_of(signature) {
        Ok(Operator::Eq) if any => Some("({0} IN ("),
        Ok(Operator::NotEq) if !any => Some("({0} NOT IN ("),
        _ => None,
    };
    if let Some(open) = list {
        let mut args = vec![value];
        args.extend(elements);
        // All on one carrier, so that DuckDB does not choose one for the list.
        let decimals = args.iter().all(|arg| arg.ty.is_numeric() && arg.ty.decimal().is_some());
        let same = args.iter().all(|arg| arg.ty == args[0].ty) && args[0].ty != DuckType::NumericText;
        let args = if decimals || same { args } else { in_terms(args)? };
        let places: Vec<String> = (1..args.len()).map(|i| format!("{{{i}}}")).collect();
        return Ok(duck(format!("{open}{}))", places.join(", ")), DuckType::Boolean, args));
    }
    let terms = elements
        .into_iter()
        .map(|element| call(signature, vec![value.clone(), element]))
        .collect::<Result<Vec<_>, _>>()?;
    let places: Vec<String> = (0..terms.len()).map(|i| format!("{{{i}}}")).collect();
    let sql = format!("({})", places.join(if any { " OR " } else { " AND " }));
    Ok(duck(sql, DuckType::Boolean, terms))
}

/// Brings a value and the elements it is compared with to comparable carriers.
fn in_terms(mut args: Vec<Typed>) -> Result<Vec<Typed>, PlanError> {
    if args.iter().any(|arg| arg.ty.is_numeric()) {
        args = args.into_iter().map(comparison::numeric_key).collect();
        return Ok(args);
    }
    let (value, elements) = args.split_first().expect("the value is there");
    let mut result = Vec::with_capacity(args.len());
    for element in elements {
        let mut pair = comparison::comparable(vec![value.clone(), element.clone()])?;
        let right = pair.pop().expect("comparable keeps both sides");
        let left = pair.pop().expect("comparable keeps both sides");
        if result.is_empty() {
            result.push(left);
        }
        result.push(right);
    }
    Ok(result)
}
