//! Which DuckDB instance runs a statement, and what it reads from the others.
//!
//! A statement runs where the table is that it changes, or else in the MotherDuck account if
//! it reads any table there. Tables that are elsewhere are read by queries of their own, of
//! the needed columns, through `instance_scan(n)`.

use bridge_plan::DuckType;
use bridge_plan::nodes::{FeedColumn, FeedKind, FeedScan, TableFunction, node_of};
use bridge_types::names::quote_identifier;
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_expr::LogicalPlan;
use pgrx::pg_sys;

use super::scope::Lowerer;
use super::{LowerError, Result};
use crate::engine::session::{Instance, RemoteSql};
use crate::hooks::planner;
use crate::resolve::view::View;
use crate::tables::table::{self, Location, Table};

/// A table, or a view, that the statement's instance does not have.
pub(super) struct RemoteTable {
    instance: Instance,
    /// What follows FROM.
    from: String,
    /// Names of its columns, in the order of [`FeedColumn::source`].
    columns: Vec<String>,
}

/// Where a statement that changes a table runs.
///
/// # Safety
/// `query` is an analysed statement that changes a duckdb table.
pub(super) unsafe fn of_target(query: *mut pg_sys::Query) -> Result<Instance> {
    // SAFETY: as the caller promises.
    let relid = unsafe {
        let entry = pg_sys::list_nth((*query).rtable, (*query).resultRelation - 1);
        (*entry.cast::<pg_sys::RangeTblEntry>()).relid
    };
    Ok(table::of_relation(relid).map_err(|error| LowerError::Engine(*error.0))?.instance())
}

impl Lowerer {
    /// Where the statement runs.
    fn instance(&mut self) -> Instance {
        if let Some(instance) = self.options.instance {
            return instance;
        }
        let query = self.scopes.first().map(|scope| scope.query);
        // SAFETY: the outermost query that is being lowered.
        let remote = query.is_some_and(|query| unsafe { planner::touches(query) }.motherduck_table);
        let instance = if remote { Instance::MotherDuck } else { Instance::Main };
        self.options.instance = Some(instance);
        instance
    }

    /// What scans a table that the statement's instance cannot name; `None` if it can.
    pub(super) fn scan_elsewhere(
        &mut self,
        table: &Table,
        alias: &str,
        columns: &[(String, DuckType)],
    ) -> Result<Option<LogicalPlan>> {
        let source = match &table.location {
            Location::MotherDuck { source, .. } => source.clone(),
            Location::Temporary | Location::Local(_) => None,
        };
        if self.instance() == table.instance() {
            return source.map(|call| Ok(TableFunction::plan(call, alias, columns)?)).transpose();
        }
        let remote = RemoteTable {
            instance: table.instance(),
            from: source.unwrap_or_else(|| table.qualified()),
            columns: columns.iter().map(|(name, _)| name.clone()).collect(),
        };
        self.remote_scan(remote, &table.name, alias, columns).map(Some)
    }

    /// What scans a view of the MotherDuck account, whose columns are to be called as `columns` says.
    pub(super) fn scan_view(
        &mut self,
        view: View,
        alias: &str,
        columns: &[(String, DuckType)],
    ) -> Result<LogicalPlan> {
        if self.instance() == Instance::MotherDuck {
            return Ok(TableFunction::plan(view.from, alias, columns)?);
        }
        let remote = RemoteTable { instance: Instance::MotherDuck, from: view.from, columns: view.columns };
        self.remote_scan(remote, &view.name, alias, columns)
    }

    fn remote_scan(
        &mut self,
        remote: RemoteTable,
        label: &str,
        alias: &str,
        columns: &[(String, DuckType)],
    ) -> Result<LogicalPlan> {
        let number = self.remote_tables.len();
        self.remote_tables.push(remote);
        let columns = columns
            .iter()
            .zip(0..)
            .map(|((name, ty), source)| FeedColumn { name: name.clone(), source, ty: ty.clone() })
            .collect();
        Ok(FeedScan::plan_kind(FeedKind::Instance, number, label, alias, columns)?)
    }

    /// The queries behind the plan's `instance_scan`s, after the rules have chosen their columns.
    pub(super) fn finish_remote_scans(&self, plan: &LogicalPlan) -> Vec<RemoteSql> {
        let mut columns: Vec<Vec<usize>> =
            self.remote_tables.iter().map(|table| (0..table.columns.len()).collect()).collect();
        let walked = plan.apply_with_subqueries(|node| {
            if let Some(scan) = node_of::<FeedScan>(node)
                && scan.kind == FeedKind::Instance
                && let Some(slot) = columns.get_mut(scan.index)
            {
                *slot =
                    scan.columns.iter().filter_map(|column| usize::try_from(column.source).ok()).collect();
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the visitor returns no errors");
        self.remote_tables
            .iter()
            .zip(columns)
            .map(|(table, columns)| {
                let names: Vec<String> =
                    columns.into_iter().map(|column| quote_identifier(&table.columns[column])).collect();
                // Without columns only the number of rows matters.
                let list = if names.is_empty() { "1".to_owned() } else { names.join(", ") };
                RemoteSql { instance: table.instance, sql: format!("SELECT {list} FROM {} AS t", table.from) }
            })
            .collect()
    }
}
