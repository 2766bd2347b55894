//! WITH items that change a duckdb table.
//!
//! Such an item is a statement of its own, which runs first and whose RETURNING is fed to the
//! rest. In Postgres all parts of a statement see the tables as they were before it; so what an
//! item changes, no other part may read.

use std::collections::HashSet;
use std::ffi::c_void;

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::nodes::{FeedColumn, FeedScan};
use bridge_types::PgType;
use datafusion_expr::{Expr, LogicalPlan};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::feed::FeedSource;
use super::scope::Lowerer;
use super::{Feed, Result, types, unsupported};
use crate::pg::{catalog, list, owned_string};

/// The items of a WITH that change tables.
///
/// # Safety
/// `query` is a valid query.
unsafe fn items(query: *mut pg_sys::Query) -> Vec<*mut pg_sys::CommonTableExpr> {
    // SAFETY: as the caller promises.
    unsafe {
        let all = list::pointers::<pg_sys::CommonTableExpr>((*query).cteList);
        all.filter(|item| changes((**item).ctequery.cast())).collect()
    }
}

/// True if an item of the statement's WITH changes a duckdb table.
///
/// # Safety
/// `query` is a valid query.
pub(crate) unsafe fn changes_duckdb(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller promises.
    unsafe { items(query).into_iter().any(|item| catalog::is_duckdb_table(target((*item).ctequery.cast()))) }
}

/// True for a statement that is no SELECT.
///
/// # Safety
/// `query` is a valid query.
pub(super) unsafe fn changes(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller promises.
    unsafe { (*query).commandType != pg_sys::CmdType::CMD_SELECT }
}

impl Lowerer {
    /// Notes what the items of the current level's WITH change.
    ///
    /// # Safety
    /// `query` is the current level's.
    pub(super) unsafe fn note_changes(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe {
            let items = items(query);
            for item in &items {
                let body = (**item).ctequery.cast::<pg_sys::Query>();
                let name = owned_string((**item).ctename);
                let relid = target(body);
                if !catalog::is_duckdb_table(relid) {
                    return unsupported(
                        format!("WITH item {name}"),
                        "it changes a table that is no duckdb table, in a statement that DuckDB runs",
                    );
                }
                let reads = Reads::of(body);
                for other in items.iter().filter(|other| !std::ptr::eq(**other, *item)) {
                    if reads.relations.contains(&target((**other).ctequery.cast()).to_u32()) {
                        return unsupported(
                            format!("WITH item {name}"),
                            "it reads a table that another item changes",
                        );
                    }
                    if reads.outer_items.contains(&owned_string((**other).ctename)) {
                        return unsupported(
                            format!("WITH item {name}"),
                            "it reads what another item that changes a table returns",
                        );
                    }
                }
                self.changed.insert(relid.to_u32());
            }
            Ok(())
        }
    }

    /// What such an item returns, as the item's query.
    ///
    /// # Safety
    /// `item` changes a duckdb table and is one of the current level's.
    pub(super) unsafe fn changing_item(&mut self, item: *mut pg_sys::CommonTableExpr) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises; the statement is a private copy.
        unsafe {
            let query = self.scope().query;
            let body = pg_sys::copyObjectImpl((*item).ctequery.cast_const().cast()).cast::<pg_sys::Query>();
            // Items that only read, which the statement may refer to, become its own.
            let own: Vec<String> = list::pointers::<pg_sys::CommonTableExpr>((*body).cteList)
                .map(|cte| owned_string((*cte).ctename))
                .collect();
            pg_sys::IncrementVarSublevelsUp(body.cast(), -1, 1);
            let mut with = std::ptr::null_mut();
            for cte in list::pointers::<pg_sys::CommonTableExpr>((*query).cteList) {
                if std::ptr::eq(cte, item) {
                    break;
                }
                if !changes((*cte).ctequery.cast()) && !own.contains(&owned_string((*cte).ctename)) {
                    with =
                        list::append(with, pg_sys::copyObjectImpl(cte.cast_const().cast()).cast::<c_void>());
                }
            }
            (*body).cteList = pg_sys::list_concat(with, (*body).cteList);

            let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*body).returningList).collect();
            let declared: Vec<PgType> =
                entries.iter().map(|entry| types::of_node((**entry).expr.cast())).collect();
            let number = self.feeds.len();
            let alias = self.unique("r");
            let columns = declared
                .iter()
                .zip(1..)
                .map(|(ty, source)| {
                    Ok(FeedColumn { name: format!("a{source}"), source, ty: types::duck(*ty)? })
                })
                .collect::<Result<Vec<_>>>()?;
            let sources = columns.iter().map(|column| i16::try_from(column.source).unwrap_or(i16::MAX));
            let columns_of = sources.collect();
            self.feeds.push(FeedSource::new(body, std::ptr::null_mut(), 0, columns_of));
            let outputs = columns
                .iter()
                .map(|column| {
                    let reference = Expr::Column(build::qualified(&alias, &column.name));
                    Typed::new(reference, column.ty.clone())
                })
                .collect();
            let name = owned_string((*item).ctename);
            Ok(build::project(FeedScan::plan(number, &name, &alias, columns)?, outputs)?)
        }
    }
}

