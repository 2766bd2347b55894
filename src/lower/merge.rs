//! `MERGE INTO <duckdb table> USING .. ON .. WHEN ..`.
//!
//! The source is joined with the target as a query of its own that says for each row which
//! action it takes, and gives the values; DuckDB's MERGE finds the target's rows again by `rowid`.

use bridge_plan::nodes::{Merge, MergeAction};
use pgrx::pg_sys;
use pgrx::pg_sys::CmdType::{CMD_DELETE, CMD_INSERT, CMD_NOTHING, CMD_UPDATE};

use super::source::{self, Target};
use super::{LowerOptions, LoweredQuery, Result, finished, make, multiple, returning, unsupported};
use crate::pg::compat::{self, Match};
use crate::pg::list;

/// Output of the source that holds the number of the action.
const ACTION: &str = "action";

/// Lowers a MERGE into a duckdb table to one DuckDB MERGE.
///
/// # Safety
/// `query` is an analysed and rewritten MERGE whose target is a duckdb table.
///
/// # Errors
/// `Unsupported` for expressions and sources that DuckDB must not run.
pub(super) unsafe fn lower(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        source::check(query)?;
        if !(*query).returningList.is_null() {
            return unsupported("MERGE .. RETURNING", "DuckDB returns no columns of the source");
        }
        let target = Target::of(query)?;
        let returning = returning::lower(query, &target)?;
        if !target.has_rowid() {
            return source::hidden_rowid("MERGE");
        }
        let select = source::as_select(query);
        let from = (*select).jointree;
        let (Some(item), 1) = (
            list::pointers::<pg_sys::Node>((*from).fromlist).next(),
            list::pointers::<pg_sys::Node>((*from).fromlist).len(),
        ) else {
            return unsupported("a MERGE of this form", "it has not one source");
        };
        let clauses: Vec<*mut pg_sys::MergeAction> = list::pointers((*select).mergeActionList).collect();
        let mut kind = pg_sys::JoinType::JOIN_INNER;
        for clause in &clauses {
            match compat::merge_match(*clause) {
                Match::Both => {}
                Match::SourceOnly => kind = pg_sys::JoinType::JOIN_LEFT,
                Match::TargetOnly => {
                    return unsupported(
                        "WHEN NOT MATCHED BY SOURCE",
                        "rows of the source are all that is joined",
                    );
                }
            }
        }
        let condition = compat::take_merge_condition(select);
        (*select).jointree = make::join(kind, item, make::reference(target.index), condition);
        (*select).mergeActionList = std::ptr::null_mut();

        let action = action(&target, &clauses);
        let mut outputs = source::output(std::ptr::null_mut(), target.rowid().cast(), source::ROWID);
        outputs = source::output(outputs, action, ACTION);
        let mut actions = Vec::new();
        for (clause, number) in clauses.iter().zip(1..) {
            let mut values = Vec::new();
            let assignments = multiple::single_assignments((**clause).targetList);
            for entry in list::pointers::<pg_sys::TargetEntry>(assignments) {
                let column = target.column((*entry).resno);
                values.push((column.clone(), list::pointers::<pg_sys::Node>(outputs).len()));
                // Computed only for the rows that take this action.
                let taken = make::equal(make::copy(action), make::integer(number));
                let value = make::case(&[(taken, (*entry).expr.cast())], std::ptr::null_mut());
                outputs = source::output(outputs, value, &column);
            }
            actions.push(match (**clause).commandType {
                CMD_UPDATE => MergeAction::Update(values),
                CMD_DELETE => MergeAction::Delete,
                CMD_INSERT => MergeAction::Insert(values),
                _ => MergeAction::Nothing,
            });
        }
        (*select).targetList = outputs;
        let mut source = source::lower_or_compute(select, options)?;
        source.plan = Merge::plan(
            target.name,
            actions,
            vec![0],
            None,
            "[21000] MERGE command cannot affect row a second time",
            returning.columns(),
            source.plan,
        );
        finished(source, returning)
    }
}

/// The number of the action that a row of the join takes, 0 for none: the first one whose
/// condition holds, among those for rows that matched or did not.
///
/// # Safety
/// `clauses` are the actions of a MERGE into `target`.
unsafe fn action(target: &Target, clauses: &[*mut pg_sys::MergeAction]) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        let choice = |matched: bool| {
            let mut branches = Vec::new();
            for (clause, number) in clauses.iter().zip(1..) {
                if (compat::merge_match(*clause) == Match::Both) != matched {
                    continue;
                }
                let number = if (**clause).commandType == CMD_NOTHING { 0 } else { number };
                if (**clause).qual.is_null() {
                    return make::case(&branches, make::integer(number));
                }
                branches.push((make::copy((**clause).qual), make::integer(number)));
            }
            make::case(&branches, make::integer(0))
        };
        let missing = make::is_null(target.rowid().cast());
        make::case(&[(missing, choice(false))], choice(true))
    }
}
