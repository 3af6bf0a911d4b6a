//! The loop: one `mio::Poll`, its listeners, its signals, its clock.
//!
//! [`Server::turn`] waits for events and lets its [`Engine`]s take a turn with them: first the admin
//! listener's, if there is one, which may hold the public's; then the public's. The bit [`ADMIN_CLIENT`]
//! of a token says whose event it is. Only this file and its neighbours know mio and read a clock: once
//! a turn, and once more in slow motion or while there are watchers.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use crate::admin;
use crate::answer::handler::{Handler, Needs};
use crate::config::{AdminListener, Config, Limits, Listen, Timeouts};
use crate::engine::socket::Interest as Wanted;
use crate::engine::{Admission, ClientId, Clients, Engine, Host, Stopped};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::server::alarm::Alarm;
use crate::server::descriptors::Descriptors;
use crate::server::listener::Listener;
use crate::server::pace::Paced;
use crate::server::signals::{Signals, StopHandle, StopRequests};
use crate::system_calls::{self, Call, Reported};
use crate::time::{Time, sooner};
use crate::watch::{LoopEvent, Observer, Patience, Tracer};

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "oneloop needs a 64-bit target: the token of an event holds a slab key and a \
     generation, 32 bits each"
);

mod admin_side;
pub(crate) mod alarm;
mod announcing;
pub(crate) mod descriptors;
pub(crate) mod listener;
pub(crate) mod pace;
mod polling;
pub(crate) mod signals;
mod stopping;
pub(crate) mod stream;
mod worst;

use admin_side::AdminSide;
use polling::PollFailures;

/// How many events one poll can return: as many ordinary requests as a turn's budget allows. More
/// wait in the kernel for the next poll. If a poll returned more than are worked on, the clients
/// would wait on the run queue instead, which would have to grow.
const EVENTS_PER_TURN_MAX: usize = 256;

/// Tokens from here on are not clients': no client has the generation `u32::MAX`.
const FIRST_LISTENER: usize = usize::MAX - u32::MAX as usize;
const SIGNALS: Token = Token(usize::MAX);
const WAKER: Token = Token(usize::MAX - 1);
const ALARM: Token = Token(usize::MAX - 2);
const ADMIN: Token = Token(usize::MAX - 3);

/// In the token of a client of the admin listener: no slot has a number as high as this.
const ADMIN_CLIENT: usize = 1 << 31;

/// A server that has bound its addresses.
///
/// It stays on the thread that has bound it, so its handler and its sources may share what cannot be
/// sent to another, such as an `Rc`. To run it on a thread of its own, bind it there, and send back
/// what the others need: its addresses and a [`StopHandle`].
///
/// ```
/// use oneloop::{Config, Listen, Reply, Request, Server};
///
/// let mut config = Config::default();
/// config.listen = vec![Listen::Everywhere(0)];
/// let mut server = Server::bind(&config, |request: &Request<'_>, reply: Reply<'_>| {
///     reply.send(request.path())
/// })?;
/// println!("at {:?}", server.local_addrs());
///
/// let handle = server.stop_handle();
/// std::thread::spawn(move || handle.stop());
/// server.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Server<H> {
    poll: Poll,
    events: Events,
    poll_failures: PollFailures,
    reported: Reported,
    /// The public's. That of the admin listener is in `showing`.
    engine: Engine<Listener>,
    admin_side: Option<AdminSide>,
    signals: Option<Signals>,
    waker: Arc<Waker>,
    stop_requests: StopRequests,
    alarm: Alarm,
    tracer: Tracer,
    handler: H,
    needs: Needs,
    limits: Limits,
    timeouts: Timeouts,
    descriptors: Descriptors,
    began: Instant,
    now: Time,
    /// When `Date` has to be formatted again.
    date_due: Time,
    clock: Clock,
    /// Stops that are written down and not acted on yet, each with its signal, or by a handle.
    stops: VecDeque<Option<i32>>,
}

/// What the server's clock does while a turn is worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    Runs,
    /// It stands still: in slow motion time passes only while the loop sleeps.
    Stands,
}

