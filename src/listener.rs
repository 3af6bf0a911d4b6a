//! Listening sockets: bound with the options that `std` does not offer, accepted from in bounds.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use mio::net::{TcpListener, TcpStream};
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::Listen;
use crate::error::Error;

/// A listening socket with its readiness.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) address: SocketAddr,
    /// An edge was reported, and the queue has not been found empty since.
    pub(crate) ready: bool,
}

/// What came of an accept.
#[derive(Debug)]
pub(crate) enum Accepted {
    Client(TcpStream, SocketAddr),
    /// The queue is empty.
    Nothing,
    /// This one connection was lost before we got to it; the next may be fine.
    Lost,
    /// The process or the system is out of descriptors or memory. The connection stays queued.
    Exhausted(io::Error),
}

impl Listener {
    /// Listens at `place`, with room for `backlog` finished handshakes.
    pub(crate) fn bind(place: Listen, backlog: i32) -> Result<Listener, Error> {
        let wanted = match place {
            Listen::Everywhere(port) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)),
            Listen::At(address) => address,
        };
        let bound = match (bind_to(wanted, backlog), place) {
            (Err(error), Listen::Everywhere(port)) if is_no_ipv6(&error) => {
                bind_to(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)), backlog)
            }
            (bound, _) => bound,
        };
        let listening = bound.and_then(|socket| {
            let address = socket.local_addr()?;
            Ok(Listener { socket: TcpListener::from_std(socket), address, ready: false })
        });
        listening.map_err(|reason| Error::Bind(wanted.to_string(), reason))
    }

    /// Whether a connection waits in the queue. Accepting does not tell when descriptors have run
    /// out: the system asks for one before it looks into the queue.
    pub(crate) fn has_waiting(&self) -> bool {
        let mut queue = [PollFd::new(&self.socket, PollFlags::IN)];
        rustix::event::poll(&mut queue, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Accepts once.
    pub(crate) fn accept(&mut self) -> Accepted {
        loop {
            return match self.socket.accept() {
                // On a dual-stack listener an IPv4 peer comes as an IPv6 address.
                Ok((stream, peer)) => {
                    Accepted::Client(stream, SocketAddr::new(peer.ip().to_canonical(), peer.port()))
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.ready = false;
                    Accepted::Nothing
                }
                Err(error) if is_exhaustion(&error) && self.has_waiting() => {
                    Accepted::Exhausted(error)
                }
                Err(error) if is_exhaustion(&error) => {
                    self.ready = false;
                    Accepted::Nothing
                }
                Err(_) => Accepted::Lost,
            };
        }
    }
}

fn bind_to(address: SocketAddr, backlog: i32) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: an answer leaves at once, for no system call per connection.
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// The machine has no IPv6, or none of its addresses.
fn is_no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    errno == Some(Errno::AFNOSUPPORT) || errno == Some(Errno::ADDRNOTAVAIL)
}

/// Whether the process's own descriptors have run out, so that closing one of them helps.
pub(crate) fn is_ours(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::MFILE)
}

fn is_exhaustion(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let exhausted = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|errno| exhausted.contains(&errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_address_is_named_with_the_systems_reason() {
        let any = Listen::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let first = Listener::bind(any, 16).expect("a free port");
        let taken = Listener::bind(Listen::At(first.address), 16).expect_err("the port is taken");
        let message = taken.to_string();
        assert!(message.starts_with(&format!("cannot listen at {}: ", first.address)), "{message}");
    }

    #[test]
    fn everywhere_includes_ipv4() {
        let listener = Listener::bind(Listen::Everywhere(0), 16).expect("a free port");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, listener.address.port()));
        std::net::TcpStream::connect(address).expect("IPv4 reaches a dual-stack listener");
    }

    #[test]
    fn an_empty_queue_uses_up_the_readiness() {
        let any = Listen::At(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut listener = Listener::bind(any, 16).expect("a free port");
        listener.ready = true;
        assert!(matches!(listener.accept(), Accepted::Nothing));
        assert!(!listener.ready);
    }
}
