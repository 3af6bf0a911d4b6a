//! A connection in memory: the server's end of it, and the two queues of its kernel, which the test
//! fills and empties.
#![allow(dead_code, reason = "each test crate uses its own part of this")]

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::rc::Rc;

use oneloop::engine::Stream;

#[derive(Debug, Default)]
struct Queues {
    /// What the client has sent and the server has not received.
    unread: VecDeque<u8>,
    /// What the server has sent.
    sent: Vec<u8>,
    /// How much more the server may send.
    room: usize,
    is_reset: bool,
}

/// The server's end of a connection, and the test's view of it.
#[derive(Clone, Debug, Default)]
pub struct Queued(Rc<RefCell<Queues>>);

impl Queued {
    /// Takes whatever the server sends.
    pub fn with_room() -> Queued {
        let queued = Queued::default();
        queued.set_room(usize::MAX);
        queued
    }

    /// The server may send so many bytes more.
    pub fn set_room(&self, bytes: usize) {
        self.0.borrow_mut().room = bytes;
    }

    /// The client sends these bytes.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.0.borrow_mut().unread.extend(bytes.as_ref());
    }

    /// How many of its bytes the server has not received.
    pub fn unread_bytes(&self) -> usize {
        self.0.borrow().unread.len()
    }

    /// What the server has sent so far.
    pub fn sent(&self) -> String {
        String::from_utf8(self.0.borrow().sent.clone()).expect("text")
    }

    /// The statuses of the answers in that.
    pub fn statuses(&self) -> Vec<String> {
        let sent = self.sent();
        sent.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect()
    }

    /// Whether the server has the connection end by a reset.
    pub fn is_reset(&self) -> bool {
        self.0.borrow().is_reset
    }
}

impl Read for Queued {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.borrow_mut().unread.read(buffer)? {
            0 => Err(ErrorKind::WouldBlock.into()),
            bytes => Ok(bytes),
        }
    }
}

impl Write for Queued {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut queues = self.0.borrow_mut();
        let taken = bytes.len().min(queues.room);
        queues.room -= taken;
        queues.sent.extend_from_slice(&bytes[..taken]);
        match taken {
            0 if !bytes.is_empty() => Err(ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Queued {
    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        self.0.borrow_mut().is_reset = true;
        Ok(())
    }
}
