//! Feeds: queries that Postgres runs and whose rows DuckDB pulls through `bridge_scan(n)`.

use bridge_plan::nodes::{FeedKind, FeedScan, node_of};
use bridge_types::{ColumnSpec, PgType, oid};
use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_expr::LogicalPlan;
use pgrx::pg_sys;
use std::ffi::c_char;

use super::join_keys::JoinKeys;
use super::scope::Lowerer;
use super::{Feed, changing, make, types};
use crate::pg::{self, compat, list, node_string, owned_string, palloc_string};

/// A relation to be fed, before it is known which columns are needed; or a WITH item that changes
/// a table, see [`super::changing`].
pub(super) struct FeedSource {
    /// The level it is in; the item itself.
    pub(super) query: *mut pg_sys::Query,
    /// Its range-table entry there; null for an item.
    pub(super) entry: *mut pg_sys::RangeTblEntry,
    /// Index of that entry, 1-based.
    pub(super) index: i32,
    /// Attribute numbers that the plan may refer to.
    pub(super) columns: Vec<i16>,
    /// Conditions on its rows, see [`super::pushdown`]; it is relation 1 there.
    pub(super) quals: *mut pg_sys::List,
    /// Its level is nothing but rows of it up to a LIMIT.
    pub(super) limitable: bool,
    /// How many of its rows can be wanted at all, a bigint; null for all.
    pub(super) limit: *mut pg_sys::Node,
    /// Keys that its rows must have.
    pub(super) keys: Option<JoinKeys>,
    /// For estimates; null until they are needed.
    pub(super) planner: *mut pg_sys::PlannerInfo,
}

impl FeedSource {
    /// A feed of all rows.
    pub(super) fn new(
        query: *mut pg_sys::Query,
        entry: *mut pg_sys::RangeTblEntry,
        index: i32,
        columns: Vec<i16>,
    ) -> Self {
        let (quals, limit, planner) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        Self { query, entry, index, columns, quals, limitable: false, limit, keys: None, planner }
    }
}

impl Lowerer {
    /// The feeds of a finished plan, each with the columns that are left in it.
    pub(super) fn finish_feeds(&self, plan: &LogicalPlan) -> Vec<Feed> {
        let mut columns: Vec<Vec<i16>> = self.feeds.iter().map(|feed| feed.columns.clone()).collect();
        let walked = plan.apply_with_subqueries(|node| {
            if let Some(scan) = node_of::<FeedScan>(node)
                && scan.kind == FeedKind::Backend
                && let Some(slot) = columns.get_mut(scan.index)
            {
                *slot = scan.columns.iter().filter_map(|column| i16::try_from(column.source).ok()).collect();
            }
            Ok(TreeNodeRecursion::Continue)
        });
        debug_assert!(walked.is_ok(), "the visitor returns no errors");
        let feed = |(source, columns): (&FeedSource, Vec<i16>)| {
            // SAFETY: entries of the query that is being planned, and items of its WITH.
            unsafe {
                if source.entry.is_null() {
                    changing::feed(source.query, &columns)
                } else {
                    let feed = select(source, &columns);
                    let keys = source.keys.and_then(|keys| self.finish_keys(&keys, feed.query));
                    Feed { keys, ..feed }
                }
            }
        };
        self.feeds.iter().zip(columns).map(feed).collect()
    }
}

/// `SELECT FROM relation WHERE <quals>`, with the relation's privileges, RLS and sampling.
///
/// # Safety
/// The source's entry is a relation, functions or a subquery of its query.
pub(super) unsafe fn base(source: &FeedSource) -> *mut pg_sys::Query {
    // SAFETY: as the caller promises; new nodes live in the current memory context.
    unsafe {
        let query = pg::new_node::<pg_sys::Query>(pg_sys::NodeTag::T_Query);
        (*query).commandType = pg_sys::CmdType::CMD_SELECT;
        (*query).querySource = pg_sys::QuerySource::QSRC_ORIGINAL;
        (*query).canSetTag = true;
        (*query).hasRowSecurity = (*source.query).hasRowSecurity;
        (*query).stmt_location = -1;

        let entry = pg_sys::copyObjectImpl(source.entry.cast()).cast::<pg_sys::RangeTblEntry>();
        if !(*entry).securityQuals.is_null() {
            pg_sys::ChangeVarNodes((*entry).securityQuals.cast(), source.index, 1, 0);
            (*query).hasSubLinks = pg_sys::checkExprHasSubLink((*entry).securityQuals.cast());
        }
        (*query).rtable = list::append(std::ptr::null_mut(), entry);
        #[cfg(not(feature = "pg15"))]
        {
            (*query).rteperminfos = pg_sys::copyObjectImpl((*source.query).rteperminfos.cast()).cast();
        }

        let reference = pg::new_node::<pg_sys::RangeTblRef>(pg_sys::NodeTag::T_RangeTblRef);
        (*reference).rtindex = 1;
        let from = list::append(std::ptr::null_mut(), reference);
        let quals = if source.quals.is_null() {
            std::ptr::null_mut()
        } else {
            pg_sys::make_ands_explicit(pg_sys::copyObjectImpl(source.quals.cast()).cast())
        };
        (*query).jointree = pg_sys::makeFromExpr(from, quals.cast());
        query
    }
}

