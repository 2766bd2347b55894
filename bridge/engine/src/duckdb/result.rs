//! Results: streaming or materialised, read a chunk at a time.

use super::{Chunk, DuckError, LogicalType, borrowed_text};
use libduckdb_sys as ffi;

/// What a statement returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReturnKind {
    /// Rows.
    Rows,
    /// A number of changed rows.
    Changed,
    /// Nothing.
    Nothing,
}

/// A result; dropping it closes an open stream.
pub(crate) struct QueryResult {
    raw: ffi::duckdb_result,
}

// SAFETY: not tied to a thread, used by one at a time.
unsafe impl Send for QueryResult {}

impl QueryResult {
    /// Takes over the result of a call that returned `state`.
    ///
    /// # Safety
    /// `raw` is zeroed or was filled by a DuckDB function for us to destroy.
    pub(super) unsafe fn from_raw(
        state: ffi::duckdb_state,
        raw: ffi::duckdb_result,
    ) -> Result<Self, DuckError> {
        let mut result = Self { raw };
        if state == ffi::DuckDBSuccess {
            return Ok(result);
        }
        Err(result.error().unwrap_or_else(|| DuckError::new("")))
    }

    fn error(&mut self) -> Option<DuckError> {
        // SAFETY: a live result; null without an error.
        let text = unsafe { ffi::duckdb_result_error(&raw mut self.raw) };
        // SAFETY: null or a text the result owns.
        (!text.is_null()).then(|| DuckError::new(unsafe { borrowed_text(text) }))
    }

    /// The next chunk; `None` at the end. Chunks may be empty.
    pub(crate) fn fetch(&mut self) -> Result<Option<Chunk>, DuckError> {
        // SAFETY: a live result, passed by value as the C interface wants it.
        let chunk = unsafe { ffi::duckdb_fetch_chunk(self.raw) };
        if !chunk.is_null() {
            return Ok(Some(Chunk::from_raw(chunk)));
        }
        match self.error() {
            Some(error) if !error.message.is_empty() => Err(error),
            _ => Ok(None),
        }
    }

    /// What the statement returned.
    pub(crate) fn return_kind(&self) -> ReturnKind {
        // SAFETY: a live result.
        match unsafe { ffi::duckdb_result_return_type(self.raw) } {
            ffi::duckdb_result_type_DUCKDB_RESULT_TYPE_CHANGED_ROWS => ReturnKind::Changed,
            ffi::duckdb_result_type_DUCKDB_RESULT_TYPE_QUERY_RESULT => ReturnKind::Rows,
            _ => ReturnKind::Nothing,
        }
    }

    /// Rows changed by a *materialised* result of kind [`ReturnKind::Changed`].
    pub(crate) fn rows_changed(&mut self) -> u64 {
        if self.return_kind() != ReturnKind::Changed {
            return 0;
        }
        // SAFETY: a live, materialised result (the caller executed it so).
        unsafe { ffi::duckdb_rows_changed(&raw mut self.raw) }
    }

    /// Names and types of the columns.
    pub(crate) fn columns(&mut self) -> Vec<(String, LogicalType)> {
        // SAFETY: a live result.
        let count = unsafe { ffi::duckdb_column_count(&raw mut self.raw) };
        (0..count)
            .map(|i| {
                // SAFETY: i < count; the result owns the text.
                let name = unsafe { borrowed_text(ffi::duckdb_column_name(&raw mut self.raw, i)) };
                // SAFETY: i < count; the type is ours.
                let raw = unsafe { ffi::duckdb_column_logical_type(&raw mut self.raw, i) };
                (name, LogicalType::from_raw(raw))
            })
            .collect()
    }
}

impl Drop for QueryResult {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once (a zeroed result is left alone by DuckDB).
        unsafe { ffi::duckdb_destroy_result(&raw mut self.raw) };
    }
}
