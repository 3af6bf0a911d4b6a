//! Drives a [`Connection`] by what happens to it.
//!
//! Owns the state, the bytes that the client has left behind between turns, and the time since when
//! we wait. It does no I/O and reads no clock: the caller asks [`Connection::demand`] what to do
//! next, does it, and reports what came of it.

use std::io::IoSlice;

use super::context::Context;
use super::demand::{Demand, Unread};
use super::opening::Opening;
use super::state::{After, State, StateName};
use crate::answer::handler::Handler;
use crate::buffer::{Output, Parked};
use crate::http::fault::FaultKind;
use crate::metrics::CloseReason;
use crate::peer::Caller;
use crate::time::{PackedTime, Time};

/// What has come and has not been looked at, because there was no budget left for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Backlog {
    Nothing,
    /// A part of the input that is kept.
    Input,
    /// The end of what the peer sends, behind what is kept.
    End,
}

/// One HTTP connection, without its socket.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) state: State,
    pub(super) parked: Option<Box<Parked>>,
    /// When the present waiting began, or last made progress.
    pub(super) since: PackedTime,
    /// Bytes moved since then, until they are enough to count as progress.
    pub(super) moved: u32,
    /// When the first byte came of what is answered next, or being answered: in milliseconds.
    pub(super) began: u32,
    pub(super) backlog: Backlog,
    pub(crate) caller: Caller,
}

impl Connection {
    /// A connection of this client that was accepted at `now`.
    pub(crate) fn new(caller: Caller, opening: Opening, now: Time) -> Connection {
        Connection {
            state: opening.into(),
            parked: None,
            since: now.into(),
            moved: 0,
            began: now.millis(),
            backlog: Backlog::Nothing,
            caller,
        }
    }

    /// What to do next.
    #[inline(always)]
    pub(crate) fn demand(&self) -> Demand {
        match &self.state {
            State::Fresh
            | State::ReadingProxyHeader
            | State::Idle
            | State::ReadingHead(_)
            | State::ReadingBody(_) => match self.backlog {
                Backlog::Nothing => Demand::Receive,
                Backlog::Input | Backlog::End => Demand::Resume,
            },
            State::Writing(After::Source(..)) => self.body_demand(),
            State::Writing(_) => Demand::Send,
            State::Pausing(..) => Demand::Pause,
            State::Lingering { .. } => Demand::Discard,
            State::Closed(reason) => Demand::Close(*reason),
        }
    }

    /// The state's name.
    pub(crate) fn state(&self) -> StateName {
        self.state.name()
    }

    /// Takes what was received. Whole requests in it are answered, one behind the other; what is
    /// left of it is kept.
    #[inline(always)]
    pub(crate) fn on_bytes<H: Handler>(
        &mut self,
        received: &mut [u8],
        context: &mut Context<'_, H>,
    ) {
        context.common.metrics.received_bytes += received.len() as u64;
        let before = self.state.name();
        self.note_first_byte(context.common);
        match self.parked.as_mut() {
            Some(parked) if self.state.drops_content() => {
                let mut head = std::mem::take(&mut parked.input);
                let left = self.drop_content(&mut head, received, context);
                // The head as long as its content goes on, or what lies behind that.
                head.append(&received[left], context.common.limits.client_bytes_max());
                if !head.is_empty() {
                    self.parked.get_or_insert_default().input = head;
                }
                self.release_parked();
            }
            Some(parked) if !parked.input.is_empty() => {
                let bytes_max = context.common.limits.client_bytes_max();
                parked.input.append(received, bytes_max);
                self.advance_parked(context);
            }
            Some(_) | None => {
                let left = self.advance(received, context);
                if !left.is_empty() {
                    let parked = self.parked.get_or_insert_default();
                    parked.input.append(&received[left], context.common.limits.client_bytes_max());
                }
            }
        }
        self.note_waiting(before, received.len(), context);
    }

    /// The peer has ended its side. That is no loss of interest: what is owed is still sent.
    pub(crate) fn on_eof<H: Handler>(&mut self, context: &mut Context<'_, H>) {
        let before = self.state.name();
        match &self.state {
            State::Fresh | State::Idle => self.state.on_close(CloseReason::PeerClosed),
            State::ReadingProxyHeader => self.on_eof_of_proxy_header(context.common),
            State::ReadingHead(_) => self.refuse_kept(FaultKind::HeadUnfinished, context),
            State::ReadingBody(_) => self.refuse_kept(FaultKind::BodyUnfinished, context),
            State::Lingering { reason, .. } => self.state.on_close(*reason),
            State::Writing(_) | State::Pausing(..) | State::Closed(_) => {
                unreachable!("nothing is received there")
            }
        }
        self.note_waiting(before, 0, context);
    }

