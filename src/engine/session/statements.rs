//! Statements that the engine has bound for this session.

use std::rc::Rc;

use bridge_ipc::message::{Prepare, Prepared, RemoteScan, Reply, Request, ScanSpec};
use bridge_types::SqlState;

use super::instance::Instance;
use super::{OPENED, context, ensure_open, exchange, next_number, unexpected_reply, with_open};
use crate::error::{Error, Result};

/// Prepared statements kept in the engine for this session.
const STATEMENT_CACHE: usize = 64;

/// A DuckDB statement: where it runs, and what it reads from other instances.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DuckSql<'a> {
    /// Where it runs.
    pub(crate) instance: Instance,
    /// Its text.
    pub(crate) sql: &'a str,
    /// What `instance_scan(0)`.. stand for.
    pub(crate) remote_scans: &'a [RemoteSql],
}

/// A query on another instance than the statement's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RemoteSql {
    /// Where it runs.
    pub(crate) instance: Instance,
    /// Its text.
    pub(crate) sql: String,
}

/// On the main instance.
impl<'a> From<&'a str> for DuckSql<'a> {
    fn from(sql: &'a str) -> Self {
        Self { instance: Instance::Main, sql, remote_scans: &[] }
    }
}

impl<'a> From<&'a String> for DuckSql<'a> {
    fn from(sql: &'a String) -> Self {
        sql.as_str().into()
    }
}

pub(super) struct CachedStatement {
    pub(super) id: u32,
    key: Key,
    prepared: Rc<Prepared>,
    last_used: u64,
}

/// What makes two statements the same one.
#[derive(Clone, PartialEq)]
struct Key {
    instance: u32,
    sql: String,
    remote_scans: Vec<RemoteScan>,
    feeds: Vec<ScanSpec>,
    /// DuckDB binds casts of timestamptz to the zone of that moment.
    time_zone: String,
}

impl Key {
    fn new(sql: DuckSql<'_>, feeds: &[ScanSpec]) -> Result<Self> {
        let remote_scans = sql
            .remote_scans
            .iter()
            .map(|scan| Ok(RemoteScan { instance: scan.instance.number()?, sql: scan.sql.clone() }));
        Ok(Self {
            instance: sql.instance.number()?,
            sql: sql.sql.to_owned(),
            remote_scans: remote_scans.collect::<Result<_>>()?,
            feeds: feeds.to_vec(),
            time_zone: context().time_zone,
        })
    }
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
pub(crate) fn prepare<'a>(sql: impl Into<DuckSql<'a>>, query: &str, feeds: &[ScanSpec]) -> Result<Statement> {
    ensure_open()?;
    let key = Key::new(sql.into(), feeds)?;
    with_open(|session| {
        if let Some(old) = session.statements.iter().position(|cached| cached.key == key) {
            let old = session.statements.swap_remove(old);
            session.client.send(&Request::CloseStatement { statement: old.id }, &[])?;
        }
        Ok(())
    })?;
    bound_as(key, query)
}

/// The statement as [`prepare`] bound it; bound again if this session has forgotten it.
pub(crate) fn bound<'a>(sql: impl Into<DuckSql<'a>>, query: &str, feeds: &[ScanSpec]) -> Result<Statement> {
    ensure_open()?;
    bound_as(Key::new(sql.into(), feeds)?, query)
}

fn bound_as(key: Key, query: &str) -> Result<Statement> {
    let cached = with_open(|session| {
        session.uses += 1;
        let now = session.uses;
        Ok(session.statements.iter_mut().find(|cached| cached.key == key).map(|s| {
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
        instance: key.instance,
        sql: key.sql.clone(),
        query: query.to_owned(),
        scans: key.feeds.clone(),
        remote_scans: key.remote_scans.clone(),
        context: context(),
    });
    let reply = exchange(&request, &[]).map_err(|error| explain_lost_table(error, &key.sql))?;
    let Reply::Prepared(prepared) = reply else {
        return Err(unexpected_reply());
    };
    let prepared = Rc::new(prepared);
    with_open(|session| {
        let last_used = session.uses;
        session.statements.push(CachedStatement { id, key, prepared: prepared.clone(), last_used });
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
    run_on(Instance::Main, sql)
}

/// As [`run`], on any instance.
pub(crate) fn run_on(instance: Instance, sql: &str) -> Result<u64> {
    ensure_open()?;
    let request = Request::Run { instance: instance.number()?, sql: sql.to_owned(), context: context() };
    match exchange(&request, &[]).map_err(|error| explain_lost_table(error, sql))? {
        Reply::Done { rows } => Ok(rows),
        _ => Err(unexpected_reply()),
    }
}
