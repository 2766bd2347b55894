//! A ring of contiguous slots with one producer and one consumer, in a [`Segment`].
//!
//! ```text
//!           tail                 next            head
//!            v                    v               v
//! data: ....[h|payload......][h|..][h|payload][...free...]
//!            \_ handed out, not yet _/\_ unread _/
//!               released by the consumer
//! ```
//!
//! `head` and `tail` count bytes ever committed and released and never wrap; a position in
//! the data area is the count modulo its size. A slot is a header of 64 bytes (`used u64 |
//! kind u64`) and a payload that begins on a 64 byte boundary and is contiguous: a slot that
//! does not fit before the end of the area is preceded by a slot of kind padding that
//! reaches to the end. Slots span a multiple of 64 bytes, so there is room for the header of
//! a padding slot wherever one is needed. A slot may take half of the area, so that one plus
//! its padding always fits into an empty ring.
//!
//! Orderings:
//! * (A) the producer writes payload and header, then stores `head` with Release; the
//!   consumer loads `head` with Acquire before it reads them.
//! * (B) the consumer is done with a slot, then stores `tail` with Release; the producer
//!   loads `tail` with Acquire before it overwrites them.
//! * (C) sleeping: the sleeper stores its flag, fences SeqCst and looks at the position
//!   again; the other side stores the position, fences SeqCst and looks at the flag. One of
//!   the two sees the other's store, so no wake-up is lost. The waker clears the flag, so
//!   that a sleep costs one wake frame.
//!
//! Positions, lengths and kinds read from the segment are copied once and checked.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::buffer::Buffer;
use bridge_types::limits::BUFFER_ALIGN;

use crate::IpcError;
use crate::segment::Segment;
use crate::sync::{AtomicBool, Ordering, fence};

/// Header bytes of a slot; a whole [`BUFFER_ALIGN`] so that payloads stay aligned.
const SLOT_HEADER_BYTES: usize = BUFFER_ALIGN;
const ALIGN: u64 = BUFFER_ALIGN as u64;
/// Offset of the kind in a slot header.
const KIND_AT: usize = 8;
/// Kind of a slot that only fills the area up to its end.
const KIND_PADDING: u64 = 3;

/// What a slot holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// An Arrow IPC record batch.
    Batch,
    /// Nothing: the batch lies in the segment that the next `Outsize` frame brings.
    Outsize,
}

impl SlotKind {
    const fn code(self) -> u64 {
        match self {
            Self::Batch => 1,
            Self::Outsize => 2,
        }
    }
}

/// Bytes that a slot with `payload` bytes spans, header included.
fn span(payload: usize) -> Option<usize> {
    payload.checked_next_multiple_of(BUFFER_ALIGN)?.checked_add(SLOT_HEADER_BYTES)
}

/// The writing end.
#[derive(Debug)]
pub struct Producer {
    segment: Arc<Segment>,
    size: usize,
    /// Our copy of `head`: the one in the segment can be overwritten by the peer.
    head: u64,
    /// The last `tail` seen; it may only grow.
    tail: u64,
}

impl Producer {
    /// The producer of a fresh segment.
    #[must_use]
    pub fn new(segment: Arc<Segment>) -> Self {
        let size = segment.data_bytes();
        Self { segment, size, head: 0, tail: 0 }
    }

    /// The segment, to send its descriptor.
    #[must_use]
    pub fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// The largest payload a slot can have: about half of the data area.
    #[must_use]
    pub fn max_slot_bytes(&self) -> usize {
        self.size / 2 - SLOT_HEADER_BYTES
    }

