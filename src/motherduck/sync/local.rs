//! What Postgres has of an account.

use std::collections::BTreeSet;

use bridge_plan::DuckType;
use bridge_types::PgType;
use pgrx::prelude::*;
use pgrx::{pg_sys, spi};

use super::{Column, Relation};
use crate::resolve;

/// The synced relations of a database, with the columns that Postgres knows; all, or those of one
/// name.
pub(super) fn relations(database: &str, name: Option<&str>) -> spi::Result<Vec<Relation>> {
    Spi::connect_mut(|client| {
        // A statement that may write sees what was committed while this transaction waited for a lock.
        let rows = client.update(
            "SELECT n.nspname::text, c.relname::text, t.duckdb_schema, t.source,
                    pg_catalog.obj_description(c.oid, 'pg_class'),
                    a.attname::text, a.atttypid, a.atttypmod, a.attnotnull, c.relkind = 'v',
                    pg_catalog.col_description(c.oid, a.attnum)
             FROM duckdb.tables t
             JOIN pg_catalog.pg_class c ON c.oid = t.relid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE t.duckdb_db = $1 AND t.default_database IS NOT NULL AND c.relname = COALESCE($2, c.relname)
             ORDER BY n.nspname, c.relname, a.attnum",
            None,
            &[database.into(), name.into()],
        )?;
        let mut relations: Vec<Relation> = Vec::new();
        for row in rows {
            let text = |ordinal: usize| row.get::<String>(ordinal);
            let (schema, name) = (text(1)?.unwrap_or_default(), text(2)?.unwrap_or_default());
            let column = match text(6)? {
                Some(name) => Some(Column {
                    name,
                    type_name: synced_type(
                        row.get::<pg_sys::Oid>(7)?.unwrap_or(pg_sys::InvalidOid),
                        row.get::<i32>(8)?.unwrap_or(-1),
                    ),
                    not_null: row.get::<bool>(9)?.unwrap_or(false),
                    comment: text(11)?,
                }),
                None => None,
            };
            match relations.last_mut() {
                Some(last) if last.schema == schema && last.name == name => last.columns.extend(column),
                _ => {
                    let (source, is_view) = (text(4)?, row.get::<bool>(10)? == Some(true));
                    let (source, view) = if is_view { (None, source) } else { (source, None) };
                    relations.push(Relation {
                        schema,
                        name,
                        duckdb_schema: text(3)?.unwrap_or_default(),
                        columns: column.into_iter().collect(),
                        comment: text(5)?,
                        source,
                        view,
                    });
                }
            }
        }
        Ok(relations)
    })
}

/// The type that the sync gives to a column of what this one is in DuckDB: a `varchar(10)` that was
/// made in Postgres is no other column than the `text` that MotherDuck has of it.
pub(super) fn synced_type(type_oid: pg_sys::Oid, typmod: i32) -> String {
    let (mut base_typmod, pg_type) =
        (typmod, |oid: pg_sys::Oid, typmod| PgType { oid: oid.to_u32(), typmod });
    // SAFETY: a catalog look-up on the main thread.
    let base = unsafe { pg_sys::getBaseTypeAndTypmod(type_oid, &raw mut base_typmod) };
    let synced = DuckType::for_pg(pg_type(base, base_typmod))
        .ok()
        .and_then(|duck_type| resolve::table_column_type(&duck_type.to_string()))
        .map_or(pg_type(type_oid, typmod), |(synced, _)| synced);
    super::type_name(synced)
}

/// Databases that Postgres has relations of.
pub(super) fn databases() -> spi::Result<BTreeSet<String>> {
    Spi::connect(|client| {
        let rows = client.select(
            "SELECT DISTINCT duckdb_db FROM duckdb.tables WHERE default_database IS NOT NULL",
            None,
            &[],
        )?;
        let mut databases = BTreeSet::new();
        for row in rows {
            databases.extend(row.get::<String>(1)?);
        }
        Ok(databases)
    })
}
