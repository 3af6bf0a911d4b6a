//! Scenarios without sockets: bytes in, bytes out, time as an argument.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::state::{ARROWS, Arrow, Name};
use super::{Common, Connection, Context, Deadline, Demand, Phase, Unread};
use crate::answer::file::{FileRange, pretence};
use crate::answer::handler::{ContentPlan, Handler, Reply, Sent};
use crate::answer::source::{Next, Piece, Source};
use crate::buffer::Output;
use crate::config::{LINGER_SPANS_MAX, Limits, Timeouts};
use crate::door::Door;
use crate::http::date::Date;
use crate::http::peer::Peer;
use crate::http::request::Request;
use crate::http::status::Status;
use crate::metrics::{CloseReason, Metrics};
use crate::time::Time;
use crate::work::Budget;

mod budget;

/// The budget of a connection that is asked for nothing of the kind.
const ENDLESS: usize = usize::MAX / 2;

thread_local! {
    /// Every way from one state to another that has been walked on this thread.
    static WALKED: RefCell<Vec<(Name, &'static str, Name)>> = const { RefCell::new(Vec::new()) };
}

/// Called for every transition.
pub(super) fn note_arrow(from: Name, by: &'static str, to: Name) {
    WALKED.with_borrow_mut(|walked| walked.push((from, by, to)));
}

/// Says which request it was, and nothing else.
struct Echo;

impl Handler for Echo {
    fn handle(&mut self, request: &Request<'_>, reply: Reply<'_>) -> Sent {
        let body = String::from_utf8_lossy(request.body());
        let (method, path) = (request.method().as_str(), request.path());
        if let Some(script) = path.strip_prefix("/source/") {
            return reply.stream(Scripted::new(script));
        }
        if let Some((length, script)) =
            path.strip_prefix("/sized/").and_then(|rest| rest.split_once('/'))
        {
            let length = length.parse().expect("a length");
            return reply.status(Status::OK).stream_sized(length, Scripted::new(script));
        }
        if let Some(length) = path.strip_prefix("/file/") {
            let length = length.parse().expect("a length");
            return reply.send_file(FileRange::new(FILE.with(Arc::clone), 0, length));
        }
        match path {
            "/large" => reply.send(&std::sync::Arc::from(vec![b'x'; 100_000])),
            _ => reply.send(&format!("<{method} {path} {body}>")),
        }
    }

    fn content_plan(&mut self, request: &Request<'_>) -> ContentPlan {
        match request.path() {
            "/dropped" => ContentPlan::Drop,
            _ => ContentPlan::Hold,
        }
    }
}

/// How many bytes the file of `/file/` has: three pieces, the last of which is not whole.
const FILE_BYTES: usize = 600_000;

thread_local! {
    /// What `/file/` gives the beginning of.
    static FILE: Arc<File> = {
        let name = format!("oneloop-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name);
        let opened = File::options().read(true).write(true).create_new(true).open(&path);
        let file = opened.expect("a temporary file");
        std::fs::remove_file(path).expect("it was just made");
        file.write_all_at(&file_bytes(FILE_BYTES), 0).expect("there is room");
        Arc::new(file)
    };
}

/// The first bytes of that file.
fn file_bytes(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| b'a' + (at / 1000 % 23) as u8).collect()
}

/// Whether nobody but this thread holds the file.
fn file_is_free() -> bool {
    FILE.with(Arc::strong_count) == 1
}

thread_local! {
    /// How many sources have been dropped on this thread.
    static DROPPED: Cell<usize> = const { Cell::new(0) };
}

/// Gives what its script says: `ab,cd@100,*` is `ab`, and more at once; `cd`, and more in 100 ms;
/// as many bytes as there is room for, and that is all.
struct Scripted {
    steps: std::vec::IntoIter<String>,
}

impl Scripted {
    fn new(script: &str) -> Scripted {
        let steps: Vec<String> = script.split(',').map(str::to_owned).collect();
        Scripted { steps: steps.into_iter() }
    }
}

impl Source for Scripted {
    fn next(&mut self, piece: &mut Piece<'_>) -> Next {
        let step = self.steps.next().expect("it is not asked again after the end");
        let (bytes, pause) = step.split_once('@').unwrap_or((&step, "0"));
        match bytes {
            "*" => piece.append(vec![b'x'; piece.room()]),
            bytes => piece.append(bytes),
        }
        let pause = Duration::from_millis(pause.parse().expect("milliseconds"));
        match (self.steps.len(), pause) {
            (0, _) => Next::Done,
            (_, Duration::ZERO) => Next::More,
            (_, pause) => Next::After(pause),
        }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        DROPPED.set(DROPPED.get() + 1);
    }
}

/// A connection, and all that a loop would give it.
struct Bench {
    connection: Connection,
    common: Common,
    now: Time,
}

impl Bench {
    fn new() -> Bench {
        let address = Peer::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)));
        let mut bench = Bench {
            connection: Connection::new(address, Door::Public, Time::START),
            common: Common {
                output: Output::default(),
                date: Date::new(SystemTime::UNIX_EPOCH),
                limits: Limits::default(),
                timeouts: Timeouts::default(),
                budget: Budget::default(),
                metrics: Metrics::default(),
                phase: Phase::Running,
            },
            now: Time::START,
        };
        bench.common.budget.begin_client(ENDLESS);
        bench
    }

    fn lenient() -> Bench {
        let mut bench = Bench::new();
        bench.common.timeouts.typing_grace = Some(Duration::from_secs(1));
        bench
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Connection, &mut Context<'_, Echo>) -> T) -> T {
        let mut turn = Context { now: self.now, handler: &mut Echo, common: &mut self.common };
        act(&mut self.connection, &mut turn)
    }

    /// Receives `bytes`, without sending anything.
    fn receive(&mut self, bytes: &[u8]) {
        self.with(|connection, turn| connection.on_bytes(&mut bytes.to_vec(), turn));
    }

    /// Sends up to `bytes_max`, and says what.
    fn send(&mut self, bytes_max: usize) -> Vec<u8> {
        let pieces = self.connection.owed(&self.common.output, usize::MAX);
        let mut owed: Vec<u8> = pieces.iter().flat_map(|piece| piece.iter().copied()).collect();
        if owed.is_empty() && self.connection.demand() == Demand::SendFile {
            return self.send_file(bytes_max);
        }
        owed.truncate(bytes_max);
        self.with(|connection, turn| connection.on_sent(owed.len(), Unread::Nothing, turn));
        owed
    }

    /// Sends up to `bytes_max` of a file's piece, if it is still there, and says what.
    fn send_file(&mut self, bytes_max: usize) -> Vec<u8> {
        let read = self.with(|connection, turn| {
            let piece = connection.file_piece(turn)?;
            let mut bytes = vec![0; piece.bytes.min(bytes_max)];
            let read = piece.file.read_at(&mut bytes, piece.offset).expect("a readable file");
            bytes.truncate(read);
            Some(bytes)
        });
        let Some(bytes) = read else { return Vec::new() };
        self.with(|connection, turn| {
            connection.on_file_sent(bytes.len(), Unread::Nothing, turn);
        });
        bytes
    }

    /// Sends all that is owed, as a loop does at the end of a client's turn.
    fn send_all(&mut self) -> String {
        let mut sent = Vec::new();
        while matches!(self.connection.demand(), Demand::Send | Demand::SendFile) {
            sent.extend(self.send(usize::MAX));
        }
        self.connection.park(&mut self.common.output);
        String::from_utf8(sent).expect("text")
    }

    fn exchange(&mut self, bytes: &str) -> String {
        self.receive(bytes.as_bytes());
        self.send_all()
    }

    fn end_of_input(&mut self) -> String {
        self.with(|connection, turn| connection.on_eof(turn));
        self.send_all()
    }

    /// Lets the present deadline pass.
    fn run_out(&mut self) -> String {
        self.now = self.deadline();
        self.with(|connection, turn| connection.on_deadline(turn));
        self.send_all()
    }

    fn after(&mut self, wait: Duration) -> &mut Bench {
        self.now = self.now + wait;
        self
    }

    fn deadline(&self) -> Time {
        match self.connection.deadline(&self.common.timeouts).expect("a deadline") {
            Deadline::Timeout(class, since) => since + self.common.timeouts.of(class),
            Deadline::At(due) => due,
        }
    }

    /// How long the connection still waits.
    fn time_left(&self) -> Duration {
        self.deadline().since(self.now)
    }

    #[track_caller]
    fn assert_state(&self, name: Name) {
        assert_eq!(self.connection.state(), name);
    }

    #[track_caller]
    fn assert_closed(&self, reason: CloseReason) {
        assert_eq!(self.connection.demand(), Demand::Close(reason));
    }
}

