//! Talking to a cluster: through the Postgres protocol, psql, and `/proc`.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use postgres::{Client, Config, NoTls};

use super::{Cluster, PORT};
use crate::{Result, process, wait};

/// The role initdb made.
pub const SUPERUSER: &str = "postgres";

/// What a psql run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Whether psql ended with status 0.
    pub success: bool,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Connection parameters for `database` of the server whose socket is in `socket_directory`.
#[must_use]
pub fn connect_to(socket_directory: &Path, database: &str) -> Config {
    let mut config = Config::new();
    config.host_path(socket_directory).port(PORT).user(SUPERUSER).dbname(database);
    config
}

impl Cluster {
    /// A connection to database `postgres` as superuser.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn client(&self) -> Result<Client> {
        self.client_of("postgres")
    }

    /// A connection to `database` as superuser.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn client_of(&self, database: &str) -> Result<Client> {
        Ok(self.config(database).connect(NoTls)?)
    }

    /// Parameters for a connection to `database` as superuser.
    #[must_use]
    pub fn config(&self, database: &str) -> Config {
        connect_to(self.directory(), database)
    }

    /// Runs psql on `script` (its standard input) with more arguments; errors of SQL are
    /// in the output, not an error here.
    ///
    /// # Errors
    /// If psql can't be run.
    pub fn psql(&self, database: &str, arguments: &[&str], script: &str) -> Result<Output> {
        let mut command = self.psql_command(database, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        let mut stdin = child.stdin.take().ok_or("psql without standard input")?;
        // psql reads its input while it writes its output: feed it from the side, or both
        // pipes can be full.
        let output = std::thread::scope(|scope| {
            scope.spawn(move || {
                // psql may leave before it has read all; its output tells why.
                let _ = stdin.write_all(script.as_bytes());
            });
            child.wait_with_output()
        })?;
        Ok(Output {
            success: output.status.success(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// As [`Cluster::psql`], with both outputs in one text in the order they were written.
    ///
    /// # Errors
    /// If psql can't be run.
    pub fn psql_merged(&self, database: &str, arguments: &[&str], script: &str) -> Result<String> {
        let mut input = tempfile::tempfile()?;
        input.write_all(script.as_bytes())?;
        input.rewind()?;
        // Opened for appending once and duplicated: both streams write at one end.
        let output = tempfile::NamedTempFile::new()?;
        let stdout = File::options().append(true).open(output.path())?;
        let mut command = self.psql_command(database, arguments);
        command.stdin(input).stderr(stdout.try_clone()?).stdout(stdout).status()?;
        Ok(String::from_utf8_lossy(&std::fs::read(output.path())?).into_owned())
    }

    fn psql_command(&self, database: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.tree().program("psql"));
        crate::account::clean_environment(&mut command);
        command.arg("-X").arg("-h").arg(self.directory()).args(["-p", &PORT.to_string(), "-U", SUPERUSER]);
        command.args(["-d", database]).args(arguments);
        command
    }

    /// Pid of the engine as `duckdb.engine_status()` tells it.
    ///
    /// # Errors
    /// If it doesn't run or can't be asked.
    pub fn engine_pid(&self) -> Result<u32> {
        let row = self.client()?.query_one("SELECT pid::bigint FROM duckdb.engine_status()", &[])?;
        let pid: Option<i64> = row.get(0);
        Ok(u32::try_from(pid.ok_or("the engine does not run")?)?)
    }

    /// Pids of this cluster's engine processes, by looking at all processes: works when
    /// Postgres is down, and finds engines that should not be there.
    #[must_use]
    pub fn engine_processes(&self) -> Vec<u32> {
        process::engines_in(&self.data_directory())
    }

    /// Waits until the engine is another process than `old`, and returns it and the time
    /// it took.
    ///
    /// # Errors
    /// If there is none after `timeout`.
    pub fn new_engine(&self, old: u32, timeout: Duration) -> Result<(u32, Duration)> {
        wait::for_some("restart of the engine", timeout, || {
            self.engine_processes().into_iter().find(|pid| *pid != old)
        })
    }

    /// Waits until no engine process of this cluster is left.
    ///
    /// # Errors
    /// If one is still there after `timeout`.
    pub fn no_engine(&self, timeout: Duration) -> Result<Duration> {
        wait::until("end of the engine", timeout, || self.engine_processes().is_empty())
    }
}
