//! Rows of a plan that only scans a table, taken from the table itself.
//!
//! The way through the executor costs as much as deforming two columns, and a projection more: its
//! row has left the page that it lay on, so that its values would have to be copied.

use pgrx::pg_sys;

use crate::pg::list;

// Without pgrx' guard: called for each row, inside of one.
unsafe extern "C-unwind" {
    fn MemoryContextReset(context: pg_sys::MemoryContext);
    fn ProcessInterrupts();
}

/// A sequential scan that has begun, whose columns are columns of the table.
pub(super) struct TableScan {
    next: unsafe extern "C-unwind" fn(
        pg_sys::TableScanDesc,
        pg_sys::ScanDirection::Type,
        *mut pg_sys::TupleTableSlot,
    ) -> bool,
    scan: pg_sys::TableScanDesc,
    slot: *mut pg_sys::TupleTableSlot,
    /// Null for all rows.
    qual: *mut pg_sys::ExprState,
    context: *mut pg_sys::ExprContext,
    /// Its target list: nothing but columns of the table.
    targets: *mut pg_sys::List,
}

impl TableScan {
    /// Of a plan that is a sequential scan without instruments and computed columns, once it
    /// has begun (its first row does that); `None` for any other.
    ///
    /// # Safety
    /// `plan` is a started plan, which outlives this value.
    pub(super) unsafe fn of(plan: *mut pg_sys::PlanState) -> Option<Self> {
        // SAFETY: a plan state of the executor's; that tag says which struct it is.
        unsafe {
            let state = &*plan;
            let bare = state.type_ == pg_sys::NodeTag::T_SeqScanState
                && state.instrument.is_null()
                && state.chgParam.is_null()
                && (*state.state).es_epq_active.is_null()
                && (*state.state).es_direction == pg_sys::ScanDirection::ForwardScanDirection;
            if !bare {
                return None;
            }
            let (qual, context, targets) = (state.qual, state.ps_ExprContext, (*state.plan).targetlist);
            let state = &*plan.cast::<pg_sys::ScanState>();
            let scan = state.ss_currentScanDesc;
            if scan.is_null()
                || list::pointers::<pg_sys::TargetEntry>(targets).any(|target| attribute(target).is_none())
            {
                return None;
            }
            let next = (*(*(*scan).rs_rd).rd_tableam).scan_getnextslot?;
            Some(Self { next, scan, slot: state.ss_ScanTupleSlot, qual, context, targets })
        }
    }

    /// The attribute of the table that each column is, from 1.
    pub(super) fn attributes(&self) -> impl Iterator<Item = i16> {
        // SAFETY: the target list of a living plan, all of whose entries have one.
        unsafe { list::pointers(self.targets).filter_map(|target| attribute(target)) }
    }

    /// The next row that passes the plan's condition; null at the end (`ExecScan` of execScan.c).
    ///
    /// # Safety
    /// The plan is as it was in [`Self::of`]; inside of a guard.
    #[inline(always)]
    pub(super) unsafe fn next_row(&self) -> *mut pg_sys::TupleTableSlot {
        // SAFETY: the scan's own slot, as `SeqNext` calls it.
        while unsafe { (self.next)(self.scan, pg_sys::ScanDirection::ForwardScanDirection, self.slot) } {
            // SAFETY: the slot has a row.
            if self.qual.is_null() || unsafe { self.passes() } {
                return self.slot;
            }
        }
        std::ptr::null_mut()
    }

    /// `ExecQual` of executor.h for the row in the slot. Serves interrupts: most rows may fail.
    ///
    /// # Safety
    /// As [`Self::next_row`], of a plan with a condition.
    unsafe fn passes(&self) -> bool {
        // SAFETY: as the caller promises; a compiled condition has its function. The flag is written by
        // signal handlers.
        unsafe {
            if std::ptr::addr_of!(pg_sys::InterruptPending).read_volatile() != 0 {
                ProcessInterrupts();
            }
            let memory = (*self.context).ecxt_per_tuple_memory;
            MemoryContextReset(memory);
            (*self.context).ecxt_scantuple = self.slot;
            let context =
                std::mem::replace(&mut *std::ptr::addr_of_mut!(pg_sys::CurrentMemoryContext), memory);
            let mut isnull = false;
            let passes = (*self.qual)
                .evalfunc
                .is_some_and(|evaluate| evaluate(self.qual, self.context, &raw mut isnull).value() != 0);
            pg_sys::CurrentMemoryContext = context;
            passes
        }
    }
}

/// The attribute of the scanned table that an entry of a scan's target list is; `None` for what is
/// computed, and for system columns.
///
/// # Safety
/// An entry of the target list of a finished plan of a scan.
unsafe fn attribute(target: *mut pg_sys::TargetEntry) -> Option<i16> {
    // SAFETY: as the caller promises; the tag says what the expression is.
    unsafe {
        let var = (*target).expr.cast::<pg_sys::Var>();
        ((*var).xpr.type_ == pg_sys::NodeTag::T_Var && (*var).varattno > 0).then(|| (*var).varattno)
    }
}
