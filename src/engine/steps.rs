//! The one seam through which the clients' steps are told.
//!
//! The engine knows nothing of its watchers but their traits. It asks the watcher once a turn how much
//! it wants, so a step that is not told costs one comparison.

use std::fmt;

use log::{Level, max_level};

use super::event::{Change, ClientEvent, Given};
use super::excerpt::Excerpt;
use super::id::ClientId;
use super::socket::Taken;
use super::watcher::{AnswerWatcher, Attention, Ended, Watcher};
use crate::answer::planned_fault::PlannedFault;
use crate::connection::state::StateName;
use crate::connection::{Answered, Beginning, Common, Connection, Progress};
use crate::journal::access::Parts;
use crate::metrics::CloseReason;
use crate::system_calls::log_once::LogOnce;
use crate::time::Time;

/// How many answers are told of together at most, so that what is kept of them stays in the processor's
/// cache; many enough for its code to stay there as well.
const TOLD_TOGETHER_MAX: usize = 128;

/// What the clients have to know for telling their steps.
#[derive(Default)]
pub(super) struct Steps {
    /// What the watcher wants, or more: each answer, if there is a watcher of answers.
    attention: Attention,
    wanted: Attention,
    watcher: Option<Box<dyn Watcher>>,
    answers: Option<Box<dyn AnswerWatcher>>,
    /// Whether the watcher of answers may know of any that is not all taken, and whose client's turn is
    /// not over. Nearly always it does not, and needs not be told of that.
    is_any_owed: bool,
    /// Whether the watcher of answers may know of any at all that is not all taken.
    is_any_known: bool,
    /// All that was noted of a client was taken whole, in the present step.
    is_whole: bool,
    now: Time,
    /// When a client was last closed that sent no PROXY header where one has to come first.
    pub(super) unproxied: LogOnce,
}

impl Steps {
    /// Tells `watcher` from now on, instead of the one before.
    pub(super) fn watch(&mut self, watcher: Box<dyn Watcher>) {
        self.watcher = Some(watcher);
        self.set_time(self.now);
    }

    /// Tells `watcher` what becomes of each answer.
    pub(super) fn watch_answers(&mut self, watcher: Box<dyn AnswerWatcher>) {
        self.answers = Some(watcher);
        self.set_time(self.now);
    }

    /// It is `now`. Asks how much the watcher wants to know.
    pub(super) fn set_time(&mut self, now: Time) {
        self.now = now;
        self.is_any_known = self.answers.as_ref().is_some_and(|it| it.knows_any());
        self.wanted = self.watcher.as_ref().map_or(Attention::Nothing, |it| it.attention());
        self.attention = match &self.answers {
            Some(_) => self.wanted.max(Attention::Answers),
            None => self.wanted,
        };
    }

    /// Whether answers to this client are noted that are not told of, or the watcher of answers may know
    /// of any that is not all taken.
    #[inline]
    pub(super) fn is_owed(&self, key: usize, common: &Common) -> bool {
        self.is_any_owed || common.notes.as_ref().is_some_and(|notes| notes.has(key))
    }

    /// A client's turn is over.
    #[cold]
    pub(super) fn tell_turn(
        &mut self,
        client: ClientId,
        connection: &Connection,
        common: &mut Common,
    ) {
        self.tell_whole(common);
        self.tell_answers(client, connection, common);
        if let Some(answers) = self.answers.as_mut().filter(|_| self.is_any_owed) {
            self.is_any_owed = answers.on_turn(client);
        }
    }

