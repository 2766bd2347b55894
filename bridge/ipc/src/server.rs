//! The engine's end: a listener, and connections cut into a reader and a writer.
//!
//! The socket lies in a directory of mode 0700 and has mode 0600; on top of that a peer
//! must run under the user id of this process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bridge_types::{EngineError, SqlState};

use crate::IpcError;
use crate::frame::{FrameReader, FrameWriter, ReadProgress};
use crate::message::{Reply, Request};

/// The socket clients connect to. Its file is removed on drop.
#[derive(Debug)]
pub struct Listener {
    socket: UnixListener,
    path: PathBuf,
}

impl Listener {
    /// Listens at `path`. The parent directory is created with, or set to, mode 0700; a
    /// socket left by an earlier process is removed.
    ///
    /// # Errors
    /// `AlreadyExists` if something other than a socket is at `path`; what the system
    /// calls report.
    pub fn bind(path: &Path) -> io::Result<Self> {
        if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
            std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o700))?;
        }
        match std::fs::symlink_metadata(path) {
            Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path)?,
            Ok(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    format!("\"{}\" exists and is not a socket", path.display()),
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let socket = UnixListener::bind(path)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        Ok(Self { socket, path: path.to_owned() })
    }

    /// Waits for a client of our own user. Others get an error frame and are dropped.
    ///
    /// # Errors
    /// What `accept` reports, such as too many open files: pause and try again.
    pub fn accept(&self) -> io::Result<Connection> {
        loop {
            let (socket, _) = match self.socket.accept() {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
                    ) =>
                {
                    continue;
                }
                accepted => accepted?,
            };
            let socket = OwnedFd::from(socket);
            let peer = rustix::net::sockopt::socket_peercred(&socket)?;
            if peer.uid == rustix::process::geteuid() {
                return Ok(Connection::from_socket(socket, peer.pid.as_raw_nonzero().get()));
            }
            refuse(&socket, peer.uid.as_raw());
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // A leftover is removed by the next bind.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn refuse(socket: &OwnedFd, uid: u32) {
    let error = EngineError::new(SqlState::INSUFFICIENT_PRIVILEGE, "connection to the DuckDB engine refused")
        .with_detail(format!("The process runs under user id {uid}."));
    let mut writer = FrameWriter::new();
    // The peer is dropped in any case. A new socket's buffer takes one small frame at once.
    if writer.push(0, &Reply::Error(error), &[]).is_ok() {
        let _ = writer.flush(socket);
    }
}

/// An accepted client, on a blocking socket.
#[derive(Debug)]
pub struct Connection {
    /// Process id of the peer as the kernel knows it.
    pub peer_pid: i32,
    /// For the one thread that reads.
    pub reader: ConnectionReader,
    /// For everybody who answers.
    pub writer: Arc<ConnectionWriter>,
}

impl Connection {
    /// A connection on a connected blocking socket.
    #[must_use]
    pub fn from_socket(socket: OwnedFd, peer_pid: i32) -> Self {
        let socket = Arc::new(socket);
        Self {
            peer_pid,
            reader: ConnectionReader { socket: Arc::clone(&socket), frames: FrameReader::new() },
            writer: Arc::new(ConnectionWriter { socket, frames: Mutex::new(FrameWriter::new()) }),
        }
    }
}

/// The reading half of a connection.
#[derive(Debug)]
pub struct ConnectionReader {
    socket: Arc<OwnedFd>,
    frames: FrameReader,
}

impl ConnectionReader {
    /// Waits for the next request: sequence number, message, descriptors.
    ///
    /// # Errors
    /// [`IpcError::Closed`] when the client is gone or the connection was shut down; after
    /// any error the connection must be dropped.
    pub fn recv(&mut self) -> Result<(u32, Request, Vec<OwnedFd>), IpcError> {
        loop {
            if let Some(request) = self.frames.next_frame()? {
                return Ok(request);
            }
            if self.frames.read_from(&*self.socket)? == ReadProgress::WouldBlock {
                return Err(IpcError::Io(io::ErrorKind::WouldBlock.into()));
            }
        }
    }
}

/// The writing half of a connection, shared by the threads of a session.
#[derive(Debug)]
pub struct ConnectionWriter {
    socket: Arc<OwnedFd>,
    frames: Mutex<FrameWriter>,
}

