//! A query level as one canonical stack: joins, WHERE, aggregate, HAVING, window, projection,
//! distinct, sort, limit; and set operations and WITH around such levels.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::nodes::{CteDefinition, GroupingSets, Materialized, SetOperation, SetOperator, With};
use bridge_plan::pg::{PgAggregate, Signature};
use bridge_plan::{DuckType, pg::Collation};
use bridge_types::{PgType, oid};
use datafusion_expr::expr::AggregateFunction;
use datafusion_expr::{Expr, LogicalPlan};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::expr::{fold, refers};
use super::scope::{Computed, Cte, Lowerer, Phase, Scope};
use super::set_returning::Sets;
use super::{Result, changing, function, limit, types, unsupported};
use crate::pg::{compat, list, owned_string};

unsafe extern "C-unwind" {
    /// `parse_agg.c`: ROLLUP and CUBE as the integer lists they stand for; not among pgrx's bindings.
    fn expand_grouping_sets(
        sets: *mut pg_sys::List,
        distinct: bool,
        limit: std::ffi::c_int,
    ) -> *mut pg_sys::List;
}

/// Which columns the plan of a query has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outputs {
    /// None: only the number of rows matters.
    None,
    /// Those of the select list.
    Visible,
    /// Those, and after them what else ORDER BY refers to.
    WithKeys,
}

