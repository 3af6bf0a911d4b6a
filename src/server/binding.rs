//! What a program does with a server before it runs, and asks of it: addresses, signals, observers.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::{Events, Poll, Token, Waker};

use super::admin_side::AdminSide;
use super::descriptors::{self, Descriptors};
use super::handing_over::Takeover;
use super::polling::PollFailures;
use super::takeover::Role;
use super::worst::Answers;
use super::{ALARM, EVENTS_PER_TURN_MAX, FIRST_LISTENER, SIGNALS, Server, WAKER};
use crate::answer::handler::Handler;
use crate::config::{Config, Limits, LocalAddress};
use crate::engine::{Admission, Clients, Engine, StopStep};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::server::alarm::Alarm;
use crate::server::outlet::Outlet;
use crate::server::pace::{Clock, Paced};
use crate::server::signals::{Signals, StopHandle, StopRequests};
use crate::system_calls::Reported;
use crate::time::Time;
use crate::watch::{AccessLog, Observer, Tracer};

impl<H: Handler> Server<H> {
    /// Checks `config`, raises the process's descriptor limit to its hard limit, and binds every
    /// address, or [takes it over](Server::take_over).
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself, [`Error::Bind`] if an address
    /// cannot be listened at, [`Error::Takeover`] if another process does not hand its listeners over,
    /// [`Error::System`] if the system has no poll for us.
    pub fn bind(config: &Config, mut handler: H) -> Result<Server<H>, Error> {
        config.check()?;
        let descriptors = descriptors::raise_limit();
        let poll = Poll::new().map_err(Error::system("create a poll"))?;
        let waker = Waker::new(poll.registry(), WAKER).map_err(Error::system("create a waker"))?;
        let mut takeover = Takeover::begin(config, poll.registry())?;
        let mut listeners = Vec::new();
        for (index, place) in config.listen.iter().enumerate() {
            let token = Token(FIRST_LISTENER + index);
            listeners.push(takeover.listener(Role::Public, place, poll.registry(), token)?);
        }
        let addresses: Vec<_> = listeners.iter().map(|listener| listener.address).collect();
        let tracer = Tracer::default();
        let admin_side = AdminSide::open(config, &poll, &mut takeover, addresses, &tracer)?;
        let needs = handler.needs(usize::try_from(descriptors.now).unwrap_or(usize::MAX));
        let admins = admin_side.as_ref().map_or(0, AdminSide::clients_max);
        let set_apart = admins + listeners.len() + needs.files;
        let clients_max = clients_max(&config.limits, descriptors, set_apart);
        let admission = Admission::new(listeners, clients_max, config.limits.accepts_per_turn_max);
        let began = Instant::now();
        let alarm = Alarm::new(poll.registry(), ALARM, began);
        let (limits, timeouts) = (config.limits.clone(), config.timeouts.clone());
        let mut clients = Clients::new(limits, timeouts, SystemTime::UNIX_EPOCH);
        clients.set_proxies(config.proxied_by.clone());
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
            takeover,
            signals: None,
            manager: None,
            waker,
            stop_requests: StopRequests::default(),
            alarm,
            tracer,
            handler,
            needs,
            answers: Answers::Untold,
            limits: config.limits.clone(),
            timeouts: config.timeouts.clone(),
            descriptors,
            began,
            now: Time::START,
            date_due: Time::START,
            clock: Clock::Runs,
            stops: VecDeque::new(),
            told_step: None,
            outlets: Vec::new(),
        })
    }

    /// Has SIGINT and SIGTERM stop the server: the first lets it drain, the second ends it at once,
    /// even if both come between two turns. One that the process was started with ignored stays
    /// ignored.
    ///
    /// SIGHUP has the handler read things again: see [`Server::reload`]. If the process was started
    /// at a terminal which has been closed since, it stops the server, as the other two do.
    ///
    /// If lines go to a file by then ([`Outlet::file`]), SIGUSR1 has it opened again: for a program that
    /// rotates logs.
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
        let mut caught = caught.map_err(Error::system("catch signals"))?;
        if self.outlets.iter().any(Outlet::is_file) {
            let (registry, requests) = (self.poll.registry(), &self.stop_requests);
            let reopening = caught.catch_reopening(registry, SIGNALS, requests);
            reopening.map_err(Error::system("catch signals"))?;
        }
        self.signals = Some(caught);
        Ok(())
    }

    /// The addresses it listens at, with the ports that the system chose, without Unix sockets. Empty
    /// once it drains.
    pub fn local_addrs(&self) -> Vec<SocketAddr> {
        self.local_places().iter().filter_map(LocalAddress::internet).collect()
    }

    /// Everything it listens at, in the order of [`Config::listen`]. Empty once it drains.
    pub fn local_places(&self) -> Vec<LocalAddress> {
        self.engine.admission().listeners().map(|listener| listener.address).collect()
    }

    /// The address of [`Config::admin`], with the port that the system chose; `None` if it is a Unix
    /// socket.
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin_place()?.internet()
    }

    /// Where [`Config::admin`] is.
    pub fn admin_place(&self) -> Option<LocalAddress> {
        self.admin_side.as_ref()?.admin_place()
    }

    /// Where [`Config::health`] is, with the port that the system chose.
    pub fn health_place(&self) -> Option<LocalAddress> {
        self.admin_side.as_ref()?.health_place()
    }

    /// A handle by which another thread can stop it.
    ///
    /// ```
    /// use oneloop::{Config, Listen, Reply, Request, Server};
    ///
    /// let mut config = Config::default();
    /// config.listen = vec![Listen::everywhere(0)];
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
    pub fn stop_handle(&self) -> StopHandle {
        StopHandle { waker: Arc::clone(&self.waker), stop_requests: self.stop_requests.clone() }
    }

    /// In which step of its end it is, once it was told to stop: so that a handler of health checks can
    /// say so.
    pub fn stop_step(&self) -> Option<StopStep> {
        self.engine.stop_step()
    }

    /// Tells `observer` of every step from now on, instead of the observer before.
    ///
    /// ```
    /// use oneloop::{Config, Event, Listen, Reply, Request, Server};
    ///
    /// let mut config = Config::default();
    /// config.listen = vec![Listen::everywhere(0)];
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

    /// Writes a line for each answer to the public, from now on. Where the lines go is said by
    /// [`Server::write_to`].
    ///
    /// ```
    /// use oneloop::journal::{Format, Journal};
    /// use oneloop::watch::AccessLog;
    /// use oneloop::{Config, Listen, Outlet, Reply, Request, Server};
    ///
    /// let mut config = Config::default();
    /// config.listen = vec![Listen::everywhere(0)];
    /// let mut server = Server::bind(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hi"))?;
    /// let journal = Journal::default();
    /// server.log_answers(AccessLog::new(Format::Combined, journal.clone()));
    /// server.write_to(Outlet::standard_error(journal));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn log_answers(&mut self, log: AccessLog) {
        self.answers = Answers::Logged;
        log.watch(self.engine.clients_mut());
    }

    /// Writes the lines of this outlet's journal at the end of each turn, by one call and without
    /// waiting for its reader. Lines of an [`AccessLog`] may wait for others for up to 50 ms, unless
    /// they tell of a failure. Several outlets may be added.
    ///
    /// ```
    /// use oneloop::journal::Journal;
    /// use oneloop::{Config, Event, Listen, Outlet, Reply, Request, Server};
    ///
    /// let mut config = Config::default();
    /// config.listen = vec![Listen::everywhere(0)];
    /// let mut server = Server::bind(&config, |_: &Request<'_>, reply: Reply<'_>| reply.send("hi"))?;
    /// let journal = Journal::default();
    /// server.write_to(Outlet::standard_error(journal.clone()));
    /// server.observe(move |event: &Event| journal.push(format!("{event}\n").as_bytes()));
    /// # Ok::<(), oneloop::Error>(())
    /// ```
    pub fn write_to(&mut self, outlet: Outlet) {
        self.outlets.push(outlet);
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
}

impl<H: Handler> Server<H> {
    /// Asks the handler again what it needs, and says whether that has changed. Clients beyond a number
    /// that is lower now may stay.
    pub(super) fn ask_needs_again(&mut self) -> bool {
        let needs = self.handler.needs(usize::try_from(self.descriptors.now).unwrap_or(usize::MAX));
        let has_changed = needs != self.needs;
        self.needs = needs;
        let admins = self.admin_side.as_ref().map_or(0, AdminSide::clients_max);
        let listeners = self.engine.admission.listeners().count();
        let set_apart = admins + listeners + needs.files;
        let clients_max = clients_max(&self.limits, self.descriptors, set_apart);
        self.engine.admission.set_clients_max(clients_max);
        has_changed
    }
}

/// How many clients there may be, if this many descriptors are for others.
fn clients_max(limits: &Limits, descriptors: Descriptors, set_apart: usize) -> usize {
    let possible = descriptors.clients_max(set_apart);
    limits.clients_max.map_or(possible, |max| max.min(possible))
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("engine", &self.engine).finish_non_exhaustive()
    }
}
