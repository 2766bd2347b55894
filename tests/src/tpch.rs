//! TPC-H: data of any scale factor, and the statements of `benches/datasets/tpch`.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use postgres::Client;
use rayon::prelude::*;
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator, PartSuppGenerator,
    RegionGenerator, SupplierGenerator,
};

use crate::account::state_directory;
use crate::artifacts::Artifacts;
use crate::{Result, account};

/// The tables, in an order that suits their references, and the columns of each with
/// DuckDB's types.
pub const TABLES: [(&str, &str); 8] = [
    ("region", "r_regionkey INTEGER, r_name VARCHAR, r_comment VARCHAR"),
    ("nation", "n_nationkey INTEGER, n_name VARCHAR, n_regionkey INTEGER, n_comment VARCHAR"),
    (
        "supplier",
        "s_suppkey BIGINT, s_name VARCHAR, s_address VARCHAR, s_nationkey INTEGER, s_phone VARCHAR, \
         s_acctbal DECIMAL(15,2), s_comment VARCHAR",
    ),
    (
        "customer",
        "c_custkey BIGINT, c_name VARCHAR, c_address VARCHAR, c_nationkey INTEGER, c_phone VARCHAR, \
         c_acctbal DECIMAL(15,2), c_mktsegment VARCHAR, c_comment VARCHAR",
    ),
    (
        "part",
        "p_partkey BIGINT, p_name VARCHAR, p_mfgr VARCHAR, p_brand VARCHAR, p_type VARCHAR, p_size INTEGER, \
         p_container VARCHAR, p_retailprice DECIMAL(15,2), p_comment VARCHAR",
    ),
    (
        "partsupp",
        "ps_partkey BIGINT, ps_suppkey BIGINT, ps_availqty INTEGER, ps_supplycost DECIMAL(15,2), ps_comment VARCHAR",
    ),
    (
        "orders",
        "o_orderkey BIGINT, o_custkey BIGINT, o_orderstatus VARCHAR, o_totalprice DECIMAL(15,2), o_orderdate DATE, \
         o_orderpriority VARCHAR, o_clerk VARCHAR, o_shippriority INTEGER, o_comment VARCHAR",
    ),
    (
        "lineitem",
        "l_orderkey BIGINT, l_partkey BIGINT, l_suppkey BIGINT, l_linenumber INTEGER, l_quantity DECIMAL(15,2), \
         l_extendedprice DECIMAL(15,2), l_discount DECIMAL(15,2), l_tax DECIMAL(15,2), l_returnflag VARCHAR, \
         l_linestatus VARCHAR, l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct VARCHAR, \
         l_shipmode VARCHAR, l_comment VARCHAR",
    ),
];

/// Files a large table is generated in, at most: enough to keep the cores of a
/// workstation busy, few enough to name in a COPY each.
const PARTS: i32 = 8;

/// Generated data of one scale factor, readable for the servers' account.
#[derive(Debug, Clone)]
pub struct Data {
    directory: PathBuf,
}

impl Data {
    /// The data of `scale_factor`: generated once, in `<table>.<part>.tbl` files with
    /// `|` between the fields.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn generate(scale_factor: f64) -> Result<Self> {
        let parent = state_directory()?.join("tpch");
        fs::create_dir_all(&parent)?;
        let directory = parent.join(format!("sf{scale_factor}"));
        if !directory.exists() {
            let unfinished = tempfile::Builder::new().prefix(".generating-").tempdir_in(&parent)?;
            TABLES
                .par_iter()
                .try_for_each(|(table, _)| generate_table(unfinished.path(), table, scale_factor))?;
            fs::set_permissions(unfinished.path(), fs::Permissions::from_mode(0o755))?;
            // Whoever came first has written the same.
            if fs::rename(unfinished.path(), &directory).is_ok() {
                let _ = unfinished.keep();
            }
        }
        Ok(Self { directory })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The text files of `table`.
    ///
    /// # Errors
    /// If the directory can't be read.
    pub fn text_files(&self, table: &str) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".tbl")) {
                files.push(path);
            }
        }
        files.sort();
        Ok(files)
    }

    /// The Parquet file of `table`, written by `engine` if it is not there.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn parquet(&self, engine: &Path, table: &str, columns: &str) -> Result<PathBuf> {
        let file = self.directory.join(format!("{table}.parquet"));
        if file.exists() {
            return Ok(file);
        }
        let unfinished = self.directory.join(format!(".{table}.parquet.{}", std::process::id()));
        let types = columns
            .split(", ")
            .map(|column| column.split_once(' ').map(|(name, kind)| format!("'{name}': '{kind}'")))
            .collect::<Option<Vec<String>>>()
            .ok_or("a column without a type")?
            .join(", ");
        let sql = format!(
            "COPY (SELECT * FROM read_csv('{}/{table}.*.tbl', delim = '|', header = false, quote = '', escape = '', \
             auto_detect = false, columns = {{{types}}})) TO '{}' (FORMAT parquet)",
            self.directory.display(),
            unfinished.display(),
        );
        let mut command = Command::new(engine);
        account::clean_environment(&mut command);
        let output = command.args(["run", "--database", ":memory:", "-c", &sql]).output()?;
        if !output.status.success() {
            return Err(format!("{}: {}", engine.display(), String::from_utf8_lossy(&output.stderr)).into());
        }
        // The engine's files are its user's alone; this one is for the servers' account too.
        fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o644))?;
        fs::rename(unfinished, &file)?;
        Ok(file)
    }

    /// All Parquet files, written by `engine` where missing.
    ///
    /// # Errors
    /// As [`Data::parquet`].
    pub fn all_parquet(&self, engine: &Path) -> Result<()> {
        TABLES.iter().try_for_each(|(table, columns)| self.parquet(engine, table, columns).map(drop))
    }

    /// Creates the tables in the client's current schema with `using` (empty or
    /// `USING duckdb`), and copies the text files into them. For heap tables.
    ///
    /// # Errors
    /// If the server refuses.
    pub fn copy_into(&self, client: &mut Client) -> Result<()> {
        client.batch_execute(&create_tables("")?)?;
        for (table, _) in TABLES {
            for file in self.text_files(table)? {
                let copy = format!("COPY {table} FROM '{}' WITH (DELIMITER '|')", file.display());
                client.batch_execute(&copy)?;
            }
        }
        // Baselines deserve statistics.
        Ok(client.batch_execute("ANALYZE")?)
    }
}

