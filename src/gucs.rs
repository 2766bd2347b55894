//! Every setting: meaning, unit, default and why.

use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting, PostgresGucEnum};
use pgrx::pg_sys;
use std::ffi::CString;

/// `duckdb.force_execution`: as `duckdb.execution = force`. Off, since heap data has to
/// travel to the engine first.
static FORCE_EXECUTION: GucSetting<bool> = GucSetting::<bool>::new(false);
/// `duckdb.execution`: where queries on heap tables alone run. Off: nothing changes for them until
/// somebody asks.
static EXECUTION: GucSetting<Execution> = GucSetting::<Execution>::new(Execution::Off);

/// Values of `duckdb.execution`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub(crate) enum Execution {
    /// Where the estimates of both sides say that it is cheaper.
    Auto,
    /// In DuckDB, if it can run them.
    Force,
    /// In Postgres.
    Off,
}

/// Where queries on heap tables alone run: `duckdb.force_execution` wins over `duckdb.execution`.
pub(crate) fn execution() -> Execution {
    if FORCE_EXECUTION.get() { Execution::Force } else { EXECUTION.get() }
}

/// `duckdb.max_workers_per_postgres_scan`: parallel workers that compute the rows of one feed beside the
/// backend, within Postgres' `max_parallel_workers`. 2, as Postgres' own `max_parallel_workers_per_gather`; 0: none.
pub(crate) static MAX_WORKERS_PER_SCAN: GucSetting<i32> = GucSetting::<i32>::new(2);
/// `duckdb.unsafe_allow_mixed_transactions`: allow writing heap and duckdb tables in one
/// transaction, whose two commits are then not atomic. Off, because data can be lost.
pub(crate) static UNSAFE_ALLOW_MIXED_TRANSACTIONS: GucSetting<bool> = GucSetting::<bool>::new(false);
/// `duckdb.notice_fallback`: tell the user why a query does not run in DuckDB as a whole. Off:
/// EXPLAIN tells it too, and the answer is the same.
pub(crate) static NOTICE_FALLBACK: GucSetting<bool> = GucSetting::<bool>::new(false);
/// `duckdb.debug_force_fallback`: for tests of the parts of queries that Postgres finishes.
pub(crate) static DEBUG_FORCE_FALLBACK: GucSetting<ForceFallback> =
    GucSetting::<ForceFallback>::new(ForceFallback::Off);

/// `duckdb.debug_crash_at`, see `crate::crash`.
#[cfg(debug_assertions)]
pub(crate) static DEBUG_CRASH_AT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// Values of `duckdb.debug_force_fallback`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PostgresGucEnum)]
pub(crate) enum ForceFallback {
    /// A query that can run in DuckDB as a whole does.
    Off,
    /// No query does; tables, joins, groups and subqueries do.
    On,
    /// Only tables and files do.
    Scans,
}

/// `duckdb.memory_limit` in MB, for the engine as a whole. 0: half of the machine's memory,
/// since Postgres and the page cache need the rest.
pub(crate) static MEMORY_LIMIT: GucSetting<i32> = GucSetting::<i32>::new(0);
/// `duckdb.max_memory`: the other name of `duckdb.memory_limit`; used when that is 0.
pub(crate) static MAX_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(0);
/// `duckdb.threads`: DuckDB threads shared by all connections. -1: one per core.
pub(crate) static THREADS: GucSetting<i32> = GucSetting::<i32>::new(-1);
/// `duckdb.worker_threads`: the other name of `duckdb.threads`; used when that is -1.
pub(crate) static WORKER_THREADS: GucSetting<i32> = GucSetting::<i32>::new(-1);
/// `duckdb.temporary_directory`: where DuckDB spills. Empty: `pg_duckdb/temp` in the data directory.
pub(crate) static TEMPORARY_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
/// `duckdb.max_temp_directory_size`: bound of the spill, such as `10GB`. Empty: 10 GB, because
/// DuckDB's own default is 90 % of the disk that Postgres needs as well.
pub(crate) static MAX_TEMP_DIRECTORY_SIZE: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(None);
/// `duckdb.extension_directory`: where DuckDB looks for extensions. Empty: `pg_duckdb/extensions`.
pub(crate) static EXTENSION_DIRECTORY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
/// `duckdb.postgres_role`: members may use DuckDB. Empty: everybody, since local tables are
/// protected by Postgres' own privileges.
pub(crate) static POSTGRES_ROLE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// `duckdb.force_motherduck_views`: make every new view in MotherDuck. Off: those whose queries
/// name a relation of MotherDuck go there anyway.
pub(crate) static FORCE_MOTHERDUCK_VIEWS: GucSetting<bool> = GucSetting::<bool>::new(false);
/// `duckdb.motherduck_connect_timeout`, milliseconds.
pub(crate) static MOTHERDUCK_CONNECT_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(10_000);
/// `duckdb.motherduck_session_hint`.
pub(crate) static MOTHERDUCK_SESSION_HINT: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(None);
/// `duckdb.motherduck_emulator_directory`. Empty: the real service.
pub(crate) static MOTHERDUCK_EMULATOR_DIRECTORY: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(None);
/// `duckdb.motherduck_idle_timeout`, seconds.
pub(crate) static MOTHERDUCK_IDLE_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(300);

