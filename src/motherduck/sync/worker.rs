//! The sync worker: one process for each database with MotherDuck enabled.
//!
//! A file in `pg_duckdb/motherduck` says that a database has a worker, so that the supervisor
//! can start it with the server. The worker holds a lock on the file, so that there is only
//! one, and removes it when it finds that MotherDuck is no longer enabled.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::CStr;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bridge_types::SqlState;
use bridge_types::names::DIRECTORY;
use pgrx::bgworkers::BackgroundWorkerBuilder;
use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;

use super::apply::{self, Context};
use super::diff::Difference;
use super::{Place, diff, local, remote};
use crate::crash::{self, Step};
use crate::error::{Error, Result};
use crate::gucs;
use crate::motherduck::{self, Server};
use crate::pg::{c_string, compat};

/// `backend_type` in `pg_stat_activity`.
const NAME: &str = "pg_duckdb sync worker";
/// Pause before a worker that died is started again, and the least before another try.
const RESTART: Duration = Duration::from_secs(1);
/// Longest pause between tries to reach the account.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Sentences that are remembered as said.
const MAX_SAID: usize = 10_000;
/// How long one relation that a session holds may keep the others waiting.
const LOCK_TIMEOUT: &CStr = c"2s";
/// Pause before relations that could not be made are tried again.
const RETRY: Duration = Duration::from_secs(30);

// Postgres' signal handlers, without the wrappers that pgrx gives to other functions.
unsafe extern "C-unwind" {
    fn die(signal: std::ffi::c_int);
    fn SignalHandlerForConfigReload(signal: std::ffi::c_int);
}

fn directory() -> PathBuf {
    PathBuf::from(DIRECTORY).join("motherduck")
}

fn flag(database: pg_sys::Oid) -> PathBuf {
    directory().join(database.to_u32().to_string())
}

/// Starts the workers of all databases that have one; called by the supervisor.
pub(crate) fn start_all() {
    let Ok(entries) = std::fs::read_dir(directory()) else { return };
    for entry in entries.flatten() {
        if let Some(oid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) {
            start(oid.into());
        }
    }
}

/// Gives this database a worker from here on. Called when the transaction that enabled
/// MotherDuck has committed; a failure is a WARNING.
pub(crate) fn enable() {
    // SAFETY: a plain global of the main thread.
    let database = unsafe { pg_sys::MyDatabaseId };
    let made = std::fs::create_dir_all(directory())
        .and_then(|()| File::options().create(true).append(true).open(flag(database)));
    match made {
        Ok(_) => start(database),
        Err(error) => warning!("could not start the {NAME}: {error}"),
    }
}

/// Ends the worker of a database that is about to be dropped: Postgres refuses to drop a
/// database that somebody uses.
pub(crate) fn disable(database: pg_sys::Oid) {
    let worker = worker_of(database);
    drop(std::fs::remove_file(request_file(database)));
    if std::fs::remove_file(flag(database)).is_ok()
        && let Some(pid) = worker
    {
        // SAFETY: a signal to a process of this server: it wrote its number into the file that
        // it keeps locked. At worst it is gone.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
}

/// Something that a session asks of the worker besides its usual work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::motherduck) enum Request {
    /// To look at once, and to compare everything.
    Everything,
    /// The same, and what depends on a relation that has to go goes with it.
    Cascade,
}

/// The file with a request for the worker of a database.
fn request_file(database: pg_sys::Oid) -> PathBuf {
    directory().join(format!("{}.request", database.to_u32()))
}

/// Asks the worker of this database for something, or just wakes it.
///
/// # Errors
/// 58030 if the request cannot be written.
pub(in crate::motherduck) fn ask(request: Option<Request>) -> Result<()> {
    // SAFETY: a plain global of the main thread.
    let database = unsafe { pg_sys::MyDatabaseId };
    if let Some(request) = request {
        let text = if request == Request::Cascade { "cascade" } else { "" };
        std::fs::write(request_file(database), text).map_err(|error| {
            Error::new(SqlState::IO_ERROR, format!("could not write a request to the {NAME}: {error}"))
        })?;
    }
    let Some(pid) = worker_of(database) else { return Ok(()) };
    // SAFETY: main thread. A process of that number that is no worker any more is woken in vain.
    unsafe {
        let process = pg_sys::BackendPidGetProc(pid);
        if !process.is_null() {
            pg_sys::SetLatch(&raw mut (*process).procLatch);
        }
    }
    Ok(())
}

