//! TPC-DS in the kept cluster, as duckdb tables.

use postgres::Client;
use tests::kept::KeptCluster;
use tests::{Result, tpcds};

use crate::tpch_database::{database, has_table};

/// Makes sure that database `name` of `cluster` has the tables of `data` (in Parquet files), and
/// returns a connection to it.
///
/// # Errors
/// If something can't be made.
pub fn duckdb_tables(cluster: &KeptCluster, name: &str, data: &tpcds::Data) -> Result<Client> {
    let mut client = database(cluster, name)?;
    client.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_duckdb")?;
    for (table, create) in data.tables("USING duckdb")? {
        if has_table(&mut client, &table)? {
            continue;
        }
        eprintln!("loading {table} into a duckdb table");
        let file = data.directory().join(format!("{table}.parquet"));
        let mut transaction = client.transaction()?;
        transaction.batch_execute(&create)?;
        transaction.batch_execute(&format!("COPY {table} FROM '{}' (FORMAT parquet)", file.display()))?;
        transaction.commit()?;
    }
    Ok(client)
}
