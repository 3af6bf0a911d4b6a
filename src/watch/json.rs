//! Each step as one line of JSON: its parts for programs, and its sentence for people.
//!
//! What is written is names of ours, numbers, addresses, and printable text of a peer's.

use std::fmt::{self, Debug, Display, Formatter, Write};
use std::time::Duration;

use super::event::{Event, LoopEvent, What};
use crate::connection::{Demand, Unread};
use crate::engine::{Change, ClientEvent, ClientId, Given, Readiness, Received, Taken};
use crate::time::Time;

impl Event {
    /// The step as one JSON object without a line feed: `at` (seconds since the start), `client` and
    /// `slot` if it is a client's (`admin` and `slot` if the client came by the admin listener), `step`
    /// (the [verb](Event::verb)), what belongs to that kind of step, and `says`, the sentence.
    pub fn json(&self) -> impl Display {
        Json(*self)
    }
}

struct Json(Event);

impl Display for Json {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let event = &self.0;
        write!(f, "{{\"at\":{}", decimal(event.at.since(Time::START)))?;
        let mut object = Object(f);
        match event.what {
            What::Client(client, _) => object.client("client", client)?,
            What::Admin(client, _) => object.client("admin", client)?,
            What::Loop(_) => {}
        }
        object.text("step", event.verb())?;
        match event.what {
            What::Loop(event) => object.loop_event(event)?,
            What::Client(_, event) | What::Admin(_, event) => object.client_event(event)?,
        }
        object.text("says", event.sentence())?;
        f.write_str("}")
    }
}

/// An object that has a first member already.
struct Object<'o, 'f>(&'o mut Formatter<'f>);

impl Object<'_, '_> {
    fn client(&mut self, name: &str, client: ClientId) -> fmt::Result {
        self.number(name, client.number() as usize)?;
        self.number("slot", client.slot())
    }

    fn loop_event(&mut self, event: LoopEvent) -> fmt::Result {
        match event {
            LoopEvent::Listening { address } | LoopEvent::ListenerReady { address } => {
                self.text("address", address)
            }
            LoopEvent::Polled { events, patience, since_last } => {
                self.number("events", events)?;
                self.name("patience", patience)?;
                self.seconds("since_last", since_last)
            }
            LoopEvent::Stopping { by, clients } => {
                self.text("by", by)?;
                self.number("clients", clients)
            }
            LoopEvent::StopStep { step } => self.name("step", step),
            LoopEvent::Stopped => Ok(()),
        }
    }

    fn client_event(&mut self, event: ClientEvent) -> fmt::Result {
        match event {
            ClientEvent::Accepted { peer, clients, state } => {
                self.text("peer", peer)?;
                self.number("clients", clients)?;
                self.name("state", state)
            }
            ClientEvent::Told { readiness } => {
                self.truth("readable", readiness.is(Readiness::READABLE))?;
                self.truth("writable", readiness.is(Readiness::WRITABLE))?;
                self.truth("read_closed", readiness.is(Readiness::READ_CLOSED))?;
                self.truth("urgent", readiness.is(Readiness::URGENT))
            }
            ClientEvent::Received { received, unread } => {
                match received {
                    Received::Bytes(bytes) => {
                        self.text("returned", "Bytes")?;
                        self.number("bytes", bytes)?;
                    }
                    Received::Nothing | Received::WouldBlock | Received::End | Received::Lost => {
                        self.name("returned", received)?;
                    }
                }
                self.truth("emptied", unread == Unread::Nothing)
            }
            ClientEvent::Introduced { client } => {
                client.map_or(Ok(()), |client| self.text("client", client))
            }
            ClientEvent::Unintroduced { fault } => self.name("fault", fault),
            ClientEvent::Resumed { kept } => self.number("kept", kept),
            ClientEvent::Answered(given) => self.answered(given),
            ClientEvent::Changed(change) => self.change(change),
            ClientEvent::Sent { taken, offered } => self.sent(taken, offered),
            ClientEvent::Waits { demand, time_left } => {
                match demand {
                    Demand::Receive
                    | Demand::Resume
                    | Demand::Send
                    | Demand::SendFile
                    | Demand::Pause
                    | Demand::Discard => {
                        self.name("to", demand)?;
                    }
                    Demand::Close(_) => self.text("to", "Close")?,
                }
                let Some(left) = time_left else { return Ok(()) };
                if let Some(class) = left.class {
                    self.name("deadline", class)?;
                }
                self.seconds("rest", left.left)
            }
            ClientEvent::Registered { interest } => self.name("interest", interest),
            ClientEvent::TimedOut { class, timeout } => {
                self.name("deadline", class)?;
                self.seconds("timeout", timeout)
            }
            ClientEvent::Closed { reason, answers, peer } => {
                self.name("reason", reason)?;
                self.number("answers", answers as usize)?;
                self.text("peer", peer)
            }
            ClientEvent::Yields | ClientEvent::Held | ClientEvent::Due | ClientEvent::Freed => {
                Ok(())
            }
        }
    }

