//! What a connection says of itself: to the log, to those who are told its steps, and to tests.

use std::time::Duration;

use super::machine::Connection;
use super::note::Progress;
use super::state::{After, State};
use crate::buffer::Output;
use crate::config::{TimeoutClass, Timeouts};
use crate::metrics::CloseReason;
use crate::peer::{PackedPeer, Peer};
use crate::time::Time;

impl Connection {
    /// Where it comes from.
    pub(crate) fn address(&self) -> Peer {
        self.caller.peer.into()
    }

    /// The same, in the form in which it is kept.
    pub(crate) fn peer(&self) -> &PackedPeer {
        &self.caller.peer
    }

    /// Answers given so far, to requests and to faults.
    pub(crate) fn served(&self) -> u32 {
        self.caller.served()
    }

    /// For what it may wait at `now`, and how long. `None` for what: until its source gives more.
    pub(crate) fn time_left(
        &self,
        timeouts: &Timeouts,
        now: Time,
    ) -> Option<(Option<TimeoutClass>, Duration)> {
        let (class, due) = self.deadline(timeouts)?.due(timeouts);
        Some((class, due.since(now)))
    }

    /// Input that is kept between turns.
    pub(crate) fn kept(&self) -> &[u8] {
        self.parked.as_ref().map_or(&[], |parked| &parked.input)
    }

    /// How much that is, in bytes.
    pub(crate) fn kept_bytes(&self) -> usize {
        self.kept().len()
    }

    /// Whether it keeps nothing, and owes just this many bytes, all of answers behind which requests may
    /// follow: so no more of them comes over time, and none was given up.
    #[inline]
    pub(crate) fn owes_just(&self, bytes: usize, hot: &Output) -> bool {
        matches!(self.state, State::Writing(After::Request))
            && self.parked.is_none()
            && hot.len() == bytes
    }

    /// The memory that is kept for it beside the allocator's, in bytes.
    pub(crate) fn mapped_bytes(&self) -> usize {
        self.parked.as_ref().map_or(0, |parked| parked.mapped_bytes())
    }

    /// Output that the peer has still to be sent, in bytes: `hot` is the loop's output.
    pub(crate) fn owed_bytes(&self, hot: &Output) -> usize {
        match &self.parked {
            Some(parked) if !parked.output.is_empty() => parked.output.len(),
            Some(_) | None => hot.len(),
        }
    }

    /// How far it has come with its answers; `None` if they have been given up.
    pub(crate) fn progress(&self, hot: &Output) -> Option<Progress> {
        let broken = |reason: CloseReason| {
            let is_broken = matches!(reason, CloseReason::SourceBroken | CloseReason::FileBroken);
            is_broken.then_some(reason)
        };
        let (streams, broken) = match &self.state {
            State::Closed(reason) if reason.is_abrupt() => return None,
            State::Writing(After::Source(..)) | State::Pausing(..) => (true, None),
            State::Writing(After::End(ending)) => (false, broken(ending.reason())),
            State::Lingering { reason, .. } | State::Closed(reason) => (false, broken(*reason)),
            State::Fresh
            | State::ReadingProxyHeader
            | State::Idle
            | State::ReadingHead(_)
            | State::ReadingBody(_)
            | State::Writing(After::Request | After::Body(_)) => (false, None),
        };
        Some(Progress { owed: self.owed_bytes(hot), streams, broken, interim: 0 })
    }

    /// The memory that is kept for it beyond its slot, in bytes.
    #[cfg(test)]
    pub(super) fn parked_bytes(&self) -> usize {
        self.parked.as_ref().map_or(0, |parked| parked.capacity())
    }
}
