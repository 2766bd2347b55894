//! A running statement whose rows this backend reads.

use arrow::array::RecordBatch;
use bridge_ipc::batch::BatchReader;
use bridge_ipc::message::Finished;

use super::feed::Feeds;
use super::session::{self, ExecuteOptions, PortalEvent, Statement};
use crate::error::Result;

/// Closes itself in the engine when dropped.
pub(crate) struct Portal {
    id: u32,
    reader: BatchReader,
    feeds: Feeds,
    finished: Option<Finished>,
}

impl Portal {
    /// Runs `statement` with already started feeds.
    pub(crate) fn start(
        id: u32,
        statement: &Statement,
        options: ExecuteOptions,
        feeds: Feeds,
    ) -> Result<Self> {
        let reader = BatchReader::of_statement(&statement.prepared)?;
        session::execute(statement, id, options, &feeds.segments(), feeds.key())?;
        Ok(Self { id, reader, feeds, finished: None })
    }

    /// The next batch; its buffers lie in shared memory and go back when it is dropped.
    pub(crate) fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        if self.finished.is_some() {
            return Ok(None);
        }
        match session::next_event(self.id)? {
            PortalEvent::Batch(buffer) => Ok(Some(self.reader.read(buffer)?)),
            PortalEvent::Finished(finished) => {
                self.finished = Some(finished);
                Ok(None)
            }
        }
    }

    /// How the statement ended, once [`Self::next_batch`] has returned `None`.
    pub(crate) fn finished(&self) -> Option<&Finished> {
        self.finished.as_ref()
    }

    /// The plan of a feed that was run before the statement, see [`Feeds::stored`].
    pub(crate) fn stored(&self, feed: usize) -> Option<*mut pgrx::pg_sys::PlanState> {
        self.feeds.stored(feed)
    }

    /// See [`Feeds::workers`].
    pub(crate) fn workers(&self) -> Vec<Option<u32>> {
        self.feeds.workers()
    }

    /// Ends the statement and its feeds in good order.
    ///
    /// # Errors
    /// As [`Feeds::finish`].
    pub(crate) fn close(mut self) -> Result<()> {
        self.feeds.finish()
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        session::close_portal(self.id);
    }
}
