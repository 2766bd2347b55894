//! `COPY <duckdb table> FROM` in Postgres' formats: its own parser, whose rows are pushed into
//! DuckDB.
//!
//! [`run`] is Postgres' `CopyFrom` for a table without row triggers, and as little guarded: an ERROR of
//! the parser, of a default or of a constraint must keep its context ("COPY t, line 3, column a")
//! and position, which a pgrx guard would drop. So it has nothing with a destructor and calls
//! only C functions and our own guarded ones.

use std::ffi::{c_char, c_int, c_void};

use bridge_types::{ColumnSpec, EngineError, SqlState};
use pgrx::pg_sys;

use crate::engine::append::Appender;
use crate::error::{Error, Result, raise, report};
use crate::pg::memory::drop_with_context;
use crate::pg::{compat, list, owned_string};
use crate::tables::definition::Definition;
use crate::tables::table;
use crate::tables::violation::{self, Rows};

/// Postgres' own, without pgrx' guard.
mod raw {
    use super::{c_char, c_int, pg_sys};

    unsafe extern "C-unwind" {
        pub(super) fn ProcessCopyOptions(
            pstate: *mut pg_sys::ParseState,
            options: *mut pg_sys::CopyFormatOptions,
            is_from: bool,
            list: *mut pg_sys::List,
        );
        pub(super) fn make_parsestate(parent: *mut pg_sys::ParseState) -> *mut pg_sys::ParseState;
        pub(super) fn BeginCopyFrom(
            pstate: *mut pg_sys::ParseState,
            relation: pg_sys::Relation,
            where_clause: *mut pg_sys::Node,
            filename: *const c_char,
            is_program: bool,
            callback: pg_sys::copy_data_source_cb,
            columns: *mut pg_sys::List,
            options: *mut pg_sys::List,
        ) -> pg_sys::CopyFromState;
        pub(super) fn NextCopyFrom(
            state: pg_sys::CopyFromState,
            context: *mut pg_sys::ExprContext,
            values: *mut pg_sys::Datum,
            nulls: *mut bool,
        ) -> bool;
        pub(super) fn EndCopyFrom(state: pg_sys::CopyFromState);
        pub(super) fn CopyFromErrorCallback(state: *mut std::ffi::c_void);
        pub(super) fn ExecConstraints(
            target: *mut pg_sys::ResultRelInfo,
            slot: *mut pg_sys::TupleTableSlot,
            estate: *mut pg_sys::EState,
        );
        pub(super) fn ExecStoreVirtualTuple(slot: *mut pg_sys::TupleTableSlot)
        -> *mut pg_sys::TupleTableSlot;
        pub(super) fn MemoryContextReset(context: pg_sys::MemoryContext);
        pub(super) fn ProcessInterrupts();
        pub(super) fn pgstat_progress_update_param(index: c_int, value: i64);
    }
}

/// What [`run`] works with; in the statement's memory context.
struct State {
    pstate: *mut pg_sys::ParseState,
    relation: pg_sys::Relation,
    estate: *mut pg_sys::EState,
    context: *mut pg_sys::ExprContext,
    target: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    where_clause: *mut pg_sys::Node,
    /// `where_clause`, ready to run; null if there is none.
    condition: *mut pg_sys::ExprState,
    /// Postgres checks NOT NULL and CHECK itself, since it can tell the line.
    checks: bool,
    insert: *mut Insert,
}

/// The Rust half.
struct Insert {
    relid: pg_sys::Oid,
    appender: Option<Appender>,
    /// Index into a row of each column that DuckDB stores.
    attributes: Vec<usize>,
    nulls: Vec<bool>,
}

