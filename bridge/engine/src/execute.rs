//! The worker of a session: runs its requests one after the other on its DuckDB connection
//! and moves its portals' rows in between.

use crate::bridge_scan::{Binding, Feed, ScanSchema, bind_scope};
use crate::duckdb::{Connection, DuckError};
use crate::engine::{Engine, now_us, spool_directory};
use crate::errors::{is_fatal, to_engine_error};
use crate::export::{ResultLayout, WireType};
use crate::params;
use crate::portal::{Portal, PortalError, Step};
use crate::prepare::{PreparedStatement, prepare};
use crate::profile;
use crate::session::{Item, Session, cancelled};
use crate::settings::parse_bytes;
use crate::spool::Spool;
use bridge_ipc::message::{
    Context, Execute, Finished, Hello, PROTOCOL_VERSION, Prepare, Reply, Request, TransactionCommand, Welcome,
};
use bridge_ipc::segment::Segment;
use bridge_types::limits::RING_BYTES;
use bridge_types::names::quote_literal;
use bridge_types::{EngineError, SqlState};
use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Read-ahead when everything will be read: below about two row groups DuckDB streams on one
/// thread (`trial_ring.md` section 3).
const WIDE_BUFFER: &str = "32MB";
/// Read-ahead for cursors and LIMIT: early rows, little memory. Never 0, which hangs.
const NARROW_BUFFER: &str = "1MB";
/// Bound of a wait for the client; every event that ends it is signalled.
const WAIT: Duration = Duration::from_secs(5);

/// The state of a session that only its worker touches. Dropped in this order: streams and
/// statements before their connection.
pub(crate) struct Worker {
    engine: Arc<Engine>,
    session: Arc<Session>,
    portals: Vec<Portal>,
    statements: HashMap<u32, PreparedStatement>,
    connection: Option<Connection>,
    time_zone: String,
    buffer: &'static str,
    /// A statement of the open transaction failed: DuckDB may have given the transaction up.
    failed: bool,
}

impl Worker {
    /// The worker of a session that has not said hello.
    pub(crate) fn new(engine: Arc<Engine>, session: Arc<Session>) -> Self {
        Self {
            engine,
            session,
            portals: Vec::new(),
            statements: HashMap::new(),
            connection: None,
            time_zone: String::new(),
            buffer: "",
            failed: false,
        }
    }

    /// Works until the session is closed.
    pub(crate) fn run(mut self) {
        let session = Arc::clone(&self.session);
        while !session.is_closed() {
            let seen = session.wakes();
            if let Some(item) = session.pop() {
                self.handle(item);
            } else if !self.pump() {
                self.show_state();
                session.wait(seen, WAIT);
            }
        }
        // Closing the connection rolls its transaction back.
        self.portals.clear();
        self.statements.clear();
        session.set_interrupt(None);
        session.feeds.set(Vec::new());
        self.connection = None;
    }

    fn show_state(&self) {
        let state = if !self.portals.is_empty() {
            "streaming"
        } else if self.session.in_transaction.load(Ordering::Relaxed) {
            "idle in transaction"
        } else {
            "idle"
        };
        self.session.describe(|text| text.state = state);
    }

    /// Moves rows of every portal; false if none can move.
    fn pump(&mut self) -> bool {
        let mut moved = false;
        let mut index = 0;
        while index < self.portals.len() {
            let step = self.step(index);
            match step {
                Ok(Step::Moved) => {
                    moved = true;
                    index += 1;
                }
                Ok(Step::Blocked) => index += 1,
                Ok(Step::Done) => {
                    moved = true;
                    let portal = self.portals.remove(index);
                    self.finish_portal(portal);
                }
                Err(error) => {
                    moved = true;
                    let portal = self.portals.remove(index);
                    self.fail_portal(portal, &error);
                }
            }
        }
        moved
    }

    fn step(&mut self, index: usize) -> Result<Step, PortalError> {
        let portal = &mut self.portals[index];
        let _executing = self.session.executing_portal(portal.sequence, portal.number)?;
        portal.step(&self.session)
    }

    fn finish_portal(&mut self, portal: Portal) {
        let profile = self.take_profile(portal.profile);
        self.session.feeds.set(Vec::new());
        let (sequence, finished) = (portal.sequence, portal.finished(profile));
        drop(portal);
        self.show_state();
        self.session.end(sequence);
        self.session.reply(sequence, &Reply::Finished(finished));
    }

    fn fail_portal(&mut self, portal: Portal, error: &PortalError) {
        let sequence = portal.sequence;
        // Closes the stream before the client hears of it.
        drop(portal);
        self.session.feeds.set(Vec::new());
        match error {
            PortalError::Duck(error) => self.fail(sequence, error),
            PortalError::Engine(_) => self.answer(sequence, Err(error.to_engine_error())),
        }
    }

