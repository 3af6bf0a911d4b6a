//! What a takeover does to the server: a new process gets the listeners, and the old one drains.
//!
//! The old one offers all that it listens at. What the new one takes is dropped here at once, and so
//! are no connections: the listener is one object of the kernel with one queue, and the new process has
//! it as well. What it does not take is closed as by a stop. Then the clients finish.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use log::{info, warn};
use mio::{Registry, Token};

use super::takeover::{Described, Giver, Offer, Role, Successor, Wish};
use super::unix_socket::{self, Existing};
use super::{FIRST_LISTENER, Server};
use crate::answer::handler::Handler;
use crate::config::{Config, Listen, UnixName, UnixSocket};
use crate::error::Error;
use crate::server::listener::{Listener, ListenerSettings, Port};
use crate::time::Time;
use crate::watch::{Count, LoopEvent};

/// The token below those of the server itself.
pub(super) const TAKEOVER: Token = Token(usize::MAX - 5);

/// Who may connect to take over: the same user.
const MODE: u32 = 0o600;

/// How many new processes may wait for one that takes over.
const BACKLOG: i32 = 16;

/// Between a server and the process before it, and the one behind it.
pub(super) struct Takeover {
    /// Where both meet, if they are to.
    path: Option<PathBuf>,
    settings: ListenerSettings,
    /// Until the listeners of the process before are this one's.
    successor: Option<Successor>,
    /// For the process behind this one.
    giver: Option<Giver>,
    state: State,
}

/// How the server has come to its listeners, and whether it has them still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// None was before it.
    First,
    /// It has taken over. The watchdog of the process before may hear nothing for this time.
    Successor { watchdog: Option<Duration> },
    /// Another process has them. The first that tells it to stop may not have known that.
    Predecessor,
    /// The same, and it was told to stop before or since.
    ToldToStop,
}

impl Takeover {
    /// Asks the process that listens at the path of `config` for its listeners. If none does, listens
    /// there.
    pub(super) fn begin(config: &Config, registry: &Registry) -> Result<Takeover, Error> {
        let (backlog, delivery) = (config.limits.backlog, config.timeouts.delivery());
        let port = if config.reuse_port { Port::Shared } else { Port::OneProcess };
        let settings = ListenerSettings { backlog, delivery, port };
        let path = config.takeover.as_ref().and_then(UnixName::as_path);
        // As seen from the root: the program may change its directory.
        let path = path.map(std::path::absolute).transpose();
        let path = path.map_err(Error::system("find the directory of the takeover's socket"))?;
        let (successor, giver, state) = (None, None, State::First);
        let mut takeover = Takeover { path, settings, successor, giver, state };
        if let Some(path) = takeover.path.clone() {
            takeover.successor = Successor::ask(&path).map_err(refused(&path))?;
            match &takeover.successor {
                Some(successor) => {
                    info!("taking over from {} at {}", successor.old(), path.display());
                    takeover.state = State::Successor { watchdog: successor.watchdog() };
                }
                None => takeover.listen(&path, Existing::MustBeStale, registry)?,
            }
        }
        Ok(takeover)
    }

    fn listen(
        &mut self,
        path: &Path,
        existing: Existing,
        registry: &Registry,
    ) -> Result<(), Error> {
        let giver = UnixName::path(path).map_err(io::Error::other).and_then(|name| {
            let socket = UnixSocket { mode: MODE, ..UnixSocket::new(name) };
            let (listener, file) = unix_socket::bind_at(path, &socket, BACKLOG, existing)?;
            Giver::new(listener, file, registry, TAKEOVER)
        });
        self.giver = Some(giver.map_err(refused(path))?);
        Ok(())
    }

    /// A listener at `place`, taken over or bound, which the poll reports by `token`.
    pub(super) fn listener(
        &mut self,
        role: Role,
        place: &Listen,
        registry: &Registry,
        token: Token,
    ) -> Result<Listener, Error> {
        let told = place.endpoint.told();
        let taken = self.successor.as_mut().and_then(|successor| successor.take(role, &told));
        let mut listener = match taken {
            Some(taken) => Listener::taken_over(place, taken)?,
            None => Listener::bind(place, self.settings_for(role))?,
        };
        let registered = listener.register(registry, token);
        registered.map_err(Error::system("poll a listener"))?;
        Ok(listener)
    }

    /// A port of the server's own is for one process: another could not tell what this one does.
    fn settings_for(&self, role: Role) -> ListenerSettings {
        match role {
            Role::Public => self.settings,
            Role::Admin | Role::Health => {
                ListenerSettings { port: Port::OneProcess, ..self.settings }
            }
        }
    }

    /// The poll has reported its socket.
    pub(super) fn on_ready(&mut self) {
        self.giver.iter_mut().for_each(Giver::on_ready);
    }

    /// When it has to be looked at without an event.
    pub(super) fn due(&self) -> Option<Time> {
        self.giver.as_ref().and_then(Giver::due)
    }

    /// If this process has taken over: how long the watchdog of the one before may hear nothing.
    pub(super) fn successor(&self) -> Option<Option<Duration>> {
        match self.state {
            State::Successor { watchdog } => Some(watchdog),
            State::First | State::Predecessor | State::ToldToStop => None,
        }
    }

