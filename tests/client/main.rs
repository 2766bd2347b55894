//! What only clients can see: concurrency, cancel, crashes, memory.

mod cancel;
mod crash;
mod crash_steps;
mod cursor;
mod ddl;
mod feeds;
mod finish;
mod fixture;
mod invalidation;
mod isolation;
mod limits;
mod memory;
mod parallel;
mod persistence;
mod protocol;
mod reentry;
mod role;
mod session;
mod shutdown;
mod status;
mod store;
mod streams;
mod values;
mod write;
