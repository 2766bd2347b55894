//! The outermost projection gives every output the DuckDB type whose wire form the kernel of
//! the declared Postgres type reads. A numeric without typmod may come as any numeric carrier.

use bridge_types::{PgType, oid};
use datafusion_expr::{Expr, LogicalPlan};

use crate::DuckType;
use crate::build::{column_name, project, types_of, unqualified};
use crate::duck::Typed;
use crate::error::{PlanError, malformed};
use crate::functions::to_declared;

/// True if a value of this carrier is what the kernel of `pg` reads.
fn fits(ty: &DuckType, pg: PgType) -> bool {
    if pg.oid == oid::NUMERIC {
        // The kernel takes the display scale from the value; a typmod only says what it is.
        return ty.is_numeric();
    }
    match (ty, pg.element()) {
        (DuckType::List(item), Some(element)) => fits(item, element),
        _ => DuckType::for_pg(pg).is_ok_and(|declared| declared == *ty),
    }
}

/// `Projection [c0: carrier]`  ==>  `Projection [CAST(c0 AS declared)]`, where they differ.
pub(super) fn apply(plan: LogicalPlan, outputs: &[PgType]) -> Result<LogicalPlan, PlanError> {
    let Some(types) = types_of(&plan) else {
        return malformed("the plan's outputs have no known types");
    };
    if types.len() != outputs.len() {
        return malformed(format!("{} outputs for {} declared columns", types.len(), outputs.len()));
    }
    if types.iter().zip(outputs).all(|(ty, pg)| fits(ty, *pg)) {
        return Ok(plan);
    }
    let casts = types
        .into_iter()
        .zip(outputs)
        .enumerate()
        .map(|(i, (ty, pg))| {
            let fits = fits(&ty, *pg);
            let column = Typed::new(Expr::Column(unqualified(&column_name(i))), ty);
            if fits { Ok(column) } else { to_declared(column, *pg) }
        })
        .collect::<Result<Vec<_>, PlanError>>()?;
    Ok(project(plan, casts)?)
}