/// Runs the statement; returns the number of rows.
///
/// # Safety
/// A COPY FROM of a duckdb table, with Postgres' formats; called by the utility hook with nothing
/// alive that has a destructor.
pub(super) unsafe fn run(statement: *const pg_sys::CopyStmt, query_string: *const c_char) -> u64 {
    // SAFETY: as the caller promises; the loop is `CopyFrom` of copyfrom.c.
    unsafe {
        // Looked at again by BeginCopyFrom, but then triggers have fired.
        let pstate = raw::make_parsestate(std::ptr::null_mut());
        (*pstate).p_sourcetext = query_string;
        raw::ProcessCopyOptions(pstate, std::ptr::null_mut(), true, (*statement).options);
        let state = begin(statement, query_string);
        let copy = raw::BeginCopyFrom(
            (*state).pstate,
            (*state).relation,
            (*state).where_clause,
            (*statement).filename,
            (*statement).is_program,
            None,
            (*statement).attlist,
            (*statement).options,
        );
        let outer = pg_sys::error_context_stack;
        let mut callback = pg_sys::ErrorContextCallback {
            previous: outer,
            callback: Some(raw::CopyFromErrorCallback),
            arg: copy.cast::<c_void>(),
        };
        pg_sys::error_context_stack = &raw mut callback;

        let row_memory = (*(*state).context).ecxt_per_tuple_memory;
        let statement_memory = pg_sys::CurrentMemoryContext;
        let slot = (*state).slot;
        let (mut rows, mut excluded) = (0_u64, 0_i64);
        loop {
            if pg_sys::InterruptPending != 0 {
                raw::ProcessInterrupts();
            }
            raw::MemoryContextReset(row_memory);
            pg_sys::CurrentMemoryContext = row_memory;
            if let Some(clear) = (*(*slot).tts_ops).clear {
                clear(slot);
            }
            if !raw::NextCopyFrom(copy, (*state).context, (*slot).tts_values, (*slot).tts_isnull) {
                break;
            }
            raw::ExecStoreVirtualTuple(slot);
            if !passes(state) {
                excluded += 1;
                raw::pgstat_progress_update_param(EXCLUDED, excluded);
                continue;
            }
            if (*state).checks {
                raw::ExecConstraints((*state).target, slot, (*state).estate);
            }
            push(state, outer);
            rows += 1;
            if rows.is_multiple_of(PROGRESS_ROWS) {
                raw::pgstat_progress_update_param(PROCESSED, rows.cast_signed());
            }
        }
        raw::pgstat_progress_update_param(PROCESSED, rows.cast_signed());
        pg_sys::error_context_stack = outer;
        pg_sys::CurrentMemoryContext = statement_memory;
        finish(state);
        raw::EndCopyFrom(copy);
        rows
    }
}

/// Rows between two updates of `pg_stat_progress_copy`.
const PROGRESS_ROWS: u64 = 64;
const PROCESSED: c_int = pg_sys::PROGRESS_COPY_TUPLES_PROCESSED.cast_signed();
const EXCLUDED: c_int = pg_sys::PROGRESS_COPY_TUPLES_EXCLUDED.cast_signed();

/// `ExecQual` of the WHERE clause.
///
/// # Safety
/// The slot holds a row.
unsafe fn passes(state: *mut State) -> bool {
    // SAFETY: as the caller promises; an initialised qual returns a boolean that is not null.
    unsafe {
        let condition = (*state).condition;
        if condition.is_null() {
            return true;
        }
        (*(*state).context).ecxt_scantuple = (*state).slot;
        let mut is_null = false;
        match (*condition).evalfunc {
            Some(evaluate) => evaluate(condition, (*state).context, &raw mut is_null).value() & 0xff != 0,
            None => true,
        }
    }
}

/// Checks privileges, opens the table and starts the INSERT, before the client is asked for data.
///
/// # Safety
/// As [`run`].
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn begin(
    statement: *const pg_sys::CopyStmt,
    query_string: *const c_char,
) -> *mut State {
    // SAFETY: as the caller promises.
    report(unsafe { prepare(&*statement, query_string) })
}

