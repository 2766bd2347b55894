//! This backend's session with the engine: opened lazily, one connection, one DuckDB
//! transaction at most.
//!
//! Everything that waits goes through [`wait_until`], which serves scan
//! requests of any open portal meanwhile. No borrow of the session is held while a feed runs
//! (its plan may itself use the session) or while the backend sleeps.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bridge_ipc::IpcError;
use bridge_ipc::client::Client;
use bridge_ipc::message::{
    Context, Execute, Finished, Hello, PROTOCOL_VERSION, Prepare, Prepared, Reply, Request, ScanSpec,
    TransactionCommand,
};
use bridge_ipc::ring::{Consumer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_types::{EngineError, SqlState, names};
use pgrx::pg_sys;

use super::feed;
use super::interrupt::{self, WaitSet};
use crate::error::{Error, Result};

/// How long a backend waits for an engine that is being (re)started.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Spinning covers an engine that answers at once; a sleep costs 25 to 30 us on each side.
const SPIN: Duration = Duration::from_micros(20);
/// Prepared statements kept in the engine for this session.
const STATEMENT_CACHE: usize = 64;

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
    /// A DuckDB transaction belongs to the current Postgres transaction. Kept outside the
    /// session: when the engine is lost, what it had written is lost too, and nothing of this
    /// transaction may go on as if it were not, even after ROLLBACK TO SAVEPOINT.
    static IN_TRANSACTION: Cell<bool> = const { Cell::new(false) };
    /// Numbers of statements and portals are never used twice by a backend: what remembers
    /// one of a lost session must not find another one under it.
    static LAST_NUMBER: Cell<u32> = const { Cell::new(0) };
    /// Sessions opened by this backend.
    static OPENED: Cell<u32> = const { Cell::new(0) };
}

/// What the engine says about a running portal.
#[derive(Default)]
struct PortalState {
    /// Sequence number of its Execute request.
    sequence: u32,
    /// Statement it runs.
    statement: u32,
    /// The result ring, once `Started` has come.
    ring: Option<Consumer>,
    /// Segments of values too large for the ring, in order.
    outsize: VecDeque<OwnedFd>,
    /// A slot has announced a segment that has not come yet.
    awaits_outsize: bool,
    /// How it ended.
    outcome: Option<std::result::Result<Finished, EngineError>>,
    /// It was read to its end.
    finished: bool,
}

struct CachedStatement {
    id: u32,
    sql: Rc<str>,
    feeds: Vec<ScanSpec>,
    prepared: Rc<Prepared>,
    last_used: u64,
}

struct Session {
    client: Client,
    /// Process id of the engine; 0 until it has welcomed us.
    engine_pid: i32,
    wait: Rc<WaitSet>,
    /// Sequence number of the request whose reply is awaited, and the reply.
    awaited: Option<u32>,
    reply: Option<std::result::Result<Reply, EngineError>>,
    portals: HashMap<u32, PortalState>,
    scan_requests: VecDeque<(u32, u32)>,
    statements: Vec<CachedStatement>,
    uses: u64,
}

/// A bound statement in the engine.
#[derive(Clone)]
pub(crate) struct Statement {
    /// Number under which the engine knows it.
    id: u32,
    /// Result columns and parameters.
    pub(crate) prepared: Rc<Prepared>,
}

/// What a portal has to offer next.
pub(crate) enum PortalEvent {
    /// A batch, as an Arrow IPC record batch message on shared memory.
    Batch(arrow::buffer::Buffer),
    /// No more rows.
    Finished(Finished),
}

impl Session {
    fn open() -> Result<Self> {
        let deadline = Instant::now() + START_TIMEOUT;
        let client = loop {
            match Client::connect(Path::new(names::SOCKET)) {
                Ok(client) => break client,
                Err(_) if Instant::now() < deadline && !interrupt::is_terminating() => interrupt::sleep(10),
                Err(error) => {
                    return Err(EngineError::new(
                        SqlState::CANNOT_CONNECT_NOW,
                        "could not connect to the DuckDB engine",
                    )
                    .with_detail(error.to_string())
                    .with_hint("The engine is not running or still starting; the server log says why.")
                    .into());
                }
            }
        };
        let wait = Rc::new(WaitSet::new(client.as_fd()));
        Ok(Self {
            client,
            engine_pid: 0,
            wait,
            awaited: None,
            reply: None,
            portals: HashMap::new(),
            scan_requests: VecDeque::new(),
            statements: Vec::new(),
            uses: 0,
        })
    }

