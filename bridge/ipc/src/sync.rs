//! The atomics of this crate, in one place so that a model checker can be put under them.

pub(crate) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering, fence};