/// The bodies of all answers in `text`.
fn bodies(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).filter_map(|answer| answer.split("\r\n\r\n").nth(1)).collect()
}

fn statuses(text: &str) -> Vec<&str> {
    text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect()
}

const GET: &str = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
const CHUNKED: &str = "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nT: u\r\n\r\n";
const EXPECT: &str =
    "PUT /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";

#[test]
fn a_kept_connection_answers_one_request_after_the_other() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        assert_eq!(bodies(&bench.exchange(GET)), ["<GET /a >"]);
        bench.assert_state(Name::Idle);
    }
    bench.end_of_input();
    bench.assert_closed(CloseReason::PeerClosed);
}

#[test]
fn pipelined_requests_are_answered_in_order_before_one_send() {
    let mut bench = Bench::new();
    bench.receive(format!("{GET}{POST}{CHUNKED}{GET}").as_bytes());
    let sent = String::from_utf8(bench.send(usize::MAX)).expect("text");
    assert_eq!(bodies(&sent), ["<GET /a >", "<POST /p hello>", "<POST /c hello>", "<GET /a >"]);
    bench.assert_state(Name::Idle);
}

#[test]
fn a_partial_send_goes_on_where_it_stopped() {
    let whole = Bench::new().exchange(&format!("{GET}{GET}"));
    let mut bench = Bench::new();
    bench.receive(format!("{GET}{GET}").as_bytes());
    let mut sent = Vec::new();
    while bench.connection.demand() == Demand::Send {
        sent.extend(bench.send(7));
        bench.connection.park(&mut bench.common.output);
    }
    assert_eq!(sent, whole.as_bytes());
    bench.assert_state(Name::Idle);
}

#[test]
fn a_large_shared_body_is_sent_before_the_next_request_is_looked_at() {
    let mut bench = Bench::new();
    let large = GET.replace("/a", "/large");
    bench.receive(format!("{large}{GET}").as_bytes());
    assert_eq!(bench.common.metrics.requests, 1);
    let sent = bench.send_all();
    assert_eq!(bodies(&sent)[0].len(), 100_000);
    assert_eq!(bodies(&sent)[1], "<GET /a >");
}

#[test]
fn above_the_high_water_mark_answers_are_sent_before_more_are_made() {
    let mut bench = Bench::new();
    bench.common.limits.output_bytes_high_water = 1024;
    bench.receive(GET.repeat(100).as_bytes());
    let first = bench.send(usize::MAX);
    assert!((1024..1200).contains(&first.len()), "{}", first.len());
    let rest = bench.send_all();
    assert_eq!(bench.common.metrics.requests, 100);
    assert_eq!(statuses(&rest).len() + statuses(&String::from_utf8_lossy(&first)).len(), 100);
}

#[test]
fn nothing_after_close_is_processed_and_the_rest_is_lingered_for() {
    let mut bench = Bench::new();
    let close = GET.replace("Host", "Connection: close\r\nHost");
    let sent = bench.exchange(&format!("{close}{GET}"));
    assert_eq!(bodies(&sent), ["<GET /a >"]);
    bench.assert_state(Name::Lingering);
    bench.end_of_input();
    bench.assert_closed(CloseReason::Answered);

    let mut bench = Bench::new();
    bench.exchange(&close);
    bench.assert_closed(CloseReason::Answered);
}

