//! One SELECT block from one canonical stack.

use bridge_types::names::quote_identifier;
use datafusion_expr::expr::{Alias, Sort as SortExpr};
use datafusion_expr::logical_plan::{Distinct, Projection};
use datafusion_expr::{Expr, LogicalPlan};

use super::bounded;
use super::expr::{Names, expr, sort_suffix};
use super::from;
use crate::build::column_name;
use crate::error::{PlanError, malformed};
use crate::nodes::{GroupingSets, Materialized, SetOperation, With, node_of};

/// How far up the canonical stack a block has got; later clauses cannot be followed by earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    From,
    Where,
    Aggregate,
    Having,
    Window,
    Project,
    Distinct,
    Sort,
    Limit,
}

/// A term of ORDER BY.
enum OrderKey {
    /// An output: by position if it is selected, else by its expression.
    Output(usize, &'static str),
    /// An expression over the level's names.
    Expression(String),
}

/// The clauses of one SELECT.
struct Block {
    stage: Stage,
    from: Vec<String>,
    filters: Vec<String>,
    /// Set once the level aggregates, even if it has no keys.
    groups: Option<Vec<String>>,
    having: Vec<String>,
    /// What the level's unqualified names stand for.
    names: Names,
    /// Output expressions; those in `visible` are selected, all can be ordered by.
    outputs: Vec<String>,
    /// Indexes into `outputs`.
    visible: Vec<usize>,
    /// DISTINCT (`Some` and empty) or DISTINCT ON.
    distinct: Option<Vec<String>>,
    order: Vec<OrderKey>,
    limit: Option<String>,
    offset: Option<String>,
    /// Set instead of everything up to the outputs: `(..) UNION (..)`.
    set_operation: Option<String>,
    /// `visible` is a selection: what comes above needs a block of its own.
    selected: bool,
}

/// A whole query, without parentheses.
pub(super) fn query(plan: &LogicalPlan) -> Result<String, PlanError> {
    if let Some(with) = node_of::<With>(plan) {
        let (definitions, body) = with.parts();
        let recursive = definitions.iter().any(|(definition, _)| definition.recursive);
        let definitions = definitions
            .into_iter()
            .map(|(definition, query_plan)| {
                let columns: Vec<String> = (0..query_plan.schema().fields().len())
                    .map(|i| quote_identifier(&column_name(i)))
                    .collect();
                let mode = match definition.materialized {
                    Materialized::Default => "",
                    Materialized::Always => "MATERIALIZED ",
                    Materialized::Never => "NOT MATERIALIZED ",
                };
                let name = quote_identifier(&definition.name);
                Ok(format!("{name}({}) AS {mode}({})", columns.join(", "), query(query_plan)?))
            })
            .collect::<Result<Vec<_>, PlanError>>()?;
        let recursive = if recursive { "RECURSIVE " } else { "" };
        return bounded(format!("WITH {recursive}{} {}", definitions.join(", "), query(body)?));
    }
    bounded(block(plan)?.sql())
}

/// The clauses of a query that is nothing but `SELECT outputs FROM items WHERE filters`.
pub(super) struct Plain {
    pub(super) from: Vec<String>,
    pub(super) filters: Vec<String>,
    pub(super) outputs: Vec<String>,
}

/// The clauses of such a query, `None` if the plan is more than that.
pub(super) fn plain(plan: &LogicalPlan) -> Result<Option<Plain>, PlanError> {
    if node_of::<With>(plan).is_some() {
        return Ok(None);
    }
    let block = block(plan)?;
    let more = block.stage != Stage::Project
        || block.selected
        || block.groups.is_some()
        || block.set_operation.is_some()
        || block.visible.len() != block.outputs.len();
    Ok((!more).then_some(Plain { from: block.from, filters: block.filters, outputs: block.outputs }))
}

fn block(plan: &LogicalPlan) -> Result<Block, PlanError> {
    match plan {
        LogicalPlan::Projection(node) => projection(node),
        LogicalPlan::Filter(node) => {
            let mut block = block(&node.input)?;
            let condition = expr(&node.predicate, &block.names)?;
            match block.stage {
                Stage::From | Stage::Where => {
                    block.stage = Stage::Where;
                    block.filters.push(condition);
                }
                Stage::Aggregate | Stage::Having => {
                    block.stage = Stage::Having;
                    block.having.push(condition);
                }
                _ => return malformed("a filter above a window or a projection"),
            }
            Ok(block)
        }
        LogicalPlan::Aggregate(node) => {
            let mut block = at_most(block(&node.input)?, Stage::Where, "an aggregate")?;
            let mut groups = Vec::with_capacity(node.group_expr.len());
            for group in &node.group_expr {
                let (name, sql) = definition(group, &block.names)?;
                groups.push(sql.clone());
                block.names.insert(name, sql);
            }
            for aggregate in &node.aggr_expr {
                let (name, sql) = definition(aggregate, &block.names)?;
                block.names.insert(name, sql);
            }
            block.groups = Some(groups);
            block.stage = Stage::Aggregate;
            Ok(block)
        }
        LogicalPlan::Window(node) => {
            let mut block = at_most(block(&node.input)?, Stage::Having, "a window")?;
            let windows = node
                .window_expr
                .iter()
                .map(|window| definition(window, &block.names))
                .collect::<Result<Vec<_>, _>>()?;
            block.names.extend(windows);
            block.stage = Stage::Window;
            Ok(block)
        }
        LogicalPlan::Distinct(Distinct::All(input)) => {
            let mut block = projected(block(input)?, Stage::Project)?;
            block.distinct = Some(Vec::new());
            block.stage = Stage::Distinct;
            Ok(block)
        }
        LogicalPlan::Distinct(Distinct::On(node)) => {
            let mut block = projected(block(&node.input)?, Stage::Project)?;
            if block.set_operation.is_some() {
                block = block.derived();
            }
            let on = node
                .on_expr
                .iter()
                .map(|on| {
                    let on = expr(on, &block.names)?;
                    // DuckDB leaves plain literals out, and has all rows if there is nothing else.
                    Ok(if on.starts_with('\'') { format!("CAST({on} AS VARCHAR)") } else { on })
                })
                .collect::<Result<_, PlanError>>()?;
            block.distinct = Some(on);
            block.stage = Stage::Distinct;
            Ok(block)
        }
        LogicalPlan::Sort(node) => {
            let mut block = projected(block(&node.input)?, Stage::Distinct)?;
            let by_position = node.expr.iter().all(|key| block.position(&key.expr).is_some());
            let only_positions =
                block.set_operation.is_some() || block.distinct.as_ref().is_some_and(Vec::is_empty);
            if only_positions && !by_position {
                block = block.derived();
            }
            block.order = node.expr.iter().map(|key| block.sort_key(key)).collect::<Result<_, _>>()?;
            block.stage = Stage::Sort;
            Ok(block)
        }
        LogicalPlan::Limit(node) => {
            let mut block = projected(block(&node.input)?, Stage::Sort)?;
            block.limit = node.fetch.as_deref().map(|fetch| expr(fetch, &block.names)).transpose()?;
            block.offset = node.skip.as_deref().map(|skip| expr(skip, &block.names)).transpose()?;
            block.stage = Stage::Limit;
            Ok(block)
        }
        LogicalPlan::Extension(_) if node_of::<SetOperation>(plan).is_some() => set_operation(plan),
        LogicalPlan::Extension(_) if node_of::<GroupingSets>(plan).is_some() => grouping_sets(plan),
        LogicalPlan::Extension(_) if node_of::<With>(plan).is_some() => {
            let mut block = Block::new(Stage::Project);
            block.set_operation = Some(format!("({})", query(plan)?));
            block.set_outputs(plan.schema().fields().len());
            Ok(block)
        }
        other => {
            let mut block = Block::new(Stage::From);
            from::items(other, &mut block.from)?;
            Ok(block)
        }
    }
}

/// Name and SQL of an aliased expression.
fn definition(aliased: &Expr, names: &Names) -> Result<(String, String), PlanError> {
    match aliased {
        Expr::Alias(Alias { expr: inner, name, .. }) => Ok((name.clone(), expr(inner, names)?)),
        other => malformed(format!("an expression without a name: {other}")),
    }
}

fn at_most(block: Block, stage: Stage, what: &str) -> Result<Block, PlanError> {
    if block.stage > stage {
        return malformed(format!("{what} above {:?} of the same level", block.stage));
    }
    Ok(block)
}

/// A block that has outputs and is not beyond `stage`; a derived table opens if it is.
fn projected(block: Block, stage: Stage) -> Result<Block, PlanError> {
    if block.stage < Stage::Project {
        return malformed(format!("no projection below {stage:?}"));
    }
    Ok(if block.stage > stage || block.selected { block.derived() } else { block })
}

fn projection(node: &Projection) -> Result<Block, PlanError> {
    let mut block = block(&node.input)?;
    if block.selected {
        block = block.derived();
    }
    if block.stage >= Stage::Project {
        // A selection of outputs, such as without the helper columns of ORDER BY: the same block.
        let selected: Option<Vec<usize>> =
            node.expr.iter().map(|item| block.position(unaliased(item))).collect();
        let all_distinct = block.distinct.as_ref().is_some_and(Vec::is_empty);
        if let Some(selected) = selected {
            let same = selected == block.visible;
            if same || !(all_distinct || block.set_operation.is_some()) {
                block.visible = selected;
                return if same { Ok(block) } else { Ok(block.renamed()) };
            }
        }
        block = block.derived();
    }
    block.outputs = node
        .expr
        .iter()
        .map(|item| Ok(definition(item, &block.names)?.1))
        .collect::<Result<_, PlanError>>()?;
    block.visible = (0..block.outputs.len()).collect();
    for (i, sql) in block.outputs.iter().enumerate() {
        block.names.insert(column_name(i), sql.clone());
    }
    block.stage = Stage::Project;
    Ok(block)
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => &alias.expr,
        other => other,
    }
}

