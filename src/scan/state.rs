//! What a running `DuckDBScan` holds.

use bridge_ipc::message::Finished;
use bridge_ipc::{batch, message::ScanSpec};
use bridge_kernels::{BatchBuilder, Converter};
use bridge_types::{ColumnSpec, EngineError, PgType, SqlState, limits};
use pgrx::pg_sys;

use super::again::{self, Again};
use super::join_keys;
use super::plan::{SMALL_CREDIT_BYTES, ScanPlan};
use super::triggers;
use crate::datum::block::Rows;
use crate::datum::text_form::ToText;
use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, ExecuteOptions, Statement};
use crate::error::{Error, Result};
use crate::hooks::xact;
use crate::lower::ParamRef;
use crate::pg;
use crate::pg::memory::OwnedContext;
use crate::tables::violation;

/// The Rust half of the scan state; freed with the query's memory context.
pub(crate) struct Running {
    pub(crate) plan: ScanPlan,
    pub(crate) statement: Statement,
    specs: Vec<ScanSpec>,
    portal: Option<Portal>,
    /// What a running statement has to fire.
    triggers: Option<triggers::Target>,
    pub(crate) rows: Rows,
    /// What became of the keys of each feed, if DuckDB was asked for them.
    pub(crate) keys: Vec<Option<join_keys::Outcome>>,
    /// The statement has opened a DuckDB transaction for itself.
    snapshot: bool,
    /// How the last execution ended.
    pub(crate) finished: Option<Finished>,
    /// Of each feed of the last execution that could have parallel workers, how many there were.
    pub(crate) workers: Vec<Option<u32>>,
    /// EXPLAIN ANALYZE wants DuckDB's profile.
    profile: bool,
    /// The statement changes what its first feed names, and returns the rows of that feed.
    pub(crate) returns_feed: bool,
    /// Postgres runs the query, because DuckDB turned out unable to.
    pub(crate) again: Option<Again>,
    /// Rows have been handed out since the start.
    delivered: bool,
    done: bool,
}

impl Running {
    /// Binds the statement (from the session's cache, if it is the one that planned it).
    pub(crate) fn bind(mut plan: ScanPlan, query: &str, profile: bool) -> Result<Self> {
        plan.refresh()?;
        if let Some(zone) = session::foreign_time_zone().filter(|_| !plan.zone_free) {
            let message = format!("DuckDB does not know the time zone \"{zone}\"");
            return Err(EngineError::new(SqlState::INVALID_PARAMETER_VALUE, message)
                .with_detail("The cached plan of the statement is for another time zone.")
                .with_hint("Prepare the statement again, or set TimeZone to a name from pg_timezone_names.")
                .into());
        }
        if !plan.local_file.is_empty() {
            crate::resolve::reader::check_local(&plan.local_file)?;
        }
        let specs = plan.feed_specs()?;
        let statement = session::bound(plan.duck_sql(), query, &specs)?;
        let rows = Self::rows(&plan, &statement)?;
        Ok(Self {
            plan,
            statement,
            specs,
            portal: None,
            triggers: None,
            rows,
            keys: Vec::new(),
            snapshot: false,
            finished: None,
            workers: Vec::new(),
            profile,
            returns_feed: false,
            again: None,
            delivered: false,
            done: false,
        })
    }

