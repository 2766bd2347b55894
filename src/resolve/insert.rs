//! `INSERT INTO t SELECT * FROM read_csv(..)`: one row in place of the columns.
//!
//! To the parser the row is the value of the first column, by an assignment cast that exists
//! for this. Here it becomes what it stands for: the file's columns, each for the next column
//! of the table.

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::column::Column;
use super::level::Resolver;
use crate::error::Result;
use crate::pg::{self, list};

/// A column of the table that is written.
struct Target {
    number: i16,
    name: String,
    type_oid: pg_sys::Oid,
    typmod: i32,
}

impl Resolver {
    /// Expands rows among the values of an INSERT.
    ///
    /// # Safety
    /// `query` is the INSERT of the innermost level, whose other expressions are rewritten.
    pub(super) unsafe fn expand_insert(&mut self, query: *mut pg_sys::Query) -> Result<()> {
        // SAFETY: as the caller promises; casts follow the tags.
        unsafe {
            let entries: Vec<*mut pg_sys::TargetEntry> = list::pointers((*query).targetList).collect();
            let Some(at) =
                entries.iter().position(|entry| self.row_of(below_casts((**entry).expr)).is_some())
            else {
                return Ok(());
            };
            let row = below_casts((*entries[at]).expr);
            let columns = self.row_of(row).map(<[Column]>::to_vec).unwrap_or_default();
            let relation = pg_sys::list_nth((*query).rtable, (*query).resultRelation - 1)
                .cast::<pg_sys::RangeTblEntry>();
            let targets = targets((*relation).relid, (*entries[at]).resno);
            if columns.len() > targets.len() || at + 1 != entries.len() {
                return Err(EngineError::new(
                    SqlState::SYNTAX_ERROR,
                    format!(
                        "INSERT has more expressions than target columns: the file has {} columns",
                        columns.len()
                    ),
                )
                .with_hint("Name the columns of the file: SELECT r['column'], ..")
                .into());
            }
            let mut list =
                entries[..at].iter().fold(std::ptr::null_mut(), |list, entry| list::append(list, *entry));
            for (column, target) in columns.iter().zip(targets) {
                list = list::append(list, self.assignment(row.cast(), column, &target)?);
                let member = i32::from(target.number) - pg_sys::FirstLowInvalidHeapAttributeNumber;
                let written = written_columns(query, relation);
                *written = pg_sys::bms_add_member(*written, member);
            }
            (*query).targetList = list;
            Ok(())
        }
    }

    /// The column as a value for `target`.
    unsafe fn assignment(
        &self,
        row: *mut pg_sys::Var,
        column: &Column,
        target: &Target,
    ) -> Result<*mut pg_sys::TargetEntry> {
        // SAFETY: a row variable of the INSERT.
        unsafe {
            let value = column.var((*row).varno, (*row).varlevelsup)?.cast::<pg_sys::Node>();
            let made = pg_sys::coerce_to_target_type(
                self.parse_state,
                value,
                column.type_oid,
                target.type_oid,
                target.typmod,
                pg_sys::CoercionContext::COERCION_ASSIGNMENT,
                pg_sys::CoercionForm::COERCE_IMPLICIT_CAST,
                -1,
            );
            if made.is_null() {
                let type_name = |type_oid| pg::owned_string(pg_sys::format_type_be(type_oid));
                return Err(EngineError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "column \"{}\" is of type {} but column \"{}\" of the file is of type {}",
                        target.name,
                        type_name(target.type_oid),
                        column.name,
                        type_name(column.type_oid)
                    ),
                )
                .with_hint("Name the columns of the file and cast them: SELECT r['column']::type, ..")
                .into());
            }
            pg_sys::assign_expr_collations(self.parse_state, made);
            Ok(pg_sys::makeTargetEntry(made.cast(), target.number, pg::palloc_string(&target.name), false))
        }
    }
}

/// The set of columns that the executor checks the right to insert for.
unsafe fn written_columns(
    query: *mut pg_sys::Query,
    relation: *mut pg_sys::RangeTblEntry,
) -> *mut *mut pg_sys::Bitmapset {
    // SAFETY: the target of a valid query.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            let _ = query;
            &raw mut (*relation).insertedCols
        }
        #[cfg(not(feature = "pg15"))]
        {
            &raw mut (*pg_sys::getRTEPermissionInfo((*query).rteperminfos, relation)).insertedCols
        }
    }
}

/// What the casts of an assignment are applied to.
///
/// # Safety
/// A valid expression.
pub(super) unsafe fn below_casts(expr: *mut pg_sys::Expr) -> *mut pg_sys::Node {
    use pg_sys::CoercionForm::COERCE_IMPLICIT_CAST;
    let mut node = expr.cast::<pg_sys::Node>();
    // SAFETY: as the caller promises; casts follow the tags.
    unsafe {
        loop {
            let (format, argument) = match (*node).type_ {
                pg_sys::NodeTag::T_CoerceViaIO => {
                    let cast = node.cast::<pg_sys::CoerceViaIO>();
                    ((*cast).coerceformat, (*cast).arg)
                }
                pg_sys::NodeTag::T_CoerceToDomain => {
                    let cast = node.cast::<pg_sys::CoerceToDomain>();
                    ((*cast).coercionformat, (*cast).arg)
                }
                pg_sys::NodeTag::T_RelabelType => {
                    let cast = node.cast::<pg_sys::RelabelType>();
                    ((*cast).relabelformat, (*cast).arg)
                }
                pg_sys::NodeTag::T_FuncExpr => {
                    let cast = node.cast::<pg_sys::FuncExpr>();
                    match list::pointers::<pg_sys::Expr>((*cast).args).next() {
                        Some(argument) => ((*cast).funcformat, argument),
                        None => return node,
                    }
                }
                _ => return node,
            };
            if format != COERCE_IMPLICIT_CAST {
                return node;
            }
            node = argument.cast();
        }
    }
}

/// The table's columns from attribute `first` on.
unsafe fn targets(relid: pg_sys::Oid, first: i16) -> Vec<Target> {
    // SAFETY: the parser holds a lock on the target; the descriptor is read while it is open.
    unsafe {
        let relation = pg_sys::relation_open(relid, pg_sys::NoLock.cast_signed());
        let descriptor = (*relation).rd_att;
        let targets = pg::attributes(descriptor)
            .iter()
            .filter(|attribute| !attribute.attisdropped && attribute.attnum >= first)
            .map(|attribute| Target {
                number: attribute.attnum,
                name: pg::owned_string(attribute.attname.data.as_ptr()),
                type_oid: attribute.atttypid,
                typmod: attribute.atttypmod,
            })
            .collect();
        pg_sys::relation_close(relation, pg_sys::NoLock.cast_signed());
        targets
    }
}
