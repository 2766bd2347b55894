//! Operators and casts over placeholder types, chosen again.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::expr::type_name;
use super::level::Resolver;
use crate::error::Result;
use crate::pg::{self, list};

impl Resolver {
    /// Was the operator chosen for placeholders? Either it takes them, or it takes anything.
    unsafe fn chosen_for_placeholders(&self, before: *mut pg_sys::OpExpr) -> bool {
        // SAFETY: a valid expression as it was parsed.
        unsafe {
            self.is_placeholder_operator((*before).opno)
                || list::pointers::<pg_sys::Node>((*before).args)
                    .any(|arg| pg_sys::exprType(arg) == self.placeholders.unresolved)
        }
    }

    fn is_placeholder_operator(&self, operator: pg_sys::Oid) -> bool {
        let (mut left, mut right) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
        // SAFETY: an operator of the query.
        unsafe { pg_sys::op_input_types(operator, &mut left, &mut right) };
        left == self.placeholders.unresolved || right == self.placeholders.unresolved
    }

    /// `r['c'] + 1`.
    ///
    /// # Safety
    /// A valid operator expression as parsed, and a fresh copy with its arguments resolved.
    pub(super) unsafe fn operator(
        &mut self,
        before: *mut pg_sys::OpExpr,
        node: *mut pg_sys::OpExpr,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.chosen_for_placeholders(before) {
                return Ok(node.cast());
            }
            let name = operator_name((*node).opno);
            let args: Vec<*mut pg_sys::Node> =
                list::pointers((*node).args).map(|arg| self.untyped(arg)).collect();
            self.settle_parameters(&args);
            let (left, right) = match args[..] {
                [only] => (std::ptr::null_mut(), only),
                [left, right] => (left, right),
                _ => return Ok(node.cast()),
            };
            let made =
                pg_sys::make_op(self.parse_state, name, left, right, std::ptr::null_mut(), (*node).location);
            pg_sys::assign_expr_collations(self.parse_state, made.cast());
            Ok(made.cast())
        }
    }

    /// `NULLIF(r['c'], 1)` and `r['c'] IS DISTINCT FROM 1`: operators in another guise, with
    /// arguments already brought to what the operator of the real types takes.
    ///
    /// # Safety
    /// As for [`Self::operator`]; the node has the layout of an operator expression.
    pub(super) unsafe fn like_operator(
        &mut self,
        before: *mut pg_sys::OpExpr,
        node: *mut pg_sys::OpExpr,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            let tag = (*node).xpr.type_;
            let made = self.operator(before, node)?.cast::<pg_sys::OpExpr>();
            if made == node {
                return Ok(node.cast());
            }
            if tag == pg_sys::NodeTag::T_NullIfExpr {
                let first =
                    list::pointers::<pg_sys::Node>((*made).args).next().expect("NULLIF has two arguments");
                (*made).opresulttype = pg_sys::exprType(first);
                (*made).opcollid = pg_sys::exprCollation(first);
            }
            (*made).xpr.type_ = tag;
            Ok(made.cast())
        }
    }

    /// `r['c'] IN ('a', 'b')`, `r['c'] = ANY (array)`.
    ///
    /// # Safety
    /// A fresh copy of a valid expression with two arguments, both resolved.
    pub(super) unsafe fn array_operator(
        &mut self,
        node: *mut pg_sys::ScalarArrayOpExpr,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            if !self.is_placeholder_operator((*node).opno) {
                return Ok(node.cast());
            }
            let mut args = list::pointers::<pg_sys::Node>((*node).args);
            let (Some(value), Some(array)) = (args.next(), args.next()) else { return Ok(node.cast()) };
            let value = self.untyped(value);
            let array = self.array_like(value, array)?;
            if (*array).type_ != pg_sys::NodeTag::T_ArrayExpr {
                self.settle_parameters(&[value]);
            }
            let made = pg_sys::make_scalar_array_op(
                self.parse_state,
                operator_name((*node).opno),
                (*node).useOr,
                value,
                array,
                (*node).location,
            );
            pg_sys::assign_expr_collations(self.parse_state, made.cast());
            Ok(made.cast())
        }
    }

    /// A list of placeholders as an array of the type that it and `value` have in common.
    unsafe fn array_like(
        &mut self,
        value: *mut pg_sys::Node,
        array: *mut pg_sys::Node,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: valid expressions; casts follow the tag.
        unsafe {
            if (*array).type_ != pg_sys::NodeTag::T_ArrayExpr {
                return Ok(array);
            }
            let items = array.cast::<pg_sys::ArrayExpr>();
            if (*items).element_typeid != self.placeholders.unresolved {
                return Ok(array);
            }
            let all = list::pointers::<pg_sys::Node>((*items).elements)
                .fold(list::append(std::ptr::null_mut(), value), |list, item| list::append(list, item));
            let (all, element, collation) = self.common(all, "IN")?;
            let elements = list::pointers::<pg_sys::Node>(all)
                .skip(1)
                .fold(std::ptr::null_mut(), |list, item| list::append(list, item));
            let array_type = pg_sys::get_array_type(element);
            if array_type == pg_sys::InvalidOid {
                return Err(EngineError::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("could not find array type for data type {}", type_name(element)),
                )
                .into());
            }
            ((*items).elements, (*items).element_typeid) = (elements, element);
            ((*items).array_typeid, (*items).array_collid) = (array_type, collation);
            Ok(array)
        }
    }

    /// `r['c']::type`: the cast from the column's real type.
    ///
    /// # Safety
    /// The expression as parsed and its fresh copy, with a resolved argument.
    pub(super) unsafe fn cast(
        &mut self,
        before: *mut pg_sys::CoerceViaIO,
        node: *mut pg_sys::CoerceViaIO,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: as the caller promises.
        unsafe {
            if pg_sys::exprType((*before).arg.cast()) != self.placeholders.unresolved {
                return Ok(node.cast());
            }
            let implicit = (*before).coerceformat == pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
            let context = if implicit {
                pg_sys::CoercionContext::COERCION_ASSIGNMENT
            } else {
                pg_sys::CoercionContext::COERCION_EXPLICIT
            };
            self.coerce((*node).arg.cast(), (*node).resulttype, context)
        }
    }

    unsafe fn coerce(
        &mut self,
        node: *mut pg_sys::Node,
        target: pg_sys::Oid,
        context: pg_sys::CoercionContext::Type,
    ) -> Result<*mut pg_sys::Node> {
        // SAFETY: a valid expression.
        unsafe {
            let node = self.untyped(node);
            self.settle_parameters(&[node]);
            let from = pg_sys::exprType(node);
            let made = pg_sys::coerce_to_target_type(
                self.parse_state,
                node,
                from,
                target,
                -1,
                context,
                pg_sys::CoercionForm::COERCE_EXPLICIT_CAST,
                -1,
            );
            if made.is_null() {
                let error = EngineError::new(
                    SqlState::parse(b"42846").unwrap_or(SqlState::DATATYPE_MISMATCH),
                    format!("cannot cast type {} to {}", type_name(from), type_name(target)),
                );
                return Err(if context == pg_sys::CoercionContext::COERCION_ASSIGNMENT {
                    error.with_hint("An explicit cast, r['column']::type, may be possible.").into()
                } else {
                    error.into()
                });
            }
            pg_sys::assign_expr_collations(self.parse_state, made);
            Ok(made)
        }
    }

    /// A literal that was read as a placeholder is an untyped literal again.
    ///
    /// # Safety
    /// A valid expression.
    pub(super) unsafe fn untyped(&self, node: *mut pg_sys::Node) -> *mut pg_sys::Node {
        // SAFETY: as the caller promises; a placeholder constant holds text.
        unsafe {
            if (*node).type_ != pg_sys::NodeTag::T_Const {
                return node;
            }
            let constant = node.cast::<pg_sys::Const>();
            if (*constant).consttype != self.placeholders.unresolved {
                return node;
            }
            let text = if (*constant).constisnull {
                std::ptr::null_mut()
            } else {
                pg_sys::text_to_cstring((*constant).constvalue.cast_mut_ptr())
            };
            pg_sys::makeConst(
                pg_sys::UNKNOWNOID,
                -1,
                pg_sys::InvalidOid,
                -2,
                pg_sys::Datum::from(text),
                (*constant).constisnull,
                false,
            )
            .cast()
        }
    }

    /// Brings expressions to the type that UNION or CASE would choose for them; that type and
    /// its collation.
    ///
    /// # Safety
    /// A list of valid expressions, resolved.
    pub(super) unsafe fn common(
        &mut self,
        args: *mut pg_sys::List,
        context: &str,
    ) -> Result<(*mut pg_sys::List, pg_sys::Oid, pg_sys::Oid)> {
        // SAFETY: as the caller promises.
        unsafe {
            let untyped: Vec<_> = list::pointers::<pg_sys::Node>(args).map(|arg| self.untyped(arg)).collect();
            self.settle_parameters(&untyped);
            let list_of = untyped.iter().fold(std::ptr::null_mut(), |list, arg| list::append(list, *arg));
            let context = pg::palloc_string(context);
            let type_oid =
                pg_sys::select_common_type(self.parse_state, list_of, context, std::ptr::null_mut());
            let coerced = untyped.iter().fold(std::ptr::null_mut(), |list, arg| {
                list::append(list, pg_sys::coerce_to_common_type(self.parse_state, *arg, type_oid, context))
            });
            Ok((coerced, type_oid, pg_sys::get_typcollation(type_oid)))
        }
    }
}

/// The name of an operator, as a list to look it up by.
unsafe fn operator_name(operator: pg_sys::Oid) -> *mut pg_sys::List {
    // SAFETY: an operator of the query.
    unsafe { list::append(std::ptr::null_mut(), pg_sys::makeString(pg_sys::get_opname(operator))) }
}
