//! The rows a statement that changes a duckdb table works with: a SELECT made of its own parts.

use bridge_plan::build;
use bridge_plan::{DuckType, rules};
use bridge_types::PgType;
use datafusion_expr::LogicalPlan;
use pgrx::pg_sys;

use super::{Feed, LowerError, LowerOptions, ParamRef, Result, changing, make, types, unsupported};
use crate::engine::session::RemoteSql;
use crate::pg::{self, list, owned_string, palloc_string};
use crate::tables::table;

/// The table that a statement changes.
pub(super) struct Target {
    /// Index of its range-table entry.
    pub(super) index: i32,
    pub(super) relid: pg_sys::Oid,
    /// Its highest attribute number.
    pub(super) attributes: i16,
    /// Attribute numbers and names of its columns, which are the same in DuckDB.
    columns: Vec<(i16, String)>,
    /// DuckDB's name: database, schema, table.
    pub(super) name: [String; 3],
}

impl Target {
    /// The target of a statement.
    ///
    /// # Safety
    /// `query` is an analysed and rewritten statement that changes a duckdb table.
    pub(super) unsafe fn of(query: *mut pg_sys::Query) -> Result<Self> {
        // SAFETY: as the caller promises.
        unsafe {
            let index = (*query).resultRelation;
            let entry = pg_sys::list_nth((*query).rtable, index - 1).cast::<pg_sys::RangeTblEntry>();
            let relid = (*entry).relid;
            let table = table::of_relation(relid).map_err(|error| LowerError::Engine(*error.0))?;
            let name = [table.database(), table.duckdb_schema().to_owned(), table.name.clone()];
            let count = list::pointers::<pg_sys::Node>((*(*entry).eref).colnames).len();
            let attributes = i16::try_from(count).unwrap_or(i16::MAX);
            let columns = (1..=attributes)
                .filter(|attribute| !pg_sys::get_rte_attribute_is_dropped(entry, *attribute))
                .map(|attribute| (attribute, owned_string(pg_sys::get_attname(relid, attribute, false))))
                .collect();
            Ok(Self { index, relid, attributes, columns, name })
        }
    }

    /// DuckDB's name of a column, which is Postgres' own.
    pub(super) fn column(&self, attribute: i16) -> String {
        let column = self.columns.iter().find(|(number, _)| *number == attribute);
        column.map(|(_, name)| name.clone()).expect("statements name columns that are there")
    }

    /// True unless the attribute is a dropped one.
    pub(super) fn has(&self, attribute: i16) -> bool {
        self.columns.iter().any(|(number, _)| *number == attribute)
    }

    /// A reference to a column.
    pub(super) fn var(&self, attribute: i16) -> *mut pg_sys::Var {
        self.var_of(self.index, attribute)
    }

    /// As [`Self::var`], of another relation that has the same columns.
    pub(super) fn var_of(&self, relation: i32, attribute: i16) -> *mut pg_sys::Var {
        // SAFETY: an attribute of a relation that the statement has locked.
        unsafe { make::var(self.relid, relation, attribute) }
    }

    /// True for a Var of the target.
    pub(super) fn owns(&self, var: &pg_sys::Var) -> bool {
        i64::from(var.varno) == i64::from(self.index) && var.varlevelsup == 0
    }

    /// Attribute number of the first column.
    pub(super) fn first_column(&self) -> i16 {
        self.columns.first().map_or(1, |(number, _)| *number)
    }

    /// Attribute number of the first column that is not generated; of the first one if all are.
    pub(super) fn first_stored(&self) -> i16 {
        // SAFETY: catalog look-ups on the main thread.
        let is_stored = |number: i16| unsafe { pg_sys::get_attgenerated(self.relid, number) } == 0;
        let stored = self.columns.iter().find(|(number, _)| is_stored(*number));
        stored.map_or_else(|| self.first_column(), |(number, _)| *number)
    }

    /// DuckDB's pseudo-column `rowid`, as a Var of the system column that names a row in Postgres,
    /// but of type bigint.
    pub(super) fn rowid(&self) -> *mut pg_sys::Var {
        rowid(self.index)
    }

