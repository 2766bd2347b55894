//! Accounts: the databases behind a token, each account a DuckDB instance of its own that all
//! sessions with that token share.
//!
//! What a token means is said by a [`Service`]: MotherDuck itself, or a directory that
//! stands in for it. Everything above is the same code for both.

mod emulator;
mod motherduck;
mod registry;
mod replica;
mod statement;
mod tokens;

pub(crate) use registry::{Accounts, Wanted};

use crate::duckdb::{Connection, Database, DuckError};
use crate::engine::open_database;
use crate::errors::to_engine_error;
use crate::settings::{SESSION_START, Settings};
use bridge_ipc::message::OpenAccount;
use bridge_types::names::quote_identifier;
use bridge_types::{EngineError, SqlState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the names of the service's own functions begin with.
pub(crate) const SERVICE_PREFIX: &str = "__md_";

/// The database that the service makes for an account that has none.
const SERVICE_DEFAULT_DATABASE: &str = "my_db";

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stands behind tokens.
pub(crate) trait Service: Send + Sync {
    /// Names the instance that a token uses: sessions whose tokens have the same key share one.
    /// The key itself may hold the token and is never shown.
    ///
    /// # Errors
    /// 28000 for a token that is not known (if that can be told without connecting).
    fn key(&self, request: &OpenAccount) -> Result<String, EngineError>;

    /// Opens the account; may take as long as the network does.
    ///
    /// # Errors
    /// 28000 for a token that is refused, 08001 for a service that cannot be reached. No error
    /// holds the token.
    fn open(&self, request: &OpenAccount) -> Result<Box<dyn Backing>, EngineError>;
}

/// An open account, as its service sees it.
pub(crate) trait Backing: Send + Sync {
    /// Its instance.
    fn instance(&self) -> &Instance;

    /// Called before every statement on the account.
    ///
    /// # Errors
    /// 08006 when the service is gone.
    fn check(&self) -> Result<(), EngineError>;

    /// Runs a statement that DuckDB itself does not know but the service does; `None` if
    /// `sql` is not one. The result is a number of changed rows.
    fn run(&self, sql: &str) -> Option<Result<u64, EngineError>>;

    /// What a connection needs before its first statement that names something of the service's
    /// own ([`SERVICE_PREFIX`]).
    ///
    /// # Errors
    /// DuckDB's.
    fn prepare_connection(&self, connection: &Connection) -> Result<(), DuckError>;

    /// Called every now and then.
    fn maintain(&self);
}

/// A DuckDB instance with a connection for the service's own statements.
pub(crate) struct Instance {
    /// For [`Instance::run`]; dropped before the database.
    admin: Mutex<Connection>,
    database: Database,
}

impl Instance {
    /// An instance without databases, with the engine's settings and functions.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn open(settings: &Settings) -> Result<Self, EngineError> {
        let (database, admin) =
            open_database(":memory:", settings).map_err(|error| to_engine_error(&error))?;
        Ok(Self { admin: Mutex::new(admin), database })
    }

    /// Runs statements outside of all sessions.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn run(&self, sql: &str) -> Result<(), EngineError> {
        lock(&self.admin).query(sql).map(drop).map_err(|error| to_engine_error(&error))
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn connect(&self) -> Result<Connection, DuckError> {
        Connection::open(&self.database)
    }
}

/// An account in use.
pub(crate) struct Account {
    backing: Box<dyn Backing>,
    last_used: Mutex<Instant>,
}

impl Account {
    fn new(backing: Box<dyn Backing>) -> Self {
        Self { backing, last_used: Mutex::new(Instant::now()) }
    }

    /// A connection for a session; unqualified names mean `default_database`.
    ///
    /// # Errors
    /// 3D000 if there is no such database, DuckDB's and the service's errors.
    pub(crate) fn connect(&self, default_database: &str) -> Result<Connection, EngineError> {
        self.check()?;
        let connection = self.backing.instance().connect().map_err(|error| to_engine_error(&error))?;
        connection.query(SESSION_START).map_err(|error| to_engine_error(&error))?;
        let database = if default_database.is_empty() { SERVICE_DEFAULT_DATABASE } else { default_database };
        connection.query(&format!("USE {}", quote_identifier(database))).map_err(|_| {
            EngineError::new(
                SqlState::UNDEFINED_DATABASE,
                format!("MotherDuck database \"{database}\" does not exist"),
            )
            .with_hint("Create it, or name another default_database.")
        })?;
        Ok(connection)
    }

    /// See [`Backing::prepare_connection`].
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn prepare_connection(&self, connection: &Connection) -> Result<(), DuckError> {
        self.backing.prepare_connection(connection)
    }

    /// To be called before every statement.
    ///
    /// # Errors
    /// 08006 when the service is gone.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        *lock(&self.last_used) = Instant::now();
        self.backing.check()
    }

    /// See [`Backing::run`].
    pub(crate) fn run(&self, sql: &str) -> Option<Result<u64, EngineError>> {
        self.backing.run(sql)
    }

    fn idle_for(&self) -> Duration {
        lock(&self.last_used).elapsed()
    }
}
