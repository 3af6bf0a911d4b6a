//! Listening sockets: bound with the options that `std` does not offer, accepted from in bounds.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener};
use mio::{Interest, Registry, Token};
use rustix::event::{PollFd, PollFlags, Timespec};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use crate::config::{Endpoint, Listen, LocalAddress};
use crate::engine::admission::{Accept, Accepted, Shortage};
use crate::engine::{Arrival, Opening};
use crate::error::Error;
use crate::peer::Peer;
use crate::server::inherited::{self, InheritedListener};
use crate::server::takeover::{FileId, Taken};
use crate::server::unix_socket::{self, SocketFile};
use crate::system_calls::{Origin, again, origin};

/// The longest time for delivery that the kernel takes: milliseconds in a signed number, 24 days.
/// None at all would mean its own default, so the shortest is one.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DELIVERY_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// After this long without a byte, the kernel asks whether the peer is still there, and asks again after
/// each interval. When it would ask and the time for delivery has passed, it gives up: with the defaults
/// at 60 + 3 × 15 seconds, and at most 8 seconds later, because its timers may be late by an eighth.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(15);

/// A listening socket.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Removed before the socket is closed, so that the path never leads to one that is.
    file: Option<SocketFile>,
    socket: ListeningSocket,
    pub(crate) address: LocalAddress,
    /// As it is configured.
    pub(crate) place: Listen,
    /// What its connections begin with.
    pub(crate) opening: Opening,
    provenance: Provenance,
    /// The poll that reports it, if another process has it as well.
    poll: Option<Registry>,
}

/// How it was come by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Provenance {
    Bound,
    /// From the process that has started this one, which has it as well.
    Inherited,
    /// From an older process, which has it as well until it ends.
    TakenOver,
}

/// What listeners are to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenerSettings {
    /// How many finished handshakes there is room for.
    pub(crate) backlog: i32,
    /// For how long the kernel may try to deliver what it has taken of an answer.
    pub(crate) delivery: Duration,
    pub(crate) port: Port,
}

/// Which processes may listen at a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    OneProcess,
    /// Several, of the same user.
    Shared,
}

impl Drop for Listener {
    /// A poll reports what the kernel has behind a descriptor. While another process has that as well,
    /// closing ours does not end it, and we would be woken by connections that are not ours.
    fn drop(&mut self) {
        drop(self.file.take());
        if let Some(registry) = self.poll.take() {
            // The poll may be gone already.
            let _ = registry.deregister(self.socket.source());
        }
    }
}

