//! Registers Rust functions as DuckDB scalar functions over flat vectors, a row or a chunk at a time.

#![expect(unsafe_code, reason = "DuckDB calls back through its C interface")]

use super::decimal_text::Numeric;
use crate::duckdb::{
    Connection, DuckError, Fixed, HugeInt, INLINE_BYTES, IntervalValue, ListEntry, LogicalType, StringRef,
    TypeId, VectorView, c_string,
};
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

/// A scalar function that computes a whole chunk over slices: for arithmetic, where a call per
/// row would cost more than the work.
pub(crate) struct ChunkFunction {
    /// SQL name.
    pub(crate) name: &'static str,
    /// Types of the arguments.
    pub(crate) arguments: &'static [TypeId],
    /// Type of the result.
    pub(crate) result: TypeId,
    /// Computes all rows; rows with a null argument are null whatever it writes there.
    pub(crate) chunk: fn(&Arguments<'_>, &mut Output) -> Result<(), String>,
}

/// As the type of an argument: a numeric on any carrier, which [`Arguments::numeric`] reads.
pub(crate) const NUMERIC: TypeId = TypeId::Other;

/// What carries the numerics of an argument.
#[derive(Clone, Copy)]
enum Carrier {
    Text,
    /// Whole numbers of this storage type, to be divided by ten to the power of the scale.
    Digits(TypeId, u32),
    /// No numeric: only nulls, or a bug of whoever wrote the call.
    Other,
}

impl Carrier {
    fn of(vector: &VectorView<'_>) -> Self {
        /// Digits that DuckDB keeps in 16, 32 and 64 bits.
        const WIDTHS: [(u8, TypeId); 3] = [(4, TypeId::SmallInt), (9, TypeId::Integer), (18, TypeId::BigInt)];
        let logical = vector.logical_type();
        match logical.id() {
            id @ (TypeId::SmallInt | TypeId::Integer | TypeId::BigInt | TypeId::HugeInt) => {
                Self::Digits(id, 0)
            }
            TypeId::Decimal => {
                let (width, scale) = logical.decimal_width_scale();
                let storage = WIDTHS.iter().find(|(most, _)| width <= *most);
                Self::Digits(storage.map_or(TypeId::HugeInt, |(_, id)| *id), scale.into())
            }
            TypeId::Varchar => Self::Text,
            _ => Self::Other,
        }
    }
}

/// Computes row `usize` of the arguments into the output.
pub(crate) type RowFunction = fn(&Arguments<'_>, &mut Output, usize) -> Result<(), String>;

/// The argument vectors of one call.
pub(crate) struct Arguments<'a> {
    vectors: Vec<VectorView<'a>>,
    /// Of each argument that is [`NUMERIC`], what carries it.
    carriers: Vec<Carrier>,
    /// Of each argument that is a list, its elements.
    children: Vec<Option<VectorView<'a>>>,
}

impl Arguments<'_> {
    /// VARCHAR argument `column` of a row without nulls.
    #[inline]
    pub(crate) fn text(&self, column: usize, row: usize) -> Result<&str, String> {
        text(&self.vectors[column].values::<StringRef>()[row])
    }

    /// [`NUMERIC`] argument `column` of a row without nulls.
    pub(crate) fn numeric(&self, column: usize, row: usize) -> Result<Numeric, String> {
        let vector = &self.vectors[column];
        let (digits, scale) = match self.carriers[column] {
            Carrier::Text => return Numeric::parse_bytes(vector.values::<StringRef>()[row].bytes()),
            Carrier::Digits(TypeId::SmallInt, scale) => (vector.values::<i16>()[row].into(), scale),
            Carrier::Digits(TypeId::Integer, scale) => (vector.values::<i32>()[row].into(), scale),
            Carrier::Digits(TypeId::BigInt, scale) => (vector.values::<i64>()[row].into(), scale),
            Carrier::Digits(_, scale) => (vector.values::<HugeInt>()[row].into(), scale),
            Carrier::Other => return Err("[XX000] an argument is no numeric".to_owned()),
        };
        Ok(Numeric::Small(digits, scale))
    }

    /// BLOB argument `column` of a row without nulls.
    pub(crate) fn bytes(&self, column: usize, row: usize) -> &[u8] {
        let strings: &[StringRef] = self.vectors[column].values();
        strings[row].bytes()
    }

    /// VARCHAR[] argument `column` of a row without nulls; its elements may be null.
    pub(crate) fn texts(
        &self,
        column: usize,
        row: usize,
    ) -> impl Iterator<Item = Result<Option<&str>, String>> {
        let ListEntry { offset, length } = self.vectors[column].values::<ListEntry>()[row];
        let child = self.children[column].expect("a list has elements");
        let strings: &[StringRef] = child.values();
        (offset..offset + length).map(move |at| {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            if child.is_valid(at) { text(&strings[at]).map(Some) } else { Ok(None) }
        })
    }

