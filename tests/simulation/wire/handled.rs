//! What the handler is asked for this client, and why the connection ends by that.

use oneloop::{CloseReason, Request};

use super::Wire;
use crate::hub::Stage;
use crate::marks::Mark;
use crate::proxied::Proxied;
use crate::shown::{Cause, Shown};

impl Wire {
    pub fn on_request(&mut self, request: &Request<'_>) {
        let peer = request.peer().ip().expect("each has an address");
        let client = Proxied::expected(self.script.proxied.as_ref(), peer);
        if request.client() != Some(client) {
            self.fail(&format!(
                "its client is {client}, and {:?} for the handler",
                request.client()
            ));
        }
        let date = self.hub.date();
        if let Err(wrong) = self.witness.on_request(request, self.hub.life(), &date) {
            self.fail(&wrong);
        }
        self.watch.on_answer();
        self.answer_costs();
        self.burst += 1;
        if self.burst == 10 {
            self.hub.mark(Mark::Pipelined);
        }
        if std::mem::take(&mut self.may_ask_once_more) && !self.hub.closes_idle() {
            self.hub.mark(Mark::AskedOnceMore);
        }
        self.tell(|| format!("{} {} is handled", request.method().as_str(), request.target()));
    }

    /// The handler panics over the request that it was just shown.
    pub fn on_panic(&mut self) {
        self.tell(|| "the handler panics".into());
        (self.has_panicked, self.touched) = (true, true);
        self.witness.on_panic();
    }

    pub fn on_fault(&mut self, shown: Shown) {
        let kind = shown.kind;
        self.tell(|| format!("{kind:?} is handled"));
        self.touched = true;
        match shown.cause {
            _ if self.calls == 0 => {
                self.fail(&format!("{kind:?}, and it was not looked at in this turn"));
            }
            Cause::Stalled(part) if !self.watch.is_ripe(part, self.hub.now()) => {
                self.fail(&format!("{kind:?} before its time"));
            }
            Cause::Stalled(_) if self.unread() > 0 && !self.may_have_used_budget() => {
                self.fail(&format!("{kind:?}, and more of it lies unread"));
            }
            Cause::Unfinished(_) if !self.end_is_read => {
                self.fail(&format!("{kind:?}, and the end has not been read"));
            }
            Cause::Stalled(part) | Cause::Unfinished(part) if part != self.part() => {
                self.fail(&format!("{kind:?}, and it is not in the {part:?}"));
            }
            Cause::Stalled(_) | Cause::Unfinished(_) | Cause::Bytes | Cause::Method => {}
        }
        if let Err(wrong) = self.witness.on_fault(shown, self.hub.life(), &self.hub.date()) {
            self.fail(&wrong);
        }
        self.hub.with_outcome(|outcome| outcome.fault_kinds.insert(format!("{kind:?}")));
    }

    /// Why the connection has ended, as far as the calls tell.
    pub(super) fn fate(&self) -> CloseReason {
        let over = self.witness.last.filter(|_| !self.witness.is_answering());
        let end_is_all = self.end_is_read && self.witness.last.is_none();
        match self.hub.stage() {
            _ if self.has_panicked => CloseReason::HandlerPanicked,
            // The reason that was first stays, whatever comes while lingering.
            _ if over.is_some() => over.unwrap_or(CloseReason::Answered),
            // Whoever is refused is closed in that turn. Who is cut off before had no budget to be
            // looked at.
            stage if self.is_refused() && stage != Stage::CutOff => CloseReason::NoProxyHeader,
            // Whoever is cut off in the turn that tells of the loss has not been driven since.
            stage if self.lost_told && stage != Stage::CutOff => CloseReason::Reset,
            _ if self.write_timed_out => CloseReason::WriteTimeout,
            // An end that is not looked at yet counts for nothing.
            Stage::Register => CloseReason::Reset,
            Stage::CutOff => CloseReason::CutOff,
            _ if end_is_all && self.has_half_header() => CloseReason::NoProxyHeader,
            _ if end_is_all => CloseReason::PeerClosed,
            Stage::Accept => CloseReason::Evicted,
            Stage::Outside
            | Stage::Drive
            | Stage::Linger
            | Stage::Expire
            | Stage::EndIdle
            | Stage::Free => self.rest_fate(),
        }
    }

    /// Whether what has been read shows that no header comes first, where one has to.
    pub(super) fn is_refused(&self) -> bool {
        let consumed = self.witness.consumed;
        self.script.proxied.as_ref().is_some_and(|proxied| proxied.is_refused(consumed))
    }

    /// Whether some of a header has been read, and not all.
    pub(super) fn has_half_header(&self) -> bool {
        let consumed = self.witness.consumed;
        let header = self.script.proxied.as_ref();
        consumed > 0 && header.is_some_and(|proxied| proxied.is_unfinished(consumed))
    }

    /// It was idle, and for that reason closed.
    fn rest_fate(&self) -> CloseReason {
        match self.witness.handled {
            0 => CloseReason::FirstByteTimeout,
            _ => CloseReason::IdleTimeout,
        }
    }
}
