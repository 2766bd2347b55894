//! Frames: messages on the socket, with descriptors.
//!
//! `u32 length | u8 tag | u8 descriptors | u32 sequence | body`, little endian; `length`
//! counts everything behind itself. Descriptors are sent with the first byte of their
//! frame, so they have always arrived when the frame is complete, and the frame says how
//! many are its own: frames take them from a queue in order, whatever way the kernel cut
//! the stream into reads.
//!
//! Reader and writer work on blocking and on nonblocking sockets.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bridge_types::limits::MAX_FRAME_BYTES;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};

use crate::IpcError;
pub use crate::codec::Wire;

/// Most descriptors one frame can carry (the kernel's own limit is 253).
pub const MAX_DESCRIPTORS: usize = 250;

/// Bytes of the length word.
const LENGTH_BYTES: usize = 4;
/// Bytes that `length` counts apart from the body.
const FIXED_BYTES: usize = 1 + 1 + 4;
/// Bytes asked for in one read.
const READ_BYTES: usize = 64 << 10;

/// One whole frame.
///
/// # Errors
/// [`IpcError::Unsendable`] if it were longer than [`MAX_FRAME_BYTES`] or had more than
/// [`MAX_DESCRIPTORS`].
pub fn encode<T: Wire>(sequence: u32, message: &T, descriptors: usize) -> Result<Bytes, IpcError> {
    let descriptors =
        u8::try_from(descriptors).ok().filter(|count| usize::from(*count) <= MAX_DESCRIPTORS).ok_or_else(
            || IpcError::Unsendable(format!("{descriptors} descriptors in one message").into()),
        )?;
    let mut out = BytesMut::with_capacity(128);
    out.put_u32_le(0);
    out.put_u8(message.tag());
    out.put_u8(descriptors);
    out.put_u32_le(sequence);
    message.encode(&mut out);
    let length = out.len() - LENGTH_BYTES;
    if length > MAX_FRAME_BYTES {
        return Err(IpcError::Unsendable(
            format!("a message of {length} bytes is larger than the {MAX_FRAME_BYTES} bytes allowed").into(),
        ));
    }
    let length = u32::try_from(length).expect("at most MAX_FRAME_BYTES");
    out[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
    Ok(out.freeze())
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadProgress {
    /// Bytes came; there may be a frame now.
    Some,
    /// A nonblocking socket has nothing.
    WouldBlock,
}

/// Collects bytes and descriptors and cuts them into frames.
#[derive(Debug)]
pub struct FrameReader {
    unread: BytesMut,
    descriptors: VecDeque<OwnedFd>,
    scratch: Box<[u8]>,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self { unread: BytesMut::new(), descriptors: VecDeque::new(), scratch: vec![0; READ_BYTES].into() }
    }

    /// Reads once from the socket; blocks if the socket does.
    ///
    /// # Errors
    /// [`IpcError::Closed`] at the end of the stream, [`IpcError::Protocol`] if descriptors
    /// were lost, [`IpcError::Io`].
    pub fn read_from(&mut self, socket: impl AsFd) -> Result<ReadProgress, IpcError> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let mut parts = [IoSliceMut::new(&mut self.scratch)];
            match rustix::net::recvmsg(&socket, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(ReadProgress::WouldBlock),
                Err(errno) => return Err(errno.into()),
                Ok(received) => break received,
            }
        };
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                self.descriptors.extend(descriptors);
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            return Err(IpcError::protocol("descriptors were lost on the way"));
        }
        if self.descriptors.len() > 4 * MAX_DESCRIPTORS {
            return Err(IpcError::protocol("descriptors that belong to no message"));
        }
        if received.bytes == 0 {
            return Err(IpcError::Closed);
        }
        self.unread.extend_from_slice(&self.scratch[..received.bytes]);
        Ok(ReadProgress::Some)
    }

    /// The next complete frame: its sequence number, message and descriptors.
    ///
    /// # Errors
    /// [`IpcError::Protocol`]; the stream is then out of step and must be dropped.
    pub fn next_frame<T: Wire>(&mut self) -> Result<Option<(u32, T, Vec<OwnedFd>)>, IpcError> {
        let Some(length) = self.unread.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        if !(FIXED_BYTES..=MAX_FRAME_BYTES).contains(&length) {
            return Err(IpcError::protocol(format!("a frame of {length} bytes")));
        }
        if self.unread.len() < LENGTH_BYTES + length {
            return Ok(None);
        }
        self.unread.advance(LENGTH_BYTES);
        let mut frame = self.unread.split_to(length).freeze();
        let tag = frame.get_u8();
        let descriptors = usize::from(frame.get_u8());
        let sequence = frame.get_u32_le();
        if descriptors > self.descriptors.len() {
            return Err(IpcError::protocol("a frame lacks its descriptors"));
        }
        let message = T::decode(tag, frame)?;
        Ok(Some((sequence, message, self.descriptors.drain(..descriptors).collect())))
    }
}

