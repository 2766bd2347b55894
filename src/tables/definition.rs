//! What DuckDB has to know of a duckdb table: columns, constraints and indexes, read from
//! Postgres' catalogs.
//!
//! The catalogs are the only place where a table is defined: DDL lets Postgres change them and
//! then makes DuckDB follow ([`super::ddl`]), by comparing two values of [`Definition`].
//! Defaults are not a part of it: Postgres fills them in before rows reach DuckDB.
//!
//! A PRIMARY KEY, a UNIQUE constraint or an index has a btree in Postgres, which stays empty and
//! which its planner never uses ([`super::planner_info`]); DuckDB has the index with the keys.

use bridge_plan::DuckType;
use bridge_types::names::quote_identifier;
use bridge_types::{EngineError, PgType, SqlState, oid};
use pgrx::pg_sys;

use super::table::{collation_is_kept, duckdb_type, refused};
use crate::error::Result;
use crate::lower::{LowerError, lower_column_expression};
use crate::pg::{self, catalog, compat, list, owned_string};

/// A table as DuckDB declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Columns that are not dropped, in order.
    pub(crate) columns: Vec<Column>,
    /// CHECK constraints, in order of their names, and NOT NULL of generated columns.
    pub(crate) checks: Vec<Check>,
    /// PRIMARY KEY and UNIQUE constraints, in order of creation.
    pub(crate) keys: Vec<Key>,
    /// Indexes that are no constraints, in order of creation.
    pub(crate) indexes: Vec<Key>,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// `attnum`, which identifies it.
    pub(crate) number: i16,
    /// Its name.
    pub(crate) name: String,
    /// Its type in DuckDB.
    pub(crate) duck_type: DuckType,
    /// Its type in Postgres, domains resolved.
    pub(crate) pg_type: PgType,
    /// `attnotnull`; false for a generated column, which has a [`Check`] instead.
    pub(crate) not_null: bool,
    /// For a generated column: its expression in DuckDB. DuckDB computes it when it is read,
    /// which is the same, because the expression is immutable.
    pub(crate) generated: Option<String>,
}

/// A CHECK constraint, over stored columns: those that are generated DuckDB cannot check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// [`CHECK_MARK`] with `pg_constraint.oid`, or [`NOT_NULL_MARK`] with an `attnum`.
    pub(crate) mark: String,
    /// Its expression in DuckDB.
    pub(crate) sql: String,
}

/// A PRIMARY KEY or UNIQUE constraint, or an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// `pg_index.indexrelid`.
    pub(crate) index: pg_sys::Oid,
    /// `indisprimary`.
    pub(crate) primary: bool,
    /// `indisunique`.
    pub(crate) unique: bool,
    /// `attnum` of its columns, in order.
    pub(crate) columns: Vec<i16>,
}

/// A mark in the text of a CHECK, by which an error of DuckDB tells the constraint.
pub(super) const CHECK_MARK: &str = "pg_constraint ";
/// The same of NOT NULL of a generated column.
pub(super) const NOT_NULL_MARK: &str = "pg_attribute ";

impl Definition {
    /// Reads the catalogs.
    ///
    /// # Errors
    /// 0A000 naming the column, constraint or index that DuckDB cannot keep.
    pub(crate) fn of(relid: pg_sys::Oid) -> Result<Self> {
        // SAFETY: the caller's statement holds a lock on the relation; the descriptor is read
        // while the relation is open.
        unsafe {
            let relation = OpenRelation::new(relid);
            let descriptor = (*relation.0).rd_att;
            let attributes = pg::attributes(descriptor);
            let mut columns = attributes
                .iter()
                .filter(|attribute| !attribute.attisdropped)
                .map(column)
                .collect::<Result<Vec<_>>>()?;
            if columns.is_empty() {
                return Err(refused("a duckdb table needs at least one column".to_owned(), ""));
            }
            distinct_names(&columns)?;
            for (column, attribute) in
                columns.iter_mut().zip(attributes.iter().filter(|attribute| !attribute.attisdropped))
            {
                if attribute.attgenerated != 0 {
                    column.generated = generated(relid, descriptor, column)?;
                }
            }
            let mut checks = checks(relid, descriptor)?;
            for column in &mut columns {
                if let Some(sql) = &column.generated
                    && column.not_null
                {
                    let mark = format!("{NOT_NULL_MARK}{}", column.number);
                    checks.push(Check { mark, sql: format!("(({sql}) IS NOT NULL)") });
                    column.not_null = false;
                }
            }
            let (keys, indexes) = keys(relation.0)?;
            Ok(Self { columns, checks, keys, indexes })
        }
    }

