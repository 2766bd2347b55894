//! The engine as a whole: the DuckDB instance, the local stores, the sessions.

use crate::account::Accounts;
use crate::duckdb::{Connection, Database, DuckError, library_version};
use crate::errors::to_engine_error;
use crate::secrets::scrub;
use crate::session::Session;
use crate::settings::{SESSION_START, Settings};
use crate::{bridge_scan, canceller, functions, log, outbox};
use bridge_ipc::message::{SessionInfo, Status};
use bridge_types::names::{
    COMMITS_TABLE, OUTBOX_TABLE, STORE_FILE, STORE_SCHEMA, quote_identifier, quote_literal, store_catalog,
};
use bridge_types::{EngineError, SqlState};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a store's lock is waited for: a predecessor that was killed holds it until the
/// kernel has taken it down.
const STORE_LOCK_WAIT: Duration = Duration::from_secs(5);
/// Exit code after an error that invalidated DuckDB: the supervisor restarts the engine.
const EXIT_INVALIDATED: i32 = 70;

/// One per process.
pub(crate) struct Engine {
    /// Settings from the command line.
    pub(crate) settings: Settings,
    /// Sessions to interrupt until they stop.
    pub(crate) stopping: Sender<Arc<Session>>,
    /// Accounts of MotherDuck.
    pub(crate) accounts: Arc<Accounts>,
    database: Database,
    /// For checkpoints and status, never used by sessions.
    admin: Mutex<Connection>,
    stores: Mutex<BTreeSet<u32>>,
    resolving: Mutex<()>,
    sessions: Mutex<BTreeMap<u64, Arc<Session>>>,
    next_session: AtomicU64,
    started_at_us: i64,
    last_error: Mutex<Option<String>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Microseconds since 1970-01-01 UTC.
pub(crate) fn now_us() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_micros()).unwrap_or(i64::MAX)
}

impl Engine {
    /// Opens the DuckDB instance with the engine's settings and functions.
    pub(crate) fn open(settings: Settings) -> Result<Arc<Self>, DuckError> {
        let (database, admin) = open_database(":memory:", &settings)?;
        let stopping = canceller::start().map_err(|error| DuckError::new(format!("IO Error: {error}")))?;
        Ok(Arc::new(Self {
            last_error: Mutex::new(settings.last_error.clone().map(|text| scrub(&text))),
            accounts: Accounts::new(&settings),
            settings,
            stopping,
            database,
            admin: Mutex::new(admin),
            stores: Mutex::default(),
            resolving: Mutex::default(),
            sessions: Mutex::default(),
            next_session: AtomicU64::new(1),
            started_at_us: now_us(),
        }))
    }

    /// A connection for a session in the Postgres database `database_oid` (0: none).
    pub(crate) fn connect(&self, database_oid: u32) -> Result<Opened, EngineError> {
        let connection = Connection::open(&self.database).map_err(|error| to_engine_error(&error))?;
        let mut opened =
            Opened { connection, start: SESSION_START.to_owned(), unresolved: Vec::new(), store_error: None };
        if database_oid == 0 {
            return Ok(opened);
        }
        match self.attach_store(database_oid) {
            Ok(()) => {
                let catalog = quote_identifier(&store_catalog(database_oid));
                opened.start = format!("{SESSION_START}; USE {catalog}");
                opened.unresolved = outbox::unresolved(&opened.connection, database_oid)
                    .map_err(|error| to_engine_error(&error))?;
            }
            Err(error) => opened.store_error = Some(error),
        }
        Ok(opened)
    }

    /// Does or undoes what a transaction has left in the outbox of a store, see
    /// [`Request::Resolve`](bridge_ipc::message::Request::Resolve).
    pub(crate) fn resolve(&self, database_oid: u32, xid: u64, committed: bool) -> Result<u64, EngineError> {
        // Several sessions may find the same transaction; the second one finds nothing to do.
        let _alone = lock(&self.resolving);
        let connection = Connection::open(&self.database).map_err(|error| to_engine_error(&error))?;
        outbox::resolve(&connection, database_oid, xid, committed).map_err(|error| to_engine_error(&error))
    }

