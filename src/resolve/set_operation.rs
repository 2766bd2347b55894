//! UNION and its like over files: the types of their columns, chosen again.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::clauses::SortOperators;
use super::column::{Column, oid_list, output_columns};
use super::level::{Meaning, Meanings, Resolver};
use crate::error::Result;
use crate::pg::{self, list};

/// One output of a branch.
struct Output {
    column: Column,
    /// What Postgres chooses the common type by: the expression, or a stand-in of its type.
    expr: *mut pg_sys::Node,
    /// Where the expression is, if it is a literal whose type is still to be found.
    literal: Option<*mut pg_sys::TargetEntry>,
}

impl Resolver {
    /// Gives a tree of set operations the types of its branches; returns its columns.
    ///
    /// # Safety
    /// `node` is the tree of `query`, whose subqueries have been resolved.
    pub(super) unsafe fn set_operation(
        &mut self,
        query: *mut pg_sys::Query,
        node: *mut pg_sys::Node,
    ) -> Result<Vec<Column>> {
        // SAFETY: as the caller promises.
        unsafe { Ok(self.outputs(query, node)?.into_iter().map(|output| output.column).collect()) }
    }

    unsafe fn outputs(&mut self, query: *mut pg_sys::Query, node: *mut pg_sys::Node) -> Result<Vec<Output>> {
        // SAFETY: a tree of set operations of a valid query.
        unsafe {
            if (*node).type_ == pg_sys::NodeTag::T_RangeTblRef {
                let entry =
                    pg_sys::list_nth((*query).rtable, (*node.cast::<pg_sys::RangeTblRef>()).rtindex - 1)
                        .cast::<pg_sys::RangeTblEntry>();
                return Ok(self.branch((*entry).subquery));
            }
            let operation = node.cast::<pg_sys::SetOperationStmt>();
            let left = self.outputs(query, (*operation).larg)?;
            let right = self.outputs(query, (*operation).rarg)?;
            if left.len() != right.len() {
                return Err(EngineError::new(
                    SqlState::SYNTAX_ERROR,
                    format!(
                        "the branches of a set operation over files have {} and {} columns",
                        left.len(),
                        right.len()
                    ),
                )
                .with_hint("Name the columns: SELECT r['column'], ..")
                .into());
            }
            let columns: Vec<Column> =
                left.iter().zip(&right).map(|(left, right)| self.common_column(left, right)).collect();
            let known = list::oids((*operation).colTypes);
            if !columns.iter().map(|column| column.type_oid).eq(known) {
                self.declare_columns(operation, &columns);
            }
            Ok(columns.into_iter().map(Output::stand_in).collect())
        }
    }

    /// The outputs of a subquery, literals of no type untyped.
    unsafe fn branch(&self, subquery: *mut pg_sys::Query) -> Vec<Output> {
        // SAFETY: a resolved subquery.
        unsafe {
            let targets = list::pointers::<pg_sys::TargetEntry>((*subquery).targetList)
                .filter(|target| !(**target).resjunk);
            output_columns(subquery)
                .into_iter()
                .zip(targets)
                .map(|(column, target)| {
                    let expr = self.untyped((*target).expr.cast());
                    let literal = (expr != (*target).expr.cast()).then_some(target);
                    Output { column, expr, literal }
                })
                .collect()
        }
    }

    /// The type that two outputs have in common; literals get it.
    unsafe fn common_column(&self, left: &Output, right: &Output) -> Column {
        // SAFETY: valid expressions; Postgres raises its own error if there is no such type.
        unsafe {
            let both = list::append(list::append(std::ptr::null_mut(), left.expr), right.expr);
            let context = c"UNION".as_ptr();
            let type_oid = pg_sys::select_common_type(self.parse_state, both, context, std::ptr::null_mut());
            for output in [left, right] {
                if let Some(target) = output.literal {
                    (*target).expr =
                        pg_sys::coerce_to_common_type(self.parse_state, output.expr, type_oid, context)
                            .cast();
                }
            }
            let alike =
                left.column.type_oid == right.column.type_oid && left.column.typmod == right.column.typmod;
            Column {
                type_oid,
                typmod: if alike { left.column.typmod } else { -1 },
                collation: pg_sys::get_typcollation(type_oid),
                ..left.column.clone()
            }
        }
    }

    unsafe fn declare_columns(&self, operation: *mut pg_sys::SetOperationStmt, columns: &[Column]) {
        // SAFETY: a valid set operation.
        unsafe {
            (*operation).colTypes = oid_list(columns.iter().map(|column| column.type_oid));
            (*operation).colTypmods = list::from_integers(columns.iter().map(|column| column.typmod));
            (*operation).colCollations = oid_list(columns.iter().map(|column| column.collation));
            if (*operation).groupClauses.is_null() {
                return;
            }
            (*operation).groupClauses = columns.iter().fold(std::ptr::null_mut(), |clauses, column| {
                let operators = SortOperators::of(column.type_oid, false);
                let clause =
                    pg_sys::palloc0(size_of::<pg_sys::SortGroupClause>()).cast::<pg_sys::SortGroupClause>();
                (*clause).type_ = pg_sys::NodeTag::T_SortGroupClause;
                (*clause).eqop = operators.equal;
                (*clause).sortop = operators.less;
                (*clause).hashable = operators.hashable;
                list::append(clauses, clause)
            });
        }
    }
}

impl Output {
    /// A nested operation's column, as Postgres represents it while it chooses types.
    fn stand_in(column: Column) -> Self {
        // SAFETY: a zeroed node with its tag and type.
        let expr = unsafe {
            let node = pg_sys::palloc0(size_of::<pg_sys::SetToDefault>()).cast::<pg_sys::SetToDefault>();
            (*node).xpr.type_ = pg_sys::NodeTag::T_SetToDefault;
            ((*node).typeId, (*node).typeMod) = (column.type_oid, column.typmod);
            (*node).collation = column.collation;
            (*node).location = -1;
            node.cast()
        };
        Self { column, expr, literal: None }
    }
}

/// Gives the outputs of a query over set operations the names of the first branch and the
/// types of the operation.
///
/// # Safety
/// A query whose target list has been expanded.
pub(super) unsafe fn take_columns(query: *mut pg_sys::Query, columns: &[Column], meanings: &mut Meanings) {
    // SAFETY: as the caller promises; such a target is a variable of the first branch.
    unsafe {
        let targets =
            list::pointers::<pg_sys::TargetEntry>((*query).targetList).filter(|entry| !(**entry).resjunk);
        for (entry, column) in targets.zip(columns) {
            (*entry).resname = pg::palloc_string(&column.name);
            let expr = (*entry).expr.cast::<pg_sys::Node>();
            if (*expr).type_ == pg_sys::NodeTag::T_Var {
                let var = expr.cast::<pg_sys::Var>();
                ((*var).vartype, (*var).vartypmod, (*var).varcollid) =
                    (column.type_oid, column.typmod, column.collation);
            }
        }
    }
    let outputs = meanings.values_mut().flat_map(|meaning| match meaning {
        Meaning::One(column) => std::slice::from_mut(column),
        Meaning::Row(columns) => columns.as_mut_slice(),
    });
    for output in outputs {
        let index = usize::try_from(output.attno).ok().and_then(|attno| attno.checked_sub(1));
        if let Some(column) = index.and_then(|index| columns.get(index)) {
            (output.type_oid, output.typmod, output.collation) =
                (column.type_oid, column.typmod, column.collation);
            output.name.clone_from(&column.name);
        }
    }
}
