//! ORDER BY, LIMIT, OFFSET and FETCH FIRST .. WITH TIES of a query level.

use bridge_plan::DuckType;
use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::frame::{Bound, Exclude, Frame};
use bridge_plan::pg::{Collation, PgAggregate, PgConstant, PgFunction, Signature, Value};
use bridge_types::{PgType, oid};
use datafusion_expr::expr::{Sort as SortExpr, WindowFunction, WindowFunctionParams};
use datafusion_expr::{Expr, LogicalPlan, WindowFrameUnits, WindowFunctionDefinition};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::aggregate::ascending;
use super::expr::fold;
use super::query::Outputs;
use super::scope::{Lowerer, Phase};
use super::{Result, unsupported};
use crate::pg::list;

const BIGINT: PgType = PgType::new(oid::INT8);

impl Lowerer {
    /// ORDER BY, LIMIT and OFFSET, and off with the helper columns.
    ///
    /// # Safety
    /// `entries` are target entries of `query`, projected by `plan`.
    pub(super) unsafe fn sorted_and_limited(
        &mut self,
        query: *mut pg_sys::Query,
        entries: &[*mut pg_sys::TargetEntry],
        mut plan: LogicalPlan,
        outputs: Outputs,
    ) -> Result<LogicalPlan> {
        // SAFETY: as the caller promises.
        unsafe {
            let mut keys = Vec::new();
            for clause in list::pointers::<pg_sys::SortGroupClause>((*query).sortClause) {
                let entry = pg_sys::get_sortgroupclause_tle(clause, (*query).targetList);
                let asc = ascending(&*clause, (*entry).expr.cast())?;
                let nulls_first = (*clause).nulls_first;
                keys.push(SortExpr { expr: output(entries, entry)?, asc, nulls_first });
            }
            self.scope().phase = Phase::Rows;
            let skip = self.row_count((*query).limitOffset, "offset_count")?;
            let fetch = self.row_count((*query).limitCount, "limit_count")?;
            if (*query).limitOption == pg_sys::LimitOption::LIMIT_OPTION_WITH_TIES {
                plan = self.with_ties(plan, &keys, skip, fetch)?;
                plan = build::sort(plan, keys);
            } else {
                if !keys.is_empty() {
                    plan = build::sort(plan, keys);
                }
                if skip.is_some() || fetch.is_some() {
                    plan = build::limit(plan, skip, fetch);
                }
            }
            let visible = entries.iter().filter(|entry| !(***entry).resjunk).count();
            if visible < entries.len() && outputs == Outputs::Visible {
                plan = build::keep_first(plan, visible)?;
            }
            Ok(plan)
        }
    }

    /// A row count; NULL and its absence mean no limit. `check` is the syntax that refuses a
    /// negative one which is not known yet.
    ///
    /// # Safety
    /// `node` is null or an analysed expression.
    unsafe fn row_count(&mut self, node: *mut pg_sys::Node, check: &str) -> Result<Option<Expr>> {
        // SAFETY: as the caller promises.
        unsafe {
            if node.is_null() {
                return Ok(None);
            }
            let folded = fold(node);
            if (*folded).type_ == NodeTag::T_Const {
                let constant = &*folded.cast::<pg_sys::Const>();
                if constant.constisnull {
                    return Ok(None);
                }
                if constant.constvalue.value().cast_signed() < 0 {
                    return unsupported(
                        "a negative LIMIT or OFFSET",
                        "Postgres refuses it when the query runs",
                    );
                }
            }
            let count = self.expr(folded)?;
            let is_parameter = matches!(count, Expr::Placeholder(_));
            Ok(Some(if is_parameter { PgFunction::syntax(check, BIGINT, vec![count]) } else { count }))
        }
    }