/// Queues frames and writes them as the socket takes them.
#[derive(Debug, Default)]
pub struct FrameWriter {
    queue: VecDeque<Queued>,
}

#[derive(Debug)]
struct Queued {
    /// What is not written yet.
    bytes: Bytes,
    /// Sent with the first byte, then dropped.
    descriptors: Vec<OwnedFd>,
}

impl FrameWriter {
    /// A writer with nothing to write.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Queues a frame; `descriptors` are duplicated.
    ///
    /// # Errors
    /// [`IpcError::Unsendable`] (see [`encode`]), [`IpcError::Io`] if a descriptor cannot be
    /// duplicated. Nothing is queued then.
    pub fn push<T: Wire>(
        &mut self,
        sequence: u32,
        message: &T,
        descriptors: &[BorrowedFd<'_>],
    ) -> Result<(), IpcError> {
        let bytes = encode(sequence, message, descriptors.len())?;
        let descriptors =
            descriptors.iter().map(BorrowedFd::try_clone_to_owned).collect::<std::io::Result<Vec<_>>>()?;
        self.queue.push_back(Queued { bytes, descriptors });
        Ok(())
    }

    /// Whether nothing waits to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Writes until all is written (`true`) or the socket would block (`false`).
    ///
    /// # Errors
    /// [`IpcError::Closed`] if the peer is gone, [`IpcError::Io`].
    pub fn flush(&mut self, socket: impl AsFd) -> Result<bool, IpcError> {
        while let Some(front) = self.queue.front_mut() {
            let borrowed: Vec<BorrowedFd<'_>> = front.descriptors.iter().map(AsFd::as_fd).collect();
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
                return Err(IpcError::Unsendable("too many descriptors in one message".into()));
            }
            match rustix::net::sendmsg(
                &socket,
                &[IoSlice::new(&front.bytes)],
                &mut control,
                SendFlags::NOSIGNAL,
            ) {
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(false),
                Err(errno) => return Err(errno.into()),
                Ok(written) => {
                    drop(borrowed);
                    front.descriptors.clear();
                    front.bytes.advance(written);
                    if front.bytes.is_empty() {
                        self.queue.pop_front();
                    }
                }
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::message::{Reply, Request};

    fn run(sql: &str) -> Request {
        Request::Run {
            instance: crate::message::MAIN_INSTANCE,
            sql: sql.into(),
            context: crate::message::Context::default(),
        }
    }

    fn file(content: &str) -> OwnedFd {
        let fd = rustix::fs::memfd_create("t", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&fd, content.as_bytes()).unwrap();
        fd
    }

    fn content(fd: &OwnedFd) -> String {
        let mut bytes = [0; 16];
        let read = rustix::io::pread(fd, &mut bytes, 0).unwrap();
        String::from_utf8(bytes[..read].to_vec()).unwrap()
    }

    #[test]
    fn frames_and_descriptors_arrive_in_order() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let files: Vec<OwnedFd> = (0..6).map(|number| file(&number.to_string())).collect();
        let fds: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
        let mut writer = FrameWriter::new();
        writer.push(1, &Request::Wake, &[]).unwrap();
        writer.push(2, &run("a"), &fds[0..1]).unwrap();
        writer.push(3, &run("b"), &[]).unwrap();
        writer.push(4, &run("c"), &fds[1..4]).unwrap();
        writer.push(5, &run("d"), &fds[4..6]).unwrap();
        drop(files);
        assert!(writer.flush(&ours).unwrap());
        let mut reader = FrameReader::new();
        let mut seen = Vec::new();
        while seen.len() < 5 {
            reader.read_from(&theirs).unwrap();
            while let Some((sequence, request, fds)) = reader.next_frame::<Request>().unwrap() {
                let fds: Vec<String> = fds.iter().map(content).collect();
                seen.push((sequence, request, fds.concat()));
            }
        }
        let expected = [(1, "", ""), (2, "a", "0"), (3, "b", ""), (4, "c", "123"), (5, "d", "45")];
        for ((sequence, request, fds), (number, sql, files)) in seen.into_iter().zip(expected) {
            assert_eq!((sequence, fds.as_str()), (number, files));
            assert_eq!(request, if number == 1 { Request::Wake } else { run(sql) });
        }
    }

    #[test]
    fn a_nonblocking_socket_takes_a_large_frame_in_parts() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        theirs.set_nonblocking(true).unwrap();
        let large = run(&"x".repeat(5 << 20));
        let file = file("large");
        let mut writer = FrameWriter::new();
        writer.push(9, &large, &[file.as_fd()]).unwrap();
        writer.push(10, &Request::Cancel, &[]).unwrap();
        assert!(!writer.flush(&ours).unwrap());
        let mut reader = FrameReader::new();
        let mut parts = 0;
        let (sequence, request, fds) = loop {
            match reader.read_from(&theirs).unwrap() {
                ReadProgress::Some => {}
                ReadProgress::WouldBlock => {
                    parts += 1;
                    writer.flush(&ours).unwrap();
                }
            }
            if let Some(frame) = reader.next_frame::<Request>().unwrap() {
                break frame;
            }
        };
        assert!(parts > 1 && sequence == 9 && request == large);
        assert_eq!(content(&fds[0]), "large");
        assert!(writer.flush(&ours).unwrap() && writer.is_empty());
        reader.read_from(&theirs).unwrap();
        assert_eq!(reader.next_frame::<Request>().unwrap().unwrap().0, 10);
        assert_eq!(reader.read_from(&theirs).unwrap(), ReadProgress::WouldBlock);
        drop(ours);
        assert!(matches!(reader.read_from(&theirs), Err(IpcError::Closed)));
    }

    #[test]
    fn a_gone_peer_is_closed_and_no_signal() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let mut writer = FrameWriter::new();
        writer.push(1, &Request::Wake, &[]).unwrap();
        assert!(matches!(writer.flush(&ours), Err(IpcError::Closed)));
    }

