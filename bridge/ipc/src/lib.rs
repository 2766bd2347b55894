//! Frames over a unix socket and Arrow IPC batches in shared memory.

pub mod message;
