//! What is counted of each kind of client.

use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use oneloop::engine::Time;

use crate::load::answer::Wrong;
use crate::times::Times;

/// How a connection ended that was not ended by us, as far as can be seen from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// The server closed it and said nothing.
    End,
    /// It was reset: there is no more to it than an error.
    Reset,
    /// The server answered with this status and then closed or reset it.
    Status(u16),
    /// It was never established.
    NotConnected(ErrorKind),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::End => f.write_str("EOF"),
            Why::Reset => f.write_str("reset"),
            Why::Status(status) => write!(f, "{status}"),
            Why::NotConnected(kind) => write!(f, "{kind}"),
        }
    }
}

/// Parts of a run, that can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Only the good clients act that keep their connections.
    Calm,
    /// The others connect.
    Arriving,
    /// All clients are connected that are to stay so.
    Full,
}

impl Part {
    /// In order of time.
    pub const ALL: [Part; 3] = [Part::Calm, Part::Arriving, Part::Full];

    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Part::Calm => "calm",
            Part::Arriving => "arriving",
            Part::Full => "full",
        }
    }
}

/// The counts of one kind.
#[derive(Debug)]
pub struct Tally {
    /// Connections that were established.
    pub connected: u64,
    /// Answers that were whole and as they must be. To a strange client, any well-formed answer is
    /// right.
    pub right: u64,
    /// Answers that were not.
    pub wrong: u64,
    /// Requests of good clients whose answers never came.
    pub lost: u64,
    /// Those of them whose answers took longer than the user allows.
    pub timed_out: u64,
    /// Requests that were sent as the server closed a connection, and that it has not received.
    pub crossed: u64,
    /// Connections that the system refused, and requests of good clients answered with 503: the
    /// server has too much to do and says so.
    pub refused: u64,
    /// Connections that we ended.
    pub hung_up: u64,
    /// Connections that we did not end, by reason.
    pub ended: BTreeMap<Why, u64>,
    /// How long these had been there, from when they began to connect.
    pub lifetimes: Times,
    /// Bytes that came, heads and all.
    pub received_bytes: u64,
    /// The statuses of the answers to good clients, as far as they had one.
    pub statuses: BTreeMap<u16, u64>,
    /// How long answers took.
    pub latency: Latency,
    /// When the last right answer came, if one did.
    last_right: Option<Time>,
    /// The longest time between two right answers, or between the last one and the end of the run.
    pub longest_silence: Duration,
    /// The first wrong answer.
    pub first_wrong: Option<Wrong>,
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Tally {
        Tally {
            connected: 0,
            right: 0,
            wrong: 0,
            lost: 0,
            crossed: 0,
            timed_out: 0,
            refused: 0,
            hung_up: 0,
            ended: BTreeMap::new(),
            lifetimes: Times::new(),
            received_bytes: 0,
            statuses: BTreeMap::new(),
            latency: Latency::new(),
            last_right: None,
            longest_silence: Duration::ZERO,
            first_wrong: None,
        }
    }

    /// Counts answers with this status, if they have one.
    pub fn on_status(&mut self, status: Option<u16>, answers: u64) {
        if let Some(status) = status {
            *self.statuses.entry(status).or_default() += answers;
        }
    }

    /// The silence between right answers ends, for now or with the run.
    pub fn end_silence(&mut self, now: Time) {
        let since = self.last_right.replace(now).map_or(Duration::ZERO, |last| now.since(last));
        self.longest_silence = self.longest_silence.max(since);
    }

    /// Counts an answer that was wrong.
    pub fn on_wrong(&mut self, wrong: Wrong) {
        self.wrong += 1;
        self.first_wrong.get_or_insert(wrong);
    }

    /// Counts a connection that the server has ended after it had stood for `stood`.
    pub fn on_ended(&mut self, why: Why, stood: Duration) {
        *self.ended.entry(why).or_default() += 1;
        self.lifetimes.record(stood);
    }

    /// What must not happen, as far as it has.
    pub fn troubles(&self) -> Troubles {
        Troubles { wrong: self.wrong, lost: self.lost, refused: self.refused }
    }

    /// How many connections the server ended.
    pub fn ended_total(&self) -> u64 {
        self.ended.values().sum()
    }
}

/// Counts of what must not happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    pub wrong: u64,
    pub lost: u64,
    pub refused: u64,
}