/// A listening socket by its kind. What is accepted from either is one kind of stream: the calls that
/// read, write and close are the same.
#[derive(Debug)]
enum ListeningSocket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens at `place`.
    pub(crate) fn bind(place: &Listen, settings: ListenerSettings) -> Result<Listener, Error> {
        let ListenerSettings { backlog, delivery, port: _ } = settings;
        let bind_to = |address| bind_to(address, settings);
        let bound = match &place.endpoint {
            Endpoint::Everywhere(port) => match bind_to((Ipv6Addr::UNSPECIFIED, *port).into()) {
                Err(error) if is_no_ipv6(&error) => bind_to((Ipv4Addr::UNSPECIFIED, *port).into()),
                bound => bound,
            }
            .and_then(Listener::of_tcp),
            Endpoint::At(address) => bind_to(*address).and_then(Listener::of_tcp),
            Endpoint::Unix(settings) => {
                unix_socket::bind(settings, backlog).map(|(socket, file)| {
                    let socket = ListeningSocket::Unix(UnixListener::from_std(socket));
                    let mut listener = Listener::new(socket, LocalAddress::Unix(settings.name));
                    listener.file = file;
                    listener
                })
            }
            Endpoint::Inherited(name) => Listener::inherited(name, delivery),
        };
        bound.map_err(refused_at(place)).map(|listener| listener.of_place(place))
    }

    /// Listens at `place` by a socket that another process has bound, and that is still its own.
    pub(super) fn taken_over(place: &Listen, taken: Taken) -> Result<Listener, Error> {
        let listener = match inherited::by_kind(taken.socket).map_err(refused_at(place))? {
            InheritedListener::Tcp(socket) => Listener::of_tcp(socket),
            InheritedListener::Unix(socket) => Listener::of_unix(socket),
        };
        let mut listener = listener.map_err(refused_at(place))?.of_place(place);
        listener.provenance = Provenance::TakenOver;
        if let Endpoint::Unix(socket) = &place.endpoint {
            // What the kernel knows is the name that it had before it was renamed.
            listener.address = LocalAddress::Unix(socket.name);
        }
        if let (Some(id), Some(path)) = (taken.file, place.endpoint.path()) {
            listener.file = Some(SocketFile::of_another(path, id));
        }
        Ok(listener)
    }

    /// It was taken over, and the other process has left it to us: it becomes what it would be had we
    /// bound it.
    pub(crate) fn keep(&mut self, settings: ListenerSettings) -> io::Result<()> {
        if self.provenance != Provenance::TakenOver {
            return Ok(());
        }
        if let (Some(file), Endpoint::Unix(socket)) = (&mut self.file, &self.place.endpoint) {
            file.keep(socket)?;
        }
        if !matches!(self.place.endpoint, Endpoint::Inherited(_)) {
            rustix::net::listen(&self.socket, settings.backlog)?;
        }
        match &self.socket {
            ListeningSocket::Tcp(socket) => {
                set_inherited_options(&SockRef::from(socket), settings.delivery)
            }
            ListeningSocket::Unix(_) => Ok(()),
        }
    }

    /// Another process is given it as well, by this descriptor.
    pub(crate) fn share(&mut self, registry: &Registry) -> io::Result<BorrowedFd<'_>> {
        self.poll = Some(registry.try_clone()?);
        Ok(self.socket.as_fd())
    }

    /// The file that is removed with it.
    pub(super) fn file(&self) -> Option<FileId> {
        self.file.as_ref().map(SocketFile::id)
    }

    /// Another process removes its file.
    pub(crate) fn let_go_of_file(&mut self) {
        self.file.iter_mut().for_each(SocketFile::let_go);
    }

    fn of_place(mut self, place: &Listen) -> Listener {
        self.place = place.clone();
        if place.proxy {
            self.opening = Opening::ProxyHeader;
        }
        self
    }

    fn new(socket: ListeningSocket, address: LocalAddress) -> Listener {
        let opening = Opening::Request;
        let provenance = Provenance::Bound;
        let place = Listen::everywhere(0);
        Listener { file: None, socket, address, place, opening, provenance, poll: None }
    }

    fn inherited(name: &str, delivery: Duration) -> io::Result<Listener> {
        let mut listener = match inherited::take(name)? {
            InheritedListener::Tcp(socket) => {
                set_inherited_options(&SockRef::from(&socket), delivery)?;
                Listener::of_tcp(socket)?
            }
            InheritedListener::Unix(socket) => Listener::of_unix(socket)?,
        };
        listener.provenance = Provenance::Inherited;
        Ok(listener)
    }

    fn of_unix(socket: std::os::unix::net::UnixListener) -> io::Result<Listener> {
        let address = LocalAddress::Unix(inherited::name_of(&socket)?);
        Ok(Listener::new(ListeningSocket::Unix(UnixListener::from_std(socket)), address))
    }

    fn of_tcp(socket: std::net::TcpListener) -> io::Result<Listener> {
        let address = LocalAddress::Internet(socket.local_addr()?);
        let socket = ListeningSocket::Tcp(TcpListener::from_std(socket));
        Ok(Listener::new(socket, address))
    }

    /// Makes the poll report it by `token`.
    pub(crate) fn register(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.register(self.socket.source(), token, Interest::READABLE)?;
        match self.provenance {
            Provenance::Bound => {}
            Provenance::Inherited | Provenance::TakenOver => {
                self.poll = Some(registry.try_clone()?);
            }
        }
        Ok(())
    }

    /// Makes the poll report it by another token.
    pub(crate) fn reregister(&mut self, registry: &Registry, token: Token) -> io::Result<()> {
        registry.reregister(self.socket.source(), token, Interest::READABLE)
    }
}

impl ListeningSocket {
    fn source(&mut self) -> &mut dyn Source {
        match self {
            ListeningSocket::Tcp(socket) => socket,
            ListeningSocket::Unix(socket) => socket,
        }
    }

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

fn refused_at(place: &Listen) -> impl FnOnce(io::Error) -> Error {
    move |reason| Error::Bind { place: Box::new(place.clone()), reason }
}

fn bind_to(address: SocketAddr, settings: ListenerSettings) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if settings.port == Port::Shared {
        socket.set_reuse_port(true)?;
    }
    set_inherited_options(&SockRef::from(&socket), settings.delivery)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(settings.backlog)?;
    Ok(socket.into())
}

/// Accepted sockets inherit these options, for no system call per connection: an answer leaves at once;
/// and while neither side sends, the kernel asks now and then whether the peer is still there, so that
/// one that has lost its power or its network does not stay for as long as its answer pauses.
fn set_inherited_options(socket: &SockRef<'_>, delivery: Duration) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_keepalive(
        &TcpKeepalive::new().with_time(KEEPALIVE_IDLE).with_interval(KEEPALIVE_INTERVAL),
    )?;
    limit_delivery(socket, delivery)
}

