//! TPC-H in the kept cluster: duckdb tables in one database, heap tables in another.

use postgres::Client;
use tests::kept::KeptCluster;
use tests::{Result, tpch};

/// Makes sure that database `name` of `cluster` has the tables as duckdb tables, loaded by
/// CREATE TABLE AS from the Parquet files, and returns a connection to it.
///
/// # Errors
/// If something can't be made.
pub fn duckdb_tables(cluster: &KeptCluster, name: &str, data: &tpch::Data) -> Result<Client> {
    let mut client = database(cluster, name)?;
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_duckdb")?;
    for statement in tests::sql_file::statements(&tpch::load_statements(data.directory())?) {
        let table = statement.sql.split_whitespace().nth(2).ok_or("a load statement without a table")?;
        if has_table(&mut client, table)? {
            continue;
        }
        eprintln!("loading {table} into a duckdb table");
        client.batch_execute(&statement.sql)?;
    }
    Ok(client)
}

/// Makes sure that database `name` of `cluster` has the tables as heap tables, analyzed and
/// without indexes, and returns a connection to it.
///
/// # Errors
/// If something can't be made.
pub fn heap_tables(cluster: &KeptCluster, name: &str, data: &tpch::Data) -> Result<Client> {
    let mut client = database(cluster, name)?;
    if !has_table(&mut client, "lineitem")? {
        eprintln!("loading the heap tables of plain Postgres (a minute or so at scale factor 1)");
        let mut transaction = client.transaction()?;
        for statement in tests::sql_file::statements(&tpch::create_tables("")?) {
            transaction.batch_execute(&statement.sql)?;
        }
        for (table, _) in tpch::TABLES {
            for file in data.text_files(table)? {
                // FREEZE: created in this transaction; no hint bits to set in the first query.
                let copy = format!("COPY {table} FROM '{}' WITH (DELIMITER '|', FREEZE)", file.display());
                transaction.batch_execute(&copy)?;
            }
        }
        transaction.commit()?;
        client.batch_execute("ANALYZE")?;
    }
    Ok(client)
}

/// Number of the database, which its store's directory is called by.
///
/// # Errors
/// If the server does not answer.
pub fn oid(client: &mut Client) -> Result<u32> {
    Ok(client.query_one("SELECT oid FROM pg_database WHERE datname = current_database()", &[])?.get(0))
}

/// Makes sure that database `name` exists, and returns a connection to it.
pub(crate) fn database(cluster: &KeptCluster, name: &str) -> Result<Client> {
    let mut client = cluster.client("postgres")?;
    if client.query("SELECT FROM pg_database WHERE datname = $1", &[&name])?.is_empty() {
        client.batch_execute(&format!("CREATE DATABASE \"{name}\""))?;
    }
    cluster.client(name)
}

/// True if there is a table `name` in schema public.
pub(crate) fn has_table(client: &mut Client, table: &str) -> Result<bool> {
    let sql = "SELECT FROM pg_class WHERE relname = $1 AND relnamespace = 'public'::regnamespace";
    Ok(!client.query(sql, &[&table])?.is_empty())
}