    fn sent(&mut self, taken: Taken, offered: usize) -> fmt::Result {
        match taken {
            Taken::Bytes(bytes) => {
                self.text("returned", "Bytes")?;
                self.number("bytes", bytes)?;
            }
            Taken::Nothing | Taken::WouldBlock | Taken::Lost => self.name("returned", taken)?,
        }
        self.number("offered", offered)
    }

    fn answered(&mut self, given: Given) -> fmt::Result {
        let Given { request, status, body, fault } = given;
        self.text("request", request)?;
        self.number("status", usize::from(status))?;
        body.map_or(Ok(()), |body| self.number("body", body))?;
        fault.map_or(Ok(()), |fault| self.text("fault", fault))
    }

    fn change(&mut self, change: Change) -> fmt::Result {
        let Change { before, after, answers, kept, owed } = change;
        self.name("before", before)?;
        self.name("after", after)?;
        self.number("answers", answers as usize)?;
        self.number("kept", kept)?;
        self.number("owed", owed)
    }

    fn number(&mut self, name: &str, number: usize) -> fmt::Result {
        write!(self.0, ",\"{name}\":{number}")
    }

    fn truth(&mut self, name: &str, truth: bool) -> fmt::Result {
        write!(self.0, ",\"{name}\":{truth}")
    }

    fn seconds(&mut self, name: &str, time: Duration) -> fmt::Result {
        write!(self.0, ",\"{name}\":{}", decimal(time))
    }

    fn text(&mut self, name: &str, text: impl Display) -> fmt::Result {
        write!(self.0, ",\"{name}\":")?;
        write_text(self.0, text)
    }

    /// A variant of one of our enums that holds nothing.
    fn name(&mut self, name: &str, variant: impl Debug) -> fmt::Result {
        write!(self.0, ",\"{name}\":\"{variant:?}\"")
    }
}

/// Writes text as a string of JSON (RFC 8259 §7). Control characters are escaped, also those that JSON
/// allows.
pub(crate) fn write_text(out: &mut impl Write, text: impl Display) -> fmt::Result {
    out.write_char('"')?;
    write!(Quoted(out), "{text}")?;
    out.write_char('"')
}

/// Text, in which JSON has quotes, backslashes and control characters escaped.
struct Quoted<'q, W>(&'q mut W);

impl<W: Write> Write for Quoted<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_special = |c: char| matches!(c, '"' | '\\') || c.is_control();
        for piece in text.split_inclusive(is_special) {
            let plain = piece.trim_end_matches(is_special);
            self.0.write_str(plain)?;
            for special in piece[plain.len()..].chars() {
                match special {
                    '"' | '\\' => write!(self.0, "\\{special}")?,
                    control => write!(self.0, "\\u{:04x}", u32::from(control))?,
                }
            }
        }
        Ok(())
    }
}

/// Seconds to the nanosecond: what a sentence rounds, a program gets whole.
fn decimal(time: Duration) -> impl Display {
    format!("{}.{:09}", time.as_secs(), time.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_can_be_got_back() {
        for text in ["", "\"\\\"", "a\"\nb\\", "\0\u{7f}\u{9b}0m", "\\\u{1}\"", "ä € 𝄞"] {
            let mut json = String::new();
            write_text(&mut json, text).expect("a string takes it");
            assert!(json.chars().all(|c| !c.is_control()), "{json}");
            assert_eq!(serde_json::from_str::<String>(&json).expect("JSON"), text);
        }
    }
}
