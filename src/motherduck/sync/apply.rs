//! Carries steps out.

use bridge_types::motherduck::PREFIX;
use bridge_types::names::{quote_identifier, quote_literal};
use pgrx::pg_sys;
use pgrx::prelude::*;

use super::diff::{self, Difference, Step, definition};
use super::{Place, Relation, Synced, Syncing, local, remote};
use crate::error::Result;
use crate::motherduck::Server;
use crate::pg::c_string;
use crate::{gucs, tables};

/// Whose relations these are.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) server: &'a Server,
    /// Owner of what is created.
    pub(super) owner: pg_sys::Oid,
    /// When the versions were read.
    pub(super) looked_at: TimestampWithTimeZone,
    pub(super) database: &'a str,
    pub(super) version: &'a str,
    /// What depends on something that has to go goes with it.
    pub(super) cascade: bool,
}

/// Makes one relation of Postgres what MotherDuck has under its name, in the current transaction.
/// `anew`: what differs is made anew, rather than altered.
///
/// # Errors
/// Those of the engine; Postgres' own are raised.
pub(super) fn reconcile(seen: &Difference, anew: bool, context: &Context<'_>) -> Result<()> {
    let place = &seen.place;
    let present = || -> Result<Option<Relation>> {
        let found = local::relations(context.database, Some(&place.name))?;
        Ok(found.into_iter().find(|relation| relation.place() == *place))
    };
    let mut old = present()?;
    // Not a relation of somebody else's that has the name.
    if old.is_some() {
        lock(place);
        old = present()?;
    }
    let new = if old == seen.present {
        // So no session has changed it since, here or there.
        seen.wanted.clone()
    } else {
        let (found, _) = acting_as(context.server.owner, || {
            remote::relations(context.database, &context.server.default_database, Some(&place.name))
        })?;
        found.into_iter().find(|relation| relation.place() == *place)
    };
    match (diff::step(new.as_ref(), old.as_ref()), new, old) {
        (Some(Step::Create), Some(new), _) => create(&new, context),
        (Some(Step::Drop), _, Some(old)) => {
            drop_relation(&old, context);
            drop_if_empty(&old.schema);
            Ok(())
        }
        (Some(Step::Alter { changes, comments, source }), Some(new), _) if !anew => {
            alter(&new, &changes, comments, source, context)
        }
        (Some(Step::Alter { .. } | Step::MakeAnew), Some(new), Some(old)) => {
            let grants = grants(&old, &new)?;
            drop_relation(&old, context);
            create(&new, context)?;
            let _owner = ActAs::new(context.owner);
            grants.iter().for_each(|grant| run(grant));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Waits until no session is in the middle of changing a relation; none is from there on.
fn lock(place: &Place) {
    let (schema, name) = (c_string(&place.schema), c_string(&place.name));
    // SAFETY: main thread, in a transaction; the names outlive the call, and nothing of it is kept.
    unsafe {
        let range = pg_sys::makeRangeVar(schema.as_ptr().cast_mut(), name.as_ptr().cast_mut(), -1);
        pg_sys::RangeVarGetRelidExtended(
            range,
            pg_sys::AccessExclusiveLock.cast_signed(),
            pg_sys::RVROption::RVR_MISSING_OK,
            None,
            std::ptr::null_mut(),
        );
    }
}

fn alter(
    relation: &Relation,
    changes: &[String],
    comments: bool,
    source: bool,
    context: &Context<'_>,
) -> Result<()> {
    let _syncing = Syncing::start(context.synced(relation));
    if source && relation.view.is_some() {
        create_view(relation, context)?;
    } else if source {
        set_source(relation)?;
    }
    let _owner = ActAs::new(context.owner);
    for change in changes {
        run(&format!("ALTER TABLE {} {change}", qualified(&relation.schema, &relation.name)));
    }
    if comments {
        set_comments(relation, true);
    }
    Ok(())
}

fn drop_relation(relation: &Relation, context: &Context<'_>) {
    let _syncing = Syncing::start(context.synced(relation));
    let cascade = if context.cascade { " CASCADE" } else { "" };
    let name = qualified(&relation.schema, &relation.name);
    run(&format!("DROP {} {name}{cascade}", kind(relation.view.is_some())));
}

/// The statements that give a relation the privileges of the one that it replaces, on itself and on
/// columns that both have. They are the owner's then, whoever had granted them.
fn grants(old: &Relation, new: &Relation) -> Result<Vec<String>> {
    let columns: Vec<&str> = new.columns.iter().map(|column| column.name.as_str()).collect();
    let name = qualified(&old.schema, &old.name);
    Spi::connect(|client| {
        let rows = client.select(
            "WITH granted AS (
                 SELECT NULL AS attname, relowner, acl.* FROM pg_catalog.pg_class, pg_catalog.aclexplode(relacl) AS acl
                 WHERE oid = $1
                 UNION ALL
                 SELECT attname, relowner, acl.* FROM pg_catalog.pg_class
                 JOIN pg_catalog.pg_attribute ON attrelid = oid, pg_catalog.aclexplode(attacl) AS acl
                 WHERE oid = $1 AND attname = ANY ($2))
             -- What a new relation gives to this role may have been taken from it.
             SELECT 0, pg_catalog.format('REVOKE ALL ON TABLE %s FROM %I', $3, $4) FROM pg_catalog.pg_class
             WHERE oid = $1 AND relacl IS NOT NULL AND $4 IS NOT NULL
             UNION ALL
             SELECT 1, pg_catalog.format('GRANT %s%s ON TABLE %s TO %s%s', privilege_type,
                 ' (' || pg_catalog.quote_ident(attname) || ')', $3,
                 CASE grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(grantee)) END,
                 CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END)
             FROM granted WHERE grantee <> relowner
             ORDER BY 1",
            None,
            &[relid(old)?.into(), columns.into(), name.as_str().into(), gucs::postgres_role().into()],
        )?;
        rows.map(|row| Ok(row.get::<String>(2)?.unwrap_or_default())).collect()
    })
}

impl Context<'_> {
    fn synced(&self, relation: &Relation) -> Synced {
        Synced {
            database: self.database.to_owned(),
            duckdb_schema: relation.duckdb_schema.clone(),
            version: self.version.to_owned(),
            default_database: self.server.default_database.clone(),
            source: relation.view.clone().or_else(|| relation.source.clone()),
        }
    }
}

