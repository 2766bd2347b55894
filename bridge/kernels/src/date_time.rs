//! Dates, times and timestamps.

use std::marker::PhantomData;
use std::ops::Range;

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
use crate::column::{Column, Input, Kernel, flagged, sifted};
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
        sifted(input, out, |row| plain_date(values[row]), |row| pg_date(values[row]).map(IntDatum::datum))
    }
}

/// The datum of a finite date, and whether it is not one in range.
#[inline(always)]
fn plain_date(days: i32) -> (u64, bool) {
    let pg = days.wrapping_sub(PG_EPOCH_OFFSET_DAYS);
    (pg.datum(), !(PG_DATE_MIN_DAYS..PG_DATE_END_DAYS).contains(&pg))
}

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
        flagged(input, out, Fault::DatetimeOverflow("time"), |row| pg_time(values[row]))
    }
}

/// `Time64(ns)` -> `time`, rounded to microseconds as by DuckDB's own cast (and Postgres' input).
/// In:     `values[i]` nanoseconds since midnight; slots under a null hold anything.
/// Out:    microseconds, by value; 0 and `isnull[i]` for nulls.
/// Errors: `DatetimeOverflow` beyond 0 to 24 hours.    Cost: one pass, no allocation.
pub(crate) struct TimeNs;

impl Kernel for TimeNs {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Time64NanosecondType>()?;
        flagged(input, out, Fault::DatetimeOverflow("time"), |row| {
            pg_time(values[row].saturating_add(500).div_euclid(1000))
        })
    }
}

/// The datum, and whether it is out of range.
#[inline(always)]
fn pg_time(us: i64) -> (u64, bool) {
    (us.datum(), !(0..=US_PER_DAY).contains(&us))
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
        write_fixed::<TIMETZ_SLOT_BYTES>(
            input,
            out,
            sink,
            Fault::DatetimeOverflow("time with time zone"),
            |row| {
                let bits = u64::from_le_bytes(values[row]);
                let (time, beyond) = pg_time((bits >> DUCKDB_TIME_TZ_OFFSET_BITS).cast_signed());
                // 24 bits less 57599.
                let low = i32::try_from(bits & ((1 << DUCKDB_TIME_TZ_OFFSET_BITS) - 1)).unwrap_or(i32::MAX);
                let zone = low - DUCKDB_TIME_TZ_MAX_OFFSET;
                let mut slot = [0; TIMETZ_SLOT_BYTES];
                slot[..8].copy_from_slice(&time.to_le_bytes());
                slot[8..12].copy_from_slice(&zone.to_le_bytes());
                (slot, beyond | (zone > DUCKDB_TIME_TZ_MAX_OFFSET))
            },
        )
    }
}

/// An Arrow timestamp type and how its unit becomes microseconds.
pub(crate) trait TimestampUnit: ArrowPrimitiveType<Native = i64> + Send + Sync {
    /// Values that are neither infinite nor out of Postgres' range, nor near to that.
    const PLAIN: Range<i64>;
    /// Microseconds of a plain value.
    fn plain(value: i64) -> i64;
    /// Microseconds; `None` on overflow.
    fn microseconds(value: i64) -> Option<i64>;
}

/// [`TimestampUnit::PLAIN`] for units of `factor` microseconds. Postgres' range ends later than
/// 64 bits of microseconds since 1970.
const fn plain_range(factor: i64) -> Range<i64> {
    (PG_TIMESTAMP_MIN_US + PG_EPOCH_OFFSET_US) / factor + 1..i64::MAX / factor - 1
}

/// Stamps out [`TimestampUnit`] for a unit of so many microseconds.
macro_rules! timestamp_unit {
    ($($unit:ty => $factor:literal;)*) => { $(
        impl TimestampUnit for $unit {
            const PLAIN: Range<i64> = plain_range($factor);
            #[inline(always)]
            fn plain(value: i64) -> i64 {
                value.wrapping_mul($factor)
            }
            fn microseconds(value: i64) -> Option<i64> {
                value.checked_mul($factor)
            }
        }
    )* };
}

timestamp_unit! {
    TimestampMicrosecondType => 1;
    TimestampMillisecondType => 1000;
    TimestampSecondType => 1_000_000;
}

impl TimestampUnit for TimestampNanosecondType {
    const PLAIN: Range<i64> = DUCKDB_TIMESTAMP_NEG_INFINITY + 1..DUCKDB_TIMESTAMP_INFINITY;
    /// Cut as by DuckDB's own cast, so that a value is the same whoever converts it.
    #[inline(always)]
    fn plain(value: i64) -> i64 {
        value / 1000
    }
    fn microseconds(value: i64) -> Option<i64> {
        Some(Self::plain(value))
    }
}

/// `Timestamp(s, ms, us, ns)`, with or without UTC -> `timestamp`, `timestamptz`.
/// In:     `values[i]` units since 1970-01-01 (UTC), infinities as in `epoch`; slots under a null hold anything.
/// Out:    `datums[i]` microseconds since 2000-01-01 (UTC), by value; 0 and `isnull[i]` for nulls;
///         infinities map to infinities; nanoseconds are cut, towards 1970.
/// Errors: `DatetimeOverflow` naming the row, for valid slots only.    Cost: one pass, no allocation.
pub(crate) struct Timestamp<T>(pub(crate) PhantomData<T>);