    /// INTERVAL argument.
    pub(crate) fn interval(&self, column: usize, row: usize) -> IntervalValue {
        self.vectors[column].values::<IntervalValue>()[row]
    }

    /// BIGINT, TIMESTAMP or TIME argument.
    pub(crate) fn long(&self, column: usize, row: usize) -> i64 {
        self.vectors[column].values::<i64>()[row]
    }

    /// The values of an argument stored as `T`; slots under nulls hold anything.
    pub(crate) fn values<T: Fixed>(&self, column: usize) -> &[T] {
        self.vectors[column].values()
    }

    /// True if no argument of the row is null.
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        self.vectors.iter().all(|vector| vector.is_valid(row))
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

/// The text of a valid slot. Short ones cost less than a general check of UTF-8 does.
#[inline]
fn text(slot: &StringRef) -> Result<&str, String> {
    let bytes = slot.bytes();
    if bytes.is_ascii() {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|_| "[22021] invalid byte sequence".to_owned())
}

/// The result vector of one call; the setter must be that of the declared result type.
pub(crate) struct Output {
    vector: ffi::duckdb_vector,
    /// Its values.
    data: *mut std::ffi::c_void,
    rows: usize,
    strings: Strings,
    /// Elements of lists that are in the child vector.
    stored: usize,
    /// The slots of those behind them, and which are null.
    elements: Vec<StringRef>,
    null_elements: Vec<usize>,
}

/// Strings of a vector that do not fit in their slots: DuckDB gets many of them in one piece, which it
/// copies many times faster.
#[derive(Default)]
struct Strings {
    bytes: Vec<u8>,
    /// Slots whose pointer is a position in `bytes` still.
    pending: Vec<usize>,
}

impl Strings {
    /// Bytes that are handed over before more are kept.
    const PIECE: usize = 1 << 20;

    fn is_full(&self) -> bool {
        self.bytes.len() >= Self::PIECE
    }

    /// The slot `index` for what `write` appends.
    #[inline]
    fn slot(&mut self, index: usize, write: impl FnOnce(&mut Vec<u8>)) -> StringRef {
        let start = self.bytes.len();
        write(&mut self.bytes);
        if self.bytes.len() - start <= INLINE_BYTES {
            let slot = StringRef::inline(&self.bytes[start..]);
            self.bytes.truncate(start);
            return slot;
        }
        self.pending.push(index);
        StringRef::long(&self.bytes[start..], start as u64)
    }

    /// Puts the strings into `vector`, which owns them from then on, and points its slots at them.
    ///
    /// # Safety
    /// `vector` is a live flat VARCHAR or BLOB vector with more slots than the largest index given to
    /// [`Self::slot`], and holds the results of these calls.
    unsafe fn store(&mut self, vector: ffi::duckdb_vector) {
        let Some(&first) = self.pending.first() else { return };
        // SAFETY: as the caller promises; `first` is one of the slots. DuckDB copies the bytes, more than fit
        // in a slot, to where they stay as long as the vector lives.
        unsafe {
            let slots = ffi::duckdb_vector_get_data(vector).cast::<StringRef>();
            let kept = *slots.add(first);
            let (bytes, length) = (self.bytes.as_ptr().cast(), self.bytes.len() as u64);
            ffi::duckdb_unsafe_vector_assign_string_element_len(vector, first as u64, bytes, length);
            let base = (*slots.add(first)).pointer();
            slots.add(first).write(kept);
            for &index in &self.pending {
                let slot = &mut *slots.add(index);
                slot.set_pointer(base + slot.pointer());
            }
        }
        self.bytes.clear();
        self.pending.clear();
    }
}

impl Output {
    /// VARCHAR (valid UTF-8 by its type) or BLOB.
    #[inline]
    pub(crate) fn set_bytes(&mut self, row: usize, value: &[u8]) {
        self.write_bytes(row, |out| out.extend_from_slice(value));
    }

    /// VARCHAR or BLOB: what `write` appends, in UTF-8 if it is a VARCHAR.
    #[inline]
    pub(crate) fn write_bytes(&mut self, row: usize, write: impl FnOnce(&mut Vec<u8>)) {
        if self.strings.is_full() {
            self.store();
        }
        let slot = self.strings.slot(row, write);
        self.set(row, slot);
    }

    /// VARCHAR[]: the elements of a row, in order; `None` is null.
    pub(crate) fn set_texts<'a>(&mut self, row: usize, items: impl Iterator<Item = Option<&'a str>>) {
        if self.strings.is_full() {
            self.store();
        }
        let offset = self.stored + self.elements.len();
        for item in items {
            let index = self.stored + self.elements.len();
            if item.is_none() {
                self.null_elements.push(index);
            }
            let bytes = item.unwrap_or_default().as_bytes();
            self.elements.push(self.strings.slot(index, |out| out.extend_from_slice(bytes)));
        }
        let length = self.stored + self.elements.len() - offset;
        self.set(row, ListEntry { offset: offset as u64, length: length as u64 });
    }

