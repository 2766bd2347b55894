//! The table function itself.

#![expect(unsafe_code, reason = "DuckDB calls back through its C interface")]

use super::feed::Feed;
use super::import::{ScanSchema, logical_type, write};
use super::remote::{self, RemoteScans};
use crate::duckdb::{Connection, DuckError, LogicalType, TypeId, c_string};
use crate::session::Session;
use crate::settings::default_threads;
use arrow::array::RecordBatch;
use bridge_types::limits::DUCKDB_VECTOR_ROWS;
use bridge_types::names::BRIDGE_SCAN;
use libduckdb_sys as ffi;
use std::cell::RefCell;
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What `bridge_scan(n)` means to the statement that is being bound on this thread.
#[derive(Clone)]
pub(crate) struct Binding {
    /// Whose feeds.
    pub(crate) session: Arc<Session>,
    /// The scans the client declared with Prepare.
    pub(crate) scans: Arc<[ScanSchema]>,
    /// What it reads from other instances.
    pub(crate) remote_scans: RemoteScans,
}

thread_local! {
    /// DuckDB binds (and rebinds) on the thread that prepares or executes.
    static BINDING: RefCell<Option<Binding>> = const { RefCell::new(None) };
}

/// Until the guard is dropped, statements bound on this thread see these scans.
pub(crate) fn bind_scope(binding: Binding) -> BindScope {
    BINDING.set(Some(binding));
    BindScope(())
}

/// See [`bind_scope`].
pub(crate) struct BindScope(());

impl Drop for BindScope {
    fn drop(&mut self) {
        BINDING.set(None);
    }
}

struct BindData {
    binding: Binding,
    scan: usize,
}

struct InitData {
    feed: Arc<Feed>,
    /// Columns DuckDB wants, as indexes into the scan's schema; `None` for a row id.
    columns: Vec<Option<usize>>,
    scan: usize,
    scans: Arc<[ScanSchema]>,
}

/// A thread's batch, and the next row of it that is to be handed out.
#[derive(Default)]
struct LocalData(RefCell<Option<(RecordBatch, usize)>>);

/// Registers `bridge_scan(INTEGER)` and what stands beside it.
pub(crate) fn register(connection: &Connection) -> Result<(), DuckError> {
    register_scan(connection, BRIDGE_SCAN, bind, init, Some(local_init), scan)?;
    remote::register(connection)
}

/// Registers a table function of one INTEGER, its number in the statement, which reads only the
/// columns that DuckDB wants.
pub(super) fn register_scan(
    connection: &Connection,
    name: &str,
    bind: unsafe extern "C" fn(ffi::duckdb_bind_info),
    init: unsafe extern "C" fn(ffi::duckdb_init_info),
    local_init: Option<unsafe extern "C" fn(ffi::duckdb_init_info)>,
    scan: unsafe extern "C" fn(ffi::duckdb_function_info, ffi::duckdb_data_chunk),
) -> Result<(), DuckError> {
    let c_name = c_string(name)?;
    // SAFETY: a fresh function object, filled with live values and destroyed below.
    let state = unsafe {
        let mut raw = ffi::duckdb_create_table_function();
        ffi::duckdb_table_function_set_name(raw, c_name.as_ptr());
        ffi::duckdb_table_function_add_parameter(raw, LogicalType::plain(TypeId::Integer).raw());
        ffi::duckdb_table_function_supports_projection_pushdown(raw, true);
        ffi::duckdb_table_function_set_bind(raw, Some(bind));
        ffi::duckdb_table_function_set_init(raw, Some(init));
        if local_init.is_some() {
            ffi::duckdb_table_function_set_local_init(raw, local_init);
        }
        ffi::duckdb_table_function_set_function(raw, Some(scan));
        let state = ffi::duckdb_register_table_function(connection.raw(), raw);
        ffi::duckdb_destroy_table_function(&raw mut raw);
        state
    };
    if state == ffi::DuckDBSuccess {
        Ok(())
    } else {
        Err(DuckError::new(format!("Catalog Error: cannot register {name}")))
    }
}

/// The number that a scan was called with.
///
/// # Safety
/// `info` is live, of a function that [`register_scan`] has registered.
pub(super) unsafe fn number(info: ffi::duckdb_bind_info) -> usize {
    // SAFETY: the function has one INTEGER parameter; the value is ours to destroy.
    unsafe {
        let mut value = ffi::duckdb_bind_get_parameter(info, 0);
        let number = ffi::duckdb_get_int32(value);
        ffi::duckdb_destroy_value(&raw mut value);
        usize::try_from(number).unwrap_or(usize::MAX)
    }
}

/// The columns that DuckDB wants, as indexes below `width`; `None` for a row id.
///
/// # Safety
/// `info` is live.
pub(super) unsafe fn wanted_columns(info: ffi::duckdb_init_info, width: usize) -> Vec<Option<usize>> {
    // SAFETY: as the caller promises.
    let count = unsafe { ffi::duckdb_init_get_column_count(info) };
    (0..count)
        .map(|index| {
            // SAFETY: index < count.
            let column = unsafe { ffi::duckdb_init_get_column_index(info, index) };
            usize::try_from(column).ok().filter(|column| *column < width)
        })
        .collect()
}

