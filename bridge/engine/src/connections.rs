//! A session's connections: one to the main instance, and one to each account it has opened.

use crate::account::{Account, SERVICE_PREFIX};
use crate::duckdb::{Connection, DuckError};
use crate::errors::to_engine_error;
use crate::outbox::leave_mark;
use crate::session::Session;
use bridge_ipc::message::{CommitMark, Context, MAIN_INSTANCE};
use bridge_types::names::quote_literal;
use bridge_types::{EngineError, SqlState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Marks of commits that a session leaves before it removes those it has left: each is a small row.
const KEPT_MARKS: u32 = 1024;

/// A connection with what the session has set on it.
pub(crate) struct Link {
    /// [`MAIN_INSTANCE`] or the client's number of an account.
    pub(crate) instance: u32,
    /// The connection. Dropped before the account that owns its instance.
    pub(crate) connection: Connection,
    /// An explicit transaction is open.
    pub(crate) in_transaction: bool,
    /// A statement of the open transaction failed: DuckDB may have given the transaction up.
    pub(crate) failed: bool,
    /// A statement of the open transaction may have written.
    pub(crate) written: bool,
    /// Marks that the session has left in its store.
    marks: u32,
    /// Last start of a statement.
    used: Instant,
    /// SQL to be run before the first statement, until it has been.
    at_start: String,
    /// The service's own functions are there.
    prepared: bool,
    time_zone: String,
    buffer: &'static str,
    keeps_order: bool,
    account: Option<Arc<Account>>,
}

impl Link {
    /// The link to the main instance; `at_start` is run before its first statement.
    pub(crate) fn to_main(connection: Connection, at_start: String) -> Self {
        Self { at_start, ..Self::new(MAIN_INSTANCE, connection, None) }
    }

    /// A link to an account, under the client's number for it.
    pub(crate) fn to_account(instance: u32, connection: Connection, account: Arc<Account>) -> Self {
        Self::new(instance, connection, Some(account))
    }

    fn new(instance: u32, connection: Connection, account: Option<Arc<Account>>) -> Self {
        Self {
            instance,
            connection,
            in_transaction: false,
            failed: false,
            written: false,
            marks: 0,
            used: Instant::now(),
            at_start: String::new(),
            prepared: false,
            time_zone: String::new(),
            buffer: "",
            keeps_order: true,
            account,
        }
    }

    /// To be called before a statement: is the account there, and what does the session want?
    ///
    /// # Errors
    /// 22023 for a time zone that DuckDB does not know, and the account's errors.
    pub(crate) fn start(&mut self, context: &Context) -> Result<(), EngineError> {
        self.used = Instant::now();
        if let Some(account) = &self.account {
            account.check()?;
        }
        if !self.at_start.is_empty() {
            self.connection.query(&self.at_start).map_err(|error| to_engine_error(&error))?;
            self.at_start.clear();
        }
        self.set_time_zone(&context.time_zone)
    }

    /// To be called before a statement is bound. Few name functions of the service, and most sessions
    /// need not pay for them.
    ///
    /// # Errors
    /// DuckDB's.
    pub(crate) fn prepare_for(&mut self, sql: &str) -> Result<(), DuckError> {
        if let Some(account) = &self.account
            && !self.prepared
            && names_service(sql)
        {
            account.prepare_connection(&self.connection)?;
            self.prepared = true;
        }
        Ok(())
    }

    fn set_time_zone(&mut self, time_zone: &str) -> Result<(), EngineError> {
        if time_zone.is_empty() || time_zone == self.time_zone {
            return Ok(());
        }
        let sql = format!("SET TimeZone = {}", quote_literal(time_zone));
        self.connection.query(&sql).map_err(|_| {
            EngineError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("time zone \"{time_zone}\" is not known to DuckDB"),
            )
            .with_hint("Set TimeZone to a name from pg_timezone_names.")
        })?;
        time_zone.clone_into(&mut self.time_zone);
        Ok(())
    }

    /// Sets DuckDB's read-ahead for streams.
    pub(crate) fn set_buffer(&mut self, size: &'static str) -> Result<(), DuckError> {
        if self.buffer != size {
            self.connection.query(&format!("SET streaming_buffer_size = '{size}'"))?;
            self.buffer = size;
        }
        Ok(())
    }

    /// Whether statements keep the order of the rows they read, as they do at a session's start.
    /// To be called before a statement is bound, and before it is executed. Where no order is to be
    /// kept, all threads that read also compress what is written to a table.
    pub(crate) fn keep_order(&mut self, keep: bool) -> Result<(), DuckError> {
        if self.keeps_order != keep {
            self.connection.query(&format!("SET SESSION preserve_insertion_order = {keep}"))?;
            self.keeps_order = keep;
        }
        Ok(())
    }

    /// The account behind the connection; `None` on the main instance.
    pub(crate) fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }
}

