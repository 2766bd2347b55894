//! Settings of a cluster.

use std::fmt::Write as _;
use std::path::Path;

use super::PORT;

/// What a throw-away cluster is started with.
#[derive(Debug, Clone)]
pub struct Options {
    extension: bool,
    durable: bool,
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Options {
    /// With the extension preloaded and created.
    #[must_use]
    pub fn with_extension() -> Self {
        Self { extension: true, durable: false, settings: Vec::new(), environment: Vec::new() }
    }

    /// Postgres as it is: for tests of the fixture, and for baselines.
    #[must_use]
    pub fn plain() -> Self {
        Self { extension: false, ..Self::with_extension() }
    }

    /// With `fsync` left on: for tests whose subject is what survives.
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// With a setting more.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a variable in the server's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables of the server's environment that were asked for.
    #[must_use]
    pub fn variables(&self) -> &[(String, String)] {
        &self.environment
    }

    /// With the settings of a `name = value; name = value` list.
    ///
    /// # Errors
    /// If an item has no `=`.
    pub fn set_all(mut self, list: &str) -> crate::Result<Self> {
        for item in list.split(';').map(str::trim).filter(|item| !item.is_empty()) {
            let (name, value) = item.split_once('=').ok_or_else(|| format!("no = in \"{item}\""))?;
            let value = value.trim();
            let bare = value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).unwrap_or(value);
            self.settings.push((name.trim().to_owned(), bare.to_owned()));
        }
        Ok(self)
    }

    /// Whether the extension is part of it.
    #[must_use]
    pub fn has_extension(&self) -> bool {
        self.extension
    }

    /// The settings as the text of a configuration file, with the socket in `socket_directory`.
    #[must_use]
    pub fn settings(&self, socket_directory: &Path) -> String {
        let mut text = String::new();
        let mut add = |name: &str, value: &str| {
            let _ = writeln!(text, "{name} = '{}'", value.replace('\'', "''"));
        };
        add("listen_addresses", "");
        add("unix_socket_directories", &socket_directory.to_string_lossy());
        add("port", &PORT.to_string());
        add("max_connections", "100");
        add("timezone", "UTC");
        add("datestyle", "ISO, YMD");
        add("log_line_prefix", "%m [%p] %b ");
        add("log_timezone", "UTC");
        if self.extension {
            add("shared_preload_libraries", "pg_duckdb");
        }
        if !self.durable {
            add("fsync", "off");
            add("full_page_writes", "off");
            add("synchronous_commit", "off");
        }
        for (name, value) in &self.settings {
            add(name, value);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_settings_is_split_at_semicolons() {
        let options =
            Options::plain().set_all(" work_mem = '64MB';; log_connections=on ").expect("well formed");
        let text = options.settings(Path::new("/tmp/x"));
        assert!(text.ends_with("work_mem = '64MB'\nlog_connections = 'on'\n"), "{text}");
    }

    #[test]
    fn a_setting_without_a_value_is_an_error() {
        assert!(Options::plain().set_all("work_mem").is_err());
    }
}
