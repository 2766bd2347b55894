//! A call of one of DuckDB's table functions, such as a reader of files.

use datafusion_common::{DFSchemaRef, Result};
use datafusion_expr::LogicalPlan;

use super::leaf::{extension, plan_node};
use crate::DuckType;
use crate::build::leaf_schema;

/// A table function under an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableFunction {
    /// The call (or a derived table around it) as DuckDB SQL, all arguments constant.
    pub call: String,
    /// Alias, unique in the whole statement.
    pub alias: String,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl TableFunction {
    /// `columns` are all the columns that the call returns, in order; the writer renames them.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan(call: String, alias: &str, columns: &[(String, DuckType)]) -> Result<LogicalPlan> {
        let schema = leaf_schema(alias, columns)?;
        Ok(extension(Self { call, alias: alias.to_owned(), inputs: Vec::new(), schema }))
    }

    fn explain(&self) -> String {
        format!("TableFunction: {} as {}", self.call, self.alias)
    }
}

plan_node!(TableFunction, "TableFunction");
