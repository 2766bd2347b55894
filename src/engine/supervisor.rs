//! The background worker that keeps the engine process alive.
//!
//! It starts `pg_duckdb_engine` as a child, forwards its log lines, restarts it when it dies
//! and stops it with the server. The engine cannot outlive it: the kernel kills the engine
//! when this process dies (`PR_SET_PDEATHSIG`), and the end of its standard input tells it to
//! checkpoint and leave. Everything runs on the worker's main thread.

use std::fs;
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use bridge_types::names;
use pgrx::bgworkers::{BackgroundWorker, BackgroundWorkerBuilder, BgWorkerStartTime, SignalWakeFlags};
use pgrx::pg_sys;
use pgrx::prelude::*;

use crate::{gucs, motherduck};

/// Time the engine has for its checkpoint before it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);
/// An engine that has lived this long is restarted at once.
const LONG_LIFE: Duration = Duration::from_secs(10);
/// One that got as far as its socket is restarted after the first pause; one that did not is
/// tried again after a pause that doubles up to the maximum.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// `oom_score_adj` of the engine: the kernel's out-of-memory killer takes it before any
/// Postgres process.
const OOM_SCORE_ADJ: &str = "800";

/// Registers the worker; called once in the postmaster.
pub(crate) fn init() {
    BackgroundWorkerBuilder::new("pg_duckdb supervisor")
        .set_type("pg_duckdb supervisor")
        .set_library("pg_duckdb")
        .set_function("pg_duckdb_supervisor_main")
        .set_start_time(BgWorkerStartTime::ConsistentState)
        .set_restart_time(Some(Duration::from_secs(1)))
        .load();
}

/// Entry point of the worker.
#[pg_guard]
#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_duckdb_supervisor_main(_arg: pg_sys::Datum) {
    BackgroundWorker::attach_signal_handlers(
        SignalWakeFlags::SIGTERM | SignalWakeFlags::SIGHUP | SignalWakeFlags::SIGCHLD,
    );
    motherduck::sync::worker::start_all();
    Supervisor::default().run();
    // Exit code 0 would end the worker for good, should somebody terminate it by hand; with 1
    // the postmaster starts it again, unless it is shutting down itself.
    // SAFETY: main thread; nothing with a destructor is alive.
    unsafe { pg_sys::proc_exit(1) };
}

#[derive(Default)]
struct Supervisor {
    restarts: u64,
    last_error: String,
    pause: Duration,
}

impl Supervisor {
    fn run(&mut self) {
        loop {
            let started = Instant::now();
            match Engine::start(self.restarts, &self.last_error) {
                Ok(mut engine) => {
                    if !engine.watch() {
                        engine.stop();
                        return;
                    }
                    let ready = engine.was_ready();
                    self.last_error = engine.obituary();
                    pgrx::warning!("DuckDB engine {}, restarting it", self.last_error);
                    self.pause = if started.elapsed() > LONG_LIFE {
                        Duration::ZERO
                    } else if ready {
                        FIRST_PAUSE
                    } else {
                        (self.pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE)
                    };
                }
                Err(error) => {
                    self.last_error = format!("could not be started: {error}");
                    self.pause = (self.pause * 2).clamp(FIRST_PAUSE, MAX_PAUSE);
                    pgrx::warning!("DuckDB engine {}, next try in {:?}", self.last_error, self.pause);
                }
            }
            self.restarts += 1;
            let until = Instant::now() + self.pause;
            while Instant::now() < until {
                if BackgroundWorker::sigterm_received() {
                    return;
                }
                wait(None, until.saturating_duration_since(Instant::now()));
            }
            if BackgroundWorker::sigterm_received() {
                return;
            }
        }
    }
}

/// A running engine. Killed and reaped when dropped.
struct Engine {
    child: Child,
    log: ChildStderr,
    partial_line: Vec<u8>,
    last_line: String,
    status: Option<ExitStatus>,
}

/// Where `make install` puts the engine: beside this library, in a directory of its own.
fn program() -> PathBuf {
    // SAFETY: a NUL-terminated buffer that Postgres fills at start.
    let library = unsafe { crate::pg::owned_string(std::ptr::addr_of!(pg_sys::pkglib_path).cast()) };
    Path::new(&library).join("pg_duckdb").join("pg_duckdb_engine")
}

