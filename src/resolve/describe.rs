//! DuckDB's types as Postgres types.

use bridge_plan::DuckType;
use bridge_types::{EngineError, PgType, SqlState, Unsupported, names, oid};
use pgrx::pg_sys;

use super::path::Path;
use crate::engine::session::{self, DuckSql, Instance};
use crate::error::Result;
use crate::pg::catalog;

/// A column of a file.
#[derive(Clone, Debug)]
pub(super) struct FileColumn {
    /// DuckDB's name.
    pub(super) name: String,
    /// Its Postgres type; `InvalidOid` if there is none.
    pub(super) type_oid: pg_sys::Oid,
    /// Its typmod.
    pub(super) typmod: i32,
    /// DuckDB's type name.
    pub(super) duckdb_type: String,
    /// DuckDB type to which the values are cast first, where DuckDB's own is not the one
    /// that stands for the Postgres type.
    pub(super) cast: Option<String>,
}

/// Binds the call and reports its columns.
pub(super) fn columns(call: &str) -> Result<Vec<FileColumn>> {
    select("*", call)
}

/// Binds the call and reports a part of one of its columns, under its notation as a name.
///
/// # Errors
/// DuckDB's own, if the column has no such part.
pub(super) fn part(call: &str, path: &Path) -> Result<FileColumn> {
    let sql = path.sql();
    let mut columns = select(&sql, call)?;
    let mut column = columns
        .pop()
        .ok_or_else(|| EngineError::new(SqlState::INTERNAL_ERROR, "DuckDB described no column"))?;
    column.name = sql;
    Ok(column)
}

/// Describes the columns of `SELECT list FROM call`.
fn select(list: &str, call: &str) -> Result<Vec<FileColumn>> {
    let statement = session::prepare(&format!("SELECT {list} FROM {call}"), call, &[])?;
    let prepared = &statement.prepared;
    Ok(prepared
        .column_names
        .iter()
        .zip(&prepared.type_names)
        .map(|(name, duckdb_type)| FileColumn::new(name, duckdb_type))
        .collect())
}

impl FileColumn {
    /// True if DuckDB has parts of a value that the Postgres type hides.
    pub(super) fn is_nested(&self) -> bool {
        ["STRUCT", "MAP", "UNION", "JSON"].iter().any(|word| self.duckdb_type.contains(word))
    }

    fn new(name: &str, duckdb_type: &str) -> Self {
        let (pg_type, cast) =
            postgres_type(duckdb_type).map_or((None, None), |(pg_type, cast)| (Some(pg_type), cast));
        let (type_oid, typmod) = match pg_type {
            Some(Target::BuiltIn(pg_type)) => (pg_sys::Oid::from(pg_type.oid), pg_type.typmod),
            Some(Target::Duckdb(name)) => {
                (catalog::type_in_duckdb_schema(name).unwrap_or(pg_sys::InvalidOid), -1)
            }
            None => (pg_sys::InvalidOid, -1),
        };
        Self { name: name.to_owned(), type_oid, typmod, duckdb_type: duckdb_type.to_owned(), cast }
    }
}

/// `call` as a relation with the columns that the query was parsed with: the call itself, or
/// a derived table around it that chooses and casts.
///
/// # Errors
/// 42804 if the file does not have such columns (any more).
pub(super) fn relation_sql(call: &str, promised: &[(String, pg_sys::Oid)]) -> Result<String> {
    let columns = columns(call)?;
    let mut list = Vec::with_capacity(promised.len());
    let mut as_is = columns.len() == promised.len();
    for (position, (name, type_oid)) in promised.iter().enumerate() {
        let path = Path::parse(name);
        let part = path.as_ref().map(|path| part(call, path)).transpose()?;
        let whole = columns.iter().position(|column| column.name == *name);
        let column = match (&part, whole) {
            (_, Some(whole)) => &columns[whole],
            (Some(part), None) => part,
            (None, None) => return Err(changed(format!("The file has no column \"{name}\"."))),
        };
        if column.type_oid != pg_sys::InvalidOid && column.type_oid != *type_oid {
            let (now, before) = (type_name(column.type_oid), type_name(*type_oid));
            return Err(changed(format!("Column \"{name}\" is of type {now} in the file, not {before}.")));
        }
        as_is &= whole == Some(position) && column.cast.is_none();
        let source = match (&path, whole) {
            (Some(path), None) => path.sql(),
            _ => names::quote_identifier(name),
        };
        let value = match &column.cast {
            Some(cast) => format!("CAST({source} AS {cast})"),
            None => source,
        };
        list.push(format!("{value} AS {}", names::quote_identifier(name)));
    }
    Ok(if as_is { call.to_owned() } else { format!("(SELECT {} FROM {call})", list.join(", ")) })
}

