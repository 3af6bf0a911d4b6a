//! A line of the file, read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use crate::judge::{Check, Heard};

/// How many cases there are: a check that runs none of them must not pass.
pub const CASES: usize = 153;

/// The path that every case asks for; in strict mode, too, the server reads a body sent to it.
const PATH: &str = "/";

/// One line of the file, its placeholders filled in for one server.
#[derive(Clone, Debug, Default)]
pub struct Case {
    pub id: String,
    pub level: String,
    pub source: String,
    pub segments: Vec<Segment>,
    pub methods: Vec<String>,
    pub wait: Option<Duration>,
    pub slow: bool,
    pub status: Vec<i64>,
    pub prefer: Vec<i64>,
    pub close: Option<bool>,
    pub responses: Vec<i64>,
    pub last: Vec<i64>,
    pub interim: bool,
    pub check: Option<Check>,
    pub not_body: Option<String>,
}

/// A step in what is sent.
#[derive(Clone, Debug)]
pub enum Segment {
    Bytes(Vec<u8>),
    Pause(Duration),
    /// A pause that is not in the file.
    Cut(Duration),
    /// A byte at a time, with a pause after each.
    Each(Vec<u8>, Duration),
    /// Over and over, with a pause after each, until the server ends it or the wait is over.
    Drip(Vec<u8>, Duration),
    HalfClose,
}

impl Segment {
    fn len(&self) -> usize {
        match self {
            Segment::Bytes(bytes) | Segment::Each(bytes, _) => bytes.len(),
            Segment::Pause(_) | Segment::Cut(_) | Segment::Drip(..) | Segment::HalfClose => 0,
        }
    }

    /// Its first `at` bytes, and the others.
    fn split(&self, at: usize) -> (Segment, Segment) {
        let both = |bytes: &[u8]| (bytes[..at].to_vec(), bytes[at..].to_vec());
        match self {
            Segment::Bytes(bytes) => {
                let (first, second) = both(bytes);
                (Segment::Bytes(first), Segment::Bytes(second))
            }
            Segment::Each(bytes, pause) => {
                let (first, second) = both(bytes);
                (Segment::Each(first, *pause), Segment::Each(second, *pause))
            }
            Segment::Pause(_) | Segment::Cut(_) | Segment::Drip(..) | Segment::HalfClose => {
                unreachable!("there are no bytes to cut")
            }
        }
    }
}

pub fn load(server: SocketAddr) -> Vec<Case> {
    let lines = include_str!("cases.jsonl").lines();
    let cases: Vec<Case> = lines.map(|line| Case::parse(line, server)).collect();
    let ids: BTreeSet<&str> = cases.iter().map(|case| case.id.as_str()).collect();
    assert_eq!((cases.len(), ids.len()), (CASES, CASES), "each case is there, once");
    cases
}

impl Case {
    fn parse(line: &str, server: SocketAddr) -> Case {
        let value: Value = serde_json::from_str(line).unwrap();
        let mut case = Case::default();
        let fields = value.as_object().unwrap();
        let expected = fields["expect"].as_object().unwrap();
        for (name, value) in fields.iter().chain(expected) {
            match name.as_str() {
                "id" => case.id = text(value),
                "level" => case.level = text(value),
                "source" => case.source = text(value),
                "send" => case.segments = segments(value, server),
                "methods" => case.methods = value.as_array().unwrap().iter().map(text).collect(),
                "wait" => case.wait = Some(millis(value)),
                "slow" => case.slow = value.as_bool().unwrap(),
                "status" => case.status = numbers(value),
                "prefer" => case.prefer = numbers(value),
                "close" => case.close = value.as_bool(),
                "responses" => case.responses = numbers(value),
                "last" => case.last = numbers(value),
                "interim" => case.interim = true,
                "check" => case.check = Some(Check::parse(&text(value))),
                "not_body" => case.not_body = Some(text(value)),
                // Every case must pass here, and notes are for the reader.
                "expect" | "group" | "must" | "note" => {}
                unknown => panic!("{unknown:?} in {line}"),
            }
        }
        assert!(!case.status.is_empty() && !case.segments.is_empty(), "{line}");
        case
    }

    /// All that it sends, if that is plain bytes: not built by repetition, no pause, no giant.
    pub fn bytes_to_cut(&self) -> Option<&[u8]> {
        let [Segment::Bytes(bytes)] = &self.segments[..] else { return None };
        (!self.slow && bytes.len() <= 4096).then_some(bytes)
    }

    /// How many bytes it sends, but for those that it sends for ever.
    pub fn len(&self) -> usize {
        self.segments.iter().map(Segment::len).sum()
    }

