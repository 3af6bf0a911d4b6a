//! Every case of `cases/cases.jsonl` against the real binary in strict mode.
//!
//! A case is bytes to send, the answers that are accepted, and the RFC section that decides. It
//! has a connection of its own. A line of the file holds:
//!
//! - `send`: a string, or a list of segments: strings, pauses in ms, `{"rep": [string, times]}`,
//!   `{"each": [string, ms]}` (a byte at a time), `{"drip": [string, ms]}` (over and over),
//!   `{"shutdown": 1}` (half-close). A string's characters are bytes, as in Latin-1.
//! - `expect.status`: accepted codes of the first final answer; 0 is closed without an answer, -1
//!   still waiting, 9 an answer that is not HTTP/1. `prefer` names the better ones among them.
//! - `expect.close`: whether the connection must be closed, or must be open; null leaves it free.
//! - `expect.responses`: how many final answers, a number or a list of numbers.
//! - `expect.last`: accepted codes of the last one. `expect.interim`: something must be answered
//!   before the first pause ends. `check`: see [`Check`]. `not_body`: what no body may contain.
//! - `methods`: what the requests ask, for the framing of the answers. `wait`: ms to wait for
//!   them. `slow`: the server's timeouts are what is tested.
//!
//! Anything else in a line is refused: an expectation that nobody reads would hold nothing.
#![cfg(feature = "cli")]
#![allow(clippy::unwrap_used, reason = "a test may fail anywhere")]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Answer, Answers, Server, pass_on};

/// How many cases there are: a check that runs none of them must not pass.
const CASES: usize = 153;

/// How many of them are plain bytes of a size that is worth cutting.
const CASES_TO_CUT: usize = 138;

/// The path that every case asks for; in strict mode, too, the server reads a body sent to it.
const PATH: &str = "/";

/// How long an answer or a close may take. Only failing cases wait for its end, so it is ample.
const WAIT: Duration = Duration::from_secs(5);

/// How long to go on listening after the answers wanted have come, for one too many.
const SETTLE: Duration = Duration::from_millis(250);

/// Between the two pieces of a cut case: the kernel delivers the first one meanwhile. If it does
/// not, the cut is not seen by the server, and nothing fails that should not.
const CUT_PAUSE: Duration = Duration::from_millis(2);

/// How many connections at once. They mostly wait.
const WORKERS: usize = 32;

/// The server's timeouts for the slow cases. Waiting for 12/5 of them tells a timeout that works.
const SLOW_TIMEOUT: &str = "1s";
const SLOW_WAIT: Duration = Duration::from_millis(2400);

#[test]
fn every_case_gets_an_answer_that_its_rfc_accepts() {
    let slow_arguments =
        ["--first-byte-timeout", "--head-timeout", "--body-timeout", "--idle-timeout"]
            .map(|name| [name, SLOW_TIMEOUT]);
    let slow_server = Server::start(&[&["--strict"], slow_arguments.as_flattened()].concat());
    let server = Server::start(&["--strict"]);
    let (address, slow_address) = (server.address(), slow_server.address());
    let (cases, slow_cases) = (load(address), load(slow_address));
    let quick = cases.iter().filter(|case| !case.slow).map(|case| (case, address));
    let slow = slow_cases.iter().filter(|case| case.slow).map(|case| (case, slow_address));
    let runs: Vec<Run> = quick.chain(slow).collect();
    assert_eq!(runs.len(), CASES);
    let reports = in_parallel(&runs, |(case, address)| {
        let heard = exchange(case, *address);
        (judge(case, &heard), heard)
    });
    let mut failures = Vec::new();
    for ((case, _), (problems, heard)) in runs.iter().zip(&reports) {
        let preferred = case.prefer.is_empty() || case.prefer.contains(&heard.status(case));
        if !problems.is_empty() {
            failures.push(case.describe(problems, heard));
        } else if !preferred {
            println!("{}: {} is accepted but not preferred", case.id, heard.status(case));
        }
    }
    assert_none(&failures, runs.len());
    for server in [server, slow_server] {
        assert_eq!(server.stop().code(), Some(0), "having answered all that, it stops in order");
    }
}

