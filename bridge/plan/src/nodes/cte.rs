//! WITH: definitions around a query, and references to them.
//!
//! DataFusion inlines CTEs, which evaluates them once per reference and loses MATERIALIZED.

use std::sync::Arc;

use datafusion_common::{DFSchemaRef, Result};
use datafusion_expr::LogicalPlan;

use super::leaf::{extension, plan_node};
use crate::DuckType;
use crate::build::leaf_schema;

/// What the user wrote between AS and the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of the SQL statement")]
pub enum Materialized {
    Default,
    Always,
    Never,
}

/// Name and mode of one definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CteDefinition {
    /// Name, unique in the whole statement.
    pub name: String,
    /// MATERIALIZED or not.
    pub materialized: Materialized,
    /// It refers to itself: its query is a union, whose right side does, and its outputs have the
    /// carriers that its references have.
    pub recursive: bool,
}

/// `WITH definitions body`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct With {
    /// Definitions; later ones may refer to earlier ones, recursive ones to themselves.
    pub definitions: Vec<CteDefinition>,
    /// The definitions' queries in order, then the body.
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl With {
    /// Puts definitions around a body.
    #[must_use]
    pub fn plan(definitions: Vec<(CteDefinition, LogicalPlan)>, body: LogicalPlan) -> LogicalPlan {
        let schema = Arc::clone(body.schema());
        let (definitions, mut inputs): (Vec<_>, Vec<_>) = definitions.into_iter().unzip();
        inputs.push(body);
        extension(Self { definitions, inputs, schema })
    }

    /// The definitions with their queries, and the body.
    ///
    /// # Panics
    /// Never: [`With::plan`] always adds a body.
    #[must_use]
    pub fn parts(&self) -> (Vec<(&CteDefinition, &LogicalPlan)>, &LogicalPlan) {
        let (body, queries) = self.inputs.split_last().expect("With::plan adds the body");
        (self.definitions.iter().zip(queries).collect(), body)
    }

    fn explain(&self) -> String {
        let names: Vec<&str> = self.definitions.iter().map(|d| d.name.as_str()).collect();
        format!("With: {}", names.join(", "))
    }
}

plan_node!(With, "With");

/// A reference to a definition under an alias; columns `c0`.. .
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CteScan {
    /// The definition's name.
    pub cte: String,
    /// Alias, unique in the whole statement.
    pub alias: String,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl CteScan {
    /// A reference.
    ///
    /// # Errors
    /// If two columns have one name.
    pub fn plan(cte: &str, alias: &str, columns: &[(String, DuckType)]) -> Result<LogicalPlan> {
        let schema = leaf_schema(alias, columns)?;
        Ok(extension(Self { cte: cte.to_owned(), alias: alias.to_owned(), inputs: Vec::new(), schema }))
    }

    fn explain(&self) -> String {
        format!("CteScan: {} as {}", self.cte, self.alias)
    }
}

plan_node!(CteScan, "CteScan");
