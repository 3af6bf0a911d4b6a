//! Two models of request framing agree: this one, and the simulation's, which was written from the
//! same RFC without a look at this one.
//!
//! They say different things of a request: this model says which bytes are enough to know each
//! fault by its kind, the other one how far each message reaches and which statuses refuse it. What
//! both say must be the same of every input of the fuzzer and of every seed of the simulation. Where
//! it is not, one of them is wrong, and the server may be wrong in the same way.

use std::collections::BTreeSet;

use oneloop::{Limits, Version};

use super::answers::status_of;
use super::model::control::Persistence;
use super::model::conversation::{Answer, Conversation};
use crate::framing::{self, Asked, Meaning, Message};
use crate::instrumented::handler::{Manner, Shown};

/// Reads `input` with both models, as if no client waited for leave to send, and compares what they
/// say.
///
/// # Panics
/// If they do not agree.
pub fn assert_agree(input: &[u8], limits: &Limits) {
    compare(input, &framing::messages(input, limits), limits);
}

/// The same, for the messages that the simulation's model has already found.
pub fn compare(input: &[u8], messages: &[Message], limits: &Limits) {
    let conversation = Conversation::read(input, limits, &|_| false);
    let mut messages = messages.iter();
    for event in &conversation.events {
        let message = messages.next();
        let Some(Message { end, meaning, .. }) = message else {
            panic!("one model finds more: {:?} in {}", event.answer, input.escape_ascii());
        };
        let agree = event.at == *end && is_same(&event.answer, meaning);
        assert!(
            agree,
            "at {} and {end}: {:?} or {meaning:?} in {}",
            event.at,
            event.answer,
            input.escape_ascii()
        );
        if let Answer::Request { shown, .. } = &event.answer
            && Manner::of(&shown.path) == Manner::Close
        {
            // The handler of this model's conversations ends them here.
            return;
        }
    }
    let left = messages.find(|message| message.meaning != Meaning::Unfinished);
    assert_eq!(left, None, "the other model finds more in {}", input.escape_ascii());
}

fn is_same(answer: &Answer, meaning: &Meaning) -> bool {
    match (answer, meaning) {
        (Answer::Request { shown, persistence }, Meaning::Request(asked)) => {
            let ends = Manner::of(&shown.path) == Manner::Close;
            is_asked(shown, asked) && (ends || persists_alike(*persistence, asked.persistence))
        }
        (Answer::Fault { kinds, persistence, .. }, Meaning::Unsupported(asked, status)) => {
            let statuses = kinds.iter().map(|kind| status_of(*kind));
            statuses.eq([*status]) && persists_alike(*persistence, asked.persistence)
        }
        (Answer::Fault { kinds, persistence, .. }, Meaning::Faulty(statuses)) => {
            let by_kind: BTreeSet<u16> = kinds.iter().map(|kind| status_of(*kind)).collect();
            let said: BTreeSet<u16> = statuses.iter().copied().collect();
            // Of several faults that are plain with the same byte, one model may know which comes
            // first.
            let agree = by_kind.is_subset(&said) || said.is_subset(&by_kind);
            agree && *persistence == Persistence::Close
        }
        (Answer::Continue | Answer::Request { .. } | Answer::Fault { .. }, _) => false,
    }
}

fn is_asked(shown: &Shown, asked: &Asked) -> bool {
    let Asked { method, target, body, old, .. } = asked;
    let is_old = shown.version == Version::Http10;
    shown.method == *method && shown.target == *target && shown.body == *body && is_old == *old
}

fn persists_alike(this: Persistence, other: framing::Persistence) -> bool {
    match this {
        Persistence::Keep => other == framing::Persistence::Keep,
        Persistence::KeepStated => other == framing::Persistence::KeepStated,
        Persistence::Close => other == framing::Persistence::Close,
    }
}
