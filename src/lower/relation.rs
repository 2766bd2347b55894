//! The range table and FROM.

use bridge_plan::DuckType;
use bridge_plan::build;
use bridge_plan::nodes::{CteScan, FeedColumn, FeedScan, Relation, TableFunction, ValuesList};
use bridge_types::PgType;
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::{JoinType, LogicalPlan};
use pgrx::pg_sys;
use std::sync::Arc;

use super::expr::refers as depends;
use super::feed::{self, FeedSource};
use super::scope::{Entry, Lowerer};
use super::{LowerError, Result, make, pushdown, source, types, unsupported};
use crate::pg::{catalog, list, owned_string};
use crate::resolve::{self, reader};
use crate::tables::{snapshot, table};

impl Lowerer {
    /// The items of a FROM list as one plan: their cross product.
    ///
    /// # Safety
    /// `items` is a list of join tree nodes of the current level.
    pub(super) unsafe fn cross_product(&mut self, items: *mut pg_sys::List) -> Result<LogicalPlan> {
        let mut plan = None;
        // SAFETY: as the caller promises.
        unsafe {
            for item in list::pointers::<pg_sys::Node>(items) {
                let right = self.join_item(item)?;
                plan = Some(match plan {
                    None => right,
                    Some(left) => build::join(left, right, JoinType::Inner, None),
                });
            }
        }
        Ok(plan.unwrap_or_else(build::one_row))
    }

    /// # Safety
    /// `node` is a join tree node of the current level.
    unsafe fn join_item(&mut self, node: *mut pg_sys::Node) -> Result<LogicalPlan> {
        self.nested(|this| {
            // SAFETY: as the caller promises; the tag says what the node is.
            unsafe {
                match (*node).type_ {
                    pg_sys::NodeTag::T_RangeTblRef => {
                        this.entry((*node.cast::<pg_sys::RangeTblRef>()).rtindex)
                    }
                    pg_sys::NodeTag::T_JoinExpr => this.join(&*node.cast::<pg_sys::JoinExpr>()),
                    pg_sys::NodeTag::T_FromExpr => {
                        let from = &*node.cast::<pg_sys::FromExpr>();
                        if !from.quals.is_null() {
                            return unsupported(
                                "a nested FROM with conditions",
                                "it is not a query level of its own",
                            );
                        }
                        this.cross_product(from.fromlist)
                    }
                    other => unsupported(format!("join tree node {other:?}"), "it is not known"),
                }
            }
        })
    }

