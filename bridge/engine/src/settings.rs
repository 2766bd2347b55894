//! The engine's settings: memory, threads, spill, and what makes DuckDB answer as Postgres does.

use bridge_types::names::quote_literal;
use std::path::PathBuf;
use std::time::Duration;

/// Threads beyond the cores: each may be held by a blocked feed while the others work.
/// Idle threads cost nothing (measured), shrinking later would freeze all sessions.
const FEED_THREADS: usize = 4;
/// Spill space when nothing is said: bounded, so that a bad query cannot fill the disk.
pub(crate) const DEFAULT_MAX_TEMP_DIRECTORY_SIZE: &str = "10GiB";
/// The default share of physical memory, in percent.
const MEMORY_PERCENT: u64 = 50;
/// What a limit read from the system can be at least.
const MIN_MEMORY_BYTES: u64 = 64 << 20;

/// Fixed at start.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Directory of everything of ours.
    pub(crate) directory: PathBuf,
    /// DuckDB's `memory_limit`, in bytes.
    pub(crate) memory_limit_bytes: u64,
    /// Cores to use.
    pub(crate) threads: usize,
    /// Threads beyond the cores, for blocked feeds.
    pub(crate) feed_threads: usize,
    /// Spill directory.
    pub(crate) temp_directory: PathBuf,
    /// DuckDB's `max_temp_directory_size`.
    pub(crate) max_temp_directory_size: String,
    /// Where DuckDB extensions are.
    pub(crate) extension_directory: Option<PathBuf>,
    /// Starts after the first.
    pub(crate) restarts: u64,
    /// Why there was a restart.
    pub(crate) last_error: Option<String>,
    /// Most sessions at a time.
    pub(crate) max_sessions: usize,
    /// Directory that stands in for MotherDuck.
    pub(crate) motherduck_emulator: Option<PathBuf>,
    /// How long an account that nobody uses stays open.
    pub(crate) motherduck_idle_timeout: Duration,
    /// Bytes of a parked portal kept in memory.
    pub(crate) spool_memory_bytes: usize,
}

impl Settings {
    /// Options DuckDB must know before it starts.
    pub(crate) fn open_options(&self) -> Vec<(String, String)> {
        let mut options = vec![
            ("memory_limit".to_owned(), format!("{}B", self.memory_limit_bytes)),
            ("threads".to_owned(), (self.threads + self.feed_threads).to_string()),
            ("temp_directory".to_owned(), self.temp_directory.to_string_lossy().into_owned()),
            ("autoinstall_known_extensions".to_owned(), "false".to_owned()),
        ];
        if let Some(directory) = &self.extension_directory {
            options.push(("extension_directory".to_owned(), directory.to_string_lossy().into_owned()));
        }
        options
    }

    /// Statements run once after the start; all of instance scope.
    pub(crate) fn after_open(&self) -> Vec<String> {
        let spill = quote_literal(&self.max_temp_directory_size);
        let statements = [
            // Postgres: nulls are larger than everything, ascending or descending.
            "SET GLOBAL default_null_order = 'nulls_last_on_asc_first_on_desc'",
            "SET GLOBAL integer_division = true",
            "SET GLOBAL scalar_subquery_error_on_multiple_rows = true",
            "SET GLOBAL order_by_non_integer_literal = true",
            // Row order is part of the answer of queries that Postgres' users order implicitly.
            "SET GLOBAL preserve_insertion_order = true",
            // Takes -0.0 and 0.0 for one value, and keeps the first of a run.
            "SET GLOBAL disabled_compression_methods = 'rle'",
            // Would read the table below a window twice; the rows of a feed come once.
            "SET GLOBAL disabled_optimizers = 'window_self_join'",
            // A feed's backend must not wait while several row groups are compressed at once.
            "SET GLOBAL write_buffer_row_group_count = 1",
        ];
        let mut statements = statements.map(str::to_owned).to_vec();
        // Given at the start it is shown, but not enforced.
        statements.push(format!("SET GLOBAL max_temp_directory_size = {spill}"));
        statements
    }
}

/// Run on every session's connection. Progress is asked for by duckdb_query_progress, never printed.
pub(crate) const SESSION_START: &str = "SET enable_progress_bar = true; \
    SET enable_progress_bar_print = false; SET progress_bar_time = 0";

/// Parses `512MB`, `4GiB`, `1073741824`; `None` if it is none of these.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000 * 1000,
        "gb" => 1000 * 1000 * 1000,
        "tb" => 1000 * 1000 * 1000 * 1000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(scale);
    }
    let (whole, fraction) = number.split_once('.')?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 9)?;
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    let fraction = if fraction.is_empty() { 0 } else { fraction.parse::<u64>().ok()? };
    let fraction = u128::from(fraction) * u128::from(scale) / u128::from(10u64.pow(digits));
    whole.checked_mul(scale)?.checked_add(u64::try_from(fraction).ok()?)
}

/// Half of what this process may use: physical memory or the cgroup's limit, whichever is less.
pub(crate) fn default_memory_limit() -> u64 {
    let physical = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok()?.checked_mul(1024)
    });
    let group = cgroup_limit();
    let available = [physical, group].into_iter().flatten().min().unwrap_or(4 << 30);
    (available / 100 * MEMORY_PERCENT).max(MIN_MEMORY_BYTES)
}

/// The least memory limit of this process' control groups (v2, and v1's root).
fn cgroup_limit() -> Option<u64> {
    let read = |path: PathBuf| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut limits = vec![read("/sys/fs/cgroup/memory/memory.limit_in_bytes".into())];
    if let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::")) {
        let mut path = PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
        while path.starts_with("/sys/fs/cgroup") {
            limits.push(read(path.join("memory.max")));
            if !path.pop() {
                break;
            }
        }
    }
    limits.into_iter().flatten().min()
}

/// Cores this process may use.
pub(crate) fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The usual allowance for blocked feeds.
pub(crate) fn default_feed_threads() -> usize {
    FEED_THREADS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_duckdb_reads_them() {
        assert_eq!(parse_bytes("1024"), Some(1024));
        assert_eq!(parse_bytes("2GB"), Some(2_000_000_000));
        assert_eq!(parse_bytes("1.5 GiB"), Some(3 << 29));
        assert_eq!(parse_bytes("4 parsecs"), None);
        assert_eq!(parse_bytes(""), None);
    }

    #[test]
    fn the_default_limit_is_below_the_machine() {
        assert!(default_memory_limit() >= MIN_MEMORY_BYTES);
        assert!(default_threads() >= 1);
    }
}
