//! Appending a row without a statement: nothing is parsed, planned or scheduled.

use super::{Connection, DuckError, borrowed_text, c_string, value::as_idx};
use libduckdb_sys as ffi;
use std::ptr;

impl Connection {
    /// Appends a row to a table of an INTEGER and a VARCHAR, in the open transaction if there is one.
    ///
    /// # Errors
    /// DuckDB's, such as for a table that is not there; the transaction is then lost.
    pub(crate) fn append(
        &self,
        [catalog, schema, table]: [&str; 3],
        number: i32,
        text: &str,
    ) -> Result<(), DuckError> {
        let (catalog, schema, table) = (c_string(catalog)?, c_string(schema)?, c_string(table)?);
        let mut raw: ffi::duckdb_appender = ptr::null_mut();
        // SAFETY: open connection, NUL-terminated names, a place for the handle. It exists on failure too, and
        // all calls on it but the last keep it; each is skipped once one has failed.
        unsafe {
            let done = ffi::duckdb_appender_create_ext(
                self.raw(),
                catalog.as_ptr(),
                schema.as_ptr(),
                table.as_ptr(),
                &raw mut raw,
            ) == ffi::DuckDBSuccess
                && ffi::duckdb_append_int32(raw, number) == ffi::DuckDBSuccess
                && ffi::duckdb_append_varchar_length(raw, text.as_ptr().cast(), as_idx(text.len()))
                    == ffi::DuckDBSuccess
                && ffi::duckdb_appender_end_row(raw) == ffi::DuckDBSuccess
                && ffi::duckdb_appender_flush(raw) == ffi::DuckDBSuccess;
            let error = (!done).then(|| DuckError::new(borrowed_text(ffi::duckdb_appender_error(raw))));
            ffi::duckdb_appender_destroy(&raw mut raw);
            error.map_or(Ok(()), Err)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::duckdb::{Connection, Database};

    #[test]
    fn a_row_belongs_to_the_open_transaction() {
        let database = Database::open(":memory:", &[]).unwrap();
        let connection = Connection::open(&database).unwrap();
        connection.query("CREATE SCHEMA s; CREATE TABLE s.t (i INTEGER, v VARCHAR)").unwrap();
        let append = |text: &str| connection.append(["memory", "s", "t"], 7, text);
        let rows = || connection.scalar_text("SELECT string_agg(i || v, ',' ORDER BY v) FROM s.t").unwrap();
        connection.query("BEGIN TRANSACTION").unwrap();
        append("lost").unwrap();
        assert_eq!(rows().as_deref(), Some("7lost"));
        connection.query("ROLLBACK").unwrap();
        assert_eq!(rows(), None);
        connection.query("BEGIN TRANSACTION").unwrap();
        append("kept").unwrap();
        connection.query("COMMIT").unwrap();
        append("at once").unwrap();
        assert_eq!(rows().as_deref(), Some("7at once,7kept"));
        let error = connection.append(["memory", "s", "none"], 7, "").unwrap_err();
        assert!(error.message.contains("none"), "{error}");
    }
}
