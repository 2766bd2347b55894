//! COPY to and from files in DuckDB's formats: Parquet, JSON, compressed CSV, and remote files.
//!
//! TO becomes DuckDB's own `COPY (query) TO`, where the query is lowered like any other, or fed by
//! Postgres. FROM becomes `INSERT INTO t SELECT * FROM read_parquet(..)`, so that columns get the
//! casts of an assignment, and heap tables can be filled as well.

use std::ffi::c_char;

use bridge_types::names::{quote_identifier, quote_literal};
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::{copy_where, planner};
use crate::error::{Error, Result};
use crate::lower::LoweredQuery;
use crate::pg::{self, list, owned_string, palloc_string};
use crate::resolve::reader;
use crate::tables::create_as;

/// Endings of names of files that Postgres does not read.
const ENDINGS: [&str; 7] = [".parquet", ".json", ".ndjson", ".jsonl", ".gz", ".zst", ".zstd"];

/// Options of COPY TO that DuckDB has and Postgres has not.
const WRITE_OPTIONS: [&str; 27] = [
    "append",
    "array",
    "compression",
    "compression_level",
    "dateformat",
    "field_ids",
    "file_extension",
    "file_size_bytes",
    "filename_pattern",
    "hive_file_pattern",
    "nullstr",
    "overwrite",
    "overwrite_or_ignore",
    "parquet_version",
    "partition_by",
    "per_thread_output",
    "prefix",
    "preserve_order",
    "return_files",
    "row_group_size",
    "row_group_size_bytes",
    "row_groups_per_file",
    "suffix",
    "timestampformat",
    "use_tmp_file",
    "write_empty_file",
    "write_partition_columns",
];

/// Options of COPY that both have, for CSV.
const SHARED_OPTIONS: [&str; 9] =
    ["delimiter", "encoding", "escape", "force_quote", "format", "header", "null", "quote", "delim"];

/// What DuckDB is to do with a file.
pub(super) struct FileCopy {
    path: String,
    format: String,
    /// The other options: name, and value as DuckDB SQL (empty for none).
    options: Vec<(String, String)>,
}

/// The file that DuckDB reads or writes; `None` if Postgres does it.
///
/// # Safety
/// A valid statement.
///
/// # Errors
/// 42601 for options that DuckDB does not have, 0A000 for DuckDB's formats without a file.
pub(super) unsafe fn file_of(statement: &pg_sys::CopyStmt) -> Result<Option<FileCopy>> {
    let mut options = Vec::new();
    // SAFETY: as the caller promises.
    unsafe {
        for option in list::pointers::<pg_sys::DefElem>(statement.options) {
            let name = owned_string((*option).defname).to_lowercase();
            options.push((name, value((*option).arg)?));
        }
    }
    // SAFETY: null or a string of the statement.
    let path = unsafe { owned_string(statement.filename) };
    let format = options.iter().find(|(name, _)| name == "format").map(|(_, value)| plain(value));
    let is_ours = |format: &str| matches!(format, "parquet" | "json");
    let wanted = format.as_deref().is_some_and(is_ours)
        || !statement.is_program
            && (reader::is_remote(&path) || ENDINGS.iter().any(|end| path.ends_with(end)))
        || options.iter().any(|(name, _)| WRITE_OPTIONS.contains(&name.as_str()));
    // Other formats are Postgres' to refuse: no name of a user's becomes part of DuckDB's SQL.
    if !wanted || format.as_deref().is_some_and(|format| !is_ours(format) && format != "csv") {
        return Ok(None);
    }
    if path.is_empty() || statement.is_program {
        return Err(EngineError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "COPY in a format of DuckDB needs the name of a file",
        )
        .with_hint("STDIN, STDOUT and PROGRAM have the formats text, csv and binary.")
        .into());
    }
    for (name, _) in &options {
        let known = SHARED_OPTIONS.contains(&name.as_str()) || WRITE_OPTIONS.contains(&name.as_str());
        if !known && !statement.is_from {
            return Err(Error::new(SqlState::SYNTAX_ERROR, format!("option \"{name}\" not recognized")));
        }
    }
    let format = format.unwrap_or_else(|| guessed(&path).to_owned());
    options.retain(|(name, _)| name != "format");
    Ok(Some(FileCopy { path, format, options }))
}

/// The format that a file's name tells.
fn guessed(path: &str) -> &'static str {
    let path = [".gz", ".zst", ".zstd"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    if path.ends_with(".parquet") {
        "parquet"
    } else if [".json", ".ndjson", ".jsonl"].iter().any(|end| path.ends_with(end)) {
        "json"
    } else {
        "csv"
    }
}

