//! What a client still sends after its last answer: the server reads it and throws it away, within
//! bounds.
//!
//! Closing with unread bytes would destroy the answer, and many programs read the answer only after
//! they have sent the whole body. So the bound on bytes is generous, and time decides: a connection
//! lingers in spans of the linger timeout, and gets a further span only for progress in the one
//! before.

use super::context::{Common, Context};
use super::machine::Connection;
use super::state::State;
use crate::config::LINGER_SPANS_MAX;
use crate::time::Time;

impl Connection {
    /// The server stops, and the peer has nothing to say: it is told the end.
    pub(crate) fn on_drained(&mut self, now: Time) {
        self.state.on_drained();
        // Half an empty line, perhaps, or half a PROXY header.
        self.forget_input();
        self.wait_from(now);
    }

    /// `bytes` bytes were received and thrown away while lingering.
    pub(crate) fn on_discarded(&mut self, bytes: usize, common: &mut Common) {
        common.metrics.received_bytes += bytes as u64;
        self.count_progress(bytes);
        if let State::Lingering { discarded, reason, .. } = &mut self.state {
            *discarded = discarded.saturating_add(bytes);
            let reason = *reason;
            if *discarded > common.limits.linger_bytes_max {
                self.state.on_close(reason);
            }
        }
    }

    /// Whether the peer has made enough progress in the present span for another.
    pub(crate) fn has_earned_span(&self, common: &Common) -> bool {
        let progress = common.limits.progress_bytes(common.timeouts.linger).max(1);
        u64::from(self.moved) >= progress
    }

    /// Whether it is certain that the peer is listened to for another span: it has earned that, and
    /// may have one. What it has sent besides changes nothing.
    pub(crate) fn lingers_on(&self, common: &Common) -> bool {
        let State::Lingering { spans, .. } = &self.state else { return false };
        *spans < LINGER_SPANS_MAX && self.has_earned_span(common)
    }

    /// A peer that goes on sending, fast enough, is listened to for another span.
    pub(super) fn on_linger_span_over<H>(&mut self, context: &Context<'_, H>) {
        let has_earned = self.has_earned_span(context.common);
        let State::Lingering { spans, reason, .. } = &mut self.state else {
            unreachable!("only lingering has such spans")
        };
        if has_earned && *spans < LINGER_SPANS_MAX {
            *spans += 1;
        } else {
            let reason = *reason;
            self.state.on_close(reason);
        }
    }
}