/// A view of the current user's MotherDuck account as a relation with the columns that its view in
/// Postgres promises, cast as those of tables are.
///
/// # Errors
/// 42804 if it does not have such columns any more: the sync worker has not seen that yet.
pub(super) fn view_sql(name: &str, promised: &[(String, pg_sys::Oid)]) -> Result<String> {
    let sql = format!("SELECT * FROM {name}");
    let statement =
        session::prepare(DuckSql { instance: Instance::MotherDuck, sql: &sql, remote_scans: &[] }, "", &[])?;
    let prepared = &statement.prepared;
    let mut list = Vec::with_capacity(promised.len());
    for (column, type_oid) in promised {
        let position = prepared.column_names.iter().position(|name| name == column);
        let duckdb_type = position.and_then(|position| prepared.type_names.get(position));
        let Some(cast) = duckdb_type.and_then(|duckdb_type| cast_to_read(duckdb_type, *type_oid)) else {
            return Err(EngineError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("MotherDuck view {name} does not have the columns that Postgres knows"),
            )
            .with_detail(format!("Column \"{column}\" is gone or has another type."))
            .with_hint("Use CALL duckdb.sync() and run the statement again.")
            .into());
        };
        let quoted = names::quote_identifier(column);
        list.push(match cast {
            Some(cast) => format!("CAST({quoted} AS {cast}) AS {quoted}"),
            None => quoted,
        });
    }
    Ok(format!("(SELECT {} FROM {name})", list.join(", ")))
}

/// True if a column of a DuckDB type can be read as a column of a Postgres type.
pub(crate) fn reads_as(duckdb_type: &str, type_oid: pg_sys::Oid) -> bool {
    cast_to_read(duckdb_type, type_oid).is_some()
}

/// The DuckDB type to cast a column to that is read as one of a Postgres type, if any is needed;
/// `None` if it cannot be read so. Several Postgres types can be one to DuckDB.
fn cast_to_read(duckdb_type: &str, type_oid: pg_sys::Oid) -> Option<Option<String>> {
    let (pg_type, cast) = table_column_type(duckdb_type)?;
    if pg_type.oid == type_oid.to_u32() {
        return Some(cast);
    }
    let of = |pg_type| DuckType::for_pg(pg_type).ok().map(|duck_type| duck_type.to_string());
    let found = of(pg_type)?;
    (of(PgType { oid: type_oid.to_u32(), ..pg_type })? == found).then_some(cast)
}

fn changed(detail: String) -> crate::error::Error {
    EngineError::new(
        SqlState::DATATYPE_MISMATCH,
        "the columns of a file are not those that the query was made for",
    )
    .with_detail(detail)
    .with_hint("Prepare the statement, or create the view, again if the file has changed.")
    .into()
}

fn type_name(type_oid: pg_sys::Oid) -> String {
    // SAFETY: a catalog look-up on the main thread.
    unsafe { crate::pg::owned_string(pg_sys::format_type_be(type_oid)) }
}

