//! RETURNING: DuckDB returns the columns of the changed rows, Postgres computes the list from them.
//!
//! So every expression can be returned, whatever DuckDB knows of it.

use bridge_types::ColumnSpec;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use std::ffi::c_void;

use super::source::Target;
use super::{OutputColumn, Result, types, unsupported};
use crate::pg::{owned_string, tree::mutate};

/// What a statement returns.
pub(super) struct Returning {
    /// The columns that DuckDB returns.
    pub(super) raw: Vec<OutputColumn>,
    /// The RETURNING list over those columns, as `INDEX_VAR`; null if nothing is returned.
    pub(super) list: *mut pg_sys::List,
}

impl Returning {
    /// The names of the columns that DuckDB returns.
    pub(super) fn columns(&self) -> Vec<String> {
        self.raw.iter().map(|column| column.spec.name.clone()).collect()
    }
}

/// The RETURNING list of a statement.
///
/// # Safety
/// `query` is an analysed and rewritten statement with this target.
///
/// # Errors
/// `Unsupported` for what is no expression over the target's own columns.
pub(super) unsafe fn lower(query: *mut pg_sys::Query, target: &Target) -> Result<Returning> {
    // SAFETY: as the caller promises.
    unsafe {
        if (*query).returningList.is_null() {
            return Ok(Returning { raw: Vec::new(), list: std::ptr::null_mut() });
        }
        let list = pg_sys::eval_const_expressions(std::ptr::null_mut(), (*query).returningList.cast()).cast();
        let mut mapping = Mapping { target, attributes: Vec::new(), refused: None };
        let list = map(list, (&raw mut mapping).cast());
        if let Some(what) = mapping.refused {
            return unsupported(
                format!("{what} in RETURNING"),
                "it is computed from the columns of the changed rows alone",
            );
        }
        if mapping.attributes.is_empty() {
            // Only the number of rows matters.
            mapping.attributes.push(target.first_column());
        }
        let raw = mapping.attributes.iter().map(|attribute| column(target, *attribute)).collect();
        Ok(Returning { raw, list: list.cast() })
    }
}

/// What [`map`] works with.
struct Mapping<'a> {
    target: &'a Target,
    /// Attributes of the target, in the order of the raw columns.
    attributes: Vec<i16>,
    refused: Option<&'static str>,
}

/// Vars of the target become those of the raw columns.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn map(node: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Mapping` of `lower`.
    unsafe {
        let mapping = &mut *context.cast::<Mapping>();
        match (*node).type_ {
            NodeTag::T_Var => {
                let var = pg_sys::copyObjectImpl(node.cast()).cast::<pg_sys::Var>();
                #[cfg_attr(feature = "pg14", expect(clippy::cast_possible_wrap, reason = "an index"))]
                let of_target = (*var).varno as i32 == mapping.target.index && (*var).varlevelsup == 0;
                let attribute = (*var).varattno;
                if of_target && i32::from(attribute) == pg_sys::TableOidAttributeNumber {
                    return oid_constant(mapping.target.relid);
                }
                mapping.refused = match attribute {
                    _ if !of_target => Some("a column of another relation"),
                    0 => Some("a whole row"),
                    ..0 => Some("a system column"),
                    _ => mapping.refused,
                };
                let known = mapping.attributes.iter().position(|known| *known == attribute);
                let position = known.unwrap_or_else(|| {
                    mapping.attributes.push(attribute);
                    mapping.attributes.len() - 1
                });
                (*var).varno = pg_sys::INDEX_VAR as _;
                (*var).varattno = i16::try_from(position + 1).expect("a relation has at most 1600 columns");
                (*var).varnosyn = 0;
                (*var).varattnosyn = 0;
                var.cast()
            }
            NodeTag::T_SubLink => {
                mapping.refused = Some("a subquery");
                node
            }
            _ => mutate(node, map, context),
        }
    }
}

fn oid_constant(value: pg_sys::Oid) -> *mut pg_sys::Node {
    // SAFETY: a fresh node; oids are by value.
    unsafe {
        let datum = pg_sys::Datum::from(value.to_u32());
        pg_sys::makeConst(pg_sys::OIDOID, -1, pg_sys::InvalidOid, 4, datum, false, true).cast()
    }
}

/// A column of the target as DuckDB returns it.
///
/// # Safety
/// `attribute` is one of the target's, which the statement has locked.
unsafe fn column(target: &Target, attribute: i16) -> OutputColumn {
    let (mut type_oid, mut typmod, mut collation) = (pg_sys::InvalidOid, -1, pg_sys::InvalidOid);
    // SAFETY: as the caller promises.
    unsafe {
        pg_sys::get_atttypetypmodcoll(
            target.relid,
            attribute,
            &raw mut type_oid,
            &raw mut typmod,
            &raw mut collation,
        );
        let name = owned_string(pg_sys::get_attname(target.relid, attribute, false));
        OutputColumn {
            spec: ColumnSpec { name, pg_type: types::base(type_oid, typmod) },
            type_oid,
            typmod,
            collation,
        }
    }
}
