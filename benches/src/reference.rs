//! DuckDB's own time: the engine program run directly, without Postgres.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use ::tests::{Result, account};

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

    /// What it takes to fetch all rows of `sql` chunk by chunk as DuckDB makes them, reading ahead
    /// as much as `buffer` says: least CPU time and median wall time of `runs` runs.
    ///
    /// # Errors
    /// If the program fails, or prints no times.
    pub fn drain(&self, sql: &str, runs: usize, buffer: &str) -> Result<Drain> {
        drain(&self.run(sql, 1, runs, &["--cpu", "--streaming-buffer", buffer])?)
    }

    /// The median time of `runs` runs of `sql` in one process, after one that warms it up.
    ///
    /// # Errors
    /// If the program fails, or prints no time.
    pub fn time_median(&self, sql: &str, runs: usize) -> Result<Duration> {
        milliseconds(&self.run(sql, 1, runs, &[])?)
    }

    /// CPU and wall time of each of `statements`, run once in one process whose own database is in
    /// memory, after `set_up`.
    ///
    /// # Errors
    /// If the program fails, or prints no times.
    pub fn sequence(&self, set_up: &[String], statements: &[&str]) -> Result<Vec<Drain>> {
        let mut file = tempfile::NamedTempFile::new()?;
        for statement in set_up.iter().map(String::as_str).chain(statements.iter().copied()) {
            writeln!(file, "{statement};")?;
        }
        let mut command = Command::new(&self.engine);
        account::clean_environment(&mut command);
        command.args(["run", "--timing", "--cpu", "--threads", &self.threads.to_string()]);
        let output = command.args(["--database", ":memory:", "-f"]).arg(file.path()).output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {errors}", self.engine.display()).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let times: Vec<Drain> = text.lines().skip(set_up.len()).map(drain).collect::<Result<_>>()?;
        if times.len() != statements.len() {
            return Err(format!("{} times of {} statements", times.len(), statements.len()).into());
        }
        Ok(times)
    }

    /// The database file.
    #[must_use]
    pub fn database(&self) -> &Path {
        &self.database
    }

    /// The time of `sql`, run once in a process of its own.
    ///
    /// # Errors
    /// As [`Self::time_median`].
    pub fn time_once(&self, sql: &str) -> Result<Duration> {
        milliseconds(&self.run(sql, 0, 1, &[])?)
    }

    /// What `run --timing` prints of `sql`.
    fn run(&self, sql: &str, warm_up: usize, runs: usize, options: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.engine);
        account::clean_environment(&mut command);
        command.args(["run", "--timing", "--warm-up", &warm_up.to_string()]);
        command.args(["--repeat", &runs.to_string()]).args(options);
        command.args(["--threads", &self.threads.to_string()]).arg("--database").arg(&self.database);
        let output = command.args(["-c", sql]).output()?;
        if !output.status.success() {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {errors}", self.engine.display()).into());
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// What a query took.
#[derive(Debug, Clone, Copy)]
pub struct Drain {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of all threads.
    pub cpu: Duration,
}

/// Times as `run --timing --cpu` prints them.
fn drain(text: &str) -> Result<Drain> {
    let (wall, cpu) = text.trim().split_once(' ').ok_or_else(|| format!("no CPU time in \"{text}\""))?;
    Ok(Drain { wall: milliseconds(wall)?, cpu: milliseconds(cpu)? })
}

/// A time as `run --timing` prints it.
fn milliseconds(text: &str) -> Result<Duration> {
    let number: f64 = text.trim().parse().map_err(|_| format!("no time in \"{text}\""))?;
    Ok(Duration::from_secs_f64(number / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_number_of_milliseconds() {
        assert_eq!(milliseconds("1.500\n").expect("a number"), Duration::from_micros(1500));
        assert!(milliseconds("").is_err());
    }
}
