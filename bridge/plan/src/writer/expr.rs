//! Expressions. Every printed form is a complete term: it needs no parentheses around it.

use std::collections::HashMap;

use bridge_types::names::quote_identifier;
use datafusion_common::Column;
use datafusion_expr::expr::{
    AggregateFunctionParams, Exists, InSubquery, Placeholder, ScalarFunction, SetComparison, SetQuantifier,
    Sort as SortExpr, WindowFunctionParams,
};
use datafusion_expr::{Expr, WindowFrameUnits, WindowFunctionDefinition};

use super::block::query;
use super::bounded;
use crate::DuckType;
use crate::duck::{DuckAggregate, DuckFunction, fill};
use crate::error::{PlanError, malformed};
use crate::frame::{Bound, Exclude, Frame};
use crate::pg::PgConstant;

/// What unqualified names of a level stand for.
pub(super) type Names = HashMap<String, String>;

/// `"alias"."column"`.
pub(super) fn qualified(column: &Column) -> Result<String, PlanError> {
    match &column.relation {
        Some(alias) => Ok(format!("{}.{}", quote_identifier(alias.table()), quote_identifier(&column.name))),
        None => malformed(format!("column {} has no relation", column.name)),
    }
}

/// An expression as SQL.
pub(super) fn expr(expression: &Expr, names: &Names) -> Result<String, PlanError> {
    let sql = match expression {
        Expr::Column(column) if column.relation.is_none() => match names.get(&column.name) {
            Some(definition) => definition.clone(),
            None => return malformed(format!("nothing defines {}", column.name)),
        },
        Expr::Column(column) | Expr::OuterReferenceColumn(_, column) => qualified(column)?,
        Expr::ScalarFunction(call) => scalar(call, names)?,
        Expr::Case(case) => {
            let mut sql = "CASE".to_owned();
            for (when, then) in &case.when_then_expr {
                sql.push_str(&format!(" WHEN {} THEN {}", expr(when, names)?, expr(then, names)?));
            }
            if let Some(otherwise) = &case.else_expr {
                sql.push_str(&format!(" ELSE {}", expr(otherwise, names)?));
            }
            sql + " END"
        }
        Expr::Placeholder(Placeholder { id, field }) => match field.as_deref().and_then(DuckType::of_field) {
            Some(ty) => format!("CAST({id} AS {ty})"),
            None => return malformed(format!("parameter {id} of no known type")),
        },
        Expr::Exists(Exists { subquery, negated }) => {
            let not = if *negated { "NOT " } else { "" };
            format!("({not}EXISTS ({}))", query(&subquery.subquery)?)
        }
        Expr::ScalarSubquery(subquery) => format!("({})", query(&subquery.subquery)?),
        Expr::InSubquery(InSubquery { expr: value, subquery, negated }) => {
            let not = if *negated { "NOT " } else { "" };
            format!("({} {not}IN ({}))", expr(value, names)?, query(&subquery.subquery)?)
        }
        Expr::SetComparison(SetComparison { expr: value, subquery, op, quantifier }) => {
            let word = match quantifier {
                SetQuantifier::Any => "ANY",
                SetQuantifier::All => "ALL",
            };
            format!("({} {op} {word} ({}))", expr(value, names)?, query(&subquery.subquery)?)
        }
        Expr::AggregateFunction(call) => {
            let Some(function) = DuckAggregate::of(call) else {
                return malformed(format!("aggregate {} was not rewritten", call.func.name()));
            };
            let AggregateFunctionParams { args, distinct, filter, order_by, .. } = &call.params;
            let call = aggregate(&function.name, args, *distinct, order_by, names)?;
            format!("{call}{}", filter_clause(filter.as_deref(), names)?)
        }
        Expr::WindowFunction(call) => {
            let WindowFunctionDefinition::AggregateUDF(udf) = &call.fun else {
                return malformed(format!("window function {} was not rewritten", call.fun.name()));
            };
            let Some(function) = udf.inner().downcast_ref::<DuckAggregate>() else {
                return malformed(format!("window function {} was not rewritten", call.fun.name()));
            };
            window(function, &call.params, names)?
        }
        other => return malformed(format!("the writer does not know the expression {other}")),
    };
    bounded(sql)
}

