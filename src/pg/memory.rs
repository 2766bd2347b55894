//! Memory contexts with an owner in Rust.

use pgrx::pg_sys;
use std::ffi::CStr;

/// A memory context below the current one.
///
/// Not deleted on drop: it goes with its parent, which on an error is already gone when
/// Rust values are dropped.
pub(crate) struct OwnedContext(pg_sys::MemoryContext);

impl OwnedContext {
    /// A new context below the current one; the name is for `pg_backend_memory_contexts`.
    pub(crate) fn new(name: &'static CStr) -> Self {
        // SAFETY: a constant name, as `AllocSetContextCreate` demands; default sizes.
        let context = unsafe {
            pg_sys::AllocSetContextCreateExtended(
                pg_sys::CurrentMemoryContext,
                name.as_ptr(),
                pg_sys::ALLOCSET_DEFAULT_MINSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_INITSIZE as usize,
                pg_sys::ALLOCSET_DEFAULT_MAXSIZE as usize,
            )
        };
        Self(context)
    }

    /// The context, to switch to.
    pub(crate) fn get(&self) -> pg_sys::MemoryContext {
        self.0
    }

    /// Frees everything in it.
    pub(crate) fn reset(&mut self) {
        // SAFETY: alive as long as its parent, in which the owner of `self` lives.
        unsafe { pg_sys::MemoryContextReset(self.0) };
    }
}

/// Gives `value` to `context`: dropped when the context is reset or deleted, also by an error.
///
/// # Safety
/// `context` is a live memory context.
pub(crate) unsafe fn drop_with_context<T>(context: pg_sys::MemoryContext, value: T) -> *mut T {
    unsafe extern "C-unwind" fn drop_value<T>(value: *mut std::ffi::c_void) {
        // SAFETY: made by `Box::into_raw` below; Postgres calls a reset callback once.
        drop(unsafe { Box::from_raw(value.cast::<T>()) });
    }
    let value = Box::into_raw(Box::new(value));
    // SAFETY: the callback record lives in the context itself, as its documentation asks.
    unsafe {
        let callback = pg_sys::MemoryContextAlloc(context, size_of::<pg_sys::MemoryContextCallback>())
            .cast::<pg_sys::MemoryContextCallback>();
        callback.write(pg_sys::MemoryContextCallback {
            func: Some(drop_value::<T>),
            arg: value.cast(),
            next: std::ptr::null_mut(),
        });
        pg_sys::MemoryContextRegisterResetCallback(context, callback);
    }
    value
}
