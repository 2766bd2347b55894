//! Integers into `int2`, `int4`, `int8` and `oid`.

use std::marker::PhantomData;

use arrow::array::ArrowPrimitiveType;

use crate::Sink;
use crate::column::{Column, Input, Kernel, checked};
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
        checked(input, out, |row| match values[row].try_into() {
            Ok(value) => Ok(value.datum()),
            Err(_) => Err(Fault::OutOfRange(T::NAME)),
        })
    }
}
