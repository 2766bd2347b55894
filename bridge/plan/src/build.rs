//! Constructors of plan nodes from expressions whose types are already known.
//!
//! DataFusion's own constructors infer types from expressions, for which opaque functions would
//! have to be resolved again and again; here schemas are put together from carriers.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion_common::{Column, DFSchema, DFSchemaRef, NullEquality, Result, TableReference};
use datafusion_expr::expr::Sort as SortExpr;
use datafusion_expr::logical_plan::{
    Aggregate, Distinct, DistinctOn, Filter, Projection, SubqueryAlias, Window,
};
use datafusion_expr::{EmptyRelation, Expr, Join, JoinConstraint, JoinType, Limit, LogicalPlan, Sort};

use crate::DuckType;
use crate::duck::Typed;

/// Name of the `index`-th output column of a query level.
#[must_use]
pub fn column_name(index: usize) -> String {
    format!("c{index}")
}

/// A reference to a column of a relation.
#[must_use]
pub fn qualified(alias: &str, name: &str) -> Column {
    Column::new(Some(TableReference::bare(alias)), name)
}

/// A reference to a computed column (group key, aggregate, window, output).
#[must_use]
pub fn unqualified(name: &str) -> Column {
    Column::new_unqualified(name)
}

/// The schema of a leaf: all columns under one alias.
pub(crate) fn leaf_schema(alias: &str, columns: &[(String, DuckType)]) -> Result<DFSchemaRef> {
    let alias = TableReference::bare(alias);
    let fields = columns.iter().map(|(name, ty)| (Some(alias.clone()), ty.field(name))).collect();
    Ok(Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?))
}

/// The schema of a query's output: `c0`.. of these types.
pub(crate) fn projection_schema(types: &[DuckType]) -> Result<DFSchema> {
    let fields = types.iter().enumerate().map(|(i, ty)| (None, ty.field(&column_name(i)))).collect();
    DFSchema::new_with_metadata(fields, HashMap::new())
}

/// The carriers of a plan's columns. Schemas that were not built here yield `None`.
#[must_use]
pub fn types_of(plan: &LogicalPlan) -> Option<Vec<DuckType>> {
    plan.schema().fields().iter().map(|field| DuckType::of_field(field)).collect()
}

/// A SELECT without FROM has one row of no columns below it.
#[must_use]
pub fn one_row() -> LogicalPlan {
    LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: true, schema: Arc::new(DFSchema::empty()) })
}

/// `input` under `alias`: a query level in FROM.
pub fn subquery_alias(input: LogicalPlan, alias: &str) -> Result<LogicalPlan> {
    Ok(LogicalPlan::SubqueryAlias(SubqueryAlias::try_new(Arc::new(input), TableReference::bare(alias))?))
}

/// Rows for which the predicate is true.
pub fn filter(input: LogicalPlan, predicate: Expr) -> Result<LogicalPlan> {
    // DataFusion infers the type of the predicate it is given; ours is put in afterwards.
    let mut filter = Filter::try_new(datafusion_expr::lit(true), Arc::new(input))?;
    filter.predicate = predicate;
    Ok(LogicalPlan::Filter(filter))
}

/// A join; without a condition, the cross product. Its schema is empty: columns are found by
/// the alias they are qualified with, and putting all of them together again costs more than
/// everything else.
#[must_use]
pub fn join(
    left: LogicalPlan,
    right: LogicalPlan,
    join_type: JoinType,
    condition: Option<Expr>,
) -> LogicalPlan {
    LogicalPlan::Join(Join {
        left: Arc::new(left),
        right: Arc::new(right),
        on: Vec::new(),
        filter: condition,
        join_type,
        join_constraint: JoinConstraint::On,
        schema: Arc::new(DFSchema::empty()),
        null_equality: NullEquality::NullEqualsNothing,
        null_aware: false,
    })
}

/// Named expressions -> aliased expressions and fields.
fn named(
    items: Vec<(String, Typed)>,
) -> (Vec<Expr>, Vec<(Option<TableReference>, arrow::datatypes::FieldRef)>) {
    items
        .into_iter()
        .map(|(name, typed)| {
            let field = typed.ty.field(&name);
            (typed.expr.alias(name), (None, field))
        })
        .unzip()
}

/// Groups and aggregates, each under its own name.
pub fn aggregate(
    input: LogicalPlan,
    groups: Vec<(String, Typed)>,
    aggregates: Vec<(String, Typed)>,
) -> Result<LogicalPlan> {
    let (group_expr, mut fields) = named(groups);
    let (aggr_expr, more) = named(aggregates);
    fields.extend(more);
    let schema = Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?);
    Ok(LogicalPlan::Aggregate(Aggregate::try_new_with_schema(
        Arc::new(input),
        group_expr,
        aggr_expr,
        schema,
    )?))
}

/// Window functions, each under its own name, added to the input's columns.
pub fn window(input: LogicalPlan, windows: Vec<(String, Typed)>) -> Result<LogicalPlan> {
    let (window_expr, added) = named(windows);
    let mut fields: Vec<_> =
        input.schema().iter().map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field))).collect();
    fields.extend(added);
    let schema = Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?);
    Ok(LogicalPlan::Window(Window::try_new_with_schema(window_expr, Arc::new(input), schema)?))
}

/// The output columns of a query level, named `c0`.. .
pub fn project(input: LogicalPlan, outputs: Vec<Typed>) -> Result<LogicalPlan> {
    let outputs = outputs.into_iter().enumerate().map(|(i, typed)| (column_name(i), typed)).collect();
    let (exprs, fields) = named(outputs);
    let schema = Arc::new(DFSchema::new_with_metadata(fields, HashMap::new())?);
    Ok(LogicalPlan::Projection(Projection::try_new_with_schema(exprs, Arc::new(input), schema)?))
}

/// The first `count` columns of a query level: what is left when helper columns of ORDER BY go.
pub fn keep_first(input: LogicalPlan, count: usize) -> Result<LogicalPlan> {
    let types = types_of(&input).unwrap_or_default();
    let outputs = types
        .into_iter()
        .take(count)
        .enumerate()
        .map(|(i, ty)| Typed::new(Expr::Column(unqualified(&column_name(i))), ty))
        .collect();
    project(input, outputs)
}

/// DISTINCT over all columns.
#[must_use]
pub fn distinct(input: LogicalPlan) -> LogicalPlan {
    LogicalPlan::Distinct(Distinct::All(Arc::new(input)))
}

/// DISTINCT ON over some output columns; the order that picks the rows is the sort above it.
#[must_use]
pub fn distinct_on(input: LogicalPlan, on: Vec<Expr>) -> LogicalPlan {
    let schema = Arc::clone(input.schema());
    LogicalPlan::Distinct(Distinct::On(DistinctOn {
        on_expr: on,
        select_expr: Vec::new(),
        sort_expr: None,
        input: Arc::new(input),
        schema,
    }))
}

/// ORDER BY output columns.
#[must_use]
pub fn sort(input: LogicalPlan, keys: Vec<SortExpr>) -> LogicalPlan {
    LogicalPlan::Sort(Sort { expr: keys, input: Arc::new(input), fetch: None })
}

/// LIMIT and OFFSET.
#[must_use]
pub fn limit(input: LogicalPlan, skip: Option<Expr>, fetch: Option<Expr>) -> LogicalPlan {
    LogicalPlan::Limit(Limit { skip: skip.map(Box::new), fetch: fetch.map(Box::new), input: Arc::new(input) })
}
