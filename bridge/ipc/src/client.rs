//! The client's end of a connection: nonblocking, without threads.
//!
//! A backend waits with its latch on [`Client::as_fd`] (readable, and writable while
//! [`Client::wants_write`]) and calls [`Client::try_recv`]; programs without latches use
//! [`Client::recv`].

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::IpcError;
use crate::frame::{FrameReader, FrameWriter, ReadProgress};
use crate::message::{Reply, Request};

/// How often a connect is tried while the engine's backlog is full, and the pause between.
const CONNECT_TRIES: u32 = 20;
const CONNECT_PAUSE: Duration = Duration::from_millis(5);

/// A connection to the engine.
#[derive(Debug)]
pub struct Client {
    socket: OwnedFd,
    reader: FrameReader,
    writer: FrameWriter,
    sequence: u32,
    /// Writing failed: nothing is sent any more, but what the engine said last can be read.
    writing_lost: bool,
    /// A frame was broken or the stream ended: nothing can be read any more.
    reading_lost: bool,
}

impl Client {
    /// Connects to the engine's socket.
    ///
    /// # Errors
    /// [`IpcError::Io`]: `NotFound` and `ConnectionRefused` mean that no engine listens.
    pub fn connect(path: &Path) -> Result<Self, IpcError> {
        let socket = rustix::net::socket_with(
            AddressFamily::UNIX,
            SocketType::STREAM,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )?;
        let address = SocketAddrUnix::new(path)?;
        let mut tries = 0;
        loop {
            match rustix::net::connect(&socket, &address) {
                Ok(()) => return Ok(Self::from_socket(socket)),
                // The backlog is full: a unix socket does not queue a nonblocking connect.
                Err(Errno::AGAIN) if tries < CONNECT_TRIES => std::thread::sleep(CONNECT_PAUSE),
                Err(Errno::INTR) if tries < CONNECT_TRIES => {}
                Err(errno) => return Err(IpcError::Io(errno.into())),
            }
            tries += 1;
        }
    }

    /// A client on a connected nonblocking socket.
    #[must_use]
    pub fn from_socket(socket: OwnedFd) -> Self {
        Self {
            socket,
            reader: FrameReader::new(),
            writer: FrameWriter::new(),
            sequence: 0,
            writing_lost: false,
            reading_lost: false,
        }
    }

    /// Queues a request under the next sequence number, which is returned, and writes as
    /// much as the socket takes.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`]: nothing was sent, the connection is fine. Others: it is
    /// lost, though [`Self::try_recv`] may still bring what the engine said before.
    pub fn send(&mut self, request: &Request, descriptors: &[BorrowedFd<'_>]) -> Result<u32, IpcError> {
        let sequence = self.sequence.wrapping_add(1);
        self.send_as(sequence, request, descriptors)?;
        self.sequence = sequence;
        Ok(sequence)
    }

    /// As [`Self::send`] under a sequence number used before: [`Request::Cancel`] names the
    /// request it interrupts that way.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub fn send_as(
        &mut self,
        sequence: u32,
        request: &Request,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), IpcError> {
        self.check_writing()?;
        self.writer.push(sequence, request, descriptors)?;
        self.flush()?;
        Ok(())
    }

