//! The one seam through which the clients' steps are told.
//!
//! The engine knows nothing of the watcher but this trait. It asks the watcher once a turn how much
//! it wants, so a step that is not told costs one comparison.

use std::fmt;

use super::event::{Change, ClientEvent};
use super::id::ClientId;
use crate::buffer::Output;
use crate::connection::Connection;
use crate::connection::state::Name;
use crate::time::Time;

/// How much a watcher wants to know. Each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Attention {
    /// Nothing but the end of a connection, for the log.
    #[default]
    Nothing,
    /// Which state a client's step leads from and to.
    Transitions,
    /// Every step.
    Steps,
}

/// Is told what the clients do.
///
/// It is called on the loop, in the middle of a step: it must not panic, and every client waits
/// while it works.
pub trait Watcher {
    /// How much it wants to know. Asked once a turn.
    fn attention(&self) -> Attention;

    /// A step led from one state to another, and gave this many answers.
    fn on_transition(&mut self, before: Name, after: Name, answers: u32);

    /// A client has taken a step, in the turn that began `at` this time.
    fn on_step(&mut self, at: Time, client: ClientId, step: ClientEvent);
}

/// What the clients have to know for telling their steps.
#[derive(Default)]
pub(super) struct Steps {
    attention: Attention,
    watcher: Option<Box<dyn Watcher>>,
    now: Time,
}

impl Steps {
    /// Tells `watcher` from now on, instead of the one before.
    pub(super) fn watch(&mut self, watcher: Box<dyn Watcher>) {
        self.attention = watcher.attention();
        self.watcher = Some(watcher);
    }

    /// It is `now`. Asks how much the watcher wants to know.
    pub(super) fn set_time(&mut self, now: Time) {
        self.now = now;
        self.attention = self.watcher.as_ref().map_or(Attention::Nothing, |it| it.attention());
    }

    /// The time that was set last.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// Whether every step is told.
    #[inline]
    pub(super) fn are_told(&self) -> bool {
        self.attention == Attention::Steps
    }

    /// Tells this step of a client.
    #[cold]
    pub(super) fn tell(&mut self, client: ClientId, step: ClientEvent) {
        if let Some(watcher) = &mut self.watcher {
            watcher.on_step(self.now, client, step);
        }
    }

    /// What a connection is before a step, if it matters what the step changes.
    #[inline]
    pub(super) fn before(&self, connection: &Connection) -> Option<Before> {
        (self.attention > Attention::Nothing).then(|| Before::of(connection))
    }

    /// Tells what a step of this client has changed.
    #[cold]
    pub(super) fn tell_change(
        &mut self,
        before: Before,
        client: ClientId,
        connection: &Connection,
        output: &Output,
    ) {
        let Before { state, answers } = Before::of(connection);
        let answers = answers - before.answers;
        if let Some(watcher) = &mut self.watcher {
            watcher.on_transition(before.state, state, answers);
        }
        if self.are_told() {
            let (kept, owed) = (connection.kept_bytes(), connection.owed_bytes(output));
            let change = Change { before: before.state, after: state, answers, kept, owed };
            self.tell(client, ClientEvent::Changed(change));
        }
    }

    /// A connection in this state was ended from outside.
    pub(super) fn on_closed(&mut self, before: Name) {
        if self.attention > Attention::Nothing
            && let Some(watcher) = &mut self.watcher
        {
            watcher.on_transition(before, Name::Closed, 0);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("attention", &self.attention).finish_non_exhaustive()
    }
}

/// What a connection is before a step.
#[derive(Clone, Copy)]
pub(super) struct Before {
    state: Name,
    answers: u32,
}

impl Before {
    fn of(connection: &Connection) -> Before {
        Before { state: connection.state(), answers: connection.served() }
    }
}
