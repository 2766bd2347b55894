//! Postgres `Query` -> DataFusion `LogicalPlan` -> DuckDB SQL.

use bridge_types::{ColumnSpec, EngineError, Unsupported};
use pgrx::pg_sys;

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
    /// External parameters behind `$1`..: Postgres' paramid and the type it is sent as.
    pub(crate) params: Vec<ParamRef>,
    /// The top level has a LIMIT, so reading far ahead would waste work.
    pub(crate) limited: bool,
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

/// An external parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ParamRef {
    /// `Param.paramid`, 1-based.
    pub(crate) paramid: i32,
    /// `Param.paramtype`.
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