    /// The time for what the connection waits for has run out, or that of a source has come.
    pub(crate) fn on_deadline<H: Handler>(&mut self, context: &mut Context<'_, H>) {
        match &self.state {
            State::Fresh | State::ReadingProxyHeader => {
                self.state.on_close(CloseReason::FirstByteTimeout);
            }
            State::Idle => self.state.on_close(CloseReason::IdleTimeout),
            State::ReadingHead(_) => self.refuse_kept(FaultKind::HeadStalled, context),
            State::ReadingBody(_) => self.refuse_kept(FaultKind::BodyStalled, context),
            State::Writing(_) => self.state.on_close(CloseReason::WriteTimeout),
            State::Pausing(..) => self.ask_source(context),
            State::Lingering { .. } => self.on_linger_span_over(context),
            State::Closed(_) => {}
        }
        self.wait_from(context.now);
    }

    /// The connection is lost, or the server wants it to end.
    pub(crate) fn on_close(&mut self, reason: CloseReason) {
        self.state.on_close(reason);
    }

    /// The first `bytes_max` of the bytes that are owed to the peer: `output` is the engine's.
    #[inline]
    pub(crate) fn owed<'a>(&'a self, output: &'a Output, bytes_max: usize) -> [IoSlice<'a>; 2] {
        match &self.parked {
            Some(parked) if !parked.output.is_empty() => parked.output.slices(bytes_max),
            Some(_) | None => output.slices(bytes_max),
        }
    }

    /// The kernel has taken this many of the bytes owed. Always inlined into the path of ordinary
    /// answers; files call [`on_sent_before_file`](Connection::on_sent_before_file).
    #[inline(always)]
    pub(crate) fn on_sent<H: Handler>(
        &mut self,
        bytes: usize,
        unread: Unread,
        context: &mut Context<'_, H>,
    ) {
        context.common.metrics.sent_bytes += bytes as u64;
        let all_is_sent = match &mut self.parked {
            Some(parked) if !parked.output.is_empty() => parked.output.advance(bytes),
            Some(_) | None => context.common.output.advance(bytes),
        };
        let Some(answers) = all_is_sent else {
            self.note_progress(bytes, context.common.timeouts.write, context);
            return;
        };
        self.on_all_sent(answers, unread, context);
    }

    /// Nothing is owed any more: this many answers have ended by that.
    #[inline(always)]
    pub(super) fn on_all_sent<H: Handler>(
        &mut self,
        answers: u32,
        unread: Unread,
        context: &mut Context<'_, H>,
    ) {
        self.count_ended(answers, context.common);
        self.release_parked();
        if unread == Unread::Perhaps {
            self.state.on_input_left();
        }
        self.state.on_written();
        self.wait_from(context.now);
        if let State::Idle | State::ReadingBody(_) = self.state {
            self.advance_parked(context);
        } else if let State::Pausing(..) = self.state {
            self.on_piece_sent(context);
        }
    }

    /// The client's turn ends: what the engine's output still holds is moved into memory of the
    /// client's own.
    // A call of it costs as much as it does: 25 instructions per kept GET.
    #[inline(always)]
    pub(crate) fn park(&mut self, output: &mut Output) {
        if !output.is_empty() {
            self.parked.get_or_insert_default().keep_output(output);
        }
        debug_assert!(
            !matches!(self.state, State::Fresh)
                || self.kept().is_empty()
                || self.backlog == Backlog::Input,
            "a client that has sent nothing owns no memory"
        );
    }

    /// Answers kept input that does not become a request any more.
    fn refuse_kept<H: Handler>(&mut self, kind: FaultKind, context: &mut Context<'_, H>) {
        let input = self.parked.as_mut().map(|parked| std::mem::take(&mut parked.input));
        self.refuse(kind, input.as_deref().unwrap_or_default(), context);
        self.release_parked();
    }

    #[inline]
    pub(super) fn release_parked(&mut self) {
        if self.parked.as_ref().is_some_and(|parked| parked.is_empty()) {
            self.parked = None;
        }
    }
}
