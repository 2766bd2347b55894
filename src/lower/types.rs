//! Types of Postgres expressions.

use bridge_plan::DuckType;
use bridge_types::{PgType, Unsupported, oid};
use pgrx::pg_sys;

use super::Result;
use crate::pg::{catalog, list, owned_string};

/// A type with its domains resolved.
pub(super) fn base(type_oid: pg_sys::Oid, typmod: i32) -> PgType {
    let mut typmod = typmod;
    // SAFETY: a catalog look-up on the main thread.
    let base = unsafe { pg_sys::getBaseTypeAndTypmod(type_oid, &raw mut typmod) };
    if catalog::is_text_in_disguise(base) {
        return PgType::new(oid::TEXT);
    }
    PgType { oid: base.to_u32(), typmod }
}

/// The type of an expression, domains resolved.
///
/// # Safety
/// `node` is an analysed expression.
pub(super) unsafe fn of_node(node: *const pg_sys::Node) -> PgType {
    // SAFETY: as the caller promises.
    unsafe { base(pg_sys::exprType(node), pg_sys::exprTypmod(node)) }
}

/// The type of an expression's values. It differs from [`of_node`] where Postgres forgets the
/// length of `char(n)`: the values of `max(c)` are as long as those of `c`.
///
/// # Safety
/// `node` is an analysed expression.
pub(super) unsafe fn of_values(node: *const pg_sys::Node) -> PgType {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        let own = of_node(node);
        if own.oid != oid::BPCHAR || own.typmod >= 0 {
            return own;
        }
        let arg = match (*node).type_ {
            pg_sys::NodeTag::T_Aggref => {
                list::pointers::<pg_sys::TargetEntry>((*node.cast::<pg_sys::Aggref>()).args)
                    .next()
                    .map(|entry| (*entry).expr.cast::<pg_sys::Node>())
            }
            pg_sys::NodeTag::T_WindowFunc => list::pointers((*node.cast::<pg_sys::WindowFunc>()).args).next(),
            _ => None,
        };
        arg.map_or(own, |arg| of_values(arg))
    }
}

/// The name of a type, for messages.
pub(super) fn name(oid: u32) -> String {
    // SAFETY: a catalog look-up on the main thread; unknown oids give "???".
    unsafe { owned_string(pg_sys::format_type_be(pg_sys::Oid::from(oid))) }
}

/// The carrier of stored values of a type.
pub(super) fn duck(pg: PgType) -> Result<DuckType> {
    DuckType::for_pg(pg)
        .map_err(|_| Unsupported::new(format!("type {}", name(pg.oid)), "DuckDB has no type for it").into())
}