/// The request that there is, which is then done with.
fn take_request() -> Option<Request> {
    // SAFETY: a plain global of the main thread.
    let file = request_file(unsafe { pg_sys::MyDatabaseId });
    let text = std::fs::read_to_string(&file).ok()?;
    drop(std::fs::remove_file(file));
    Some(if text == "cascade" { Request::Cascade } else { Request::Everything })
}

/// Process id of the worker of a database; `None` if it has none.
fn worker_of(database: pg_sys::Oid) -> Option<i32> {
    std::fs::read_to_string(flag(database)).ok()?.trim().parse().ok()
}

fn start(database: pg_sys::Oid) {
    let started = BackgroundWorkerBuilder::new(NAME)
        .set_type(NAME)
        .set_library("pg_duckdb")
        .set_function("pg_duckdb_sync_main")
        .set_restart_time(Some(RESTART))
        .set_argument(Some(database.into()))
        .enable_spi_access()
        .load_dynamic();
    if started.is_err() {
        warning!("could not start the {NAME}: raise max_worker_processes");
    }
}

/// Entry point of the worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_duckdb_sync_main(database: pg_sys::Datum) {
    let database = pg_sys::Oid::from(u32::try_from(database.value()).unwrap_or(0));
    // Unlike a worker's own handler it waits for a safe moment.
    // SAFETY: handlers of Postgres, installed before signals are let in.
    unsafe {
        compat::pqsignal(libc::SIGTERM, Some(die));
        compat::pqsignal(libc::SIGHUP, Some(SignalHandlerForConfigReload));
        pg_sys::BackgroundWorkerUnblockSignals();
    }
    let Some(lock) = take_lock(database) else {
        // Another one is at work, or none is wanted.
        // SAFETY: main thread; nothing with a destructor is alive.
        unsafe { pg_sys::proc_exit(0) };
        #[cfg(feature = "pg18")]
        unreachable!("proc_exit does not return");
    };
    // SAFETY: main thread, once.
    unsafe {
        pg_sys::BackgroundWorkerInitializeConnectionByOid(database, pg_sys::InvalidOid, 0);
        pg_sys::SetConfigOption(
            c"lock_timeout".as_ptr(),
            LOCK_TIMEOUT.as_ptr(),
            pg_sys::GucContext::PGC_USERSET,
            pg_sys::GucSource::PGC_S_SESSION,
        );
    }
    WORKING.set(true);
    Worker::default().run();
    crash::at(Step::Disabled);
    // MotherDuck is not enabled any more.
    drop(std::fs::remove_file(flag(database)));
    drop(lock);
    // Whoever has enabled it since then, but before the file was gone, has started a worker that found
    // this one at work and ended.
    if in_transaction(|| Ok(motherduck::find().is_some())) == Ok(true) {
        enable();
    }
    // SAFETY: main thread; nothing with a destructor is alive.
    unsafe { pg_sys::proc_exit(0) };
}

/// True in a sync worker.
pub(super) fn is_this_process() -> bool {
    WORKING.get()
}

thread_local! {
    static WORKING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Locks the database's file and writes this process' number into it.
fn take_lock(database: pg_sys::Oid) -> Option<File> {
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;
    let path = flag(database);
    let mut file = File::options().read(true).write(true).open(&path).ok()?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).ok()?;
    // A worker that ends removes the file before it lets go of the lock.
    if file.metadata().ok()?.ino() != path.metadata().ok()?.ino() {
        return None;
    }
    file.set_len(0).ok()?;
    writeln!(file, "{}", std::process::id()).ok()?;
    Some(file)
}

#[derive(Default)]
struct Worker {
    /// The server of the last look.
    server: Option<pg_sys::Oid>,
    /// Versions that Postgres has, by database.
    synced: BTreeMap<String, String>,
    /// Databases some relations of which could not be made, and when to try again.
    retry: BTreeMap<String, Instant>,
    /// Databases of the last look, if Postgres has nothing of any other.
    known: Option<BTreeSet<String>>,
    /// What was said already.
    said: HashSet<String>,
    /// Why the account could not be reached, as long as it cannot be.
    unreachable: Option<String>,
    /// Pause after errors.
    pause: Duration,
}

/// What a look at the account found.
enum Look {
    /// MotherDuck is not enabled.
    Disabled,
    /// The server, the owner of what is synced, the time of the look, and the databases with
    /// their versions.
    Found(Server, pg_sys::Oid, TimestampWithTimeZone, BTreeMap<String, String>),
}

