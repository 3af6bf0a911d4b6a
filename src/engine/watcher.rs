//! Who is told of the clients: of their steps, and of what becomes of their answers.
//!
//! Traits and what their calls hand over; `steps` calls them. A watcher is called on the loop, in the
//! middle of a step: it must not panic, and every client waits while it works.

use std::net::SocketAddr;
use std::time::Duration;

use super::event::ClientEvent;
use super::id::ClientId;
use crate::connection::state::StateName;
use crate::connection::{Answered, Progress, Whole};
use crate::journal::access::DATE_BYTES;
use crate::metrics::CloseReason;
use crate::peer::PackedPeer;
use crate::time::Time;

/// How much a watcher wants to know. Each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Attention {
    /// Nothing but the end of a connection, for the log.
    #[default]
    Nothing,
    /// Each answer.
    Answers,
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
    fn on_transition(&mut self, before: StateName, after: StateName, answers: u32);

    /// A client has taken a step, in the turn that began `at` this time.
    fn on_step(&mut self, at: Time, client: ClientId, step: ClientEvent);
}

/// Is told what becomes of each answer, from when it is given to when its last byte is taken. It is
/// called as a [`Watcher`] is.
pub(crate) trait AnswerWatcher {
    /// This client's turn is over. If it is still owed something, it waits for that. Says whether
    /// there is anything that another client is owed, whose turn is not over.
    fn on_turn(&mut self, client: ClientId) -> bool;

    /// Whether it knows of any answer that is not all taken.
    fn knows_any(&self) -> bool;

    /// Whether it knows of any to this client, which is driven, that is not all taken.
    fn knows_any_of(&self, client: ClientId) -> bool;

    /// These answers were given, and the kernel has taken all of each in the same turn: the usual case
    /// of [`AnswerWatcher::on_answer`] and [`AnswerWatcher::on_sent`], of many clients at once. It knows
    /// of no other answers to them. `text` is what all have asked.
    fn on_whole(&mut self, answers: &[Whole], text: &[u8], date: &[u8; DATE_BYTES]);

    /// This client was given an answer, behind those that it was given before; or its handler
    /// panicked instead, and [`AnswerWatcher::on_closed`] follows.
    fn on_answer(&mut self, at: Time, client: ClientId, answer: &Answered<'_>);

    /// The kernel has taken more bytes for this client.
    fn on_sent(&mut self, at: Time, client: ClientId, bytes: usize);

    /// A step of this client is over, and its answers have come this far.
    fn on_progress(&mut self, at: Time, client: ClientId, progress: Progress);

    /// This client's connection has ended. What was not taken until now never will be.
    fn on_closed(&mut self, at: Time, client: ClientId, ended: &Ended<'_>);
}

/// A connection that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) reason: CloseReason,
    pub(crate) peer: &'a PackedPeer,
    /// For whom its proxy has said that it connects.
    pub(crate) client: Option<SocketAddr>,
    /// How many answers it has had.
    pub(crate) answers: u32,
    /// How long ago the first byte came that was not answered; or the connection, if none did.
    pub(crate) since_first_byte: Duration,
    /// Today's date, as HTTP writes it.
    pub(crate) date: &'a [u8; DATE_BYTES],
}