impl ConnectionWriter {
    /// Sends one whole frame; waits while the client does not read.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`]: nothing was sent, the connection is fine.
    /// [`IpcError::Closed`]: the client is gone.
    pub fn send(&self, sequence: u32, reply: &Reply, descriptors: &[BorrowedFd<'_>]) -> Result<(), IpcError> {
        let mut frames = self.frames.lock().unwrap_or_else(PoisonError::into_inner);
        frames.push(sequence, reply, descriptors)?;
        if frames.flush(&*self.socket)? {
            Ok(())
        } else {
            Err(IpcError::Io(io::ErrorKind::WouldBlock.into()))
        }
    }

    /// Ends the connection from this side: the reader and all senders return
    /// [`IpcError::Closed`].
    pub fn shutdown(&self) {
        // The only failure is a peer that is gone already.
        let _ = rustix::net::shutdown(&*self.socket, rustix::net::Shutdown::Both);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::Client;
    use crate::segment::Segment;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_stale_socket_is_replaced_and_a_file_is_not() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/run/engine.sock");
        let first = Listener::bind(&path).unwrap();
        // As after a crash: the file stays.
        std::mem::forget(first);
        let second = Listener::bind(&path).unwrap();
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        drop(second);
        assert!(!path.exists());
        assert!(
            matches!(Client::connect(&path), Err(IpcError::Io(error)) if error.kind() == io::ErrorKind::NotFound)
        );
        std::fs::write(&path, "precious").unwrap();
        assert_eq!(Listener::bind(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(path.exists());
    }

    #[test]
    fn requests_replies_and_segments_cross() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("run/engine.sock");
        let listener = Listener::bind(&path).unwrap();
        let engine = move || {
            let mut connection = listener.accept().unwrap();
            assert_eq!(u32::try_from(connection.peer_pid).unwrap(), std::process::id());
            let (sequence, request, segments) = connection.reader.recv().unwrap();
            assert_eq!(request, Request::ScanEnd { portal: 1, scan: 2, workers: 0 });
            let segment = Segment::open(segments.into_iter().next().unwrap()).unwrap();
            let own = Segment::create(8192).unwrap();
            connection
                .writer
                .send(sequence, &Reply::Started { portal: 1 }, &[segment.fd(), own.fd()])
                .unwrap();
            // Many threads answer at once; frames stay whole.
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let writer = &connection.writer;
                    scope.spawn(move || {
                        (0..200).for_each(|_| writer.send(thread, &Reply::Done { rows: 7 }, &[]).unwrap())
                    });
                }
            });
            assert!(matches!(connection.reader.recv(), Err(IpcError::Closed)));
        };
        std::thread::scope(|scope| {
            scope.spawn(engine);
            let mut client = Client::connect(&path).unwrap();
            let segment = Segment::create(4096).unwrap();
            client.send(&Request::ScanEnd { portal: 1, scan: 2, workers: 0 }, &[segment.fd()]).unwrap();
            let timeout = Some(Duration::from_secs(10));
            let (sequence, reply, segments) = client.recv(timeout).unwrap().unwrap();
            assert_eq!((sequence, reply, segments.len()), (1, Reply::Started { portal: 1 }, 2));
            let sizes = segments.into_iter().map(|fd| Segment::open(fd).unwrap().data_bytes());
            assert_eq!(sizes.collect::<Vec<_>>(), [4096, 8192]);
            for _ in 0..800 {
                assert_eq!(client.recv(timeout).unwrap().unwrap().1, Reply::Done { rows: 7 });
            }
            drop(client);
        });
    }

    #[test]
    fn shutdown_ends_a_waiting_reader() {
        let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let Connection { mut reader, writer, .. } = Connection::from_socket(ours.into(), 1);
        let waited = std::thread::scope(|scope| {
            let waiting = scope.spawn(|| reader.recv().map(|_| ()));
            writer.shutdown();
            waiting.join().unwrap()
        });
        assert!(matches!(waited, Err(IpcError::Closed)));
        assert!(matches!(writer.send(1, &Reply::Wake, &[]), Err(IpcError::Closed)));
    }

    #[test]
    fn a_refused_peer_learns_why() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        refuse(&ours.into(), 12);
        theirs.set_nonblocking(true).unwrap();
        let mut client = Client::from_socket(theirs.into());
        let Ok(Some((0, Reply::Error(error), _))) = client.try_recv() else { panic!("no error came") };
        assert_eq!(error.sqlstate, SqlState::INSUFFICIENT_PRIVILEGE);
        assert!(matches!(client.try_recv(), Err(IpcError::Closed)));
    }
}
