//! `instance_scan(n)`: reads the rows of a query that runs on another instance of the engine.
//!
//! The vectors of the other instance are handed on as they are: DuckDB counts references to
//! their memory, which belongs to no instance.

#![expect(unsafe_code, reason = "DuckDB calls back through its C interface")]

use super::table_function::{current_binding, drop_box, guarded, number, register_scan, wanted_columns};
use crate::duckdb::{Connection, DuckError, LogicalType, QueryResult, c_string};
use crate::session::Session;
use bridge_ipc::message;
use bridge_types::names::INSTANCE_SCAN;
use libduckdb_sys as ffi;
use std::sync::{Arc, Mutex, PoisonError};

/// A query on another instance.
pub(crate) struct RemoteScan {
    /// Where it runs.
    pub(crate) instance: u32,
    /// Its text.
    pub(crate) sql: String,
    columns: Vec<(String, LogicalType)>,
}

/// The remote scans of a statement.
#[derive(Clone)]
pub(crate) struct RemoteScans(Arc<[RemoteScan]>);

impl From<Vec<RemoteScan>> for RemoteScans {
    fn from(scans: Vec<RemoteScan>) -> Self {
        Self(scans.into())
    }
}

impl RemoteScans {
    /// Finds the columns of a scan on the connection it will run on.
    pub(crate) fn bind(connection: &Connection, scan: message::RemoteScan) -> Result<RemoteScan, DuckError> {
        let columns = connection.prepare(&scan.sql)?.columns();
        Ok(RemoteScan { instance: scan.instance, sql: scan.sql, columns })
    }

    /// In the order of their numbers.
    pub(crate) fn as_slice(&self) -> &[RemoteScan] {
        &self.0
    }
}

/// The results that a running statement's remote scans read, by number; each is taken once.
#[derive(Default)]
pub(crate) struct RemoteResults(Mutex<Vec<Option<QueryResult>>>);

impl RemoteResults {
    /// The results of the statement that starts now.
    pub(crate) fn set(&self, results: Vec<QueryResult>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = results.into_iter().map(Some).collect();
    }

    fn take(&self, number: usize) -> Option<QueryResult> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(number)?.take()
    }
}

struct BindData {
    session: Arc<Session>,
    scans: RemoteScans,
    number: usize,
}

struct InitData {
    session: Arc<Session>,
    /// Columns DuckDB wants, as indexes into the result; `None` for a row id.
    columns: Vec<Option<usize>>,
    /// One thread reads, the lock is free.
    result: Mutex<QueryResult>,
}

/// Registers `instance_scan(INTEGER)`.
pub(super) fn register(connection: &Connection) -> Result<(), DuckError> {
    register_scan(connection, INSTANCE_SCAN, bind, init, None, scan)
}

unsafe extern "C" fn bind(info: ffi::duckdb_bind_info) {
    // SAFETY: `info` is live for this call.
    if let Some(error) = guarded(|| unsafe { bind_inner(info) }) {
        // SAFETY: as above; DuckDB copies the text.
        unsafe { ffi::duckdb_bind_set_error(info, error.as_ptr()) };
    }
}

/// # Safety
/// `info` is live.
unsafe fn bind_inner(info: ffi::duckdb_bind_info) -> Result<(), String> {
    // SAFETY: as the caller promises.
    let number = unsafe { number(info) };
    let binding = current_binding()?;
    let scans = binding.remote_scans;
    let scan =
        scans.as_slice().get(number).ok_or_else(|| format!("[42P02] there is no instance_scan({number})"))?;
    for (name, logical) in &scan.columns {
        let name = c_string(name).map_err(|error| error.message)?;
        // SAFETY: live info, name and type; DuckDB copies both.
        unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical.raw()) };
    }
    let data = Box::into_raw(Box::new(BindData { session: binding.session, scans, number }));
    // SAFETY: live info; the box is given to DuckDB with its destructor.
    unsafe { ffi::duckdb_bind_set_bind_data(info, data.cast(), Some(drop_box::<BindData>)) };
    Ok(())
}

unsafe extern "C" fn init(info: ffi::duckdb_init_info) {
    // SAFETY: `info` is live for this call.
    if let Some(error) = guarded(|| unsafe { init_inner(info) }) {
        // SAFETY: as above; DuckDB copies the text.
        unsafe { ffi::duckdb_init_set_error(info, error.as_ptr()) };
    }
}

/// # Safety
/// `info` is live.
unsafe fn init_inner(info: ffi::duckdb_init_info) -> Result<(), String> {
    // SAFETY: set by `bind_inner`, alive as long as the plan.
    let bound = unsafe { &*ffi::duckdb_init_get_bind_data(info).cast::<BindData>().cast_const() };
    let mut result =
        bound.session.remote_results.take(bound.number).ok_or_else(|| {
            format!("[0A000] instance_scan({}) is read twice in one statement", bound.number)
        })?;
    let expected = &bound.scans.as_slice()[bound.number].columns;
    let found = result.columns();
    let same = expected.len() == found.len()
        && expected.iter().zip(&found).all(|((_, expected), (_, found))| expected.is_same_as(found));
    if !same {
        return Err("[0A000] cached plan must not change result type".to_owned());
    }
    // SAFETY: live info.
    let columns = unsafe { wanted_columns(info, expected.len()) };
    let session = Arc::clone(&bound.session);
    let data = Box::into_raw(Box::new(InitData { session, columns, result: Mutex::new(result) }));
    // SAFETY: live info; the box is given to DuckDB with its destructor. One thread, since a
    // result is read by one.
    unsafe {
        ffi::duckdb_init_set_max_threads(info, 1);
        ffi::duckdb_init_set_init_data(info, data.cast(), Some(drop_box::<InitData>));
    }
    Ok(())
}

unsafe extern "C" fn scan(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) {
    // SAFETY: `info` and `output` are live for this call.
    if let Some(error) = guarded(|| unsafe { scan_inner(info, output) }) {
        // SAFETY: as above; DuckDB copies the text.
        unsafe { ffi::duckdb_function_set_error(info, error.as_ptr()) };
    }
}

/// # Safety
/// `info` and `output` are live.
unsafe fn scan_inner(info: ffi::duckdb_function_info, output: ffi::duckdb_data_chunk) -> Result<(), String> {
    // SAFETY: set by `init_inner`, alive as long as the execution.
    let data = unsafe { &*ffi::duckdb_function_get_init_data(info).cast::<InitData>().cast_const() };
    let mut result = data.result.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if data.session.must_stop() {
            return Err("[57014] canceling statement due to user request".to_owned());
        }
        let chunk = match result.fetch().map_err(|error| error.message)? {
            Some(chunk) if chunk.len() == 0 => continue,
            Some(chunk) => chunk,
            None => {
                // SAFETY: a live chunk; no rows is the end.
                unsafe { ffi::duckdb_data_chunk_set_size(output, 0) };
                return Ok(());
            }
        };
        for (index, column) in data.columns.iter().enumerate() {
            // A virtual column has no index: its values are never read.
            if let Some(column) = column {
                // SAFETY: `output` has a vector for each column DuckDB asked for, of the type
                // bound for it, which `init_inner` compared with the result's.
                unsafe {
                    let to = ffi::duckdb_data_chunk_get_vector(output, index as u64);
                    ffi::duckdb_vector_reference_vector(to, chunk.raw_vector(*column));
                }
            }
        }
        // SAFETY: a live chunk; both instances have the same vector size.
        unsafe { ffi::duckdb_data_chunk_set_size(output, chunk.len() as u64) };
        return Ok(());
    }
}
