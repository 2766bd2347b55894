//! The plan node: what is decided at planning time and needed at execution time.
//!
//! Postgres copies, caches and compares plans, so everything is kept in Postgres nodes
//! (`custom_private`); [`ScanPlan`] is the same in Rust.

use std::ffi::{c_char, c_int};

use bridge_ipc::batch;
use bridge_ipc::message::ScanSpec;
use bridge_kernels::Converter;
use bridge_plan::functions::is_partial;
use bridge_types::{ColumnSpec, EngineError, PgType, SqlState};
use pgrx::pg_sys;

use super::{callbacks, cost, join_keys};
use crate::engine::feed;
use crate::engine::parallel::plan as parallel;
use crate::engine::session::{self, DuckSql, Instance, RemoteSql};
use crate::error::Result;
use crate::fallback;
use crate::hooks::xact;
use crate::lower::{self, FeedKeys, LowerError, LowerOptions, LoweredQuery, OutputColumn, ParamRef};
use crate::pg::{self, compat, list, tree};
use crate::resolve;

/// Read ahead of a reader that may stop early.
pub(crate) const SMALL_CREDIT_BYTES: u64 = 1 << 20;

/// A feed of a plan.
pub(crate) struct FeedPlan {
    /// Planned by Postgres.
    pub(crate) plan: *mut pg_sys::PlannedStmt,
    /// Its output columns.
    pub(crate) columns: Vec<ColumnSpec>,
    /// It ends before the statement that it feeds starts.
    pub(crate) first: bool,
    /// Which keys its rows must have.
    pub(crate) keys: Option<FeedKeys>,
}

/// `custom_private`, decoded.
pub(crate) struct ScanPlan {
    /// Where it runs.
    pub(crate) instance: Instance,
    /// DuckDB SQL.
    pub(crate) sql: String,
    /// What it reads from other instances.
    pub(crate) remote_scans: Vec<RemoteSql>,
    /// LogicalPlan, for EXPLAIN VERBOSE; empty if the plan was not made by EXPLAIN.
    pub(crate) logical_plan: String,
    /// Output columns.
    pub(crate) columns: Vec<ColumnSpec>,
    /// Relations that Postgres feeds.
    pub(crate) feeds: Vec<FeedPlan>,
    /// What is sent as `$1`...
    pub(crate) params: Vec<ParamRef>,
    /// The reader is likely to stop early.
    pub(crate) limited: bool,
    /// The statement writes to a duckdb table.
    pub(crate) writes: bool,
    /// Its row count is the statement's.
    pub(crate) can_set_tag: bool,
    /// A part of a statement that Postgres has planned, see [`lower::lower_fragment`].
    pub(crate) fragment: bool,
    /// It was written without the session's time zone.
    pub(crate) zone_free: bool,
    /// It may overflow 64 bits ([`LowerOptions::short_decimals`]); [`Self::widen`] mends that.
    pub(crate) short_decimals: bool,
    /// A file of the server that DuckDB reads, if there is one; empty otherwise.
    pub(crate) local_file: String,
    /// The analysed statement, if it may be needed again ([`Self::moment`], [`Self::is_partial`],
    /// [`Self::short_decimals`]); null otherwise.
    query: *mut pg_sys::Query,
    /// What the values in the SQL depend on, if they are right for one transaction only: a cached
    /// plan that runs in another one writes the SQL again.
    moment: Option<String>,
}

impl FeedPlan {
    /// What the engine needs to know to bind it.
    pub(crate) fn spec(&self) -> Result<ScanSpec> {
        // SAFETY: a planned statement has a plan tree.
        let rows = unsafe { (*(*self.plan).planTree).plan_rows };
        feed::spec(&self.columns, rows, self.workers())
    }

    /// Parallel workers that it provides for.
    pub(crate) fn workers(&self) -> u32 {
        // SAFETY: a feed's plan.
        unsafe { parallel::planned_workers(self.plan) }
    }
}

