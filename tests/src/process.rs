//! Looking at processes through `/proc`, and ending one by its pid.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::Result;

/// Memory of a process, in bytes, from `/proc/PID/smaps_rollup`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Resident pages, shared ones included.
    pub resident: u64,
    /// Resident pages that belong to this process alone and have no file behind them.
    pub anonymous: u64,
}

/// Memory of process `pid`.
///
/// # Errors
/// If it is gone or not ours to look at.
pub fn memory(pid: u32) -> Result<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))?;
    let field = |name: &str| -> Result<u64> {
        let line = text.lines().find(|line| line.starts_with(name)).ok_or("smaps_rollup lacks a field")?;
        let kilobytes: u64 = line.split_whitespace().nth(1).ok_or("smaps_rollup field is empty")?.parse()?;
        Ok(kilobytes * 1024)
    };
    Ok(Memory { resident: field("Rss:")?, anonymous: field("Anonymous:")? })
}

/// Shared segments (`memfd`) that process `pid` has mapped.
///
/// # Errors
/// If it is gone or not ours to look at.
pub fn shared_segments(pid: u32) -> Result<usize> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/maps"))?;
    Ok(text.lines().filter(|line| line.contains("/memfd:")).count())
}

/// CPU time (user and system) that process `pid` has used, all its threads together.
///
/// # Errors
/// If it is gone.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // schedstat counts nanoseconds; stat only clock ticks of 10 ms.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else { continue };
        nanoseconds += text.split_whitespace().next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// True if `pid` exists and is not a zombie.
#[must_use]
pub fn is_alive(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The state follows the name, which is in parentheses and may hold anything.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

/// Pids of living processes whose working directory is `directory`: for a data directory,
/// the server's processes and its engine.
#[must_use]
pub fn working_in(directory: &Path) -> Vec<u32> {
    living(|entry| std::fs::read_link(entry.join("cwd")).is_ok_and(|cwd| cwd == directory))
}

/// Pids of living engine processes whose working directory is `directory`.
#[must_use]
pub fn engines_in(directory: &Path) -> Vec<u32> {
    working_in(directory).into_iter().filter(|pid| name(*pid).is_some_and(|name| is_engine(&name))).collect()
}

/// The name of the program `pid` runs, cut to 15 bytes by the kernel.
#[must_use]
pub fn name(pid: u32) -> Option<String> {
    Some(std::fs::read_to_string(format!("/proc/{pid}/comm")).ok()?.trim_end().to_owned())
}

/// Sends `signal` to process `pid`. That it is already gone is not an error.
///
/// # Errors
/// If we may not signal it.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or("not a pid")?;
    match rustix::process::kill_process(pid, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Kills process `pid` in the way nothing can catch.
///
/// # Errors
/// As [`signal`].
pub fn kill(pid: u32) -> Result<()> {
    signal(pid, Signal::KILL)
}

fn is_engine(name: &str) -> bool {
    // comm holds 15 bytes: "pg_duckdb_engine" is one longer.
    name.starts_with("pg_duckdb_engin")
}

fn living(wanted: impl Fn(&PathBuf) -> bool) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| {
            let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
            (wanted(&entry.path()) && is_alive(pid)).then_some(pid)
        })
        .collect()
}
