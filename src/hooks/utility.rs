//! The utility hook: DDL, COPY and TRUNCATE that concern duckdb tables.
//!
//! [`before`] decides what a statement means for DuckDB: nothing (the usual case, answered by
//! the statement's tag), an error, work to do once Postgres has done its part ([`After`]), or
//! CREATE TABLE AS, which is ours as a whole. The hook itself is not guarded: an ERROR of
//! Postgres must keep its context, position and names, which a pgrx guard would drop.
//!
//! New and dropped relations are seen elsewhere (`tables::pending`, `tables::dropped`): one
//! statement can create or drop many.

use std::ffi::c_char;

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::copy::copy;
use super::rename::{self, Renamed};
use super::view::MadeView;
use super::{alter, copy_from, create, motherduck, view, xact};
use crate::crash::{self, Step};
use crate::engine::session;
use crate::error::{Result, report};
use crate::lower::explained;
use crate::pg::{catalog, list, owned_string};
use crate::tables::ddl::unsupported;
use crate::tables::{self, changes, create_as};

static mut PREVIOUS: pg_sys::ProcessUtility_hook_type = None;

unsafe extern "C-unwind" {
    /// Declared here so that its ERRORs do not pass a pgrx guard.
    #[link_name = "standard_ProcessUtility"]
    fn standard_process_utility_raw(
        statement: *mut pg_sys::PlannedStmt,
        query_string: *const c_char,
        read_only_tree: bool,
        context: pg_sys::ProcessUtilityContext::Type,
        params: pg_sys::ParamListInfo,
        environment: *mut pg_sys::QueryEnvironment,
        receiver: *mut pg_sys::DestReceiver,
        completion: *mut pg_sys::QueryCompletion,
    );
}

/// Installs the hook; called once in the postmaster.
pub(crate) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::ProcessUtility_hook;
        pg_sys::ProcessUtility_hook = Some(process_utility);
    }
    super::executor::init();
    super::hint::init();
}

/// What is left to do when Postgres has executed a statement.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) enum After {
    /// Nothing.
    Nothing,
    /// Nothing, and Postgres must not see the statement: it is done.
    Done,
    /// `COPY FROM` into a duckdb table, which takes the place of Postgres' own.
    CopyFrom,
    /// Tables were perhaps created.
    Create,
    /// The relation was changed that `tables::changes::begin` was told of.
    Change,
    /// A duckdb table or one of its columns was renamed, or it was moved to another schema.
    Rename(Renamed),
    /// A view was made that is one of MotherDuck.
    View(MadeView),
    /// What gave a MotherDuck account up is done.
    Leave,
    /// A database was dropped.
    DropDatabase(pg_sys::Oid),
}

/// The decision, and the statement to execute in place of the user's.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Decision {
    pub(super) after: After,
    pub(super) statement: *mut pg_sys::PlannedStmt,
}

