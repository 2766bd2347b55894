//! CREATE VIEW: which views are made in MotherDuck, and how their queries get there.
//!
//! A view goes there if `duckdb.force_motherduck_views` is set, if its schema stands for another
//! database, or if its query names a relation of MotherDuck. If it cannot be (the query reads a
//! heap table, say, or needs a function that only this engine has), then in the last case it is
//! a view of Postgres as any other, and a NOTICE says why.

use std::ffi::c_char;

use bridge_types::motherduck::PREFIX;
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::utility::{After, Decision, relation_of};
use super::{planner, xact};
use crate::engine::session::{self, DuckSql, Instance};
use crate::error::Result;
use crate::lower::{self, LowerError, LowerOptions};
use crate::motherduck::sync::{self, Synced};
use crate::pg::{self, list, owned_string, palloc_string, tree};
use crate::tables::table::Table;
use crate::tables::{comment, table, view};
use crate::{gucs, motherduck, resolve};

/// A view that was made in MotherDuck and is being made in Postgres. Strings live as long as
/// the statement.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct MadeView {
    name: *mut pg_sys::RangeVar,
    database: *mut c_char,
    schema: *mut c_char,
    sql: *mut c_char,
}

impl MadeView {
    /// Registers the view that Postgres has now.
    pub(super) fn follow(self) -> Result<()> {
        // SAFETY: strings of the running statement; its view exists.
        let (relid, database, duckdb_schema, source) = unsafe {
            pg_sys::CommandCounterIncrement();
            let Some(relid) = relation_of(self.name) else { return Ok(()) };
            (relid, owned_string(self.database), owned_string(self.schema), owned_string(self.sql))
        };
        let synced = Synced {
            database,
            duckdb_schema,
            version: String::new(),
            default_database: String::new(),
            source: Some(source),
        };
        view::register(relid, synced)?;
        comment::say_all(relid)
    }
}

/// `CREATE VIEW`: makes it in MotherDuck if it belongs there, and has Postgres make one of that.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn create(
    statement: *mut pg_sys::PlannedStmt,
    query_string: *const c_char,
) -> Result<Decision> {
    let nothing = Decision { after: After::Nothing, statement };
    // SAFETY: as the caller promises; the tags say what nodes are.
    unsafe {
        let view = (*statement).utilityStmt.cast::<pg_sys::ViewStmt>();
        let temporary = (*(*view).view).relpersistence.cast_unsigned() == pg_sys::RELPERSISTENCE_TEMP;
        let plain = (*(*view).query).type_ == pg_sys::NodeTag::T_SelectStmt
            && (*(*view).query.cast::<pg_sys::SelectStmt>()).intoClause.is_null();
        if temporary || !plain || motherduck::find().is_none() || !motherduck::is_told() {
            return Ok(nothing);
        }
        let namespace = pg_sys::RangeVarGetCreationNamespace((*view).view);
        if pg_sys::isAnyTempNamespace(namespace) {
            return Ok(nothing);
        }
        let schema = owned_string(pg_sys::get_namespace_name(namespace));
        let old = relation_of((*view).view);
        let known = match old {
            Some(old) => view::of(old)?.is_some(),
            None => false,
        };
        let query = analyse(&*statement, &*view, query_string);
        let restored = restored(query)?;
        let query = if restored.is_some() { query } else { rewritten(query) };
        let named = !query.is_null() && planner::touches(query).motherduck_table;
        let must = known || gucs::FORCE_MOTHERDUCK_VIEWS.get() || schema.starts_with(PREFIX);
        if query.is_null() || !(must || named) || (old.is_some() && !known) {
            return Ok(nothing);
        }
        planner::check_role()?;
        let made = match restored {
            Some(made) => Ok(made),
            None => describe(&*view, query)?,
        };
        let made = match made {
            Ok(made) => made,
            Err(why) if must => {
                return Err(EngineError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!(
                        "view \"{}\" cannot be made in MotherDuck",
                        owned_string((*(*view).view).relname)
                    ),
                )
                .with_detail(why)
                .with_hint(if known {
                    "Drop the view first: it is one of MotherDuck."
                } else {
                    "Make it in another schema, with duckdb.force_motherduck_views off."
                })
                .into());
            }
            Err(why) => {
                ereport!(
                    NOTICE,
                    PgSqlErrorCode::ERRCODE_SUCCESSFUL_COMPLETION,
                    "the view is made in Postgres, not in MotherDuck",
                    why
                );
                return Ok(nothing);
            }
        };
        check_privileges(query);
        let name = owned_string((*(*view).view).relname);
        let target = Table {
            location: table::of_new(&schema)?,
            schema,
            name,
            persistence: pg_sys::RELPERSISTENCE_PERMANENT,
        };
        let columns: Vec<String> = made.columns.iter().map(|column| column.0.clone()).collect();
        let sql = view::create(&target, &columns, &made.sql, known)?;
        let place = [target.database(), target.duckdb_schema().to_owned(), target.name.clone()];
        let text = sync::view_of_columns(place.each_ref().map(String::as_str), &sql, &made.columns);
        let replaced = pg_sys::copyObjectImpl(statement.cast_const().cast()).cast::<pg_sys::PlannedStmt>();
        let new = (*replaced).utilityStmt.cast::<pg_sys::ViewStmt>();
        let parsed = pg_sys::raw_parser(palloc_string(&text), pg_sys::RawParseMode::RAW_PARSE_DEFAULT);
        let Some(parsed) = list::pointers::<pg_sys::RawStmt>(parsed).next() else { return Ok(nothing) };
        (*new).query = (*parsed).stmt;
        (*new).aliases = std::ptr::null_mut();
        let [database, schema, _] = place.each_ref().map(|part| palloc_string(part));
        let after = After::View(MadeView { name: (*new).view, database, schema, sql: palloc_string(&sql) });
        Ok(Decision { after, statement: replaced })
    }
}