    /// Hands over what the setters have kept.
    fn store(&mut self) {
        if self.elements.is_empty() {
            // SAFETY: a live flat vector; only strings leave something to store, in slots below `rows`.
            unsafe { self.strings.store(self.vector) };
            return;
        }
        let length = self.stored + self.elements.len();
        // SAFETY: elements are written to a live LIST vector of VARCHAR only; its child has room for `length`
        // of them after the reserve, of which `stored` are there.
        unsafe {
            ffi::duckdb_list_vector_reserve(self.vector, length as u64);
            ffi::duckdb_list_vector_set_size(self.vector, length as u64);
            let child = ffi::duckdb_list_vector_get_child(self.vector);
            let slots = ffi::duckdb_vector_get_data(child).cast::<StringRef>();
            slots.add(self.stored).copy_from_nonoverlapping(self.elements.as_ptr(), self.elements.len());
            self.strings.store(child);
            if !self.null_elements.is_empty() {
                ffi::duckdb_vector_ensure_validity_writable(child);
                let validity = ffi::duckdb_vector_get_validity(child);
                for &index in &self.null_elements {
                    ffi::duckdb_validity_set_row_invalid(validity, index as u64);
                }
            }
        }
        self.stored = length;
        self.elements.clear();
        self.null_elements.clear();
    }

    /// A number of the result type's width.
    pub(crate) fn set<T: Copy>(&mut self, row: usize, value: T) {
        assert!(row < self.rows, "row is inside the output");
        // SAFETY: a live flat vector of T (the declared result type) with more than `row` rows.
        unsafe { self.data.cast::<T>().add(row).write(value) };
    }

    /// All results; `T` must be the storage type of the declared result.
    pub(crate) fn values_mut<T: Fixed>(&mut self) -> &mut [T] {
        // SAFETY: a live flat vector of T with room for `rows` values, borrowed by `&mut self`.
        unsafe {
            let data = self.data.cast::<T>();
            assert!(!data.is_null() && data.is_aligned(), "DuckDB aligns its vectors");
            std::slice::from_raw_parts_mut(data, self.rows)
        }
    }

    /// A result is null where an argument is.
    fn take_nulls(&mut self, arguments: &Arguments<'_>) {
        let mut masks = arguments.vectors.iter().filter_map(VectorView::validity_words).peekable();
        if masks.peek().is_none() {
            return;
        }
        // SAFETY: a live vector; the mask exists after the first call and covers `rows` rows in
        // whole words.
        let words = unsafe {
            ffi::duckdb_vector_ensure_validity_writable(self.vector);
            let mask = ffi::duckdb_vector_get_validity(self.vector);
            std::slice::from_raw_parts_mut(mask, self.rows.div_ceil(64))
        };
        for mask in masks {
            for (word, other) in words.iter_mut().zip(mask) {
                *word &= other;
            }
        }
    }

    /// NULL.
    pub(crate) fn set_null(&mut self, row: usize) {
        // SAFETY: a live vector; the mask exists after the first call and covers row < rows.
        unsafe {
            ffi::duckdb_vector_ensure_validity_writable(self.vector);
            ffi::duckdb_validity_set_row_invalid(ffi::duckdb_vector_get_validity(self.vector), row as u64);
        }
    }
}

/// Registers `function` in the system catalog.
pub(crate) fn register(connection: &Connection, function: &'static ScalarFunction) -> Result<(), DuckError> {
    let info = std::ptr::from_ref(function).cast_mut().cast();
    // SAFETY: `call_rows` takes the extra info for the static it is.
    unsafe { register_raw(connection, function.name, function.arguments, function.result, info, call_rows) }
}

/// Registers `function` in the system catalog.
pub(crate) fn register_chunk(
    connection: &Connection,
    function: &'static ChunkFunction,
) -> Result<(), DuckError> {
    let info = std::ptr::from_ref(function).cast_mut().cast();
    // SAFETY: `call_chunk` takes the extra info for the static it is.
    unsafe { register_raw(connection, function.name, function.arguments, function.result, info, call_chunk) }
}

/// The type by its id; the only lists are those of VARCHAR.
fn logical_type(id: TypeId) -> LogicalType {
    match id {
        TypeId::List => LogicalType::list(&LogicalType::plain(TypeId::Varchar)),
        NUMERIC => LogicalType::any(),
        _ => LogicalType::plain(id),
    }
}

/// What DuckDB calls for every chunk.
type Callback = unsafe extern "C" fn(ffi::duckdb_function_info, ffi::duckdb_data_chunk, ffi::duckdb_vector);