    /// Writes what is queued; `true` when nothing is left.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn flush(&mut self) -> Result<bool, IpcError> {
        self.check_writing()?;
        let flushed = self.writer.flush(&self.socket);
        if flushed.is_err() {
            self.writing_lost = true;
            self.writer = FrameWriter::new();
        }
        flushed
    }

    /// The next reply, if one is complete: sequence number of its request, message,
    /// descriptors. Reads what the socket has; never blocks.
    ///
    /// # Errors
    /// [`IpcError::Closed`] when the engine is gone (replies it sent before come first);
    /// after any error the client is useless.
    pub fn try_recv(&mut self) -> Result<Option<(u32, Reply, Vec<OwnedFd>)>, IpcError> {
        if self.reading_lost {
            return Err(IpcError::Closed);
        }
        let received = self.recv_step();
        self.reading_lost |= received.is_err();
        received
    }

    /// As [`Self::try_recv`], waiting up to `timeout` (`None`: without limit) and writing
    /// what is queued meanwhile. `None`: nothing came in time.
    ///
    /// # Errors
    /// As [`Self::try_recv`].
    pub fn recv(
        &mut self,
        timeout: Option<Duration>,
    ) -> Result<Option<(u32, Reply, Vec<OwnedFd>)>, IpcError> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if let Some(reply) = self.try_recv()? {
                return Ok(Some(reply));
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(None);
            }
            let mut flags = PollFlags::IN;
            flags.set(PollFlags::OUT, self.wants_write());
            let timespec = left
                .map(|left| Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
            match rustix::event::poll(&mut [PollFd::new(&self.socket, flags)], timespec.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if self.wants_write() {
                // If the engine is gone, its last words come first; then reading fails too.
                let _ = self.flush();
            }
        }
    }

    /// Whether something waits for the socket to become writable.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        !self.writer.is_empty()
    }

    fn recv_step(&mut self) -> Result<Option<(u32, Reply, Vec<OwnedFd>)>, IpcError> {
        loop {
            if let Some(reply) = self.reader.next_frame()? {
                return Ok(Some(reply));
            }
            if self.reader.read_from(&self.socket)? == ReadProgress::WouldBlock {
                return Ok(None);
            }
        }
    }

    fn check_writing(&self) -> Result<(), IpcError> {
        if self.writing_lost || self.reading_lost { Err(IpcError::Closed) } else { Ok(()) }
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::server::Connection;

    fn pair() -> (Client, Connection) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Client::from_socket(ours.into()), Connection::from_socket(theirs.into(), 1))
    }

    #[test]
    fn requests_are_numbered_and_cancel_repeats_a_number() {
        let (mut client, mut connection) = pair();
        assert_eq!(client.send(&Request::Status, &[]).unwrap(), 1);
        assert_eq!(client.send(&Request::Reset, &[]).unwrap(), 2);
        client.send_as(1, &Request::Cancel, &[]).unwrap();
        assert_eq!(client.send(&Request::Wake, &[]).unwrap(), 3);
        for (expected, request) in
            [(1, Request::Status), (2, Request::Reset), (1, Request::Cancel), (3, Request::Wake)]
        {
            let (sequence, received, _) = connection.reader.recv().unwrap();
            assert_eq!((sequence, received), (expected, request));
        }
    }

    #[test]
    fn waiting_ends_with_a_reply_or_in_time() {
        let (mut client, connection) = pair();
        assert!(client.recv(Some(Duration::from_millis(5))).unwrap().is_none());
        assert!(client.recv(Some(Duration::ZERO)).unwrap().is_none());
        let (sequence, reply, _) = std::thread::scope(|scope| {
            scope.spawn(|| connection.writer.send(7, &Reply::Done { rows: 3 }, &[]).unwrap());
            client.recv(None).unwrap().unwrap()
        });
        assert_eq!((sequence, reply), (7, Reply::Done { rows: 3 }));
    }

    #[test]
    fn last_words_are_heard_after_writing_failed() {
        let (mut client, connection) = pair();
        connection.writer.send(1, &Reply::Done { rows: 1 }, &[]).unwrap();
        drop(connection);
        assert!(matches!(client.send(&Request::Wake, &[]), Err(IpcError::Closed)));
        assert!(matches!(client.send(&Request::Wake, &[]), Err(IpcError::Closed)));
        assert!(client.recv(None).unwrap().is_some());
        assert!(matches!(client.recv(None), Err(IpcError::Closed)));
    }

    #[test]
    fn a_broken_frame_poisons() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut client = Client::from_socket(ours.into());
        rustix::io::write(&theirs, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
        assert!(matches!(client.try_recv(), Err(IpcError::Protocol(_))));
        assert!(matches!(client.try_recv(), Err(IpcError::Closed)));
        assert!(matches!(client.send(&Request::Wake, &[]), Err(IpcError::Closed)));
    }

    #[test]
    fn a_request_too_large_harms_nothing() {
        let (mut client, mut connection) = pair();
        let sql = "x".repeat(bridge_types::limits::MAX_FRAME_BYTES);
        let request = Request::Run {
            instance: crate::message::MAIN_INSTANCE,
            sql,
            context: crate::message::Context::default(),
        };
        assert!(matches!(client.send(&request, &[]), Err(IpcError::Unsendable(_))));
        assert_eq!(client.send(&Request::Wake, &[]).unwrap(), 1);
        assert_eq!(connection.reader.recv().unwrap().1, Request::Wake);
    }
}
