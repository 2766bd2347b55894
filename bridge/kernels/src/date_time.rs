//! Dates, times and timestamps.

use std::marker::PhantomData;

use arrow::array::ArrowPrimitiveType;
use arrow::datatypes::{
    Date32Type, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use bridge_types::epoch::{
    DUCKDB_DATE_INFINITY, DUCKDB_DATE_NEG_INFINITY, DUCKDB_TIMESTAMP_INFINITY, DUCKDB_TIMESTAMP_NEG_INFINITY,
    PG_DATE_END_DAYS, PG_DATE_INFINITY, PG_DATE_MIN_DAYS, PG_DATE_NEG_INFINITY, PG_EPOCH_OFFSET_DAYS,
    PG_EPOCH_OFFSET_US, PG_TIMESTAMP_END_US, PG_TIMESTAMP_INFINITY, PG_TIMESTAMP_MIN_US,
    PG_TIMESTAMP_NEG_INFINITY, US_PER_DAY,
};

use crate::Sink;
use crate::column::{Column, Input, Kernel, checked};
use crate::error::{Fault, Stop};
use crate::fixed::{fixed_values, write_fixed};
use crate::int::IntDatum;
use crate::layout::{DUCKDB_TIME_TZ_MAX_OFFSET, DUCKDB_TIME_TZ_OFFSET_BITS, TIMETZ_SLOT_BYTES};

/// `Date32` -> `date`.
/// In:     `values[i]` days since 1970-01-01, infinities as in `epoch`; slots under a null hold anything.
/// Out:    `datums[i]` days since 2000-01-01, by value; 0 and `isnull[i]` for nulls; infinities map to infinities.
/// Errors: `DatetimeOverflow` naming the row, for valid slots only.    Cost: one pass, no allocation.
pub(crate) struct Date;

impl Kernel for Date {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Date32Type>()?;
        checked(input, out, |row| pg_date(values[row]).map(IntDatum::datum))
    }
}

#[inline(always)]
fn pg_date(days: i32) -> Result<i32, Fault> {
    let pg = days.wrapping_sub(PG_EPOCH_OFFSET_DAYS);
    // A wrapped difference is a huge positive number, hence out of range as it should be.
    if (PG_DATE_MIN_DAYS..PG_DATE_END_DAYS).contains(&pg) {
        return Ok(pg);
    }
    match days {
        DUCKDB_DATE_INFINITY => Ok(PG_DATE_INFINITY),
        DUCKDB_DATE_NEG_INFINITY => Ok(PG_DATE_NEG_INFINITY),
        _ => Err(Fault::DatetimeOverflow("date")),
    }
}

/// `Time64(us)` -> `time`.
/// In:     `values[i]` microseconds since midnight; slots under a null hold anything.
/// Out:    the same, by value; 0 and `isnull[i]` for nulls.
/// Errors: `DatetimeOverflow` beyond 0 to 24 hours.    Cost: one pass, no allocation.
pub(crate) struct Time;

impl Kernel for Time {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Time64MicrosecondType>()?;
        checked(input, out, |row| pg_time(values[row]).map(IntDatum::datum))
    }
}

/// `Time64(ns)` -> `time`, cut to microseconds.
/// In:     `values[i]` nanoseconds since midnight; slots under a null hold anything.
/// Out:    microseconds, by value; 0 and `isnull[i]` for nulls.
/// Errors: `DatetimeOverflow` beyond 0 to 24 hours.    Cost: one pass, no allocation.
pub(crate) struct TimeNs;

impl Kernel for TimeNs {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Time64NanosecondType>()?;
        checked(input, out, |row| pg_time(values[row].div_euclid(1000)).map(IntDatum::datum))
    }
}

#[inline(always)]
fn pg_time(us: i64) -> Result<i64, Fault> {
    if (0..=US_PER_DAY).contains(&us) { Ok(us) } else { Err(Fault::DatetimeOverflow("time")) }
}

