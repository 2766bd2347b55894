//! `INSERT INTO <duckdb table> SELECT ..` and `.. VALUES ..`.

use bridge_plan::build;
use bridge_plan::duck::Typed;
use bridge_plan::explain::explain;
use bridge_plan::{functions, rules, writer};
use bridge_types::PgType;
use bridge_types::names::{BRIDGE_SCAN, quote_identifier};
use datafusion_expr::Expr;
use pgrx::pg_sys;

use super::feed::feed_of;
use super::scope::Lowerer;
use super::{Feed, LowerError, LowerOptions, LoweredQuery, Result, types, unsupported};
use crate::hooks::planner;
use crate::pg::{list, owned_string};
use crate::tables::table;

/// Lowers an INSERT into a duckdb table to one DuckDB INSERT.
///
/// A source that touches no duckdb table and no DuckDB function is computed by Postgres and fed
/// as a whole, so that every expression Postgres has can fill a duckdb table.
///
/// # Safety
/// `query` is an analysed and rewritten INSERT whose target is a duckdb table.
///
/// # Errors
/// `Unsupported` for ON CONFLICT, RETURNING and sources that DuckDB must not run.
pub(crate) unsafe fn lower_insert(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        if !(*query).onConflict.is_null() {
            return unsupported("INSERT .. ON CONFLICT", "duckdb tables have no unique constraints");
        }
        if !(*query).returningList.is_null() {
            return unsupported("INSERT .. RETURNING", "an INSERT into a duckdb table sends no rows back");
        }
        if !(*query).withCheckOptions.is_null() {
            return unsupported(
                "INSERT through a view WITH CHECK OPTION or a row-level security policy",
                "the check is a Postgres expression; insert into the table itself",
            );
        }
        if (*query).hasModifyingCTE {
            return unsupported("a data-modifying WITH", "DuckDB queries only read");
        }
        let entry =
            pg_sys::list_nth((*query).rtable, (*query).resultRelation - 1).cast::<pg_sys::RangeTblEntry>();
        let relid = (*entry).relid;
        let table = table::of_relation(relid).map_err(|error| LowerError::Engine(*error.0))?;
        let mut columns = Vec::new();
        for target in list::pointers::<pg_sys::TargetEntry>((*query).targetList) {
            if !(*target).resjunk {
                columns.push(quote_identifier(&owned_string(pg_sys::get_attname(
                    relid,
                    (*target).resno,
                    false,
                ))));
            }
        }
        let source = if columns.is_empty() { None } else { Some(source(query, options)?) };
        let into = format!("INSERT INTO {}", table.qualified());
        Ok(match source {
            None => LoweredQuery {
                sql: format!("{into} DEFAULT VALUES"),
                plan: format!("Insert: {}", table.qualified()),
                columns: Vec::new(),
                feeds: Vec::new(),
                params: Vec::new(),
                limited: false,
                plan_time_values: false,
            },
            Some(source) => LoweredQuery {
                sql: format!("{into} ({}) {}", columns.join(", "), source.sql),
                plan: format!("Insert: {}\n  {}", table.qualified(), source.plan.replace('\n', "\n  ")),
                columns: Vec::new(),
                ..source
            },
        })
    }
}