/// The counts of one resource, where there are several. They are those of get, connect-close and half-close
/// clients together.
#[derive(Clone, Debug, Default)]
pub struct ResourceTally {
    pub right: u64,
    pub troubles: Troubles,
    pub statuses: BTreeMap<u16, u64>,
    /// How long right answers took, all together, and the longest.
    pub latency_sum: Duration,
    pub latency_max: Duration,
}

impl ResourceTally {
    /// Counts right answers.
    pub fn on_right(&mut self, status: Option<u16>, answers: u32, latency: Duration) {
        self.right += u64::from(answers);
        self.on_status(status, u64::from(answers));
        self.latency_sum += latency * answers;
        self.latency_max = self.latency_max.max(latency);
    }

    /// Counts what has happened to its kind between two moments.
    pub fn on_troubles(&mut self, before: Troubles, after: Troubles) {
        self.troubles.wrong += after.wrong - before.wrong;
        self.troubles.lost += after.lost - before.lost;
        self.troubles.refused += after.refused - before.refused;
    }

    /// Counts answers with this status, if they have one.
    pub fn on_status(&mut self, status: Option<u16>, answers: u64) {
        if let Some(status) = status {
            *self.statuses.entry(status).or_default() += answers;
        }
    }

    /// How long right answers took on average, if there was one.
    pub fn latency_mean(&self) -> Option<Duration> {
        (self.right > 0).then(|| self.latency_sum.div_f64(self.right as f64))
    }
}

/// How long one kind's answers took: since the last look, and in each part of the run.
#[derive(Debug)]
pub struct Latency {
    recent: Times,
    parts: [Times; Part::ALL.len()],
}

impl Latency {
    fn new() -> Latency {
        Latency { recent: Times::new(), parts: Part::ALL.map(|_| Times::new()) }
    }

    /// Adds one answer's.
    pub fn record(&mut self, time: Duration) {
        self.recent.record(time);
    }

    /// Those since the last [`Latency::fold`].
    pub fn recent(&self) -> &Times {
        &self.recent
    }

    /// Counts the recent ones to this part.
    pub fn fold(&mut self, part: Part) {
        if self.recent.count() > 0 {
            self.parts[part as usize].add(&self.recent);
            self.recent.clear();
        }
    }

    /// Those of a part, as far as folded.
    pub fn of(&self, part: Part) -> &Times {
        &self.parts[part as usize]
    }

    /// Those of several parts, as far as folded.
    pub fn sum(&self, parts: &[Part]) -> Times {
        let mut sum = Times::new();
        for part in parts {
            sum.add(self.of(*part));
        }
        sum
    }

    /// Those of all the run, as far as folded.
    pub fn total(&self) -> Times {
        self.sum(&Part::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_belong_to_the_part_in_which_they_were_folded() {
        let mut latency = Latency::new();
        latency.record(Duration::from_millis(1));
        latency.fold(Part::Calm);
        latency.record(Duration::from_millis(2));
        latency.record(Duration::from_millis(3));
        assert_eq!(latency.recent().count(), 2);
        latency.fold(Part::Full);
        assert_eq!(latency.recent().count(), 0);
        assert_eq!((latency.of(Part::Calm).count(), latency.of(Part::Full).count()), (1, 2));
        assert_eq!(latency.total().count(), 3);
    }

    #[test]
    fn only_the_first_wrong_answer_is_kept_but_all_are_counted() {
        let mut tally = Tally::new();
        for reason in ["first", "second"] {
            tally.on_wrong(Wrong { reason: reason.into(), status: None, shown: Vec::new() });
        }
        assert_eq!(tally.wrong, 2);
        assert_eq!(tally.first_wrong.map(|wrong| wrong.reason), Some("first".to_owned()));
    }

    #[test]
    fn connections_are_counted_by_how_they_ended() {
        let mut tally = Tally::new();
        for why in [Why::Status(408), Why::End, Why::Reset, Why::Status(408)] {
            tally.on_ended(why, Duration::from_secs(1));
        }
        let told: Vec<String> =
            tally.ended.iter().map(|(why, count)| format!("{why} {count}")).collect();
        assert_eq!(told, ["EOF 1", "reset 1", "408 2"]);
        assert_eq!(tally.ended_total(), 4);
    }
}
