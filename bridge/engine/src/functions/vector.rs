//! Loops over slices that compute first and look for errors afterwards: the first pass has no
//! branches, and only a chunk in which something went wrong is looked at row by row.

use super::scalar::{Arguments, Output};
use crate::duckdb::Fixed;

/// `compute` for every row; a row without nulls for which `fault` says why it is wrong is an
/// error. Values under nulls are arbitrary, so `compute` must take any.
pub(super) fn unary<A: Fixed, R: Fixed>(
    arguments: &Arguments<'_>,
    out: &mut Output,
    compute: impl Fn(A) -> R,
    fault: impl Fn(A, R) -> Option<&'static str>,
) -> Result<(), String> {
    let a = arguments.values::<A>(0);
    let results = out.values_mut::<R>();
    let mut any = false;
    for (result, &a) in results.iter_mut().zip(a) {
        *result = compute(a);
        any |= fault(a, *result).is_some();
    }
    if any {
        for (row, (&result, &a)) in results.iter().zip(a).enumerate() {
            if let Some(error) = fault(a, result)
                && arguments.is_valid(row)
            {
                return Err(error.to_owned());
            }
        }
    }
    Ok(())
}

/// [`unary`] for two arguments.
pub(super) fn binary<A: Fixed, B: Fixed, R: Fixed>(
    arguments: &Arguments<'_>,
    out: &mut Output,
    compute: impl Fn(A, B) -> R,
    fault: impl Fn(A, B, R) -> Option<&'static str>,
) -> Result<(), String> {
    let (a, b) = (arguments.values::<A>(0), arguments.values::<B>(1));
    let results = out.values_mut::<R>();
    let mut any = false;
    for ((result, &a), &b) in results.iter_mut().zip(a).zip(b) {
        *result = compute(a, b);
        any |= fault(a, b, *result).is_some();
    }
    if any {
        for (row, ((&result, &a), &b)) in results.iter().zip(a).zip(b).enumerate() {
            if let Some(error) = fault(a, b, result)
                && arguments.is_valid(row)
            {
                return Err(error.to_owned());
            }
        }
    }
    Ok(())
}
