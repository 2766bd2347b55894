//! UNION, INTERSECT and EXCEPT, each with or without ALL.
//!
//! DataFusion plans the latter two as semi and anti joins, which lose ALL.

use std::sync::Arc;

use datafusion_common::{DFSchemaRef, Result};
use datafusion_expr::LogicalPlan;

use super::leaf::{extension, plan_node};
use crate::DuckType;
use crate::build::projection_schema;

/// Which set operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the words of the SQL standard")]
pub enum SetOperator {
    Union,
    Intersect,
    Except,
}

/// `left op [ALL] right`; columns correspond by position and are named `c0`.. .
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOperation {
    /// The operator.
    pub operator: SetOperator,
    /// Duplicates are kept.
    pub all: bool,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl SetOperation {
    /// An operation on two queries with as many columns as `types`.
    ///
    /// # Errors
    /// Never in practice: names are made here.
    pub fn plan(
        operator: SetOperator,
        all: bool,
        left: LogicalPlan,
        right: LogicalPlan,
        types: &[DuckType],
    ) -> Result<LogicalPlan> {
        let schema = Arc::new(projection_schema(types)?);
        Ok(extension(Self { operator, all, inputs: vec![left, right], schema }))
    }

    /// The SQL keyword.
    #[must_use]
    pub fn keyword(&self) -> &'static str {
        match (self.operator, self.all) {
            (SetOperator::Union, true) => "UNION ALL",
            (SetOperator::Union, false) => "UNION",
            (SetOperator::Intersect, true) => "INTERSECT ALL",
            (SetOperator::Intersect, false) => "INTERSECT",
            (SetOperator::Except, true) => "EXCEPT ALL",
            (SetOperator::Except, false) => "EXCEPT",
        }
    }

    fn explain(&self) -> String {
        self.keyword().to_owned()
    }
}

plan_node!(SetOperation, "SetOperation");
