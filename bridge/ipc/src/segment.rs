//! A memfd segment: one header page and a data area, mapped by both processes.
//!
//! The creator seals the size (`F_SEAL_SHRINK | F_SEAL_GROW`), and a peer's segment is
//! mapped only if it is sealed: otherwise the peer could truncate it and every access here
//! would be a SIGBUS.
//!
//! ```text
//!    0  magic u64 | version u32 | zero u32 | data bytes u64
//!   64  head u64      bytes ever committed; written by the producer
//!  128  tail u64      bytes ever released; written by the consumer
//!  192  producer_sleeps u32
//!  256  consumer_sleeps u32
//! 4096  data
//! ```

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::Arc;

use arrow::buffer::Buffer;
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::mm::{MapFlags, ProtFlags};

use crate::IpcError;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// `pgduckrb` in ASCII.
const MAGIC: u64 = u64::from_le_bytes(*b"pgduckrb");
/// Layout of header and slots.
const VERSION: u32 = 1;
/// Bytes before the data area: a page, so that the data area is page aligned.
pub(crate) const HEADER_BYTES: usize = 4096;
/// The data area is a multiple of this.
const DATA_GRANULE: usize = 4096;
/// The largest data area that is created or opened: a value of `MAX_FIELD_BYTES` with the
/// rest of its row and batch fits; a peer cannot make us map more.
pub const MAX_DATA_BYTES: usize = 4 << 30;

const MAGIC_AT: usize = 0;
const VERSION_AT: usize = 8;
const SIZE_AT: usize = 16;
const HEAD_AT: usize = 64;
const TAIL_AT: usize = 128;
const PRODUCER_SLEEPS_AT: usize = 192;
const CONSUMER_SLEEPS_AT: usize = 256;

/// A mapped segment. Unmapped when the last `Arc` (also held by every unread batch) goes.
#[derive(Debug)]
pub struct Segment {
    fd: OwnedFd,
    base: NonNull<u8>,
    data_bytes: usize,
}

// SAFETY: the mapping is plain memory owned by this value; shared words are atomics, and
// the data area is handed out by the ring, which gives each byte to one side at a time.
unsafe impl Send for Segment {}
// SAFETY: as above; `&Segment` gives access to atomics and to raw pointers only.
unsafe impl Sync for Segment {}

