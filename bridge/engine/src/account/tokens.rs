//! `tokens.toml` of the emulator: who may do what.
//!
//! ```toml
//! [tokens."a-token"]
//! account = "alice"
//! access = "read_write"       # or "read_scaling"
//!
//! [shares.sales]               # a database of one account that others can read
//! account = "alice"
//! database = "sales"
//! with = ["bob"]
//!
//! [service]                    # how well the service does today
//! state = "up"                 # or "unreachable", "drops"
//! delay_ms = 0                 # how long connecting takes
//! replica_interval_ms = 1000   # how old a read-scaling replica may get
//! ```

use bridge_types::{EngineError, SqlState};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// What a token allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Access {
    /// Everything.
    #[default]
    ReadWrite,
    /// Reading replicas that are behind by some time.
    ReadScaling,
}

/// How well the service does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// It works.
    #[default]
    Up,
    /// New connections fail.
    Unreachable,
    /// Connections fail, existing ones too.
    Drops,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Token {
    /// Directory below `accounts/`.
    pub(super) account: String,
    /// What it allows.
    #[serde(default)]
    pub(super) access: Access,
}

/// A database that other accounts can read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Share {
    /// Its owner.
    pub(super) account: String,
    /// Its name there.
    pub(super) database: String,
    /// Accounts that see it, under the share's name.
    #[serde(default)]
    pub(super) with: Vec<String>,
}

/// The service as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Conditions {
    /// How well it does.
    pub(super) state: State,
    /// How long connecting takes, milliseconds.
    pub(super) delay_ms: u64,
    /// How old a replica may get, milliseconds.
    pub(super) replica_interval_ms: u64,
}

impl Default for Conditions {
    fn default() -> Self {
        Self { state: State::Up, delay_ms: 0, replica_interval_ms: 1000 }
    }
}

/// The file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tokens {
    /// By token.
    pub(super) tokens: BTreeMap<String, Token>,
    /// By the name others see.
    pub(super) shares: BTreeMap<String, Share>,
    /// The service as a whole.
    pub(super) service: Conditions,
}

impl Tokens {
    /// Reads the file.
    ///
    /// # Errors
    /// F0000 for a file that is missing or malformed; the text holds no token.
    pub(super) fn read(path: &Path) -> Result<Self, EngineError> {
        let wrong = |detail: String| {
            EngineError::new(
                SqlState::CONFIG_FILE_ERROR,
                format!("could not read \"{}\" of the MotherDuck emulator", path.display()),
            )
            .with_detail(detail)
        };
        let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        // The parser's own text shows the line, which may hold a token.
        let tokens: Self = toml::from_str(&text).map_err(|error| {
            let line = error.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
            wrong(format!("line {line}: {}", error.message()))
        })?;
        let accounts = tokens.tokens.values().map(|token| &token.account);
        let owners = tokens.shares.values().map(|share| &share.account);
        let mut names = accounts.chain(owners);
        if let Some(name) = names.find(|name| !is_file_name(name)) {
            return Err(wrong(format!("\"{name}\" cannot be a file's name")));
        }
        drop(names);
        Ok(tokens)
    }

    /// The rights of a token.
    ///
    /// # Errors
    /// 28000.
    pub(super) fn find(&self, token: &str) -> Result<&Token, EngineError> {
        self.tokens.get(token).ok_or_else(|| {
            EngineError::new(SqlState::INVALID_AUTHORIZATION, "the MotherDuck token is not valid").with_hint(
                "Create a token in MotherDuck and give it to the user mapping of server \"motherduck\".",
            )
        })
    }
}

/// True if `name` names a file in its directory and nothing else.
fn is_file_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\0']) && name.len() <= 200
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Tokens, EngineError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tokens.toml");
        std::fs::write(&path, text).unwrap();
        Tokens::read(&path)
    }

    #[test]
    fn a_file_says_who_may_do_what() {
        let tokens = parse(
            "[tokens.t1]\naccount = 'alice'\n[tokens.'t 2']\naccount = 'alice'\naccess = 'read_scaling'\n\
             [shares.sold]\naccount = 'alice'\ndatabase = 'sales'\nwith = ['bob']\n\
             [service]\nstate = 'drops'\n",
        )
        .unwrap();
        assert_eq!(tokens.find("t1").unwrap().access, Access::ReadWrite);
        assert_eq!(tokens.find("t 2").unwrap().access, Access::ReadScaling);
        assert_eq!(tokens.shares["sold"].with, ["bob"]);
        assert_eq!(tokens.service.state, State::Drops);
        assert_eq!(tokens.find("t3").unwrap_err().sqlstate, SqlState::INVALID_AUTHORIZATION);
        assert_eq!(parse("").unwrap(), Tokens::default());
    }

    #[test]
    fn mistakes_are_told_by_line_and_without_tokens() {
        let error = parse("[tokens.s3cret]\naccount = 'a'\nacess = 's3cret'\n").unwrap_err();
        let detail = error.detail.unwrap();
        assert!(detail.starts_with("line ") && !detail.contains("s3cret"), "{detail}");
        assert!(parse("[tokens.t]\naccount = '../x'\n").is_err());
    }
}
