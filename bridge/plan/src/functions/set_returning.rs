//! Functions that return sets, as lists: the syntax `each` makes rows of them.

use bridge_types::oid::{INT4, INT8, INTERVAL, TIMESTAMP, TIMESTAMPTZ};

use super::{Entry, result_type};
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::{PgConstant, Signature, Value};

/// `pg_proc`'s `anyarray`.
const ANYARRAY: u32 = 2277;

pub(super) fn entries() -> Vec<Entry> {
    vec![
        Entry::build("unnest", &[ANYARRAY], |_, mut args| Ok(args.remove(0))),
        Entry::build("generate_subscripts", &[ANYARRAY, INT4], subscripts),
        Entry::build("generate_series", &[INT4, INT4], integers),
        Entry::build("generate_series", &[INT4, INT4, INT4], integers),
        Entry::build("generate_series", &[INT8, INT8], integers),
        Entry::build("generate_series", &[INT8, INT8, INT8], integers),
        Entry::build("generate_series", &[TIMESTAMP, TIMESTAMP, INTERVAL], times),
        Entry::build("generate_series", &[TIMESTAMPTZ, TIMESTAMPTZ, INTERVAL], times),
    ]
}

/// Rows of a list; NULL has none, as in Postgres.
pub(super) fn each(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    match args.first().map(|list| list.ty.clone()) {
        Some(DuckType::List(element)) => Ok(duck("unnest({0})", *element, args)),
        _ => unsupported(signature.display.clone(), "it is not over an array"),
    }
}

/// WITH ORDINALITY over lists that advance together: as many numbers as the longest is long.
pub(super) fn ordinality(args: Vec<Typed>) -> Typed {
    let lengths: Vec<String> = (0..args.len()).map(|i| format!("len({{{i}}})")).collect();
    let sql = format!("unnest(generate_series(CAST(1 AS BIGINT), greatest({})))", lengths.join(", "));
    duck(sql, DuckType::BigInt, args)
}

fn list_of(signature: &Signature) -> Result<DuckType, PlanError> {
    Ok(DuckType::List(Box::new(result_type(signature)?)))
}

fn subscripts(signature: &Signature, mut args: Vec<Typed>) -> Result<Typed, PlanError> {
    if args.pop().and_then(|dimension| PgConstant::of(&dimension.expr)?.as_int()) != Some(1) {
        return unsupported(signature.display.clone(), "DuckDB's lists have one dimension");
    }
    let ty = list_of(signature)?;
    Ok(duck(format!("CAST(generate_series(CAST(1 AS BIGINT), len({{0}})) AS {ty})"), ty, args))
}

fn integers(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let ty = list_of(signature)?;
    let sql = match args.get(2).map(|step| PgConstant::of(&step.expr).and_then(PgConstant::as_int)) {
        None => format!("CAST(generate_series({{0}}, {{1}}) AS {ty})"),
        Some(Some(step)) if step != 0 => format!("CAST(generate_series({{0}}, {{1}}, {{2}}) AS {ty})"),
        Some(_) => format!(
            "CASE WHEN {{2}} = 0 THEN error('[22023] step size cannot equal zero') \
             ELSE CAST(generate_series({{0}}, {{1}}, {{2}}) AS {ty}) END"
        ),
    };
    Ok(duck(sql, ty, args))
}

/// Of intervals with fields of both signs DuckDB cannot tell where they lead.
fn times(signature: &Signature, args: Vec<Typed>) -> Result<Typed, PlanError> {
    let step = args.get(2).and_then(|step| PgConstant::of(&step.expr)).map(|constant| &constant.value);
    let Some(Value::Interval { months, days, micros }) = step else {
        return unsupported(signature.display.clone(), "its step is not a constant");
    };
    let fields = [i64::from(*months), i64::from(*days), *micros];
    let leads = fields.iter().any(|field| *field != 0);
    if !leads || (fields.iter().any(|field| *field > 0) && fields.iter().any(|field| *field < 0)) {
        return unsupported(signature.display.clone(), "its step is zero or has fields of both signs");
    }
    Ok(duck("generate_series({0}, {1}, {2})", list_of(signature)?, args))
}