impl Segment {
    /// Creates a segment with at least `data_bytes` of data (rounded up to whole pages).
    ///
    /// # Errors
    /// `InvalidInput` above [`MAX_DATA_BYTES`], else what the system calls report.
    pub fn create(data_bytes: usize) -> io::Result<Arc<Self>> {
        if data_bytes > MAX_DATA_BYTES {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("a shared memory segment of {data_bytes} bytes is larger than allowed"),
            ));
        }
        let data_bytes = data_bytes.max(1).next_multiple_of(DATA_GRANULE);
        let fd = rustix::fs::memfd_create("pg_duckdb", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&fd, (HEADER_BYTES + data_bytes) as u64)?;
        rustix::fs::fcntl_add_seals(&fd, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let segment = Self::map(fd, data_bytes)?;
        segment.u64_at(SIZE_AT).store(data_bytes as u64, Ordering::Relaxed);
        segment.u32_at(VERSION_AT).store(VERSION, Ordering::Relaxed);
        segment.u64_at(MAGIC_AT).store(MAGIC, Ordering::Release);
        Ok(Arc::new(segment))
    }

    /// Maps a segment received from the peer.
    ///
    /// # Errors
    /// [`IpcError::Segment`] if it is not sealed, or size, magic or version are wrong;
    /// [`IpcError::Io`] from the system calls.
    pub fn open(fd: OwnedFd) -> Result<Arc<Self>, IpcError> {
        let seals = rustix::fs::fcntl_get_seals(&fd)
            .map_err(|_| IpcError::segment("the descriptor is not a memfd"))?;
        if !seals.contains(SealFlags::SHRINK | SealFlags::GROW) {
            return Err(IpcError::segment("its size is not sealed"));
        }
        if seals.intersects(SealFlags::WRITE | SealFlags::FUTURE_WRITE) {
            return Err(IpcError::segment("it is sealed against writing"));
        }
        // Sealed: this size can no longer change.
        let file_bytes = usize::try_from(rustix::fs::fstat(&fd)?.st_size)
            .map_err(|_| IpcError::segment("negative size"))?;
        let data_bytes = file_bytes
            .checked_sub(HEADER_BYTES)
            .filter(|bytes| *bytes > 0 && bytes.is_multiple_of(DATA_GRANULE) && *bytes <= MAX_DATA_BYTES)
            .ok_or_else(|| IpcError::segment(format!("impossible size of {file_bytes} bytes")))?;
        let segment = Self::map(fd, data_bytes)?;
        if segment.u64_at(MAGIC_AT).load(Ordering::Acquire) != MAGIC {
            return Err(IpcError::segment("wrong magic number"));
        }
        let version = segment.u32_at(VERSION_AT).load(Ordering::Relaxed);
        if version != VERSION {
            return Err(IpcError::segment(format!("layout version {version}, expected {VERSION}")));
        }
        if segment.u64_at(SIZE_AT).load(Ordering::Relaxed) != data_bytes as u64 {
            return Err(IpcError::segment("header and file disagree about its size"));
        }
        Ok(Arc::new(segment))
    }

    /// Creates a segment for one batch that is too large for its ring (`SlotKind::Outsize`):
    /// `fill` writes it to the front of `bytes` zeroed bytes. The receiver reads it through
    /// [`Self::into_buffer`].
    ///
    /// # Errors
    /// Of [`Self::create`] and of `fill`.
    pub fn outsize<E: From<io::Error>>(
        bytes: usize,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Arc<Self>, E> {
        let segment = Self::create(bytes)?;
        // SAFETY: the data area has at least `bytes` bytes, and nobody else knows the segment
        // yet: the descriptor was not sent, and no other reference to it exists here.
        fill(unsafe { std::slice::from_raw_parts_mut(segment.data().as_ptr(), bytes) })?;
        Ok(segment)
    }

    /// The whole data area of a segment that is not a ring; it stays mapped as long as the
    /// buffer or a slice of it lives.
    #[must_use]
    pub fn into_buffer(self: Arc<Self>) -> Buffer {
        let (data, bytes) = (self.data(), self.data_bytes);
        // SAFETY: data() is valid for data_bytes while the segment lives, and the buffer owns it.
        unsafe { Buffer::from_custom_allocation(data, bytes, self) }
    }

    /// The descriptor to send to the peer.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// Bytes of the data area, a multiple of the page size.
    #[must_use]
    pub fn data_bytes(&self) -> usize {
        self.data_bytes
    }

    /// Start of the data area; valid for [`Self::data_bytes`] while `self` lives.
    pub(crate) fn data(&self) -> NonNull<u8> {
        // SAFETY: the mapping has HEADER_BYTES + data_bytes bytes, see `map`.
        unsafe { self.base.add(HEADER_BYTES) }
    }

    /// Bytes ever committed.
    pub(crate) fn head(&self) -> &AtomicU64 {
        self.u64_at(HEAD_AT)
    }

    /// Bytes ever released.
    pub(crate) fn tail(&self) -> &AtomicU64 {
        self.u64_at(TAIL_AT)
    }

    /// Set by a producer that waits for room.
    pub(crate) fn producer_sleeps(&self) -> &AtomicU32 {
        self.u32_at(PRODUCER_SLEEPS_AT)
    }

    /// Set by a consumer that waits for a slot.
    pub(crate) fn consumer_sleeps(&self) -> &AtomicU32 {
        self.u32_at(CONSUMER_SLEEPS_AT)
    }

    /// A word of a slot header in the data area. `at` is a multiple of 8 inside the area.
    pub(crate) fn data_word(&self, at: usize) -> &AtomicU64 {
        assert!(at < self.data_bytes, "word at {at} lies outside of the data area");
        self.u64_at(HEADER_BYTES + at)
    }

    fn map(fd: OwnedFd, data_bytes: usize) -> io::Result<Self> {
        // SAFETY: a fresh mapping chosen by the kernel overlaps nothing of ours, and the
        // seal on the size, set or checked by both callers, keeps all of it accessible.
        let base = unsafe {
            rustix::mm::mmap(
                std::ptr::null_mut(),
                HEADER_BYTES + data_bytes,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::SHARED,
                &fd,
                0,
            )?
        };
        let base = NonNull::new(base.cast::<u8>()).expect("mmap never returns the null page");
        Ok(Self { fd, base, data_bytes })
    }

    fn u64_at(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= HEADER_BYTES + self.data_bytes, "bad word {at}");
        // SAFETY: in bounds and aligned, asserted above (the base is page aligned); the
        // memory lives as long as `self`, and is only ever accessed as this atomic, or,
        // in the data area, by the side that owns the slot.
        unsafe { AtomicU64::from_ptr(self.base.as_ptr().add(at).cast::<u64>()) }
    }

    fn u32_at(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= HEADER_BYTES, "bad word {at}");
        // SAFETY: as in `u64_at`.
        unsafe { AtomicU32::from_ptr(self.base.as_ptr().add(at).cast::<u32>()) }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // SAFETY: `base` was mapped by `map` with this length, and nothing borrows it any
        // more: buffers and slots hold an Arc of or a borrow from this value.
        let unmapped =
            unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), HEADER_BYTES + self.data_bytes) };
        debug_assert!(unmapped.is_ok(), "munmap of an own mapping failed: {unmapped:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(bytes: u64, seals: SealFlags) -> OwnedFd {
        let fd = rustix::fs::memfd_create("t", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::fs::ftruncate(&fd, bytes).unwrap();
        rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
        fd
    }

    fn segment_error(fd: OwnedFd) -> String {
        match Segment::open(fd) {
            Err(IpcError::Segment(text)) => text.into_owned(),
            other => panic!("expected a segment error, got {other:?}"),
        }
    }

    #[test]
    fn both_mappings_see_the_same_memory() {
        let ours = Segment::create(10_000).unwrap();
        let theirs = Segment::open(ours.fd().try_clone_to_owned().unwrap()).unwrap();
        assert_eq!(ours.data_bytes(), 12_288);
        assert_eq!(theirs.data_bytes(), 12_288);
        ours.head().store(7, Ordering::Relaxed);
        assert_eq!(theirs.head().load(Ordering::Relaxed), 7);
    }

    #[test]
    fn an_unsealed_or_odd_descriptor_is_refused() {
        let size = (HEADER_BYTES + DATA_GRANULE) as u64;
        assert!(segment_error(raw(size, SealFlags::empty())).contains("not sealed"));
        assert!(segment_error(raw(size, SealFlags::GROW)).contains("not sealed"));
        let sealed = SealFlags::SHRINK | SealFlags::GROW;
        assert!(segment_error(raw(size, sealed)).contains("magic"));
        assert!(segment_error(raw(size, sealed | SealFlags::WRITE)).contains("against writing"));
        for bytes in [0, 1, 4095, 4096, 5000] {
            assert!(segment_error(raw(bytes, sealed)).contains("size"), "{bytes}");
        }
        let (pipe, _other) = rustix::pipe::pipe().unwrap();
        assert!(segment_error(pipe).contains("not a memfd"));
        assert!(Segment::create(MAX_DATA_BYTES + 1).is_err());
    }

    #[test]
    fn a_wrong_header_is_refused() {
        for (at, value) in [(VERSION_AT, 2), (SIZE_AT, 0), (SIZE_AT, 1 << 40), (MAGIC_AT, 1)] {
            let segment = Segment::create(4096).unwrap();
            segment.u64_at(at).store(value, Ordering::Relaxed);
            segment_error(segment.fd().try_clone_to_owned().unwrap());
        }
    }
}