/// What the statement that is bound on this thread reads.
pub(super) fn current_binding() -> Result<Binding, String> {
    BINDING
        .with_borrow(Clone::clone)
        .ok_or_else(|| "[0A000] this function can only be used by statements that Postgres plans".to_owned())
}

/// Runs `work`, which must not unwind into C++; its error text, if any.
pub(super) fn guarded(work: impl FnOnce() -> Result<(), String>) -> Option<std::ffi::CString> {
    let outcome = catch_unwind(AssertUnwindSafe(work));
    let error = match outcome {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error,
        Err(_) => "[XX000] bridge_scan failed".to_owned(),
    };
    Some(c_string(&error).unwrap_or_else(|_| c"[XX000] bridge_scan failed".to_owned()))
}

pub(super) unsafe extern "C" fn drop_box<T>(data: *mut c_void) {
    // SAFETY: registered only with a pointer from Box::<T>::into_raw, called once by DuckDB.
    drop(unsafe { Box::from_raw(data.cast::<T>()) });
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
    let scan = unsafe { number(info) };
    let binding = current_binding()?;
    let schema = binding.scans.get(scan).ok_or_else(|| format!("[42P02] there is no bridge_scan({scan})"))?;
    for field in schema.arrow.fields() {
        let name = c_string(field.name()).map_err(|error| error.message)?;
        let logical =
            logical_type(field).map_err(|error| format!("[{}] {}", error.sqlstate, error.message))?;
        // SAFETY: live info, name and type; DuckDB copies both.
        unsafe { ffi::duckdb_bind_add_result_column(info, name.as_ptr(), logical.raw()) };
    }
    let rows = schema.rows;
    let data = Box::into_raw(Box::new(BindData { binding, scan }));
    // SAFETY: live info; the box is given to DuckDB with its destructor.
    unsafe {
        ffi::duckdb_bind_set_cardinality(info, rows, false);
        ffi::duckdb_bind_set_bind_data(info, data.cast(), Some(drop_box::<BindData>));
    }
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
    let number = u32::try_from(bound.scan).unwrap_or(u32::MAX);
    let feed = bound
        .binding
        .session
        .feeds
        .get(number)
        .ok_or_else(|| format!("[08P01] bridge_scan({number}) has no ring"))?;
    if !feed.start() {
        return Err(format!("[0A000] bridge_scan({number}) is read twice in one statement"));
    }
    let ScanSchema { arrow, producers, .. } = &bound.binding.scans[bound.scan];
    let width = arrow.fields().len();
    let threads = usize::try_from(*producers).unwrap_or(1).clamp(1, default_threads());
    // SAFETY: live info.
    let columns = unsafe { wanted_columns(info, width) };
    let data = Box::into_raw(Box::new(InitData {
        feed,
        columns,
        scan: bound.scan,
        scans: Arc::clone(&bound.binding.scans),
    }));
    // SAFETY: live info; the box is given to DuckDB with its destructor. A thread for each producer:
    // those that wait hold threads of DuckDB, which has some more than cores for that.
    unsafe {
        ffi::duckdb_init_set_max_threads(info, threads as u64);
        ffi::duckdb_init_set_init_data(info, data.cast(), Some(drop_box::<InitData>));
    }
    Ok(())
}

unsafe extern "C" fn local_init(info: ffi::duckdb_init_info) {
    let data = Box::into_raw(Box::<LocalData>::default());
    // SAFETY: live info; the box is given to DuckDB with its destructor.
    unsafe { ffi::duckdb_init_set_init_data(info, data.cast(), Some(drop_box::<LocalData>)) };
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
    // SAFETY: set by `local_init` for this thread of the execution, used by one call at a time.
    let local = unsafe { &*ffi::duckdb_function_get_local_init_data(info).cast::<LocalData>().cast_const() };
    let mut current = local.0.borrow_mut();
    let (batch, at) = loop {
        match current.take() {
            Some((batch, at)) if at < batch.num_rows() => break (batch, at),
            spent => drop(spent),
        }
        match data.feed.next()? {
            Some(batch) => *current = Some((batch, 0)),
            None => {
                // SAFETY: a live chunk; no rows is the end.
                unsafe { ffi::duckdb_data_chunk_set_size(output, 0) };
                return Ok(());
            }
        }
    };
    let rows = (batch.num_rows() - at).min(DUCKDB_VECTOR_ROWS);
    let schema = &data.scans[data.scan].arrow;
    for (index, column) in data.columns.iter().enumerate() {
        // SAFETY: the chunk has a vector for each column DuckDB asked for.
        let vector = unsafe { ffi::duckdb_data_chunk_get_vector(output, index as u64) };
        // A virtual column has no index: its values are never read.
        if let Some(column) = column {
            let slice = batch.column(*column).slice(at, rows);
            // SAFETY: a vector of the type declared for this column, with room for a whole
            // vector of rows; the reader checked the batch against the schema.
            unsafe { write(vector, 0, schema.field(*column), &slice)? };
        }
    }
    // SAFETY: a live chunk; rows <= the vector size.
    unsafe { ffi::duckdb_data_chunk_set_size(output, rows as u64) };
    *current = Some((batch, at + rows));
    Ok(())
}
