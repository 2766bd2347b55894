//! The local store of a Postgres database: `pg_duckdb/<database oid>`, below the data directory.

use std::path::PathBuf;

use bridge_types::names::{quote_identifier, store_catalog};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::engine::session;

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

/// Removes the store of a database that is being dropped, as Postgres removes its files: at
/// the end of `DROP DATABASE`, when nothing can undo it any more. A failure leaves files
/// behind and is a WARNING.
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