fn grouping_sets(plan: &LogicalPlan) -> Result<Block, PlanError> {
    let input = node_of::<GroupingSets>(plan).and_then(|node| Some((node, node.inputs.first()?)));
    let Some((node, input)) = input else {
        return malformed("grouping sets of nothing");
    };
    let mut block = block(input)?;
    let Some(keys) = &block.groups else {
        return malformed("grouping sets without an aggregate");
    };
    let mut sets = Vec::with_capacity(node.sets.len());
    for set in &node.sets {
        let keys: Option<Vec<&str>> = set.iter().map(|key| keys.get(*key).map(String::as_str)).collect();
        match keys {
            Some(keys) => sets.push(format!("({})", keys.join(", "))),
            None => return malformed("a grouping set of unknown keys"),
        }
    }
    block.groups = Some(vec![format!("GROUPING SETS ({})", sets.join(", "))]);
    Ok(block)
}

fn set_operation(plan: &LogicalPlan) -> Result<Block, PlanError> {
    let Some(set) = node_of::<SetOperation>(plan) else {
        return malformed("not a set operation");
    };
    let [left, right] = set.inputs.as_slice() else {
        return malformed("a set operation without two inputs");
    };
    let mut block = Block::new(Stage::Project);
    block.set_operation = Some(format!("({}) {} ({})", query(left)?, set.keyword(), query(right)?));
    block.set_outputs(set.schema.fields().len());
    Ok(block)
}

