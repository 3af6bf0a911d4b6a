//! A connection in memory, whose peer is a test.
//!
//! It never waits and asks no kernel: the test has said before what a read finds, and how much a
//! write may take. All bytes that are sent are kept until the test takes them.
//!
//! As the kernel keeps a process's sockets, a thread keeps its pipes, and either side is only the
//! number of one. So a client with a pipe takes as much room as a client with a socket, and its
//! memory can be measured. What is called often is compiled where it is called, so that the fuzzer
//! does not compare its lengths with bytes of an input.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hint::black_box;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::rc::Rc;

use slab::Slab;

use crate::engine::{Interest, Readiness, Stream};

thread_local! {
    /// The pipes of this thread, by their numbers.
    static PIPES: RefCell<Slab<Ends>> = const { RefCell::new(Slab::new()) };
}

/// The peer's side of a connection in memory. A clone is the same side.
///
/// ```
/// use std::io::{Read, Write};
///
/// use oneloop::testing::Pipe;
///
/// let peer = Pipe::new();
/// let mut stream = peer.stream();
/// peer.say(b"hello");
/// let mut buf = [0; 16];
/// assert_eq!(stream.read(&mut buf)?, 5);
/// assert_eq!(stream.read(&mut buf).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
/// stream.write_all(b"good day")?;
/// assert_eq!(peer.take_sent(), b"good day");
/// drop(stream);
/// assert!(peer.is_closed());
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Pipe(Handle);

/// The server's side: what the engine is given as a client's stream. Dropping it closes it.
///
/// # Panics
/// If the server makes a call that it has no reason for: a write of no bytes, a write or a second
/// shutdown behind its own end.
#[derive(Debug)]
pub struct PipeStream(Handle);

const _: () = assert!(size_of::<Option<PipeStream>>() == size_of::<i32>(), "as a descriptor");

/// One pipe of this thread. The pipe is gone with the last handle of it.
#[derive(Debug)]
struct Handle {
    /// One more than its number, so that an optional handle is no larger.
    number: NonZeroU32,
    /// It means nothing to another thread.
    thread: PhantomData<Rc<()>>,
}

/// How the peer's side is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// In order, behind the last byte.
    HalfClose,
    /// By a reset, behind the last byte.
    Reset,
}

/// What the peer says.
#[derive(Debug)]
enum Said {
    /// Each byte once. A read ends with a piece, and finds nothing in an empty one.
    Pieces { bytes: Vec<u8>, read: usize, ends: VecDeque<usize> },
    /// The same to each read.
    Always(&'static [u8]),
}

#[derive(Debug)]
struct Ends {
    handles: usize,
    said: Said,
    end: Option<End>,
    /// What was sent, unless the peer keeps nothing.
    sent: Option<Vec<u8>>,
    /// How many more bytes the server can send.
    room: usize,
    /// The last write found too little room.
    is_blocked: bool,
    /// How many calls a signal interrupts before each that is done, and how many it has.
    interrupts: usize,
    interrupted: usize,
    /// What has happened since a poll last told of it.
    news: Readiness,
    /// The server has closed its side.
    has_ended: bool,
    is_closed: bool,
    wants_reset: bool,
}

impl Handle {
    fn new(said: Said, sent: Option<Vec<u8>>) -> Handle {
        let ends = Ends {
            handles: 1,
            said,
            end: None,
            sent,
            room: usize::MAX,
            is_blocked: false,
            interrupts: 0,
            interrupted: 0,
            news: Readiness::default(),
            has_ended: false,
            is_closed: false,
            wants_reset: false,
        };
        let place = PIPES.with_borrow_mut(|pipes| pipes.insert(ends));
        let number = u32::try_from(place + 1).expect("memory holds fewer pipes");
        let number = NonZeroU32::new(number).expect("it is one more than a place");
        Handle { number, thread: PhantomData }
    }

    #[inline]
    fn place(&self) -> usize {
        self.number.get() as usize - 1
    }

    #[inline]
    fn with<T>(&self, action: impl FnOnce(&mut Ends) -> T) -> T {
        PIPES.with_borrow_mut(|pipes| action(&mut pipes[self.place()]))
    }
}

impl Clone for Handle {
    fn clone(&self) -> Handle {
        self.with(|ends| ends.handles += 1);
        Handle { ..*self }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // When the thread ends, its pipes may have gone before.
        let _ = PIPES.try_with(|pipes| {
            let mut pipes = pipes.borrow_mut();
            let ends = &mut pipes[self.place()];
            ends.handles -= 1;
            if ends.handles == 0 {
                pipes.remove(self.place());
            }
        });
    }
}

impl Default for Pipe {
    fn default() -> Pipe {
        Pipe::new()
    }
}

impl Pipe {
    /// A peer that says nothing yet, and takes all that it is sent.
    pub fn new() -> Pipe {
        Pipe::saying(&[])
    }