    /// Name of column `number`.
    pub(super) fn column(&self, number: i16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    /// `(columns and constraints)` of CREATE TABLE.
    pub(super) fn body(&self) -> String {
        let mut parts: Vec<String> = self.columns.iter().map(Column::declaration).collect();
        // NULL OR FALSE is NULL, which passes, so the mark does not change what is checked.
        parts.extend(
            self.checks.iter().map(|check| format!("CHECK ({} OR '{}' IS NULL)", check.sql, check.mark)),
        );
        parts.extend(self.keys.iter().map(|key| {
            let kind = if key.primary { "PRIMARY KEY" } else { "UNIQUE" };
            format!("{kind} ({})", self.names(&key.columns))
        }));
        format!("({})", parts.join(", "))
    }

    /// Names of columns, quoted.
    pub(super) fn names(&self, columns: &[i16]) -> String {
        let names = columns.iter().filter_map(|number| self.column(*number));
        names.map(|column| quote_identifier(&column.name)).collect::<Vec<_>>().join(", ")
    }

    /// Columns that hold values of their own.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated.is_none())
    }
}

impl Column {
    /// Its part of CREATE TABLE.
    pub(super) fn declaration(&self) -> String {
        let not_null = if self.not_null { " NOT NULL" } else { "" };
        let name = quote_identifier(&self.name);
        match &self.generated {
            Some(sql) => format!("{name} {} GENERATED ALWAYS AS ({sql}) VIRTUAL", self.duck_type),
            None => format!("{name} {}{not_null}", self.duck_type),
        }
    }
}

impl Key {
    /// Beginning of the name of a plain index in DuckDB, which survives renaming in Postgres. The
    /// rest makes it new: DuckDB does not create an index that its transaction has dropped.
    pub(super) fn duckdb_prefix(&self) -> String {
        format!("pg_index_{}_", self.index.to_u32())
    }
}

/// An open relation that closes itself, keeping its lock.
struct OpenRelation(pg_sys::Relation);

impl OpenRelation {
    /// # Safety
    /// Main thread, in a transaction; the relation exists.
    unsafe fn new(relid: pg_sys::Oid) -> Self {
        // SAFETY: as the caller promises.
        Self(unsafe { pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed()) })
    }
}

impl Drop for OpenRelation {
    fn drop(&mut self) {
        // On an error Postgres' resource owner has closed it, or will.
        if !std::thread::panicking() {
            // SAFETY: opened by `new`; the lock stays until the transaction ends.
            unsafe { pg_sys::relation_close(self.0, pg_sys::NoLock.cast_signed()) };
        }
    }
}

fn column(attribute: &pg_sys::FormData_pg_attribute) -> Result<Column> {
    // SAFETY: a name is NUL-terminated.
    let name = unsafe { owned_string(attribute.attname.data.as_ptr()) };
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
    let duck_type =
        duckdb_type(&name, attribute.atttypid, attribute.atttypmod, compat::dimensions(attribute))?;
    let mut typmod = attribute.atttypmod;
    // SAFETY: a catalog look-up on the main thread.
    let base = unsafe { pg_sys::getBaseTypeAndTypmod(attribute.atttypid, &raw mut typmod) };
    let pg_type = PgType { oid: base.to_u32(), typmod };
    Ok(Column {
        number: attribute.attnum,
        name,
        duck_type,
        pg_type,
        not_null: attribute.attnotnull,
        generated: None,
    })
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

/// The expression of a generated column; `None` if Postgres has dropped it already, on the way to
/// drop the table.
///
/// # Safety
/// `descriptor` is that of the open relation `relid`.
unsafe fn generated(
    relid: pg_sys::Oid,
    descriptor: pg_sys::TupleDesc,
    column: &Column,
) -> Result<Option<String>> {
    // SAFETY: as the caller promises; a generated column has a `constr`.
    unsafe {
        let constraints = &*(*descriptor).constr;
        let Some(node) = default_of(constraints, column.number) else { return Ok(None) };
        lower_column_expression(relid, node, column.pg_type).map(Some).map_err(|error| match error {
            LowerError::Unsupported(why) => EngineError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("DuckDB cannot compute the generated column \"{}\"", column.name),
            )
            .with_detail(format!("{}: {}.", why.what, why.why))
            .with_hint("Compute the value in a view.")
            .into(),
            error @ LowerError::Engine(_) => error.into(),
        })
    }
}

/// The default of a column, or the expression of a generated one.
unsafe fn default_of(constraints: &pg_sys::TupleConstr, attribute: i16) -> Option<*mut pg_sys::Node> {
    // SAFETY: constraints of an open relation's descriptor.
    unsafe {
        let defaults = pg::slice(constraints.defval, constraints.num_defval);
        let default = defaults.iter().find(|default| default.adnum == attribute)?;
        Some(pg_sys::stringToNode(default.adbin).cast())
    }
}

