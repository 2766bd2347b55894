//! Postgres `Query` -> DataFusion `LogicalPlan` -> DuckDB SQL.
//!
//! This side knows Postgres: it walks an analysed and rewritten `Query`, resolves its Vars,
//! names functions and collations by catalog look-ups and builds a plan in the vocabulary of
//! `bridge_plan::pg`. What may run in DuckDB, and as what, is decided by `bridge_plan`.
//!
//! - [`query`]: a query level as one canonical stack; set operations and WITH;
//! - [`limit`]: ORDER BY, LIMIT and their kin;
//! - [`relation`]: the range table and FROM: duckdb tables, feeds, joins, subqueries;
//! - [`expr`], [`aggregate`], [`window`], [`sublink`], [`row`], [`mod@array`]: expressions;
//! - [`set_returning`]: functions that return sets, in FROM and in select lists;
//! - [`constant`], [`function`], [`types`]: constants, signatures and collations, types;
//! - [`feed`]: the queries whose rows the backend feeds; [`pushdown`]: the conditions they
//!   check; [`join_keys`]: the keys that the other side of a join has;
//! - [`column_expr`]: CHECK constraints and generated columns;
//! - [`insert`], [`conflict`], [`update`], [`delete`], [`merge`]: statements that change a duckdb table;
//!   [`source`], [`returning`], [`changing`]: what they read, what they return, and inside a WITH;
//!   [`raw`], [`make`], [`multiple`], [`constraint`]: the expressions of such statements.
//!
//! Everything here runs on the main thread inside the planner hook. Nodes it makes live in
//! the current memory context; the query it is given is not changed.

mod aggregate;
mod array;
mod changing;
mod char_length;
mod column_expr;
mod conflict;
mod constant;
mod constraint;
mod delete;
pub(crate) mod explained;
mod expr;
mod feed;
mod function;
mod given;
mod insert;
pub(crate) mod join_keys;
mod limit;
mod location;
mod make;
mod merge;
mod multiple;
mod pushdown;
mod query;
mod raw;
mod relation;
mod returning;
mod row;
mod scope;
mod set_returning;
mod source;
mod sublink;
mod types;
mod update;
mod window;

use bridge_plan::PlanError;
use bridge_types::{ColumnSpec, EngineError, PgType, SqlState, Unsupported};
use pgrx::pg_sys;

use crate::engine::session::{Instance, RemoteSql};
use crate::pg::{compat, list, owned_string};
pub(crate) use changing::changes_duckdb;
use scope::Lowerer;
pub(crate) use source::is_rowid;

pub(crate) use column_expr::lower_column_expression;

/// What a query became.
pub(crate) struct LoweredQuery {
    /// DuckDB SQL; parameters as `$1`.., feeds as `bridge_scan(0)`...
    pub(crate) sql: String,
    /// The LogicalPlan after the rules, indented, for EXPLAIN VERBOSE; empty if none is running.
    pub(crate) plan: String,
    /// The columns that DuckDB returns, in order.
    pub(crate) columns: Vec<OutputColumn>,
    /// The target list that Postgres computes from `columns`, as `INDEX_VAR`; null if the columns
    /// are the result themselves.
    pub(crate) targets: *mut pg_sys::List,
    /// `columns` are those of the first feed: the statement returns its rows, DuckDB none.
    pub(crate) returns_feed: bool,
    /// Relations that the backend feeds, in the order of their `bridge_scan` numbers.
    pub(crate) feeds: Vec<Feed>,
    /// What is sent as `$1`...
    pub(crate) params: Vec<ParamRef>,
    /// The top level has a LIMIT, so reading far ahead would waste work.
    pub(crate) limited: bool,
    /// The SQL holds values such as `now()`, right for this transaction, user and settings
    /// only: constants rather than parameters, so that DuckDB prunes by them.
    pub(crate) plan_time_values: bool,
    /// The SQL may overflow 64 bits, see [`LowerOptions::short_decimals`].
    pub(crate) short_decimals: bool,
    /// Where it runs.
    pub(crate) instance: Instance,
    /// What it reads from other instances, in the order of their `instance_scan` numbers.
    pub(crate) remote_scans: Vec<RemoteSql>,
}

/// One visible output column.
#[derive(Clone)]
pub(crate) struct OutputColumn {
    /// Name, and the type whose kernel fills the datum (base type, domains resolved).
    pub(crate) spec: ColumnSpec,
    /// Declared type (may be a domain).
    pub(crate) type_oid: pg_sys::Oid,
    /// Declared typmod.
    pub(crate) typmod: i32,
    /// Declared collation.
    pub(crate) collation: pg_sys::Oid,
}

/// Rows the backend computes with Postgres and feeds to DuckDB.
pub(crate) struct Feed {
    /// An analysed and rewritten SELECT, to be planned by Postgres; in the planner's memory context.
    pub(crate) query: *mut pg_sys::Query,
    /// Its output columns.
    pub(crate) columns: Vec<ColumnSpec>,
    /// It reads from DuckDB itself, so it has to end before the statement that it feeds starts.
    pub(crate) first: bool,
    /// Which keys its rows must have.
    pub(crate) keys: Option<FeedKeys>,
}