    fn rows(plan: &ScanPlan, statement: &Statement) -> Result<Rows> {
        let converter = if plan.columns.is_empty() {
            Converter::new(&arrow::datatypes::Schema::empty(), &[])?
        } else {
            let schema = batch::decode_schema(&statement.prepared.schema)?;
            if schema.fields().len() != plan.columns.len() {
                return Err(EngineError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "types of the DuckDB query changed between planning and execution",
                )
                .into());
            }
            Converter::new(&schema, &plan.columns)?
        };
        Ok(Rows::new(converter, &plan.columns))
    }

    /// Starts the statement.
    ///
    /// # Safety
    /// `estate` is the running query's state.
    unsafe fn start(&mut self, estate: *mut pg_sys::EState) -> Result<()> {
        if self.plan.writes {
            // SAFETY: as the caller promises.
            unsafe {
                self.triggers = triggers::Target::with_triggers(estate);
                if let Some(triggers) = &self.triggers {
                    triggers.before(estate);
                }
                xact::before_write(estate)?;
            }
        } else {
            xact::before_read(self.plan.instance)?;
            for scan in &self.plan.remote_scans {
                xact::before_read(scan.instance)?;
            }
        }
        // SAFETY: as the caller promises.
        let narrowed = unsafe { self.narrow_feeds(estate)? };
        // The session may have been lost, or its statements forgotten, since `bind`.
        self.statement = session::bound(self.plan.duck_sql(), &self.query(estate), &self.specs)?;
        // SAFETY: as the caller promises.
        let params = unsafe { params(&self.plan.params, estate)? };
        let id = session::allocate_portal();
        let feeds = self.plan.feeds.iter().zip(narrowed);
        let plans: Vec<_> = feeds
            .map(|(feed, narrowed)| (narrowed.unwrap_or(feed.plan), feed.columns.clone(), feed.first))
            .collect();
        let feeds = if plans.is_empty() {
            Feeds::none()
        } else {
            // SAFETY: planned by `planned_statement` with these columns.
            unsafe { Feeds::start(id, &plans, estate)? }
        };
        let options = ExecuteOptions {
            params,
            credit_bytes: if self.plan.limited { SMALL_CREDIT_BYTES } else { limits::RING_BYTES as u64 },
            whole_result: !self.plan.limited,
            complete: self.plan.again().is_some() && self.plan.is_partial(),
            profile: self.profile,
        };
        self.portal = Some(Portal::start(id, &self.statement, options, feeds)?);
        Ok(())
    }

    /// Asks DuckDB for the keys that feeds need, where that may pay; the plans of those that read only rows
    /// with such keys.
    ///
    /// # Safety
    /// `estate` is the running query's state.
    unsafe fn narrow_feeds(
        &mut self,
        estate: *mut pg_sys::EState,
    ) -> Result<Vec<Option<*mut pg_sys::PlannedStmt>>> {
        let mut plans = Vec::with_capacity(self.plan.feeds.len());
        self.keys.clear();
        let query = self.query(estate);
        for feed in &self.plan.feeds {
            let keys = feed.keys.as_ref().filter(|_| join_keys::is_worth_asking(feed));
            let (plan, outcome) = match keys {
                Some(keys) => {
                    // Keys of one snapshot and rows of another would not go together.
                    if !self.snapshot {
                        self.snapshot = xact::begin_statement_snapshot(self.plan.instance)?;
                    }
                    // SAFETY: as the caller promises.
                    let (plan, outcome) =
                        unsafe { join_keys::narrow(feed, keys, self.plan.instance, &query, estate)? };
                    (plan, Some(outcome))
                }
                None => (None, None),
            };
            plans.push(plan);
            self.keys.push(outcome);
        }
        Ok(plans)
    }

    fn query(&self, estate: *mut pg_sys::EState) -> String {
        // SAFETY: the executor keeps the source text as long as the query runs.
        unsafe { pg::owned_string((*estate).es_sourceText) }
    }

    /// Converts the next block of rows; false at the end.
    ///
    /// # Safety
    /// `estate` is the running query's state.
    pub(crate) unsafe fn refill(&mut self, estate: *mut pg_sys::EState) -> Result<bool> {
        if self.done {
            return Ok(false);
        }
        if self.portal.is_none() {
            // SAFETY: as the caller promises.
            unsafe { self.start(estate)? };
        }
        loop {
            if self.rows.convert_next()? {
                self.delivered = true;
                return Ok(true);
            }
            let Some(portal) = self.portal.as_mut() else { return Ok(false) };
            let batch = portal.next_batch();
            if batch.as_ref().is_err_and(|error| self.is_too_short(error)) {
                // SAFETY: as the caller promises.
                unsafe { self.start_wider(estate)? };
                continue;
            }
            if let (Err(error), Some(query), false) = (&batch, self.plan.again(), self.delivered)
                && again::is_worth_it(error)
            {
                self.close()?;
                // SAFETY: as the caller promises; the statement that this plan was made of.
                self.again = unsafe { Again::start(query, error, estate)? };
                if self.again.is_some() {
                    return Ok(false);
                }
            }
            // SAFETY: as the caller promises.
            let batch = batch.map_err(|error| unsafe { violation::explain_write(error, estate) })?;
            if let Some(batch) = batch {
                self.rows.set_batch(batch);
                continue;
            }
            self.done = true;
            if let Some(triggers) = self.triggers.take() {
                // SAFETY: as the caller promises.
                unsafe { triggers.after(estate) };
            }
            self.finished = self.portal.as_ref().and_then(Portal::finished).cloned();
            // With RETURNING, each row counts when it is handed out.
            let counts_here = self.plan.columns.is_empty() && !self.returns_feed;
            // COPY TO a file writes no table, and tells how many rows it has written.
            let tells = self.plan.writes || self.plan.sql.starts_with("COPY (");
            if tells && self.plan.can_set_tag && counts_here {
                let rows = self.finished.as_ref().map_or(0, |finished| finished.rows);
                // SAFETY: as the caller promises.
                unsafe { (*estate).es_processed += rows };
            }
            if !self.returns_feed {
                self.close()?;
            }
            return Ok(false);
        }
    }

    /// True if the error may be that numerics did not fit in 64 bits, and nothing depends on this run.
    fn is_too_short(&self, error: &Error) -> bool {
        self.plan.short_decimals
            && error.0.sqlstate == SqlState::NUMERIC_VALUE_OUT_OF_RANGE
            && !self.delivered
            && !session::is_in_transaction()
    }

    /// Starts the statement once more, with wide numerics.
    ///
    /// # Safety
    /// `estate` is the running query's state.
    unsafe fn start_wider(&mut self, estate: *mut pg_sys::EState) -> Result<()> {
        self.close()?;
        // SAFETY: as the caller promises; the plans of feeds live as long as the query.
        unsafe {
            let context = pg_sys::MemoryContextSwitchTo((*estate).es_query_cxt);
            self.plan.widen()?;
            pg_sys::MemoryContextSwitchTo(context);
        }
        self.specs = self.plan.feed_specs()?;
        // SAFETY: as the caller promises.
        unsafe { self.start(estate)? };
        self.rows = Self::rows(&self.plan, &self.statement)?;
        Ok(())
    }

    /// The next row that Postgres computes: of the second run of a query, or of the first feed, once
    /// the statement has changed what it names; null at the end.
    ///
    /// # Safety
    /// `estate` is the running query's state; the first feed of the plan ends before the statement.
    pub(crate) unsafe fn next_returned(
        &mut self,
        estate: *mut pg_sys::EState,
    ) -> Result<*mut pg_sys::TupleTableSlot> {
        if let Some(again) = &mut self.again {
            return Ok(again.next());
        }
        // SAFETY: as the caller promises; the feed lives as long as its portal.
        unsafe {
            let starts = !self.done;
            self.refill(estate)?;
            let Some(feed) = self.portal.as_ref().and_then(|portal| portal.stored(0)) else {
                return Ok(std::ptr::null_mut());
            };
            if starts {
                pg_sys::ExecReScan(feed);
            }
            let row = pg_sys::ExecProcNode(feed);
            if row.is_null() || (*row).tts_flags & pg::TTS_EMPTY != 0 {
                self.close()?;
                return Ok(std::ptr::null_mut());
            }
            Ok(row)
        }
    }

    /// Ends the statement, whether read to the end or not.
    pub(crate) fn close(&mut self) -> Result<()> {
        self.rows.clear();
        self.delivered = false;
        if let Some(again) = self.again.take() {
            again.finish();
        }
        if let Some(portal) = self.portal.take() {
            self.workers = portal.workers();
            portal.close()?;
        }
        if std::mem::take(&mut self.snapshot) {
            xact::end_statement_snapshot()?;
        }
        Ok(())
    }

    /// Ends the statement if parallel workers feed it: they must not outlive parallel mode.
    pub(crate) fn shut_down(&mut self) -> Result<()> {
        if self.portal.as_ref().is_some_and(|portal| portal.workers().iter().any(Option::is_some)) {
            self.done = true;
            self.close()?;
        }
        Ok(())
    }

    /// Back to before the first row.
    pub(crate) fn rescan(&mut self) -> Result<()> {
        self.close()?;
        self.done = false;
        Ok(())
    }
}

