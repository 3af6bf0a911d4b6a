//! How the poll is asked to report what clients wait for.

use std::io;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use crate::engine::Interest as Wanted;
use crate::engine::{ClientId, Host};
use crate::system_calls::{self, Call};

/// Where urgent data stops a read short, the poll has to report it: see
/// [`Readiness::URGENT`](crate::engine::Readiness::URGENT).
#[cfg(any(target_os = "linux", target_os = "android"))]
const INPUT: Interest = Interest::READABLE.add(Interest::PRIORITY);
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const INPUT: Interest = Interest::READABLE;

/// Asks the poll to report what clients have come to wait for, by tokens with this mark.
pub(super) struct Registrar<'p> {
    pub(super) registry: &'p Registry,
    pub(super) mark: usize,
}

impl Host<TcpStream> for Registrar<'_> {
    fn register(
        &mut self,
        id: ClientId,
        stream: &mut TcpStream,
        before: Option<Wanted>,
        wanted: Wanted,
    ) -> io::Result<()> {
        let token = Token(id.to_bits() as usize | self.mark);
        let interest = match wanted {
            Wanted::Readable => INPUT,
            Wanted::ReadableAndWritable => INPUT.add(Interest::WRITABLE),
        };
        let registered = match before {
            None => self.registry.register(stream, token, interest),
            Some(_) => self.registry.reregister(stream, token, interest),
        };
        registered.inspect_err(|reason| self.on_refused(stream, before, reason))
    }
}

impl Registrar<'_> {
    #[cold]
    fn on_refused(&self, stream: &mut TcpStream, before: Option<Wanted>, reason: &io::Error) {
        let is_shortage = system_calls::is_shortage(reason);
        system_calls::note(if is_shortage { Call::RegisterMore } else { Call::Register }, reason);
        if before.is_none() {
            // In a debug build mio takes a stream for registered that was refused, until it is told
            // otherwise. The system has nothing to undo, and says so.
            let _ = self.registry.deregister(stream);
        }
    }
}