impl<H: Handler> Server<H> {
    /// Checks `config`, raises the process's descriptor limit to its hard limit, and binds every
    /// address.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself, [`Error::Bind`] if an address
    /// cannot be listened at, [`Error::System`] if the system has no poll for us.
    pub fn bind(config: &Config, mut handler: H) -> Result<Server<H>, Error> {
        config.check()?;
        let descriptors = descriptors::raise_limit();
        let poll = Poll::new().map_err(Error::system("create a poll"))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(Error::system("create a waker"))?;
        let (backlog, delivery) = (config.limits.backlog, config.timeouts.delivery());
        let mut listeners = Vec::new();
        for (index, place) in config.listen.iter().enumerate() {
            let token = Token(FIRST_LISTENER + index);
            listeners.push(Listener::polled(&poll, token, *place, backlog, delivery)?);
        }
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.address).collect();
        let tracer = Tracer::default();
        let open_admin = |admin: AdminListener| {
            let at = Listen::At(admin.address);
            let listener = Listener::polled(&poll, ADMIN, at, backlog, delivery)?;
            Ok(AdminSide::new(listener, admin, config, addresses, &tracer))
        };
        let admin_side = config.admin.map(open_admin).transpose()?;
        let needs = handler.needs(usize::try_from(descriptors.now).unwrap_or(usize::MAX));
        let admins = admin_side.as_ref().map_or(0, |_| admin::CLIENTS_MAX);
        let clients_max = descriptors.clients_max(admins + listeners.len() + needs.files);
        let clients_max = config.limits.clients_max.map_or(clients_max, |max| max.min(clients_max));
        let admission = Admission::new(listeners, clients_max, config.limits.accepts_per_turn_max);
        let alarm = Alarm::new(poll.registry(), ALARM);
        let (limits, timeouts) = (config.limits.clone(), config.timeouts.clone());
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        let waker = Arc::new(waker);
        let bell = Arc::clone(&waker);
        // If the system refuses, the source is asked in the next turn, or when it has waited enough.
        clients.ring_when_woken(Box::new(move || _ = bell.wake()));
        clients.watch(tracer.watcher());
        let engine = Engine::new(clients, admission);
        Ok(Server {
            poll,
            events: Events::with_capacity(EVENTS_PER_TURN_MAX),
            poll_failures: PollFailures::default(),
            reported: Reported::default(),
            engine,
            admin_side,
            signals: None,
            waker,
            stop_requests: StopRequests::default(),
            alarm,
            tracer,
            handler,
            needs,
            limits: config.limits.clone(),
            timeouts: config.timeouts.clone(),
            descriptors,
            began: Instant::now(),
            now: Time::START,
            date_due: Time::START,
            clock: Clock::Runs,
            stops: VecDeque::new(),
        })
    }

    /// Has SIGINT, SIGTERM and SIGHUP stop the server: the first lets it drain, the second ends
    /// it at once, even if both come between two turns. One that the process was started with
    /// ignored stays ignored.
    ///
    /// SIGXFSZ is caught as well, and does nothing: if standard error goes to a file that has become
    /// as long as it may (`RLIMIT_FSIZE`), the log cannot be written, and the server goes on.
    ///
    /// Without this call, and again once the server is dropped, signals do what they do to every
    /// process. A program that wants a handler of its own for one of them installs it before.
    ///
    /// # Errors
    /// [`Error::System`] if the signals cannot be caught.
    pub fn handle_signals(&mut self) -> Result<(), Error> {
        // Those that were caught before go first, so that none is caught twice.
        self.signals = None;
        let caught = Signals::catch(self.poll.registry(), SIGNALS, &self.stop_requests);
        self.signals = Some(caught.map_err(Error::system("catch signals"))?);
        Ok(())
    }

    /// The addresses it listens at, with the ports that the system chose. Empty once it drains.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.engine.admission().listeners().map(|listener| listener.address).collect()
    }

    /// The address of [`Config::admin`], with the port that the system chose.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_side.as_ref().map(AdminSide::address)
    }

    /// A handle by which another thread can stop it.
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle { waker: Arc::clone(&self.waker), stop_requests: self.stop_requests.clone() }
    }

    /// Tells `observer` of every step from now on, instead of the observer before.
    ///
    /// ```
    /// use oneloop::{Config, Event, Listen, Reply, Request, Server};
    ///
    /// let mut config = Config::default();
    /// config.listen = vec![Listen::Everywhere(0)];
    /// let mut server = Server::bind(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hi"))?;
    /// server.observe(|event: &Event| println!("{:?} {event}", event.at));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn observe(&mut self, observer: impl Observer + 'static) {
        self.clock = Clock::Runs;
        self.tracer.observe(Box::new(observer));
    }

    /// As [`Server::observe`], and rests for `pause` after each step that is told, for a person to
    /// follow. All clients wait meanwhile, but nothing is lost, and none times out: in slow motion
    /// time passes only while the loop sleeps. Once it is told to stop, the server no longer rests.
    pub fn observe_slowly(&mut self, observer: impl Observer + 'static, pause: Duration) {
        self.clock = Clock::Stands;
        self.tracer.observe(Box::new(Paced {
            observer,
            pause,
            stop_requests: self.stop_requests.clone(),
        }));
    }

    /// What it has counted, without what clients of the admin listener did.
    pub fn metrics(&self) -> &Metrics {
        self.engine.clients().metrics()
    }

    /// How many clients are connected; those of the admin listener are not counted.
    pub fn clients(&self) -> usize {
        self.engine.clients().len()
    }

    /// How many clients there may be at once.
    pub fn clients_max(&self) -> usize {
        self.engine.admission().clients_max()
    }

    /// How many files the handler may have open at once: see [`Needs`](crate::Needs).
    pub fn files_max(&self) -> usize {
        self.needs.files
    }

    /// Serves until told to stop.
    ///
    /// # Errors
    /// Those of the poll itself, if it has failed for five seconds. Nothing that a client does is
    /// an error here.
    pub fn run(&mut self) -> io::Result<Stopped> {
        self.run_beside(|| None)
    }

    /// As [`Server::run`], and does something else before each turn: `chore`, which must not wait,
    /// and says when it is to be called again at the latest, if it has to be.
    ///
    /// # Errors
    /// As [`Server::run`].
    pub fn run_beside(
        &mut self,
        mut chore: impl FnMut() -> Option<Duration>,
    ) -> io::Result<Stopped> {
        self.announce();
        loop {
            if let ControlFlow::Break(stopped) = self.turn(chore())? {
                return Ok(stopped);
            }
        }
    }

    /// One turn of the loop: waits for events, at most for `timeout`, and acts on them. For
    /// programs with a loop of their own; deadlines are as punctual as turns are frequent. Once it
    /// has stopped, it only says so.
    ///
    /// # Errors
    /// As [`Server::run`].
    pub fn turn(&mut self, timeout: Option<Duration>) -> io::Result<ControlFlow<Stopped>> {
        if let Some(stopped) = self.stopped() {
            return Ok(ControlFlow::Break(stopped));
        }
        let timeout = self.poll_timeout(timeout);
        let patience = match timeout {
            Some(Duration::ZERO) => Patience::Looked,
            Some(_) | None => Patience::Waited,
        };
        let rests_from = self.on_rest();
        self.poll_events(timeout)?;
        self.read_clock();
        self.on_rested(rests_from);
        self.note_events(patience);
        self.note_stops();
        self.serve_admin();
        self.serve_public();
        self.end_admin();
        self.tell_of_failures();
        let stopped = self.stopped();
        if stopped.is_some() {
            self.tracer.tell_of_loop(self.now, LoopEvent::Stopped);
        }
        self.leave_out_pauses();
        self.tracer.resume_panic();
        Ok(stopped.map_or(ControlFlow::Continue(()), ControlFlow::Break))
    }

    /// The public's clients take their turn, unless they are held.
    fn serve_public(&mut self) {
        if self.engine.stopped().is_some() {
            return;
        }
        if self.holds_public() {
            self.engine.clients_mut().metrics_mut().turns += 1;
            return;
        }
        let now = self.public_time();
        let mut host = Registrar { registry: self.poll.registry(), mark: 0 };
        let went_on = self.engine.turn(now, &mut self.handler, &mut host);
        if let ControlFlow::Break(stopped) = went_on {
            self.tell_of_end(stopped);
        }
    }

    /// Not at all if the next turn is due, else until it is.
    fn poll_timeout(&mut self, wanted: Option<Duration>) -> Option<Duration> {
        let stops = (!self.stops.is_empty()).then_some(self.now);
        let due = sooner(sooner(self.public_due(), self.admin_due()), stops);
        sooner(self.alarm.set(due, self.now), wanted)
    }

    /// What time it is for everything in this turn. The date is asked for once a second.
    fn read_clock(&mut self) {
        self.now = Time::after_start(self.began.elapsed());
        if self.now >= self.date_due {
            let date = SystemTime::now();
            let past_second = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let rest = 1_000_000_000 - u64::from(past_second.subsec_nanos());
            self.date_due = self.now + Duration::from_nanos(rest);
            self.engine.clients_mut().set_date(date);
            if let Some(admin_side) = &mut self.admin_side {
                admin_side.engine.clients_mut().set_date(date);
            }
        }
    }

    /// In slow motion, the time that this turn has taken is taken out of the clock again.
    fn leave_out_pauses(&mut self) {
        if self.clock == Clock::Stands {
            self.began += Time::after_start(self.began.elapsed()).since(self.now);
            // The world's clock has not stood still.
            self.date_due = Time::START;
        }
    }

    fn note_events(&mut self, patience: Patience) {
        let public_time = self.public_time();
        let Server { engine, admin_side, tracer, events, alarm, now, .. } = self;
        tracer.on_polled(|| events.iter().count(), patience, *now);
        engine.clients_mut().on_polled(public_time);
        let mut admin_side = admin_side.as_mut();
        if let Some(admin_side) = &mut admin_side {
            admin_side.engine.clients_mut().on_polled(*now);
        }
        for event in &*events {
            match event.token() {
                // They only wake the loop. What they stand for is looked at in each turn.
                SIGNALS | WAKER => {}
                ALARM => alarm.on_ready(),
                ADMIN => {
                    if let Some(admin_side) = &mut admin_side {
                        admin_side.engine.on_listener_ready(0);
                    }
                }
                Token(token) if token >= FIRST_LISTENER => {
                    let index = token - FIRST_LISTENER;
                    engine.on_listener_ready(index);
                    let mut listeners = engine.admission().listeners();
                    let address = listeners.nth(index).map(|listener| listener.address);
                    drop(listeners);
                    if let Some(address) = address {
                        tracer.tell_of_loop(*now, LoopEvent::ListenerReady { address });
                    }
                }
                Token(token) if token & ADMIN_CLIENT == 0 => {
                    note_event(engine.clients_mut(), token, event);
                }
                Token(token) => {
                    if let Some(admin_side) = &mut admin_side {
                        note_event(admin_side.engine.clients_mut(), token ^ ADMIN_CLIENT, event);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn note_event(clients: &mut Clients<TcpStream>, token: usize, event: &Event) {
    let id = ClientId::from_bits(token as u64);
    clients.note(id, event.into());
    if event.is_error() || event.is_write_closed() {
        clients.note_lost(id);
    }
}

/// Asks the poll to report what clients have come to wait for, by tokens with this mark.
struct Registrar<'p> {
    registry: &'p Registry,
    mark: usize,
}

impl Host<TcpStream> for Registrar<'_> {
    fn register(
        &mut self,
        id: ClientId,
        stream: &mut TcpStream,
        before: Wanted,
        wanted: Wanted,
    ) -> io::Result<()> {
        let token = Token(id.to_bits() as usize | self.mark);
        let interest = match wanted {
            Wanted::Nothing | Wanted::Readable => Interest::READABLE,
            Wanted::ReadableAndWritable => Interest::READABLE | Interest::WRITABLE,
        };
        let registered = match before {
            Wanted::Nothing => self.registry.register(stream, token, interest),
            Wanted::Readable | Wanted::ReadableAndWritable => {
                self.registry.reregister(stream, token, interest)
            }
        };
        registered.inspect_err(|reason| self.on_refused(stream, before, reason))
    }
}

impl Registrar<'_> {
    #[cold]
    fn on_refused(&self, stream: &mut TcpStream, before: Wanted, reason: &io::Error) {
        let is_shortage = system_calls::is_shortage(reason);
        system_calls::note(if is_shortage { Call::RegisterMore } else { Call::Register }, reason);
        if before == Wanted::Nothing {
            // In a debug build mio takes a stream for registered that was refused, until it is told
            // otherwise. The system has nothing to undo, and says so.
            let _ = self.registry.deregister(stream);
        }
    }
}

/// The end of a connection can be taken for the end of its answer, so answers that are not whole end
/// by a reset.
impl<H> Drop for Server<H> {
    fn drop(&mut self) {
        self.engine.cut_off();
        if let Some(admin_side) = &mut self.admin_side {
            admin_side.engine.cut_off();
        }
    }
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("engine", &self.engine).finish_non_exhaustive()
    }
}
