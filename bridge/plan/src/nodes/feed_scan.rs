//! Rows that the backend feeds: `bridge_scan(n)`.

use datafusion_common::{DFSchemaRef, Result};
use datafusion_expr::LogicalPlan;

use super::leaf::{extension, plan_node};
use crate::DuckType;
use crate::build::leaf_schema;

/// A column of a feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedColumn {
    /// Name in the plan.
    pub name: String,
    /// The builder's number for it (attribute number of the source relation).
    pub source: i32,
    /// Carrier.
    pub ty: DuckType,
}

/// A scan fed by the backend under an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedScan {
    /// Argument of `bridge_scan`.
    pub index: usize,
    /// What it reads, for EXPLAIN.
    pub label: String,
    /// Alias, unique in the whole statement.
    pub alias: String,
    /// Columns; may be empty after pruning, which the writer and the feed fill with a dummy.
    pub columns: Vec<FeedColumn>,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl FeedScan {
    /// A scan of feed `index`.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan(index: usize, label: &str, alias: &str, columns: Vec<FeedColumn>) -> Result<LogicalPlan> {
        let fields: Vec<_> = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
        let schema = leaf_schema(alias, &fields)?;
        Ok(extension(Self {
            index,
            label: label.to_owned(),
            alias: alias.to_owned(),
            columns,
            inputs: Vec::new(),
            schema,
        }))
    }

    fn explain(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
        format!("FeedScan {}: {} as {} [{}]", self.index, self.label, self.alias, columns.join(", "))
    }
}

plan_node!(FeedScan, "FeedScan");
