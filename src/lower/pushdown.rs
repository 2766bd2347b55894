//! Conditions that Postgres evaluates on the rows of a feed, so that what fails them never travels.
//!
//! A conjunct of WHERE, or of a join's ON, goes into the feed's own WHERE if it is about columns of
//! that one relation, no outer join in between could make up rows for it, and it is of immutable or stable
//! functions in C. Postgres plans the feed with it: it sees to the order in which
//! conditions of different security levels run, and takes an index if there is one. DuckDB does not
//! evaluate it again.
//!
//! Postgres evaluates row by row what DuckDB evaluates for a whole vector, so it gets a conjunct
//! only if that pays by the planner's own estimates ([`pays`]): what remains is a small part of the
//! rows, or the columns of the rows that fail would have cost more than the condition does. And it gets all
//! of them if DuckDB must not run one, or if a LIMIT can then end the feed.

use datafusion_expr::Expr;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use std::ffi::c_void;

use super::expr::fold;
use super::feed::{self, FeedSource};
use super::join_keys::only_relation;
use super::scope::Lowerer;
use super::{Result, make};
use crate::pg::{self, catalog, compat, list};

unsafe extern "C-unwind" {
    /// `pg_inherits.c`; not among pgrx's bindings.
    fn has_subclass(relation: pg_sys::Oid) -> bool;
}

/// What is left of so few rows is worth any condition, and an index may find it.
const SELECTIVE: f64 = 0.1;
/// What a row costs besides its columns, in columns.
const ROW: f64 = 1.0;

impl Lowerer {
    /// Lowers a condition on the rows of the join tree nodes `below`, except for the conjuncts that
    /// the feeds among them check; `None` if nothing is left.
    ///
    /// # Safety
    /// `quals` is an analysed condition of the current level, and `below` nodes of its join tree to which
    /// [`Lowerer::cross_product`] or its like have been applied.
    pub(super) unsafe fn condition_above(
        &mut self,
        quals: *mut pg_sys::Node,
        below: &[*mut pg_sys::Node],
    ) -> Result<Option<Expr>> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut relations = Vec::new();
            for node in below {
                filterable(*node, &mut relations);
            }
            let feeds: Vec<usize> = relations.iter().filter_map(|index| self.feed_of(*index)).collect();
            // Parts of queries are lowered again when they run, and must then have the same feeds.
            if feeds.is_empty() || self.fragment {
                return self.condition(quals).map(Some);
            }
            let conjuncts = pg_sys::make_ands_implicit(fold(quals).cast());
            self.note_join_keys(conjuncts, &relations);
            let mut left = std::ptr::null_mut();
            for conjunct in list::pointers::<pg_sys::Node>(conjuncts) {
                if !self.push(conjunct, &feeds) {
                    left = list::append(left, conjunct);
                }
            }
            if left.is_null() {
                return Ok(None);
            }
            self.condition(pg_sys::make_ands_explicit(left).cast()).map(Some)
        }
    }

    /// The feed of a relation of the current level.
    pub(super) fn feed_of(&mut self, index: i32) -> Option<usize> {
        let query = self.scope().query;
        self.feeds.iter().position(|feed| {
            // SAFETY: entries of the query that is being planned.
            let is_relation =
                !feed.entry.is_null() && unsafe { (*feed.entry).rtekind == pg_sys::RTEKind::RTE_RELATION };
            feed.query == query && feed.index == index && is_relation
        })
    }

    /// Gives a conjunct to the feed it is about; false if it stays.
    ///
    /// # Safety
    /// `conjunct` is a folded condition of the current level.
    unsafe fn push(&mut self, conjunct: *mut pg_sys::Node, feeds: &[usize]) -> bool {
        // SAFETY: as the caller promises; a private copy is changed.
        unsafe {
            if must_stay(conjunct, std::ptr::null_mut()) {
                return false;
            }
            let query = self.scope().query;
            let conjunct = compat::flatten_join_alias_vars(query, make::copy(conjunct));
            let Some(index) = only_relation(conjunct) else { return false };
            let Some(feed) = feeds.iter().copied().find(|feed| self.feeds[*feed].index == index) else {
                return false;
            };
            let source = &mut self.feeds[feed];
            pg_sys::ChangeVarNodes(conjunct, index, 1, 0);
            if !self.options.push_all && !source.limitable && !pays(source, conjunct) {
                self.kept = true;
                return false;
            }
            source.quals = list::append(source.quals, conjunct);
            true
        }
    }

    /// If the level is nothing but rows of one feed up to a LIMIT, so that the feed may end with it: the feed.
    ///
    /// # Safety
    /// `query` is the current level, and its FROM has been lowered.
    pub(super) unsafe fn limitable_feed(&mut self, query: *mut pg_sys::Query) -> Option<usize> {
        // SAFETY: as the caller promises.
        unsafe {
            let plain = gives_its_rows(query)
                && !(*query).limitCount.is_null()
                && (*query).limitOption == pg_sys::LimitOption::LIMIT_OPTION_COUNT
                && !self.fragment;
            let mut items = list::pointers::<pg_sys::Node>((*(*query).jointree).fromlist);
            if !plain || items.len() != 1 {
                return None;
            }
            let item = items.next().filter(|item| (**item).type_ == NodeTag::T_RangeTblRef)?;
            let feed = self.feed_of((*item.cast::<pg_sys::RangeTblRef>()).rtindex)?;
            self.feeds[feed].limitable = true;
            Some(feed)
        }
    }

    /// Ends a feed with the rows that its level may return.
    ///
    /// # Safety
    /// [`Self::limitable_feed`] has named the feed for `query`, and nothing else filters its rows.
    pub(super) unsafe fn limit_feed(&mut self, feed: usize, query: *mut pg_sys::Query) {
        // SAFETY: as the caller promises.
        unsafe {
            let count = fold((*query).limitCount);
            let limit = if (*query).limitOffset.is_null() {
                Some(count).filter(|count| !must_stay(*count, std::ptr::null_mut()))
            } else {
                let rows = constant_rows(count).zip(constant_rows(fold((*query).limitOffset)));
                rows.and_then(|(count, offset)| count.checked_add(offset)).map(make::bigint)
            };
            self.feeds[feed].limit = limit.unwrap_or(std::ptr::null_mut());
        }
    }
}

