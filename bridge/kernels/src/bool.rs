//! Booleans.

use arrow::array::BooleanArray;
use arrow::datatypes::Int8Type;

use crate::Sink;
use crate::column::{Column, Input, Kernel, total};
use crate::error::Stop;

/// `Int8` with extension `arrow.bool8` -> `bool`.
/// In:     `values[i]` 0 for false, else true; slots under a null hold anything.
/// Out:    `datums[i]` 0 or 1, by value; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, no allocation.
pub(crate) struct Bool8;

impl Kernel for Bool8 {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Int8Type>()?;
        total(input, out, |row| u64::from(values[row] != 0));
        Ok(())
    }
}

/// `Boolean` (bit-packed) -> `bool`.
/// In:     bit `i`; bits under a null hold anything.
/// Out:    `datums[i]` 0 or 1, by value; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, no allocation.
pub(crate) struct BoolPacked;

impl Kernel for BoolPacked {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let array = input.downcast::<BooleanArray>()?;
        let bits = array.values().slice(input.start, input.rows);
        total(input, out, |row| u64::from(bits.value(row)));
        Ok(())
    }
}
