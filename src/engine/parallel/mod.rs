//! Feeds that several processes compute: parallel workers of Postgres, each with a ring of its own.
//!
//! Postgres plans a feed as it plans any query and puts a Gather over a plan whose parts each process
//! can run ([`plan`]). The Gather is never run. Below it we put a node of ours ([`node`]) that Postgres'
//! own machinery (`ExecInitParallelPlan`, `ParallelQueryMain`) starts in the workers, with the query's
//! snapshot, parameters, user and settings. There it runs its child to the end, puts the rows as Arrow
//! batches into a ring that it has handed to the engine, and returns no tuple ([`worker`]). Errors and
//! notices of workers reach the leader as those of any parallel query.
//!
//! The leader ([`Leader`]) runs the child too, when the engine asks. It never waits for a worker
//! except to see that all have come, before it ends its own part, and at the end of the feed, when
//! workers have been told to stop. So it is always there to answer for other feeds.
//!
//! Postgres decides whether a statement may have workers, as for its own queries: `parallelModeNeeded`
//! of the statement makes the executor enter parallel mode, unless the plan may be left half read
//! (cursors), and leave it when it has shut down the plan's nodes.

mod link;
pub(crate) mod node;
pub(crate) mod plan;
mod worker;

use std::ffi::c_int;
use std::sync::atomic::Ordering;

use pgrx::pg_sys;

use self::node::Ticket;
use crate::error::Result;
use crate::pg::list;

/// `ParallelExecutorInfo` of execParallel.h, as far as it is used.
#[repr(C)]
struct ParallelExecutorInfo {
    planstate: *mut pg_sys::PlanState,
    pcxt: *mut pg_sys::ParallelContext,
    buffer_usage: *mut pg_sys::BufferUsage,
    wal_usage: *mut pg_sys::WalUsage,
    instrumentation: *mut core::ffi::c_void,
    jit_instrumentation: *mut core::ffi::c_void,
    area: *mut pg_sys::dsa_area,
}

// Not in pgrx' bindings; called inside of its guard.
unsafe extern "C-unwind" {
    fn ExecInitParallelPlan(
        planstate: *mut pg_sys::PlanState,
        estate: *mut pg_sys::EState,
        send_params: *mut pg_sys::Bitmapset,
        workers: c_int,
        tuples_needed: i64,
    ) -> *mut ParallelExecutorInfo;
    fn ExecParallelFinish(info: *mut ParallelExecutorInfo);
    fn ExecParallelCleanup(info: *mut ParallelExecutorInfo);
}

/// The leader's view of a feed that may have workers.
pub(super) struct Leader {
    node: *mut pg_sys::CustomScanState,
    /// The Gather that is not run.
    gather: *mut pg_sys::Gather,
    ticket: Ticket,
    /// Null before [`Self::prepare`] and after [`Self::finish`].
    info: *mut ParallelExecutorInfo,
    has_launched: bool,
    /// Workers that Postgres had for it.
    launched: u32,
}

impl Leader {
    /// For a started plan that [`plan`] has made for several processes, if it may use them now.
    ///
    /// # Safety
    /// `root` is the state of a started plan, which outlives this value, and `outer` that of the
    /// statement that it feeds.
    pub(super) unsafe fn new(
        root: *mut pg_sys::PlanState,
        outer: *mut pg_sys::EState,
        ticket: Ticket,
    ) -> Option<Self> {
        // SAFETY: as promised by the caller.
        unsafe {
            let node = node_of(root)?;
            let may = (*outer).es_use_parallel_mode && pg_sys::max_parallel_workers > 0;
            may.then(|| Self {
                node,
                gather: (*root).plan.cast(),
                ticket,
                info: std::ptr::null_mut(),
                has_launched: false,
                launched: 0,
            })
        }
    }

    /// Makes the plan one that workers can share, before its first row is asked for.
    ///
    /// # Safety
    /// The feed's snapshot is active, its resource owner and memory context are the current ones.
    pub(super) unsafe fn prepare(&mut self) {
        if !self.info.is_null() || self.has_launched {
            return;
        }
        // SAFETY: as promised by the caller; the executor is in parallel mode (`new`), and nothing with a
        // destructor is alive inside of the guard.
        unsafe {
            node::set_ticket(self.node, self.ticket);
            let planstate = self.node.cast::<pg_sys::PlanState>();
            let (estate, gather) = ((*planstate).state, self.gather);
            self.info = pg_sys::ffi::pg_guard_ffi_boundary(|| {
                ExecInitParallelPlan(planstate, estate, (*gather).initParam, (*gather).num_workers, -1)
            });
        }
    }