    fn take_profile(&self, wanted: bool) -> Option<String> {
        let connection = self.connection.as_ref().filter(|_| wanted)?;
        let text = connection.profile().map(|node| profile::render(&node));
        drop(connection.query("PRAGMA disable_profiling"));
        text
    }

    /// Answers a request; it is over.
    fn answer(&mut self, sequence: u32, answer: Result<Reply, EngineError>) {
        let reply = match answer {
            Ok(reply) => reply,
            // Whatever DuckDB called it: the user asked for it.
            Err(_) if self.session.is_cancelled(sequence) => Reply::Error(cancelled()),
            Err(error) => Reply::Error(error),
        };
        self.session.end(sequence);
        self.show_state();
        self.session.reply(sequence, &reply);
    }

    /// Answers with DuckDB's error, and ends the process if DuckDB is done for.
    fn fail(&mut self, sequence: u32, error: &DuckError) {
        self.failed = true;
        self.answer(sequence, Err(to_engine_error(error)));
        if is_fatal(error) {
            self.engine.note_error(&error.message);
            self.engine.exit_invalidated(error);
        }
    }

    fn handle(&mut self, (sequence, request, descriptors): Item) {
        if self.session.is_cancelled(sequence) {
            return self.answer(sequence, Err(cancelled()));
        }
        let session = Arc::clone(&self.session);
        match request {
            Request::Hello(hello) => {
                let answer = self.hello(hello);
                self.answer(sequence, answer);
            }
            Request::Prepare(prepare) => {
                self.show_start(&prepare.query);
                let answer = self.make_room(sequence).and_then(|()| self.prepare(sequence, prepare));
                self.finish(sequence, answer);
            }
            Request::Execute(execute) => {
                let answer =
                    self.make_room(sequence).and_then(|()| self.execute(sequence, &execute, descriptors));
                match answer {
                    Ok(None) => {}
                    Ok(Some(finished)) => self.answer(sequence, Ok(Reply::Finished(finished))),
                    Err(error) => self.finish(sequence, Err(error)),
                }
                if self.portals.iter().all(|portal| portal.sequence != sequence) {
                    session.feeds.set(Vec::new());
                }
            }
            Request::Run { instance: _, sql, context } => {
                self.show_start(&sql);
                let answer = self.make_room(sequence).and_then(|()| self.run_sql(sequence, &sql, &context));
                self.finish(sequence, answer);
            }
            Request::Transaction(command) => {
                let answer = self.transaction(sequence, command);
                self.finish(sequence, answer);
            }
            Request::Reset => {
                self.portals.clear();
                let answer = self.transaction(sequence, TransactionCommand::Rollback);
                self.finish(sequence, answer);
            }
            Request::CloseStatement { statement } => {
                self.statements.remove(&statement);
                session.end(sequence);
            }
            Request::ClosePortal { portal } => {
                if let Some(index) = self.portals.iter().position(|open| open.number == portal) {
                    let open = self.portals.remove(index);
                    let ended = open.sequence;
                    let profile = open.profile;
                    drop(open);
                    drop(self.take_profile(profile));
                    session.feeds.set(Vec::new());
                    session.end(ended);
                }
                session.end(sequence);
            }
            // Handled by the reader.
            Request::OpenAccount(_)
            | Request::Cancel
            | Request::ScanEnd { .. }
            | Request::Outsize { .. }
            | Request::Wake
            | Request::Status
            | Request::Sessions => session.end(sequence),
        }
    }

    fn finish(&mut self, sequence: u32, answer: Result<Reply, PortalError>) {
        match answer {
            Ok(reply) => self.answer(sequence, Ok(reply)),
            Err(PortalError::Duck(error)) => self.fail(sequence, &error),
            Err(PortalError::Engine(error)) => self.answer(sequence, Err(error)),
        }
    }

    fn show_start(&self, query: &str) {
        self.session.rows_sent.store(0, Ordering::Relaxed);
        self.session.describe(|text| {
            text.state = "active";
            query.clone_into(&mut text.query);
            text.started_us = now_us();
        });
    }

