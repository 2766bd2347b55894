//! Postgres' rewriting of a table, when the old or the new table is a duckdb table.
//!
//! `ALTER TABLE` that needs new rows (a type with USING, a volatile default, another access
//! method) reads the old table and fills a transient one, row by row, with all expressions and
//! checks of its own. The access method gives it the rows of DuckDB ([`Reader`]) and takes the
//! new ones ([`Rewrite`]) into a table in DuckDB that takes the place of the old one when the
//! statement ends.

use bridge_ipc::batch;
use bridge_kernels::Converter;
use bridge_types::names::quote_identifier;
use bridge_types::{ColumnSpec, EngineError, SqlState, limits};
use pgrx::pg_sys;

use super::definition::Definition;
use super::table::{self, Table};
use super::violation::{self, Rows as Violating};
use super::{changes, ddl, snapshot};
use crate::datum::block::Rows;
use crate::engine::append::Appender;
use crate::engine::feed::Feeds;
use crate::engine::portal::Portal;
use crate::engine::session::{self, ExecuteOptions};
use crate::error::Result;

/// The rows of the old table.
pub(super) struct Reader {
    portal: Portal,
    rows: Rows,
    /// For each attribute of the slot the column of `rows`; `None` for dropped ones.
    columns: Vec<Option<usize>>,
}

impl Reader {
    /// Starts to read the relation of the running statement; `None` if Postgres only checks
    /// constraints, which DuckDB does better.
    ///
    /// # Safety
    /// `descriptor` describes the relation as it was before the statement.
    pub(super) unsafe fn open(descriptor: pg_sys::TupleDesc) -> Result<Option<Self>> {
        let Some((table, before)) = changes::read_by_rewriting() else { return Ok(None) };
        table.begin_write()?;
        snapshot::reads_all(&table)?;
        // SAFETY: as the caller promises.
        unsafe { Self::of(&table, &before, descriptor, "").map(Some) }
    }

    /// Starts to read a table; `tail` follows its name in FROM.
    ///
    /// # Safety
    /// `descriptor` describes the relation as `definition` does.
    pub(super) unsafe fn of(
        table: &Table,
        definition: &Definition,
        descriptor: pg_sys::TupleDesc,
        tail: &str,
    ) -> Result<Self> {
        // SAFETY: the caller's descriptor.
        let attributes = unsafe { crate::pg::attributes(descriptor) };
        let mut specs: Vec<ColumnSpec> = Vec::new();
        let columns = attributes
            .iter()
            .map(|attribute| {
                let column = definition.column(attribute.attnum).filter(|_| !attribute.attisdropped)?;
                specs.push(ColumnSpec { name: column.name.clone(), pg_type: column.pg_type });
                Some(specs.len() - 1)
            })
            .collect();
        let names: Vec<String> = specs.iter().map(|column| quote_identifier(&column.name)).collect();
        let sql = format!("SELECT {} FROM {}{tail}", names.join(", "), table.qualified());
        let sql = session::DuckSql { instance: table.instance(), sql: &sql, remote_scans: &[] };
        let statement = session::prepare(sql, "", &[])?;
        let schema = batch::decode_schema(&statement.prepared.schema)?;
        let converter = Converter::new(&schema, &specs)?;
        let options = ExecuteOptions {
            params: bytes::Bytes::new(),
            credit_bytes: limits::RING_BYTES as u64,
            whole_result: true,
            complete: false,
            profile: false,
        };
        let id = session::allocate_portal();
        let portal = Portal::start(id, &statement, options, Feeds::none())?;
        Ok(Self { portal, rows: Rows::new(converter, &specs), columns })
    }

    /// Puts the next row into the slot; false at the end.
    ///
    /// # Safety
    /// An empty virtual slot of the descriptor given to [`Self::open`].
    pub(super) unsafe fn next(&mut self, slot: *mut pg_sys::TupleTableSlot) -> Result<bool> {
        loop {
            if let Some((datums, nulls)) = self.rows.next_row() {
                // SAFETY: as the caller promises; a slot has one place per attribute. The
                // values live until the next row is asked for.
                unsafe {
                    for (i, column) in self.columns.iter().enumerate() {
                        let (value, null) = column.map_or((0, true), |c| (datums[c], nulls[c]));
                        (*slot).tts_values.cast::<u64>().add(i).write(value);
                        (*slot).tts_isnull.add(i).write(null);
                    }
                    pg_sys::ExecStoreVirtualTuple(slot);
                }
                return Ok(true);
            }
            if self.rows.convert_next()? {
                continue;
            }
            match self.portal.next_batch()? {
                Some(batch) => self.rows.set_batch(batch),
                None => return Ok(false),
            }
        }
    }
}

/// The new rows.
pub(super) struct Rewrite {
    relid: pg_sys::Oid,
    table: Table,
    /// Index into a slot's values of each column that DuckDB stores.
    attributes: Vec<usize>,
    nulls: Vec<bool>,
    sink: Sink,
}

