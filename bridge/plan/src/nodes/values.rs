//! `VALUES` in FROM.

use datafusion_common::{DFSchemaRef, Result};
use datafusion_expr::{Expr, LogicalPlan};

use super::leaf::{extension, plan_node};
use crate::DuckType;
use crate::build::leaf_schema;

/// Rows of expressions under an alias, columns `c0`.. .
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValuesList {
    /// The rows, all of one length.
    pub rows: Vec<Vec<Expr>>,
    /// Alias, unique in the whole statement.
    pub alias: String,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl ValuesList {
    /// A list of rows.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan(rows: Vec<Vec<Expr>>, alias: &str, columns: &[(String, DuckType)]) -> Result<LogicalPlan> {
        let schema = leaf_schema(alias, columns)?;
        Ok(extension(Self { rows, alias: alias.to_owned(), inputs: Vec::new(), schema }))
    }

    fn explain(&self) -> String {
        let rows: Vec<String> = self.rows.iter().take(3).map(|row| format!("{row:?}")).collect();
        format!("Values: {} rows as {} {}", self.rows.len(), self.alias, rows.join(", "))
    }
}

plan_node!(ValuesList, "Values");