#[test]
fn a_silent_client_is_closed_without_a_word() {
    let mut bench = Bench::new();
    assert_eq!(bench.run_out(), "");
    bench.assert_closed(CloseReason::FirstByteTimeout);

    let mut bench = Bench::new();
    bench.exchange(GET);
    assert_eq!(bench.time_left(), bench.common.timeouts.idle);
    assert_eq!(bench.run_out(), "");
    bench.assert_closed(CloseReason::IdleTimeout);
}

#[test]
fn a_heads_deadline_is_absolute() {
    let mut bench = Bench::new();
    for byte in GET.bytes().take(9) {
        bench.receive(&[byte]);
        bench.after(Duration::from_secs(1));
    }
    assert_eq!(bench.time_left(), Duration::from_secs(1));
    assert_eq!(statuses(&bench.run_out()), ["408"]);
    bench.assert_state(Name::Lingering);
    bench.run_out();
    bench.assert_closed(CloseReason::HeadTimeout);
}

#[test]
fn typing_renews_the_grace_but_not_beyond_the_heads_deadline() {
    let mut bench = Bench::lenient();
    bench.receive(b"G");
    assert_eq!(bench.time_left(), Duration::from_secs(1));
    for _ in 0..11 {
        bench.after(Duration::from_millis(900)).receive(b"E");
    }
    assert!(bench.now.since(Time::START) < bench.common.timeouts.head);
    assert!(bench.now + bench.time_left() <= Time::START + bench.common.timeouts.head);
    assert_eq!(statuses(&bench.run_out()), ["408"]);
}

#[test]
fn a_body_has_to_make_progress() {
    let mut bench = Bench::new();
    let head = "POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
    bench.exchange(head);
    bench.assert_state(Name::ReadingBody);
    bench.after(Duration::from_secs(20)).receive(&[b'x'; 14_999]);
    assert_eq!(bench.time_left(), Duration::from_secs(10), "500 bytes a second were not reached");
    bench.receive(b"x");
    assert_eq!(bench.time_left(), Duration::from_secs(30));
    assert_eq!(statuses(&bench.run_out()), ["408"]);
    bench.end_of_input();
    bench.assert_closed(CloseReason::BodyTimeout);
}

#[test]
fn an_answer_has_to_be_read_at_some_speed() {
    let mut bench = Bench::new();
    bench.receive(GET.replace("/a", "/large").as_bytes());
    bench.send(100);
    bench.connection.park(&mut bench.common.output);
    bench.after(Duration::from_secs(20));
    bench.send(14_899);
    assert_eq!(bench.time_left(), Duration::from_secs(10));
    bench.send(1);
    assert_eq!(bench.time_left(), Duration::from_secs(30));
    bench.with(|connection, turn| connection.on_deadline(turn));
    bench.assert_closed(CloseReason::WriteTimeout);
}

#[test]
fn a_client_that_waits_for_100_gets_it_once_and_only_if_its_body_is_wanted() {
    let mut bench = Bench::new();
    assert_eq!(bench.exchange(EXPECT), "HTTP/1.1 100 Continue\r\n\r\n");
    bench.assert_state(Name::ReadingBody);
    assert_eq!(bodies(&bench.exchange("hello")), ["<PUT /e hello>"]);

    let together = Bench::new().exchange(&format!("{EXPECT}hello"));
    assert_eq!(statuses(&together), ["200"]);
    let old = Bench::new().exchange(&EXPECT.replace("HTTP/1.1", "HTTP/1.0"));
    assert_eq!(old, "");
    let refused = Bench::new().exchange(&EXPECT.replace(": 5", ": 5000000"));
    assert_eq!(statuses(&refused), ["413"]);
    let behind = Bench::new().exchange(&format!("{GET}{EXPECT}"));
    assert_eq!(statuses(&behind), ["200", "100"]);
}

#[test]
fn a_body_behind_answers_waits_until_they_are_out() {
    let mut bench = Bench::new();
    let (head, rest) = CHUNKED.split_at(CHUNKED.len() - 12);
    assert_eq!(bodies(&bench.exchange(&format!("{GET}{head}"))), ["<GET /a >"]);
    bench.assert_state(Name::ReadingBody);
    assert_eq!(bodies(&bench.exchange(rest)), ["<POST /c hello>"]);
}

#[test]
fn half_closing_peers_get_their_answer() {
    let mut bench = Bench::new();
    bench.receive(GET.as_bytes());
    assert_eq!(bodies(&bench.send_all()), ["<GET /a >"]);
    bench.end_of_input();
    bench.assert_closed(CloseReason::PeerClosed);

    for (input, status) in [("GET /", "400"), (&POST[..POST.len() - 1], "400"), ("\r\n", "400")] {
        let mut bench = Bench::new();
        bench.exchange(input);
        assert_eq!(statuses(&bench.end_of_input()), [status], "{input:?}");
        bench.assert_closed(CloseReason::Fault);
    }
}

#[test]
fn empty_lines_between_requests_are_no_requests() {
    let mut bench = Bench::new();
    let sent = bench.exchange(&format!("\r\n{GET}\r\n\r\n{GET}\r\n"));
    assert_eq!(statuses(&sent), ["200", "200"]);
    bench.assert_state(Name::Idle);
    for piece in [&b"\r\n"[..], b"\r", b"\n", b"\r"] {
        bench.after(Duration::from_secs(1)).receive(piece);
        bench.assert_state(Name::Idle);
    }
    let left = bench.common.timeouts.idle - Duration::from_secs(4);
    assert_eq!(bench.time_left(), left, "empty lines do not make a client any less idle");
    assert_eq!(statuses(&bench.exchange(&format!("\n{GET}\r"))), ["200"]);
    bench.end_of_input();
    bench.assert_closed(CloseReason::PeerClosed);
}