/// `COMMENT ON TABLE`, `VIEW` and `COLUMN` of what is in MotherDuck: it is told.
///
/// # Safety
/// A valid statement.
pub(super) unsafe fn comment(statement: &pg_sys::CommentStmt) -> Result<After> {
    use pg_sys::ObjectType::{OBJECT_COLUMN, OBJECT_TABLE, OBJECT_VIEW};
    let on_column = statement.objtype == OBJECT_COLUMN;
    if ![OBJECT_COLUMN, OBJECT_TABLE, OBJECT_VIEW].contains(&statement.objtype)
        || motherduck::find().is_none()
    {
        return Ok(After::Nothing);
    }
    // SAFETY: names in a valid statement; the last part of a column's is its own, and that there is no
    // other is Postgres' to say.
    let (relid, column, text) = unsafe {
        let mut name: *mut pg_sys::List = statement.object.cast();
        let column = list::pointers::<pg_sys::Node>(name).last().filter(|_| on_column);
        if column.is_some() {
            name = pg_sys::list_copy_head(name, (*name).length - 1);
        }
        let range =
            if name.is_null() { std::ptr::null_mut() } else { pg_sys::makeRangeVarFromNameList(name) };
        (
            relation_of(range),
            column.map(|column| pg::node_string(column)),
            (!statement.comment.is_null()).then(|| owned_string(statement.comment)),
        )
    };
    if let Some(relid) = relid {
        comment::say(relid, column.as_deref(), text.as_deref())?;
    }
    Ok(After::Nothing)
}

/// The view's query, as Postgres will analyse it.
unsafe fn analyse(
    statement: &pg_sys::PlannedStmt,
    view: &pg_sys::ViewStmt,
    query_string: *const c_char,
) -> *mut pg_sys::Query {
    // SAFETY: a valid statement; analysis may change the tree, hence the copy.
    unsafe {
        let raw = pg::new_node::<pg_sys::RawStmt>(pg_sys::NodeTag::T_RawStmt);
        (*raw).stmt = pg_sys::copyObjectImpl(view.query.cast_const().cast()).cast();
        (*raw).stmt_location = statement.stmt_location;
        (*raw).stmt_len = statement.stmt_len;
        let none: *mut pg_sys::Oid = std::ptr::null_mut();
        pg_sys::parse_analyze_fixedparams(raw, query_string, none, 0, none.cast())
    }
}