enum Sink {
    /// Straight into DuckDB.
    Direct(Appender),
    /// Kept by Postgres until the old table, which the session is reading, is read to its end.
    Held { store: *mut pg_sys::Tuplestorestate, slot: *mut pg_sys::TupleTableSlot, columns: Vec<ColumnSpec> },
}

impl Rewrite {
    /// Makes the new table, as the catalogs have it by now.
    ///
    /// # Safety
    /// `transient` is the open relation that Postgres fills; the relation of the running
    /// statement is locked exclusively.
    pub(super) unsafe fn start(transient: pg_sys::Relation) -> Result<Self> {
        let (relid, before) = changes::target().ok_or_else(|| {
            EngineError::new(SqlState::INTERNAL_ERROR, "rows are rewritten outside ALTER TABLE")
        })?;
        let old = match &before {
            Some((table, _)) => table.clone(),
            None => {
                let table = table::of_relation(relid)?;
                ddl::prepare_name(relid, &table)?;
                table
            }
        };
        let table = ddl::rewritten(&old, relid);
        let definition = Definition::of(relid)?;
        ddl::create_table(&table, &definition)?;
        let columns: Vec<ColumnSpec> = definition
            .stored()
            .map(|column| ColumnSpec { name: column.name.clone(), pg_type: column.pg_type })
            .collect();
        let attributes = definition
            .stored()
            .map(|column| usize::try_from(column.number - 1).expect("user columns have positive numbers"))
            .collect();
        // SAFETY: the transaction outlives the statement, as whose part this is used. The caller
        // runs in a context that it resets after each row.
        unsafe {
            let context = pg_sys::MemoryContextSwitchTo(pg_sys::TopTransactionContext);
            let sink = if before.is_some() {
                let descriptor = pg_sys::CreateTupleDescCopy((*transient).rd_att);
                Sink::Held {
                    store: pg_sys::tuplestore_begin_heap(false, false, pg_sys::work_mem),
                    slot: pg_sys::MakeSingleTupleTableSlot(descriptor, &raw const pg_sys::TTSOpsMinimalTuple),
                    columns,
                }
            } else {
                Sink::Direct(Appender::start(table.instance(), &table.qualified(), columns, "")?)
            };
            pg_sys::MemoryContextSwitchTo(context);
            Ok(Self { relid, table, attributes, nulls: Vec::new(), sink })
        }
    }

    /// Takes a row.
    ///
    /// # Safety
    /// A slot of the transient relation, with a row in it.
    pub(super) unsafe fn push(&mut self, slot: *mut pg_sys::TupleTableSlot) -> Result<()> {
        let Self { relid, attributes, nulls, sink, .. } = self;
        match sink {
            // SAFETY: as the caller promises.
            Sink::Direct(appender) => unsafe { append(appender, attributes, nulls, slot) }
                .map_err(|error| violation::explain(error, *relid, Violating::Present)),
            // SAFETY: as the caller promises; the store copies the row.
            Sink::Held { store, .. } => unsafe {
                pg_sys::tuplestore_puttupleslot(*store, slot);
                Ok(())
            },
        }
    }

    /// The new table, once all rows are in it.
    pub(super) fn finish(self) -> Result<Table> {
        let Self { relid, table, attributes, mut nulls, sink } = self;
        let rows = match sink {
            Sink::Direct(appender) => appender.finish().map(drop),
            Sink::Held { store, slot, columns } => {
                let mut appender = Appender::start(table.instance(), &table.qualified(), columns, "")?;
                // SAFETY: made by `start`, and used up here.
                unsafe {
                    pg_sys::tuplestore_rescan(store);
                    let mut result = Ok(());
                    while result.is_ok() && pg_sys::tuplestore_gettupleslot(store, true, false, slot) {
                        result = append(&mut appender, &attributes, &mut nulls, slot);
                    }
                    pg_sys::ExecDropSingleTupleTableSlot(slot);
                    pg_sys::tuplestore_end(store);
                    result.and_then(|()| appender.finish().map(drop))
                }
            }
        };
        rows.map_err(|error| violation::explain(error, relid, Violating::Present))?;
        Ok(table)
    }
}

/// # Safety
/// A slot of the transient relation, with a row in it; `attributes` are positions in it, in
/// the order of the appender's columns.
unsafe fn append(
    appender: &mut Appender,
    attributes: &[usize],
    nulls: &mut Vec<bool>,
    slot: *mut pg_sys::TupleTableSlot,
) -> Result<()> {
    debug_assert_eq!(appender.columns().len(), attributes.len());
    // SAFETY: as the caller promises.
    unsafe {
        pg_sys::slot_getallattrs(slot);
        nulls.clear();
        nulls.extend(attributes.iter().map(|i| *(*slot).tts_isnull.add(*i)));
        appender.push(attributes.iter().map(|i| *(*slot).tts_values.add(*i)), nulls)
    }
}