    /// Attaches the local store of a Postgres database, once.
    fn attach_store(&self, database_oid: u32) -> Result<(), EngineError> {
        let mut stores = lock(&self.stores);
        let directory = self.settings.directory.join(database_oid.to_string());
        // DROP DATABASE removes the directory of a store.
        if stores.contains(&database_oid) && directory.exists() {
            return Ok(());
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).map_err(|error| {
            EngineError::new(
                SqlState::IO_ERROR,
                format!("could not create directory \"{}\": {error}", directory.display()),
            )
        })?;
        let path = directory.join(STORE_FILE);
        let catalog = store_catalog(database_oid);
        let sql = format!(
            "ATTACH IF NOT EXISTS {} AS {}",
            quote_literal(&path.to_string_lossy()),
            quote_identifier(&catalog)
        );
        // A connection of its own: replaying a store's log takes time, and status is asked
        // for meanwhile.
        let attaching = Connection::open(&self.database).map_err(|error| to_engine_error(&error))?;
        let deadline = Instant::now() + STORE_LOCK_WAIT;
        loop {
            match attaching.query(&sql) {
                Ok(_) => break,
                Err(error)
                    if error.message.contains("Could not set lock on file") && Instant::now() < deadline => {}
                Err(error) => {
                    log::warning(&format!(
                        "could not open the local store of database {database_oid}: {}",
                        error.message
                    ));
                    let detail = to_engine_error(&error).message.into_owned();
                    let hint = if detail.contains("version number") {
                        "Another version of DuckDB has written the file. Install the version of pg_duckdb that it \
                         belongs to, or have that version copy it into a file that this one reads (ATTACH .. \
                         (STORAGE_VERSION 'v1.0.0'), COPY FROM DATABASE)."
                    } else {
                        "Only the duckdb tables of this database are out of reach. Put a copy of the file in its \
                         place and restart the server."
                    };
                    return Err(EngineError::new(
                        SqlState::IO_ERROR,
                        format!("could not open the local DuckDB store \"{}\"", path.display()),
                    )
                    .with_detail(detail)
                    .with_hint(hint));
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let schema = format!("{}.{}", quote_identifier(&catalog), quote_identifier(STORE_SCHEMA));
        let ours = format!(
            "CREATE SCHEMA IF NOT EXISTS {schema}; \
             CREATE TABLE IF NOT EXISTS {schema}.{COMMITS_TABLE} (slot INTEGER, mark VARCHAR); \
             CREATE TABLE IF NOT EXISTS {schema}.{OUTBOX_TABLE} \
             (xid UBIGINT, step INTEGER, redo VARCHAR, undo VARCHAR, tidy VARCHAR)"
        );
        attaching.query(&ours).map_err(|error| to_engine_error(&error))?;
        stores.insert(database_oid);
        Ok(())
    }

    /// Number of a new session; an error when there are too many.
    pub(crate) fn admit(&self) -> Result<u64, EngineError> {
        if lock(&self.sessions).len() >= self.settings.max_sessions {
            return Err(EngineError::new(
                SqlState::TOO_MANY_CONNECTIONS,
                "too many sessions in the DuckDB engine",
            ));
        }
        Ok(self.next_session.fetch_add(1, Ordering::Relaxed))
    }

    /// Enters a session into the list.
    pub(crate) fn enter(&self, session: &Arc<Session>) {
        lock(&self.sessions).insert(session.id, Arc::clone(session));
    }

    /// Takes a session from the list.
    pub(crate) fn leave(&self, session: &Session) {
        lock(&self.sessions).remove(&session.id);
    }

    /// All sessions.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        lock(&self.sessions).values().cloned().collect()
    }

    /// `engine_sessions()`.
    pub(crate) fn session_infos(&self) -> Vec<SessionInfo> {
        self.sessions().iter().map(|session| session.info()).collect()
    }

    /// `engine_status()`.
    pub(crate) fn status(&self) -> Status {
        let sessions = self.sessions();
        let admin = lock(&self.admin);
        let number = |sql: &str| {
            let text = admin.scalar_text(sql).ok().flatten().unwrap_or_default();
            text.parse::<u64>().unwrap_or(0)
        };
        Status {
            pid: i32::try_from(std::process::id()).unwrap_or(0),
            started_at_us: self.started_at_us,
            restarts: self.settings.restarts,
            sessions: u32::try_from(sessions.len()).unwrap_or(u32::MAX),
            running_queries: u32::try_from(sessions.iter().filter(|session| session.is_running()).count())
                .unwrap_or(u32::MAX),
            memory_bytes: number("SELECT sum(memory_usage_bytes)::UBIGINT FROM duckdb_memory()"),
            memory_limit_bytes: self.settings.memory_limit_bytes,
            temp_bytes: number("SELECT sum(temporary_storage_bytes)::UBIGINT FROM duckdb_memory()"),
            duckdb_version: library_version(),
            last_error: lock(&self.last_error).clone(),
        }
    }

    /// Remembers an error for `engine_status()`.
    pub(crate) fn note_error(&self, text: &str) {
        *lock(&self.last_error) = Some(scrub(text));
    }

    /// DuckDB refuses all further work: end the process, so that the supervisor starts a new one.
    /// Destructors are skipped on purpose: they would touch the invalidated instance.
    pub(crate) fn exit_invalidated(&self, error: &DuckError) -> ! {
        log::warning(&format!("restarting after a fatal error: {}", error.message));
        crate::process::exit_at_once(EXIT_INVALIDATED)
    }

    /// Ends all sessions, writes all stores down and removes their logs.
    pub(crate) fn shut_down(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        for session in self.sessions() {
            if session.close() {
                drop(self.stopping.send(Arc::clone(&session)));
            }
            session.writer.shutdown();
        }
        while !self.sessions().is_empty() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let admin = lock(&self.admin);
        for database_oid in lock(&self.stores).iter() {
            if !self.settings.directory.join(database_oid.to_string()).exists() {
                continue;
            }
            let catalog = quote_identifier(&store_catalog(*database_oid));
            if let Err(error) = admin.query(&format!("CHECKPOINT {catalog}")) {
                log::warning(&format!(
                    "could not checkpoint the store of database {database_oid}: {}",
                    error.message
                ));
                continue;
            }
            // Detaching closes the file; without it the next engine finds an empty log.
            if let Err(error) = admin.query(&format!("DETACH {catalog}")) {
                log::warning(&format!(
                    "could not close the store of database {database_oid}: {}",
                    error.message
                ));
            }
        }
    }
}

/// A session's connection to the main instance.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    /// To be run before the first statement. Many sessions only use an account and never need it.
    pub(crate) start: String,
    /// Transactions in the outbox of the store.
    pub(crate) unresolved: Vec<u64>,
    /// Why the store could not be opened: all that does not need it works.
    pub(crate) store_error: Option<EngineError>,
}

/// Opens a DuckDB instance on `path` with the engine's settings and functions.
pub(crate) fn open_database(path: &str, settings: &Settings) -> Result<(Database, Connection), DuckError> {
    let database = Database::open(path, &settings.open_options())?;
    let connection = Connection::open(&database)?;
    for statement in settings.after_open() {
        connection.query(&statement)?;
    }
    functions::register(&connection)?;
    bridge_scan::register(&connection)?;
    Ok((database, connection))
}

/// Where parked portals keep what does not fit in memory.
pub(crate) fn spool_directory(settings: &Settings) -> PathBuf {
    settings.temp_directory.clone()
}
