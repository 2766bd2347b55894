//! What all nodes share: identity by name (DataFusion wants `Hash` and `PartialOrd`, which
//! schemas do not have) and the wrapping into `LogicalPlan::Extension`.

use std::sync::Arc;

use datafusion_expr::{Extension, LogicalPlan, UserDefinedLogicalNode};

/// A node as a plan.
pub(crate) fn extension(node: impl UserDefinedLogicalNode + 'static) -> LogicalPlan {
    LogicalPlan::Extension(Extension { node: Arc::new(node) })
}

/// Implements `UserDefinedLogicalNodeCore` for a node whose inputs are `self.inputs: Vec<LogicalPlan>`
/// (empty for leaves) and which has a `schema` and an `explain` method.
macro_rules! plan_node {
    ($node:ty, $name:literal) => {
        impl PartialOrd for $node {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                self.explain().partial_cmp(&other.explain())
            }
        }
        impl std::hash::Hash for $node {
            fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
                self.explain().hash(state);
            }
        }
        impl datafusion_expr::UserDefinedLogicalNodeCore for $node {
            fn name(&self) -> &str {
                $name
            }
            fn inputs(&self) -> Vec<&datafusion_expr::LogicalPlan> {
                self.inputs.iter().collect()
            }
            fn schema(&self) -> &datafusion_common::DFSchemaRef {
                &self.schema
            }
            fn expressions(&self) -> Vec<datafusion_expr::Expr> {
                Vec::new()
            }
            fn fmt_for_explain(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str(&self.explain())
            }
            fn with_exprs_and_inputs(
                &self,
                _exprs: Vec<datafusion_expr::Expr>,
                inputs: Vec<datafusion_expr::LogicalPlan>,
            ) -> datafusion_common::Result<Self> {
                Ok(Self { inputs, ..self.clone() })
            }
        }
    };
}
pub(crate) use plan_node;
