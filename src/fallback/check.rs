//! What Postgres cannot do on duckdb tables either.

use std::ffi::c_void;

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use crate::error::{Error, Result};
use crate::lower;
use crate::pg::{catalog, list, owned_string};
use crate::resolve::reader;

/// State of the walk.
#[derive(Default)]
struct Check {
    /// The query levels around the current node, innermost last.
    levels: Vec<*mut pg_sys::Query>,
    /// Readers of files in FROM: the scan of the file calls them.
    readers: Vec<*mut pg_sys::FuncExpr>,
    /// A function that only DuckDB has, elsewhere.
    duckdb_function: bool,
    error: Option<Error>,
}

/// True if Postgres can finish the statement: it has all functions.
///
/// # Safety
/// `parse` is an analysed and rewritten statement.
///
/// # Errors
/// 0A000 for row locks, TABLESAMPLE and system columns of duckdb tables, and for data-modifying
/// WITH items that change one.
pub(super) unsafe fn can_be_finished(parse: *mut pg_sys::Query) -> Result<bool> {
    let mut check = Check::default();
    // SAFETY: the context outlives the walk.
    unsafe { visit(parse.cast(), std::ptr::from_mut(&mut check).cast()) };
    match check.error {
        Some(error) => Err(error),
        None => Ok(!check.duckdb_function),
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Check` of `can_be_finished`.
    unsafe {
        let check = &mut *context.cast::<Check>();
        match (*node).type_ {
            NodeTag::T_Query => {
                let query = node.cast::<pg_sys::Query>();
                if let Err(error) = check.level(query) {
                    check.error = Some(error);
                    return true;
                }
                check.levels.push(query);
                let stop = pg_sys::query_tree_walker(query, Some(visit), context, 0);
                (*context.cast::<Check>()).levels.pop();
                return stop;
            }
            NodeTag::T_Var => {
                if let Err(error) = check.variable(&*node.cast::<pg_sys::Var>()) {
                    check.error = Some(error);
                    return true;
                }
                return false;
            }
            NodeTag::T_FuncExpr => {
                let call = node.cast::<pg_sys::FuncExpr>();
                if !check.readers.contains(&call) {
                    check.function((*call).funcid);
                }
            }
            NodeTag::T_Aggref => check.function((*node.cast::<pg_sys::Aggref>()).aggfnoid),
            NodeTag::T_OpExpr => check.function((*node.cast::<pg_sys::OpExpr>()).opfuncid),
            _ => {}
        }
        pg_sys::expression_tree_walker(node, Some(visit), context)
    }
}

impl Check {
    fn function(&mut self, function: pg_sys::Oid) {
        self.duckdb_function |= catalog::is_duckdb_only_function(function);
    }

    /// # Safety
    /// `query` is a valid query.
    unsafe fn level(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // SAFETY: as the caller promises.
        unsafe {
            for (entry, index) in list::pointers::<pg_sys::RangeTblEntry>((*query).rtable).zip(1..) {
                if let Some(call) = reader::call(entry) {
                    self.readers.push(call);
                }
                let Some(name) = duckdb_table(entry) else { continue };
                if !(*entry).tablesample.is_null() {
                    return Err(EngineError::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        format!("cannot use TABLESAMPLE on duckdb table \"{name}\""),
                    )
                    .with_hint("Use a condition such as random() < 0.01.")
                    .into());
                }
                if (*query).resultRelation == index && !self.levels.is_empty() {
                    return Err(Error::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        format!("cannot change duckdb table \"{name}\" in a WITH item"),
                    ));
                }
            }
            for mark in list::pointers::<pg_sys::RowMarkClause>((*query).rowMarks) {
                let Some(position) = i32::try_from((*mark).rti).ok().and_then(|rti| rti.checked_sub(1))
                else {
                    continue;
                };
                let entry = pg_sys::list_nth((*query).rtable, position).cast::<pg_sys::RangeTblEntry>();
                if let Some(name) = duckdb_table(entry) {
                    return Err(EngineError::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        format!("cannot lock rows in duckdb table \"{name}\""),
                    )
                    .with_hint("Name the tables to lock after FOR UPDATE OF.")
                    .into());
                }
            }
            Ok(())
        }
    }

    /// # Safety
    /// `var` belongs to the innermost level.
    unsafe fn variable(&self, var: &pg_sys::Var) -> Result<()> {
        if var.varattno >= 0
            || lower::is_rowid(var)
            || i32::from(var.varattno) == pg_sys::TableOidAttributeNumber
        {
            return Ok(());
        }
        let up = usize::try_from(var.varlevelsup).unwrap_or(usize::MAX);
        let level = self.levels.len().checked_sub(up.saturating_add(1)).map(|level| self.levels[level]);
        // SAFETY: a Var of a level in reach names an entry of its range table.
        let table = unsafe {
            level.and_then(|level| duckdb_table(pg_sys::list_nth((*level).rtable, var.varno - 1).cast()))
        };
        let Some(name) = table else { return Ok(()) };
        Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("duckdb table \"{name}\" has no system column but tableoid"),
        ))
    }
}

/// The name of a duckdb table.
///
/// # Safety
/// `entry` is a valid range-table entry.
unsafe fn duckdb_table(entry: *mut pg_sys::RangeTblEntry) -> Option<String> {
    // SAFETY: as the caller promises.
    unsafe {
        ((*entry).rtekind == pg_sys::RTEKind::RTE_RELATION && catalog::is_duckdb_table((*entry).relid))
            .then(|| owned_string(pg_sys::get_rel_name((*entry).relid)))
    }
}
