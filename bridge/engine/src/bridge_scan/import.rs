//! Arrow arrays -> DuckDB vectors.

#![expect(unsafe_code, reason = "writes DuckDB's vectors in place")]

use crate::duckdb::{INLINE_BYTES, ListEntry, LogicalType, TypeId};
use arrow::array::{Array, ArrayRef, AsArray, GenericByteViewArray};
use arrow::datatypes::{
    ByteViewType, DataType, Decimal32Type, Decimal64Type, Decimal128Type, Field, SchemaRef, TimeUnit,
};
use bridge_ipc::batch::decode_schema;
use bridge_ipc::message::ScanSpec;
use bridge_types::wire;
use bridge_types::{EngineError, SqlState};
use libduckdb_sys as ffi;

/// The columns of a scan.
#[derive(Debug)]
pub(crate) struct ScanSchema {
    /// Arrow schema of the batches.
    pub(crate) arrow: SchemaRef,
    /// Estimated rows.
    pub(crate) rows: u64,
    /// Processes that may bring rows at the same time.
    pub(crate) producers: u32,
}

impl ScanSchema {
    /// Reads the schema message and checks that every column can be imported.
    pub(crate) fn decode(spec: &ScanSpec) -> Result<Self, EngineError> {
        let arrow = decode_schema(&spec.schema)
            .map_err(|error| EngineError::new(SqlState::PROTOCOL_VIOLATION, error.to_string()))?;
        for field in arrow.fields() {
            logical_type(field)?;
        }
        Ok(Self { arrow, rows: spec.rows, producers: spec.producers })
    }
}

fn extension(field: &Field) -> Option<&str> {
    field.metadata().get(wire::EXTENSION_KEY).map(String::as_str)
}

/// The DuckDB type of a fed column.
pub(crate) fn logical_type(field: &Field) -> Result<LogicalType, EngineError> {
    let plain = match (field.data_type(), extension(field)) {
        (DataType::Boolean, _) | (DataType::Int8, Some(wire::BOOL8)) => TypeId::Boolean,
        (DataType::Int8, _) => TypeId::TinyInt,
        (DataType::Int16, _) => TypeId::SmallInt,
        (DataType::Int32, _) => TypeId::Integer,
        (DataType::Int64, _) => TypeId::BigInt,
        (DataType::UInt8, _) => TypeId::UTinyInt,
        (DataType::UInt16, _) => TypeId::USmallInt,
        (DataType::UInt32, _) => TypeId::UInteger,
        (DataType::UInt64, _) => TypeId::UBigInt,
        (DataType::Float32, _) => TypeId::Float,
        (DataType::Float64, _) => TypeId::Double,
        (DataType::Utf8 | DataType::Utf8View, Some(wire::JSON)) => return Ok(LogicalType::json()),
        (DataType::Utf8 | DataType::Utf8View, _) => TypeId::Varchar,
        (DataType::Binary | DataType::BinaryView, _) => TypeId::Blob,
        (DataType::Date32, _) => TypeId::Date,
        (DataType::Time64(TimeUnit::Microsecond), _) => TypeId::Time,
        (DataType::Timestamp(TimeUnit::Microsecond, None), _) => TypeId::Timestamp,
        (DataType::Timestamp(TimeUnit::Microsecond, Some(_)), _) => TypeId::TimestampTz,
        (DataType::FixedSizeBinary(16), Some(wire::INTERVAL)) => TypeId::Interval,
        (DataType::FixedSizeBinary(16), Some(wire::UUID)) => TypeId::Uuid,
        (DataType::FixedSizeBinary(16), Some(wire::UHUGEINT)) => TypeId::UHugeInt,
        (DataType::FixedSizeBinary(8), Some(wire::TIME_TZ)) => TypeId::TimeTz,
        (
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale),
            _,
        ) => {
            let scale = u8::try_from(*scale).map_err(|_| unsupported(field))?;
            return Ok(LogicalType::decimal(*precision, scale));
        }
        (DataType::List(child), _) => return Ok(LogicalType::list(&logical_type(child)?)),
        _ => return Err(unsupported(field)),
    };
    Ok(LogicalType::plain(plain))
}

