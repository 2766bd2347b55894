//! Rows of a running Postgres plan, gathered until there are enough of them for the kernels.
//!
//! A slot's values last until the next row only. Rows that lie on a heap page stay where they
//! are as long as the page is pinned; by-reference values of other rows are copied.

use std::ffi::c_int;

use bridge_kernels::{KernelError, Sink};
use bridge_types::{ColumnSpec, limits};
use pgrx::pg_sys;

use super::table_scan::TableScan;
use crate::datum::arena::Arena;
use crate::error::Result;
use crate::pg;
use crate::pg::memory::OwnedContext;

/// Most rows of a block: its datums stay in the cache between here and the kernels.
const BLOCK_ROWS: usize = 256;
/// Pages that a block may pin before the one that it ends with: enough to fill it with ordinary
/// rows, few enough for the smallest buffer pool.
const PAGES: usize = 6;

// Postgres' own functions, without pgrx' guard around each call: one guard serves a whole block
// (a guard costs as much as deforming a tuple).
unsafe extern "C-unwind" {
    fn ExecReScan(node: *mut pg_sys::PlanState);
    fn slot_getsomeattrs_int(slot: *mut pg_sys::TupleTableSlot, attnum: c_int);
    fn pg_detoast_datum_packed(datum: *mut pg_sys::varlena) -> *mut pg_sys::varlena;
    fn IncrBufferRefCount(buffer: pg_sys::Buffer);
}

/// A block of rows, and what keeps their values alive.
pub(super) struct Gather {
    columns: usize,
    /// The attribute of a slot that each column is, from 1: their own numbers, except in the slots of a
    /// [`TableScan`]. None before the first row.
    attributes: Vec<i16>,
    /// The last of them.
    last: i16,
    /// They are 1, 2, .. up to the last.
    in_order: bool,
    /// The by-reference columns and their `typlen`, -1 for varlenas.
    by_reference: Vec<(usize, i16)>,
    /// The varlenas among them.
    varlenas: Vec<usize>,
    /// Row-major.
    datums: Vec<u64>,
    isnull: Vec<bool>,
    rows: usize,
    /// Copies of values.
    copies: Arena,
    /// Detoasted values.
    scratch: OwnedContext,
    /// Bytes of both.
    bytes: usize,
    /// Pages with a pin of ours.
    pages: [pg_sys::Buffer; PAGES + 1],
    pinned: usize,
    /// The plan has no more rows.
    pub(super) ended: bool,
}

impl Gather {
    /// No rows yet. Belongs to the current memory context.
    pub(super) fn new(columns: &[ColumnSpec]) -> Self {
        let typlen = |column: &ColumnSpec| {
            let (mut len, mut by_value) = (0, false);
            // SAFETY: a catalog look-up on the main thread, of a type that exists.
            unsafe {
                let type_oid = pg_sys::Oid::from(column.pg_type.oid);
                pg_sys::get_typlenbyval(type_oid, &raw mut len, &raw mut by_value);
            }
            (!by_value).then_some(len)
        };
        let by_reference = columns.iter().enumerate();
        let by_reference: Vec<_> =
            by_reference.filter_map(|(index, column)| Some((index, typlen(column)?))).collect();
        let varlenas = by_reference.iter().filter(|(_, typlen)| *typlen == VARLENA);
        let varlenas = varlenas.map(|(index, _)| *index).collect();
        Self {
            columns: columns.len(),
            attributes: Vec::new(),
            last: 0,
            in_order: true,
            by_reference,
            varlenas,
            datums: vec![0; BLOCK_ROWS * columns.len()],
            isnull: vec![false; BLOCK_ROWS * columns.len()],
            rows: 0,
            copies: Arena::default(),
            scratch: OwnedContext::new(c"pg_duckdb feed"),
            bytes: 0,
            pages: [0; PAGES + 1],
            pinned: 0,
            ended: false,
        }
    }

