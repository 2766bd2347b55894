//! What a slot of an Arrow array must become in Postgres, as canonical text.

use arrow::array::{Array, AsArray as _, BooleanArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Field, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bridge_types::wire;

use crate::decode::hex;

/// An unscaled decimal with its point in place, as `numeric_out` prints it.
#[must_use]
pub fn decimal(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs().to_string(), width = scale + 1);
    let (integer, fraction) = digits.split_at(digits.len() - scale);
    let sign = if unscaled < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{integer}") } else { format!("{sign}{integer}.{fraction}") }
}

/// Canonical text of row `row`, `None` for null. Values must be in Postgres' range.
#[must_use]
pub fn expected(field: &Field, array: &dyn Array, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    let extension = field.metadata().get(wire::EXTENSION_KEY).map(String::as_str);
    let scaled = |value: i128, scale: i8| decimal(value, usize::try_from(scale).expect("not negative"));
    Some(match field.data_type() {
        DataType::Boolean => {
            array.as_any().downcast_ref::<BooleanArray>().expect("boolean").value(row).to_string()
        }
        DataType::Int8 if extension == Some(wire::BOOL8) => {
            (array.as_primitive::<Int8Type>().value(row) != 0).to_string()
        }
        DataType::Int8 => array.as_primitive::<Int8Type>().value(row).to_string(),
        DataType::Int16 => array.as_primitive::<Int16Type>().value(row).to_string(),
        DataType::Int32 => array.as_primitive::<Int32Type>().value(row).to_string(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::UInt8 => array.as_primitive::<UInt8Type>().value(row).to_string(),
        DataType::UInt16 => array.as_primitive::<UInt16Type>().value(row).to_string(),
        DataType::UInt32 => array.as_primitive::<UInt32Type>().value(row).to_string(),
        DataType::UInt64 => array.as_primitive::<UInt64Type>().value(row).to_string(),
        DataType::Float32 => format!("{:08x}", array.as_primitive::<Float32Type>().value(row).to_bits()),
        DataType::Float64 => format!("{:016x}", array.as_primitive::<Float64Type>().value(row).to_bits()),
        DataType::Decimal32(_, scale) => {
            scaled(array.as_primitive::<Decimal32Type>().value(row).into(), *scale)
        }
        DataType::Decimal64(_, scale) => {
            scaled(array.as_primitive::<Decimal64Type>().value(row).into(), *scale)
        }
        DataType::Decimal128(_, scale) => scaled(array.as_primitive::<Decimal128Type>().value(row), *scale),
        DataType::Utf8View => array.as_string_view().value(row).to_owned(),
        DataType::Utf8 => array.as_string::<i32>().value(row).to_owned(),
        DataType::LargeUtf8 => array.as_string::<i64>().value(row).to_owned(),
        DataType::BinaryView => hex(array.as_binary_view().value(row)),
        DataType::Binary => hex(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => hex(array.as_binary::<i64>().value(row)),
        DataType::Date32 => match array.as_primitive::<Date32Type>().value(row) {
            i32::MAX => "inf".into(),
            value if value == -i32::MAX => "-inf".into(),
            value => (i64::from(value) - 10_957).to_string(),
        },
        DataType::Time64(TimeUnit::Microsecond) => {
            array.as_primitive::<Time64MicrosecondType>().value(row).to_string()
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            ((array.as_primitive::<Time64NanosecondType>().value(row) + 500) / 1000).to_string()
        }
        DataType::Timestamp(unit, _) => {
            let (value, numerator, denominator) = match unit {
                TimeUnit::Second => (array.as_primitive::<TimestampSecondType>().value(row), 1_000_000, 1),
                TimeUnit::Millisecond => {
                    (array.as_primitive::<TimestampMillisecondType>().value(row), 1000, 1)
                }
                TimeUnit::Microsecond => (array.as_primitive::<TimestampMicrosecondType>().value(row), 1, 1),
                TimeUnit::Nanosecond => (array.as_primitive::<TimestampNanosecondType>().value(row), 1, 1000),
            };
            match value {
                i64::MAX => "inf".into(),
                value if value == -i64::MAX => "-inf".into(),
                // Cut, not rounded.
                value => (i128::from(value) * numerator / denominator - 946_684_800_000_000).to_string(),
            }
        }
        DataType::Dictionary(_, value) => {
            let dictionary = array.as_any_dictionary();
            let value = Field::new("value", value.as_ref().clone(), true);
            return expected(&value, dictionary.values().as_ref(), dictionary.normalized_keys()[row]);
        }
        DataType::FixedSizeBinary(_) => fixed(extension, array.as_fixed_size_binary().value(row)),
        DataType::List(item) => {
            let list = array.as_list::<i32>().value(row);
            let items =
                (0..list.len()).map(|at| expected(item, list.as_ref(), at).unwrap_or_else(|| "NULL".into()));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        other => panic!("testkit has no reference for {other}"),
    })
}

/// The types that Arrow has as bytes only.
fn fixed(extension: Option<&str>, bytes: &[u8]) -> String {
    let number =
        |from: usize, to: usize| bytes[from..to].iter().rev().fold(0_u128, |n, b| n << 8 | u128::from(*b));
    let int = |from: usize| i32::from_le_bytes(bytes[from..from + 4].try_into().expect("four bytes"));
    match extension {
        Some(wire::UUID) => hex(bytes),
        Some(wire::INTERVAL) => {
            let time = i64::from_le_bytes(bytes[8..].try_into().expect("eight bytes"));
            format!("{} {} {time}", int(0), int(4))
        }
        Some(wire::UHUGEINT) => number(0, 16).to_string(),
        Some(wire::TIME_TZ) => {
            let low = i64::try_from(number(0, 3)).expect("24 bits");
            // Seconds east are 57599 less the stored number; Postgres counts them west.
            format!("{} west {}", number(3, 8), -(57_599 - low))
        }
        other => panic!("testkit has no reference for extension {other:?}"),
    }
}