/// # Safety
/// As [`run`].
unsafe fn prepare(statement: &pg_sys::CopyStmt, query_string: *const c_char) -> Result<*mut State> {
    // SAFETY: a valid statement; this is `DoCopy` of copy.c, and the beginning of `CopyFrom`.
    unsafe {
        check_source(statement)?;
        let lock = pg_sys::RowExclusiveLock.cast_signed();
        let relation = pg_sys::table_openrv(statement.relation, lock);
        let relid = (*relation).rd_id;
        if pg_sys::XactReadOnly && !(*relation).rd_islocaltemp {
            pg_sys::PreventCommandIfReadOnly(c"COPY FROM".as_ptr());
        }
        let pstate = pg_sys::make_parsestate(std::ptr::null_mut());
        (*pstate).p_sourcetext = query_string;
        let item =
            pg_sys::addRangeTableEntryForRelation(pstate, relation, lock, std::ptr::null_mut(), false, false);
        let where_clause = where_clause(pstate, item, statement.whereClause);
        let columns = pg_sys::CopyGetAttnums((*relation).rd_att, relation, statement.attlist);
        require_insert(pstate, item, columns);
        if pg_sys::check_enable_rls(relid, pg_sys::InvalidOid, false)
            == pg_sys::CheckEnableRlsResult::RLS_ENABLED.cast_signed()
        {
            return Err(EngineError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "COPY FROM not supported with row-level security",
            )
            .with_hint("Use INSERT statements instead.")
            .into());
        }

        let estate = pg_sys::CreateExecutorState();
        compat::init_range_table(estate, pstate);
        let target = pg_sys::palloc0(size_of::<pg_sys::ResultRelInfo>()).cast::<pg_sys::ResultRelInfo>();
        (*target).type_ = pg_sys::NodeTag::T_ResultRelInfo;
        pg_sys::ExecInitResultRelation(estate, target, 1);
        compat::check_insert_target(target);
        // Before DuckDB is busy with the INSERT: a trigger may use it.
        pg_sys::AfterTriggerBeginQuery();
        pg_sys::ExecBSInsertTriggers(estate, target);
        let condition = if where_clause.is_null() {
            std::ptr::null_mut()
        } else {
            pg_sys::ExecInitQual(where_clause.cast(), std::ptr::null_mut())
        };

        let definition = Definition::of(relid)?;
        let specs: Vec<ColumnSpec> = definition
            .stored()
            .map(|column| ColumnSpec { name: column.name.clone(), pg_type: column.pg_type })
            .collect();
        let attributes: Vec<usize> = definition
            .stored()
            .map(|column| usize::try_from(column.number - 1).expect("user columns have positive numbers"))
            .collect();
        let table = table::of_relation(relid)?;
        table.begin_write()?;
        let appender =
            Appender::start(table.instance(), &table.qualified(), specs, &owned_string(query_string))?;
        let memory = pg_sys::CurrentMemoryContext;
        let nulls = Vec::with_capacity(attributes.len());
        let insert = drop_with_context(memory, Insert { relid, appender: Some(appender), attributes, nulls });
        let all_stored = definition.stored().count() == definition.columns.len();
        let state = pg_sys::palloc0(size_of::<State>()).cast::<State>();
        state.write(State {
            pstate,
            relation,
            estate,
            context: pg_sys::MakePerTupleExprContext(estate),
            target,
            slot: pg_sys::MakeSingleTupleTableSlot((*relation).rd_att, &raw const pg_sys::TTSOpsVirtual),
            where_clause,
            condition,
            // A generated column is computed by DuckDB, which then does all the checking.
            checks: all_stored && !(*(*relation).rd_att).constr.is_null(),
            insert,
        });
        Ok(state)
    }
}

/// Who may read files of the server and run programs there.
fn check_source(statement: &pg_sys::CopyStmt) -> Result<()> {
    if statement.filename.is_null() {
        return Ok(());
    }
    let (role, what) = if statement.is_program {
        (
            pg_sys::ROLE_PG_EXECUTE_SERVER_PROGRAM,
            "must be superuser or have privileges of the pg_execute_server_program role to COPY to or from an external program",
        )
    } else {
        (
            pg_sys::ROLE_PG_READ_SERVER_FILES,
            "must be superuser or have privileges of the pg_read_server_files role to COPY from a file",
        )
    };
    // SAFETY: main thread, in a transaction.
    if unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), pg_sys::Oid::from(role)) } {
        return Ok(());
    }
    Err(EngineError::new(SqlState::INSUFFICIENT_PRIVILEGE, what)
        .with_hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.")
        .into())
}