/// True for SQL that may name something of the service's own.
fn names_service(sql: &str) -> bool {
    let prefix = SERVICE_PREFIX.as_bytes();
    sql.as_bytes().windows(prefix.len()).any(|window| window.eq_ignore_ascii_case(prefix))
}

/// All links of a session.
#[derive(Default)]
pub(crate) struct Links(Vec<Link>);

impl Links {
    /// The link to `instance`.
    ///
    /// # Errors
    /// 08P01 if the client has not opened it.
    pub(crate) fn get(&mut self, instance: u32) -> Result<&mut Link, EngineError> {
        self.0.iter_mut().find(|link| link.instance == instance).ok_or_else(|| {
            let text = if instance == MAIN_INSTANCE {
                "no hello on this connection".to_owned()
            } else {
                format!("account {instance} was not opened on this connection")
            };
            EngineError::new(SqlState::PROTOCOL_VIOLATION, text)
        })
    }

    /// Puts a link in place of an older one with its number.
    pub(crate) fn set(&mut self, link: Link, session: &Session) {
        self.0.retain(|older| older.instance != link.instance);
        self.0.push(link);
        self.tell_interrupts(session);
    }

    /// Closes the link to `instance`.
    pub(crate) fn remove(&mut self, instance: u32, session: &Session) {
        self.0.retain(|link| link.instance != instance);
        self.tell_interrupts(session);
    }

    /// Accounts on which nothing has run for `time` and no transaction is open.
    pub(crate) fn idle_for(&self, time: Duration) -> Vec<u32> {
        let idle = self
            .0
            .iter()
            .filter(|link| link.account.is_some() && !link.in_transaction && link.used.elapsed() >= time);
        idle.map(|link| link.instance).collect()
    }

    fn tell_interrupts(&self, session: &Session) {
        session.set_interrupts(self.0.iter().map(|link| link.connection.interrupt_handle()).collect());
    }

    /// Every link.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Link> {
        self.0.iter_mut()
    }

    /// Commits all open transactions: those that have only read first, so that an error of
    /// theirs finds nothing committed. That on the main instance leaves `mark` in the store of the
    /// Postgres database `database_oid`.
    pub(crate) fn commit(&mut self, database_oid: u32, mark: Option<&CommitMark>) -> Result<(), DuckError> {
        self.0.sort_by_key(|link| link.written);
        for link in self.0.iter_mut().filter(|link| link.in_transaction) {
            // DuckDB's COMMIT of a transaction that an error has ended is a ROLLBACK, and
            // says nothing. Any other statement tells.
            if link.failed {
                link.connection.query("SELECT 1")?;
            }
            if let Some(mark) = mark.filter(|_| link.instance == MAIN_INSTANCE) {
                leave_mark(&link.connection, database_oid, mark, link.marks.is_multiple_of(KEPT_MARKS))?;
                link.marks = link.marks.wrapping_add(1);
            }
            // A statement of its own kind of waiting: a commit may write for seconds.
            link.connection.prepare("COMMIT")?.execute(false)?;
            link.in_transaction = false;
        }
        Ok(())
    }

    /// Rolls all open transactions back, even if one cannot be.
    pub(crate) fn rollback(&mut self) -> Result<(), DuckError> {
        let mut outcome = Ok(());
        for link in self.0.iter_mut().filter(|link| link.in_transaction) {
            link.in_transaction = false;
            if let Err(error) = link.connection.query("ROLLBACK") {
                outcome = Err(error);
            }
        }
        outcome
    }

    /// Closes all connections; their transactions roll back.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