    /// True if the pseudo-column `rowid` can be had: a column of that name hides it.
    pub(super) fn has_rowid(&self) -> bool {
        !self.columns.iter().any(|(_, name)| name.eq_ignore_ascii_case(ROWID))
    }
}

/// DuckDB's pseudo-column that names a row.
pub(super) const ROWID: &str = "rowid";

/// See [`Target::rowid`].
fn rowid(relation: i32) -> *mut pg_sys::Var {
    let attribute = i16::try_from(pg_sys::SelfItemPointerAttributeNumber).expect("a small constant");
    // SAFETY: a fresh node in the current context.
    unsafe { pg_sys::makeVar(relation as _, attribute, pg_sys::INT8OID, -1, pg_sys::InvalidOid, 0) }
}

/// True for what [`Target::rowid`] makes; users cannot write it.
pub(crate) fn is_rowid(var: &pg_sys::Var) -> bool {
    i32::from(var.varattno) == pg_sys::SelfItemPointerAttributeNumber && var.vartype == pg_sys::INT8OID
}

/// The answer to a statement that needs `rowid` of a table that hides it.
pub(super) fn hidden_rowid<T>(what: &'static str) -> Result<T> {
    unsupported(
        format!("{what} of a table with a column \"rowid\""),
        "the column hides DuckDB's name of a row",
    )
}

/// A private copy of a statement as a SELECT over the same range table, still with the
/// statement's targets.
///
/// # Safety
/// `query` is an analysed statement.
pub(super) unsafe fn as_select(query: *mut pg_sys::Query) -> *mut pg_sys::Query {
    // SAFETY: as the caller promises.
    unsafe {
        let select = pg_sys::copyObjectImpl(query.cast()).cast::<pg_sys::Query>();
        (*select).commandType = pg_sys::CmdType::CMD_SELECT;
        (*select).resultRelation = 0;
        (*select).override_ = pg_sys::OverridingKind::OVERRIDING_NOT_SET;
        (*select).constraintDeps = std::ptr::null_mut();
        (*select).onConflict = std::ptr::null_mut();
        (*select).returningList = std::ptr::null_mut();
        (*select).withCheckOptions = std::ptr::null_mut();
        select
    }
}

/// An output of a source.
///
/// # Safety
/// `expr` is an analysed expression of the source's level.
pub(super) unsafe fn output(
    targets: *mut pg_sys::List,
    expr: *mut pg_sys::Node,
    name: &str,
) -> *mut pg_sys::List {
    // SAFETY: as the caller promises; fresh nodes in the current context.
    unsafe {
        let number = i16::try_from(list::pointers::<pg_sys::TargetEntry>(targets).len() + 1)
            .expect("a target list is shorter");
        let entry = pg_sys::makeTargetEntry(expr.cast(), number, palloc_string(name), false);
        list::append(targets, entry)
    }
}

/// Leaves one row of a source for each first output, which is the name of a row: any of them.
///
/// # Safety
/// `select` is a private SELECT without a DISTINCT of its own, whose first output is a bigint.
pub(super) unsafe fn once_each(select: *mut pg_sys::Query) {
    // SAFETY: as the caller promises; the operators of bigint are those of its btree class.
    unsafe {
        let Some(first) = list::pointers::<pg_sys::TargetEntry>((*select).targetList).next() else { return };
        let types = pg_sys::lookup_type_cache(
            pg_sys::INT8OID,
            (pg_sys::TYPECACHE_EQ_OPR | pg_sys::TYPECACHE_LT_OPR).cast_signed(),
        );
        let clause = pg::new_node::<pg_sys::SortGroupClause>(pg_sys::NodeTag::T_SortGroupClause);
        (*first).ressortgroupref = 1;
        (*clause).tleSortGroupRef = 1;
        (*clause).eqop = (*types).eq_opr;
        (*clause).sortop = (*types).lt_opr;
        (*clause).hashable = true;
        (*select).distinctClause = list::append(std::ptr::null_mut(), clause);
        (*select).hasDistinctOn = true;
    }
}

/// A lowered source.
pub(super) struct Source {
    /// Outputs are `c0`.., with the carriers that DuckDB stores.
    pub(super) plan: LogicalPlan,
    pub(super) feeds: Vec<Feed>,
    pub(super) params: Vec<ParamRef>,
    pub(super) plan_time_values: bool,
    pub(super) remote_scans: Vec<RemoteSql>,
}

