//! Data chunks: up to 2,048 rows as flat vectors.

use super::LogicalType;
use super::value::as_idx;
use libduckdb_sys as ffi;
use std::marker::PhantomData;
use std::ptr;

/// An owned chunk.
pub(crate) struct Chunk {
    raw: ffi::duckdb_data_chunk,
}

// SAFETY: owned memory, not tied to a thread.
unsafe impl Send for Chunk {}

impl Chunk {
    /// Takes over `raw`, a live chunk that we own.
    pub(super) fn from_raw(raw: ffi::duckdb_data_chunk) -> Self {
        Self { raw }
    }

    /// Rows.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: a live chunk.
        usize::try_from(unsafe { ffi::duckdb_data_chunk_get_size(self.raw) }).unwrap_or(0)
    }

    /// Columns.
    pub(crate) fn columns(&self) -> usize {
        // SAFETY: a live chunk.
        usize::try_from(unsafe { ffi::duckdb_data_chunk_get_column_count(self.raw) }).unwrap_or(0)
    }

    /// The handle of a column's vector, for handing it on; null when there is none.
    pub(crate) fn raw_vector(&self, index: usize) -> ffi::duckdb_vector {
        // SAFETY: a live chunk; DuckDB checks the index.
        unsafe { ffi::duckdb_data_chunk_get_vector(self.raw, as_idx(index)) }
    }

    /// Column `index`; panics when there is none (a bug of ours: the schema was compared).
    pub(crate) fn vector(&self, index: usize) -> VectorView<'_> {
        assert!(index < self.columns(), "column {index} is in the compared schema");
        // SAFETY: index < columns.
        let raw = unsafe { ffi::duckdb_data_chunk_get_vector(self.raw, as_idx(index)) };
        // SAFETY: a vector of this chunk, flat as duckdb_fetch_chunk leaves it.
        unsafe { VectorView::new(raw, self.len()) }
    }

    /// The text of a VARCHAR cell; `None` for null.
    pub(crate) fn text(&self, column: usize, row: usize) -> Option<String> {
        let vector = self.vector(column);
        if row >= self.len() || !vector.is_valid(row) {
            return None;
        }
        let strings: &[StringRef] = vector.values();
        Some(String::from_utf8_lossy(strings[row].bytes()).into_owned())
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: ours, destroyed once.
        unsafe { ffi::duckdb_destroy_data_chunk(&raw mut self.raw) };
    }
}

/// A type DuckDB keeps by value in a vector.
///
/// # Safety
/// Any bit pattern is a value of the type.
pub(crate) unsafe trait Fixed: Copy {}
macro_rules! fixed {
    ($($t:ty),*) => {$(
        // SAFETY: plain numbers.
        unsafe impl Fixed for $t {}
    )*};
}
fixed!(u8, u16, u32, u64, i8, i16, i32, i64, i128, u128, f32, f64);

/// Offset and length of a list's elements in the child vector.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct ListEntry {
    /// First element.
    pub(crate) offset: u64,
    /// Number of elements.
    pub(crate) length: u64,
}
// SAFETY: two plain numbers, checked against the child's length when used.
unsafe impl Fixed for ListEntry {}

/// `duckdb_hugeint`: 128 bits at addresses that are multiples of 8, unlike those of `i128`.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct HugeInt {
    lower: u64,
    upper: i64,
}
// SAFETY: plain numbers.
unsafe impl Fixed for HugeInt {}

impl From<HugeInt> for i128 {
    #[inline]
    fn from(value: HugeInt) -> Self {
        (Self::from(value.upper) << 64) | Self::from(value.lower)
    }
}

/// `duckdb_interval`: months, days and microseconds, each with a sign of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct IntervalValue {
    pub(crate) months: i32,
    pub(crate) days: i32,
    pub(crate) micros: i64,
}
// SAFETY: plain numbers.
unsafe impl Fixed for IntervalValue {}

/// `duckdb_string_t`: 16 bytes, either inline (up to 12 bytes) or prefix and pointer.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
pub(crate) struct StringRef(pub(crate) [u8; 16]);
// SAFETY: never read as a pointer except by `bytes`, whose slots DuckDB filled.
unsafe impl Fixed for StringRef {}

/// Longest string that lies inside its `duckdb_string_t` and its Arrow view.
pub(crate) const INLINE_BYTES: usize = 12;

