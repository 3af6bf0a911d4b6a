//! One non-blocking stream and what we know of its readiness. The only `read` and `write` calls.
//!
//! Readiness is a hint that the kernel gives *once*: with edge triggering, a socket that was
//! reported readable is not reported again until it has been read empty and more has come. So the
//! hint is kept here until a call shows that it is used up, and a loop that stops before that must
//! come back by itself.

use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Read, Write};

use crate::answer::file::{self, FilePiece};
use crate::connection::Unread;
use crate::metrics::Metrics;
use crate::system_calls::{self, Call, TRIES_MAX};

/// What a client's connection must be able to do: `std`'s traits, two ways of ending, and sending
/// part of a file.
///
/// It must be non-blocking, and its poll must give edges as epoll does. A read that returns less
/// than was asked for has emptied the stream, unless its end was announced
/// ([`Readiness::read_closed`]); what comes later comes with a new edge. A write that takes less
/// than it was given is followed by an edge when there is room again, once
/// [`Clients::register`](crate::engine::Clients::register) has asked for it. An edge that came
/// before the stream was registered is given when it is.
pub trait Stream: Read + Write {
    /// Ends our side: the peer sees the end of our bytes behind the last of them.
    ///
    /// # Errors
    /// If the connection is lost already.
    fn shutdown_write(&self) -> io::Result<()>;

    /// Makes dropping the stream reset the connection, instead of leaving what is unsent to a
    /// kernel that might try for minutes to deliver it to a peer that does not read.
    ///
    /// # Errors
    /// If the system refuses.
    fn reset_on_drop(&self) -> io::Result<()>;

    /// Writes as [`Write::write`] does, and is told that more bytes follow at once, so that the end
    /// of these need not become a packet of its own.
    ///
    /// # Errors
    /// As those of `write`.
    fn write_more(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write(bytes)
    }

    /// Writes up to `bytes_max` bytes of `file`, from `offset` on. It may take fewer though there is
    /// room. None: the file ends there.
    ///
    /// Provided: reads up to 16 KiB, and writes them.
    ///
    /// # Errors
    /// As those of `write`.
    fn write_file(&mut self, file: &File, offset: u64, bytes_max: usize) -> io::Result<usize> {
        copy_file(self, file, offset, bytes_max)
    }
}

/// Reads from a file, up to 16 KiB, and writes what it read.
pub(crate) fn copy_file(
    stream: &mut (impl Write + ?Sized),
    file: &File,
    offset: u64,
    bytes_max: usize,
) -> io::Result<usize> {
    let mut bytes = [0; 16 * 1024];
    let room = bytes_max.min(bytes.len());
    match file::read_owed(file, &mut bytes[..room], offset)? {
        0 => Ok(0),
        read => stream.write(&bytes[..read]),
    }
}

/// What the poll said about a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// There may be something to read, or an end or an error to be learnt by reading.
    pub readable: bool,
    /// There may be room to write, or an error to be learnt by writing.
    pub writable: bool,
    /// The peer has ended its side, so the end can be read behind the last byte.
    pub read_closed: bool,
}

