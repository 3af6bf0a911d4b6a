//! Hands each step to the observer, to the log, and to what the admin page shows.
//!
//! One atomic number, read once a turn, says whether any of them listens. The code behind that
//! check may be slow; the code before it may not.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use log::{Level, log, log_enabled};

use super::event::{Event, LoopEvent, Patience, What};
use super::watched::{ARROW_COUNT, Watch};
use crate::connection::state::StateName;
use crate::engine::{Attention, ClientEvent, ClientId, Watcher};
use crate::time::Time;

/// Watches a server step by step: see [`Server::observe`](crate::Server::observe).
///
/// It is called on the loop, so every client waits while it works. If it panics, it is told nothing
/// more in this turn, and the panic leaves the loop at the turn's end.
pub trait Observer {
    /// A step has been taken. The order of the calls is the order of the steps.
    fn observe(&mut self, event: &Event);
}

impl<F: FnMut(&Event)> Observer for F {
    fn observe(&mut self, event: &Event) {
        self(event);
    }
}

/// What is told of a loop and its clients, and to whom. Clones share both.
///
/// ```
/// use std::time::SystemTime;
///
/// use oneloop::engine::{Clients, Stream};
/// use oneloop::watch::Tracer;
/// use oneloop::{Event, Limits, Timeouts};
///
/// fn traced<S: Stream>() -> Clients<S> {
///     let now = SystemTime::now();
///     let mut clients = Clients::new(Limits::default(), Timeouts::default(), now);
///     let tracer = Tracer::default();
///     tracer.observe(Box::new(|event: &Event| println!("{event}")));
///     clients.watch(tracer.watcher());
///     clients
/// }
/// ```
#[derive(Clone, Default)]
pub struct Tracer {
    shared: Arc<Shared>,
    /// Whether the present turn's beginning was noted.
    has_begun: bool,
}

#[derive(Default)]
struct Shared {
    /// Whether the observer or the admin page want to know every step.
    wants_steps: AtomicBool,
    told: Mutex<Told>,
}

/// The observer and the watcher, and what they need to be told.
#[derive(Default)]
struct Told {
    observer: Option<Box<dyn Observer>>,
    watch: Watch,
    /// How the present turn began, until something is told in it.
    polled: Option<(Time, LoopEvent)>,
    /// When the last turn began in which something was told.
    told_at: Time,
    /// What an observer has panicked with, until the program can be told.
    panic: Option<Box<dyn Any + Send>>,
}

impl Tracer {
    /// Tells `observer` from now on, instead of the one before.
    pub fn observe(&self, observer: Box<dyn Observer>) {
        let mut told = self.shared.lock();
        told.observer = Some(observer);
        self.shared.set_wants_steps(&told);
    }

    /// A watcher for clients, which hands their steps on to here.
    pub fn watcher(&self) -> Box<dyn Watcher> {
        Box::new(ClientsWatcher(Arc::clone(&self.shared)))
    }

    /// A watcher for the clients of the admin listener. Their transitions are not counted.
    pub(crate) fn admin_watcher(&self) -> Box<dyn Watcher> {
        Box::new(AdminWatcher(Arc::clone(&self.shared)))
    }

    /// A turn has begun `at` this time, by this many events from the poll. They are counted only if
    /// steps are told.
    pub fn on_polled(&mut self, events: impl FnOnce() -> usize, patience: Patience, at: Time) {
        let is_told = self.shared.attention() == Attention::Steps;
        if is_told || self.has_begun {
            let mut told = self.shared.lock();
            let since_last = at.since(told.told_at);
            told.polled = is_told.then(|| {
                let events = events();
                (at, LoopEvent::Polled { events, patience, since_last })
            });
            self.has_begun = is_told;
        }
    }

    /// Tells of something that concerns the loop and no client in particular.
    pub fn tell_of_loop(&self, at: Time, event: LoopEvent) {
        if self.shared.attention() == Attention::Steps {
            self.shared.lock().tell(Event { at, what: What::Loop(event) });
        }
    }