/// The WHERE clause, analysed, as a list of conditions; null if there is none.
///
/// # Safety
/// A parse state with `item`, and a raw expression or null.
unsafe fn where_clause(
    pstate: *mut pg_sys::ParseState,
    item: *mut pg_sys::ParseNamespaceItem,
    clause: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    if clause.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: as the caller promises.
    unsafe {
        pg_sys::addNSItemToQuery(pstate, item, false, true, true);
        let clause = pg_sys::copyObjectImpl(clause.cast_const().cast()).cast();
        let clause = pg_sys::transformExpr(pstate, clause, pg_sys::ParseExprKind::EXPR_KIND_COPY_WHERE);
        let clause = pg_sys::coerce_to_boolean(pstate, clause, c"WHERE".as_ptr());
        pg_sys::assign_expr_collations(pstate, clause);
        let clause = pg_sys::eval_const_expressions(std::ptr::null_mut(), clause);
        let clause = pg_sys::canonicalize_qual(clause.cast(), false);
        pg_sys::make_ands_implicit(clause).cast()
    }
}

/// Requires the right to insert into `columns`.
///
/// # Safety
/// A parse state with `item`; `columns` are attribute numbers of its relation.
unsafe fn require_insert(
    pstate: *mut pg_sys::ParseState,
    item: *mut pg_sys::ParseNamespaceItem,
    columns: *mut pg_sys::List,
) {
    // SAFETY: as the caller promises.
    unsafe {
        let numbers = list::integers(columns).into_iter();
        let set = numbers.fold(std::ptr::null_mut(), |set, number| {
            pg_sys::bms_add_member(set, number - pg_sys::FirstLowInvalidHeapAttributeNumber)
        });
        #[cfg(feature = "pg15")]
        {
            (*(*item).p_rte).requiredPerms = pg_sys::ACL_INSERT;
            (*(*item).p_rte).insertedCols = set;
            pg_sys::ExecCheckRTPerms((*pstate).p_rtable, true);
        }
        #[cfg(not(feature = "pg15"))]
        {
            (*(*item).p_perminfo).requiredPerms = pg_sys::ACL_INSERT.into();
            (*(*item).p_perminfo).insertedCols = set;
            pg_sys::ExecCheckPermissions((*pstate).p_rtable, (*pstate).p_rteperminfos, true);
        }
    }
}

/// Pushes the row of the slot. An error of DuckDB is about an earlier row: it is raised without
/// the line that is being read.
///
/// # Safety
/// As [`run`].
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn push(state: *mut State, outer: *mut pg_sys::ErrorContextCallback) {
    // SAFETY: the state of a started COPY, whose slot holds a row.
    unsafe {
        let insert = &mut *(*state).insert;
        let slot = (*state).slot;
        let Insert { attributes, nulls, appender, .. } = insert;
        nulls.clear();
        nulls.extend(attributes.iter().map(|i| *(*slot).tts_isnull.add(*i)));
        let Some(appender) = appender else { return };
        let values = attributes.iter().map(|i| *(*slot).tts_values.add(*i));
        if let Err(error) = appender.push(values, nulls) {
            // What was not sent has not left this backend: a value that DuckDB cannot hold.
            if !is_value(&error) {
                pg_sys::error_context_stack = outer;
            }
            raise(violation::explain(error, insert.relid, Rows::New));
        }
    }
}

/// True for the errors of single values (class 22).
fn is_value(error: &Error) -> bool {
    error.0.sqlstate.bytes().starts_with(b"22")
}

/// Ends the INSERT, fires the triggers that come after it and closes the table.
///
/// # Safety
/// As [`run`].
#[pgrx::pg_guard]
unsafe extern "C-unwind" fn finish(state: *mut State) {
    // SAFETY: the state of a started COPY.
    unsafe {
        let insert = &mut *(*state).insert;
        if let Some(appender) = insert.appender.take() {
            report(appender.finish().map_err(|error| violation::explain(error, insert.relid, Rows::New)));
        }
        pg_sys::ExecASInsertTriggers((*state).estate, (*state).target, std::ptr::null_mut());
        pg_sys::AfterTriggerEndQuery((*state).estate);
        pg_sys::ExecDropSingleTupleTableSlot((*state).slot);
        pg_sys::ExecCloseResultRelations((*state).estate);
        pg_sys::ExecCloseRangeTableRelations((*state).estate);
        pg_sys::FreeExecutorState((*state).estate);
        pg_sys::table_close((*state).relation, pg_sys::NoLock.cast_signed());
        pg_sys::free_parsestate((*state).pstate);
    }
}
