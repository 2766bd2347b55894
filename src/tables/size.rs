//! What a duckdb table takes on disk, and the functions of Postgres that tell it.
//!
//! Postgres' size functions measure files, and the file of a duckdb table is empty. The planner
//! puts ours in their place ([`replace`]), which ask the engine about duckdb tables and Postgres
//! about all others.

use bridge_types::limits::DUCKDB_BLOCK_BYTES;
use bridge_types::names::quote_literal;
use pgrx::prelude::*;
use pgrx::{IntoDatum, direct_function_call, pg_sys};

use super::{ask, table};
use crate::error::{Result, report};
use crate::pg::catalog;

/// Bytes of a table: its blocks in the store, and what is not in a block yet.
pub(super) fn bytes(relid: pg_sys::Oid) -> Result<i64> {
    let table = table::of_relation(relid)?;
    // Blocks may be shared by small segments; values in memory are counted by their width.
    ask::number(
        &table,
        &format!(
            "SELECT CAST(count(DISTINCT block_id) FILTER (persistent) * {DUCKDB_BLOCK_BYTES} + \
             coalesce(sum(\"count\" * CASE segment_type WHEN 'VALIDITY' THEN 0.125 WHEN 'BOOLEAN' THEN 1 \
             WHEN 'SMALLINT' THEN 2 WHEN 'INTEGER' THEN 4 WHEN 'DATE' THEN 4 WHEN 'FLOAT' THEN 4 \
             WHEN 'VARCHAR' THEN 16 WHEN 'HUGEINT' THEN 16 WHEN 'UUID' THEN 16 WHEN 'INTERVAL' THEN 16 \
             ELSE 8 END) FILTER (NOT persistent), 0) AS BIGINT) AS c0 FROM pragma_storage_info({})",
            quote_literal(&table.qualified())
        ),
    )
}

/// Rows of a table, exactly.
pub(super) fn rows(relid: pg_sys::Oid) -> Result<i64> {
    let table = table::of_relation(relid)?;
    ask::number(&table, &format!("SELECT count(*) AS c0 FROM {}", table.qualified()))
}

/// Postgres' functions (`pg_proc.dat`) and ours, in schema `duckdb`, of the same arguments.
const REPLACED: [(u32, &std::ffi::CStr); 4] = [
    (2325, c"main_fork_size"),
    (2332, c"relation_size"),
    (2997, c"table_size"),
    (2286, c"total_relation_size"),
];

/// True if [`replace`] has something to do with a call of this function.
pub(crate) fn is_replaced(function: pg_sys::Oid) -> bool {
    REPLACED.iter().any(|(oid, _)| *oid == function.to_u32())
}

/// Puts our size functions in the place of Postgres' own.
///
/// # Safety
/// `query` is an analysed query, which is changed.
pub(crate) unsafe fn replace(query: *mut pg_sys::Query) {
    // SAFETY: as the caller promises; the walker needs no context.
    unsafe { visit(query.cast(), std::ptr::null_mut()) };
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut std::ffi::c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the tag says what the node is.
    unsafe {
        if (*node).type_ == pg_sys::NodeTag::T_Query {
            return pg_sys::query_tree_walker(node.cast(), Some(visit), context, 0);
        }
        if (*node).type_ == pg_sys::NodeTag::T_FuncExpr {
            let call = node.cast::<pg_sys::FuncExpr>();
            if let Some((_, name)) = REPLACED.iter().find(|(oid, _)| *oid == (*call).funcid.to_u32())
                && let Some(ours) = catalog::function_in_duckdb_schema(name)
            {
                (*call).funcid = ours;
            }
        }
        pg_sys::expression_tree_walker(node, Some(visit), context)
    }
}

/// `duckdb.relation_size(regclass, fork)`, in the place of `pg_relation_size`. Null for a relation
/// that does not exist.
#[pg_extern]
fn relation_size(relid: pg_sys::Oid, fork: &str) -> Option<i64> {
    if !catalog::is_duckdb_table(relid) {
        return of_postgres(pg_sys::pg_relation_size, relid, Some(fork));
    }
    if fork == "main" { measured(relid) } else { Some(0) }
}

/// `duckdb.main_fork_size(regclass)`, in the place of `pg_relation_size` without a fork.
#[pg_extern]
fn main_fork_size(relid: pg_sys::Oid) -> Option<i64> {
    relation_size(relid, "main")
}

/// `duckdb.table_size(regclass)`, in the place of `pg_table_size`.
#[pg_extern]
fn table_size(relid: pg_sys::Oid) -> Option<i64> {
    if catalog::is_duckdb_table(relid) {
        measured(relid)
    } else {
        of_postgres(pg_sys::pg_table_size, relid, None)
    }
}

/// `duckdb.total_relation_size(regclass)`, in the place of `pg_total_relation_size`: with the
/// files of the indexes that Postgres keeps.
#[pg_extern]
fn total_relation_size(relid: pg_sys::Oid) -> Option<i64> {
    let files = of_postgres(pg_sys::pg_total_relation_size, relid, None)?;
    if catalog::is_duckdb_table(relid) { Some(files + measured(relid)?) } else { Some(files) }
}

/// [`fn@bytes`] of a table that this session can see; 0 for another session's temporary table.
fn measured(relid: pg_sys::Oid) -> Option<i64> {
    // SAFETY: catalog look-ups on the main thread.
    let foreign = unsafe {
        pg_sys::get_rel_persistence(relid).cast_unsigned() == pg_sys::RELPERSISTENCE_TEMP
            && !pg_sys::isTempNamespace(pg_sys::get_rel_namespace(relid))
    };
    Some(if foreign { 0 } else { report(bytes(relid)) })
}

/// The answer of one of Postgres' functions.
fn of_postgres(
    function: unsafe fn(pg_sys::FunctionCallInfo) -> pg_sys::Datum,
    relid: pg_sys::Oid,
    fork: Option<&str>,
) -> Option<i64> {
    let mut arguments = vec![relid.into_datum()];
    arguments.extend(fork.map(IntoDatum::into_datum));
    // SAFETY: a function of Postgres with these arguments, which returns bigint or null.
    unsafe { direct_function_call(function, &arguments) }
}
