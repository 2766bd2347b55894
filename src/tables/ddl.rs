//! DDL of duckdb tables, said to DuckDB.
//!
//! Every statement runs in the session's DuckDB transaction, so that it commits or rolls back
//! with the Postgres transaction. What is done to a local table can be undone even after that
//! commit, and destroys rows only once Postgres has committed: see [`outbox`].

use std::collections::HashMap;

use bridge_types::names::{quote_identifier, quote_literal};
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::definition::{Column, Definition, Key};
use super::table::{self, Location, Table};
use super::violation::{self, Rows};
use super::{ask, changes, comment, outbox, registry, snapshot};
use crate::engine::session;
use crate::error::{Error, Result};
use crate::lower::lower_column_expression;
use crate::pg;

/// Makes the DuckDB table of a relation that Postgres has just created.
pub(crate) fn create(relid: pg_sys::Oid) -> Result<()> {
    // SAFETY: main thread, in a transaction; makes the new catalog rows visible.
    unsafe { pg_sys::CommandCounterIncrement() };
    let table = table::of_relation(relid)?;
    let definition = Definition::of(relid)?;
    prepare_name(relid, &table)?;
    create_table(&table, &definition)?;
    create_indexes(relid, &table, &definition)?;
    if !table.is_temporary() {
        registry::insert(relid, &table)?;
    }
    comment::say_all(relid)
}

/// Makes sure that a table can get the name: its schema exists in DuckDB, and no other table
/// has the name there.
pub(super) fn prepare_name(relid: pg_sys::Oid, table: &Table) -> Result<()> {
    if !table.is_temporary() && table.schema.eq_ignore_ascii_case("main") {
        return Err(unsupported(
            "schema \"main\" is not supported",
            "It is DuckDB's name for schema public; use another schema.",
        ));
    }
    let in_own_schema = !table.is_temporary() && table.duckdb_schema() != "main";
    if in_own_schema {
        announce_schema(relid);
    }
    if !table.is_temporary() {
        check_case(relid, &table.name)?;
    }
    table.begin_write()?;
    snapshot::names(table);
    if in_own_schema {
        table.run(&format!("CREATE SCHEMA IF NOT EXISTS {}", table.qualified_schema()))?;
    }
    Ok(())
}

/// Creates a table without indexes. Postgres has decided that the name is free: what is there
/// is of another time, if Postgres was restored from a backup and the store was not.
pub(super) fn create_table(table: &Table, definition: &Definition) -> Result<()> {
    table.begin_write()?;
    // DuckDB wants the word although the name says the same.
    let create = match table.location {
        Location::Temporary => "CREATE TEMP TABLE",
        Location::Local(_) => "CREATE OR REPLACE TABLE",
        // There others make tables too, which are not ours to replace.
        Location::MotherDuck { .. } => "CREATE TABLE",
    };
    table.run(&format!("{create} {} {}", table.qualified(), definition.body()))?;
    outbox::undo(table, format!("DROP TABLE {}", table.qualified()));
    Ok(())
}

/// Refuses a name that DuckDB, which compares without regard to case, has for another table.
fn check_case(relid: pg_sys::Oid, name: &str) -> Result<()> {
    // SAFETY: catalog look-ups on the main thread.
    let other = unsafe {
        registry::in_schema(pg_sys::get_rel_namespace(relid))
            .into_iter()
            .filter(|other| *other != relid)
            .map(|other| pg::owned_string(pg_sys::get_rel_name(other)))
            .find(|other| other.to_lowercase() == name.to_lowercase())
    };
    other.map_or(Ok(()), |other| {
        Err(EngineError::new(
            SqlState::DUPLICATE_TABLE,
            format!("duckdb table \"{name}\" differs from \"{other}\" only in case"),
        )
        .with_hint("DuckDB compares names without regard to case; choose another name.")
        .into())
    })
}

