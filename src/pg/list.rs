//! Walking and building Postgres lists.

use pgrx::pg_sys;

/// The cells of a `List`; none for NIL.
///
/// # Safety
/// `list` is null or a list, unchanged while the slice lives.
unsafe fn cells<'a>(list: *mut pg_sys::List) -> &'a [pg_sys::ListCell] {
    // SAFETY: as the caller promises: `length` cells are initialised.
    unsafe { list.as_ref().map_or(&[], |list| super::slice(list.elements, list.length)) }
}

/// The pointers of a `List` of nodes; empty for NIL.
///
/// # Safety
/// `list` is null or a list of pointers to `T`, unchanged while the iterator lives.
pub(crate) unsafe fn pointers<T>(list: *mut pg_sys::List) -> impl ExactSizeIterator<Item = *mut T> {
    // SAFETY: as the caller promises.
    let cells = unsafe { cells(list) };
    // SAFETY: a list of pointers.
    cells.iter().map(|cell| unsafe { cell.ptr_value }.cast::<T>())
}

/// The integers of an integer `List`.
///
/// # Safety
/// `list` is null or an integer list.
pub(crate) unsafe fn integers(list: *mut pg_sys::List) -> Vec<i32> {
    // SAFETY: as the caller promises.
    unsafe { cells(list).iter().map(|cell| cell.int_value).collect() }
}

/// `lappend`.
///
/// # Safety
/// `list` is null or a list of pointers.
pub(crate) unsafe fn append<T>(list: *mut pg_sys::List, item: *mut T) -> *mut pg_sys::List {
    // SAFETY: as the caller promises.
    unsafe { pg_sys::lappend(list, item.cast()) }
}

/// An integer list.
pub(crate) fn from_integers(values: impl IntoIterator<Item = i32>) -> *mut pg_sys::List {
    // SAFETY: allocates in the current context.
    values.into_iter().fold(std::ptr::null_mut(), |list, value| unsafe { pg_sys::lappend_int(list, value) })
}

/// The oids of an oid `List`.
///
/// # Safety
/// `list` is null or an oid list.
pub(crate) unsafe fn oids(list: *mut pg_sys::List) -> Vec<pg_sys::Oid> {
    // SAFETY: as the caller promises.
    unsafe { cells(list).iter().map(|cell| cell.oid_value).collect() }
}
