//! One column being collected.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, ArrowPrimitiveType, BinaryViewArray, FixedSizeBinaryArray, NullBufferBuilder, PrimitiveArray,
    StringViewArray,
};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Field, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use bridge_types::{PgType, oid};

use super::cells::Cells;
use super::list::ListBuilder;
use super::numeric::{DecimalLimits, Numeric};
use super::schema::decimal;
use super::value::{byte, date, fixed, int2, int4, interval, name, timestamp, timetz, varlena};
use super::views::ViewsBuilder;
use crate::error::Stop;
use crate::varlena::TrimBlanks as _;

/// Values and nulls of one column; every null has a value of zeros too.
pub(crate) struct ColumnBuilder {
    values: Values,
    nulls: NullBufferBuilder,
}

/// The values, by what is done with a datum.
enum Values {
    Bool(Vec<i8>),
    Int2(Vec<i16>),
    Int4(Vec<i32>),
    Int8(Vec<i64>),
    Oid(Vec<u32>),
    Float4(Vec<f32>),
    Float8(Vec<f64>),
    Decimal32(Vec<i32>, DecimalLimits),
    Decimal64(Vec<i64>, DecimalLimits),
    Decimal128(Vec<i128>, DecimalLimits),
    NumericText(ViewsBuilder),
    Text(ViewsBuilder),
    Bpchar(ViewsBuilder),
    Name(ViewsBuilder),
    Char(ViewsBuilder),
    Bytea(ViewsBuilder),
    Date(Vec<i32>),
    Time(Vec<i64>),
    Timestamp(Vec<i64>),
    TimeTz(Vec<[u8; 8]>),
    Interval(Vec<[u8; 16]>),
    Uuid(Vec<[u8; 16]>),
    List(Box<ListBuilder>),
}

impl ColumnBuilder {
    /// A builder for a Postgres type that travels as `data_type`.
    pub(crate) fn new(pg_type: PgType, data_type: &DataType) -> Option<Self> {
        let pg_type = pg_type.crossing();
        let values = match pg_type.oid {
            oid::BOOL => Values::Bool(Vec::new()),
            oid::INT2 => Values::Int2(Vec::new()),
            oid::INT4 => Values::Int4(Vec::new()),
            oid::INT8 => Values::Int8(Vec::new()),
            oid::OID => Values::Oid(Vec::new()),
            oid::FLOAT4 => Values::Float4(Vec::new()),
            oid::FLOAT8 => Values::Float8(Vec::new()),
            oid::NUMERIC => match (decimal(pg_type), data_type) {
                (Some((p, s)), DataType::Decimal32(..)) => {
                    Values::Decimal32(Vec::new(), DecimalLimits::new(p, s))
                }
                (Some((p, s)), DataType::Decimal64(..)) => {
                    Values::Decimal64(Vec::new(), DecimalLimits::new(p, s))
                }
                (Some((p, s)), _) => Values::Decimal128(Vec::new(), DecimalLimits::new(p, s)),
                (None, _) => Values::NumericText(ViewsBuilder::default()),
            },
            oid::TEXT | oid::VARCHAR | oid::JSON => Values::Text(ViewsBuilder::default()),
            oid::BPCHAR => Values::Bpchar(ViewsBuilder::default()),
            oid::NAME => Values::Name(ViewsBuilder::default()),
            oid::CHAR => Values::Char(ViewsBuilder::default()),
            oid::BYTEA => Values::Bytea(ViewsBuilder::default()),
            oid::DATE => Values::Date(Vec::new()),
            oid::TIME => Values::Time(Vec::new()),
            oid::TIMESTAMP => Values::Timestamp(Vec::new()),
            oid::TIMESTAMPTZ => Values::Timestamp(Vec::new()),
            oid::TIMETZ => Values::TimeTz(Vec::new()),
            oid::INTERVAL => Values::Interval(Vec::new()),
            oid::UUID => Values::Uuid(Vec::new()),
            _ => Values::List(Box::new(ListBuilder::new(pg_type, data_type)?)),
        };
        Some(Self { values, nulls: NullBufferBuilder::new(0) })
    }

