//! Feeds read only the columns that something refers to.
//!
//! Aliases are unique in a statement, so that one set of (alias, column) is enough.

use std::collections::HashSet;

use datafusion_common::Column;
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_expr::{Expr, LogicalPlan};

use crate::build::qualified;
use crate::error::PlanError;
use crate::nodes::{FeedScan, ValuesList, node_of};

/// `FeedScan [a, b, c]`  ==>  `FeedScan [b]` if only `b` is used.
pub(super) fn apply(plan: LogicalPlan) -> Result<LogicalPlan, PlanError> {
    if !has_feed(&plan)? {
        return Ok(plan);
    }
    let mut used = HashSet::new();
    collect(&plan, &mut used)?;
    let pruned = plan.transform_down_with_subqueries(|node| {
        let Some(feed) = node_of::<FeedScan>(&node) else {
            return Ok(Transformed::no(node));
        };
        let columns: Vec<_> = feed
            .columns
            .iter()
            .filter(|c| used.contains(&qualified(&feed.alias, &c.name)))
            .cloned()
            .collect();
        if columns.len() == feed.columns.len() {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(FeedScan::plan_kind(feed.kind, feed.index, &feed.label, &feed.alias, columns)?))
    })?;
    Ok(pruned.data)
}

fn has_feed(plan: &LogicalPlan) -> Result<bool, PlanError> {
    let mut found = false;
    plan.apply_with_subqueries(|node| {
        found |= node_of::<FeedScan>(node).is_some() || node_of::<ValuesList>(node).is_some();
        Ok(if found { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

fn collect(plan: &LogicalPlan, used: &mut HashSet<Column>) -> Result<(), PlanError> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| collect_expr(expr, used))?;
        if let Some(values) = node_of::<ValuesList>(node) {
            for expr in values.rows.iter().flatten() {
                collect_expr(expr, used)?;
                expr.apply(|inner| {
                    if let Expr::ScalarSubquery(query) = inner {
                        collect(&query.subquery, used)
                            .map_err(|error| datafusion_common::DataFusionError::Plan(error.to_string()))?;
                    }
                    Ok(TreeNodeRecursion::Continue)
                })?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

fn collect_expr(expr: &Expr, used: &mut HashSet<Column>) -> datafusion_common::Result<TreeNodeRecursion> {
    expr.apply(|inner| {
        if let Expr::Column(column) | Expr::OuterReferenceColumn(_, column) = inner {
            used.insert(column.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })
}