/// The error for a column whose type has no Postgres counterpart.
pub(super) fn no_type(column: &FileColumn) -> Unsupported {
    Unsupported::new(
        format!("column \"{}\" of DuckDB type {}", column.name, column.duckdb_type),
        "no Postgres type can hold it",
    )
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    BuiltIn(PgType),
    /// A type of schema duckdb.
    Duckdb(&'static std::ffi::CStr),
}

/// Postgres type of a column of a DuckDB table, and the DuckDB type to cast to when it is read;
/// `None` if there is none. Structs and their like are text.
pub(crate) fn table_column_type(duckdb_type: &str) -> Option<(PgType, Option<String>)> {
    match postgres_type(duckdb_type)? {
        (Target::BuiltIn(pg_type), cast) => Some((pg_type, cast)),
        (Target::Duckdb(_), cast) => Some((PgType::new(oid::TEXT), cast)),
    }
}

/// Postgres type of a DuckDB type, and the DuckDB type to cast to on the way.
fn postgres_type(name: &str) -> Option<(Target, Option<String>)> {
    let plain = |oid| Some((Target::BuiltIn(PgType::new(oid)), None));
    let cast = |oid, to: &str| Some((Target::BuiltIn(PgType::new(oid)), Some(to.to_owned())));
    let integers =
        |precision, to: &str| Some((Target::BuiltIn(PgType::numeric(precision, 0)), Some(to.to_owned())));
    match name {
        "BOOLEAN" => plain(oid::BOOL),
        "TINYINT" | "UTINYINT" => cast(oid::INT2, "SMALLINT"),
        "SMALLINT" => plain(oid::INT2),
        "USMALLINT" => cast(oid::INT4, "INTEGER"),
        "INTEGER" => plain(oid::INT4),
        "UINTEGER" => cast(oid::INT8, "BIGINT"),
        "BIGINT" => plain(oid::INT8),
        "UBIGINT" => integers(20, "DECIMAL(20,0)"),
        // 39 digits do not fit into DECIMAL: such values are an error, not a wrong number.
        "HUGEINT" | "UHUGEINT" => integers(38, "DECIMAL(38,0)"),
        "FLOAT" => plain(oid::FLOAT4),
        "DOUBLE" => plain(oid::FLOAT8),
        "VARCHAR" => plain(oid::TEXT),
        "JSON" => plain(oid::JSON),
        "BLOB" => plain(oid::BYTEA),
        "DATE" => plain(oid::DATE),
        "TIME" => plain(oid::TIME),
        "TIME_NS" => cast(oid::TIME, "TIME"),
        "TIME WITH TIME ZONE" => plain(oid::TIMETZ),
        "TIMESTAMP" => plain(oid::TIMESTAMP),
        "TIMESTAMP_S" | "TIMESTAMP_MS" | "TIMESTAMP_NS" => cast(oid::TIMESTAMP, "TIMESTAMP"),
        "TIMESTAMP WITH TIME ZONE" => plain(oid::TIMESTAMPTZ),
        "INTERVAL" => plain(oid::INTERVAL),
        "UUID" => plain(oid::UUID),
        "BIGNUM" | "BIT" | "GEOMETRY" | "VARIANT" => cast(oid::TEXT, "VARCHAR"),
        // What a column of nothing but nulls has.
        "\"NULL\"" | "NULL" => cast(oid::INT4, "INTEGER"),
        _ => composite_type(name),
    }
}

/// A list of `element`, which may be a list itself: nested lists are one array type in Postgres.
fn list_type(name: &str, element: &str) -> Option<(Target, Option<String>)> {
    let (target, cast) = postgres_type(element)?;
    let array = match target {
        Target::BuiltIn(pg_type) if pg_type.element().is_some() => pg_type,
        Target::BuiltIn(pg_type) => pg_type.array()?,
        // Structs and their like in their text form.
        Target::Duckdb(_) => PgType::new(oid::TEXT_ARRAY),
    };
    let cast = cast.map(|cast| format!("{cast}{}", &name[element.len()..]));
    Some((Target::BuiltIn(array), cast))
}

fn composite_type(name: &str) -> Option<(Target, Option<String>)> {
    if let Some((element, _)) = name.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        return list_type(name, element);
    }
    if let Some(arguments) = name.strip_prefix("DECIMAL(").and_then(|rest| rest.strip_suffix(')')) {
        let (precision, scale) = arguments.split_once(',')?;
        let pg_type = PgType::numeric(precision.trim().parse().ok()?, scale.trim().parse().ok()?);
        return Some((Target::BuiltIn(pg_type), None));
    }
    let text = |name| Some((Target::Duckdb(name), Some("VARCHAR".to_owned())));
    match name.split('(').next()? {
        "ENUM" => Some((Target::BuiltIn(PgType::new(oid::TEXT)), Some("VARCHAR".to_owned()))),
        "STRUCT" => text(c"struct"),
        "MAP" => text(c"map"),
        "UNION" => text(c"union"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_and_lists_keep_their_type() {
        let numeric = Target::BuiltIn(PgType::numeric(15, 2));
        assert_eq!(postgres_type("DECIMAL(15,2)"), Some((numeric, None)));
        let array = Target::BuiltIn(PgType::new(oid::INT4_ARRAY));
        assert_eq!(postgres_type("INTEGER[]"), Some((array, None)));
        assert_eq!(postgres_type("INTEGER[][3]"), Some((array, None)));
        let array = Target::BuiltIn(PgType::new(oid::INT2_ARRAY));
        assert_eq!(postgres_type("UTINYINT[]"), Some((array, Some("SMALLINT[]".to_owned()))));
        let array = Target::BuiltIn(PgType::new(oid::TEXT_ARRAY));
        assert_eq!(postgres_type("STRUCT(a INTEGER[])[]"), Some((array, Some("VARCHAR[]".to_owned()))));
    }
}
