//! `pg_numeric_sum(VARCHAR)`: Postgres' `sum(numeric)` over numerics carried as text, exact and
//! with the largest display scale of its inputs. Null over no rows; nulls are passed over.

#![expect(unsafe_code, reason = "DuckDB calls back through its C interface")]

use super::decimal_text::Numeric;
use crate::duckdb::{Connection, DuckError, LogicalType, StringRef, TypeId, VectorView, c_string};
use libduckdb_sys as ffi;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What DuckDB keeps for each group: the sum so far, `None` before the first value. Behind a
/// pointer, because DuckDB moves and aligns its state memory as it likes.
type State = *mut Option<Numeric>;

/// Registers the aggregate in the system catalog.
pub(super) fn register(connection: &Connection) -> Result<(), DuckError> {
    let name = c_string("pg_numeric_sum")?;
    let text = LogicalType::plain(TypeId::Varchar);
    // SAFETY: the function object is live until destroyed below; DuckDB copies what it is told.
    // The callbacks agree on `State`.
    unsafe {
        let mut function = ffi::duckdb_create_aggregate_function();
        ffi::duckdb_aggregate_function_set_name(function, name.as_ptr());
        ffi::duckdb_aggregate_function_add_parameter(function, text.raw());
        ffi::duckdb_aggregate_function_set_return_type(function, text.raw());
        ffi::duckdb_aggregate_function_set_functions(
            function,
            Some(state_size),
            Some(state_init),
            Some(update),
            Some(combine),
            Some(finalize),
        );
        ffi::duckdb_aggregate_function_set_destructor(function, Some(destroy));
        let state = ffi::duckdb_register_aggregate_function(connection.raw(), function);
        ffi::duckdb_destroy_aggregate_function(&raw mut function);
        if state == ffi::DuckDBSuccess {
            Ok(())
        } else {
            Err(DuckError::new("could not register pg_numeric_sum"))
        }
    }
}

unsafe extern "C" fn state_size(_info: ffi::duckdb_function_info) -> ffi::idx_t {
    size_of::<State>() as u64
}

unsafe extern "C" fn state_init(_info: ffi::duckdb_function_info, state: ffi::duckdb_aggregate_state) {
    // SAFETY: `state_size` bytes of DuckDB's, not necessarily aligned; freed by `destroy`.
    unsafe { state.cast::<State>().write_unaligned(Box::into_raw(Box::new(None))) };
}

/// The sum of a group.
///
/// # Safety
/// `states` has more than `row` states made by [`state_init`], none of them borrowed.
unsafe fn group<'a>(states: *mut ffi::duckdb_aggregate_state, row: usize) -> &'a mut Option<Numeric> {
    // SAFETY: as the caller promises.
    unsafe { &mut *(*states.add(row)).cast::<State>().read_unaligned() }
}

fn add(sum: &mut Option<Numeric>, value: Numeric) -> Result<(), String> {
    *sum = Some(match sum {
        Some(sum) => sum.add(&value)?,
        None => value,
    });
    Ok(())
}

unsafe extern "C" fn update(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    states: *mut ffi::duckdb_aggregate_state,
) {
    guarded(info, || {
        // SAFETY: a live chunk of one flat VARCHAR vector, and as many states.
        unsafe {
            let rows = usize::try_from(ffi::duckdb_data_chunk_get_size(input)).unwrap_or(0);
            let values = VectorView::new(ffi::duckdb_data_chunk_get_vector(input, 0), rows);
            let strings: &[StringRef] = values.values();
            for (row, string) in strings.iter().enumerate() {
                if values.is_valid(row) {
                    let text =
                        std::str::from_utf8(string.bytes()).map_err(|_| "[22021] invalid byte sequence")?;
                    add(group(states, row), Numeric::parse(text)?)?;
                }
            }
        }
        Ok(())
    });
}

unsafe extern "C" fn combine(
    info: ffi::duckdb_function_info,
    source: *mut ffi::duckdb_aggregate_state,
    target: *mut ffi::duckdb_aggregate_state,
    count: ffi::idx_t,
) {
    guarded(info, || {
        for row in 0..usize::try_from(count).unwrap_or(0) {
            // SAFETY: `count` states on both sides, never the same.
            let (from, into) = unsafe { (group(source, row), group(target, row)) };
            if let Some(value) = from.clone() {
                add(into, value)?;
            }
        }
        Ok(())
    });
}

unsafe extern "C" fn finalize(
    info: ffi::duckdb_function_info,
    source: *mut ffi::duckdb_aggregate_state,
    result: ffi::duckdb_vector,
    count: ffi::idx_t,
    offset: ffi::idx_t,
) {
    guarded(info, || {
        for row in 0..usize::try_from(count).unwrap_or(0) {
            let at = offset + row as u64;
            // SAFETY: `count` states; a live VARCHAR vector with rows up to offset + count.
            unsafe {
                if let Some(sum) = group(source, row) {
                    let text = sum.to_string();
                    ffi::duckdb_vector_assign_string_element_len(
                        result,
                        at,
                        text.as_ptr().cast(),
                        text.len() as u64,
                    );
                } else {
                    ffi::duckdb_vector_ensure_validity_writable(result);
                    ffi::duckdb_validity_set_row_invalid(ffi::duckdb_vector_get_validity(result), at);
                }
            }
        }
        Ok(())
    });
}

unsafe extern "C" fn destroy(states: *mut ffi::duckdb_aggregate_state, count: ffi::idx_t) {
    for row in 0..usize::try_from(count).unwrap_or(0) {
        // SAFETY: made by `state_init`, destroyed once.
        drop(unsafe { Box::from_raw((*states.add(row)).cast::<State>().read_unaligned()) });
    }
}

/// Runs `work`, and hands its error to DuckDB: a panic must not unwind into C++.
fn guarded(info: ffi::duckdb_function_info, work: impl FnOnce() -> Result<(), String>) {
    let error = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(_) => "[XX000] an aggregate of the engine failed".to_owned(),
    };
    if let Ok(error) = c_string(&error) {
        // SAFETY: live info and text; DuckDB copies it.
        unsafe { ffi::duckdb_aggregate_function_set_error(info, error.as_ptr()) };
    }
}
