//! A part of a query: what DuckDB computes for one relation of Postgres' planner.

use pgrx::pg_sys;
use pgrx::pg_sys::NodeTag;

use super::{fence, plan};
use crate::error::{Error, Result};
use crate::lower::{self, LowerError, LowerOptions, LoweredQuery};
use crate::pg::{self, list};

/// FROM and WHERE of a part, in nodes of the planner's memory context. Indexes of relations are
/// those of the query level that is being planned.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// One item of a FROM list.
    pub(super) from: *mut pg_sys::Node,
    /// Conditions in WHERE, all of which hold.
    pub(super) quals: *mut pg_sys::List,
    /// Conditions that Postgres checks on the rows that come back (for groups: HAVING).
    pub(super) local: *mut pg_sys::List,
    /// It groups by the clauses of its level; `having` may be shipped.
    pub(super) grouped: bool,
    /// Conditions in HAVING.
    pub(super) having: *mut pg_sys::List,
    /// It sorts by the clauses of its level.
    pub(super) sorted: bool,
    /// More rows than these are not wanted; 0 if all are.
    pub(super) limit: i64,
}

impl Part {
    /// A part that is one relation.
    ///
    /// # Safety
    /// `index` is an index into the level's range table.
    pub(super) unsafe fn relation(index: pg_sys::Index) -> Self {
        // SAFETY: a fresh node in the current context.
        let from = unsafe {
            let reference = pg::new_node::<pg_sys::RangeTblRef>(NodeTag::T_RangeTblRef);
            (*reference).rtindex = index.cast_signed();
            reference.cast()
        };
        Self { from, ..Self::nothing() }
    }

    const fn nothing() -> Self {
        Self {
            from: std::ptr::null_mut(),
            quals: std::ptr::null_mut(),
            local: std::ptr::null_mut(),
            grouped: false,
            having: std::ptr::null_mut(),
            sorted: false,
            limit: 0,
        }
    }

    /// For `CustomPath.custom_private`.
    pub(super) fn to_private(self) -> *mut pg_sys::List {
        let lists = [self.quals, self.local, self.having];
        // SAFETY: fresh nodes in the current context; empty lists are null cells.
        unsafe {
            let private = list::append(std::ptr::null_mut(), self.from);
            let private = lists.into_iter().fold(private, |private, item| list::append(private, item));
            let private =
                list::append(private, list::from_integers([self.grouped, self.sorted].map(i32::from)));
            list::append(private, bigint(self.limit))
        }
    }

    /// The part of a path of ours.
    ///
    /// # Safety
    /// `path` is a path of [`plan`].
    pub(super) unsafe fn of_path(path: *mut pg_sys::CustomPath) -> Self {
        // SAFETY: the order of `to_private`.
        unsafe {
            let items: Vec<*mut pg_sys::Node> = list::pointers((*path).custom_private).collect();
            let flags = list::integers(items[4].cast());
            Self {
                from: items[0],
                quals: items[1].cast(),
                local: items[2].cast(),
                having: items[3].cast(),
                grouped: flags[0] != 0,
                sorted: flags[1] != 0,
                limit: (*items[5].cast::<pg_sys::Const>()).constvalue.value().cast_signed() as i64,
            }
        }
    }

    /// The part that a relation's rows come from, if all of them come from DuckDB and nothing is
    /// left for Postgres to check: one that can be built upon.
    ///
    /// # Safety
    /// `relation` is a valid relation with its paths.
    pub(super) unsafe fn of_relation(relation: *mut pg_sys::RelOptInfo) -> Option<Self> {
        // SAFETY: as the caller promises; the tag says what a path is.
        unsafe {
            // Conditions without columns: Postgres puts them above the scan of this very relation.
            let mut conditions = list::pointers::<pg_sys::RestrictInfo>((*relation).baserestrictinfo);
            if conditions.any(|condition| (*condition).pseudoconstant) {
                return None;
            }
            list::pointers::<pg_sys::Path>((*relation).pathlist).find_map(|mut path| {
                if (*path).type_ == NodeTag::T_ProjectionPath {
                    path = (*path.cast::<pg_sys::ProjectionPath>()).subpath;
                }
                let ours = (*path).type_ == NodeTag::T_CustomPath
                    && (*path.cast::<pg_sys::CustomPath>()).methods == plan::methods();
                if !ours || !(*path).param_info.is_null() {
                    return None;
                }
                let part = Self::of_path(path.cast());
                part.local.is_null().then_some(part)
            })
        }
    }

    /// The relations in FROM.
    pub(super) fn relids(&self) -> pg_sys::Relids {
        // SAFETY: a join tree made by `relation` and `super::join`.
        unsafe { relids(self.from) }
    }