/// How to find out which keys a feed's rows must have to be of use in a join with a duckdb table.
pub(crate) struct FeedKeys {
    /// DuckDB SQL that returns them, one more than [`join_keys::MOST_KEYS`] if there are too many.
    pub(crate) sql: String,
    /// What is sent as its `$1`...
    pub(crate) params: Vec<ParamRef>,
    /// Its only column.
    pub(crate) column: ColumnSpec,
    /// What is compared with them: an expression over the feed's relation, which is 1.
    pub(crate) value: *mut pg_sys::Node,
    /// By this equality.
    pub(crate) operator: pg_sys::Oid,
    /// And collation.
    pub(crate) collation: pg_sys::Oid,
    /// The feed's query without them.
    pub(crate) query: *mut pg_sys::Query,
}

/// A value that Postgres computes when the statement starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParamRef {
    /// An external parameter, or a stable expression without references to rows; in the
    /// planner's memory context.
    pub(crate) expr: *mut pg_sys::Node,
    /// Its type.
    pub(crate) type_oid: pg_sys::Oid,
}

/// Why a query did not become DuckDB SQL.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LowerError {
    /// A construct that has to stay in Postgres.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// An error for the user, such as a missing privilege or a file that is not there.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<PlanError> for LowerError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Unsupported(unsupported) => Self::Unsupported(unsupported),
            PlanError::Malformed(what) => Self::Engine(
                EngineError::new(SqlState::INTERNAL_ERROR, "could not translate the query for DuckDB")
                    .with_detail(what),
            ),
        }
    }
}

impl From<datafusion_common::DataFusionError> for LowerError {
    fn from(error: datafusion_common::DataFusionError) -> Self {
        PlanError::from(error).into()
    }
}

type Result<T> = std::result::Result<T, LowerError>;

/// `Err(Unsupported)` in this module's shape.
fn unsupported<T>(
    what: impl Into<std::borrow::Cow<'static, str>>,
    why: impl Into<std::borrow::Cow<'static, str>>,
) -> Result<T> {
    Err(Unsupported::new(what, why).into())
}

/// What lowering depends on besides the query.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LowerOptions {
    /// Where the statement runs, if that is settled.
    pub(crate) instance: Option<Instance>,
    /// Feeds check every condition they can, not only those that pay.
    pub(crate) push_all: bool,
    /// Numerics below aggregates may be computed in 64 bits, which may raise 22003: whoever runs the
    /// statement has it lowered once more without ([`bridge_plan::rules::apply_short`]).
    pub(crate) short_decimals: bool,
}

/// Lowers with `work`; once more if DuckDB must not run a condition that a feed can check.
fn with_feeds<T>(options: &LowerOptions, mut work: impl FnMut(&mut Lowerer) -> Result<T>) -> Result<T> {
    let mut lowerer = Lowerer::new(*options);
    let result = work(&mut lowerer);
    if lowerer.kept && matches!(result, Err(LowerError::Unsupported(_))) {
        let pushed = work(&mut Lowerer::new(LowerOptions { push_all: true, ..*options }));
        if pushed.is_ok() {
            return pushed;
        }
    }
    result
}

/// Lowers a SELECT, or a statement that changes a duckdb table.
///
/// # Safety
/// `query` is an analysed and rewritten statement; main thread, in a transaction.
///
/// # Errors
/// `Unsupported` for the first construct that DuckDB must not run.
pub(crate) unsafe fn lower_statement(
    query: *mut pg_sys::Query,
    options: &LowerOptions,
) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        if (*query).commandType == pg_sys::CmdType::CMD_SELECT {
            return lower_query(query, options);
        }
        if compat::returns_old_or_new((*query).returningList) {
            return unsupported(
                "OLD or NEW in RETURNING",
                "DuckDB returns the columns of the changed rows alone",
            );
        }
        let instance = location::of_target(query)?;
        let options = &LowerOptions { instance: Some(instance), ..*options };
        let lowered = match (*query).commandType {
            pg_sys::CmdType::CMD_INSERT => insert::lower(query, options),
            pg_sys::CmdType::CMD_UPDATE => update::lower(query, options),
            pg_sys::CmdType::CMD_DELETE => delete::lower(query, options),
            _ => merge::lower(query, options),
        }?;
        Ok(LoweredQuery { instance, ..lowered })
    }
}

