//! A snapshot as one line of JSON: what the page is sent ten times a second, and `/state.json` once.
//!
//! What is written is names of ours, numbers, addresses, and printable text, in which sentences quote
//! what clients have sent. A frame is at most two pictures of 64 KiB each, and some KiB besides.

use std::fmt::{self, Display, Write};

use super::minute::Note;
use super::snapshot::{Admins, LastStep, Pace, Snapshot, Sums};
use crate::config::LocalAddress;
use crate::config::TimeoutClass;
use crate::connection::arrows::{ARROWS, Arrow};
use crate::engine::{ClientsSummary, DEADLINE_KINDS, StepTaken, Stepped, View};
use crate::metrics::{CloseReason, Counter, Metrics};
use crate::time::{Time, seconds_and_millis};
use crate::watch::{Event, StateName, write_text};

/// What does not change while the server runs.
#[derive(Clone, Debug, Default)]
pub(super) struct StaticFacts {
    pub(super) listeners: Vec<LocalAddress>,
}

/// A frame: what goes on, and what has happened since the sums were `before`; with the client in
/// `slot`, if there is one and it was looked at.
pub(super) fn frame(snapshot: &Snapshot, before: Sums, slot: Option<usize>) -> String {
    let mut text = String::with_capacity(2 * snapshot.summary.picture.len() + 4096);
    text.push('{');
    // Writing to a string cannot fail.
    let _ = write_frame(&mut text, snapshot, before, slot);
    text.push('}');
    text
}

/// A frame, and what does not change.
pub(super) fn state(
    snapshot: &Snapshot,
    static_facts: &StaticFacts,
    slot: Option<usize>,
) -> String {
    let mut text = frame(snapshot, Sums::default(), slot);
    text.pop();
    let _ = write_minute(&mut text, &snapshot.minute);
    let _ = write_static_facts(&mut text, static_facts);
    text.push_str("}\n");
    text
}

/// What does not change in any server, as an object.
#[cfg(feature = "cli")]
pub(super) fn facts() -> String {
    let mut text = "{\"recorded\":true".to_owned();
    let _ = write_static_facts(&mut text, &StaticFacts::default());
    text.push('}');
    text
}

fn write_frame(
    out: &mut String,
    snapshot: &Snapshot,
    before: Sums,
    slot: Option<usize>,
) -> fmt::Result {
    let Snapshot { at, pace, public_at, stop_step, clients, clients_max, summary, .. } = snapshot;
    let pace = match pace {
        Pace::Running => "running",
        Pace::Paused => "paused",
        Pace::Slow { .. } => "slow",
    };
    write!(out, "\"at\":{},\"public_at\":{}", seconds(*at), seconds(*public_at))?;
    write!(out, ",\"pace\":\"{pace}\",\"stop_step\":")?;
    match stop_step {
        Some(step) => write!(out, "\"{}\"", format!("{step:?}").to_lowercase())?,
        None => out.push_str("null"),
    }
    write_last_step(out, snapshot.last_step)?;
    out.push_str(",\"last\":");
    match &snapshot.last {
        Some(last) => write_step(out, last)?,
        None => out.push_str("null"),
    }
    write_steps(out, "answers", &snapshot.answers)?;
    write_queue(out, summary, snapshot.has_waiting)?;
    write!(out, ",\"clients\":{clients},\"clients_max\":{clients_max}")?;
    write!(out, ",\"grid\":\"{}\"", summary.picture)?;
    // No client there, or none answered yet: most of a crowd that only waits.
    write!(out, ",\"served\":\"{}\"", summary.served.trim_end_matches(['.', '0']))?;
    let states =
        StateName::ALL.iter().map(|state| (format!("{state:?}"), summary.states[*state as usize]));
    write_counts(out, "states", states)?;
    write_numbers(out, "arrows", snapshot.arrows)?;
    write_turn(out, snapshot.sums().since(before))?;
    write_totals(out, snapshot)?;
    let kinds = (0..DEADLINE_KINDS).map(|kind| (kind_name(kind), summary.deadlines[kind]));
    write_counts(out, "timers", kinds)?;
    match summary.next_due {
        Some(rest) => write!(out, ",\"next_due_ms\":{}", rest.as_millis())?,
        None => out.push_str(",\"next_due_ms\":null"),
    }
    write_admins(out, snapshot)?;
    let mut chosen = snapshot.chosen.iter();
    match chosen.find(|(view, _)| Some(view.slot) == slot) {
        Some((view, steps)) => write_client(out, view, steps),
        None => out.write_str(",\"client\":null"),
    }
}