    /// Reads everything the engine has said and files it where it belongs.
    fn receive(&mut self) -> std::result::Result<(), IpcError> {
        if self.client.wants_write() {
            self.client.flush()?;
        }
        while let Some((sequence, reply, mut fds)) = self.client.try_recv()? {
            match reply {
                Reply::Wake => {}
                Reply::ScanRequest { portal, scan } => self.scan_requests.push_back((portal, scan)),
                Reply::Started { portal } => {
                    let segment = fds.pop().ok_or(IpcError::Protocol("Started without a segment".into()))?;
                    if let Some(state) = self.portals.get_mut(&portal) {
                        state.ring = Some(Consumer::new(Segment::open(segment)?));
                    }
                }
                Reply::Outsize { portal } => {
                    let segment = fds.pop().ok_or(IpcError::Protocol("Outsize without a segment".into()))?;
                    if let Some(state) = self.portals.get_mut(&portal) {
                        state.outsize.push_back(segment);
                    }
                }
                Reply::Finished(finished) => {
                    if let Some(state) = self.portals.get_mut(&finished.portal) {
                        state.outcome = Some(Ok(finished));
                    }
                }
                Reply::Error(error) => {
                    if let Some(state) = self.portals.values_mut().find(|p| p.sequence == sequence) {
                        state.outcome = Some(Err(error));
                    } else if self.awaited == Some(sequence) {
                        self.reply = Some(Err(error));
                    }
                }
                other if self.awaited == Some(sequence) => self.reply = Some(Ok(other)),
                // A reply to a request that was abandoned by an error.
                _ => {}
            }
        }
        Ok(())
    }

    /// Closes a statement that has not run to its end: DuckDB keeps what its operators had gathered, such as
    /// the hash tables of joins, as long as the statement.
    fn forget(&mut self, statement: u32) -> std::result::Result<(), IpcError> {
        if let Some(index) = self.statements.iter().position(|cached| cached.id == statement) {
            self.statements.swap_remove(index);
            self.client.send(&Request::CloseStatement { statement }, &[])?;
        }
        Ok(())
    }

    /// The ring of a portal; other portals may have rows waiting, which are nobody's hurry.
    fn ring(&self, portal: Option<u32>) -> Option<&Consumer> {
        self.portals.get(&portal?)?.ring.as_ref()
    }
}

/// An error of a session, by what becomes of the session.
enum Fault {
    /// The connection is gone or out of step: another one has to be opened.
    Lost(Error),
    /// The statement failed; the session is fine.
    Statement(Error),
}

impl From<IpcError> for Fault {
    fn from(error: IpcError) -> Self {
        match error {
            IpcError::Unsendable(_) => Self::Statement(error.into()),
            _ => Self::Lost(error.into()),
        }
    }
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        Self::Statement(error.into())
    }
}

/// Runs `f` on the open session; a lost one is dropped on the way out.
fn with_open<R>(f: impl FnOnce(&mut Session) -> std::result::Result<R, Fault>) -> Result<R> {
    SESSION.with(|cell| {
        let mut slot = cell.borrow_mut();
        let session = slot.as_mut().ok_or_else(Error::engine_lost)?;
        f(session).map_err(|fault| match fault {
            Fault::Lost(error) => {
                *slot = None;
                error
            }
            Fault::Statement(error) => error,
        })
    })
}

/// A feed's own functions cannot use the session, which waits for the feed's rows; and a
/// parallel worker would see another DuckDB transaction than its leader.
fn refuse_inside_feed() -> Result<()> {
    if feed::is_serving() {
        return Err(EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "a function cannot query DuckDB while its own query feeds DuckDB",
        )
        .with_hint("Store the function's result first, for example in a temporary table.")
        .into());
    }
    // SAFETY: a plain global of the main thread.
    if unsafe { pg_sys::ParallelWorkerNumber } >= 0 {
        return Err(EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "a parallel worker cannot query DuckDB",
        )
        .with_hint("Label the functions that query duckdb tables PARALLEL RESTRICTED.")
        .into());
    }
    Ok(())
}

