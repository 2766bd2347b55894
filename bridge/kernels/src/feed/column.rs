//! One column being collected.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryViewArray, FixedSizeBinaryArray, ListArray, NullBufferBuilder,
    PrimitiveArray, StringViewArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Field, Float32Type, Float64Type,
    Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use bridge_types::{PgType, oid};

use super::numeric::Numeric;
use super::schema::decimal;
use super::value::{
    byte, date, datum_pointer, fixed, int2, int4, interval, name, timestamp, timetz, varlena,
};
use crate::error::Fault;
use crate::layout::{
    ARRAY_DATAOFFSET, ARRAY_HEADER_BYTES, ARRAY_MAXDIM, ARRAY_NDIM, ElementLayout, MAXALIGN, VARHDRSZ,
};
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
    Decimal32(Vec<i32>, u8, i8),
    Decimal64(Vec<i64>, u8, i8),
    Decimal128(Vec<i128>, u8, i8),
    NumericText(ViewsBuilder, Vec<u8>),
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
        let values = match pg_type.oid {
            oid::BOOL => Values::Bool(Vec::new()),
            oid::INT2 => Values::Int2(Vec::new()),
            oid::INT4 => Values::Int4(Vec::new()),
            oid::INT8 => Values::Int8(Vec::new()),
            oid::OID => Values::Oid(Vec::new()),
            oid::FLOAT4 => Values::Float4(Vec::new()),
            oid::FLOAT8 => Values::Float8(Vec::new()),
            oid::NUMERIC => match (decimal(pg_type), data_type) {
                (Some((p, s)), DataType::Decimal32(..)) => Values::Decimal32(Vec::new(), p, s),
                (Some((p, s)), DataType::Decimal64(..)) => Values::Decimal64(Vec::new(), p, s),
                (Some((p, s)), _) => Values::Decimal128(Vec::new(), p, s),
                (None, _) => Values::NumericText(ViewsBuilder::default(), Vec::new()),
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

    /// Appends a value; returns about how many bytes it took.
    ///
    /// # Safety
    /// As for `BatchBuilder::push_row`.
    pub(crate) unsafe fn push(&mut self, datum: u64) -> Result<usize, Fault> {
        let bytes = match &mut self.values {
            Values::Bool(values) => put(values, i8::from(datum & 1 == 1)),
            Values::Int2(values) => put(values, int2(datum)),
            Values::Int4(values) => put(values, int4(datum)),
            Values::Int8(values) => put(values, datum.cast_signed()),
            Values::Oid(values) => put(values, int4(datum).cast_unsigned()),
            Values::Float4(values) => put(values, f32::from_bits(int4(datum).cast_unsigned())),
            Values::Float8(values) => put(values, f64::from_bits(datum)),
            // SAFETY: a numeric (caller); here and in the next three arms.
            Values::Decimal32(values, p, s) => put(values, narrow(unsafe { varlena(datum) }?, *p, *s)?),
            // SAFETY: as above.
            Values::Decimal64(values, p, s) => put(values, narrow(unsafe { varlena(datum) }?, *p, *s)?),
            // SAFETY: as above.
            Values::Decimal128(values, p, s) => put(values, narrow(unsafe { varlena(datum) }?, *p, *s)?),
            Values::NumericText(views, text) => {
                text.clear();
                // SAFETY: as above.
                Numeric::read(unsafe { varlena(datum) }?)?.text(text);
                views.push(text)?
            }
            // SAFETY: a varlena (caller); here and in the next two arms.
            Values::Text(views) | Values::Bytea(views) => views.push(unsafe { varlena(datum) }?)?,
            // SAFETY: as above.
            Values::Bpchar(views) => views.push(unsafe { varlena(datum) }?.trim_ascii_end_blanks())?,
            // SAFETY: a name (caller).
            Values::Name(views) => views.push(unsafe { name(datum) })?,
            Values::Char(views) => push_char(views, byte(datum))?,
            Values::Date(values) => put(values, date(int4(datum))?),
            Values::Time(values) => put(values, datum.cast_signed()),
            Values::Timestamp(values) => put(values, timestamp(datum.cast_signed())?),
            // SAFETY: a fixed-size value of this type (caller); here and in the next two arms.
            Values::TimeTz(values) => put(values, timetz(unsafe { fixed(datum) })?),
            // SAFETY: as above.
            Values::Interval(values) => put(values, interval(unsafe { fixed(datum) })?),
            // SAFETY: as above.
            Values::Uuid(values) => put(values, unsafe { fixed(datum) }),
            // SAFETY: an array of the element type (caller).
            Values::List(list) => unsafe { list.push(datum) }?,
        };
        self.nulls.append_non_null();
        Ok(bytes)
    }

    /// Appends a null.
    pub(crate) fn push_null(&mut self) {
        match &mut self.values {
            Values::Bool(values) => values.push(0),
            Values::Int2(values) => values.push(0),
            Values::Int4(values) | Values::Date(values) | Values::Decimal32(values, ..) => values.push(0),
            Values::Int8(values)
            | Values::Time(values)
            | Values::Timestamp(values)
            | Values::Decimal64(values, ..) => values.push(0),
            Values::Oid(values) => values.push(0),
            Values::Float4(values) => values.push(0.0),
            Values::Float8(values) => values.push(0.0),
            Values::Decimal128(values, ..) => values.push(0),
            Values::NumericText(views, _)
            | Values::Text(views)
            | Values::Bpchar(views)
            | Values::Name(views)
            | Values::Char(views)
            | Values::Bytea(views) => views.views.push(0),
            Values::TimeTz(values) => values.push([0; 8]),
            Values::Interval(values) | Values::Uuid(values) => values.push([0; 16]),
            Values::List(list) => list.push_empty(),
        }
        self.nulls.append_null();
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
            Values::NumericText(views, _)
            | Values::Text(views)
            | Values::Bpchar(views)
            | Values::Name(views)
            | Values::Char(views)
            | Values::Bytea(views) => *views = ViewsBuilder::default(),
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
            Values::NumericText(views, _)
            | Values::Text(views)
            | Values::Bpchar(views)
            | Values::Name(views)
            | Values::Char(views) => {
                let (views, data) = views.finish();
                // SAFETY: `ViewsBuilder::push` made the views; push_row's caller vouches for UTF-8.
                Arc::new(unsafe { StringViewArray::new_unchecked(views, data, nulls) })
            }
            Values::Bytea(views) => {
                let (views, data) = views.finish();
                // SAFETY: `ViewsBuilder::push` made the views.
                Arc::new(unsafe { BinaryViewArray::new_unchecked(views, data, nulls) })
            }
            Values::TimeTz(values) => binary(values, nulls),
            Values::Interval(values) | Values::Uuid(values) => binary(values, nulls),
            Values::List(list) => list.finish(nulls, field),
        }
    }
}

