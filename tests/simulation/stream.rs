//! The server's end of a simulated connection: what `TcpStream` is in production.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::rc::Rc;

use oneloop::engine::Stream;

use crate::memory::aside;
use crate::wire::Wire;

#[derive(Debug)]
pub struct SimulatedStream {
    pub wire: Rc<RefCell<Wire>>,
}

impl Read for SimulatedStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        aside(|| self.wire.borrow_mut().server_reads(buf))
    }
}

impl Write for SimulatedStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buf)])
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        aside(|| self.wire.borrow_mut().server_writes(slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for SimulatedStream {
    fn shutdown_write(&self) -> io::Result<()> {
        aside(|| self.wire.borrow_mut().server_shuts())
    }

    fn write_file(&mut self, file: &File, offset: u64, bytes_max: usize) -> io::Result<usize> {
        aside(|| self.wire.borrow_mut().server_sends_file(file, offset, bytes_max))
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        self.wire.borrow_mut().server_wants_reset();
        Ok(())
    }
}

impl Drop for SimulatedStream {
    fn drop(&mut self) {
        // While a failure unwinds, the wire may be borrowed by whoever failed.
        if !std::thread::panicking() {
            aside(|| self.wire.borrow_mut().server_drops());
        }
    }
}
