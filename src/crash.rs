//! Steps of a commit, of DROP DATABASE and of a sync at which tests end a process. Not compiled into
//! releases.
//!
//! `duckdb.debug_crash_at` is `victim@step`: at the step the backend kills the `engine`, the
//! `supervisor`, the `postmaster` or itself (`backend`), or raises an `error`, or ends as when it
//! is terminated (`end`), or waits for two seconds (`pause`).

/// Where a statement can be hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// All statements are done, nothing of the outbox is written.
    PreCommit,
    /// The outbox is written, DuckDB has not committed.
    BeforeDuckdb,
    /// DuckDB has committed, Postgres has not.
    AfterDuckdb,
    /// Postgres has committed, the outbox is not resolved.
    AfterPostgres,
    /// The outbox is resolved, locks are still held.
    Resolved,
    /// DROP DATABASE has removed Postgres' files, and not the store.
    DatabaseRemoved,
    /// DROP DATABASE has removed the store too, and is not committed.
    StoreRemoved,
    /// Changes in MotherDuck are about to be committed there.
    BeforeAccount,
    /// The engine was there a moment ago, and is told to commit changes in MotherDuck.
    InAccount,
    /// Before and after each thing that the sync worker does, and before it says so: numbered,
    /// `Sync1` being the first since the process has started.
    Sync,
    /// The sync worker has found that MotherDuck is not enabled, and is still the worker.
    Disabled,
}

#[cfg(debug_assertions)]
pub(crate) fn at(step: Step) {
    let Some(setting) = crate::gucs::DEBUG_CRASH_AT.get() else { return };
    let setting = setting.to_string_lossy();
    let Some((victim, wanted)) = setting.split_once('@') else { return };
    if wanted != format!("{step:?}") && !(step == Step::Sync && wanted == format!("Sync{}", next_sync())) {
        return;
    }
    let engine = crate::engine::session::engine_pid();
    // SAFETY: a plain global of the main thread.
    let postmaster = unsafe { pgrx::pg_sys::PostmasterPid };
    let pid = match victim {
        "backend" => std::process::id().cast_signed(),
        "engine" => engine,
        "supervisor" => parent(engine),
        "postmaster" => postmaster,
        "error" => pgrx::error!("duckdb.debug_crash_at"),
        "end" => return end(),
        "pause" => return std::thread::sleep(std::time::Duration::from_secs(2)),
        _ => return,
    };
    if pid > 1 {
        // SAFETY: a system call; the process is one of this cluster's.
        unsafe { libc::kill(pid, libc::SIGKILL) };
        // Until the others have noticed, as far as they do.
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// As `pg_terminate_backend` would.
#[cfg(debug_assertions)]
fn end() {
    // SAFETY: a signal to this very process, which has Postgres' handler for it; main thread.
    unsafe { libc::kill(std::process::id().cast_signed(), libc::SIGTERM) };
    pgrx::check_for_interrupts!();
}

/// Counts the steps of a sync worker.
#[cfg(debug_assertions)]
fn next_sync() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static STEPS: AtomicU32 = AtomicU32::new(0);
    STEPS.fetch_add(1, Ordering::Relaxed) + 1
}

#[cfg(not(debug_assertions))]
pub(crate) fn at(_step: Step) {}

/// Parent of a process; 0 if it is gone.
#[cfg(debug_assertions)]
fn parent(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // "pid (name) state parent ..."; a name may hold anything.
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields).unwrap_or_default();
    fields.split(' ').nth(1).and_then(|parent| parent.parse().ok()).unwrap_or(0)
}
