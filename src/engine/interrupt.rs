//! The one way a backend waits.
//!
//! Serves the latch, query cancel, termination and postmaster death. Interrupts are served
//! inside a pgrx guard, so an ERROR they raise unwinds the Rust frames above.

use pgrx::pg_sys;
use std::cell::Cell;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use crate::pg;

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The descriptor is readable (or writable, if asked).
    Socket,
    /// The latch was set, or the time is over: look again.
    Other,
}

/// A wait set for one descriptor, kept as long as its connection.
///
/// `WaitLatchOrSocket` would make and close an epoll descriptor in each call.
pub(crate) struct WaitSet {
    set: *mut pg_sys::WaitEventSet,
    socket_position: i32,
    fd: RawFd,
    waits_for_write: Cell<bool>,
}

impl WaitSet {
    /// A set for `fd`, this process' latch and the postmaster's death.
    pub(crate) fn new(fd: BorrowedFd<'_>) -> Self {
        const LATCH: u32 = pg_sys::WL_LATCH_SET;
        const DEATH: u32 = pg_sys::WL_EXIT_ON_PM_DEATH;
        const READABLE: u32 = pg_sys::WL_SOCKET_READABLE;
        // SAFETY: main thread; TopMemoryContext outlives the set; MyLatch is set from the
        // start of the process and the descriptor outlives the set (the session owns both).
        unsafe {
            let set = pg::compat::create_wait_event_set(3);
            pg_sys::AddWaitEventToSet(
                set,
                LATCH,
                pg_sys::PGINVALID_SOCKET,
                pg_sys::MyLatch,
                std::ptr::null_mut(),
            );
            pg_sys::AddWaitEventToSet(
                set,
                DEATH,
                pg_sys::PGINVALID_SOCKET,
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
            let socket_position = pg_sys::AddWaitEventToSet(
                set,
                READABLE,
                fd.as_raw_fd(),
                std::ptr::null_mut(),
                std::ptr::null_mut(),
            );
            Self { set, socket_position, fd: fd.as_raw_fd(), waits_for_write: Cell::new(false) }
        }
    }

    /// Sleeps until the socket is ready, the latch is set or `timeout_ms` passed (-1: never).
    /// Raises an ERROR when the query is cancelled.
    pub(crate) fn wait(&self, for_write: bool, timeout_ms: i64) -> Woken {
        // SAFETY: the set is alive; the event is written before it is read.
        let woken = unsafe {
            if for_write != self.waits_for_write.replace(for_write) {
                let write = if for_write { pg_sys::WL_SOCKET_WRITEABLE } else { 0 };
                pg_sys::ModifyWaitEvent(
                    self.set,
                    self.socket_position,
                    pg_sys::WL_SOCKET_READABLE | write,
                    std::ptr::null_mut(),
                );
            }
            let mut event = pg_sys::WaitEvent::default();
            let events =
                pg_sys::WaitEventSetWait(self.set, timeout_ms, &mut event, 1, pg_sys::PG_WAIT_EXTENSION);
            if events > 0 && event.fd == self.fd { Woken::Socket } else { Woken::Other }
        };
        if woken == Woken::Other {
            reset_latch();
        }
        check();
        woken
    }
}

impl Drop for WaitSet {
    fn drop(&mut self) {
        // SAFETY: made by `new`, freed once; raises nothing.
        unsafe { pg_sys::FreeWaitEventSet(self.set) };
    }
}

fn reset_latch() {
    // SAFETY: this process' own latch.
    unsafe { pg_sys::ResetLatch(pg_sys::MyLatch) };
}

/// Serves a pending interrupt: raises an ERROR if the query is to end.
#[inline]
pub(crate) fn check() {
    // SAFETY: a flag written by signal handlers; volatile as in `CHECK_FOR_INTERRUPTS`.
    let pending = unsafe { std::ptr::addr_of!(pg_sys::InterruptPending).read_volatile() } != 0;
    // SAFETY: a counter of the main thread.
    let held = unsafe { pg_sys::InterruptHoldoffCount } != 0;
    if pending && !held {
        // SAFETY: main thread, inside pgrx' guard: an ERROR becomes an unwinding panic.
        unsafe { pg_sys::ProcessInterrupts() };
    }
}

/// True if this backend is to end as soon as it may (which [`HoldInterrupts`] can put off).
pub(crate) fn is_terminating() -> bool {
    // SAFETY: a flag written by signal handlers.
    unsafe { std::ptr::addr_of!(pg_sys::ProcDiePending).read_volatile() != 0 }
}

/// Sleeps up to `timeout_ms` without a descriptor, serving interrupts.
pub(crate) fn sleep(timeout_ms: i64) {
    let events = (pg_sys::WL_LATCH_SET | pg_sys::WL_TIMEOUT | pg_sys::WL_EXIT_ON_PM_DEATH).cast_signed();
    // SAFETY: main thread, own latch.
    unsafe { pg_sys::WaitLatch(pg_sys::MyLatch, events, timeout_ms, pg_sys::PG_WAIT_EXTENSION) };
    reset_latch();
    check();
}

/// Keeps cancel and termination waiting while it lives (`HOLD_INTERRUPTS`).
pub(crate) struct HoldInterrupts(());

impl HoldInterrupts {
    /// Starts to hold interrupts.
    pub(crate) fn new() -> Self {
        // SAFETY: a counter of the main thread.
        unsafe { pg_sys::InterruptHoldoffCount += 1 };
        Self(())
    }
}

impl Drop for HoldInterrupts {
    fn drop(&mut self) {
        // SAFETY: as in `new`. An ERROR resets the counter to 0, hence the check.
        unsafe { pg_sys::InterruptHoldoffCount = pg_sys::InterruptHoldoffCount.saturating_sub(1) };
    }
}
