//! A single DuckDB value: statement parameters and profile entries.

use super::{LogicalType, owned_text};
use libduckdb_sys as ffi;

/// An owned `duckdb_value`.
pub(crate) struct Value {
    raw: ffi::duckdb_value,
}

impl Value {
    /// Takes over `raw`, which must come from a `duckdb_create_*` function (or be null).
    pub(super) fn from_raw(raw: ffi::duckdb_value) -> Self {
        Self { raw }
    }

    pub(super) fn raw(&self) -> ffi::duckdb_value {
        self.raw
    }

    /// SQL null.
    pub(crate) fn null() -> Self {
        // SAFETY: no arguments.
        Self::from_raw(unsafe { ffi::duckdb_create_null_value() })
    }

    /// BOOLEAN.
    pub(crate) fn boolean(value: bool) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_bool(value) })
    }

    /// TINYINT.
    pub(crate) fn int8(value: i8) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_int8(value) })
    }

    /// SMALLINT.
    pub(crate) fn int16(value: i16) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_int16(value) })
    }

    /// INTEGER.
    pub(crate) fn int32(value: i32) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_int32(value) })
    }

    /// BIGINT.
    pub(crate) fn int64(value: i64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_int64(value) })
    }

    /// UINTEGER.
    pub(crate) fn uint32(value: u32) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_uint32(value) })
    }

    /// UBIGINT.
    pub(crate) fn uint64(value: u64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_uint64(value) })
    }

    /// FLOAT.
    pub(crate) fn float(value: f32) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_float(value) })
    }

    /// DOUBLE.
    pub(crate) fn double(value: f64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_double(value) })
    }

    /// VARCHAR.
    pub(crate) fn varchar(value: &str) -> Self {
        // SAFETY: pointer and length of one live string; DuckDB copies it.
        Self::from_raw(unsafe {
            ffi::duckdb_create_varchar_length(value.as_ptr().cast(), as_idx(value.len()))
        })
    }

    /// BLOB.
    pub(crate) fn blob(value: &[u8]) -> Self {
        // SAFETY: pointer and length of one live slice; DuckDB copies it.
        Self::from_raw(unsafe { ffi::duckdb_create_blob(value.as_ptr(), as_idx(value.len())) })
    }

    /// DATE, days since 1970-01-01.
    pub(crate) fn date(days: i32) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_date(ffi::duckdb_date { days }) })
    }

    /// TIME, microseconds of the day.
    pub(crate) fn time(micros: i64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_time(ffi::duckdb_time { micros }) })
    }

    /// TIMETZ, DuckDB's raw bits.
    pub(crate) fn time_tz(bits: u64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_time_tz_value(ffi::duckdb_time_tz { bits }) })
    }

    /// TIMESTAMP, microseconds since 1970-01-01.
    pub(crate) fn timestamp(micros: i64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_timestamp(ffi::duckdb_timestamp { micros }) })
    }

    /// TIMESTAMPTZ, microseconds since 1970-01-01 UTC.
    pub(crate) fn timestamp_tz(micros: i64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_timestamp_tz(ffi::duckdb_timestamp { micros }) })
    }

    /// INTERVAL.
    pub(crate) fn interval(months: i32, days: i32, micros: i64) -> Self {
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_interval(ffi::duckdb_interval { months, days, micros }) })
    }

    /// DECIMAL(width, scale) of unscaled digits.
    pub(crate) fn decimal(value: i128, width: u8, scale: u8) -> Self {
        let decimal = ffi::duckdb_decimal { width, scale, value: hugeint(value) };
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_decimal(decimal) })
    }

    /// UUID of its 16 bytes in text order.
    pub(crate) fn uuid(bytes: [u8; 16]) -> Self {
        let value = u128::from_be_bytes(bytes);
        let (upper, lower) = split_u128(value);
        // SAFETY: by value.
        Self::from_raw(unsafe { ffi::duckdb_create_uuid(ffi::duckdb_uhugeint { lower, upper }) })
    }

    /// LIST of `values`, all of type `element`.
    pub(crate) fn list(element: &LogicalType, values: &[Value]) -> Self {
        let mut raw: Vec<ffi::duckdb_value> = values.iter().map(Self::raw).collect();
        // SAFETY: live type and live values; DuckDB copies them.
        let list =
            unsafe { ffi::duckdb_create_list_value(element.raw(), raw.as_mut_ptr(), as_idx(raw.len())) };
        Self::from_raw(list)
    }

    /// Entries of a MAP value as texts; empty if this is none.
    pub(crate) fn map_entries(&self) -> Vec<(String, String)> {
        if self.raw.is_null() {
            return Vec::new();
        }
        // SAFETY: a live value; a value that is no map has size 0.
        let count = unsafe { ffi::duckdb_get_map_size(self.raw) };
        (0..count)
            .map(|i| {
                // SAFETY: i < count; the key is ours.
                let key = Self::from_raw(unsafe { ffi::duckdb_get_map_key(self.raw, i) });
                // SAFETY: i < count; the value is ours.
                let value = Self::from_raw(unsafe { ffi::duckdb_get_map_value(self.raw, i) });
                (key.text(), value.text())
            })
            .collect()
    }

    /// The value as DuckDB casts it to text; empty for null.
    pub(crate) fn text(&self) -> String {
        if self.raw.is_null() {
            return String::new();
        }
        // SAFETY: a live value; the text is ours to free.
        unsafe { owned_text(ffi::duckdb_get_varchar(self.raw)) }
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if !self.raw.is_null() {
            // SAFETY: created for us, destroyed once.
            unsafe { ffi::duckdb_destroy_value(&raw mut self.raw) };
        }
    }
}

/// A length as DuckDB's index type.
pub(super) fn as_idx(len: usize) -> ffi::idx_t {
    u64::try_from(len).unwrap_or(u64::MAX)
}

fn split_u128(value: u128) -> (u64, u64) {
    let bytes = value.to_le_bytes();
    let word = |at: usize| {
        let mut word = [0u8; 8];
        word.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(word)
    };
    (word(8), word(0))
}

fn hugeint(value: i128) -> ffi::duckdb_hugeint {
    let (upper, lower) = split_u128(value.cast_unsigned());
    ffi::duckdb_hugeint { lower, upper: upper.cast_signed() }
}