    /// Takes up to `rows` further rows of the plan; none are there before.
    ///
    /// # Safety
    /// `plan` is a started plan with these columns, and its snapshot is active.
    pub(super) unsafe fn fill(&mut self, plan: *mut pg_sys::PlanState, rows: usize) -> Result<()> {
        let rows = rows.min(BLOCK_ROWS);
        // SAFETY: a started plan (caller).
        let scan = unsafe { TableScan::of(plan) };
        self.find_columns(scan.as_ref());
        // SAFETY: as the caller promises. `take` and what it calls own nothing while Postgres
        // runs, so that an ERROR leaves nothing undropped, and do not panic.
        let taken = unsafe { pg_sys::ffi::pg_guard_ffi_boundary(|| self.take(plan, scan.as_ref(), rows)) };
        Ok(taken?)
    }

    /// Sees to it that `attributes` are those of the slots that come: of the table's rows once its scan
    /// has begun, of the plan's before.
    fn find_columns(&mut self, scan: Option<&TableScan>) {
        let own = 1..=i16::try_from(self.columns).expect("target lists have at most 1,664 entries");
        let attributes: Vec<i16> =
            scan.map_or_else(|| own.clone().collect(), |scan| scan.attributes().collect());
        if attributes != self.attributes {
            self.in_order = own.eq(attributes.iter().copied());
            self.last = attributes.iter().copied().max().unwrap_or(0);
            self.attributes = attributes;
        }
    }

    /// The rows: datums, null flags and their number. The values live until [`Self::release`].
    pub(super) fn block(&mut self) -> (&mut [u64], &[bool], usize) {
        let cells = self.rows * self.columns;
        (&mut self.datums[..cells], &self.isnull[..cells], self.rows)
    }

    /// Memory that lives as long as the block.
    pub(super) fn scratch(&self) -> pg_sys::MemoryContext {
        self.scratch.get()
    }

    /// Lets the rows go. Not called after an ERROR of Postgres, which releases the pins itself.
    pub(super) fn release(&mut self) {
        for page in &self.pages[..self.pinned] {
            // SAFETY: pinned by `keep`, once for each entry, under the same resource owner.
            unsafe { pg_sys::ReleaseBuffer(*page) };
        }
        (self.pinned, self.rows, self.bytes) = (0, 0, 0);
        self.copies.reset();
        self.scratch.reset();
    }

    /// Runs the plan for [`Self::fill`].
    ///
    /// # Safety
    /// As for `fill`, inside of a guard.
    unsafe fn take(
        &mut self,
        plan: *mut pg_sys::PlanState,
        scan: Option<&TableScan>,
        rows: usize,
    ) -> std::result::Result<(), KernelError> {
        while self.rows < rows && self.pinned <= PAGES && self.bytes < limits::BATCH_BYTES {
            // SAFETY: as above; nothing but the scan itself has run since.
            let slot = unsafe { scan.map_or_else(|| next_row(plan), |scan| scan.next_row()) };
            // SAFETY: null or a slot that is valid until the next call.
            if slot.is_null() || unsafe { (*slot).tts_flags } & pg::TTS_EMPTY != 0 {
                self.ended = true;
                break;
            }
            let at = self.rows * self.columns;
            // SAFETY: a slot with at least these columns (caller); `rows` is at most BLOCK_ROWS, for
            // which there is room.
            unsafe {
                let datums = self.datums.as_mut_ptr().add(at);
                let isnull = self.isnull.as_mut_ptr().add(at);
                self.deform(slot, datums, isnull);
                self.keep(slot, datums, isnull)?;
            }
            self.rows += 1;
        }
        Ok(())
    }

