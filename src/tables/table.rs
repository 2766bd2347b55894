//! What DuckDB needs to know of a relation: its name there and its columns' types.

use bridge_plan::DuckType;
use bridge_types::names::{quote_identifier, store_catalog, store_schema};
use bridge_types::{EngineError, PgType, SqlState, oid};
use pgrx::pg_sys;

use super::{registry, snapshot};
use crate::engine::session::{self, Instance};
use crate::error::{Error, Result};
use crate::hooks::xact;
use crate::motherduck;
use crate::motherduck::sync::Synced;
use crate::pg::{catalog, owned_string};

/// A relation's name, on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table {
    /// Postgres schema.
    pub(crate) schema: String,
    /// Name, the same on both sides.
    pub(crate) name: String,
    /// `pg_class.relpersistence`.
    pub(crate) persistence: u8,
    /// Where DuckDB has it.
    pub(crate) location: Location,
}

/// Where DuckDB has a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Location {
    /// In the session's temporary schema.
    Temporary,
    /// In the local store of the Postgres database with this oid.
    Local(u32),
    /// In the MotherDuck account of the current user.
    MotherDuck {
        /// Database of the account.
        database: String,
        /// Its schema.
        schema: String,
        /// DuckDB SQL that reads the table where its name does not, see
        /// [`crate::motherduck::sync::Synced::source`].
        source: Option<String>,
    },
}

impl Table {
    /// True for TEMP tables.
    pub(crate) fn is_temporary(&self) -> bool {
        self.persistence == pg_sys::RELPERSISTENCE_TEMP
    }

    /// True for tables of the local store.
    pub(super) fn is_local(&self) -> bool {
        matches!(self.location, Location::Local(_))
    }

    /// DuckDB database that holds the table.
    pub(crate) fn database(&self) -> String {
        match &self.location {
            Location::Temporary => "temp".to_owned(),
            Location::Local(database_oid) => store_catalog(*database_oid),
            Location::MotherDuck { database, .. } => database.clone(),
        }
    }

    /// DuckDB schema that holds the table.
    pub(crate) fn duckdb_schema(&self) -> &str {
        match &self.location {
            Location::Temporary => "main",
            Location::Local(_) => store_schema(&self.schema),
            Location::MotherDuck { schema, .. } => schema,
        }
    }

    /// DuckDB instance that holds the table.
    pub(crate) fn instance(&self) -> Instance {
        match self.location {
            Location::Temporary | Location::Local(_) => Instance::Main,
            Location::MotherDuck { .. } => Instance::MotherDuck,
        }
    }

    /// False while DuckDB must not hear of a change in Postgres' catalogs: because the change
    /// comes from there, or because the account is being given up.
    fn is_told(&self) -> bool {
        self.instance() == Instance::Main || motherduck::is_told()
    }

    /// Opens the DuckDB transaction for a write to the table.
    ///
    /// # Errors
    /// As [`xact::begin_write`].
    pub(crate) fn begin_write(&self) -> Result<()> {
        if !self.is_told() {
            return Ok(());
        }
        xact::begin_write_on(self.instance(), self.persistence)?;
        snapshot::writes(self)
    }

    /// Runs a statement about the table where it is.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn run(&self, sql: &str) -> Result<()> {
        if self.is_told() { session::run_on(self.instance(), sql).map(drop) } else { Ok(()) }
    }

    /// `"database"."schema"`.
    pub(crate) fn qualified_schema(&self) -> String {
        format!("{}.{}", quote_identifier(&self.database()), quote_identifier(self.duckdb_schema()))
    }

    /// `"database"."schema"."table"`.
    pub(crate) fn qualified(&self) -> String {
        format!("{}.{}", self.qualified_schema(), quote_identifier(&self.name))
    }
}

/// Names of a relation that is in the catalogs.
pub(crate) fn of_relation(relid: pg_sys::Oid) -> Result<Table> {
    // SAFETY: main thread, in a transaction; missing names give null pointers.
    let (schema, name) = unsafe {
        (
            owned_string(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relid))),
            owned_string(pg_sys::get_rel_name(relid)),
        )
    };
    let Some(info) = catalog::relation(relid) else {
        return Err(Error::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation with oid {} does not exist", relid.to_u32()),
        ));
    };
    let location = if info.persistence == pg_sys::RELPERSISTENCE_TEMP {
        Location::Temporary
    } else {
        match registry::location(relid)? {
            Some(location) => location,
            None => of_new(&schema)?,
        }
    };
    Ok(Table { schema, name, persistence: info.persistence, location })
}

