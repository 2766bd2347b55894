//! Aggregates, and what an aggregated level may still refer to.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::pg::{Collation, PgAggregate, PgConstant, Signature};
use datafusion_expr::Expr;
use datafusion_expr::expr::{AggregateFunction, Sort as SortExpr};
use pgrx::pg_sys;

use super::scope::{Computed, Lowerer, Phase};
use super::{Result, function, types, unsupported};
use crate::pg::list;

/// `pg_aggregate.aggkind` of an aggregate without WITHIN GROUP.
const AGGKIND_NORMAL: u8 = b'n';
/// `anyelement`.
const ANYELEMENT: u32 = 2283;

impl Lowerer {
    /// Runs `work` on the expressions over FROM's rows.
    pub(super) fn over_rows<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let phase = std::mem::replace(&mut self.scope().phase, Phase::Rows);
        let result = work(self);
        self.scope().phase = phase;
        result
    }

    /// A reference to an aggregate, computed once however often it is written.
    ///
    /// # Safety
    /// `node` is a folded Aggref.
    pub(super) unsafe fn aggregate(&mut self, node: *mut pg_sys::Aggref) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            if (*node).agglevelsup > 0 {
                return unsupported(
                    "an aggregate of an outer query",
                    "its rows are not those of the subquery",
                );
            }
            if self.scope().phase != Phase::Groups {
                return unsupported("an aggregate", "it stands where rows are not grouped yet");
            }
            let same = |known: &&Computed| pg_sys::equal(node.cast(), known.node.cast());
            if let Some(known) = self.scope().aggregates.iter().find(same) {
                return Ok(Expr::Column(build::unqualified(&known.name)));
            }
            let typed = self.over_rows(|this| this.aggregate_call(&*node))?;
            Ok(self.computed_aggregate(node.cast(), typed))
        }
    }

    fn computed_aggregate(&mut self, node: *mut pg_sys::Node, typed: Typed) -> Expr {
        let name = self.unique("a");
        self.scope().aggregates.push(Computed { node, name: name.clone(), typed });
        Expr::Column(build::unqualified(&name))
    }

    /// # Safety
    /// `call` is a valid Aggref of this level.
    unsafe fn aggregate_call(&mut self, call: &pg_sys::Aggref) -> Result<Typed> {
        // SAFETY: as the caller promises.
        unsafe {
            let node = std::ptr::from_ref(call).cast::<pg_sys::Node>();
            let result = types::of_node(node);
            let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers(call.args).collect();
            // Those before WITHIN GROUP come first.
            let nodes: Vec<*mut pg_sys::Node> = list::pointers(call.aggdirectargs)
                .chain(entries.iter().filter(|entry| !(***entry).resjunk).map(|entry| (**entry).expr.cast()))
                .collect();
            let arg_types = nodes.iter().map(|arg| types::of_node(*arg)).collect();
            let mut signature =
                function::signature(call.aggfnoid, arg_types, result, call.inputcollid, None)?;
            if call.aggvariadic {
                return unsupported(signature.display, "it is called with VARIADIC");
            }
            let distinct = !call.aggdistinct.is_null();
            let args = match nodes.as_slice() {
                [row] if signature.name == "count" => self.counted(&mut signature, *row, distinct)?,
                _ => nodes.iter().map(|arg| self.expr(*arg)).collect::<Result<Vec<_>>>()?,
            };
            let keeps_order = matches!(signature.name.as_str(), "array_agg" | "string_agg");
            let mut order_by = if distinct && keeps_order {
                // Postgres finds what is distinct by sorting.
                self.sort_list(call.aggdistinct, call.args)?
            } else {
                self.sort_list(call.aggorder, call.args)?
            };
            order_by.retain(|key| PgConstant::of(&key.expr).is_none());
            if call.aggkind.cast_unsigned() != AGGKIND_NORMAL {
                // These look at no nulls, wherever they are sorted.
                order_by.iter_mut().for_each(|key| key.nulls_first = false);
            }
            let filter = if call.aggfilter.is_null() {
                None
            } else {
                Some(Box::new(self.expr(call.aggfilter.cast())?))
            };
            for entry in entries.iter().filter(|_| distinct && signature.name != "count_rows") {
                types::check_comparable("DISTINCT", types::of_node((**entry).expr.cast()))?;
            }
            let aggregate = AggregateFunction::new_udf(
                PgAggregate::udf(signature),
                args,
                distinct,
                filter,
                order_by,
                None,
            );
            Ok(Typed::new(Expr::AggregateFunction(aggregate), types::duck(result)?))
        }
    }

    /// The arguments of `count` of one expression: of a row its fields, since a row is never null,
    /// whatever its fields are.
    ///
    /// # Safety
    /// `arg` is a folded expression of the current level.
    unsafe fn counted(
        &mut self,
        signature: &mut Signature,
        arg: *mut pg_sys::Node,
        distinct: bool,
    ) -> Result<Vec<Expr>> {
        // SAFETY: as the caller promises; the tags say what the nodes are.
        unsafe {
            let row = arg.cast::<pg_sys::RowExpr>();
            let var = arg.cast::<pg_sys::Var>();
            if (*arg).type_ == pg_sys::NodeTag::T_Var && (*var).varattno == 0 {
                let nullable = is_nullable((*self.scope().query).jointree.cast(), (*var).varno, false);
                if distinct || (*var).varlevelsup > 0 || nullable != Some(false) {
                    return unsupported("a whole-row reference", "DuckDB has no composite types");
                }
            } else if (*arg).type_ != pg_sys::NodeTag::T_RowExpr {
                return Ok(vec![self.expr(arg)?]);
            } else if distinct {
                signature.name = "count_rows".to_owned();
                signature.declared = Vec::new();
                let fields = list::pointers::<pg_sys::Node>((*row).args);
                return fields
                    .map(|field| {
                        types::check_comparable("DISTINCT", types::of_node(field))?;
                        self.expr(field)
                    })
                    .collect();
            }
            signature.declared = Vec::new();
            Ok(Vec::new())
        }
    }

    /// A column that is no group key, but the same in all rows of a group since the key
    /// determines it.
    ///
    /// # Safety
    /// `node` is a Var of this level.
    pub(super) unsafe fn same_in_group(&mut self, node: *mut pg_sys::Node) -> Result<Expr> {
        // SAFETY: as the caller promises.
        unsafe {
            let same = |known: &&Computed| pg_sys::equal(node.cast(), known.node.cast());
            if let Some(known) = self.scope().aggregates.iter().find(same) {
                return Ok(Expr::Column(build::unqualified(&known.name)));
            }
            let ty = types::of_node(node);
            let arg = self.over_rows(|this| this.expr(node))?;
            let signature = Signature {
                name: "first".to_owned(),
                declared: vec![ANYELEMENT],
                args: vec![ty],
                result: ty,
                collation: Collation::None,
                display: "a column outside GROUP BY".to_owned(),
            };
            let call = AggregateFunction::new_udf(
                PgAggregate::udf(signature),
                vec![arg],
                false,
                None,
                Vec::new(),
                None,
            );
            Ok(self.computed_aggregate(node, Typed::new(Expr::AggregateFunction(call), types::duck(ty)?)))
        }
    }

    /// A list of sort clauses over the expressions of a target list.
    ///
    /// # Safety
    /// `clauses` is a list of SortGroupClause that refers to `targets`.
    pub(super) unsafe fn sort_list(
        &mut self,
        clauses: *mut pg_sys::List,
        targets: *mut pg_sys::List,
    ) -> Result<Vec<SortExpr>> {
        // SAFETY: as the caller promises.
        unsafe {
            list::pointers::<pg_sys::SortGroupClause>(clauses)
                .map(|clause| {
                    let entry = pg_sys::get_sortgroupclause_tle(clause, targets);
                    let node = (*entry).expr.cast::<pg_sys::Node>();
                    let asc = ascending(&*clause, node)?;
                    let expr = self.folded(node)?;
                    Ok(SortExpr { expr, asc, nulls_first: (*clause).nulls_first })
                })
                .collect()
        }
    }
}

