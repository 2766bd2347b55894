//! Typed columns, and the lists Postgres keeps of them.

use bridge_types::Unsupported;
use pgrx::pg_sys;

use super::describe::{self, FileColumn};
use crate::error::Result;
use crate::pg::{self, list};

/// A typed column of a relation.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) attno: i16,
    pub(super) name: String,
    pub(super) type_oid: pg_sys::Oid,
    pub(super) typmod: i32,
    pub(super) collation: pg_sys::Oid,
    /// A column of a file with parts that DuckDB can name.
    pub(super) nested: bool,
    /// Why it cannot be used, if its type has no Postgres counterpart.
    pub(super) unusable: Option<Unsupported>,
}

impl Column {
    /// Column `attno` of a reader in FROM.
    pub(super) fn of_file(column: &FileColumn, attno: i16) -> Self {
        let unusable = (column.type_oid == pg_sys::InvalidOid).then(|| describe::no_type(column));
        // A column without a type still needs one in the lists of its relation.
        let type_oid = if unusable.is_some() { pg_sys::TEXTOID } else { column.type_oid };
        // SAFETY: a catalog look-up on the main thread.
        let collation = unsafe { pg_sys::get_typcollation(type_oid) };
        Self {
            attno,
            name: column.name.clone(),
            type_oid,
            typmod: column.typmod,
            collation,
            nested: column.is_nested(),
            unusable,
        }
    }

    /// A reference to this column of relation `varno`.
    pub(super) fn var(&self, varno: i32, levels_up: u32) -> Result<*mut pg_sys::Var> {
        if let Some(unusable) = &self.unusable {
            return Err(unusable.clone().into());
        }
        // SAFETY: a fresh node in the current context.
        Ok(unsafe {
            #[allow(clippy::useless_conversion, reason = "varno is unsigned before Postgres 15")]
            pg_sys::makeVar(
                varno.try_into().unwrap_or_default(),
                self.attno,
                self.type_oid,
                self.typmod,
                self.collation,
                levels_up,
            )
        })
    }
}

/// The column that a target makes.
///
/// # Safety
/// A valid target entry.
pub(super) unsafe fn output_column(entry: *mut pg_sys::TargetEntry) -> Column {
    // SAFETY: a valid target entry.
    unsafe {
        let expr = (*entry).expr.cast();
        Column {
            attno: (*entry).resno,
            name: pg::owned_string((*entry).resname),
            type_oid: pg_sys::exprType(expr),
            typmod: pg_sys::exprTypmod(expr),
            collation: pg_sys::exprCollation(expr),
            nested: false,
            unusable: None,
        }
    }
}

/// The visible columns of a rewritten query.
///
/// # Safety
/// A valid query.
pub(super) unsafe fn output_columns(query: *mut pg_sys::Query) -> Vec<Column> {
    // SAFETY: a valid query.
    unsafe {
        list::pointers::<pg_sys::TargetEntry>((*query).targetList)
            .filter(|entry| !(**entry).resjunk)
            .map(|entry| output_column(entry))
            .collect()
    }
}

/// Gives a relation the names of its new columns; its own name stays.
///
/// # Safety
/// A valid entry.
pub(super) unsafe fn rename(entry: *mut pg_sys::RangeTblEntry, columns: &[Column]) {
    // SAFETY: a valid entry; every entry has an eref.
    unsafe {
        let name = (*(*entry).eref).aliasname;
        (*entry).eref = pg_sys::makeAlias(name, name_list(columns));
        if !(*entry).alias.is_null() {
            (*entry).alias = pg_sys::makeAlias(name, std::ptr::null_mut());
        }
    }
}

/// The names, as a list of String nodes.
///
/// # Safety
/// Allocates in the current memory context.
pub(super) unsafe fn name_list(columns: &[Column]) -> *mut pg_sys::List {
    // SAFETY: fresh nodes in the current context.
    columns.iter().fold(std::ptr::null_mut(), |names, column| unsafe {
        list::append(names, pg_sys::makeString(pg::palloc_string(&column.name)))
    })
}

/// An oid list.
pub(super) fn oid_list(oids: impl IntoIterator<Item = pg_sys::Oid>) -> *mut pg_sys::List {
    // SAFETY: fresh cells in the current context.
    oids.into_iter().fold(std::ptr::null_mut(), |list, oid| unsafe { pg_sys::lappend_oid(list, oid) })
}
