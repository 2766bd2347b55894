//! Values as their output functions write them. Lowering sends no such call unless `DateStyle`,
//! `IntervalStyle`, `extra_float_digits` and `bytea_output` are the usual ones.

use bridge_types::{PgType, oid};

use super::numeric;
use crate::DuckType;
use crate::duck::{Typed, duck};
use crate::error::{PlanError, unsupported};
use crate::pg::Signature;

/// `value` of type `pg` as text.
pub(super) fn written(signature: &Signature, value: Typed, pg: PgType) -> Result<Typed, PlanError> {
    let ty = DuckType::Varchar;
    let call = |sql: &str, value: Typed| Ok(duck(sql, DuckType::Varchar, vec![value]));
    if let Some(element) = pg.element() {
        let DuckType::List(carrier) = &value.ty else {
            return unsupported(signature.display.clone(), "it is not over an array");
        };
        let item = Typed::new(duck("pg_item", (**carrier).clone(), Vec::new()).expr, (**carrier).clone());
        let item = written(signature, item, element)?;
        let sql = "pg_array_text(list_transform({0}, lambda pg_item: {1}))";
        return Ok(duck(sql, ty, vec![value, item]));
    }
    match pg.oid {
        oid::TEXT | oid::VARCHAR | oid::NAME | oid::UNKNOWN => Ok(value),
        oid::BPCHAR => match pg.length() {
            Some(length) => call(&format!("rpad({{0}}, {length}, ' ')"), value),
            None => unsupported(signature.display.clone(), "the length of the char(n) is not known"),
        },
        oid::INT2 | oid::INT4 | oid::INT8 | oid::UUID | oid::JSON | oid::JSONB | oid::BIT | oid::VARBIT => {
            Ok(value.cast(&ty))
        }
        oid::BOOL => call("CASE WHEN {0} THEN 't' WHEN NOT {0} THEN 'f' END", value),
        oid::NUMERIC => call("{0}", numeric::text(value)),
        oid::FLOAT4 => call("pg_float4_text({0})", value),
        oid::FLOAT8 => call("pg_float8_text({0})", value),
        oid::DATE => call("pg_date_text({0})", value),
        oid::TIME => call("pg_time_text({0})", value),
        oid::TIMETZ => call("pg_timetz_text({0})", value),
        oid::TIMESTAMP => call("pg_timestamp_text({0})", value),
        oid::TIMESTAMPTZ => call("pg_timestamptz_text({0}, CAST({0} AS TIMESTAMP))", value),
        oid::INTERVAL => call("pg_interval_text({0})", value),
        oid::BYTEA => call("pg_bytea_text({0})", value),
        _ => unsupported(signature.display.clone(), "DuckDB writes values of such a type differently"),
    }
}

/// Output and pattern matching see the blanks of `char(n)`: puts them back into the first argument.
pub(super) fn blank_padded(signature: &Signature, mut args: Vec<Typed>) -> Result<Vec<Typed>, PlanError> {
    let Some(length) = signature.args.first().and_then(PgType::length) else {
        return unsupported(signature.display.clone(), "the length of the char(n) is not known");
    };
    args[0] = duck(format!("rpad({{0}}, {length}, ' ')"), DuckType::Varchar, vec![args[0].clone()]);
    Ok(args)
}
