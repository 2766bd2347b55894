//! Integers into `int2`, `int4`, `int8` and `oid`.

use std::marker::PhantomData;

use arrow::array::ArrowPrimitiveType;

use crate::Sink;
use crate::column::{Column, Input, Kernel, flagged};
use crate::error::{Fault, Stop};

/// An integer that Postgres passes by value.
pub(crate) trait IntDatum: Send + Sync {
    /// The type's SQL name, for errors.
    const NAME: &'static str;
    /// The datum, sign-extended as `Int32GetDatum` and its kin do.
    fn datum(self) -> u64;
}

impl IntDatum for i16 {
    const NAME: &'static str = "smallint";
    #[inline(always)]
    fn datum(self) -> u64 {
        i64::from(self).cast_unsigned()
    }
}

impl IntDatum for i32 {
    const NAME: &'static str = "integer";
    #[inline(always)]
    fn datum(self) -> u64 {
        i64::from(self).cast_unsigned()
    }
}

impl IntDatum for i64 {
    const NAME: &'static str = "bigint";
    #[inline(always)]
    fn datum(self) -> u64 {
        self.cast_unsigned()
    }
}

impl IntDatum for u32 {
    const NAME: &'static str = "oid";
    #[inline(always)]
    fn datum(self) -> u64 {
        u64::from(self)
    }
}

/// `Int8..Int64`, `UInt8..UInt64`, `Decimal128(38, 0)` (HUGEINT) -> `int2`, `int4`, `int8`, `oid`.
/// In:     `values[i]`; slots under a null hold anything.
/// Out:    `datums[i]` by value, sign-extended; 0 and `isnull[i]` for nulls.
/// Errors: `OutOfRange` naming the row, for valid slots only; none when widening.
/// Cost:   one pass, no allocation; the check vanishes when widening.
pub(crate) struct Int<S, T>(PhantomData<(S, T)>);

impl<S, T> Int<S, T> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S, T> Kernel for Int<S, T>
where
    S: ArrowPrimitiveType + Send + Sync,
    S::Native: TryInto<T>,
    T: IntDatum,
{
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<S>()?;
        flagged(input, out, Fault::OutOfRange(T::NAME), |row| {
            values[row].try_into().map_or((0, true), |value| (value.datum(), false))
        })
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Decimal128Array, Int32Array, Int64Array, UInt32Array, UInt64Array};
    use bridge_types::{PgType, oid};

    use crate::testing::{failure, texts};

    #[test]
    fn narrowing_names_the_row_and_ignores_nulls() {
        let int4 = PgType::new(oid::INT4);
        let fits = Int64Array::from(vec![i64::from(i32::MIN), i64::from(i32::MAX), -1]);
        assert_eq!(texts(fits, None, int4).unwrap()[0].as_deref(), Some("-2147483648"));
        let over = Int64Array::from(vec![0, i64::from(i32::MAX) + 1]);
        assert_eq!(failure(over, None, int4), Some(("22003".into(), Some(1))));
        let hidden = Int64Array::new(vec![1, i64::MAX].into(), Some(vec![true, false].into()));
        assert_eq!(texts(hidden, None, int4).unwrap(), [Some("1".into()), None]);
        let late = Int64Array::from_iter((0..3000).map(|row| (row != 5).then_some(row << 21)));
        assert_eq!(
            failure(late.clone(), None, int4),
            Some(("22003".into(), Some(1024))),
            "the row is the batch's"
        );
        assert_eq!(failure(late.slice(1000, 100), None, int4), Some(("22003".into(), Some(24))));
    }

    #[test]
    fn all_null_and_empty() {
        let int8 = PgType::new(oid::INT8);
        assert_eq!(texts(Int32Array::new_null(65), None, int8).unwrap(), vec![None; 65]);
        assert_eq!(texts(Int32Array::new_null(0), None, int8).unwrap(), vec![]);
    }

    #[test]
    fn unsigned_and_huge() {
        assert_eq!(
            texts(UInt32Array::from(vec![u32::MAX]), None, PgType::new(oid::OID)).unwrap()[0].as_deref(),
            Some("4294967295")
        );
        assert_eq!(
            failure(UInt64Array::from(vec![u64::MAX]), None, PgType::new(oid::INT8)),
            Some(("22003".into(), Some(0)))
        );
        let huge = Decimal128Array::from(vec![i128::from(i64::MIN), i128::from(i64::MAX)])
            .with_precision_and_scale(38, 0)
            .unwrap();
        assert_eq!(
            texts(huge, None, PgType::new(oid::INT8)).unwrap()[0].as_deref(),
            Some("-9223372036854775808")
        );
    }
}
