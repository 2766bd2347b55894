//! Expressions that Postgres computes over the rows that DuckDB returns.
//!
//! DuckDB returns the columns they refer to, each once; the expressions get `INDEX_VAR`s of those.

use bridge_types::ColumnSpec;
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;
use std::ffi::c_void;

use super::{OutputColumn, Result, make, source, types, unsupported};
use crate::pg::{self, catalog, compat, tree::mutate};

/// The columns that expressions refer to.
#[derive(Default)]
pub(super) struct RawColumns {
    /// Each once, in the order of their places.
    pub(super) vars: Vec<*mut pg_sys::Var>,
    /// Columns of other origin that come before them.
    before: usize,
}

/// What [`map`] works with.
struct Mapping<'a> {
    columns: &'a mut RawColumns,
    /// The range table that Vars refer to.
    rtable: *mut pg_sys::List,
    /// Takes a Var's place, if it is no raw column.
    replace: &'a dyn Fn(&pg_sys::Var) -> Option<*mut pg_sys::Node>,
    refused: Option<&'static str>,
}

impl RawColumns {
    /// Columns that come behind `before` others.
    pub(super) fn after(before: usize) -> Self {
        Self { vars: Vec::new(), before }
    }

    /// A list of target entries over the raw columns. `replace` may give a Var another value.
    ///
    /// # Safety
    /// `targets` is a target list of an analysed query with this range table.
    ///
    /// # Errors
    /// `Unsupported` for what needs more than one row of columns.
    pub(super) unsafe fn targets(
        &mut self,
        targets: *mut pg_sys::List,
        rtable: *mut pg_sys::List,
        place: &'static str,
        replace: &dyn Fn(&pg_sys::Var) -> Option<*mut pg_sys::Node>,
    ) -> Result<*mut pg_sys::List> {
        // SAFETY: as the caller promises.
        unsafe {
            let folded = pg_sys::eval_const_expressions(std::ptr::null_mut(), targets.cast());
            // Folding leaves some to the end of planning, which does not come here.
            pg_sys::fix_opfuncids(folded);
            let mut mapping = Mapping { columns: self, rtable, replace, refused: None };
            let list = map(folded, (&raw mut mapping).cast());
            match mapping.refused {
                Some(what) => unsupported(
                    format!("{what} in {place}"),
                    "Postgres computes it from the columns of one row alone",
                ),
                None => Ok(list.cast()),
            }
        }
    }

    /// The columns as DuckDB returns them.
    pub(super) fn outputs(&self) -> Vec<OutputColumn> {
        let outputs = self.vars.iter().enumerate().map(|(i, var)| {
            // SAFETY: Vars of the analysed query.
            let var = unsafe { &**var };
            OutputColumn {
                spec: ColumnSpec { name: format!("c{i}"), pg_type: types::base(var.vartype, var.vartypmod) },
                type_oid: var.vartype,
                typmod: var.vartypmod,
                collation: var.varcollid,
            }
        });
        outputs.collect()
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn map(node: *mut pg_sys::Node, context: *mut c_void) -> *mut pg_sys::Node {
    if node.is_null() {
        return node;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Mapping` of `targets`.
    unsafe {
        let mapping = &mut *context.cast::<Mapping>();
        match (*node).type_ {
            NodeTag::T_Var => {
                let original = node.cast::<pg_sys::Var>();
                if let Some(value) = (mapping.replace)(&*original) {
                    return value;
                }
                if let Some(value) = table_oid(&*original, mapping.rtable) {
                    return value;
                }
                match (*original).varattno {
                    _ if source::is_rowid(&*original) => {}
                    0 => return map(whole_row(&*original, mapping.rtable), context),
                    ..0 => mapping.refused = Some("a system column"),
                    _ => {}
                }
                let vars = &mut mapping.columns.vars;
                let known = vars
                    .iter()
                    .position(|var| pg_sys::equal(var.cast_const().cast(), original.cast_const().cast()));
                let position = known.unwrap_or_else(|| {
                    vars.push(original);
                    vars.len() - 1
                });
                index_var(&*original, mapping.columns.before + position + 1)
            }
            NodeTag::T_SubLink => {
                mapping.refused = Some("a subquery");
                node
            }
            NodeTag::T_Aggref | NodeTag::T_WindowFunc | NodeTag::T_GroupingFunc => {
                mapping.refused = Some("an aggregate");
                node
            }
            _ => mutate(node, map, context),
        }
    }
}

/// A reference to the `number`-th column (from 1) of the scan's rows, of the type of `var`.
pub(super) fn index_var(var: &pg_sys::Var, number: usize) -> *mut pg_sys::Node {
    // SAFETY: a copy of a valid node.
    unsafe {
        let copy = pg_sys::copyObjectImpl(std::ptr::from_ref(var).cast()).cast::<pg_sys::Var>();
        (*copy).varno = pg_sys::INDEX_VAR as _;
        (*copy).varattno = i16::try_from(number).expect("a target list is shorter");
        (*copy).varnosyn = 0;
        (*copy).varattnosyn = 0;
        copy.cast()
    }
}

/// A whole row as a row of its columns.
///
/// # Safety
/// `var` refers to an entry of `rtable`.
unsafe fn whole_row(var: &pg_sys::Var, rtable: *mut pg_sys::List) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises; dropped columns come as constants.
    unsafe {
        let entry = pg_sys::list_nth(rtable, var.varno - 1).cast::<pg_sys::RangeTblEntry>();
        let (mut names, mut columns) = (std::ptr::null_mut(), std::ptr::null_mut());
        compat::expand_entry(entry, var.varno, &raw mut names, &raw mut columns);
        let row = pg::new_node::<pg_sys::RowExpr>(NodeTag::T_RowExpr);
        (*row).args = columns;
        (*row).row_typeid = var.vartype;
        (*row).row_format = pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
        (*row).colnames = names;
        (*row).location = -1;
        row.cast()
    }
}

/// The value of `tableoid` of a duckdb table, if that is what the Var is.
///
/// # Safety
/// `var` refers to an entry of `rtable`.
unsafe fn table_oid(var: &pg_sys::Var, rtable: *mut pg_sys::List) -> Option<*mut pg_sys::Node> {
    // SAFETY: as the caller promises.
    unsafe {
        if i32::from(var.varattno) != pg_sys::TableOidAttributeNumber || var.varlevelsup > 0 {
            return None;
        }
        let entry = &*pg_sys::list_nth(rtable, var.varno - 1).cast::<pg_sys::RangeTblEntry>();
        (entry.rtekind == pg_sys::RTEKind::RTE_RELATION && catalog::is_duckdb_table(entry.relid))
            .then(|| make::oid(entry.relid))
    }
}
