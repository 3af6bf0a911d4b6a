//! Each step in the trace-event format, which <https://ui.perfetto.dev> and Chrome's
//! `chrome://tracing` draw: a track for the loop's turns and one for each client, on which its states
//! are slices, and its system calls instants.
//!
//! What is written is names of ours, numbers, addresses, and printable text of a peer's.

use std::collections::HashSet;
use std::fmt::{self, Display, Write};
use std::time::Duration;

use super::event::{Event, LoopEvent, What};
use super::json::write_text;
use crate::connection::state::StateName;
use crate::engine::{ClientEvent, ClientId, Given, Received, Taken};

/// Writes steps as trace events, a line for each step.
///
/// The whole is an array of JSON, whose end may be missing: what reads traces does not ask for it. If a line
/// is lost, a client's state lasts in the trace until the next one begins, or to the end of the trace.
#[derive(Debug, Default)]
pub struct TraceEvents {
    /// When the last step was told, if its turn is not ended on the loop's track.
    turn: Option<Duration>,
    /// The clients whose tracks have a name: of the public listeners, and of the admin listener.
    named: [HashSet<u32>; 2],
}

/// Whose tracks they are: a trace calls that a process.
#[derive(Clone, Copy)]
enum Group {
    Public = 1,
    Admin = 2,
}

/// The loop's track. A client has that of its number, and two more.
const LOOP_TRACK: u64 = 1;

impl TraceEvents {
    /// What a trace begins with: a line.
    pub fn start(&self) -> &'static str {
        concat!(
            r#"[{"ph":"M","name":"process_name","pid":1,"args":{"name":"oneloop"}},"#,
            r#"{"ph":"M","name":"process_name","pid":2,"args":{"name":"oneloop, admin"}},"#,
            r#"{"ph":"M","name":"thread_name","pid":1,"tid":1,"args":{"name":"the loop"}},"#,
            "\n"
        )
    }

    /// Appends a line for this step to `out`, `at` this time after the trace began. The loop looks at the
    /// clock once a turn: a program that writes a trace looks at it for each step.
    pub fn put(&mut self, out: &mut String, at: Duration, event: &Event) {
        // Writing to a string cannot fail.
        let _ = self.try_put(out, at, event);
    }

    fn try_put(&mut self, out: &mut String, at: Duration, event: &Event) -> fmt::Result {
        match event.what {
            What::Loop(step) => self.loop_step(&mut Line { out, at }, step, event)?,
            What::Client(client, step) => {
                self.client_step(&mut Line { out, at }, (Group::Public, client), step, event)?;
            }
            What::Admin(client, step) => {
                self.client_step(&mut Line { out, at }, (Group::Admin, client), step, event)?;
            }
        }
        self.turn = self.turn.map(|_| at);
        out.push('\n');
        Ok(())
    }

    fn loop_step(&mut self, line: &mut Line<'_>, step: LoopEvent, event: &Event) -> fmt::Result {
        let track = (Group::Public, LOOP_TRACK);
        match step {
            LoopEvent::Polled { events, .. } => {
                self.end_turn(line)?;
                self.turn = Some(line.at);
                line.begin(track, "turn", |args| {
                    write!(args, "\"events\":{events},\"says\":")?;
                    write_text(args, event.sentence())
                })
            }
            LoopEvent::Stopped => {
                self.end_turn(line)?;
                line.instant(track, event.verb(), event)?;
                // Nothing follows.
                line.out.pop();
                line.out.push(']');
                Ok(())
            }
            LoopEvent::Listening { .. }
            | LoopEvent::ListenerReady { .. }
            | LoopEvent::Stopping { .. }
            | LoopEvent::StopStep { .. } => line.instant(track, event.verb(), event),
        }
    }

    /// Nothing tells that a turn has ended: so it ends with its last step.
    fn end_turn(&mut self, line: &mut Line<'_>) -> fmt::Result {
        let Some(ended) = self.turn.take() else { return Ok(()) };
        Line { out: line.out, at: ended }.end((Group::Public, LOOP_TRACK))
    }

    fn client_step(
        &mut self,
        line: &mut Line<'_>,
        (group, client): (Group, ClientId),
        step: ClientEvent,
        event: &Event,
    ) -> fmt::Result {
        let track = (group, LOOP_TRACK + 1 + u64::from(client.number()));
        if self.named[group as usize - 1].insert(client.number()) {
            let name = format_args!("client {} (slot {})", client.number(), client.slot());
            line.name(track, name)?;
        }
        match step {
            ClientEvent::Accepted { state, .. } => {
                line.state(track, state)?;
                line.instant(track, "accept", event)?;
            }
            ClientEvent::Changed(change) if change.before != change.after => {
                line.end(track)?;
                line.state(track, change.after)?;
            }
            ClientEvent::Closed { .. } => {
                line.instant(track, "close", event)?;
                line.end(track)?;
            }
            ClientEvent::Freed => {
                line.instant(track, "free", event)?;
                self.named[group as usize - 1].remove(&client.number());
            }
            ClientEvent::Received { received: Received::Bytes(bytes), .. } => {
                line.instant(track, format_args!("recv {bytes}"), event)?;
            }
            ClientEvent::Sent { taken: Taken::Bytes(bytes), .. } => {
                line.instant(track, format_args!("send {bytes}"), event)?;
            }
            ClientEvent::Answered(Given { request, status, .. }) => {
                line.instant(track, format_args!("{request} -> {status}"), event)?;
            }
            ClientEvent::Told { .. }
            | ClientEvent::Received { .. }
            | ClientEvent::Introduced { .. }
            | ClientEvent::Unintroduced { .. }
            | ClientEvent::Resumed { .. }
            | ClientEvent::Changed(_)
            | ClientEvent::Sent { .. }
            | ClientEvent::Yields
            | ClientEvent::Held
            | ClientEvent::Waits { .. }
            | ClientEvent::Registered { .. }
            | ClientEvent::TimedOut { .. }
            | ClientEvent::Due => line.instant(track, event.verb(), event)?,
        }
        Ok(())
    }
}