#[test]
fn empty_lines_before_the_first_request_are_typing_and_bounded() {
    let mut bench = Bench::lenient();
    bench.receive(b"\r\n");
    bench.assert_state(Name::ReadingHead);
    assert_eq!(bench.connection.parked_bytes(), 0);
    assert_eq!(statuses(&bench.run_out()), ["408"]);

    let lines_max = Limits::default().head_bytes_max / 2;
    for (lines, status) in [(lines_max - 1, "200"), (lines_max, "200"), (lines_max + 1, "431")] {
        let mut bench = Bench::new();
        let sent = bench.exchange(&format!("{}{GET}", "\r\n".repeat(lines)));
        assert_eq!(statuses(&sent), [status]);
    }
}

#[test]
fn the_answer_to_head_has_no_content_even_if_it_is_a_fault() {
    for head in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost : a\r\n\r\n",
        "\r\nHEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx",
    ] {
        let sent = Bench::new().exchange(head);
        assert_eq!(bodies(&sent), [""], "{head}: {sent}");
    }
}

#[test]
fn a_request_that_will_be_refused_is_not_told_to_continue() {
    for (method, status) in [("BREW", "501"), ("TRACE", "405")] {
        let mut bench = Bench::new();
        let sent = bench.exchange(&EXPECT.replace("PUT", method));
        assert_eq!(statuses(&sent), [status]);
        bench.assert_state(Name::Lingering);
    }
}

#[test]
fn what_comes_while_lingering_is_bounded() {
    let mut bench = Bench::new();
    bench.exchange("hello\r\n");
    bench.assert_state(Name::Lingering);
    let bytes_max = bench.common.limits.linger_bytes_max;
    bench.with(|connection, turn| connection.on_drained(bytes_max, turn));
    bench.assert_state(Name::Lingering);
    bench.with(|connection, turn| connection.on_drained(1, turn));
    bench.assert_closed(CloseReason::Fault);
}

#[test]
fn a_peer_that_goes_on_sending_is_listened_to_span_by_span() {
    // 500 bytes a second over two seconds.
    for (bytes, spans) in [(999, 1), (1000, 2), (1_000_000, 2)] {
        let mut bench = Bench::new();
        bench.exchange("nonsense\r\n");
        bench.assert_state(Name::Lingering);
        for span in 1..=spans {
            bench.assert_state(Name::Lingering);
            assert_eq!(bench.time_left(), bench.common.timeouts.linger);
            if span == 1 {
                for part in [bytes / 2, bytes - bytes / 2] {
                    bench.after(Duration::from_millis(500));
                    bench.with(|connection, turn| connection.on_drained(part, turn));
                }
                assert_eq!(bench.time_left(), Duration::from_secs(1), "bytes renew nothing");
            }
            bench.run_out();
        }
        bench.assert_closed(CloseReason::Fault);
    }
}

#[test]
fn nobody_is_listened_to_for_ever() {
    for progress_min in [0, 500] {
        let mut bench = Bench::new();
        bench.common.limits.progress_bytes_per_second_min = progress_min;
        bench.exchange("nonsense\r\n");
        for _ in 0..LINGER_SPANS_MAX {
            bench.assert_state(Name::Lingering);
            bench.with(|connection, turn| connection.on_drained(100_000, turn));
            bench.run_out();
        }
        bench.assert_closed(CloseReason::Fault);
        assert_eq!(bench.now, Time::START + Duration::from_secs(60));
    }
    let mut silent = Bench::new();
    silent.common.limits.progress_bytes_per_second_min = 0;
    silent.exchange("nonsense\r\n");
    silent.run_out();
    silent.assert_closed(CloseReason::Fault);
}

#[test]
fn unread_input_behind_a_last_answer_is_lingered_for() {
    let mut bench = Bench::new();
    bench.receive(GET.replace("Host", "Connection: close\r\nHost").as_bytes());
    let owed = bench.common.output.len();
    bench.with(|connection, turn| connection.on_sent(owed, Unread::Perhaps, turn));
    bench.assert_state(Name::Lingering);
}

#[test]
fn while_draining_every_answer_is_the_last() {
    let mut bench = Bench::new();
    bench.receive(&POST.as_bytes()[..POST.len() - 1]);
    bench.common.phase = Phase::Draining;
    let sent = bench.exchange("o");
    assert!(sent.contains("Connection: close\r\n"), "{sent}");
    bench.assert_state(Name::Lingering);
    bench.end_of_input();
    bench.assert_closed(CloseReason::Answered);
}

#[test]
fn methods_that_are_not_for_us_are_refused_and_the_connection_goes_on() {
    let mut bench = Bench::new();
    let unknown = POST.replace("POST", "BREW");
    let trace = GET.replace("GET", "TRACE");
    let sent = bench.exchange(&format!("{unknown}{trace}{GET}"));
    assert_eq!(statuses(&sent), ["501", "405", "200"]);
    assert!(sent.contains("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"));
    let connect = "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(statuses(&bench.exchange(&format!("{connect}{GET}"))), ["405"]);
}

#[test]
fn the_first_reason_to_end_stays() {
    let mut bench = Bench::new();
    bench.exchange("hello\r\n");
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Fault);
    let mut bench = Bench::new();
    bench.receive(b"G");
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Reset);
    let mut bench = Bench::new();
    bench.exchange(&POST[..POST.len() - 1]);
    bench.connection.on_close(CloseReason::Reset);
    bench.assert_closed(CloseReason::Reset);
}

#[test]
fn a_waiting_client_holds_little_more_than_what_it_sent() {
    let mut bench = Bench::new();
    bench.receive(b"GET / HT");
    assert!(bench.connection.parked_bytes() <= 128);
    bench.receive(&[b'x'; 1000]);
    assert!(bench.connection.parked_bytes() <= 2048);
    let mut bench = Bench::new();
    bench.exchange(GET);
    assert_eq!(bench.connection.parked_bytes(), 0);
}