/// Expressions separated by commas.
pub(super) fn list(exprs: &[Expr], names: &Names) -> Result<String, PlanError> {
    let items = exprs.iter().map(|item| expr(item, names)).collect::<Result<Vec<_>, _>>()?;
    Ok(items.join(", "))
}

fn scalar(call: &ScalarFunction, names: &Names) -> Result<String, PlanError> {
    if let Some(constant) = call.func.inner().downcast_ref::<PgConstant>() {
        return constant.sql();
    }
    let Some(function) = call.func.inner().downcast_ref::<DuckFunction>() else {
        return malformed(format!("function {} was not rewritten", call.func.name()));
    };
    let args = call.args.iter().map(|arg| expr(arg, names)).collect::<Result<Vec<_>, _>>()?;
    let sql = fill(&function.template, &args);
    // CASE is the one template that is no term by itself.
    Ok(if sql.starts_with("CASE ") { format!("({sql})") } else { sql })
}

fn aggregate(
    name: &str,
    args: &[Expr],
    distinct: bool,
    order_by: &[SortExpr],
    names: &Names,
) -> Result<String, PlanError> {
    if args.is_empty() && name == "count" {
        return Ok("count(*)".to_owned());
    }
    let distinct = if distinct { "DISTINCT " } else { "" };
    let order = if order_by.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", sort_list(order_by, names)?)
    };
    Ok(format!("{name}({distinct}{}{order})", list(args, names)?))
}

fn filter_clause(filter: Option<&Expr>, names: &Names) -> Result<String, PlanError> {
    match filter {
        Some(condition) => Ok(format!(" FILTER (WHERE {})", expr(condition, names)?)),
        None => Ok(String::new()),
    }
}

/// Direction and null order are always written out: DuckDB's defaults differ.
pub(super) fn sort_suffix(key: &SortExpr) -> &'static str {
    match (key.asc, key.nulls_first) {
        (true, true) => "ASC NULLS FIRST",
        (true, false) => "ASC NULLS LAST",
        (false, true) => "DESC NULLS FIRST",
        (false, false) => "DESC NULLS LAST",
    }
}

fn sort_list(keys: &[SortExpr], names: &Names) -> Result<String, PlanError> {
    let keys = keys
        .iter()
        .map(|key| Ok(format!("{} {}", expr(&key.expr, names)?, sort_suffix(key))))
        .collect::<Result<Vec<_>, PlanError>>()?;
    Ok(keys.join(", "))
}

fn window(
    function: &DuckAggregate,
    params: &WindowFunctionParams,
    names: &Names,
) -> Result<String, PlanError> {
    let call = aggregate(&function.name, &params.args, params.distinct, &[], names)?;
    let filter = filter_clause(params.filter.as_deref(), names)?;
    let mut over = Vec::new();
    if !params.partition_by.is_empty() {
        over.push(format!("PARTITION BY {}", list(&params.partition_by, names)?));
    }
    if !params.order_by.is_empty() {
        over.push(format!("ORDER BY {}", sort_list(&params.order_by, names)?));
    }
    match &function.frame {
        Some(by) => over.push(frame(by, names)?),
        None => return malformed(format!("window function {} without a frame", function.name)),
    }
    Ok(format!("{call}{filter} OVER ({})", over.join(" ")))
}

fn frame(frame: &Frame, names: &Names) -> Result<String, PlanError> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => "GROUPS",
    };
    let bound = |bound: &Bound, unbounded: &str| {
        Ok::<_, PlanError>(match bound {
            Bound::Unbounded => unbounded.to_owned(),
            Bound::CurrentRow => "CURRENT ROW".to_owned(),
            Bound::Preceding(offset) => format!("{} PRECEDING", expr(offset, names)?),
            Bound::Following(offset) => format!("{} FOLLOWING", expr(offset, names)?),
        })
    };
    let exclude = match frame.exclude {
        Exclude::NoOthers => "",
        Exclude::CurrentRow => " EXCLUDE CURRENT ROW",
        Exclude::Group => " EXCLUDE GROUP",
        Exclude::Ties => " EXCLUDE TIES",
    };
    let start = bound(&frame.start, "UNBOUNDED PRECEDING")?;
    let end = bound(&frame.end, "UNBOUNDED FOLLOWING")?;
    Ok(format!("{units} BETWEEN {start} AND {end}{exclude}"))
}
