//! DuckDB's constraint violations in Postgres' words.
//!
//! DuckDB names no constraints. A CHECK carries a mark with its oid
//! ([`super::definition::CHECK_MARK`]); a key is found by its columns.

use std::ffi::CString;

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::definition::{CHECK_MARK, Definition, Key, NOT_NULL_MARK};
use crate::error::{Error, Subject};
use crate::pg::{compat, owned_string};

/// Which rows violate a constraint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rows {
    /// Those a statement writes.
    New,
    /// Those that were there before the constraint.
    Present,
}

/// The error as Postgres would tell it; other errors stay as they are.
pub(crate) fn explain(error: Error, relid: pg_sys::Oid, rows: Rows) -> Error {
    // SAFETY: a catalog look-up on the main thread; a missing relation gives a null pointer.
    let table = unsafe { owned_string(pg_sys::get_rel_name(relid)) };
    let (error, named) = match error.0.sqlstate {
        SqlState::UNIQUE_VIOLATION => duplicate(error, relid, &table, rows),
        SqlState::CHECK_VIOLATION => check(error, relid, &table, rows),
        SqlState::NOT_NULL_VIOLATION => null(error, &table, rows),
        _ => return error,
    };
    // SAFETY: as above.
    let schema = unsafe { owned_string(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relid))) };
    let (column, constraint) = match named {
        Named::Nothing => (None, None),
        Named::Column(name) => (Some(c_name(name)), None),
        Named::Constraint(name) => (None, Some(c_name(name))),
    };
    error.about(Subject { schema: c_name(schema), table: c_name(table), column, constraint })
}

/// What of the table a violation is about, for clients.
enum Named {
    Nothing,
    Column(String),
    Constraint(String),
}

/// A name of the catalogs, which has no NUL.
fn c_name(name: String) -> CString {
    CString::new(name).unwrap_or_default()
}

/// As [`explain`], for a running plan that writes.
///
/// # Safety
/// `estate` is the state of a started query.
pub(crate) unsafe fn explain_write(error: Error, estate: *mut pg_sys::EState) -> Error {
    let violation = [SqlState::UNIQUE_VIOLATION, SqlState::CHECK_VIOLATION, SqlState::NOT_NULL_VIOLATION];
    if !violation.contains(&error.0.sqlstate) {
        return error;
    }
    // SAFETY: as the caller promises.
    let target = unsafe { compat::checked_relations(estate) }
        .find(|(_, rights)| crate::hooks::xact::is_write(*rights));
    match target {
        Some((relid, _)) => explain(error, relid, Rows::New),
        None => error,
    }
}

fn duplicate(error: Error, relid: pg_sys::Oid, table: &str, rows: Rows) -> (Error, Named) {
    let Ok(definition) = Definition::of(relid) else { return (error, Named::Nothing) };
    let keys: Vec<&Key> =
        definition.keys.iter().chain(&definition.indexes).filter(|key| key.unique).collect();
    let quoted = error.0.message.split_once("key \"").and_then(|(_, rest)| Some(rest.rsplit_once('"')?.0));
    let named: Vec<(Vec<&str>, &Key)> = keys
        .into_iter()
        .map(|key| {
            let columns = key.columns.iter().filter_map(|number| definition.column(*number));
            (columns.map(|column| column.name.as_str()).collect(), key)
        })
        .collect();
    let found = quoted.and_then(|quoted| {
        named.iter().find_map(|(names, key)| Some((names, *key, labelled(quoted, names)?)))
    });
    let found = found.or_else(|| {
        // DuckDB names no columns for rows of the same statement, and old ones after RENAME.
        let values = unlabelled(quoted?);
        let parts = values.len();
        let mut candidates = named.iter().filter(|(names, _)| names.len() == parts || named.len() == 1);
        match (candidates.next(), candidates.next()) {
            (Some((names, key)), None) => Some((names, *key, values.join(", "))),
            _ => None,
        }
    });
    // SAFETY: a catalog look-up on the main thread.
    let name_of = |key: &Key| unsafe { owned_string(pg_sys::get_rel_name(key.index)) };
    let key = match (&found, named.as_slice(), rows) {
        (Some((_, key, _)), ..) | (None, [(_, key)], Rows::Present) => Some(*key),
        _ => None,
    };
    let (message, detail) = match (found, rows) {
        (Some((names, key, values)), Rows::New) => (
            format!("duplicate key value violates unique constraint \"{}\"", name_of(key)),
            Some(format!("Key ({})=({values}) already exists.", names.join(", "))),
        ),
        (Some((names, key, values)), Rows::Present) => (
            format!("could not create unique index \"{}\"", name_of(key)),
            Some(format!("Key ({})=({values}) is duplicated.", names.join(", "))),
        ),
        (None, Rows::New) => (
            format!("duplicate key value violates a unique constraint of relation \"{table}\""),
            quoted.map(|values| format!("Key ({values}) already exists.")),
        ),
        (None, Rows::Present) => (
            match named.as_slice() {
                [(_, key)] => format!("could not create unique index \"{}\"", name_of(key)),
                _ => format!("could not create a unique index on relation \"{table}\""),
            },
            Some("The table has duplicate keys.".to_owned()),
        ),
    };
    let named = key.map_or(Named::Nothing, |key| Named::Constraint(name_of(key)));
    let error = EngineError::new(SqlState::UNIQUE_VIOLATION, message);
    let error = detail.map_or_else(|| error.clone(), |detail| error.clone().with_detail(detail));
    (error.into(), named)
}