/// What the clients of the admin listener are doing, those who watch among them.
fn write_admins(out: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let Admins { clients, summary, owed_bytes: owed, metrics } = &snapshot.admins;
    let requests = metrics.requests;
    write!(out, ",\"admin\":{{\"clients\":{clients},\"requests\":{requests}")?;
    write!(out, ",\"owed_bytes\":{owed}")?;
    write!(out, ",\"grid\":\"{}\"", summary.picture)?;
    write!(out, ",\"served\":\"{}\"", summary.served.trim_end_matches(['.', '0']))?;
    write_closed(out, metrics)?;
    out.write_char('}')
}

/// Which clients can run, in their order.
fn write_queue(out: &mut String, summary: &ClientsSummary, has_waiting: bool) -> fmt::Result {
    write!(out, ",\"queue\":{{\"count\":{},\"waiting\":{has_waiting}", summary.queued)?;
    write_numbers(out, "slots", summary.queue.iter().map(|id| id.slot() as u64))?;
    out.write_char('}')
}

/// An array of numbers.
fn write_numbers(
    out: &mut String,
    name: &str,
    numbers: impl IntoIterator<Item = u64>,
) -> fmt::Result {
    write!(out, ",\"{name}\":[")?;
    for (place, number) in numbers.into_iter().enumerate() {
        out.push_str(if place > 0 { "," } else { "" });
        write!(out, "{number}")?;
    }
    out.write_char(']')
}

/// Which step it was, and one sentence on what it came to.
fn write_last_step(out: &mut String, step: Option<LastStep>) -> fmt::Result {
    let Some(LastStep { number, came_to }) = step else {
        return out.write_str(",\"last_step\":null");
    };
    write!(out, ",\"last_step\":{{\"number\":{number},\"says\":\"")?;
    match came_to {
        Stepped::Nothing => out.write_str("no client can run; the loop would sleep")?,
        Stepped::Accepted => out.write_str("a connection is accepted")?,
        Stepped::Taken(StepTaken { client, before, after }) => {
            write!(out, "client {} in slot {}: ", client.number(), client.slot())?;
            match before == after {
                true => write!(out, "it stays in {after:?}")?,
                false => write!(out, "{before:?} to {after:?}")?,
            }
        }
    }
    out.write_str("\"}")
}

fn write_turn(out: &mut String, grown: Sums) -> fmt::Result {
    let Sums { turns, waited, worked, events, busy, busy_worked, receives, sends, accepts } = grown;
    let (waited, worked) = (waited.as_micros(), worked.as_micros());
    let busy_worked = busy_worked.as_micros();
    write!(
        out,
        ",\"turn\":{{\"turns\":{turns},\"waited_us\":{waited},\"worked_us\":{worked},\
         \"busy\":{busy},\"busy_worked_us\":{busy_worked},\
         \"events\":{events},\"receives\":{receives},\"sends\":{sends},\"accepts\":{accepts}}}"
    )
}

fn write_totals(out: &mut String, snapshot: &Snapshot) -> fmt::Result {
    let metrics = &snapshot.metrics;
    let counters = metrics.counters().map(|Counter { name, value, .. }| (name, value));
    write_counts(out, "totals", counters)?;
    out.pop(); // the object goes on
    write_closed(out, metrics)?;
    write_counts(out, "answers", metrics.answers())?;
    write_numbers(out, "durations", metrics.durations.cumulative().map(|(_, count)| count))?;
    out.write_char('}')
}

/// How many connections have ended for each reason.
fn write_closed(out: &mut String, metrics: &Metrics) -> fmt::Result {
    let closed =
        CloseReason::ALL.iter().map(|reason| (format!("{reason:?}"), metrics.closed(*reason)));
    write_counts(out, "closed", closed)
}

