//! Types of Postgres expressions.

use bridge_plan::DuckType;
use bridge_types::{PgType, Unsupported, oid};
use pgrx::pg_sys;

use super::Result;
use crate::pg::{catalog, owned_string};

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

/// The name of a type, for messages.
pub(super) fn name(oid: u32) -> String {
    // SAFETY: a catalog look-up on the main thread; unknown oids give "???".
    unsafe { owned_string(pg_sys::format_type_be(pg_sys::Oid::from(oid))) }
}

/// The carrier of stored values of a type.
pub(super) fn duck(pg: PgType) -> Result<DuckType> {
    if catalog::is_placeholder(pg_sys::Oid::from(pg.oid)) {
        return Err(Unsupported::new(format!("type {}", name(pg.oid)), "it has no values").into());
    }
    DuckType::for_pg(pg)
        .map_err(|_| Unsupported::new(format!("type {}", name(pg.oid)), "DuckDB has no type for it").into())
}

/// Refuses to tell values of a type apart, or to order them, where DuckDB would do it otherwise.
pub(super) fn check_comparable(what: &'static str, pg: PgType) -> Result<()> {
    if duck(pg)?.is_comparable() {
        return Ok(());
    }
    Err(Unsupported::new(format!("{what} by type {}", name(pg.oid)), "DuckDB has only its text").into())
}
