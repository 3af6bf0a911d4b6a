//! What the benches share: a stream without a kernel, and a turn of the loop over many of them.

use std::hint::black_box;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use oneloop::Handler;
use oneloop::engine::{Engine, Stream, Time};
use oneloop::testing::Listener;

/// Where everybody comes from.
pub const PEER: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 40_000));

/// Who is at the other end of a stream.
pub trait Peer {
    /// What has come whenever the stream is said to be readable: so many bytes, none because the
    /// peer has ended its side, or `None`: nothing, it was a mistake to look.
    fn sent(&self) -> Option<&'static [u8]>;
}

/// A stream without a kernel. A read gives what the peer has sent, and empties it until it is
/// said to be readable again; every write takes all it is given.
#[derive(Debug)]
pub struct Memory<P>(pub P);

impl<P: Peer> Read for Memory<P> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.0.sent().ok_or(ErrorKind::WouldBlock)?;
        buf[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }
}

impl<P> Write for Memory<P> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        Ok(black_box(buf).len())
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        Ok(black_box(slices).iter().map(|slice| slice.len()).sum())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<P: Peer> Stream for Memory<P> {
    fn shutdown_write(&self) -> io::Result<()> {
        Ok(())
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        Ok(())
    }
}

/// One turn, behind the events that have been noted.
pub fn turn<P: Peer, H: Handler>(
    engine: &mut Engine<Listener<Memory<P>>>,
    now: Time,
    handler: &mut H,
) {
    let flow = engine.turn(now, handler, &mut |_, _: &mut _, _, _| Ok(()));
    assert!(flow.is_continue(), "nobody stops it");
    black_box(engine.due(now));
}
