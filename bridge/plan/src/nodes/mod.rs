//! Plan nodes that `LogicalPlan` lacks, one file each.
//!
//! All are leaves or plain containers: their schemas are given by whoever builds them. The
//! statements that change tables ([`Insert`], [`Update`], [`Delete`], [`Merge`]) stand above a plan
//! that has been through the rules, and have no outputs.

mod cte;
mod delete;
mod feed_scan;
mod grouping_sets;
mod insert;
mod leaf;
mod merge;
mod relation;
mod set_operation;
mod table_function;
mod update;
mod values;

pub use cte::{CteDefinition, CteScan, Materialized, With};
pub use delete::Delete;
pub use feed_scan::{FeedColumn, FeedKind, FeedScan};
pub use grouping_sets::GroupingSets;
pub use insert::{Insert, OnConflict};
pub use merge::{Merge, MergeAction};
pub use relation::Relation;
pub use set_operation::{SetOperation, SetOperator};
pub use table_function::TableFunction;
pub use update::Update;
pub use values::ValuesList;

use datafusion_expr::LogicalPlan;

/// The node of ours that a plan is, if it is of type `T`.
#[must_use]
pub fn node_of<T: 'static>(plan: &LogicalPlan) -> Option<&T> {
    match plan {
        LogicalPlan::Extension(extension) => extension.node.as_any().downcast_ref::<T>(),
        _ => None,
    }
}
