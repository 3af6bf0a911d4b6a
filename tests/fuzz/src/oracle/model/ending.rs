//! Where a peer's bytes end, and what has to come of its end there.

use oneloop::{CloseReason, FaultKind};

use super::End;
use super::control::Persistence;
use super::conversation::{Answer, Conversation};

/// Where the input ends.
#[derive(Debug)]
pub(super) enum Rest {
    /// In the PROXY header, of which this many bytes have come.
    Header(usize),
    /// Between two requests.
    Idle,
    /// In a head, or in the empty lines before the first one.
    Head(Vec<u8>),
    /// In the content, of which so much has come. The head is part of this.
    Body(Vec<u8>),
    /// Behind the last answer; whatever else comes is not read.
    Over(CloseReason),
}

impl Conversation {
    /// What has to be answered when the peer ends, and why the connection is over then.
    pub fn on_end(&self, end: End) -> (Option<Answer>, CloseReason) {
        let fault = |kind, received: &Vec<u8>| {
            let (kinds, received) = (vec![kind], received.clone());
            Some(Answer::Fault { kinds, received, persistence: Persistence::Close })
        };
        match (&self.rest, end) {
            (Rest::Over(reason), _) => (None, *reason),
            (_, End::Reset) => (None, CloseReason::Reset),
            (Rest::Idle | Rest::Header(0), End::HalfClose) => (None, CloseReason::PeerClosed),
            (Rest::Header(_), End::HalfClose) => (None, CloseReason::NoProxyHeader),
            (Rest::Header(_), End::Silence) => (None, CloseReason::FirstByteTimeout),
            (Rest::Idle, End::Silence) if self.served() == 0 => {
                (None, CloseReason::FirstByteTimeout)
            }
            (Rest::Idle, End::Silence) => (None, CloseReason::IdleTimeout),
            (Rest::Head(received), End::HalfClose) => {
                (fault(FaultKind::HeadUnfinished, received), CloseReason::Fault)
            }
            (Rest::Head(received), End::Silence) => {
                (fault(FaultKind::HeadStalled, received), CloseReason::HeadTimeout)
            }
            (Rest::Body(received), End::HalfClose) => {
                (fault(FaultKind::BodyUnfinished, received), CloseReason::Fault)
            }
            (Rest::Body(received), End::Silence) => {
                (fault(FaultKind::BodyStalled, received), CloseReason::BodyTimeout)
            }
        }
    }
}
