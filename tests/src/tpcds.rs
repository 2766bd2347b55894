//! TPC-DS: queries and data as DuckDB's extension has them. Nothing of it is kept in the repository:
//! `scripts/setup` fetches the extension, and the engine program writes both to files once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use postgres::Client;

use crate::account::state_directory;
use crate::artifacts::Artifacts;
use crate::sql_file::statements;
use crate::{Result, account};

/// How many queries there are.
pub const QUERIES: usize = 99;

/// Text that stands for NULL in the data files.
const NULL: &str = "\\N";

/// Queries and data of one scale factor, readable for the servers' account.
#[derive(Debug, Clone)]
pub struct Data {
    directory: PathBuf,
}

impl Data {
    /// The data of `scale_factor`: written by `engine` once, in `<table>.csv` files, with the queries
    /// in `q<number>.sql` and the tables in `tables.sql`.
    ///
    /// # Errors
    /// If the extension is not there, or the engine fails.
    pub fn generate(engine: &Path, scale_factor: f64) -> Result<Self> {
        Self::with_format(engine, scale_factor, "", &format!("FORMAT csv, HEADER false, NULLSTR '{NULL}'"))
    }

    /// The same with `<table>.parquet` files, which load faster.
    ///
    /// # Errors
    /// As [`Data::generate`].
    pub fn parquet(engine: &Path, scale_factor: f64) -> Result<Self> {
        Self::with_format(engine, scale_factor, "-parquet", "FORMAT parquet")
    }

    fn with_format(engine: &Path, scale_factor: f64, suffix: &str, export: &str) -> Result<Self> {
        let parent = state_directory()?.join("tpcds");
        fs::create_dir_all(&parent)?;
        let directory = parent.join(format!("sf{scale_factor}{suffix}"));
        if !directory.exists() {
            let unfinished = tempfile::Builder::new().prefix(".generating-").tempdir_in(&parent)?;
            generate(engine, unfinished.path(), scale_factor, export)?;
            fs::set_permissions(unfinished.path(), fs::Permissions::from_mode(0o755))?;
            for entry in fs::read_dir(unfinished.path())? {
                fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o644))?;
            }
            // Whoever came first has written the same.
            if fs::rename(unfinished.path(), &directory).is_ok() {
                let _ = unfinished.keep();
            }
        }
        Ok(Self { directory })
    }

    /// The files' directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The statements that create the tables, with `using` (empty or `USING duckdb`) at the end of
    /// each, and the tables' names.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn tables(&self, using: &str) -> Result<Vec<(String, String)>> {
        statements(&fs::read_to_string(self.directory.join("tables.sql"))?)
            .into_iter()
            .map(|statement| {
                let name =
                    statement.sql.strip_prefix("CREATE TABLE ").and_then(|rest| rest.split('(').next());
                let name = name.ok_or_else(|| format!("not a CREATE TABLE: {}", statement.sql))?;
                Ok((name.to_owned(), format!("{} {using}", statement.sql)))
            })
            .collect()
    }

    /// Creates heap tables in the client's current schema and fills them.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn copy_into(&self, client: &mut Client) -> Result<()> {
        for (table, create) in self.tables("")? {
            let file = self.directory.join(format!("{table}.csv"));
            client.batch_execute(&create)?;
            let copy = format!("COPY {table} FROM '{}' WITH (FORMAT csv, NULL '{NULL}')", file.display());
            client.batch_execute(&copy)?;
        }
        Ok(client.batch_execute("ANALYZE")?)
    }

    /// The queries in their order, as (name, text without the semicolon).
    ///
    /// # Errors
    /// If a file can't be read.
    pub fn queries(&self) -> Result<Vec<(String, String)>> {
        (1..=QUERIES)
            .map(|number| {
                let name = format!("q{number:02}");
                let text = fs::read_to_string(self.directory.join(format!("{name}.sql")))?;
                Ok((name, text.trim().trim_end_matches(';').to_owned()))
            })
            .collect()
    }
}

fn generate(engine: &Path, directory: &Path, scale_factor: f64, export: &str) -> Result<()> {
    let extension = Artifacts::libduckdb()?.with_file_name("tpcds.duckdb_extension");
    if !extension.is_file() {
        return Err(format!("{} is missing; run scripts/setup", extension.display()).into());
    }
    let file = |name: &str| format!("'{}'", directory.join(name).display());
    // Neither quoted nor separated: the text itself, whatever it is.
    let text = r"(FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER E'\x01')";
    let mut sql = format!("LOAD '{}'; CALL dsdgen(sf = {scale_factor});", extension.display());
    sql.push_str(&format!(
        "COPY (SELECT sql FROM duckdb_tables() ORDER BY table_name) TO {} {text};",
        file("tables.sql")
    ));
    for number in 1..=QUERIES {
        sql.push_str(&format!(
            "COPY (SELECT query FROM tpcds_queries() WHERE query_nr = {number}) TO {} {text};",
            file(&format!("q{number:02}.sql"))
        ));
    }
    // EXPORT writes each table to a file of its name.
    sql.push_str(&format!("EXPORT DATABASE {} ({export});", file("")));
    let mut command = Command::new(engine);
    account::clean_environment(&mut command);
    let output = command.args(["run", "--database", ":memory:", "-c", &sql]).output()?;
    if !output.status.success() {
        return Err(format!("{}: {}", engine.display(), String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(())
}
