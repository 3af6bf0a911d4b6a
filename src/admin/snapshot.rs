//! What the server was doing at one moment, as numbers: what frames and metrics are written from.

use std::time::Duration;

use super::longest_turn::LongestTurn;
use super::minute::Note;
use crate::engine::{Clients, ClientsSummary, FurtherClients, Stepped, StopStep, Stream, View};
use crate::metrics::{LogMetrics, Metrics};
use crate::time::Time;
use crate::watch::{ARROW_COUNT, Event};

/// One moment. Its size is bounded by that of the summary's picture.
#[derive(Clone, Debug, Default)]
pub(super) struct Snapshot {
    pub(super) at: Time,
    /// When the server began, since 1970.
    pub(super) began: Duration,
    /// What was written of all logs.
    pub(super) logs: LogMetrics,
    pub(super) pace: Pace,
    /// What time it is for the public, which stands still while it is held.
    pub(super) public_at: Time,
    /// A connection waits to be accepted.
    pub(super) has_waiting: bool,
    /// The last step of any client, and the last answers.
    pub(super) last: Option<Event>,
    pub(super) answers: Vec<Event>,
    /// What was done in the last minute.
    pub(super) minute: Vec<Note>,
    /// The last step since the clients are held.
    pub(super) last_step: Option<LastStep>,
    /// In which step of its end the server is, once it was told to stop.
    pub(super) stop_step: Option<StopStep>,
    pub(super) watchers: usize,
    pub(super) clients: usize,
    pub(super) clients_max: usize,
    pub(super) summary: ClientsSummary,
    pub(super) admins: Admins,
    /// How often each arrow was walked while there were watchers.
    pub(super) arrows: [u64; ARROW_COUNT],
    pub(super) turns: Turns,
    pub(super) longest_turn: LongestTurn,
    pub(super) metrics: Metrics,
    /// The clients that watchers have chosen, with their last steps.
    pub(super) chosen: Vec<(View, Vec<Event>)>,
}

/// Clients of the admin listener: how many there are, and what they are doing.
#[derive(Clone, Debug, Default)]
pub(super) struct Admins {
    pub(super) clients: usize,
    pub(super) summary: ClientsSummary,
    pub(super) owed_bytes: usize,
    pub(super) metrics: Metrics,
}

impl Admins {
    pub(super) fn of<S: Stream>(clients: &Clients<S>, now: Time) -> Admins {
        Admins {
            clients: clients.len(),
            summary: clients.summarize(now, &mut FurtherClients::default()),
            owed_bytes: clients.owed_bytes(),
            metrics: clients.metrics().clone(),
        }
    }
}

/// How the public's clients go on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pace {
    /// As they can.
    #[default]
    Running,
    /// Not at all, but for single steps that are asked for.
    Paused,
    /// One of them by one step at a time.
    Slow { interval: Duration, due: Time },
}

/// A step that was asked for, or that slow motion took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LastStep {
    /// Which one it is since the clients are held, from 1.
    pub(super) number: u64,
    pub(super) came_to: Stepped,
}

/// What the turns with watchers came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    /// How long the loop has waited in the poll.
    pub(super) waited: Duration,
    /// How long it has worked.
    pub(super) worked: Duration,
    /// How many events the poll has returned.
    pub(super) events: u64,
    /// Those among the turns in which there was something to do for the public.
    pub(super) busy: u64,
    /// How long the loop has worked in these.
    pub(super) busy_worked: Duration,
}

/// The sums that a frame shows the growth of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) turns: u64,
    pub(super) waited: Duration,
    pub(super) worked: Duration,
    pub(super) events: u64,
    pub(super) busy: u64,
    pub(super) busy_worked: Duration,
    pub(super) receives: u64,
    pub(super) sends: u64,
    pub(super) accepts: u64,
}

impl Snapshot {
    /// The sums up to now.
    pub(super) fn sums(&self) -> Sums {
        Sums {
            turns: self.metrics.turns,
            waited: self.turns.waited,
            worked: self.turns.worked,
            events: self.turns.events,
            busy: self.turns.busy,
            busy_worked: self.turns.busy_worked,
            receives: self.metrics.receives,
            sends: self.metrics.sends,
            accepts: self.metrics.accepted,
        }
    }
}

impl Sums {
    /// By how much they have grown since they were `before`.
    pub(super) fn since(self, before: Sums) -> Sums {
        Sums {
            turns: self.turns.saturating_sub(before.turns),
            waited: self.waited.saturating_sub(before.waited),
            worked: self.worked.saturating_sub(before.worked),
            events: self.events.saturating_sub(before.events),
            busy: self.busy.saturating_sub(before.busy),
            busy_worked: self.busy_worked.saturating_sub(before.busy_worked),
            receives: self.receives.saturating_sub(before.receives),
            sends: self.sends.saturating_sub(before.sends),
            accepts: self.accepts.saturating_sub(before.accepts),
        }
    }
}