impl ScanPlan {
    /// The statement for the session.
    pub(crate) fn duck_sql(&self) -> DuckSql<'_> {
        DuckSql { instance: self.instance, sql: &self.sql, remote_scans: &self.remote_scans }
    }

    /// True if parallel workers may bring rows of some feed.
    fn has_workers(&self) -> bool {
        self.feeds.iter().any(|feed| feed.workers() > 0)
    }

    /// The specifications of all feeds.
    pub(crate) fn feed_specs(&self) -> Result<Vec<ScanSpec>> {
        self.feeds.iter().map(FeedPlan::spec).collect()
    }

    /// True if computing the parameters changes something, or gives other values each time.
    pub(crate) fn has_volatile_params(&self) -> bool {
        // SAFETY: analysed expressions.
        self.params.iter().any(|param| unsafe { pg_sys::contain_volatile_functions(param.expr) })
    }

    /// True if DuckDB may find that it has no form for a value of the result.
    pub(crate) fn is_partial(&self) -> bool {
        self.short_decimals || is_partial(&self.sql)
    }

    /// The statement that Postgres can run again, if DuckDB may turn out unable to.
    pub(crate) fn again(&self) -> Option<*mut pg_sys::Query> {
        let wanted = !self.writes && !self.fragment && !self.query.is_null();
        wanted.then_some(self.query)
    }

    /// Writes the SQL again if its values are no longer right, or if it may fail inside a transaction of
    /// DuckDB's, which would be over then.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        let is_stale = self.moment.as_ref().is_some_and(|written_at| *written_at != moment());
        let asks_for_keys = |feed: &FeedPlan| feed.keys.is_some() && join_keys::is_worth_asking(feed);
        let short_decimals =
            self.short_decimals && !xact::keeps_duckdb_transaction() && !self.feeds.iter().any(asks_for_keys);
        if is_stale || short_decimals != self.short_decimals {
            return self.write_again(short_decimals);
        }
        Ok(())
    }

    /// Writes the SQL again so that its numerics do not overflow 64 bits.
    pub(crate) fn widen(&mut self) -> Result<()> {
        self.write_again(false)
    }

    fn write_again(&mut self, short_decimals: bool) -> Result<()> {
        let options = LowerOptions { short_decimals, ..LowerOptions::default() };
        // SAFETY: the analysed statement that this plan was made of; lowering gets a copy.
        let lowered = unsafe {
            let query = pg_sys::copyObjectImpl(self.query.cast()).cast::<pg_sys::Query>();
            if self.fragment {
                lower::lower_fragment(query, &options)?
            } else {
                lower::lower_statement(query, &options)?
            }
        };
        (self.sql, self.logical_plan) = (lowered.sql, lowered.plan);
        self.short_decimals = lowered.short_decimals;
        self.moment = lowered.plan_time_values.then(moment);
        if !self.fragment {
            // Estimates may have changed, and with them what the feeds check. Those of parts check nothing.
            let parallel = self.has_workers();
            // SAFETY: Postgres runs the statement, whose relations it has locked.
            self.feeds =
                unsafe { planned_feeds(lowered.feeds, pg_sys::debug_query_string, NO_PARAMS, parallel)? };
            self.params = lowered.params;
        }
        Ok(())
    }

    /// # Safety
    /// Allocates nodes in the current memory context, which must be that of the plan.
    pub(crate) unsafe fn to_private(&self) -> *mut pg_sys::List {
        // SAFETY: fresh nodes in the current context.
        unsafe {
            let mut feeds = std::ptr::null_mut();
            for feed in &self.feeds {
                feeds = list::append(feeds, columns_to_list(&feed.columns));
                feeds = list::append(feeds, feed.plan);
                feeds = list::append(feeds, pg_sys::makeBoolean(feed.first));
                feeds = list::append(feeds, keys_to_list(feed.keys.as_ref()));
            }
            let params = self
                .params
                .iter()
                .fold(std::ptr::null_mut(), |params, param| list::append(params, param.expr));
            let is_remote = |instance| instance == Instance::MotherDuck;
            let flags = [
                self.limited,
                self.writes,
                self.can_set_tag,
                self.fragment,
                is_remote(self.instance),
                self.zone_free,
                self.short_decimals,
            ]
            .map(i32::from);
            let mut remote_scans = std::ptr::null_mut();
            for scan in &self.remote_scans {
                remote_scans = list::append(remote_scans, pg_sys::makeBoolean(is_remote(scan.instance)));
                remote_scans = list::append(remote_scans, string_node(&scan.sql));
            }
            let mut private = list::append(std::ptr::null_mut(), string_node(&self.sql));
            private = list::append(private, remote_scans);
            private = list::append(private, string_node(&self.logical_plan));
            private = list::append(private, columns_to_list(&self.columns));
            private = list::append(private, feeds);
            private = list::append(private, params);
            private = list::append(private, list::from_integers(flags));
            private = list::append(private, string_node(&self.local_file));
            private = list::append(private, string_node(self.moment.as_deref().unwrap_or_default()));
            if !self.query.is_null() {
                private = list::append(private, self.query);
            }
            private
        }
    }

    /// # Safety
    /// `private` was made by [`Self::to_private`] (or is a copy of such a list).
    pub(crate) unsafe fn from_private(private: *mut pg_sys::List) -> Self {
        // SAFETY: the order of `to_private`.
        unsafe {
            let mut items = list::pointers::<pg_sys::Node>(private);
            let next = |items: &mut dyn Iterator<Item = *mut pg_sys::Node>| {
                items.next().expect("as many items as to_private writes")
            };
            let sql = pg::node_string(next(&mut items));
            let instance = |is_remote| if is_remote { Instance::MotherDuck } else { Instance::Main };
            let remote_scans: Vec<*mut pg_sys::Node> = list::pointers(next(&mut items).cast()).collect();
            let remote_scans = remote_scans.chunks_exact(2).map(|scan| RemoteSql {
                instance: instance((*scan[0].cast::<pg_sys::Boolean>()).boolval),
                sql: pg::node_string(scan[1]),
            });
            let remote_scans = remote_scans.collect();
            let logical_plan = pg::node_string(next(&mut items));
            let columns = columns_from_list(next(&mut items).cast());
            let feeds: Vec<*mut pg_sys::Node> = list::pointers(next(&mut items).cast()).collect();
            let params = list::pointers::<pg_sys::Node>(next(&mut items).cast());
            let flags = list::integers(next(&mut items).cast());
            let local_file = pg::node_string(next(&mut items));
            let moment = pg::node_string(next(&mut items));
            Self {
                instance: instance(flags[4] != 0),
                sql,
                remote_scans,
                logical_plan,
                columns,
                feeds: feeds
                    .chunks_exact(4)
                    .map(|feed| FeedPlan {
                        columns: columns_from_list(feed[0].cast()),
                        plan: feed[1].cast(),
                        first: (*feed[2].cast::<pg_sys::Boolean>()).boolval,
                        keys: keys_from_list(feed[3].cast()),
                    })
                    .collect(),
                params: params.map(|expr| ParamRef { expr, type_oid: pg_sys::exprType(expr) }).collect(),
                limited: flags[0] != 0,
                writes: flags[1] != 0,
                can_set_tag: flags[2] != 0,
                fragment: flags[3] != 0,
                zone_free: flags[5] != 0,
                short_decimals: flags[6] != 0,
                local_file,
                moment: (!moment.is_empty()).then_some(moment),
                query: items.next().map_or(std::ptr::null_mut(), |query| query.cast()),
            }
        }
    }
}