impl Lowerer {
    /// A query: its plan has exactly the visible columns, named `c0`.. .
    ///
    /// # Safety
    /// `query` is an analysed and rewritten SELECT; outer levels are in scope.
    pub(super) unsafe fn query(&mut self, query: *mut pg_sys::Query) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe { self.query_with(query, Outputs::Visible) }
    }

    /// A query with other columns than the visible ones.
    ///
    /// # Safety
    /// As [`Self::query`].
    pub(super) unsafe fn query_with(
        &mut self,
        query: *mut pg_sys::Query,
        outputs: Outputs,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        self.nested(|this| unsafe { this.level(query, outputs) })
    }

    /// The query of an EXISTS: nobody reads its columns.
    ///
    /// # Safety
    /// As [`Self::query`].
    pub(super) unsafe fn exists_query(&mut self, query: *mut pg_sys::Query) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let plain = !(*query).hasAggs
                && !(*query).hasTargetSRFs
                && (*query).groupClause.is_null()
                && (*query).groupingSets.is_null()
                && (*query).havingQual.is_null()
                && (*query).setOperations.is_null()
                && (*query).limitOffset.is_null()
                && (*query).limitCount.is_null();
            self.query_with(query, if plain { Outputs::None } else { Outputs::Visible })
        }
    }

    /// # Safety
    /// As [`Self::query`]; a query without outputs is plain.
    unsafe fn level(&mut self, query: *mut pg_sys::Query, outputs: Outputs) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            check_level(query)?;
            let query = compat::with_group_expressions(query);
            self.scopes.push(Scope::new(query));
            let result = self.with(query, outputs);
            self.scopes.pop();
            result
        }
    }

    /// # Safety
    /// As [`Self::level`]; the query's scope is the current one.
    unsafe fn with(&mut self, query: *mut pg_sys::Query, outputs: Outputs) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut definitions = Vec::new();
            self.note_changes(query)?;
            for cte in list::pointers::<pg_sys::CommonTableExpr>((*query).cteList) {
                let changes = changing::changes((*cte).ctequery.cast());
                let changed = if changes { Some(self.changing_item(cte)?) } else { None };
                // Postgres drops what nobody refers to, errors and all.
                if (*cte).cterefcount == 0 {
                    continue;
                }
                let name = owned_string((*cte).ctename);
                let recursive = (*cte).cterecursive;
                let body = (*cte).ctequery.cast::<pg_sys::Query>();
                let types = list::oids((*cte).ctecoltypes)
                    .into_iter()
                    .zip(list::integers((*cte).ctecoltypmods))
                    .map(|(oid, typmod)| types::base(oid, typmod))
                    .collect();
                let plan_name = self.unique("cte");
                let entry = Cte { name, plan_name: plan_name.clone(), types };
                // The level itself is in scope, so that a definition sees those before it; and
                // itself, if it is recursive.
                let plan = if let Some(plan) = changed {
                    self.scope().ctes.push(entry);
                    plan
                } else if recursive {
                    self.scope().ctes.push(entry);
                    self.query(body)?
                } else {
                    let plan = self.query(body)?;
                    self.scope().ctes.push(entry);
                    plan
                };
                let materialized = match (*cte).ctematerialized {
                    // A feed is read once.
                    _ if changes => Materialized::Always,
                    pg_sys::CTEMaterialize::CTEMaterializeAlways => Materialized::Always,
                    pg_sys::CTEMaterialize::CTEMaterializeNever => Materialized::Never,
                    _ => Materialized::Default,
                };
                definitions.push((CteDefinition { name: plan_name, materialized, recursive }, plan));
            }
            let body = if (*query).setOperations.is_null() {
                self.select(query, outputs)?
            } else {
                self.set_query(query, outputs)?
            };
            Ok(if definitions.is_empty() { body } else { With::plan(definitions, body) })
        }
    }

    /// # Safety
    /// As [`Self::with`]; the query has no set operations.
    unsafe fn select(&mut self, query: *mut pg_sys::Query, outputs: Outputs) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut plan = self.cross_product((*(*query).jointree).fromlist)?;
            let limited = self.limitable_feed(query);
            let from = (*query).jointree;
            let predicate = if (*from).quals.is_null() {
                None
            } else {
                let items: Vec<_> = list::pointers((*from).fromlist).collect();
                self.condition_above((*from).quals, &items)?
            };
            match (predicate, limited) {
                (Some(predicate), _) => plan = build::filter(plan, predicate)?,
                (None, Some(feed)) => self.limit_feed(feed, query),
                (None, None) => {}
            }
            if outputs == Outputs::None {
                return Ok(build::project(plan, Vec::new())?);
            }

            let grouped = (*query).hasAggs
                || !(*query).groupClause.is_null()
                || !(*query).groupingSets.is_null()
                || !(*query).havingQual.is_null();
            if grouped {
                if (*query).hasTargetSRFs {
                    plan = self.sets_of_keys(query, plan)?;
                }
                self.group_keys(query)?;
                self.scope().phase = Phase::Groups;
            }
            // Keys of groups and windows that are not selected are found in their clauses.
            let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*query).targetList)
                .filter(|entry: &*mut pg_sys::TargetEntry| !(**entry).resjunk || is_sorted_by(query, *entry))
                .collect();
            let mut columns = Vec::with_capacity(entries.len());
            for entry in &entries {
                let node = (**entry).expr.cast::<pg_sys::Node>();
                let ty = types::duck(types::of_node(node))?;
                if (*query).hasTargetSRFs && self.scope().sets == Sets::Refused {
                    self.scope().sets = Sets::Allowed;
                }
                columns.push(Typed::new(self.folded(node)?, ty));
            }
            let has_sets = self.scope().sets == Sets::Seen;
            self.scope().sets = Sets::Refused;
            let having =
                if (*query).havingQual.is_null() { None } else { Some(self.condition((*query).havingQual)?) };

            if grouped {
                let sets = self.grouping_sets(query)?;
                if sets.len() > 1 && self.scope().keys.is_empty() && self.scope().aggregates.is_empty() {
                    return unsupported("grouping sets without keys", "DuckDB makes one row of them");
                }
                plan = self.aggregated(plan)?;
                if !sets.is_empty() {
                    plan = GroupingSets::plan(sets, plan);
                }
                if let Some(predicate) = having {
                    plan = build::filter(plan, predicate)?;
                }
            }
            let windows = std::mem::take(&mut self.scope().windows);
            if !windows.is_empty() {
                plan = build::window(plan, named(windows))?;
            }
            plan = build::project(plan, columns)?;
            if has_sets {
                plan = self.derived(plan)?;
            }
            plan = self.distinct(query, &entries, plan)?;
            self.sorted_and_limited(query, &entries, plan, outputs)
        }
    }

    /// A level around a projection: what comes above sees columns, not what computes them.
    pub(super) fn derived(&mut self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let alias = self.unique("r");
        let columns = build::types_of(&plan)
            .unwrap_or_default()
            .into_iter()
            .enumerate()
            .map(|(i, ty)| Typed::new(Expr::Column(build::qualified(&alias, &build::column_name(i))), ty))
            .collect();
        Ok(build::project(build::subquery_alias(plan, &alias)?, columns)?)
    }

    /// # Safety
    /// As [`Self::select`].
    unsafe fn group_keys(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe {
            for clause in list::pointers::<pg_sys::SortGroupClause>((*query).groupClause) {
                let entry = pg_sys::get_sortgroupclause_tle(clause, (*query).targetList);
                let node = fold((*entry).expr.cast());
                function::check_equality("GROUP BY", pg_sys::exprCollation(node))?;
                types::check_comparable("GROUP BY", types::of_node(node))?;
                let sets = !(*query).groupingSets.is_null();
                if sets && !refers(node, std::ptr::null_mut()) {
                    return unsupported(
                        "grouping sets of a key without columns",
                        "whether it is null in other sets is for Postgres' planner to say",
                    );
                }
                let same = |key: &Computed| pg_sys::equal(key.node.cast(), node.cast());
                let known = self.scope().keys.iter().position(same);
                if known.is_some() && sets {
                    return unsupported("grouping sets of equal keys", "DuckDB takes them for one key");
                }
                let position = known.unwrap_or(self.scope().keys.len());
                self.scope().key_refs.insert((*clause).tleSortGroupRef, position);
                if known.is_some() {
                    continue;
                }
                let typed = Typed::new(self.expr(node)?, types::duck(types::of_node(node))?);
                let name = self.unique("g");
                self.scope().keys.push(Computed { node, name, typed });
            }
            Ok(())
        }
    }

    /// GROUPING SETS, ROLLUP and CUBE as a list of sets of keys; empty without them.
    ///
    /// # Safety
    /// As [`Self::select`]; the keys are known.
    unsafe fn grouping_sets(&mut self, query: *mut pg_sys::Query) -> Result<Vec<Vec<usize>>> {
        // SAFETY: as the caller promises; the expansion is a list of integer lists.
        unsafe {
            if (*query).groupingSets.is_null() {
                return Ok(Vec::new());
            }
            let (sets, distinct) = ((*query).groupingSets, (*query).groupDistinct);
            let sets = pg_sys::ffi::pg_guard_ffi_boundary(|| expand_grouping_sets(sets, distinct, -1));
            list::pointers::<pg_sys::List>(sets).map(|set| self.key_positions(set)).collect()
        }
    }

    /// Positions of the keys that a list of `tleSortGroupRef`s names.
    ///
    /// # Safety
    /// `references` is null or an integer list.
    pub(super) unsafe fn key_positions(&mut self, references: *mut pg_sys::List) -> Result<Vec<usize>> {
        // SAFETY: as the caller promises.
        unsafe { list::integers(references) }
            .into_iter()
            .map(|reference| {
                let reference = u32::try_from(reference).unwrap_or(u32::MAX);
                match self.scope().key_refs.get(&reference) {
                    Some(position) => Ok(*position),
                    None => unsupported("a grouping set", "it refers to no key"),
                }
            })
            .collect()
    }

    /// The aggregate node of the level, from what its expressions asked for.
    fn aggregated(&mut self, input: LogicalPlan) -> Result<LogicalPlan> {
        let keys = std::mem::take(&mut self.scope().keys);
        let mut aggregates = named(std::mem::take(&mut self.scope().aggregates));
        if keys.is_empty() && aggregates.is_empty() {
            // HAVING alone: one group, of which nothing is computed.
            let name = self.unique("a");
            aggregates.push((name, count_star()));
        }
        Ok(build::aggregate(input, named(keys), aggregates)?)
    }

    /// # Safety
    /// `entries` is the target list of `query`, projected by `plan`.
    unsafe fn distinct(
        &mut self,
        query: *mut pg_sys::Query,
        entries: &[*mut pg_sys::TargetEntry],
        plan: LogicalPlan,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            if (*query).distinctClause.is_null() {
                return Ok(plan);
            }
            let mut on = Vec::new();
            for clause in list::pointers::<pg_sys::SortGroupClause>((*query).distinctClause) {
                let entry = pg_sys::get_sortgroupclause_tle(clause, (*query).targetList);
                function::check_equality("DISTINCT", pg_sys::exprCollation((*entry).expr.cast()))?;
                types::check_comparable("DISTINCT", types::of_node((*entry).expr.cast()))?;
                on.push(limit::output(entries, entry)?);
            }
            Ok(if (*query).hasDistinctOn { build::distinct_on(plan, on) } else { build::distinct(plan) })
        }
    }

    /// # Safety
    /// As [`Self::with`]; the query has set operations.
    unsafe fn set_query(&mut self, query: *mut pg_sys::Query, outputs: Outputs) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let plan = self.set_operation(query, (*query).setOperations, &[])?;
            let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*query).targetList).collect();
            self.sorted_and_limited(query, &entries, plan, outputs)
        }
    }

    /// # Safety
    /// `node` is a node of the set operation tree of `query`.
    unsafe fn set_operation(
        &mut self,
        query: *mut pg_sys::Query,
        node: *mut pg_sys::Node,
        wanted: &[pg_sys::Oid],
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        self.nested(|this| unsafe {
            if (*node).type_ == NodeTag::T_RangeTblRef {
                let index = (*node.cast::<pg_sys::RangeTblRef>()).rtindex;
                let entry = pg_sys::list_nth((*query).rtable, index - 1).cast::<pg_sys::RangeTblEntry>();
                return this.query(coerced((*entry).subquery, wanted)?);
            }
            let set = &*node.cast::<pg_sys::SetOperationStmt>();
            let operator = match set.op {
                pg_sys::SetOperation::SETOP_UNION => SetOperator::Union,
                pg_sys::SetOperation::SETOP_INTERSECT => SetOperator::Intersect,
                pg_sys::SetOperation::SETOP_EXCEPT => SetOperator::Except,
                other => return unsupported(format!("set operation {other}"), "it is not known"),
            };
            for collation in list::oids(set.colCollations) {
                function::check_equality("a set operation", collation)?;
            }
            if !(set.all && operator == SetOperator::Union) {
                for oid in list::oids(set.colTypes) {
                    types::check_comparable("a set operation", types::base(oid, -1))?;
                }
            }
            let columns = list::oids(set.colTypes)
                .into_iter()
                .zip(list::integers(set.colTypmods))
                .map(|(oid, typmod)| types::duck(types::base(oid, typmod)))
                .collect::<Result<Vec<DuckType>>>()?;
            let wanted = list::oids(set.colTypes);
            let left = this.set_operation(query, set.larg, &wanted)?;
            let right = this.set_operation(query, set.rarg, &wanted)?;
            Ok(SetOperation::plan(operator, set.all, left, right, &columns)?)
        })
    }
}

