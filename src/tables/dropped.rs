//! Sees every relation and column that Postgres drops, for whatever reason: DROP TABLE, the
//! cascade of a schema, an owner, a type or the extension, and DISCARD TEMP.

use std::ffi::{c_int, c_void};

use pgrx::pg_sys;

use super::{ddl, pending};
use crate::error::{Result, report};
use crate::pg::{catalog, owned_string};

static mut PREVIOUS: pg_sys::object_access_hook_type = None;

/// Installs the hook; called once in the postmaster.
pub(super) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::object_access_hook;
        pg_sys::object_access_hook = Some(object_access);
    }
}

/// Not guarded: an ERROR of the previous hook keeps its context and names.
unsafe extern "C-unwind" fn object_access(
    access: pg_sys::ObjectAccessType::Type,
    class: pg_sys::Oid,
    object: pg_sys::Oid,
    sub_object: c_int,
    arg: *mut c_void,
) {
    if access == pg_sys::ObjectAccessType::OAT_DROP && class == pg_sys::RelationRelationId {
        // SAFETY: called by Postgres before the object goes.
        unsafe { dropping(object, sub_object) };
    }
    // SAFETY: a hook of another extension, called with our own arguments.
    unsafe {
        if let Some(previous) = PREVIOUS {
            previous(access, class, object, sub_object, arg);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn dropping(relid: pg_sys::Oid, column: c_int) {
    report(forward(relid, column));
}

fn forward(relid: pg_sys::Oid, column: c_int) -> Result<()> {
    if !catalog::is_duckdb_table(relid) || pending::forget(relid) {
        return Ok(());
    }
    match i16::try_from(column) {
        Ok(number @ 1..) => {
            // SAFETY: a catalog look-up on the main thread; a missing column is allowed.
            let name = unsafe { owned_string(pg_sys::get_attname(relid, number, true)) };
            ddl::drop_column(relid, &name)
        }
        _ => ddl::drop(relid),
    }
}
