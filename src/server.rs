//! The loop: one `mio::Poll`, its listeners, its signals, its clients.
//!
//! [`Server::turn`] is all of it on one screen. This is the only place that reads a clock, once a
//! turn, and with its neighbours in this layer the only one that knows mio.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use log::{info, warn};
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use signal_hook_mio::v1_0::Signals;

use crate::clients::{ClientId, Clients};
use crate::config::{Config, Limits, Timeouts};
use crate::descriptors::{self, Descriptors};
use crate::error::Error;
use crate::handler::Handler;
use crate::listener::{Accepted, Listener};
use crate::metrics::Metrics;
use crate::signals::{self, StopHandle};
use crate::socket::{Readiness, Stream};
use crate::time::Time;

#[cfg(not(target_pointer_width = "64"))]
compile_error!("a token holds a slab key and a generation, 32 bits each");

/// How many events one poll can return. More wait in the kernel for the next; 1,024 of them take
/// 12 KiB, which stays in the cache.
const EVENTS_PER_TURN_MAX: usize = 1024;

/// How long accepting rests when descriptors have run out and nobody idle can be closed: others
/// in this process, or in this system, may free some without our being told.
const EXHAUSTION_PAUSE: Duration = Duration::from_millis(100);

/// Tokens from here on are not clients': no client has the generation `u32::MAX`.
const FIRST_LISTENER: usize = (u32::MAX as usize) << 32;
const SIGNALS: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);

/// Why [`Server::run`] has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was told to stop, and everybody was done in time.
    Drained,
    /// It was told to stop, and cut off those who were not done after
    /// [`Timeouts::drain`](crate::Timeouts::drain), or when it was told again.
    CutOff,
    /// It was told to stop a second time, by this signal, and cut off whoever was left.
    Signalled(i32),
}

/// A server that has bound its addresses.
///
/// ```
/// use oneloop::{Config, Listen, Reply, Request, Server};
///
/// let config = Config { listen: vec![Listen::Everywhere(0)], ..Config::default() };
/// let mut server = Server::bind(&config, |request: &Request<'_>, reply: Reply<'_>| {
///     reply.send(request.path())
/// })?;
/// println!("at {:?}", server.local_addrs());
///
/// let handle = server.handle();
/// std::thread::spawn(move || handle.stop());
/// server.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server<H> {
    poll: Poll,
    events: Events,
    listeners: Vec<Listener>,
    signals: Option<Signals>,
    waker: Arc<Waker>,
    clients: Clients<TcpStream>,
    handler: H,
    limits: Limits,
    timeouts: Timeouts,
    clients_max: usize,
    descriptors: Descriptors,
    began: Instant,
    now: Time,
    /// When `Date` has to be formatted again.
    date_due: Time,
    progress: Progress,
    /// Accepting rests until then, or until a client can be closed to make room.
    exhausted_until: Option<Time>,
    crowd: Crowd,
}

/// How far the server's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Running,
    Draining { until: Time },
    Stopped(Stopped),
}

/// Whether the log has been told that there are more clients than may stay: once an episode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Crowd {
    Fits,
    Told,
}