fn text(setting: Option<std::ffi::CString>) -> Option<String> {
    setting.map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

impl Engine {
    fn start(restarts: u64, last_error: &str) -> io::Result<Self> {
        let socket = Path::new(names::SOCKET);
        let run_directory = socket.parent().unwrap_or(Path::new("."));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(run_directory)?;
        for directory in [Path::new(names::DIRECTORY), run_directory] {
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        }
        // Its presence says that the engine got ready, see `was_ready`.
        match fs::remove_file(socket) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }

        let mut command = Command::new(program());
        command.arg("serve").args(["--directory", names::DIRECTORY]);
        command.args(["--restarts", &restarts.to_string()]);
        if !last_error.is_empty() {
            command.args(["--last-error", last_error]);
        }
        if let Some(mb) = gucs::memory_limit_mb() {
            command.args(["--memory-limit", &format!("{mb}MiB")]);
        }
        if let Some(threads) = gucs::threads() {
            command.args(["--threads", &threads.to_string()]);
        }
        for (option, setting) in [
            ("--temp-directory", &gucs::TEMPORARY_DIRECTORY),
            ("--max-temp-directory-size", &gucs::MAX_TEMP_DIRECTORY_SIZE),
            ("--extension-directory", &gucs::EXTENSION_DIRECTORY),
            ("--motherduck-emulator", &gucs::MOTHERDUCK_EMULATOR_DIRECTORY),
        ] {
            if let Some(value) = text(setting.get()) {
                command.args([option, &value]);
            }
        }
        command.args(["--motherduck-idle-timeout", &gucs::MOTHERDUCK_IDLE_TIMEOUT.get().to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.env_remove("RUST_BACKTRACE");
        let supervisor = std::process::id().cast_signed();
        // SAFETY: between fork and exec only async-signal-safe calls are made.
        unsafe { command.pre_exec(move || prepare_child(supervisor)) };
        let mut child = command
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", program().display())))?;
        let log = child.stderr.take().expect("piped above");
        rustix::io::ioctl_fionbio(&log, true)?;
        Ok(Self { child, log, partial_line: Vec::new(), last_line: String::new(), status: None })
    }

    /// Forwards the log until the engine dies (true) or the server stops (false).
    fn watch(&mut self) -> bool {
        loop {
            let open = self.forward_log();
            match self.child.try_wait() {
                Ok(None) => {}
                Ok(status) => {
                    self.status = status;
                    self.forward_log();
                    return true;
                }
                Err(_) => return true,
            }
            if BackgroundWorker::sigterm_received() {
                return false;
            }
            if BackgroundWorker::sighup_received() {
                // SAFETY: main thread; the settings of ours need a restart, logging ones do not.
                unsafe { pg_sys::ProcessConfigFile(pg_sys::GucContext::PGC_SIGHUP) };
            }
            // Without its log the exit is noticed by SIGCHLD, and at the latest by the timeout.
            wait(open.then_some(&self.log), Duration::from_secs(1));
        }
    }

    /// Forwards complete lines; false once the pipe is closed.
    fn forward_log(&mut self) -> bool {
        let mut buffer = [0; 4096];
        loop {
            match self.log.read(&mut buffer) {
                Ok(0) => return false,
                Ok(n) => {
                    self.partial_line.extend_from_slice(&buffer[..n]);
                    while let Some(end) = self.partial_line.iter().position(|byte| *byte == b'\n') {
                        let line: Vec<u8> = self.partial_line.drain(..=end).collect();
                        self.log_line(String::from_utf8_lossy(&line).trim_end());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    fn log_line(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if let Some(message) = line.strip_prefix("LOG:  ") {
            pgrx::log!("pg_duckdb engine: {message}");
        } else {
            let message = line.strip_prefix("WARNING:  ").unwrap_or(line);
            pgrx::warning!("pg_duckdb engine: {message}");
            self.last_line = message.to_owned();
        }
    }

    fn was_ready(&self) -> bool {
        Path::new(names::SOCKET).exists()
    }

    /// How it died, for the log and `duckdb.engine_status()`.
    fn obituary(&self) -> String {
        let how = match self.status {
            Some(status) => match (status.signal(), status.code()) {
                (Some(signal), _) => format!("was terminated by signal {signal}"),
                (None, Some(code)) => format!("exited with code {code}"),
                (None, None) => "disappeared".to_owned(),
            },
            None => "disappeared".to_owned(),
        };
        if self.last_line.is_empty() { how } else { format!("{how}: {}", self.last_line) }
    }

    /// Lets the engine checkpoint and exit; kills it when it takes too long.
    fn stop(&mut self) {
        drop(self.child.stdin.take());
        let deadline = Instant::now() + STOP_TIMEOUT;
        while Instant::now() < deadline {
            let open = self.forward_log();
            if let Ok(Some(status)) = self.child.try_wait() {
                self.status = Some(status);
                return;
            }
            wait(open.then_some(&self.log), Duration::from_millis(100));
        }
        pgrx::warning!("DuckDB engine did not stop within {STOP_TIMEOUT:?}, killing it");
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if self.status.is_none() {
            // Fails only if it is gone already.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Runs in the child between fork and exec.
fn prepare_child(supervisor: i32) -> io::Result<()> {
    // SAFETY: plain system calls on the child itself.
    unsafe {
        libc::setpgid(0, 0);
        if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) != 0 {
            return Err(io::Error::last_os_error());
        }
        // The supervisor may have died before the line above.
        if libc::getppid() != supervisor {
            libc::_exit(1);
        }
        // The server's descriptors are none of the engine's business; closed at exec.
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        for signal in [libc::SIGPIPE, libc::SIGHUP, libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGUSR1]
        {
            libc::signal(signal, libc::SIG_DFL);
        }
        // The engine has a process group of its own, but must not stay behind on SIGHUP.
        libc::signal(libc::SIGHUP, libc::SIG_IGN);
    }
    // Raising one's own score needs no privilege; where /proc is missing it does not matter.
    let _ = fs::write("/proc/self/oom_score_adj", OOM_SCORE_ADJ);
    Ok(())
}

/// Sleeps until the latch is set, the pipe is readable or the time is over; dies with the
/// postmaster.
fn wait(pipe: Option<&ChildStderr>, timeout: Duration) {
    let timeout = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX).max(1);
    let readable = if pipe.is_some() { pg_sys::WL_SOCKET_READABLE } else { 0 };
    let events = pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH | readable;
    let fd = pipe.map_or(pg_sys::PGINVALID_SOCKET, AsRawFd::as_raw_fd);
    // SAFETY: main thread, own latch, a live descriptor.
    unsafe {
        pg_sys::WaitLatchOrSocket(
            pg_sys::MyLatch,
            events.cast_signed(),
            fd,
            timeout,
            pg_sys::PG_WAIT_EXTENSION,
        );
        pg_sys::ResetLatch(pg_sys::MyLatch);
    }
    super::interrupt::check();
}