#[test]
fn every_case_cut_in_two_gets_the_same_answers() {
    let server = Server::start(&["--strict"]);
    let address = server.address();
    let cases = load(address);
    let plain: Vec<(&Case, &[u8])> =
        cases.iter().filter_map(|case| Some((case, case.bytes_to_cut()?))).collect();
    assert_eq!(plain.len(), CASES_TO_CUT);
    let whole = in_parallel(&plain, |(case, _)| exchange(case, address).statuses(case));
    let mut cuts = Vec::new();
    for ((case, bytes), statuses) in plain.iter().zip(&whole) {
        cuts.extend(cut_positions(bytes).into_iter().map(|at| (case.cut(bytes, at), statuses)));
    }
    assert!(cuts.len() > 5 * CASES_TO_CUT, "a handful of positions for each");
    let failures = in_parallel(&cuts, |(case, statuses)| {
        let heard = exchange(case, address);
        let mut problems = judge(case, &heard);
        let cut_statuses = heard.statuses(case);
        if cut_statuses != **statuses {
            problems.push(format!("uncut, it was answered {statuses:?}, now {cut_statuses:?}"));
        }
        (!problems.is_empty()).then(|| case.describe(&problems, &heard))
    });
    let failures: Vec<String> = failures.into_iter().flatten().collect();
    assert_none(&failures, cuts.len());
}

/// A case, and the server it is for.
type Run<'a> = (&'a Case, SocketAddr);

fn assert_none(failures: &[String], runs: usize) {
    let shown = failures[..failures.len().min(40)].join("\n");
    assert!(failures.is_empty(), "{} of {runs} runs failed:\n{shown}", failures.len());
}

/// Does `work` for each of `items`, on [`WORKERS`] threads; the results keep their order.
fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        while let index = next.fetch_add(1, Ordering::Relaxed)
            && let Some(item) = items.get(index)
        {
            done.push((index, work(item)));
        }
        done
    };
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect::<Vec<_>>()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// One line of the file, its placeholders filled in for one server.
#[derive(Clone, Debug, Default)]
struct Case {
    id: String,
    level: String,
    source: String,
    segments: Vec<Segment>,
    methods: Vec<String>,
    wait: Option<Duration>,
    slow: bool,
    status: Vec<i64>,
    prefer: Vec<i64>,
    close: Option<bool>,
    responses: Vec<i64>,
    last: Vec<i64>,
    interim: bool,
    check: Option<Check>,
    not_body: Option<String>,
}

/// A step in what is sent.
#[derive(Clone, Debug)]
enum Segment {
    Bytes(Vec<u8>),
    Pause(Duration),
    /// A byte at a time, with a pause after each.
    Each(Vec<u8>, Duration),
    /// Over and over, with a pause after each, until the server ends it or the wait is over.
    Drip(Vec<u8>, Duration),
    HalfClose,
}

/// What else is looked at in the first final answer, or in all of them.
#[derive(Clone, Copy, Debug)]
enum Check {
    /// It has a `Date` in the preferred format.
    Date,
    /// It says HTTP/1.1.
    Version11,
    /// No 101.
    NoUpgrade,
    /// If 206, it holds one byte and says which.
    OneByteRange,
    /// At most 4 MiB.
    NoAmplification,
}

fn load(server: SocketAddr) -> Vec<Case> {
    let lines = include_str!("cases/cases.jsonl").lines();
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
    fn bytes_to_cut(&self) -> Option<&[u8]> {
        let [Segment::Bytes(bytes)] = &self.segments[..] else { return None };
        (!self.slow && bytes.len() <= 4096).then_some(bytes)
    }

    /// The same, sent in two pieces.
    fn cut(&self, bytes: &[u8], at: usize) -> Case {
        let (first, second) = bytes.split_at(at);
        let segments = vec![
            Segment::Bytes(first.to_vec()),
            Segment::Pause(CUT_PAUSE),
            Segment::Bytes(second.to_vec()),
        ];
        Case { id: format!("{}, cut at {at}", self.id), segments, ..self.clone() }
    }

    /// How many final answers end the waiting early.
    fn responses_max(&self) -> usize {
        self.responses.iter().max().map_or(1, |most| usize::try_from(*most).unwrap())
    }

    fn describe(&self, problems: &[String], heard: &Heard) -> String {
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
            Segment::Each(bytes, pause) => format!("(each {pause:?}) {}", latin(bytes)),
            Segment::Drip(bytes, pause) => format!("(drip {pause:?}) {}", latin(bytes)),
            Segment::HalfClose => "(half-close)".to_string(),
        };
        self.segments.iter().map(show).collect()
    }
}

