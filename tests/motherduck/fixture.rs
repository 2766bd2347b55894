//! A database with an account in the emulator.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use postgres::Client;
use tests::account::Account;
use tests::cluster::{Cluster, Options, Shutdown};
use tests::wait;

/// How long anything may take to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// The emulator's directory, below the data directory.
const EMULATOR: &str = "motherduck";

static SHARED: OnceLock<Cluster> = OnceLock::new();
/// Only one at a time: they have one list of tokens.
static TOKENS: Mutex<()> = Mutex::new(());

/// A cluster, shared with other tests or not.
enum Host {
    Shared(&'static Cluster),
    Own(Box<Cluster>),
}

/// A Postgres database, and an account of MotherDuck of the same name.
pub(crate) struct Cloud {
    host: Host,
    name: String,
}

impl Cloud {
    /// In the shared cluster, MotherDuck not enabled yet. Its environment has the token of account
    /// `second`.
    pub(crate) fn start(name: &str) -> Self {
        let cluster = SHARED
            .get_or_init(|| cluster(Options::with_extension().variable("motherduck_token", "second"), &[]));
        Self::on(Host::Shared(cluster), name)
    }

    /// In the shared cluster, with MotherDuck enabled.
    pub(crate) fn enabled(name: &str) -> Self {
        let cloud = Self::start(name);
        cloud.client().batch_execute(&cloud.enable()).expect("enables");
        cloud
    }

    /// In a cluster of its own.
    pub(crate) fn alone(name: &str) -> Self {
        Self::alone_with(name, &[])
    }

    /// In a cluster of its own with more settings.
    pub(crate) fn alone_with(name: &str, settings: &[(&str, &str)]) -> Self {
        Self::on(Host::Own(Box::new(cluster(Options::with_extension(), settings))), name)
    }

    /// Another database of this cluster, with an account of its own.
    pub(crate) fn beside(&self, name: &str) -> Self {
        match &self.host {
            Host::Shared(cluster) => Self::on(Host::Shared(cluster), name),
            Host::Own(_) => panic!("only in the shared cluster"),
        }
    }

    /// Lines of the server's log with this text.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.log().lines().filter(|line| line.contains(text)).count()
    }

    /// Process id of the database's sync worker; `None` while there is none.
    pub(crate) fn worker(&self) -> Option<u32> {
        let sql = "SELECT pid::text FROM pg_stat_activity \
                   WHERE backend_type = 'pg_duckdb sync worker' AND datname = current_database()";
        let mut client = self.cluster().client_of(&self.name).ok()?;
        let rows = client.query(sql, &[]).ok()?;
        rows.first()?.get::<_, String>(0).parse().ok()
    }

