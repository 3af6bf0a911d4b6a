//! Each step in plain words: what `--explain` shows and the log has as `trace`.
//!
//! A sentence says what a person at another terminal could not see, in the words of the system
//! calls and of the README. The client and the verb come before it, in columns.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use super::event::{Event, LoopEvent, Patience, What};
use crate::config::TimeoutClass;
use crate::connection::{Demand, Unread};
use crate::engine::{
    Change, ClientEvent, ClientId, Given, Interest, Readiness, Received, StopStep, Taken, TimeLeft,
};
use crate::time::seconds_and_millis;

/// The width of the column that says who, in characters: a hundred thousand clients stay in it.
const WHO_WIDTH: usize = 13;

/// The width of the column that says what: the longest verb, and a gap.
const VERB_WIDTH: usize = 10;

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.who(), self.padded_verb(), self.sentence())
    }
}

impl Event {
    /// Who did it, filled up to the width of its column.
    pub fn who(&self) -> impl Display {
        let who = match self.what {
            What::Client(client, _) => format!("client {}", client.number()),
            What::Admin(client, _) => format!("admin {}", client.number()),
            What::Loop(_) => "the loop".to_owned(),
        };
        format!("{who:WHO_WIDTH$}")
    }

    /// The verb, filled up to the width of its column.
    pub fn padded_verb(&self) -> impl Display {
        format!("{:VERB_WIDTH$}", self.verb())
    }

    /// What came of it, without who and what.
    pub fn sentence(&self) -> impl Display {
        Sentence(self.what)
    }
}

struct Sentence(What);

impl Display for Sentence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            What::Loop(event) => tell_of_loop(event, f),
            What::Client(client, event) | What::Admin(client, event) => {
                tell_of_client(client, event, f)
            }
        }
    }
}

fn tell_of_loop(event: LoopEvent, f: &mut Formatter<'_>) -> fmt::Result {
    match event {
        LoopEvent::Listening { address } => write!(f, "at {}", address.url()),
        LoopEvent::Polled { events, patience, since_last } => {
            let events = Count(events, "event");
            let since_last = Seconds(since_last);
            match patience {
                Patience::Waited => write!(f, "{events} after {since_last}"),
                Patience::Looked => {
                    write!(f, "{events}; polled without waiting: clients are still runnable")
                }
            }
        }
        LoopEvent::ListenerReady { address } => {
            write!(f, "the listener at {address} is readable: a client wants to connect")
        }
        LoopEvent::Stopping { by, clients } => {
            write!(f, "by {by}: {} may finish", Count(clients, "client"))
        }
        LoopEvent::StopStep { step } => f.write_str(match step {
            StopStep::Announcing => "announced: clients are accepted; each answer is their last",
            StopStep::Closing => "connections that wait are accepted, and then no more",
            StopStep::Draining => "no more clients are accepted; idle ones may ask once more",
            StopStep::Ended => "all clients are done, or cut off",
        }),
        LoopEvent::Stopped => f.write_str("no client is left"),
    }
}

fn tell_of_client(client: ClientId, event: ClientEvent, f: &mut Formatter<'_>) -> fmt::Result {
    match event {
        ClientEvent::Accepted { peer, clients, .. } => write!(
            f,
            "from {peer} into slot {} and onto the run queue; {} now",
            client.slot(),
            Count(clients, "client")
        ),
        ClientEvent::Told { readiness } => {
            let (slot, number) = (client.slot(), client.number());
            write!(f, "its token (slot {slot}, client {number}) is {}", told(readiness))?;
            f.write_str(if readiness.is(Readiness::URGENT) { "; with urgent data" } else { "" })
        }
        ClientEvent::Received { received, unread } => tell_of_receive(received, unread, f),
        ClientEvent::Introduced { client: Some(client) } => {
            write!(f, "its PROXY header says that it connects for {client}")
        }
        ClientEvent::Introduced { client: None } => {
            f.write_str("its PROXY header names no client: it connects for itself")
        }
        ClientEvent::Unintroduced { fault } => {
            write!(f, "a PROXY header has to come first here, and {fault}")
        }
        ClientEvent::Resumed { kept } => {
            write!(f, "it goes on with {} that it received earlier", Count(kept, "byte"))
        }
        ClientEvent::Answered(given) => tell_of_answer(given, f),
        ClientEvent::Changed(change) => write!(f, "{change}"),
        ClientEvent::Sent { taken, offered } => tell_of_send(taken, offered, f),
        ClientEvent::Yields => f.write_str("it has done enough for one turn; the others go first"),
        ClientEvent::Held => f.write_str("one step at a time; it goes on with the next"),
        ClientEvent::Waits { demand, time_left } => {
            f.write_str(awaited(demand))?;
            match time_left {
                Some(TimeLeft { class: Some(class), left }) => {
                    write!(f, "; {} left ({})", Seconds(left), class_name(class))
                }
                Some(TimeLeft { class: None, left }) => write!(f, "; {} left", Seconds(left)),
                None => Ok(()),
            }
        }
        ClientEvent::Registered { interest } => {
            write!(f, "the poll will report when it is {}", awaited_by_poll(interest))
        }
        ClientEvent::TimedOut { class, timeout } => {
            write!(f, "its {} of {} is over", class_name(class), Seconds(timeout))
        }
        ClientEvent::Due => f.write_str(
            "its pause is over; its answer begins, or its source or the disk is asked for more",
        ),
        ClientEvent::Closed { reason, answers, peer } => {
            let answers = Count(answers as usize, "answer");
            write!(f, "{peer}, closed after {answers}: {}", reason.describe())
        }
        ClientEvent::Freed => {
            write!(f, "its descriptor is closed, and slot {} is free", client.slot())
        }
    }
}

