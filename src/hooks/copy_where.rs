//! The WHERE of a COPY FROM a file that DuckDB reads.
//!
//! It is analysed as COPY analyses it, over the columns of the table, and becomes the condition of a
//! subquery that has the file's values as the table is to have them.

use std::ffi::c_char;

use bridge_types::names::quote_identifier;
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::copy_file::FileColumn;
use crate::error::Result;
use crate::pg::{self, list, owned_string};

/// A column that the statement fills.
struct Column {
    number: i16,
    name: String,
    type_id: pg_sys::Oid,
    type_modifier: i32,
}

/// The query that selects the rows of `source` (with the columns `values`) for which the WHERE is true.
///
/// # Safety
/// A COPY FROM with a WHERE into the relation, which is locked, and its text.
///
/// # Errors
/// 0A000 if the WHERE asks for a column that the statement does not fill; Postgres' own are raised.
pub(super) unsafe fn filtered(
    statement: &pg_sys::CopyStmt,
    relid: pg_sys::Oid,
    query_string: *const c_char,
    values: &[FileColumn],
    source: &str,
) -> Result<String> {
    // SAFETY: as the caller promises; Postgres closes the relation after an error.
    unsafe {
        let relation = pg_sys::table_open(relid, pg_sys::NoLock.cast_signed());
        let columns = filled(relation, statement);
        let condition = condition(relation, statement, query_string);
        pg_sys::table_close(relation, pg_sys::NoLock.cast_signed());
        check_columns(condition, relid, &columns)?;
        let context = pg_sys::deparse_context_for(pg_sys::get_rel_name(relid), relid);
        let text = owned_string(pg_sys::deparse_expression(condition, context, false, false));
        let assigned: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(i, value)| columns.get(i).map_or_else(|| value.text.clone(), |to| assigned(value, to)))
            .collect();
        let names: Vec<String> =
            columns.iter().take(values.len()).map(|column| quote_identifier(&column.name)).collect();
        Ok(format!(
            "SELECT * FROM (SELECT {} FROM {source} AS r) AS {}({}) WHERE {text}",
            assigned.join(", "),
            quote_identifier(&owned_string(pg_sys::get_rel_name(relid))),
            names.join(", ")
        ))
    }
}

/// The columns that the statement fills, in its order; names that the table lacks are INSERT's to refuse.
///
/// # Safety
/// An open relation and a COPY into it.
unsafe fn filled(relation: pg_sys::Relation, statement: &pg_sys::CopyStmt) -> Vec<Column> {
    // SAFETY: as the caller promises.
    unsafe {
        let named: Vec<String> =
            list::pointers::<pg_sys::Node>(statement.attlist).map(|name| pg::node_string(name)).collect();
        let mut columns: Vec<Column> = pg::attributes((*relation).rd_att)
            .iter()
            .filter(|attribute| !attribute.attisdropped)
            .map(|attribute| Column {
                number: attribute.attnum,
                name: owned_string(attribute.attname.data.as_ptr()),
                type_id: attribute.atttypid,
                type_modifier: attribute.atttypmod,
            })
            .collect();
        if !named.is_empty() {
            columns.retain(|column| named.contains(&column.name));
            columns.sort_by_key(|column| named.iter().position(|name| *name == column.name));
        }
        columns
    }
}

/// The WHERE, analysed.
///
/// # Safety
/// As of [`filtered`]; the relation is open.
unsafe fn condition(
    relation: pg_sys::Relation,
    statement: &pg_sys::CopyStmt,
    query_string: *const c_char,
) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises; the parser gets a copy.
    unsafe {
        let state = pg_sys::make_parsestate(std::ptr::null_mut());
        (*state).p_sourcetext = query_string;
        let lock = pg_sys::RowExclusiveLock.cast_signed();
        let item =
            pg_sys::addRangeTableEntryForRelation(state, relation, lock, std::ptr::null_mut(), false, false);
        pg_sys::addNSItemToQuery(state, item, false, true, true);
        let raw = pg_sys::copyObjectImpl(statement.whereClause.cast_const().cast()).cast();
        let analysed = pg_sys::transformExpr(state, raw, pg_sys::ParseExprKind::EXPR_KIND_COPY_WHERE);
        let condition = pg_sys::coerce_to_boolean(state, analysed, c"WHERE".as_ptr());
        pg_sys::assign_expr_collations(state, condition);
        pg_sys::free_parsestate(state);
        condition
    }
}

/// Refuses a condition over columns whose values are not in the file.
///
/// # Safety
/// An analysed condition over the relation alone.
unsafe fn check_columns(condition: *mut pg_sys::Node, relid: pg_sys::Oid, columns: &[Column]) -> Result<()> {
    let mut used: *mut pg_sys::Bitmapset = std::ptr::null_mut();
    // SAFETY: as the caller promises; the set is walked as Postgres made it.
    unsafe {
        pg_sys::pull_varattnos(condition, 1, &raw mut used);
        let mut member = pg_sys::bms_next_member(used, -1);
        while member >= 0 {
            let number = i16::try_from(member + pg_sys::FirstLowInvalidHeapAttributeNumber).unwrap_or(0);
            if columns.iter().all(|column| column.number != number) {
                let what = if number > 0 {
                    let name = owned_string(pg_sys::get_attname(relid, number, false));
                    format!("column \"{name}\", which it does not copy")
                } else {
                    "a system column or the whole row".to_owned()
                };
                return Err(EngineError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("COPY FROM a file that DuckDB reads cannot have a WHERE on {what}"),
                )
                .into());
            }
            member = pg_sys::bms_next_member(used, member);
        }
    }
    Ok(())
}

/// What the table is to have of a value, where an assignment can make it; INSERT refuses the others. A
/// length is INSERT's to check: a cast would cut the value.
fn assigned(value: &FileColumn, to: &Column) -> String {
    let mut from = value.type_id;
    let mut wanted = to.type_id;
    // SAFETY: main thread, in a transaction; types that exist.
    unsafe {
        let assignment = pg_sys::CoercionContext::COERCION_ASSIGNMENT;
        if !pg_sys::can_coerce_type(1, &raw mut from, &raw mut wanted, assignment) {
            return value.text.clone();
        }
        let cut =
            matches!(wanted, pg_sys::VARCHAROID | pg_sys::BPCHAROID | pg_sys::BITOID | pg_sys::VARBITOID);
        let modifier = if cut { -1 } else { to.type_modifier };
        let name = owned_string(pg_sys::format_type_with_typemod(wanted, modifier));
        // As a type of its own `character` is one of length 1.
        let name = if wanted == pg_sys::BPCHAROID { "pg_catalog.bpchar".to_owned() } else { name };
        format!("{}::{name}", value.text)
    }
}