/// Lowers a SELECT whose values Postgres computes from the columns that DuckDB returns.
///
/// # Safety
/// As [`lower_statement`], of a SELECT.
///
/// # Errors
/// `Unsupported` if DuckDB must not run its FROM and WHERE, or if there is more to it.
pub(crate) unsafe fn lower_computed(
    query: *mut pg_sys::Query,
    options: &LowerOptions,
) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        let limited = !(*query).limitOffset.is_null() || !(*query).limitCount.is_null();
        if limited || !pushdown::gives_its_rows(query) {
            return unsupported("a query of this form", "Postgres computes values of single rows only");
        }
        let mut columns = raw::RawColumns::default();
        let targets = columns.targets((*query).targetList, (*query).rtable, "a value", &|_| None)?;
        let select = pg_sys::copyObjectImpl(query.cast_const().cast()).cast::<pg_sys::Query>();
        (*select).targetList = columns
            .vars
            .iter()
            .fold(std::ptr::null_mut(), |targets, var| source::output(targets, make::copy(var.cast()), ""));
        if columns.vars.is_empty() {
            // Only the number of rows matters.
            (*select).targetList = source::output(std::ptr::null_mut(), make::integer(1), "");
        }
        Ok(LoweredQuery { targets, ..lower_query(select, options)? })
    }
}

/// The text of a statement that changes a table, with what it returns.
fn finished(source: source::Source, returning: returning::Returning) -> Result<LoweredQuery> {
    Ok(LoweredQuery {
        sql: bridge_plan::writer::write(&source.plan)?,
        plan: explained::text(&source.plan),
        columns: returning.raw,
        targets: returning.list,
        returns_feed: returning.from_feed,
        feeds: source.feeds,
        params: source.params,
        limited: false,
        plan_time_values: source.plan_time_values,
        short_decimals: false,
        instance: Instance::Main,
        remote_scans: source.remote_scans,
    })
}

/// Lowers a SELECT.
///
/// # Safety
/// `query` is an analysed and rewritten SELECT; main thread, in a transaction.
///
/// # Errors
/// `Unsupported` for the first construct that DuckDB must not run.
pub(crate) unsafe fn lower_query(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    with_feeds(options, |lowerer| unsafe { lower_select(query, lowerer) })
}

/// Lowers a SELECT that stands for a part of a query that Postgres plans.
///
/// Internal parameters (`PARAM_EXEC`), and columns of range-table entries that are not in FROM,
/// become parameters of the part: whoever runs it evaluates [`LoweredQuery::params`] each time
/// it is started. Policies of the relations in FROM are the caller's to put among the conditions.
///
/// # Safety
/// As [`lower_query`]; expressions may also be such as the planner has preprocessed.
///
/// # Errors
/// As [`lower_query`].
pub(crate) unsafe fn lower_fragment(
    query: *mut pg_sys::Query,
    options: &LowerOptions,
) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        let mut lowerer = Lowerer::new(*options);
        lowerer.fragment = true;
        lower_select(query, &mut lowerer)
    }
}

/// # Safety
/// As [`lower_query`], with a fresh `lowerer`.
unsafe fn lower_select(query: *mut pg_sys::Query, lowerer: &mut Lowerer) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        let query = compat::with_group_expressions(query);
        let plan = lowerer.query(query)?;
        let columns = output_columns(query);
        if columns.is_empty() {
            return unsupported("a SELECT of no columns", "DuckDB does not have it");
        }
        char_length::check_result(query)?;
        let types: Vec<PgType> = columns.iter().map(|column| column.spec.pg_type).collect();
        let (plan, short_decimals) = if lowerer.options.short_decimals {
            bridge_plan::rules::apply_short(plan, &types)?
        } else {
            (bridge_plan::rules::apply(plan, &types)?, false)
        };
        let sql = bridge_plan::writer::write(&plan)?;
        let is_read_twice = |scan: &str| sql.match_indices(scan).nth(1).is_some();
        if (0..lowerer.feeds.len()).any(|number| is_read_twice(&format!("bridge_scan({number})"))) {
            return unsupported("a subquery on a heap table", "its rows would have to be read twice");
        }
        if lowerer.fragment && bridge_plan::functions::is_partial(&sql) {
            return unsupported("an expression of this part", "DuckDB has no form for some of its values");
        }
        Ok(LoweredQuery {
            sql,
            plan: explained::text(&plan),
            columns,
            targets: std::ptr::null_mut(),
            returns_feed: false,
            feeds: lowerer.finish_feeds(&plan),
            remote_scans: lowerer.finish_remote_scans(&plan),
            params: std::mem::take(&mut lowerer.params),
            limited: !(*query).limitCount.is_null(),
            plan_time_values: lowerer.plan_time_values,
            short_decimals,
            instance: lowerer.options.instance.unwrap_or_default(),
        })
    }
}

/// The visible columns of a query.
///
/// # Safety
/// `query` is an analysed query.
unsafe fn output_columns(query: *mut pg_sys::Query) -> Vec<OutputColumn> {
    // SAFETY: target lists hold target entries.
    unsafe {
        list::pointers::<pg_sys::TargetEntry>((*query).targetList)
            .enumerate()
            .filter(|(_, entry)| !(**entry).resjunk)
            .map(|(index, entry)| {
                let node = (*entry).expr.cast::<pg_sys::Node>();
                OutputColumn {
                    spec: ColumnSpec {
                        name: owned_string((*entry).resname),
                        pg_type: char_length::of_column(query, index, node).0,
                    },
                    type_oid: pg_sys::exprType(node),
                    typmod: pg_sys::exprTypmod(node),
                    collation: pg_sys::exprCollation(node),
                }
            })
            .collect()
    }
}
