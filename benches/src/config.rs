//! `benches/datasets/<name>/config.toml`.

use std::fs;

use ::tests::Result;
use ::tests::artifacts::Artifacts;

/// A data set's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// TPC-H scale factor; 1 is 6 million rows in lineitem.
    pub scale_factor: f64,
    /// Measured runs of each query.
    pub runs: usize,
}

impl Config {
    /// The settings of data set `name`. `BENCH_SCALE_FACTOR` in the environment replaces the
    /// scale factor (for a quick look; the targets are for 1).
    ///
    /// # Errors
    /// If the file can't be read or lacks a setting.
    pub fn of(name: &str) -> Result<Self> {
        let file = Artifacts::source_root().join("benches/datasets").join(name).join("config.toml");
        let mut config = Self::parse(&fs::read_to_string(file)?)?;
        if let Ok(scale_factor) = std::env::var("BENCH_SCALE_FACTOR") {
            config.scale_factor = scale_factor.parse()?;
        }
        Ok(config)
    }

    /// The file is so simple a TOML that `key = value` lines and comments are all it has.
    fn parse(text: &str) -> Result<Self> {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .find_map(|(key, value)| (key.trim() == name).then_some(value.trim()))
                .ok_or_else(|| format!("config.toml lacks {name}"))
        };
        Ok(Self { scale_factor: value("scale_factor")?.parse()?, runs: value("runs")?.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tpch_file_is_readable() {
        let config = Config::parse(include_str!("../datasets/tpch/config.toml")).expect("well formed");
        assert_eq!(config, Config { scale_factor: 1.0, runs: 5 });
    }
}
