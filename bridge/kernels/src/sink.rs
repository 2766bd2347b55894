//! Where by-reference values live.

use std::alloc::{Layout, alloc, dealloc};
use std::ptr::NonNull;

use crate::error::KernelError;

/// Alignment of everything a [`Sink`] hands out: Postgres' `MAXALIGN`.
pub const SINK_ALIGN: usize = 8;

/// Memory for by-reference values.
///
/// # Safety
///
/// `allocate` returns memory that is valid for reads and writes of at least `bytes` bytes,
/// aligned to [`SINK_ALIGN`], not handed out to anybody else, and alive at least as long as
/// the datums that point into it. It may be uninitialised.
pub unsafe trait Sink {
    /// Reserves `bytes` bytes (0 is allowed).
    ///
    /// # Errors
    /// [`KernelError::OutOfMemory`] if there are none.
    fn allocate(&mut self, bytes: usize) -> Result<NonNull<u8>, KernelError>;
}

/// A sink on the Rust heap that frees everything when it is dropped: scratch for list
/// elements, and for tests.
#[derive(Debug, Default)]
pub struct VecSink {
    chunks: Vec<(NonNull<u8>, Layout)>,
}

// SAFETY: the chunks are its own, on a heap that all threads share.
unsafe impl Send for VecSink {}

impl VecSink {
    /// An empty sink.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Frees all memory handed out so far; datums that point into it become invalid.
    pub fn clear(&mut self) {
        for (chunk, layout) in self.chunks.drain(..) {
            // SAFETY: `chunk` came from `alloc` with `layout` and is freed once: drain removes it.
            unsafe { dealloc(chunk.as_ptr(), layout) };
        }
    }
}

impl Drop for VecSink {
    fn drop(&mut self) {
        self.clear();
    }
}

// SAFETY: each request is an allocation of its own of that size and alignment, freed only
// by `clear` and drop.
unsafe impl Sink for VecSink {
    fn allocate(&mut self, bytes: usize) -> Result<NonNull<u8>, KernelError> {
        let layout = Layout::from_size_align(bytes.max(1), SINK_ALIGN)
            .map_err(|_| KernelError::OutOfMemory { bytes })?;
        // SAFETY: the layout's size is at least 1.
        let chunk = NonNull::new(unsafe { alloc(layout) }).ok_or(KernelError::OutOfMemory { bytes })?;
        self.chunks.push((chunk, layout));
        Ok(chunk)
    }
}

/// A sink in memory that the caller has: a buffer, or a segment that another process reads.
#[derive(Debug)]
pub struct SliceSink<'a> {
    memory: &'a mut [u64],
    used: usize,
}

impl<'a> SliceSink<'a> {
    /// An empty sink. The memory is borrowed, so that nobody empties it under the datums.
    #[must_use]
    pub fn new(memory: &'a mut [u64]) -> Self {
        Self { memory, used: 0 }
    }

    /// Bytes handed out, from the start of the memory on.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used * SINK_ALIGN
    }
}

// SAFETY: each request gets words behind all earlier ones, and the borrow keeps them in place.
unsafe impl Sink for SliceSink<'_> {
    fn allocate(&mut self, bytes: usize) -> Result<NonNull<u8>, KernelError> {
        let free = self.memory.get_mut(self.used..).unwrap_or_default();
        let words = bytes.div_ceil(SINK_ALIGN);
        let start = free.get_mut(..words).ok_or(KernelError::OutOfMemory { bytes })?;
        let start = NonNull::new(start.as_mut_ptr()).ok_or(KernelError::OutOfMemory { bytes })?;
        self.used += words;
        Ok(start.cast())
    }
}

/// The datum that points at `pointer`.
#[inline]
pub(crate) fn pointer_datum(pointer: *const u8) -> u64 {
    pointer.expose_provenance() as u64
}
