//! Function and operator mapping by exact signature, constants and parameters included.
//!
//! One walk from the leaves up: each expression becomes a [`Typed`] one, each node is rebuilt
//! with a schema of carriers. Columns are looked up by (alias, name), which is unique in the
//! statement; a query level's own outputs `c0`.. are read by the nodes right above it only, so
//! that the next level's may replace them.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion_common::Column;
use datafusion_expr::expr::{
    AggregateFunction, AggregateFunctionParams, Alias, Case, Exists, InSubquery, Placeholder, ScalarFunction,
    SetComparison, Sort as SortExpr, WindowFunction, WindowFunctionParams,
};
use datafusion_expr::logical_plan::{Distinct, Subquery};
use datafusion_expr::{Expr, LogicalPlan, WindowFunctionDefinition};

use crate::DuckType;
use crate::build;
use crate::duck::{DuckAggregate, DuckFunction, Scaled, Typed, duck};
use crate::error::{PlanError, malformed, unsupported};
use crate::frame::Frame;
use crate::functions;
use crate::nodes::{
    CteDefinition, CteScan, FeedScan, GroupingSets, Relation, SetOperation, SetOperator, TableFunction,
    ValuesList, With, node_of,
};
use crate::pg::{PgAggregate, PgConstant, PgFunction, Signature};

/// `int4div(a, b)`  ==>  `CASE WHEN b = 0 THEN error(..) ELSE a // b END`, and so on.
///
/// With `short`, arithmetic below aggregates may overflow 64 bits; true if some may.
pub(super) fn apply(plan: LogicalPlan, short: bool) -> Result<(LogicalPlan, bool), PlanError> {
    let mut rewriter = Rewriter { short, ..Rewriter::default() };
    let plan = rewriter.plan(plan)?;
    Ok((plan, rewriter.may_overflow))
}

/// DuckDB aggregates whose result does not depend on the order of rows.
const ORDERLESS: [&str; 8] = [
    "bool_and",
    "bool_or",
    "count",
    "histogram",
    "max",
    "min",
    // DuckDB gives it the states of a sorted aggregate in a form that it cannot read.
    "pg_numeric_sum",
    "quantile_disc",
];

#[derive(Default)]
struct Rewriter {
    /// Carriers of all columns in reach.
    columns: HashMap<Column, DuckType>,
    /// Carriers of the outputs of each CTE.
    ctes: HashMap<String, Vec<DuckType>>,
    /// The aggregate at hand has several sets of keys.
    several_sets: bool,
    /// Arithmetic that feeds an aggregate may be in 64 bits: before it has ended there is no result.
    short: bool,
    below_aggregate: bool,
    /// Some is.
    may_overflow: bool,
}

/// The only owner of a plan takes it, others get a copy.
fn own(plan: Arc<LogicalPlan>) -> LogicalPlan {
    Arc::unwrap_or_clone(plan)
}

impl Rewriter {
    fn plan(&mut self, plan: LogicalPlan) -> Result<LogicalPlan, PlanError> {
        let rewritten = self.node(plan)?;
        // These pass on what is known from below.
        let passes_on =
            matches!(rewritten, LogicalPlan::Filter(_) | LogicalPlan::Join(_) | LogicalPlan::Subquery(_));
        if passes_on {
            return Ok(rewritten);
        }
        // What others produce can be referred to from now on.
        for (qualifier, field) in rewritten.schema().iter() {
            if let Some(ty) = DuckType::of_field(field) {
                self.columns.insert(Column::new(qualifier.cloned(), field.name()), ty);
            }
        }
        Ok(rewritten)
    }

