//! Decimals of 256 bits into `numeric`.

use std::marker::PhantomData;

use arrow::array::{Array, Decimal256Array, StringArray};

use crate::Sink;
use crate::bytes::Offsets;
use crate::column::{Column, Input, Kernel};
use crate::error::{KernelError, Stop};
use crate::numeric::NumericText;

/// `Decimal256` -> `numeric`, by way of text: DuckDB has no such type, others do.
/// In:     unscaled values; slots under a null hold anything.
/// Out:    as for decimal text; the display scale is that of the array.
/// Errors: those of decimal text.    Cost: a string per row, for all rows of the tile.
pub(crate) struct Decimal256Text;

impl Kernel for Decimal256Text {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, sink: &mut dyn Sink) -> Result<(), Stop> {
        let array = input.downcast::<Decimal256Array>()?;
        if input.start + input.rows > array.len() {
            return Err(KernelError::Shape("a column is too short".into()).into());
        }
        let rows = input.start..input.start + input.rows;
        let texts: StringArray =
            rows.map(|row| array.is_valid(row).then(|| array.value_as_string(row))).collect();
        let texts = Input { array: &texts, start: 0, rows: input.rows };
        NumericText::<Offsets>(PhantomData).run(&texts, out, sink)
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Decimal256Array;
    use arrow::datatypes::i256;
    use bridge_types::{PgType, oid};

    use crate::testing::texts;

    #[test]
    fn seventy_six_digits_and_their_scale() {
        let numeric = PgType::new(oid::NUMERIC);
        let largest = i256::from_string(&"9".repeat(76)).unwrap();
        let values = vec![Some(largest), None, Some(-largest), Some(i256::ZERO), Some(i256::from(-5))];
        let array = Decimal256Array::from(values).with_precision_and_scale(76, 10).unwrap();
        let text = |sign: &str| format!("{sign}{}.{}", "9".repeat(66), "9".repeat(10));
        let expected = [
            Some(text("")),
            None,
            Some(text("-")),
            Some("0.0000000000".into()),
            Some("-0.0000000005".into()),
        ];
        assert_eq!(texts(array.slice(1, 4), None, numeric).unwrap(), expected[1..]);
        assert_eq!(texts(array, None, numeric).unwrap(), expected);
    }
}