/// Opens the session if there is none.
fn ensure_open() -> Result<()> {
    refuse_inside_feed()?;
    let open = SESSION.with(|cell| {
        let mut slot = cell.borrow_mut();
        if let Some(session) = slot.as_mut() {
            // An engine that died while this backend was idle is noticed here, and replaced,
            // unless work of the current transaction died with it.
            if session.receive().is_err() {
                let lost_rows = !session.portals.is_empty();
                *slot = None;
                if lost_rows {
                    return Err(Error::engine_lost());
                }
            }
        }
        if slot.is_none() && IN_TRANSACTION.get() {
            return Err(Error::engine_lost());
        }
        Ok(slot.is_some())
    })?;
    if open {
        return Ok(());
    }
    let session = Session::open()?;
    SESSION.with(|cell| *cell.borrow_mut() = Some(session));
    let opening = Opening { welcome: false };
    // SAFETY: main thread, inside a transaction (names are looked up in the catalogs).
    let hello = unsafe {
        Hello {
            version: PROTOCOL_VERSION,
            backend_pid: pg_sys::MyProcPid,
            database_oid: pg_sys::MyDatabaseId.to_u32(),
            database_name: crate::pg::owned_string(pg_sys::get_database_name(pg_sys::MyDatabaseId)),
            role_name: crate::pg::owned_string(pg_sys::GetUserNameFromId(pg_sys::GetUserId(), true)),
        }
    };
    let opened = exchange(&Request::Hello(hello), &[]).and_then(|reply| match reply {
        Reply::Welcome(welcome) if welcome.version == PROTOCOL_VERSION => with_open(|session| {
            session.engine_pid = welcome.engine_pid;
            Ok(())
        }),
        Reply::Welcome(welcome) => Err(EngineError::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("the DuckDB engine speaks protocol {}, this server {PROTOCOL_VERSION}", welcome.version),
        )
        .with_hint("Restart Postgres after installing another version of pg_duckdb.")
        .into()),
        _ => Err(unexpected_reply()),
    });
    opening.end(opened)
}

/// A connection that has not been welcomed; an error or an interrupt on the way closes it.
struct Opening {
    welcome: bool,
}

impl Opening {
    fn end(mut self, opened: Result<()>) -> Result<()> {
        self.welcome = opened.is_ok();
        opened
    }
}

impl Drop for Opening {
    fn drop(&mut self) {
        if self.welcome {
            OPENED.set(OPENED.get().saturating_add(1));
        } else {
            SESSION.with(|cell| {
                if let Ok(mut slot) = cell.try_borrow_mut() {
                    *slot = None;
                }
            });
        }
    }
}

fn unexpected_reply() -> Error {
    Error::new(SqlState::PROTOCOL_VIOLATION, "unexpected reply from the DuckDB engine")
}

/// Waits until `ready` has a value, serving feeds and interrupts.
///
/// `portal` is the one whose ring `ready` looks into.
fn wait_until<T>(
    portal: Option<u32>,
    mut ready: impl FnMut(&mut Session) -> std::result::Result<Option<T>, Fault>,
) -> Result<T> {
    enum Step<T> {
        Done(T),
        Feed(u32, u32),
        Idle,
    }
    let mut spin_until = Instant::now() + SPIN;
    loop {
        let step = with_open(|session| {
            // The rings first: what is in them was sent before whatever broke the socket.
            if let Some(value) = ready(session)? {
                return Ok(Step::Done(value));
            }
            let received = session.receive();
            if let Some(value) = ready(session)? {
                return Ok(Step::Done(value));
            }
            received?;
            Ok(session
                .scan_requests
                .pop_front()
                .map_or(Step::Idle, |(portal, scan)| Step::Feed(portal, scan)))
        })?;
        match step {
            Step::Done(value) => return Ok(value),
            Step::Feed(portal, scan) => {
                feed::serve(portal, scan)?;
                spin_until = Instant::now() + SPIN;
                continue;
            }
            Step::Idle if Instant::now() < spin_until => {
                std::hint::spin_loop();
                continue;
            }
            Step::Idle => {}
        }
        let wait = with_open(|session| {
            let sleep = session.ring(portal).is_none_or(Consumer::prepare_sleep);
            Ok(sleep.then(|| (session.wait.clone(), session.client.wants_write())))
        })?;
        if let Some((wait, for_write)) = wait {
            wait.wait(for_write, -1);
            with_open(|session| {
                session.ring(portal).inspect(|ring| ring.cancel_sleep());
                Ok(())
            })?;
        } else {
            interrupt::check();
        }
    }
}