/// The value of an option as DuckDB SQL; empty if it has none.
///
/// # Safety
/// `node` is null or an argument of an option.
unsafe fn value(node: *mut pg_sys::Node) -> Result<String> {
    if node.is_null() {
        return Ok(String::new());
    }
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        Ok(match (*node).type_ {
            NodeTag::T_String => quote_literal(&pg::node_string(node)),
            NodeTag::T_A_Star => "*".to_owned(),
            NodeTag::T_List => {
                let names = list::pointers::<pg_sys::Node>(node.cast()).map(|item| pg::node_string(item));
                format!("({})", names.map(|name| quote_identifier(&name)).collect::<Vec<_>>().join(", "))
            }
            _ => {
                let option = pg::new_node::<pg_sys::DefElem>(NodeTag::T_DefElem);
                (*option).defname = palloc_string("option");
                (*option).arg = node;
                let text = owned_string(pg_sys::defGetString(option));
                let is_number = matches!((*node).type_, NodeTag::T_Integer | NodeTag::T_Float);
                if is_number { text } else { quote_literal(&text) }
            }
        })
    }
}

/// The text of a quoted value.
fn plain(value: &str) -> String {
    value.trim_matches('\'').to_lowercase()
}

impl FileCopy {
    /// `COPY .. TO` the file; returns the number of rows.
    ///
    /// # Safety
    /// The statement that this was made of, and the arguments of `ProcessUtility`.
    pub(super) unsafe fn write(
        &self,
        statement: &pg_sys::CopyStmt,
        query_string: *const c_char,
        params: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
    ) -> Result<u64> {
        self.check_write()?;
        planner::check_role()?;
        // SAFETY: as the caller promises.
        unsafe {
            let query = analysed(statement, query_string)?;
            let mut source = create_as::lower_for_copy(query)?;
            source.sql = self.sql(&source);
            source.columns.clear();
            create_as::run(query, pg_sys::CmdType::CMD_SELECT, query_string, source, params, environment)
        }
    }

    fn sql(&self, source: &LoweredQuery) -> String {
        let mut names: Vec<String> = Vec::new();
        for column in &source.columns {
            // DuckDB does not tell names by case, and files do not have one twice.
            let taken = |name: &str| names.iter().any(|other| other.eq_ignore_ascii_case(name));
            let name = &column.spec.name;
            let free = (1..).map(|i| format!("{name}_{i}")).find(|other| !taken(other));
            names.push(if taken(name) { free.unwrap_or_default() } else { name.clone() });
        }
        let names: Vec<String> = names.iter().map(|name| quote_identifier(name)).collect();
        let options = self.options.iter().map(|(name, value)| format!(", {name} {value}"));
        format!(
            "COPY (SELECT * FROM ({}) AS \"copied\"({})) TO {} (FORMAT {}{})",
            source.sql,
            names.join(", "),
            quote_literal(&self.path),
            self.format,
            options.collect::<String>()
        )
    }

