//! `CREATE TABLE .. USING duckdb AS`, and SELECT INTO when duckdb is the default.
//!
//! Three steps: learn the columns, have Postgres create the table by an ordinary CREATE TABLE
//! (so that event triggers, privileges and dependencies are its own), and run one DuckDB
//! `INSERT INTO t <query>` through the scan node like any other statement. A query that
//! touches DuckDB runs there as a whole; any other is planned by Postgres and fed.

use std::ffi::c_char;

use bridge_plan::DuckType;
use bridge_types::names::BRIDGE_SCAN;
use bridge_types::{ColumnSpec, EngineError, PgType, SqlState, oid};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::ddl::unsupported;
use super::table;
use crate::engine::feed;
use crate::engine::session::{self, DuckSql, Instance};
use crate::error::{Error, Result};
use crate::hooks::planner;
use crate::lower::{self, Feed, LowerError, LowerOptions, LoweredQuery, OutputColumn};
use crate::pg::{compat, list, owned_string, palloc_string};
use crate::{gucs, scan};

/// Rows a feed is assumed to have while its columns are being learnt.
const ASSUMED_ROWS: f64 = 1000.0;
/// What [`run`] does: as far as it knows, parallel workers may help.
const RUN_ONCE: i32 = pg_sys::CURSOR_OPT_PARALLEL_OK.cast_signed();

/// Executes the statement.
///
/// # Safety
/// The arguments of `ProcessUtility`; the statement's query is analysed, not rewritten.
pub(crate) unsafe fn execute(
    statement: &pg_sys::CreateTableAsStmt,
    query_string: *const c_char,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    completion: *mut pg_sys::QueryCompletion,
) -> Result<()> {
    // SAFETY: as the caller promises; everything is built in the statement's memory context.
    unsafe {
        let into = &*statement.into;
        if statement.if_not_exists && exists(into.rel) {
            return Ok(());
        }
        let query = rewritten(statement.query)?;
        let temporary = (*into.rel).relpersistence.cast_unsigned() == pg_sys::RELPERSISTENCE_TEMP;
        let mut source = lower_source(query, table::instance_of_new(temporary))?;
        let names: Vec<String> = list::pointers::<pg_sys::Node>(into.colNames)
            .map(|name| owned_string(string_value(name)))
            .collect();
        name_columns(&mut source.columns, &names)?;
        settle_numerics(&mut source, query_string)?;
        let relid = create_table(into, &source.columns, query_string, environment)?;
        let mut rows = 0;
        if !into.skipData {
            let target = table::of_relation(relid)?;
            target.begin_write()?;
            source.sql = format!("INSERT INTO {} {}", target.qualified(), source.sql);
            source.columns.clear();
            let command = pg_sys::CmdType::CMD_INSERT;
            rows = run(query, command, query_string, source, params, environment)?;
        }
        if !completion.is_null() && !into.skipData {
            (*completion).commandTag = pg_sys::CommandTag::CMDTAG_SELECT;
            (*completion).nprocessed = rows;
        }
        Ok(())
    }
}

/// IF NOT EXISTS: says so and is done, as Postgres does.
unsafe fn exists(range: *mut pg_sys::RangeVar) -> bool {
    // SAFETY: a name in a valid statement.
    unsafe {
        let schema = pg_sys::RangeVarGetCreationNamespace(range);
        let name = (*range).relname;
        let exists = pg_sys::get_relname_relid(name, schema) != pg_sys::InvalidOid;
        if exists {
            pgrx::ereport!(
                NOTICE,
                pgrx::PgSqlErrorCode::ERRCODE_DUPLICATE_TABLE,
                format!("relation \"{}\" already exists, skipping", owned_string(name))
            );
        }
        exists
    }
}

/// The source query after the rewriter (views, rules, row security).
pub(crate) unsafe fn rewritten(query: *mut pg_sys::Node) -> Result<*mut pg_sys::Query> {
    // SAFETY: an analysed query; the rewriter may scribble on its argument, hence the copy.
    unsafe {
        let query = query.cast::<pg_sys::Query>();
        if (*query).commandType == pg_sys::CmdType::CMD_UTILITY {
            return Err(unsupported("CREATE TABLE AS EXECUTE is not supported", "Write the query out."));
        }
        let copy = pg_sys::copyObjectImpl(query.cast()).cast::<pg_sys::Query>();
        let mut rewritten = list::pointers::<pg_sys::Query>(pg_sys::QueryRewrite(copy));
        match (rewritten.next(), rewritten.next()) {
            (Some(only), None) => Ok(only),
            _ => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "unexpected rewrite result for CREATE TABLE AS",
            )),
        }
    }
}

