//! `SET (a, b) = (SELECT ..)`: one subquery for several columns becomes one for each.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use std::ffi::c_void;

use super::make;
use crate::pg::tree::mutate;
use crate::pg::{self, list};

/// The assignments of a target list, each with an expression of its own.
///
/// # Safety
/// `targets` is the target list of an UPDATE or of a DO UPDATE; it may be changed.
pub(super) unsafe fn single_assignments(targets: *mut pg_sys::List) -> *mut pg_sys::List {
    // SAFETY: as the caller promises.
    unsafe {
        let all = list::pointers::<pg_sys::TargetEntry>(targets);
        let mut sublinks: Vec<*mut pg_sys::SubLink> = Vec::new();
        let mut assignments = std::ptr::null_mut();
        for entry in all {
            if (*entry).resjunk {
                if (*(*entry).expr).type_ == NodeTag::T_SubLink {
                    sublinks.push((*entry).expr.cast());
                }
            } else {
                assignments = list::append(assignments, entry);
            }
        }
        if !sublinks.is_empty() {
            for entry in list::pointers::<pg_sys::TargetEntry>(assignments) {
                (*entry).expr = replace((*entry).expr.cast(), (&raw mut sublinks).cast()).cast();
            }
        }
        assignments
    }
}

/// `Param` of a subquery's column  ==>  the subquery with that column alone.
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn replace(node: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: Postgres walks valid trees; the context is the list of `single_assignments`.
    unsafe {
        if (*node).type_ == NodeTag::T_Param {
            let param = &*node.cast::<pg_sys::Param>();
            if param.paramkind == pg_sys::ParamKind::PARAM_MULTIEXPR {
                let (id, column) = (param.paramid >> 16, param.paramid & 0xFFFF);
                let sublinks = &*context.cast::<Vec<*mut pg_sys::SubLink>>();
                if let Some(sublink) = sublinks.iter().find(|sublink| (***sublink).subLinkId == id) {
                    return one_column(*sublink, column);
                }
            }
        }
        mutate(node, replace, context)
    }
}

/// The subquery with its `column`-th output (from 1) alone, as an expression.
///
/// # Safety
/// `sublink` is a MULTIEXPR one.
unsafe fn one_column(sublink: *mut pg_sys::SubLink, column: i32) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises; all nodes are copies or new.
    unsafe {
        let query = make::copy((*sublink).subselect).cast::<pg_sys::Query>();
        let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*query).targetList).collect();
        let wanted = entries.iter().find(|entry| i32::from((***entry).resno) == column);
        // What the subquery sorts or groups by stays, unseen.
        let rest = entries.iter().filter(|entry| {
            i32::from((***entry).resno) != column && ((***entry).ressortgroupref != 0 || (***entry).resjunk)
        });
        (*query).targetList =
            wanted.into_iter().chain(rest).zip(1..).fold(std::ptr::null_mut(), |targets, (entry, number)| {
                (**entry).resno = number;
                (**entry).resjunk = number > 1;
                list::append(targets, *entry)
            });
        let single = pg::new_node::<pg_sys::SubLink>(NodeTag::T_SubLink);
        (*single).subLinkType = pg_sys::SubLinkType::EXPR_SUBLINK;
        (*single).subselect = query.cast();
        (*single).location = -1;
        single.cast()
    }
}
