//! By-reference values of a fixed size: one slot per row in a single reservation.

use arrow::array::FixedSizeBinaryArray;

use crate::Sink;
use crate::column::{Column, Input, flagged};
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
/// with `value(row)`: the bytes, and whether the value is one that Postgres cannot hold. It is
/// called for null rows too, see [`flagged`].
#[inline(always)]
pub(crate) fn write_fixed<const N: usize>(
    input: &Input<'_>,
    out: &mut Column<'_>,
    sink: &mut dyn Sink,
    fault: Fault,
    value: impl Fn(usize) -> ([u8; N], bool),
) -> Result<(), Stop> {
    let rows = input.rows;
    let bytes = rows.checked_mul(N).ok_or(KernelError::OutOfMemory { bytes: usize::MAX })?;
    let slots = sink.allocate(bytes)?.cast::<[u8; N]>();
    flagged(input, out, fault, |row| {
        let (value, bad) = value(row);
        assert!(row < rows);
        // SAFETY: row < rows (above), so the slot lies within the rows * N bytes reserved.
        let slot = unsafe {
            let slot = slots.add(row);
            slot.write(value);
            slot
        };
        (pointer_datum(slot.as_ptr().cast()), bad)
    })
}

/// As [`write_fixed`], for values that are all good.
#[inline(always)]
pub(crate) fn write_fixed_total<const N: usize>(
    input: &Input<'_>,
    out: &mut Column<'_>,
    sink: &mut dyn Sink,
    value: impl Fn(usize) -> [u8; N],
) -> Result<(), Stop> {
    write_fixed(input, out, sink, Fault::Malformed("a value that cannot be wrong"), |row| (value(row), false))
}

#[cfg(test)]
mod tests {
    use arrow::array::FixedSizeBinaryArray;
    use bridge_types::{PgType, oid, wire};

    use crate::testing::{failure, texts};

    /// `timetz` is the one such type that has bad values: here, 25 hours.
    fn times(valid: impl Fn(usize) -> bool, bad: usize) -> FixedSizeBinaryArray {
        let bits = |hours: u64| (hours * 3_600_000_000) << 24 | 57_599;
        let values = (0..130).flat_map(|row| bits(if row == bad { 25 } else { 24 }).to_le_bytes());
        let nulls = (0..130).map(valid).collect::<Vec<_>>();
        FixedSizeBinaryArray::new(8, values.collect::<Vec<_>>().into(), Some(nulls.into()))
    }

    #[test]
    fn a_bad_value_counts_only_where_it_is_valid() {
        let timetz = PgType::new(oid::TIMETZ);
        let good = Some("86400000000 west 0".to_owned());
        for bad in [0, 63, 64, 129] {
            let found = failure(times(|_| true, bad), Some(wire::TIME_TZ), timetz);
            assert_eq!(found, Some(("22008".into(), Some(bad))));
            let expected: Vec<_> = (0..130).map(|row| (row != bad).then(|| good.clone()).flatten()).collect();
            let hidden = times(|row| row != bad, bad);
            assert_eq!(texts(hidden.slice(60, 70), Some(wire::TIME_TZ), timetz).unwrap(), expected[60..]);
            assert_eq!(texts(hidden, Some(wire::TIME_TZ), timetz).unwrap(), expected);
        }
    }

    #[test]
    fn all_null_empty_and_another_width() {
        let timetz = PgType::new(oid::TIMETZ);
        assert_eq!(texts(times(|_| false, 5), Some(wire::TIME_TZ), timetz).unwrap(), vec![None; 130]);
        assert_eq!(texts(times(|_| true, 5).slice(9, 0), Some(wire::TIME_TZ), timetz).unwrap(), vec![]);
        let wide = FixedSizeBinaryArray::new_null(16, 1);
        assert!(texts(wide, Some(wire::TIME_TZ), timetz).is_err());
    }
}
