//! A view of MotherDuck in FROM: `duckdb.view(database, schema, name, sql) AS r(c type, ..)`, which
//! is what its view in Postgres selects from. `sql` is for those who read that view's definition.

use bridge_types::SqlState;
use bridge_types::names::quote_identifier;
use pgrx::pg_sys;

use super::{describe, reader};
use crate::error::{Error, Result};
use crate::pg::{catalog, list, owned_string};

/// Name of the function, in schema duckdb.
const FUNCTION: &str = "view";

/// True for the oid of `duckdb.view`.
pub(crate) fn is_view_function(function: pg_sys::Oid) -> bool {
    // SAFETY: a catalog look-up on the main thread; a missing function gives a null pointer.
    catalog::is_duckdb_only_function(function)
        && unsafe { owned_string(pg_sys::get_func_name(function)) } == FUNCTION
}

/// A view as a relation of its account.
pub(crate) struct View {
    /// Its name.
    pub(crate) name: String,
    /// DuckDB SQL that stands in FROM: has the columns that were promised, in this order.
    pub(crate) from: String,
    /// Those columns' names.
    pub(crate) columns: Vec<String>,
}

/// The statement that made the view in MotherDuck which an entry calls for, as the entry has it;
/// `None` for any other entry.
///
/// # Safety
/// `entry` is a valid range table entry.
pub(crate) unsafe fn definition(entry: *mut pg_sys::RangeTblEntry) -> Result<Option<String>> {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(call) = reader::call(entry).filter(|call| is_view_function((**call).funcid)) else {
            return Ok(None);
        };
        match list::pointers::<pg_sys::Node>((*call).args).nth(3) {
            Some(argument) => reader::constant_text(argument),
            None => Ok(None),
        }
    }
}

/// The view that an entry calls for; `None` if it calls another function.
///
/// # Safety
/// `entry` is a valid range table entry.
///
/// # Errors
/// 42804 if the view has other columns by now, and those of asking the account.
pub(crate) unsafe fn of(entry: *mut pg_sys::RangeTblEntry) -> Result<Option<View>> {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(call) = reader::call(entry).filter(|call| is_view_function((**call).funcid)) else {
            return Ok(None);
        };
        let mut arguments = Vec::new();
        for argument in list::pointers::<pg_sys::Node>((*call).args) {
            arguments.push(reader::constant_text(argument)?);
        }
        let Some([Some(database), Some(schema), Some(name)]) = arguments.first_chunk::<3>() else {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "the arguments of duckdb.view must be constants other than null",
            ));
        };
        let promised = reader::promised(entry);
        let full_name = [database, schema, name].map(|part| quote_identifier(part)).join(".");
        Ok(Some(View {
            name: name.clone(),
            from: describe::view_sql(&full_name, &promised)?,
            columns: promised.into_iter().map(|(name, _)| name).collect(),
        }))
    }
}
