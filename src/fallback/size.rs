//! How many rows a duckdb table has, as far as the planner needs to know.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bridge_types::names::quote_literal;
use pgrx::pg_sys;

use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, ExecuteOptions, Instance};
use crate::error::Result;
use crate::scan::plan::SMALL_CREDIT_BYTES;
use crate::tables::table;

/// Assumed when the engine cannot be asked now.
const UNKNOWN: f64 = 1000.0;
/// Assumed of a table in a MotherDuck account, which is not worth a round trip.
const REMOTE: f64 = 100_000.0;
/// How long an answer holds: rows come and go without a word from Postgres' catalogs.
const LIFETIME: Duration = Duration::from_secs(30);

thread_local! {
    static KNOWN: RefCell<HashMap<u32, (f64, Instant)>> = RefCell::new(HashMap::new());
}

/// Forgets a relation's size when its definition changes.
pub(super) fn init() {
    // SAFETY: called once, single-threaded; the callback lives as long as the process.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(forget), pg_sys::Datum::from(0)) };
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn forget(_arg: pg_sys::Datum, relid: pg_sys::Oid) {
    KNOWN.with_borrow_mut(|known| {
        if relid == pg_sys::InvalidOid {
            known.clear();
        } else {
            known.remove(&relid.to_u32());
        }
    });
}

/// Rows of a duckdb table, about.
pub(crate) fn rows(relid: pg_sys::Oid) -> f64 {
    let known = KNOWN.with_borrow(|known| known.get(&relid.to_u32()).copied());
    if let Some((rows, asked)) = known
        && asked.elapsed() < LIFETIME
    {
        return rows;
    }
    // An engine that cannot answer this will say so when the query runs.
    let Ok(Some(rows)) = ask(relid) else { return UNKNOWN };
    KNOWN.with_borrow_mut(|known| known.insert(relid.to_u32(), (rows, Instant::now())));
    rows
}

fn ask(relid: pg_sys::Oid) -> Result<Option<f64>> {
    let table = table::of_relation(relid)?;
    if table.instance() != Instance::Main {
        return Ok(Some(REMOTE));
    }
    let sql = format!(
        "SELECT estimated_size AS c0 FROM duckdb_tables() \
         WHERE database_name = {} AND schema_name = {} AND table_name = {}",
        quote_literal(&table.database()),
        quote_literal(table.duckdb_schema()),
        quote_literal(&table.name)
    );
    let statement = session::bound(&sql, "", &[])?;
    let options = ExecuteOptions {
        params: bytes::Bytes::new(),
        credit_bytes: SMALL_CREDIT_BYTES,
        whole_result: false,
        complete: false,
        profile: false,
    };
    let mut portal = Portal::start(session::allocate_portal(), &statement, options, Feeds::none())?;
    let mut rows = None;
    while let Some(batch) = portal.next_batch()? {
        let column = batch.columns().first().and_then(|column| column.as_primitive_opt::<Int64Type>());
        if let Some(size) = column.and_then(|column| column.values().first()) {
            #[expect(clippy::cast_precision_loss, reason = "an estimate")]
            let size = (*size).max(0) as f64;
            rows = Some(size);
        }
    }
    portal.close()?;
    Ok(rows)
}