/// What plan-time values depend on: the transaction's time, the user, and the settings that
/// Postgres' stable functions read.
fn moment() -> String {
    // SAFETY: main thread, in a transaction; the settings always exist.
    unsafe {
        let settings = [
            c"TimeZone",
            c"DateStyle",
            c"IntervalStyle",
            c"extra_float_digits",
            c"bytea_output",
            c"search_path",
        ]
        .map(|name| pg::owned_string(pg_sys::GetConfigOption(name.as_ptr(), false, false)));
        format!(
            "{} {} {}",
            pg_sys::GetCurrentTransactionStartTimestamp(),
            pg_sys::GetUserId().to_u32(),
            settings.join(" ")
        )
    }
}

unsafe fn string_node(text: &str) -> *mut pg_sys::Node {
    // SAFETY: a fresh C string in the current context.
    unsafe { pg_sys::makeString(pg::palloc_string(text)).cast() }
}

/// Null for none.
unsafe fn keys_to_list(keys: Option<&FeedKeys>) -> *mut pg_sys::List {
    let Some(keys) = keys else { return std::ptr::null_mut() };
    // SAFETY: fresh nodes in the current context.
    unsafe {
        let params = keys.params.iter();
        let params = params.fold(std::ptr::null_mut(), |params, param| list::append(params, param.expr));
        let oids = [keys.operator, keys.collation].map(|oid| oid.to_u32().cast_signed());
        let mut items = list::append(std::ptr::null_mut(), string_node(&keys.sql));
        items = list::append(items, params);
        items = list::append(items, columns_to_list(std::slice::from_ref(&keys.column)));
        items = list::append(items, keys.value);
        items = list::append(items, list::from_integers(oids));
        list::append(items, keys.query)
    }
}

