//! What transactions leave in a store: what is to be done for their DDL, written by the backends and
//! done here once Postgres' decision is known, and marks that say that they have been committed.

use crate::duckdb::{Connection, DuckError};
use crate::log;
use bridge_ipc::message::CommitMark;
use bridge_types::names::{COMMITS_TABLE, OUTBOX_TABLE, STORE_SCHEMA, quote_identifier, store_catalog};
use std::collections::BTreeSet;

/// The outbox of the store of a Postgres database.
fn outbox(database_oid: u32) -> String {
    let catalog = quote_identifier(&store_catalog(database_oid));
    format!("{catalog}.{}.{OUTBOX_TABLE}", quote_identifier(STORE_SCHEMA))
}

/// Full ids of the transactions in the outbox.
pub(crate) fn unresolved(connection: &Connection, database_oid: u32) -> Result<Vec<u64>, DuckError> {
    // Asked for by each new session, of a table that is nearly always empty: nothing for DuckDB to sort.
    let sql = format!("SELECT xid::VARCHAR FROM {}", outbox(database_oid));
    let xids: BTreeSet<u64> =
        texts(connection, &sql)?.into_iter().filter_map(|text| text.parse().ok()).collect();
    Ok(xids.into_iter().collect())
}

/// Leaves the mark of the open transaction in the store of a Postgres database. `remove`: the slot's
/// older marks go, which nobody asks for any more.
pub(crate) fn leave_mark(
    connection: &Connection,
    database_oid: u32,
    mark: &CommitMark,
    remove: bool,
) -> Result<(), DuckError> {
    let catalog = store_catalog(database_oid);
    if remove {
        let table = format!("{}.{}", quote_identifier(&catalog), quote_identifier(STORE_SCHEMA));
        connection.query(&format!("DELETE FROM {table}.{COMMITS_TABLE} WHERE slot = {}", mark.slot))?;
    }
    connection.append([&catalog, STORE_SCHEMA, COMMITS_TABLE], mark.slot, &mark.text)
}

/// Runs the steps of a transaction, all or none, and takes them out of the outbox. Returns how
/// many there were.
pub(crate) fn resolve(
    connection: &Connection,
    database_oid: u32,
    xid: u64,
    committed: bool,
) -> Result<u64, DuckError> {
    let outbox = outbox(database_oid);
    let read = |column: &str, order: &str| {
        texts(connection, &format!("SELECT {column} FROM {outbox} WHERE xid = {xid} ORDER BY step {order}"))
    };
    let steps = if committed { read("redo", "ASC")? } else { read("undo", "DESC")? };
    if steps.is_empty() {
        return Ok(0);
    }
    let tidy = if committed { read("tidy", "ASC")? } else { Vec::new() };
    connection.query("BEGIN TRANSACTION")?;
    let done = run_all(connection, &steps)
        .and_then(|()| connection.query(&format!("DELETE FROM {outbox} WHERE xid = {xid}")).map(drop))
        .and_then(|()| connection.query("COMMIT").map(drop));
    if let Err(error) = done {
        // Fails only if DuckDB has ended the transaction itself.
        drop(connection.query("ROLLBACK"));
        let verb = if committed { "finish" } else { "undo" };
        log::warning(&format!("could not {verb} the DDL of transaction {xid}: {}", error.message));
        return Err(error);
    }
    for sql in tidy.iter().filter(|sql| !sql.is_empty()) {
        // Something is in a schema again: then it stays.
        if let Err(error) = connection.query(sql) {
            log::info(&format!("left in place: {}", error.message));
        }
    }
    Ok(u64::try_from(steps.len()).unwrap_or(u64::MAX))
}

fn run_all(connection: &Connection, steps: &[String]) -> Result<(), DuckError> {
    steps.iter().filter(|sql| !sql.is_empty()).try_for_each(|sql| connection.query(sql).map(drop))
}

