//! Subscripts: `r['column']` on rows of files, anything on unresolved values, structs and maps.
//!
//! A chain of subscripts becomes a chain of `SubscriptingRef` nodes with one subscript each:
//! a slice is then the node with a `reflowerindexpr` list, of which either end may be null.
//! The result is always a `duckdb.unresolved_type`, the engine says what it is in truth.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::function::only_in_duckdb_error;
use super::sql_function;
use crate::error::{Error, Result, raise, report};
use crate::pg::list;

sql_function!(
    /// Subscript handler of `duckdb.row`: the first subscript is a constant column name.
    duckdb_row_subscript,
    pg_finfo_duckdb_row_subscript,
    |_| handler::<NAMES_FIRST>()
);
sql_function!(
    /// Subscript handler of `duckdb.struct`: the first subscript is a constant field name.
    duckdb_struct_subscript,
    pg_finfo_duckdb_struct_subscript,
    |_| handler::<NAMES_FIRST>()
);
sql_function!(
    /// Subscript handler of `duckdb.map`: any key.
    duckdb_map_subscript,
    pg_finfo_duckdb_map_subscript,
    |_| handler::<ANYTHING>()
);
sql_function!(
    /// Subscript handler of `duckdb.unresolved_type`: any index, key or slice.
    duckdb_unresolved_type_subscript,
    pg_finfo_duckdb_unresolved_type_subscript,
    |_| handler::<ANYTHING>()
);

/// The first subscript is a constant text.
const NAMES_FIRST: bool = true;
/// Subscripts of any type, slices too.
const ANYTHING: bool = false;

fn handler<const NAMED: bool>() -> pg_sys::Datum {
    // SAFETY: allocates in the current context; Postgres copies nothing and keeps the record
    // only for the call at hand.
    unsafe {
        let routines =
            pg_sys::palloc0(size_of::<pg_sys::SubscriptRoutines>()).cast::<pg_sys::SubscriptRoutines>();
        *routines = pg_sys::SubscriptRoutines {
            transform: Some(transform::<NAMED>),
            exec_setup: Some(exec_setup),
            fetch_strict: true,
            fetch_leakproof: false,
            store_leakproof: false,
        };
        pg_sys::Datum::from(routines)
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn transform<const NAMED: bool>(
    target: *mut pg_sys::SubscriptingRef,
    indirection: *mut pg_sys::List,
    parse_state: *mut pg_sys::ParseState,
    _is_slice: bool,
    is_assignment: bool,
) {
    // SAFETY: the parser passes a node to fill in and its non-empty list of A_Indices.
    report(unsafe { resolve(NAMED, target, indirection, parse_state, is_assignment) });
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn exec_setup(
    _target: *const pg_sys::SubscriptingRef,
    _state: *mut pg_sys::SubscriptingRefState,
    _steps: *mut pg_sys::SubscriptExecSteps,
) {
    raise(only_in_duckdb_error("subscripting a DuckDB value"));
}

/// # Safety
/// As for a `SubscriptTransform` of Postgres.
unsafe fn resolve(
    named: bool,
    target: *mut pg_sys::SubscriptingRef,
    indirection: *mut pg_sys::List,
    parse_state: *mut pg_sys::ParseState,
    is_assignment: bool,
) -> Result<()> {
    if is_assignment {
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, "cannot assign to a part of a DuckDB value"));
    }
    // SAFETY: `target` and the list are valid as the caller promises; new nodes are copies of
    // `target`, allocated in the parser's context like it.
    unsafe {
        let unresolved = unresolved_type()?;
        let steps: Vec<_> = list::pointers::<pg_sys::A_Indices>(indirection).collect();
        let last = steps.len().saturating_sub(1);
        for (position, step) in steps.into_iter().enumerate() {
            let node = if position == last {
                target
            } else {
                let copy =
                    pg_sys::palloc(size_of::<pg_sys::SubscriptingRef>()).cast::<pg_sys::SubscriptingRef>();
                copy.copy_from_nonoverlapping(target, 1);
                copy
            };
            if named && position == 0 {
                name_subscript(node, step, parse_state)?;
            } else {
                any_subscript(node, step, parse_state);
            }
            (*node).refrestype = unresolved;
            (*node).reftypmod = -1;
            (*node).refcollid = pg_sys::InvalidOid;
            if position != last {
                (*target).refexpr = node.cast();
                (*target).refcontainertype = unresolved;
                (*target).refelemtype = pg_sys::InvalidOid;
            }
        }
    }
    Ok(())
}

/// `r['column']`.
///
/// # Safety
/// Valid nodes of the statement that is parsed.
unsafe fn name_subscript(
    node: *mut pg_sys::SubscriptingRef,
    step: *mut pg_sys::A_Indices,
    parse_state: *mut pg_sys::ParseState,
) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        let type_name = crate::pg::owned_string(pg_sys::format_type_be((*node).refcontainertype));
        let wrong = |what: &str| -> Error {
            EngineError::new(SqlState::DATATYPE_MISMATCH, format!("the subscript of {type_name} {what}"))
                .with_hint("Write the name of a column in single quotes: r['column'].")
                .into()
        };
        if (*step).is_slice {
            return Err(wrong("cannot be a slice"));
        }
        let index = transform_subscript(parse_state, (*step).uidx);
        let index = pg_sys::coerce_to_target_type(
            parse_state,
            index,
            pg_sys::exprType(index),
            pg_sys::TEXTOID,
            -1,
            pg_sys::CoercionContext::COERCION_IMPLICIT,
            pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
            -1,
        );
        if index.is_null() || (*index).type_ != pg_sys::NodeTag::T_Const {
            return Err(wrong("has to be a constant text"));
        }
        if (*index.cast::<pg_sys::Const>()).constisnull {
            return Err(wrong("cannot be null"));
        }
        (*node).refupperindexpr = list::append(std::ptr::null_mut(), index);
        (*node).reflowerindexpr = std::ptr::null_mut();
    }
    Ok(())
}

