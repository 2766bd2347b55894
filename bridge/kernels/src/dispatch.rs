//! Choosing the kernel of each column, and running them over a batch.

use std::marker::PhantomData;
use std::ops::Range;

use arrow::array::{ArrowPrimitiveType, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Field, Int8Type, Int16Type, Int32Type, Int64Type,
    Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use bridge_types::{ColumnSpec, PgType, oid, wire};

use crate::bool::{Bool8, BoolPacked};
use crate::bytea::Bytea;
use crate::bytes::{Offsets, Reader, Views};
use crate::column::{Column, Input, Kernel, RowBlock};
use crate::date_time::{Date, Time, TimeNs, TimeTz, Timestamp, TimestampUnit};
use crate::decimal256::Decimal256Text;
use crate::dictionary::Dictionary;
use crate::error::{KernelError, Stop};
use crate::float::{Float4, Float4To8, Float8, Float8To4};
use crate::int::Int;
use crate::interval::Interval;
use crate::list::List;
use crate::numeric::{Magnitude, NarrowDecimal, NumericText, Uhugeint, WideDecimal};
use crate::sink::Sink;
use crate::text::{Bpchar, Char, Name, Text};
use crate::uuid::Uuid;

/// Rows that all columns convert before the next rows are taken: the part of the matrix
/// being filled (9 KiB a column) stays in the cache while column after column strides over it.
const TILE_ROWS: usize = 1024;

/// The conversion of one result's batches into row blocks.
pub struct Converter {
    columns: Vec<(String, Box<dyn Kernel>)>,
}

impl Converter {
    /// Chooses the kernels for batches of `schema` whose columns are to be `columns`. Those of
    /// types that cross as text ([`PgType::crosses_as_text`]) become text, which the caller puts
    /// through the type's input function.
    ///
    /// # Errors
    /// [`KernelError::NoConversion`] for a pair of types without one,
    /// [`KernelError::Shape`] if the numbers of columns differ.
    pub fn new(schema: &Schema, columns: &[ColumnSpec]) -> Result<Self, KernelError> {
        if schema.fields().len() != columns.len() {
            return Err(KernelError::Shape("the number of columns differs".into()));
        }
        let pairs = schema.fields().iter().zip(columns);
        let columns = pairs.map(|(field, spec)| {
            let kernel = choose(field, spec.pg_type.crossing(), Place::Row).ok_or_else(|| {
                KernelError::NoConversion {
                    column: spec.name.clone(),
                    arrow: field.data_type().to_string(),
                    pg: format!("with oid {}", spec.pg_type.oid),
                }
            })?;
            Ok((spec.name.clone(), kernel))
        });
        Ok(Self { columns: columns.collect::<Result<_, KernelError>>()? })
    }

    /// Columns in a row.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Converts the rows `rows` of `batch` into the rows 0.. of `block`, whose by-reference
    /// values go into `sink`. Nulls get datum 0. Rows of the block behind them stay as they are.
    /// Datums of dictionary columns point into the converter, and are valid until a batch with
    /// another dictionary is converted.
    ///
    /// # Errors
    /// [`KernelError::Value`] naming column and row of the batch for a value Postgres cannot
    /// hold; [`KernelError::Shape`] if batch or block do not fit; errors of the sink. The
    /// block's content is then undefined.
    pub fn convert(
        &self,
        batch: &RecordBatch,
        rows: Range<usize>,
        block: &mut RowBlock<'_>,
        sink: &mut impl Sink,
    ) -> Result<(), KernelError> {
        let shape = |what: &'static str| KernelError::Shape(what.into());
        if batch.num_columns() != self.columns.len() || block.columns != self.columns.len() {
            return Err(shape("the number of columns differs"));
        }
        if rows.start > rows.end || rows.end > batch.num_rows() {
            return Err(shape("there are fewer rows than asked for"));
        }
        let cells =
            rows.len().checked_mul(block.columns).ok_or_else(|| shape("the row block is too small"))?;
        if cells > block.datums.len() {
            return Err(shape("the row block is too small"));
        }
        // Kernels set the flags of nulls only.
        block.isnull.get_mut(..cells).ok_or_else(|| shape("the row block is too small"))?.fill(false);
        let mut start = rows.start;
        while start < rows.end {
            let count = TILE_ROWS.min(rows.end - start);
            for (index, (name, kernel)) in self.columns.iter().enumerate() {
                let input = Input { array: batch.column(index).as_ref(), start, rows: count };
                let mut out = Column::new(block, index, start - rows.start, count)
                    .ok_or_else(|| shape("the row block is too small"))?;
                kernel.run(&input, &mut out, sink).map_err(|stop| match stop {
                    Stop::Value(row, fault) => {
                        KernelError::Value { column: name.clone(), row: start + row, fault }
                    }
                    Stop::Whole(error) => error,
                })?;
            }
            start += count;
        }
        Ok(())
    }
}

/// Where a value ends up: arrays take no short headers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// A column of a row.
    Row,
    /// An element of an array.
    Element,
}

