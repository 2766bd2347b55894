//! Arrays: of one dimension, counted from 1, which is what lists can be.

use bridge_types::oid::{INT4, TEXT};
use datafusion_expr::Expr;

use super::output::written;
use super::{Entry, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};

/// `pg_proc`'s `anyarray`.
const ANYARRAY: u32 = 2277;
/// `pg_proc`'s `anycompatible` and `anycompatiblearray`.
const ANYCOMPATIBLE: u32 = 5077;
const ANYCOMPATIBLEARRAY: u32 = 5078;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::template("cardinality", &[ANYARRAY], "CAST(len({0}) AS INTEGER)"),
        Entry::build("array_length", &[ANYARRAY, INT4], |s, a| {
            of_first_dimension(s, a, "CAST(nullif(len({0}), 0) AS INTEGER)")
        }),
        Entry::build("array_upper", &[ANYARRAY, INT4], |s, a| {
            of_first_dimension(s, a, "CAST(nullif(len({0}), 0) AS INTEGER)")
        }),
        Entry::build("array_lower", &[ANYARRAY, INT4], |s, a| {
            of_first_dimension(s, a, "CASE WHEN len({0}) > 0 THEN CAST(1 AS INTEGER) END")
        }),
        Entry::template("array_ndims", &[ANYARRAY], "CASE WHEN len({0}) > 0 THEN CAST(1 AS INTEGER) END"),
        Entry::template(
            "array_dims",
            &[ANYARRAY],
            "CASE WHEN len({0}) > 0 THEN '[1:' || len({0}) || ']' END",
        ),
        Entry::build("array_to_string", &[ANYARRAY, TEXT], to_string),
        Entry::build("array_to_string", &[ANYARRAY, TEXT, TEXT], to_string),
        Entry::build("array_append", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], |s, a| {
            of_same_elements(s, a, "list_append(coalesce({0}, []), {1})")
        }),
        Entry::build("array_prepend", &[ANYCOMPATIBLE, ANYCOMPATIBLEARRAY], |s, mut a| {
            a.swap(0, 1);
            of_same_elements(s, a, "list_prepend({1}, coalesce({0}, []))")
        }),
        Entry::build("array_cat", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLEARRAY], |s, a| {
            of_same_elements(
                s,
                a,
                "CASE WHEN {0} IS NULL THEN {1} WHEN {1} IS NULL THEN {0} ELSE list_concat({0}, {1}) END",
            )
        }),
        Entry::build("array_remove", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], |s, a| {
            with_lambda(s, a, "list_filter({0}, lambda pg_item: pg_item IS DISTINCT FROM {1})")
        }),
        Entry::build("array_replace", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE, ANYCOMPATIBLE], |s, a| {
            let sql = "list_transform({0}, lambda pg_item: CASE WHEN pg_item IS NOT DISTINCT FROM {1} THEN {2} ELSE pg_item END)";
            with_lambda(s, a, sql)
        }),
        Entry::build("array_position", &[ANYCOMPATIBLEARRAY, ANYCOMPATIBLE], |s, a| {
            let sql = "CAST(list_position({0}, {1}) AS INTEGER)";
            of_exact_elements(s, a, Some(DuckType::Integer), sql)
        }),
        Entry::build("arraycontains", &[ANYARRAY, ANYARRAY], contains),
        Entry::build("arraycontained", &[ANYARRAY, ANYARRAY], |s, mut a| {
            a.swap(0, 1);
            contains(s, a)
        }),
        Entry::build("arrayoverlap", &[ANYARRAY, ANYARRAY], |s, a| {
            of_exact_elements(s, a, Some(DuckType::Boolean), "list_has_any({0}, {1})")
        }),
    ]
}

/// An empty array has no dimension, and so no length.
fn of_first_dimension(
    signature: &Signature,
    mut args: Vec<Typed>,
    sql: &'static str,
) -> Result<Typed, PlanError> {
    match PgConstant::of(&args[1].expr).and_then(PgConstant::as_int) {
        Some(1) => {
            args.truncate(1);
            Ok(duck(sql, result_type(signature)?, args))
        }
        _ => unsupported(signature.display.clone(), "DuckDB's lists have one dimension"),
    }
}

/// `array_to_string(a, delimiter[, null])`: elements come as their output functions write them.
fn to_string(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    let (Some(element), DuckType::List(carrier)) =
        (signature.args.first().and_then(bridge_types::PgType::element), args[0].ty.clone())
    else {
        return unsupported(signature.display.clone(), "it is not over an array");
    };
    let item = duck("pg_item", *carrier, Vec::new());
    let item = written(signature, item, element)?;
    let array = args.remove(0);
    let ty = DuckType::List(Box::new(DuckType::Varchar));
    args.insert(0, duck("list_transform({0}, lambda pg_item: {1})", ty, vec![array, item]));
    let sql = if args.len() == 2 {
        "pg_array_to_string({0}, {1})"
    } else {
        "CASE WHEN {2} IS NULL THEN pg_array_to_string({0}, {1}) ELSE pg_array_to_string_null({0}, {1}, {2}) END"
    };
    Ok(duck(sql, DuckType::Varchar, args))
}

/// A call on an array and more arrays or elements of the very same carrier; gives such an array.
fn of_same_elements(signature: &Signature, args: Vec<Typed>, sql: &'static str) -> Result<Typed, PlanError> {
    let ty = args[0].ty.clone();
    let DuckType::List(element) = &ty else {
        return unsupported(signature.display.clone(), "it is not over an array");
    };
    if args[1..].iter().any(|arg| arg.ty != ty && arg.ty != **element) {
        return unsupported(signature.display.clone(), "its elements have different DuckDB types");
    }
    Ok(duck(sql, ty, args))
}

/// [`of_same_elements`] where elements are compared, which DuckDB does as Postgres unless they
/// are numerics of unknown scale.
fn of_exact_elements(
    signature: &Signature,
    args: Vec<Typed>,
    result: Option<DuckType>,
    sql: &'static str,
) -> Result<Typed, PlanError> {
    if args[0].ty == DuckType::List(Box::new(DuckType::NumericText)) {
        return unsupported(signature.display.clone(), "its elements are numerics of unknown scale");
    }
    let call = of_same_elements(signature, args, sql)?;
    Ok(match result {
        Some(ty) => Typed::new(duck("{0}", ty.clone(), vec![call]).expr, ty),
        None => call,
    })
}

/// [`of_exact_elements`] by a lambda, which DuckDB cannot bind to a constant array if it uses columns.
fn with_lambda(signature: &Signature, args: Vec<Typed>, sql: &'static str) -> Result<Typed, PlanError> {
    if PgConstant::of(&args[0].expr).is_some() {
        return unsupported(signature.display.clone(), "its array is a constant");
    }
    if matches!(args[0].expr, Expr::Placeholder(_)) {
        // In a condition DuckDB finds no types for such a statement.
        return unsupported(signature.display.clone(), "its array is a parameter");
    }
    of_exact_elements(signature, args, None, sql)
}

/// `a @> b`: NULL is in no array.
fn contains(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let sql = "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL \
               THEN len({1}) = list_count({1}) AND list_has_all({0}, {1}) END";
    of_exact_elements(signature, args, Some(DuckType::Boolean), sql)
}
