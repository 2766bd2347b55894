//! Parameters whose types were left to the query: `r['c'] = $1`.
//!
//! Postgres' parser takes such a parameter for a `duckdb.unresolved_type`, as it would take a
//! literal. It gets the type of what it is compared with instead, and the client is told so.

use std::ffi::c_int;

use pgrx::pg_sys;

use super::level::Resolver;

/// What Postgres keeps for parameters without declared types (`parse_param.c`, where it is
/// private).
#[repr(C)]
struct VarParamState {
    types: *mut *mut pg_sys::Oid,
    count: *mut c_int,
}

impl Resolver {
    /// Gives parameters among `args` that have no type yet the first real type of the others,
    /// or text.
    ///
    /// # Safety
    /// Fresh copies of valid expressions.
    pub(super) unsafe fn settle_parameters(&mut self, args: &[*mut pg_sys::Node]) {
        // SAFETY: as the caller promises.
        unsafe {
            let known = args.iter().map(|arg| pg_sys::exprType(*arg)).find(|type_oid| {
                ![pg_sys::UNKNOWNOID, pg_sys::InvalidOid, self.placeholders.unresolved, self.placeholders.row]
                    .contains(type_oid)
            });
            for arg in args {
                if let Some(param) = self.open_parameter(*arg) {
                    let type_oid = *self
                        .parameters
                        .entry((*param).paramid)
                        .or_insert_with(|| known.unwrap_or(pg_sys::TEXTOID));
                    (*param).paramtype = type_oid;
                    (*param).paramcollid = pg_sys::get_typcollation(type_oid);
                }
            }
        }
    }

    /// The parameter that `node` is, if it has no type.
    unsafe fn open_parameter(&self, node: *mut pg_sys::Node) -> Option<*mut pg_sys::Param> {
        // SAFETY: a valid expression.
        unsafe {
            if (*node).type_ != pg_sys::NodeTag::T_Param {
                return None;
            }
            let param = node.cast::<pg_sys::Param>();
            let open = (*param).paramkind == pg_sys::ParamKind::PARAM_EXTERN
                && (*param).paramtype == self.placeholders.unresolved;
            open.then_some(param)
        }
    }

    /// Tells the statement's owner the types of its parameters, if they were left open.
    ///
    /// # Safety
    /// `pstate` is the state the statement was parsed with.
    pub(super) unsafe fn announce_parameters(&self, pstate: *mut pg_sys::ParseState) {
        // SAFETY: only `setup_parse_variable_parameters` sets a coerce hook for parameters (the
        // forms with declared types do not need one), and it does so with this state.
        unsafe {
            if self.parameters.is_empty() || pstate.is_null() || (*pstate).p_coerce_param_hook.is_none() {
                return;
            }
            let state = (*pstate).p_ref_hook_state.cast::<VarParamState>();
            let types = *(*state).types;
            for (number, type_oid) in &self.parameters {
                if (1..=*(*state).count).contains(number) {
                    let place = types.offset(isize::try_from(*number - 1).unwrap_or(0));
                    if *place == self.placeholders.unresolved {
                        *place = *type_oid;
                    }
                }
            }
        }
    }
}