/// Interrupts an abandoned request when an ERROR unwinds through the wait for its reply.
struct CancelOnUnwind(u32);

impl Drop for CancelOnUnwind {
    fn drop(&mut self) {
        if std::thread::panicking() {
            SESSION.with(|cell| {
                if let Ok(mut slot) = cell.try_borrow_mut()
                    && let Some(session) = slot.as_mut()
                {
                    session.awaited = None;
                    // A dead engine has nothing to cancel.
                    let _ = session.client.send_as(self.0, &Request::Cancel, &[]);
                }
            });
        }
    }
}

/// Sends a request and waits for its reply.
fn exchange(request: &Request, fds: &[BorrowedFd<'_>]) -> Result<Reply> {
    let sequence = with_open(|session| {
        let sequence = session.client.send(request, fds)?;
        session.awaited = Some(sequence);
        session.reply = None;
        Ok(sequence)
    })?;
    let guard = CancelOnUnwind(sequence);
    let reply = wait_until(None, |session| {
        let reply = session.reply.take();
        if reply.is_some() {
            session.awaited = None;
        }
        Ok(reply)
    });
    drop(guard);
    Ok(reply??)
}

/// Session state that statements depend on.
fn context() -> Context {
    // SAFETY: the setting always exists; the string is copied at once.
    let time_zone =
        unsafe { crate::pg::owned_string(pg_sys::GetConfigOption(c"TimeZone".as_ptr(), false, false)) };
    Context { time_zone }
}

/// True if this backend has a connection (which may turn out to be dead).
pub(crate) fn is_connected() -> bool {
    SESSION.with(|cell| cell.try_borrow().is_ok_and(|slot| slot.is_some()))
}

/// True while a DuckDB transaction of this Postgres transaction is open.
pub(crate) fn in_transaction() -> bool {
    IN_TRANSACTION.get()
}

fn next_number() -> u32 {
    let number = LAST_NUMBER.get().wrapping_add(1).max(1);
    LAST_NUMBER.set(number);
    number
}

/// Opens the DuckDB transaction that belongs to the current Postgres transaction.
pub(crate) fn begin_if_needed() -> Result<()> {
    ensure_open()?;
    if in_transaction() {
        return Ok(());
    }
    let mut beginning = Beginning { begun: false };
    transaction(TransactionCommand::Begin)?;
    beginning.begun = true;
    IN_TRANSACTION.set(true);
    Ok(())
}

/// Drops the connection if an error comes between BEGIN and its reply: whether the engine has
/// begun is unknown then, and nothing would end that transaction.
struct Beginning {
    begun: bool,
}

impl Drop for Beginning {
    fn drop(&mut self) {
        if !self.begun {
            SESSION.with(|cell| {
                if let Ok(mut slot) = cell.try_borrow_mut() {
                    *slot = None;
                }
            });
        }
    }
}

fn transaction(command: TransactionCommand) -> Result<()> {
    match exchange(&Request::Transaction(command), &[])? {
        Reply::Done { .. } => Ok(()),
        _ => Err(unexpected_reply()),
    }
}

/// Commits the DuckDB transaction, if one is open. `durable`: it has written the local store.
///
/// Not interruptible: a cancel between the engine's commit and its answer would leave
/// Postgres believing in a rollback.
///
/// # Errors
/// Nothing is committed, except under 40003, which says that nobody knows.
pub(crate) fn commit(durable: bool) -> Result<()> {
    if !in_transaction() {
        return Ok(());
    }
    let held = interrupt::HoldInterrupts::new();
    let result = if durable { commit_marked() } else { transaction(TransactionCommand::Commit) };
    drop(held);
    // After an error Postgres aborts, which resets the session.
    result.inspect(|()| IN_TRANSACTION.set(false))
}

/// Commits with a mark in the store, by which the next engine can tell whether the commit
/// of one that died in the middle of it counts.
fn commit_marked() -> Result<()> {
    let mark = CommitMark::new();
    mark.write()?;
    let engine_pid = with_open(|session| Ok(session.engine_pid))?;
    let Err(error) = transaction(TransactionCommand::Commit) else { return Ok(()) };
    if is_connected() {
        // The engine's own answer.
        return Err(error);
    }
    IN_TRANSACTION.set(false);
    match mark.find(engine_pid) {
        Ok(true) => Ok(()),
        Ok(false) => Err(error),
        Err(_) => Err(EngineError::new(
            SqlState::STATEMENT_COMPLETION_UNKNOWN,
            "connection to the DuckDB engine was lost during COMMIT",
        )
        .with_detail("It is not known whether the changes to duckdb tables were committed.")
        .with_hint("Look at the tables before the transaction is run again.")
        .into()),
    }
}

/// Number of this backend among the running ones.
fn slot() -> i32 {
    // SAFETY: a plain global of the main thread.
    #[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
    unsafe {
        pg_sys::MyBackendId
    }
    // SAFETY: a plain global of the main thread.
    #[cfg(not(any(feature = "pg14", feature = "pg15", feature = "pg16")))]
    unsafe {
        pg_sys::MyProcNumber
    }
}

/// What a transaction leaves in the store, see [`names::COMMITS_TABLE`].
struct CommitMark {
    table: String,
    slot: i32,
    /// Unique: a slot has one backend at a time, and a process one clock.
    mark: String,
}

impl CommitMark {
    fn new() -> Self {
        // SAFETY: plain globals and a system call of the main thread.
        let (database, process, now) =
            unsafe { (pg_sys::MyDatabaseId.to_u32(), pg_sys::MyProcPid, pg_sys::GetCurrentTimestamp()) };
        let table = format!(
            "{}.{}.{}",
            names::quote_identifier(&names::store_catalog(database)),
            names::quote_identifier(names::STORE_SCHEMA),
            names::COMMITS_TABLE
        );
        Self { table, slot: slot(), mark: format!("{process} {now} {}", next_number()) }
    }

    /// Into the open transaction.
    fn write(&self) -> Result<()> {
        let Self { table, slot, mark } = self;
        if run(&format!("UPDATE {table} SET mark = '{mark}' WHERE slot = {slot}"))? == 0 {
            run(&format!("INSERT INTO {table} VALUES ({slot}, '{mark}')"))?;
        }
        Ok(())
    }

    /// True if the transaction counts; asks the engine that comes after the one with process
    /// id `lost`.
    fn find(&self, lost: i32) -> Result<bool> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let found = self.find_now(lost);
            // A dying engine may still accept a connection.
            if found.is_ok() || is_connected() || Instant::now() > deadline {
                return found;
            }
            interrupt::sleep(10);
        }
    }

    fn find_now(&self, lost: i32) -> Result<bool> {
        let Self { table, slot, mark } = self;
        ensure_open()?;
        if with_open(|session| Ok(session.engine_pid))? == lost {
            // It is still at work, perhaps on that very commit.
            return Err(Error::engine_lost());
        }
        let found = run(&format!("DELETE FROM {table} WHERE slot = {slot} AND mark = '{mark}'"))?;
        Ok(found > 0)
    }
}