/// Instance of a table that is about to be made.
pub(super) fn instance_of_new(temporary: bool) -> Instance {
    if temporary || motherduck::find().is_none() { Instance::Main } else { Instance::MotherDuck }
}

/// Where a table of a Postgres schema goes that is not registered yet.
pub(crate) fn of_new(schema: &str) -> Result<Location> {
    if let Some(synced) = motherduck::sync::syncing() {
        let Synced { database, duckdb_schema, source, .. } = synced;
        return Ok(Location::MotherDuck { database, schema: duckdb_schema, source });
    }
    let Some(server) = motherduck::find() else { return Ok(local()) };
    match bridge_types::motherduck::duckdb_schema(schema, &server.default_database) {
        Some((database, schema)) => Ok(Location::MotherDuck { database, schema, source: None }),
        None => Err(Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" stands for no schema of MotherDuck"),
        )),
    }
}

/// The local store of this database.
pub(super) fn local() -> Location {
    // SAFETY: a plain global of the main thread.
    Location::Local(unsafe { pg_sys::MyDatabaseId }.to_u32())
}

/// DuckDB compares bytes: what "C" does, and what the database's default collation is taken
/// to mean for these tables.
pub(super) fn collation_is_kept(collation: pg_sys::Oid) -> bool {
    [0, pg_sys::DEFAULT_COLLATION_OID.to_u32(), pg_sys::C_COLLATION_OID.to_u32(), POSIX_COLLATION_OID]
        .contains(&collation.to_u32())
}

/// `pg_collation.dat`.
const POSIX_COLLATION_OID: u32 = 951;

/// The DuckDB type of a column.
///
/// # Errors
/// 0A000 for types that DuckDB cannot keep exactly, naming the column.
pub(crate) fn duckdb_type(
    column: &str,
    type_oid: pg_sys::Oid,
    typmod: i32,
    dimensions: i32,
) -> Result<DuckType> {
    let mut typmod = typmod;
    // SAFETY: catalog look-ups on the main thread.
    let (base, type_name) = unsafe {
        let base = pg_sys::getBaseTypeAndTypmod(type_oid, &raw mut typmod);
        (base, owned_string(pg_sys::format_type_with_typemod(type_oid, typmod)))
    };
    let pg_type = PgType { oid: base.to_u32(), typmod };
    if dimensions > 1 {
        return Err(refused(
            format!(
                "column \"{column}\": arrays of more than one dimension are not supported for duckdb tables"
            ),
            "Declare the column with one pair of brackets.",
        ));
    }
    let element = pg_type.element().unwrap_or(pg_type);
    match DuckType::for_pg(pg_type) {
        _ if base.to_u32() == oid::UNKNOWN => {}
        Ok(_) if element.oid == oid::NUMERIC && !fits_decimal(element) => {
            return Err(refused(
                format!("column \"{column}\" has type {type_name}, which DuckDB cannot store exactly"),
                "Give it a precision of at most 38 digits and a scale, such as numeric(18,3).",
            ));
        }
        Ok(DuckType::TextForm) | Err(_) => {}
        Ok(DuckType::List(element)) if *element == DuckType::TextForm => {}
        Ok(duck_type) => return Ok(duck_type),
    }
    let hint = match element.oid {
        3807 => "Use jsonb or json[].",
        _ => "Use text, or another type that DuckDB has too.",
    };
    Err(refused(format!("column \"{column}\" has type {type_name}, which duckdb tables cannot store"), hint))
}

fn fits_decimal(numeric: PgType) -> bool {
    matches!(DuckType::for_pg(numeric), Ok(DuckType::Decimal(..)))
}

/// 0A000, with a hint unless it is empty.
pub(super) fn refused(message: String, hint: &'static str) -> Error {
    let error = EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, message);
    if hint.is_empty() { error.into() } else { error.with_hint(hint).into() }
}
