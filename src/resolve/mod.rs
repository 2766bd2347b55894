//! Gives the columns of files their types, right after Postgres' parse analysis.
//!
//! `read_parquet('f')` and its like return `duckdb.row`, whose columns only DuckDB knows. The
//! post-parse hook asks the engine to describe the file and rewrites the query: the function
//! becomes a relation with typed columns, `r['c']` a column of it, `*` all of them, and every
//! operator, cast and aggregate over a `duckdb.unresolved_type` the one Postgres would have
//! chosen for the real types. From there on the query is an ordinary one: its result types
//! are known before it is planned, as clients of the extended protocol need it.

mod clauses;
mod column;
mod describe;
mod expr;
mod function;
mod insert;
mod level;
mod operator;
mod parameter;
mod path;
pub(crate) mod reader;
mod set_operation;
pub(crate) mod view;

pub(crate) use describe::{reads_as, table_column_type};

use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::error::{self, Result};
use crate::pg::{catalog, list, tree};

/// DuckDB SQL of a reader in FROM whose columns this module has typed: a relation with these
/// columns, in this order. Checks the current user's right to read the files again, since a
/// view's query was resolved for its creator.
///
/// # Safety
/// `entry` is a range table entry for which [`reader::call`] answers.
pub(crate) unsafe fn reader_sql(entry: *mut pg_sys::RangeTblEntry) -> Result<String> {
    // SAFETY: as the caller promises.
    let call = unsafe { reader::call(entry) }.ok_or_else(|| {
        error::Error::new(bridge_types::SqlState::INTERNAL_ERROR, "not a reader of files in FROM")
    })?;
    // SAFETY: as above.
    let sql = unsafe { reader::duckdb_sql(call)? };
    // SAFETY: as above.
    describe::relation_sql(&sql, &unsafe { reader::promised(entry) })
}

static mut PREVIOUS: pg_sys::post_parse_analyze_hook_type = None;

/// Installs the hook; called once in the postmaster.
pub(crate) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::post_parse_analyze_hook;
        pg_sys::post_parse_analyze_hook = Some(post_parse_analyze);
    }
}

/// Not guarded, so that errors of the hooks behind keep their context.
unsafe extern "C-unwind" fn post_parse_analyze(
    pstate: *mut pg_sys::ParseState,
    query: *mut pg_sys::Query,
    jstate: *mut pg_sys::JumbleState,
) {
    // SAFETY: called by Postgres with a valid query; nothing with a destructor is alive.
    unsafe {
        resolve_guarded(pstate, query);
        if let Some(previous) = PREVIOUS {
            previous(pstate, query, jstate);
        }
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn resolve_guarded(pstate: *mut pg_sys::ParseState, query: *mut pg_sys::Query) {
    // SAFETY: a valid query and the state it was parsed with, from the hook.
    error::report(unsafe { resolve(pstate, query) });
}

/// The types that stand for what only DuckDB knows.
#[derive(Clone, Copy, Debug)]
struct Placeholders {
    row: pg_sys::Oid,
    unresolved: pg_sys::Oid,
}

impl Placeholders {
    fn find() -> Option<Self> {
        catalog::access_method()?;
        let row = catalog::type_in_duckdb_schema(c"row")?;
        let unresolved = catalog::type_in_duckdb_schema(c"unresolved_type")?;
        Some(Self { row, unresolved })
    }
}

unsafe fn resolve(pstate: *mut pg_sys::ParseState, query: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: the caller's query; statements that wrap an analysed one hold it as a node.
    unsafe {
        if (*query).commandType == pg_sys::CmdType::CMD_UTILITY {
            let inner = match (*(*query).utilityStmt).type_ {
                pg_sys::NodeTag::T_CreateTableAsStmt => {
                    let statement = (*query).utilityStmt.cast::<pg_sys::CreateTableAsStmt>();
                    return resolve_create_as(pstate, statement);
                }
                pg_sys::NodeTag::T_ExplainStmt => (*(*query).utilityStmt.cast::<pg_sys::ExplainStmt>()).query,
                pg_sys::NodeTag::T_DeclareCursorStmt => {
                    (*(*query).utilityStmt.cast::<pg_sys::DeclareCursorStmt>()).query
                }
                _ => return Ok(()),
            };
            if inner.is_null() || (*inner).type_ != pg_sys::NodeTag::T_Query {
                return Ok(());
            }
            return resolve(pstate, inner.cast());
        }
        if !has_untyped_readers(query) {
            return Ok(());
        }
        let Some(placeholders) = Placeholders::find() else { return Ok(()) };
        let mut resolver = level::Resolver::new(placeholders);
        resolver.resolve(query)?;
        resolver.announce_parameters(pstate);
        Ok(())
    }
}

/// `CREATE TABLE AS`, and `CREATE MATERIALIZED VIEW`, which keeps a copy of the query to store.
unsafe fn resolve_create_as(
    pstate: *mut pg_sys::ParseState,
    statement: *mut pg_sys::CreateTableAsStmt,
) -> Result<()> {
    // SAFETY: a valid statement.
    unsafe {
        let query = (*statement).query;
        if query.is_null() || (*query).type_ != pg_sys::NodeTag::T_Query {
            return Ok(());
        }
        resolve(pstate, query.cast())?;
        let into = (*statement).into;
        if !into.is_null() && !(*into).viewQuery.is_null() {
            (*into).viewQuery = pg_sys::copyObjectImpl(query.cast()).cast();
        }
        Ok(())
    }
}

/// Resolves a query that never passed the hook: the body of a function that was parsed when
/// the function was made (`BEGIN ATOMIC`).
///
/// # Safety
/// `query` is a valid query; it is rewritten in place.
pub(crate) unsafe fn resolve_late(query: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe { resolve(std::ptr::null_mut(), query) }
}

/// A file of the server that a statement reads, if it reads any: whoever executes its plan
/// needs the right to, which may be another user than the one it was planned for.
///
/// # Safety
/// `query` is a valid query.
pub(crate) unsafe fn local_file(query: *mut pg_sys::Query) -> Option<String> {
    let mut found = None;
    // SAFETY: as the caller promises.
    unsafe {
        any_reader(query, &mut |call| {
            found = reader::local_path(call);
            found.is_some()
        });
    }
    found
}

/// A cheap look before anything else happens: does a function of ours, not yet typed, stand in
/// any FROM?
unsafe fn has_untyped_readers(query: *mut pg_sys::Query) -> bool {
    // SAFETY: a valid query.
    unsafe { any_reader(query, &mut |call| reader::is_untyped(call)) }
}

/// True if `test` is, of a reader in any FROM of the query, however deep.
///
/// # Safety
/// `query` is a valid query.
unsafe fn any_reader(query: *mut pg_sys::Query, test: &mut dyn FnMut(*mut pg_sys::FuncExpr) -> bool) -> bool {
    // SAFETY: as the caller promises.
    unsafe {
        tree::any_query(query, &mut |query| {
            let entries = list::pointers::<pg_sys::RangeTblEntry>((*query).rtable);
            entries.filter_map(|entry| reader::call(entry)).any(&mut *test)
        })
    }
}