/// An index, a key or a slice of any type.
///
/// # Safety
/// Valid nodes of the statement that is parsed.
unsafe fn any_subscript(
    node: *mut pg_sys::SubscriptingRef,
    step: *mut pg_sys::A_Indices,
    parse_state: *mut pg_sys::ParseState,
) {
    // SAFETY: as the caller promises.
    unsafe {
        (*node).refupperindexpr =
            list::append(std::ptr::null_mut(), transform_subscript(parse_state, (*step).uidx));
        (*node).reflowerindexpr = if (*step).is_slice {
            list::append(std::ptr::null_mut(), transform_subscript(parse_state, (*step).lidx))
        } else {
            std::ptr::null_mut()
        };
    }
}

/// Analyses one end of a subscript; a bare literal is a text. Null for an end left out.
///
/// # Safety
/// `index` is null or a raw expression of the statement that is parsed.
unsafe fn transform_subscript(
    parse_state: *mut pg_sys::ParseState,
    index: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    if index.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: as the caller promises.
    unsafe {
        let index = pg_sys::transformExpr(parse_state, index, (*parse_state).p_expr_kind);
        if pg_sys::exprType(index) != pg_sys::UNKNOWNOID {
            return index;
        }
        pg_sys::coerce_type(
            parse_state,
            index,
            pg_sys::UNKNOWNOID,
            pg_sys::TEXTOID,
            -1,
            pg_sys::CoercionContext::COERCION_IMPLICIT,
            pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
            -1,
        )
    }
}

/// Oid of `duckdb.unresolved_type`.
fn unresolved_type() -> Result<pg_sys::Oid> {
    // SAFETY: main thread, in a transaction; missing names give the invalid oid.
    let oid = unsafe {
        let schema = pg_sys::get_namespace_oid(c"duckdb".as_ptr(), true);
        pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::TYPENAMENSP as i32,
            i16::try_from(pg_sys::Anum_pg_type_oid).expect("a column number"),
            pg_sys::Datum::from(c"unresolved_type".as_ptr()),
            schema.into(),
            pg_sys::Datum::from(0usize),
            pg_sys::Datum::from(0usize),
        )
    };
    if oid == pg_sys::InvalidOid {
        return Err(Error::new(SqlState::UNDEFINED_TABLE, "type duckdb.unresolved_type does not exist"));
    }
    Ok(oid)
}
