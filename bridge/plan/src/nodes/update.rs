//! UPDATE of a table that DuckDB has.

use datafusion_common::{DFSchema, DFSchemaRef};
use datafusion_expr::LogicalPlan;
use std::sync::Arc;

use super::leaf::{extension, plan_node};

/// Gives rows new values. The input's `c0` is the `rowid` of a row, `c1`.. the values of `columns`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// Database (catalog), schema and table.
    pub table: [String; 3],
    /// Columns to set, by DuckDB's names.
    pub columns: Vec<String>,
    /// The input may name a row more than once; one of its values is taken.
    pub repeated: bool,
    /// Columns to return, with their new values.
    pub returning: Vec<String>,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl Update {
    /// The statement over a finished `input`.
    #[must_use]
    pub fn plan(
        table: [String; 3],
        columns: Vec<String>,
        repeated: bool,
        returning: Vec<String>,
        input: LogicalPlan,
    ) -> LogicalPlan {
        let schema = Arc::new(DFSchema::empty());
        extension(Self { table, columns, repeated, returning, inputs: vec![input], schema })
    }

    fn explain(&self) -> String {
        format!("Update: {} [{}]", self.table.join("."), self.columns.join(", "))
    }
}

plan_node!(Update, "Update");
