//! COPY: from and to duckdb tables, and files in DuckDB's formats.

use std::ffi::c_char;

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::utility::{After, Decision, relation_of};
use super::{copy_file, planner, xact};
use crate::error::Result;
use crate::pg::{self, catalog, list};

/// What becomes of a COPY: Postgres' own business, or ours.
///
/// # Safety
/// A COPY, and the arguments of `ProcessUtility`.
pub(super) unsafe fn copy(
    statement: *mut pg_sys::PlannedStmt,
    query_string: *const c_char,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    completion: *mut pg_sys::QueryCompletion,
) -> Result<Decision> {
    let unchanged = Decision { after: After::Nothing, statement };
    // SAFETY: as the caller promises; the copy is ours to change.
    unsafe {
        let copy = (*statement).utilityStmt.cast::<pg_sys::CopyStmt>();
        if catalog::access_method().is_some()
            && let Some(file) = copy_file::file_of(&*copy)?
        {
            let rows = if (*copy).is_from {
                file.read(&*copy, query_string)?
            } else {
                file.write(&*copy, query_string, params, environment)?
            };
            if !completion.is_null() {
                (*completion).commandTag = pg_sys::CommandTag::CMDTAG_COPY;
                (*completion).nprocessed = rows;
            }
            return Ok(Decision { after: After::Done, statement });
        }
        let Some(relid) = relation_of((*copy).relation) else { return Ok(unchanged) };
        if !catalog::is_duckdb_table(relid) {
            if (*copy).is_from {
                xact::check_heap_write(relid)?;
            }
            return Ok(unchanged);
        }
        if (*copy).is_from {
            planner::check_role()?;
            return Ok(Decision { after: After::CopyFrom, statement });
        }
        let statement = pg_sys::copyObjectImpl(statement.cast()).cast::<pg_sys::PlannedStmt>();
        let copy = (*statement).utilityStmt.cast::<pg_sys::CopyStmt>();
        (*copy).query = select_of(&*copy);
        (*copy).relation = std::ptr::null_mut();
        (*copy).attlist = std::ptr::null_mut();
        Ok(Decision { after: After::Nothing, statement })
    }
}

/// `SELECT .. FROM t`, for `COPY t TO`: of the columns that Postgres copies, which are all but the
/// generated ones if none are named.
///
/// # Safety
/// A COPY of a relation; what is made shares its nodes. Main thread, in a transaction.
pub(super) unsafe fn select_of(copy: &pg_sys::CopyStmt) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises; fresh nodes in the current context. The relation stays locked.
    unsafe {
        let relation = pg_sys::table_openrv(copy.relation, pg_sys::AccessShareLock.cast_signed());
        let relid = (*relation).rd_id;
        let numbers = list::integers(pg_sys::CopyGetAttnums((*relation).rd_att, relation, copy.attlist));
        pg_sys::table_close(relation, pg_sys::NoLock.cast_signed());
        let mut targets = std::ptr::null_mut();
        for number in numbers {
            let number = i16::try_from(number).expect("attribute numbers fit");
            let name = pg_sys::makeString(pg_sys::get_attname(relid, number, false));
            targets = list::append(targets, column_target(name.cast()));
        }
        let select = pg::new_node::<pg_sys::SelectStmt>(NodeTag::T_SelectStmt);
        (*select).targetList = targets;
        (*select).fromClause = list::append(std::ptr::null_mut(), copy.relation);
        select.cast()
    }
}

/// A target list entry for one column (a String node).
unsafe fn column_target(field: *mut pg_sys::Node) -> *mut pg_sys::ResTarget {
    // SAFETY: fresh nodes in the current context.
    unsafe {
        let reference = pg::new_node::<pg_sys::ColumnRef>(NodeTag::T_ColumnRef);
        (*reference).fields = list::append(std::ptr::null_mut(), field);
        (*reference).location = -1;
        let target = pg::new_node::<pg_sys::ResTarget>(NodeTag::T_ResTarget);
        (*target).val = reference.cast();
        (*target).location = -1;
        target
    }
}