/// The query as DuckDB SQL: itself, or rows that Postgres computes.
unsafe fn lower_source(query: *mut pg_sys::Query, instance: Instance) -> Result<LoweredQuery> {
    // SAFETY: an analysed and rewritten query.
    unsafe {
        let found = planner::touches(query);
        let mandatory = found.duckdb_table || found.duckdb_function;
        let forced = gucs::execution() == gucs::Execution::Force && found.heap_table && !found.catalog;
        if mandatory || forced {
            match lower::lower_query(
                query,
                &LowerOptions { instance: Some(instance), ..LowerOptions::default() },
            ) {
                // Postgres finishes what DuckDB must not run, before the rows are written; of forced
                // execution, which is a wish, nothing is left.
                Err(LowerError::Unsupported(_)) => {}
                lowered => return Ok(lowered?),
            }
        }
        Ok(computed(query, mandatory, instance))
    }
}

/// The query of COPY TO as DuckDB SQL without parameters, which DuckDB's COPY does not take.
///
/// # Safety
/// `query` is an analysed and rewritten SELECT.
pub(crate) unsafe fn lower_for_copy(query: *mut pg_sys::Query) -> Result<LoweredQuery> {
    // SAFETY: as the caller promises.
    unsafe {
        let source = lower_source(query, Instance::Main)?;
        if source.params.is_empty() {
            return Ok(source);
        }
        let found = planner::touches(query);
        Ok(computed(query, found.duckdb_table || found.duckdb_function, Instance::Main))
    }
}

/// Rows that Postgres computes; `first`: before DuckDB begins, because DuckDB computes a part.
///
/// # Safety
/// `query` is an analysed and rewritten SELECT.
unsafe fn computed(query: *mut pg_sys::Query, first: bool, instance: Instance) -> LoweredQuery {
    // SAFETY: as the caller promises.
    unsafe {
        let columns: Vec<OutputColumn> = list::pointers::<pg_sys::TargetEntry>((*query).targetList)
            .filter(|entry| !(**entry).resjunk)
            .map(|entry| output_column(&*entry))
            .collect();
        // DuckDB wants the names of a scan to differ, without regard to case.
        let named = (0_u32..).zip(&columns);
        let specs = named
            .map(|(i, column)| ColumnSpec { name: format!("c{i}"), pg_type: column.spec.pg_type })
            .collect();
        // Planning a query rewrites it in place, and the original is still needed.
        let query = pg_sys::copyObjectImpl(query.cast()).cast();
        LoweredQuery {
            sql: format!("SELECT * FROM {BRIDGE_SCAN}(0)"),
            plan: "rows computed by Postgres".to_owned(),
            columns,
            targets: std::ptr::null_mut(),
            returns_feed: false,
            feeds: vec![Feed { query, columns: specs, first, keys: None }],
            params: Vec::new(),
            limited: false,
            plan_time_values: false,
            short_decimals: false,
            instance,
            remote_scans: Vec::new(),
        }
    }
}

unsafe fn output_column(entry: &pg_sys::TargetEntry) -> OutputColumn {
    // SAFETY: an analysed expression; a domain is fed as its base type.
    unsafe {
        let expression = entry.expr.cast::<pg_sys::Node>();
        let type_oid = pg_sys::exprType(expression);
        let typmod = pg_sys::exprTypmod(expression);
        let mut base_typmod = typmod;
        let base = pg_sys::getBaseTypeAndTypmod(type_oid, &raw mut base_typmod);
        OutputColumn {
            spec: ColumnSpec {
                name: owned_string(entry.resname),
                pg_type: PgType { oid: base.to_u32(), typmod: base_typmod },
            },
            type_oid,
            typmod,
            collation: pg_sys::exprCollation(expression),
        }
    }
}

/// Applies the statement's own column names, which may be fewer.
fn name_columns(columns: &mut [OutputColumn], names: &[String]) -> Result<()> {
    if names.len() > columns.len() {
        return Err(Error::new(SqlState::SYNTAX_ERROR, "too many column names were specified"));
    }
    for (column, name) in columns.iter_mut().zip(names) {
        column.spec.name.clone_from(name);
    }
    Ok(())
}

/// Gives every numeric without a precision the one DuckDB computes it with.
unsafe fn settle_numerics(source: &mut LoweredQuery, query_string: *const c_char) -> Result<()> {
    let open =
        |column: &OutputColumn| column.spec.pg_type.oid == oid::NUMERIC && column.spec.pg_type.typmod < 0;
    if !source.columns.iter().any(open) {
        return Ok(());
    }
    let specs = source
        .feeds
        .iter()
        .map(|feed| feed::spec(&feed.columns, ASSUMED_ROWS, 0))
        .collect::<Result<Vec<_>>>()?;
    // SAFETY: a C string from Postgres.
    let query_text = unsafe { owned_string(query_string) };
    let sql = DuckSql { instance: source.instance, sql: &source.sql, remote_scans: &source.remote_scans };
    let statement = session::prepare(sql, &query_text, &specs)?;
    for (column, type_name) in source.columns.iter_mut().zip(&statement.prepared.type_names) {
        if !open(column) {
            continue;
        }
        let Some((precision, scale)) = decimal(type_name) else {
            return Err(EngineError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("column \"{}\" is a numeric whose digits DuckDB cannot bound", column.spec.name),
            )
            .with_hint("Cast the expression to a numeric with a precision of at most 38 digits and a scale, or to double precision.")
            .into());
        };
        column.spec.pg_type = PgType::numeric(precision, scale);
        if column.type_oid == pg_sys::NUMERICOID {
            column.typmod = column.spec.pg_type.typmod;
        }
    }
    Ok(())
}

