//! Fields of an error that pgrx' reports do not have.
//!
//! pgrx makes a Postgres error of a report in its outermost guard, long after [`super::raise`]. Just
//! before the error is complete Postgres asks the context callbacks what they know of it: one of ours
//! then adds the fields.

use std::cell::RefCell;
use std::ffi::{CStr, c_int, c_void};

use pgrx::pg_sys;

use super::Subject;

thread_local! {
    /// SQLSTATE and subject of the error that is on its way.
    static RAISED: RefCell<Option<(c_int, Subject)>> = const { RefCell::new(None) };
}

static mut CALLBACK: pg_sys::ErrorContextCallback = pg_sys::ErrorContextCallback {
    previous: std::ptr::null_mut(),
    callback: Some(tell),
    arg: std::ptr::null_mut(),
};

/// Sees to it that the error of this SQLSTATE that is raised next carries `subject`.
pub(super) fn add(sqlstate: c_int, subject: Subject) {
    RAISED.set(Some((sqlstate, subject)));
    let ours = &raw mut CALLBACK;
    // SAFETY: main thread. The stack's other entries are on frames that live until the error is
    // complete, or were left by an error, after which Postgres has put the stack back.
    unsafe {
        if !std::ptr::eq(pg_sys::error_context_stack, ours) {
            (*ours).previous = pg_sys::error_context_stack;
            pg_sys::error_context_stack = ours;
        }
    }
}

/// Called by Postgres, with the error at hand.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn tell(_arg: *mut c_void) {
    unsafe extern "C-unwind" {
        fn err_generic_string(field: c_int, text: *const std::ffi::c_char) -> c_int;
        fn geterrcode() -> c_int;
    }
    let Some((sqlstate, subject)) = RAISED.take() else { return };
    // SAFETY: called in the middle of a report, whose fields these functions copy; they raise nothing
    // else then.
    unsafe {
        if pg_sys::ffi::pg_guard_ffi_boundary(|| geterrcode()) != sqlstate {
            return;
        }
        let set = |field: u32, text: &CStr| {
            let field = c_int::from(u8::try_from(field).unwrap_or(0));
            pg_sys::ffi::pg_guard_ffi_boundary(|| err_generic_string(field, text.as_ptr()));
        };
        set(pg_sys::PG_DIAG_SCHEMA_NAME.into(), &subject.schema);
        set(pg_sys::PG_DIAG_TABLE_NAME.into(), &subject.table);
        if let Some(column) = &subject.column {
            set(pg_sys::PG_DIAG_COLUMN_NAME.into(), column);
        }
        if let Some(constraint) = &subject.constraint {
            set(pg_sys::PG_DIAG_CONSTRAINT_NAME.into(), constraint);
        }
    }
}