/// A leaf of a set operation with its outputs cast to the operation's types, which Postgres
/// leaves to its planner.
///
/// # Safety
/// `query` is a valid query.
unsafe fn coerced(query: *mut pg_sys::Query, wanted: &[pg_sys::Oid]) -> Result<*mut pg_sys::Query> {
    // SAFETY: as the caller promises; only the copy is changed.
    unsafe {
        let differ = |query: *mut pg_sys::Query| {
            list::pointers::<pg_sys::TargetEntry>((*query).targetList)
                .filter(|entry| !(**entry).resjunk)
                .zip(wanted.to_vec())
                .filter(|(entry, oid)| pg_sys::exprType((**entry).expr.cast()) != *oid)
                .collect::<Vec<_>>()
        };
        if differ(query).is_empty() {
            return Ok(query);
        }
        let copy = pg_sys::copyObjectImpl(query.cast()).cast::<pg_sys::Query>();
        for (entry, oid) in differ(copy) {
            if !(*copy).setOperations.is_null() || (*entry).ressortgroupref != 0 {
                if widens(pg_sys::exprType((*entry).expr.cast()), oid) {
                    continue;
                }
                return unsupported(
                    "a set operation over different types",
                    "a column that is grouped or sorted by would have to be converted afterwards",
                );
            }
            (*entry).expr = pg_sys::coerce_to_common_type(
                std::ptr::null_mut(),
                (*entry).expr.cast(),
                oid,
                c"UNION".as_ptr(),
            )
            .cast();
        }
        Ok(copy)
    }
}

