//! The table of what was to be reached and what was.

use std::fmt::Write as _;

/// One measured figure.
#[derive(Debug, Clone)]
pub struct Line {
    /// What was measured.
    pub what: String,
    /// The target, in words.
    pub target: String,
    /// The measured value, in words.
    pub measured: String,
    /// Whether the target is reached; `None` where there is none.
    pub reached: Option<bool>,
}

/// The figures of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    lines: Vec<Line>,
    details: String,
}

impl Report {
    /// Adds a figure that must not exceed `limit`; both are written with `unit`.
    pub fn at_most(&mut self, what: &str, value: f64, limit: f64, unit: &str) {
        self.lines.push(Line {
            what: what.to_owned(),
            target: format!("at most {limit} {unit}").trim_end().to_owned(),
            measured: format!("{value:.2} {unit}").trim_end().to_owned(),
            reached: Some(value <= limit),
        });
        eprintln!("bench: {what}: {value:.2} {unit}");
    }

    /// Adds a figure that must reach `limit`; both are written with `unit`.
    pub fn at_least(&mut self, what: &str, value: f64, limit: f64, unit: &str) {
        self.lines.push(Line {
            what: what.to_owned(),
            target: format!("at least {limit} {unit}").trim_end().to_owned(),
            measured: format!("{value:.2} {unit}").trim_end().to_owned(),
            reached: Some(value >= limit),
        });
        eprintln!("bench: {what}: {value:.2} {unit}");
    }

    /// Adds Markdown that goes below the table.
    pub fn detail(&mut self, text: &str) {
        self.details.push_str(text);
        self.details.push('\n');
    }

    /// True if every target is reached.
    #[must_use]
    pub fn all_reached(&self) -> bool {
        self.lines.iter().all(|line| line.reached != Some(false))
    }

    /// The whole as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let mut text = String::from("| what | target | measured | |\n|---|---|---|---|\n");
        for line in &self.lines {
            let mark = line.reached.map_or("", |reached| if reached { "ok" } else { "**missed**" });
            let _ = writeln!(text, "| {} | {} | {} | {mark} |", line.what, line.target, line.measured);
        }
        text.push('\n');
        text.push_str(&self.details);
        text
    }
}

/// The machine, in a line: processor, cores, memory.
#[must_use]
pub fn machine() -> String {
    let field = |file: &str, name: &str| -> Option<String> {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = field("/proc/meminfo", "MemTotal")
        .and_then(|text| text.split(' ').next()?.parse::<u64>().ok())
        .map_or(0, |kilobytes| kilobytes >> 20);
    let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".to_owned());
    format!("{processor}, {cores} cores, {memory} GiB")
}
