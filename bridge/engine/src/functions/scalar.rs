//! Registers Rust functions as DuckDB scalar functions: row functions over flat vectors.

#![expect(unsafe_code, reason = "DuckDB calls back through its C interface")]

use crate::duckdb::{Connection, DuckError, LogicalType, StringRef, TypeId, VectorView, c_string};
use libduckdb_sys as ffi;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A scalar function. Null in any argument gives null without calling `row`.
pub(crate) struct ScalarFunction {
    /// SQL name.
    pub(crate) name: &'static str,
    /// Types of the arguments.
    pub(crate) arguments: &'static [TypeId],
    /// Type of the result.
    pub(crate) result: TypeId,
    /// Computes one row; errors are texts with a SQLSTATE mark.
    pub(crate) row: RowFunction,
}

/// Computes row `usize` of the arguments into the output.
pub(crate) type RowFunction = fn(&Arguments<'_>, &mut Output, usize) -> Result<(), String>;

/// The argument vectors of one call.
pub(crate) struct Arguments<'a> {
    vectors: Vec<VectorView<'a>>,
}

impl Arguments<'_> {
    /// VARCHAR argument `column` of a row without nulls.
    pub(crate) fn text(&self, column: usize, row: usize) -> Result<&str, String> {
        let strings: &[StringRef] = self.vectors[column].values();
        std::str::from_utf8(strings[row].bytes()).map_err(|_| "[22021] invalid byte sequence".to_owned())
    }

    /// INTEGER argument.
    pub(crate) fn integer(&self, column: usize, row: usize) -> i32 {
        self.vectors[column].values::<i32>()[row]
    }

    /// DOUBLE argument.
    pub(crate) fn double(&self, column: usize, row: usize) -> f64 {
        self.vectors[column].values::<f64>()[row]
    }

    /// FLOAT argument.
    pub(crate) fn float(&self, column: usize, row: usize) -> f32 {
        self.vectors[column].values::<f32>()[row]
    }
}

/// The result vector of one call; the setter must be that of the declared result type.
pub(crate) struct Output {
    vector: ffi::duckdb_vector,
    rows: usize,
}

impl Output {
    /// VARCHAR (valid UTF-8 by its type) or BLOB.
    pub(crate) fn set_bytes(&mut self, row: usize, value: &[u8]) {
        assert!(row < self.rows, "row is inside the output");
        let (row, len) = (row as u64, value.len() as u64);
        // SAFETY: a live VARCHAR or BLOB vector with `rows` rows, row < rows; DuckDB copies.
        unsafe {
            ffi::duckdb_unsafe_vector_assign_string_element_len(self.vector, row, value.as_ptr().cast(), len);
        }
    }

    /// A number of the result type's width.
    pub(crate) fn set<T: Copy>(&mut self, row: usize, value: T) {
        assert!(row < self.rows, "row is inside the output");
        // SAFETY: a live flat vector of T (the declared result type) with more than `row` rows.
        unsafe { ffi::duckdb_vector_get_data(self.vector).cast::<T>().add(row).write(value) };
    }

    fn set_null(&mut self, row: usize) {
        // SAFETY: a live vector; the mask exists after the first call and covers row < rows.
        unsafe {
            ffi::duckdb_vector_ensure_validity_writable(self.vector);
            ffi::duckdb_validity_set_row_invalid(ffi::duckdb_vector_get_validity(self.vector), row as u64);
        }
    }
}

/// Registers `function` in the system catalog.
pub(crate) fn register(connection: &Connection, function: &'static ScalarFunction) -> Result<(), DuckError> {
    let name = c_string(function.name)?;
    // SAFETY: a fresh function object, filled with live values and destroyed below; the
    // extra info is a static that needs no destructor.
    unsafe {
        let mut raw = ffi::duckdb_create_scalar_function();
        ffi::duckdb_scalar_function_set_name(raw, name.as_ptr());
        for argument in function.arguments {
            ffi::duckdb_scalar_function_add_parameter(raw, LogicalType::plain(*argument).raw());
        }
        ffi::duckdb_scalar_function_set_return_type(raw, LogicalType::plain(function.result).raw());
        ffi::duckdb_scalar_function_set_extra_info(raw, std::ptr::from_ref(function).cast_mut().cast(), None);
        ffi::duckdb_scalar_function_set_function(raw, Some(trampoline));
        let state = ffi::duckdb_register_scalar_function(connection.raw(), raw);
        ffi::duckdb_destroy_scalar_function(&raw mut raw);
        if state != ffi::DuckDBSuccess {
            return Err(DuckError::new(format!("Catalog Error: cannot register function {}", function.name)));
        }
    }
    Ok(())
}

/// Called by DuckDB for every chunk.
unsafe extern "C" fn trampoline(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    // A panic must not unwind into C++.
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the extra info is the &'static given at registration.
        let function = unsafe {
            &*ffi::duckdb_scalar_function_get_extra_info(info).cast::<ScalarFunction>().cast_const()
        };
        // SAFETY: `input` and `output` are live for this call, flat, as many vectors as declared.
        unsafe { run(function, input, output) }
    }));
    let error = match outcome {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error,
        Err(_) => "[XX000] a function of the engine failed".to_owned(),
    };
    if let Ok(error) = c_string(&error) {
        // SAFETY: live info and text; DuckDB copies it.
        unsafe { ffi::duckdb_scalar_function_set_error(info, error.as_ptr()) };
    }
}

/// # Safety
/// As promised by the trampoline.
unsafe fn run(
    function: &ScalarFunction,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) -> Result<(), String> {
    // SAFETY: a live chunk.
    let rows = usize::try_from(unsafe { ffi::duckdb_data_chunk_get_size(input) }).unwrap_or(0);
    let vectors = (0..function.arguments.len())
        .map(|column| {
            // SAFETY: one vector per declared argument, flat, `rows` rows, live for the call.
            unsafe { VectorView::new(ffi::duckdb_data_chunk_get_vector(input, column as u64), rows) }
        })
        .collect();
    let arguments = Arguments { vectors };
    let mut out = Output { vector: output, rows };
    for row in 0..rows {
        if arguments.vectors.iter().all(|vector| vector.is_valid(row)) {
            (function.row)(&arguments, &mut out, row)?;
        } else {
            out.set_null(row);
        }
    }
    Ok(())
}
