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

use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::{planner, xact};
use crate::error::{Error, Result, report};
use crate::pg::{self, catalog, list, owned_string};
use crate::tables::ddl::{self, unsupported};
use crate::tables::{self, create_as, registry, table};

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
enum After {
    /// Nothing.
    Nothing,
    /// Nothing, and Postgres must not see the statement: it is done.
    Done,
    /// Tables were perhaps created.
    Create,
    /// A duckdb table was altered, which had so many attributes before.
    Alter { relid: pg_sys::Oid, attributes: i16 },
    /// A duckdb table, whose DuckDB name is still the old one, or one of its columns was renamed.
    Rename { relid: pg_sys::Oid, old_name: *mut c_char },
    /// A database was dropped.
    DropDatabase(pg_sys::Oid),
}

/// The decision, and the statement to execute in place of the user's.
#[repr(C)]
#[derive(Clone, Copy)]
struct Decision {
    after: After,
    statement: *mut pg_sys::PlannedStmt,
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
        let behind = match PREVIOUS {
            Some(previous) => previous,
            None => standard_process_utility_raw,
        };
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
        if !matches!(decision.after, After::Nothing) {
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
        let node = (*statement).utilityStmt;
        let nothing = Decision { after: After::Nothing, statement };
        let after = match (*node).type_ {
            NodeTag::T_CopyStmt => return report(copy(statement)),
            NodeTag::T_CreateStmt => create(&*node.cast()),
            NodeTag::T_CreateTableAsStmt => {
                create_table_as(&*node.cast(), query_string, params, environment, completion)
            }
            NodeTag::T_ExplainStmt => explain(&*node.cast()),
            NodeTag::T_AlterTableStmt => alter(&*node.cast()),
            NodeTag::T_RenameStmt => rename(&*node.cast()),
            NodeTag::T_AlterObjectSchemaStmt => set_schema(&*node.cast()),
            NodeTag::T_TruncateStmt => truncate(&*node.cast()),
            NodeTag::T_RefreshMatViewStmt => {
                xact::note_heap_write(pg_sys::RELPERSISTENCE_PERMANENT).map(|()| After::Nothing)
            }
            NodeTag::T_CreatedbStmt => create_database(&*node.cast()),
            NodeTag::T_DropdbStmt => drop_database(&*node.cast()),
            NodeTag::T_IndexStmt => {
                refuse((*node.cast::<pg_sys::IndexStmt>()).relation, "indexes are not supported")
            }
            NodeTag::T_CreateTrigStmt => {
                refuse((*node.cast::<pg_sys::CreateTrigStmt>()).relation, "triggers are not supported")
            }
            NodeTag::T_ClusterStmt => {
                refuse((*node.cast::<pg_sys::ClusterStmt>()).relation, "CLUSTER is not supported")
            }
            _ => return nothing,
        };
        Decision { after: report(after), statement }
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn after(decision: Decision) {
    // SAFETY: valid, from the hook.
    unsafe {
        let node = (*decision.statement).utilityStmt;
        report(match decision.after {
            After::Nothing | After::Done => Ok(()),
            After::Create => tables::create_pending(),
            After::Alter { relid, attributes } => altered(&*node.cast(), relid, attributes),
            After::Rename { relid, old_name } => renamed(&*node.cast(), relid, old_name),
            After::DropDatabase(database) => {
                tables::store::remove(database);
                Ok(())
            }
        });
    }
}

/// The relation a statement names; `None` if it does not exist.
///
/// # Safety
/// `range` is null or a valid name.
unsafe fn relation_of(range: *mut pg_sys::RangeVar) -> Option<pg_sys::Oid> {
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
unsafe fn duckdb_table_of(range: *mut pg_sys::RangeVar) -> Option<pg_sys::Oid> {
    // SAFETY: as the caller promises.
    unsafe { relation_of(range) }.filter(|relid| catalog::is_duckdb_table(*relid))
}

unsafe fn refuse(range: *mut pg_sys::RangeVar, what: &str) -> Result<After> {
    // SAFETY: a name in a valid statement.
    match unsafe { duckdb_table_of(range) } {
        Some(_) => Err(unsupported(what, "")),
        None => Ok(After::Nothing),
    }
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
    Ok(if database == pg_sys::InvalidOid { After::Nothing } else { After::DropDatabase(database) })
}

/// True if a new table with this USING clause is a duckdb table.
pub(crate) fn chooses_duckdb(access_method: *const c_char) -> bool {
    // SAFETY: null or a C string of the statement; the setting is a C string.
    let name = unsafe {
        owned_string(if access_method.is_null() {
            pg_sys::default_table_access_method
        } else {
            access_method
        })
    };
    name == "duckdb" && catalog::access_method().is_some()
}

unsafe fn create(statement: &pg_sys::CreateStmt) -> Result<After> {
    // SAFETY: names in a valid statement.
    unsafe {
        for parent in list::pointers::<pg_sys::RangeVar>(statement.inhRelations) {
            if duckdb_table_of(parent).is_some() {
                return Err(unsupported("inheritance is not supported", ""));
            }
        }
        // A partitioned table stores nothing and has no access method.
        if !statement.partspec.is_null() || !chooses_duckdb(statement.accessMethod) {
            return Ok(After::Nothing);
        }
        planner::check_role()?;
        check_create(statement)?;
    }
    Ok(After::Create)
}

/// What can be told from the statement alone; the rest is checked on the catalogs.
unsafe fn check_create(statement: &pg_sys::CreateStmt) -> Result<()> {
    use pg_sys::OnCommitAction::{ONCOMMIT_NOOP, ONCOMMIT_PRESERVE_ROWS};
    if !statement.partbound.is_null() {
        return Err(unsupported("partitions are not supported", "Create the partition USING heap."));
    }
    if !statement.inhRelations.is_null() {
        return Err(unsupported(
            "inheritance is not supported",
            "Use LIKE to copy the columns of another table.",
        ));
    }
    if !matches!(statement.oncommit, ONCOMMIT_NOOP | ONCOMMIT_PRESERVE_ROWS) {
        return Err(unsupported("ON COMMIT DROP and DELETE ROWS are not supported", ""));
    }
    if !statement.options.is_null() {
        return Err(unsupported("storage parameters are not supported", "Leave the WITH clause out."));
    }
    if !statement.tablespacename.is_null() {
        return Err(unsupported("tablespaces are not supported", ""));
    }
    // SAFETY: nodes of a valid statement.
    unsafe {
        for constraint in list::pointers::<pg_sys::Constraint>(statement.constraints) {
            check_constraint(&*constraint, None)?;
        }
        for element in list::pointers::<pg_sys::Node>(statement.tableElts) {
            match (*element).type_ {
                NodeTag::T_ColumnDef => check_column(&*element.cast())?,
                NodeTag::T_Constraint => check_constraint(&*element.cast(), None)?,
                _ => {}
            }
        }
    }
    Ok(())
}

unsafe fn check_column(column: &pg_sys::ColumnDef) -> Result<()> {
    // SAFETY: nodes of a valid statement.
    unsafe {
        let name = owned_string(column.colname);
        for constraint in list::pointers::<pg_sys::Constraint>(column.constraints) {
            check_constraint(&*constraint, Some(&name))?;
        }
    }
    Ok(())
}

fn check_constraint(constraint: &pg_sys::Constraint, column: Option<&str>) -> Result<()> {
    use pg_sys::ConstrType::{
        CONSTR_CHECK, CONSTR_EXCLUSION, CONSTR_FOREIGN, CONSTR_GENERATED, CONSTR_IDENTITY, CONSTR_PRIMARY,
        CONSTR_UNIQUE,
    };
    let (what, hint) = match constraint.contype {
        CONSTR_CHECK => ("CHECK constraints are not supported", ""),
        CONSTR_EXCLUSION => ("exclusion constraints are not supported", ""),
        CONSTR_FOREIGN => ("foreign keys are not supported", ""),
        CONSTR_GENERATED => ("generated columns are not supported", "Compute the value in a view."),
        CONSTR_IDENTITY => {
            ("identity columns are not supported", "Use a column with DEFAULT nextval('sequence').")
        }
        CONSTR_PRIMARY => ("primary keys are not supported", ""),
        CONSTR_UNIQUE => ("unique constraints are not supported", ""),
        _ => return Ok(()),
    };
    Err(match column {
        Some(column) => unsupported(&format!("column \"{column}\": {what}"), hint),
        None => unsupported(what, hint),
    })
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
        if chooses_duckdb(into.accessMethod) && statement.objtype == pg_sys::ObjectType::OBJECT_TABLE {
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
        if !chooses_duckdb((*(*create).into).accessMethod) {
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

/// The forms of ALTER TABLE that change only what Postgres keeps: defaults are filled in by
/// its rewriter, privileges and row security are its own.
const POSTGRES_ONLY: [pg_sys::AlterTableType::Type; 6] = [
    pg_sys::AlterTableType::AT_ColumnDefault,
    pg_sys::AlterTableType::AT_CookedColumnDefault,
    pg_sys::AlterTableType::AT_SetStatistics,
    pg_sys::AlterTableType::AT_ChangeOwner,
    pg_sys::AlterTableType::AT_DisableRowSecurity,
    pg_sys::AlterTableType::AT_NoForceRowSecurity,
];

unsafe fn alter(statement: &pg_sys::AlterTableStmt) -> Result<After> {
    use pg_sys::AlterTableType as Form;
    // SAFETY: nodes of a valid statement; the node of a command depends on its subtype.
    unsafe {
        let commands: Vec<_> = list::pointers::<pg_sys::AlterTableCmd>(statement.cmds).map(|c| &*c).collect();
        let target = relation_of(statement.relation);
        let Some(relid) = target.filter(|relid| catalog::is_duckdb_table(*relid)) else {
            for command in commands {
                let attached = match command.subtype {
                    Form::AT_SetAccessMethod if owned_string(command.name) == "duckdb" => {
                        return Err(unsupported(
                            "SET ACCESS METHOD is not supported",
                            "Create a duckdb table with CREATE TABLE .. USING duckdb AS SELECT.",
                        ));
                    }
                    Form::AT_AttachPartition => (*command.def.cast::<pg_sys::PartitionCmd>()).name,
                    Form::AT_AddInherit => command.def.cast(),
                    _ => continue,
                };
                if duckdb_table_of(attached).is_some() {
                    return Err(unsupported("inheritance and partitioning are not supported", ""));
                }
            }
            return Ok(After::Nothing);
        };
        for command in commands {
            match command.subtype {
                Form::AT_DropColumn | Form::AT_SetNotNull | Form::AT_DropNotNull => {}
                Form::AT_AddColumn => check_column(&*command.def.cast::<pg_sys::ColumnDef>())?,
                // Also what CREATE TABLE makes of LIKE .. INCLUDING CONSTRAINTS.
                Form::AT_AddConstraint => check_constraint(&*command.def.cast::<pg_sys::Constraint>(), None)?,
                Form::AT_EnableRowSecurity | Form::AT_ForceRowSecurity => {
                    return Err(unsupported(
                        "row-level security is not supported",
                        "Grant rights on a view that selects the rows instead.",
                    ));
                }
                postgres_only if POSTGRES_ONLY.contains(&postgres_only) => {}
                _ => {
                    return Err(unsupported(
                        "this form of ALTER TABLE is not supported",
                        "Columns can be added, dropped and renamed, and NOT NULL and DEFAULT changed.",
                    ));
                }
            }
        }
        let attributes = table::attributes(relid)?;
        tables::enter_alter(1);
        Ok(After::Alter { relid, attributes })
    }
}

unsafe fn altered(statement: &pg_sys::AlterTableStmt, relid: pg_sys::Oid, attributes: i16) -> Result<()> {
    use pg_sys::AlterTableType as Form;
    tables::enter_alter(-1);
    // SAFETY: nodes of a valid statement.
    unsafe {
        let mut added = false;
        for command in list::pointers::<pg_sys::AlterTableCmd>(statement.cmds) {
            let command = &*command;
            match command.subtype {
                Form::AT_AddColumn => added = true,
                not_null @ (Form::AT_SetNotNull | Form::AT_DropNotNull) => {
                    ddl::set_not_null(relid, &owned_string(command.name), not_null == Form::AT_SetNotNull)?;
                }
                _ => {}
            }
        }
        if added { ddl::add_columns(relid, attributes) } else { Ok(()) }
    }
}

unsafe fn rename(statement: &pg_sys::RenameStmt) -> Result<After> {
    use pg_sys::ObjectType::{OBJECT_COLUMN, OBJECT_SCHEMA, OBJECT_TABCONSTRAINT};
    // SAFETY: names in a valid statement.
    unsafe {
        if statement.renameType == OBJECT_SCHEMA {
            let schema = pg_sys::get_namespace_oid(statement.subname, true);
            if schema != pg_sys::InvalidOid && !registry::in_schema(schema).is_empty() {
                return Err(Error::from(
                    EngineError::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        format!(
                            "schema \"{}\" contains duckdb tables and cannot be renamed",
                            owned_string(statement.subname)
                        ),
                    )
                    .with_detail("DuckDB cannot rename schemas."),
                ));
            }
            return Ok(After::Nothing);
        }
        let Some(relid) = duckdb_table_of(statement.relation) else { return Ok(After::Nothing) };
        match statement.renameType {
            OBJECT_COLUMN => Ok(After::Rename { relid, old_name: std::ptr::null_mut() }),
            OBJECT_TABCONSTRAINT => Ok(After::Nothing),
            pg_sys::ObjectType::OBJECT_TABLE
            | pg_sys::ObjectType::OBJECT_INDEX
            | pg_sys::ObjectType::OBJECT_VIEW
            | pg_sys::ObjectType::OBJECT_SEQUENCE => {
                Ok(After::Rename { relid, old_name: pg_sys::get_rel_name(relid) })
            }
            _ => Ok(After::Nothing),
        }
    }
}

unsafe fn renamed(statement: &pg_sys::RenameStmt, relid: pg_sys::Oid, old_name: *mut c_char) -> Result<()> {
    // SAFETY: names in a valid statement; `old_name` is null or a string of this statement.
    unsafe {
        pg_sys::CommandCounterIncrement();
        let new_name = owned_string(statement.newname);
        if old_name.is_null() {
            return ddl::rename_column(relid, &owned_string(statement.subname), &new_name);
        }
        let mut old = table::of_relation(relid)?;
        old.name = owned_string(old_name);
        ddl::rename_table(&old, &new_name)
    }
}

unsafe fn set_schema(statement: &pg_sys::AlterObjectSchemaStmt) -> Result<After> {
    // SAFETY: a name in a valid statement.
    match unsafe { duckdb_table_of(statement.relation) } {
        Some(_) => Err(unsupported(
            "SET SCHEMA is not supported",
            "Create the table anew in the other schema with CREATE TABLE AS.",
        )),
        None => Ok(After::Nothing),
    }
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

/// `COPY t TO` of a duckdb table becomes `COPY (SELECT .. FROM t) TO`.
unsafe fn copy(statement: *mut pg_sys::PlannedStmt) -> Result<Decision> {
    let unchanged = Decision { after: After::Nothing, statement };
    // SAFETY: a valid statement; the copy is ours to change.
    unsafe {
        let copy = (*statement).utilityStmt.cast::<pg_sys::CopyStmt>();
        let Some(relid) = relation_of((*copy).relation) else { return Ok(unchanged) };
        if !catalog::is_duckdb_table(relid) {
            if (*copy).is_from {
                xact::check_heap_write(relid)?;
            }
            return Ok(unchanged);
        }
        if (*copy).is_from {
            return Err(unsupported(
                "COPY FROM is not supported",
                "Read the file with INSERT .. SELECT from read_csv(), read_json() or read_parquet().",
            ));
        }
        let statement = pg_sys::copyObjectImpl(statement.cast()).cast::<pg_sys::PlannedStmt>();
        let copy = (*statement).utilityStmt.cast::<pg_sys::CopyStmt>();
        let mut targets = std::ptr::null_mut();
        if (*copy).attlist.is_null() {
            targets = list::append(
                targets,
                column_target(pg::new_node::<pg_sys::A_Star>(NodeTag::T_A_Star).cast()),
            );
        }
        for name in list::pointers::<pg_sys::Node>((*copy).attlist) {
            targets = list::append(targets, column_target(name));
        }
        let select = pg::new_node::<pg_sys::SelectStmt>(NodeTag::T_SelectStmt);
        (*select).targetList = targets;
        (*select).fromClause = list::append(std::ptr::null_mut(), (*copy).relation);
        (*copy).query = select.cast();
        (*copy).relation = std::ptr::null_mut();
        (*copy).attlist = std::ptr::null_mut();
        Ok(Decision { after: After::Nothing, statement })
    }
}

/// A target list entry for one field (a String node, or `*`).
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