#[test]
fn of_content_that_is_dropped_only_the_head_is_kept() {
    let chunked = "POST /dropped HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let length = "POST /dropped HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n";
    let piece = "z".repeat(30_000);
    let chunk = format!("7530\r\n{piece}\r\n");
    for (head, piece, end) in [(length, &piece, ""), (chunked, &chunk, "0\r\n\r\n")] {
        let mut bench = Bench::new();
        assert_eq!(bench.exchange(&format!("{GET}{head}{}", &piece[..40])).matches('<').count(), 1);
        assert_eq!(bench.exchange(&piece[40..]), "");
        for _ in 0..9 {
            bench.assert_state(Name::ReadingBody);
            assert_eq!(bench.connection.kept_bytes(), head.len());
            assert!(bench.connection.parked_bytes() <= 512);
            bench.receive(piece.as_bytes());
        }
        bench.receive(format!("{end}{GET}POST /p HT").as_bytes());
        let said = bench.send_all();
        assert_eq!(bodies(&said), ["<POST /dropped >", "<GET /a >"], "{said}");
        bench.assert_state(Name::ReadingHead);
        assert_eq!(bench.connection.kept_bytes(), "POST /p HT".len());
    }
}

#[test]
fn content_that_is_dropped_is_limited_and_has_to_make_progress_like_any_other() {
    let chunked = "POST /dropped HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut bench = Bench::new();
    assert_eq!(bench.exchange(&format!("{chunked}3\r\nab")), "");
    assert_eq!(statuses(&bench.exchange("c,")), ["400"]);
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.exchange("fffff\r\n")), [""; 0]);
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.exchange("100000\r\n")), ["413"], "a byte too much in all");
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.run_out()), ["408"]);
    let mut bench = Bench::new();
    bench.exchange(&format!("{chunked}1\r\na\r\n"));
    assert_eq!(statuses(&bench.end_of_input()), ["400"]);
}

#[test]
fn a_request_that_no_handler_sees_makes_us_hold_no_content() {
    let mut bench = Bench::new();
    let head = "BREW /a HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
    bench.exchange(head);
    for _ in 0..4 {
        assert_eq!(bench.exchange(&"x".repeat(40_000)), "");
        assert_eq!(bench.connection.kept_bytes(), head.len());
    }
    let said = bench.exchange(&format!("{}{GET}", "x".repeat(40_000)));
    assert_eq!(statuses(&said), ["501", "200"]);
}

/// A request whose answer's body is what this script says.
fn streamed(script: &str) -> String {
    GET.replace("/a", &format!("/source/{script}"))
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_source_is_asked_when_its_time_has_come_and_each_piece_is_a_chunk() {
    let mut bench = Bench::new();
    let sent = bench.exchange(&streamed("one@1000,@1000,three"));
    assert!(sent.contains("\r\nTransfer-Encoding: chunked\r\n"), "{sent}");
    assert!(!sent.contains("Connection:") && !sent.contains("Content-Length:"), "{sent}");
    assert_eq!(bodies(&sent), ["3\r\none\r\n"], "the first piece goes out with the head");
    bench.assert_state(Name::Pausing);
    assert_eq!((bench.connection.parked_bytes(), bench.time_left()), (0, SECOND));
    assert_eq!(bench.run_out(), "", "an empty piece does not end the body");
    bench.assert_state(Name::Pausing);
    assert_eq!(bench.time_left(), SECOND);
    let dropped = DROPPED.get();
    assert_eq!(bench.run_out(), "5\r\nthree\r\n0\r\n\r\n");
    bench.assert_state(Name::Idle);
    assert_eq!(DROPPED.get(), dropped + 1);
    assert_eq!((bench.common.metrics.streams, bench.common.metrics.pieces), (1, 3));
    assert_eq!(bodies(&bench.exchange(GET)), ["<GET /a >"]);
}

#[test]
fn requests_behind_a_stream_are_answered_behind_it() {
    let mut bench = Bench::new();
    let input = format!("{GET}{}{POST}{}{GET}", streamed("a@1000,b"), streamed("c"));
    assert_eq!(bodies(&bench.exchange(&input)), ["<GET /a >", "1\r\na\r\n"]);
    assert_eq!(bench.common.metrics.requests, 2);
    let sent = bench.run_out();
    let (end, behind) = sent.split_at(sent.find("HTTP/1.1").expect("more answers"));
    assert_eq!(end, "1\r\nb\r\n0\r\n\r\n");
    assert_eq!(statuses(behind), ["200", "200", "200"]);
    assert!(behind.contains("<POST /p hello>HTTP/1.1") && behind.ends_with("<GET /a >"));
    bench.assert_state(Name::Idle);
}

#[test]
fn a_source_is_asked_for_more_only_when_its_piece_has_been_taken() {
    let mut bench = Bench::new();
    let high_water = bench.common.limits.output_bytes_high_water;
    bench.receive(streamed("*,*,*").as_bytes());
    let owed = |bench: &Bench| -> usize {
        bench
            .connection
            .owed(&bench.common.output, usize::MAX)
            .iter()
            .map(|piece| piece.len())
            .sum()
    };
    for pieces in 1..=3 {
        for _ in 0..2 {
            assert_eq!(bench.common.metrics.pieces, pieces);
            assert!(owed(&bench) <= high_water, "{} bytes are owed", owed(&bench));
            let half = owed(&bench) / 2;
            bench.send(half);
            bench.connection.park(&mut bench.common.output);
            bench.assert_state(Name::Writing);
            assert!(bench.connection.parked_bytes() <= high_water);
        }
        bench.send(usize::MAX);
    }
    bench.assert_state(Name::Idle);
    assert_eq!(bench.connection.parked_bytes(), 0);
}

#[test]
fn behind_answers_that_fill_the_output_a_source_is_asked_once_they_are_out() {
    let mut bench = Bench::new();
    bench.common.limits.output_bytes_high_water = 1024;
    bench.receive(format!("{}{}", GET.repeat(8), streamed("*")).as_bytes());
    assert_eq!((bench.common.metrics.requests, bench.common.metrics.pieces), (9, 0));
    bench.send(usize::MAX);
    assert_eq!(bench.common.metrics.pieces, 1);
    assert_eq!(bench.send(usize::MAX).len(), 1024 - 32 + "3e0\r\n\r\n0\r\n\r\n".len());
    bench.assert_state(Name::Idle);
}

#[test]
fn to_http_1_0_the_end_of_the_connection_ends_the_body() {
    for (script, waits) in [("a,b", false), ("a@1000,b", true), ("a@1000,b@1000,", true)] {
        let old = streamed(script).replace("HTTP/1.1", "HTTP/1.0");
        for keep in ["", "Connection: keep-alive\r\n"] {
            let mut bench = Bench::new();
            let mut sent = bench.exchange(&old.replace("\r\n\r\n", &format!("\r\n{keep}\r\n")));
            assert!(sent.contains("\r\nConnection: close\r\n"), "{sent}");
            assert!(!sent.contains("chunked"), "{sent}");
            if waits {
                bench.assert_state(Name::Pausing);
                sent += &bench.run_out();
            }
            assert_eq!(statuses(&sent), ["200"]);
            if script.ends_with(',') {
                bench.assert_state(Name::Pausing);
                assert_eq!(bench.run_out(), "");
            }
            assert!(sent.ends_with("\r\n\r\nab"), "{sent}");
            if keep.is_empty() {
                bench.assert_closed(CloseReason::Answered);
            } else {
                // It may be sending more.
                bench.assert_state(Name::Lingering);
            }
        }
    }
}

#[test]
fn the_answer_to_head_does_not_ask_the_source() {
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        let head = streamed("a").replace("GET", "HEAD").replace("HTTP/1.1", version);
        let head = head.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
        let (mut bench, dropped) = (Bench::new(), DROPPED.get());
        let sent = bench.exchange(&head);
        assert_eq!(bodies(&sent), [""]);
        assert_eq!(sent.contains("chunked"), version == "HTTP/1.1", "{sent}");
        assert_eq!((bench.common.metrics.pieces, DROPPED.get()), (0, dropped + 1));
        bench.assert_state(Name::Idle);
    }
}