/// The statements that create the tables, with `using` at the end of each.
///
/// # Errors
/// If the file can't be read.
pub fn create_tables(using: &str) -> Result<String> {
    Ok(fs::read_to_string(dataset().join("create_tables.sql"))?.replace(":using", using))
}

/// The statements that load duckdb tables from the Parquet files in `directory`.
///
/// # Errors
/// If the file can't be read.
pub fn load_statements(directory: &Path) -> Result<String> {
    Ok(fs::read_to_string(dataset().join("load.sql"))?.replace(":directory", &directory.to_string_lossy()))
}

/// The 22 queries, as (name, text without the semicolon).
///
/// # Errors
/// If a file can't be read.
pub fn queries() -> Result<Vec<(String, String)>> {
    (1..=22)
        .map(|number| {
            let name = format!("q{number:02}");
            let text = fs::read_to_string(dataset().join(format!("queries/{name}.sql")))?;
            Ok((name, text.trim().trim_end_matches(';').to_owned()))
        })
        .collect()
}

fn dataset() -> PathBuf {
    Artifacts::source_root().join("benches/datasets/tpch")
}

fn generate_table(directory: &Path, table: &str, scale: f64) -> Result<()> {
    // Below this the parts would be empty or tiny.
    let parts = if scale < 0.1 { 1 } else { PARTS };
    let each = |write: &(dyn Fn(i32, i32, &Path) -> Result<()> + Sync)| -> Result<()> {
        (1..=parts)
            .into_par_iter()
            .try_for_each(|part| write(part, parts, &directory.join(format!("{table}.{part}.tbl"))))
    };
    match table {
        "region" => write_rows(RegionGenerator::new(scale, 1, 1).iter(), &directory.join("region.1.tbl")),
        "nation" => write_rows(NationGenerator::new(scale, 1, 1).iter(), &directory.join("nation.1.tbl")),
        "supplier" => {
            each(&|part, of, file| write_rows(SupplierGenerator::new(scale, part, of).iter(), file))
        }
        "customer" => {
            each(&|part, of, file| write_rows(CustomerGenerator::new(scale, part, of).iter(), file))
        }
        "part" => each(&|part, of, file| write_rows(PartGenerator::new(scale, part, of).iter(), file)),
        "partsupp" => {
            each(&|part, of, file| write_rows(PartSuppGenerator::new(scale, part, of).iter(), file))
        }
        "orders" => each(&|part, of, file| write_rows(OrderGenerator::new(scale, part, of).iter(), file)),
        "lineitem" => {
            each(&|part, of, file| write_rows(LineItemGenerator::new(scale, part, of).iter(), file))
        }
        other => Err(format!("no TPC-H table is called {other}").into()),
    }
}

/// Writes rows in their `tbl` form, less the bar that ends each line there: COPY would
/// take it for the start of one more column.
fn write_rows(rows: impl Iterator<Item = impl Display>, file: &Path) -> Result<()> {
    use std::fmt::Write as _;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let mut line = String::new();
    for row in rows {
        line.clear();
        write!(line, "{row}")?;
        writeln!(out, "{}", line.strip_suffix('|').unwrap_or(&line))?;
    }
    Ok(out.into_inner()?.sync_data()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_22_queries_without_semicolons() {
        let queries = queries().expect("the files are in the repository");
        assert_eq!(queries.len(), 22);
        assert!(queries.iter().all(|(_, text)| !text.contains(';')));
    }

    #[test]
    fn lines_have_as_many_fields_as_the_table_columns() {
        let directory = tempfile::tempdir().expect("temporary directory");
        for (table, columns) in TABLES {
            generate_table(directory.path(), table, 0.001).expect("generates");
            let text = fs::read_to_string(directory.path().join(format!("{table}.1.tbl"))).expect("written");
            let first = text.lines().next().expect("has rows");
            assert_eq!(first.split('|').count(), columns.split(", ").count(), "{table}: {first}");
        }
    }
}
