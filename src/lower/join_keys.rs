//! Keys for a feed from the other side of a join.
//!
//! A row of a heap table that no row of the other side can match need not be fed. If the other side
//! is a duckdb table, DuckDB can say which keys there are before the feed starts, and the feed
//! then has `= ANY (keys)` among its conditions: [`crate::scan::join_keys`] decides that when it runs.
//!
//! Only where both sides must match: an equality of WHERE or of an inner join's ON, no outer join in
//! between, by the hash and btree equality of one type. Conditions on the duckdb table beside it narrow
//! its keys; leaving one out makes more keys than needed, never fewer.

use bridge_types::ColumnSpec;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::feed::{self, FeedSource};
use super::pushdown::must_stay;
use super::scope::Lowerer;
use super::{FeedKeys, LowerOptions, make};
use crate::pg::{catalog, compat, list};

/// Most keys that are sent back: enough for a selective join, few enough to plan with in a moment.
pub(crate) const MOST_KEYS: i64 = 10_000;

/// An equality with a duckdb table, before it is known whether DuckDB can run the query for its keys.
#[derive(Clone, Copy)]
pub(super) struct JoinKeys {
    /// The level of both sides.
    query: *mut pg_sys::Query,
    /// Index of the duckdb table there.
    table: i32,
    /// Its side, and conditions on it; the table is relation 1.
    key: *mut pg_sys::Node,
    quals: *mut pg_sys::List,
    /// The feed's side; the feed is relation 1.
    value: *mut pg_sys::Node,
    operator: pg_sys::Oid,
    collation: pg_sys::Oid,
}

impl Lowerer {
    /// Notes equalities of feeds with duckdb tables.
    ///
    /// # Safety
    /// `conjuncts` are folded conditions of the current level on the rows of all of `relations`, which no join
    /// above them fills up with nulls.
    pub(super) unsafe fn note_join_keys(&mut self, conjuncts: *mut pg_sys::List, relations: &[i32]) {
        // A table that the statement changes meanwhile.
        if !self.changed.is_empty() {
            return;
        }
        // SAFETY: as the caller promises.
        unsafe {
            let query = self.scope().query;
            // Conditions further up the join tree.
            for keys in self.feeds.iter_mut().filter_map(|feed| feed.keys.as_mut()) {
                if keys.query == query && relations.contains(&keys.table) {
                    keys.quals = pg_sys::list_concat(keys.quals, about(query, keys.table, conjuncts));
                }
            }
            for conjunct in list::pointers::<pg_sys::Node>(conjuncts) {
                if (*conjunct).type_ != NodeTag::T_OpExpr || must_stay(conjunct, std::ptr::null_mut()) {
                    continue;
                }
                let equality = compat::flatten_join_alias_vars(query, make::copy(conjunct));
                let equality = &*equality.cast::<pg_sys::OpExpr>();
                let sides: Vec<*mut pg_sys::Node> = list::pointers(equality.args).collect();
                let [left, right] = sides[..] else { continue };
                if !is_equality(equality.opno, left, right, equality.inputcollid) {
                    continue;
                }
                let swapped = pg_sys::get_commutator(equality.opno);
                for (value, key, operator) in [(left, right, equality.opno), (right, left, swapped)] {
                    let (Some(fed), Some(table)) = (only_relation(value), only_relation(key)) else {
                        continue;
                    };
                    let Some(feed) = self.feed_of(fed).filter(|_| relations.contains(&fed)) else { continue };
                    if operator == pg_sys::InvalidOid
                        || self.feeds[feed].keys.is_some()
                        || !relations.contains(&table)
                        || !is_duckdb_table(query, table)
                    {
                        continue;
                    }
                    let (value, key) = (make::copy(value), make::copy(key));
                    pg_sys::ChangeVarNodes(value, fed, 1, 0);
                    pg_sys::ChangeVarNodes(key, table, 1, 0);
                    let (quals, collation) = (about(query, table, conjuncts), equality.inputcollid);
                    let keys = JoinKeys { query, table, key, quals, value, operator, collation };
                    self.feeds[feed].keys = Some(keys);
                }
            }
        }
    }