    /// The SELECT of `targets` from this part.
    ///
    /// # Safety
    /// `root` is the state of the level the part belongs to; `targets` are target entries, those
    /// of `super::group` and `super::order` if it groups or sorts.
    pub(super) unsafe fn query(
        &self,
        root: *mut pg_sys::PlannerInfo,
        targets: *mut pg_sys::List,
    ) -> *mut pg_sys::Query {
        // SAFETY: fresh nodes in the current context, sharing those of the level.
        unsafe {
            let parse = (*root).parse;
            let query = pg::new_node::<pg_sys::Query>(NodeTag::T_Query);
            (*query).commandType = pg_sys::CmdType::CMD_SELECT;
            (*query).canSetTag = true;
            (*query).stmt_location = -1;
            (*query).rtable = fence::range_table((*parse).rtable, self.relids());
            #[cfg(not(feature = "pg15"))]
            {
                (*query).rteperminfos = (*parse).rteperminfos;
            }
            let from = list::append(std::ptr::null_mut(), self.from);
            (*query).jointree = pg_sys::makeFromExpr(from, explicit(self.quals));
            (*query).targetList = targets;
            if self.grouped {
                (*query).groupClause = (*parse).groupClause;
                (*query).havingQual = explicit(self.having);
                (*query).hasAggs = (*parse).hasAggs;
            }
            if self.sorted {
                (*query).sortClause = (*parse).sortClause;
            }
            if self.limit > 0 {
                (*query).limitCount = bigint(self.limit).cast();
            }
            query
        }
    }

    /// The SELECT of `targets` from this part, as DuckDB SQL.
    ///
    /// # Safety
    /// As [`Self::query`].
    pub(super) unsafe fn lower(
        &self,
        root: *mut pg_sys::PlannerInfo,
        targets: *mut pg_sys::List,
    ) -> std::result::Result<LoweredQuery, LowerError> {
        // SAFETY: as the caller promises.
        unsafe { lower::lower_fragment(self.query(root, targets), &LowerOptions::default()) }
    }

    /// True if the SELECT of `targets` from this part lowers.
    ///
    /// # Safety
    /// As [`Self::query`].
    ///
    /// # Errors
    /// Those of lowering other than `Unsupported`.
    pub(super) unsafe fn lowers(
        &self,
        root: *mut pg_sys::PlannerInfo,
        targets: *mut pg_sys::List,
    ) -> Result<bool> {
        // SAFETY: as the caller promises.
        match unsafe { self.lower(root, targets) } {
            Ok(_) => Ok(true),
            Err(LowerError::Unsupported(_)) => Ok(false),
            Err(error @ LowerError::Engine(_)) => Err(Error::from(error)),
        }
    }
}

/// # Safety
/// `from` is a join tree of range-table references.
unsafe fn relids(from: *mut pg_sys::Node) -> pg_sys::Relids {
    // SAFETY: as the caller promises; the tag says what the node is.
    unsafe {
        if (*from).type_ == NodeTag::T_RangeTblRef {
            return pg_sys::bms_make_singleton((*from.cast::<pg_sys::RangeTblRef>()).rtindex);
        }
        let join = &*from.cast::<pg_sys::JoinExpr>();
        pg_sys::bms_union(relids(join.larg), relids(join.rarg))
    }
}

fn bigint(value: i64) -> *mut pg_sys::Const {
    // SAFETY: a fresh node in the current context.
    unsafe {
        let value = pg_sys::Datum::from(value);
        pg_sys::makeConst(pg_sys::INT8OID, -1, pg_sys::InvalidOid, 8, value, false, true)
    }
}

/// An implicit AND as an expression; null for no conditions.
///
/// # Safety
/// `quals` is null or a list of expressions.
unsafe fn explicit(quals: *mut pg_sys::List) -> *mut pg_sys::Node {
    if quals.is_null() {
        return std::ptr::null_mut();
    }
    // SAFETY: as the caller promises; the list is shared.
    unsafe { pg_sys::make_ands_explicit(quals).cast() }
}

/// Target entries for expressions, named after their places.
///
/// # Safety
/// The expressions live as long as the result.
pub(super) unsafe fn targets(exprs: &[*mut pg_sys::Node]) -> *mut pg_sys::List {
    exprs.iter().zip(1..).fold(std::ptr::null_mut(), |targets, (expr, number)| {
        let name = pg::palloc_string(&format!("c{number}"));
        // SAFETY: fresh nodes in the current context.
        unsafe { list::append(targets, pg_sys::makeTargetEntry(expr.cast(), number, name, false)) }
    })
}

/// The Vars of `relids` in a list of expressions, each once, added to `found`.
///
/// # Safety
/// `exprs` is null or a list of expressions of the level.
pub(super) unsafe fn variables(
    exprs: *mut pg_sys::List,
    relids: pg_sys::Relids,
    found: &mut Vec<*mut pg_sys::Node>,
) {
    const RECURSE: u32 =
        pg_sys::PVC_RECURSE_AGGREGATES | pg_sys::PVC_RECURSE_WINDOWFUNCS | pg_sys::PVC_RECURSE_PLACEHOLDERS;
    // SAFETY: as the caller promises; the result is a list of Vars.
    unsafe {
        let vars = pg_sys::pull_var_clause(exprs.cast(), RECURSE.cast_signed());
        for var in list::pointers::<pg_sys::Var>(vars) {
            let known = found.iter().any(|known| pg_sys::equal(known.cast(), var.cast()));
            if !known && pg_sys::bms_is_member((*var).varno, relids) {
                found.push(var.cast());
            }
        }
    }
}

/// Attribute number of a Var.
///
/// # Safety
/// `var` is a Var.
pub(super) unsafe fn attribute(var: *mut pg_sys::Node) -> i16 {
    // SAFETY: as the caller promises.
    unsafe { (*var.cast::<pg_sys::Var>()).varattno }
}
