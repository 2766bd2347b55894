//! Keeps Postgres' catalogs like those of the MotherDuck account.
//!
//! - [`worker`]: the background process, one for each database with MotherDuck enabled;
//! - [`remote`]: what MotherDuck has; [`local`]: what Postgres has of it;
//! - [`diff`]: what has to be done; [`apply`]: doing it, one relation a transaction.
//!
//! Sessions go on changing both sides while the worker looks, first here and then there. So before a
//! relation's turn comes it is locked, as it is by a session that changes it until MotherDuck has the
//! change too. If it is then not what it was at the look, MotherDuck is asked again.

mod apply;
mod diff;
mod local;
mod remote;
pub(crate) mod worker;

use std::cell::RefCell;

use bridge_types::PgType;
use pgrx::pg_sys;

use crate::pg::owned_string;
use crate::resolve;

pub(crate) use apply::{depend_on_server, redefine_view, view_of_columns};
pub(super) use remote::versions;

/// A column as both catalogs describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    name: String,
    /// As `format_type` prints it.
    type_name: String,
    not_null: bool,
    comment: Option<String>,
}

/// A name in Postgres.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    schema: String,
    name: String,
}

/// A table or view of MotherDuck, and what it is in Postgres.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Relation {
    /// Schema in Postgres.
    schema: String,
    /// Name, the same on both sides.
    name: String,
    /// Schema in DuckDB.
    duckdb_schema: String,
    columns: Vec<Column>,
    comment: Option<String>,
    /// DuckDB SQL that reads the relation, if that is not just its name: some columns have types
    /// that Postgres knows under another one.
    source: Option<String>,
    /// The statement that made it, if it is a view.
    view: Option<String>,
}

impl Relation {
    fn place(&self) -> Place {
        Place { schema: self.schema.clone(), name: self.name.clone() }
    }
}

/// What stands in `duckdb.tables` for a relation that the sync creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Synced {
    /// Database in DuckDB.
    pub(crate) database: String,
    /// Schema in DuckDB.
    pub(crate) duckdb_schema: String,
    /// Version of the database's catalog that was read.
    pub(crate) version: String,
    /// The account's default database at that time.
    pub(crate) default_database: String,
    /// See `Relation::source`.
    pub(crate) source: Option<String>,
}

/// A type as `format_type` prints it.
fn type_name(pg_type: PgType) -> String {
    // SAFETY: a catalog look-up on the main thread.
    unsafe { owned_string(pg_sys::format_type_with_typemod(pg_type.oid.into(), pg_type.typmod)) }
}

/// What the sync makes of a column of a DuckDB type, if the given type is not as good as that.
pub(crate) fn kept_type(duckdb_type: &str, type_oid: pg_sys::Oid, typmod: i32) -> Option<String> {
    let synced = type_name(resolve::table_column_type(duckdb_type)?.0);
    (local::synced_type(type_oid, typmod) != synced).then_some(synced)
}

thread_local! {
    static SYNCING: RefCell<Option<Synced>> = const { RefCell::new(None) };
}

/// What the relation that is being created or changed is a copy of, while this process syncs.
/// DuckDB is then not told of the change: it comes from there.
pub(crate) fn syncing() -> Option<Synced> {
    SYNCING.with_borrow(Clone::clone)
}

/// True in the sync worker.
pub(crate) fn is_working() -> bool {
    worker::is_this_process()
}

/// Until the guard is dropped, [`syncing`] says `what`.
struct Syncing;

impl Syncing {
    fn start(what: Synced) -> Self {
        SYNCING.set(Some(what));
        Self
    }
}

impl Drop for Syncing {
    fn drop(&mut self) {
        SYNCING.set(None);
    }
}
