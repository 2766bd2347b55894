//! MotherDuck: the server that stands for an account, and whose token a user comes with.
//!
//! - [`server`]: the foreign server of type `motherduck` and its user mappings;
//! - [`query`]: small questions to the account;
//! - [`sync`]: keeps Postgres' catalogs like those of the account;
//! - [`validator`]: which options they may have.

mod query;
mod server;
pub(crate) mod sync;
mod validator;

use std::cell::Cell;

use bridge_types::names::quote_identifier;
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::error::{Result, report};
use crate::gucs;
use crate::pg::{c_string, owned_string};

pub(crate) use server::{SERVER_TYPE, Server, find};

thread_local! {
    /// See [`start_worker_at_commit`].
    static START_WORKER: Cell<bool> = const { Cell::new(false) };
    /// See [`set_leaving`].
    static LEAVING: Cell<bool> = const { Cell::new(false) };
}

/// While true, dropping a table of MotherDuck drops nothing there: the statement gives the
/// account up, not its tables. False again at the end of the transaction.
pub(crate) fn set_leaving(leaving: bool) {
    LEAVING.set(leaving);
}

/// Starts the sync worker of this database when the current transaction commits.
pub(crate) fn start_worker_at_commit() {
    START_WORKER.set(true);
}

/// Called at the end of a transaction.
pub(crate) fn transaction_ended(committed: bool) {
    LEAVING.set(false);
    if START_WORKER.take() && committed {
        sync::worker::enable();
    }
}

/// False while MotherDuck must not hear of changes of its tables in Postgres' catalogs.
pub(crate) fn is_told() -> bool {
    !LEAVING.get() && sync::syncing().is_none()
}

/// Database that the service makes for an account that has none.
pub(crate) const DEFAULT_DATABASE: &str = "my_db";
/// In place of a token: it is in the environment variable of the server process.
pub(crate) const TOKEN_FROM_ENVIRONMENT: &str = "::FROM_ENV::";
/// That variable.
pub(crate) const TOKEN_VARIABLE: &str = "motherduck_token";

/// With what the current user connects.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// A secret.
    pub(crate) token: String,
    /// Default database.
    pub(crate) default_database: String,
    /// `duckdb.motherduck_session_hint`.
    pub(crate) session_hint: String,
    /// Of the server's option; empty for none.
    pub(crate) refresh_timeout: String,
}

/// The credentials of the current user.
///
/// # Errors
/// 55000 if this database has no server of type `motherduck`, 28000 if the user has no token.
pub(crate) fn credentials() -> Result<Credentials> {
    let Some(server) = find() else {
        return Err(EngineError::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "MotherDuck is not enabled in this database",
        )
        .with_hint("Use CALL duckdb.enable_motherduck('<token>').")
        .into());
    };
    let Some(token) = server.token_of_current_user() else {
        return Err(EngineError::new(
            SqlState::INVALID_AUTHORIZATION,
            "the current user has no MotherDuck token",
        )
        .with_hint(format!(
            "Use CREATE USER MAPPING FOR CURRENT_USER SERVER {} OPTIONS (token '<token>').",
            server.name
        ))
        .into());
    };
    Ok(Credentials {
        token: resolve(token)?,
        default_database: server.default_database,
        session_hint: gucs::motherduck_session_hint(),
        refresh_timeout: server.refresh_timeout.unwrap_or_default(),
    })
}

/// A token, read from the environment if it says so.
///
/// # Errors
/// 28000 if the variable is not set.
fn resolve(token: String) -> Result<String> {
    if token != TOKEN_FROM_ENVIRONMENT {
        return Ok(token);
    }
    std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty()).ok_or_else(|| {
        EngineError::new(
            SqlState::INVALID_AUTHORIZATION,
            format!("environment variable \"{TOKEN_VARIABLE}\" is not set"),
        )
        .with_hint("Set it for the Postgres server and restart it, or give the token itself.")
        .into()
    })
}

/// Gives a relation that a user has made the owner and the privileges that the sync worker would
/// have given it: it stands for something of the account, whoever was the first to name it here.
pub(crate) fn share(relid: pg_sys::Oid, server: &Server) -> Result<()> {
    if let Some(role) = gucs::postgres_role() {
        // SAFETY: catalog look-ups on the main thread; the relation exists.
        let (schema, name, exists) = unsafe {
            pg_sys::CommandCounterIncrement();
            (
                owned_string(pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relid))),
                owned_string(pg_sys::get_rel_name(relid)),
                pg_sys::get_role_oid(c_string(&role).as_ptr(), true) != pg_sys::InvalidOid,
            )
        };
        if exists {
            let [schema, name, role] = [&schema, &name, &role].map(|part| quote_identifier(part));
            Spi::run(&format!("GRANT ALL ON TABLE {schema}.{name} TO {role}"))?;
        }
    }
    if let Some(owner) = &server.tables_owner_role {
        // SAFETY: main thread, in a transaction that has just made the relation; a missing role is
        // an ERROR. "Recursing" means that nobody asks whether the user may give it away.
        unsafe {
            let owner = pg_sys::get_role_oid(c_string(owner).as_ptr(), false);
            pg_sys::ATExecChangeOwner(relid, owner, true, pg_sys::AccessExclusiveLock.cast_signed());
        }
    }
    Ok(())
}

/// `duckdb.motherduck_server()`.
#[pg_extern]
fn motherduck_server() -> Option<String> {
    find().map(|server| server.name)
}

/// `duckdb.check_motherduck_token(text)`: raises an error if the token is in the environment
/// and there is none.
#[pg_extern]
fn check_motherduck_token(token: String) {
    report(resolve(token).map(drop));
}

/// `duckdb.motherduck_versions()`: the databases of the current user's account.
#[pg_extern]
fn motherduck_versions() -> TableIterator<'static, (name!(database, String), name!(version, String))> {
    TableIterator::new(report(sync::versions()))
}

/// `duckdb.wake_sync_worker(again boolean, cascade boolean)`: it looks at the account at once; if
/// `again`, it compares everything, and with `cascade` what depends on a relation that has to go
/// goes with it.
#[pg_extern]
fn wake_sync_worker(again: bool, cascade: bool) {
    let request = match (again, cascade) {
        (true, true) => Some(sync::worker::Request::Cascade),
        (true, false) => Some(sync::worker::Request::Everything),
        (false, _) => None,
    };
    report(sync::worker::ask(request));
}
