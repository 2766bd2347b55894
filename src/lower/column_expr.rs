//! Expressions that belong to a table's definition: CHECK constraints and generated columns.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::{rules, writer};
use bridge_types::PgType;
use pgrx::pg_sys;

use super::scope::{Lowerer, Scope};
use super::{LowerOptions, Result, types, unsupported};
use crate::pg::{self, list};

/// An expression over the columns of one duckdb table as DuckDB SQL, whose columns are named
/// without the table; the result has the carrier that DuckDB stores for `pg_type`.
///
/// # Safety
/// `node` is an expression of the catalogs over relation `relid`, whose Vars have varno 1.
///
/// # Errors
/// `Unsupported` for what DuckDB must not run, and for values that are not the same in every
/// session and at every time.
pub(crate) unsafe fn lower_column_expression(
    relid: pg_sys::Oid,
    node: *mut pg_sys::Node,
    pg_type: PgType,
) -> Result<String> {
    // SAFETY: as the caller promises; fresh nodes in the current memory context.
    unsafe {
        let query = pg::new_node::<pg_sys::Query>(pg_sys::NodeTag::T_Query);
        (*query).commandType = pg_sys::CmdType::CMD_SELECT;
        let entry = pg::new_node::<pg_sys::RangeTblEntry>(pg_sys::NodeTag::T_RangeTblEntry);
        (*entry).rtekind = pg_sys::RTEKind::RTE_RELATION;
        (*entry).relid = relid;
        (*entry).relkind = pg_sys::RELKIND_RELATION.cast_signed();
        (*entry).rellockmode = pg_sys::AccessShareLock.cast_signed();
        let relation = pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed());
        let columns = usize::try_from((*(*relation).rd_att).natts).unwrap_or(0);
        pg_sys::relation_close(relation, pg_sys::NoLock.cast_signed());
        let names = (0..columns).fold(std::ptr::null_mut(), |names, _| {
            list::append(names, pg_sys::makeString(pg::palloc_string("")))
        });
        (*entry).eref = pg_sys::makeAlias(c"definition".as_ptr(), names);
        (*query).rtable = list::append(std::ptr::null_mut(), entry);

        let mut lowerer = Lowerer::new(LowerOptions::current());
        lowerer.scopes.push(Scope::new(query));
        let table = lowerer.entry(1)?;
        let value = Typed::new(lowerer.folded(node)?, types::duck(types::of_node(node))?);
        if lowerer.plan_time_values || !lowerer.params.is_empty() || !lowerer.feeds.is_empty() {
            return unsupported("a value that depends on the session", "DuckDB would keep today's value");
        }
        let plan = rules::apply_stored(build::project(table, vec![value])?, &[pg_type])?;
        Ok(writer::write_column_expression(&plan)?)
    }
}