/// True if a level gives each row of its FROM and WHERE once, in no order: nothing is grouped, sorted
/// or made up.
///
/// # Safety
/// `query` is a valid query.
pub(super) unsafe fn gives_its_rows(query: *mut pg_sys::Query) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        !(*query).hasAggs
            && !(*query).hasWindowFuncs
            && !(*query).hasTargetSRFs
            && (*query).groupClause.is_null()
            && (*query).groupingSets.is_null()
            && (*query).havingQual.is_null()
            && (*query).distinctClause.is_null()
            && (*query).setOperations.is_null()
            && (*query).sortClause.is_null()
    }
}

/// The relations below a node from which a condition above it may take rows.
///
/// # Safety
/// `node` is a join tree node.
unsafe fn filterable(node: *mut pg_sys::Node, found: &mut Vec<i32>) {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        match (*node).type_ {
            NodeTag::T_RangeTblRef => found.push((*node.cast::<pg_sys::RangeTblRef>()).rtindex),
            NodeTag::T_JoinExpr => {
                for side in kept_sides(&*node.cast::<pg_sys::JoinExpr>()) {
                    filterable(side, found);
                }
            }
            NodeTag::T_FromExpr => {
                for item in list::pointers((*node.cast::<pg_sys::FromExpr>()).fromlist) {
                    filterable(item, found);
                }
            }
            _ => {}
        }
    }
}

/// The sides of a join whose rows a condition above it may filter beforehand: not those for which the
/// join makes up nulls.
fn kept_sides(join: &pg_sys::JoinExpr) -> Vec<*mut pg_sys::Node> {
    match join.jointype {
        pg_sys::JoinType::JOIN_INNER => vec![join.larg, join.rarg],
        pg_sys::JoinType::JOIN_LEFT => vec![join.larg],
        pg_sys::JoinType::JOIN_RIGHT => vec![join.rarg],
        _ => Vec::new(),
    }
}

/// The sides of a join whose rows its own ON may filter beforehand: not those that come
/// through without a match.
pub(super) fn sides_of_on(join: &pg_sys::JoinExpr) -> Vec<*mut pg_sys::Node> {
    match join.jointype {
        pg_sys::JoinType::JOIN_INNER => vec![join.larg, join.rarg],
        pg_sys::JoinType::JOIN_LEFT => vec![join.rarg],
        pg_sys::JoinType::JOIN_RIGHT => vec![join.larg],
        _ => Vec::new(),
    }
}

/// True for an expression that a feed must not evaluate: it needs more than the row and the
/// statement's parameters, or runs code that might use the session, which is busy with the feed.
#[pgrx::pg_guard]
pub(super) unsafe extern "C-unwind" fn must_stay(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the tag says what a node is.
    unsafe {
        let here = match (*node).type_ {
            NodeTag::T_Var => (*node.cast::<pg_sys::Var>()).varlevelsup != 0,
            NodeTag::T_Param => (*node.cast::<pg_sys::Param>()).paramkind != pg_sys::ParamKind::PARAM_EXTERN,
            NodeTag::T_SubLink
            | NodeTag::T_SubPlan
            | NodeTag::T_AlternativeSubPlan
            | NodeTag::T_Aggref
            | NodeTag::T_GroupingFunc
            | NodeTag::T_WindowFunc
            | NodeTag::T_PlaceHolderVar
            | NodeTag::T_SetToDefault
            | NodeTag::T_NextValueExpr
            | NodeTag::T_CurrentOfExpr => true,
            _ => false,
        };
        here || pg_sys::check_functions_in_node(node, Some(is_foreign), context)
            || pg_sys::expression_tree_walker(node, Some(must_stay), context)
    }
}

