//! What MotherDuck has.

use std::collections::BTreeMap;

use bridge_types::limits::MAX_IDENTIFIER_BYTES;
use bridge_types::motherduck::postgres_schema;
use bridge_types::names::{fits_identifier, quote_identifier, quote_literal};

use super::{Column, Relation, type_name};
use crate::engine::session::Instance;
use crate::error::Result;
use crate::motherduck::query::text_rows;
use crate::resolve;

/// The account's databases with the versions of their catalogs.
pub(in crate::motherduck) fn versions() -> Result<BTreeMap<String, String>> {
    let rows = text_rows(
        Instance::MotherDuck,
        "SELECT alias, server_catalog_version FROM __md_local_databases_metadata()",
    )?;
    Ok(rows.into_iter().filter_map(pair).collect())
}

fn pair(row: Vec<Option<String>>) -> Option<(String, String)> {
    let mut row = row.into_iter();
    Some((row.next()??, row.next().flatten().unwrap_or_default()))
}

/// What could not be taken over, for the log.
pub(super) type Complaints = Vec<String>;

/// The relations of a database as they are to be in Postgres; all, or those of one name.
pub(super) fn relations(
    database: &str,
    default_database: &str,
    name: Option<&str>,
) -> Result<(Vec<Relation>, Complaints)> {
    let mut complaints = Complaints::new();
    let literal = quote_literal(database);
    let named = name.map_or_else(String::new, |name| format!(" AND c.table_name = {}", quote_literal(name)));
    // One statement, since one sees one state: between two a view could take the place of a table.
    let columns = text_rows(
        Instance::MotherDuck,
        &format!(
            "SELECT c.schema_name, c.table_name, c.column_name, c.data_type, c.is_nullable, c.comment, \
             d.comment, d.sql \
             FROM duckdb_columns() AS c LEFT JOIN ( \
             SELECT schema_name, table_name, comment, NULL AS sql FROM duckdb_tables() \
             WHERE database_name = {literal} AND NOT internal AND comment IS NOT NULL \
             UNION ALL SELECT schema_name, view_name, comment, sql FROM duckdb_views() \
             WHERE database_name = {literal} AND NOT internal \
             ) AS d USING (schema_name, table_name) \
             WHERE c.database_name = {literal} AND NOT c.internal{named} \
             ORDER BY c.schema_name, c.table_name, c.column_index"
        ),
    )?;
    let mut relations: Vec<Found> = Vec::new();
    for row in columns {
        let Ok([Some(schema), Some(name), Some(column), Some(duckdb_type), nullable, said, comment, view]) =
            <[Option<String>; 8]>::try_from(row)
        else {
            continue;
        };
        let column = FoundColumn {
            name: column,
            duckdb_type,
            not_null: nullable.as_deref() == Some("false"),
            comment: said,
        };
        match relations.last_mut() {
            Some(last) if last.schema == schema && last.name == name => last.columns.push(column),
            _ => {
                let description = Description { comment, view };
                relations.push(Found { schema, name, columns: vec![column], description });
            }
        }
    }
    let mut mapped = Vec::with_capacity(relations.len());
    for found in relations {
        match found.map(database, default_database, &mut complaints) {
            Ok(relation) => mapped.push(relation),
            Err(complaint) => complaints.push(complaint),
        }
    }
    Ok((mapped, complaints))
}

/// What there is to say of a relation besides its columns.
struct Description {
    comment: Option<String>,
    /// The statement that made it, if it is a view.
    view: Option<String>,
}

struct Found {
    schema: String,
    name: String,
    columns: Vec<FoundColumn>,
    description: Description,
}

struct FoundColumn {
    name: String,
    duckdb_type: String,
    not_null: bool,
    comment: Option<String>,
}

impl Found {
    /// As it is in Postgres; `Err` says why it cannot be there.
    fn map(
        self,
        database: &str,
        default_database: &str,
        complaints: &mut Complaints,
    ) -> std::result::Result<Relation, String> {
        let full_name = format!("{database}.{}.{}", self.schema, self.name);
        let schema = postgres_schema(database, &self.schema, default_database)
            .map_err(|why| format!("MotherDuck relation \"{full_name}\" is not in Postgres: {why}"))?;
        if !fits_identifier(&self.name) {
            return Err(format!(
                "MotherDuck relation \"{full_name}\" is not in Postgres: its name is longer than {MAX_IDENTIFIER_BYTES} bytes"
            ));
        }
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut reads = Vec::with_capacity(self.columns.len());
        let mut casts = false;
        for column in self.columns {
            let found =
                resolve::table_column_type(&column.duckdb_type).filter(|_| fits_identifier(&column.name));
            let Some((pg_type, cast)) = found else {
                complaints.push(format!(
                    "column \"{}\" of MotherDuck relation \"{full_name}\" is not in Postgres: its type {} or its name is not possible there",
                    column.name, column.duckdb_type
                ));
                continue;
            };
            let name = quote_identifier(&column.name);
            reads.push(match cast {
                Some(cast) => {
                    casts = true;
                    format!("CAST({name} AS {cast}) AS {name}")
                }
                None => name,
            });
            let type_name = type_name(pg_type);
            let not_null = column.not_null && self.description.view.is_none();
            columns.push(Column { name: column.name, type_name, not_null, comment: column.comment });
        }
        if columns.is_empty() {
            return Err(format!("MotherDuck relation \"{full_name}\" is not in Postgres: no column can be"));
        }
        let Description { comment, view } = self.description;
        // What a view selects from casts by itself.
        let source = (casts && view.is_none()).then(|| {
            let parts = [database, &self.schema, &self.name].map(quote_identifier);
            format!("(SELECT {} FROM {})", reads.join(", "), parts.join("."))
        });
        Ok(Relation { schema, name: self.name, duckdb_schema: self.schema, columns, comment, source, view })
    }
}
