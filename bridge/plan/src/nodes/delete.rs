//! DELETE from a table that DuckDB has.

use datafusion_common::{DFSchema, DFSchemaRef};
use datafusion_expr::LogicalPlan;
use std::sync::Arc;

use super::leaf::{extension, plan_node};

/// Removes rows. The input's `c0` is the `rowid` of a row, which may come more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Database (catalog), schema and table.
    pub table: [String; 3],
    /// Columns to return, with the values of the removed rows.
    pub returning: Vec<String>,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl Delete {
    /// The statement over a finished `input`.
    #[must_use]
    pub fn plan(table: [String; 3], returning: Vec<String>, input: LogicalPlan) -> LogicalPlan {
        extension(Self { table, returning, inputs: vec![input], schema: Arc::new(DFSchema::empty()) })
    }

    fn explain(&self) -> String {
        format!("Delete: {}", self.table.join("."))
    }
}

plan_node!(Delete, "Delete");
