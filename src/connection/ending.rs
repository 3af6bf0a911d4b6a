//! How a connection ends, and what decides that.

use crate::http::fault::FaultKind;
use crate::metrics::CloseReason;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At once: the peer has nothing more to say that we know of.
    Close(CloseReason),
    /// After lingering.
    Linger(CloseReason),
    /// At once: the peer has ended its side, so nothing of it can be left unread.
    PeerEnded(CloseReason),
}

impl Ending {
    /// Why.
    pub(crate) fn reason(self) -> CloseReason {
        match self {
            Ending::Close(reason) | Ending::Linger(reason) | Ending::PeerEnded(reason) => reason,
        }
    }

    /// What comes behind the answer to this fault.
    pub(crate) fn behind_fault(kind: FaultKind) -> Ending {
        match kind == FaultKind::HeadUnfinished || kind == FaultKind::BodyUnfinished {
            true => Ending::PeerEnded(kind.close_reason()),
            false => Ending::Linger(kind.close_reason()),
        }
    }
}