    /// The keys of a feed whose query is `query`, if DuckDB can tell them.
    ///
    /// # Safety
    /// [`Self::note_join_keys`] has noted them for that feed, of a plan that is finished.
    pub(super) unsafe fn finish_keys(&self, keys: &JoinKeys, query: *mut pg_sys::Query) -> Option<FeedKeys> {
        let instance = self.options.instance;
        // SAFETY: as the caller promises; a query of its own.
        let lowered = unsafe {
            let options = LowerOptions { instance, ..LowerOptions::default() };
            super::lower_query(keys.as_query(), &options).ok()?
        };
        let simple = lowered.instance == instance.unwrap_or_default()
            && lowered.feeds.is_empty()
            && lowered.remote_scans.is_empty()
            && !lowered.plan_time_values;
        let column: ColumnSpec = lowered.columns.first()?.spec.clone();
        simple.then(|| FeedKeys {
            sql: lowered.sql,
            params: lowered.params,
            column,
            value: keys.value,
            operator: keys.operator,
            collation: keys.collation,
            // SAFETY: as the caller promises. The planner scribbles on the original.
            query: unsafe { pg_sys::copyObjectImpl(query.cast()).cast() },
        })
    }
}

/// True for an operator that means the same to btrees and hashes, on two expressions of one type.
///
/// # Safety
/// Two analysed expressions that `operator` takes.
unsafe fn is_equality(
    operator: pg_sys::Oid,
    left: *mut pg_sys::Node,
    right: *mut pg_sys::Node,
    collation: pg_sys::Oid,
) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let type_oid = pg_sys::exprType(left);
        type_oid == pg_sys::exprType(right)
            && pg_sys::op_mergejoinable(operator, type_oid)
            && pg_sys::op_hashjoinable(operator, type_oid)
            && pg_sys::get_array_type(type_oid) != pg_sys::InvalidOid
            && (collation == pg_sys::InvalidOid || pg_sys::get_collation_isdeterministic(collation))
    }
}

/// The only relation of the level that an expression refers to.
///
/// # Safety
/// `node` is an analysed expression without references to outer levels.
pub(super) unsafe fn only_relation(node: *mut pg_sys::Node) -> Option<i32> {
    let mut index = 0;
    // SAFETY: as the caller promises.
    unsafe {
        let relations = pg_sys::pull_varnos(std::ptr::null_mut(), node);
        pg_sys::bms_get_singleton_member(relations, &raw mut index).then_some(index)
    }
}

/// True for a duckdb table in FROM.
///
/// # Safety
/// `index` is one of `query`'s relations.
unsafe fn is_duckdb_table(query: *mut pg_sys::Query, index: i32) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let entry = &*pg_sys::list_nth((*query).rtable, index - 1).cast::<pg_sys::RangeTblEntry>();
        entry.rtekind == pg_sys::RTEKind::RTE_RELATION
            && entry.securityQuals.is_null()
            && catalog::is_duckdb_table(entry.relid)
    }
}

/// Those of `conjuncts` that are about one relation alone, which is relation 1 in them.
///
/// # Safety
/// `conjuncts` are folded conditions of `query`.
unsafe fn about(query: *mut pg_sys::Query, index: i32, conjuncts: *mut pg_sys::List) -> *mut pg_sys::List {
    let mut found = std::ptr::null_mut();
    // SAFETY: as the caller promises; private copies are changed.
    unsafe {
        for conjunct in list::pointers::<pg_sys::Node>(conjuncts) {
            if must_stay(conjunct, std::ptr::null_mut()) {
                continue;
            }
            let conjunct = compat::flatten_join_alias_vars(query, make::copy(conjunct));
            if only_relation(conjunct) == Some(index) {
                pg_sys::ChangeVarNodes(conjunct, index, 1, 0);
                found = list::append(found, conjunct);
            }
        }
    }
    found
}

impl JoinKeys {
    /// `SELECT key FROM table WHERE .. LIMIT`.
    ///
    /// # Safety
    /// The level is valid.
    unsafe fn as_query(&self) -> *mut pg_sys::Query {
        // SAFETY: as the caller promises.
        unsafe {
            let entry = pg_sys::list_nth((*self.query).rtable, self.table - 1).cast();
            let mut source = FeedSource::new(self.query, entry, self.table, Vec::new());
            source.quals = self.quals;
            let query = feed::base(&source);
            let target = pg_sys::makeTargetEntry(self.key.cast(), 1, crate::pg::palloc_string("key"), false);
            (*query).targetList = list::append(std::ptr::null_mut(), target);
            (*query).limitCount = make::bigint(MOST_KEYS + 1);
            (*query).limitOption = pg_sys::LimitOption::LIMIT_OPTION_COUNT;
            query
        }
    }
}