/// The values of `a: 1, b: x` for the columns `a, b`; `None` if the columns are others.
fn labelled(text: &str, names: &[&str]) -> Option<String> {
    let mut rest = text;
    let mut values: Vec<&str> = Vec::with_capacity(names.len());
    for (i, name) in names.iter().enumerate() {
        let label = if i == 0 { format!("{name}: ") } else { format!(", {name}: ") };
        let at = rest.find(&label)?;
        if i == 0 {
            if at != 0 {
                return None;
            }
        } else {
            values.push(&rest[..at]);
        }
        rest = &rest[at + label.len()..];
    }
    values.push(rest);
    Some(values.join(", "))
}

/// The parts of `a: 1, b: x` or `1, x` without names; a guess if values have commas or colons.
fn unlabelled(text: &str) -> Vec<&str> {
    let name_ends = |part: &str| {
        let end = part.find(": ")?;
        part[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_').then_some(end + 2)
    };
    text.split(", ").map(|part| &part[name_ends(part).unwrap_or(0)..]).collect()
}

/// The number behind the last `mark` in a message.
fn marked<T: std::str::FromStr>(message: &str, mark: &str) -> Option<T> {
    let (_, rest) = message.rsplit_once(mark)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn check(error: Error, relid: pg_sys::Oid, table: &str, rows: Rows) -> (Error, Named) {
    // A mark is the last thing in a constraint; others would be a user's text.
    let message = &error.0.message;
    if message.rfind(NOT_NULL_MARK) > message.rfind(CHECK_MARK)
        && let Some(attribute) = marked(message, NOT_NULL_MARK)
    {
        // SAFETY: a catalog look-up on the main thread; a missing column gives a null pointer.
        let column = unsafe { owned_string(pg_sys::get_attname(relid, attribute, true)) };
        return null_in(&column, table, rows);
    }
    let Some(oid) = marked::<u32>(&error.0.message, CHECK_MARK) else {
        return (error, Named::Nothing);
    };
    // SAFETY: a catalog look-up on the main thread; a missing constraint gives a null pointer.
    let name = unsafe { owned_string(pg_sys::get_constraint_name(pg_sys::Oid::from(oid))) };
    let message = match rows {
        Rows::New => format!("new row for relation \"{table}\" violates check constraint \"{name}\""),
        Rows::Present => {
            format!("check constraint \"{name}\" of relation \"{table}\" is violated by some row")
        }
    };
    (Error::new(SqlState::CHECK_VIOLATION, message), Named::Constraint(name))
}

fn null(error: Error, table: &str, rows: Rows) -> (Error, Named) {
    // The engine has put DuckDB's error into Postgres' words, with DuckDB's name of the table.
    let column =
        error.0.message.strip_prefix("null value in column \"").and_then(|rest| rest.split('"').next());
    match column {
        Some(column) => null_in(column, table, rows),
        None => (error, Named::Nothing),
    }
}

fn null_in(column: &str, table: &str, rows: Rows) -> (Error, Named) {
    let message = match rows {
        Rows::New => {
            format!("null value in column \"{column}\" of relation \"{table}\" violates not-null constraint")
        }
        Rows::Present => format!("column \"{column}\" of relation \"{table}\" contains null values"),
    };
    (Error::new(SqlState::NOT_NULL_VIOLATION, message), Named::Column(column.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::labelled;

    #[test]
    fn values_without_their_names() {
        assert_eq!(super::unlabelled("id: 5"), ["5"]);
        assert_eq!(super::unlabelled("a: 1, b: x"), ["1", "x"]);
        assert_eq!(super::unlabelled("1, x"), ["1", "x"]);
    }

    #[test]
    fn values_of_a_key_are_found_by_its_columns() {
        assert_eq!(labelled("a: 1", &["a"]), Some("1".to_owned()));
        assert_eq!(labelled("a: 1, b: x, y", &["a", "b"]), Some("1, x, y".to_owned()));
        assert_eq!(labelled("a: 1", &["b"]), None);
        assert_eq!(labelled("a: 1, b: 2", &["b"]), None);
    }
}
