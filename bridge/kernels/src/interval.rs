//! Intervals.

use crate::Sink;
use crate::column::{Column, Input, Kernel};
use crate::error::Stop;
use crate::fixed::{fixed_values, write_fixed};
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
        write_fixed(input, out, sink, |row| {
            let duckdb = u128::from_le_bytes(values[row]);
            let (months, days, time) = (duckdb & 0xffff_ffff, (duckdb >> 32) & 0xffff_ffff, duckdb >> 64);
            Ok((time | days << 64 | months << 96).to_le_bytes())
        })
    }
}