/// # Safety
/// `info` is a static of the type that `callback` takes it for.
unsafe fn register_raw(
    connection: &Connection,
    name: &str,
    arguments: &[TypeId],
    result: TypeId,
    info: *mut std::ffi::c_void,
    callback: Callback,
) -> Result<(), DuckError> {
    let c_name = c_string(name)?;
    // SAFETY: a fresh function object, filled with live values and destroyed below; the
    // extra info is a static that needs no destructor.
    unsafe {
        let mut raw = ffi::duckdb_create_scalar_function();
        ffi::duckdb_scalar_function_set_name(raw, c_name.as_ptr());
        for argument in arguments {
            ffi::duckdb_scalar_function_add_parameter(raw, logical_type(*argument).raw());
        }
        ffi::duckdb_scalar_function_set_return_type(raw, logical_type(result).raw());
        ffi::duckdb_scalar_function_set_extra_info(raw, info, None);
        ffi::duckdb_scalar_function_set_function(raw, Some(callback));
        let state = ffi::duckdb_register_scalar_function(connection.raw(), raw);
        ffi::duckdb_destroy_scalar_function(&raw mut raw);
        if state != ffi::DuckDBSuccess {
            return Err(DuckError::new(format!("Catalog Error: cannot register function {name}")));
        }
    }
    Ok(())
}

unsafe extern "C" fn call_rows(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    guarded(info, || {
        // SAFETY: the extra info is the &'static given at registration.
        let function = unsafe {
            &*ffi::duckdb_scalar_function_get_extra_info(info).cast::<ScalarFunction>().cast_const()
        };
        // SAFETY: live for this call.
        let (arguments, mut out) = unsafe { views(function.arguments, input, output) };
        let has_nulls = arguments.vectors.iter().any(|vector| vector.validity_words().is_some());
        for row in 0..out.rows {
            if !has_nulls || arguments.is_valid(row) {
                (function.row)(&arguments, &mut out, row)?;
            } else {
                out.set_null(row);
            }
        }
        out.store();
        Ok(())
    });
}

unsafe extern "C" fn call_chunk(
    info: ffi::duckdb_function_info,
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) {
    guarded(info, || {
        // SAFETY: the extra info is the &'static given at registration.
        let function = unsafe {
            &*ffi::duckdb_scalar_function_get_extra_info(info).cast::<ChunkFunction>().cast_const()
        };
        // SAFETY: live for this call.
        let (arguments, mut out) = unsafe { views(function.arguments, input, output) };
        out.take_nulls(&arguments);
        (function.chunk)(&arguments, &mut out)
    });
}

/// Runs the work of a scalar function and hands its error to DuckDB.
fn guarded(info: ffi::duckdb_function_info, work: impl FnOnce() -> Result<(), String>) {
    if let Some(error) = error_of(work) {
        // SAFETY: live info and text; DuckDB copies it.
        unsafe { ffi::duckdb_scalar_function_set_error(info, error.as_ptr()) };
    }
}

/// The error of `work`, a panic included: it must not unwind into C++.
fn error_of(work: impl FnOnce() -> Result<(), String>) -> Option<std::ffi::CString> {
    let error = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error,
        Err(_) => "[XX000] a function of the engine failed".to_owned(),
    };
    Some(c_string(&error).unwrap_or_else(|_| c"[XX000] a function of the engine failed".to_owned()))
}

/// The vectors of a call.
///
/// # Safety
/// `input` has a flat vector for each of `types`; it and `output` are live for `'a`.
unsafe fn views<'a>(
    types: &[TypeId],
    input: ffi::duckdb_data_chunk,
    output: ffi::duckdb_vector,
) -> (Arguments<'a>, Output) {
    // SAFETY: a live chunk.
    let rows = usize::try_from(unsafe { ffi::duckdb_data_chunk_get_size(input) }).unwrap_or(0);
    let vectors: Vec<VectorView<'a>> = (0..types.len())
        .map(|column| {
            // SAFETY: one vector per declared argument, flat, `rows` rows, live for the call.
            unsafe { VectorView::new(ffi::duckdb_data_chunk_get_vector(input, column as u64), rows) }
        })
        .collect();
    let carriers =
        if types.contains(&NUMERIC) { vectors.iter().map(Carrier::of).collect() } else { Vec::new() };
    let children = vectors
        .iter()
        .zip(types)
        .map(|(vector, id)| (*id == TypeId::List).then(|| vector.list_child()))
        .collect();
    // SAFETY: a live flat vector.
    let data = unsafe { ffi::duckdb_vector_get_data(output) };
    let out = Output {
        vector: output,
        data,
        rows,
        strings: Strings::default(),
        stored: 0,
        elements: Vec::new(),
        null_elements: Vec::new(),
    };
    (Arguments { vectors, carriers, children }, out)
}
