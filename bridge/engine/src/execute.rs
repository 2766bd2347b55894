//! The worker of a session: runs its requests one after the other on its DuckDB connection
//! and moves its portals' rows in between.

use crate::account::Wanted;
use crate::bridge_scan::{Binding, Feed, FeedOf, RemoteScans, ScanSchema, bind_scope};
use crate::connections::{Link, Links};
use crate::duckdb::{DuckError, QueryResult};
use crate::engine::{Engine, now_us, spool_directory};
use crate::errors::{is_fatal, to_engine_error};
use crate::export::{ResultLayout, WireType};
use crate::idle::Idle;
use crate::params;
use crate::portal::{Portal, PortalError, Step};
use crate::prepare::{PreparedStatement, prepare};
use crate::profile;
use crate::session::{Item, Session, cancelled};
use crate::settings::{Settings, parse_bytes};
use crate::spool::Spool;
use bridge_ipc::message::{
    Context, Execute, Finished, Hello, MAIN_INSTANCE, OpenAccount, PROTOCOL_VERSION, Prepare, Reply, Request,
    TransactionCommand, Welcome,
};
use bridge_ipc::segment::Segment;
use bridge_types::limits::RING_BYTES;
use bridge_types::names::store_catalog;
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
    pub(crate) engine: Arc<Engine>,
    pub(crate) session: Arc<Session>,
    pub(crate) portals: Vec<Portal>,
    pub(crate) statements: HashMap<u32, PreparedStatement>,
    pub(crate) links: Links,
    pub(crate) idle: Idle,
    /// The client's Postgres database.
    database_oid: u32,
    /// Why its store is not there.
    store_error: Option<EngineError>,
    /// Why the last BEGIN has failed, until the client rolls back: it has not waited for the answer.
    begin_error: Option<EngineError>,
}