#[test]
fn a_stream_with_a_length_keeps_the_connection_if_it_keeps_its_word() {
    let sized = |length: usize, script: &str| {
        let path = format!("/sized/{length}/{script}");
        format!("{}{GET}", GET.replace("/a", &path).replace("HTTP/1.1", "HTTP/1.0")).replacen(
            "\r\n\r\n",
            "\r\nConnection: keep-alive\r\n\r\n",
            1,
        )
    };
    for script in ["hello", "hel,lo", "hel,lo,", ",hello"] {
        let mut bench = Bench::new();
        let mut sent = bench.exchange(&sized(5, script));
        if bench.connection.demand() == Demand::Pause {
            sent += &bench.run_out();
        }
        assert!(sent.contains("\r\nContent-Length: 5\r\n"), "{sent}");
        assert_eq!(statuses(&sent), ["200", "200"], "{script}");
        assert!(bodies(&sent)[0].starts_with("hello"), "{sent}");
        bench.assert_state(Name::Idle);
    }
    for (script, given) in
        [("hell", "hell"), ("hel,lo!", "hel"), ("hello,!", "hello"), ("hello!", "")]
    {
        let mut bench = Bench::new();
        let sent = bench.exchange(&sized(5, script));
        assert_eq!(bodies(&sent), [given], "{script}: nothing follows");
        bench.assert_state(Name::Lingering);
        bench.end_of_input();
        bench.assert_closed(CloseReason::SourceBroken);
    }
    // Broken when nothing is owed.
    let mut bench = Bench::new();
    bench.exchange(&sized(5, "hell@1000,"));
    assert!(bench.connection.parked_bytes() > 0, "the next request waits");
    assert_eq!(bench.run_out(), "");
    bench.assert_state(Name::Lingering);
    assert_eq!(bench.connection.parked_bytes(), 0, "nobody will look at it any more");
    bench.run_out();
    bench.assert_closed(CloseReason::SourceBroken);
}

#[test]
fn a_source_without_bytes_is_left_alone_for_a_moment() {
    let mut bench = Bench::new();
    bench.exchange(&streamed(",,,a"));
    for pieces in 1..=3 {
        bench.assert_state(Name::Pausing);
        assert_eq!(bench.common.metrics.pieces, pieces);
        assert_eq!(bench.time_left(), Duration::from_millis(1));
        bench.run_out();
    }
    bench.assert_state(Name::Idle);
}

#[test]
fn the_write_timeout_runs_while_bytes_are_owed_and_not_while_the_source_pauses() {
    let mut bench = Bench::new();
    bench.receive(streamed("*@3600000,*").as_bytes());
    bench.send(1000);
    bench.connection.park(&mut bench.common.output);
    bench.after(20 * SECOND);
    assert_eq!(bench.time_left(), 10 * SECOND);
    bench.send_all();
    assert_eq!(bench.time_left(), 3580 * SECOND, "counted from when it was asked");
    bench.after(3580 * SECOND);
    bench.with(|connection, turn| connection.on_deadline(turn));
    bench.assert_state(Name::Writing);
    assert_eq!(bench.time_left(), 30 * SECOND);
    bench.run_out();
    bench.assert_closed(CloseReason::WriteTimeout);
}

#[test]
fn a_source_whose_time_came_while_its_piece_was_taken_is_asked_at_once() {
    let mut bench = Bench::new();
    bench.receive(streamed("a@1000,b").as_bytes());
    bench.after(SECOND);
    assert!(bench.send_all().ends_with("1\r\na\r\n1\r\nb\r\n0\r\n\r\n"));
    bench.assert_state(Name::Idle);
}

#[test]
fn a_connection_that_ends_drops_its_source() {
    for state in [Name::Writing, Name::Pausing] {
        let (mut bench, dropped) = (Bench::new(), DROPPED.get());
        bench.receive(streamed("a@1000,b").as_bytes());
        if state == Name::Pausing {
            bench.send_all();
        }
        bench.assert_state(state);
        bench.connection.on_close(CloseReason::Reset);
        bench.assert_closed(CloseReason::Reset);
        assert_eq!(DROPPED.get(), dropped + 1);
    }
}

