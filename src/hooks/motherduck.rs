//! Statements about the server that stands for a MotherDuck account, and about the schemas
//! that stand for its databases.

use std::ffi::CStr;

use bridge_types::motherduck::PREFIX;
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::pg_sys::{NodeTag, ObjectType};

use super::utility::After;
use crate::error::{Error, Result};
use crate::motherduck;
use crate::pg::{catalog, list, node_string, owned_string};

/// What a statement shows in `pg_stat_activity` and in the log in place of its text with a token.
pub(super) const REDACTED: &CStr = c"<statement with a MotherDuck token>";

/// `CREATE SERVER`: one account a database; its sync worker starts when the transaction commits.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn create_server(statement: &pg_sys::CreateForeignServerStmt) -> Result<After> {
    // SAFETY: names in a valid statement.
    unsafe {
        let ours = owned_string(statement.fdwname) == "duckdb";
        if !ours || statement.servertype.is_null() {
            return Ok(After::Nothing);
        }
        let server_type = owned_string(statement.servertype);
        if server_type != motherduck::SERVER_TYPE {
            return Err(EngineError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("servers of type \"{server_type}\" are not supported"),
            )
            .with_hint("The only type is 'motherduck'.")
            .into());
        }
    }
    if let Some(server) = motherduck::find() {
        return Err(EngineError::new(
            SqlState::DUPLICATE_OBJECT,
            format!("server \"{}\" stands for a MotherDuck account already", server.name),
        )
        .with_detail("A database can have one account.")
        .with_hint(format!("Use DROP SERVER {} CASCADE first.", server.name))
        .into());
    }
    motherduck::start_worker_at_commit();
    Ok(After::Nothing)
}

/// `DROP`: what goes with the server stays in MotherDuck, and the schemas that stand for its
/// databases are not the user's to drop.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn drop(statement: &pg_sys::DropStmt) -> Result<After> {
    match statement.removeType {
        ObjectType::OBJECT_FOREIGN_SERVER | ObjectType::OBJECT_FDW | ObjectType::OBJECT_EXTENSION => {
            Ok(leave())
        }
        ObjectType::OBJECT_SCHEMA => {
            // SAFETY: a list of names.
            for name in unsafe { list::pointers::<pg_sys::Node>(statement.objects) } {
                // SAFETY: as above.
                check_schema(&unsafe { node_string(name) }, "dropped")?;
            }
            Ok(After::Nothing)
        }
        _ => Ok(After::Nothing),
    }
}

/// From here to the end of the statement dropped tables stay in MotherDuck.
pub(super) fn leave() -> After {
    motherduck::set_leaving(true);
    After::Leave
}

/// `CREATE SCHEMA` and new names of schemas.
pub(super) fn check_new_schema(name: &str) -> Result<After> {
    check_schema(name, "created")?;
    Ok(After::Nothing)
}

/// `ALTER SCHEMA .. RENAME`: from and to names that stand for databases.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn check_rename(statement: &pg_sys::RenameStmt) -> Result<()> {
    if statement.renameType != ObjectType::OBJECT_SCHEMA {
        return Ok(());
    }
    // SAFETY: names in a valid statement.
    unsafe {
        check_schema(&owned_string(statement.subname), "renamed")?;
        check_schema(&owned_string(statement.newname), "created")
    }
}

fn check_schema(name: &str, what: &str) -> Result<()> {
    let ours = name.starts_with(PREFIX) && catalog::access_method().is_some();
    if !ours || motherduck::sync::is_working() {
        return Ok(());
    }
    Err(Error::from(
        EngineError::new(
            SqlState::RESERVED_NAME,
            format!("schema \"{name}\" cannot be {what}: names that start with \"{PREFIX}\" stand for databases of MotherDuck"),
        )
        .with_hint("The sync worker creates and drops them."),
    ))
}

/// Hides a token from those who look at `pg_stat_activity`.
///
/// # Safety
/// `node` is a valid utility statement.
pub(super) unsafe fn hide_token(node: *mut pg_sys::Node) {
    // SAFETY: as the caller promises; the tag says what the node is.
    let secret = unsafe {
        match (*node).type_ {
            NodeTag::T_CreateUserMappingStmt | NodeTag::T_AlterUserMappingStmt => true,
            NodeTag::T_CallStmt => {
                let call = (*node.cast::<pg_sys::CallStmt>()).funccall;
                !call.is_null()
                    && list::pointers::<pg_sys::Node>((*call).funcname)
                        .last()
                        .is_some_and(|name| node_string(name) == "enable_motherduck")
            }
            _ => false,
        }
    };
    if secret {
        // SAFETY: main thread; Postgres copies the text.
        unsafe { pg_sys::pgstat_report_activity(pg_sys::BackendState::STATE_RUNNING, REDACTED.as_ptr()) };
    }
}
