//! What lowering remembers: the query levels around the current one, and what they produced.

use std::collections::{HashMap, HashSet};

use bridge_plan::duck::Typed;
use bridge_types::PgType;
use datafusion_expr::Expr;
use pgrx::pg_sys;

use super::feed::FeedSource;
use super::location::RemoteTable;
use super::set_returning::Sets;
use super::{LowerOptions, ParamRef, Result, unsupported};

/// Deepest nesting of expressions and queries. Beyond it recursion over plans (ours, and the
/// `Clone` and `Drop` of DataFusion's trees) could exhaust the stack of a backend.
const MAX_DEPTH: usize = 200;

/// Where the rows of a range-table entry come from.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// Not reached in FROM yet.
    Unseen,
    /// A relation of the plan: columns by attribute number - 1, `None` if DuckDB cannot have it.
    Columns {
        /// Its alias.
        alias: String,
        /// Names in the plan.
        names: Vec<Option<String>>,
    },
    /// A join: its columns are expressions over other entries.
    Join,
}

/// Which expressions of a level are being lowered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Those over the rows of FROM.
    Rows,
    /// Those over the rows of the aggregate.
    Groups,
}

/// A WITH item in reach.
#[derive(Clone, Debug)]
pub(super) struct Cte {
    /// Name that Postgres knows.
    pub(super) name: String,
    /// Name in the plan.
    pub(super) plan_name: String,
    /// Column types.
    pub(super) types: Vec<PgType>,
}

/// A computed expression of a level, found again by `equal()`.
pub(super) struct Computed {
    /// The Postgres expression.
    pub(super) node: *mut pg_sys::Node,
    /// Its name in the plan.
    pub(super) name: String,
    /// What computes it.
    pub(super) typed: Typed,
}

/// One query level.
pub(super) struct Scope {
    pub(super) query: *mut pg_sys::Query,
    pub(super) entries: Vec<Entry>,
    pub(super) ctes: Vec<Cte>,
    pub(super) phase: Phase,
    pub(super) keys: Vec<Computed>,
    /// Index of the key that each `tleSortGroupRef` of GROUP BY names.
    pub(super) key_refs: HashMap<u32, usize>,
    pub(super) aggregates: Vec<Computed>,
    pub(super) windows: Vec<Computed>,
    /// Stands for `CaseTestExpr`.
    pub(super) case_tests: Vec<Expr>,
    /// Alias of the rows that `PARAM_SUBLINK`s stand for, innermost last.
    pub(super) sublink_rows: Vec<String>,
    /// May the expression at hand return sets?
    pub(super) sets: Sets,
    /// Calls that return sets and that GROUP BY refers to, as columns.
    pub(super) sets_of_keys: Vec<(*mut pg_sys::Node, Expr)>,
}

impl Scope {
    /// A level about to be lowered.
    ///
    /// # Safety
    /// `query` is a valid query.
    pub(super) unsafe fn new(query: *mut pg_sys::Query) -> Self {
        // SAFETY: as the caller promises.
        let count = unsafe { if (*query).rtable.is_null() { 0 } else { (*(*query).rtable).length } };
        Self {
            query,
            entries: vec![Entry::Unseen; usize::try_from(count).unwrap_or(0)],
            ctes: Vec::new(),
            phase: Phase::Rows,
            keys: Vec::new(),
            key_refs: HashMap::new(),
            aggregates: Vec::new(),
            windows: Vec::new(),
            case_tests: Vec::new(),
            sublink_rows: Vec::new(),
            sets: Sets::Refused,
            sets_of_keys: Vec::new(),
        }
    }
}

/// State of lowering one statement.
pub(super) struct Lowerer {
    pub(super) options: LowerOptions,
    pub(super) feeds: Vec<FeedSource>,
    pub(super) remote_tables: Vec<RemoteTable>,
    pub(super) params: Vec<ParamRef>,
    /// A value that holds for this transaction only was written as a constant.
    pub(super) plan_time_values: bool,
    /// The query is a part of one that Postgres has planned: its internal parameters, and columns
    /// of relations that are not in FROM, are values that Postgres gives when the part starts.
    pub(super) fragment: bool,
    /// A subquery in FROM of the outermost level that Postgres computes: its index.
    pub(super) fed: Option<i32>,
    /// Tables that items of the statement's WITH change.
    pub(super) changed: HashSet<u32>,
    /// A condition that a feed could check is left to DuckDB.
    pub(super) kept: bool,
    /// Innermost last.
    pub(super) scopes: Vec<Scope>,
    counters: HashMap<&'static str, usize>,
    depth: usize,
}

impl Lowerer {
    pub(super) fn new(options: LowerOptions) -> Self {
        Self {
            options,
            feeds: Vec::new(),
            remote_tables: Vec::new(),
            params: Vec::new(),
            plan_time_values: false,
            fed: None,
            changed: HashSet::new(),
            kept: false,
            fragment: false,
            scopes: Vec::new(),
            counters: HashMap::new(),
            depth: 0,
        }
    }

    /// A name that nothing else in the statement has.
    pub(super) fn unique(&mut self, prefix: &'static str) -> String {
        let counter = self.counters.entry(prefix).or_default();
        *counter += 1;
        format!("{prefix}{counter}")
    }

    /// The current level.
    pub(super) fn scope(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("lowering happens inside a query level")
    }

    /// Runs `work` one level of nesting deeper.
    pub(super) fn nested<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return unsupported("an expression or query of this depth", "it is nested too deeply");
        }
        // SAFETY: raises an ERROR if Postgres' own limit is reached; nothing is held that
        // needs more than unwinding.
        unsafe { pg_sys::check_stack_depth() };
        self.depth += 1;
        let result = work(self);
        self.depth -= 1;
        result
    }
}
