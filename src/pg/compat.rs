//! What differs between the versions of Postgres that we build for, in one place.

use std::cmp::Ordering;

use pgrx::pg_sys;

use super::list;

/// The identity of a relation's file: renamed in Postgres 16.
#[cfg(feature = "pg15")]
pub(crate) type RelFileLocator = pg_sys::RelFileNode;
/// The identity of a relation's file.
#[cfg(not(feature = "pg15"))]
pub(crate) type RelFileLocator = pg_sys::RelFileLocator;

/// Where a table's update says which indexes need an entry.
#[cfg(feature = "pg15")]
pub(crate) type UpdatedIndexes = bool;
/// Where a table's update says which indexes need an entry.
#[cfg(not(feature = "pg15"))]
pub(crate) type UpdatedIndexes = pg_sys::TU_UpdateIndexes::Type;

/// The dimensions that a column was declared with.
pub(crate) fn dimensions(attribute: &pg_sys::FormData_pg_attribute) -> i32 {
    #[cfg(feature = "pg15")]
    {
        attribute.attndims
    }
    #[cfg(not(feature = "pg15"))]
    {
        attribute.attndims.into()
    }
}

/// True for a set without members.
///
/// # Safety
/// `set` is null or a valid set.
pub(crate) unsafe fn bms_is_empty(set: *const pg_sys::Bitmapset) -> bool {
    #[cfg(feature = "pg15")]
    {
        // SAFETY: as the caller promises.
        unsafe { pg_sys::bms_is_empty(set) }
    }
    // From 16 on an empty set is a null pointer.
    #[cfg(not(feature = "pg15"))]
    {
        set.is_null()
    }
}

/// The relations whose privileges a query has the executor check, with what is checked.
///
/// # Safety
/// `estate` is the state of a started query, and outlives the result.
pub(crate) unsafe fn checked_relations(
    estate: *mut pg_sys::EState,
) -> impl Iterator<Item = (pg_sys::Oid, pg_sys::AclMode)> {
    #[cfg(feature = "pg15")]
    {
        // SAFETY: as the caller promises; the range table is a list of entries.
        unsafe { list::pointers::<pg_sys::RangeTblEntry>((*estate).es_range_table) }
            // SAFETY: entries of that list.
            .map(|entry| unsafe { &*entry })
            .filter(|entry| entry.rtekind == pg_sys::RTEKind::RTE_RELATION)
            .map(|entry| (entry.relid, entry.requiredPerms))
    }
    #[cfg(not(feature = "pg15"))]
    {
        // SAFETY: as the caller promises.
        unsafe { list::pointers::<pg_sys::RTEPermissionInfo>((*estate).es_rteperminfos) }
            // SAFETY: entries of that list.
            .map(|info| unsafe { ((*info).relid, (*info).requiredPerms) })
    }
}

/// What the executor checks for one entry of a query's range table.
///
/// # Safety
/// `estate` is the state of a started query with that many entries.
pub(crate) unsafe fn checked_rights(estate: *mut pg_sys::EState, index: pg_sys::Index) -> pg_sys::AclMode {
    // SAFETY: as the caller promises.
    unsafe {
        let entry = pg_sys::exec_rt_fetch(index, estate);
        #[cfg(feature = "pg15")]
        {
            (*entry).requiredPerms
        }
        #[cfg(not(feature = "pg15"))]
        {
            (*pg_sys::getRTEPermissionInfo((*estate).es_rteperminfos, entry)).requiredPerms
        }
    }
}

