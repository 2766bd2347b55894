//! Clusters for the tests, and who may run beside whom.
//!
//! Tests with a time limit must not compete with others for two cores: they take
//! [`quiet`], everybody else holds a share.

use std::ops::{Deref, DerefMut};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use postgres::Client;
use tests::cluster::{Cluster, Options};
use tests::wait;

static MACHINE: RwLock<()> = RwLock::new(());
static SHARED: OnceLock<Cluster> = OnceLock::new();

/// A statement that runs for hours in DuckDB and uses little memory.
pub(crate) const ENDLESS: &str =
    "SELECT count(*) FROM numbers a, numbers b, numbers c WHERE (a.i * b.i + c.i) % 1000003 = 7";
/// A statement that streams 400 million rows.
pub(crate) const BROAD: &str = "SELECT a.i AS x, b.i AS y FROM numbers a, numbers b";
/// Rows of the table `numbers`.
pub(crate) const NUMBERS: i64 = 20_000;
/// Within this time a statement works again after the engine was killed.
pub(crate) const RECOVERY: Duration = Duration::from_secs(30);

/// A cluster, and the permission to use the machine.
pub(crate) struct Guarded<C, G> {
    cluster: C,
    _machine: G,
}

impl<G> Deref for Guarded<Cluster, G> {
    type Target = Cluster;
    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl<G> DerefMut for Guarded<Cluster, G> {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

impl<G> Deref for Guarded<&'static Cluster, G> {
    type Target = Cluster;
    fn deref(&self) -> &Cluster {
        self.cluster
    }
}

/// The cluster all harmless tests share. It has the table `numbers`.
pub(crate) fn shared() -> Guarded<&'static Cluster, RwLockReadGuard<'static, ()>> {
    let machine = MACHINE.read().unwrap_or_else(PoisonError::into_inner);
    let cluster = SHARED.get_or_init(|| start(Options::with_extension()));
    Guarded { cluster, _machine: machine }
}

/// The shared cluster, with no other test running.
pub(crate) fn quiet() -> Guarded<&'static Cluster, RwLockWriteGuard<'static, ()>> {
    let machine = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    let cluster = SHARED.get_or_init(|| start(Options::with_extension()));
    Guarded { cluster, _machine: machine }
}

/// A cluster of one's own, with the table `numbers`, with no other test running.
pub(crate) fn own(options: Options) -> Guarded<Cluster, RwLockWriteGuard<'static, ()>> {
    let machine = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    Guarded { cluster: start(options), _machine: machine }
}

fn start(options: Options) -> Cluster {
    let cluster = Cluster::start(options).expect("the cluster starts");
    let sql = format!(
        "CREATE TABLE source AS SELECT i::bigint AS i FROM generate_series(1, {NUMBERS}) i; \
         CREATE TABLE numbers USING duckdb AS SELECT * FROM source"
    );
    // Each statement on its own: together they would be one transaction writing both kinds.
    for statement in sql.split("; ") {
        cluster.client().expect("connects").batch_execute(statement).expect("the table is made");
    }
    cluster
}

/// The one number that `sql` gives.
pub(crate) fn number(client: &mut Client, sql: &str) -> Result<i64, postgres::Error> {
    client.query_one(sql, &[]).map(|row| row.get(0))
}

/// SQLSTATE of an error, or `closed` if the connection was.
pub(crate) fn sqlstate(error: &postgres::Error) -> String {
    error.code().map_or_else(|| "closed".to_owned(), |code| code.code().to_owned())
}

/// An error with all that the server says of it; the type's own text is just "db error".
pub(crate) fn explain(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |error| format!("{error:?}"))
}

/// Tries `sql` on new connections until it works, and returns the time that took.
pub(crate) fn works_again(cluster: &Cluster, sql: &str, expected: i64) -> Duration {
    let start = Instant::now();
    wait::for_some("a statement that works", Duration::from_secs(20), || {
        let value = number(&mut cluster.client().expect("Postgres itself is up"), sql).ok()?;
        assert_eq!(value, expected);
        Some(())
    })
    .expect("works again");
    start.elapsed()
}

/// Waits until the engine runs no query.
pub(crate) fn engine_is_idle(cluster: &Cluster, timeout: Duration) {
    let mut client = cluster.client().expect("connects");
    wait::until("idle engine", timeout, || {
        number(&mut client, "SELECT running_queries::bigint FROM duckdb.engine_status()").expect("status")
            == 0
    })
    .expect("the engine's queries stop");
}

/// Asserts that Postgres did not restart its processes after a crash of one.
pub(crate) fn no_recovery(cluster: &Cluster) {
    let log = cluster.log().expect("log");
    for line in
        ["because of crash of another server process", "all server processes terminated; reinitializing"]
    {
        assert!(!log.contains(line), "Postgres went into recovery:\n{log}");
    }
}
