//! Why a statement is not shipped whole: kept from the planner hook until a plan node takes it.

use std::cell::RefCell;

use pgrx::pg_sys;

use crate::gucs;

/// Statements that are being planned at once: planning may run functions whose statements are
/// planned in turn. An error leaves a reason behind, which the next ones push out.
const KEPT: usize = 16;

thread_local! {
    /// Address of the statement, which serves as its name only, and the reason.
    static REASONS: RefCell<Vec<(usize, String)>> = const { RefCell::new(Vec::new()) };
}

/// Notes the reason of a statement, and tells it to a user who wants to hear.
pub(super) fn remember(parse: *mut pg_sys::Query, reason: &str) {
    if gucs::NOTICE_FALLBACK.get() {
        pgrx::notice!("the query does not run in DuckDB as a whole: {reason}");
    }
    REASONS.with_borrow_mut(|reasons| {
        reasons.retain(|(address, _)| *address != parse.addr());
        if reasons.len() >= KEPT {
            reasons.remove(0);
        }
        reasons.push((parse.addr(), reason.to_owned()));
    });
}

/// The reason, for the first node that asks.
///
/// # Safety
/// `root` is a valid planner state.
pub(super) unsafe fn take(root: *mut pg_sys::PlannerInfo) -> Option<String> {
    // SAFETY: as the caller promises; the chain of parents ends in null.
    let parse = unsafe {
        let mut top = root;
        while !(*top).parent_root.is_null() {
            top = (*top).parent_root;
        }
        (*top).parse
    };
    REASONS.with_borrow_mut(|reasons| {
        let position = reasons.iter().position(|(address, _)| *address == parse.addr())?;
        Some(reasons.swap_remove(position).1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_reasons_are_kept_than_statements_can_be_nested() {
        for address in 1..=KEPT + 3 {
            REASONS.with_borrow_mut(|reasons| {
                if reasons.len() >= KEPT {
                    reasons.remove(0);
                }
                reasons.push((address, String::new()));
            });
        }
        REASONS.with_borrow(|reasons| assert_eq!((reasons.len(), reasons[0].0), (KEPT, 4)));
    }
}