/// Appends `entry`, of `query`, to a range table of a finished plan, with the privileges that the
/// executor is to check for it. Up to Postgres 15 these are in the entry, and `infos` stays empty.
///
/// # Safety
/// `entry` belongs to the range table of `query`; the lists are valid.
pub(crate) unsafe fn append_flat_entry(
    rtable: *mut pg_sys::List,
    infos: &mut *mut pg_sys::List,
    query: *mut pg_sys::Query,
    entry: *mut pg_sys::RangeTblEntry,
) -> *mut pg_sys::List {
    // SAFETY: as the caller promises; copies in the current context.
    unsafe {
        let copy = super::new_node::<pg_sys::RangeTblEntry>(pg_sys::NodeTag::T_RangeTblEntry);
        copy.copy_from_nonoverlapping(entry, 1);
        // A view's entry is there for its privileges; the rest of its query has entries of its own.
        (*copy).subquery = std::ptr::null_mut();
        let copy = pg_sys::copyObjectImpl(copy.cast()).cast::<pg_sys::RangeTblEntry>();
        #[cfg(feature = "pg15")]
        {
            let _ = (infos, query);
        }
        #[cfg(not(feature = "pg15"))]
        if (*entry).perminfoindex != 0 {
            let info = pg_sys::getRTEPermissionInfo((*query).rteperminfos, entry);
            *infos = list::append(*infos, pg_sys::copyObjectImpl(info.cast()).cast::<pg_sys::Node>());
            (*copy).perminfoindex =
                pg_sys::Index::try_from((**infos).length).expect("lists are shorter than 2^31");
        }
        list::append(rtable, copy)
    }
}

/// True for entries that a finished plan keeps so that privileges are checked and tables locked:
/// tables and, from Postgres 16 on, views (before, a view's query names the view once more).
///
/// # Safety
/// A valid entry.
pub(crate) unsafe fn is_kept_in_plans(entry: *const pg_sys::RangeTblEntry) -> bool {
    // SAFETY: as the caller promises.
    let entry = unsafe { &*entry };
    let view = cfg!(not(feature = "pg15"))
        && entry.rtekind == pg_sys::RTEKind::RTE_SUBQUERY
        && entry.relid != pg_sys::InvalidOid;
    entry.rtekind == pg_sys::RTEKind::RTE_RELATION || view
}

/// Which rows an action of MERGE is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// Those of the source that match a row of the target.
    Both,
    /// Those of the source that match none.
    SourceOnly,
    /// Those of the target that no row of the source matches (from Postgres 17 on).
    #[cfg_attr(any(feature = "pg15", feature = "pg16"), expect(dead_code, reason = "no syntax for it"))]
    TargetOnly,
}

/// # Safety
/// A valid action.
pub(crate) unsafe fn merge_match(action: *const pg_sys::MergeAction) -> Match {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        {
            if (*action).matched { Match::Both } else { Match::SourceOnly }
        }
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        {
            use pg_sys::MergeMatchKind::{MERGE_WHEN_MATCHED, MERGE_WHEN_NOT_MATCHED_BY_SOURCE};
            match (*action).matchKind {
                MERGE_WHEN_MATCHED => Match::Both,
                MERGE_WHEN_NOT_MATCHED_BY_SOURCE => Match::TargetOnly,
                _ => Match::SourceOnly,
            }
        }
    }
}

/// Takes the ON condition of a MERGE out of it.
///
/// # Safety
/// `query` is an analysed MERGE and a private copy.
pub(crate) unsafe fn take_merge_condition(query: *mut pg_sys::Query) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        let place = &mut (*(*query).jointree).quals;
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        let place = &mut (*query).mergeJoinCondition;
        std::mem::replace(place, std::ptr::null_mut())
    }
}

/// A wait-event set of `events` places that lives as long as the process.
///
/// # Safety
/// Main thread of a process of Postgres.
pub(crate) unsafe fn create_wait_event_set(events: i32) -> *mut pg_sys::WaitEventSet {
    // SAFETY: as the caller promises; TopMemoryContext, or no resource owner, outlives everything.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        {
            pg_sys::CreateWaitEventSet(pg_sys::TopMemoryContext, events)
        }
        #[cfg(not(any(feature = "pg15", feature = "pg16")))]
        {
            pg_sys::CreateWaitEventSet(std::ptr::null_mut(), events)
        }
    }
}

