//! Floating point numbers.

use arrow::datatypes::{Float32Type, Float64Type};

use crate::Sink;
use crate::column::{Column, Input, Kernel, flagged, total};
use crate::error::{Fault, Stop};
use crate::int::IntDatum;

/// `Float32` -> `float4`.
/// In:     `values[i]`, NaN and infinities included; slots under a null hold anything.
/// Out:    `datums[i]` the bits, sign-extended as `Float4GetDatum` does; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, no allocation.
pub(crate) struct Float4;

impl Kernel for Float4 {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Float32Type>()?;
        total(input, out, |row| float4_datum(values[row]));
        Ok(())
    }
}

/// `Float64` -> `float8`.
/// In:     `values[i]`, NaN and infinities included; slots under a null hold anything.
/// Out:    `datums[i]` the bits; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, no allocation.
pub(crate) struct Float8;

impl Kernel for Float8 {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Float64Type>()?;
        total(input, out, |row| values[row].to_bits());
        Ok(())
    }
}

/// `Float32` -> `float8`, exact.
/// In:     `values[i]`; slots under a null hold anything.
/// Out:    `datums[i]` the bits of the widened value; 0 and `isnull[i]` for nulls.
/// Errors: none.    Cost: one pass, no allocation.
pub(crate) struct Float4To8;

impl Kernel for Float4To8 {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Float32Type>()?;
        total(input, out, |row| f64::from(values[row]).to_bits());
        Ok(())
    }
}

/// `Float64` -> `float4`, rounded to nearest as Postgres' cast does.
/// In:     `values[i]`; slots under a null hold anything.
/// Out:    `datums[i]` the bits, sign-extended; 0 and `isnull[i]` for nulls.
/// Errors: `OutOfRange` for a finite value that overflows, or a non-zero one that becomes zero.
/// Cost:   one pass, no allocation.
pub(crate) struct Float8To4;

impl Kernel for Float8To4 {
    fn run(&self, input: &Input<'_>, out: &mut Column<'_>, _: &mut dyn Sink) -> Result<(), Stop> {
        let values = input.values::<Float64Type>()?;
        flagged(input, out, Fault::OutOfRange("real"), |row| {
            let value = values[row];
            #[expect(
                clippy::cast_possible_truncation,
                reason = "rounding is the purpose; overflow is checked below"
            )]
            let narrow = value as f32;
            let overflow = narrow.is_infinite() && value.is_finite();
            (float4_datum(narrow), overflow || (narrow == 0.0 && value != 0.0))
        })
    }
}

/// The datum of a `float4`.
#[inline(always)]
pub(crate) fn float4_datum(value: f32) -> u64 {
    value.to_bits().cast_signed().datum()
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float32Array, Float64Array};
    use bridge_types::{PgType, oid};

    use crate::testing::{failure, texts};

    #[test]
    fn bits_are_kept() {
        let values = [f64::NAN, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, f64::MAX];
        let expected: Vec<_> = values.iter().map(|value| Some(format!("{:016x}", value.to_bits()))).collect();
        assert_eq!(
            texts(Float64Array::from(values.to_vec()), None, PgType::new(oid::FLOAT8)).unwrap(),
            expected
        );
        let wide = texts(Float32Array::from(vec![0.1_f32]), None, PgType::new(oid::FLOAT8)).unwrap();
        assert_eq!(wide, [Some(format!("{:016x}", f64::from(0.1_f32).to_bits()))]);
    }

    #[test]
    fn narrowing_overflows_as_in_postgres() {
        let float4 = PgType::new(oid::FLOAT4);
        assert_eq!(
            failure(Float64Array::from(vec![1.0, 1e39]), None, float4),
            Some(("22003".into(), Some(1)))
        );
        assert_eq!(failure(Float64Array::from(vec![1e-60]), None, float4), Some(("22003".into(), Some(0))));
        assert!(texts(Float64Array::from(vec![f64::INFINITY, f64::NAN, 0.0]), None, float4).is_ok());
    }
}
