//! What the engine asks of the operating system about itself: signals, its parent, its end.

#![expect(unsafe_code, reason = "signal handlers and _exit have no safe interface")]

use rustix::process::{Signal, getppid, set_parent_process_death_signal};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by SIGTERM and SIGINT.
static STOP: AtomicBool = AtomicBool::new(false);

extern "C" fn on_stop_signal(_: libc::c_int) {
    STOP.store(true, Ordering::Release);
}

/// True once the process was asked to stop by a signal.
pub(crate) fn stop_requested() -> bool {
    STOP.load(Ordering::Acquire)
}

/// Turns SIGTERM and SIGINT into [`stop_requested`]; they also end a blocking poll.
pub(crate) fn handle_stop_signals() -> io::Result<()> {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: a zeroed sigaction is an empty mask without flags (no SA_RESTART, so that
        // poll returns); the handler only stores to an atomic.
        let result = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_stop_signal as *const () as usize;
            libc::sigaction(signal, &raw const action, std::ptr::null_mut())
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Dies with the parent, however that dies; an error if it is dead already.
pub(crate) fn die_with_parent() -> io::Result<()> {
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::KILL))?;
    // A parent that died before the call sends no signal any more.
    if getppid() != parent {
        return Err(io::Error::other("the parent process is gone"));
    }
    Ok(())
}

/// Files and directories of this process are private to its user.
pub(crate) fn private_files() {
    let _previous = rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Ends the process without running destructors or exit handlers.
pub(crate) fn exit_at_once(code: i32) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(code) }
}