/// Abandons everything of the current transaction without waiting for the engine.
///
/// Called on abort, where nothing may fail.
pub(crate) fn reset_nowait() {
    let in_transaction = IN_TRANSACTION.take();
    SESSION.with(|cell| {
        // Borrowed means that the process is going away in the middle of a wait: the engine
        // will see the connection close.
        let Ok(mut slot) = cell.try_borrow_mut() else { return };
        let Some(session) = slot.as_mut() else { return };
        let anything = in_transaction || !session.portals.is_empty() || session.awaited.is_some();
        if !anything {
            return;
        }
        session.awaited = None;
        session.reply = None;
        let unfinished: Vec<u32> =
            session.portals.values().filter(|state| !state.finished).map(|state| state.statement).collect();
        session.portals.clear();
        session.scan_requests.clear();
        let sent = session.client.send(&Request::Reset, &[]).map(drop);
        if sent.and_then(|()| unfinished.into_iter().try_for_each(|id| session.forget(id))).is_err() {
            *slot = None;
        }
    });
}

/// Runs a statement without parameters or rows; returns the rows it reports as changed.
pub(crate) fn run(sql: &str) -> Result<u64> {
    ensure_open()?;
    let request = Request::Run { sql: sql.to_owned(), context: context() };
    match exchange(&request, &[]).map_err(|error| explain_lost_table(error, sql))? {
        Reply::Done { rows } => Ok(rows),
        _ => Err(unexpected_reply()),
    }
}

