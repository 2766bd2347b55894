//! Expressions that belong to a table's definition: CHECK constraints and generated columns.

use bridge_plan::DuckType;
use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::nodes::Relation;
use bridge_plan::{rules, writer};
use bridge_types::PgType;
use pgrx::pg_sys;

use super::scope::{Entry, Lowerer, Scope};
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
        (*query).rtable = list::append(std::ptr::null_mut(), entry);

        let mut lowerer = Lowerer::new(LowerOptions::default());
        lowerer.scopes.push(Scope::new(query));
        let (names, columns) = columns(relid);
        lowerer.scope().entries[0] = Entry::Columns { alias: ALIAS.to_owned(), names };
        let table = [String::new(), String::new(), String::new()];
        let table = Relation::plan(table, ALIAS, &columns)?;
        let value = Typed::new(lowerer.folded(node)?, types::duck(types::of_node(node))?);
        if lowerer.plan_time_values || !lowerer.params.is_empty() || !lowerer.feeds.is_empty() {
            return unsupported("a value that depends on the session", "DuckDB would keep today's value");
        }
        let plan = rules::apply_stored(build::project(table, vec![value])?, &[pg_type])?;
        Ok(writer::write_column_expression(&plan)?)
    }
}

/// Names the table in the plan; not in the text.
const ALIAS: &str = "definition";

/// The columns of a table, by attribute number - 1 (`None` if DuckDB cannot have it), and those
/// that expressions can refer to.
///
/// # Safety
/// Relation `relid` is locked.
unsafe fn columns(relid: pg_sys::Oid) -> (Vec<Option<String>>, Vec<(String, DuckType)>) {
    // SAFETY: as the caller promises; the descriptor is read while the relation is open.
    unsafe {
        let relation = pg_sys::relation_open(relid, pg_sys::AccessShareLock.cast_signed());
        let descriptor = (*relation).rd_att;
        let columns: Vec<_> = pg::attributes(descriptor)
            .iter()
            .map(|attribute| {
                if attribute.attisdropped {
                    return None;
                }
                let base = types::base(attribute.atttypid, attribute.atttypmod);
                let ty = DuckType::for_pg(base).ok()?;
                Some((pg::owned_string(attribute.attname.data.as_ptr()), ty))
            })
            .collect();
        pg_sys::relation_close(relation, pg_sys::NoLock.cast_signed());
        let names = columns.iter().map(|column| Some(column.as_ref()?.0.clone())).collect();
        (names, columns.into_iter().flatten().collect())
    }
}