/// Accepted sockets inherit this limit, too. The kernel delivers an answer that fits into the send
/// buffer. To a peer that answers its probes but does not read, it would try for ever, even long
/// after we have closed: megabytes each, and no deadline of ours sees them.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn limit_delivery(socket: &SockRef<'_>, delivery: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(delivery.clamp(Duration::from_millis(1), DELIVERY_MAX)))
}

/// Other systems have no such option.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn limit_delivery(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
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
        let delivery = Duration::from_secs(60);
        Listener::bind(&place, ListenerSettings { backlog: 16, delivery, port: Port::OneProcess })
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
            let settings = ListenerSettings { backlog: 16, delivery, port: Port::OneProcess };
            Listener::bind(&any, settings).expect("a listener whatever the timeout is");
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
    fn accepted_sockets_inherit_what_is_set_once() {
        let mut listener = listen(Listen::everywhere(0)).expect("a free port");
        let port = listener.address.internet().expect("an address").port();
        let _client = std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("a client");
        let Accepted::Client(stream, _) = listener.accept() else { panic!("it waits") };
        let socket = SockRef::from(&stream);
        assert!(socket.tcp_nodelay().expect("an option") && socket.keepalive().expect("an option"));
        assert_eq!(socket.tcp_keepalive_time().expect("an option"), KEEPALIVE_IDLE);
        assert_eq!(socket.tcp_keepalive_interval().expect("an option"), KEEPALIVE_INTERVAL);
    }

    /// When the kernel has given up a peer that says nothing, counted from its last byte. It does so at
    /// the first question for which the time for delivery is over. Its timers come on time or late:
    /// they stand on wheels, of which each counts steps eight times as long as the one below, and a wait
    /// is rounded up to a step of the first wheel that has 63 of them or fewer for it.
    fn gone_max(delivery: Duration, ticks_a_second: u32) -> Duration {
        let latest = |wait: Duration| {
            let tick = Duration::from_secs(1) / ticks_a_second;
            let mut step = tick;
            while step * 63 < wait {
                step *= 8;
            }
            wait + step
        };
        let (mut asked, mut latest_asked) = (KEEPALIVE_IDLE, latest(KEEPALIVE_IDLE));
        loop {
            (asked, latest_asked) =
                (asked + KEEPALIVE_INTERVAL, latest_asked + latest(KEEPALIVE_INTERVAL));
            if asked >= delivery {
                return latest_asked;
            }
        }
    }

    /// Whatever the kernel was built for, and with five seconds to spare.
    #[test]
    fn a_peer_that_has_lost_its_power_is_gone_within_two_minutes() {
        let delivery = crate::config::Timeouts::default().delivery();
        for ticks_a_second in [100, 250, 300, 1000] {
            let gone = gone_max(delivery, ticks_a_second);
            assert!(gone <= Duration::from_secs(115), "{gone:?} with {ticks_a_second} ticks");
        }
        // It is not given up before its time either.
        assert!(gone_max(delivery, 1000) >= delivery);
    }

    /// A service manager, say, goes on listening at it.
    #[test]
    fn a_shared_listener_wakes_no_poll_once_it_is_closed_here() {
        let mut poll = mio::Poll::new().expect("a poll");
        let mut events = mio::Events::with_capacity(4);
        let mut is_woken = |poll: &mut mio::Poll| {
            poll.poll(&mut events, Some(Duration::ZERO)).expect("a healthy poll");
            !events.is_empty()
        };
        let bound = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = bound.local_addr().expect("an address");
        bound.set_nonblocking(true).expect("an option");
        let _shared = bound.try_clone().expect("a free descriptor");
        let mut listener = Listener::of_tcp(bound).expect("an address");
        listener.provenance = Provenance::Inherited;
        listener.register(poll.registry(), Token(7)).expect("a healthy poll");
        let _first = std::net::TcpStream::connect(address).expect("a client");
        assert!(is_woken(&mut poll));
        drop(listener);
        let _second = std::net::TcpStream::connect(address).expect("it is still listened at");
        assert!(!is_woken(&mut poll));
    }

    #[test]
    fn nobody_is_accepted_from_an_empty_queue() {
        let any = Listen::at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut listener = listen(any).expect("a free port");
        assert!(!listener.has_waiting());
        assert!(matches!(listener.accept(), Accepted::Nothing));
    }
}