    /// May the user write the file?
    fn check_write(&self) -> Result<()> {
        if reader::is_remote(&self.path) {
            return Ok(());
        }
        if !self.path.starts_with('/') {
            return Err(Error::new(SqlState::INVALID_NAME, "relative path not allowed for COPY to file"));
        }
        // SAFETY: main thread, in a transaction.
        let allowed = unsafe {
            let role = pg_sys::Oid::from(pg_sys::ROLE_PG_WRITE_SERVER_FILES);
            pg_sys::has_privs_of_role(pg_sys::GetUserId(), role)
        };
        if allowed {
            return Ok(());
        }
        Err(EngineError::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            "must be superuser or have privileges of the pg_write_server_files role to COPY to a file",
        )
        .with_hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.")
        .into())
    }

    /// `COPY t FROM` the file, as an INSERT; its text.
    ///
    /// # Safety
    /// The statement that this was made of, and its text; main thread, in a transaction, SPI is connected.
    unsafe fn insert(
        &self,
        statement: &pg_sys::CopyStmt,
        query_string: *const c_char,
        schema: &str,
    ) -> Result<String> {
        // SAFETY: as the caller promises.
        unsafe {
            let relid = pg_sys::RangeVarGetRelidExtended(
                statement.relation,
                pg_sys::RowExclusiveLock.cast_signed(),
                0,
                None,
                std::ptr::null_mut(),
            );
            let target = pg_sys::quote_qualified_identifier(
                pg_sys::get_namespace_name(pg_sys::get_rel_namespace(relid)),
                pg_sys::get_rel_name(relid),
            );
            let columns: Vec<String> = list::pointers::<pg_sys::Node>(statement.attlist)
                .map(|name| quote_identifier(&pg::node_string(name)))
                .collect();
            let columns =
                if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
            let source = self.reader(schema);
            let values = described(&source);
            let select = if statement.whereClause.is_null() {
                let values: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
                format!("SELECT {} FROM {source} AS r", values.join(", "))
            } else {
                copy_where::filtered(statement, relid, query_string, &values, &source)?
            };
            Ok(format!("INSERT INTO {}{columns} {select}", owned_string(target)))
        }
    }

    /// The call of the function that reads the file; `schema` is that of the extension.
    fn reader(&self, schema: &str) -> String {
        let options = self.options.iter().map(|(name, value)| {
            let name = match name.as_str() {
                "delimiter" => "delim",
                "null" => "nullstr",
                name => name,
            };
            let value = if value.is_empty() { "true" } else { value };
            format!(", {} => {value}", quote_identifier(name))
        });
        format!(
            "{}.read_{}({}{})",
            quote_identifier(schema),
            self.format,
            quote_literal(&self.path),
            options.collect::<String>()
        )
    }

    /// `COPY t FROM` the file; returns the number of rows.
    ///
    /// # Safety
    /// As [`Self::insert`].
    pub(super) unsafe fn read(
        &self,
        statement: &pg_sys::CopyStmt,
        query_string: *const c_char,
    ) -> Result<u64> {
        // SAFETY: as the caller promises; SPI is left again, by Postgres itself after an error.
        unsafe {
            pg_sys::SPI_connect();
            let schema = "SELECT n.nspname FROM pg_catalog.pg_extension e \
                 JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_duckdb'";
            pg_sys::SPI_execute(palloc_string(schema), true, 1);
            let rows = pg_sys::SPI_tuptable;
            let schema = owned_string(pg_sys::SPI_getvalue(*(*rows).vals, (*rows).tupdesc, 1));
            let insert = self.insert(statement, query_string, &schema)?;
            pg_sys::SPI_execute(palloc_string(&insert), false, 0);
            let rows = pg_sys::SPI_processed;
            pg_sys::SPI_finish();
            Ok(rows)
        }
    }
}

/// A column of a file, as an expression over the alias `r`.
pub(super) struct FileColumn {
    pub(super) text: String,
    pub(super) type_id: pg_sys::Oid,
}

/// The columns of a file.
///
/// # Safety
/// SPI is connected; `source` is a call of a reader.
unsafe fn described(source: &str) -> Vec<FileColumn> {
    // SAFETY: as the caller promises; a SELECT has a result, if without rows.
    unsafe {
        pg_sys::SPI_execute(palloc_string(&format!("SELECT * FROM {source} LIMIT 0")), true, 0);
        let descriptor = (*pg_sys::SPI_tuptable).tupdesc;
        pg::attributes(descriptor)
            .iter()
            .map(|attribute| {
                let name = owned_string(attribute.attname.data.as_ptr());
                let ty = pg_sys::format_type_with_typemod(attribute.atttypid, attribute.atttypmod);
                let text = format!("r[{}]::{}", quote_literal(&name), owned_string(ty));
                FileColumn { text, type_id: attribute.atttypid }
            })
            .collect()
    }
}

/// The query of `COPY .. TO`, analysed and rewritten; of a table the columns that Postgres copies.
///
/// # Safety
/// A COPY TO.
unsafe fn analysed(statement: &pg_sys::CopyStmt, query_string: *const c_char) -> Result<*mut pg_sys::Query> {
    // SAFETY: as the caller promises; the parser gets a copy.
    unsafe {
        let select = if statement.query.is_null() {
            super::copy::select_of(statement)
        } else {
            pg_sys::copyObjectImpl(statement.query.cast_const().cast()).cast()
        };
        if (*select).type_ != NodeTag::T_SelectStmt
            || !(*select.cast::<pg_sys::SelectStmt>()).intoClause.is_null()
        {
            return Err(EngineError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "COPY to a file of DuckDB needs a SELECT",
            )
            .into());
        }
        let raw = pg::new_node::<pg_sys::RawStmt>(NodeTag::T_RawStmt);
        (*raw).stmt = select;
        let query =
            pg_sys::parse_analyze_fixedparams(raw, query_string, std::ptr::null(), 0, std::ptr::null_mut());
        create_as::rewritten(query.cast())
    }
}

#[cfg(test)]
mod tests {
    use super::guessed;

    #[test]
    fn formats_are_told_by_names() {
        assert_eq!(guessed("/a/b.parquet"), "parquet");
        assert_eq!(guessed("s3://b/x.ndjson.gz"), "json");
        assert_eq!(guessed("/a/b.csv.zst"), "csv");
        assert_eq!(guessed("https://h/x"), "csv");
    }
}
