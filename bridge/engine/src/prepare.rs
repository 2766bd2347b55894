//! Binding statements: what they return, and casts for what has no wire form.

use crate::bridge_scan::{RemoteScans, ScanSchema};
use crate::duckdb::{Connection, LogicalType, Statement};
use crate::export::{ResultLayout, WireType, type_name};
use crate::portal::PortalError;
use bridge_ipc::batch::encode_schema;
use bridge_ipc::message::{Prepare, Prepared};
use bridge_types::names::quote_identifier;
use bridge_types::{EngineError, SqlState};
use bytes::Bytes;
use libduckdb_sys as ffi;
use std::sync::Arc;

/// A statement the client may execute.
pub(crate) struct PreparedStatement {
    /// Where it was bound.
    pub(crate) instance: u32,
    /// The bound statement.
    pub(crate) statement: Statement,
    /// The user's text, for `engine_sessions()`.
    pub(crate) query: String,
    /// Its result; `None` for a statement without rows.
    pub(crate) layout: Option<Arc<ResultLayout>>,
    /// What the client feeds.
    pub(crate) scans: Arc<[ScanSchema]>,
    /// What it reads from other instances.
    pub(crate) remote_scans: RemoteScans,
    /// How to bind it again; `None` on the main instance, which is always there.
    pub(crate) request: Option<Prepare>,
    /// Only reads: its feeds may be cut short when nobody wants the rows.
    pub(crate) read_only: bool,
}

/// Binds `sql`; the answer for the client and the statement.
pub(crate) fn prepare(
    instance: u32,
    connection: &Connection,
    sql: &str,
    query: String,
    scans: Arc<[ScanSchema]>,
    remote_scans: RemoteScans,
) -> Result<(Prepared, PreparedStatement), PortalError> {
    let mut statement = connection.prepare(sql)?;
    let kind = statement.kind();
    let mut columns = statement.columns();
    let unresolved = columns.iter().any(|(_, logical)| logical.is_unresolved());
    // With parameters of unknown type DuckDB cannot tell the columns before it has values; a
    // writer then has none, unless it says RETURNING.
    let returns_rows = returns_rows(kind, &columns)
        && !(unresolved && is_writer(kind) && !sql.to_ascii_uppercase().contains("RETURNING"));
    if !returns_rows {
        columns.clear();
    }
    if unresolved && returns_rows {
        let parameters = EngineError::new(
            SqlState::parse(b"42P18").unwrap_or(SqlState::DATATYPE_MISMATCH),
            "could not determine the result type of the statement",
        );
        return Err(parameters.with_hint("Cast its parameters.").into());
    }
    let column_names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
    let type_names: Vec<String> = columns.iter().map(|(_, logical)| type_name(logical)).collect();
    let mut wires: Vec<Option<WireType>> = columns.iter().map(|(_, logical)| WireType::of(logical)).collect();
    if wires.iter().any(Option::is_none) {
        if kind != ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT {
            return Err(without_wire_form(&columns, &wires).into());
        }
        statement = connection.prepare(&with_casts(sql, &columns, &wires))?;
        wires = statement.columns().iter().map(|(_, logical)| WireType::of(logical)).collect();
    }
    let wires = wires.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| {
        EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "a result column has no form that crosses to Postgres",
        )
    })?;
    let internal =
        |error: bridge_ipc::IpcError| EngineError::new(SqlState::INTERNAL_ERROR, error.to_string());
    let layout = if returns_rows {
        Some(Arc::new(ResultLayout::new(&column_names, wires).map_err(internal)?))
    } else {
        None
    };
    let (schema, dictionaries) = match &layout {
        Some(layout) => {
            (encode_schema(layout.schema()).map_err(internal)?, layout.dictionaries().map_err(internal)?)
        }
        None => (Bytes::new(), Bytes::new()),
    };
    let parameters = u32::try_from(statement.parameter_count()).unwrap_or(u32::MAX);
    let read_only = kind == ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT;
    Ok((
        Prepared { schema, dictionaries, type_names, column_names, parameters },
        PreparedStatement {
            instance,
            statement,
            query,
            layout,
            scans,
            remote_scans,
            request: None,
            read_only,
        },
    ))
}

/// Whether a statement's columns are rows for the client. Writers without RETURNING report
/// one BIGINT column `Count`; the rest reports success or nothing.
fn returns_rows(kind: ffi::duckdb_statement_type, columns: &[(String, LogicalType)]) -> bool {
    let is_count = matches!(columns, [(name, logical)]
        if name == "Count" && logical.id() == crate::duckdb::TypeId::BigInt);
    match kind {
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_SELECT
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXPLAIN
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_PRAGMA
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_CALL
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_EXECUTE
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_RELATION
        | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_LOGICAL_PLAN => !columns.is_empty(),
        _ if is_writer(kind) => !columns.is_empty() && !is_count,
        _ => false,
    }
}

/// Statements that change rows and may have RETURNING.
fn is_writer(kind: ffi::duckdb_statement_type) -> bool {
    matches!(
        kind,
        ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_INSERT
            | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_UPDATE
            | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_DELETE
            | ffi::duckdb_statement_type_DUCKDB_STATEMENT_TYPE_MERGE_INTO
    )
}

/// `sql` as a subquery under casts of the columns that have no wire form.
fn with_casts(sql: &str, columns: &[(String, LogicalType)], wires: &[Option<WireType>]) -> String {
    let mut outputs = Vec::with_capacity(columns.len());
    let mut aliases = Vec::with_capacity(columns.len());
    for (index, ((name, logical), wire)) in columns.iter().zip(wires).enumerate() {
        let output = match wire {
            Some(_) => format!("c{index}"),
            None => format!("CAST(c{index} AS {})", WireType::cast_target(logical)),
        };
        outputs.push(format!("{output} AS {}", quote_identifier(name)));
        aliases.push(format!("c{index}"));
    }
    let sql = sql.trim_end().trim_end_matches(';');
    // The line break ends a comment at the statement's end.
    format!("SELECT {} FROM ({sql}\n) AS pgd_q({})", outputs.join(", "), aliases.join(", "))
}

fn without_wire_form(columns: &[(String, LogicalType)], wires: &[Option<WireType>]) -> EngineError {
    let column = columns.iter().zip(wires).find(|(_, wire)| wire.is_none()).map(|(column, _)| column);
    let (name, logical) = column.map_or(("", None), |(name, logical)| (name.as_str(), Some(logical)));
    EngineError::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("column \"{name}\" of type {} cannot be returned", logical.map_or(String::new(), type_name)),
    )
    .with_hint("Cast it to text.")
}
