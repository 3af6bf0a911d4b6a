//! How long a connection waits, for what, and what renews that.
//!
//! The deadline follows from the state. Only progress renews it: a head's deadline counts from its
//! first byte, even if more bytes drip in, and a body or an answer must move a minimum of bytes a
//! second.

use std::time::Duration;

use super::context::{Common, Context};
use super::machine::Connection;
use super::state::{State, StateName};
use crate::config::{TimeoutClass, Timeouts};
use crate::time::Time;

/// How long a connection waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deadline {
    /// For as long as this class may take, and since when.
    Timeout(TimeoutClass, Time),
    /// Until this moment.
    At(Time),
}

impl Deadline {
    /// When it is over, and for what the time runs: `None` for a source's or a disk's.
    pub(crate) fn due(self, timeouts: &Timeouts) -> (Option<TimeoutClass>, Time) {
        match self {
            Deadline::Timeout(class, since) => (Some(class), since + timeouts.of(class)),
            Deadline::At(due) => (None, due),
        }
    }
}

impl Connection {
    /// Since when it waits.
    pub(crate) fn since(&self) -> Time {
        self.since.into()
    }

    /// How long it waits at present; `None` once it is over.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<Deadline> {
        let class = match &self.state {
            State::Fresh | State::ReadingProxyHeader => TimeoutClass::FirstByte,
            State::Idle => TimeoutClass::Idle,
            State::ReadingHead(_) if timeouts.typing_grace.is_some() => TimeoutClass::TypingGrace,
            State::ReadingHead(_) => TimeoutClass::Head,
            State::ReadingBody(_) => TimeoutClass::Body,
            State::Writing(_) => TimeoutClass::Write,
            State::Pausing(body, _) => return Some(Deadline::At(body.due())),
            State::Lingering { .. } => TimeoutClass::Linger,
            State::Closed(_) => return None,
        };
        Some(Deadline::Timeout(class, self.since()))
    }

    /// After `bytes` arrived in the state named `before`: since when do we wait?
    #[inline(always)]
    pub(super) fn note_waiting<H>(
        &mut self,
        before: StateName,
        bytes: usize,
        context: &Context<'_, H>,
    ) {
        match self.state.name() == before {
            true => self.note_waiting_on(bytes, context),
            false => self.wait_from(context.now),
        }
    }

    /// The same, if the state is still of that name.
    #[inline(never)]
    fn note_waiting_on<H>(&mut self, bytes: usize, context: &Context<'_, H>) {
        let (now, timeouts) = (context.now, &context.common.timeouts);
        match (&self.state, timeouts.grace()) {
            // Each keystroke renews the grace, but never beyond the head's own deadline, which
            // dripping must not extend.
            (State::ReadingHead(head), Some(grace)) => {
                if now + grace <= head.began + timeouts.head {
                    self.since = now.into();
                }
            }
            (State::ReadingHead(_), None) => {}
            (State::ReadingBody(_), _) => self.note_progress(bytes, timeouts.body, context),
            (State::Writing(_), _) => self.wait_from(now),
            // Empty lines between requests do not make a client any less idle.
            (
                State::Fresh
                | State::ReadingProxyHeader
                | State::Idle
                | State::Pausing(..)
                | State::Lingering { .. }
                | State::Closed(_),
                _,
            ) => {}
        }
    }

    /// Bytes come. If they are the first of what is to be answered, its time runs from now.
    #[inline(always)]
    pub(super) fn note_first_byte(&mut self, common: &Common) {
        if let State::Fresh | State::Idle = self.state {
            self.began = common.millis;
        }
    }

    /// How long ago the first byte came of what is to be answered, or the connection itself.
    pub(crate) fn since_first_byte(&self, millis: u32) -> Duration {
        Duration::from_millis(u64::from(millis.wrapping_sub(self.began)))
    }

    /// The kernel has taken the last bytes of this many answers.
    #[inline(always)]
    pub(super) fn count_ended(&self, answers: u32, common: &mut Common) {
        let took = common.millis.wrapping_sub(self.began);
        common.metrics.durations.count(took, answers);
    }

    /// A new waiting begins.
    pub(super) fn wait_from(&mut self, now: Time) {
        self.since = now.into();
        self.moved = 0;
    }

    /// Counts bytes towards the progress that a deadline asks for, and renews it once they are
    /// enough.
    pub(super) fn note_progress<H>(
        &mut self,
        bytes: usize,
        timeout: Duration,
        context: &Context<'_, H>,
    ) {
        self.count_progress(bytes);
        if u64::from(self.moved) >= context.common.limits.progress_bytes(timeout) {
            self.wait_from(context.now);
        }
    }

    #[inline(always)]
    pub(super) fn count_progress(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
}