/// Gives an executor state the range table of a parsed utility statement.
///
/// # Safety
/// Both are valid; the range table outlives the state.
pub(crate) unsafe fn init_range_table(estate: *mut pg_sys::EState, pstate: *mut pg_sys::ParseState) {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(feature = "pg15")]
        pg_sys::ExecInitRangeTable(estate, (*pstate).p_rtable);
        #[cfg(any(feature = "pg16", feature = "pg17"))]
        pg_sys::ExecInitRangeTable(estate, (*pstate).p_rtable, (*pstate).p_rteperminfos);
        #[cfg(feature = "pg18")]
        pg_sys::ExecInitRangeTable(
            estate,
            (*pstate).p_rtable,
            (*pstate).p_rteperminfos,
            pg_sys::bms_make_singleton(1),
        );
    }
}

/// Raises an error if rows cannot be inserted into a relation.
///
/// # Safety
/// An initialised target.
pub(crate) unsafe fn check_insert_target(target: *mut pg_sys::ResultRelInfo) {
    const INSERT: pg_sys::CmdType::Type = pg_sys::CmdType::CMD_INSERT;
    // SAFETY: as the caller promises; INSERT has no actions of MERGE.
    unsafe {
        #[cfg(any(feature = "pg15", feature = "pg16"))]
        pg_sys::CheckValidResultRel(target, INSERT);
        #[cfg(feature = "pg17")]
        pg_sys::CheckValidResultRel(target, INSERT, std::ptr::null_mut());
        #[cfg(feature = "pg18")]
        pg_sys::CheckValidResultRel(
            target,
            INSERT,
            pg_sys::OnConflictAction::ONCONFLICT_NONE,
            std::ptr::null_mut(),
        );
    }
}

/// A query whose outputs and HAVING hold the expressions of GROUP BY themselves: from Postgres 18
/// on they are columns of an entry of the range table. It shares the rest with `query`.
///
/// # Safety
/// An analysed query.
pub(crate) unsafe fn with_group_expressions(query: *mut pg_sys::Query) -> *mut pg_sys::Query {
    #[cfg(not(feature = "pg18"))]
    {
        query
    }
    // SAFETY: as the caller promises; a shallow copy in the current context.
    #[cfg(feature = "pg18")]
    unsafe {
        if !(*query).hasGroupRTE {
            return query;
        }
        let flat = super::new_node::<pg_sys::Query>(pg_sys::NodeTag::T_Query);
        flat.copy_from_nonoverlapping(query, 1);
        put_group_expressions(flat);
        flat
    }
}

/// Does to a query itself what [`with_group_expressions`] does to a copy.
///
/// # Safety
/// An analysed query, which may be changed.
pub(crate) unsafe fn put_group_expressions(query: *mut pg_sys::Query) {
    #[cfg(not(feature = "pg18"))]
    let _ = query;
    // SAFETY: as the caller promises.
    #[cfg(feature = "pg18")]
    unsafe {
        if (*query).hasGroupRTE {
            let none = std::ptr::null_mut();
            (*query).targetList = pg_sys::flatten_group_exprs(none, query, (*query).targetList.cast()).cast();
            (*query).havingQual = pg_sys::flatten_group_exprs(none, query, (*query).havingQual);
            (*query).hasGroupRTE = false;
        }
    }
}

/// What order a comparison of rows asks for, equal rows aside; `None` if it is about equality.
pub(crate) fn row_comparison(comparison: &pg_sys::RowCompareExpr) -> Option<Ordering> {
    #[cfg(not(feature = "pg18"))]
    {
        use pg_sys::RowCompareType::{ROWCOMPARE_GE, ROWCOMPARE_GT, ROWCOMPARE_LE, ROWCOMPARE_LT};
        match comparison.rctype {
            ROWCOMPARE_LT | ROWCOMPARE_LE => Some(Ordering::Less),
            ROWCOMPARE_GT | ROWCOMPARE_GE => Some(Ordering::Greater),
            _ => None,
        }
    }
    #[cfg(feature = "pg18")]
    {
        use pg_sys::CompareType::{COMPARE_GE, COMPARE_GT, COMPARE_LE, COMPARE_LT};
        match comparison.cmptype {
            COMPARE_LT | COMPARE_LE => Some(Ordering::Less),
            COMPARE_GT | COMPARE_GE => Some(Ordering::Greater),
            _ => None,
        }
    }
}

