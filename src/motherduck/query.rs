//! Small queries of the engine whose rows are texts.

use arrow::array::{Array, AsArray};

use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, DuckSql, ExecuteOptions, Instance};
use crate::error::Result;

/// Unread bytes that the engine keeps ready.
const CREDIT_BYTES: u64 = 1 << 20;

/// Runs a SELECT on `instance` and returns its rows, every value cast to VARCHAR by DuckDB.
pub(super) fn text_rows(instance: Instance, sql: &str) -> Result<Vec<Vec<Option<String>>>> {
    let sql = format!("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM ({sql}) AS q");
    let statement = session::bound(DuckSql { instance, sql: &sql, remote_scans: &[] }, "", &[])?;
    let options = ExecuteOptions {
        params: bytes::Bytes::new(),
        credit_bytes: CREDIT_BYTES,
        whole_result: true,
        complete: false,
        profile: false,
    };
    let mut portal = Portal::start(session::allocate_portal(), &statement, options, Feeds::none())?;
    let mut rows = Vec::new();
    while let Some(batch) = portal.next_batch()? {
        let columns: Vec<_> =
            batch.columns().iter().filter_map(|column| column.as_string_view_opt()).collect();
        rows.extend((0..batch.num_rows()).map(|row| {
            let value = |column: &&arrow::array::StringViewArray| {
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            columns.iter().map(value).collect()
        }));
    }
    portal.close()?;
    Ok(rows)
}