impl StringRef {
    /// Length in bytes.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let [a, b, c, d, ..] = self.0;
        u32::from_ne_bytes([a, b, c, d]) as usize
    }

    /// Of a string that fits, at most [`INLINE_BYTES`].
    #[inline]
    pub(crate) fn inline(bytes: &[u8]) -> Self {
        let mut slot = Self::with_length(bytes);
        slot.0[4..4 + bytes.len()].copy_from_slice(bytes);
        slot
    }

    /// Of a longer string, at `pointer`.
    #[inline]
    pub(crate) fn long(bytes: &[u8], pointer: u64) -> Self {
        let mut slot = Self::with_length(bytes);
        slot.0[4..8].copy_from_slice(&bytes[..4]);
        slot.set_pointer(pointer);
        slot
    }

    fn with_length(bytes: &[u8]) -> Self {
        let length = u32::try_from(bytes.len()).expect("values of Postgres are below 1 GiB");
        let mut slot = [0; 16];
        slot[..4].copy_from_slice(&length.to_ne_bytes());
        Self(slot)
    }

    /// Where a long string is.
    #[inline]
    pub(crate) fn pointer(&self) -> u64 {
        let mut pointer = [0u8; 8];
        pointer.copy_from_slice(&self.0[8..16]);
        u64::from_ne_bytes(pointer)
    }

    /// Moves a long string.
    #[inline]
    pub(crate) fn set_pointer(&mut self, pointer: u64) {
        self.0[8..16].copy_from_slice(&pointer.to_ne_bytes());
    }

    /// The bytes. Only for valid rows: a null's slot may hold anything.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        let len = self.len();
        if len <= INLINE_BYTES {
            return &self.0[4..4 + len];
        }
        let mut pointer = [0u8; 8];
        pointer.copy_from_slice(&self.0[8..16]);
        let pointer = ptr::with_exposed_provenance::<u8>(usize::from_ne_bytes(pointer));
        // SAFETY: DuckDB's layout: bytes 8..16 of a long string point at `len` bytes that
        // live as long as the vector that this slot was borrowed from.
        unsafe { std::slice::from_raw_parts(pointer, len) }
    }
}

/// A flat vector, borrowed from its chunk.
#[derive(Clone, Copy)]
pub(crate) struct VectorView<'a> {
    raw: ffi::duckdb_vector,
    /// Asked for once: row functions look at it for each row.
    data: *const u8,
    validity: *const u64,
    len: usize,
    chunk: PhantomData<&'a Chunk>,
}

impl<'a> VectorView<'a> {
    /// # Safety
    /// `raw` is a flat vector of at least `len` rows that lives for `'a`.
    pub(crate) unsafe fn new(raw: ffi::duckdb_vector, len: usize) -> Self {
        // SAFETY: a live vector; null when every row is valid.
        let validity = unsafe { ffi::duckdb_vector_get_validity(raw) }.cast_const();
        // SAFETY: a live flat vector; null for types that keep nothing of their own.
        let data = unsafe { ffi::duckdb_vector_get_data(raw) }.cast::<u8>().cast_const();
        Self { raw, data, validity, len, chunk: PhantomData }
    }

    /// The type of its values.
    pub(crate) fn logical_type(&self) -> LogicalType {
        // SAFETY: a live vector; the type is ours.
        LogicalType::from_raw(unsafe { ffi::duckdb_vector_get_column_type(self.raw) })
    }

    /// False for null.
    #[inline]
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        assert!(row < self.len, "row is inside the vector");
        self.validity_words().is_none_or(|words| words[row / 64] >> (row % 64) & 1 == 1)
    }

    /// The validity bits, LSB first, 1 = valid; `None` if no row is null.
    #[inline]
    pub(crate) fn validity_words(&self) -> Option<&'a [u64]> {
        if self.validity.is_null() {
            return None;
        }
        // SAFETY: a validity mask covers the vector's rows, in whole words.
        Some(unsafe { std::slice::from_raw_parts(self.validity, self.len.div_ceil(64)) })
    }

    /// The values; slots under nulls hold anything. `T` must be the vector's storage type:
    /// the callers choose it by the column's logical type.
    #[inline]
    pub(crate) fn values<T: Fixed>(&self) -> &'a [T] {
        if self.len == 0 {
            return &[];
        }
        let data = self.data.cast::<T>();
        assert!(!data.is_null() && data.is_aligned(), "DuckDB aligns its vectors");
        // SAFETY: `len` rows of the vector's storage type.
        unsafe { std::slice::from_raw_parts(data, self.len) }
    }

    /// The raw bytes of `width`-byte values.
    #[inline]
    pub(crate) fn bytes(&self, width: usize) -> &'a [u8] {
        if self.len == 0 {
            return &[];
        }
        assert!(!self.data.is_null(), "a vector with rows has data");
        // SAFETY: `len` rows of `width` bytes, the storage size of the column's type.
        unsafe { std::slice::from_raw_parts(self.data, self.len * width) }
    }

    /// Elements of a LIST vector.
    pub(crate) fn list_child(&self) -> VectorView<'a> {
        // SAFETY: a live LIST vector (chosen by the logical type).
        let (child, len) = unsafe {
            (ffi::duckdb_list_vector_get_child(self.raw), ffi::duckdb_list_vector_get_size(self.raw))
        };
        // SAFETY: the child has that many rows and lives as long as its parent.
        unsafe { VectorView::new(child, usize::try_from(len).unwrap_or(0)) }
    }

    /// Elements of an ARRAY vector of `size` elements a row.
    pub(crate) fn array_child(&self, size: usize) -> VectorView<'a> {
        // SAFETY: a live ARRAY vector (chosen by the logical type).
        let child = unsafe { ffi::duckdb_array_vector_get_child(self.raw) };
        // SAFETY: len * size rows, living as long as the parent.
        unsafe { VectorView::new(child, self.len * size) }
    }
}
