//! The loop: one `mio::Poll`, its listeners, its signals, its clock.
//!
//! [`Server::turn`] waits for events and lets its [`Engine`]s take a turn with them: first those of its
//! own listeners, if there are any, which may hold the public's; then the public's. Two bits of a token,
//! [`ADMIN_CLIENT`] and [`HEALTH_CLIENT`], say whose event it is. Only this file and its neighbours know
//! mio and read a clock: once a turn, once more in slow motion or with listeners of its own, and around a
//! write of lines to a file.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Poll, Token, Waker};

use crate::answer::handler::{Handler, Needs};
use crate::config::{Limits, Timeouts};
use crate::engine::{ClientId, Clients, Engine, StopStep, Stopped};
use crate::server::alarm::Alarm;
use crate::server::descriptors::Descriptors;
use crate::server::listener::Listener;
use crate::server::outlet::Outlet;
use crate::server::signals::{Signals, StopRequests};
use crate::system_calls::Reported;
use crate::time::Time;
use crate::watch::{LoopEvent, Patience, Tracer};

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "oneloop needs a 64-bit target: the token of an event holds a slab key and a \
     generation, 32 bits each"
);

mod admin_side;
pub(crate) mod alarm;
mod announcing;
mod binding;
pub(crate) mod descriptors;
mod handing_over;
mod inherited;
pub(crate) mod listener;
pub(crate) mod outlet;
pub(crate) mod pace;
mod polling;
mod registrar;
mod reloading;
pub(crate) mod service_manager;
mod side;
pub(crate) mod signals;
mod stopping;
pub(crate) mod stream;
mod takeover;
mod timer;
mod unix_socket;
mod worst;
mod writing;

use admin_side::{AdminSide, OWN_CLIENT};
use handing_over::{TAKEOVER, Takeover};
use pace::Clock;
use polling::PollFailures;
use registrar::Registrar;

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
const HEALTH: Token = Token(usize::MAX - 4);

/// In the token of a client of the admin listener, or of the health listener: no slot has a number as
/// high as these.
const ADMIN_CLIENT: usize = 1 << 31;
const HEALTH_CLIENT: usize = 1 << 30;

/// A server that has bound its addresses.
///
/// It stays on the thread that has bound it, so its handler and its sources may share what cannot be
/// sent to another, such as an `Rc`. To run it on a thread of its own, bind it there, and send back
/// what the others need: its addresses and a [`StopHandle`](crate::StopHandle).
pub struct Server<H> {
    poll: Poll,
    events: Events,
    poll_failures: PollFailures,
    reported: Reported,
    /// The public's. Those of the server's own listeners are in `admin_side`.
    engine: Engine<Listener>,
    admin_side: Option<AdminSide>,
    takeover: Takeover,
    /// Where lines go, once a turn. Before the signals: a last write may cause one.
    outlets: Vec<Outlet>,
    signals: Option<Signals>,
    manager: Option<service_manager::ServiceManager>,
    waker: Arc<Waker>,
    stop_requests: StopRequests,
    alarm: Alarm,
    tracer: Tracer,
    handler: H,
    needs: Needs,
    answers: worst::Answers,
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
    /// The step of the end that was told of last.
    told_step: Option<StopStep>,
}

impl<H: Handler> Server<H> {
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
        self.announce()?;
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
        self.note_signals();
        self.go_on_handing_over();
        self.serve_admin();
        self.serve_public();
        self.end_admin();
        self.tell_of_failures();
        let stopped = self.stopped();
        if stopped.is_some() {
            self.tracer.tell_of_loop(self.now, LoopEvent::Stopped);
        }
        self.write_lines();
        self.update_manager();
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
        self.tell_of_stop_step();
        if let ControlFlow::Break(stopped) = went_on {
            self.tell_of_end(stopped);
        }
    }

    /// Writes the lines that wait, by one call for each outlet.
    fn write_lines(&mut self) {
        let began = self.began;
        for outlet in &mut self.outlets {
            outlet.write_lines(self.now, || Time::after_start(began.elapsed()));
        }
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
                admin_side.set_date(date, self.now);
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
        let Server { engine, admin_side, takeover, tracer, events, alarm, now, .. } = self;
        tracer.on_polled(|| events.iter().count(), patience, *now);
        engine.clients_mut().on_polled(public_time);
        let mut admin_side = admin_side.as_mut();
        if let Some(admin_side) = &mut admin_side {
            admin_side.on_polled(*now);
        }
        for event in &*events {
            match event.token() {
                // First, because most are of these.
                Token(token) if token < FIRST_LISTENER && token & OWN_CLIENT == 0 => {
                    note_event(engine.clients_mut(), token, event);
                }
                // They only wake the loop. What they stand for is looked at in each turn.
                SIGNALS | WAKER => {}
                ALARM => alarm.on_ready(),
                TAKEOVER => takeover.on_ready(),
                Token(token) if (FIRST_LISTENER..TAKEOVER.0).contains(&token) => {
                    let index = token - FIRST_LISTENER;
                    engine.on_listener_ready(index);
                    if let Some(listener) = engine.admission().listeners().nth(index) {
                        let address = listener.address;
                        tracer.tell_of_loop(*now, LoopEvent::ListenerReady { address });
                    }
                }
                token => {
                    if let Some(admin_side) = &mut admin_side {
                        admin_side.note(token, event);
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn note_event(clients: &mut Clients<TcpStream>, token: usize, event: &Event) {
    clients.note(ClientId::from_bits(token as u64), event.into());
}
