//! The planner hook: which statements go to DuckDB.
//!
//! A statement goes there if it touches a duckdb table or calls a function that only DuckDB
//! has; one on heap tables only under `duckdb.force_execution`. Everything else is passed on
//! untouched. The hook itself is not guarded: an ERROR of the planner behind it must keep
//! its context, position and names, which a pgrx guard would drop.

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{c_char, c_int, c_void};
use std::time::Instant;

use bridge_types::{SqlState, Unsupported};

use super::choice;
use crate::engine::session::Instance;
use crate::error::{self, Error, Result};
use crate::gucs::{self, Execution, ForceFallback};
use crate::lower::{self, LowerError, LowerOptions};
use crate::pg::{catalog, list, owned_string};
use crate::tables::size;
use crate::tables::table;
use crate::{fallback, motherduck, resolve, scan};

static mut PREVIOUS: pg_sys::planner_hook_type = None;

/// What the hook is asked.
#[repr(C)]
#[derive(Clone, Copy)]
struct Request {
    parse: *mut pg_sys::Query,
    query_string: *const c_char,
    cursor_options: c_int,
    bound_params: pg_sys::ParamListInfo,
}

unsafe extern "C-unwind" {
    /// Declared here so that its ERRORs do not pass a pgrx guard.
    #[link_name = "standard_planner"]
    fn standard_planner_raw(
        parse: *mut pg_sys::Query,
        query_string: *const c_char,
        cursor_options: c_int,
        bound_params: pg_sys::ParamListInfo,
    ) -> *mut pg_sys::PlannedStmt;
}

/// Installs the hook; called once in the postmaster.
pub(crate) fn init() {
    // SAFETY: the postmaster is single-threaded.
    unsafe {
        PREVIOUS = pg_sys::planner_hook;
        pg_sys::planner_hook = Some(planner);
    }
}

unsafe extern "C-unwind" fn planner(
    parse: *mut pg_sys::Query,
    query_string: *const c_char,
    cursor_options: c_int,
    bound_params: pg_sys::ParamListInfo,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: called by Postgres with a valid query. Nothing with a destructor is alive here
    // when the planner behind raises an ERROR.
    unsafe {
        let request = Request { parse, query_string, cursor_options, bound_params };
        if choice::is_open(parse) {
            // The planner scribbles on the query.
            let again = Request { parse: pg_sys::copyObjectImpl(parse.cast()).cast(), ..request };
            let theirs = plan_behind(request);
            let ours = cheaper_plan(again, theirs);
            return if ours.is_null() { theirs } else { ours };
        }
        let plan = duckdb_plan(request);
        if plan.is_null() { plan_behind(request) } else { plan }
    }
}

/// The plan of the planner behind ours.
unsafe fn plan_behind(request: Request) -> *mut pg_sys::PlannedStmt {
    let Request { parse, query_string, cursor_options, bound_params } = request;
    // SAFETY: as the hook was called. Nothing with a destructor is alive here.
    unsafe {
        match PREVIOUS {
            Some(previous) => previous(parse, query_string, cursor_options, bound_params),
            None => standard_planner_raw(parse, query_string, cursor_options, bound_params),
        }
    }
}

/// Our plan of a query for which Postgres has one, or null if theirs is cheaper.
#[pg_guard]
unsafe extern "C-unwind" fn cheaper_plan(
    request: Request,
    theirs: *mut pg_sys::PlannedStmt,
) -> *mut pg_sys::PlannedStmt {
    // SAFETY: a valid query, from the planner hook, and a plan for it.
    unsafe {
        if !choice::is_worth_asking(theirs) {
            return std::ptr::null_mut();
        }
        match plan(request, true) {
            Ok(ours) if !ours.is_null() && choice::is_cheaper(ours, theirs) => ours,
            // Postgres has a plan; a cancel must not be lost.
            Err(error) if error.0.sqlstate == SqlState::QUERY_CANCELED => error::raise(error),
            _ => std::ptr::null_mut(),
        }
    }
}

/// Our plan, or null if the statement is not ours.
#[pg_guard]
unsafe extern "C-unwind" fn duckdb_plan(request: Request) -> *mut pg_sys::PlannedStmt {
    // SAFETY: a valid query, from the planner hook.
    error::report(unsafe { plan(request, false) })
}

/// What a statement touches.
#[derive(Default)]
pub(crate) struct Touches {
    access_method: Option<pg_sys::Oid>,
    /// A duckdb table.
    pub(crate) duckdb_table: bool,
    /// A duckdb table of MotherDuck.
    pub(crate) motherduck_table: bool,
    /// A function that only DuckDB has.
    pub(crate) duckdb_function: bool,
    /// A relation that Postgres stores, other than a catalog.
    pub(crate) heap_table: bool,
    /// A system catalog.
    pub(crate) catalog: bool,
    /// A function of Postgres that measures relations.
    measures: bool,
}

