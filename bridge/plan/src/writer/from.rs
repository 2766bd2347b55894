//! FROM items.

use bridge_types::names::{BRIDGE_SCAN, INSTANCE_SCAN, quote_identifier};
use datafusion_common::DFSchema;
use datafusion_expr::{Join, JoinType, LogicalPlan};

use super::block::query;
use super::expr::{Names, expr, list};
use crate::error::{PlanError, malformed};
use crate::nodes::{CteScan, FeedKind, FeedScan, Relation, TableFunction, ValuesList, node_of};

/// The comma-separated items of a FROM: the members of cross products at its top.
pub(super) fn items(plan: &LogicalPlan, items_out: &mut Vec<String>) -> Result<(), PlanError> {
    match plan {
        LogicalPlan::EmptyRelation(empty) if empty.produce_one_row => Ok(()),
        LogicalPlan::Join(join) if is_cross(join) => {
            items(&join.left, items_out)?;
            items(&join.right, items_out)
        }
        other => {
            items_out.push(item(other)?);
            Ok(())
        }
    }
}

fn is_cross(join: &Join) -> bool {
    join.join_type == JoinType::Inner && join.filter.is_none() && join.on.is_empty()
}

/// `"alias"("c0", ..)` for an item whose columns need names.
fn alias_with_columns(alias: &str, schema: &DFSchema) -> String {
    let columns: Vec<String> = schema.fields().iter().map(|field| quote_identifier(field.name())).collect();
    format!("{}({})", quote_identifier(alias), columns.join(", "))
}

fn item(plan: &LogicalPlan) -> Result<String, PlanError> {
    match plan {
        LogicalPlan::SubqueryAlias(node) => {
            let alias = node.alias.table();
            let (lateral, input) = match node.input.as_ref() {
                LogicalPlan::Subquery(subquery) => ("LATERAL ", &subquery.subquery),
                _ => ("", &node.input),
            };
            let sql = query(input)?;
            if input.schema().fields().is_empty() {
                return Ok(format!("{lateral}({sql}) AS {}", quote_identifier(alias)));
            }
            Ok(format!("{lateral}({sql}) AS {}", alias_with_columns(alias, input.schema())))
        }
        LogicalPlan::Join(node) => join(node),
        LogicalPlan::Extension(_) => leaf(plan),
        // A SELECT without FROM below a join, such as `FROM (SELECT 1) JOIN ..` never is: that has an alias.
        other => malformed(format!("the writer does not know the FROM item {}", other.display())),
    }
}

fn leaf(plan: &LogicalPlan) -> Result<String, PlanError> {
    if let Some(relation) = node_of::<Relation>(plan) {
        let name: Vec<String> = relation.name.iter().map(|part| quote_identifier(part)).collect();
        return Ok(format!("{} AS {}", name.join("."), quote_identifier(&relation.alias)));
    }
    if let Some(feed) = node_of::<FeedScan>(plan) {
        let function = match feed.kind {
            FeedKind::Backend => BRIDGE_SCAN,
            FeedKind::Instance => INSTANCE_SCAN,
        };
        let call = format!("{function}({})", feed.index);
        if feed.columns.is_empty() {
            return Ok(format!("{call} AS {}", quote_identifier(&feed.alias)));
        }
        return Ok(format!("{call} AS {}", alias_with_columns(&feed.alias, &feed.schema)));
    }
    if let Some(function) = node_of::<TableFunction>(plan) {
        return Ok(format!("{} AS {}", function.call, alias_with_columns(&function.alias, &function.schema)));
    }
    if let Some(scan) = node_of::<CteScan>(plan) {
        return Ok(format!("{} AS {}", quote_identifier(&scan.cte), quote_identifier(&scan.alias)));
    }
    if let Some(values) = node_of::<ValuesList>(plan) {
        let names = Names::new();
        let rows = values
            .rows
            .iter()
            .map(|row| Ok(format!("({})", list(row, &names)?)))
            .collect::<Result<Vec<_>, PlanError>>()?;
        return Ok(format!(
            "(VALUES {}) AS {}",
            rows.join(", "),
            alias_with_columns(&values.alias, &values.schema)
        ));
    }
    malformed(format!("the writer does not know the FROM item {}", plan.display()))
}

fn join(join: &Join) -> Result<String, PlanError> {
    if !join.on.is_empty() {
        return malformed("a join with a list of equal pairs");
    }
    let left = item(&join.left)?;
    let right = match join.right.as_ref() {
        LogicalPlan::Join(_) => format!("({})", item(&join.right)?),
        other => item(other)?,
    };
    let keyword = match join.join_type {
        JoinType::Inner => "INNER JOIN",
        JoinType::Left => "LEFT JOIN",
        JoinType::Right => "RIGHT JOIN",
        JoinType::Full => "FULL JOIN",
        other => return malformed(format!("the writer does not know a {other} join in FROM")),
    };
    match &join.filter {
        Some(condition) => Ok(format!("{left} {keyword} {right} ON {}", expr(condition, &Names::new())?)),
        None if join.join_type == JoinType::Inner => Ok(format!("{left} CROSS JOIN {right}")),
        None => Ok(format!("{left} {keyword} {right} ON true")),
    }
}
