//! What Postgres has of an account.

use std::collections::BTreeSet;

use pgrx::prelude::*;
use pgrx::spi;

use super::{Column, Relation};

/// The synced relations of a database, with the columns that Postgres knows.
pub(super) fn relations(database: &str) -> spi::Result<Vec<Relation>> {
    Spi::connect(|client| {
        let rows = client.select(
            "SELECT n.nspname::text, c.relname::text, t.duckdb_schema, t.source,
                    pg_catalog.obj_description(c.oid, 'pg_class'),
                    a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod), a.attnotnull
             FROM duckdb.tables t
             JOIN pg_catalog.pg_class c ON c.oid = t.relid
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
             LEFT JOIN pg_catalog.pg_attribute a
                    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             WHERE t.duckdb_db = $1 AND t.default_database IS NOT NULL
             ORDER BY n.nspname, c.relname, a.attnum",
            None,
            &[database.into()],
        )?;
        let mut relations: Vec<Relation> = Vec::new();
        for row in rows {
            let text = |ordinal: usize| row.get::<String>(ordinal);
            let (schema, name) = (text(1)?.unwrap_or_default(), text(2)?.unwrap_or_default());
            let column = match text(6)? {
                Some(name) => Some(Column {
                    name,
                    type_name: text(7)?.unwrap_or_default(),
                    not_null: row.get::<bool>(8)?.unwrap_or(false),
                }),
                None => None,
            };
            match relations.last_mut() {
                Some(last) if last.schema == schema && last.name == name => last.columns.extend(column),
                _ => relations.push(Relation {
                    schema,
                    name,
                    duckdb_schema: text(3)?.unwrap_or_default(),
                    columns: column.into_iter().collect(),
                    comment: text(5)?,
                    source: text(4)?,
                }),
            }
        }
        Ok(relations)
    })
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