unsafe fn keys_from_list(items: *mut pg_sys::List) -> Option<FeedKeys> {
    // SAFETY: made by `keys_to_list`.
    unsafe {
        let items: Vec<*mut pg_sys::Node> = list::pointers(items).collect();
        let [sql, params, column, value, oids, query] = items[..] else { return None };
        let params = list::pointers::<pg_sys::Node>(params.cast());
        let oids: Vec<u32> = list::integers(oids.cast()).into_iter().map(i32::cast_unsigned).collect();
        Some(FeedKeys {
            sql: pg::node_string(sql),
            params: params.map(|expr| ParamRef { expr, type_oid: pg_sys::exprType(expr) }).collect(),
            column: columns_from_list(column.cast()).pop()?,
            value,
            operator: pg_sys::Oid::from(oids[0]),
            collation: pg_sys::Oid::from(oids[1]),
            query: query.cast(),
        })
    }
}

/// Name, oid and typmod of each column; wrapped so that an empty list stays a node.
pub(crate) unsafe fn columns_to_list(columns: &[ColumnSpec]) -> *mut pg_sys::List {
    // SAFETY: fresh nodes in the current context.
    unsafe {
        let types = columns.iter().flat_map(|c| [c.pg_type.oid.cast_signed(), c.pg_type.typmod]);
        let mut items = list::append(std::ptr::null_mut(), list::from_integers(types));
        for column in columns {
            items = list::append(items, string_node(&column.name));
        }
        items
    }
}

/// The columns of [`columns_to_list`].
pub(crate) unsafe fn columns_from_list(items: *mut pg_sys::List) -> Vec<ColumnSpec> {
    // SAFETY: made by `columns_to_list`.
    unsafe {
        let mut items = list::pointers::<pg_sys::Node>(items);
        let types = list::integers(items.next().expect("the types come first").cast());
        items
            .zip(types.chunks_exact(2))
            .map(|(name, pair)| ColumnSpec {
                name: pg::node_string(name),
                pg_type: PgType { oid: pair[0].cast_unsigned(), typmod: pair[1] },
            })
            .collect()
    }
}

/// Values of parameters that are not known yet.
pub(crate) const NO_PARAMS: pg_sys::ParamListInfo = std::ptr::null_mut();

/// Has Postgres plan the queries of feeds.
///
/// # Safety
/// The feeds were just lowered; main thread.
unsafe fn planned_feeds(
    feeds: Vec<lower::Feed>,
    query_string: *const c_char,
    bound_params: pg_sys::ParamListInfo,
    parallel: bool,
) -> Result<Vec<FeedPlan>> {
    let planned = |feed: lower::Feed| {
        let plan = if feed.first {
            // SAFETY: an analysed and rewritten SELECT.
            unsafe { materialised(feed.query, query_string)? }
        } else {
            // SAFETY: as above.
            unsafe { parallel::planned_feed(feed.query, query_string, bound_params, &feed.columns, parallel) }
        };
        Ok(FeedPlan { plan, columns: feed.columns, first: feed.first, keys: feed.keys })
    };
    feeds.into_iter().map(planned).collect()
}

