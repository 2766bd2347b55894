//! The DuckDB instance.

use super::{DuckError, borrowed_text, c_string, owned_text};
use libduckdb_sys as ffi;
use std::ptr;

/// An open DuckDB instance; closed when dropped (connections keep it alive).
pub(crate) struct Database {
    raw: ffi::duckdb_database,
}

// SAFETY: duckdb_database is a reference to an instance whose functions lock internally.
unsafe impl Send for Database {}
// SAFETY: as above; the only shared use is duckdb_connect, which is thread-safe.
unsafe impl Sync for Database {}

impl Database {
    /// Opens `path` (`:memory:` for none) with settings that DuckDB knows before it starts.
    pub(crate) fn open(path: &str, settings: &[(String, String)]) -> Result<Self, DuckError> {
        let mut config: ffi::duckdb_config = ptr::null_mut();
        // SAFETY: `config` is a valid place for the handle.
        if unsafe { ffi::duckdb_create_config(&raw mut config) } != ffi::DuckDBSuccess {
            return Err(DuckError::new("Out of Memory Error: cannot create a configuration"));
        }
        let result = Self::open_with(path, config, settings);
        // SAFETY: created above, not used after this.
        unsafe { ffi::duckdb_destroy_config(&raw mut config) };
        result
    }

    fn open_with(
        path: &str,
        config: ffi::duckdb_config,
        settings: &[(String, String)],
    ) -> Result<Self, DuckError> {
        for (name, value) in settings {
            let (c_name, c_value) = (c_string(name)?, c_string(value)?);
            // SAFETY: a live configuration and two NUL-terminated strings.
            let state = unsafe { ffi::duckdb_set_config(config, c_name.as_ptr(), c_value.as_ptr()) };
            if state != ffi::DuckDBSuccess {
                return Err(DuckError::new(format!("Invalid Input Error: invalid setting {name} = {value}")));
            }
        }
        let c_path = c_string(path)?;
        let mut raw: ffi::duckdb_database = ptr::null_mut();
        let mut error = ptr::null_mut();
        // SAFETY: all pointers are valid for the call; `error` is ours to free.
        let state = unsafe { ffi::duckdb_open_ext(c_path.as_ptr(), &raw mut raw, config, &raw mut error) };
        if state != ffi::DuckDBSuccess {
            // SAFETY: set by duckdb_open_ext for us to free.
            return Err(DuckError::new(unsafe { owned_text(error) }));
        }
        Ok(Self { raw })
    }

    /// The raw handle, for connecting.
    pub(super) fn raw(&self) -> ffi::duckdb_database {
        self.raw
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // SAFETY: opened by us and closed once.
        unsafe { ffi::duckdb_close(&raw mut self.raw) };
    }
}

/// The library's version, such as `v1.5.5`.
pub(crate) fn library_version() -> String {
    // SAFETY: returns a pointer to a static string.
    unsafe { borrowed_text(ffi::duckdb_library_version()) }
}