impl Worker {
    /// The worker of a session that has not said hello.
    pub(crate) fn new(engine: Arc<Engine>, session: Arc<Session>) -> Self {
        Self {
            engine,
            session,
            portals: Vec::new(),
            statements: HashMap::new(),
            links: Links::default(),
            idle: Idle::default(),
            database_oid: 0,
            store_error: None,
            begin_error: None,
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
                self.give_idle_accounts_back();
                session.wait(seen, WAIT);
            }
        }
        // Closing the connection rolls its transaction back.
        self.portals.clear();
        self.statements.clear();
        session.set_interrupts(Vec::new());
        session.close_sources();
        self.links.clear();
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
        let profile = self.take_profile(portal.instance, portal.profile);
        self.session.close_sources();
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
        self.session.close_sources();
        match error {
            PortalError::Duck(error) => self.fail(sequence, error),
            PortalError::Engine(_) => self.answer(sequence, Err(error.to_engine_error())),
        }
    }

    fn take_profile(&mut self, instance: u32, wanted: bool) -> Option<String> {
        if !wanted {
            return None;
        }
        let connection = &self.links.get(instance).ok()?.connection;
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
        // Of those that are open, the error may have ended any.
        self.links.iter_mut().for_each(|link| link.failed = true);
        // A name in a store that could not be opened: why it could not is what the user must know.
        let catalog = store_catalog(self.database_oid);
        let names_store =
            |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == catalog);
        let told = match &self.store_error {
            Some(store_error) if names_store(&error.message) => store_error.clone(),
            _ => to_engine_error(error),
        };
        self.answer(sequence, Err(told));
        if is_fatal(error) {
            self.engine.note_error(&error.message);
            self.engine.exit_invalidated(error);
        }
    }

    fn handle(&mut self, (sequence, request, descriptors): Item) {
        if self.session.is_cancelled(sequence) {
            return self.answer(sequence, Err(cancelled()));
        }
        match &request {
            Request::Reset | Request::Transaction(TransactionCommand::Rollback) => self.begin_error = None,
            Request::Prepare(_) | Request::Execute(_) | Request::Run { .. } | Request::Transaction(_) => {
                if let Some(error) = &self.begin_error {
                    return self.answer(sequence, Err(error.clone()));
                }
            }
            _ => {}
        }
        let session = Arc::clone(&self.session);
        match request {
            Request::Hello(hello) => {
                let answer = self.hello(hello);
                self.answer(sequence, answer);
            }
            Request::Prepare(prepare) => {
                show_start(&session, &prepare.query);
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
                    session.close_sources();
                }
            }
            Request::OpenAccount(wanted) => {
                let answer = self.open_account(sequence, &wanted);
                self.answer(sequence, answer);
            }
            Request::Run { instance, sql, context } => {
                show_start(&session, &sql);
                let answer =
                    self.make_room(sequence).and_then(|()| self.run_sql(sequence, instance, &sql, &context));
                self.finish(sequence, answer);
            }
            Request::Transaction(command) => {
                let begins = matches!(command, TransactionCommand::Begin { .. });
                let answer = self.transaction(sequence, command);
                if begins && let Err(error) = &answer {
                    self.begin_error = Some(error.to_engine_error());
                }
                self.finish(sequence, answer);
            }
            Request::Resolve { xid, committed } => {
                let resolved = self.engine.resolve(self.database_oid, xid, committed);
                self.answer(sequence, resolved.map(|rows| Reply::Done { rows }));
            }
            Request::Reset => {
                self.portals.clear();
                let answer = self.transaction(sequence, TransactionCommand::Rollback);
                self.finish(sequence, answer);
            }
            Request::CloseStatement { statement } => {
                self.statements.remove(&statement);
                self.idle.forget(statement);
                session.end(sequence);
            }
            Request::ClosePortal { portal } => {
                if let Some(index) = self.portals.iter().position(|open| open.number == portal) {
                    let open = self.portals.remove(index);
                    let ended = open.sequence;
                    let (instance, profile) = (open.instance, open.profile);
                    drop(open);
                    drop(self.take_profile(instance, profile));
                    session.close_sources();
                    session.end(ended);
                }
                session.end(sequence);
            }
            // Handled by the reader.
            Request::Cancel
            | Request::Produce(_)
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

    fn hello(&mut self, hello: Hello) -> Result<Reply, EngineError> {
        if hello.version != PROTOCOL_VERSION {
            return Err(EngineError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!("the DuckDB engine speaks protocol {PROTOCOL_VERSION}, the client {}", hello.version),
            )
            .with_hint("Restart Postgres after an upgrade of pg_duckdb."));
        }
        let opened = self.engine.connect(hello.database_oid)?;
        (self.database_oid, self.store_error) = (hello.database_oid, opened.store_error);
        self.links.set(Link::to_main(opened.connection, opened.start), &self.session);
        self.session.describe(|text| {
            text.backend_pid = hello.backend_pid;
            text.database = hello.database_name;
            text.role = hello.role_name;
        });
        Ok(Reply::Welcome(Welcome {
            version: PROTOCOL_VERSION,
            engine_pid: i32::try_from(std::process::id()).unwrap_or(0),
            duckdb_version: crate::duckdb::library_version(),
            unresolved: opened.unresolved,
        }))
    }

    pub(crate) fn open_account(
        &mut self,
        sequence: u32,
        request: &OpenAccount,
    ) -> Result<Reply, EngineError> {
        // Only after the hello, and never in place of the main instance.
        self.links.get(MAIN_INSTANCE)?;
        let busy = self.links.get(request.instance).is_ok_and(|link| link.in_transaction);
        if request.instance == MAIN_INSTANCE || busy {
            return Err(EngineError::new(SqlState::PROTOCOL_VIOLATION, "an account cannot be opened here"));
        }
        let session = Arc::clone(&self.session);
        let account = self.engine.accounts.open(&Wanted {
            request,
            cancelled: &|| session.is_cancelled(sequence) || session.is_closed(),
        })?;
        let connection = account.connect(&request.default_database)?;
        // Nothing may outlive the connection that is replaced.
        self.portals.retain(|portal| portal.instance != request.instance);
        self.statements.retain(|_, statement| statement.instance != request.instance);
        self.links.set(Link::to_account(request.instance, connection, account), &session);
        self.idle.opened(request);
        Ok(Reply::Done { rows: 0 })
    }

    /// Parks the portal that streams, if one does: a new statement would end its stream.
    fn make_room(&mut self, sequence: u32) -> Result<(), PortalError> {
        let Some(index) = self.portals.iter().position(Portal::is_streaming) else { return Ok(()) };
        let settings = &self.engine.settings;
        let portal = &mut self.portals[index];
        if self.session.is_cancelled(sequence) {
            return Err(PortalError::Engine(cancelled()));
        }
        let parked = match self.session.executing(&[portal.sequence, sequence]) {
            Ok(_executing) => portal.park(&self.session, || new_spool(settings)),
            Err(error) => Err(PortalError::Engine(error)),
        };
        self.session.close_sources();
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

    pub(crate) fn prepare(&mut self, sequence: u32, request: Prepare) -> Result<Reply, PortalError> {
        let scans: Arc<[ScanSchema]> = request
            .scans
            .iter()
            .map(ScanSchema::decode)
            .collect::<Result<Vec<_>, _>>()
            .map_err(PortalError::Engine)?
            .into();
        self.statements.remove(&request.statement);
        self.idle.forget(request.statement);
        for instance in request.remote_scans.iter().map(|scan| scan.instance).chain([request.instance]) {
            self.take_back(sequence, instance)?;
        }
        let on_account = (request.instance != MAIN_INSTANCE).then(|| request.clone());
        let session = Arc::clone(&self.session);
        let _executing = session.executing(&[sequence])?;
        let mut remote_scans = Vec::with_capacity(request.remote_scans.len());
        for scan in request.remote_scans {
            let link = self.links.get(scan.instance)?;
            link.start(&request.context)?;
            link.prepare_for(&scan.sql)?;
            remote_scans.push(RemoteScans::bind(&link.connection, scan)?);
        }
        let remote_scans = RemoteScans::from(remote_scans);
        let link = self.links.get(request.instance)?;
        link.start(&request.context)?;
        link.prepare_for(&request.sql)?;
        link.keep_order(in_order(&scans))?;
        let _scope = bind_scope(Binding {
            session: Arc::clone(&session),
            scans: Arc::clone(&scans),
            remote_scans: remote_scans.clone(),
        });
        let (reply, mut statement) =
            prepare(request.instance, &link.connection, &request.sql, request.query, scans, remote_scans)?;
        statement.request = on_account;
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
        self.bind_again(sequence, request.statement)?;
        let elsewhere: Vec<u32> = self.statements.get(&request.statement).map_or_else(Vec::new, |prepared| {
            prepared.remote_scans.as_slice().iter().map(|scan| scan.instance).collect()
        });
        for instance in elsewhere {
            self.take_back(sequence, instance)?;
        }
        let session = Arc::clone(&self.session);
        let prepared = self.statements.get(&request.statement).ok_or_else(|| {
            let text = format!("there is no prepared statement {}", request.statement);
            PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, text))
        })?;
        if self.portals.iter().any(|portal| portal.number == request.portal) {
            let text = format!("portal {} is open", request.portal);
            return Err(PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, text)));
        }
        show_start(&session, &prepared.query);
        for (index, value) in params::decode(&request.params).map_err(PortalError::Engine)?.iter().enumerate()
        {
            prepared.statement.bind(index + 1, value)?;
        }
        session.feeds.set(open_feeds(&session, sequence, request, prepared, descriptors)?);
        let binding = Binding {
            session: Arc::clone(&session),
            scans: Arc::clone(&prepared.scans),
            remote_scans: prepared.remote_scans.clone(),
        };
        let instance = prepared.instance;
        let result = {
            let _scope = bind_scope(binding);
            let _executing = session.executing_portal(sequence, request.portal)?;
            session.remote_results.set(start_remote_scans(&mut self.links, prepared, &request.context)?);
            let link = self.links.get(instance)?;
            link.start(&request.context)?;
            link.written |= !prepared.read_only;
            link.set_buffer(if request.whole_result { WIDE_BUFFER } else { NARROW_BUFFER })?;
            link.keep_order(in_order(&prepared.scans))?;
            if request.profile {
                link.connection.query("PRAGMA enable_profiling = 'no_output'")?;
            }
            prepared.statement.execute(prepared.layout.is_some())
        };
        let mut result = match result {
            Ok(result) => result,
            Err(error) => {
                drop(self.take_profile(instance, request.profile));
                return Err(error.into());
            }
        };
        let Some(layout) = &prepared.layout else {
            let rows = result.rows_changed();
            drop(result);
            let profile = self.take_profile(instance, request.profile);
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
        portal.instance = instance;
        portal.profile = request.profile;
        if request.complete {
            let _executing = session.executing_portal(sequence, request.portal)?;
            let parked = portal.park(&session, || new_spool(&self.engine.settings));
            if let Err(error) = parked {
                // Closes the stream before the client hears of it.
                drop(portal);
                drop(self.take_profile(instance, request.profile));
                return Err(error);
            }
        }
        self.portals.push(portal);
        Ok(None)
    }

    fn run_sql(
        &mut self,
        sequence: u32,
        instance: u32,
        sql: &str,
        context: &Context,
    ) -> Result<Reply, PortalError> {
        self.take_back(sequence, instance)?;
        let session = Arc::clone(&self.session);
        let _executing = session.executing(&[sequence])?;
        let link = self.links.get(instance)?;
        link.start(context)?;
        if let Some(outcome) = link.account().and_then(|account| account.run(sql)) {
            return Ok(Reply::Done { rows: outcome? });
        }
        link.prepare_for(sql)?;
        link.written = true;
        let rows = link.connection.query(sql)?.rows_changed();
        Ok(Reply::Done { rows })
    }

    fn transaction(&mut self, sequence: u32, command: TransactionCommand) -> Result<Reply, PortalError> {
        match command {
            TransactionCommand::Begin { instance } => {
                self.make_room(sequence)?;
                self.take_back(sequence, instance)?;
                let link = self.links.get(instance)?;
                link.connection.query("BEGIN TRANSACTION")?;
                (link.in_transaction, link.failed, link.written) = (true, false, false);
                self.session.in_transaction.store(true, Ordering::Relaxed);
            }
            TransactionCommand::Commit { mark } => {
                self.make_room(sequence)?;
                let session = Arc::clone(&self.session);
                let _executing = session.executing(&[])?;
                // Whatever the outcome, the transactions are over.
                session.in_transaction.store(false, Ordering::Relaxed);
                if let Err(error) = self.links.commit(self.database_oid, mark.as_ref()) {
                    // DuckDB has ended the transaction that could not commit; the error of
                    // the commit is the one to tell.
                    drop(self.links.rollback());
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
                self.session.in_transaction.store(false, Ordering::Relaxed);
                self.links.rollback()?;
            }
        }
        Ok(Reply::Done { rows: 0 })
    }
}