    /// Room for a payload of `bytes`, or `None` while the ring is too full.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`] above [`Self::max_slot_bytes`]; [`IpcError::Protocol`] if
    /// the consumer's position is impossible.
    pub fn try_reserve(&mut self, bytes: usize) -> Result<Option<Slot<'_>>, IpcError> {
        if bytes > self.max_slot_bytes() {
            return Err(IpcError::Unsendable(
                format!("a batch of {bytes} bytes does not fit into the ring").into(),
            ));
        }
        self.refresh_tail()?;
        let Some((start, padding)) = self.place(bytes) else { return Ok(None) };
        Ok(Some(Slot { start, padding, capacity: bytes, producer: self }))
    }

    /// Bytes committed and not yet released by the consumer, headers and padding included.
    #[must_use]
    pub fn unread_bytes(&mut self) -> u64 {
        // A bad position is reported by the next try_reserve.
        let _ = self.refresh_tail();
        self.head - self.tail
    }

    /// Says in the segment that the producer sleeps until a payload of `needed` bytes fits.
    /// `false`: it fits already (or the ring is broken), try again. `true`: sleep now.
    #[must_use]
    pub fn prepare_sleep(&mut self, needed: usize) -> bool {
        self.sleep_unless(|this| this.place(needed).is_some())
    }

    /// Says in the segment that the producer sleeps until at most `unread` bytes are unread:
    /// for readers that gave less credit than the ring has room. Result as in
    /// [`Self::prepare_sleep`].
    #[must_use]
    pub fn prepare_sleep_above(&mut self, unread: u64) -> bool {
        self.sleep_unless(|this| this.head - this.tail <= unread)
    }

    /// Takes back the word of [`Self::prepare_sleep`], after waking up.
    pub fn cancel_sleep(&self) {
        self.segment.producer_sleeps().store(0, Ordering::Relaxed);
    }

    fn sleep_unless(&mut self, ready: impl Fn(&Self) -> bool) -> bool {
        self.segment.producer_sleeps().store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // (C)
        if self.refresh_tail().is_err() || ready(self) {
            self.cancel_sleep();
            return false;
        }
        true
    }

    /// Where a payload of `bytes` starts (its header) and how much padding precedes it.
    fn place(&self, bytes: usize) -> Option<(usize, usize)> {
        let span = span(bytes)?;
        let unread = usize::try_from(self.head - self.tail).ok()?;
        let free = self.size.checked_sub(unread)?;
        let at = self.position(self.head);
        let to_end = self.size - at;
        if span <= to_end {
            (span <= free).then_some((at, 0))
        } else {
            (to_end.checked_add(span)? <= free).then_some((0, to_end))
        }
    }

    fn position(&self, count: u64) -> usize {
        usize::try_from(count % self.size as u64).expect("smaller than the data area")
    }

    fn refresh_tail(&mut self) -> Result<(), IpcError> {
        let tail = self.segment.tail().load(Ordering::Acquire); // (B)
        if tail < self.tail || tail > self.head || !tail.is_multiple_of(ALIGN) {
            return Err(IpcError::protocol(format!(
                "the reader of a ring is at {tail}, between {} and {} was expected",
                self.tail, self.head
            )));
        }
        self.tail = tail;
        Ok(())
    }
}

/// Room in the ring, 64-byte aligned; its content is whatever was there before.
///
/// Dropped without [`Slot::commit`], the room is free again.
#[derive(Debug)]
pub struct Slot<'a> {
    producer: &'a mut Producer,
    start: usize,
    padding: usize,
    capacity: usize,
}