    /// The same, with a pause behind its first `at` bytes.
    pub fn cut(&self, at: usize, pause: Duration) -> Case {
        let mut segments = Vec::new();
        let mut sent = 0;
        for segment in &self.segments {
            let here = at.checked_sub(sent).filter(|here| (1..=segment.len()).contains(here));
            sent += segment.len();
            let Some(here) = here else {
                segments.push(segment.clone());
                continue;
            };
            let (first, second) = segment.split(here);
            segments.extend([first, Segment::Cut(pause), second]);
        }
        Case { id: format!("{}, cut at {at}", self.id), segments, ..self.clone() }
    }

    /// How many final answers end the waiting early.
    pub fn responses_max(&self) -> usize {
        self.responses.iter().max().map_or(1, |most| usize::try_from(*most).unwrap())
    }

    pub fn describe(&self, problems: &[String], heard: &Heard) -> String {
        let mut text = format!("{} ({}, {})\n", self.id, self.level, self.source);
        let state = if heard.ended { "closed" } else { "left open" };
        let _ = writeln!(text, "  sent:   {}", excerpt(format!("{:?}", self.shown_segments())));
        let came = String::from_utf8_lossy(&heard.bytes);
        let _ = writeln!(text, "  came:   {:?}, {state}", heard.statuses(self));
        let _ = writeln!(text, "          {}", excerpt(format!("{came:?}")));
        let _ = writeln!(text, "  wanted: status among {:?}", self.status);
        for problem in problems {
            let _ = writeln!(text, "  wrong:  {problem}");
        }
        text
    }

    /// The segments in the words of the file.
    fn shown_segments(&self) -> Vec<String> {
        let latin = |bytes: &[u8]| bytes.iter().copied().map(char::from).collect::<String>();
        let show = |segment: &Segment| match segment {
            Segment::Bytes(bytes) => latin(bytes),
            Segment::Pause(pause) => format!("({pause:?})"),
            Segment::Cut(_) => "(cut)".to_string(),
            Segment::Each(bytes, pause) => format!("(each {pause:?}) {}", latin(bytes)),
            Segment::Drip(bytes, pause) => format!("(drip {pause:?}) {}", latin(bytes)),
            Segment::HalfClose => "(half-close)".to_string(),
        };
        self.segments.iter().map(show).collect()
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_string()
}

fn millis(value: &Value) -> Duration {
    Duration::from_millis(value.as_u64().unwrap())
}

/// None for null, one for a number, or a list of them.
fn numbers(value: &Value) -> Vec<i64> {
    match value.as_array() {
        Some(list) => list.iter().map(|number| number.as_i64().unwrap()).collect(),
        None if value.is_null() => Vec::new(),
        None => vec![value.as_i64().unwrap()],
    }
}

fn segments(value: &Value, server: SocketAddr) -> Vec<Segment> {
    let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    let bytes = |value: &Value| filled_in(value.as_str().unwrap(), server);
    let segment = |value: &Value| match value {
        Value::String(_) => Segment::Bytes(bytes(value)),
        Value::Number(_) => Segment::Pause(millis(value)),
        Value::Object(object) => match object.iter().next().unwrap() {
            (name, list) if name == "rep" => {
                let times = usize::try_from(list[1].as_u64().unwrap()).unwrap();
                Segment::Bytes(bytes(&list[0]).repeat(times))
            }
            (name, list) if name == "each" => Segment::Each(bytes(&list[0]), millis(&list[1])),
            (name, list) if name == "drip" => Segment::Drip(bytes(&list[0]), millis(&list[1])),
            (name, _) if name == "shutdown" => Segment::HalfClose,
            (name, _) => panic!("nobody here can send {name:?}"),
        },
        Value::Null | Value::Bool(_) | Value::Array(_) => panic!("nobody here can send {value}"),
    };
    list.iter().map(segment).collect()
}

/// The bytes of `text` for a server: `@H@` is its address, `@G@` and `@P@` what to GET and POST,
/// `@SML@` the length of the smuggled request, `@SML5@` that and a last chunk's.
fn filled_in(text: &str, server: SocketAddr) -> Vec<u8> {
    let host = server.to_string();
    let smuggled_len = format!("GET {PATH}?smuggled HTTP/1.1\r\nHost: {host}\r\n\r\n").len();
    let text = text
        .replace("@H@", &host)
        .replace("@G@", PATH)
        .replace("@P@", PATH)
        .replace("@SML@", &smuggled_len.to_string())
        .replace("@SML5@", &(smuggled_len + 5).to_string());
    text.chars().map(|char| u8::try_from(char).unwrap()).collect()
}

pub fn excerpt(text: String) -> String {
    const CHARS: usize = 300;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}... ({} bytes in all)", &text[..at], text.len()),
        None => text,
    }
}
