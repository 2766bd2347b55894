//! Schemas as Arrow IPC schema messages.
//!
//! Decoding is our own: arrow's panics on enum values and widths it does not know.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit};
use arrow::ipc::convert::IpcSchemaEncoder;
use arrow::ipc::writer::DictionaryTracker;
use arrow::ipc::{self, MessageBuilder, MessageHeader, MetadataVersion, root_as_message};
use bridge_types::limits::{BUFFER_ALIGN, MAX_DECIMAL_PRECISION};
use bytes::Bytes;
use flatbuffers::FlatBufferBuilder;

use super::shape::MAX_DEPTH;
use super::slot::{CONTINUATION, PREFIX_BYTES, metadata_reserve, write_message};
use crate::IpcError;

/// `schema` as an encapsulated IPC message, padded to 64 bytes.
///
/// # Errors
/// [`IpcError::Unsendable`] for a type that does not cross.
pub fn encode_schema(schema: &Schema) -> Result<Bytes, IpcError> {
    metadata_reserve(schema)?;
    let mut builder = FlatBufferBuilder::new();
    let mut dictionaries = DictionaryTracker::new(true);
    let mut encoder = IpcSchemaEncoder::new().with_dictionary_tracker(&mut dictionaries);
    let header = encoder.schema_to_fb_offset(&mut builder, schema);
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(MessageHeader::Schema);
    message.add_bodyLength(0);
    message.add_header(header.as_union_value());
    let message = message.finish();
    builder.finish(message, None);
    let metadata = builder.finished_data();
    let mut out = vec![0; (PREFIX_BYTES + metadata.len()).next_multiple_of(BUFFER_ALIGN)];
    write_message(&mut out, metadata)?;
    Ok(out.into())
}

/// The schema that [`encode_schema`] wrote, with the metadata of schema and fields.
///
/// # Errors
/// [`IpcError::Protocol`] if it is not a schema of types that cross.
pub fn decode_schema(bytes: &[u8]) -> Result<SchemaRef, IpcError> {
    let (metadata, _) = split_message(bytes)?;
    // Copied to be aligned.
    let metadata = arrow::buffer::Buffer::from_slice_ref(metadata);
    let message = root_as_message(&metadata)
        .map_err(|error| IpcError::protocol(format!("bad schema message: {error}")))?;
    let schema =
        message.header_as_schema().ok_or_else(|| IpcError::protocol("a message that is not a schema"))?;
    if schema.endianness() != ipc::Endianness::Little {
        return Err(IpcError::protocol("a schema of a big endian machine"));
    }
    let fields = schema.fields().into_iter().flatten().map(|field| decode_field(&field, 0));
    let fields = fields.collect::<Result<Fields, _>>()?;
    let metadata = key_values(schema.custom_metadata().into_iter().flatten());
    Ok(Arc::new(Schema::new_with_metadata(fields, metadata)))
}

/// Metadata (a flatbuffer) of an encapsulated message and the offset of what follows it.
pub(super) fn split_message(bytes: &[u8]) -> Result<(&[u8], usize), IpcError> {
    let prefix =
        bytes.first_chunk::<PREFIX_BYTES>().ok_or_else(|| IpcError::protocol("an empty Arrow message"))?;
    let [a, b, c, d, length @ ..] = *prefix;
    if [a, b, c, d] != CONTINUATION {
        return Err(IpcError::protocol("an Arrow message without its mark"));
    }
    let end =
        usize::try_from(i32::from_le_bytes(length)).ok().and_then(|length| length.checked_add(PREFIX_BYTES));
    let end = end.filter(|end| *end <= bytes.len());
    let end = end.ok_or_else(|| IpcError::protocol("an Arrow message with metadata of impossible length"))?;
    Ok((&bytes[PREFIX_BYTES..end], end))
}

fn decode_field(field: &ipc::Field<'_>, depth: usize) -> Result<FieldRef, IpcError> {
    if depth > MAX_DEPTH {
        return Err(IpcError::protocol("a type nested too deeply"));
    }
    let mut data_type = decode_type(field, depth)?;
    if let Some(dictionary) = field.dictionary() {
        let index = match dictionary.indexType().map(|index| (index.bitWidth(), index.is_signed())) {
            Some((8, false)) => DataType::UInt8,
            Some((16, false)) => DataType::UInt16,
            Some((32, false)) => DataType::UInt32,
            _ => return Err(IpcError::protocol("a dictionary with indices that do not cross")),
        };
        data_type = DataType::Dictionary(Box::new(index), Box::new(data_type));
    }
    let metadata = key_values(field.custom_metadata().into_iter().flatten());
    let name = field.name().unwrap_or_default();
    Ok(Arc::new(Field::new(name, data_type, field.nullable()).with_metadata(metadata)))
}

