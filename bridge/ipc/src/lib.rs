//! Frames over a unix socket and Arrow IPC batches in shared memory.
//!
//! Two processes that belong to one user talk through this crate: a Postgres backend
//! ([`client`]) and the engine ([`server`]). Small structured messages ([`message`]) cross
//! the socket as frames ([`frame`]); rows cross as Arrow batches ([`batch`]) in rings
//! ([`ring`]) that lie in sealed memfd segments ([`segment`]).
//!
//! What is trusted: nothing that decides where memory is accessed is believed unchecked,
//! so a broken peer ends one session with an [`IpcError`]. What is not defended against is
//! a peer that rewrites a slot *after* it was checked: both processes run the same release
//! under the same user id, which the server verifies.
#![allow(unsafe_code, reason = "shared memory is mapped and shared by raw pointers")]

pub mod batch;
pub mod client;
mod codec;
mod error;
pub mod frame;
pub mod message;
pub mod ring;
pub mod segment;
pub mod server;
mod sync;

pub use error::IpcError;