fn create(relation: &Relation, context: &Context<'_>) -> Result<()> {
    let _syncing = Syncing::start(context.synced(relation));
    make_schema(&relation.schema, context);
    let name = qualified(&relation.schema, &relation.name);
    {
        let _owner = ActAs::new(context.owner);
        if relation.view.is_none() {
            let columns: Vec<String> = relation.columns.iter().map(definition).collect();
            run(&format!("CREATE TABLE {name} ({}) USING duckdb", columns.join(", ")));
        }
    }
    if relation.view.is_some() {
        create_view(relation, context)?;
    }
    {
        let _owner = ActAs::new(context.owner);
        set_comments(relation, false);
        if let Some(role) = gucs::postgres_role() {
            run(&format!("GRANT ALL ON TABLE {name} TO {}", quote_identifier(&role)));
        }
    }
    Ok(())
}

/// Creates the view in Postgres of one in MotherDuck, or replaces it.
fn create_view(relation: &Relation, context: &Context<'_>) -> Result<()> {
    let view = relation.view.as_deref().unwrap_or_default();
    let place = [context.database, &relation.duckdb_schema, &relation.name];
    let columns: Vec<(String, String)> =
        relation.columns.iter().map(|column| (column.name.clone(), column.type_name.clone())).collect();
    let select = view_of_columns(place, view, &columns);
    {
        let _owner = ActAs::new(context.owner);
        run(&format!("CREATE OR REPLACE VIEW {} AS {select}", qualified(&relation.schema, &relation.name)));
    }
    tables::view::register(relid(relation)?, context.synced(relation))
}