    fn read_raw(bytes: &[u8]) -> Result<Option<(u32, Reply, Vec<OwnedFd>)>, IpcError> {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(bytes).unwrap();
        let mut reader = FrameReader::new();
        reader.read_from(&theirs).unwrap();
        reader.next_frame()
    }

    #[test]
    fn impossible_frames_are_refused() {
        for length in [0, 5, u32::MAX, u32::try_from(MAX_FRAME_BYTES).unwrap() + 1] {
            let bytes = [&length.to_le_bytes()[..], &[0x89, 0, 0, 0, 0, 0]].concat();
            assert!(matches!(read_raw(&bytes), Err(IpcError::Protocol(_))), "{length}");
        }
        let mut frame = encode(1, &Reply::Wake, 0).unwrap().to_vec();
        assert!(read_raw(&frame).unwrap().is_some());
        assert!(read_raw(&frame[..frame.len() - 1]).unwrap().is_none());
        frame[5] = 1;
        assert!(matches!(read_raw(&frame), Err(IpcError::Protocol(_))), "a descriptor that did not come");
        assert!(matches!(encode(1, &Reply::Wake, MAX_DESCRIPTORS + 1), Err(IpcError::Unsendable(_))));
        assert!(encode(1, &Reply::Wake, MAX_DESCRIPTORS).is_ok());
        let huge = run(&"x".repeat(MAX_FRAME_BYTES));
        assert!(matches!(encode(1, &huge, 0), Err(IpcError::Unsendable(_))));
    }

    #[test]
    fn noise_never_panics() {
        let mut seed = 0x0bad_cafe_u64;
        for _ in 0..500 {
            let mut bytes = Vec::new();
            for _ in 0..20 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Small lengths in front, so that frames complete.
                bytes.extend_from_slice(&[seed.to_le_bytes()[7] % 32, 0, 0, 0]);
                bytes.extend_from_slice(&seed.to_be_bytes()[..6]);
            }
            let (mut ours, theirs) = UnixStream::pair().unwrap();
            ours.write_all(&bytes).unwrap();
            drop(ours);
            let mut reader = FrameReader::new();
            while reader.read_from(&theirs).is_ok() {
                while let Ok(Some(_)) = reader.next_frame::<Reply>() {}
            }
        }
    }
}