fn tell_of_answer(given: Given, f: &mut Formatter<'_>) -> fmt::Result {
    let Given { request, status, body, fault } = given;
    match request.bytes() {
        b"" => f.write_str("its answer begins now")?,
        _ => write!(f, "{request}")?,
    }
    if let Some(fault) = fault {
        write!(f, " -> fault={fault}")?;
        return if status == 0 { Ok(()) } else { write!(f, ", {status}") };
    }
    match (status, body) {
        (0, _) => f.write_str(" -> an answer that begins later"),
        (_, Some(body)) => write!(f, " -> {status}, {}", Count(body, "byte")),
        (_, None) => write!(f, " -> {status}, and a body that comes over time"),
    }
}

fn tell_of_receive(received: Received, unread: Unread, f: &mut Formatter<'_>) -> fmt::Result {
    match received {
        Received::Bytes(bytes) => {
            let bytes = Count(bytes, "byte");
            match unread {
                Unread::Nothing => write!(f, "{bytes}; less than asked for, so that was all"),
                Unread::Perhaps => write!(f, "{bytes}; there may be more"),
            }
        }
        Received::WouldBlock => f.write_str("WouldBlock: nothing is there, the normal end of work"),
        Received::Nothing => f.write_str("not called: the socket is known to be empty"),
        Received::End => f.write_str("0 bytes, which is the end: the peer has closed its side"),
        Received::Lost => f.write_str("an error: the connection is lost"),
    }
}

fn tell_of_send(taken: Taken, offered: usize, f: &mut Formatter<'_>) -> fmt::Result {
    let offered = Count(offered, "byte");
    match taken {
        Taken::Bytes(bytes) if bytes < offered.0 => {
            write!(f, "{bytes} of {offered} taken; the send buffer is full")
        }
        Taken::Bytes(bytes) => write!(f, "{bytes} of {offered} taken"),
        Taken::WouldBlock => write!(f, "WouldBlock: no room for any of {offered}"),
        Taken::Nothing => {
            write!(f, "not called for {offered}: the send buffer is known to be full")
        }
        Taken::Lost => f.write_str("an error: the connection is lost"),
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Change { before, after, answers, kept, owed } = *self;
        match before == after {
            true => write!(f, "{after:?}")?,
            false => write!(f, "{before:?} -> {after:?}")?,
        }
        if answers > 0 {
            write!(f, "; {} given", Count(answers as usize, "answer"))?;
        }
        write!(f, "; keeps {}, owes {owed}", Count(kept, "byte"))
    }
}

fn told(readiness: Readiness) -> &'static str {
    let all = [Readiness::READABLE, Readiness::WRITABLE, Readiness::READ_CLOSED];
    match all.map(|what| readiness.is(what)) {
        [_, false, true] => "readable, and its peer has closed its side",
        [_, true, true] => "readable, writable, and its peer has closed its side",
        [true, true, false] => "readable, writable",
        [true, false, false] => "readable",
        [false, true, false] => "writable",
        [false, false, false] => "nothing new",
    }
}

fn awaited(demand: Demand) -> &'static str {
    match demand {
        Demand::Receive => "for its peer to send",
        Demand::Resume => "for its next turn, to look at what it has received",
        Demand::Send | Demand::SendFile => "for its peer to make room by reading",
        Demand::Pause => {
            "until its answer begins, or its source or the disk is asked for the rest of it"
        }
        Demand::Discard => "for its peer to close; what it still sends is thrown away",
        Demand::Close(_) => "for nothing",
    }
}

fn awaited_by_poll(interest: Interest) -> &'static str {
    match interest {
        Interest::Readable => "readable",
        Interest::ReadableAndWritable => "readable or writable",
    }
}

/// The deadline's name, as its option has it.
fn class_name(class: TimeoutClass) -> &'static str {
    match class {
        TimeoutClass::FirstByte => "first-byte timeout",
        TimeoutClass::Idle => "idle timeout",
        TimeoutClass::TypingGrace => "typing grace",
        TimeoutClass::Head => "head timeout",
        TimeoutClass::Body => "body timeout",
        TimeoutClass::Write => "write timeout",
        TimeoutClass::Linger => "linger timeout",
    }
}

/// A number of something, in the singular or the plural.
pub(crate) struct Count(pub(crate) usize, pub(crate) &'static str);

impl Display for Count {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Count(count, what) = *self;
        let plural = if count == 1 { "" } else { "s" };
        write!(f, "{count} {what}{plural}")
    }
}

/// A time in seconds, to the millisecond and no more digits than it has.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let text = seconds_and_millis(self.0);
        write!(f, "{} s", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_digits_that_they_need() {
        for (millis, shown) in [(0, "0 s"), (1, "0.001 s"), (1500, "1.5 s"), (10_000, "10 s")] {
            assert_eq!(Seconds(Duration::from_millis(millis)).to_string(), shown);
        }
    }
}
