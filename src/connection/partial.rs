//! Heads that are not whole yet, and the empty lines that may stand before them.

use super::context::Context;
use super::machine::Connection;
use super::state::HeadEnd;
use crate::answer::handler::Handler;
use crate::http::fault::FaultKind;
use crate::work;

/// What one look at the input came to.
pub(super) enum InputUse {
    /// The first bytes, this many, are done with.
    Consumed(usize),
    /// More has to come; only the first bytes, this many, are still needed.
    Kept(usize),
}

impl Connection {
    /// RFC 9112 §2.2: empty lines before a request are ignored. Some clients send one after a
    /// body; before the first request they may be all that a person has typed so far.
    pub(super) fn drop_empty_line<H: Handler>(
        &mut self,
        input: &[u8],
        context: &mut Context<'_, H>,
    ) -> InputUse {
        context.common.budget.spend(work::EMPTY_LINE);
        if !self.state.is_between_requests() {
            let dropped = self.state.on_first_empty_line(2, context.now) as usize;
            if dropped > context.common.limits.head_bytes_max {
                return self.refuse(FaultKind::HeadTooLarge, &input[..2], context);
            }
        }
        InputUse::Consumed(2)
    }

    pub(super) fn await_head<H>(
        &mut self,
        input: &[u8],
        place: HeadEnd,
        context: &mut Context<'_, H>,
    ) -> InputUse {
        context.common.budget.spend(input.len() * work::HEAD_BYTE);
        // A head is at most 64 KiB long.
        let looked = u32::try_from(input.len()).unwrap_or(u32::MAX);
        self.state.on_partial_head(looked, place, context.now);
        InputUse::Kept(input.len())
    }
}

/// Where this unfinished head ends. It has been looked at, and nothing is wrong with it.
pub(super) fn head_end(input: &[u8]) -> HeadEnd {
    let Some(line_end) = input.iter().rposition(|byte| *byte == b'\n') else {
        return HeadEnd::Other;
    };
    let line = &input[line_end + 1..];
    match line.contains(&b':') && !line.ends_with(b"\r") {
        true => HeadEnd::Value,
        false => HeadEnd::Other,
    }
}
