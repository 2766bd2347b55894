//! Hints for errors of Postgres' parser that come from its not knowing a file's columns.
//!
//! The parser sees `duckdb.row` and `duckdb.unresolved_type`, and its messages say so. The
//! hook runs just before an error is logged and sent, if errors are logged at all. It also keeps
//! tokens out of the log ([`super::secret`]).

use std::ffi::CStr;

use pgrx::pg_sys::errcodes::PgSqlErrorCode;
use pgrx::{PgLogLevel, pg_sys};

static mut PREVIOUS: pg_sys::emit_log_hook_type = None;

const NAME_COLUMN: &CStr =
    c"A column of a file is written r['column'], where r is the alias of the function in FROM.";
const CAST_COLUMN: &CStr = c"Cast the column of the file to a type: r['column']::type.";
const DEFINE_COLUMNS: &CStr =
    c"The function of the same name in schema duckdb takes a column definition list; without one, write r['column'].";

/// Installs the hook; called once in the postmaster.
pub(super) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::emit_log_hook;
        pg_sys::emit_log_hook = Some(emit_log);
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn emit_log(error: *mut pg_sys::ErrorData) {
    // SAFETY: called by Postgres with a complete report, in the report's memory context.
    unsafe {
        super::secret::hide(error);
        if (*error).elevel == PgLogLevel::ERROR as i32 && (*error).hint.is_null() {
            let query = bytes(pg_sys::debug_query_string);
            if let Some(hint) = hint((*error).sqlerrcode, bytes((*error).message), query) {
                (*error).hint = pg_sys::pstrdup(hint.as_ptr());
            }
        }
        if let Some(previous) = PREVIOUS {
            previous(error);
        }
    }
}

/// # Safety
/// `text` is null or a C string that lives long enough.
unsafe fn bytes<'a>(text: *const std::ffi::c_char) -> &'a [u8] {
    // SAFETY: as the caller promises.
    if text.is_null() { b"" } else { unsafe { CStr::from_ptr(text) }.to_bytes() }
}

fn hint(code: i32, message: &[u8], query: &[u8]) -> Option<&'static CStr> {
    let is = |state: PgSqlErrorCode| code == state as i32;
    let reads_files =
        || [&b"read_parquet"[..], b"read_csv", b"read_json"].iter().any(|name| contains(query, name));
    if is(PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN) {
        // Ours say "in the file", and have a hint already.
        (reads_files() && !contains(query, b"duckdb.read_")).then_some(NAME_COLUMN)
    } else if is(PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH) {
        contains(message, b"duckdb.unresolved_type").then_some(CAST_COLUMN)
    } else if is(PgSqlErrorCode::ERRCODE_SYNTAX_ERROR) {
        (contains(message, b"column definition list is only allowed") && reads_files())
            .then_some(DEFINE_COLUMNS)
    } else {
        None
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_errors_about_files_get_a_hint() {
        let undefined = PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN as i32;
        let mismatch = PgSqlErrorCode::ERRCODE_DATATYPE_MISMATCH as i32;
        let message = b"column \"i\" does not exist";
        assert_eq!(hint(undefined, message, b"SELECT i FROM read_csv('f')"), Some(NAME_COLUMN));
        assert_eq!(hint(undefined, message, b"SELECT i FROM t"), None);
        assert_eq!(hint(mismatch, b"CASE types text and integer cannot be matched", b""), None);
        let message = b"CASE types duckdb.unresolved_type and integer cannot be matched";
        assert_eq!(hint(mismatch, message, b""), Some(CAST_COLUMN));
    }
}