    /// The rows after the first `skip` whose rank is at most `skip + fetch`: all peers of the last
    /// row have its rank.
    fn with_ties(
        &mut self,
        plan: LogicalPlan,
        keys: &[SortExpr],
        skip: Option<Expr>,
        fetch: Option<Expr>,
    ) -> Result<LogicalPlan> {
        let known = |count: &Option<Expr>| count.as_ref().map(|count| PgConstant::of(count)?.as_int());
        let (skip, fetch) = match (known(&skip).unwrap_or(Some(0)), known(&fetch)) {
            (Some(skip), Some(Some(fetch))) => (skip, fetch),
            _ => return unsupported("FETCH FIRST WITH TIES", "its row count is not a constant"),
        };
        // No row has rank 0.
        let last = if fetch == 0 { 0 } else { skip.saturating_add(fetch) };

        let types = build::types_of(&plan).unwrap_or_default();
        let plan = self.derived(plan)?;
        let LogicalPlan::Projection(rows) = plan else {
            return unsupported("FETCH FIRST WITH TIES", "its rows have no columns");
        };
        let alias = self.unique("r");
        let columns: Vec<Typed> = rows
            .expr
            .iter()
            .zip(&types)
            .map(|(column, ty)| Typed::new(column.clone().unalias(), ty.clone()))
            .collect();
        let order_by: Vec<SortExpr> =
            keys.iter().map(|key| SortExpr { expr: at(&key.expr, &columns), ..key.clone() }).collect();
        let (rank, number) = (self.unique("w"), self.unique("w"));
        let windows =
            vec![(rank.clone(), over(&order_by, "rank")), (number.clone(), over(&order_by, "row_number"))];
        let ranked = build::window(std::sync::Arc::unwrap_or_clone(rows.input), windows)?;
        let count = columns.len();
        let mut outputs = columns;
        for name in [rank, number] {
            outputs.push(Typed::new(Expr::Column(build::unqualified(&name)), DuckType::BigInt));
        }
        let ranked = build::subquery_alias(build::project(ranked, outputs)?, &alias)?;
        let column = |i: usize| Expr::Column(build::qualified(&alias, &build::column_name(i)));
        let wanted = vec![compare("int8le", column(count), last), compare("int8gt", column(count + 1), skip)];
        let plan = build::filter(ranked, PgFunction::syntax("and", PgType::new(oid::BOOL), wanted))?;
        let columns = types.into_iter().enumerate().map(|(i, ty)| Typed::new(column(i), ty)).collect();
        Ok(build::project(plan, columns)?)
    }
}

/// The output column that a target entry is.
pub(super) fn output(entries: &[*mut pg_sys::TargetEntry], entry: *mut pg_sys::TargetEntry) -> Result<Expr> {
    match entries.iter().position(|candidate| *candidate == entry) {
        Some(position) => Ok(Expr::Column(build::unqualified(&build::column_name(position)))),
        None => unsupported("a sort or group clause", "it refers to no output"),
    }
}

/// What the output that `key` refers to is computed from.
fn at(key: &Expr, columns: &[Typed]) -> Expr {
    let position = match key {
        Expr::Column(output) => (0..columns.len()).find(|i| build::column_name(*i) == output.name),
        _ => None,
    };
    position.map_or_else(|| key.clone(), |position| columns[position].expr.clone())
}

/// `name() OVER (ORDER BY ..)`.
fn over(order_by: &[SortExpr], name: &str) -> Typed {
    let signature = signature(name, Vec::new(), BIGINT);
    let frame = Frame {
        units: WindowFrameUnits::Range,
        start: Bound::Unbounded,
        end: Bound::CurrentRow,
        exclude: Exclude::NoOthers,
    };
    let params = WindowFunctionParams {
        args: Vec::new(),
        partition_by: Vec::new(),
        order_by: order_by.to_vec(),
        window_frame: frame.displayed(),
        filter: None,
        null_treatment: None,
        distinct: false,
    };
    let fun = WindowFunctionDefinition::AggregateUDF(PgAggregate::window(signature, frame));
    Typed::new(Expr::WindowFunction(Box::new(WindowFunction { fun, params })), DuckType::BigInt)
}

/// A comparison of a bigint with a constant.
fn compare(function: &str, value: Expr, constant: i64) -> Expr {
    let signature = signature(function, vec![oid::INT8, oid::INT8], PgType::new(oid::BOOL));
    PgFunction::call(signature, vec![value, PgConstant::expr(BIGINT, Value::Int(constant))])
}

fn signature(name: &str, declared: Vec<u32>, result: PgType) -> Signature {
    Signature {
        name: name.to_owned(),
        args: declared.iter().map(|oid| PgType::new(*oid)).collect(),
        declared,
        result,
        collation: Collation::None,
        display: "FETCH FIRST WITH TIES".to_owned(),
    }
}
