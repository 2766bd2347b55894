//! UUIDs.

use crate::Sink;
use crate::column::{Column, Input, Kernel};
use crate::error::Stop;
use crate::fixed::{fixed_values, write_fixed_total};
use crate::layout::UUID_BYTES;

/// `FixedSizeBinary(16)` with extension `arrow.uuid` -> `uuid`.
/// In:     16 bytes, big endian; slots under a null hold anything.
/// Out:    `datums[i]` points at the same 16 bytes; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, one allocation.
pub(crate) struct Uuid;

impl Kernel for Uuid {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let values = fixed_values::<UUID_BYTES>(input)?;
        write_fixed_total(input, out, sink, |row| values[row])
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::FixedSizeBinaryArray;
    use bridge_testkit::decode::hex;
    use bridge_types::{PgType, oid, wire};

    use crate::testing::texts;

    #[test]
    fn bytes_stay_in_their_order() {
        let uuid = PgType::new(oid::UUID);
        let rows: Vec<Option<[u8; 16]>> = (0..130_u8)
            .map(|row| {
                (row % 64 != 63 && row % 64 != 0)
                    .then(|| std::array::from_fn(|at| row.wrapping_mul(17) ^ [0, 0xff][at % 2]))
            })
            .collect();
        let expected: Vec<_> = rows.iter().map(|row| row.map(|bytes| hex(&bytes))).collect();
        let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(rows.into_iter(), 16).unwrap();
        assert_eq!(texts(array.slice(61, 69), Some(wire::UUID), uuid).unwrap(), expected[61..]);
        assert_eq!(texts(array.clone(), Some(wire::UUID), uuid).unwrap(), expected);
        assert!(texts(array, Some(wire::INTERVAL), uuid).is_err(), "the extension decides");
        let nulls = FixedSizeBinaryArray::new_null(16, 65);
        assert_eq!(texts(nulls.slice(0, 0), Some(wire::UUID), uuid).unwrap(), vec![]);
        assert_eq!(texts(nulls, Some(wire::UUID), uuid).unwrap(), vec![None; 65]);
    }
}