/// `FixedSizeBinary(8)` with extension `duckdb.time_tz` -> `timetz`.
/// In:     microseconds << 24 | (57599 - seconds east of UTC); slots under a null hold anything.
/// Out:    `datums[i]` points at microseconds i64 and seconds west of UTC i32, on an 8-byte
///         boundary; 0 and `isnull[i]` for nulls.
/// Errors: `DatetimeOverflow` for a time beyond 24 hours or an offset of 16 hours or more.
/// Cost:   one pass, one allocation.
pub(crate) struct TimeTz;

impl Kernel for TimeTz {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = fixed_values::<8>(input)?;
        write_fixed::<TIMETZ_SLOT_BYTES>(input, out, sink, |row| {
            let bits = u64::from_le_bytes(values[row]);
            let time = pg_time((bits >> DUCKDB_TIME_TZ_OFFSET_BITS).cast_signed())?;
            let low = i32::try_from(bits & ((1 << DUCKDB_TIME_TZ_OFFSET_BITS) - 1));
            let zone = low.map_err(|_| Fault::DatetimeOverflow("time zone displacement"))?
                - DUCKDB_TIME_TZ_MAX_OFFSET;
            if zone > DUCKDB_TIME_TZ_MAX_OFFSET {
                return Err(Fault::DatetimeOverflow("time zone displacement"));
            }
            let mut slot = [0; TIMETZ_SLOT_BYTES];
            slot[..8].copy_from_slice(&time.to_le_bytes());
            slot[8..12].copy_from_slice(&zone.to_le_bytes());
            Ok(slot)
        })
    }
}

/// An Arrow timestamp type and how its unit becomes microseconds.
pub(crate) trait TimestampUnit: ArrowPrimitiveType<Native = i64> + Send + Sync {
    /// Microseconds; `None` on overflow.
    fn microseconds(value: i64) -> Option<i64>;
}

impl TimestampUnit for TimestampMicrosecondType {
    #[inline(always)]
    fn microseconds(value: i64) -> Option<i64> {
        Some(value)
    }
}

impl TimestampUnit for TimestampMillisecondType {
    #[inline(always)]
    fn microseconds(value: i64) -> Option<i64> {
        value.checked_mul(1000)
    }
}

impl TimestampUnit for TimestampSecondType {
    #[inline(always)]
    fn microseconds(value: i64) -> Option<i64> {
        value.checked_mul(1_000_000)
    }
}

impl TimestampUnit for TimestampNanosecondType {
    /// Cut towards the past: no instant is ever moved after a later one.
    #[inline(always)]
    fn microseconds(value: i64) -> Option<i64> {
        Some(value.div_euclid(1000))
    }
}

/// `Timestamp(s, ms, us, ns)`, with or without UTC -> `timestamp`, `timestamptz`.
/// In:     `values[i]` units since 1970-01-01 (UTC), infinities as in `epoch`; slots under a null hold anything.
/// Out:    `datums[i]` microseconds since 2000-01-01 (UTC), by value; 0 and `isnull[i]` for nulls;
///         infinities map to infinities; nanoseconds are cut towards the past.
/// Errors: `DatetimeOverflow` naming the row, for valid slots only.    Cost: one pass, no allocation.
pub(crate) struct Timestamp<T>(pub(crate) PhantomData<T>);

impl<T: TimestampUnit> Kernel for Timestamp<T> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<T>()?;
        checked(input, out, |row| pg_timestamp::<T>(values[row]).map(IntDatum::datum))
    }
}

#[inline(always)]
fn pg_timestamp<T: TimestampUnit>(value: i64) -> Result<i64, Fault> {
    let in_range = T::microseconds(value)
        .and_then(|us| us.checked_sub(PG_EPOCH_OFFSET_US))
        .filter(|us| (PG_TIMESTAMP_MIN_US..PG_TIMESTAMP_END_US).contains(us));
    match (value, in_range) {
        // Before the range check: +infinity in nanoseconds would pass for a date in 2262.
        (DUCKDB_TIMESTAMP_INFINITY, _) => Ok(PG_TIMESTAMP_INFINITY),
        (DUCKDB_TIMESTAMP_NEG_INFINITY, _) => Ok(PG_TIMESTAMP_NEG_INFINITY),
        (_, Some(us)) => Ok(us),
        (_, None) => Err(Fault::DatetimeOverflow("timestamp")),
    }
}
