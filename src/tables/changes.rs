//! Relations that the running statement changes, and what DuckDB had of them before.
//!
//! Postgres changes its catalogs first. When it has finished the statement, DuckDB is made to
//! follow: the definition of then is compared with that of now. So one statement may change a
//! table in many ways, and also by the way: `DROP TYPE .. CASCADE` takes columns along.

use std::cell::RefCell;

use pgrx::pg_sys;

use super::definition::Definition;
use super::rewrite::Rewrite;
use super::table::{self, Table};
use super::{ddl, pending, registry};
use crate::error::Result;
use crate::motherduck;
use crate::pg::catalog;

/// A relation that is being changed.
struct Change {
    relid: pg_sys::Oid,
    /// Subtransaction in which the change began.
    begun_in: pg_sys::SubTransactionId,
    /// What DuckDB has; `None` if it has nothing of the relation (yet).
    before: Option<(Table, Definition)>,
    /// The statement is about this relation, whose scans and inserts are then Postgres' own
    /// rewriting. Otherwise it changes by the way.
    is_target: bool,
    /// The statement moves the table to another access method.
    leaves: bool,
    /// The relation that Postgres' rewriting fills.
    transient: Option<pg_sys::Oid>,
    /// The rows that it has made.
    rewrite: Option<Rewrite>,
}

thread_local! {
    static CHANGES: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// Begins a statement that changes `relid`; [`end`] ends it. `leaves`: the table will not be a
/// duckdb table any more.
pub(crate) fn begin(relid: pg_sys::Oid, leaves: bool) -> Result<()> {
    let change = Change { leaves, ..Change::new(relid, true)? };
    CHANGES.with_borrow_mut(|changes| changes.push(change));
    Ok(())
}

/// Makes DuckDB follow the statement that [`begin`] began.
pub(crate) fn end() -> Result<()> {
    match take(|change| change.is_target) {
        Some(change) => change.apply(),
        None => Ok(()),
    }
}

/// Says that a part of a relation is about to be dropped, by whatever statement.
pub(super) fn note(relid: pg_sys::Oid) -> Result<()> {
    let known = CHANGES.with_borrow(|changes| changes.iter().any(|change| change.relid == relid));
    if !known && !pending::contains(relid) {
        let change = Change::new(relid, false)?;
        CHANGES.with_borrow_mut(|changes| changes.push(change));
    }
    Ok(())
}

/// True if [`apply_noted`] has something to do.
pub(crate) fn any_noted() -> bool {
    CHANGES.with_borrow(|changes| changes.iter().any(|change| !change.is_target))
}

/// Makes DuckDB follow what was [`note`]d.
pub(crate) fn apply_noted() -> Result<()> {
    while let Some(change) = take(|change| !change.is_target) {
        change.apply()?;
    }
    Ok(())
}

/// Forgets what was noted of a relation that is dropped as a whole, and gives what DuckDB has.
pub(super) fn forget(relid: pg_sys::Oid) -> Option<Definition> {
    let noted = take(|change| !change.is_target && change.relid == relid)?;
    noted.before.map(|(_, definition)| definition)
}

/// True while Postgres executes a statement that changes a duckdb table.
pub(super) fn is_changing() -> bool {
    CHANGES.with_borrow(|changes| changes.iter().any(|change| change.is_target))
}

/// Says that Postgres has made a transient relation, to fill it with rows of the statement's.
/// False outside of statements that change a table.
pub(super) fn note_transient(relid: pg_sys::Oid) -> bool {
    with_target(|change| change.transient = Some(relid)).is_some()
}

/// What Postgres' rewriting has to read; `None` if it only checks.
pub(super) fn read_by_rewriting() -> Option<(Table, Definition)> {
    // No rows are copied here, and none have to be.
    if motherduck::sync::syncing().is_some() {
        return None;
    }
    with_target(|change| {
        let rewrites = change.leaves || change.transient.is_some();
        change.before.clone().filter(|_| rewrites)
    })?
}

/// Takes the rewriting of the statement's relation, to give it back with [`put_rewrite`].
/// `Err` if there is no such statement, or `transient` is not what it fills.
pub(super) fn take_rewrite(transient: pg_sys::Oid) -> std::result::Result<Option<Rewrite>, ()> {
    with_target(
        |change| {
            if change.transient == Some(transient) { Ok(change.rewrite.take()) } else { Err(()) }
        },
    )
    .unwrap_or(Err(()))
}

/// See [`take_rewrite`].
pub(super) fn put_rewrite(rewrite: Rewrite) {
    with_target(|change| change.rewrite = Some(rewrite));
}

/// Runs `work` on the statement's change.
fn with_target<R>(work: impl FnOnce(&mut Change) -> R) -> Option<R> {
    CHANGES.with_borrow_mut(|changes| changes.iter_mut().rev().find(|change| change.is_target).map(work))
}

/// Relation of the statement, and what DuckDB has of it.
pub(super) fn target() -> Option<(pg_sys::Oid, Option<(Table, Definition)>)> {
    with_target(|change| (change.relid, change.before.clone()))
}

/// Forgets what was begun in a subtransaction that aborts, or in one inside it.
pub(super) fn forget_since(subtransaction: pg_sys::SubTransactionId) {
    CHANGES.with_borrow_mut(|changes| changes.retain(|change| change.begun_in < subtransaction));
}

fn take(which: impl Fn(&Change) -> bool) -> Option<Change> {
    CHANGES.with_borrow_mut(|changes| {
        let index = changes.iter().rposition(which)?;
        Some(changes.remove(index))
    })
}

impl Change {
    fn new(relid: pg_sys::Oid, is_target: bool) -> Result<Self> {
        let before = if catalog::is_duckdb_table(relid) && !pending::contains(relid) {
            Some((table::of_relation(relid)?, Definition::of(relid)?))
        } else {
            None
        };
        // SAFETY: main thread, in a transaction.
        let begun_in = unsafe { pg_sys::GetCurrentSubTransactionId() };
        Ok(Self { relid, begun_in, before, is_target, leaves: false, transient: None, rewrite: None })
    }

    fn apply(self) -> Result<()> {
        // SAFETY: main thread, in a transaction; makes the new catalog rows visible.
        unsafe { pg_sys::CommandCounterIncrement() };
        let relid = self.relid;
        if catalog::relation(relid).is_none() || pending::contains(relid) {
            return Ok(());
        }
        if motherduck::sync::syncing().is_some() {
            return Ok(());
        }
        let made = self.rewrite.map(Rewrite::finish).transpose()?;
        match (self.before, catalog::is_duckdb_table(relid)) {
            (Some((table, before)), true) => {
                let after = Definition::of(relid)?;
                match made {
                    None => ddl::change(relid, &table, &before, &after),
                    Some(made) => {
                        ddl::drop_indexes(&table, &before)?;
                        ddl::replace(relid, &table, &before, &made)?;
                        ddl::create_indexes(relid, &table, &after)
                    }
                }
            }
            // SET ACCESS METHOD: Postgres has the rows now.
            (Some((table, before)), false) => {
                ddl::drop_indexes(&table, &before)?;
                ddl::drop_table(relid, &table, &before)?;
                registry::delete(relid)
            }
            // SET ACCESS METHOD duckdb.
            (None, true) => match made {
                None => ddl::create(relid),
                Some(made) => ddl::adopt(relid, &made),
            },
            (None, false) => Ok(()),
        }
    }
}
