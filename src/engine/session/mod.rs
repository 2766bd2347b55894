//! This backend's session with the engine: opened lazily, one connection, one DuckDB
//! transaction at most.
//!
//! Everything that waits goes through [`wait_until`], which serves scan requests of any open
//! portal meanwhile. No borrow of the session is held while a feed runs (its plan may itself try
//! to use the session) or while the backend sleeps.

mod instance;
mod portals;
mod resolve;
mod statements;
mod transaction;

pub(crate) use instance::Instance;
pub(crate) use portals::{ExecuteOptions, PortalEvent, allocate_portal, close_portal, execute, next_event};
pub(in crate::engine) use portals::{fail_portal, put_into_feed};
pub(crate) use resolve::resolve;
pub(crate) use statements::{DuckSql, RemoteSql, Statement, bound, prepare, run, run_on};
pub(crate) use transaction::{
    Changes, begin_if_needed, check_transaction, commit, has_portals, has_snapshot, is_in_transaction,
    reset_nowait,
};

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bridge_ipc::IpcError;
use bridge_ipc::client::Client;
use bridge_ipc::message::{Context, Finished, Hello, PROTOCOL_VERSION, Reply, Request};
use bridge_ipc::ring::Consumer;
use bridge_ipc::segment::Segment;
use bridge_types::time_zone;
use bridge_types::{EngineError, SqlState, names};
use pgrx::pg_sys;

use self::statements::CachedStatement;
use super::interrupt::{self, WaitSet};
use super::{append, feed};
use crate::error::{Error, Result};

/// How long a backend waits for an engine that is being (re)started.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// Spinning covers an engine that answers at once; a sleep costs 25 to 30 us on each side.
const SPIN: Duration = Duration::from_micros(20);
/// A backend that is to end waits so long for an engine that it must not be interrupted with.
const TERMINATION_GRACE: Duration = Duration::from_secs(3);

thread_local! {
    static SESSION: RefCell<Option<Session>> = const { RefCell::new(None) };
    /// Instances (as the session numbers them) with a DuckDB transaction that belongs to the
    /// current Postgres transaction. Kept outside the
    /// session: when the engine is lost, what it had written is lost too, and nothing of this
    /// transaction may go on as if it were not, even after ROLLBACK TO SAVEPOINT.
    static IN_TRANSACTION: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
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
    accounts: Vec<instance::OpenedAccount>,
    /// Transactions in the store's outbox whose end this session has not seen, see [`mod@resolve`].
    unresolved: Vec<u64>,
    uses: u64,
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
            accounts: Vec::new(),
            unresolved: Vec::new(),
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
                    transaction::doubt();
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
                transaction::doubt();
                error
            }
            Fault::Statement(error) => error,
        })
    })
}

/// A feed's own functions cannot use the session, which waits for the feed's rows; and a
/// parallel worker would see another DuckDB transaction than its leader.
fn refuse_inside_feed() -> Result<()> {
    if feed::is_serving() || append::is_appending() {
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
        if slot.is_none() && transaction::is_in_transaction() {
            return Err(Error::engine_lost());
        }
        Ok(slot.is_some())
    })?;
    if open {
        return resolve::catch_up();
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
            session.unresolved = welcome.unresolved;
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
    opening.end(opened)?;
    resolve::catch_up()
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
    let mut give_up_at = None;
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
            // Only with interrupts held does this come back when the backend is to end.
            let timeout = if interrupt::is_terminating() {
                let until = *give_up_at.get_or_insert_with(|| Instant::now() + TERMINATION_GRACE);
                if Instant::now() >= until {
                    return with_open(|_| Err(Fault::Lost(Error::engine_lost())));
                }
                100
            } else {
                -1
            };
            wait.wait(for_write, timeout);
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
            transaction::doubt();
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
    let time_zone = session_time_zone();
    Context {
        time_zone: if time_zone::is_known(&time_zone) { time_zone } else { time_zone::NEUTRAL.to_owned() },
    }
}

/// Postgres' `TimeZone`.
fn session_time_zone() -> String {
    // SAFETY: the setting always exists; the string is copied at once.
    unsafe { crate::pg::owned_string(pg_sys::GetConfigOption(c"TimeZone".as_ptr(), false, false)) }
}

/// `TimeZone`, if DuckDB lacks it: what depends on it stays in Postgres then.
pub(crate) fn foreign_time_zone() -> Option<String> {
    Some(session_time_zone()).filter(|name| !time_zone::is_known(name))
}

/// True if this backend has a connection (which may turn out to be dead).
pub(crate) fn is_connected() -> bool {
    SESSION.with(|cell| cell.try_borrow().is_ok_and(|slot| slot.is_some()))
}

/// Process id of the engine; 0 without a session.
#[cfg(debug_assertions)]
pub(crate) fn engine_pid() -> i32 {
    SESSION
        .with(|cell| cell.try_borrow().ok().and_then(|slot| slot.as_ref().map(|s| s.engine_pid)))
        .unwrap_or(0)
}

fn next_number() -> u32 {
    let number = LAST_NUMBER.get().wrapping_add(1).max(1);
    LAST_NUMBER.set(number);
    number
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
