//! RENAME and SET SCHEMA of duckdb tables, and of the schemas they are in.

use std::ffi::c_char;

use pgrx::pg_sys;

use super::utility::{After, duckdb_table_of, relation_of};
use crate::error::Result;
use crate::pg::{owned_string, palloc_string};
use crate::tables::{ddl, registry, table, view};

/// What a relation was called before a statement; strings live as long as the statement.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Renamed {
    /// The relation, or the schema.
    relid: pg_sys::Oid,
    what: What,
    /// The old schema, table or column.
    old: *mut c_char,
    /// The new name of a column.
    new: *mut c_char,
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Table,
    /// A view of MotherDuck.
    View,
    Column,
    Schema,
    /// All tables of a schema, which is then `relid`.
    WholeSchema,
}

impl Renamed {
    /// Makes DuckDB follow.
    pub(super) fn follow(self) -> Result<()> {
        let Self { relid, what, .. } = self;
        // SAFETY: main thread, in a transaction; makes the new catalog rows visible. The names
        // are null or strings of the running statement.
        let (old, new) = unsafe {
            pg_sys::CommandCounterIncrement();
            (owned_string(self.old), owned_string(self.new))
        };
        if what == What::Column {
            return ddl::rename_column(relid, &old, &new);
        }
        if what == What::WholeSchema {
            let mut last = None;
            for table in registry::in_schema(relid) {
                let mut before = table::of_relation(table)?;
                before.schema.clone_from(&old);
                ddl::move_table(table, &before)?;
                last = Some(before);
            }
            return last.as_ref().map_or(Ok(()), ddl::drop_schema);
        }
        let mut before = table::of_relation(relid)?;
        match what {
            What::Table => {
                before.name = old;
                ddl::rename_table(relid, &before)
            }
            What::View => {
                before.name = old;
                view::rename(relid, &before)
            }
            _ if before.schema == old => Ok(()),
            _ => {
                before.schema = old;
                ddl::move_table(relid, &before)
            }
        }
    }
}

/// `ALTER .. RENAME`.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn rename(statement: &pg_sys::RenameStmt) -> Result<After> {
    use pg_sys::ObjectType as Object;
    // SAFETY: names in a valid statement.
    unsafe {
        if statement.renameType == Object::OBJECT_SCHEMA {
            return rename_schema(statement);
        }
        if let Some(relid) = motherduck_view_of(statement.relation)? {
            return match statement.renameType {
                Object::OBJECT_VIEW | Object::OBJECT_TABLE => {
                    let old = pg_sys::get_rel_name(relid);
                    Ok(After::Rename(Renamed { relid, what: What::View, old, new: statement.newname }))
                }
                Object::OBJECT_COLUMN => Err(view::unsupported(
                    "renaming a column is not supported",
                    "Use CREATE OR REPLACE VIEW, or drop the view and create it again.",
                )),
                _ => Ok(After::Nothing),
            };
        }
        let Some(relid) = duckdb_table_of(statement.relation) else { return Ok(After::Nothing) };
        let what = match statement.renameType {
            Object::OBJECT_COLUMN => What::Column,
            Object::OBJECT_TABLE | Object::OBJECT_INDEX | Object::OBJECT_VIEW | Object::OBJECT_SEQUENCE => {
                What::Table
            }
            _ => return Ok(After::Nothing),
        };
        let old = if what == What::Column { statement.subname } else { pg_sys::get_rel_name(relid) };
        Ok(After::Rename(Renamed { relid, what, old, new: statement.newname }))
    }
}

/// # Safety
/// A valid statement that renames a schema.
unsafe fn rename_schema(statement: &pg_sys::RenameStmt) -> Result<After> {
    // SAFETY: names in a valid statement.
    unsafe {
        let schema = pg_sys::get_namespace_oid(statement.subname, true);
        let tables = if schema == pg_sys::InvalidOid { Vec::new() } else { registry::in_schema(schema) };
        if tables.is_empty() {
            return Ok(After::Nothing);
        }
        for relid in tables {
            if view::of(relid)?.is_some() {
                return Err(view::unsupported("another schema is not supported", "Drop the view first."));
            }
        }
        let old = palloc_string(&owned_string(statement.subname));
        Ok(After::Rename(Renamed { relid: schema, what: What::WholeSchema, old, new: std::ptr::null_mut() }))
    }
}

/// `ALTER TABLE .. SET SCHEMA`.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn set_schema(statement: &pg_sys::AlterObjectSchemaStmt) -> Result<After> {
    // SAFETY: as the caller promises.
    if unsafe { motherduck_view_of(statement.relation)? }.is_some() {
        return Err(view::unsupported("another schema is not supported", "Create the view again there."));
    }
    // SAFETY: a name in a valid statement.
    let Some(relid) = (unsafe { duckdb_table_of(statement.relation) }) else { return Ok(After::Nothing) };
    let old = palloc_string(&table::of_relation(relid)?.schema);
    Ok(After::Rename(Renamed { relid, what: What::Schema, old, new: std::ptr::null_mut() }))
}

/// The view of MotherDuck that a statement names; `None` if it names something else.
///
/// # Safety
/// `range` is null or a valid name.
unsafe fn motherduck_view_of(range: *mut pg_sys::RangeVar) -> Result<Option<pg_sys::Oid>> {
    // SAFETY: as the caller promises.
    let Some(relid) = (unsafe { relation_of(range) }) else { return Ok(None) };
    Ok(view::of(relid)?.map(|_| relid))
}
