//! Syntax that Postgres parses into nodes of its own: boolean logic, COALESCE, NULLIF, ...

use super::{call, comparison, numeric, set_returning};
use datafusion_common::Column;
use datafusion_expr::Expr;

use crate::DuckType;
use crate::duck::{DuckFunction, Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};

/// The DuckDB form of a reserved name; `None` if the name is an ordinary function.
pub(super) fn rewrite(signature: &Signature, args: &[Typed]) -> Option<Result<Typed, PlanError>> {
    let args = args.to_vec();
    let boolean = |sql: &str, args| Ok(duck(sql, DuckType::Boolean, args));
    let (name, function) = signature.name.split_once(':').unwrap_or((&signature.name, ""));
    Some(match name {
        "and" => boolean(&chain(args.len(), " AND "), args),
        "or" => boolean(&chain(args.len(), " OR "), args),
        "not" => boolean("(NOT {0})", args),
        "is_true" => boolean("({0} IS NOT DISTINCT FROM true)", args),
        "is_not_true" => boolean("({0} IS DISTINCT FROM true)", args),
        "is_false" => boolean("({0} IS NOT DISTINCT FROM false)", args),
        "is_not_false" => boolean("({0} IS DISTINCT FROM false)", args),
        "coalesce" => numeric::one_of(args, true, coalesce),
        "greatest" | "least" if !signature.collation.orders_bytes() => {
            unsupported(signature.display.clone(), "DuckDB orders text by bytes, this collation does not")
        }
        "greatest" | "least" => numeric::extreme(name, args),
        "array" => {
            let (args, element) = match numeric::unify(args) {
                Ok(unified) => unified,
                Err(error) => return Some(Err(error)),
            };
            Ok(duck(format!("[{}]", list(args.len())), DuckType::List(Box::new(element)), args))
        }
        "grouping" => {
            let args: Vec<Typed> = args.into_iter().map(grouped_by).collect();
            let sql = format!("CAST(grouping({}) AS INTEGER)", list(args.len()));
            Ok(duck(sql, DuckType::Integer, args))
        }
        "subscript" => subscript(signature, args),
        "slice" => slice(signature, args),
        "limit_count" => Ok(row_count("[2201W] LIMIT", args)),
        "offset_count" => Ok(row_count("[2201X] OFFSET", args)),
        "or_empty" => or_empty(signature, args),
        "each" => set_returning::each(signature, args),
        "ordinality" => Ok(set_returning::ordinality(args)),
        "nullif" => nullif(signature, function, args),
        "distinct" => distinct(args),
        _ => return None,
    })
}

/// The name of what is grouped by in place of key `name`, a numeric text.
pub(crate) fn key_name(name: &str) -> String {
    format!("{name}_key")
}

/// What a key is grouped by.
fn grouped_by(key: Typed) -> Typed {
    match &key.expr {
        Expr::Column(column) if key.ty == DuckType::NumericText => {
            let name = Column::new_unqualified(key_name(&column.name));
            Typed::new(Expr::Column(name), DuckType::Blob)
        }
        _ => key,
    }
}

/// `COALESCE(..)`. DuckDB computes what occurs twice in a query ahead, out of COALESCE too, where it
/// may be an error that Postgres never meets; out of CASE it does not.
fn coalesce(args: Vec<Typed>, ty: DuckType) -> Typed {
    let cannot_fail = |arg: &Expr| matches!(arg, Expr::Column(_)) || PgConstant::of(arg).is_some();
    // A constant on a wider decimal, or a scale.
    let is_literal = |arg: &Typed| match DuckFunction::of(&arg.expr) {
        Some((_, [])) => arg.ty == DuckType::Integer,
        Some((_, [inner])) => matches!(arg.ty, DuckType::Decimal(..)) && PgConstant::of(inner).is_some(),
        _ => false,
    };
    if args.iter().skip(1).all(|arg| cannot_fail(&arg.expr) || is_literal(arg)) {
        return duck(format!("coalesce({})", list(args.len())), ty, args);
    }
    let last = args.len() - 1;
    let whens: String = (0..last).map(|i| format!("WHEN {{{i}}} IS NOT NULL THEN {{{i}}} ")).collect();
    duck(format!("CASE {whens}ELSE {{{last}}} END"), ty, args)
}

/// `{0}, {1}, ..` for `count` arguments.
fn list(count: usize) -> String {
    (0..count).map(|i| format!("{{{i}}}")).collect::<Vec<_>>().join(", ")
}

/// `({0} AND {1} AND ..)`.
fn chain(count: usize, separator: &str) -> String {
    format!("({})", (0..count).map(|i| format!("{{{i}}}")).collect::<Vec<_>>().join(separator))
}

/// `a[i]`: DuckDB counts indexes below 1 from the end, Postgres has nothing there.
fn subscript(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    match args.first().map(|array| array.ty.clone()) {
        Some(DuckType::List(element)) => Ok(duck("CASE WHEN {1} >= 1 THEN ({0})[{1}] END", *element, args)),
        _ => unsupported(signature.display.clone(), "it is not over an array"),
    }
}

/// `a[l:u]`, or `a[l:]`: what is before the first element is empty, and NULL anywhere is NULL.
fn slice(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let Some(DuckType::List(element)) = args.first().map(|array| array.ty.clone()) else {
        return unsupported(signature.display.clone(), "it is not over an array");
    };
    let ty = DuckType::List(element);
    let upper = if args.len() > 2 { "{2}" } else { "len({0})" };
    let sql = format!(
        "CASE WHEN {{1}} IS NULL OR {upper} IS NULL THEN NULL WHEN {upper} < 1 THEN CAST([] AS {ty}) \
         ELSE list_slice({{0}}, greatest({{1}}, 1), {upper}) END"
    );
    Ok(duck(sql, ty, args))
}

/// A row count that is not known yet.
fn row_count(what: &str, args: Vec<Typed>) -> Typed {
    let sql = format!("CASE WHEN {{0}} < 0 THEN error('{what} must not be negative') ELSE {{0}} END");
    duck(sql, DuckType::BigInt, args)
}

/// No array of rows is an empty one.
fn or_empty(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    match args.first().map(|array| array.ty.clone()) {
        Some(ty @ DuckType::List(_)) => Ok(duck(format!("coalesce({{0}}, CAST([] AS {ty}))"), ty, args)),
        _ => unsupported(signature.display.clone(), "it is not an array"),
    }
}

/// `NULLIF(a, b)` by the `=` that Postgres chose.
fn nullif(signature: &Signature, function: &str, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let [first, _] = args.as_slice() else {
        return unsupported(signature.display.clone(), "it does not have two arguments");
    };
    let first = first.clone();
    let equal = Signature {
        name: function.to_owned(),
        declared: signature.args.iter().map(|a| a.oid).collect(),
        ..signature.clone()
    };
    let condition = call(&equal, args)?;
    let ty = first.ty.clone();
    Ok(duck("CASE WHEN {0} THEN NULL ELSE {1} END", ty, vec![condition, first]))
}

/// `a IS DISTINCT FROM b`.
fn distinct(args: Vec<Typed>) -> Result<Typed, PlanError> {
    let args = comparison::comparable(args)?;
    Ok(duck("({0} IS DISTINCT FROM {1})", DuckType::Boolean, args))
}
