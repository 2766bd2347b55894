//! Walking queries and rewriting expression trees.

use std::ffi::c_void;

use pgrx::pg_sys;

/// What is asked of each query; true ends the walk.
type Test<'a> = dyn FnMut(*mut pg_sys::Query) -> bool + 'a;

/// True if `test` is, of `query` or of a query in it, however deep. The outer ones come first.
///
/// # Safety
/// `query` is valid, and `test` leaves it so.
pub(crate) unsafe fn any_query(query: *mut pg_sys::Query, mut test: &mut Test<'_>) -> bool {
    #[pgrx::pg_guard]
    unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
        if node.is_null() {
            return false;
        }
        // SAFETY: Postgres walks valid trees; the context is the test of `any_query`.
        unsafe {
            if (*node).type_ != pg_sys::NodeTag::T_Query {
                return pg_sys::expression_tree_walker(node, Some(visit), context);
            }
            (*context.cast::<&mut Test<'_>>())(node.cast())
                || pg_sys::query_tree_walker(node.cast(), Some(visit), context, 0)
        }
    }
    // SAFETY: as the caller promises; the test outlives the walk.
    unsafe { visit(query.cast(), (&raw mut test).cast()) }
}

/// What is called for each node: its replacement, or a call of [`mutate`] to go on below it.
pub(crate) type Mutator = unsafe extern "C-unwind" fn(*mut pg_sys::Node, *mut c_void) -> *mut pg_sys::Node;

/// A copy of `node` whose children are what `mutator` makes of them.
///
/// # Safety
/// `node` is null or a valid expression; `mutator` accepts any expression, null included, and
/// `context`.
pub(crate) unsafe fn mutate(
    node: *mut pg_sys::Node,
    mutator: Mutator,
    context: *mut c_void,
) -> *mut pg_sys::Node {
    // SAFETY: up to Postgres 15 the parameter is declared without arguments, in C's old style; the
    // function is called with both.
    unsafe {
        #[cfg(feature = "pg15")]
        let mutator =
            std::mem::transmute::<Mutator, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(mutator);
        #[cfg(feature = "pg15")]
        let mutate = pg_sys::expression_tree_mutator;
        #[cfg(not(feature = "pg15"))]
        let mutate = pg_sys::expression_tree_mutator_impl;
        mutate(node, Some(mutator), context)
    }
}

/// Replaces the expressions of a query in place; `flags` are the `QTW_*` of `nodeFuncs.h`.
///
/// # Safety
/// `query` is valid, `flags` say not to copy it; the rest as for [`mutate`].
pub(crate) unsafe fn mutate_query(
    query: *mut pg_sys::Query,
    mutator: Mutator,
    context: *mut c_void,
    flags: u32,
) {
    // SAFETY: as in `mutate`.
    unsafe {
        #[cfg(feature = "pg15")]
        let mutator =
            std::mem::transmute::<Mutator, unsafe extern "C-unwind" fn() -> *mut pg_sys::Node>(mutator);
        #[cfg(feature = "pg15")]
        let mutate = pg_sys::query_tree_mutator;
        #[cfg(not(feature = "pg15"))]
        let mutate = pg_sys::query_tree_mutator_impl;
        mutate(query, Some(mutator), context, flags.cast_signed());
    }
}
