//! Byte strings.

use std::marker::PhantomData;

use crate::Sink;
use crate::bytes::Reader;
use crate::column::{Column, Input, Kernel};
use crate::error::Stop;
use crate::varlena::write_varlenas;

/// `BinaryView`, `Binary`, `LargeBinary` -> `bytea`.
/// In:     any bytes; slots under a null hold anything.
/// Out:    `datums[i]` points at a varlena, with a 1-byte header where it is legal and `SHORT` is
///         set, else a 4-byte one on a 4-byte boundary; 0 and `isnull[i]` for nulls.
/// Errors: `TooLarge`, `Malformed` naming the row, for valid slots only.
/// Cost:   two passes (sizes, bytes), one allocation.
pub(crate) struct Bytea<R, const SHORT: bool>(pub(crate) PhantomData<R>);

impl<R: Reader + Send + Sync, const SHORT: bool> Kernel for Bytea<R, SHORT> {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        write_varlenas::<R, SHORT, false>(input, out, sink, None)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, BinaryViewArray, LargeBinaryArray};
    use bridge_testkit::decode::hex;
    use bridge_types::{PgType, oid};

    use crate::testing::texts;

    const BYTEA: PgType = PgType::new(oid::BYTEA);

    #[test]
    fn any_bytes_in_every_layout() {
        let lengths = [0, 1, 12, 13, 32, 33, 125, 126, 127, 70_000];
        let rows: Vec<Option<Vec<u8>>> = (0..130_usize)
            .map(|row| {
                (row % 64 != 63 && row % 64 != 0)
                    .then(|| vec![u8::MAX * u8::from(row % 2 == 0); lengths[row % 10]])
            })
            .collect();
        let expected: Vec<_> = rows.iter().map(|row| row.as_deref().map(hex)).collect();
        let rows = || rows.iter().map(|row| row.as_deref());
        assert_eq!(texts(rows().collect::<BinaryViewArray>(), None, BYTEA).unwrap(), expected);
        assert_eq!(
            texts(rows().collect::<BinaryArray>().slice(62, 68), None, BYTEA).unwrap(),
            expected[62..]
        );
        assert_eq!(texts(rows().collect::<LargeBinaryArray>(), None, BYTEA).unwrap(), expected);
        assert_eq!(texts(BinaryViewArray::new_null(64), None, BYTEA).unwrap(), vec![None; 64]);
        assert_eq!(texts(BinaryViewArray::new_null(0), None, BYTEA).unwrap(), vec![]);
    }
}
