//! The plans of feeds in EXPLAIN: Postgres' own, below the node whose rows they become.

use pgrx::pg_sys;

use super::join_keys::{self, Outcome};
use super::state::Running;
use crate::lower::join_keys::MOST_KEYS;
use crate::pg;

/// Shows Postgres' plan of each feed.
///
/// # Safety
/// `estate` is the state of the explained query and `es` that of EXPLAIN.
pub(super) unsafe fn explain(running: &Running, estate: *mut pg_sys::EState, es: *mut pg_sys::ExplainState) {
    let plan = &running.plan;
    if plan.feeds.is_empty() {
        return;
    }
    // SAFETY: as the caller promises; a plan that is started for EXPLAIN only, and ended.
    unsafe {
        let is_text = (*es).format == pg_sys::ExplainFormat::EXPLAIN_FORMAT_TEXT;
        pg_sys::ExplainOpenGroup(c"Feeds".as_ptr(), c"Feeds".as_ptr(), false, es);
        for (number, feed) in plan.feeds.iter().enumerate() {
            pg_sys::ExplainOpenGroup(c"Feed".as_ptr(), std::ptr::null(), true, es);
            let name = pg::c_string(&format!("bridge_scan({number})"));
            pg_sys::ExplainPropertyText(c"Feed".as_ptr(), name.as_ptr(), es);
            if let Some(keys) = feed.keys.as_ref().filter(|_| join_keys::is_worth_asking(feed)) {
                let keys = pg::c_string(&keys.sql);
                pg_sys::ExplainPropertyText(c"Keys From".as_ptr(), keys.as_ptr(), es);
            }
            if let Some(outcome) = running.keys.get(number).copied().flatten() {
                let outcome = pg::c_string(&match outcome {
                    Outcome::Used(keys) => format!("{keys}"),
                    Outcome::Dearer(keys) => format!("{keys}, but all rows are cheaper"),
                    Outcome::TooMany => format!("more than {MOST_KEYS}, so all rows"),
                });
                pg_sys::ExplainPropertyText(c"Keys".as_ptr(), outcome.as_ptr(), es);
            }
            let query = pg::query_below(estate, feed.plan);
            pg_sys::ExecutorStart(query, pg_sys::EXEC_FLAG_EXPLAIN_ONLY.cast_signed());
            // Printing a plan puts it in the place of the one that EXPLAIN is about.
            let explained = *es;
            // What ran is over, and had no instruments.
            ((*es).analyze, (*es).settings) = (false, false);
            if is_text {
                (*es).indent += 1;
            }
            pg_sys::ExplainPrintPlan(es, query);
            *es = explained;
            pg_sys::ExecutorEnd(query);
            pg_sys::FreeQueryDesc(query);
            if (*es).analyze && feed.workers() > 0 {
                let launched = running.workers.get(number).copied().flatten().unwrap_or(0);
                let label = c"Workers Launched".as_ptr();
                pg_sys::ExplainPropertyInteger(label, std::ptr::null(), launched.into(), es);
            }
            pg_sys::ExplainCloseGroup(c"Feed".as_ptr(), std::ptr::null(), true, es);
        }
        pg_sys::ExplainCloseGroup(c"Feeds".as_ptr(), c"Feeds".as_ptr(), false, es);
    }
}