/// Makes creators of the first tables of a schema wait for each other, before their DuckDB
/// transactions begin: DuckDB answers two of them that create the schema with a conflict.
fn announce_schema(relid: pg_sys::Oid) {
    // SAFETY: a catalog look-up and a lock on the main thread. The lock conflicts with itself
    // only, not with what others do in the schema, and ends with the transaction.
    unsafe {
        let schema = pg_sys::get_rel_namespace(relid);
        if registry::in_schema(schema).is_empty() {
            pg_sys::LockDatabaseObject(
                pg_sys::NamespaceRelationId,
                schema,
                0,
                pg_sys::ShareUpdateExclusiveLock.cast_signed(),
            );
        }
    }
}

/// Empties the DuckDB table.
pub(crate) fn truncate(relid: pg_sys::Oid) -> Result<()> {
    let table = table::of_relation(relid)?;
    table.begin_write()?;
    if !table.is_local() {
        return table.run(&format!("TRUNCATE {}", table.qualified()));
    }
    let definition = Definition::of(relid)?;
    drop_indexes(&table, &definition)?;
    drop_table(relid, &table, &definition)?;
    create_table(&table, &definition)?;
    create_indexes(relid, &table, &definition)
}

/// Drops the DuckDB table of a relation that is still in the catalogs.
///
/// TEMP tables of other sessions, and of this one when it ends, are gone with their session.
pub(crate) fn drop(relid: pg_sys::Oid) -> Result<()> {
    let noted = changes::forget(relid);
    let table = table::of_relation(relid)?;
    if table.is_temporary() {
        // SAFETY: plain globals and a catalog look-up on the main thread.
        let ours = unsafe {
            !pg_sys::proc_exit_inprogress && pg_sys::isTempNamespace(pg_sys::get_rel_namespace(relid))
        };
        if !ours || !session::is_connected() {
            return Ok(());
        }
    }
    if table.is_local() {
        // DROP TABLE has dropped the indexes in Postgres' catalogs before the table.
        let definition = noted.map_or_else(|| Definition::of(relid), Ok)?;
        drop_indexes(&table, &definition)?;
        drop_table(relid, &table, &definition)?;
    } else {
        drop_now(&table)?;
    }
    if !table.is_temporary() {
        registry::delete(relid)?;
    }
    Ok(())
}

/// Drops a DuckDB table, a local one when Postgres has committed: until then it is set aside, for
/// which it must have no plain indexes any more.
pub(super) fn drop_table(relid: pg_sys::Oid, table: &Table, definition: &Definition) -> Result<()> {
    if !table.is_local() {
        return drop_now(table);
    }
    table.begin_write()?;
    let aside = Table { name: outbox::aside(), ..table.clone() };
    let rename = |from: &Table, to: &Table| {
        // A copied database has tables without rows: nothing is there to set aside.
        format!("ALTER TABLE IF EXISTS {} RENAME TO {}", from.qualified(), quote_identifier(&to.name))
    };
    if outbox::must_keep_name(table) {
        // It must keep its name: what is set aside is a copy.
        table.run(&format!("CREATE TABLE {} {}", aside.qualified(), definition.body()))?;
        copy_rows(relid, (table, definition), (&aside, definition), &Fills::new())?;
        drop_now(table)?;
    } else {
        table.run(&rename(table, &aside))?;
    }
    let drop = format!("DROP TABLE IF EXISTS {}", aside.qualified());
    outbox::finish_or_undo(table, drop, rename(&aside, table));
    Ok(())
}

/// Drops a DuckDB table with the transaction, whatever becomes of Postgres'.
fn drop_now(table: &Table) -> Result<()> {
    table.begin_write()?;
    table.run(&format!("DROP TABLE IF EXISTS {}", table.qualified()))?;
    outbox::forget_name(table);
    Ok(())
}

/// Drops the DuckDB schema that `table` was in, which Postgres has not any more, once the tables
/// that were set aside in it are gone.
pub(crate) fn drop_schema(table: &Table) -> Result<()> {
    if matches!(table.location, Location::Local(_)) && table.duckdb_schema() != "main" {
        table.begin_write()?;
        outbox::tidy(table, format!("DROP SCHEMA IF EXISTS {}", table.qualified_schema()));
    }
    Ok(())
}