/// Plans the feeds of `lowered` and binds it in the engine.
///
/// # Safety
/// `parse` is the query that was lowered, `bound_params` null or the values of its parameters that the
/// plan is for; called while Postgres plans.
pub(crate) unsafe fn scan_plan(
    parse: *mut pg_sys::Query,
    query_string: *const c_char,
    lowered: LoweredQuery,
    bound_params: pg_sys::ParamListInfo,
    fragment: bool,
    parallel: bool,
) -> Result<ScanPlan> {
    // SAFETY: as the caller promises.
    let feeds = unsafe { planned_feeds(lowered.feeds, query_string, bound_params, parallel)? };
    // SAFETY: a valid query.
    let command = unsafe { (*parse).commandType };
    let needed_again =
        lowered.plan_time_values || !feeds.is_empty() || lowered.short_decimals || is_partial(&lowered.sql);
    let plan = ScanPlan {
        instance: lowered.instance,
        remote_scans: lowered.remote_scans,
        sql: lowered.sql,
        logical_plan: lowered.plan,
        columns: if lowered.returns_feed {
            Vec::new()
        } else {
            lowered.columns.iter().map(|column| column.spec.clone()).collect()
        },
        feeds,
        params: lowered.params,
        limited: lowered.limited,
        writes: command != pg_sys::CmdType::CMD_SELECT,
        // SAFETY: as above.
        can_set_tag: unsafe { (*parse).canSetTag },
        fragment,
        zone_free: session::foreign_time_zone().is_some(),
        short_decimals: lowered.short_decimals,
        // SAFETY: as above.
        local_file: unsafe { resolve::local_file(parse) }.unwrap_or_default(),
        moment: lowered.plan_time_values.then(moment),
        query: if needed_again {
            // SAFETY: as above; the planner may scribble on the original afterwards.
            unsafe { pg_sys::copyObjectImpl(parse.cast()).cast() }
        } else {
            std::ptr::null_mut()
        },
    };
    // SAFETY: a C string from Postgres.
    let query_text = unsafe { pg::owned_string(query_string) };
    // A change that returns nothing and names nothing but its table is the same whenever it was bound:
    // DuckDB binds it again if the table has changed.
    // SAFETY: as above.
    let alone = unsafe { list::pointers::<pg_sys::RangeTblEntry>((*parse).rtable).len() == 1 };
    let statement = if plan.writes && plan.columns.is_empty() && plan.feeds.is_empty() && alone {
        session::bound(plan.duck_sql(), &query_text, &[])?
    } else {
        session::prepare(plan.duck_sql(), &query_text, &plan.feed_specs()?)?
    };
    if !plan.columns.is_empty() {
        let schema = batch::decode_schema(&statement.prepared.schema)?;
        // Refuses what no kernel converts now, not after the first rows.
        Converter::new(&schema, &plan.columns)?;
        if schema.fields().len() != plan.columns.len() {
            return Err(
                EngineError::new(SqlState::INTERNAL_ERROR, "DuckDB bound another number of columns").into()
            );
        }
    }
    Ok(plan)
}