/// A request whose answer's body is so much of the file.
fn part(bytes: usize) -> String {
    GET.replace("/a", &format!("/file/{bytes}"))
}

#[test]
fn a_file_is_sent_behind_its_head_and_the_connection_goes_on() {
    pretence::miss(None);
    for bytes in [0, 1, 8 * 1024, 8 * 1024 + 1, FILE_BYTES] {
        let mut bench = Bench::new();
        let sent = bench.exchange(&format!("{GET}{}{POST}{}{GET}", part(bytes), part(5)));
        assert_eq!(statuses(&sent), ["200"; 5]);
        assert!(sent.contains(&format!("\r\nContent-Length: {bytes}\r\n")), "{bytes}");
        assert!(bodies(&sent)[1].as_bytes() == file_bytes(bytes), "{bytes}");
        assert_eq!(bodies(&sent)[2..], ["<POST /p hello>", "aaaaa", "<GET /a >"]);
        bench.assert_state(Name::Idle);
        assert_eq!(bench.common.metrics.sent_bytes, sent.len() as u64);
        assert_eq!(bench.common.metrics.files, u64::from(bytes > 8 * 1024));
        assert!(file_is_free());
    }
}

#[test]
fn a_file_is_sent_however_little_of_it_is_taken_at_once() {
    pretence::miss(None);
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    let mut sent = Vec::new();
    while bench.connection.demand() != Demand::Receive {
        sent.extend(bench.send(9999));
        bench.connection.park(&mut bench.common.output);
        assert!(bench.connection.parked_bytes() < 1024, "no byte of a file is kept");
    }
    assert!(sent.ends_with(&file_bytes(FILE_BYTES)));
}

#[test]
fn a_file_that_is_not_in_memory_is_waited_for_by_its_client_alone() {
    pretence::miss(300_000..FILE_BYTES as u64);
    let mut bench = Bench::new();
    let mut sent = bench.exchange(&format!("{}{GET}", part(FILE_BYTES)));
    assert!(bodies(&sent)[0].as_bytes() == file_bytes(300_000));
    bench.assert_state(Name::Pausing);
    assert_eq!((bench.connection.parked_bytes() > 0, bench.common.metrics.requests), (true, 1));
    for millis in [1, 2, 4, 8, 16, 32, 32] {
        assert_eq!(bench.time_left(), Duration::from_millis(millis));
        assert_eq!(bench.run_out(), "");
        bench.assert_state(Name::Pausing);
    }
    assert_eq!(bench.common.metrics.file_pauses, 8);
    pretence::miss(None);
    sent += &bench.run_out();
    assert!(bodies(&sent)[0].as_bytes() == file_bytes(FILE_BYTES));
    assert_eq!(bodies(&sent)[1], "<GET /a >");
    bench.assert_state(Name::Idle);
}

#[test]
fn what_has_left_the_memory_before_it_was_taken_is_not_sent() {
    pretence::miss(None);
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    while bench.send(1000).len() == 1000 {}
    assert_eq!(bench.connection.demand(), Demand::SendFile, "the head is out");
    bench.send(1000);
    pretence::miss(0..FILE_BYTES as u64);
    assert_eq!(bench.send(1000).len(), 1000, "it was there in this turn");
    bench.after(Duration::from_millis(1));
    assert_eq!(bench.send(1000), b"");
    bench.assert_state(Name::Pausing);
    pretence::miss(None);
    assert!(bench.run_out().as_bytes() == &file_bytes(FILE_BYTES)[2000..]);
    bench.assert_state(Name::Idle);
}

#[test]
fn a_file_that_ends_early_is_followed_by_nothing() {
    pretence::miss(None);
    for (told, taken) in [(FILE_BYTES + 1, usize::MAX), (700_000, 100_000), (FILE_BYTES * 9, 997)] {
        let mut bench = Bench::new();
        bench.receive(format!("{}{GET}", part(told)).as_bytes());
        let mut sent = Vec::new();
        while bench.connection.state() == Name::Writing {
            sent.extend(bench.send(taken));
        }
        assert!(sent.ends_with(&file_bytes(FILE_BYTES)[300_000..]));
        bench.assert_state(Name::Lingering);
        bench.end_of_input();
        bench.assert_closed(CloseReason::FileBroken);
        assert!(file_is_free());
    }
    // The kernel says so, when all was there a moment before.
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    while bench.send(usize::MAX).len() > 1000 {}
    bench.with(|connection, turn| connection.on_file_sent(0, Unread::Nothing, turn));
    bench.assert_state(Name::Lingering);
}

#[test]
fn the_bytes_of_a_file_are_progress_and_without_any_the_time_runs_out() {
    pretence::miss(None);
    let mut bench = Bench::new();
    bench.receive(part(FILE_BYTES).as_bytes());
    let head = bench.common.output.len();
    assert_eq!(bench.send(usize::MAX).len(), head);
    bench.after(20 * SECOND);
    bench.send(14_999);
    assert_eq!(bench.time_left(), 10 * SECOND);
    bench.send(1);
    assert_eq!(bench.time_left(), 30 * SECOND);
    bench.run_out();
    bench.assert_closed(CloseReason::WriteTimeout);
    assert!(file_is_free());
}

#[test]
fn nothing_behind_a_last_answer_that_streams_is_processed() {
    let mut bench = Bench::new();
    let close = streamed("a@1000,b").replace("Host", "Connection: close\r\nHost");
    bench.exchange(&format!("{close}{GET}"));
    bench.assert_state(Name::Pausing);
    assert_eq!(bench.connection.parked_bytes(), 0);
    assert_eq!(bench.run_out(), "1\r\nb\r\n0\r\n\r\n");
    bench.assert_state(Name::Lingering);
    bench.end_of_input();
    bench.assert_closed(CloseReason::Answered);

    let mut bench = Bench::new();
    bench.exchange(&close);
    bench.run_out();
    bench.assert_closed(CloseReason::Answered);
}

