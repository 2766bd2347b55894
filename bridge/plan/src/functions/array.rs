//! Arrays: of one dimension, counted from 1, which is what lists can be.

use bridge_types::oid::INT4;

use super::{Entry, result_type};
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature};

/// `pg_proc`'s `anyarray`.
const ANYARRAY: u32 = 2277;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::template("cardinality", &[ANYARRAY], "CAST(len({0}) AS INTEGER)"),
        Entry::build("array_length", &[ANYARRAY, INT4], |s, a| {
            of_first_dimension(s, a, "CAST(nullif(len({0}), 0) AS INTEGER)")
        }),
        Entry::build("array_upper", &[ANYARRAY, INT4], |s, a| {
            of_first_dimension(s, a, "CAST(nullif(len({0}), 0) AS INTEGER)")
        }),
        Entry::build("array_lower", &[ANYARRAY, INT4], |s, a| {
            of_first_dimension(s, a, "CASE WHEN len({0}) > 0 THEN CAST(1 AS INTEGER) END")
        }),
    ]
}

/// An empty array has no dimension, and so no length.
fn of_first_dimension(
    signature: &Signature,
    mut args: Vec<Typed>,
    sql: &'static str,
) -> Result<Typed, PlanError> {
    match PgConstant::of(&args[1].expr).and_then(PgConstant::as_int) {
        Some(1) => {
            args.truncate(1);
            Ok(duck(sql, result_type(signature)?, args))
        }
        _ => unsupported(signature.display.clone(), "DuckDB's lists have one dimension"),
    }
}
