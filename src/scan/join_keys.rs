//! Feeds that read only rows with keys that a duckdb table has.
//!
//! When the statement starts, DuckDB is asked for the keys of the other side of the join (see
//! [`crate::lower::join_keys`]), and Postgres plans the feed again with `value = ANY (keys)`. Its own estimates
//! say whether that is cheaper than reading all rows: with an index it reads the few that match, without
//! one it still feeds fewer. Both queries see one snapshot of DuckDB.

use bridge_ipc::batch;
use bridge_kernels::Converter;
use bridge_types::limits;
use pgrx::pg_sys;

use super::cost;
use super::plan::{FeedPlan, NO_PARAMS, SMALL_CREDIT_BYTES};
use super::state;
use crate::datum::block::Rows;
use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, DuckSql, ExecuteOptions, Instance};
use crate::error::Result;
use crate::lower::FeedKeys;
use crate::lower::join_keys::MOST_KEYS;
use crate::pg;

/// Cost of a feed below which nobody asks for keys: a query of its own costs about as much.
const WORTH_ASKING: f64 = 500.0;

/// What became of the keys of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The feed reads rows with so many keys.
    Used(usize),
    /// To read all rows is cheaper than to look for so many keys.
    Dearer(usize),
    /// There are more than [`MOST_KEYS`].
    TooMany,
}

/// True if it may pay to ask for the keys of a feed.
pub(super) fn is_worth_asking(feed: &FeedPlan) -> bool {
    feed.keys.is_some() && cost::of_feed(feed) >= WORTH_ASKING
}

/// Asks for the keys of a feed and plans it with them; no plan if it is to read all rows.
///
/// # Safety
/// `estate` is the running query's state, and its transaction has a snapshot of DuckDB.
pub(super) unsafe fn narrow(
    feed: &FeedPlan,
    keys: &FeedKeys,
    instance: Instance,
    query: &str,
    estate: *mut pg_sys::EState,
) -> Result<(Option<*mut pg_sys::PlannedStmt>, Outcome)> {
    // SAFETY: as the caller promises; fresh nodes in the query's memory context.
    unsafe {
        let Some((array, count)) = collect(keys, instance, query, estate)? else {
            return Ok((None, Outcome::TooMany));
        };
        // The plan outlives the row that is asked for.
        let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
        let narrowed = pg_sys::copyObjectImpl(keys.query.cast()).cast::<pg_sys::Query>();
        let from = (*narrowed).jointree;
        let quals = pg_sys::make_ands_implicit((*from).quals.cast());
        let quals = pg::list::append(quals, is_any(keys, array));
        (*from).quals = pg_sys::make_ands_explicit(quals).cast();
        let plan = pg_sys::standard_planner(narrowed, pg_sys::debug_query_string, 0, NO_PARAMS);
        pg_sys::MemoryContextSwitchTo(context);
        let columns = feed.columns.len();
        if cost::of_plan(plan, columns) < cost::of_plan(feed.plan, columns) {
            Ok((Some(plan), Outcome::Used(count)))
        } else {
            Ok((None, Outcome::Dearer(count)))
        }
    }
}

/// `value = ANY (array)`.
///
/// # Safety
/// `array` is an array of the key's type, alive as long as the plan.
unsafe fn is_any(keys: &FeedKeys, array: pg_sys::Datum) -> *mut pg_sys::ScalarArrayOpExpr {
    // SAFETY: as the caller promises; fresh nodes.
    unsafe {
        let array_type = pg_sys::get_array_type(pg_sys::exprType(keys.value));
        let array =
            pg_sys::makeConst(array_type, -1, pg_sys::get_typcollation(array_type), -1, array, false, false);
        let array = array.cast::<pg_sys::Node>();
        let test = pg::new_node::<pg_sys::ScalarArrayOpExpr>(pg_sys::NodeTag::T_ScalarArrayOpExpr);
        (*test).opno = keys.operator;
        (*test).opfuncid = pg_sys::get_opcode(keys.operator);
        (*test).useOr = true;
        (*test).inputcollid = keys.collation;
        (*test).location = -1;
        let value = pg_sys::copyObjectImpl(keys.value.cast()).cast::<pg_sys::Node>();
        (*test).args = pg::list::append(pg::list::append(std::ptr::null_mut(), value), array);
        test
    }
}

/// The keys as an array without nulls, and their number; `None` if there are too many.
///
/// # Safety
/// As [`narrow`].
unsafe fn collect(
    keys: &FeedKeys,
    instance: Instance,
    query: &str,
    estate: *mut pg_sys::EState,
) -> Result<Option<(pg_sys::Datum, usize)>> {
    let sql = DuckSql { instance, sql: &keys.sql, remote_scans: &[] };
    let statement = session::bound(sql, query, &[])?;
    let columns = std::slice::from_ref(&keys.column);
    let schema = batch::decode_schema(&statement.prepared.schema)?;
    let converter = Converter::new(&schema, columns)?;
    let mut rows = Rows::new(converter, columns);
    // SAFETY: as the caller promises.
    let params = unsafe { state::params(&keys.params, estate)? };
    let options = ExecuteOptions {
        params,
        credit_bytes: SMALL_CREDIT_BYTES.min(limits::RING_BYTES as u64),
        whole_result: true,
        complete: false,
        profile: false,
    };
    let mut portal = Portal::start(session::allocate_portal(), &statement, options, Feeds::none())?;
    let most = usize::try_from(MOST_KEYS).unwrap_or(usize::MAX);
    let (mut array, mut count, mut seen) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: as the caller promises; values are copied into the query's memory context.
    unsafe {
        let element = pg_sys::exprType(keys.value);
        let context = (*estate).es_query_cxt;
        while let Some(batch) = portal.next_batch()? {
            rows.set_batch(batch);
            while rows.convert_next()? {
                while let Some((datums, nulls)) = rows.next_row() {
                    seen += 1;
                    if nulls[0] {
                        continue;
                    }
                    let key = pg_sys::Datum::from(datums[0]);
                    array = pg_sys::accumArrayResult(array, key, false, element, context);
                    count += 1;
                }
            }
        }
        portal.close()?;
        if seen > most {
            return Ok(None);
        }
        let array = if array.is_null() {
            pg_sys::Datum::from(pg_sys::construct_empty_array(element))
        } else {
            pg_sys::makeArrayResult(array, context)
        };
        Ok(Some((array, count)))
    }
}
