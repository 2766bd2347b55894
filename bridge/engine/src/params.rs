//! Statement parameters: one Arrow row -> DuckDB values.

use crate::bridge_scan::logical_type;
use crate::duckdb::Value;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Field, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    UInt32Type, UInt64Type,
};
use bridge_ipc::batch::decode_stream;
use bridge_types::wire;
use bridge_types::{EngineError, SqlState};

/// The parameters in an Execute request, in order; empty bytes are none.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Value>, EngineError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let violation = |text: String| EngineError::new(SqlState::PROTOCOL_VIOLATION, text);
    let batch = decode_stream(bytes).map_err(|error| violation(error.to_string()))?;
    if batch.num_rows() != 1 {
        return Err(violation(format!("{} rows of parameters", batch.num_rows())));
    }
    let schema = batch.schema();
    schema.fields().iter().zip(batch.columns()).map(|(field, array)| value(field, array, 0)).collect()
}

/// Row `row` of a column.
fn value(field: &Field, array: &ArrayRef, row: usize) -> Result<Value, EngineError> {
    if array.is_null(row) {
        return Ok(Value::null());
    }
    let extension = field.metadata().get(wire::EXTENSION_KEY).map(String::as_str);
    let fixed = || array.as_fixed_size_binary().value(row);
    let decimal = |value: i128, precision: u8, scale: i8| {
        u8::try_from(scale)
            .map(|scale| Value::decimal(value, precision, scale))
            .map_err(|_| unsupported(field))
    };
    Ok(match (array.data_type(), extension) {
        (DataType::Null, _) => Value::null(),
        (DataType::Boolean, _) => Value::boolean(array.as_boolean().value(row)),
        (DataType::Int8, Some(wire::BOOL8)) => {
            Value::boolean(array.as_primitive::<Int8Type>().value(row) != 0)
        }
        (DataType::Int8, _) => Value::int8(array.as_primitive::<Int8Type>().value(row)),
        (DataType::Int16, _) => Value::int16(array.as_primitive::<Int16Type>().value(row)),
        (DataType::Int32, _) => Value::int32(array.as_primitive::<Int32Type>().value(row)),
        (DataType::Int64, _) => Value::int64(array.as_primitive::<Int64Type>().value(row)),
        (DataType::UInt32, _) => Value::uint32(array.as_primitive::<UInt32Type>().value(row)),
        (DataType::UInt64, _) => Value::uint64(array.as_primitive::<UInt64Type>().value(row)),
        (DataType::Float32, _) => Value::float(array.as_primitive::<Float32Type>().value(row)),
        (DataType::Float64, _) => Value::double(array.as_primitive::<Float64Type>().value(row)),
        (DataType::Utf8, _) => Value::varchar(array.as_string::<i32>().value(row)),
        (DataType::Utf8View, _) => Value::varchar(array.as_string_view().value(row)),
        (DataType::Binary, _) => Value::blob(array.as_binary::<i32>().value(row)),
        (DataType::BinaryView, _) => Value::blob(array.as_binary_view().value(row)),
        (DataType::Date32, _) => Value::date(array.as_primitive::<Date32Type>().value(row)),
        (DataType::Time64(TimeUnit::Microsecond), _) => {
            Value::time(array.as_primitive::<Time64MicrosecondType>().value(row))
        }
        (DataType::Timestamp(TimeUnit::Microsecond, zone), _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            if zone.is_some() { Value::timestamp_tz(micros) } else { Value::timestamp(micros) }
        }
        (DataType::FixedSizeBinary(16), Some(wire::INTERVAL)) => {
            let bytes = fixed();
            let (mut months, mut days, mut micros) = ([0; 4], [0; 4], [0; 8]);
            months.copy_from_slice(&bytes[..4]);
            days.copy_from_slice(&bytes[4..8]);
            micros.copy_from_slice(&bytes[8..]);
            Value::interval(i32::from_le_bytes(months), i32::from_le_bytes(days), i64::from_le_bytes(micros))
        }
        (DataType::FixedSizeBinary(16), Some(wire::UUID)) => {
            let mut bytes = [0; 16];
            bytes.copy_from_slice(fixed());
            Value::uuid(bytes)
        }
        (DataType::FixedSizeBinary(8), Some(wire::TIME_TZ)) => {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(fixed());
            Value::time_tz(u64::from_le_bytes(bytes))
        }
        (DataType::Decimal32(precision, scale), _) => {
            decimal(array.as_primitive::<Decimal32Type>().value(row).into(), *precision, *scale)?
        }
        (DataType::Decimal64(precision, scale), _) => {
            decimal(array.as_primitive::<Decimal64Type>().value(row).into(), *precision, *scale)?
        }
        (DataType::Decimal128(precision, scale), _) => {
            decimal(array.as_primitive::<Decimal128Type>().value(row), *precision, *scale)?
        }
        (DataType::List(child), _) => {
            let items = array.as_list::<i32>().value(row);
            let values =
                (0..items.len()).map(|item| value(child, &items, item)).collect::<Result<Vec<_>, _>>()?;
            Value::list(&logical_type(child)?, &values)
        }
        _ => return Err(unsupported(field)),
    })
}

fn unsupported(field: &Field) -> EngineError {
    EngineError::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("a parameter of type {} cannot be sent to DuckDB", field.data_type()),
    )
}