/// The kernel from an Arrow field to a Postgres type, `None` if there is none.
pub(crate) fn choose(field: &Field, to: PgType, place: Place) -> Option<Box<dyn Kernel>> {
    let extension = field.metadata().get(wire::EXTENSION_KEY).map(String::as_str);
    Some(match (field.data_type(), to.oid) {
        (DataType::Dictionary(key, value), _) => {
            let value =
                Field::new("value", value.as_ref().clone(), true).with_metadata(field.metadata().clone());
            let values = choose(&value, to, place)?;
            match key.as_ref() {
                DataType::UInt8 => Box::new(Dictionary::<UInt8Type>::new(values)),
                DataType::UInt16 => Box::new(Dictionary::<UInt16Type>::new(values)),
                DataType::UInt32 => Box::new(Dictionary::<UInt32Type>::new(values)),
                _ => return None,
            }
        }
        (DataType::Int8, oid::BOOL) if extension == Some(wire::BOOL8) => Box::new(Bool8),
        (DataType::Boolean, oid::BOOL) => Box::new(BoolPacked),
        (DataType::Float32, oid::FLOAT4) => Box::new(Float4),
        (DataType::Float32, oid::FLOAT8) => Box::new(Float4To8),
        (DataType::Float64, oid::FLOAT8) => Box::new(Float8),
        (DataType::Float64, oid::FLOAT4) => Box::new(Float8To4),
        (DataType::Date32, oid::DATE) => Box::new(Date),
        (DataType::Time64(TimeUnit::Microsecond), oid::TIME) => Box::new(Time),
        (DataType::Time64(TimeUnit::Nanosecond), oid::TIME) => Box::new(TimeNs),
        (DataType::Timestamp(unit, zone), oid::TIMESTAMP | oid::TIMESTAMPTZ)
            if zone.is_some() == (to.oid == oid::TIMESTAMPTZ) =>
        {
            match unit {
                TimeUnit::Second => timestamp::<TimestampSecondType>(),
                TimeUnit::Millisecond => timestamp::<TimestampMillisecondType>(),
                TimeUnit::Microsecond => timestamp::<TimestampMicrosecondType>(),
                TimeUnit::Nanosecond => timestamp::<TimestampNanosecondType>(),
            }
        }
        (DataType::FixedSizeBinary(8), oid::TIMETZ) if extension == Some(wire::TIME_TZ) => Box::new(TimeTz),
        (DataType::FixedSizeBinary(16), oid::INTERVAL) if extension == Some(wire::INTERVAL) => {
            Box::new(Interval)
        }
        (DataType::FixedSizeBinary(16), oid::UUID) if extension == Some(wire::UUID) => Box::new(Uuid),
        (DataType::FixedSizeBinary(16), oid::NUMERIC) if extension == Some(wire::UHUGEINT) => {
            Box::new(Uhugeint)
        }
        (_, oid::NUMERIC) => return choose_numeric(field.data_type()),
        (DataType::List(item) | DataType::LargeList(item), _) => Box::new(List::new(item, to)?),
        (DataType::BinaryView, oid::BYTEA) => bytea::<Views>(place),
        (DataType::Binary | DataType::LargeBinary, oid::BYTEA) => bytea::<Offsets>(place),
        (_, oid::INT2 | oid::INT4 | oid::INT8 | oid::OID) => return choose_int(field.data_type(), to.oid),
        (DataType::Utf8View, _) => return choose_text::<Views>(to, place),
        (DataType::Utf8 | DataType::LargeUtf8, _) => return choose_text::<Offsets>(to, place),
        _ => return None,
    })
}

fn timestamp<T: TimestampUnit>() -> Box<dyn Kernel> {
    Box::new(Timestamp::<T>(PhantomData))
}

fn bytea<R: Reader + Send + Sync + 'static>(place: Place) -> Box<dyn Kernel> {
    match place {
        Place::Row => Box::new(Bytea::<R, true>(PhantomData)),
        Place::Element => Box::new(Bytea::<R, false>(PhantomData)),
    }
}

/// Digits of the largest `u64` that cannot overflow the narrow kernel: scale 0 needs no factor.
const INTEGER_PRECISION: u8 = 19;

