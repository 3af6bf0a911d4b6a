//! The stages, in the order in which a server learns them.

use std::time::Duration;

use super::examiner::Examiner;
use super::verdict::Verdict;
use super::{crowds, neighbours, people, processes, requests};

/// One stage.
pub struct Stage {
    /// By which it is chosen.
    pub name: &'static str,
    /// What the server does if it passes.
    pub title: &'static str,
    /// Why that matters, in a sentence.
    pub why: &'static str,
    /// Where it is written.
    pub rule: &'static str,
    /// How long it may take, besides what the user's options add.
    pub limit: Duration,
    /// Examines a server.
    pub examine: fn(&Examiner) -> Verdict,
}

/// Enough for three answers that take as long as is allowed, one after another.
const SHORT: Duration = Duration::from_secs(20);

/// The same, with many clients or many bytes.
const LONG: Duration = Duration::from_secs(40);

/// All of them. A stage's number is its place, from 1 on.
pub const STAGES: [Stage; 20] = [
    Stage {
        name: "answer",
        title: "answers a client",
        why: "A request gets exactly one answer, whose end can be told.",
        rule: "RFC 9112 §2.1, §6.3",
        limit: SHORT,
        examine: requests::answer,
    },
    Stage {
        name: "second",
        title: "answers a second client while the first is silent",
        why: "A server that waits for one client serves no other.",
        rule: "no RFC: a server has more than one client",
        limit: SHORT,
        examine: neighbours::second,
    },
    Stage {
        name: "pieces",
        title: "waits for the rest of a request that comes in pieces",
        why: "TCP carries bytes, not messages: a read may bring a part of a request.",
        rule: "RFC 9112 §2.2; RFC 9293 §2.2",
        limit: SHORT,
        examine: requests::pieces,
    },
    Stage {
        name: "keep-alive",
        title: "keeps the connection, or says that it does not",
        why: "A client sends its next request on the same connection unless it is told not to.",
        rule: "RFC 9112 §9.3, §9.6",
        limit: SHORT,
        examine: requests::keep_alive,
    },
    Stage {
        name: "pipeline",
        title: "answers 16 requests that come at once, in their order",
        why: "A read may bring more than one request, and answers have no numbers.",
        rule: "RFC 9112 §9.3.2",
        limit: SHORT,
        examine: requests::pipeline,
    },
    Stage {
        name: "half-close",
        title: "answers a client that has closed its sending side",
        why: "The end of a client's bytes says that it asks no more, not that it has gone.",
        rule: "RFC 9293 §3.6",
        limit: SHORT,
        examine: requests::half_close,
    },
    Stage {
        name: "continue",
        title: "tells a client that waits with its content to go on, or answers",
        why: "A client with Expect: 100-continue sends its content only then; otherwise both wait.",
        rule: "RFC 9110 §10.1.1",
        limit: SHORT,
        examine: requests::continues,
    },
    Stage {
        name: "upload",
        title: "answers an upload of 16 MiB, taken or refused, so that the answer arrives",
        why: "A close before all is read makes the kernel reset, which can destroy the answer.",
        rule: "RFC 9112 §9.6",
        limit: LONG,
        examine: requests::upload,
    },
    Stage {
        name: "typed",
        title: "answers or closes when what comes is no HTTP",
        why: "People type, and port scanners send anything: each would hold a connection.",
        rule: "RFC 9112 §3",
        limit: SHORT,
        examine: people::typed,
    },
    Stage {
        name: "telnet",
        title: "answers or closes after what a telnet client sends",
        why: "Lines come with pauses, and negotiation, Ctrl-C and urgent bytes among them.",
        rule: "RFC 854; RFC 9112 §2.2",
        limit: SHORT,
        examine: people::telnet,
    },
    Stage {
        name: "half",
        title: "answers others while 8 requests are incomplete",
        why: "A request may never become whole; only its own client may wait for that.",
        rule: "RFC 9112 §2.2, §8",
        limit: SHORT,
        examine: neighbours::half,
    },
    Stage {
        name: "many",
        title: "answers 200 clients that ask at once",
        why: "Each of them waits, and none knows of the others.",
        rule: "no RFC: a server has more than one client",
        limit: LONG,
        examine: crowds::many,
    },
    Stage {
        name: "slow-reader",
        title: "owes a slow reader every byte, and answers others meanwhile",
        why: "The kernel takes what it has room for; the rest must wait, and no other client.",
        rule: "RFC 9112 §6.3; RFC 9293 §3.8.6",
        limit: LONG,
        examine: neighbours::slow_reader,
    },
    Stage {
        name: "endless",
        title: "answers others beside a client that never stops asking",
        why: "A loop that reads on while there is something to read never comes to another client.",
        rule: "no RFC: a server has more than one client",
        limit: SHORT,
        examine: neighbours::endless,
    },
    Stage {
        name: "reset",
        title: "goes on after 100 clients have reset their connections",
        why: "A write to a connection that was reset fails, and a signal can end the process.",
        rule: "RFC 9112 §9.5; RFC 9293 §3.5.2",
        limit: SHORT,
        examine: crowds::reset,
    },
    Stage {
        name: "silence",
        title: "disconnects clients that say nothing, or half a request",
        why: "Each connection that is kept for ever takes a descriptor for ever.",
        rule: "RFC 9112 §9.5; RFC 9110 §15.5.9",
        limit: Duration::from_secs(5),
        examine: neighbours::silence,
    },
    Stage {
        name: "rest",
        title: "does nothing while no client speaks",
        why: "A loop that asks each client again and again takes a whole core.",
        rule: "no RFC: what a process may cost",
        limit: SHORT,
        examine: processes::rest,
    },
    Stage {
        name: "crowd",
        title: "answers beside thousands that say nothing",
        why: "If each takes a thread or a place in a short queue, the next one finds no room.",
        rule: "no RFC: a server has more than one client",
        limit: LONG,
        examine: crowds::crowd,
    },
    Stage {
        name: "descriptors",
        title: "recovers when it has had no descriptor left",
        why: "A client that came meanwhile is in the kernel's queue; nothing tells of it again.",
        rule: "accept(2): EMFILE",
        limit: SHORT,
        examine: processes::descriptors,
    },
    Stage {
        name: "stop",
        title: "finishes the answers it has begun when SIGTERM comes",
        why: "Clients should not see a restart; an answer that is cut off is an error to them.",
        rule: "RFC 9112 §8, §9.6",
        limit: LONG,
        examine: processes::stop,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_and_are_no_numbers() {
        for (index, stage) in STAGES.iter().enumerate() {
            assert!(stage.name.parse::<usize>().is_err(), "{}", stage.name);
            assert!(STAGES[..index].iter().all(|other| other.name != stage.name));
            assert!(stage.why.ends_with('.') && !stage.title.ends_with('.'), "{}", stage.name);
        }
    }
}
