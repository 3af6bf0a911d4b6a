//! Hands each step to whoever observes, and to the log.
//!
//! Whether anybody listens is one flag, found out once a turn. Everything behind the flag may be
//! slow; what is before it may not.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use log::{Level, log, max_level};

use super::event::{Change, ClientEvent, Event, LoopEvent, Patience, What};
use super::watched::Watch;
use crate::connection::Common;
use crate::connection::state::Name;
use crate::engine::ClientId;
use crate::engine::client::Client;
use crate::time::Time;

/// Watches a server step by step: see [`Server::observe`](crate::Server::observe).
///
/// It is called on the loop, so whatever it does keeps every client waiting. If it panics, it is
/// told nothing more in this turn, and the panic leaves the loop at the turn's end.
pub trait Observer {
    /// A step has been taken. The order of the calls is the order of the steps.
    fn observe(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Observer for F {
    fn observe(&mut self, event: &Event) {
        self(event);
    }
}

/// Whoever is told, and what there is to know for telling.
#[derive(Default)]
pub(crate) struct Narrator {
    /// Whether anybody is told anything.
    is_on: bool,
    /// Whether anybody is told anything, or steps are counted.
    attends: bool,
    is_watched: bool,
    watch: Watch,
    observer: Option<Box<dyn Observer + Send>>,
    now: Time,
    /// How the present turn began, until something is told in it.
    polled: Option<LoopEvent>,
    /// When the last turn began in which something was told.
    told_at: Time,
    /// What an observer has panicked with, until the program can be told.
    panic: Option<Box<dyn Any + Send>>,
}

impl Narrator {
    /// Whether anybody is told anything.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }

    /// `observer` is told from now on, instead of the one before.
    pub(crate) fn observe(&mut self, observer: Box<dyn Observer + Send>) {
        self.observer = Some(observer);
        self.attend();
    }

    /// Counts steps from now on, and keeps those of whoever is in these slots; or does nothing of
    /// the kind. What has been counted stays.
    pub(crate) fn watch(&mut self, slots: Option<&[usize]>) {
        self.is_watched = slots.is_some();
        self.watch.follow(slots.unwrap_or_default());
        self.attend();
    }

    /// Whether steps are counted.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// What has been counted, and is kept.
    pub(crate) fn watched(&self) -> &Watch {
        &self.watch
    }

    /// Finds out whether anybody listens. The log's level may have changed.
    fn attend(&mut self) {
        self.is_on =
            self.observer.is_some() || self.watch.follows_anybody() || max_level() >= Level::Trace;
        self.attends = self.is_on || self.is_watched;
    }

    /// Counts the end of a connection in this state that was ended from outside.
    pub(crate) fn count_close(&mut self, before: Name) {
        if self.is_watched {
            self.watch.count(before, Name::Closed, 0);
        }
    }

    /// It is `now`. Asks whether anybody listens.
    pub(crate) fn set_time(&mut self, now: Time) {
        self.attend();
        self.now = now;
    }

    /// A turn has begun, by so many events from the poll.
    pub(crate) fn on_polled(
        &mut self,
        events: impl FnOnce() -> usize,
        patience: Patience,
        now: Time,
    ) {
        self.set_time(now);
        let since_last = now.since(self.told_at);
        self.polled =
            self.is_on.then(|| LoopEvent::Polled { events: events(), patience, since_last });
    }

    /// The time that the loop has been told last.
    pub(crate) fn now(&self) -> Time {
        self.now
    }

    #[cold]
    pub(crate) fn tell(&mut self, what: What) {
        if let Some(polled) = self.polled.take() {
            self.told_at = self.now;
            self.hand_on(&Event { at: self.now, what: What::Loop(polled) });
        }
        let event = Event { at: self.now, what };
        if let What::Client(client, step) = what
            && self.watch.follows_anybody()
        {
            self.watch.keep(client.slot(), &event, step);
        }
        self.hand_on(&event);
    }

    fn hand_on(&mut self, event: &Event) {
        let level = match event.what {
            What::Client(_, ClientEvent::Closed { .. }) => Level::Debug,
            What::Client(..) | What::Loop(_) => Level::Trace,
        };
        if self.panic.is_some() {
            return;
        }
        // Steps are told where a panic would leave half of them behind. The logger is the program's,
        // too.
        let told = catch_unwind(AssertUnwindSafe(|| {
            log!(level, "{event}");
            if let Some(observer) = &mut self.observer {
                observer.observe(event);
            }
        }));
        self.panic = told.err();
    }

    /// Goes on with the panic of an observer, if there was one. It was told nothing since then.
    pub(crate) fn resume_panic(&mut self) {
        if let Some(panic) = self.panic.take() {
            resume_unwind(panic);
        }
    }
}

impl fmt::Debug for Narrator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Narrator").field("is_on", &self.is_on).finish_non_exhaustive()
    }
}

/// A narrator who is told of the client with one key.
pub(crate) struct Witness<'n> {
    pub(crate) narrator: &'n mut Narrator,
    pub(crate) key: usize,
}

impl Witness<'_> {
    /// Tells of a step, if anybody listens.
    #[inline]
    pub(crate) fn tell<S>(&mut self, client: &Client<S>, event: impl FnOnce() -> ClientEvent) {
        if self.narrator.is_on {
            let id = ClientId::new(self.key, client.generation);
            self.narrator.tell(What::Client(id, event()));
        }
    }

    /// What a connection is before a step, if anybody is to be told what the step changes.
    #[inline]
    pub(crate) fn standing<S>(&self, client: &Client<S>) -> Option<Standing> {
        self.narrator.attends.then(|| Standing::of(client))
    }

    /// Tells what a step has changed.
    #[inline]
    pub(crate) fn tell_change<S>(
        &mut self,
        before: Option<Standing>,
        client: &Client<S>,
        common: &Common,
    ) {
        if let Some(before) = before {
            if self.narrator.is_watched {
                before.count_to(client, &mut self.narrator.watch);
            }
            self.tell(client, || ClientEvent::Changed(before.change_to(client, common)));
        }
    }
}

/// What a connection is before a step.
#[derive(Clone, Copy)]
pub(crate) struct Standing {
    state: Name,
    answers: u32,
}

impl Standing {
    fn of<S>(client: &Client<S>) -> Standing {
        let connection = &client.connection;
        Standing { state: connection.state(), answers: connection.served() }
    }

    fn count_to<S>(self, client: &Client<S>, watch: &mut Watch) {
        let after = Standing::of(client);
        watch.count(self.state, after.state, after.answers - self.answers);
    }

    fn change_to<S>(self, client: &Client<S>, common: &Common) -> Change {
        let after = Standing::of(client);
        Change {
            before: self.state,
            after: after.state,
            answers: after.answers - self.answers,
            kept: client.connection.kept_bytes(),
            owed: client.connection.owed_bytes(&common.output),
        }
    }
}