/// The plan of a feed that reads from DuckDB and has expressions that only Postgres computes, or
/// that changes a duckdb table, with a Material node on top.
///
/// # Safety
/// `query` is an analysed and rewritten statement; called while Postgres plans.
unsafe fn materialised(
    query: *mut pg_sys::Query,
    query_string: *const c_char,
) -> Result<*mut pg_sys::PlannedStmt> {
    // SAFETY: as the caller promises; a finished plan has a target list.
    unsafe {
        let options = LowerOptions::default();
        let lowered = if (*query).commandType == pg_sys::CmdType::CMD_SELECT {
            lower::lower_computed(query, &options)
        } else {
            Ok(lower::lower_statement(query, &options)?)
        };
        let statement = match lowered {
            Ok(lowered) => planned_statement(query, query_string, 0, lowered, NO_PARAMS)?,
            Err(LowerError::Unsupported(reason)) => {
                if !fallback::prepare(query, &reason)? {
                    return Err(reason.into());
                }
                pg_sys::standard_planner(query, query_string, 0, std::ptr::null_mut())
            }
            Err(error) => return Err(error.into()),
        };
        let tree = pg_sys::materialize_finished_plan((*statement).planTree);
        // It copied the target list, which computes the values from the columns of the scan.
        (*tree).targetlist = list::pointers::<pg_sys::TargetEntry>((*tree).targetlist).zip(1..).fold(
            std::ptr::null_mut(),
            |targets, (entry, number)| {
                let value = (*entry).expr.cast();
                let (type_oid, typmod) = (pg_sys::exprType(value), pg_sys::exprTypmod(value));
                let collation = pg_sys::exprCollation(value);
                let var = pg_sys::makeVar(pg_sys::OUTER_VAR as _, number, type_oid, typmod, collation, 0);
                list::append(
                    targets,
                    pg_sys::makeTargetEntry(var.cast(), number, (*entry).resname, (*entry).resjunk),
                )
            },
        );
        (*statement).planTree = tree;
        Ok(statement)
    }
}

/// Binds `lowered` in the engine and wraps it into a plan of one node.
///
/// # Safety
/// As [`scan_plan`]; called from the planner hook.
pub(crate) unsafe fn planned_statement(
    parse: *mut pg_sys::Query,
    query_string: *const c_char,
    cursor_options: c_int,
    lowered: LoweredQuery,
    bound_params: pg_sys::ParamListInfo,
) -> Result<*mut pg_sys::PlannedStmt> {
    // SAFETY: a valid query.
    let command = unsafe { (*parse).commandType };
    let (columns, targets) = (lowered.columns.clone(), lowered.targets);
    // SAFETY: as the caller promises.
    let parallel = unsafe {
        let params = lowered.params.iter();
        let computed = params.fold(pg_sys::list_copy(targets), |list, param| list::append(list, param.expr));
        parallel::is_allowed(parse, cursor_options, computed)
    };
    // SAFETY: as the caller promises.
    let mut plan = unsafe { scan_plan(parse, query_string, lowered, bound_params, false, parallel)? };
    // The reader of a cursor may stop early as well (Postgres plans it for a fast start).
    plan.limited |= cursor_options.cast_unsigned() & pg_sys::CURSOR_OPT_FAST_PLAN != 0;

    // SAFETY: plain node construction in the planner's memory context.
    unsafe {
        let (mut rtable, infos) = flat_relations(parse);
        let names = columns
            .iter()
            .fold(std::ptr::null_mut(), |names, column| list::append(names, string_node(&column.spec.name)));
        // Gives the columns of the scan names in EXPLAIN VERBOSE; never opened.
        let entry = pg::new_node::<pg_sys::RangeTblEntry>(pg_sys::NodeTag::T_RangeTblEntry);
        (*entry).rtekind = pg_sys::RTEKind::RTE_RESULT;
        (*entry).eref = pg_sys::makeAlias(c"duckdb".as_ptr(), names);
        rtable = list::append(rtable, entry);
        let entry_index = (*rtable).length;

        let node = pg::new_node::<pg_sys::CustomScan>(pg_sys::NodeTag::T_CustomScan);
        (*node).scan.plan.targetlist =
            if targets.is_null() { lowered_columns(&columns, pg_sys::INDEX_VAR) } else { targets };
        (*node).custom_scan_tlist = lowered_columns(&columns, entry_index);
        (*node).custom_private = plan.to_private();
        (*node).methods = callbacks::scan_methods();
        (*node).scan.plan.total_cost = cost::of_feeds(&plan.feeds);
        // Without statistics of its own the node claims what Postgres assumes of a function.
        (*node).scan.plan.plan_rows = 1000.0;
        (*node).scan.plan.plan_width =
            columns.iter().map(|column| pg_sys::get_typavgwidth(column.type_oid, column.typmod)).sum();

        let mut tree: *mut pg_sys::Plan = node.cast();
        if cursor_options.cast_unsigned() & pg_sys::CURSOR_OPT_SCROLL != 0 {
            tree = pg_sys::materialize_finished_plan(tree);
            // It copied the scan's target list, which refers to the scan's own columns.
            (*tree).targetlist = lowered_columns(&columns, pg_sys::OUTER_VAR);
        }
        let statement = pg::new_node::<pg_sys::PlannedStmt>(pg_sys::NodeTag::T_PlannedStmt);
        (*statement).commandType = command;
        (*statement).queryId = (*parse).queryId;
        (*statement).hasReturning = !(*parse).returningList.is_null();
        (*statement).hasModifyingCTE = (*parse).hasModifyingCTE;
        (*statement).parallelModeNeeded = plan.has_workers();
        (*statement).canSetTag = (*parse).canSetTag;
        (*statement).planTree = tree;
        (*statement).rtable = rtable;
        #[cfg(not(feature = "pg15"))]
        {
            (*statement).permInfos = infos;
        }
        #[cfg(feature = "pg15")]
        let _ = infos;
        #[cfg(feature = "pg18")]
        for (entry, index) in list::pointers::<pg_sys::RangeTblEntry>(rtable).zip(1..) {
            if (*entry).rtekind == pg_sys::RTEKind::RTE_RELATION {
                let relids = &mut (*statement).unprunableRelids;
                *relids = pg_sys::bms_add_member(*relids, index);
            }
        }
        if let Some(index) = flat_target(parse) {
            (*statement).resultRelations = list::from_integers([index]);
        }
        (*statement).stmt_location = (*parse).stmt_location;
        (*statement).stmt_len = (*parse).stmt_len;
        let mut row_security = false;
        pg_sys::extract_query_dependencies(
            parse.cast(),
            &raw mut (*statement).relationOids,
            &raw mut (*statement).invalItems,
            &mut row_security,
        );
        (*statement).dependsOnRole = row_security;
        Ok(statement)
    }
}