fn decode_type(field: &ipc::Field<'_>, depth: usize) -> Result<DataType, IpcError> {
    let unknown =
        || IpcError::protocol(format!("a type of kind {:?} that does not cross", field.type_type()));
    let children = || field.children().into_iter().flatten();
    let only_child = || {
        let mut children = children();
        let child = children.next().filter(|_| children.next().is_none());
        decode_field(&child.ok_or_else(unknown)?, depth + 1)
    };
    Ok(match field.type_type() {
        ipc::Type::Null => DataType::Null,
        ipc::Type::Bool => DataType::Boolean,
        ipc::Type::Utf8 => DataType::Utf8,
        ipc::Type::Binary => DataType::Binary,
        ipc::Type::Utf8View => DataType::Utf8View,
        ipc::Type::BinaryView => DataType::BinaryView,
        ipc::Type::Int => {
            let int = field.type_as_int().ok_or_else(unknown)?;
            match (int.bitWidth(), int.is_signed()) {
                (8, true) => DataType::Int8,
                (16, true) => DataType::Int16,
                (32, true) => DataType::Int32,
                (64, true) => DataType::Int64,
                (8, false) => DataType::UInt8,
                (16, false) => DataType::UInt16,
                (32, false) => DataType::UInt32,
                (64, false) => DataType::UInt64,
                _ => return Err(unknown()),
            }
        }
        ipc::Type::FloatingPoint => match field.type_as_floating_point().ok_or_else(unknown)?.precision() {
            ipc::Precision::HALF => DataType::Float16,
            ipc::Precision::SINGLE => DataType::Float32,
            ipc::Precision::DOUBLE => DataType::Float64,
            _ => return Err(unknown()),
        },
        ipc::Type::Decimal => {
            let decimal = field.type_as_decimal().ok_or_else(unknown)?;
            let precision = u8::try_from(decimal.precision()).map_err(|_| unknown())?;
            let scale = i8::try_from(decimal.scale()).map_err(|_| unknown())?;
            let widest = match decimal.bitWidth() {
                32 => 9,
                64 => 18,
                128 => MAX_DECIMAL_PRECISION,
                _ => return Err(unknown()),
            };
            if !(1..=widest).contains(&precision) || i16::from(scale) > i16::from(precision) {
                return Err(unknown());
            }
            match decimal.bitWidth() {
                32 => DataType::Decimal32(precision, scale),
                64 => DataType::Decimal64(precision, scale),
                _ => DataType::Decimal128(precision, scale),
            }
        }
        ipc::Type::FixedSizeBinary => {
            let width = field.type_as_fixed_size_binary().ok_or_else(unknown)?.byteWidth();
            DataType::FixedSizeBinary(positive(width).ok_or_else(unknown)?)
        }
        ipc::Type::Date => match field.type_as_date().ok_or_else(unknown)?.unit() {
            ipc::DateUnit::DAY => DataType::Date32,
            ipc::DateUnit::MILLISECOND => DataType::Date64,
            _ => return Err(unknown()),
        },
        ipc::Type::Time => {
            let time = field.type_as_time().ok_or_else(unknown)?;
            match (time.bitWidth(), time_unit(time.unit()).ok_or_else(unknown)?) {
                (32, unit @ (TimeUnit::Second | TimeUnit::Millisecond)) => DataType::Time32(unit),
                (64, unit @ (TimeUnit::Microsecond | TimeUnit::Nanosecond)) => DataType::Time64(unit),
                _ => return Err(unknown()),
            }
        }
        ipc::Type::Timestamp => {
            let timestamp = field.type_as_timestamp().ok_or_else(unknown)?;
            DataType::Timestamp(
                time_unit(timestamp.unit()).ok_or_else(unknown)?,
                timestamp.timezone().map(Arc::from),
            )
        }
        ipc::Type::Duration => {
            let duration = field.type_as_duration().ok_or_else(unknown)?;
            DataType::Duration(time_unit(duration.unit()).ok_or_else(unknown)?)
        }
        ipc::Type::Interval => match field.type_as_interval().ok_or_else(unknown)?.unit() {
            ipc::IntervalUnit::YEAR_MONTH => DataType::Interval(IntervalUnit::YearMonth),
            ipc::IntervalUnit::DAY_TIME => DataType::Interval(IntervalUnit::DayTime),
            ipc::IntervalUnit::MONTH_DAY_NANO => DataType::Interval(IntervalUnit::MonthDayNano),
            _ => return Err(unknown()),
        },
        ipc::Type::List => DataType::List(only_child()?),
        ipc::Type::FixedSizeList => {
            let count = field.type_as_fixed_size_list().ok_or_else(unknown)?.listSize();
            DataType::FixedSizeList(only_child()?, positive(count).ok_or_else(unknown)?)
        }
        ipc::Type::Struct_ => DataType::Struct(
            children().map(|child| decode_field(&child, depth + 1)).collect::<Result<_, _>>()?,
        ),
        _ => return Err(unknown()),
    })
}

fn positive(size: i32) -> Option<i32> {
    (size > 0).then_some(size)
}

fn time_unit(unit: ipc::TimeUnit) -> Option<TimeUnit> {
    Some(match unit {
        ipc::TimeUnit::SECOND => TimeUnit::Second,
        ipc::TimeUnit::MILLISECOND => TimeUnit::Millisecond,
        ipc::TimeUnit::MICROSECOND => TimeUnit::Microsecond,
        ipc::TimeUnit::NANOSECOND => TimeUnit::Nanosecond,
        _ => return None,
    })
}

fn key_values<'a>(pairs: impl Iterator<Item = ipc::KeyValue<'a>>) -> HashMap<String, String> {
    pairs.filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned()))).collect()
}
