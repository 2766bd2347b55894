//! Signatures of functions and operators, and what collations mean.

use bridge_plan::pg::{Collation, Signature};
use bridge_types::{PgType, oid};
use pgrx::pg_sys;

use super::{Result, types, unsupported};
use crate::engine::session;
use crate::pg::{self, owned_string};

/// The signature of a function called with arguments of these types.
///
/// # Errors
/// `Unsupported` for functions outside `pg_catalog`: what they do is their owner's affair.
pub(super) fn signature(
    function: pg_sys::Oid,
    args: Vec<PgType>,
    result: PgType,
    collation: pg_sys::Oid,
    display: Option<String>,
) -> Result<Signature> {
    // SAFETY: catalog look-ups on the main thread; the argument array is palloc'd by Postgres.
    let (name, declared, built_in) = unsafe {
        let name = owned_string(pg_sys::get_func_name(function));
        let mut types = std::ptr::null_mut();
        let mut count = 0;
        pg_sys::get_func_signature(function, &raw mut types, &raw mut count);
        let declared: Vec<u32> = pg::slice(types, count).iter().map(|oid| oid.to_u32()).collect();
        let built_in = pg_sys::get_func_namespace(function).to_u32() == pg_sys::PG_CATALOG_NAMESPACE;
        (name, declared, built_in)
    };
    let display = display.unwrap_or_else(|| {
        let args: Vec<String> = declared.iter().map(|oid| types::name(*oid)).collect();
        format!("function {name}({})", args.join(", "))
    });
    if !built_in {
        return unsupported(display, "it is not one of Postgres' own functions");
    }
    if depends_on_time_zone(function, &name, &args, result) {
        check_time_zone(&display)?;
    }
    let only_text =
        declared.iter().zip(&args).find(|(any, arg)| POLYMORPHIC.contains(any) && arg.crosses_as_text());
    if let Some((_, arg)) = only_text {
        return unsupported(display, format!("DuckDB has only the text of type {}", types::name(arg.oid)));
    }
    Ok(Signature { name, declared, args, result, collation: self::collation(collation), display })
}

/// True for functions that read or write a timestamptz as a clock shows it: those that Postgres does not
/// hold for immutable, and `age`.
fn depends_on_time_zone(function: pg_sys::Oid, name: &str, args: &[PgType], result: PgType) -> bool {
    let has_zone = |ty: &PgType| ty.element().unwrap_or(*ty).oid == oid::TIMESTAMPTZ;
    if !args.iter().any(has_zone) && !has_zone(&result) {
        return false;
    }
    // SAFETY: a catalog look-up on the main thread.
    let volatility = unsafe { pg_sys::func_volatile(function) };
    name == "age" || volatility.cast_unsigned() != pg_sys::PROVOLATILE_IMMUTABLE
}

/// Refuses what depends on the time zone while DuckDB lacks the session's.
fn check_time_zone(display: &str) -> Result<()> {
    match session::foreign_time_zone() {
        Some(zone) => unsupported(display.to_owned(), format!("DuckDB does not know the time zone {zone}")),
        None => Ok(()),
    }
}

/// [`check_time_zone`] for a cast by output and input function.
pub(super) fn check_cast_time_zone(signature: &Signature) -> Result<()> {
    let types = signature.args.iter().chain([&signature.result]);
    if types.into_iter().any(|ty| ty.element().unwrap_or(*ty).oid == oid::TIMESTAMPTZ) {
        check_time_zone(&signature.display)?;
    }
    Ok(())
}

/// Pseudo-types whose functions look into the values: `anyelement` and its kin, not `any`.
const POLYMORPHIC: [u32; 11] = [2277, 2283, 2776, 3500, 3831, 4537, 5077, 5078, 5079, 5080, 4538];

/// The signature of an operator's function.
pub(super) fn operator(
    operator: pg_sys::Oid,
    args: Vec<PgType>,
    result: PgType,
    collation: pg_sys::Oid,
) -> Result<Signature> {
    // SAFETY: catalog look-ups on the main thread.
    let (name, function) = unsafe {
        (owned_string(pg_sys::get_opname(operator)), pg_sys::Oid::from(pg_sys::get_opcode(operator).to_u32()))
    };
    let names: Vec<String> = args.iter().map(|arg| types::name(arg.oid)).collect();
    let display = match names.as_slice() {
        [left, right] => format!("operator {left} {name} {right}"),
        _ => format!("operator {name} {}", names.join(", ")),
    };
    signature(function, args, result, collation, Some(display))
}