/// Gives the DuckDB table, whose name was `old`, the relation's present name.
pub(crate) fn rename_table(relid: pg_sys::Oid, old: &Table) -> Result<()> {
    let definition = Definition::of(relid)?;
    let new = table::of_relation(relid)?;
    if !new.is_temporary() {
        check_case(relid, &new.name)?;
    }
    drop_indexes(old, &definition)?;
    if outbox::must_keep_name(old) {
        snapshot::names(&new);
        create_table(&new, &definition)?;
        copy_rows(relid, (old, &definition), (&new, &definition), &Fills::new())?;
        drop_table(relid, old, &definition)?;
    } else {
        rename(old, &new)?;
    }
    create_indexes(relid, &new, &definition)
}

/// Renames a column.
pub(crate) fn rename_column(relid: pg_sys::Oid, old: &str, new: &str) -> Result<()> {
    let definition = Definition::of(relid)?;
    let table = table::of_relation(relid)?;
    let mut before = definition.clone();
    before.columns.iter_mut().filter(|column| column.name == new).for_each(|column| column.name = old.into());
    drop_indexes(&table, &before)?;
    if outbox::has_changed_rows(&table) && !definition.indexes.is_empty() {
        rewrite(relid, &table, &before, &definition, &Fills::new())?;
    } else {
        alter_column_name(&table, old, new)?;
    }
    create_indexes(relid, &table, &definition)
}

/// Moves the DuckDB table, which was `old`, to the relation's present schema. DuckDB cannot do
/// that with a table that exists, so the rows are copied.
pub(crate) fn move_table(relid: pg_sys::Oid, old: &Table) -> Result<()> {
    let definition = Definition::of(relid)?;
    let new = table::of_relation(relid)?;
    prepare_name(relid, &new)?;
    create_table(&new, &definition)?;
    copy_rows(relid, (old, &definition), (&new, &definition), &Fills::new())?;
    drop_indexes(old, &definition)?;
    drop_table(relid, old, &definition)?;
    create_indexes(relid, &new, &definition)
}

/// Makes the DuckDB table follow the catalogs: it is as `before` says and is to be as `after`.
///
/// What DuckDB can change in place it does; anything else makes a new table with the rows of
/// the old one, in the same DuckDB transaction.
pub(crate) fn change(
    relid: pg_sys::Oid,
    table: &Table,
    before: &Definition,
    after: &Definition,
) -> Result<()> {
    let same_tables =
        before.columns == after.columns && before.checks == after.checks && before.keys == after.keys;
    let changed = outbox::has_changed_rows(table);
    if same_tables && !(changed && after.indexes.iter().any(|index| !before.indexes.contains(index))) {
        return change_indexes(relid, table, before, after);
    }
    drop_indexes(table, before)?;
    let fills = fills(relid, before, after)?;
    if !changed && can_change_in_place(before, after, &fills) {
        change_in_place(relid, table, before, after, &fills)?;
    } else {
        rewrite(relid, table, before, after, &fills)?;
    }
    create_indexes(relid, table, after)
}

/// Puts a new table, which is as `after` says, with the same rows in the place of `table`.
fn rewrite(
    relid: pg_sys::Oid,
    table: &Table,
    before: &Definition,
    after: &Definition,
    fills: &Fills,
) -> Result<()> {
    let new = rewritten(table, relid);
    create_table(&new, after)?;
    copy_rows(relid, (table, before), (&new, after), fills)?;
    replace(relid, table, before, &new)
}

/// The name of the table that takes the place of `table` at the end of a statement.
pub(super) fn rewritten(table: &Table, relid: pg_sys::Oid) -> Table {
    let mut new = table.clone();
    new.name = format!("pg_duckdb_rewrite_{}", relid.to_u32());
    new
}

/// Gives the relation, which was not a duckdb table before, the rows of `made`.
pub(super) fn adopt(relid: pg_sys::Oid, made: &Table) -> Result<()> {
    let table = table::of_relation(relid)?;
    prepare_name(relid, &table)?;
    rename(made, &table)?;
    create_indexes(relid, &table, &Definition::of(relid)?)?;
    if !table.is_temporary() {
        registry::insert(relid, &table)?;
    }
    comment::say_all(relid)
}

