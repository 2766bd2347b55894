//! Questions about a table whose answers are small: read as a whole, here and now.

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

use super::table::Table;
use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, DuckSql, ExecuteOptions};
use crate::error::Result;
use crate::scan::plan::SMALL_CREDIT_BYTES;

/// The BIGINT that a query returns; 0 for none or null.
pub(super) fn number(table: &Table, sql: &str) -> Result<i64> {
    let mut number = 0;
    each_batch(table, sql, |batch| {
        let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>());
        number = column.and_then(|column| column.iter().flatten().next()).unwrap_or(number);
    })?;
    Ok(number)
}

/// The VARCHARs that a query returns, without nulls.
pub(super) fn texts(table: &Table, sql: &str) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    each_batch(table, sql, |batch| {
        if let Some(column) = batch.columns().first().and_then(|column| column.as_string_view_opt()) {
            texts.extend(column.iter().flatten().map(str::to_owned));
        }
    })?;
    Ok(texts)
}

fn each_batch(table: &Table, sql: &str, mut work: impl FnMut(&RecordBatch)) -> Result<()> {
    // Bound anew each time: pragma_storage_info answers, and points into the table, as of then.
    let statement =
        session::prepare(DuckSql { instance: table.instance(), sql, remote_scans: &[] }, "", &[])?;
    let options = ExecuteOptions {
        params: bytes::Bytes::new(),
        credit_bytes: SMALL_CREDIT_BYTES,
        whole_result: true,
        complete: false,
        profile: false,
    };
    let mut portal = Portal::start(session::allocate_portal(), &statement, options, Feeds::none())?;
    while let Some(batch) = portal.next_batch()? {
        work(&batch);
    }
    portal.close()
}
