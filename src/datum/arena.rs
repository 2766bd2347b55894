//! By-reference values of one row block.

use std::ptr::NonNull;

use bridge_kernels::{KernelError, SINK_ALIGN, Sink};

/// First chunk: a block of ordinary rows fits into it.
const CHUNK_BYTES: usize = 256 << 10;
/// Chunks above this size are given back when the block is done.
const KEEP_BYTES: usize = 4 << 20;

/// A bump allocator that keeps its chunks from block to block.
///
/// On the Rust heap rather than in a memory context: a reset then costs nothing, and the
/// owner's drop (with the query's memory context) frees everything.
#[derive(Default)]
pub(crate) struct Arena {
    /// Words rather than bytes, so that the start is aligned to [`SINK_ALIGN`].
    chunks: Vec<Box<[u64]>>,
    /// Chunk in use and words used of it.
    current: usize,
    used: usize,
}

impl Arena {
    /// Forgets all values; the memory is used again.
    pub(crate) fn reset(&mut self) {
        self.chunks.retain(|chunk| chunk.len() * SINK_ALIGN <= KEEP_BYTES);
        self.current = 0;
        self.used = 0;
    }
}

// SAFETY: a chunk never moves or shrinks while values in it are alive (the boxes are only
// dropped by `reset` and drop), words make the alignment, and `used` moves past what was
// handed out.
unsafe impl Sink for Arena {
    fn allocate(&mut self, bytes: usize) -> Result<NonNull<u8>, KernelError> {
        let words = bytes.div_ceil(SINK_ALIGN);
        loop {
            if let Some(chunk) = self.chunks.get_mut(self.current) {
                if chunk.len() - self.used >= words {
                    let start = self.used;
                    self.used += words;
                    let address = chunk[start..].as_mut_ptr().cast::<u8>();
                    return NonNull::new(address).ok_or(KernelError::OutOfMemory { bytes });
                }
                self.current += 1;
                self.used = 0;
                continue;
            }
            let len = words.max(CHUNK_BYTES / SINK_ALIGN);
            let mut chunk = Vec::new();
            chunk.try_reserve_exact(len).map_err(|_| KernelError::OutOfMemory { bytes })?;
            chunk.resize(len, 0);
            self.chunks.push(chunk.into_boxed_slice());
        }
    }
}
