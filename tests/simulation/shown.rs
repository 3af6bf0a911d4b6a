//! A fault as the handler is shown it.

use oneloop::{Fault, FaultKind};

use crate::watch::Part;

#[derive(Clone, Debug)]
pub struct Shown {
    pub kind: FaultKind,
    pub cause: Cause,
    pub status: u16,
    /// The text for a person at a prompt.
    pub text: String,
    /// How many bytes were shown as received.
    pub received: usize,
    /// Whether what came begins like a HEAD request.
    pub head_only: bool,
}

/// What has made a fault of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The bytes.
    Bytes,
    /// Nothing but the method.
    Method,
    /// The time for this part.
    Stalled(Part),
    /// The peer's end, in this part.
    Unfinished(Part),
}

impl Shown {
    pub fn of(fault: &Fault<'_>) -> Shown {
        let received = fault.received();
        let behind = received.strip_prefix(b"HEAD");
        Shown {
            kind: fault.kind(),
            cause: Cause::of(fault.kind()),
            status: fault.status().code(),
            text: fault.to_string(),
            received: received.len(),
            head_only: behind.is_some_and(|rest| rest.first().is_none_or(|byte| *byte == b' ')),
        }
    }
}

impl Cause {
    fn of(kind: FaultKind) -> Cause {
        let causes = [
            (FaultKind::MethodUnknown, Cause::Method),
            (FaultKind::MethodRefused, Cause::Method),
            (FaultKind::HeadStalled, Cause::Stalled(Part::Head)),
            (FaultKind::BodyStalled, Cause::Stalled(Part::Body)),
            (FaultKind::HeadUnfinished, Cause::Unfinished(Part::Head)),
            (FaultKind::BodyUnfinished, Cause::Unfinished(Part::Body)),
        ];
        let known = causes.into_iter().find(|(other, _)| *other == kind);
        known.map_or(Cause::Bytes, |(_, cause)| cause)
    }
}