/// Lowers a source.
///
/// # Safety
/// `select` is an analysed SELECT whose outputs are those of the source.
pub(super) unsafe fn lower(select: *mut pg_sys::Query, options: &LowerOptions) -> Result<Source> {
    // SAFETY: as the caller promises.
    unsafe { lower_with_feed(select, None, options) }
}

/// As [`lower`], but values that DuckDB must not compute are computed by Postgres: then all rows
/// are, before the statement starts, and fed.
///
/// # Safety
/// As [`lower`].
pub(super) unsafe fn lower_or_compute(select: *mut pg_sys::Query, options: &LowerOptions) -> Result<Source> {
    // SAFETY: as the caller promises; what lowering got was not changed.
    unsafe {
        match lower(select, options) {
            Err(LowerError::Unsupported(_)) if !changing::changes_duckdb(select) => computed(select),
            lowered => lowered,
        }
    }
}

/// A source whose values Postgres computes from what DuckDB reads.
///
/// # Safety
/// As [`lower`].
pub(super) unsafe fn computed(select: *mut pg_sys::Query) -> Result<Source> {
    // SAFETY: as the caller promises.
    unsafe { fed(Feed { first: true, ..super::feed::feed_of(select) }) }
}

/// As [`lower`]; the subquery with index `fed` in the range table is computed by Postgres.
///
/// # Safety
/// As [`lower`].
pub(super) unsafe fn lower_with_feed(
    select: *mut pg_sys::Query,
    fed: Option<i32>,
    options: &LowerOptions,
) -> Result<Source> {
    // SAFETY: as the caller promises.
    unsafe {
        let declared: Vec<PgType> =
            super::output_columns(select).iter().map(|column| column.spec.pg_type).collect();
        super::with_feeds(options, |lowerer| {
            lowerer.fed = fed;
            let plan = lowerer.query(select)?;
            let plan = rules::apply_stored(plan, &declared)?;
            Ok(Source {
                feeds: lowerer.finish_feeds(&plan),
                remote_scans: lowerer.finish_remote_scans(&plan),
                plan,
                params: std::mem::take(&mut lowerer.params),
                plan_time_values: lowerer.plan_time_values,
            })
        })
    }
}

/// A feed of a whole source.
pub(super) fn fed(feed: Feed) -> Result<Source> {
    let columns = feed
        .columns
        .iter()
        .zip(0..)
        .map(|(column, number)| {
            Ok(bridge_plan::nodes::FeedColumn {
                name: build::column_name(usize::try_from(number).unwrap_or(0)),
                source: number,
                ty: types::duck(column.pg_type)?,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let declared: Vec<PgType> = feed.columns.iter().map(|column| column.pg_type).collect();
    let outputs = columns
        .iter()
        .map(|column| {
            let reference = datafusion_expr::Expr::Column(build::qualified(FED, &column.name));
            bridge_plan::duck::Typed::new(reference, column.ty.clone())
        })
        .collect();
    let scan = bridge_plan::nodes::FeedScan::plan(0, "rows computed by Postgres", FED, columns)?;
    let plan = rules::apply_stored(build::project(scan, outputs)?, &declared)?;
    Ok(Source {
        plan,
        feeds: vec![feed],
        params: Vec::new(),
        plan_time_values: false,
        remote_scans: Vec::new(),
    })
}

/// Alias of the only relation of a source that is one feed.
const FED: &str = "r1";

/// Refuses what a statement on a duckdb table cannot have.
///
/// # Safety
/// `query` is an analysed and rewritten statement that changes a duckdb table.
pub(super) unsafe fn check(query: *mut pg_sys::Query) -> Result<()> {
    // SAFETY: as the caller promises.
    unsafe {
        if !(*query).withCheckOptions.is_null() {
            return unsupported(
                "a change through a view WITH CHECK OPTION or a row-level security policy",
                "the check is a Postgres expression; change the table itself",
            );
        }
        Ok(())
    }
}

/// The DuckDB type of `rowid`.
pub(super) const ROWID_TYPE: DuckType = DuckType::BigInt;
