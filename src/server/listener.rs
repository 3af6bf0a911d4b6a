//! Listening sockets: bound with the options that `std` does not offer, accepted from in bounds.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener};
use mio::{Interest, Poll, Token};
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{Domain, Protocol, Socket, Type};

use crate::config::{Endpoint, Listen, LocalAddress};
use crate::engine::admission::{Accept, Accepted, Shortage};
use crate::engine::{Arrival, Opening};
use crate::error::Error;
use crate::peer::Peer;
use crate::server::unix_socket::{self, SocketFile};
use crate::system_calls::{Origin, again, origin};

/// The longest time for delivery that the kernel takes: milliseconds in a signed number, 24 days.
/// None at all would mean its own default, so the shortest is one.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DELIVERY_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Removed before the socket is closed, so that the path never leads to one that is.
    _file: Option<SocketFile>,
    socket: ListeningSocket,
    pub(crate) address: LocalAddress,
    /// What its connections begin with.
    pub(crate) opening: Opening,
}

/// A listening socket by its kind. What is accepted from either is one kind of stream: the calls that
/// read, write and close are the same.
#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens at `place`, with room for `backlog` finished handshakes. What the kernel has taken
    /// of an answer it may try for `delivery` to deliver.
    pub(crate) fn bind(
        place: &Listen,
        backlog: i32,
        delivery: Duration,
    ) -> Result<Listener, Error> {
        let bind_to = |address| bind_to(address, backlog, delivery);
        let bound = match &place.endpoint {
            Endpoint::Everywhere(port) => match bind_to((Ipv6Addr::UNSPECIFIED, *port).into()) {
                Err(error) if is_no_ipv6(&error) => bind_to((Ipv4Addr::UNSPECIFIED, *port).into()),
                bound => bound,
            }
            .and_then(Listener::of_tcp),
            Endpoint::At(address) => bind_to(*address).and_then(Listener::of_tcp),
            Endpoint::Unix(settings) => {
                unix_socket::bind(settings, backlog).map(|(socket, file)| Listener {
                    _file: file,
                    socket: ListeningSocket::Unix(UnixListener::from_std(socket)),
                    address: LocalAddress::Unix(settings.name),
                    opening: Opening::Request,
                })
            }
            Endpoint::Inherited(_) => Err(ErrorKind::Unsupported.into()),
        };
        let opening = match place.proxy {
            true => Opening::ProxyHeader,
            false => Opening::Request,
        };
        bound
            .map(|listener| Listener { opening, ..listener })
            .map_err(|reason| Error::Bind { place: Box::new(place.clone()), reason })
    }

    fn of_tcp(socket: std::net::TcpListener) -> io::Result<Listener> {
        let address = LocalAddress::Internet(socket.local_addr()?);
        let (socket, opening) =
            (ListeningSocket::Tcp(TcpListener::from_std(socket)), Opening::Request);
        Ok(Listener { _file: None, socket, address, opening })
    }

    /// As [`Listener::bind`], and makes the poll report it by `token`.
    pub(crate) fn polled(
        poll: &Poll,
        token: Token,
        place: &Listen,
        backlog: i32,
        delivery: Duration,
    ) -> Result<Listener, Error> {
        let mut listener = Listener::bind(place, backlog, delivery)?;
        let source: &mut dyn Source = match &mut listener.socket {
            ListeningSocket::Tcp(socket) => socket,
            ListeningSocket::Unix(socket) => socket,
        };
        poll.registry()
            .register(source, token, Interest::READABLE)
            .map_err(Error::system("poll a listener"))?;
        Ok(listener)
    }
}

impl ListeningSocket {
    fn accept(&self) -> io::Result<(TcpStream, Peer)> {
        match self {
            ListeningSocket::Tcp(socket) => {
                let (stream, peer) = socket.accept()?;
                // On a dual-stack listener an IPv4 peer comes as an IPv6 address.
                let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                Ok((stream, peer.into()))
            }
            ListeningSocket::Unix(socket) => {
                let (stream, _) = socket.accept()?;
                let peer = unix_socket::peer(&stream);
                Ok((OwnedFd::from(stream).into(), peer.into()))
            }
        }
    }
}

impl AsFd for ListeningSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            ListeningSocket::Tcp(socket) => socket.as_fd(),
            ListeningSocket::Unix(socket) => socket.as_fd(),
        }
    }
}