fn unsupported(field: &Field) -> EngineError {
    EngineError::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("column \"{}\" of type {} cannot be fed into DuckDB", field.name(), field.data_type()),
    )
}

/// Writes `array` into rows `at..` of a DuckDB vector.
///
/// # Safety
/// `vector` is a live flat vector of the type that [`logical_type`] gives for `field`, with
/// room for `at + array.len()` rows; `array` is of `field`'s type.
pub(crate) unsafe fn write(
    vector: ffi::duckdb_vector,
    at: usize,
    field: &Field,
    array: &ArrayRef,
) -> Result<(), String> {
    if array.is_empty() {
        return Ok(());
    }
    // SAFETY: a live vector with room, the caller's promise.
    unsafe { write_nulls(vector, at, array) };
    let len = array.len();
    // SAFETY: a live flat vector.
    let data = unsafe { ffi::duckdb_vector_get_data(vector) }.cast::<u8>();
    match (array.data_type(), extension(field)) {
        (DataType::Boolean, _) => {
            let values = array.as_boolean();
            for row in 0..len {
                // SAFETY: at + row < the vector's rows; BOOLEAN is a byte a value.
                unsafe { data.add(at + row).write(u8::from(values.value(row))) };
            }
        }
        (DataType::Utf8, _) => {
            let values = array.as_string::<i32>();
            // SAFETY: a VARCHAR vector with room.
            unsafe { write_strings(vector, at, array, |row| values.value(row).as_bytes()) };
        }
        (DataType::Utf8View, _) => {
            let values = array.as_string_view();
            // SAFETY: a VARCHAR vector with room.
            if !unsafe { write_views(vector, at, values)? } {
                // SAFETY: as above.
                unsafe { write_strings(vector, at, array, |row| values.value(row).as_bytes()) };
            }
        }
        (DataType::Binary, _) => {
            let values = array.as_binary::<i32>();
            // SAFETY: a BLOB vector with room.
            unsafe { write_strings(vector, at, array, |row| values.value(row)) };
        }
        (DataType::BinaryView, _) => {
            let values = array.as_binary_view();
            // SAFETY: a BLOB vector with room.
            if !unsafe { write_views(vector, at, values)? } {
                // SAFETY: as above.
                unsafe { write_strings(vector, at, array, |row| values.value(row)) };
            }
        }
        (DataType::FixedSizeBinary(16), Some(wire::UUID)) => {
            let values = array.as_fixed_size_binary();
            for row in 0..len {
                let mut bytes = [0; 16];
                bytes.copy_from_slice(values.value(row));
                // SAFETY: at + row < the vector's rows; UUID is 16 bytes a value.
                unsafe {
                    data.add((at + row) * 16).cast::<u128>().write(u128::from_be_bytes(bytes) ^ (1 << 127))
                };
            }
        }
        // Decimals of DuckDB's own width are copied like integers, below.
        (DataType::Decimal32(precision, _), _) if !(5..=9).contains(precision) => {
            let values = array.as_primitive::<Decimal32Type>().values();
            // SAFETY: a DECIMAL vector of that precision with room.
            unsafe { write_decimals(data, at, *precision, array, values.iter().map(|v| i128::from(*v)))? };
        }
        (DataType::Decimal64(precision, _), _) if !(10..=18).contains(precision) => {
            let values = array.as_primitive::<Decimal64Type>().values();
            // SAFETY: a DECIMAL vector of that precision with room.
            unsafe { write_decimals(data, at, *precision, array, values.iter().map(|v| i128::from(*v)))? };
        }
        (DataType::Decimal128(precision, _), _) if *precision < 19 => {
            let values = array.as_primitive::<Decimal128Type>().values();
            // SAFETY: a DECIMAL vector of that precision with room.
            unsafe { write_decimals(data, at, *precision, array, values.iter().copied())? };
        }
        // SAFETY: a LIST vector with room.
        (DataType::List(child), _) => unsafe { write_lists(vector, at, child, array)? },
        (data_type, _) => {
            let width = match data_type {
                DataType::FixedSizeBinary(width) => usize::try_from(*width).ok(),
                other => other.primitive_width(),
            };
            let width = width.ok_or("[0A000] a fed column of an unexpected type")?;
            let source = array.to_data();
            let bytes = &source.buffers()[0][source.offset() * width..][..len * width];
            // SAFETY: at + len rows of `width` bytes fit; the sources cannot overlap.
            unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), data.add(at * width), bytes.len()) };
        }
    }
    Ok(())
}

