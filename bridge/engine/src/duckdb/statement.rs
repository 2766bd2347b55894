//! Prepared statements.

use super::{Connection, DuckError, LogicalType, QueryResult, Value, borrowed_text, c_string, value::as_idx};
use libduckdb_sys as ffi;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::{Duration, Instant};

/// A bound statement. It must not outlive its connection: sessions drop statements first.
pub(crate) struct Statement {
    raw: ffi::duckdb_prepared_statement,
}

// SAFETY: as for Connection: not tied to a thread, used by one at a time.
unsafe impl Send for Statement {}

impl Statement {
    /// Binds the single statement `sql`.
    pub(super) fn prepare(connection: &Connection, sql: &str) -> Result<Self, DuckError> {
        let sql = c_string(sql)?;
        let mut raw: ffi::duckdb_prepared_statement = ptr::null_mut();
        // SAFETY: open connection, NUL-terminated text, a place for the handle.
        let state = unsafe { ffi::duckdb_prepare(connection.raw(), sql.as_ptr(), &raw mut raw) };
        let statement = Self { raw };
        if state == ffi::DuckDBSuccess {
            return Ok(statement);
        }
        // SAFETY: the handle exists on failure too and owns the text.
        Err(DuckError::new(unsafe { borrowed_text(ffi::duckdb_prepare_error(raw)) }))
    }

    /// Number of parameters.
    pub(crate) fn parameter_count(&self) -> usize {
        // SAFETY: live statement.
        usize::try_from(unsafe { ffi::duckdb_nparams(self.raw) }).unwrap_or(usize::MAX)
    }

    /// Binds parameter `index`, from 1.
    pub(crate) fn bind(&self, index: usize, value: &Value) -> Result<(), DuckError> {
        // SAFETY: live statement and value; DuckDB checks the index and copies the value.
        let state = unsafe { ffi::duckdb_bind_value(self.raw, as_idx(index), value.raw()) };
        if state == ffi::DuckDBSuccess {
            return Ok(());
        }
        // SAFETY: live statement.
        Err(DuckError::new(unsafe { borrowed_text(ffi::duckdb_prepare_error(self.raw)) }))
    }

    /// DuckDB's statement kind (`duckdb_statement_type`).
    pub(crate) fn kind(&self) -> ffi::duckdb_statement_type {
        // SAFETY: live statement.
        unsafe { ffi::duckdb_prepared_statement_type(self.raw) }
    }

    /// Names and types of the columns the statement will return.
    pub(crate) fn columns(&self) -> Vec<(String, LogicalType)> {
        // SAFETY: live statement.
        let count = unsafe { ffi::duckdb_prepared_statement_column_count(self.raw) };
        (0..count)
            .map(|i| {
                // SAFETY: i < count; the text is ours to free.
                let name = unsafe {
                    super::owned_text(ffi::duckdb_prepared_statement_column_name(self.raw, i).cast_mut())
                };
                // SAFETY: i < count; the type is ours.
                let raw = unsafe { ffi::duckdb_prepared_statement_column_logical_type(self.raw, i) };
                (name, LogicalType::from_raw(raw))
            })
            .collect()
    }

    /// Starts the statement. `streaming`: rows come as they are fetched; otherwise it runs to its end.
    pub(crate) fn execute(&self, streaming: bool) -> Result<QueryResult, DuckError> {
        let mut pending: ffi::duckdb_pending_result = ptr::null_mut();
        // SAFETY: live statement, a place for the handle.
        let state = unsafe {
            if streaming {
                ffi::duckdb_pending_prepared_streaming(self.raw, &raw mut pending)
            } else {
                ffi::duckdb_pending_prepared(self.raw, &raw mut pending)
            }
        };
        // SAFETY: the handle exists on failure too; a live one that has not been executed.
        let result = if state == ffi::DuckDBSuccess && unsafe { run_tasks(pending) } {
            let mut raw = MaybeUninit::<ffi::duckdb_result>::zeroed();
            // SAFETY: live pending result, a place for the result.
            let state = unsafe { ffi::duckdb_execute_pending(pending, raw.as_mut_ptr()) };
            // SAFETY: zeroed or filled by duckdb_execute_pending.
            let result = unsafe { QueryResult::from_raw(state, raw.assume_init()) };
            match result {
                Err(error) if error.message.is_empty() => {
                    // SAFETY: live pending result.
                    Err(DuckError::new(unsafe { borrowed_text(ffi::duckdb_pending_error(pending)) }))
                }
                other => other,
            }
        } else {
            // SAFETY: the handle exists on failure too.
            Err(DuckError::new(unsafe { borrowed_text(ffi::duckdb_pending_error(pending)) }))
        };
        if !pending.is_null() {
            // SAFETY: ours, destroyed once; the result is independent of it.
            unsafe { ffi::duckdb_destroy_pending(&raw mut pending) };
        }
        result
    }
}

/// How long a statement whose tasks all run on other threads keeps looking for new ones before it
/// sleeps: a short statement ends within it.
const LOOK: Duration = Duration::from_micros(200);
/// The sleep is this part of the time without tasks, so that it adds as little to a statement ..
const SLEEP_PART: u32 = 32;
/// .. and not longer than this.
const LONGEST_SLEEP: Duration = Duration::from_millis(1);

/// Works on the tasks of a statement, beside DuckDB's threads, until it has a result; false after an
/// error. `duckdb_execute_pending` alone would do so too, but it spins where there is no task to take,
/// and would so use up a core beside a scan that waits for its backend.
///
/// # Safety
/// `pending` is live and not executed.
unsafe fn run_tasks(pending: ffi::duckdb_pending_result) -> bool {
    let mut idle: Option<Instant> = None;
    loop {
        // SAFETY: as the caller promises.
        match unsafe { ffi::duckdb_pending_execute_task(pending) } {
            ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_NOT_READY => idle = None,
            ffi::duckdb_pending_state_DUCKDB_PENDING_NO_TASKS_AVAILABLE => {
                let time = idle.get_or_insert_with(Instant::now).elapsed();
                if time < LOOK {
                    std::thread::yield_now();
                } else {
                    std::thread::sleep((time / SLEEP_PART).min(LONGEST_SLEEP));
                }
            }
            state => return state == ffi::duckdb_pending_state_DUCKDB_PENDING_RESULT_READY,
        }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: ours, destroyed once.
            unsafe { ffi::duckdb_destroy_prepare(&raw mut self.raw) };
        }
    }
}
