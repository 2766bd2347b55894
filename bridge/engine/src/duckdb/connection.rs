//! A connection: one session's transaction, settings and temporary tables.

use super::{Database, DuckError, QueryResult, Statement, Value, c_string};
use libduckdb_sys as ffi;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError};

/// The raw connection behind a lock, so that an interrupt never meets a closed connection.
struct Shared(Mutex<Option<RawConnection>>);

#[derive(Clone, Copy)]
struct RawConnection(ffi::duckdb_connection);
// SAFETY: a DuckDB connection may be used from any thread; duckdb_interrupt and
// duckdb_query_progress may run while another thread executes.
unsafe impl Send for RawConnection {}

/// Interrupts a connection from any thread; does nothing once the connection is closed.
#[derive(Clone)]
pub(crate) struct InterruptHandle(Arc<Shared>);

impl InterruptHandle {
    /// Interrupts whatever the connection runs now. A statement that starts later is not touched.
    pub(crate) fn interrupt(&self) {
        let raw = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(RawConnection(raw)) = *raw {
            // SAFETY: open, because Drop empties the slot under this lock before it disconnects.
            unsafe { ffi::duckdb_interrupt(raw) };
        }
    }

    /// Progress of the running statement in percent; negative when unknown.
    pub(crate) fn progress(&self) -> f64 {
        let raw = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *raw {
            // SAFETY: open, as in `interrupt`.
            Some(RawConnection(raw)) => unsafe { ffi::duckdb_query_progress(raw) }.percentage,
            None => -1.0,
        }
    }
}

/// An open connection, used by one thread at a time.
pub(crate) struct Connection {
    raw: ffi::duckdb_connection,
    shared: Arc<Shared>,
}

// SAFETY: DuckDB connections are not tied to the thread that opened them.
unsafe impl Send for Connection {}

impl Connection {
    /// Connects to `database`.
    pub(crate) fn open(database: &Database) -> Result<Self, DuckError> {
        let mut raw: ffi::duckdb_connection = ptr::null_mut();
        // SAFETY: the database is open; `raw` is a valid place for the handle.
        if unsafe { ffi::duckdb_connect(database.raw(), &raw mut raw) } != ffi::DuckDBSuccess {
            return Err(DuckError::new("Connection Error: cannot open a connection"));
        }
        Ok(Self { raw, shared: Arc::new(Shared(Mutex::new(Some(RawConnection(raw))))) })
    }

    /// A handle to interrupt this connection with.
    pub(crate) fn interrupt_handle(&self) -> InterruptHandle {
        InterruptHandle(Arc::clone(&self.shared))
    }

    /// Runs one or more statements and returns the last result, materialised.
    pub(crate) fn query(&self, sql: &str) -> Result<QueryResult, DuckError> {
        let sql = c_string(sql)?;
        let mut raw = MaybeUninit::<ffi::duckdb_result>::zeroed();
        // SAFETY: open connection, NUL-terminated text, a place for the result.
        let state = unsafe { ffi::duckdb_query(self.raw, sql.as_ptr(), raw.as_mut_ptr()) };
        // SAFETY: duckdb_query fills the result on success and on failure.
        unsafe { QueryResult::from_raw(state, raw.assume_init()) }
    }

    /// Binds a statement.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement, DuckError> {
        Statement::prepare(self, sql)
    }

    /// The first column of the first row as text; `None` without rows or for null.
    pub(crate) fn scalar_text(&self, sql: &str) -> Result<Option<String>, DuckError> {
        let mut result = self.query(&format!("SELECT CAST(v AS VARCHAR) FROM ({sql}) AS q(v)"))?;
        Ok(result.fetch()?.and_then(|chunk| chunk.text(0, 0)))
    }

    /// DuckDB's profile of the last statement (a tree of metrics), if profiling was on.
    pub(crate) fn profile(&self) -> Option<ProfileNode> {
        // SAFETY: open connection; the returned tree belongs to it until its next statement.
        let info = unsafe { ffi::duckdb_get_profiling_info(self.raw) };
        // SAFETY: null or a node of that tree.
        (!info.is_null()).then(|| unsafe { ProfileNode::read(info, 0) })
    }

    pub(crate) fn raw(&self) -> ffi::duckdb_connection {
        self.raw
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        *self.shared.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // SAFETY: opened by us, closed once; no interrupt can hold it, see above.
        unsafe { ffi::duckdb_disconnect(&raw mut self.raw) };
    }
}

/// One node of a profile.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProfileNode {
    /// Metric name and value, as DuckDB prints them.
    pub(crate) metrics: Vec<(String, String)>,
    /// Inputs.
    pub(crate) children: Vec<ProfileNode>,
}

impl ProfileNode {
    /// # Safety
    /// `info` is a live node of a connection's profile.
    unsafe fn read(info: ffi::duckdb_profiling_info, depth: usize) -> Self {
        let mut node = Self::default();
        // SAFETY: live node; the map value is ours.
        let map = Value::from_raw(unsafe { ffi::duckdb_profiling_info_get_metrics(info) });
        node.metrics = map.map_entries();
        // SAFETY: live node.
        let count = unsafe { ffi::duckdb_profiling_info_get_child_count(info) };
        // A plan is never this deep; the bound keeps recursion finite.
        if depth < 1000 {
            for i in 0..count {
                // SAFETY: i < count.
                let child = unsafe { ffi::duckdb_profiling_info_get_child(info, i) };
                if !child.is_null() {
                    // SAFETY: a live node of the same tree.
                    node.children.push(unsafe { Self::read(child, depth + 1) });
                }
            }
        }
        node
    }
}