impl Worker {
    fn run(&mut self) {
        loop {
            let request = take_request();
            match in_transaction(look) {
                Ok(Look::Disabled) => return,
                Ok(Look::Found(server, owner, looked_at, versions)) => {
                    self.pause = Duration::ZERO;
                    if self.unreachable.take().is_some() {
                        log!("MotherDuck is reached again");
                    }
                    if self.server != Some(server.oid) || request.is_some() {
                        // Another account: what was synced went with its server. Or everything
                        // is to be compared again.
                        *self = Self { server: Some(server.oid), ..Self::default() };
                    }
                    let context = Context {
                        server: &server,
                        owner,
                        looked_at,
                        database: "",
                        version: "",
                        cascade: request == Some(Request::Cascade),
                    };
                    self.sync(&context, &versions);
                }
                Err(error) => {
                    if self.unreachable.as_ref() != Some(&error) {
                        warning!("MotherDuck could not be reached: {error}");
                        self.unreachable = Some(error);
                    }
                    self.pause = (self.pause * 2).clamp(RESTART, MAX_PAUSE);
                }
            }
            wait(self.pause.max(gucs::motherduck_sync_interval()));
        }
    }

    /// Logs what was not logged before.
    fn say(&mut self, text: String) {
        // Names come and go for months.
        if self.said.len() > MAX_SAID {
            self.said.clear();
        }
        if self.said.insert(text.clone()) {
            warning!("{text}");
        }
    }

    /// Syncs what differs from the last time. `account` is the context without a database.
    fn sync(&mut self, account: &Context<'_>, versions: &BTreeMap<String, String>) {
        let now = Instant::now();
        for (database, version) in versions {
            let due = self.retry.get(database).is_some_and(|at| *at <= now);
            if self.synced.get(database) == Some(version) && !due {
                continue;
            }
            let context = Context { database, version, ..*account };
            match self.sync_database(&context) {
                Ok(complete) => {
                    self.synced.insert(database.clone(), version.clone());
                    if complete {
                        self.retry.remove(database);
                    } else {
                        self.retry.insert(database.clone(), Instant::now() + RETRY);
                    }
                }
                Err(error) => {
                    self.say(format!("MotherDuck database \"{database}\" could not be synced: {error}"));
                }
            }
        }
        if self.known.as_ref().is_none_or(|known| !known.iter().eq(versions.keys())) {
            let cleared = self.drop_other_databases(account, versions);
            self.known = cleared.then(|| versions.keys().cloned().collect());
        }
    }

    /// Drops what Postgres has of databases that the account does not have any more; true if
    /// nothing is left.
    fn drop_other_databases(&mut self, account: &Context<'_>, versions: &BTreeMap<String, String>) -> bool {
        let Ok(databases) = in_transaction(|| Ok(local::databases()?)) else { return false };
        let mut cleared = true;
        for database in databases.into_iter().filter(|database| !versions.contains_key(database)) {
            let context = Context { database: &database, ..*account };
            let present = in_transaction(|| Ok(local::relations(&database, None)?)).unwrap_or_default();
            let failed = self.reconcile(&diff::differing(&[], &present), &context);
            let forgotten = in_transaction(|| {
                let forget = "DELETE FROM duckdb.sync_state WHERE database = $1";
                Ok(Spi::run_with_args(forget, &[database.as_str().into()])?)
            });
            cleared &= failed.is_empty() && forgotten.is_ok();
            self.synced.remove(&database);
            self.retry.remove(&database);
        }
        cleared
    }