    /// Appends a value or a null for each cell; returns about how many bytes they took. The type
    /// is looked at here, once for all cells.
    /// Errors: those of the values, naming the row; the builder is then to be cleared.
    ///
    /// # Safety
    /// As for `BatchBuilder::push_rows`.
    pub(crate) unsafe fn extend(&mut self, cells: &Cells<'_>) -> Result<usize, Stop> {
        let bytes = match &mut self.values {
            Values::Bool(values) => cells.by_value(values, |datum| Ok(i8::from(datum & 1 == 1))),
            Values::Int2(values) => cells.by_value(values, |datum| Ok(int2(datum))),
            Values::Int4(values) => cells.by_value(values, |datum| Ok(int4(datum))),
            Values::Int8(values) | Values::Time(values) => {
                cells.by_value(values, |datum| Ok(datum.cast_signed()))
            }
            Values::Oid(values) => cells.by_value(values, |datum| Ok(int4(datum).cast_unsigned())),
            Values::Float4(values) => {
                cells.by_value(values, |datum| Ok(f32::from_bits(int4(datum).cast_unsigned())))
            }
            Values::Float8(values) => cells.by_value(values, |datum| Ok(f64::from_bits(datum))),
            Values::Date(values) => cells.by_value(values, |datum| date(int4(datum))),
            Values::Timestamp(values) => cells.by_value(values, |datum| timestamp(datum.cast_signed())),
            Values::Decimal32(values, limits) => cells.by_reference(values, 0, |datum| {
                // SAFETY: a numeric (caller); here and in the next three arms.
                limits.narrow(unsafe { varlena(datum) }?)
            }),
            Values::Decimal64(values, limits) => cells.by_reference(values, 0, |datum| {
                // SAFETY: as above.
                limits.narrow(unsafe { varlena(datum) }?)
            }),
            Values::Decimal128(values, limits) => cells.by_reference(values, 0, |datum| {
                // SAFETY: as above.
                limits.wide(unsafe { varlena(datum) }?)
            }),
            Values::NumericText(views) => views.extend_written(cells, |datum, text| {
                // SAFETY: as above.
                Numeric::read(unsafe { varlena(datum) }?)?.text(text);
                Ok(())
            }),
            Values::Text(views) | Values::Bytea(views) => {
                // SAFETY: a varlena (caller); here and in the next arm.
                views.extend(cells, |datum| unsafe { varlena(datum) })
            }
            Values::Bpchar(views) => {
                // SAFETY: as above.
                views.extend(cells, |datum| Ok(unsafe { varlena(datum) }?.trim_ascii_end_blanks()))
            }
            // SAFETY: a name (caller).
            Values::Name(views) => views.extend(cells, |datum| Ok(unsafe { name(datum) })),
            Values::Char(views) => views.extend_written(cells, |datum, text| {
                write_char(byte(datum), text);
                Ok(())
            }),
            Values::TimeTz(values) => {
                // SAFETY: a fixed-size value of this type (caller); here and in the next two arms.
                cells.by_reference(values, [0; 8], |datum| timetz(unsafe { fixed(datum) }))
            }
            Values::Interval(values) => {
                // SAFETY: as above.
                cells.by_reference(values, [0; 16], |datum| interval(unsafe { fixed(datum) }))
            }
            Values::Uuid(values) => {
                // SAFETY: as above.
                cells.by_reference(values, [0; 16], |datum| Ok(unsafe { fixed(datum) }))
            }
            // SAFETY: arrays of the element type (caller).
            Values::List(list) => unsafe { list.extend(cells) },
        }?;
        cells.append_validity(&mut self.nulls);
        Ok(bytes)
    }

    /// Values and nulls so far.
    pub(crate) fn rows(&self) -> usize {
        self.nulls.len()
    }