#[test]
fn a_stream_that_has_begun_goes_on_while_the_server_drains() {
    let mut bench = Bench::new();
    bench.exchange(&format!("{}{GET}", streamed("a@1000,b")));
    bench.common.phase = Phase::Draining;
    let sent = bench.run_out();
    assert!(sent.starts_with("1\r\nb\r\n0\r\n\r\nHTTP/1.1 200 "), "{sent}");
    assert!(sent.contains("Connection: close\r\n"), "{sent}");
    bench.assert_state(Name::Lingering);
}

/// What the server says to `input`, sent in the given pieces, up to the end of the input.
fn verdict<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (String, CloseReason) {
    let mut bench = Bench::new();
    let mut said = String::new();
    for piece in pieces {
        if bench.connection.demand() == Demand::Receive {
            bench.receive(piece);
            said += &bench.send_all();
        }
    }
    if matches!(bench.connection.demand(), Demand::Receive | Demand::Drain) {
        said += &bench.end_of_input();
    }
    let Demand::Close(reason) = bench.connection.demand() else {
        panic!("the end of input ends a connection");
    };
    // Whether a 100 is due depends on whether the body was there already.
    (said.replace("HTTP/1.1 100 Continue\r\n\r\n", ""), reason)
}

#[track_caller]
fn assert_cuts_do_not_matter(input: &[u8]) {
    let whole = verdict([input]);
    for cut in 1..input.len() {
        let (first, rest) = input.split_at(cut);
        assert_eq!(verdict([first, rest]), whole, "cut at {cut}: {}", input.escape_ascii());
    }
    assert_eq!(verdict(input.chunks(1)), whole, "byte by byte: {}", input.escape_ascii());
}

#[test]
fn every_request_cut_at_every_byte_gives_the_same_answers() {
    for input in [GET, POST, CHUNKED, EXPECT, "hello\r\n", "\r\n\r\n", "GET /\u{e9} HTTP/1.1\r\n"] {
        assert_cuts_do_not_matter(input.as_bytes());
    }
    let all =
        format!("{GET}{POST}\r\n{CHUNKED}{}{GET}", EXPECT.replace("\r\n\r\n", "\r\n\r\nhello"));
    assert_cuts_do_not_matter(all.as_bytes());
    assert_cuts_do_not_matter(format!("{GET}{}{POST}", streamed("a,b")).as_bytes());
    let dropped = CHUNKED.replace("/c", "/dropped");
    let all = format!("{GET}{dropped}{dropped}\r\n{GET}");
    assert_cuts_do_not_matter(all.as_bytes());
}

/// What is said to `input` while the peer still waits: a fault is told at once, not at a deadline.
#[test]
fn every_fault_is_told_at_once_however_the_input_is_cut() {
    let long = format!("GET /{} HT", "a".repeat(9000));
    for input in [
        "GET / HTTP/2.0",
        "hello\x01",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\0",
        "GET / HTTP/1.1\r\nHost: a\r\nX :",
        "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb",
        "GET / HTTP/1.1\r\nHost: a\r\n ",
        long.as_str(),
    ] {
        let whole = Bench::new().exchange(input);
        assert!(whole.starts_with("HTTP/1.1 "), "{input:.60}");
        for cut in (1..input.len()).step_by(1 + input.len() / 100) {
            let mut bench = Bench::new();
            let mut said = bench.exchange(&input[..cut]);
            if bench.connection.demand() == Demand::Receive {
                said += &bench.exchange(&input[cut..]);
            }
            assert_eq!(said, whole, "{input:.60} cut at {cut}");
        }
    }
}

#[test]
fn every_given_case_cut_at_every_byte_gives_the_same_answers() {
    let mut inputs = 0;
    for line in include_str!("../../tests/cases/cases.jsonl").lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case a line");
        let send = &case["send"];
        let pieces = send.as_array().cloned().unwrap_or_else(|| vec![send.clone()]);
        let texts: Vec<&str> = pieces.iter().filter_map(|piece| piece.as_str()).collect();
        let text: String = texts.concat().replace("@H@", "a:1").replace("@G@", "/");
        let text = text.replace("@P@", "/").replace("@SML@", "44").replace("@SML5@", "49");
        let bytes: Vec<u8> = text.chars().filter_map(|c| u8::try_from(u32::from(c)).ok()).collect();
        if texts.len() == pieces.len() && bytes.len() <= 1000 {
            assert_cuts_do_not_matter(&bytes);
            inputs += 1;
        }
    }
    assert!(inputs > 100, "only {inputs} cases were tried");
}

#[test]
fn every_arrow_of_the_table_can_be_walked() {
    WALKED.with_borrow_mut(Vec::clear);
    a_kept_connection_answers_one_request_after_the_other();
    nothing_after_close_is_processed_and_the_rest_is_lingered_for();
    a_heads_deadline_is_absolute();
    a_body_has_to_make_progress();
    a_client_that_waits_for_100_gets_it_once_and_only_if_its_body_is_wanted();
    empty_lines_between_requests_are_no_requests();
    the_first_reason_to_end_stays();
    requests_behind_a_stream_are_answered_behind_it();
    a_connection_that_ends_drops_its_source();
    a_source_is_asked_when_its_time_has_come_and_each_piece_is_a_chunk();
    a_stream_with_a_length_keeps_the_connection_if_it_keeps_its_word();
    Bench::new().connection.on_close(CloseReason::Evicted);
    for parts in [[&EXPECT[..20], &EXPECT[20..]], [&POST[..50], &POST[50..]], [EXPECT, "hello"]] {
        let mut kept = Bench::new();
        kept.exchange(GET);
        for part in parts {
            kept.exchange(part);
        }
    }
    verdict([GET.as_bytes()]);
    verdict([&POST.as_bytes()[..50], &POST.as_bytes()[50..]]);
    verdict(POST.as_bytes().chunks(1));
    let walked = WALKED.take();
    let missing: Vec<_> = ARROWS
        .iter()
        .flat_map(|Arrow { from, to, by, .. }| by.iter().map(|by| (*from, *by, *to)))
        .filter(|arrow| !walked.contains(arrow))
        .collect();
    assert_eq!(missing, []);
}
