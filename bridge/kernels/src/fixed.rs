//! By-reference values of a fixed size: one slot per row in a single reservation.

use arrow::array::FixedSizeBinaryArray;

use crate::Sink;
use crate::column::{Column, Input, checked};
use crate::error::{Fault, KernelError, Stop};
use crate::sink::pointer_datum;

/// The `N`-byte values of the rows of `input`.
pub(crate) fn fixed_values<'a, const N: usize>(input: &Input<'a>) -> Result<&'a [[u8; N]], Stop> {
    let array = input.downcast::<FixedSizeBinaryArray>()?;
    let (values, _) = array.value_data().as_chunks::<N>();
    let width = usize::try_from(array.value_length()).is_ok_and(|width| width == N);
    let values = values.get(input.start..input.start + input.rows).filter(|_| width);
    values.ok_or_else(|| KernelError::Shape("a column of fixed-size values is too short".into()).into())
}

/// Gives each row a slot of `N` bytes (a multiple of what the type aligns to) and fills it
/// with `value(row)`, which is called for valid rows only.
#[inline(always)]
pub(crate) fn write_fixed<const N: usize>(
    input: &Input<'_>,
    out: &mut Column<'_>,
    sink: &mut dyn Sink,
    mut value: impl FnMut(usize) -> Result<[u8; N], Fault>,
) -> Result<(), Stop> {
    let rows = input.rows;
    let bytes = rows.checked_mul(N).ok_or(KernelError::OutOfMemory { bytes: usize::MAX })?;
    let slots = sink.allocate(bytes)?.cast::<[u8; N]>();
    checked(input, out, |row| {
        let value = value(row)?;
        assert!(row < rows);
        // SAFETY: row < rows (above), so the slot lies within the rows * N bytes reserved.
        unsafe {
            let slot = slots.add(row);
            slot.write(value);
            Ok(pointer_datum(slot.as_ptr().cast()))
        }
    })
}