/// Precision and scale of a DuckDB type that a numeric column can take over.
fn decimal(type_name: &str) -> Option<(u8, u8)> {
    if type_name == "HUGEINT" {
        return DuckType::HugeInt.decimal();
    }
    let (precision, scale) = type_name.strip_prefix("DECIMAL(")?.strip_suffix(')')?.split_once(',')?;
    Some((precision.trim().parse().ok()?, scale.trim().parse().ok()?))
}

/// Runs `CREATE TABLE .. USING duckdb` as a statement of its own; the utility hook does the rest.
unsafe fn create_table(
    into: &pg_sys::IntoClause,
    columns: &[OutputColumn],
    query_string: *const c_char,
    environment: *mut pg_sys::QueryEnvironment,
) -> Result<pg_sys::Oid> {
    // SAFETY: fresh nodes in the statement's context, and names of a valid statement.
    unsafe {
        let mut definitions = std::ptr::null_mut();
        for column in columns {
            let definition = pg_sys::makeColumnDef(
                palloc_string(&column.spec.name),
                column.type_oid,
                column.typmod,
                column.collation,
            );
            definitions = list::append(definitions, definition);
        }
        let create = pg_sys::palloc0(size_of::<pg_sys::CreateStmt>()).cast::<pg_sys::CreateStmt>();
        (*create).type_ = NodeTag::T_CreateStmt;
        (*create).relation = into.rel;
        (*create).tableElts = definitions;
        (*create).options = into.options;
        (*create).oncommit = into.onCommit;
        (*create).tablespacename = into.tableSpaceName;
        (*create).accessMethod = palloc_string("duckdb");

        let statement = pg_sys::palloc0(size_of::<pg_sys::PlannedStmt>()).cast::<pg_sys::PlannedStmt>();
        (*statement).type_ = NodeTag::T_PlannedStmt;
        (*statement).commandType = pg_sys::CmdType::CMD_UTILITY;
        (*statement).utilityStmt = create.cast();
        (*statement).stmt_location = -1;
        pg_sys::ProcessUtility(
            statement,
            query_string,
            false,
            pg_sys::ProcessUtilityContext::PROCESS_UTILITY_QUERY,
            std::ptr::null_mut(),
            environment,
            pg_sys::None_Receiver,
            std::ptr::null_mut(),
        );
        pg_sys::CommandCounterIncrement();
        Ok(pg_sys::RangeVarGetRelidExtended(
            into.rel,
            pg_sys::NoLock.cast_signed(),
            0,
            None,
            std::ptr::null_mut(),
        ))
    }
}

/// Runs the DuckDB statement `source`, lowered from `query`; returns the rows it wrote.
///
/// # Safety
/// `query` is analysed and rewritten; the other arguments are those of `ProcessUtility`.
pub(crate) unsafe fn run(
    query: *mut pg_sys::Query,
    command: pg_sys::CmdType::Type,
    query_string: *const c_char,
    source: LoweredQuery,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
) -> Result<u64> {
    // SAFETY: an analysed query with a plan for it, run to its end in good order.
    unsafe {
        // The plan may write, but needs the privileges of the query that it reads.
        let insert = pg_sys::palloc(size_of::<pg_sys::Query>()).cast::<pg_sys::Query>();
        insert.copy_from_nonoverlapping(query, 1);
        (*insert).commandType = command;
        (*insert).canSetTag = true;
        let plan = scan::plan::planned_statement(insert, query_string, RUN_ONCE, source, params)?;

        pg_sys::PushCopiedSnapshot(pg_sys::GetActiveSnapshot());
        pg_sys::UpdateActiveSnapshotCommandId();
        let description = pg_sys::CreateQueryDesc(
            plan,
            query_string,
            pg_sys::GetActiveSnapshot(),
            std::ptr::null_mut(),
            pg_sys::None_Receiver,
            params,
            environment,
            0,
        );
        pg_sys::ExecutorStart(description, 0);
        compat::run_to_end(description);
        let rows = (*(*description).estate).es_processed;
        pg_sys::ExecutorFinish(description);
        pg_sys::ExecutorEnd(description);
        pg_sys::FreeQueryDesc(description);
        pg_sys::PopActiveSnapshot();
        Ok(rows)
    }
}

/// The text of a String node.
unsafe fn string_value(node: *mut pg_sys::Node) -> *const c_char {
    // SAFETY: column names are String nodes.
    unsafe { (*node.cast::<pg_sys::String>()).sval }
}