/// A place for the rows of a portal that are computed before its client wants them.
fn new_spool(settings: &Settings) -> Spool {
    let file_limit = parse_bytes(&settings.max_temp_directory_size).unwrap_or(u64::MAX);
    Spool::new(spool_directory(settings), settings.spool_memory_bytes, file_limit)
}

/// Shows the statement in `engine_sessions()`.
fn show_start(session: &Session, query: &str) {
    session.rows_sent.store(0, Ordering::Relaxed);
    session.describe(|text| {
        text.state = "active";
        query.clone_into(&mut text.query);
        text.started_us = now_us();
    });
}

/// Starts what a statement reads from other instances, on the session's own connections
/// there: its temporary tables and its transaction's changes are seen. A connection streams
/// one result at a time, so that two scans of one instance are read into memory.
fn start_remote_scans(
    links: &mut Links,
    prepared: &PreparedStatement,
    context: &Context,
) -> Result<Vec<QueryResult>, PortalError> {
    let scans = prepared.remote_scans.as_slice();
    let mut results = Vec::with_capacity(scans.len());
    for scan in scans {
        let alone = scans.iter().filter(|other| other.instance == scan.instance).count() == 1;
        let link = links.get(scan.instance)?;
        link.start(context)?;
        link.set_buffer(WIDE_BUFFER)?;
        results.push(link.connection.prepare(&scan.sql)?.execute(alone)?);
    }
    Ok(results)
}