impl Block {
    fn new(stage: Stage) -> Self {
        Self {
            stage,
            from: Vec::new(),
            filters: Vec::new(),
            groups: None,
            having: Vec::new(),
            names: Names::new(),
            outputs: Vec::new(),
            visible: Vec::new(),
            distinct: None,
            order: Vec::new(),
            limit: None,
            offset: None,
            set_operation: None,
            selected: false,
        }
    }

    /// Outputs of a query whose text is a unit: they are known by position only.
    fn set_outputs(&mut self, count: usize) {
        self.outputs = (0..count).map(|i| quote_identifier(&column_name(i))).collect();
        self.visible = (0..count).collect();
        self.names = (0..count).map(|i| (column_name(i), quote_identifier(&column_name(i)))).collect();
    }

    /// The output that an expression is, if it is just a reference to one.
    fn position(&self, expression: &Expr) -> Option<usize> {
        match expression {
            Expr::Column(column) if column.relation.is_none() => {
                (0..self.outputs.len()).find(|i| column_name(*i) == column.name)
            }
            _ => None,
        }
    }

    fn sort_key(&self, key: &SortExpr) -> Result<OrderKey, PlanError> {
        Ok(match self.position(&key.expr) {
            Some(i) => OrderKey::Output(i, sort_suffix(key)),
            None => OrderKey::Expression(format!("{} {}", expr(&key.expr, &self.names)?, sort_suffix(key))),
        })
    }