    /// A peer that says these pieces, one a read. A read that meets an empty piece finds nothing,
    /// and the next read goes on behind it.
    pub fn saying(pieces: &[&[u8]]) -> Pipe {
        let mut end = 0;
        let ends = pieces.iter().map(|piece| {
            end += piece.len();
            end
        });
        let ends = ends.collect();
        let pipe = Pipe(Handle::new(
            Said::Pieces { bytes: pieces.concat(), read: 0, ends },
            Some(Vec::new()),
        ));
        pipe.0.with(|ends| ends.news = Readiness::READABLE.when(!pieces.is_empty()));
        pipe
    }

    /// The peer of any number of streams, for measurements. Each read of each stream finds `bytes`,
    /// or nothing if there are none; and nothing is kept of what is sent.
    pub fn repeating(bytes: &'static [u8]) -> Pipe {
        Pipe(Handle::new(Said::Always(bytes), None))
    }

    /// The server's side of this connection. There is one: this is to be called once, but for a peer
    /// that [repeats itself](Pipe::repeating).
    pub fn stream(&self) -> PipeStream {
        PipeStream(self.0.clone())
    }

    /// The peer says `bytes`. They join what it has said before and the server has not read.
    ///
    /// # Panics
    /// If it repeats itself.
    #[inline]
    pub fn say(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            return;
        }
        self.0.with(|ends| {
            let Said::Pieces { bytes: said, ends: pieces, .. } = &mut ends.said else {
                panic!("it repeats itself, and says nothing else");
            };
            said.extend_from_slice(bytes);
            pieces.pop_back();
            pieces.push_back(said.len());
            ends.news |= Readiness::READABLE;
        });
    }

    /// From now on each read finds these bytes, as with a [new one](Pipe::repeating).
    pub fn repeat(&self, bytes: &'static [u8]) {
        self.0.with(|ends| ends.said = Said::Always(bytes));
    }

    /// The peer closes its side, behind all that it has said.
    pub fn end(&self) {
        self.end_by(End::HalfClose);
    }

    /// The peer resets the connection, behind all that it has said.
    pub fn reset(&self) {
        self.end_by(End::Reset);
    }

    fn end_by(&self, end: End) {
        self.0.with(|ends| {
            ends.end = Some(end);
            ends.news |= Readiness::READ_CLOSED;
        });
    }

    /// From now on the server can send this many bytes, until the next call says otherwise. A new
    /// pipe has no bound.
    #[inline]
    pub fn give_room(&self, bytes: usize) {
        self.0.with(|ends| {
            ends.room = bytes;
            let has_room = ends.is_blocked && bytes > 0;
            ends.news |= Readiness::WRITABLE.when(has_room);
            ends.is_blocked &= bytes == 0;
        });
    }

    /// Makes room to keep this many bytes that are sent. Until then no write allocates memory, for a
    /// test that counts what the server allocates.
    pub fn reserve(&self, bytes: usize) {
        self.0.with(|ends| ends.sent.iter_mut().for_each(|sent| sent.reserve(bytes)));
    }

    /// From now on a signal interrupts this many reads and writes before each that is done:
    /// `usize::MAX` is all of them.
    pub fn interrupt(&self, calls: usize) {
        self.0.with(|ends| (ends.interrupts, ends.interrupted) = (calls, 0));
    }

    /// What a poll with edge triggering tells of it now, if it was asked for `interest`: what has
    /// happened since it told that last.
    #[inline]
    pub fn take_readiness(&self, interest: Interest) -> Option<Readiness> {
        self.0.with(|ends| {
            let kept = match interest {
                _ if ends.is_closed => return None,
                Interest::Readable => Readiness::WRITABLE.when(ends.news.is(Readiness::WRITABLE)),
                Interest::ReadableAndWritable => Readiness::default(),
            };
            let told = std::mem::replace(&mut ends.news, kept).without(kept);
            (told != Readiness::default()).then_some(told)
        })
    }

    /// How many bytes the peer has said that the server has not read.
    #[inline]
    pub fn unread_bytes(&self) -> usize {
        self.0.with(|ends| match &ends.said {
            Said::Pieces { bytes, read, .. } => bytes.len() - read,
            Said::Always(_) => 0,
        })
    }

    /// How many bytes have been sent and not been [taken](Pipe::take_sent).
    #[inline]
    pub fn sent_bytes(&self) -> usize {
        self.with_sent(<[u8]>::len)
    }

    /// The bytes that were sent and have not been [taken](Pipe::take_sent).
    pub fn sent(&self) -> Vec<u8> {
        self.with_sent(<[u8]>::to_vec)
    }