/// Appends a fixed-size value and returns its size.
#[inline(always)]
fn put<T>(values: &mut Vec<T>, value: T) -> usize {
    values.push(value);
    size_of::<T>()
}

/// A numeric as a decimal of the native type `T`.
fn narrow<T: TryFrom<i128>>(payload: &[u8], precision: u8, scale: i8) -> Result<T, Fault> {
    let value = Numeric::read(payload)?.decimal(precision, scale)?;
    T::try_from(value).map_err(|_| Fault::OutOfRange("numeric"))
}

/// Appends a `"char"`: empty text for 0; from 128 on as `charout` prints it since Postgres 16,
/// an octal escape, since a lone byte is not UTF-8.
fn push_char(views: &mut ViewsBuilder, value: u8) -> Result<usize, Fault> {
    match value {
        0 => views.push(b""),
        1..=127 => views.push(&[value]),
        _ => views.push(&[b'\\', b'0' + (value >> 6), b'0' + ((value >> 3) & 7), b'0' + (value & 7)]),
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

/// Views with one data buffer, as they travel.
#[derive(Default)]
struct ViewsBuilder {
    views: Vec<u128>,
    data: Vec<u8>,
}

impl ViewsBuilder {
    /// Appends a value and returns its bytes.
    /// Errors: `TooLarge` if the batch's data would pass 4 GiB.
    #[inline(always)]
    fn push(&mut self, value: &[u8]) -> Result<usize, Fault> {
        let len = u32::try_from(value.len()).map_err(|_| Fault::TooLarge)?;
        let mut view = [0; 16];
        view[..4].copy_from_slice(&len.to_le_bytes());
        if value.len() <= 12 {
            view[4..4 + value.len()].copy_from_slice(value);
        } else {
            let offset = u32::try_from(self.data.len()).map_err(|_| Fault::TooLarge)?;
            view[4..8].copy_from_slice(&value[..4]);
            view[12..].copy_from_slice(&offset.to_le_bytes());
            self.data.extend_from_slice(value);
        }
        self.views.push(u128::from_le_bytes(view));
        Ok(view.len() + value.len())
    }

    fn finish(&mut self) -> (ScalarBuffer<u128>, Vec<Buffer>) {
        let next =
            Self { views: Vec::with_capacity(self.views.len()), data: Vec::with_capacity(self.data.len()) };
        let done = std::mem::replace(self, next);
        (ScalarBuffer::from(done.views), vec![Buffer::from_vec(done.data)])
    }
}

/// Arrays as lists. The type does not say how many dimensions a value has, so it is one.
struct ListBuilder {
    element: ColumnBuilder,
    layout: ElementLayout,
    ends: Vec<i32>,
}

impl ListBuilder {
    fn new(pg_type: PgType, data_type: &DataType) -> Option<Self> {
        let (element, DataType::List(item)) = (pg_type.element()?, data_type) else { return None };
        let builder = ColumnBuilder::new(element, item.data_type())?;
        Some(Self { element: builder, layout: ElementLayout::of(element.oid)?, ends: Vec::new() })
    }

    fn push_empty(&mut self) {
        self.ends.push(self.ends.last().copied().unwrap_or(0));
    }

    fn clear(&mut self) {
        self.element.clear();
        self.ends.clear();
    }

    /// Appends an array.
    /// Errors: `Multidimensional`, and those of its elements.
    ///
    /// # Safety
    /// `datum` points at an array of the element type.
    unsafe fn push(&mut self, datum: u64) -> Result<usize, Fault> {
        const BROKEN: Fault = Fault::Malformed("an array lies outside of its value");
        // SAFETY: an array is a varlena (caller).
        let payload = unsafe { varlena(datum) }?;
        // Offsets count from the start of a value with a 4-byte header, whichever it has.
        let word = |at: usize| {
            let bytes = payload.get(at - VARHDRSZ..).and_then(|bytes| bytes.first_chunk::<4>());
            bytes.map(|bytes| i32::from_le_bytes(*bytes)).ok_or(BROKEN)
        };
        let size = |at: usize| usize::try_from(word(at)?).map_err(|_| BROKEN);
        let dimensions = size(ARRAY_NDIM)?;
        if dimensions > ARRAY_MAXDIM {
            return Err(BROKEN);
        }
        if dimensions == 0 {
            self.push_empty();
            return Ok(size_of::<i32>());
        }
        if dimensions > 1 {
            return Err(Fault::Multidimensional);
        }
        let count = size(ARRAY_HEADER_BYTES)?;
        let bitmap_at = ARRAY_HEADER_BYTES + 8 * dimensions - VARHDRSZ;
        let (bitmap, data_at) = match size(ARRAY_DATAOFFSET)? {
            0 => (None, (ARRAY_HEADER_BYTES + 8 * dimensions).next_multiple_of(MAXALIGN)),
            data_at => (Some(payload.get(bitmap_at..).ok_or(BROKEN)?), data_at),
        };
        let mut at = data_at;
        let mut bytes = size_of::<i32>();
        for index in 0..count {
            if bitmap
                .is_some_and(|bitmap| bitmap.get(index / 8).is_none_or(|byte| byte >> (index % 8) & 1 == 0))
            {
                self.element.push_null();
                continue;
            }
            let element = payload.get(at - VARHDRSZ..).ok_or(BROKEN)?;
            // SAFETY: a well-formed array (caller) has an element of this layout here.
            let (value, len) = unsafe { self.layout_element(element)? };
            // SAFETY: as above; `value` is of the element type.
            bytes += unsafe { self.element.push(value) }?;
            // Elements of arrays on disk may have short headers only in principle; an
            // aligned start is what all of them share.
            at = (at + len).next_multiple_of(self.layout.align());
        }
        let end = i32::try_from(self.element.rows()).map_err(|_| Fault::TooLarge)?;
        self.ends.push(end);
        Ok(bytes)
    }

    /// The datum of the element at the start of `bytes`, and its length.
    ///
    /// # Safety
    /// An element of this layout starts there.
    unsafe fn layout_element(&self, bytes: &[u8]) -> Result<(u64, usize), Fault> {
        const BROKEN: Fault = Fault::Malformed("an array ends within an element");
        let datum = crate::sink::pointer_datum(bytes.as_ptr());
        let (value, len) = match self.layout {
            ElementLayout::ByValue(len) => {
                let mut value = [0; 8];
                value[..len].copy_from_slice(bytes.get(..len).ok_or(BROKEN)?);
                (u64::from_le_bytes(value), len)
            }
            ElementLayout::Fixed { bytes: len, .. } => (datum, len),
            ElementLayout::Varlena => {
                // SAFETY: a varlena (caller).
                let payload = unsafe { varlena(datum) }?;
                (datum, payload.as_ptr().addr() - datum_pointer(datum).addr() + payload.len())
            }
        };
        if len > bytes.len() { Err(BROKEN) } else { Ok((value, len)) }
    }

    fn finish(&mut self, nulls: Option<NullBuffer>, field: &Field) -> ArrayRef {
        let DataType::List(item) = field.data_type() else {
            unreachable!("a list builder is made for list fields only");
        };
        let mut offsets = Vec::with_capacity(self.ends.len() + 1);
        offsets.push(0);
        offsets.append(&mut self.ends);
        let values = self.element.finish(item);
        debug_assert_eq!(offsets.last().copied(), i32::try_from(values.len()).ok());
        Arc::new(ListArray::new(Arc::clone(item), OffsetBuffer::new(offsets.into()), values, nulls))
    }
}
