//! The cluster that stays: for `make cluster`, the demo and the benches.
//!
//! One per profile, in a fixed place, started with `pg_ctl` so that it outlives us.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use postgres::{Client, NoTls};

use crate::account::{Account, state_directory};
use crate::artifacts::Artifacts;
use crate::cluster::{Options, PORT, SUPERUSER, connect_to, copy_template};
use crate::install::Tree;
use crate::{Result, process};

/// A cluster in a fixed place.
#[derive(Debug, Clone)]
pub struct KeptCluster {
    tree: Tree,
    account: Account,
    directory: PathBuf,
}

impl KeptCluster {
    /// The one of the running program's profile; makes its tree and data directory if
    /// they don't exist, and brings the tree up to date.
    ///
    /// # Errors
    /// If the extension is not built or initdb fails.
    pub fn of_this_program() -> Result<Self> {
        let artifacts = Artifacts::of_this_program()?;
        let account = Account::for_servers()?;
        let directory = state_directory()?.join(format!("cluster-{}", artifacts.profile()));
        let cluster = Self { tree: Tree::install(Some(&artifacts))?, account, directory };
        fs::create_dir_all(&cluster.directory)?;
        fs::set_permissions(&cluster.directory, fs::Permissions::from_mode(0o755))?;
        cluster.account.own(&cluster.directory)?;
        if !cluster.data_directory().join("PG_VERSION").exists() {
            copy_template(&cluster.tree, &cluster.account, &cluster.data_directory())?;
        }
        Ok(cluster)
    }

    /// Starts it with `options`, after a stop if it runs: settings and libraries may
    /// have changed. Creates the extension in database `postgres`.
    ///
    /// # Errors
    /// If it does not start; the message names the log.
    pub fn start(&self, options: &Options) -> Result<()> {
        self.stop()?;
        self.start_afresh_if_outdated()?;
        let settings = options.settings(&self.directory);
        fs::write(self.data_directory().join("postgresql.auto.conf"), settings)?;
        let log = self.directory.join("log");
        // pg_ctl's own output goes to its caller's; the server's must not keep our pipes open.
        self.pg_ctl(&["-w", "-s", "-t", "60", "-l", &log.to_string_lossy(), "start"])
            .map_err(|error| format!("{error}; see {}", log.display()))?;
        self.client("postgres")?.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_duckdb")?;
        Ok(())
    }

    /// Removes the data of a cluster whose extension was created by another script: until the
    /// first release the version stays the same while its objects change.
    fn start_afresh_if_outdated(&self) -> Result<()> {
        let script = fs::read(Artifacts::source_root().join("sql/pg_duckdb--0.1.0.sql"))?;
        let stamp = self.directory.join("extension.sql");
        if fs::read(&stamp).is_ok_and(|created_by| created_by == script) {
            return Ok(());
        }
        if stamp.exists() {
            eprintln!("the extension's script has changed: the cluster starts afresh");
        }
        self.remove_data()?;
        fs::write(stamp, script)?;
        Ok(())
    }

    /// Stops it if it runs.
    ///
    /// # Errors
    /// If it does not stop.
    pub fn stop(&self) -> Result<()> {
        match self.postmaster_pid() {
            Some(_) => self.pg_ctl(&["-w", "-s", "-m", "fast", "stop"]),
            None => Ok(()),
        }
    }

    /// Removes all its data; it must not run.
    ///
    /// # Errors
    /// If it runs or a file can't be removed.
    pub fn remove_data(&self) -> Result<()> {
        if self.postmaster_pid().is_some() {
            return Err("the cluster runs".into());
        }
        fs::remove_dir_all(self.data_directory())?;
        copy_template(&self.tree, &self.account, &self.data_directory())
    }

    /// Pid of the postmaster, if one runs.
    #[must_use]
    pub fn postmaster_pid(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data_directory().join("postmaster.pid")).ok()?;
        let pid = text.lines().next()?.trim().parse().ok()?;
        process::is_alive(pid).then_some(pid)
    }

    /// A connection to `database` as superuser.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn client(&self, database: &str) -> Result<Client> {
        Ok(connect_to(&self.directory, database).connect(NoTls)?)
    }

    /// What a client needs, as lines `NAME=value` in the order host, port, user, database.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("PGHOST", self.directory.to_string_lossy().into_owned()),
            ("PGPORT", PORT.to_string()),
            ("PGUSER", SUPERUSER.to_owned()),
            ("PGDATABASE", "postgres".to_owned()),
        ]
    }

    /// The data directory.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// The private tree it runs on.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The account it runs under.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.account.command(&self.tree.program("pg_ctl"));
        command.arg("-D").arg(self.data_directory()).args(arguments).stdin(Stdio::null());
        // A file, not a pipe: the server inherits it and would keep a pipe open for ever.
        let errors = tempfile::NamedTempFile::new()?;
        command.stdout(Stdio::null()).stderr(File::options().append(true).open(errors.path())?);
        if command.status()?.success() {
            return Ok(());
        }
        Err(format!("pg_ctl {arguments:?} failed: {}", fs::read_to_string(errors.path())?.trim()).into())
    }
}
