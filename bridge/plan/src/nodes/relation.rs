//! A table that DuckDB has, by its three-part name.

use datafusion_common::{DFSchemaRef, Result};
use datafusion_expr::LogicalPlan;

use super::leaf::{extension, plan_node};
use crate::DuckType;
use crate::build::leaf_schema;

/// A DuckDB table under an alias. Its columns have DuckDB's own names, which are unique
/// without regard to case; references are always qualified by the alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Database (catalog), schema and table.
    pub name: [String; 3],
    /// Alias, unique in the whole statement.
    pub alias: String,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl Relation {
    /// A scan of a table; `columns` are those a query may refer to.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan(name: [String; 3], alias: &str, columns: &[(String, DuckType)]) -> Result<LogicalPlan> {
        let schema = leaf_schema(alias, columns)?;
        Ok(extension(Self { name, alias: alias.to_owned(), inputs: Vec::new(), schema }))
    }

    fn explain(&self) -> String {
        format!("Relation: {} as {}", self.name.join("."), self.alias)
    }
}

plan_node!(Relation, "Relation");