/// Binds a statement anew: when it is planned, tables and files may have changed since the
/// last time.
pub(crate) fn prepare(sql: &str, query: &str, feeds: &[ScanSpec]) -> Result<Statement> {
    ensure_open()?;
    with_open(|session| {
        if let Some(old) = session.statements.iter().position(|s| &*s.sql == sql && s.feeds == feeds) {
            let old = session.statements.swap_remove(old);
            session.client.send(&Request::CloseStatement { statement: old.id }, &[])?;
        }
        Ok(())
    })?;
    bound(sql, query, feeds)
}

/// The statement as [`prepare`] bound it; bound again if this session has forgotten it.
pub(crate) fn bound(sql: &str, query: &str, feeds: &[ScanSpec]) -> Result<Statement> {
    ensure_open()?;
    let cached = with_open(|session| {
        session.uses += 1;
        let now = session.uses;
        Ok(session.statements.iter_mut().find(|s| &*s.sql == sql && s.feeds == feeds).map(|s| {
            s.last_used = now;
            Statement { id: s.id, prepared: s.prepared.clone() }
        }))
    })?;
    if let Some(statement) = cached {
        return Ok(statement);
    }
    let id = next_number();
    with_open(|session| {
        if session.statements.len() >= STATEMENT_CACHE
            && let Some(oldest) =
                session.statements.iter().enumerate().min_by_key(|(_, s)| s.last_used).map(|(i, _)| i)
        {
            let oldest = session.statements.swap_remove(oldest);
            session.client.send(&Request::CloseStatement { statement: oldest.id }, &[])?;
        }
        Ok(())
    })?;
    let request = Request::Prepare(Prepare {
        statement: id,
        sql: sql.to_owned(),
        query: query.to_owned(),
        scans: feeds.to_vec(),
        context: context(),
    });
    let reply = exchange(&request, &[]).map_err(|error| explain_lost_table(error, sql))?;
    let Reply::Prepared(prepared) = reply else {
        return Err(unexpected_reply());
    };
    let prepared = Rc::new(prepared);
    with_open(|session| {
        let last_used = session.uses;
        session.statements.push(CachedStatement {
            id,
            sql: sql.into(),
            feeds: feeds.to_vec(),
            prepared: prepared.clone(),
            last_used,
        });
        Ok(())
    })?;
    Ok(Statement { id, prepared })
}

/// TEMP tables live in the engine's memory; Postgres still has those of a lost engine.
fn explain_lost_table(mut error: Error, sql: &str) -> Error {
    if OPENED.get() > 1 && error.0.sqlstate == SqlState::UNDEFINED_TABLE && sql.contains("\"temp\".") {
        error.0.detail =
            Some("The rows of duckdb TEMP tables are lost when the DuckDB engine restarts.".into());
        error.0.hint = Some("Drop the temporary table and create it again.".into());
    }
    error
}

/// How a statement is to be run.
pub(crate) struct ExecuteOptions {
    /// One row of parameters as an Arrow IPC stream; empty for none.
    pub(crate) params: bytes::Bytes,
    /// Unread bytes the engine may keep ready.
    pub(crate) credit_bytes: u64,
    /// Everything will be read.
    pub(crate) whole_result: bool,
    /// Return DuckDB's profile at the end.
    pub(crate) profile: bool,
}

