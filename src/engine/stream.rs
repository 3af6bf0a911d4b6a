//! What a connection's stream must be able to do.

use std::fs::File;
use std::io::{self, Read, Write};

use crate::answer::file;

/// What a client's connection must be able to do: `std`'s traits, two ways of ending, and sending
/// part of a file.
///
/// It must be non-blocking, and its poll must give edges as epoll does. A read that returns less
/// than was asked for has emptied the stream, unless its end was announced, or urgent data
/// (`READ_CLOSED` and `URGENT` of [`Readiness`](super::Readiness)), or its peer came by a Unix
/// socket (`DESCRIPTORS`); what comes later comes with a new edge. A write that takes less than it
/// was given is followed by an edge when there is room again, once
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
