//! Calls of file readers: from a range table entry to DuckDB's table function.

use std::ffi::CStr;

use bridge_types::{EngineError, SqlState, Unsupported, names};
use pgrx::pg_sys;

use crate::error::Result;
use crate::pg::{self, catalog, list};

/// Schemes that do not lead to a file of this server.
const REMOTE: [&str; 12] = [
    "s3://", "s3a://", "r2://", "gcs://", "gs://", "http://", "https://", "az://", "azure://", "abfs://",
    "abfss://", "hf://",
];

/// The call of a reader in FROM: one function, not in a target list, without ordinality.
///
/// # Safety
/// `entry` is a valid range table entry.
pub(crate) unsafe fn call(entry: *mut pg_sys::RangeTblEntry) -> Option<*mut pg_sys::FuncExpr> {
    // SAFETY: as the caller promises.
    unsafe {
        if (*entry).rtekind != pg_sys::RTEKind::RTE_FUNCTION {
            return None;
        }
        let function = list::pointers::<pg_sys::RangeTblFunction>((*entry).functions).next()?;
        let call = (*function).funcexpr;
        if (*call).type_ != pg_sys::NodeTag::T_FuncExpr {
            return None;
        }
        let call = call.cast::<pg_sys::FuncExpr>();
        ((*call).funcretset && catalog::is_duckdb_only_function((*call).funcid)).then_some(call)
    }
}

/// The columns of a column definition list: names and types.
///
/// # Safety
/// `entry` is a function in FROM.
pub(super) unsafe fn promised(entry: *mut pg_sys::RangeTblEntry) -> Vec<(String, pg_sys::Oid)> {
    // SAFETY: as the caller promises; the lists are as long as each other.
    unsafe {
        let Some(function) = list::pointers::<pg_sys::RangeTblFunction>((*entry).functions).next() else {
            return Vec::new();
        };
        let names = list::pointers((*function).funccolnames).map(|name| pg::node_string(name));
        names.zip(list::oids((*function).funccoltypes)).collect()
    }
}

/// True for a call that returns `duckdb.row`; it returns records once its columns are known.
///
/// # Safety
/// `call` came from [`call`].
pub(super) unsafe fn is_untyped(call: *mut pg_sys::FuncExpr) -> bool {
    // SAFETY: as the caller promises.
    unsafe { (*call).funcresulttype != pg_sys::RECORDOID }
}

/// Exchanges a function that returns `duckdb.row` for the one of schema duckdb that takes a
/// column definition list: the form in which a query can be written out and read back.
///
/// # Safety
/// `call` came from [`call`].
pub(super) unsafe fn take_definition_list(call: *mut pg_sys::FuncExpr) -> Result<()> {
    // SAFETY: as the caller promises; catalog look-ups on the main thread.
    unsafe {
        let name = pg_sys::get_func_name((*call).funcid);
        let (mut types, mut count) = (std::ptr::null_mut(), 0);
        pg_sys::get_func_signature((*call).funcid, &mut types, &mut count);
        let names =
            list::append(std::ptr::null_mut(), pg_sys::makeString(pg_sys::pstrdup(c"duckdb".as_ptr())));
        let names = list::append(names, pg_sys::makeString(name));
        let function = pg_sys::LookupFuncName(names, count, types, true);
        if function == pg_sys::InvalidOid {
            let name = pg::owned_string(name);
            return Err(Unsupported::new(
                format!("function {name} in FROM"),
                format!("schema duckdb has no {name} that returns records"),
            )
            .into());
        }
        ((*call).funcid, (*call).funcresulttype) = (function, pg_sys::RECORDOID);
        Ok(())
    }
}

/// The call as DuckDB SQL, such as `read_csv(['a.csv', 'b.csv'], header = true)`.
///
/// Checks that the current user may read the files: the same rule as `COPY FROM` a file.
///
/// # Safety
/// `call` came from [`call`].
pub(crate) unsafe fn duckdb_sql(call: *mut pg_sys::FuncExpr) -> Result<String> {
    // SAFETY: as the caller promises; catalog look-ups on the main thread.
    unsafe {
        let function = (*call).funcid;
        let name = pg::owned_string(pg_sys::get_func_name(function));
        let parameters = catalog::parameter_names(function);
        let mut arguments = Vec::new();
        for (position, argument) in list::pointers::<pg_sys::Node>((*call).args).enumerate() {
            let (position, value) = if (*argument).type_ == pg_sys::NodeTag::T_NamedArgExpr {
                let named = argument.cast::<pg_sys::NamedArgExpr>();
                (usize::try_from((*named).argnumber).unwrap_or(position), (*named).arg.cast::<pg_sys::Node>())
            } else {
                (position, argument)
            };
            // Arrays of constants and casts of constants are folded here, once.
            let value = pg_sys::eval_const_expressions(std::ptr::null_mut(), value);
            if (*value).type_ != pg_sys::NodeTag::T_Const {
                return Err(Unsupported::new(
                    format!("an argument of {name} that is not a constant"),
                    "DuckDB has to read the file's columns before the query is planned",
                )
                .into());
            }
            let value = value.cast::<pg_sys::Const>();
            if (*value).constisnull {
                if position == 0 {
                    return Err(EngineError::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("the path of {name} must not be null"),
                    )
                    .into());
                }
                continue;
            }
            if position == 0 {
                check_paths(&texts(value)?)?;
            }
            let literal = literal(value)?;
            match parameters.get(position) {
                Some(parameter) if position > 0 => arguments.push(format!("{parameter} = {literal}")),
                _ => arguments.insert(0, literal),
            }
        }
        Ok(format!("{name}({})", arguments.join(", ")))
    }
}

