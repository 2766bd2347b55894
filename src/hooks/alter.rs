//! ALTER TABLE, CREATE INDEX and what else changes a duckdb table.
//!
//! Postgres executes the statement; here is only what it must not even begin. DuckDB then follows
//! what the catalogs say (`tables::changes`).

use pgrx::pg_sys;
use pgrx::pg_sys::AlterTableType as Form;

use super::create::{check_column, check_constraint, check_references};
use super::utility::{After, duckdb_table_of, relation_of};
use crate::error::Result;
use crate::pg::{catalog, list, owned_string};
use crate::tables::changes;
use crate::tables::ddl::unsupported;

/// The forms of ALTER TABLE that a duckdb table can have.
const FORMS: &[Form::Type] = &[
    Form::AT_AddColumn,
    Form::AT_ColumnDefault,
    Form::AT_CookedColumnDefault,
    Form::AT_DropNotNull,
    Form::AT_SetNotNull,
    Form::AT_DropExpression,
    #[cfg(not(feature = "pg18"))]
    Form::AT_CheckNotNull,
    Form::AT_SetStatistics,
    Form::AT_SetOptions,
    Form::AT_ResetOptions,
    Form::AT_DropColumn,
    Form::AT_AddIndex,
    Form::AT_AddConstraint,
    Form::AT_ValidateConstraint,
    Form::AT_AddIndexConstraint,
    Form::AT_DropConstraint,
    Form::AT_AlterColumnType,
    Form::AT_ChangeOwner,
    Form::AT_SetAccessMethod,
    Form::AT_DisableRowSecurity,
    Form::AT_NoForceRowSecurity,
    Form::AT_AddIdentity,
    Form::AT_SetIdentity,
    Form::AT_DropIdentity,
    Form::AT_EnableTrig,
    Form::AT_EnableTrigAll,
    Form::AT_EnableTrigUser,
    Form::AT_EnableAlwaysTrig,
    Form::AT_EnableReplicaTrig,
    Form::AT_DisableTrig,
    Form::AT_DisableTrigAll,
    Form::AT_DisableTrigUser,
];

/// `ALTER TABLE`, of any table.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn alter(statement: &pg_sys::AlterTableStmt) -> Result<After> {
    // SAFETY: as the caller promises.
    unsafe {
        let Some(relid) = relation_of(statement.relation) else { return Ok(After::Nothing) };
        let commands: Vec<_> = list::pointers::<pg_sys::AlterTableCmd>(statement.cmds).map(|c| &*c).collect();
        if statement.objtype != pg_sys::ObjectType::OBJECT_TABLE || !catalog::is_duckdb_table(relid) {
            return alter_other(relid, &commands);
        }
        let leaves = commands.iter().any(|command| {
            command.subtype == Form::AT_SetAccessMethod && owned_string(command.name) != "duckdb"
        });
        for command in commands {
            match command.subtype {
                Form::AT_AddColumn => check_column(&*command.def.cast::<pg_sys::ColumnDef>())?,
                // Also what CREATE TABLE makes of LIKE .. INCLUDING CONSTRAINTS.
                Form::AT_AddConstraint => check_constraint(&*command.def.cast::<pg_sys::Constraint>())?,
                Form::AT_EnableRowSecurity | Form::AT_ForceRowSecurity => {
                    return Err(unsupported(
                        "row-level security is not supported",
                        "Grant rights on a view that selects the rows instead.",
                    ));
                }
                form if FORMS.contains(&form) => {}
                _ => return Err(unsupported("this form of ALTER TABLE is not supported", "")),
            }
        }
        changes::begin(relid, leaves)?;
        Ok(After::Change)
    }
}

/// `ALTER TABLE` of what is not a duckdb table (yet).
///
/// # Safety
/// Commands of a valid statement.
unsafe fn alter_other(relid: pg_sys::Oid, commands: &[&pg_sys::AlterTableCmd]) -> Result<After> {
    // SAFETY: as the caller promises; the node of a command depends on its subtype.
    unsafe {
        let mut becomes_duckdb = false;
        for command in commands {
            match command.subtype {
                Form::AT_SetAccessMethod => becomes_duckdb |= owned_string(command.name) == "duckdb",
                Form::AT_AddColumn | Form::AT_AddConstraint => check_references(command.def)?,
                Form::AT_AttachPartition | Form::AT_AddInherit => {
                    let child = if command.subtype == Form::AT_AddInherit {
                        command.def.cast()
                    } else {
                        (*command.def.cast::<pg_sys::PartitionCmd>()).name
                    };
                    if duckdb_table_of(child).is_some() {
                        return Err(unsupported("inheritance and partitioning are not supported", ""));
                    }
                }
                _ => {}
            }
        }
        if !becomes_duckdb {
            return Ok(After::Nothing);
        }
        super::planner::check_role()?;
        check_can_become_duckdb(relid)?;
        changes::begin(relid, false)?;
        Ok(After::Change)
    }
}

