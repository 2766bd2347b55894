//! What EXPLAIN shows of a `DuckDBScan`.

use arrow::array::{Array, AsArray};
use bridge_types::{EngineError, SqlState};
use pgrx::pg_sys;

use super::explain_feeds;
use super::plan::SMALL_CREDIT_BYTES;
use super::state::{self, Running};
use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, DuckSql, ExecuteOptions};
use crate::error::Result;
use crate::pg;

/// Adds DuckDB's plan (or the profile of the run), and with VERBOSE how the statement got there.
///
/// # Safety
/// `estate` is the state of the explained query and `es` that of EXPLAIN.
pub(crate) unsafe fn explain(
    running: &Running,
    query: &str,
    estate: *mut pg_sys::EState,
    es: *mut pg_sys::ExplainState,
) -> Result<()> {
    // SAFETY: as the caller promises.
    let (verbose, format) = unsafe { ((*es).verbose, (*es).format) };
    let text = |label: &str, value: &str| {
        let (label, value) = (pg::c_string(label), pg::c_string(value));
        // SAFETY: as the caller promises.
        unsafe { pg_sys::ExplainPropertyText(label.as_ptr(), value.as_ptr(), es) };
    };
    let number = |label: &str, value: u64| {
        let label = pg::c_string(label);
        let value = i64::try_from(value).unwrap_or(i64::MAX);
        // SAFETY: as the caller promises.
        unsafe { pg_sys::ExplainPropertyInteger(label.as_ptr(), std::ptr::null(), value, es) };
    };
    if verbose {
        let multiline = |value: &str| {
            if format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT {
                format!("\n{value}")
            } else {
                value.to_owned()
            }
        };
        // Plans that were not made by this EXPLAIN (of EXECUTE, by auto_explain) have none.
        if !running.plan.logical_plan.is_empty() {
            text("Logical Plan", &multiline(running.plan.logical_plan.trim_end()));
        }
        text("DuckDB SQL", &running.plan.sql);
    }
    if running.again.is_some() {
        text("Run Again by Postgres", "DuckDB has no form for one of the values");
    }
    if let Some(finished) = &running.finished {
        number("Rows Sent", finished.rows);
        number("Batches Sent", finished.batches);
        number("Bytes Sent", finished.bytes);
    }
    let profile = running.finished.as_ref().and_then(|finished| finished.profile.as_deref());
    let json = format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_JSON;
    match profile {
        Some(profile) => text("DuckDB Execution Plan", &format!("\n{}", profile.trim_end())),
        None => {
            let plan = duckdb_plan(running, query, estate, json)?;
            // SAFETY: as the caller promises.
            unsafe {
                if json {
                    raw_json(es, "DuckDB Execution Plan", &plan);
                } else {
                    text("DuckDB Execution Plan", &format!("\n{}", plan.trim_end()));
                }
            }
        }
    }
    // SAFETY: as the caller promises.
    unsafe { explain_feeds::explain(running, estate, es) };
    Ok(())
}

/// Runs DuckDB's own EXPLAIN of the statement; its feeds are bound but never read.
fn duckdb_plan(running: &Running, query: &str, estate: *mut pg_sys::EState, json: bool) -> Result<String> {
    let prefix = if json { "EXPLAIN (FORMAT json) " } else { "EXPLAIN " };
    let sql = format!("{prefix}{}", running.plan.sql);
    let sql = DuckSql { sql: &sql, ..running.plan.duck_sql() };
    let statement = session::prepare(sql, query, &running.plan.feed_specs()?)?;
    let options = ExecuteOptions {
        // Nothing outside of a part has run that could give it values; and sequences must not move.
        params: if running.plan.fragment || running.plan.has_volatile_params() {
            state::null_params(&running.plan)?
        } else {
            // SAFETY: the state of the query that is being explained.
            unsafe { state::params(&running.plan.params, estate)? }
        },
        credit_bytes: SMALL_CREDIT_BYTES,
        whole_result: false,
        complete: false,
        profile: false,
    };
    let feeds = Feeds::unread(running.plan.feeds.len())?;
    let mut portal = Portal::start(session::allocate_portal(), &statement, options, feeds)?;
    let mut plan = String::new();
    while let Some(batch) = portal.next_batch()? {
        // Two columns: which plan, and its text.
        let column = batch.columns().get(1).and_then(|column| column.as_string_view_opt());
        let Some(column) = column else {
            return Err(
                EngineError::new(SqlState::INTERNAL_ERROR, "unexpected form of DuckDB's EXPLAIN").into()
            );
        };
        for row in 0..column.len() {
            plan.push_str(column.value(row));
        }
    }
    portal.close()?;
    Ok(plan)
}

/// Adds a property whose value is JSON already; `ExplainPropertyText` would quote it.
unsafe fn raw_json(es: *mut pg_sys::ExplainState, label: &str, json: &str) {
    // SAFETY: as in ExplainJSONLineEnding: the head of the grouping stack says whether the
    // group has a member already.
    unsafe {
        let head = (*(*es).grouping_stack).elements;
        if (*head).int_value != 0 {
            pg_sys::appendStringInfoChar((*es).str_, b',' as _);
        } else {
            (*head).int_value = 1;
        }
        let indent = "  ".repeat(usize::try_from((*es).indent).unwrap_or(0));
        let body = json.trim_end().replace('\n', &format!("\n{indent}"));
        let property = pg::c_string(&format!("\n{indent}\"{label}\": {body}"));
        pg_sys::appendStringInfoString((*es).str_, property.as_ptr());
    }
}