    /// Writes the columns of a slot's row to `datums` and `isnull`.
    ///
    /// # Safety
    /// A live slot that has the attributes of [`Self::find_columns`], and room for a row; inside of a guard.
    #[inline(always)]
    unsafe fn deform(&self, slot: *mut pg_sys::TupleTableSlot, datums: *mut u64, isnull: *mut bool) {
        // SAFETY: as the caller promises. A slot without deformed columns may keep them anywhere: they
        // are written from the first on, and with `tts_nvalid` back at 0 nobody reads those of before.
        unsafe {
            if self.in_order && (*slot).tts_nvalid == 0 && self.last > 0 {
                let (values, nulls) = ((*slot).tts_values, (*slot).tts_isnull);
                (*slot).tts_values = datums.cast();
                (*slot).tts_isnull = isnull;
                slot_getsomeattrs_int(slot, self.last.into());
                (*slot).tts_values = values;
                (*slot).tts_isnull = nulls;
                (*slot).tts_nvalid = 0;
                return;
            }
            if (*slot).tts_nvalid < self.last {
                slot_getsomeattrs_int(slot, self.last.into());
            }
            let (values, nulls) = ((*slot).tts_values.cast::<u64>(), (*slot).tts_isnull);
            for (column, attribute) in self.attributes.iter().enumerate() {
                let at = usize::from(attribute.unsigned_abs()) - 1;
                *datums.add(column) = *values.add(at);
                *isnull.add(column) = *nulls.add(at);
            }
        }
    }

    /// Sees to it that the by-reference values of a row outlive its slot, and are not toasted.
    ///
    /// # Safety
    /// `datums` and `isnull` are the deformed row of `slot`; inside of a guard.
    #[inline(always)]
    unsafe fn keep(
        &mut self,
        slot: *mut pg_sys::TupleTableSlot,
        datums: *mut u64,
        isnull: *const bool,
    ) -> std::result::Result<(), KernelError> {
        if self.by_reference.is_empty() {
            return Ok(());
        }
        // SAFETY: a live slot (caller).
        let page = unsafe { page_of(slot) };
        if page == NO_PAGE {
            // SAFETY: as the caller promises.
            return unsafe { self.copy(datums, isnull) };
        }
        if self.pinned == 0 || self.pages[self.pinned - 1] != page {
            // SAFETY: the slot has a pin of its own.
            unsafe { IncrBufferRefCount(page) };
            self.pages[self.pinned] = page;
            self.pinned += 1;
        }
        // Hardly ever one is: all values of a row are looked at without a branch.
        let toasted = self.varlenas.iter().fold(false, |any, column| {
            // SAFETY: a column of the row; a varlena where it is not null.
            unsafe {
                let value = pointer(*datums.add(*column));
                let value = if *isnull.add(*column) { &raw const PLAIN } else { value.cast_const() };
                any | is_toasted(value)
            }
        });
        if toasted {
            // SAFETY: as the caller promises.
            unsafe { self.detoast(datums, isnull) };
        }
        Ok(())
    }

    /// Puts plain values in place of the toasted ones of a row.
    ///
    /// # Safety
    /// As for [`Self::keep`].
    #[cold]
    unsafe fn detoast(&mut self, datums: *mut u64, isnull: *const bool) {
        for index in 0..self.varlenas.len() {
            let column = self.varlenas[index];
            // SAFETY: a column of the row; a varlena where it is not null.
            unsafe {
                let datum = datums.add(column);
                if !*isnull.add(column) && is_toasted(pointer(*datum)) {
                    *datum = self.plain(*datum);
                }
            }
        }
    }

    /// A plain value for a toasted one, in the block's memory.
    ///
    /// # Safety
    /// `datum` is a toasted varlena; inside of a guard.
    unsafe fn plain(&mut self, datum: u64) -> u64 {
        // SAFETY: as the caller promises; Postgres' function allocates in the current context.
        unsafe {
            let context = pg_sys::CurrentMemoryContext;
            pg_sys::CurrentMemoryContext = self.scratch.get();
            let value = pg_detoast_datum_packed(pointer(datum).cast()).cast::<u8>();
            pg_sys::CurrentMemoryContext = context;
            self.bytes += size(value, VARLENA);
            value.expose_provenance() as u64
        }
    }