/// Names and Vars of the columns of an entry, dropped ones (as constants) included.
///
/// # Safety
/// An entry at `index` of its range table; the places are null or take a list.
pub(crate) unsafe fn expand_entry(
    entry: *mut pg_sys::RangeTblEntry,
    index: i32,
    names: *mut *mut pg_sys::List,
    vars: *mut *mut pg_sys::List,
) {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::expandRTE(entry, index, 0, -1, true, names, vars);
        #[cfg(feature = "pg18")]
        pg_sys::expandRTE(
            entry,
            index,
            0,
            pg_sys::VarReturningType::VAR_RETURNING_DEFAULT,
            -1,
            true,
            names,
            vars,
        );
    }
}

/// Opens a relation of a plan, if it is not yet open.
///
/// # Safety
/// `index` is that of a relation in the range table of a started query, which writes it if
/// `is_result`.
pub(crate) unsafe fn open_relation(
    estate: *mut pg_sys::EState,
    index: pg_sys::Index,
    is_result: bool,
) -> pg_sys::Relation {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        {
            let _ = is_result;
            pg_sys::ExecGetRangeTableRelation(estate, index)
        }
        #[cfg(feature = "pg18")]
        {
            pg_sys::ExecGetRangeTableRelation(estate, index, is_result)
        }
    }
}

/// Runs a started query to its end.
///
/// # Safety
/// A started query that has not been run.
pub(crate) unsafe fn run_to_end(query: *mut pg_sys::QueryDesc) {
    const FORWARD: pg_sys::ScanDirection::Type = pg_sys::ScanDirection::ForwardScanDirection;
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::ExecutorRun(query, FORWARD, 0, true);
        #[cfg(feature = "pg18")]
        pg_sys::ExecutorRun(query, FORWARD, 0);
    }
}

/// The index of a relation's primary key.
///
/// # Safety
/// An open relation.
pub(crate) unsafe fn primary_key_index(relation: pg_sys::Relation) -> pg_sys::Oid {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        {
            pg_sys::RelationGetPrimaryKeyIndex(relation)
        }
        #[cfg(feature = "pg18")]
        {
            pg_sys::RelationGetPrimaryKeyIndex(relation, false)
        }
    }
}

/// Installs a signal handler.
///
/// # Safety
/// Main thread; `handler` does what a signal handler may.
pub(crate) unsafe fn pqsignal(signal: i32, handler: pg_sys::pqsigfunc) {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(not(feature = "pg18"))]
        pg_sys::pqsignal(signal, handler);
        #[cfg(feature = "pg18")]
        pg_sys::pqsignal_be(signal, handler);
    }
}

/// An expression of `query` without the columns of joins, which are replaced by those joined.
///
/// # Safety
/// `node` is an expression of the level of `query`.
pub(crate) unsafe fn flatten_join_alias_vars(
    query: *mut pg_sys::Query,
    node: *mut pg_sys::Node,
) -> *mut pg_sys::Node {
    // SAFETY: as the caller promises.
    unsafe {
        #[cfg(feature = "pg15")]
        {
            pg_sys::flatten_join_alias_vars(query, node)
        }
        #[cfg(not(feature = "pg15"))]
        {
            pg_sys::flatten_join_alias_vars(std::ptr::null_mut(), query, node)
        }
    }
}

/// True if a RETURNING list asks for the row before or after the change by name, as it can from
/// Postgres 18 on.
///
/// # Safety
/// A list of target entries.
pub(crate) unsafe fn returns_old_or_new(list: *mut pg_sys::List) -> bool {
    #[cfg(not(feature = "pg18"))]
    {
        let _ = list;
        false
    }
    // SAFETY: as the caller promises.
    #[cfg(feature = "pg18")]
    unsafe {
        pg_sys::contain_vars_returning_old_or_new(list.cast())
    }
}
