//! A connection in memory, whose peer is a test.
//!
//! It never waits and asks no kernel: the test has said before what a read finds, and how much a
//! write may take. All bytes that are sent are kept until the test takes them.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use crate::engine::{Readiness, Stream};

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
#[derive(Clone, Debug, Default)]
pub struct Pipe(Rc<RefCell<Ends>>);

/// The server's side: what the engine is given as a client's stream. Dropping it closes it.
#[derive(Debug)]
pub struct PipeStream(Rc<RefCell<Ends>>);

/// How the peer's side is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// In order, behind the last byte.
    HalfClose,
    /// By a reset, behind the last byte.
    Reset,
}

#[derive(Debug)]
struct Ends {
    /// What the peer has said and the server has not read. One read gets no more than the first of
    /// these; an empty one is a read that finds nothing.
    said: VecDeque<VecDeque<u8>>,
    end: Option<End>,
    sent: Vec<u8>,
    /// How many more bytes the server can send.
    room: usize,
    /// The last write found too little room.
    is_blocked: bool,
    is_interrupted: bool,
    /// What has happened since a poll last told of it.
    news: Readiness,
    /// The server has closed its side.
    has_ended: bool,
    is_closed: bool,
    wants_reset: bool,
}

impl Default for Ends {
    fn default() -> Ends {
        Ends {
            said: VecDeque::new(),
            end: None,
            sent: Vec::new(),
            room: usize::MAX,
            is_blocked: false,
            is_interrupted: false,
            news: Readiness::default(),
            has_ended: false,
            is_closed: false,
            wants_reset: false,
        }
    }
}

impl Pipe {
    /// A peer that says nothing yet, and takes all that it is sent.
    pub fn new() -> Pipe {
        Pipe::default()
    }

    /// A peer that says these pieces, one a read. A read that meets an empty piece finds nothing,
    /// and the next read goes on behind it.
    pub fn saying(pieces: &[&[u8]]) -> Pipe {
        let pipe = Pipe::new();
        let said = pieces.iter().map(|piece| piece.iter().copied().collect());
        pipe.0.borrow_mut().said.extend(said);
        pipe.0.borrow_mut().news = Readiness::READABLE.when(!pieces.is_empty());
        pipe
    }

    /// The server's side of this connection. There is one: this is to be called once.
    pub fn stream(&self) -> PipeStream {
        PipeStream(Rc::clone(&self.0))
    }

    /// The peer says `bytes`. They join what it has said before and the server has not read.
    pub fn say(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        if bytes.is_empty() {
            return;
        }
        let ends = &mut *self.0.borrow_mut();
        match ends.said.back_mut() {
            Some(last) => last.extend(bytes),
            None => ends.said.push_back(bytes.iter().copied().collect()),
        }
        ends.news |= Readiness::READABLE;
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
        let mut ends = self.0.borrow_mut();
        ends.end = Some(end);
        ends.news |= Readiness::READ_CLOSED;
    }

    /// From now on the server can send this many bytes, until the next call says otherwise. A new
    /// pipe has no bound.
    pub fn give_room(&self, bytes: usize) {
        let mut ends = self.0.borrow_mut();
        ends.room = bytes;
        let has_room = ends.is_blocked && bytes > 0;
        ends.news |= Readiness::WRITABLE.when(has_room);
        ends.is_blocked = false;
    }

    /// From now on a signal interrupts every read and every write.
    pub fn interrupt(&self) {
        self.0.borrow_mut().is_interrupted = true;
    }

    /// What a poll with edge triggering would tell of it now: what has happened since the last call.
    pub fn take_readiness(&self) -> Option<Readiness> {
        let news = std::mem::take(&mut self.0.borrow_mut().news);
        (news != Readiness::default()).then_some(news)
    }

    /// How many bytes the peer has said that the server has not read.
    pub fn unread_bytes(&self) -> usize {
        self.0.borrow().said.iter().map(VecDeque::len).sum()
    }

    /// How many bytes have been sent and not been [taken](Pipe::take_sent).
    pub fn sent_bytes(&self) -> usize {
        self.0.borrow().sent.len()
    }

    /// The bytes that were sent and have not been [taken](Pipe::take_sent).
    pub fn sent(&self) -> Vec<u8> {
        self.0.borrow().sent.clone()
    }

    /// The bytes that were sent since the last call.
    pub fn take_sent(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().sent)
    }

    /// Whether the server has closed its side, or the whole connection.
    pub fn has_ended(&self) -> bool {
        let ends = self.0.borrow();
        ends.has_ended || ends.is_closed
    }

    /// Whether the server has made the connection end by a reset.
    pub fn is_reset(&self) -> bool {
        self.0.borrow().wants_reset
    }

    /// Whether the server has closed the connection.
    pub fn is_closed(&self) -> bool {
        self.0.borrow().is_closed
    }
}

impl Ends {
    fn interrupted(&self) -> io::Result<()> {
        match self.is_interrupted {
            true => Err(ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }

    /// Takes as many bytes of what is offered as there is room for.
    fn take(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.interrupted()?;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let taken = offered.min(self.room);
        self.is_blocked = taken < offered;
        if taken == 0 && offered > 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.room -= if self.room == usize::MAX { 0 } else { taken };
        self.sent.extend(slices.iter().flat_map(|slice| slice.iter()).take(taken));
        Ok(taken)
    }
}

impl Read for PipeStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ends = &mut *self.0.borrow_mut();
        ends.interrupted()?;
        let Some(piece) = ends.said.front_mut() else {
            return match ends.end {
                Some(End::HalfClose) => Ok(0),
                Some(End::Reset) => Err(ErrorKind::ConnectionReset.into()),
                None => Err(ErrorKind::WouldBlock.into()),
            };
        };
        let bytes = piece.len().min(buffer.len());
        let found_nothing = piece.is_empty();
        buffer.iter_mut().zip(piece.drain(..bytes)).for_each(|(to, byte)| *to = byte);
        if piece.is_empty() {
            ends.said.pop_front();
        }
        match found_nothing {
            true => Err(ErrorKind::WouldBlock.into()),
            false => Ok(bytes),
        }
    }
}

impl Write for PipeStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().take(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.borrow_mut().take(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for PipeStream {
    fn shutdown_write(&self) -> io::Result<()> {
        self.0.borrow_mut().has_ended = true;
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        self.0.borrow_mut().wants_reset = true;
        Ok(())
    }
}

impl Drop for PipeStream {
    fn drop(&mut self) {
        self.0.borrow_mut().is_closed = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(pipe.take_readiness(), None);
        assert_eq!(stream.write(b"four").ok(), Some(3));
        assert_eq!(stream.write(b"r").map_err(|it| it.kind()), Err(ErrorKind::WouldBlock));
        pipe.give_room(10);
        assert!(pipe.take_readiness().is_some_and(|readiness| readiness.is(Readiness::WRITABLE)));
        assert_eq!(pipe.take_readiness(), None);
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
        pipe.interrupt();
        assert_eq!(read(&mut stream), Err(ErrorKind::Interrupted));
        drop(stream);
        assert!(pipe.is_closed());
    }
}
