//! What only clients can see: concurrency, cancel, crashes, memory.

mod cancel;
mod crash;
mod cursor;
mod fixture;
mod limits;
mod memory;
mod persistence;
mod shutdown;
mod status;