/// Whether an outer join below `node` adds rows in which range-table entry `index` is null; `None`
/// if the entry is not there.
///
/// # Safety
/// `node` is a node of a join tree.
unsafe fn is_nullable(node: *mut pg_sys::Node, index: i32, nullable: bool) -> Option<bool> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        match (*node).type_ {
            pg_sys::NodeTag::T_RangeTblRef => {
                ((*node.cast::<pg_sys::RangeTblRef>()).rtindex == index).then_some(nullable)
            }
            pg_sys::NodeTag::T_FromExpr => list::pointers((*node.cast::<pg_sys::FromExpr>()).fromlist)
                .find_map(|item| is_nullable(item, index, nullable)),
            pg_sys::NodeTag::T_JoinExpr => {
                let join = &*node.cast::<pg_sys::JoinExpr>();
                let (left, right) = match join.jointype {
                    pg_sys::JoinType::JOIN_INNER => (false, false),
                    pg_sys::JoinType::JOIN_LEFT => (false, true),
                    pg_sys::JoinType::JOIN_RIGHT => (true, false),
                    _ => (true, true),
                };
                is_nullable(join.larg, index, nullable || left)
                    .or_else(|| is_nullable(join.rarg, index, nullable || right))
            }
            _ => None,
        }
    }
}

/// The direction of a sort clause.
///
/// # Safety
/// `node` is the expression that `clause` sorts by.
///
/// # Errors
/// `Unsupported` for orders that DuckDB does not have.
pub(super) unsafe fn ascending(clause: &pg_sys::SortGroupClause, node: *mut pg_sys::Node) -> Result<bool> {
    // SAFETY: as the caller promises; a catalog look-up.
    unsafe {
        function::check_order("ORDER BY", pg_sys::exprCollation(node))?;
        types::check_comparable("ORDER BY", types::of_node(node))?;
        let (mut family, mut input, mut strategy) = (pg_sys::InvalidOid, pg_sys::InvalidOid, 0);
        let known = pg_sys::get_ordering_op_properties(
            clause.sortop,
            &raw mut family,
            &raw mut input,
            &raw mut strategy,
        );
        if !known || family.to_u32() >= pg_sys::FirstNormalObjectId || !is_plain_family(family) {
            return unsupported(
                "ORDER BY USING an operator of a special class",
                "DuckDB has only the usual order",
            );
        }
        Ok(u32::try_from(strategy).is_ok_and(|strategy| strategy == pg_sys::BTLessStrategyNumber))
    }
}

/// False for `text_pattern_ops` and its kin, whose order by bytes holds whatever the collation:
/// it would be right, but is refused until somebody needs it.
fn is_plain_family(family: pg_sys::Oid) -> bool {
    /// `text_pattern_ops`, `bpchar_pattern_ops` (`pg_opfamily.dat`).
    const PATTERN: [u32; 2] = [2095, 2097];
    !PATTERN.contains(&family.to_u32())
}