impl Check {
    fn parse(name: &str) -> Check {
        match name {
            "date" => Check::Date,
            "ver11" => Check::Version11,
            "no_101" => Check::NoUpgrade,
            "range1" => Check::OneByteRange,
            "no_amplify" => Check::NoAmplification,
            unknown => panic!("nobody here can check {unknown:?}"),
        }
    }

    fn passes(self, first: Option<&Answer>, all: &Answers) -> bool {
        let has = |name| first.is_some_and(|answer| !answer.values(name).is_empty());
        match self {
            Check::Date => first.is_some_and(|answer| match answer.values("date")[..] {
                [date] => is_imf_fixdate(date),
                _ => false,
            }),
            Check::Version11 => first.is_some_and(|answer| answer.version == "HTTP/1.1"),
            Check::NoUpgrade => all.list.iter().all(|answer| answer.status != 101),
            Check::OneByteRange => first.is_none_or(|answer| {
                answer.status != 206 || (answer.body.len() == 1 && has("content-range"))
            }),
            Check::NoAmplification => first.is_none_or(|answer| answer.body.len() <= 4 << 20),
        }
    }
}

/// RFC 9110 §5.6.7: `Sun, 06 Nov 1994 08:49:37 GMT`.
fn is_imf_fixdate(date: &str) -> bool {
    let shape = "Aaa, 00 Aaa 0000 00:00:00 GMT";
    let fits = |(byte, shape): (u8, u8)| match shape {
        b'A' => byte.is_ascii_uppercase(),
        b'a' => byte.is_ascii_lowercase(),
        b'0' => byte.is_ascii_digit(),
        literal => byte == literal,
    };
    date.len() == shape.len()
        && date.bytes().zip(shape.bytes()).all(fits)
        && ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].contains(&&date[..3])
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

/// Where to cut: near both ends, around the end of the head, and at the quarters.
fn cut_positions(bytes: &[u8]) -> BTreeSet<usize> {
    let len = bytes.len();
    let head_len = bytes.windows(4).position(|window| window == b"\r\n\r\n").map_or(1, |at| at + 4);
    let positions =
        [1, len / 4, len / 2, len * 3 / 4, head_len - 1, head_len, head_len + 1, len - 1];
    positions.into_iter().filter(|at| (1..len).contains(at)).collect()
}

fn excerpt(text: String) -> String {
    const CHARS: usize = 300;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}... ({} bytes in all)", &text[..at], text.len()),
        None => text,
    }
}

/// What one connection brought.
struct Heard {
    bytes: Vec<u8>,
    /// The server has closed or reset it.
    ended: bool,
    /// How much had come when the first pause was over.
    bytes_before_pause_end: Option<usize>,
}

impl Heard {
    fn answers(&self, case: &Case) -> Answers {
        Answers::read(&self.bytes, self.ended, &case.methods)
    }

    fn statuses(&self, case: &Case) -> Vec<u16> {
        self.answers(case).list.iter().map(|answer| answer.status).collect()
    }

    /// The first final status, or in its absence what the file writes for that.
    fn status(&self, case: &Case) -> i64 {
        let answers = self.answers(case);
        match answers.finals().first() {
            Some(answer) => i64::from(answer.status),
            None if !self.bytes.is_empty() && answers.list.is_empty() => 9,
            None if self.ended => 0,
            None => -1,
        }
    }
}

