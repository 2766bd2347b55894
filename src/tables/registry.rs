//! Rows of `duckdb.tables`.
//!
//! Written directly, not by SQL: users have no rights on the table, and a DROP may run in the
//! middle of another command.

use bridge_types::SqlState;
use pgrx::pg_sys;

use crate::error::{Error, Result};
use crate::pg::c_string;

/// Columns of `duckdb.tables`: relid, `duckdb_db`, `motherduck_catalog_version`, `default_database`.
const COLUMNS: usize = 4;

/// Oid of `duckdb.tables`; `None` while the extension is being dropped.
fn registry() -> Option<pg_sys::Oid> {
    // SAFETY: catalog look-ups on the main thread; missing names give the invalid oid.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(c"duckdb".as_ptr(), true);
        pg_sys::get_relname_relid(c"tables".as_ptr(), schema)
    };
    (oid != pg_sys::InvalidOid).then_some(oid)
}

/// Registers a table kept in the DuckDB database `database`.
pub(super) fn insert(relid: pg_sys::Oid, database: &str) -> Result<()> {
    let registry = registry()
        .ok_or_else(|| Error::new(SqlState::UNDEFINED_TABLE, "relation duckdb.tables does not exist"))?;
    let database = c_string(database);
    // SAFETY: the tuple is formed with the table's own descriptor, which has COLUMNS columns
    // of these types (sql/pg_duckdb--0.1.0.sql).
    unsafe {
        let relation = pg_sys::table_open(registry, pg_sys::RowExclusiveLock.cast_signed());
        let mut values = [pg_sys::Datum::from(0usize); COLUMNS];
        let mut nulls = [false, false, true, true];
        values[0] = relid.into();
        values[1] = pg_sys::Datum::from(pg_sys::cstring_to_text(database.as_ptr()));
        let tuple = pg_sys::heap_form_tuple((*relation).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::CatalogTupleInsert(relation, tuple);
        pg_sys::heap_freetuple(tuple);
        pg_sys::table_close(relation, pg_sys::NoLock.cast_signed());
        pg_sys::CommandCounterIncrement();
    }
    Ok(())
}

/// Removes a table's row; fine if there is none.
pub(super) fn delete(relid: pg_sys::Oid) -> Result<()> {
    let Some(registry) = registry() else { return Ok(()) };
    // SAFETY: relid is the first column and the primary key of the table.
    unsafe {
        let relation = pg_sys::table_open(registry, pg_sys::RowExclusiveLock.cast_signed());
        let index = pg_sys::RelationGetPrimaryKeyIndex(relation);
        let mut key = pg_sys::ScanKeyData::default();
        pg_sys::ScanKeyInit(
            &raw mut key,
            1,
            u16::try_from(pg_sys::BTEqualStrategyNumber).expect("a strategy number"),
            pg_sys::F_OIDEQ.into(),
            relid.into(),
        );
        let scan = pg_sys::systable_beginscan(
            relation,
            index,
            index != pg_sys::InvalidOid,
            std::ptr::null_mut(),
            1,
            &raw mut key,
        );
        let tuple = pg_sys::systable_getnext(scan);
        if !tuple.is_null() {
            pg_sys::CatalogTupleDelete(relation, &raw mut (*tuple).t_self);
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::NoLock.cast_signed());
    }
    Ok(())
}

/// Relations registered in a Postgres schema.
pub(crate) fn in_schema(schema: pg_sys::Oid) -> Vec<pg_sys::Oid> {
    let mut found = Vec::new();
    let Some(registry) = registry() else { return found };
    // SAFETY: relid is the first column, not null, passed by value.
    unsafe {
        let relation = pg_sys::table_open(registry, pg_sys::AccessShareLock.cast_signed());
        let scan = pg_sys::systable_beginscan(
            relation,
            pg_sys::InvalidOid,
            false,
            std::ptr::null_mut(),
            0,
            std::ptr::null_mut(),
        );
        loop {
            let tuple = pg_sys::systable_getnext(scan);
            if tuple.is_null() {
                break;
            }
            let mut is_null = false;
            let relid = pg_sys::heap_getattr(tuple, 1, (*relation).rd_att, &mut is_null);
            if let Ok(relid) = u32::try_from(relid.value())
                && pg_sys::get_rel_namespace(relid.into()) == schema
            {
                found.push(relid.into());
            }
        }
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock.cast_signed());
        found
    }
}
