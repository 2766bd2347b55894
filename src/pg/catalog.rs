//! What we ask of Postgres' catalogs.

use pgrx::{FromDatum, pg_sys};

/// Oid of the access method `duckdb` in this database; `None` if the extension is not there.
pub(crate) fn access_method() -> Option<pg_sys::Oid> {
    // SAFETY: main thread, in a transaction; a missing name is allowed.
    let oid = unsafe { pg_sys::get_am_oid(c"duckdb".as_ptr(), true) };
    (oid != pg_sys::InvalidOid).then_some(oid)
}

/// Access method, kind and persistence of a relation; `None` if it does not exist.
pub(crate) fn relation(relid: pg_sys::Oid) -> Option<RelationInfo> {
    // SAFETY: main thread, in a transaction; the tuple is released before returning.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::RELOID as i32, relid.into());
        if tuple.is_null() {
            return None;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_class>();
        let info = RelationInfo {
            access_method: (*form).relam,
            kind: (*form).relkind.cast_unsigned(),
            persistence: (*form).relpersistence.cast_unsigned(),
        };
        pg_sys::ReleaseSysCache(tuple);
        Some(info)
    }
}

/// A row of `pg_class`, as far as we need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RelationInfo {
    /// `relam`.
    pub(crate) access_method: pg_sys::Oid,
    /// `relkind`.
    pub(crate) kind: u8,
    /// `relpersistence`.
    pub(crate) persistence: u8,
}

/// True if the relation is a duckdb table.
pub(crate) fn is_duckdb_table(relid: pg_sys::Oid) -> bool {
    let Some(access_method) = access_method() else { return false };
    relation(relid).is_some_and(|info| info.access_method == access_method)
}

/// True for a function written in C, built into Postgres or loaded.
pub(crate) fn is_c_function(function: pg_sys::Oid) -> bool {
    // SAFETY: main thread, in a transaction; the tuple is released before returning.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, function.into());
        if tuple.is_null() {
            return false;
        }
        let language = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>()).prolang;
        pg_sys::ReleaseSysCache(tuple);
        language == INTERNAL_LANGUAGE || language == C_LANGUAGE
    }
}

/// C symbol of the functions that exist only so that Postgres can parse their calls.
const DUCKDB_ONLY_SYMBOL: &[u8] = b"duckdb_only_function";
/// Attribute number of `pg_aggregate.aggtransfn`, the fourth column in all versions.
const AGGTRANSFN: i16 = 4;
/// Attribute number of `pg_proc.prosrc`.
#[expect(clippy::cast_possible_truncation, reason = "attribute numbers are small")]
const PROSRC: i16 = pg_sys::Anum_pg_proc_prosrc as i16;
/// `INTERNALlanguageId` (`pg_language.dat`).
const INTERNAL_LANGUAGE: pg_sys::Oid = pg_sys::Oid::from_u32(12);
/// `ClanguageId` (`pg_language.dat`).
const C_LANGUAGE: pg_sys::Oid = pg_sys::Oid::from_u32(13);

/// True for a function (or aggregate) that only DuckDB can run.
///
/// Built-in functions are answered without a look into the catalogs.
pub(crate) fn is_duckdb_only_function(function: pg_sys::Oid) -> bool {
    if function.to_u32() < pg_sys::FirstNormalObjectId {
        return false;
    }
    // SAFETY: main thread, in a transaction; the tuple is released before returning.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, function.into());
        if tuple.is_null() {
            return false;
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_proc>();
        let only = if (*form).prokind.cast_unsigned() == pg_sys::PROKIND_AGGREGATE {
            is_duckdb_only_aggregate(function)
        } else if (*form).prolang == C_LANGUAGE {
            let mut is_null = false;
            let source = pg_sys::SysCacheGetAttr(
                pg_sys::SysCacheIdentifier::PROCOID as i32,
                tuple,
                PROSRC,
                &mut is_null,
            );
            !is_null && {
                let text = pg_sys::text_to_cstring(source.cast_mut_ptr());
                std::ffi::CStr::from_ptr(text).to_bytes() == DUCKDB_ONLY_SYMBOL
            }
        } else {
            false
        };
        pg_sys::ReleaseSysCache(tuple);
        only
    }
}

/// An aggregate is DuckDB's if its transition function is a stub.
fn is_duckdb_only_aggregate(aggregate: pg_sys::Oid) -> bool {
    // SAFETY: main thread, in a transaction; the tuple is released before returning.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::AGGFNOID as i32, aggregate.into());
        if tuple.is_null() {
            return false;
        }
        let mut is_null = false;
        let transition = pg_sys::SysCacheGetAttr(
            pg_sys::SysCacheIdentifier::AGGFNOID as i32,
            tuple,
            AGGTRANSFN,
            &mut is_null,
        );
        pg_sys::ReleaseSysCache(tuple);
        !is_null
            && is_duckdb_only_function(
                pg_sys::Oid::from_datum(transition, false).unwrap_or(pg_sys::InvalidOid),
            )
    }
}

/// A type of schema `duckdb`, by name.
pub(crate) fn type_in_duckdb_schema(name: &std::ffi::CStr) -> Option<pg_sys::Oid> {
    // SAFETY: main thread, in a transaction; missing names are allowed.
    unsafe {
        let schema = pg_sys::get_namespace_oid(c"duckdb".as_ptr(), true);
        if schema == pg_sys::InvalidOid {
            return None;
        }
        let oid = pg_sys::GetSysCacheOid(
            pg_sys::SysCacheIdentifier::TYPENAMENSP as i32,
            1, // pg_type.oid
            pg_sys::Datum::from(name.as_ptr()),
            schema.into(),
            pg_sys::Datum::from(0),
            pg_sys::Datum::from(0),
        );
        (oid != pg_sys::InvalidOid).then_some(oid)
    }
}