/// The feeds of a statement, one per declared scan and descriptor.
fn open_feeds(
    session: &Arc<Session>,
    sequence: u32,
    request: &Execute,
    prepared: &PreparedStatement,
    descriptors: Vec<OwnedFd>,
) -> Result<Vec<Arc<Feed>>, PortalError> {
    let scans = &prepared.scans;
    if scans.len() != descriptors.len() {
        let text = format!("{} rings for {} scans", descriptors.len(), scans.len());
        return Err(PortalError::Engine(EngineError::new(SqlState::PROTOCOL_VIOLATION, text)));
    }
    let feeds = scans.iter().zip(descriptors).zip(0..).map(|((scan, segment), number)| {
        let of = FeedOf { sequence, portal: request.portal, scan: number, key: request.feed_key };
        Feed::open(session, of, Arc::clone(&scan.arrow), segment, prepared.read_only)
    });
    Ok(feeds.collect::<Result<_, _>>()?)
}

/// Whether what is fed has an order: rows of several producers come as each has them.
fn in_order(scans: &[ScanSchema]) -> bool {
    scans.iter().all(|scan| scan.producers <= 1)
}

/// The result must be what Prepare said: the client chose its kernels by it.
fn check_columns(layout: &ResultLayout, found: &[Option<WireType>]) -> Result<(), EngineError> {
    let same = layout.columns().len() == found.len()
        && layout.columns().iter().zip(found).all(|(expected, found)| found.as_ref() == Some(expected));
    if same { Ok(()) } else { Err(result_changed()) }
}

/// The error of a statement whose result is not what its client was told.
pub(crate) fn result_changed() -> EngineError {
    EngineError::new(SqlState::FEATURE_NOT_SUPPORTED, "cached plan must not change result type")
}
