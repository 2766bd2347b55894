//! GROUPING SETS over an aggregate: DataFusion's own form adds a column to its schema.

use std::sync::Arc;

use datafusion_common::DFSchemaRef;
use datafusion_expr::LogicalPlan;

use super::leaf::{extension, plan_node};

/// Groups the input's keys (an Aggregate's) by each of several sets of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupingSets {
    /// Indexes into the keys of the aggregate; duplicates and empty sets count.
    pub sets: Vec<Vec<usize>>,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl GroupingSets {
    /// Puts sets around an aggregate.
    #[must_use]
    pub fn plan(sets: Vec<Vec<usize>>, aggregate: LogicalPlan) -> LogicalPlan {
        let schema = Arc::clone(aggregate.schema());
        extension(Self { sets, inputs: vec![aggregate], schema })
    }

    fn explain(&self) -> String {
        let sets: Vec<String> = self
            .sets
            .iter()
            .map(|set| format!("({})", set.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")))
            .collect();
        format!("GroupingSets: {}", sets.join(", "))
    }
}

plan_node!(GroupingSets, "GroupingSets");