    /// Drops everything collected.
    pub(crate) fn clear(&mut self) {
        let _ = self.nulls.finish();
        match &mut self.values {
            Values::Bool(values) => values.clear(),
            Values::Int2(values) => values.clear(),
            Values::Int4(values) | Values::Date(values) | Values::Decimal32(values, ..) => values.clear(),
            Values::Int8(values)
            | Values::Time(values)
            | Values::Timestamp(values)
            | Values::Decimal64(values, ..) => values.clear(),
            Values::Oid(values) => values.clear(),
            Values::Float4(values) => values.clear(),
            Values::Float8(values) => values.clear(),
            Values::Decimal128(values, ..) => values.clear(),
            Values::NumericText(views)
            | Values::Text(views)
            | Values::Bpchar(views)
            | Values::Name(views)
            | Values::Char(views)
            | Values::Bytea(views) => views.clear(),
            Values::TimeTz(values) => values.clear(),
            Values::Interval(values) | Values::Uuid(values) => values.clear(),
            Values::List(list) => list.clear(),
        }
    }

    /// The collected values as an array of `field`'s type; the builder starts anew.
    pub(crate) fn finish(&mut self, field: &Field) -> ArrayRef {
        let nulls = self.nulls.finish();
        match &mut self.values {
            Values::Bool(values) => primitive::<Int8Type>(values, nulls, field),
            Values::Int2(values) => primitive::<Int16Type>(values, nulls, field),
            Values::Int4(values) => primitive::<Int32Type>(values, nulls, field),
            Values::Int8(values) => primitive::<Int64Type>(values, nulls, field),
            Values::Oid(values) => primitive::<UInt32Type>(values, nulls, field),
            Values::Float4(values) => primitive::<Float32Type>(values, nulls, field),
            Values::Float8(values) => primitive::<Float64Type>(values, nulls, field),
            Values::Decimal32(values, ..) => primitive::<Decimal32Type>(values, nulls, field),
            Values::Decimal64(values, ..) => primitive::<Decimal64Type>(values, nulls, field),
            Values::Decimal128(values, ..) => primitive::<Decimal128Type>(values, nulls, field),
            Values::Date(values) => primitive::<Date32Type>(values, nulls, field),
            Values::Time(values) => primitive::<Time64MicrosecondType>(values, nulls, field),
            Values::Timestamp(values) => primitive::<TimestampMicrosecondType>(values, nulls, field),
            Values::NumericText(views)
            | Values::Text(views)
            | Values::Bpchar(views)
            | Values::Name(views)
            | Values::Char(views) => {
                let (views, data) = views.finish();
                // SAFETY: `ViewsBuilder` made the views; push_rows' caller vouches for UTF-8.
                Arc::new(unsafe { StringViewArray::new_unchecked(views, data, nulls) })
            }
            Values::Bytea(views) => {
                let (views, data) = views.finish();
                // SAFETY: `ViewsBuilder` made the views.
                Arc::new(unsafe { BinaryViewArray::new_unchecked(views, data, nulls) })
            }
            Values::TimeTz(values) => binary(values, nulls),
            Values::Interval(values) | Values::Uuid(values) => binary(values, nulls),
            Values::List(list) => list.finish(nulls, field),
        }
    }
}

/// Appends a `"char"`: nothing for 0; from 128 on as `charout` prints it since Postgres 16, an
/// octal escape, since a lone byte is not UTF-8.
fn write_char(value: u8, text: &mut Vec<u8>) {
    match value {
        0 => {}
        1..=127 => text.push(value),
        _ => text.extend([b'\\', b'0' + (value >> 6), b'0' + ((value >> 3) & 7), b'0' + (value & 7)]),
    }
}

fn primitive<T: ArrowPrimitiveType>(
    values: &mut Vec<T::Native>,
    nulls: Option<NullBuffer>,
    field: &Field,
) -> ArrayRef {
    let next = Vec::with_capacity(values.len());
    let values = std::mem::replace(values, next);
    let array = PrimitiveArray::<T>::new(ScalarBuffer::from(values), nulls);
    Arc::new(array.with_data_type(field.data_type().clone()))
}

fn binary<const N: usize>(values: &mut Vec<[u8; N]>, nulls: Option<NullBuffer>) -> ArrayRef {
    let next = Vec::with_capacity(values.len());
    let values = std::mem::replace(values, next).into_flattened();
    let width = i32::try_from(N).expect("N is 8 or 16");
    Arc::new(FixedSizeBinaryArray::new(width, Buffer::from_vec(values), nulls))
}
