//! Rows from outside the DuckDB instance that runs the statement: `bridge_scan(n)` is fed by
//! the backend, `instance_scan(n)` by another instance of the engine.

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

/// Who has the rows of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedKind {
    /// The backend: `bridge_scan`.
    Backend,
    /// Another instance of the engine: `instance_scan`.
    Instance,
}

/// A scan of rows from outside under an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedScan {
    /// Who has the rows.
    pub kind: FeedKind,
    /// Argument of the table function; each kind is counted for itself.
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
    /// A scan of feed `index` of the backend.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan(index: usize, label: &str, alias: &str, columns: Vec<FeedColumn>) -> Result<LogicalPlan> {
        Self::plan_kind(FeedKind::Backend, index, label, alias, columns)
    }

    /// A scan of feed `index` of a kind.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan_kind(
        kind: FeedKind,
        index: usize,
        label: &str,
        alias: &str,
        columns: Vec<FeedColumn>,
    ) -> Result<LogicalPlan> {
        let fields: Vec<_> = columns.iter().map(|c| (c.name.clone(), c.ty.clone())).collect();
        let schema = leaf_schema(alias, &fields)?;
        Ok(extension(Self {
            kind,
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
        let kind = match self.kind {
            FeedKind::Backend => "FeedScan",
            FeedKind::Instance => "InstanceScan",
        };
        format!("{kind} {}: {} as {} [{}]", self.index, self.label, self.alias, columns.join(", "))
    }
}

plan_node!(FeedScan, "FeedScan");