/// The text of an argument that is a constant; `None` for null and for anything else.
///
/// # Safety
/// `argument` is an analysed expression.
pub(super) unsafe fn constant_text(argument: *mut pg_sys::Node) -> Result<Option<String>> {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        let value = pg_sys::eval_const_expressions(std::ptr::null_mut(), argument);
        if (*value).type_ != pg_sys::NodeTag::T_Const || (*value.cast::<pg_sys::Const>()).constisnull {
            return Ok(None);
        }
        Ok(Some(texts(value.cast())?.concat()))
    }
}

/// The text of a constant, or of each element of a constant array.
unsafe fn texts(value: *mut pg_sys::Const) -> Result<Vec<String>> {
    // SAFETY: a non-null constant of its declared type.
    unsafe {
        let element = pg_sys::get_element_type((*value).consttype);
        if element == pg_sys::InvalidOid {
            return Ok(vec![output((*value).consttype, (*value).constvalue)]);
        }
        let (mut length, mut by_value, mut align) = (0, false, 0);
        pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
        let (mut values, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        let array = pg_sys::pg_detoast_datum((*value).constvalue.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        pg_sys::deconstruct_array(
            array,
            element,
            i32::from(length),
            by_value,
            align,
            &mut values,
            &mut nulls,
            &mut count,
        );
        (0..usize::try_from(count).unwrap_or(0))
            .map(|i| {
                if *nulls.add(i) {
                    Err(EngineError::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        "an array argument must not contain nulls",
                    )
                    .into())
                } else {
                    Ok(output(element, *values.add(i)))
                }
            })
            .collect()
    }
}

unsafe fn output(type_oid: pg_sys::Oid, value: pg_sys::Datum) -> String {
    // SAFETY: a value of that type.
    unsafe {
        let (mut function, mut varlena) = (pg_sys::InvalidOid, false);
        pg_sys::getTypeOutputInfo(type_oid, &mut function, &mut varlena);
        CStr::from_ptr(pg_sys::OidOutputFunctionCall(function, value)).to_string_lossy().into_owned()
    }
}

unsafe fn literal(value: *mut pg_sys::Const) -> Result<String> {
    // SAFETY: a non-null constant.
    unsafe {
        let texts = texts(value)?;
        Ok(match (*value).consttype {
            pg_sys::BOOLOID => if (*value).constvalue.value() != 0 { "true" } else { "false" }.to_owned(),
            pg_sys::INT2OID | pg_sys::INT4OID | pg_sys::INT8OID => texts.concat(),
            array if pg_sys::get_element_type(array) != pg_sys::InvalidOid => {
                let items: Vec<_> = texts.iter().map(|text| names::quote_literal(text)).collect();
                format!("[{}]", items.join(", "))
            }
            _ => names::quote_literal(&texts.concat()),
        })
    }
}

/// Files of the server are for those who may read them with `COPY` as well.
fn check_paths(paths: &[String]) -> Result<()> {
    match paths.iter().find(|path| is_local(path)) {
        Some(path) => check_local(path),
        None => Ok(()),
    }
}

/// True for a path that begins with a remote scheme.
pub(crate) fn is_remote(path: &str) -> bool {
    !is_local(path)
}

/// Anything that does not begin exactly like a remote scheme.
fn is_local(path: &str) -> bool {
    !REMOTE.iter().any(|scheme| path.starts_with(scheme))
}

/// True if the current user may read files of the server.
pub(crate) fn may_read_files() -> bool {
    // SAFETY: main thread, in a transaction.
    unsafe {
        pg_sys::has_privs_of_role(pg_sys::GetUserId(), pg_sys::Oid::from(pg_sys::ROLE_PG_READ_SERVER_FILES))
    }
}

/// May the current user read this file of the server?
///
/// # Errors
/// 42501 if not.
pub(crate) fn check_local(path: &str) -> Result<()> {
    if may_read_files() {
        return Ok(());
    }
    Err(EngineError::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("permission denied to read file \"{path}\""),
    )
    .with_detail("Only roles with privileges of \"pg_read_server_files\" may read files of the server.")
    .into())
}

/// A file of the server that the call reads, if it reads any.
///
/// # Safety
/// `call` came from [`call`], and its arguments are constants.
pub(super) unsafe fn local_path(call: *mut pg_sys::FuncExpr) -> Option<String> {
    // SAFETY: as the caller promises; the path is the first argument.
    unsafe {
        if super::view::is_view_function((*call).funcid) {
            return None;
        }
        let path = list::pointers::<pg_sys::Node>((*call).args).next()?;
        let path = pg_sys::eval_const_expressions(std::ptr::null_mut(), path);
        if (*path).type_ != pg_sys::NodeTag::T_Const || (*path.cast::<pg_sys::Const>()).constisnull {
            return None;
        }
        texts(path.cast()).ok()?.into_iter().find(|path| is_local(path))
    }
}
