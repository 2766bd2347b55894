//! CREATE TABLE: what a duckdb table cannot have.

use std::ffi::c_char;

use bridge_types::motherduck::PREFIX;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::planner;
use super::utility::{After, duckdb_table_of};
use crate::error::Result;
use crate::motherduck;
use crate::pg::{catalog, list, owned_string};
use crate::tables::ddl::unsupported;

/// True if a new table with this USING clause is a duckdb table.
pub(crate) fn chooses_duckdb(access_method: *const c_char) -> bool {
    // SAFETY: null or a C string of the statement; the setting is a C string.
    let name = unsafe {
        owned_string(if access_method.is_null() {
            pg_sys::default_table_access_method
        } else {
            access_method
        })
    };
    name == "duckdb" && catalog::access_method().is_some()
}

/// A copy of a CREATE TABLE, or CREATE TABLE AS, that says `USING duckdb`, if the table is to be in a
/// schema that stands for a database of MotherDuck and the user's says nothing.
///
/// # Safety
/// A valid statement of one of these kinds.
///
/// # Errors
/// 0A000 if it says something else.
pub(super) unsafe fn in_motherduck(statement: *mut pg_sys::PlannedStmt) -> Result<*mut pg_sys::PlannedStmt> {
    // SAFETY: as the caller promises: the tag says which kind it is.
    unsafe {
        let is_create = |node: *mut pg_sys::Node| (*node).type_ == NodeTag::T_CreateStmt;
        let place = |node: *mut pg_sys::Node| {
            if is_create(node) {
                let create = node.cast::<pg_sys::CreateStmt>();
                ((*create).relation, &raw mut (*create).accessMethod)
            } else {
                let into = (*node.cast::<pg_sys::CreateTableAsStmt>()).into;
                ((*into).rel, &raw mut (*into).accessMethod)
            }
        };
        let node = (*statement).utilityStmt;
        let is_table = is_create(node)
            || (*node.cast::<pg_sys::CreateTableAsStmt>()).objtype == pg_sys::ObjectType::OBJECT_TABLE;
        let (relation, access_method) = place(node);
        let temporary = (*relation).relpersistence.cast_unsigned() == pg_sys::RELPERSISTENCE_TEMP;
        let named = owned_string((*relation).schemaname).starts_with(PREFIX);
        if !is_table || temporary || !named || motherduck::find().is_none() {
            return Ok(statement);
        }
        if !(*access_method).is_null() {
            return if chooses_duckdb(*access_method) {
                Ok(statement)
            } else {
                Err(unsupported(
                    "another access method in a schema of MotherDuck is not supported",
                    "Leave the USING clause out, or create the table in another schema.",
                ))
            };
        }
        let copy = pg_sys::copyObjectImpl(statement.cast_const().cast()).cast::<pg_sys::PlannedStmt>();
        let (_, access_method) = place((*copy).utilityStmt);
        *access_method = pg_sys::pstrdup(c"duckdb".as_ptr());
        Ok(copy)
    }
}

pub(super) unsafe fn create(statement: &pg_sys::CreateStmt) -> Result<After> {
    // SAFETY: names in a valid statement.
    unsafe {
        for parent in list::pointers::<pg_sys::RangeVar>(statement.inhRelations) {
            if duckdb_table_of(parent).is_some() {
                return Err(unsupported("inheritance is not supported", ""));
            }
        }
        for element in list::pointers::<pg_sys::Node>(statement.tableElts) {
            check_references(element)?;
        }
        // A partitioned table stores nothing and has no access method.
        if !statement.partspec.is_null() || !chooses_duckdb(statement.accessMethod) {
            return Ok(After::Nothing);
        }
        planner::check_role()?;
        check_create(statement)?;
    }
    Ok(After::Create)
}

/// What can be told from the statement alone; the rest is checked on the catalogs.
unsafe fn check_create(statement: &pg_sys::CreateStmt) -> Result<()> {
    use pg_sys::OnCommitAction::{ONCOMMIT_NOOP, ONCOMMIT_PRESERVE_ROWS};
    if !statement.partbound.is_null() {
        return Err(unsupported("partitions are not supported", "Create the partition USING heap."));
    }
    if !statement.inhRelations.is_null() {
        return Err(unsupported(
            "inheritance is not supported",
            "Use LIKE to copy the columns of another table.",
        ));
    }
    if !matches!(statement.oncommit, ONCOMMIT_NOOP | ONCOMMIT_PRESERVE_ROWS) {
        return Err(unsupported("ON COMMIT DROP and DELETE ROWS are not supported", ""));
    }
    if !statement.options.is_null() {
        return Err(unsupported("storage parameters are not supported", "Leave the WITH clause out."));
    }
    if !statement.tablespacename.is_null() {
        return Err(unsupported("tablespaces are not supported", ""));
    }
    // SAFETY: nodes of a valid statement.
    unsafe {
        for constraint in list::pointers::<pg_sys::Constraint>(statement.constraints) {
            check_constraint(&*constraint)?;
        }
        for element in list::pointers::<pg_sys::Node>(statement.tableElts) {
            match (*element).type_ {
                NodeTag::T_ColumnDef => check_column(&*element.cast())?,
                NodeTag::T_Constraint => check_constraint(&*element.cast())?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// The constraints of a column of a duckdb table.
///
/// # Safety
/// A part of a valid statement.
pub(super) unsafe fn check_column(column: &pg_sys::ColumnDef) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        list::pointers::<pg_sys::Constraint>(column.constraints)
            .try_for_each(|constraint| check_constraint(&*constraint))
    }
}

/// A constraint of a duckdb table, as far as the statement tells; the rest is checked on the
/// catalogs (`tables::definition`).
pub(super) fn check_constraint(constraint: &pg_sys::Constraint) -> Result<()> {
    use pg_sys::ConstrType::{CONSTR_CHECK, CONSTR_EXCLUSION, CONSTR_FOREIGN};
    match constraint.contype {
        CONSTR_EXCLUSION => Err(unsupported("exclusion constraints are not supported", "")),
        CONSTR_FOREIGN => Err(unsupported("foreign keys are not supported", "")),
        CONSTR_CHECK if constraint.skip_validation && !constraint.initially_valid => Err(unsupported(
            "NOT VALID is not supported",
            "DuckDB has the constraint for all rows or for none.",
        )),
        _ => Ok(()),
    }
}

/// Refuses a foreign key of any table to a duckdb table: Postgres could not lock its rows.
///
/// # Safety
/// A column or constraint (or anything else) of a valid statement.
pub(super) unsafe fn check_references(element: *mut pg_sys::Node) -> Result<()> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        let refers = |constraint: *mut pg_sys::Constraint| {
            (*constraint).contype == pg_sys::ConstrType::CONSTR_FOREIGN
                && duckdb_table_of((*constraint).pktable).is_some()
        };
        let found = match (*element).type_ {
            NodeTag::T_Constraint => refers(element.cast()),
            NodeTag::T_ColumnDef => {
                let column = element.cast::<pg_sys::ColumnDef>();
                list::pointers::<pg_sys::Constraint>((*column).constraints).any(refers)
            }
            _ => false,
        };
        if found {
            return Err(unsupported(
                "references are not supported",
                "Postgres cannot lock the rows referred to.",
            ));
        }
    }
    Ok(())
}
