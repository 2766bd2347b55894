//! What Postgres checks of a row before it looks whether its key is there already.

use pgrx::pg_sys;

use super::make;
use super::source::Target;
use crate::pg::{self, owned_string};
use crate::tables::definition::over_stored;

/// The number of the first NOT NULL or CHECK constraint that a proposed row violates, 0 for none,
/// as an expression over its columns in range-table entry `row`; and the errors, from number 1.
/// `None` for a table without such constraints.
///
/// # Safety
/// The statement has locked the target; the entry has its columns.
pub(super) unsafe fn violated(target: &Target, row: i32) -> Option<(*mut pg_sys::Node, Vec<String>)> {
    // SAFETY: as the caller promises; the descriptor is read while the relation is open.
    unsafe {
        let relation = pg_sys::relation_open(target.relid, pg_sys::NoLock.cast_signed());
        let descriptor = (*relation).rd_att;
        let table = owned_string((*(*relation).rd_rel).relname.data.as_ptr());
        let (mut branches, mut errors) = (Vec::new(), Vec::new());
        let mut add = |condition: *mut pg_sys::Node, error: String| {
            errors.push(error);
            let number = i32::try_from(errors.len()).expect("a relation has fewer constraints");
            branches.push((condition, make::integer(number)));
        };
        for attribute in pg::attributes(descriptor) {
            if attribute.attnotnull && !attribute.attisdropped {
                let column = owned_string(attribute.attname.data.as_ptr());
                let value = over_stored(target.var_of(1, attribute.attnum).cast(), descriptor);
                pg_sys::ChangeVarNodes(value, 1, row, 0);
                add(
                    make::is_null(value),
                    format!(
                        "[23502] null value in column \"{column}\" of relation \"{table}\" violates not-null constraint"
                    ),
                );
            }
        }
        if let Some(constraints) = (*descriptor).constr.as_ref() {
            for check in pg::slice(constraints.check, constraints.num_check) {
                let condition = over_stored(pg_sys::stringToNode(check.ccbin).cast(), descriptor);
                pg_sys::ChangeVarNodes(condition, 1, row, 0);
                add(
                    make::is_false(condition),
                    format!(
                        "[23514] new row for relation \"{table}\" violates check constraint \"{}\"",
                        owned_string(check.ccname)
                    ),
                );
            }
        }
        pg_sys::relation_close(relation, pg_sys::NoLock.cast_signed());
        (!branches.is_empty()).then(|| (make::case(&branches, make::integer(0)), errors))
    }
}