    /// Runs one of Postgres' programs on the database and returns what it prints.
    pub(crate) fn program(&self, name: &str, arguments: &[&str]) -> String {
        let account = Account::for_servers().expect("an account");
        let mut command = account.command(&self.cluster().tree().program(name));
        let config = self.cluster().config(&self.name);
        let port = config.get_ports().first().expect("the fixture names a port").to_string();
        command.env("PGHOST", self.cluster().directory()).env("PGPORT", port);
        command.env("PGUSER", config.get_user().expect("and the user"));
        let output = command.args(arguments).output().expect("runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn on(host: Host, name: &str) -> Self {
        let cloud = Self { host, name: name.to_owned() };
        let mut client = cloud.cluster().client().expect("connects");
        client.batch_execute(&format!("CREATE DATABASE {name}")).expect("creates");
        cloud.client().batch_execute("CREATE EXTENSION pg_duckdb").expect("creates");
        let _one = TOKENS.lock().unwrap_or_else(PoisonError::into_inner);
        let path = cloud.tokens();
        let mut text = fs::read_to_string(&path).expect("reads");
        text.insert_str(
            0,
            &format!(
                "[tokens.{name}_rw]\naccount = '{name}'\n[tokens.{name}_ro]\naccount = '{name}'\naccess = 'read_scaling'\n"
            ),
        );
        fs::write(path, text).expect("writes");
        cloud
    }

    fn cluster(&self) -> &Cluster {
        match &self.host {
            Host::Shared(cluster) => cluster,
            Host::Own(cluster) => cluster,
        }
    }

    fn tokens(&self) -> PathBuf {
        self.cluster().data_directory().join(EMULATOR).join("tokens.toml")
    }

    /// Says how well the service does; only for a cluster of one's own.
    pub(crate) fn service(&self, conditions: &str) {
        let text = fs::read_to_string(self.tokens()).expect("reads");
        let tokens = text.split("[service]").next().unwrap_or_default();
        let interval =
            if conditions.contains("replica_interval_ms") { "" } else { "replica_interval_ms = 50\n" };
        fs::write(self.tokens(), format!("{tokens}[service]\n{interval}{conditions}\n")).expect("writes");
        // The file's time is what the engine goes by, and it has the clock's resolution.
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Token with all rights.
    pub(crate) fn token(&self) -> String {
        format!("{}_rw", self.name)
    }

    /// Read-scaling token.
    pub(crate) fn reader_token(&self) -> String {
        format!("{}_ro", self.name)
    }

    /// The statement that enables MotherDuck.
    pub(crate) fn enable(&self) -> String {
        format!("CALL duckdb.enable_motherduck('{}')", self.token())
    }

    /// A connection to the database.
    pub(crate) fn client(&self) -> Client {
        self.cluster().client_of(&self.name).expect("connects")
    }

    /// A connection, if there can be one now.
    pub(crate) fn try_client(&self) -> Option<Client> {
        self.cluster().client_of(&self.name).ok()
    }

    /// What psql prints, notices included.
    pub(crate) fn psql(&self, script: &str) -> String {
        self.cluster().psql_merged(&self.name, &[], script).expect("psql runs")
    }

    /// The server's log.
    pub(crate) fn log(&self) -> String {
        self.cluster().log().expect("reads")
    }

    /// Runs statements in MotherDuck, behind Postgres' back.
    pub(crate) fn md(&self, sql: &str) {
        self.engine_sql(sql);
    }

    /// As [`Self::md`] while the engine may go down at any time: in one transaction, again until the
    /// query `done` says `true`.
    pub(crate) fn md_insist(&self, sql: &str, done: &str) {
        let mut said = String::new();
        let outcome = wait::until(sql, PATIENCE, || {
            let output = self.run_engine_sql(done);
            let answer = String::from_utf8_lossy(&output.stdout);
            if output.status.success() && answer.lines().nth(1) == Some("true") {
                return true;
            }
            let output = self.run_engine_sql(&format!("BEGIN; {sql}; COMMIT"));
            said = String::from_utf8_lossy(&output.stderr).into_owned();
            false
        });
        assert!(outcome.is_ok(), "{sql}: {said}");
    }

    /// The first column of a query in MotherDuck.
    pub(crate) fn rows(&self, sql: &str) -> Vec<String> {
        self.engine_sql(sql).lines().skip(1).map(str::to_owned).collect()
    }

    fn engine_sql(&self, sql: &str) -> String {
        let mut output = None;
        // An engine may just be on its way.
        wait::until("the engine", PATIENCE, || {
            let output = output.insert(self.run_engine_sql(sql));
            output.status.success()
                || !String::from_utf8_lossy(&output.stderr).contains("could not connect to")
        })
        .expect("connects");
        let output = output.expect("was run");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    pub(crate) fn run_engine_sql(&self, sql: &str) -> std::process::Output {
        let account = Account::for_servers().expect("an account");
        let mut command = account.command(&self.cluster().tree().engine());
        command.args(["sql", "--motherduck", "--format", "csv"]);
        command.arg("--socket").arg(self.cluster().data_directory().join(bridge_types::names::SOCKET));
        command.env("motherduck_token", self.token()).stdin(Stdio::piped());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("runs");
        // A program that could not connect does not read.
        drop(std::io::Write::write_all(&mut child.stdin.take().expect("piped"), sql.as_bytes()));
        child.wait_with_output().expect("ends")
    }

    /// Waits until a query in Postgres gives these rows (columns separated by `|`).
    pub(crate) fn eventually(&self, sql: &str, expected: &[&str]) {
        let mut last = String::new();
        let done = wait::until(sql, PATIENCE, || {
            last = self
                .cluster()
                .psql_merged(&self.name, &["-qAt"], sql)
                .unwrap_or_else(|error| error.to_string());
            last.lines().eq(expected.iter().copied())
        });
        let log = self.log();
        let end: Vec<&str> = log.lines().filter(|line| line.contains("WARNING")).rev().take(20).collect();
        assert!(done.is_ok(), "{sql} gives {last:?}, not {expected:?}; last warnings:\n{}", end.join("\n"));
    }

    /// Waits until there is no relation of that name.
    pub(crate) fn gone(&self, name: &str) {
        self.eventually(&format!("SELECT count(*) FROM pg_class WHERE relname = '{name}'"), &["0"]);
    }

    /// Kills the engine and waits for another.
    pub(crate) fn kill_engine(&self) {
        let pid = self.cluster().engine_pid().expect("runs");
        tests::process::kill(pid).expect("kills");
        self.cluster().new_engine(pid, PATIENCE).expect("restarts");
    }

    /// Restarts the server; only for a cluster of one's own.
    pub(crate) fn restart(&mut self) {
        let Host::Own(cluster) = &mut self.host else { panic!("the cluster is shared") };
        cluster.restart(Shutdown::Fast).expect("restarts");
        wait::until("the engine", PATIENCE, || cluster.engine_pid().is_ok()).expect("starts");
    }

    /// Drops the database.
    pub(crate) fn drop_database(&self) {
        let mut client = self.cluster().client().expect("connects");
        client.batch_execute(&format!("DROP DATABASE {}", self.name)).expect("drops");
    }
}

/// True once no process of that kind is left.
pub(crate) fn ended(cloud: &Cloud, backend_type: &str) -> bool {
    let mut client = cloud.cluster().client().expect("connects");
    let sql = format!("SELECT count(*)::text FROM pg_stat_activity WHERE backend_type = '{backend_type}'");
    wait::until(backend_type, PATIENCE, || texts(&mut client, &sql) == ["0"]).is_ok()
}

fn cluster(options: Options, settings: &[(&str, &str)]) -> Cluster {
    let mut options = options
        // A sync worker that is killed makes Postgres recover.
        .set("synchronous_commit", "on")
        .set("duckdb.motherduck_emulator_directory", EMULATOR)
        .set("duckdb.motherduck_sync_interval", "50ms")
        .set("duckdb.postgres_role", "duckdb_group")
        .set("max_worker_processes", "64");
    for (name, value) in settings {
        options = options.set(name, value);
    }
    let cluster = Cluster::start(options).expect("the cluster starts");
    let directory = cluster.data_directory().join(EMULATOR);
    fs::create_dir_all(&directory).expect("creates");
    fs::write(
        directory.join("tokens.toml"),
        "[tokens.second]\naccount = 'second'\n[service]\nreplica_interval_ms = 50\n",
    )
    .expect("writes");
    let account = Account::for_servers().expect("an account");
    account.own(&directory).expect("owns");
    account.own(&directory.join("tokens.toml")).expect("owns");
    cluster
}

/// The first column of a query, as text.
pub(crate) fn texts(client: &mut Client, sql: &str) -> Vec<String> {
    client
        .query(sql, &[])
        .unwrap_or_else(|error| panic!("{sql}: {}", explain(&error)))
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// SQLSTATE of an error.
pub(crate) fn sqlstate(error: &postgres::Error) -> String {
    error.code().map_or_else(|| "closed".to_owned(), |code| code.code().to_owned())
}

/// An error with all that the server says of it.
pub(crate) fn explain(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |error| format!("{error:?}"))
}
