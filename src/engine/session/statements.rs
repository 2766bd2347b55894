//! Statements that the engine has bound for this session.

use std::rc::Rc;

use bridge_ipc::message::{MAIN_INSTANCE, Prepare, Prepared, Reply, Request, ScanSpec};
use bridge_types::SqlState;

use super::{OPENED, context, ensure_open, exchange, next_number, unexpected_reply, with_open};
use crate::error::{Error, Result};

/// Prepared statements kept in the engine for this session.
const STATEMENT_CACHE: usize = 64;

pub(super) struct CachedStatement {
    pub(super) id: u32,
    sql: Rc<str>,
    feeds: Vec<ScanSpec>,
    prepared: Rc<Prepared>,
    last_used: u64,
}

/// A bound statement in the engine.
#[derive(Clone)]
pub(crate) struct Statement {
    /// Number under which the engine knows it.
    pub(super) id: u32,
    /// Result columns and parameters.
    pub(crate) prepared: Rc<Prepared>,
}

/// Binds a statement anew: when it is planned, tables and files may have changed since the
/// last time.
pub(crate) fn prepare(sql: &str, query: &str, feeds: &[ScanSpec]) -> Result<Statement> {
    ensure_open()?;
    with_open(|session| {
        if let Some(old) = session.statements.iter().position(|s| &*s.sql == sql && s.feeds == feeds) {
            let old = session.statements.swap_remove(old);
            session.client.send(&Request::CloseStatement { statement: old.id }, &[])?;
        }
        Ok(())
    })?;
    bound(sql, query, feeds)
}

/// The statement as [`prepare`] bound it; bound again if this session has forgotten it.
pub(crate) fn bound(sql: &str, query: &str, feeds: &[ScanSpec]) -> Result<Statement> {
    ensure_open()?;
    let cached = with_open(|session| {
        session.uses += 1;
        let now = session.uses;
        Ok(session.statements.iter_mut().find(|s| &*s.sql == sql && s.feeds == feeds).map(|s| {
            s.last_used = now;
            Statement { id: s.id, prepared: s.prepared.clone() }
        }))
    })?;
    if let Some(statement) = cached {
        return Ok(statement);
    }
    let id = next_number();
    with_open(|session| {
        if session.statements.len() >= STATEMENT_CACHE
            && let Some(oldest) =
                session.statements.iter().enumerate().min_by_key(|(_, s)| s.last_used).map(|(i, _)| i)
        {
            let oldest = session.statements.swap_remove(oldest);
            session.client.send(&Request::CloseStatement { statement: oldest.id }, &[])?;
        }
        Ok(())
    })?;
    let request = Request::Prepare(Prepare {
        statement: id,
        instance: MAIN_INSTANCE,
        sql: sql.to_owned(),
        query: query.to_owned(),
        scans: feeds.to_vec(),
        remote_scans: Vec::new(),
        context: context(),
    });
    let reply = exchange(&request, &[]).map_err(|error| explain_lost_table(error, sql))?;
    let Reply::Prepared(prepared) = reply else {
        return Err(unexpected_reply());
    };
    let prepared = Rc::new(prepared);
    with_open(|session| {
        let last_used = session.uses;
        session.statements.push(CachedStatement {
            id,
            sql: sql.into(),
            feeds: feeds.to_vec(),
            prepared: prepared.clone(),
            last_used,
        });
        Ok(())
    })?;
    Ok(Statement { id, prepared })
}

/// TEMP tables live in the engine's memory; Postgres still has those of a lost engine.
fn explain_lost_table(mut error: Error, sql: &str) -> Error {
    if OPENED.get() > 1 && error.0.sqlstate == SqlState::UNDEFINED_TABLE && sql.contains("\"temp\".") {
        error.0.detail =
            Some("The rows of duckdb TEMP tables are lost when the DuckDB engine restarts.".into());
        error.0.hint = Some("Drop the temporary table and create it again.".into());
    }
    error
}

/// Runs a statement without parameters or rows; returns the rows it reports as changed.
pub(crate) fn run(sql: &str) -> Result<u64> {
    ensure_open()?;
    let request = Request::Run { instance: MAIN_INSTANCE, sql: sql.to_owned(), context: context() };
    match exchange(&request, &[]).map_err(|error| explain_lost_table(error, sql))? {
        Reply::Done { rows } => Ok(rows),
        _ => Err(unexpected_reply()),
    }
}
