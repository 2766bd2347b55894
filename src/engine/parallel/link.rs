//! A parallel worker's connection to the engine, and the ring that it fills.

use std::os::fd::AsFd;
use std::path::Path;

use arrow::array::RecordBatch;
use bridge_ipc::IpcError;
use bridge_ipc::batch::BatchEncoder;
use bridge_ipc::client::Client;
use bridge_ipc::message::{PROTOCOL_VERSION, Produce, Reply, Request};
use bridge_ipc::ring::{Producer, SlotKind};
use bridge_ipc::segment::Segment;
use bridge_types::{limits, names};

use super::node::Ticket;
use crate::engine::interrupt::WaitSet;
use crate::error::{Error, Result};

/// One producer of a scan.
pub(super) struct Link {
    // Before the client, whose descriptor it waits for.
    wait: WaitSet,
    client: Client,
    producer: Producer,
    ticket: Ticket,
}

impl Link {
    /// Connects and hands over a fresh ring.
    ///
    /// # Errors
    /// 58000 if there is no engine; what the system reports of shared memory.
    pub(super) fn open(ticket: &Ticket) -> Result<Self> {
        let client = Client::connect(Path::new(names::SOCKET)).map_err(|_| Error::engine_lost())?;
        let segment = Segment::create(limits::SCAN_RING_BYTES).map_err(IpcError::Io)?;
        let mut link = Self {
            wait: WaitSet::new(client.as_fd()),
            client,
            producer: Producer::new(segment.clone()),
            ticket: *ticket,
        };
        let Ticket { feed_key, portal, scan } = *ticket;
        let request =
            Produce { version: PROTOCOL_VERSION, portal, scan, feed_key: u128::from_ne_bytes(feed_key) };
        // An engine that is gone is noticed by the first wait.
        link.tell(&Request::Produce(request), Some(&segment))?;
        Ok(link)
    }

    /// Puts a batch into the ring, waiting for room; false if nobody wants it.
    ///
    /// # Errors
    /// What the engine complains of; interrupts are raised.
    pub(super) fn send(&mut self, batch: &RecordBatch, is_wanted: impl Fn() -> bool) -> Result<bool> {
        let encoder = BatchEncoder::new(batch)?;
        let size = encoder.size();
        let fits = size <= self.producer.max_slot_bytes();
        if !fits {
            let segment = Segment::outsize(size, |data| encoder.write(data).map(|_| ()))?;
            let Ticket { portal, scan, .. } = self.ticket;
            self.tell(&Request::Outsize { portal, scan }, Some(&segment))?;
        }
        let needed = if fits { size } else { 0 };
        loop {
            if let Some(mut slot) = self.producer.try_reserve(needed)? {
                let wake = if fits {
                    let used = encoder.write(&mut slot)?;
                    slot.commit(used, SlotKind::Batch)
                } else {
                    slot.commit(0, SlotKind::Outsize)
                };
                if wake {
                    self.tell(&Request::Wake, None)?;
                }
                return Ok(true);
            }
            if !is_wanted() || !self.listen()? {
                return Ok(false);
            }
            if self.producer.prepare_sleep(needed) {
                self.wait.wait(self.client.wants_write(), -1);
                self.producer.cancel_sleep();
            }
        }
    }

    /// Says that all batches are in the ring, and sees to it that this is sent.
    pub(super) fn end(mut self) -> Result<()> {
        let Ticket { portal, scan, .. } = self.ticket;
        self.tell(&Request::ScanEnd { portal, scan, workers: 0 }, None)?;
        while self.client.wants_write() && self.listen()? {
            self.wait.wait(true, -1);
        }
        Ok(())
    }

    /// Sends a frame; that the engine has hung up is left to [`Self::listen`].
    fn tell(&mut self, request: &Request, segment: Option<&Segment>) -> Result<()> {
        let descriptors = segment.map(Segment::fd);
        match self.client.send(request, descriptors.as_slice()) {
            Ok(_) | Err(IpcError::Closed | IpcError::Io(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends what is queued and hears what the engine says; false if it has hung up: it wants no more
    /// rows, or is gone.
    fn listen(&mut self) -> Result<bool> {
        // A failure to write is followed by one to read.
        let _ = self.client.flush();
        loop {
            match self.client.try_recv() {
                Ok(Some((_, Reply::Error(error), _))) => return Err(error.into()),
                Ok(Some(_)) => {}
                Ok(None) => return Ok(true),
                Err(IpcError::Closed | IpcError::Io(_)) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