    /// Looks at the bytes that were sent and have not been [taken](Pipe::take_sent), where they are.
    /// `look` must not use a pipe.
    #[inline]
    pub fn with_sent<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        self.0.with(|ends| look(ends.sent.as_deref().unwrap_or_default()))
    }

    /// The bytes that were sent since the last call.
    pub fn take_sent(&self) -> Vec<u8> {
        self.0.with(|ends| ends.sent.as_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Whether the last write found too little room, and there has been none since.
    #[inline]
    pub fn is_blocked(&self) -> bool {
        self.0.with(|ends| ends.is_blocked)
    }

    /// Whether the server has closed its side, or the whole connection.
    pub fn has_ended(&self) -> bool {
        self.0.with(|ends| ends.has_ended || ends.is_closed)
    }

    /// Whether the server has made the connection end by a reset.
    pub fn is_reset(&self) -> bool {
        self.0.with(|ends| ends.wants_reset)
    }

    /// Whether the server has closed the connection.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.0.with(|ends| ends.is_closed)
    }
}

impl Ends {
    /// What each call begins with.
    #[inline]
    fn on_call(&mut self) -> io::Result<()> {
        if self.interrupted < self.interrupts {
            // `usize::MAX` is never used up.
            self.interrupted += usize::from(self.interrupts < usize::MAX);
            return Err(ErrorKind::Interrupted.into());
        }
        self.interrupted = 0;
        Ok(())
    }

    /// What a read finds where no bytes are.
    #[inline]
    fn on_nothing(&self) -> io::Result<usize> {
        match self.end {
            Some(End::HalfClose) => Ok(0),
            Some(End::Reset) => Err(ErrorKind::ConnectionReset.into()),
            None => Err(ErrorKind::WouldBlock.into()),
        }
    }

    /// Gives what a read finds.
    #[inline]
    fn give(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.on_call()?;
        match &mut self.said {
            Said::Always(b"") => self.on_nothing(),
            Said::Always(bytes) => Ok(copy(bytes, buffer)),
            Said::Pieces { bytes, read, ends } => {
                let Some(end) = ends.front().copied() else { return self.on_nothing() };
                let count = copy(&bytes[*read..end], buffer);
                let found_nothing = *read == end;
                *read += count;
                if *read == end {
                    ends.pop_front();
                }
                if ends.is_empty() {
                    bytes.clear();
                    *read = 0;
                }
                if found_nothing { Err(ErrorKind::WouldBlock.into()) } else { Ok(count) }
            }
        }
    }

    /// Takes as many bytes of what is offered as there is room for.
    #[inline]
    fn take(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let offered: usize = black_box(slices).iter().map(|slice| slice.len()).sum();
        assert!(offered > 0, "a write of no bytes is a system call for nothing");
        assert!(!self.has_ended, "a write behind the server's own end");
        self.on_call()?;
        let taken = offered.min(self.room);
        self.is_blocked = taken < offered;
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.room -= if self.room == usize::MAX { 0 } else { taken };
        if let Some(sent) = &mut self.sent {
            let mut left = taken;
            for slice in slices {
                let count = slice.len().min(left);
                sent.extend_from_slice(&slice[..count]);
                left -= count;
            }
        }
        Ok(taken)
    }
}

/// Copies as much as there is room for.
#[inline]
fn copy(from: &[u8], buffer: &mut [u8]) -> usize {
    let count = from.len().min(buffer.len());
    buffer[..count].copy_from_slice(&from[..count]);
    count
}

impl Read for PipeStream {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.with(|ends| ends.give(buffer))
    }
}