    fn node(&mut self, plan: LogicalPlan) -> Result<LogicalPlan, PlanError> {
        Ok(match plan {
            LogicalPlan::EmptyRelation(_) => plan,
            LogicalPlan::SubqueryAlias(node) => {
                let input = self.plan(own(node.input))?;
                build::subquery_alias(input, node.alias.table())?
            }
            LogicalPlan::Subquery(node) => {
                let subquery = self.plan(own(node.subquery))?;
                LogicalPlan::Subquery(Subquery { subquery: Arc::new(subquery), ..node })
            }
            LogicalPlan::Filter(node) => {
                let input = self.plan(own(node.input))?;
                let predicate = self.expr(node.predicate)?;
                build::filter(input, predicate.expr)?
            }
            LogicalPlan::Join(node) => {
                let left = self.plan(own(node.left))?;
                let right = self.plan(own(node.right))?;
                let condition = node.filter.map(|filter| self.expr(filter)).transpose()?;
                build::join(left, right, node.join_type, condition.map(|typed| typed.expr))
            }
            LogicalPlan::Aggregate(node) => {
                let outside = std::mem::replace(&mut self.below_aggregate, true);
                let input = self.plan(own(node.input))?;
                let aggregate = self.aggregate(input, node.group_expr, node.aggr_expr)?;
                self.below_aggregate = outside;
                aggregate
            }
            LogicalPlan::Window(node) => {
                let input = self.plan(own(node.input))?;
                let windows =
                    node.window_expr.into_iter().map(|expr| self.named(expr)).collect::<Result<_, _>>()?;
                build::window(input, windows)?
            }
            LogicalPlan::Projection(node) => {
                let input = self.plan(own(node.input))?;
                let outputs = node.expr.into_iter().map(|expr| Ok(self.named(expr)?.1)).collect::<Result<
                    _,
                    PlanError,
                >>(
                )?;
                build::project(input, outputs)?
            }
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let input = self.plan(own(input))?;
                distinct(input)?
            }
            LogicalPlan::Distinct(Distinct::On(node)) => {
                let input = self.plan(own(node.input))?;
                let on = node
                    .on_expr
                    .into_iter()
                    .map(|expr| Ok(functions::equality_key(self.expr(expr)?).expr))
                    .collect::<Result<_, PlanError>>()?;
                build::distinct_on(input, on)
            }
            LogicalPlan::Sort(node) => {
                let input = self.plan(own(node.input))?;
                build::sort(input, self.sort_keys(node.expr)?)
            }
            LogicalPlan::Limit(node) => {
                let input = self.plan(own(node.input))?;
                let skip = node.skip.map(|expr| Ok::<_, PlanError>(self.expr(*expr)?.expr)).transpose()?;
                let fetch = node.fetch.map(|expr| Ok::<_, PlanError>(self.expr(*expr)?.expr)).transpose()?;
                build::limit(input, skip, fetch)
            }
            LogicalPlan::Extension(_) => self.extension(plan)?,
            other => return malformed(format!("the rules do not know {}", other.display())),
        })
    }

    fn extension(&mut self, plan: LogicalPlan) -> Result<LogicalPlan, PlanError> {
        let is_source = node_of::<Relation>(&plan).is_some()
            || node_of::<FeedScan>(&plan).is_some()
            || node_of::<TableFunction>(&plan).is_some();
        if is_source {
            return Ok(plan);
        }
        if let Some(values) = node_of::<ValuesList>(&plan) {
            return self.values(values.clone());
        }
        if let Some(set) = node_of::<SetOperation>(&plan) {
            return self.set_operation(set.clone());
        }
        if let Some(scan) = node_of::<CteScan>(&plan) {
            let Some(types) = self.ctes.get(&scan.cte) else {
                return malformed(format!("no definition of {}", scan.cte));
            };
            return Ok(CteScan::plan(&scan.cte, &scan.alias, &output_columns(types))?);
        }
        if let Some(with) = node_of::<With>(&plan) {
            return self.with(with);
        }
        if let Some(sets) = node_of::<GroupingSets>(&plan) {
            let (sets, inputs) = (sets.sets.clone(), sets.inputs.clone());
            let Some(input) = inputs.into_iter().next() else {
                return malformed("grouping sets of nothing");
            };
            self.several_sets = true;
            let input = self.plan(input)?;
            return Ok(GroupingSets::plan(sets, input));
        }
        malformed(format!("the rules do not know {}", plan.display()))
    }

    fn with(&mut self, with: &With) -> Result<LogicalPlan, PlanError> {
        let (definitions, body) = with.parts();
        let mut rewritten: Vec<(CteDefinition, LogicalPlan)> = Vec::with_capacity(definitions.len());
        for (definition, query) in definitions {
            let query = if definition.recursive {
                self.recursive(&definition.name, query)?
            } else {
                self.plan(query.clone())?
            };
            let Some(types) = build::types_of(&query) else {
                return malformed("a CTE has outputs of no known type");
            };
            self.ctes.insert(definition.name.clone(), types);
            rewritten.push((definition.clone(), query));
        }
        let body = self.plan(body.clone())?;
        Ok(With::plan(rewritten, body))
    }

    /// A definition that refers to itself: both sides of its union are cast to the declared
    /// carriers, since what the right side computes is what it reads in the next round.
    fn recursive(&mut self, name: &str, query: &LogicalPlan) -> Result<LogicalPlan, PlanError> {
        let (Some(set), Some(types)) = (node_of::<SetOperation>(query), build::types_of(query)) else {
            return unsupported("WITH RECURSIVE", "the recursive query has a WITH of its own");
        };
        if !set.all && types.contains(&DuckType::NumericText) {
            return unsupported("WITH RECURSIVE .. UNION", "a column is a numeric of unknown scale");
        }
        self.ctes.insert(name.to_owned(), types.clone());
        let mut sides = Vec::with_capacity(set.inputs.len());
        for side in &set.inputs {
            sides.push(as_types(self.plan(side.clone())?, &types)?);
        }
        let (Some(right), Some(left)) = (sides.pop(), sides.pop()) else {
            return malformed("a set operation without two inputs");
        };
        Ok(SetOperation::plan(set.operator, set.all, left, right, &types)?)
    }

    fn values(&mut self, values: ValuesList) -> Result<LogicalPlan, PlanError> {
        let mut columns: Vec<Vec<Typed>> = Vec::new();
        for row in values.rows {
            for (i, expr) in row.into_iter().enumerate() {
                let typed = self.expr(expr)?;
                match columns.get_mut(i) {
                    Some(column) => column.push(typed),
                    None => columns.push(vec![typed]),
                }
            }
        }
        let mut types = Vec::with_capacity(columns.len());
        let mut rows: Vec<Vec<Expr>> = Vec::new();
        for column in columns {
            let (column, ty) = functions::unify(column)?;
            types.push(ty);
            rows.resize_with(column.len(), Vec::new);
            for (row, typed) in rows.iter_mut().zip(column) {
                row.push(typed.expr);
            }
        }
        Ok(ValuesList::plan(rows, &values.alias, &output_columns(&types))?)
    }

    fn set_operation(&mut self, set: SetOperation) -> Result<LogicalPlan, PlanError> {
        let (operator, all) = (set.operator, set.all);
        let mut inputs =
            set.inputs.into_iter().map(|input| self.plan(input)).collect::<Result<Vec<_>, _>>()?.into_iter();
        let (Some(left), Some(right)) = (inputs.next(), inputs.next()) else {
            return malformed("a set operation without two inputs");
        };
        let (Some(left_types), Some(right_types)) = (build::types_of(&left), build::types_of(&right)) else {
            return malformed("a set operation over outputs of no known type");
        };
        // Where Postgres left a conversion to its planner, the declared type says to what.
        let declared = set.schema.fields().iter().map(|field| DuckType::of_field(field));
        let union = operator == SetOperator::Union;
        let mut types = Vec::with_capacity(left_types.len());
        for ((l, r), declared) in left_types.into_iter().zip(right_types).zip(declared) {
            types.push(common_type(l, r, declared)?);
        }
        if !union && types.contains(&DuckType::NumericText) {
            return unsupported("INTERSECT or EXCEPT", "a column has numerics of different scales");
        }
        let left = as_types(left, &types)?;
        let right = as_types(right, &types)?;
        if union && !all && types.contains(&DuckType::NumericText) {
            return distinct(SetOperation::plan(operator, true, left, right, &types)?);
        }
        Ok(SetOperation::plan(operator, all, left, right, &types)?)
    }

    /// A group by a numeric text is a group by its sort key that shows its first value.
    fn aggregate(
        &mut self,
        input: LogicalPlan,
        groups: Vec<Expr>,
        aggregates: Vec<Expr>,
    ) -> Result<LogicalPlan, PlanError> {
        let several_sets = std::mem::take(&mut self.several_sets);
        let mut keys = Vec::with_capacity(groups.len());
        let mut values = Vec::with_capacity(aggregates.len());
        for group in groups {
            let (name, typed) = self.named(group)?;
            if typed.ty == DuckType::NumericText {
                let key = functions::key_name(&name);
                keys.push((key.clone(), functions::equality_key(typed.clone())));
                let first = AggregateFunction::new_udf(
                    DuckAggregate::udf("first", typed.ty.clone()),
                    vec![typed.expr],
                    false,
                    None,
                    Vec::new(),
                    None,
                );
                let mut value = Typed::new(Expr::AggregateFunction(first), DuckType::NumericText);
                if several_sets {
                    let key = Typed::new(Expr::Column(build::unqualified(&key)), DuckType::Blob);
                    let sql = "CASE WHEN grouping({0}) = 0 THEN {1} END";
                    value = duck(sql, DuckType::NumericText, vec![key, value]);
                }
                values.push((name, value));
            } else {
                keys.push((name, typed));
            }
        }
        for aggregate in aggregates {
            values.push(self.named(aggregate)?);
        }
        Ok(build::aggregate(input, keys, values)?)
    }

    fn named(&mut self, expr: Expr) -> Result<(String, Typed), PlanError> {
        match expr {
            Expr::Alias(Alias { expr, name, .. }) => Ok((name, self.expr(*expr)?)),
            other => malformed(format!("an output without a name: {other}")),
        }
    }

    fn sort_keys(&mut self, keys: Vec<SortExpr>) -> Result<Vec<SortExpr>, PlanError> {
        keys.into_iter()
            .map(|key| Ok(SortExpr { expr: functions::sort_key(self.expr(key.expr)?).expr, ..key }))
            .collect()
    }

    fn exprs(&mut self, exprs: Vec<Expr>) -> Result<Vec<Typed>, PlanError> {
        exprs.into_iter().map(|expr| self.expr(expr)).collect()
    }

    fn column(&self, column: &Column) -> Result<DuckType, PlanError> {
        match self.columns.get(column) {
            Some(ty) => Ok(ty.clone()),
            None => malformed(format!("unknown column {column}")),
        }
    }

    fn expr(&mut self, expr: Expr) -> Result<Typed, PlanError> {
        Ok(match expr {
            Expr::Column(column) => {
                let ty = self.column(&column)?;
                Typed::new(Expr::Column(column), ty)
            }
            Expr::OuterReferenceColumn(_, column) => {
                let ty = self.column(&column)?;
                Typed::new(Expr::OuterReferenceColumn(ty.field(&column.name), column), ty)
            }
            Expr::ScalarFunction(ScalarFunction { func, args }) => {
                if let Some(function) = func.inner().downcast_ref::<PgFunction>() {
                    let mut args = self.exprs(args)?;
                    if let Some(wide) = functions::widened(&function.signature, &args) {
                        if self.short && self.below_aggregate {
                            self.may_overflow = true;
                        } else {
                            args = wide;
                        }
                    }
                    return functions::rewrite(function, args);
                }
                if let Some(constant) = func.inner().downcast_ref::<PgConstant>() {
                    let ty = constant.duck_type()?;
                    return Ok(Typed::new(Expr::ScalarFunction(ScalarFunction { func, args }), ty));
                }
                let Some(ty) =
                    func.inner().downcast_ref::<DuckFunction>().map(|function| function.ty.clone())
                else {
                    return malformed(format!("foreign function {}", func.name()));
                };
                Typed::new(Expr::ScalarFunction(ScalarFunction { func, args }), ty)
            }
            Expr::Case(case) => self.case(case)?,
            Expr::IsNull(inner) => {
                let inner = self.expr(*inner)?;
                duck("({0} IS NULL)", DuckType::Boolean, vec![inner])
            }
            Expr::IsNotNull(inner) => {
                let inner = self.expr(*inner)?;
                duck("({0} IS NOT NULL)", DuckType::Boolean, vec![inner])
            }
            Expr::Placeholder(Placeholder { id, field }) => {
                let Some(ty) = field.as_deref().and_then(DuckType::of_field) else {
                    return malformed(format!("parameter {id} of no known type"));
                };
                let field = Some(ty.field(&id));
                Typed::new(Expr::Placeholder(Placeholder { id, field }), ty)
            }
            Expr::Exists(Exists { subquery, negated }) => {
                let subquery = self.subquery(subquery)?;
                Typed::new(Expr::Exists(Exists { subquery, negated }), DuckType::Boolean)
            }
            Expr::ScalarSubquery(subquery) => {
                let subquery = self.subquery(subquery)?;
                let ty = single_type(&subquery)?;
                Typed::new(Expr::ScalarSubquery(subquery), ty)
            }
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                let (expr, subquery) = self.against_subquery(*expr, subquery)?;
                Typed::new(
                    Expr::InSubquery(InSubquery { expr: Box::new(expr), subquery, negated }),
                    DuckType::Boolean,
                )
            }
            Expr::SetComparison(SetComparison { expr, subquery, op, quantifier }) => {
                let (expr, subquery) = self.against_subquery(*expr, subquery)?;
                let comparison = SetComparison { expr: Box::new(expr), subquery, op, quantifier };
                Typed::new(Expr::SetComparison(comparison), DuckType::Boolean)
            }
            Expr::AggregateFunction(call) => self.aggregate_call(call)?,
            Expr::WindowFunction(call) => self.window_call(*call)?,
            other => return malformed(format!("the rules do not know the expression {other}")),
        })
    }

    fn case(&mut self, case: Case) -> Result<Typed, PlanError> {
        if case.expr.is_some() {
            return malformed("CASE with an argument");
        }
        let mut conditions = Vec::with_capacity(case.when_then_expr.len());
        let mut results = Vec::with_capacity(case.when_then_expr.len() + 1);
        for (when, then) in case.when_then_expr {
            conditions.push(self.expr(*when)?.expr);
            results.push(self.expr(*then)?);
        }
        let has_else = case.else_expr.is_some();
        if let Some(otherwise) = case.else_expr {
            results.push(self.expr(*otherwise)?);
        }
        let make = |results: Vec<Typed>, ty: DuckType| {
            let mut results: Vec<Box<Expr>> = results.into_iter().map(|typed| Box::new(typed.expr)).collect();
            let else_expr = if has_else { results.pop() } else { None };
            let conditions = conditions.iter().cloned().map(Box::new);
            let when_then_expr = conditions.zip(results).collect();
            Typed::new(Expr::Case(Case { expr: None, when_then_expr, else_expr }), ty)
        };
        functions::one_of(results, false, make)
    }

    fn subquery(&mut self, subquery: Subquery) -> Result<Subquery, PlanError> {
        let plan = self.plan(own(subquery.subquery))?;
        Ok(Subquery { subquery: Arc::new(plan), ..subquery })
    }

    /// `expr` compared with the single column of a subquery: both must have carriers that
    /// DuckDB compares as Postgres does.
    fn against_subquery(&mut self, expr: Expr, subquery: Subquery) -> Result<(Expr, Subquery), PlanError> {
        let left = self.expr(expr)?;
        let subquery = self.subquery(subquery)?;
        let column = Expr::Column(build::unqualified(&build::column_name(0)));
        let right = Typed::new(column.clone(), single_type(&subquery)?);
        let (left, right) = functions::comparable_pair(left, right)?;
        if right.expr == column {
            return Ok((left.expr, subquery));
        }
        let plan = build::project(own(subquery.subquery), vec![right])?;
        Ok((left.expr, Subquery { subquery: Arc::new(plan), ..subquery }))
    }

    fn aggregate_call(&mut self, call: AggregateFunction) -> Result<Typed, PlanError> {
        let AggregateFunction { func, params } = call;
        let Some(signature) = func.inner().downcast_ref::<PgAggregate>().map(|f| f.signature.clone()) else {
            return malformed(format!("foreign aggregate {}", func.name()));
        };
        let AggregateFunctionParams { args, distinct, filter, order_by, null_treatment } = params;
        let args = self.exprs(args)?;
        let filter = filter.map(|f| Ok::<_, PlanError>(Box::new(self.expr(*f)?.expr))).transpose()?;
        let mut order_by = self.sort_keys(order_by)?;
        let ordered_set = functions::is_ordered_set(&signature);
        // Direct arguments are of the group, not of its rows.
        let direct = if ordered_set { args.len().saturating_sub(1) } else { 0 };
        let args = match filter.as_deref() {
            Some(filter) => {
                let mut guarded = args.clone();
                for arg in guarded.iter_mut().skip(direct) {
                    *arg = only_where(filter, arg.clone());
                }
                // DISTINCT wants the sort keys to be arguments: guard them alike.
                for key in &mut order_by {
                    if let Some(index) = args.iter().position(|arg| arg.expr == key.expr) {
                        key.expr = guarded[index].expr.clone();
                    }
                }
                guarded
            }
            None => args,
        };
        check_distinct(&signature, distinct, &args)?;
        let make = |name: &str, ty: DuckType, args: Vec<Typed>| {
            let args = args.into_iter().map(|arg| arg.expr).collect();
            let udf = DuckAggregate::udf(name, ty.clone());
            // An order that changes nothing would cost a sort.
            let order_by = if ORDERLESS.contains(&name) { Vec::new() } else { order_by.clone() };
            let call =
                AggregateFunction::new_udf(udf, args, distinct, filter.clone(), order_by, null_treatment);
            Typed::new(Expr::AggregateFunction(call), ty)
        };
        if ordered_set {
            let ascending = order_by.first().is_none_or(|key| key.asc);
            return functions::rewrite_ordered_set(&signature, args, ascending, &make);
        }
        functions::rewrite_aggregate(&signature, args, distinct, &make)
    }

    fn window_call(&mut self, call: WindowFunction) -> Result<Typed, PlanError> {
        let WindowFunction { fun, params } = call;
        let signature = match &fun {
            WindowFunctionDefinition::AggregateUDF(udf) => {
                udf.inner().downcast_ref::<PgAggregate>().map(|f| (f.signature.clone(), f.frame.clone()))
            }
            WindowFunctionDefinition::WindowUDF(_) => None,
        };
        let Some((signature, Some(frame))) = signature else {
            return malformed(format!("foreign window function {}", fun.name()));
        };
        let args = self.exprs(params.args)?;
        let partition_by: Vec<Expr> = params
            .partition_by
            .into_iter()
            .map(|expr| Ok(functions::equality_key(self.expr(expr)?).expr))
            .collect::<Result<_, PlanError>>()?;
        let (order_by, frame) = if frame.is_by_value() {
            self.range_frame(params.order_by, frame)?
        } else {
            (self.sort_keys(params.order_by)?, frame)
        };
        let filter = params.filter.map(|f| Ok::<_, PlanError>(Box::new(self.expr(*f)?.expr))).transpose()?;
        let make = |name: &str, ty: DuckType, args: Vec<Typed>| {
            let own = name.starts_with("pg_");
            let frame = if own { frame.for_own_aggregate(order_by.is_empty()) } else { frame.clone() };
            let call = WindowFunction {
                fun: WindowFunctionDefinition::AggregateUDF(DuckAggregate::window(
                    name,
                    ty.clone(),
                    frame.clone(),
                )),
                params: WindowFunctionParams {
                    args: args.into_iter().map(|arg| arg.expr).collect(),
                    partition_by: partition_by.clone(),
                    order_by: order_by.clone(),
                    window_frame: frame.displayed(),
                    filter: filter.clone(),
                    null_treatment: params.null_treatment,
                    distinct: params.distinct,
                },
            };
            Typed::new(Expr::WindowFunction(Box::new(call)), ty)
        };
        functions::rewrite_aggregate(&signature, args, params.distinct, &make)
    }
}