    /// # Safety
    /// `join` belongs to the current level.
    unsafe fn join(&mut self, join: &pg_sys::JoinExpr) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let left = self.join_item(join.larg)?;
            let right = self.join_item(join.rarg)?;
            let join_type = match join.jointype {
                pg_sys::JoinType::JOIN_INNER => JoinType::Inner,
                pg_sys::JoinType::JOIN_LEFT => JoinType::Left,
                pg_sys::JoinType::JOIN_RIGHT => JoinType::Right,
                pg_sys::JoinType::JOIN_FULL => JoinType::Full,
                other => return unsupported(format!("join type {other}"), "it is not known"),
            };
            if join.rtindex > 0 {
                self.set_entry(join.rtindex, Entry::Join);
            }
            let condition = if join.quals.is_null() {
                None
            } else {
                self.condition_above(join.quals, &pushdown::sides_of_on(join))?
            };
            Ok(build::join(left, right, join_type, condition))
        }
    }

    fn set_entry(&mut self, index: i32, entry: Entry) {
        let slot = usize::try_from(index - 1).ok().and_then(|index| self.scope().entries.get_mut(index));
        *slot.expect("range-table indexes of a join tree are valid") = entry;
    }

    /// The plan of a range-table entry; from here on its columns can be referred to.
    ///
    /// # Safety
    /// `index` is an index into the current level's range table.
    unsafe fn entry(&mut self, index: i32) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises; the kind says which fields are set.
        unsafe {
            let query = self.scope().query;
            let entry = pg_sys::list_nth((*query).rtable, index - 1).cast::<pg_sys::RangeTblEntry>();
            match (*entry).rtekind {
                pg_sys::RTEKind::RTE_RELATION => self.relation(query, entry, index),
                pg_sys::RTEKind::RTE_SUBQUERY if self.fed == Some(index) && self.scopes.len() == 1 => {
                    self.function_in_from(query, entry, index)
                }
                pg_sys::RTEKind::RTE_SUBQUERY => self.subquery(entry, index),
                pg_sys::RTEKind::RTE_VALUES => self.values(entry, index),
                pg_sys::RTEKind::RTE_CTE => self.cte_reference(entry, index),
                pg_sys::RTEKind::RTE_RESULT => Ok(build::one_row()),
                pg_sys::RTEKind::RTE_FUNCTION if reader::call(entry).is_some() => self.reader(entry, index),
                pg_sys::RTEKind::RTE_FUNCTION if depends((*entry).functions.cast(), std::ptr::null_mut()) => {
                    self.functions_over_rows(entry, index)
                }
                pg_sys::RTEKind::RTE_FUNCTION => self.function_in_from(query, entry, index),
                pg_sys::RTEKind::RTE_TABLEFUNC => unsupported("XMLTABLE", "DuckDB does not have it"),
                _ => unsupported("a transition table or tuplestore", "it exists in Postgres only"),
            }
        }
    }

    /// # Safety
    /// `entry` is a relation of `query`.
    unsafe fn relation(
        &mut self,
        query: *mut pg_sys::Query,
        entry: *mut pg_sys::RangeTblEntry,
        index: i32,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let alias = self.unique("r");
            let relid = (*entry).relid;
            let count =
                if (*(*entry).eref).colnames.is_null() { 0 } else { (*(*(*entry).eref).colnames).length };
            let is_duckdb = catalog::is_duckdb_table(relid);
            let mut names = Vec::new();
            let mut columns: Vec<(String, i16, DuckType)> = Vec::new();
            for attribute in 1..=i16::try_from(count).unwrap_or(i16::MAX) {
                let ty = if pg_sys::get_rte_attribute_is_dropped(entry, attribute)
                    || catalog::is_multidimensional(relid, attribute)
                {
                    None
                } else {
                    DuckType::for_pg(attribute_type(relid, attribute)).ok()
                };
                let name = match &ty {
                    None => None,
                    Some(_) if is_duckdb => Some(owned_string(pg_sys::get_attname(relid, attribute, false))),
                    Some(_) => Some(format!("a{attribute}")),
                };
                if let (Some(ty), Some(name)) = (ty, &name) {
                    columns.push((name.clone(), attribute, ty));
                }
                names.push(name);
            }
            self.set_entry(index, Entry::Columns { alias: alias.clone(), names });
            if is_duckdb {
                if self.changed.contains(&relid.to_u32()) {
                    return unsupported(
                        format!("reading table \"{}\"", owned_string(pg_sys::get_rel_name(relid))),
                        "an item of the statement's WITH changes it, which this part must not see",
                    );
                }
                let own_level = self.fragment && self.scopes.len() == 1;
                if !own_level && !(*entry).securityQuals.is_null() {
                    return unsupported(
                        "row-level security on a duckdb table",
                        "its policies are Postgres expressions",
                    );
                }
                if !(*entry).tablesample.is_null() {
                    return unsupported("TABLESAMPLE", "DuckDB samples differently");
                }
                let table = table::of_relation(relid)
                    .and_then(|table| snapshot::reads(&table).map(|()| table))
                    .map_err(|error| LowerError::Engine(*error.0))?;
                let declared: Vec<_> =
                    columns.iter().map(|(name, _, ty)| (name.clone(), ty.clone())).collect();
                if let Some(scan) = self.scan_elsewhere(&table, &alias, &declared)? {
                    return Ok(scan);
                }
                let name = [table.database(), table.duckdb_schema().to_owned(), table.name.clone()];
                let mut columns: Vec<_> = columns.into_iter().map(|(name, _, ty)| (name, ty)).collect();
                if !columns.iter().any(|(name, _)| name.eq_ignore_ascii_case(source::ROWID)) {
                    columns.push((source::ROWID.to_owned(), source::ROWID_TYPE));
                }
                return Ok(Relation::plan(name, &alias, &columns)?);
            }
            let number = self.feeds.len();
            let attributes = columns.iter().map(|(_, attribute, _)| *attribute).collect();
            self.feeds.push(FeedSource::new(query, entry, index, attributes));
            let columns = columns
                .into_iter()
                .map(|(name, attribute, ty)| FeedColumn { name, source: attribute.into(), ty })
                .collect();
            let label = owned_string(pg_sys::get_rel_name(relid));
            Ok(FeedScan::plan(number, &label, &alias, columns)?)
        }
    }

    /// # Safety
    /// `entry` is a reader of files, or a view of MotherDuck, see [`reader::call`].
    unsafe fn reader(&mut self, entry: *mut pg_sys::RangeTblEntry, index: i32) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises; resolving gave the function its column lists.
        unsafe {
            let view = resolve::view::of(entry).map_err(|error| LowerError::Engine(*error.0))?;
            let function = list::pointers::<pg_sys::RangeTblFunction>((*entry).functions)
                .next()
                .expect("reader::call found it");
            let columns = list::oids((*function).funccoltypes)
                .into_iter()
                .zip(list::integers((*function).funccoltypmods))
                .enumerate()
                .map(|(i, (oid, typmod))| Ok((build::column_name(i), types::duck(types::base(oid, typmod))?)))
                .collect::<Result<Vec<_>>>()?;
            let alias = self.unique("r");
            self.set_outputs(index, &alias, columns.len());
            if let Some(view) = view {
                return self.scan_view(view, &alias, &columns);
            }
            let call = resolve::reader_sql(entry).map_err(|error| LowerError::Engine(*error.0))?;
            Ok(TableFunction::plan(call, &alias, &columns)?)
        }
    }

    /// A function (or [`Lowerer::fed`]) in FROM that depends on nothing else in the query: Postgres
    /// calls it and feeds its rows, so that every such function there is can be joined with duckdb
    /// tables.
    ///
    /// # Safety
    /// `entry` is an entry of `query`, the current level, that calls functions.
    unsafe fn function_in_from(
        &mut self,
        query: *mut pg_sys::Query,
        entry: *mut pg_sys::RangeTblEntry,
        index: i32,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let name = owned_string((*(*entry).eref).aliasname);
            let alias = self.unique("r");
            let mut names = Vec::new();
            let mut columns = Vec::new();
            for (i, column) in feed::columns_of_entry(entry).into_iter().enumerate() {
                let attribute = i16::try_from(i + 1).unwrap_or(i16::MAX);
                let ty = column.and_then(|(_, var)| {
                    DuckType::for_pg(types::base((*var).vartype, (*var).vartypmod)).ok()
                });
                let name = ty.as_ref().map(|_| format!("a{attribute}"));
                if let (Some(ty), Some(name)) = (ty, &name) {
                    columns.push(FeedColumn { name: name.clone(), source: attribute.into(), ty });
                }
                names.push(name);
            }
            self.set_entry(index, Entry::Columns { alias: alias.clone(), names });
            let number = self.feeds.len();
            let attributes =
                columns.iter().map(|column| i16::try_from(column.source).unwrap_or(i16::MAX)).collect();
            self.feeds.push(FeedSource::new(query, entry, index, attributes));
            Ok(FeedScan::plan(number, &name, &alias, columns)?)
        }
    }

    /// # Safety
    /// `entry` is a subquery of the current level.
    unsafe fn subquery(&mut self, entry: *mut pg_sys::RangeTblEntry, index: i32) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let plan = self.query((*entry).subquery)?;
            let alias = self.unique("r");
            let count = plan.schema().fields().len();
            self.set_outputs(index, &alias, count);
            let plan = if (*entry).lateral { lateral(plan) } else { plan };
            Ok(build::subquery_alias(plan, &alias)?)
        }
    }

    /// Columns `c0`.. of `alias`.
    pub(super) fn set_outputs(&mut self, index: i32, alias: &str, count: usize) {
        let names = (0..count).map(|i| Some(build::column_name(i))).collect();
        self.set_entry(index, Entry::Columns { alias: alias.to_owned(), names });
    }

    /// # Safety
    /// `entry` is a VALUES list of the current level.
    unsafe fn values(&mut self, entry: *mut pg_sys::RangeTblEntry, index: i32) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises: a list of lists of expressions, and lists of types.
        unsafe {
            let mut rows = Vec::new();
            for row in list::pointers::<pg_sys::List>((*entry).values_lists) {
                let row = list::pointers::<pg_sys::Node>(row)
                    .map(|node| self.folded(node))
                    .collect::<Result<Vec<_>>>()?;
                rows.push(row);
            }
            let type_oids = list::oids((*entry).coltypes);
            let columns = type_oids
                .into_iter()
                .zip(list::integers((*entry).coltypmods))
                .enumerate()
                .map(|(i, (oid, typmod))| Ok((build::column_name(i), types::duck(types::base(oid, typmod))?)))
                .collect::<Result<Vec<_>>>()?;
            let alias = self.unique("r");
            self.set_outputs(index, &alias, columns.len());
            Ok(ValuesList::plan(rows, &alias, &columns)?)
        }
    }

    /// # Safety
    /// `entry` is a CTE reference of the current level.
    unsafe fn cte_reference(&mut self, entry: *mut pg_sys::RangeTblEntry, index: i32) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let name = owned_string((*entry).ctename);
            let level = usize::try_from((*entry).ctelevelsup).unwrap_or(usize::MAX);
            let scope =
                self.scopes.len().checked_sub(level.saturating_add(1)).and_then(|i| self.scopes.get(i));
            let Some(cte) = scope.and_then(|scope| scope.ctes.iter().find(|cte| cte.name == name)).cloned()
            else {
                return unsupported(format!("WITH item {name}"), "it is not in reach");
            };
            let columns = cte
                .types
                .iter()
                .enumerate()
                .map(|(i, ty)| Ok((build::column_name(i), types::duck(*ty)?)))
                .collect::<Result<Vec<_>>>()?;
            let alias = self.unique("r");
            self.set_outputs(index, &alias, columns.len());
            Ok(CteScan::plan(&cte.plan_name, &alias, &columns)?)
        }
    }
}

/// A subquery that refers to the items before it.
pub(super) fn lateral(plan: LogicalPlan) -> LogicalPlan {
    LogicalPlan::Subquery(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: Vec::new(),
        spans: datafusion_common::Spans::new(),
    })
}

fn attribute_type(relid: pg_sys::Oid, attribute: i16) -> PgType {
    // SAFETY: an attribute of a relation that the query has locked.
    let var = unsafe { &*make::var(relid, 1, attribute) };
    types::base(var.vartype, var.vartypmod)
}
