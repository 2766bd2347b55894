//! DDL of duckdb tables, said to DuckDB.
//!
//! Every statement runs in the session's DuckDB transaction, so that it commits or rolls back
//! with the Postgres transaction. DROP and TRUNCATE destroy data at DuckDB's commit, just
//! before Postgres': a crash between the two leaves a table in `pg_class` whose rows are gone.

use bridge_types::names::quote_identifier;
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::registry;
use super::table::{self, Column, Table};
use crate::engine::session;
use crate::error::{Error, Result};
use crate::hooks::xact;
use crate::pg;

/// Makes the DuckDB table of a relation that Postgres has just created.
pub(crate) fn create(relid: pg_sys::Oid) -> Result<()> {
    // SAFETY: main thread, in a transaction; makes the new catalog rows visible.
    unsafe { pg_sys::CommandCounterIncrement() };
    let table = table::of_relation(relid)?;
    let definition = table::definition(relid)?;
    let columns = definition.iter().map(column_definition).collect::<Vec<_>>().join(", ");
    if !table.is_temporary() && table.schema.eq_ignore_ascii_case("main") {
        return Err(unsupported(
            "schema \"main\" is not supported",
            "It is DuckDB's name for schema public; use another schema.",
        ));
    }
    let in_own_schema = !table.is_temporary() && table.duckdb_schema() != "main";
    if in_own_schema {
        announce_schema(relid);
    }
    xact::begin_write(table.persistence)?;
    if in_own_schema {
        session::run(&format!("CREATE SCHEMA IF NOT EXISTS {}", table.qualified_schema()))?;
    }
    // DuckDB wants the word although the name says the same.
    let create = if table.is_temporary() {
        "CREATE TEMP TABLE"
    } else {
        // Postgres has decided that the name is free: what is there was left behind by a
        // transaction that Postgres gave up after DuckDB's commit (see `hooks::xact`).
        check_case(relid, &table.name)?;
        "CREATE OR REPLACE TABLE"
    };
    session::run(&format!("{create} {} ({columns})", table.qualified()))?;
    if !table.is_temporary() {
        registry::insert(relid, &table.database())?;
    }
    Ok(())
}

/// Refuses a name that DuckDB, which compares without regard to case, has for another table.
fn check_case(relid: pg_sys::Oid, name: &str) -> Result<()> {
    // SAFETY: catalog look-ups on the main thread.
    let other = unsafe {
        registry::in_schema(pg_sys::get_rel_namespace(relid))
            .into_iter()
            .filter(|other| *other != relid)
            .map(|other| pg::owned_string(pg_sys::get_rel_name(other)))
            .find(|other| other.to_lowercase() == name.to_lowercase())
    };
    other.map_or(Ok(()), |other| {
        Err(EngineError::new(
            SqlState::DUPLICATE_TABLE,
            format!("duckdb table \"{name}\" differs from \"{other}\" only in case"),
        )
        .with_hint("DuckDB compares names without regard to case; choose another name.")
        .into())
    })
}

/// Makes creators of the first tables of a schema wait for each other, before their DuckDB
/// transactions begin: DuckDB answers two of them that create the schema with a conflict.
fn announce_schema(relid: pg_sys::Oid) {
    // SAFETY: a catalog look-up and a lock on the main thread. The lock conflicts with itself
    // only, not with what others do in the schema, and ends with the transaction.
    unsafe {
        let schema = pg_sys::get_rel_namespace(relid);
        if registry::in_schema(schema).is_empty() {
            pg_sys::LockDatabaseObject(
                pg_sys::NamespaceRelationId,
                schema,
                0,
                pg_sys::ShareUpdateExclusiveLock.cast_signed(),
            );
        }
    }
}

fn column_definition(column: &Column) -> String {
    let not_null = if column.not_null { " NOT NULL" } else { "" };
    format!("{} {}{not_null}", quote_identifier(&column.name), column.duck_type)
}