impl Rewriter {
    /// A frame bounded by values, and the single key it adds offsets to.
    fn range_frame(
        &mut self,
        order_by: Vec<SortExpr>,
        frame: Frame,
    ) -> Result<(Vec<SortExpr>, Frame), PlanError> {
        let [key] = order_by.as_slice() else {
            return malformed("a frame with value offsets without exactly one key");
        };
        let value = self.expr(key.expr.clone())?;
        let mut offsets = Vec::new();
        for offset in [frame.start.offset(), frame.end.offset()].into_iter().flatten() {
            offsets.push(self.expr(offset.clone())?);
        }
        let (value, offsets) = functions::range_operands(value, offsets)?;
        let mut offsets = offsets.into_iter();
        let mut next = |_| offsets.next().map(|offset| offset.expr).ok_or(());
        let (start, end) = (frame.start.try_map(&mut next), frame.end.try_map(&mut next));
        let (Ok(start), Ok(end)) = (start, end) else {
            return malformed("a frame lost an offset");
        };
        let key = SortExpr { expr: value.expr, ..key.clone() };
        Ok((vec![key], Frame { start, end, ..frame }))
    }
}

/// `arg` FILTER (WHERE filter)  ==>  `CASE WHEN filter THEN arg END`: DuckDB computes arguments
/// before it filters, and an argument may be an error where the filter is false.
fn only_where(filter: &Expr, arg: Typed) -> Typed {
    if matches!(arg.expr, Expr::Column(_)) || PgConstant::of(&arg.expr).is_some() {
        return arg;
    }
    let filter = || Typed::new(filter.clone(), DuckType::Boolean);
    let guard = |arg: Typed| duck("CASE WHEN {0} THEN {1} END", arg.ty.clone(), vec![filter(), arg]);
    let decimal = arg.decimal.clone();
    let mut guarded = guard(arg);
    guarded.decimal = decimal.map(|scaled| {
        let Scaled { value, scale, within } = *scaled;
        Box::new(Scaled { value: guard(value), scale, within })
    });
    guarded
}

