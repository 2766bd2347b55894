//! Statement triggers of the table that a statement changes.
//!
//! Row triggers and transition tables are refused when they are made (`CREATE TRIGGER`): rows
//! change in DuckDB.

use pgrx::pg_sys;

use crate::pg;
use crate::pg::list;

/// The target of a running statement and what happens to it.
pub(super) struct Target {
    relation: *mut pg_sys::ResultRelInfo,
    /// The rights that the statement needs on it, which say what it does.
    rights: pg_sys::AclMode,
}

type Fire = unsafe fn(*mut pg_sys::EState, *mut pg_sys::ResultRelInfo);

impl Target {
    /// The target of a statement, if it has triggers.
    ///
    /// # Safety
    /// `estate` is the state of a started query, whose plan names its target
    /// (`PlannedStmt.resultRelations`).
    pub(super) unsafe fn with_triggers(estate: *mut pg_sys::EState) -> Option<Self> {
        // SAFETY: as the caller promises; the relation is locked, and closed with the query.
        unsafe {
            let index = list::integers((*(*estate).es_plannedstmt).resultRelations).first().copied()?;
            let index = pg_sys::Index::try_from(index).ok()?;
            let relation = pg::compat::open_relation(estate, index, true);
            if (*relation).trigdesc.is_null() {
                return None;
            }
            let rights = pg::compat::checked_rights(estate, index);
            let old = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
            let relation = pg::new_node::<pg_sys::ResultRelInfo>(pg_sys::NodeTag::T_ResultRelInfo);
            pg_sys::ExecInitResultRelation(estate, relation, index);
            pg_sys::MemoryContextSwitchTo(old);
            Some(Self { relation, rights })
        }
    }

    /// Fires what comes before the statement.
    ///
    /// # Safety
    /// `estate` is the query's state.
    pub(super) unsafe fn before(&self, estate: *mut pg_sys::EState) {
        let all: [(u32, Fire); 3] = [
            (pg_sys::ACL_INSERT, pg_sys::ExecBSInsertTriggers),
            (pg_sys::ACL_UPDATE, pg_sys::ExecBSUpdateTriggers),
            (pg_sys::ACL_DELETE, pg_sys::ExecBSDeleteTriggers),
        ];
        for (right, fire) in all {
            if self.does(right) {
                // SAFETY: as the caller promises.
                unsafe { fire(estate, self.relation) };
            }
        }
    }

    /// Queues what comes after the statement.
    ///
    /// # Safety
    /// `estate` is the query's state.
    pub(super) unsafe fn after(&self, estate: *mut pg_sys::EState) {
        let none = std::ptr::null_mut();
        // SAFETY: as the caller promises; there are no transition tables.
        unsafe {
            if self.does(pg_sys::ACL_DELETE) {
                pg_sys::ExecASDeleteTriggers(estate, self.relation, none);
            }
            if self.does(pg_sys::ACL_UPDATE) {
                pg_sys::ExecASUpdateTriggers(estate, self.relation, none);
            }
            if self.does(pg_sys::ACL_INSERT) {
                pg_sys::ExecASInsertTriggers(estate, self.relation, none);
            }
        }
    }

    fn does(&self, right: u32) -> bool {
        self.rights & pg_sys::AclMode::from(right) != 0
    }
}
