//! Faults that the program commits on purpose, so that clients can be tested.
//!
//! Only this crate can do so: a source breaks off its answer, and a raw answer's bytes are sent as they
//! are. An embedding program can do neither, by mistake or on purpose.

use crate::answer::handler::{Reply, Sent};
use crate::answer::planned_fault::Planned;
use crate::answer::source::{Delimiter, Source, Streaming};
use crate::buffer::Output;
use crate::http::control::Persistence;

/// The head of an ordinary answer, as bytes.
pub(crate) struct HeadBytes {
    pub(crate) bytes: Vec<u8>,
    /// Whether a body follows.
    pub(crate) has_body: bool,
    persistence: Persistence,
}

impl Reply<'_> {
    /// The head of the answer that `give` gives, of which nothing is sent.
    pub(crate) fn head_bytes(&self, give: impl FnOnce(Reply<'_>) -> Sent) -> HeadBytes {
        let Reply { date, transfer, version, persistence, .. } = *self;
        let mut output = Output::default();
        let reply =
            Reply { output: &mut output, date, transfer, version, persistence, allow: None };
        let sent = give(reply);
        let bytes = std::mem::take(output.encoded());
        HeadBytes { bytes, has_body: sent.body.is_some(), persistence: sent.persistence }
    }

    /// Answers with the bytes that `source` gives, as they are; there is no head before them. What is told
    /// of the answer is `planned`. What becomes of the connection is said by `head`, if the source does
    /// not break off.
    pub(crate) fn raw(
        self,
        head: Option<&HeadBytes>,
        planned: Planned,
        source: impl Source + 'static,
    ) -> Sent {
        let persistence = head.map_or(Persistence::Close, |head| head.persistence);
        let body = Streaming::from_source(Box::new(source), Delimiter::End);
        Sent::later(persistence, Box::new(body)).planned(planned)
    }
}

impl Sent {
    /// Notes of an answer whose body comes over time that it has this fault.
    pub(crate) fn planned(mut self, planned: Planned) -> Sent {
        if let Some(Streaming::Source(given)) = self.body.as_deref_mut() {
            given.planned = Some(planned);
        }
        self
    }
}
