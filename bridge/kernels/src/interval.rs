//! Intervals.

use crate::Sink;
use crate::column::{Column, Input, Kernel};
use crate::error::Stop;
use crate::fixed::{fixed_values, write_fixed_total};
use crate::layout::INTERVAL_BYTES;

/// `FixedSizeBinary(16)` with extension `duckdb.interval` -> `interval`.
/// In:     months i32, days i32, microseconds i64; slots under a null hold anything.
/// Out:    `datums[i]` points at microseconds i64, days i32, months i32, on an 8-byte boundary;
///         0 and `isnull[i]` for nulls.
/// Errors: none, the ranges of the fields are the same.    Cost: one pass, one allocation.
pub(crate) struct Interval;

impl Kernel for Interval {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = fixed_values::<INTERVAL_BYTES>(input)?;
        // Reversing the order of the three fields, as one 128-bit little-endian number.
        write_fixed_total(input, out, sink, |row| {
            let duckdb = u128::from_le_bytes(values[row]);
            let (months, days, time) = (duckdb & 0xffff_ffff, (duckdb >> 32) & 0xffff_ffff, duckdb >> 64);
            (time | days << 64 | months << 96).to_le_bytes()
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{FixedSizeBinaryArray, Int64Array};
    use bridge_types::{PgType, oid, wire};

    use crate::testing::texts;

    fn duckdb(months: i32, days: i32, us: i64) -> Vec<u8> {
        [&months.to_le_bytes()[..], &days.to_le_bytes(), &us.to_le_bytes()].concat()
    }

    #[test]
    fn fields_change_places_and_keep_their_signs() {
        let interval = PgType::new(oid::INTERVAL);
        let rows = [Some(duckdb(-1, 2, -3)), None, Some(duckdb(i32::MIN, i32::MAX, i64::MIN))];
        let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(rows.into_iter(), 16).unwrap();
        let expected =
            [Some("-1 2 -3".into()), None, Some(format!("{} {} {}", i32::MIN, i32::MAX, i64::MIN))];
        assert_eq!(texts(array.slice(1, 2), Some(wire::INTERVAL), interval).unwrap(), expected[1..]);
        assert_eq!(texts(array.clone(), Some(wire::INTERVAL), interval).unwrap(), expected);
        assert!(texts(array, Some(wire::UUID), interval).is_err(), "the extension decides");
        assert!(texts(Int64Array::from(vec![1]), None, interval).is_err());
    }
}