    /// Whether anything is told but the ends of connections.
    #[inline]
    pub(super) fn are_any_told(&self) -> bool {
        self.attention > Attention::Nothing
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

    /// What is to be told of the step that a connection is about to take.
    #[inline]
    pub(super) fn before(&self, connection: &Connection) -> Telling {
        match self.attention > Attention::Nothing {
            false => Telling::Nothing,
            true if self.wanted < Attention::Transitions => Telling::Answers,
            true => Telling::Change(Before::of(connection)),
        }
    }

    /// Tells what a step of this client has changed, and of the answers that it was given.
    #[inline(always)]
    pub(super) fn tell_change(
        &mut self,
        telling: Telling,
        client: ClientId,
        connection: &Connection,
        common: &mut Common,
    ) {
        if !matches!(telling, Telling::Nothing) {
            self.tell_told_change(telling, client, connection, common);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_told_change(
        &mut self,
        telling: Telling,
        client: ClientId,
        connection: &Connection,
        common: &mut Common,
    ) {
        if !self.is_told_by_sending(client, connection, common) {
            self.tell_progress(client, connection, common);
        }
        if let Telling::Change(before) = telling {
            self.tell_transition(before, client, connection, common);
        }
    }

    /// Whether a step of this client has done nothing but what all do that are served at once: it has
    /// given whole answers, which are told of when they are sent, and that comes next; or these were
    /// sent, and told of then.
    #[inline]
    fn is_told_by_sending(
        &mut self,
        client: ClientId,
        connection: &Connection,
        common: &Common,
    ) -> bool {
        let Some(notes) = &common.notes else { return false };
        if std::mem::take(&mut self.is_whole) && common.output.is_empty() {
            return !notes.has(client.slot());
        }
        notes.whole_bytes(client.slot()).is_some_and(|bytes| {
            self.wanted < Attention::Answers && connection.owes_just(bytes, &common.output)
        })
    }

    /// Tells of the answers that this client was given, and how far they have come.
    #[cold]
    #[inline(never)]
    fn tell_progress(&mut self, client: ClientId, connection: &Connection, common: &mut Common) {
        self.tell_whole(common);
        let progress = connection.progress(&common.output);
        if let (Some(_), Some(progress), Some(notes)) = (&self.answers, &progress, &common.notes)
            && notes.are_whole(client.slot(), progress)
        {
            // Nearly always it is sent next, and then all is told at once.
            if self.wanted >= Attention::Answers {
                self.show_noted(client, connection, common);
            }
            return;
        }
        self.tell_answers(client, connection, common);
        let interim = common.notes.as_mut().map_or(0, |notes| notes.take_interim());
        if let (Some(answers), Some(progress)) = (&mut self.answers, progress) {
            let progress = Progress { interim, ..progress };
            answers.on_progress(self.now, client, progress);
            (self.is_any_owed, self.is_any_known) = (true, true);
        }
    }

    /// Tells the watcher of steps of the answers that were noted of this client.
    #[inline(never)]
    fn show_noted(&mut self, client: ClientId, connection: &Connection, common: &mut Common) {
        if let (Some(watcher), Some(notes)) = (&mut self.watcher, &mut common.notes) {
            notes.show(client.slot(), connection.peer(), common.date.text(), |answer| {
                watcher.on_step(self.now, client, ClientEvent::Answered(given(answer)));
            });
        }
    }

    /// Tells what a step of this client has changed.
    #[cold]
    #[inline(never)]
    fn tell_transition(
        &mut self,
        before: Before,
        client: ClientId,
        connection: &Connection,
        common: &Common,
    ) {
        let Before { state, answers } = Before::of(connection);
        let answers = answers.wrapping_sub(before.answers);
        if let Some(watcher) = &mut self.watcher {
            watcher.on_transition(before.state, state, answers);
        }
        if self.are_told() {
            if before.state == StateName::ReadingProxyHeader && state != StateName::Closed {
                let told = connection.client();
                self.tell(client, ClientEvent::Introduced { client: told });
            }
            let (kept, owed) = (connection.kept_bytes(), connection.owed_bytes(&common.output));
            let change = Change { before: before.state, after: state, answers, kept, owed };
            self.tell(client, ClientEvent::Changed(change));
        }
    }

    /// Tells of the answers that were noted of this client.
    #[inline]
    fn tell_answers(&mut self, client: ClientId, connection: &Connection, common: &mut Common) {
        if common.notes.as_ref().is_some_and(|notes| notes.has(client.slot())) {
            self.tell_noted(client, connection, common);
        }
    }

    #[inline(never)]
    fn tell_noted(&mut self, client: ClientId, connection: &Connection, common: &mut Common) {
        let Some(notes) = &mut common.notes else { return };
        let Steps { watcher, answers, wanted, now, is_any_owed, is_any_known, .. } = self;
        let mut watcher = watcher.as_mut().filter(|_| *wanted >= Attention::Answers);
        notes.take(client.slot(), connection.peer(), common.date.text(), |answer| {
            if let Some(answers) = answers {
                answers.on_answer(*now, client, answer);
                (*is_any_owed, *is_any_known) = (true, true);
            }
            let is_told = answer.note.is_given()
                || answer.note.fault.is_some()
                || answer.note.beginning == Beginning::Awaited;
            let is_new = is_told && !answer.note.is_seen;
            if let Some(watcher) = watcher.as_mut().filter(|_| is_new) {
                watcher.on_step(*now, client, ClientEvent::Answered(given(answer)));
            }
        });
    }

    /// Tells what came of sending to this client.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_sent(
        &mut self,
        client: ClientId,
        (taken, offered): (Taken, usize),
        connection: &Connection,
        common: &mut Common,
    ) {
        if let Taken::Bytes(bytes) = taken {
            self.is_whole = self.take_whole(client, bytes, connection, common);
            if !self.is_whole {
                self.tell_part_sent(client, bytes, connection, common);
            }
        }
        if self.are_told() {
            self.tell(client, ClientEvent::Sent { taken, offered });
        }
    }

    /// Says whether the kernel has taken this many `bytes` and that is all that this client is owed: all
    /// of the answers that were noted of it. These are told of together with those of others.
    #[inline]
    fn take_whole(
        &mut self,
        client: ClientId,
        bytes: usize,
        connection: &Connection,
        common: &mut Common,
    ) -> bool {
        let (Some(answers), Some(notes)) = (&self.answers, &mut common.notes) else {
            return false;
        };
        let is_behind_others = self.is_any_known && answers.knows_any_of(client);
        let is_whole = !is_behind_others
            && notes.take_whole((client.slot(), bytes), client.number(), connection.peer());
        if notes.whole_count() >= TOLD_TOGETHER_MAX {
            self.tell_whole(common);
        }
        is_whole
    }

    /// Tells of the answers that were taken whole since they were told of last.
    #[inline]
    pub(super) fn tell_whole(&mut self, common: &mut Common) {
        if common.notes.as_ref().is_some_and(|notes| notes.whole_count() > 0) {
            self.tell_noted_whole(common);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_noted_whole(&mut self, common: &mut Common) {
        if let (Some(notes), Some(answers)) = (&mut common.notes, &mut self.answers) {
            let date = common.date.text();
            notes.take_all_whole(|whole, text| answers.on_whole(whole, text, date));
        }
    }

    /// Tells that the kernel has taken this many `bytes` of what this client is owed.
    #[cold]
    #[inline(never)]
    fn tell_part_sent(
        &mut self,
        client: ClientId,
        bytes: usize,
        connection: &Connection,
        common: &mut Common,
    ) {
        self.tell_whole(common);
        self.tell_answers(client, connection, common);
        if let Some(answers) = &mut self.answers {
            answers.on_sent(self.now, client, bytes);
        }
    }

    /// Tells that a connection has ended. Answers of the step that has ended it are told first.
    #[cold]
    pub(super) fn tell_end(
        &mut self,
        client: ClientId,
        connection: &Connection,
        reason: CloseReason,
        common: &mut Common,
    ) {
        self.tell_whole(common);
        self.tell_answers(client, connection, common);
        if let Some(answers) = &mut self.answers {
            let ended = Ended {
                reason,
                peer: connection.peer(),
                client: connection.client(),
                answers: connection.served(),
                since_first_byte: connection.since_first_byte(common.millis),
                date: common.date.text(),
            };
            answers.on_closed(self.now, client, &ended);
        }
        if self.are_told() || max_level() >= Level::Debug {
            if let Some(fault) = common.proxy_header_fault {
                self.tell(client, ClientEvent::Unintroduced { fault });
            }
            let (answers, peer) = (connection.served(), connection.address());
            self.tell(client, ClientEvent::Closed { reason, answers, peer });
        }
    }

    /// A connection in this state was ended from outside.
    pub(super) fn on_closed(&mut self, before: StateName) {
        if self.wanted >= Attention::Transitions
            && let Some(watcher) = &mut self.watcher
        {
            watcher.on_transition(before, StateName::Closed, 0);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Steps").field("attention", &self.attention).finish_non_exhaustive()
    }
}

/// What a step tells of an answer.
fn given(answer: &Answered<'_>) -> Given {
    let Answered { note, text, .. } = answer;
    let Parts { method, target, .. } = note.asked(text).parts();
    let between: &[u8] = if method.is_empty() { b"" } else { b" " };
    Given {
        request: Excerpt::of(&[method, between, target]),
        status: note.status,
        body: (!note.streams).then(|| note.body_bytes() as usize),
        fault: note.fault.map(PlannedFault::word),
    }
}

/// What is told of a step.
#[derive(Clone, Copy)]
pub(super) enum Telling {
    Nothing,
    /// What has become of answers.
    Answers,
    /// Also what it has changed: this was before it.
    Change(Before),
}

/// What a connection is before a step.
#[derive(Clone, Copy)]
pub(super) struct Before {
    state: StateName,
    answers: u32,
}

impl Before {
    fn of(connection: &Connection) -> Before {
        Before { state: connection.state(), answers: connection.served() }
    }
}