/// Looks through a query and everything nested in it.
///
/// # Safety
/// `query` is a valid analysed query.
pub(crate) unsafe fn touches(query: *mut pg_sys::Query) -> Touches {
    let mut found = Touches { access_method: catalog::access_method(), ..Touches::default() };
    if found.access_method.is_some() {
        // SAFETY: the context outlives the walk.
        unsafe { visit(query.cast(), std::ptr::from_mut(&mut found).cast()) };
    }
    found
}

#[pg_guard]
unsafe extern "C-unwind" fn visit(node: *mut pg_sys::Node, context: *mut c_void) -> bool {
    if node.is_null() {
        return false;
    }
    // SAFETY: Postgres walks valid trees; the context is the `Touches` of `touches`.
    unsafe {
        let found = &mut *context.cast::<Touches>();
        match (*node).type_ {
            pg_sys::NodeTag::T_Query => {
                let query = node.cast::<pg_sys::Query>();
                for entry in list::pointers::<pg_sys::RangeTblEntry>((*query).rtable) {
                    if (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION {
                        found.relation((*entry).relid);
                    }
                }
                return pg_sys::query_tree_walker(query, Some(visit), context, 0);
            }
            pg_sys::NodeTag::T_FuncExpr => found.function((*node.cast::<pg_sys::FuncExpr>()).funcid),
            pg_sys::NodeTag::T_Aggref => found.function((*node.cast::<pg_sys::Aggref>()).aggfnoid),
            pg_sys::NodeTag::T_OpExpr => found.function((*node.cast::<pg_sys::OpExpr>()).opfuncid),
            _ => {}
        }
        pg_sys::expression_tree_walker(node, Some(visit), context)
    }
}

impl Touches {
    fn relation(&mut self, relid: pg_sys::Oid) {
        let Some(info) = catalog::relation(relid) else { return };
        if Some(info.access_method) == self.access_method {
            self.duckdb_table = true;
            // Without a server there is no need to look.
            self.motherduck_table |= motherduck::find().is_some()
                && table::of_relation(relid).is_ok_and(|table| table.instance() == Instance::MotherDuck);
        } else if relid.to_u32() < pg_sys::FirstNormalObjectId {
            self.catalog = true;
        } else if info.kind != b'v' {
            self.heap_table = true;
        }
    }

    fn function(&mut self, function: pg_sys::Oid) {
        if catalog::is_duckdb_only_function(function) {
            self.duckdb_function = true;
            self.motherduck_table |= resolve::view::is_view_function(function);
        }
        self.measures |= size::is_replaced(function);
    }
}

/// Our plan, or null. `wanted`: DuckDB is asked though nothing in the statement demands it.
///
/// # Safety
/// As the hook.
unsafe fn plan(request: Request, wanted: bool) -> Result<*mut pg_sys::PlannedStmt> {
    use pg_sys::CmdType::{CMD_DELETE, CMD_INSERT, CMD_MERGE, CMD_SELECT, CMD_UPDATE};
    const NOT_OURS: *mut pg_sys::PlannedStmt = std::ptr::null_mut();

    let Request { parse, query_string, cursor_options, bound_params } = request;
    // SAFETY: valid, as promised by the caller.
    let command = unsafe { (*parse).commandType };
    if !matches!(command, CMD_SELECT | CMD_INSERT | CMD_UPDATE | CMD_DELETE | CMD_MERGE) {
        return Ok(NOT_OURS);
    }
    // SAFETY: as above.
    let found = unsafe { touches(parse) };
    if found.duckdb_function {
        // SAFETY: as above; the planner owns the query.
        unsafe { resolve::resolve_late(parse)? };
    }
    if found.measures {
        // SAFETY: as above; the planner owns the query.
        unsafe { size::replace(parse) };
    }
    let mandatory = found.duckdb_table || found.duckdb_function;
    let forced = (wanted || gucs::execution() == Execution::Force)
        && found.heap_table
        && !found.catalog
        && command == CMD_SELECT;
    // SAFETY: as above.
    let target_is_duckdb =
        command != CMD_SELECT && unsafe { target(parse) }.is_some_and(catalog::is_duckdb_table);
    if command != CMD_SELECT && !target_is_duckdb {
        if mandatory {
            check_role()?;
            // SAFETY: as above.
            unsafe { hand_to_postgres(parse, heap_write(parse))? };
        }
        return Ok(NOT_OURS);
    }
    if !mandatory && !forced {
        return Ok(NOT_OURS);
    }
    check_role()?;
    if command == CMD_SELECT && found.duckdb_table && gucs::DEBUG_FORCE_FALLBACK.get() != ForceFallback::Off {
        let reason = Unsupported::new("duckdb.debug_force_fallback", "it is set");
        // SAFETY: as above.
        if unsafe { fallback::prepare(parse, &reason)? } {
            return Ok(NOT_OURS);
        }
    }
    // SAFETY: as above. A statement that changes something is not run twice.
    let short_decimals = command == CMD_SELECT && !unsafe { (*parse).hasModifyingCTE };
    let options = LowerOptions { short_decimals, ..LowerOptions::default() };
    let start = Instant::now();
    // SAFETY: as above.
    let lowered = unsafe { lower::lower_statement(parse, &options) };
    // Read by `bench sql`.
    debug1!("lowering, rules and writing took {} us", start.elapsed().as_micros());
    let lowered = match lowered {
        Ok(lowered) => lowered,
        // Forced execution is a wish: what cannot be shipped stays where it always ran.
        Err(LowerError::Unsupported(_)) if !mandatory => return Ok(NOT_OURS),
        // SAFETY: as above. Postgres has no way to change a duckdb table itself.
        Err(LowerError::Unsupported(reason))
            // SAFETY: as the caller promises.
            if command == CMD_SELECT && !unsafe { lower::changes_duckdb(parse) } =>
        {
            // SAFETY: as above.
            unsafe { hand_to_postgres(parse, reason)? };
            return Ok(NOT_OURS);
        }
        Err(error) => return Err(error.into()),
    };
    // SAFETY: as above.
    match unsafe { scan::plan::planned_statement(parse, query_string, cursor_options, lowered, bound_params) }
    {
        Err(error) if command == CMD_SELECT && is_refusal(&error) => {
            let reason = Unsupported::new("this query", error.0.message.clone());
            // SAFETY: as above; the failed attempt has changed nothing of the query.
            if unsafe { fallback::prepare(parse, &reason)? } { Ok(NOT_OURS) } else { Err(error) }
        }
        planned => planned,
    }
}

/// True for errors of DuckDB's binder in SQL that we have written. They are limits of DuckDB
/// (windows in a LATERAL subquery, outer columns in lambdas, which leave the types of all columns
/// open): Postgres has found nothing wrong.
pub(crate) fn is_refusal(error: &Error) -> bool {
    const REFUSALS: [&str; 5] = ["0A000", "42703", "42803", "42804", "42P18"];
    REFUSALS.contains(&error.0.sqlstate.to_string().as_str())
}

/// Has Postgres plan a statement that DuckDB cannot run as a whole, for `reason`.
///
/// # Safety
/// `parse` is the statement that is being planned.
///
/// # Errors
/// The reason, if Postgres cannot run it either.
unsafe fn hand_to_postgres(parse: *mut pg_sys::Query, reason: Unsupported) -> Result<()> {
    // SAFETY: as the caller promises.
    if unsafe { fallback::prepare(parse, &reason)? } { Ok(()) } else { Err(reason.into()) }
}

/// Why a statement that writes a heap table is Postgres' to run.
///
/// # Safety
/// `parse` is a valid query that is no SELECT.
unsafe fn heap_write(parse: *mut pg_sys::Query) -> Unsupported {
    use pg_sys::CmdType::{CMD_DELETE, CMD_INSERT, CMD_UPDATE};
    // SAFETY: as the caller promises; a missing name is a null pointer.
    let (command, name) = unsafe {
        let name = target(parse).map(|relid| owned_string(pg_sys::get_rel_name(relid)));
        ((*parse).commandType, name.unwrap_or_default())
    };
    let verb = match command {
        CMD_INSERT => "INSERT into",
        CMD_UPDATE => "UPDATE of",
        CMD_DELETE => "DELETE from",
        _ => "MERGE into",
    };
    Unsupported::new(format!("{verb} heap table \"{name}\""), "Postgres writes its own tables")
}

/// The relation a statement writes.
unsafe fn target(parse: *mut pg_sys::Query) -> Option<pg_sys::Oid> {
    // SAFETY: a valid query; resultRelation is an index into its rtable.
    unsafe {
        let index = usize::try_from((*parse).resultRelation).ok()?.checked_sub(1)?;
        let entry = list::pointers::<pg_sys::RangeTblEntry>((*parse).rtable).nth(index)?;
        ((*entry).rtekind == pg_sys::RTEKind::RTE_RELATION).then_some((*entry).relid)
    }
}

/// `duckdb.postgres_role`: may the current user use DuckDB?
///
/// The sync worker may, whoever it makes relations for.
pub(crate) fn check_role() -> Result<()> {
    if motherduck::sync::syncing().is_some() {
        return Ok(());
    }
    let Some(role) = gucs::POSTGRES_ROLE.get().filter(|role| !role.is_empty()) else {
        return Ok(());
    };
    // SAFETY: main thread, in a transaction; a missing role is allowed.
    let allowed = unsafe {
        let user = pg_sys::GetUserId();
        let role = pg_sys::get_role_oid(role.as_ptr(), true);
        pg_sys::superuser_arg(user) || (role != pg_sys::InvalidOid && pg_sys::is_member_of_role(user, role))
    };
    if allowed {
        return Ok(());
    }
    Err(Error::from(
        bridge_types::EngineError::new(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to use DuckDB")
            .with_detail(format!(
                "Only superusers and members of the role \"{}\" may use it.",
                role.to_string_lossy()
            ))
            .with_hint("The setting duckdb.postgres_role names this role."),
    ))
}
