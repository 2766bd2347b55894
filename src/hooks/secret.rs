//! Keeps MotherDuck tokens out of the server's log, and out of what an error says of its context.
//!
//! A statement that fails is logged with its text, and a procedure's error names the statement it
//! came from. Statements that hold a token are known by their words.

use std::ffi::{CStr, c_char};

use pgrx::pg_sys;

/// Takes statements with a token out of a report that is about to be logged and sent.
///
/// # Safety
/// `error` is a complete report.
pub(super) unsafe fn hide(error: *mut pg_sys::ErrorData) {
    // SAFETY: as the caller promises; texts are null or C strings.
    unsafe {
        if holds_token(pg_sys::debug_query_string) {
            (*error).hide_stmt = true;
        }
        for text in [&raw mut (*error).context, &raw mut (*error).internalquery] {
            if holds_token(*text) {
                *text = std::ptr::null_mut();
            }
        }
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