    /// Whether the server is told to stop for the first time since another process has taken over.
    pub(super) fn take_first_stop(&mut self) -> bool {
        let is_first = self.state == State::Predecessor;
        if is_first {
            self.state = State::ToldToStop;
        }
        is_first
    }
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |reason| Error::Takeover { path, reason }
}

impl<H: Handler> Server<H> {
    /// With [`Config::takeover`], tells the process before this one that this one has started: the
    /// listeners are this one's from now on, and the other drains and ends. [`Server::run`] begins with
    /// this call; a program with a loop of its own makes it before its first [`Server::turn`]. It waits
    /// for the other for five seconds at most. Without another process it does nothing.
    ///
    /// # Errors
    /// [`Error::Takeover`] if the other process does not give its listeners away. It goes on serving, and
    /// this one must not.
    pub fn take_over(&mut self) -> Result<(), Error> {
        let Some(mut successor) = self.takeover.successor.take() else { return Ok(()) };
        let path = successor.path().to_owned();
        successor.become_owner().map_err(refused(&path))?;
        let settings = self.takeover.settings;
        let admin_side = self.admin_side.iter_mut().flat_map(|it| it.listeners_mut());
        let public = self.engine.admission.listeners_mut();
        for listener in public.chain(admin_side.map(|(_, listener)| listener)) {
            if let Err(reason) = listener.keep(settings) {
                warn!("{} stays as it was before the takeover: {reason}", listener.address);
            }
        }
        self.takeover.listen(&path, Existing::IsLeft, self.poll.registry())?;
        info!("taken over from {}", successor.old());
        Ok(())
    }

    /// Does what a new process waits for, if one has come.
    #[inline]
    pub(super) fn go_on_handing_over(&mut self) {
        if self.takeover.giver.as_ref().is_some_and(|giver| giver.is_due(self.now)) {
            self.look_at_new_process();
        }
    }

    #[cold]
    fn look_at_new_process(&mut self) {
        let Some(giver) = &mut self.takeover.giver else { return };
        let wish = giver.look(self.poll.registry(), TAKEOVER, self.now);
        match wish {
            Wish::Nothing => {}
            Wish::Offer => self.offer_listeners(),
            Wish::Leave(taken) => self.hand_over(&taken),
        }
    }

    fn offer_listeners(&mut self) {
        let Server { poll, engine, admin_side, takeover, manager, now, .. } = self;
        let Some(giver) = &mut takeover.giver else { return };
        let watchdog = manager.as_ref().and_then(|manager| manager.watchdog());
        let mut offer = Offer { watchdog, places: Vec::new() };
        let mut descriptors = Vec::new();
        let public = engine.admission.listeners_mut().map(|listener| (Role::Public, listener));
        let own = admin_side.iter_mut().flat_map(|it| it.listeners_mut());
        for (role, listener) in public.chain(own) {
            let (file, place) = (listener.file(), listener.place.endpoint.told());
            offer.places.push(Described { role, file, place });
            match listener.share(poll.registry()) {
                Ok(descriptor) => descriptors.push(descriptor),
                Err(reason) => return giver.refuse(&reason.to_string()),
            }
        }
        giver.offer(&offer, &descriptors, *now);
    }

    /// The listeners with these numbers, in the order in which they were offered, belong to the new
    /// process.
    fn hand_over(&mut self, taken: &[usize]) {
        let (clients, now) = (self.engine.clients().len(), self.now);
        if let Some(giver) = self.takeover.giver.take() {
            info!("{} has taken over: {} may finish", giver.taker(), Count(clients, "client"));
            // The manager is told no more: what it would hear of this process is not about its service.
            if let (Some(manager), Some(pid)) = (self.manager.take(), giver.taker_pid()) {
                manager.hand_over_to(pid);
            }
            giver.leave();
        }
        let is_first = !self.engine.is_stopping();
        self.takeover.state = match is_first {
            true => State::Predecessor,
            false => State::ToldToStop,
        };
        self.release_public();
        let (public_time, registry) = (self.public_time(), self.poll.registry());
        let mut numbers = 0..;
        let mut is_taken = |listener: &mut Listener| {
            let is_taken = numbers.next().is_some_and(|number| taken.contains(&number));
            if is_taken {
                listener.let_go_of_file();
            }
            is_taken
        };
        self.engine.hand_over(&mut is_taken, public_time);
        if let Some(admin_side) = &mut self.admin_side {
            admin_side.hand_over(&mut is_taken);
        }
        // Those that are left have other places among the listeners now.
        for (index, listener) in self.engine.admission.listeners_mut().enumerate() {
            if let Err(reason) = listener.reregister(registry, Token(FIRST_LISTENER + index)) {
                warn!("the last connections at {} may be lost: {reason}", listener.address);
            }
        }
        if is_first {
            let by = "a takeover";
            self.tracer.tell_of_loop(now, LoopEvent::Stopping { by, clients });
            self.tell_of_stop_step();
            self.handler.on_stopping();
        }
    }
}

impl<H> Server<H> {
    /// The server closes listeners. A new process that starts with them may still have all, with their
    /// files: it reads the end of the connection. One that comes later is offered those that are left.
    pub(super) fn leave_to_starting(&mut self) {
        if self.takeover.giver.take_if(|giver| giver.has_offered()).is_some() {
            let own = self.admin_side.iter_mut().flat_map(|it| it.listeners_mut());
            let all = self.engine.admission.listeners_mut().chain(own.map(|(_, it)| it));
            all.for_each(Listener::let_go_of_file);
        }
    }
}