/// # Safety
/// A live vector with room for `at + array.len()` rows.
unsafe fn write_nulls(vector: ffi::duckdb_vector, at: usize, array: &ArrayRef) {
    let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) else { return };
    // SAFETY: the mask exists after the first call and covers the vector's rows.
    let mask = unsafe {
        ffi::duckdb_vector_ensure_validity_writable(vector);
        ffi::duckdb_vector_get_validity(vector)
    };
    for row in (0..array.len()).filter(|row| nulls.is_null(*row)) {
        // SAFETY: at + row is a row of the vector.
        unsafe { ffi::duckdb_validity_set_row_invalid(mask, (at + row) as u64) };
    }
}

/// # Safety
/// A live VARCHAR or BLOB vector with room for `at + array.len()` rows.
unsafe fn write_strings<'a>(
    vector: ffi::duckdb_vector,
    at: usize,
    array: &ArrayRef,
    value: impl Fn(usize) -> &'a [u8],
) {
    // SAFETY: a live flat vector.
    let slots = unsafe { ffi::duckdb_vector_get_data(vector) }.cast::<[u8; 16]>();
    for row in 0..array.len() {
        if array.is_null(row) {
            continue;
        }
        let bytes = value(row);
        match u32::try_from(bytes.len()) {
            Ok(len) if bytes.len() <= INLINE_BYTES => {
                let mut slot = [0; 16];
                slot[..4].copy_from_slice(&len.to_ne_bytes());
                slot[4..4 + bytes.len()].copy_from_slice(bytes);
                // SAFETY: at + row is a row of the vector; its slots are 16 bytes.
                unsafe { slots.add(at + row).write(slot) };
            }
            // SAFETY: a row of the vector; DuckDB copies the bytes.
            _ => unsafe {
                ffi::duckdb_unsafe_vector_assign_string_element_len(
                    vector,
                    (at + row) as u64,
                    bytes.as_ptr().cast(),
                    bytes.len() as u64,
                );
            },
        }
    }
}

/// Writes strings whose layout is nearly DuckDB's: only the pointer to a long one is another. The long
/// ones are copied in one piece; false, with nothing written, if they do not lie in one.
///
/// Slots under a null hold anything, as long as it is a string of the array's data.
///
/// # Safety
/// A live VARCHAR or BLOB vector with room for `at + array.len()` rows.
unsafe fn write_views<T: ByteViewType>(
    vector: ffi::duckdb_vector,
    at: usize,
    array: &GenericByteViewArray<T>,
) -> Result<bool, String> {
    let views = array.views();
    // Bytes of the long ones, and where they begin and end.
    let (mut bytes, mut first, mut end) = (0, usize::MAX, 0);
    for view in views.iter().map(|view| View::of(*view)).filter(|view| view.len > INLINE_BYTES) {
        bytes += view.len;
        first = first.min(view.offset);
        end = end.max(view.offset + view.len);
    }
    let piece = match array.data_buffers() {
        _ if bytes == 0 => &[],
        // Beyond, a call for each string costs nothing beside its bytes.
        [data] if end - first <= bytes && bytes <= PIECE_BYTES => {
            data.get(first..end).ok_or("[08P01] a string outside of its data")?
        }
        _ => return Ok(false),
    };
    // SAFETY: a live flat vector.
    let slots = unsafe { ffi::duckdb_vector_get_data(vector) }.cast::<u128>();
    let mut copy = 0;
    if !piece.is_empty() {
        // SAFETY: a row of the vector; DuckDB copies the bytes, which are too many to lie in the slot: then
        // its upper half is their address.
        copy = unsafe {
            let (text, len) = (piece.as_ptr().cast(), piece.len() as u64);
            ffi::duckdb_unsafe_vector_assign_string_element_len(vector, at as u64, text, len);
            slots.add(at).read_unaligned() >> 64
        };
    }
    for (row, view) in views.iter().enumerate() {
        let View { len, offset } = View::of(*view);
        let slot = if len <= INLINE_BYTES {
            // DuckDB compares what is behind the text too.
            *view & (u128::MAX >> (8 * (INLINE_BYTES - len)))
        } else {
            // Once more: the views lie in memory that the producer can write to.
            let at = offset.checked_sub(first).filter(|at| at + len <= piece.len());
            let at = at.ok_or("[08P01] a string outside of its data")?;
            (*view & u128::from(u64::MAX)) | ((copy + at as u128) << 64)
        };
        // SAFETY: at + row is a row of the vector; its slots are 16 bytes.
        unsafe { slots.add(at + row).write_unaligned(slot) };
    }
    Ok(true)
}

