//! The local store of a Postgres database: `pg_duckdb/<database oid>`, below the data directory.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bridge_types::names::{quote_identifier, quote_literal, store_catalog};
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::engine::session;
use crate::error::{Error, Result};

/// Relative to the data directory, which is every backend's working directory.
fn directory(database: pg_sys::Oid) -> PathBuf {
    PathBuf::from(format!("pg_duckdb/{}", database.to_u32()))
}

/// Warns that a database made from this template has none of the rows of its duckdb tables.
/// (With strategy `wal_log` Postgres itself then fails for the want of their files.)
pub(crate) fn warn_not_copied(template: pg_sys::Oid, name: &str) {
    if directory(template).exists() {
        ereport!(
            WARNING,
            PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
            format!("the local DuckDB store of database \"{name}\" is not copied"),
            "A template should have no duckdb tables: they would be without their rows."
        );
    }
}

/// Writes a copy of this database's store to a file, as it is at one moment; others read and
/// write meanwhile. The file appears under its name when it is complete.
///
/// # Errors
/// 22023 for a path that is not absolute, 58P02 if there is such a file, 25001 in a transaction
/// that uses DuckDB already, and DuckDB's.
pub(crate) fn back_up(path: &str) -> Result<()> {
    let target = Path::new(path);
    if !target.is_absolute() {
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "path of a backup must be absolute"));
    }
    if target.exists() {
        return Err(Error::new(SqlState::DUPLICATE_FILE, format!("file \"{path}\" already exists")));
    }
    if session::is_in_transaction() {
        return Err(EngineError::new(
            SqlState::ACTIVE_SQL_TRANSACTION,
            "duckdb.backup cannot run in a transaction that has used duckdb tables",
        )
        .with_hint("Call it in a transaction of its own, under READ COMMITTED.")
        .into());
    }
    let part = format!("{path}.part");
    // SAFETY: plain globals of the main thread.
    let (process, database) = unsafe { (pg_sys::MyProcPid, pg_sys::MyDatabaseId.to_u32()) };
    let store = quote_identifier(&store_catalog(database));
    let copy = quote_identifier(&format!("pg_duckdb_backup_{process}"));
    // Of an attempt of this backend that was cancelled.
    session::run(&format!("DETACH DATABASE IF EXISTS {copy}"))?;
    remove_if_there(&part)?;
    session::run(&format!("ATTACH {} AS {copy}", quote_literal(&part)))?;
    let copied = session::run(&format!("COPY FROM DATABASE {store} TO {copy}"))
        .and_then(|_| session::run(&format!("CHECKPOINT {copy}")));
    let detached = session::run(&format!("DETACH DATABASE IF EXISTS {copy}"));
    let finished = copied.and(detached).and_then(|_| rename_durably(&part, target));
    if finished.is_err() {
        remove_if_there(&part)?;
    }
    finished
}

fn remove_if_there(path: &str) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", path, &error)),
        _ => Ok(()),
    }
}

fn rename_durably(from: &str, to: &Path) -> Result<()> {
    let renamed = std::fs::File::open(from)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(from, to))
        .and_then(|()| std::fs::File::open(to.parent().unwrap_or(Path::new("/"))))
        .and_then(|directory| directory.sync_all());
    renamed.map_err(|error| io_error("rename", from, &error))
}

fn io_error(what: &str, path: &str, error: &std::io::Error) -> Error {
    Error::new(SqlState::IO_ERROR, format!("could not {what} file \"{path}\": {error}"))
}

/// Removes the store of a database that is being dropped, as Postgres removes its files: at
/// the end of `DROP DATABASE`, when nothing can undo it any more. A failure leaves files
/// behind and is a WARNING.
///
/// A crash leaves no store of its own: Postgres has marked the database as invalid for good, before it
/// removed the first file, and its row goes only with the commit, which comes after this. Before that
/// nobody can connect to it, and whoever drops it again comes here again.
pub(crate) fn remove(database: pg_sys::Oid) {
    let directory = directory(database);
    if !directory.exists() {
        return;
    }
    // The engine closes the file if it has it open. If it cannot be asked it does not run; if
    // it refuses, it keeps an open file without a name until its next start.
    let detach = format!("DETACH DATABASE IF EXISTS {}", quote_identifier(&store_catalog(database.to_u32())));
    let detached = session::run(&detach);
    if let Err(error) = std::fs::remove_dir_all(&directory) {
        warning!("could not remove directory \"{}\": {error}", directory.display());
    } else if let Err(error) = detached {
        debug1!("the engine did not close the store of a dropped database: {}", error.0.message);
    }
}