/// What a poll is asked to report of a stream.
///
/// A new connection is not registered at all: it is read from at once, and one that has its
/// request answered and ends has never cost a system call for that. Room to write is asked for
/// only when a send did not take everything, which most connections never see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Interest {
    /// Nothing: the poll does not know it.
    Nothing,
    /// That it can be read.
    Readable,
    /// That it can be read, or written.
    ReadableAndWritable,
}

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
///
/// ```
/// use std::io::Write;
/// use std::net::{TcpListener, TcpStream};
///
/// use mio::{Events, Interest, Poll, Token};
/// use oneloop::Metrics;
/// use oneloop::engine::{Received, Socket};
///
/// let listener = TcpListener::bind("127.0.0.1:0")?;
/// let mut peer = TcpStream::connect(listener.local_addr()?)?;
/// let (stream, _) = listener.accept()?;
/// stream.set_nonblocking(true)?;
/// let mut socket = Socket::new(mio::net::TcpStream::from_std(stream));
/// let (mut buffer, mut metrics) = ([0; 1024], Metrics::default());
///
/// // The kernel is asked once, and says that nothing has come. It is not asked again.
/// assert_eq!(socket.receive(&mut buffer, &mut metrics), Received::WouldBlock);
/// assert_eq!(socket.receive(&mut buffer, &mut metrics), Received::Nothing);
/// assert_eq!(metrics.receives, 1);
///
/// // Until the poll reports that something has.
/// let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1));
/// poll.registry().register(socket.stream_mut(), Token(0), Interest::READABLE)?;
/// peer.write_all(b"hello")?;
/// while events.is_empty() {
///     poll.poll(&mut events, None)?;
/// }
/// for event in &events {
///     socket.note(event.into());
/// }
/// assert_eq!(socket.receive(&mut buffer, &mut metrics), Received::Bytes(5));
/// assert_eq!(&buffer[..5], b"hello");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Socket<S> {
    stream: S,
    known: Readiness,
    /// The poll has reported that the connection is lost, or closed on both sides.
    lost: bool,
}

impl<S: Stream> Socket<S> {
    /// Takes a new connection for readable and writable until a call shows otherwise: its send
    /// buffer is empty, and its first bytes have often come before a poll could report them.
    pub fn new(stream: S) -> Socket<S> {
        let known = Readiness { readable: true, writable: true, ..Readiness::default() };
        Socket { stream, known, lost: false }
    }

    /// Adds what the poll reported. What was known before stays known.
    pub fn note(&mut self, told: Readiness) {
        self.known.readable |= told.readable | told.read_closed;
        self.known.writable |= told.writable;
        self.known.read_closed |= told.read_closed;
    }

    /// Notes that nothing can be sent any more.
    pub(crate) fn note_lost(&mut self) {
        self.lost = true;
    }

    /// Whether it is known that nothing can be sent any more.
    pub(crate) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether the kernel may hold input for us.
    pub(crate) fn unread(&self) -> Unread {
        match self.known.readable {
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
        while self.known.readable {
            metrics.receives += 1;
            match self.stream.read(buffer) {
                Ok(0) => return Received::End,
                Ok(bytes) => {
                    // A read that does not fill the buffer has emptied the socket: asking again
                    // would cost a system call to be told so. True of epoll's edges, if the end
                    // of the stream does not lie right behind; other pollers do not promise it.
                    let drained = cfg!(any(target_os = "linux", target_os = "android"))
                        && bytes < buffer.len()
                        && !self.known.read_closed;
                    self.known.readable = !drained;
                    return Received::Bytes(bytes);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.known.readable = false;
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
    pub fn send(&mut self, slices: [IoSlice<'_>; 2], metrics: &mut Metrics) -> Taken {
        let bytes_owed = slices[0].len() + slices[1].len();
        let taken = self.attempt(metrics, |stream| match slices[1].is_empty() {
            true => stream.write(&slices[0]),
            false => stream.write_vectored(&slices),
        });
        if let Taken::Bytes(bytes) = taken {
            // Less than all means that the send buffer is full, and that the kernel will report
            // room by an edge.
            self.known.writable = bytes == bytes_owed;
        }
        taken
    }

    /// Whether there may be room in the send buffer.
    pub(crate) fn has_room(&self) -> bool {
        self.known.writable
    }

    /// Sends these bytes once, behind which a file's follow.
    pub(crate) fn send_more(&mut self, bytes: &[u8], metrics: &mut Metrics) -> Taken {
        let taken = self.attempt(metrics, |stream| stream.write_more(bytes));
        if let Taken::Bytes(taken) = taken {
            self.known.writable = taken == bytes.len();
        }
        taken
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
        while self.known.writable {
            metrics.sends += 1;
            match write(&mut self.stream) {
                Ok(bytes) => return Taken::Bytes(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.known.writable = false;
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

    /// The stream, which is not to be read or written beside the socket.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// The stream, for registering it with a poll.
    pub fn stream_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}