/// Puts `new` in the place of `table`, which is as `before` says.
pub(super) fn replace(relid: pg_sys::Oid, table: &Table, before: &Definition, new: &Table) -> Result<()> {
    drop_table(relid, table, before)?;
    rename(new, table)?;
    comment::say_all(relid)
}

/// Gives the table `old` the name of `new`, in the same schema.
fn rename(old: &Table, new: &Table) -> Result<()> {
    let to = |name: &str| format!("RENAME TO {}", quote_identifier(name));
    alter_table(old, &to(&new.name))?;
    snapshot::alters(new)?;
    outbox::undo(new, format!("ALTER TABLE {} {}", new.qualified(), to(&old.name)));
    Ok(())
}

fn alter_column_name(table: &Table, old: &str, new: &str) -> Result<()> {
    let rename = |from: &str, to: &str| {
        format!("RENAME COLUMN {} TO {}", quote_identifier(from), quote_identifier(to))
    };
    alter_undoably(table, &rename(old, new), &rename(new, old))
}

/// DuckDB adds and drops columns that no constraint or generated column is about, and NOT NULL.
fn can_change_in_place(before: &Definition, after: &Definition, fills: &Fills) -> bool {
    let kept = |column: &&Column| before.column(column.number).is_some();
    let unchanged = after.columns.iter().filter(kept).all(|column| {
        before.column(column.number).is_some_and(|old| {
            old.name == column.name && old.duck_type == column.duck_type && old.generated == column.generated
        })
    });
    let added = after.columns.iter().filter(|column| !kept(column));
    let drops = before.columns.iter().any(|column| after.column(column.number).is_none());
    let plain = before.keys.is_empty() && before.columns.iter().all(|column| column.generated.is_none());
    unchanged
        && before.checks == after.checks
        && before.keys == after.keys
        && added.clone().all(|column| column.generated.is_none())
        && added.clone().all(|column| match fills.get(&column.number) {
            Some(value) => literal(value).is_some(),
            None => true,
        })
        && (!drops || plain && before.checks.is_empty())
}

fn change_in_place(
    relid: pg_sys::Oid,
    table: &Table,
    before: &Definition,
    after: &Definition,
    fills: &Fills,
) -> Result<()> {
    let alter = |change: &str, inverse: &str| {
        alter_undoably(table, change, inverse)
            .map_err(|error| violation::explain(error, relid, Rows::Present))
    };
    // Additions first: a table keeps a column at any time.
    for column in after.columns.iter().filter(|column| before.column(column.number).is_none()) {
        let name = quote_identifier(&column.name);
        let drop = format!("DROP COLUMN {name}");
        match fills.get(&column.number).and_then(|value| literal(value)) {
            Some(value) => {
                alter(&format!("ADD COLUMN {name} {} DEFAULT {value}", column.duck_type), &drop)?;
                // For the rows that are there; those to come bring their values along.
                alter_table(table, &format!("ALTER COLUMN {name} DROP DEFAULT"))?;
            }
            None => alter(&format!("ADD COLUMN {name} {}", column.duck_type), &drop)?,
        }
    }
    for column in before.columns.iter().filter(|column| after.column(column.number).is_none()) {
        drop_column(table, column)?;
    }
    for column in &after.columns {
        let had = before.column(column.number).is_some_and(|old| old.not_null);
        let (set, drop) = not_null(&column.name);
        match (had, column.not_null) {
            (false, true) => alter(&set, &drop)?,
            (true, false) => alter(&drop, &set)?,
            _ => {}
        }
    }
    Ok(())
}

/// Drops a column, of a local table when Postgres has committed: until then it has another name
/// and takes nulls.
fn drop_column(table: &Table, column: &Column) -> Result<()> {
    let drop = |name: &str| format!("DROP COLUMN {}", quote_identifier(name));
    if !table.is_local() {
        return alter_table(table, &drop(&column.name));
    }
    if column.not_null {
        let (set, drop) = not_null(&column.name);
        alter_undoably(table, &drop, &set)?;
    }
    let aside = outbox::aside();
    alter_column_name(table, &column.name, &aside)?;
    outbox::finish(table, format!("ALTER TABLE {} {}", table.qualified(), drop(&aside)));
    Ok(())
}