/// An expression over one relation (`varno` 1) with the expressions of generated columns, which refer
/// to none themselves, in their places.
///
/// # Safety
/// `node` is such an expression, `descriptor` that of the open relation.
pub(crate) unsafe fn over_stored(
    node: *mut pg_sys::Node,
    descriptor: pg_sys::TupleDesc,
) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe { inline_generated(node, descriptor.cast()) }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn inline_generated(
    node: *mut pg_sys::Node,
    descriptor: *mut core::ffi::c_void,
) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: a node of a CHECK over one relation; the context is its descriptor.
    unsafe {
        if (*node).type_ != pg_sys::NodeTag::T_Var {
            return pg::tree::mutate(node, inline_generated, descriptor);
        }
        let relation: pg_sys::TupleDesc = descriptor.cast();
        let number = (*node.cast::<pg_sys::Var>()).varattno;
        let attribute = usize::try_from(number - 1).ok().and_then(|at| pg::attributes(relation).get(at));
        match attribute {
            Some(attribute) if attribute.attgenerated != 0 => {
                default_of(&*(*relation).constr, number).unwrap_or(node)
            }
            _ => node,
        }
    }
}

/// # Safety
/// `descriptor` is that of the open relation `relid`.
unsafe fn checks(relid: pg_sys::Oid, descriptor: pg_sys::TupleDesc) -> Result<Vec<Check>> {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(constraints) = (*descriptor).constr.as_ref() else { return Ok(Vec::new()) };
        let checks = pg::slice(constraints.check, constraints.num_check);
        let lower = |check: &pg_sys::ConstrCheck| {
            let oid = catalog::constraint_of(relid, check.ccname);
            let node = over_stored(pg_sys::stringToNode(check.ccbin).cast(), descriptor);
            let sql =
                lower_column_expression(relid, node, PgType::new(oid::BOOL)).map_err(
                    |error| match error {
                        LowerError::Unsupported(why) => EngineError::new(
                            SqlState::FEATURE_NOT_SUPPORTED,
                            format!("DuckDB cannot check the constraint \"{}\"", owned_string(check.ccname)),
                        )
                        .with_detail(format!("{}: {}.", why.what, why.why))
                        .into(),
                        error @ LowerError::Engine(_) => crate::error::Error::from(error),
                    },
                )?;
            Ok(Check { mark: format!("{CHECK_MARK}{}", oid.to_u32()), sql })
        };
        checks.iter().map(lower).collect()
    }
}

/// Constraints and plain indexes.
///
/// # Safety
/// `relation` is open.
unsafe fn keys(relation: pg_sys::Relation) -> Result<(Vec<Key>, Vec<Key>)> {
    let (mut keys, mut indexes) = (Vec::new(), Vec::new());
    // SAFETY: as the caller promises; each index is closed again.
    unsafe {
        for oid in list::oids(pg_sys::RelationGetIndexList(relation)) {
            let index = pg_sys::index_open(oid, pg_sys::AccessShareLock.cast_signed());
            let key = key(index);
            pg_sys::index_close(index, pg_sys::NoLock.cast_signed());
            let is_constraint = pg_sys::get_index_constraint(oid) != pg_sys::InvalidOid;
            if is_constraint { keys.push(key?) } else { indexes.push(key?) }
        }
    }
    Ok((keys, indexes))
}

/// # Safety
/// `index` is an open index.
unsafe fn key(index: pg_sys::Relation) -> Result<Key> {
    // SAFETY: as the caller promises.
    unsafe {
        let name = owned_string((*(*index).rd_rel).relname.data.as_ptr());
        let form = &*(*index).rd_index;
        let info = &*pg_sys::BuildIndexInfo(index);
        let no = |what: &str| {
            Err(refused(format!("index \"{name}\": {what} are not supported for duckdb tables"), ""))
        };
        if (*(*index).rd_rel).relam != pg_sys::BTREE_AM_OID {
            return no("index methods other than btree");
        }
        if !info.ii_Predicate.is_null() {
            return no("partial indexes");
        }
        if !info.ii_Expressions.is_null() {
            return no("expressions");
        }
        if info.ii_NumIndexAttrs != info.ii_NumIndexKeyAttrs {
            return no("INCLUDE columns");
        }
        if !form.indimmediate {
            return no("deferrable constraints");
        }
        if info.ii_NullsNotDistinct {
            return no("constraints with NULLS NOT DISTINCT");
        }
        let count = usize::try_from(info.ii_NumIndexKeyAttrs).unwrap_or(0);
        Ok(Key {
            index: (*index).rd_id,
            primary: form.indisprimary,
            unique: form.indisunique,
            columns: info.ii_IndexAttrNumbers[..count].to_vec(),
        })
    }
}