/// `duckdb.motherduck_sync_interval`, milliseconds.
pub(crate) static MOTHERDUCK_SYNC_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(1000);

/// How often the sync worker looks for changes.
pub(crate) fn motherduck_sync_interval() -> std::time::Duration {
    std::time::Duration::from_millis(u64::try_from(MOTHERDUCK_SYNC_INTERVAL.get()).unwrap_or(1000))
}

/// `duckdb.postgres_role`, if it is set.
pub(crate) fn postgres_role() -> Option<String> {
    let role = POSTGRES_ROLE.get()?.to_string_lossy().into_owned();
    (!role.is_empty()).then_some(role)
}

/// How long to wait for a MotherDuck account.
pub(crate) fn motherduck_connect_timeout_ms() -> u32 {
    u32::try_from(MOTHERDUCK_CONNECT_TIMEOUT.get()).unwrap_or(0)
}

/// `duckdb.motherduck_session_hint`; empty for none.
pub(crate) fn motherduck_session_hint() -> String {
    MOTHERDUCK_SESSION_HINT.get().map_or_else(String::new, |hint| hint.to_string_lossy().into_owned())
}

/// Megabytes the engine may use, or `None` for its own default.
pub(crate) fn memory_limit_mb() -> Option<i32> {
    [MEMORY_LIMIT.get(), MAX_MEMORY.get()].into_iter().find(|mb| *mb > 0)
}

/// Threads the engine may use, or `None` for one per core.
pub(crate) fn threads() -> Option<i32> {
    [THREADS.get(), WORKER_THREADS.get()].into_iter().find(|n| *n > 0)
}

