//! Postgres `Query` -> DataFusion `LogicalPlan` -> DuckDB SQL.
//!
//! This side knows Postgres: it walks an analysed and rewritten `Query`, resolves its Vars,
//! names functions and collations by catalog look-ups and builds a plan in the vocabulary of
//! `bridge_plan::pg`. What may run in DuckDB, and as what, is decided by `bridge_plan`.
//!
//! - [`query`]: a query level as one canonical stack; set operations and WITH;
//! - [`relation`]: the range table and FROM: duckdb tables, feeds, joins, subqueries;
//! - [`expr`], [`aggregate`], [`window`], [`sublink`]: expressions;
//! - [`constant`], [`function`], [`types`]: constants, signatures and collations, types;
//! - [`feed`]: the queries whose rows the backend feeds;
//! - [`insert`]: `INSERT .. SELECT` into a duckdb table.
//!
//! Everything here runs on the main thread inside the planner hook. Nodes it makes live in
//! the current memory context; the query it is given is not changed.

mod aggregate;
mod constant;
mod expr;
mod feed;
mod function;
mod insert;
mod query;
mod relation;
mod scope;
mod sublink;
mod types;
mod window;

use bridge_plan::PlanError;
use bridge_plan::explain::explain;
use bridge_types::{ColumnSpec, EngineError, PgType, SqlState, Unsupported};
use pgrx::pg_sys;

use crate::pg::{list, owned_string};
use scope::Lowerer;

pub(crate) use insert::lower_insert;

/// What a query became.
pub(crate) struct LoweredQuery {
    /// DuckDB SQL; parameters as `$1`.., feeds as `bridge_scan(0)`...
    pub(crate) sql: String,
    /// The LogicalPlan after the rules, indented, for EXPLAIN VERBOSE.
    pub(crate) plan: String,
    /// The visible output columns, in order.
    pub(crate) columns: Vec<OutputColumn>,
    /// Relations that the backend feeds, in the order of their `bridge_scan` numbers.
    pub(crate) feeds: Vec<Feed>,
    /// What is sent as `$1`...
    pub(crate) params: Vec<ParamRef>,
    /// The top level has a LIMIT, so reading far ahead would waste work.
    pub(crate) limited: bool,
    /// The SQL holds values such as `now()`, right for this transaction, user and settings
    /// only: constants rather than parameters, so that DuckDB prunes by them.
    pub(crate) plan_time_values: bool,
}

/// One visible output column.
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct LowerOptions {
    /// Database whose local store holds the duckdb tables.
    pub(crate) database_oid: u32,
}

impl LowerOptions {
    /// Those of this backend.
    pub(crate) fn current() -> Self {
        // SAFETY: a plain global of the main thread.
        Self { database_oid: unsafe { pg_sys::MyDatabaseId }.to_u32() }
    }
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
    unsafe {
        let mut lowerer = Lowerer::new(*options);
        let plan = lowerer.query(query)?;
        let columns = output_columns(query);
        if columns.is_empty() {
            return unsupported("a SELECT of no columns", "DuckDB does not have it");
        }
        let types: Vec<PgType> = columns.iter().map(|column| column.spec.pg_type).collect();
        let plan = bridge_plan::rules::apply(plan, &types)?;
        let sql = bridge_plan::writer::write(&plan)?;
        Ok(LoweredQuery {
            sql,
            plan: explain(&plan),
            columns,
            feeds: lowerer.finish_feeds(&plan),
            params: lowerer.params,
            limited: !(*query).limitCount.is_null(),
            plan_time_values: lowerer.plan_time_values,
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
            .filter(|entry| !(**entry).resjunk)
            .map(|entry| {
                let node = (*entry).expr.cast::<pg_sys::Node>();
                OutputColumn {
                    spec: ColumnSpec {
                        name: owned_string((*entry).resname),
                        pg_type: types::of_values(node),
                    },
                    type_oid: pg_sys::exprType(node),
                    typmod: pg_sys::exprTypmod(node),
                    collation: pg_sys::exprCollation(node),
                }
            })
            .collect()
    }
}