/// How to set and to drop NOT NULL.
fn not_null(column: &str) -> (String, String) {
    let alter = |verb: &str| format!("ALTER COLUMN {} {verb} NOT NULL", quote_identifier(column));
    (alter("SET"), alter("DROP"))
}

/// Copies the rows of `old` into `new`, which are two tables for one relation.
fn copy_rows(
    relid: pg_sys::Oid,
    (old, before): (&Table, &Definition),
    (new, after): (&Table, &Definition),
    fills: &Fills,
) -> Result<()> {
    snapshot::reads_all(old)?;
    let mut targets = Vec::new();
    let mut values = Vec::new();
    for column in after.stored() {
        targets.push(quote_identifier(&column.name));
        values.push(match before.column(column.number) {
            Some(old) if old.duck_type == column.duck_type => quote_identifier(&old.name),
            Some(old) => format!("CAST({} AS {})", quote_identifier(&old.name), column.duck_type),
            None => fills.get(&column.number).map_or("NULL", String::as_str).to_owned(),
        });
    }
    let sql = format!(
        "INSERT INTO {} ({}) SELECT {} FROM {}",
        new.qualified(),
        targets.join(", "),
        values.join(", "),
        old.qualified()
    );
    new.run(&sql).map_err(|error| violation::explain(error, relid, Rows::Present))?;
    Ok(())
}

/// What the columns of `after` that `before` lacks have in the rows that are there, by their
/// numbers, as DuckDB SQL. Columns with nulls are left out.
type Fills = HashMap<i16, String>;

fn fills(relid: pg_sys::Oid, before: &Definition, after: &Definition) -> Result<Fills> {
    let mut fills = Fills::new();
    for column in after.stored().filter(|column| before.column(column.number).is_none()) {
        if let Some(value) = value_of_old_rows(relid, column)? {
            fills.insert(column.number, value);
        }
    }
    Ok(fills)
}

/// The literal in `CAST(literal AS type)`. DuckDB keeps such a default beside the old rows; it
/// makes an UPDATE of any other, after which the transaction must not alter the table again.
fn literal(value: &str) -> Option<&str> {
    let inner = value.strip_prefix("CAST(")?.strip_suffix(')')?;
    let (literal, _) = inner.rsplit_once(" AS ")?;
    let text = literal.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    let is_text = text.is_some_and(|text| !text.replace("''", "").contains('\''));
    let is_number =
        !literal.is_empty() && literal.bytes().all(|byte| byte.is_ascii_digit() || b"-.".contains(&byte));
    (is_text || is_number).then_some(literal)
}

/// What a column that was added to a table with rows has in them, as DuckDB SQL: Postgres has
/// computed its default and stored it in `pg_attribute.attmissingval`. `None` for null.
fn value_of_old_rows(relid: pg_sys::Oid, column: &Column) -> Result<Option<String>> {
    // SAFETY: the caller's statement holds a lock on the relation. The value lives in its
    // descriptor, which is in the cache while the relation is open.
    unsafe {
        let relation = pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed());
        let descriptor = (*relation).rd_att;
        let attribute = pg::attributes(descriptor)
            [usize::try_from(column.number - 1).expect("user columns have positive numbers")];
        let mut is_null = true;
        let value = if attribute.atthasmissing {
            pg_sys::getmissingattr(descriptor, column.number.into(), &raw mut is_null)
        } else {
            pg_sys::Datum::from(0)
        };
        let constant = pg_sys::makeConst(
            attribute.atttypid,
            attribute.atttypmod,
            attribute.attcollation,
            attribute.attlen.into(),
            value,
            is_null,
            attribute.attbyval,
        );
        let constant = pg_sys::copyObjectImpl(constant.cast_const().cast()).cast();
        pg_sys::relation_close(relation, pg_sys::NoLock.cast_signed());
        if is_null {
            return Ok(None);
        }
        Ok(Some(lower_column_expression(relid, constant, column.pg_type)?))
    }
}

fn change_indexes(relid: pg_sys::Oid, table: &Table, before: &Definition, after: &Definition) -> Result<()> {
    for index in before.indexes.iter().filter(|index| !after.indexes.contains(index)) {
        drop_index(table, before, index)?;
    }
    for index in after.indexes.iter().filter(|index| !before.indexes.contains(index)) {
        create_index(relid, table, after, index)?;
    }
    Ok(())
}

