//! Small safe wrappers over what of Postgres we use.

pub(crate) mod catalog;
pub(crate) mod compat;
pub(crate) mod custom_scan;
pub(crate) mod list;
pub(crate) mod memory;
pub(crate) mod tree;

use std::ffi::{CStr, CString, c_char};

/// `TTS_FLAG_EMPTY`, in the type of `tts_flags`.
pub(crate) const TTS_EMPTY: u16 = 1 << 1;
const _: () = assert!(TTS_EMPTY as u32 == pgrx::pg_sys::TTS_FLAG_EMPTY);

/// Copies a C string; the empty string for a null pointer.
///
/// # Safety
/// `text` is null or a valid C string.
pub(crate) unsafe fn owned_string(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and valid as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// `text` as a C string; cut at an embedded NUL, which no text from Postgres has.
pub(crate) fn c_string(text: &str) -> CString {
    let end = text.find('\0').unwrap_or(text.len());
    CString::new(&text[..end]).expect("cut at the first NUL")
}

/// Copies `text` into the current memory context as a C string.
pub(crate) fn palloc_string(text: &str) -> *mut c_char {
    let text = c_string(text);
    // SAFETY: a valid C string; palloc raises on failure.
    unsafe { pgrx::pg_sys::pstrdup(text.as_ptr()) }
}

/// The text of a string node.
///
/// # Safety
/// `node` is a string node.
pub(crate) unsafe fn node_string(node: *mut pgrx::pg_sys::Node) -> String {
    // SAFETY: as the caller promises.
    unsafe { owned_string((*node.cast::<pgrx::pg_sys::String>()).sval) }
}

/// A C array as Postgres keeps it: `first` may be null when `count` is 0 (or negative), which a
/// slice of Rust's must not be.
///
/// # Safety
/// `first` points at `count` initialised values that nobody changes while the slice lives.
pub(crate) unsafe fn slice<'a, T>(first: *const T, count: impl TryInto<usize>) -> &'a [T] {
    match count.try_into() {
        // SAFETY: as the caller promises; not null, since there is a value to point at.
        Ok(count) if count > 0 => unsafe { std::slice::from_raw_parts(first, count) },
        _ => &[],
    }
}

/// The columns of a row type, dropped ones included.
///
/// # Safety
/// `descriptor` is valid and stays so while the slice lives.
pub(crate) unsafe fn attributes<'a>(
    descriptor: pgrx::pg_sys::TupleDesc,
) -> &'a [pgrx::pg_sys::FormData_pg_attribute] {
    // SAFETY: as the caller promises; a descriptor has `natts` attributes, from 18 on behind as many
    // compact ones.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        let first = (*descriptor).attrs.as_ptr();
        #[cfg(feature = "pg18")]
        let first = {
            let count = usize::try_from((*descriptor).natts).unwrap_or(0);
            (&raw const (*descriptor).compact_attrs)
                .cast::<pgrx::pg_sys::CompactAttribute>()
                .add(count)
                .cast::<pgrx::pg_sys::FormData_pg_attribute>()
        };
        slice(first, (*descriptor).natts)
    }
}

/// A zeroed node with its tag, in the current memory context.
///
/// # Safety
/// `T` is the struct of `tag`, for which zeroes are valid.
pub(crate) unsafe fn new_node<T>(tag: pgrx::pg_sys::NodeTag) -> *mut T {
    // SAFETY: as the caller promises; every node starts with its tag.
    unsafe {
        let node = pgrx::pg_sys::palloc0(size_of::<T>());
        *node.cast::<pgrx::pg_sys::NodeTag>() = tag;
        node.cast()
    }
}

/// Another query below a running one: its snapshot, parameters and text, but a plan of its own.
///
/// # Safety
/// `estate` is the state of the running query, which ends after this one.
pub(crate) unsafe fn query_below(
    estate: *mut pgrx::pg_sys::EState,
    plan: *mut pgrx::pg_sys::PlannedStmt,
) -> *mut pgrx::pg_sys::QueryDesc {
    // SAFETY: as the caller promises; the executor copies what it needs of the snapshot.
    unsafe {
        pgrx::pg_sys::CreateQueryDesc(
            plan,
            (*estate).es_sourceText,
            (*estate).es_snapshot,
            std::ptr::null_mut(),
            pgrx::pg_sys::CreateDestReceiver(pgrx::pg_sys::CommandDest::DestNone),
            (*estate).es_param_list_info,
            std::ptr::null_mut(),
            0,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::slice;

    #[test]
    fn a_null_array_without_values_is_an_empty_slice() {
        let values = [1, 2, 3];
        // SAFETY: there are three.
        assert_eq!(unsafe { slice(values.as_ptr(), 2_i32) }, [1, 2]);
        let null = std::ptr::null::<i32>();
        // SAFETY: no values are asked for.
        let (none, less) = unsafe { (slice(null, 0_u16), slice(null, -1_i32)) };
        assert!(none.is_empty() && less.is_empty());
    }
}