/// DISTINCT compares carriers, and equal numerics may have different texts.
fn check_distinct(signature: &Signature, distinct: bool, args: &[Typed]) -> Result<(), PlanError> {
    let by_value = signature.name == "count" || signature.name == "min" || signature.name == "max";
    if distinct && !by_value && args.iter().any(|arg| arg.ty == DuckType::NumericText) {
        return unsupported(
            format!("DISTINCT in {}", signature.display),
            "its argument is a numeric of unknown scale",
        );
    }
    Ok(())
}

/// DISTINCT; equal numerics may have different texts, and then any of them is shown.
fn distinct(input: LogicalPlan) -> Result<LogicalPlan, PlanError> {
    let types = build::types_of(&input).unwrap_or_default();
    if !types.contains(&DuckType::NumericText) {
        return Ok(build::distinct(input));
    }
    let on = types
        .into_iter()
        .enumerate()
        .map(|(i, ty)| {
            let column = Expr::Column(build::unqualified(&build::column_name(i)));
            functions::equality_key(Typed::new(column, ty)).expr
        })
        .collect();
    Ok(build::distinct_on(input, on))
}

/// The carrier of a column of a set operation: the rows of both sides have their own display scales.
fn common_type(left: DuckType, right: DuckType, declared: Option<DuckType>) -> Result<DuckType, PlanError> {
    if left == right {
        return Ok(left);
    }
    let typed = |ty: DuckType| Typed::new(Expr::Column(build::unqualified("c0")), ty);
    match declared {
        Some(declared) if !declared.is_numeric() => Ok(declared),
        _ => {
            let values = vec![functions::as_decimal(typed(left)), functions::as_decimal(typed(right))];
            Ok(functions::unify(values)?.1)
        }
    }
}