/// What is wrong with what came.
fn judge(case: &Case, heard: &Heard) -> Vec<String> {
    let answers = heard.answers(case);
    let finals = answers.finals();
    let status = heard.status(case);
    let accepted = case.status.contains(&status);
    let mut problems = Vec::new();
    let mut hold = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
        holds
    };
    hold(accepted, format!("status {status} is not accepted"));
    hold(case.close != Some(true) || heard.ended || status == -1, "not closed".into());
    hold(case.close != Some(false) || !heard.ended, "closed".into());
    if accepted && !case.responses.is_empty() && !matches!(status, 0 | -1 | 9) {
        let (count, most) = (finals.len(), case.responses_max());
        let is_wanted = case.responses.contains(&(count as i64));
        if hold(is_wanted, format!("{count} answers, not {:?}", case.responses)) {
            // One answer fewer is fine only if the server said so by closing.
            let lost = case.responses.contains(&1) && count < most && case.close.is_none();
            let message = format!("{count} of {most} answers and left open: a request is lost");
            hold(!lost || heard.ended, message);
        }
    }
    if !finals.is_empty() && status != 9 {
        hold(answers.rest.is_empty(), "bytes after the answers that are no answer".into());
        hold(answers.list.iter().all(|answer| answer.whole), "an answer is cut short".into());
    }
    if let (Some(last), false) = (finals.last(), case.last.is_empty()) {
        let is_wanted = case.last.contains(&i64::from(last.status));
        hold(is_wanted, format!("the last status, {}, is not in {:?}", last.status, case.last));
    }
    if case.interim {
        let early = &heard.bytes[..heard.bytes_before_pause_end.unwrap_or(0)];
        let early = Answers::read(early, false, &case.methods);
        hold(!early.list.is_empty(), "neither a 100 nor an answer before the body".into());
    }
    if let Some(unwanted) = &case.not_body {
        let holds = |answer: &&Answer| String::from_utf8_lossy(&answer.body).contains(unwanted);
        hold(!finals.iter().any(holds), format!("a body contains {unwanted:?}"));
    }
    if let Some(check) = case.check {
        let passes = check.passes(finals.first().copied(), &answers);
        hold(passes, format!("the check {check:?} fails"));
    }
    problems
}

/// Plays a case.
fn exchange(case: &Case, server: SocketAddr) -> Heard {
    let mut wait = if case.slow { SLOW_WAIT } else { case.wait.unwrap_or(WAIT) };
    let mut peer = Peer::connect(server);
    let mut bytes_before_pause_end = None;
    for segment in &case.segments {
        match segment {
            Segment::Bytes(bytes) => peer.send(bytes),
            Segment::Pause(pause) => {
                peer.listen_for(*pause);
                bytes_before_pause_end.get_or_insert(peer.heard.len());
            }
            Segment::Each(bytes, pause) => {
                for byte in bytes {
                    peer.send(&[*byte]);
                    peer.listen_for(*pause);
                }
            }
            Segment::Drip(bytes, pause) => {
                let end = Instant::now() + wait;
                while Instant::now() < end && !peer.ended {
                    peer.send(bytes);
                    peer.listen_for(*pause);
                }
                // The wait was for this.
                wait = SETTLE;
            }
            // Fails if the server has reset the connection, which is heard anyway.
            Segment::HalfClose => drop(peer.stream.shutdown(Shutdown::Write)),
        }
    }
    peer.listen_for_answers(case, Instant::now() + wait);
    // Ends the reading thread, too; fails if the server has reset the connection.
    let _ = peer.stream.shutdown(Shutdown::Both);
    Heard { bytes: peer.heard, ended: peer.ended, bytes_before_pause_end }
}

/// Our end of a connection. A thread reads while this one writes, as the server may answer, or
/// stop reading, before it has been sent everything.
struct Peer {
    stream: TcpStream,
    arrivals: Receiver<Vec<u8>>,
    heard: Vec<u8>,
    ended: bool,
}

impl Peer {
    fn connect(server: SocketAddr) -> Peer {
        let stream = TcpStream::connect_timeout(&server, WAIT).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_write_timeout(Some(WAIT)).unwrap();
        let reading = stream.try_clone().unwrap();
        let (sender, arrivals) = mpsc::channel();
        thread::spawn(move || pass_on(reading, |bytes| sender.send(bytes).is_ok()));
        Peer { stream, arrivals, heard: Vec::new(), ended: false }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.listen_for(Duration::ZERO);
        if !self.ended {
            // Fails if the server will not read it all; what it says to that is heard.
            let _ = self.stream.write_all(bytes);
        }
    }

    fn listen_for(&mut self, pause: Duration) {
        let end = Instant::now() + pause;
        while !self.ended && self.listen(end) {}
    }