/// Reserves the number of the next portal, so that its feeds can be registered before it runs.
pub(crate) fn allocate_portal() -> u32 {
    next_number()
}

/// Starts a statement as `portal`; `segments` are the rings of its feeds, in order.
pub(crate) fn execute(
    statement: &Statement,
    portal: u32,
    options: ExecuteOptions,
    segments: &[BorrowedFd<'_>],
) -> Result<()> {
    let request = Request::Execute(Execute {
        statement: statement.id,
        portal,
        params: options.params,
        credit_bytes: options.credit_bytes,
        whole_result: options.whole_result,
        profile: options.profile,
        context: context(),
    });
    with_open(|session| {
        let sequence = session.client.send(&request, segments)?;
        let state = PortalState { sequence, statement: statement.id, ..PortalState::default() };
        session.portals.insert(portal, state);
        Ok(())
    })
}

/// The next batch of a portal, or its end.
pub(crate) fn next_event(portal: u32) -> Result<PortalEvent> {
    refuse_inside_feed()?;
    let sequence = with_open(|session| Ok(session.portals.get(&portal).map(|state| state.sequence)))?;
    let guard = sequence.map(CancelOnUnwind);
    let event = wait_until(Some(portal), |session| {
        let Some(state) = session.portals.get_mut(&portal) else {
            return Err(Fault::Statement(Error::engine_lost()));
        };
        // The outcome is read before the ring: the engine commits its last slot first.
        let ended = state.outcome.is_some();
        if let Some(ring) = state.ring.as_mut() {
            if ring.take_release_wake() {
                session.client.send(&Request::Wake, &[])?;
            }
            if !state.awaits_outsize
                && let Some(message) = ring.try_next()?
            {
                match message.kind {
                    SlotKind::Batch => return Ok(Some(PortalEvent::Batch(message.buffer))),
                    SlotKind::Outsize => state.awaits_outsize = true,
                }
            }
            if state.awaits_outsize {
                let Some(segment) = state.outsize.pop_front() else {
                    return Ok(None);
                };
                state.awaits_outsize = false;
                return Ok(Some(PortalEvent::Batch(Segment::open(segment)?.into_buffer())));
            }
        }
        if !ended {
            return Ok(None);
        }
        match state.outcome.take() {
            Some(Ok(finished)) => {
                state.finished = true;
                Ok(Some(PortalEvent::Finished(finished)))
            }
            Some(Err(error)) => {
                let statement = state.statement;
                session.forget(statement)?;
                Err(error.into())
            }
            None => Ok(None),
        }
    });
    drop(guard);
    event
}

/// Makes a portal fail at its next event, because a feed of it cannot go on. Never fails itself:
/// called while an error unwinds.
pub(super) fn fail_portal(portal: u32) {
    SESSION.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut()
            && let Some(session) = slot.as_mut()
            && let Some(state) = session.portals.get_mut(&portal)
        {
            let error = EngineError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "the rows of this query cannot be computed after an error in one of its feeds",
            );
            state.outcome.get_or_insert(Err(error));
            session.scan_requests.retain(|(p, _)| *p != portal);
            // A dead engine has no portals.
            let _ = session.client.send(&Request::ClosePortal { portal }, &[]);
        }
    });
}

/// Ends a portal. Never fails: called from destructors.
pub(crate) fn close_portal(portal: u32) {
    SESSION.with(|cell| {
        if let Ok(mut slot) = cell.try_borrow_mut()
            && let Some(session) = slot.as_mut()
            && let Some(state) = session.portals.remove(&portal)
        {
            session.scan_requests.retain(|(p, _)| *p != portal);
            // A dead engine has neither portals nor statements.
            let _ = session.client.send(&Request::ClosePortal { portal }, &[]);
            if !state.finished {
                let _ = session.forget(state.statement);
            }
        }
    });
}

/// Sends a frame that has no reply.
pub(crate) fn notify(request: &Request, fds: &[BorrowedFd<'_>]) -> Result<()> {
    with_open(|session| {
        session.client.send(request, fds)?;
        Ok(())
    })
}

/// Asks for the engine's status or sessions.
pub(crate) fn ask(request: &Request) -> Result<Reply> {
    ensure_open()?;
    exchange(request, &[])
}