impl<H: Handler> Server<H> {
    /// Checks `config`, raises the descriptor limit and binds every address.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself, [`Error::Bind`] if an address
    /// cannot be listened at, [`Error::System`] if the system has no poll for us.
    pub fn bind(config: &Config, handler: H) -> Result<Server<H>, Error> {
        config.check()?;
        let system = |what| move |reason| Error::System(what, reason);
        let descriptors =
            descriptors::raise_limit().map_err(system("raise the descriptor limit"))?;
        let poll = Poll::new().map_err(system("create a poll"))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(system("create a waker"))?;
        let mut listeners = Vec::new();
        for (index, place) in config.listen.iter().enumerate() {
            let mut listener = Listener::bind(*place, config.limits.backlog)?;
            poll.registry()
                .register(&mut listener.socket, Token(FIRST_LISTENER + index), Interest::READABLE)
                .map_err(system("poll a listener"))?;
            listeners.push(listener);
        }
        let clients_max = descriptors.clients_max();
        let clients_max = config.limits.clients_max.map_or(clients_max, |max| max.min(clients_max));
        Ok(Server {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN_MAX),
            listeners,
            signals: None,
            waker: Arc::new(waker),
            clients: Clients::new(
                config.limits.clone(),
                config.timeouts.clone(),
                SystemTime::UNIX_EPOCH,
            ),
            handler,
            limits: config.limits.clone(),
            timeouts: config.timeouts.clone(),
            clients_max,
            descriptors,
            began: Instant::now(),
            now: Time::START,
            date_due: Time::START,
            progress: Progress::Running,
            exhausted_until: None,
            crowd: Crowd::Fits,
        })
    }

    /// Has SIGINT, SIGTERM and SIGHUP stop the server: the first lets it drain, the second ends
    /// it at once. Without this call signals do what they do to every process.
    ///
    /// # Errors
    /// [`Error::System`] if the signals cannot be caught.
    pub fn handle_signals(&mut self) -> Result<(), Error> {
        let caught = signals::catch().and_then(|mut signals| {
            self.poll.registry().register(&mut signals, SIGNALS, Interest::READABLE)?;
            Ok(signals)
        });
        self.signals = Some(caught.map_err(|reason| Error::System("catch signals", reason))?);
        Ok(())
    }

    /// The addresses it listens at, with the ports that the system chose. Empty once it drains.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().map(|listener| listener.address).collect()
    }

    /// A handle by which another thread can stop it.
    pub fn handle(&self) -> StopHandle {
        StopHandle { waker: Arc::clone(&self.waker) }
    }

    /// What it has counted.
    pub fn metrics(&self) -> &Metrics {
        self.clients.metrics()
    }

    /// How many clients are connected.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// Those of the poll itself, which do not happen on a healthy system. Nothing that a client
    /// does is an error here.
    pub fn run(&mut self) -> io::Result<Stopped> {
        self.announce();
        loop {
            if let ControlFlow::Break(stopped) = self.turn(None)? {
                return Ok(stopped);
            }
        }
    }

    /// One turn of the loop: waits for events, at most for `timeout`, and acts on them. For
    /// programs with a loop of their own; deadlines are as punctual as turns are frequent.
    ///
    /// # Errors
    /// As [`Server::run`].
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<ControlFlow<Stopped>> {
        let timeout = self.poll_timeout(timeout);
        match self.poll.poll(&mut self.events, timeout) {
            Ok(()) => {}
            // A signal has come in between, for us or for nobody: the turn has no events.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        self.read_clock();
        self.note_events();
        self.clients.drive(self.now, &mut self.handler);
        self.clients.expire(self.now, &mut self.handler);
        self.register_writers();
        if self.clients.free() > 0 {
            self.exhausted_until = None;
        }
        self.accept();
        self.end_if_drained();
        self.clients.metrics_mut().turns += 1;
        match self.progress {
            Progress::Stopped(stopped) => Ok(ControlFlow::Break(stopped)),
            Progress::Running | Progress::Draining { .. } => Ok(ControlFlow::Continue(())),
        }
    }

    /// Not at all if somebody can go on without an event, else until the next deadline.
    fn poll_timeout(&self, wanted: Option<Duration>) -> Option<Duration> {
        // Whoever became idle in the last turn can be evicted in the next one.
        let next_turn = self.now + Duration::from_nanos(1);
        if self.clients.has_runnable() || self.may_accept(next_turn) {
            return Some(Duration::ZERO);
        }
        let drained_by = match self.progress {
            Progress::Draining { until } => Some(until),
            Progress::Running | Progress::Stopped(_) => None,
        };
        let dues = [self.clients.next_due(), drained_by, self.exhausted_until];
        let next = dues.into_iter().flatten().min().map(|due| due.since(self.now));
        next.into_iter().chain(wanted).min()
    }

    /// The only look at a clock, once a turn. The date is asked for once a second.
    fn read_clock(&mut self) {
        self.now = Time::after_start(self.began.elapsed());
        if self.now >= self.date_due {
            let date = SystemTime::now();
            let past_second = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let rest = 1_000_000_000 - u64::from(past_second.subsec_nanos());
            self.date_due = self.now + Duration::from_nanos(rest);
            self.clients.set_date(date);
        }
    }

    fn note_events(&mut self) {
        let mut told_to_stop = None;
        for event in &self.events {
            match event.token() {
                SIGNALS => {
                    let pending =
                        self.signals.as_mut().and_then(|signals| signals.pending().last());
                    told_to_stop = told_to_stop.or(pending.map(Some));
                }
                WAKER => told_to_stop = told_to_stop.or(Some(None)),
                Token(token) if token >= FIRST_LISTENER => {
                    if let Some(listener) = self.listeners.get_mut(token - FIRST_LISTENER) {
                        listener.ready = true;
                    }
                }
                Token(token) => self.clients.note(ClientId::from_bits(token as u64), told(event)),
            }
        }
        if let Some(signal) = told_to_stop {
            self.stop(signal);
        }
    }

    /// Has the poll report when those can be written whose last send did not take everything.
    fn register_writers(&mut self) {
        let registry = self.poll.registry();
        self.clients.ask_writable(|id, stream| {
            registry.reregister(stream, token(id), Interest::READABLE | Interest::WRITABLE)
        });
    }

    /// Whether a listener has connections for us, and there is or can be made room for one.
    fn may_accept(&self, now: Time) -> bool {
        self.listeners.iter().any(|listener| listener.ready)
            && self.exhausted_until.is_none_or(|until| now >= until)
            && (self.clients.len() < self.clients_max || self.clients.has_evictable(now))
    }

    /// Accepts from every ready listener, a bounded number of connections.
    fn accept(&mut self) {
        for index in 0..self.listeners.len() {
            for _ in 0..self.limits.accepts_per_turn_max {
                if !self.listeners[index].ready || !self.may_accept(self.now) {
                    break;
                }
                match self.listeners[index].accept() {
                    Accepted::Client(stream, peer) => self.admit(stream, peer),
                    Accepted::Nothing => break,
                    Accepted::Lost => {}
                    Accepted::Exhausted(reason) => self.make_room(&reason),
                }
            }
        }
    }

    fn admit(&mut self, stream: TcpStream, peer: SocketAddr) {
        if self.clients.len() >= self.clients_max {
            self.tell_of_crowd();
            self.clients.evict(self.now);
        } else if self.clients.len() < self.clients_max - self.clients_max / 16 {
            self.crowd = Crowd::Fits;
        }
        self.exhausted_until = None;
        let registry = self.poll.registry();
        let registered = self.clients.admit(stream, peer, self.now, |id, stream| {
            registry.register(stream, token(id), Interest::READABLE)
        });
        if let Err(reason) = registered {
            warn!("cannot poll a new client, so it is closed: {reason}");
        }
    }

    /// The system is out of descriptors or memory: an idle client goes, or accepting rests.
    fn make_room(&mut self, reason: &io::Error) {
        self.clients.metrics_mut().accepts_exhausted += 1;
        if self.crowd == Crowd::Fits {
            self.crowd = Crowd::Told;
            warn!(
                "cannot accept with {} clients ({reason}): the longest idle make room",
                self.clients.len()
            );
        }
        if !self.clients.evict(self.now) {
            self.exhausted_until = Some(self.now + EXHAUSTION_PAUSE);
        }
    }

    fn tell_of_crowd(&mut self) {
        if self.crowd == Crowd::Fits {
            self.crowd = Crowd::Told;
            warn!("{} clients are all there may be: the longest idle make room", self.clients_max);
        }
    }

    /// The first time: stops accepting and lets everybody finish. The second time: ends at once.
    fn stop(&mut self, signal: Option<i32>) {
        let by = signal.map_or("a handle", signals::name);
        match self.progress {
            Progress::Running => {
                info!("stopping by {by}: {} clients may finish", self.clients.len());
                // Whoever has connected by now is still served: closing the listener would reset
                // connections that wait in its queue.
                for listener in &mut self.listeners {
                    listener.ready = true;
                }
                while self.may_accept(self.now) {
                    self.accept();
                }
                self.listeners.clear();
                self.clients.drain();
                self.progress = Progress::Draining { until: self.now + self.timeouts.drain };
            }
            Progress::Draining { .. } => {
                warn!("stopping at once by {by}: {} clients are cut off", self.clients.len());
                self.clients.cut_off();
                self.progress =
                    Progress::Stopped(signal.map_or(Stopped::CutOff, Stopped::Signalled));
            }
            Progress::Stopped(_) => {}
        }
    }

    fn end_if_drained(&mut self) {
        let Progress::Draining { until } = self.progress else { return };
        if self.clients.is_empty() {
            info!("stopped");
            self.progress = Progress::Stopped(Stopped::Drained);
        } else if self.now >= until {
            warn!("stopped: {} clients were not done in time", self.clients.len());
            self.clients.cut_off();
            self.progress = Progress::Stopped(Stopped::CutOff);
        }
    }

    /// Says in the log where it listens and what its limits are.
    fn announce(&self) {
        for listener in &self.listeners {
            info!("listening on http://{}/", listener.address);
        }
        let Timeouts { first_byte, head, typing_grace, body, write, idle, linger, drain } =
            &self.timeouts;
        let grace = typing_grace.map_or(String::new(), |grace| format!(", typing grace {grace:?}"));
        let client_bytes = size_of::<usize>() * 16 + self.limits.client_bytes_max();
        let worst = client_bytes as u128 * self.clients_max as u128 / (1024 * 1024);
        info!(
            "limits: descriptors {} -> {}, clients {}, first byte {first_byte:?}, head \
             {head:?}{grace}, body {body:?}, write {write:?}, idle {idle:?}, linger {linger:?}, \
             drain {drain:?}, memory at worst {worst} MiB",
            self.descriptors.before, self.descriptors.now, self.clients_max
        );
        if self.limits.clients_max.is_some_and(|wanted| wanted > self.clients_max) {
            warn!(
                "the descriptor limit allows only {} of the clients wanted; raise it (ulimit -Hn)",
                self.clients_max
            );
        }
    }
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("listeners", &self.listeners)
            .field("clients", &self.clients.len())
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}

fn token(id: ClientId) -> Token {
    Token(id.to_bits() as usize)
}

/// What an event tells of a stream. An error is learnt by the next call, whichever that is.
fn told(event: &Event) -> Readiness {
    Readiness {
        readable: event.is_readable() || event.is_error(),
        writable: event.is_writable() || event.is_error() || event.is_write_closed(),
        read_closed: event.is_read_closed(),
    }
}

impl Stream for TcpStream {
    fn shutdown_write(&self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }

    fn reset_on_drop(&self) -> io::Result<()> {
        socket2::SockRef::from(self).set_linger(Some(Duration::ZERO))
    }
}