/// A track, and whose it is.
type Track = (Group, u64);

/// The events of one step, each with a comma behind it.
struct Line<'l> {
    out: &'l mut String,
    at: Duration,
}

impl Line<'_> {
    /// Something that takes no time.
    fn instant(&mut self, track: Track, name: impl Display, event: &Event) -> fmt::Result {
        self.open('i', track)?;
        self.out.push_str(",\"s\":\"t\",\"name\":");
        write_text(self.out, name)?;
        self.out.push_str(",\"args\":{\"says\":");
        write_text(self.out, event.sentence())?;
        self.out.push_str("}},");
        Ok(())
    }

    /// A client's state from now on.
    fn state(&mut self, track: Track, state: StateName) -> fmt::Result {
        self.open('B', track)?;
        write!(self.out, ",\"name\":\"{state:?}\"}},")
    }

    fn begin(
        &mut self,
        track: Track,
        name: &str,
        args: impl FnOnce(&mut String) -> fmt::Result,
    ) -> fmt::Result {
        self.open('B', track)?;
        write!(self.out, ",\"name\":\"{name}\",\"args\":{{")?;
        args(self.out)?;
        self.out.push_str("}},");
        Ok(())
    }

    /// The end of the slice that was begun last on this track.
    fn end(&mut self, track: Track) -> fmt::Result {
        self.open('E', track)?;
        self.out.push_str("},");
        Ok(())
    }

    /// What a track is called.
    fn name(&mut self, (group, track): Track, name: impl Display) -> fmt::Result {
        let group = group as u8;
        write!(
            self.out,
            "{{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":{group},\"tid\":{track}"
        )?;
        self.out.push_str(",\"args\":{\"name\":");
        write_text(self.out, name)?;
        self.out.push_str("}},");
        Ok(())
    }

    /// The beginning of an event of this kind. Times are microseconds, to the nanosecond.
    fn open(&mut self, kind: char, (group, track): Track) -> fmt::Result {
        let (micros, nanos) = (self.at.as_micros(), self.at.subsec_nanos() % 1000);
        let group = group as u8;
        write!(
            self.out,
            "{{\"ph\":\"{kind}\",\"pid\":{group},\"tid\":{track},\"ts\":{micros}.{nanos:03}"
        )
    }
}
