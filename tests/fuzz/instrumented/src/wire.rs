//! One connection in memory, with the edges that a poll would give.

use std::cell::RefCell;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::rc::Rc;

use oneloop::engine::{Interest, Readiness, Stream};

/// How a peer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It closes its side.
    HalfClose,
    /// It says nothing more until its time is over.
    Silence,
    /// It resets the connection.
    Reset,
}

/// Most inputs, and most answers to them, are shorter than this.
const RESERVED_BYTES: usize = 2048;

/// Both directions of a connection, as the kernel keeps them.
#[derive(Debug)]
pub struct Wire {
    /// What has arrived, all of it, and how much of that was read.
    incoming: Vec<u8>,
    pub received: usize,
    end: Option<End>,
    /// What the server has sent.
    pub sent: Vec<u8>,
    /// How many more bytes the peer takes.
    pub room: usize,
    /// A write was refused or shortened.
    pub is_blocked: bool,
    /// Every other call is interrupted.
    pub interrupts: bool,
    calls: usize,
    pub interest: Interest,
    /// What the poll has to tell.
    news: Readiness,
    is_shut: bool,
    /// The server has closed it.
    pub is_gone: bool,
}

impl Wire {
    pub fn new(interrupts: bool, room: usize) -> Wire {
        Wire {
            incoming: Vec::with_capacity(RESERVED_BYTES),
            received: 0,
            end: None,
            sent: Vec::with_capacity(RESERVED_BYTES),
            room,
            is_blocked: false,
            interrupts,
            calls: 0,
            interest: Interest::Nothing,
            news: Readiness::default(),
            is_shut: false,
            is_gone: false,
        }
    }

    /// Bytes arrive.
    pub fn arrive(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
        self.news |= Readiness::READABLE.when(!bytes.is_empty());
    }

    /// The peer ends its side, or everything.
    pub fn arrive_end(&mut self, end: End) {
        self.end = Some(end);
        self.news |= Readiness::READ_CLOSED.when(end != End::Silence);
    }

    /// The peer takes so many more bytes.
    pub fn give_room(&mut self, bytes: usize) {
        self.room = bytes;
        self.news |= Readiness::WRITABLE.when(self.is_blocked);
        self.is_blocked = false;
    }

    /// What the poll tells of it now: an edge is told once, to whoever has asked.
    pub fn take_news(&mut self) -> Option<Readiness> {
        let wants_writable = self.interest == Interest::ReadableAndWritable;
        if self.is_gone || self.interest == Interest::Nothing {
            return None;
        }
        let kept = match wants_writable {
            true => Readiness::default(),
            false => Readiness::WRITABLE.when(self.news.is(Readiness::WRITABLE)),
        };
        let told = self.news.without(kept);
        self.news = kept;
        (told != Readiness::default()).then_some(told)
    }

    /// Whether the server has left something lying about that it could take.
    pub fn is_neglected(&self) -> bool {
        let has_input =
            self.received < self.incoming.len() || self.end.is_some_and(|end| end != End::Silence);
        !self.is_gone && !self.is_blocked && has_input
    }

    fn interrupted(&mut self) -> io::Result<()> {
        self.calls += 1;
        match self.interrupts && self.calls % 2 == 1 {
            true => Err(ErrorKind::Interrupted.into()),
            false => Ok(()),
        }
    }
}

/// The server's end of a wire.
#[derive(Debug)]
pub struct WireStream(pub Rc<RefCell<Wire>>);

impl Read for WireStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        wire.interrupted()?;
        let unread = &wire.incoming[wire.received..];
        let bytes = unread.len().min(buffer.len());
        if bytes > 0 {
            buffer[..bytes].copy_from_slice(&unread[..bytes]);
            wire.received += bytes;
            return Ok(bytes);
        }
        match wire.end {
            Some(End::HalfClose) => Ok(0),
            Some(End::Reset) => Err(ErrorKind::ConnectionReset.into()),
            Some(End::Silence) | None => Err(ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for WireStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut wire = self.0.borrow_mut();
        let owed: usize = pieces.iter().map(|piece| piece.len()).sum();
        assert!(owed > 0, "nothing is no reason for a call");
        assert!(!wire.is_shut, "it has closed its side");
        wire.interrupted()?;
        let taken = owed.min(wire.room);
        wire.room -= taken;
        wire.is_blocked |= taken < owed;
        if taken == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        // The wire's memory is none of the server's.
        allocation_counter::opt_out(|| {
            let mut left = taken;
            for piece in pieces {
                let bytes = piece.len().min(left);
                wire.sent.extend_from_slice(&piece[..bytes]);
                left -= bytes;
            }
        });
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for WireStream {
    fn shutdown_write(&self) -> io::Result<()> {
        let mut wire = self.0.borrow_mut();
        assert!(!wire.is_shut, "a side is closed once");
        wire.is_shut = true;
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for WireStream {
    fn drop(&mut self) {
        // While a failure unwinds, the wire may be borrowed by whoever failed.
        if let Ok(mut wire) = self.0.try_borrow_mut() {
            wire.is_gone = true;
        }
    }
}
