//! Functions callable from SQL.

use bridge_ipc::message::{Reply, Request};
use bridge_types::SqlState;
use bridge_types::epoch::PG_EPOCH_OFFSET_US;
use pgrx::prelude::*;

use crate::engine::session;
use crate::error::{self, Error, Result};
use crate::tables::store;

fn timestamp(unix_us: i64) -> Option<TimestampWithTimeZone> {
    (unix_us > 0).then(|| TimestampWithTimeZone::try_from(unix_us - PG_EPOCH_OFFSET_US).ok()).flatten()
}

fn bigint(value: u64) -> Option<i64> {
    i64::try_from(value).ok()
}

fn int(value: u32) -> Option<i32> {
    i32::try_from(value).ok()
}

/// `duckdb.engine_status()`: one row about the engine process.
#[pg_extern]
#[expect(clippy::type_complexity, reason = "the row type is the SQL surface")]
fn engine_status() -> TableIterator<
    'static,
    (
        name!(pid, Option<i32>),
        name!(started_at, Option<TimestampWithTimeZone>),
        name!(restarts, Option<i64>),
        name!(sessions, Option<i32>),
        name!(running_queries, Option<i32>),
        name!(memory_bytes, Option<i64>),
        name!(memory_limit_bytes, Option<i64>),
        name!(temp_bytes, Option<i64>),
        name!(duckdb_version, Option<String>),
        name!(last_error, Option<String>),
    ),
> {
    let status = error::report(ask(&Request::Status, |reply| match reply {
        Reply::Status(status) => Some(status),
        _ => None,
    }));
    TableIterator::once((
        Some(status.pid),
        timestamp(status.started_at_us),
        bigint(status.restarts),
        int(status.sessions),
        int(status.running_queries),
        bigint(status.memory_bytes),
        bigint(status.memory_limit_bytes),
        bigint(status.temp_bytes),
        Some(status.duckdb_version),
        status.last_error,
    ))
}

/// `duckdb.backup(path)`: copies the local store of this database to a file.
#[pg_extern]
fn backup(path: &str) {
    error::report(store::back_up(path));
}

/// `duckdb.engine_sessions()`: one row per session of the engine.
#[pg_extern]
#[expect(clippy::type_complexity, reason = "the row type is the SQL surface")]
fn engine_sessions() -> TableIterator<
    'static,
    (
        name!(backend_pid, Option<i32>),
        name!(database, Option<String>),
        name!(role, Option<String>),
        name!(state, Option<String>),
        name!(query, Option<String>),
        name!(started, Option<TimestampWithTimeZone>),
        name!(rows_sent, Option<i64>),
        name!(progress, Option<f64>),
    ),
> {
    let sessions = error::report(ask(&Request::Sessions, |reply| match reply {
        Reply::Sessions(sessions) => Some(sessions),
        _ => None,
    }));
    TableIterator::new(sessions.into_iter().map(|s| {
        (
            Some(s.backend_pid),
            Some(s.database),
            Some(s.role),
            Some(s.state),
            Some(s.query),
            timestamp(s.started_us),
            bigint(s.rows_sent),
            (s.progress >= 0.0).then_some(s.progress),
        )
    }))
}

fn ask<T>(request: &Request, take: impl FnOnce(Reply) -> Option<T>) -> Result<T> {
    take(session::ask(request)?)
        .ok_or_else(|| Error::new(SqlState::PROTOCOL_VIOLATION, "unexpected reply from the DuckDB engine"))
}