/// The query with its views expanded; null if it does not stay one SELECT.
unsafe fn rewritten(query: *mut pg_sys::Query) -> *mut pg_sys::Query {
    // SAFETY: an analysed query of ours.
    unsafe {
        if (*query).commandType != pg_sys::CmdType::CMD_SELECT || (*query).hasModifyingCTE {
            return std::ptr::null_mut();
        }
        pg_sys::AcquireRewriteLocks(query, true, false);
        let queries: Vec<_> = list::pointers::<pg_sys::Query>(pg_sys::QueryRewrite(query)).collect();
        match queries.as_slice() {
            [only] => *only,
            _ => std::ptr::null_mut(),
        }
    }
}

/// A view that selects from `duckdb.view`, all its columns, as those in dumps do: made in MotherDuck
/// again by the statement that the dump has of it.
///
/// # Safety
/// `query` is an analysed query.
///
/// # Errors
/// 42501 if the user may not read files of the server, which nobody looks for in that statement.
unsafe fn restored(query: *mut pg_sys::Query) -> Result<Option<Made>> {
    // SAFETY: as the caller promises.
    unsafe {
        if !(*query).jointree.is_null() && !(*(*query).jointree).quals.is_null() {
            return Ok(None);
        }
        let mut entries = list::pointers::<pg_sys::RangeTblEntry>((*query).rtable);
        let (Some(entry), None) = (entries.next(), entries.next()) else { return Ok(None) };
        let Some(sql) = resolve::view::definition(entry)? else { return Ok(None) };
        let Some(body) = body(&sql) else { return Ok(None) };
        if !resolve::reader::may_read_files() {
            return Err(EngineError::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "permission denied to make a view of MotherDuck from a dump",
            )
            .with_detail("Its statement may read files, for which one needs the privileges of \"pg_read_server_files\".")
            .into());
        }
        let columns = list::pointers::<pg_sys::TargetEntry>((*query).targetList)
            .filter(|target| !(**target).resjunk)
            .map(|target| {
                let expr = (*target).expr.cast::<pg_sys::Node>();
                let typmod = pg_sys::exprTypmod(expr);
                let type_name = pg_sys::format_type_with_typemod(pg_sys::exprType(expr), typmod);
                (owned_string((*target).resname), owned_string(type_name))
            })
            .collect();
        Ok(Some(Made { sql: body.to_owned(), columns }))
    }
}

/// What follows the first AS outside of quotes and parentheses, without the semicolon.
fn body(create_view: &str) -> Option<&str> {
    let (mut quote, mut depth, mut start) = (None, 0_u32, None);
    for (at, c) in create_view.char_indices() {
        if let Some(open) = quote {
            quote = (c != open).then_some(open);
            continue;
        }
        if c.is_alphanumeric() || c == '_' {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take()
            && depth == 0
            && create_view[start..at].eq_ignore_ascii_case("as")
        {
            return Some(create_view[at..].trim().trim_end_matches(';'));
        }
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '\'' | '"' => quote = Some(c),
            _ => {}
        }
    }
    None
}

/// What a view will be in MotherDuck.
struct Made {
    /// Its query.
    sql: String,
    /// Names, and types as Postgres prints them.
    columns: Vec<(String, String)>,
}