impl<T: TimestampUnit> Kernel for Timestamp<T> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<T>()?;
        let exact = |row: usize| pg_timestamp::<T>(values[row]).map(IntDatum::datum);
        sifted(input, out, |row| plain_timestamp::<T>(values[row]), exact)
    }
}

/// The datum of a plain timestamp, and whether it is not one.
#[inline(always)]
fn plain_timestamp<T: TimestampUnit>(value: i64) -> (u64, bool) {
    (T::plain(value).wrapping_sub(PG_EPOCH_OFFSET_US).datum(), !T::PLAIN.contains(&value))
}

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

#[cfg(test)]
mod tests {
    use arrow::array::{
        Date32Array, FixedSizeBinaryArray, Time64MicrosecondArray, Time64NanosecondArray,
        TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    };
    use bridge_types::epoch::{PG_DATE_END_DAYS, PG_DATE_MIN_DAYS, PG_EPOCH_OFFSET_US, PG_TIMESTAMP_MIN_US};
    use bridge_types::{PgType, oid, wire};

    use crate::testing::{failure, texts};

    const TIMESTAMP: PgType = PgType::new(oid::TIMESTAMP);

    fn some(texts: &[&str]) -> Vec<Option<String>> {
        texts.iter().map(|text| Some((*text).to_owned())).collect()
    }

    #[test]
    fn dates_to_the_edges() {
        let date = PgType::new(oid::DATE);
        let edges =
            vec![10_957, 0, i32::MAX, -i32::MAX, PG_DATE_MIN_DAYS + 10_957, PG_DATE_END_DAYS - 1 + 10_957];
        let expected = some(&["0", "-10957", "inf", "-inf", "-2451545", "2145031948"]);
        assert_eq!(texts(Date32Array::from(edges), None, date).unwrap(), expected);
        for over in
            [PG_DATE_MIN_DAYS + 10_956, PG_DATE_END_DAYS + 10_957, i32::MIN, i32::MAX - 1, -i32::MAX + 1]
        {
            assert_eq!(
                failure(Date32Array::from(vec![0, over]), None, date),
                Some(("22008".into(), Some(1))),
                "{over}"
            );
        }
        let hidden = Date32Array::new(vec![i32::MIN, 10_958].into(), Some(vec![false, true].into()));
        assert_eq!(texts(hidden, None, date).unwrap(), [None, Some("1".into())]);
    }

    #[test]
    fn timestamps_in_all_units() {
        let two_thousand = PG_EPOCH_OFFSET_US;
        let us = TimestampMicrosecondArray::from(vec![two_thousand, i64::MAX, -i64::MAX]);
        assert_eq!(texts(us, None, TIMESTAMP).unwrap(), some(&["0", "inf", "-inf"]));
        let s = TimestampSecondArray::from(vec![two_thousand / 1_000_000 + 2, i64::MAX]);
        assert_eq!(texts(s, None, TIMESTAMP).unwrap(), some(&["2000000", "inf"]));
        let ms = TimestampMillisecondArray::from(vec![two_thousand / 1000 - 2, -i64::MAX]);
        assert_eq!(texts(ms, None, TIMESTAMP).unwrap(), some(&["-2000", "-inf"]));
        let ns = TimestampNanosecondArray::from(vec![
            two_thousand * 1000 + 1999,
            two_thousand * 1000 - 1,
            -1999,
            i64::MAX,
        ]);
        assert_eq!(texts(ns, None, TIMESTAMP).unwrap(), some(&["1", "-1", "-946684800000001", "inf"]));
        assert_eq!(
            failure(TimestampSecondArray::from(vec![i64::MAX - 1]), None, TIMESTAMP),
            Some(("22008".into(), Some(0)))
        );
        let early = TimestampMicrosecondArray::from(vec![PG_TIMESTAMP_MIN_US + PG_EPOCH_OFFSET_US - 1]);
        assert_eq!(failure(early, None, TIMESTAMP), Some(("22008".into(), Some(0))));
        let zoned = TimestampMicrosecondArray::from(vec![0]).with_timezone("UTC");
        assert!(texts(zoned.clone(), None, TIMESTAMP).is_err(), "a zone must not be dropped silently");
        assert!(texts(zoned, None, PgType::new(oid::TIMESTAMPTZ)).is_ok());
    }

    #[test]
    fn times_of_day() {
        let time = PgType::new(oid::TIME);
        let day = 86_400_000_000;
        assert_eq!(
            texts(Time64MicrosecondArray::from(vec![0, day]), None, time).unwrap(),
            some(&["0", "86400000000"])
        );
        assert_eq!(
            failure(Time64MicrosecondArray::from(vec![day + 1]), None, time),
            Some(("22008".into(), Some(0)))
        );
        let nanoseconds = Time64NanosecondArray::from(vec![1499, 1500, day * 1000 - 1]);
        assert_eq!(texts(nanoseconds, None, time).unwrap(), some(&["1", "2", "86400000000"]));
        // 12:00 at +02:00 lies 7200 seconds east, -7200 west.
        let bits = (43_200_000_000_u64 << 24 | (57_599 - 7200)).to_le_bytes();
        let zoned = FixedSizeBinaryArray::try_from_iter([bits].iter()).unwrap();
        let timetz = texts(zoned, Some(wire::TIME_TZ), PgType::new(oid::TIMETZ)).unwrap();
        assert_eq!(timetz, some(&["43200000000 west -7200"]));
    }
}