impl Accept for Listener {
    type Stream = TcpStream;

    fn accept(&mut self) -> Accepted<TcpStream> {
        match again(|| self.socket.accept()) {
            Ok((stream, peer)) => Accepted::Client(stream, Arrival::new(peer, self.opening)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Accepted::Nothing,
            Err(error) if is_of_a_connection(&error) => Accepted::Lost,
            Err(error) => match shortage(&error) {
                // When descriptors have run out, accepting does not tell whether a connection
                // waits: the system asks for a descriptor before it looks into the queue.
                Some(_) if !self.has_waiting() => Accepted::Nothing,
                Some(shortage) => Accepted::Exhausted(shortage, error),
                None => Accepted::Refused(error),
            },
        }
    }

    fn has_waiting(&self) -> bool {
        let mut queue = [PollFd::new(&self.socket, PollFlags::IN)];
        let ready = rustix::event::poll(&mut queue, Some(&Timespec::default()));
        // Where the system does not say, one may wait: it would be forgotten otherwise.
        !ready.is_ok_and(|ready| ready == 0)
    }
}

fn bind_to(
    address: SocketAddr,
    backlog: i32,
    delivery: Duration,
) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Accepted sockets inherit it: an answer leaves at once, for no system call per connection.
    socket.set_tcp_nodelay(true)?;
    limit_delivery(&socket, delivery)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Accepted sockets inherit this limit, too. The kernel delivers an answer that fits into the send
/// buffer. To a peer that answers its probes but does not read, it would try for ever, even long
/// after we have closed: megabytes each, and no deadline of ours sees them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_delivery(socket: &Socket, delivery: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(delivery.clamp(Duration::from_millis(1), DELIVERY_MAX)))
}

/// Other systems have no such option.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_delivery(_: &Socket, _: Duration) -> io::Result<()> {
    Ok(())
}

/// The machine has no IPv6, or none of its addresses.
fn is_no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let errno = Errno::from_io_error(error);
    errno == Some(Errno::AFNOSUPPORT) || errno == Some(Errno::ADDRNOTAVAIL)
}

/// Whether this is the error of the connection that was to be accepted: it is lost, and the next may
/// be fine. The network's errors are those that the kernel passes on (accept(2)).
fn is_of_a_connection(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let of_the_protocol = [Errno::PROTO, Errno::NOPROTOOPT, Errno::HOSTDOWN];
    origin(error) == Origin::Network
        || Errno::from_io_error(error).is_some_and(|errno| of_the_protocol.contains(&errno))
}

/// Whose descriptors or memory have run out, if this error says so.
fn shortage(error: &io::Error) -> Option<Shortage> {
    use rustix::io::Errno;
    match Errno::from_io_error(error)? {
        Errno::MFILE => Some(Shortage::Ours),
        Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => Some(Shortage::Systems),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(place: Listen) -> Result<Listener, Error> {
        Listener::bind(&place, 16, Duration::from_secs(60))
    }

    #[test]
    fn a_taken_address_is_named_with_the_systems_reason() {
        let any = Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let first = listen(any).expect("a free port");
        let taken = listen(Listen::at(first.address.internet().expect("an address")))
            .expect_err("the port is taken");
        let message = taken.to_string();
        assert!(message.starts_with(&format!("cannot listen at {}: ", first.address)), "{message}");
    }

    #[test]
    fn any_time_for_delivery_is_taken() {
        let any = Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        for delivery in [Duration::ZERO, Duration::from_secs(30 * 24 * 60 * 60), Duration::MAX] {
            Listener::bind(&any, 16, delivery).expect("a listener whatever the timeout is");
        }
    }

    #[test]
    fn everywhere_includes_ipv4() {
        let listener = listen(Listen::everywhere(0)).expect("a free port");
        let address = SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            listener.address.internet().expect("an address").port(),
        ));
        std::net::TcpStream::connect(address).expect("IPv4 reaches a dual-stack listener");
    }

    #[test]
    fn nobody_is_accepted_from_an_empty_queue() {
        let any = Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut listener = listen(any).expect("a free port");
        assert!(!listener.has_waiting());
        assert!(matches!(listener.accept(), Accepted::Nothing));
    }
}
