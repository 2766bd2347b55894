//! One ring of a feed, and the process that fills it.

use arrow::buffer::Buffer;
use bridge_ipc::IpcError;
use bridge_ipc::message::Reply;
use bridge_ipc::ring::{Consumer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_ipc::server::ConnectionWriter;
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// The rows of one producer.
pub(super) struct Source {
    consumer: Consumer,
    /// Segments of batches too large for the ring, in order.
    outsize: VecDeque<OwnedFd>,
    /// A slot said that its batch lies in a segment that has not come yet.
    awaits_outsize: bool,
    /// All its batches are in the ring.
    pub(super) ended: bool,
    /// Where the producer is told to look at the ring, and the sequence number it is told under.
    pub(super) writer: Arc<ConnectionWriter>,
    sequence: u32,
}

impl Source {
    /// The ring in `segment`.
    pub(super) fn open(
        segment: OwnedFd,
        writer: Arc<ConnectionWriter>,
        sequence: u32,
    ) -> Result<Self, IpcError> {
        Ok(Self {
            consumer: Consumer::new(Segment::open(segment)?),
            outsize: VecDeque::new(),
            awaits_outsize: false,
            ended: false,
            writer,
            sequence,
        })
    }

    /// The next batch that is there, as an Arrow IPC message.
    pub(super) fn try_next(&mut self) -> Result<Option<Buffer>, IpcError> {
        // What was dropped since the last look made room.
        if self.consumer.take_release_wake() {
            self.tell(&Reply::Wake);
        }
        if !self.awaits_outsize {
            match self.consumer.try_next()? {
                None => return Ok(None),
                Some(message) if message.kind == SlotKind::Batch => return Ok(Some(message.buffer)),
                Some(_) => self.awaits_outsize = true,
            }
        }
        let Some(segment) = self.outsize.pop_front() else { return Ok(None) };
        self.awaits_outsize = false;
        Ok(Some(Segment::open(segment)?.into_buffer()))
    }

    /// The segment of the next slot of kind `Outsize`.
    pub(super) fn push_outsize(&mut self, segment: OwnedFd) {
        self.outsize.push_back(segment);
    }

    /// Nothing more will come: it said so, and what it had sent before was read.
    pub(super) fn is_spent(&self) -> bool {
        self.ended && !self.awaits_outsize && self.consumer.is_empty()
    }

    /// Nothing is there to be read now, other than a batch whose segment is on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.consumer.is_empty()
    }

    /// What the producer has got back of its ring.
    pub(super) fn released_bytes(&self) -> u64 {
        self.consumer.released_bytes()
    }

    /// Asks to be woken by the next batch; false if one is there.
    pub(super) fn prepare_sleep(&self) -> bool {
        self.awaits_outsize || self.ended || self.consumer.prepare_sleep()
    }

    /// Takes back [`Self::prepare_sleep`].
    pub(super) fn cancel_sleep(&self) {
        self.consumer.cancel_sleep();
    }

    /// Sends something to the producer.
    pub(super) fn tell(&self, reply: &Reply) {
        // A dead client is noticed by the reader thread, which stops us; a worker that is gone wants
        // to know nothing.
        drop(self.writer.send(self.sequence, reply, &[]));
    }
}