/// Registers the settings; called once in the postmaster.
pub(crate) fn init() {
    GucRegistry::define_bool_guc(
        c"duckdb.force_execution",
        c"Runs queries on heap tables in DuckDB.",
        c"Queries on duckdb tables and files always run there.",
        &FORCE_EXECUTION,
        GucContext::Userset,
        GucFlags::REPORT,
    );
    GucRegistry::define_enum_guc(
        c"duckdb.execution",
        c"Where queries on heap tables alone run.",
        c"auto compares the estimates of Postgres and DuckDB, force asks for DuckDB, off for Postgres. \
          Queries on duckdb tables and files always run in DuckDB.",
        &EXECUTION,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"duckdb.max_workers_per_postgres_scan",
        c"Parallel workers that read one Postgres table for DuckDB.",
        c"Taken from max_parallel_workers. 0: the backend reads alone.",
        &MAX_WORKERS_PER_SCAN,
        0,
        1024,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_bool_guc(
        c"duckdb.notice_fallback",
        c"Sends a NOTICE when a query does not run in DuckDB as a whole.",
        c"It names what DuckDB must not run; Postgres then plans the query and finishes what DuckDB has read.",
        &NOTICE_FALLBACK,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"duckdb.debug_force_fallback",
        c"Lets Postgres plan every query on duckdb tables, for tests.",
        c"With scans, nothing but tables and files is read through DuckDB.",
        &DEBUG_FORCE_FALLBACK,
        GucContext::Userset,
        GucFlags::NO_SHOW_ALL,
    );
    #[cfg(debug_assertions)]
    GucRegistry::define_string_guc(
        c"duckdb.debug_crash_at",
        c"Ends a process at a step of a commit, for tests.",
        c"victim@step; empty means never.",
        &DEBUG_CRASH_AT,
        GucContext::Suset,
        GucFlags::NO_SHOW_ALL,
    );
    GucRegistry::define_bool_guc(
        c"duckdb.unsafe_allow_mixed_transactions",
        c"Allows writing to heap and duckdb tables in one transaction.",
        c"The two commits are not atomic: a crash between them keeps one of them.",
        &UNSAFE_ALLOW_MIXED_TRANSACTIONS,
        GucContext::Userset,
        GucFlags::default(),
    );
    for (name, setting) in [(c"duckdb.memory_limit", &MEMORY_LIMIT), (c"duckdb.max_memory", &MAX_MEMORY)] {
        GucRegistry::define_int_guc(
            name,
            c"Memory of the DuckDB engine, shared by all connections.",
            c"0 means half of the machine's memory.",
            setting,
            0,
            i32::MAX / 1024,
            GucContext::Postmaster,
            GucFlags::UNIT_MB,
        );
    }
    for (name, setting) in [(c"duckdb.threads", &THREADS), (c"duckdb.worker_threads", &WORKER_THREADS)] {
        GucRegistry::define_int_guc(
            name,
            c"Threads of the DuckDB engine, shared by all connections.",
            c"-1 means one per core.",
            setting,
            -1,
            1024,
            GucContext::Postmaster,
            GucFlags::default(),
        );
    }
    GucRegistry::define_string_guc(
        c"duckdb.temporary_directory",
        c"Directory in which DuckDB spills what does not fit into its memory.",
        c"Empty means pg_duckdb/temp in the data directory.",
        &TEMPORARY_DIRECTORY,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"duckdb.max_temp_directory_size",
        c"Most that DuckDB may spill, such as 10GB.",
        c"Empty means 10GB.",
        &MAX_TEMP_DIRECTORY_SIZE,
        GucContext::Postmaster,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"duckdb.extension_directory",
        c"Directory in which DuckDB looks for its extensions.",
        c"Empty means pg_duckdb/extensions in the data directory.",
        &EXTENSION_DIRECTORY,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"duckdb.postgres_role",
        c"Role whose members may use DuckDB.",
        c"Empty means that everybody may, within the privileges Postgres grants.",
        &POSTGRES_ROLE,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_bool_guc(
        c"duckdb.force_motherduck_views",
        c"Makes every new view in MotherDuck.",
        c"Views whose queries name a relation of MotherDuck are made there anyway.",
        &FORCE_MOTHERDUCK_VIEWS,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"duckdb.motherduck_connect_timeout",
        c"How long a statement waits for MotherDuck.",
        c"The connection is tried on; the next statement may find it made.",
        &MOTHERDUCK_CONNECT_TIMEOUT,
        1,
        i32::MAX,
        GucContext::Userset,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_int_guc(
        c"duckdb.motherduck_sync_interval",
        c"How often the sync worker looks for changes in MotherDuck.",
        c"A look that finds nothing reads one row for each database.",
        &MOTHERDUCK_SYNC_INTERVAL,
        10,
        i32::MAX,
        GucContext::Sighup,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_string_guc(
        c"duckdb.motherduck_session_hint",
        c"Sessions with the same hint share a read-scaling replica.",
        c"Empty means any replica.",
        &MOTHERDUCK_SESSION_HINT,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"duckdb.motherduck_emulator_directory",
        c"Directory that stands in for MotherDuck, for development and tests.",
        c"Empty means MotherDuck itself.",
        &MOTHERDUCK_EMULATOR_DIRECTORY,
        GucContext::Postmaster,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_int_guc(
        c"duckdb.motherduck_idle_timeout",
        c"How long an unused MotherDuck account stays open in the engine.",
        c"Opening it again takes as long as connecting does.",
        &MOTHERDUCK_IDLE_TIMEOUT,
        1,
        i32::MAX,
        GucContext::Postmaster,
        GucFlags::UNIT_S,
    );
    // A misspelt duckdb.* setting is then an error instead of a placeholder.
    // SAFETY: a C string constant; called in the postmaster, single-threaded.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"duckdb".as_ptr()) };
}
