//! One non-blocking stream and what we know of its readiness. All bytes of clients go through here.
//!
//! Readiness is a hint that the kernel gives *once*: with edge triggering, a socket that was
//! reported readable is not reported again until more has come, and its peer may send no more
//! before it has an answer. So the hint is kept here until a call shows that it is used up, and a
//! loop that stops before that must come back by itself.

use std::io::{self, ErrorKind, IoSlice};

use super::readiness::Readiness;
use super::stream::Stream;
use crate::answer::file::FilePiece;
use crate::connection::Unread;
use crate::metrics::Metrics;
use crate::system_calls::{self, Call, TRIES_MAX};

/// What came of a receive. The caller has to act on each outcome, so the set is closed: a further
/// one must be an error where it is not acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// This many bytes came, at least one.
    Bytes(usize),
    /// Nothing is there. The normal end of work, not an error.
    WouldBlock,
    /// Nothing is there. That was known, so no system call was made.
    Nothing,
    /// The peer has ended its side.
    End,
    /// The connection is lost.
    Lost,
}

impl Received {
    /// How many bytes came.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Received::Bytes(bytes) => bytes,
            Received::WouldBlock | Received::Nothing | Received::End | Received::Lost => 0,
        }
    }
}

/// What came of a send. As with [`Received`], there is something to do about each outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The kernel took this many bytes.
    Bytes(usize),
    /// It took none: the peer, or the network, is slower than we are.
    WouldBlock,
    /// There is no room. That was known, so no system call was made.
    Nothing,
    /// The connection is lost.
    Lost,
}

/// A non-blocking stream and what is known of its readiness.
///
/// A poll with edge triggering reports once that a stream can be read. The socket keeps that report
/// until a call shows that nothing is left, so its owner may stop at any time and come back later.
/// A call that is known to be in vain is not made.
#[derive(Debug)]
pub struct Socket<S> {
    stream: S,
    known: Readiness,
}

impl<S: Stream> Socket<S> {
    /// Takes a new connection for readable and writable until a call shows otherwise: its send
    /// buffer is empty, and its first bytes have often come before a poll could report them.
    pub fn new(stream: S) -> Socket<S> {
        Socket { stream, known: Readiness::READABLE | Readiness::WRITABLE }
    }

    /// Adds what the poll reported. What was known before stays known.
    pub fn note(&mut self, told: Readiness) {
        self.known |= told;
    }

    /// Whether it is known that nothing can be sent any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.known.is(Readiness::LOST)
    }

    /// Whether the kernel may hold input for us.
    pub(crate) fn unread(&self) -> Unread {
        match self.known.is(Readiness::READABLE) {
            true => Unread::Perhaps,
            false => Unread::Nothing,
        }
    }

    /// Receives once into `buffer`, unless it is known that nothing is there. Counts the system calls
    /// that it makes as [`Metrics::receives`].
    // Inlined where it is called, which is twice for each kept GET: 30 instructions fewer.
    #[inline(always)]
    pub fn receive(&mut self, buffer: &mut [u8], metrics: &mut Metrics) -> Received {
        let mut tries = 1;
        while self.known.is(Readiness::READABLE) {
            metrics.receives += 1;
            match self.stream.read(buffer) {
                Ok(0) => return Received::End,
                Ok(bytes) => {
                    // A read that does not fill the buffer has emptied the socket: asking again
                    // would cost a system call to be told so. True of epoll's edges, unless the
                    // end of the stream lies right behind, or the read has stopped at urgent data or
                    // at a message that carried descriptors. The poll has reported these, and
                    // `short_reads_are_last` is false then; one that comes later is a new edge.
                    // Other pollers do not promise it.
                    let emptied = cfg!(any(target_os = "linux", target_os = "android"))
                        && bytes < buffer.len()
                        && self.known.short_reads_are_last();
                    if emptied {
                        self.forget(Readiness::READABLE);
                    }
                    return Received::Bytes(bytes);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.forget(Readiness::READABLE);
                    return Received::WouldBlock;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted && tries < TRIES_MAX => {
                    tries += 1;
                }
                Err(error) => {
                    system_calls::note(Call::Receive, &error);
                    return Received::Lost;
                }
            }
        }
        Received::Nothing
    }

    /// Sends both `slices`, one behind the other, by one system call, unless the send buffer is
    /// known to be full. The kernel may take fewer bytes than it is given. Counts as
    /// [`Metrics::sends`].
    // They may be empty: the end of a body can be no bytes at all, which is too rare to spare the
    // call.
    // Inlined as receiving is: 25 instructions fewer per kept GET.
    #[inline(always)]
    pub fn send(&mut self, slices: [IoSlice<'_>; 2], metrics: &mut Metrics) -> Taken {
        let bytes_owed = slices[0].len() + slices[1].len();
        let taken = self.attempt(metrics, |stream| match slices[1].is_empty() {
            true => stream.write(&slices[0]),
            false => stream.write_vectored(&slices),
        });
        self.note_room(taken, bytes_owed);
        taken
    }

    /// Whether there may be room in the send buffer.
    pub(crate) fn has_room(&self) -> bool {
        self.known.is(Readiness::WRITABLE)
    }

    /// Sends these bytes once, behind which a file's follow.
    pub(crate) fn send_more(&mut self, bytes: &[u8], metrics: &mut Metrics) -> Taken {
        let taken = self.attempt(metrics, |stream| stream.write_more(bytes));
        self.note_room(taken, bytes.len());
        taken
    }

    /// Less than all means that the send buffer is full, and that the kernel will report room by an
    /// edge.
    fn note_room(&mut self, taken: Taken, offered: usize) {
        if matches!(taken, Taken::Bytes(bytes) if bytes < offered) {
            self.forget(Readiness::WRITABLE);
        }
    }

    /// Sends of a file once. That less is taken than was offered does not mean that the send
    /// buffer is full: the file can have become shorter. The next call will tell.
    pub(crate) fn send_file(&mut self, piece: FilePiece<'_>, metrics: &mut Metrics) -> Taken {
        let FilePiece { file, offset, bytes } = piece;
        self.attempt(metrics, |stream| stream.write_file(file, offset, bytes))
    }

    #[inline(always)]
    fn attempt(
        &mut self,
        metrics: &mut Metrics,
        mut write: impl FnMut(&mut S) -> io::Result<usize>,
    ) -> Taken {
        let mut tries = 1;
        while self.known.is(Readiness::WRITABLE) {
            metrics.sends += 1;
            match write(&mut self.stream) {
                Ok(bytes) => return Taken::Bytes(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.forget(Readiness::WRITABLE);
                    return Taken::WouldBlock;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted && tries < TRIES_MAX => {
                    tries += 1;
                }
                Err(error) => {
                    system_calls::note(Call::Send, &error);
                    return Taken::Lost;
                }
            }
        }
        Taken::Nothing
    }

    /// A call has shown that this is so no longer.
    fn forget(&mut self, what: Readiness) {
        self.known = self.known.without(what);
    }

    /// The stream, which is not to be read or written beside the socket.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream, for registering it with a poll.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}