/// A statement that returns some of its RETURNING list (numbered from 1), as a feed.
///
/// # Safety
/// `statement` is a private copy of a statement that changes a duckdb table.
pub(super) unsafe fn feed(statement: *mut pg_sys::Query, columns: &[i16]) -> Feed {
    // SAFETY: as the caller promises.
    unsafe {
        let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*statement).returningList).collect();
        let wanted = columns.iter().filter_map(|column| entries.get(usize::try_from(*column).ok()? - 1));
        let wanted: Vec<_> = wanted.copied().collect();
        // Only the number of rows may matter, which is that of any column.
        let wanted = if wanted.is_empty() { entries.into_iter().take(1).collect() } else { wanted };
        let mut specs = Vec::with_capacity(wanted.len());
        (*statement).returningList =
            wanted.into_iter().zip(1..).fold(std::ptr::null_mut(), |targets, (entry, number)| {
                (*entry).resno = number;
                specs.push(bridge_types::ColumnSpec {
                    name: owned_string((*entry).resname),
                    pg_type: types::of_node((*entry).expr.cast()),
                });
                list::append(targets, entry)
            });
        Feed { query: statement, columns: specs, first: true, keys: None }
    }
}

/// The relation a statement changes.
///
/// # Safety
/// `query` is a statement with a target.
unsafe fn target(query: *mut pg_sys::Query) -> pg_sys::Oid {
    // SAFETY: as the caller promises.
    unsafe {
        let index = (*query).resultRelation - 1;
        (*pg_sys::list_nth((*query).rtable, index).cast::<pg_sys::RangeTblEntry>()).relid
    }
}

/// What a statement reads.
#[derive(Default)]
struct Reads {
    /// Relations, its target included unless it only adds rows to it.
    relations: HashSet<u32>,
    /// Items of the WITH that it is in.
    outer_items: HashSet<String>,
    depth: u32,
}

impl Reads {
    /// # Safety
    /// `query` is a statement that is an item of a WITH.
    unsafe fn of(query: *mut pg_sys::Query) -> Self {
        let mut reads = Self::default();
        // SAFETY: as the caller promises; the context outlives the walk.
        unsafe { visit(query.cast(), (&raw mut reads).cast()) };
        reads
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Reads` of `of`.
    unsafe {
        if (*node).type_ != NodeTag::T_Query {
            return pg_sys::expression_tree_walker(node, Some(visit), context);
        }
        let reads = &mut *context.cast::<Reads>();
        let query = node.cast::<pg_sys::Query>();
        let only_adds = (*query).commandType == pg_sys::CmdType::CMD_INSERT && (*query).onConflict.is_null();
        for (entry, index) in list::pointers::<pg_sys::RangeTblEntry>((*query).rtable).zip(1..) {
            match (*entry).rtekind {
                pg_sys::RTEKind::RTE_RELATION if !(only_adds && index == (*query).resultRelation) => {
                    reads.relations.insert((*entry).relid.to_u32());
                }
                pg_sys::RTEKind::RTE_CTE if (*entry).ctelevelsup > reads.depth => {
                    reads.outer_items.insert(owned_string((*entry).ctename));
                }
                _ => {}
            }
        }
        reads.depth += 1;
        let stop = pg_sys::query_tree_walker(query, Some(visit), context, 0);
        (*context.cast::<Reads>()).depth -= 1;
        stop
    }
}