    /// Copies the by-reference values of a row that does not lie on a page.
    ///
    /// # Safety
    /// As for [`Self::keep`].
    unsafe fn copy(&mut self, datums: *mut u64, isnull: *const bool) -> std::result::Result<(), KernelError> {
        for index in 0..self.by_reference.len() {
            let (column, typlen) = self.by_reference[index];
            // SAFETY: a column of the row; a value of that length where it is not null.
            unsafe {
                if *isnull.add(column) {
                    continue;
                }
                let datum = datums.add(column);
                let value = pointer(*datum);
                if typlen == VARLENA && is_toasted(value) {
                    *datum = self.plain(*datum);
                    continue;
                }
                let size = size(value, typlen);
                let copy = self.copies.allocate(size)?.as_ptr();
                copy.copy_from_nonoverlapping(value, size);
                *datum = copy.expose_provenance() as u64;
                self.bytes += size;
            }
        }
        Ok(())
    }
}

/// The next row of a plan, null or empty at the end (`ExecProcNode` of executor.h).
///
/// # Safety
/// `plan` is a started plan; inside of a guard.
#[inline(always)]
unsafe fn next_row(plan: *mut pg_sys::PlanState) -> *mut pg_sys::TupleTableSlot {
    // SAFETY: as the caller promises.
    unsafe {
        if !(*plan).chgParam.is_null() {
            ExecReScan(plan);
        }
        (*plan).ExecProcNode.map_or(std::ptr::null_mut(), |next| next(plan))
    }
}

/// The address in a by-reference datum.
#[inline(always)]
fn pointer(datum: u64) -> *mut u8 {
    std::ptr::with_exposed_provenance_mut(usize::try_from(datum).unwrap_or(0))
}

/// First byte of a varlena that is not toasted.
static PLAIN: u8 = 0;

/// `InvalidBuffer`.
const NO_PAGE: pg_sys::Buffer = 0;
/// `typlen` of varlenas.
const VARLENA: i16 = -1;

/// The page that a slot's row lies on, if it is a heap tuple in a buffer.
///
/// # Safety
/// `slot` is live and has a row.
#[inline(always)]
unsafe fn page_of(slot: *mut pg_sys::TupleTableSlot) -> pg_sys::Buffer {
    // SAFETY: slots with these operations are of this struct; its buffer is invalid once its
    // row was materialised.
    unsafe {
        if std::ptr::eq((*slot).tts_ops, &raw const pg_sys::TTSOpsBufferHeapTuple) {
            (*slot.cast::<pg_sys::BufferHeapTupleTableSlot>()).buffer
        } else {
            NO_PAGE
        }
    }
}

/// True if a varlena is compressed or lies elsewhere (`VARATT_IS_EXTENDED` and not short).
///
/// # Safety
/// `value` points at a varlena.
#[inline(always)]
unsafe fn is_toasted(value: *const u8) -> bool {
    // SAFETY: a varlena has at least one byte (caller).
    let first = unsafe { *value };
    (first == 1) | (first & 3 == 2)
}

/// Bytes of a value that is not toasted.
///
/// # Safety
/// `value` points at a value of a type of that `typlen`.
#[inline(always)]
unsafe fn size(value: *const u8, typlen: i16) -> usize {
    // SAFETY: as the caller promises; a varlena's header says how long it is, and a 4-byte one
    // is aligned.
    unsafe {
        match usize::try_from(typlen) {
            Ok(size) => size,
            Err(_) if typlen != VARLENA => std::ffi::CStr::from_ptr(value.cast()).count_bytes() + 1,
            Err(_) if *value & 1 == 1 => usize::from(*value >> 1),
            Err(_) => (value.cast::<u32>().read() >> 2) as usize,
        }
    }
}
