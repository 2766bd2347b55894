//! What DuckDB needs to know of a relation: its name there and its columns' types.

use bridge_plan::DuckType;
use bridge_types::names::{quote_identifier, store_catalog, store_schema};
use bridge_types::{EngineError, PgType, SqlState, oid};
use pgrx::pg_sys;

use crate::error::{Error, Result};
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
    /// Postgres database, which has a local store of its own.
    database_oid: u32,
}

impl Table {
    /// True for TEMP tables.
    pub(crate) fn is_temporary(&self) -> bool {
        self.persistence == pg_sys::RELPERSISTENCE_TEMP
    }

    /// DuckDB database that holds the table.
    pub(crate) fn database(&self) -> String {
        if self.is_temporary() { "temp".to_owned() } else { store_catalog(self.database_oid) }
    }

    /// DuckDB schema that holds the table.
    pub(crate) fn duckdb_schema(&self) -> &str {
        if self.is_temporary() { "main" } else { store_schema(&self.schema) }
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

/// A column as DuckDB declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// `attnum`.
    pub(crate) number: i16,
    /// Its name.
    pub(crate) name: String,
    /// Its type in DuckDB.
    pub(crate) duck_type: DuckType,
    /// `attnotnull`.
    pub(crate) not_null: bool,
    /// It or its domain has a default.
    pub(crate) has_default: bool,
}

/// Names of a relation that is in the catalogs.
pub(crate) fn of_relation(relid: pg_sys::Oid) -> Result<Table> {
    // SAFETY: main thread, in a transaction; missing names give null pointers.
    let (schema, name, database_oid) = unsafe {
        (
            owned_string(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relid))),
            owned_string(pg_sys::get_rel_name(relid)),
            pg_sys::MyDatabaseId.to_u32(),
        )
    };
    let Some(info) = catalog::relation(relid) else {
        return Err(Error::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation with oid {} does not exist", relid.to_u32()),
        ));
    };
    Ok(Table { schema, name, persistence: info.persistence, database_oid })
}

/// `pg_class.relnatts`, dropped columns included.
pub(crate) fn attributes(relid: pg_sys::Oid) -> Result<i16> {
    // SAFETY: main thread, in a transaction; closed again below.
    unsafe {
        let relation = OpenRelation(pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed()));
        Ok((*(*relation.0).rd_rel).relnatts)
    }
}

/// An open relation that closes itself, keeping its lock.
struct OpenRelation(pg_sys::Relation);

impl Drop for OpenRelation {
    fn drop(&mut self) {
        // On an error Postgres' resource owner has closed it, or will.
        if !std::thread::panicking() {
            // SAFETY: opened by `definition`; the lock stays until the transaction ends.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock.cast_signed()) };
        }
    }
}

/// The columns, and a check that a duckdb table can have everything the relation has.
///
/// # Errors
/// 0A000 naming the column or constraint that DuckDB cannot keep.
pub(crate) fn definition(relid: pg_sys::Oid) -> Result<Vec<Column>> {
    // SAFETY: the caller's statement holds a lock on the relation; the descriptor is read
    // while the relation is open.
    let columns = unsafe {
        let relation = OpenRelation(pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed()));
        let descriptor = (*relation.0).rd_att;
        if let Some(constraints) = (*descriptor).constr.as_ref()
            && constraints.num_check > 0
        {
            let name = owned_string((*constraints.check).ccname);
            return Err(refused(
                format!("CHECK constraint \"{name}\" is not supported for duckdb tables"),
                "",
            ));
        }
        let count = usize::try_from((*descriptor).natts).unwrap_or(0);
        let attributes = std::slice::from_raw_parts((*descriptor).attrs.as_ptr(), count);
        attributes.iter().filter(|a| !a.attisdropped).map(column).collect::<Result<Vec<_>>>()?
    };
    if columns.is_empty() {
        return Err(refused("a duckdb table needs at least one column".to_owned(), ""));
    }
    distinct_names(&columns)?;
    Ok(columns)
}

fn column(attribute: &pg_sys::FormData_pg_attribute) -> Result<Column> {
    // SAFETY: a name is NUL-terminated.
    let name = unsafe { owned_string(attribute.attname.data.as_ptr()) };
    if attribute.attidentity != 0 {
        return Err(refused(
            format!("column \"{name}\": identity columns are not supported for duckdb tables"),
            "Use a column with DEFAULT nextval('sequence').",
        ));
    }
    if attribute.attgenerated != 0 {
        return Err(refused(
            format!("column \"{name}\": generated columns are not supported for duckdb tables"),
            "Compute the value in a view.",
        ));
    }
    if attribute.attcompression != 0 {
        return Err(refused(
            format!("column \"{name}\": a compression method cannot be chosen for duckdb tables"),
            "DuckDB compresses columns by itself.",
        ));
    }
    if !collation_is_kept(attribute.attcollation) {
        return Err(refused(
            format!("column \"{name}\": collations other than \"C\" are not supported for duckdb tables"),
            "Leave COLLATE out, or say COLLATE \"C\".",
        ));
    }
    // SAFETY: catalog look-ups on the main thread; expressions come back as null or a node.
    let domain_default = unsafe { !pg_sys::get_typdefault(attribute.atttypid).is_null() };
    let duck_type = duckdb_type(&name, attribute.atttypid, attribute.atttypmod, attribute.attndims)?;
    Ok(Column {
        number: attribute.attnum,
        name,
        duck_type,
        not_null: attribute.attnotnull,
        has_default: attribute.atthasdef || attribute.atthasmissing || domain_default,
    })
}

/// DuckDB compares bytes: what "C" does, and what the database's default collation is taken
/// to mean for these tables.
fn collation_is_kept(collation: pg_sys::Oid) -> bool {
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
        Ok(duck_type) => return Ok(duck_type),
        Err(_) => {}
    }
    let hint = match element.oid {
        oid::JSONB => "Use json.",
        _ => "Use text, or another type that DuckDB has too.",
    };
    Err(refused(format!("column \"{column}\" has type {type_name}, which duckdb tables cannot store"), hint))
}

fn fits_decimal(numeric: PgType) -> bool {
    matches!(DuckType::for_pg(numeric), Ok(DuckType::Decimal(..)))
}

/// DuckDB takes names that differ only in case for the same.
fn distinct_names(columns: &[Column]) -> Result<()> {
    let mut seen = std::collections::HashMap::new();
    for column in columns {
        if let Some(other) = seen.insert(column.name.to_lowercase(), &column.name) {
            return Err(refused(
                format!("columns \"{other}\" and \"{}\" differ only in case", column.name),
                "DuckDB ignores the case of column names; rename one of them.",
            ));
        }
    }
    Ok(())
}

fn refused(message: String, hint: &'static str) -> Error {
    let error = EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, message);
    if hint.is_empty() { error.into() } else { error.with_hint(hint).into() }
}