/// The rows to insert: the INSERT's own target list over its FROM, as a SELECT.
///
/// # Safety
/// As [`lower_insert`].
unsafe fn source(query: *mut pg_sys::Query, options: &LowerOptions) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises; the copy is a SELECT over the same range table, where the
    // target relation is no longer referred to.
    unsafe {
        let select = pg_sys::copyObjectImpl(query.cast()).cast::<pg_sys::Query>();
        (*select).commandType = pg_sys::CmdType::CMD_SELECT;
        (*select).resultRelation = 0;
        (*select).override_ = pg_sys::OverridingKind::OVERRIDING_NOT_SET;
        (*select).constraintDeps = std::ptr::null_mut();
        let target =
            pg_sys::list_nth((*select).rtable, (*query).resultRelation - 1).cast::<pg_sys::RangeTblEntry>();
        neutralise(target);
        number_targets(select);

        let found = planner::touches(select);
        if !(found.duckdb_table || found.duckdb_function) {
            return Ok(fed(feed_of(select)));
        }
        check_targets(select)?;
        let declared: Vec<PgType> =
            super::output_columns(select).iter().map(|column| column.spec.pg_type).collect();
        let mut lowerer = Lowerer::new(*options);
        let plan = lowerer.query(select)?;
        let plan = rules::apply(plan, &declared)?;
        // Numerics may come with any scale; the column has one.
        let have = build::types_of(&plan).unwrap_or_default();
        let targets = have
            .into_iter()
            .zip(&declared)
            .enumerate()
            .map(|(i, (ty, pg))| {
                let column = Expr::Column(build::unqualified(&build::column_name(i)));
                Ok(functions::to_declared(Typed::new(column, ty), *pg)?)
            })
            .collect::<Result<Vec<_>>>()?;
        let plan = build::project(plan, targets)?;
        Ok(LoweredQuery {
            sql: writer::write(&plan)?,
            plan: explain(&plan),
            columns: Vec::new(),
            feeds: lowerer.finish_feeds(&plan),
            params: lowerer.params,
            limited: false,
            plan_time_values: lowerer.plan_time_values,
        })
    }
}

/// Refuses values that only Postgres can give, such as the next one of a sequence, which a
/// default puts where the user wrote nothing.
///
/// # Safety
/// `select` is an analysed SELECT whose outputs are named after the columns they fill.
unsafe fn check_targets(select: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        for target in list::pointers::<pg_sys::TargetEntry>((*select).targetList) {
            if (*target).resjunk || !pg_sys::contain_volatile_functions((*target).expr.cast()) {
                continue;
            }
            return unsupported(
                format!("the volatile value or default of column \"{}\"", owned_string((*target).resname)),
                "the rows come from DuckDB, which has no sequences of Postgres; select into a heap table first \
                 and insert from there",
            );
        }
        Ok(())
    }
}

/// Rows that Postgres computes, as they are.
fn fed(feed: Feed) -> LoweredQuery {
    let columns: Vec<String> =
        (0..feed.columns.len()).map(|i| quote_identifier(&build::column_name(i))).collect();
    let columns = columns.join(", ");
    LoweredQuery {
        sql: format!("SELECT {columns} FROM {BRIDGE_SCAN}(0) AS \"r1\"({columns})"),
        plan: "rows computed by Postgres".to_owned(),
        columns: Vec::new(),
        feeds: vec![feed],
        params: Vec::new(),
        limited: false,
        plan_time_values: false,
    }
}

/// Makes the target's range-table entry a relation of no rows' worth: nothing refers to it, and
/// as a relation it would have the source planned as if it read a duckdb table.
///
/// # Safety
/// `entry` is a private copy.
unsafe fn neutralise(entry: *mut pg_sys::RangeTblEntry) {
    // SAFETY: as the caller promises.
    unsafe {
        (*entry).rtekind = pg_sys::RTEKind::RTE_RESULT;
        (*entry).relid = pg_sys::InvalidOid;
        (*entry).relkind = 0;
        (*entry).inh = false;
        (*entry).securityQuals = std::ptr::null_mut();
        #[cfg(any(feature = "pg14", feature = "pg15"))]
        {
            (*entry).requiredPerms = 0;
        }
        #[cfg(not(any(feature = "pg14", feature = "pg15")))]
        {
            (*entry).perminfoindex = 0;
        }
    }
}

/// A SELECT's targets are numbered from 1 without gaps.
///
/// # Safety
/// `select` is a private copy.
unsafe fn number_targets(select: *mut pg_sys::Query) {
    // SAFETY: as the caller promises.
    unsafe {
        for (i, target) in list::pointers::<pg_sys::TargetEntry>((*select).targetList).enumerate() {
            (*target).resno = i16::try_from(i + 1).expect("a relation has at most 1600 columns");
            let ty = types::of_node((*target).expr.cast());
            debug_assert_ne!(ty.oid, 0, "analysed expressions have types");
        }
    }
}
