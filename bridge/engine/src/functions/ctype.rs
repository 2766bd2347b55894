//! Case and classes of characters, as the server's C library has them in locale `C.UTF-8`,
//! which is what Postgres asks. Under collation `C` only ASCII letters have case.

#![expect(unsafe_code, reason = "calls the C library")]

use std::ffi::c_void;
use std::sync::LazyLock;

/// `wctype_t` and `wint_t` of glibc and musl.
type WideClass = usize;
type WideChar = u32;

unsafe extern "C" {
    fn towupper_l(c: WideChar, locale: *mut c_void) -> WideChar;
    fn towlower_l(c: WideChar, locale: *mut c_void) -> WideChar;
    fn iswctype_l(c: WideChar, class: WideClass, locale: *mut c_void) -> i32;
    fn wctype_l(name: *const std::ffi::c_char, locale: *mut c_void) -> WideClass;
}

/// A locale object that lives for ever.
struct Locale(*mut c_void);

// SAFETY: a locale_t is immutable once made, and the C library lets all threads use it.
unsafe impl Send for Locale {}
// SAFETY: as above.
unsafe impl Sync for Locale {}

static UNICODE: LazyLock<Option<Locale>> = LazyLock::new(|| {
    [c"C.UTF-8", c"C.utf8", c"en_US.UTF-8"].into_iter().find_map(|name| {
        // SAFETY: a name, and no base locale.
        let locale = unsafe { libc::newlocale(libc::LC_CTYPE_MASK, name.as_ptr(), std::ptr::null_mut()) };
        (!locale.is_null()).then_some(Locale(locale.cast()))
    })
});

fn mapped(c: char, map: unsafe extern "C" fn(WideChar, *mut c_void) -> WideChar) -> char {
    match &*UNICODE {
        // SAFETY: a live locale; any code point may be asked for.
        Some(locale) => char::from_u32(unsafe { map(c.into(), locale.0) }).unwrap_or(c),
        None => c,
    }
}

/// The capital of a letter; `unicode` is false under collation `C`.
pub(super) fn upper(c: char, unicode: bool) -> char {
    if c.is_ascii() || !unicode { c.to_ascii_uppercase() } else { mapped(c, towupper_l) }
}

/// The small letter.
pub(super) fn lower(c: char, unicode: bool) -> char {
    if c.is_ascii() || !unicode { c.to_ascii_lowercase() } else { mapped(c, towlower_l) }
}

/// True for letters and digits.
pub(super) fn is_alphanumeric(c: char, unicode: bool) -> bool {
    if c.is_ascii() || !unicode { c.is_ascii_alphanumeric() } else { is_in("alnum", c) }
}

/// True for the characters of a POSIX class.
fn is_in(class: &str, c: char) -> bool {
    let Some(locale) = &*UNICODE else { return false };
    let Ok(name) = std::ffi::CString::new(class) else { return false };
    // SAFETY: a live locale and name; an unknown class has no members.
    unsafe { iswctype_l(c.into(), wctype_l(name.as_ptr(), locale.0), locale.0) != 0 }
}

/// The characters of a POSIX class beyond ASCII, as ranges for a set in a regular expression.
pub(super) fn ranges_beyond_ascii(class: &str) -> String {
    let Some(locale) = &*UNICODE else { return String::new() };
    let Ok(name) = std::ffi::CString::new(class) else { return String::new() };
    // SAFETY: a live locale and name.
    let class = unsafe { wctype_l(name.as_ptr(), locale.0) };
    let mut ranges = String::new();
    let mut start = None;
    let mut last = '\u{80}';
    for c in '\u{80}'..=char::MAX {
        // SAFETY: a live locale and a class of it.
        let is_member = unsafe { iswctype_l(c.into(), class, locale.0) != 0 };
        match (is_member, start) {
            (true, None) => start = Some(c),
            (false, Some(first)) => {
                ranges.push_str(&format!("\\x{{{:X}}}-\\x{{{:X}}}", u32::from(first), u32::from(last)));
                start = None;
            }
            _ => {}
        }
        last = c;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_is_that_of_the_c_library() {
        assert_eq!((upper('ä', true), upper('ä', false), upper('ß', true)), ('Ä', 'ä', 'ß'));
        assert_eq!((lower('É', true), lower('I', true)), ('é', 'i'));
        assert!(is_alphanumeric('é', true) && !is_alphanumeric('é', false) && !is_alphanumeric(' ', true));
        assert!(ranges_beyond_ascii("alpha").contains("\\x{"));
    }
}