/// True for functions that are volatile, not written in C, or DuckDB's own.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn is_foreign(function: pg_sys::Oid, _context: *mut c_void) -> bool {
    if catalog::is_duckdb_only_function(function) || !catalog::is_c_function(function) {
        return true;
    }
    // SAFETY: a catalog look-up on the main thread.
    let volatility = unsafe { pg_sys::func_volatile(function) };
    volatility.cast_unsigned() == pg_sys::PROVOLATILE_VOLATILE
}

/// True if it is cheaper to evaluate a condition in Postgres than to feed the rows that fail it.
///
/// # Safety
/// `conjunct` is about the columns of relation 1, which is the source's.
unsafe fn pays(source: &mut FeedSource, conjunct: *mut pg_sys::Node) -> bool {
    // SAFETY: as the caller promises; plain globals of the main thread.
    unsafe {
        if source.planner.is_null() {
            source.planner = planner(source);
        }
        let root = source.planner;
        let selectivity =
            pg_sys::clause_selectivity(root, conjunct, 0, pg_sys::JoinType::JOIN_INNER, std::ptr::null_mut());
        let mut cost = pg_sys::QualCost::default();
        pg_sys::cost_qual_eval_node(&raw mut cost, conjunct, root);
        let row = (columns_used(source) + ROW) * pg_sys::cpu_operator_cost;
        selectivity <= SELECTIVE || (1.0 - selectivity) * row >= cost.per_tuple
    }
}

/// Roughly the columns of the source's relation that its level uses.
///
/// # Safety
/// The source's query is valid.
unsafe fn columns_used(source: &FeedSource) -> f64 {
    // SAFETY: as the caller promises.
    unsafe {
        let query = source.query;
        let mut used = std::ptr::null_mut();
        let relation = source.index.cast_unsigned();
        for part in [(*query).targetList.cast::<pg_sys::Node>(), (*query).jointree.cast()] {
            pg_sys::pull_varattnos(part, relation, &raw mut used);
        }
        f64::from(pg_sys::bms_num_members(used))
    }
}

/// What Postgres' estimates need to know: a planner that has the source as its only relation.
///
/// # Safety
/// The source is a relation of its query.
unsafe fn planner(source: &FeedSource) -> *mut pg_sys::PlannerInfo {
    // SAFETY: as the caller promises. As in `plan_cluster_use_sort`; the statement has locked the relation.
    unsafe {
        let query = feed::base(source);
        let entry = list::pointers::<pg_sys::RangeTblEntry>((*query).rtable).next();
        let entry = entry.expect("a feed has one relation");
        // As `subquery_planner` does: statistics of a table with children are others.
        let relid = (*entry).relid;
        (*entry).inh = (*entry).inh && pg_sys::ffi::pg_guard_ffi_boundary(|| has_subclass(relid));
        let global = pg::new_node::<pg_sys::PlannerGlobal>(NodeTag::T_PlannerGlobal);
        let root = pg::new_node::<pg_sys::PlannerInfo>(NodeTag::T_PlannerInfo);
        (*root).parse = query;
        (*root).glob = global;
        (*root).query_level = 1;
        (*root).planner_cxt = pg_sys::CurrentMemoryContext;
        (*root).wt_param_id = -1;
        pg_sys::setup_simple_rel_arrays(root);
        pg_sys::build_simple_rel(root, 1, std::ptr::null_mut());
        let partitions = std::mem::replace(&mut (*global).partition_directory, std::ptr::null_mut());
        if !partitions.is_null() {
            pg_sys::DestroyPartitionDirectory(partitions);
        }
        root
    }
}

/// The value of a constant row count.
///
/// # Safety
/// `node` is a folded expression of type bigint.
unsafe fn constant_rows(node: *mut pg_sys::Node) -> Option<i64> {
    // SAFETY: as the caller promises.
    unsafe {
        let constant = node.cast::<pg_sys::Const>();
        let known = (*node).type_ == NodeTag::T_Const && !(*constant).constisnull;
        let rows = known.then(|| i64::try_from((*constant).constvalue.value().cast_signed()).ok()).flatten();
        rows.filter(|rows| *rows >= 0)
    }
}
