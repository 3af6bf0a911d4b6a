//! What the clients tell of themselves: to whom, and what one waits for.

use std::ops::ControlFlow::{Break, Continue};

use super::client::{Client, Run, Step, StepContext};
use super::clients::Clients;
use super::event::{ClientEvent, TimeLeft};
use super::socket::Taken;
use super::steps::Telling;
use super::stream::Stream;
use super::watcher::{AnswerWatcher, Watcher};
use crate::peer::Peer;
use crate::time::Time;

impl<S: Stream> Clients<S> {
    /// Tells `watcher` of the clients' steps from now on, and the one before no more.
    pub fn watch(&mut self, watcher: Box<dyn Watcher>) {
        self.steps.watch(watcher);
    }

    /// Tells `watcher` what becomes of each answer, from now on.
    pub(crate) fn watch_answers(&mut self, watcher: Box<dyn AnswerWatcher>) {
        self.steps.watch_answers(watcher);
    }

    /// It is `now`. Answers are noted in steps as long as any are told of.
    pub(super) fn set_time(&mut self, now: Time) {
        self.steps.set_time(now);
        self.common.millis = now.millis();
        if self.steps.are_any_told() != self.common.notes.is_some() {
            self.common.notes = self.steps.are_any_told().then(Box::default);
        }
    }

    /// Tells of a client's step, if steps are told.
    #[inline]
    pub(super) fn tell(&mut self, key: usize, step: impl FnOnce(&Self, usize) -> ClientEvent) {
        if self.steps.are_told() {
            let id = self.slab[key].id(key);
            let step = step(self, key);
            self.steps.tell(id, step);
        }
    }

    /// A client's turn is over: tells of the answers that it still is to be sent, and with the last client
    /// of a batch of those that were taken whole.
    #[inline]
    pub(super) fn tell_turn(&mut self, key: usize) {
        if self.steps.are_any_told() {
            self.tell_told_turn(key);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_told_turn(&mut self, key: usize) {
        if self.batch.unfinished.is_empty() || self.steps.is_owed(key, &self.common) {
            let client = &self.slab[key];
            self.steps.tell_turn(client.id(key), &client.connection, &mut self.common);
        }
    }

    /// A client was accepted.
    pub(super) fn accepted(&self, key: usize, peer: Peer) -> ClientEvent {
        let state = self.slab[key].connection.state();
        ClientEvent::Accepted { peer, clients: self.len(), state }
    }

    /// What a client waits for, and how long it may.
    pub(super) fn waits(&self, key: usize) -> ClientEvent {
        let connection = &self.slab[key].connection;
        let time_left = connection.time_left(&self.common.timeouts, self.steps.now());
        let time_left = time_left.map(|(class, left)| TimeLeft { class, left });
        ClientEvent::Waits { demand: connection.demand(), time_left }
    }
}

impl<H> StepContext<'_, H> {
    #[inline]
    pub(super) fn tell<S: Stream>(
        &mut self,
        client: &Client<S>,
        step: impl FnOnce() -> ClientEvent,
    ) {
        if self.steps.are_told() {
            self.steps.tell(client.id(self.key), step());
        }
    }

    /// Tells what came of sending.
    #[inline]
    pub(super) fn tell_sent<S: Stream>(
        &mut self,
        client: &Client<S>,
        taken: Taken,
        offered: usize,
    ) {
        if self.steps.are_any_told() {
            let sent = (taken, offered);
            self.steps.tell_sent(client.id(self.key), sent, &client.connection, self.common);
        }
    }

    /// Tells what a step has changed that did anything.
    #[inline]
    pub(super) fn tell_change<S: Stream>(
        &mut self,
        telling: Telling,
        step: &Step,
        client: &Client<S>,
    ) {
        if let Continue(()) | Break(Run::Lingers) = step {
            let id = client.id(self.key);
            self.steps.tell_change(telling, id, &client.connection, self.common);
        }
    }
}
