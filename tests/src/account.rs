//! The operating system account that owns servers and their files.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// The account servers run under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Account {
    /// We are not root: everything runs as ourselves.
    Ourselves,
    /// We are root: servers run as this user (Postgres refuses root).
    Other {
        /// User id of `postgres`.
        uid: u32,
        /// Primary group id of `postgres`.
        gid: u32,
    },
}

impl Account {
    /// The account for this process.
    ///
    /// # Errors
    /// If we are root and there is no user `postgres`.
    pub fn for_servers() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Ourselves);
        }
        Ok(Self::Other { uid: id_of_postgres("-u")?, gid: id_of_postgres("-g")? })
    }

    /// `program` run under this account, in `/` (our own working directory may be closed
    /// to it) and without the variables that would change what a server or psql does.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = match self {
            Self::Ourselves => Command::new(program),
            Self::Other { uid, gid } => {
                // setpriv execs the program in its own place: the child's pid is the program's.
                let mut command = Command::new("setpriv");
                command.arg(format!("--reuid={uid}")).arg(format!("--regid={gid}")).arg("--init-groups");
                command.arg("--").arg(program);
                command
            }
        };
        command.current_dir("/");
        clean_environment(&mut command);
        command
    }

    /// Gives `path` (not what is below it) to this account.
    ///
    /// # Errors
    /// If the owner can't be changed.
    pub fn own(&self, path: &Path) -> Result<()> {
        if let Self::Other { uid, gid } = self {
            chown(path, Some(*uid), Some(*gid))?;
        }
        Ok(())
    }
}

/// Removes what would leak from a developer's shell into a server or client:
/// connection defaults, psql settings, and `RUST_BACKTRACE`, with which pgrx appends a
/// backtrace to every error.
pub fn clean_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let Some(text) = name.to_str() else { continue };
        if text.starts_with("PG") || text.starts_with("RUST_") || text.starts_with("LC_") {
            command.env_remove(&name);
        }
    }
    command.env_remove("LANG").env_remove("PSQLRC").env_remove("TZ").env("LC_ALL", "C.UTF-8");
}

/// Directory of this user's trees, templates, data sets and kept clusters. Not below
/// `$HOME`: the account of the servers must be able to read it.
///
/// # Errors
/// If it can't be created.
pub fn state_directory() -> Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let directory = match std::env::var_os("PG_DUCKDB_STATE") {
        Some(given) => PathBuf::from(given),
        None => PathBuf::from(format!("/var/tmp/pg_duckdb-{uid}")),
    };
    // What is made below must be readable to the servers' account, whatever our shell says.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    std::fs::create_dir_all(&directory)?;
    let owner = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(&directory)?);
    if owner != uid {
        return Err(format!("{} belongs to user {owner}", directory.display()).into());
    }
    Ok(directory)
}

fn id_of_postgres(which: &str) -> Result<u32> {
    let output = Command::new("id").arg(which).arg("postgres").output()?;
    if !output.status.success() {
        return Err("running as root needs a user postgres; scripts/setup installs it".into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