/// Most bytes of strings that are copied in one piece.
const PIECE_BYTES: usize = 1 << 20;

/// What a view of Arrow's says of a string: length, prefix, buffer and offset, 32 bits each.
struct View {
    len: usize,
    offset: usize,
}

impl View {
    #[expect(clippy::cast_possible_truncation, reason = "the lower 32 bits are meant")]
    fn of(view: u128) -> Self {
        Self { len: view as u32 as usize, offset: (view >> 96) as usize }
    }
}

/// # Safety
/// `data` is that of a DECIMAL(precision, _) vector with room for `at + array.len()` rows.
unsafe fn write_decimals(
    data: *mut u8,
    at: usize,
    precision: u8,
    array: &ArrayRef,
    values: impl Iterator<Item = i128>,
) -> Result<(), String> {
    let overflow = |_| "[22003] numeric field overflow".to_owned();
    for (row, value) in values.enumerate() {
        // A null's slot may hold anything.
        let value = if array.is_null(row) { 0 } else { value };
        // SAFETY (all four): at + row is a row; the storage width follows from the precision.
        match precision {
            0..=4 => {
                let value = i16::try_from(value).map_err(overflow)?;
                // SAFETY: see above.
                unsafe { data.cast::<i16>().add(at + row).write(value) };
            }
            5..=9 => {
                let value = i32::try_from(value).map_err(overflow)?;
                // SAFETY: see above.
                unsafe { data.cast::<i32>().add(at + row).write(value) };
            }
            10..=18 => {
                let value = i64::try_from(value).map_err(overflow)?;
                // SAFETY: see above.
                unsafe { data.cast::<i64>().add(at + row).write(value) };
            }
            // SAFETY: see above.
            _ => unsafe { data.cast::<i128>().add(at + row).write(value) },
        }
    }
    Ok(())
}

/// # Safety
/// A live LIST vector of `child`'s type with room for `at + array.len()` rows.
unsafe fn write_lists(
    vector: ffi::duckdb_vector,
    at: usize,
    child: &Field,
    array: &ArrayRef,
) -> Result<(), String> {
    let list = array.as_list::<i32>();
    let offsets = list.offsets();
    let position = |index: usize| usize::try_from(offsets[index]).unwrap_or(0);
    let (first, last) = (position(0), position(array.len()));
    // SAFETY: a live LIST vector; its child is fetched after it grew, since growing moves it.
    let (inner, base) = unsafe {
        let base = ffi::duckdb_list_vector_get_size(vector);
        let needed = base + (last - first) as u64;
        if ffi::duckdb_list_vector_reserve(vector, needed) != ffi::DuckDBSuccess
            || ffi::duckdb_list_vector_set_size(vector, needed) != ffi::DuckDBSuccess
        {
            return Err("[53200] out of memory for an array".to_owned());
        }
        (ffi::duckdb_list_vector_get_child(vector), base)
    };
    // SAFETY: a live flat vector.
    let entries = unsafe { ffi::duckdb_vector_get_data(vector) }.cast::<ListEntry>();
    for row in 0..array.len() {
        let (start, end) = (position(row), position(row + 1));
        let entry = ListEntry { offset: base + (start - first) as u64, length: (end - start) as u64 };
        // SAFETY: at + row is a row of the vector.
        unsafe { entries.add(at + row).write(entry) };
    }
    let base = usize::try_from(base).map_err(|_| "[54000] an array is too large".to_owned())?;
    // SAFETY: the child has room for `base + (last - first)` rows, reserved above.
    unsafe { write(inner, base, child, &list.values().slice(first, last - first)) }
}
