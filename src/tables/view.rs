//! Views of MotherDuck. Each is a view in Postgres that selects from `duckdb.view`, and has a row
//! in `duckdb.tables`, whose `source` is the statement that made it in MotherDuck.

use bridge_types::SqlState;
use bridge_types::names::{quote_identifier, quote_literal};
use pgrx::pg_sys;

use super::table::{self, Location, Table};
use super::{ask, ddl, registry};
use crate::engine::session::{self, DuckSql};
use crate::error::{Error, Result};
use crate::motherduck::sync::{self, Synced};
use crate::pg::catalog;

/// What the view in Postgres is a view of; `None` for any other relation.
pub(crate) fn of(relid: pg_sys::Oid) -> Result<Option<Table>> {
    let is_view = catalog::relation(relid).is_some_and(|info| info.kind == pg_sys::RELKIND_VIEW);
    if !is_view || catalog::access_method().is_none() || registry::location(relid)?.is_none() {
        return Ok(None);
    }
    table::of_relation(relid).map(Some)
}

/// Says that a view in Postgres is `synced`.
pub(crate) fn register(relid: pg_sys::Oid, synced: Synced) -> Result<()> {
    // SAFETY: main thread, in a transaction; makes the view visible.
    unsafe { pg_sys::CommandCounterIncrement() };
    let known = of(relid)?.is_some();
    let Synced { database, duckdb_schema, source, .. } = synced;
    let location = Location::MotherDuck { database, schema: duckdb_schema, source };
    let view = Table { location, ..table::of_relation(relid)? };
    if known { registry::replace(relid, &view) } else { registry::insert(relid, &view) }
}

/// Makes a view in MotherDuck that selects `sql`, and returns the statement that MotherDuck
/// keeps of it. `replace`: it takes the place of the one that is there.
pub(crate) fn create(view: &Table, columns: &[String], sql: &str, replace: bool) -> Result<String> {
    view.begin_write()?;
    if view.duckdb_schema() != "main" {
        view.run(&format!("CREATE SCHEMA IF NOT EXISTS {}", view.qualified_schema()))?;
    }
    let create = if replace { "CREATE OR REPLACE VIEW" } else { "CREATE VIEW" };
    // The names belong into the query: DuckDB does not find a column to comment on by a name in front.
    let bound = session::prepare(DuckSql { instance: view.instance(), sql, remote_scans: &[] }, "", &[])?;
    let query = if bound.prepared.column_names == columns {
        sql.to_owned()
    } else {
        let columns: Vec<String> = columns.iter().map(|column| quote_identifier(column)).collect();
        format!("SELECT * FROM ({sql}) AS {}({})", quote_identifier(&view.name), columns.join(", "))
    };
    view.run(&format!("{create} {} AS {query}", view.qualified()))?;
    definition(view)
}

/// The statement that MotherDuck keeps of a view.
fn definition(view: &Table) -> Result<String> {
    let sql = format!(
        "SELECT sql AS c0 FROM duckdb_views() WHERE database_name = {} AND schema_name = {} AND view_name = {}",
        quote_literal(&view.database()),
        quote_literal(view.duckdb_schema()),
        quote_literal(&view.name)
    );
    Ok(ask::texts(view, &sql)?.concat())
}

/// Drops a view that is still in Postgres' catalogs.
pub(super) fn drop(relid: pg_sys::Oid, view: &Table) -> Result<()> {
    view.begin_write()?;
    view.run(&format!("DROP VIEW IF EXISTS {}", view.qualified()))?;
    registry::delete(relid)
}

/// Gives the view, whose name was `old`, the present one of the view in Postgres, which is then
/// one of the new name in MotherDuck.
pub(crate) fn rename(relid: pg_sys::Oid, old: &Table) -> Result<()> {
    let new = table::of_relation(relid)?;
    old.begin_write()?;
    old.run(&format!("ALTER VIEW {} RENAME TO {}", old.qualified(), quote_identifier(&new.name)))?;
    let synced = Synced {
        database: new.database(),
        duckdb_schema: new.duckdb_schema().to_owned(),
        version: String::new(),
        default_database: String::new(),
        source: Some(definition(&new)?),
    };
    sync::redefine_view(&new.schema, &new.name, &synced)?;
    register(relid, synced)
}

/// "`what` is not supported for MotherDuck views".
pub(crate) fn unsupported(what: &str, hint: &'static str) -> Error {
    let mut error = ddl::unsupported(what, hint);
    error.0.message = format!("{what} for views of MotherDuck").into();
    debug_assert!(error.0.sqlstate == SqlState::FEATURE_NOT_SUPPORTED);
    error
}
