//! The engine process as seen from Postgres: its supervisor and this backend's session.

pub(crate) mod append;
mod batches;
pub(crate) mod feed;
mod gather;
pub(crate) mod interrupt;
pub(crate) mod parallel;
pub(crate) mod portal;
pub(crate) mod session;
pub(crate) mod supervisor;
mod table_scan;
