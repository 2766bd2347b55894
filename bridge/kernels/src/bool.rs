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

#[cfg(test)]
mod tests {
    use arrow::array::{BooleanArray, Int8Array};
    use bridge_types::{PgType, oid, wire};

    use crate::testing::texts;

    #[test]
    fn bytes_and_bits_agree() {
        let bool = PgType::new(oid::BOOL);
        let words =
            |values: &[Option<bool>]| values.iter().map(|v| v.map(|v| v.to_string())).collect::<Vec<_>>();
        let values: Vec<Option<bool>> =
            (0..130).map(|i| (i % 64 != 63 && i % 64 != 0).then_some(i % 3 == 0)).collect();
        let packed = BooleanArray::from(values.clone());
        assert_eq!(texts(packed.slice(61, 9), None, bool).unwrap(), words(&values[61..70]));
        assert_eq!(texts(packed, None, bool).unwrap(), words(&values));
        // Anything but zero is true.
        let bytes: Int8Array = values.iter().map(|v| v.map(|v| if v { -3 } else { 0 })).collect();
        assert_eq!(texts(bytes, Some(wire::BOOL8), bool).unwrap(), words(&values));
        assert!(texts(Int8Array::from(vec![1]), None, bool).is_err(), "a plain tinyint is no boolean");
    }
}