    /// True if Postgres now has all that it can have.
    fn sync_database(&mut self, context: &Context<'_>) -> std::result::Result<bool, String> {
        let default_database = &context.server.default_database;
        let database = context.database;
        // In this order: what a session changes after this is not what it was when its turn comes.
        let present = in_transaction(|| Ok(local::relations(database, None)?))?;
        let (wanted, complaints) = in_transaction(|| {
            apply::acting_as(context.server.owner, || remote::relations(database, default_database, None))
        })?;
        let failed = self.reconcile(&diff::differing(&wanted, &present), context);
        let error = failed.last().or(complaints.last()).cloned();
        for complaint in complaints {
            self.say(complaint);
        }
        let (made, failures) = (wanted.len() - failed.len().min(wanted.len()), failed.len());
        crash::at(Step::Sync);
        in_transaction(|| {
            let row = [
                database.into(),
                context.server.oid.into(),
                context.version.into(),
                context.looked_at.into(),
                i64::try_from(made).unwrap_or(i64::MAX).into(),
                i64::try_from(failures).unwrap_or(i64::MAX).into(),
                error.as_deref().into(),
            ];
            Ok(Spi::run_with_args(
                "INSERT INTO duckdb.sync_state
                 VALUES ($1, $2, $3, $4, pg_catalog.clock_timestamp(), $5, $6, $7)
                 ON CONFLICT (database) DO UPDATE
                 SET server = EXCLUDED.server, version = EXCLUDED.version, looked_at = EXCLUDED.looked_at, synced_at = EXCLUDED.synced_at, relations = EXCLUDED.relations,
                     failures = EXCLUDED.failures, last_error = EXCLUDED.last_error",
                &row,
            )?)
        })?;
        Ok(failures == 0)
    }

    /// The errors of the relations that could not be made what they are in MotherDuck; the others are.
    fn reconcile(&mut self, differing: &[Difference], context: &Context<'_>) -> Vec<String> {
        let mut failed = Vec::new();
        for seen in differing {
            crash::at(Step::Sync);
            let reconcile = |anew| {
                in_transaction(|| {
                    apply::reconcile(seen, anew, context)?;
                    crash::at(Step::Sync);
                    Ok(())
                })
            };
            // A session may have made it in the same moment, or what depends on it keeps it from
            // being altered.
            let done = reconcile(false).or_else(|_| reconcile(context.cascade));
            if let Err(error) = done {
                let Place { schema, name } = &seen.place;
                let text =
                    format!("MotherDuck relation \"{schema}\".\"{name}\" could not be synced: {error}");
                self.say(text.clone());
                failed.push(text);
            }
        }
        failed
    }
}

fn look() -> Result<Look> {
    let Some(server) = motherduck::find() else { return Ok(Look::Disabled) };
    let owner = match &server.tables_owner_role {
        // SAFETY: a catalog look-up on the main thread that raises an error for a missing role.
        Some(role) => unsafe { pg_sys::get_role_oid(c_string(role).as_ptr(), false) },
        None => server.owner,
    };
    // SAFETY: a system call.
    let now = unsafe { pg_sys::GetCurrentTimestamp() };
    let looked_at = TimestampWithTimeZone::try_from(now).expect("the clock is inside Postgres' range");
    let versions = apply::acting_as(server.owner, remote::versions)?;
    Ok(Look::Found(server, owner, looked_at, versions))
}

/// Runs `work` in a transaction of its own; on an error, ours or Postgres', it is rolled back.
fn in_transaction<R>(work: impl FnOnce() -> Result<R>) -> std::result::Result<R, String> {
    // SAFETY: main thread, outside of any transaction.
    unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
    }
    let outcome = PgTryBuilder::new(AssertUnwindSafe(|| {
        let outcome = work().map_err(|error| describe(&error.0.message, error.0.detail.as_deref()))?;
        // SAFETY: the snapshot and the transaction that were begun above.
        unsafe {
            pg_sys::PopActiveSnapshot();
            pg_sys::CommitTransactionCommand();
        }
        Ok(outcome)
    }))
    .catch_others(|error| {
        Err(match error {
            CaughtError::PostgresError(report) | CaughtError::ErrorReport(report) => {
                describe(report.message(), report.detail())
            }
            CaughtError::RustPanic { ereport, .. } => ereport.message().to_owned(),
        })
    })
    .execute();
    if outcome.is_err() {
        // SAFETY: main thread; ends the transaction that was begun above.
        unsafe {
            pg_sys::AbortCurrentTransaction();
        }
    }
    outcome
}

fn describe(message: &str, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{message} ({detail})"),
        None => message.to_owned(),
    }
}

/// Sleeps until the time is over or somebody wants something.
fn wait(time: Duration) {
    let timeout = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH;
    // SAFETY: main thread, own latch. Nothing with a destructor is lost when the process ends
    // here.
    unsafe {
        pg_sys::WaitLatch(pg_sys::MyLatch, events.cast_signed(), timeout, pg_sys::PG_WAIT_EXTENSION);
        pg_sys::ResetLatch(pg_sys::MyLatch);
        pg_sys::check_for_interrupts!();
        if pg_sys::ConfigReloadPending != 0 {
            pg_sys::ConfigReloadPending = 0;
            pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP);
        }
    }
}