unsafe extern "C-unwind" fn process_utility(
    statement: *mut pg_sys::PlannedStmt,
    query_string: *const c_char,
    read_only_tree: bool,
    context: pg_sys::ProcessUtilityContext::Type,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    receiver: *mut pg_sys::DestReceiver,
    completion: *mut pg_sys::QueryCompletion,
) {
    // SAFETY: called by Postgres with a valid statement. Nothing with a destructor is alive
    // here when what is behind raises an ERROR.
    unsafe {
        let decision = before(statement, query_string, params, environment, completion);
        if matches!(decision.after, After::Done) {
            return;
        }
        if matches!(decision.after, After::CopyFrom) {
            let rows = copy_from::run((*statement).utilityStmt.cast(), query_string);
            if !completion.is_null() {
                (*completion).commandTag = pg_sys::CommandTag::CMDTAG_COPY;
                (*completion).nprocessed = rows;
            }
            return;
        }
        let behind = match PREVIOUS {
            Some(previous) => previous,
            None => standard_process_utility_raw,
        };
        let explains = (*(*statement).utilityStmt).type_ == NodeTag::T_ExplainStmt;
        if explains {
            explained::set_explaining(true);
        }
        behind(
            decision.statement,
            query_string,
            read_only_tree,
            context,
            params,
            environment,
            receiver,
            completion,
        );
        if explains {
            explained::set_explaining(false);
        }
        if !matches!(decision.after, After::Nothing) || changes::any_noted() {
            after(decision);
        }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn before(
    statement: *mut pg_sys::PlannedStmt,
    query_string: *const c_char,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    completion: *mut pg_sys::QueryCompletion,
) -> Decision {
    // SAFETY: valid, from the hook.
    unsafe {
        let statement = match (*(*statement).utilityStmt).type_ {
            NodeTag::T_CreateStmt | NodeTag::T_CreateTableAsStmt => report(create::in_motherduck(statement)),
            _ => statement,
        };
        let node = (*statement).utilityStmt;
        motherduck::hide_token(node);
        if (*node).type_ != NodeTag::T_TransactionStmt {
            report(session::check_transaction());
        }
        let nothing = Decision { after: After::Nothing, statement };
        let after = match (*node).type_ {
            NodeTag::T_CopyStmt => {
                return report(copy(statement, query_string, params, environment, completion));
            }
            NodeTag::T_ViewStmt => return report(view::create(statement, query_string)),
            NodeTag::T_CommentStmt => view::comment(&*node.cast()),
            NodeTag::T_CreateStmt => create::create(&*node.cast()),
            NodeTag::T_CreateTableAsStmt => {
                create_table_as(&*node.cast(), query_string, params, environment, completion)
            }
            NodeTag::T_ExplainStmt => explain(&*node.cast()),
            NodeTag::T_AlterTableStmt => alter::alter(&*node.cast()),
            NodeTag::T_RenameStmt => {
                motherduck::check_rename(&*node.cast()).and_then(|()| rename::rename(&*node.cast()))
            }
            NodeTag::T_AlterObjectSchemaStmt => rename::set_schema(&*node.cast()),
            NodeTag::T_TruncateStmt => truncate(&*node.cast()),
            NodeTag::T_RefreshMatViewStmt => {
                xact::note_heap_write(pg_sys::RELPERSISTENCE_PERMANENT).map(|()| After::Nothing)
            }
            NodeTag::T_CreatedbStmt => create_database(&*node.cast()),
            NodeTag::T_DropdbStmt => drop_database(&*node.cast()),
            NodeTag::T_IndexStmt => alter::create_index(&*node.cast()),
            NodeTag::T_ReindexStmt => alter::reindex(&*node.cast()),
            NodeTag::T_CreateTrigStmt => alter::create_trigger(&*node.cast()),
            NodeTag::T_CreateForeignServerStmt => motherduck::create_server(&*node.cast()),
            NodeTag::T_CreateSchemaStmt => {
                let name = (*node.cast::<pg_sys::CreateSchemaStmt>()).schemaname;
                motherduck::check_new_schema(&owned_string(name))
            }
            NodeTag::T_DropStmt => motherduck::drop(&*node.cast()),
            NodeTag::T_DropOwnedStmt => Ok(motherduck::leave()),
            NodeTag::T_ClusterStmt => alter::cluster(&*node.cast()),
            _ => return nothing,
        };
        Decision { after: report(after), statement }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(decision: Decision) {
    let done = match decision.after {
        After::Nothing | After::Done | After::CopyFrom => Ok(()),
        After::Create => tables::create_pending(),
        After::Change => changes::end(),
        After::Rename(renamed) => renamed.follow(),
        After::View(made) => made.follow(),
        After::Leave => {
            crate::motherduck::set_leaving(false);
            Ok(())
        }
        After::DropDatabase(database) => {
            crash::at(Step::DatabaseRemoved);
            tables::store::remove(database);
            crash::at(Step::StoreRemoved);
            Ok(())
        }
    };
    report(done.and_then(|()| changes::apply_noted()));
}

/// The relation a statement names; `None` if it does not exist.
///
/// # Safety
/// `range` is null or a valid name.
pub(super) unsafe fn relation_of(range: *mut pg_sys::RangeVar) -> Option<pg_sys::Oid> {
    if range.is_null() {
        return None;
    }
    // SAFETY: a valid name; no lock is taken, as the statement takes its own.
    let relid = unsafe {
        pg_sys::RangeVarGetRelidExtended(
            range,
            pg_sys::NoLock.cast_signed(),
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        )
    };
    (relid != pg_sys::InvalidOid).then_some(relid)
}

/// The duckdb table a statement names; `None` if it names something else.
pub(super) unsafe fn duckdb_table_of(range: *mut pg_sys::RangeVar) -> Option<pg_sys::Oid> {
    // SAFETY: as the caller promises.
    unsafe { relation_of(range) }.filter(|relid| catalog::is_duckdb_table(*relid))
}

unsafe fn create_database(statement: &pg_sys::CreatedbStmt) -> Result<After> {
    // SAFETY: options of a valid statement; a missing template is Postgres' to complain about.
    unsafe {
        let option = list::pointers::<pg_sys::DefElem>(statement.options)
            .find(|option| owned_string((**option).defname) == "template");
        if let Some(option) = option.filter(|option| !(**option).arg.is_null()) {
            let name = pg_sys::defGetString(option);
            let template = pg_sys::get_database_oid(name, true);
            tables::store::warn_not_copied(template, &owned_string(name));
        }
    }
    Ok(After::Nothing)
}

unsafe fn drop_database(statement: &pg_sys::DropdbStmt) -> Result<After> {
    // SAFETY: a name in a valid statement; that there is no such database is Postgres' to say.
    let database = unsafe { pg_sys::get_database_oid(statement.dbname, true) };
    if database == pg_sys::InvalidOid {
        return Ok(After::Nothing);
    }
    crate::motherduck::sync::worker::disable(database);
    Ok(After::DropDatabase(database))
}

unsafe fn create_table_as(
    statement: &pg_sys::CreateTableAsStmt,
    query_string: *const c_char,
    params: pg_sys::ParamListInfo,
    environment: *mut pg_sys::QueryEnvironment,
    completion: *mut pg_sys::QueryCompletion,
) -> Result<After> {
    // SAFETY: a valid statement has an INTO clause with a name.
    unsafe {
        let into = &*statement.into;
        if create::chooses_duckdb(into.accessMethod) && statement.objtype == pg_sys::ObjectType::OBJECT_TABLE
        {
            create_as::execute(statement, query_string, params, environment, completion)?;
            return Ok(After::Done);
        }
        if !into.skipData {
            xact::note_heap_write((*into.rel).relpersistence.cast_unsigned())?;
        }
    }
    Ok(After::Nothing)
}

/// `EXPLAIN ANALYZE CREATE TABLE AS` would have Postgres write the rows.
unsafe fn explain(statement: &pg_sys::ExplainStmt) -> Result<After> {
    // SAFETY: a valid statement; its query was analysed, a utility statement is wrapped.
    unsafe {
        let query = statement.query.cast::<pg_sys::Query>();
        if (*query).type_ != NodeTag::T_Query
            || (*query).utilityStmt.is_null()
            || (*(*query).utilityStmt).type_ != NodeTag::T_CreateTableAsStmt
        {
            return Ok(After::Nothing);
        }
        let create = (*query).utilityStmt.cast::<pg_sys::CreateTableAsStmt>();
        if !create::chooses_duckdb((*(*create).into).accessMethod) {
            return Ok(After::Nothing);
        }
        let analyze = list::pointers::<pg_sys::DefElem>(statement.options)
            .any(|option| owned_string((*option).defname) == "analyze" && pg_sys::defGetBoolean(option));
        if analyze {
            return Err(unsupported(
                "EXPLAIN ANALYZE of CREATE TABLE AS is not supported",
                "Create the table WITH NO DATA and explain an INSERT.",
            ));
        }
    }
    Ok(After::Nothing)
}

/// The duckdb tables among the targets are emptied by the access method, in this statement.
unsafe fn truncate(statement: &pg_sys::TruncateStmt) -> Result<After> {
    // SAFETY: names in a valid statement.
    unsafe {
        for range in list::pointers::<pg_sys::RangeVar>(statement.relations) {
            if let Some(relid) = relation_of(range)
                && !catalog::is_duckdb_table(relid)
            {
                xact::check_heap_write(relid)?;
            }
        }
    }
    Ok(After::Nothing)
}