impl Slot<'_> {
    /// Hands the first `used` bytes to the consumer and gives back the rest.
    /// `true`: the consumer sleeps and must be sent a `Wake` frame.
    ///
    /// # Panics
    /// If `used` is more than was reserved.
    #[must_use = "a sleeping consumer must be woken"]
    pub fn commit(self, used: usize, kind: SlotKind) -> bool {
        assert!(used <= self.capacity, "{used} bytes used of {} reserved", self.capacity);
        let producer = self.producer;
        let segment = &producer.segment;
        if self.padding > 0 {
            let at = producer.size - self.padding;
            segment.data_word(at).store(0, Ordering::Relaxed);
            segment.data_word(at + KIND_AT).store(KIND_PADDING, Ordering::Relaxed);
        }
        segment.data_word(self.start).store(used as u64, Ordering::Relaxed);
        segment.data_word(self.start + KIND_AT).store(kind.code(), Ordering::Relaxed);
        let span = span(used).expect("no larger than what was reserved");
        producer.head += (self.padding + span) as u64;
        segment.head().store(producer.head, Ordering::Release); // (A)
        fence(Ordering::SeqCst); // (C)
        let flag = segment.consumer_sleeps();
        flag.load(Ordering::Relaxed) != 0 && flag.swap(0, Ordering::Relaxed) != 0
    }

    fn payload(&self) -> NonNull<u8> {
        // SAFETY: `place` chose `start` so that header and payload lie in the data area.
        unsafe { self.producer.segment.data().add(self.start + SLOT_HEADER_BYTES) }
    }
}

impl Deref for Slot<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `capacity` bytes behind the header are in the data area and free (place);
        // the consumer does not touch them before head passes them, and the exclusive
        // borrow of the producer keeps any other slot of this side away.
        unsafe { std::slice::from_raw_parts(self.payload().as_ptr(), self.capacity) }
    }
}

impl DerefMut for Slot<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.payload().as_ptr(), self.capacity) }
    }
}

/// A slot that was read.
#[derive(Debug)]
pub struct Message {
    /// What the slot holds.
    pub kind: SlotKind,
    /// Its payload, in place. The slot is released when the last clone or slice of this
    /// buffer is dropped, on any thread; slots are given back to the producer in order, so
    /// that one kept for long stalls it: copy out what must live.
    pub buffer: Buffer,
}

/// The reading end. Used from one thread; what it hands out may be dropped on any.
#[derive(Debug)]
pub struct Consumer {
    segment: Arc<Segment>,
    releases: Arc<Releases>,
    size: usize,
    /// Start of the next unread slot.
    next: u64,
}

impl Consumer {
    /// The consumer of a segment that nobody has read from.
    #[must_use]
    pub fn new(segment: Arc<Segment>) -> Self {
        let releases = Arc::new(Releases {
            segment: Arc::clone(&segment),
            order: Mutex::new(ReleaseOrder::default()),
            released: AtomicBool::new(false),
        });
        let size = segment.data_bytes();
        Self { segment, releases, size, next: 0 }
    }

    /// The next slot; `None`: nothing is there now.
    ///
    /// # Errors
    /// [`IpcError::Protocol`] if position or slot header are impossible. The ring is then
    /// useless.
    pub fn try_next(&mut self) -> Result<Option<Message>, IpcError> {
        let head = self.segment.head().load(Ordering::Acquire); // (A)
        let size = self.size as u64;
        let tail = self.releases.tail();
        // `next - tail <= size` always holds here, so the subtractions below cannot wrap.
        if head < self.next || head - tail > size || !head.is_multiple_of(ALIGN) {
            return Err(IpcError::protocol(format!(
                "the writer of a ring is at {head}, between {} and {} was expected",
                self.next,
                tail + size
            )));
        }
        while head > self.next {
            let at = usize::try_from(self.next % size).expect("smaller than the data area");
            let to_end = self.size - at;
            let used = self.segment.data_word(at).load(Ordering::Relaxed);
            let kind = self.segment.data_word(at + KIND_AT).load(Ordering::Relaxed);
            let unread = usize::try_from(head - self.next).expect("at most the size, from above");
            let kind = match kind {
                1 => SlotKind::Batch,
                2 => SlotKind::Outsize,
                KIND_PADDING if at > 0 && to_end < unread => {
                    drop(self.lease(to_end));
                    continue;
                }
                other => {
                    return Err(IpcError::protocol(format!("impossible slot of kind {other} at {at}")));
                }
            };
            let span = usize::try_from(used)
                .ok()
                .and_then(span)
                .filter(|span| *span <= to_end && *span <= unread)
                .ok_or_else(|| IpcError::protocol(format!("impossible slot of {used} bytes at {at}")))?;
            let used = usize::try_from(used).expect("smaller than its span");
            let lease = self.lease(span);
            // SAFETY: at + span <= data_bytes and span covers header and payload, checked
            // just above, so `used` bytes from here are in the mapping.
            let payload = unsafe { self.segment.data().add(at + SLOT_HEADER_BYTES) };
            // SAFETY: the bytes are in the mapping, which the lease keeps, and the producer
            // does not touch them before the lease's drop lets `tail` pass them.
            let buffer = unsafe { Buffer::from_custom_allocation(payload, used, Arc::new(lease)) };
            return Ok(Some(Message { kind, buffer }));
        }
        Ok(None)
    }