impl Write for PipeStream {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.with(|ends| ends.take(&[IoSlice::new(bytes)]))
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.with(|ends| ends.take(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for PipeStream {
    fn shutdown_write(&self) -> io::Result<()> {
        let has_ended = self.0.with(|ends| std::mem::replace(&mut ends.has_ended, true));
        assert!(!has_ended, "a side is closed once");
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        self.0.with(|ends| ends.wants_reset = true);
        Ok(())
    }
}

impl Drop for PipeStream {
    fn drop(&mut self) {
        // When the thread ends, its pipes may have gone before.
        let _ = PIPES.try_with(|pipes| pipes.borrow_mut()[self.0.place()].is_closed = true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Interest = Interest::ReadableAndWritable;

    fn read(stream: &mut PipeStream) -> Result<Vec<u8>, ErrorKind> {
        let mut buffer = [0; 8];
        let bytes = stream.read(&mut buffer).map_err(|error| error.kind())?;
        Ok(buffer[..bytes].to_vec())
    }

    #[test]
    fn pieces_are_read_one_by_one_and_an_empty_one_is_nothing_once() {
        let pipe = Pipe::saying(&[b"one", b"", b"two"]);
        let mut stream = pipe.stream();
        assert_eq!(read(&mut stream), Ok(b"one".to_vec()));
        assert_eq!(read(&mut stream), Err(ErrorKind::WouldBlock));
        assert_eq!(read(&mut stream), Ok(b"two".to_vec()));
        assert_eq!(read(&mut stream), Err(ErrorKind::WouldBlock));
        pipe.say(b"a long sentence");
        pipe.end();
        assert_eq!(read(&mut stream), Ok(b"a long s".to_vec()));
        assert_eq!(read(&mut stream), Ok(b"entence".to_vec()));
        assert_eq!(read(&mut stream), Ok(vec![]));
        pipe.reset();
        assert_eq!(read(&mut stream), Err(ErrorKind::ConnectionReset));
    }

    #[test]
    fn what_is_said_in_between_is_read_in_one_piece_and_in_order() {
        let pipe = Pipe::new();
        let mut stream = pipe.stream();
        pipe.say(b"123456789");
        assert_eq!(read(&mut stream), Ok(b"12345678".to_vec()));
        // The queue goes round its memory here.
        pipe.say(b"abcdefg");
        assert_eq!(read(&mut stream), Ok(b"9abcdefg".to_vec()));
    }

    #[test]
    fn room_is_what_can_be_sent_and_its_edge_is_told_once() {
        let pipe = Pipe::new();
        let mut stream = pipe.stream();
        pipe.give_room(3);
        assert_eq!(pipe.take_readiness(BOTH), None);
        assert_eq!(stream.write(b"four").ok(), Some(3));
        assert_eq!(stream.write(b"r").map_err(|it| it.kind()), Err(ErrorKind::WouldBlock));
        pipe.give_room(10);
        assert!(
            pipe.take_readiness(BOTH).is_some_and(|readiness| readiness.is(Readiness::WRITABLE))
        );
        assert_eq!(pipe.take_readiness(BOTH), None);
        assert_eq!(stream.write(b"r").ok(), Some(1));
        assert_eq!((pipe.sent_bytes(), pipe.take_sent()), (4, b"four".to_vec()));
    }

    #[test]
    fn the_peer_sees_the_servers_end_and_the_server_sees_signals() {
        let pipe = Pipe::new();
        let mut stream = pipe.stream();
        assert!(!pipe.has_ended());
        stream.shutdown_write().expect("it is open");
        assert!(pipe.has_ended() && !pipe.is_closed());
        pipe.interrupt(usize::MAX);
        assert_eq!(read(&mut stream), Err(ErrorKind::Interrupted));
        assert_eq!(read(&mut stream), Err(ErrorKind::Interrupted));
        pipe.interrupt(1);
        assert_eq!(read(&mut stream), Err(ErrorKind::Interrupted));
        assert_eq!(read(&mut stream), Err(ErrorKind::WouldBlock));
        assert_eq!(read(&mut stream), Err(ErrorKind::Interrupted));
        drop(stream);
        assert!(pipe.is_closed());
    }

    #[test]
    fn what_a_poll_was_not_asked_for_it_tells_once_it_is() {
        let pipe = Pipe::saying(&[b"a"]);
        let mut stream = pipe.stream();
        pipe.give_room(0);
        assert!(stream.write(b"b").is_err() && pipe.is_blocked());
        pipe.give_room(1);
        assert_eq!(pipe.take_readiness(Interest::Readable), Some(Readiness::READABLE));
        assert_eq!(pipe.take_readiness(Interest::Readable), None);
        assert_eq!(pipe.take_readiness(BOTH), Some(Readiness::WRITABLE));
    }

    #[test]
    fn a_peer_of_many_streams_repeats_itself_and_keeps_nothing() {
        let pipe = Pipe::repeating(b"again");
        let mut streams = [pipe.stream(), pipe.stream()];
        for stream in &mut streams {
            assert_eq!(read(stream), Ok(b"again".to_vec()));
            assert_eq!(read(stream), Ok(b"again".to_vec()));
            assert_eq!(stream.write(b"answer").ok(), Some(6));
        }
        pipe.repeat(b"");
        assert_eq!(read(&mut streams[0]), Err(ErrorKind::WouldBlock));
        pipe.end();
        assert_eq!(read(&mut streams[1]), Ok(vec![]));
        assert_eq!(pipe.sent_bytes(), 0);
    }

    #[test]
    fn a_pipe_is_gone_with_its_last_handle() {
        let count = || PIPES.with_borrow(Slab::len);
        let before = count();
        let (pipe, other) = (Pipe::new(), Pipe::new());
        let stream = pipe.stream();
        drop((pipe.clone(), pipe));
        assert_eq!(count(), before + 2);
        drop((stream, other));
        assert_eq!(count(), before);
    }
}
