//! Queries that DuckDB turns out unable to answer: Postgres runs them again.
//!
//! Some expressions are shipped although DuckDB has no form for the result of rare values, such as
//! the year of an infinite date ([`bridge_plan::functions::is_partial`]). When a query meets one, the
//! engine raises 0A000 before it has sent a row, and Postgres plans and runs the query with the
//! tables alone read from DuckDB, under the same snapshot and with the same parameters.

use bridge_types::{SqlState, Unsupported};
use pgrx::pg_sys;

use crate::engine::interrupt;
use crate::engine::session;
use crate::error::{Error, Result};
use crate::fallback;
use crate::pg;

/// The second run of a query, in the memory context of the first.
pub(crate) struct Again {
    query: *mut pg_sys::QueryDesc,
    /// That of the first run, whatever portal happens to fetch from it.
    owner: pg_sys::ResourceOwner,
}

/// True if `error` says that DuckDB lacks the answer, and the session can still ask something else.
pub(crate) fn is_worth_it(error: &Error) -> bool {
    error.0.sqlstate == SqlState::FEATURE_NOT_SUPPORTED && !session::is_in_transaction()
}

impl Again {
    /// Plans and starts `query`; `None` if Postgres cannot run it.
    ///
    /// # Safety
    /// `query` is an analysed and rewritten SELECT, `estate` the state of its first run.
    pub(crate) unsafe fn start(
        query: *mut pg_sys::Query,
        error: &Error,
        estate: *mut pg_sys::EState,
    ) -> Result<Option<Self>> {
        let reason = Unsupported::new("a value", error.0.message.clone());
        // SAFETY: as the caller promises; the planner gets a copy, which lives as long as the first run.
        unsafe {
            let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
            let query = pg_sys::copyObjectImpl(query.cast()).cast::<pg_sys::Query>();
            let again = if fallback::prepare(query, &reason)? {
                // Not through the planner hook: it would send the query to DuckDB again.
                let (source, params) = ((*estate).es_sourceText, (*estate).es_param_list_info);
                let plan = pg_sys::standard_planner(query, source, 0, params);
                let query = pg::query_below(estate, plan);
                pg_sys::ExecutorStart(query, 0);
                Some(Self { query, owner: pg_sys::CurrentResourceOwner })
            } else {
                None
            };
            pg_sys::MemoryContextSwitchTo(context);
            Ok(again)
        }
    }

    /// The next row, with the visible columns alone; null at the end. It is valid until the next call.
    pub(crate) fn next(&mut self) -> *mut pg_sys::TupleTableSlot {
        interrupt::check();
        // SAFETY: a started query; an ERROR ends the transaction, or the subtransaction of its owner.
        unsafe {
            let owner =
                std::mem::replace(&mut *std::ptr::addr_of_mut!(pg_sys::CurrentResourceOwner), self.owner);
            let estate = (*self.query).estate;
            let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
            let mut slot = pg_sys::ExecProcNode((*self.query).planstate);
            if slot.is_null() || (*slot).tts_flags & pg::TTS_EMPTY != 0 {
                slot = std::ptr::null_mut();
            } else if !(*estate).es_junkFilter.is_null() {
                slot = pg_sys::ExecFilterJunk((*estate).es_junkFilter, slot);
            }
            pg_sys::MemoryContextSwitchTo(context);
            pg_sys::CurrentResourceOwner = owner;
            slot
        }
    }

    /// Ends the run in good order. After an error Postgres releases what it holds.
    pub(crate) fn finish(self) {
        // SAFETY: started above, ended once, in the owner that started it.
        unsafe {
            let owner =
                std::mem::replace(&mut *std::ptr::addr_of_mut!(pg_sys::CurrentResourceOwner), self.owner);
            pg_sys::ExecutorFinish(self.query);
            pg_sys::ExecutorEnd(self.query);
            pg_sys::FreeQueryDesc(self.query);
            pg_sys::CurrentResourceOwner = owner;
        }
    }
}