    fn hello(&mut self, hello: Hello) -> Result<Reply, EngineError> {
        if hello.version != PROTOCOL_VERSION {
            return Err(EngineError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!("the DuckDB engine speaks protocol {PROTOCOL_VERSION}, the client {}", hello.version),
            )
            .with_hint("Restart Postgres after an upgrade of pg_duckdb."));
        }
        let connection = self.engine.connect(hello.database_oid)?;
        self.session.set_interrupt(Some(connection.interrupt_handle()));
        self.connection = Some(connection);
        self.session.describe(|text| {
            text.backend_pid = hello.backend_pid;
            text.database = hello.database_name;
            text.role = hello.role_name;
        });
        Ok(Reply::Welcome(Welcome {
            version: PROTOCOL_VERSION,
            engine_pid: i32::try_from(std::process::id()).unwrap_or(0),
            duckdb_version: crate::duckdb::library_version(),
        }))
    }

    fn connection(&self) -> Result<&Connection, PortalError> {
        self.connection.as_ref().ok_or_else(|| {
            PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, "no hello on this connection"))
        })
    }

    /// Parks the portal that streams, if one does: a new statement would end its stream.
    fn make_room(&mut self, sequence: u32) -> Result<(), PortalError> {
        let Some(index) = self.portals.iter().position(Portal::is_streaming) else { return Ok(()) };
        let settings = &self.engine.settings;
        let new_spool = || {
            let file_limit = parse_bytes(&settings.max_temp_directory_size).unwrap_or(u64::MAX);
            Spool::new(spool_directory(settings), settings.spool_memory_bytes, file_limit)
        };
        let portal = &mut self.portals[index];
        if self.session.is_cancelled(sequence) {
            return Err(PortalError::Engine(cancelled()));
        }
        let parked = match self.session.executing(&[portal.sequence, sequence]) {
            Ok(_executing) => portal.park(&self.session, new_spool),
            Err(error) => Err(PortalError::Engine(error)),
        };
        self.session.feeds.set(Vec::new());
        if let Err(error) = parked {
            let portal = self.portals.remove(index);
            self.fail_portal(portal, &error);
            // The new request goes on, unless it is what was cancelled.
            if self.session.is_cancelled(sequence) {
                return Err(PortalError::Engine(cancelled()));
            }
        }
        Ok(())
    }

    fn apply_context(&mut self, context: &Context) -> Result<(), PortalError> {
        if context.time_zone.is_empty() || context.time_zone == self.time_zone {
            return Ok(());
        }
        let sql = format!("SET TimeZone = {}", quote_literal(&context.time_zone));
        if self.connection()?.query(&sql).is_err() {
            return Err(PortalError::Engine(
                EngineError::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("time zone \"{}\" is not known to DuckDB", context.time_zone),
                )
                .with_hint("Set TimeZone to a name from pg_timezone_names."),
            ));
        }
        self.time_zone.clone_from(&context.time_zone);
        Ok(())
    }

    fn prepare(&mut self, sequence: u32, request: Prepare) -> Result<Reply, PortalError> {
        self.apply_context(&request.context)?;
        let scans: Arc<[ScanSchema]> = request
            .scans
            .iter()
            .map(|scan| ScanSchema::decode(&scan.schema, scan.rows))
            .collect::<Result<Vec<_>, _>>()
            .map_err(PortalError::Engine)?
            .into();
        self.statements.remove(&request.statement);
        let session = Arc::clone(&self.session);
        let _scope = bind_scope(Binding { session: Arc::clone(&session), scans: Arc::clone(&scans) });
        let _executing = session.executing(&[sequence])?;
        let (reply, statement) = prepare(self.connection()?, &request.sql, request.query, scans)?;
        self.statements.insert(request.statement, statement);
        Ok(Reply::Prepared(reply))
    }

    /// Starts a statement: `None` when it has become a portal.
    fn execute(
        &mut self,
        sequence: u32,
        request: &Execute,
        descriptors: Vec<OwnedFd>,
    ) -> Result<Option<Finished>, PortalError> {
        self.apply_context(&request.context)?;
        self.set_buffer(if request.whole_result { WIDE_BUFFER } else { NARROW_BUFFER })?;
        let session = Arc::clone(&self.session);
        let prepared = self.statements.get(&request.statement).ok_or_else(|| {
            let text = format!("there is no prepared statement {}", request.statement);
            PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, text))
        })?;
        if self.portals.iter().any(|portal| portal.number == request.portal) {
            let text = format!("portal {} is open", request.portal);
            return Err(PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, text)));
        }
        self.show_start(&prepared.query);
        for (index, value) in params::decode(&request.params).map_err(PortalError::Engine)?.iter().enumerate()
        {
            prepared.statement.bind(index + 1, value)?;
        }
        session.feeds.set(open_feeds(&session, sequence, request.portal, prepared, descriptors)?);
        let connection = self.connection()?;
        if request.profile {
            connection.query("PRAGMA enable_profiling = 'no_output'")?;
        }
        let binding = Binding { session: Arc::clone(&session), scans: Arc::clone(&prepared.scans) };
        let result = {
            let _scope = bind_scope(binding);
            match session.executing_portal(sequence, request.portal) {
                Ok(_executing) => {
                    prepared.statement.execute(prepared.layout.is_some()).map_err(PortalError::Duck)
                }
                Err(error) => Err(PortalError::Engine(error)),
            }
        };
        let mut result = match result {
            Ok(result) => result,
            Err(error) => {
                drop(self.take_profile(request.profile));
                return Err(error);
            }
        };
        let Some(layout) = &prepared.layout else {
            let rows = result.rows_changed();
            drop(result);
            let profile = self.take_profile(request.profile);
            return Ok(Some(Finished { portal: request.portal, rows, profile, ..Finished::default() }));
        };
        check_columns(
            layout,
            &result.columns().iter().map(|(_, logical)| WireType::of(logical)).collect::<Vec<_>>(),
        )
        .map_err(PortalError::Engine)?;
        let ring = Segment::create(RING_BYTES)?;
        session.writer.send(sequence, &Reply::Started { portal: request.portal }, &[ring.fd().as_fd()])?;
        let mut portal = Portal::new(
            request.portal,
            sequence,
            Arc::clone(layout),
            result,
            ring,
            request.credit_bytes.max(1),
        );
        portal.profile = request.profile;
        self.portals.push(portal);
        Ok(None)
    }

    fn set_buffer(&mut self, size: &'static str) -> Result<(), PortalError> {
        if self.buffer != size {
            self.connection()?.query(&format!("SET streaming_buffer_size = '{size}'"))?;
            self.buffer = size;
        }
        Ok(())
    }

    fn run_sql(&mut self, sequence: u32, sql: &str, context: &Context) -> Result<Reply, PortalError> {
        self.apply_context(context)?;
        let session = Arc::clone(&self.session);
        let _executing = session.executing(&[sequence])?;
        let rows = self.connection()?.query(sql)?.rows_changed();
        Ok(Reply::Done { rows })
    }

    fn transaction(&mut self, sequence: u32, command: TransactionCommand) -> Result<Reply, PortalError> {
        let open = self.session.in_transaction.load(Ordering::Relaxed);
        match command {
            TransactionCommand::Begin { instance: _ } => {
                self.make_room(sequence)?;
                self.connection()?.query("BEGIN TRANSACTION")?;
                self.failed = false;
                self.session.in_transaction.store(true, Ordering::Relaxed);
            }
            TransactionCommand::Commit => {
                self.make_room(sequence)?;
                let _executing = self.session.executing(&[])?;
                // Whatever the outcome, the transaction is over.
                self.session.in_transaction.store(false, Ordering::Relaxed);
                // DuckDB's COMMIT of a transaction that an error has ended is a ROLLBACK, and
                // says nothing. Any other statement tells.
                let connection = self.connection()?;
                let alive = if self.failed { connection.query("SELECT 1").map(drop) } else { Ok(()) };
                if let Err(error) = alive.and_then(|()| connection.query("COMMIT").map(drop)) {
                    drop(connection.query("ROLLBACK"));
                    return Err(error.into());
                }
            }
            TransactionCommand::Rollback => {
                // Streams read a snapshot that ends here; what was parked is complete.
                while let Some(index) = self.portals.iter().position(Portal::is_streaming) {
                    let portal = self.portals.remove(index);
                    let error =
                        EngineError::new(SqlState::QUERY_CANCELED, "the portal was closed by ROLLBACK");
                    self.fail_portal(portal, &PortalError::Engine(error));
                }
                if open {
                    self.session.in_transaction.store(false, Ordering::Relaxed);
                    self.connection()?.query("ROLLBACK")?;
                }
            }
        }
        Ok(Reply::Done { rows: 0 })
    }
}

/// The feeds of a statement, one per declared scan and descriptor.
fn open_feeds(
    session: &Arc<Session>,
    sequence: u32,
    portal: u32,
    prepared: &PreparedStatement,
    descriptors: Vec<OwnedFd>,
) -> Result<Vec<Arc<Feed>>, PortalError> {
    let scans = &prepared.scans;
    if scans.len() != descriptors.len() {
        let text = format!("{} rings for {} scans", descriptors.len(), scans.len());
        return Err(PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, text)));
    }
    let feeds = scans.iter().zip(descriptors).zip(0..).map(|((scan, segment), number)| {
        Feed::open(session, sequence, portal, number, Arc::clone(&scan.arrow), segment, prepared.read_only)
    });
    Ok(feeds.collect::<Result<_, _>>()?)
}

/// The result must be what Prepare said: the client chose its kernels by it.
fn check_columns(layout: &ResultLayout, found: &[Option<WireType>]) -> Result<(), EngineError> {
    let same = layout.columns().len() == found.len()
        && layout.columns().iter().zip(found).all(|(expected, found)| found.as_ref() == Some(expected));
    if same {
        return Ok(());
    }
    Err(EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, "cached plan must not change result type"))
}