/// An object of numbers.
fn write_counts<K: Display, V: Display>(
    out: &mut String,
    name: &str,
    counts: impl IntoIterator<Item = (K, V)>,
) -> fmt::Result {
    write!(out, ",\"{name}\":{{")?;
    for (number, (key, count)) in counts.into_iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        write!(out, "{comma}\"{key}\":{count}")?;
    }
    out.write_char('}')
}

fn write_client(out: &mut String, view: &View, steps: &[Event]) -> fmt::Result {
    let View {
        slot,
        generation,
        peer,
        client,
        state,
        kept_bytes,
        owed_bytes,
        kept,
        owed,
        served,
        deadline,
    } = view;
    write!(
        out,
        ",\"client\":{{\"slot\":{slot},\"generation\":{generation},\
         \"peer\":\"{peer}\",\"state\":\"{state:?}\",\"kept_bytes\":{kept_bytes},\
         \"owed_bytes\":{owed_bytes},\"served\":{served}"
    )?;
    if let Some(client) = client {
        write!(out, ",\"client\":\"{client}\"")?;
    }
    for (name, excerpt) in [("kept", kept), ("owed", owed)] {
        write!(out, ",\"{name}\":")?;
        write_text(out, excerpt)?;
    }
    match deadline {
        Some((class, rest)) => {
            let kind = class.map_or(DEADLINE_KINDS - 1, |class| class as usize);
            let (class, rest) = (kind_name(kind), rest.as_millis());
            write!(out, ",\"deadline\":{{\"class\":\"{class}\",\"rest_ms\":{rest}}}")?;
        }
        None => out.push_str(",\"deadline\":null"),
    }
    write_steps(out, "steps", steps)?;
    out.write_char('}')
}

fn write_steps(out: &mut String, name: &str, steps: &[Event]) -> fmt::Result {
    write!(out, ",\"{name}\":[")?;
    for (number, step) in steps.iter().enumerate() {
        out.push_str(if number > 0 { "," } else { "" });
        write_step(out, step)?;
    }
    out.write_char(']')
}

/// When it was, whose it was, and what `--explain` says of it.
fn write_step(out: &mut String, step: &Event) -> fmt::Result {
    write!(out, "{{\"at\":{}", seconds(step.at))?;
    if let Some(client) = step.client() {
        write!(out, ",\"slot\":{},\"client\":{}", client.slot(), client.number())?;
    }
    out.push_str(",\"text\":");
    write_text(out, format_args!("{}{}", step.padded_verb(), step.sentence()))?;
    out.write_char('}')
}

/// What had been done up to each second of the last minute: answers, and bytes received and sent.
fn write_minute(out: &mut String, notes: &[Note]) -> fmt::Result {
    out.push_str(",\"minute\":[");
    for (number, note) in notes.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        let Note { at, answers, received_bytes, sent_bytes } = note;
        write!(out, "{comma}[{},{answers},{received_bytes},{sent_bytes}]", seconds(*at))?;
    }
    out.write_char(']')
}

fn write_static_facts(out: &mut String, static_facts: &StaticFacts) -> fmt::Result {
    write!(out, ",\"version\":\"{}\",\"diagram\":[", env!("CARGO_PKG_VERSION"))?;
    for (number, Arrow { from, events, to, .. }) in ARROWS.iter().enumerate() {
        let comma = if number > 0 { "," } else { "" };
        write!(out, "{comma}{{\"from\":\"{from:?}\",\"event\":\"{events}\",\"to\":\"{to:?}\"}}")?;
    }
    let listeners = static_facts.listeners.iter().map(|address| format!("\"{address}\""));
    write!(out, "],\"listeners\":[{}]", listeners.collect::<Vec<_>>().join(","))
}

/// Seconds since the start, to the millisecond.
fn seconds(at: Time) -> impl Display {
    seconds_and_millis(at.since(Time::START))
}

/// What a kind of deadlines is called.
fn kind_name(kind: usize) -> &'static str {
    match TimeoutClass::ALL.get(kind) {
        Some(TimeoutClass::FirstByte) => "first byte",
        Some(TimeoutClass::Idle) => "idle",
        Some(TimeoutClass::TypingGrace) => "typing grace",
        Some(TimeoutClass::Head) => "head",
        Some(TimeoutClass::Body) => "body",
        Some(TimeoutClass::Write) => "write",
        Some(TimeoutClass::Linger) => "linger",
        None => "source",
    }
}
