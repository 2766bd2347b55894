//! RANGE frames with offsets: carriers in which DuckDB's `key + offset` cannot fail.

use bridge_types::limits::MAX_DECIMAL_PRECISION;

use crate::DuckType;
use crate::duck::Typed;
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Value};

/// The ORDER BY key and the offsets of a frame, so that DuckDB adds and compares as Postgres'
/// `in_range` functions do. The offsets are constants that are neither null nor negative.
///
/// # Errors
/// `Unsupported` for types that cannot be widened, and infinite offsets.
pub(crate) fn range_operands(key: Typed, offsets: Vec<Typed>) -> Result<(Typed, Vec<Typed>), PlanError> {
    let target = match &key.ty {
        // Beyond the last integer, where Postgres sees the overflow.
        DuckType::SmallInt | DuckType::Integer | DuckType::BigInt => Some(DuckType::HugeInt),
        DuckType::Float | DuckType::Double if offsets.iter().all(is_finite) => Some(DuckType::Double),
        DuckType::Decimal(p, s) => {
            let mut all = Some((*p, *s));
            for offset in &offsets {
                all = all.and_then(|a| DuckType::decimal_union(a, offset.ty.decimal()?));
            }
            all.filter(|(p, _)| *p < MAX_DECIMAL_PRECISION).map(|(p, s)| DuckType::Decimal(p + 1, s))
        }
        DuckType::Date | DuckType::Timestamp | DuckType::TimestampTz
            if offsets.iter().all(|offset| offset.ty == DuckType::Interval) =>
        {
            let target = if key.ty == DuckType::Date { DuckType::Timestamp } else { key.ty.clone() };
            return Ok((key.cast(&target), offsets));
        }
        _ => None,
    };
    match target {
        Some(target) => {
            let offsets = offsets.into_iter().map(|offset| offset.cast(&target)).collect();
            Ok((key.cast(&target), offsets))
        }
        None => unsupported(
            "a window frame with a RANGE offset",
            "DuckDB cannot add the offset to every value of the ORDER BY expression",
        ),
    }
}

fn is_finite(offset: &Typed) -> bool {
    match PgConstant::of(&offset.expr).map(|constant| &constant.value) {
        Some(Value::Float(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
        _ => false,
    }
}