/// The parameters of an execution as a one-row stream.
///
/// # Safety
/// `estate` is the running query's state.
pub(super) unsafe fn params(params: &[ParamRef], estate: *mut pg_sys::EState) -> Result<bytes::Bytes> {
    if params.is_empty() {
        return Ok(bytes::Bytes::new());
    }
    // A part of a query may be started once for each row of another one.
    let scratch = OwnedContext::new(c"pg_duckdb parameters");
    // SAFETY: a context of our own; after an error it goes with the one it is in.
    unsafe {
        let old = pg_sys::MemoryContextSwitchTo(scratch.get());
        let params = evaluated(params, estate);
        pg_sys::MemoryContextSwitchTo(old);
        pg_sys::MemoryContextDelete(scratch.get());
        params
    }
}

/// As [`params`], with nulls for values.
pub(super) fn null_params(plan: &ScanPlan) -> Result<bytes::Bytes> {
    if plan.params.is_empty() {
        return Ok(bytes::Bytes::new());
    }
    let columns: Vec<_> = plan.params.iter().zip(1..).map(|(param, number)| column(param, number)).collect();
    let mut builder = BatchBuilder::new(&columns)?;
    // SAFETY: nulls have no values to point at.
    unsafe { builder.push_row(&vec![0; columns.len()], &vec![true; columns.len()])? };
    Ok(batch::encode_stream(&builder.finish())?)
}