/// True if a call writes values as text in a way that settings change.
///
/// # Errors
/// `Unsupported` if the settings are not the ones whose forms DuckDB knows.
pub(super) fn depends_on_output_settings(signature: &Signature) -> Result<bool> {
    const WRITERS: [&str; 7] =
        ["io:text", "concat", "concat_ws", "format", "array_to_string", "quote_literal", "quote_nullable"];
    if !WRITERS.contains(&signature.name.as_str()) {
        return Ok(false);
    }
    let mut depends = false;
    for arg in &signature.args {
        let (setting, usual): (&std::ffi::CStr, &[&str]) = match arg.element().unwrap_or(*arg).oid {
            oid::DATE | oid::TIMESTAMP | oid::TIMESTAMPTZ => (c"DateStyle", &["ISO"]),
            oid::INTERVAL => (c"IntervalStyle", &["postgres"]),
            oid::FLOAT4 | oid::FLOAT8 => (c"extra_float_digits", &["1", "2", "3"]),
            oid::BYTEA => (c"bytea_output", &["hex"]),
            _ => continue,
        };
        depends = true;
        // SAFETY: a setting of Postgres' own, read on the main thread and copied.
        let value = unsafe { owned_string(pg_sys::GetConfigOption(setting.as_ptr(), false, false)) };
        // DateStyle has the order of input behind a comma.
        let style = value.split(',').next().unwrap_or_default();
        if !usual.contains(&style) {
            let name = setting.to_string_lossy();
            return unsupported(
                signature.display.clone(),
                format!("DuckDB does not write values in the way that {name} {value} asks for"),
            );
        }
    }
    Ok(depends)
}

/// What a collation means for order and case.
pub(super) fn collation(oid: pg_sys::Oid) -> Collation {
    if oid == pg_sys::InvalidOid {
        return Collation::None;
    }
    if oid == pg_sys::DEFAULT_COLLATION_OID {
        return by_name(&database_locale());
    }
    // SAFETY: catalog look-ups on the main thread; the tuple is released before returning.
    unsafe {
        let tuple = pg_sys::SearchSysCache1(pg_sys::SysCacheIdentifier::COLLOID as i32, oid.into());
        if tuple.is_null() {
            return Collation::Linguistic(oid.to_u32().to_string());
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_collation>();
        let name = owned_string((*form).collname.data.as_ptr());
        let libc = (*form).collprovider.cast_unsigned() == b'c';
        let result = if !(*form).collisdeterministic {
            Collation::Nondeterministic(name)
        } else if libc {
            by_name(&text_attribute(
                pg_sys::SysCacheIdentifier::COLLOID as i32,
                tuple,
                pg_sys::Anum_pg_collation_collcollate,
            ))
        } else {
            Collation::Linguistic(name)
        };
        pg_sys::ReleaseSysCache(tuple);
        result
    }
}

/// `LC_COLLATE` of this database; an ICU locale goes by a name that is no libc one.
fn database_locale() -> String {
    // SAFETY: as in `collation`.
    unsafe {
        let cache = pg_sys::SysCacheIdentifier::DATABASEOID as i32;
        let tuple = pg_sys::SearchSysCache1(cache, pg_sys::MyDatabaseId.into());
        if tuple.is_null() {
            return "unknown".to_owned();
        }
        let form = pg_sys::GETSTRUCT(tuple).cast::<pg_sys::FormData_pg_database>();
        let libc = (*form).datlocprovider.cast_unsigned() == b'c';
        let name = if libc {
            text_attribute(cache, tuple, pg_sys::Anum_pg_database_datcollate)
        } else {
            "the database's ICU locale".to_owned()
        };
        pg_sys::ReleaseSysCache(tuple);
        name
    }
}

/// A text attribute of a catalog row; empty if null.
///
/// # Safety
/// `tuple` is a live row of syscache `cache`, whose attribute is of type text.
unsafe fn text_attribute(cache: i32, tuple: pg_sys::HeapTuple, attribute: u32) -> String {
    let attribute = i16::try_from(attribute).expect("attribute numbers are small");
    let mut is_null = false;
    // SAFETY: as the caller promises.
    unsafe {
        let datum = pg_sys::SysCacheGetAttr(cache, tuple, attribute, &raw mut is_null);
        if is_null { String::new() } else { owned_string(pg_sys::text_to_cstring(datum.cast_mut_ptr())) }
    }
}

fn by_name(locale: &str) -> Collation {
    match locale {
        "C" | "POSIX" => Collation::C,
        "C.UTF-8" | "C.utf8" | "C.UTF8" => Collation::Unicode,
        other => Collation::Linguistic(other.to_owned()),
    }
}

/// Refuses to order text by a collation that DuckDB does not have.
pub(super) fn check_order(what: &'static str, collation: pg_sys::Oid) -> Result<()> {
    match self::collation(collation) {
        Collation::Linguistic(name) | Collation::Nondeterministic(name) => {
            unsupported(format!("{what} by collation {name}"), "DuckDB orders text by its bytes")
        }
        _ => Ok(()),
    }
}

/// Refuses to tell texts apart by a collation for which equal is not identical.
pub(super) fn check_equality(what: &'static str, collation: pg_sys::Oid) -> Result<()> {
    match self::collation(collation) {
        Collation::Nondeterministic(name) => {
            unsupported(format!("{what} by collation {name}"), "DuckDB compares text by its bytes")
        }
        _ => Ok(()),
    }
}
