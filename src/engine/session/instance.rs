//! DuckDB instances of the engine, as this session numbers them.

use bridge_ipc::message::{MAIN_INSTANCE, OpenAccount, Reply, Request};

use super::{ensure_open, exchange, unexpected_reply, with_open};
use crate::error::Result;
use crate::{gucs, motherduck};

/// Where a statement runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Instance {
    /// The instance with the local stores and temporary tables.
    #[default]
    Main,
    /// The MotherDuck account of the current user.
    MotherDuck,
}

/// An account that this session has opened.
pub(super) struct OpenedAccount {
    number: u32,
    credentials: motherduck::Credentials,
}

impl Instance {
    /// The session's number of the instance; opens the account at its first use, and again
    /// after the user, the token or the default database has changed.
    ///
    /// # Errors
    /// 55000 if MotherDuck is not enabled, 28000 without a token, and those of connecting.
    pub(super) fn number(self) -> Result<u32> {
        if self == Self::Main {
            return Ok(MAIN_INSTANCE);
        }
        let credentials = motherduck::credentials()?;
        ensure_open()?;
        let (known, next) = with_open(|session| {
            let known = session.accounts.iter().find(|account| account.credentials == credentials);
            let last = session.accounts.iter().map(|account| account.number).max();
            Ok((known.map(|account| account.number), last.unwrap_or(MAIN_INSTANCE) + 1))
        })?;
        if let Some(number) = known {
            return Ok(number);
        }
        let request = Request::OpenAccount(OpenAccount {
            instance: next,
            token: credentials.token.clone(),
            default_database: credentials.default_database.clone(),
            session_hint: credentials.session_hint.clone(),
            refresh_timeout: credentials.refresh_timeout.clone(),
            timeout_ms: gucs::motherduck_connect_timeout_ms(),
        });
        match exchange(&request, &[])? {
            Reply::Done { .. } => {}
            _ => return Err(unexpected_reply()),
        }
        with_open(|session| {
            session.accounts.push(OpenedAccount { number: next, credentials });
            Ok(())
        })?;
        Ok(next)
    }
}