/// True for conversions that the set operation may do itself, since DuckDB's cast is Postgres'.
fn widens(from: pg_sys::Oid, to: pg_sys::Oid) -> bool {
    match to.to_u32() {
        oid::INT4 | oid::INT8 | oid::NUMERIC => matches!(from.to_u32(), oid::INT2 | oid::INT4 | oid::INT8),
        oid::FLOAT8 => matches!(from.to_u32(), oid::INT2 | oid::INT4 | oid::INT8 | oid::FLOAT4),
        oid::TIMESTAMP => from.to_u32() == oid::DATE,
        _ => false,
    }
}

fn named(computed: Vec<Computed>) -> Vec<(String, Typed)> {
    computed.into_iter().map(|computed| (computed.name, computed.typed)).collect()
}

/// True if DISTINCT ON or ORDER BY refers to a target entry.
///
/// # Safety
/// `entry` belongs to `query`.
unsafe fn is_sorted_by(query: *mut pg_sys::Query, entry: *mut pg_sys::TargetEntry) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        let reference = (*entry).ressortgroupref;
        let mut clauses = list::pointers::<pg_sys::SortGroupClause>((*query).sortClause)
            .chain(list::pointers((*query).distinctClause));
        reference > 0 && clauses.any(|clause| (*clause).tleSortGroupRef == reference)
    }
}

fn count_star() -> Typed {
    let signature = Signature {
        name: "count".to_owned(),
        declared: Vec::new(),
        args: Vec::new(),
        result: PgType::new(oid::INT8),
        collation: Collation::None,
        display: "count(*)".to_owned(),
    };
    let call =
        AggregateFunction::new_udf(PgAggregate::udf(signature), Vec::new(), false, None, Vec::new(), None);
    Typed::new(Expr::AggregateFunction(call), DuckType::BigInt)
}

/// Refuses what has no place in a plan and would vanish without a trace.
///
/// # Safety
/// `query` is a valid query.
unsafe fn check_level(query: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        if (*query).commandType != pg_sys::CmdType::CMD_SELECT || !(*query).utilityStmt.is_null() {
            return unsupported("a statement inside a query", "only SELECT is shipped");
        }
        if !(*query).rowMarks.is_null() || (*query).hasForUpdate {
            return unsupported("FOR UPDATE or FOR SHARE", "DuckDB does not lock rows");
        }
        Ok(())
    }
}
