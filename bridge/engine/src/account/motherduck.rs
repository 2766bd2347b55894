//! MotherDuck itself, through DuckDB's extension `motherduck`.

use super::{Backing, Instance, Service};
use crate::duckdb::{Connection, DuckError};
use crate::settings::Settings;
use bridge_ipc::message::OpenAccount;
use bridge_types::names::quote_literal;
use bridge_types::{EngineError, SqlState};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 3986, section 2.3, does not leave as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The sync worker's look at the versions is not what the client takes for activity.
const FOR_EVER: &str = "99 years";

/// The service.
pub(crate) struct MotherDuck {
    settings: Settings,
}

impl MotherDuck {
    /// Instances will have these settings.
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings }
    }
}

impl Service for MotherDuck {
    fn key(&self, request: &OpenAccount) -> Result<String, EngineError> {
        let OpenAccount { token, session_hint, .. } = request;
        if token.is_empty() {
            return Err(EngineError::new(SqlState::INVALID_AUTHORIZATION, "the MotherDuck token is empty"));
        }
        Ok(format!("{token}\0{session_hint}"))
    }

    fn open(&self, request: &OpenAccount) -> Result<Box<dyn Backing>, EngineError> {
        let instance = Instance::open(&self.settings)?;
        instance.run("LOAD motherduck").map_err(|error| unreachable_or_missing(&error))?;
        match request.refresh_timeout.as_str() {
            // A client that does not know the setting may well not need it.
            "" => drop(instance.run(&refresh_for(FOR_EVER))),
            timeout => drop(instance.run(&refresh_for(timeout)).map_err(|error| refused(&error))?),
        }
        instance
            .run(&format!("SET motherduck_token = {}", quote_literal(&request.token)))
            .map_err(|error| refused(&error))?;
        instance
            .run(&format!("ATTACH {}", quote_literal(&address(&request.session_hint))))
            .map_err(|error| refused(&error))?;
        Ok(Box::new(Connected { instance }))
    }
}

/// What to attach. A user's hint must not be taken for more of the address' parameters.
fn address(session_hint: &str) -> String {
    match session_hint {
        "" => "md:".to_owned(),
        hint => format!("md:?session_hint={}", utf8_percent_encode(hint, RESERVED)),
    }
}

/// The client stops to follow the account's catalogs when nothing was asked of it for this time.
fn refresh_for(timeout: &str) -> String {
    format!("SET motherduck_background_catalog_refresh_inactivity_timeout = {}", quote_literal(timeout))
}

/// Why the extension could not start. Its initialization asks the service for its client.
fn unreachable_or_missing(error: &EngineError) -> EngineError {
    let text = match &error.detail {
        Some(detail) => format!("{}: {detail}", error.message),
        None => error.message.to_string(),
    };
    if text.contains("threw an exception") {
        return EngineError::new(SqlState::CANNOT_ESTABLISH_CONNECTION, "could not reach MotherDuck")
            .with_detail(text)
            .with_hint(
                "The extension downloads its client from MotherDuck: check that this server may connect there.",
            );
    }
    EngineError::new(SqlState::UNDEFINED_FILE, "the DuckDB extension \"motherduck\" is not installed")
        .with_detail(text)
        .with_hint("Put motherduck.duckdb_extension for this DuckDB version into duckdb.extension_directory.")
}

/// Why the service did not let us in.
fn refused(error: &EngineError) -> EngineError {
    let lower = error.message.to_ascii_lowercase();
    let state = if ["token", "auth", "jwt", "unauthenticated"].iter().any(|word| lower.contains(word)) {
        SqlState::INVALID_AUTHORIZATION
    } else {
        SqlState::CANNOT_ESTABLISH_CONNECTION
    };
    EngineError::new(state, "could not connect to MotherDuck").with_detail(error.message.to_string())
}

/// An account of the service.
struct Connected {
    instance: Instance,
}

impl Backing for Connected {
    fn instance(&self) -> &Instance {
        &self.instance
    }

    // The extension notices a lost connection itself, and connects again.
    fn check(&self) -> Result<(), EngineError> {
        Ok(())
    }

    // The extension's parser knows the service's statements.
    fn run(&self, _sql: &str) -> Option<Result<u64, EngineError>> {
        None
    }

    fn prepare_connection(&self, _connection: &Connection) -> Result<(), DuckError> {
        Ok(())
    }

    fn maintain(&self) {}
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_hint_is_one_parameter() {
        assert_eq!(address(""), "md:");
        assert_eq!(address("reader7"), "md:?session_hint=reader7");
        assert_eq!(address("a&motherduck_token=b c%"), "md:?session_hint=a%26motherduck_token%3Db%20c%25");
    }
}
