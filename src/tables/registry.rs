//! Rows of `duckdb.tables`.
//!
//! Written directly, not by SQL: users have no rights on the table, and a DROP may run in the
//! middle of another command.

use bridge_types::SqlState;
use pgrx::pg_sys;

use super::table::{self, Location, Table};
use crate::error::{Error, Result};
use crate::motherduck;
use crate::pg::{self, c_string, compat};

/// Columns of `duckdb.tables`: `relid`, `duckdb_db`, `motherduck_catalog_version`,
/// `default_database`, `duckdb_schema`, `source`. The last four are null for local tables.
const COLUMNS: usize = 6;

/// Oid of `duckdb.tables`; `None` while the extension is being dropped.
fn registry() -> Option<pg_sys::Oid> {
    // SAFETY: catalog look-ups on the main thread; missing names give the invalid oid.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(c"duckdb".as_ptr(), true);
        pg_sys::get_relname_relid(c"tables".as_ptr(), schema)
    };
    (oid != pg_sys::InvalidOid).then_some(oid)
}

/// Registers a table. One of MotherDuck goes with the server that stands for the account.
pub(super) fn insert(relid: pg_sys::Oid, table: &Table) -> Result<()> {
    insert_row(relid, table)?;
    if let (Location::MotherDuck { .. }, Some(server)) = (&table.location, motherduck::find()) {
        motherduck::sync::depend_on_server(pg_sys::RelationRelationId, relid, server.oid);
        if motherduck::is_told() {
            motherduck::share(relid, &server)?;
        }
    }
    Ok(())
}

/// Puts another row in the place of a registered table's.
pub(super) fn replace(relid: pg_sys::Oid, table: &Table) -> Result<()> {
    delete(relid)?;
    // SAFETY: main thread, in a transaction.
    unsafe { pg_sys::CommandCounterIncrement() };
    insert_row(relid, table)
}

fn insert_row(relid: pg_sys::Oid, table: &Table) -> Result<()> {
    let registry = registry()
        .ok_or_else(|| Error::new(SqlState::UNDEFINED_TABLE, "relation duckdb.tables does not exist"))?;
    let mut row: [Option<String>; COLUMNS] = [const { None }; COLUMNS];
    row[1] = Some(table.database());
    if let Location::MotherDuck { schema, source, .. } = &table.location {
        let server = motherduck::find().ok_or_else(|| {
            Error::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "MotherDuck is not enabled")
        })?;
        row[2] = Some(motherduck::sync::syncing().map_or_else(String::new, |synced| synced.version));
        row[3] = Some(server.default_database.clone());
        row[4] = Some(schema.clone());
        row[5] = source.clone();
    }
    // SAFETY: the tuple is formed with the table's own descriptor, which has COLUMNS columns:
    // an oid and texts (sql/pg_duckdb--0.1.0.sql).
    unsafe {
        let relation = pg_sys::table_open(registry, pg_sys::RowExclusiveLock.cast_signed());
        let mut values = row.each_ref().map(|value| {
            let text = value.as_ref().map(|value| pg_sys::cstring_to_text(c_string(value).as_ptr()));
            text.map_or(pg_sys::Datum::from(0usize), pg_sys::Datum::from)
        });
        let mut nulls = row.each_ref().map(Option::is_none);
        (values[0], nulls[0]) = (relid.into(), false);
        let tuple = pg_sys::heap_form_tuple((*relation).rd_att, values.as_mut_ptr(), nulls.as_mut_ptr());
        pg_sys::CatalogTupleInsert(relation, tuple);
        pg_sys::heap_freetuple(tuple);
        pg_sys::table_close(relation, pg_sys::NoLock.cast_signed());
        pg_sys::CommandCounterIncrement();
    }
    Ok(())
}

/// Where a registered table is; `None` if it is not registered.
pub(super) fn location(relid: pg_sys::Oid) -> Result<Option<Location>> {
    let Some(registry) = registry() else { return Ok(None) };
    // SAFETY: see `find`; the values are copied before the scan ends.
    unsafe {
        let relation = pg_sys::table_open(registry, pg_sys::AccessShareLock.cast_signed());
        let (scan, tuple) = find(relation, relid);
        let location = (!tuple.is_null()).then(|| {
            let text = |column: usize| {
                let mut is_null = true;
                let number = i32::try_from(column + 1).expect("a small number");
                let value = pg_sys::heap_getattr(tuple, number, (*relation).rd_att, &mut is_null);
                (!is_null).then(|| pg::owned_string(pg_sys::text_to_cstring(value.cast_mut_ptr())))
            };
            match (text(1), text(3)) {
                (Some(database), Some(_)) => {
                    Location::MotherDuck { database, schema: text(4).unwrap_or_default(), source: text(5) }
                }
                _ => table::local(),
            }
        });
        pg_sys::systable_endscan(scan);
        pg_sys::table_close(relation, pg_sys::AccessShareLock.cast_signed());
        Ok(location)
    }
}

/// The row of a table; null if there is none. The caller ends the scan.
///
/// # Safety
/// `relation` is `duckdb.tables`, open.
unsafe fn find(relation: pg_sys::Relation, relid: pg_sys::Oid) -> (pg_sys::SysScanDesc, pg_sys::HeapTuple) {
    // SAFETY: relid is the first column and the primary key of the table.
    unsafe {
        let index = compat::primary_key_index(relation);
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
        (scan, pg_sys::systable_getnext(scan))
    }
}

/// Removes a table's row; fine if there is none.
pub(super) fn delete(relid: pg_sys::Oid) -> Result<()> {
    let Some(registry) = registry() else { return Ok(()) };
    // SAFETY: see `find`.
    unsafe {
        let relation = pg_sys::table_open(registry, pg_sys::RowExclusiveLock.cast_signed());
        let (scan, tuple) = find(relation, relid);
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