/// What a view in Postgres selects to be one of MotherDuck, which is at `place`: database, schema
/// and name. `sql` is the statement that made it there, `columns` are names and types.
pub(crate) fn view_of_columns(place: [&str; 3], sql: &str, columns: &[(String, String)]) -> String {
    let [database, schema, name] = place.map(quote_literal);
    let columns: Vec<String> = columns
        .iter()
        .map(|(column, type_name)| format!("{} {type_name}", quote_identifier(column)))
        .collect();
    format!(
        "SELECT * FROM duckdb.view({database}, {schema}, {name}, {}) AS {}({})",
        quote_literal(sql),
        quote_identifier(place[2]),
        columns.join(", ")
    )
}

/// Makes a view in Postgres one of what `synced` says, under its own name and with its own columns.
pub(crate) fn redefine_view(schema: &str, name: &str, synced: &Synced) -> Result<()> {
    let _syncing = Syncing::start(synced.clone());
    let view = qualified(schema, name);
    let columns = Spi::connect(|client| {
        let rows = client.select(
            "SELECT attname::text, pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
             WHERE attrelid = $1::pg_catalog.regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            None,
            &[view.as_str().into()],
        )?;
        let mut columns = Vec::new();
        for row in rows {
            let pair = (row.get::<String>(1)?.unwrap_or_default(), row.get::<String>(2)?.unwrap_or_default());
            columns.push(pair);
        }
        Ok::<_, pgrx::spi::Error>(columns)
    })?;
    let place = [&synced.database, &synced.duckdb_schema, name];
    let select = view_of_columns(place, synced.source.as_deref().unwrap_or_default(), &columns);
    run(&format!("CREATE OR REPLACE VIEW {view} AS {select}"));
    Ok(())
}

/// Drops a schema that stands for another database if nothing is left in it.
fn drop_if_empty(schema: &str) {
    let name = c_string(schema);
    // SAFETY: a catalog look-up on the main thread; a missing schema is allowed.
    let oid = unsafe { pg_sys::get_namespace_oid(name.as_ptr(), true) };
    if !schema.starts_with(PREFIX) || oid == pg_sys::InvalidOid {
        return;
    }
    let used = Spi::get_one_with_args::<bool>(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_depend
                        WHERE refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass AND refobjid = $1)",
        &[oid.into()],
    );
    if used == Ok(Some(false)) {
        run(&format!("DROP SCHEMA {}", quote_identifier(schema)));
    }
}

fn kind(is_view: bool) -> &'static str {
    if is_view { "VIEW" } else { "TABLE" }
}

/// Creates a schema that is missing. One that stands for another database goes with the server.
fn make_schema(schema: &str, context: &Context<'_>) {
    let name = c_string(schema);
    // SAFETY: a catalog look-up on the main thread; a missing schema is allowed.
    if unsafe { pg_sys::get_namespace_oid(name.as_ptr(), true) } != pg_sys::InvalidOid {
        return;
    }
    let quoted = quote_identifier(schema);
    run(&format!("CREATE SCHEMA {quoted}"));
    // SAFETY: the role exists; the name is copied at once.
    let owner = unsafe { crate::pg::owned_string(pg_sys::GetUserNameFromId(context.owner, false)) };
    run(&format!("GRANT ALL ON SCHEMA {quoted} TO {}", quote_identifier(&owner)));
    if let Some(role) = gucs::postgres_role() {
        run(&format!("GRANT USAGE ON SCHEMA {quoted} TO {}", quote_identifier(&role)));
    }
    if schema.starts_with(PREFIX) {
        // SAFETY: as above; it exists now.
        let oid = unsafe { pg_sys::get_namespace_oid(name.as_ptr(), false) };
        depend_on_server(pg_sys::NamespaceRelationId, oid, context.server.oid);
    }
}

