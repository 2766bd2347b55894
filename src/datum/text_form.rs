//! Values of types that have no form of their own between Postgres and DuckDB
//! ([`PgType::crosses_as_text`]): Postgres' output and input functions make them text and back,
//! one value at a time.

use std::collections::HashMap;

use bridge_types::PgType;
use pgrx::{pg_sys, vardata_any, varsize_any_exhdr};

use crate::pg::memory::OwnedContext;

/// The columns of rows that go to DuckDB which cross as text.
pub(crate) struct ToText {
    /// Column and output function.
    columns: Vec<(usize, Box<pg_sys::FmgrInfo>)>,
}

impl ToText {
    /// The functions of the columns that need them.
    ///
    /// # Safety
    /// `context` lives at least as long as the result.
    pub(crate) unsafe fn new(
        types: impl IntoIterator<Item = PgType>,
        context: pg_sys::MemoryContext,
    ) -> Self {
        let columns = crossing_as_text(types).map(|(column, pg_type)| {
            let (mut function, mut is_varlena) = (pg_sys::InvalidOid, false);
            // SAFETY: a catalog look-up on the main thread; raises for types without output.
            unsafe { pg_sys::getTypeOutputInfo(pg_type, &raw mut function, &raw mut is_varlena) };
            // SAFETY: the caller's context.
            (column, unsafe { function_info(function, context) })
        });
        Self { columns: columns.collect() }
    }

    /// False if there are no such columns.
    pub(crate) fn is_needed(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Replaces the values of a row by their texts, in the current memory context.
    ///
    /// # Safety
    /// `datums` and `isnull` are a row of the types given to [`Self::new`].
    pub(crate) unsafe fn convert(&mut self, datums: &mut [u64], isnull: &[bool]) {
        for (column, function) in &mut self.columns {
            if isnull[*column] {
                continue;
            }
            let datum = &mut datums[*column];
            // SAFETY: a value of the function's type (caller); palloc'd text without NUL.
            unsafe {
                let address = usize::try_from(*datum).unwrap_or(0);
                let text = pg_sys::OutputFunctionCall(&raw mut **function, pg_sys::Datum::from(address));
                *datum = pg_sys::cstring_to_text(text).expose_provenance() as u64;
                pg_sys::pfree(text.cast());
            }
        }
    }
}

/// The columns of rows that come from DuckDB which cross as text.
pub(crate) struct FromText {
    columns: Vec<Input>,
    /// The values of one block.
    memory: Option<OwnedContext>,
}

struct Input {
    column: usize,
    function: Box<pg_sys::FmgrInfo>,
    parameter: pg_sys::Oid,
    /// The values of an enum that were met, by label: they are few, and Postgres' function looks each
    /// up in the catalog.
    labels: Option<HashMap<Box<[u8]>, u64>>,
}

impl FromText {
    /// The functions of the columns that need them. Belongs to the current memory context, which
    /// lives at least as long as the result.
    pub(crate) fn new(types: impl IntoIterator<Item = PgType>) -> Self {
        let columns = crossing_as_text(types).map(|(column, pg_type)| {
            let (mut function, mut parameter) = (pg_sys::InvalidOid, pg_sys::InvalidOid);
            // SAFETY: a catalog look-up on the main thread; raises for types without input.
            unsafe { pg_sys::getTypeInputInfo(pg_type, &raw mut function, &raw mut parameter) };
            // SAFETY: the current context is live.
            let function = unsafe { function_info(function, pg_sys::CurrentMemoryContext) };
            // SAFETY: a catalog look-up on the main thread.
            let is_enum = unsafe { pg_sys::type_is_enum(pg_type) };
            Input { column, function, parameter, labels: is_enum.then(HashMap::new) }
        });
        let columns: Vec<_> = columns.collect();
        let memory = (!columns.is_empty()).then(|| OwnedContext::new(c"pg_duckdb values"));
        Self { columns, memory }
    }

    /// Replaces the texts of `rows` rows by values, which live until the next call.
    ///
    /// Raises what the input functions raise.
    ///
    /// # Safety
    /// The datums of the columns that cross as text are texts, or null.
    pub(crate) unsafe fn convert(&mut self, datums: &mut [u64], isnull: &[bool], stride: usize, rows: usize) {
        let Some(memory) = &mut self.memory else { return };
        memory.reset();
        // SAFETY: a live context; on an error Postgres sets the current one itself.
        let old = unsafe { pg_sys::MemoryContextSwitchTo(memory.get()) };
        for Input { column, function, parameter, labels } in &mut self.columns {
            for cell in (0..rows).map(|row| row * stride + *column) {
                if isnull[cell] {
                    continue;
                }
                // SAFETY: a text (caller), made by a kernel: not toasted.
                let text = unsafe { text_bytes(datums[cell]) };
                let known = labels.as_ref().and_then(|labels| labels.get(text)).copied();
                datums[cell] = known.unwrap_or_else(|| {
                    let address = usize::try_from(datums[cell]).unwrap_or(0);
                    // SAFETY: a text (caller); the function is the type's input.
                    let value = unsafe {
                        let text = pg_sys::text_to_cstring(std::ptr::with_exposed_provenance(address));
                        pg_sys::InputFunctionCall(&raw mut **function, text, *parameter, -1)
                    };
                    let value = value.value() as u64;
                    if let Some(labels) = labels {
                        labels.insert(text.into(), value);
                    }
                    value
                });
            }
        }
        // SAFETY: the context of before.
        unsafe { pg_sys::MemoryContextSwitchTo(old) };
    }
}

/// The bytes of a text.
///
/// # Safety
/// `datum` is a text that is neither external nor compressed, and outlives the result.
unsafe fn text_bytes<'a>(datum: u64) -> &'a [u8] {
    let text = std::ptr::with_exposed_provenance(usize::try_from(datum).unwrap_or(0));
    // SAFETY: as the caller promises.
    unsafe { std::slice::from_raw_parts(vardata_any(text).cast(), varsize_any_exhdr(text)) }
}

fn crossing_as_text(types: impl IntoIterator<Item = PgType>) -> impl Iterator<Item = (usize, pg_sys::Oid)> {
    let columns = types.into_iter().enumerate().filter(|(_, pg_type)| pg_type.crosses_as_text());
    columns.map(|(column, pg_type)| (column, pg_sys::Oid::from(pg_type.oid)))
}

/// What is needed to call a function. Boxed, since functions keep state behind its address.
///
/// # Safety
/// `context`, where that state lives, lives at least as long as the result.
unsafe fn function_info(function: pg_sys::Oid, context: pg_sys::MemoryContext) -> Box<pg_sys::FmgrInfo> {
    // SAFETY: zeroes are what fmgr_info expects; an existing function.
    unsafe {
        let mut info = Box::new(std::mem::zeroed::<pg_sys::FmgrInfo>());
        pg_sys::fmgr_info_cxt(function, &raw mut *info, context);
        info
    }
}