    /// Whether nothing is there to read (`false` also for a broken ring).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segment.head().load(Ordering::Acquire) == self.next // (A)
    }

    /// Bytes ever given back to the producer.
    #[must_use]
    pub fn released_bytes(&self) -> u64 {
        self.releases.tail()
    }

    /// Whether slots were released since the last call and the producer sleeps: it must then
    /// be sent a `Wake` frame. Call it after dropping batches and before sleeping.
    #[must_use = "a sleeping producer must be woken"]
    pub fn take_release_wake(&self) -> bool {
        if !self.releases.released.swap(false, Ordering::AcqRel) {
            return false;
        }
        fence(Ordering::SeqCst); // (C); the swap above brought us the releasing thread's store
        let flag = self.segment.producer_sleeps();
        flag.load(Ordering::Relaxed) != 0 && flag.swap(0, Ordering::Relaxed) != 0
    }

    /// Says in the segment that the consumer sleeps until a slot comes. `false`: one is
    /// there (or the ring is broken), read it. `true`: sleep now.
    #[must_use]
    pub fn prepare_sleep(&self) -> bool {
        self.segment.consumer_sleeps().store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst); // (C)
        if self.is_empty() {
            return true;
        }
        self.cancel_sleep();
        false
    }

    /// Takes back the word of [`Self::prepare_sleep`], after waking up.
    pub fn cancel_sleep(&self) {
        self.segment.consumer_sleeps().store(0, Ordering::Relaxed);
    }

    /// Takes the next `span` bytes; they are released when the lease is dropped.
    fn lease(&mut self, span: usize) -> Lease {
        let start = self.next;
        self.next += span as u64;
        self.releases.hand_out(start, self.next);
        Lease { releases: Arc::clone(&self.releases), start }
    }
}

/// What was handed out and not yet given back to the producer.
#[derive(Debug)]
struct Releases {
    segment: Arc<Segment>,
    order: Mutex<ReleaseOrder>,
    /// `tail` moved since `take_release_wake` last looked.
    released: AtomicBool,
}

#[derive(Debug, Default)]
struct ReleaseOrder {
    tail: u64,
    /// (start, end, done) in ring order; the first one is not done.
    outstanding: VecDeque<(u64, u64, bool)>,
}

impl Releases {
    fn tail(&self) -> u64 {
        self.order.lock().unwrap_or_else(PoisonError::into_inner).tail
    }

    fn hand_out(&self, start: u64, end: u64) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.outstanding.push_back((start, end, false));
    }

    fn release(&self, start: u64) {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(index) = order.outstanding.binary_search_by_key(&start, |slot| slot.0) {
            order.outstanding[index].2 = true;
        }
        let before = order.tail;
        while let Some((_, end, true)) = order.outstanding.front().copied() {
            order.outstanding.pop_front();
            order.tail = end;
        }
        if order.tail != before {
            // Under the lock, so that stores of several threads come in order.
            self.segment.tail().store(order.tail, Ordering::Release); // (B)
            self.released.store(true, Ordering::Release);
        }
    }
}

/// Owner of a slot's bytes on the consumer's side.
#[derive(Debug)]
struct Lease {
    releases: Arc<Releases>,
    start: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.releases.release(self.start);
    }
}

#[cfg(test)]
mod tests;