    /// Starts the workers, once. How many there are is up to Postgres' limits.
    ///
    /// # Safety
    /// After [`Self::prepare`]; the context as there.
    pub(super) unsafe fn launch(&mut self) {
        if self.has_launched || self.info.is_null() {
            return;
        }
        self.has_launched = true;
        // SAFETY: a prepared parallel context.
        unsafe {
            let context = (*self.info).pcxt;
            pg_sys::LaunchParallelWorkers(context);
            self.launched = u32::try_from((*context).nworkers_launched).unwrap_or(0);
        }
    }

    /// Workers that were started.
    pub(super) fn launched(&self) -> u32 {
        self.launched
    }

    /// True if the leader has no rows of its own to compute.
    pub(super) fn only_leads(&self) -> bool {
        // SAFETY: a plain setting.
        self.launched > 0 && unsafe { !pg_sys::parallel_leader_participation }
    }

    /// Returns when all workers have come: from then on Postgres tells of each that is lost.
    /// They come or fail without anybody's help.
    pub(super) fn wait_for_workers(&self) {
        if self.launched > 0 && !self.info.is_null() {
            // SAFETY: launched, not yet finished.
            unsafe { pg_sys::WaitForParallelWorkersToAttach((*self.info).pcxt) };
        }
    }

    /// Where nodes below find memory that they share with workers; null without.
    pub(super) fn area(&self) -> *mut pg_sys::dsa_area {
        // SAFETY: null or prepared and not finished.
        unsafe { self.info.as_ref() }.map_or(std::ptr::null_mut(), |info| info.area)
    }

    /// Ends the workers, whether their rows were wanted or not. The plan gives no more rows.
    ///
    /// A worker is asked to stop and looks between two blocks of rows and whenever it waits for room, like a worker of Postgres'
    /// that finds its queue detached.
    ///
    /// # Errors
    /// Raises what a worker has failed with.
    ///
    /// # Safety
    /// The resource owner and memory context are those of [`Self::prepare`], and no error has
    /// ended the transaction since (then Postgres has ended the workers).
    pub(super) unsafe fn finish(&mut self) {
        let info = std::mem::replace(&mut self.info, std::ptr::null_mut());
        if info.is_null() {
            return;
        }
        // SAFETY: prepared and not yet finished. `ExecParallelFinish` detaches from the workers' tuple
        // queues, which sets the latches of those that sleep; the flag is set before.
        unsafe {
            if let Some(shared) = node::shared(self.node).as_ref() {
                shared.stop.store(1, Ordering::Release);
            }
            let planstate = self.node.cast::<pg_sys::PlanState>();
            pg_sys::ExecShutdownNode(planstate);
            pg_sys::ffi::pg_guard_ffi_boundary(|| {
                ExecParallelFinish(info);
                ExecParallelCleanup(info);
            });
            node::forget_shared(self.node);
        }
    }
}

/// Our node below a Gather that is not run.
///
/// # Safety
/// `root` is the state of a started plan.
unsafe fn node_of(root: *mut pg_sys::PlanState) -> Option<*mut pg_sys::CustomScanState> {
    // SAFETY: as promised by the caller.
    unsafe {
        let below = (*root).lefttree;
        let is_gather = (*root).type_ == pg_sys::NodeTag::T_GatherState && !below.is_null();
        (is_gather && node::is_feed_node(below)).then_some(below.cast())
    }
}

/// The plan whose rows a feed consists of: below the nodes that are not run, if `root` has them.
///
/// # Safety
/// `root` is the state of a started plan.
pub(super) unsafe fn rows_of(root: *mut pg_sys::PlanState) -> *mut pg_sys::PlanState {
    // SAFETY: as promised by the caller; our node has one child.
    unsafe {
        let child = node_of(root).and_then(|node| list::pointers((*node).custom_ps).next());
        child.unwrap_or(root)
    }
}

/// A number nobody can guess, for [`bridge_ipc::message::Execute::feed_key`].
pub(super) fn random_key() -> Result<u128> {
    let mut key = 0_u128;
    // SAFETY: writes so many bytes.
    let done = unsafe { pg_sys::pg_strong_random((&raw mut key).cast(), size_of::<u128>()) };
    if !done || key == 0 {
        return Err(crate::error::Error::new(
            bridge_types::SqlState::INTERNAL_ERROR,
            "could not generate a random number",
        ));
    }
    Ok(key)
}
