//! A thin safe wrapper over DuckDB's C interface: what the engine needs and no more.
//!
//! Every handle is destroyed when it is dropped. Errors come back as [`DuckError`] with
//! DuckDB's own text; `crate::errors` gives them their Postgres meaning.

#![expect(unsafe_code, reason = "the only door to DuckDB's C interface")]

mod appender;
mod chunk;
mod connection;
mod database;
mod logical_type;
mod result;
mod statement;
mod value;

pub(crate) use chunk::{
    Chunk, Fixed, HugeInt, INLINE_BYTES, IntervalValue, ListEntry, StringRef, VectorView,
};
pub(crate) use connection::{Connection, InterruptHandle, ProfileNode};
pub(crate) use database::{Database, library_version};
pub(crate) use logical_type::{LogicalType, TypeId};
pub(crate) use result::QueryResult;
pub(crate) use statement::Statement;
pub(crate) use value::Value;

use std::ffi::{CStr, CString, c_char};

/// An error as DuckDB tells it: `Class Error: text`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct DuckError {
    /// The whole text, class prefix included.
    pub(crate) message: String,
}

impl DuckError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// `text` for C; a NUL inside cannot be SQL that DuckDB understands, so it is an error.
pub(crate) fn c_string(text: &str) -> Result<CString, DuckError> {
    CString::new(text).map_err(|_| DuckError::new("Parser Error: null byte in statement"))
}

/// Copies a string that DuckDB keeps; empty for a null pointer.
///
/// # Safety
/// `text` is null or a NUL-terminated string that lives during the call.
unsafe fn borrowed_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null; NUL-terminated by the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Takes over a string that DuckDB allocated for us; empty for a null pointer.
///
/// # Safety
/// `text` is null or was returned by a function whose result `duckdb_free` releases.
unsafe fn owned_text(text: *mut c_char) -> String {
    // SAFETY: the caller's promise covers reading it.
    let copy = unsafe { borrowed_text(text) };
    if !text.is_null() {
        // SAFETY: ours to free by the caller's promise, not used after this.
        unsafe { libduckdb_sys::duckdb_free(text.cast()) };
    }
    copy
}
