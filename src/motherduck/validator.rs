//! The options of servers and user mappings of the foreign data wrapper `duckdb`.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::server::REFRESH_TIMEOUT;
use crate::error::{Result, report};
use crate::pg::c_string;

/// `CREATE FOREIGN DATA WRAPPER`'s handler: there are no foreign tables.
#[pg_extern]
fn fdw_handler() -> Option<i32> {
    report(Err(EngineError::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "foreign data wrapper \"duckdb\" has no foreign tables",
    )
    .with_detail("Its servers stand for MotherDuck accounts.")
    .with_hint("Use CREATE TABLE .. USING duckdb, or the functions that read files.")
    .into()))
}

/// Checks the options (`name=value`) of what `catalog` is the oid of: the wrapper itself, a
/// server, a user mapping.
#[pg_extern]
fn fdw_validator(options: Vec<Option<String>>, catalog: pg_sys::Oid) {
    let options: Vec<(&str, &str)> =
        options.iter().flatten().filter_map(|option| option.split_once('=')).collect();
    report(validate(&options, catalog));
}

fn validate(options: &[(&str, &str)], catalog: pg_sys::Oid) -> Result<()> {
    let allowed: &[&str] = match catalog {
        pg_sys::ForeignServerRelationId => &["default_database", "tables_owner_role", REFRESH_TIMEOUT],
        pg_sys::UserMappingRelationId => &["token"],
        _ => &[],
    };
    if let Some((unknown, _)) = options.iter().find(|(name, _)| !allowed.contains(name)) {
        let error =
            EngineError::new(SqlState::FDW_INVALID_OPTION_NAME, format!("invalid option \"{unknown}\""));
        return Err(match allowed {
            [] => error.with_hint("There are no valid options in this context."),
            _ if *unknown == "token" => error.with_hint(
                "A token belongs to a user: CREATE USER MAPPING FOR CURRENT_USER SERVER .. OPTIONS (token '<token>').",
            ),
            _ => error.with_hint(format!("Valid options in this context are: {}.", allowed.join(", "))),
        }
        .into());
    }
    let value = |wanted| options.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    if let Some(role) = value("tables_owner_role") {
        // SAFETY: a catalog look-up on the main thread that raises 42704 for a missing role.
        unsafe { pg_sys::get_role_oid(c_string(role).as_ptr(), false) };
    }
    if let Some(timeout) = value(REFRESH_TIMEOUT) {
        let text = c_string(timeout);
        // SAFETY: Postgres' own reader of intervals, which raises 22007 for what is none; no type modifier.
        unsafe {
            pg_sys::OidInputFunctionCall(
                pg_sys::Oid::from(pg_sys::F_INTERVAL_IN),
                text.as_ptr().cast_mut(),
                pg_sys::InvalidOid,
                -1,
            );
        }
    }
    if catalog == pg_sys::UserMappingRelationId && value("token").is_none_or(str::is_empty) {
        return Err(EngineError::new(SqlState::FDW_OPTION_NAME_NOT_FOUND, "a token is required")
            .with_hint("Use OPTIONS (token '<token>'), or '::FROM_ENV::' for the server's environment.")
            .into());
    }
    Ok(())
}