    fn order_text(&self, key: &OrderKey) -> String {
        match key {
            OrderKey::Output(output, suffix) => {
                match self.visible.iter().position(|visible| visible == output) {
                    Some(position) => format!("{} {suffix}", position + 1),
                    None => format!("{} {suffix}", self.outputs[*output]),
                }
            }
            OrderKey::Expression(sql) => sql.clone(),
        }
    }

    /// Outputs after `visible` changed: the level above refers to them by their new places.
    fn renamed(mut self) -> Self {
        self.names = self
            .visible
            .iter()
            .enumerate()
            .map(|(i, output)| (column_name(i), self.outputs[*output].clone()))
            .collect();
        self.selected = true;
        self
    }

    /// This query as a derived table of a new block that selects all of it.
    fn derived(self) -> Self {
        let count = self.visible.len();
        let columns: Vec<String> = (0..count).map(|i| quote_identifier(&column_name(i))).collect();
        // The alias hides nothing: the new block has no other FROM item.
        let alias = quote_identifier("derived");
        let mut block = Self::new(Stage::Project);
        block.from = vec![format!("({}) AS {alias}({})", self.sql(), columns.join(", "))];
        block.outputs = columns.iter().map(|column| format!("{alias}.{column}")).collect();
        block.visible = (0..count).collect();
        block.names = (0..count).map(|i| (column_name(i), block.outputs[i].clone())).collect();
        block
    }

    fn sql(&self) -> String {
        let mut sql = match &self.set_operation {
            Some(set) => set.clone(),
            None => self.select(),
        };
        if !self.order.is_empty() {
            let keys: Vec<String> = self.order.iter().map(|key| self.order_text(key)).collect();
            sql.push_str(&format!(" ORDER BY {}", keys.join(", ")));
        }
        if let Some(limit) = &self.limit {
            sql.push_str(&format!(" LIMIT {limit}"));
        }
        if let Some(offset) = &self.offset {
            sql.push_str(&format!(" OFFSET {offset}"));
        }
        sql
    }

    fn select(&self) -> String {
        let mut sql = "SELECT ".to_owned();
        match &self.distinct {
            Some(on) if on.is_empty() => sql.push_str("DISTINCT "),
            Some(on) => sql.push_str(&format!("DISTINCT ON ({}) ", on.join(", "))),
            None => {}
        }
        let outputs: Vec<String> = self
            .visible
            .iter()
            .enumerate()
            .map(|(i, output)| format!("{} AS {}", self.outputs[*output], quote_identifier(&column_name(i))))
            .collect();
        // DuckDB has no SELECT of no columns; nobody reads this one.
        sql.push_str(if outputs.is_empty() { "1" } else { "" });
        sql.push_str(&outputs.join(", "));
        if !self.from.is_empty() {
            sql.push_str(&format!(" FROM {}", self.from.join(", ")));
        }
        if !self.filters.is_empty() {
            sql.push_str(&format!(" WHERE {}", self.filters.join(" AND ")));
        }
        match &self.groups {
            Some(groups) if !groups.is_empty() => sql.push_str(&format!(" GROUP BY {}", groups.join(", "))),
            _ => {}
        }
        if !self.having.is_empty() {
            sql.push_str(&format!(" HAVING {}", self.having.join(" AND ")));
        }
        sql
    }
}
