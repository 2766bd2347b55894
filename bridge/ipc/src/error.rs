//! The error of everything in this crate.

use std::borrow::Cow;
use std::io;

/// Why an exchange with the other process failed, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum IpcError {
    /// The peer is gone: reconnect.
    #[error("the other process closed the connection")]
    Closed,
    /// The peer said something that cannot be: drop the connection.
    #[error("protocol violation: {0}")]
    Protocol(Cow<'static, str>),
    /// A shared memory segment is not what it should be: drop the connection.
    #[error("invalid shared memory segment: {0}")]
    Segment(Cow<'static, str>),
    /// What was to be sent cannot be: a frame or batch too large, a type that does not
    /// cross. The connection is unharmed.
    #[error("{0}")]
    Unsendable(Cow<'static, str>),
    /// The operating system refused.
    #[error("{0}")]
    Io(#[from] io::Error),
}

impl IpcError {
    /// A protocol violation.
    pub(crate) fn protocol(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Protocol(text.into())
    }

    /// A bad segment.
    pub(crate) fn segment(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Segment(text.into())
    }
}

impl From<rustix::io::Errno> for IpcError {
    fn from(errno: rustix::io::Errno) -> Self {
        match errno {
            rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET => Self::Closed,
            other => Self::Io(other.into()),
        }
    }
}
