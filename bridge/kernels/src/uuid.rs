//! UUIDs.

use crate::Sink;
use crate::column::{Column, Input, Kernel};
use crate::error::Stop;
use crate::fixed::{fixed_values, write_fixed};
use crate::layout::UUID_BYTES;

/// `FixedSizeBinary(16)` with extension `arrow.uuid` -> `uuid`.
/// In:     16 bytes, big endian; slots under a null hold anything.
/// Out:    `datums[i]` points at the same 16 bytes; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, one allocation.
pub(crate) struct Uuid;

impl Kernel for Uuid {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = fixed_values::<UUID_BYTES>(input)?;
        write_fixed(input, out, sink, |row| Ok(values[row]))
    }
}