/// Empties the DuckDB table.
pub(crate) fn truncate(relid: pg_sys::Oid) -> Result<()> {
    let table = table::of_relation(relid)?;
    xact::begin_write(table.persistence)?;
    session::run(&format!("TRUNCATE {}", table.qualified()))?;
    Ok(())
}

/// Drops the DuckDB table of a relation that is still in the catalogs.
///
/// TEMP tables of other sessions, and of this one when it ends, are gone with their session.
pub(crate) fn drop(relid: pg_sys::Oid) -> Result<()> {
    let table = table::of_relation(relid)?;
    if table.is_temporary() {
        // SAFETY: plain globals and a catalog look-up on the main thread.
        let ours = unsafe {
            !pg_sys::proc_exit_inprogress && pg_sys::isTempNamespace(pg_sys::get_rel_namespace(relid))
        };
        if !ours || !session::is_connected() {
            return Ok(());
        }
    }
    xact::begin_write(table.persistence)?;
    session::run(&format!("DROP TABLE IF EXISTS {}", table.qualified()))?;
    if !table.is_temporary() {
        registry::delete(relid)?;
    }
    Ok(())
}

/// Drops a column of a relation that still has it.
///
/// # Errors
/// 0A000 for the last one.
pub(crate) fn drop_column(relid: pg_sys::Oid, column: &str) -> Result<()> {
    if table::definition(relid)?.len() == 1 {
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "a duckdb table needs at least one column"));
    }
    alter(relid, &format!("DROP COLUMN {}", quote_identifier(column)))
}

/// Gives the DuckDB table, whose name was `old`, the relation's present name.
pub(crate) fn rename_table(old: &Table, new_name: &str) -> Result<()> {
    alter_table(old, &format!("RENAME TO {}", quote_identifier(new_name)))
}

/// Renames a column.
pub(crate) fn rename_column(relid: pg_sys::Oid, old: &str, new: &str) -> Result<()> {
    alter(relid, &format!("RENAME COLUMN {} TO {}", quote_identifier(old), quote_identifier(new)))
}

/// Adds or removes NOT NULL; DuckDB checks the rows.
pub(crate) fn set_not_null(relid: pg_sys::Oid, column: &str, not_null: bool) -> Result<()> {
    let verb = if not_null { "SET" } else { "DROP" };
    alter(relid, &format!("ALTER COLUMN {} {verb} NOT NULL", quote_identifier(column))).map_err(|error| {
        if error.0.sqlstate != SqlState::NOT_NULL_VIOLATION {
            return error;
        }
        let table = table::of_relation(relid).map(|table| table.name).unwrap_or_default();
        Error::new(
            SqlState::NOT_NULL_VIOLATION,
            format!("column \"{column}\" of relation \"{table}\" contains null values"),
        )
    })
}

/// Adds the columns that the relation has got since it had `known` attributes.
pub(crate) fn add_columns(relid: pg_sys::Oid, known: i16) -> Result<()> {
    // SAFETY: main thread, in a transaction; makes the new catalog rows visible.
    unsafe { pg_sys::CommandCounterIncrement() };
    for column in table::definition(relid)?.iter().filter(|column| column.number > known) {
        if column.has_default || column.not_null {
            return Err(EngineError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cannot add column \"{}\" with a default or NOT NULL to a duckdb table", column.name),
            )
            .with_hint("Add the column without them first; SET DEFAULT then applies to new rows.")
            .into());
        }
        alter(relid, &format!("ADD COLUMN {}", column_definition(column)))?;
    }
    Ok(())
}

fn alter(relid: pg_sys::Oid, change: &str) -> Result<()> {
    alter_table(&table::of_relation(relid)?, change)
}

fn alter_table(table: &Table, change: &str) -> Result<()> {
    xact::begin_write(table.persistence)?;
    session::run(&format!("ALTER TABLE {} {change}", table.qualified()))?;
    Ok(())
}

/// "`what` is not supported for duckdb tables", with a hint.
pub(crate) fn unsupported(what: &str, hint: &'static str) -> Error {
    let error = EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} for duckdb tables"));
    if hint.is_empty() { error.into() } else { error.with_hint(hint).into() }
}
