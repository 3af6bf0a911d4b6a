//! What the engine needs to know of mio's streams: what an event says, how a connection ends, and
//! how to send part of a file.

use std::io;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;

use crate::engine::Readiness;
use crate::engine::stream::Stream;

/// What an event says of a stream. An error makes it readable and writable: the next call, whichever
/// it is, returns the error.
impl From<&Event> for Readiness {
    fn from(event: &Event) -> Readiness {
        let is_lost = event.is_error() || event.is_write_closed();
        Readiness::READABLE.when(event.is_readable() || event.is_error())
            | Readiness::WRITABLE.when(event.is_writable() || is_lost)
            | Readiness::READ_CLOSED.when(event.is_read_closed())
            | Readiness::URGENT.when(event.is_priority())
            | Readiness::LOST.when(is_lost)
    }
}

impl Stream for TcpStream {
    fn shutdown_write(&self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    /// No Unix socket can be reset: its peer sees an end, unless it has sent what was not read. A
    /// length or chunks show that an answer is not whole; an answer to HTTP/1.0 without either does
    /// not.
    fn reset_on_drop(&self) -> io::Result<()> {
        socket2::SockRef::from(self).set_linger(Some(Duration::ZERO))
    }

    #[cfg(target_os = "linux")]
    fn write_more(&mut self, bytes: &[u8]) -> io::Result<usize> {
        crate::answer::file::send_more(self, bytes)
    }

    #[cfg(target_os = "linux")]
    fn write_file(
        &mut self,
        file: &std::fs::File,
        offset: u64,
        bytes_max: usize,
    ) -> io::Result<usize> {
        match crate::answer::file::sendfile(&*self, file, offset, bytes_max)? {
            Some(bytes) => Ok(bytes),
            None => crate::engine::stream::copy_file(self, file, offset, bytes_max),
        }
    }
}