/// The values of a statement with one VARCHAR column; nulls as empty texts.
fn texts(connection: &Connection, sql: &str) -> Result<Vec<String>, DuckError> {
    let mut result = connection.query(sql)?;
    let mut texts = Vec::new();
    while let Some(chunk) = result.fetch()? {
        texts.extend((0..chunk.len()).map(|row| chunk.text(0, row).unwrap_or_default()));
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use bridge_ipc::message::CommitMark;

    use super::{leave_mark, resolve, texts, unresolved};
    use crate::duckdb::{Connection, Database};

    /// A store with a table `t` that transaction 7 has replaced, and whose old rows it has kept.
    fn store() -> (Database, Connection) {
        let database = Database::open(":memory:", &[]).unwrap();
        let connection = Connection::open(&database).unwrap();
        let setup = "ATTACH ':memory:' AS pg5; CREATE SCHEMA pg5.pg_duckdb; \
             CREATE TABLE pg5.pg_duckdb.outbox (xid UBIGINT, step INTEGER, redo VARCHAR, undo VARCHAR, tidy VARCHAR); \
             CREATE TABLE pg5.aside AS SELECT 'old' AS v; CREATE TABLE pg5.t AS SELECT 'new' AS v; \
             INSERT INTO pg5.pg_duckdb.outbox VALUES \
             (7, 1, 'DROP TABLE pg5.aside', 'ALTER TABLE pg5.aside RENAME TO t', ''), \
             (7, 2, '', 'DROP TABLE pg5.t', 'DROP SCHEMA pg5.missing')";
        connection.query(setup).unwrap();
        (database, connection)
    }

    #[test]
    fn a_committed_transaction_loses_what_it_kept_aside() {
        let (_database, connection) = store();
        assert_eq!(unresolved(&connection, 5).unwrap(), [7]);
        assert_eq!(resolve(&connection, 5, 8, true).unwrap(), 0, "another transaction");
        assert_eq!(resolve(&connection, 5, 7, true).unwrap(), 2);
        assert_eq!(texts(&connection, "SELECT v FROM pg5.t").unwrap(), ["new"]);
        assert!(connection.query("FROM pg5.aside").is_err());
        assert!(unresolved(&connection, 5).unwrap().is_empty());
        assert_eq!(resolve(&connection, 5, 7, false).unwrap(), 0, "twice does nothing");
    }

    #[test]
    fn an_aborted_transaction_is_undone_backwards() {
        let (_database, connection) = store();
        assert_eq!(resolve(&connection, 5, 7, false).unwrap(), 2);
        assert_eq!(texts(&connection, "SELECT v FROM pg5.t").unwrap(), ["old"]);
    }

    #[test]
    fn steps_are_done_all_or_none() {
        let (_database, connection) = store();
        connection
            .query("INSERT INTO pg5.pg_duckdb.outbox VALUES (7, 0, '', 'DROP TABLE pg5.none', '')")
            .unwrap();
        assert!(resolve(&connection, 5, 7, false).is_err());
        assert_eq!(texts(&connection, "SELECT v FROM pg5.t").unwrap(), ["new"]);
        assert_eq!(unresolved(&connection, 5).unwrap(), [7]);
    }

    #[test]
    fn marks_stay_until_their_slot_removes_them() {
        let (_database, connection) = store();
        connection.query("CREATE TABLE pg5.pg_duckdb.commits (slot INTEGER, mark VARCHAR)").unwrap();
        let leave = |slot, text: &str, remove| {
            connection.query("BEGIN TRANSACTION").unwrap();
            leave_mark(&connection, 5, &CommitMark { slot, text: text.to_owned() }, remove).unwrap();
            connection.query("COMMIT").unwrap();
        };
        let marks = || texts(&connection, "SELECT mark FROM pg5.pg_duckdb.commits ORDER BY mark").unwrap();
        leave(1, "a", true);
        leave(2, "b", true);
        leave(1, "c", false);
        assert_eq!(marks(), ["a", "b", "c"]);
        leave(1, "d", true);
        assert_eq!(marks(), ["b", "d"]);
    }
}