fn column(param: &ParamRef, number: i32) -> ColumnSpec {
    // SAFETY: a catalog look-up on the main thread.
    let base = unsafe { pg_sys::getBaseType(param.type_oid) };
    ColumnSpec { name: format!("${number}"), pg_type: PgType::new(base.to_u32()) }
}

/// # Safety
/// As [`params`]; leaves what it allocates in the current memory context.
unsafe fn evaluated(params: &[ParamRef], estate: *mut pg_sys::EState) -> Result<bytes::Bytes> {
    let mut columns = Vec::with_capacity(params.len());
    let mut datums = Vec::with_capacity(params.len());
    let mut nulls = Vec::with_capacity(params.len());
    for (param, number) in params.iter().zip(1..) {
        // SAFETY: as the caller promises.
        let (value, is_null) = unsafe { evaluate(param.expr, estate) };
        let column = column(param, number);
        let base = pg_sys::Oid::from(column.pg_type.oid);
        columns.push(column);
        // SAFETY: a datum of the parameter's type; plain varlenas come out of detoasting.
        datums.push(unsafe {
            if !is_null && pg_sys::get_typlen(base) == -1 {
                pg_sys::pg_detoast_datum_packed(value.cast_mut_ptr()) as u64
            } else {
                value.value() as u64
            }
        });
        nulls.push(is_null);
    }
    let types = columns.iter().map(|column| column.pg_type);
    // SAFETY: values of these types, which live in the current memory context as their texts do.
    unsafe { ToText::new(types, pg_sys::CurrentMemoryContext).convert(&mut datums, &nulls) };
    let mut builder = BatchBuilder::new(&columns)?;
    // SAFETY: detoasted and made texts above; alive in the current memory context.
    unsafe { builder.push_row(&datums, &nulls)? };
    Ok(batch::encode_stream(&builder.finish())?)
}

/// Evaluates an expression over external parameters, as the executor would.
///
/// # Safety
/// `estate` is the running query's state; `expr` refers to nothing but its parameters.
unsafe fn evaluate(expr: *mut pg_sys::Node, estate: *mut pg_sys::EState) -> (pg_sys::Datum, bool) {
    // SAFETY: as the caller promises. The value lives in the current memory context, which
    // outlives its use: the expression's own would be reset.
    unsafe {
        let state = pg_sys::ExecInitExprWithParams(expr.cast(), (*estate).es_param_list_info);
        let context = pg_sys::CreateExprContext(estate);
        let mut is_null = false;
        let evaluate = (*state).evalfunc.expect("an initialised expression has its function");
        let value = evaluate(state, context, &raw mut is_null);
        pg_sys::FreeExprContext(context, true);
        (value, is_null)
    }
}
