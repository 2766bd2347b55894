//! One initdb for many clusters.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::Result;
use crate::account::{Account, state_directory};
use crate::install::Tree;

use super::SUPERUSER;

/// Every cluster listens on this port: its socket lies in a directory of its own, and
/// there is no TCP, so nothing else can be in the way.
pub const PORT: u16 = 5432;

/// Makes `data` a fresh data directory, a copy of the template that initdb made once.
///
/// # Errors
/// If initdb or the copy fails. The parent of `data` must belong to `account`.
pub fn copy_template(tree: &Tree, account: &Account, data: &Path) -> Result<()> {
    let parent = state_directory()?.join(format!("template-{}", tree.version()?));
    fs::create_dir_all(&parent)?;
    account.own(&parent)?;
    let lock = File::create(parent.join(".lock"))?;
    flock(&lock, FlockOperation::LockExclusive)?;

    let template = parent.join("data");
    if !template.join("complete").exists() {
        if template.exists() {
            fs::remove_dir_all(&template)?;
        }
        let mut initdb = account.command(&tree.program("initdb"));
        initdb.args(["--locale=C.UTF-8", "--encoding=UTF8", "--auth=trust", "--no-sync"]);
        run(initdb.args(["-U", SUPERUSER, "-D"]).arg(&template))?;
        fs::write(template.join("complete"), "")?;
        account.own(&template.join("complete"))?;
    }
    let mut copy = account.command(Path::new("cp"));
    run(copy.args(["-a", "--reflink=auto"]).arg(&template).arg(data))
}

fn run(command: &mut std::process::Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{:?} failed:\n{}", command.get_program(), String::from_utf8_lossy(&output.stderr)).into())
}
