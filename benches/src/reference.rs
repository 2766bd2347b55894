//! DuckDB's own time: the engine program run directly, without Postgres.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ::tests::{Result, account};

use crate::sample::median;

/// DuckDB on a database file of ours.
#[derive(Debug, Clone)]
pub struct Reference {
    engine: PathBuf,
    database: PathBuf,
    threads: usize,
}

impl Reference {
    /// On `database`, which nobody else may have open.
    #[must_use]
    pub fn new(engine: &Path, database: &Path, threads: usize) -> Self {
        Self { engine: engine.to_owned(), database: database.to_owned(), threads }
    }

    /// The median time of `runs` runs of `sql` in one process, after one that is not counted.
    ///
    /// # Errors
    /// If the program fails, or prints no times.
    pub fn time_median(&self, sql: &str, runs: usize) -> Result<Duration> {
        let mut command = Command::new(&self.engine);
        account::clean_environment(&mut command);
        command.arg("run").arg("--timing");
        command.args(["--threads", &self.threads.to_string(), "--repeat", &(runs + 1).to_string()]);
        command.arg("-c").arg(sql).arg(&self.database);
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{}: {text}", self.engine.display()).into());
        }
        let times = times(&text);
        if times.len() <= 1 {
            return Err(format!("{} printed no times: {text}", self.engine.display()).into());
        }
        Ok(median(times[1..].to_vec()))
    }
}

/// The times in lines such as `time: 12.345 ms`, which `run --timing` prints on standard
/// error after each run.
fn times(text: &str) -> Vec<Duration> {
    text.lines()
        .filter_map(|line| line.strip_prefix("time: ")?.strip_suffix(" ms")?.parse::<f64>().ok())
        .map(|milliseconds| Duration::from_secs_f64(milliseconds / 1e3))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_among_other_lines() {
        let text = "time: 1.500 ms\nsomething else\ntime: 20 ms\n";
        assert_eq!(times(text), [Duration::from_micros(1500), Duration::from_millis(20)]);
    }
}