/// Makes `DROP SERVER .. CASCADE` take an object along.
pub(crate) fn depend_on_server(class: pg_sys::Oid, object: pg_sys::Oid, server: pg_sys::Oid) {
    let depender = pg_sys::ObjectAddress { classId: class, objectId: object, objectSubId: 0 };
    let referenced =
        pg_sys::ObjectAddress { classId: pg_sys::ForeignServerRelationId, objectId: server, objectSubId: 0 };
    // SAFETY: both objects exist in this transaction.
    unsafe {
        pg_sys::recordDependencyOn(
            &raw const depender,
            &raw const referenced,
            pg_sys::DependencyType::DEPENDENCY_NORMAL,
        );
    }
}

fn set_source(relation: &Relation) -> Result<()> {
    let relid = relid(relation)?;
    Spi::run_with_args(
        "UPDATE duckdb.tables SET source = $2 WHERE relid = $1",
        &[relid.into(), relation.source.as_deref().into()],
    )?;
    // Plans have the old query in them.
    // SAFETY: main thread, in a transaction; the relation exists.
    unsafe { pg_sys::CacheInvalidateRelcacheByRelid(relid) };
    Ok(())
}

/// Oid of a relation that is there.
fn relid(relation: &Relation) -> Result<pg_sys::Oid> {
    let name = qualified(&relation.schema, &relation.name);
    let relid = Spi::get_one_with_args::<pg_sys::Oid>(
        "SELECT $1::pg_catalog.regclass::pg_catalog.oid",
        &[name.as_str().into()],
    )?;
    Ok(relid.unwrap_or(pg_sys::InvalidOid))
}

/// Sets the comments of a relation and its columns; `all`: those too that are to go.
fn set_comments(relation: &Relation, all: bool) {
    let name = qualified(&relation.schema, &relation.name);
    let set = |object: String, comment: Option<&str>| {
        if comment.is_some() || all {
            // E'' is not needed: the worker has standard_conforming_strings.
            let comment = comment.map_or_else(|| "NULL".to_owned(), quote_literal);
            run(&format!("COMMENT ON {object} IS {comment}"));
        }
    };
    set(format!("{} {name}", kind(relation.view.is_some())), relation.comment.as_deref());
    for column in &relation.columns {
        set(format!("COLUMN {name}.{}", quote_identifier(&column.name)), column.comment.as_deref());
    }
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// Runs a statement of ours; its errors are raised.
fn run(sql: &str) {
    if let Err(error) = Spi::run(sql) {
        // Only misuse of SPI comes here; SQL errors are raised by Postgres itself.
        pgrx::error!("{error}");
    }
}

/// Until the guard is dropped, statements run as another role. An ERROR needs no guard: the
/// end of the transaction restores the user.
struct ActAs {
    user: pg_sys::Oid,
    context: i32,
}

impl ActAs {
    fn new(role: pg_sys::Oid) -> Self {
        let mut saved = Self { user: pg_sys::InvalidOid, context: 0 };
        // SAFETY: main thread, in a transaction.
        unsafe {
            pg_sys::GetUserIdAndSecContext(&raw mut saved.user, &raw mut saved.context);
            let local = saved.context | pg_sys::SECURITY_LOCAL_USERID_CHANGE.cast_signed();
            pg_sys::SetUserIdAndSecContext(role, local);
        }
        saved
    }
}

impl Drop for ActAs {
    fn drop(&mut self) {
        // SAFETY: what was there before.
        unsafe { pg_sys::SetUserIdAndSecContext(self.user, self.context) };
    }
}

/// Runs `work` as `role`.
pub(super) fn acting_as<R>(role: pg_sys::Oid, work: impl FnOnce() -> R) -> R {
    let _role = ActAs::new(role);
    work()
}