/// As [`base`], with columns.
///
/// # Safety
/// As [`base`].
unsafe fn select(source: &FeedSource, columns: &[i16]) -> Feed {
    // SAFETY: as the caller promises; new nodes live in the current memory context.
    unsafe {
        let query = base(source);
        let entry = list::pointers::<pg_sys::RangeTblEntry>((*query).rtable).next();
        let entry = entry.expect("a feed has one relation");
        if !source.limit.is_null() {
            (*query).limitCount = source.limit;
            (*query).limitOption = pg_sys::LimitOption::LIMIT_OPTION_COUNT;
        }
        let mut targets = std::ptr::null_mut();
        let mut specs = Vec::with_capacity(columns.len().max(1));
        let of_functions = if (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION {
            Vec::new()
        } else {
            columns_of_entry(entry)
        };
        for (i, attribute) in columns.iter().enumerate() {
            let position = usize::try_from(*attribute - 1).unwrap_or(usize::MAX);
            let (name, var) = match of_functions.get(position) {
                Some(column) => (*column).expect("dropped columns are not referred to"),
                None => {
                    let relid = (*entry).relid;
                    (pg_sys::get_attname(relid, *attribute, true), make::var(relid, 1, *attribute))
                }
            };
            let number = i16::try_from(i + 1).expect("a relation has at most 1600 columns");
            targets = list::append(targets, pg_sys::makeTargetEntry(var.cast(), number, name, false));
            let pg_type = types::base((*var).vartype, (*var).vartypmod);
            specs.push(ColumnSpec { name: owned_string(name), pg_type });
        }
        if columns.is_empty() {
            // Only the number of rows matters; DuckDB has no tables without columns.
            let name = palloc_string("one");
            let one = pg_sys::makeTargetEntry(make::integer(1).cast(), 1, name, false);
            targets = list::append(targets, one);
            specs.push(ColumnSpec { name: "one".to_owned(), pg_type: PgType::new(oid::INT4) });
        }
        (*query).targetList = targets;
        Feed { query, columns: specs, first: false, keys: None }
    }
}

/// Name and Var of each column of functions or a subquery in FROM, as if they were the only relation; `None`
/// for dropped columns of composite types.
///
/// # Safety
/// `entry` is a function or subquery entry.
pub(super) unsafe fn columns_of_entry(
    entry: *mut pg_sys::RangeTblEntry,
) -> Vec<Option<(*mut c_char, *mut pg_sys::Var)>> {
    // SAFETY: as the caller promises; expandRTE returns lists of one length, of String and of Var
    // (or of Const for what is dropped).
    unsafe {
        let (mut names, mut vars) = (std::ptr::null_mut(), std::ptr::null_mut());
        compat::expand_entry(entry, 1, &raw mut names, &raw mut vars);
        list::pointers::<pg_sys::Node>(names)
            .zip(list::pointers::<pg_sys::Node>(vars))
            .map(|(name, var)| {
                let name = palloc_string(&node_string(name));
                ((*var).type_ == pg_sys::NodeTag::T_Var).then_some((name, var.cast()))
            })
            .collect()
    }
}

/// A whole SELECT as a feed: Postgres computes it, domains come as their base types.
///
/// # Safety
/// `query` is an analysed and rewritten SELECT.
pub(super) unsafe fn feed_of(query: *mut pg_sys::Query) -> Feed {
    // SAFETY: as the caller promises.
    unsafe {
        let columns = super::output_columns(query).into_iter().map(|column| column.spec).collect();
        Feed { query, columns, first: false, keys: None }
    }
}
