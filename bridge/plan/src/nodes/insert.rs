//! INSERT into a table that DuckDB has.

use datafusion_common::{DFSchema, DFSchemaRef};
use datafusion_expr::LogicalPlan;
use std::sync::Arc;

use super::leaf::{extension, plan_node};

/// What to do with a row whose key is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// It is an error.
    Fail,
    /// Leave it out. Keys by DuckDB's names; empty: any.
    Nothing(Vec<String>),
}

/// Adds the input's rows. Without columns, one row of defaults; the input is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// Database (catalog), schema and table.
    pub table: [String; 3],
    /// Columns to fill, by DuckDB's names; the others are null.
    pub columns: Vec<String>,
    /// Rows that are there already.
    pub on_conflict: OnConflict,
    /// The output behind the columns' that numbers the constraint a row violates from 1 (0 for none),
    /// and the errors, as `[SQLSTATE] message`.
    pub violations: Option<(usize, Vec<String>)>,
    /// Columns to return.
    pub returning: Vec<String>,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl Insert {
    /// The statement over a finished `input`, whose outputs are the values of `columns`.
    #[must_use]
    pub fn plan(
        table: [String; 3],
        columns: Vec<String>,
        on_conflict: OnConflict,
        violations: Option<(usize, Vec<String>)>,
        returning: Vec<String>,
        input: LogicalPlan,
    ) -> LogicalPlan {
        let schema = Arc::new(DFSchema::empty());
        extension(Self { table, columns, on_conflict, violations, returning, inputs: vec![input], schema })
    }

    fn explain(&self) -> String {
        let conflict = match &self.on_conflict {
            OnConflict::Fail => String::new(),
            OnConflict::Nothing(keys) => format!(" on conflict [{}] nothing", keys.join(", ")),
        };
        format!("Insert: {} [{}]{conflict}", self.table.join("."), self.columns.join(", "))
    }
}

plan_node!(Insert, "Insert");