/// What Postgres keeps beside a heap table and a duckdb table cannot have.
fn check_can_become_duckdb(relid: pg_sys::Oid) -> Result<()> {
    // SAFETY: main thread, in a transaction; the relation is closed again, its lock is that of
    // a reader.
    let (has_triggers, row_security, has_children) = unsafe {
        let relation = pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed());
        let form = &*(*relation).rd_rel;
        let found = (form.relhastriggers, form.relrowsecurity, form.relhassubclass);
        pg_sys::relation_close(relation, pg_sys::NoLock.cast_signed());
        found
    };
    if has_children || catalog::has_parents(relid) {
        return Err(unsupported("inheritance and partitioning are not supported", ""));
    }
    if has_triggers {
        return Err(unsupported("triggers and foreign keys are not supported", "Drop them first."));
    }
    if row_security {
        return Err(unsupported(
            "row-level security is not supported",
            "Grant rights on a view that selects the rows instead.",
        ));
    }
    Ok(())
}

/// `CREATE INDEX`: what kind of index is told by the catalogs afterwards.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn create_index(statement: &pg_sys::IndexStmt) -> Result<After> {
    // SAFETY: as the caller promises.
    let Some(relid) = (unsafe { duckdb_table_of(statement.relation) }) else { return Ok(After::Nothing) };
    if statement.concurrent {
        return Err(unsupported("CREATE INDEX CONCURRENTLY is not supported", "Leave CONCURRENTLY out."));
    }
    changes::begin(relid, false)?;
    Ok(After::Change)
}

/// `REINDEX`: Postgres' indexes of duckdb tables are empty, so there is nothing to do but to keep
/// their identity, which the concurrent form does not.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn reindex(statement: &pg_sys::ReindexStmt) -> Result<After> {
    // SAFETY: as the caller promises.
    unsafe {
        let concurrently = list::pointers::<pg_sys::DefElem>(statement.params)
            .any(|option| owned_string((*option).defname) == "concurrently" && pg_sys::defGetBoolean(option));
        let table = match (relation_of(statement.relation), statement.kind) {
            (Some(index), pg_sys::ReindexObjectType::REINDEX_OBJECT_INDEX) => {
                pg_sys::IndexGetRelation(index, true)
            }
            (Some(relid), _) => relid,
            (None, _) => pg_sys::InvalidOid,
        };
        if concurrently && catalog::is_duckdb_table(table) {
            return Err(unsupported("REINDEX CONCURRENTLY is not supported", "Leave CONCURRENTLY out."));
        }
    }
    Ok(After::Nothing)
}

/// `CREATE TRIGGER`.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn create_trigger(statement: &pg_sys::CreateTrigStmt) -> Result<After> {
    // SAFETY: as the caller promises.
    if unsafe { duckdb_table_of(statement.relation) }.is_none() {
        return Ok(After::Nothing);
    }
    if statement.row || statement.isconstraint {
        return Err(unsupported(
            "row triggers are not supported",
            "Create the trigger FOR EACH STATEMENT: rows change in DuckDB.",
        ));
    }
    if !statement.transitionRels.is_null() {
        return Err(unsupported("transition tables are not supported", "Leave REFERENCING out."));
    }
    Ok(After::Nothing)
}

/// `CLUSTER`.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn cluster(statement: &pg_sys::ClusterStmt) -> Result<After> {
    // SAFETY: as the caller promises.
    match unsafe { duckdb_table_of(statement.relation) } {
        Some(_) => Err(unsupported(
            "CLUSTER is not supported",
            "Create the table anew with CREATE TABLE AS .. ORDER BY.",
        )),
        None => Ok(After::Nothing),
    }
}