fn single_type(subquery: &Subquery) -> Result<DuckType, PlanError> {
    match build::types_of(&subquery.subquery).as_deref() {
        Some([ty]) => Ok(ty.clone()),
        _ => malformed("a scalar subquery without exactly one typed column"),
    }
}

fn output_columns(types: &[DuckType]) -> Vec<(String, DuckType)> {
    types.iter().enumerate().map(|(i, ty)| (build::column_name(i), ty.clone())).collect()
}

/// `plan` with its columns cast where their carriers differ: in place, if it ends in a projection.
fn as_types(plan: LogicalPlan, types: &[DuckType]) -> Result<LogicalPlan, PlanError> {
    let have = build::types_of(&plan).unwrap_or_default();
    if have == types {
        return Ok(plan);
    }
    let (values, input): (Vec<Expr>, LogicalPlan) = match plan {
        LogicalPlan::Projection(node) => {
            (node.expr.into_iter().map(Expr::unalias).collect(), own(node.input))
        }
        other => {
            let columns = (0..have.len()).map(|i| Expr::Column(build::unqualified(&build::column_name(i))));
            (columns.collect(), other)
        }
    };
    let outputs = values
        .into_iter()
        .zip(have)
        .zip(types)
        .map(|((value, ty), target)| Typed::new(value, ty).cast(target))
        .collect();
    Ok(build::project(input, outputs)?)
}