/// Drops the plain indexes, which keep DuckDB from altering a table.
pub(super) fn drop_indexes(table: &Table, definition: &Definition) -> Result<()> {
    definition.indexes.iter().try_for_each(|index| drop_index(table, definition, index))
}

/// Makes the plain indexes.
pub(super) fn create_indexes(relid: pg_sys::Oid, table: &Table, definition: &Definition) -> Result<()> {
    definition.indexes.iter().try_for_each(|index| create_index(relid, table, definition, index))
}

fn create_index(relid: pg_sys::Oid, table: &Table, definition: &Definition, index: &Key) -> Result<()> {
    table.begin_write()?;
    // SAFETY: a system call.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    let name = format!("{}{now}", index.duckdb_prefix());
    snapshot::reads_all(table)?;
    let sql = create_index_sql(table, definition, index, &name);
    table.run(&sql).map_err(|error| violation::explain(error, relid, Rows::Present))?;
    outbox::index_made(table, drop_index_sql(table, &name));
    Ok(())
}

fn create_index_sql(table: &Table, definition: &Definition, index: &Key, name: &str) -> String {
    let unique = if index.unique { "UNIQUE " } else { "" };
    let (name, columns) = (quote_identifier(name), definition.names(&index.columns));
    format!("CREATE {unique}INDEX {name} ON {} ({columns})", table.qualified())
}

fn drop_index_sql(table: &Table, name: &str) -> String {
    format!("DROP INDEX {}.{}", table.qualified_schema(), quote_identifier(name))
}

fn drop_index(table: &Table, definition: &Definition, index: &Key) -> Result<()> {
    table.begin_write()?;
    let find = format!(
        "SELECT index_name AS c0 FROM duckdb_indexes() WHERE database_name = {} AND schema_name = {} \
         AND table_name = {} AND starts_with(index_name, {})",
        quote_literal(&table.database()),
        quote_literal(table.duckdb_schema()),
        quote_literal(&table.name),
        quote_literal(&index.duckdb_prefix())
    );
    // DuckDB looks every index's table up, and fails if another session has just dropped one.
    let names = ask::texts(table, &find).map_err(|mut error| {
        if error.0.sqlstate == SqlState::UNDEFINED_TABLE {
            error.0.sqlstate = SqlState::SERIALIZATION_FAILURE;
            error.0.hint = Some("Another session has dropped a table; run the transaction again.".into());
        }
        error
    })?;
    for name in names {
        let drop = drop_index_sql(table, &name);
        table.run(&drop)?;
        outbox::index_dropped(table, &drop, create_index_sql(table, definition, index, &name));
    }
    Ok(())
}

fn alter_table(table: &Table, change: &str) -> Result<()> {
    table.begin_write()?;
    snapshot::alters(table)?;
    table.run(&format!("ALTER TABLE {} {change}", table.qualified()))?;
    Ok(())
}

/// Changes a table; `inverse` takes that back.
fn alter_undoably(table: &Table, change: &str, inverse: &str) -> Result<()> {
    alter_table(table, change)?;
    outbox::undo(table, format!("ALTER TABLE {} {inverse}", table.qualified()));
    Ok(())
}

/// "`what` is not supported for duckdb tables", with a hint.
pub(crate) fn unsupported(what: &str, hint: &'static str) -> Error {
    let error = EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, format!("{what} for duckdb tables"));
    if hint.is_empty() { error.into() } else { error.with_hint(hint).into() }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn only_literals_are_defaults_of_added_columns() {
        assert_eq!(literal("CAST(42 AS INTEGER)"), Some("42"));
        assert_eq!(literal("CAST('it''s AS x' AS VARCHAR)"), Some("'it''s AS x'"));
        assert_eq!(literal("CAST('1.50' AS DECIMAL(8,2))"), Some("'1.50'"));
        assert_eq!(literal("to_days(1)"), None);
        assert_eq!(literal("CAST('a' || 'b' AS VARCHAR)"), None);
    }
}