/// The view in MotherDuck's terms, or why it cannot be there.
///
/// # Safety
/// A valid statement and its rewritten query.
unsafe fn describe(
    statement: &pg_sys::ViewStmt,
    query: *mut pg_sys::Query,
) -> Result<std::result::Result<Made, String>> {
    let because = |why: &str| Ok(Err(why.to_owned()));
    if !statement.options.is_null() || statement.withCheckOption != pg_sys::ViewCheckOption::NO_CHECK_OPTION {
        return because("It has options, which views of MotherDuck do not have.");
    }
    let options = LowerOptions { instance: Some(Instance::MotherDuck), ..LowerOptions::default() };
    // SAFETY: as the caller promises.
    let lowered = match unsafe { lower::lower_query(query, &options) } {
        Ok(lowered) => lowered,
        Err(LowerError::Unsupported(why)) => {
            return because(&format!("{} does not run in DuckDB: {}.", why.what, why.why));
        }
        Err(error) => return Err(error.into()),
    };
    if !lowered.feeds.is_empty() || !lowered.remote_scans.is_empty() {
        return because("It reads what is not in MotherDuck.");
    }
    if !lowered.params.is_empty() || lowered.plan_time_values || !lowered.targets.is_null() {
        return because("Its query has values that Postgres computes when it is run.");
    }
    if let Some(function) = own_function(&lowered.sql) {
        return because(&format!("Its query needs {function}, which only the engine of this server has."));
    }
    let sql = DuckSql { instance: Instance::MotherDuck, sql: &lowered.sql, remote_scans: &[] };
    let bound = session::prepare(sql, "", &[])?;
    let mut columns = Vec::with_capacity(lowered.columns.len());
    for (column, duckdb_type) in lowered.columns.iter().zip(&bound.prepared.type_names) {
        // SAFETY: catalog look-ups on the main thread.
        let (type_name, collation) = unsafe {
            (
                owned_string(pg_sys::format_type_with_typemod(column.type_oid, column.typmod)),
                pg_sys::get_typcollation(column.type_oid),
            )
        };
        if column.collation != collation {
            return because(&format!("Column \"{}\" has a collation of its own.", column.spec.name));
        }
        if !resolve::reads_as(duckdb_type, column.type_oid) {
            return because(&format!(
                "Column \"{}\" of type {type_name} would be a {duckdb_type} there.",
                column.spec.name
            ));
        }
        // One that the sync worker will not want to change.
        let type_name = sync::kept_type(duckdb_type, column.type_oid, column.typmod).unwrap_or(type_name);
        columns.push((column.spec.name.clone(), type_name));
    }
    // SAFETY: a list of names; that there are too many is Postgres' to say.
    let aliases = unsafe { list::pointers::<pg_sys::Node>(statement.aliases) };
    for (alias, column) in aliases.zip(&mut columns) {
        // SAFETY: as above.
        column.0 = unsafe { pg::node_string(alias) };
    }
    xact::before_read(Instance::MotherDuck)?;
    Ok(Ok(Made { sql: lowered.sql, columns }))
}

/// A function in SQL of ours that DuckDB does not have by itself: their names begin with `pg_`.
fn own_function(sql: &str) -> Option<&str> {
    let mut quote = None;
    let mut start = None;
    for (at, c) in sql.char_indices() {
        if let Some(open) = quote {
            quote = (c != open).then_some(open);
            continue;
        }
        if c.is_ascii_alphanumeric() || c == '_' {
            start.get_or_insert(at);
            continue;
        }
        if let Some(start) = start.take()
            && c == '('
            && sql[start..at].starts_with("pg_")
        {
            return Some(&sql[start..at]);
        }
        quote = matches!(c, '\'' | '"').then_some(c);
    }
    None
}

/// Raises an error unless the current user may read what the view reads: in MotherDuck nobody
/// asks again.
///
/// # Safety
/// `query` is a valid query.
unsafe fn check_privileges(query: *mut pg_sys::Query) {
    // SAFETY: as the caller promises.
    unsafe {
        tree::any_query(query, &mut |query| {
            #[cfg(feature = "pg15")]
            pg_sys::ExecCheckRTPerms((*query).rtable, true);
            #[cfg(not(feature = "pg15"))]
            pg_sys::ExecCheckPermissions((*query).rtable, (*query).rteperminfos, true);
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{body, own_function};

    #[test]
    fn the_body_of_a_view_follows_its_head() {
        assert_eq!(body("CREATE VIEW v AS SELECT 1 AS i;"), Some("SELECT 1 AS i"));
        assert_eq!(body("CREATE VIEW \"as\" (a, \"x as y\") AS (SELECT 1, 2)"), Some("(SELECT 1, 2)"));
        assert_eq!(body("CREATE VIEW v"), None);
    }

    #[test]
    fn functions_of_the_engine_are_found_outside_of_quotes() {
        assert_eq!(own_function("SELECT pg_numeric_div(a, 2) FROM t"), Some("pg_numeric_div"));
        assert_eq!(own_function("SELECT 'pg_x(''' || \"pg_y(\"(1), pg_z FROM t"), None);
        assert_eq!(own_function("SELECT upper(a) FROM t"), None);
    }
}
