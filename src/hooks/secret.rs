//! Keeps MotherDuck tokens out of the server's log, and out of what an error says of its context.
//!
//! A statement is logged with its text if it fails or if `log_statement` and its like say so, and a
//! procedure's error names the statement it came from. Statements that hold a token are known by
//! their words.

use std::ffi::{CStr, c_char};

use pgrx::{PgLogLevel, pg_sys};

use super::motherduck::REDACTED;

/// Takes statements with a token out of a report that is about to be logged and sent.
///
/// # Safety
/// `error` is a complete report, whose memory context is the current one.
pub(super) unsafe fn hide(error: *mut pg_sys::ErrorData) {
    // SAFETY: as the caller promises; texts are null or C strings.
    unsafe {
        let statement = pg_sys::debug_query_string;
        let secret = holds_token(statement);
        (*error).hide_stmt |= secret;
        // What is said of the statement without being an error, and of its parameters.
        if secret && (*error).elevel == PgLogLevel::LOG as i32 {
            (*error).message = without((*error).message, statement);
            (*error).detail = std::ptr::null_mut();
            (*error).detail_log = std::ptr::null_mut();
        }
        for text in [&raw mut (*error).context, &raw mut (*error).internalquery] {
            if secret || holds_token(*text) {
                *text = std::ptr::null_mut();
            }
        }
    }
}

/// `message` with [`REDACTED`] in the place of the statement that it ends with, or of all of it
/// if it holds a token in another way.
///
/// # Safety
/// Both are C strings.
unsafe fn without(message: *mut c_char, statement: *const c_char) -> *mut c_char {
    // SAFETY: as the caller promises; the copy is palloc'd.
    unsafe {
        if !holds_token(message) {
            return message;
        }
        let text = CStr::from_ptr(message).to_bytes();
        let before = text.strip_suffix(CStr::from_ptr(statement).to_bytes()).unwrap_or_default();
        crate::pg::palloc_string(&format!(
            "{}{}",
            String::from_utf8_lossy(before),
            REDACTED.to_string_lossy()
        ))
    }
}

/// # Safety
/// `text` is null or a C string.
unsafe fn holds_token(text: *const c_char) -> bool {
    // SAFETY: as the caller promises.
    !text.is_null() && is_secret(unsafe { CStr::from_ptr(text) }.to_bytes())
}

fn is_secret(text: &[u8]) -> bool {
    let says = |word: &[u8]| text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word));
    says(b"enable_motherduck") || (says(b"token") && says(b"mapping"))
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn statements_with_tokens_are_known() {
        assert!(is_secret(b"call DuckDB.Enable_MotherDuck('x')"));
        assert!(is_secret(b"CREATE USER  MAPPING FOR u SERVER s OPTIONS (token 'x')"));
        assert!(!is_secret(b"SELECT token FROM tokens"));
    }
}
