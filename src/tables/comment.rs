//! Comments on relations of MotherDuck and their columns: what Postgres has is said to MotherDuck.

use bridge_types::names::{quote_identifier, quote_literal};
use pgrx::pg_sys;

use super::table::{self, Location, Table};
use super::{pending, view};
use crate::error::Result;
use crate::pg::{c_string, catalog, owned_string};

/// Says a comment on a relation, or on one of its columns, to MotherDuck if the relation is there;
/// null takes it away. A column that does not exist is Postgres' to complain about.
///
/// # Errors
/// DuckDB's.
pub(crate) fn say(relid: pg_sys::Oid, column: Option<&str>, text: Option<&str>) -> Result<()> {
    // What DuckDB does not know yet is said with the rest.
    if pending::contains(relid) {
        return Ok(());
    }
    let is_missing = |column| {
        // SAFETY: a catalog look-up on the main thread.
        unsafe { pg_sys::get_attnum(relid, c_string(column).as_ptr()) <= 0 }
    };
    match relation(relid)? {
        Some(relation) if !column.is_some_and(is_missing) => run(relid, &relation, column, text),
        _ => Ok(()),
    }
}

/// Says all comments that Postgres has of a relation and its columns to MotherDuck, where the relation
/// is new.
///
/// # Errors
/// DuckDB's.
pub(crate) fn say_all(relid: pg_sys::Oid) -> Result<()> {
    let Some(relation) = relation(relid)? else { return Ok(()) };
    // SAFETY: main thread, in a transaction; makes the new catalog rows visible.
    unsafe { pg_sys::CommandCounterIncrement() };
    // Number 0 is the relation itself; dropped columns have names, but no comments.
    for number in 0_i16.. {
        // SAFETY: catalog look-ups on the main thread, which give null or C strings.
        let (column, text) = unsafe {
            (
                pg_sys::get_attname(relid, number, true),
                pg_sys::GetComment(relid, pg_sys::RelationRelationId, number.into()),
            )
        };
        if number > 0 && column.is_null() {
            break;
        }
        if text.is_null() {
            continue;
        }
        // SAFETY: a name if there is one, and a text.
        let (column, text) = unsafe { ((number > 0).then(|| owned_string(column)), owned_string(text)) };
        run(relid, &relation, column.as_deref(), Some(&text))?;
    }
    Ok(())
}

/// The relation if it is one of MotherDuck.
fn relation(relid: pg_sys::Oid) -> Result<Option<Table>> {
    let relation =
        if catalog::is_duckdb_table(relid) { Some(table::of_relation(relid)?) } else { view::of(relid)? };
    Ok(relation.filter(|relation| matches!(relation.location, Location::MotherDuck { .. })))
}

fn run(relid: pg_sys::Oid, relation: &Table, column: Option<&str>, text: Option<&str>) -> Result<()> {
    let name = relation.qualified();
    let object = match column {
        Some(column) => format!("COLUMN {name}.{}", quote_identifier(column)),
        None if catalog::is_duckdb_table(relid) => format!("TABLE {name}"),
        None => format!("VIEW {name}"),
    };
    let text = text.map_or_else(|| "NULL".to_owned(), quote_literal);
    relation.begin_write()?;
    relation.run(&format!("COMMENT ON {object} IS {text}"))
}
