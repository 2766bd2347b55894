//! Ends a server whose test process is gone.
//!
//! A shell waits for the end of a pipe whose other end we hold; the kernel closes it
//! however we die. (`PR_SET_PDEATHSIG` would follow the thread that started the server,
//! and test threads come and go.)

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use crate::Result;

/// A watching shell.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    leash: Option<ChildStdin>,
}

/// "stop" on the pipe dismisses the shell; its end without that is our death. SIGQUIT lets
/// the postmaster end its children; what is still there after that is not ours to judge.
const SCRIPT: &str = r#"
read -r word || word=gone
[ "$word" = stop ] && exit 0
kill -QUIT "$1" 2>/dev/null
for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.2; done
rm -rf "$2"
"#;

impl Watchdog {
    /// Watches over the postmaster `pid`, whose files are below `directory`.
    pub(super) fn of_postmaster(pid: u32, directory: &Path) -> Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog", &pid.to_string()])
            .arg(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .current_dir("/")
            // Its own group: the Ctrl-C that ends us must not end it first.
            .process_group(0)
            .spawn()?;
        let leash = shell.stdin.take();
        Ok(Self { shell, leash })
    }

    /// The server has ended; its pid may soon be someone else's.
    pub(super) fn dismiss(mut self) {
        use std::io::Write;
        if let Some(mut leash) = self.leash.take() {
            let _ = leash.write_all(b"stop\n");
        }
        let _ = self.shell.wait();
    }
}