    /// Listens until the connection ends, the answers wanted have come and settled, or `end`.
    fn listen_for_answers(&mut self, case: &Case, end: Instant) {
        let mut until = end;
        loop {
            let answers = Answers::read(&self.heard, self.ended, &case.methods);
            let enough = answers.are_whole() && answers.finals().len() >= case.responses_max();
            if enough && case.close != Some(true) && until == end {
                until = end.min(Instant::now() + SETTLE);
            }
            if self.ended || !self.listen(until) {
                return;
            }
        }
    }

    /// Takes what arrives next; false if nothing has by `until`.
    fn listen(&mut self, until: Instant) -> bool {
        match self.arrivals.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(bytes) => self.heard.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => self.ended = true,
            Err(RecvTimeoutError::Timeout) => return false,
        }
        true
    }
}

/// The judge is judged: a check that cannot fail holds nothing.
mod judging {
    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    const BAD: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";

    fn heard(text: &str, ended: bool) -> Heard {
        Heard { bytes: text.into(), ended, bytes_before_pause_end: Some(0) }
    }

    fn wanting(change: impl FnOnce(&mut Case)) -> Case {
        let mut case = Case { status: vec![200], ..Case::default() };
        change(&mut case);
        case
    }

    #[test]
    fn what_is_wanted_passes() {
        let case = wanting(|case| (case.close, case.responses) = (Some(false), vec![1]));
        assert_eq!(judge(&case, &heard(OK, false)), [""; 0]);
        let case = wanting(|case| (case.responses, case.last) = (vec![1, 2], vec![400]));
        assert_eq!(judge(&case, &heard(&format!("{OK}{BAD}"), true)), [""; 0]);
        let case = wanting(|case| case.status = vec![-1]);
        assert_eq!(judge(&case, &heard("", false)), [""; 0]);
    }

    #[test]
    fn whatever_else_comes_fails() {
        let two = format!("{OK}{BAD}");
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel";
        let upgrade = format!("HTTP/1.1 101 Switching Protocols\r\n\r\n{OK}");
        let no_demand = |_: &mut Case| {};
        let wrong: [(Case, Heard); 17] = [
            (wanting(no_demand), heard(BAD, true)),
            (wanting(no_demand), heard("", true)),
            (wanting(no_demand), heard("", false)),
            (wanting(no_demand), heard("hi", true)),
            (wanting(no_demand), heard("HTTP/1.1 100 Continue\r\n\r\n", false)),
            (wanting(no_demand), heard(&format!("{OK}more"), false)),
            (wanting(no_demand), heard(&OK[..OK.len() - 1], true)),
            (wanting(no_demand), heard(chunk, true)),
            (wanting(|case| case.close = Some(true)), heard(OK, false)),
            (wanting(|case| case.close = Some(false)), heard(OK, true)),
            (wanting(|case| case.responses = vec![1]), heard(&two, true)),
            (wanting(|case| case.responses = vec![1, 2]), heard(OK, false)),
            (wanting(|case| case.last = vec![200]), heard(&two, true)),
            (wanting(|case| case.interim = true), heard(OK, true)),
            (wanting(|case| case.not_body = Some("i".into())), heard(OK, true)),
            (wanting(|case| case.check = Some(Check::Date)), heard(OK, true)),
            (wanting(|case| case.check = Some(Check::NoUpgrade)), heard(&upgrade, true)),
        ];
        for (case, heard) in wrong {
            let came = String::from_utf8_lossy(&heard.bytes);
            assert!(!judge(&case, &heard).is_empty(), "{case:?} accepts {came:?}");
        }
    }

    #[test]
    fn an_answer_is_read_by_its_framing() {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n";
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                       2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n";
        let until_close = "HTTP/1.0 200 OK\r\n\r\nhi";
        let methods = ["HEAD", "GET", "GET"].map(String::from);
        let all = format!("{head}{OK}{chunked}{until_close}");
        let answers = Answers::read(all.as_bytes(), true, &methods);
        let bodies: Vec<&[u8]> = answers.list.iter().map(|answer| &answer.body[..]).collect();
        assert_eq!(bodies, [&b""[..], b"hi", b"hi", b"hi"]);
        assert!(answers.are_whole());
        assert!(!Answers::read(all.as_bytes(), false, &methods).are_whole());
        assert!(is_imf_fixdate("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert!(!is_imf_fixdate("Sunday, 06-Nov-94 08:49:37 GMT"));
    }
}
