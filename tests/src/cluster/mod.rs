//! A throw-away cluster: started on a copy of an initdb template, reached through a unix
//! socket only, ended and removed on drop, and also when this process is killed.

mod config;
mod connect;
mod template;
mod watchdog;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

pub use self::config::Options;
pub use self::connect::{Output, SUPERUSER, connect_to};
pub use self::template::{PORT, copy_template};
use self::watchdog::Watchdog;
use crate::account::Account;
use crate::artifacts::Artifacts;
use crate::install::Tree;
use crate::{Result, process, wait};

/// The longest a server may take to start, shut down or recover here.
const SERVER_TIMEOUT: Duration = Duration::from_secs(60);

/// How a server is told to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Roll back what runs, checkpoint, leave.
    Fast,
    /// Leave at once; the next start recovers.
    Immediate,
    /// `kill -9` of the postmaster; its children notice by themselves.
    Kill,
}

/// A throw-away cluster.
#[derive(Debug)]
pub struct Cluster {
    tree: Tree,
    account: Account,
    directory: TempDir,
    options: Options,
    server: Option<Server>,
}

/// A running postmaster, our child.
#[derive(Debug)]
struct Server {
    child: Child,
    // Ends the postmaster when we are gone; dropped (and reaped) after the child.
    watchdog: Watchdog,
}

impl Cluster {
    /// Installs the private tree, makes a cluster and starts it; with the extension,
    /// creates it in database `postgres`.
    ///
    /// # Errors
    /// If the extension is not built, or the server does not start (the message has the
    /// end of its log).
    pub fn start(options: Options) -> Result<Self> {
        let artifacts = if options.has_extension() { Some(Artifacts::of_this_program()?) } else { None };
        let tree = Tree::install(artifacts.as_ref())?;
        let account = Account::for_servers()?;
        // Short, because a socket's path may have 107 bytes.
        let directory = tempfile::Builder::new().prefix("pgd-").tempdir_in("/tmp")?;
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755))?;
        account.own(directory.path())?;
        copy_template(&tree, &account, &directory.path().join("data"))?;
        fs::write(directory.path().join("data/postgresql.auto.conf"), options.settings(directory.path()))?;

        let mut cluster = Self { tree, account, directory, options, server: None };
        cluster.start_server()?;
        if cluster.options.has_extension() {
            cluster.client()?.batch_execute("CREATE EXTENSION pg_duckdb")?;
        }
        Ok(cluster)
    }

    /// Starts the server of a cluster that was shut down.
    ///
    /// # Errors
    /// As [`Cluster::start`], or if it runs.
    pub fn start_server(&mut self) -> Result<()> {
        if self.server.is_some() {
            return Err("the server runs already".into());
        }
        let log = File::options().create(true).append(true).open(self.log_file())?;
        let mut command = self.account.command(&self.tree.program("postgres"));
        command.arg("-D").arg(self.data_directory());
        command.envs(self.options.variables().iter().cloned());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn()?;
        let watchdog = Watchdog::of_postmaster(child.id(), self.directory.path())?;
        self.server = Some(Server { child, watchdog });
        self.wait_until_ready()
    }

    /// Ends the server and waits for the postmaster's end (not for that of its children,
    /// which outlive one that was killed for a moment).
    ///
    /// # Errors
    /// If it does not end in time.
    pub fn shut_down(&mut self, how: Shutdown) -> Result<ExitStatus> {
        let mut server = self.server.take().ok_or("the server does not run")?;
        let signal = match how {
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
            Shutdown::Kill => Signal::KILL,
        };
        process::signal(server.child.id(), signal)?;
        let ended =
            wait::for_some("shutdown of the server", SERVER_TIMEOUT, || server.child.try_wait().transpose());
        if ended.is_err() {
            process::kill(server.child.id())?;
            server.child.wait()?;
        }
        server.watchdog.dismiss();
        Ok(ended?.0?)
    }

    /// [`Cluster::shut_down`] and [`Cluster::start_server`]. After [`Shutdown::Kill`] waits
    /// until the last process of the old server has gone: Postgres refuses to start before.
    ///
    /// # Errors
    /// As those.
    pub fn restart(&mut self, how: Shutdown) -> Result<()> {
        self.shut_down(how)?;
        wait::until("end of the old server's processes", SERVER_TIMEOUT, || {
            process::working_in(&self.data_directory()).is_empty()
        })?;
        self.start_server()
    }

    /// Pid of the postmaster.
    ///
    /// # Errors
    /// If the server does not run.
    pub fn postmaster_pid(&self) -> Result<u32> {
        Ok(self.server.as_ref().ok_or("the server does not run")?.child.id())
    }

    /// The data directory: working directory of all the server's processes.
    #[must_use]
    pub fn data_directory(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A directory that server and test both can write to.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What the server has logged so far.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(self.log_file())?).into_owned())
    }

    /// The private tree the server runs on.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    fn log_file(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let status_file = self.data_directory().join("postmaster.pid");
        let server = self.server.as_mut().ok_or("the server does not run")?;
        let pid = server.child.id().to_string();
        let child = &mut server.child;
        let ready = wait::for_some("start of the server", SERVER_TIMEOUT, || {
            if let Ok(Some(status)) = child.try_wait() {
                return Some(Err(status));
            }
            // Line 1 is the pid, line 8 the state. An old file may lie there at first.
            let text = fs::read_to_string(&status_file).ok()?;
            let ours = text.lines().next() == Some(pid.as_str());
            let ready = text.lines().nth(7).is_some_and(|line| line.trim() == "ready");
            (ours && ready).then_some(Ok(()))
        });
        match ready {
            Ok((Ok(()), _)) => Ok(()),
            Ok((Err(status), _)) => {
                self.server = None;
                Err(format!("the server ended with {status}:\n{}", self.end_of_log()).into())
            }
            Err(error) => Err(format!("{error}:\n{}", self.end_of_log()).into()),
        }
    }

    fn end_of_log(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("end of the server's log:\n{}", self.end_of_log());
        }
        // Immediate: nobody will read these data again. A server that does not end
        // within the time limit was killed by shut_down.
        if self.server.is_some() {
            let _ = self.shut_down(Shutdown::Immediate);
        }
    }
}
