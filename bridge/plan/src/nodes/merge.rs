//! MERGE into a table that DuckDB has.

use datafusion_common::{DFSchema, DFSchemaRef};
use datafusion_expr::LogicalPlan;
use std::sync::Arc;

use super::leaf::{extension, plan_node};

/// What a row of the source does, and to what. Its values are outputs of the input, by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeAction {
    /// Gives columns (by DuckDB's names) of the row with that `rowid` new values.
    Update(Vec<(String, usize)>),
    /// Removes the row with that `rowid`.
    Delete,
    /// Leaves everything as it is.
    Nothing,
    /// Adds a row with these columns; the others are null.
    Insert(Vec<(String, usize)>),
}

/// Changes, removes and adds rows. The input's `c0` is the `rowid` of the row, null for a row to
/// be added, and `c1` the number of its action, from 1; 0 or that of [`MergeAction::Nothing`] for a
/// row that changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// Database (catalog), schema and table.
    pub table: [String; 3],
    /// The actions, numbered from 1.
    pub actions: Vec<MergeAction>,
    /// Outputs that say which row it is: one row of the source may have them, if none is null.
    pub identity: Vec<usize>,
    /// The output that numbers the constraint a row violates from 1 (0 for none), and the errors, as
    /// `[SQLSTATE] message`.
    pub violations: Option<(usize, Vec<String>)>,
    /// The error for a second row of one identity, as `[SQLSTATE] message`.
    pub twice: &'static str,
    /// Columns to return: new values, or those of removed rows.
    pub returning: Vec<String>,
    pub(crate) inputs: Vec<LogicalPlan>,
    pub(crate) schema: DFSchemaRef,
}

impl Merge {
    /// The statement over a finished `input`.
    #[must_use]
    pub fn plan(
        table: [String; 3],
        actions: Vec<MergeAction>,
        identity: Vec<usize>,
        violations: Option<(usize, Vec<String>)>,
        twice: &'static str,
        returning: Vec<String>,
        input: LogicalPlan,
    ) -> LogicalPlan {
        let schema = Arc::new(DFSchema::empty());
        extension(Self {
            table,
            actions,
            identity,
            violations,
            twice,
            returning,
            inputs: vec![input],
            schema,
        })
    }

    fn explain(&self) -> String {
        let actions: Vec<&str> = self
            .actions
            .iter()
            .map(|action| match action {
                MergeAction::Update(_) => "update",
                MergeAction::Delete => "delete",
                MergeAction::Nothing => "nothing",
                MergeAction::Insert(_) => "insert",
            })
            .collect();
        format!("Merge: {} [{}]", self.table.join("."), actions.join(", "))
    }
}

plan_node!(Merge, "Merge");