/// Names of a function's input parameters, in order; empty if it has none.
pub(crate) fn parameter_names(function: pg_sys::Oid) -> Vec<String> {
    // SAFETY: main thread, in a transaction; the names are copied before the tuple is released.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::PROCOID as i32, function.into());
        if tuple.is_null() {
            return Vec::new();
        }
        let (mut types, mut names, mut modes) =
            (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
        let count = pg_sys::get_func_arg_info(tuple, &mut types, &mut names, &mut modes);
        let found = if names.is_null() {
            Vec::new()
        } else {
            (0..usize::try_from(count).unwrap_or(0)).map(|i| super::owned_string(*names.add(i))).collect()
        };
        pg_sys::ReleaseSysCache(tuple);
        found
    }
}

/// True for `duckdb.struct`, `map` and `union`: text in memory, as DuckDB prints such values.
pub(crate) fn is_text_in_disguise(type_oid: pg_sys::Oid) -> bool {
    type_oid.to_u32() >= pg_sys::FirstNormalObjectId
        && [c"struct", c"map", c"union"].into_iter().any(|name| type_in_duckdb_schema(name) == Some(type_oid))
}

/// True for `duckdb.row` and `duckdb.unresolved_type`, which stand for other types until a query
/// is resolved.
pub(crate) fn is_placeholder(type_oid: pg_sys::Oid) -> bool {
    type_oid.to_u32() >= pg_sys::FirstNormalObjectId
        && [c"row", c"unresolved_type"].into_iter().any(|name| type_in_duckdb_schema(name) == Some(type_oid))
}

/// `ConstraintRelationId` (`pg_constraint.h`).
pub(crate) const CONSTRAINT_RELATION: pg_sys::Oid = pg_sys::Oid::from_u32(2606);
/// Attribute number of `pg_constraint.conrelid`.
const CONRELID: i16 = if cfg!(feature = "pg18") { 9 } else { 8 };

/// The table of a constraint; `None` for a constraint of a domain, and if it does not exist.
pub(crate) fn constraint_table(constraint: pg_sys::Oid) -> Option<pg_sys::Oid> {
    // SAFETY: main thread, in a transaction; the tuple is released before returning.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::CONSTROID as i32, constraint.into());
        if tuple.is_null() {
            return None;
        }
        let mut is_null = false;
        let relid = pg_sys::SysCacheGetAttr(
            pg_sys::SysCacheIdentifier::CONSTROID as i32,
            tuple,
            CONRELID,
            &mut is_null,
        );
        pg_sys::ReleaseSysCache(tuple);
        pg_sys::Oid::from_datum(relid, is_null).filter(|relid| *relid != pg_sys::InvalidOid)
    }
}

/// The constraint of a table with this name; `InvalidOid` if there is none.
///
/// # Safety
/// `name` is a C string.
pub(crate) unsafe fn constraint_of(relid: pg_sys::Oid, name: *const std::ffi::c_char) -> pg_sys::Oid {
    unsafe extern "C-unwind" {
        fn get_relation_constraint_oid(
            relid: pg_sys::Oid,
            name: *const std::ffi::c_char,
            missing_ok: bool,
        ) -> pg_sys::Oid;
    }
    // SAFETY: as the caller promises, and Postgres' own function of this signature; nothing with
    // a destructor is alive in the closure.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| get_relation_constraint_oid(relid, name, true)) }
}

/// True for a table that inherits from another one, partitions included.
pub(crate) fn has_parents(relid: pg_sys::Oid) -> bool {
    unsafe extern "C-unwind" {
        fn has_superclass(relid: pg_sys::Oid) -> bool;
    }
    // SAFETY: Postgres' own function of this signature, in a transaction; nothing with a destructor
    // is alive in the closure.
    unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| has_superclass(relid)) }
}

/// True for a column declared with several pairs of brackets, `integer[][]`: its arrays are no
/// lists. (Postgres holds nobody to the declaration.)
pub(crate) fn is_multidimensional(relid: pg_sys::Oid, attribute: i16) -> bool {
    // SAFETY: main thread, in a transaction; the tuple is released before returning.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::ATTNUM as i32;
        let tuple = pg_sys::SearchSysCache2(cache, relid.into(), attribute.into());
        if tuple.is_null() {
            return false;
        }
        let dimensions = (*pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_attribute>()).attndims;
        pg_sys::ReleaseSysCache(tuple);
        dimensions > 1
    }
}

/// The function of schema `duckdb` with this name, if there is exactly one.
pub(crate) fn function_in_duckdb_schema(name: &std::ffi::CStr) -> Option<pg_sys::Oid> {
    // SAFETY: main thread, in a transaction; names in fresh nodes, and a list of candidates.
    unsafe {
        let names = [c"duckdb", name].into_iter().fold(std::ptr::null_mut(), |names, part| {
            super::list::append(names, pg_sys::makeString(pg_sys::pstrdup(part.as_ptr())))
        });
        let only = pg_sys::LookupFuncName(names, -1, std::ptr::null(), true);
        (only != pg_sys::InvalidOid).then_some(only)
    }
}