/// A target list of the statement's columns, as columns of relation `varno`.
unsafe fn lowered_columns(columns: &[OutputColumn], varno: i32) -> *mut pg_sys::List {
    // SAFETY: fresh nodes in the current context.
    columns.iter().zip(1..).fold(std::ptr::null_mut(), |targets, (column, number)| unsafe {
        let var = pg_sys::makeVar(varno as _, number, column.type_oid, column.typmod, column.collation, 0);
        let name = pg::palloc_string(&column.spec.name);
        list::append(targets, pg_sys::makeTargetEntry(var.cast(), number, name, false))
    })
}

/// The place of the relation that a statement changes in [`flat_relations`], from 1.
///
/// # Safety
/// `parse` is a valid query.
unsafe fn flat_target(parse: *mut pg_sys::Query) -> Option<i32> {
    // SAFETY: as the caller promises.
    unsafe {
        let target = usize::try_from((*parse).resultRelation).ok().filter(|target| *target > 0)?;
        let entries = list::pointers::<pg_sys::RangeTblEntry>((*parse).rtable).take(target);
        let relations = entries.filter(|entry| compat::is_kept_in_plans(*entry));
        i32::try_from(relations.count()).ok()
    }
}

/// Every relation the query names at any depth, and what is checked of each
/// ([`compat::append_flat_entry`]): the executor checks the user's privileges on them, and the plan
/// cache locks them.
unsafe fn flat_relations(parse: *mut pg_sys::Query) -> (*mut pg_sys::List, *mut pg_sys::List) {
    let (mut rtable, mut infos) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: a valid query.
    unsafe {
        tree::any_query(parse, &mut |query| {
            for entry in list::pointers::<pg_sys::RangeTblEntry>((*query).rtable) {
                if compat::is_kept_in_plans(entry) {
                    rtable = compat::append_flat_entry(rtable, &mut infos, query, entry);
                }
            }
            false
        });
    }
    (rtable, infos)
}