/// Decimals, integers and decimal text to `numeric`.
fn choose_numeric(from: &DataType) -> Option<Box<dyn Kernel>> {
    /// 64-bit arithmetic where the precision allows it.
    fn decimal<T>(precision: u8, scale: i8) -> Option<Box<dyn Kernel>>
    where
        T: ArrowPrimitiveType + Send + Sync,
        T::Native: Magnitude<Abs = u64>,
    {
        Some(match NarrowDecimal::<T>::new(precision, scale) {
            Some(narrow) => Box::new(narrow),
            None => Box::new(WideDecimal::<T>::new(scale)?),
        })
    }
    match from {
        DataType::Decimal32(precision, scale) => decimal::<Decimal32Type>(*precision, *scale),
        DataType::Decimal64(precision, scale) => decimal::<Decimal64Type>(*precision, *scale),
        DataType::Decimal128(_, scale) => Some(Box::new(WideDecimal::<Decimal128Type>::new(*scale)?)),
        DataType::Decimal256(_, 0..) => Some(Box::new(Decimal256Text)),
        DataType::Int8 => decimal::<Int8Type>(INTEGER_PRECISION, 0),
        DataType::Int16 => decimal::<Int16Type>(INTEGER_PRECISION, 0),
        DataType::Int32 => decimal::<Int32Type>(INTEGER_PRECISION, 0),
        DataType::Int64 => decimal::<Int64Type>(INTEGER_PRECISION, 0),
        DataType::UInt8 => decimal::<UInt8Type>(INTEGER_PRECISION, 0),
        DataType::UInt16 => decimal::<UInt16Type>(INTEGER_PRECISION, 0),
        DataType::UInt32 => decimal::<UInt32Type>(INTEGER_PRECISION, 0),
        DataType::UInt64 => decimal::<UInt64Type>(INTEGER_PRECISION, 0),
        DataType::Utf8View => Some(Box::new(NumericText::<Views>(PhantomData))),
        DataType::Utf8 | DataType::LargeUtf8 => Some(Box::new(NumericText::<Offsets>(PhantomData))),
        _ => None,
    }
}

/// Integers to the integer types.
fn choose_int(from: &DataType, to: u32) -> Option<Box<dyn Kernel>> {
    /// One row of the table: a source type against the four targets.
    fn targets<S>(to: u32) -> Option<Box<dyn Kernel>>
    where
        S: ArrowPrimitiveType + Send + Sync,
        S::Native: TryInto<i16> + TryInto<i32> + TryInto<i64> + TryInto<u32>,
    {
        Some(match to {
            oid::INT2 => Box::new(Int::<S, i16>::new()),
            oid::INT4 => Box::new(Int::<S, i32>::new()),
            oid::INT8 => Box::new(Int::<S, i64>::new()),
            oid::OID => Box::new(Int::<S, u32>::new()),
            _ => return None,
        })
    }
    match from {
        DataType::Int8 => targets::<Int8Type>(to),
        DataType::Int16 => targets::<Int16Type>(to),
        DataType::Int32 => targets::<Int32Type>(to),
        DataType::Int64 => targets::<Int64Type>(to),
        DataType::UInt8 => targets::<UInt8Type>(to),
        DataType::UInt16 => targets::<UInt16Type>(to),
        DataType::UInt32 => targets::<UInt32Type>(to),
        DataType::UInt64 => targets::<UInt64Type>(to),
        DataType::Decimal128(_, 0) => targets::<Decimal128Type>(to),
        _ => None,
    }
}

/// Strings to the text types.
fn choose_text<R: Reader + Send + Sync + 'static>(to: PgType, place: Place) -> Option<Box<dyn Kernel>> {
    Some(match (to.oid, place) {
        (oid::TEXT | oid::VARCHAR | oid::JSON, Place::Row) => Box::new(Text::<R, true>(PhantomData)),
        (oid::TEXT | oid::VARCHAR | oid::JSON, Place::Element) => Box::new(Text::<R, false>(PhantomData)),
        (oid::BPCHAR, _) => {
            let Some(length) = to.length() else {
                return choose_text::<R>(PgType::new(oid::TEXT), place);
            };
            let length = usize::try_from(length).ok()?;
            match place {
                Place::Row => Box::new(Bpchar::<R, true> { length, reader: PhantomData }),
                Place::Element => Box::new(Bpchar::<R, false> { length, reader: PhantomData }),
            }
        }
        (oid::NAME, _) => Box::new(Name::<R>(PhantomData)),
        (oid::CHAR, _) => Box::new(Char::<R>(PhantomData)),
        _ => return None,
    })
}