    /// Goes on with the panic of an observer, if there was one. It was told nothing since then.
    pub fn resume_panic(&self) {
        if self.has_begun || self.shared.attention() == Attention::Steps {
            let panic = self.shared.lock().panic.take();
            if let Some(panic) = panic {
                resume_unwind(panic);
            }
        }
    }

    /// Counts transitions and keeps steps from now on, also those of the clients in these slots if they
    /// are high; or does neither, and forgets the steps. What has been counted stays.
    pub(crate) fn watch(&self, slots: Option<&[usize]>) {
        let mut told = self.shared.lock();
        match slots {
            Some(slots) => told.watch.keep_steps(slots),
            None => told.watch.forget_steps(),
        }
        self.shared.set_wants_steps(&told);
    }

    /// Whether transitions are counted.
    pub(crate) fn is_watched(&self) -> bool {
        self.shared.wants_steps.load(Ordering::Relaxed) && self.shared.lock().watch.is_keeping()
    }

    /// How often each arrow was walked while transitions were counted.
    pub(crate) fn arrows(&self) -> [u64; ARROW_COUNT] {
        self.shared.lock().watch.arrows()
    }

    /// The last steps of the client in this slot, if they are kept.
    pub(crate) fn steps(&self, slot: usize) -> Vec<Event> {
        self.shared.lock().watch.steps(slot)
    }

    /// The last step of any client of the public, and the last answers, if they are kept.
    pub(crate) fn last(&self) -> (Option<Event>, Vec<Event>) {
        let told = self.shared.lock();
        (told.watch.last(), told.watch.answers())
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer")
            .field("attention", &self.shared.attention())
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// How much is to be told. What the log shows may have changed since the last turn: it is asked
    /// for this room, not for the most that any room logs.
    fn attention(&self) -> Attention {
        if log_enabled!(Level::Trace) {
            return Attention::Steps;
        }
        match self.wants_steps.load(Ordering::Relaxed) {
            true => Attention::Steps,
            false if log_enabled!(Level::Debug) => Attention::Answers,
            false => Attention::Nothing,
        }
    }

    /// An observer's panic is caught before it could leave this locked.
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("nothing panics while it is locked")
    }

    fn set_wants_steps(&self, told: &Told) {
        let wants_steps = told.observer.is_some() || told.watch.is_keeping();
        self.wants_steps.store(wants_steps, Ordering::Relaxed);
    }
}

/// What the clients hold of it.
struct ClientsWatcher(Arc<Shared>);

impl Watcher for ClientsWatcher {
    fn attention(&self) -> Attention {
        self.0.attention()
    }

    fn on_transition(&mut self, before: StateName, after: StateName, answers: u32) {
        let mut told = self.0.lock();
        if told.watch.is_keeping() {
            told.watch.count(before, after, answers);
        }
    }

    fn on_step(&mut self, at: Time, client: ClientId, step: ClientEvent) {
        self.0.lock().tell(Event { at, what: What::Client(client, step) });
    }
}

/// What the clients of the admin listener hold of it.
struct AdminWatcher(Arc<Shared>);

impl Watcher for AdminWatcher {
    fn attention(&self) -> Attention {
        self.0.attention()
    }

    fn on_transition(&mut self, _: StateName, _: StateName, _: u32) {}

    fn on_step(&mut self, at: Time, client: ClientId, step: ClientEvent) {
        self.0.lock().tell(Event { at, what: What::Admin(client, step) });
    }
}

impl Told {
    #[cold]
    fn tell(&mut self, event: Event) {
        if let Some((at, polled)) = self.polled.take() {
            self.told_at = at;
            self.hand_on(&Event { at, what: What::Loop(polled) });
        }
        if let What::Client(client, step) = event.what
            && self.watch.is_keeping()
        {
            self.watch.keep(client.slot(), &event, step);
        }
        self.hand_on(&event);
    }

    fn hand_on(&mut self, event: &Event) {
        let level = match event.what {
            What::Client(_, ClientEvent::Closed { .. } | ClientEvent::Answered(_))
            | What::Admin(_, ClientEvent::Closed { .. } | ClientEvent::Answered(_)) => Level::Debug,
            What::Client(..) | What::Admin(..) | What::Loop(_) => Level::Trace,
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
}
